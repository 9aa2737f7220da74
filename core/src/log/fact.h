/*
 * fact.h - facts, and the frame that facts and requests share.
 *
 * FRAME     offset 0  u32  payload length, at most CULL__FRAME_BYTES_MAX
 *           offset 4  u16  type; a type never changes its meaning
 *           offset 6  u16  reserved, 0
 *           offset 8  u64  XXH3-64 of the payload, seeded with type
 *           offset 16      payload; all numbers little-endian or canonical varints
 *
 * A fact is what happened. Applying one refuses nothing, but every number in it is range-checked:
 * one that does not fit means a damaged log. Sets of numbers are ascending ranges (gap, length),
 * so that blobs born together cost a few bytes. One transaction's facts start with a STAMP.
 */
#ifndef CULL_FACT_H
#define CULL_FACT_H

#include "base/buf.h"
#include "cull/digest.h"

#define CULL__FRAME_HEADER 16
#define CULL__FRAME_BYTES_MAX ((16u << 20) - CULL__FRAME_HEADER)

struct cull__frame {
    uint16_t type;
    const uint8_t *payload; /* borrowed from the input */
    size_t len;
};

/* Start a frame; returns where it starts, for cull__frame_end, which fills length and checksum
 * and marks the buffer failed if the payload is too long. */
size_t cull__frame_begin(struct cull__buf *buf, uint16_t type);
void cull__frame_end(struct cull__buf *buf, size_t start);
/* Take the next frame. CULL_E_CORRUPT: cut short, too long, wrong checksum, reserved bits. */
cull_status cull__frame_next(struct cull__cursor *cursor, struct cull__frame *out, cull_error *err);

enum cull__fact_type {
    CULL__FACT_STAMP = 1,              /* time, actor: of the facts that follow */
    CULL__FACT_STORE = 2,              /* settings */
    CULL__FACT_ENTITY = 3,             /* id, name */
    CULL__FACT_PROJECT = 4,            /* id, parent (entity), name */
    CULL__FACT_COLLECTION = 5,         /* id, parent (project), name, type */
    CULL__FACT_RUN = 6,                /* id, parent (project), name */
    CULL__FACT_UPLOAD_OPEN = 7,        /* id, parent (collection), run, base, until */
    CULL__FACT_PIN = 8,                /* id (upload), numbers (known), blobs (new) */
    CULL__FACT_STORED = 9,             /* numbers: their objects are durable */
    CULL__FACT_COMMIT = 10,            /* id (version), parent (upload), ... , closed, opened */
    CULL__FACT_UPLOAD_END = 11,        /* id, how */
    CULL__FACT_UPLOAD_RENEW = 12,      /* id, until */
    CULL__FACT_ALIAS = 13,             /* parent (collection), ordinal, name: set or move */
    CULL__FACT_ALIAS_REMOVE = 14,      /* parent, name */
    CULL__FACT_TAG = 15,               /* parent, ordinal, name, how: 1 add, 0 remove */
    CULL__FACT_DELETE = 16,            /* parent (collection), numbers (ordinals), until, how */
    CULL__FACT_RESTORE = 17,           /* parent, numbers (ordinals) */
    CULL__FACT_PURGE = 18,             /* parent, numbers (ordinals) */
    CULL__FACT_COLLECTION_DELETE = 19, /* id */
    CULL__FACT_COLLECTION_REVIVE = 20, /* id, name */
    CULL__FACT_RUN_DELETE = 21,        /* id */
    CULL__FACT_CYCLE = 22,             /* id: the cycle's number */
    CULL__FACT_CLAIM = 23,             /* id (cycle), numbers, versions */
    CULL__FACT_GONE = 24,              /* id (cycle), numbers */
    CULL__FACT_ADOPT = 25,             /* blobs (orphans, DELETING at once), versions */
    CULL__FACT_LOST = 26,              /* numbers: EXPECTED again */
    CULL__FACT_VERIFIED = 27,          /* id (cycle): fully verified */
    CULL__FACT_RELEASE = 28,           /* id (cycle), numbers: DELETING taken back, LIVE again */
    CULL__FACT_SIZES = 29,             /* numbers, sizes: of blobs that had none, or nobody holds */
    CULL__FACT_RESIZE = 30,            /* parent (collection), ordinal, total: known better now */
    CULL__FACT_ARTIFACT_ID = 31,       /* parent (collection), ordinal, name: base64; set or move */
    CULL__FACT_ROLE = 32,              /* parent (entity or registry), how: role, name: user */
    CULL__FACT_REGISTRY = 33,          /* id, parent (entity), name */
    CULL__FACT_PORTFOLIO = 34,         /* id, parent (registry), name, kind */
    CULL__FACT_LINK = 35,              /* id, parent (portfolio), ordinal, source */
    CULL__FACT_UNLINK = 36,            /* parent (portfolio), numbers (ordinals) */
    CULL__FACT_LINK_ALIAS = 37,        /* parent (portfolio), ordinal, name: set or move */
    CULL__FACT_LINK_ALIAS_REMOVE = 38, /* parent (portfolio), name */
    CULL__FACT_PROTECT = 39,           /* parent (registry), how: 1 or 0, name */
    CULL__FACT_PORTFOLIO_DELETE = 40,  /* id */
    CULL__FACT_REGISTRY_DELETE = 41,   /* id */
    CULL__FACT_STRICT_LINKS = 42,      /* how: 1 or 0 */
    CULL__FACT_TTL = 43,               /* parent (collection), until: own TTL, numbers (ordinals) */
    CULL__FACT_TTL_DEFAULT = 44,   /* parent (entity), until: TTL, how: 1 by administrators only */
    CULL__FACT_POLICY = 48,        /* name, kind (globs of aliases), policy: set or replace */
    CULL__FACT_POLICY_REMOVE = 49, /* name */
    CULL__FACT_TYPES = 50
};

enum cull__upload_end { CULL__END_ABORTED = 1, CULL__END_EXPIRED = 2, CULL__END_EQUAL = 3 };

/* A blob as a fact introduces it. */
struct cull__fact_blob {
    uint32_t number;
    uint32_t incarnation;
    uint64_t size_bytes;
    cull_digest digest;
};

/* A claimed blob's object version. */
struct cull__fact_version {
    uint32_t number;
    uint64_t version;
};

struct cull__fact_settings {
    cull_digest_kind digest;
    bool index_only;
    uint64_t grace_ms;
    uint64_t lease_ms;
    uint64_t seed;
    uint32_t late_deletes;
    uint64_t created_ms;
};

struct cull__fact_commit {
    uint64_t collection;
    uint32_t ordinal;
    uint8_t manifest_digest[16];
    uint64_t entries;
    uint64_t blobs; /* distinct: the fingerprint's count */
    uint64_t sum;   /* the fingerprint's sum */
    uint64_t size_bytes;
    bool size_exact;
    uint64_t ttl_ms; /* 0: none */
};

struct cull__fact_policy {
    uint32_t keep_last;
    uint32_t keep_every;
    uint64_t keep_younger_ms;
    uint64_t ttl_ms;
    bool allow_empty;
};

/* One fact of any type; fields not named beside its type are zero. Texts are borrowed, not
 * terminated; arrays are borrowed from the caller (encode) or the scratch (decode). */
struct cull__fact {
    enum cull__fact_type type;
    uint64_t id;
    uint64_t parent;
    uint64_t run;
    uint64_t until_ms; /* STAMP: now */
    uint32_t ordinal;  /* UPLOAD_OPEN: base + 1, 0 none */
    uint32_t how;
    const char *name; /* STAMP: actor; STORE: hosting */
    size_t name_len;
    const char *kind; /* COLLECTION: type */
    size_t kind_len;
    const uint32_t *numbers; /* ascending; COMMIT: closed */
    size_t number_count;
    const uint64_t *sizes;  /* one for each of numbers */
    const uint32_t *opened; /* ascending */
    size_t opened_count;
    const struct cull__fact_blob *blobs;
    size_t blob_count;
    const struct cull__fact_version *versions;
    size_t version_count;
    struct cull__fact_settings settings;
    struct cull__fact_commit commit;
    uint64_t total_bytes; /* RESIZE */
    bool total_exact;
    uint64_t source; /* LINK: collection and ordinal */
    uint32_t source_ordinal;
    struct cull__fact_policy policy;
};

/* Append one fact. digest_len: of the store's digests. Failure shows as buf->failed: no memory, or
 * over CULL__FRAME_BYTES_MAX. */
void cull__fact_encode(struct cull__buf *buf, const struct cull__fact *fact, size_t digest_len);

/* Arrays of the last decoded fact; reused from fact to fact. */
struct cull__fact_scratch {
    struct cull__buf numbers;
    struct cull__buf sizes;
    struct cull__buf opened;
    struct cull__buf blobs;
    struct cull__buf versions;
};
void cull__fact_scratch_init(struct cull__fact_scratch *scratch, const cull_allocator *allocator);
void cull__fact_scratch_release(struct cull__fact_scratch *scratch);

/* Decode one frame. CULL_E_CORRUPT: unknown type, a number out of range, bytes left over,
 * anything not canonical: what decodes encodes to the same bytes. CULL_E_NOMEM. */
cull_status cull__fact_decode(struct cull__fact *out, const struct cull__frame *frame,
                              size_t digest_len, struct cull__fact_scratch *scratch,
                              cull_error *err);

/* The least CULL__READER_VERSION that a program needs to understand a type. */
uint32_t cull__fact_reader_min(enum cull__fact_type type);

/* Is the fact one of those that lead to objects being deleted, so that a disk that is full gets room
 * back? Taking a delete back is one, too: who may delete on a full disk may think better of it. */
bool cull__fact_gives_room(enum cull__fact_type type);

/* Name of a type for messages and the audit: "commit"; NULL if unknown. */
const char *cull__fact_type_name(unsigned type);

#endif
