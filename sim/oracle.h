/*
 * oracle.h - what a store must be after a history of requests: slow, obvious, and without any code
 * of the library's.
 *
 * A version is its manifest, written out. What a blob is held by is found by looking at every
 * version and every upload, each time it is asked. oracle_step() says what a request should have
 * answered and does it to the sets; oracle_compare() looks whether the library holds the same.
 */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include "world.h"

#define ORACLE_TEXT_MAX 24
#define ORACLE_ENTRIES_MAX 8
#define ORACLE_LABELS_MAX 12
#define ORACLE_PINS_MAX 32

struct oracle_entry {
    char path[ORACLE_TEXT_MAX];
    cull_digest digest;
    uint64_t size_bytes;
};

struct oracle_manifest {
    struct oracle_entry entries[ORACLE_ENTRIES_MAX]; /* by path */
    size_t count;
};

struct oracle_labels { /* a set, ascending */
    char text[ORACLE_LABELS_MAX][ORACLE_TEXT_MAX];
    size_t count;
};

struct oracle_version {
    struct oracle_manifest manifest; /* kept when purged: it says where lifespans end */
    cull_version_state state;
    cull_delete_reason reason;
    struct oracle_labels tags;
    struct oracle_labels lost; /* aliases that its delete took */
    size_t run;                /* ORACLE_NONE: none */
    uint64_t created_ms;
    uint64_t deleted_ms;
    uint64_t kept_until_ms;
    uint64_t ttl_ms;
};

#define ORACLE_NONE SIZE_MAX

struct oracle_collection {
    uint64_t id; /* 0: not learned yet */
    char entity[ORACLE_TEXT_MAX];
    char project[ORACLE_TEXT_MAX];
    char name[ORACLE_TEXT_MAX];
    char type[ORACLE_TEXT_MAX];
    bool deleted;
    struct oracle_version *versions; /* by ordinal */
    size_t version_count;
    size_t version_capacity;
    struct oracle_labels aliases;
    uint32_t alias_ordinals[ORACLE_LABELS_MAX];
};

struct oracle_run {
    char entity[ORACLE_TEXT_MAX];
    char project[ORACLE_TEXT_MAX];
    char name[ORACLE_TEXT_MAX];
    bool deleted;
};

struct oracle_upload {
    uint64_t id;
    size_t collection;
    size_t run;
    uint32_t base; /* ordinal + 1; 0: none */
    uint64_t lease_ms;
    uint64_t until_ms;
    bool open;
    uint32_t process; /* that used it last */
    cull_digest pins[ORACLE_PINS_MAX];
    size_t pin_count;
};

enum oracle_blob_state { ORACLE_EXPECTED = 1, ORACLE_LIVE, ORACLE_DELETING };

struct oracle_blob {
    cull_digest digest;
    uint64_t size_bytes;
    enum oracle_blob_state state;
    uint32_t incarnation;
    uint64_t serial;  /* of blobs ever named: tells two of one digest apart */
    unsigned claimed; /* DELETING: object versions that the claim named */
    bool deleted;     /* these are deleted, though the answer was lost */
    bool unsure;      /* a stale plan may have claimed it, or not: the comparison looks */
    bool answer_lost; /* and if it did, the object is gone and nobody knows */
};

struct oracle_object {
    cull_digest digest;
    uint64_t size_bytes;
    uint32_t incarnation;
    unsigned versions; /* that can be seen; 0: none */
    unsigned listed;   /* of these, when a claim that lost a race listed them */
    uint64_t modified_ms;
};

struct oracle_planned {
    cull_digest digest;
    uint64_t size_bytes;
    uint32_t incarnation;
    uint64_t serial;
    uint64_t frees_bytes; /* 0 if no object was confirmed */
};

#define ORACLE_PLAN_MAX 256

/* What executing a plan came to. */
struct oracle_execution {
    uint64_t expired, purged;
    uint64_t deleted, bytes, finished, rescued, failed;
    uint64_t unsure; /* may be deleted, or not */
    bool limit;
};

struct oracle_plan {
    bool there;
    bool begun; /* being executed: its versions are purged */
    bool raced; /* and somebody went ahead of its claim */
    bool done;
    bool refused;
    struct oracle_execution run;
    uint64_t seq;
    struct oracle_planned blobs[ORACLE_PLAN_MAX]; /* by digest */
    size_t blob_count;
    cull_version_key purged[ORACLE_PLAN_MAX];
    size_t purged_count;
    cull_version_key expired[ORACLE_PLAN_MAX];
    size_t expired_count;
};

/* What histories reached. A history that reaches nothing finds nothing. */
#define ORACLE_REACHED(X)                                         \
    X(COMMITS, "commits")                                         \
    X(PATCHES, "commits of a patch")                              \
    X(OLDER_BASE, "commits on an older base")                     \
    X(EQUAL, "commits of an equal manifest")                      \
    X(LATE_COMMITS, "commits refused: too late")                  \
    X(NOT_STORED, "commits refused: blobs missing")               \
    X(PUT_STORED, "puts answered stored")                         \
    X(PUT_SEND, "puts answered send")                             \
    X(WAITS, "puts answered wait")                                \
    X(RESCUES, "dead blobs named again")                          \
    X(INCARNATIONS, "new incarnations beside a DELETING blob")    \
    X(EXPIRIES, "leases expired")                                 \
    X(HANDED_OVER, "uploads continued by another process")        \
    X(ALIAS_MOVES, "aliases moved")                               \
    X(ALIAS_REFUSALS, "deletes refused: aliases")                 \
    X(DELETES, "versions soft-deleted")                           \
    X(CASCADES, "cascades")                                       \
    X(RESTORES, "versions restored")                              \
    X(REVIVALS, "collections brought back")                       \
    X(TAKEN_NAMES, "restores refused: name taken")                \
    X(TTL_EXPIRIES, "versions expired by TTL")                    \
    X(PURGES, "versions purged")                                  \
    X(PURGED_HEADS, "heads purged")                               \
    X(PURGED_TOGETHER, "neighbours purged together")              \
    X(KEPT_BASES, "due versions kept as a base")                  \
    X(CYCLES, "cycles executed")                                  \
    X(FREED, "blobs deleted")                                     \
    X(STALE_PLANS, "plans executed after the log moved on")       \
    X(RESCUED_AT_CLAIM, "planned blobs rescued before the claim") \
    X(SPARED_VERSIONS, "planned versions spared at execution")    \
    X(FAILED_DELETES, "cycles with failed deletes")               \
    X(RESUMED, "deletions resumed")                               \
    X(LIMITED, "cycles stopped at a limit")                       \
    X(REFUSED_EMPTY, "cycles refused: nothing would be left")     \
    X(REPAIRS, "orphans adopted by a repair")                     \
    X(FROM_LOG, "reopened from the log")                          \
    X(FROM_CHECKPOINT, "reopened from a checkpoint")              \
    X(LAGGED, "requests of a process that lagged")                \
    X(CUT_OFF, "lagging processes that the log was cut under")    \
    X(RACES, "appends that lost a race")

enum oracle_reached {
#define X(id, text) REACHED_##id,
    ORACLE_REACHED(X)
#undef X
        REACHED_COUNT
};

struct oracle {
    const struct world *world;
    cull_store_settings settings;
    struct oracle_collection *collections; /* in order of birth */
    size_t collection_count;
    size_t collection_capacity;
    struct oracle_run *runs;
    size_t run_count;
    size_t run_capacity;
    struct oracle_upload *uploads;
    size_t upload_count;
    size_t upload_capacity;
    struct oracle_blob *blobs;
    size_t blob_count;
    size_t blob_capacity;
    struct oracle_object *objects;
    size_t object_count;
    size_t object_capacity;
    struct oracle_plan plans[WORLD_PROCESSES][CULL__REQUEST_SLOTS];
    uint64_t cycles;
    uint64_t serial;
    bool created;
    uint64_t reached[REACHED_COUNT];
    char broken[1024]; /* the first violation; "" while there is none */
};

void oracle_init(struct oracle *oracle, const struct world *world,
                 const cull_store_settings *settings);
void oracle_release(struct oracle *oracle);
/* The answer that the library gave to a request, judged; then the request, done to the sets.
 * fault: the request's fault really struck. */
void oracle_step(struct oracle *oracle, const struct cull__request *request,
                 const struct cull__answer *answer, bool fault);
/* What a cycle with plain options would do now. */
void oracle_plan_now(struct oracle *oracle, struct oracle_plan *out);
/* A plan's execution has come to its first claim, and somebody else goes ahead. */
void oracle_claims(struct oracle *oracle, const struct cull__request *request);
/* Everything that a process's handle says, and the objects, against the sets. thorough: also what
 * is slow to ask for. salt chooses among things of which one is asked for at a time. */
void oracle_compare(struct oracle *oracle, struct cull__session *session, bool thorough,
                    uint64_t salt);

void oracle_break(struct oracle *oracle, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *oracle_reached_name(unsigned what);

/* oracle_cycle.c: the requests that plan and delete. */
void oracle_cycle_step(struct oracle *oracle, const struct cull__request *request,
                       const struct cull__answer *answer, bool fault);

/* --- what the steps share -------------------------------------------------------------------- */

/* Is the answer's status one of these (bits 1 << status)? If not, the history is broken. */
bool oracle_expect(struct oracle *oracle, const struct cull__request *request,
                   const struct cull__answer *answer, unsigned statuses);
#define ORACLE_BIT(status) (1u << (status))
void oracle_expire(struct oracle *oracle); /* every upload whose lease is over ends */
void oracle_end(struct oracle_upload *upload);
void oracle_delete(struct oracle *oracle, struct oracle_collection *collection, size_t ordinal,
                   cull_delete_reason reason);
void oracle_publish(struct oracle *oracle, const cull_digest *digest, uint64_t size_bytes,
                    uint32_t incarnation);
/* A new element at the end of an array that grows; zero. */
void *oracle_grow(void **array, size_t *count, size_t *capacity, size_t size);

/* --- looking: for the comparison and for who draws the next request --------------------------- */

struct oracle_collection *oracle_find(const struct oracle *oracle, const char *entity,
                                      const char *project, const char *name); /* a live one */
/* What a request's version means: NULL, or the collection; *version NULL if no such ordinal. */
struct oracle_collection *oracle_resolve(const struct oracle *oracle,
                                         const struct cull__request_version *ref,
                                         struct oracle_version **version);
struct oracle_upload *oracle_upload(const struct oracle *oracle, uint32_t slot); /* or NULL */
/* The blob that a digest means now; NULL. */
struct oracle_blob *oracle_blob(const struct oracle *oracle, const cull_digest *digest);
struct oracle_object *oracle_object(const struct oracle *oracle, const cull_digest *digest,
                                    uint32_t incarnation);
bool oracle_holds(const struct oracle_manifest *manifest, const cull_digest *digest);
bool oracle_retained(const struct oracle_version *version);
bool oracle_pins(const struct oracle_upload *upload, const cull_digest *digest);
bool oracle_base_holds(const struct oracle *oracle, const struct oracle_upload *upload,
                       const cull_digest *digest);
/* Lifespans that retained versions cross, and pins; of a digest's blob as it is now. */
uint64_t oracle_count(const struct oracle *oracle, const cull_digest *digest);
uint64_t oracle_pin_count(const struct oracle *oracle, const cull_digest *digest);
uint64_t oracle_base_pins(const struct oracle *oracle, const struct oracle_collection *collection,
                          size_t ordinal);
bool oracle_due(const struct oracle *oracle, const struct oracle_version *version,
                uint64_t shorter_ms);
size_t oracle_alias(const struct oracle_collection *collection, const char *name);
bool oracle_label_has(const struct oracle_labels *labels, const char *text);

#endif
