/*
 * oracle_cycle.c - cycles: what a plan must say, and what executing it must do.
 *
 * SHAPE     A version is due or not, a blob is held by something that stays or not: both are looked
 *           up for each, in the sets. Executing goes through the steps that a cycle promises, in
 *           their order.
 * INVARIANT The plan's blobs and versions are exactly these, no more and no less.
 */
#include "oracle.h"

#include <inttypes.h>
#include <stdlib.h>

#define BIT ORACLE_BIT

static bool has_flag(const struct cull__request *request, unsigned flag)
{
    return (request->flags & flag) != 0;
}

static uint64_t shorter_grace(const struct cull__request *request)
{
    return has_flag(request, CULL__REQUEST_SHORTER_GRACE) ? request->grace_ms : UINT64_MAX;
}

/* Does a version that is soft-deleted now become due in the same cycle? */
static bool due_at_once(const struct oracle *oracle, const struct cull__request *request)
{
    return oracle->settings.grace_ms == 0 || shorter_grace(request) == 0;
}

static bool ttl_is_over(const struct oracle *oracle, const struct oracle_version *version)
{
    return version->state == CULL_VERSION_COMMITTED && version->ttl_ms > 0 &&
           oracle->world->now_ms >= version->created_ms + version->ttl_ms;
}

/* Open uploads that build on a version and go on doing so. */
static bool is_base(const struct oracle *oracle, size_t collection, size_t ordinal)
{
    for (size_t i = 0; i < oracle->upload_count; i++) {
        const struct oracle_upload *upload = &oracle->uploads[i];

        if (upload->open && upload->until_ms > oracle->world->now_ms &&
            upload->collection == collection && upload->base == ordinal + 1) {
            return true;
        }
    }
    return false;
}

static bool key_is(const cull_version_key *key, const struct oracle_collection *collection,
                   size_t ordinal)
{
    return key->collection == collection->id && key->ordinal == ordinal;
}

static bool keys_have(const cull_version_key *keys, size_t count,
                      const struct oracle_collection *collection, size_t ordinal)
{
    for (size_t i = 0; i < count; i++) {
        if (key_is(&keys[i], collection, ordinal)) {
            return true;
        }
    }
    return false;
}

/* Is a digest held by anything but the versions that a plan purges and uploads that are over? */
static bool stays_held(const struct oracle *oracle, const struct oracle_plan *plan,
                       const cull_digest *digest)
{
    for (size_t i = 0; i < oracle->collection_count; i++) {
        const struct oracle_collection *collection = &oracle->collections[i];

        for (size_t ordinal = 0; ordinal < collection->version_count; ordinal++) {
            if (oracle_retained(&collection->versions[ordinal]) &&
                oracle_holds(&collection->versions[ordinal].manifest, digest) &&
                !keys_have(plan->purged, plan->purged_count, collection, ordinal)) {
                return true;
            }
        }
    }
    for (size_t i = 0; i < oracle->upload_count; i++) {
        if (oracle->uploads[i].open && oracle->uploads[i].until_ms > oracle->world->now_ms &&
            oracle_pins(&oracle->uploads[i], digest)) {
            return true;
        }
    }
    return false;
}

static int compare_blobs(const void *a, const void *b)
{
    return memcmp(&((const struct oracle_planned *)a)->digest,
                  &((const struct oracle_planned *)b)->digest, sizeof(cull_digest));
}

/* --- planning ------------------------------------------------------------------------------- */

static size_t count_retained(const struct oracle *oracle)
{
    size_t retained = 0;

    for (size_t i = 0; i < oracle->collection_count; i++) {
        for (size_t j = 0; j < oracle->collections[i].version_count; j++) {
            retained += oracle_retained(&oracle->collections[i].versions[j]);
        }
    }
    return retained;
}

static void plan_versions(struct oracle *oracle, const struct cull__request *request,
                          struct oracle_plan *plan)
{
    for (size_t i = 0; i < oracle->collection_count; i++) {
        struct oracle_collection *collection = &oracle->collections[i];

        for (size_t ordinal = 0; ordinal < collection->version_count; ordinal++) {
            const struct oracle_version *version = &collection->versions[ordinal];
            const cull_version_key key = { collection->id, (uint32_t)ordinal };
            bool over = ttl_is_over(oracle, version);
            bool due = oracle_due(oracle, version, shorter_grace(request)) ||
                       (over && due_at_once(oracle, request));

            if (over && plan->expired_count < ORACLE_PLAN_MAX) {
                plan->expired[plan->expired_count++] = key;
            }
            oracle->reached[REACHED_KEPT_BASES] += due && is_base(oracle, i, ordinal);
            if (due && !is_base(oracle, i, ordinal) && plan->purged_count < ORACLE_PLAN_MAX) {
                plan->purged[plan->purged_count++] = key;
            }
        }
    }
}

static void make_plan(struct oracle *oracle, const struct cull__request *request,
                      struct oracle_plan *plan)
{
    memset(plan, 0, sizeof *plan);
    plan->there = true;
    plan_versions(oracle, request, plan);
    for (size_t i = 0; i < oracle->blob_count; i++) {
        const struct oracle_blob *blob = &oracle->blobs[i];

        if (blob->state != ORACLE_DELETING && !stays_held(oracle, plan, &blob->digest) &&
            plan->blob_count < ORACLE_PLAN_MAX) {
            plan->blobs[plan->blob_count++] =
                (struct oracle_planned){ blob->digest, blob->size_bytes, blob->incarnation,
                                         blob->serial,
                                         blob->state == ORACLE_LIVE ? blob->size_bytes : 0 };
        }
    }
    qsort(plan->blobs, plan->blob_count, sizeof *plan->blobs, compare_blobs);
    plan->refused = plan->purged_count > 0 && plan->purged_count == count_retained(oracle) &&
                    !has_flag(request, CULL__REQUEST_EMPTY_STORE);
}

void oracle_plan_now(struct oracle *oracle, struct oracle_plan *out)
{
    const struct cull__request plain = CULL__REQUEST_INIT;
    uint64_t kept_bases = oracle->reached[REACHED_KEPT_BASES];

    make_plan(oracle, &plain, out);
    oracle->reached[REACHED_KEPT_BASES] = kept_bases; /* no history asked for this one */
}

static void check_plan(struct oracle *oracle, const struct oracle_plan *plan,
                       const struct cull__answer *answer)
{
    const cull_blob_ref *blobs = (const cull_blob_ref *)(const void *)answer->plan_blobs.data;
    const cull_version_key *purged = (const cull_version_key *)(const void *)answer->purged.data;
    uint64_t bytes = 0;
    uint64_t unfinished = 0;

    if (answer->plan.blobs != plan->blob_count || answer->plan.versions != plan->purged_count ||
        answer->plan.expired != plan->expired_count) {
        oracle_break(oracle,
                     "plan: %" PRIu64 " blobs, %" PRIu64 " versions, %" PRIu64
                     " expired; expected %zu, %zu, %zu",
                     answer->plan.blobs, answer->plan.versions, answer->plan.expired,
                     plan->blob_count, plan->purged_count, plan->expired_count);
        return;
    }
    for (size_t i = 0; i < plan->blob_count; i++) {
        bytes += plan->blobs[i].frees_bytes;
        if (memcmp(&blobs[i].digest, &plan->blobs[i].digest, sizeof(cull_digest)) != 0 ||
            blobs[i].size_bytes != plan->blobs[i].size_bytes) {
            oracle_break(oracle, "plan: blob %zu is %c, expected %c", i,
                         world_letter_of(oracle->world, &blobs[i].digest),
                         world_letter_of(oracle->world, &plan->blobs[i].digest));
        }
    }
    for (size_t i = 0; i < plan->purged_count; i++) {
        if (purged[i].collection != plan->purged[i].collection ||
            purged[i].ordinal != plan->purged[i].ordinal) {
            oracle_break(oracle, "plan: version %zu to be purged is another", i);
        }
    }
    for (size_t i = 0; i < oracle->blob_count; i++) {
        unfinished += oracle->blobs[i].state == ORACLE_DELETING;
    }
    if (answer->plan.bytes != bytes || answer->plan.unfinished != unfinished ||
        (answer->plan.refusal != NULL) != plan->refused) {
        oracle_break(oracle,
                     "plan: %" PRIu64 " bytes, %" PRIu64 " unfinished, %s; expected %" PRIu64
                     ", %" PRIu64 ", %s",
                     answer->plan.bytes, answer->plan.unfinished,
                     answer->plan.refusal != NULL ? "refused" : "not refused", bytes, unfinished,
                     plan->refused ? "refused" : "not refused");
    }
}

/* --- executing ------------------------------------------------------------------------------ */

static void remove_object(struct oracle *oracle, const struct oracle_blob *blob)
{
    struct oracle_object *object = oracle_object(oracle, &blob->digest, blob->incarnation);

    if (object == NULL) {
        return;
    }
    if (oracle->settings.late_deletes == CULL_LATE_VERSION_IDS) {
        object->versions -= blob->deleted ? 0 : blob->claimed;
    } else {
        object->versions = 0;
    }
}

static void forget_blob(struct oracle *oracle, size_t at)
{
    oracle->blob_count--;
    memmove(&oracle->blobs[at], &oracle->blobs[at + 1],
            (oracle->blob_count - at) * sizeof *oracle->blobs);
}

/* Delete a DELETING blob's object. False: it could not be deleted, and the blob stays. */
static bool delete_object(struct oracle *oracle, const struct cull__request *request,
                          struct oracle_blob *blob)
{
    bool is_sent = oracle->settings.late_deletes != CULL_LATE_VERSION_IDS || blob->claimed > 0;

    if (is_sent && request->fault == CULL__FAULT_DELETE) {
        return false;
    }
    remove_object(oracle, blob);
    blob->deleted = true;
    return !(is_sent && request->fault == CULL__FAULT_DELETE_AFTER);
}

static void finish_old(struct oracle *oracle, const struct cull__request *request,
                       struct oracle_execution *run)
{
    for (size_t i = 0; i < oracle->blob_count;) {
        struct oracle_blob *blob = &oracle->blobs[i];

        if (blob->state != ORACLE_DELETING) {
            i++;
        } else if (delete_object(oracle, request, blob)) {
            run->finished++;
            run->bytes += blob->size_bytes;
            forget_blob(oracle, i);
        } else {
            run->failed++;
            i++;
        }
    }
    run->deleted = run->finished;
    oracle->reached[REACHED_RESUMED] += run->finished;
}

static struct oracle_collection *collection_of(const struct oracle *oracle,
                                               const cull_version_key *key)
{
    for (size_t i = 0; i < oracle->collection_count; i++) {
        if (oracle->collections[i].id == key->collection) {
            return &oracle->collections[i];
        }
    }
    return NULL;
}

static void count_purge(struct oracle *oracle, const struct oracle_plan *plan,
                        const struct oracle_collection *collection, uint32_t ordinal)
{
    oracle->reached[REACHED_PURGES]++;
    oracle->reached[REACHED_PURGED_HEADS] += ordinal + 1 == collection->version_count;
    oracle->reached[REACHED_PURGED_TOGETHER] +=
        ordinal > 0 && keys_have(plan->purged, plan->purged_count, collection, ordinal - 1);
}

static void purge_versions(struct oracle *oracle, const struct cull__request *request,
                           const struct oracle_plan *plan, struct oracle_execution *run)
{
    for (size_t i = 0; i < plan->expired_count; i++) {
        struct oracle_collection *collection = collection_of(oracle, &plan->expired[i]);
        struct oracle_version *version = &collection->versions[plan->expired[i].ordinal];

        if (ttl_is_over(oracle, version)) {
            oracle_delete(oracle, collection, plan->expired[i].ordinal, CULL_REASON_TTL);
            run->expired++;
            oracle->reached[REACHED_TTL_EXPIRIES]++;
        }
    }
    for (size_t i = 0; i < plan->purged_count; i++) {
        struct oracle_collection *collection = collection_of(oracle, &plan->purged[i]);
        uint32_t ordinal = plan->purged[i].ordinal;
        struct oracle_version *version = &collection->versions[ordinal];
        bool at_once = version->state == CULL_VERSION_DELETED &&
                       version->reason == CULL_REASON_TTL &&
                       version->deleted_ms == oracle->world->now_ms &&
                       keys_have(plan->expired, plan->expired_count, collection, ordinal) &&
                       due_at_once(oracle, request);

        if ((oracle_due(oracle, version, shorter_grace(request)) || at_once) &&
            !is_base(oracle, (size_t)(collection - oracle->collections), ordinal)) {
            version->state = CULL_VERSION_PURGED;
            run->purged++;
            count_purge(oracle, plan, collection, ordinal);
        } else {
            oracle->reached[REACHED_SPARED_VERSIONS]++;
        }
    }
}

static bool at_limit(const struct cull__request *request, const struct oracle_execution *run,
                     uint64_t size_bytes)
{
    return (request->max_deletes > 0 && run->deleted >= request->max_deletes) ||
           (request->max_bytes > 0 &&
            (run->bytes > request->max_bytes || size_bytes > request->max_bytes - run->bytes));
}

/* The blob that a plan means, if nothing holds it now; NULL: it was rescued. */
static struct oracle_blob *still_dead(const struct oracle *oracle,
                                      const struct oracle_planned *planned)
{
    for (size_t i = 0; i < oracle->blob_count; i++) {
        struct oracle_blob *blob = &oracle->blobs[i];

        if (memcmp(&blob->digest, &planned->digest, sizeof blob->digest) == 0 &&
            blob->incarnation == planned->incarnation && blob->state != ORACLE_DELETING &&
            oracle_count(oracle, &blob->digest) == 0) {
            return blob;
        }
    }
    return NULL;
}

/* raced: what the claim names was listed before somebody went ahead. */
static void claim_one(struct oracle *oracle, const struct cull__request *request, bool raced,
                      struct oracle_blob *blob, struct oracle_execution *run)
{
    const struct oracle_object *object = oracle_object(oracle, &blob->digest, blob->incarnation);
    uint64_t frees_bytes = blob->state == ORACLE_LIVE ? blob->size_bytes : 0;

    blob->state = ORACLE_DELETING;
    blob->claimed = object == NULL ? 0 : raced ? object->listed : object->versions;
    blob->deleted = false;
    if (delete_object(oracle, request, blob)) {
        run->deleted++;
        run->bytes += frees_bytes;
        forget_blob(oracle, (size_t)(blob - oracle->blobs));
    } else {
        run->failed++;
    }
}

static void sweep_blobs(struct oracle *oracle, const struct cull__request *request,
                        const struct oracle_plan *plan, struct oracle_execution *run)
{
    for (size_t i = 0; i < plan->blob_count; i++) {
        struct oracle_blob *blob = still_dead(oracle, &plan->blobs[i]);

        if (at_limit(request, run, plan->blobs[i].frees_bytes)) {
            run->limit = true;
            break;
        }
        if (blob == NULL) {
            run->rescued++;
            oracle->reached[REACHED_RESCUED_AT_CLAIM]++;
        } else if (blob->serial != plan->blobs[i].serial) {
            /* gone and named again since: whether it counts as the planned one is not promised */
            blob->unsure = true;
            blob->answer_lost = request->fault == CULL__FAULT_DELETE_AFTER;
            run->unsure++;
        } else {
            claim_one(oracle, request, plan->raced, blob, run);
        }
    }
}

static void check_execution(struct oracle *oracle, const struct cull__request *request,
                            const struct cull__answer *answer, const struct oracle_execution *run)
{
    const cull_gc_result *got = &answer->gc;
    bool unsure = run->unsure > 0;

    (void)oracle_expect(oracle, request, answer,
                        (run->failed > 0 ? BIT(CULL_E_PARTIAL) : BIT(CULL_OK)) |
                            (unsure ? BIT(CULL_OK) | BIT(CULL_E_PARTIAL) : 0));
    if (got->versions_expired != run->expired || got->versions_purged != run->purged ||
        got->blobs_finished != run->finished || got->cycle != oracle->cycles) {
        oracle_break(oracle,
                     "execute: cycle %" PRIu64 ", %" PRIu64 " expired, %" PRIu64 " purged, %" PRIu64
                     " finished; expected %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64,
                     got->cycle, got->versions_expired, got->versions_purged, got->blobs_finished,
                     oracle->cycles, run->expired, run->purged, run->finished);
    }
    if (!unsure && (got->blobs_deleted != run->deleted || got->bytes_freed != run->bytes ||
                    got->blobs_rescued != run->rescued || got->blobs_failed != run->failed ||
                    got->limit != run->limit)) {
        oracle_break(oracle,
                     "execute: %" PRIu64 " deleted, %" PRIu64 " bytes, %" PRIu64
                     " rescued, %" PRIu64 " failed, limit %d; expected %" PRIu64 ", %" PRIu64
                     ", %" PRIu64 ", %" PRIu64 ", %d",
                     got->blobs_deleted, got->bytes_freed, got->blobs_rescued, got->blobs_failed,
                     got->limit, run->deleted, run->bytes, run->rescued, run->failed, run->limit);
    }
}

/* Up to the purge. */
static void begin_execution(struct oracle *oracle, const struct cull__request *request,
                            struct oracle_plan *plan)
{
    plan->begun = true;
    oracle_expire(oracle);
    oracle->cycles++;
    finish_old(oracle, request, &plan->run);
    purge_versions(oracle, request, plan, &plan->run);
}

void oracle_claims(struct oracle *oracle, const struct cull__request *request)
{
    struct oracle_plan *plan = &oracle->plans[request->process][request->slot];

    begin_execution(oracle, request, plan);
    plan->raced = true;
    for (size_t i = 0; i < oracle->object_count; i++) {
        oracle->objects[i].listed = oracle->objects[i].versions;
    }
}

static void execute(struct oracle *oracle, const struct cull__request *request,
                    const struct cull__answer *answer, struct oracle_plan *plan)
{
    struct oracle_execution *run = &plan->run;

    if (plan->done || plan->refused) {
        oracle->reached[REACHED_REFUSED_EMPTY] += !plan->done;
        (void)oracle_expect(oracle, request, answer, BIT(CULL_E_REFUSED));
        return;
    }
    if (!plan->begun) {
        begin_execution(oracle, request, plan);
    }
    plan->done = true;
    sweep_blobs(oracle, request, plan, run);
    check_execution(oracle, request, answer, run);
    oracle->reached[REACHED_CYCLES]++;
    oracle->reached[REACHED_FREED] += run->deleted;
    oracle->reached[REACHED_FAILED_DELETES] += run->failed > 0;
    oracle->reached[REACHED_LIMITED] += run->limit;
}

static void step_finish(struct oracle *oracle, const struct cull__request *request,
                        const struct cull__answer *answer)
{
    struct oracle_execution run = { 0 };

    oracle_expire(oracle);
    oracle->cycles++;
    finish_old(oracle, request, &run);
    if (oracle_expect(oracle, request, answer,
                      run.failed > 0 ? BIT(CULL_E_PARTIAL) : BIT(CULL_OK)) &&
        answer->finished != run.finished) {
        oracle_break(oracle, "finish: %" PRIu64 " finished, expected %" PRIu64, answer->finished,
                     run.finished);
    }
}

/* --- checking ------------------------------------------------------------------------------- */

#define DAY_MS (UINT64_C(24) * 3600 * 1000)

/* An object that no blob names. */
static bool is_orphan(const struct oracle *oracle, const struct oracle_object *object)
{
    for (size_t i = 0; i < oracle->blob_count; i++) {
        if (oracle->blobs[i].incarnation == object->incarnation &&
            memcmp(&oracle->blobs[i].digest, &object->digest, sizeof object->digest) == 0) {
            return false;
        }
    }
    return object->versions > 0;
}

static bool is_old(const struct oracle *oracle, const struct oracle_object *object)
{
    uint64_t leases_ms = 2 * oracle->settings.lease_ms;
    uint64_t age_ms = leases_ms > DAY_MS ? leases_ms : DAY_MS;

    return oracle->world->now_ms - object->modified_ms > age_ms;
}

static void step_fsck(struct oracle *oracle, const struct cull__request *request,
                      const struct cull__answer *answer)
{
    bool repair = has_flag(request, CULL__REQUEST_REPAIR);
    uint64_t old = 0;

    for (size_t i = 0; i < oracle->object_count; i++) {
        old += is_orphan(oracle, &oracle->objects[i]) && is_old(oracle, &oracle->objects[i]);
    }
    if (!oracle_expect(oracle, request, answer,
                       old > 0 && !repair ? BIT(CULL_E_DAMAGED) : BIT(CULL_OK)) ||
        answer->fsck.problems != old) {
        oracle_break(oracle, "fsck: %" PRIu64 " problems, expected %" PRIu64 ": %s",
                     answer->fsck.problems, old, answer->finding);
        return;
    }
    for (size_t i = 0; i < oracle->object_count && repair; i++) {
        const struct oracle_object object = oracle->objects[i];

        if (is_orphan(oracle, &object) && is_old(oracle, &object)) {
            struct oracle_blob *blob =
                oracle_grow((void **)(void *)&oracle->blobs, &oracle->blob_count,
                            &oracle->blob_capacity, sizeof *oracle->blobs);

            blob->serial = ++oracle->serial;
            blob->digest = object.digest;
            blob->size_bytes = object.size_bytes;
            blob->incarnation = object.incarnation;
            blob->state = ORACLE_DELETING;
            blob->claimed = object.versions;
            oracle->reached[REACHED_REPAIRS]++;
        }
    }
}

/* --- all together --------------------------------------------------------------------------- */

static void step_plan(struct oracle *oracle, const struct cull__request *request,
                      const struct cull__answer *answer, struct oracle_plan *plan)
{
    memset(plan, 0, sizeof *plan);
    if (oracle_expect(oracle, request, answer, BIT(CULL_OK))) {
        make_plan(oracle, request, plan);
        plan->seq = answer->plan.seq;
        check_plan(oracle, plan, answer);
    }
}

static void step_collect(struct oracle *oracle, const struct cull__request *request,
                         const struct cull__answer *answer)
{
    struct oracle_plan plan;

    make_plan(oracle, request, &plan);
    if (answer->status == CULL_E_DAMAGED) {
        (void)oracle_expect(oracle, request, answer, BIT(CULL_OK));
        return;
    }
    check_plan(oracle, &plan, answer);
    execute(oracle, request, answer, &plan);
}

void oracle_cycle_step(struct oracle *oracle, const struct cull__request *request,
                       const struct cull__answer *answer, bool fault)
{
    struct oracle_plan *plan = &oracle->plans[request->process][request->slot];

    (void)fault; /* that it was to strike is enough: what is not sent cannot fail */
    switch (request->op) {
    case CULL__REQUEST_PLAN:
        step_plan(oracle, request, answer, plan);
        break;
    case CULL__REQUEST_EXECUTE:
        if (!plan->there) {
            (void)oracle_expect(oracle, request, answer, BIT(CULL_E_NOTFOUND));
            break;
        }
        oracle->reached[REACHED_STALE_PLANS] +=
            !plan->done && !plan->refused && answer->gc.seq > plan->seq;
        execute(oracle, request, answer, plan);
        break;
    case CULL__REQUEST_COLLECT:
        step_collect(oracle, request, answer);
        break;
    case CULL__REQUEST_FINISH:
        step_finish(oracle, request, answer);
        break;
    case CULL__REQUEST_FSCK:
        step_fsck(oracle, request, answer);
        break;
    default:
        break;
    }
}
