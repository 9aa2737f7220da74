/*
 * test_ttl.c - rules 20 to 23, 25 and 26: what is in force for a version, from when on it has expired,
 * and who says so.
 */
#include "suites.h"

#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "store_support.h"
#include "support.h"

static const struct bench_options graced = { .grace_ms = 100000 };

#define OK(call) ck_assert_msg((call) == CULL_OK, "%s", err.message)

static void set(struct bench_store *bench, uint32_t ordinal, int64_t seconds)
{
    const cull_version_key key = bench_key(bench, "c", ordinal);
    const cull_caller caller = bench_caller(bench);
    cull_error err = { CULL_OK, "" };

    OK(cull_ttl_set(bench->store, &key, 1, seconds, &caller, &err));
}

static void set_policy(struct bench_store *bench, int64_t seconds, bool members_may)
{
    const cull_ttl_policy policy = { seconds, members_may };
    const cull_caller caller = bench_caller(bench);
    cull_error err = { CULL_OK, "" };

    OK(cull_ttl_set_policy(bench->store, "e", &policy, &caller, &err));
}

/* Versions of c, made at 1000. */
static void open_with(struct bench_store *bench, int count)
{
    bench_open(bench, &graced);
    for (int i = 0; i < count; i++) {
        char text[16];

        (void)snprintf(text, sizeof text, "a=%d", i);
        bench_commit(bench, "c", text);
    }
}

START_TEST(rule_20_a_version_expires_at_creation_and_ttl_and_not_before_also_when_set_later)
    {
        struct bench_store bench;

        open_with(&bench, 1);
        bench.now_ms = 4000;
        set(&bench, 0, 5);
        ck_assert_uint_eq(bench_info(&bench, "c", 0).expires_ms, 6000);
        bench.now_ms = 5999;
        ck_assert_uint_eq(bench_collect(&bench).versions_expired, 0);
        bench.now_ms = 6000;
        ck_assert_uint_eq(bench_collect(&bench).versions_expired, 1);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

static const struct {
    const char *name;
    int64_t seconds;
    cull_status wanted;
    uint64_t expires_ms;
} values[] = {
    { "one second", 1, CULL_OK, 2000 },
    { "a day", 86400, CULL_OK, 86401000 },
    { "inherit", CULL_TTL_INHERIT, CULL_OK, 0 },
    { "off", CULL_TTL_OFF, CULL_OK, 0 },
    { "none", 0, CULL_E_USAGE, 8000 },
    { "below", -3, CULL_E_USAGE, 8000 },
    { "far below", INT64_MIN, CULL_E_USAGE, 8000 },
    { "too far", INT64_MAX, CULL_E_USAGE, 8000 },
};

START_TEST(rule_21_values_set_inherit_disable_or_are_refused)
    {
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };
        cull_version_key key;
        cull_caller caller;

        open_with(&bench, 1);
        set(&bench, 0, 7);
        key = bench_key(&bench, "c", 0);
        caller = bench_caller(&bench);
        ck_assert_msg(cull_ttl_set(bench.store, &key, 1, values[_i].seconds, &caller, &err) ==
                          values[_i].wanted,
                      "%s: %s", values[_i].name, err.message);
        ck_assert_msg(bench_info(&bench, "c", 0).expires_ms == values[_i].expires_ms, "%s",
                      values[_i].name);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_22_a_versions_own_beats_the_default_and_the_default_reaches_those_that_inherit)
    {
        struct bench_store bench;

        open_with(&bench, 3);
        set(&bench, 1, 9);
        set(&bench, 2, CULL_TTL_OFF);
        set_policy(&bench, 3, true);
        ck_assert_uint_eq(bench_info(&bench, "c", 0).expires_ms, 4000);
        ck_assert_uint_eq(bench_info(&bench, "c", 1).expires_ms, 10000);
        ck_assert_uint_eq(bench_info(&bench, "c", 2).expires_ms, 0);
        bench_commit(&bench, "c", "a=new");
        ck_assert_uint_eq(bench_info(&bench, "c", 3).expires_ms, 4000);
        set(&bench, 1, CULL_TTL_INHERIT);
        ck_assert_uint_eq(bench_info(&bench, "c", 1).expires_ms, 4000);
        set_policy(&bench, 5, true);
        ck_assert_uint_eq(bench_info(&bench, "c", 0).expires_ms, 6000);
        bench.now_ms = 6000;
        ck_assert_uint_eq(bench_collect(&bench).versions_expired, 3);
        ck_assert_int_eq(bench_info(&bench, "c", 2).state, CULL_VERSION_COMMITTED);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* What a cycle has to look at follows the default, also through a checkpoint and in other entities. */
START_TEST(rule_22_a_default_is_found_by_the_next_cycle_and_taken_back_it_is_not)
    {
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        open_with(&bench, 2);
        bench_commit(&bench, "other/p/c", "a=1");
        set_policy(&bench, 1, true);
        caller = bench_caller(&bench);
        OK(cull_store_maintain(bench.store, true, &caller, &err));
        bench_reopen(&bench);
        bench_check(&bench);
        set_policy(&bench, CULL_TTL_OFF, true);
        bench_check(&bench);
        bench.now_ms = 50000;
        ck_assert_uint_eq(bench_collect(&bench).versions_expired, 0);
        set_policy(&bench, 1, true);
        ck_assert_uint_eq(bench_collect(&bench).versions_expired, 2);
        ck_assert_int_eq(bench_info(&bench, "other/p/c", 0).state, CULL_VERSION_COMMITTED);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

static const char *const types_without[] = { "run_table", "code", "job", "wandb-history" };

START_TEST(rule_23_types_that_take_no_ttl_refuse_one_and_ignore_the_default)
    {
        const cull_name name = { "e", "p", "c", "" };
        const cull_upload_options options = { .collection = &name, .type = types_without[_i] };
        struct bench_store bench;
        cull_upload *upload = NULL;
        cull_commit_options commit = { 0 };
        cull_commit_result result;
        cull_manifest *manifest;
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        bench_open(&bench, &graced);
        caller = bench_caller(&bench);
        manifest = bench_manifest(&bench, "");
        commit.manifest = manifest;
        OK(cull_upload_open(&upload, bench.store, &options, &caller, &err));
        OK(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err));
        ck_assert_int_eq(cull_ttl_set(bench.store, &result.version, 1, 5, &caller, &err),
                         CULL_E_REFUSED);
        ck_assert_ptr_nonnull(strstr(err.message, types_without[_i]));
        set_policy(&bench, 1, true);
        bench.now_ms = 50000;
        ck_assert_uint_eq(bench_info(&bench, "c", 0).expires_ms, 0);
        ck_assert_uint_eq(bench_collect(&bench).versions_expired, 0);
        cull_manifest_free(manifest);
        cull_upload_free(upload);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_25_only_an_administrator_sets_the_default_and_says_who_sets_others)
    {
        const cull_place place = { "e", NULL };
        const cull_ttl_policy policy = { 9, true };
        cull_ttl_policy got;

        for (int role = CULL_ROLE_NONE; role <= CULL_ROLE_ADMINISTRATOR; role++) {
            struct bench_store bench;
            cull_error err = { CULL_OK, "" };
            cull_version_key key;
            cull_caller owner;
            cull_caller who;
            bool administers = role == CULL_ROLE_ADMINISTRATOR;

            open_with(&bench, 1);
            owner = bench_caller(&bench);
            who = (cull_caller){ bench.now_ms, "ann" };
            OK(cull_role_grant(bench.store, &place, "bob", CULL_ROLE_VIEWER, &owner, &err));
            if (role != CULL_ROLE_NONE) {
                OK(cull_role_grant(bench.store, &place, "ann", (cull_role)role, &owner, &err));
            }
            key = bench_key(&bench, "c", 0);
            ck_assert_int_eq(cull_ttl_set_policy(bench.store, "e", &policy, &who, &err),
                             administers ? CULL_OK : CULL_E_REFUSED);
            ck_assert_int_eq(cull_ttl_set(bench.store, &key, 1, 7, &who, &err),
                             role >= CULL_ROLE_MEMBER ? CULL_OK : CULL_E_REFUSED);
            set_policy(&bench, CULL_TTL_OFF, false);
            ck_assert_int_eq(cull_ttl_set(bench.store, &key, 1, 8, &who, &err),
                             administers ? CULL_OK : CULL_E_REFUSED);
            ck_assert_uint_eq(bench_info(&bench, "c", 0).ttl_ms, administers                ? 8000
                                                                 : role >= CULL_ROLE_MEMBER ? 7000
                                                                                            : 0);
            OK(cull_ttl_get_policy(bench.store, "e", &got, &err));
            ck_assert(got.seconds == CULL_TTL_OFF && !got.members_may);
            bench_close(&bench);
        }
    }
END_TEST

START_TEST(rule_25_a_policy_is_over_0_or_off_and_its_entity_is_made)
    {
        struct bench_store bench;
        cull_ttl_policy policy = { CULL_TTL_INHERIT, true };
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        open_with(&bench, 1);
        caller = bench_caller(&bench);
        ck_assert_int_eq(cull_ttl_set_policy(bench.store, "e", &policy, &caller, &err),
                         CULL_E_USAGE);
        policy.seconds = 0;
        ck_assert_int_eq(cull_ttl_set_policy(bench.store, "e", &policy, &caller, &err),
                         CULL_E_USAGE);
        policy.seconds = 5;
        ck_assert_int_eq(cull_ttl_get_policy(bench.store, "new", &policy, &err), CULL_E_NOTFOUND);
        policy.seconds = 5;
        OK(cull_ttl_set_policy(bench.store, "new", &policy, &caller, &err));
        OK(cull_ttl_get_policy(bench.store, "new", &policy, &err));
        ck_assert_int_eq(policy.seconds, 5);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_26_aliases_do_not_stop_expiry_and_it_is_a_soft_delete_for_its_own_reason)
    {
        struct bench_store bench;
        cull_version_key key;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        open_with(&bench, 1);
        set(&bench, 0, 1);
        bench.now_ms = 2000;
        ck_assert_uint_eq(bench_collect(&bench).versions_expired, 1);
        ck_assert_int_eq(bench_info(&bench, "c", 0).state, CULL_VERSION_DELETED);
        ck_assert_int_eq(bench_info(&bench, "c", 0).reason, CULL_REASON_TTL);
        key = bench_key(&bench, "c", 0);
        caller = bench_caller(&bench);
        OK(cull_restore(bench.store, &key, 1, NULL, &caller, &err));
        ck_assert_uint_eq(bench_info(&bench, "c", 0).alias_count, 1);
        set(&bench, 0, CULL_TTL_OFF);
        ck_assert_uint_eq(bench_collect(&bench).versions_expired, 0);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_21_all_or_none_of_several_versions_are_set)
    {
        struct bench_store bench;
        cull_version_key keys[3];
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        open_with(&bench, 3);
        for (uint32_t i = 0; i < 3; i++) {
            keys[i] = bench_key(&bench, "c", i);
        }
        caller = bench_caller(&bench);
        bench_delete(&bench, "c", 2);
        ck_assert_int_eq(cull_ttl_set(bench.store, keys, 3, 5, &caller, &err), CULL_E_REFUSED);
        ck_assert_uint_eq(bench_info(&bench, "c", 0).ttl_ms, 0);
        OK(cull_ttl_set(bench.store, keys, 2, 5, &caller, &err));
        ck_assert_uint_eq(bench_info(&bench, "c", 1).ttl_ms, 5000);
        keys[2].ordinal = 9;
        ck_assert_int_eq(cull_ttl_set(bench.store, keys, 3, 5, &caller, &err), CULL_E_NOTFOUND);
        bench_close(&bench);
    }
END_TEST

Suite *ttl_suite(void)
{
    Suite *suite = suite_create("ttl");
    TCase *tcase = tcase_create("ttl");

    tcase_add_test(
        tcase, rule_20_a_version_expires_at_creation_and_ttl_and_not_before_also_when_set_later);
    tcase_add_loop_test(tcase, rule_21_values_set_inherit_disable_or_are_refused, 0,
                        sizeof values / sizeof values[0]);
    tcase_add_test(tcase, rule_21_all_or_none_of_several_versions_are_set);
    tcase_add_test(
        tcase, rule_22_a_versions_own_beats_the_default_and_the_default_reaches_those_that_inherit);
    tcase_add_test(tcase, rule_22_a_default_is_found_by_the_next_cycle_and_taken_back_it_is_not);
    tcase_add_loop_test(tcase, rule_23_types_that_take_no_ttl_refuse_one_and_ignore_the_default, 0,
                        sizeof types_without / sizeof types_without[0]);
    tcase_add_test(tcase, rule_25_only_an_administrator_sets_the_default_and_says_who_sets_others);
    tcase_add_test(tcase, rule_25_a_policy_is_over_0_or_off_and_its_entity_is_made);
    tcase_add_test(tcase,
                   rule_26_aliases_do_not_stop_expiry_and_it_is_a_soft_delete_for_its_own_reason);
    suite_add_tcase(suite, tcase);
    return suite;
}
