/**
 * @file cull/gc.h
 * Garbage collection: a cycle is plan, verify, purge, sweep, by one collector at a time.
 */
#ifndef CULL_GC_H
#define CULL_GC_H

#include "cull/store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cull_gc_options {
    uint64_t now_ms;
    bool verify_full;         /**< all collections and fingerprints (else when due) */
    bool allow_empty_store;   /**< a plan after which no version is left */
    bool allow_large_plan;    /**< over half of the blobs and over 1,000 */
    bool allow_late_deletes;  /**< an object store that cannot say why they are harmless */
    bool allow_shorter_grace; /**< purge what was deleted grace_ms ago, whatever was promised */
    uint64_t grace_ms;        /**< only with allow_shorter_grace */
    unsigned threads;         /**< that verify in full, and delete objects, 1 to 64; 0: one */
    uint64_t max_deletes;     /**< stop after so many blobs; 0: no limit */
    uint64_t max_bytes;       /**< stop before more bytes than this are freed; 0: no limit */
    uint64_t max_memory; /**< bytes for lists of blobs, at least 72 KB: a larger plan is made and
                                    executed in passes over ranges of blobs; 0: no limit */
    cull_progress_fn progress; /**< may stop the cycle between batches; NULL */
    void *progress_ctx;
    const char *gorilla_gc_enabled;  /**< value of GORILLA_ARTIFACT_GC_ENABLED; NULL: not set. See
                                         cull_gc_gate() */
    uint64_t (*clock_ns)(void *ctx); /**< for the seconds in results only; NULL: they are 0 */
    void *clock_ctx;
} cull_gc_options;

/** How a store may be hosted, and what must hold for its cycles. */
typedef struct cull_hosting {
    const char *name;      /**< as in cull_store_settings.hosting */
    bool needs_versioning; /**< the bucket's versioning (on Azure: its soft delete) is on */
    bool needs_enabled;    /**< GORILLA_ARTIFACT_GC_ENABLED is "true" where the cycle runs */
    const char *text;      /**< a few words */
} cull_hosting;

/** All of them, static; returns their count. */
CULL_API size_t cull_hostings(const cull_hosting **out);

/**
 * Is garbage collection enabled where the store is hosted? Asked by every plan (as its refusal) and
 * again by its execution. An object store that cannot have versions (a directory), and one that is
 * not there (an index only), needs no versioning.
 * @param options  gorilla_gc_enabled alone counts; the library reads no environment
 * @retval CULL_E_REFUSED  err names all that is missing, and how to mend it; nothing changes
 */
CULL_API CULL_MUST_USE cull_status cull_gc_gate(cull_store *store, const cull_gc_options *options,
                                                cull_error *err);

typedef struct cull_plan cull_plan;

/**
 * Decide what a cycle would delete. Deletes nothing; pure in (log position, now_ms, options).
 *
 * Takes as soft-deleted every version that the store's policies let go, and every one whose TTL is
 * over; as purged every soft-deleted version that is due and not the base of an open upload; finds
 * the blobs that nothing else holds; and verifies: that what the purges would take is what the rule of the mark says, that all counts
 * together are all lifespans and pins, and that what changed since the last time is what was kept of
 * it; and, when due, every count, every lifespan and the fingerprints of all versions, with
 * options->threads. Other calls have the handle while it verifies.
 *
 * @param[out] out  New plan, blobs sorted by digest; NULL on failure. Freed by cull_plan_free().
 * @retval CULL_E_DAMAGED  counts, mark or fingerprints disagree; err names the first. No plan is
 *                         made: collecting a damaged store destroys evidence.
 * @retval CULL_E_BUSY     other cycles purged again and again while this one was verified in full
 * Cost: time follows the versions that are soft-deleted or have a TTL, those of the collections that
 * policies are for, what they kill, and what changed; a full verification is O(lifespans + blobs).
 * Memory: 64 bytes a blob of the plan, 4 a killed lifespan, 16 a version of the largest collection and thread.
 */
CULL_API CULL_MUST_USE cull_status cull_gc_plan(cull_plan **out, cull_store *store,
                                                const cull_gc_options *options, cull_error *err);
CULL_API void cull_plan_free(cull_plan *plan);

typedef struct cull_plan_info {
    uint64_t seq;     /**< the log position that it was made at */
    uint64_t expired; /**< versions whose TTL is over: they become soft-deleted */
    uint64_t let_go;  /**< versions that the store's policies (cull/policy.h) let go: they become
                              soft-deleted, before those that expire */
    uint64_t
        policy_refused;  /**< versions that they would let go, but nothing would be left of their
                              collections: they stay */
    uint64_t versions;   /**< that will be purged */
    uint64_t blobs;      /**< that will be deleted */
    uint64_t listed;     /**< of them, that the plan names: all, unless max_memory is too little */
    uint64_t bytes;      /**< of those that have an object; known sizes only, here and in
                              cull_gc_result */
    bool bytes_exact;    /**< all of them are known */
    uint64_t unfinished; /**< blobs left DELETING by an earlier cycle, finished first */
    uint64_t references; /**< that versions hold to blobs, as lifespans, in the whole store */
    uint64_t lifespans;
    bool verified_full;
    const char *refusal; /**< why execute would refuse, with the way out; NULL */
    uint64_t plan_ns;    /**< the whole plan; 0 without a clock */
    uint64_t mark_ns;    /**< of it, verifying what changed, or everything */
} cull_plan_info;

CULL_API void cull_plan_get_info(const cull_plan *plan, cull_plan_info *out);
/** The versions that will be purged, in order; *count of them; borrowed from the plan. */
CULL_API const cull_version_key *cull_plan_versions(const cull_plan *plan, size_t *count);
/** The versions that will expire; borrowed. */
CULL_API const cull_version_key *cull_plan_expired(const cull_plan *plan, size_t *count);
/** The versions that policies let go; borrowed. */
CULL_API const cull_version_key *cull_plan_let_go(const cull_plan *plan, size_t *count);
/** The blob at i < info.listed, in order of digests. */
CULL_API void cull_plan_blob(const cull_plan *plan, size_t i, cull_blob_ref *out);

typedef struct cull_gc_result {
    uint64_t cycle; /**< its number */
    uint64_t seq;   /**< of the log afterwards */
    uint64_t versions_expired, versions_purged;
    uint64_t versions_let_go; /**< by policy */
    uint64_t blobs_deleted, bytes_freed;
    bool bytes_exact;        /**< the sizes of all that bytes_freed is of are known */
    uint64_t blobs_rescued;  /**< in the plan, but named by somebody since */
    uint64_t blobs_failed;   /**< the object store did not delete; the next cycle tries again */
    uint64_t blobs_finished; /**< of blobs_deleted: left over by an earlier cycle */
    bool limit;              /**< stopped at max_deletes, max_bytes, or by progress */
    uint64_t sweep_ns;
} cull_gc_result;

/**
 * Execute a plan, once: finish what an earlier cycle left, append expiries and purges (each
 * checked again), then batch by batch claim blobs whose count is still 0, delete, append gone.
 * What the plan does not list for want of max_memory is found and deleted in further passes.
 * A crash anywhere is finished by the next cycle. Takes the collector's lock.
 *
 * @retval CULL_E_BUSY     another collector is at work
 * @retval CULL_E_REFUSED  the plan's refusal; an index-only store; a plan executed before; an object
 *                         store that keeps late deletes harmless by version ids and whose
 *                         versioning is not enabled now
 * @retval CULL_E_PARTIAL  some objects could not be deleted (out says how many)
 * @retval CULL_E_CANCELLED progress asked to stop; out says what was done (out->limit)
 */
CULL_API CULL_MUST_USE cull_status cull_gc_execute(cull_store *store, cull_plan *plan,
                                                   const cull_gc_options *options,
                                                   const cull_caller *caller, cull_gc_result *out,
                                                   cull_error *err);

/* --- stores that keep no objects: the caller deletes ------------------------------------------ */

/** Called for each blob that is free to go. */
typedef cull_status (*cull_free_visit_fn)(void *ctx, const cull_blob_ref *blob);

/**
 * Execute a plan on an index-only store: append expiries and purges, claim the blobs (they are
 * DELETING from then on, and a put that names one is told to wait), and tell of every blob that
 * is DELETING, those of earlier lists too, each after its claim is durable. The caller deletes
 * them wherever they lie and then confirms, or releases them. Blobs that uploads only named, that no
 * version came to hold and nobody confirmed, are forgotten, and not told of.
 * @retval CULL_E_REFUSED the plan's refusal; a store that keeps objects
 * @retval CULL_E_BUSY    another collector is at work
 * Statuses of visit are passed on; what was claimed stays, and the next list tells of it again.
 */
CULL_API CULL_MUST_USE cull_status cull_gc_list(cull_store *store, cull_plan *plan,
                                                const cull_gc_options *options,
                                                const cull_caller *caller, cull_free_visit_fn visit,
                                                void *ctx, cull_gc_result *out, cull_error *err);

/** Say that the content of these blobs, told by cull_gc_list(), has been deleted: they are gone.
 *  *count of them; digests that are not being deleted (gone already, or released) are passed over.
 *  CULL_E_REFUSED: a store that keeps objects. CULL_E_BUSY. */
CULL_API CULL_MUST_USE cull_status cull_gc_confirm(cull_store *store, const cull_digest *digests,
                                                   size_t count, const cull_caller *caller,
                                                   uint64_t *confirmed, cull_error *err);

/** Take blobs told by cull_gc_list() back: their content is still there, they can be named again.
 *  As cull_gc_confirm() otherwise. */
CULL_API CULL_MUST_USE cull_status cull_gc_release(cull_store *store, const cull_digest *digests,
                                                   size_t count, const cull_caller *caller,
                                                   uint64_t *released, cull_error *err);

/** Finish deletions that somebody left in the middle, for whoever met a *wait*: takes the
 *  collector's lock, deletes what is DELETING, appends gone. CULL_E_BUSY: a collector is at work,
 *  and will do it. CULL_E_REFUSED as in cull_gc_execute(). */
CULL_API CULL_MUST_USE cull_status cull_gc_finish(cull_store *store, const cull_caller *caller,
                                                  uint64_t *finished, cull_error *err);

#ifdef __cplusplus
}
#endif

#endif
