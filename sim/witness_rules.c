/*
 * witness_rules.c - facts of roles, links, protected aliases and times to live, judged.
 *
 * SHAPE     One entity, one registry, a few portfolios; links are rows of a table that is walked. Who
 *           may append a fact is asked of the roles as they are when it is appended.
 * INVARIANT 3: a version with a link that carries a protected alias is never deleted. A link is lost
 *           if and only if its source is soft-deleted.
 */
#include "witness.h"

#include <inttypes.h>
#include <string.h>

#include "cull/rules.h"
#include "log/fact.h"

#define REACHED(witness, what) ((witness)->settings.reached[CAME_##what]++)

const char *const witness_labels[WITNESS_LABELS] = { "latest", "best", "prod", "keep" };

/* --- looking -------------------------------------------------------------------------------- */

uint32_t witness_role(const struct witness *witness, unsigned actor, bool in_registry)
{
    const struct witness_rules *rules = &witness->rules;
    uint32_t role = rules->roles[actor];

    if (actor == 0) {
        return CULL_ROLE_ADMINISTRATOR; /* made the store */
    }
    return in_registry && rules->registry_roles[actor] > role ? rules->registry_roles[actor] : role;
}

static bool is_of(const struct witness_link *link, const cull_version_key *key)
{
    return link->there && link->source.collection == key->collection &&
           link->source.ordinal == key->ordinal;
}

bool witness_linked(const struct witness *witness, const cull_version_key *key)
{
    for (size_t i = 0; i < witness->rules.link_limit; i++) {
        if (is_of(&witness->rules.links[i], key) && !witness->rules.links[i].lost) {
            return true;
        }
    }
    return false;
}

bool witness_protected(const struct witness *witness, const cull_version_key *key)
{
    for (size_t i = 0; i < witness->rules.link_limit; i++) {
        const struct witness_link *link = &witness->rules.links[i];

        if (is_of(link, key) && (link->aliases & witness->rules.guarded) != 0) {
            return true;
        }
    }
    return false;
}

uint64_t witness_ttl(const struct witness *witness, const struct witness_version *version)
{
    return version->ttl_ms == UINT64_MAX ? 0
           : version->ttl_ms > 0         ? version->ttl_ms
                                         : witness->rules.default_ms;
}

static size_t portfolio_by_id(const struct witness *witness, uint64_t id)
{
    size_t at = 0;

    while (at < WITNESS_PORTFOLIOS_MAX && (id == 0 || witness->rules.portfolios[at].id != id)) {
        at++;
    }
    return at;
}

/* A link that is not lost; NULL. */
static struct witness_link *link_at(struct witness *witness, size_t portfolio, uint32_t ordinal)
{
    for (size_t i = 0; i < witness->rules.link_limit; i++) {
        struct witness_link *link = &witness->rules.links[i];

        if (link->there && !link->lost && link->portfolio == portfolio &&
            link->ordinal == ordinal) {
            return link;
        }
    }
    return NULL;
}

static struct witness_link *alias_holder(struct witness *witness, size_t portfolio, unsigned bit)
{
    for (size_t i = 0; i < witness->rules.link_limit; i++) {
        struct witness_link *link = &witness->rules.links[i];

        if (link->there && link->portfolio == portfolio && (link->aliases & bit) != 0) {
            return link;
        }
    }
    return NULL;
}

/* The bit of a fact's label; 0: none that anybody asked for. */
static unsigned label_bit(const struct witness_fact *fact)
{
    for (unsigned i = 0; i < WITNESS_LABELS; i++) {
        if (strlen(witness_labels[i]) == fact->name_len &&
            memcmp(witness_labels[i], fact->name, fact->name_len) == 0) {
            return 1u << i;
        }
    }
    return 0;
}

/* --- who may --------------------------------------------------------------------------------- */

static void needs(struct witness *witness, const struct witness_call *call, bool in_registry,
                  uint32_t role, const char *what)
{
    if (witness_role(witness, call->actor, in_registry) < role) {
        witness_break(witness, "%s by %s, whose role is too low", what,
                      witness->settings.actor(call->actor));
    }
}

/* Of a registry, where something with these aliases is touched. */
static void needs_in_registry(struct witness *witness, const struct witness_call *call,
                              unsigned aliases, const char *what)
{
    bool is_guarded = (aliases & witness->rules.guarded) != 0;

    needs(witness, call, true, is_guarded ? CULL_ROLE_ADMINISTRATOR : CULL_ROLE_MEMBER, what);
}

/* --- roles and times to live ----------------------------------------------------------------- */

static void judge_role(struct witness *witness, const struct witness_fact *fact,
                       const struct witness_call *call)
{
    struct witness_rules *rules = &witness->rules;
    bool in_registry = fact->parent == rules->registry;
    uint32_t *roles = in_registry ? rules->registry_roles : rules->roles;

    if (fact->parent != rules->entity && !in_registry) {
        witness_break(witness, "a role where nothing is");
    }
    needs(witness, call, in_registry, CULL_ROLE_ADMINISTRATOR, "a role");
    for (unsigned actor = 0; actor < WITNESS_ACTORS; actor++) {
        const char *name = witness->settings.actor(actor);

        if (strlen(name) == fact->name_len && memcmp(name, fact->name, fact->name_len) == 0) {
            roles[actor] = fact->how;
        }
    }
    REACHED(witness, ROLES);
}

static void judge_ttl(struct witness *witness, const struct witness_fact *fact,
                      const struct witness_call *call)
{
    needs(witness, call, false, CULL_ROLE_MEMBER, "a TTL");
    for (size_t i = 0; i < fact->number_count; i++) {
        const cull_version_key key = { fact->parent, fact->numbers[i] };
        struct witness_version *version = witness_at(witness, &key);

        if (version == NULL || version->state != CULL_VERSION_COMMITTED ||
            (fact->until_ms != UINT64_MAX && witness_linked(witness, &key))) {
            witness_break(witness, "a TTL of v%" PRIu32 ", which is deleted, or linked",
                          key.ordinal);
            return;
        }
        version->ttl_ms = fact->until_ms;
        REACHED(witness, TTLS);
    }
}

/* --- registry -------------------------------------------------------------------------------- */

static void judge_registry(struct witness *witness, const struct witness_fact *fact,
                           const struct witness_call *call)
{
    struct witness_rules *rules = &witness->rules;

    needs(witness, call, false, CULL_ROLE_MEMBER, "a registry");
    if (rules->registry != 0 || fact->parent != rules->entity) {
        witness_break(witness, "a registry is made: there is one, or it is in no entity");
    }
    rules->registry = fact->id;
}

static void judge_portfolio(struct witness *witness, const struct witness_fact *fact,
                            const struct witness_call *call)
{
    size_t row = 0;

    needs(witness, call, true, CULL_ROLE_MEMBER, "a portfolio");
    while (row < WITNESS_PORTFOLIOS_MAX && witness->rules.portfolios[row].id != 0) {
        row++;
    }
    if (fact->parent != witness->rules.registry || row == WITNESS_PORTFOLIOS_MAX) {
        witness_break(witness, "a portfolio is made where no registry is");
        return;
    }
    witness->rules.portfolios[row] = (struct witness_portfolio){ fact->id, 0 };
}

static void judge_link(struct witness *witness, const struct witness_fact *fact,
                       const struct witness_call *call)
{
    struct witness_rules *rules = &witness->rules;
    const cull_version_key source = { fact->source, fact->source_ordinal };
    struct witness_version *version = witness_at(witness, &source);
    size_t portfolio = portfolio_by_id(witness, fact->parent);
    size_t row = 0;

    needs_in_registry(witness, call, 0, "a link");
    if (portfolio == WITNESS_PORTFOLIOS_MAX || version == NULL ||
        version->state != CULL_VERSION_COMMITTED ||
        fact->ordinal != rules->portfolios[portfolio].ordinals) {
        witness_break(witness, "a link to v%" PRIu32 ": not committed, or not the next one",
                      source.ordinal);
        return;
    }
    for (size_t i = 0; i < rules->link_limit; i++) {
        if (is_of(&rules->links[i], &source) && rules->links[i].portfolio == portfolio) {
            witness_break(witness, "v%" PRIu32 " is linked twice", source.ordinal);
        }
    }
    while (row < rules->link_limit && rules->links[row].there) {
        row++;
    }
    if (row == WITNESS_LINKS_MAX) {
        witness_break(witness, "more links than a small world has");
        return;
    }
    rules->link_limit += row == rules->link_limit;
    rules->links[row] = (struct witness_link){
        .there = true, .portfolio = portfolio, .ordinal = fact->ordinal, .source = source
    };
    rules->portfolios[portfolio].ordinals++;
    version->ttl_ms = UINT64_MAX;
    REACHED(witness, LINKS);
}

static void judge_unlink(struct witness *witness, const struct witness_fact *fact,
                         const struct witness_call *call)
{
    size_t portfolio = portfolio_by_id(witness, fact->parent);

    for (size_t i = 0; i < fact->number_count; i++) {
        struct witness_link *link = link_at(witness, portfolio, fact->numbers[i]);

        if (link == NULL) {
            witness_break(witness, "link v%" PRIu32 " is taken away and is not there",
                          fact->numbers[i]);
            return;
        }
        needs_in_registry(witness, call, link->aliases, "unlinking");
        link->there = false;
        REACHED(witness, UNLINKS);
    }
}

static void judge_link_alias(struct witness *witness, const struct witness_fact *fact,
                             const struct witness_call *call)
{
    size_t portfolio = portfolio_by_id(witness, fact->parent);
    unsigned bit = label_bit(fact);
    bool is_set = fact->type == CULL__FACT_LINK_ALIAS;
    struct witness_link *holder = alias_holder(witness, portfolio, bit);
    struct witness_link *link = is_set ? link_at(witness, portfolio, fact->ordinal) : holder;

    needs_in_registry(witness, call, bit, "a link's alias");
    if (link == NULL || bit == 0) {
        witness_break(witness, "a link's alias, and no link has it, or could");
        return;
    }
    if (holder != NULL) {
        holder->aliases &= ~bit;
    }
    link->aliases |= is_set ? bit : 0;
    REACHED(witness, LINK_ALIASES);
}

static void judge_protect(struct witness *witness, const struct witness_fact *fact,
                          const struct witness_call *call)
{
    unsigned bit = label_bit(fact);

    needs(witness, call, true, CULL_ROLE_ADMINISTRATOR, "a protection");
    if (fact->parent != witness->rules.registry || bit == 0 ||
        ((witness->rules.guarded & bit) != 0) == (fact->how != 0)) {
        witness_break(witness, "a protection of nothing, or one that is there already");
    }
    witness->rules.guarded ^= bit;
    REACHED(witness, PROTECTIONS);
}

static void drop_portfolio(struct witness *witness, const struct witness_call *call,
                           size_t portfolio)
{
    for (size_t i = 0; i < witness->rules.link_limit; i++) {
        struct witness_link *link = &witness->rules.links[i];

        if (link->there && link->portfolio == portfolio) {
            needs_in_registry(witness, call, link->aliases, "a portfolio's end");
            link->there = false;
        }
    }
    witness->rules.portfolios[portfolio].id = 0;
    REACHED(witness, REGISTRIES);
}

static void judge_portfolio_delete(struct witness *witness, const struct witness_fact *fact,
                                   const struct witness_call *call)
{
    size_t portfolio = portfolio_by_id(witness, fact->id);

    if (portfolio == WITNESS_PORTFOLIOS_MAX) {
        witness_break(witness, "a portfolio is deleted and is not there");
        return;
    }
    needs_in_registry(witness, call, 0, "a portfolio's end");
    drop_portfolio(witness, call, portfolio);
}

static void judge_registry_delete(struct witness *witness, const struct witness_fact *fact,
                                  const struct witness_call *call)
{
    struct witness_rules *rules = &witness->rules;

    if (fact->id != rules->registry) {
        witness_break(witness, "a registry is deleted and is not there");
    }
    needs_in_registry(witness, call, 0, "a registry's end");
    for (size_t i = 0; i < WITNESS_PORTFOLIOS_MAX; i++) {
        if (rules->portfolios[i].id != 0) {
            drop_portfolio(witness, call, i);
        }
    }
    rules->registry = 0;
    rules->guarded = 0;
    memset(rules->registry_roles, 0, sizeof rules->registry_roles);
}

/* --- with their sources ----------------------------------------------------------------------- */

void witness_rules_lose(struct witness *witness, const cull_version_key *key)
{
    if (witness_protected(witness, key)) {
        witness_break(witness, "v%" PRIu32 " is deleted, and it is protected", key->ordinal);
    }
    for (size_t i = 0; i < witness->rules.link_limit; i++) {
        struct witness_link *link = &witness->rules.links[i];

        if (is_of(link, key)) {
            link->lost = true;
            link->had = link->aliases;
            link->aliases = 0;
            REACHED(witness, LOST_LINKS);
        }
    }
}

void witness_rules_regain(struct witness *witness, const cull_version_key *key)
{
    for (size_t i = 0; i < witness->rules.link_limit; i++) {
        struct witness_link *link = &witness->rules.links[i];

        for (unsigned bit = 1; is_of(link, key) && bit < 1u << WITNESS_LABELS; bit <<= 1) {
            if ((link->had & bit) != 0 && (witness->rules.guarded & bit) == 0 &&
                alias_holder(witness, link->portfolio, bit) == NULL) {
                link->aliases |= bit;
            }
        }
        if (is_of(link, key)) {
            link->lost = false;
            link->had = 0;
            REACHED(witness, REGAINED_LINKS);
        }
    }
}

void witness_rules_purge(struct witness *witness, const cull_version_key *key)
{
    for (size_t i = 0; i < witness->rules.link_limit; i++) {
        if (is_of(&witness->rules.links[i], key)) {
            witness->rules.links[i].there = false;
        }
    }
}

/* --- all together ----------------------------------------------------------------------------- */

void witness_rules_fact(struct witness *witness, const struct witness_fact *fact,
                        const struct witness_call *call)
{
    switch (fact->type) {
    case CULL__FACT_ENTITY:
        witness->rules.entity = fact->id;
        break;
    case CULL__FACT_ROLE:
        judge_role(witness, fact, call);
        break;
    case CULL__FACT_REGISTRY:
        judge_registry(witness, fact, call);
        break;
    case CULL__FACT_PORTFOLIO:
        judge_portfolio(witness, fact, call);
        break;
    case CULL__FACT_LINK:
        judge_link(witness, fact, call);
        break;
    case CULL__FACT_UNLINK:
        judge_unlink(witness, fact, call);
        break;
    case CULL__FACT_LINK_ALIAS:
    case CULL__FACT_LINK_ALIAS_REMOVE:
        judge_link_alias(witness, fact, call);
        break;
    case CULL__FACT_PROTECT:
        judge_protect(witness, fact, call);
        break;
    case CULL__FACT_PORTFOLIO_DELETE:
        judge_portfolio_delete(witness, fact, call);
        break;
    case CULL__FACT_REGISTRY_DELETE:
        judge_registry_delete(witness, fact, call);
        break;
    case CULL__FACT_TTL:
        judge_ttl(witness, fact, call);
        break;
    case CULL__FACT_TTL_DEFAULT:
        needs(witness, call, false, CULL_ROLE_ADMINISTRATOR, "a default TTL");
        witness->rules.default_ms = fact->until_ms;
        break;
    default:
        break;
    }
}
