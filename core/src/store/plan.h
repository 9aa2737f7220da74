/*
 * plan.h - a cycle's plan, as plan.c makes it and sweep.c executes it.
 */
#ifndef CULL_PLAN_H
#define CULL_PLAN_H

#include "store/store_internal.h"

struct cull__plan_blob {
    cull_digest digest;
    uint64_t size_bytes;
    uint32_t number;
    uint32_t incarnation;
    bool sent; /* LIVE: an object was confirmed. What was never sent frees nothing */
};

struct cull_plan {
    const cull_allocator *allocator;
    cull_plan_info info;
    cull_version_key *purged; /* sorted; info.versions of them */
    size_t purged_capacity;
    cull_version_key *expired; /* sorted; info.expired of them */
    size_t expired_capacity;
    cull_version_key *let_go; /* sorted; info.let_go of them, by policy */
    size_t let_go_capacity;
    struct cull__plan_blob *blobs; /* by digest; info.listed of them */
    size_t listed_max;             /* in one pass */
    uint32_t next_pass; /* numbers below it were looked at by the further passes so far */
    char refusal[CULL_ERROR_MESSAGE_MAX];
    bool executed;
};

/* May this version be purged by a cycle with these options at this instant? Used by the plan and,
 * once more, under the log's lock. released: base pins of uploads whose lease is over. */
bool cull__plan_takes(const struct cull__version *version, const cull_gc_options *options,
                      uint64_t now_ms, uint32_t released);
/* The plan's versions are purged, and all that it lists was taken: list the next of what is dead.
 * info.listed is 0 if nothing is. The caller holds the lock. */
cull_status cull__plan_next_pass(cull_plan *plan, cull_store *store, cull_error *err);
/* Is a blob in a state that a cycle may claim it in? Where no objects are kept, EXPECTED is not one:
 * such a blob is forgotten (hand_over.c). The caller holds the lock. */
bool cull__blob_can_die(const cull_store *store, uint32_t number);
/* Numbers of the blobs that a cycle at this instant would find dead, by count or by what it would
 * purge, expire and end first; not verified. For figures; the caller holds the lock. */
cull_status cull__plan_dead(cull_store *store, uint64_t now_ms, struct cull__u32s *dead);
/* The versions that the store's policies let go at an instant, sorted into *keys; *count of them and of
 * those that they would, but must not, because nothing would be left. The caller holds the lock. */
cull_status cull__policies_take(const cull_store *store, uint64_t now_ms, cull_version_key **keys,
                                size_t *capacity, uint64_t *count, uint64_t *refused);
/* A version of the catalog that a key names; NULL. */
struct cull__version *cull__key_version(const cull_store *store, const cull_version_key *key);

#endif
