/*
 * test_hand_over.c - stores that keep no objects: list, confirm, release.
 */
#include "suites.h"

#include <string.h>

#include "log/log_internal.h"
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

/* --- what was only named ------------------------------------------------------------------------ */

static void name_blob(struct bench_store *bench, cull_upload *upload, const char *content)
{
    const cull_caller caller = bench_caller(bench);
    const cull_blob_ref blob = { bench_digest(bench, content), strlen(content) };
    cull_put_answer answer = CULL_PUT_SEND;
    cull_error err = { CULL_OK, "" };

    ck_assert_int_eq(cull_upload_put(upload, &blob, 1, &answer, &caller, &err), CULL_OK);
    ck_assert_int_eq(answer, CULL_PUT_STORED);
}

static void commit_text(struct bench_store *bench, cull_upload *upload, const char *text)
{
    const cull_caller caller = bench_caller(bench);
    cull_manifest *manifest = bench_manifest(bench, text);
    const cull_commit_options options = { .manifest = manifest };
    cull_commit_result result;
    cull_error err = { CULL_OK, "" };

    ck_assert_msg(
        cull_upload_commit(upload, &options, NULL, NULL, &result, &caller, &err) == CULL_OK, "%s",
        err.message);
    cull_manifest_free(manifest);
}

enum upload_end { END_ABORT, END_LEASE, END_COMMIT, END_EQUAL, END_COLLECTION };

static void end_upload(struct bench_store *bench, cull_upload *upload, enum upload_end end)
{
    const cull_caller caller = bench_caller(bench);
    const cull_scope scope = {
        .kind = CULL_SCOPE_COLLECTION, .entity = "e", .project = "p", .collection = "c"
    };
    cull_error err = { CULL_OK, "" };

    switch (end) {
    case END_ABORT:
        ck_assert_int_eq(cull_upload_abort(upload, &caller, &err), CULL_OK);
        break;
    case END_LEASE:
        bench->now_ms += 3600 * 1000;
        break;
    case END_COMMIT: /* of something else */
        commit_text(bench, upload, "a=kept");
        break;
    case END_EQUAL:
        bench_commit(bench, "c", "a=kept");
        commit_text(bench, upload, "a=kept");
        break;
    case END_COLLECTION:
        ck_assert_int_eq(
            cull_delete_scope(bench->store, &scope, false, false, NULL, NULL, &caller, &err),
            CULL_OK);
        break;
    }
}

static const struct {
    const char *name;
    enum upload_end end;
    bool confirm;
    bool reopen;
} end_cases[] = {
    { "aborted", END_ABORT, false, false },
    { "aborted, and read back", END_ABORT, false, true },
    { "its lease is over", END_LEASE, false, false },
    { "its lease is over, and read back", END_LEASE, false, true },
    { "committed without it", END_COMMIT, false, false },
    { "equal to a version without it", END_EQUAL, false, false },
    { "its collection is deleted", END_COLLECTION, false, false },
    { "confirmed and aborted", END_ABORT, true, false },
    { "confirmed, and its lease is over", END_LEASE, true, true },
    { "confirmed, and committed without it", END_COMMIT, true, false },
};

/* The content was there before the upload, unless somebody says otherwise. */
START_TEST(what_was_only_named_is_forgotten_and_what_was_confirmed_is_listed)
    {
        const struct bench_options options = { .index_only = true };
        const char *name = end_cases[_i].name;
        struct listed listed = { .count = 0 };
        struct bench_store bench;
        cull_gc_result result;
        cull_upload *upload;
        cull_caller caller;
        cull_digest other;
        cull_stat stat;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        caller = bench_caller(&bench);
        bench_commit(&bench, "d", "f=kept");
        upload = bench_upload(&bench, "c", -1);
        name_blob(&bench, upload, "kept");
        name_blob(&bench, upload, "other");
        other = bench_digest(&bench, "other");
        if (end_cases[_i].confirm) {
            ck_assert_int_eq(cull_upload_confirm(upload, &other, 1, &caller, &err), CULL_OK);
        }
        end_upload(&bench, upload, end_cases[_i].end);
        cull_upload_free(upload);
        if (end_cases[_i].reopen) {
            bench_reopen(&bench);
        }
        ck_assert_int_eq(list(&bench, take, &listed, &result), CULL_OK);
        ck_assert_msg(listed.count == end_cases[_i].confirm, "%s", name);
        ck_assert_msg(result.blobs_deleted == end_cases[_i].confirm, "%s", name);
        ck_assert_msg(result.bytes_freed == (end_cases[_i].confirm ? 5 : 0), "%s", name);
        ck_assert_int_eq(cull_stat_of(bench.store, &stat, &err), CULL_OK);
        ck_assert_msg(stat.blobs == 1u + end_cases[_i].confirm && stat.blobs_expected == 0, "%s",
                      name);
        bench_check(&bench);
        bench_reopen(&bench);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(what_a_plan_promises_is_what_deleting_says_and_what_is_listed)
    {
        struct listed listed = { .count = 0 };
        struct bench_store bench;
        cull_gc_options options = { 0 };
        cull_gc_result result;
        cull_plan_info info;
        cull_plan *plan = NULL;
        cull_version_key key;
        cull_upload *upload;
        uint64_t blobs = 0;
        uint64_t bytes = 0;
        bool exact = false;
        cull_error err = { CULL_OK, "" };

        open_with_garbage(&bench); /* a=1 b=22 is deleted */
        options.now_ms = bench.now_ms;
        key = bench_key(&bench, "c", 0);
        upload = bench_upload(&bench, "c", -1);
        name_blob(&bench, upload, "other");
        end_upload(&bench, upload, END_ABORT);
        cull_upload_free(upload);
        ck_assert_int_eq(cull_would_free(bench.store, &key, 1, &blobs, &bytes, &exact, &err),
                         CULL_OK);
        ck_assert_int_eq(cull_gc_plan(&plan, bench.store, &options, &err), CULL_OK);
        cull_plan_get_info(plan, &info);
        cull_plan_free(plan);
        ck_assert_uint_eq(info.blobs, blobs);
        ck_assert_uint_eq(info.bytes, bytes);
        ck_assert_int_eq(list(&bench, take, &listed, &result), CULL_OK);
        ck_assert_uint_eq(listed.count, blobs);
        ck_assert_uint_eq(result.bytes_freed, bytes);
        bench_close(&bench);
    }
END_TEST

START_TEST(another_upload_may_commit_what_one_has_named)
    {
        const struct bench_options options = { .index_only = true };
        struct listed listed = { .count = 0 };
        struct bench_store bench;
        cull_gc_result result;
        cull_upload *names;
        cull_upload *commits;

        bench_open(&bench, &options);
        names = bench_upload(&bench, "c", -1);
        name_blob(&bench, names, "x");
        name_blob(&bench, names, "y");
        commits = bench_upload(&bench, "c", -1); /* as importing a history does */
        commit_text(&bench, commits, "a=x");
        end_upload(&bench, names, END_ABORT);
        ck_assert_int_eq(list(&bench, take, &listed, &result), CULL_OK);
        ck_assert_uint_eq(listed.count, 0);
        bench_check(&bench);
        cull_upload_free(names);
        cull_upload_free(commits);
        bench_close(&bench);
    }
END_TEST

/* A plan is made, and before it is executed a blob of it goes, and is named anew. */
START_TEST(a_plan_does_not_list_what_has_been_named_anew_since)
    {
        struct listed listed = { .count = 0 };
        struct bench_store bench;
        cull_gc_options options = { 0 };
        cull_gc_result result;
        cull_plan *plan = NULL;
        cull_upload *upload;
        cull_caller caller;
        uint64_t count;
        cull_error err = { CULL_OK, "" };

        open_with_garbage(&bench);
        caller = bench_caller(&bench);
        options.now_ms = bench.now_ms;
        ck_assert_int_eq(cull_gc_plan(&plan, bench.store, &options, &err), CULL_OK);
        ck_assert_int_eq(list(&bench, take, &listed, &result), CULL_OK);
        ck_assert_int_eq(cull_gc_confirm(bench.store, listed.digests, 1, &caller, &count, &err),
                         CULL_OK);
        upload = bench_upload(&bench, "c", -1);
        name_blob(&bench, upload, "22");
        end_upload(&bench, upload, END_ABORT);
        cull_upload_free(upload);
        listed.count = 0;
        ck_assert_int_eq(
            cull_gc_list(bench.store, plan, &options, &caller, take, &listed, &result, &err),
            CULL_OK);
        ck_assert_uint_eq(listed.count, 0);
        cull_plan_free(plan);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

struct prefix {
    cull_log *out;
    uint64_t end;  /* batches after this seq are lost */
    uint64_t next; /* the end of the first of them; 0: none */
};

static cull_status copy_batch(void *ctx, uint64_t first_seq, uint32_t fact_count, uint64_t now_ms,
                              const void *data, size_t len, cull_error *err)
{
    const struct cull__batch batch = {
        .data = data, .len = len, .fact_count = fact_count, .reader_min = 1, .now_ms = now_ms
    };
    struct prefix *prefix = ctx;
    uint64_t seq = first_seq - 1;

    if (seq >= prefix->end) {
        prefix->next = prefix->next == 0 ? seq + fact_count : prefix->next;
        return CULL_OK;
    }
    return prefix->out->ops->append(prefix->out, seq, &batch, &seq, err);
}

/* The process dies behind every append of two imports, the second of which goes by a base and by
 * patches: whatever stands in the log then, nothing is listed, for no version was deleted. */
START_TEST(wherever_an_import_dies_nothing_of_it_is_listed)
    {
        const struct bench_options options = { .index_only = true };
        struct bench_store bench;
        cull_upload *chunk;
        unsigned deaths = 0;

        bench_open(&bench, &options);
        bench_commit(&bench, "c", "a=1 b=22");
        chunk = bench_upload(&bench, "c", -1);
        name_blob(&bench, chunk, "333");
        name_blob(&bench, chunk, "4444");
        for (uint32_t turn = 0; turn < 2; turn++) {
            cull_upload *upload = bench_upload(&bench, "c", (int)turn);

            commit_text(&bench, upload, turn == 0 ? "a=1 b=333" : "a=4444 b=333");
            cull_upload_free(upload);
        }
        end_upload(&bench, chunk, END_ABORT);
        cull_upload_free(chunk);
        for (struct prefix prefix = { .end = 1 }; prefix.end != 0; prefix.end = prefix.next) {
            struct bench_store dead = bench;
            struct listed listed = { .count = 0 };
            cull_gc_result result;
            cull_error err = { CULL_OK, "" };
            const cull_store_options store = { .allocator = bench.allocator };
            cull_store_options found = store;

            ck_assert_int_eq(cull_log_memory_new(&dead.log, NULL), CULL_OK);
            prefix.out = dead.log;
            prefix.next = 0;
            ck_assert_int_eq(bench.log->ops->read(bench.log, 0, copy_batch, &prefix, &err),
                             CULL_OK);
            found.log = dead.log;
            ck_assert_int_eq(cull_store_open(&dead.store, &found, &err), CULL_OK);
            dead.now_ms += UINT64_C(7200) * 1000;
            ck_assert_int_eq(list(&dead, take, &listed, &result), CULL_OK);
            ck_assert_uint_eq(listed.count, 0);
            cull_store_close(dead.store);
            cull_log_close(dead.log);
            deaths++;
        }
        ck_assert_uint_gt(deaths, 8);
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
    tcase_add_loop_test(tc, what_was_only_named_is_forgotten_and_what_was_confirmed_is_listed, 0,
                        (int)ARRAY_LEN(end_cases));
    tcase_add_test(tc, what_a_plan_promises_is_what_deleting_says_and_what_is_listed);
    tcase_add_test(tc, another_upload_may_commit_what_one_has_named);
    tcase_add_test(tc, a_plan_does_not_list_what_has_been_named_anew_since);
    tcase_add_test(tc, wherever_an_import_dies_nothing_of_it_is_listed);
    suite_add_tcase(suite, tc);
    return suite;
}
