/*
 * log_internal.h - the interface of a log. Knows base only: facts are bytes here, already framed
 * and checksummed by fact.c; a log numbers them, keeps them in order, and never looks inside.
 *
 * SEQ       The number of facts appended so far. A batch of n facts appended at seq s holds the
 *           facts s+1 .. s+n and makes the log's seq s+n. A batch is one transaction.
 * CUT       Facts below the oldest kept checkpoints may be cut into the audit; reading from before
 *           the cut is CULL_E_MOVED: load a checkpoint first.
 */
#ifndef CULL_LOG_INTERNAL_H
#define CULL_LOG_INTERNAL_H

#include "base/buf.h"
#include "cull/log.h"

/* What this program understands; a log that asks for more is CULL_E_TOO_NEW. 2: facts of type
 * artifact-id. 3: those of roles, registries, times to live and policies. A log asks for no more than
 * what is in it needs (cull__fact_reader_min). */
#define CULL__READER_VERSION 3u
#define CULL__BATCH_BYTES_MAX (16u << 20)
#define CULL__SEGMENT_BYTES (1u << 20) /* where columns are cut */
#define CULL__CHECKPOINTS_KEPT 2
#define CULL__ROOM_NAME_MAX 32                /* [a-z_], its NUL not counted */
#define CULL__DOCUMENT_BYTES_MAX (900u << 20) /* SQLite holds at most 10^9 bytes in one row */

/* A document that becomes durable, or goes, with a batch: a version's stored manifest. */
struct cull__document {
    uint64_t id;      /* of the version */
    const void *data; /* NULL: read gives it, or without read: remove it */
    size_t len;       /* <= CULL__DOCUMENT_BYTES_MAX, else CULL_E_LIMIT */
    /* Fills data with len bytes from at on; asked for all of them, more than once. */
    cull_status (*read)(void *ctx, uint64_t at, void *data, size_t len, cull_error *err);
    void *ctx;
};

static inline bool cull__document_is_removal(const struct cull__document *document)
{
    return document->data == NULL && document->read == NULL;
}

struct cull__batch {
    const void *data;
    size_t len;          /* <= CULL__BATCH_BYTES_MAX, else CULL_E_LIMIT */
    uint32_t fact_count; /* at least 1 */
    uint32_t reader_min; /* the newest type in it; raises the log's */
    uint64_t now_ms;     /* of the batch, for the audit */
    bool gives_room;     /* may use what is kept for a full disk */
    const struct cull__document *documents;
    size_t document_count;
};

/* One column of a room's checkpoint. */
struct cull__column {
    uint64_t id;
    uint8_t *data; /* put: borrowed; get: allocated, freed by cull__columns_free */
    size_t len;
};

struct cull__checkpoint {
    uint64_t seq;
    struct cull__column *columns;
    size_t count;
};
void cull__checkpoint_release(struct cull__checkpoint *checkpoint, const cull_allocator *allocator);

struct cull__log_stat {
    uint64_t seq;       /* of the newest fact */
    uint64_t cut_seq;   /* facts up to here are no longer in the log */
    uint64_t log_bytes; /* of the batches still in the log */
    uint64_t document_count;
    uint64_t document_bytes;
    uint64_t checkpoint_bytes; /* segments, each once */
    uint64_t audit_bytes;      /* compressed */
};

enum cull__leader { CULL__LEADER_ACQUIRE, CULL__LEADER_CHECK, CULL__LEADER_RELEASE };

/* data is valid during the call only. The log is locked meanwhile: a visitor calls nothing of the
 * same log. A status other than CULL_OK ends the walk and is returned unchanged. */
typedef cull_status (*cull__batch_visit_fn)(void *ctx, uint64_t first_seq, uint32_t fact_count,
                                            uint64_t now_ms, const void *data, size_t len,
                                            cull_error *err);

/* Takes the next piece of a document; a status other than CULL_OK ends it and is returned. */
typedef cull_status (*cull__piece_fn)(void *ctx, const void *data, size_t len, cull_error *err);

struct cull__log_ops {
    const char *name;

    /* Append at exactly expected_seq: CULL_E_MOVED if the log is elsewhere, and nothing happened.
     * Durable on return, documents with it. *seq is the new seq. Several processes and threads. */
    cull_status (*append)(cull_log *log, uint64_t expected_seq, const struct cull__batch *batch,
                          uint64_t *seq, cull_error *err);
    /* The log's seq now; cheap (asked before every request). Also checks reader_min. */
    cull_status (*head)(cull_log *log, uint64_t *seq, cull_error *err);
    /* Visit the batches after since, in order, as one consistent view; since must be the end of a
     * batch. CULL_E_MOVED: since was cut. CULL_E_CORRUPT: a batch is missing or damaged, or the
     * log ends before since. Batches before the damaged place have been visited. */
    cull_status (*read)(cull_log *log, uint64_t since, cull__batch_visit_fn visit, void *ctx,
                        cull_error *err);
    /* Bytes of the batches after since, by one look-up; since as in read. */
    cull_status (*tail_bytes)(cull_log *log, uint64_t since, uint64_t *bytes, cull_error *err);

    /* Give a document's bytes to take, in pieces of at most 1 MiB, the log locked meanwhile: take
     * calls nothing of the same log. CULL_E_NOTFOUND; CULL_E_CORRUPT: what was given is damaged. */
    cull_status (*document_pieces)(cull_log *log, uint64_t id, cull__piece_fn take, void *ctx,
                                   cull_error *err);

    /* Write a room's checkpoint at seq, beside those that are there: a cut drops the old ones. Some
     * rooms' checkpoints are only of use together, and the writer may die between two of them, as
     * often as it may. Drops segments that no checkpoint names. Columns are cut every
     * CULL__SEGMENT_BYTES, segments are named by their XXH3-128, one that is there is not written
     * again. One transaction. An older or equal seq than the newest kept is not written
     * (CULL_OK). */
    cull_status (*checkpoint_put)(cull_log *log, const char *room, uint64_t seq,
                                  const struct cull__column *columns, size_t count,
                                  cull_error *err);
    /* Read the room's newest checkpoint (age 0), the one before (age 1), or an older one, every
     * segment and the listing checked against their hashes: CULL_E_CORRUPT if one is wrong,
     * CULL_E_NOTFOUND if there is none that old. Free with cull__checkpoint_release(). */
    cull_status (*checkpoint_get)(cull_log *log, const char *room, unsigned age,
                                  struct cull__checkpoint *out, cull_error *err);
    /* Bytes of the room's newest checkpoint and its seq; 0, 0 if there is none. */
    cull_status (*checkpoint_size)(cull_log *log, const char *room, uint64_t *seq, uint64_t *bytes,
                                   cull_error *err);
    /* One process writes checkpoints and cuts: CULL_E_BUSY if another does. */
    cull_status (*maintain_lock)(cull_log *log, bool acquire, cull_error *err);

    /* Move facts up to seq (the end of a batch; rounded down to one) into the audit, compressed
     * in one row per about 1 MiB, and drop audit rows all of whose facts are older than
     * audit_before_ms, and of each room all but the newest two of those checkpoints that the log
     * then no longer reaches. One transaction. */
    cull_status (*cut)(cull_log *log, uint64_t seq, uint64_t audit_before_ms, cull_error *err);
    /* Visit the batches in the audit, oldest first (those still in the log are not among them). */
    cull_status (*audit_read)(cull_log *log, cull__batch_visit_fn visit, void *ctx,
                              cull_error *err);

    /* The collector's lock: ACQUIRE answers CULL_E_BUSY if another handle has it, CULL_E_USAGE
     * inside of a group; CHECK whether we still have it (CULL_E_BUSY if not); it dies with its
     * process. */
    cull_status (*leader)(cull_log *log, enum cull__leader what, cull_error *err);

    /* Optional; NULL: CULL_E_USAGE. cull_log_group_begin() and cull_log_group_end(). */
    cull_status (*group_begin)(cull_log *log, cull_error *err);
    cull_status (*group_end)(cull_log *log, bool keep, cull_error *err);
    /* Optional; NULL: never. Does what is appended now wait for the end of a group? */
    bool (*is_grouped)(cull_log *log);

    cull_status (*stat)(cull_log *log, struct cull__log_stat *out, cull_error *err);
    void (*close)(cull_log *log); /* through cull_log_close() */
};

struct cull_log {
    const struct cull__log_ops *ops;
    const cull_allocator *allocator;
};

bool cull__log_is_grouped(cull_log *log);

/* Append a document's bytes to out. Statuses of document_pieces. */
cull_status cull__log_document(cull_log *log, uint64_t id, struct cull__buf *out, cull_error *err);

/* What every log asks of a batch before it looks at its own state: CULL_E_LIMIT. */
cull_status cull__batch_check(uint64_t expected_seq, const struct cull__batch *batch,
                              cull_error *err);

/* For tests: flip a bit in the first column of a checkpoint of a log in memory. False: none. */
bool cull__log_memory_damage(cull_log *log, const char *room, unsigned age);

#endif
