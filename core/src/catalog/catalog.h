/*
 * catalog.h - names, versions, aliases, runs, uploads: who may do what. Knows base only.
 *
 * The check functions are the rules (a comment names each by its number): they read the state and
 * the instant, and answer CULL_OK or a refusal that names the object, the reason and the way out.
 * The apply functions change the state by what happened; they refuse nothing for a reason of
 * policy, and what does not fit is CULL_E_CORRUPT.
 *
 * Ids come from one counter, in the order of the log, and are never reused; a fact carries the id
 * that apply must give, so that a damaged log shows.
 */
#ifndef CULL_CATALOG_H
#define CULL_CATALOG_H

#include "base/bits.h"
#include "base/buf.h"
#include "catalog/names.h"
#include "catalog/policy.h"
#include "catalog/registry.h"
#include "cull/store.h"

struct cull__entity {
    uint64_t id;
    struct cull__project *projects; /* by name */
    struct cull__role *roles;       /* by user */
    uint64_t ttl_ms;                /* of versions that inherit; 0: none */
    bool ttl_by_administrators;     /* members may not set TTLs */
    UT_hash_handle hh;              /* in catalog->entities, by name */
    UT_hash_handle hh_id;           /* in catalog->entities_by_id */
    char name[];
};

struct cull__project {
    uint64_t id;
    struct cull__entity *entity;
    struct cull__collection *collections; /* live ones, by name */
    struct cull__run *runs;               /* not deleted, by name */
    struct cull__registry *registry;      /* NULL: a project, and no registry */
    UT_hash_handle hh;                    /* in entity->projects, by name */
    UT_hash_handle hh_id;                 /* in catalog->projects, by id */
    char name[];
};

struct cull__run {
    uint64_t id;
    struct cull__project *project;
    uint64_t created_ms;
    uint32_t logged;      /* retained versions it logged */
    uint32_t uploads;     /* open ones that log to it */
    bool deleted;         /* kept while it logged something or an upload logs to it */
    UT_hash_handle hh;    /* in project->runs, by name, unless deleted */
    UT_hash_handle hh_id; /* in catalog->runs, by id */
    char name[];
};

/* A text of a version or collection: a tag, or an alias that a delete took. */
struct cull__label {
    struct cull__label *next; /* ascending */
    char text[];
};

struct cull__alias {
    uint32_t ordinal;
    struct cull__alias *prev; /* among those of its version, in no order */
    struct cull__alias *next;
    UT_hash_handle hh; /* in collection->aliases, by name */
    char name[];
};

/* What a version is called on the server that it was imported from: base64. See artifact_id.c. */
struct cull__artifact_id {
    struct cull__collection *collection;
    struct cull__artifact_id *next; /* of the same version, ascending */
    uint32_t ordinal;
    UT_hash_handle hh; /* in catalog->artifact_ids, by text */
    char text[];
};

/* A version that is not purged. Of a purged one only the ordinal stays, as a gap. */
struct cull__version {
    uint64_t id;
    uint64_t created_ms;
    uint64_t deleted_ms;
    uint64_t kept_until_ms;
    uint64_t ttl_ms; /* 0: none of its own; CULL__TTL_OFF: it never expires */
    uint64_t entries;
    uint64_t blobs;
    uint64_t sum; /* fingerprint */
    uint64_t size_bytes;
    struct cull__run *run;
    const char *creator;         /* interned */
    struct cull__alias *aliases; /* COMMITTED: that point at it, in no order */
    struct cull__label *tags;
    struct cull__label *lost_aliases; /* DELETED: that a restore tries to bring back */
    struct cull__artifact_id *artifact_ids;
    uint32_t ordinal;
    uint32_t base_pins; /* open uploads that build on it */
    uint32_t alias_count;
    uint8_t state;  /* cull_version_state */
    uint8_t reason; /* cull_delete_reason */
    bool size_exact;
    uint8_t manifest_digest[16];
};
_Static_assert(sizeof(struct cull__version) <= 152,
               "with half of it spare after growth and 8 bytes of the table of equals, a version "
               "stays within 256 bytes");

#define CULL__TTL_OFF UINT64_MAX

struct cull__collection {
    uint64_t id;
    struct cull__project *project;
    struct cull__alias *aliases;    /* by name */
    struct cull__linked *linked;    /* versions that have links, by ordinal */
    struct cull__version *versions; /* not purged, by ordinal */
    size_t version_count;
    size_t version_capacity;   /* from versions on */
    size_t version_skip;       /* slots before versions, left by a purge of the oldest */
    struct cull__bits pending; /* ordinals that a cycle must look at. See pending.c */
    uint32_t pending_count;
    struct cull__collection *pending_prev; /* in catalog->pending, if there are any */
    struct cull__collection *pending_next;
    uint32_t next_ordinal;
    uint32_t committed;
    uint32_t in_trash;
    uint32_t uploads; /* open ones */
    bool deleted;     /* kept while it has versions or uploads */
    const char *type; /* interned */
    uint32_t *equal;  /* COMMITTED versions by manifest digest; NULL: not built. See equal.c */
    uint32_t equal_slots;
    uint32_t equal_used;
    UT_hash_handle hh;    /* in project->collections, by name, while live */
    UT_hash_handle hh_id; /* in catalog->collections, by id */
    char *name;
    const uint8_t *sealed; /* where versions and aliases lie; NULL: they are above. See */
    size_t sealed_bytes;   /* version_load.c */
};

struct cull__upload {
    uint64_t id;
    struct cull__collection *collection;
    struct cull__run *run;
    const char *actor; /* interned */
    uint64_t opened_ms;
    uint64_t lease_ms; /* length, for renewals */
    uint64_t lease_until_ms;
    uint32_t base;     /* CULL__NO_ORDINAL: none */
    UT_hash_handle hh; /* in catalog->uploads, by id */
};
#define CULL__NO_ORDINAL UINT32_MAX
#define CULL__NEXT_ORDINAL_MAX (UINT32_MAX - 2) /* ordinals are below it */
#define CULL__COLLECTION_ID_MAX ((UINT64_C(1) << 31) - 1)
#define CULL__ACTOR_BYTES_MAX 128
#define CULL__TAGS_MAX 64 /* a version */
#define CULL__ARTIFACT_IDS_MAX 64

struct cull__text { /* interned */
    UT_hash_handle hh;
    char text[];
};

/* A room's bytes that collections still lie in, and its texts by number - 1. */
struct cull__sealed {
    uint8_t *data;
    const cull_allocator *owner; /* of data */
    const char **texts;
    size_t text_count;
    size_t text_capacity;
    size_t count; /* collections */
};

struct cull__catalog {
    const cull_allocator *allocator;
    cull_store_settings settings;
    bool exists; /* the STORE fact was seen */
    uint64_t next_id;
    uint64_t clock_ms;                /* of the last stamp */
    const char *actor;                /* of the last stamp, interned */
    const char *owner;                /* who made the store, interned; NULL: not known */
    uint64_t role_count;              /* given, of all entities and registries */
    bool strict_links;                /* rule 11: any link keeps its source */
    uint64_t cycles;                  /* begun */
    uint64_t verified;                /* the last cycle that was fully verified */
    uint64_t purged;                  /* versions, ever */
    uint64_t retained;                /* versions */
    uint64_t references;              /* that they hold to blobs */
    struct cull__collection *pending; /* collections with versions to look at, in no order */
    struct cull__entity *entities;    /* by name; all other tables are by id, iterated ascending */
    struct cull__entity *entities_by_id;
    struct cull__project *projects;
    struct cull__collection *collections;
    struct cull__run *runs;
    struct cull__portfolio *portfolios;
    struct cull__upload *uploads;
    struct cull__text *texts;
    struct cull__artifact_id *artifact_ids; /* of versions that are not purged, by text */
    struct cull__sealed *sealed;            /* NULL: every collection is open */
    struct cull__policy *policies;          /* by name */
    size_t policy_count;
};

cull_status cull__catalog_new(struct cull__catalog **out, const cull_allocator *allocator);
void cull__catalog_free(struct cull__catalog *catalog);
uint64_t cull__catalog_memory(const struct cull__catalog *catalog);

/* --- looking up (lookup.c): NULL where there is nothing ------------------------------------- */

struct cull__entity *cull__entity_find(const struct cull__catalog *catalog, const char *name);
struct cull__project *cull__project_find(const struct cull__entity *entity, const char *name);
struct cull__collection *cull__collection_find(const struct cull__project *project,
                                               const char *name);
struct cull__run *cull__run_find(const struct cull__project *project, const char *name);
struct cull__collection *cull__collection_by_id(const struct cull__catalog *catalog, uint64_t id);
struct cull__entity *cull__entity_by_id(const struct cull__catalog *catalog, uint64_t id);
struct cull__project *cull__project_by_id(const struct cull__catalog *catalog, uint64_t id);
struct cull__run *cull__run_by_id(const struct cull__catalog *catalog, uint64_t id);
struct cull__upload *cull__upload_by_id(const struct cull__catalog *catalog, uint64_t id);
/* A version that is not purged. O(log versions). */
struct cull__version *cull__version_at(const struct cull__collection *collection, uint32_t ordinal);
/* The least ordinal from `from` on of a version that is soft-deleted or has a TTL: all that a cycle
 * may take are among these. CULL__NO_ORDINAL: none is left. */
uint32_t cull__pending_next(const struct cull__collection *collection, uint32_t from);
struct cull__alias *cull__alias_find(const struct cull__collection *collection, const char *name);
/* The COMMITTED version with this manifest digest, the newest if several; NULL. Builds the
 * collection's table at the first call; falls back to a walk without memory. */
struct cull__version *cull__version_equal(const struct cull__catalog *catalog,
                                          struct cull__collection *collection,
                                          const uint8_t manifest_digest[16]);
/* What a server calls a version; NULL: no version here. */
struct cull__artifact_id *cull__artifact_id_find(const struct cull__catalog *catalog,
                                                 const char *text, size_t len);
struct cull__version *cull__artifact_id_version(const struct cull__artifact_id *id);
/* An id as references write it, in the form that is kept; false: it is none. */
bool cull__artifact_id_from_hex(char out[CULL_ARTIFACT_ID_MAX], const char *hex, size_t len);
/* Aliases of a version, ascending, into a new array (freed by the caller with cull__free);
 * names borrowed. */
cull_status cull__version_aliases(const struct cull__catalog *catalog,
                                  const struct cull__collection *collection, uint32_t ordinal,
                                  const char ***names, size_t *count);

/* `vN`: the ordinal in *out; false if text is not of that form (v01 is not). */
bool cull__ordinal_parse(const char *text, uint32_t *out);

/* Find what a name says; NOTFOUND names the first part that is missing. deleted_too: when no live
 * collection has the name, the newest deleted one. */
cull_status cull__collection_resolve(const struct cull__catalog *catalog, const char *entity,
                                     const char *project, const char *name, bool deleted_too,
                                     struct cull__collection **out, cull_error *err);
cull_status cull__version_resolve(struct cull__catalog *catalog, const cull_name *name,
                                  struct cull__collection **collection, uint32_t *ordinal,
                                  cull_error *err);
/* "e/p/c:vN" into text. */
#define CULL__VERSION_NAME_MAX (3 * (CULL_NAME_BYTES_MAX + 1) + 16)
const char *cull__version_name(char text[CULL__VERSION_NAME_MAX],
                               const struct cull__collection *collection, uint32_t ordinal);

/* --- rules (rules.c) ------------------------------------------------------------------------ */

/* Rule 8: [A-Za-z0-9_.-], 1 to 128, not "." or "..". what: "collection", "entity", ... */
cull_status cull__check_name(const char *what, const char *name, cull_error *err);
/* Rules 2, 3: no '/', ':' or control characters, valid UTF-8, 1 to 128 bytes, not `vN`. */
cull_status cull__check_label(const char *what, const char *label, cull_error *err);
/* Rule 8: one name has one type. */
cull_status cull__check_type(const struct cull__collection *collection, const char *type,
                             cull_error *err);
/* The base of an upload must be COMMITTED. */
cull_status cull__check_base(const struct cull__collection *collection, uint32_t base,
                             cull_error *err);
/* What an alias, tag or link names must be COMMITTED. */
cull_status cull__check_committed(const struct cull__collection *collection, uint32_t ordinal,
                                  cull_error *err);
/* A version takes another tag: COMMITTED, and fewer than CULL__TAGS_MAX others. */
cull_status cull__check_tag(const struct cull__collection *collection, uint32_t ordinal,
                            const char *tag, cull_error *err);
/* A version of this content takes a server's id: nobody has it, or one that is not COMMITTED, or
 * one of the same content. version: the one that is there already; NULL: it will be new. */
struct cull__artifact_claim {
    const struct cull__version *version;
    const uint8_t *manifest_digest; /* 16 bytes */
    uint64_t entries, blobs, sum;
};
cull_status cull__check_artifact_id(const struct cull__catalog *catalog, const char *text,
                                    const struct cull__artifact_claim *claim, cull_error *err);
/* Rules 9, 11, 12, 16: COMMITTED, else not found; not if a link keeps it; with aliases, only with
 * delete_aliases. */
cull_status cull__check_delete(const struct cull__catalog *catalog,
                               const struct cull__collection *collection, uint32_t ordinal,
                               bool delete_aliases, cull_error *err);
/* Rule 32: soft-deleted and not purged. */
cull_status cull__check_restore(const struct cull__collection *collection, uint32_t ordinal,
                                cull_error *err);
/* Rule 23. */
bool cull__type_takes_ttl(const char *type);
/* Rule 22: what is in force for a version with this of its own (0, CULL__TTL_OFF); 0: none. */
uint64_t cull__ttl_in_force(const struct cull__collection *collection, uint64_t own_ms);
/* Rule 25: may the actor set TTLs of what is in this collection? */
cull_status cull__check_ttl_role(const struct cull__catalog *catalog, const char *actor,
                                 const struct cull__collection *collection, cull_error *err);
/* Rules 23, 24: may this version have this of its own? It must be COMMITTED. */
cull_status cull__check_ttl(const struct cull__collection *collection, uint32_t ordinal,
                            uint64_t own_ms, cull_error *err);
/* Rule 21: seconds as a caller says them, into what is kept: CULL_E_USAGE. */
cull_status cull__ttl_parse(uint64_t *own_ms, int64_t seconds, cull_error *err);
/* Rules 20, 26: the instant at which a version expires; 0: never. */
uint64_t cull__expires_ms(const struct cull__collection *collection,
                          const struct cull__version *version);
/* Rule 32: may be purged at now: soft-deleted, due, and no open upload's base (base_pins less
 * `released`, pins of uploads whose lease is over at now). shorter_ms: UINT64_MAX, or the grace
 * that --allow-shorter-grace says. */
bool cull__version_due(const struct cull__version *version, uint64_t now_ms, uint64_t shorter_ms,
                       uint32_t released);

/* --- apply (apply_catalog.c): one function a fact; texts with their lengths ------------------- */

struct cull__commit_row { /* what a commit says of its version */
    uint64_t id;
    uint32_t ordinal;
    const uint8_t *manifest_digest; /* 16 bytes */
    uint64_t entries, blobs, sum, size_bytes, ttl_ms;
    bool size_exact;
};

cull_status cull__apply_stamp(struct cull__catalog *catalog, uint64_t now_ms, const char *actor,
                              size_t actor_len);
cull_status cull__apply_entity(struct cull__catalog *catalog, uint64_t id, const char *name,
                               size_t len);
cull_status cull__apply_project(struct cull__catalog *catalog, uint64_t id, uint64_t entity,
                                const char *name, size_t len);
cull_status cull__apply_collection(struct cull__catalog *catalog, uint64_t id, uint64_t project,
                                   const char *name, size_t len, const char *type, size_t type_len);
cull_status cull__apply_run(struct cull__catalog *catalog, uint64_t id, uint64_t project,
                            const char *name, size_t len);
cull_status cull__apply_run_delete(struct cull__catalog *catalog, uint64_t id);
cull_status cull__apply_upload_open(struct cull__catalog *catalog, uint64_t id, uint64_t collection,
                                    uint64_t run, uint32_t base, uint64_t until_ms);
cull_status cull__apply_upload_end(struct cull__catalog *catalog, uint64_t id);
cull_status cull__apply_upload_renew(struct cull__catalog *catalog, uint64_t id, uint64_t until_ms);
cull_status cull__apply_commit(struct cull__catalog *catalog, uint64_t upload,
                               const struct cull__commit_row *row);
/* A COMMITTED version whose size was not exact: no smaller, or exact now. */
cull_status cull__apply_resize(struct cull__catalog *catalog, uint64_t collection, uint32_t ordinal,
                               uint64_t size_bytes, bool exact);
cull_status cull__apply_alias(struct cull__catalog *catalog, uint64_t collection, uint32_t ordinal,
                              const char *name, size_t len);
cull_status cull__apply_alias_remove(struct cull__catalog *catalog, uint64_t collection,
                                     const char *name, size_t len);
cull_status cull__apply_tag(struct cull__catalog *catalog, uint64_t collection, uint32_t ordinal,
                            const char *name, size_t len, bool present);
/* Of a COMMITTED version; taken from the one that had it. */
cull_status cull__apply_artifact_id(struct cull__catalog *catalog, uint64_t collection,
                                    uint32_t ordinal, const char *text, size_t len);
cull_status cull__apply_delete(struct cull__catalog *catalog, uint64_t collection,
                               const uint32_t *ordinals, size_t count, uint64_t kept_until_ms,
                               uint32_t reason);
cull_status cull__apply_ttl(struct cull__catalog *catalog, uint64_t collection,
                            const uint32_t *ordinals, size_t count, uint64_t own_ms);
cull_status cull__apply_ttl_default(struct cull__catalog *catalog, uint64_t entity, uint64_t ttl_ms,
                                    bool by_administrators);
cull_status cull__apply_restore(struct cull__catalog *catalog, uint64_t collection,
                                const uint32_t *ordinals, size_t count);
cull_status cull__apply_purge(struct cull__catalog *catalog, uint64_t collection,
                              const uint32_t *ordinals, size_t count);
cull_status cull__apply_collection_delete(struct cull__catalog *catalog, uint64_t id);
cull_status cull__apply_collection_revive(struct cull__catalog *catalog, uint64_t id,
                                          const char *name, size_t len);

/* --- listing (listing.c) -------------------------------------------------------------------- */

/* Fill info for a version; its arrays come from scratch, which the caller releases once. */
struct cull__info_scratch {
    const cull_allocator *allocator;
    const char **aliases;
    const char **tags;
    const char **artifact_ids;
    size_t tag_capacity;
    size_t alias_capacity;
    size_t artifact_capacity;
};
cull_status cull__version_info(cull_version_info *out, const struct cull__catalog *catalog,
                               const struct cull__collection *collection,
                               const struct cull__version *version,
                               struct cull__info_scratch *scratch);
/* The same in two: without aliases, tags and ids; and those. */
void cull__version_info_plain(cull_version_info *out, const struct cull__collection *collection,
                              const struct cull__version *version);
cull_status cull__version_info_texts(cull_version_info *out, const struct cull__version *version,
                                     struct cull__info_scratch *scratch);
void cull__info_scratch_release(struct cull__info_scratch *scratch);

/* Collections in the order of names (entity, project, collection; a deleted one after a live one,
 * newest first), into a new array freed with cull__free. entity, project, collection NULL: any;
 * a named one that is not there is NOTFOUND. */
cull_status cull__collections_sorted(const struct cull__catalog *catalog, const char *entity,
                                     const char *project, const char *collection, bool deleted_too,
                                     struct cull__collection ***out, size_t *count,
                                     cull_error *err);
/* Does a glob (*, ?, [a-z], [!a-z], \x) match the whole text? No recursion; O(text x stars). */
bool cull__glob_match(const char *glob, const char *text);

/* --- selections (selection.c): a version is taken if all three take it ------------------------ */

/* What all versions of a collection have. */
bool cull__selection_takes_collection(const cull_selection *selection,
                                      const struct cull__collection *collection);
/* What a version has without its texts. position_from_end: versions after it in its collection that are
 * in one of the selection's states. */
/* The run that a version names is not deleted, if one is asked for: what is deleted is forgotten, and
 * another of its name did not log what it logged. */
bool cull__selection_takes_run(const cull_selection *selection,
                               const struct cull__version *version);
bool cull__selection_takes_plain(const cull_selection *selection, const cull_version_info *info,
                                 uint32_t position_from_end);
/* Its aliases and tags; need they be there? */
bool cull__selection_takes_labels(const cull_selection *selection, const cull_version_info *info);
bool cull__selection_asks_labels(const cull_selection *selection);
/* The states that it is for, as bits. */
unsigned cull__selection_states(const cull_selection *selection);

/* --- checkpoint (catalog_save.c, catalog_load.c, version_load.c) --------------- */

cull_status cull__catalog_save(const struct cull__catalog *catalog, struct cull__buf *out);
/* Everything is checked: CULL_E_CORRUPT. */
cull_status cull__catalog_load(struct cull__catalog **out, const void *data, size_t len,
                               const cull_allocator *allocator, cull_error *err);
/* The same, but versions and aliases are looked at alone and stay in the bytes, which the catalog then
 * takes: *data is NULL afterwards. owner: whence they come. Until a collection is opened, nobody may
 * look at its versions and aliases; its figures are there. */
cull_status cull__catalog_load_sealed(struct cull__catalog **out, uint8_t **data, size_t len,
                                      const cull_allocator *owner, const cull_allocator *allocator,
                                      cull_error *err);
/* Open one, or all; nothing to do if they are. CULL_E_NOMEM: those that were sealed are so still. */
cull_status cull__collection_open(struct cull__catalog *catalog,
                                  struct cull__collection *collection);
cull_status cull__catalog_open(struct cull__catalog *catalog);
/* Needs memory; without it *why is this, and not everything was looked at. */
#define CULL__VALID_NO_MEMORY "no memory to compare ids"
bool cull__catalog_valid(const struct cull__catalog *catalog, const char **why);

#endif
