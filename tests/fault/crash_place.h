/*
 * crash_place.h - a store on a disk that may lose what was not synced: one log file, an object store
 * in memory, two processes at work on them, one clock.
 */
#ifndef CRASH_PLACE_H
#define CRASH_PLACE_H

#include "crash_vfs.h"
#include "log/log_internal.h"
#include "store/request.h"
#include "tests/unit/support.h"

#define CRASH_PROCESSES 2
#define CRASH_PLACES 3 /* at once: one at work, one found after a cut, one after a cut of that */

enum crash_step_kind {
    CRASH_STEP_REQUEST,    /* of the store */
    CRASH_STEP_CREATE_LOG, /* a new cull.db */
    CRASH_STEP_OPEN,       /* log, and the store if there is one */
    CRASH_STEP_CLOSE,      /* both */
    CRASH_STEP_GROUP,      /* begin a group of the log */
    CRASH_STEP_GROUP_END
};

struct crash_step {
    enum crash_step_kind kind;
    struct cull__request request; /* its process is the step's, whatever the kind */
};

struct crash_place {
    char path[256];
    char lock_path[256];
    struct crash_disk *disk; /* owned; mounted */
    cull_objects *memory;    /* owned by objects */
    cull_objects *objects;
    cull_log *logs[CRASH_PROCESSES];
    struct cull__session sessions[CRASH_PROCESSES];
    struct failing_allocator heap;
    struct cull__answer answer; /* of the last step */
    uint64_t now_ms;
    uint64_t uploads[CULL__REQUEST_SLOTS];
    struct cull__buf
        to_send[CULL__REQUEST_SLOTS]; /* digests that the slot's last put was told to */
    int wal_pages; /* after which SQLite folds its log into the file; 0: the library's choice */
    bool strays;   /* objects that no fact names are none of the store's fault */
    bool is_grouped;
};

/* Where places are, one directory each, below a new scratch directory. Once, at the start. */
void crash_places_start(void);
/* The place number `which`, with a disk and objects, both owned from here on (objects NULL: none
 * yet). Do not move it. */
void crash_place_init(struct crash_place *place, size_t which, struct crash_disk *disk,
                      cull_objects *memory, uint64_t now_ms);
/* What is found of a place after a power cut at this moment, as the place number `which`. */
void crash_place_find(struct crash_place *found, size_t which, const struct crash_place *place,
                      enum crash_survival survival, uint64_t seed);
/* All processes die. */
void crash_place_kill(struct crash_place *place);
/* The same, and the place is gone. Returns how many blocks of memory and open files were left. */
size_t crash_place_release(struct crash_place *place);

/* Do a step: a put that is told to wait finishes the deletion and asks again, a send leaves out what
 * is stored. Its error stands in place->answer.error. */
cull_status crash_place_step(struct crash_place *place, const struct crash_step *step);
/* Open a process' log, and its store: CULL_OK with no store if the log is empty. */
cull_status crash_place_open(struct crash_place *place, uint32_t process, bool create);
void crash_place_close(struct crash_place *place, uint32_t process);

/* The same objects in a new store in memory. */
cull_objects *crash_objects_copy(cull_objects *objects, uint64_t now_ms);
/* An object store in memory, empty. */
cull_objects *crash_objects_new(void);

#endif
