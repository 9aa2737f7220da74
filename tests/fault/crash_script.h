/*
 * crash_script.h - scenarios: what is done to a store while its disk or its processes fail.
 */
#ifndef CRASH_SCRIPT_H
#define CRASH_SCRIPT_H

#include "crash_place.h"

#define CRASH_START_MS UINT64_C(1700000000000)
#define CRASH_GRACE_MS UINT64_C(60000)
#define CRASH_LEASE_MS UINT64_C(3600000)

struct crash_script {
    const char *name;
    struct crash_step *steps;
    size_t count;
    size_t capacity;
    int wal_pages;      /* see struct crash_place */
    size_t notes_bytes; /* of the metadata of each version; 0: a few */
    bool may_refuse;    /* steps may be refused, always in the same way */
    bool strays;        /* objects are published that no fact names */
    bool ends_group;    /* CRASH_STEP_GROUP came, its end not yet */
};

struct crash_scenario {
    const char *name;
    void (*write)(struct crash_script *script);
};
extern const struct crash_scenario crash_scenarios[];
extern const size_t crash_scenario_count;

void crash_script_init(struct crash_script *script, const struct crash_scenario *scenario);
/* A random history of the simulator instead. */
void crash_script_history(struct crash_script *script, uint64_t seed);
void crash_script_release(struct crash_script *script);

/* --- writing one: each adds steps for a process ---------------------------------------------- */

void crash_add(struct crash_script *script, uint32_t process, enum crash_step_kind kind);
/* A request, copied with all that it points to. */
void crash_request(struct crash_script *script, const struct cull__request *request);
/* Make the log and the store, and open them. */
void crash_create(struct crash_script *script, uint32_t process);
void crash_clock(struct crash_script *script, uint64_t ms);

/* Blobs are letters, `a` to `z`; a version of collection e/p/NAME holds each at the path that is
 * its letter. A whole version: open, put, send, commit with an alias (NULL: none but latest). */
void crash_version(struct crash_script *script, uint32_t process, const char *name,
                   const char *blobs, const char *alias);
/* The parts of one, in a slot. base -1: none; changed: the blobs that a patch puts at their paths. */
void crash_upload(struct crash_script *script, uint32_t process, uint32_t slot, const char *name,
                  int base);
void crash_put(struct crash_script *script, uint32_t process, uint32_t slot, const char *blobs);
/* Those of them that the slot's last put was told to send. */
void crash_send(struct crash_script *script, uint32_t process, uint32_t slot, const char *blobs);
void crash_commit(struct crash_script *script, uint32_t process, uint32_t slot, const char *blobs,
                  const char *alias);
void crash_patch(struct crash_script *script, uint32_t process, uint32_t slot, const char *changed);

/* Versions first to last of a collection, their aliases with them; and back. */
void crash_delete(struct crash_script *script, uint32_t process, const char *name, uint32_t first,
                  uint32_t last);
void crash_restore(struct crash_script *script, uint32_t process, const char *name, uint32_t first,
                   uint32_t last);
/* A cycle; max_deletes 0: no limit. */
void crash_collect(struct crash_script *script, uint32_t process, uint64_t max_deletes);
/* An op without arguments: MAINTAIN is forced. */
void crash_do(struct crash_script *script, uint32_t process, enum cull__request_op op);

#endif
