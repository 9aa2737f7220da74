/*
 * request.h - requests: what somebody asked a store for, as bytes and back, and doing it.
 *
 * Requests are traces: the simulator's and the fuzzer's histories, an import's steps. Replaying them
 * runs everything, checks and refusals included; replaying facts (log/fact.h) is recovery. They
 * share the facts' frame, with types of their own, and name things as people do: by names,
 * ordinals and digests, never by a number that one particular run gave.
 *
 * Decoding takes input as hostile: every length, count and range is checked, and what decodes
 * encodes to the same bytes.
 */
#ifndef CULL_REQUEST_H
#define CULL_REQUEST_H

#include "cull/gc.h"
#include "log/fact.h"

#define CULL__REQUEST_TYPE_FIRST 256u /* frame types below are facts */
#define CULL__REQUEST_SLOTS 16        /* uploads and plans at hand, per session */
#define CULL__REQUEST_PROCESSES 4
#define CULL__REQUEST_CONTENT_MAX (1u << 20)
#define CULL__REQUEST_DURATION_MS_MAX (UINT64_C(200) * 366 * 24 * 3600 * 1000)

enum cull__request_op {
    CULL__REQUEST_CREATE = 0,   /* settings: make the store and open it */
    CULL__REQUEST_OPEN,         /* slot, name, type, run, base, lease */
    CULL__REQUEST_PUT,          /* slot, blobs */
    CULL__REQUEST_SEND,         /* slot, contents: stage, publish, confirm */
    CULL__REQUEST_PUBLISH,      /* contents: into the object store, unknown to the store */
    CULL__REQUEST_CONFIRM,      /* slot, blobs */
    CULL__REQUEST_COMMIT,       /* slot, entries (full) or edits, aliases, tags, ttl, texts */
    CULL__REQUEST_ABORT,        /* slot */
    CULL__REQUEST_RENEW,        /* slot */
    CULL__REQUEST_DROP,         /* slot: the uploader is gone; the upload stays open */
    CULL__REQUEST_ALIAS_SET,    /* version, label */
    CULL__REQUEST_ALIAS_REMOVE, /* version (its collection), label */
    CULL__REQUEST_TAG,          /* version, label; present or not */
    CULL__REQUEST_DELETE,       /* versions */
    CULL__REQUEST_DELETE_SCOPE, /* scope, name, run */
    CULL__REQUEST_RESTORE,      /* versions, as */
    CULL__REQUEST_PLAN,         /* slot, gc: made and kept */
    CULL__REQUEST_EXECUTE,      /* slot, gc: the kept one */
    CULL__REQUEST_COLLECT,      /* gc: both at once */
    CULL__REQUEST_FINISH,       /* what an earlier cycle left */
    CULL__REQUEST_FSCK,         /* read data, repair */
    CULL__REQUEST_CLOCK,        /* advance */
    CULL__REQUEST_REFRESH,
    CULL__REQUEST_MAINTAIN, /* force */
    CULL__REQUEST_REOPEN,   /* close the handle, whatever it was doing, and open another */
    CULL__REQUEST_OPS
};

enum cull__request_flag {
    CULL__REQUEST_PATCH = 1,          /* COMMIT: the entries are edits of the base */
    CULL__REQUEST_DELETE_ALIASES = 2, /* DELETE */
    CULL__REQUEST_DRY_RUN = 4,        /* DELETE, DELETE_SCOPE */
    CULL__REQUEST_ARTIFACTS = 8,      /* DELETE_SCOPE of a run */
    CULL__REQUEST_PRESENT = 16,       /* TAG: add, else remove */
    CULL__REQUEST_READ_DATA = 32,     /* FSCK */
    CULL__REQUEST_REPAIR = 64,        /* FSCK */
    CULL__REQUEST_FORCE = 128,        /* MAINTAIN */
    CULL__REQUEST_VERIFY_FULL = 256,  /* PLAN, EXECUTE, COLLECT, and those below */
    CULL__REQUEST_EMPTY_STORE = 512,
    CULL__REQUEST_LARGE_PLAN = 1024,
    CULL__REQUEST_LATE_DELETES = 2048,
    CULL__REQUEST_SHORTER_GRACE = 4096 /* grace_ms says which */
};

/* What goes wrong beside the request: for the world around a session, which reads it. */
enum cull__request_fault {
    CULL__FAULT_NONE = 0,
    CULL__FAULT_PUBLISH = 1,       /* the object store refuses to publish */
    CULL__FAULT_PUBLISH_AFTER = 2, /* it published, and its answer is lost */
    CULL__FAULT_DELETE = 3,
    CULL__FAULT_DELETE_AFTER = 4,
    CULL__FAULT_RACE = 5, /* the next request comes between this one's check and its append */
    CULL__FAULTS = 6
};

/* A version, or its collection, by name. which 0: as cull_version_find() finds it; k > 0: the
 * k-th collection that was given this name, deleted or not, in order of birth. */
struct cull__request_version {
    const char *entity;
    const char *project;
    const char *collection;
    uint32_t which;
    uint32_t ordinal;
};

struct cull__request_content {
    const uint8_t *data;
    size_t len;
};

/* Fields that an op does not name above are zero; texts that are not given are "". The world's
 * fields come first: which process asks, and what goes wrong meanwhile. */
struct cull__request {
    enum cull__request_op op;
    uint32_t process;
    enum cull__request_fault fault;
    uint32_t slot;
    unsigned flags;
    cull_digest_kind kind; /* of all digests in it */
    const char *entity;
    const char *project;
    const char *collection;
    const char *type;
    const char *run;
    const char *label; /* an alias or tag; RESTORE: the new name */
    const char *description;
    const char *metadata;
    cull_scope_kind scope;
    uint32_t base; /* ordinal + 1; 0: none */
    uint64_t ms;   /* OPEN: lease; COMMIT: ttl; CLOCK: advance */
    uint64_t grace_ms;
    uint64_t max_deletes;
    uint64_t max_bytes;
    const cull_blob_ref *blobs;
    size_t blob_count;
    const struct cull__request_content *contents;
    size_t content_count;
    const cull_entry *entries; /* kind CULL_ENTRY_NONE removes, with CULL__REQUEST_PATCH only */
    size_t entry_count;
    const char *const *aliases;
    size_t alias_count;
    const char *const *tags;
    size_t tag_count;
    const struct cull__request_version *versions;
    size_t version_count;
    cull_store_settings settings; /* CREATE */
    void *memory;                 /* what the pointers above point into, if it was decoded */
    const cull_allocator *allocator;
};

#define CULL__REQUEST_INIT                                                                 \
    {                                                                                      \
        .entity = "", .project = "", .collection = "", .type = "", .run = "", .label = "", \
        .description = "", .metadata = ""                                                  \
    }

/* Append a request. Failure shows as buf->failed: no memory, or over CULL__FRAME_BYTES_MAX. */
void cull__request_encode(struct cull__buf *buf, const struct cull__request *request);
/* Decode one frame. CULL_E_INVALID: not a request, a number out of range, bytes left over,
 * anything not canonical. CULL_E_NOMEM. *out is safe to release in any case. */
cull_status cull__request_decode(struct cull__request *out, const struct cull__frame *frame,
                                 const cull_allocator *allocator, cull_error *err);
void cull__request_release(struct cull__request *request); /* of a decoded one */

/* "commit", for messages; NULL if there is no such op. */
const char *cull__request_op_name(unsigned op);

/* --- doing it (request_run.c) --------------------------------------------------------------- */

/* One process at work on a store: its handle, and its handles on uploads by slot. Which upload a
 * slot means is shared by all sessions, so that one may go on with what another began. */
struct cull__session {
    cull_log *log;         /* borrowed */
    cull_objects *objects; /* borrowed */
    const cull_allocator *allocator;
    cull_store *store;                         /* NULL: not open */
    const char *actor;                         /* borrowed */
    unsigned threads;                          /* of cycles; 0: one */
    uint64_t *now_ms;                          /* the clock, shared; CLOCK moves it */
    uint64_t *uploads;                         /* CULL__REQUEST_SLOTS ids, shared; 0: none */
    cull_upload *handles[CULL__REQUEST_SLOTS]; /* ours */
    cull_plan *plans[CULL__REQUEST_SLOTS];
};

/* What came of a request, beyond its status. */
struct cull__answer {
    cull_status status;
    cull_error error;
    uint64_t upload;                      /* OPEN */
    struct cull__buf puts;                /* PUT: an array of cull_put_answer, one for each blob */
    struct cull__buf missing;             /* COMMIT: an array of cull_digest */
    cull_commit_result commit;            /* COMMIT */
    struct cull__buf told;                /* DELETE_SCOPE: an array of cull_version_key */
    cull_plan_info plan;                  /* PLAN, COLLECT */
    struct cull__buf plan_blobs;          /* PLAN, COLLECT: an array of cull_blob_ref */
    struct cull__buf purged;              /* PLAN, COLLECT: an array of cull_version_key */
    cull_gc_result gc;                    /* EXECUTE, COLLECT */
    uint64_t finished;                    /* FINISH */
    cull_fsck_result fsck;                /* FSCK */
    char finding[CULL_ERROR_MESSAGE_MAX]; /* FSCK: the first problem */
    uint64_t seq;                         /* REFRESH */
};

void cull__answer_init(struct cull__answer *answer, const cull_allocator *allocator);
void cull__answer_clear(struct cull__answer *answer); /* keeps memory */
void cull__answer_release(struct cull__answer *answer);

/* Execute a request through the public interface. The status stands in the answer too; a slot
 * that is empty is CULL_E_NOTFOUND, an upload that is no longer open CULL_E_ENDED. */
cull_status cull__request_run(struct cull__session *session, const struct cull__request *request,
                              struct cull__answer *answer);
/* Give up the handles, as a process that dies does. */
void cull__session_release(struct cull__session *session);

#endif
