/*
 * test_policy.c - retention policies: their form, what they let go, and a cycle that applies them.
 */
#include "suites.h"

#include <stdio.h>
#include <string.h>

#include "base/base_internal.h"
#include "catalog/catalog.h"
#include "store_support.h"
#include "support.h"

static const struct bench_options kept_a_while = { .grace_ms = 500 };
static const struct bench_options no_grace = { .grace_ms = 0 };

static void ok(cull_status status, const cull_error *err)
{
    ck_assert_msg(status == CULL_OK, "%s: %s", cull_strerror(status), err->message);
}

/* Versions v0 ... of a collection, one each 1000 ms from 1000 on, each with a file of its own. */
static void commit_many(struct bench_store *bench, const char *collection, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char text[64];

        bench->now_ms = 1000 * (i + 1);
        (void)snprintf(text, sizeof text, "all=same one=%s-%u", collection, i);
        (void)bench_commit(bench, collection, text);
    }
}

static void set_alias(struct bench_store *bench, const char *collection, uint32_t ordinal,
                      const char *alias)
{
    const cull_version_key key = bench_key(bench, collection, ordinal);
    const cull_caller caller = bench_caller(bench);
    cull_error err = { CULL_OK, "" };

    ok(cull_alias_set(bench->store, &key, alias, &caller, &err), &err);
}

static cull_status set_policy(struct bench_store *bench, const cull_policy *policy, cull_error *err)
{
    const cull_caller caller = bench_caller(bench);

    return cull_policy_set(bench->store, policy, &caller, err);
}

/* "v1 v3", of those that are told; "(v1)" for one that stays although it would go. */
static cull_status note(void *ctx, const cull_version_info *version, const cull_policy *policy,
                        cull_policy_verdict verdict)
{
    char *text = ctx;
    size_t len = strlen(text);

    ck_assert_ptr_nonnull(policy->collections);
    (void)snprintf(text + len, 200 - len, verdict == CULL_POLICY_REFUSED ? "%s(v%u)" : "%sv%u",
                   len > 0 ? " " : "", version->key.ordinal);
    return CULL_OK;
}

static const char *tested(struct bench_store *bench, const cull_policy *policy)
{
    static char text[200];
    cull_error err = { CULL_OK, "" };

    text[0] = '\0';
    ok(cull_policy_test(bench->store, policy, bench->now_ms, note, text, &err), &err);
    return text;
}

/* --- what one lets go ------------------------------------------------------------------------- */

static const char *const prod[] = { "prod*" };
static const char *const latest[] = { "latest" };

/* Six versions at 1000 ... 6000, v1 with alias prod-eu, and v5 latest; it is 6000. */
static const struct {
    const char *name;
    cull_policy policy;
    const char *want;
} judged[] = {
    { "the last two", { .collections = "e/p/c", .keep_last = 2 }, "v0 v1 v2 v3" },
    { "more than there are", { .collections = "e/p/c", .keep_last = 7 }, "" },
    { "every third", { .collections = "e/p/c", .keep_every = 3 }, "v1 v2 v4 v5" },
    { "every one", { .collections = "e/p/c", .keep_every = 1 }, "" },
    { "an alias by glob",
      { .collections = "e/p/c", .keep_alias_globs = prod, .keep_alias_glob_count = 1 },
      "v0 v2 v3 v4 v5" },
    { "younger than 2 s: 2000 ms old is not",
      { .collections = "e/p/c", .keep_younger_ms = 2000 },
      "v0 v1 v2 v3" },
    { "younger than 2.001 s", { .collections = "e/p/c", .keep_younger_ms = 2001 }, "v0 v1 v2" },
    { "what one part keeps, the others do not take",
      { .collections = "e/p/c",
        .keep_last = 1,
        .keep_every = 4,
        .keep_alias_globs = prod,
        .keep_alias_glob_count = 1,
        .keep_younger_ms = 1500 },
      "v2 v3" },
    { "a TTL at exactly its instant", { .collections = "e/p/c", .ttl_ms = 3000 }, "v0 v1 v2" },
    { "a TTL one ms short", { .collections = "e/p/c", .ttl_ms = 3001 }, "v0 v1" },
    { "a TTL beats what is kept",
      { .collections = "e/p/c", .keep_last = 5, .ttl_ms = 4000 },
      "v0 v1" },
    { "another collection", { .collections = "e/p/d", .keep_last = 1 }, "" },
    { "globs in every part", { .collections = "?/[o-q]/*", .keep_last = 5 }, "v0" },
    { "another project", { .collections = "e/q/*", .keep_last = 1 }, "" },
    { "a TTL that the newest has not reached",
      { .collections = "e/p/c", .ttl_ms = 1, .allow_empty = false },
      "v0 v1 v2 v3 v4" },
    { "nothing would be left",
      { .collections = "e/p/c",
        .keep_alias_globs = (const char *const[]){ "x" },
        .keep_alias_glob_count = 1 },
      "(v0) (v1) (v2) (v3) (v4) (v5)" },
    { "nothing may be left",
      { .collections = "e/p/c",
        .keep_alias_globs = (const char *const[]){ "x" },
        .keep_alias_glob_count = 1,
        .allow_empty = true },
      "v0 v1 v2 v3 v4 v5" },
};

START_TEST(a_policy_lets_go_what_is_none_of_what_it_keeps)
    {
        struct bench_store bench;

        bench_open(&bench, &kept_a_while);
        commit_many(&bench, "c", 6);
        set_alias(&bench, "c", 1, "prod-eu");
        ck_assert_msg(strcmp(tested(&bench, &judged[_i].policy), judged[_i].want) == 0, "%s: %s",
                      judged[_i].name, tested(&bench, &judged[_i].policy));
        ck_assert_str_eq(tested(&bench, NULL), "");
        bench_close(&bench);
    }
END_TEST

static void commit_as(struct bench_store *bench, const char *collection, const char *type,
                      const char *text, uint64_t ttl_ms)
{
    const cull_caller caller = bench_caller(bench);
    cull_manifest *manifest = bench_manifest(bench, text);
    const cull_commit_options commit = { .manifest = manifest, .ttl_ms = ttl_ms };
    cull_upload_options options = { .type = type };
    cull_upload *upload = NULL;
    cull_commit_result result;
    cull_error err = { CULL_OK, "" };
    cull_name name;

    ok(cull_name_parse(&name, collection, "e", "p", &err), &err);
    options.collection = &name;
    ok(cull_upload_open(&upload, bench->store, &options, &caller, &err), &err);
    ok(bench_put(bench, upload, text, &err), &err);
    ok(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err), &err);
    cull_manifest_free(manifest);
    cull_upload_free(upload);
}

START_TEST(rule_23_a_policys_ttl_is_for_versions_without_one_and_not_for_some_types)
    {
        const cull_policy policy = { .collections = "*/*/*", .ttl_ms = 10 };
        struct bench_store bench;

        bench_open(&bench, &kept_a_while);
        commit_as(&bench, "own", "dataset", "a=1", 100000);
        commit_as(&bench, "own", "dataset", "a=2", 0);
        commit_as(&bench, "own", "dataset", "a=3", 100000);
        commit_as(&bench, "table", "run_table", "a=4", 0);
        commit_as(&bench, "table", "run_table", "a=5", 0);
        bench.now_ms += 10;
        ck_assert_str_eq(tested(&bench, &policy), "v1");
        bench_close(&bench);
    }
END_TEST

START_TEST(of_several_policies_the_one_that_keeps_has_the_last_word)
    {
        const cull_policy wide = { .collections = "*/*/*", .keep_last = 1 };
        const cull_policy narrow = { .collections = "e/p/c", .keep_every = 2 };
        cull_policy replaced = wide;
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &kept_a_while);
        commit_many(&bench, "c", 6);
        ok(set_policy(&bench, &wide, &err), &err);
        ck_assert_str_eq(tested(&bench, NULL), "v0 v1 v2 v3 v4");
        ok(set_policy(&bench, &narrow, &err), &err);
        ck_assert_str_eq(tested(&bench, NULL), "v1 v3");
        ck_assert_str_eq(tested(&bench, &wide), "v0 v1 v2 v3 v4"); /* as if it were the only one */
        replaced.keep_last = 3;
        ok(set_policy(&bench, &replaced, &err), &err);
        ck_assert_str_eq(tested(&bench, NULL), "v1");
        bench_close(&bench);
    }
END_TEST

/* --- setting ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    cull_policy policy;
    const char *says;
} bad[] = {
    { "nothing is said", { .collections = "e/p/c" }, "neither what to keep" },
    { "two parts", { .collections = "p/c", .keep_last = 1 }, "entity/project/collection" },
    { "four parts", { .collections = "e/p/c/d", .keep_last = 1 }, "entity/project/collection" },
    { "an empty part", { .collections = "e//c", .keep_last = 1 }, "entity/project/collection" },
    { "a version", { .collections = "e/p/c:v1", .keep_last = 1 }, "entity/project/collection" },
    { "an alias with a slash",
      { .collections = "e/p/c",
        .keep_alias_globs = (const char *const[]){ "a/b" },
        .keep_alias_glob_count = 1 },
      "no '/'" },
    { "an empty alias",
      { .collections = "e/p/c",
        .keep_alias_globs = (const char *const[]){ "" },
        .keep_alias_glob_count = 1 },
      "no '/'" },
    { "33 aliases",
      { .collections = "e/p/c", .keep_alias_globs = prod, .keep_alias_glob_count = 33 },
      "at most 32" },
};

START_TEST(what_is_no_policy_is_refused_with_what_is_wrong)
    {
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &kept_a_while);
        ck_assert_int_eq(set_policy(&bench, &bad[_i].policy, &err), CULL_E_USAGE);
        ck_assert_msg(strstr(err.message, bad[_i].says) != NULL, "%s: %s", bad[_i].name,
                      err.message);
        ck_assert_int_eq(cull_policy_test(bench.store, &bad[_i].policy, 1, note, NULL, &err),
                         CULL_E_USAGE);
        bench_close(&bench);
    }
END_TEST

START_TEST(a_policy_that_would_empty_a_collection_is_refused_unless_it_says_so)
    {
        cull_policy policy = { .collections = "e/p/*", .ttl_ms = 1500 };
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &kept_a_while);
        commit_many(&bench, "c", 2);
        bench.now_ms = 3000; /* v1 is 1000 ms old */
        ok(set_policy(&bench, &policy, &err), &err);
        bench.now_ms = 3500;
        ck_assert_int_eq(set_policy(&bench, &policy, &err), CULL_E_REFUSED);
        ck_assert_ptr_nonnull(strstr(err.message, "e/p/c"));
        ck_assert_ptr_nonnull(strstr(err.message, "--allow-empty"));
        ck_assert_uint_eq(bench_collect(&bench).versions_let_go, 0); /* the cycle refuses as well */
        ck_assert_str_eq(tested(&bench, NULL), "(v0) (v1)");
        policy.allow_empty = true;
        ok(set_policy(&bench, &policy, &err), &err);
        ck_assert_uint_eq(bench_collect(&bench).versions_let_go, 2);
        bench_close(&bench);
    }
END_TEST

/* What expires by its own TTL in the same cycle is nothing that is left. */
START_TEST(what_expires_beside_a_policy_is_not_left)
    {
        const cull_policy policy = { .collections = "e/p/c",
                                     .keep_alias_globs = latest,
                                     .keep_alias_glob_count = 1 };
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &kept_a_while);
        commit_as(&bench, "c", "dataset", "a=1", 0);
        commit_as(&bench, "c", "dataset", "a=2", 100);
        ok(set_policy(&bench, &policy, &err), &err);
        bench.now_ms += 99;
        ck_assert_str_eq(tested(&bench, NULL), "v0");
        bench.now_ms += 1;
        ck_assert_str_eq(tested(&bench, NULL), "(v0)");
        {
            cull_gc_result result = bench_collect(&bench);

            ck_assert_uint_eq(result.versions_expired, 1);
            ck_assert_uint_eq(result.versions_let_go, 0);
        }
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

static cull_status count_policies(void *ctx, const cull_policy *policy)
{
    (void)policy;
    ++*(unsigned *)ctx;
    return CULL_OK;
}

START_TEST(policies_come_back_from_log_and_checkpoint_and_go_when_removed)
    {
        const cull_policy policies[] = {
            { .collections = "z/*/c", .keep_last = UINT32_MAX, .keep_every = 3 },
            { .collections = "a/b/c",
              .keep_alias_globs = (const char *const[]){ "x", "y[a-z]*" },
              .keep_alias_glob_count = 2,
              .keep_younger_ms = UINT64_MAX },
            { .collections = "*/*/c*", .ttl_ms = 7, .allow_empty = true },
        };
        const cull_caller caller = { .now_ms = 2000, .actor = "tester" };
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &kept_a_while);
        for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
            ok(set_policy(&bench, &policies[i], &err), &err);
        }
        for (unsigned turn = 0; turn < 3; turn++) {
            unsigned count = 0;

            ok(cull_policies(bench.store, count_policies, &count, &err), &err);
            ck_assert_uint_eq(count, 3);
            bench_check(&bench);
            if (turn == 1) {
                ok(cull_store_maintain(bench.store, true, &caller, &err), &err);
            }
            bench_reopen(&bench);
        }
        ck_assert_int_eq(cull_policy_remove(bench.store, "a/b/*", &caller, &err), CULL_E_NOTFOUND);
        ok(cull_policy_remove(bench.store, "a/b/c", &caller, &err), &err);
        ck_assert_int_eq(cull_policy_remove(bench.store, "a/b/c", &caller, &err), CULL_E_NOTFOUND);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(a_store_takes_256_policies_and_a_policy_said_again_is_no_fact)
    {
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };
        char name[32];
        cull_policy policy = { .collections = name, .keep_last = 1 };
        uint64_t before = 0;
        uint64_t after = 0;

        bench_open(&bench, &kept_a_while);
        for (unsigned i = 0; i < CULL_POLICIES_MAX; i++) {
            (void)snprintf(name, sizeof name, "e/p/c%u", i);
            ok(set_policy(&bench, &policy, &err), &err);
        }
        ok(cull_store_refresh(bench.store, &before, &err), &err);
        ok(set_policy(&bench, &policy, &err), &err);
        ok(cull_store_refresh(bench.store, &after, &err), &err);
        ck_assert_uint_eq(before, after);
        (void)snprintf(name, sizeof name, "e/p/more");
        ck_assert_int_eq(set_policy(&bench, &policy, &err), CULL_E_LIMIT);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_25_a_policy_is_set_and_removed_by_administrators_of_its_entities)
    {
        const cull_policy policy = { .collections = "e/*/*", .keep_last = 9 };
        const cull_policy everywhere = { .collections = "*/*/*", .keep_last = 9 };
        const cull_place place = { "e", NULL };
        struct bench_store bench;
        cull_caller owner;
        cull_caller admin;
        cull_caller member;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &kept_a_while);
        commit_many(&bench, "c", 2);
        owner = admin = member = bench_caller(&bench);
        admin.actor = "admin";
        member.actor = "member";
        ok(cull_role_grant(bench.store, &place, "admin", CULL_ROLE_ADMINISTRATOR, &owner, &err),
           &err);
        ok(cull_role_grant(bench.store, &place, "member", CULL_ROLE_MEMBER, &owner, &err), &err);
        ok(cull_role_grant(bench.store, &(cull_place){ "f", NULL }, "member",
                           CULL_ROLE_ADMINISTRATOR, &owner, &err),
           &err);
        ck_assert_int_eq(cull_policy_set(bench.store, &policy, &member, &err), CULL_E_REFUSED);
        ck_assert_ptr_nonnull(strstr(err.message, "administrator"));
        ok(cull_policy_set(bench.store, &policy, &admin, &err), &err);
        ck_assert_int_eq(cull_policy_remove(bench.store, "e/*/*", &member, &err), CULL_E_REFUSED);
        ck_assert_int_eq(cull_policy_set(bench.store, &everywhere, &admin, &err), CULL_E_REFUSED);
        ok(cull_policy_set(bench.store, &everywhere, &owner, &err), &err);
        ok(cull_policy_remove(bench.store, "e/*/*", &admin, &err), &err);
        bench_close(&bench);
    }
END_TEST

/* --- cycles ------------------------------------------------------------------------------------- */

static cull_plan *plan_now(struct bench_store *bench, cull_plan_info *info)
{
    const cull_gc_options options = { .now_ms = bench->now_ms, .allow_empty_store = true };
    cull_plan *plan = NULL;
    cull_error err = { CULL_OK, "" };

    ok(cull_gc_plan(&plan, bench->store, &options, &err), &err);
    cull_plan_get_info(plan, info);
    return plan;
}

static cull_gc_result execute_now(struct bench_store *bench, cull_plan *plan)
{
    const cull_gc_options options = { .now_ms = bench->now_ms, .allow_empty_store = true };
    const cull_caller caller = bench_caller(bench);
    cull_gc_result result;
    cull_error err = { CULL_OK, "" };

    ok(cull_gc_execute(bench->store, plan, &options, &caller, &result, &err), &err);
    cull_plan_free(plan);
    return result;
}

static cull_status keep_info(void *ctx, const cull_version_info *version)
{
    cull_version_info *info = ctx;

    *info = *version;
    return CULL_OK;
}

START_TEST(a_cycle_deletes_by_policy_first_with_its_own_reason_and_for_the_grace)
    {
        const cull_policy policy = { .collections = "e/p/c", .keep_last = 1 };
        struct bench_store bench;
        cull_plan_info info;
        cull_plan *plan;
        cull_gc_result result;
        cull_version_info shown;
        cull_version_key key;
        cull_error err = { CULL_OK, "" };
        size_t count = 0;

        bench_open(&bench, &kept_a_while);
        commit_many(&bench, "c", 3);
        ok(set_policy(&bench, &policy, &err), &err);
        plan = plan_now(&bench, &info);
        ck_assert_uint_eq(info.let_go, 2);
        ck_assert_uint_eq(info.versions, 0);
        ck_assert_uint_eq(cull_plan_let_go(plan, &count)[1].ordinal, 1);
        ck_assert_uint_eq(count, 2);
        result = execute_now(&bench, plan);
        ck_assert_uint_eq(result.versions_let_go, 2);
        ck_assert_uint_eq(result.blobs_deleted, 0);
        key = bench_key(&bench, "c", 0);
        ok(cull_version_show(bench.store, &key, keep_info, &shown, &err), &err);
        ck_assert_int_eq(shown.state, CULL_VERSION_DELETED);
        ck_assert_int_eq(shown.reason, CULL_REASON_POLICY);
        ck_assert_uint_eq(shown.kept_until_ms, bench.now_ms + 500);
        bench_reopen(&bench);
        bench.now_ms += 500;
        result = bench_collect(&bench);
        ck_assert_uint_eq(result.versions_purged, 2);
        ck_assert_uint_eq(result.blobs_deleted, 2);
        ck_assert_str_eq(bench_text(&bench, "c", 2), "all=same one=c-2");
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(without_grace_what_a_policy_lets_go_is_purged_in_the_same_cycle)
    {
        const cull_policy policy = { .collections = "e/p/c", .keep_last = 1 };
        struct bench_store bench;
        cull_plan_info info;
        cull_plan *plan;
        cull_gc_result result;
        cull_upload *upload;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &no_grace);
        commit_many(&bench, "c", 4);
        ok(set_policy(&bench, &policy, &err), &err);
        upload = bench_upload(&bench, "c", 1); /* builds on v1, which stays as long */
        plan = plan_now(&bench, &info);
        ck_assert_uint_eq(info.let_go, 3);
        ck_assert_uint_eq(info.versions, 2);
        ck_assert_uint_eq(info.blobs, 2);
        result = execute_now(&bench, plan);
        ck_assert_uint_eq(result.versions_let_go, 3);
        ck_assert_uint_eq(result.versions_purged, 2);
        ck_assert_uint_eq(result.blobs_deleted, 2);
        ck_assert(bench_has_object(&bench, "c-1"));
        ck_assert(!bench_has_object(&bench, "c-0"));
        cull_upload_free(upload);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_12_a_policy_never_takes_what_a_protected_alias_protects)
    {
        const cull_policy policy = { .collections = "e/p/c", .keep_last = 1 };
        const cull_name target = { "e", "registry", "best", "" };
        const cull_place registry = { "e", "registry" };
        struct bench_store bench;
        cull_version_key key;
        cull_version_key link;
        cull_plan_info info;
        cull_plan *plan;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &no_grace);
        commit_many(&bench, "c", 4);
        caller = bench_caller(&bench);
        ok(set_policy(&bench, &policy, &err), &err);
        key = bench_key(&bench, "c", 0);
        ok(cull_link(bench.store, &key, &target, (const char *const[]){ "keep" }, 1, &link, &caller,
                     &err),
           &err);
        key = bench_key(&bench, "c", 1);
        ok(cull_link(bench.store, &key, &target, NULL, 0, &link, &caller, &err), &err);
        ck_assert_str_eq(tested(&bench, NULL), "v0 v1 v2");
        plan = plan_now(&bench, &info);
        ck_assert_uint_eq(info.let_go, 3);
        ok(cull_protect(bench.store, &registry, "keep", true, &caller, &err), &err);
        ck_assert_str_eq(tested(&bench, NULL), "v1 v2");
        ck_assert_uint_eq(execute_now(&bench, plan).versions_let_go, 2);
        ck_assert_str_eq(bench_text(&bench, "c", 0), "all=same one=c-0");
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

enum between { AN_ALIAS, NO_POLICY_ANY_MORE, ANOTHER_POLICY, DELETED_ALREADY };

static const struct {
    const char *name;
    enum between what;
    uint64_t let_go;
} rescues[] = {
    { "v0 gets an alias that is kept", AN_ALIAS, 1 },
    { "the policy is taken away", NO_POLICY_ANY_MORE, 0 },
    { "another policy keeps v1", ANOTHER_POLICY, 1 },
    { "somebody deletes v0", DELETED_ALREADY, 1 },
};

START_TEST(what_a_policy_lets_go_is_asked_again_when_the_plan_is_executed)
    {
        const cull_policy policy = { .collections = "e/p/c",
                                     .keep_last = 1,
                                     .keep_alias_globs = prod,
                                     .keep_alias_glob_count = 1 };
        const cull_policy other = { .collections = "e/*/c",
                                    .keep_alias_globs = (const char *const[]){ "best" },
                                    .keep_alias_glob_count = 1,
                                    .keep_last = 1 };
        struct bench_store bench;
        cull_plan_info info;
        cull_plan *plan;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &no_grace);
        commit_many(&bench, "c", 3);
        caller = bench_caller(&bench);
        set_alias(&bench, "c", 1, "best");
        ok(set_policy(&bench, &policy, &err), &err);
        plan = plan_now(&bench, &info);
        ck_assert_uint_eq(info.let_go, 2);
        switch (rescues[_i].what) {
        case AN_ALIAS:
            set_alias(&bench, "c", 0, "prod");
            break;
        case NO_POLICY_ANY_MORE:
            ok(cull_policy_remove(bench.store, "e/p/c", &caller, &err), &err);
            break;
        case ANOTHER_POLICY:
            ok(set_policy(&bench, &other, &err), &err);
            break;
        case DELETED_ALREADY:
            bench_delete(&bench, "c", 0);
            break;
        }
        ck_assert_msg(execute_now(&bench, plan).versions_let_go == rescues[_i].let_go, "%s",
                      rescues[_i].name);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(without_memory_no_policy_is_half_set_or_half_applied)
    {
        const cull_policy policy = { .collections = "e/p/c", .keep_last = 1 };
        bool done = false;

        for (uint64_t n = 1; !done && n < 5000; n++) {
            struct failing_allocator failing;
            struct bench_store bench;
            cull_error err = { CULL_OK, "" };
            cull_plan *plan = NULL;
            cull_gc_result result;
            cull_status status;

            bench_open(&bench, &no_grace);
            commit_many(&bench, "c", 3);
            cull_store_close(bench.store);
            failing_allocator_init(&failing, n);
            bench.allocator = &failing.allocator;
            {
                const cull_store_options open = { bench.log, bench.objects, bench.allocator, NULL };

                status = cull_store_open(&bench.store, &open, &err);
            }
            if (status == CULL_OK) {
                const cull_gc_options options = { .now_ms = bench.now_ms };
                const cull_caller caller = bench_caller(&bench);

                status = set_policy(&bench, &policy, &err);
                status =
                    status == CULL_OK ? cull_gc_plan(&plan, bench.store, &options, &err) : status;
                status = status == CULL_OK
                             ? cull_gc_execute(bench.store, plan, &options, &caller, &result, &err)
                             : status;
                cull_plan_free(plan);
                cull_store_close(bench.store);
            }
            ck_assert_int_eq(failing.live, 0);
            ck_assert_msg(status == CULL_OK || status == CULL_E_NOMEM, "call %llu: %s: %s",
                          (unsigned long long)n, cull_strerror(status), err.message);
            done = failing.calls < n;
            bench.allocator = NULL;
            {
                const cull_store_options open = { bench.log, bench.objects, NULL, NULL };

                ok(cull_store_open(&bench.store, &open, &err), &err);
            }
            ok(set_policy(&bench, &policy, &err), &err);
            (void)bench_collect(&bench);
            ck_assert_str_eq(tested(&bench, NULL), "");
            ck_assert_str_eq(bench_text(&bench, "c", 2), "all=same one=c-2");
            bench_check(&bench);
            bench_close(&bench);
        }
        ck_assert(done);
    }
END_TEST

Suite *policy_suite(void)
{
    Suite *suite = suite_create("policy");
    TCase *tc = tcase_create("policy");

    tcase_add_loop_test(tc, a_policy_lets_go_what_is_none_of_what_it_keeps, 0, ARRAY_LEN(judged));
    tcase_add_test(tc, rule_23_a_policys_ttl_is_for_versions_without_one_and_not_for_some_types);
    tcase_add_test(tc, of_several_policies_the_one_that_keeps_has_the_last_word);
    tcase_add_loop_test(tc, what_is_no_policy_is_refused_with_what_is_wrong, 0, ARRAY_LEN(bad));
    tcase_add_test(tc, a_policy_that_would_empty_a_collection_is_refused_unless_it_says_so);
    tcase_add_test(tc, what_expires_beside_a_policy_is_not_left);
    tcase_add_test(tc, policies_come_back_from_log_and_checkpoint_and_go_when_removed);
    tcase_add_test(tc, a_store_takes_256_policies_and_a_policy_said_again_is_no_fact);
    tcase_add_test(tc, a_cycle_deletes_by_policy_first_with_its_own_reason_and_for_the_grace);
    tcase_add_test(tc, without_grace_what_a_policy_lets_go_is_purged_in_the_same_cycle);
    tcase_add_loop_test(tc, what_a_policy_lets_go_is_asked_again_when_the_plan_is_executed, 0,
                        ARRAY_LEN(rescues));
    tcase_add_test(tc, rule_25_a_policy_is_set_and_removed_by_administrators_of_its_entities);
    tcase_add_test(tc, rule_12_a_policy_never_takes_what_a_protected_alias_protects);
    tcase_add_test(tc, without_memory_no_policy_is_half_set_or_half_applied);
    suite_add_tcase(suite, tc);
    return suite;
}
