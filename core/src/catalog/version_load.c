/*
 * version_load.c - a collection's versions and aliases from the catalog's room, and the collections
 * that nobody has asked for yet.
 *
 * SHAPE     A command works on few collections. The others stay sealed: their names and figures are
 *           there, their versions and aliases lie in the room's bytes, which the catalog keeps. The
 *           same functions look at a collection without building it, build what was looked at
 *           before, and do both at once.
 * INVARIANT A sealed collection has no versions and no aliases in memory, and nothing outside of it
 *           points into it: one with ids of artifacts, or that an open upload builds on, is opened
 *           as soon as it is read. Whatever looks at versions opens the collection first;
 *           cull__version_seek() and cull__alias_find_len() see to it.
 * COST      Opening: one pass over the collection's bytes.
 * FAILURE   Opening: CULL_E_NOMEM, and the collection is sealed as before. While the room is read,
 *           CULL_E_CORRUPT too: an id of an artifact that another version has.
 */
#include "catalog/catalog_load.h"

void cull__load_labels(struct cull__loader *loader, struct cull__label **labels)
{
    size_t count = cull__cursor_count(&loader->in, 2, UINT32_MAX);
    const char *last = "";
    size_t last_len = 0;

    (void)cull__load_must(loader, count > 0);
    for (size_t i = 0; i < count && cull__load_going(loader); i++) {
        size_t len;
        const char *text = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);

        if (!cull__load_must(loader, cull__label_ok(text, len) &&
                                         cull__load_text_before(last, last_len, text, len))) {
            return;
        }
        if (loader->builds) {
            if (!cull__load_must_have_memory(
                    loader, cull__label_insert(loader->catalog, labels, text, len) != NULL)) {
                return;
            }
            labels = &(*labels)->next;
        }
        last = text;
        last_len = len;
    }
}

static void load_artifact_ids(struct cull__loader *loader, struct cull__collection *collection,
                              struct cull__version *version)
{
    struct cull__catalog *catalog = loader->catalog;
    size_t count = cull__cursor_count(&loader->in, 5, CULL__ARTIFACT_IDS_MAX);
    const char *last = "";
    size_t last_len = 0;

    loader->has_artifact_ids = true;
    cull__load_now(loader, "an artifact's id");
    (void)cull__load_must(loader, count > 0);
    for (size_t i = 0; i < count && cull__load_going(loader); i++) {
        size_t len;
        const char *text = cull__cursor_text(&loader->in, &len, CULL_ARTIFACT_ID_MAX - 1);

        if (!cull__load_must(loader, cull__artifact_id_ok(text, len) &&
                                         cull__load_text_before(last, last_len, text, len) &&
                                         cull__artifact_id_find(catalog, text, len) == NULL) ||
            (loader->builds &&
             !cull__load_must_have_memory(
                 loader, cull__artifact_id_add(catalog, collection, version, text, len)))) {
            return;
        }
        last = text;
        last_len = len;
    }
    cull__load_now(loader, "a version");
}

static void load_deletion(struct cull__loader *loader, struct cull__version *version)
{
    version->state = CULL_VERSION_DELETED;
    version->deleted_ms = cull__load_sum(loader, version->created_ms, loader->catalog->clock_ms);
    version->kept_until_ms = cull__load_sum(loader, version->deleted_ms, UINT64_MAX);
    version->reason = cull__cursor_u8(&loader->in);
    (void)cull__load_must(
        loader, version->reason >= CULL_REASON_USER && version->reason <= CULL_REASON_POLICY);
}

static void load_version_run(struct cull__loader *loader, struct cull__collection *collection,
                             struct cull__version *version)
{
    struct cull__run *run = loader->last_run;
    uint64_t id = cull__cursor_varint(&loader->in);

    if (run == NULL || run->id != id) {
        run = loader->last_run = cull__run_by_id(loader->catalog, id);
    }
    if (cull__load_must(loader, run != NULL && run->project == collection->project)) {
        version->run = run;
        run->logged += loader->counts;
    }
}

/* What save_version wrote; ordinal, id and created_ms are there already. */
static void load_version(struct cull__loader *loader, struct cull__collection *collection,
                         struct cull__version *version)
{
    uint8_t flags = cull__cursor_u8(&loader->in);
    const uint8_t *digest = cull__cursor_take(&loader->in, sizeof version->manifest_digest);

    if (digest == NULL ||
        !cull__load_must(
            loader, (flags & ~CULL__SAVED_ALL) == 0 &&
                        (flags & (CULL__SAVED_LOST | CULL__SAVED_DELETED)) != CULL__SAVED_LOST)) {
        return;
    }
    memcpy(version->manifest_digest, digest, sizeof version->manifest_digest);
    version->state = CULL_VERSION_COMMITTED;
    version->size_exact = (flags & CULL__SAVED_EXACT) != 0;
    version->sum = cull__cursor_u64(&loader->in);
    version->entries = cull__cursor_varint(&loader->in);
    version->blobs = cull__cursor_varint(&loader->in);
    version->size_bytes = cull__cursor_varint(&loader->in);
    version->creator = cull__load_text(loader);
    if ((flags & CULL__SAVED_RUN) != 0) {
        load_version_run(loader, collection, version);
    }
    if ((flags & CULL__SAVED_TTL) != 0) {
        version->ttl_ms = cull__cursor_varint(&loader->in);
        (void)cull__load_must(loader, version->ttl_ms != 0);
    }
    if ((flags & CULL__SAVED_DELETED) != 0) {
        load_deletion(loader, version);
    }
    if ((flags & CULL__SAVED_TAGS) != 0) {
        cull__load_labels(loader, &version->tags);
    }
    if ((flags & CULL__SAVED_LOST) != 0) {
        cull__load_labels(loader, &version->lost_aliases);
    }
    if ((flags & CULL__SAVED_IDS) != 0) {
        load_artifact_ids(loader, collection, version);
    }
}

/* Where the next version of a collection goes. */
static struct cull__version *next_version(struct cull__loader *loader,
                                          struct cull__collection *collection)
{
    struct cull__version *version;

    if (!loader->builds) {
        return &loader->one; /* what is looked at of it is read first */
    }
    version = &collection->versions[collection->version_count++];
    memset(version, 0, sizeof *version);
    return version;
}

/* A version was read: count it, and note what else follows from it. */
static void take_version(struct cull__loader *loader, struct cull__collection *collection,
                         const struct cull__version *version)
{
    struct cull__catalog *catalog = loader->catalog;

    if (loader->counts) {
        collection->committed += version->state == CULL_VERSION_COMMITTED;
        collection->in_trash += version->state == CULL_VERSION_DELETED;
        catalog->retained++;
        catalog->references += version->blobs;
    }
    if (!cull__load_going(loader)) {
        return;
    }
    if (!loader->builds) {
        loader->committed[loader->committed_count] = version->ordinal;
        loader->committed_count += version->state == CULL_VERSION_COMMITTED;
    } else if (cull__version_pending(collection, version) &&
               cull__load_must_have_memory(loader,
                                           cull__pending_reserve(catalog, collection) == CULL_OK)) {
        cull__pending_set(catalog, collection, version->ordinal, true);
    }
}

/* Room for so many versions, or for the ordinals of those that aliases may name. */
static bool room_for(struct cull__loader *loader, struct cull__collection *collection, size_t count)
{
    void *block = loader->committed;
    cull_status status;

    if (!cull__load_going(loader)) {
        return false;
    }
    if (loader->builds) {
        status = cull__versions_reserve(loader->catalog, collection, count);
    } else {
        status = cull__reserve(loader->catalog->allocator, &block, &loader->committed_capacity,
                               count, sizeof *loader->committed);
        loader->committed = block;
        loader->committed_count = 0;
    }
    return cull__load_must_have_memory(loader, status == CULL_OK);
}

static void load_versions(struct cull__loader *loader, struct cull__collection *collection)
{
    size_t count =
        cull__cursor_count(&loader->in, CULL__SAVED_VERSION_MIN, collection->next_ordinal);
    uint64_t last_id = 0;
    uint64_t last_ms = 0;
    uint64_t next = 0;

    cull__load_now(loader, "a version");
    if (!room_for(loader, collection, count)) {
        return;
    }
    for (size_t i = 0; i < count && cull__load_going(loader); i++) {
        struct cull__version *version = next_version(loader, collection);
        uint64_t ordinal = cull__load_sum(loader, next, (uint64_t)collection->next_ordinal - 1);

        version->ordinal = (uint32_t)ordinal;
        next = ordinal + 1;
        version->id = cull__load_id(loader, &last_id);
        version->created_ms = cull__load_sum(loader, last_ms, loader->catalog->clock_ms);
        last_ms = version->created_ms;
        load_version(loader, collection, version);
        take_version(loader, collection, version);
    }
}

static bool is_committed(const struct cull__loader *loader,
                         const struct cull__collection *collection, uint32_t ordinal)
{
    size_t low = 0;
    size_t high = loader->committed_count;

    if (loader->builds) {
        const struct cull__version *version = cull__version_at(collection, ordinal);

        return version != NULL && version->state == CULL_VERSION_COMMITTED;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (loader->committed[middle] == ordinal) {
            return true;
        }
        if (loader->committed[middle] < ordinal) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

static void load_aliases(struct cull__loader *loader, struct cull__collection *collection)
{
    size_t count = cull__cursor_count(&loader->in, 3, UINT32_MAX);
    const char *last = "";
    size_t last_len = 0;

    cull__load_now(loader, "an alias");
    for (size_t i = 0; i < count && cull__load_going(loader); i++) {
        size_t len;
        const char *name = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);
        uint32_t ordinal = (uint32_t)cull__cursor_varint_max(&loader->in, UINT32_MAX);

        if (!cull__load_must(loader, cull__load_going(loader) &&
                                         is_committed(loader, collection, ordinal) &&
                                         cull__label_ok(name, len) &&
                                         cull__load_text_before(last, last_len, name, len)) ||
            (loader->builds && !cull__load_must_have_memory(
                                   loader, cull__alias_add(loader->catalog, collection,
                                                           cull__version_at(collection, ordinal),
                                                           name, len) != NULL))) {
            return;
        }
        last = name;
        last_len = len;
    }
}

void cull__load_versions(struct cull__loader *loader, struct cull__collection *collection)
{
    loader->has_artifact_ids = false;
    load_versions(loader, collection);
    (void)cull__load_must(loader, !collection->deleted || collection->committed == 0);
    load_aliases(loader, collection);
}

/* --- sealed collections ------------------------------------------------------------------------ */

void cull__sealed_free(struct cull__catalog *catalog)
{
    struct cull__sealed *sealed = catalog->sealed;

    if (sealed != NULL) {
        cull__free(catalog->allocator, (void *)sealed->texts);
        if (sealed->data != NULL) {
            cull__free(sealed->owner, sealed->data);
        }
        cull__free(catalog->allocator, sealed);
        catalog->sealed = NULL;
    }
}

cull_status cull__collection_open(struct cull__catalog *catalog,
                                  struct cull__collection *collection)
{
    struct cull__loader loader = { .in = cull__cursor(collection->sealed, collection->sealed_bytes),
                                   .catalog = catalog,
                                   .sealed = catalog->sealed,
                                   .builds = true };
    const uint8_t *was = collection->sealed;

    if (was == NULL) {
        return CULL_OK;
    }
    collection->sealed = NULL; /* from here on it is looked into */
    cull__load_versions(&loader, collection);
    if (!cull__load_going(&loader)) {
        for (size_t i = 0; i < collection->version_count; i++) {
            cull__pending_set(catalog, collection, collection->versions[i].ordinal, false);
        }
        cull__collection_empty(catalog, collection);
        collection->sealed = was;
        CULL_ASSERT(loader.status != CULL_OK); /* the bytes were all read before */
        return loader.status == CULL_E_CORRUPT ? CULL_E_CORRUPT : CULL_E_NOMEM;
    }
    CULL_ASSERT(cull__cursor_done(&loader.in));
    collection->sealed_bytes = 0;
    /* while the room is read, more may come */
    if (--catalog->sealed->count == 0 && catalog->sealed->data != NULL) {
        cull__sealed_free(catalog);
    }
    return CULL_OK;
}

cull_status cull__catalog_open(struct cull__catalog *catalog)
{
    cull_status status = CULL_OK;

    for (struct cull__collection *at = catalog->collections;
         at != NULL && catalog->sealed != NULL && status == CULL_OK; at = at->hh_id.next) {
        status = cull__collection_open(catalog, at);
    }
    return status;
}
