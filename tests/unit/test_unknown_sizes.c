/*
 * test_unknown_sizes.c - blobs whose size nobody gave, as lists of digests have them; sizes that
 * are a caller's word; references that lead nowhere.
 */
#include "suites.h"

#include <string.h>

#include "store_support.h"

static cull_status put_sized(struct bench_store *bench, cull_upload *upload, const char *content,
                             uint64_t size_bytes, cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    const cull_blob_ref blob = { bench_digest(bench, content), size_bytes };
    cull_put_answer answer;

    return cull_upload_put(upload, &blob, 1, &answer, &caller, err);
}

static void add(const struct bench_store *bench, cull_manifest *manifest, const char *content,
                uint64_t size_bytes)
{
    const cull_entry entry = { .path = content,
                               .path_len = (uint32_t)strlen(content),
                               .kind = CULL_ENTRY_BLOB,
                               .digest = bench_digest(bench, content),
                               .size_bytes = size_bytes };
    cull_error err = { CULL_OK, "" };

    ck_assert_msg(cull_manifest_add(manifest, &entry, &err) == CULL_OK, "%s", err.message);
}

/* A version of one or two files in collection "c", each with a size as it is given. */
static uint32_t commit_sized(struct bench_store *bench, const char *first, uint64_t first_bytes,
                             const char *second, uint64_t second_bytes)
{
    const cull_caller caller = bench_caller(bench);
    cull_upload *upload = bench_upload(bench, "c", -1);
    cull_manifest *manifest = NULL;
    cull_commit_options options = { 0 };
    cull_commit_result result;
    cull_error err = { CULL_OK, "" };

    ck_assert_int_eq(cull_manifest_new(&manifest, bench->digest, NULL), CULL_OK);
    add(bench, manifest, first, first_bytes);
    ck_assert_int_eq(put_sized(bench, upload, first, first_bytes, &err), CULL_OK);
    if (second != NULL) {
        add(bench, manifest, second, second_bytes);
        ck_assert_int_eq(put_sized(bench, upload, second, second_bytes, &err), CULL_OK);
    }
    ck_assert_int_eq(cull_manifest_seal(manifest, &err), CULL_OK);
    options.manifest = manifest;
    ck_assert_msg(
        cull_upload_commit(upload, &options, NULL, NULL, &result, &caller, &err) == CULL_OK, "%s",
        err.message);
    cull_manifest_free(manifest);
    cull_upload_free(upload);
    return result.version.ordinal;
}

static cull_usage usage(struct bench_store *bench)
{
    const cull_scope scope = { .kind = CULL_SCOPE_STORE };
    cull_usage out;
    cull_error err = { CULL_OK, "" };

    ck_assert_int_eq(cull_usage_of(bench->store, &scope, bench->now_ms, &out, &err), CULL_OK);
    return out;
}

static uint64_t blob_size(struct bench_store *bench, const char *content)
{
    const cull_digest digest = bench_digest(bench, content);
    cull_blob_info info;
    cull_error err = { CULL_OK, "" };

    ck_assert_int_eq(cull_why(bench->store, &digest, &info, NULL, NULL, &err), CULL_OK);
    return info.size_bytes;
}

START_TEST(a_blob_without_a_size_counts_as_nothing_and_marks_the_figures)
    {
        const struct bench_options options = { .index_only = true };
        struct bench_store bench;
        cull_usage all;
        cull_stat stat;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        commit_sized(&bench, "known", 5, NULL, 0);
        all = usage(&bench);
        ck_assert(all.size_exact);
        commit_sized(&bench, "known", 5, "other", CULL_SIZE_UNKNOWN);
        for (int turn = 0; turn < 2; turn++) { /* as applied, and as read back */
            all = usage(&bench);
            ck_assert(!all.size_exact);
            ck_assert_uint_eq(all.stored_bytes, 5);
            ck_assert_uint_eq(all.tracked_bytes, 10);
            ck_assert_uint_eq(all.exclusive_bytes, 5);
            ck_assert_int_eq(cull_stat_of(bench.store, &stat, &err), CULL_OK);
            ck_assert_uint_eq(stat.stored_bytes, 5);
            ck_assert(!stat.size_exact);
            ck_assert_uint_eq(blob_size(&bench, "other"), CULL_SIZE_UNKNOWN);
            if (turn == 0) {
                const cull_caller caller = bench_caller(&bench);

                ck_assert_int_eq(cull_store_maintain(bench.store, true, &caller, &err), CULL_OK);
                bench_reopen(&bench);
            }
        }
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(the_first_size_that_was_written_stays)
    {
        const struct bench_options options = { .index_only = true };
        struct bench_store bench;
        cull_upload *upload;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        commit_sized(&bench, "a", CULL_SIZE_UNKNOWN, "b", 7);
        commit_sized(&bench, "a", 3, "b", CULL_SIZE_UNKNOWN);
        ck_assert_uint_eq(blob_size(&bench, "a"), CULL_SIZE_UNKNOWN);
        ck_assert_uint_eq(blob_size(&bench, "b"), 7);
        upload = bench_upload(&bench, "c", -1);
        ck_assert_int_eq(put_sized(&bench, upload, "b", 8, &err), CULL_E_INVALID);
        cull_upload_free(upload);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(of_two_sizes_in_one_batch_the_known_one_is_written)
    {
        const struct bench_options options = { .index_only = true };
        struct bench_store bench;
        cull_upload *upload;
        cull_caller caller;
        cull_blob_ref blobs[3];
        cull_put_answer answers[3];
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        caller = bench_caller(&bench);
        upload = bench_upload(&bench, "c", -1);
        for (size_t i = 0; i < 3; i++) {
            blobs[i] = (cull_blob_ref){ bench_digest(&bench, "x"), CULL_SIZE_UNKNOWN };
        }
        blobs[1].size_bytes = 9;
        ck_assert_int_eq(cull_upload_put(upload, blobs, 3, answers, &caller, &err), CULL_OK);
        ck_assert_uint_eq(blob_size(&bench, "x"), 9);
        cull_upload_free(upload);
        bench_close(&bench);
    }
END_TEST

START_TEST(sizes_whose_sum_overflows_are_refused_before_anything_is_written)
    {
        const struct bench_options options = { .index_only = true };
        struct bench_store bench;
        cull_digest named[2];
        cull_upload *upload;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        caller = bench_caller(&bench);
        upload = bench_upload(&bench, "c", -1);
        ck_assert_int_eq(put_sized(&bench, upload, "x", UINT64_MAX - 10, &err), CULL_OK);
        ck_assert_int_eq(put_sized(&bench, upload, "y", 11, &err), CULL_E_INVALID);
        ck_assert_ptr_nonnull(strstr(err.message, "sum of sizes overflows"));
        ck_assert_int_eq(put_sized(&bench, upload, "y", 10, &err), CULL_OK);
        ck_assert_int_eq(put_sized(&bench, upload, "z", CULL_SIZE_UNKNOWN, &err), CULL_OK);
        named[0] = bench_digest(&bench, "x");
        named[1] = bench_digest(&bench, "y");
        ck_assert_int_eq(cull_upload_confirm(upload, named, 2, &caller, &err), CULL_OK);
        cull_upload_free(upload);
        bench_reopen(&bench); /* the log is one that can be read */
        ck_assert_uint_eq(usage(&bench).stored_bytes, UINT64_MAX);
        bench_close(&bench);
    }
END_TEST

START_TEST(tracked_bytes_stop_at_the_largest_number)
    {
        const struct bench_options options = { .index_only = true };
        struct bench_store bench;

        bench_open(&bench, &options);
        commit_sized(&bench, "x", UINT64_MAX - 10, NULL, 0);
        commit_sized(&bench, "x", UINT64_MAX - 10, "y", 4);
        ck_assert_uint_eq(usage(&bench).tracked_bytes, UINT64_MAX);
        bench_close(&bench);
    }
END_TEST

START_TEST(a_blob_without_a_size_is_sent_read_back_checked_and_collected)
    {
        const struct bench_options options = { 0 };
        struct bench_store bench;
        cull_upload *upload;
        cull_manifest *manifest = NULL;
        cull_commit_options commit = { 0 };
        cull_commit_result result;
        cull_caller caller;
        cull_gc_result freed;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        caller = bench_caller(&bench);
        bench_commit(&bench, "d", "f=kept");
        upload = bench_upload(&bench, "c", -1);
        ck_assert_int_eq(put_sized(&bench, upload, "hello", CULL_SIZE_UNKNOWN, &err), CULL_OK);
        ck_assert_int_eq(bench_put(&bench, upload, "f=hello", &err), CULL_OK);
        ck_assert_uint_eq(blob_size(&bench, "hello"), CULL_SIZE_UNKNOWN);
        manifest = bench_manifest(&bench, "f=hello");
        commit.manifest = manifest;
        ck_assert_int_eq(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err),
                         CULL_OK);
        ck_assert_str_eq(bench_text(&bench, "c", 0), "f=hello");
        bench_check(&bench);
        bench_delete(&bench, "c", 0);
        freed = bench_collect(&bench);
        ck_assert_uint_eq(freed.blobs_deleted, 1);
        ck_assert_uint_eq(freed.bytes_freed, 0);
        ck_assert(!bench_has_object(&bench, "hello"));
        cull_manifest_free(manifest);
        cull_upload_free(upload);
        bench_close(&bench);
    }
END_TEST

START_TEST(a_reference_that_leads_nowhere_is_kept_only_if_that_is_allowed)
    {
        static const cull_entry entry = { .path = "r",
                                          .path_len = 1,
                                          .kind = CULL_ENTRY_ARTIFACT,
                                          .digest_text = "d",
                                          .ref = "wandb-artifact://51584a30615759/x" };
        const struct bench_options options = { .index_only = true };
        struct bench_store bench;
        cull_upload *upload;
        cull_manifest *manifest = NULL;
        cull_commit_options commit = { 0 };
        cull_commit_result result;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        caller = bench_caller(&bench);
        upload = bench_upload(&bench, "c", -1);
        ck_assert_int_eq(cull_manifest_new(&manifest, bench.digest, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_add(manifest, &entry, &err), CULL_OK);
        ck_assert_int_eq(cull_manifest_seal(manifest, &err), CULL_OK);
        commit.manifest = manifest;
        ck_assert_int_eq(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err),
                         CULL_E_NOTFOUND);
        commit.allow_unresolved = true;
        ck_assert_int_eq(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err),
                         CULL_OK);
        bench_check(&bench);
        cull_manifest_free(manifest);
        cull_upload_free(upload);
        bench_close(&bench);
    }
END_TEST

Suite *unknown_sizes_suite(void)
{
    Suite *suite = suite_create("unknown_sizes");
    TCase *rules = tcase_create("rules");

    tcase_add_test(rules, a_blob_without_a_size_counts_as_nothing_and_marks_the_figures);
    tcase_add_test(rules, the_first_size_that_was_written_stays);
    tcase_add_test(rules, of_two_sizes_in_one_batch_the_known_one_is_written);
    tcase_add_test(rules, sizes_whose_sum_overflows_are_refused_before_anything_is_written);
    tcase_add_test(rules, tracked_bytes_stop_at_the_largest_number);
    tcase_add_test(rules, a_blob_without_a_size_is_sent_read_back_checked_and_collected);
    tcase_add_test(rules, a_reference_that_leads_nowhere_is_kept_only_if_that_is_allowed);
    suite_add_tcase(suite, rules);
    return suite;
}
