/**
 * @file cull/audit.h
 * What happened in a store, who did it and when: read from the facts of the log, and of its audit,
 * which keeps them for 400 days after they were cut from it.
 */
#ifndef CULL_AUDIT_H
#define CULL_AUDIT_H

#include "cull/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One change. Strings are borrowed for the visit only. */
typedef struct cull_audit_record {
    uint64_t seq;     /**< of the fact; several records may come from one */
    uint64_t time_ms; /**< Unix time */
    const char *actor;
    const char *action; /**< "commit", "delete", "purge", "alias", "create-collection", ... */
    const char *name;   /**< qualified: "e/p/c:v3", "e/p/c", "e", "cycle 7", "store" */
    const char *detail; /**< an alias, a tag, a reason, a count; "" if there is none */
    const cull_digest
        *manifest_digest; /**< of a version, 16 bytes; NULL: no version, or not known */
} cull_audit_record;

typedef struct cull_audit_filter {
    uint64_t since_ms; /**< 0: any */
    const char *actor; /**< NULL: any */
    const char
        *name; /**< "e", "e/p", "e/p/c" or "e/p/c:vN": that, and what lies in it; NULL: any */
} cull_audit_filter;

typedef cull_status (*cull_audit_visit_fn)(void *ctx, const cull_audit_record *record);

/**
 * Visit the changes that a filter takes, oldest first. What only moves content (pins, objects that were
 * confirmed, sizes that were learned, renewed leases) is not among them. A name is the one of that time,
 * if the audit reaches back to where it was given, else today's. The handle and the log are locked during
 * the visit: do not call the store from it.
 * Cost: O(log and audit).
 */
CULL_API CULL_MUST_USE cull_status cull_audit(cull_store *store, const cull_audit_filter *filter,
                                              cull_audit_visit_fn visit, void *ctx,
                                              cull_error *err);

#ifdef __cplusplus
}
#endif

#endif
