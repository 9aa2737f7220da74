/*
 * crowd_names.c - deleters: soft-deletes, restores, cascades, aliases.
 *
 * SHAPE     Versions are chosen by the dice from what there is, mostly in the state that makes the
 *           request sensible. A refusal is judged by where the log stands when it comes back: what
 *           was refused was looked at there.
 */
#include "crowd_internal.h"

#include "base/base_internal.h"

#define VERSIONS_AT_ONCE 8

bool crowd_choose(struct crowd_turn *turn, cull_version_state state, cull_version_key *out)
{
    const struct witness *witness = &turn->crowd->witness;

    for (int attempt = 0; attempt < 12 && witness->collection_count > 0; attempt++) {
        const struct witness_collection *in =
            &witness->collections[dice_number(&turn->dice, witness->collection_count)];
        size_t ordinal = in->count == 0 ? 0 : dice_number(&turn->dice, in->count);

        if (in->count > 0 && (in->versions[ordinal].state == state || attempt > 10)) {
            *out = (cull_version_key){ in->id, (uint32_t)ordinal };
            return true;
        }
    }
    return false;
}

static size_t choose_some(struct crowd_turn *turn, cull_version_state state,
                          cull_version_key out[VERSIONS_AT_ONCE])
{
    size_t wanted =
        dice_chance(&turn->dice, 70) ? 1 : 1 + (size_t)dice_number(&turn->dice, VERSIONS_AT_ONCE);
    size_t count = 0;

    while (count < wanted && crowd_choose(turn, state, &out[count])) {
        count++;
    }
    return count;
}

static bool all_in(const struct crowd *crowd, const cull_version_key *keys, size_t count,
                   cull_version_state state)
{
    for (size_t i = 0; i < count; i++) {
        if (witness_at(&crowd->witness, &keys[i])->state != state) {
            return false;
        }
    }
    return true;
}

/* Is one of them protected, now? Then a delete may be refused, or skip it. */
static bool any_protected(const struct crowd *crowd, const cull_version_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (witness_protected(&crowd->witness, &keys[i])) {
            return true;
        }
    }
    return false;
}

/* Is something in a collection that is there protected? */
static bool holds_protected(const struct crowd *crowd, const struct witness_collection *in)
{
    for (size_t i = 0; i < in->count; i++) {
        if (witness_protected(&crowd->witness, &(cull_version_key){ in->id, (uint32_t)i })) {
            return true;
        }
    }
    return false;
}

/* The same of all collections of a name, or of any. */
static bool any_holds_protected(const struct crowd *crowd, bool all, unsigned name)
{
    for (size_t i = 0; i < crowd->witness.collection_count; i++) {
        const struct witness_collection *in = &crowd->witness.collections[i];

        if (!in->deleted && (all || in->name == name) && holds_protected(crowd, in)) {
            return true;
        }
    }
    return false;
}

/* How protection explains an answer; it is counted. */
static unsigned protection(struct crowd *crowd, bool is_protected, bool skip, cull_status status)
{
    crowd->reached[CAME_PROTECTED] += is_protected && status == CULL_E_REFUSED;
    crowd->reached[CAME_SKIPPED] += skip && status == CULL_E_PARTIAL;
    return (is_protected ? CROWD_BIT(CULL_E_REFUSED) : 0) | (skip ? CROWD_BIT(CULL_E_PARTIAL) : 0);
}

/* In worlds with rules: half of the time what is protected is skipped. */
static bool draw_skip(struct crowd_turn *turn)
{
    return turn->crowd->settings.rules && dice_chance(&turn->dice, 50);
}

static cull_status count_version(void *ctx, const cull_version_info *info)
{
    (void)info;
    ++*(size_t *)ctx;
    return CULL_OK;
}

/* All but the last few of a key's collection. What others delete meanwhile is no failure. */
static void delete_selected(struct crowd_turn *turn, const cull_version_key *key,
                            const cull_delete_options *options)
{
    struct crowd *crowd = turn->crowd;
    unsigned name = witness_by_id(&crowd->witness, key->collection)->name;
    const cull_selection selection = { .collection = crowd->names[name].collection,
                                       .keep_last = (uint32_t)dice_number(&turn->dice, 4) };
    cull_caller caller = crowd_caller(crowd, turn->process);
    size_t count = 0;
    cull_error err = { CULL_OK, "" };
    cull_status status = cull_delete_selected(turn->process->store, &selection, options,
                                              count_version, &count, &caller, &err);

    crowd_tell(crowd, "%u: deletes all but %u of %s: %s, %zu", turn->process->number,
               selection.keep_last, selection.collection, cull_strerror(status), count);
    (void)crowd_judge(
        crowd, turn->process, "delete by selection", status,
        CROWD_BIT(CULL_OK) | (options->delete_aliases ? 0 : CROWD_BIT(CULL_E_REFUSED)) |
            protection(crowd, any_holds_protected(crowd, false, name), options->skip_protected,
                       status) |
            (turn->process->call.paused || witness_named(&crowd->witness, name) == NULL
                 ? CROWD_BIT(CULL_E_NOTFOUND)
                 : 0),
        &err);
    crowd->reached[CAME_SELECTED] += status == CULL_OK && count > 0;
    crowd->reached[CAME_SELECTED_AGAIN] +=
        status == CULL_OK && (turn->process->call.paused || turn->process->ports.moved > 0);
}

void crowd_act_delete(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    cull_version_key keys[VERSIONS_AT_ONCE];
    cull_delete_options options = { .delete_aliases = dice_chance(&turn->dice, 80),
                                    .dry_run = dice_chance(&turn->dice, 3) };
    size_t count = choose_some(turn, CULL_VERSION_COMMITTED, keys);
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_error err = { CULL_OK, "" };
    cull_status status;

    if (count == 0) {
        return;
    }
    options.skip_protected = draw_skip(turn);
    if (dice_chance(&turn->dice, 20)) {
        delete_selected(turn, &keys[0], &options);
        return;
    }
    status = cull_delete(turn->process->store, keys, count, &options, &caller, &err);
    crowd_tell(crowd, "%u: deletes %zu versions, %llu:v%u the first: %s", turn->process->number,
               count, (unsigned long long)keys[0].collection, keys[0].ordinal,
               cull_strerror(status));
    (void)crowd_judge(
        crowd, turn->process, "delete", status,
        (status == CULL_OK ? CROWD_BIT(CULL_OK)
         : all_in(crowd, keys, count, CULL_VERSION_COMMITTED)
             ? (options.delete_aliases ? 0 : CROWD_BIT(CULL_E_REFUSED))
             : CROWD_BIT(CULL_E_NOTFOUND) | CROWD_BIT(CULL_E_REFUSED)) |
            protection(crowd, any_protected(crowd, keys, count), options.skip_protected, status),
        &err);
    if (status == CULL_OK && !options.dry_run &&
        !all_in(crowd, keys, count, CULL_VERSION_DELETED)) {
        witness_break(&crowd->witness, "a delete is done, and a version is not deleted");
    }
    if (status == CULL_E_PARTIAL && !any_protected(crowd, keys, count)) {
        witness_break(&crowd->witness, "a delete skips, and nothing is protected");
    }
}

void crowd_act_restore(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    cull_version_key keys[VERSIONS_AT_ONCE];
    size_t count = choose_some(turn, CULL_VERSION_DELETED, keys);
    const char *as = count == 1 && dice_chance(&turn->dice, 20)
                         ? crowd->names[CROWD_NAMES - 1].collection
                         : NULL;
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_error err = { CULL_OK, "" };
    cull_status status;

    if (count == 0) {
        return;
    }
    status = cull_restore(turn->process->store, keys, count, as, &caller, &err);
    crowd_tell(crowd, "%u: restores %zu versions, %llu:v%u the first: %s", turn->process->number,
               count, (unsigned long long)keys[0].collection, keys[0].ordinal,
               cull_strerror(status));
    (void)crowd_judge(crowd, turn->process, "restore", status,
                      status == CULL_OK ? CROWD_BIT(CULL_OK)
                      : all_in(crowd, keys, count, CULL_VERSION_DELETED)
                          ? CROWD_BIT(CULL_E_EXISTS)
                          : CROWD_BIT(CULL_E_NOTFOUND) | CROWD_BIT(CULL_E_EXISTS),
                      &err);
    crowd->reached[CAME_TAKEN_NAMES] += status == CULL_E_EXISTS;
    if (status == CULL_OK && !all_in(crowd, keys, count, CULL_VERSION_COMMITTED)) {
        witness_break(&crowd->witness, "a restore is done, and a version is not committed");
    }
}

void crowd_act_scope(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    unsigned name = (unsigned)dice_number(&turn->dice, CROWD_NAMES);
    bool project = dice_chance(&turn->dice, 15);
    const cull_scope scope = { .kind = project ? CULL_SCOPE_PROJECT : CULL_SCOPE_COLLECTION,
                               .entity = crowd->names[name].entity,
                               .project = crowd->names[name].project,
                               .collection = project ? NULL : crowd->names[name].collection };
    const cull_delete_options options = { .skip_protected = draw_skip(turn) };
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_error err = { CULL_OK, "" };
    cull_status status;

    turn->process->call.abort = UINT64_MAX;
    status = cull_delete_cascade(turn->process->store, &scope, false, &options, NULL, NULL, &caller,
                                 &err);
    crowd_tell(crowd, "%u: deletes %s: %s", turn->process->number,
               project ? "the project" : scope.collection, cull_strerror(status));
    (void)crowd_judge(crowd, turn->process, "delete-scope", status,
                      CROWD_BIT(CULL_OK) | CROWD_BIT(CULL_E_NOTFOUND) |
                          protection(crowd, any_holds_protected(crowd, project, name),
                                     options.skip_protected, status),
                      &err);
    if (!project && (status == CULL_OK || status == CULL_E_NOTFOUND) &&
        witness_named(&crowd->witness, name) != NULL) {
        witness_break(&crowd->witness, "a cascade is over, and its collection is there");
    }
}

void crowd_act_alias(struct crowd_turn *turn)
{
    static const char *const labels[] = { "best", "prod", "latest" };
    struct crowd *crowd = turn->crowd;
    const char *label = labels[dice_number(&turn->dice, ARRAY_LEN(labels))];
    bool remove = dice_chance(&turn->dice, 30);
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_error err = { CULL_OK, "" };
    cull_version_key key;
    cull_status status;

    if (!crowd_choose(turn, CULL_VERSION_COMMITTED, &key)) {
        return;
    }
    status = remove ? cull_alias_remove(turn->process->store, key.collection, label, &caller, &err)
                    : cull_alias_set(turn->process->store, &key, label, &caller, &err);
    crowd_tell(crowd, "%u: alias %s: %s", turn->process->number, label, cull_strerror(status));
    (void)crowd_judge(crowd, turn->process, "alias", status,
                      remove ? CROWD_BIT(CULL_OK) | CROWD_BIT(CULL_E_NOTFOUND)
                      : witness_at(&crowd->witness, &key)->state == CULL_VERSION_COMMITTED
                          ? CROWD_BIT(CULL_OK)
                          : CROWD_BIT(CULL_E_REFUSED) | CROWD_BIT(CULL_E_NOTFOUND),
                      &err);
}
