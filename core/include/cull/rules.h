/**
 * @file cull/rules.h
 * Who may do what: roles. What a store keeps beside its versions: registries, links, protected
 * aliases, times to live.
 *
 * The actor of a cull_caller is taken at its word: these checks are the library's, and keep people
 * who use it from doing what they should not. They are no protection from somebody who can write
 * the store's files.
 *
 * Errors: as in cull/store.h. A refusal for want of a role is CULL_E_REFUSED, names the role that
 * is needed, and leaves the state as it was.
 */
#ifndef CULL_RULES_H
#define CULL_RULES_H

#include "cull/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- roles -------------------------------------------------------------------------------- */

/** In rising order; each may do what those before it may. */
typedef enum cull_role {
    CULL_ROLE_NONE = 0,              /**< lists names, as everybody who can open the store */
    CULL_ROLE_RESTRICTED_VIEWER = 1, /**< sees versions, cannot download them */
    CULL_ROLE_VIEWER = 2,            /**< downloads, changes nothing */
    CULL_ROLE_MEMBER = 3,            /**< changes what is not protected */
    CULL_ROLE_ADMINISTRATOR = 4      /**< roles, protected aliases, times to live */
} cull_role;

/** "restricted-viewer", "viewer", "member", "administrator", or "none". Static. */
CULL_API const char *cull_role_name(cull_role role);
/** The role of a name ("admin" is short for the last); CULL_ROLE_NONE: there is no such role. */
CULL_API cull_role cull_role_parse(const char *text);

/** Where a role holds: an entity (registry NULL), or one registry of it. */
typedef struct cull_place {
    const char *entity;
    const char *registry;
} cull_place;

/**
 * Give a user a role, in place of the one that is held there. The role in force is the highest of
 * the entity's and the registry's. The store's owner, who made it, is administrator of all of it,
 * always. While nobody has been given a role, everybody else counts as a member. An entity that is
 * not there is made.
 * @retval CULL_E_REFUSED  the actor is no administrator there
 * @retval CULL_E_NOTFOUND no such registry
 * @retval CULL_E_USAGE    no such role; a user's name is UTF-8 of 1 to 128 bytes without control
 *                         characters
 */
CULL_API CULL_MUST_USE cull_status cull_role_grant(cull_store *store, const cull_place *place,
                                                   const char *user, cull_role role,
                                                   const cull_caller *caller, cull_error *err);
/** Take a user's role away. CULL_E_NOTFOUND: there is none. CULL_E_REFUSED as above. */
CULL_API CULL_MUST_USE cull_status cull_role_revoke(cull_store *store, const cull_place *place,
                                                    const char *user, const cull_caller *caller,
                                                    cull_error *err);

/** A role that was granted. Strings are borrowed for the visit only. */
typedef struct cull_role_info {
    const char *entity;
    const char *registry; /**< "": of the entity */
    const char *user;
    cull_role role;
} cull_role_info;

/**
 * Visit what was granted, by entity, registry (the entity itself first) and user. place: NULL for
 * all, else one entity with its registries, or one registry.
 * @retval CULL_E_NOTFOUND no such entity or registry
 */
CULL_API CULL_MUST_USE cull_status cull_roles(cull_store *store, const cull_place *place,
                                              cull_status (*visit)(void *ctx,
                                                                   const cull_role_info *role),
                                              void *ctx, cull_error *err);

/** The role that is in force for the caller. An entity that is not there has nobody but the owner. */
CULL_API CULL_MUST_USE cull_status cull_role_of(cull_store *store, const cull_place *place,
                                                const cull_caller *caller, cull_role *out,
                                                cull_error *err);

/** May the caller download a version? To ask before its files are read: reading asks nobody.
 *  CULL_E_REFUSED; CULL_E_NOTFOUND. */
CULL_API CULL_MUST_USE cull_status cull_download_check(cull_store *store,
                                                       const cull_version_key *version,
                                                       const cull_caller *caller, cull_error *err);

#ifdef __cplusplus
}
#endif

#endif
