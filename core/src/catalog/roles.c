/*
 * roles.c - who may do what: rules 25, 27 and 28 as far as they speak of people.
 *
 * SHAPE     Each entity and each registry has a table of users with the role that they were given. The
 *           role in force is the highest of the two. The owner, who made the store, is administrator
 *           of everything, so that nobody can be locked out of a store that is his.
 * INVARIANT While no role is given anywhere, everybody but the owner is a member: a store whose users
 *           never heard of roles works for all of them.
 * COST      Two look-ups.
 * FAILURE   A check answers CULL_E_REFUSED and says what is needed, of what, and who gives it.
 * WHY NOT   passwords or signatures: who can open the store's files can write them. See README.
 */
#include "catalog/catalog_internal.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const role_names[] = {
    [CULL_ROLE_NONE] = "none",
    [CULL_ROLE_RESTRICTED_VIEWER] = "restricted-viewer",
    [CULL_ROLE_VIEWER] = "viewer",
    [CULL_ROLE_MEMBER] = "member",
    [CULL_ROLE_ADMINISTRATOR] = "administrator",
};

const char *cull_role_name(cull_role role)
{
    return (size_t)role < ARRAY_LEN(role_names) ? role_names[role] : "none";
}

cull_role cull_role_parse(const char *text)
{
    for (size_t i = CULL_ROLE_RESTRICTED_VIEWER; i < ARRAY_LEN(role_names); i++) {
        if (strcmp(text, role_names[i]) == 0) {
            return (cull_role)i;
        }
    }
    return strcmp(text, "admin") == 0 ? CULL_ROLE_ADMINISTRATOR : CULL_ROLE_NONE;
}

/* --- asking ----------------------------------------------------------------------------------- */

const struct cull__role *cull__role_find(const struct cull__role *roles, const char *user,
                                         size_t len)
{
    const struct cull__role *found;

    HASH_FIND(hh, roles, user, len, found);
    return found;
}

static cull_role given(const struct cull__role *roles, const char *user)
{
    const struct cull__role *role = cull__role_find(roles, user, strlen(user));

    return role == NULL ? CULL_ROLE_NONE : (cull_role)role->role;
}

/* Of a store from before there were owners, everybody is one, until somebody gives the first role. */
static bool is_owner(const struct cull__catalog *catalog, const char *actor)
{
    return catalog->owner == NULL ? catalog->role_count == 0 : strcmp(catalog->owner, actor) == 0;
}

cull_role cull__role_in_force(const struct cull__catalog *catalog, const char *actor,
                              const struct cull__place *place)
{
    cull_role of_entity;
    cull_role of_registry = CULL_ROLE_NONE;

    if (is_owner(catalog, actor)) {
        return CULL_ROLE_ADMINISTRATOR;
    }
    if (catalog->role_count == 0) {
        return CULL_ROLE_MEMBER;
    }
    of_entity = place->entity == NULL ? CULL_ROLE_NONE : given(place->entity->roles, actor);
    if (place->registry != NULL && place->registry->registry != NULL) {
        of_registry = given(place->registry->registry->roles, actor);
    }
    return of_entity > of_registry ? of_entity : of_registry;
}

static cull_status refuse(const char *actor, const char *where, cull_role in_force,
                          cull_role needed, cull_error *err)
{
    char text[CULL_PRINTABLE_MAX];

    return cull__error_set(
        err, CULL_E_REFUSED, "%s: %s %s%s here, and this takes %s: cull role grant gives roles",
        where, cull__printable(text, actor, strlen(actor)),
        in_force == CULL_ROLE_NONE ? "has no role" : "is ",
        in_force == CULL_ROLE_NONE ? "" : cull_role_name(in_force), cull_role_name(needed));
}

cull_status cull__check_role(const struct cull__catalog *catalog, const char *actor,
                             const struct cull__place *place, cull_role needed, cull_error *err)
{
    cull_role in_force = cull__role_in_force(catalog, actor, place);
    char where[2 * CULL_NAME_BYTES_MAX + 2];

    if (in_force >= needed) {
        return CULL_OK;
    }
    (void)snprintf(where, sizeof where, "%s%s%s", place->name, place->registry == NULL ? "" : "/",
                   place->registry == NULL ? "" : place->registry->name);
    return refuse(actor, where, in_force, needed, err);
}

cull_status cull__check_collection_role(const struct cull__catalog *catalog, const char *actor,
                                        const struct cull__collection *collection, cull_role needed,
                                        cull_error *err)
{
    const struct cull__entity *entity = collection->project->entity;
    const struct cull__place place = { entity, entity->name, NULL };

    return cull__check_role(catalog, actor, &place, needed, err);
}

/* The highest role in one place of the store, or the lowest in its entities. */
static cull_role role_in_store(const struct cull__catalog *catalog, const char *actor, bool all)
{
    cull_role highest = CULL_ROLE_NONE;
    cull_role lowest = CULL_ROLE_ADMINISTRATOR;
    struct cull__place nowhere = { 0 };

    if (is_owner(catalog, actor) || catalog->role_count == 0) {
        return cull__role_in_force(catalog, actor, &nowhere);
    }
    for (const struct cull__entity *at = catalog->entities; at != NULL; at = at->hh.next) {
        cull_role role = given(at->roles, actor);

        highest = role > highest ? role : highest;
        lowest = role < lowest ? role : lowest;
    }
    for (const struct cull__project *at = catalog->projects; at != NULL && !all;
         at = at->hh_id.next) {
        cull_role role = at->registry == NULL ? CULL_ROLE_NONE : given(at->registry->roles, actor);

        highest = role > highest ? role : highest;
    }
    return all ? lowest : highest;
}

cull_status cull__check_store_role(const struct cull__catalog *catalog, const char *actor, bool all,
                                   cull_role needed, cull_error *err)
{
    cull_role in_force = role_in_store(catalog, actor, all);

    return in_force >= needed
               ? CULL_OK
               : refuse(actor, all ? "every entity" : "any entity", in_force, needed, err);
}

cull_status cull__check_user(const char *user, cull_error *err)
{
    size_t len = strlen(user);
    char text[CULL_PRINTABLE_MAX];

    return cull__text_ok(user, len)
               ? CULL_OK
               : cull__error_set(err, CULL_E_USAGE,
                                 "user \"%s\": at least one and at most %d bytes of UTF-8, no "
                                 "control characters",
                                 cull__printable(text, user, len), CULL_NAME_BYTES_MAX);
}

/* --- listing ---------------------------------------------------------------------------------- */

static int compare_users(const void *a, const void *b)
{
    return strcmp((*(const struct cull__role *const *)a)->user,
                  (*(const struct cull__role *const *)b)->user);
}

cull_status cull__roles_sorted(const struct cull__catalog *catalog, const struct cull__role *roles,
                               const struct cull__role ***out, size_t *count)
{
    const struct cull__role **sorted =
        cull__alloc(catalog->allocator, HASH_COUNT(roles), sizeof *sorted);

    *out = sorted;
    *count = 0;
    if (sorted == NULL) {
        return CULL_E_NOMEM;
    }
    for (const struct cull__role *at = roles; at != NULL; at = at->hh.next) {
        sorted[(*count)++] = at;
    }
    if (*count > 1) {
        qsort(sorted, *count, sizeof *sorted, compare_users);
    }
    return CULL_OK;
}

/* --- applying --------------------------------------------------------------------------------- */

/* The table that a parent's roles stand in; NULL: it can have none. */
static struct cull__role **roles_of(const struct cull__catalog *catalog, uint64_t parent)
{
    struct cull__entity *entity = cull__entity_by_id(catalog, parent);
    struct cull__project *project = entity == NULL ? cull__project_by_id(catalog, parent) : NULL;

    if (entity != NULL) {
        return &entity->roles;
    }
    return project == NULL || project->registry == NULL ? NULL : &project->registry->roles;
}

bool cull__role_set(struct cull__catalog *catalog, struct cull__role **roles, const char *user,
                    size_t len, uint32_t role)
{
    struct cull__role *there;

    HASH_FIND(hh, *roles, user, len, there);
    if (there == NULL) {
        there = cull__alloc_zero(catalog->allocator, 1, sizeof *there + len + 1);
        if (there == NULL) {
            return false;
        }
        memcpy(there->user, user, len);
        HASH_ADD_KEYPTR(hh, *roles, there->user, len, there);
        if (!cull__hash_has(there, hh)) {
            cull__free(catalog->allocator, there);
            return false;
        }
        catalog->role_count++;
    }
    there->role = (uint8_t)role;
    return true;
}

cull_status cull__apply_role(struct cull__catalog *catalog, uint64_t parent, const char *user,
                             size_t len, uint32_t role)
{
    struct cull__role **roles = roles_of(catalog, parent);
    struct cull__role *there = NULL;

    if (roles == NULL || !cull__text_ok(user, len) || role > CULL_ROLE_ADMINISTRATOR) {
        return CULL_E_CORRUPT;
    }
    if (role != CULL_ROLE_NONE) {
        if (!cull__role_set(catalog, roles, user, len, role)) {
            return CULL_E_NOMEM;
        }
        catalog->owner = catalog->owner == NULL ? catalog->actor : catalog->owner;
        return CULL_OK;
    }
    HASH_FIND(hh, *roles, user, len, there);
    if (there == NULL) {
        return CULL_E_CORRUPT;
    }
    HASH_DELETE(hh, *roles, there);
    cull__free(catalog->allocator, there);
    catalog->role_count--;
    return CULL_OK;
}

void cull__roles_free(struct cull__catalog *catalog, struct cull__role **roles)
{
    struct cull__role *at = *roles;

    HASH_CLEAR(hh, *roles);
    while (at != NULL) {
        struct cull__role *next = at->hh.next;

        cull__free(catalog->allocator, at);
        catalog->role_count--;
        at = next;
    }
}

uint64_t cull__roles_memory(const struct cull__role *roles)
{
    uint64_t bytes = 0;

    for (const struct cull__role *at = roles; at != NULL; at = at->hh.next) {
        bytes += sizeof *at + at->hh.keylen + 1;
    }
    return bytes;
}

/* --- checking --------------------------------------------------------------------------------- */

const char *cull__roles_broken(const struct cull__role *roles, uint64_t *count)
{
    for (const struct cull__role *at = roles; at != NULL; at = at->hh.next) {
        if (!cull__text_ok(at->user, strlen(at->user)) ||
            cull__role_find(roles, at->user, strlen(at->user)) != at ||
            at->role < CULL_ROLE_RESTRICTED_VIEWER || at->role > CULL_ROLE_ADMINISTRATOR) {
            return "a role is of no user, is not found, or is none";
        }
        (*count)++;
    }
    return NULL;
}
