/*
 * draw.h - the next request of a random history.
 */
#ifndef SIM_DRAW_H
#define SIM_DRAW_H

#include "oracle.h"

#define DRAW_SLOTS 3 /* uploads at once */
#define DRAW_PATHS 3
#define DRAW_NAMES 3 /* collections */
#define DRAW_PLANS 2
#define DRAFT_VERSIONS_MAX 3

enum draw_action {
    DRAW_UPLOAD, /* the next sensible step of some upload */
    DRAW_MISUSE, /* a step of an upload that may not be sensible */
    DRAW_ABORT,
    DRAW_RENEW,
    DRAW_DROP,
    DRAW_ALIAS,
    DRAW_TAG,
    DRAW_DELETE,
    DRAW_SCOPE,
    DRAW_RESTORE,
    DRAW_COLLECT,
    DRAW_PLAN,
    DRAW_EXECUTE,
    DRAW_FINISH,
    DRAW_FSCK,
    DRAW_CLOCK,
    DRAW_REFRESH,
    DRAW_MAINTAIN,
    DRAW_REOPEN,
    DRAW_STRAY, /* an object that nobody asked for */
    DRAW_ACTIONS
};

/* What an upload is meant to become: path by path, a letter, or one of these. */
enum { DRAW_KEEP = -1, DRAW_REMOVE = -2 };

struct draw_target {
    bool patch;
    int letters[DRAW_PATHS];
};

struct draw {
    uint64_t state; /* of the generator */
    /* What is drawn comes from here if it is not NULL, and is 0 when nothing is left: then a fuzzer
     * chooses. */
    const uint8_t *bytes;
    size_t bytes_left;
    unsigned weights[DRAW_ACTIONS];
    unsigned letters;
    unsigned names;
    bool two_processes;
    bool faults;
    bool races;
    bool runs;
    bool ttls;
    bool days;        /* the clock sometimes jumps */
    uint32_t process; /* that is at work now */
    struct draw_target targets[DRAW_SLOTS];
};

/* A request with room for what it points to. */
struct draft {
    struct cull__request request;
    cull_blob_ref blobs[DRAW_PATHS + 2];
    struct cull__request_content contents[DRAW_PATHS];
    cull_entry entries[DRAW_PATHS];
    const char *aliases[3];
    const char *tags[2];
    struct cull__request_version versions[DRAFT_VERSIONS_MAX];
};

uint64_t draw_number(struct draw *draw, uint64_t below);
/* The store, and which operations this history has (swarm: each seed leaves some out). */
void draw_init(struct draw *draw, uint64_t seed, cull_store_settings *settings);
/* The same, with all that is drawn taken from bytes. */
void draw_init_bytes(struct draw *draw, const uint8_t *bytes, size_t len,
                     cull_store_settings *settings);
/* The next request, given where the history stands. */
void draw_next(struct draw *draw, const struct oracle *oracle, struct draft *out);
/* One for another process to slip in while main is at work. */
void draw_racer(struct draw *draw, const struct oracle *oracle, const struct cull__request *main,
                struct draft *out);
/* May racer slip in there, and be judged as if it had come first? */
bool draw_may_race(const struct cull__request *main, const struct cull__request *racer);

#endif
