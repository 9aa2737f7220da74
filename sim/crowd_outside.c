/*
 * crowd_outside.c - what happens to processes from outside: clocks, the network, a kill, damage.
 */
#include "crowd_internal.h"
#include "crowd_heap.h"

#include <inttypes.h>

#include "base/base_internal.h"
#include "object/objects_internal.h"

#define DAY_MS (UINT64_C(24) * 3600 * 1000)

void crowd_act_reopen(struct crowd_turn *turn)
{
    crowd_tell(turn->crowd, "%u: is closed", turn->process->number);
    crowd_close(turn->crowd, turn->process, false);
    (void)crowd_open(turn->crowd, turn->process);
}

/* A process that is inside a call dies where it is, at its next point. */
void crowd_act_kill(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    struct crowd_process *process = &crowd->processes[turn->op->process];

    crowd_tell(crowd, "%u: is killed%s", process->number, process->busy ? " where it is" : "");
    CROWD_REACH(crowd, KILLED);
    if (process->busy) {
        CROWD_REACH(crowd, KILLED_INSIDE);
        crowd->reached[CAME_KILLED_COLLECTORS] += process->collecting;
        process->ports.dead = true;
    } else {
        crowd_close(crowd, process, true);
    }
}

/* A collector that is stopped for long loses the lock, where locks end by time. */
void crowd_act_takeover(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;

    for (unsigned i = 0; i < crowd->settings.processes; i++) {
        struct crowd_process *process = &crowd->processes[i];
        cull_log *view = process->ports.view;

        if (process->busy && process->collecting && !process->ports.dead) {
            crowd_tell(crowd, "%u: loses the collector's lock", process->number);
            CROWD_REACH(crowd, TAKEN_OVER);
            (void)view->ops->leader(view, CULL__LEADER_RELEASE, NULL);
            return;
        }
    }
}

void crowd_act_clock(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    uint64_t kind = dice_number(&turn->dice, 100);
    uint64_t ms = kind < 75   ? 50 * (1 + dice_number(&turn->dice, 30))
                  : kind < 96 ? 1000 * (1 + dice_number(&turn->dice, 10))
                              : DAY_MS * (1 + dice_number(&turn->dice, 3)) + 1;

    crowd->now_ms += ms;
    cull_objects_memory_set_time(crowd->memory, crowd->now_ms);
    crowd->reached[CAME_DAYS] += ms > DAY_MS;
    crowd_tell(crowd, "the clock moves by %llu ms", (unsigned long long)ms);
}

/* A process's own clock goes wrong, or right again. */
void crowd_act_skew(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    struct crowd_process *process = &crowd->processes[turn->op->process];
    uint64_t kind = dice_number(&turn->dice, 10);
    int64_t ms = (int64_t)dice_number(&turn->dice, 5000);

    process->skew_ms = kind < 4 ? 0 : kind < 7 ? -ms : kind < 9 ? ms : -(int64_t)DAY_MS;
    crowd_tell(crowd, "%u: its clock is wrong by %lld ms", process->number,
               (long long)process->skew_ms);
}

void crowd_act_net(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    size_t which = (size_t)dice_number(&turn->dice, crowd->request_count);
    uint64_t fate = dice_number(&turn->dice, 100);

    while (!crowd->requests[which].waiting) { /* there is one: see crowd_step */
        which = (which + 1) % crowd->request_count;
    }
    if (fate < 4) {
        crowd_tell(crowd, "%s %c never arrives",
                   crowd->requests[which].publish ? "publish of" : "delete of",
                   'a' + (int)crowd->requests[which].letter);
        CROWD_REACH(crowd, NEVER_ARRIVED);
        crowd->requests[which].waiting = false;
        crowd->requests[which].result =
            crowd->requests[which].answered ? crowd->requests[which].result : CULL_E_IO;
        crowd->requests[which].answered = true;
    } else {
        crowd_deliver(crowd, which, fate < 14);
    }
}

/* Is there a delete under way that may name the null version? While there is one, an owner who
 * suspends versioning gives up what the version ids protect from. */
static bool null_delete_under_way(const struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->settings.processes; i++) {
        if (crowd->processes[i].collecting) {
            return true;
        }
    }
    for (size_t i = 0; i < crowd->request_count; i++) {
        if (crowd->requests[i].waiting && !crowd->requests[i].publish &&
            crowd->requests[i].number == 1) {
            return true;
        }
    }
    for (uint32_t number = 0; number < crowd->witness.blob_limit; number++) {
        const struct witness_blob *blob = &crowd->witness.blobs[number];

        for (unsigned i = 0; blob->state == WITNESS_DELETING && i < blob->version_count; i++) {
            if (blob->versions[i] == 1) {
                return true;
            }
        }
    }
    return false;
}

/* A bucket's owner suspends versioning, or enables it again. */
void crowd_act_owner(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;

    if (!crowd->suspended && null_delete_under_way(crowd)) {
        return;
    }
    crowd->suspended = !crowd->suspended;
    crowd->reached[CAME_SUSPENSIONS] += crowd->suspended;
    crowd_tell(crowd, "versioning is %s", crowd->suspended ? "suspended" : "enabled");
    cull_objects_memory_set_versioning(
        crowd->memory, crowd->suspended ? CULL_VERSIONING_SUSPENDED : CULL_VERSIONING_ENABLED);
}

/* An object that nobody asked for: of an upload that was forgotten long ago. */
void crowd_act_stray(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    unsigned letter = (unsigned)dice_number(&turn->dice, crowd->settings.letters);
    uint32_t incarnation = crowd->settings.kind != CROWD_INCARNATION
                               ? 0
                               : (uint32_t)dice_number(&turn->dice, crowd->witness.cycles + 1);

    crowd_tell(crowd, "a stray object %c", 'a' + (int)letter);
    CROWD_REACH(crowd, STRAYS);
    crowd_put_object(crowd, letter, incarnation);
}

/* An object is lost, or holds other bytes. */
void crowd_act_damage(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    unsigned letter = (unsigned)dice_number(&turn->dice, crowd->settings.letters);
    uint32_t number = crowd->witness.current[letter];
    bool lose = dice_chance(&turn->dice, 50);
    cull_object_id id = { crowd->digests[letter], 0 };

    if (number == WITNESS_NONE || crowd->witness.blobs[number].state != WITNESS_LIVE) {
        return;
    }
    id.incarnation = crowd->witness.blobs[number].incarnation;
    if ((lose ? cull_objects_memory_lose(crowd->memory, &id)
              : cull_objects_memory_corrupt(crowd->memory, &id)) == CULL_OK) {
        crowd_tell(crowd, "object %c is %s", 'a' + (int)letter, lose ? "lost" : "damaged");
        CROWD_REACH(crowd, DAMAGED);
        witness_damage(&crowd->witness, number);
    }
}

/* The newest checkpoint of a room is damaged; the older one is whole. */
void crowd_act_tear(struct crowd_turn *turn)
{
    static const char *const rooms[] = { "catalog", "blobs", "lifespans", "counts" };
    struct crowd *crowd = turn->crowd;
    const char *room = rooms[dice_number(&turn->dice, ARRAY_LEN(rooms))];
    struct cull__log_stat stat;
    struct cull__checkpoint older;
    bool whole = crowd->log->ops->checkpoint_get(crowd->log, room, 1, &older, NULL) == CULL_OK;

    cull__checkpoint_release(&older, crowd_heap());
    if (crowd->log->ops->stat(crowd->log, &stat, NULL) == CULL_OK && crowd->torn == 0 &&
        (whole || stat.cut_seq == 0) && cull__log_memory_damage(crowd->log, room, 0)) {
        crowd_tell(crowd, "the newest checkpoint of %s is damaged", room);
        CROWD_REACH(crowd, DAMAGED_CHECKPOINTS);
        crowd->torn = 3; /* until none of the damaged ones is kept */
    }
}
