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

/* Read everything back: from the log, and from checkpoints. */
static void read_back(struct bench_store *bench, int turn)
{
    const cull_caller caller = bench_caller(bench);
    cull_error err = { CULL_OK, "" };

    if (turn > 0) {
        ck_assert_int_eq(cull_store_maintain(bench->store, turn > 1, &caller, &err), CULL_OK);
        bench_reopen(bench);
    }
}

/* Try a version of two files that have these sizes; nothing is put, as others did that. */
static cull_status try_commit(struct bench_store *bench, const char *collection, const char *first,
                              uint64_t first_bytes, const char *second, uint64_t second_bytes,
                              cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    cull_upload *upload = bench_upload(bench, collection, -1);
    cull_manifest *manifest = NULL;
    cull_commit_options options = { 0 };
    cull_commit_result result;
    cull_status status;

    ck_assert_int_eq(cull_manifest_new(&manifest, bench->digest, NULL), CULL_OK);
    add(bench, manifest, first, first_bytes);
    if (second != NULL) {
        add(bench, manifest, second, second_bytes);
    }
    ck_assert_int_eq(cull_manifest_seal(manifest, err), CULL_OK);
    options.manifest = manifest;
    status = cull_upload_commit(upload, &options, NULL, NULL, &result, &caller, err);
    if (status != CULL_OK) {
        cull_error ignored = { CULL_OK, "" };

        ck_assert_int_eq(cull_upload_abort(upload, &caller, &ignored), CULL_OK);
    }
    cull_manifest_free(manifest);
    cull_upload_free(upload);
    return status;
}

START_TEST(a_size_that_a_later_version_says_is_known_from_then_on)
    {
        const struct bench_options options = { .index_only = true };
        struct bench_store bench;
        cull_version_key key;
        cull_upload *upload;
        uint64_t blobs;
        uint64_t bytes;
        bool exact;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        commit_sized(&bench, "a", CULL_SIZE_UNKNOWN, "b", 7);
        commit_sized(&bench, "a", 3, "other", 1);
        for (int turn = 0; turn < 3; turn++) {
            read_back(&bench, turn);
            ck_assert_uint_eq(blob_size(&bench, "a"), 3);
            ck_assert_uint_eq(blob_size(&bench, "b"), 7);
            ck_assert_uint_eq(usage(&bench).stored_bytes, 11);
            key = bench_key(&bench, "c", 1);
            ck_assert_int_eq(cull_would_free(bench.store, &key, 1, &blobs, &bytes, &exact, &err),
                             CULL_OK);
            ck_assert(exact);
            ck_assert_uint_eq(bytes, 1);
            upload = bench_upload(&bench, "c", -1);
            ck_assert_int_eq(put_sized(&bench, upload, "a", 3, &err), CULL_OK);
            ck_assert_int_eq(put_sized(&bench, upload, "a", 4, &err), CULL_E_INVALID);
            ck_assert_int_eq(put_sized(&bench, upload, "a", CULL_SIZE_UNKNOWN, &err), CULL_OK);
            cull_upload_free(upload);
            ck_assert_int_eq(try_commit(&bench, "c", "a", 4, "b", 7, &err), CULL_E_INVALID);
            ck_assert_ptr_nonnull(strstr(err.message, "a: blob "));
            ck_assert_ptr_nonnull(strstr(err.message, "known with 3 bytes, the manifest says 4"));
        }
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(a_size_said_of_an_equal_version_is_learned_too)
    {
        const struct bench_options options = { .index_only = true };
        struct bench_store bench;
        cull_usage all;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        commit_sized(&bench, "a", CULL_SIZE_UNKNOWN, "b", 7);
        ck_assert_uint_eq(commit_sized(&bench, "a", CULL_SIZE_UNKNOWN, "b", CULL_SIZE_UNKNOWN), 0);
        ck_assert(!usage(&bench).size_exact);
        ck_assert_uint_eq(commit_sized(&bench, "a", 3, "b", CULL_SIZE_UNKNOWN), 0);
        for (int turn = 0; turn < 3; turn++) {
            read_back(&bench, turn);
            all = usage(&bench);
            ck_assert(all.size_exact); /* the version's own size too */
            ck_assert_uint_eq(all.tracked_bytes, 10);
            ck_assert_uint_eq(all.stored_bytes, 10);
            ck_assert_int_eq(try_commit(&bench, "c", "a", 4, "b", 7, &err), CULL_E_INVALID);
        }
        bench_close(&bench);
    }
END_TEST

START_TEST(what_a_list_does_not_say_is_filled_in_from_what_is_known)
    {
        const struct bench_options options = { .index_only = true };
        struct bench_store bench;
        cull_usage all;

        bench_open(&bench, &options);
        commit_sized(&bench, "a", 3, "b", 7);
        commit_sized(&bench, "a", CULL_SIZE_UNKNOWN, "c", 2);
        all = usage(&bench);
        ck_assert(all.size_exact);
        ck_assert_uint_eq(all.tracked_bytes, 15);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(of_two_uploads_that_say_different_sizes_the_first_to_commit_is_believed)
    {
        const struct bench_options options = { .index_only = true };
        struct bench_store bench;
        cull_upload *first;
        cull_upload *second;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        commit_sized(&bench, "x", CULL_SIZE_UNKNOWN, NULL, 0);
        first = bench_upload(&bench, "c", -1);
        second = bench_upload(&bench, "c", -1);
        ck_assert_int_eq(put_sized(&bench, first, "x", 4, &err), CULL_OK);
        ck_assert_int_eq(put_sized(&bench, second, "x", 5, &err), CULL_OK);
        ck_assert_uint_eq(blob_size(&bench, "x"), CULL_SIZE_UNKNOWN); /* an upload is no version */
        ck_assert_int_eq(try_commit(&bench, "d", "x", 5, NULL, 0, &err), CULL_OK);
        ck_assert_int_eq(try_commit(&bench, "e", "x", 4, NULL, 0, &err), CULL_E_INVALID);
        ck_assert_uint_eq(blob_size(&bench, "x"), 5);
        cull_upload_free(first);
        cull_upload_free(second);
        bench_close(&bench);
    }
END_TEST

static cull_status abort_upload(struct bench_store *bench, cull_upload *upload)
{
    const cull_caller caller = bench_caller(bench);
    cull_error err = { CULL_OK, "" };
    cull_status status = cull_upload_abort(upload, &caller, &err);

    cull_upload_free(upload);
    return status;
}

START_TEST(what_an_upload_said_that_came_to_nothing_may_be_said_anew)
    {
        for (int index_only = 0; index_only < 2; index_only++) {
            const struct bench_options options = { .index_only = index_only != 0 };
            struct bench_store bench;
            cull_upload *upload;
            cull_error err = { CULL_OK, "" };

            bench_open(&bench, &options);
            upload = bench_upload(&bench, "c", -1);
            ck_assert_int_eq(put_sized(&bench, upload, "x", 400, &err), CULL_OK);
            ck_assert_int_eq(put_sized(&bench, upload, "x", 1, &err), CULL_E_INVALID);
            ck_assert_int_eq(abort_upload(&bench, upload), CULL_OK);
            upload = bench_upload(&bench, "c", -1);
            ck_assert_int_eq(put_sized(&bench, upload, "x", 1, &err), CULL_OK);
            ck_assert_uint_eq(blob_size(&bench, "x"), 1);
            ck_assert_int_eq(put_sized(&bench, upload, "x", 400, &err), CULL_E_INVALID);
            cull_upload_free(upload);
            bench_reopen(&bench);
            ck_assert_uint_eq(blob_size(&bench, "x"), 1);
            bench_commit(&bench, "d", "f=x");
            bench_check(&bench);
            bench_close(&bench);
        }
    }
END_TEST

START_TEST(two_sizes_of_one_digest_in_a_manifest_are_refused_and_neither_is_learned)
    {
        const struct bench_options options = { .index_only = true };
        struct bench_store bench;
        cull_entry entry = { .kind = CULL_ENTRY_BLOB, .path = "p", .path_len = 1 };
        cull_manifest *manifest = NULL;
        cull_commit_options commit = { 0 };
        cull_commit_result result;
        cull_upload *upload;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        caller = bench_caller(&bench);
        commit_sized(&bench, "x", CULL_SIZE_UNKNOWN, NULL, 0);
        upload = bench_upload(&bench, "c", -1);
        ck_assert_int_eq(cull_manifest_new(&manifest, bench.digest, NULL), CULL_OK);
        for (unsigned i = 0; i < 3; i++) {
            static const char *const paths[] = { "p", "q", "r" };

            entry.path = paths[i];
            entry.digest = bench_digest(&bench, "x");
            entry.size_bytes = i == 0 ? CULL_SIZE_UNKNOWN : i;
            ck_assert_int_eq(cull_manifest_add(manifest, &entry, &err), CULL_OK);
        }
        ck_assert_int_eq(cull_manifest_seal(manifest, &err), CULL_OK);
        commit.manifest = manifest;
        ck_assert_int_eq(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err),
                         CULL_E_INVALID);
        ck_assert_str_eq(err.message, "r: has 2 bytes, and another file of the same digest 1");
        ck_assert_uint_eq(blob_size(&bench, "x"), CULL_SIZE_UNKNOWN);
        cull_manifest_free(manifest);
        cull_upload_free(upload);
        bench_close(&bench);
    }
END_TEST

START_TEST(a_size_whose_sum_overflows_is_not_learned)
    {
        const struct bench_options options = { .index_only = true };
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        commit_sized(&bench, "x", UINT64_MAX - 10, "y", CULL_SIZE_UNKNOWN);
        ck_assert_int_eq(try_commit(&bench, "d", "y", 11, NULL, 0, &err), CULL_E_INVALID);
        ck_assert_ptr_nonnull(strstr(err.message, "sum of sizes overflows"));
        ck_assert_int_eq(try_commit(&bench, "d", "y", 10, NULL, 0, &err), CULL_OK);
        bench_reopen(&bench);
        ck_assert_uint_eq(usage(&bench).stored_bytes, UINT64_MAX);
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

START_TEST(the_blob_that_is_refused_is_named_among_the_answers)
    {
        const struct bench_options options = { .index_only = true };
        static const char *const contents[] = { "new", "known", "other" };
        struct bench_store bench;
        cull_upload *upload;
        cull_caller caller;
        cull_blob_ref blobs[3];
        cull_put_answer answers[3];
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        caller = bench_caller(&bench);
        commit_sized(&bench, "known", 5, NULL, 0);
        upload = bench_upload(&bench, "c", -1);
        for (size_t i = 0; i < 3; i++) {
            blobs[i] = (cull_blob_ref){ bench_digest(&bench, contents[i]), 6 };
            answers[i] = CULL_PUT_REFUSED;
        }
        ck_assert_int_eq(cull_upload_put(upload, blobs, 3, answers, &caller, &err), CULL_E_INVALID);
        ck_assert_int_eq(answers[0], CULL_PUT_NONE);
        ck_assert_int_eq(answers[1], CULL_PUT_REFUSED);
        ck_assert_int_eq(answers[2], CULL_PUT_NONE);
        blobs[1].size_bytes = 5;
        blobs[2].size_bytes = UINT64_MAX - 10;
        ck_assert_int_eq(cull_upload_put(upload, blobs, 3, answers, &caller, &err), CULL_E_INVALID);
        ck_assert_int_eq(answers[0], CULL_PUT_NONE);
        ck_assert_int_eq(answers[1], CULL_PUT_NONE);
        ck_assert_int_eq(answers[2], CULL_PUT_REFUSED);
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
        ck_assert_uint_eq(blob_size(&bench, "hello"), 5); /* the content says so */
        ck_assert_int_eq(put_sized(&bench, upload, "hello", 6, &err), CULL_E_INVALID);
        manifest = bench_manifest(&bench, "f=hello");
        commit.manifest = manifest;
        ck_assert_int_eq(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err),
                         CULL_OK);
        ck_assert_str_eq(bench_text(&bench, "c", 0), "f=hello");
        bench_check(&bench);
        cull_upload_free(upload);
        bench_reopen(&bench);
        ck_assert_uint_eq(blob_size(&bench, "hello"), 5);
        bench_delete(&bench, "c", 0);
        freed = bench_collect(&bench);
        ck_assert_uint_eq(freed.blobs_deleted, 1);
        ck_assert_uint_eq(freed.bytes_freed, 5);
        ck_assert(freed.bytes_exact);
        ck_assert(!bench_has_object(&bench, "hello"));
        cull_manifest_free(manifest);
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
    tcase_add_test(rules, a_size_that_a_later_version_says_is_known_from_then_on);
    tcase_add_test(rules, a_size_said_of_an_equal_version_is_learned_too);
    tcase_add_test(rules, what_a_list_does_not_say_is_filled_in_from_what_is_known);
    tcase_add_test(rules, of_two_uploads_that_say_different_sizes_the_first_to_commit_is_believed);
    tcase_add_test(rules, what_an_upload_said_that_came_to_nothing_may_be_said_anew);
    tcase_add_test(rules, two_sizes_of_one_digest_in_a_manifest_are_refused_and_neither_is_learned);
    tcase_add_test(rules, a_size_whose_sum_overflows_is_not_learned);
    tcase_add_test(rules, of_two_sizes_in_one_batch_the_known_one_is_written);
    tcase_add_test(rules, the_blob_that_is_refused_is_named_among_the_answers);
    tcase_add_test(rules, sizes_whose_sum_overflows_are_refused_before_anything_is_written);
    tcase_add_test(rules, tracked_bytes_stop_at_the_largest_number);
    tcase_add_test(rules, a_blob_without_a_size_is_sent_read_back_checked_and_collected);
    tcase_add_test(rules, a_reference_that_leads_nowhere_is_kept_only_if_that_is_allowed);
    suite_add_tcase(suite, rules);
    return suite;
}
