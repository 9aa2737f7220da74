/*
 * crowd_compare_rules.c - what a process's own state says of links, protected aliases, roles and times to
 * live, against the witness's.
 *
 * COST      Worlds with rules only; a handful of links.
 */
#include "crowd_internal.h"

#include <inttypes.h>

#include "store/store_internal.h"

static void compare_link(struct crowd *crowd, const struct cull__portfolio *portfolio,
                         const struct witness_link *wanted)
{
    const struct cull__link *link = cull__link_at(portfolio, wanted->ordinal);

    if (link == NULL || link->lost != wanted->lost ||
        link->source->collection->id != wanted->source.collection ||
        link->source->ordinal != wanted->source.ordinal) {
        witness_break(&crowd->witness, "link v%" PRIu32 " is not there, or of something else",
                      wanted->ordinal);
        return;
    }
    for (unsigned i = 0; i < WITNESS_LABELS; i++) {
        const struct cull__link_alias *alias =
            cull__link_alias_find(portfolio, witness_labels[i], strlen(witness_labels[i]));
        bool has = alias != NULL && alias->link == link;

        if (has != ((wanted->aliases >> i & 1) != 0)) {
            witness_break(&crowd->witness, "link v%" PRIu32 " %s alias %s", wanted->ordinal,
                          has ? "has" : "lacks", witness_labels[i]);
        }
    }
}

static void compare_portfolio(struct crowd *crowd, const struct cull__catalog *catalog, size_t row)
{
    const struct witness_rules *rules = &crowd->witness.rules;
    const struct cull__portfolio *portfolio =
        cull__portfolio_by_id(catalog, rules->portfolios[row].id);
    unsigned links = 0;

    if (portfolio == NULL || portfolio->next_ordinal != rules->portfolios[row].ordinals) {
        witness_break(&crowd->witness, "a portfolio is not there, or gave other ordinals");
        return;
    }
    for (size_t i = 0; i < rules->link_limit; i++) {
        if (rules->links[i].there && rules->links[i].portfolio == row) {
            compare_link(crowd, portfolio, &rules->links[i]);
            links++;
        }
    }
    if (HASH_COUNT(portfolio->links) != links) {
        witness_break(&crowd->witness, "a portfolio has %u links; expected %u",
                      HASH_COUNT(portfolio->links), links);
    }
}

static void compare_roles(struct crowd *crowd, const struct cull__catalog *catalog,
                          const struct cull__entity *entity, const struct cull__project *registry)
{
    const struct cull__place entity_place = { entity, entity->name, NULL };
    const struct cull__place registry_place = { entity, entity->name, registry };

    for (unsigned actor = 0; actor < WITNESS_ACTORS; actor++) {
        const char *name = crowd_actor(actor);

        if (cull__role_in_force(catalog, name, &entity_place) !=
                (cull_role)witness_role(&crowd->witness, actor, false) ||
            (registry != NULL && cull__role_in_force(catalog, name, &registry_place) !=
                                     (cull_role)witness_role(&crowd->witness, actor, true))) {
            witness_break(&crowd->witness, "%s has another role", name);
        }
    }
}

void crowd_compare_rules(struct crowd *crowd, const cull_store *store)
{
    const struct witness_rules *rules = &crowd->witness.rules;
    const struct cull__entity *entity = cull__entity_by_id(store->catalog, rules->entity);
    const struct cull__project *registry =
        rules->registry == 0 ? NULL : cull__project_by_id(store->catalog, rules->registry);
    unsigned portfolios = 0;

    if (entity == NULL || (registry == NULL) != (rules->registry == 0) ||
        entity->ttl_ms != rules->default_ms) {
        witness_break(&crowd->witness, "an entity or a registry is not there, or has another TTL");
        return;
    }
    for (unsigned i = 0; i < WITNESS_LABELS && registry != NULL; i++) {
        if (cull__alias_protected(registry, witness_labels[i]) !=
            ((rules->guarded >> i & 1) != 0)) {
            witness_break(&crowd->witness, "alias %s is protected, or not", witness_labels[i]);
        }
    }
    for (size_t i = 0; i < WITNESS_PORTFOLIOS_MAX; i++) {
        if (rules->portfolios[i].id != 0) {
            compare_portfolio(crowd, store->catalog, i);
            portfolios++;
        }
    }
    if (HASH_CNT(hh_id, store->catalog->portfolios) != portfolios) {
        witness_break(&crowd->witness, "there are portfolios that nobody made");
    }
    compare_roles(crowd, store->catalog, entity, registry);
}
