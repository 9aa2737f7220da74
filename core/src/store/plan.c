/*
 * plan.c - what a cycle would delete: pure in (log position, time, options).
 *
 * SHAPE     1. versions: those that policies let go, due soft-deletes, expired TTLs. 2. what
 *           would die: lifespans that only these versions cross, and pins of uploads whose lease is over, each taking one from its
 *           blob's count; with the blobs whose count is 0 already. 3. verification, at once: what the
 *           purges would leave by the rule of the mark is what was kept less what was taken; all
 *           counts together are all lifespans and pins; the counts of the dead are as they were
 *           made. 4. verification, beside others (verify_beside.c): what changed since the last
 *           time, or everything.
 * INVARIANT The plan is a function of the state, time and options: two at one position are equal.
 * COST      Follows the versions that a cycle must look at, what they kill, and what has changed since
 *           the last plan; not the store. A full verification looks at everything.
 * FAILURE   A disagreement is CULL_E_DAMAGED and names a blob or version; no plan is made.
 * WHY NOT   purging first and counting after: a plan that is only known by executing it cannot be
 *           shown, verified, or refused.
 */
#include "store/plan.h"

#include <stdio.h>
#include <stdlib.h>

struct planner {
    cull_store *store;
    const cull_gc_options *options;
    uint64_t now_ms;
    cull_plan *plan;
    struct cull__u32s taken; /* blobs, one row for each one taken from a count; sorted */
    struct cull__u32s dead;  /* as many as may be listed */
    uint64_t dead_count;     /* in all */
    size_t taken_max;        /* rows, in one range of blobs */
    uint64_t taken_sum;      /* held hashes of what lifespans take */
    uint64_t asked_sum;      /* the same, asked by the rule of the mark */
};

#define RANGE_MIN 4096 /* blobs: a range is never smaller, whatever it holds */

struct cull__version *cull__key_version(const cull_store *store, const cull_version_key *key)
{
    const struct cull__collection *collection = cull__key_collection(store, key);

    return collection == NULL ? NULL : cull__version_at(collection, key->ordinal);
}

static uint64_t shorter_grace(const cull_gc_options *options)
{
    return options->allow_shorter_grace ? options->grace_ms : UINT64_MAX;
}

bool cull__plan_takes(const struct cull__version *version, const cull_gc_options *options,
                      uint64_t now_ms, uint32_t released)
{
    return cull__version_due(version, now_ms, shorter_grace(options), released);
}

/* Base pins on a version by uploads whose lease is over at this instant. */
static uint32_t released_pins(const struct planner *planner,
                              const struct cull__collection *collection,
                              const struct cull__version *version)
{
    uint32_t released = 0;

    if (version->base_pins == 0) {
        return 0;
    }
    for (const struct cull__upload *upload = planner->store->catalog->uploads; upload != NULL;
         upload = upload->hh.next) {
        released += upload->collection == collection && upload->base == version->ordinal &&
                    upload->lease_until_ms <= planner->now_ms;
    }
    return released;
}

static cull_status push_key(const cull_allocator *allocator, cull_version_key **keys,
                            size_t *capacity, uint64_t *count, uint64_t collection,
                            uint32_t ordinal)
{
    void *grown = *keys;
    cull_status status =
        cull__reserve(allocator, &grown, capacity, (size_t)*count + 1, sizeof **keys);

    *keys = grown;
    if (status == CULL_OK) {
        (*keys)[(*count)++] = (cull_version_key){ collection, ordinal };
    }
    return status;
}

/* A version whose TTL is over becomes soft-deleted now, and is due at once under a grace of 0. */
static bool due_at_once(const struct planner *planner)
{
    return planner->store->settings.grace_ms == 0 ||
           (planner->options->allow_shorter_grace && planner->options->grace_ms == 0);
}

/* A version that is soft-deleted now and due at once, too. */
static cull_status take_at_once(struct planner *planner, const struct cull__collection *collection,
                                const struct cull__version *version, uint32_t released)
{
    cull_plan *plan = planner->plan;

    return due_at_once(planner) && version->base_pins == released
               ? push_key(plan->allocator, &plan->purged, &plan->purged_capacity,
                          &plan->info.versions, collection->id, version->ordinal)
               : CULL_OK;
}

/* What the policies let go: first, so that it does not expire beside. */
static cull_status take_by_policy(struct planner *planner)
{
    cull_plan *plan = planner->plan;
    cull_status status =
        cull__policies_take(planner->store, planner->now_ms, &plan->let_go, &plan->let_go_capacity,
                            &plan->info.let_go, &plan->info.policy_refused);

    for (size_t i = 0; i < plan->info.let_go && status == CULL_OK; i++) {
        const struct cull__collection *collection =
            cull__key_collection(planner->store, &plan->let_go[i]);
        const struct cull__version *version = cull__version_at(collection, plan->let_go[i].ordinal);

        status =
            take_at_once(planner, collection, version, released_pins(planner, collection, version));
    }
    return status;
}

static cull_status take_versions(struct planner *planner, const struct cull__collection *collection)
{
    cull_plan *plan = planner->plan;
    cull_status status = CULL_OK;

    for (uint32_t ordinal = cull__pending_next(collection, 0);
         ordinal != CULL__NO_ORDINAL && status == CULL_OK;
         ordinal = cull__pending_next(collection, ordinal + 1)) {
        const struct cull__version *version = cull__version_at(collection, ordinal);
        uint32_t released = released_pins(planner, collection, version);
        uint64_t expires_ms = cull__expires_ms(collection, version);
        bool expired = version->state == CULL_VERSION_COMMITTED && expires_ms != 0 &&
                       expires_ms <= planner->now_ms &&
                       !cull__version_keys_have(plan->let_go, (size_t)plan->info.let_go,
                                                collection->id, ordinal);

        if (expired) {
            status = push_key(plan->allocator, &plan->expired, &plan->expired_capacity,
                              &plan->info.expired, collection->id, version->ordinal);
            status =
                status == CULL_OK ? take_at_once(planner, collection, version, released) : status;
        } else if (cull__plan_takes(version, planner->options, planner->now_ms, released)) {
            status = push_key(plan->allocator, &plan->purged, &plan->purged_capacity,
                              &plan->info.versions, collection->id, version->ordinal);
        }
    }
    return status;
}

/* What purging the versions of one collection takes from the counts of [lo, hi); ask: by the rule of
 * the mark as well, of all blobs. */
static cull_status take_collection(struct planner *planner, uint64_t collection,
                                   const struct cull__u32s *ordinals, uint32_t lo, uint32_t hi,
                                   bool ask)
{
    const struct cull__lifespans *spans = cull__index_spans(planner->store->index, collection);
    uint64_t kept = 0;
    uint64_t after = 0;
    cull_status status = CULL_OK;

    if (spans == NULL) {
        return CULL_E_CORRUPT;
    }
    if (ask) {
        status = cull__lifespans_sum_after(spans, ordinals->at, ordinals->count, &kept, &after);
        planner->asked_sum += kept - after;
    }
    return status == CULL_OK ? cull__lifespans_would_kill_within(
                                   spans, ordinals->at, ordinals->count, lo, hi, &planner->taken)
                             : status;
}

/* What the purged versions' lifespans take from the counts of [lo, hi). */
static cull_status take_lifespans(struct planner *planner, uint32_t lo, uint32_t hi, bool ask)
{
    const cull_plan *plan = planner->plan;
    struct cull__u32s ordinals = CULL__U32S_INIT(plan->allocator);
    cull_status status = CULL_OK;

    for (size_t i = 0; i < plan->info.versions && status == CULL_OK;) {
        uint64_t collection = plan->purged[i].collection;

        ordinals.count = 0;
        for (; i < plan->info.versions && plan->purged[i].collection == collection &&
               status == CULL_OK;
             i++) {
            status = cull__u32s_push(&ordinals, plan->purged[i].ordinal);
        }
        if (status == CULL_OK) {
            status = take_collection(planner, collection, &ordinals, lo, hi, ask);
        }
    }
    cull__u32s_release(&ordinals);
    return status;
}

/* What uploads whose lease is over take from the counts of [lo, hi). */
static cull_status take_expired_pins(struct planner *planner, uint32_t lo, uint32_t hi)
{
    cull_status status = CULL_OK;

    for (const struct cull__upload *upload = planner->store->catalog->uploads;
         upload != NULL && status == CULL_OK; upload = upload->hh.next) {
        const struct cull__pins *pins = cull__index_pins(planner->store->index, upload->id);

        if (upload->lease_until_ms > planner->now_ms || pins == NULL) {
            continue;
        }
        for (size_t i = 0; i < pins->list.count && status == CULL_OK; i++) {
            if (pins->list.at[i] >= lo && pins->list.at[i] < hi) {
                status = cull__u32s_push(&planner->taken, pins->list.at[i]);
            }
        }
    }
    return status;
}

bool cull__blob_can_die(const cull_store *store, uint32_t number)
{
    enum cull__blob_state state = cull__blob_table_state(store->index->blobs, number);

    return state == CULL__BLOB_LIVE ||
           (state == CULL__BLOB_EXPECTED && !store->settings.index_only);
}

/* A blob that will be dead: counted, and listed while there is room. */
static cull_status add_dead(struct planner *planner, uint32_t number)
{
    const struct cull__blob_table *blobs = planner->store->index->blobs;
    cull_plan *plan = planner->plan;

    planner->dead_count++;
    if (cull__blob_table_state(blobs, number) == CULL__BLOB_LIVE) {
        plan->info.bytes += cull__blob_table_known_size(blobs, number, &plan->info.bytes_exact);
    }
    return planner->dead.count < plan->listed_max ? cull__u32s_push(&planner->dead, number)
                                                  : CULL_OK;
}

/* Blobs of [lo, hi) whose count reaches 0, and those where it is 0 already. */
static cull_status collect_dead(struct planner *planner, uint32_t lo, uint32_t hi)
{
    const struct cull__index *index = planner->store->index;
    const struct cull__u32s *taken = &planner->taken;
    uint32_t number = lo;
    cull_status status = CULL_OK;

    cull__u32s_sort(&planner->taken);
    for (size_t i = 0; i < taken->count && status == CULL_OK;) {
        size_t first = i;

        while (i < taken->count && taken->at[i] == taken->at[first]) {
            i++;
        }
        if (cull__counts_get(index->counts, taken->at[first]) == i - first &&
            cull__blob_can_die(planner->store, taken->at[first])) {
            status = add_dead(planner, taken->at[first]);
        }
    }
    while (status == CULL_OK &&
           (number = cull__counts_next_zero(index->counts, number)) != CULL__BLOB_NONE &&
           number < hi) {
        if (cull__blob_can_die(planner->store, number)) {
            status = add_dead(planner, number);
        } else if (cull__blob_table_state(index->blobs, number) == CULL__BLOB_DELETING) {
            planner->plan->info.unfinished++;
        }
        number++;
    }
    return status;
}

/* One range. *done false: more is taken from it than there is room for, and nothing was done. */
static cull_status plan_range(struct planner *planner, uint32_t lo, uint32_t hi, bool ask,
                              bool *done)
{
    cull_status status;

    planner->taken.count = 0;
    *done = true;
    status = take_lifespans(planner, lo, hi, ask);
    if (status == CULL_OK && planner->taken.count > planner->taken_max && hi - lo > RANGE_MIN) {
        *done = false;
        return CULL_OK;
    }
    planner->taken_sum += cull__held_sum(planner->taken.at, planner->taken.count);
    status = status == CULL_OK ? take_expired_pins(planner, lo, hi) : status;
    return status == CULL_OK ? collect_dead(planner, lo, hi) : status;
}

/* All blobs, in one range, or in as many as max_memory needs. */
static cull_status plan_ranges(struct planner *planner)
{
    uint32_t limit = cull__blob_table_limit(planner->store->index->blobs);
    uint32_t width = CULL__BLOB_NONE;
    uint32_t lo = 0;
    bool asked = false;
    cull_status status = CULL_OK;

    do {
        uint32_t hi = width < CULL__BLOB_NONE - lo ? lo + width : CULL__BLOB_NONE;
        bool done;

        status = plan_range(planner, lo, hi, !asked, &done);
        asked = true;
        if (done) {
            lo = hi;
        } else {
            width = (hi < limit ? width : limit - lo) / 2;
        }
    } while (status == CULL_OK && lo < limit);
    return status;
}

static int compare_blobs(const void *a, const void *b)
{
    const struct cull__plan_blob *x = a;
    const struct cull__plan_blob *y = b;
    int order = memcmp(&x->digest, &y->digest, sizeof x->digest);

    return order != 0 ? order : x->number < y->number ? -1 : x->number > y->number;
}

static void sort_blobs(cull_plan *plan)
{
    if (plan->info.listed > 1) {
        qsort(plan->blobs, (size_t)plan->info.listed, sizeof *plan->blobs, compare_blobs);
    }
}

static cull_status list_blobs(struct planner *planner)
{
    const struct cull__index *index = planner->store->index;
    cull_plan *plan = planner->plan;

    if (plan->blobs == NULL) {
        plan->blobs = cull__alloc_zero(plan->allocator, planner->dead.count, sizeof *plan->blobs);
    }
    if (plan->blobs == NULL) {
        return CULL_E_NOMEM;
    }
    for (size_t i = 0; i < planner->dead.count; i++) {
        struct cull__plan_blob *blob = &plan->blobs[i];

        blob->number = planner->dead.at[i];
        blob->size_bytes = cull__blob_table_size(index->blobs, blob->number);
        blob->incarnation = cull__blob_table_incarnation(index->blobs, blob->number);
        cull__blob_table_digest(index->blobs, blob->number, &blob->digest);
        blob->sent = cull__blob_table_state(index->blobs, blob->number) == CULL__BLOB_LIVE;
    }
    plan->info.listed = planner->dead.count;
    return CULL_OK;
}

/* --- verification of the plan ----------------------------------------------------------------- */

/* Sums say at once whether what was taken leaves what the rule says, whether all counts together are all
 * lifespans and pins, and whether the counts of the dead are as adding and subtracting made them. */
static bool sums_agree(const struct planner *planner)
{
    const struct cull__index *index = planner->store->index;
    uint32_t block = CULL__BLOB_NONE;

    if (planner->taken_sum != planner->asked_sum || !cull__sums_agree(index)) {
        return false;
    }
    for (size_t i = 0; i < planner->dead.count; i++) {
        uint32_t from = planner->dead.at[i] / CULL__COUNTS_BLOCK * CULL__COUNTS_BLOCK;

        if (from != block &&
            cull__counts_broken(index->counts, from, from + 1) != CULL__BLOB_NONE) {
            return false;
        }
        block = from;
    }
    return true;
}

/* The exact way, for when the sums disagree: mark what stays, and compare it with the counts of every
 * blob, so that the answer names one. */

static bool stays(void *ctx, const struct cull__collection *collection,
                  const struct cull__version *version)
{
    const cull_plan *plan = ctx;

    return !cull__version_keys_have(plan->purged, (size_t)plan->info.versions, collection->id,
                                    version->ordinal);
}

/* Bits of every blob that stays: held by a version that stays, or pinned by an upload. */
static cull_status mark_what_stays(struct planner *planner, uint64_t *marked, size_t bits)
{
    const struct cull__index *index = planner->store->index;
    cull_plan *plan = planner->plan;
    cull_status status = CULL_OK;

    for (const struct cull__collection *collection = planner->store->catalog->collections;
         collection != NULL && status == CULL_OK; collection = collection->hh_id.next) {
        const struct cull__lifespans *spans = cull__index_spans(index, collection->id);
        struct cull__bits keep = CULL__BITS_INIT(plan->allocator);

        if (spans == NULL) { /* deleted, and nothing of it is left */
            status = collection->version_count == 0 ? CULL_OK : CULL_E_CORRUPT;
            continue;
        }
        status = cull__keep_bits(collection, stays, plan, &keep);
        if (status == CULL_OK) {
            cull__mark(spans, keep.words, marked, bits);
        }
        cull__bits_release(&keep);
    }
    for (const struct cull__upload *upload = planner->store->catalog->uploads; upload != NULL;
         upload = upload->hh.next) {
        const struct cull__pins *pins = cull__index_pins(index, upload->id);

        for (size_t i = 0;
             upload->lease_until_ms > planner->now_ms && pins != NULL && i < pins->list.count;
             i++) {
            cull__bit_set(marked, pins->list.at[i]);
        }
    }
    return status;
}

/* Counts less what was taken, against the mark, for every blob. */
static cull_status compare_with_mark(const struct planner *planner, const uint64_t *marked,
                                     cull_error *err)
{
    const struct cull__index *index = planner->store->index;
    const struct cull__u32s *taken = &planner->taken;
    uint32_t limit = cull__blob_table_limit(index->blobs);
    size_t at = 0;

    for (uint32_t number = 0; number < limit; number++) {
        uint32_t count = cull__counts_get(index->counts, number);
        uint32_t less = 0;

        for (; at < taken->count && taken->at[at] == number; at++) {
            less++;
        }
        if (less > count || (count > less) != cull__bit_get(marked, number)) {
            char hex[CULL_DIGEST_HEX_MAX];
            cull_digest digest;

            cull__blob_table_digest(index->blobs, number, &digest);
            cull_digest_to_hex(hex, &digest, planner->store->settings.digest);
            return cull__error_set(err, CULL_E_DAMAGED,
                                   "blob %s: its count says %s, the mark says %s: nothing is "
                                   "deleted; run cull fsck",
                                   hex, count > less ? "held" : "dead",
                                   cull__bit_get(marked, number) ? "held" : "dead");
        }
    }
    return CULL_OK;
}

static cull_status name_disagreement(struct planner *planner, cull_error *err)
{
    const cull_allocator *allocator = planner->plan->allocator;
    size_t bits = cull__blob_table_limit(planner->store->index->blobs);
    uint64_t *marked = cull__alloc_zero(allocator, cull__bits_words(bits) + 1, sizeof *marked);
    cull_status status = marked == NULL ? CULL_E_NOMEM : CULL_OK;

    planner->taken.count = 0; /* of all blobs, whatever room there is */
    status = status == CULL_OK ? take_lifespans(planner, 0, CULL__BLOB_NONE, false) : status;
    status = status == CULL_OK ? take_expired_pins(planner, 0, CULL__BLOB_NONE) : status;
    cull__u32s_sort(&planner->taken);
    status = status == CULL_OK ? mark_what_stays(planner, marked, bits) : status;
    if (status != CULL_OK) {
        status = cull__error_set(err, status, "mark: %s", cull_strerror(status));
    } else {
        status = compare_with_mark(planner, marked, err);
    }
    cull__free(allocator, marked);
    return status == CULL_OK ? cull__verify_name(planner->store, err) : status;
}

/* A full verification is due every CULL__FULL_VERIFY_EVERY cycles, after a crash, on request. */
static bool full_due(const struct planner *planner)
{
    const struct cull__catalog *catalog = planner->store->catalog;

    return planner->options->verify_full || planner->plan->info.unfinished > 0 ||
           catalog->cycles + 1 - catalog->verified >= CULL__FULL_VERIFY_EVERY ||
           catalog->verified == 0;
}

/* --- the call ------------------------------------------------------------------------------- */

/* Why execute would refuse; the plan itself is shown all the same. */
static void set_refusal(struct planner *planner)
{
    const struct cull__index *index = planner->store->index;
    cull_plan *plan = planner->plan;
    uint64_t in_use = cull__blob_table_in_use(index->blobs);

    if (plan->info.refusal != NULL) {
        return; /* the gate is closed */
    }
    if (plan->info.versions > 0 && plan->info.versions == planner->store->catalog->retained &&
        !planner->options->allow_empty_store) {
        (void)snprintf(plan->refusal, sizeof plan->refusal,
                       "no version would be left: say --allow-empty-store if that is meant");
    } else if (plan->info.blobs > 1000 && plan->info.blobs > in_use / 2 &&
               !planner->options->allow_large_plan) {
        (void)snprintf(plan->refusal, sizeof plan->refusal,
                       "%llu of %llu blobs would be deleted: say --allow-large-plan if that is "
                       "meant",
                       (unsigned long long)plan->info.blobs, (unsigned long long)in_use);
    } else {
        return;
    }
    plan->info.refusal = plan->refusal;
}

static uint64_t clock_ns(const cull_gc_options *options)
{
    return options->clock_ns == NULL ? 0 : options->clock_ns(options->clock_ctx);
}

/* The versions that go, and the numbers of the blobs that then die. */
static cull_status find_dead(struct planner *planner)
{
    cull_plan *plan = planner->plan;
    cull_status status = take_by_policy(planner);

    for (const struct cull__collection *collection = planner->store->catalog->pending;
         collection != NULL && status == CULL_OK; collection = collection->pending_next) {
        status = take_versions(planner, collection);
    }
    plan->info.versions = cull__version_keys_sort(plan->purged, (size_t)plan->info.versions);
    plan->info.expired = cull__version_keys_sort(plan->expired, (size_t)plan->info.expired);
    plan->info.bytes_exact = true;
    status = status == CULL_OK ? plan_ranges(planner) : status;
    plan->info.blobs = planner->dead_count;
    return status;
}

static void planner_init(struct planner *planner, cull_store *store, const cull_gc_options *options,
                         cull_plan *plan)
{
    uint64_t clock_ms = store->catalog->clock_ms;

    *planner = (struct planner){ .store = store, .options = options, .plan = plan };
    planner->taken = planner->dead = (struct cull__u32s)CULL__U32S_INIT(store->allocator);
    planner->now_ms = options->now_ms > clock_ms ? options->now_ms : clock_ms;
    plan->allocator = store->allocator;
    planner->taken_max = plan->listed_max = SIZE_MAX;
    if (options->max_memory > 0) { /* a batch at least */
        uint64_t rows = options->max_memory / (sizeof *plan->blobs + 2 * sizeof(uint32_t));

        plan->listed_max = rows < CULL__CLAIM_BATCH ? CULL__CLAIM_BATCH : (size_t)rows;
        planner->taken_max = plan->listed_max;
    }
}

static void planner_release(struct planner *planner)
{
    cull__u32s_release(&planner->taken);
    cull__u32s_release(&planner->dead);
}

cull_status cull__plan_dead(cull_store *store, uint64_t now_ms, struct cull__u32s *dead)
{
    const cull_gc_options options = { .now_ms = now_ms };
    cull_plan *plan = cull__alloc_zero(store->allocator, 1, sizeof *plan);
    struct planner planner;
    cull_status status;

    if (plan == NULL) {
        return CULL_E_NOMEM;
    }
    planner_init(&planner, store, &options, plan);
    status = find_dead(&planner);
    if (status == CULL_OK) {
        cull__u32s_release(dead);
        *dead = planner.dead;
        planner.dead = (struct cull__u32s)CULL__U32S_INIT(store->allocator);
    }
    planner_release(&planner);
    cull_plan_free(plan);
    return status;
}

/* What is decided at one position of the log; the caller holds the lock. */
static cull_status make_plan(struct planner *planner, cull_error *err)
{
    cull_store *store = planner->store;
    cull_plan *plan = planner->plan;
    cull_status status;

    plan->info.seq = store->catalog_seq;
    plan->info.references = store->catalog->references;
    plan->info.lifespans = store->index->lifespans;
    status = find_dead(planner);
    status = status == CULL_OK ? list_blobs(planner) : status;
    if (status != CULL_OK) {
        return cull__error_set(err, status, "plan: %s", cull_strerror(status));
    }
    if (!sums_agree(planner)) {
        return name_disagreement(planner, err);
    }
    plan->info.verified_full = full_due(planner);
    set_refusal(planner);
    return CULL_OK;
}

/* Plan, and verify; others have the handle in between. The caller has entered the store; this leaves
 * it. */
static cull_status plan_and_verify(struct planner *planner, cull_error *err)
{
    cull_plan *plan = planner->plan;
    uint64_t begun = clock_ns(planner->options);
    uint64_t marking;
    cull_status status = make_plan(planner, err);

    if (status != CULL_OK) {
        cull__store_leave(planner->store);
        return status;
    }
    marking = clock_ns(planner->options);
    status = cull__verify_beside(planner->store, plan->info.verified_full,
                                 planner->options->threads, err);
    plan->info.mark_ns = clock_ns(planner->options) - marking;
    sort_blobs(plan);
    plan->info.plan_ns = clock_ns(planner->options) - begun;
    return status;
}

/* Where a cycle may not run, the plan is shown all the same. */
static cull_status ask_gate(cull_plan *plan, cull_store *store, const cull_gc_options *options,
                            cull_error *err)
{
    cull_error closed = { CULL_OK, "" };
    cull_status status = cull_gc_gate(store, options, &closed);

    if (status == CULL_E_REFUSED) {
        (void)snprintf(plan->refusal, sizeof plan->refusal, "%s", closed.message);
        plan->info.refusal = plan->refusal;
        status = CULL_OK;
    } else if (status != CULL_OK && err != NULL) {
        *err = closed;
    }
    return status;
}

cull_status cull_gc_plan(cull_plan **out, cull_store *store, const cull_gc_options *options,
                         cull_error *err)
{
    cull_plan *plan = cull__alloc_zero(store->allocator, 1, sizeof *plan);
    cull_status status;

    *out = NULL;
    if (plan == NULL) {
        return cull__error_nomem(err);
    }
    plan->allocator = store->allocator;
    status = ask_gate(plan, store, options, err);
    status = status == CULL_OK ? cull__store_enter(store, CULL__NEED_INDEX, err) : status;
    if (status == CULL_OK) {
        struct planner planner;

        planner_init(&planner, store, options, plan);
        status = plan_and_verify(&planner, err);
        planner_release(&planner);
    }
    if (status != CULL_OK) {
        cull_plan_free(plan);
        return status;
    }
    *out = plan;
    return CULL_OK;
}

cull_status cull__plan_next_pass(cull_plan *plan, cull_store *store, cull_error *err)
{
    const cull_gc_options options = { .now_ms = 0 };
    size_t listed_max = (size_t)plan->info.listed; /* as the array is long */
    uint32_t number = plan->next_pass;
    struct planner planner;
    cull_status status = CULL_OK;

    planner_init(&planner, store, &options, plan);
    while (planner.dead.count < listed_max && status == CULL_OK &&
           (number = cull__counts_next_zero(store->index->counts, number)) != CULL__BLOB_NONE) {
        if (cull__blob_can_die(store, number)) {
            status = cull__u32s_push(&planner.dead, number);
        }
        number++;
    }
    plan->next_pass = number;
    plan->info.listed = 0;
    if (status == CULL_OK && planner.dead.count > 0) {
        if (sums_agree(&planner)) {
            status = list_blobs(&planner);
            sort_blobs(plan);
        } else {
            status = cull__verify_name(store, err);
        }
    }
    planner_release(&planner);
    return status == CULL_E_NOMEM ? cull__error_nomem(err) : status;
}

void cull_plan_free(cull_plan *plan)
{
    if (plan != NULL) {
        cull__free(plan->allocator, plan->purged);
        cull__free(plan->allocator, plan->expired);
        cull__free(plan->allocator, plan->let_go);
        cull__free(plan->allocator, plan->blobs);
        cull__free(plan->allocator, plan);
    }
}

void cull_plan_get_info(const cull_plan *plan, cull_plan_info *out)
{
    *out = plan->info;
}

const cull_version_key *cull_plan_versions(const cull_plan *plan, size_t *count)
{
    *count = (size_t)plan->info.versions;
    return plan->purged;
}

const cull_version_key *cull_plan_expired(const cull_plan *plan, size_t *count)
{
    *count = (size_t)plan->info.expired;
    return plan->expired;
}

const cull_version_key *cull_plan_let_go(const cull_plan *plan, size_t *count)
{
    *count = (size_t)plan->info.let_go;
    return plan->let_go;
}

void cull_plan_blob(const cull_plan *plan, size_t i, cull_blob_ref *out)
{
    CULL_ASSERT(i < plan->info.listed);
    *out = (cull_blob_ref){ plan->blobs[i].digest, plan->blobs[i].size_bytes };
}
