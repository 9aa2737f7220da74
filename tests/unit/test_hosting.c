/*
 * test_hosting.c - the gate before a cycle: what must hold where a store is hosted.
 */
#include "suites.h"

#include <stdio.h>
#include <string.h>

#include "base/base_internal.h"
#include "cull/cull.h"

#define ENV "GORILLA_ARTIFACT_GC_ENABLED=true"
#define BUCKET "enable versioning of the bucket"

struct place {
    cull_log *log;
    cull_objects *objects;
    cull_store *store;
};

static void ok(cull_status status, const cull_error *err)
{
    ck_assert_msg(status == CULL_OK, "%s: %s", cull_strerror(status), err->message);
}

static void place_open(struct place *place, const char *hosting, cull_versioning versioning)
{
    const cull_objects_memory_options memory = { .digest = CULL_DIGEST_SHA256,
                                                 .late = CULL_LATE_IMPOSSIBLE,
                                                 .versioning = versioning };
    const cull_caller caller = { .now_ms = 1, .actor = "tester" };
    cull_store_settings settings = { .late_deletes = CULL_LATE_IMPOSSIBLE, .seed = 1 };
    cull_store_options options = { .log = NULL };
    cull_error err = { CULL_OK, "" };

    (void)snprintf(settings.hosting, sizeof settings.hosting, "%s", hosting);
    ok(cull_log_memory_new(&place->log, NULL), &err);
    ok(cull_objects_memory_new(&place->objects, &memory, &err), &err);
    ok(cull_store_create(place->log, &settings, &caller, &err), &err);
    options.log = place->log;
    options.objects = place->objects;
    ok(cull_store_open(&place->store, &options, &err), &err);
}

static void place_close(struct place *place)
{
    cull_store_close(place->store);
    cull_log_close(place->log);
    cull_objects_close(place->objects);
}

static const struct {
    const char *hosting;
    cull_versioning versioning;
    const char *enabled;
    const char *missing[2]; /* NULL: nothing */
} gates[] = {
    { "local", CULL_VERSIONING_NONE, NULL, { NULL } },
    { "shared", CULL_VERSIONING_NONE, NULL, { NULL } },
    { "dedicated", CULL_VERSIONING_SUSPENDED, NULL, { NULL } },
    { "shared-connector", CULL_VERSIONING_ENABLED, NULL, { NULL } },
    { "shared-connector", CULL_VERSIONING_NONE, NULL, { BUCKET "|is off" } },
    { "shared-connector", CULL_VERSIONING_SUSPENDED, "true", { BUCKET "|is suspended" } },
    { "dedicated-connector", CULL_VERSIONING_ENABLED, NULL, { NULL } },
    { "dedicated-connector", CULL_VERSIONING_SUSPENDED, NULL, { BUCKET "|is suspended" } },
    { "self-managed", CULL_VERSIONING_ENABLED, "true", { NULL } },
    { "self-managed", CULL_VERSIONING_ENABLED, NULL, { ENV } },
    { "self-managed", CULL_VERSIONING_ENABLED, "false", { ENV } },
    { "self-managed", CULL_VERSIONING_ENABLED, "", { ENV } },
    { "self-managed", CULL_VERSIONING_NONE, "true", { BUCKET "|is off" } },
    { "self-managed", CULL_VERSIONING_SUSPENDED, NULL, { ENV, BUCKET "|is suspended" } },
    { "on-premises", CULL_VERSIONING_ENABLED, "true", { NULL } },
    { "on-premises", CULL_VERSIONING_NONE, NULL, { ENV, BUCKET "|is off" } },
};

static bool says(const char *message, const char *want)
{
    char head[64];
    const char *bar = strchr(want, '|');

    (void)snprintf(head, sizeof head, "%.*s", bar == NULL ? 63 : (int)(bar - want), want);
    return strstr(message, head) != NULL && (bar == NULL || strstr(message, bar + 1) != NULL);
}

START_TEST(rule_29_a_cycle_runs_only_where_all_that_its_hosting_asks_for_holds)
    {
        const cull_gc_options options = { .now_ms = 2, .gorilla_gc_enabled = gates[_i].enabled };
        const cull_caller caller = { .now_ms = 2, .actor = "tester" };
        bool open = gates[_i].missing[0] == NULL;
        struct place place;
        cull_plan *plan = NULL;
        cull_plan_info info;
        cull_gc_result result;
        cull_error err = { CULL_OK, "" };
        cull_status status;
        uint64_t before = 0;
        uint64_t after = 0;

        place_open(&place, gates[_i].hosting, gates[_i].versioning);
        ok(cull_store_refresh(place.store, &before, &err), &err);
        ok(cull_gc_plan(&plan, place.store, &options, &err), &err);
        cull_plan_get_info(plan, &info);
        ck_assert_msg((info.refusal == NULL) == open, "%s", gates[_i].hosting);
        status = cull_gc_execute(place.store, plan, &options, &caller, &result, &err);
        ck_assert_int_eq(status, open ? CULL_OK : CULL_E_REFUSED);
        for (size_t i = 0; i < 2 && gates[_i].missing[i] != NULL; i++) {
            ck_assert_msg(says(err.message, gates[_i].missing[i]), "%s: %s", gates[_i].hosting,
                          err.message);
            ck_assert_str_eq(err.message, info.refusal);
        }
        ck_assert(open || (strstr(err.message, ENV) == NULL) !=
                              (says(gates[_i].missing[0], ENV) ||
                               (gates[_i].missing[1] != NULL && says(gates[_i].missing[1], ENV))));
        ok(cull_store_refresh(place.store, &after, &err), &err);
        ck_assert(open || after == before); /* nothing changes */
        cull_plan_free(plan);
        place_close(&place);
    }
END_TEST

START_TEST(rule_29_versioning_that_is_suspended_after_the_plan_stops_its_execution)
    {
        const cull_gc_options options = { .now_ms = 2, .gorilla_gc_enabled = "true" };
        const cull_caller caller = { .now_ms = 2, .actor = "tester" };
        struct place place;
        cull_plan *plan = NULL;
        cull_gc_result result;
        cull_error err = { CULL_OK, "" };

        place_open(&place, "self-managed", CULL_VERSIONING_ENABLED);
        ok(cull_gc_plan(&plan, place.store, &options, &err), &err);
        cull_objects_memory_set_versioning(place.objects, CULL_VERSIONING_SUSPENDED);
        ck_assert_int_eq(cull_gc_execute(place.store, plan, &options, &caller, &result, &err),
                         CULL_E_REFUSED);
        cull_objects_memory_set_versioning(place.objects, CULL_VERSIONING_ENABLED);
        ok(cull_gc_execute(place.store, plan, &options, &caller, &result, &err), &err);
        cull_plan_free(plan);
        place_close(&place);
    }
END_TEST

START_TEST(rule_29_a_hosting_that_is_none_is_refused_with_those_there_are)
    {
        const cull_caller caller = { .now_ms = 1, .actor = "tester" };
        const cull_store_settings settings = { .late_deletes = CULL_LATE_IMPOSSIBLE,
                                               .hosting = "cloudy" };
        const cull_hosting *hostings;
        size_t count = cull_hostings(&hostings);
        cull_log *log = NULL;
        cull_error err = { CULL_OK, "" };

        ok(cull_log_memory_new(&log, NULL), &err);
        ck_assert_int_eq(cull_store_create(log, &settings, &caller, &err), CULL_E_INVALID);
        ck_assert_uint_eq(count, 7);
        for (size_t i = 0; i < count; i++) {
            ck_assert_ptr_nonnull(strstr(err.message, hostings[i].name));
        }
        cull_log_close(log);
    }
END_TEST

Suite *hosting_suite(void)
{
    Suite *suite = suite_create("hosting");
    TCase *tc = tcase_create("hosting");

    tcase_add_loop_test(tc, rule_29_a_cycle_runs_only_where_all_that_its_hosting_asks_for_holds, 0,
                        ARRAY_LEN(gates));
    tcase_add_test(tc, rule_29_versioning_that_is_suspended_after_the_plan_stops_its_execution);
    tcase_add_test(tc, rule_29_a_hosting_that_is_none_is_refused_with_those_there_are);
    suite_add_tcase(suite, tc);
    return suite;
}
