/*
 * catalog_internal.h - what the files of the catalog share: making, linking and freeing its nodes.
 *
 * The functions here check no rules. Those that make a node add it to all its tables or to none.
 */
#ifndef CULL_CATALOG_INTERNAL_H
#define CULL_CATALOG_INTERNAL_H

#include "catalog/catalog.h"

#define CULL__NOT_FOUND SIZE_MAX

/* Rule 8; rules 2 and 3; and what runs and types are called: valid UTF-8 of 1 to 128 bytes without
 * control characters. */
bool cull__name_ok(const char *name, size_t len);
bool cull__label_ok(const char *label, size_t len);
bool cull__text_ok(const char *text, size_t len);

/* Is it the id that apply must give next? */
static inline bool cull__id_fits(const struct cull__catalog *catalog, uint64_t id)
{
    return id == catalog->next_id && id < UINT64_MAX;
}

/* --- nodes (catalog.c): NULL is no memory ---------------------------------------------------- */

/* The one copy of a text, which lives as long as the catalog. */
const char *cull__catalog_intern(struct cull__catalog *catalog, const char *text, size_t len);

struct cull__entity *cull__entity_add(struct cull__catalog *catalog, uint64_t id, const char *name,
                                      size_t len);
struct cull__project *cull__project_add(struct cull__catalog *catalog, uint64_t id,
                                        struct cull__entity *entity, const char *name, size_t len);
struct cull__run *cull__run_add(struct cull__catalog *catalog, uint64_t id,
                                struct cull__project *project, const char *name, size_t len,
                                bool deleted);
struct cull__collection *cull__collection_add(struct cull__catalog *catalog, uint64_t id,
                                              struct cull__project *project, const char *name,
                                              size_t len, const char *type, bool deleted);
struct cull__upload *cull__upload_add(struct cull__catalog *catalog, uint64_t id,
                                      struct cull__collection *collection, struct cull__run *run,
                                      uint32_t base);
/* Free an upload: its collection, run and base let go of it. */
void cull__upload_drop(struct cull__catalog *catalog, struct cull__upload *upload);
/* Free a deleted run or collection that nothing refers to any more. */
void cull__run_drop_if_done(struct cull__catalog *catalog, struct cull__run *run);
void cull__collection_drop_if_done(struct cull__catalog *catalog,
                                   struct cull__collection *collection);

/* What a cycle must look at (pending.c). Room for the bits of all ordinals below next_ordinal + 1:
 * CULL_E_NOMEM. */
cull_status cull__pending_reserve(const struct cull__catalog *catalog,
                                  struct cull__collection *collection);
/* Does a version's state say that a cycle must look at it? Room is there if it does. */
bool cull__version_pending(const struct cull__collection *collection,
                           const struct cull__version *version);
/* What its entity says of TTLs changed, and with that which of its versions a cycle must look at. Room
 * is there (cull__pending_reserve()); a sealed collection is looked at when it is opened. */
cull_status cull__pending_refresh_entity(struct cull__catalog *catalog,
                                         struct cull__entity *entity); /* ttl.c; makes room */
void cull__pending_refresh(struct cull__catalog *catalog, struct cull__collection *collection);
/* A version has become, or is no longer, one of them. */
void cull__pending_set(struct cull__catalog *catalog, struct cull__collection *collection,
                       uint32_t ordinal, bool pending);
/* NULL, or what is wrong with the bits. */
const char *cull__pending_broken(const struct cull__catalog *catalog,
                                 const struct cull__collection *collection);

/* Room for one more version; growth by half. */
cull_status cull__versions_reserve(const struct cull__catalog *catalog,
                                   struct cull__collection *collection, size_t want);
/* Take out the versions of these ordinals, which are there and hold nothing any more. */
void cull__versions_remove(const struct cull__catalog *catalog, struct cull__collection *collection,
                           const uint32_t *ordinals, size_t count);
/* Free a collection's versions and aliases, and what says where they are. */
void cull__collection_empty(struct cull__catalog *catalog, struct cull__collection *collection);
/* The bytes that sealed collections lie in (version_load.c). */
void cull__sealed_free(struct cull__catalog *catalog);
/* What a version owns. */
void cull__version_release(struct cull__catalog *catalog, struct cull__version *version);
/* Position of a retained version, looked for from `from` on; CULL__NOT_FOUND. O(1) if it stands
 * at `from`, or if none is missing below it; else O(log versions). */
size_t cull__version_seek(const struct cull__collection *collection, size_t from, uint32_t ordinal);

struct cull__alias *cull__alias_add(const struct cull__catalog *catalog,
                                    struct cull__collection *collection,
                                    struct cull__version *version, const char *name, size_t len);
void cull__alias_drop(const struct cull__catalog *catalog, struct cull__collection *collection,
                      struct cull__alias *alias);
/* Move an alias to another version. */
void cull__alias_move(struct cull__collection *collection, struct cull__alias *alias,
                      struct cull__version *version);

/* A label before *at, which then points at it. */
struct cull__label *cull__label_insert(const struct cull__catalog *catalog, struct cull__label **at,
                                       const char *text, size_t len);
/* Where a text stands in an ascending list, or would stand. */
struct cull__label **cull__label_seek(struct cull__label **labels, const char *text, size_t len,
                                      bool *there);
void cull__labels_free(const struct cull__catalog *catalog, struct cull__label **labels);

/* Look-ups with lengths; as in lookup.c. */
struct cull__entity *cull__entity_find_len(const struct cull__catalog *catalog, const char *name,
                                           size_t len);
struct cull__project *cull__project_find_len(const struct cull__entity *entity, const char *name,
                                             size_t len);
struct cull__collection *cull__collection_find_len(const struct cull__project *project,
                                                   const char *name, size_t len);
struct cull__run *cull__run_find_len(const struct cull__project *project, const char *name,
                                     size_t len);
struct cull__alias *cull__alias_find_len(const struct cull__collection *collection,
                                         const char *name, size_t len);

/* --- ids of artifacts (artifact_id.c) ---------------------------------------------------------- */

bool cull__artifact_id_ok(const char *text, size_t len);
/* An id that nobody has, for a version; false: no memory. */
bool cull__artifact_id_add(struct cull__catalog *catalog, struct cull__collection *collection,
                           struct cull__version *version, const char *text, size_t len);
void cull__artifact_id_move(struct cull__artifact_id *id, struct cull__collection *collection,
                            struct cull__version *version);
/* All of a version's, which goes. */
void cull__artifact_ids_free(struct cull__catalog *catalog, struct cull__version *version);
uint64_t cull__artifact_ids_memory(const struct cull__catalog *catalog); /* without the table */
/* NULL, or the first broken rule of a version's ids. */
const char *cull__artifact_ids_broken(const struct cull__catalog *catalog,
                                      const struct cull__collection *collection,
                                      const struct cull__version *version);

/* --- equal manifests (equal.c): never fail ---------------------------------------------------- */

/* A version became COMMITTED, or is about to stop being it; positions are those in versions. */
void cull__equal_add(const struct cull__catalog *catalog, struct cull__collection *collection,
                     size_t position);
void cull__equal_remove(const struct cull__catalog *catalog, struct cull__collection *collection,
                        size_t position);
/* Forget the table: positions changed, or rebuilding costs less than removing. */
void cull__equal_drop(const struct cull__catalog *catalog, struct cull__collection *collection);
/* NULL, or the first broken rule of the table. */
const char *cull__equal_broken(const struct cull__catalog *catalog,
                               const struct cull__collection *collection);

/* --- roles (roles.c) --------------------------------------------------------------------------- */

/* Give a role, or another; false: no memory. */
bool cull__role_set(struct cull__catalog *catalog, struct cull__role **roles, const char *user,
                    size_t len, uint32_t role);
void cull__roles_free(struct cull__catalog *catalog, struct cull__role **roles);
uint64_t cull__roles_memory(const struct cull__role *roles);
/* NULL, or the first broken rule; adds to *count. */
const char *cull__roles_broken(const struct cull__role *roles, uint64_t *count);

/* --- links (links.c) --------------------------------------------------------------------------- */

/* NULL, false: no memory. A project becomes a registry. */
bool cull__registry_make(const struct cull__catalog *catalog, struct cull__project *project);
struct cull__portfolio *cull__portfolio_add(struct cull__catalog *catalog, uint64_t id,
                                            struct cull__project *registry, const char *name,
                                            size_t len, const char *type);
/* Its source is there; created by the catalog's actor at its clock. */
struct cull__link *cull__link_add(struct cull__catalog *catalog, uint64_t id,
                                  struct cull__portfolio *portfolio, uint32_t ordinal,
                                  struct cull__collection *collection, uint32_t source_ordinal);
bool cull__link_alias_add(const struct cull__catalog *catalog, struct cull__link *link,
                          const char *name, size_t len);
/* Those of these versions (ascending) that have links are about to be soft-deleted: note what is to
 * come back, CULL_E_NOMEM; then either lose the links, or forget what was noted. */
cull_status cull__links_note(const struct cull__catalog *catalog,
                             const struct cull__collection *collection, const uint32_t *ordinals,
                             size_t count);
void cull__links_lose(const struct cull__catalog *catalog,
                      const struct cull__collection *collection, const uint32_t *ordinals,
                      size_t count, bool lose);
/* A version comes back: bring back the aliases of its links that are free and not protected,
 * CULL_E_NOMEM; then either have the links again, or take the aliases away. */
cull_status cull__links_regain(const struct cull__catalog *catalog,
                               const struct cull__collection *collection, uint32_t ordinal);
void cull__links_have(const struct cull__catalog *catalog,
                      const struct cull__collection *collection, uint32_t ordinal, bool have);
/* A version is purged: its links, which are lost, go for good. */
void cull__links_purge(struct cull__catalog *catalog, struct cull__collection *collection,
                       uint32_t ordinal);
/* Everything, when the catalog goes: tables of portfolios first, as they are read. */
void cull__links_free_all(struct cull__catalog *catalog);
uint64_t cull__links_memory(const struct cull__catalog *catalog);
/* NULL, or the first broken rule of portfolios, links and protected aliases. */
const char *cull__links_broken(const struct cull__catalog *catalog);
const char *cull__labels_broken(const struct cull__label *labels);

/* --- checking (catalog_valid.c) ---------------------------------------------------------------- */

/* Ids of the whole catalog are positive, below next_id, and no two are equal. */
/* Sorts them. */
bool cull__ids_distinct(uint64_t *ids, size_t count);
cull_status cull__catalog_check_ids(const struct cull__catalog *catalog, bool *ok);

#endif
