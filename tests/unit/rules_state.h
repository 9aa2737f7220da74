/*
 * rules_state.h - the rules of an artifact's life once more: plain tables, looked through from end to
 * end, and no code of the library's.
 *
 * A request is judged before it is done: rules_judge() says which answers would be right, and, of a
 * deletion, what goes and what stays; rules_apply() then does what the library acknowledged. Texts are
 * borrowed and live as long as the program. Rows are never moved: what is gone is only marked so.
 *
 * rules_judge.c   what may be answered
 * rules_apply.c   what a request changes
 * rules_state.c   looking things up, and the visible state as lines
 * rules_draw.c    random requests, and requests as text
 */
#ifndef RULES_STATE_H
#define RULES_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cull/rules.h"

#define RULES_REQUESTS_MAX 96 /* in a history; each adds one row to a table at most */
#define RULES_ROWS 128
#define RULES_LABELS 8
#define RULES_SLOTS 3
#define RULES_KEYS 3
#define RULES_NONE SIZE_MAX
#define RULES_NO_ID 999999999 /* of what is not there */

#define RULES_OWNER "owner"
extern const char *const rules_actors[4]; /* the owner first */
extern const char *const rules_entities[2];

/* --- state --------------------------------------------------------------------------------------- */

struct rules_labels { /* a set, ascending */
    unsigned count;
    const char *at[RULES_LABELS];
};

struct rules_entity {
    bool there;
    int64_t ttl_seconds; /* CULL_TTL_OFF: none */
    bool by_administrators;
};

struct rules_project {
    bool there;
    bool is_registry;
    const char *entity;
    const char *name;
};

struct rules_collection {
    uint64_t id;
    const char *entity;
    const char *project;
    const char *name;
    const char *type;
    bool deleted;
    uint32_t ordinals;
};

struct rules_run {
    const char *entity;
    const char *project;
    const char *name;
    bool deleted;
};

struct rules_version {
    size_t collection;
    uint32_t ordinal;
    cull_version_state state;
    cull_delete_reason reason;
    unsigned content; /* versions of one content have equal manifests */
    struct rules_labels aliases;
    struct rules_labels tags;
    struct rules_labels lost; /* aliases that its deletion took */
    size_t run;
    const char *creator;
    uint64_t created_ms;
    uint64_t deleted_ms;
    uint64_t kept_until_ms;
    uint64_t ttl_ms; /* 0: inherits; UINT64_MAX: never */
};

struct rules_portfolio {
    bool there;
    uint64_t id;
    const char *entity;
    const char *registry;
    const char *name;
    const char *type;
    uint32_t ordinals;
};

struct rules_link {
    bool there;
    bool is_lost; /* its source is soft-deleted */
    size_t portfolio;
    uint32_t ordinal;
    size_t version;
    struct rules_labels aliases;
    struct rules_labels lost;
    const char *creator;
    uint64_t created_ms;
};

struct rules_role {
    bool there;
    const char *entity;
    const char *registry; /* NULL: of the entity */
    const char *user;
    cull_role role;
};

struct rules_protected {
    bool there;
    const char *entity;
    const char *registry;
    const char *alias;
};

struct rules_upload {
    bool open;
    bool used; /* there was one in this slot */
    uint64_t id;
    size_t collection;
    size_t run;
    const char *actor;
};

struct rules_model {
    uint64_t now_ms;
    uint64_t grace_ms;
    bool strict_links;
    struct rules_entity entities[2];
    struct rules_project projects[RULES_ROWS];
    struct rules_collection collections[RULES_ROWS];
    struct rules_run runs[RULES_ROWS];
    struct rules_version versions[RULES_ROWS];
    struct rules_portfolio portfolios[RULES_ROWS];
    struct rules_link links[RULES_ROWS];
    struct rules_role roles[RULES_ROWS];
    struct rules_protected protections[RULES_ROWS];
    struct rules_upload uploads[RULES_SLOTS];
    size_t project_count, collection_count, run_count, version_count, portfolio_count, link_count,
        role_count, protection_count;
};

/* --- requests ------------------------------------------------------------------------------------ */

enum rules_op {
    RULES_OPEN,
    RULES_COMMIT,
    RULES_ABORT,
    RULES_ALIAS_SET,
    RULES_ALIAS_REMOVE,
    RULES_TAG,
    RULES_LINK,
    RULES_UNLINK,
    RULES_PROTECT,
    RULES_GRANT,
    RULES_REVOKE,
    RULES_TTL,
    RULES_POLICY,
    RULES_DELETE,
    RULES_SELECTED,
    RULES_CASCADE,
    RULES_RESTORE,
    RULES_CYCLE,
    RULES_CLOCK,
    RULES_REOPEN,
    RULES_FIND,
    RULES_DOWNLOAD,
    RULES_OPS
};

/* A version or a link by names, so that it means something in a shorter history too. */
struct rules_key {
    bool is_link;
    const char *entity;
    const char *project; /* or registry */
    const char *name;    /* of the collection or portfolio */
    unsigned which;      /* of those that ever had this name, in order of birth */
    uint32_t ordinal;
};

struct rules_request {
    enum rules_op op;
    const char *actor;
    const char *entity;
    const char *project; /* or registry; NULL of a role: the entity's */
    const char *name;    /* of a collection or portfolio; NULL of a selection: any */
    const char *type;
    const char *run;
    const char *user;
    const char *label; /* alias or tag; or the new name of a collection */
    const char *aliases[2];
    size_t alias_count;
    struct rules_key keys[RULES_KEYS];
    size_t key_count;
    unsigned slot;
    unsigned content;
    cull_role role;
    int64_t seconds;
    uint64_t advance_ms;
    cull_scope_kind scope;
    bool present; /* set, not taken away */
    bool delete_aliases;
    bool skip_protected;
    bool dry_run;
    bool with_artifacts;
    bool members_may;
    bool no_alias;
    bool checkpoint; /* before reopening */
};

/* --- judging ------------------------------------------------------------------------------------- */

#define RULES_REASONS 40
#define RULES_SAYS 3

struct rules_reason {
    cull_status status;
    char says[RULES_SAYS][64]; /* parts of the message; "": any */
};

struct rules_verdict {
    struct rules_reason
        reasons[RULES_REASONS]; /* to refuse; where several meet, each may be told */
    size_t reason_count;
    cull_status done; /* the answer where there is none: CULL_OK or CULL_E_PARTIAL */
    bool only_kept;   /* all reasons are protected versions */
    bool version_goes[RULES_ROWS];
    bool version_kept[RULES_ROWS];
    bool link_goes[RULES_ROWS];
    bool link_alone[RULES_ROWS]; /* of them, named itself, or with its portfolio */
    bool link_lost[RULES_ROWS];  /* the others, with their sources */
    bool collection_goes[RULES_ROWS];
    bool collection_hit[RULES_ROWS]; /* its uploads end */
    bool portfolio_goes[RULES_ROWS];
    bool registry_goes[RULES_ROWS]; /* rows of projects */
    bool registry_kept[RULES_ROWS];
    size_t run_goes;
    uint64_t expired, purged;
    cull_version_key found;
};

/* What the library said that the model cannot know. */
struct rules_learned {
    uint64_t upload;
    uint64_t collection; /* id of a collection or portfolio */
    uint32_t ordinal;
    bool is_new;
};

void rules_judge(const struct rules_model *model, const struct rules_request *request,
                 struct rules_verdict *out);
/* False: what was learned cannot be. */
bool rules_apply(struct rules_model *model, const struct rules_request *request,
                 const struct rules_verdict *verdict, const struct rules_learned *learned);

/* --- looking ------------------------------------------------------------------------------------- */

void rules_model_init(struct rules_model *model, uint64_t now_ms, uint64_t grace_ms,
                      bool strict_links);
bool rules_same(const char *a, const char *b); /* NULL is the same as NULL only */
struct rules_entity *rules_entity(struct rules_model *model, const char *name);
const struct rules_entity *rules_entity_of(const struct rules_model *model, const char *name);
size_t rules_project(const struct rules_model *model, const char *entity, const char *name);
/* A live one. */
size_t rules_collection(const struct rules_model *model, const char *entity, const char *project,
                        const char *name);
size_t rules_run(const struct rules_model *model, const char *entity, const char *project,
                 const char *name);
size_t rules_portfolio(const struct rules_model *model, const char *entity, const char *registry,
                       const char *name);
size_t rules_role_row(const struct rules_model *model, const char *entity, const char *registry,
                      const char *user);
size_t rules_protection(const struct rules_model *model, const char *entity, const char *registry,
                        const char *alias);
size_t rules_version_at(const struct rules_model *model, size_t collection, uint32_t ordinal);
size_t rules_key_collection(const struct rules_model *model, const struct rules_key *key);
size_t rules_key_portfolio(const struct rules_model *model, const struct rules_key *key);
size_t rules_key_version(const struct rules_model *model, const struct rules_key *key);
size_t rules_key_link(const struct rules_model *model,
                      const struct rules_key *key); /* a live one */
cull_version_key rules_key(const struct rules_model *model, const struct rules_key *key);
/* Is there anything by which the store still knows it? */
bool rules_collection_there(const struct rules_model *model, size_t collection);
size_t rules_alias(const struct rules_model *model, size_t collection, const char *alias);
size_t rules_link_alias(const struct rules_model *model, size_t portfolio, const char *alias);
/* The protected alias that a link carries, or NULL. */
const char *rules_link_protection(const struct rules_model *model, size_t link);
/* The link that keeps a version, or RULES_NONE. */
size_t rules_blocker(const struct rules_model *model, size_t version);
bool rules_linked(const struct rules_model *model, size_t version);
cull_role rules_role_in_force(const struct rules_model *model, const char *actor,
                              const char *entity, const char *registry);
bool rules_type_takes_ttl(const char *type);
uint64_t rules_expires_ms(const struct rules_model *model, size_t version); /* 0: never */

bool rules_labels_have(const struct rules_labels *labels, const char *label);
void rules_labels_add(struct rules_labels *labels, const char *label);
void rules_labels_drop(struct rules_labels *labels, const char *label);

/* --- as text ------------------------------------------------------------------------------------- */

struct rules_text {
    char at[1 << 15];
    size_t len;
};

void rules_put(struct rules_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* One line a thing, in the order in which the library's listings have them. */
void rules_print(const struct rules_model *model, struct rules_text *out);
void rules_print_request(const struct rules_request *request, struct rules_text *out);

/* The lines, from what the model and the library each know. */
void rules_line_version(struct rules_text *out, const cull_version_info *info);
void rules_line_link(struct rules_text *out, const cull_link_info *info);

/* --- drawing ------------------------------------------------------------------------------------- */

struct rules_draw {
    uint64_t state;
    unsigned weights[RULES_OPS];
    bool roles;   /* actors other than the owner are at work */
    bool pending; /* an upload was opened: commit it */
    unsigned pending_slot;
    const char *pending_actor;
};

uint64_t rules_number(struct rules_draw *draw, uint64_t below);
/* Which requests this history has, and the store that it is of. */
void rules_draw_init(struct rules_draw *draw, uint64_t seed, uint64_t *grace_ms,
                     bool *strict_links);
void rules_draw_next(struct rules_draw *draw, const struct rules_model *model,
                     struct rules_request *out);

#endif
