/**
 * @file cull/policy.h
 * Retention policies: what a store keeps of its collections by itself. A cycle (cull/gc.h) applies
 * them first: it soft-deletes what they let go, with the reason CULL_REASON_POLICY, so that it can be
 * restored for the store's grace like any other delete.
 *
 * A policy is for all live collections whose name its glob matches, and says what it keeps; what is
 * none of this it lets go. Where several match, a version goes only if all of them let it go: what one
 * keeps, no other takes. A version that cannot be deleted, because of a link with a protected alias, is
 * never taken. Setting and removing take an administrator of every entity that a policy is for.
 */
#ifndef CULL_POLICY_H
#define CULL_POLICY_H

#include "cull/gc.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CULL_POLICY_NAME_MAX 255    /**< bytes of a policy's name */
#define CULL_POLICIES_MAX 256       /**< in a store */
#define CULL_POLICY_GLOBS_MAX 32    /**< alias globs of one */
#define CULL_POLICY_GLOBS_BYTES 255 /**< of all of them, with a byte between two */

typedef struct cull_policy {
    const char *collections; /**< "entity/project/collection", each part a glob; its name */
    uint32_t keep_last;      /**< the last N versions; 0: not said */
    uint32_t keep_every;     /**< v0, vK, v2K, ...; 0: not said */
    const char *const *keep_alias_globs; /**< those with such an alias */
    size_t keep_alias_glob_count;
    uint64_t keep_younger_ms; /**< those created less long ago; 0: not said */
    uint64_t ttl_ms;  /**< those that are as old go, whatever is kept above, but for those with a
                           TTL of their own and types that take none; 0: none */
    bool allow_empty; /**< may leave a collection without any version */
} cull_policy;

/**
 * Keep a policy; one of the same name is replaced.
 * @retval CULL_E_USAGE   it says nothing, or its name or a glob has not the form
 * @retval CULL_E_REFUSED the actor is no administrator; or, as things are, it would leave a
 *                        collection empty, and allow_empty is false
 * @retval CULL_E_LIMIT   there are CULL_POLICIES_MAX already
 * Cost: O(versions of the collections that it is for).
 */
CULL_API CULL_MUST_USE cull_status cull_policy_set(cull_store *store, const cull_policy *policy,
                                                   const cull_caller *caller, cull_error *err);

/** Forget one. CULL_E_NOTFOUND; CULL_E_REFUSED: the actor is no administrator. */
CULL_API CULL_MUST_USE cull_status cull_policy_remove(cull_store *store, const char *collections,
                                                      const cull_caller *caller, cull_error *err);

typedef cull_status (*cull_policy_visit_fn)(void *ctx, const cull_policy *policy);

/** Visit the policies, by name; borrowed for the visit. */
CULL_API CULL_MUST_USE cull_status cull_policies(cull_store *store, cull_policy_visit_fn visit,
                                                 void *ctx, cull_error *err);

typedef enum cull_policy_verdict {
    CULL_POLICY_LETS_GO = 1, /**< it is none of what is kept */
    CULL_POLICY_TTL = 2,     /**< the policy's TTL is over */
    CULL_POLICY_REFUSED = 3  /**< it would go, but nothing of its collection would be left, and the
                                  policy does not allow that: all of it stays */
} cull_policy_verdict;

/** Of those that let the version go, the first by name. */
typedef cull_status (*cull_policy_test_fn)(void *ctx, const cull_version_info *version,
                                           const cull_policy *policy, cull_policy_verdict verdict);

/**
 * Tell what a cycle at now_ms would delete by policy, and why. Changes nothing.
 * @param policy  NULL: those that the store keeps; else this one as if it were the only one
 * Versions come in the order of cull_select(). The handle is locked during the visit.
 * @retval CULL_E_USAGE  as cull_policy_set()
 */
CULL_API CULL_MUST_USE cull_status cull_policy_test(cull_store *store, const cull_policy *policy,
                                                    uint64_t now_ms, cull_policy_test_fn visit,
                                                    void *ctx, cull_error *err);

#ifdef __cplusplus
}
#endif

#endif
