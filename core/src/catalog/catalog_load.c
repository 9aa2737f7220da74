/*
 * catalog_load.c - the catalog's room from bytes that nobody vouches for.
 *
 * SHAPE     One pass that builds with the same functions as apply; or, sealed, one that looks at
 *           everything and builds names and uploads, but leaves each collection's versions and aliases
 *           where they lie, to be built by the first call that asks for the collection
 *           (version_load.c). The format stands in catalog_save.c.
 * INVARIANT What loads is valid (cull__catalog_valid) and is saved again as the same bytes: every
 *           text is in form, ascending where it must be, and written once; no node is there that
 *           apply would have freed. Sealed or not, the same bytes are refused.
 * COST      One pass. No count asks for memory before the bytes that it counts are there; a record
 *           takes at most some thirty times its bytes, and a sealed version none. 2 million versions
 *           are looked at in a third of the time that building them takes, most of which is the
 *           system's zeroing of 300 MB.
 * FAILURE   CULL_E_CORRUPT naming what did not fit and where; nothing is returned. Opening what is
 *           sealed fails for want of memory alone.
 * WHY NOT   offsets of collections in the room, so that the others need not even be looked at:
 *           damage would then show in the middle of a command, when it is too late to fall back to
 *           the older checkpoint.
 */
#include "catalog/catalog_load.h"

/* --- what both readers share ------------------------------------------------------------------ */

static bool met_new(struct cull__loader *loader, uint64_t id)
{
    struct cull__ids_met *met = loader->met;
    void *block = met->list;

    if (met->bits != NULL) {
        bool there = cull__bit_get(met->bits, (size_t)id);

        cull__bit_set(met->bits, (size_t)id);
        return !there;
    }
    (void)cull__load_must_have_memory(
        loader, cull__reserve(loader->catalog->allocator, &block, &met->capacity, met->count + 1,
                              sizeof *met->list) == CULL_OK);
    met->list = block;
    if (cull__load_going(loader)) {
        met->list[met->count++] = id;
    }
    return true; /* a list is looked through in the end */
}

uint64_t cull__load_id(struct cull__loader *loader, uint64_t *last)
{
    uint64_t id = cull__load_sum(loader, *last + 1, loader->catalog->next_id - 1);

    *last = id;
    if (loader->met != NULL && cull__load_going(loader) && !met_new(loader, id)) {
        loader->what = "an id that is there twice";
        loader->status = CULL_E_CORRUPT;
    }
    return id;
}

const char *cull__load_text(struct cull__loader *loader)
{
    struct cull__sealed *sealed = loader->sealed;
    uint64_t number = cull__cursor_varint_max(&loader->in, sealed->text_count);
    void *block = (void *)sealed->texts;
    const struct cull__text *there;
    const char *text;
    size_t len;

    if (!cull__load_going(loader)) {
        return "";
    }
    if (number > 0) {
        return sealed->texts[number - 1];
    }
    text = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);
    HASH_FIND(hh, loader->catalog->texts, text, len, there);
    if (!loader->counts) { /* it was met where it is written, in an earlier pass */
        return cull__load_must(loader, there != NULL) ? there->text : "";
    }
    /* a new catalog has "" already, which may come once like any other */
    if (!cull__load_must(loader, there == NULL || (len == 0 && !loader->empty_text))) {
        return "";
    }
    loader->empty_text = loader->empty_text || len == 0;
    text = cull__catalog_intern(loader->catalog, text, len);
    if (!cull__load_must_have_memory(loader, text != NULL)) {
        return "";
    }
    (void)cull__load_must_have_memory(
        loader, cull__reserve(loader->catalog->allocator, &block, &sealed->text_capacity,
                              sealed->text_count + 1, sizeof text) == CULL_OK);
    sealed->texts = block;
    if (!cull__load_going(loader)) {
        return "";
    }
    sealed->texts[sealed->text_count++] = text;
    return text;
}

bool cull__load_text_before(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order != 0 ? order < 0 : a_len < b_len;
}

/* --- settings and counters -------------------------------------------------------------------- */

static void load_settings(struct cull__loader *loader)
{
    cull_store_settings *settings = &loader->catalog->settings;
    const char *hosting;
    size_t len;

    settings->digest = (cull_digest_kind)cull__cursor_u8(&loader->in);
    settings->index_only = cull__load_bool(loader);
    settings->grace_is_zero = cull__load_bool(loader);
    settings->late_deletes = (cull_late_deletes)cull__cursor_u8(&loader->in);
    settings->grace_ms = cull__cursor_varint(&loader->in);
    settings->lease_ms = cull__cursor_varint(&loader->in);
    settings->created_ms = cull__cursor_varint(&loader->in);
    settings->seed = cull__cursor_u64(&loader->in);
    hosting = cull__cursor_text(&loader->in, &len, sizeof settings->hosting - 1);
    if (cull__load_going(loader)) {
        memcpy(settings->hosting, hosting, len);
    }
    (void)cull__load_must(loader,
                          settings->late_deletes <= CULL_LATE_INCARNATION &&
                              (loader->catalog->exists ? cull_digest_len(settings->digest) > 0
                                                       : settings->digest == CULL_DIGEST_NONE));
}

static void load_head(struct cull__loader *loader)
{
    struct cull__catalog *catalog = loader->catalog;

    cull__load_now(loader, "the head");
    catalog->exists = cull__load_bool(loader);
    load_settings(loader);
    catalog->next_id = cull__cursor_varint(&loader->in);
    catalog->clock_ms = cull__cursor_varint(&loader->in);
    catalog->cycles = cull__cursor_varint(&loader->in);
    catalog->verified = cull__cursor_varint_max(&loader->in, catalog->cycles);
    catalog->purged = cull__cursor_varint(&loader->in);
    (void)cull__load_must(loader, catalog->next_id > 0);
    catalog->actor = cull__load_text(loader);
}

/* --- names ------------------------------------------------------------------------------------ */

static void load_entity(struct cull__loader *loader, uint64_t *last_id)
{
    uint64_t id = cull__load_id(loader, last_id);
    size_t len;
    const char *name = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);

    if (cull__load_must(loader, cull__name_ok(name, len) &&
                                    cull__entity_find_len(loader->catalog, name, len) == NULL)) {
        (void)cull__load_must_have_memory(loader,
                                          cull__entity_add(loader->catalog, id, name, len) != NULL);
    }
}

static void load_project(struct cull__loader *loader, uint64_t *last_id)
{
    uint64_t id = cull__load_id(loader, last_id);
    struct cull__entity *entity =
        cull__entity_by_id(loader->catalog, cull__cursor_varint(&loader->in));
    size_t len;
    const char *name = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);

    if (cull__load_must(loader, entity != NULL && cull__name_ok(name, len) &&
                                    cull__project_find_len(entity, name, len) == NULL)) {
        (void)cull__load_must_have_memory(
            loader, cull__project_add(loader->catalog, id, entity, name, len) != NULL);
    }
}

static void load_run(struct cull__loader *loader, uint64_t *last_id, uint64_t *last_ms)
{
    uint64_t id = cull__load_id(loader, last_id);
    struct cull__project *project =
        cull__project_by_id(loader->catalog, cull__cursor_varint(&loader->in));
    uint64_t created_ms = cull__load_sum(loader, *last_ms, loader->catalog->clock_ms);
    bool deleted = cull__load_bool(loader);
    size_t len;
    const char *name = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);

    *last_ms = created_ms;
    if (cull__load_must(loader, project != NULL && cull__text_ok(name, len) &&
                                    (deleted || cull__run_find_len(project, name, len) == NULL))) {
        struct cull__run *run = cull__run_add(loader->catalog, id, project, name, len, deleted);

        (void)cull__load_must_have_memory(loader, run != NULL);
        if (run != NULL) {
            run->created_ms = created_ms;
        }
    }
}

static void load_names(struct cull__loader *loader)
{
    uint64_t last_id = 0;
    uint64_t last_ms = 0;
    size_t count;

    cull__load_now(loader, "an entity");
    count = cull__cursor_count(&loader->in, CULL__SAVED_NAME_MIN, SIZE_MAX);
    for (size_t i = 0; i < count && cull__load_going(loader); i++) {
        load_entity(loader, &last_id);
    }
    cull__load_now(loader, "a project");
    last_id = 0;
    count = cull__cursor_count(&loader->in, CULL__SAVED_NAME_MIN, SIZE_MAX);
    for (size_t i = 0; i < count && cull__load_going(loader); i++) {
        load_project(loader, &last_id);
    }
    cull__load_now(loader, "a run");
    last_id = 0;
    count = cull__cursor_count(&loader->in, CULL__SAVED_NAME_MIN, SIZE_MAX);
    for (size_t i = 0; i < count && cull__load_going(loader); i++) {
        load_run(loader, &last_id, &last_ms);
    }
}

/* --- collections ------------------------------------------------------------------------------ */

/* Build what this pass left sealed. */
static void open_now(struct cull__loader *loader, struct cull__collection *collection)
{
    cull_status status =
        cull__load_going(loader) ? cull__collection_open(loader->catalog, collection) : CULL_OK;

    if (status != CULL_OK) {
        loader->status = status;
    }
}

static void load_collection(struct cull__loader *loader, uint64_t *last_id)
{
    uint64_t id = cull__load_id(loader, last_id);
    struct cull__project *project =
        cull__project_by_id(loader->catalog, cull__cursor_varint(&loader->in));
    bool deleted = cull__load_bool(loader);
    size_t len;
    const char *name = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);
    const char *type = cull__load_text(loader);
    struct cull__collection *collection;
    const uint8_t *body;

    if (!cull__load_must(
            loader, id <= CULL__COLLECTION_ID_MAX && project != NULL && cull__name_ok(name, len) &&
                        cull__text_ok(type, strlen(type)) &&
                        (deleted || cull__collection_find_len(project, name, len) == NULL))) {
        return;
    }
    collection = cull__collection_add(loader->catalog, id, project, name, len, type, deleted);
    if (!cull__load_must_have_memory(loader, collection != NULL)) {
        return;
    }
    collection->next_ordinal =
        (uint32_t)cull__cursor_varint_max(&loader->in, CULL__NEXT_ORDINAL_MAX);
    body = loader->in.at;
    cull__load_versions(loader, collection);
    if (cull__load_going(loader) && !loader->builds) {
        collection->sealed = body;
        collection->sealed_bytes = (size_t)(loader->in.at - body);
        loader->sealed->count++;
    }
    if (loader->has_artifact_ids) { /* they stand in a table of the whole catalog */
        open_now(loader, collection);
    }
}

/* --- uploads ---------------------------------------------------------------------------------- */

static void load_upload(struct cull__loader *loader, uint64_t *last_id)
{
    struct cull__catalog *catalog = loader->catalog;
    uint64_t id = cull__load_id(loader, last_id);
    struct cull__collection *collection =
        cull__collection_by_id(catalog, cull__cursor_varint(&loader->in));
    uint64_t run_id = cull__cursor_varint(&loader->in);
    struct cull__run *run = run_id == 0 ? NULL : cull__run_by_id(catalog, run_id);
    uint64_t base = cull__cursor_varint_max(&loader->in, UINT32_MAX);
    uint64_t opened_ms = cull__cursor_varint_max(&loader->in, catalog->clock_ms);
    uint64_t lease_ms = cull__cursor_varint(&loader->in);
    uint64_t lease_until_ms = cull__load_sum(loader, opened_ms, UINT64_MAX);
    const char *actor = cull__load_text(loader);
    uint32_t ordinal = base == 0 ? CULL__NO_ORDINAL : (uint32_t)(base - 1);
    struct cull__upload *upload;

    if (collection != NULL && base != 0) {
        open_now(loader, collection);
    }
    if (!cull__load_going(loader)) {
        return; /* the base may lie in a collection that is sealed still */
    }
    if (!cull__load_must(loader,
                         collection != NULL && (run != NULL || run_id == 0) &&
                             (run == NULL || run->project == collection->project) &&
                             (base == 0 || cull__version_at(collection, ordinal) != NULL))) {
        return;
    }
    upload = cull__upload_add(catalog, id, collection, run, ordinal);
    if (cull__load_must_have_memory(loader, upload != NULL)) {
        upload->actor = actor;
        upload->opened_ms = opened_ms;
        upload->lease_ms = lease_ms;
        upload->lease_until_ms = lease_until_ms;
    }
}

/* --- the whole -------------------------------------------------------------------------------- */

static void load_rest(struct cull__loader *loader)
{
    uint64_t last_id = 0;
    size_t count;

    load_names(loader);
    cull__load_now(loader, "a collection");
    count = cull__cursor_count(&loader->in, CULL__SAVED_COLLECTION_MIN, UINT32_MAX);
    for (size_t i = 0; i < count && cull__load_going(loader); i++) {
        cull__load_now(loader, "a collection");
        load_collection(loader, &last_id);
    }
    cull__load_now(loader, "an upload");
    last_id = 0;
    count = cull__cursor_count(&loader->in, CULL__SAVED_UPLOAD_MIN, UINT32_MAX);
    for (size_t i = 0; i < count && cull__load_going(loader); i++) {
        load_upload(loader, &last_id);
    }
    if (loader->rules && cull__load_going(loader)) {
        cull__rules_load(loader);
    }
    cull__load_now(loader, "a policy");
    if (loader->policies && cull__load_going(loader)) {
        loader->status = cull__policies_load(loader->catalog, &loader->in);
    }
    cull__load_now(loader, "the end");
    (void)cull__load_must(loader, cull__cursor_done(&loader->in));
}

/* What only the whole shows: ids are given once, and nothing deleted is left without a user. */
static void check_whole(struct cull__loader *loader)
{
    const struct cull__catalog *catalog = loader->catalog;

    cull__load_now(loader, "a deleted run without versions");
    for (const struct cull__run *at = catalog->runs; at != NULL; at = at->hh_id.next) {
        (void)cull__load_must(loader, !at->deleted || at->logged > 0 || at->uploads > 0);
    }
    cull__load_now(loader, "a deleted collection without versions");
    for (const struct cull__collection *at = catalog->collections; at != NULL;
         at = at->hh_id.next) {
        (void)cull__load_must(loader, !at->deleted || at->in_trash > 0 || at->uploads > 0);
    }
    cull__load_now(loader, "an id that is there twice");
    (void)cull__load_must(loader, !cull__load_going(loader) ||
                                      cull__ids_distinct(loader->met->list, loader->met->count));
}

#define CATALOG_PARTS (CULL__CATALOG_RULES | CULL__CATALOG_POLICIES)

static cull_status check_format(struct cull__loader *loader, cull_error *err)
{
    uint32_t format = cull__cursor_u32(&loader->in);
    uint32_t parts = format - CULL__CATALOG_FORMAT;

    if (loader->in.failed) {
        return cull__error_set(err, CULL_E_CORRUPT, "catalog checkpoint: cut short");
    }
    loader->rules = (parts & CULL__CATALOG_RULES) != 0;
    loader->policies = (parts & CULL__CATALOG_POLICIES) != 0;
    if (parts > CATALOG_PARTS) {
        return cull__error_set(err, format > CULL__CATALOG_FORMAT ? CULL_E_TOO_NEW : CULL_E_CORRUPT,
                               "catalog checkpoint: format %lu, where %u is known",
                               (unsigned long)format, CULL__CATALOG_FORMAT + CATALOG_PARTS);
    }
    return CULL_OK;
}

/* The head says how many ids were given. */
static void met_begin(struct cull__loader *loader, size_t len)
{
    const struct cull__catalog *catalog = loader->catalog;
    uint64_t words = catalog->next_id / 64 + 1;

    if (cull__load_going(loader) && words <= len / 8 + 1) {
        loader->met->bits =
            cull__alloc_zero(catalog->allocator, (size_t)words, sizeof *loader->met->bits);
        (void)cull__load_must_have_memory(loader, loader->met->bits != NULL);
    }
}

static void load_all(struct cull__loader *loader, size_t len)
{
    const cull_allocator *allocator = loader->catalog->allocator;
    struct cull__ids_met met = { 0 };

    loader->sealed = loader->catalog->sealed =
        cull__alloc_zero(allocator, 1, sizeof *loader->sealed);
    if (!cull__load_must_have_memory(loader, loader->sealed != NULL)) {
        return;
    }
    loader->met = &met;
    load_head(loader);
    met_begin(loader, len);
    load_rest(loader);
    check_whole(loader);
    cull__free(allocator, met.bits);
    cull__free(allocator, met.list);
    cull__free(allocator, loader->committed);
}

/* owner: whence the bytes come, which the catalog keeps if anything stays sealed. NULL: nothing
 * does. */
static cull_status load(struct cull__catalog **out, uint8_t **data, size_t len,
                        const cull_allocator *owner, const cull_allocator *allocator,
                        cull_error *err)
{
    struct cull__loader loader = {
        .in = cull__cursor(*data, len), .counts = true, .builds = owner == NULL, .what = "the head"
    };
    cull_status status = check_format(&loader, err);

    *out = NULL;
    if (status != CULL_OK) {
        return status;
    }
    if (cull__catalog_new(&loader.catalog, allocator) != CULL_OK) {
        return cull__error_nomem(err);
    }
    load_all(&loader, len);
    if (cull__load_going(&loader)) {
        if (loader.sealed->count > 0) {
            loader.sealed->data = *data;
            loader.sealed->owner = owner;
            *data = NULL;
        } else {
            cull__sealed_free(loader.catalog);
        }
        *out = loader.catalog;
        return CULL_OK;
    }
    cull__catalog_free(loader.catalog);
    if (loader.status != CULL_OK && loader.status != CULL_E_CORRUPT) {
        return cull__error_nomem(err);
    }
    return cull__error_set(err, CULL_E_CORRUPT, "catalog checkpoint: byte %zu: %s does not fit",
                           (size_t)(loader.in.at - (const uint8_t *)*data), loader.what);
}

cull_status cull__catalog_load(struct cull__catalog **out, const void *data, size_t len,
                               const cull_allocator *allocator, cull_error *err)
{
    uint8_t *borrowed = (uint8_t *)(uintptr_t)data; /* nothing is kept of it */

    return load(out, &borrowed, len, NULL, allocator, err);
}

cull_status cull__catalog_load_sealed(struct cull__catalog **out, uint8_t **data, size_t len,
                                      const cull_allocator *owner, const cull_allocator *allocator,
                                      cull_error *err)
{
    return load(out, data, len, owner, allocator, err);
}
