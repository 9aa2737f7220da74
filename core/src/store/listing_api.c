/*
 * listing_api.c - finding and listing by name; aliases and tags.
 *
 * COST      A listing sorts what it lists; a selection looks at the versions of the collections it
 *           names, once.
 * THREADS   A visitor runs with the handle locked and must not call it.
 */
#include "store/store_internal.h"

#include <stdlib.h>

cull_status cull__version_missing(const cull_store *store, const cull_version_key *key,
                                  cull_error *err)
{
    const struct cull__collection *collection = cull__key_collection(store, key);
    char name[CULL__VERSION_NAME_MAX];

    if (collection == NULL) { /* it went with its last version */
        return cull__error_set(err, CULL_E_NOTFOUND, "v%u: already collected, or no such version",
                               key->ordinal);
    }
    return cull__error_set(
        err, CULL_E_NOTFOUND, "%s: %s", cull__version_name(name, collection, key->ordinal),
        key->ordinal < collection->next_ordinal ? "already collected" : "no such version");
}

cull_status cull__key_open(const cull_store *store, const cull_version_key *key,
                           const struct cull__collection **out, cull_error *err)
{
    struct cull__collection *collection = cull__key_collection(store, key);

    *out = collection;
    return collection == NULL || cull__collection_open(store->catalog, collection) == CULL_OK
               ? CULL_OK
               : cull__error_nomem(err);
}

/* --- one version ---------------------------------------------------------------------------- */

cull_status cull_version_find(cull_store *store, const cull_name *name, cull_version_key *out,
                              cull_error *err)
{
    struct cull__collection *collection = NULL;
    const struct cull__entity *entity;
    const struct cull__project *project;
    struct cull__link *link;
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status != CULL_OK) {
        return status;
    }
    entity = cull__entity_find(store->catalog, name->entity);
    project = entity == NULL ? NULL : cull__project_find(entity, name->project);
    if (project != NULL && project->registry != NULL) {
        status =
            cull__link_resolve(project, name->collection,
                               name->version[0] == '\0' ? "latest" : name->version, &link, err);
        if (status == CULL_OK) {
            *out = (cull_version_key){ link->portfolio->id, link->ordinal };
        }
    } else {
        status = cull__version_resolve(store->catalog, name, &collection, &out->ordinal, err);
        if (status == CULL_OK) {
            out->collection = collection->id;
        }
    }
    cull__store_leave(store);
    return status;
}

cull_status cull_version_show(cull_store *store, const cull_version_key *named,
                              cull_version_visit_fn visit, void *ctx, cull_error *err)
{
    struct cull__info_scratch scratch = { .allocator = store->allocator };
    cull_version_key source;
    const cull_version_key *key = &source;
    const struct cull__collection *collection;
    const struct cull__version *version = NULL;
    cull_version_info info;
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status != CULL_OK) {
        return status;
    }
    source = cull__key_source(store, named);
    status = cull__key_open(store, key, &collection, err);
    if (status == CULL_OK && collection != NULL) {
        version = cull__version_at(collection, key->ordinal);
    }
    if (status == CULL_OK && version == NULL) {
        status = cull__version_missing(store, key, err);
    } else if (status == CULL_OK) {
        status = cull__version_info(&info, store->catalog, collection, version, &scratch);
        status = status == CULL_OK ? visit(ctx, &info) : cull__error_nomem(err);
    }
    cull__info_scratch_release(&scratch);
    cull__store_leave(store);
    return status;
}

/* --- many ----------------------------------------------------------------------------------- */

/* The run that a selection names must be there, in every project that is looked at. */
static cull_status check_run(const struct cull__catalog *catalog, const cull_selection *selection,
                             cull_error *err)
{
    if (selection->run == NULL) {
        return CULL_OK;
    }
    for (const struct cull__run *run = catalog->runs; run != NULL; run = run->hh_id.next) {
        if (!run->deleted && strcmp(run->name, selection->run) == 0 &&
            (selection->project == NULL || strcmp(run->project->name, selection->project) == 0) &&
            (selection->entity == NULL ||
             strcmp(run->project->entity->name, selection->entity) == 0)) {
            return CULL_OK;
        }
    }
    return cull__error_set(err, CULL_E_NOTFOUND, "%s: no such run", selection->run);
}

/* A run that was deleted is forgotten: another of its name did not log what it logged. */
static bool run_takes(const cull_selection *selection, const struct cull__version *version)
{
    return selection->run == NULL || (version->run != NULL && !version->run->deleted);
}

static cull_status select_in(cull_store *store, const struct cull__collection *collection,
                             const cull_selection *selection, struct cull__info_scratch *scratch,
                             cull_version_visit_fn visit, void *ctx, cull_error *err)
{
    uint32_t after = collection->committed; /* COMMITTED versions from here on */
    cull_status status = CULL_OK;

    for (size_t i = 0; i < collection->version_count && status == CULL_OK; i++) {
        const struct cull__version *version = &collection->versions[i];
        cull_version_info info;

        after -= version->state == CULL_VERSION_COMMITTED;
        if (cull__version_info(&info, store->catalog, collection, version, scratch) != CULL_OK) {
            return cull__error_nomem(err);
        }
        if (run_takes(selection, version) && cull__selection_takes(selection, &info, after)) {
            status = visit(ctx, &info);
        }
    }
    return status;
}

cull_status cull__select_locked(cull_store *store, const cull_selection *selection,
                                cull_version_visit_fn visit, void *ctx, cull_error *err)
{
    struct cull__info_scratch scratch = { .allocator = store->allocator };
    struct cull__collection **collections = NULL;
    bool deleted_too = (selection->states & ~(1u << CULL_VERSION_COMMITTED)) != 0;
    size_t count = 0;
    cull_status status = check_run(store->catalog, selection, err);

    if (status == CULL_OK) {
        status =
            cull__collections_sorted(store->catalog, selection->entity, selection->project,
                                     selection->collection, deleted_too, &collections, &count, err);
    }
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        status = cull__collection_open(store->catalog, collections[i]) == CULL_OK
                     ? select_in(store, collections[i], selection, &scratch, visit, ctx, err)
                     : cull__error_nomem(err);
    }
    cull__free(store->allocator, collections);
    cull__info_scratch_release(&scratch);
    return status;
}

cull_status cull_select(cull_store *store, const cull_selection *selection,
                        cull_version_visit_fn visit, void *ctx, cull_error *err)
{
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status == CULL_OK) {
        status = cull__select_locked(store, selection, visit, ctx, err);
        cull__store_leave(store);
    }
    return status;
}

static cull_collection_info collection_info(const struct cull__collection *collection)
{
    cull_collection_info info = {
        .id = collection->id,
        .entity = collection->project->entity->name,
        .project = collection->project->name,
        .name = collection->name,
        .type = collection->type,
        .deleted = collection->deleted,
        .ordinals = collection->next_ordinal,
        .committed = collection->committed,
        .in_trash = collection->in_trash,
        .size_exact = true,
    };

    for (size_t i = 0; i < collection->version_count; i++) {
        if (collection->versions[i].state == CULL_VERSION_COMMITTED) {
            info.size_bytes =
                cull__sum_saturated(info.size_bytes, collection->versions[i].size_bytes);
            info.size_exact = info.size_exact && collection->versions[i].size_exact;
            info.newest_ms = collection->versions[i].created_ms;
        }
    }
    return info;
}

cull_status cull_collections(cull_store *store, const char *entity, const char *project,
                             bool deleted, cull_collection_visit_fn visit, void *ctx,
                             cull_error *err)
{
    struct cull__collection **collections = NULL;
    size_t count = 0;
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status != CULL_OK) {
        return status;
    }
    status = cull__collections_sorted(store->catalog, entity, project, NULL, deleted, &collections,
                                      &count, err);
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        cull_collection_info info;

        if (cull__collection_open(store->catalog, collections[i]) != CULL_OK) {
            status = cull__error_nomem(err);
            break;
        }
        info = collection_info(collections[i]);
        status = visit(ctx, &info);
    }
    cull__free(store->allocator, collections);
    cull__store_leave(store);
    return status;
}

static int compare_runs(const void *a, const void *b)
{
    const struct cull__run *x = *(struct cull__run *const *)a;
    const struct cull__run *y = *(struct cull__run *const *)b;
    int order = strcmp(x->project->entity->name, y->project->entity->name);

    if (order == 0) {
        order = strcmp(x->project->name, y->project->name);
    }
    return order != 0 ? order : strcmp(x->name, y->name);
}

/* Runs of a project that are not deleted, sorted, into a new array. */
static cull_status sorted_runs(const struct cull__catalog *catalog, const char *entity,
                               const char *project, struct cull__run ***out, size_t *count)
{
    size_t all = HASH_CNT(hh_id, catalog->runs);

    *count = 0;
    *out = cull__alloc(catalog->allocator, all, sizeof **out);
    if (*out == NULL) {
        return CULL_E_NOMEM;
    }
    for (struct cull__run *run = catalog->runs; run != NULL; run = run->hh_id.next) {
        if (!run->deleted && (entity == NULL || strcmp(run->project->entity->name, entity) == 0) &&
            (project == NULL || strcmp(run->project->name, project) == 0)) {
            (*out)[(*count)++] = run;
        }
    }
    if (*count > 1) {
        qsort(*out, *count, sizeof **out, compare_runs);
    }
    return CULL_OK;
}

cull_status cull_runs(cull_store *store, const char *entity, const char *project,
                      cull_status (*visit)(void *ctx, const cull_run_info *run), void *ctx,
                      cull_error *err)
{
    struct cull__run **runs = NULL;
    size_t count = 0;
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status != CULL_OK) {
        return status;
    }
    if (sorted_runs(store->catalog, entity, project, &runs, &count) != CULL_OK) {
        status = cull__error_nomem(err);
    }
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        const cull_run_info info = {
            .id = runs[i]->id,
            .entity = runs[i]->project->entity->name,
            .project = runs[i]->project->name,
            .name = runs[i]->name,
            .deleted = runs[i]->deleted,
            .created_ms = runs[i]->created_ms,
            .logged = runs[i]->logged,
        };

        status = visit(ctx, &info);
    }
    cull__free(store->allocator, runs);
    cull__store_leave(store);
    return status;
}

/* --- aliases and tags ------------------------------------------------------------------------- */

struct label_ctx {
    cull_version_key key;
    const char *label;
    bool present;
};

static cull_status find_committed(struct cull__txn *txn, const struct label_ctx *label,
                                  const struct cull__collection **out, cull_error *err)
{
    cull_status status = cull__key_open(txn->store, &label->key, out, err);

    if (status != CULL_OK) {
        return status;
    }
    if (*out == NULL) {
        return cull__key_link(txn->store, &label->key) != NULL
                   ? cull__error_set(err, CULL_E_USAGE, "a link has no tags: tag its source")
                   : cull__error_set(err, CULL_E_NOTFOUND, "no such collection");
    }
    status = cull__txn_check_member(txn, *out, err);
    return status == CULL_OK ? cull__check_committed(*out, label->key.ordinal, err) : status;
}

static cull_status check_alias_set(struct cull__txn *txn, void *ctx, cull_error *err)
{
    const struct label_ctx *label = ctx;
    const struct cull__collection *collection;
    struct cull__fact fact = { .type = CULL__FACT_ALIAS, .parent = label->key.collection };
    const struct cull__alias *there;
    cull_status status;

    if (cull__portfolio_by_id(txn->store->catalog, label->key.collection) != NULL) {
        return cull__link_alias_set(txn, &label->key, label->label, err);
    }
    status = find_committed(txn, label, &collection, err);
    there = status == CULL_OK ? cull__alias_find(collection, label->label) : NULL;
    if (status == CULL_OK && (there == NULL || there->ordinal != label->key.ordinal)) {
        fact.ordinal = label->key.ordinal;
        fact.name = label->label;
        fact.name_len = strlen(label->label);
        cull__txn_add(txn, &fact);
    }
    return status;
}

cull_status cull_alias_set(cull_store *store, const cull_version_key *version, const char *alias,
                           const cull_caller *caller, cull_error *err)
{
    struct label_ctx label = { *version, alias, true };
    cull_status status = cull__check_label("alias", alias, err);

    return status != CULL_OK
               ? status
               : cull__transact(store, CULL__NEED_NAMES, caller, check_alias_set, &label, err);
}

static cull_status check_alias_remove(struct cull__txn *txn, void *ctx, cull_error *err)
{
    const struct label_ctx *label = ctx;
    const struct cull__collection *collection;
    struct cull__fact fact = { .type = CULL__FACT_ALIAS_REMOVE, .parent = label->key.collection };
    char shown[CULL_PRINTABLE_MAX];
    cull_status status;

    if (cull__portfolio_by_id(txn->store->catalog, label->key.collection) != NULL) {
        return cull__link_alias_remove(txn, label->key.collection, label->label, err);
    }
    status = cull__key_open(txn->store, &label->key, &collection, err);
    if (status == CULL_OK && collection != NULL) {
        status = cull__txn_check_member(txn, collection, err);
    }
    if (status != CULL_OK) {
        return status;
    }
    if (collection == NULL || cull__alias_find(collection, label->label) == NULL) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s: no such alias",
                               cull__printable(shown, label->label, strlen(label->label)));
    }
    fact.name = label->label;
    fact.name_len = strlen(label->label);
    cull__txn_add(txn, &fact);
    return CULL_OK;
}

cull_status cull_alias_remove(cull_store *store, uint64_t collection, const char *alias,
                              const cull_caller *caller, cull_error *err)
{
    struct label_ctx label = { { collection, 0 }, alias, false };

    return cull__transact(store, CULL__NEED_NAMES, caller, check_alias_remove, &label, err);
}

static cull_status check_tag(struct cull__txn *txn, void *ctx, cull_error *err)
{
    const struct label_ctx *label = ctx;
    const struct cull__collection *collection;
    struct cull__fact fact = { .type = CULL__FACT_TAG, .parent = label->key.collection };
    bool there = false;
    char shown[CULL_PRINTABLE_MAX];
    cull_status status = find_committed(txn, label, &collection, err);

    if (status == CULL_OK && label->present) {
        status = cull__check_tag(collection, label->key.ordinal, label->label, err);
    }
    if (status != CULL_OK) {
        return status;
    }
    for (const struct cull__label *tag = cull__version_at(collection, label->key.ordinal)->tags;
         tag != NULL; tag = tag->next) {
        there = there || strcmp(tag->text, label->label) == 0;
    }
    if (!label->present && !there) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s: no such tag",
                               cull__printable(shown, label->label, strlen(label->label)));
    }
    if (label->present != there) {
        fact.ordinal = label->key.ordinal;
        fact.how = label->present;
        fact.name = label->label;
        fact.name_len = strlen(label->label);
        cull__txn_add(txn, &fact);
    }
    return CULL_OK;
}

cull_status cull_tag_set(cull_store *store, const cull_version_key *version, const char *tag,
                         bool present, const cull_caller *caller, cull_error *err)
{
    struct label_ctx label = { *version, tag, present };
    cull_status status = cull__check_label("tag", tag, err);

    return status != CULL_OK
               ? status
               : cull__transact(store, CULL__NEED_NAMES, caller, check_tag, &label, err);
}
