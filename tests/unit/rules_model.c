/*
 * rules_model.c - see rules_model.h.
 */
#include "rules_model.h"

#include <string.h>

const char *const model_entities[MODEL_ENTITIES] = { "north", "south" };
const char *const model_names[MODEL_NAMES] = { "p", "r" };
const char *const model_collections[MODEL_COLLECTIONS] = { "data", "jobs", "third" };
const char *const model_portfolios[MODEL_PORTFOLIOS] = { "x", "y" };
const char *const model_aliases[MODEL_ALIASES] = { "latest", "a", "b", "k", "z" };
const char *const model_users[MODEL_USERS] = { "tester", "ann", "bob", "cyd" };

enum { COMMITTED = 1, DELETED = 2 };
enum { PROJECT = 1, REGISTRY = 2 };
enum { THERE = 1, LOST = 2 };
enum { VIEWER = 2, MEMBER = 3, ADMINISTRATOR = 4 };

void model_init(struct model *model, bool strict)
{
    memset(model, 0, sizeof *model);
    model->strict = strict;
    for (int i = 0; i < MODEL_SLOTS; i++) {
        model->uploads[i].collection = -1;
    }
}

/* --- asking ----------------------------------------------------------------------------------- */

static bool any_role(const struct model *model)
{
    for (int e = 0; e < MODEL_ENTITIES; e++) {
        for (int u = 0; u < MODEL_USERS; u++) {
            if (model->roles[e][u] != 0 || model->registry_roles[e][0][u] != 0 ||
                model->registry_roles[e][1][u] != 0) {
                return true;
            }
        }
    }
    return false;
}

int model_role(const struct model *model, int actor, int entity, int name)
{
    int role = model->roles[entity][actor];

    if (actor == 0) {
        return ADMINISTRATOR;
    }
    if (!any_role(model)) {
        return MEMBER;
    }
    if (name >= 0 && model->registry_roles[entity][name][actor] > role) {
        role = model->registry_roles[entity][name][actor];
    }
    return role;
}

uint64_t model_expires(const struct model *model, const struct model_collection *collection,
                       const struct model_version *version)
{
    uint64_t ttl_ms = version->ttl_ms == 0 ? model->ttl_ms[collection->entity] : version->ttl_ms;

    return ttl_ms == 0 || ttl_ms == UINT64_MAX || strcmp(collection->type, "job") == 0
               ? 0
               : version->created_ms + ttl_ms;
}

int model_protection(const struct model *model, const struct model_portfolio *portfolio,
                     const struct model_link *link)
{
    unsigned bits = link->aliases & model->protected_aliases[portfolio->entity][portfolio->name];
    int best = -1;

    for (int alias = 0; alias < MODEL_ALIASES; alias++) {
        if ((bits >> alias & 1) != 0 &&
            (best < 0 || strcmp(model_aliases[alias], model_aliases[best]) < 0)) {
            best = alias;
        }
    }
    return link->state == THERE ? best : -1;
}

int model_find_collection(const struct model *model, struct model_place place)
{
    for (int i = 0; i < model->collection_count; i++) {
        const struct model_collection *at = &model->collections[i];

        if (!at->deleted && at->entity == place.entity && at->name == place.name &&
            at->collection == place.collection) {
            return i;
        }
    }
    return -1;
}

int model_find_portfolio(const struct model *model, int entity, int name, int portfolio)
{
    for (int i = 0; i < model->portfolio_count; i++) {
        const struct model_portfolio *at = &model->portfolios[i];

        if (!at->gone && at->entity == entity && at->name == name && at->portfolio == portfolio) {
            return i;
        }
    }
    return -1;
}

/* NULL: there never was one, or it is purged. */
static struct model_version *version_of(struct model *model, struct model_key key)
{
    struct model_collection *collection = &model->collections[key.index];

    return key.ordinal >= collection->count || collection->versions[key.ordinal].state == 0
               ? NULL
               : &collection->versions[key.ordinal];
}

static struct model_link *link_of(struct model *model, struct model_key key)
{
    struct model_portfolio *portfolio = &model->portfolios[key.index];

    return portfolio->gone || key.ordinal >= portfolio->count ||
                   portfolio->links[key.ordinal].state != THERE
               ? NULL
               : &portfolio->links[key.ordinal];
}

static cull_status need(const struct model *model, int actor, int entity, int name, int role)
{
    return model_role(model, actor, entity, name) >= role ? CULL_OK : CULL_E_REFUSED;
}

static cull_status need_committed(struct model *model, struct model_key key)
{
    const struct model_version *version = version_of(model, key);

    return version == NULL               ? CULL_E_NOTFOUND
           : version->state == COMMITTED ? CULL_OK
                                         : CULL_E_REFUSED;
}

static bool is_linked(const struct model *model, int collection, int ordinal)
{
    for (int p = 0; p < model->portfolio_count; p++) {
        for (int l = 0; l < model->portfolios[p].count; l++) {
            const struct model_link *link = &model->portfolios[p].links[l];

            if (link->state == THERE && link->collection == collection &&
                link->ordinal == ordinal) {
                return true;
            }
        }
    }
    return false;
}

/* Does a link keep this version? */
static bool is_kept(const struct model *model, int collection, int ordinal)
{
    for (int p = 0; p < model->portfolio_count; p++) {
        for (int l = 0; l < model->portfolios[p].count; l++) {
            const struct model_link *link = &model->portfolios[p].links[l];

            if (link->state == THERE && link->collection == collection &&
                link->ordinal == ordinal &&
                (model->strict || model_protection(model, &model->portfolios[p], link) >= 0)) {
                return true;
            }
        }
    }
    return false;
}

/* --- changing --------------------------------------------------------------------------------- */

static void set_alias(struct model_collection *collection, int ordinal, int alias)
{
    for (int v = 0; v < collection->count; v++) {
        collection->versions[v].aliases &= ~(1u << alias);
    }
    collection->versions[ordinal].aliases |= 1u << alias;
}

static void set_link_alias(struct model_portfolio *portfolio, int ordinal, int alias)
{
    for (int l = 0; l < portfolio->count; l++) {
        portfolio->links[l].aliases &= ~(1u << alias);
    }
    portfolio->links[ordinal].aliases |= 1u << alias;
}

static void gone_if_done(struct model *model, int index)
{
    struct model_collection *collection = &model->collections[index];
    bool left = false;

    for (int v = 0; v < collection->count; v++) {
        left = left || collection->versions[v].state != 0;
    }
    for (int slot = 0; slot < MODEL_SLOTS; slot++) {
        left = left || model->uploads[slot].collection == index;
    }
    collection->gone = collection->deleted && !left;
}

static void soft_delete(struct model *model, int index, int ordinal, int reason)
{
    struct model_version *version = &model->collections[index].versions[ordinal];

    version->state = DELETED;
    version->reason = reason;
    version->lost = version->aliases;
    version->aliases = 0;
    version->deleted_ms = model->now_ms;
    version->kept_until_ms = model->now_ms + MODEL_GRACE_MS;
    for (int p = 0; p < model->portfolio_count; p++) {
        for (int l = 0; l < model->portfolios[p].count; l++) {
            struct model_link *link = &model->portfolios[p].links[l];

            if (link->state == THERE && link->collection == index && link->ordinal == ordinal) {
                link->state = LOST;
                link->lost = link->aliases;
                link->aliases = 0;
            }
        }
    }
}

static void end_uploads(struct model *model, int index)
{
    for (int slot = 0; slot < MODEL_SLOTS; slot++) {
        if (model->uploads[slot].collection == index) {
            model->uploads[slot].collection = -1;
        }
    }
}

/* --- uploads ---------------------------------------------------------------------------------- */

cull_status model_open(struct model *model, int actor, int slot, struct model_place place,
                       bool with_run)
{
    int index = model_find_collection(model, place);
    int *run = &model->run[place.entity][place.name];

    if (need(model, actor, place.entity, -1, MEMBER) != CULL_OK) {
        return CULL_E_REFUSED;
    }
    if (model->kind[place.entity][place.name] == REGISTRY) {
        return CULL_E_EXISTS;
    }
    model->exists[place.entity] = true;
    model->kind[place.entity][place.name] = PROJECT;
    if (index < 0) {
        index = model->collection_count++;
        model->collections[index] =
            (struct model_collection){ .entity = place.entity,
                                       .name = place.name,
                                       .collection = place.collection,
                                       .type = place.collection == 1 ? "job" : "dataset" };
    }
    if (with_run && *run == 0) {
        *run = ++model->runs;
    }
    model->uploads[slot].collection = index;
    model->uploads[slot].run = with_run ? *run : 0;
    return CULL_OK;
}

cull_status model_commit(struct model *model, int actor, int slot, int content, unsigned aliases,
                         uint64_t ttl_ms, struct model_key *out)
{
    int index = model->uploads[slot].collection;
    struct model_collection *collection;
    int ordinal = -1;

    if (index < 0) {
        return CULL_E_ENDED;
    }
    collection = &model->collections[index];
    if (need(model, actor, collection->entity, -1, MEMBER) != CULL_OK ||
        (ttl_ms != 0 && model->by_administrators[collection->entity] &&
         need(model, actor, collection->entity, -1, ADMINISTRATOR) != CULL_OK)) {
        return CULL_E_REFUSED;
    }
    for (int v = 0; v < collection->count; v++) { /* rule 5 */
        if (collection->versions[v].state == COMMITTED &&
            collection->versions[v].content == content) {
            ordinal = v;
        }
    }
    if (ordinal < 0) {
        ordinal = collection->count++;
        collection->versions[ordinal] = (struct model_version){
            .state = COMMITTED,
            .content = content,
            .run = model->uploads[slot].run,
            .created_ms = model->now_ms,
            .ttl_ms = strcmp(collection->type, "job") == 0 ? 0 : ttl_ms,
        };
    }
    set_alias(collection, ordinal, 0);
    for (int alias = 1; alias < MODEL_ALIASES; alias++) {
        if ((aliases >> alias & 1) != 0) {
            set_alias(collection, ordinal, alias);
        }
    }
    model->uploads[slot].collection = -1;
    *out = (struct model_key){ false, index, ordinal };
    return CULL_OK;
}

void model_abort(struct model *model, int slot)
{
    model->uploads[slot].collection = -1;
}

/* --- aliases ---------------------------------------------------------------------------------- */

/* An administrator for what is protected, else a member. */
static cull_status need_for_alias(const struct model *model, int actor, int entity, int name,
                                  int alias)
{
    bool is_protected = model->kind[entity][name] == REGISTRY &&
                        (model->protected_aliases[entity][name] >> alias & 1) != 0;

    return need(model, actor, entity, model->kind[entity][name] == REGISTRY ? name : -1,
                is_protected ? ADMINISTRATOR : MEMBER);
}

cull_status model_alias_set(struct model *model, int actor, struct model_key key, int alias)
{
    cull_status status;

    if (key.is_link) {
        struct model_portfolio *portfolio = &model->portfolios[key.index];

        if (link_of(model, key) == NULL) {
            return CULL_E_NOTFOUND;
        }
        status = need_for_alias(model, actor, portfolio->entity, portfolio->name, alias);
        if (status == CULL_OK) {
            set_link_alias(portfolio, key.ordinal, alias);
        }
        return status;
    }
    if (model->collections[key.index].gone) {
        return CULL_E_NOTFOUND;
    }
    status = need(model, actor, model->collections[key.index].entity, -1, MEMBER);
    if (status == CULL_OK) {
        status = need_committed(model, key);
    }
    if (status == CULL_OK) {
        set_alias(&model->collections[key.index], key.ordinal, alias);
    }
    return status;
}

cull_status model_alias_remove(struct model *model, int actor, struct model_key key, int alias)
{
    unsigned all = 0;
    cull_status status;

    if (key.is_link) {
        struct model_portfolio *portfolio = &model->portfolios[key.index];

        if (portfolio->gone) {
            return CULL_E_NOTFOUND;
        }
        status = need_for_alias(model, actor, portfolio->entity, portfolio->name, alias);
        for (int l = 0; l < portfolio->count && status == CULL_OK; l++) {
            all |= portfolio->links[l].aliases;
            portfolio->links[l].aliases &= ~(1u << alias);
        }
    } else {
        struct model_collection *collection = &model->collections[key.index];

        if (collection->gone) {
            return CULL_E_NOTFOUND;
        }
        status = need(model, actor, collection->entity, -1, MEMBER);
        for (int v = 0; v < collection->count && status == CULL_OK; v++) {
            all |= collection->versions[v].aliases;
            collection->versions[v].aliases &= ~(1u << alias);
        }
    }
    return status != CULL_OK ? status : (all >> alias & 1) != 0 ? CULL_OK : CULL_E_NOTFOUND;
}

/* --- links ------------------------------------------------------------------------------------ */

static int link_into(const struct model *model, int portfolio, struct model_key source)
{
    for (int l = 0; portfolio >= 0 && l < model->portfolios[portfolio].count; l++) {
        const struct model_link *link = &model->portfolios[portfolio].links[l];

        if (link->state == THERE && link->collection == source.index &&
            link->ordinal == source.ordinal) {
            return l;
        }
    }
    return -1;
}

cull_status model_link(struct model *model, int actor, struct model_key source, int entity,
                       int name, int portfolio, unsigned aliases, struct model_key *out)
{
    int index = model_find_portfolio(model, entity, name, portfolio);
    int ordinal;
    cull_status status;

    if (source.is_link) {
        return link_of(model, source) == NULL ? CULL_E_NOTFOUND : CULL_E_USAGE;
    }
    if (model->collections[source.index].gone) {
        return CULL_E_NOTFOUND;
    }
    ordinal = link_into(model, index, source);
    status = need(model, actor, model->collections[source.index].entity, -1, MEMBER);
    if (status == CULL_OK) {
        status =
            need(model, actor, entity, model->kind[entity][name] == REGISTRY ? name : -1, MEMBER);
    }
    for (int alias = 0; alias < MODEL_ALIASES && status == CULL_OK; alias++) {
        bool has =
            ordinal >= 0 && (model->portfolios[index].links[ordinal].aliases >> alias & 1) != 0;

        if (!has && (alias == 0 || (aliases >> alias & 1) != 0)) {
            status = need_for_alias(model, actor, entity, name, alias);
        }
    }
    if (status == CULL_OK) {
        status = need_committed(model, source);
    }
    if (status == CULL_OK && index >= 0 &&
        strcmp(model->portfolios[index].type, model->collections[source.index].type) != 0) {
        status = CULL_E_INVALID;
    }
    if (status == CULL_OK && index < 0 && model->kind[entity][name] == PROJECT) {
        status = CULL_E_EXISTS;
    }
    if (status != CULL_OK) {
        return status;
    }
    model->exists[entity] = true;
    model->kind[entity][name] = REGISTRY;
    if (index < 0) {
        index = model->portfolio_count++;
        model->portfolios[index] =
            (struct model_portfolio){ .entity = entity,
                                      .name = name,
                                      .portfolio = portfolio,
                                      .type = model->collections[source.index].type };
    }
    if (ordinal < 0) {
        ordinal = model->portfolios[index].count++;
        model->portfolios[index].links[ordinal] = (struct model_link){ .collection = source.index,
                                                                       .ordinal = source.ordinal,
                                                                       .state = THERE };
        version_of(model, source)->ttl_ms = UINT64_MAX; /* rule 24 */
    }
    for (int alias = 0; alias < MODEL_ALIASES; alias++) {
        if (alias == 0 || (aliases >> alias & 1) != 0) {
            set_link_alias(&model->portfolios[index], ordinal, alias);
        }
    }
    *out = (struct model_key){ true, index, ordinal };
    return CULL_OK;
}

static cull_status need_for_link(struct model *model, int actor, struct model_key key)
{
    const struct model_portfolio *portfolio = &model->portfolios[key.index];
    const struct model_link *link = link_of(model, key);

    if (link == NULL) {
        return CULL_E_NOTFOUND;
    }
    return need(model, actor, portfolio->entity, portfolio->name,
                model_protection(model, portfolio, link) >= 0 ? ADMINISTRATOR : MEMBER);
}

static void drop_link(struct model_link *link)
{
    link->state = 0;
    link->aliases = link->lost = 0;
}

cull_status model_unlink(struct model *model, int actor, struct model_key key)
{
    cull_status status;

    if (!key.is_link) {
        return model->collections[key.index].gone ? CULL_E_NOTFOUND : CULL_E_USAGE;
    }
    status = need_for_link(model, actor, key);
    if (status == CULL_OK) {
        drop_link(link_of(model, key));
    }
    return status;
}

cull_status model_protect(struct model *model, int actor, int entity, int name, int alias,
                          bool is_protected)
{
    unsigned *bits = &model->protected_aliases[entity][name];
    bool there = model->kind[entity][name] == REGISTRY && (*bits >> alias & 1) != 0;

    if (need(model, actor, entity, model->kind[entity][name] == REGISTRY ? name : -1,
             ADMINISTRATOR) != CULL_OK) {
        return CULL_E_REFUSED;
    }
    if (there == is_protected) {
        return is_protected ? CULL_OK : CULL_E_NOTFOUND;
    }
    if (model->kind[entity][name] == PROJECT) {
        return CULL_E_EXISTS;
    }
    model->exists[entity] = true;
    model->kind[entity][name] = REGISTRY;
    *bits ^= 1u << alias;
    return CULL_OK;
}

/* --- roles and times to live --------------------------------------------------------------------- */

cull_status model_grant(struct model *model, int actor, int entity, int name, int user, int role)
{
    int *held =
        name >= 0 ? &model->registry_roles[entity][name][user] : &model->roles[entity][user];

    if (name >= 0 && model->kind[entity][name] != REGISTRY) {
        return CULL_E_NOTFOUND;
    }
    if (need(model, actor, entity, name, ADMINISTRATOR) != CULL_OK) {
        return CULL_E_REFUSED;
    }
    if (role == 0 && *held == 0) {
        return CULL_E_NOTFOUND;
    }
    model->exists[entity] = true;
    *held = role;
    return CULL_OK;
}

cull_status model_ttl(struct model *model, int actor, struct model_key key, int seconds)
{
    const struct model_collection *collection = &model->collections[key.index];
    cull_status status;

    if (seconds < -2 || seconds == 0) {
        return CULL_E_USAGE;
    }
    if (key.is_link) {
        return link_of(model, key) == NULL ? CULL_E_NOTFOUND : CULL_E_USAGE;
    }
    if (collection->gone) {
        return CULL_E_NOTFOUND;
    }
    status = need(model, actor, collection->entity, -1,
                  model->by_administrators[collection->entity] ? ADMINISTRATOR : MEMBER);
    if (status == CULL_OK) {
        status = need_committed(model, key);
    }
    if (status == CULL_OK && (strcmp(collection->type, "job") == 0 ||
                              (seconds != -2 && is_linked(model, key.index, key.ordinal)))) {
        status = CULL_E_REFUSED;
    }
    if (status == CULL_OK) {
        version_of(model, key)->ttl_ms = seconds == -1   ? 0
                                         : seconds == -2 ? UINT64_MAX
                                                         : (uint64_t)seconds * 1000;
    }
    return status;
}

cull_status model_policy(struct model *model, int actor, int entity, int seconds,
                         bool by_administrators)
{
    if (seconds < -2 || seconds == 0 || seconds == -1) {
        return CULL_E_USAGE;
    }
    if (need(model, actor, entity, -1, ADMINISTRATOR) != CULL_OK) {
        return CULL_E_REFUSED;
    }
    model->exists[entity] = true;
    model->ttl_ms[entity] = seconds == -2 ? 0 : (uint64_t)seconds * 1000;
    model->by_administrators[entity] = by_administrators;
    return CULL_OK;
}

/* --- deleting --------------------------------------------------------------------------------- */

/* What a deletion takes, before it is known whether it is done. */
struct taken {
    struct model_key keys[MODEL_COLLECTIONS_MAX * 4];
    int count;
};

static cull_status finish(struct model *model, const struct taken *taken, struct model_how how,
                          int reason)
{
    if (model->kept > 0 && !how.skip) {
        return CULL_E_REFUSED;
    }
    for (int i = 0; i < taken->count && !how.dry_run; i++) { /* first: they do not come back */
        if (taken->keys[i].is_link) {
            drop_link(link_of(model, taken->keys[i]));
        }
    }
    for (int i = 0; i < taken->count && !how.dry_run; i++) {
        if (!taken->keys[i].is_link) {
            soft_delete(model, taken->keys[i].index, taken->keys[i].ordinal, reason);
        }
    }
    return model->kept > 0 ? CULL_E_PARTIAL : CULL_OK;
}

static void take(struct model *model, struct taken *taken, struct model_key key)
{
    if (!key.is_link && is_kept(model, key.index, key.ordinal)) {
        model->kept++;
    } else {
        taken->keys[taken->count++] = key;
    }
}

static cull_status take_key(struct model *model, int actor, struct model_key key,
                            struct model_how how, struct taken *taken)
{
    const struct model_version *version;

    if (key.is_link) {
        cull_status status =
            model->portfolios[key.index].gone ? CULL_E_NOTFOUND : need_for_link(model, actor, key);

        if (status == CULL_OK) {
            take(model, taken, key);
        }
        return status;
    }
    if (model->collections[key.index].gone) {
        return CULL_E_NOTFOUND;
    }
    if (need(model, actor, model->collections[key.index].entity, -1, MEMBER) != CULL_OK) {
        return CULL_E_REFUSED;
    }
    version = version_of(model, key);
    if (version == NULL || version->state != COMMITTED) {
        return CULL_E_NOTFOUND;
    }
    if (version->aliases != 0 && !how.delete_aliases && !is_kept(model, key.index, key.ordinal)) {
        return CULL_E_REFUSED;
    }
    take(model, taken, key);
    return CULL_OK;
}

static uint64_t id_of(const struct model *model, struct model_key key)
{
    return key.is_link ? model->portfolios[key.index].id : model->collections[key.index].id;
}

/* Keys are looked at in the order of the store's ids and ordinals, each once. */
static int sort_keys(const struct model *model, const struct model_key *keys, int count,
                     struct model_key out[])
{
    int kept = 0;

    for (int i = 0; i < count; i++) {
        int at = kept;
        bool twice = false;

        for (int j = 0; j < kept; j++) {
            twice = twice || (id_of(model, out[j]) == id_of(model, keys[i]) &&
                              out[j].ordinal == keys[i].ordinal);
        }
        while (at > 0 && (id_of(model, out[at - 1]) > id_of(model, keys[i]) ||
                          (id_of(model, out[at - 1]) == id_of(model, keys[i]) &&
                           out[at - 1].ordinal > keys[i].ordinal))) {
            at--;
        }
        if (!twice) {
            memmove(out + at + 1, out + at, (size_t)(kept - at) * sizeof *out);
            out[at] = keys[i];
            kept++;
        }
    }
    return kept;
}

cull_status model_delete(struct model *model, int actor, const struct model_key *keys, int count,
                         struct model_how how)
{
    struct taken taken = { .count = 0 };
    struct model_key sorted[8];
    cull_status status = CULL_OK;

    model->kept = 0;
    count = sort_keys(model, keys, count, sorted);
    for (int i = 0; i < count && status == CULL_OK; i++) {
        status = take_key(model, actor, sorted[i], how, &taken);
    }
    return status == CULL_OK ? finish(model, &taken, how, CULL_REASON_USER) : status;
}

/* Is anything left of an entity, or of one of its names? */
static bool is_left(const struct model *model, int entity, int name)
{
    for (int i = 0; i < model->collection_count; i++) {
        const struct model_collection *at = &model->collections[i];

        if (!at->deleted && at->entity == entity && (name < 0 || at->name == name)) {
            return true;
        }
    }
    for (int n = 0; n < MODEL_NAMES; n++) {
        if ((name < 0 || n == name) &&
            (model->run[entity][n] != 0 || model->kind[entity][n] == REGISTRY)) {
            return true;
        }
    }
    return false;
}

cull_status model_delete_selected(struct model *model, int actor, int entity, struct model_how how)
{
    struct taken taken = { .count = 0 };
    cull_status status = CULL_OK;

    model->kept = 0;
    if (!model->exists[entity] || !is_left(model, entity, -1)) {
        return CULL_E_NOTFOUND;
    }
    for (int c = 0; c < model->collection_count; c++) {
        const struct model_collection *at = &model->collections[c];

        for (int v = 0; v < at->count && status == CULL_OK; v++) {
            if (at->entity == entity && !at->deleted && at->versions[v].state == COMMITTED) {
                status = take_key(model, actor, (struct model_key){ false, c, v }, how, &taken);
            }
        }
    }
    return status == CULL_OK ? finish(model, &taken, how, CULL_REASON_USER) : status;
}

/* A link of the registry that is protected? */
static bool protects(const struct model *model, int entity, int name, int portfolio)
{
    for (int p = 0; p < model->portfolio_count; p++) {
        const struct model_portfolio *at = &model->portfolios[p];

        for (int l = 0; l < at->count; l++) {
            if (!at->gone && at->entity == entity && at->name == name &&
                (portfolio < 0 || at->portfolio == portfolio) &&
                model_protection(model, at, &at->links[l]) >= 0) {
                return true;
            }
        }
    }
    return false;
}

static void drop_portfolios(struct model *model, int entity, int name, int portfolio)
{
    for (int p = 0; p < model->portfolio_count; p++) {
        struct model_portfolio *at = &model->portfolios[p];

        if (!at->gone && at->entity == entity && at->name == name &&
            (portfolio < 0 || at->portfolio == portfolio)) {
            at->gone = true;
            for (int l = 0; l < at->count; l++) {
                drop_link(&at->links[l]);
            }
        }
    }
}

static void drop_registry(struct model *model, int entity, int name)
{
    drop_portfolios(model, entity, name, -1);
    memset(model->registry_roles[entity][name], 0, sizeof model->registry_roles[entity][name]);
    model->protected_aliases[entity][name] = 0;
    model->kind[entity][name] = 0;
}

/* May the registry go? *goes: it does. */
static cull_status ask_registry(struct model *model, int actor, int entity, int name,
                                struct model_how how, bool *goes)
{
    bool kept = protects(model, entity, name, -1);

    *goes = false;
    if (kept && how.skip) {
        model->kept++;
        return CULL_OK;
    }
    *goes = true;
    return need(model, actor, entity, name, kept ? ADMINISTRATOR : MEMBER);
}

static cull_status delete_registry(struct model *model, int actor, int entity, int name,
                                   struct model_how how)
{
    bool goes;
    cull_status status = ask_registry(model, actor, entity, name, how, &goes);

    if (status == CULL_OK && goes && !how.dry_run) {
        drop_registry(model, entity, name);
    }
    return status == CULL_OK && !goes ? CULL_E_PARTIAL : status;
}

static bool in_place(const struct model_collection *at, struct model_place place)
{
    return !at->deleted && at->entity == place.entity &&
           (place.name < 0 || at->name == place.name) &&
           (place.collection < 0 || at->collection == place.collection);
}

cull_status model_delete_scope(struct model *model, int actor, struct model_place place,
                               struct model_how how)
{
    struct taken taken = { .count = 0 };
    bool whole[MODEL_COLLECTIONS_MAX] = { false };
    bool touched[MODEL_COLLECTIONS_MAX] = { false };
    bool goes[MODEL_NAMES] = { false, false };
    bool found = false;
    cull_status status;

    model->kept = 0;
    if (place.name >= 0 && model->kind[place.entity][place.name] == REGISTRY) {
        return place.collection >= 0 ? CULL_E_NOTFOUND /* no portfolio has a collection's name */
                                     : delete_registry(model, actor, place.entity, place.name, how);
    }
    if (!model->exists[place.entity]) {
        return CULL_E_NOTFOUND;
    }
    status = need(model, actor, place.entity, -1, MEMBER);
    if (status != CULL_OK) {
        return status;
    }
    if (place.name >= 0 && model->kind[place.entity][place.name] == 0) {
        return CULL_E_NOTFOUND;
    }
    for (int c = 0; c < model->collection_count; c++) {
        int kept = model->kept;

        if (!in_place(&model->collections[c], place)) {
            continue;
        }
        found = touched[c] = true;
        for (int v = 0; v < model->collections[c].count; v++) {
            if (model->collections[c].versions[v].state == COMMITTED) {
                take(model, &taken, (struct model_key){ false, c, v });
            }
        }
        whole[c] = model->kept == kept;
    }
    if (!found && (place.collection >= 0 || !is_left(model, place.entity, place.name))) {
        return CULL_E_NOTFOUND;
    }
    for (int n = 0; n < MODEL_NAMES && place.name < 0 && status == CULL_OK; n++) {
        if (model->kind[place.entity][n] == REGISTRY) {
            status = ask_registry(model, actor, place.entity, n, how, &goes[n]);
        }
    }
    if (status == CULL_OK) {
        status = finish(model, &taken, how, CULL_REASON_CASCADE);
    }
    if ((status != CULL_OK && status != CULL_E_PARTIAL) || how.dry_run) {
        return status;
    }
    for (int c = 0; c < model->collection_count; c++) {
        if (touched[c]) {
            end_uploads(model, c);
            model->collections[c].deleted = whole[c];
            gone_if_done(model, c);
        }
    }
    for (int n = 0; n < MODEL_NAMES; n++) {
        if (goes[n]) {
            drop_registry(model, place.entity, n);
        }
    }
    return status;
}

cull_status model_delete_portfolio(struct model *model, int actor, int entity, int name,
                                   int portfolio, struct model_how how)
{
    cull_status status;

    model->kept = 0;
    if (model->kind[entity][name] !=
        REGISTRY) { /* then a collection is meant, and none has its name */
        return !model->exists[entity]                              ? CULL_E_NOTFOUND
               : need(model, actor, entity, -1, MEMBER) != CULL_OK ? CULL_E_REFUSED
                                                                   : CULL_E_NOTFOUND;
    }
    if (model_find_portfolio(model, entity, name, portfolio) < 0) {
        return CULL_E_NOTFOUND;
    }
    status = need(model, actor, entity, name,
                  protects(model, entity, name, portfolio) ? ADMINISTRATOR : MEMBER);
    if (status == CULL_OK && !how.dry_run) {
        drop_portfolios(model, entity, name, portfolio);
    }
    return status;
}

cull_status model_delete_run(struct model *model, int actor, int entity, int name, bool artifacts,
                             struct model_how how)
{
    struct taken taken = { .count = 0 };
    int run = model->run[entity][name];
    cull_status status;

    model->kept = 0;
    if (!model->exists[entity]) {
        return CULL_E_NOTFOUND;
    }
    if (need(model, actor, entity, -1, MEMBER) != CULL_OK) {
        return CULL_E_REFUSED;
    }
    if (run == 0) {
        return CULL_E_NOTFOUND;
    }
    for (int c = 0; c < model->collection_count && artifacts; c++) {
        for (int v = 0; v < model->collections[c].count; v++) {
            if (model->collections[c].versions[v].state == COMMITTED &&
                model->collections[c].versions[v].run == run) {
                take(model, &taken, (struct model_key){ false, c, v });
            }
        }
    }
    status = finish(model, &taken, how, CULL_REASON_CASCADE);
    if ((status == CULL_OK || status == CULL_E_PARTIAL) && !how.dry_run) {
        model->run[entity][name] = 0;
    }
    return status;
}

/* --- restoring -------------------------------------------------------------------------------- */

/* Labels that nobody else has come back. */
static void bring_back(struct model *model, struct model_key key)
{
    struct model_collection *collection = &model->collections[key.index];
    struct model_version *version = &collection->versions[key.ordinal];
    unsigned taken = 0;

    for (int v = 0; v < collection->count; v++) {
        taken |= collection->versions[v].aliases;
    }
    version->state = COMMITTED;
    version->aliases = version->lost & ~taken;
    version->lost = 0;
    version->reason = 0;
    version->deleted_ms = version->kept_until_ms = 0;
    for (int p = 0; p < model->portfolio_count; p++) {
        struct model_portfolio *portfolio = &model->portfolios[p];

        for (int l = 0; l < portfolio->count; l++) {
            struct model_link *link = &portfolio->links[l];

            if (link->state != LOST || link->collection != key.index ||
                link->ordinal != key.ordinal) {
                continue;
            }
            taken = model->protected_aliases[portfolio->entity][portfolio->name];
            for (int other = 0; other < portfolio->count; other++) {
                taken |= portfolio->links[other].aliases;
            }
            link->state = THERE;
            link->aliases = link->lost & ~taken;
            link->lost = 0;
        }
    }
}

cull_status model_restore(struct model *model, int actor, const struct model_key *keys, int count,
                          int as)
{
    struct model_key sorted[8];
    int back[8];
    int back_count = 0;

    count = sort_keys(model, keys, count, sorted);
    for (int i = 1; i < count; i++) {
        if (as >= 0 && id_of(model, sorted[i]) != id_of(model, sorted[0])) {
            return CULL_E_USAGE;
        }
    }
    for (int i = 0; i < count; i++) {
        struct model_collection *collection = &model->collections[sorted[i].index];
        const struct model_version *version;

        if (sorted[i].is_link || collection->gone) {
            return CULL_E_NOTFOUND;
        }
        if (need(model, actor, collection->entity, -1, MEMBER) != CULL_OK) {
            return CULL_E_REFUSED;
        }
        version = version_of(model, sorted[i]);
        if (version == NULL || version->state != DELETED) {
            return CULL_E_NOTFOUND;
        }
        if (collection->deleted && (back_count == 0 || back[back_count - 1] != sorted[i].index)) {
            back[back_count++] = sorted[i].index;
        }
    }
    for (int i = 0; i < back_count; i++) {
        const struct model_collection *at = &model->collections[back[i]];
        struct model_place place = { at->entity, at->name, as >= 0 ? as : at->collection };

        if (model_find_collection(model, place) >= 0) {
            return CULL_E_EXISTS;
        }
        for (int j = 0; j < i; j++) {
            const struct model_collection *other = &model->collections[back[j]];

            if (other->entity == at->entity && other->name == at->name &&
                (as >= 0 || other->collection == at->collection)) {
                return CULL_E_EXISTS;
            }
        }
    }
    for (int i = 0; i < back_count; i++) {
        model->collections[back[i]].deleted = false;
        if (as >= 0) {
            model->collections[back[i]].collection = as;
        }
    }
    for (int i = 0; i < count; i++) {
        bring_back(model, sorted[i]);
    }
    return CULL_OK;
}

/* --- cycles ----------------------------------------------------------------------------------- */

static void purge(struct model *model, int index, int ordinal)
{
    for (int p = 0; p < model->portfolio_count; p++) {
        for (int l = 0; l < model->portfolios[p].count; l++) {
            struct model_link *link = &model->portfolios[p].links[l];

            if (link->state == LOST && link->collection == index && link->ordinal == ordinal) {
                drop_link(link);
            }
        }
    }
    model->collections[index].versions[ordinal].state = 0;
    gone_if_done(model, index);
}

cull_status model_collect(struct model *model, int actor)
{
    bool member = false;

    for (int e = 0; e < MODEL_ENTITIES; e++) {
        for (int n = -1; n < MODEL_NAMES; n++) {
            member = member || model_role(model, actor, e, n) >= MEMBER;
        }
    }
    if (!member) {
        return CULL_E_REFUSED;
    }
    for (int c = 0; c < model->collection_count; c++) {
        struct model_collection *collection = &model->collections[c];

        for (int v = 0; v < collection->count; v++) {
            struct model_version *version = &collection->versions[v];
            uint64_t expires_ms = model_expires(model, collection, version);

            if (version->state == COMMITTED && expires_ms != 0 && expires_ms <= model->now_ms) {
                soft_delete(model, c, v, CULL_REASON_TTL);
            } else if (version->state == DELETED && version->kept_until_ms <= model->now_ms) {
                purge(model, c, v);
            }
        }
    }
    return CULL_OK;
}
