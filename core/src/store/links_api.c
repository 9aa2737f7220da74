/*
 * links_api.c - registries, links and protected aliases: made, taken away, listed.
 *
 * SHAPE     A link's key is the id of its portfolio and its ordinal there; ids are given once in a
 *           store, so a key is that of a link or of a version, never of both.
 * COST      A listing sorts what it lists. A link is shown with the aliases of its portfolio looked at.
 */
#include "store/store_internal.h"

#include <stdlib.h>

const struct cull__link *cull__key_link(const cull_store *store, const cull_version_key *key)
{
    const struct cull__portfolio *portfolio =
        cull__portfolio_by_id(store->catalog, key->collection);
    const struct cull__link *link =
        portfolio == NULL ? NULL : cull__link_at(portfolio, key->ordinal);

    return link == NULL || link->lost ? NULL : link;
}

cull_version_key cull__key_source(const cull_store *store, const cull_version_key *key)
{
    const struct cull__link *link = cull__key_link(store, key);

    return link == NULL ? *key
                        : (cull_version_key){ link->source->collection->id, link->source->ordinal };
}

/* --- linking ---------------------------------------------------------------------------------- */

struct link_ctx {
    const cull_version_key *source;
    const cull_name *name;
    const char *const *aliases;
    size_t alias_count;
    cull_version_key out;
};

/* The registry of a name, made by facts where it is not there. */
static cull_status name_registry(struct cull__txn *txn, const struct cull__place *place,
                                 const char *name, uint64_t *id, cull_error *err)
{
    const struct cull__project *project =
        place->entity == NULL ? NULL : cull__project_find(place->entity, name);
    uint64_t entity = place->entity == NULL ? 0 : place->entity->id;
    cull_status status = cull__check_registry(project, err);

    if (status != CULL_OK || project != NULL) {
        *id = project == NULL ? 0 : project->id;
        return status;
    }
    if (place->entity == NULL) {
        cull__txn_add_named(txn, CULL__FACT_ENTITY, 0, place->name, NULL, &entity);
    }
    cull__txn_add_named(txn, CULL__FACT_REGISTRY, entity, name, NULL, id);
    return CULL_OK;
}

/* The place of a registry, which may not be there yet. */
static struct cull__place registry_place(const cull_store *store, const char *entity,
                                         const char *registry)
{
    struct cull__place place = { cull__entity_find(store->catalog, entity), entity, NULL };
    const struct cull__project *project =
        place.entity == NULL ? NULL : cull__project_find(place.entity, registry);

    place.registry = project != NULL && project->registry != NULL ? project : NULL;
    return place;
}

static void add_link_alias(struct cull__txn *txn, const cull_version_key *key,
                           const struct cull__portfolio *portfolio, const char *name)
{
    const struct cull__link_alias *there =
        portfolio == NULL ? NULL : cull__link_alias_find(portfolio, name, strlen(name));
    struct cull__fact fact = { .type = CULL__FACT_LINK_ALIAS,
                               .parent = key->collection,
                               .ordinal = key->ordinal,
                               .name = name };

    fact.name_len = strlen(name);
    if (there == NULL || there->link->ordinal != key->ordinal) {
        cull__txn_add(txn, &fact);
    }
}

static bool moves(const struct cull__portfolio *portfolio, const struct cull__link *there,
                  const char *alias)
{
    const struct cull__link_alias *at =
        portfolio == NULL ? NULL : cull__link_alias_find(portfolio, alias, strlen(alias));

    return at == NULL || at->link != there;
}

/* Rule 28, for each alias that will change hands; latest is one. */
static cull_status check_aliases(const struct cull__txn *txn, const struct link_ctx *ctx,
                                 const struct cull__place *place,
                                 const struct cull__portfolio *portfolio,
                                 const struct cull__link *there, cull_error *err)
{
    const char *actor = cull__txn_actor(txn);
    cull_status status = cull__check_role(txn->store->catalog, actor, place, CULL_ROLE_MEMBER, err);

    if (status == CULL_OK && moves(portfolio, there, "latest")) {
        status = cull__check_link_alias(txn->store->catalog, actor, place, "latest", err);
    }
    for (size_t i = 0; i < ctx->alias_count && status == CULL_OK; i++) {
        if (moves(portfolio, there, ctx->aliases[i])) {
            status =
                cull__check_link_alias(txn->store->catalog, actor, place, ctx->aliases[i], err);
        }
    }
    return status;
}

/* The facts of a link that is not there yet. */
static cull_status add_link(struct cull__txn *txn, struct link_ctx *ctx,
                            const struct cull__place *place,
                            const struct cull__collection *collection,
                            const struct cull__portfolio *portfolio, cull_error *err)
{
    struct cull__fact fact = { .type = CULL__FACT_LINK,
                               .ordinal = portfolio == NULL ? 0 : portfolio->next_ordinal,
                               .source = ctx->source->collection,
                               .source_ordinal = ctx->source->ordinal };
    cull_status status = CULL_OK;

    if (portfolio != NULL) {
        fact.parent = portfolio->id;
    } else {
        uint64_t registry;

        status = name_registry(txn, place, ctx->name->project, &registry, err);
        if (status == CULL_OK) {
            cull__txn_add_named(txn, CULL__FACT_PORTFOLIO, registry, ctx->name->collection,
                                collection->type, &fact.parent);
        }
    }
    if (status == CULL_OK && fact.ordinal >= CULL__NEXT_ORDINAL_MAX) {
        status = cull__error_set(err, CULL_E_LIMIT, "%s: no ordinal is left", portfolio->name);
    }
    if (status == CULL_OK) {
        fact.id = txn->next_id++;
        ctx->out = (cull_version_key){ fact.parent, fact.ordinal };
        cull__txn_add(txn, &fact);
    }
    return status;
}

static cull_status check_link(struct cull__txn *txn, void *context, cull_error *err)
{
    struct link_ctx *ctx = context;
    const struct cull__place place =
        registry_place(txn->store, ctx->name->entity, ctx->name->project);
    const struct cull__portfolio *portfolio =
        place.registry == NULL ? NULL : cull__portfolio_find(place.registry, ctx->name->collection);
    const struct cull__collection *collection;
    const struct cull__link *there;
    cull_status status = cull__key_open(txn->store, ctx->source, &collection, err);

    if (status == CULL_OK && collection == NULL) {
        status =
            cull__key_link(txn->store, ctx->source) != NULL
                ? cull__error_set(err, CULL_E_USAGE, "a link cannot be linked: name its source")
                : cull__version_missing(txn->store, ctx->source, err);
    }
    if (status != CULL_OK || collection == NULL) {
        return status;
    }
    there = portfolio == NULL ? NULL : cull__link_into(portfolio, collection, ctx->source->ordinal);
    status = cull__txn_check_member(txn, collection, err);
    if (status == CULL_OK) {
        status = check_aliases(txn, ctx, &place, portfolio, there, err);
    }
    if (status == CULL_OK) {
        status = cull__check_link(collection, ctx->source->ordinal, portfolio, err);
    }
    if (status == CULL_OK && there == NULL) {
        status = add_link(txn, ctx, &place, collection, portfolio, err);
    } else if (status == CULL_OK) {
        ctx->out = (cull_version_key){ portfolio->id, there->ordinal };
    }
    if (status == CULL_OK) {
        add_link_alias(txn, &ctx->out, portfolio, "latest");
        for (size_t i = 0; i < ctx->alias_count; i++) {
            add_link_alias(txn, &ctx->out, portfolio, ctx->aliases[i]);
        }
    }
    return status;
}

cull_status cull_link(cull_store *store, const cull_version_key *source, const cull_name *portfolio,
                      const char *const *aliases, size_t alias_count, cull_version_key *out,
                      const cull_caller *caller, cull_error *err)
{
    struct link_ctx ctx = { source, portfolio, aliases, alias_count, { 0, 0 } };
    cull_status status = cull__check_name("entity", portfolio->entity, err);

    if (status == CULL_OK) {
        status = cull__check_name("registry", portfolio->project, err);
    }
    if (status == CULL_OK) {
        status = cull__check_name("portfolio", portfolio->collection, err);
    }
    for (size_t i = 0; i < alias_count && status == CULL_OK; i++) {
        status = cull__check_label("alias", aliases[i], err);
    }
    if (status == CULL_OK) {
        status = cull__transact(store, CULL__NEED_NAMES, caller, check_link, &ctx, err);
    }
    *out = ctx.out;
    return status;
}

/* --- unlinking -------------------------------------------------------------------------------- */

/* What to do with a version that is no link. */
static cull_status refuse_source(const struct cull__txn *txn, const cull_version_key *key,
                                 cull_error *err)
{
    const struct cull__collection *collection = cull__key_collection(txn->store, key);
    char name[CULL__VERSION_NAME_MAX];

    if (collection == NULL) {
        return cull__version_missing(txn->store, key, err);
    }
    return cull__error_set(err, CULL_E_USAGE,
                           "%s: is a version and no link: cull delete deletes it, and cull show "
                           "names its links",
                           cull__version_name(name, collection, key->ordinal));
}

struct unlink_ctx {
    const cull_version_key *keys; /* sorted, distinct */
    size_t count;
};

static cull_status check_unlink(struct cull__txn *txn, void *context, cull_error *err)
{
    const struct unlink_ctx *ctx = context;
    struct cull__u32s ordinals = CULL__U32S_INIT(txn->store->allocator);
    cull_status status = CULL_OK;

    for (size_t i = 0; i < ctx->count && status == CULL_OK; i++) {
        const struct cull__portfolio *portfolio =
            cull__portfolio_by_id(txn->store->catalog, ctx->keys[i].collection);

        status = portfolio == NULL ? refuse_source(txn, &ctx->keys[i], err)
                                   : cull__check_unlink(txn->store->catalog, cull__txn_actor(txn),
                                                        portfolio, ctx->keys[i].ordinal, err);
    }
    if (status == CULL_OK) {
        cull__add_by_collection(txn, CULL__FACT_UNLINK, ctx->keys, ctx->count, 0, 0, &ordinals,
                                &status);
        status = status == CULL_OK ? CULL_OK : cull__error_nomem(err);
    }
    cull__u32s_release(&ordinals);
    return status;
}

cull_status cull_unlink(cull_store *store, const cull_version_key *links, size_t count,
                        const cull_caller *caller, cull_error *err)
{
    cull_version_key *sorted = NULL;
    struct unlink_ctx ctx = { NULL, count };
    cull_status status = cull__version_keys_copy(store, links, &ctx.count, &sorted, err);

    ctx.keys = sorted;
    if (status == CULL_OK) {
        status = cull__transact(store, CULL__NEED_NAMES, caller, check_unlink, &ctx, err);
    }
    cull__free(store->allocator, sorted);
    return status;
}

/* --- aliases of links (called by cull_alias_set() and cull_alias_remove()) ---------------------- */

cull_status cull__link_alias_set(struct cull__txn *txn, const cull_version_key *key,
                                 const char *alias, cull_error *err)
{
    const struct cull__portfolio *portfolio =
        cull__portfolio_by_id(txn->store->catalog, key->collection);
    const struct cull__project *registry = portfolio->registry;
    const struct cull__place place = { registry->entity, registry->entity->name, registry };
    cull_status status;

    if (cull__key_link(txn->store, key) == NULL) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s/%s/%s:v%lu: no such link",
                               registry->entity->name, registry->name, portfolio->name,
                               (unsigned long)key->ordinal);
    }
    status = cull__check_link_alias(txn->store->catalog, cull__txn_actor(txn), &place, alias, err);
    if (status == CULL_OK) {
        add_link_alias(txn, key, portfolio, alias);
    }
    return status;
}

cull_status cull__link_alias_remove(struct cull__txn *txn, uint64_t id, const char *alias,
                                    cull_error *err)
{
    const struct cull__portfolio *portfolio = cull__portfolio_by_id(txn->store->catalog, id);
    const struct cull__project *registry = portfolio->registry;
    const struct cull__place place = { registry->entity, registry->entity->name, registry };
    struct cull__fact fact = { .type = CULL__FACT_LINK_ALIAS_REMOVE, .parent = id, .name = alias };
    char shown[CULL_PRINTABLE_MAX];
    cull_status status =
        cull__check_link_alias(txn->store->catalog, cull__txn_actor(txn), &place, alias, err);

    fact.name_len = strlen(alias);
    if (status == CULL_OK && cull__link_alias_find(portfolio, alias, fact.name_len) == NULL) {
        status = cull__error_set(err, CULL_E_NOTFOUND, "%s: no such alias",
                                 cull__printable(shown, alias, fact.name_len));
    }
    if (status == CULL_OK) {
        cull__txn_add(txn, &fact);
    }
    return status;
}

/* --- protecting ------------------------------------------------------------------------------- */

struct protect_ctx {
    const cull_place *place;
    const char *alias;
    bool is_protected;
};

static cull_status check_protect(struct cull__txn *txn, void *context, cull_error *err)
{
    const struct protect_ctx *ctx = context;
    const struct cull__place place =
        registry_place(txn->store, ctx->place->entity, ctx->place->registry);
    bool there = place.registry != NULL && cull__alias_protected(place.registry, ctx->alias);
    struct cull__fact fact = { .type = CULL__FACT_PROTECT, .name = ctx->alias };
    char shown[CULL_PRINTABLE_MAX];
    cull_status status = cull__check_role(txn->store->catalog, cull__txn_actor(txn), &place,
                                          CULL_ROLE_ADMINISTRATOR, err);

    if (status != CULL_OK || (there && ctx->is_protected)) {
        return status;
    }
    if (!there && !ctx->is_protected) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s/%s: %s is not protected",
                               ctx->place->entity, ctx->place->registry,
                               cull__printable(shown, ctx->alias, strlen(ctx->alias)));
    }
    status = name_registry(txn, &place, ctx->place->registry, &fact.parent, err);
    if (status == CULL_OK) {
        fact.how = ctx->is_protected;
        fact.name_len = strlen(ctx->alias);
        cull__txn_add(txn, &fact);
    }
    return status;
}

cull_status cull_protect(cull_store *store, const cull_place *registry, const char *alias,
                         bool is_protected, const cull_caller *caller, cull_error *err)
{
    struct protect_ctx ctx = { registry, alias, is_protected };
    cull_status status = registry->registry == NULL
                             ? cull__error_set(err, CULL_E_USAGE, "a registry is to be named")
                             : cull__check_name("entity", registry->entity, err);

    if (status == CULL_OK) {
        status = cull__check_name("registry", registry->registry, err);
    }
    if (status == CULL_OK) {
        status = cull__check_label("alias", alias, err);
    }
    return status != CULL_OK
               ? status
               : cull__transact(store, CULL__NEED_NAMES, caller, check_protect, &ctx, err);
}

/* --- listing ---------------------------------------------------------------------------------- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

cull_status cull__link_visit(const cull_store *store, const struct cull__link *link,
                             cull_link_visit_fn visit, void *ctx, cull_error *err)
{
    const struct cull__portfolio *portfolio = link->portfolio;
    const struct cull__collection *source = link->source->collection;
    const char **aliases =
        cull__alloc(store->allocator, HASH_COUNT(portfolio->aliases) + 1, sizeof *aliases);
    const char *protection = link->lost ? NULL : cull__link_protection(link);
    cull_link_info info = { .key = { portfolio->id, link->ordinal },
                            .id = link->id,
                            .entity = portfolio->registry->entity->name,
                            .registry = portfolio->registry->name,
                            .portfolio = portfolio->name,
                            .type = portfolio->type,
                            .source = { source->id, link->source->ordinal },
                            .source_entity = source->project->entity->name,
                            .source_project = source->project->name,
                            .source_collection = source->name,
                            .creator = link->creator,
                            .created_ms = link->created_ms,
                            .aliases = aliases,
                            .protection = protection == NULL ? "" : protection };
    cull_status status;

    if (aliases == NULL) {
        return cull__error_nomem(err);
    }
    for (const struct cull__link_alias *at = portfolio->aliases; at != NULL; at = at->hh.next) {
        if (at->link == link) {
            aliases[info.alias_count++] = at->name;
        }
    }
    if (info.alias_count > 1) {
        qsort(aliases, info.alias_count, sizeof *aliases, compare_texts);
    }
    status = visit(ctx, &info);
    cull__free(store->allocator, (void *)aliases);
    return status;
}

static int compare_portfolios(const void *a, const void *b)
{
    const struct cull__portfolio *left = *(const struct cull__portfolio *const *)a;
    const struct cull__portfolio *right = *(const struct cull__portfolio *const *)b;
    int order = strcmp(left->registry->entity->name, right->registry->entity->name);

    if (order == 0) {
        order = strcmp(left->registry->name, right->registry->name);
    }
    return order != 0 ? order : strcmp(left->name, right->name);
}

struct cull__named_portfolios {
    const struct cull__portfolio **at;
    size_t count;
};

/* Those that the names choose (NULL: any), in order. */
static cull_status choose_portfolios(const cull_store *store, const char *entity,
                                     const char *registry, const char *portfolio,
                                     struct cull__named_portfolios *out, cull_error *err)
{
    out->count = 0;
    out->at =
        cull__alloc(store->allocator, HASH_CNT(hh_id, store->catalog->portfolios), sizeof *out->at);
    if (out->at == NULL) {
        return cull__error_nomem(err);
    }
    for (const struct cull__portfolio *at = store->catalog->portfolios; at != NULL;
         at = at->hh_id.next) {
        if ((entity == NULL || strcmp(at->registry->entity->name, entity) == 0) &&
            (registry == NULL || strcmp(at->registry->name, registry) == 0) &&
            (portfolio == NULL || strcmp(at->name, portfolio) == 0)) {
            out->at[out->count++] = at;
        }
    }
    if (out->count > 1) {
        qsort(out->at, out->count, sizeof *out->at, compare_portfolios);
    }
    return CULL_OK;
}

/* A named entity, registry and portfolio are there. */
static cull_status check_named(const cull_store *store, const char *entity, const char *registry,
                               const char *portfolio, cull_error *err)
{
    struct cull__place found;
    char shown[CULL_PRINTABLE_MAX];
    cull_place place = { entity, registry };
    cull_status status = entity == NULL ? CULL_OK : cull__place_find(store, &place, &found, err);

    if (status != CULL_OK || entity == NULL) {
        return status;
    }
    if (found.entity == NULL) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s: no such entity",
                               cull__printable(shown, entity, strlen(entity)));
    }
    return registry == NULL || portfolio == NULL ||
                   cull__portfolio_find(found.registry, portfolio) != NULL
               ? CULL_OK
               : cull__error_set(err, CULL_E_NOTFOUND, "%s/%s/%s: no such portfolio", entity,
                                 registry, cull__printable(shown, portfolio, strlen(portfolio)));
}

static int compare_links(const void *a, const void *b)
{
    const struct cull__link *left = *(const struct cull__link *const *)a;
    const struct cull__link *right = *(const struct cull__link *const *)b;

    return left->ordinal < right->ordinal ? -1 : left->ordinal > right->ordinal;
}

static cull_status visit_links(const cull_store *store, const struct cull__portfolio *portfolio,
                               cull_link_visit_fn visit, void *ctx, cull_error *err)
{
    const struct cull__link **sorted =
        cull__alloc(store->allocator, HASH_COUNT(portfolio->links), sizeof *sorted);
    size_t count = 0;
    cull_status status = CULL_OK;

    if (sorted == NULL) {
        return cull__error_nomem(err);
    }
    for (const struct cull__link *at = portfolio->links; at != NULL; at = at->hh.next) {
        if (!at->lost) {
            sorted[count++] = at;
        }
    }
    if (count > 1) {
        qsort(sorted, count, sizeof *sorted, compare_links);
    }
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        status = cull__link_visit(store, sorted[i], visit, ctx, err);
    }
    cull__free(store->allocator, (void *)sorted);
    return status;
}

cull_status cull_links(cull_store *store, const char *entity, const char *registry,
                       const char *portfolio, cull_link_visit_fn visit, void *ctx, cull_error *err)
{
    struct cull__named_portfolios chosen = { NULL, 0 };
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status != CULL_OK) {
        return status;
    }
    status = check_named(store, entity, registry, portfolio, err);
    if (status == CULL_OK) {
        status = choose_portfolios(store, entity, registry, portfolio, &chosen, err);
    }
    for (size_t i = 0; i < chosen.count && status == CULL_OK; i++) {
        status = visit_links(store, chosen.at[i], visit, ctx, err);
    }
    cull__free(store->allocator, (void *)chosen.at);
    cull__store_leave(store);
    return status;
}

cull_status cull_links_of(cull_store *store, const cull_version_key *key, cull_link_visit_fn visit,
                          void *ctx, cull_error *err)
{
    const struct cull__collection *collection;
    const struct cull__link *link;
    const struct cull__linked *linked;
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status != CULL_OK) {
        return status;
    }
    link = cull__key_link(store, key);
    if (link != NULL) {
        status = cull__link_visit(store, link, visit, ctx, err);
        goto done;
    }
    status = cull__key_open(store, key, &collection, err);
    if (status == CULL_OK &&
        (collection == NULL || cull__version_at(collection, key->ordinal) == NULL)) {
        status = cull__version_missing(store, key, err);
    }
    linked = status == CULL_OK ? cull__linked_at(collection, key->ordinal) : NULL;
    for (link = linked == NULL ? NULL : linked->links; link != NULL && status == CULL_OK;
         link = link->next) {
        status = link->lost ? CULL_OK : cull__link_visit(store, link, visit, ctx, err);
    }
done:
    cull__store_leave(store);
    return status;
}

cull_status cull_key_is_link(cull_store *store, const cull_version_key *key, bool *out,
                             cull_error *err)
{
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    *out = false;
    if (status == CULL_OK) {
        *out = cull__key_link(store, key) != NULL;
        cull__store_leave(store);
    }
    return status;
}

cull_status cull_portfolios(cull_store *store, const char *entity, const char *registry,
                            cull_status (*visit)(void *ctx, const cull_portfolio_info *portfolio),
                            void *ctx, cull_error *err)
{
    struct cull__named_portfolios chosen = { NULL, 0 };
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status != CULL_OK) {
        return status;
    }
    status = choose_portfolios(store, entity, registry, NULL, &chosen, err);
    for (size_t i = 0; i < chosen.count && status == CULL_OK; i++) {
        const struct cull__portfolio *at = chosen.at[i];
        const cull_portfolio_info info = { .id = at->id,
                                           .entity = at->registry->entity->name,
                                           .registry = at->registry->name,
                                           .name = at->name,
                                           .type = at->type,
                                           .ordinals = at->next_ordinal,
                                           .links = at->live };

        status = visit(ctx, &info);
    }
    cull__free(store->allocator, (void *)chosen.at);
    cull__store_leave(store);
    return status;
}

static int compare_registries(const void *a, const void *b)
{
    const struct cull__project *left = *(const struct cull__project *const *)a;
    const struct cull__project *right = *(const struct cull__project *const *)b;
    int order = strcmp(left->entity->name, right->entity->name);

    return order != 0 ? order : strcmp(left->name, right->name);
}

static uint64_t carriers(const struct cull__project *registry, const char *alias)
{
    uint64_t count = 0;

    for (const struct cull__portfolio *at = registry->registry->portfolios; at != NULL;
         at = at->hh.next) {
        count += cull__link_alias_find(at, alias, strlen(alias)) != NULL;
    }
    return count;
}

cull_status cull_protected(cull_store *store, const char *entity, const char *registry,
                           cull_status (*visit)(void *ctx, const cull_protected_info *alias),
                           void *ctx, cull_error *err)
{
    const struct cull__project **chosen = NULL;
    size_t count = 0;
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status != CULL_OK) {
        return status;
    }
    status = check_named(store, entity, registry, NULL, err);
    if (status == CULL_OK) {
        chosen = cull__alloc(store->allocator, HASH_CNT(hh_id, store->catalog->projects),
                             sizeof *chosen);
        status = chosen == NULL ? cull__error_nomem(err) : CULL_OK;
    }
    for (const struct cull__project *at = store->catalog->projects; at != NULL && status == CULL_OK;
         at = at->hh_id.next) {
        if (at->registry != NULL && (entity == NULL || strcmp(at->entity->name, entity) == 0) &&
            (registry == NULL || strcmp(at->name, registry) == 0)) {
            chosen[count++] = at;
        }
    }
    if (count > 1) {
        qsort(chosen, count, sizeof *chosen, compare_registries);
    }
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        for (const struct cull__label *at = chosen[i]->registry->protected_aliases;
             at != NULL && status == CULL_OK; at = at->next) {
            const cull_protected_info info = { chosen[i]->entity->name, chosen[i]->name, at->text,
                                               carriers(chosen[i], at->text) };

            status = visit(ctx, &info);
        }
    }
    cull__free(store->allocator, (void *)chosen);
    cull__store_leave(store);
    return status;
}
