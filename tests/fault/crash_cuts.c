/*
 * crash_cuts.c - what is found after a power cut at any call.
 *
 * SHAPE     The script runs once. Before each call that changes the disk or the objects, what a cut
 *           at this moment could leave is made as a disk of its own, several times by different
 *           draws, and looked at as another machine would find it; then the script goes on, for the
 *           living disk is untouched. So every call is a cut, and none costs a run from the start.
 * INVARIANT All is a function of scenario, seed, cut and draw; SQLite's random numbers too.
 * COST      A draw is an opening, two looks, two fscks and two cycles: one to three milliseconds.
 * WHY NOT   letting all calls fail after the cut, in the process that lives on: that is another test
 *           (crash_faults.c), and takes the square of the time.
 */
#include "crash_cuts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TOLD_MAX 3      /* failures that are told, of one scenario */
#define NESTED_EVERY 3  /* of the draws are cut again while they are mended */
#define NESTED_CALLS 24 /* among so many calls */

/* The scenario at work, and the disk that is cut. */
struct cuts {
    const struct crash_script *script;
    const struct crash_rehearsal *rehearsal;
    const struct crash_cuts_options *options;
    struct crash_figures *figures;
    struct crash_place place;
    size_t step;
    uint64_t cut; /* calls so far */
    uint64_t acked_seq;
    bool created;
    bool stop;
    unsigned told;
};

/* A disk that was found, and its second cut. */
struct found {
    struct cuts *cuts;
    struct crash_place *place;
    uint64_t random;
    uint64_t calls_left; /* until the second cut; 0: it was, or is not wanted */
    char *why;
    bool good;
};

static uint64_t mix(uint64_t seed, uint64_t a, uint64_t b)
{
    uint64_t state = seed;

    state = crash_number(&state, UINT64_MAX) ^ a;
    state = crash_number(&state, UINT64_MAX) ^ b;
    return crash_number(&state, UINT64_MAX);
}

/* --- one draw ----------------------------------------------------------------------------------- */

static struct crash_expect expectation(const struct cuts *cuts)
{
    return (struct crash_expect){ .created = cuts->created,
                                  .acked_seq = cuts->acked_seq,
                                  .texts = &cuts->rehearsal->texts };
}

/* Before a call of a found disk: perhaps the power is cut again. */
static int cut_again(void *ctx, enum crash_call call)
{
    struct found *found = ctx;
    struct crash_expect expect = expectation(found->cuts);
    struct crash_place place;

    if (call == CRASH_READ || call == CRASH_STAT || call == CRASH_LOCK || call == CRASH_MAP ||
        found->calls_left == 0 || --found->calls_left > 0) {
        return 0;
    }
    crash_place_find(&place, 2, found->place, CRASH_ANY, crash_number(&found->random, UINT64_MAX));
    found->cuts->figures->nested++;
    if (found->good && !crash_check(&place, &expect, found->why, CRASH_WHY_MAX)) {
        found->good = false;
    }
    (void)crash_place_release(&place);
    return 0;
}

static void reopening(void *ctx, bool begins)
{
    struct found *found = ctx;

    crash_disk_watch(found->place->disk, begins ? cut_again : NULL, found);
}

static const char *draw_name(enum crash_survival survival)
{
    static const char *const names[] = {
        [CRASH_NOTHING] = "nothing of it survives",
        [CRASH_ALL] = "all survives",
        [CRASH_PREFIX] = "what came first survives",
        [CRASH_ANY] = "any of it survives",
    };

    return names[survival];
}

static const char *step_name(const struct crash_step *step)
{
    static const char *const names[] = {
        [CRASH_STEP_CREATE_LOG] = "create-log", [CRASH_STEP_OPEN] = "open-log",
        [CRASH_STEP_CLOSE] = "close",           [CRASH_STEP_GROUP] = "group",
        [CRASH_STEP_GROUP_END] = "group-end",
    };

    return step->kind == CRASH_STEP_REQUEST ? cull__request_op_name(step->request.op)
                                            : names[step->kind];
}

static void tell(struct cuts *cuts, unsigned draw, enum crash_survival survival, const char *why)
{
    if (cuts->options->first != NULL) {
        (void)snprintf(cuts->options->first, CRASH_WHY_MAX, "cut %" PRIu64 ": %s", cuts->cut, why);
        return;
    }
    if (cuts->told++ >= TOLD_MAX) {
        return;
    }
    printf(
        "%s, cut %" PRIu64 " (step %zu, %s), draw %u (%s):\n  %s\n"
        "  replay: crash-log cuts %s --seed %" PRIu64 " --cut %" PRIu64 " --draw %u\n",
        cuts->script->name, cuts->cut, cuts->step + 1,
        cuts->step < cuts->script->count ? step_name(&cuts->script->steps[cuts->step]) : "the end",
        draw, draw_name(survival), why, cuts->script->name, cuts->options->seed, cuts->cut, draw);
}

static void draw_one(struct cuts *cuts, unsigned draw)
{
    static const enum crash_survival survivals[] = { CRASH_ANY, CRASH_NOTHING, CRASH_PREFIX,
                                                     CRASH_ANY, CRASH_ALL,     CRASH_ANY };
    enum crash_survival survival = survivals[(cuts->cut + draw) % ARRAY_LEN(survivals)];
    uint64_t seed = mix(cuts->options->seed, cuts->cut, draw);
    char why[CRASH_WHY_MAX] = "";
    struct crash_place place;
    struct found found = {
        .cuts = cuts, .place = &place, .random = seed ^ 1, .why = why, .good = true
    };
    struct crash_expect expect = expectation(cuts);

    crash_reseed(seed);
    crash_place_find(&place, 1, &cuts->place, survival, seed);
    if (seed % NESTED_EVERY == 0) {
        found.calls_left = 1 + crash_number(&found.random, NESTED_CALLS);
        expect.reopening = reopening;
        expect.ctx = &found;
    }
    cuts->figures->draws++;
    if (!crash_check(&place, &expect, why, sizeof why)) {
        found.good = false;
    }
    if (crash_place_release(&place) != 0 && found.good) {
        (void)snprintf(why, sizeof why, "memory or files were left open");
        found.good = false;
    }
    if (!found.good) {
        cuts->figures->lost++;
        cuts->stop = cuts->options->first != NULL;
        tell(cuts, draw, survival, why);
    }
}

/* --- one run ------------------------------------------------------------------------------------ */

static void cut_here(struct cuts *cuts)
{
    const struct crash_cuts_options *options = cuts->options;

    cuts->cut++;
    if (options->only_cut != 0 ? cuts->cut != options->only_cut
                               : (cuts->cut + options->seed) % options->every != 0) {
        return;
    }
    cuts->figures->cuts++;
    for (unsigned draw = 0; draw < options->draws && !cuts->stop; draw++) {
        if (options->only_draw < 0 || (unsigned)options->only_draw == draw) {
            draw_one(cuts, draw);
        }
    }
    crash_reseed(mix(options->seed, cuts->cut, UINT64_MAX));
}

static int before_call(void *ctx, enum crash_call call)
{
    struct cuts *cuts = ctx;

    if (call != CRASH_READ && call != CRASH_STAT && call != CRASH_LOCK && call != CRASH_MAP &&
        !cuts->stop) {
        cut_here(cuts);
    }
    return 0;
}

/* What a step that was answered has made sure of. In a group nothing is, until its end. */
static void acknowledge(struct cuts *cuts, const struct crash_step *step)
{
    cull_log *log = cuts->place.logs[step->request.process];

    if (step->kind == CRASH_STEP_CREATE_LOG) {
        cuts->created = true;
        crash_disk_deafen(cuts->place.disk, cuts->options->deaf);
    }
    if (log != NULL && !cuts->place.is_grouped &&
        log->ops->head(log, &cuts->acked_seq, NULL) != CULL_OK) {
        abort();
    }
}

void crash_cuts(const struct crash_script *script, const struct crash_rehearsal *rehearsal,
                const struct crash_cuts_options *options, struct crash_figures *figures)
{
    struct cuts cuts = {
        .script = script, .rehearsal = rehearsal, .options = options, .figures = figures
    };

    crash_reseed(options->seed);
    crash_place_init(&cuts.place, 0, crash_disk_new(&options->disk), NULL, CRASH_START_MS);
    cuts.place.wal_pages = script->wal_pages;
    cuts.place.strays = script->strays;
    crash_disk_deafen(cuts.place.disk, options->deaf_later ? 0 : options->deaf);
    crash_disk_watch(cuts.place.disk, before_call, &cuts);
    for (; cuts.step < script->count && !cuts.stop; cuts.step++) {
        const struct crash_step *step = &script->steps[cuts.step];
        cull_status status = crash_place_step(&cuts.place, step);

        if (status != rehearsal->after[cuts.step].status) {
            figures->lost++;
            tell(&cuts, 0, CRASH_ALL, "a step does not answer as it did undisturbed");
            break;
        }
        acknowledge(&cuts, step);
    }
    if (!cuts.stop) {
        cut_here(&cuts); /* after the last call */
    }
    (void)crash_place_release(&cuts.place);
}

/* --- rehearsal ---------------------------------------------------------------------------------- */

struct rehearsing {
    struct crash_rehearsal *out;
    struct crash_place place;
    char why[CRASH_WHY_MAX];
    bool good;
};

/* As another process sees it that comes when all of ours have died: this shows the seqs inside of
 * steps that append more than once. Syncs come right after a transaction was written. */
static int look_aside(void *ctx, enum crash_call call)
{
    struct rehearsing *rehearsing = ctx;
    struct crash_place place;

    if (call != CRASH_SYNC || !rehearsing->good) {
        return 0;
    }
    crash_place_find(&place, 1, &rehearsing->place, CRASH_ALL, 0);
    if (crash_place_open(&place, 0, false) == CULL_OK) { /* not yet: it is being made */
        rehearsing->good = crash_texts_add(&rehearsing->out->texts, &place.sessions[0],
                                           rehearsing->why, sizeof rehearsing->why);
    }
    (void)crash_place_release(&place);
    return 0;
}

/* Remember what the step's process sees after it. In a group that is not what others may see. */
static void look_after(struct rehearsing *rehearsing, const struct crash_step *step,
                       struct crash_after *after)
{
    struct cull__session *session = &rehearsing->place.sessions[step->request.process];
    struct cull__buf text = CULL__BUF_INIT(cull_allocator_default());
    cull_error err = { CULL_OK, "" };

    if (session->log == NULL || !rehearsing->good) {
        return;
    }
    if (!rehearsing->place.is_grouped) {
        rehearsing->good = crash_texts_add(&rehearsing->out->texts, session, rehearsing->why,
                                           sizeof rehearsing->why);
    }
    if (crash_look(session, &text, &err) != CULL_OK) {
        (void)snprintf(rehearsing->why, sizeof rehearsing->why, "look: %s", err.message);
        rehearsing->good = false;
    }
    cull__buf_u8(&text, 0);
    after->text = (char *)text.data;
    *strstr(after->text, CRASH_LOOK_REST) = '\0';
}

static void rehearse_steps(struct rehearsing *rehearsing, const struct crash_script *script)
{
    struct crash_rehearsal *out = rehearsing->out;

    for (size_t i = 0; i < script->count && rehearsing->good; i++) {
        const struct crash_step *step = &script->steps[i];

        out->after[i].status = crash_place_step(&rehearsing->place, step);
        if (out->after[i].status != CULL_OK && !script->may_refuse && rehearsing->good) {
            (void)snprintf(rehearsing->why, sizeof rehearsing->why, "step %zu (%s): %s", i + 1,
                           step_name(step), rehearsing->place.answer.error.message);
            rehearsing->good = false;
        }
        look_after(rehearsing, step, &out->after[i]);
    }
}

bool crash_rehearse(struct crash_rehearsal *out, const struct crash_script *script,
                    const struct crash_disk_options *options)
{
    struct rehearsing rehearsing = { .out = out, .good = true };

    *out = (struct crash_rehearsal){ .count = script->count };
    out->after = calloc(script->count, sizeof *out->after);
    if (out->after == NULL) {
        abort();
    }
    crash_place_init(&rehearsing.place, 0, crash_disk_new(options), NULL, CRASH_START_MS);
    rehearsing.place.wal_pages = script->wal_pages;
    rehearsing.place.strays = script->strays;
    crash_disk_watch(rehearsing.place.disk, look_aside, &rehearsing);
    rehearse_steps(&rehearsing, script);
    if (rehearsing.good && !crash_check_use(&rehearsing.place, rehearsing.why, CRASH_WHY_MAX)) {
        rehearsing.good = false;
    }
    if (crash_place_release(&rehearsing.place) != 0 && rehearsing.good) {
        (void)snprintf(rehearsing.why, sizeof rehearsing.why, "memory or files were left open");
        rehearsing.good = false;
    }
    if (!rehearsing.good) {
        printf("%s, undisturbed: %s\n", script->name, rehearsing.why);
    }
    return rehearsing.good;
}

void crash_rehearsal_release(struct crash_rehearsal *rehearsal)
{
    crash_texts_release(&rehearsal->texts);
    for (size_t i = 0; i < rehearsal->count; i++) {
        free(rehearsal->after[i].text);
    }
    free(rehearsal->after);
}
