/*
 * crowd_collect.c - collectors: plan, execute later, finish what others left, fsck, checkpoints.
 *
 * SHAPE     A process keeps one plan; what happens before it executes it is up to the others. A plan
 *           is compared, version by version and blob by blob, with what the witness finds by looking
 *           at everything, and with a second plan at the same place.
 */
#include "crowd_internal.h"

#include <inttypes.h>

#include "base/base_internal.h"
#include "cull/rules.h"

/* --- plans ------------------------------------------------------------------------------------ */

static void choose_options(struct crowd_turn *turn, cull_gc_options *out)
{
    *out = (cull_gc_options){ .now_ms = crowd_caller(turn->crowd, turn->process).now_ms,
                              .allow_empty_store = dice_chance(&turn->dice, 80),
                              .verify_full = dice_chance(&turn->dice, 5) };
    if (dice_chance(&turn->dice, 15)) {
        out->allow_shorter_grace = true;
        out->grace_ms = 500 * dice_number(&turn->dice, 3);
    }
    if (dice_chance(&turn->dice, 8)) {
        out->max_deletes = 1 + dice_number(&turn->dice, 2);
    }
    if (dice_chance(&turn->dice, 4)) {
        out->max_bytes = 1 + dice_number(&turn->dice, 16);
    }
}

/* The versions of a plan against the witness's: each is one, and there are as many. */
static void compare_versions(struct crowd *crowd, const cull_plan *plan,
                             const cull_gc_options *options, const struct witness_plan *wanted)
{
    struct witness *witness = &crowd->witness;
    size_t purged_count;
    size_t expired_count;
    const cull_version_key *purged = cull_plan_versions(plan, &purged_count);
    const cull_version_key *expired = cull_plan_expired(plan, &expired_count);
    bool same = purged_count == wanted->versions && expired_count == wanted->expired;

    for (size_t c = 0; c < witness->collection_count && same; c++) {
        const struct witness_collection *in = &witness->collections[c];

        for (size_t i = 0; i < purged_count && same; i++) {
            same = purged[i].collection != in->id ||
                   (purged[i].ordinal < in->count &&
                    witness_purges(witness, in, purged[i].ordinal, wanted->now_ms,
                                   options->allow_shorter_grace, options->grace_ms));
        }
        for (size_t i = 0; i < expired_count && same; i++) {
            same = expired[i].collection != in->id ||
                   (expired[i].ordinal < in->count &&
                    witness_expires(witness, &in->versions[expired[i].ordinal], wanted->now_ms));
        }
    }
    if (!same) {
        witness_break(witness, "a plan purges %zu versions and expires %zu; expected %zu and %zu",
                      purged_count, expired_count, wanted->versions, wanted->expired);
    }
}

static void compare_blobs(struct crowd *crowd, const cull_plan *plan, const cull_plan_info *info,
                          const struct witness_plan *wanted)
{
    struct witness *witness = &crowd->witness;
    bool same = info->blobs == wanted->blob_count && info->bytes == wanted->bytes &&
                info->unfinished == wanted->unfinished;

    for (size_t i = 0; i < info->blobs && same; i++) {
        cull_blob_ref ref;
        unsigned letter;
        bool found = false;

        cull_plan_blob(plan, i, &ref);
        letter = witness_letter(witness, &ref.digest);
        for (size_t w = 0; w < wanted->blob_count; w++) {
            found = found || witness->blobs[wanted->blobs[w]].letter == letter;
        }
        same = found;
    }
    if (!same) {
        witness_break(witness,
                      "a plan deletes %" PRIu64 " blobs, %" PRIu64 " bytes, and finishes %" PRIu64
                      "; expected %zu, %" PRIu64 " and %zu",
                      info->blobs, info->bytes, info->unfinished, wanted->blob_count, wanted->bytes,
                      wanted->unfinished);
    }
}

/* Pure: another plan at the same place, time and options is the same. */
static void compare_plans(struct crowd *crowd, struct crowd_process *process,
                          const cull_plan_info *info)
{
    cull_plan *again = NULL;
    cull_plan_info other;

    if (cull_gc_plan(&again, process->store, &process->plan_options, NULL) != CULL_OK) {
        return; /* an incident */
    }
    cull_plan_get_info(again, &other);
    if (other.seq == info->seq &&
        (other.versions != info->versions || other.expired != info->expired ||
         other.blobs != info->blobs || other.bytes != info->bytes ||
         (other.refusal == NULL) != (info->refusal == NULL))) {
        witness_break(&crowd->witness, "two plans at fact %" PRIu64 " differ", info->seq);
    }
    for (size_t i = 0; other.seq == info->seq && i < other.blobs; i++) {
        cull_blob_ref a;
        cull_blob_ref b;

        cull_plan_blob(again, i, &a);
        cull_plan_blob(process->plan, i, &b);
        if (memcmp(&a.digest, &b.digest, sizeof a.digest) != 0) {
            witness_break(&crowd->witness, "two plans at fact %" PRIu64 " differ", info->seq);
        }
    }
    cull_plan_free(again);
}

static cull_status make_plan(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    struct crowd_process *process = turn->process;
    struct witness_plan wanted;
    cull_plan_info info;
    cull_error err = { CULL_OK, "" };
    cull_status status;

    cull_plan_free(process->plan);
    process->plan = NULL;
    choose_options(turn, &process->plan_options);
    status = cull_gc_plan(&process->plan, process->store, &process->plan_options, &err);
    if (!crowd_judge(crowd, process, "plan", status, CROWD_BIT(CULL_OK), &err) ||
        status != CULL_OK) {
        return status;
    }
    cull_plan_get_info(process->plan, &info);
    crowd_tell(crowd, "%u: plans: %d versions, %d expire, %d blobs%s", process->number,
               (int)info.versions, (int)info.expired, (int)info.blobs,
               info.refusal == NULL ? "" : ", refused");
    process->plan_seq = info.seq;
    CROWD_REACH(crowd, PLANS);
    crowd->reached[CAME_FULL_PLANS] += info.verified_full;
    witness_plan(&crowd->witness, process->plan_options.now_ms,
                 process->plan_options.allow_shorter_grace, process->plan_options.grace_ms,
                 &wanted);
    compare_versions(crowd, process->plan, &process->plan_options, &wanted);
    compare_blobs(crowd, process->plan, &info, &wanted);
    if ((info.refusal != NULL) !=
        (wanted.versions > 0 && wanted.kept == 0 && !process->plan_options.allow_empty_store)) {
        witness_break(&crowd->witness, "a plan is refused, or should be: %s",
                      info.refusal == NULL ? "it is not" : info.refusal);
    }
    if (dice_chance(&turn->dice, 10)) {
        compare_plans(crowd, process, &info);
    }
    return status;
}

void crowd_act_plan(struct crowd_turn *turn)
{
    (void)make_plan(turn);
}

/* --- execution -------------------------------------------------------------------------------- */

/* What a whole execution says adds up to what its plan said. */
static void judge_sums(struct crowd *crowd, const cull_plan_info *info,
                       const cull_gc_result *result, cull_status status)
{
    uint64_t planned = result->blobs_deleted - result->blobs_finished + result->blobs_rescued;

    if ((status != CULL_OK && status != CULL_E_PARTIAL) || result->limit) {
        return;
    }
    if (planned + result->blobs_failed < info->blobs || planned > info->blobs ||
        result->versions_purged > info->versions || result->versions_expired > info->expired ||
        (status == CULL_E_PARTIAL) != (result->blobs_failed > 0)) {
        witness_break(&crowd->witness,
                      "a cycle of %" PRIu64 " blobs: %" PRIu64 " deleted, %" PRIu64
                      " of them finished, %" PRIu64 " rescued, %" PRIu64 " failed",
                      info->blobs, result->blobs_deleted, result->blobs_finished,
                      result->blobs_rescued, result->blobs_failed);
    }
}

static void note_execution(struct crowd *crowd, const struct crowd_process *process,
                           const cull_gc_result *result, cull_status status, uint64_t seq_before)
{
    crowd->reached[CAME_STALE_PLANS] += seq_before > process->plan_seq;
    crowd->reached[CAME_RESUMED] += result->blobs_finished;
    crowd->reached[CAME_RESCUED_AT_CLAIM] += result->blobs_rescued;
    crowd->reached[CAME_LIMITED] += status == CULL_OK && result->limit;
    crowd->reached[CAME_FENCED] +=
        status == CULL_E_BUSY && result->cycle > 0 && result->cycle < crowd->witness.cycles;
}

/* Going below the grace that was promised takes an administrator, where there are roles. */
static bool is_denied(const struct crowd *crowd, const struct crowd_process *process)
{
    return crowd->settings.rules && process->plan_options.allow_shorter_grace &&
           witness_role(&crowd->witness, process->number, false) < CULL_ROLE_ADMINISTRATOR;
}

static void execute(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    struct crowd_process *process = turn->process;
    cull_gc_options options = process->plan_options;
    cull_caller caller = crowd_caller(crowd, process);
    uint64_t seq_before = crowd->witness.seq;
    bool suspended = crowd->suspended;
    unsigned allowed = CROWD_BIT(CULL_OK) | CROWD_BIT(CULL_E_BUSY) |
                       (crowd->settings.late ? CROWD_BIT(CULL_E_PARTIAL) : 0);
    cull_gc_result result;
    cull_plan_info info;
    cull_error err = { CULL_OK, "" };
    cull_status status;

    options.now_ms = caller.now_ms;
    cull_plan_get_info(process->plan, &info);
    process->call.collects = true;
    process->call.shorter = options.allow_shorter_grace;
    process->call.shorter_ms = options.grace_ms;
    crowd->prompt = dice_chance(&turn->dice, 60);
    if (info.refusal != NULL) {
        allowed = CROWD_BIT(CULL_E_REFUSED);
    } else if (crowd->settings.kind == CROWD_SUSPENDED) {
        allowed |= CROWD_BIT(CULL_E_REFUSED);
    }
    status = cull_gc_execute(process->store, process->plan, &options, &caller, &result, &err);
    if (is_denied(crowd, process)) { /* by now, at least */
        allowed |= CROWD_BIT(CULL_E_REFUSED);
        crowd->reached[CAME_DENIED] += status == CULL_E_REFUSED;
    } else if (info.refusal == NULL) {
        crowd->reached[CAME_REFUSED_SUSPENDED] += status == CULL_E_REFUSED;
    }
    crowd_tell(crowd,
               "%u: executes cycle %d: %s, %d purged, %d deleted (%d finished), %d rescued, %d "
               "failed",
               process->number, (int)result.cycle, cull_strerror(status),
               (int)result.versions_purged, (int)result.blobs_deleted, (int)result.blobs_finished,
               (int)result.blobs_rescued, (int)result.blobs_failed);
    (void)crowd_judge(crowd, process, "execute", status, allowed, &err);
    if (suspended && crowd->suspended && (status == CULL_OK || status == CULL_E_PARTIAL)) {
        witness_break(&crowd->witness, "a cycle ran while versioning was suspended");
    }
    judge_sums(crowd, &info, &result, status);
    note_execution(crowd, process, &result, status, seq_before);
    crowd->reached[CAME_REFUSED_EMPTY] += info.refusal != NULL && status == CULL_E_REFUSED;
    if (status != CULL_E_BUSY || result.cycle > 0 || process->ports.moved > 0) {
        /* else somebody else was at work, and it may be tried again */
        cull_plan_free(process->plan);
        process->plan = NULL;
    }
}

void crowd_act_execute(struct crowd_turn *turn)
{
    if (turn->process->plan == NULL && make_plan(turn) != CULL_OK) {
        return;
    }
    execute(turn);
}

void crowd_act_collect(struct crowd_turn *turn)
{
    if (make_plan(turn) == CULL_OK) {
        execute(turn);
    }
}

uint64_t crowd_finish(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_error err = { CULL_OK, "" };
    uint64_t finished = 0;
    cull_status status;

    turn->process->call.collects = true;
    crowd->prompt = dice_chance(&turn->dice, 60);
    status = cull_gc_finish(turn->process->store, &caller, &finished, &err);
    crowd_tell(crowd, "%u: finishes deletions: %s, %d", turn->process->number,
               cull_strerror(status), (int)finished);
    (void)crowd_judge(crowd, turn->process, "finish", status,
                      CROWD_BIT(CULL_OK) | CROWD_BIT(CULL_E_BUSY) |
                          (crowd->settings.late ? CROWD_BIT(CULL_E_PARTIAL) : 0) |
                          (crowd->settings.kind == CROWD_SUSPENDED ? CROWD_BIT(CULL_E_REFUSED) : 0),
                      &err);
    return status == CULL_OK ? finished : 0;
}

void crowd_act_finish(struct crowd_turn *turn)
{
    turn->crowd->reached[CAME_RESUMED] += crowd_finish(turn);
}

/* --- checking --------------------------------------------------------------------------------- */

struct findings {
    struct crowd *crowd;
    const struct crowd_process *process;
    unsigned old;
    bool whole; /* no object had come to harm when it began */
};

/* Where nothing came to harm only orphans may be found; and objects that could not be asked for. */
static void visit_finding(void *ctx, const cull_finding *finding)
{
    struct findings *findings = ctx;
    struct crowd *crowd = findings->crowd;
    const struct crowd_ports *ports = &findings->process->ports;
    bool fault = ports->dead || (ports->fired && ports->op->incident != INCIDENT_PAUSE);

    crowd_tell(crowd, "   found: %s%s", finding->message, finding->repaired ? " (repaired)" : "");
    if (finding->kind == CULL_FOUND_ORPHAN) {
        findings->old += finding->is_problem;
        crowd->reached[CAME_YOUNG_ORPHANS] += !finding->is_problem;
    } else if (!(finding->kind == CULL_FOUND_UNREADABLE && fault) && findings->whole &&
               !(crowd->settings.damage && findings->process->call.paused)) {
        witness_break(&crowd->witness, "fsck: %.300s", finding->message);
    }
}

void crowd_act_fsck(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    const cull_fsck_options options = { .read_data = dice_chance(&turn->dice, 50),
                                        .repair = dice_chance(&turn->dice, 60) };
    struct findings findings = { crowd, turn->process, 0,
                                 witness_damage_held(&crowd->witness) == 0 &&
                                     witness_damage_seen(&crowd->witness, true) == 0 };
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_fsck_result result;
    cull_error err = { CULL_OK, "" };
    cull_status status;

    turn->process->call.repairs = options.repair;
    status =
        cull_fsck(turn->process->store, &options, &caller, visit_finding, &findings, &result, &err);
    crowd_tell(crowd, "%u: fsck%s: %s, %d problems, %d notes, %d repaired", turn->process->number,
               options.repair ? " --repair" : "", cull_strerror(status), (int)result.problems,
               (int)result.notes, (int)result.repaired);
    (void)crowd_judge(crowd, turn->process, "fsck", status,
                      CROWD_BIT(CULL_OK) | (options.repair ? CROWD_BIT(CULL_E_BUSY) : 0) |
                          (findings.old > 0 || !findings.whole || turn->process->ports.fired
                               ? CROWD_BIT(CULL_E_DAMAGED)
                               : 0),
                      &err);
    if (status == CULL_OK && !turn->process->ports.fired &&
        (witness_damage_held(&crowd->witness) |
         witness_damage_seen(&crowd->witness, options.read_data)) != 0) {
        witness_break(&crowd->witness, "fsck finds nothing wrong, and objects are");
    }
}

/* --- checkpoints ------------------------------------------------------------------------------ */

void crowd_act_maintain(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_error err = { CULL_OK, "" };
    cull_status status = cull_store_maintain(turn->process->store, true, &caller, &err);

    crowd_tell(crowd, "%u: writes checkpoints: %s", turn->process->number, cull_strerror(status));
    (void)crowd_judge(crowd, turn->process, "maintain", status,
                      CROWD_BIT(CULL_OK) | CROWD_BIT(CULL_E_BUSY), &err);
}

void crowd_act_refresh(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    uint64_t seq = 0;
    cull_error err = { CULL_OK, "" };
    cull_status status = cull_store_refresh(turn->process->store, &seq, &err);

    (void)crowd_judge(crowd, turn->process, "refresh", status, CROWD_BIT(CULL_OK), &err);
    if (status == CULL_OK && seq != crowd->witness.seq) {
        witness_break(&crowd->witness, "a handle is at fact %" PRIu64 ", the log at %" PRIu64, seq,
                      crowd->witness.seq);
    }
}
