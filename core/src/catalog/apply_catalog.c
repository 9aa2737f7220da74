/*
 * apply_catalog.c - the catalog as state: changed by facts, one function each.
 *
 * INVARIANT Ids and ordinals are those that the counters give; what a fact names is there, in the
 *           state that the fact needs. Everything is checked before anything changes.
 * COST      As the fact. A delete costs what it deletes and the aliases of that; a purge moves the
 *           collection's older versions up, or its newer ones down, whichever are fewer.
 * FAILURE   CULL_E_CORRUPT: the fact does not fit the state, so the log is damaged. CULL_E_NOMEM.
 *           Both leave the state as it was: memory is taken before the first change, or what was
 *           added is taken out again.
 * THREADS   None; the store's lock.
 */
#include "catalog/catalog_internal.h"

cull_status cull__apply_stamp(struct cull__catalog *catalog, uint64_t now_ms, const char *actor,
                              size_t actor_len)
{
    const char *interned;

    if (now_ms < catalog->clock_ms || actor_len > CULL__ACTOR_BYTES_MAX ||
        (actor_len > 0 && memchr(actor, '\0', actor_len) != NULL)) {
        return CULL_E_CORRUPT;
    }
    interned = cull__catalog_intern(catalog, actor_len == 0 ? "" : actor, actor_len);
    if (interned == NULL) {
        return CULL_E_NOMEM;
    }
    catalog->clock_ms = now_ms;
    catalog->actor = interned;
    return CULL_OK;
}

/* --- names ------------------------------------------------------------------------------------ */

cull_status cull__apply_entity(struct cull__catalog *catalog, uint64_t id, const char *name,
                               size_t len)
{
    if (!cull__id_fits(catalog, id) || !cull__name_ok(name, len) ||
        cull__entity_find_len(catalog, name, len) != NULL) {
        return CULL_E_CORRUPT;
    }
    if (cull__entity_add(catalog, id, name, len) == NULL) {
        return CULL_E_NOMEM;
    }
    catalog->next_id++;
    return CULL_OK;
}

cull_status cull__apply_project(struct cull__catalog *catalog, uint64_t id, uint64_t entity,
                                const char *name, size_t len)
{
    struct cull__entity *parent = cull__entity_by_id(catalog, entity);

    if (parent == NULL || !cull__id_fits(catalog, id) || !cull__name_ok(name, len) ||
        cull__project_find_len(parent, name, len) != NULL) {
        return CULL_E_CORRUPT;
    }
    if (cull__project_add(catalog, id, parent, name, len) == NULL) {
        return CULL_E_NOMEM;
    }
    catalog->next_id++;
    return CULL_OK;
}

cull_status cull__apply_collection(struct cull__catalog *catalog, uint64_t id, uint64_t project,
                                   const char *name, size_t len, const char *type, size_t type_len)
{
    struct cull__project *parent = cull__project_by_id(catalog, project);
    const char *interned;

    if (parent == NULL || parent->registry != NULL || !cull__id_fits(catalog, id) ||
        id > CULL__COLLECTION_ID_MAX || !cull__name_ok(name, len) ||
        !cull__text_ok(type, type_len) || cull__collection_find_len(parent, name, len) != NULL) {
        return CULL_E_CORRUPT;
    }
    interned = cull__catalog_intern(catalog, type, type_len);
    if (interned == NULL ||
        cull__collection_add(catalog, id, parent, name, len, interned, false) == NULL) {
        return CULL_E_NOMEM;
    }
    catalog->next_id++;
    return CULL_OK;
}

cull_status cull__apply_run(struct cull__catalog *catalog, uint64_t id, uint64_t project,
                            const char *name, size_t len)
{
    struct cull__project *parent = cull__project_by_id(catalog, project);

    if (parent == NULL || parent->registry != NULL || !cull__id_fits(catalog, id) ||
        !cull__text_ok(name, len) || cull__run_find_len(parent, name, len) != NULL) {
        return CULL_E_CORRUPT;
    }
    if (cull__run_add(catalog, id, parent, name, len, false) == NULL) {
        return CULL_E_NOMEM;
    }
    catalog->next_id++;
    return CULL_OK;
}

cull_status cull__apply_run_delete(struct cull__catalog *catalog, uint64_t id)
{
    struct cull__run *run = cull__run_by_id(catalog, id);

    if (run == NULL || run->deleted) {
        return CULL_E_CORRUPT;
    }
    HASH_DELETE(hh, run->project->runs, run);
    run->deleted = true;
    cull__run_drop_if_done(catalog, run);
    return CULL_OK;
}

cull_status cull__apply_collection_delete(struct cull__catalog *catalog, uint64_t id)
{
    struct cull__collection *collection = cull__collection_by_id(catalog, id);

    if (collection == NULL || collection->deleted || collection->committed > 0) {
        return CULL_E_CORRUPT;
    }
    CULL_ASSERT(collection->aliases == NULL);
    HASH_DELETE(hh, collection->project->collections, collection);
    collection->deleted = true;
    cull__collection_drop_if_done(catalog, collection);
    return CULL_OK;
}

cull_status cull__apply_collection_revive(struct cull__catalog *catalog, uint64_t id,
                                          const char *name, size_t len)
{
    struct cull__collection *collection = cull__collection_by_id(catalog, id);
    char *copy;

    if (collection == NULL || !collection->deleted || !cull__name_ok(name, len) ||
        cull__collection_find_len(collection->project, name, len) != NULL) {
        return CULL_E_CORRUPT;
    }
    copy = cull__strndup(catalog->allocator, name, len);
    if (copy == NULL) {
        return CULL_E_NOMEM;
    }
    HASH_ADD_KEYPTR(hh, collection->project->collections, copy, len, collection);
    if (!cull__hash_has(collection, hh)) {
        cull__free(catalog->allocator, copy);
        return CULL_E_NOMEM;
    }
    cull__free(catalog->allocator, collection->name);
    collection->name = copy;
    collection->deleted = false;
    return CULL_OK;
}

/* --- uploads ---------------------------------------------------------------------------------- */

/* May an upload into this collection log to this run? */
static bool run_fits(const struct cull__collection *collection, uint64_t id,
                     const struct cull__run *run)
{
    return id == 0 || (run != NULL && !run->deleted && run->project == collection->project);
}

static bool base_fits(const struct cull__collection *collection, uint32_t base)
{
    const struct cull__version *version;

    if (base == CULL__NO_ORDINAL) {
        return true;
    }
    version = cull__version_at(collection, base);
    return version != NULL && version->state == CULL_VERSION_COMMITTED;
}

cull_status cull__apply_upload_open(struct cull__catalog *catalog, uint64_t id, uint64_t collection,
                                    uint64_t run, uint32_t base, uint64_t until_ms)
{
    struct cull__collection *into = cull__collection_by_id(catalog, collection);
    struct cull__run *logs = cull__run_by_id(catalog, run);
    struct cull__upload *upload;

    if (into == NULL || into->deleted || !cull__id_fits(catalog, id) ||
        !run_fits(into, run, logs) || !base_fits(into, base) || until_ms < catalog->clock_ms) {
        return CULL_E_CORRUPT;
    }
    upload = cull__upload_add(catalog, id, into, logs, base);
    if (upload == NULL) {
        return CULL_E_NOMEM;
    }
    upload->actor = catalog->actor;
    upload->opened_ms = catalog->clock_ms;
    upload->lease_ms = until_ms - catalog->clock_ms;
    upload->lease_until_ms = until_ms;
    catalog->next_id++;
    return CULL_OK;
}

cull_status cull__apply_upload_end(struct cull__catalog *catalog, uint64_t id)
{
    struct cull__upload *upload = cull__upload_by_id(catalog, id);

    if (upload == NULL) {
        return CULL_E_CORRUPT;
    }
    cull__upload_drop(catalog, upload);
    return CULL_OK;
}

cull_status cull__apply_upload_renew(struct cull__catalog *catalog, uint64_t id, uint64_t until_ms)
{
    struct cull__upload *upload = cull__upload_by_id(catalog, id);

    if (upload == NULL || until_ms < catalog->clock_ms) {
        return CULL_E_CORRUPT;
    }
    upload->lease_until_ms = until_ms;
    return CULL_OK;
}

cull_status cull__apply_commit(struct cull__catalog *catalog, uint64_t upload,
                               const struct cull__commit_row *row)
{
    struct cull__upload *ends = cull__upload_by_id(catalog, upload);
    struct cull__collection *collection = ends == NULL ? NULL : ends->collection;
    struct cull__version *version;

    if (collection == NULL || collection->deleted || !cull__id_fits(catalog, row->id) ||
        row->ordinal != collection->next_ordinal || row->ordinal >= CULL__NEXT_ORDINAL_MAX) {
        return CULL_E_CORRUPT;
    }
    if (cull__versions_reserve(catalog, collection, collection->version_count + 1) != CULL_OK ||
        (cull__ttl_in_force(collection, row->ttl_ms) != 0 &&
         cull__pending_reserve(catalog, collection) != CULL_OK)) {
        return CULL_E_NOMEM;
    }
    version = &collection->versions[collection->version_count++];
    *version = (struct cull__version){
        .id = row->id,
        .created_ms = catalog->clock_ms,
        .ttl_ms = row->ttl_ms,
        .entries = row->entries,
        .blobs = row->blobs,
        .sum = row->sum,
        .size_bytes = row->size_bytes,
        .run = ends->run,
        .creator = catalog->actor,
        .ordinal = row->ordinal,
        .state = CULL_VERSION_COMMITTED,
        .size_exact = row->size_exact,
    };
    memcpy(version->manifest_digest, row->manifest_digest, sizeof version->manifest_digest);
    if (version->run != NULL) {
        version->run->logged++;
    }
    cull__pending_set(catalog, collection, row->ordinal,
                      cull__version_pending(collection, version));
    catalog->retained++;
    catalog->references += row->blobs;
    collection->committed++;
    collection->next_ordinal++;
    catalog->next_id++;
    cull__equal_add(catalog, collection, collection->version_count - 1);
    cull__upload_drop(catalog, ends);
    return CULL_OK;
}

/* --- aliases and tags ------------------------------------------------------------------------- */

/* A COMMITTED version of a live collection; NULL: there is none. */
static struct cull__version *committed_at(const struct cull__catalog *catalog, uint64_t id,
                                          uint32_t ordinal, struct cull__collection **in)
{
    struct cull__version *version;

    *in = cull__collection_by_id(catalog, id);
    version = *in == NULL ? NULL : cull__version_at(*in, ordinal);
    return version != NULL && version->state == CULL_VERSION_COMMITTED ? version : NULL;
}

cull_status cull__apply_resize(struct cull__catalog *catalog, uint64_t collection, uint32_t ordinal,
                               uint64_t size_bytes, bool exact)
{
    struct cull__collection *in;
    struct cull__version *version = committed_at(catalog, collection, ordinal, &in);

    if (version == NULL || version->size_exact || size_bytes < version->size_bytes) {
        return CULL_E_CORRUPT;
    }
    version->size_bytes = size_bytes;
    version->size_exact = exact;
    return CULL_OK;
}

cull_status cull__apply_artifact_id(struct cull__catalog *catalog, uint64_t collection,
                                    uint32_t ordinal, const char *text, size_t len)
{
    struct cull__collection *in;
    struct cull__version *version = committed_at(catalog, collection, ordinal, &in);
    struct cull__artifact_id *id;

    if (version == NULL || !cull__artifact_id_ok(text, len)) {
        return CULL_E_CORRUPT;
    }
    id = cull__artifact_id_find(catalog, text, len);
    if (id == NULL) {
        return cull__artifact_id_add(catalog, in, version, text, len) ? CULL_OK : CULL_E_NOMEM;
    }
    cull__artifact_id_move(id, in, version);
    return CULL_OK;
}

cull_status cull__apply_alias(struct cull__catalog *catalog, uint64_t collection, uint32_t ordinal,
                              const char *name, size_t len)
{
    struct cull__collection *in;
    struct cull__version *version = committed_at(catalog, collection, ordinal, &in);
    struct cull__alias *alias;

    if (version == NULL || !cull__label_ok(name, len)) {
        return CULL_E_CORRUPT;
    }
    alias = cull__alias_find_len(in, name, len);
    if (alias == NULL) {
        return cull__alias_add(catalog, in, version, name, len) == NULL ? CULL_E_NOMEM : CULL_OK;
    }
    cull__alias_move(in, alias, version);
    return CULL_OK;
}

cull_status cull__apply_alias_remove(struct cull__catalog *catalog, uint64_t collection,
                                     const char *name, size_t len)
{
    struct cull__collection *in = cull__collection_by_id(catalog, collection);
    struct cull__alias *alias = in == NULL ? NULL : cull__alias_find_len(in, name, len);

    if (alias == NULL) {
        return CULL_E_CORRUPT;
    }
    cull__alias_drop(catalog, in, alias);
    return CULL_OK;
}

cull_status cull__apply_tag(struct cull__catalog *catalog, uint64_t collection, uint32_t ordinal,
                            const char *name, size_t len, bool present)
{
    struct cull__collection *in;
    struct cull__version *version = committed_at(catalog, collection, ordinal, &in);
    struct cull__label **at;
    struct cull__label *gone;
    bool there;

    if (version == NULL || !cull__label_ok(name, len)) {
        return CULL_E_CORRUPT;
    }
    at = cull__label_seek(&version->tags, name, len, &there);
    if (present) {
        return there || cull__label_insert(catalog, at, name, len) != NULL ? CULL_OK : CULL_E_NOMEM;
    }
    if (!there) {
        return CULL_E_CORRUPT;
    }
    gone = *at;
    *at = gone->next;
    cull__free(catalog->allocator, gone);
    return CULL_OK;
}

/* --- deleting, restoring, purging -------------------------------------------------------------- */

/* Versions that a fact names, one after another. */
struct walk {
    const struct cull__collection *collection;
    size_t next; /* position behind the last one */
};

/* The version of the next ordinal, which must be greater than the last; NULL: there is none. */
static struct cull__version *walk_to(struct walk *walk, uint32_t ordinal)
{
    size_t position = cull__version_seek(walk->collection, walk->next, ordinal);

    if (position == CULL__NOT_FOUND) {
        return NULL;
    }
    walk->next = position + 1;
    return &walk->collection->versions[position];
}

static bool all_are(const struct cull__collection *collection, const uint32_t *ordinals,
                    size_t count, cull_version_state state)
{
    struct walk walk = { collection, 0 };

    for (size_t i = 0; i < count; i++) {
        const struct cull__version *version = walk_to(&walk, ordinals[i]);

        if (version == NULL || version->state != state) {
            return false;
        }
    }
    return true;
}

/* A version's aliases as a list of labels, so that a restore can try to bring them back. */
static cull_status note_lost_aliases(const struct cull__catalog *catalog,
                                     const struct cull__collection *collection,
                                     struct cull__version *version)
{
    const char **names;
    size_t count;
    cull_status status =
        cull__version_aliases(catalog, collection, version->ordinal, &names, &count);

    while (status == CULL_OK && count-- > 0) { /* from the last on: the list ascends */
        if (cull__label_insert(catalog, &version->lost_aliases, names[count],
                               strlen(names[count])) == NULL) {
            status = CULL_E_NOMEM;
        }
    }
    cull__free(catalog->allocator, names);
    return status;
}

/* Whether taking these out of the table of equal manifests one by one costs more than building it
 * again. */
static bool deletes_most(const struct cull__collection *collection, size_t count)
{
    return count > 64 && count > collection->committed / 8;
}

cull_status cull__apply_delete(struct cull__catalog *catalog, uint64_t collection,
                               const uint32_t *ordinals, size_t count, uint64_t kept_until_ms,
                               uint32_t reason)
{
    struct cull__collection *in = cull__collection_by_id(catalog, collection);
    struct walk walk = { in, 0 };
    cull_status status = CULL_OK;

    if (in == NULL || kept_until_ms < catalog->clock_ms || reason == CULL_REASON_NONE ||
        reason > CULL_REASON_POLICY || !all_are(in, ordinals, count, CULL_VERSION_COMMITTED)) {
        return CULL_E_CORRUPT;
    }
    status = cull__pending_reserve(catalog, in);
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        struct cull__version *version = walk_to(&walk, ordinals[i]);

        if (version->aliases != NULL) {
            status = note_lost_aliases(catalog, in, version);
        }
    }
    if (status == CULL_OK) {
        status = cull__links_note(catalog, in, ordinals, count);
    }
    cull__links_lose(catalog, in, ordinals, count, status == CULL_OK);
    if (deletes_most(in, count)) {
        cull__equal_drop(catalog, in);
    }
    walk = (struct walk){ in, 0 };
    for (size_t i = 0; i < count; i++) {
        struct cull__version *version = walk_to(&walk, ordinals[i]);

        if (status != CULL_OK) {
            cull__labels_free(catalog, &version->lost_aliases);
            continue;
        }
        while (version->aliases != NULL) {
            cull__alias_drop(catalog, in, version->aliases);
        }
        cull__equal_remove(catalog, in, walk.next - 1);
        version->state = CULL_VERSION_DELETED;
        version->deleted_ms = catalog->clock_ms;
        version->kept_until_ms = kept_until_ms;
        version->reason = (uint8_t)reason;
        cull__pending_set(catalog, in, version->ordinal, true);
        in->committed--;
        in->in_trash++;
    }
    return status;
}

/* Those of its lost aliases that nobody else has taken. */
static cull_status regain_aliases(const struct cull__catalog *catalog,
                                  struct cull__collection *collection,
                                  struct cull__version *version)
{
    for (const struct cull__label *at = version->lost_aliases; at != NULL; at = at->next) {
        if (cull__alias_find(collection, at->text) == NULL &&
            cull__alias_add(catalog, collection, version, at->text, strlen(at->text)) == NULL) {
            return CULL_E_NOMEM;
        }
    }
    return CULL_OK;
}

cull_status cull__apply_restore(struct cull__catalog *catalog, uint64_t collection,
                                const uint32_t *ordinals, size_t count)
{
    struct cull__collection *in = cull__collection_by_id(catalog, collection);
    struct walk walk = { in, 0 };
    cull_status status = CULL_OK;
    size_t restored = 0;

    if (in == NULL || in->deleted || !all_are(in, ordinals, count, CULL_VERSION_DELETED)) {
        return CULL_E_CORRUPT;
    }
    while (restored < count && status == CULL_OK) {
        struct cull__version *version = walk_to(&walk, ordinals[restored++]);

        version->state = CULL_VERSION_COMMITTED;
        status = regain_aliases(catalog, in, version);
        if (status == CULL_OK) {
            status = cull__links_regain(catalog, in, version->ordinal);
        }
    }
    walk = (struct walk){ in, 0 };
    for (size_t i = 0; i < restored; i++) {
        struct cull__version *version = walk_to(&walk, ordinals[i]);

        if (status != CULL_OK) { /* as it was: a deleted version has no aliases */
            while (version->aliases != NULL) {
                cull__alias_drop(catalog, in, version->aliases);
            }
            version->state = CULL_VERSION_DELETED;
            cull__links_have(catalog, in, version->ordinal, false);
            continue;
        }
        cull__links_have(catalog, in, version->ordinal, true);
        cull__labels_free(catalog, &version->lost_aliases);
        version->deleted_ms = version->kept_until_ms = 0;
        version->reason = CULL_REASON_NONE;
        cull__pending_set(catalog, in, version->ordinal, cull__version_pending(in, version));
        in->committed++;
        in->in_trash--;
    }
    if (status == CULL_OK && count == 1) {
        cull__equal_add(catalog, in, walk.next - 1);
    } else if (status == CULL_OK) {
        cull__equal_drop(catalog, in); /* restoring many at once is rare */
    }
    return status;
}

static bool none_is_base(const struct cull__collection *collection, const uint32_t *ordinals,
                         size_t count)
{
    struct walk walk = { collection, 0 };

    for (size_t i = 0; i < count; i++) {
        if (walk_to(&walk, ordinals[i])->base_pins > 0) {
            return false;
        }
    }
    return true;
}

cull_status cull__apply_purge(struct cull__catalog *catalog, uint64_t collection,
                              const uint32_t *ordinals, size_t count)
{
    struct cull__collection *in = cull__collection_by_id(catalog, collection);
    struct walk walk = { in, 0 };

    if (in == NULL || !all_are(in, ordinals, count, CULL_VERSION_DELETED) ||
        !none_is_base(in, ordinals, count)) {
        return CULL_E_CORRUPT;
    }
    if (count == 0) {
        return CULL_OK;
    }
    cull__equal_drop(catalog, in);
    for (size_t i = 0; i < count; i++) {
        struct cull__version *version = walk_to(&walk, ordinals[i]);

        cull__pending_set(catalog, in, version->ordinal, false);
        catalog->references -= version->blobs;
        cull__links_purge(catalog, in, version->ordinal);
        cull__version_release(catalog, version);
        if (version->run != NULL) {
            CULL_ASSERT(version->run->logged > 0);
            version->run->logged--;
            cull__run_drop_if_done(catalog, version->run);
        }
    }
    cull__versions_remove(catalog, in, ordinals, count);
    catalog->retained -= count;
    in->in_trash -= (uint32_t)count;
    catalog->purged += count;
    cull__collection_drop_if_done(catalog, in);
    return CULL_OK;
}
