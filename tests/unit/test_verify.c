/*
 * test_verify.c - a store that contradicts itself deletes nothing.
 *
 * Counts, lifespans or facts are damaged here as no call could do it; each time what would go wrong
 * is a blob that is deleted though a version holds it, or one that stays for ever. The first fact of
 * a cycle must not be written then. From undamaged facts the same store collects as ever.
 */
#include "suites.h"

#include <limits.h>
#include <string.h>

#include "cull/cull.h"
#include "store/store_internal.h"
#include "store_support.h"
#include "support.h"

static uint32_t number_of(const struct bench_store *bench, const char *content)
{
    const cull_digest digest = bench_digest(bench, content);
    uint32_t number = CULL__BLOB_NONE;

    ck_assert_int_eq(cull__blob_table_find(bench->store->index->blobs, &digest, 1, &number),
                     CULL_OK);
    ck_assert_uint_ne(number, CULL__BLOB_NONE);
    return number;
}

static uint64_t log_head(const struct bench_store *bench)
{
    uint64_t seq = 0;

    ck_assert_int_eq(bench->log->ops->head(bench->log, &seq, NULL), CULL_OK);
    return seq;
}

/* --- memory, or a checkpoint, that went wrong ------------------------------------------------- */

static void count_one_less(struct bench_store *bench)
{
    ck_assert_int_eq(cull__counts_sub(bench->store->index->counts, number_of(bench, "held")),
                     CULL_OK);
}

static void count_one_more(struct bench_store *bench)
{
    ck_assert_int_eq(cull__counts_add(bench->store->index->counts, number_of(bench, "held")),
                     CULL_OK);
}

static void count_the_dead(struct bench_store *bench)
{
    ck_assert_int_eq(cull__counts_add(bench->store->index->counts, number_of(bench, "dead")),
                     CULL_OK);
}

/* The open lifespan of one blob becomes another's. */
static void rename_row(struct bench_store *bench, const char *from, const char *to)
{
    const struct cull__index *index = bench->store->index;
    uint32_t held = number_of(bench, from);
    uint32_t other = number_of(bench, to);
    unsigned renamed = 0;

    for (size_t i = 0; i < index->span_count; i++) {
        size_t count;
        const uint32_t *rows = cull__lifespans_open(index->spans[i].spans, &count);

        for (size_t row = 0; row < count; row++) {
            if (rows[row] == held) {
                ((uint32_t *)(uintptr_t)rows)[row] = other; /* what only damage does */
                renamed++;
            }
        }
    }
    ck_assert_uint_eq(renamed, 1);
}

/* And the counts follow: they agree with the mark. */
static void rename_lifespan(struct bench_store *bench)
{
    struct cull__index *index = bench->store->index;

    rename_row(bench, "held", "other");
    ck_assert_int_eq(cull__counts_sub(index->counts, number_of(bench, "held")), CULL_OK);
    ck_assert_int_eq(cull__counts_add(index->counts, number_of(bench, "other")), CULL_OK);
}

/* What dies with the version that goes is what another one holds. */
static void rename_what_dies(struct bench_store *bench)
{
    rename_row(bench, "dead", "held");
}

/* A collection changes, and then its rows do so by themselves. */
static void rename_after_a_commit(struct bench_store *bench)
{
    (void)bench_commit(bench, "a", "x=held y=held2 z=other");
    rename_row(bench, "held2", "dead");
}

static const struct {
    const char *name;
    void (*damage)(struct bench_store *bench);
    bool full;                 /* found by a full verification only */
    cull_finding_kind finding; /* what fsck calls it */
} damages[] = {
    { "a held blob counts as dead", count_one_less, false, CULL_FOUND_COUNT },
    { "a dead blob counts as held", count_the_dead, false, CULL_FOUND_COUNT },
    { "a held blob is counted twice", count_one_more, true, CULL_FOUND_COUNT },
    { "a lifespan and its count are another blob's", rename_lifespan, true,
      CULL_FOUND_FINGERPRINT },
    { "what a purge would kill is another blob's", rename_what_dies, false, CULL_FOUND_COUNT },
    { "a row of a collection that changed is another blob's", rename_after_a_commit, false,
      CULL_FOUND_COUNT },
};

/* Three versions, one of them to be purged. The last cycle has verified in full, so that the next
 * has no reason of its own to do so. */
static void open_and_damage(struct bench_store *bench, int row)
{
    bench_open(bench, &(struct bench_options){ 0 });
    (void)bench_commit(bench, "a", "x=held y=held2");
    (void)bench_commit(bench, "b", "x=other");
    (void)bench_commit(bench, "c", "x=dead");
    (void)bench_collect(bench);
    bench_delete(bench, "c", 0);
    damages[row].damage(bench);
}

struct look {
    cull_finding_kind kind;
    unsigned found;
};

static void note_kind(void *ctx, const cull_finding *finding)
{
    struct look *look = ctx;

    look->found += finding->kind == look->kind;
}

/* fsck counts and marks in its own way, and tells of it in its own words. */
static void check_fsck(struct bench_store *bench, int row)
{
    const cull_fsck_options options = { .read_data = false };
    const cull_caller caller = bench_caller(bench);
    struct look look = { damages[row].finding, 0 };
    cull_fsck_result result;

    ck_assert_msg(cull_fsck(bench->store, &options, &caller, note_kind, &look, &result, NULL) ==
                      CULL_E_DAMAGED,
                  "%s", damages[row].name);
    ck_assert_msg(look.found > 0, "%s", damages[row].name);
}

static void check_refused(struct bench_store *bench, int row)
{
    const cull_gc_options options = { .now_ms = bench->now_ms, .verify_full = damages[row].full };
    uint64_t head = log_head(bench);
    cull_plan *plan = NULL;
    cull_error err = { CULL_OK, "" };

    ck_assert_msg(cull_gc_plan(&plan, bench->store, &options, &err) == CULL_E_DAMAGED, "%s: %s",
                  damages[row].name, err.message);
    ck_assert_ptr_null(plan);
    ck_assert_msg(strstr(err.message, "blob") != NULL, "%s: %s", damages[row].name, err.message);
    ck_assert_uint_eq(log_head(bench), head);
    ck_assert_uint_eq(cull_objects_memory_count(bench->objects, NULL), 4);
    check_fsck(bench, row);
}

START_TEST(counts_and_lifespans_that_contradict_each_other_stop_a_cycle_before_its_first_fact)
    {
        struct bench_store bench;

        open_and_damage(&bench, _i);
        check_refused(&bench, _i);
        bench_reopen(&bench); /* the facts are as they were */
        ck_assert_uint_eq(bench_collect(&bench).blobs_deleted, 1);
        ck_assert(!bench_has_object(&bench, "dead"));
        ck_assert_str_eq(bench_text(&bench, "a", 0), "x=held y=held2");
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* Checkpoints written from damaged memory have the right hashes. */
START_TEST(a_checkpoint_that_contradicts_itself_stops_a_cycle_before_its_first_fact)
    {
        struct bench_store bench;
        cull_caller caller;

        open_and_damage(&bench, _i);
        caller = bench_caller(&bench);
        ck_assert_int_eq(cull_store_maintain(bench.store, true, &caller, NULL), CULL_OK);
        bench_reopen(&bench);
        check_refused(&bench, _i);
        bench_close(&bench);
    }
END_TEST

static bool next_plan_is_full(struct bench_store *bench)
{
    const cull_gc_options options = { .now_ms = bench->now_ms };
    const cull_caller caller = bench_caller(bench);
    cull_plan *plan = NULL;
    cull_plan_info info;
    cull_gc_result result;

    ck_assert_int_eq(cull_gc_plan(&plan, bench->store, &options, NULL), CULL_OK);
    cull_plan_get_info(plan, &info);
    ck_assert_int_eq(cull_gc_execute(bench->store, plan, &options, &caller, &result, NULL),
                     CULL_OK);
    cull_plan_free(plan);
    return info.verified_full;
}

START_TEST(a_full_verification_comes_by_itself_with_the_first_cycle_and_every_sixteenth_after)
    {
        struct bench_store bench;

        bench_open(&bench, &(struct bench_options){ 0 });
        (void)bench_commit(&bench, "a", "x=held");
        for (int cycle = 0; cycle < 34; cycle++) {
            ck_assert_msg(next_plan_is_full(&bench) == (cycle % 16 == 0), "cycle %d", cycle);
        }
        bench_close(&bench);
    }
END_TEST

/* --- a plan beside others --------------------------------------------------------------------- */

/* Somebody's cycle, which comes at the plan's n-th look at its clock if the handle lets it. */
struct rival {
    struct bench_store *bench;
    unsigned looks; /* until it does */
};

static uint64_t look_and_collect(void *ctx)
{
    struct rival *rival = ctx;
    pthread_mutex_t *lock = &rival->bench->store->lock;

    if (rival->looks-- == 0 && pthread_mutex_trylock(lock) == 0) {
        ck_assert_int_eq(pthread_mutex_unlock(lock), 0);
        (void)bench_collect(rival->bench);
    }
    return 0;
}

/* A plan looks at its clock between finding what is dead and marking what is held. Whether a call
 * may come there is the handle's business; that it does no harm is what counts. */
START_TEST(nothing_that_comes_while_a_plan_is_made_sets_its_counts_against_its_mark)
    {
        struct bench_store bench;
        struct rival rival = { &bench, (unsigned)_i };
        cull_gc_options options = { .clock_ns = look_and_collect, .clock_ctx = &rival };
        cull_plan *plan = NULL;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &(struct bench_options){ 0 });
        (void)bench_commit(&bench, "a", "x=held");
        (void)bench_commit(&bench, "c", "x=dead");
        bench_delete(&bench, "c", 0);
        options.now_ms = bench.now_ms;
        ck_assert_msg(cull_gc_plan(&plan, bench.store, &options, &err) == CULL_OK, "%s",
                      err.message);
        ck_assert_uint_gt(rival.looks, UINT_MAX - 4); /* it had its turn */
        cull_plan_free(plan);
        bench_close(&bench);
    }
END_TEST

/* --- facts that do not fit -------------------------------------------------------------------- */

/* A store with a blob in each state, and an upload that may commit. */
struct stage {
    struct bench_store bench;
    cull_upload *upload;
    uint64_t collection;
    uint32_t held;     /* LIVE, a version holds it */
    uint32_t expected; /* EXPECTED, pinned */
    uint32_t dead;     /* LIVE, nobody holds it */
    uint32_t deleting;
};

/* Write a fact into the log as it is, whatever it says. */
static cull_status write_fact(struct cull__txn *txn, void *ctx, cull_error *err)
{
    struct cull__fact *fact = ctx;

    (void)err;
    if (fact->type == CULL__FACT_COMMIT) {
        fact->id = txn->next_id++;
    }
    cull__txn_add(txn, fact);
    return CULL_OK;
}

static void stage_write(struct stage *stage, struct cull__fact *fact)
{
    const cull_caller caller = bench_caller(&stage->bench);
    cull_error err = { CULL_OK, "" };

    ck_assert_msg(cull__transact(stage->bench.store, CULL__NEED_INDEX, &caller, write_fact, fact,
                                 &err) == CULL_OK,
                  "%s", err.message);
}

static void stage_open(struct stage *stage)
{
    struct bench_store *bench = &stage->bench;
    cull_blob_ref unsent = { .size_bytes = 8 };
    cull_caller caller;
    struct cull__fact claim = { .type = CULL__FACT_CLAIM, .number_count = 1 };
    cull_put_answer answer;
    cull_upload *upload;

    bench_open(bench, &(struct bench_options){ 0 });
    unsent.digest = bench_digest(bench, "expected");
    caller = bench_caller(bench);
    (void)bench_commit(bench, "a", "x=held");
    upload = bench_upload(bench, "a", -1);
    ck_assert_int_eq(bench_put(bench, upload, "x=dead y=deleting", NULL), CULL_OK);
    ck_assert_int_eq(cull_upload_abort(upload, &caller, NULL), CULL_OK);
    cull_upload_free(upload);
    stage->upload = bench_upload(bench, "a", -1);
    ck_assert_int_eq(cull_upload_put(stage->upload, &unsent, 1, &answer, &caller, NULL), CULL_OK);
    ck_assert_int_eq(answer, CULL_PUT_SEND);
    stage->collection = bench_key(bench, "a", 0).collection;
    stage->held = number_of(bench, "held");
    stage->expected = number_of(bench, "expected");
    stage->dead = number_of(bench, "dead");
    stage->deleting = number_of(bench, "deleting");
    claim.numbers = &stage->deleting;
    stage_write(stage, &claim);
    ck_assert_uint_eq(cull__blob_table_state(bench->store->index->blobs, stage->deleting),
                      CULL__BLOB_DELETING);
}

static void stage_close(struct stage *stage)
{
    cull_upload_free(stage->upload);
    bench_close(&stage->bench);
}

enum which { HELD, EXPECTED, DEAD, DELETING, ABSENT };

static const struct {
    const char *name;
    enum cull__fact_type type;
    enum which blob;
    bool fits;
} facts[] = {
    { "a commit opens what is stored", CULL__FACT_COMMIT, DEAD, true },
    { "a commit opens what was never sent", CULL__FACT_COMMIT, EXPECTED, false },
    { "a commit opens what is being deleted", CULL__FACT_COMMIT, DELETING, false },
    { "a commit opens what is not there", CULL__FACT_COMMIT, ABSENT, false },
    { "a pin on what is stored", CULL__FACT_PIN, DEAD, true },
    { "a pin on what is being deleted", CULL__FACT_PIN, DELETING, false },
    { "a pin on what is not there", CULL__FACT_PIN, ABSENT, false },
    { "stored: what was expected", CULL__FACT_STORED, EXPECTED, true },
    { "stored: what is being deleted", CULL__FACT_STORED, DELETING, false },
    { "lost: what is stored", CULL__FACT_LOST, HELD, true },
    { "lost: what is being deleted", CULL__FACT_LOST, DELETING, false },
    { "a claim of what nobody holds", CULL__FACT_CLAIM, DEAD, true },
    { "a claim of what a version holds", CULL__FACT_CLAIM, HELD, false },
    { "a claim of what an upload pins", CULL__FACT_CLAIM, EXPECTED, false },
    { "a claim of what is claimed", CULL__FACT_CLAIM, DELETING, false },
    { "gone: what was claimed", CULL__FACT_GONE, DELETING, true },
    { "gone: what nobody has claimed", CULL__FACT_GONE, DEAD, false },
    { "gone: what a version holds", CULL__FACT_GONE, HELD, false },
    { "taken back: what was claimed", CULL__FACT_RELEASE, DELETING, true },
    { "taken back: what nobody has claimed", CULL__FACT_RELEASE, DEAD, false },
};

static struct cull__fact fact_of(const struct stage *stage, int row, const uint32_t *number)
{
    struct cull__fact fact = { .type = facts[row].type };

    if (facts[row].type == CULL__FACT_COMMIT) {
        fact.parent = cull_upload_id(stage->upload);
        fact.commit.collection = stage->collection;
        fact.commit.ordinal = 1;
        fact.opened = number;
        fact.opened_count = 1;
    } else {
        fact.id = facts[row].type == CULL__FACT_PIN ? cull_upload_id(stage->upload) : 0;
        fact.numbers = number;
        fact.number_count = 1;
    }
    return fact;
}

/* The log's writer keeps such facts out; whoever reads them must not act on what they would make. */
START_TEST(a_log_with_a_fact_that_does_not_fit_is_damaged_for_whoever_reads_it)
    {
        struct stage stage;
        struct cull__fact fact;
        const cull_gc_options options = { .now_ms = 1000 };
        const cull_status want = facts[_i].fits ? CULL_OK : CULL_E_CORRUPT;

        stage_open(&stage);
        {
            const uint32_t numbers[] = { [HELD] = stage.held,
                                         [EXPECTED] = stage.expected,
                                         [DEAD] = stage.dead,
                                         [DELETING] = stage.deleting,
                                         [ABSENT] = 99 };

            fact = fact_of(&stage, _i, &numbers[facts[_i].blob]);
            stage_write(&stage, &fact);
        }
        cull_upload_free(stage.upload); /* before the handle that it is of */
        stage.upload = NULL;
        for (int opened = 0; opened < 2; opened++) { /* by who wrote it, and by who comes later */
            cull_plan *plan = NULL;
            cull_error err = { CULL_OK, "" };
            cull_status status = cull_gc_plan(&plan, stage.bench.store, &options, &err);

            /* A commit made up here has no fingerprint: damaged is said of that, not of the fact. */
            ck_assert_msg((status == CULL_E_CORRUPT) == (want == CULL_E_CORRUPT), "%s: %d: %s",
                          facts[_i].name, (int)status, err.message);
            ck_assert_msg(want == CULL_OK || strstr(err.message, "does not fit") != NULL, "%s: %s",
                          facts[_i].name, err.message);
            cull_plan_free(plan);
            bench_reopen(&stage.bench);
        }
        stage_close(&stage);
    }
END_TEST

Suite *verify_suite(void)
{
    Suite *suite = suite_create("verify");
    TCase *damage = tcase_create("damage");
    TCase *log = tcase_create("log");

    tcase_add_loop_test(
        damage, counts_and_lifespans_that_contradict_each_other_stop_a_cycle_before_its_first_fact,
        0, ARRAY_LEN(damages));
    tcase_add_loop_test(damage,
                        a_checkpoint_that_contradicts_itself_stops_a_cycle_before_its_first_fact, 0,
                        ARRAY_LEN(damages));
    tcase_add_test(
        damage, a_full_verification_comes_by_itself_with_the_first_cycle_and_every_sixteenth_after);
    suite_add_tcase(suite, damage);
    tcase_add_loop_test(
        damage, nothing_that_comes_while_a_plan_is_made_sets_its_counts_against_its_mark, 0, 4);
    tcase_add_loop_test(log, a_log_with_a_fact_that_does_not_fit_is_damaged_for_whoever_reads_it, 0,
                        ARRAY_LEN(facts));
    suite_add_tcase(suite, log);
    return suite;
}
