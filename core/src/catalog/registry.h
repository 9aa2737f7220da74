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

struct cull__registry { /* of a project that is one: it holds no collections and no runs */
    struct cull__role *roles;
    struct cull__portfolio *portfolios;    /* by name */
    struct cull__label *protected_aliases; /* ascending */
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

/* --- links (links.c) --------------------------------------------------------------------------- */

struct cull__link_alias {
    struct cull__link *link;
    UT_hash_handle hh; /* in portfolio->aliases, by name */
    char name[];
};

/* A collection of links. */
struct cull__portfolio {
    uint64_t id;
    struct cull__project *registry;
    const char *type;         /* of all sources, interned */
    struct cull__link *links; /* by ordinal */
    struct cull__link_alias *aliases;
    uint32_t next_ordinal;
    uint32_t live;        /* links that are not lost */
    UT_hash_handle hh;    /* in registry->portfolios, by name */
    UT_hash_handle hh_id; /* in catalog->portfolios, by id */
    char name[];
};

/* A version that has links, COMMITTED if one of them is not lost. */
struct cull__linked {
    struct cull__collection *collection;
    struct cull__link *links; /* ascending by id */
    uint32_t ordinal;
    UT_hash_handle hh; /* in collection->linked, by ordinal */
};

struct cull__link {
    uint64_t id;
    uint64_t created_ms;
    struct cull__portfolio *portfolio;
    struct cull__linked *source;
    struct cull__link *next; /* of the same source */
    const char *creator;     /* interned */
    struct cull__label
        *lost_aliases; /* ascending; of a lost one: that a restore tries to bring back */
    uint32_t ordinal;
    bool lost;         /* its source is soft-deleted: it comes back with it */
    UT_hash_handle hh; /* in portfolio->links, by ordinal */
};

/* A link as a rule's message names it. */
#define CULL__LINK_NAME_MAX (3 * (CULL_NAME_BYTES_MAX + 1) + 16)
const char *cull__link_name(char text[CULL__LINK_NAME_MAX], const struct cull__link *link);

/* NULL where there is nothing. */
struct cull__portfolio *cull__portfolio_find(const struct cull__project *registry,
                                             const char *name);
struct cull__portfolio *cull__portfolio_by_id(const struct cull__catalog *catalog, uint64_t id);
struct cull__link *cull__link_at(const struct cull__portfolio *portfolio, uint32_t ordinal);
struct cull__link_alias *cull__link_alias_find(const struct cull__portfolio *portfolio,
                                               const char *name, size_t len);
struct cull__linked *cull__linked_at(const struct cull__collection *collection, uint32_t ordinal);
/* The link of a version in a portfolio that is not lost. */
struct cull__link *cull__link_into(const struct cull__portfolio *portfolio,
                                   const struct cull__collection *collection, uint32_t ordinal);
/* What a name in a registry says: NOTFOUND, as cull__version_resolve(). */
cull_status cull__link_resolve(const struct cull__project *registry, const char *portfolio,
                               const char *version, struct cull__link **out, cull_error *err);

/* Rule 28: is an alias declared protected? */
bool cull__alias_protected(const struct cull__project *registry, const char *name);
/* The protected alias that a link carries; NULL: none. */
const char *cull__link_protection(const struct cull__link *link);
/* Rules 11 and 12: the link that keeps a version from being deleted by anybody; NULL: none does. */
const struct cull__link *cull__version_blocker(const struct cull__catalog *catalog,
                                               const struct cull__collection *collection,
                                               uint32_t ordinal);
/* Has a version a link that is not lost? */
bool cull__version_is_linked(const struct cull__collection *collection, uint32_t ordinal);

/* --- rules of links (link_rules.c) -------------------------------------------------------------- */

/* Rule 12, or with a strict store 11: say what keeps so many versions, one of which this link does. */
cull_status cull__refuse_blocked(const struct cull__link *link, uint64_t others, cull_error *err);
/* Rule 8 and the like: may a version of this collection be linked into this portfolio (NULL: a new
 * one)? It must be COMMITTED. */
cull_status cull__check_link(const struct cull__collection *collection, uint32_t ordinal,
                             const struct cull__portfolio *portfolio, cull_error *err);
/* Rule 28: may the actor set or take this alias of a link? place: the registry, which may not be
 * there yet. */
cull_status cull__check_link_alias(const struct cull__catalog *catalog, const char *actor,
                                   const struct cull__place *place, const char *alias,
                                   cull_error *err);
/* Rules 10, 28: a link that is there, not lost; a protected one takes an administrator. */
cull_status cull__check_unlink(const struct cull__catalog *catalog, const char *actor,
                               const struct cull__portfolio *portfolio, uint32_t ordinal,
                               cull_error *err);
/* Rules 13, 28: links only go; one that holds a protected link takes an administrator. */
cull_status cull__check_portfolio_delete(const struct cull__catalog *catalog, const char *actor,
                                         const struct cull__portfolio *portfolio, cull_error *err);
cull_status cull__check_registry_delete(const struct cull__catalog *catalog, const char *actor,
                                        const struct cull__project *registry, cull_error *err);
/* A link that carries a protected alias; NULL: none. */
const struct cull__link *cull__portfolio_protection(const struct cull__portfolio *portfolio);
const struct cull__link *cull__registry_protection(const struct cull__project *registry);
/* Projects hold versions, registries links. */
cull_status cull__check_project(const struct cull__project *project, cull_error *err);
cull_status cull__check_registry(const struct cull__project *project, cull_error *err);

/* --- apply (links.c) ---------------------------------------------------------------------------- */

cull_status cull__apply_registry(struct cull__catalog *catalog, uint64_t id, uint64_t entity,
                                 const char *name, size_t len);
cull_status cull__apply_registry_delete(struct cull__catalog *catalog, uint64_t id);
cull_status cull__apply_portfolio(struct cull__catalog *catalog, uint64_t id, uint64_t registry,
                                  const char *name, size_t len, const char *type, size_t type_len);
cull_status cull__apply_portfolio_delete(struct cull__catalog *catalog, uint64_t id);
/* Rule 24: and its source has no TTL from then on. */
cull_status cull__apply_link(struct cull__catalog *catalog, uint64_t id, uint64_t portfolio,
                             uint32_t ordinal, uint64_t collection, uint32_t source_ordinal);
cull_status cull__apply_unlink(struct cull__catalog *catalog, uint64_t portfolio,
                               const uint32_t *ordinals, size_t count);
cull_status cull__apply_link_alias(struct cull__catalog *catalog, uint64_t portfolio,
                                   uint32_t ordinal, const char *name, size_t len);
cull_status cull__apply_link_alias_remove(struct cull__catalog *catalog, uint64_t portfolio,
                                          const char *name, size_t len);
cull_status cull__apply_protect(struct cull__catalog *catalog, uint64_t registry, const char *name,
                                size_t len, bool is_protected);
cull_status cull__apply_strict_links(struct cull__catalog *catalog, bool strict);

#endif
