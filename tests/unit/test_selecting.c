/*
 * test_selecting.c - rule 19: one answer to what a selection takes, in pages, for restoring, for adding
 * up; and what is older than a date.
 */
#include "suites.h"

#include <stdio.h>
#include <string.h>

#include "base/base_internal.h"
#include "cull/cull.h"
#include "store_support.h"

static void ok(cull_status status, const cull_error *err)
{
    ck_assert_msg(status == CULL_OK, "%s: %s", cull_strerror(status), err->message);
}

/* a:v0 ... v2, b:v0 ... v2, c:v0, one version each 1000 ms from 1000 on. */
static void fill(struct bench_store *bench)
{
    static const char *const collections[] = { "a", "b", "c" };
    unsigned number = 0;

    bench_open(bench, &(struct bench_options){ .grace_ms = 1000000 });
    for (size_t i = 0; i < ARRAY_LEN(collections); i++) {
        for (unsigned v = 0; v < (i == 2 ? 1 : 3); v++) {
            char text[64];

            bench->now_ms = 1000 * ++number;
            (void)snprintf(text, sizeof text, "f=%s%u same=1", collections[i], v);
            (void)bench_commit(bench, collections[i], text);
        }
    }
}

/* "a0 a1 b2" */
static cull_status note(void *ctx, const cull_version_info *version)
{
    char *text = ctx;
    size_t len = strlen(text);

    (void)snprintf(text + len, 200 - len, "%s%s%u", len > 0 ? " " : "", version->collection,
                   version->key.ordinal);
    return CULL_OK;
}

static const char *selected(struct bench_store *bench, const cull_selection *selection)
{
    static char text[200];
    cull_error err = { CULL_OK, "" };

    text[0] = '\0';
    ok(cull_select(bench->store, selection, note, text, &err), &err);
    return text;
}

static const char *paged(struct bench_store *bench, const cull_selection *selection,
                         cull_page *page, size_t limit)
{
    static char text[200];
    cull_error err = { CULL_OK, "" };

    text[0] = '\0';
    ok(cull_select_page(bench->store, selection, page, limit, note, text, &err), &err);
    return text;
}

static const struct {
    uint64_t before_ms;
    const char *want;
} dates[] = {
    { 1000, "" },         { 1001, "a0" },          { 3000, "a0 a1" },
    { 3001, "a0 a1 a2" }, { 5000, "a0 a1 a2 b0" }, { 9000, "a0 a1 a2 b0 b1 b2 c0" },
};

START_TEST(rule_19_older_than_a_date_is_created_before_it)
    {
        const cull_selection selection = { .created_before_ms = dates[_i].before_ms };
        struct bench_store bench;

        fill(&bench);
        ck_assert_str_eq(selected(&bench, &selection), dates[_i].want);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_19_pages_tell_each_version_once)
    {
        const cull_selection all = { 0 };
        size_t limit = (size_t)_i;
        struct bench_store bench;
        cull_page page = { .more = true };
        char told[200] = "";

        fill(&bench);
        for (unsigned turn = 0; turn < 20 && page.more; turn++) {
            size_t len = strlen(told);
            const char *text = paged(&bench, &all, &page, limit);

            (void)snprintf(told + len, sizeof told - len, "%s%s", len > 0 ? " " : "", text);
        }
        ck_assert(!page.more);
        ck_assert_str_eq(told, "a0 a1 a2 b0 b1 b2 c0");
        ck_assert_str_eq(paged(&bench, &all, &page, limit), "");
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_19_deleting_while_paging_skips_nothing)
    {
        const cull_selection all = { 0 };
        const cull_scope scope = {
            .kind = CULL_SCOPE_COLLECTION, .entity = "e", .project = "p", .collection = "b"
        };
        struct bench_store bench;
        cull_page page = { .more = false };
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        fill(&bench);
        ck_assert_str_eq(paged(&bench, &all, &page, 2), "a0 a1");
        bench_delete(&bench, "a", 0);
        bench_delete(&bench, "a", 1); /* the page's own place */
        ck_assert_str_eq(paged(&bench, &all, &page, 2), "a2 b0");
        caller = bench_caller(&bench);
        ok(cull_delete_scope(bench.store, &scope, false, false, NULL, NULL, &caller, &err), &err);
        (void)bench_commit(&bench, "b", "new=1"); /* another one of its name */
        (void)bench_commit(&bench, "b2", "new=2");
        ck_assert_str_eq(paged(&bench, &all, &page, 9), "b0 b20 c0");
        ck_assert(!page.more);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_19_a_selection_restores_what_is_deleted)
    {
        const cull_selection of_a = { .collection = "a", .entity = "e", .project = "p" };
        const cull_selection not_third = { .keep_every = 2 };
        struct bench_store bench;
        char told[200] = "";
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        fill(&bench);
        bench_delete(&bench, "a", 0);
        bench_delete(&bench, "a", 1);
        bench_delete(&bench, "b", 1);
        caller = bench_caller(&bench);
        ok(cull_restore_selected(bench.store, &not_third, true, note, told, &caller, &err), &err);
        ck_assert_str_eq(told, "a1 b1");
        ck_assert_str_eq(selected(&bench, &of_a), "a2"); /* a trial */
        ok(cull_restore_selected(bench.store, &not_third, false, NULL, NULL, &caller, &err), &err);
        ck_assert_str_eq(selected(&bench, &of_a), "a1 a2");
        ok(cull_restore_selected(bench.store, &of_a, false, NULL, NULL, &caller, &err), &err);
        ok(cull_restore_selected(bench.store, &of_a, false, NULL, NULL, &caller, &err), &err);
        ck_assert_str_eq(selected(&bench, &of_a), "a0 a1 a2");
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rules_19_and_36_usage_of_a_selection_is_that_of_its_versions)
    {
        const unsigned both = 1u << CULL_VERSION_COMMITTED | 1u << CULL_VERSION_DELETED;
        const cull_selection of_a = {
            .collection = "a", .entity = "e", .project = "p", .states = both
        };
        const cull_selection some = { .keep_last = 1, .states = both };
        const cull_scope scope = {
            .kind = CULL_SCOPE_COLLECTION, .entity = "e", .project = "p", .collection = "a"
        };
        struct bench_store bench;
        cull_usage one;
        cull_usage other;
        cull_error err = { CULL_OK, "" };

        fill(&bench);
        bench_delete(&bench, "a", 1);
        ok(cull_usage_selected(bench.store, &of_a, bench.now_ms, &one, &err), &err);
        ok(cull_usage_of(bench.store, &scope, bench.now_ms, &other, &err), &err);
        ck_assert_int_eq(memcmp(&one, &other, sizeof one), 0);
        ck_assert_uint_eq(one.versions, 2);
        ck_assert_uint_eq(one.versions_in_trash, 1);
        ck_assert_uint_eq(one.tracked_bytes, 6);   /* a0 a2, and "1" twice */
        ck_assert_uint_eq(one.stored_bytes, 7);    /* a0 a1 a2, and "1" once */
        ck_assert_uint_eq(one.trash_bytes, 2);     /* a1 */
        ck_assert_uint_eq(one.exclusive_bytes, 6); /* others hold "1" */
        ok(cull_usage_selected(bench.store, &some, bench.now_ms, &one, &err), &err);
        ck_assert_uint_eq(one.versions + one.versions_in_trash, 4);
        ck_assert_uint_eq(one.stored_bytes, 9);
        bench_close(&bench);
    }
END_TEST

Suite *selecting_suite(void)
{
    Suite *suite = suite_create("selecting");
    TCase *tc = tcase_create("selecting");

    tcase_add_loop_test(tc, rule_19_older_than_a_date_is_created_before_it, 0, ARRAY_LEN(dates));
    tcase_add_loop_test(tc, rule_19_pages_tell_each_version_once, 1, 9);
    tcase_add_test(tc, rule_19_deleting_while_paging_skips_nothing);
    tcase_add_test(tc, rule_19_a_selection_restores_what_is_deleted);
    tcase_add_test(tc, rules_19_and_36_usage_of_a_selection_is_that_of_its_versions);
    suite_add_tcase(suite, tc);
    return suite;
}
