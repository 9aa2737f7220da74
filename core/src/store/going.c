/*
 * going.c - what a deletion takes: rules 10 to 12 and 15, for deletes by name, by selection and by
 * cascade alike.
 *
 * SHAPE     While a transaction is checked, keys of what goes and of links that keep something are
 *           gathered. What is told afterwards is looked up by those keys: a link that goes with its
 *           source is lost and still there, until the source is purged.
 * COST      A version without links is one look at its collection.
 */
#include "store/going.h"

void cull__going_clear(struct cull__going *going)
{
    going->versions.count = going->unlinked.count = going->lost.count = 0;
    going->kept.count = going->portfolios.count = going->registries.count = 0;
    going->links = 0;
}

void cull__going_release(struct cull__going *going)
{
    const cull_allocator *allocator = going->allocator;

    cull__free(allocator, going->versions.at);
    cull__free(allocator, going->unlinked.at);
    cull__free(allocator, going->lost.at);
    cull__free(allocator, going->kept.at);
    cull__free(allocator, going->portfolios.at);
    cull__free(allocator, going->registries.at);
    *going = (struct cull__going){ .allocator = allocator };
}

cull_status cull__keys_push(const cull_allocator *allocator, struct cull__keys *keys,
                            uint64_t collection, uint32_t ordinal)
{
    void *block = keys->at;
    cull_status status =
        cull__reserve(allocator, &block, &keys->capacity, keys->count + 1, sizeof *keys->at);

    keys->at = block;
    if (status == CULL_OK) {
        keys->at[keys->count++] = (cull_version_key){ collection, ordinal };
    }
    return status;
}

cull_status cull__going_take(struct cull__going *going, const struct cull__catalog *catalog,
                             const struct cull__collection *collection, uint32_t ordinal)
{
    const struct cull__linked *linked = cull__linked_at(collection, ordinal);
    const struct cull__link *blocker = cull__version_blocker(catalog, collection, ordinal);
    cull_status status;

    if (blocker != NULL) {
        return cull__keys_push(going->allocator, &going->kept, blocker->portfolio->id,
                               blocker->ordinal);
    }
    status = cull__keys_push(going->allocator, &going->versions, collection->id, ordinal);
    for (const struct cull__link *at = linked == NULL ? NULL : linked->links;
         at != NULL && status == CULL_OK; at = at->next) {
        status = cull__keys_push(going->allocator, &going->lost, at->portfolio->id, at->ordinal);
    }
    return status;
}

/* Does a link go by itself, or with its registry? */
static bool goes_alone(const struct cull__going *going, const cull_store *store,
                       const cull_version_key *key)
{
    uint64_t registry = cull__portfolio_by_id(store->catalog, key->collection)->registry->id;

    for (size_t i = 0; i < going->registries.count; i++) {
        if (going->registries.at[i].collection == registry) {
            return true;
        }
    }
    return cull__version_keys_have(going->unlinked.at, going->unlinked.count, key->collection,
                                   key->ordinal);
}

/* Those go also if their sources do, and do not come back with them. */
static void leave_those(struct cull__going *going, const cull_store *store)
{
    size_t left = 0;

    for (size_t i = 0; i < going->lost.count; i++) {
        if (!goes_alone(going, store, &going->lost.at[i])) {
            going->lost.at[left++] = going->lost.at[i];
        }
    }
    going->lost.count = left;
}

cull_status cull__going_check(struct cull__going *going, const cull_store *store, bool skip,
                              cull_error *err)
{
    leave_those(going, store);
    return going->kept.count == 0 || skip
               ? CULL_OK
               : cull__refuse_blocked(cull__key_link(store, &going->kept.at[0]),
                                      going->kept.count - 1, err);
}

static void add_all(struct cull__txn *txn, enum cull__fact_type type, const struct cull__keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct cull__fact fact = { .type = type, .id = keys->at[i].collection };

        cull__txn_add(txn, &fact);
    }
}

cull_status cull__going_add_links(struct cull__txn *txn, const struct cull__going *going)
{
    struct cull__u32s ordinals = CULL__U32S_INIT(going->allocator);
    cull_status status = CULL_OK;

    cull__add_by_collection(txn, CULL__FACT_UNLINK, going->unlinked.at, going->unlinked.count, 0, 0,
                            &ordinals, &status);
    add_all(txn, CULL__FACT_PORTFOLIO_DELETE, &going->portfolios);
    add_all(txn, CULL__FACT_REGISTRY_DELETE, &going->registries);
    cull__u32s_release(&ordinals);
    return status;
}

/* --- telling ---------------------------------------------------------------------------------- */

struct telling {
    const cull_delete_options *options;
    bool kept;
};

static cull_status tell_link(void *ctx, const cull_link_info *link)
{
    const struct telling *telling = ctx;

    return telling->options->link(telling->options->link_ctx, link, telling->kept);
}

/* Also of lost ones, and not of those whose portfolio went. */
static cull_status tell_links(const cull_store *store, const struct cull__keys *keys,
                              struct telling *telling, cull_error *err)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; i < keys->count && status == CULL_OK; i++) {
        const struct cull__portfolio *portfolio =
            cull__portfolio_by_id(store->catalog, keys->at[i].collection);
        const struct cull__link *link =
            portfolio == NULL ? NULL : cull__link_at(portfolio, keys->at[i].ordinal);

        status = link == NULL ? CULL_OK : cull__link_visit(store, link, tell_link, telling, err);
    }
    return status;
}

/* refused: nothing went. */
static cull_status tell(const struct cull__going *going, cull_store *store, bool refused,
                        const cull_delete_options *options, cull_error *err)
{
    struct telling telling = { options, true };
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status != CULL_OK) {
        return status;
    }
    status = tell_links(store, &going->kept, &telling, err);
    telling.kept = false;
    if (status == CULL_OK && !refused) {
        status = tell_links(store, &going->lost, &telling, err);
    }
    cull__store_leave(store);
    return status;
}

cull_status cull__going_end(const struct cull__going *going, cull_store *store, cull_status status,
                            const cull_delete_options *options, cull_error *err)
{
    bool refused = status == CULL_E_REFUSED && going->kept.count > 0;
    cull_status told = CULL_OK;
    cull_error ignored = { CULL_OK, "" };

    if ((status == CULL_OK || refused) && options->link != NULL &&
        going->kept.count + going->lost.count > 0) {
        told = tell(going, store, refused, options, refused ? &ignored : err);
    }
    if (status != CULL_OK || told != CULL_OK) {
        return status != CULL_OK ? status : told;
    }
    if (options->report != NULL) {
        *options->report = (cull_delete_report){
            .versions = going->versions.count,
            .links = going->unlinked.count + going->lost.count + going->links,
            .skipped = going->kept.count,
        };
    }
    return going->kept.count == 0
               ? CULL_OK
               : cull__error_set(
                     err, CULL_E_PARTIAL, "%llu skipped, kept by links: all else %s deleted",
                     (unsigned long long)going->kept.count, options->dry_run ? "would be" : "was");
}
