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

/* --- time to live --------------------------------------------------------------------------- */

#define CULL_TTL_INHERIT (-1) /**< what the entity says, or nothing */
#define CULL_TTL_OFF (-2)     /**< never expires */

/**
 * Say how long versions live, from their creation on, in seconds, or CULL_TTL_INHERIT or CULL_TTL_OFF;
 * all or none. A version that has lived long enough is soft-deleted by the next cycle, aliases or not.
 * @retval CULL_E_USAGE    0, or another number below; one is a link, and links take none
 * @retval CULL_E_REFUSED  a version is deleted; its type takes none (run_table, code, job, wandb-*); it
 *                         is linked into a registry; the caller is no member, or no administrator
 *                         where only those may
 * @retval CULL_E_NOTFOUND no such version
 */
CULL_API CULL_MUST_USE cull_status cull_ttl_set(cull_store *store, const cull_version_key *versions,
                                                size_t count, int64_t seconds,
                                                const cull_caller *caller, cull_error *err);

/** What an entity says of times to live. */
typedef struct cull_ttl_policy {
    int64_t seconds;  /**< of versions that have none of their own; CULL_TTL_OFF: none */
    bool members_may; /**< set those of versions; else administrators only */
} cull_ttl_policy;

/**
 * Set an entity's policy; it reaches versions that are there already. An entity that is not there is
 * made. Without one, there is no default, and members may.
 * @retval CULL_E_REFUSED  the caller is no administrator of the entity
 * @retval CULL_E_USAGE    seconds are neither over 0 nor CULL_TTL_OFF
 */
CULL_API CULL_MUST_USE cull_status cull_ttl_set_policy(cull_store *store, const char *entity,
                                                       const cull_ttl_policy *policy,
                                                       const cull_caller *caller, cull_error *err);
/** CULL_E_NOTFOUND: no such entity. */
CULL_API CULL_MUST_USE cull_status cull_ttl_get_policy(cull_store *store, const char *entity,
                                                       cull_ttl_policy *out, cull_error *err);

/* --- registries and links ------------------------------------------------------------------ */

/*
 * A registry stands beside the projects of an entity. It holds portfolios, collections of links; a
 * link names one version, its source, and has an ordinal (vN) and aliases of its own. Names of links
 * are written as those of versions are, entity/registry/portfolio:alias, and cull_version_find()
 * finds them: the key is the link's, and reading with it reads the source.
 */

/** A link. Strings and arrays are borrowed for the visit only. */
typedef struct cull_link_info {
    cull_version_key key; /**< portfolio and ordinal */
    uint64_t id;
    const char *entity;
    const char *registry;
    const char *portfolio;
    const char *type;
    cull_version_key source;
    const char *source_entity;
    const char *source_project;
    const char *source_collection;
    const char *creator;
    uint64_t created_ms;
    const char *const *aliases; /**< sorted; vN is not among them */
    size_t alias_count;
    const char *protection; /**< an alias of it that is protected; "" if none is */
} cull_link_info;

typedef cull_status (*cull_link_visit_fn)(void *ctx, const cull_link_info *link);

/**
 * Link a version into a portfolio, which is made with its registry if it is not there. The link takes
 * `latest` of the portfolio and the named aliases. One version has one link in a portfolio: if it is
 * there already, the aliases move to it. The version has no time to live from then on, also after the
 * link is gone.
 * @retval CULL_E_REFUSED  the source is deleted; the caller is no member of the source's entity and
 *                         of the registry; an alias is protected and he is no administrator there
 * @retval CULL_E_NOTFOUND no such version
 * @retval CULL_E_INVALID  the portfolio holds another type; a name's form
 * @retval CULL_E_EXISTS   the registry's name is that of a project
 * @retval CULL_E_USAGE    an alias' form; the source is a link
 */
CULL_API CULL_MUST_USE cull_status cull_link(cull_store *store, const cull_version_key *source,
                                             const cull_name *portfolio, const char *const *aliases,
                                             size_t alias_count, cull_version_key *out,
                                             const cull_caller *caller, cull_error *err);

/**
 * Take links away; their sources stay. All or none.
 * @retval CULL_E_NOTFOUND one is not there
 * @retval CULL_E_USAGE    one is a version and no link: the message says what to do instead
 * @retval CULL_E_REFUSED  the caller is no member of the registry; one has a protected alias, which
 *                         takes an administrator
 */
CULL_API CULL_MUST_USE cull_status cull_unlink(cull_store *store, const cull_version_key *links,
                                               size_t count, const cull_caller *caller,
                                               cull_error *err);

/** Visit links by entity, registry, portfolio and ordinal; NULL: any. CULL_E_NOTFOUND: a named one
 *  is not there, or is a project. */
CULL_API CULL_MUST_USE cull_status cull_links(cull_store *store, const char *entity,
                                              const char *registry, const char *portfolio,
                                              cull_link_visit_fn visit, void *ctx, cull_error *err);
/** Visit the links of a version, or the one link of a link's key. CULL_E_NOTFOUND: the key names no
 *  link and no version that is not purged. */
CULL_API CULL_MUST_USE cull_status cull_links_of(cull_store *store, const cull_version_key *key,
                                                 cull_link_visit_fn visit, void *ctx,
                                                 cull_error *err);
/** Does the key name a link? */
CULL_API CULL_MUST_USE cull_status cull_key_is_link(cull_store *store, const cull_version_key *key,
                                                    bool *out, cull_error *err);

typedef struct cull_portfolio_info {
    uint64_t id;
    const char *entity;
    const char *registry;
    const char *name;
    const char *type;
    uint32_t ordinals; /**< given so far */
    uint32_t links;
} cull_portfolio_info;

/** Visit portfolios in order of names; NULL: any. A registry or entity that is not there has none. */
CULL_API CULL_MUST_USE cull_status
cull_portfolios(cull_store *store, const char *entity, const char *registry,
                cull_status (*visit)(void *ctx, const cull_portfolio_info *portfolio), void *ctx,
                cull_error *err);

/* --- protected aliases ----------------------------------------------------------------------- */

/**
 * Declare an alias of a registry's links protected, or no longer. A version that is linked there under
 * such an alias cannot be deleted by anybody, by no path. The registry is made if it is not there.
 * Again: CULL_OK.
 * @retval CULL_E_REFUSED  the caller is no administrator of the registry
 * @retval CULL_E_NOTFOUND it is not protected
 * @retval CULL_E_EXISTS   the registry's name is that of a project
 */
CULL_API CULL_MUST_USE cull_status cull_protect(cull_store *store, const cull_place *registry,
                                                const char *alias, bool is_protected,
                                                const cull_caller *caller, cull_error *err);

typedef struct cull_protected_info {
    const char *entity;
    const char *registry;
    const char *alias;
    uint64_t links; /**< that carry it */
} cull_protected_info;

/** Visit protected aliases by entity, registry and text; NULL: any. CULL_E_NOTFOUND. */
CULL_API CULL_MUST_USE cull_status cull_protected(
    cull_store *store, const char *entity, const char *registry,
    cull_status (*visit)(void *ctx, const cull_protected_info *alias), void *ctx, cull_error *err);

#ifdef __cplusplus
}
#endif

#endif
