/*
 * catalog_load.c - the catalog's room from bytes that nobody vouches for.
 *
 * SHAPE     One pass that builds with the same functions as apply. The format stands in
 *           catalog_save.c.
 * INVARIANT What loads is valid (cull__catalog_valid) and is saved again as the same bytes: every
 *           text is in form, ascending where it must be, and written once; no node is there that
 *           apply would have freed.
 * COST      One pass, then the ids once more. No count asks for memory before the bytes that it
 *           counts are there; a record takes at most some thirty times its bytes.
 * FAILURE   CULL_E_CORRUPT naming what did not fit and where; nothing is returned.
 */
#include "catalog/catalog_save.h"

struct loader {
    struct cull__cursor in;
    struct cull__catalog *catalog;
    const char **texts; /* by number - 1 */
    size_t text_count;
    size_t text_capacity;
    bool empty_text;            /* among them */
    struct cull__run *last_run; /* versions of one run follow one another */
    cull_status status;
    const char *what; /* is being read */
};

/* Nothing is read after the first failure, so loops end by themselves. */
static bool going(const struct loader *loader)
{
    return loader->status == CULL_OK && !loader->in.failed;
}

/* Name what is read from here on, for the message. */
static void now(struct loader *loader, const char *what)
{
    if (going(loader)) {
        loader->what = what;
    }
}

/* Say that something does not fit, unless it does. */
static bool must(struct loader *loader, bool fact)
{
    if (!fact && going(loader)) {
        loader->status = CULL_E_CORRUPT;
    }
    return fact && going(loader);
}

static bool must_have_memory(struct loader *loader, bool fact)
{
    if (!fact && going(loader)) {
        loader->status = CULL_E_NOMEM;
    }
    return fact && going(loader);
}

static bool load_bool(struct loader *loader)
{
    uint8_t value = cull__cursor_u8(&loader->in);

    (void)must(loader, value <= 1);
    return value == 1;
}

/* a + the next varint, which must fit max. */
static uint64_t load_sum(struct loader *loader, uint64_t a, uint64_t max)
{
    if (!must(loader, a <= max)) {
        return 0;
    }
    return a + cull__cursor_varint_max(&loader->in, max - a);
}

static uint64_t load_id(struct loader *loader, uint64_t *last)
{
    uint64_t id = load_sum(loader, *last + 1, loader->catalog->next_id - 1);

    *last = id;
    return id;
}

static const char *load_text(struct loader *loader)
{
    uint64_t number = cull__cursor_varint_max(&loader->in, loader->text_count);
    void *block = (void *)loader->texts;
    const struct cull__text *there;
    const char *text;
    size_t len;

    if (!going(loader)) {
        return "";
    }
    if (number > 0) {
        return loader->texts[number - 1];
    }
    text = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);
    HASH_FIND(hh, loader->catalog->texts, text, len, there);
    /* a new catalog has "" already, which may come once like any other */
    if (!must(loader, there == NULL || (len == 0 && !loader->empty_text))) {
        return "";
    }
    loader->empty_text = loader->empty_text || len == 0;
    text = cull__catalog_intern(loader->catalog, text, len);
    if (!must_have_memory(loader, text != NULL)) {
        return "";
    }
    loader->status = cull__reserve(loader->catalog->allocator, &block, &loader->text_capacity,
                                   loader->text_count + 1, sizeof text);
    loader->texts = block;
    if (!going(loader)) {
        return "";
    }
    loader->texts[loader->text_count++] = text;
    return text;
}

/* --- settings and counters -------------------------------------------------------------------- */

static void load_settings(struct loader *loader)
{
    cull_store_settings *settings = &loader->catalog->settings;
    const char *hosting;
    size_t len;

    settings->digest = (cull_digest_kind)cull__cursor_u8(&loader->in);
    settings->index_only = load_bool(loader);
    settings->grace_is_zero = load_bool(loader);
    settings->late_deletes = (cull_late_deletes)cull__cursor_u8(&loader->in);
    settings->grace_ms = cull__cursor_varint(&loader->in);
    settings->lease_ms = cull__cursor_varint(&loader->in);
    settings->created_ms = cull__cursor_varint(&loader->in);
    settings->seed = cull__cursor_u64(&loader->in);
    hosting = cull__cursor_text(&loader->in, &len, sizeof settings->hosting - 1);
    if (going(loader)) {
        memcpy(settings->hosting, hosting, len);
    }
    (void)must(loader, settings->late_deletes <= CULL_LATE_INCARNATION &&
                           (loader->catalog->exists ? cull_digest_len(settings->digest) > 0
                                                    : settings->digest == CULL_DIGEST_NONE));
}

static void load_head(struct loader *loader)
{
    struct cull__catalog *catalog = loader->catalog;

    now(loader, "the head");
    catalog->exists = load_bool(loader);
    load_settings(loader);
    catalog->next_id = cull__cursor_varint(&loader->in);
    catalog->clock_ms = cull__cursor_varint(&loader->in);
    catalog->cycles = cull__cursor_varint(&loader->in);
    catalog->verified = cull__cursor_varint_max(&loader->in, catalog->cycles);
    catalog->purged = cull__cursor_varint(&loader->in);
    (void)must(loader, catalog->next_id > 0);
    catalog->actor = load_text(loader);
}

/* --- names ------------------------------------------------------------------------------------ */

static void load_entity(struct loader *loader, uint64_t *last_id)
{
    uint64_t id = load_id(loader, last_id);
    size_t len;
    const char *name = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);

    if (must(loader, cull__name_ok(name, len) &&
                         cull__entity_find_len(loader->catalog, name, len) == NULL)) {
        (void)must_have_memory(loader, cull__entity_add(loader->catalog, id, name, len) != NULL);
    }
}

static void load_project(struct loader *loader, uint64_t *last_id)
{
    uint64_t id = load_id(loader, last_id);
    struct cull__entity *entity =
        cull__entity_by_id(loader->catalog, cull__cursor_varint(&loader->in));
    size_t len;
    const char *name = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);

    if (must(loader, entity != NULL && cull__name_ok(name, len) &&
                         cull__project_find_len(entity, name, len) == NULL)) {
        (void)must_have_memory(loader,
                               cull__project_add(loader->catalog, id, entity, name, len) != NULL);
    }
}

static void load_run(struct loader *loader, uint64_t *last_id, uint64_t *last_ms)
{
    uint64_t id = load_id(loader, last_id);
    struct cull__project *project =
        cull__project_by_id(loader->catalog, cull__cursor_varint(&loader->in));
    uint64_t created_ms = load_sum(loader, *last_ms, loader->catalog->clock_ms);
    bool deleted = load_bool(loader);
    size_t len;
    const char *name = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);

    *last_ms = created_ms;
    if (must(loader, project != NULL && cull__text_ok(name, len) &&
                         (deleted || cull__run_find_len(project, name, len) == NULL))) {
        struct cull__run *run = cull__run_add(loader->catalog, id, project, name, len, deleted);

        if (must_have_memory(loader, run != NULL)) {
            run->created_ms = created_ms;
        }
    }
}

static void load_names(struct loader *loader)
{
    uint64_t last_id = 0;
    uint64_t last_ms = 0;
    size_t count;

    now(loader, "an entity");
    count = cull__cursor_count(&loader->in, CULL__SAVED_NAME_MIN, SIZE_MAX);
    for (size_t i = 0; i < count && going(loader); i++) {
        load_entity(loader, &last_id);
    }
    now(loader, "a project");
    last_id = 0;
    count = cull__cursor_count(&loader->in, CULL__SAVED_NAME_MIN, SIZE_MAX);
    for (size_t i = 0; i < count && going(loader); i++) {
        load_project(loader, &last_id);
    }
    now(loader, "a run");
    last_id = 0;
    count = cull__cursor_count(&loader->in, CULL__SAVED_NAME_MIN, SIZE_MAX);
    for (size_t i = 0; i < count && going(loader); i++) {
        load_run(loader, &last_id, &last_ms);
    }
}

/* --- collections ------------------------------------------------------------------------------ */

/* a before b, as strcmp on both terminated. */
static bool text_before(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order != 0 ? order < 0 : a_len < b_len;
}

static void load_labels(struct loader *loader, struct cull__label **labels)
{
    size_t count = cull__cursor_count(&loader->in, 2, UINT32_MAX);
    const char *last = "";
    size_t last_len = 0;

    (void)must(loader, count > 0);
    for (size_t i = 0; i < count && going(loader); i++) {
        size_t len;
        const char *text = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);

        if (!must(loader, cull__label_ok(text, len) && text_before(last, last_len, text, len)) ||
            !must_have_memory(loader,
                              cull__label_insert(loader->catalog, labels, text, len) != NULL)) {
            return;
        }
        labels = &(*labels)->next;
        last = text;
        last_len = len;
    }
}

static void load_artifact_ids(struct loader *loader, struct cull__collection *collection,
                              struct cull__version *version)
{
    struct cull__catalog *catalog = loader->catalog;
    size_t count = cull__cursor_count(&loader->in, 5, CULL__ARTIFACT_IDS_MAX);
    const char *last = "";
    size_t last_len = 0;

    now(loader, "an artifact's id");
    (void)must(loader, count > 0);
    for (size_t i = 0; i < count && going(loader); i++) {
        size_t len;
        const char *text = cull__cursor_text(&loader->in, &len, CULL_ARTIFACT_ID_MAX - 1);

        if (!must(loader, cull__artifact_id_ok(text, len) &&
                              text_before(last, last_len, text, len) &&
                              cull__artifact_id_find(catalog, text, len) == NULL) ||
            !must_have_memory(loader,
                              cull__artifact_id_add(catalog, collection, version, text, len))) {
            return;
        }
        last = text;
        last_len = len;
    }
    now(loader, "a version");
}

static void load_deletion(struct loader *loader, struct cull__version *version)
{
    version->state = CULL_VERSION_DELETED;
    version->deleted_ms = load_sum(loader, version->created_ms, loader->catalog->clock_ms);
    version->kept_until_ms = load_sum(loader, version->deleted_ms, UINT64_MAX);
    version->reason = cull__cursor_u8(&loader->in);
    (void)must(loader,
               version->reason >= CULL_REASON_USER && version->reason <= CULL_REASON_CASCADE);
}

static void load_version_run(struct loader *loader, struct cull__collection *collection,
                             struct cull__version *version)
{
    struct cull__run *run = loader->last_run;
    uint64_t id = cull__cursor_varint(&loader->in);

    if (run == NULL || run->id != id) {
        run = loader->last_run = cull__run_by_id(loader->catalog, id);
    }
    if (must(loader, run != NULL && run->project == collection->project)) {
        version->run = run;
        run->logged++;
    }
}

/* What save_version wrote; ordinal, id and created_ms are there already. */
static void load_version(struct loader *loader, struct cull__collection *collection,
                         struct cull__version *version)
{
    uint8_t flags = cull__cursor_u8(&loader->in);
    const uint8_t *digest = cull__cursor_take(&loader->in, sizeof version->manifest_digest);

    if (!must(loader, digest != NULL && (flags & ~CULL__SAVED_ALL) == 0 &&
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
    version->creator = load_text(loader);
    if ((flags & CULL__SAVED_RUN) != 0) {
        load_version_run(loader, collection, version);
    }
    if ((flags & CULL__SAVED_TTL) != 0) {
        version->ttl_ms = cull__cursor_varint(&loader->in);
        (void)must(loader, version->ttl_ms != 0);
    }
    if ((flags & CULL__SAVED_DELETED) != 0) {
        load_deletion(loader, version);
    }
    if ((flags & CULL__SAVED_TAGS) != 0) {
        load_labels(loader, &version->tags);
    }
    if ((flags & CULL__SAVED_LOST) != 0) {
        load_labels(loader, &version->lost_aliases);
    }
    if ((flags & CULL__SAVED_IDS) != 0) {
        load_artifact_ids(loader, collection, version);
    }
}

static void load_versions(struct loader *loader, struct cull__collection *collection)
{
    size_t count =
        cull__cursor_count(&loader->in, CULL__SAVED_VERSION_MIN, collection->next_ordinal);
    uint64_t last_id = 0;
    uint64_t last_ms = 0;
    uint64_t next = 0;

    now(loader, "a version");
    if (!going(loader) ||
        !must_have_memory(loader,
                          cull__versions_reserve(loader->catalog, collection, count) == CULL_OK)) {
        return;
    }
    for (size_t i = 0; i < count && going(loader); i++) {
        struct cull__version *version = &collection->versions[collection->version_count++];
        uint64_t ordinal;

        memset(version, 0, sizeof *version);
        ordinal = load_sum(loader, next, (uint64_t)collection->next_ordinal - 1);
        version->ordinal = (uint32_t)ordinal;
        next = ordinal + 1;
        version->id = load_id(loader, &last_id);
        version->created_ms = load_sum(loader, last_ms, loader->catalog->clock_ms);
        last_ms = version->created_ms;
        load_version(loader, collection, version);
        collection->committed += version->state == CULL_VERSION_COMMITTED;
        collection->in_trash += version->state == CULL_VERSION_DELETED;
        loader->catalog->retained++;
        loader->catalog->references += version->blobs;
        if (going(loader) && cull__version_pending(version) &&
            must_have_memory(loader,
                             cull__pending_reserve(loader->catalog, collection) == CULL_OK)) {
            cull__pending_set(loader->catalog, collection, version->ordinal, true);
        }
    }
}

static void load_aliases(struct loader *loader, struct cull__collection *collection)
{
    size_t count = cull__cursor_count(&loader->in, 3, UINT32_MAX);
    const char *last = "";
    size_t last_len = 0;

    now(loader, "an alias");
    for (size_t i = 0; i < count && going(loader); i++) {
        size_t len;
        const char *name = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);
        uint64_t ordinal = cull__cursor_varint_max(&loader->in, UINT32_MAX);
        struct cull__version *version =
            going(loader) ? cull__version_at(collection, (uint32_t)ordinal) : NULL;

        if (!must(loader, version != NULL && version->state == CULL_VERSION_COMMITTED &&
                              cull__label_ok(name, len) &&
                              text_before(last, last_len, name, len)) ||
            !must_have_memory(
                loader, cull__alias_add(loader->catalog, collection, version, name, len) != NULL)) {
            return;
        }
        last = name;
        last_len = len;
    }
}

static void load_collection(struct loader *loader, uint64_t *last_id)
{
    uint64_t id = load_id(loader, last_id);
    struct cull__project *project =
        cull__project_by_id(loader->catalog, cull__cursor_varint(&loader->in));
    bool deleted = load_bool(loader);
    size_t len;
    const char *name = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);
    const char *type = load_text(loader);
    struct cull__collection *collection;

    if (!must(loader, id <= CULL__COLLECTION_ID_MAX && project != NULL &&
                          cull__name_ok(name, len) && cull__text_ok(type, strlen(type)) &&
                          (deleted || cull__collection_find_len(project, name, len) == NULL))) {
        return;
    }
    collection = cull__collection_add(loader->catalog, id, project, name, len, type, deleted);
    if (!must_have_memory(loader, collection != NULL)) {
        return;
    }
    collection->next_ordinal =
        (uint32_t)cull__cursor_varint_max(&loader->in, CULL__NEXT_ORDINAL_MAX);
    load_versions(loader, collection);
    (void)must(loader, !deleted || collection->committed == 0);
    load_aliases(loader, collection);
}

/* --- uploads ---------------------------------------------------------------------------------- */

static void load_upload(struct loader *loader, uint64_t *last_id)
{
    struct cull__catalog *catalog = loader->catalog;
    uint64_t id = load_id(loader, last_id);
    struct cull__collection *collection =
        cull__collection_by_id(catalog, cull__cursor_varint(&loader->in));
    uint64_t run_id = cull__cursor_varint(&loader->in);
    struct cull__run *run = run_id == 0 ? NULL : cull__run_by_id(catalog, run_id);
    uint64_t base = cull__cursor_varint_max(&loader->in, UINT32_MAX);
    uint64_t opened_ms = cull__cursor_varint_max(&loader->in, catalog->clock_ms);
    uint64_t lease_ms = cull__cursor_varint(&loader->in);
    uint64_t lease_until_ms = load_sum(loader, opened_ms, UINT64_MAX);
    const char *actor = load_text(loader);
    uint32_t ordinal = base == 0 ? CULL__NO_ORDINAL : (uint32_t)(base - 1);
    struct cull__upload *upload;

    if (!must(loader, collection != NULL && (run != NULL || run_id == 0) &&
                          (run == NULL || run->project == collection->project) &&
                          (base == 0 || cull__version_at(collection, ordinal) != NULL))) {
        return;
    }
    upload = cull__upload_add(catalog, id, collection, run, ordinal);
    if (must_have_memory(loader, upload != NULL)) {
        upload->actor = actor;
        upload->opened_ms = opened_ms;
        upload->lease_ms = lease_ms;
        upload->lease_until_ms = lease_until_ms;
    }
}

/* --- the whole -------------------------------------------------------------------------------- */

static void load_rest(struct loader *loader)
{
    uint64_t last_id = 0;
    size_t count;

    load_names(loader);
    now(loader, "a collection");
    count = cull__cursor_count(&loader->in, CULL__SAVED_COLLECTION_MIN, UINT32_MAX);
    for (size_t i = 0; i < count && going(loader); i++) {
        now(loader, "a collection");
        load_collection(loader, &last_id);
    }
    now(loader, "an upload");
    last_id = 0;
    count = cull__cursor_count(&loader->in, CULL__SAVED_UPLOAD_MIN, UINT32_MAX);
    for (size_t i = 0; i < count && going(loader); i++) {
        load_upload(loader, &last_id);
    }
    now(loader, "the end");
    (void)must(loader, cull__cursor_done(&loader->in));
}

/* What only the whole shows: ids are given once, and nothing deleted is left without a user. */
static void check_whole(struct loader *loader)
{
    bool unique = true;

    if (!going(loader)) {
        return;
    }
    now(loader, "a deleted run without versions");
    for (const struct cull__run *at = loader->catalog->runs; at != NULL; at = at->hh_id.next) {
        (void)must(loader, !at->deleted || at->logged > 0 || at->uploads > 0);
    }
    if (!going(loader)) {
        return;
    }
    now(loader, "a deleted collection without versions");
    for (const struct cull__collection *at = loader->catalog->collections; at != NULL;
         at = at->hh_id.next) {
        (void)must(loader, !at->deleted || at->version_count > 0 || at->uploads > 0);
    }
    if (going(loader)) {
        now(loader, "an id that is there twice");
        loader->status = cull__catalog_check_ids(loader->catalog, &unique);
        (void)must(loader, unique);
    }
}

static cull_status check_format(struct cull__cursor *in, cull_error *err)
{
    uint32_t format = cull__cursor_u32(in);

    if (in->failed) {
        return cull__error_set(err, CULL_E_CORRUPT, "catalog checkpoint: cut short");
    }
    if (format != CULL__CATALOG_FORMAT) {
        return cull__error_set(err, format > CULL__CATALOG_FORMAT ? CULL_E_TOO_NEW : CULL_E_CORRUPT,
                               "catalog checkpoint: format %lu, where %u is known",
                               (unsigned long)format, CULL__CATALOG_FORMAT);
    }
    return CULL_OK;
}

cull_status cull__catalog_load(struct cull__catalog **out, const void *data, size_t len,
                               const cull_allocator *allocator, cull_error *err)
{
    struct loader loader = { .in = cull__cursor(data, len), .what = "the head" };
    cull_status status = check_format(&loader.in, err);

    *out = NULL;
    if (status != CULL_OK) {
        return status;
    }
    if (cull__catalog_new(&loader.catalog, allocator) != CULL_OK) {
        return cull__error_nomem(err);
    }
    load_head(&loader);
    load_rest(&loader);
    check_whole(&loader);
    cull__free(allocator, (void *)loader.texts);
    if (going(&loader)) {
        *out = loader.catalog;
        return CULL_OK;
    }
    cull__catalog_free(loader.catalog);
    if (loader.status != CULL_OK && loader.status != CULL_E_CORRUPT) {
        return cull__error_nomem(err);
    }
    return cull__error_set(err, CULL_E_CORRUPT, "catalog checkpoint: byte %zu: %s does not fit",
                           (size_t)(loader.in.at - (const uint8_t *)data), loader.what);
}
