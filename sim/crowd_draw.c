/*
 * crowd_draw.c - from a seed to a world and a list of ops.
 *
 * SHAPE     Ops are drawn without looking at what they come to: by weight, each with dice of its
 *           own, which it throws where it stands. Each seed leaves some acts out and makes others
 *           frequent. What comes inside of a paused cycle is drawn by other weights, because
 *           there the few things that may go wrong are rare.
 *           Roles, links and what else only some worlds have come from dice of their own, between
 *           the other ops.
 * INVARIANT The first n ops of a seed do not depend on how many are drawn.
 */
#include "crowd.h"

#include <stdlib.h>

uint64_t dice_number(struct dice *dice, uint64_t below)
{
    uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

bool dice_chance(struct dice *dice, unsigned percent)
{
    return dice_number(dice, 100) < percent;
}

/* How often an act comes; always: in every world; inside: within a paused cycle, in percent. */
static const struct {
    unsigned weight;
    bool always;
    unsigned inside;
} acts[CROWD_ACT_COUNT] = {
    [ACT_UPLOAD] = { 150, true, 100 },  [ACT_ABORT] = { 2, false, 100 },
    [ACT_RENEW] = { 4, false, 100 },    [ACT_DROP] = { 3, false, 100 },
    [ACT_DELETE] = { 20, true, 100 },   [ACT_RESTORE] = { 5, false, 200 },
    [ACT_SCOPE] = { 2, false, 100 },    [ACT_ALIAS] = { 3, false, 100 },
    [ACT_PLAN] = { 8, false, 100 },     [ACT_EXECUTE] = { 11, false, 200 },
    [ACT_COLLECT] = { 14, true, 300 },  [ACT_FINISH] = { 5, false, 300 },
    [ACT_FSCK] = { 1, false, 100 },     [ACT_MAINTAIN] = { 3, false, 100 },
    [ACT_REFRESH] = { 3, false, 100 },  [ACT_REOPEN] = { 2, false, 100 },
    [ACT_KILL] = { 3, false, 300 },     [ACT_TAKEOVER] = { 5, false, 1000 },
    [ACT_CLOCK] = { 14, true, 100 },    [ACT_SKEW] = { 2, false, 50 },
    [ACT_NET] = { 45, false, 100 },     [ACT_OWNER] = { 3, false, 100 },
    [ACT_STRAY] = { 2, false, 100 },    [ACT_DAMAGE] = { 2, false, 100 },
    [ACT_TEAR] = { 2, false, 100 },     [ACT_LINK] = { 12, true, 100 },
    [ACT_UNLINK] = { 6, false, 100 },   [ACT_PROTECT] = { 6, false, 100 },
    [ACT_ROLE] = { 3, false, 100 },     [ACT_TTL] = { 4, false, 100 },
    [ACT_REGISTRY] = { 1, false, 100 },
};

struct drawing {
    struct dice dice;
    unsigned weights[CROWD_ACT_COUNT];
    unsigned inside_weights[CROWD_ACT_COUNT];
    unsigned trouble; /* percent of ops that carry an incident */
    unsigned inside;  /* ops still to come inside of a paused cycle */
    bool taken_over;  /* the last op took the lock away: a collector did */
};

static void draw_store(struct dice *dice, struct crowd_settings *out)
{
    static const cull_digest_kind digests[] = { CULL_DIGEST_XXH128, CULL_DIGEST_XXH128,
                                                CULL_DIGEST_XXH128, CULL_DIGEST_MD5,
                                                CULL_DIGEST_SHA1,   CULL_DIGEST_SHA256 };
    static const uint64_t graces_ms[] = { 0, 1000, 1000, 4000 };
    static const cull_late_deletes late[CROWD_KINDS] = {
        CULL_LATE_IMPOSSIBLE, CULL_LATE_VERSION_IDS, CULL_LATE_VERSION_IDS, CULL_LATE_INCARNATION
    };

    out->kind = (enum crowd_kind)dice_number(dice, CROWD_KINDS);
    out->late = out->kind != CROWD_DIRECTORY && dice_chance(dice, 60);
    out->damage = dice_chance(dice, 10);
    out->tears = dice_chance(dice, 30);
    out->ttls = dice_chance(dice, 30);
    out->letters = (unsigned)(2 + dice_number(dice, 7));
    out->names = (unsigned)(1 + dice_number(dice, CROWD_NAMES - 1));
    out->processes = (unsigned)(2 + dice_number(dice, CROWD_PROCESSES - 1));
    out->store = (cull_store_settings){
        .digest = digests[dice_number(dice, sizeof digests / sizeof digests[0])],
        .late_deletes = late[out->kind],
        .grace_ms = graces_ms[dice_number(dice, sizeof graces_ms / sizeof graces_ms[0])],
        .lease_ms = 1000 * (2 + dice_number(dice, 8)),
        .seed = dice_number(dice, UINT64_MAX),
    };
    out->store.grace_is_zero = out->store.grace_ms == 0;
}

/* Of the acts from first on to before end; the others do not come. */
static void draw_weights(struct drawing *drawing, const struct crowd_settings *settings,
                         unsigned first, unsigned end)
{
    static const unsigned factors[] = { 0, 1, 2, 2, 2, 4 };

    for (unsigned i = first; i < end; i++) {
        unsigned factor =
            acts[i].always
                ? 2
                : factors[dice_number(&drawing->dice, sizeof factors / sizeof factors[0])];

        if ((i == ACT_NET && !settings->late) || (i == ACT_DAMAGE && !settings->damage) ||
            (i == ACT_TEAR && !settings->tears) ||
            (i == ACT_OWNER && settings->kind != CROWD_SUSPENDED) ||
            (i == ACT_TAKEOVER && settings->kind == CROWD_DIRECTORY)) {
            factor = 0;
        }
        if (settings->damage && (i == ACT_FSCK || i == ACT_DAMAGE)) {
            factor = 6; /* often, and seen */
        }
        drawing->weights[i] = acts[i].weight * factor * 100;
        drawing->inside_weights[i] = acts[i].weight * factor * acts[i].inside;
    }
}

static uint8_t draw_act(struct drawing *drawing, const unsigned weights[CROWD_ACT_COUNT])
{
    uint64_t total = 0;
    uint64_t at;
    uint8_t act = 0;

    for (unsigned i = 0; i < CROWD_ACT_COUNT; i++) {
        total += weights[i];
    }
    at = dice_number(&drawing->dice, total);
    while (at >= weights[act]) {
        at -= weights[act++];
    }
    return act;
}

static void draw_incident(struct drawing *drawing, struct crowd_op *op)
{
    static const uint8_t incidents[] = { INCIDENT_PAUSE,      INCIDENT_PAUSE, INCIDENT_PAUSE,
                                         INCIDENT_PAUSE,      INCIDENT_PAUSE, INCIDENT_PAUSE,
                                         INCIDENT_FAIL,       INCIDENT_FAIL,  INCIDENT_FAIL_AFTER,
                                         INCIDENT_FAIL_AFTER, INCIDENT_KILL,  INCIDENT_KILL_AFTER,
                                         INCIDENT_MOVED };
    static const uint8_t points[] = {
        1u << POINT_PUBLISH | 1u << POINT_DELETE | 1u << POINT_CHECKPOINT | 1u << POINT_CUT,
        1u << POINT_APPEND,
        1u << POINT_APPEND,
        1u << POINT_PUBLISH | 1u << POINT_DELETE | 1u << POINT_CHECKPOINT | 1u << POINT_CUT,
        1u << POINT_APPEND | 1u << POINT_PUBLISH | 1u << POINT_DELETE | 1u << POINT_LOOK |
            1u << POINT_CHECKPOINT | 1u << POINT_CUT,
        1u << POINT_APPEND | 1u << POINT_PUBLISH | 1u << POINT_DELETE | 1u << POINT_LOOK |
            1u << POINT_CHECKPOINT | 1u << POINT_CUT | 1u << POINT_READ_LOG,
    };
    bool is_cycle = op->act == ACT_EXECUTE || op->act == ACT_COLLECT || op->act == ACT_FINISH ||
                    op->act == ACT_FSCK;
    struct dice *dice = &drawing->dice;

    op->incident = incidents[dice_number(dice, sizeof incidents)];
    op->points = points[dice_number(dice, sizeof points)];
    op->at = (uint8_t)(1 + dice_number(dice, is_cycle ? 1 + dice_number(dice, 8)
                                                      : 1 + dice_number(dice, 3)));
    op->inside = (uint8_t)(1 + dice_number(dice, 1 + dice_number(dice, 12)));
    if (op->incident == INCIDENT_PAUSE && is_cycle) {
        drawing->inside = op->inside;
    }
}

static void draw_op(struct drawing *drawing, const struct crowd_settings *settings,
                    struct crowd_op *op)
{
    bool inside = drawing->inside > 0;

    drawing->inside -= inside;
    op->act = drawing->taken_over
                  ? (uint8_t)(dice_chance(&drawing->dice, 70) ? ACT_COLLECT : ACT_FINISH)
                  : draw_act(drawing, inside ? drawing->inside_weights : drawing->weights);
    drawing->taken_over = op->act == ACT_TAKEOVER && inside;
    op->process = (uint8_t)dice_number(&drawing->dice, settings->processes);
    op->slot = (uint8_t)dice_number(&drawing->dice, CROWD_UPLOADS);
    op->dice = dice_number(&drawing->dice, UINT64_MAX);
    if (dice_chance(&drawing->dice, drawing->trouble)) {
        draw_incident(drawing, op);
    }
}

void crowd_draw(struct crowd_history *out, uint64_t seed, size_t count)
{
    struct drawing drawing = { .dice = { seed * UINT64_C(0x2545f4914f6cdd1d) + 7 } };
    struct drawing rules = { .dice = { seed * UINT64_C(0x2545f4914f6cdd1d) + 11 } };

    out->ops = calloc(count, sizeof *out->ops);
    if (out->ops == NULL) {
        abort();
    }
    out->count = count;
    draw_store(&drawing.dice, &out->settings);
    draw_weights(&drawing, &out->settings, 0, CROWD_ACT_RULES);
    drawing.trouble = (unsigned)dice_number(&drawing.dice, 4) * 8;
    out->settings.rules = dice_chance(&rules.dice, 30);
    draw_weights(&rules, &out->settings, CROWD_ACT_RULES, CROWD_ACT_COUNT);
    rules.trouble = drawing.trouble;
    for (size_t i = 0; i < count; i++) {
        draw_op(out->settings.rules && dice_chance(&rules.dice, 20) ? &rules : &drawing,
                &out->settings, &out->ops[i]);
    }
}

void crowd_history_release(struct crowd_history *history)
{
    free(history->ops);
    *history = (struct crowd_history){ .ops = NULL };
}
