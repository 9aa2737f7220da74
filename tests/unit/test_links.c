/*
 * test_links.c - rules 10 to 13, 15, 24, 28 and 32 as far as they speak of links: what they keep, who
 * may touch them, and when they go and come back.
 */
#include "suites.h"

#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "store_support.h"
#include "support.h"

static const struct bench_options graced = { .grace_ms = 100000 };

#define OK(call) ck_assert_msg((call) == CULL_OK, "%s", err.message)

/* --- a store with links ----------------------------------------------------------------------- */

static cull_version_key link_to(struct bench_store *bench, const char *collection, uint32_t ordinal,
                                const char *portfolio, const char *alias)
{
    const cull_version_key source = bench_key(bench, collection, ordinal);
    const cull_caller caller = bench_caller(bench);
    cull_version_key key;
    cull_name name;
    cull_error err = { CULL_OK, "" };

    OK(cull_name_parse(&name, portfolio, "e", "r", &err));
    OK(cull_link(bench->store, &source, &name, &alias, alias != NULL, &key, &caller, &err));
    return key;
}

static void protect(struct bench_store *bench, const char *alias, bool is_protected)
{
    const cull_place place = { "e", "r" };
    const cull_caller caller = bench_caller(bench);
    cull_error err = { CULL_OK, "" };

    OK(cull_protect(bench->store, &place, alias, is_protected, &caller, &err));
}

struct listed {
    char text[1024];
};

static cull_status list_link(void *ctx, const cull_link_info *link)
{
    struct listed *listed = ctx;
    size_t used = strlen(listed->text);

    used += (size_t)snprintf(listed->text + used, sizeof listed->text - used, "%s%s:v%u=%s:v%u",
                             used == 0 ? "" : " ", link->portfolio, link->key.ordinal,
                             link->source_collection, link->source.ordinal);
    for (size_t i = 0; i < link->alias_count; i++) {
        used += (size_t)snprintf(listed->text + used, sizeof listed->text - used, ",%s",
                                 link->aliases[i]);
    }
    if (link->protection[0] != '\0') {
        (void)snprintf(listed->text + used, sizeof listed->text - used, "!%s", link->protection);
    }
    return CULL_OK;
}

static void check_links(struct bench_store *bench, const char *wanted)
{
    struct listed listed = { "" };
    cull_error err = { CULL_OK, "" };

    OK(cull_links(bench->store, NULL, NULL, NULL, list_link, &listed, &err));
    ck_assert_str_eq(listed.text, wanted);
}

static cull_status note_state(void *ctx, const cull_version_info *version)
{
    *(cull_version_info *)ctx = *version;
    return CULL_OK;
}

/* v0 and v1 of c; v1 logged by run "train". v0 is x:v0 (keep, protected), v1 is x:v1 (latest). */
static void open_protected(struct bench_store *bench)
{
    const cull_name name = { "e", "p", "c", "" };
    const cull_upload_options options = { .collection = &name, .run = "train" };
    cull_upload *upload = NULL;
    cull_commit_options commit = { 0 };
    cull_commit_result result;
    cull_manifest *manifest;
    cull_error err = { CULL_OK, "" };
    cull_caller caller;

    bench_open(bench, &graced);
    caller = bench_caller(bench);
    for (int i = 0; i < 2; i++) {
        const char *text = i == 0 ? "a=1" : "a=1 b=22";

        OK(cull_upload_open(&upload, bench->store, &options, &caller, &err));
        OK(bench_put(bench, upload, text, &err));
        manifest = bench_manifest(bench, text);
        commit.manifest = manifest;
        OK(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err));
        cull_manifest_free(manifest);
        cull_upload_free(upload);
    }
    (void)link_to(bench, "c", 0, "x", "keep");
    (void)link_to(bench, "c", 1, "x", NULL);
    protect(bench, "keep", true);
    check_links(bench, "x:v0=c:v0,keep!keep x:v1=c:v1,latest");
}

/* --- rule 10 ---------------------------------------------------------------------------------- */

START_TEST(rule_10_unlinking_keeps_the_source_and_unlinking_a_source_fails)
    {
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };
        cull_version_key source;
        cull_version_key key;
        cull_caller caller;

        bench_open(&bench, &graced);
        bench_commit(&bench, "c", "a=1");
        source = bench_key(&bench, "c", 0);
        caller = bench_caller(&bench);
        key = link_to(&bench, "c", 0, "x", "best");
        ck_assert_int_eq(cull_unlink(bench.store, &source, 1, &caller, &err), CULL_E_USAGE);
        ck_assert_ptr_nonnull(strstr(err.message, "cull delete"));
        check_links(&bench, "x:v0=c:v0,best,latest");
        OK(cull_unlink(bench.store, &key, 1, &caller, &err));
        check_links(&bench, "");
        ck_assert_int_eq(bench_info(&bench, "c", 0).state, CULL_VERSION_COMMITTED);
        ck_assert_int_eq(cull_unlink(bench.store, &key, 1, &caller, &err), CULL_E_NOTFOUND);
        ck_assert_uint_eq(bench_collect(&bench).versions_purged, 0);
        ck_assert_str_eq(bench_text(&bench, "c", 0), "a=1");
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_10_deleting_a_links_key_unlinks)
    {
        struct bench_store bench;
        cull_delete_report report;
        const cull_delete_options options = { .report = &report };
        cull_error err = { CULL_OK, "" };
        cull_version_key keys[2];
        cull_caller caller;

        bench_open(&bench, &graced);
        bench_commit(&bench, "c", "a=1");
        bench_commit(&bench, "c", "a=2");
        caller = bench_caller(&bench);
        keys[0] = link_to(&bench, "c", 1, "x", NULL);
        keys[1] = bench_key(&bench, "c", 0);
        OK(cull_delete(bench.store, keys, 2, &options, &caller, &err));
        ck_assert_uint_eq(report.links, 1);
        ck_assert_uint_eq(report.versions, 1);
        ck_assert_int_eq(bench_info(&bench, "c", 1).state, CULL_VERSION_COMMITTED);
        ck_assert_int_eq(bench_info(&bench, "c", 0).state, CULL_VERSION_DELETED);
        check_links(&bench, "");
        bench_close(&bench);
    }
END_TEST

/* It is not lost with its source, and does not come back with it. */
START_TEST(rule_10_a_link_and_its_source_go_in_one_request)
    {
        struct bench_store bench;
        cull_delete_report report;
        const cull_delete_options options = { .delete_aliases = true, .report = &report };
        cull_error err = { CULL_OK, "" };
        cull_version_key keys[2];
        cull_caller caller;

        bench_open(&bench, &graced);
        bench_commit(&bench, "c", "a=1");
        caller = bench_caller(&bench);
        (void)link_to(&bench, "c", 0, "y", NULL);
        keys[0] = link_to(&bench, "c", 0, "x", NULL);
        keys[1] = bench_key(&bench, "c", 0);
        OK(cull_delete(bench.store, keys, 2, &options, &caller, &err));
        ck_assert_uint_eq(report.links, 2);
        OK(cull_restore(bench.store, &keys[1], 1, NULL, &caller, &err));
        check_links(&bench, "y:v0=c:v0,latest");
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* A link is read as its source, and found by its own names. */
START_TEST(rule_10_a_link_reads_as_its_source)
    {
        const cull_name name = { "e", "r", "x", "best" };
        struct bench_store bench;
        cull_manifest *manifest = NULL;
        cull_version_info info;
        cull_version_key key;
        cull_error err = { CULL_OK, "" };
        bool is_link = false;

        bench_open(&bench, &graced);
        bench_commit(&bench, "c", "a=1");
        bench_commit(&bench, "c", "a=2 b=3");
        (void)link_to(&bench, "c", 0, "x", NULL);
        (void)link_to(&bench, "c", 1, "x", "best");
        OK(cull_version_find(bench.store, &name, &key, &err));
        ck_assert_uint_eq(key.ordinal, 1);
        OK(cull_key_is_link(bench.store, &key, &is_link, &err));
        ck_assert(is_link);
        OK(cull_version_show(bench.store, &key, note_state, &info, &err));
        ck_assert_uint_eq(info.entries, 2);
        OK(cull_version_manifest(bench.store, &key, &manifest, &err));
        ck_assert_uint_eq(cull_manifest_count(manifest), 2);
        cull_manifest_free(manifest);
        bench_close(&bench);
    }
END_TEST

/* --- rule 11 ---------------------------------------------------------------------------------- */

struct told {
    char text[512];
};

static cull_status tell(void *ctx, const cull_link_info *link, bool kept)
{
    struct told *told = ctx;
    size_t used = strlen(told->text);

    (void)snprintf(told->text + used, sizeof told->text - used, "%s%s %s:v%u",
                   used == 0 ? "" : ", ", kept ? "kept by" : "gone", link->portfolio,
                   link->key.ordinal);
    return CULL_OK;
}

START_TEST(rule_11_links_go_with_their_source_and_are_told_of)
    {
        struct bench_store bench;
        struct told told = { "" };
        cull_delete_options options = { .delete_aliases = true, .dry_run = true, .link = tell };
        cull_error err = { CULL_OK, "" };
        cull_version_key key;
        cull_caller caller;

        bench_open(&bench, &graced);
        bench_commit(&bench, "c", "a=1");
        (void)link_to(&bench, "c", 0, "x", "best");
        (void)link_to(&bench, "c", 0, "y", NULL);
        key = bench_key(&bench, "c", 0);
        caller = bench_caller(&bench);
        options.link_ctx = &told;
        OK(cull_delete(bench.store, &key, 1, &options, &caller, &err));
        ck_assert_str_eq(told.text, "gone x:v0, gone y:v0");
        check_links(&bench, "x:v0=c:v0,best,latest y:v0=c:v0,latest");
        options.dry_run = false;
        told.text[0] = '\0';
        OK(cull_delete(bench.store, &key, 1, &options, &caller, &err));
        ck_assert_str_eq(told.text, "gone x:v0, gone y:v0");
        check_links(&bench, "");
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_11_strict_links_keep_their_source_whatever_their_aliases)
    {
        cull_store_settings settings = {
            .seed = 1, .index_only = true, .strict_links = true, .digest = CULL_DIGEST_XXH128
        };
        struct bench_store bench = { .now_ms = 1000, .digest = CULL_DIGEST_XXH128 };
        const cull_delete_options options = { .delete_aliases = true };
        cull_caller caller = { 1000, "tester" };
        cull_version_key key;
        cull_version_key link;
        cull_error err = { CULL_OK, "" };

        OK(cull_log_memory_new(&bench.log, cull_allocator_default()));
        OK(cull_store_create(bench.log, &settings, &caller, &err));
        OK(cull_store_open(&bench.store, &(cull_store_options){ .log = bench.log }, &err));
        bench_commit(&bench, "c", "a=1");
        link = link_to(&bench, "c", 0, "x", NULL);
        key = bench_key(&bench, "c", 0);
        ck_assert_int_eq(cull_delete(bench.store, &key, 1, &options, &caller, &err),
                         CULL_E_REFUSED);
        ck_assert_ptr_nonnull(strstr(err.message, "cull unlink"));
        OK(cull_unlink(bench.store, &link, 1, &caller, &err));
        OK(cull_delete(bench.store, &key, 1, &options, &caller, &err));
        cull_store_close(bench.store);
        cull_log_close(bench.log);
    }
END_TEST

/* --- rules 12 and 15 ---------------------------------------------------------------------------- */

typedef cull_status (*path_fn)(struct bench_store *bench, const cull_delete_options *options,
                               const cull_caller *caller, cull_error *err);

static cull_status by_version(struct bench_store *bench, const cull_delete_options *options,
                              const cull_caller *caller, cull_error *err)
{
    const cull_version_key keys[2] = { bench_key(bench, "c", 0), bench_key(bench, "c", 1) };

    return cull_delete(bench->store, keys, 2, options, caller, err);
}

static cull_status by_selection(struct bench_store *bench, const cull_delete_options *options,
                                const cull_caller *caller, cull_error *err)
{
    const cull_selection selection = { .type = "dataset" };

    return cull_delete_selected(bench->store, &selection, options, NULL, NULL, caller, err);
}

static cull_status by_scope(struct bench_store *bench, cull_scope_kind kind,
                            const cull_delete_options *options, const cull_caller *caller,
                            cull_error *err)
{
    const cull_scope scope = { .kind = kind,
                               .entity = "e",
                               .project = kind == CULL_SCOPE_ENTITY ? NULL : "p",
                               .collection = kind == CULL_SCOPE_COLLECTION ? "c" : NULL,
                               .run = kind == CULL_SCOPE_RUN ? "train" : NULL };

    return cull_delete_cascade(bench->store, &scope, true, options, NULL, NULL, caller, err);
}

static cull_status by_collection(struct bench_store *bench, const cull_delete_options *options,
                                 const cull_caller *caller, cull_error *err)
{
    return by_scope(bench, CULL_SCOPE_COLLECTION, options, caller, err);
}

static cull_status by_project(struct bench_store *bench, const cull_delete_options *options,
                              const cull_caller *caller, cull_error *err)
{
    return by_scope(bench, CULL_SCOPE_PROJECT, options, caller, err);
}

static cull_status by_entity(struct bench_store *bench, const cull_delete_options *options,
                             const cull_caller *caller, cull_error *err)
{
    return by_scope(bench, CULL_SCOPE_ENTITY, options, caller, err);
}

static cull_status by_run(struct bench_store *bench, const cull_delete_options *options,
                          const cull_caller *caller, cull_error *err)
{
    return by_scope(bench, CULL_SCOPE_RUN, options, caller, err);
}

static const struct {
    const char *name;
    path_fn go;
} paths[] = {
    { "by version", by_version },       { "by selection", by_selection },
    { "by collection", by_collection }, { "by project", by_project },
    { "by entity", by_entity },         { "by run", by_run },
};
#define PATHS (sizeof paths / sizeof paths[0])

START_TEST(rule_12_a_protected_version_goes_by_no_path_until_its_alias_is_taken_away)
    {
        struct bench_store bench;
        struct told told = { "" };
        const cull_delete_options options = { .delete_aliases = true,
                                              .link = tell,
                                              .link_ctx = &told };
        cull_error err = { CULL_OK, "" };
        cull_caller caller;
        uint64_t before;

        open_protected(&bench);
        caller = bench_caller(&bench);
        before = bench_seq(&bench);
        ck_assert_msg(paths[_i].go(&bench, &options, &caller, &err) == CULL_E_REFUSED, "%s: %s",
                      paths[_i].name, err.message);
        ck_assert_ptr_nonnull(strstr(err.message, "e/r/x:v0"));
        ck_assert_str_eq(told.text, "kept by x:v0");
        ck_assert_uint_eq(bench_seq(&bench), before);
        protect(&bench, "keep", false);
        ck_assert_msg(paths[_i].go(&bench, &options, &caller, &err) == CULL_OK, "%s: %s",
                      paths[_i].name, err.message);
        check_links(&bench, "");
        ck_assert_int_eq(bench_info(&bench, "c", 0).state, CULL_VERSION_DELETED);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_12_a_protected_version_does_not_expire)
    {
        const cull_ttl_policy policy = { 1, true };
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        open_protected(&bench);
        caller = bench_caller(&bench);
        OK(cull_ttl_set_policy(bench.store, "e", &policy, &caller, &err));
        bench.now_ms += 100000000;
        ck_assert_uint_eq(bench_collect(&bench).versions_expired, 0);
        ck_assert_int_eq(bench_info(&bench, "c", 0).state, CULL_VERSION_COMMITTED);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_12_a_policy_does_not_let_a_protected_version_go)
    {
        const cull_policy policy = { .collections = "e/p/c", .keep_last = 1 };
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        open_protected(&bench);
        bench_commit(&bench, "c", "a=3");
        caller = bench_caller(&bench);
        OK(cull_policy_set(bench.store, &policy, &caller, &err));
        (void)bench_collect(&bench);
        ck_assert_int_eq(bench_info(&bench, "c", 0).state, CULL_VERSION_COMMITTED);
        ck_assert_int_eq(bench_info(&bench, "c", 1).state, CULL_VERSION_DELETED);
        check_links(&bench, "x:v0=c:v0,keep!keep");
        protect(&bench, "keep", false);
        (void)bench_collect(&bench);
        ck_assert_int_eq(bench_info(&bench, "c", 0).state, CULL_VERSION_DELETED);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_15_skipping_the_protected_deletes_the_rest_and_says_so)
    {
        struct bench_store bench;
        struct told told = { "" };
        cull_delete_report report = { 0, 0, 0 };
        const cull_delete_options options = { .delete_aliases = true,
                                              .skip_protected = true,
                                              .link = tell,
                                              .link_ctx = &told,
                                              .report = &report };
        bool of_entity = paths[_i].go == by_entity;
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        open_protected(&bench);
        caller = bench_caller(&bench);
        ck_assert_msg(paths[_i].go(&bench, &options, &caller, &err) == CULL_E_PARTIAL, "%s: %s",
                      paths[_i].name, err.message);
        ck_assert_uint_eq(report.versions, 1);
        ck_assert_uint_eq(report.links, 1);
        ck_assert_uint_eq(report.skipped, of_entity ? 2 : 1); /* the registry too */
        ck_assert_str_eq(told.text, of_entity ? "kept by x:v0, kept by x:v0, gone x:v1"
                                              : "kept by x:v0, gone x:v1");
        ck_assert_int_eq(bench_info(&bench, "c", 0).state, CULL_VERSION_COMMITTED);
        ck_assert_int_eq(bench_info(&bench, "c", 1).state, CULL_VERSION_DELETED);
        check_links(&bench, "x:v0=c:v0,keep!keep");
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* --- rule 13 ---------------------------------------------------------------------------------- */

START_TEST(rule_13_deleting_a_portfolio_or_a_registry_removes_links_only_and_frees_the_name)
    {
        const cull_scope portfolio = {
            .kind = CULL_SCOPE_COLLECTION, .entity = "e", .project = "r", .collection = "x"
        };
        const cull_scope registry = { .kind = CULL_SCOPE_PROJECT, .entity = "e", .project = "r" };
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        open_protected(&bench);
        caller = bench_caller(&bench);
        (void)link_to(&bench, "c", 1, "y", NULL);
        OK(cull_delete_scope(bench.store, &portfolio, false, false, NULL, NULL, &caller, &err));
        check_links(&bench, "y:v0=c:v1,latest");
        ck_assert_int_eq(
            cull_delete_scope(bench.store, &portfolio, false, false, NULL, NULL, &caller, &err),
            CULL_E_NOTFOUND);
        (void)link_to(&bench, "c", 0, "x", NULL);
        check_links(&bench, "x:v0=c:v0,latest y:v0=c:v1,latest");
        OK(cull_delete_scope(bench.store, &registry, false, false, NULL, NULL, &caller, &err));
        check_links(&bench, "");
        ck_assert_int_eq(bench_info(&bench, "c", 0).state, CULL_VERSION_COMMITTED);
        ck_assert_int_eq(bench_info(&bench, "c", 1).state, CULL_VERSION_COMMITTED);
        ck_assert_uint_eq(bench_commit(&bench, "r/x", "a=9"), 0); /* the name is a project's now */
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_13_registries_and_projects_do_not_take_each_others_names)
    {
        const cull_name in_registry = { "e", "r", "c", "" };
        const cull_name in_project = { "e", "p", "x", "" };
        const cull_upload_options options = { .collection = &in_registry };
        const cull_place project = { "e", "p" };
        struct bench_store bench;
        cull_upload *upload = NULL;
        cull_version_key source;
        cull_version_key key;
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        open_protected(&bench);
        caller = bench_caller(&bench);
        source = bench_key(&bench, "c", 0);
        ck_assert_int_eq(cull_upload_open(&upload, bench.store, &options, &caller, &err),
                         CULL_E_EXISTS);
        ck_assert_int_eq(cull_link(bench.store, &source, &in_project, NULL, 0, &key, &caller, &err),
                         CULL_E_EXISTS);
        ck_assert_int_eq(cull_protect(bench.store, &project, "a", true, &caller, &err),
                         CULL_E_EXISTS);
        bench_close(&bench);
    }
END_TEST

/* --- linking ---------------------------------------------------------------------------------- */

START_TEST(rule_4_a_link_takes_latest_and_a_second_one_of_a_version_moves_aliases_only)
    {
        struct bench_store bench;

        bench_open(&bench, &graced);
        bench_commit(&bench, "c", "a=1");
        bench_commit(&bench, "c", "a=2");
        (void)link_to(&bench, "c", 0, "x", "best");
        (void)link_to(&bench, "c", 1, "x", NULL);
        check_links(&bench, "x:v0=c:v0,best x:v1=c:v1,latest");
        (void)link_to(&bench, "c", 0, "x", "good");
        check_links(&bench, "x:v0=c:v0,best,good,latest x:v1=c:v1");
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_8_a_portfolio_holds_one_type)
    {
        const cull_name name = { "e", "p", "m", "" };
        const cull_name portfolio = { "e", "r", "x", "" };
        const cull_upload_options options = { .collection = &name, .type = "model" };
        struct bench_store bench;
        cull_upload *upload = NULL;
        cull_manifest *manifest;
        cull_commit_options commit = { 0 };
        cull_commit_result result;
        cull_version_key key;
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        open_protected(&bench);
        caller = bench_caller(&bench);
        manifest = bench_manifest(&bench, "");
        commit.manifest = manifest;
        OK(cull_upload_open(&upload, bench.store, &options, &caller, &err));
        OK(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err));
        ck_assert_int_eq(
            cull_link(bench.store, &result.version, &portfolio, NULL, 0, &key, &caller, &err),
            CULL_E_INVALID);
        cull_manifest_free(manifest);
        cull_upload_free(upload);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_24_linking_disables_the_ttl_and_unlinking_does_not_bring_it_back)
    {
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };
        cull_version_key source;
        cull_version_key key;
        cull_caller caller;

        bench_open(&bench, &graced);
        bench_commit(&bench, "c", "a=1");
        source = bench_key(&bench, "c", 0);
        caller = bench_caller(&bench);
        OK(cull_ttl_set(bench.store, &source, 1, 5, &caller, &err));
        ck_assert_uint_eq(bench_info(&bench, "c", 0).expires_ms, 6000);
        key = link_to(&bench, "c", 0, "x", NULL);
        ck_assert_uint_eq(bench_info(&bench, "c", 0).expires_ms, 0);
        ck_assert_int_eq(cull_ttl_set(bench.store, &source, 1, 5, &caller, &err), CULL_E_REFUSED);
        ck_assert_int_eq(cull_ttl_set(bench.store, &source, 1, CULL_TTL_INHERIT, &caller, &err),
                         CULL_E_REFUSED);
        ck_assert_int_eq(cull_ttl_set(bench.store, &key, 1, 5, &caller, &err), CULL_E_USAGE);
        OK(cull_ttl_set(bench.store, &source, 1, CULL_TTL_OFF, &caller, &err));
        OK(cull_unlink(bench.store, &key, 1, &caller, &err));
        ck_assert_uint_eq(bench_info(&bench, "c", 0).expires_ms, 0);
        OK(cull_ttl_set(bench.store, &source, 1, 5, &caller, &err));
        ck_assert_uint_eq(bench_info(&bench, "c", 0).expires_ms, 6000);
        bench_close(&bench);
    }
END_TEST

/* --- rule 28 ---------------------------------------------------------------------------------- */

typedef cull_status (*touch_fn)(struct bench_store *bench, const cull_caller *who, cull_error *err);

static cull_version_key link_key(struct bench_store *bench, uint32_t ordinal)
{
    cull_name name = { "e", "r", "x", "" };
    cull_version_key key;
    cull_error err = { CULL_OK, "" };

    (void)snprintf(name.version, sizeof name.version, "v%u", ordinal);
    OK(cull_version_find(bench->store, &name, &key, &err));
    return key;
}

static cull_status touch_declare(struct bench_store *bench, const cull_caller *who, cull_error *err)
{
    const cull_place place = { "e", "r" };

    return cull_protect(bench->store, &place, "more", true, who, err);
}

static cull_status touch_undeclare(struct bench_store *bench, const cull_caller *who,
                                   cull_error *err)
{
    const cull_place place = { "e", "r" };

    return cull_protect(bench->store, &place, "keep", false, who, err);
}

static cull_status touch_move_protected(struct bench_store *bench, const cull_caller *who,
                                        cull_error *err)
{
    const cull_version_key key = link_key(bench, 1);

    return cull_alias_set(bench->store, &key, "keep", who, err);
}

static cull_status touch_take_protected(struct bench_store *bench, const cull_caller *who,
                                        cull_error *err)
{
    return cull_alias_remove(bench->store, link_key(bench, 0).collection, "keep", who, err);
}

static cull_status touch_link_protected(struct bench_store *bench, const cull_caller *who,
                                        cull_error *err)
{
    const cull_version_key source = bench_key(bench, "c", 1);
    const cull_name name = { "e", "r", "x", "" };
    const char *alias = "keep";
    cull_version_key key;

    return cull_link(bench->store, &source, &name, &alias, 1, &key, who, err);
}

static cull_status touch_unlink_protected(struct bench_store *bench, const cull_caller *who,
                                          cull_error *err)
{
    const cull_version_key key = link_key(bench, 0);

    return cull_unlink(bench->store, &key, 1, who, err);
}

static cull_status touch_portfolio(struct bench_store *bench, const cull_caller *who,
                                   cull_error *err)
{
    const cull_scope scope = {
        .kind = CULL_SCOPE_COLLECTION, .entity = "e", .project = "r", .collection = "x"
    };

    return cull_delete_scope(bench->store, &scope, false, false, NULL, NULL, who, err);
}

static cull_status touch_registry(struct bench_store *bench, const cull_caller *who,
                                  cull_error *err)
{
    const cull_scope scope = { .kind = CULL_SCOPE_PROJECT, .entity = "e", .project = "r" };

    return cull_delete_scope(bench->store, &scope, false, false, NULL, NULL, who, err);
}

static cull_status touch_alias(struct bench_store *bench, const cull_caller *who, cull_error *err)
{
    const cull_version_key key = link_key(bench, 1);

    return cull_alias_set(bench->store, &key, "tried", who, err);
}

static cull_status touch_unlink(struct bench_store *bench, const cull_caller *who, cull_error *err)
{
    const cull_version_key key = link_key(bench, 1);

    return cull_unlink(bench->store, &key, 1, who, err);
}

static const struct {
    const char *name;
    touch_fn touch;
    cull_role needed;
} touches[] = {
    { "a protected alias is declared", touch_declare, CULL_ROLE_ADMINISTRATOR },
    { "one is declared no longer", touch_undeclare, CULL_ROLE_ADMINISTRATOR },
    { "a protected alias is moved", touch_move_protected, CULL_ROLE_ADMINISTRATOR },
    { "a protected alias is taken", touch_take_protected, CULL_ROLE_ADMINISTRATOR },
    { "a link takes a protected alias", touch_link_protected, CULL_ROLE_ADMINISTRATOR },
    { "a protected link is unlinked", touch_unlink_protected, CULL_ROLE_ADMINISTRATOR },
    { "a portfolio that holds one is deleted", touch_portfolio, CULL_ROLE_ADMINISTRATOR },
    { "a registry that holds one is deleted", touch_registry, CULL_ROLE_ADMINISTRATOR },
    { "another alias is set", touch_alias, CULL_ROLE_MEMBER },
    { "another link is unlinked", touch_unlink, CULL_ROLE_MEMBER },
};

START_TEST(rule_28_protected_things_take_an_administrator_of_the_registry_others_a_member)
    {
        const cull_place entity = { "e", NULL };
        const cull_place registry = { "e", "r" };

        for (int role = CULL_ROLE_RESTRICTED_VIEWER; role <= CULL_ROLE_ADMINISTRATOR; role++) {
            struct bench_store bench;
            cull_error err = { CULL_OK, "" };
            cull_caller owner;
            cull_caller who;
            cull_status status;
            uint64_t before;

            open_protected(&bench);
            owner = bench_caller(&bench);
            who = (cull_caller){ bench.now_ms, "ann" };
            OK(cull_role_grant(bench.store, &registry, "ann", (cull_role)role, &owner, &err));
            OK(cull_role_grant(bench.store, &entity, "ann", CULL_ROLE_MEMBER, &owner, &err));
            before = bench_seq(&bench);
            status = touches[_i].touch(&bench, &who, &err);
            if (role == CULL_ROLE_ADMINISTRATOR || touches[_i].needed == CULL_ROLE_MEMBER) {
                ck_assert_msg(status == CULL_OK, "%s: %s", touches[_i].name, err.message);
            } else { /* the entity's member is in force, the higher of the two */
                ck_assert_msg(status == CULL_E_REFUSED, "%s", touches[_i].name);
                ck_assert_ptr_nonnull(strstr(err.message, "takes administrator"));
                ck_assert_uint_eq(bench_seq(&bench), before);
            }
            bench_check(&bench);
            bench_close(&bench);
        }
    }
END_TEST

START_TEST(rule_28_a_viewer_of_the_registry_touches_no_link)
    {
        const cull_place registry = { "e", "r" };
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };
        cull_caller owner;
        cull_caller who;

        open_protected(&bench);
        owner = bench_caller(&bench);
        who = (cull_caller){ bench.now_ms, "ann" };
        OK(cull_role_grant(bench.store, &registry, "ann", CULL_ROLE_VIEWER, &owner, &err));
        ck_assert_int_eq(touches[_i].touch(&bench, &who, &err), CULL_E_REFUSED);
        bench_close(&bench);
    }
END_TEST

/* --- rule 32 ---------------------------------------------------------------------------------- */

START_TEST(rule_32_links_come_back_with_their_source_and_those_aliases_that_are_free)
    {
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };
        cull_version_key key;
        cull_caller caller;

        bench_open(&bench, &graced);
        bench_commit(&bench, "c", "a=1");
        bench_commit(&bench, "c", "a=2");
        (void)link_to(&bench, "c", 0, "x", "best");
        (void)link_to(&bench, "c", 0, "x", "good");
        (void)link_to(&bench, "c", 0, "x", "kept");
        (void)link_to(&bench, "c", 0, "y", NULL);
        bench_delete(&bench, "c", 0);
        check_links(&bench, "");
        (void)link_to(&bench, "c", 1, "x", "best"); /* taken, as latest is */
        protect(&bench, "kept", true);              /* an administrator's to give */
        key = bench_key(&bench, "c", 0);
        caller = bench_caller(&bench);
        OK(cull_restore(bench.store, &key, 1, NULL, &caller, &err));
        check_links(&bench, "x:v0=c:v0,good x:v1=c:v1,best,latest y:v0=c:v0,latest");
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_32_links_of_a_purged_version_and_of_a_deleted_portfolio_do_not_come_back)
    {
        const cull_scope portfolio = {
            .kind = CULL_SCOPE_COLLECTION, .entity = "e", .project = "r", .collection = "x"
        };
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };
        cull_version_key key;
        cull_caller caller;

        bench_open(&bench, &graced);
        bench_commit(&bench, "c", "a=1");
        bench_commit(&bench, "c", "a=2");
        (void)link_to(&bench, "c", 0, "x", NULL);
        (void)link_to(&bench, "c", 0, "y", NULL);
        bench_delete(&bench, "c", 0);
        caller = bench_caller(&bench);
        OK(cull_delete_scope(bench.store, &portfolio, false, false, NULL, NULL, &caller, &err));
        key = bench_key(&bench, "c", 0);
        OK(cull_restore(bench.store, &key, 1, NULL, &caller, &err));
        check_links(&bench, "y:v0=c:v0,latest");
        bench_delete(&bench, "c", 0);
        bench.now_ms += 200000;
        ck_assert_uint_eq(bench_collect(&bench).versions_purged, 1);
        bench_check(&bench);
        (void)link_to(&bench, "c", 1, "y", NULL);
        check_links(&bench, "y:v1=c:v1,latest"); /* ordinals are not given again */
        bench_close(&bench);
    }
END_TEST

/* --- state ------------------------------------------------------------------------------------ */

START_TEST(links_and_what_they_lost_come_back_from_the_log_and_from_a_checkpoint)
    {
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };
        cull_version_key key;
        cull_caller caller;

        open_protected(&bench);
        caller = bench_caller(&bench);
        (void)link_to(&bench, "c", 1, "y", "lost");
        bench_delete(&bench, "c", 1);
        for (int turn = 0; turn < 3; turn++) {
            check_links(&bench, "x:v0=c:v0,keep!keep");
            bench_check(&bench);
            if (turn == 1) {
                OK(cull_store_maintain(bench.store, true, &caller, &err));
            }
            bench_reopen(&bench);
        }
        key = bench_key(&bench, "c", 1);
        OK(cull_restore(bench.store, &key, 1, NULL, &caller, &err));
        check_links(&bench, "x:v0=c:v0,keep!keep x:v1=c:v1,latest y:v0=c:v1,latest,lost");
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* A checkpoint has links by portfolio, a version has them by age. */
START_TEST(links_of_one_version_are_in_the_order_of_their_making_after_a_checkpoint)
    {
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        bench_open(&bench, &graced);
        bench_commit(&bench, "c", "a=1");
        bench_commit(&bench, "c", "a=2");
        (void)link_to(&bench, "c", 0, "x", NULL);
        (void)link_to(&bench, "c", 1, "y", NULL);
        (void)link_to(&bench, "c", 1, "x", NULL);
        caller = bench_caller(&bench);
        OK(cull_store_maintain(bench.store, true, &caller, &err));
        bench_reopen(&bench);
        bench_check(&bench);
        check_links(&bench, "x:v0=c:v0 x:v1=c:v1,latest y:v0=c:v1,latest");
        bench_close(&bench);
    }
END_TEST

/* --- facts ------------------------------------------------------------------------------------ */

enum { TEAM = 1, VISION = 2, C = 3, REGISTRY = 4, X = 5 };

struct facts_world {
    struct failing_allocator memory;
    struct cull__catalog *catalog;
};

static void put_version(struct cull__catalog *catalog, uint32_t ordinal)
{
    const uint8_t digest[16] = { (uint8_t)ordinal };
    const uint64_t upload = catalog->next_id;
    const struct cull__commit_row row = {
        .id = upload + 1, .ordinal = ordinal, .manifest_digest = digest, .entries = 1, .blobs = 1
    };

    ck_assert_int_eq(
        cull__apply_upload_open(catalog, upload, C, 0, CULL__NO_ORDINAL, catalog->clock_ms + 5),
        CULL_OK);
    ck_assert_int_eq(cull__apply_commit(catalog, upload, &row), CULL_OK);
}

static void facts_world_init(struct facts_world *world)
{
    failing_allocator_init(&world->memory, 0);
    ck_assert_int_eq(cull__catalog_new(&world->catalog, &world->memory.allocator), CULL_OK);
    ck_assert_int_eq(cull__apply_stamp(world->catalog, 1000, "alice", 5), CULL_OK);
    ck_assert_int_eq(cull__apply_entity(world->catalog, TEAM, "team", 4), CULL_OK);
    ck_assert_int_eq(cull__apply_project(world->catalog, VISION, TEAM, "vision", 6), CULL_OK);
    ck_assert_int_eq(cull__apply_collection(world->catalog, C, VISION, "c", 1, "dataset", 7),
                     CULL_OK);
    ck_assert_int_eq(cull__apply_registry(world->catalog, REGISTRY, TEAM, "models", 6), CULL_OK);
    ck_assert_int_eq(cull__apply_portfolio(world->catalog, X, REGISTRY, "x", 1, "dataset", 7),
                     CULL_OK);
    put_version(world->catalog, 0);
    put_version(world->catalog, 1);
    ck_assert_int_eq(cull__apply_link(world->catalog, world->catalog->next_id, X, 0, C, 0),
                     CULL_OK);
    ck_assert_int_eq(cull__apply_link_alias(world->catalog, X, 0, "best", 4), CULL_OK);
    ck_assert_int_eq(cull__apply_protect(world->catalog, REGISTRY, "keep", 4, true), CULL_OK);
}

static void facts_world_release(struct facts_world *world)
{
    const char *why = NULL;

    world->memory.fail_at = 0;
    ck_assert_msg(cull__catalog_valid(world->catalog, &why), "%s", why);
    cull__catalog_free(world->catalog);
    ck_assert_int_eq(world->memory.live, 0);
}

static const uint32_t first[] = { 0 };
static const uint32_t second[] = { 1 };

START_TEST(a_fact_of_links_that_does_not_fit_is_corrupt_and_changes_nothing)
    {
        struct facts_world world;
        struct cull__catalog *catalog;
        uint64_t id;

        facts_world_init(&world);
        catalog = world.catalog;
        id = catalog->next_id;
#define CORRUPT(call) ck_assert_int_eq((call), CULL_E_CORRUPT)
        CORRUPT(cull__apply_registry(catalog, id, TEAM, "vision", 6));
        CORRUPT(cull__apply_registry(catalog, id + 1, TEAM, "other", 5));
        CORRUPT(cull__apply_registry(catalog, id, 99, "other", 5));
        CORRUPT(cull__apply_registry_delete(catalog, VISION));
        CORRUPT(cull__apply_portfolio(catalog, id, VISION, "y", 1, "dataset", 7));
        CORRUPT(cull__apply_portfolio(catalog, id, REGISTRY, "x", 1, "dataset", 7));
        CORRUPT(cull__apply_portfolio(catalog, id, REGISTRY, "a/b", 3, "dataset", 7));
        CORRUPT(cull__apply_portfolio_delete(catalog, C));
        CORRUPT(cull__apply_collection(catalog, id, REGISTRY, "y", 1, "dataset", 7));
        CORRUPT(cull__apply_run(catalog, id, REGISTRY, "train", 5));
        CORRUPT(cull__apply_link(catalog, id, X, 1, C, 0)); /* it has one there */
        CORRUPT(cull__apply_link(catalog, id, X, 0, C, 1));
        CORRUPT(cull__apply_link(catalog, id, X, 1, C, 2));
        CORRUPT(cull__apply_link(catalog, id, C, 1, C, 1));
        CORRUPT(cull__apply_unlink(catalog, X, second, 1));
        CORRUPT(cull__apply_unlink(catalog, C, first, 1));
        CORRUPT(cull__apply_link_alias(catalog, X, 1, "good", 4));
        CORRUPT(cull__apply_link_alias(catalog, X, 0, "v3", 2));
        CORRUPT(cull__apply_link_alias_remove(catalog, X, "good", 4));
        CORRUPT(cull__apply_protect(catalog, REGISTRY, "keep", 4, true));
        CORRUPT(cull__apply_protect(catalog, REGISTRY, "other", 5, false));
        CORRUPT(cull__apply_protect(catalog, VISION, "other", 5, true));
        CORRUPT(cull__apply_ttl(catalog, C, first, 1, 5000)); /* it is linked */
        CORRUPT(cull__apply_ttl(catalog, X, first, 1, 5000));
        CORRUPT(cull__apply_ttl_default(catalog, VISION, 5000, false));
        CORRUPT(cull__apply_ttl_default(catalog, TEAM, CULL__TTL_OFF, false));
        ck_assert_uint_eq(catalog->next_id, id);
        facts_world_release(&world);
    }
END_TEST

static cull_status fit_registry(struct cull__catalog *catalog)
{
    return cull__apply_registry(catalog, catalog->next_id, TEAM, "other", 5);
}

static cull_status fit_portfolio(struct cull__catalog *catalog)
{
    return cull__apply_portfolio(catalog, catalog->next_id, REGISTRY, "y", 1, "other type", 10);
}

static cull_status fit_link(struct cull__catalog *catalog)
{
    return cull__apply_link(catalog, catalog->next_id, X, 1, C, 1);
}

static cull_status fit_link_alias(struct cull__catalog *catalog)
{
    return cull__apply_link_alias(catalog, X, 0, "good", 4);
}

static cull_status fit_protect(struct cull__catalog *catalog)
{
    return cull__apply_protect(catalog, REGISTRY, "more", 4, true);
}

static cull_status fit_delete(struct cull__catalog *catalog)
{
    return cull__apply_delete(catalog, C, first, 1, catalog->clock_ms + 10, CULL_REASON_USER);
}

static cull_status fit_ttl_default(struct cull__catalog *catalog)
{
    return cull__apply_ttl_default(catalog, TEAM, 5000, true);
}

static cull_status fit_ttl(struct cull__catalog *catalog)
{
    return cull__apply_ttl(catalog, C, second, 1, 5000);
}

static const struct {
    const char *name;
    cull_status (*apply)(struct cull__catalog *catalog);
} fits[] = {
    { "a registry", fit_registry },
    { "a portfolio", fit_portfolio },
    { "a link", fit_link },
    { "a link's alias", fit_link_alias },
    { "a protected alias", fit_protect },
    { "a delete of a source", fit_delete },
    { "a default TTL", fit_ttl_default },
    { "a TTL", fit_ttl },
};

static struct cull__buf saved(const struct cull__catalog *catalog)
{
    struct cull__buf buf = CULL__BUF_INIT(cull_allocator_default());

    ck_assert_int_eq(cull__catalog_save(catalog, &buf), CULL_OK);
    return buf;
}

static void check_round_trip(const struct cull__catalog *catalog)
{
    struct cull__buf before = saved(catalog);
    struct cull__buf again;
    struct cull__catalog *loaded = NULL;
    const char *why = NULL;
    cull_error err = { CULL_OK, "" };

    ck_assert_msg(cull__catalog_load(&loaded, before.data, before.len, cull_allocator_default(),
                                     &err) == CULL_OK,
                  "%s", err.message);
    ck_assert_msg(cull__catalog_valid(loaded, &why), "%s", why);
    again = saved(loaded);
    ck_assert_uint_eq(again.len, before.len);
    ck_assert_mem_eq(again.data, before.data, before.len);
    cull__catalog_free(loaded);
    cull__buf_release(&before);
    cull__buf_release(&again);
}

START_TEST(a_fact_of_links_without_memory_changes_nothing)
    {
        bool done = false;

        for (uint64_t n = 1; !done; n++) {
            struct facts_world world;
            struct cull__buf before;
            struct cull__buf after;
            const char *why = NULL;
            cull_status status;

            facts_world_init(&world);
            before = saved(world.catalog);
            world.memory.fail_at = world.memory.calls + n;
            status = fits[_i].apply(world.catalog);
            world.memory.fail_at = 0;
            done = status == CULL_OK;
            ck_assert_msg(done || status == CULL_E_NOMEM, "%s", fits[_i].name);
            ck_assert_msg(cull__catalog_valid(world.catalog, &why), "%s: %s", fits[_i].name, why);
            after = saved(world.catalog);
            ck_assert_msg(done != (after.len == before.len &&
                                   memcmp(after.data, before.data, before.len) == 0),
                          "%s, allocation %u", fits[_i].name, (unsigned)n);
            check_round_trip(world.catalog);
            cull__buf_release(&before);
            cull__buf_release(&after);
            facts_world_release(&world);
            ck_assert_uint_lt(n, 50);
        }
    }
END_TEST

START_TEST(a_restore_of_links_without_memory_changes_nothing)
    {
        bool done = false;

        for (uint64_t n = 1; !done; n++) {
            struct facts_world world;
            const char *why = NULL;
            cull_status status;

            facts_world_init(&world);
            ck_assert_int_eq(fit_delete(world.catalog), CULL_OK);
            check_round_trip(world.catalog);
            world.memory.fail_at = world.memory.calls + n;
            status = cull__apply_restore(world.catalog, C, first, 1);
            world.memory.fail_at = 0;
            done = status == CULL_OK;
            ck_assert_msg(cull__catalog_valid(world.catalog, &why), "%s", why);
            facts_world_release(&world);
            ck_assert_uint_lt(n, 50);
        }
    }
END_TEST

/* Every byte of a checkpoint with links is looked at: damage is refused, or loads as something valid
 * that saves as the same bytes. */
START_TEST(a_damaged_checkpoint_of_links_is_refused_or_means_what_it_says)
    {
        struct facts_world world;
        struct cull__buf bytes;

        facts_world_init(&world);
        ck_assert_int_eq(cull__apply_role(world.catalog, REGISTRY, "ann", 3, 3), CULL_OK);
        ck_assert_int_eq(cull__apply_link(world.catalog, world.catalog->next_id, X, 1, C, 1),
                         CULL_OK);
        ck_assert_int_eq(cull__apply_ttl_default(world.catalog, TEAM, 5000, true), CULL_OK);
        ck_assert_int_eq(fit_delete(world.catalog), CULL_OK);
        bytes = saved(world.catalog);
        for (size_t i = 0; i < bytes.len; i++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                struct cull__catalog *loaded = NULL;
                struct cull__catalog *sealed = NULL;
                uint8_t *copy = cull__alloc(cull_allocator_default(), bytes.len, 1);
                cull_error err = { CULL_OK, "" };

                ck_assert_ptr_nonnull(copy);
                bytes.data[i] ^= (uint8_t)(1u << bit);
                memcpy(copy, bytes.data, bytes.len);
                if (cull__catalog_load(&loaded, bytes.data, bytes.len, cull_allocator_default(),
                                       &err) == CULL_OK) {
                    check_round_trip(loaded);
                }
                ck_assert_int_eq(
                    cull__catalog_load_sealed(&sealed, &copy, bytes.len, cull_allocator_default(),
                                              cull_allocator_default(), NULL),
                    err.status);
                if (sealed != NULL) {
                    ck_assert_int_eq(cull__catalog_open(sealed), CULL_OK);
                    check_round_trip(sealed);
                }
                cull__catalog_free(loaded);
                cull__catalog_free(sealed);
                cull__free(cull_allocator_default(), copy);
                bytes.data[i] ^= (uint8_t)(1u << bit);
            }
        }
        cull__buf_release(&bytes);
        facts_world_release(&world);
    }
END_TEST

static TCase *cascades(void)
{
    TCase *tcase = tcase_create("cascades");

    tcase_add_loop_test(
        tcase, rule_12_a_protected_version_goes_by_no_path_until_its_alias_is_taken_away, 0, PATHS);
    tcase_add_test(tcase, rule_12_a_protected_version_does_not_expire);
    tcase_add_test(tcase, rule_12_a_policy_does_not_let_a_protected_version_go);
    tcase_add_loop_test(tcase, rule_15_skipping_the_protected_deletes_the_rest_and_says_so, 0,
                        PATHS);
    tcase_add_test(
        tcase, rule_13_deleting_a_portfolio_or_a_registry_removes_links_only_and_frees_the_name);
    tcase_add_test(tcase, rule_13_registries_and_projects_do_not_take_each_others_names);
    tcase_add_test(tcase,
                   rule_32_links_come_back_with_their_source_and_those_aliases_that_are_free);
    tcase_add_test(tcase,
                   rule_32_links_of_a_purged_version_and_of_a_deleted_portfolio_do_not_come_back);
    return tcase;
}

static TCase *facts(void)
{
    TCase *tcase = tcase_create("facts");

    tcase_add_test(tcase, links_and_what_they_lost_come_back_from_the_log_and_from_a_checkpoint);
    tcase_add_test(tcase, links_of_one_version_are_in_the_order_of_their_making_after_a_checkpoint);
    tcase_add_test(tcase, a_fact_of_links_that_does_not_fit_is_corrupt_and_changes_nothing);
    tcase_add_loop_test(tcase, a_fact_of_links_without_memory_changes_nothing, 0,
                        sizeof fits / sizeof fits[0]);
    tcase_add_test(tcase, a_restore_of_links_without_memory_changes_nothing);
    tcase_add_test(tcase, a_damaged_checkpoint_of_links_is_refused_or_means_what_it_says);
    return tcase;
}

Suite *links_suite(void)
{
    Suite *suite = suite_create("links");
    TCase *tcase = tcase_create("links");

    tcase_add_test(tcase, rule_10_unlinking_keeps_the_source_and_unlinking_a_source_fails);
    tcase_add_test(tcase, rule_10_deleting_a_links_key_unlinks);
    tcase_add_test(tcase, rule_10_a_link_and_its_source_go_in_one_request);
    tcase_add_test(tcase, rule_10_a_link_reads_as_its_source);
    tcase_add_test(tcase, rule_11_links_go_with_their_source_and_are_told_of);
    tcase_add_test(tcase, rule_11_strict_links_keep_their_source_whatever_their_aliases);
    tcase_add_test(tcase,
                   rule_4_a_link_takes_latest_and_a_second_one_of_a_version_moves_aliases_only);
    tcase_add_test(tcase, rule_8_a_portfolio_holds_one_type);
    tcase_add_test(tcase, rule_24_linking_disables_the_ttl_and_unlinking_does_not_bring_it_back);
    tcase_add_loop_test(
        tcase, rule_28_protected_things_take_an_administrator_of_the_registry_others_a_member, 0,
        sizeof touches / sizeof touches[0]);
    tcase_add_loop_test(tcase, rule_28_a_viewer_of_the_registry_touches_no_link, 0,
                        sizeof touches / sizeof touches[0]);
    suite_add_tcase(suite, tcase);
    suite_add_tcase(suite, cascades());
    suite_add_tcase(suite, facts());
    return suite;
}
