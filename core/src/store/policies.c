/*
 * policies.c - setting, forgetting, listing and trying retention policies, and what they let go.
 *
 * SHAPE     The rules stand in catalog/policy.c; here they meet the log and the visitors. A cycle asks
 *           for all versions that go twice: for its plan, and when it executes that.
 * COST      Looks at the versions of those collections that a policy is for; a store without policies
 *           costs nothing.
 * THREADS   A visitor runs with the handle locked and must not call it.
 */
#include "store/plan.h"

/* --- what a cycle takes ------------------------------------------------------------------------- */

struct take_ctx {
    const cull_store *store;
    cull_version_key **keys;
    size_t *capacity;
    uint64_t *count;
    uint64_t *refused;
};

static cull_status take_one(void *context, const struct cull__collection *collection,
                            const struct cull__version *version, const struct cull__policy *policy,
                            cull_policy_verdict verdict)
{
    struct take_ctx *ctx = context;
    void *keys = *ctx->keys;
    cull_status status;

    (void)policy;
    if (verdict == CULL_POLICY_REFUSED) {
        ++*ctx->refused;
        return CULL_OK;
    }
    status = cull__reserve(ctx->store->allocator, &keys, ctx->capacity, (size_t)*ctx->count + 1,
                           sizeof **ctx->keys);
    *ctx->keys = keys;
    if (status == CULL_OK) {
        (*ctx->keys)[(*ctx->count)++] = (cull_version_key){ collection->id, version->ordinal };
    }
    return status;
}

cull_status cull__policies_take(const cull_store *store, uint64_t now_ms, cull_version_key **keys,
                                size_t *capacity, uint64_t *count, uint64_t *refused)
{
    const struct cull__catalog *catalog = store->catalog;
    struct take_ctx ctx = { store, keys, capacity, count, refused };
    cull_status status = CULL_OK;

    *count = *refused = 0;
    for (const struct cull__collection *at = catalog->collections;
         at != NULL && catalog->policies != NULL && status == CULL_OK; at = at->hh_id.next) {
        struct cull__policy_set set;

        cull__policies_for(catalog->policies, NULL, at, &set); /* ids ascend: so do the keys */
        status = cull__policies_judge(catalog, &set, at, now_ms, take_one, &ctx);
    }
    return status;
}

/* --- setting ------------------------------------------------------------------------------------ */

struct set_ctx {
    const cull_policy *policy;
    struct cull__policy_row row;
    struct cull__policy read;
    char joined[CULL_POLICY_GLOBS_BYTES + 1];
};

struct emptied {
    const struct cull__collection *collection;
    bool refused;
};

static cull_status note_refused(void *ctx, const struct cull__collection *collection,
                                const struct cull__version *version,
                                const struct cull__policy *policy, cull_policy_verdict verdict)
{
    struct emptied *emptied = ctx;

    (void)version;
    (void)policy;
    emptied->collection = collection;
    emptied->refused = verdict == CULL_POLICY_REFUSED;
    return CULL_E_CANCELLED; /* one says it for all of the collection */
}

/* Would it leave a collection without any version, as things are? */
static cull_status check_emptied(const struct cull__txn *txn, const struct set_ctx *set,
                                 cull_error *err)
{
    const struct cull__catalog *catalog = txn->store->catalog;
    struct emptied emptied = { NULL, false };

    for (const struct cull__collection *at = catalog->collections; at != NULL && !emptied.refused;
         at = at->hh_id.next) {
        struct cull__policy_set policies;

        cull__policies_for(catalog->policies, &set->read, at, &policies);
        if (policies.count > 0 && policies.at[0] == &set->read) {
            (void)cull__policies_judge(catalog, &policies, at, txn->now_ms, note_refused, &emptied);
        }
    }
    return emptied.refused
               ? cull__error_set(err, CULL_E_REFUSED,
                                 "policy %.100s: would leave %s/%s/%s without any version: say "
                                 "--allow-empty if that is meant",
                                 set->policy->collections,
                                 emptied.collection->project->entity->name,
                                 emptied.collection->project->name, emptied.collection->name)
               : CULL_OK;
}

static bool is_the_same(const struct cull__policy *there, const struct set_ctx *set)
{
    char joined[CULL_POLICY_GLOBS_BYTES + 1];
    struct cull__policy_row row;

    return cull__check_policy(&there->says, &row, joined, NULL) == CULL_OK &&
           strcmp(joined, set->joined) == 0 && row.keep_last == set->row.keep_last &&
           row.keep_every == set->row.keep_every && row.ttl_ms == set->row.ttl_ms &&
           row.keep_younger_ms == set->row.keep_younger_ms &&
           row.allow_empty == set->row.allow_empty;
}

/* An administrator of every entity that it is for; of the store, while there is none. */
static cull_status check_administrator(const struct cull__txn *txn,
                                       const struct cull__policy *policy, cull_error *err)
{
    const struct cull__catalog *catalog = txn->store->catalog;
    struct cull__place place = { NULL, policy->parts[0], NULL };
    cull_status status = CULL_OK;

    for (const struct cull__entity *at = catalog->entities; at != NULL && status == CULL_OK;
         at = at->hh.next) {
        if (cull__glob_match(policy->parts[0], at->name)) {
            place.entity = at;
            place.name = at->name;
            status = cull__check_role(catalog, cull__txn_actor(txn), &place,
                                      CULL_ROLE_ADMINISTRATOR, err);
        }
    }
    return status == CULL_OK && place.entity == NULL
               ? cull__check_role(catalog, cull__txn_actor(txn), &place, CULL_ROLE_ADMINISTRATOR,
                                  err)
               : status;
}

static cull_status check_set(struct cull__txn *txn, void *ctx, cull_error *err)
{
    const struct set_ctx *set = ctx;
    const struct cull__catalog *catalog = txn->store->catalog;
    const struct cull__policy *there = cull__policy_find(catalog, set->row.name, set->row.name_len);
    struct cull__fact fact = { .type = CULL__FACT_POLICY,
                               .name = set->row.name,
                               .name_len = set->row.name_len,
                               .kind = set->row.globs,
                               .kind_len = set->row.globs_len,
                               .policy = { set->row.keep_last, set->row.keep_every,
                                           set->row.keep_younger_ms, set->row.ttl_ms,
                                           set->row.allow_empty } };
    cull_status status = check_administrator(txn, &set->read, err);

    status = status == CULL_OK ? check_emptied(txn, set, err) : status;
    if (status == CULL_OK && there == NULL && catalog->policy_count == CULL_POLICIES_MAX) {
        status = cull__error_set(err, CULL_E_LIMIT, "the store has %d policies already",
                                 CULL_POLICIES_MAX);
    }
    if (status == CULL_OK && (there == NULL || !is_the_same(there, set))) {
        cull__txn_add(txn, &fact);
    }
    return status;
}

cull_status cull_policy_set(cull_store *store, const cull_policy *policy, const cull_caller *caller,
                            cull_error *err)
{
    struct set_ctx set = { .policy = policy };
    cull_status status = cull__check_policy(policy, &set.row, set.joined, err);

    if (status == CULL_OK) {
        (void)cull__policy_read(&set.read, &set.row); /* the check has read it already */
        status = cull__transact(store, CULL__NEED_CATALOG, caller, check_set, &set, err);
    }
    return status;
}

static cull_status check_remove(struct cull__txn *txn, void *ctx, cull_error *err)
{
    const char *name = ctx;
    const struct cull__fact fact = { .type = CULL__FACT_POLICY_REMOVE,
                                     .name = name,
                                     .name_len = strlen(name) };
    const struct cull__policy *policy = cull__policy_find(txn->store->catalog, name, fact.name_len);
    char shown[CULL_PRINTABLE_MAX];
    cull_status status;

    if (policy == NULL) {
        return cull__error_set(err, CULL_E_NOTFOUND, "policy %s: no such policy",
                               cull__printable(shown, name, fact.name_len));
    }
    status = check_administrator(txn, policy, err);
    if (status == CULL_OK) {
        cull__txn_add(txn, &fact);
    }
    return status;
}

cull_status cull_policy_remove(cull_store *store, const char *collections,
                               const cull_caller *caller, cull_error *err)
{
    return cull__transact(store, CULL__NEED_NAMES, caller, check_remove,
                          (void *)(uintptr_t)collections, err);
}

/* --- listing and trying ------------------------------------------------------------------------- */

cull_status cull_policies(cull_store *store, cull_policy_visit_fn visit, void *ctx, cull_error *err)
{
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status != CULL_OK) {
        return status;
    }
    for (const struct cull__policy *at = store->catalog->policies; at != NULL && status == CULL_OK;
         at = at->next) {
        status = visit(ctx, &at->says);
    }
    cull__store_leave(store);
    return status;
}

struct test_ctx {
    cull_store *store;
    struct cull__info_scratch scratch;
    cull_policy_test_fn visit;
    void *visit_ctx;
    cull_error *err;
};

static cull_status test_one(void *context, const struct cull__collection *collection,
                            const struct cull__version *version, const struct cull__policy *policy,
                            cull_policy_verdict verdict)
{
    struct test_ctx *ctx = context;
    cull_version_info info;

    if (cull__version_info(&info, ctx->store->catalog, collection, version, &ctx->scratch) !=
        CULL_OK) {
        return cull__error_nomem(ctx->err);
    }
    return ctx->visit(ctx->visit_ctx, &info, &policy->says, verdict);
}

static cull_status test_all(struct test_ctx *ctx, const struct cull__policy *list, uint64_t now_ms,
                            cull_error *err)
{
    const struct cull__catalog *catalog = ctx->store->catalog;
    struct cull__collection **collections = NULL;
    size_t count = 0;
    cull_status status =
        cull__collections_sorted(catalog, NULL, NULL, NULL, false, &collections, &count, err);

    now_ms = now_ms > catalog->clock_ms ? now_ms : catalog->clock_ms;
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        struct cull__policy_set set;

        cull__policies_for(list, NULL, collections[i], &set);
        status = cull__policies_judge(catalog, &set, collections[i], now_ms, test_one, ctx);
    }
    cull__free(ctx->store->allocator, (void *)collections);
    return status;
}

cull_status cull_policy_test(cull_store *store, const cull_policy *policy, uint64_t now_ms,
                             cull_policy_test_fn visit, void *ctx, cull_error *err)
{
    struct test_ctx test = { .store = store,
                             .scratch = { .allocator = store->allocator },
                             .visit = visit,
                             .visit_ctx = ctx,
                             .err = err };
    struct set_ctx one = { .policy = policy };
    cull_status status =
        policy == NULL ? CULL_OK : cull__check_policy(policy, &one.row, one.joined, err);

    if (status == CULL_OK) {
        status = cull__store_enter(store, CULL__NEED_CATALOG, err);
    }
    if (status != CULL_OK) {
        return status;
    }
    if (policy != NULL) {
        (void)cull__policy_read(&one.read, &one.row);
    }
    status = test_all(&test, policy == NULL ? store->catalog->policies : &one.read, now_ms, err);
    cull__info_scratch_release(&test.scratch);
    cull__store_leave(store);
    return status;
}
