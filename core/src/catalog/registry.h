/*
 * registry.h - roles, and what registries hold. A part of catalog.h, which includes it.
 */
#ifndef CULL_REGISTRY_H
#define CULL_REGISTRY_H

#include "cull/rules.h"

struct cull__catalog;
struct cull__collection;
struct cull__entity;
struct cull__project;

/* --- roles (roles.c) ------------------------------------------------------------------------- */

struct cull__role {
    UT_hash_handle hh; /* in the roles of an entity or a registry, by user */
    uint8_t role;      /* cull_role, not NONE */
    char user[];
};

struct cull__registry { /* of a project that is one */
    struct cull__role *roles;
};

/* Where somebody wants to do something. */
struct cull__place {
    const struct cull__entity *entity;    /* NULL: it is not there yet */
    const char *name;                     /* of the entity */
    const struct cull__project *registry; /* NULL: of the entity */
};

/* Rule 27: the highest of the entity's and the registry's. */
cull_role cull__role_in_force(const struct cull__catalog *catalog, const char *actor,
                              const struct cull__place *place);
/* Rules 25, 27, 28: does the actor have this role there? Else a refusal that says which it takes. */
cull_status cull__check_role(const struct cull__catalog *catalog, const char *actor,
                             const struct cull__place *place, cull_role needed, cull_error *err);
/* The same of the entity that a collection is in. */
cull_status cull__check_collection_role(const struct cull__catalog *catalog, const char *actor,
                                        const struct cull__collection *collection, cull_role needed,
                                        cull_error *err);
/* The same of what concerns the whole store: the role in one entity or registry of it, or (all) in
 * every entity. */
cull_status cull__check_store_role(const struct cull__catalog *catalog, const char *actor, bool all,
                                   cull_role needed, cull_error *err);
/* A user's name: valid UTF-8 of 1 to 128 bytes, no control characters. */
cull_status cull__check_user(const char *user, cull_error *err);

const struct cull__role *cull__role_find(const struct cull__role *roles, const char *user,
                                         size_t len);
/* By user, into a new array freed with cull__free. */
cull_status cull__roles_sorted(const struct cull__catalog *catalog, const struct cull__role *roles,
                               const struct cull__role ***out, size_t *count);
/* parent: an entity or a registry. role NONE: taken away. */
cull_status cull__apply_role(struct cull__catalog *catalog, uint64_t parent, const char *user,
                             size_t len, uint32_t role);

#endif
