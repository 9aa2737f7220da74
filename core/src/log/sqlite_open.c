/*
 * sqlite_open.c - making, opening and closing cull.db.
 *
 * SHAPE     A new log is made whole under another name, synced, and renamed: a crash leaves no
 *           half a log. An old one is looked at before SQLite is: not a file, a symbolic link, empty.
 * INVARIANT application_id says that a database is ours, user_version which tables it has. Nothing
 *           is written by opening.
 * COST      About a dozen page reads and small statements; no integrity check. What is damaged is
 *           found when it is read: every row of ours carries a hash.
 * FAILURE   A file shorter than its header says is refused here, unless the write-ahead log still
 *           holds what the file lacks. A full disk: SQLite makes the index of the write-ahead log
 *           anew, 32 KiB in a file that connections share, and nothing at all could be read. Then
 *           the file is opened as ours alone, with the index in memory: that takes no room, and is
 *           safe beside others, who hold a lock on the file as long as they have it open. It is
 *           for one call, so that others have their turn: the next one opens it again, as usual as
 *           soon as there is room.
 * WHY NOT   Opening the file ourselves to look at its header: closing it again would drop the
 *           locks that another handle of this process holds on it (POSIX record locks). Reading a
 *           full disk's file as immutable: a writer beside it would be read in the middle.
 */
#include "log/sqlite_handle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS_DEFAULT 10000u
#define WAL_CHECKPOINT_PAGES 1000 /* then SQLite moves the write-ahead log into the file: 8 MiB */

#define STRING_OF_(x) #x
#define STRING_OF(x) STRING_OF_(x)

static const char create_sql[] = "PRAGMA page_size = " STRING_OF(
    CULL__SQLITE_PAGE_BYTES) ";"
                             "PRAGMA auto_vacuum = NONE;"
                             "PRAGMA journal_mode = MEMORY;" /* nobody else has this file yet */
                             "PRAGMA synchronous = FULL;"
                             "BEGIN;"
                             "PRAGMA application_id = " STRING_OF(
                                 CULL__SQLITE_APPLICATION) ";"
                                                           "PRAGMA user_version = " STRING_OF(
                                                               CULL__SQLITE_SCHEMA) ";"
                                                                                    "CREATE TABLE "
                                                                                    "meta (id "
                                                                                    "INTEGER "
                                                                                    "PRIMARY KEY "
                                                                                    "CHECK (id = "
                                                                                    "1), seq "
                                                                                    "INTEGER NOT "
                                                                                    "NULL,"
                                                                                    " cut_seq "
                                                                                    "INTEGER NOT "
                                                                                    "NULL, bytes "
                                                                                    "INTEGER NOT "
                                                                                    "NULL, "
                                                                                    "cut_bytes "
                                                                                    "INTEGER NOT "
                                                                                    "NULL,"
                                                                                    " reader_min "
                                                                                    "INTEGER NOT "
                                                                                    "NULL) STRICT;"
                                                                                    "INSERT INTO "
                                                                                    "meta VALUES "
                                                                                    "(1, 0, 0, 0, "
                                                                                    "0, 0);"
                                                                                    "CREATE TABLE "
                                                                                    "log "
                                                                                    "(first_seq "
                                                                                    "INTEGER "
                                                                                    "PRIMARY KEY, "
                                                                                    "fact_count "
                                                                                    "INTEGER NOT "
                                                                                    "NULL,"
                                                                                    " now_ms "
                                                                                    "INTEGER NOT "
                                                                                    "NULL, "
                                                                                    "start_bytes "
                                                                                    "INTEGER NOT "
                                                                                    "NULL, xxh "
                                                                                    "INTEGER NOT "
                                                                                    "NULL,"
                                                                                    " data BLOB "
                                                                                    "NOT NULL) "
                                                                                    "STRICT;"
                                                                                    "CREATE TABLE "
                                                                                    "document (id "
                                                                                    "INTEGER "
                                                                                    "PRIMARY KEY, "
                                                                                    "xxh INTEGER "
                                                                                    "NOT NULL,"
                                                                                    " data BLOB "
                                                                                    "NOT NULL) "
                                                                                    "STRICT;"
                                                                                    "CREATE TABLE "
                                                                                    "segment (id "
                                                                                    "INTEGER "
                                                                                    "PRIMARY KEY, "
                                                                                    "name BLOB NOT "
                                                                                    "NULL UNIQUE,"
                                                                                    " data BLOB "
                                                                                    "NOT NULL) "
                                                                                    "STRICT;" /* with a rowid: blobs are read in place through it */
                                                                                    "CREATE TABLE "
                                                                                    "checkpoint "
                                                                                    "(room TEXT "
                                                                                    "NOT NULL, seq "
                                                                                    "INTEGER NOT "
                                                                                    "NULL, bytes "
                                                                                    "INTEGER NOT "
                                                                                    "NULL,"
                                                                                    " listing BLOB "
                                                                                    "NOT NULL, "
                                                                                    "PRIMARY KEY "
                                                                                    "(room, seq)) "
                                                                                    "STRICT, "
                                                                                    "WITHOUT ROWID;"
                                                                                    "CREATE TABLE "
                                                                                    "audit "
                                                                                    "(first_seq "
                                                                                    "INTEGER "
                                                                                    "PRIMARY KEY, "
                                                                                    "last_seq "
                                                                                    "INTEGER NOT "
                                                                                    "NULL,"
                                                                                    " first_ms "
                                                                                    "INTEGER NOT "
                                                                                    "NULL, last_ms "
                                                                                    "INTEGER NOT "
                                                                                    "NULL, xxh "
                                                                                    "INTEGER NOT "
                                                                                    "NULL,"
                                                                                    " facts BLOB "
                                                                                    "NOT NULL) "
                                                                                    "STRICT;"
                                                                                    "COMMIT;"
                                                                                    "PRAGMA "
                                                                                    "journal_mode "
                                                                                    "= WAL;";

/* secure_delete: Debian's default writes zeros over all that is dropped. */
static const char open_sql[] = "PRAGMA synchronous = FULL;"
                               "PRAGMA secure_delete = OFF;"
                               "PRAGMA cell_size_check = ON;"
                               "PRAGMA journal_size_limit = 16777216;";

/* --- the handle --------------------------------------------------------------------------- */

static cull_status handle_new(struct cull__sqlite **out, const cull_log_sqlite_options *options,
                              cull_error *err)
{
    const cull_allocator *allocator =
        options->allocator == NULL ? cull_allocator_default() : options->allocator;
    struct cull__sqlite *log = cull__alloc_zero(allocator, 1, sizeof(struct cull__sqlite));

    if (log == NULL) {
        return cull__error_nomem(err);
    }
    log->base = (cull_log){ &cull__sqlite_ops, allocator };
    log->lock_fd = -1;
    log->lock_path = cull__strndup(allocator, options->lock_path, strlen(options->lock_path));
    if (options->ballast_path != NULL) {
        log->ballast_path =
            cull__strndup(allocator, options->ballast_path, strlen(options->ballast_path));
    }
    (void)cull__printable(log->name, options->path, strlen(options->path));
    if (log->lock_path == NULL || (options->ballast_path != NULL && log->ballast_path == NULL) ||
        pthread_mutex_init(&log->mutex, NULL) != 0) {
        cull__free(allocator, log->lock_path);
        cull__free(allocator, log->ballast_path);
        cull__free(allocator, log);
        return cull__error_nomem(err);
    }
    *out = log;
    return CULL_OK;
}

void cull__sqlite_disconnect(struct cull__sqlite *log)
{
    int code;

    for (size_t i = 0; i < CULL__SQL_COUNT; i++) {
        (void)sqlite3_finalize(log->statements[i]);
        log->statements[i] = NULL;
    }
    code = sqlite3_close(log->db);
    CULL_ASSERT(code != SQLITE_BUSY); /* a statement or a blob was left open */
    log->db = NULL;
}

void cull__sqlite_close(cull_log *base)
{
    struct cull__sqlite *log = (struct cull__sqlite *)base;

    cull__sqlite_disconnect(log);
    if (log->is_ballast_given) {
        cull__ballast_fill(log);
    }
    if (log->lock_fd >= 0) {
        (void)close(log->lock_fd); /* and with it both locks */
    }
    (void)pthread_mutex_destroy(&log->mutex);
    cull__free(log->base.allocator, log->ballast_path);
    cull__free(log->base.allocator, log->path);
    cull__free(log->base.allocator, log->lock_path);
    cull__free(log->base.allocator, log);
}

/* SQLite is told to follow no symbolic link, and means every folder of the path; ours may be
 * reached through links, only the file itself may not be one. */
static cull_status path_resolve(char resolved[PATH_MAX], const char *path, const char *suffix,
                                const char *name, cull_error *err)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    size_t folder_len = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    size_t path_max = (size_t)sqlite3_vfs_find(NULL)->mxPathname;
    char folder[PATH_MAX];
    size_t used;

    if (folder_len >= sizeof folder) {
        return cull__error_errno(err, ENAMETOOLONG, "%s", name);
    }
    memcpy(folder, folder_len == 0 ? "." : path, folder_len == 0 ? 1 : folder_len);
    folder[folder_len == 0 ? 1 : folder_len] = '\0';
    if (realpath(folder, resolved) == NULL) {
        return cull__error_errno(err, errno, "%s", name);
    }
    used = strlen(resolved);
    if (used + strlen(base) + strlen(suffix) + 16 > path_max || path_max > PATH_MAX) {
        return cull__error_set(err, CULL_E_LIMIT, "%s: path longer than %zu bytes", name,
                               path_max - 16);
    }
    (void)snprintf(resolved + used, PATH_MAX - used, "%s%s%s",
                   used > 0 && resolved[used - 1] == '/' ? "" : "/", base, suffix);
    return CULL_OK;
}

static cull_status connection_open(struct cull__sqlite *log, const char *path, uint32_t busy_ms,
                                   bool create, cull_error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE;
    int code = sqlite3_open_v2(path, &log->db, create ? flags | SQLITE_OPEN_CREATE : flags, NULL);

    if (code != SQLITE_OK) {
        return cull__sqlite_error(log, code, err);
    }
    busy_ms = busy_ms == 0 ? BUSY_MS_DEFAULT : busy_ms;
    (void)sqlite3_busy_timeout(log->db, busy_ms > INT_MAX ? INT_MAX : (int)busy_ms);
    (void)sqlite3_wal_autocheckpoint(log->db, WAL_CHECKPOINT_PAGES);
    /* the schema may have been written by anybody: what is in it must not run */
    (void)sqlite3_db_config(log->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(log->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    (void)sqlite3_db_config(log->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    return CULL_OK;
}

static cull_status connection_exec(struct cull__sqlite *log, const char *sql, cull_error *err)
{
    int code = sqlite3_exec(log->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? CULL_OK : cull__sqlite_error(log, code, err);
}

/* --- create ------------------------------------------------------------------------------- */

static cull_status absent_check(const struct cull__sqlite *log, const char *path, cull_error *err)
{
    struct stat found;

    if (lstat(path, &found) == 0) {
        return cull__error_set(err, CULL_E_EXISTS, "%s: exists already", log->name);
    }
    return errno == ENOENT ? CULL_OK : cull__error_errno(err, errno, "%s", log->name);
}

/* Make the rename durable. */
static cull_status folder_sync(const struct cull__sqlite *log, char *path, cull_error *err)
{
    char *slash = strrchr(path, '/'); /* path is absolute */
    cull_status status = CULL_OK;
    int fd;

    slash[slash == path] = '\0';
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        status = cull__error_errno(err, errno, "%s", log->name);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return status;
}

/* Build it as PATH.new. What an interrupted attempt left there is removed first; the lock says
 * that nobody is at it. */
static cull_status create_new(struct cull__sqlite *log, char temporary[PATH_MAX],
                              char path[PATH_MAX], cull_error *err)
{
    cull_status status;

    if (unlink(temporary) != 0 && errno != ENOENT) {
        return cull__error_errno(err, errno, "%s", log->name);
    }
    status = connection_open(log, temporary, 0, true, err);
    if (status == CULL_OK) {
        status = connection_exec(log, create_sql, err);
    }
    cull__sqlite_disconnect(log);
    if (status == CULL_OK && rename(temporary, path) != 0) {
        status = cull__error_errno(err, errno, "%s", log->name);
    }
    if (status != CULL_OK) {
        (void)unlink(temporary);
        return status;
    }
    return folder_sync(log, path, err);
}

static cull_status log_create(struct cull__sqlite *log, const cull_log_sqlite_options *options,
                              cull_error *err)
{
    char temporary[PATH_MAX], path[PATH_MAX];
    cull_status status = absent_check(log, options->path, err);

    if (status == CULL_OK) {
        status = path_resolve(temporary, options->path, ".new", log->name, err);
    }
    if (status == CULL_OK) {
        status = path_resolve(path, options->path, "", log->name, err);
    }
    if (status == CULL_OK) {
        status = cull__lock_open(&log->lock_fd, log->lock_path, err);
    }
    if (status != CULL_OK) {
        return status;
    }
    status = cull__lock_take(log->lock_fd, log->lock_path, CULL__LOCK_CREATE, err);
    if (status != CULL_OK) {
        return status;
    }
    status = absent_check(log, path, err);
    if (status == CULL_OK) {
        status = create_new(log, temporary, path, err);
    }
    cull__lock_drop(log->lock_fd, CULL__LOCK_CREATE);
    return status;
}

/* --- open --------------------------------------------------------------------------------- */

static cull_status file_check(const struct cull__sqlite *log, const char *path, cull_error *err)
{
    struct stat found;

    if (lstat(path, &found) != 0) {
        return errno == ENOENT ? cull__error_set(err, CULL_E_NOTFOUND, "%s: no such log", log->name)
                               : cull__error_errno(err, errno, "%s", log->name);
    }
    if (!S_ISREG(found.st_mode)) {
        return cull__error_set(err, CULL_E_INVALID, "%s: not a regular file", log->name);
    }
    if (found.st_size == 0) {
        return cull__error_set(err, CULL_E_CORRUPT, "%s: empty, not a database", log->name);
    }
    return CULL_OK;
}

static cull_status pragma_number(struct cull__sqlite *log, const char *sql, int64_t *out,
                                 cull_error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(log->db, sql, -1, &statement, NULL);

    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
        *out = sqlite3_column_int64(statement, 0);
    }
    (void)sqlite3_finalize(statement);
    return code == SQLITE_ROW ? CULL_OK : cull__sqlite_error(log, code, err);
}

static cull_status identity_check(struct cull__sqlite *log, cull_error *err)
{
    int64_t application = 0, schema = 0;
    cull_status status = pragma_number(log, "PRAGMA application_id", &application, err);

    if (status == CULL_OK) {
        status = pragma_number(log, "PRAGMA user_version", &schema, err);
    }
    if (status != CULL_OK) {
        return status;
    }
    if (application != CULL__SQLITE_APPLICATION) {
        return cull__error_set(err, CULL_E_INVALID, "%s: a database, but not cull's", log->name);
    }
    if (schema > CULL__SQLITE_SCHEMA) {
        return cull__error_set(err, CULL_E_TOO_NEW,
                               "%s: its tables are of version %" PRId64
                               ", this is %d: use a newer cull",
                               log->name, schema, CULL__SQLITE_SCHEMA);
    }
    if (schema != CULL__SQLITE_SCHEMA) {
        return cull__sqlite_corrupt(log, err, "no such version of tables: %" PRId64, schema);
    }
    return CULL_OK;
}

/* A file's length; 0: it is not there. */
static cull_status file_bytes(const struct cull__sqlite *log, const char *path, const char *suffix,
                              uint64_t *bytes, cull_error *err)
{
    char name[PATH_MAX + 8];
    struct stat found;

    *bytes = 0;
    (void)snprintf(name, sizeof name, "%s%s", path, suffix);
    if (stat(name, &found) == 0) {
        *bytes = (uint64_t)found.st_size;
        return CULL_OK;
    }
    return errno == ENOENT ? CULL_OK : cull__error_errno(err, errno, "%s%s", log->name, suffix);
}

/* SQLite compares whole pages only, and only when it reads the header from the file. While frames
 * are in the write-ahead log the file may be shorter; this connection is open, so nobody empties
 * that log without the file being whole first: the file is looked at once more after it. */
static cull_status length_check(struct cull__sqlite *log, const char *path, cull_error *err)
{
    int64_t pages = 0, page_bytes = 0;
    uint64_t want, bytes = 0, log_bytes = 0;
    cull_status status = pragma_number(log, "PRAGMA page_count", &pages, err);

    if (status == CULL_OK) {
        status = pragma_number(log, "PRAGMA page_size", &page_bytes, err);
    }
    if (status != CULL_OK) {
        return status;
    }
    want = (uint64_t)pages * (uint64_t)page_bytes;
    status = file_bytes(log, path, "", &bytes, err);
    if (status == CULL_OK && bytes < want) {
        status = file_bytes(log, path, "-wal", &log_bytes, err);
        if (status == CULL_OK && log_bytes == 0) {
            status = file_bytes(log, path, "", &bytes, err);
        }
    }
    if (status == CULL_OK && bytes < want && log_bytes == 0) {
        status = cull__sqlite_corrupt(log, err, "cut short: %" PRIu64 " of %" PRIu64 " bytes",
                                      bytes, want);
    }
    return status;
}

/* meta carries no hash: where it says that the log ends, the last batch must end. A log that seems
 * shorter than it is would be read as an older one, and nobody would know. */
static cull_status ends_check(struct cull__sqlite *log, cull_error *err)
{
    static const char sql[] =
        "SELECT first_seq + fact_count - 1, start_bytes + length(data) FROM log"
        " ORDER BY first_seq DESC LIMIT 1";
    sqlite3_stmt *statement = NULL;
    struct cull__meta meta;
    uint64_t seq;
    uint64_t bytes;
    int code;
    cull_status status = cull__sqlite_begin(log, false, &meta, err);

    if (status != CULL_OK) {
        return status;
    }
    seq = meta.cut_seq; /* of a log that is cut to its end */
    bytes = meta.cut_bytes;
    code = sqlite3_prepare_v2(log->db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    if (code == SQLITE_ROW) {
        seq = cull__sqlite_number(statement, 0);
        bytes = cull__sqlite_number(statement, 1);
    }
    (void)sqlite3_finalize(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        status = cull__sqlite_error(log, code, err);
    } else if (seq < meta.seq) {
        status = cull__sqlite_corrupt(log, err, "fact %" PRIu64 " is missing", seq + 1);
    } else if (seq > meta.seq) {
        status = cull__sqlite_corrupt(log, err, "it goes on behind fact %" PRIu64 ", its last",
                                      meta.seq);
    } else if (bytes != meta.bytes) {
        status = cull__sqlite_corrupt(log, err, "the batch up to fact %" PRIu64 " is damaged", seq);
    }
    return cull__sqlite_end(log, status, err);
}

static cull_status log_open(struct cull__sqlite *log, bool alone, cull_error *err)
{
    cull_status status = connection_open(log, log->path, log->busy_ms, false, err);

    if (status == CULL_OK && alone) { /* before anything is read */
        status = connection_exec(log, "PRAGMA locking_mode = EXCLUSIVE", err);
    }
    if (status == CULL_OK) {
        status = length_check(log, log->path, err);
    }
    if (status == CULL_OK) {
        status = identity_check(log, err);
    }
    if (status == CULL_OK) {
        status = connection_exec(log, open_sql, err);
    }
    if (status == CULL_OK) {
        status = ends_check(log, err);
    }
    if (status != CULL_OK) {
        cull__sqlite_disconnect(log);
    }
    return status;
}

/* Who cannot be alone is told of the full disk: others have the file open. */
cull_status cull__sqlite_connect(struct cull__sqlite *log, cull_error *err)
{
    cull_error why = { CULL_OK, "" };
    cull_status status = log_open(log, false, err);
    cull_status alone = status;

    if (status == CULL_E_NOSPACE) {
        alone = log_open(log, true, &why);
    }
    log->is_alone = status != CULL_OK && alone == CULL_OK;
    if (alone == CULL_OK || alone == CULL_E_BUSY) {
        return alone == CULL_OK ? CULL_OK : status;
    }
    if (alone != status && err != NULL) {
        *err = why;
    }
    return alone;
}

/* Open a handle's file for the first time. */
static cull_status file_open(struct cull__sqlite *log, const cull_log_sqlite_options *options,
                             cull_error *err)
{
    char path[PATH_MAX];
    uint64_t bytes = 0;
    cull_status status = file_check(log, options->path, err);

    if (status == CULL_OK) {
        status = path_resolve(path, options->path, "", log->name, err);
    }
    if (status == CULL_OK) {
        log->busy_ms = options->busy_ms;
        log->path = cull__strndup(log->base.allocator, path, strlen(path));
        status = log->path == NULL ? cull__error_nomem(err) : cull__sqlite_connect(log, err);
    }
    if (status == CULL_OK && log->ballast_path != NULL) {
        status = file_bytes(log, path, "", &bytes, err);
        log->ballast_bytes = cull__ballast_bytes(bytes);
        cull__ballast_fill(log);
    }
    if (status == CULL_OK && log->is_alone) {
        cull__sqlite_disconnect(log);
    }
    return status;
}

cull_status cull_log_sqlite_open(cull_log **out, const cull_log_sqlite_options *options,
                                 cull_error *err)
{
    struct cull__sqlite *log = NULL;
    cull_status status;

    *out = NULL;
    CULL_ASSERT(options->path != NULL && options->lock_path != NULL);
    status = handle_new(&log, options, err);
    if (status != CULL_OK) {
        return status;
    }
    if (options->create) {
        status = log_create(log, options, err);
    }
    if (status == CULL_OK) {
        status = file_open(log, options, err);
    }
    if (status != CULL_OK) {
        cull__sqlite_close(&log->base);
        return status;
    }
    *out = &log->base;
    return CULL_OK;
}
