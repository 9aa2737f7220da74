/*
 * test_threads.c - uploaders, a deleter and a collector on one handle, and on two handles of one
 * log, at once. Nothing depends on who comes first: each uploader makes a fixed number of versions
 * and every one of them that is not deleted must read back whole.
 */
#include "suites.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "store/store_internal.h"
#include "store_support.h"

#define UPLOADERS 3
#define VERSIONS 40

struct worker {
    struct bench_store bench; /* a copy: store, objects and log are shared */
    int number;
    atomic_bool *done;
    int failures;
    cull_error first;
};

static void failed(struct worker *worker, cull_status status, const cull_error *err)
{
    if (status != CULL_OK && worker->failures++ == 0) {
        worker->first = *err;
    }
}

/* What a version of an uploader holds: two blobs shared between uploaders and versions. */
static const char *version_text(char text[96], int number, int version)
{
    (void)snprintf(text, 96, "a=s%d b=s%d own=u%d-%d", version % 5, version / 3 % 7, number,
                   version);
    return text;
}

/* One version of three blobs, two of them shared between uploaders and versions. */
static cull_status make_version(struct worker *worker, int version, cull_error *err)
{
    struct bench_store *bench = &worker->bench;
    const cull_caller caller = bench_caller(bench);
    cull_name name = { "e", "p", "", "" };
    cull_upload_options options = { .collection = &name };
    cull_upload *upload = NULL;
    cull_commit_result result;
    cull_commit_options commit = { 0 };
    cull_manifest *manifest;
    char text[96];
    cull_status status;

    (void)snprintf(name.collection, sizeof name.collection, "c%d", worker->number);
    (void)version_text(text, worker->number, version);
    manifest = bench_manifest(bench, text);
    commit.manifest = manifest;
    do { /* a blob that is being deleted answers wait, and the commit then says what is missing */
        status = cull_upload_open(&upload, bench->store, &options, &caller, err);
        if (status == CULL_OK) {
            status = bench_put(bench, upload, text, err);
        }
        if (status == CULL_OK) {
            status = cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, err);
        }
        if (status != CULL_OK && upload != NULL) {
            cull_status aborted = cull_upload_abort(upload, &caller, err);

            status = aborted == CULL_OK || aborted == CULL_E_BUSY ? status : aborted;
        }
        cull_upload_free(upload);
        upload = NULL;
    } while (status == CULL_E_NOT_STORED || status == CULL_E_BUSY);
    cull_manifest_free(manifest);
    return status;
}

static void *upload_all(void *ctx)
{
    struct worker *worker = ctx;

    for (int version = 0; version < VERSIONS; version++) {
        cull_error err = { CULL_OK, "" };
        cull_status status = make_version(worker, version, &err);

        failed(worker, status, &err);
        if (status == CULL_OK && version >= 4 && version % 2 == 0) {
            const cull_caller caller = bench_caller(&worker->bench);
            const cull_delete_options options = { .delete_aliases = true };
            cull_name name = { "e", "p", "", "" };
            cull_version_key key;

            (void)snprintf(name.collection, sizeof name.collection, "c%d", worker->number);
            (void)snprintf(name.version, sizeof name.version, "v%d", version - 4);
            status = cull_version_find(worker->bench.store, &name, &key, &err);
            do {
                if (status == CULL_OK || status == CULL_E_BUSY) {
                    status = cull_delete(worker->bench.store, &key, 1, &options, &caller, &err);
                }
            } while (status == CULL_E_BUSY);
            failed(worker, status, &err);
        }
    }
    return NULL;
}

static void *collect_until_done(void *ctx)
{
    struct worker *worker = ctx;
    struct bench_store *bench = &worker->bench;
    const cull_caller caller = bench_caller(bench);
    const cull_gc_options options = { .now_ms = bench->now_ms,
                                      .verify_full = true,
                                      .allow_empty_store = true };

    while (!atomic_load(worker->done)) {
        cull_plan *plan = NULL;
        cull_gc_result result;
        cull_error err = { CULL_OK, "" };
        cull_status status = cull_gc_plan(&plan, bench->store, &options, &err);

        if (status == CULL_OK) {
            status = cull_gc_execute(bench->store, plan, &options, &caller, &result, &err);
        }
        failed(worker, status == CULL_E_BUSY ? CULL_OK : status, &err);
        cull_plan_free(plan);
    }
    return NULL;
}

static void run_workers(struct worker workers[UPLOADERS + 1], atomic_bool *done)
{
    pthread_t threads[UPLOADERS + 1];

    for (int i = 0; i <= UPLOADERS; i++) {
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, i < UPLOADERS ? upload_all : collect_until_done,
                           &workers[i]),
            0);
    }
    for (int i = 0; i < UPLOADERS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    atomic_store(done, true);
    ck_assert_int_eq(pthread_join(threads[UPLOADERS], NULL), 0);
    for (int i = 0; i <= UPLOADERS; i++) {
        ck_assert_msg(workers[i].failures == 0, "worker %d: %d failures, the first: %s", i,
                      workers[i].failures, workers[i].first.message);
    }
}

START_TEST(uploaders_and_a_collector_at_once_lose_nothing)
    {
        const struct bench_options options = { .grace_ms = 0 };
        struct bench_store bench;
        struct worker workers[UPLOADERS + 1];
        cull_log *view = NULL;
        cull_store *second = NULL;
        atomic_bool done = false;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        memset(workers, 0, sizeof workers);
        if (_i == 1) { /* the collector and one uploader as another process would */
            cull_store_options other = { .objects = bench.objects };

            ck_assert_int_eq(cull_log_memory_view(&view, bench.log), CULL_OK);
            other.log = view;
            ck_assert_int_eq(cull_store_open(&second, &other, &err), CULL_OK);
        }
        for (int i = 0; i <= UPLOADERS; i++) {
            workers[i].bench = bench;
            workers[i].number = i;
            workers[i].done = &done;
            if (_i == 1 && i % 3 == 0) {
                workers[i].bench.store = second;
            }
        }
        run_workers(workers, &done);
        (void)bench_collect(&bench);
        bench_check(&bench);
        for (int i = 0; i < UPLOADERS; i++) {
            char name[16];

            (void)snprintf(name, sizeof name, "c%d", i);
            for (int version = 0; version < VERSIONS; version++) {
                char want[96];

                if (version % 2 == 0 && version + 4 < VERSIONS) {
                    continue; /* deleted and collected */
                }
                (void)snprintf(want, sizeof want, "a=s%d b=s%d own=u%d-%d", version % 5,
                               version / 3 % 7, i, version);
                ck_assert_str_eq(bench_text(&bench, name, (uint32_t)version), want);
            }
        }
        cull_store_close(second);
        cull_log_close(view);
        bench_close(&bench);
    }
END_TEST

/* --- with somebody who deletes and restores ----------------------------------------------------- */

#define CROWD_UPLOADERS 2
#define CROWD_TURNS 300 /* of the deleter */

static void *upload_only(void *ctx)
{
    struct worker *worker = ctx;

    for (int version = 0; version < VERSIONS; version++) {
        cull_error err = { CULL_OK, "" };

        failed(worker, make_version(worker, version, &err), &err);
    }
    return NULL;
}

/* A status that says that others were faster is no failure. */
static cull_status unless_raced(cull_status status)
{
    return status == CULL_E_NOTFOUND || status == CULL_E_BUSY ? CULL_OK : status;
}

/* Every version is deleted at most once a turn of the numbers, and every third comes back. */
static void *delete_and_restore(void *ctx)
{
    struct worker *worker = ctx;
    const cull_caller caller = bench_caller(&worker->bench);
    const cull_delete_options options = { .delete_aliases = true };

    for (int turn = 0; turn < CROWD_TURNS; turn++) {
        cull_name name = { "e", "p", "", "" };
        cull_version_key key;
        cull_error err = { CULL_OK, "" };
        cull_status status;

        (void)snprintf(name.collection, sizeof name.collection, "c%d", turn % CROWD_UPLOADERS);
        (void)snprintf(name.version, sizeof name.version, "v%d", turn * 7 % VERSIONS);
        status = cull_version_find(worker->bench.store, &name, &key, &err);
        if (status != CULL_OK) { /* not made yet, or purged */
            failed(worker, unless_raced(status), &err);
            (void)sched_yield();
            continue;
        }
        status = cull_delete(worker->bench.store, &key, 1, &options, &caller, &err);
        failed(worker, unless_raced(status), &err);
        if (status == CULL_OK && turn % 3 == 0) {
            status = cull_restore(worker->bench.store, &key, 1, NULL, &caller, &err);
            failed(worker, unless_raced(status), &err);
        }
    }
    return NULL;
}

struct versions_left {
    size_t count;
    struct {
        int number; /* of the uploader */
        uint32_t ordinal;
    } at[CROWD_UPLOADERS * VERSIONS];
};

static cull_status note_version(void *ctx, const cull_version_info *info)
{
    struct versions_left *list = ctx;

    ck_assert_uint_lt(list->count, CROWD_UPLOADERS * VERSIONS);
    list->at[list->count].number = info->collection[1] - '0';
    list->at[list->count++].ordinal = info->key.ordinal;
    return CULL_OK;
}

START_TEST(uploaders_a_deleter_and_a_collector_on_one_handle_leave_whole_versions)
    {
        static void *(*const jobs[])(void *) = { upload_only, upload_only, delete_and_restore,
                                                 collect_until_done };
        enum { JOBS = sizeof jobs / sizeof jobs[0] };
        const struct bench_options options = { .grace_ms = 0 };
        struct bench_store bench;
        struct worker workers[JOBS];
        pthread_t threads[JOBS];
        struct versions_left left = { .count = 0 };
        const cull_selection committed = { 0 };
        atomic_bool done = false;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        memset(workers, 0, sizeof workers);
        for (int i = 0; i < JOBS; i++) {
            workers[i].bench = bench;
            workers[i].number = i;
            workers[i].done = &done;
            ck_assert_int_eq(pthread_create(&threads[i], NULL, jobs[i], &workers[i]), 0);
        }
        for (int i = 0; i < JOBS; i++) {
            atomic_store(&done, i == JOBS - 1);
            ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
            ck_assert_msg(workers[i].failures == 0, "worker %d: %d failures, the first: %s", i,
                          workers[i].failures, workers[i].first.message);
        }
        (void)bench_collect(&bench);
        bench_check(&bench);
        ck_assert_int_eq(cull_select(bench.store, &committed, note_version, &left, &err), CULL_OK);
        ck_assert_uint_gt(left.count, 0);
        for (size_t i = 0; i < left.count; i++) {
            char name[16];
            char want[96];

            (void)snprintf(name, sizeof name, "c%d", left.at[i].number);
            ck_assert_str_eq(bench_text(&bench, name, left.at[i].ordinal),
                             version_text(want, left.at[i].number, (int)left.at[i].ordinal));
        }
        bench_close(&bench);
    }
END_TEST

/* The log's next read says that it was cut, once: the rooms are made anew. */
static struct cut_once {
    struct cull__log_ops ops;
    const struct cull__log_ops *saved;
    unsigned reads;
} cut_once;

static cull_status read_cut(cull_log *log, uint64_t since, cull__batch_visit_fn visit, void *ctx,
                            cull_error *err)
{
    return cut_once.reads++ == 0 ? CULL_E_MOVED : cut_once.saved->read(log, since, visit, ctx, err);
}

static void *enter_and_leave(void *ctx)
{
    struct worker *worker = ctx;
    cull_error err = { CULL_OK, "" };
    cull_status status = cull__store_enter(worker->bench.store, CULL__NEED_INDEX, &err);

    failed(worker, status, &err);
    if (status == CULL_OK) {
        cull__store_leave(worker->bench.store);
    }
    return NULL;
}

/* Somebody else commits a text, if there is one; then the handle is given to another thread, which
 * waits for it already. What the yield said. */
static bool yield_to_another(struct bench_store *bench, struct bench_store *other, const char *text)
{
    struct worker worker = { .bench = *bench };
    cull_error err = { CULL_OK, "" };
    pthread_t thread;
    bool same;

    ck_assert_int_eq(cull__store_enter(bench->store, CULL__NEED_INDEX, &err), CULL_OK);
    if (text != NULL) {
        (void)bench_commit(other, "c", text);
    }
    ck_assert_int_eq(pthread_create(&thread, NULL, enter_and_leave, &worker), 0);
    while (!cull__store_awaited(bench->store)) {
        (void)sched_yield();
    }
    same = cull__store_yield(bench->store);
    ck_assert_ptr_nonnull(bench->store->index);
    cull__store_leave(bench->store);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_msg(worker.failures == 0, "%s", worker.first.message);
    return same;
}

START_TEST(whoever_gives_the_handle_away_is_told_that_the_index_was_loaded_anew)
    {
        const struct bench_options options = { .grace_ms = 0 };
        struct bench_store bench;
        struct bench_store other;
        cull_store_options other_options = { 0 };

        bench_open(&bench, &options);
        other = bench;
        ck_assert_int_eq(cull_log_memory_view(&other.log, bench.log), CULL_OK);
        other_options.log = other.log;
        other_options.objects = other.objects;
        ck_assert_int_eq(cull_store_open(&other.store, &other_options, NULL), CULL_OK);
        (void)bench_commit(&bench, "c", "a=1");
        ck_assert(yield_to_another(&bench, &other, NULL));
        ck_assert(yield_to_another(&bench, &other, "a=2")); /* applied to the same index */

        cut_once.saved = bench.log->ops;
        cut_once.ops = *bench.log->ops;
        cut_once.ops.read = read_cut;
        bench.log->ops = &cut_once.ops;
        ck_assert(!yield_to_another(&bench, &other, "a=3"));
        ck_assert_uint_ge(cut_once.reads, 2);
        ck_assert(yield_to_another(&bench, &other, "a=4"));
        bench.log->ops = cut_once.saved;
        cull_store_close(other.store);
        cull_log_close(other.log);
        bench_close(&bench);
    }
END_TEST

Suite *threads_suite(void)
{
    Suite *suite = suite_create("threads");
    TCase *tc = tcase_create("threads");

    tcase_add_loop_test(tc, uploaders_and_a_collector_at_once_lose_nothing, 0, 2);
    tcase_add_test(tc, uploaders_a_deleter_and_a_collector_on_one_handle_leave_whole_versions);
    tcase_add_test(tc, whoever_gives_the_handle_away_is_told_that_the_index_was_loaded_anew);
    suite_add_tcase(suite, tc);
    return suite;
}
