/*
 * delete.c - soft-deleting versions, cascades, and taking them back.
 *
 * SHAPE     Keys are sorted by collection and ordinal, and each collection's become one fact with
 *           a set of ordinals: two million soft-deletes are one transaction of a few megabytes.
 *           A selection becomes keys inside of the transaction, anew whenever the log moved.
 * INVARIANT All or none: every version is checked before the first fact is added.
 * COST      O(versions named); no object, no lifespan, no count is touched.
 */
#include "store/going.h"

#include <stdlib.h>

static int compare_keys(const void *a, const void *b)
{
    const cull_version_key *x = a;
    const cull_version_key *y = b;

    if (x->collection != y->collection) {
        return x->collection < y->collection ? -1 : 1;
    }
    return x->ordinal < y->ordinal ? -1 : x->ordinal > y->ordinal;
}

size_t cull__version_keys_sort(cull_version_key *keys, size_t count)
{
    size_t kept = 0;
    size_t ascending = 1;

    while (ascending < count && compare_keys(&keys[ascending - 1], &keys[ascending]) < 0) {
        ascending++;
    }
    if (ascending >= count) {
        return count; /* as a selection has them, mostly */
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_keys(&keys[i], &keys[kept - 1]) != 0) {
            keys[kept++] = keys[i];
        }
    }
    return kept;
}

bool cull__version_keys_have(const cull_version_key *keys, size_t count, uint64_t collection,
                             uint32_t ordinal)
{
    const cull_version_key key = { collection, ordinal };

    return count > 0 && bsearch(&key, keys, count, sizeof *keys, compare_keys) != NULL;
}

void cull__add_by_collection(struct cull__txn *txn, enum cull__fact_type type,
                             const cull_version_key *keys, size_t count, uint64_t until_ms,
                             uint32_t how, struct cull__u32s *scratch, cull_status *status)
{
    for (size_t i = 0; i < count && *status == CULL_OK;) {
        struct cull__fact fact = {
            .type = type, .parent = keys[i].collection, .until_ms = until_ms, .how = how
        };

        scratch->count = 0;
        for (; i < count && keys[i].collection == fact.parent && *status == CULL_OK; i++) {
            *status = cull__u32s_push(scratch, keys[i].ordinal);
        }
        fact.numbers = scratch->at;
        fact.number_count = scratch->count;
        if (*status == CULL_OK) {
            cull__txn_add(txn, &fact);
        }
    }
}

cull_status cull__version_keys_copy(const cull_store *store, const cull_version_key *keys,
                                    size_t *count, cull_version_key **out, cull_error *err)
{
    *out = cull__alloc(store->allocator, *count, sizeof **out);
    if (*out == NULL) {
        return cull__error_nomem(err);
    }
    if (*count > 0) {
        memcpy(*out, keys, *count * sizeof **out);
    }
    *count = cull__version_keys_sort(*out, *count);
    return CULL_OK;
}

static uint64_t kept_until(const struct cull__txn *txn)
{
    uint64_t grace_ms = txn->store->settings.grace_ms;

    return grace_ms > UINT64_MAX - txn->now_ms ? UINT64_MAX : txn->now_ms + grace_ms;
}

/* --- by version ------------------------------------------------------------------------------- */

struct versions_ctx {
    const cull_version_key *keys; /* sorted, distinct */
    size_t count;
    const cull_delete_options *options; /* NULL: restoring */
    struct cull__going going;
    const char *as;
};

/* The collection of a key, in which who asks may change something; looked at once for all of its
 * versions, which follow one another. */
static cull_status open_to_change(const struct cull__txn *txn, const cull_version_key *key,
                                  const struct cull__collection **allowed,
                                  const struct cull__collection **out, cull_error *err)
{
    cull_status status;

    if (*allowed != NULL && (*allowed)->id == key->collection) {
        *out = *allowed;
        return CULL_OK;
    }
    status = cull__key_open(txn->store, key, out, err);
    if (status == CULL_OK && *out == NULL) {
        return cull__error_set(err, CULL_E_NOTFOUND, "v%u: already collected, or no such version",
                               key->ordinal);
    }
    if (status == CULL_OK) {
        status = cull__txn_check_member(txn, *out, err);
    }
    *allowed = status == CULL_OK ? *out : NULL;
    return status;
}

/* A link goes alone; a version with its links, unless one of them keeps it; or why it cannot. */
static cull_status take_key(const struct cull__txn *txn, struct versions_ctx *versions,
                            const cull_version_key *key, const struct cull__collection **allowed,
                            cull_error *err)
{
    const struct cull__catalog *catalog = txn->store->catalog;
    const struct cull__portfolio *portfolio =
        catalog->portfolios == NULL ? NULL : cull__portfolio_by_id(catalog, key->collection);
    const struct cull__collection *collection;
    cull_status status;

    if (portfolio != NULL) { /* rule 10 */
        status = cull__check_unlink(catalog, cull__txn_actor(txn), portfolio, key->ordinal, err);
        if (status == CULL_OK && cull__keys_push(txn->store->allocator, &versions->going.unlinked,
                                                 key->collection, key->ordinal) != CULL_OK) {
            status = cull__error_nomem(err);
        }
        return status;
    }
    status = open_to_change(txn, key, allowed, &collection, err);
    if (status == CULL_OK && cull__version_blocker(catalog, collection, key->ordinal) == NULL) {
        status = cull__check_delete(catalog, collection, key->ordinal,
                                    versions->options->delete_aliases, err);
    }
    if (status == CULL_OK &&
        cull__going_take(&versions->going, catalog, collection, key->ordinal) != CULL_OK) {
        status = cull__error_nomem(err);
    }
    return status;
}

static cull_status check_delete(struct cull__txn *txn, void *ctx, cull_error *err)
{
    struct versions_ctx *versions = ctx;
    struct cull__going *going = &versions->going;
    struct cull__u32s ordinals = CULL__U32S_INIT(txn->store->allocator);
    const struct cull__collection *allowed = NULL; /* who asks may change it */
    cull_status status = CULL_OK;

    cull__going_clear(going);
    for (size_t i = 0; i < versions->count && status == CULL_OK; i++) {
        status = take_key(txn, versions, &versions->keys[i], &allowed, err);
    }
    if (status == CULL_OK) {
        status = cull__going_check(going, txn->store, versions->options->skip_protected, err);
    }
    if (status == CULL_OK && !versions->options->dry_run) {
        status = cull__going_add_links(txn, going); /* first: a source takes its links along */
        cull__add_by_collection(txn, CULL__FACT_DELETE, going->versions.at, going->versions.count,
                                kept_until(txn), CULL_REASON_USER, &ordinals, &status);
        if (status != CULL_OK) {
            status = cull__error_nomem(err);
        }
    }
    cull__u32s_release(&ordinals);
    return status;
}

cull_status cull_delete(cull_store *store, const cull_version_key *keys, size_t count,
                        const cull_delete_options *options, const cull_caller *caller,
                        cull_error *err)
{
    struct versions_ctx versions = { .count = count,
                                     .options = options,
                                     .going = { .allocator = store->allocator } };
    cull_version_key *sorted = NULL;
    cull_status status = cull__version_keys_copy(store, keys, &versions.count, &sorted, err);

    versions.keys = sorted;
    if (status == CULL_OK) {
        status = cull__transact(store, CULL__NEED_NAMES, caller, check_delete, &versions, err);
        status = cull__going_end(&versions.going, store, status, options, err);
    }
    cull__going_release(&versions.going);
    cull__free(store->allocator, sorted);
    return status;
}

/* --- by selection ----------------------------------------------------------------------------- */

struct selected_ctx {
    cull_selection selection;
    struct versions_ctx versions; /* its keys: sorted ones */
    const cull_store *store;
    cull_version_key *keys; /* as the selection has them, then sorted ones */
    size_t count;
    size_t capacity;
};

static cull_status take_selected(void *context, const cull_version_info *version)
{
    struct selected_ctx *ctx = context;
    void *keys = ctx->keys;
    cull_status status = cull__reserve(ctx->store->allocator, &keys, &ctx->capacity,
                                       2 * (ctx->count + 1), sizeof *ctx->keys);

    ctx->keys = keys;
    if (status == CULL_OK) {
        ctx->keys[ctx->count++] = version->key;
    }
    return status;
}

static cull_status check_selected(struct cull__txn *txn, void *context, cull_error *err)
{
    struct selected_ctx *ctx = context;
    cull_status status;

    ctx->count = 0;
    cull__going_clear(&ctx->versions.going);
    status = cull__select_plain(txn->store, &ctx->selection, take_selected, ctx, err);
    if (status == CULL_E_NOMEM) {
        return cull__error_nomem(err);
    }
    if (status != CULL_OK || ctx->count == 0) {
        return status;
    }
    memcpy(ctx->keys + ctx->count, ctx->keys, ctx->count * sizeof *ctx->keys);
    ctx->versions.keys = ctx->keys + ctx->count;
    ctx->versions.count = cull__version_keys_sort(ctx->keys + ctx->count, ctx->count);
    return check_delete(txn, &ctx->versions, err);
}

/* Tell of each version of keys that goes (sorted), under one lock. A cycle may have been faster than
 * we tell. */
static cull_status tell(cull_store *store, const cull_version_key *keys, size_t count,
                        const struct cull__keys *going, cull_version_visit_fn visit,
                        void *visit_ctx, cull_error *err)
{
    struct cull__info_scratch scratch = { .allocator = store->allocator };
    cull_status status = CULL_OK;

    if (count == 0 || visit == NULL) {
        return CULL_OK;
    }
    status = cull__store_enter(store, CULL__NEED_NAMES, err);
    if (status != CULL_OK) {
        return status;
    }
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        const struct cull__collection *collection;
        const struct cull__version *version = NULL;
        cull_version_info info;

        if (going->count < count && !cull__version_keys_have(going->at, going->count,
                                                             keys[i].collection, keys[i].ordinal)) {
            continue; /* it was kept */
        }
        status = cull__key_open(store, &keys[i], &collection, err);
        if (status == CULL_OK && collection != NULL) {
            version = cull__version_at(collection, keys[i].ordinal);
        }
        if (version != NULL) {
            status = cull__version_info(&info, store->catalog, collection, version, &scratch);
            status = status == CULL_OK ? visit(visit_ctx, &info) : cull__error_nomem(err);
        }
    }
    cull__info_scratch_release(&scratch);
    cull__store_leave(store);
    return status;
}

cull_status cull_delete_selected(cull_store *store, const cull_selection *selection,
                                 const cull_delete_options *options, cull_version_visit_fn visit,
                                 void *visit_ctx, const cull_caller *caller, cull_error *err)
{
    struct selected_ctx ctx = { .selection = *selection,
                                .versions = { .options = options,
                                              .going = { .allocator = store->allocator } },
                                .store = store };
    cull_status status;

    ctx.selection.states = 0; /* COMMITTED */
    status = cull__transact(store, CULL__NEED_NAMES, caller, check_selected, &ctx, err);
    if (status == CULL_OK) {
        status =
            tell(store, ctx.keys, ctx.count, &ctx.versions.going.versions, visit, visit_ctx, err);
    }
    status = cull__going_end(&ctx.versions.going, store, status, options, err);
    cull__going_release(&ctx.versions.going);
    cull__free(store->allocator, ctx.keys);
    return status;
}

/* --- cascades --------------------------------------------------------------------------------- */

struct scope_ctx {
    const cull_scope *scope;
    const cull_delete_options *options;
    bool with_artifacts;
    struct cull__going going;
    struct cull__keys collections; /* that go; ordinals are 0 */
    struct cull__keys aborted;     /* whose uploads end: those, and those that stay in part */
    uint64_t run;                  /* that goes; 0 */
};

static cull_status take_version(struct scope_ctx *ctx, const cull_store *store,
                                const struct cull__collection *collection,
                                const struct cull__version *version)
{
    return cull__going_take(&ctx->going, store->catalog, collection, version->ordinal);
}

/* A collection and its COMMITTED versions; it stays if one of them does. */
static cull_status take_collection(struct scope_ctx *ctx, const cull_store *store,
                                   struct cull__collection *collection)
{
    size_t kept = ctx->going.kept.count;
    cull_status status = cull__collection_open(store->catalog, collection);

    for (size_t i = 0; i < collection->version_count && status == CULL_OK; i++) {
        if (collection->versions[i].state == CULL_VERSION_COMMITTED) {
            status = take_version(ctx, store, collection, &collection->versions[i]);
        }
    }
    if (status == CULL_OK) {
        status = cull__keys_push(store->allocator, &ctx->aborted, collection->id, 0);
    }
    return status != CULL_OK || ctx->going.kept.count > kept
               ? status
               : cull__keys_push(store->allocator, &ctx->collections, collection->id, 0);
}

/* A registry with all its links. One that protects something stays where that is skipped. */
static cull_status take_registry(struct scope_ctx *ctx, const struct cull__txn *txn,
                                 const struct cull__project *registry, cull_error *err)
{
    const cull_allocator *allocator = txn->store->allocator;
    const struct cull__link *protection = cull__registry_protection(registry);
    cull_status status;

    if (protection != NULL && ctx->options->skip_protected) {
        status = cull__keys_push(allocator, &ctx->going.kept, protection->portfolio->id,
                                 protection->ordinal);
        return status == CULL_OK ? CULL_OK : cull__error_nomem(err);
    }
    status = cull__check_registry_delete(txn->store->catalog, cull__txn_actor(txn), registry, err);
    if (status != CULL_OK) {
        return status;
    }
    for (const struct cull__portfolio *at = registry->registry->portfolios; at != NULL;
         at = at->hh.next) {
        ctx->going.links += at->live;
    }
    status = cull__keys_push(allocator, &ctx->going.registries, registry->id, 0);
    return status == CULL_OK ? CULL_OK : cull__error_nomem(err);
}

static cull_status take_portfolio(struct scope_ctx *ctx, const struct cull__txn *txn,
                                  const struct cull__project *registry, cull_error *err)
{
    const struct cull__portfolio *portfolio =
        cull__portfolio_find(registry, ctx->scope->collection);
    char shown[CULL_PRINTABLE_MAX];
    cull_status status;

    if (portfolio == NULL) {
        return cull__error_set(
            err, CULL_E_NOTFOUND, "%s/%s/%s: no such portfolio", registry->entity->name,
            registry->name,
            cull__printable(shown, ctx->scope->collection, strlen(ctx->scope->collection)));
    }
    status =
        cull__check_portfolio_delete(txn->store->catalog, cull__txn_actor(txn), portfolio, err);
    if (status == CULL_OK) {
        ctx->going.links += portfolio->live;
        status = cull__keys_push(txn->store->allocator, &ctx->going.portfolios, portfolio->id, 0);
        status = status == CULL_OK ? CULL_OK : cull__error_nomem(err);
    }
    return status;
}

/* What a name names in a registry's place; *out NULL: it is none. */
static const struct cull__project *named_registry(const cull_store *store, const cull_scope *scope)
{
    const struct cull__entity *entity = cull__entity_find(store->catalog, scope->entity);
    const struct cull__project *project = entity == NULL || scope->kind < CULL_SCOPE_PROJECT
                                              ? NULL
                                              : cull__project_find(entity, scope->project);

    return project == NULL || project->registry == NULL ? NULL : project;
}

static cull_status take_registries_of(struct scope_ctx *ctx, const struct cull__txn *txn,
                                      cull_error *err)
{
    const struct cull__entity *entity = cull__entity_find(txn->store->catalog, ctx->scope->entity);
    cull_status status = CULL_OK;

    for (const struct cull__project *at = entity == NULL ? NULL : entity->projects;
         at != NULL && status == CULL_OK; at = at->hh.next) {
        status = at->registry == NULL ? CULL_OK : take_registry(ctx, txn, at, err);
    }
    return status;
}

static cull_status take_names(struct scope_ctx *ctx, const struct cull__txn *txn, cull_error *err)
{
    const cull_store *store = txn->store;
    const cull_scope *scope = ctx->scope;
    struct cull__collection **collections = NULL;
    size_t count = 0;
    cull_status status = cull__collections_sorted(
        store->catalog, scope->entity, scope->kind >= CULL_SCOPE_PROJECT ? scope->project : NULL,
        scope->kind == CULL_SCOPE_COLLECTION ? scope->collection : NULL, false, &collections,
        &count, err);

    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        status = take_collection(ctx, store, collections[i]);
        if (status != CULL_OK) {
            status = cull__error_nomem(err);
        }
    }
    cull__free(store->allocator, collections);
    return status == CULL_OK && scope->kind == CULL_SCOPE_ENTITY ? take_registries_of(ctx, txn, err)
                                                                 : status;
}

/* A run, and what it logged (rule 14: never what it used). */
static cull_status take_run(struct scope_ctx *ctx, const cull_store *store, cull_error *err)
{
    const cull_scope *scope = ctx->scope;
    const struct cull__entity *entity = cull__entity_find(store->catalog, scope->entity);
    const struct cull__project *project =
        entity == NULL ? NULL : cull__project_find(entity, scope->project);
    const struct cull__run *run = project == NULL ? NULL : cull__run_find(project, scope->run);

    if (run == NULL) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s/%s/%s: no such run", scope->entity,
                               scope->project, scope->run);
    }
    ctx->run = run->id;
    if (ctx->with_artifacts && cull__catalog_open(store->catalog) != CULL_OK) {
        return cull__error_nomem(err);
    }
    for (const struct cull__collection *collection = store->catalog->collections;
         collection != NULL && ctx->with_artifacts; collection = collection->hh_id.next) {
        for (size_t i = 0; i < collection->version_count; i++) {
            const struct cull__version *version = &collection->versions[i];

            if (version->run == run && version->state == CULL_VERSION_COMMITTED &&
                take_version(ctx, store, collection, version) != CULL_OK) {
                return cull__error_nomem(err);
            }
        }
    }
    return CULL_OK;
}

/* The facts: uploads end, versions go, names become free. */
static cull_status add_scope(struct cull__txn *txn, struct scope_ctx *ctx, cull_error *err)
{
    struct cull__u32s ordinals = CULL__U32S_INIT(txn->store->allocator);
    cull_status status = CULL_OK;

    for (const struct cull__upload *upload = txn->store->catalog->uploads; upload != NULL;
         upload = upload->hh.next) {
        struct cull__fact end = { .type = CULL__FACT_UPLOAD_END,
                                  .id = upload->id,
                                  .how = CULL__END_ABORTED };

        for (size_t i = 0; i < ctx->aborted.count; i++) {
            if (ctx->aborted.at[i].collection == upload->collection->id) {
                cull__txn_add(txn, &end);
                break;
            }
        }
    }
    cull__add_by_collection(txn, CULL__FACT_DELETE, ctx->going.versions.at,
                            ctx->going.versions.count, kept_until(txn), CULL_REASON_CASCADE,
                            &ordinals, &status);
    for (size_t i = 0; i < ctx->collections.count; i++) {
        struct cull__fact gone = { .type = CULL__FACT_COLLECTION_DELETE,
                                   .id = ctx->collections.at[i].collection };

        cull__txn_add(txn, &gone);
    }
    if (ctx->run != 0) {
        struct cull__fact gone = { .type = CULL__FACT_RUN_DELETE, .id = ctx->run };

        cull__txn_add(txn, &gone);
    }
    if (status == CULL_OK) {
        status = cull__going_add_links(txn, &ctx->going);
    }
    cull__u32s_release(&ordinals);
    return status == CULL_OK ? CULL_OK : cull__error_nomem(err);
}

/* Rule 28, of what is in the entity; a registry's own roles count for what is in it. What is not there
 * is for others to say. */
static cull_status check_scope_role(const struct cull__txn *txn, const cull_scope *scope,
                                    cull_error *err)
{
    const struct cull__place place = { cull__entity_find(txn->store->catalog, scope->entity),
                                       scope->entity, NULL };

    return place.entity == NULL ? CULL_OK
                                : cull__check_role(txn->store->catalog, cull__txn_actor(txn),
                                                   &place, CULL_ROLE_MEMBER, err);
}

static cull_status take_scope(struct scope_ctx *ctx, const struct cull__txn *txn, cull_error *err)
{
    const struct cull__project *registry =
        ctx->scope->kind == CULL_SCOPE_RUN ? NULL : named_registry(txn->store, ctx->scope);
    cull_status status;

    if (registry != NULL) {
        return ctx->scope->kind == CULL_SCOPE_COLLECTION ? take_portfolio(ctx, txn, registry, err)
                                                         : take_registry(ctx, txn, registry, err);
    }
    status = check_scope_role(txn, ctx->scope, err);
    if (status != CULL_OK) {
        return status;
    }
    return ctx->scope->kind == CULL_SCOPE_RUN ? take_run(ctx, txn->store, err)
                                              : take_names(ctx, txn, err);
}

static cull_status check_scope(struct cull__txn *txn, void *context, cull_error *err)
{
    struct scope_ctx *ctx = context;
    cull_status status;

    cull__going_clear(&ctx->going);
    ctx->collections.count = ctx->aborted.count = 0;
    ctx->run = 0;
    status = take_scope(ctx, txn, err);
    ctx->going.versions.count =
        cull__version_keys_sort(ctx->going.versions.at, ctx->going.versions.count);
    if (status == CULL_OK) {
        status = cull__going_check(&ctx->going, txn->store, ctx->options->skip_protected, err);
    }
    return status == CULL_OK && !ctx->options->dry_run ? add_scope(txn, ctx, err) : status;
}

cull_status cull_delete_cascade(cull_store *store, const cull_scope *scope, bool with_artifacts,
                                const cull_delete_options *options, cull_version_visit_fn visit,
                                void *visit_ctx, const cull_caller *caller, cull_error *err)
{
    struct scope_ctx ctx = { .scope = scope,
                             .options = options,
                             .with_artifacts = with_artifacts,
                             .going = { .allocator = store->allocator } };
    cull_status status;

    if (scope->kind < CULL_SCOPE_ENTITY || scope->kind > CULL_SCOPE_RUN) {
        return cull__error_set(err, CULL_E_USAGE, "nothing that a cascade deletes");
    }
    status = cull__transact(store, CULL__NEED_NAMES, caller, check_scope, &ctx, err);
    if (status == CULL_OK) {
        status = tell(store, ctx.going.versions.at, ctx.going.versions.count, &ctx.going.versions,
                      visit, visit_ctx, err);
    }
    status = cull__going_end(&ctx.going, store, status, options, err);
    cull__going_release(&ctx.going);
    cull__free(store->allocator, ctx.collections.at);
    cull__free(store->allocator, ctx.aborted.at);
    return status;
}

cull_status cull_delete_scope(cull_store *store, const cull_scope *scope, bool with_artifacts,
                              bool dry_run, cull_version_visit_fn visit, void *visit_ctx,
                              const cull_caller *caller, cull_error *err)
{
    const cull_delete_options options = { .dry_run = dry_run };

    return cull_delete_cascade(store, scope, with_artifacts, &options, visit, visit_ctx, caller,
                               err);
}

/* --- taking back ------------------------------------------------------------------------------ */

static int compare_names(const void *a, const void *b)
{
    const struct cull__collection *x = *(const struct cull__collection *const *)a;
    const struct cull__collection *y = *(const struct cull__collection *const *)b;

    if (x->project->id != y->project->id) {
        return x->project->id < y->project->id ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

static cull_status name_taken(const struct cull__collection *collection, const char *name,
                              cull_error *err)
{
    return cull__error_set(err, CULL_E_EXISTS, "%s/%s/%s: the name is taken again: say --as NAME",
                           collection->project->entity->name, collection->project->name, name);
}

/* Collections that come back with their versions, if their names, or the new one, are free; two
 * of one name cannot come back at once. */
static cull_status add_revivals(struct cull__txn *txn, const struct cull__collection **back,
                                size_t count, const char *as, cull_error *err)
{
    if (count > 1) {
        qsort(back, count, sizeof(struct cull__collection *), compare_names);
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = as == NULL ? back[i]->name : as;
        struct cull__fact revive = { .type = CULL__FACT_COLLECTION_REVIVE, .id = back[i]->id };

        if (cull__collection_find(back[i]->project, name) != NULL ||
            (i > 0 && compare_names(&back[i - 1], &back[i]) == 0)) {
            return name_taken(back[i], name, err);
        }
        revive.name = name;
        revive.name_len = strlen(name);
        cull__txn_add(txn, &revive);
    }
    return CULL_OK;
}

/* Check every version; *count deleted collections that hold some of them are appended to back. */
static cull_status check_restorable(const struct cull__txn *txn,
                                    const struct versions_ctx *versions,
                                    const struct cull__collection **back, size_t *count,
                                    cull_error *err)
{
    const struct cull__collection *allowed = NULL;

    for (size_t i = 0; i < versions->count; i++) {
        const cull_version_key *key = &versions->keys[i];
        const struct cull__collection *collection;
        cull_status status = open_to_change(txn, key, &allowed, &collection, err);

        if (status == CULL_OK) {
            status = cull__check_restore(collection, key->ordinal, err);
        }
        if (status != CULL_OK) {
            return status;
        }
        if (collection->deleted && (*count == 0 || back[*count - 1] != collection)) {
            back[(*count)++] = collection;
        }
    }
    return CULL_OK;
}

static cull_status check_restore(struct cull__txn *txn, void *ctx, cull_error *err)
{
    const struct versions_ctx *versions = ctx;
    const cull_allocator *allocator = txn->store->allocator;
    struct cull__u32s ordinals = CULL__U32S_INIT(allocator);
    const struct cull__collection **back =
        cull__alloc(allocator, versions->count, sizeof(struct cull__collection *));
    size_t count = 0;
    cull_status status = back == NULL ? cull__error_nomem(err) : CULL_OK;

    if (status == CULL_OK) {
        status = check_restorable(txn, versions, back, &count, err);
    }
    if (status == CULL_OK) {
        status = add_revivals(txn, back, count, versions->as, err);
    }
    if (status == CULL_OK) {
        cull__add_by_collection(txn, CULL__FACT_RESTORE, versions->keys, versions->count, 0, 0,
                                &ordinals, &status);
        if (status != CULL_OK) {
            status = cull__error_nomem(err);
        }
    }
    cull__free(allocator, back);
    cull__u32s_release(&ordinals);
    return status;
}

cull_status cull_restore(cull_store *store, const cull_version_key *keys, size_t count,
                         const char *as, const cull_caller *caller, cull_error *err)
{
    struct versions_ctx versions = { .count = count, .as = as };
    cull_version_key *sorted = NULL;
    cull_status status = as == NULL ? CULL_OK : cull__check_name("collection", as, err);

    if (status == CULL_OK) {
        status = cull__version_keys_copy(store, keys, &versions.count, &sorted, err);
    }
    for (size_t i = 1; i < versions.count && status == CULL_OK && as != NULL; i++) {
        if (sorted[i].collection != sorted[0].collection) {
            status = cull__error_set(err, CULL_E_USAGE,
                                     "--as names one collection: restore one at a time");
        }
    }
    versions.keys = sorted;
    if (status == CULL_OK) {
        status = cull__transact(store, CULL__NEED_NAMES, caller, check_restore, &versions, err);
    }
    cull__free(store->allocator, sorted);
    return status;
}
