/*
 * crowd.h - a crowd of processes on one store: uploaders, deleters and collectors, each a machine of
 * steps over the real library, in a world that one seed draws.
 *
 * SCHEDULE  A history is a list of ops, each for one process. An op may carry an incident at the
 *           n-th point where its call meets the log or the object store: it fails, its answer is
 *           lost, the process dies, or it is paused and the next few ops of the list come there,
 *           which may be paused inside in turn. So anything may come between any two things that a
 *           call does, and leaving ops out of the list leaves a history.
 * NETWORK   In some worlds an object request arrives later, in any order, twice, or never, also
 *           when whoever sent it has died.
 */
#ifndef SIM_CROWD_H
#define SIM_CROWD_H

#include <stdio.h>

#include "cull/store.h"
#include "reached.h"

#define CROWD_PROCESSES 4
#define CROWD_UPLOADS 4
#define CROWD_NAMES 4 /* collections; the last one is for restores under another name */
#define CROWD_OPS_MAX 100000

/* --- what a seed draws ------------------------------------------------------------------------ */

/* splitmix64 */
struct dice {
    uint64_t state;
};
uint64_t dice_number(struct dice *dice, uint64_t below);
bool dice_chance(struct dice *dice, unsigned percent);

#define CROWD_ACTS(X)            \
    X(UPLOAD, "upload")          \
    X(ABORT, "abort")            \
    X(RENEW, "renew")            \
    X(DROP, "drop")              \
    X(DELETE, "delete")          \
    X(RESTORE, "restore")        \
    X(SCOPE, "delete-scope")     \
    X(ALIAS, "alias")            \
    X(PLAN, "plan")              \
    X(EXECUTE, "execute")        \
    X(COLLECT, "collect")        \
    X(FINISH, "finish")          \
    X(FSCK, "fsck")              \
    X(MAINTAIN, "maintain")      \
    X(REFRESH, "refresh")        \
    X(REOPEN, "reopen")          \
    X(KILL, "kill")              \
    X(TAKEOVER, "takeover")      \
    X(CLOCK, "clock")            \
    X(SKEW, "skew")              \
    X(NET, "network")            \
    X(OWNER, "owner")            \
    X(STRAY, "stray")            \
    X(DAMAGE, "damage")          \
    X(TEAR, "damage-checkpoint") \
    X(LINK, "link")              \
    X(UNLINK, "unlink")          \
    X(PROTECT, "protect")        \
    X(ROLE, "role")              \
    X(TTL, "ttl")                \
    X(REGISTRY, "delete-registry")

enum crowd_act {
#define X(id, text) ACT_##id,
    CROWD_ACTS(X)
#undef X
        CROWD_ACT_COUNT
};
#define CROWD_ACT_RULES ACT_LINK /* from here on: acts of worlds with roles and a registry */

enum crowd_incident {
    INCIDENT_NONE,
    INCIDENT_PAUSE,      /* the next `inside` ops come here */
    INCIDENT_FAIL,       /* nothing was done */
    INCIDENT_FAIL_AFTER, /* it was done, and the answer is lost */
    INCIDENT_KILL,       /* the process dies before it is done */
    INCIDENT_KILL_AFTER, /* and after */
    INCIDENT_MOVED       /* `inside` appends in a row find the log moved */
};

/* Where a call meets what is outside of its process. */
enum crowd_point {
    POINT_APPEND,
    POINT_PUBLISH,
    POINT_DELETE,
    POINT_LOOK, /* versions, stat, list, read, quarantine */
    POINT_CHECKPOINT,
    POINT_CUT,
    POINT_READ_LOG,
    CROWD_POINTS
};

struct crowd_op {
    uint64_t dice; /* for what else the op needs to know */
    uint8_t act;
    uint8_t process;
    uint8_t slot;
    uint8_t incident;
    uint8_t points; /* that count, as bits */
    uint8_t at;     /* which of them; from 1 */
    uint8_t inside;
};

enum crowd_kind {
    CROWD_DIRECTORY,   /* deletes are synchronous and die with their process */
    CROWD_VERSIONED,   /* a bucket that keeps versions */
    CROWD_SUSPENDED,   /* the same, and its owner sometimes suspends it */
    CROWD_INCARNATION, /* a bucket without versions */
    CROWD_KINDS
};

struct crowd_settings {
    cull_store_settings store;
    enum crowd_kind kind;
    bool late;   /* object requests arrive later */
    bool damage; /* objects are damaged */
    bool tears;  /* checkpoints are damaged */
    bool ttls;
    bool rules; /* there are roles, a registry and its links, protected aliases, default TTLs */
    unsigned letters;
    unsigned names;
    unsigned processes;
};

struct crowd_history {
    struct crowd_settings settings;
    struct crowd_op *ops;
    size_t count;
};

/* Draw the world of a seed, and count ops. Freed by crowd_history_release(). */
void crowd_draw(struct crowd_history *out, uint64_t seed, size_t count);
void crowd_history_release(struct crowd_history *history);

/* --- doing it --------------------------------------------------------------------------------- */

struct crowd_result {
    char broken[512];
    size_t op; /* at which it broke; counted from 1 */
    size_t steps;
    uint64_t trace;
    uint64_t reached[CAME_COUNT];
};

/* Do a history, and let it settle. out: NULL, or told of each step. */
void crowd_run(const struct crowd_history *history, FILE *out, struct crowd_result *result);
/* Leave out ops as long as it still breaks; *result is what it then breaks. kept (count of the whole
 * history) gets the positions of those that are left. */
void crowd_shrink(struct crowd_history *history, size_t *kept, struct crowd_result *result);

const char *crowd_reached_name(unsigned what);
const char *crowd_kind_name(enum crowd_kind kind);

/* cull-sim world. Words and options from argv[1] on. Returns the exit code. */
int crowd_main(int argc, char **argv);

#endif
