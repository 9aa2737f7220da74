/*
 * test_passes.c - a cycle with little memory works in passes, and comes to the same.
 *
 * Two stores of equal content; one collects with all the memory there is, one with the least. Dead are
 * blobs of several collections: some that two collections held, one of which keeps its own, and some
 * that an upload pinned whose lease is over.
 */
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cull/cull.h"
#include "store_support.h"

#define FILES 3000
#define SHARED 500
#define TEXT_MAX (FILES * 32)

/* Files [from, to) whose content says `kind`, after what is in the text already. */
static void add_files(char *text, const char *kind, unsigned from, unsigned to)
{
    size_t len = strlen(text);

    for (unsigned i = from; i < to; i++) {
        len += (size_t)snprintf(text + len, TEXT_MAX - len, "%s%s%u=%s-%u", len == 0 ? "" : " ",
                                kind, i, kind, i);
    }
    ck_assert_uint_lt(len, TEXT_MAX);
}

/* "a" and "b" share some files and go; "c" stays and shares others; "d" is an upload left alone. */
static void fill(struct bench_store *bench, bool index_only)
{
    char *text = calloc(1, TEXT_MAX);
    cull_upload *upload;

    ck_assert_ptr_nonnull(text);
    bench_open(bench, &(struct bench_options){ .lease_ms = 1000, .index_only = index_only });
    add_files(text, "a", 0, FILES);
    add_files(text, "shared", 0, SHARED);
    (void)bench_commit(bench, "a", text);
    add_files(text, "later", 0, 10);
    (void)bench_commit(bench, "a", text);
    *text = '\0';
    add_files(text, "b", 0, FILES);
    add_files(text, "shared", 0, SHARED);
    add_files(text, "kept", 0, SHARED);
    (void)bench_commit(bench, "b", text);
    *text = '\0';
    add_files(text, "kept", 0, SHARED);
    (void)bench_commit(bench, "c", text);
    *text = '\0';
    add_files(text, "left", 0, SHARED);
    upload = bench_upload(bench, "d", -1);
    ck_assert_int_eq(bench_put(bench, upload, text, NULL), CULL_OK);
    cull_upload_free(upload);
    free(text);
    bench_delete(bench, "a", 0);
    bench_delete(bench, "a", 1);
    bench_delete(bench, "b", 0);
    bench->now_ms += 5000;
}

static cull_status count_free(void *ctx, const cull_blob_ref *blob)
{
    (void)blob;
    ++*(uint64_t *)ctx;
    return CULL_OK;
}

static cull_gc_result collect(struct bench_store *bench, bool index_only, uint64_t max_memory,
                              uint64_t max_deletes, cull_plan_info *info)
{
    const cull_gc_options options = { .now_ms = bench->now_ms,
                                      .allow_large_plan = true,
                                      .max_memory = max_memory,
                                      .max_deletes = max_deletes };
    const cull_caller caller = bench_caller(bench);
    cull_error err = { CULL_OK, "" };
    cull_plan *plan = NULL;
    cull_gc_result result;
    uint64_t told = 0;

    ck_assert_msg(cull_gc_plan(&plan, bench->store, &options, &err) == CULL_OK, "%s", err.message);
    cull_plan_get_info(plan, info);
    ck_assert_msg(
        (index_only
             ? cull_gc_list(bench->store, plan, &options, &caller, count_free, &told, &result, &err)
             : cull_gc_execute(bench->store, plan, &options, &caller, &result, &err)) == CULL_OK,
        "%s", err.message);
    ck_assert(!index_only || told == result.blobs_deleted);
    cull_plan_free(plan);
    return result;
}

START_TEST(a_cycle_in_passes_deletes_what_one_pass_deletes)
    {
        bool index_only = _i == 1;
        struct bench_store one;
        struct bench_store many;
        cull_plan_info plan_one;
        cull_plan_info plan_many;
        cull_gc_result at_once;
        cull_gc_result in_passes;

        fill(&one, index_only);
        fill(&many, index_only);
        at_once = collect(&one, index_only, 0, 0, &plan_one);
        in_passes = collect(&many, index_only, 1, 0, &plan_many);
        ck_assert_uint_eq(plan_one.listed, plan_one.blobs);
        ck_assert_uint_eq(plan_many.listed, 1000); /* a batch, so that there are many passes */
        ck_assert_uint_ge(plan_many.blobs, 2 * FILES + SHARED + 10);
        ck_assert_uint_eq(plan_many.blobs, plan_one.blobs);
        ck_assert_uint_eq(plan_many.bytes, plan_one.bytes);
        ck_assert_uint_eq(in_passes.blobs_deleted, at_once.blobs_deleted);
        ck_assert_uint_eq(in_passes.bytes_freed, at_once.bytes_freed);
        ck_assert_uint_eq(in_passes.versions_purged, 3);
        ck_assert(!in_passes.limit);
        ck_assert_uint_eq(collect(&many, index_only, 1, 0, &plan_many).versions_purged, 0);
        ck_assert_uint_eq(plan_many.blobs, 0);
        if (!index_only) {
            ck_assert_uint_eq(cull_objects_memory_count(many.objects, NULL), SHARED);
            ck_assert(bench_has_object(&many, "kept-7"));
            bench_check(&many);
        }
        bench_close(&one);
        bench_close(&many);
    }
END_TEST

START_TEST(a_limit_holds_over_all_passes_and_the_next_cycle_goes_on)
    {
        struct bench_store bench;
        cull_plan_info info;
        cull_gc_result result;
        uint64_t all;

        fill(&bench, false);
        result = collect(&bench, false, 1, 2500, &info);
        all = info.blobs;
        ck_assert(result.limit);
        ck_assert_uint_eq(result.blobs_deleted, 2500);
        result = collect(&bench, false, 1, 0, &info);
        ck_assert_uint_eq(info.blobs, all - 2500);
        ck_assert_uint_eq(result.blobs_deleted, all - 2500);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* What a plan does not list counts all the same when it is asked whether it is too large. */
START_TEST(a_large_plan_is_refused_however_little_memory_it_may_have)
    {
        const cull_gc_options options = { .now_ms = UINT64_C(1) << 40, .max_memory = 1 };
        struct bench_store bench;
        cull_plan *plan = NULL;
        cull_plan_info info;

        fill(&bench, false);
        ck_assert_int_eq(cull_gc_plan(&plan, bench.store, &options, NULL), CULL_OK);
        cull_plan_get_info(plan, &info);
        ck_assert_ptr_nonnull(info.refusal);
        ck_assert_ptr_nonnull(strstr(info.refusal, "--allow-large-plan"));
        cull_plan_free(plan);
        bench_close(&bench);
    }
END_TEST

Suite *passes_suite(void)
{
    Suite *suite = suite_create("passes");
    TCase *tc = tcase_create("passes");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_cycle_in_passes_deletes_what_one_pass_deletes, 0, 2);
    tcase_add_test(tc, a_limit_holds_over_all_passes_and_the_next_cycle_goes_on);
    tcase_add_test(tc, a_large_plan_is_refused_however_little_memory_it_may_have);
    suite_add_tcase(suite, tc);
    return suite;
}
