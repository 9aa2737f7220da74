/*
 * catalog_save.c - the catalog's room as bytes.
 *
 * FORMAT    u32 format number; flags and settings; counters; then entities, projects, runs,
 *           collections (each with its versions and aliases) and uploads, each kind a count and its
 *           records by ascending id; then what rules_save.c writes, and policies, each if there is any,
 *           which the format number says. All other numbers are varints but digests, sums and seed.
 *             ids        difference to the one before of its kind, less one
 *             instants   of creation: difference to the one before of its kind (clocks do not go
 *                        back); of deletion: difference to the creation, and from it to the end
 *             texts      interned ones (types, actors) as 0 and the text when they come first,
 *                        then by number; labels and aliases ascending
 *           Figures that follow from these (pins, aliases and committed versions counted, the table
 *           of equals) are not written: what is not there cannot disagree.
 * INVARIANT Canonical: a state has one form, however it came to be. Leftovers of memory (texts
 *           that nothing uses, spare room) leave no trace in it.
 * COST      One pass; a version takes 40 to 60 bytes.
 * FAILURE   CULL_E_NOMEM.
 */
#include "catalog/catalog_save.h"

#include <stdlib.h>

static int compare_numbered(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t)((const struct cull__numbered *)a)->text;
    uintptr_t right = (uintptr_t)((const struct cull__numbered *)b)->text;

    return left < right ? -1 : left > right;
}

static cull_status saver_init(struct cull__saver *saver, const struct cull__catalog *catalog,
                              struct cull__buf *out)
{
    size_t count = HASH_COUNT(catalog->texts);

    *saver = (struct cull__saver){ .catalog = catalog, .out = out };
    saver->texts = cull__alloc_zero(catalog->allocator, count, sizeof *saver->texts);
    if (saver->texts == NULL) {
        return CULL_E_NOMEM;
    }
    for (const struct cull__text *at = catalog->texts; at != NULL; at = at->hh.next) {
        saver->texts[saver->text_count++].text = at->text;
    }
    CULL_ASSERT(saver->text_count == count);
    qsort(saver->texts, count, sizeof *saver->texts, compare_numbered);
    return CULL_OK;
}

void cull__save_text(struct cull__saver *saver, const char *text)
{
    const struct cull__numbered wanted = { text, 0 };
    struct cull__numbered *found;

    if (saver->last != NULL && saver->last->text == text) {
        cull__buf_varint(saver->out, saver->last->number);
        return;
    }
    found = bsearch(&wanted, saver->texts, saver->text_count, sizeof wanted, compare_numbered);
    CULL_ASSERT(found != NULL);
    cull__buf_varint(saver->out, found->number);
    if (found->number == 0) {
        cull__buf_text(saver->out, text, strlen(text));
        found->number = ++saver->written;
    }
    saver->last = found;
}

void cull__save_labels(struct cull__saver *saver, const struct cull__label *labels)
{
    uint64_t count = 0;

    for (const struct cull__label *at = labels; at != NULL; at = at->next) {
        count++;
    }
    cull__buf_varint(saver->out, count);
    for (const struct cull__label *at = labels; at != NULL; at = at->next) {
        cull__buf_text(saver->out, at->text, strlen(at->text));
    }
}

static void save_artifact_ids(struct cull__saver *saver, const struct cull__artifact_id *ids)
{
    uint64_t count = 0;

    for (const struct cull__artifact_id *at = ids; at != NULL; at = at->next) {
        count++;
    }
    cull__buf_varint(saver->out, count);
    for (const struct cull__artifact_id *at = ids; at != NULL; at = at->next) {
        cull__buf_text(saver->out, at->text, at->hh.keylen);
    }
}

static void save_head(struct cull__saver *saver)
{
    const struct cull__catalog *catalog = saver->catalog;
    const cull_store_settings *settings = &catalog->settings;

    cull__buf_u32(saver->out, CULL__CATALOG_FORMAT + (saver->rules ? CULL__CATALOG_RULES : 0) +
                                  (catalog->policies != NULL ? CULL__CATALOG_POLICIES : 0));
    cull__buf_u8(saver->out, catalog->exists);
    cull__buf_u8(saver->out, (uint8_t)settings->digest);
    cull__buf_u8(saver->out, settings->index_only);
    cull__buf_u8(saver->out, settings->grace_is_zero);
    cull__buf_u8(saver->out, (uint8_t)settings->late_deletes);
    cull__buf_varint(saver->out, settings->grace_ms);
    cull__buf_varint(saver->out, settings->lease_ms);
    cull__buf_varint(saver->out, settings->created_ms);
    cull__buf_u64(saver->out, settings->seed);
    cull__buf_text(saver->out, settings->hosting,
                   strnlen(settings->hosting, sizeof settings->hosting - 1));
    cull__buf_varint(saver->out, catalog->next_id);
    cull__buf_varint(saver->out, catalog->clock_ms);
    cull__buf_varint(saver->out, catalog->cycles);
    cull__buf_varint(saver->out, catalog->verified);
    cull__buf_varint(saver->out, catalog->purged);
    cull__save_text(saver, catalog->actor);
}

/* The next id of a kind, which ascend from 1 on. */
void cull__save_id(struct cull__saver *saver, uint64_t *last, uint64_t id)
{
    CULL_ASSERT(id > *last);
    cull__buf_varint(saver->out, id - *last - 1);
    *last = id;
}

static void save_names(struct cull__saver *saver)
{
    const struct cull__catalog *catalog = saver->catalog;
    uint64_t last_id = 0;
    uint64_t last_ms = 0;

    cull__buf_varint(saver->out, HASH_CNT(hh_id, catalog->entities_by_id));
    for (const struct cull__entity *at = catalog->entities_by_id; at != NULL; at = at->hh_id.next) {
        cull__save_id(saver, &last_id, at->id);
        cull__buf_text(saver->out, at->name, strlen(at->name));
    }
    last_id = 0;
    cull__buf_varint(saver->out, HASH_CNT(hh_id, catalog->projects));
    for (const struct cull__project *at = catalog->projects; at != NULL; at = at->hh_id.next) {
        cull__save_id(saver, &last_id, at->id);
        cull__buf_varint(saver->out, at->entity->id);
        cull__buf_text(saver->out, at->name, strlen(at->name));
    }
    last_id = 0;
    cull__buf_varint(saver->out, HASH_CNT(hh_id, catalog->runs));
    for (const struct cull__run *at = catalog->runs; at != NULL; at = at->hh_id.next) {
        cull__save_id(saver, &last_id, at->id);
        cull__buf_varint(saver->out, at->project->id);
        cull__buf_varint(saver->out, at->created_ms - last_ms);
        last_ms = at->created_ms;
        cull__buf_u8(saver->out, at->deleted);
        cull__buf_text(saver->out, at->name, strlen(at->name));
    }
}

static void save_version(struct cull__saver *saver, const struct cull__version *version)
{
    struct cull__buf *out = saver->out;
    uint8_t flags = 0;

    flags |= version->state == CULL_VERSION_DELETED ? CULL__SAVED_DELETED : 0;
    flags |= version->size_exact ? CULL__SAVED_EXACT : 0;
    flags |= version->run != NULL ? CULL__SAVED_RUN : 0;
    flags |= version->ttl_ms != 0 ? CULL__SAVED_TTL : 0;
    flags |= version->tags != NULL ? CULL__SAVED_TAGS : 0;
    flags |= version->lost_aliases != NULL ? CULL__SAVED_LOST : 0;
    flags |= version->artifact_ids != NULL ? CULL__SAVED_IDS : 0;
    cull__buf_u8(out, flags);
    cull__buf_put(out, version->manifest_digest, sizeof version->manifest_digest);
    cull__buf_u64(out, version->sum);
    cull__buf_varint(out, version->entries);
    cull__buf_varint(out, version->blobs);
    cull__buf_varint(out, version->size_bytes);
    cull__save_text(saver, version->creator);
    if (version->run != NULL) {
        cull__buf_varint(out, version->run->id);
    }
    if (version->ttl_ms != 0) {
        cull__buf_varint(out, version->ttl_ms);
    }
    if (version->state == CULL_VERSION_DELETED) {
        cull__buf_varint(out, version->deleted_ms - version->created_ms);
        cull__buf_varint(out, version->kept_until_ms - version->deleted_ms);
        cull__buf_u8(out, version->reason);
    }
    if (version->tags != NULL) {
        cull__save_labels(saver, version->tags);
    }
    if (version->lost_aliases != NULL) {
        cull__save_labels(saver, version->lost_aliases);
    }
    if (version->artifact_ids != NULL) {
        save_artifact_ids(saver, version->artifact_ids);
    }
}

static int compare_aliases(const void *a, const void *b)
{
    return strcmp((*(const struct cull__alias *const *)a)->name,
                  (*(const struct cull__alias *const *)b)->name);
}

static cull_status save_aliases(struct cull__saver *saver,
                                const struct cull__collection *collection)
{
    size_t count = HASH_COUNT(collection->aliases);
    size_t filled = 0;
    const struct cull__alias **sorted;

    cull__buf_varint(saver->out, count);
    if (count == 0) {
        return CULL_OK;
    }
    sorted = cull__alloc(saver->catalog->allocator, count, sizeof(struct cull__alias *));
    if (sorted == NULL) {
        return CULL_E_NOMEM;
    }
    for (const struct cull__alias *at = collection->aliases; at != NULL; at = at->hh.next) {
        sorted[filled++] = at;
    }
    qsort(sorted, count, sizeof *sorted, compare_aliases);
    for (size_t i = 0; i < count; i++) {
        cull__buf_text(saver->out, sorted[i]->name, strlen(sorted[i]->name));
        cull__buf_varint(saver->out, sorted[i]->ordinal);
    }
    cull__free(saver->catalog->allocator, (void *)sorted);
    return CULL_OK;
}

static cull_status save_collection(struct cull__saver *saver,
                                   const struct cull__collection *collection)
{
    uint64_t last_id = 0;
    uint64_t last_ms = 0;
    uint64_t next = 0; /* the least ordinal that may come */

    cull__buf_varint(saver->out, collection->project->id);
    cull__buf_u8(saver->out, collection->deleted);
    cull__buf_text(saver->out, collection->name, strlen(collection->name));
    cull__save_text(saver, collection->type);
    cull__buf_varint(saver->out, collection->next_ordinal);
    cull__buf_varint(saver->out, collection->version_count);
    for (size_t i = 0; i < collection->version_count; i++) {
        const struct cull__version *version = &collection->versions[i];

        cull__buf_varint(saver->out, version->ordinal - next);
        next = (uint64_t)version->ordinal + 1;
        cull__save_id(saver, &last_id, version->id);
        cull__buf_varint(saver->out, version->created_ms - last_ms);
        last_ms = version->created_ms;
        save_version(saver, version);
    }
    return save_aliases(saver, collection);
}

static void save_uploads(struct cull__saver *saver)
{
    uint64_t last_id = 0;

    cull__buf_varint(saver->out, HASH_COUNT(saver->catalog->uploads));
    for (const struct cull__upload *at = saver->catalog->uploads; at != NULL; at = at->hh.next) {
        cull__save_id(saver, &last_id, at->id);
        cull__buf_varint(saver->out, at->collection->id);
        cull__buf_varint(saver->out, at->run == NULL ? 0 : at->run->id);
        cull__buf_varint(saver->out, at->base == CULL__NO_ORDINAL ? 0 : (uint64_t)at->base + 1);
        cull__buf_varint(saver->out, at->opened_ms);
        cull__buf_varint(saver->out, at->lease_ms);
        cull__buf_varint(saver->out, at->lease_until_ms - at->opened_ms);
        cull__save_text(saver, at->actor);
    }
}

cull_status cull__catalog_save(const struct cull__catalog *catalog, struct cull__buf *out)
{
    struct cull__saver saver;
    cull_status status = saver_init(&saver, catalog, out);
    uint64_t last_id = 0;

    CULL_ASSERT(catalog->sealed == NULL);
    if (status != CULL_OK) {
        return status;
    }
    saver.rules = cull__rules_any(catalog);
    save_head(&saver);
    save_names(&saver);
    cull__buf_varint(out, HASH_CNT(hh_id, catalog->collections));
    for (const struct cull__collection *at = catalog->collections; at != NULL && status == CULL_OK;
         at = at->hh_id.next) {
        cull__save_id(&saver, &last_id, at->id);
        status = save_collection(&saver, at);
    }
    save_uploads(&saver);
    if (status == CULL_OK && saver.rules) {
        status = cull__rules_save(&saver);
    }
    if (catalog->policies != NULL) {
        cull__policies_save(catalog, out);
    }
    cull__free(catalog->allocator, saver.texts);
    return status == CULL_OK && out->failed ? CULL_E_NOMEM : status;
}
