/*
 * test_few_threads.c - a full verification for which the system gives fewer threads than it asks for.
 *
 * Beside it somebody uses the handle all the time, so that it comes in many pieces, each of which
 * starts threads anew. Whenever the system stops giving them, the plan must come to its end.
 */
#include "suites.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "cull/cull.h"
#include "store_support.h"
#include "tests/fault/crash_threads.h"

#define FILES 70000 /* over what a piece is worth threads for */
#define VERSIONS 4
#define TEXT_MAX (FILES * 24)

static void commit_all(struct bench_store *bench)
{
    char *text = malloc(TEXT_MAX);

    ck_assert_ptr_nonnull(text);
    for (unsigned version = 0; version < VERSIONS; version++) {
        size_t len = 0;

        for (unsigned i = 0; i < FILES; i++) {
            len += (size_t)snprintf(text + len, TEXT_MAX - len, "%sf%u=c%u-%u", i == 0 ? "" : " ",
                                    i, i, version);
        }
        ck_assert_uint_lt(len, TEXT_MAX);
        (void)bench_commit(bench, "c", text);
    }
    free(text);
}

struct other {
    struct bench_store *bench;
    atomic_bool done;
};

static void *use_handle(void *ctx)
{
    struct other *other = ctx;
    uint64_t seq;

    while (!atomic_load(&other->done)) {
        if (cull_store_refresh(other->bench->store, &seq, NULL) != CULL_OK) {
            return other;
        }
    }
    return NULL;
}

START_TEST(a_full_verification_ends_whenever_threads_are_no_longer_to_be_had)
    {
        struct bench_store bench;
        struct other other = { .bench = &bench };
        const cull_gc_options options = { .now_ms = 1, .verify_full = true, .threads = 3 };
        pthread_t thread;
        void *failed = &other;

        bench_open(&bench, &(struct bench_options){ .index_only = true });
        commit_all(&bench);
        atomic_store(&other.done, false);
        ck_assert_int_eq(pthread_create(&thread, NULL, use_handle, &other), 0);
        for (int given = 0; given < 24; given++) {
            cull_plan *plan = NULL;
            cull_plan_info info;
            cull_error err = { CULL_OK, "" };
            cull_status status;

            crash_threads_allow(given);
            status = cull_gc_plan(&plan, bench.store, &options, &err);
            crash_threads_allow(-1);
            ck_assert_msg(status == CULL_OK, "%d threads given: %s", given, err.message);
            cull_plan_get_info(plan, &info);
            ck_assert(info.verified_full);
            cull_plan_free(plan);
        }
        atomic_store(&other.done, true);
        ck_assert_int_eq(pthread_join(thread, &failed), 0);
        ck_assert_ptr_null(failed);
        bench_close(&bench);
    }
END_TEST

Suite *few_threads_suite(void)
{
    Suite *suite = suite_create("few_threads");
    TCase *tc = tcase_create("few_threads");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_full_verification_ends_whenever_threads_are_no_longer_to_be_had);
    suite_add_tcase(suite, tc);
    return suite;
}
