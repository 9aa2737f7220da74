/*
 * catalog.c - the nodes of the catalog: made, linked, freed.
 *
 * SHAPE     Entities hold projects, projects hold live collections and runs, by name; one table of
 *           each kind by id. Collections hold versions in one array by ordinal, and aliases by name.
 * INVARIANT Tables by id are filled in the order of ids, which only grow: iterating one goes
 *           through ids ascending. A node is in all its tables or not made at all.
 * COST      O(1) a node; an alias moves in O(log versions), whatever else its version is called.
 * FAILURE   No memory: NULL or CULL_E_NOMEM, and nothing changed. uthash that finds no memory while
 *           it adds takes the element out again and leaves its tbl NULL; what was in the table
 *           stays.
 * THREADS   None; the store's lock.
 */
#include "catalog/catalog_internal.h"

#include "base/hash.h"

unsigned cull__name_hash(const void *key, size_t len)
{
    return (unsigned)XXH3_64bits(key, len);
}

cull_status cull__catalog_new(struct cull__catalog **out, const cull_allocator *allocator)
{
    struct cull__catalog *catalog = cull__alloc_zero(allocator, 1, sizeof *catalog);

    *out = NULL;
    if (catalog == NULL) {
        return CULL_E_NOMEM;
    }
    catalog->allocator = allocator;
    catalog->next_id = 1;
    catalog->actor = cull__catalog_intern(catalog, "", 0);
    if (catalog->actor == NULL) {
        cull__catalog_free(catalog);
        return CULL_E_NOMEM;
    }
    *out = catalog;
    return CULL_OK;
}

/* --- labels ----------------------------------------------------------------------------------- */

/* Below zero, zero, above: as strcmp does. */
static int compare_label(const struct cull__label *label, const char *text, size_t len)
{
    int order = strncmp(label->text, text, len);

    return order != 0 ? order : label->text[len] != '\0';
}

struct cull__label **cull__label_seek(struct cull__label **labels, const char *text, size_t len,
                                      bool *there)
{
    while (*labels != NULL && compare_label(*labels, text, len) < 0) {
        labels = &(*labels)->next;
    }
    *there = *labels != NULL && compare_label(*labels, text, len) == 0;
    return labels;
}

/* --- freeing ---------------------------------------------------------------------------------- */

void cull__labels_free(const struct cull__catalog *catalog, struct cull__label **labels)
{
    while (*labels != NULL) {
        struct cull__label *first = *labels;

        *labels = first->next;
        cull__free(catalog->allocator, first);
    }
}

void cull__version_release(struct cull__catalog *catalog, struct cull__version *version)
{
    cull__artifact_ids_free(catalog, version);
    cull__labels_free(catalog, &version->tags);
    cull__labels_free(catalog, &version->lost_aliases);
}

/* Where the array of versions was given: NULL if it was not. */
static struct cull__version *versions_block(const struct cull__collection *collection)
{
    return collection->versions == NULL ? NULL : collection->versions - collection->version_skip;
}

void cull__collection_empty(struct cull__catalog *catalog, struct cull__collection *collection)
{
    struct cull__alias *alias = collection->aliases;

    HASH_CLEAR(hh, collection->aliases);
    while (alias != NULL) {
        struct cull__alias *next = alias->hh.next;

        cull__free(catalog->allocator, alias);
        alias = next;
    }
    for (size_t i = 0; i < collection->version_count; i++) {
        cull__version_release(catalog, &collection->versions[i]);
    }
    cull__equal_drop(catalog, collection);
    cull__bits_release(&collection->pending);
    cull__free(catalog->allocator, versions_block(collection));
    collection->versions = NULL;
    collection->version_count = collection->version_capacity = collection->version_skip = 0;
}

/* A collection that is in no table any more. */
static void collection_free(struct cull__catalog *catalog, struct cull__collection *collection)
{
    cull__collection_empty(catalog, collection);
    cull__free(catalog->allocator, collection->name);
    cull__free(catalog->allocator, collection);
}

static void entity_free(struct cull__catalog *catalog, struct cull__entity *entity)
{
    cull__roles_free(catalog, &entity->roles);
    cull__free(catalog->allocator, entity);
}

/* Tables first: clearing one reads its elements. */
static void tables_clear(struct cull__catalog *catalog)
{
    HASH_CLEAR(hh, catalog->artifact_ids);
    for (struct cull__project *project = catalog->projects; project != NULL;
         project = project->hh_id.next) {
        HASH_CLEAR(hh, project->collections);
        HASH_CLEAR(hh, project->runs);
    }
    for (struct cull__entity *entity = catalog->entities; entity != NULL;
         entity = entity->hh.next) {
        HASH_CLEAR(hh, entity->projects);
    }
}

/* Every element of a table; clearing it leaves their links. */
#define FREE_ALL(type, handle, head, free_one)    \
    do {                                          \
        type *at = (head);                        \
                                                  \
        HASH_CLEAR(handle, head);                 \
        while (at != NULL) {                      \
            type *next_element = at->handle.next; \
                                                  \
            free_one;                             \
            at = next_element;                    \
        }                                         \
    } while (0)

void cull__catalog_free(struct cull__catalog *catalog)
{
    if (catalog == NULL) {
        return;
    }
    cull__links_free_all(catalog);
    tables_clear(catalog);
    FREE_ALL(struct cull__upload, hh, catalog->uploads, cull__free(catalog->allocator, at));
    FREE_ALL(struct cull__collection, hh_id, catalog->collections, collection_free(catalog, at));
    FREE_ALL(struct cull__run, hh_id, catalog->runs, cull__free(catalog->allocator, at));
    FREE_ALL(struct cull__project, hh_id, catalog->projects, cull__free(catalog->allocator, at));
    HASH_CLEAR(hh_id, catalog->entities_by_id);
    FREE_ALL(struct cull__entity, hh, catalog->entities, entity_free(catalog, at));
    FREE_ALL(struct cull__text, hh, catalog->texts, cull__free(catalog->allocator, at));
    cull__policies_free(catalog);
    cull__sealed_free(catalog);
    cull__free(catalog->allocator, catalog);
}

/* --- memory ----------------------------------------------------------------------------------- */

/* What uthash holds for a table beyond the handles in its elements. */
#define TABLE_BYTES(handle, head)             \
    ((head) == NULL ? 0                       \
                    : sizeof(UT_hash_table) + \
                          sizeof(UT_hash_bucket) * (uint64_t)(head)->handle.tbl->num_buckets)

static uint64_t labels_memory(const struct cull__label *label)
{
    uint64_t bytes = 0;

    for (; label != NULL; label = label->next) {
        bytes += sizeof *label + strlen(label->text) + 1;
    }
    return bytes;
}

static uint64_t collection_memory(const struct cull__collection *collection)
{
    uint64_t bytes =
        sizeof *collection + strlen(collection->name) + 1 +
        (collection->version_capacity + collection->version_skip) * sizeof *collection->versions +
        collection->pending.words_capacity * sizeof *collection->pending.words +
        collection->equal_slots * sizeof *collection->equal + TABLE_BYTES(hh, collection->aliases);

    for (const struct cull__alias *alias = collection->aliases; alias != NULL;
         alias = alias->hh.next) {
        bytes += sizeof *alias + alias->hh.keylen + 1;
    }
    for (size_t i = 0; i < collection->version_count; i++) {
        bytes += labels_memory(collection->versions[i].tags) +
                 labels_memory(collection->versions[i].lost_aliases);
    }
    return bytes;
}

uint64_t cull__catalog_memory(const struct cull__catalog *catalog)
{
    uint64_t bytes = sizeof *catalog + TABLE_BYTES(hh, catalog->entities) +
                     TABLE_BYTES(hh_id, catalog->entities_by_id) +
                     TABLE_BYTES(hh_id, catalog->projects) + TABLE_BYTES(hh_id, catalog->runs) +
                     TABLE_BYTES(hh_id, catalog->collections) + TABLE_BYTES(hh, catalog->uploads) +
                     TABLE_BYTES(hh, catalog->texts) + TABLE_BYTES(hh, catalog->artifact_ids) +
                     cull__artifact_ids_memory(catalog) + cull__links_memory(catalog) +
                     cull__policies_memory(catalog) + TABLE_BYTES(hh_id, catalog->portfolios) +
                     sizeof(struct cull__upload) * (uint64_t)HASH_CNT(hh, catalog->uploads);

    for (const struct cull__entity *at = catalog->entities; at != NULL; at = at->hh.next) {
        bytes += sizeof *at + at->hh.keylen + 1 + TABLE_BYTES(hh, at->projects) +
                 TABLE_BYTES(hh, at->roles) + cull__roles_memory(at->roles);
    }
    for (const struct cull__project *at = catalog->projects; at != NULL; at = at->hh_id.next) {
        bytes += sizeof *at + at->hh.keylen + 1 + TABLE_BYTES(hh, at->collections) +
                 TABLE_BYTES(hh, at->runs);
    }
    for (const struct cull__run *at = catalog->runs; at != NULL; at = at->hh_id.next) {
        bytes += sizeof *at + strlen(at->name) + 1;
    }
    for (const struct cull__text *at = catalog->texts; at != NULL; at = at->hh.next) {
        bytes += sizeof *at + at->hh.keylen + 1;
    }
    for (const struct cull__collection *at = catalog->collections; at != NULL;
         at = at->hh_id.next) {
        bytes += collection_memory(at);
    }
    return bytes;
}

/* --- making ----------------------------------------------------------------------------------- */

/* A zeroed node of head bytes, with the text and its NUL behind them. */
static void *node_new(const struct cull__catalog *catalog, size_t head, const char *text,
                      size_t len)
{
    char *node = cull__alloc_zero(catalog->allocator, 1, head + len + 1);

    if (node != NULL && len > 0) {
        memcpy(node + head, text, len);
    }
    return node;
}

const char *cull__catalog_intern(struct cull__catalog *catalog, const char *text, size_t len)
{
    struct cull__text *found;

    HASH_FIND(hh, catalog->texts, text, len, found);
    if (found != NULL) {
        return found->text;
    }
    found = node_new(catalog, offsetof(struct cull__text, text), text, len);
    if (found == NULL) {
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, catalog->texts, found->text, len, found);
    if (!cull__hash_has(found, hh)) {
        cull__free(catalog->allocator, found);
        return NULL;
    }
    return found->text;
}

struct cull__entity *cull__entity_add(struct cull__catalog *catalog, uint64_t id, const char *name,
                                      size_t len)
{
    struct cull__entity *entity = node_new(catalog, offsetof(struct cull__entity, name), name, len);

    if (entity == NULL) {
        return NULL;
    }
    entity->id = id;
    HASH_ADD_KEYPTR(hh, catalog->entities, entity->name, len, entity);
    if (!cull__hash_has(entity, hh)) {
        goto failed;
    }
    HASH_ADD(hh_id, catalog->entities_by_id, id, sizeof entity->id, entity);
    if (!cull__hash_has(entity, hh_id)) {
        HASH_DELETE(hh, catalog->entities, entity);
        goto failed;
    }
    return entity;
failed:
    cull__free(catalog->allocator, entity);
    return NULL;
}

struct cull__project *cull__project_add(struct cull__catalog *catalog, uint64_t id,
                                        struct cull__entity *entity, const char *name, size_t len)
{
    struct cull__project *project =
        node_new(catalog, offsetof(struct cull__project, name), name, len);

    if (project == NULL) {
        return NULL;
    }
    project->id = id;
    project->entity = entity;
    HASH_ADD_KEYPTR(hh, entity->projects, project->name, len, project);
    if (!cull__hash_has(project, hh)) {
        goto failed;
    }
    HASH_ADD(hh_id, catalog->projects, id, sizeof project->id, project);
    if (!cull__hash_has(project, hh_id)) {
        HASH_DELETE(hh, entity->projects, project);
        goto failed;
    }
    return project;
failed:
    cull__free(catalog->allocator, project);
    return NULL;
}

struct cull__run *cull__run_add(struct cull__catalog *catalog, uint64_t id,
                                struct cull__project *project, const char *name, size_t len,
                                bool deleted)
{
    struct cull__run *run = node_new(catalog, offsetof(struct cull__run, name), name, len);

    if (run == NULL) {
        return NULL;
    }
    run->id = id;
    run->project = project;
    run->created_ms = catalog->clock_ms;
    run->deleted = deleted;
    HASH_ADD(hh_id, catalog->runs, id, sizeof run->id, run);
    if (!cull__hash_has(run, hh_id)) {
        goto failed;
    }
    if (deleted) {
        return run;
    }
    HASH_ADD_KEYPTR(hh, project->runs, run->name, len, run);
    if (!cull__hash_has(run, hh)) {
        HASH_DELETE(hh_id, catalog->runs, run);
        goto failed;
    }
    return run;
failed:
    cull__free(catalog->allocator, run);
    return NULL;
}

struct cull__collection *cull__collection_add(struct cull__catalog *catalog, uint64_t id,
                                              struct cull__project *project, const char *name,
                                              size_t len, const char *type, bool deleted)
{
    struct cull__collection *collection =
        cull__alloc_zero(catalog->allocator, 1, sizeof *collection);

    if (collection == NULL) {
        return NULL;
    }
    collection->id = id;
    collection->project = project;
    collection->type = type;
    collection->deleted = deleted;
    collection->name = cull__strndup(catalog->allocator, name, len);
    if (collection->name == NULL) {
        goto failed;
    }
    HASH_ADD(hh_id, catalog->collections, id, sizeof collection->id, collection);
    if (!cull__hash_has(collection, hh_id)) {
        goto failed;
    }
    if (deleted) {
        return collection;
    }
    HASH_ADD_KEYPTR(hh, project->collections, collection->name, len, collection);
    if (!cull__hash_has(collection, hh)) {
        HASH_DELETE(hh_id, catalog->collections, collection);
        goto failed;
    }
    return collection;
failed:
    cull__free(catalog->allocator, collection->name);
    cull__free(catalog->allocator, collection);
    return NULL;
}

void cull__run_drop_if_done(struct cull__catalog *catalog, struct cull__run *run)
{
    if (run != NULL && run->deleted && run->logged == 0 && run->uploads == 0) {
        HASH_DELETE(hh_id, catalog->runs, run);
        cull__free(catalog->allocator, run);
    }
}

void cull__collection_drop_if_done(struct cull__catalog *catalog,
                                   struct cull__collection *collection)
{
    CULL_ASSERT(collection->sealed == NULL);
    if (collection->deleted && collection->version_count == 0 && collection->uploads == 0) {
        HASH_DELETE(hh_id, catalog->collections, collection);
        collection_free(catalog, collection);
    }
}

struct cull__upload *cull__upload_add(struct cull__catalog *catalog, uint64_t id,
                                      struct cull__collection *collection, struct cull__run *run,
                                      uint32_t base)
{
    struct cull__upload *upload = cull__alloc_zero(catalog->allocator, 1, sizeof *upload);
    struct cull__version *version =
        base == CULL__NO_ORDINAL ? NULL : cull__version_at(collection, base);

    CULL_ASSERT((version == NULL) == (base == CULL__NO_ORDINAL));
    if (upload == NULL) {
        return NULL;
    }
    upload->id = id;
    upload->collection = collection;
    upload->run = run;
    upload->base = base;
    HASH_ADD(hh, catalog->uploads, id, sizeof upload->id, upload);
    if (!cull__hash_has(upload, hh)) {
        cull__free(catalog->allocator, upload);
        return NULL;
    }
    collection->uploads++;
    if (run != NULL) {
        run->uploads++;
    }
    if (version != NULL) {
        version->base_pins++;
    }
    return upload;
}

void cull__upload_drop(struct cull__catalog *catalog, struct cull__upload *upload)
{
    struct cull__collection *collection = upload->collection;
    struct cull__run *run = upload->run;

    CULL_ASSERT(collection->uploads > 0);
    collection->uploads--;
    if (run != NULL) {
        CULL_ASSERT(run->uploads > 0);
        run->uploads--;
    }
    if (upload->base != CULL__NO_ORDINAL) {
        struct cull__version *version = cull__version_at(collection, upload->base);

        CULL_ASSERT(version != NULL && version->base_pins > 0);
        version->base_pins--;
    }
    HASH_DELETE(hh, catalog->uploads, upload);
    cull__free(catalog->allocator, upload);
    cull__run_drop_if_done(catalog, run);
    cull__collection_drop_if_done(catalog, collection);
}

/* --- versions, aliases, labels ---------------------------------------------------------------- */

/* Move the versions to the beginning of their block. */
static void slide(struct cull__collection *collection)
{
    struct cull__version *block = versions_block(collection);

    if (collection->version_skip > 0) {
        memmove(block, collection->versions, collection->version_count * sizeof *block);
        collection->versions = block;
        collection->version_capacity += collection->version_skip;
        collection->version_skip = 0;
    }
}

/* Not cull__reserve: most collections have a few versions, and 16 of them are 2 KiB. */
cull_status cull__versions_reserve(const struct cull__catalog *catalog,
                                   struct cull__collection *collection, size_t want)
{
    size_t grown = collection->version_capacity + collection->version_capacity / 2;
    struct cull__version *moved;

    if (want > collection->version_capacity &&
        collection->version_skip >= collection->version_count / 4) {
        slide(collection); /* seldom enough: a quarter was purged since the last time */
    }
    if (want <= collection->version_capacity) {
        return CULL_OK;
    }
    grown = grown < want ? want : grown;
    moved = cull__realloc(catalog->allocator, versions_block(collection),
                          collection->version_skip + grown, sizeof *moved);
    if (moved == NULL) {
        return CULL_E_NOMEM;
    }
    collection->versions = moved + collection->version_skip;
    collection->version_capacity = grown;
    return CULL_OK;
}

/* Give back what a purge left unused; not getting a smaller block is no loss. */
static void shrink(const struct cull__catalog *catalog, struct cull__collection *collection)
{
    struct cull__version *moved;

    if (collection->version_count >=
        (collection->version_capacity + collection->version_skip) / 2) {
        return;
    }
    slide(collection);
    if (collection->version_count == 0) {
        cull__free(catalog->allocator, collection->versions);
        collection->versions = NULL;
        collection->version_capacity = 0;
        return;
    }
    moved = cull__realloc(catalog->allocator, collection->versions, collection->version_count,
                          sizeof *moved);
    if (moved != NULL) {
        collection->versions = moved;
        collection->version_capacity = collection->version_count;
    }
}

void cull__versions_remove(const struct cull__catalog *catalog, struct cull__collection *collection,
                           const uint32_t *ordinals, size_t count)
{
    struct cull__version *versions = collection->versions;
    size_t first = cull__version_seek(collection, 0, ordinals[0]);
    size_t last = cull__version_seek(collection, first, ordinals[count - 1]);

    CULL_ASSERT(first != CULL__NOT_FOUND && last != CULL__NOT_FOUND);
    if (first < collection->version_count - 1 - last) { /* the older ones move up */
        size_t kept = last + 1;

        for (size_t i = last + 1, left = count; i-- > 0;) {
            if (left > 0 && versions[i].ordinal == ordinals[left - 1]) {
                left--;
            } else {
                versions[--kept] = versions[i];
            }
        }
        CULL_ASSERT(kept == count);
        collection->versions += count;
        collection->version_skip += count;
        collection->version_capacity -= count;
    } else { /* the newer ones move down */
        size_t kept = first;

        for (size_t i = first, done = 0; i < collection->version_count; i++) {
            if (done < count && versions[i].ordinal == ordinals[done]) {
                done++;
            } else {
                versions[kept++] = versions[i];
            }
        }
        CULL_ASSERT(kept == collection->version_count - count);
    }
    collection->version_count -= count;
    shrink(catalog, collection);
}

size_t cull__version_seek(const struct cull__collection *collection, size_t from, uint32_t ordinal)
{
    const struct cull__version *versions = collection->versions;
    size_t low = from;
    size_t high = collection->version_count;

    CULL_ASSERT(collection->sealed == NULL);
    if (low >= high || versions[low].ordinal > ordinal) {
        return CULL__NOT_FOUND;
    }
    /* ordinals ascend, so a version stands at most their difference behind another */
    if (high - low > ordinal - versions[low].ordinal) {
        high = low + (ordinal - versions[low].ordinal) + 1;
    }
    if (versions[high - 1].ordinal == ordinal) {
        return high - 1;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (versions[middle].ordinal < ordinal) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < collection->version_count && versions[low].ordinal == ordinal ? low
                                                                               : CULL__NOT_FOUND;
}

static void alias_link(struct cull__alias *alias, struct cull__version *version)
{
    CULL_ASSERT(version->state == CULL_VERSION_COMMITTED);
    alias->ordinal = version->ordinal;
    alias->prev = NULL;
    alias->next = version->aliases;
    if (alias->next != NULL) {
        alias->next->prev = alias;
    }
    version->aliases = alias;
    version->alias_count++;
}

static void alias_unlink(struct cull__alias *alias, struct cull__version *version)
{
    CULL_ASSERT(version->alias_count > 0);
    if (alias->prev != NULL) {
        alias->prev->next = alias->next;
    } else {
        CULL_ASSERT(version->aliases == alias);
        version->aliases = alias->next;
    }
    if (alias->next != NULL) {
        alias->next->prev = alias->prev;
    }
    version->alias_count--;
}

struct cull__alias *cull__alias_add(const struct cull__catalog *catalog,
                                    struct cull__collection *collection,
                                    struct cull__version *version, const char *name, size_t len)
{
    struct cull__alias *alias = node_new(catalog, offsetof(struct cull__alias, name), name, len);

    if (alias == NULL) {
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, collection->aliases, alias->name, len, alias);
    if (!cull__hash_has(alias, hh)) {
        cull__free(catalog->allocator, alias);
        return NULL;
    }
    alias_link(alias, version);
    return alias;
}

void cull__alias_drop(const struct cull__catalog *catalog, struct cull__collection *collection,
                      struct cull__alias *alias)
{
    alias_unlink(alias, cull__version_at(collection, alias->ordinal));
    HASH_DELETE(hh, collection->aliases, alias);
    cull__free(catalog->allocator, alias);
}

void cull__alias_move(struct cull__collection *collection, struct cull__alias *alias,
                      struct cull__version *version)
{
    alias_unlink(alias, cull__version_at(collection, alias->ordinal));
    alias_link(alias, version);
}

struct cull__label *cull__label_insert(const struct cull__catalog *catalog, struct cull__label **at,
                                       const char *text, size_t len)
{
    struct cull__label *label = node_new(catalog, offsetof(struct cull__label, text), text, len);

    if (label != NULL) {
        label->next = *at;
        *at = label;
    }
    return label;
}
