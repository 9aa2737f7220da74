/*
 * usage.c - figures: usage of a part of the store, what deleting would free, the store's state.
 *
 * SHAPE     A part of the store is a choice of versions; two marks over its collections (what its
 *           COMMITTED versions hold, what all retained ones hold) and one recount of its lifespans
 *           against the kept counts give every figure, from the interval rule alone.
 * COST      O(lifespans of the collections in the part) and one pass over the blobs.
 */
#include "store/plan.h"

struct part {
    cull_store *store;
    const cull_scope *scope;
    const struct cull__run *run;
    const cull_version_key *keys; /* of a selection: its versions, sorted */
    size_t key_count;
    bool selected;
    uint64_t *committed; /* bits: held by a COMMITTED version of the part */
    uint64_t *retained;  /* bits: held by a retained one */
    size_t bits;
};

/* --- which versions ----------------------------------------------------------------------------- */

static bool in_part(const struct part *part, const struct cull__collection *collection,
                    const struct cull__version *version)
{
    if (part->selected) {
        return cull__version_keys_have(part->keys, part->key_count, collection->id,
                                       version->ordinal);
    }
    switch (part->scope->kind) {
    case CULL_SCOPE_VERSION:
        return collection->id == part->scope->version.collection &&
               version->ordinal == part->scope->version.ordinal;
    case CULL_SCOPE_RUN:
        return version->run == part->run;
    default:
        return true; /* the collections were chosen by name */
    }
}

static bool keep_committed(void *ctx, const struct cull__collection *collection,
                           const struct cull__version *version)
{
    return version->state == CULL_VERSION_COMMITTED && in_part(ctx, collection, version);
}

static bool keep_retained(void *ctx, const struct cull__collection *collection,
                          const struct cull__version *version)
{
    return in_part(ctx, collection, version);
}

static cull_status mark_collection(const struct part *part,
                                   const struct cull__collection *collection, cull__keep_fn keep,
                                   uint64_t *marked)
{
    const struct cull__lifespans *spans = cull__index_spans(part->store->index, collection->id);
    struct cull__bits bits = CULL__BITS_INIT(part->store->allocator);
    cull_status status = cull__keep_bits(collection, keep, (void *)(uintptr_t)part, &bits);

    if (status == CULL_OK && spans != NULL) {
        cull__mark(spans, bits.words, marked, part->bits);
    }
    cull__bits_release(&bits);
    return status;
}

/* All that the store holds, garbage too? */
static bool is_whole(const struct part *part)
{
    return part->scope->kind == CULL_SCOPE_STORE && !part->selected;
}

/* The collections of a scope; those of the trash with them. */
static cull_status choose(struct part *part, struct cull__collection ***collections, size_t *count,
                          cull_error *err)
{
    const cull_scope *scope = part->scope;
    const struct cull__catalog *catalog = part->store->catalog;
    bool named = scope->kind != CULL_SCOPE_STORE && scope->kind != CULL_SCOPE_VERSION;

    if (scope->kind == CULL_SCOPE_RUN) {
        const struct cull__entity *entity = cull__entity_find(catalog, scope->entity);
        const struct cull__project *project =
            entity == NULL ? NULL : cull__project_find(entity, scope->project);

        part->run = project == NULL ? NULL : cull__run_find(project, scope->run);
        if (part->run == NULL) {
            return cull__error_set(err, CULL_E_NOTFOUND, "%s/%s/%s: no such run", scope->entity,
                                   scope->project, scope->run);
        }
    }
    if (scope->kind == CULL_SCOPE_VERSION &&
        cull__key_version(part->store, &scope->version) == NULL) {
        return cull__version_missing(part->store, &scope->version, err);
    }
    return cull__collections_sorted(catalog, named ? scope->entity : NULL,
                                    named ? scope->project : NULL,
                                    scope->kind == CULL_SCOPE_COLLECTION ? scope->collection : NULL,
                                    true, collections, count, err);
}

static void add_versions(const struct part *part, const struct cull__collection *collection,
                         cull_usage *out)
{
    for (size_t i = 0; i < collection->version_count; i++) {
        const struct cull__version *version = &collection->versions[i];

        if (!in_part(part, collection, version)) {
            continue;
        }
        out->references += version->blobs;
        if (version->state == CULL_VERSION_COMMITTED) {
            out->versions++;
            out->tracked_bytes = cull__sum_saturated(out->tracked_bytes, version->size_bytes);
            out->size_exact = out->size_exact && version->size_exact;
        } else {
            out->versions_in_trash++;
        }
    }
}

/* --- what deleting would free ------------------------------------------------------------------- */

/* Blobs and bytes that purging these versions (sorted) would free, other versions staying. What is
 * dead already is not among them. *exact becomes false if a size is not known. */
static cull_status would_free(cull_store *store, const cull_version_key *keys, size_t count,
                              uint64_t *blobs, uint64_t *bytes, bool *exact)
{
    const struct cull__index *index = store->index;
    struct cull__u32s ordinals = CULL__U32S_INIT(store->allocator);
    struct cull__u32s killed = CULL__U32S_INIT(store->allocator);
    cull_status status = CULL_OK;

    CULL_ASSERT(keys != NULL || count == 0);
    *blobs = *bytes = 0;
    for (size_t i = 0; i < count && status == CULL_OK;) {
        uint64_t collection = keys[i].collection;

        ordinals.count = 0;
        for (; i < count && keys[i].collection == collection && status == CULL_OK; i++) {
            if (cull__key_version(store, &keys[i]) != NULL) {
                status = cull__u32s_push(&ordinals, keys[i].ordinal);
            }
        }
        if (status == CULL_OK && ordinals.count > 0) {
            status = cull__lifespans_would_kill(cull__index_spans(index, collection), ordinals.at,
                                                ordinals.count, &killed);
        }
    }
    cull__u32s_sort(&killed);
    for (size_t i = 0; i < killed.count && status == CULL_OK;) {
        size_t first = i;

        while (i < killed.count && killed.at[i] == killed.at[first]) {
            i++;
        }
        if (cull__counts_get(index->counts, killed.at[first]) == i - first) {
            ++*blobs;
            *bytes += cull__blob_table_known_size(index->blobs, killed.at[first], exact);
        }
    }
    cull__u32s_release(&ordinals);
    cull__u32s_release(&killed);
    return status;
}

cull_status cull_would_free(cull_store *store, const cull_version_key *versions, size_t count,
                            uint64_t *blobs, uint64_t *bytes, bool *exact, cull_error *err)
{
    cull_version_key *sorted = cull__alloc(store->allocator, count, sizeof *sorted);
    cull_status status;

    *blobs = *bytes = 0;
    *exact = true;
    if (sorted == NULL) {
        return cull__error_nomem(err);
    }
    if (count > 0) {
        memcpy(sorted, versions, count * sizeof *sorted);
    }
    status = cull__store_enter(store, CULL__NEED_INDEX, err);
    if (status == CULL_OK) {
        if (would_free(store, sorted, cull__version_keys_sort(sorted, count), blobs, bytes,
                       exact) != CULL_OK) {
            status = cull__error_nomem(err);
        }
        cull__store_leave(store);
    }
    cull__free(store->allocator, sorted);
    return status;
}

/* --- usage ------------------------------------------------------------------------------------ */

static bool has_object(const struct cull__index *index, uint32_t number)
{
    enum cull__blob_state state = cull__blob_table_state(index->blobs, number);

    return state == CULL__BLOB_LIVE || state == CULL__BLOB_DELETING;
}

static void add_blobs(const struct part *part, cull_usage *out)
{
    const struct cull__index *index = part->store->index;
    bool whole = is_whole(part);

    for (uint32_t number = 0; number < part->bits; number++) {
        uint64_t size_bytes;

        if (!has_object(index, number) || (!whole && !cull__bit_get(part->retained, number))) {
            continue;
        }
        size_bytes = cull__blob_table_known_size(index->blobs, number, &out->size_exact);
        out->blobs++;
        out->stored_bytes += size_bytes;
        if (cull__bit_get(part->retained, number) && !cull__bit_get(part->committed, number)) {
            out->trash_bytes += size_bytes;
        }
        if (whole && cull__blob_table_state(index->blobs, number) == CULL__BLOB_DELETING) {
            out->reclaimable_bytes += size_bytes; /* a cycle finishes these first */
        }
    }
}

/* What a cycle would find dead: of the whole store, or of what the part holds. */
static cull_status add_reclaimable(const struct part *part, uint64_t now_ms, cull_usage *out)
{
    const struct cull__index *index = part->store->index;
    struct cull__u32s dead = CULL__U32S_INIT(part->store->allocator);
    cull_status status = cull__plan_dead(part->store, now_ms, &dead);

    for (size_t i = 0; i < dead.count && status == CULL_OK; i++) {
        if (has_object(index, dead.at[i]) &&
            (is_whole(part) || cull__bit_get(part->retained, dead.at[i]))) {
            out->reclaimable_bytes +=
                cull__blob_table_known_size(index->blobs, dead.at[i], &out->size_exact);
        }
    }
    cull__u32s_release(&dead);
    return status;
}

/* Bytes that would go if all versions of the part were purged. */
static cull_status add_exclusive(const struct part *part,
                                 struct cull__collection *const *collections, size_t count,
                                 cull_usage *out)
{
    cull_version_key *all = NULL;
    size_t capacity = 0;
    size_t all_count = 0;
    uint64_t blobs;
    cull_status status = CULL_OK;

    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        for (size_t j = 0; j < collections[i]->version_count && status == CULL_OK; j++) {
            void *grown = all;

            if (!in_part(part, collections[i], &collections[i]->versions[j])) {
                continue;
            }
            status = cull__reserve(part->store->allocator, &grown, &capacity, all_count + 1,
                                   sizeof *all);
            all = grown;
            if (status == CULL_OK) {
                all[all_count++] =
                    (cull_version_key){ collections[i]->id, collections[i]->versions[j].ordinal };
            }
        }
    }
    all_count = cull__version_keys_sort(all, all_count);
    if (status == CULL_OK && all_count > 0) {
        status = would_free(part->store, all, all_count, &blobs, &out->exclusive_bytes,
                            &out->size_exact);
    }
    cull__free(part->store->allocator, all);
    return status;
}

static cull_status fill_usage(struct part *part, uint64_t now_ms, cull_usage *out, cull_error *err)
{
    struct cull__collection **collections = NULL;
    size_t count = 0;
    cull_status status = choose(part, &collections, &count, err);

    if (status != CULL_OK) {
        return status;
    }
    part->bits = cull__blob_table_limit(part->store->index->blobs);
    part->committed = cull__alloc_zero(part->store->allocator, cull__bits_words(part->bits) + 1,
                                       sizeof(uint64_t));
    part->retained = cull__alloc_zero(part->store->allocator, cull__bits_words(part->bits) + 1,
                                      sizeof(uint64_t));
    if (part->committed == NULL || part->retained == NULL) {
        status = CULL_E_NOMEM;
    }
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        add_versions(part, collections[i], out);
        status = mark_collection(part, collections[i], keep_committed, part->committed);
        if (status == CULL_OK) {
            status = mark_collection(part, collections[i], keep_retained, part->retained);
        }
    }
    if (status == CULL_OK) {
        add_blobs(part, out);
        status = add_exclusive(part, collections, count, out);
    }
    if (status == CULL_OK) {
        status = add_reclaimable(part, now_ms, out);
    }
    cull__free(part->store->allocator, part->committed);
    cull__free(part->store->allocator, part->retained);
    cull__free(part->store->allocator, collections);
    return status == CULL_OK ? CULL_OK : cull__error_set(err, status, "%s", cull_strerror(status));
}

cull_status cull_usage_of(cull_store *store, const cull_scope *scope, uint64_t now_ms,
                          cull_usage *out, cull_error *err)
{
    struct part part = { .store = store, .scope = scope };
    cull_status status = cull__store_enter(store, CULL__NEED_INDEX, err);

    memset(out, 0, sizeof *out);
    out->size_exact = true;
    if (status == CULL_OK) {
        status = fill_usage(&part, now_ms, out, err);
        cull__store_leave(store);
    }
    return status;
}

cull_status cull_usage_selected(cull_store *store, const cull_selection *selection, uint64_t now_ms,
                                cull_usage *out, cull_error *err)
{
    const cull_scope all = { .kind = CULL_SCOPE_STORE };
    struct part part = { .store = store, .scope = &all, .selected = true };
    cull_version_key *keys = NULL;
    cull_status status = cull__store_enter(store, CULL__NEED_INDEX, err);

    memset(out, 0, sizeof *out);
    out->size_exact = true;
    if (status != CULL_OK) {
        return status;
    }
    status = cull__select_keys(store, selection, &keys, &part.key_count, err);
    if (status == CULL_OK) {
        part.key_count = cull__version_keys_sort(keys, part.key_count);
        part.keys = keys;
        status = fill_usage(&part, now_ms, out, err);
    }
    cull__free(store->allocator, keys);
    cull__store_leave(store);
    return status;
}

/* --- figures of the store ------------------------------------------------------------------------ */

static void stat_catalog(const struct cull__catalog *catalog, cull_stat *out)
{
    out->cycles = catalog->cycles;
    out->entities = HASH_COUNT(catalog->entities);
    out->projects = HASH_CNT(hh_id, catalog->projects);
    out->runs = HASH_CNT(hh_id, catalog->runs);
    out->uploads = HASH_COUNT(catalog->uploads);
    out->versions_purged = catalog->purged;
    for (const struct cull__collection *collection = catalog->collections; collection != NULL;
         collection = collection->hh_id.next) {
        out->collections += !collection->deleted;
        out->versions += collection->committed;
        out->versions_in_trash += collection->in_trash;
        for (size_t i = 0; i < collection->version_count; i++) {
            out->references += collection->versions[i].blobs;
        }
    }
    out->memory_catalog = cull__catalog_memory(catalog);
}

static void stat_index(const struct cull__index *index, cull_stat *out)
{
    uint32_t limit = cull__blob_table_limit(index->blobs);

    for (uint32_t number = 0; number < limit; number++) {
        enum cull__blob_state state = cull__blob_table_state(index->blobs, number);

        out->blobs += state != CULL__BLOB_FREE;
        out->blobs_expected += state == CULL__BLOB_EXPECTED;
        out->blobs_live += state == CULL__BLOB_LIVE;
        out->blobs_deleting += state == CULL__BLOB_DELETING;
        out->blobs_dead += (state == CULL__BLOB_LIVE || state == CULL__BLOB_EXPECTED) &&
                           cull__counts_get(index->counts, number) == 0;
        if (has_object(index, number)) {
            out->stored_bytes +=
                cull__blob_table_known_size(index->blobs, number, &out->size_exact);
        }
    }
    for (size_t i = 0; i < index->span_count; i++) {
        out->lifespans_open += cull__lifespans_open_count(index->spans[i].spans);
        out->lifespans_closed += cull__lifespans_closed_count(index->spans[i].spans);
    }
    (void)cull__index_memory(index, &out->memory_blobs, &out->memory_lifespans,
                             &out->memory_counts);
}

cull_status cull_stat_of(cull_store *store, cull_stat *out, cull_error *err)
{
    struct cull__log_stat log = { 0 };
    cull_status status = cull__store_enter(store, CULL__NEED_INDEX, err);

    memset(out, 0, sizeof *out);
    out->size_exact = true;
    if (status != CULL_OK) {
        return status;
    }
    stat_catalog(store->catalog, out);
    stat_index(store->index, out);
    out->memory_manifests = cull__manifest_kept_memory(store);
    status = store->log->ops->stat(store->log, &log, err);
    out->seq = log.seq;
    out->log_bytes = log.log_bytes;
    out->audit_bytes = log.audit_bytes;
    out->checkpoint_bytes = log.checkpoint_bytes;
    out->manifest_bytes = log.document_bytes;
    cull__store_leave(store);
    return status;
}
