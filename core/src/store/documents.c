/*
 * documents.c - stored manifests: a full one at the start of each chain, patches behind it.
 *
 * SHAPE     A document's id is made from collection and ordinal. Version k is read by walking back
 *           to the nearest full document, fewer than CULL__MANIFEST_CHAIN_MAX steps (chain.c). The
 *           patches on the way are composed to one, neighbours first, and that is done to the full
 *           manifest. Documents of purged versions stay while a retained version of their chain is
 *           behind them (see sweep.c).
 * COST      A full document, one merge with it, and the patches: each edit is copied at most once
 *           for each power of 2 in their number.
 * FAILURE   A manifest whose digest is not the one that was committed is CULL_E_DAMAGED.
 * WHY NOT   each patch done to the manifest before it: a copy of the manifest for each of up to 255.
 */
#include "store/store_internal.h"

#include "manifest/manifest_internal.h"

#define NOTES_BIT (UINT64_C(1) << 63)
#define DOCUMENT_KEPT_BYTES ((size_t)1 << 20) /* what is longer is read once more, in pieces */

uint64_t cull__manifest_document(uint64_t collection, uint32_t ordinal)
{
    CULL_ASSERT(collection < UINT64_C(1) << 31);
    return collection << 32 | ordinal;
}

uint64_t cull__notes_document(uint64_t collection, uint32_t ordinal)
{
    return NOTES_BIT | cull__manifest_document(collection, ordinal);
}

/* One document of a chain: all of it, or of a long one its first part. */
struct link {
    struct cull__buf bytes;
    bool is_whole;
};

static cull_status take_first(void *ctx, const void *data, size_t len, cull_error *err)
{
    struct link *link = ctx;

    if (link->bytes.len > 0 && link->bytes.len + len > DOCUMENT_KEPT_BYTES) {
        link->is_whole = false;
        return CULL_E_CANCELLED;
    }
    cull__buf_put(&link->bytes, data, len);
    return link->bytes.failed ? cull__error_nomem(err) : CULL_OK;
}

static cull_status read_link(cull_store *store, uint64_t id, struct link *link, cull_error *err)
{
    cull_status status;

    link->is_whole = true;
    status = store->log->ops->document_pieces(store->log, id, take_first, link, err);
    return status == CULL_E_CANCELLED ? CULL_OK : status;
}

/* The documents from the full one to a version's, which is the last. */
struct chain {
    struct link at[CULL__MANIFEST_CHAIN_MAX];
    size_t first;
    uint64_t last_id;
};

static uint64_t link_id(const struct chain *chain, size_t i)
{
    return chain->last_id - (ARRAY_LEN(chain->at) - 1 - i); /* ordinals are an id's low bits */
}

static cull_status read_chain(cull_store *store, uint64_t collection, uint32_t ordinal,
                              struct chain *chain, cull_error *err)
{
    const size_t end = ARRAY_LEN(chain->at);

    chain->last_id = cull__manifest_document(collection, ordinal);
    for (size_t i = end; i-- > 0 && end - 1 - i <= ordinal;) {
        struct link *link = &chain->at[i];
        cull_status status;

        link->bytes = (struct cull__buf)CULL__BUF_INIT(store->allocator);
        chain->first = i;
        status = read_link(store, link_id(chain, i), link, err);
        if (status != CULL_OK) {
            return status;
        }
        if (cull__manifest_document_is_full(link->bytes.data, link->bytes.len)) {
            return CULL_OK;
        }
    }
    return cull__error_set(err, CULL_E_DAMAGED,
                           "manifest of collection %llu, v%u: no full one to begin from",
                           (unsigned long long)collection, ordinal);
}

static cull_status feed(void *ctx, const void *data, size_t len, cull_error *err)
{
    return cull__manifest_decoder_feed(ctx, data, len, err);
}

/* What a document holds: of the first a manifest, of the others edits, and what they promise. */
static cull_status decode_link(cull_store *store, const struct chain *chain, size_t i,
                               const cull_manifest *full, cull_manifest **out,
                               struct cull__manifest_promise *promise, cull_error *err)
{
    const struct link *link = &chain->at[i];
    struct cull__manifest_decoder *decoder;
    cull_status status;

    *out = NULL;
    if (cull__manifest_decoder_new(&decoder, full, store->scratch_files, store->allocator) !=
        CULL_OK) {
        return cull__error_nomem(err);
    }
    status = link->is_whole ? feed(decoder, link->bytes.data, link->bytes.len, err)
                            : store->log->ops->document_pieces(store->log, link_id(chain, i), feed,
                                                               decoder, err);
    if (status == CULL_OK) {
        status = full == NULL ? cull__manifest_decoder_end(decoder, out, err)
                              : cull__manifest_decoder_edits(decoder, out, promise, err);
    }
    cull__manifest_decoder_free(decoder);
    return status;
}

/* Edits of patches in a row: level[k] of 2^k, the higher the older. */
struct composed {
    cull_manifest *level[9];
};
static_assert(CULL__MANIFEST_CHAIN_MAX <= 1 << 8, "every chain's patches have a level");

/* Put *newer behind older: it becomes both. They are owned, and gone if that fails. */
static cull_status compose(cull_manifest *older, cull_manifest **newer, cull_error *err)
{
    cull_manifest *both = NULL;
    cull_status status = cull__manifest_compose(&both, older, *newer, err);

    cull_manifest_free(older);
    cull_manifest_free(*newer);
    *newer = both;
    return status;
}

static cull_status composed_push(struct composed *composed, cull_manifest *edits, cull_error *err)
{
    cull_status status = CULL_OK;
    size_t level = 0;

    for (; status == CULL_OK && composed->level[level] != NULL; level++) {
        status = compose(composed->level[level], &edits, err);
        composed->level[level] = NULL;
    }
    composed->level[level] = edits;
    return status;
}

/* All of them as one, in level[0]. */
static cull_status composed_finish(struct composed *composed, cull_error *err)
{
    cull_manifest *all = composed->level[0];
    cull_status status = CULL_OK;

    for (size_t level = 1; level < ARRAY_LEN(composed->level) && status == CULL_OK; level++) {
        cull_manifest *older = composed->level[level];

        composed->level[level] = NULL;
        if (all == NULL) {
            all = older;
        } else if (older != NULL) {
            status = compose(older, &all, err);
        }
    }
    composed->level[0] = all;
    return status;
}

static cull_status decode_chain(cull_store *store, const struct chain *chain, cull_manifest **out,
                                cull_error *err)
{
    struct composed composed = { { NULL } };
    struct cull__manifest_promise promise = { false, 0, 0 };
    cull_manifest *full = NULL;
    cull_status status = decode_link(store, chain, chain->first, NULL, &full, &promise, err);

    for (size_t i = chain->first + 1; i < ARRAY_LEN(chain->at) && status == CULL_OK; i++) {
        cull_manifest *edits;

        status = decode_link(store, chain, i, full, &edits, &promise, err);
        if (status == CULL_OK) {
            status = composed_push(&composed, edits, err);
        }
    }
    if (status == CULL_OK) {
        status = composed_finish(&composed, err);
    }
    if (status == CULL_OK && composed.level[0] != NULL) {
        status = cull__manifest_apply_composed(out, full, composed.level[0], &promise, err);
    } else if (status == CULL_OK) {
        *out = full;
        full = NULL;
    }
    for (size_t level = 0; level < ARRAY_LEN(composed.level); level++) {
        cull_manifest_free(composed.level[level]);
    }
    cull_manifest_free(full);
    return status;
}

cull_status cull__manifest_load(cull_store *store, uint64_t collection, uint32_t ordinal,
                                bool may_miss, cull_manifest **out, cull_error *err)
{
    struct chain *chain = cull__alloc_zero(store->allocator, 1, sizeof *chain);
    cull_status status;

    *out = NULL;
    if (chain == NULL) {
        return cull__error_nomem(err);
    }
    chain->first = ARRAY_LEN(chain->at);
    status = read_chain(store, collection, ordinal, chain, err);
    if (status == CULL_OK) {
        status = decode_chain(store, chain, out, err);
    } else if (status == CULL_E_NOTFOUND && may_miss) {
        status = CULL_OK;
    }
    for (size_t i = chain->first; i < ARRAY_LEN(chain->at); i++) {
        cull__buf_release(&chain->at[i].bytes);
    }
    cull__free(store->allocator, chain);
    return status;
}

/* What a handle keeps for a next patch: the manifest, which would else be read from its documents, and
 * of a smaller one the memory of the one before, too. */
#define RECENT_BYTES_MAX (UINT64_C(128) << 20)
#define SPARE_BYTES_MAX (UINT64_C(32) << 20)

cull_manifest *cull__manifest_recent_take(cull_store *store, uint64_t collection, uint32_t ordinal)
{
    cull_manifest *recent = NULL;

    if (store->recent != NULL && store->recent_collection == collection &&
        store->recent_ordinal == ordinal) {
        recent = store->recent;
        store->recent = NULL;
    }
    return recent;
}

cull_manifest *cull__manifest_spare_take(cull_store *store)
{
    cull_manifest *spare = store->spare;

    store->spare = NULL;
    return spare;
}

void cull__manifest_recent_keep(cull_store *store, uint64_t collection, uint32_t ordinal,
                                cull_manifest *manifest, cull_manifest *before)
{
    cull_manifest_free(store->recent);
    cull_manifest_free(store->spare);
    store->recent = store->spare = NULL;
    if (manifest->spill != NULL || cull__manifest_memory(manifest) > RECENT_BYTES_MAX) {
        cull_manifest_free(manifest);
        cull_manifest_free(before);
        return;
    }
    store->recent = manifest;
    store->recent_collection = collection;
    store->recent_ordinal = ordinal;
    if (before != NULL && cull__manifest_memory(before) > SPARE_BYTES_MAX) {
        cull_manifest_free(before);
        before = NULL;
    }
    store->spare = before;
}

uint64_t cull__manifest_kept_memory(const cull_store *store)
{
    return (store->recent == NULL ? 0 : cull__manifest_memory(store->recent)) +
           (store->spare == NULL ? 0 : cull__manifest_memory(store->spare));
}

cull_status cull__manifest_lost(const struct cull__collection *collection, uint32_t ordinal,
                                bool is_missing, cull_error *err)
{
    char name[CULL__VERSION_NAME_MAX];

    return cull__error_set(
        err, CULL_E_DAMAGED, "%s: its manifest is %s: putting the same files again heals it",
        cull__version_name(name, collection, ordinal), is_missing ? "missing" : "damaged");
}

cull_status cull__version_manifest_locked(cull_store *store,
                                          const struct cull__collection *collection,
                                          const struct cull__version *version, cull_manifest **out,
                                          cull_error *err)
{
    char name[CULL__VERSION_NAME_MAX];
    cull_digest digest;
    cull_status status =
        cull__manifest_load(store, collection->id, version->ordinal, false, out, err);

    if (status == CULL_E_NOTFOUND || status == CULL_E_CORRUPT) {
        return cull__manifest_lost(collection, version->ordinal, status == CULL_E_NOTFOUND, err);
    }
    if (status == CULL_E_IO && err != NULL) {
        cull_error why = *err;

        return cull__error_set(err, CULL_E_IO, "%s: its manifest cannot be read: %.300s",
                               cull__version_name(name, collection, version->ordinal), why.message);
    }
    if (status == CULL_OK) {
        status = cull_manifest_digest(*out, &digest);
        status = status == CULL_OK ? CULL_OK
                                   : cull__error_set(err, status, "digest of the manifest: %s",
                                                     cull_strerror(status));
    }
    if (status == CULL_OK &&
        memcmp(digest.bytes, version->manifest_digest, sizeof version->manifest_digest) != 0) {
        status = cull__error_set(err, CULL_E_DAMAGED,
                                 "%s: its manifest is not the one that was committed",
                                 cull__version_name(name, collection, version->ordinal));
    }
    if (status != CULL_OK) {
        cull_manifest_free(*out);
        *out = NULL;
    }
    return status;
}

/* Reads something of a version; the handle is locked. */
typedef cull_status (*read_fn)(cull_store *store, const struct cull__collection *collection,
                               const struct cull__version *version, void *out, cull_error *err);

/* Read something of a key's version. What is damaged may be of a version that another process has
 * purged meanwhile: then we look again. */
static cull_status read_version(cull_store *store, const cull_version_key *named, read_fn read,
                                void *out, cull_error *err)
{
    cull_version_key source;
    const cull_version_key *key = &source;
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status != CULL_OK) {
        return status;
    }
    source = cull__key_source(store, named);
    for (int turn = 0; turn < 2; turn++) {
        const struct cull__collection *collection;
        const struct cull__version *version;

        status = cull__key_open(store, key, &collection, err);
        if (status != CULL_OK) {
            break;
        }
        version = collection == NULL ? NULL : cull__version_at(collection, key->ordinal);
        if (version == NULL) {
            status = cull__version_missing(store, key, err);
            break;
        }
        status = read(store, collection, version, out, err);
        if (status != CULL_E_DAMAGED || turn > 0) {
            break;
        }
        status = cull__store_sync(store, CULL__NEED_NAMES, err);
        if (status != CULL_OK) {
            break;
        }
    }
    cull__store_leave(store);
    return status;
}

static cull_status read_manifest(cull_store *store, const struct cull__collection *collection,
                                 const struct cull__version *version, void *out, cull_error *err)
{
    return cull__version_manifest_locked(store, collection, version, out, err);
}

cull_status cull_version_manifest(cull_store *store, const cull_version_key *key,
                                  cull_manifest **out, cull_error *err)
{
    *out = NULL;
    return read_version(store, key, read_manifest, out, err);
}

cull_status cull__version_notes_locked(cull_store *store, const struct cull__collection *collection,
                                       const struct cull__version *version, struct cull__buf *out,
                                       cull_error *err)
{
    char name[CULL__VERSION_NAME_MAX];
    cull_status status = cull__log_document(
        store->log, cull__notes_document(collection->id, version->ordinal), out, err);
    bool missing = status == CULL_E_NOTFOUND;

    if (status == CULL_OK) {
        struct cull__cursor in = cull__cursor(out->data, out->len);
        size_t len = 0;

        for (unsigned i = 0; i < 2; i++) {
            (void)cull__cursor_text(&in, &len, out->len);
        }
        status = cull__cursor_done(&in) ? CULL_OK : CULL_E_CORRUPT;
    }
    return missing || status == CULL_E_CORRUPT
               ? cull__error_set(err, CULL_E_DAMAGED, "%s: its description and metadata are %s",
                                 cull__version_name(name, collection, version->ordinal),
                                 missing ? "missing" : "damaged")
               : status;
}

static cull_status read_notes(cull_store *store, const struct cull__collection *collection,
                              const struct cull__version *version, void *out, cull_error *err)
{
    cull__buf_clear(out);
    return cull__version_notes_locked(store, collection, version, out, err);
}

cull_status cull_version_notes(cull_store *store, const cull_version_key *key,
                               cull_write_fn description, cull_write_fn metadata, void *ctx,
                               cull_error *err)
{
    struct cull__buf buf = CULL__BUF_INIT(store->allocator);
    const cull_write_fn write[2] = { description, metadata };
    cull_status status = read_version(store, key, read_notes, &buf, err);
    struct cull__cursor in = cull__cursor(buf.data, buf.len);

    for (size_t i = 0; i < ARRAY_LEN(write) && status == CULL_OK; i++) {
        size_t len = 0;
        const char *text = cull__cursor_text(&in, &len, buf.len);

        if (len > 0) {
            status = write[i](ctx, text, len, err);
        }
    }
    cull__buf_release(&buf);
    return status;
}
