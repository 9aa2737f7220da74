/*
 * test_cascades.c - rules 13, 14 and 32: larger things go as a whole, their names are free, and what
 * went comes back.
 */
#include "suites.h"

#include <stdio.h>
#include <string.h>

#include "store_support.h"

static const struct bench_options graced = { .grace_ms = 100000 };

#define OK(call) ck_assert_msg((call) == CULL_OK, "%s", err.message)

struct told {
    char text[512];
};

static cull_status tell(void *ctx, const cull_version_info *version)
{
    struct told *told = ctx;
    size_t used = strlen(told->text);

    (void)snprintf(told->text + used, sizeof told->text - used, "%s%s/%s:v%u", used == 0 ? "" : " ",
                   version->project, version->collection, version->key.ordinal);
    return CULL_OK;
}

static cull_scope scope_of(cull_scope_kind kind)
{
    return (cull_scope){ .kind = kind,
                         .entity = "e",
                         .project = kind == CULL_SCOPE_ENTITY ? NULL : "p",
                         .collection = kind == CULL_SCOPE_COLLECTION ? "c" : NULL,
                         .run = kind == CULL_SCOPE_RUN ? "train" : NULL };
}

/* A version of c that a run logged. */
static cull_version_key commit_by_run(struct bench_store *bench, const char *run, const char *text)
{
    const cull_name name = { "e", "p", "c", "" };
    const cull_upload_options options = { .collection = &name, .run = run };
    const cull_caller caller = bench_caller(bench);
    cull_commit_options commit = { 0 };
    cull_upload *upload = NULL;
    cull_commit_result result;
    cull_manifest *manifest;
    cull_error err = { CULL_OK, "" };

    OK(cull_upload_open(&upload, bench->store, &options, &caller, &err));
    OK(bench_put(bench, upload, text, &err));
    manifest = bench_manifest(bench, text);
    commit.manifest = manifest;
    OK(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err));
    cull_manifest_free(manifest);
    cull_upload_free(upload);
    return result.version;
}

/* --- rule 13 ---------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    cull_scope_kind kind;
    const char *told;
} scopes[] = {
    { "a collection", CULL_SCOPE_COLLECTION, "p/c:v0 p/c:v1" },
    { "a project", CULL_SCOPE_PROJECT, "p/c:v0 p/c:v1 p/d:v0" },
    { "an entity", CULL_SCOPE_ENTITY, "p/c:v0 p/c:v1 p/d:v0 q/c:v0" },
};

START_TEST(rule_13_a_cascade_deletes_all_versions_aborts_uploads_and_frees_the_name)
    {
        const cull_scope scope = scope_of(scopes[_i].kind);
        struct bench_store bench;
        struct told told = { "" };
        cull_upload *inside;
        cull_upload *outside;
        cull_version_key old;
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        bench_open(&bench, &graced);
        bench_commit(&bench, "c", "a=1");
        bench_commit(&bench, "c", "a=2");
        bench_commit(&bench, "d", "a=3");
        bench_commit(&bench, "q/c", "a=4");
        bench_commit(&bench, "other/p/c", "a=5");
        old = bench_key(&bench, "c", 1);
        inside = bench_upload(&bench, "c", -1);
        outside = bench_upload(&bench, "other/p/c", -1);
        caller = bench_caller(&bench);
        OK(cull_delete_scope(bench.store, &scope, false, false, tell, &told, &caller, &err));
        ck_assert_str_eq(told.text, scopes[_i].told);
        ck_assert_int_eq(cull_upload_abort(inside, &caller, &err), CULL_E_ENDED);
        OK(cull_upload_abort(outside, &caller, &err));
        ck_assert_int_eq(
            cull_delete_scope(bench.store, &scope, false, false, NULL, NULL, &caller, &err),
            CULL_E_NOTFOUND);
        ck_assert_uint_eq(bench_commit(&bench, "c", "a=9"), 0); /* a new one, from v0 on */
        ck_assert_uint_ne(bench_key(&bench, "c", 0).collection, old.collection);
        ck_assert_int_eq(bench_info(&bench, "other/p/c", 0).state, CULL_VERSION_COMMITTED);
        bench_check(&bench);
        cull_upload_free(inside);
        cull_upload_free(outside);
        bench_close(&bench);
    }
END_TEST

/* --- rule 14 ---------------------------------------------------------------------------------- */

START_TEST(rule_14_deleting_a_run_keeps_its_versions_unless_they_are_to_go_too)
    {
        const cull_scope scope = scope_of(CULL_SCOPE_RUN);
        const bool with_artifacts = _i == 1;
        struct bench_store bench;
        struct told told = { "" };
        cull_version_key logged;
        cull_version_key other;
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        bench_open(&bench, &graced);
        logged = commit_by_run(&bench, "train", "a=1");
        other = commit_by_run(&bench, "another", "a=2");
        caller = bench_caller(&bench);
        OK(cull_alias_set(bench.store, &logged, "best", &caller, &err)); /* does not block */
        OK(cull_delete_scope(bench.store, &scope, with_artifacts, false, tell, &told, &caller,
                             &err));
        ck_assert_str_eq(told.text, with_artifacts ? "p/c:v0" : "");
        ck_assert_int_eq(bench_info(&bench, "c", logged.ordinal).state,
                         with_artifacts ? CULL_VERSION_DELETED : CULL_VERSION_COMMITTED);
        ck_assert_int_eq(bench_info(&bench, "c", other.ordinal).state, CULL_VERSION_COMMITTED);
        ck_assert_int_eq(
            cull_delete_scope(bench.store, &scope, false, false, NULL, NULL, &caller, &err),
            CULL_E_NOTFOUND);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* --- rule 32 ---------------------------------------------------------------------------------- */

START_TEST(rule_32_a_restore_brings_its_collection_back_or_takes_another_name_for_a_taken_one)
    {
        const cull_scope scope = scope_of(CULL_SCOPE_COLLECTION);
        struct bench_store bench;
        cull_version_key old;
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        bench_open(&bench, &graced);
        bench_commit(&bench, "c", "a=1");
        old = bench_key(&bench, "c", 0);
        caller = bench_caller(&bench);
        OK(cull_delete_scope(bench.store, &scope, false, false, NULL, NULL, &caller, &err));
        if (_i == 1) {
            bench_commit(&bench, "c", "a=2");
            ck_assert_int_eq(cull_restore(bench.store, &old, 1, NULL, &caller, &err),
                             CULL_E_EXISTS);
            ck_assert_ptr_nonnull(strstr(err.message, "--as"));
            ck_assert_int_eq(cull_restore(bench.store, &old, 1, "c", &caller, &err), CULL_E_EXISTS);
        }
        OK(cull_restore(bench.store, &old, 1, _i == 1 ? "back" : NULL, &caller, &err));
        ck_assert_str_eq(bench_text(&bench, _i == 1 ? "back" : "c", 0), "a=1");
        ck_assert_uint_eq(bench_info(&bench, _i == 1 ? "back" : "c", 0).alias_count, 1);
        ck_assert_int_eq(cull_restore(bench.store, &old, 1, NULL, &caller, &err), CULL_E_NOTFOUND);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_32_aliases_come_back_if_nobody_took_them_and_a_purged_version_does_not)
    {
        struct bench_store bench;
        cull_version_key key;
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        bench_open(&bench, &graced);
        bench_commit(&bench, "c", "a=1");
        key = bench_key(&bench, "c", 0);
        caller = bench_caller(&bench);
        OK(cull_alias_set(bench.store, &key, "best", &caller, &err));
        bench_delete(&bench, "c", 0);
        bench_commit(&bench, "c", "a=2"); /* takes latest */
        OK(cull_restore(bench.store, &key, 1, NULL, &caller, &err));
        ck_assert_uint_eq(bench_info(&bench, "c", 0).alias_count, 1);
        bench_delete(&bench, "c", 0);
        bench.now_ms += 100000;
        ck_assert_uint_eq(bench_collect(&bench).versions_purged, 1);
        ck_assert_int_eq(cull_restore(bench.store, &key, 1, NULL, &caller, &err), CULL_E_NOTFOUND);
        ck_assert_ptr_nonnull(strstr(err.message, "already collected"));
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_14_a_selection_by_run_takes_nothing_that_a_deleted_run_of_that_name_logged)
    {
        const cull_scope run = scope_of(CULL_SCOPE_RUN);
        const cull_selection selection = { .entity = "e", .project = "p", .run = "train" };
        struct bench_store bench;
        struct told told = { "" };
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        bench_open(&bench, &graced);
        caller = bench_caller(&bench);
        (void)commit_by_run(&bench, "train", "a=1");
        OK(cull_delete_scope(bench.store, &run, false, false, NULL, NULL, &caller, &err));
        (void)commit_by_run(&bench, "train", "a=2");
        OK(cull_select(bench.store, &selection, tell, &told, &err));
        ck_assert_str_eq(told.text, "p/c:v1");
        bench_close(&bench);
    }
END_TEST

Suite *cascades_suite(void)
{
    Suite *suite = suite_create("cascades");
    TCase *tcase = tcase_create("cascades");

    tcase_add_loop_test(tcase,
                        rule_13_a_cascade_deletes_all_versions_aborts_uploads_and_frees_the_name, 0,
                        sizeof scopes / sizeof scopes[0]);
    tcase_add_test(tcase,
                   rule_14_a_selection_by_run_takes_nothing_that_a_deleted_run_of_that_name_logged);
    tcase_add_loop_test(tcase, rule_14_deleting_a_run_keeps_its_versions_unless_they_are_to_go_too,
                        0, 2);
    tcase_add_loop_test(
        tcase, rule_32_a_restore_brings_its_collection_back_or_takes_another_name_for_a_taken_one,
        0, 2);
    tcase_add_test(tcase,
                   rule_32_aliases_come_back_if_nobody_took_them_and_a_purged_version_does_not);
    suite_add_tcase(suite, tcase);
    return suite;
}
