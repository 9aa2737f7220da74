/*
 * chain.c - where a chain of manifest documents begins, and where it ends.
 *
 * SHAPE     A full manifest, and patches on the version before behind it. A chain may begin at every
 *           CULL__MANIFEST_FULL_EVERY-th ordinal, must at every CULL__MANIFEST_CHAIN_MAX-th, and
 *           does in between once the patches since its full manifest are over half as long as that
 *           is. (It also begins where the document before is gone.)
 * COST      Reading a version takes at most half more bytes than a full manifest alone, or fifteen
 *           patches. Writing: a full manifest is what costs most of a commit, 60 ms for 40,000
 *           entries, and one every 16 versions was a third of an import of 4,000 commits of as many
 *           files; patches of 3 edits let it be one in 256. The handle remembers what the chain that
 *           it wrote last weighs; else the documents are looked at, once in 16 versions.
 * FAILURE   A document that is damaged begins no chain, and nothing is built on it: what is committed
 *           behind it is stored in full. An equal commit stores it in full, too (commit.c).
 * WHY NOT   one in 16 always: above. By weight alone: of a manifest of ten entries every second one
 *           would be full.
 */
#include "store/store_internal.h"

#include "manifest/manifest_internal.h"

static_assert(CULL__MANIFEST_CHAIN_MAX % CULL__MANIFEST_FULL_EVERY == 0,
              "where a chain must begin, it may");

/* What a look at a document finds. */
struct look {
    uint64_t len;
    bool first_only; /* the first piece is enough */
    bool is_full;
};

static cull_status look_at_piece(void *ctx, const void *data, size_t len, cull_error *err)
{
    struct look *look = ctx;

    (void)err;
    if (look->len == 0) {
        look->is_full = cull__manifest_document_is_full(data, len);
    }
    look->len += len;
    return look->first_only ? CULL_E_CANCELLED : CULL_OK;
}

static cull_status look_at(cull_store *store, uint64_t collection, uint32_t ordinal,
                           bool first_only, struct look *look, cull_error *err)
{
    uint64_t id = cull__manifest_document(collection, ordinal);
    cull_status status;

    *look = (struct look){ .first_only = first_only };
    status = store->log->ops->document_pieces(store->log, id, look_at_piece, look, err);
    return status == CULL_E_CANCELLED ? CULL_OK : status;
}

/* What the chain that ends in ordinal weighs; full_bytes 0: there is none to build on. */
static cull_status weigh(cull_store *store, uint64_t collection, uint32_t ordinal,
                         uint64_t *full_bytes, uint64_t *patch_bytes, cull_error *err)
{
    *full_bytes = *patch_bytes = 0;
    for (uint32_t steps = 0; steps < CULL__MANIFEST_CHAIN_MAX && steps <= ordinal; steps++) {
        struct look look;
        cull_error why = { CULL_OK, "" };
        cull_status status = look_at(store, collection, ordinal - steps, false, &look, &why);

        if (status == CULL_E_NOTFOUND || status == CULL_E_CORRUPT) {
            return CULL_OK;
        }
        if (status != CULL_OK) {
            return cull__error_set(err, status, "%s", why.message);
        }
        if (look.is_full) {
            *full_bytes = look.len;
            return CULL_OK;
        }
        *patch_bytes += look.len;
    }
    return CULL_OK;
}

cull_status cull__chain_due(cull_store *store, uint64_t collection, uint32_t ordinal, bool *due,
                            cull_error *err)
{
    const struct cull__chain *chain = &store->chain;
    uint64_t full_bytes = chain->full_bytes;
    uint64_t patch_bytes = chain->patch_bytes;
    cull_status status = CULL_OK;

    *due = ordinal % CULL__MANIFEST_CHAIN_MAX == 0;
    if (*due || ordinal % CULL__MANIFEST_FULL_EVERY != 0) {
        return CULL_OK;
    }
    if (chain->collection != collection || chain->next != ordinal) {
        status = weigh(store, collection, ordinal - 1, &full_bytes, &patch_bytes, err);
    }
    *due = patch_bytes >= full_bytes / 2;
    return status;
}

cull_status cull__chain_is_whole(cull_store *store, uint64_t collection, uint32_t ordinal,
                                 bool *is_whole, cull_error *err)
{
    uint64_t full_bytes;
    uint64_t patch_bytes;
    cull_status status = weigh(store, collection, ordinal, &full_bytes, &patch_bytes, err);

    *is_whole = full_bytes > 0;
    return status;
}

void cull__chain_note(cull_store *store, uint64_t collection, uint32_t ordinal, uint64_t bytes,
                      bool is_full)
{
    struct cull__chain *chain = &store->chain;
    bool goes_on = chain->collection == collection && chain->next == ordinal;

    if (is_full) {
        *chain = (struct cull__chain){ collection, ordinal + 1, bytes, 0 };
    } else if (goes_on) {
        chain->next = ordinal + 1;
        chain->patch_bytes += bytes;
    } else { /* the chain is another's: it is weighed when it is due */
        *chain = (struct cull__chain){ 0 };
    }
}

/* No document at or behind ordinal, where a chain may begin, needs one before it. What is damaged
 * is not taken for a beginning. */
static cull_status begins(cull_store *store, uint64_t collection, uint32_t ordinal, bool *out,
                          cull_error *err)
{
    struct look look;
    cull_error why = { CULL_OK, "" };
    cull_status status = look_at(store, collection, ordinal, true, &look, &why);

    *out = ordinal == 0 || status == CULL_E_NOTFOUND || (status == CULL_OK && look.is_full);
    if (status == CULL_OK || status == CULL_E_NOTFOUND || status == CULL_E_CORRUPT) {
        return CULL_OK;
    }
    return cull__error_set(err, status, "%s", why.message);
}

cull_status cull__chain_extent(cull_store *store, uint64_t collection, uint32_t ordinal,
                               uint32_t next_ordinal, uint32_t *first, uint32_t *end,
                               cull_error *err)
{
    const uint32_t every = CULL__MANIFEST_FULL_EVERY;
    bool found = false;
    cull_status status;

    *first = ordinal - ordinal % every;
    *end = *first + every;
    status = begins(store, collection, *first, &found, err);
    while (status == CULL_OK && !found) {
        *first -= every;
        status = begins(store, collection, *first, &found, err);
    }
    for (found = false; status == CULL_OK && !found && *end < next_ordinal;) {
        status = begins(store, collection, *end, &found, err);
        *end += found ? 0 : every;
    }
    *end = *end < next_ordinal ? *end : next_ordinal;
    return status;
}
