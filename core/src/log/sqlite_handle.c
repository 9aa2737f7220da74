/*
 * sqlite_handle.c - statements, transactions and errors of one connection.
 *
 * SHAPE     Statements are prepared when first used and kept; what a one-shot command does not
 *           need is never parsed.
 * INVARIANT Outside a call no transaction is open and no statement is in the middle of its rows,
 *           so the handle holds back neither writers nor SQLite's own checkpoints.
 * FAILURE   Every result of SQLite passes through one table. Damage is CULL_E_CORRUPT, whatever
 *           way SQLite met it: a missing table and a short read are damage too. A read that the
 *           system refused is not: it is CULL_E_IO, although SQLite calls it damage as well.
 * THREADS   One mutex a handle; SQLite itself is opened without its own.
 */
#include "log/sqlite_handle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const sql_text[CULL__SQL_COUNT] = {
    [CULL__SQL_BEGIN] = "BEGIN",
    [CULL__SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [CULL__SQL_COMMIT] = "COMMIT",
    [CULL__SQL_META_GET] = "SELECT seq, cut_seq, bytes, cut_bytes, reader_min FROM meta"
                           " WHERE id = 1",
    [CULL__SQL_META_APPEND] = "UPDATE meta SET seq = ?1, bytes = ?2, reader_min = ?3 WHERE id = 1",
    [CULL__SQL_META_CUT] = "UPDATE meta SET cut_seq = ?1, cut_bytes = ?2 WHERE id = 1",
    [CULL__SQL_LOG_ADD] = "INSERT INTO log (first_seq, fact_count, now_ms, start_bytes, xxh, data)"
                          " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [CULL__SQL_LOG_READ] = "SELECT first_seq, fact_count, now_ms, start_bytes, xxh, data FROM log"
                           " WHERE first_seq > ?1 ORDER BY first_seq",
    [CULL__SQL_LOG_START] = "SELECT start_bytes FROM log WHERE first_seq = ?1",
    [CULL__SQL_LOG_CUT] = "DELETE FROM log WHERE first_seq <= ?1",
    [CULL__SQL_DOCUMENT_PUT] = "INSERT INTO document (id, xxh, data) VALUES (?1, ?2, ?3)"
                               " ON CONFLICT (id) DO UPDATE SET xxh = ?2, data = ?3",
    [CULL__SQL_DOCUMENT_REMOVE] = "DELETE FROM document WHERE id = ?1",
    /* a long one is read in place */
    [CULL__SQL_DOCUMENT_GET] = "SELECT xxh, length(data), CASE WHEN length(data) <= 1048576"
                               " THEN data END FROM document WHERE id = ?1",
    [CULL__SQL_CHECKPOINT_PUT] = "INSERT OR REPLACE INTO checkpoint (room, seq, bytes, listing)"
                                 " VALUES (?1, ?2, ?3, ?4)",
    [CULL__SQL_CHECKPOINT_GET] = "SELECT room, seq, listing FROM checkpoint WHERE room = ?1"
                                 " ORDER BY seq DESC LIMIT 1 OFFSET ?2",
    [CULL__SQL_CHECKPOINT_SIZE] = "SELECT seq, bytes FROM checkpoint WHERE room = ?1"
                                  " ORDER BY seq DESC LIMIT 1",
    [CULL__SQL_CHECKPOINT_TRIM] = "DELETE FROM checkpoint WHERE seq < ?1 AND seq <= (SELECT c.seq"
                                  " FROM checkpoint c WHERE c.room = checkpoint.room"
                                  " ORDER BY c.seq DESC LIMIT 1 OFFSET ?2)",
    [CULL__SQL_CHECKPOINT_ALL] = "SELECT room, seq, listing FROM checkpoint",
    [CULL__SQL_CHECKPOINT_REMOVE] = "DELETE FROM checkpoint WHERE room = ?1 AND seq = ?2",
    [CULL__SQL_SEGMENT_PUT] = "INSERT INTO segment (name, data) VALUES (?1, ?2)",
    [CULL__SQL_SEGMENT_FIND] = "SELECT id FROM segment WHERE name = ?1",
    [CULL__SQL_SEGMENT_ROOT] = "SELECT rootpage FROM sqlite_schema WHERE name = 'segment'"
                               " AND type = 'table'",
    [CULL__SQL_SEGMENT_ALL] = "SELECT id, name FROM segment ORDER BY name",
    [CULL__SQL_SEGMENT_DROP] = "DELETE FROM segment WHERE id = ?1",
    [CULL__SQL_AUDIT_ADD] = "INSERT INTO audit (first_seq, last_seq, first_ms, last_ms, xxh, facts)"
                            " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [CULL__SQL_AUDIT_READ] = "SELECT first_seq, last_seq, first_ms, last_ms, xxh, facts FROM audit"
                             " ORDER BY first_seq",
    [CULL__SQL_AUDIT_DROP] = "DELETE FROM audit WHERE last_ms < ?1 AND first_seq < coalesce("
                             "(SELECT min(first_seq) FROM audit WHERE last_ms >= ?1),"
                             " 9223372036854775807)",
    [CULL__SQL_STAT] = "SELECT (SELECT count(*) FROM document),"
                       " (SELECT coalesce(sum(length(data)), 0) FROM document),"
                       " (SELECT coalesce(sum(length(data)), 0) FROM segment),"
                       " (SELECT coalesce(sum(length(facts)), 0) FROM audit)",
};

struct cull__sqlite *cull__sqlite_lock(cull_log *log)
{
    struct cull__sqlite *sqlite = (struct cull__sqlite *)log;
    int code = pthread_mutex_lock(&sqlite->mutex);

    CULL_ASSERT(code == 0);
    return sqlite;
}

void cull__sqlite_unlock(struct cull__sqlite *log)
{
    int code;

    if (log->is_alone && !log->is_grouped) {
        cull__sqlite_disconnect(log);
    }
    code = pthread_mutex_unlock(&log->mutex);
    CULL_ASSERT(code == 0);
}

/* The system's reason for the last failure with each of the two files, 0: none. */
static void file_reasons(struct cull__sqlite *log, int *of_log, int *of_file)
{
    sqlite3_file *wal = NULL;

    *of_log = *of_file = 0;
    if (log->db == NULL) {
        return;
    }
    if (sqlite3_file_control(log->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) == SQLITE_OK &&
        wal != NULL && wal->pMethods != NULL) {
        (void)wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, of_log);
    }
    (void)sqlite3_file_control(log->db, "main", SQLITE_FCNTL_LAST_ERRNO, of_file);
}

/* The system's reason for the last failure, 0 if SQLite kept none. It keeps one for the connection
 * except when a commit fails; then the file that was written last knows it. */
static int system_reason(struct cull__sqlite *log)
{
    int reason = log->db == NULL ? 0 : sqlite3_system_errno(log->db);
    int of_log;
    int of_file;

    file_reasons(log, &of_log, &of_file);
    return reason != 0 ? reason : of_log != 0 ? of_log : of_file;
}

/* Did the system refuse to read? Then SQLite says "malformed", as if it had read something wrong;
 * but whoever asks again may well get an answer. */
static bool was_refused(struct cull__sqlite *log)
{
    int of_log;
    int of_file;

    file_reasons(log, &of_log, &of_file);
    return of_log == EIO || of_file == EIO;
}

static cull_status io_error(struct cull__sqlite *log, int code, cull_error *err)
{
    int reason = system_reason(log);

    if (code == SQLITE_IOERR_NOMEM) {
        return cull__error_nomem(err);
    }
    if (code == SQLITE_IOERR_SHORT_READ || (code == SQLITE_IOERR_CORRUPTFS && reason == 0)) {
        return cull__error_set(err, CULL_E_CORRUPT, "%s: cut short or damaged", log->name);
    }
    if (reason != 0) {
        return cull__error_errno(err, reason, "%s", log->name);
    }
    return cull__error_set(err, CULL_E_IO, "%s: %s (sqlite %d)", log->name, sqlite3_errstr(code),
                           code);
}

static cull_status damaged_error(struct cull__sqlite *log, int code, cull_error *err)
{
    return cull__error_set(err, CULL_E_CORRUPT, "%s: damaged: %s", log->name,
                           log->db == NULL ? sqlite3_errstr(code) : sqlite3_errmsg(log->db));
}

cull_status cull__sqlite_error(struct cull__sqlite *log, int code, cull_error *err)
{
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return cull__error_nomem(err);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return cull__error_set(err, CULL_E_BUSY, "%s: another process is writing", log->name);
    case SQLITE_FULL:
        return cull__error_errno(err, ENOSPC, "%s", log->name);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return io_error(log, code, err);
    case SQLITE_READONLY:
        return cull__error_set(err, CULL_E_IO, "%s: no permission to write", log->name);
    case SQLITE_NOTADB:
        return cull__error_set(err, CULL_E_CORRUPT, "%s: not a database", log->name);
    case SQLITE_TOOBIG:
        return cull__error_set(err, CULL_E_LIMIT, "%s: over a limit of sqlite", log->name);
    case SQLITE_CORRUPT:
        return was_refused(log) ? cull__error_errno(err, EIO, "%s", log->name)
                                : damaged_error(log, code, err);
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT: /* rows that contradict what another table says */
    case SQLITE_FORMAT:
    case SQLITE_ERROR: /* a table or a column is not there */
    case SQLITE_MISMATCH:
        return damaged_error(log, code, err);
    default:
        return cull__error_set(err, CULL_E_IO, "%s: %s (sqlite %d)", log->name,
                               sqlite3_errstr(code), code);
    }
}

cull_status cull__sqlite_corrupt(struct cull__sqlite *log, cull_error *err, const char *format, ...)
{
    char what[160];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return cull__error_set(err, CULL_E_CORRUPT, "%s: %s", log->name, what);
}

/* --- statements --------------------------------------------------------------------------- */

sqlite3_stmt *cull__sqlite_statement(struct cull__sqlite *log, enum cull__sql which,
                                     cull_status *status, cull_error *err)
{
    sqlite3_stmt **slot = &log->statements[which];

    *status = log->db == NULL ? cull__sqlite_connect(log, err) : CULL_OK;
    if (*status != CULL_OK) {
        return NULL;
    }
    if (*slot == NULL) {
        int code =
            sqlite3_prepare_v3(log->db, sql_text[which], -1, SQLITE_PREPARE_PERSISTENT, slot, NULL);

        if (code != SQLITE_OK) {
            *status = cull__sqlite_error(log, code, err);
            *slot = NULL;
        }
        return *slot;
    }
    (void)sqlite3_reset(*slot); /* repeats the last step's error, which was reported */
    (void)sqlite3_clear_bindings(*slot);
    return *slot;
}

cull_status cull__sqlite_step(struct cull__sqlite *log, sqlite3_stmt *statement, bool *row,
                              cull_error *err)
{
    int code = sqlite3_step(statement);
    cull_status status = CULL_OK;

    *row = code == SQLITE_ROW;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        status = cull__sqlite_error(log, code, err);
    }
    if (code != SQLITE_ROW) {
        (void)sqlite3_reset(statement);
    }
    return status;
}

cull_status cull__sqlite_run(struct cull__sqlite *log, enum cull__sql which,
                             const uint64_t *numbers, size_t count, cull_error *err)
{
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(log, which, &status, err);
    bool row;

    if (statement == NULL) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        cull__sqlite_bind_number(statement, (int)i + 1, numbers[i]);
    }
    status = cull__sqlite_step(log, statement, &row, err);
    CULL_ASSERT(!row);
    return status;
}

/* Ids and instants use all 64 bits and are compared for equality; seqs stay below 2^63. */
void cull__sqlite_bind_number(sqlite3_stmt *statement, int at, uint64_t number)
{
    int code = sqlite3_bind_int64(statement, at, (sqlite3_int64)number);

    CULL_ASSERT(code == SQLITE_OK);
}

int cull__sqlite_bind_bytes(sqlite3_stmt *statement, int at, const void *data, size_t len)
{
    return sqlite3_bind_blob64(statement, at, len == 0 ? "" : data, len, SQLITE_STATIC);
}

uint64_t cull__sqlite_number(sqlite3_stmt *statement, int column)
{
    return (uint64_t)sqlite3_column_int64(statement, column);
}

const void *cull__sqlite_bytes(struct cull__sqlite *log, sqlite3_stmt *statement, int column,
                               size_t *len, cull_status *status, cull_error *err)
{
    const void *data = sqlite3_column_blob(statement, column);

    *status = CULL_OK;
    *len = (size_t)sqlite3_column_bytes(statement, column);
    if (data == NULL) {
        if (sqlite3_errcode(log->db) == SQLITE_NOMEM) {
            *status = cull__error_nomem(err);
        }
        *len = 0;
        return "";
    }
    return data;
}

/* --- transactions ------------------------------------------------------------------------- */

cull_status cull__sqlite_meta(struct cull__sqlite *log, struct cull__meta *meta, cull_error *err)
{
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(log, CULL__SQL_META_GET, &status, err);
    bool row;

    if (statement == NULL) {
        return status;
    }
    status = cull__sqlite_step(log, statement, &row, err);
    if (status != CULL_OK) {
        return status;
    }
    if (!row) {
        return cull__sqlite_corrupt(log, err, "its table meta is empty");
    }
    meta->seq = cull__sqlite_number(statement, 0);
    meta->cut_seq = cull__sqlite_number(statement, 1);
    meta->bytes = cull__sqlite_number(statement, 2);
    meta->cut_bytes = cull__sqlite_number(statement, 3);
    meta->reader_min = cull__sqlite_number(statement, 4);
    (void)sqlite3_reset(statement);
    if (meta->reader_min > CULL__READER_VERSION) { /* first: a newer writer may mean the rest */
        return cull__error_set(err, CULL_E_TOO_NEW,
                               "%s: asks for reader %" PRIu64 ", this is %u: use a newer cull",
                               log->name, meta->reader_min, CULL__READER_VERSION);
    }
    if (meta->cut_seq > meta->seq || meta->cut_bytes > meta->bytes ||
        meta->seq > (uint64_t)INT64_MAX || meta->bytes > (uint64_t)INT64_MAX) {
        return cull__sqlite_corrupt(log, err, "its table meta contradicts itself");
    }
    return CULL_OK;
}

cull_status cull__sqlite_begin(struct cull__sqlite *log, bool write, struct cull__meta *meta,
                               cull_error *err)
{
    cull_status status = CULL_OK;

    if (log->is_grouped && log->group_failure != CULL_OK) {
        return cull__error_set(err, log->group_failure, "%s: the group has failed before",
                               log->name);
    }
    if (!log->is_grouped) {
        status =
            cull__sqlite_run(log, write ? CULL__SQL_BEGIN_WRITE : CULL__SQL_BEGIN, NULL, 0, err);
    }
    if (status == CULL_OK) {
        status = cull__sqlite_meta(log, meta, err);
        if (status != CULL_OK) {
            status = cull__sqlite_end(log, status, err);
        }
    }
    return status;
}

bool cull__sqlite_in_transaction(const struct cull__sqlite *log)
{
    return log->db != NULL && !sqlite3_get_autocommit(log->db);
}

static void roll_back(struct cull__sqlite *log)
{
    for (size_t i = 0; i < CULL__SQL_COUNT; i++) { /* those left in the middle of their rows */
        (void)sqlite3_reset(log->statements[i]);
    }
    if (!log->is_grouped && cull__sqlite_in_transaction(log)) {
        (void)sqlite3_exec(log->db, "ROLLBACK", NULL, NULL, NULL);
    }
}

cull_status cull__sqlite_end(struct cull__sqlite *log, cull_status status, cull_error *err)
{
    if (status == CULL_OK && !log->is_grouped) {
        status = cull__sqlite_run(log, CULL__SQL_COMMIT, NULL, 0, err);
    }
    if (status != CULL_OK) {
        if (log->is_grouped && status != CULL_E_MOVED && status != CULL_E_NOTFOUND) {
            log->group_failure = status;
        }
        roll_back(log);
    }
    return status;
}

/* --- groups ------------------------------------------------------------------------------- */

cull_status cull__sqlite_group_begin(cull_log *log, cull_error *err)
{
    struct cull__sqlite *sqlite = cull__sqlite_lock(log);
    struct cull__meta meta;
    cull_status status;

    if (sqlite->is_grouped) {
        status = cull__error_set(err, CULL_E_USAGE, "%s: a group has begun", sqlite->name);
    } else if (sqlite->is_leader) { /* what it claims must be durable before it deletes */
        status = cull__error_set(err, CULL_E_BUSY, "%s: a collector is at work", sqlite->name);
    } else {
        status = cull__sqlite_begin(sqlite, true, &meta, err);
        sqlite->is_grouped = status == CULL_OK;
        sqlite->group_failure = CULL_OK;
    }
    cull__sqlite_unlock(sqlite);
    return status;
}

bool cull__sqlite_is_grouped(cull_log *log)
{
    struct cull__sqlite *sqlite = cull__sqlite_lock(log);
    bool is_grouped = sqlite->is_grouped;

    cull__sqlite_unlock(sqlite);
    return is_grouped;
}

cull_status cull__sqlite_group_end(cull_log *log, bool keep, cull_error *err)
{
    struct cull__sqlite *sqlite = cull__sqlite_lock(log);
    cull_status status = CULL_OK;

    if (!sqlite->is_grouped) {
        status = cull__error_set(err, CULL_E_USAGE, "%s: no group has begun", sqlite->name);
        cull__sqlite_unlock(sqlite);
        return status;
    }
    sqlite->is_grouped = false;
    if (keep && sqlite->group_failure == CULL_OK && !cull__sqlite_in_transaction(sqlite)) {
        /* SQLite rolls back by itself after some failures, a full disk among them */
        sqlite->group_failure = CULL_E_IO;
    }
    if (keep && sqlite->group_failure != CULL_OK) {
        status = cull__error_set(err, sqlite->group_failure, "%s: the group was given up: %s",
                                 sqlite->name, cull_strerror(sqlite->group_failure));
    }
    if (keep && status == CULL_OK) {
        status = cull__sqlite_end(sqlite, CULL_OK, err);
    } else {
        roll_back(sqlite);
    }
    cull__sqlite_unlock(sqlite);
    return status;
}
