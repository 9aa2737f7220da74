/*
 * test_places.c - large checkpoints, which threads read past SQLite: the same bytes, whatever the
 * file's shape, and SQLite's locks stay.
 */
#include "suites.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/segments.h"
#include "log/sqlite_handle.h"
#include "log_conformance.h"
#include "support.h"
#include "tests/fault/crash_threads.h"

#define OK(call) ck_assert_int_eq((call), CULL_OK)
#define MIB (1u << 20)
#define LARGE (6 * MIB + 12345) /* over what threads are worth; the last segment is a short one */
#define SEGMENTS 7

static cull_status file_again(struct log_place *place, cull_log **out, cull_error *err)
{
    cull_log_sqlite_options options = { .path = place->path,
                                        .lock_path = place->lock_path,
                                        .allocator = place->allocator };

    return cull_log_sqlite_open(out, &options, err);
}

static cull_status file_start(struct log_place *place, cull_error *err)
{
    cull_log_sqlite_options options = { .path = place->path,
                                        .lock_path = place->lock_path,
                                        .create = true,
                                        .allocator = place->allocator };

    return cull_log_sqlite_open(&place->log, &options, err);
}

static const struct log_kind file_kind = { "sqlite", file_start, file_again, NULL };

/* --- one column's segments, in a database of our own making ------------------------------------- */

struct sample {
    char path[256];
    sqlite3 *db;
    uint8_t *bytes; /* what was written */
    uint8_t *read;
    uint8_t names[SEGMENTS][CULL__SEGMENT_NAME_LEN];
    struct cull__place places[SEGMENTS];
};

static void sql(sqlite3 *db, const char *text)
{
    char *message = NULL;

    ck_assert_msg(sqlite3_exec(db, text, NULL, NULL, &message) == SQLITE_OK, "%s: %s", text,
                  message);
}

static uint64_t number_of(sqlite3 *db, const char *text)
{
    sqlite3_stmt *statement;
    uint64_t number;

    ck_assert_int_eq(sqlite3_prepare_v2(db, text, -1, &statement, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    number = (uint64_t)sqlite3_column_int64(statement, 0);
    ck_assert_int_eq(sqlite3_finalize(statement), SQLITE_OK);
    return number;
}

static const char root_of[] = "SELECT rootpage FROM sqlite_schema WHERE name = 'segment'";

static void put_segment(struct sample *sample, size_t i)
{
    struct cull__place *place = &sample->places[i];
    sqlite3_stmt *statement;

    ck_assert_int_eq(sqlite3_prepare_v2(sample->db, "INSERT INTO segment VALUES (?1, ?2, ?3)", -1,
                                        &statement, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_bind_int64(statement, 1, (sqlite3_int64)place->id), SQLITE_OK);
    ck_assert_int_eq(sqlite3_bind_blob(statement, 2, place->name, CULL__SEGMENT_NAME_LEN, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_bind_blob(statement, 3, sample->bytes + (place->data - sample->read),
                                       (int)place->len, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_DONE);
    ck_assert_int_eq(sqlite3_finalize(statement), SQLITE_OK);
}

static struct sample sample_new(const char *pages)
{
    struct sample sample = { .bytes = malloc(LARGE), .read = calloc(1, LARGE) };
    uint64_t state = 1;

    ck_assert(sample.bytes != NULL && sample.read != NULL);
    for (size_t i = 0; i < LARGE; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        sample.bytes[i] = (uint8_t)(state >> 56);
    }
    for (size_t i = 0; i < SEGMENTS; i++) {
        size_t len = cull__segment_len(LARGE, MIB, i);

        cull__segment_name(sample.names[i], sample.bytes + i * MIB, len);
        sample.places[i] =
            (struct cull__place){ .data = sample.read + i * MIB, .len = len, .id = 10 + 3 * i };
    }
    (void)snprintf(sample.path, sizeof sample.path, "%s/places.db", scratch_dir());
    (void)unlink(sample.path);
    ck_assert_int_eq(sqlite3_open(sample.path, &sample.db), SQLITE_OK);
    sql(sample.db, pages);
    sql(sample.db, "CREATE TABLE other (a);"
                   "CREATE TABLE segment (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE,"
                   " data BLOB NOT NULL) STRICT");
    return sample;
}

static unsigned sample_read(struct sample *sample)
{
    uint32_t root = (uint32_t)number_of(sample->db, root_of);
    unsigned right = 0;

    memset(sample->read, 0, LARGE);
    for (size_t i = 0; i < SEGMENTS; i++) {
        sample->places[i].name = sample->names[i];
        sample->places[i].right = false;
        sample->places[i].page = 0;
    }
    cull__sqlite_places_read(sample->path, root, sample->places, SEGMENTS);
    for (size_t i = 0; i < SEGMENTS; i++) {
        if (sample->places[i].right) {
            ck_assert_int_eq(
                memcmp(sample->places[i].data, sample->bytes + i * MIB, sample->places[i].len), 0);
            right++;
        }
    }
    return right;
}

static void put_all(struct sample *sample)
{
    for (size_t i = 0; i < SEGMENTS; i++) {
        sample->places[i].name = sample->names[i];
        put_segment(sample, i);
    }
}

static void sample_end(struct sample *sample)
{
    ck_assert_int_eq(sqlite3_close(sample->db), SQLITE_OK);
    (void)unlink(sample->path);
    free(sample->bytes);
    free(sample->read);
}

/* Rows of others among them, so that the tree has more than its root, and names it not by number. */
static const char other_rows[] =
    "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)"
    "INSERT INTO segment SELECT i * 1000, randomblob(16), randomblob(900) FROM n";
static const char free_pages[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
    "INSERT INTO other SELECT randomblob(i % 2 * 8000 + 7000) FROM n;"
    "DELETE FROM other WHERE rowid % 3 > 0";

static const struct {
    const char *name, *pages, *before, *after;
    unsigned want_right;
} shapes[] = {
    { "one after another", "PRAGMA page_size = 8192", "SELECT 1", "SELECT 1", SEGMENTS },
    { "a tree of several levels", "PRAGMA page_size = 8192", other_rows, "SELECT 1", SEGMENTS },
    { "scattered over free pages", "PRAGMA page_size = 8192", free_pages, other_rows, SEGMENTS },
    { "pages of another size", "PRAGMA page_size = 4096", "SELECT 1", "SELECT 1", 0 },
    { "rows gone", "PRAGMA page_size = 8192", "SELECT 1", "DELETE FROM segment WHERE id < 17",
      SEGMENTS - 3 },
    { "other bytes", "PRAGMA page_size = 8192", "SELECT 1",
      "UPDATE segment SET data = zeroblob(1048576) WHERE id IN (10, 19)", SEGMENTS - 2 },
    { "other lengths", "PRAGMA page_size = 8192", "SELECT 1",
      "UPDATE segment SET data = substr(data, 1, 1048000) WHERE id = 22", SEGMENTS - 1 },
    { "short ones, which lie in their row", "PRAGMA page_size = 8192", "SELECT 1",
      "UPDATE segment SET data = x'00' WHERE id = 28", SEGMENTS - 1 },
};

START_TEST(segments_are_read_right_from_a_file_of_any_shape)
    {
        struct sample sample = sample_new(shapes[_i].pages);
        unsigned right;

        sql(sample.db, shapes[_i].before);
        put_all(&sample);
        sql(sample.db, shapes[_i].after);
        right = sample_read(&sample);
        ck_assert_msg(right == shapes[_i].want_right, "%s: %u right", shapes[_i].name, right);
        sample_end(&sample);
    }
END_TEST

START_TEST(what_the_file_does_not_hold_yet_is_left_to_sqlite)
    {
        struct sample sample = sample_new("PRAGMA page_size = 8192; PRAGMA journal_mode = WAL;"
                                          "PRAGMA wal_autocheckpoint = 0");

        put_all(&sample);
        ck_assert_uint_eq(sample_read(&sample), 0);
        sql(sample.db, "PRAGMA wal_checkpoint(TRUNCATE)");
        ck_assert_uint_eq(sample_read(&sample), SEGMENTS);
        sample_end(&sample);
    }
END_TEST

/* Nothing in the file is believed: pages of the tree and of the chains are overwritten with noise, or
 * with each other. Whatever comes of it, what is called right is right. */
START_TEST(a_file_of_noise_gives_no_wrong_segment)
    {
        struct sample sample = sample_new("PRAGMA page_size = 8192");
        uint8_t page[CULL__SQLITE_PAGE_BYTES];
        uint32_t root;
        uint64_t pages;
        uint64_t state = 7;
        unsigned wrong = 0;
        int fd;

        sql(sample.db, other_rows);
        put_all(&sample);
        pages = number_of(sample.db, "PRAGMA page_count");
        root = (uint32_t)number_of(sample.db, root_of);
        fd = open(sample.path, O_RDWR | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        for (unsigned turn = 0; turn < 40; turn++) {
            for (unsigned i = 0; i < 8; i++) {
                uint64_t from;
                uint64_t at;
                size_t byte;

                state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
                from = (state >> 33) % pages;
                at =
                    1 + (state >> 13) % (turn < 20 ? pages - 1 : 200); /* the tree's lie in front */
                byte = (size_t)(state >> 40) % sizeof page;
                ck_assert_int_eq(pread(fd, page, sizeof page, (off_t)(from * sizeof page)),
                                 sizeof page);
                page[byte] ^= (uint8_t)(1u << (state >> 61));
                page[i] = (uint8_t)(state >> 50);
                ck_assert_int_eq(pwrite(fd, page, sizeof page, (off_t)(at * sizeof page)),
                                 sizeof page);
            }
            memset(sample.read, 0, LARGE);
            for (size_t i = 0; i < SEGMENTS; i++) {
                sample.places[i].right = false;
                sample.places[i].page = 0;
            }
            cull__sqlite_places_read(sample.path, root, sample.places, SEGMENTS);
            for (size_t i = 0; i < SEGMENTS; i++) {
                wrong += !sample.places[i].right;
                ck_assert(!sample.places[i].right ||
                          memcmp(sample.places[i].data, sample.bytes + i * MIB,
                                 sample.places[i].len) == 0);
            }
        }
        ck_assert_uint_gt(wrong, 0);
        (void)close(fd);
        sample_end(&sample);
    }
END_TEST

/* --- through the log ---------------------------------------------------------------------------- */

/* SQL behind the log's back, and the write-ahead log moved into the file. */
static void raw_sql(const struct log_place *place, const char *text)
{
    sqlite3 *db = NULL;

    ck_assert_int_eq(sqlite3_open(place->path, &db), SQLITE_OK);
    sql(db, text);
    sql(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

START_TEST(a_large_checkpoint_is_the_same_with_any_number_of_threads)
    {
        struct log_place place = log_place_new(&file_kind);

        OK(log_checkpoint_simple(place.log, "a", 10, 1, LARGE, NULL));
        log_checkpoint_expect(place.log, "a", 0, CULL_OK, 10, 1, LARGE);
        raw_sql(&place, "SELECT 1");
        for (int threads = -1; threads < 3; threads++) {
            crash_threads_allow(threads);
            log_checkpoint_expect(place.log, "a", 0, CULL_OK, 10, 1, LARGE);
            crash_threads_allow(-1);
        }
        log_place_end(&place);
    }
END_TEST

START_TEST(a_large_checkpoint_that_is_damaged_is_told_with_its_segment)
    {
        struct log_place place = log_place_new(&file_kind);
        struct cull__checkpoint checkpoint;
        cull_error err = { 0 };

        OK(log_checkpoint_simple(place.log, "a", 10, 1, LARGE, NULL));
        OK(log_checkpoint_simple(place.log, "b", 10, 2, LARGE, NULL));
        raw_sql(&place,
                "UPDATE segment SET data = CAST(substr(data, 1, 500000) || x'00' ||"
                " substr(data, 500002) AS BLOB) WHERE id = (SELECT min(id) + 2 FROM segment)");
        ck_assert_int_eq(place.log->ops->checkpoint_get(place.log, "a", 0, &checkpoint, &err),
                         CULL_E_CORRUPT);
        ck_assert_msg(strstr(err.message, "column 7, segment 2") != NULL, "%s", err.message);
        log_checkpoint_expect(place.log, "b", 0, CULL_OK, 10, 2, LARGE);
        OK(log_checkpoint_simple(place.log, "a", 10, 1, LARGE, NULL)); /* written anew */
        log_checkpoint_expect(place.log, "a", 0, CULL_OK, 10, 1, LARGE);
        log_place_end(&place);
    }
END_TEST

/* Is a lock held on the file that keeps others from writing all of it? Asked by another process. */
static bool is_locked(const char *path)
{
    pid_t child = fork();
    int result = 0;

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        int fd = open(path, O_RDWR | O_CLOEXEC);

        _exit(fd < 0 || fcntl(fd, F_GETLK, &lock) != 0 ? 2 : lock.l_type != F_UNLCK);
    }
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert(WIFEXITED(result) && WEXITSTATUS(result) < 2);
    return WEXITSTATUS(result) == 1;
}

START_TEST(reading_by_threads_keeps_the_locks_of_the_connection)
    {
        struct log_place place = log_place_new(&file_kind);

        OK(log_checkpoint_simple(place.log, "a", 10, 1, LARGE, NULL));
        raw_sql(&place, "SELECT 1");
        ck_assert(is_locked(place.path));
        log_checkpoint_expect(place.log, "a", 0, CULL_OK, 10, 1, LARGE);
        ck_assert(is_locked(place.path));
        log_place_end(&place);
    }
END_TEST

Suite *places_suite(void)
{
    Suite *suite = suite_create("places");
    TCase *tc = tcase_create("places");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, segments_are_read_right_from_a_file_of_any_shape, 0,
                        (int)(sizeof shapes / sizeof shapes[0]));
    tcase_add_test(tc, what_the_file_does_not_hold_yet_is_left_to_sqlite);
    tcase_add_test(tc, a_file_of_noise_gives_no_wrong_segment);
    tcase_add_test(tc, a_large_checkpoint_is_the_same_with_any_number_of_threads);
    tcase_add_test(tc, a_large_checkpoint_that_is_damaged_is_told_with_its_segment);
    tcase_add_test(tc, reading_by_threads_keeps_the_locks_of_the_connection);
    suite_add_tcase(suite, tc);
    return suite;
}
