/*
 * verify_beside.c - verification while others have the handle: in pieces, of sums.
 *
 * SHAPE     Counts, lifespans and pins are sums as well as tables (index.h, held hash): the tables are
 *           summed again, and must make what was kept as facts came; the kept sums must make each
 *           other. An ordinary cycle looks at the groups and rows that changed since they were last
 *           looked at; a full one at every count, every row, and every version's fingerprint. Whoever
 *           waits for the handle has it between two pieces of some thousand rows.
 * INVARIANT Whatever is compared was read without letting the handle go in between, or is known not to
 *           have changed (pass.c). Nothing is deleted if anything disagrees.
 * COST      Ordinary: about 1 ns a changed row. Full: 1 ns a blob, 10 to 15 ns a lifespan, of which
 *           threads take their parts; 16 bytes a version of one collection and thread.
 * FAILURE   A sum does not say which blob: when one disagrees, the exact verification (verify.c)
 *           names it, under the lock, for nothing else matters then.
 * THREADS   Started for a piece, and joined before the handle is let go.
 * WHY NOT   The exact verification each time: it keeps every writer waiting for as long as it takes.
 */
#include "store/store_internal.h"

#include "base/thread.h"

#define BLOBS_A_PIECE 32768 /* about 50 us */
#define OPEN_TURNS 8        /* commits that may break into one pass over open rows */

struct beside {
    cull_store *store;
    unsigned threads;
};

/* What one thread does of a piece. */
struct part {
    struct cull__pass *pass;
    cull_store *store;
    bool hasten; /* others have broken in too often: they wait */
    unsigned worker;
    enum cull__pass_state end;
};

bool cull__sums_agree(const struct cull__index *index)
{
    return cull__counts_sum(index->counts) == index->spans_sum + index->pins_sum;
}

cull_status cull__verify_name(cull_store *store, cull_error *err)
{
    cull_status status = cull__verify(store, true, NULL, NULL, err);

    return status != CULL_OK
               ? status
               : cull__error_set(
                     err, CULL_E_DAMAGED,
                     "counts or lifespans, or the sums of blobs that are kept of them, have "
                     "changed by themselves: nothing is deleted; run cull fsck");
}

/* --- one collection ---------------------------------------------------------------------------- */

static void *run_part(void *ctx)
{
    struct part *part = ctx;

    part->end = cull__pass_run(part->pass, part->store->index->blobs, part->worker,
                               part->hasten ? NULL : cull__store_awaited, part->store);
    return NULL;
}

/* One piece, by as many threads as it is worth. */
static enum cull__pass_state run_piece(const struct beside *beside, struct cull__pass *pass,
                                       bool hasten)
{
    struct part parts[CULL__PASS_WORKERS];
    pthread_t threads[CULL__PASS_WORKERS];
    bool started[CULL__PASS_WORKERS] = { false };
    unsigned count = cull__pass_workers(pass);

    parts[0] = (struct part){ pass, beside->store, hasten, 0, CULL__PASS_DONE };
    for (unsigned i = 1; i < count; i++) {
        parts[i] = (struct part){ pass, beside->store, hasten, i, CULL__PASS_DONE };
        started[i] = cull__thread_start(&threads[i], run_part, &parts[i]);
    }
    (void)run_part(&parts[0]);
    for (unsigned i = 1; i < count; i++) {
        if (started[i]) {
            (void)pthread_join(threads[i], NULL);
        } else { /* no thread was to be had: it may be inside of a group that nobody else goes on with */
            (void)run_part(&parts[i]);
        }
    }
    return cull__pass_join(pass);
}

/* Does the catalog retain what the lifespans retain, and do the fingerprints of both agree? */
static bool catalog_agrees(const struct cull__collection *collection,
                           const struct cull__lifespans *spans,
                           const struct cull__fingerprint *prints, uint32_t versions)
{
    if (cull__lifespans_versions(spans) != collection->next_ordinal ||
        cull__lifespans_retained_count(spans) != collection->version_count) {
        return false;
    }
    for (size_t i = 0; i < collection->version_count; i++) {
        const struct cull__version *version = &collection->versions[i];

        if (!cull__lifespans_retained(spans, version->ordinal) ||
            (version->ordinal < versions && (prints[version->ordinal].count != version->blobs ||
                                             prints[version->ordinal].sum != version->sum))) {
            return false;
        }
    }
    return true;
}

/* The rest of a pass; CULL_E_MOVED: a purge came in between, or the index was loaded again. */
static cull_status run_pass(const struct beside *beside, struct cull__pass *pass, uint64_t id)
{
    cull_store *store = beside->store;
    const struct cull__fingerprint *prints;
    const struct cull__collection *collection;
    struct cull__lifespans *spans;
    uint32_t versions;
    enum cull__pass_state end = CULL__PASS_STOPPED;

    while (end == CULL__PASS_STOPPED) {
        bool hasten = cull__pass_turns(pass) > OPEN_TURNS;

        end = run_piece(beside, pass, hasten);
        if (end == CULL__PASS_STOPPED && !hasten && cull__store_awaited(store) &&
            (!cull__store_yield(store) ||
             !cull__pass_resume(pass, cull__index_spans(store->index, id)))) {
            return CULL_E_MOVED;
        }
    }
    if (end == CULL__PASS_DISAGREES) {
        return CULL_E_DAMAGED;
    }
    collection = cull__collection_by_id(store->catalog, id);
    spans = cull__index_spans(store->index, id);
    prints = cull__pass_end(pass, spans, &versions);
    return collection != NULL && catalog_agrees(collection, spans, prints, versions)
               ? CULL_OK
               : CULL_E_DAMAGED;
}

static cull_status verify_collection(const struct beside *beside, uint64_t id,
                                     const struct cull__lifespans *spans)
{
    struct cull__pass *pass;
    cull_status status = cull__pass_begin(&pass, spans, beside->threads, beside->store->allocator);

    if (status == CULL_OK) {
        status = run_pass(beside, pass, id);
        cull__pass_free(pass);
    }
    return status;
}

/* --- the store ---------------------------------------------------------------------------------- */

/* Every count, and that what is held is there. */
static cull_status verify_counts(cull_store *store)
{
    uint64_t from = 0;

    while (from < cull__blob_table_limit(store->index->blobs)) {
        const struct cull__index *index = store->index;
        uint32_t limit = cull__blob_table_limit(index->blobs);
        uint32_t end = limit - from < BLOBS_A_PIECE ? limit : (uint32_t)from + BLOBS_A_PIECE;

        if (cull__counts_broken(index->counts, (uint32_t)from, end) != CULL__BLOB_NONE) {
            return CULL_E_DAMAGED;
        }
        for (uint32_t number = (uint32_t)from; number < end; number++) {
            enum cull__blob_state state = cull__blob_table_state(index->blobs, number);

            if (state != CULL__BLOB_LIVE && state != CULL__BLOB_EXPECTED &&
                cull__counts_get(index->counts, number) > 0) {
                return CULL_E_DAMAGED;
            }
        }
        from += BLOBS_A_PIECE; /* what was given a number behind it since is new */
        if (cull__store_awaited(store) && !cull__store_yield(store)) {
            return CULL_E_MOVED;
        }
    }
    return cull__counts_sums_agree(store->index->counts) ? CULL_OK : CULL_E_DAMAGED;
}

static cull_status verify_collections(const struct beside *beside, bool full)
{
    cull_store *store = beside->store;
    const struct cull__spans_entry *entry;
    uint64_t looked_at = 0;
    uint64_t retained = 0;
    uint64_t sum = 0;
    uint64_t id = 0;
    cull_status status = CULL_OK;

    for (size_t i = 0; full && i < store->index->span_count; i++) {
        sum += cull__lifespans_sum(store->index->spans[i].spans);
        retained += cull__lifespans_retained_count(store->index->spans[i].spans);
    }
    if (full && (sum != store->index->spans_sum || retained != store->catalog->retained)) {
        return CULL_E_DAMAGED;
    }
    while (status == CULL_OK && (entry = cull__index_spans_after(store->index, id)) != NULL) {
        id = entry->collection;
        if (full) {
            status = verify_collection(beside, id, entry->spans);
        } else if (cull__lifespans_changed(entry->spans) &&
                   !cull__lifespans_recheck(entry->spans, &looked_at)) {
            status = CULL_E_DAMAGED;
        }
        if (status == CULL_OK && cull__store_awaited(store) && !cull__store_yield(store)) {
            status = CULL_E_MOVED;
        }
    }
    return status;
}

static cull_status verify_all(const struct beside *beside, bool full)
{
    cull_status status = cull__sums_agree(beside->store->index) ? CULL_OK : CULL_E_DAMAGED;

    if (status == CULL_OK && full) {
        status = verify_counts(beside->store);
    }
    return status == CULL_OK ? verify_collections(beside, full) : status;
}

cull_status cull__verify_beside(cull_store *store, bool full, unsigned threads, cull_error *err)
{
    const struct beside beside = { store, threads < 1                    ? 1
                                          : threads < CULL__PASS_WORKERS ? threads
                                                                         : CULL__PASS_WORKERS };
    cull_status status = CULL_E_MOVED;

    for (int turn = 0; turn < CULL__TURNS && status == CULL_E_MOVED; turn++) {
        if (turn > 0 && (status = cull__store_enter(store, CULL__NEED_INDEX, err)) != CULL_OK) {
            return status;
        }
        status = verify_all(&beside, full);
        if (status == CULL_E_DAMAGED) {
            status = cull__verify_name(store, err);
        } else if (status == CULL_E_NOMEM) {
            status = cull__error_nomem(err);
        }
        cull__store_leave(store);
    }
    return status == CULL_E_MOVED
               ? cull__error_set(
                     err, CULL_E_BUSY,
                     "other cycles purged %d times while this one was verified: try again",
                     CULL__TURNS)
               : status;
}
