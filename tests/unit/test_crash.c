/*
 * test_crash.c - the disk that loses what was not synced, and what was found with it.
 */
#include "suites.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fault/crash_cuts.h"

#define DRAWS 400
#define OK(call) ck_assert_int_eq((call), CULL_OK)

/* --- the disk ----------------------------------------------------------------------------------- */

static const struct crash_disk_options powersafe = { .sector_bytes = 512, .powersafe = true };
static const struct crash_disk_options careless = { .sector_bytes = 512, .powersafe = false };

/* Put len bytes of one value into a file at a place; sync it if asked. */
static void fill(struct crash_disk *disk, const char *name, uint64_t at, int value, size_t len,
                 bool sync)
{
    uint8_t *bytes = malloc(len);
    struct crash_file *file;

    ck_assert_ptr_nonnull(bytes);
    memset(bytes, value, len);
    ck_assert_int_eq(crash_file_open(disk, name, CRASH_CREATE, &file), 0);
    ck_assert_int_eq(crash_file_write(file, bytes, len, at), 0);
    ck_assert_int_eq(sync ? crash_file_sync(file) : 0, 0);
    crash_file_close(file);
    free(bytes);
}

/* The file's first bytes after a cut, zero behind its end; its length. */
static uint64_t found_after(const struct crash_disk *disk, enum crash_survival survival,
                            uint64_t seed, const char *name, uint8_t *out, size_t len)
{
    struct crash_disk *found = crash_disk_cut(disk, survival, seed);
    struct crash_file *file;
    uint64_t size = UINT64_MAX;
    size_t got;

    memset(out, 0, len);
    if (crash_file_open(found, name, 0, &file) == 0) {
        ck_assert_int_eq(crash_file_read(file, out, len, 0, &got), 0);
        ck_assert_int_eq(crash_file_size(file, &size), 0);
        crash_file_close(file);
    }
    crash_disk_free(found);
    return size;
}

static bool is_all(const uint8_t *bytes, size_t len, int value)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != value) {
            return false;
        }
    }
    return true;
}

START_TEST(what_was_synced_outlasts_a_power_cut)
    {
        struct crash_disk *disk = crash_disk_new(&powersafe);
        uint8_t bytes[2000];

        fill(disk, "f", 0, 'a', 2000, true);
        ck_assert_int_eq(crash_disk_sync_folder(disk, true), 0);
        fill(disk, "f", 1000, 'b', 1000, false);
        for (uint64_t seed = 0; seed < DRAWS; seed++) {
            ck_assert_uint_eq(found_after(disk, CRASH_ANY, seed, "f", bytes, sizeof bytes), 2000);
            ck_assert(is_all(bytes, 1000, 'a'));
        }
        crash_disk_free(disk);
    }
END_TEST

START_TEST(what_was_not_synced_is_lost_kept_or_torn_at_a_sector)
    {
        struct crash_disk *disk = crash_disk_new(&powersafe);
        unsigned lost = 0, kept = 0, torn = 0;
        uint8_t bytes[2048];

        fill(disk, "f", 0, 'a', sizeof bytes, true);
        ck_assert_int_eq(crash_disk_sync_folder(disk, true), 0);
        fill(disk, "f", 0, 'b', sizeof bytes, false);
        for (uint64_t seed = 0; seed < DRAWS; seed++) {
            size_t changed = 0;

            (void)found_after(disk, CRASH_PREFIX, seed, "f", bytes, sizeof bytes);
            for (size_t at = 0; at < sizeof bytes; at += 512) {
                ck_assert(is_all(bytes + at, 512, 'a') || is_all(bytes + at, 512, 'b'));
                changed += bytes[at] == 'b';
            }
            lost += changed == 0;
            torn += changed > 0 && changed < 4;
            ck_assert(is_all(bytes, changed * 512, 'b')); /* from its beginning on */
            (void)found_after(disk, CRASH_ANY, seed, "f", bytes, sizeof bytes);
            kept += is_all(bytes, sizeof bytes, 'b');
        }
        ck_assert_uint_gt(lost, 0);
        ck_assert_uint_gt(torn, 0);
        ck_assert_uint_gt(kept, 0);
        (void)found_after(disk, CRASH_NOTHING, 1, "f", bytes, sizeof bytes);
        ck_assert(is_all(bytes, sizeof bytes, 'a'));
        (void)found_after(disk, CRASH_ALL, 1, "f", bytes, sizeof bytes);
        ck_assert(is_all(bytes, sizeof bytes, 'b'));
        crash_disk_free(disk);
    }
END_TEST

static const struct {
    const char *name;
    const struct crash_disk_options *options;
    bool harmed;
} neighbour_cases[] = {
    { "a powersafe disk", &powersafe, false },
    { "another", &careless, true },
};

START_TEST(a_write_harms_the_bytes_beside_it_unless_the_disk_is_powersafe)
    {
        struct crash_disk *disk = crash_disk_new(neighbour_cases[_i].options);
        unsigned harmed = 0;
        uint8_t bytes[1024];

        fill(disk, "f", 0, 'a', sizeof bytes, true);
        ck_assert_int_eq(crash_disk_sync_folder(disk, true), 0);
        fill(disk, "f", 100, 'b', 100, false);
        for (uint64_t seed = 0; seed < DRAWS; seed++) {
            (void)found_after(disk, CRASH_ANY, seed, "f", bytes, sizeof bytes);
            harmed += !is_all(bytes, 100, 'a') || !is_all(bytes + 200, 312, 'a');
            ck_assert(is_all(bytes + 512, 512, 'a')); /* another sector never is */
        }
        ck_assert_msg((harmed > 0) == neighbour_cases[_i].harmed, "%s", neighbour_cases[_i].name);
        crash_disk_free(disk);
    }
END_TEST

START_TEST(a_rename_and_a_new_name_last_once_their_folder_is_synced)
    {
        struct crash_disk *disk = crash_disk_new(&powersafe);
        uint8_t bytes[10];

        fill(disk, "new", 0, 'a', sizeof bytes, true);
        ck_assert_int_eq(crash_disk_rename(disk, "new", "f"), 0);
        ck_assert_uint_eq(found_after(disk, CRASH_NOTHING, 1, "f", bytes, sizeof bytes),
                          UINT64_MAX);
        ck_assert_uint_eq(found_after(disk, CRASH_ALL, 1, "f", bytes, sizeof bytes), 10);
        ck_assert_int_eq(crash_disk_sync_folder(disk, true), 0);
        for (uint64_t seed = 0; seed < DRAWS; seed++) {
            ck_assert_uint_eq(found_after(disk, CRASH_ANY, seed, "f", bytes, sizeof bytes), 10);
            ck_assert_uint_eq(found_after(disk, CRASH_ANY, seed, "new", bytes, sizeof bytes),
                              UINT64_MAX);
        }
        crash_disk_free(disk);
    }
END_TEST

START_TEST(a_deleted_file_may_come_back_until_the_folder_is_synced)
    {
        struct crash_disk *disk = crash_disk_new(&powersafe);
        unsigned back = 0;
        uint8_t bytes[10];

        fill(disk, "f", 0, 'a', sizeof bytes, true);
        ck_assert_int_eq(crash_disk_sync_folder(disk, true), 0);
        ck_assert_int_eq(crash_disk_delete(disk, "f"), 0);
        for (uint64_t seed = 0; seed < DRAWS; seed++) {
            back += found_after(disk, CRASH_ANY, seed, "f", bytes, sizeof bytes) == 10;
        }
        ck_assert_uint_gt(back, 0);
        ck_assert_uint_lt(back, DRAWS);
        ck_assert_int_eq(crash_disk_sync_folder(disk, true), 0);
        ck_assert_uint_eq(found_after(disk, CRASH_NOTHING, 1, "f", bytes, sizeof bytes),
                          UINT64_MAX);
        crash_disk_free(disk);
    }
END_TEST

/* Fail the calls of one kind, from a number on. */
struct failing {
    enum crash_call call;
    int error;
    unsigned calls;
    unsigned from, to; /* of those that fail, counted from 1 */
};

static int fail_some(void *ctx, enum crash_call call)
{
    struct failing *failing = ctx;

    if (call != failing->call) {
        return 0;
    }
    failing->calls++;
    return failing->calls >= failing->from && failing->calls <= failing->to ? failing->error : 0;
}

START_TEST(what_a_failed_sync_was_for_never_lasts_unless_it_is_written_again)
    {
        struct crash_disk *disk = crash_disk_new(&powersafe);
        struct failing failing = { .call = CRASH_SYNC, .error = EIO, .from = 1, .to = 1 };
        struct crash_file *file;
        uint8_t bytes[10];

        fill(disk, "f", 0, 'a', sizeof bytes, true);
        ck_assert_int_eq(crash_disk_sync_folder(disk, true), 0);
        fill(disk, "f", 0, 'b', sizeof bytes, false);
        crash_disk_watch(disk, fail_some, &failing);
        ck_assert_int_eq(crash_file_open(disk, "f", 0, &file), 0);
        ck_assert_int_eq(crash_file_sync(file), EIO);
        ck_assert_int_eq(crash_file_sync(file), 0);
        (void)found_after(disk, CRASH_NOTHING, 1, "f", bytes, sizeof bytes);
        ck_assert(is_all(bytes, sizeof bytes, 'a'));
        (void)found_after(disk, CRASH_ALL, 1, "f", bytes, sizeof bytes);
        ck_assert(is_all(bytes, sizeof bytes, 'b')); /* while the machine runs it is seen */
        fill(disk, "f", 0, 'b', sizeof bytes, true);
        (void)found_after(disk, CRASH_NOTHING, 1, "f", bytes, sizeof bytes);
        ck_assert(is_all(bytes, sizeof bytes, 'b'));
        crash_file_close(file);
        crash_disk_free(disk);
    }
END_TEST

/* --- a store on it ------------------------------------------------------------------------------ */

static struct crash_place place;

static void write_nothing(struct crash_script *script)
{
    (void)script;
}

/* Do steps that must go well. */
static void play(struct crash_script *script)
{
    for (size_t i = 0; i < script->count; i++) {
        ck_assert_msg(crash_place_step(&place, &script->steps[i]) == CULL_OK, "step %zu: %s", i + 1,
                      place.answer.error.message);
    }
    crash_script_release(script);
}

static struct crash_script script_new(void)
{
    const struct crash_scenario scenario = { "test", write_nothing };
    struct crash_script script;

    crash_script_init(&script, &scenario);
    return script;
}

static void setup(void)
{
    struct crash_script script = script_new();

    crash_places_start();
    crash_place_init(&place, 0, crash_disk_new(&powersafe), NULL, CRASH_START_MS);
    crash_create(&script, 0);
    crash_version(&script, 0, "c", "ab", NULL);
    play(&script);
}

static void teardown(void)
{
    ck_assert_uint_eq(crash_place_release(&place), 0);
}

START_TEST(a_read_that_the_system_refuses_is_no_damage)
    {
        struct failing failing = { .call = CRASH_READ, .error = EIO, .from = 1, .to = 1 };
        struct crash_script script = script_new();
        cull_error err = { CULL_OK, "" };
        uint64_t seq = 0;

        crash_add(&script, 1, CRASH_STEP_OPEN);
        crash_version(&script, 0, "c", "ac", NULL);
        play(&script);
        crash_disk_watch(place.disk, fail_some, &failing);
        ck_assert_int_eq(cull_store_refresh(place.sessions[1].store, &seq, &err), CULL_E_IO);
        ck_assert_msg(strstr(err.message, strerror(EIO)) != NULL, "%s", err.message);
        OK(cull_store_refresh(place.sessions[1].store, &seq, &err)); /* the same handle */
    }
END_TEST

START_TEST(a_length_that_cannot_be_asked_for_is_no_damage)
    {
        struct failing failing = { .call = CRASH_STAT, .error = EIO, .to = UINT_MAX };
        unsigned refused = 0;

        do { /* from each of the calls on */
            cull_status status;

            crash_place_close(&place, 0);
            failing.calls = 0;
            failing.from++;
            crash_disk_watch(place.disk, fail_some, &failing);
            status = crash_place_open(&place, 0, false);
            crash_disk_watch(place.disk, NULL, NULL);
            ck_assert_msg(
                status == CULL_OK || (status == CULL_E_IO &&
                                      strstr(place.answer.error.message, strerror(EIO)) != NULL),
                "call %u: %s: %s", failing.from, cull_strerror(status), place.answer.error.message);
            refused += status == CULL_E_IO;
            OK(crash_place_open(&place, 0, false));
        } while (failing.calls >= failing.from);
        ck_assert_uint_gt(refused, 2);
    }
END_TEST

/* --- checkpoints that cannot be read ------------------------------------------------------------ */

/* The log's operations, but reading a checkpoint younger than an age is refused. */
static struct {
    struct cull__log_ops ops;
    const struct cull__log_ops *real;
    unsigned refused;
} refusing;

static cull_status refuse_checkpoints(cull_log *log, const char *room, unsigned age,
                                      struct cull__checkpoint *out, cull_error *err)
{
    *out = (struct cull__checkpoint){ 0, NULL, 0 };
    return age < refusing.refused ? cull__error_errno(err, EIO, "checkpoint of %s", room)
                                  : refusing.real->checkpoint_get(log, room, age, out, err);
}

/* A store whose log was cut, opened anew with a log that refuses. */
static cull_status open_refusing(unsigned refused)
{
    struct crash_script script = script_new();
    cull_store_options options = { .objects = place.objects, .allocator = &place.heap.allocator };
    struct cull__session *session = &place.sessions[0];

    for (int i = 0; i < 3; i++) {
        crash_version(&script, 0, "c", i == 1 ? "b" : "abc", NULL);
        crash_do(&script, 0, CULL__REQUEST_MAINTAIN);
    }
    crash_version(&script, 0, "c", "d", NULL);
    play(&script);
    cull__session_release(session);
    refusing.real = session->log->ops;
    refusing.ops = *refusing.real;
    refusing.ops.checkpoint_get = refuse_checkpoints;
    refusing.refused = refused;
    session->log->ops = &refusing.ops;
    options.log = session->log;
    return cull_store_open(&session->store, &options, &place.answer.error);
}

START_TEST(an_older_checkpoint_stands_in_for_one_that_cannot_be_read)
    {
        struct crash_texts texts = { NULL, 0, 0 };
        char why[CRASH_WHY_MAX] = "";

        OK(open_refusing(1));
        ck_assert_msg(crash_texts_add(&texts, &place.sessions[0], why, sizeof why), "%s", why);
        place.sessions[0].log->ops = refusing.real;
        OK(crash_place_open(&place, 0, false)); /* from the newest one */
        ck_assert_msg(crash_texts_add(&texts, &place.sessions[0], why, sizeof why), "%s", why);
        ck_assert_uint_eq(texts.count, 1);
        ck_assert_msg(crash_check_use(&place, why, sizeof why), "%s", why);
        crash_texts_release(&texts);
    }
END_TEST

START_TEST(checkpoints_that_cannot_be_read_now_are_not_lost)
    {
        char why[CRASH_WHY_MAX] = "";

        ck_assert_int_eq(open_refusing(2), CULL_E_IO);
        ck_assert_msg(strstr(place.answer.error.message, strerror(EIO)) != NULL, "%s",
                      place.answer.error.message);
        place.sessions[0].log->ops = refusing.real;
        OK(crash_place_open(&place, 0, false));
        ck_assert_msg(crash_check_use(&place, why, sizeof why), "%s", why);
    }
END_TEST

/* --- groups ------------------------------------------------------------------------------------- */

/* A pin or a claim that is not durable yet, and a power cut: an object that nobody names, or one
 * that is gone and is still needed. */
START_TEST(no_object_is_touched_inside_of_a_group)
    {
        struct crash_script begin = script_new();
        struct crash_script inside = script_new();
        struct crash_script after = script_new();
        char why[CRASH_WHY_MAX] = "";

        crash_delete(&begin, 0, "c", 0, 0);
        crash_clock(&begin, CRASH_GRACE_MS + 1);
        crash_upload(&begin, 0, 1, "c", -1);
        crash_put(&begin, 0, 1, "d");
        crash_add(&begin, 0, CRASH_STEP_GROUP);
        play(&begin);
        crash_send(&inside, 0, 1, "d");
        crash_collect(&inside, 0, 0);
        crash_do(&inside, 0, CULL__REQUEST_FINISH);
        for (size_t i = 0; i < inside.count; i++) {
            ck_assert_int_eq(crash_place_step(&place, &inside.steps[i]), CULL_E_USAGE);
            ck_assert_msg(strstr(place.answer.error.message, "group") != NULL, "%s",
                          place.answer.error.message);
        }
        crash_add(&after, 0, CRASH_STEP_GROUP_END);
        play(&after);
        play(&inside);
        ck_assert_msg(crash_check_use(&place, why, sizeof why), "%s", why);
    }
END_TEST

START_TEST(no_group_begins_while_a_collector_is_at_work)
    {
        cull_log *log = place.logs[0];
        cull_error err = { CULL_OK, "" };

        OK(log->ops->leader(log, CULL__LEADER_ACQUIRE, &err));
        ck_assert_int_eq(cull_log_group_begin(log, &err), CULL_E_BUSY);
        OK(log->ops->leader(log, CULL__LEADER_RELEASE, &err));
        OK(cull_log_group_begin(log, &err));
        OK(cull_log_group_end(log, true, &err));
    }
END_TEST

Suite *crash_suite(void)
{
    Suite *suite = suite_create("crash");
    TCase *disk = tcase_create("disk");
    TCase *store = tcase_create("store");

    tcase_add_test(disk, what_was_synced_outlasts_a_power_cut);
    tcase_add_test(disk, what_was_not_synced_is_lost_kept_or_torn_at_a_sector);
    tcase_add_loop_test(disk, a_write_harms_the_bytes_beside_it_unless_the_disk_is_powersafe, 0,
                        sizeof neighbour_cases / sizeof neighbour_cases[0]);
    tcase_add_test(disk, a_rename_and_a_new_name_last_once_their_folder_is_synced);
    tcase_add_test(disk, a_deleted_file_may_come_back_until_the_folder_is_synced);
    tcase_add_test(disk, what_a_failed_sync_was_for_never_lasts_unless_it_is_written_again);
    suite_add_tcase(suite, disk);
    tcase_add_checked_fixture(store, setup, teardown);
    tcase_add_test(store, a_read_that_the_system_refuses_is_no_damage);
    tcase_add_test(store, a_length_that_cannot_be_asked_for_is_no_damage);
    tcase_add_test(store, an_older_checkpoint_stands_in_for_one_that_cannot_be_read);
    tcase_add_test(store, checkpoints_that_cannot_be_read_now_are_not_lost);
    tcase_add_test(store, no_object_is_touched_inside_of_a_group);
    tcase_add_test(store, no_group_begins_while_a_collector_is_at_work);
    suite_add_tcase(suite, store);
    return suite;
}
