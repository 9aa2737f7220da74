/*
 * crowd_internal.h - the world that a crowd's history happens in, and what the acts share.
 */
#ifndef SIM_CROWD_INTERNAL_H
#define SIM_CROWD_INTERNAL_H

#include <setjmp.h>

#include "crowd.h"
#include "cull/gc.h"
#include "log/log_internal.h"
#include "witness.h"

#define CROWD_REQUESTS 64 /* on their way at once */

/* --- the world -------------------------------------------------------------------------------- */

/* A process's view of the log, and of the objects; and what is to happen there. */
struct crowd_ports {
    struct cull_log log;
    struct cull_objects objects;
    struct crowd *crowd;
    struct crowd_process *process;
    cull_log *view;
    const struct crowd_op *op; /* of the call at work; NULL */
    unsigned met;              /* points that count */
    unsigned moved;            /* appends that found the log moved */
    bool fired;                /* the incident has happened */
    bool dead;                 /* the process was killed inside its call */
    bool lost_append;          /* an append was done, and its answer lost */
};

struct crowd_process {
    unsigned number;
    struct crowd_ports ports;
    cull_store *store; /* NULL: not open */
    cull_plan *plan;
    cull_gc_options plan_options;
    uint64_t plan_seq;
    int64_t skew_ms;
    bool busy; /* inside a call */
    bool collecting;
    struct witness_call call;
};

enum { CROWD_KEEP = -1, CROWD_REMOVE = -2 };

/* An uploader: what it wants to be, and how far it has come. */
struct crowd_upload {
    bool wants; /* it has a target */
    bool busy;  /* a step of it is paused */
    bool again; /* it came too late, and begins again with the same */
    cull_upload *handle;
    struct crowd_process *process; /* of the handle */
    uint64_t id;                   /* 0: not open */
    unsigned name;
    bool patch;
    uint32_t base; /* WITNESS_NONE: none */
    int8_t target[WITNESS_PATHS];
    uint64_t ttl_ms;
    unsigned extra;  /* letters, as bits: that it must name besides its target's */
    unsigned stored; /* it was told */
    unsigned send;   /* to be sent */
    unsigned staged;
    cull_staged staging[WITNESS_LETTERS];
    uint64_t staged_ms[WITNESS_LETTERS];
};

/* An object request on its way (late worlds). */
struct crowd_request {
    bool publish;
    bool waiting;  /* will arrive */
    bool answered; /* result stands */
    bool told;     /* nobody will ask again */
    unsigned process;
    unsigned letter;
    uint32_t incarnation;
    uint64_t number; /* publish: token; delete: version */
    cull_status result;
};

struct crowd {
    struct crowd_settings settings;
    const struct crowd_history *history;
    size_t next; /* op */
    size_t steps;
    unsigned depth;
    cull_log *log;
    cull_objects *memory;
    bool suspended;
    bool settling;
    uint64_t now_ms;
    cull_digest digests[WITNESS_LETTERS];
    uint8_t contents[WITNESS_LETTERS][WITNESS_CONTENT_MAX];
    uint64_t sizes[WITNESS_LETTERS];
    cull_name names[CROWD_NAMES];
    struct crowd_process processes[CROWD_PROCESSES];
    struct crowd_upload uploads[CROWD_UPLOADS];
    struct crowd_request requests[CROWD_REQUESTS];
    size_t request_count;
    uint64_t cleaned_ms; /* bytes staged up to then may have been given up */
    bool prompt;         /* requests arrive at once (late worlds) */
    unsigned torn;       /* checkpoints to be written before another may be damaged */
    struct witness witness;
    uint64_t reached[CAME_COUNT];
    uint64_t trace; /* hash of all that happened */
    FILE *out;      /* NULL, or told of each step */
    jmp_buf failed; /* where an assertion of the library ends */
};

/* --- shared pieces ------------------------------------------------------------------------------ */

#define CROWD_REACH(crowd, what) ((crowd)->reached[CAME_##what]++)
#define CROWD_BIT(status) (1u << (status))

/* An op, being done. */
struct crowd_turn {
    struct crowd *crowd;
    struct crowd_process *process; /* NULL for acts of the outside */
    const struct crowd_op *op;
    struct dice dice;
};

/* One line of what happens, if somebody listens. */
void crowd_tell(struct crowd *crowd, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Mix something into the trace. */
void crowd_trace(struct crowd *crowd, uint64_t value);
/* Is a status among those allowed (bits), or does the incident explain it? If not, it is broken. */
bool crowd_judge(struct crowd *crowd, const struct crowd_process *process, const char *what,
                 cull_status status, unsigned allowed, const cull_error *err);
const char *crowd_actor(unsigned number);
/* Who asks, and when; the witness is told. */
cull_caller crowd_caller(const struct crowd *crowd, struct crowd_process *process);
/* Open the process's handle if it is not. False: an incident. */
bool crowd_open(struct crowd *crowd, struct crowd_process *process);
/* Its handle, uploads' handles and plan go; what it sent is on its own. */
void crowd_close(struct crowd *crowd, struct crowd_process *process, bool killed);
/* The next op of the history (and what it lets happen inside). */
void crowd_step(struct crowd *crowd);

/* crowd_ports.c */
void crowd_ports_init(struct crowd *crowd, struct crowd_process *process);
/* crowd_collect.c: finish what an earlier cycle left; returns how many deletions. */
uint64_t crowd_finish(struct crowd_turn *turn);
/* crowd_net.c */
struct crowd_content {
    const uint8_t *data;
    size_t left;
};
cull_source crowd_source(const struct crowd *crowd, unsigned letter, struct crowd_content *content);
void crowd_put_object(struct crowd *crowd, unsigned letter, uint32_t incarnation);
void crowd_hang_up(struct crowd *crowd, unsigned process);
/* An uploader asks no more what became of the staged bytes of a token. */
void crowd_forget_publish(struct crowd *crowd, const struct crowd_process *process, uint64_t token);
void crowd_deliver(struct crowd *crowd, size_t which, bool again);
extern const cull_objects_ops crowd_objects_ops;
enum crowd_verdict { VERDICT_GO, VERDICT_REFUSE, VERDICT_LOSE };
/* A call meets the outside: what its incident says. */
enum crowd_verdict crowd_meet(struct crowd_ports *ports, enum crowd_point point);

/* The acts: crowd_upload.c, crowd_names.c, crowd_collect.c, crowd_outside.c. */
typedef void (*crowd_act_fn)(struct crowd_turn *turn);
void crowd_act_upload(struct crowd_turn *turn);
void crowd_act_abort(struct crowd_turn *turn);
void crowd_act_renew(struct crowd_turn *turn);
void crowd_act_drop(struct crowd_turn *turn);
void crowd_act_delete(struct crowd_turn *turn);
void crowd_act_restore(struct crowd_turn *turn);
void crowd_act_scope(struct crowd_turn *turn);
void crowd_act_alias(struct crowd_turn *turn);
void crowd_act_plan(struct crowd_turn *turn);
void crowd_act_execute(struct crowd_turn *turn);
void crowd_act_collect(struct crowd_turn *turn);
void crowd_act_finish(struct crowd_turn *turn);
void crowd_act_fsck(struct crowd_turn *turn);
void crowd_act_maintain(struct crowd_turn *turn);
void crowd_act_refresh(struct crowd_turn *turn);
void crowd_act_reopen(struct crowd_turn *turn);
void crowd_act_kill(struct crowd_turn *turn);
void crowd_act_takeover(struct crowd_turn *turn);
void crowd_act_clock(struct crowd_turn *turn);
void crowd_act_skew(struct crowd_turn *turn);
void crowd_act_net(struct crowd_turn *turn);
void crowd_act_owner(struct crowd_turn *turn);
void crowd_act_stray(struct crowd_turn *turn);
void crowd_act_damage(struct crowd_turn *turn);
void crowd_act_tear(struct crowd_turn *turn);
/* crowd_rules.c */
void crowd_act_link(struct crowd_turn *turn);
void crowd_act_unlink(struct crowd_turn *turn);
void crowd_act_protect(struct crowd_turn *turn);
void crowd_act_role(struct crowd_turn *turn);
void crowd_act_ttl(struct crowd_turn *turn);
void crowd_act_registry(struct crowd_turn *turn);
/* Everybody becomes a member; the first process's user, who made the store, is its owner. */
void crowd_give_roles(struct crowd *crowd);
/* A version, preferably in this state. False: there is none at all. */
bool crowd_choose(struct crowd_turn *turn, cull_version_state state, cull_version_key *out);

/* What a cycle in a world without faults comes to: settling. */
void crowd_settle(struct crowd *crowd);
/* The process's state against the witness's; thorough: members of versions too. */
void crowd_compare(struct crowd *crowd, struct crowd_process *process, bool thorough);
/* crowd_compare_rules.c: links, protected aliases, roles and times to live. */
void crowd_compare_rules(struct crowd *crowd, const cull_store *store);

#endif
