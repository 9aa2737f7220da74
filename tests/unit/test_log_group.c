/*
 * test_log_group.c - groups: what is appended through one handle becomes durable together.
 */
#include <stdio.h>
#include <stdlib.h>

#include "log/sqlite_handle.h"
#include "suites.h"
#include "support.h"

#include "cull/store.h"

#include <check.h>

#define OK(call) ck_assert_int_eq((call), CULL_OK)

static struct {
    char path[512];
    char lock_path[512];
    cull_log *log;
    cull_log *other; /* another handle on the same file, as another process has */
} place;

static cull_log *open_log(bool create)
{
    cull_log_sqlite_options options = {
        .path = place.path, .lock_path = place.lock_path, .create = create, .busy_ms = 1
    };
    cull_error err = { 0 };
    cull_log *log = NULL;

    ck_assert_msg(cull_log_sqlite_open(&log, &options, &err) == CULL_OK, "%s", err.message);
    return log;
}

static void setup(void)
{
    const char *dir = scratch_dir();

    (void)snprintf(place.path, sizeof place.path, "%s/cull.db", dir);
    (void)snprintf(place.lock_path, sizeof place.lock_path, "%s/lock", dir);
    place.log = open_log(true);
    place.other = open_log(false);
}

static void teardown(void)
{
    cull_log_close(place.log);
    cull_log_close(place.other);
}

static uint64_t head(cull_log *log)
{
    uint64_t seq = UINT64_MAX;
    cull_error err = { 0 };

    ck_assert_msg(log->ops->head(log, &seq, &err) == CULL_OK, "%s", err.message);
    return seq;
}

/* One fact and one document of len bytes, whose id is the fact's seq. */
static cull_status append(cull_log *log, uint64_t expected, size_t len)
{
    static const uint8_t fact[8] = { 1 };
    uint8_t *data = calloc(1, len);
    struct cull__document document = { expected + 1, data, len, NULL, NULL };
    struct cull__batch batch = { .data = fact,
                                 .len = sizeof fact,
                                 .fact_count = 1,
                                 .reader_min = CULL__READER_VERSION,
                                 .documents = &document,
                                 .document_count = 1 };
    uint64_t seq = 0;
    cull_error err = { 0 };
    cull_status status;

    ck_assert_ptr_nonnull(data);
    status = log->ops->append(log, expected, &batch, &seq, &err);
    free(data);
    return status;
}

static bool has_document(cull_log *log, uint64_t id)
{
    struct cull__buf out = CULL__BUF_INIT(cull_allocator_default());
    cull_error err = { 0 };
    cull_status status = cull__log_document(log, id, &out, &err);

    cull__buf_release(&out);
    ck_assert(status == CULL_OK || status == CULL_E_NOTFOUND);
    return status == CULL_OK;
}

START_TEST(a_group_is_seen_by_others_when_it_has_ended_and_not_before)
    {
        cull_error err = { 0 };

        OK(append(place.log, 0, 10));
        OK(cull_log_group_begin(place.log, &err));
        for (uint64_t seq = 1; seq < 100; seq++) {
            OK(append(place.log, seq, 10));
            ck_assert_uint_eq(head(place.log), seq + 1);
            ck_assert_uint_eq(head(place.other), 1);
        }
        ck_assert(has_document(place.log, 100));
        ck_assert(!has_document(place.other, 100));
        OK(cull_log_group_end(place.log, true, &err));
        ck_assert_uint_eq(head(place.other), 100);
        ck_assert(has_document(place.other, 100));
        OK(append(place.other, 100, 10));
        OK(append(place.log, 101, 10));
    }
END_TEST

START_TEST(a_group_that_is_given_up_or_not_ended_has_not_happened)
    {
        cull_error err = { 0 };

        OK(cull_log_group_begin(place.log, &err));
        OK(append(place.log, 0, 10));
        OK(cull_log_group_end(place.log, false, &err));
        ck_assert_uint_eq(head(place.log), 0);
        ck_assert(!has_document(place.log, 1));
        OK(append(place.log, 0, 10));

        OK(cull_log_group_begin(place.log, &err));
        OK(append(place.log, 1, 10));
        cull_log_close(place.log);
        ck_assert_uint_eq(head(place.other), 1);
        place.log = open_log(false);
        ck_assert_uint_eq(head(place.log), 1);
    }
END_TEST

START_TEST(other_writers_wait_for_a_group_and_it_for_them)
    {
        cull_error err = { 0 };

        OK(cull_log_group_begin(place.log, &err));
        ck_assert_int_eq(append(place.other, 0, 10), CULL_E_BUSY);
        ck_assert_int_eq(cull_log_group_begin(place.other, &err), CULL_E_BUSY);
        OK(append(place.log, 0, 10));
        OK(cull_log_group_end(place.log, true, &err));
        OK(cull_log_group_begin(place.other, &err));
        ck_assert_int_eq(append(place.log, 1, 10), CULL_E_BUSY);
        OK(cull_log_group_end(place.other, true, &err));
        OK(append(place.log, 1, 10));
    }
END_TEST

START_TEST(groups_are_not_nested_and_a_log_in_memory_has_none)
    {
        cull_error err = { 0 };
        cull_log *memory = NULL;

        ck_assert_int_eq(cull_log_group_end(place.log, true, &err), CULL_E_USAGE);
        OK(cull_log_group_begin(place.log, &err));
        ck_assert_int_eq(cull_log_group_begin(place.log, &err), CULL_E_USAGE);
        OK(append(place.log, 0, 10)); /* the group that has begun goes on */
        OK(cull_log_group_end(place.log, true, &err));
        ck_assert_int_eq(cull_log_group_end(place.log, false, &err), CULL_E_USAGE);
        ck_assert_uint_eq(head(place.other), 1);
        OK(cull_log_memory_new(&memory, NULL));
        ck_assert_int_eq(cull_log_group_begin(memory, &err), CULL_E_USAGE);
        ck_assert_int_eq(cull_log_group_end(memory, true, &err), CULL_E_USAGE);
        cull_log_close(memory);
    }
END_TEST

START_TEST(an_append_at_another_place_is_refused_and_the_group_goes_on)
    {
        cull_error err = { 0 };

        OK(cull_log_group_begin(place.log, &err));
        OK(append(place.log, 0, 10));
        ck_assert_int_eq(append(place.log, 0, 10), CULL_E_MOVED);
        ck_assert(!has_document(place.log, 7));
        OK(append(place.log, 1, 10));
        OK(cull_log_group_end(place.log, true, &err));
        ck_assert_uint_eq(head(place.other), 2);
    }
END_TEST

/* The disk is full in the middle: nothing of the group is kept, and the handle is as good as new. */
START_TEST(an_append_that_fails_fails_the_whole_group)
    {
        struct cull__sqlite *sqlite = (struct cull__sqlite *)place.log;
        cull_error err = { 0 };

        OK(append(place.log, 0, 10));
        OK(cull_log_group_begin(place.log, &err));
        OK(append(place.log, 1, 10));
        ck_assert_int_eq(sqlite3_exec(sqlite->db, "PRAGMA max_page_count = 40", NULL, NULL, NULL),
                         SQLITE_OK);
        ck_assert_int_eq(append(place.log, 2, 1u << 20), CULL_E_NOSPACE);
        ck_assert_int_ne(append(place.log, 2, 10), CULL_OK);
        ck_assert_int_eq(cull_log_group_end(place.log, true, &err), CULL_E_NOSPACE);
        ck_assert_uint_eq(head(place.log), 1);
        ck_assert_uint_eq(head(place.other), 1);
        ck_assert(!has_document(place.other, 2));
        OK(append(place.log, 1, 10));
    }
END_TEST

Suite *log_group_suite(void)
{
    Suite *suite = suite_create("log_group");
    TCase *tc = tcase_create("group");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_group_is_seen_by_others_when_it_has_ended_and_not_before);
    tcase_add_test(tc, a_group_that_is_given_up_or_not_ended_has_not_happened);
    tcase_add_test(tc, other_writers_wait_for_a_group_and_it_for_them);
    tcase_add_test(tc, groups_are_not_nested_and_a_log_in_memory_has_none);
    tcase_add_test(tc, an_append_at_another_place_is_refused_and_the_group_goes_on);
    tcase_add_test(tc, an_append_that_fails_fails_the_whole_group);
    suite_add_tcase(suite, tc);
    return suite;
}
