/*
 * rules_model.h - the rules of names, links, roles and times to live once more: slow, plain arrays, and
 * no line of core/src/catalog. It says what every request answers and what is there afterwards.
 *
 * The world is small, so that things meet: two entities, in each the names "p" and "r", which may be a
 * project or a registry, three collections, two portfolios, one run a project, four people.
 */
#ifndef RULES_MODEL_H
#define RULES_MODEL_H

#include "cull/cull.h"

#define MODEL_ENTITIES 2
#define MODEL_NAMES 2
#define MODEL_COLLECTIONS 3
#define MODEL_PORTFOLIOS 2
#define MODEL_ALIASES 5 /* the first is latest */
#define MODEL_USERS 4   /* the first made the store */
#define MODEL_SLOTS 3
#define MODEL_VERSIONS_MAX 40
#define MODEL_COLLECTIONS_MAX 48
#define MODEL_PORTFOLIOS_MAX 32
#define MODEL_LINKS_MAX 40
#define MODEL_GRACE_MS 5000

extern const char *const model_entities[MODEL_ENTITIES];
extern const char *const model_names[MODEL_NAMES];
extern const char *const model_collections[MODEL_COLLECTIONS];
extern const char *const model_portfolios[MODEL_PORTFOLIOS];
extern const char *const model_aliases[MODEL_ALIASES];
extern const char *const model_users[MODEL_USERS];

struct model_version {
    int state;   /* 0 purged, 1 committed, 2 deleted */
    int content; /* what its manifest holds */
    int run;     /* its number; 0: none */
    int reason;
    uint64_t created_ms;
    uint64_t deleted_ms;
    uint64_t kept_until_ms;
    uint64_t ttl_ms;  /* 0 inherits, UINT64_MAX never */
    unsigned aliases; /* bits */
    unsigned lost;
};

struct model_collection {
    int entity, name, collection;
    const char *type;
    bool deleted; /* its name is free */
    bool gone;    /* and nothing of it is left */
    uint64_t id;  /* in the store */
    struct model_version versions[MODEL_VERSIONS_MAX];
    int count;
};

struct model_link {
    int collection; /* index */
    int ordinal;
    int state; /* 0 gone, 1 there, 2 lost */
    unsigned aliases;
    unsigned lost;
};

struct model_portfolio {
    int entity, name, portfolio;
    const char *type;
    bool gone;
    uint64_t id;
    struct model_link links[MODEL_LINKS_MAX];
    int count;
};

struct model {
    uint64_t now_ms;
    bool strict;
    bool exists[MODEL_ENTITIES];
    int kind[MODEL_ENTITIES][MODEL_NAMES]; /* 0 nothing, 1 project, 2 registry */
    int run[MODEL_ENTITIES][MODEL_NAMES];  /* number of the run that is there; 0: none */
    int runs;                              /* ever */
    int roles[MODEL_ENTITIES][MODEL_USERS];
    int registry_roles[MODEL_ENTITIES][MODEL_NAMES][MODEL_USERS];
    unsigned protected_aliases[MODEL_ENTITIES][MODEL_NAMES];
    uint64_t ttl_ms[MODEL_ENTITIES];
    bool by_administrators[MODEL_ENTITIES];
    struct model_collection collections[MODEL_COLLECTIONS_MAX];
    int collection_count;
    struct model_portfolio portfolios[MODEL_PORTFOLIOS_MAX];
    int portfolio_count;
    struct {
        int collection; /* index; -1: it has ended, or never was */
        int run;
    } uploads[MODEL_SLOTS];
    int kept; /* by links, in the last deletion */
};

/* A version, or a link: which of the collections or portfolios there ever were, and the ordinal. */
struct model_key {
    bool is_link;
    int index;
    int ordinal;
};

void model_init(struct model *model, bool strict);

/* Where something is asked for. name -1: the entity itself; collection -1: all of that name. */
struct model_place {
    int entity, name, collection;
};

int model_role(const struct model *model, int actor, int entity, int name);
/* When a version expires; 0: never. */
uint64_t model_expires(const struct model *model, const struct model_collection *collection,
                       const struct model_version *version);
/* The alias that protects a link, as an index; -1: none does. */
int model_protection(const struct model *model, const struct model_portfolio *portfolio,
                     const struct model_link *link);
/* The live collection of a place, as an index; -1. And of portfolios. */
int model_find_collection(const struct model *model, struct model_place place);
int model_find_portfolio(const struct model *model, int entity, int name, int portfolio);

/* Requests: each answers what the store must answer, and does it. Actors are users' indexes. */
cull_status model_open(struct model *model, int actor, int slot, struct model_place place,
                       bool with_run);
cull_status model_commit(struct model *model, int actor, int slot, int content, unsigned aliases,
                         uint64_t ttl_ms, struct model_key *out);
void model_abort(struct model *model, int slot); /* by the owner */
cull_status model_alias_set(struct model *model, int actor, struct model_key key, int alias);
cull_status model_alias_remove(struct model *model, int actor, struct model_key key, int alias);
cull_status model_link(struct model *model, int actor, struct model_key source, int entity,
                       int name, int portfolio, unsigned aliases, struct model_key *out);
cull_status model_unlink(struct model *model, int actor, struct model_key key);
cull_status model_protect(struct model *model, int actor, int entity, int name, int alias,
                          bool is_protected);
cull_status model_grant(struct model *model, int actor, int entity, int name, int user, int role);
cull_status model_ttl(struct model *model, int actor, struct model_key key, int seconds);
cull_status model_policy(struct model *model, int actor, int entity, int seconds,
                         bool by_administrators);
struct model_how {
    bool delete_aliases, dry_run, skip;
};
cull_status model_delete(struct model *model, int actor, const struct model_key *keys, int count,
                         struct model_how how);
/* All committed versions of an entity. */
cull_status model_delete_selected(struct model *model, int actor, int entity, struct model_how how);
cull_status model_delete_scope(struct model *model, int actor, struct model_place place,
                               struct model_how how);
cull_status model_delete_portfolio(struct model *model, int actor, int entity, int name,
                                   int portfolio, struct model_how how);
cull_status model_delete_run(struct model *model, int actor, int entity, int name, bool artifacts,
                             struct model_how how);
/* as: index of a collection's name; -1: none. */
cull_status model_restore(struct model *model, int actor, const struct model_key *keys, int count,
                          int as);
cull_status model_collect(struct model *model, int actor);

#endif
