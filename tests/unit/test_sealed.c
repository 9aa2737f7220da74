/*
 * test_sealed.c - a handle that has names alone: what it opens, and that nobody sees a difference.
 */
#include "suites.h"

#include <stdio.h>

#include "store/store_internal.h"
#include "store_support.h"

static const struct bench_options plain = { 0 };

/* A command that names a version looks into its collection alone; others are opened by what comes
 * after the checkpoint, or by who asks for them. */
START_TEST(what_a_command_does_not_name_stays_sealed_and_is_the_same_once_opened)
    {
        struct bench_store bench;
        cull_version_key key;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };
        const cull_delete_options how = { .delete_aliases = true };

        bench_open(&bench, &plain);
        for (int i = 0; i < 3; i++) {
            char text[16];

            (void)snprintf(text, sizeof text, "x=%d", i);
            bench_commit(&bench, "a", text);
            bench_commit(&bench, "b", text);
            bench_commit(&bench, "c", text);
        }
        caller = bench_caller(&bench);
        ck_assert_int_eq(cull_store_maintain(bench.store, true, &caller, &err), CULL_OK);
        bench_commit(&bench, "b", "x=3"); /* in the tail */
        bench_reopen(&bench);
        ck_assert_uint_eq(bench.store->catalog->sealed->count, 2);
        key = bench_key(&bench, "a", 0);
        ck_assert_uint_eq(bench.store->catalog->sealed->count, 2);
        ck_assert_int_eq(cull_delete(bench.store, &key, 1, &how, &caller, &err), CULL_OK);
        ck_assert_int_eq(cull_delete(bench.store, &key, 1, &how, &caller, &err), CULL_E_NOTFOUND);
        ck_assert_uint_eq(bench.store->catalog->sealed->count, 1);
        ck_assert_int_eq(cull_restore(bench.store, &key, 1, NULL, &caller, &err), CULL_OK);
        ck_assert_int_eq(cull_alias_set(bench.store, &key, "best", &caller, &err), CULL_OK);
        ck_assert_int_eq(cull_tag_set(bench.store, &key, "raw", true, &caller, &err), CULL_OK);
        ck_assert_uint_eq(bench.store->catalog->sealed->count, 1);
        ck_assert_str_eq(bench_text(&bench, "c", 1), "x=1");
        ck_assert_ptr_null(bench.store->catalog->sealed);
        ck_assert_str_eq(bench_text(&bench, "b", 3), "x=3");
        bench_delete(&bench, "a", 1);
        ck_assert_uint_eq(bench_collect(&bench).versions_purged, 1);
        bench_check(&bench);
        bench_reopen(&bench);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

Suite *sealed_suite(void)
{
    Suite *suite = suite_create("sealed");
    TCase *tc = tcase_create("sealed");

    tcase_add_test(tc, what_a_command_does_not_name_stays_sealed_and_is_the_same_once_opened);
    suite_add_tcase(suite, tc);
    return suite;
}
