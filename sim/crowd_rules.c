/*
 * crowd_rules.c - in worlds with rules: roles, links of one registry, protected aliases, times to live.
 *
 * SHAPE     Everybody at work stays a member of the entity at least, so that what is refused for want of
 *           a role is what takes an administrator. The witness judges each fact by the roles that were in
 *           force; here a refusal is judged by where the log stands when it comes back.
 */
#include "crowd_internal.h"

#include "base/base_internal.h"
#include "cull/rules.h"

static const char *const portfolios[] = { "x0", "x1" };

static const cull_place the_registry = { "e", "r" };
static const cull_place the_entity = { "e", NULL };

static cull_name draw_portfolio(struct crowd_turn *turn)
{
    cull_name name;

    memset(&name, 0, sizeof name);
    memcpy(name.entity, "e", 2);
    memcpy(name.project, "r", 2);
    memcpy(name.collection, portfolios[dice_number(&turn->dice, ARRAY_LEN(portfolios))], 3);
    return name;
}

/* Refusals that a want of a role explains, now; they are counted. */
static unsigned denied(struct crowd_turn *turn, cull_status status, bool in_registry)
{
    bool may = witness_role(&turn->crowd->witness, turn->process->number, in_registry) >=
               CULL_ROLE_ADMINISTRATOR;

    turn->crowd->reached[CAME_DENIED] += !may && status == CULL_E_REFUSED;
    return may ? 0 : CROWD_BIT(CULL_E_REFUSED);
}

void crowd_give_roles(struct crowd *crowd)
{
    struct crowd_process *first = &crowd->processes[0];
    cull_caller caller = crowd_caller(crowd, first);

    if (!crowd_open(crowd, first)) {
        return;
    }
    for (unsigned i = 1; i < CROWD_PROCESSES; i++) {
        cull_error err = { CULL_OK, "" };
        cull_status status = cull_role_grant(first->store, &the_entity, crowd_actor(i),
                                             CULL_ROLE_MEMBER, &caller, &err);

        (void)crowd_judge(crowd, first, "a role", status, CROWD_BIT(CULL_OK), &err);
    }
    crowd_close(crowd, first, false);
}

/* --- links ------------------------------------------------------------------------------------ */

/* A link that is there. False: there is none. */
static bool choose_link(struct crowd_turn *turn, cull_version_key *out)
{
    const struct witness_rules *rules = &turn->crowd->witness.rules;

    for (int attempt = 0; attempt < 12 && rules->link_limit > 0; attempt++) {
        const struct witness_link *link =
            &rules->links[dice_number(&turn->dice, rules->link_limit)];

        if (link->there && (!link->lost || attempt > 8)) {
            *out = (cull_version_key){ rules->portfolios[link->portfolio].id, link->ordinal };
            return true;
        }
    }
    return false;
}

static const char *draw_label(struct crowd_turn *turn)
{
    return witness_labels[dice_number(&turn->dice, WITNESS_LABELS)];
}

void crowd_act_link(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    const cull_name name = draw_portfolio(turn);
    const char *label = draw_label(turn);
    size_t labels = dice_chance(&turn->dice, 60);
    cull_caller caller = crowd_caller(crowd, turn->process);
    const struct witness_version *version;
    cull_error err = { CULL_OK, "" };
    cull_version_key source;
    cull_version_key link;
    cull_status status;

    if (crowd->witness.rules.link_limit > WITNESS_LINKS_MAX - 8 ||
        !crowd_choose(turn, CULL_VERSION_COMMITTED, &source)) {
        return;
    }
    status = cull_link(turn->process->store, &source, &name, &label, labels, &link, &caller, &err);
    version = witness_at(&crowd->witness, &source);
    crowd_tell(crowd, "%u: links %llu:v%u into %s as %s: %s", turn->process->number,
               (unsigned long long)source.collection, source.ordinal, name.collection,
               labels > 0 ? label : "latest", cull_strerror(status));
    (void)crowd_judge(crowd, turn->process, "link", status,
                      CROWD_BIT(CULL_OK) | denied(turn, status, true) |
                          (version->state != CULL_VERSION_COMMITTED
                               ? CROWD_BIT(CULL_E_REFUSED) | CROWD_BIT(CULL_E_NOTFOUND)
                               : 0),
                      &err);
    if (status == CULL_OK && !witness_linked(&crowd->witness, &source) &&
        version->state == CULL_VERSION_COMMITTED && !turn->process->call.paused) {
        witness_break(&crowd->witness, "a link is made, and is not there");
    }
}

/* A link goes, by its name or as a version would, or loses an alias, or gets one. */
void crowd_act_unlink(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    const cull_delete_options options = { .skip_protected = dice_chance(&turn->dice, 50) };
    const char *label = draw_label(turn);
    unsigned what = (unsigned)dice_number(&turn->dice, 5);
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_store *store = turn->process->store;
    cull_error err = { CULL_OK, "" };
    cull_version_key key;
    cull_status status;

    if (!choose_link(turn, &key)) {
        return;
    }
    status = what == 0   ? cull_unlink(store, &key, 1, &caller, &err)
             : what == 1 ? cull_delete(store, &key, 1, &options, &caller, &err)
             : what == 2 ? cull_alias_set(store, &key, label, &caller, &err)
                         : cull_alias_remove(store, key.collection, label, &caller, &err);
    crowd_tell(crowd, "%u: %s of link %llu:v%u: %s", turn->process->number,
               what < 2 ? "the end" : label, (unsigned long long)key.collection, key.ordinal,
               cull_strerror(status));
    (void)crowd_judge(crowd, turn->process, "a link", status,
                      CROWD_BIT(CULL_OK) | CROWD_BIT(CULL_E_NOTFOUND) | denied(turn, status, true),
                      &err);
}

void crowd_act_protect(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    const char *label = draw_label(turn);
    bool is_protected = dice_chance(&turn->dice, 60);
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_error err = { CULL_OK, "" };
    cull_status status =
        cull_protect(turn->process->store, &the_registry, label, is_protected, &caller, &err);

    crowd_tell(crowd, "%u: protects %s%s: %s", turn->process->number, label,
               is_protected ? "" : " no longer", cull_strerror(status));
    (void)crowd_judge(crowd, turn->process, "protect", status,
                      CROWD_BIT(CULL_OK) | denied(turn, status, true) |
                          (is_protected ? 0 : CROWD_BIT(CULL_E_NOTFOUND)),
                      &err);
}

/* All links of a portfolio, or of the registry. */
void crowd_act_registry(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    const cull_name name = draw_portfolio(turn);
    const cull_scope scope = { .kind = dice_chance(&turn->dice, 30) ? CULL_SCOPE_PROJECT
                                                                    : CULL_SCOPE_COLLECTION,
                               .entity = name.entity,
                               .project = name.project,
                               .collection = name.collection };
    const cull_delete_options options = { .skip_protected = dice_chance(&turn->dice, 30) };
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_error err = { CULL_OK, "" };
    cull_status status = cull_delete_cascade(turn->process->store, &scope, false, &options, NULL,
                                             NULL, &caller, &err);

    crowd_tell(crowd, "%u: deletes registry r%s%s: %s", turn->process->number,
               scope.kind == CULL_SCOPE_PROJECT ? "" : "/",
               scope.kind == CULL_SCOPE_PROJECT ? "" : scope.collection, cull_strerror(status));
    (void)crowd_judge(crowd, turn->process, "delete of a registry", status,
                      CROWD_BIT(CULL_OK) | CROWD_BIT(CULL_E_NOTFOUND) | denied(turn, status, true) |
                          (options.skip_protected ? CROWD_BIT(CULL_E_PARTIAL) : 0),
                      &err);
}

/* --- roles and times to live ------------------------------------------------------------------ */

void crowd_act_role(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    unsigned user = 1 + (unsigned)dice_number(&turn->dice, WITNESS_ACTORS - 1);
    bool in_registry = dice_chance(&turn->dice, 50);
    bool at_work = user < CROWD_PROCESSES;
    bool revoke = dice_chance(&turn->dice, 30) && (in_registry || !at_work);
    cull_role role = (cull_role)(in_registry || !at_work ? 1 + dice_number(&turn->dice, 4)
                                                         : 3 + dice_number(&turn->dice, 2));
    const cull_place *place = in_registry ? &the_registry : &the_entity;
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_store *store = turn->process->store;
    cull_error err = { CULL_OK, "" };
    cull_status status =
        revoke ? cull_role_revoke(store, place, crowd_actor(user), &caller, &err)
               : cull_role_grant(store, place, crowd_actor(user), role, &caller, &err);

    crowd_tell(crowd, "%u: %s is %s in %s: %s", turn->process->number, crowd_actor(user),
               revoke ? "nothing" : cull_role_name(role), in_registry ? "r" : "e",
               cull_strerror(status));
    (void)crowd_judge(crowd, turn->process, "role", status,
                      CROWD_BIT(CULL_OK) | denied(turn, status, in_registry) |
                          (revoke || in_registry ? CROWD_BIT(CULL_E_NOTFOUND) : 0),
                      &err);
}

/* Of a version, or of all that have none of their own. */
void crowd_act_ttl(struct crowd_turn *turn)
{
    static const int64_t choices[] = { CULL_TTL_INHERIT, CULL_TTL_INHERIT, CULL_TTL_OFF, 1, 2, 4 };
    struct crowd *crowd = turn->crowd;
    int64_t seconds = choices[dice_number(&turn->dice, ARRAY_LEN(choices))];
    bool of_all = dice_chance(&turn->dice, 20);
    const cull_ttl_policy policy = { seconds > 0 ? 4 * seconds : CULL_TTL_OFF, true };
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_error err = { CULL_OK, "" };
    cull_version_key key = { 0, 0 };
    unsigned allowed = CROWD_BIT(CULL_OK);
    cull_status status;

    if (!of_all && !crowd_choose(turn, CULL_VERSION_COMMITTED, &key)) {
        return;
    }
    status = of_all ? cull_ttl_set_policy(turn->process->store, "e", &policy, &caller, &err)
                    : cull_ttl_set(turn->process->store, &key, 1, seconds, &caller, &err);
    if (of_all) {
        allowed |= denied(turn, status, false);
    } else if (witness_at(&crowd->witness, &key)->state != CULL_VERSION_COMMITTED) {
        allowed |= CROWD_BIT(CULL_E_REFUSED) | CROWD_BIT(CULL_E_NOTFOUND);
    } else if (witness_linked(&crowd->witness, &key)) {
        allowed |= CROWD_BIT(CULL_E_REFUSED);
    }
    crowd_tell(crowd, "%u: a TTL of %d s for %s%llu:v%u: %s", turn->process->number, (int)seconds,
               of_all ? "all, not " : "", (unsigned long long)key.collection, key.ordinal,
               cull_strerror(status));
    (void)crowd_judge(crowd, turn->process, "ttl", status, allowed, &err);
}
