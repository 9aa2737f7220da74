/*
 * policy.h - retention policies as the catalog keeps and judges by them. See cull/policy.h.
 */
#ifndef CULL_CATALOG_POLICY_H
#define CULL_CATALOG_POLICY_H

#include "cull/policy.h"

struct cull__catalog;
struct cull__collection;
struct cull__version;
struct cull__buf;
struct cull__cursor;

/* A policy with its texts; one block of memory. */
struct cull__policy {
    struct cull__policy *next; /* by name */
    cull_policy says;          /* its texts are those below */
    const char *parts[3];      /* globs of entity, project, collection */
    const char *globs[CULL_POLICY_GLOBS_MAX];
    char texts[2 * CULL_POLICY_NAME_MAX + CULL_POLICY_GLOBS_BYTES + 3];
};

/* As a fact and the checkpoint say it; globs are joined by '/', which no alias has. */
struct cull__policy_row {
    const char *name;
    size_t name_len;
    const char *globs;
    size_t globs_len;
    uint32_t keep_last;
    uint32_t keep_every;
    uint64_t keep_younger_ms;
    uint64_t ttl_ms;
    bool allow_empty;
};

/* The row of what a caller says; its globs lie in joined. CULL_E_USAGE. */
cull_status cull__check_policy(const cull_policy *policy, struct cull__policy_row *out,
                               char joined[CULL_POLICY_GLOBS_BYTES + 1], cull_error *err);
/* What a row says; false: it has not the form. */
bool cull__policy_read(struct cull__policy *out, const struct cull__policy_row *row);

cull_status cull__apply_policy(struct cull__catalog *catalog, const struct cull__policy_row *row);
cull_status cull__apply_policy_remove(struct cull__catalog *catalog, const char *name, size_t len);
struct cull__policy *cull__policy_find(const struct cull__catalog *catalog, const char *name,
                                       size_t len);
void cull__policies_free(struct cull__catalog *catalog);
uint64_t cull__policies_memory(const struct cull__catalog *catalog);
const char *cull__policies_broken(const struct cull__catalog *catalog);

/* Behind all else of the catalog's room, if there are any. */
void cull__policies_save(const struct cull__catalog *catalog, struct cull__buf *out);
cull_status cull__policies_load(struct cull__catalog *catalog, struct cull__cursor *in);

/* Policies that count together. */
struct cull__policy_set {
    const struct cull__policy *at[CULL_POLICIES_MAX];
    size_t count;
};
/* Those of a list that are for a collection; instead of the one of its name, if there is one, `also`
 * (NULL: nothing). */
void cull__policies_for(const struct cull__policy *list, const struct cull__policy *also,
                        const struct cull__collection *collection, struct cull__policy_set *out);

typedef cull_status (*cull__policy_judge_fn)(void *ctx, const struct cull__collection *collection,
                                             const struct cull__version *version,
                                             const struct cull__policy *policy,
                                             cull_policy_verdict verdict);
/* Visit the versions that a set lets go, of an open collection, by ordinal; all as REFUSED if
 * nothing would be left that must be. O(versions x policies). */
cull_status cull__policies_judge(const struct cull__catalog *catalog,
                                 const struct cull__policy_set *set,
                                 const struct cull__collection *collection, uint64_t now_ms,
                                 cull__policy_judge_fn visit, void *ctx);

#endif
