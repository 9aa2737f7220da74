/*
 * selecting.c - visiting the versions that a selection takes: all, or a page of them.
 *
 * SHAPE     The collections that are named, sorted; of those that the selection takes, the versions by
 *           ordinal. A page begins behind a place: its collection is known by its id, whatever it is
 *           called by now, and if it is gone, by where it stood.
 * COST      Follows the versions of the collections that are taken: others are not opened. Creation times
 *           ascend in a collection, so that what is older than a date ends its walk. Texts are filled in
 *           for versions that are told, or that may be taken for them.
 * THREADS   A visitor runs with the handle locked and must not call it.
 */
#include "store/store_internal.h"

#include <stdio.h>

struct selecting {
    cull_store *store;
    const cull_selection *selection;
    struct cull__info_scratch scratch;
    cull_version_visit_fn visit;
    void *ctx;
    cull_page *page; /* NULL: all of them */
    size_t left;     /* of the page */
    bool texts;      /* the visitor looks at them */
    cull_error *err;
};

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

/* Versions of a collection in the selection's states. */
static uint32_t count_states(const struct cull__collection *collection, unsigned states)
{
    return ((states >> CULL_VERSION_COMMITTED & 1) != 0 ? collection->committed : 0) +
           ((states >> CULL_VERSION_DELETED & 1) != 0 ? collection->in_trash : 0);
}

static cull_status tell(struct selecting *selecting, const struct cull__collection *collection,
                        const struct cull__version *version, cull_version_info *info)
{
    const bool asks = cull__selection_asks_labels(selecting->selection);
    cull_page *page = selecting->page;

    if ((asks || selecting->texts) &&
        cull__version_info_texts(info, version, &selecting->scratch) != CULL_OK) {
        return cull__error_nomem(selecting->err);
    }
    if (asks && !cull__selection_takes_labels(selecting->selection, info)) {
        return CULL_OK;
    }
    if (page != NULL && selecting->left == 0) {
        page->more = true;
        return CULL_E_CANCELLED;
    }
    if (page != NULL) {
        selecting->left--;
        page->collection = collection->id;
        page->ordinal = version->ordinal;
        page->deleted = collection->deleted;
        (void)snprintf(page->after.entity, sizeof page->after.entity, "%s", info->entity);
        (void)snprintf(page->after.project, sizeof page->after.project, "%s", info->project);
        (void)snprintf(page->after.collection, sizeof page->after.collection, "%s",
                       info->collection);
    }
    return selecting->visit(selecting->ctx, info);
}

/* The versions from an ordinal on. */
static cull_status select_in(struct selecting *selecting, const struct cull__collection *collection,
                             uint32_t from)
{
    const cull_selection *selection = selecting->selection;
    unsigned states = cull__selection_states(selection);
    uint32_t after = count_states(collection, states); /* from here on */
    cull_status status = CULL_OK;

    for (size_t i = 0; i < collection->version_count && status == CULL_OK; i++) {
        const struct cull__version *version = &collection->versions[i];
        cull_version_info info;

        if (selection->created_before_ms != 0 &&
            version->created_ms >= selection->created_before_ms) {
            break; /* so are all later ones */
        }
        after -= states >> version->state & 1;
        if (version->ordinal < from || (states >> version->state & 1) == 0) {
            continue;
        }
        cull__version_info_plain(&info, collection, version);
        if (cull__selection_takes_run(selection, version) &&
            cull__selection_takes_plain(selection, &info, after)) {
            status = tell(selecting, collection, version, &info);
        }
    }
    return status;
}

/* Does a collection stand before the one of a page, in the order of cull__collections_sorted()? */
static bool is_before(const struct cull__collection *collection, const cull_page *page)
{
    const struct cull__project *project = collection->project;
    int order = strcmp(project->entity->name, page->after.entity);

    order = order != 0 ? order : strcmp(project->name, page->after.project);
    order = order != 0 ? order : strcmp(collection->name, page->after.collection);
    order = order != 0 ? order : (int)collection->deleted - (int)page->deleted;
    if (order == 0 && !page->deleted) {
        return false; /* of one name only one is live: this one has come since */
    }
    return order != 0 ? order < 0 : collection->id > page->collection;
}

static cull_status select_collection(struct selecting *selecting,
                                     struct cull__collection *collection, const cull_page *behind)
{
    bool same = behind != NULL && collection->id == behind->collection;

    if (!cull__selection_takes_collection(selecting->selection, collection) ||
        (behind != NULL && !same && is_before(collection, behind))) {
        return CULL_OK;
    }
    if (cull__collection_open(selecting->store->catalog, collection) != CULL_OK) {
        return cull__error_nomem(selecting->err);
    }
    return select_in(selecting, collection, same ? behind->ordinal + 1 : 0);
}

static cull_status select_all(struct selecting *selecting)
{
    const cull_selection *selection = selecting->selection;
    const struct cull__catalog *catalog = selecting->store->catalog;
    const cull_page begun =
        selecting->page != NULL ? *selecting->page : (cull_page){ .more = false };
    const cull_page *behind =
        begun.collection != 0 || begun.after.entity[0] != '\0' ? &begun : NULL;
    struct cull__collection **collections = NULL;
    bool deleted_too = (cull__selection_states(selection) & ~(1u << CULL_VERSION_COMMITTED)) != 0;
    size_t count = 0;
    cull_status status = check_run(catalog, selection, selecting->err);

    selecting->scratch.allocator = selecting->store->allocator;
    if (status == CULL_OK) {
        status = cull__collections_sorted(catalog, selection->entity, selection->project,
                                          selection->collection, deleted_too, &collections, &count,
                                          selecting->err);
    }
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        status = select_collection(selecting, collections[i], behind);
    }
    cull__free(selecting->store->allocator, (void *)collections);
    cull__info_scratch_release(&selecting->scratch);
    return status;
}

cull_status cull__select_locked(cull_store *store, const cull_selection *selection,
                                cull_version_visit_fn visit, void *ctx, cull_error *err)
{
    struct selecting selecting = { .store = store,
                                   .selection = selection,
                                   .visit = visit,
                                   .ctx = ctx,
                                   .texts = true,
                                   .err = err };

    return select_all(&selecting);
}

cull_status cull__select_plain(cull_store *store, const cull_selection *selection,
                               cull_version_visit_fn visit, void *ctx, cull_error *err)
{
    struct selecting selecting = {
        .store = store, .selection = selection, .visit = visit, .ctx = ctx, .err = err
    };

    return select_all(&selecting);
}

struct picking {
    const cull_allocator *allocator;
    cull_version_key *keys;
    size_t count;
    size_t capacity;
};

static cull_status pick(void *ctx, const cull_version_info *version)
{
    struct picking *picking = ctx;
    void *keys = picking->keys;
    cull_status status = cull__reserve(picking->allocator, &keys, &picking->capacity,
                                       picking->count + 1, sizeof *picking->keys);

    picking->keys = keys;
    if (status == CULL_OK) {
        picking->keys[picking->count++] = version->key;
    }
    return status;
}

cull_status cull__select_keys(cull_store *store, const cull_selection *selection,
                              cull_version_key **keys, size_t *count, cull_error *err)
{
    struct picking picking = { .allocator = store->allocator };
    cull_status status = cull__select_plain(store, selection, pick, &picking, err);

    *keys = picking.keys;
    *count = picking.count;
    return status == CULL_E_NOMEM ? cull__error_nomem(err) : status;
}

/* Selected, then restored: who was faster in between is met by trying again. */
static cull_status restore_once(cull_store *store, const cull_selection *selection,
                                const cull_caller *caller, cull_error *err)
{
    cull_version_key *keys = NULL;
    size_t count = 0;
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status == CULL_OK) {
        status = cull__select_keys(store, selection, &keys, &count, err);
        cull__store_leave(store);
    }
    if (status == CULL_OK && count > 0) {
        status = cull_restore(store, keys, count, NULL, caller, err);
        status = status == CULL_E_NOTFOUND ? CULL_E_MOVED : status;
    }
    cull__free(store->allocator, keys);
    return status;
}

cull_status cull_restore_selected(cull_store *store, const cull_selection *selection, bool dry_run,
                                  cull_version_visit_fn visit, void *ctx, const cull_caller *caller,
                                  cull_error *err)
{
    cull_selection deleted = *selection;
    cull_status status = CULL_OK;

    deleted.states = 1u << CULL_VERSION_DELETED;
    if (visit != NULL) {
        status = cull_select(store, &deleted, visit, ctx, err);
    }
    if (status != CULL_OK || dry_run) {
        return status;
    }
    status = CULL_E_MOVED;
    for (int turn = 0; turn < CULL__TURNS && status == CULL_E_MOVED; turn++) {
        status = restore_once(store, &deleted, caller, err);
    }
    return status == CULL_E_MOVED
               ? cull__error_set(err, CULL_E_BUSY, "what is selected changes again and again")
               : status;
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

cull_status cull_select_page(cull_store *store, const cull_selection *selection, cull_page *page,
                             size_t limit, cull_version_visit_fn visit, void *ctx, cull_error *err)
{
    struct selecting selecting = { .store = store,
                                   .selection = selection,
                                   .visit = visit,
                                   .ctx = ctx,
                                   .page = page,
                                   .left = limit < 1 ? 1 : limit,
                                   .texts = true,
                                   .err = err };
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    page->more = false;
    if (status == CULL_OK) {
        status = select_all(&selecting);
        cull__store_leave(store);
    }
    return status == CULL_E_CANCELLED && page->more ? CULL_OK : status;
}
