/*
 * hand_over.c - garbage collection where the caller keeps the content: list, confirm, release.
 *
 * SHAPE     The cycle is sweep.c's up to the claim; deleting is the caller's, and what it says
 *           afterwards becomes GONE, or RELEASE: LIVE again, dead until somebody names it.
 * INVARIANT A digest is told only after its claim is durable, so that nobody can name it in between.
 *           What is told was held by a version once, or somebody confirmed that its content is there
 *           because of the store. A blob that an upload only named, as an import does that is then
 *           refused, interrupted, or overtaken by its lease, is still EXPECTED: its content was
 *           there before, and others may be using it. A cycle forgets such a blob, in one append,
 *           and tells nobody.
 * FAILURE   A list that was lost is made again: it holds whatever is DELETING.
 * WHY NOT   forget it as its upload ends: an abort, and whoever ends a lease, loads no blobs.
 */
#include "store/sweep.h"

static cull_status check_index_only(const cull_store *store, cull_error *err)
{
    return store->settings.index_only
               ? CULL_OK
               : cull__error_set(err, CULL_E_REFUSED,
                                 "the store keeps its objects: cull gc deletes them itself");
}

/* EXPECTED blobs that nobody pins any more, a batch of them: claimed and gone at once. */
static cull_status check_forget(struct cull__txn *txn, void *ctx, cull_error *err)
{
    struct cull__sweep *sweep = ctx;
    const struct cull__index *index = txn->store->index;
    struct cull__fact fact = { .type = CULL__FACT_CLAIM, .id = sweep->cycle };
    uint32_t number = 0;
    cull_status status = cull__sweep_check_fence(sweep, err);

    sweep->numbers.count = 0;
    while (status == CULL_OK && sweep->numbers.count < CULL__PUT_BATCH &&
           (number = cull__counts_next_zero(index->counts, number)) != CULL__BLOB_NONE) {
        if (cull__blob_table_state(index->blobs, number) == CULL__BLOB_EXPECTED &&
            cull__u32s_push(&sweep->numbers, number) != CULL_OK) {
            status = cull__error_nomem(err);
        }
        number++;
    }
    if (status == CULL_OK && sweep->numbers.count > 0) {
        fact.numbers = sweep->numbers.at;
        fact.number_count = sweep->numbers.count;
        cull__txn_add(txn, &fact);
        fact.type = CULL__FACT_GONE;
        cull__txn_add(txn, &fact);
    }
    return status;
}

static cull_status forget_all(struct cull__sweep *sweep, cull_error *err)
{
    cull_status status;

    do {
        status =
            cull__transact(sweep->store, CULL__NEED_INDEX, sweep->caller, check_forget, sweep, err);
    } while (status == CULL_OK && sweep->numbers.count > 0);
    return status;
}

/* Claim the plan's blobs, batch by batch. */
static cull_status claim_all(struct cull__sweep *sweep, cull_error *err)
{
    cull_status status = CULL_OK;

    while (cull__sweep_goes_on(sweep, &status, err)) {
        cull__sweep_bound(sweep);
        if (sweep->end == sweep->next) {
            break; /* at a limit */
        }
        status = cull__sweep_claim(sweep, err);
        if (status == CULL_OK) {
            for (size_t i = sweep->next; i < sweep->end; i++) { /* towards max_bytes */
                sweep->result->bytes_freed += cull__known_size(sweep->plan->blobs[i].size_bytes);
            }
            sweep->result->blobs_deleted += sweep->numbers.count;
            sweep->result->blobs_rescued += sweep->end - sweep->next - sweep->numbers.count;
            sweep->next = sweep->end;
        }
    }
    return status;
}

/* Tell of a batch outside the handle's lock; its numbers stay DELETING, we are the collector. */
static cull_status tell_batch(struct cull__sweep *sweep, cull_free_visit_fn visit, void *ctx,
                              cull_error *err)
{
    cull_blob_ref *blobs =
        cull__alloc_zero(sweep->store->allocator, sweep->numbers.count, sizeof *blobs);
    cull_status status = blobs == NULL ? cull__error_nomem(err)
                                       : cull__store_enter(sweep->store, CULL__NEED_INDEX, err);

    if (status == CULL_OK) {
        for (size_t i = 0; i < sweep->numbers.count; i++) {
            const struct cull__blob_table *table = sweep->store->index->blobs;

            cull__blob_table_digest(table, sweep->numbers.at[i], &blobs[i].digest);
            blobs[i].size_bytes = cull__blob_table_size(table, sweep->numbers.at[i]);
        }
        cull__store_leave(sweep->store);
    }
    for (size_t i = 0; i < sweep->numbers.count && status == CULL_OK; i++) {
        status = visit(ctx, &blobs[i]);
        sweep->result->blobs_deleted++;
        sweep->result->bytes_freed += cull__known_size(blobs[i].size_bytes);
        sweep->result->bytes_exact =
            sweep->result->bytes_exact && blobs[i].size_bytes != CULL_SIZE_UNKNOWN;
    }
    cull__free(sweep->store->allocator, blobs);
    return status;
}

static cull_status tell_all(struct cull__sweep *sweep, cull_free_visit_fn visit, void *ctx,
                            cull_error *err)
{
    uint32_t from = 0;
    cull_status status = CULL_OK;

    sweep->result->blobs_deleted = sweep->result->bytes_freed = 0; /* counted as they are told */
    while (status == CULL_OK) {
        status = cull__sweep_next_unfinished(sweep->store, from, &sweep->numbers, err);
        if (status != CULL_OK || sweep->numbers.count == 0) {
            break;
        }
        from = sweep->numbers.at[sweep->numbers.count - 1] + 1;
        status = tell_batch(sweep, visit, ctx, err);
    }
    return status;
}

cull_status cull_gc_list(cull_store *store, cull_plan *plan, const cull_gc_options *options,
                         const cull_caller *caller, cull_free_visit_fn visit, void *ctx,
                         cull_gc_result *out, cull_error *err)
{
    struct cull__sweep sweep = {
        .store = store, .plan = plan, .options = options, .caller = caller, .result = out
    };
    cull_status status = check_index_only(store, err);

    *out = (cull_gc_result){ .bytes_exact = true };
    sweep.numbers = sweep.unsent = (struct cull__u32s)CULL__U32S_INIT(store->allocator);
    if (status == CULL_OK && (plan->executed || plan->info.refusal != NULL)) {
        status =
            cull__error_set(err, CULL_E_REFUSED, "%s",
                            plan->executed ? "this plan was executed before" : plan->info.refusal);
    }
    status = status == CULL_OK ? cull_gc_gate(store, options, err) : status;
    if (status == CULL_OK) {
        status = cull__check_collector(store, caller, options->allow_shorter_grace, err);
    }
    if (status == CULL_OK) {
        status = cull__collector_begin(store, err);
    }
    if (status != CULL_OK) {
        return status;
    }
    plan->executed = true;
    status = cull__sweep_begin(&sweep, err);
    out->cycle = sweep.cycle;
    status = status == CULL_OK ? cull__sweep_purge(&sweep, err) : status;
    status = status == CULL_OK ? forget_all(&sweep, err) : status;
    status = status == CULL_OK ? claim_all(&sweep, err) : status;
    status = status == CULL_OK ? tell_all(&sweep, visit, ctx, err) : status;
    cull__collector_end(store);
    if (cull_store_refresh(store, &out->seq, NULL) != CULL_OK) {
        out->seq = plan->info.seq;
    }
    cull__sweep_release(&sweep);
    return status;
}

/* --- what the caller says afterwards ------------------------------------------------------------ */

struct answer_ctx {
    struct cull__sweep *sweep;
    enum cull__fact_type type; /* GONE or RELEASE */
    const cull_digest *digests;
    size_t count;
    uint32_t numbers[CULL__CLAIM_BATCH];
    size_t found;
};

/* Those of the batch that are being deleted get the fact; the others are passed over. */
static cull_status check_answer(struct cull__txn *txn, void *ctx, cull_error *err)
{
    struct answer_ctx *answer = ctx;
    const struct cull__index *index = txn->store->index;
    struct cull__fact fact = { .type = answer->type, .id = answer->sweep->cycle };
    struct cull__u32s list = CULL__U32S_INIT(txn->store->allocator);
    cull_status status = cull__sweep_check_fence(answer->sweep, err);

    if (status == CULL_OK && cull__blob_table_find(index->blobs, answer->digests, answer->count,
                                                   answer->numbers) != CULL_OK) {
        status = cull__error_nomem(err);
    }
    for (size_t i = 0; i < answer->count && status == CULL_OK; i++) {
        if (answer->numbers[i] != CULL__BLOB_NONE &&
            cull__blob_table_state(index->blobs, answer->numbers[i]) == CULL__BLOB_DELETING &&
            cull__u32s_push(&list, answer->numbers[i]) != CULL_OK) {
            status = cull__error_nomem(err);
        }
    }
    if (status == CULL_OK && list.count > 0) {
        answer->found = fact.number_count = cull__numbers_unique(&list);
        fact.numbers = list.at;
        cull__txn_add(txn, &fact);
    } else {
        answer->found = 0;
    }
    cull__u32s_release(&list);
    return status;
}

static cull_status answer_all(cull_store *store, enum cull__fact_type type,
                              const cull_digest *digests, size_t count, const cull_caller *caller,
                              uint64_t *done, cull_error *err)
{
    cull_gc_result result = { 0 };
    struct cull__sweep sweep = { .store = store, .caller = caller, .result = &result };
    struct answer_ctx answer = { .sweep = &sweep, .type = type };
    cull_status status = check_index_only(store, err);

    *done = 0;
    if (status == CULL_OK) {
        status = cull__check_collector(store, caller, false, err);
    }
    if (status == CULL_OK) {
        status = cull__collector_begin(store, err);
    }
    if (status != CULL_OK) {
        return status;
    }
    status = cull__sweep_begin(&sweep, err);
    for (size_t at = 0; at < count && status == CULL_OK; at += answer.count) {
        answer.digests = digests + at;
        answer.count = count - at < CULL__CLAIM_BATCH ? count - at : CULL__CLAIM_BATCH;
        status = cull__transact(store, CULL__NEED_INDEX, caller, check_answer, &answer, err);
        *done += status == CULL_OK ? answer.found : 0;
    }
    cull__collector_end(store);
    return status;
}

cull_status cull_gc_confirm(cull_store *store, const cull_digest *digests, size_t count,
                            const cull_caller *caller, uint64_t *confirmed, cull_error *err)
{
    return answer_all(store, CULL__FACT_GONE, digests, count, caller, confirmed, err);
}

cull_status cull_gc_release(cull_store *store, const cull_digest *digests, size_t count,
                            const cull_caller *caller, uint64_t *released, cull_error *err)
{
    return answer_all(store, CULL__FACT_RELEASE, digests, count, caller, released, err);
}
