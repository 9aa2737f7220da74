/*
 * crowd.c - doing a history: the world is made, ops are done one after another or inside of each
 * other, and in the end everything settles.
 *
 * SHAPE     An op is done by a process that is not inside a call; one that cannot be done is passed
 *           over, so that a history stays one when ops are left out. After each step the witness
 *           looks at the objects, and the process's own state is compared with the witness's.
 * INVARIANT A history is a function of its settings and ops: nothing here is random and nothing
 *           reads a real clock. The trace is a hash of all that was asked, answered and appended.
 * FAILURE   A failed assertion of the library ends the history and is what it broke; its memory is
 *           then given up.
 */
#include "crowd_internal.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_internal.h"
#include "crowd_heap.h"
#include "object/objects_internal.h"
#include "store/store_internal.h"

#define COMPARE_EVERY 8 /* steps: some other process's state is brought up to date, and compared */
#define THOROUGH_EVERY 32 /* with the members of versions */
#define CROWD_START_MS UINT64_C(1700000000000)

const char *crowd_reached_name(unsigned what)
{
    static const char *const names[] = {
#define X(id, text) text,
        CAME_TO(X)
#undef X
    };

    return names[what];
}

const char *crowd_kind_name(enum crowd_kind kind)
{
    static const char *const names[CROWD_KINDS] = { "directory", "versioned", "suspended",
                                                    "incarnations" };

    return names[kind];
}

/* --- shared pieces ---------------------------------------------------------------------------- */

void crowd_tell(struct crowd *crowd, const char *format, ...)
{
    va_list args;

    if (crowd->out == NULL) {
        return;
    }
    fprintf(crowd->out, "%5zu  %*s", crowd->next, (int)(2 * crowd->depth), "");
    va_start(args, format);
    (void)vfprintf(crowd->out, format, args);
    va_end(args);
    (void)fputc('\n', crowd->out);
}

void crowd_trace(struct crowd *crowd, uint64_t value)
{
    crowd->trace = (crowd->trace ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    crowd->trace ^= crowd->trace >> 29;
}

const char *crowd_actor(unsigned number)
{
    static const char *const actors[CROWD_PROCESSES + 1] = { "ann", "bob", "cyd", "dan", "eve" };

    return actors[number];
}

cull_caller crowd_caller(const struct crowd *crowd, struct crowd_process *process)
{
    process->call.now_ms = (uint64_t)((int64_t)crowd->now_ms + process->skew_ms);
    process->call.actor = process->number;
    return (cull_caller){ process->call.now_ms, crowd_actor(process->number) };
}

bool crowd_judge(struct crowd *crowd, const struct crowd_process *process, const char *what,
                 cull_status status, unsigned allowed, const cull_error *err)
{
    const struct crowd_ports *ports = &process->ports;
    bool fault = ports->dead || (ports->fired && ports->op->incident != INCIDENT_PAUSE);

    if (fault) {
        allowed |= CROWD_BIT(CULL_E_IO) | CROWD_BIT(CULL_E_PARTIAL) | CROWD_BIT(CULL_E_BUSY);
    }
    crowd->reached[CAME_BUSY_LOG] += status == CULL_E_BUSY && ports->moved >= CULL__TURNS;
    crowd_trace(crowd, (uint64_t)status + 100 * crowd->witness.seq);
    if ((allowed >> status & 1) != 0) {
        return true;
    }
    witness_break(&crowd->witness, "%s: %s (%.200s); expected others: %x", what,
                  cull_strerror(status), status == CULL_OK ? "" : err->message, allowed);
    return false;
}

/* How a handle came to its state. */
static void note_opening(struct crowd *crowd)
{
    uint64_t seq = 0;
    uint64_t bytes = 0;

    if (crowd->log->ops->checkpoint_size(crowd->log, "catalog", &seq, &bytes, NULL) == CULL_OK) {
        crowd->reached[bytes > 0 ? CAME_FROM_CHECKPOINT : CAME_FROM_LOG]++;
    }
}

bool crowd_open(struct crowd *crowd, struct crowd_process *process)
{
    const cull_store_options options = { .log = &process->ports.log,
                                         .objects = &process->ports.objects,
                                         .allocator = crowd_heap() };
    cull_error err = { CULL_OK, "" };
    cull_status status;

    if (process->store != NULL) {
        return true;
    }
    status = cull_store_open(&process->store, &options, &err);
    (void)crowd_judge(crowd, process, "opening", status, CROWD_BIT(CULL_OK), &err);
    if (status == CULL_OK) {
        note_opening(crowd);
    }
    return status == CULL_OK;
}

void crowd_close(struct crowd *crowd, struct crowd_process *process, bool killed)
{
    for (size_t i = 0; i < CROWD_UPLOADS; i++) {
        struct crowd_upload *upload = &crowd->uploads[i];

        if (upload->handle != NULL && upload->process == process) {
            cull_upload_free(upload->handle);
            upload->handle = NULL;
            upload->staged = 0;
        }
    }
    cull_plan_free(process->plan);
    process->plan = NULL;
    cull_store_close(process->store);
    process->store = NULL;
    process->collecting = false;
    crowd_hang_up(crowd, process->number);
    if (killed) { /* its locks die with it */
        cull_log_close(process->ports.view);
        crowd_ports_init(crowd, process);
    }
}

/* --- the world -------------------------------------------------------------------------------- */

static void make_contents(struct crowd *crowd)
{
    for (unsigned letter = 0; letter < WITNESS_LETTERS; letter++) {
        crowd->sizes[letter] = 1 + 3 * letter;
        memset(crowd->contents[letter], 'a' + (int)letter, (size_t)crowd->sizes[letter]);
        if (cull_digest_of(&crowd->digests[letter], crowd->settings.store.digest,
                           crowd->contents[letter], (size_t)crowd->sizes[letter]) != CULL_OK) {
            abort();
        }
    }
}

static const char *const collections[CROWD_NAMES] = { "c0", "c1", "c2", "as" };

static void make_names(struct crowd *crowd)
{
    for (size_t i = 0; i < CROWD_NAMES; i++) {
        memcpy(crowd->names[i].entity, "e", 2);
        memcpy(crowd->names[i].project, "p", 2);
        memcpy(crowd->names[i].collection, collections[i], 3);
    }
}

static void make_witness(struct crowd *crowd)
{
    const struct witness_settings settings = {
        .digest = crowd->settings.store.digest,
        .late = crowd->settings.store.late_deletes,
        .grace_ms = crowd->settings.store.grace_ms,
        .lease_ms = crowd->settings.store.lease_ms,
        .digests = crowd->digests,
        .sizes = crowd->sizes,
        .contents = (const uint8_t(*)[WITNESS_CONTENT_MAX])crowd->contents,
        .names = collections,
        .name_count = CROWD_NAMES,
        .actor = crowd_actor,
        .objects = crowd->memory,
        .reached = crowd->reached,
    };

    witness_init(&crowd->witness, &settings);
}

static void make_store(struct crowd *crowd)
{
    static const cull_versioning versioning[CROWD_KINDS] = {
        [CROWD_DIRECTORY] = CULL_VERSIONING_NONE,
        [CROWD_VERSIONED] = CULL_VERSIONING_ENABLED,
        [CROWD_SUSPENDED] = CULL_VERSIONING_ENABLED,
        [CROWD_INCARNATION] = CULL_VERSIONING_NONE,
    };
    const cull_objects_memory_options options = {
        .digest = crowd->settings.store.digest,
        .versioning = versioning[crowd->settings.kind],
        .late = crowd->settings.store.late_deletes,
        .allocator = crowd_heap(),
    };
    struct crowd_process *first = &crowd->processes[0];
    cull_caller caller;

    if (cull_objects_memory_new(&crowd->memory, &options, NULL) != CULL_OK ||
        cull_log_memory_new(&crowd->log, crowd_heap()) != CULL_OK) {
        abort();
    }
    cull_objects_memory_set_time(crowd->memory, crowd->now_ms);
    make_witness(crowd);
    for (unsigned i = 0; i < CROWD_PROCESSES; i++) {
        crowd->processes[i].number = i;
        crowd_ports_init(crowd, &crowd->processes[i]);
    }
    caller = crowd_caller(crowd, first);
    if (cull_store_create(&first->ports.log, &crowd->settings.store, &caller, NULL) != CULL_OK) {
        abort();
    }
}

static void crowd_init(struct crowd *crowd, const struct crowd_history *history, FILE *out)
{
    memset(crowd, 0, sizeof *crowd);
    crowd->history = history;
    crowd->settings = history->settings;
    crowd->out = out;
    crowd->now_ms = CROWD_START_MS;
    make_contents(crowd);
    make_names(crowd);
    make_store(crowd);
    if (crowd->settings.rules) {
        crowd_give_roles(crowd);
    }
}

static void crowd_release(struct crowd *crowd)
{
    for (unsigned i = 0; i < CROWD_PROCESSES; i++) {
        crowd_close(crowd, &crowd->processes[i], false);
        cull_log_close(crowd->processes[i].ports.view);
    }
    cull_log_close(crowd->log);
    cull_objects_close(crowd->memory);
    witness_release(&crowd->witness);
}

/* --- steps ------------------------------------------------------------------------------------ */

enum needs {
    NEEDS_NOBODY,  /* something from outside */
    NEEDS_PROCESS, /* any that is free */
    NEEDS_SLOT,    /* an uploader, in its process if it has one */
    NEEDS_HANDLE   /* an uploader that has a handle */
};

static const struct {
    const char *name;
    crowd_act_fn act;
    enum needs needs;
} acts[CROWD_ACT_COUNT] = {
    [ACT_UPLOAD] = { "upload", crowd_act_upload, NEEDS_SLOT },
    [ACT_ABORT] = { "abort", crowd_act_abort, NEEDS_HANDLE },
    [ACT_RENEW] = { "renew", crowd_act_renew, NEEDS_HANDLE },
    [ACT_DROP] = { "drop", crowd_act_drop, NEEDS_HANDLE },
    [ACT_DELETE] = { "delete", crowd_act_delete, NEEDS_PROCESS },
    [ACT_RESTORE] = { "restore", crowd_act_restore, NEEDS_PROCESS },
    [ACT_SCOPE] = { "delete-scope", crowd_act_scope, NEEDS_PROCESS },
    [ACT_ALIAS] = { "alias", crowd_act_alias, NEEDS_PROCESS },
    [ACT_PLAN] = { "plan", crowd_act_plan, NEEDS_PROCESS },
    [ACT_EXECUTE] = { "execute", crowd_act_execute, NEEDS_PROCESS },
    [ACT_COLLECT] = { "collect", crowd_act_collect, NEEDS_PROCESS },
    [ACT_FINISH] = { "finish", crowd_act_finish, NEEDS_PROCESS },
    [ACT_FSCK] = { "fsck", crowd_act_fsck, NEEDS_PROCESS },
    [ACT_MAINTAIN] = { "maintain", crowd_act_maintain, NEEDS_PROCESS },
    [ACT_REFRESH] = { "refresh", crowd_act_refresh, NEEDS_PROCESS },
    [ACT_REOPEN] = { "reopen", crowd_act_reopen, NEEDS_PROCESS },
    [ACT_KILL] = { "kill", crowd_act_kill, NEEDS_NOBODY },
    [ACT_TAKEOVER] = { "takeover", crowd_act_takeover, NEEDS_NOBODY },
    [ACT_CLOCK] = { "clock", crowd_act_clock, NEEDS_NOBODY },
    [ACT_SKEW] = { "skew", crowd_act_skew, NEEDS_NOBODY },
    [ACT_NET] = { "network", crowd_act_net, NEEDS_NOBODY },
    [ACT_OWNER] = { "owner", crowd_act_owner, NEEDS_NOBODY },
    [ACT_STRAY] = { "stray", crowd_act_stray, NEEDS_NOBODY },
    [ACT_DAMAGE] = { "damage", crowd_act_damage, NEEDS_NOBODY },
    [ACT_TEAR] = { "damage-checkpoint", crowd_act_tear, NEEDS_NOBODY },
    [ACT_LINK] = { "link", crowd_act_link, NEEDS_PROCESS },
    [ACT_UNLINK] = { "unlink", crowd_act_unlink, NEEDS_PROCESS },
    [ACT_PROTECT] = { "protect", crowd_act_protect, NEEDS_PROCESS },
    [ACT_ROLE] = { "role", crowd_act_role, NEEDS_PROCESS },
    [ACT_TTL] = { "ttl", crowd_act_ttl, NEEDS_PROCESS },
    [ACT_REGISTRY] = { "delete-registry", crowd_act_registry, NEEDS_PROCESS },
};

static void begin_call(struct crowd *crowd, struct crowd_process *process,
                       const struct crowd_op *op)
{
    struct crowd_ports *ports = &process->ports;

    ports->op = op;
    ports->met = ports->moved = 0;
    ports->fired = ports->lost_append = false;
    process->busy = true;
    process->call = (struct witness_call){ .abort = 0 };
    crowd->depth++;
    crowd->reached[CAME_SKEWED] += process->skew_ms != 0;
}

static void end_call(struct crowd *crowd, struct crowd_process *process)
{
    crowd->depth--;
    process->busy = false;
    process->ports.op = NULL;
    if (process->ports.dead) {
        crowd_tell(crowd, "%u: is dead", process->number);
        crowd_close(crowd, process, true);
    }
}

/* Who does the op: the process itself, or the next one that is free. NULL: nobody can. */
static struct crowd_process *choose_process(struct crowd *crowd, const struct crowd_op *op)
{
    unsigned number = op->process % crowd->settings.processes;

    for (unsigned i = 0; i < crowd->settings.processes; i++) {
        struct crowd_process *process = &crowd->processes[(number + i) % crowd->settings.processes];

        if (!process->busy) {
            return process;
        }
    }
    return NULL;
}

static struct crowd_process *choose_slots_process(struct crowd *crowd, const struct crowd_op *op)
{
    struct crowd_upload *upload = &crowd->uploads[op->slot];

    if (upload->busy || (upload->handle != NULL && upload->process->busy)) {
        return NULL;
    }
    return upload->handle != NULL ? upload->process : choose_process(crowd, op);
}

static void check_step(struct crowd *crowd, struct crowd_process *process)
{
    crowd->steps++;
    witness_check(&crowd->witness);
    if (process != NULL && process->store != NULL) {
        crowd_compare(crowd, process, crowd->steps % THOROUGH_EVERY == 0);
    }
    if (crowd->steps % COMPARE_EVERY == 0) {
        struct crowd_process *other =
            &crowd->processes[crowd->steps / COMPARE_EVERY % crowd->settings.processes];

        if (!other->busy && other->store != NULL) {
            crowd_compare(crowd, other, false);
        }
    }
}

/* An op by a process: its incident is armed while it lasts. */
static void do_call(struct crowd *crowd, struct crowd_turn *turn, enum needs needs)
{
    struct crowd_process *process = turn->process;
    struct crowd_upload *upload = needs >= NEEDS_SLOT ? &crowd->uploads[turn->op->slot] : NULL;

    begin_call(crowd, process, turn->op);
    if (upload != NULL) {
        upload->busy = true;
    }
    if (crowd_open(crowd, process)) {
        acts[turn->op->act].act(turn);
    }
    if (upload != NULL) {
        upload->busy = false;
    }
    end_call(crowd, process);
}

static bool can_be(const struct crowd *crowd, const struct crowd_op *op)
{
    size_t waiting = 0;
    bool paused = false;

    switch (op->act) {
    case ACT_NET:
        for (size_t i = 0; i < crowd->request_count; i++) {
            waiting += crowd->requests[i].waiting;
        }
        return waiting > 0;
    case ACT_KILL:
        return op->process < crowd->settings.processes &&
               (crowd->processes[op->process].store != NULL ||
                crowd->processes[op->process].busy) &&
               !crowd->processes[op->process].ports.dead;
    case ACT_TAKEOVER:
        for (unsigned i = 0; i < crowd->settings.processes; i++) {
            paused = paused || (crowd->processes[i].busy && crowd->processes[i].collecting);
        }
        return paused;
    default:
        return true;
    }
}

void crowd_step(struct crowd *crowd)
{
    const struct crowd_op *op = &crowd->history->ops[crowd->next++];
    enum needs needs = acts[op->act].needs;
    struct crowd_turn turn = { .crowd = crowd, .op = op, .dice = { op->dice } };

    if (needs == NEEDS_NOBODY) {
        if (!can_be(crowd, op)) {
            return;
        }
        acts[op->act].act(&turn);
    } else {
        turn.process =
            needs == NEEDS_PROCESS ? choose_process(crowd, op) : choose_slots_process(crowd, op);
        if (turn.process == NULL ||
            (needs == NEEDS_HANDLE && crowd->uploads[op->slot].handle == NULL)) {
            return;
        }
        do_call(crowd, &turn, needs);
    }
    crowd_trace(crowd, op->act);
    check_step(crowd, turn.process);
}

/* --- the whole -------------------------------------------------------------------------------- */

static struct crowd *asserting; /* whose history is being done, for the library's assertions */

static void assertion_failed(const char *expression, const char *file, int line)
{
    witness_break(&asserting->witness, "assertion failed: %s, %s:%d", expression, file, line);
    longjmp(asserting->failed, 1);
}

static void run_ops(struct crowd *crowd)
{
    while (crowd->next < crowd->history->count && crowd->witness.broken[0] == '\0') {
        crowd_step(crowd);
    }
    if (crowd->witness.broken[0] == '\0') {
        crowd_settle(crowd);
    }
}

void crowd_run(const struct crowd_history *history, FILE *out, struct crowd_result *result)
{
    struct crowd *crowd = malloc(sizeof *crowd);

    if (crowd == NULL) {
        abort();
    }
    crowd_init(crowd, history, out);
    asserting = crowd;
    cull_set_assert_handler(assertion_failed);
    if (setjmp(crowd->failed) == 0) {
        run_ops(crowd);
    } else {
        crowd->depth = UINT_MAX; /* it cannot be released */
    }
    cull_set_assert_handler(NULL);
    memcpy(result->broken, crowd->witness.broken, sizeof result->broken);
    memcpy(result->reached, crowd->reached, sizeof result->reached);
    result->op = crowd->next;
    result->steps = crowd->steps;
    result->trace = crowd->trace;
    if (crowd->depth != UINT_MAX) {
        crowd_release(crowd);
        free(crowd);
    }
    crowd_heap_clear();
}
