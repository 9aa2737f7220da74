/*
 * test_audit.c - records of who changed what: each once, in order, wherever the facts lie by now.
 */
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_internal.h"
#include "cull/cull.h"
#include "store_support.h"

#define TEXT_MAX 8192

static void ok(cull_status status, const cull_error *err)
{
    ck_assert_msg(status == CULL_OK, "%s: %s", cull_strerror(status), err->message);
}

struct told {
    char text[TEXT_MAX];
    size_t len;
    uint64_t last_seq;
    uint64_t stop_after; /* 0: never */
    uint64_t count;
};

/* "time actor action name detail digest\n" */
static cull_status note(void *ctx, const cull_audit_record *record)
{
    struct told *told = ctx;
    char hex[CULL_DIGEST_HEX_MAX] = "-";

    ck_assert_uint_ge(record->seq, told->last_seq);
    told->last_seq = record->seq;
    if (record->manifest_digest != NULL) {
        cull_digest_to_hex(hex, record->manifest_digest, CULL_DIGEST_MD5);
        hex[4] = '\0';
    }
    told->len +=
        (size_t)snprintf(told->text + told->len, TEXT_MAX - told->len, "%llu %s %s %s %s %s\n",
                         (unsigned long long)record->time_ms, record->actor, record->action,
                         record->name, record->detail[0] == '\0' ? "-" : record->detail, hex);
    ck_assert_uint_lt(told->len, TEXT_MAX);
    return ++told->count == told->stop_after ? CULL_E_CANCELLED : CULL_OK;
}

static const char *told_of(struct bench_store *bench, const cull_audit_filter *filter,
                           struct told *told)
{
    cull_error err = { CULL_OK, "" };

    *told = (struct told){ .len = 0 };
    ok(cull_audit(bench->store, filter, note, told, &err), &err);
    return told->text;
}

static void checkpoint(struct bench_store *bench)
{
    const cull_caller caller = bench_caller(bench);
    cull_error err = { CULL_OK, "" };

    ok(cull_store_maintain(bench->store, true, &caller, &err), &err);
}

/* Two versions; v0 is deleted, restored, deleted and purged; an upload is given up. With
 * two checkpoints the log is cut at the first of them, with three at the second. */
static void live(struct bench_store *bench, int checkpoints)
{
    cull_upload *upload;
    cull_caller caller;
    cull_version_key key;
    cull_error err = { CULL_OK, "" };

    bench_open(bench, &(struct bench_options){ .grace_ms = 100 });
    (void)bench_commit(bench, "c", "a=1");
    bench->now_ms = 2000;
    (void)bench_commit(bench, "c", "a=2");
    if (checkpoints > 2) {
        checkpoint(bench);
    }
    bench->now_ms = 3000;
    bench_delete(bench, "c", 0);
    caller = bench_caller(bench);
    caller.actor = "other";
    key = bench_key(bench, "c", 0);
    ok(cull_restore(bench->store, &key, 1, NULL, &caller, &err), &err);
    bench_delete(bench, "c", 0);
    upload = bench_upload(bench, "c", -1);
    ok(cull_upload_abort(upload, &caller, &err), &err);
    cull_upload_free(upload);
    if (checkpoints > 1) {
        checkpoint(bench);
    }
    bench->now_ms = 4000;
    (void)bench_collect(bench);
    if (checkpoints > 0) {
        checkpoint(bench);
    }
}

static const char all_told[] = "1000 tester init store local -\n"
                               "1000 tester create-entity e - -\n"
                               "1000 tester create-project e/p - -\n"
                               "1000 tester create-collection e/p/c dataset -\n"
                               "1000 tester open e/p/c - -\n"
                               "1000 tester commit e/p/c:v0 - D0\n"
                               "1000 tester alias e/p/c:v0 latest D0\n"
                               "2000 tester open e/p/c - -\n"
                               "2000 tester commit e/p/c:v1 - D1\n"
                               "2000 tester alias e/p/c:v1 latest D1\n"
                               "3000 tester delete e/p/c:v0 user D0\n"
                               "3000 other restore e/p/c:v0 - D0\n"
                               "3000 tester delete e/p/c:v0 user D0\n"
                               "3000 tester open e/p/c - -\n"
                               "3000 other abort e/p/c - -\n"
                               "4000 tester cycle cycle 1 - -\n"
                               "4000 tester verified cycle 1 - -\n"
                               "4000 tester purge e/p/c:v0 - D0\n"
                               "4000 tester claim cycle 1 1 blobs -\n"
                               "4000 tester gone cycle 1 1 blobs -\n";

/* The first four digits of both versions' digests for D0 and D1. */
static void fill_in(struct bench_store *bench, char *out)
{
    char hex[2][CULL_DIGEST_HEX_MAX];

    for (unsigned i = 0; i < 2; i++) {
        cull_manifest *manifest = bench_manifest(bench, i == 0 ? "a=1" : "a=2");
        cull_digest digest;

        ck_assert_int_eq(cull_manifest_digest(manifest, &digest), CULL_OK);
        cull_digest_to_hex(hex[i], &digest, CULL_DIGEST_MD5);
        cull_manifest_free(manifest);
    }
    for (const char *at = all_told; *at != '\0';) {
        if (at[0] == 'D' && (at[1] == '0' || at[1] == '1')) {
            memcpy(out, hex[at[1] - '0'], 4);
            out += 4;
            at += 2;
        } else {
            *out++ = *at++;
        }
    }
    *out = '\0';
}

START_TEST(rules_35_and_37_every_change_has_a_record_also_behind_a_cut_log)
    {
        struct bench_store bench;
        struct told told;
        char want[TEXT_MAX];
        cull_error err = { CULL_OK, "" };

        live(&bench, _i);
        bench_reopen(&bench);
        {
            cull_stat stat;

            ok(cull_stat_of(bench.store, &stat, &err), &err);
            ck_assert((stat.audit_bytes > 0) == (_i >= 2));
        }
        fill_in(&bench, want);
        ck_assert_str_eq(told_of(&bench, &(cull_audit_filter){ 0 }, &told), want);
        bench_close(&bench);
    }
END_TEST

static const struct {
    const char *name;
    cull_audit_filter filter;
    uint64_t count;
} filters[] = {
    { "nothing", { 0 }, 20 },
    { "from exactly then on", { .since_ms = 3000 }, 10 },
    { "a moment later", { .since_ms = 3001 }, 5 },
    { "after all", { .since_ms = 4001 }, 0 },
    { "an actor", { .actor = "other" }, 2 },
    { "an actor's whole name", { .actor = "othe" }, 0 },
    { "a version", { .name = "e/p/c:v0" }, 6 },
    { "a collection", { .name = "e/p/c" }, 13 },
    { "a project", { .name = "e/p" }, 14 },
    { "an entity", { .name = "e" }, 15 },
    { "the beginning of a name", { .name = "e/p/c:v" }, 0 },
    { "all at once", { .name = "e", .actor = "tester", .since_ms = 3000 }, 4 },
};

START_TEST(rule_37_records_are_told_by_time_actor_and_name)
    {
        struct bench_store bench;
        struct told told;

        live(&bench, 0);
        (void)told_of(&bench, &filters[_i].filter, &told);
        ck_assert_msg(told.count == filters[_i].count, "%s: %llu\n%s", filters[_i].name,
                      (unsigned long long)told.count, told.text);
        bench_close(&bench);
    }
END_TEST

START_TEST(a_visitor_of_the_audit_may_stop_it)
    {
        struct bench_store bench;
        struct told told = { .stop_after = 3 };
        cull_error err = { CULL_OK, "" };

        live(&bench, 0);
        ck_assert_int_eq(cull_audit(bench.store, &(cull_audit_filter){ 0 }, note, &told, &err),
                         CULL_E_CANCELLED);
        ck_assert_uint_eq(told.count, 3);
        bench_check(&bench); /* and the handle works on */
        bench_close(&bench);
    }
END_TEST

Suite *audit_suite(void)
{
    Suite *suite = suite_create("audit");
    TCase *tc = tcase_create("audit");

    tcase_add_loop_test(tc, rules_35_and_37_every_change_has_a_record_also_behind_a_cut_log, 0, 4);
    tcase_add_loop_test(tc, rule_37_records_are_told_by_time_actor_and_name, 0, ARRAY_LEN(filters));
    tcase_add_test(tc, a_visitor_of_the_audit_may_stop_it);
    suite_add_tcase(suite, tc);
    return suite;
}
