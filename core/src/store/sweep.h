/*
 * sweep.h - the steps of a cycle, as sweep.c takes them on objects and hand_over.c on lists.
 */
#ifndef CULL_SWEEP_H
#define CULL_SWEEP_H

#include "store/plan.h"

struct cull__sweep {
    cull_store *store;
    cull_plan *plan;
    const cull_gc_options *options;
    const cull_caller *caller;
    cull_gc_result *result;
    uint64_t cycle;
    size_t next;               /* in the plan's blobs */
    uint64_t passed;           /* blobs of the passes before */
    size_t end;                /* of the batch */
    struct cull__u32s numbers; /* of the batch, claimed */
    struct cull__u32s unsent;  /* those of them that no object was confirmed of; ascending */
    struct cull__fact_version *versions; /* of the batch: exact object versions */
    size_t version_count;
    size_t version_capacity;
    cull_error failure; /* of the first object that could not be deleted */
};

/* Append CYCLE: from here on older collectors are fenced. */
cull_status cull__sweep_begin(struct cull__sweep *sweep, cull_error *err);
/* CULL_E_BUSY if a newer cycle has begun: whatever we hold is no longer ours. */
cull_status cull__sweep_check_fence(const struct cull__sweep *sweep, cull_error *err);
/* Append the plan's expiries and purges, each checked again. */
cull_status cull__sweep_purge(struct cull__sweep *sweep, cull_error *err);
/* Set the next batch's end: by count, and by the limits of the options. */
void cull__sweep_bound(struct cull__sweep *sweep);
/* Is something of the plan left? Where it lists a part only, the next part is listed when this one is
 * done. False with another *status: that failed. */
bool cull__sweep_goes_on(struct cull__sweep *sweep, cull_status *status, cull_error *err);
/* Claim those of the batch that are still dead, into sweep->numbers. */
cull_status cull__sweep_claim(struct cull__sweep *sweep, cull_error *err);
/* The next DELETING blobs from a number on, at most a batch. */
cull_status cull__sweep_next_unfinished(cull_store *store, uint32_t from, struct cull__u32s *out,
                                        cull_error *err);
void cull__sweep_release(struct cull__sweep *sweep);

#endif
