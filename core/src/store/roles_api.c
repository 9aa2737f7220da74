/*
 * roles_api.c - roles: given, taken, listed, asked for.
 *
 * COST      A listing sorts what was granted.
 */
#include "store/store_internal.h"

#include <stdlib.h>

cull_status cull__place_find(const cull_store *store, const cull_place *place,
                             struct cull__place *out, cull_error *err)
{
    const struct cull__project *project = NULL;
    char shown[2][CULL_PRINTABLE_MAX];

    *out = (struct cull__place){ cull__entity_find(store->catalog, place->entity), place->entity,
                                 NULL };
    if (place->registry == NULL) {
        return CULL_OK;
    }
    if (out->entity != NULL) {
        project = cull__project_find(out->entity, place->registry);
    }
    if (project != NULL && project->registry != NULL) {
        out->registry = project;
        return CULL_OK;
    }
    return cull__error_set(err, CULL_E_NOTFOUND, "%s/%s: no such registry",
                           cull__printable(shown[0], place->entity, strlen(place->entity)),
                           cull__printable(shown[1], place->registry, strlen(place->registry)));
}

/* --- giving and taking ------------------------------------------------------------------------ */

struct role_ctx {
    const cull_place *place;
    const char *user;
    cull_role role; /* NONE: taken */
};

static cull_status check_role_set(struct cull__txn *txn, void *ctx, cull_error *err)
{
    const struct role_ctx *role = ctx;
    struct cull__fact fact = { .type = CULL__FACT_ROLE, .how = role->role };
    struct cull__fact entity = { .type = CULL__FACT_ENTITY, .id = txn->next_id };
    const struct cull__role *there = NULL;
    struct cull__place place;
    char shown[CULL_PRINTABLE_MAX];
    cull_status status = cull__place_find(txn->store, role->place, &place, err);

    if (status == CULL_OK) {
        status = cull__check_role(txn->store->catalog, cull__txn_actor(txn), &place,
                                  CULL_ROLE_ADMINISTRATOR, err);
    }
    if (status != CULL_OK) {
        return status;
    }
    if (place.entity != NULL) {
        there = cull__role_find(
            place.registry != NULL ? place.registry->registry->roles : place.entity->roles,
            role->user, strlen(role->user));
    }
    if (role->role == CULL_ROLE_NONE && there == NULL) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s: has no role of its own there",
                               cull__printable(shown, role->user, strlen(role->user)));
    }
    if (there != NULL && there->role == (uint8_t)role->role) {
        return CULL_OK;
    }
    fact.parent = place.registry != NULL ? place.registry->id
                  : place.entity != NULL ? place.entity->id
                                         : entity.id;
    if (place.entity == NULL) {
        entity.name = role->place->entity;
        entity.name_len = strlen(entity.name);
        cull__txn_add(txn, &entity);
    }
    fact.name = role->user;
    fact.name_len = strlen(role->user);
    cull__txn_add(txn, &fact);
    return CULL_OK;
}

static cull_status set_role(cull_store *store, struct role_ctx *role, const cull_caller *caller,
                            cull_error *err)
{
    cull_status status = cull__check_name("entity", role->place->entity, err);

    if (status == CULL_OK) {
        status = cull__check_user(role->user, err);
    }
    return status != CULL_OK
               ? status
               : cull__transact(store, CULL__NEED_NAMES, caller, check_role_set, role, err);
}

cull_status cull_role_grant(cull_store *store, const cull_place *place, const char *user,
                            cull_role role, const cull_caller *caller, cull_error *err)
{
    struct role_ctx ctx = { place, user, role };

    if (role < CULL_ROLE_RESTRICTED_VIEWER || role > CULL_ROLE_ADMINISTRATOR) {
        return cull__error_set(err, CULL_E_USAGE,
                               "no such role: restricted-viewer, viewer, member or administrator");
    }
    return set_role(store, &ctx, caller, err);
}

cull_status cull_role_revoke(cull_store *store, const cull_place *place, const char *user,
                             const cull_caller *caller, cull_error *err)
{
    struct role_ctx ctx = { place, user, CULL_ROLE_NONE };

    return set_role(store, &ctx, caller, err);
}

/* --- listing ---------------------------------------------------------------------------------- */

typedef cull_status (*role_visit_fn)(void *ctx, const cull_role_info *role);

static cull_status visit_roles(const cull_store *store, const struct cull__role *roles,
                               const char *entity, const char *registry, role_visit_fn visit,
                               void *ctx, cull_error *err)
{
    const struct cull__role **sorted;
    size_t count;
    cull_status status = cull__roles_sorted(store->catalog, roles, &sorted, &count);

    if (status != CULL_OK) {
        return cull__error_nomem(err);
    }
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        const cull_role_info info = { entity, registry, sorted[i]->user,
                                      (cull_role)sorted[i]->role };

        status = visit(ctx, &info);
    }
    cull__free(store->allocator, (void *)sorted);
    return status;
}

static int compare_projects(const void *a, const void *b)
{
    return strcmp((*(const struct cull__project *const *)a)->name,
                  (*(const struct cull__project *const *)b)->name);
}

static cull_status visit_registries(const cull_store *store, const struct cull__entity *entity,
                                    role_visit_fn visit, void *ctx, cull_error *err)
{
    const struct cull__project **sorted =
        cull__alloc(store->allocator, HASH_COUNT(entity->projects), sizeof *sorted);
    size_t count = 0;
    cull_status status = CULL_OK;

    if (sorted == NULL) {
        return cull__error_nomem(err);
    }
    for (const struct cull__project *at = entity->projects; at != NULL; at = at->hh.next) {
        if (at->registry != NULL) {
            sorted[count++] = at;
        }
    }
    if (count > 1) {
        qsort(sorted, count, sizeof *sorted, compare_projects);
    }
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        status = visit_roles(store, sorted[i]->registry->roles, entity->name, sorted[i]->name,
                             visit, ctx, err);
    }
    cull__free(store->allocator, (void *)sorted);
    return status;
}

static cull_status visit_entity(const cull_store *store, const struct cull__entity *entity,
                                role_visit_fn visit, void *ctx, cull_error *err)
{
    cull_status status = visit_roles(store, entity->roles, entity->name, "", visit, ctx, err);

    return status == CULL_OK ? visit_registries(store, entity, visit, ctx, err) : status;
}

static int compare_entities(const void *a, const void *b)
{
    return strcmp((*(const struct cull__entity *const *)a)->name,
                  (*(const struct cull__entity *const *)b)->name);
}

static cull_status visit_all(const cull_store *store, role_visit_fn visit, void *ctx,
                             cull_error *err)
{
    const struct cull__entity **sorted =
        cull__alloc(store->allocator, HASH_COUNT(store->catalog->entities), sizeof *sorted);
    size_t count = 0;
    cull_status status = CULL_OK;

    if (sorted == NULL) {
        return cull__error_nomem(err);
    }
    for (const struct cull__entity *at = store->catalog->entities; at != NULL; at = at->hh.next) {
        sorted[count++] = at;
    }
    if (count > 1) {
        qsort(sorted, count, sizeof *sorted, compare_entities);
    }
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        status = visit_entity(store, sorted[i], visit, ctx, err);
    }
    cull__free(store->allocator, (void *)sorted);
    return status;
}

static cull_status visit_place(const cull_store *store, const cull_place *place,
                               role_visit_fn visit, void *ctx, cull_error *err)
{
    struct cull__place found;
    char shown[CULL_PRINTABLE_MAX];
    cull_status status = cull__place_find(store, place, &found, err);

    if (status == CULL_OK && found.entity == NULL) {
        status = cull__error_set(err, CULL_E_NOTFOUND, "%s: no such entity",
                                 cull__printable(shown, place->entity, strlen(place->entity)));
    }
    if (status != CULL_OK) {
        return status;
    }
    return found.registry != NULL
               ? visit_roles(store, found.registry->registry->roles, found.entity->name,
                             found.registry->name, visit, ctx, err)
               : visit_entity(store, found.entity, visit, ctx, err);
}

cull_status cull_roles(cull_store *store, const cull_place *place, role_visit_fn visit, void *ctx,
                       cull_error *err)
{
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status == CULL_OK) {
        status = place == NULL ? visit_all(store, visit, ctx, err)
                               : visit_place(store, place, visit, ctx, err);
        cull__store_leave(store);
    }
    return status;
}

/* --- asking ----------------------------------------------------------------------------------- */

static const char *actor_of(const cull_caller *caller)
{
    return caller->actor == NULL ? "" : caller->actor;
}

cull_status cull_role_of(cull_store *store, const cull_place *place, const cull_caller *caller,
                         cull_role *out, cull_error *err)
{
    struct cull__place found;
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    *out = CULL_ROLE_NONE;
    if (status == CULL_OK) {
        status = cull__place_find(store, place, &found, err);
        if (status == CULL_OK) {
            *out = cull__role_in_force(store->catalog, actor_of(caller), &found);
        }
        cull__store_leave(store);
    }
    return status;
}

/* Through a link: what the registry allows, or the source's entity. */
static cull_status check_link_download(const cull_store *store, const char *actor,
                                       const struct cull__link *link, cull_error *err)
{
    const struct cull__project *registry = link->portfolio->registry;
    const struct cull__place place = { registry->entity, registry->entity->name, registry };
    cull_error ignored = { CULL_OK, "" };

    return cull__check_collection_role(store->catalog, actor, link->source->collection,
                                       CULL_ROLE_VIEWER, &ignored) == CULL_OK
               ? CULL_OK
               : cull__check_role(store->catalog, actor, &place, CULL_ROLE_VIEWER, err);
}

/* Of a version that is there. */
static cull_status check_download(const cull_store *store, const char *actor,
                                  const cull_version_key *version, cull_error *err)
{
    const struct cull__collection *collection;
    cull_status status = cull__key_open(store, version, &collection, err);

    if (status == CULL_OK &&
        (collection == NULL || cull__version_at(collection, version->ordinal) == NULL)) {
        status = cull__version_missing(store, version, err);
    }
    return status == CULL_OK ? cull__check_collection_role(store->catalog, actor, collection,
                                                           CULL_ROLE_VIEWER, err)
                             : status;
}

cull_status cull_download_check(cull_store *store, const cull_version_key *version,
                                const cull_caller *caller, cull_error *err)
{
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status == CULL_OK) {
        const struct cull__link *link = cull__key_link(store, version);

        status = link != NULL ? check_link_download(store, actor_of(caller), link, err)
                              : check_download(store, actor_of(caller), version, err);
        cull__store_leave(store);
    }
    return status;
}

cull_status cull__check_collector(cull_store *store, const cull_caller *caller, bool below_grace,
                                  cull_error *err)
{
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status == CULL_OK) {
        bool all = below_grace && store->catalog->role_count > 0;

        status = cull__check_store_role(store->catalog, actor_of(caller), all,
                                        all ? CULL_ROLE_ADMINISTRATOR : CULL_ROLE_MEMBER, err);
        cull__store_leave(store);
    }
    return status;
}
