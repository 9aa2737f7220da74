/*
 * dependents.c - which versions refer into others by wandb-artifact:// (rule 18).
 *
 * SHAPE     References name an artifact by the id that a server gave it. Versions without such an id have
 *           no dependents. For others the manifests of all retained versions are read, and their
 *           references compared.
 * COST      Nothing for versions without ids; else O(entries of all retained manifests), which is why a
 *           deletion itself never asks.
 * FAILURE   A manifest that is damaged is CULL_E_DAMAGED, and names its version.
 * WHY NOT   an index of references: it would be written by every commit for a question that is asked
 *           once in a while.
 */
#include "store/store_internal.h"

#include "manifest/manifest_internal.h"

struct depending {
    cull_store *store;
    const cull_version_key *keys; /* sorted */
    size_t count;
    cull_dependent_visit_fn visit;
    void *ctx;
    cull_error *err;
    struct cull__info_scratch scratch;
};

/* Has one of the versions an id? Opens their collections alone. */
static cull_status find_ids(const struct depending *depending, bool *found)
{
    cull_status status = CULL_OK;

    *found = false;
    for (size_t i = 0; i < depending->count && status == CULL_OK && !*found; i++) {
        const struct cull__collection *collection;
        const struct cull__version *version = NULL;

        status = cull__key_open(depending->store, &depending->keys[i], &collection, depending->err);
        if (status == CULL_OK && collection != NULL) {
            version = cull__version_at(collection, depending->keys[i].ordinal);
        }
        *found = version != NULL && version->artifact_ids != NULL;
    }
    return status;
}

/* Does an entry refer to one of the versions? */
static bool refers(const struct depending *depending, const cull_entry *entry,
                   cull_version_key *target)
{
    char text[CULL_ARTIFACT_ID_MAX];
    const struct cull__artifact_id *id = NULL;
    const char *hex;
    const char *path;
    size_t len;

    if (entry->kind == CULL_ENTRY_ARTIFACT &&
        cull__manifest_ref_split(entry->ref, &hex, &len, &path) &&
        cull__artifact_id_from_hex(text, hex, len)) {
        id = cull__artifact_id_find(depending->store->catalog, text, strlen(text));
    }
    if (id == NULL) {
        return false;
    }
    *target = (cull_version_key){ id->collection->id, id->ordinal };
    return cull__version_keys_have(depending->keys, depending->count, target->collection,
                                   target->ordinal);
}

static cull_status look_at(struct depending *depending, const struct cull__collection *collection,
                           const struct cull__version *version)
{
    cull_manifest *manifest = NULL;
    cull_version_info info;
    cull_status status = cull__version_manifest_locked(depending->store, collection, version,
                                                       &manifest, depending->err);

    for (size_t i = 0; status == CULL_OK && i < cull_manifest_count(manifest); i++) {
        cull_version_key target;
        cull_entry entry;

        cull_manifest_at(manifest, i, &entry);
        if (!refers(depending, &entry, &target)) {
            continue;
        }
        status = cull__version_info(&info, depending->store->catalog, collection, version,
                                    &depending->scratch);
        status = status == CULL_OK ? depending->visit(depending->ctx, &info, entry.path, &target)
                                   : cull__error_nomem(depending->err);
    }
    if (status == CULL_OK) {
        status = cull_manifest_check(manifest, depending->err);
    }
    cull_manifest_free(manifest);
    return status;
}

static cull_status look_at_all(struct depending *depending)
{
    cull_status status = cull__catalog_open(depending->store->catalog) == CULL_OK
                             ? CULL_OK
                             : cull__error_nomem(depending->err);

    for (const struct cull__collection *at = depending->store->catalog->collections;
         at != NULL && status == CULL_OK; at = at->hh_id.next) {
        for (size_t i = 0; i < at->version_count && status == CULL_OK; i++) {
            if (!cull__version_keys_have(depending->keys, depending->count, at->id,
                                         at->versions[i].ordinal)) {
                status = look_at(depending, at, &at->versions[i]);
            }
        }
    }
    return status;
}

cull_status cull_dependents(cull_store *store, const cull_version_key *versions, size_t count,
                            cull_dependent_visit_fn visit, void *ctx, cull_error *err)
{
    struct depending depending = { .store = store,
                                   .count = count,
                                   .visit = visit,
                                   .ctx = ctx,
                                   .err = err,
                                   .scratch = { .allocator = store->allocator } };
    cull_version_key *sorted = NULL;
    cull_status status = cull__version_keys_copy(store, versions, &depending.count, &sorted, err);

    depending.keys = sorted;
    if (status == CULL_OK) {
        status = cull__store_enter(store, CULL__NEED_NAMES, err);
    }
    if (status == CULL_OK) {
        bool found;

        status = find_ids(&depending, &found);
        status = status == CULL_OK && found ? look_at_all(&depending) : status;
        cull__info_scratch_release(&depending.scratch);
        cull__store_leave(store);
    }
    cull__free(store->allocator, sorted);
    return status;
}
