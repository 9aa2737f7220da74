/*
 * test_roles.c - rules 25, 27 and 28 as far as they speak of people: the role that is in force, and
 * what every call that changes something asks for.
 */
#include "suites.h"

#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "store/store_internal.h"
#include "store_support.h"
#include "support.h"

static const struct bench_options graced = { .grace_ms = 100000 };

static cull_caller caller(const struct bench_store *bench, const char *actor)
{
    return (cull_caller){ bench->now_ms, actor };
}

static void grant(struct bench_store *bench, const char *user, cull_role role)
{
    const cull_place place = { "e", NULL };
    const cull_caller owner = bench_caller(bench);
    cull_error err = { CULL_OK, "" };

    ck_assert_msg(cull_role_grant(bench->store, &place, user, role, &owner, &err) == CULL_OK, "%s",
                  err.message);
}

static cull_role role_of(struct bench_store *bench, const char *entity, const char *actor)
{
    const cull_place place = { entity, NULL };
    const cull_caller who = caller(bench, actor);
    cull_role role;

    ck_assert_int_eq(cull_role_of(bench->store, &place, &who, &role, NULL), CULL_OK);
    return role;
}

/* --- the role in force ------------------------------------------------------------------------ */

START_TEST(rule_27_roles_rise_and_have_names)
    {
        static const char *const names[] = { "none", "restricted-viewer", "viewer", "member",
                                             "administrator" };

        for (int role = CULL_ROLE_NONE; role <= CULL_ROLE_ADMINISTRATOR; role++) {
            ck_assert_str_eq(cull_role_name((cull_role)role), names[role]);
            ck_assert_int_eq(cull_role_parse(names[role]), role);
        }
        ck_assert_int_eq(cull_role_parse("admin"), CULL_ROLE_ADMINISTRATOR);
        ck_assert_int_eq(cull_role_parse("boss"), CULL_ROLE_NONE);
        ck_assert_str_eq(cull_role_name((cull_role)99), "none");
    }
END_TEST

START_TEST(rule_27_the_owner_is_administrator_and_others_are_members_until_a_role_is_given)
    {
        struct bench_store bench;

        bench_open(&bench, &graced);
        bench_commit(&bench, "c", "a=1");
        ck_assert_int_eq(role_of(&bench, "e", "tester"), CULL_ROLE_ADMINISTRATOR);
        ck_assert_int_eq(role_of(&bench, "e", "ann"), CULL_ROLE_MEMBER);
        grant(&bench, "bob", CULL_ROLE_VIEWER);
        ck_assert_int_eq(role_of(&bench, "e", "tester"), CULL_ROLE_ADMINISTRATOR);
        ck_assert_int_eq(role_of(&bench, "e", "ann"), CULL_ROLE_NONE);
        ck_assert_int_eq(role_of(&bench, "e", "bob"), CULL_ROLE_VIEWER);
        ck_assert_int_eq(role_of(&bench, "other", "bob"), CULL_ROLE_NONE);
        bench_close(&bench);
    }
END_TEST

/* --- what is refused -------------------------------------------------------------------------- */

typedef cull_status (*change_fn)(struct bench_store *bench, const cull_caller *who,
                                 cull_error *err);

static cull_status do_alias_set(struct bench_store *bench, const cull_caller *who, cull_error *err)
{
    const cull_version_key key = bench_key(bench, "c", 0);

    return cull_alias_set(bench->store, &key, "best", who, err);
}

static cull_status do_alias_remove(struct bench_store *bench, const cull_caller *who,
                                   cull_error *err)
{
    return cull_alias_remove(bench->store, bench_key(bench, "c", 0).collection, "first", who, err);
}

static cull_status do_tag(struct bench_store *bench, const cull_caller *who, cull_error *err)
{
    const cull_version_key key = bench_key(bench, "c", 0);

    return cull_tag_set(bench->store, &key, "t", true, who, err);
}

static cull_status do_delete(struct bench_store *bench, const cull_caller *who, cull_error *err)
{
    const cull_delete_options options = { .delete_aliases = true };
    const cull_version_key key = bench_key(bench, "c", 1);

    return cull_delete(bench->store, &key, 1, &options, who, err);
}

static cull_status do_delete_selected(struct bench_store *bench, const cull_caller *who,
                                      cull_error *err)
{
    const cull_delete_options options = { .delete_aliases = true };
    const cull_selection selection = { .collection = "c" };

    return cull_delete_selected(bench->store, &selection, &options, NULL, NULL, who, err);
}

static cull_status do_delete_collection(struct bench_store *bench, const cull_caller *who,
                                        cull_error *err)
{
    const cull_scope scope = {
        .kind = CULL_SCOPE_COLLECTION, .entity = "e", .project = "p", .collection = "c"
    };

    return cull_delete_scope(bench->store, &scope, false, false, NULL, NULL, who, err);
}

static cull_status do_restore(struct bench_store *bench, const cull_caller *who, cull_error *err)
{
    const cull_version_key key = bench_key(bench, "c", 2);

    return cull_restore(bench->store, &key, 1, NULL, who, err);
}

static cull_status do_upload(struct bench_store *bench, const cull_caller *who, cull_error *err)
{
    const cull_name name = { "e", "p", "c", "" };
    const cull_upload_options options = { .collection = &name };
    cull_upload *upload = NULL;
    cull_status status = cull_upload_open(&upload, bench->store, &options, who, err);

    cull_upload_free(upload);
    return status;
}

static cull_status do_collect(struct bench_store *bench, const cull_caller *who, cull_error *err)
{
    const cull_gc_options options = { .now_ms = bench->now_ms };
    cull_plan *plan = NULL;
    cull_gc_result result;
    cull_status status = cull_gc_plan(&plan, bench->store, &options, err);

    ck_assert_int_eq(status, CULL_OK);
    status = cull_gc_execute(bench->store, plan, &options, who, &result, err);
    cull_plan_free(plan);
    return status;
}

static cull_status do_repair(struct bench_store *bench, const cull_caller *who, cull_error *err)
{
    const cull_fsck_options options = { .repair = true };
    cull_fsck_result result;

    return cull_fsck(bench->store, &options, who, NULL, NULL, &result, err);
}

static cull_status do_download(struct bench_store *bench, const cull_caller *who, cull_error *err)
{
    const cull_version_key key = bench_key(bench, "c", 0);

    return cull_download_check(bench->store, &key, who, err);
}

static cull_status do_grant(struct bench_store *bench, const cull_caller *who, cull_error *err)
{
    const cull_place place = { "e", NULL };

    return cull_role_grant(bench->store, &place, "eve", CULL_ROLE_VIEWER, who, err);
}

static cull_status do_revoke(struct bench_store *bench, const cull_caller *who, cull_error *err)
{
    const cull_place place = { "e", NULL };

    return cull_role_revoke(bench->store, &place, "zoe", who, err);
}

static const struct {
    const char *name;
    change_fn change;
    cull_role needed;
} changes[] = {
    { "an alias is set", do_alias_set, CULL_ROLE_MEMBER },
    { "an alias is taken away", do_alias_remove, CULL_ROLE_MEMBER },
    { "a tag is added", do_tag, CULL_ROLE_MEMBER },
    { "a version is deleted", do_delete, CULL_ROLE_MEMBER },
    { "a selection is deleted", do_delete_selected, CULL_ROLE_MEMBER },
    { "a collection is deleted", do_delete_collection, CULL_ROLE_MEMBER },
    { "a version is restored", do_restore, CULL_ROLE_MEMBER },
    { "an upload is opened", do_upload, CULL_ROLE_MEMBER },
    { "a cycle is run", do_collect, CULL_ROLE_MEMBER },
    { "a repair is run", do_repair, CULL_ROLE_MEMBER },
    { "a version is downloaded", do_download, CULL_ROLE_VIEWER },
    { "a role is given", do_grant, CULL_ROLE_ADMINISTRATOR },
    { "a role is taken", do_revoke, CULL_ROLE_ADMINISTRATOR },
};

/* A store with v0 (alias first), v1 and, in the trash, v2 of c; zoe is a viewer. */
static void open_with_roles(struct bench_store *bench)
{
    cull_version_key first;
    cull_caller owner;

    bench_open(bench, &graced);
    bench_commit(bench, "c", "a=1");
    bench_commit(bench, "c", "a=2");
    bench_commit(bench, "c", "a=3");
    bench_delete(bench, "c", 2);
    first = bench_key(bench, "c", 0);
    owner = bench_caller(bench);
    ck_assert_int_eq(cull_alias_set(bench->store, &first, "first", &owner, NULL), CULL_OK);
    grant(bench, "zoe", CULL_ROLE_VIEWER);
}

START_TEST(rule_27_what_is_not_there_cannot_be_downloaded)
    {
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };
        cull_version_key key;
        cull_caller owner;

        open_with_roles(&bench);
        owner = bench_caller(&bench);
        key = bench_key(&bench, "c", 2); /* in the trash: it can be read */
        ck_assert_int_eq(cull_download_check(bench.store, &key, &owner, &err), CULL_OK);
        bench.now_ms += 1000000;
        (void)bench_collect(&bench);
        ck_assert_int_eq(cull_download_check(bench.store, &key, &owner, &err), CULL_E_NOTFOUND);
        ck_assert_ptr_nonnull(strstr(err.message, "already collected"));
        key.ordinal = 9;
        ck_assert_int_eq(cull_download_check(bench.store, &key, &owner, &err), CULL_E_NOTFOUND);
        ck_assert_ptr_nonnull(strstr(err.message, "e/p/c:v9"));
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_28_each_change_takes_a_role_and_a_refusal_says_which_and_changes_nothing)
    {
        for (int role = CULL_ROLE_NONE; role <= CULL_ROLE_ADMINISTRATOR; role++) {
            struct bench_store bench;
            cull_error err = { CULL_OK, "" };
            cull_caller who;
            uint64_t before;
            uint64_t after;
            cull_status status;
            char wanted[64];

            open_with_roles(&bench);
            if (role != CULL_ROLE_NONE) {
                grant(&bench, "ann", (cull_role)role);
            }
            who = caller(&bench, "ann");
            ck_assert_int_eq(cull_store_refresh(bench.store, &before, &err), CULL_OK);
            status = changes[_i].change(&bench, &who, &err);
            if (role >= (int)changes[_i].needed) {
                ck_assert_msg(status == CULL_OK, "%s by %s: %s", changes[_i].name,
                              cull_role_name((cull_role)role), err.message);
            } else {
                (void)snprintf(wanted, sizeof wanted, "takes %s",
                               cull_role_name(changes[_i].needed));
                ck_assert_msg(status == CULL_E_REFUSED, "%s by %s", changes[_i].name,
                              cull_role_name((cull_role)role));
                ck_assert_msg(strstr(err.message, wanted) != NULL, "%s", err.message);
                ck_assert_int_eq(cull_store_refresh(bench.store, &after, &err), CULL_OK);
                ck_assert_uint_eq(after, before);
            }
            bench_check(&bench);
            bench_close(&bench);
        }
    }
END_TEST

START_TEST(rule_28_an_upload_goes_on_only_as_long_as_its_role_does)
    {
        const cull_place place = { "e", NULL };
        const cull_name name = { "e", "p", "c", "" };
        const cull_upload_options options = { .collection = &name };
        struct bench_store bench;
        cull_upload *upload = NULL;
        cull_manifest *manifest;
        cull_commit_options commit = { 0 };
        cull_commit_result result;
        cull_error err = { CULL_OK, "" };
        cull_blob_ref blob;
        cull_put_answer answer;
        cull_caller who;

        open_with_roles(&bench);
        who = caller(&bench, "ann");
        grant(&bench, "ann", CULL_ROLE_MEMBER);
        ck_assert_int_eq(cull_upload_open(&upload, bench.store, &options, &who, &err), CULL_OK);
        grant(&bench, "ann", CULL_ROLE_VIEWER);
        blob = (cull_blob_ref){ bench_digest(&bench, "1"), 1 };
        manifest = bench_manifest(&bench, "b=1");
        commit.manifest = manifest;
        ck_assert_int_eq(cull_upload_put(upload, &blob, 1, &answer, &who, &err), CULL_E_REFUSED);
        ck_assert_int_eq(cull_upload_confirm(upload, &blob.digest, 1, &who, &err), CULL_E_REFUSED);
        ck_assert_int_eq(cull_upload_renew(upload, &who, &err), CULL_E_REFUSED);
        ck_assert_int_eq(cull_upload_commit(upload, &commit, NULL, NULL, &result, &who, &err),
                         CULL_E_REFUSED);
        ck_assert_int_eq(cull_upload_abort(upload, &who, &err), CULL_E_REFUSED);
        who = bench_caller(&bench);
        ck_assert_int_eq(cull_role_revoke(bench.store, &place, "ann", &who, &err), CULL_OK);
        ck_assert_int_eq(cull_upload_abort(upload, &who, &err), CULL_OK);
        cull_upload_free(upload);
        cull_manifest_free(manifest);
        bench_close(&bench);
    }
END_TEST

/* --- state ------------------------------------------------------------------------------------ */

struct listed {
    char text[256];
};

static cull_status list_role(void *ctx, const cull_role_info *role)
{
    struct listed *listed = ctx;
    size_t used = strlen(listed->text);

    (void)snprintf(listed->text + used, sizeof listed->text - used, "%s%s/%s %s %s",
                   used == 0 ? "" : ", ", role->entity, role->registry, role->user,
                   cull_role_name(role->role));
    return CULL_OK;
}

static void check_listed(struct bench_store *bench, const char *wanted)
{
    struct listed listed = { "" };
    cull_error err = { CULL_OK, "" };

    ck_assert_int_eq(cull_roles(bench->store, NULL, list_role, &listed, &err), CULL_OK);
    ck_assert_str_eq(listed.text, wanted);
}

START_TEST(rule_27_roles_and_the_owner_come_back_from_the_log_and_from_a_checkpoint)
    {
        const cull_place other = { "a", NULL };
        const char *wanted = "a/ dan member, e/ ann member, e/ bob viewer";
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };
        cull_caller who;

        bench_open(&bench, &graced);
        who = bench_caller(&bench);
        bench_commit(&bench, "c", "a=1");
        grant(&bench, "bob", CULL_ROLE_VIEWER);
        grant(&bench, "ann", CULL_ROLE_VIEWER);
        grant(&bench, "ann", CULL_ROLE_MEMBER);
        ck_assert_int_eq(cull_role_grant(bench.store, &other, "dan", CULL_ROLE_MEMBER, &who, &err),
                         CULL_OK);
        check_listed(&bench, wanted);
        bench_reopen(&bench);
        check_listed(&bench, wanted);
        ck_assert_int_eq(cull_store_maintain(bench.store, true, &who, &err), CULL_OK);
        bench_reopen(&bench);
        check_listed(&bench, wanted);
        ck_assert_int_eq(role_of(&bench, "e", "tester"), CULL_ROLE_ADMINISTRATOR);
        ck_assert_int_eq(role_of(&bench, "e", "eve"), CULL_ROLE_NONE);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_27_a_revoked_role_is_gone_and_what_is_not_there_is_not_found)
    {
        const cull_place place = { "e", NULL };
        const cull_place registry = { "e", "r" };
        struct bench_store bench;
        struct listed listed = { "" };
        cull_error err = { CULL_OK, "" };
        cull_caller who;

        open_with_roles(&bench);
        who = bench_caller(&bench);
        ck_assert_int_eq(cull_role_revoke(bench.store, &place, "ann", &who, &err), CULL_E_NOTFOUND);
        ck_assert_int_eq(cull_role_revoke(bench.store, &place, "zoe", &who, &err), CULL_OK);
        check_listed(&bench, "");
        ck_assert_int_eq(role_of(&bench, "e", "ann"), CULL_ROLE_MEMBER); /* as before all roles */
        ck_assert_int_eq(
            cull_role_grant(bench.store, &registry, "ann", CULL_ROLE_VIEWER, &who, &err),
            CULL_E_NOTFOUND);
        ck_assert_int_eq(cull_roles(bench.store, &registry, list_role, &listed, &err),
                         CULL_E_NOTFOUND);
        ck_assert_int_eq(cull_role_grant(bench.store, &place, "", CULL_ROLE_VIEWER, &who, &err),
                         CULL_E_USAGE);
        ck_assert_int_eq(cull_role_grant(bench.store, &place, "a\nb", CULL_ROLE_VIEWER, &who, &err),
                         CULL_E_USAGE);
        ck_assert_int_eq(cull_role_grant(bench.store, &place, "ann", CULL_ROLE_NONE, &who, &err),
                         CULL_E_USAGE);
        bench_close(&bench);
    }
END_TEST

/* --- facts ------------------------------------------------------------------------------------ */

START_TEST(a_role_fact_that_does_not_fit_is_refused_and_changes_nothing)
    {
        struct failing_allocator memory;
        struct cull__catalog *catalog;
        const char *why = NULL;

        failing_allocator_init(&memory, 0);
        ck_assert_int_eq(cull__catalog_new(&catalog, &memory.allocator), CULL_OK);
        ck_assert_int_eq(cull__apply_stamp(catalog, 1000, "alice", 5), CULL_OK);
        ck_assert_int_eq(cull__apply_entity(catalog, 1, "team", 4), CULL_OK);
        ck_assert_int_eq(cull__apply_project(catalog, 2, 1, "p", 1), CULL_OK);
        ck_assert_int_eq(cull__apply_role(catalog, 3, "ann", 3, 1), CULL_E_CORRUPT);
        ck_assert_int_eq(cull__apply_role(catalog, 2, "ann", 3, 1), CULL_E_CORRUPT);
        ck_assert_int_eq(cull__apply_role(catalog, 1, "ann", 3, 5), CULL_E_CORRUPT);
        ck_assert_int_eq(cull__apply_role(catalog, 1, "", 0, 1), CULL_E_CORRUPT);
        ck_assert_int_eq(cull__apply_role(catalog, 1, "ann", 3, 0), CULL_E_CORRUPT);
        ck_assert_ptr_null(catalog->owner);
        for (uint64_t n = 1; catalog->role_count == 0; n++) {
            memory.fail_at = memory.calls + n;
            if (cull__apply_role(catalog, 1, "ann", 3, 4) != CULL_OK) {
                ck_assert_uint_eq(catalog->role_count, 0);
            }
            memory.fail_at = 0;
            ck_assert_msg(cull__catalog_valid(catalog, &why), "%s", why);
            ck_assert_uint_lt(n, 10);
        }
        ck_assert_str_eq(catalog->owner, "alice");
        cull__catalog_free(catalog);
        ck_assert_int_eq(memory.live, 0);
    }
END_TEST

/* Its checkpoint does not say who made it, and what did was cut from its log. */
START_TEST(rule_27_a_store_from_before_there_were_owners_has_one_with_its_first_role)
    {
        struct cull__catalog *catalog;
        struct cull__catalog *loaded = NULL;
        struct cull__buf bytes = CULL__BUF_INIT(cull_allocator_default());
        struct cull__place place = { NULL, "team", NULL };
        cull_error err = { CULL_OK, "" };

        ck_assert_int_eq(cull__catalog_new(&catalog, cull_allocator_default()), CULL_OK);
        ck_assert_int_eq(cull__apply_stamp(catalog, 1000, "alice", 5), CULL_OK);
        ck_assert_int_eq(cull__apply_entity(catalog, 1, "team", 4), CULL_OK);
        ck_assert_int_eq(cull__catalog_save(catalog, &bytes), CULL_OK);
        ck_assert_uint_eq(bytes.data[0], 1); /* the old format, which old programs read */
        ck_assert_int_eq(
            cull__catalog_load(&loaded, bytes.data, bytes.len, cull_allocator_default(), &err),
            CULL_OK);
        place.entity = cull__entity_find(loaded, "team");
        ck_assert_int_eq(cull__role_in_force(loaded, "bob", &place), CULL_ROLE_ADMINISTRATOR);
        ck_assert_int_eq(cull__apply_role(loaded, 1, "ann", 3, CULL_ROLE_MEMBER), CULL_OK);
        ck_assert_int_eq(cull__role_in_force(loaded, "alice", &place), CULL_ROLE_ADMINISTRATOR);
        ck_assert_int_eq(cull__role_in_force(loaded, "ann", &place), CULL_ROLE_MEMBER);
        ck_assert_int_eq(cull__role_in_force(loaded, "bob", &place), CULL_ROLE_NONE);
        cull__catalog_free(catalog);
        cull__catalog_free(loaded);
        cull__buf_release(&bytes);
    }
END_TEST

Suite *roles_suite(void)
{
    Suite *suite = suite_create("roles");
    TCase *tcase = tcase_create("roles");

    tcase_add_test(tcase, rule_27_roles_rise_and_have_names);
    tcase_add_test(tcase,
                   rule_27_the_owner_is_administrator_and_others_are_members_until_a_role_is_given);
    tcase_add_test(tcase, rule_27_what_is_not_there_cannot_be_downloaded);
    tcase_add_loop_test(
        tcase, rule_28_each_change_takes_a_role_and_a_refusal_says_which_and_changes_nothing, 0,
        sizeof changes / sizeof changes[0]);
    tcase_add_test(tcase, rule_28_an_upload_goes_on_only_as_long_as_its_role_does);
    tcase_add_test(tcase, rule_27_roles_and_the_owner_come_back_from_the_log_and_from_a_checkpoint);
    tcase_add_test(tcase, rule_27_a_revoked_role_is_gone_and_what_is_not_there_is_not_found);
    tcase_add_test(tcase,
                   rule_27_a_store_from_before_there_were_owners_has_one_with_its_first_role);
    tcase_add_test(tcase, a_role_fact_that_does_not_fit_is_refused_and_changes_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
