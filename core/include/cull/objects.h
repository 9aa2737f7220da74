/**
 * @file cull/objects.h
 * Object stores: where blobs lie. One interface; a directory, memory, and a fault injector
 * come with the library, and a service may bring its own.
 *
 * LATE DELETES. A delete that a collector sent before it died may arrive after somebody has
 * uploaded the same content again. Each store says why that is harmless (late_deletes below);
 * one that cannot say so is refused.
 *
 * WHAT EACH KIND PROMISES. Always: what a committed or restorable version holds is there, and what
 * an open upload was told is stored stays until it ends. Against late requests of the dead:
 *
 *   impossible    A directory, memory. A delete has happened or not when its call returns, and the
 *                 store lets one collector at a time delete (`lock` below; where it has none, the
 *                 log's lock alone has to), whose lock dies with its process, so none can arrive
 *                 later: no blob is lost and nothing is left. It must
 *                 not be put behind something that queues (a network file system that replays, a
 *                 cache that writes back).
 *   version ids   A bucket with versioning on. The claim in the log names the object versions that
 *                 the cycle may delete, and no delete is ever sent without one, so a late delete
 *                 can only hit what was claimed. A late *put* of a dead uploader makes a version
 *                 that no claim names: never harmful, and fsck finds it as an orphan. Switching the
 *                 versioning off or suspending it takes the promise away: then everybody's newest
 *                 version has one and the same id, and a cycle refuses to begin.
 *   incarnation   A bucket without versions. A key ends in the number of cycles begun when its blob
 *                 was first named, so content that is uploaded again after a cycle claimed it lies
 *                 under a key that no earlier delete can name. The price is that one content can lie
 *                 there twice for a while. A late put under an old key is an orphan, as above.
 *   unsafe        Nothing holds: a late delete may take what was just uploaded. Refused without
 *                 --allow-late-deletes.
 *
 * A process that was stopped for days and goes on can lose its upload, which has expired: its puts
 * and its commit are refused by facts, not by its clock; its sends make orphans at worst. A
 * collector that was stopped is fenced: a newer cycle's number in the log refuses its facts, and
 * the deletes that it sends name only what had been claimed.
 */
#ifndef CULL_OBJECTS_H
#define CULL_OBJECTS_H

#include "cull/digest.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Why a delete that arrives late cannot take a new upload's object away. */
typedef enum cull_late_deletes {
    CULL_LATE_UNSAFE = 0,      /**< it can: refused without an override */
    CULL_LATE_IMPOSSIBLE = 1,  /**< none arrives: deletes are synchronous and die with us */
    CULL_LATE_VERSION_IDS = 2, /**< deletes name object versions, written in the claim first */
    CULL_LATE_INCARNATION = 3  /**< keys end in the incarnation: a new upload has a new key */
} cull_late_deletes;

/** State of a store's own versioning. Suspended counts as off where it is required. */
typedef enum cull_versioning {
    CULL_VERSIONING_NONE = 0,
    CULL_VERSIONING_ENABLED = 1,
    CULL_VERSIONING_SUSPENDED = 2
} cull_versioning;

/** Name of an object. The key is made from digest and, where the store's answer to late
 *  deletes asks for it, incarnation (0 elsewhere). */
typedef struct cull_object_id {
    cull_digest digest;
    uint32_t incarnation;
} cull_object_id;

/** One object version to be deleted. version is the store's own number, 0 where it has none. */
typedef struct cull_object_version {
    cull_object_id id;
    uint64_t version;
} cull_object_version;

/** What is known of one stored object. */
typedef struct cull_object_info {
    cull_status status; /**< CULL_OK, CULL_E_NOTFOUND, or why it could not be asked */
    uint64_t size_bytes;
    uint64_t modified_ms; /**< Unix time; 0 if unknown, and unknown age means keep */
} cull_object_info;

/** Called for each listed object. name: the key as it lies there; id NULL: it does not parse. */
typedef cull_status (*cull_object_visit_fn)(void *ctx, const char *name, const cull_object_id *id,
                                            const cull_object_info *info);

/** Where staged bytes come from: a file descriptor (fd >= 0, read from its start, may be
 *  cloned) or a function. Borrowed for the call. */
typedef struct cull_source {
    int fd;
    cull_read_fn read;
    void *ctx;
    uint64_t size_bytes_max; /**< more than this is CULL_E_LIMIT */
} cull_source;

/** Bytes that lie in the store under a temporary name, not yet an object. */
typedef struct cull_staged {
    cull_digest digest; /**< of the bytes that were stored, read back or taken on the way in */
    uint64_t size_bytes;
    uint64_t token; /**< the store's own */
} cull_staged;

typedef struct cull_objects cull_objects;

/** Operations of an object store. A store embeds struct cull_objects FIRST; ops is one static
 *  const table. All may be called from several threads at once unless said otherwise. */
typedef struct cull_objects_ops {
    uint32_t struct_bytes; /**< sizeof at the store's compile time; later fields are NULL */
    const char *name;      /**< lower_snake_case; appears in messages and JSON */

    /** Required. Calls visit once per stored object, in any order. A result other than CULL_OK
     *  ends the walk and is returned unchanged. Concurrent additions may be missed.
     *  Temporary and quarantined files are not objects and are not listed. */
    cull_status (*list)(cull_objects *objects, cull_object_visit_fn visit, void *ctx,
                        cull_error *err);

    /** Required. Fills info[i] for each id; info[i].status says what of each. */
    cull_status (*stat_batch)(cull_objects *objects, const cull_object_id *ids, size_t count,
                              cull_object_info *info, cull_error *err);

    /** Required. Streams an object's current bytes to write. CULL_E_NOTFOUND if absent. */
    cull_status (*read)(cull_objects *objects, const cull_object_id *id, cull_write_fn write,
                        void *ctx, cull_error *err);

    /** Required. Stores a source's bytes under a temporary name and takes the digest of what
     *  was stored. Not durable, not an object. Ended by publish or discard. */
    cull_status (*stage)(cull_objects *objects, const cull_source *source, cull_staged *out,
                         cull_error *err);

    /** Required. Makes staged[i] the object ids[i], all durable on return. What is there already
     *  may stay only if it was read and has the digest (and where digests can be forged it
     *  should); anything else is replaced, also of the same size: it may have been damaged since
     *  somebody left it there. There is no instant without an object, and two that publish the
     *  same one at once leave one of them. result[i]
     *  CULL_OK only for what is durable. Staged tokens are consumed whatever the result.
     *  Returns CULL_OK if every result is, else CULL_E_PARTIAL or, if none is, the first
     *  failure. */
    cull_status (*publish)(cull_objects *objects, const cull_staged *staged,
                           const cull_object_id *ids, size_t count, cull_status *result,
                           cull_error *err);

    /** Required. Gives staged bytes up. Never fails. */
    void (*discard)(cull_objects *objects, const cull_staged *staged);

    /** Required. Deletes and fills result[i] for each. Already gone is CULL_OK, so a repeated
     *  sweep is harmless. Durable on return. Returns CULL_OK if every result is, else
     *  CULL_E_PARTIAL or, if none is, the first failure. */
    cull_status (*delete_batch)(cull_objects *objects, const cull_object_version *versions,
                                size_t count, cull_status *result, cull_error *err);

    /** Required. The store's answer to late deletes. */
    cull_late_deletes (*late_deletes)(cull_objects *objects);

    /** Optional. Calls visit for each version of an object, delete markers not included, with
     *  info of that version; *version through the ctx of the caller. Required where
     *  late_deletes answers CULL_LATE_VERSION_IDS. */
    cull_status (*versions)(cull_objects *objects, const cull_object_id *id,
                            cull_status (*visit)(void *ctx, uint64_t version), void *ctx,
                            cull_error *err);

    /** Optional. NULL: the store keeps no old versions. */
    cull_status (*versioning)(cull_objects *objects, cull_versioning *state, cull_error *err);

    /** Optional. Sets a damaged object aside, where it can be looked at and is no object any
     *  more: the very one that stat_batch has told of as *seen, by size and time. One that was
     *  published since stays (CULL_E_NOTFOUND), also if that happens in the middle of the call.
     *  NULL: damaged objects are only reported. */
    cull_status (*quarantine)(cull_objects *objects, const cull_object_id *id,
                              const cull_object_info *seen, cull_error *err);

    /** Optional. Removes temporary files older than before_ms; *count of them. */
    cull_status (*clean_staged)(cull_objects *objects, uint64_t before_ms, uint64_t *count,
                                cull_error *err);

    /** Required. Frees the store's handle. The objects stay. */
    void (*close)(cull_objects *objects);

    /** Optional. Take (or give back) the right to delete: until it is given back or the process
     *  ends, however it ends, every other handle of the same objects is told CULL_E_BUSY. Taken by
     *  a collector for a whole cycle, beside the log's lock and whatever becomes of that; never
     *  twice at once through one handle. A store needs it whose late_deletes answers
     *  CULL_LATE_IMPOSSIBLE and that more than one process can open: nothing else there keeps a
     *  collector that was stopped in the midst of a batch from deleting, when it goes on, what has
     *  been sent again since. */
    cull_status (*lock)(cull_objects *objects, bool take, cull_error *err);

    /** Optional. Makes an object durable that is there and that publish may not have put there: a
     *  backup was copied back. On return it survives what a published one does. CULL_E_NOTFOUND.
     *  NULL: whatever can be read is durable. */
    cull_status (*settle)(cull_objects *objects, const cull_object_id *id, cull_error *err);
} cull_objects_ops;

struct cull_objects {
    const cull_objects_ops *ops;
};

/** Close any object store; NULL is accepted. */
CULL_API void cull_objects_close(cull_objects *objects);

/* --- directory -------------------------------------------------------------------------- */

typedef struct cull_objects_directory_options {
    const char *path; /**< the store's directory; holds objects/, quarantine/, tmp/ */
    cull_digest_kind digest;
    uint32_t stage_prefix;           /**< makes temporary names of this process unique: its pid */
    bool create;                     /**< make the folders; otherwise they must be there */
    const cull_allocator *allocator; /**< NULL: default */
} cull_objects_directory_options;

/**
 * Objects as files `objects/ab/ab12...` of one local directory, fanned out by the first digest
 * byte. Staging clones (FICLONE), else copy_file_range, else copies; digests are taken of what
 * was stored; one syncfs and one folder sync per batch; deletes go through open fan-out
 * directories; no symlink is followed and nothing outside the directory is touched.
 * Late deletes: impossible (unlink is synchronous; a collector locks objects/ itself, flock(2), and
 * the lock dies with its process).
 *
 * @retval CULL_E_NOTFOUND the directory is not there (and create is false)
 * @retval CULL_E_INVALID  a part of it is a symlink, or no directory
 * @retval CULL_E_IO, CULL_E_NOMEM
 */
CULL_API CULL_MUST_USE cull_status cull_objects_directory_open(
    cull_objects **out, const cull_objects_directory_options *options, cull_error *err);

/* --- memory ----------------------------------------------------------------------------- */

typedef struct cull_objects_memory_options {
    cull_digest_kind digest;
    cull_versioning versioning;      /**< plays a bucket's answers */
    cull_late_deletes late;          /**< what it says of late deletes */
    bool deliver_late;               /**< publishes and deletes queue until delivered, any order */
    const cull_allocator *allocator; /**< NULL: default */
} cull_objects_memory_options;

/**
 * Objects in memory, for simulation and tests; may be shared by several stores of one process.
 *
 * VERSIONING. NONE: publish and delete as in a directory; versions are 0. ENABLED: each publish
 * adds a version (2, 3, ...), also of a key that is there; a delete that names one removes it
 * for good, one that names none (0) hides the object and keeps its versions. SUSPENDED: publish
 * replaces version 1, which is what buckets call null (what was written before versioning is
 * version 1, too), and older ones remain; a delete of version 1 can therefore hit a new upload.
 *
 * LATE. With deliver_late, publish and delete give CULL_E_BUSY for each element until that
 * request was delivered; the same call again then tells its result, once, and a later one is a
 * new request. Staged bytes leave with the first call, and the repeated one names them again.
 */
CULL_API CULL_MUST_USE cull_status cull_objects_memory_new(
    cull_objects **out, const cull_objects_memory_options *options, cull_error *err);
/** Set the time that new objects carry. */
CULL_API void cull_objects_memory_set_time(cull_objects *memory, uint64_t now_ms);
/** Switch versioning, as a bucket's owner may at any time. */
CULL_API void cull_objects_memory_set_versioning(cull_objects *memory, cull_versioning versioning);
/** Requests that wait (deliver_late). */
CULL_API size_t cull_objects_memory_pending(cull_objects *memory);
/** Deliver waiting request number which (modulo their count), oldest first. */
CULL_API void cull_objects_memory_deliver(cull_objects *memory, size_t which);
/** The same, and the request goes on waiting: it will arrive a second time. */
CULL_API void cull_objects_memory_redeliver(cull_objects *memory, size_t which);
/** Whoever sent requests so far has died: they still arrive, and nobody is told. */
CULL_API void cull_objects_memory_hang_up(cull_objects *memory);
/** Objects held, current versions; and their bytes. */
CULL_API size_t cull_objects_memory_count(cull_objects *memory, uint64_t *bytes);
/** Damage for tests: flip a byte of an object's bytes. CULL_E_NOTFOUND; CULL_E_INVALID: it has
 *  none; CULL_E_NOMEM. */
CULL_API CULL_MUST_USE cull_status cull_objects_memory_corrupt(cull_objects *memory,
                                                               const cull_object_id *id);
/** Damage for tests: take an object with all its versions away behind everybody's back.
 *  CULL_E_NOTFOUND. */
CULL_API CULL_MUST_USE cull_status cull_objects_memory_lose(cull_objects *memory,
                                                            const cull_object_id *id);

/* --- faulty ----------------------------------------------------------------------------- */

/** Decides the fate of one operation: CULL_OK lets it through, anything else is its result,
 *  for every element of a batch, and nothing was done (staged bytes are given up). n counts all
 *  questions from 1. op is "list", "stat", "read", "stage", "publish", "delete", "versions",
 *  "versioning", "quarantine", "clean", "lock" or "settle"; and, after the work, "publish.after" and
 *  "delete.after": refusing these loses the answer of what was done. */
typedef cull_status (*cull_fault_fn)(void *ctx, const char *op, uint64_t n);

/** Wrap a store: every operation first asks fault. Takes ownership of inner on success. */
CULL_API CULL_MUST_USE cull_status cull_objects_faulty_new(cull_objects **out, cull_objects *inner,
                                                           cull_fault_fn fault, void *ctx,
                                                           const cull_allocator *allocator,
                                                           cull_error *err);

#ifdef __cplusplus
}
#endif

#endif
