/*
 * sweep.c - executing a plan: a cycle's facts and deletes, in the order that must not change.
 *
 * SHAPE     CYCLE (a new number fences older collectors) - what an earlier cycle left DELETING is
 *           deleted and GONE - DELETE and PURGE, each checked again - then by batches: CLAIM those
 *           whose count is still 0, delete their objects, GONE for those that answered.
 * INVARIANT DELETING is in the log before the first delete is sent; gone only after the answer. A
 *           claim looks at the state at the log's end, not at the plan: who named a blob since has
 *           rescued it. What is deleted is looked up in a state in which the cycle is the newest:
 *           later, the numbers may be those of other blobs.
 * COST      Two appends and one delete_batch for CULL__CLAIM_BATCH blobs.
 * FAILURE   A crash anywhere leaves DELETING blobs; the next cycle deletes them again, by the object
 *           versions of the claim. An object that could not be deleted stays DELETING likewise.
 * THREADS   Objects are deleted outside the handle's lock, a batch by several threads if asked.
 */
#include "store/sweep.h"

#include "base/thread.h"
#include "object/objects_internal.h"

#define SWEEP_THREADS_MAX 64

/* --- fencing ---------------------------------------------------------------------------------- */

static cull_status check_cycle(struct cull__txn *txn, void *ctx, cull_error *err)
{
    struct cull__sweep *sweep = ctx;
    struct cull__fact cycle = { .type = CULL__FACT_CYCLE };

    (void)err;
    sweep->cycle = txn->store->catalog->cycles + 1;
    cycle.id = sweep->cycle;
    cull__txn_add(txn, &cycle);
    return CULL_OK;
}

cull_status cull__sweep_begin(struct cull__sweep *sweep, cull_error *err)
{
    return cull__transact(sweep->store, CULL__NEED_INDEX, sweep->caller, check_cycle, sweep, err);
}

/* A newer cycle has begun: whatever we hold is no longer ours. */
cull_status cull__sweep_check_fence(const struct cull__sweep *sweep, cull_error *err)
{
    uint64_t newest = sweep->store->catalog->cycles;

    return newest == sweep->cycle
               ? CULL_OK
               : cull__error_set(err, CULL_E_BUSY, "cycle %llu was overtaken by cycle %llu",
                                 (unsigned long long)sweep->cycle, (unsigned long long)newest);
}

/* --- deleting what is claimed ------------------------------------------------------------------- */

struct batch {
    cull_object_version *versions;
    uint32_t *owner; /* index in numbers of each version */
    cull_status *result;
    size_t count;
    size_t capacity;
};

static void batch_release(struct batch *batch, const cull_allocator *allocator)
{
    cull__free(allocator, batch->versions);
    cull__free(allocator, batch->owner);
    cull__free(allocator, batch->result);
}

/* The object versions that a batch of DELETING blobs comes to: those written in their claims. */
static cull_status collect_versions(cull_store *store, const struct cull__u32s *numbers,
                                    struct batch *batch)
{
    const struct cull__index *index = store->index;
    bool by_version = store->settings.late_deletes == CULL_LATE_VERSION_IDS;
    size_t total = 0;

    for (size_t i = 0; i < numbers->count; i++) {
        size_t count;

        (void)cull__index_claimed(index, numbers->at[i], &count);
        total += by_version ? count : 1;
    }
    batch->versions = cull__alloc_zero(store->allocator, total, sizeof *batch->versions);
    batch->owner = cull__alloc_zero(store->allocator, total, sizeof *batch->owner);
    batch->result = cull__alloc_zero(store->allocator, total, sizeof *batch->result);
    if (batch->versions == NULL || batch->owner == NULL || batch->result == NULL) {
        return CULL_E_NOMEM;
    }
    for (size_t i = 0; i < numbers->count; i++) {
        size_t count;
        const struct cull__fact_version *versions =
            cull__index_claimed(index, numbers->at[i], &count);

        for (size_t v = 0; v < (by_version ? count : 1); v++) {
            batch->versions[batch->count].id = cull__object_id(index, numbers->at[i]);
            batch->versions[batch->count].version = by_version ? versions[v].version : 0;
            batch->owner[batch->count++] = (uint32_t)i;
        }
    }
    return CULL_OK;
}

/* One thread's share of a batch. */
struct share {
    cull_objects *objects;
    const cull_object_version *versions;
    cull_status *result;
    size_t count;
    cull_error err; /* of the first that failed */
};

static void *delete_share(void *ctx)
{
    struct share *share = ctx;

    /* each object has its own result */
    (void)cull__objects_delete_batch(share->objects, share->versions, share->count, share->result,
                                     &share->err);
    return NULL;
}

/* Ask the object store to delete a batch, split over threads. What is not answered is not gone. */
static void delete_objects(struct cull__sweep *sweep, struct batch *batch)
{
    struct share shares[SWEEP_THREADS_MAX];
    pthread_t threads[SWEEP_THREADS_MAX];
    bool started[SWEEP_THREADS_MAX] = { false };
    size_t wanted = sweep->options == NULL ? 1 : sweep->options->threads;
    size_t count = wanted < 1 ? 1 : wanted < SWEEP_THREADS_MAX ? wanted : SWEEP_THREADS_MAX;

    for (size_t i = 0; i < batch->count; i++) {
        batch->result[i] = CULL_E_IO;
    }
    for (size_t i = 0; i < count; i++) {
        size_t first = batch->count * i / count;
        size_t end = batch->count * (i + 1) / count;

        shares[i] = (struct share){ .objects = sweep->store->objects,
                                    .versions = batch->versions + first,
                                    .result = batch->result + first,
                                    .count = end - first };
        started[i] =
            i > 0 && end > first && cull__thread_start(&threads[i], delete_share, &shares[i]);
    }
    for (size_t i = 0; i < count; i++) { /* ours, and those that got no thread */
        if (!started[i] && shares[i].count > 0) {
            (void)delete_share(&shares[i]);
        }
    }
    for (size_t i = 1; i < count; i++) {
        if (started[i]) {
            (void)pthread_join(threads[i], NULL);
        }
    }
    for (size_t i = 0; i < count && sweep->failure.status == CULL_OK; i++) {
        sweep->failure = shares[i].err;
    }
}

struct gone_ctx {
    struct cull__sweep *sweep;
    struct cull__u32s *numbers; /* ascending */
    uint64_t bytes;
    bool exact;
};

static cull_status check_gone(struct cull__txn *txn, void *ctx, cull_error *err)
{
    struct gone_ctx *gone = ctx;
    const struct cull__index *index = txn->store->index;
    const struct cull__u32s *unsent = &gone->sweep->unsent;
    struct cull__fact fact = { .type = CULL__FACT_GONE, .id = gone->sweep->cycle };
    size_t at = 0;
    cull_status status = cull__sweep_check_fence(gone->sweep, err);

    gone->bytes = 0;
    gone->exact = true;
    for (size_t i = 0; i < gone->numbers->count && status == CULL_OK; i++) {
        while (at < unsent->count && unsent->at[at] < gone->numbers->at[i]) {
            at++;
        }
        if (at == unsent->count || unsent->at[at] != gone->numbers->at[i]) {
            gone->bytes +=
                cull__blob_table_known_size(index->blobs, gone->numbers->at[i], &gone->exact);
        }
    }
    fact.numbers = gone->numbers->at;
    fact.number_count = gone->numbers->count;
    if (status == CULL_OK && fact.number_count > 0) {
        cull__txn_add(txn, &fact);
    }
    return status;
}

/* Delete the objects of DELETING blobs (ascending numbers) and append gone for those that the store
 * says are gone. Removes the others from numbers; *failed of them. */
static cull_status delete_and_gone(struct cull__sweep *sweep, struct cull__u32s *numbers,
                                   uint64_t *failed, uint64_t *bytes, cull_error *err)
{
    cull_store *store = sweep->store;
    struct batch batch = { NULL, NULL, NULL, 0, 0 };
    struct gone_ctx gone = { sweep, numbers, 0, true };
    size_t kept = 0;
    cull_status status = cull__store_enter(store, CULL__NEED_INDEX, err);

    if (status == CULL_OK) {
        status = cull__sweep_check_fence(sweep, err);
        if (status == CULL_OK && collect_versions(store, numbers, &batch) != CULL_OK) {
            status = cull__error_nomem(err);
        }
        cull__store_leave(store);
    }
    if (status == CULL_OK && store->objects != NULL && batch.count > 0) {
        delete_objects(sweep, &batch);
    }
    if (status == CULL_OK) {
        size_t at = 0;

        for (size_t i = 0; i < numbers->count; i++) {
            bool answered = true;

            for (; at < batch.count && batch.owner[at] == i; at++) {
                answered = answered && batch.result[at] == CULL_OK;
            }
            if (answered) {
                numbers->at[kept++] = numbers->at[i];
            }
        }
        *failed += numbers->count - kept;
        numbers->count = kept;
        status = cull__transact(store, CULL__NEED_INDEX, sweep->caller, check_gone, &gone, err);
        *bytes += status == CULL_OK ? gone.bytes : 0;
        sweep->result->bytes_exact =
            sweep->result->bytes_exact && (status != CULL_OK || gone.exact);
    }
    batch_release(&batch, store->allocator);
    return status;
}

/* --- what an earlier cycle left ----------------------------------------------------------------- */

cull_status cull__sweep_next_unfinished(cull_store *store, uint32_t from, struct cull__u32s *out,
                                        cull_error *err)
{
    cull_status status = cull__store_enter(store, CULL__NEED_INDEX, err);

    out->count = 0;
    if (status != CULL_OK) {
        return status;
    }
    while (out->count < CULL__CLAIM_BATCH && status == CULL_OK &&
           (from = cull__counts_next_zero(store->index->counts, from)) != CULL__BLOB_NONE) {
        if (cull__blob_table_state(store->index->blobs, from) == CULL__BLOB_DELETING) {
            status = cull__u32s_push(out, from);
        }
        from++;
    }
    cull__store_leave(store);
    return status == CULL_OK ? CULL_OK : cull__error_nomem(err);
}

static cull_status finish_unfinished(struct cull__sweep *sweep, uint64_t *finished, uint64_t *bytes,
                                     uint64_t *failed, cull_error *err)
{
    uint32_t from = 0;
    cull_status status = CULL_OK;

    *finished = 0;
    while (status == CULL_OK) {
        status = cull__sweep_next_unfinished(sweep->store, from, &sweep->numbers, err);
        if (status != CULL_OK || sweep->numbers.count == 0) {
            break;
        }
        from = sweep->numbers.at[sweep->numbers.count - 1] + 1;
        status = delete_and_gone(sweep, &sweep->numbers, failed, bytes, err);
        *finished += status == CULL_OK ? sweep->numbers.count : 0;
    }
    return status;
}

/* --- versions --------------------------------------------------------------------------------- */

/* A document goes when neither its version nor one behind it in its chain is retained; a commit that
 * comes later where one is gone writes a full manifest. */
struct purge_ctx {
    struct cull__sweep *sweep;
    cull_version_key *let_go; /* that policies still let go */
    size_t let_go_count;
    cull_version_key *expired; /* that still expire */
    size_t expired_count;
    cull_version_key *purged; /* that may still be purged */
    size_t purged_count;
    struct cull__document *documents;
    size_t document_count;
    size_t document_capacity;
    struct cull__u32s ordinals;
};

static cull_status drop_document(struct purge_ctx *purge, uint64_t id)
{
    void *documents = purge->documents;
    cull_status status =
        cull__reserve(purge->sweep->store->allocator, &documents, &purge->document_capacity,
                      purge->document_count + 1, sizeof *purge->documents);

    purge->documents = documents;
    if (status == CULL_OK) {
        purge->documents[purge->document_count++] = (struct cull__document){ .id = id };
    }
    return status;
}

/* Drop the manifests of a chain behind its last retained version, if one that is purged now is among
 * them. */
static cull_status drop_chain(struct purge_ctx *purge, const struct cull__collection *collection,
                              uint32_t first, uint32_t end)
{
    cull_status status = CULL_OK;
    uint32_t keep_end = first;
    bool any = false;

    for (uint32_t ordinal = first; ordinal < end; ordinal++) {
        if (cull__version_at(collection, ordinal) == NULL) {
            continue; /* was purged before */
        }
        any = true;
        if (!cull__version_keys_have(purge->purged, purge->purged_count, collection->id, ordinal)) {
            keep_end = ordinal + 1;
            any = false;
        }
    }
    for (uint32_t ordinal = keep_end; any && ordinal < end && status == CULL_OK; ordinal++) {
        status = drop_document(purge, cull__manifest_document(collection->id, ordinal));
    }
    return status;
}

/* *err is filled unless there is no memory. */
static cull_status drop_documents(struct purge_ctx *purge, cull_error *err)
{
    cull_store *store = purge->sweep->store;
    cull_status status = CULL_OK;
    uint64_t collection = 0;
    uint32_t end = 0; /* of the chain in that collection that was looked at last */

    purge->document_count = 0;
    for (size_t i = 0; i < purge->purged_count && status == CULL_OK; i++) {
        const cull_version_key *key = &purge->purged[i];
        const struct cull__collection *of = cull__key_collection(store, key);
        uint32_t first = 0;

        status = drop_document(purge, cull__notes_document(key->collection, key->ordinal));
        if (status != CULL_OK || (key->collection == collection && key->ordinal < end)) {
            continue;
        }
        collection = key->collection;
        status = cull__chain_extent(store, collection, key->ordinal, of->next_ordinal, &first, &end,
                                    err);
        if (status == CULL_OK) {
            status = drop_chain(purge, of, first, end);
        }
    }
    return status;
}

/* Those that policies let go by the plan, and do so now as well. */
static cull_status recheck_policies(struct purge_ctx *purge, uint64_t now_ms)
{
    const cull_store *store = purge->sweep->store;
    const cull_plan *plan = purge->sweep->plan;
    cull_version_key *now = NULL;
    size_t capacity = 0;
    uint64_t count = 0;
    uint64_t refused = 0;
    cull_status status = CULL_OK;

    purge->let_go_count = 0;
    if (plan->info.let_go > 0) {
        status = cull__policies_take(store, now_ms, &now, &capacity, &count, &refused);
    }
    for (size_t i = 0; i < plan->info.let_go && status == CULL_OK; i++) {
        if (cull__version_keys_have(now, (size_t)count, plan->let_go[i].collection,
                                    plan->let_go[i].ordinal)) {
            purge->let_go[purge->let_go_count++] = plan->let_go[i];
        }
    }
    cull__free(store->allocator, now);
    return status;
}

/* Is a version of the plan soft-deleted by this transaction? */
static bool goes_now(const struct purge_ctx *purge, const cull_version_key *key)
{
    return cull__version_keys_have(purge->expired, purge->expired_count, key->collection,
                                   key->ordinal) ||
           cull__version_keys_have(purge->let_go, purge->let_go_count, key->collection,
                                   key->ordinal);
}

/* Those of the plan that hold now as well. */
static void recheck_versions(struct purge_ctx *purge, uint64_t now_ms)
{
    const struct cull__sweep *sweep = purge->sweep;
    const cull_plan *plan = sweep->plan;
    bool at_once = sweep->store->settings.grace_ms == 0 ||
                   (sweep->options->allow_shorter_grace && sweep->options->grace_ms == 0);

    purge->expired_count = purge->purged_count = 0;
    for (size_t i = 0; i < plan->info.expired; i++) {
        const struct cull__version *version = cull__key_version(sweep->store, &plan->expired[i]);
        uint64_t expires_ms =
            version == NULL || version->state != CULL_VERSION_COMMITTED
                ? 0
                : cull__expires_ms(cull__key_collection(sweep->store, &plan->expired[i]), version);

        if (expires_ms != 0 && expires_ms <= now_ms) {
            purge->expired[purge->expired_count++] = plan->expired[i];
        }
    }
    for (size_t i = 0; i < plan->info.versions; i++) {
        const struct cull__version *version = cull__key_version(sweep->store, &plan->purged[i]);
        bool goes = at_once && goes_now(purge, &plan->purged[i]);

        if (version != NULL && (cull__plan_takes(version, sweep->options, now_ms, 0) ||
                                (goes && version->base_pins == 0))) {
            purge->purged[purge->purged_count++] = plan->purged[i];
        }
    }
}

static cull_status check_purge(struct cull__txn *txn, void *ctx, cull_error *err)
{
    struct purge_ctx *purge = ctx;
    struct cull__fact verified = { .type = CULL__FACT_VERIFIED, .id = purge->sweep->cycle };
    uint64_t grace_ms = txn->store->settings.grace_ms;
    uint64_t until_ms = grace_ms > UINT64_MAX - txn->now_ms ? UINT64_MAX : txn->now_ms + grace_ms;
    cull_status status = cull__sweep_check_fence(purge->sweep, err);

    if (status != CULL_OK) {
        return status;
    }
    if (purge->sweep->plan->info.verified_full) {
        cull__txn_add(txn, &verified);
    }
    status = recheck_policies(purge, txn->now_ms);
    if (status == CULL_OK) {
        recheck_versions(purge, txn->now_ms);
        status = drop_documents(purge, err);
    }
    if (status != CULL_OK) {
        return status == CULL_E_NOMEM ? cull__error_nomem(err) : status;
    }
    cull__add_by_collection(txn, CULL__FACT_DELETE, purge->let_go, purge->let_go_count, until_ms,
                            CULL_REASON_POLICY, &purge->ordinals, &status);
    cull__add_by_collection(txn, CULL__FACT_DELETE, purge->expired, purge->expired_count, until_ms,
                            CULL_REASON_TTL, &purge->ordinals, &status);
    cull__add_by_collection(txn, CULL__FACT_PURGE, purge->purged, purge->purged_count, 0, 0,
                            &purge->ordinals, &status);
    txn->documents = purge->documents;
    txn->document_count = purge->document_count;
    return status == CULL_OK ? CULL_OK : cull__error_nomem(err);
}

cull_status cull__sweep_purge(struct cull__sweep *sweep, cull_error *err)
{
    const cull_allocator *allocator = sweep->store->allocator;
    const cull_plan_info *info = &sweep->plan->info;
    struct purge_ctx purge = { .sweep = sweep };
    cull_status status = CULL_OK;

    purge.ordinals = (struct cull__u32s)CULL__U32S_INIT(allocator);
    purge.let_go = cull__alloc(allocator, (size_t)info->let_go, sizeof *purge.let_go);
    purge.expired = cull__alloc(allocator, (size_t)info->expired, sizeof *purge.expired);
    purge.purged = cull__alloc(allocator, (size_t)info->versions, sizeof *purge.purged);
    if (purge.let_go == NULL || purge.expired == NULL || purge.purged == NULL) {
        status = cull__error_nomem(err);
    } else {
        status =
            cull__transact(sweep->store, CULL__NEED_INDEX, sweep->caller, check_purge, &purge, err);
    }
    if (status == CULL_OK) {
        sweep->result->versions_let_go = purge.let_go_count;
        sweep->result->versions_expired = purge.expired_count;
        sweep->result->versions_purged = purge.purged_count;
    }
    cull__free(allocator, purge.let_go);
    cull__free(allocator, purge.expired);
    cull__free(allocator, purge.purged);
    cull__free(allocator, purge.documents);
    cull__u32s_release(&purge.ordinals);
    return status;
}

/* --- blobs ------------------------------------------------------------------------------------ */

bool cull__sweep_goes_on(struct cull__sweep *sweep, cull_status *status, cull_error *err)
{
    cull_plan *plan = sweep->plan;

    if (*status != CULL_OK || sweep->next < plan->info.listed) {
        return *status == CULL_OK;
    }
    if (sweep->passed + sweep->next >= plan->info.blobs || plan->info.listed == 0) {
        return false; /* all that was planned; what has died since is for the next cycle */
    }
    *status = cull__store_enter(sweep->store, CULL__NEED_INDEX, err);
    if (*status == CULL_OK) {
        *status = cull__plan_next_pass(plan, sweep->store, err);
        cull__store_leave(sweep->store);
        sweep->passed += sweep->next;
        sweep->next = 0;
    }
    return *status == CULL_OK && plan->info.listed > 0;
}

void cull__sweep_bound(struct cull__sweep *sweep)
{
    const cull_gc_options *options = sweep->options;
    const cull_gc_result *result = sweep->result;
    uint64_t bytes = result->bytes_freed;
    uint64_t deletes = result->blobs_deleted;

    sweep->end = sweep->next;
    while (sweep->end < sweep->plan->info.listed && sweep->end - sweep->next < CULL__CLAIM_BATCH) {
        const struct cull__plan_blob *blob = &sweep->plan->blobs[sweep->end];
        uint64_t size_bytes = blob->sent ? cull__known_size(blob->size_bytes) : 0;

        if ((options->max_deletes > 0 && deletes >= options->max_deletes) ||
            (options->max_bytes > 0 &&
             (bytes > options->max_bytes || size_bytes > options->max_bytes - bytes))) {
            break;
        }
        deletes++;
        bytes += size_bytes;
        sweep->end++;
    }
}

struct list_ctx {
    struct cull__sweep *sweep;
    uint32_t number;
};

static cull_status add_version(void *ctx, uint64_t version)
{
    struct list_ctx *list = ctx;
    struct cull__sweep *sweep = list->sweep;
    void *versions = sweep->versions;
    cull_status status = cull__reserve(sweep->store->allocator, &versions, &sweep->version_capacity,
                                       sweep->version_count + 1, sizeof *sweep->versions);

    sweep->versions = versions;
    if (status == CULL_OK) {
        sweep->versions[sweep->version_count++] =
            (struct cull__fact_version){ list->number, version };
    }
    return status;
}

/* List the exact object versions of the batch, before the claim that will name them. */
static cull_status list_versions(struct cull__sweep *sweep, cull_error *err)
{
    cull_status status = CULL_OK;

    sweep->version_count = 0;
    if (sweep->store->settings.late_deletes != CULL_LATE_VERSION_IDS ||
        sweep->store->objects == NULL) {
        return CULL_OK;
    }
    for (size_t i = sweep->next; i < sweep->end && status == CULL_OK; i++) {
        const struct cull__plan_blob *blob = &sweep->plan->blobs[i];
        const cull_object_id id = { blob->digest, blob->incarnation };
        struct list_ctx list = { sweep, blob->number };

        status = cull__objects_versions(sweep->store->objects, &id, add_version, &list, err);
        status = status == CULL_E_NOTFOUND ? CULL_OK : status;
    }
    return status;
}

/* Is the number still this blob, still there, still held by nobody? */
static bool still_dead(const cull_store *store, const struct cull__plan_blob *blob)
{
    const struct cull__index *index = store->index;
    cull_digest digest;

    if (!cull__blob_can_die(store, blob->number)) {
        return false;
    }
    cull__blob_table_digest(index->blobs, blob->number, &digest);
    return memcmp(&digest, &blob->digest, sizeof digest) == 0 &&
           cull__blob_table_incarnation(index->blobs, blob->number) == blob->incarnation &&
           cull__counts_get(index->counts, blob->number) == 0;
}

static cull_status check_claim(struct cull__txn *txn, void *ctx, cull_error *err)
{
    struct cull__sweep *sweep = ctx;
    const struct cull__index *index = txn->store->index;
    struct cull__fact claim = { .type = CULL__FACT_CLAIM, .id = sweep->cycle };
    struct cull__fact_version *versions = NULL;
    cull_status status = cull__sweep_check_fence(sweep, err);

    sweep->numbers.count = sweep->unsent.count = 0;
    for (size_t i = sweep->next; i < sweep->end && status == CULL_OK; i++) {
        uint32_t number = sweep->plan->blobs[i].number;

        if (!still_dead(txn->store, &sweep->plan->blobs[i])) {
            continue;
        }
        status = cull__u32s_push(&sweep->numbers, number);
        if (status == CULL_OK &&
            cull__blob_table_state(index->blobs, number) == CULL__BLOB_EXPECTED) {
            status = cull__u32s_push(&sweep->unsent, number);
        }
        status = status == CULL_OK ? CULL_OK : cull__error_nomem(err);
    }
    cull__u32s_sort(&sweep->numbers);
    cull__u32s_sort(&sweep->unsent);
    if (status == CULL_OK && sweep->version_count > 0) {
        versions = cull__alloc(txn->store->allocator, sweep->version_count, sizeof *versions);
        status = versions == NULL ? cull__error_nomem(err) : CULL_OK;
    }
    for (size_t i = 0; i < sweep->version_count && status == CULL_OK; i++) {
        size_t low = 0;
        size_t high = sweep->numbers.count;

        while (low < high) {
            size_t middle = low + (high - low) / 2;

            if (sweep->numbers.at[middle] < sweep->versions[i].number) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if (low < sweep->numbers.count && sweep->numbers.at[low] == sweep->versions[i].number) {
            versions[claim.version_count++] = sweep->versions[i];
        }
    }
    claim.numbers = sweep->numbers.at;
    claim.number_count = sweep->numbers.count;
    claim.versions = versions;
    if (status == CULL_OK && claim.number_count > 0) {
        cull__txn_add(txn, &claim);
    }
    cull__free(txn->store->allocator, versions);
    return status;
}

cull_status cull__sweep_claim(struct cull__sweep *sweep, cull_error *err)
{
    cull_status status = sweep->store->log->ops->leader(sweep->store->log, CULL__LEADER_CHECK, err);

    status = status == CULL_OK ? list_versions(sweep, err) : status;
    return status != CULL_OK ? status
                             : cull__transact(sweep->store, CULL__NEED_INDEX, sweep->caller,
                                              check_claim, sweep, err);
}

static bool wants_to_stop(const struct cull__sweep *sweep)
{
    return sweep->options->progress != NULL &&
           sweep->options->progress(sweep->options->progress_ctx, "delete",
                                    sweep->passed + sweep->next, sweep->plan->info.blobs);
}

static cull_status sweep_blobs(struct cull__sweep *sweep, cull_error *err)
{
    cull_status status = CULL_OK;

    while (cull__sweep_goes_on(sweep, &status, err)) {
        size_t claimed;

        if (wants_to_stop(sweep)) {
            sweep->result->limit = true;
            return cull__error_set(err, CULL_E_CANCELLED, "stopped between two batches");
        }
        cull__sweep_bound(sweep);
        if (sweep->end == sweep->next) {
            sweep->result->limit = true; /* not before: what was rescued takes no one's place */
            break;
        }
        status = cull__sweep_claim(sweep, err);
        claimed = sweep->numbers.count;
        if (status == CULL_OK && claimed > 0) {
            status = delete_and_gone(sweep, &sweep->numbers, &sweep->result->blobs_failed,
                                     &sweep->result->bytes_freed, err);
            sweep->result->blobs_deleted += status == CULL_OK ? sweep->numbers.count : 0;
        }
        if (status == CULL_OK) {
            sweep->result->blobs_rescued += sweep->end - sweep->next - claimed;
            sweep->next = sweep->end;
        }
    }
    return status;
}

/* --- the calls -------------------------------------------------------------------------------- */

static cull_status run_cycle(struct cull__sweep *sweep, cull_error *err)
{
    cull_gc_result *result = sweep->result;
    cull_status status = cull__sweep_begin(sweep, err);

    result->cycle = sweep->cycle;
    if (status == CULL_OK) {
        status = finish_unfinished(sweep, &result->blobs_finished, &result->bytes_freed,
                                   &result->blobs_failed, err);
        result->blobs_deleted = result->blobs_finished;
    }
    if (status == CULL_OK) {
        status = cull__sweep_purge(sweep, err);
    }
    if (status == CULL_OK) {
        status = sweep_blobs(sweep, err);
    }
    if (status == CULL_OK) { /* no reason to fail: the next cycle cleans as well */
        (void)cull__clean_staged(sweep->store, sweep->caller, NULL);
    }
    if (status == CULL_OK && result->blobs_failed > 0) {
        status = cull__error_set(err, CULL_E_PARTIAL,
                                 "%llu object%s could not be deleted; the next cycle tries again; "
                                 "the first: %.300s",
                                 (unsigned long long)result->blobs_failed,
                                 result->blobs_failed == 1 ? "" : "s", sweep->failure.message);
    }
    return status;
}

/* Version ids protect an upload only where each has its own: not where versioning is suspended. */
static cull_status check_versioning(const cull_store *store, cull_error *err)
{
    cull_versioning state = CULL_VERSIONING_ENABLED;
    cull_status status = CULL_OK;

    if (store->settings.late_deletes == CULL_LATE_VERSION_IDS) {
        status = cull__objects_versioning(store->objects, &state, err);
    }
    if (status == CULL_OK && state != CULL_VERSIONING_ENABLED) {
        status =
            cull__error_set(err, CULL_E_REFUSED, "object store %s: its versioning is %s: enable it",
                            cull__objects_name(store->objects),
                            state == CULL_VERSIONING_SUSPENDED ? "suspended" : "off");
    }
    return status;
}

/* Is the object store of the kind that the store was made for, and does what it counts on hold? */
static cull_status check_late_deletes(const cull_store *store, cull_error *err)
{
    if (store->settings.late_deletes == CULL_LATE_UNSAFE ||
        cull__objects_late_deletes(store->objects) != store->settings.late_deletes) {
        return cull__error_set(err, CULL_E_REFUSED,
                               "object store %s: cannot say why a late delete is harmless, or "
                               "says other than when the store was made: "
                               "--allow-late-deletes overrides",
                               cull__objects_name(store->objects));
    }
    return check_versioning(store, err);
}

static cull_status check_execute(cull_store *store, const cull_plan *plan,
                                 const cull_gc_options *options, cull_error *err)
{
    cull_status status;

    if (plan->executed) {
        return cull__error_set(err, CULL_E_REFUSED, "this plan was executed before");
    }
    if (plan->info.refusal != NULL) {
        return cull__error_set(err, CULL_E_REFUSED, "%s", plan->info.refusal);
    }
    if (store->settings.index_only) {
        return cull__error_set(
            err, CULL_E_REFUSED,
            "the store keeps no objects: cull gc --list says what is free to go");
    }
    if (store->objects == NULL) {
        return cull__error_set(err, CULL_E_REFUSED, "no object store was given");
    }
    status = cull_gc_gate(store, options, err); /* as it is now */
    return status != CULL_OK || options->allow_late_deletes ? status
                                                            : check_late_deletes(store, err);
}

void cull__sweep_release(struct cull__sweep *sweep)
{
    cull__u32s_release(&sweep->numbers);
    cull__u32s_release(&sweep->unsent);
    cull__free(sweep->store->allocator, sweep->versions);
}

cull_status cull_gc_execute(cull_store *store, cull_plan *plan, const cull_gc_options *options,
                            const cull_caller *caller, cull_gc_result *out, cull_error *err)
{
    struct cull__sweep sweep = {
        .store = store, .plan = plan, .options = options, .caller = caller, .result = out
    };
    uint64_t begun = options->clock_ns == NULL ? 0 : options->clock_ns(options->clock_ctx);
    cull_status status = check_execute(store, plan, options, err);

    *out = (cull_gc_result){ .bytes_exact = true };
    sweep.numbers = sweep.unsent = (struct cull__u32s)CULL__U32S_INIT(store->allocator);
    if (status == CULL_OK) {
        status = cull__check_collector(store, caller, options->allow_shorter_grace, err);
    }
    if (status != CULL_OK) {
        return status;
    }
    status = cull__collector_begin(store, err);
    if (status != CULL_OK) {
        return status;
    }
    plan->executed = true;
    status = run_cycle(&sweep, err);
    cull__collector_end(store);
    if (options->clock_ns != NULL) {
        out->sweep_ns = options->clock_ns(options->clock_ctx) - begun;
    }
    if (cull_store_refresh(store, &out->seq, NULL) != CULL_OK) {
        out->seq = plan->info.seq;
    }
    cull__sweep_release(&sweep);
    return status;
}

cull_status cull_gc_finish(cull_store *store, const cull_caller *caller, uint64_t *finished,
                           cull_error *err)
{
    cull_gc_result result = { 0 };
    struct cull__sweep sweep = { .store = store, .caller = caller, .result = &result };
    uint64_t bytes = 0;
    uint64_t failed = 0;
    cull_status status;

    *finished = 0;
    if (store->objects == NULL) {
        return cull__error_set(err, CULL_E_REFUSED, "the store keeps no objects");
    }
    status = check_late_deletes(store, err);
    if (status == CULL_OK) {
        status = cull__collector_begin(store, err);
    }
    if (status != CULL_OK) {
        return status;
    }
    sweep.numbers = sweep.unsent = (struct cull__u32s)CULL__U32S_INIT(store->allocator);
    status = cull__sweep_begin(&sweep, err);
    if (status == CULL_OK) {
        status = finish_unfinished(&sweep, finished, &bytes, &failed, err);
    }
    if (status == CULL_OK && failed > 0) {
        status = cull__error_set(err, CULL_E_PARTIAL, "%llu objects could not be deleted",
                                 (unsigned long long)failed);
    }
    cull__collector_end(store);
    cull__sweep_release(&sweep);
    return status;
}
