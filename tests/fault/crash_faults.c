/*
 * crash_faults.c - what a failing call leaves behind.
 *
 * SHAPE     The script runs from the start for each n. The step that meets the failure must answer
 *           with a status and a message that fit it; then the fault is over, and what the store shows,
 *           through the same handle or one opened again, is what it showed before the step or what
 *           it shows after it. The step is done again unless it has happened, and the script goes on.
 *           At the end the store shows what it does undisturbed, to itself and after a power cut.
 * DISK      One that is safe against power cuts beside a write, as SQLite takes every disk to be: on
 *           another it pads a commit, leaves the end of the padding to the next sync, and if that one
 *           fails and is forgotten, what was committed before it is cut off.
 * INVARIANT A failure that a step survives is none: SQLite passes over some by design.
 * COST      A run of the script, milliseconds, and two checks.
 */
#include "crash_faults.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TOLD_MAX 3

const struct crash_fault_kind crash_fault_kinds[] = {
    { CRASH_READ, EIO, "read-error" },       { CRASH_WRITE, EIO, "write-error" },
    { CRASH_WRITE, ENOSPC, "write-full" },   { CRASH_SYNC, EIO, "sync-error" },
    { CRASH_SYNC, ENOSPC, "sync-full" },     { CRASH_TRUNCATE, EIO, "truncate-error" },
    { CRASH_OPEN, EIO, "open-error" },       { CRASH_OPEN, ENOSPC, "open-full" },
    { CRASH_DELETE, EIO, "delete-error" },   { CRASH_RENAME, EIO, "rename-error" },
    { CRASH_RENAME, ENOSPC, "rename-full" }, { CRASH_STAT, EIO, "stat-error" },
    { CRASH_LOCK, EIO, "lock-error" },       { CRASH_LOCK, EAGAIN, "lock-busy" },
    { CRASH_MAP, EIO, "map-error" },         { CRASH_MAP, ENOSPC, "map-full" },
    { CRASH_OBJECT, EIO, "object-error" },   { CRASH_OBJECT, ENOSPC, "object-full" },
};
const size_t crash_fault_kind_count = ARRAY_LEN(crash_fault_kinds);

/* One run. */
struct faults {
    const struct crash_script *script;
    const struct crash_rehearsal *rehearsal;
    const struct crash_faults_options *options;
    struct crash_place place;
    uint64_t nth;   /* the call that fails */
    uint64_t calls; /* so far */
    bool fired;
    bool over;   /* nothing fails any more */
    bool reopen; /* after the failure everything is opened again */
    size_t step;
    size_t group_at;    /* the step that began the group at work */
    const char *before; /* what others see before the step, or its group */
    char why[CRASH_WHY_MAX];
};

static bool say(struct faults *faults, const char *what, const char *detail)
{
    (void)snprintf(faults->why, sizeof faults->why, "%s%s%s", what, detail[0] == '\0' ? "" : ": ",
                   detail);
    return false;
}

static int before_call(void *ctx, enum crash_call call)
{
    struct faults *faults = ctx;

    if (call != faults->options->call) {
        return 0;
    }
    faults->calls++;
    if (faults->over || faults->calls < faults->nth ||
        (faults->calls > faults->nth && !faults->options->lasting)) {
        return 0;
    }
    faults->fired = true;
    return faults->options->error;
}

/* --- a step that failed ------------------------------------------------------------------------- */

/* The status says what failed, and the message why. */
static bool check_answer(struct faults *faults, cull_status status, const char *message)
{
    int error = faults->options->error;
    cull_status want = error == EAGAIN ? CULL_E_BUSY : error == ENOSPC ? CULL_E_NOSPACE : CULL_E_IO;
    bool fits = status == want;

    if (faults->options->call == CRASH_OBJECT) { /* a cycle goes on; "I/O error" of the store */
        return status == want || status == CULL_E_PARTIAL ||
               say(faults, "an object's failure is answered by", message);
    }
    if (faults->options->call == CRASH_LOCK) { /* a lock in shared memory is only ever busy */
        fits = fits || status == CULL_E_BUSY;
    }
    if (!fits) {
        return say(faults, cull_strerror(status), message);
    }
    return status == CULL_E_BUSY || strstr(message, strerror(error)) != NULL ||
           say(faults, "the message does not say why", message);
}

/* Open again what was open: all, or after a group the stores on its handle. */
static bool open_again(struct faults *faults, bool all)
{
    struct crash_place *place = &faults->place;
    bool was_open[CRASH_PROCESSES];
    cull_status status = CULL_OK;

    for (uint32_t i = 0; i < CRASH_PROCESSES; i++) {
        was_open[i] = place->logs[i] != NULL;
        if (all) {
            crash_place_close(place, i);
        } else {
            cull__session_release(&place->sessions[i]);
        }
    }
    for (uint32_t i = 0; i < CRASH_PROCESSES && status == CULL_OK; i++) {
        status = was_open[i] ? crash_place_open(place, i, false) : CULL_OK;
    }
    return status == CULL_OK || say(faults, "cannot be opened again", place->answer.error.message);
}

/* The group is given up, and its steps begin anew. */
static bool give_up_group(struct faults *faults, uint32_t process)
{
    struct crash_place *place = &faults->place;

    if (place->is_grouped && cull_log_group_end(place->logs[process], true, NULL) == CULL_OK) {
        return say(faults, "a group is kept although a part of it failed", "");
    }
    place->is_grouped = false;
    faults->step = faults->group_at;
    return open_again(faults, faults->reopen);
}

static uint64_t head_of(struct crash_place *place, uint32_t process)
{
    cull_log *log = place->logs[process];
    uint64_t seq = 0;

    if (log != NULL && log->ops->head(log, &seq, NULL) != CULL_OK) {
        seq = UINT64_MAX;
    }
    return seq;
}

/* What the store shows now, without what depends on how often something was tried. */
static char *look_now(struct faults *faults, uint32_t process)
{
    struct cull__buf text = CULL__BUF_INIT(cull_allocator_default());
    cull_error err = { CULL_OK, "" };
    cull_status status = crash_look(&faults->place.sessions[process], &text, &err);

    cull__buf_u8(&text, 0);
    if (status != CULL_OK || text.failed) {
        (void)say(faults, "cannot be looked at after the fault", err.message);
        cull__buf_release(&text);
        return NULL;
    }
    *strstr((char *)text.data, CRASH_LOOK_REST) = '\0';
    return (char *)text.data;
}

/* Steps that append once, so that a log that has moved has their change; an upload that was opened
 * without its handle is opened again. */
static bool appends_once(const struct crash_step *step)
{
    switch (step->request.op) {
    case CULL__REQUEST_OPEN:
    case CULL__REQUEST_PUT:
    case CULL__REQUEST_SEND:
    case CULL__REQUEST_COLLECT:
    case CULL__REQUEST_MAINTAIN:
    case CULL__REQUEST_REOPEN:
        return false;
    default:
        return step->kind == CRASH_STEP_REQUEST;
    }
}

/* After the fault: the store is as before the step or as after it. Steps on if it has happened. */
static bool check_state(struct faults *faults, const struct crash_step *step, uint64_t seq_before)
{
    const char *after = faults->rehearsal->after[faults->step].text;
    uint32_t process = step->request.process;
    char *text;
    bool good;

    if (faults->place.logs[process] == NULL) {
        return true; /* it was being opened */
    }
    if (faults->place.sessions[process].store == NULL &&
        crash_place_open(&faults->place, process, false) != CULL_OK) {
        return say(faults, "the store cannot be opened", faults->place.answer.error.message);
    }
    text = look_now(faults, process);
    if (text == NULL) {
        return false;
    }
    good = (faults->before != NULL && strcmp(text, faults->before) == 0) ||
           (after != NULL && strcmp(text, after) == 0) ||
           say(faults, "the store shows neither what it did before nor what it does after", text);
    if (good && appends_once(step) && head_of(&faults->place, process) > seq_before) {
        good = (after != NULL && strcmp(text, after) == 0) ||
               say(faults, "the log moved, the store did not", text);
        faults->step++;
    }
    free(text);
    return good;
}

/* While the fault lasts, who looks sees what is there or is told the same reason, and so is who
 * writes. */
static bool check_meanwhile(struct faults *faults, uint32_t process)
{
    struct crash_step maintain = { .kind = CRASH_STEP_REQUEST, .request = CULL__REQUEST_INIT };
    struct cull__buf text = CULL__BUF_INIT(cull_allocator_default());
    cull_error err = { CULL_OK, "" };
    cull_status status;
    bool good;

    if (!faults->options->lasting || faults->place.sessions[process].store == NULL) {
        return true;
    }
    status = crash_look(&faults->place.sessions[process], &text, &err);
    good = status == CULL_OK || check_answer(faults, status, err.message);
    cull__buf_release(&text);
    maintain.request.op = CULL__REQUEST_MAINTAIN;
    maintain.request.process = process;
    maintain.request.flags = CULL__REQUEST_FORCE;
    status = good ? crash_place_step(&faults->place, &maintain) : CULL_OK;
    return good &&
           (status == CULL_OK || check_answer(faults, status, faults->place.answer.error.message));
}

static bool after_failure(struct faults *faults, const struct crash_step *step, cull_status status,
                          uint64_t seq_before)
{
    bool in_group = faults->group_at != SIZE_MAX;

    if (!faults->fired || faults->over) {
        return say(faults, "fails without a fault", faults->place.answer.error.message);
    }
    if (!check_answer(faults, status, faults->place.answer.error.message) ||
        (!in_group && !check_meanwhile(faults, step->request.process))) {
        return false;
    }
    faults->over = true;
    if (in_group && step->kind != CRASH_STEP_GROUP) {
        return give_up_group(faults, step->request.process);
    }
    if (faults->reopen && !open_again(faults, true)) {
        return false;
    }
    return check_state(faults, step, seq_before);
}

/* --- one run ------------------------------------------------------------------------------------ */

/* A log that was not made may be there all the same, whole and empty. */
static cull_status run_step(struct faults *faults, const struct crash_step *step)
{
    cull_status status = CULL_E_NOTFOUND;

    if (step->kind == CRASH_STEP_CREATE_LOG && faults->over) {
        status = crash_place_open(&faults->place, step->request.process, false);
    }
    return status == CULL_E_NOTFOUND ? crash_place_step(&faults->place, step) : status;
}

static bool run_steps(struct faults *faults)
{
    const struct crash_script *script = faults->script;

    faults->group_at = SIZE_MAX;
    while (faults->step < script->count) {
        const struct crash_step *step = &script->steps[faults->step];
        uint64_t seq_before;
        cull_status status;

        crash_disk_watch(faults->place.disk, NULL, NULL);
        seq_before = head_of(&faults->place, step->request.process);
        crash_disk_watch(faults->place.disk, before_call, faults);
        faults->group_at = step->kind == CRASH_STEP_GROUP ? faults->step : faults->group_at;
        status = run_step(faults, step);
        if (status != CULL_OK) {
            if (!after_failure(faults, step, status, seq_before)) {
                return false;
            }
            continue;
        }
        faults->group_at = step->kind == CRASH_STEP_GROUP_END ? SIZE_MAX : faults->group_at;
        if (faults->group_at == SIZE_MAX && faults->rehearsal->after[faults->step].text != NULL) {
            faults->before = faults->rehearsal->after[faults->step].text;
        }
        faults->step++;
    }
    return true;
}

/* Whose log is open at the end. */
static uint32_t open_process(const struct crash_place *place)
{
    return place->logs[0] != NULL ? 0 : 1;
}

/* The end is what it is undisturbed, and lasts: what is not synced now is lost, and nothing of it
 * was acknowledged. */
static bool check_end(struct faults *faults)
{
    struct crash_place *place = &faults->place;
    struct crash_texts texts = { NULL, 0, 0 };
    struct crash_expect expect = { .created = true, .texts = &texts };
    struct crash_place found;
    uint32_t process = open_process(place);
    char *text = look_now(faults, process);
    bool good;

    if (text == NULL) {
        return false;
    }
    good = strcmp(text, faults->before) == 0 || say(faults, "the end is another", text);
    free(text);
    expect.acked_seq = head_of(place, process);
    good =
        good && crash_texts_add(&texts, &place->sessions[process], faults->why, sizeof faults->why);
    if (good) {
        crash_place_find(&found, 1, place, CRASH_NOTHING, 1);
        good = crash_check(&found, &expect, faults->why, sizeof faults->why);
        (void)crash_place_release(&found);
    }
    crash_texts_release(&texts);
    return good;
}

static bool run_one(struct faults *faults)
{
    bool good;

    crash_reseed(faults->options->seed);
    crash_place_init(&faults->place, 0, crash_disk_new(&faults->options->disk), NULL,
                     CRASH_START_MS);
    faults->place.wal_pages = faults->script->wal_pages;
    good = run_steps(faults);
    faults->over = true;
    good = good && (!faults->fired || check_end(faults));
    if (crash_place_release(&faults->place) != 0 && good) {
        good = say(faults, "memory or files were left open", "");
    }
    return good;
}

static const char *kind_name(const struct crash_faults_options *options)
{
    for (size_t i = 0; i < crash_fault_kind_count; i++) {
        if (crash_fault_kinds[i].call == options->call &&
            crash_fault_kinds[i].error == options->error) {
            return crash_fault_kinds[i].name;
        }
    }
    return "?";
}

static void tell(const struct faults *faults)
{
    const struct crash_faults_options *options = faults->options;

    printf("%s, %s at call %" PRIu64 " (step %zu)%s:\n  %s\n"
           "  replay: crash-log faults %s --kind %s%s --seed %" PRIu64 " --call %" PRIu64 "\n",
           faults->script->name, kind_name(options), faults->nth, faults->step + 1,
           options->lasting ? ", lasting" : "", faults->why, faults->script->name,
           kind_name(options), options->lasting ? " --lasting" : "", options->seed, faults->nth);
}

/* The calls of a kind that an undisturbed run makes. */
static uint64_t count_calls(const struct crash_script *script,
                            const struct crash_rehearsal *rehearsal,
                            const struct crash_faults_options *options)
{
    struct faults faults = {
        .script = script, .rehearsal = rehearsal, .options = options, .nth = UINT64_MAX
    };

    return run_one(&faults) ? faults.calls : 0;
}

void crash_faults(const struct crash_script *script, const struct crash_rehearsal *rehearsal,
                  const struct crash_faults_options *options, struct crash_figures *figures)
{
    uint64_t count = count_calls(script, rehearsal, options);
    uint64_t runs = options->runs == 0 || options->runs > count ? count : options->runs;
    unsigned told = 0;

    for (uint64_t run = 0; run < runs; run++) {
        struct faults faults = { .script = script, .rehearsal = rehearsal, .options = options };

        /* spread over all calls, at others for another seed */
        faults.nth = 1 + (run * count + options->seed * 7 % count) / runs % count;
        if (options->only_call != 0) {
            faults.nth = options->only_call;
            runs = 1;
        }
        faults.reopen = (faults.nth + options->seed) % 2 == 0;
        figures->faults++;
        if (!run_one(&faults)) {
            figures->broken++;
            if (told++ < TOLD_MAX) {
                tell(&faults);
            }
        }
    }
}
