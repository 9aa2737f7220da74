/*
 * test_hand_over.c - stores that keep no objects: list, confirm, release.
 */
#include "suites.h"

#include <string.h>

#include "store_support.h"

struct listed {
    cull_digest digests[16];
    size_t count;
};

static cull_status take(void *ctx, const cull_blob_ref *blob)
{
    struct listed *listed = ctx;

    ck_assert_uint_lt(listed->count, 16);
    listed->digests[listed->count++] = blob->digest;
    return CULL_OK;
}

static cull_status fail_at_first(void *ctx, const cull_blob_ref *blob)
{
    (void)ctx;
    (void)blob;
    return CULL_E_NOSPACE;
}

static cull_status list(struct bench_store *bench, cull_free_visit_fn visit, void *ctx,
                        cull_gc_result *result)
{
    const cull_caller caller = bench_caller(bench);
    const cull_gc_options options = { .now_ms = bench->now_ms, .verify_full = true };
    cull_plan *plan = NULL;
    cull_error err = { CULL_OK, "" };
    cull_status status;

    ck_assert_int_eq(cull_gc_plan(&plan, bench->store, &options, &err), CULL_OK);
    status = cull_gc_list(bench->store, plan, &options, &caller, visit, ctx, result, &err);
    cull_plan_free(plan);
    return status;
}

static cull_put_answer answer_for(struct bench_store *bench, const char *content)
{
    const cull_caller caller = bench_caller(bench);
    cull_upload *upload = bench_upload(bench, "c", -1);
    const cull_blob_ref blob = { bench_digest(bench, content), strlen(content) };
    cull_put_answer answer = CULL_PUT_SEND;
    cull_error err = { CULL_OK, "" };

    ck_assert_int_eq(cull_upload_put(upload, &blob, 1, &answer, &caller, &err), CULL_OK);
    ck_assert_int_eq(cull_upload_abort(upload, &caller, &err), CULL_OK);
    cull_upload_free(upload);
    return answer;
}

static void open_with_garbage(struct bench_store *bench)
{
    const struct bench_options options = { .index_only = true };

    bench_open(bench, &options);
    bench_commit(bench, "c", "a=1 b=22");
    bench_commit(bench, "c", "a=1 c=333");
    bench_delete(bench, "c", 0);
}

START_TEST(a_list_names_what_is_free_and_confirming_makes_it_gone)
    {
        struct bench_store bench;
        struct listed listed = { .count = 0 };
        cull_gc_result result;
        cull_caller caller;
        uint64_t count = 0;
        cull_error err = { CULL_OK, "" };
        cull_digest want;

        open_with_garbage(&bench);
        caller = bench_caller(&bench);
        ck_assert_int_eq(list(&bench, take, &listed, &result), CULL_OK);
        ck_assert_uint_eq(listed.count, 1);
        ck_assert_uint_eq(result.bytes_freed, 2);
        want = bench_digest(&bench, "22");
        ck_assert_int_eq(memcmp(&want, &listed.digests[0], sizeof want), 0);
        ck_assert_int_eq(answer_for(&bench, "22"), CULL_PUT_WAIT);
        bench_reopen(&bench);
        ck_assert_int_eq(answer_for(&bench, "22"), CULL_PUT_WAIT);
        ck_assert_int_eq(cull_gc_confirm(bench.store, listed.digests, 1, &caller, &count, &err),
                         CULL_OK);
        ck_assert_uint_eq(count, 1);
        ck_assert_int_eq(cull_gc_confirm(bench.store, listed.digests, 1, &caller, &count, &err),
                         CULL_OK);
        ck_assert_uint_eq(count, 0); /* gone already: harmless */
        ck_assert_int_eq(answer_for(&bench, "22"), CULL_PUT_STORED);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(what_is_released_can_be_named_again_and_is_listed_again)
    {
        struct bench_store bench;
        struct listed listed = { .count = 0 };
        cull_gc_result result;
        cull_caller caller;
        uint64_t count = 0;
        cull_error err = { CULL_OK, "" };

        open_with_garbage(&bench);
        caller = bench_caller(&bench);
        ck_assert_int_eq(list(&bench, take, &listed, &result), CULL_OK);
        ck_assert_int_eq(cull_gc_release(bench.store, listed.digests, 1, &caller, &count, &err),
                         CULL_OK);
        ck_assert_uint_eq(count, 1);
        ck_assert_int_eq(answer_for(&bench, "22"), CULL_PUT_STORED);
        listed.count = 0;
        ck_assert_int_eq(list(&bench, take, &listed, &result), CULL_OK);
        ck_assert_uint_eq(listed.count, 1);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(a_list_that_was_lost_is_made_again)
    {
        struct bench_store bench;
        struct listed listed = { .count = 0 };
        cull_gc_result result;

        open_with_garbage(&bench);
        ck_assert_int_eq(list(&bench, fail_at_first, NULL, &result), CULL_E_NOSPACE);
        ck_assert_int_eq(list(&bench, take, &listed, &result), CULL_OK);
        ck_assert_uint_eq(listed.count, 1);
        ck_assert_int_eq(list(&bench, take, &listed, &result), CULL_OK);
        ck_assert_uint_eq(listed.count, 2); /* told again until it is confirmed */
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(what_a_version_holds_cannot_be_confirmed_away)
    {
        struct bench_store bench;
        cull_caller caller;
        cull_digest held;
        uint64_t count = 9;
        cull_error err = { CULL_OK, "" };

        open_with_garbage(&bench);
        caller = bench_caller(&bench);
        held = bench_digest(&bench, "1");
        ck_assert_int_eq(cull_gc_confirm(bench.store, &held, 1, &caller, &count, &err), CULL_OK);
        ck_assert_uint_eq(count, 0);
        ck_assert_int_eq(answer_for(&bench, "1"), CULL_PUT_STORED);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(a_store_that_keeps_objects_refuses_lists)
    {
        const struct bench_options options = { .grace_ms = 0 };
        struct bench_store bench;
        cull_gc_result result;
        cull_caller caller;
        uint64_t count;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        caller = bench_caller(&bench);
        bench_commit(&bench, "c", "a=1");
        ck_assert_int_eq(list(&bench, take, NULL, &result), CULL_E_REFUSED);
        ck_assert_int_eq(cull_gc_confirm(bench.store, NULL, 0, &caller, &count, &err),
                         CULL_E_REFUSED);
        ck_assert_int_eq(cull_gc_release(bench.store, NULL, 0, &caller, &count, &err),
                         CULL_E_REFUSED);
        bench_close(&bench);
    }
END_TEST

Suite *hand_over_suite(void)
{
    Suite *suite = suite_create("hand_over");
    TCase *tc = tcase_create("hand_over");

    tcase_add_test(tc, a_list_names_what_is_free_and_confirming_makes_it_gone);
    tcase_add_test(tc, what_is_released_can_be_named_again_and_is_listed_again);
    tcase_add_test(tc, a_list_that_was_lost_is_made_again);
    tcase_add_test(tc, what_a_version_holds_cannot_be_confirmed_away);
    tcase_add_test(tc, a_store_that_keeps_objects_refuses_lists);
    suite_add_tcase(suite, tc);
    return suite;
}
