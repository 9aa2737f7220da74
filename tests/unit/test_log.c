/*
 * test_log.c - logs: the conformance suite on both kinds, and what only a file can suffer.
 */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <errno.h>

#include "log/audit_pack.h"
#include "log/segments.h"
#include "log/sqlite_handle.h"
#include "log_conformance.h"
#include "suites.h"
#include "support.h"
#include "tests/fault/crash_nth.h"

#define OK(call) ck_assert_int_eq((call), CULL_OK)
#define MIB (1u << 20)

/* --- the two kinds ------------------------------------------------------------------------ */

static cull_status memory_start(struct log_place *place, cull_error *err)
{
    cull_status status = cull_log_memory_new(&place->log, place->allocator);

    return status == CULL_OK ? CULL_OK : cull__error_nomem(err);
}

static cull_status memory_again(struct log_place *place, cull_log **out, cull_error *err)
{
    cull_status status = cull_log_memory_view(out, place->log);

    return status == CULL_OK ? CULL_OK : cull__error_nomem(err);
}

static void memory_damage(struct log_place *place, const char *room, unsigned age)
{
    ck_assert(cull__log_memory_damage(place->log, room, age));
}

static cull_status file_open(const struct log_place *place, bool create, cull_log **out,
                             cull_error *err)
{
    cull_log_sqlite_options options = { .path = place->path,
                                        .lock_path = place->lock_path,
                                        .create = create,
                                        .allocator = place->allocator };

    return cull_log_sqlite_open(out, &options, err);
}

static cull_status file_start(struct log_place *place, cull_error *err)
{
    return file_open(place, true, &place->log, err);
}

static cull_status file_again(struct log_place *place, cull_log **out, cull_error *err)
{
    return file_open(place, false, out, err);
}

/* SQL behind the log's back. */
static void raw_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;

    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK, "%s: %s", sql, message);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

/* The newest segments belong to the newest checkpoint; the tests share none between ages. */
static void file_damage(struct log_place *place, const char *room, unsigned age)
{
    ck_assert_str_eq(room, "a");
    ck_assert_uint_eq(age, 0);
    raw_sql(place->path, "UPDATE segment SET data = CAST(substr(data, 1, 1000) || x'00' ||"
                         " substr(data, 1002) AS BLOB) WHERE id = (SELECT max(id) FROM segment)");
}

static const struct log_kind memory_kind = { "memory", memory_start, memory_again, memory_damage };
static const struct log_kind file_kind = { "sqlite", file_start, file_again, file_damage };
static const struct log_kind *const kinds[] = { &memory_kind, &file_kind };

/* --- helpers ------------------------------------------------------------------------------ */

static uint64_t head(cull_log *log)
{
    uint64_t seq = UINT64_MAX;
    cull_error err = { 0 };

    ck_assert_msg(log->ops->head(log, &seq, &err) == CULL_OK, "%s", err.message);
    return seq;
}

static void file_write(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, len, file), len);
    ck_assert_int_eq(fclose(file), 0);
}

static uint8_t *file_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    struct stat found;
    uint8_t *data;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fstat(fileno(file), &found), 0);
    *len = (size_t)found.st_size;
    data = malloc(*len + 1);
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(fread(data, 1, *len, file), *len);
    (void)fclose(file);
    return data;
}

/* A closed file with a log of some of everything. */
static struct log_place file_with_everything(void)
{
    struct log_place place = log_place_new(&file_kind);
    cull_log *log = place.log;
    uint8_t *bytes = calloc(1, 40000);
    struct cull__document document = { 3, bytes, 40000, NULL, NULL };
    struct cull__batch batch = { .data = bytes,
                                 .len = 30000,
                                 .fact_count = 2,
                                 .now_ms = 5,
                                 .documents = &document,
                                 .document_count = 1 };
    uint64_t seq = 0;

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < 40000; i++) {
        bytes[i] = (uint8_t)(i * i >> 3);
    }
    for (int i = 0; i < 10; i++) {
        OK(log->ops->append(log, seq, &batch, &seq, NULL));
    }
    OK(log_checkpoint_simple(log, "a", 6, 1, 50000, NULL));
    OK(log_checkpoint_simple(log, "a", 12, 2, 50000, NULL));
    OK(log->ops->cut(log, 6, 0, NULL));
    log_place_end(&place);
    free(bytes);
    return place;
}

/* Use everything that a log offers: whatever the file is, there is a status and no crash. Counts
 * the calls that failed, and checks that each failure says why. */
static int use_everything(const struct log_place *place)
{
    cull_log *log = NULL;
    struct cull__checkpoint checkpoint;
    struct cull__log_stat stat;
    struct log_reading reading = { .bytes = CULL__BUF_INIT(cull_allocator_default()) };
    struct cull__buf out = CULL__BUF_INIT(cull_allocator_default());
    cull_error err = { 0 };
    uint64_t seq = 0, cut_seq = 0, bytes;
    int failed = 0;

    if (file_open(place, false, &log, &err) != CULL_OK) {
        ck_assert_msg(strstr(err.message, place->path) != NULL, "%s", err.message);
        return 1;
    }
    failed += log->ops->stat(log, &stat, &err) != CULL_OK;
    cut_seq = stat.cut_seq;
    failed += log->ops->head(log, &seq, &err) != CULL_OK;
    failed += log->ops->read(log, cut_seq, log_reading_visit, &reading, &err) != CULL_OK;
    failed += log->ops->tail_bytes(log, cut_seq, &bytes, &err) != CULL_OK;
    failed += cull__log_document(log, 3, &out, &err) != CULL_OK;
    for (unsigned age = 0; age < 2; age++) {
        failed += log->ops->checkpoint_get(log, "a", age, &checkpoint, &err) != CULL_OK;
        cull__checkpoint_release(&checkpoint, log->allocator);
    }
    cull__buf_release(&reading.bytes);
    reading = (struct log_reading){ .bytes = CULL__BUF_INIT(cull_allocator_default()) };
    failed += log->ops->audit_read(log, log_reading_visit, &reading, &err) != CULL_OK;
    failed += log_append_text(log, seq, 1, "more", &err) != CULL_OK;
    failed += log_checkpoint_simple(log, "a", seq + 1, 3, 50000, &err) != CULL_OK;
    failed += log->ops->cut(log, seq, 0, &err) != CULL_OK;
    cull__buf_release(&reading.bytes);
    cull__buf_release(&out);
    cull_log_close(log);
    return failed;
}

/* Put the file back as it was, without what a connection left beside it. */
static void file_restore(const struct log_place *place, const uint8_t *data, size_t len)
{
    char beside[1100];

    (void)snprintf(beside, sizeof beside, "%s-wal", place->path);
    (void)unlink(beside);
    (void)snprintf(beside, sizeof beside, "%s-shm", place->path);
    (void)unlink(beside);
    file_write(place->path, data, len);
}

/* --- opening ------------------------------------------------------------------------------ */

static void make_nothing(const char *path)
{
    (void)path;
}
static void make_folder(const char *path)
{
    ck_assert_int_eq(mkdir(path, 0755), 0);
}
static void make_empty(const char *path)
{
    file_write(path, "", 0);
}
static void make_text(const char *path)
{
    for (int i = 0; i < 100; i++) {
        FILE *file = fopen(path, i == 0 ? "w" : "a");

        ck_assert_ptr_nonnull(file);
        (void)fputs("this is not a database at all, just some lines of text\n", file);
        (void)fclose(file);
    }
}
static void make_short_text(const char *path)
{
    file_write(path, "hello", 5);
}
static void make_foreign(const char *path)
{
    raw_sql(path, "CREATE TABLE meta (a); INSERT INTO meta VALUES (1)");
}
static void make_foreign_with_id(const char *path)
{
    raw_sql(path, "PRAGMA application_id = 77; CREATE TABLE log (a)");
}
static void make_ours_without_tables(const char *path)
{
    raw_sql(path,
            "PRAGMA application_id = 0x43554c4c; PRAGMA user_version = 1; CREATE TABLE t (a)");
}
static void make_newer_tables(const char *path)
{
    raw_sql(path,
            "PRAGMA application_id = 0x43554c4c; PRAGMA user_version = 2; CREATE TABLE t (a)");
}
static void make_zeroth_tables(const char *path)
{
    raw_sql(path, "PRAGMA application_id = 0x43554c4c; CREATE TABLE t (a)");
}
static void make_link(const char *path)
{
    char target[1100];

    (void)snprintf(target, sizeof target, "%s.real", path);
    make_foreign(target);
    ck_assert_int_eq(symlink(target, path), 0);
}
static void make_fifo(const char *path)
{
    ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static const struct {
    const char *name;
    void (*make)(const char *path);
    cull_status want;
    const char *says;
} open_cases[] = {
    { "nothing", make_nothing, CULL_E_NOTFOUND, "no such log" },
    { "a directory", make_folder, CULL_E_INVALID, "not a regular file" },
    { "a symbolic link", make_link, CULL_E_INVALID, "not a regular file" },
    { "a fifo", make_fifo, CULL_E_INVALID, "not a regular file" },
    { "an empty file", make_empty, CULL_E_CORRUPT, "empty" },
    { "five bytes", make_short_text, CULL_E_CORRUPT, "not a database" },
    { "a text", make_text, CULL_E_CORRUPT, "not a database" },
    { "somebody's database", make_foreign, CULL_E_INVALID, "a database, but not cull's" },
    { "another program's", make_foreign_with_id, CULL_E_INVALID, "a database, but not cull's" },
    { "ours without tables", make_ours_without_tables, CULL_E_CORRUPT, "meta" },
    { "newer tables", make_newer_tables, CULL_E_TOO_NEW, "newer cull" },
    { "tables of no version", make_zeroth_tables, CULL_E_CORRUPT, "version" },
};

START_TEST(what_is_not_our_log_is_refused_and_named)
    {
        struct log_place place = { .kind = &file_kind };
        cull_log *log = NULL;
        cull_error err = { 0 };
        cull_status status;

        (void)snprintf(place.path, sizeof place.path, "%s/cull.db", scratch_dir());
        (void)snprintf(place.lock_path, sizeof place.lock_path, "%s.lock", place.path);
        open_cases[_i].make(place.path);
        status = file_open(&place, false, &log, &err);
        ck_assert_msg(status == open_cases[_i].want, "%s: %d: %s", open_cases[_i].name, status,
                      err.message);
        ck_assert_ptr_null(log);
        ck_assert_msg(strstr(err.message, place.path) != NULL, "%s", err.message);
        ck_assert_msg(strstr(err.message, open_cases[_i].says) != NULL, "%s", err.message);
        if (open_cases[_i].make != make_nothing) {
            ck_assert_int_eq(file_open(&place, true, &log, &err), CULL_E_EXISTS);
        }
    }
END_TEST

START_TEST(a_new_log_needs_its_folder_and_a_path_that_sqlite_takes)
    {
        struct log_place place = { .kind = &file_kind };
        char folder[400];
        cull_log *log = NULL;
        cull_error err = { 0 };

        (void)snprintf(place.path, sizeof place.path, "%s/none/cull.db", scratch_dir());
        (void)snprintf(place.lock_path, sizeof place.lock_path, "%s.lock", place.path);
        ck_assert_int_eq(file_open(&place, true, &log, &err), CULL_E_IO);
        ck_assert_msg(strstr(err.message, "No such file") != NULL, "%s", err.message);
        (void)snprintf(folder, sizeof folder, "%s/%0250d", scratch_dir(), 1);
        ck_assert_int_eq(mkdir(folder, 0755), 0);
        (void)snprintf(place.path, sizeof place.path, "%s/%0250d", folder, 2);
        (void)snprintf(place.lock_path, sizeof place.lock_path, "%s/lock", folder);
        ck_assert_int_eq(file_open(&place, true, &log, &err), CULL_E_LIMIT);
    }
END_TEST

START_TEST(a_log_at_rest_is_one_file_and_may_be_reached_through_a_linked_folder)
    {
        struct log_place place = log_place_new(&file_kind);
        char linked[400], beside[1100];
        struct stat found;
        cull_error err = { 0 };
        char *slash;

        OK(log_append_text(place.log, 0, 1, "a", &err));
        log_place_end(&place);
        (void)snprintf(beside, sizeof beside, "%s-wal", place.path);
        ck_assert_int_ne(stat(beside, &found), 0);
        (void)snprintf(beside, sizeof beside, "%s.new", place.path);
        ck_assert_int_ne(stat(beside, &found), 0);
        (void)snprintf(linked, sizeof linked, "%s/linked", scratch_dir());
        slash = strrchr(place.path, '/');
        *slash = '\0';
        ck_assert_int_eq(symlink(place.path, linked), 0);
        (void)snprintf(place.path, sizeof place.path, "%s/cull.db", linked);
        ck_assert_msg(file_open(&place, false, &place.log, &err) == CULL_OK, "%s", err.message);
        ck_assert_str_eq(log_read_text(place.log, 0, CULL_OK), "a");
        log_place_end(&place);
    }
END_TEST

START_TEST(what_an_interrupted_creation_left_is_no_obstacle)
    {
        struct log_place place = log_place_new(&file_kind);
        char left[1100];
        cull_error err = { 0 };

        log_place_end(&place);
        ck_assert_int_eq(unlink(place.path), 0);
        (void)snprintf(left, sizeof left, "%s.new", place.path);
        file_write(left, "half a database", 15);
        ck_assert_msg(file_start(&place, &err) == CULL_OK, "%s", err.message);
        ck_assert_uint_eq(head(place.log), 0);
        log_place_end(&place);
    }
END_TEST

/* In a process without privileges: 0 if it ended as wanted. */
static int without_privileges(const struct log_place *place, cull_status want)
{
    cull_log *log = NULL;
    cull_error err = { 0 };
    cull_status status;

    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
        return 1;
    }
    status = file_open(place, false, &log, &err);
    if (status == CULL_OK) { /* readable: then writing must be refused */
        status = log_append_text(log, 0, 1, "a", &err);
    }
    if (status != want || strstr(err.message, "ermission") == NULL) {
        fprintf(stderr, "status %d: %s\n", status, err.message);
        return 1;
    }
    return 0;
}

static int child_status(pid_t child)
{
    int status = 0;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

START_TEST(a_log_without_permission_is_an_error_of_the_system)
    {
        struct log_place place = log_place_new(&file_kind);
        pid_t child;

        log_place_end(&place);
        ck_assert_int_eq(chmod(place.path, 0), 0);
        child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            _exit(without_privileges(&place, CULL_E_IO));
        }
        ck_assert_int_eq(child_status(child), 0);
    }
END_TEST

/* --- several processes -------------------------------------------------------------------- */

#define PROCESS_APPENDS 500

static void process_append(const struct log_place *place, const char *text, int count)
{
    cull_log *log = NULL;

    if (file_open(place, false, &log, NULL) != CULL_OK) {
        _exit(1);
    }
    for (int i = 0; i < count; i++) {
        char one[32];

        (void)snprintf(one, sizeof one, "%s%d", text, i);
        (void)log_append_turns(log, 1, one);
    }
    cull_log_close(log);
    _exit(0);
}

struct order {
    int next[2]; /* of each process */
    uint64_t seq;
};

static cull_status order_visit(void *ctx, uint64_t first_seq, uint32_t fact_count, uint64_t now_ms,
                               const void *data, size_t len, cull_error *err)
{
    struct order *order = ctx;
    char one[32], want[32];
    int who;

    (void)now_ms;
    (void)err;
    ck_assert_uint_lt(len, sizeof one);
    memcpy(one, data, len);
    one[len] = '\0';
    who = one[0] == 'b';
    (void)snprintf(want, sizeof want, "%c%d", 'a' + who, order->next[who]++);
    ck_assert_str_eq(one, want);
    ck_assert_uint_eq(first_seq, ++order->seq);
    ck_assert_uint_eq(fact_count, 1);
    return CULL_OK;
}

START_TEST(two_processes_append_and_nothing_is_lost_or_reordered)
    {
        struct log_place place = log_place_new(&file_kind);
        struct order order = { 0 };
        pid_t children[2];

        log_place_end(&place); /* no connection crosses a fork */
        for (int i = 0; i < 2; i++) {
            children[i] = fork();
            ck_assert_int_ge(children[i], 0);
            if (children[i] == 0) {
                process_append(&place, i == 0 ? "a" : "b", PROCESS_APPENDS);
            }
        }
        ck_assert_int_eq(child_status(children[0]), 0);
        ck_assert_int_eq(child_status(children[1]), 0);
        place.log = log_place_again(&place);
        ck_assert_uint_eq(head(place.log), 2 * PROCESS_APPENDS);
        OK(place.log->ops->read(place.log, 0, order_visit, &order, NULL));
        ck_assert_int_eq(order.next[0], PROCESS_APPENDS);
        ck_assert_int_eq(order.next[1], PROCESS_APPENDS);
        log_place_end(&place);
    }
END_TEST

START_TEST(a_writer_that_is_killed_leaves_a_whole_log_and_no_lock)
    {
        struct log_place place = log_place_new(&file_kind);
        uint64_t before = 0;

        for (int turn = 0; turn < 5; turn++) {
            struct log_reading reading = { .bytes = CULL__BUF_INIT(cull_allocator_default()) };
            pid_t child;
            uint64_t seen;

            log_place_end(&place);
            child = fork();
            ck_assert_int_ge(child, 0);
            if (child == 0) {
                cull_log *log = NULL;

                if (file_open(&place, false, &log, NULL) != CULL_OK ||
                    log->ops->leader(log, CULL__LEADER_ACQUIRE, NULL) != CULL_OK) {
                    _exit(1);
                }
                for (;;) {
                    (void)log_append_turns(log, 2, "killed");
                }
            }
            place.log = log_place_again(&place);
            do {
                seen = head(place.log); /* acknowledged to the child, or about to be */
            } while (seen < before + 40);
            ck_assert_int_eq(place.log->ops->leader(place.log, CULL__LEADER_ACQUIRE, NULL),
                             CULL_E_BUSY);
            ck_assert_int_eq(kill(child, SIGKILL), 0);
            ck_assert(WIFSIGNALED(child_status(child)));
            before = head(place.log);
            ck_assert_uint_ge(before, seen);
            OK(place.log->ops->read(place.log, 0, log_reading_visit, &reading, NULL));
            ck_assert_uint_eq(reading.last_seq, before);
            cull__buf_release(&reading.bytes);
            OK(place.log->ops->leader(place.log, CULL__LEADER_ACQUIRE, NULL));
            before = log_append_turns(place.log, 1, "alive");
        }
        log_place_end(&place);
    }
END_TEST

START_TEST(a_lock_file_that_was_replaced_holds_nobody)
    {
        struct log_place place = log_place_new(&file_kind);
        cull_log *log = place.log, *other;
        cull_error err = { 0 };

        OK(log->ops->leader(log, CULL__LEADER_ACQUIRE, &err));
        ck_assert_int_eq(unlink(place.lock_path), 0);
        ck_assert_int_eq(log->ops->leader(log, CULL__LEADER_CHECK, &err), CULL_E_BUSY);
        other = log_place_again(&place);
        OK(other->ops->leader(other, CULL__LEADER_ACQUIRE, &err));
        ck_assert_int_eq(log->ops->leader(log, CULL__LEADER_CHECK, &err), CULL_E_BUSY);
        ck_assert_int_eq(log->ops->leader(log, CULL__LEADER_ACQUIRE, &err), CULL_E_BUSY);
        cull_log_close(other);
        OK(log->ops->leader(log, CULL__LEADER_ACQUIRE, &err));
        OK(log->ops->leader(log, CULL__LEADER_CHECK, &err));
        log_place_end(&place);
        ck_assert_int_eq(unlink(place.lock_path), 0);
        ck_assert_int_eq(symlink("/etc/passwd", place.lock_path), 0);
        log = log_place_again(&place);
        ck_assert_int_eq(log->ops->leader(log, CULL__LEADER_ACQUIRE, &err), CULL_E_IO);
        cull_log_close(log);
    }
END_TEST

START_TEST(a_lock_file_that_is_replaced_between_opening_and_locking_holds_nobody)
    {
        struct log_place place = log_place_new(&file_kind);
        cull_error err = { 0 };
        int fd = -1;

        OK(cull__lock_open(&fd, place.lock_path, &err));
        OK(cull__lock_take(fd, place.lock_path, CULL__LOCK_LEADER, &err));
        cull__lock_drop(fd, CULL__LOCK_LEADER);
        ck_assert_int_eq(unlink(place.lock_path), 0);
        ck_assert_int_eq(cull__lock_take(fd, place.lock_path, CULL__LOCK_LEADER, &err),
                         CULL_E_BUSY);
        ck_assert_msg(strstr(err.message, "replaced by another file") != NULL, "%s", err.message);
        OK(place.log->ops->leader(place.log, CULL__LEADER_ACQUIRE, &err)); /* makes it anew */
        ck_assert_int_eq(cull__lock_take(fd, place.lock_path, CULL__LOCK_LEADER, &err),
                         CULL_E_BUSY);
        ck_assert_int_eq(close(fd), 0);
        OK(place.log->ops->leader(place.log, CULL__LEADER_CHECK, &err));
        log_place_end(&place);
    }
END_TEST

/* What is asked of the lock file when a lock is taken or looked after. */
static cull_status acquire(cull_log *log, cull_error *err)
{
    return log->ops->leader(log, CULL__LEADER_ACQUIRE, err);
}

static cull_status check_lock(cull_log *log, cull_error *err)
{
    return log->ops->leader(log, CULL__LEADER_CHECK, err);
}

static cull_status maintain(cull_log *log, cull_error *err)
{
    return log->ops->maintain_lock(log, true, err);
}

static const struct {
    const char *name;
    bool held; /* before */
    cull_status (*call)(cull_log *log, cull_error *err);
} lock_cases[] = {
    { "acquire", false, acquire },
    { "acquire again", true, acquire },
    { "check", true, check_lock },
    { "take the lock of who writes checkpoints", true, maintain },
};

START_TEST(a_lock_file_that_cannot_be_looked_at_is_an_error_and_nobody_else_s_lock)
    {
        const char *name = lock_cases[_i].name;
        bool done = false;
        unsigned failures = 0;

        for (uint64_t n = 1; !done; n++) {
            struct log_place place = log_place_new(&file_kind);
            cull_log *log = place.log;
            const char *failed;
            cull_error err = { 0 };
            cull_status status;

            if (lock_cases[_i].held) {
                OK(acquire(log, &err));
            }
            crash_nth_begin(n, EIO, false);
            status = lock_cases[_i].call(log, &err);
            done = crash_nth_end(&failed) < n;
            if (!done) {
                failures++;
                ck_assert_msg(status == CULL_E_IO && strstr(err.message, place.lock_path) != NULL &&
                                  strstr(err.message, strerror(EIO)) != NULL,
                              "%s, %s fails: %s: %s", name, failed, cull_strerror(status),
                              err.message);
            }
            OK(acquire(log, &err)); /* and nothing is stuck */
            OK(check_lock(log, &err));
            log_place_end(&place);
        }
        ck_assert_uint_ge(failures, 2);
    }
END_TEST

/* --- damage ------------------------------------------------------------------------------- */

START_TEST(a_newer_reader_min_stops_a_handle_in_the_middle_of_its_life)
    {
        struct log_place place = log_place_new(&file_kind);
        cull_log *log = place.log, *other = NULL;
        uint64_t seq = 0;
        cull_error err = { 0 };

        OK(log_append_text(log, 0, 1, "a", &err));
        raw_sql(place.path, "UPDATE meta SET reader_min = 99");
        ck_assert_int_eq(log->ops->head(log, &seq, &err), CULL_E_TOO_NEW);
        ck_assert_msg(strstr(err.message, "newer cull") != NULL, "%s", err.message);
        (void)log_read_text(log, 0, CULL_E_TOO_NEW);
        ck_assert_int_eq(log_append_text(log, 1, 1, "b", &err), CULL_E_TOO_NEW);
        ck_assert_int_eq(file_again(&place, &other, &err), CULL_E_TOO_NEW);
        raw_sql(place.path, "UPDATE meta SET reader_min = 1");
        ck_assert_str_eq(log_read_text(log, 0, CULL_OK), "a"); /* and nothing was appended */
        log_place_end(&place);
    }
END_TEST

/* After three batches "aa", "bb", "cc" of two facts each, of which the first was cut. */
static const struct {
    const char *name;
    const char *sql;
    cull_status want_head, want_read, want_audit;
    const char *says;
} damage_cases[] = {
    { "a batch is gone", "DELETE FROM log WHERE first_seq = 3", CULL_OK, CULL_E_CORRUPT, CULL_OK,
      "fact 3 is missing" },
    { "the last batch is gone", "DELETE FROM log WHERE first_seq = 5", CULL_OK, CULL_E_CORRUPT,
      CULL_OK, "fact 5 is missing" },
    { "a byte of a batch", "UPDATE log SET data = x'6264' WHERE first_seq = 3", CULL_OK,
      CULL_E_CORRUPT, CULL_OK, "the batch at fact 3 is damaged" },
    { "a batch's instant", "UPDATE log SET now_ms = 1 WHERE first_seq = 3", CULL_OK, CULL_E_CORRUPT,
      CULL_OK, "the batch at fact 3 is damaged" },
    { "a batch's count", "UPDATE log SET fact_count = 3 WHERE first_seq = 5", CULL_OK,
      CULL_E_CORRUPT, CULL_OK, "the batch at fact 5 is damaged" },
    { "a batch is another",
      "UPDATE log SET data = (SELECT data FROM log WHERE first_seq = 5), xxh ="
      " (SELECT xxh FROM log WHERE first_seq = 5) WHERE first_seq = 3",
      CULL_OK, CULL_E_CORRUPT, CULL_OK, "the batch at fact 3 is damaged" },
    { "a batch too many", "INSERT INTO log VALUES (7, 1, 1, 1, 1, x'00')", CULL_OK, CULL_E_CORRUPT,
      CULL_OK, "the batch at fact 7 is damaged" },
    { "seq is less", "UPDATE meta SET seq = 5", CULL_OK, CULL_E_CORRUPT, CULL_OK, "" },
    { "seq is more", "UPDATE meta SET seq = 8", CULL_OK, CULL_E_CORRUPT, CULL_OK,
      "fact 7 is missing" },
    { "seq is negative", "UPDATE meta SET seq = -1", CULL_E_CORRUPT, CULL_E_CORRUPT, CULL_E_CORRUPT,
      "contradicts itself" },
    { "seq is before the cut", "UPDATE meta SET seq = 1", CULL_E_CORRUPT, CULL_E_CORRUPT,
      CULL_E_CORRUPT, "contradicts itself" },
    { "meta is empty", "DELETE FROM meta", CULL_E_CORRUPT, CULL_E_CORRUPT, CULL_E_CORRUPT,
      "meta is empty" },
    { "a table is gone", "DROP TABLE log", CULL_OK, CULL_E_CORRUPT, CULL_OK, "log" },
    { "a byte of the audit", "UPDATE audit SET facts = CAST(facts || x'00' AS BLOB)", CULL_OK,
      CULL_OK, CULL_E_CORRUPT, "" },
    { "the audit's numbers", "UPDATE audit SET last_seq = 1", CULL_OK, CULL_OK, CULL_E_CORRUPT,
      "" },
};

START_TEST(damage_in_a_row_is_corrupt_and_names_the_fact)
    {
        struct log_place place = log_place_new(&file_kind);
        struct log_reading reading = { .bytes = CULL__BUF_INIT(cull_allocator_default()) };
        cull_log *log = place.log;
        cull_error err = { 0 };
        uint64_t seq = 0;
        const char *name = damage_cases[_i].name;

        OK(log_append_text(log, 0, 2, "aa", &err));
        OK(log_append_text(log, 2, 2, "bb", &err));
        OK(log_append_text(log, 4, 2, "cc", &err));
        OK(log->ops->cut(log, 2, 0, &err));
        ck_assert_str_eq(log_read_text(log, 2, CULL_OK), "bb|cc");
        raw_sql(place.path, damage_cases[_i].sql);
        ck_assert_msg(log->ops->head(log, &seq, &err) == damage_cases[_i].want_head, "%s", name);
        err.message[0] = '\0';
        ck_assert_msg(log->ops->audit_read(log, log_reading_visit, &reading, &err) ==
                          damage_cases[_i].want_audit,
                      "%s: %s", name, err.message);
        cull__buf_release(&reading.bytes);
        reading = (struct log_reading){ .bytes = CULL__BUF_INIT(cull_allocator_default()) };
        ck_assert_msg(
            log->ops->read(log, 2, log_reading_visit, &reading, &err) == damage_cases[_i].want_read,
            "%s: %s", name, err.message);
        ck_assert_msg(strstr(err.message, damage_cases[_i].says) != NULL, "%s: %s", name,
                      err.message);
        cull__buf_release(&reading.bytes);
        log_place_end(&place);
    }
END_TEST

/* The same log: what a handle that was open would find, or would take for an older log. */
static const struct {
    const char *name;
    const char *sql;
    cull_status want;
} end_cases[] = {
    { "whole", "SELECT 1", CULL_OK },
    { "seq at the end of an earlier batch", "UPDATE meta SET seq = 4", CULL_E_CORRUPT },
    { "seq of a log that is all cut", "UPDATE meta SET seq = 2", CULL_E_CORRUPT },
    { "seq is more", "UPDATE meta SET seq = 7", CULL_E_CORRUPT },
    { "another number of bytes", "UPDATE meta SET bytes = 7", CULL_E_CORRUPT },
    { "the last batch is gone", "DELETE FROM log WHERE first_seq = 5", CULL_E_CORRUPT },
    { "all batches are gone", "DELETE FROM log", CULL_E_CORRUPT },
    { "the last batch is shorter", "UPDATE log SET data = x'63' WHERE first_seq = 5",
      CULL_E_CORRUPT },
    { "cut to the end", "DELETE FROM log; UPDATE meta SET cut_seq = 6, cut_bytes = 6", CULL_OK },
};

START_TEST(a_log_that_ends_elsewhere_than_it_says_is_not_opened)
    {
        struct log_place place = log_place_new(&file_kind);
        cull_log *again = NULL;
        cull_error err = { 0 };
        cull_status status;

        OK(log_append_text(place.log, 0, 2, "aa", &err));
        OK(log_append_text(place.log, 2, 2, "bb", &err));
        OK(log_append_text(place.log, 4, 2, "cc", &err));
        OK(place.log->ops->cut(place.log, 2, 0, &err));
        raw_sql(place.path, end_cases[_i].sql);
        status = file_again(&place, &again, &err);
        ck_assert_msg(status == end_cases[_i].want, "%s: %s", end_cases[_i].name, err.message);
        cull_log_close(again);
        log_place_end(&place);
    }
END_TEST

START_TEST(a_damaged_document_is_corrupt)
    {
        struct log_place place = log_place_new(&file_kind);
        struct cull__document document = { 4, "text", 4, NULL, NULL };
        struct cull__batch batch = {
            .data = "a", .len = 1, .fact_count = 1, .documents = &document, .document_count = 1
        };
        struct cull__buf out = CULL__BUF_INIT(cull_allocator_default());
        cull_error err = { 0 };
        uint64_t seq;

        OK(place.log->ops->append(place.log, 0, &batch, &seq, &err));
        raw_sql(place.path, "UPDATE document SET data = x'74657875'");
        ck_assert_int_eq(cull__log_document(place.log, 4, &out, &err), CULL_E_CORRUPT);
        ck_assert_uint_eq(out.len, 0);
        ck_assert_msg(strstr(err.message, "document 4 is damaged") != NULL, "%s", err.message);
        log_place_end(&place);
    }
END_TEST

/* Segments are shared; one that is damaged must not live on in checkpoints that come later. */
START_TEST(a_damaged_segment_is_written_anew_by_the_next_checkpoint)
    {
        struct log_place place = log_place_new(&file_kind);
        cull_log *log = place.log, *other;
        struct cull__log_stat stat;

        OK(log_checkpoint_simple(log, "a", 10, 1, 2 * MIB, NULL));
        OK(log_checkpoint_simple(log, "a", 20, 1, 2 * MIB, NULL));
        OK(log->ops->stat(log, &stat, NULL));
        ck_assert_uint_eq(stat.checkpoint_bytes, 2 * MIB); /* shared */
        file_damage(&place, "a", 0);
        log_checkpoint_expect(log, "a", 0, CULL_E_CORRUPT, 0, 0, 0);
        log_checkpoint_expect(log, "a", 1, CULL_E_CORRUPT, 0, 0, 0);
        OK(log_checkpoint_simple(log, "a", 20, 1, 2 * MIB, NULL)); /* at the same seq, too */
        other = log_place_again(&place);
        log_checkpoint_expect(other, "a", 0, CULL_OK, 20, 1, 2 * MIB);
        log_checkpoint_expect(other, "a", 1, CULL_OK, 10, 1, 2 * MIB);
        cull_log_close(other);
        raw_sql(place.path, "DELETE FROM segment WHERE id = (SELECT max(id) FROM segment)");
        log_checkpoint_expect(log, "a", 0, CULL_E_CORRUPT, 0, 0, 0);
        raw_sql(place.path, "UPDATE segment SET data = x'00'");
        log_checkpoint_expect(log, "a", 0, CULL_E_CORRUPT, 0, 0, 0);
        OK(log_checkpoint_simple(log, "a", 21, 1, 2 * MIB, NULL));
        log_checkpoint_expect(log, "a", 0, CULL_OK, 21, 1, 2 * MIB);
        log_place_end(&place);
    }
END_TEST

START_TEST(a_damaged_listing_is_corrupt_and_goes_with_the_next_checkpoint)
    {
        static const char *const damages[] = {
            "UPDATE checkpoint SET listing = CAST(listing || x'00' AS BLOB) WHERE seq = 20",
            "UPDATE checkpoint SET seq = 9223372036854775807 WHERE seq = 20",
        };
        struct log_place place = log_place_new(&file_kind);
        cull_log *log = place.log;

        OK(log_checkpoint_simple(log, "other", 20, 8, 100, NULL));
        OK(log_checkpoint_simple(log, "a", 10, 1, 1000, NULL));
        OK(log_checkpoint_simple(log, "a", 20, 2, 1000, NULL));
        raw_sql(place.path, damages[_i]);
        log_checkpoint_expect(log, "a", 0, CULL_E_CORRUPT, 0, 0, 0);
        log_checkpoint_expect(log, "a", 1, CULL_OK, 10, 1, 1000);
        OK(log_checkpoint_simple(log, "a", 30, 3, 1000, NULL));
        log_checkpoint_expect(log, "a", 0, CULL_OK, 30, 3, 1000);
        log_checkpoint_expect(log, "a", 1, CULL_OK, 10, 1, 1000);
        log_checkpoint_expect(log, "a", 2, CULL_E_NOTFOUND, 0, 0, 0);
        log_place_end(&place);
    }
END_TEST

START_TEST(segments_go_with_the_last_listing_that_names_them)
    {
        struct log_place place = log_place_new(&file_kind);
        cull_log *log = place.log;
        struct cull__log_stat stat;

        OK(log_append_text(log, 0, 3, "to the cut", NULL));
        OK(log_checkpoint_simple(log, "a", 1, 1, 3 * MIB, NULL));
        OK(log_checkpoint_simple(log, "b", 1, 1, 3 * MIB, NULL)); /* the same bytes */
        OK(log_checkpoint_simple(log, "a", 2, 2, 100, NULL));
        OK(log_checkpoint_simple(log, "a", 3, 3, 100, NULL));
        OK(log->ops->cut(log, 3, 0, NULL));
        OK(log->ops->stat(log, &stat, NULL));
        ck_assert_uint_eq(stat.checkpoint_bytes, 3 * MIB + 200); /* b still names them */
        OK(log_checkpoint_simple(log, "b", 2, 2, 100, NULL));
        OK(log_checkpoint_simple(log, "b", 3, 3, 100, NULL));
        OK(log->ops->cut(log, 3, 0, NULL));
        OK(log->ops->stat(log, &stat, NULL));
        ck_assert_uint_eq(stat.checkpoint_bytes, 200);
        log_place_end(&place);
    }
END_TEST

START_TEST(a_file_cut_short_anywhere_is_an_error)
    {
        struct log_place place = file_with_everything();
        size_t len;
        uint8_t *data = file_read(place.path, &len);

        ck_assert_int_eq(use_everything(&place), 0);
        file_restore(&place, data, len);
        for (size_t keep = 0; keep < len; keep += keep < 200 ? 7 : 1021) {
            cull_log *log = NULL;
            cull_error err = { 0 };
            cull_status status;

            file_restore(&place, data, keep);
            status = file_open(&place, false, &log, &err);
            ck_assert_msg(status == CULL_E_CORRUPT, "%zu of %zu bytes: %d: %s", keep, len, status,
                          err.message);
        }
        file_restore(&place, data, len - 1);
        ck_assert_int_eq(use_everything(&place), 1);
        free(data);
    }
END_TEST

START_TEST(no_change_of_bytes_crashes_and_none_goes_unseen_in_what_is_read)
    {
        struct log_place place = file_with_everything();
        uint64_t random = 42;
        size_t len;
        uint8_t *data = file_read(place.path, &len);
        int failed = 0;

        for (int turn = 0; turn < 300; turn++) {
            uint8_t *changed = malloc(len);
            int changes = turn % 3 == 0 ? 1 : 40;

            ck_assert_ptr_nonnull(changed);
            memcpy(changed, data, len);
            for (int i = 0; i < changes; i++) {
                size_t at;

                random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
                at = (size_t)(random >> 33) % (turn % 2 == 0 ? len : 8192);
                changed[at] ^= (uint8_t)(1u << (random >> 29 & 7));
            }
            file_restore(&place, changed, len);
            failed += use_everything(&place) > 0;
            free(changed);
        }
        ck_assert_int_gt(failed, 100);
        free(data);
    }
END_TEST

/* --- a disk that is full ------------------------------------------------------------------ */

static long writes_left;         /* -1: all succeed */
static const char *disk_ballast; /* as long as that file has a length; NULL: for ever */

static bool is_full(void)
{
    struct stat st;

    return writes_left == 0 &&
           (disk_ballast == NULL || (stat(disk_ballast, &st) == 0 && st.st_size > 0));
}

static ssize_t failing_pwrite(int fd, const void *data, size_t len, off_t offset)
{
    if (is_full()) {
        errno = ENOSPC;
        return -1;
    }
    writes_left -= writes_left > 0;
    return pwrite(fd, data, len, offset);
}

static ssize_t failing_write(int fd, const void *data, size_t len)
{
    if (is_full()) {
        errno = ENOSPC;
        return -1;
    }
    writes_left -= writes_left > 0;
    return write(fd, data, len);
}

/* SQLite asks its VFS for the system's calls; these stand in for a full disk. */
static void writes_replace(bool replace)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    sqlite3_syscall_ptr positioned = (sqlite3_syscall_ptr)failing_pwrite;
    sqlite3_syscall_ptr plain = (sqlite3_syscall_ptr)failing_write;

    (void)vfs->xSetSystemCall(vfs, "pwrite", replace ? positioned : NULL);
    (void)vfs->xSetSystemCall(vfs, "pwrite64", replace ? positioned : NULL);
    (void)vfs->xSetSystemCall(vfs, "write", replace ? plain : NULL);
}

START_TEST(a_full_disk_is_said_and_the_log_stays_whole)
    {
        struct log_place place = log_place_new(&file_kind);
        uint64_t acknowledged = log_append_turns(place.log, 1, "a");
        bool whole = false;

        log_place_end(&place);
        writes_replace(true);
        for (long n = 0; !whole; n++) {
            cull_error err = { 0 };
            cull_status status;

            ck_assert_int_lt(n, 500);
            writes_left = n;
            status = file_again(&place, &place.log, &err);
            if (status == CULL_OK) {
                status = log_append_text(place.log, acknowledged, 1, "b", &err);
                acknowledged += status == CULL_OK;
            }
            if (status == CULL_OK) {
                status =
                    log_checkpoint_simple(place.log, "a", acknowledged, (uint8_t)n, 300000, &err);
            }
            if (status == CULL_OK) {
                status = place.log->ops->cut(place.log, acknowledged - 1, 0, &err);
            }
            ck_assert_msg(status == CULL_OK || status == CULL_E_NOSPACE, "%ld: %d: %s", n, status,
                          err.message);
            whole = status == CULL_OK && writes_left > 0;
            log_place_end(&place);
            writes_left = -1;
            place.log = log_place_again(&place);
            ck_assert_uint_eq(head(place.log), acknowledged);
            log_place_end(&place);
        }
        writes_replace(false);
        ck_assert_int_eq(use_everything(&place), 1); /* there is no document 3 */
    }
END_TEST

START_TEST(a_log_on_a_full_disk_is_read_by_several_in_turn)
    {
        struct log_place place = log_place_new(&file_kind);
        uint64_t acknowledged = log_append_turns(place.log, 1, "a");
        cull_log *other = NULL;
        cull_error err = { 0 };

        log_place_end(&place);
        writes_replace(true);
        writes_left = 0;
        ck_assert_msg(file_again(&place, &place.log, &err) == CULL_OK, "%s", err.message);
        ck_assert_msg(file_again(&place, &other, &err) == CULL_OK, "%s", err.message);
        for (int turn = 0; turn < 3; turn++) {
            ck_assert_uint_eq(head(place.log), acknowledged);
            ck_assert_uint_eq(head(other), acknowledged);
        }
        ck_assert_int_eq(log_append_text(other, acknowledged, 1, "b", &err), CULL_E_NOSPACE);
        ck_assert_uint_eq(head(place.log), acknowledged);
        writes_left = -1; /* there is room again */
        ck_assert_int_eq(log_append_text(other, acknowledged, 1, "b", &err), CULL_OK);
        ck_assert_uint_eq(head(place.log), acknowledged + 1);
        ck_assert_int_eq(log_append_text(place.log, acknowledged + 1, 1, "c", &err), CULL_OK);
        ck_assert_uint_eq(head(other), acknowledged + 2);
        cull_log_close(other);
        log_place_end(&place);
        writes_replace(false);
    }
END_TEST

static cull_log *ballast_open(struct log_place *place, const char *ballast)
{
    const cull_log_sqlite_options options = { .path = place->path,
                                              .lock_path = place->lock_path,
                                              .ballast_path = ballast,
                                              .allocator = place->allocator };
    cull_error err = { 0 };
    cull_log *log = NULL;

    ck_assert_msg(cull_log_sqlite_open(&log, &options, &err) == CULL_OK, "%s", err.message);
    return log;
}

static uint64_t ballast_bytes(const char *ballast)
{
    struct stat st;

    ck_assert_int_eq(lstat(ballast, &st), 0);
    return S_ISREG(st.st_mode) ? (uint64_t)st.st_size : UINT64_MAX;
}

START_TEST(what_gives_room_back_has_the_ballast_on_a_full_disk)
    {
        struct log_place place = log_place_new(&file_kind);
        uint64_t seq = log_append_turns(place.log, 1, "a");
        struct cull__batch batch = { .data = "x", .len = 1, .fact_count = 1 };
        char ballast[sizeof place.path + 8];
        cull_error err = { 0 };

        log_place_end(&place);
        (void)snprintf(ballast, sizeof ballast, "%s.ballast", place.path);
        place.log = ballast_open(&place, ballast);
        ck_assert_uint_eq(ballast_bytes(ballast), 1 << 20);
        disk_ballast = ballast;
        writes_replace(true);
        writes_left = 0;
        ck_assert_int_eq(place.log->ops->append(place.log, seq, &batch, &seq, &err),
                         CULL_E_NOSPACE);
        ck_assert_uint_eq(ballast_bytes(ballast), 1 << 20); /* an upload does not get it */
        batch.gives_room = true;
        ck_assert_msg(place.log->ops->append(place.log, seq, &batch, &seq, &err) == CULL_OK, "%s",
                      err.message);
        ck_assert_uint_eq(ballast_bytes(ballast), 0);
        writes_left = -1;
        log_place_end(&place); /* and takes back what it did not use */
        ck_assert_uint_eq(ballast_bytes(ballast), 1 << 20);
        writes_replace(false);
        disk_ballast = NULL;
        place.log = log_place_again(&place);
        ck_assert_uint_eq(head(place.log), seq);
        log_place_end(&place);
    }
END_TEST

START_TEST(a_ballast_is_made_anew_and_follows_no_link)
    {
        struct log_place place = log_place_new(&file_kind);
        char ballast[sizeof place.path + 8];
        char other[sizeof place.path + 8];

        log_place_end(&place);
        (void)snprintf(ballast, sizeof ballast, "%s.ballast", place.path);
        (void)snprintf(other, sizeof other, "%s.other", place.path);
        cull_log_close(ballast_open(&place, ballast));
        ck_assert_int_eq(truncate(ballast, 5), 0);
        cull_log_close(ballast_open(&place, ballast));
        ck_assert_uint_eq(ballast_bytes(ballast), 1 << 20);
        ck_assert_int_eq(rename(ballast, other), 0);
        ck_assert_int_eq(truncate(other, 5), 0);
        ck_assert_int_eq(symlink(other, ballast), 0);
        cull_log_close(ballast_open(&place, ballast));
        ck_assert_uint_eq(ballast_bytes(other), 5);
        ck_assert_uint_eq(cull__ballast_bytes(0), 1 << 20);
        ck_assert_uint_eq(cull__ballast_bytes((8 << 20) + 8), 2 << 20);
        ck_assert_uint_eq(cull__ballast_bytes(UINT64_MAX), 16 << 20);
    }
END_TEST

START_TEST(a_full_disk_while_a_log_is_made_leaves_none)
    {
        cull_status status = CULL_E_NOSPACE;

        writes_replace(true);
        for (long n = 0; status != CULL_OK; n++) {
            struct log_place place = { .kind = &file_kind };
            cull_error err = { 0 };
            struct stat found;

            ck_assert_int_lt(n, 500);
            (void)snprintf(place.path, sizeof place.path, "%s/cull.db", scratch_dir());
            (void)snprintf(place.lock_path, sizeof place.lock_path, "%s.lock", place.path);
            writes_left = n;
            status = file_start(&place, &err);
            ck_assert_msg(status == CULL_OK || status == CULL_E_NOSPACE, "%ld: %d: %s", n, status,
                          err.message);
            writes_left = -1;
            if (status != CULL_OK && stat(place.path, &found) == 0) { /* whole, or not there */
                OK(file_again(&place, &place.log, &err));
                ck_assert_uint_eq(head(place.log), 0);
            }
            log_place_end(&place);
        }
        writes_replace(false);
    }
END_TEST

/* In a child, because the limit holds for the whole process. */
static int over_the_limit(const struct log_place *place)
{
    struct rlimit limit = { 200000, 200000 };
    cull_log *log = NULL;
    cull_error err = { 0 };
    cull_status status = CULL_OK;
    int count = 0;

    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || file_open(place, false, &log, &err) != CULL_OK) {
        return 100;
    }
    while (status == CULL_OK && count < 90) {
        char text[4001];
        uint64_t seq;

        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        status = log->ops->head(log, &seq, &err);
        if (status == CULL_OK) {
            status = log_append_text(log, seq, 1, text, &err);
        }
        count += status == CULL_OK;
    }
    return status == CULL_E_IO && strstr(err.message, "File too large") != NULL ? count : 101;
}

START_TEST(a_file_at_its_size_limit_keeps_what_was_acknowledged)
    {
        struct log_place place = log_place_new(&file_kind);
        pid_t child;
        int status;

        log_place_end(&place);
        child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            _exit(over_the_limit(&place));
        }
        status = child_status(child);
        ck_assert(WIFEXITED(status));
        ck_assert_int_lt(WEXITSTATUS(status), 90);
        ck_assert_int_gt(WEXITSTATUS(status), 0);
        place.log = log_place_again(&place);
        ck_assert_uint_eq(head(place.log), (uint64_t)WEXITSTATUS(status));
        (void)log_read_text(place.log, 0, CULL_OK);
        log_place_end(&place);
    }
END_TEST

/* --- listings and packs ------------------------------------------------------------------- */

START_TEST(a_listing_decodes_only_as_it_was_written)
    {
        uint8_t *bytes = calloc(1, 2 * MIB);
        const struct cull__column columns[] = { { 1, bytes, 2 * MIB }, { 2, bytes, 5 } };
        const cull_allocator *allocator = cull_allocator_default();
        struct cull__buf out = CULL__BUF_INIT(allocator);
        struct cull__listing listing;

        OK(cull__listing_encode(&out, "room", 9, columns, 2, NULL));
        OK(cull__listing_decode(&listing, "room", out.data, out.len, allocator));
        ck_assert_uint_eq(listing.seq, 9);
        ck_assert_uint_eq(listing.bytes, 2 * MIB + 5);
        ck_assert_uint_eq(listing.columns[0].segment_count, 2);
        cull__listing_release(&listing, allocator);
        ck_assert_int_eq(cull__listing_decode(&listing, "roo", out.data, out.len, allocator),
                         CULL_E_CORRUPT);
        for (size_t len = 0; len < out.len; len++) {
            ck_assert_int_eq(cull__listing_decode(&listing, "room", out.data, len, allocator),
                             CULL_E_CORRUPT);
            out.data[len] ^= 0x10;
            ck_assert_int_eq(cull__listing_decode(&listing, "room", out.data, out.len, allocator),
                             CULL_E_CORRUPT);
            out.data[len] ^= 0x10;
        }
        cull__buf_release(&out);
        free(bytes);
    }
END_TEST

START_TEST(a_packed_row_that_is_altered_is_seen_or_gives_the_same_batches)
    {
        const cull_allocator *allocator = cull_allocator_default();
        struct cull__pack pack = CULL__PACK_INIT(allocator);
        struct cull__buf out = CULL__BUF_INIT(allocator);

        cull__pack_add(&pack, 5, 2, 900, "first", 5);
        cull__pack_add(&pack, 7, 1, 800, "second", 6);
        ck_assert_uint_eq(pack.first_ms, 800);
        ck_assert_uint_eq(pack.last_ms, 900);
        OK(cull__pack_deflate(&out, &pack, NULL));
        ck_assert_uint_eq(pack.raw.len, 0);
        for (size_t at = 0; at <= 8 * out.len; at++) { /* the last turn alters nothing */
            struct log_reading reading = { .bytes = CULL__BUF_INIT(allocator) };
            bool damaged = false;
            cull_status status;

            if (at < 8 * out.len) {
                out.data[at / 8] ^= (uint8_t)(1u << (at % 8));
            }
            status = cull__pack_visit(out.data, out.len, 5, 7, allocator, log_reading_visit,
                                      &reading, &damaged, NULL);
            ck_assert_int_eq(status, damaged ? CULL_E_CORRUPT : CULL_OK);
            ck_assert(!damaged || at < 8 * out.len);
            if (!damaged) {
                ck_assert_uint_eq(reading.bytes.len, 12);
                ck_assert_int_eq(memcmp(reading.bytes.data, "first|second", 12), 0);
            }
            if (at < 8 * out.len) {
                out.data[at / 8] ^= (uint8_t)(1u << (at % 8));
            }
            cull__buf_release(&reading.bytes);
        }
        for (uint64_t last = 5; last < 10; last++) { /* other numbers than were packed */
            struct log_reading reading = { .bytes = CULL__BUF_INIT(allocator) };
            bool damaged = false;
            cull_status status = cull__pack_visit(out.data, out.len, 5, last, allocator,
                                                  log_reading_visit, &reading, &damaged, NULL);

            ck_assert_int_eq(status, last == 7 ? CULL_OK : CULL_E_CORRUPT);
            cull__buf_release(&reading.bytes);
        }
        cull__buf_release(&out);
        cull__buf_release(&pack.raw);
    }
END_TEST

static void file_tests_add(Suite *suite)
{
    TCase *tc = tcase_create("file");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, what_is_not_our_log_is_refused_and_named, 0,
                        (int)ARRAY_LEN(open_cases));
    tcase_add_test(tc, a_new_log_needs_its_folder_and_a_path_that_sqlite_takes);
    tcase_add_test(tc, a_log_at_rest_is_one_file_and_may_be_reached_through_a_linked_folder);
    tcase_add_test(tc, what_an_interrupted_creation_left_is_no_obstacle);
    tcase_add_test(tc, a_log_without_permission_is_an_error_of_the_system);
    tcase_add_test(tc, two_processes_append_and_nothing_is_lost_or_reordered);
    tcase_add_test(tc, a_writer_that_is_killed_leaves_a_whole_log_and_no_lock);
    tcase_add_test(tc, a_lock_file_that_was_replaced_holds_nobody);
    tcase_add_test(tc, a_lock_file_that_is_replaced_between_opening_and_locking_holds_nobody);
    tcase_add_loop_test(tc, a_lock_file_that_cannot_be_looked_at_is_an_error_and_nobody_else_s_lock,
                        0, ARRAY_LEN(lock_cases));
    tcase_add_test(tc, a_newer_reader_min_stops_a_handle_in_the_middle_of_its_life);
    tcase_add_loop_test(tc, damage_in_a_row_is_corrupt_and_names_the_fact, 0,
                        (int)ARRAY_LEN(damage_cases));
    tcase_add_loop_test(tc, a_log_that_ends_elsewhere_than_it_says_is_not_opened, 0,
                        (int)ARRAY_LEN(end_cases));
    tcase_add_test(tc, a_damaged_document_is_corrupt);
    tcase_add_test(tc, a_damaged_segment_is_written_anew_by_the_next_checkpoint);
    tcase_add_loop_test(tc, a_damaged_listing_is_corrupt_and_goes_with_the_next_checkpoint, 0, 2);
    tcase_add_test(tc, segments_go_with_the_last_listing_that_names_them);
    tcase_add_test(tc, a_file_cut_short_anywhere_is_an_error);
    tcase_add_test(tc, no_change_of_bytes_crashes_and_none_goes_unseen_in_what_is_read);
    tcase_add_test(tc, a_full_disk_is_said_and_the_log_stays_whole);
    tcase_add_test(tc, a_full_disk_while_a_log_is_made_leaves_none);
    tcase_add_test(tc, a_log_on_a_full_disk_is_read_by_several_in_turn);
    tcase_add_test(tc, what_gives_room_back_has_the_ballast_on_a_full_disk);
    tcase_add_test(tc, a_ballast_is_made_anew_and_follows_no_link);
    tcase_add_test(tc, a_file_at_its_size_limit_keeps_what_was_acknowledged);
    suite_add_tcase(suite, tc);
}

Suite *log_suite(void)
{
    Suite *suite = suite_create("log");
    TCase *tc = tcase_create("pieces");

    suite_add_tcase(suite, log_conformance_case(kinds, (int)ARRAY_LEN(kinds)));
    file_tests_add(suite);
    tcase_add_test(tc, a_listing_decodes_only_as_it_was_written);
    tcase_add_test(tc, a_packed_row_that_is_altered_is_seen_or_gives_the_same_batches);
    suite_add_tcase(suite, tc);
    return suite;
}
