/*
 * world.h - what a history happens in: one log and one object store in memory, two processes at
 * work on them, one clock, and what goes wrong.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "log/log_internal.h"
#include "store/request.h"

#define WORLD_PROCESSES 2
#define WORLD_LETTERS_MAX 8
#define WORLD_START_MS UINT64_C(1700000000000)

struct world;

/* A process's view of the log. While armed, the next append first lets somebody else go ahead. */
struct world_log {
    struct cull_log log;
    cull_log *inner;
    struct world *world;
};

/* What a blob holds, by letter: a few bytes, of another length for each. */
struct world_letter {
    uint8_t bytes[32];
    size_t len;
    cull_digest digest;
};

struct world {
    cull_log *log;
    struct world_log views[WORLD_PROCESSES];
    cull_objects *memory;  /* owned by objects */
    cull_objects *objects; /* the fault injector around it */
    struct cull__session sessions[WORLD_PROCESSES];
    uint64_t now_ms;
    uint64_t uploads[CULL__REQUEST_SLOTS];
    struct world_letter letters[WORLD_LETTERS_MAX];
    enum cull__request_fault fault; /* of the request at work */
    bool fault_fired;
    void (*race)(void *ctx); /* NULL: not armed */
    void *race_ctx;
    unsigned race_at; /* the type of fact before which it happens; 0: any */
};

/* New world for a store of these settings; the store itself comes with the CREATE request. */
cull_status world_init(struct world *world, const cull_store_settings *settings, cull_error *err);
void world_release(struct world *world);
/* Do a request in its process, with its fault; *fired: it struck. race (may be NULL) is called when
 * the request's first append (of an EXECUTE: its first claim) is about to happen; what it does
 * comes before that append. */
cull_status world_run(struct world *world, const struct cull__request *request,
                      struct cull__answer *answer, bool *fired, void (*race)(void *ctx), void *ctx);
/* The letter of a digest; '?' if it is none. */
char world_letter_of(const struct world *world, const cull_digest *digest);

#endif
