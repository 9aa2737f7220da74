/*
 * sqlite_log.c - the log in one SQLite file: append, read, figures.
 *
 * SHAPE     A batch is one row: first seq, count, instant, bytes before it, hash, facts. The table
 *           meta has one row with seq and reader_min. Documents: sqlite_document.c.
 * INVARIANT Rows follow each other without gaps from cut_seq to seq; each carries the hash of
 *           itself, its numbers included, so a row is neither altered nor moved unseen.
 * COST      append: one transaction, one sync of the write-ahead log. head: one row of one page.
 *           read: streaming, a row at a time. tail_bytes: one look-up, because each row knows the
 *           bytes before it.
 * FAILURE   On a full disk what gives room back is tried once more, with the ballast given up for it.
 *           The seq is compared under BEGIN IMMEDIATE: there is no window between look and write.
 *           reader_min is read in the same transaction, so an older program stops in time.
 * THREADS   Any number on one handle, one at a time; several processes through SQLite's own locks.
 * WHY NOT   A row per fact: ten times slower. mmap: a file cut short by somebody else is then a
 *           signal instead of a status.
 */
#include "log/sqlite_handle.h"
#include "log/segments.h"

#include <inttypes.h>

/* --- append ------------------------------------------------------------------------------- */

static cull_status row_add(struct cull__sqlite *log, const struct cull__meta *meta,
                           const struct cull__batch *batch, cull_error *err)
{
    uint64_t numbers[4] = { meta->seq + 1, batch->fact_count, batch->now_ms, meta->bytes };
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(log, CULL__SQL_LOG_ADD, &status, err);
    bool row;
    int code;

    if (statement == NULL) {
        return status;
    }
    for (int i = 0; i < 4; i++) {
        cull__sqlite_bind_number(statement, i + 1, numbers[i]);
    }
    cull__sqlite_bind_number(statement, 5, cull__row_hash(numbers, 4, batch->data, batch->len));
    code = cull__sqlite_bind_bytes(statement, 6, batch->data, batch->len);
    if (code != SQLITE_OK) {
        return cull__sqlite_error(log, code, err);
    }
    return cull__sqlite_step(log, statement, &row, err);
}

static cull_status append_inside(struct cull__sqlite *log, const struct cull__meta *meta,
                                 const struct cull__batch *batch, cull_error *err)
{
    uint64_t reader_min =
        batch->reader_min > meta->reader_min ? batch->reader_min : meta->reader_min;
    uint64_t numbers[3] = { meta->seq + batch->fact_count, meta->bytes + batch->len, reader_min };
    cull_status status = row_add(log, meta, batch, err);

    for (size_t i = 0; status == CULL_OK && i < batch->document_count; i++) {
        status = cull__sqlite_document_write(log, &batch->documents[i], err);
    }
    if (status == CULL_OK) {
        status = cull__sqlite_run(log, CULL__SQL_META_APPEND, numbers, 3, err);
    }
    return status;
}

static cull_status append_once(struct cull__sqlite *log, uint64_t expected_seq,
                               const struct cull__batch *batch, cull_error *err)
{
    struct cull__meta meta;
    cull_status status = cull__sqlite_begin(log, true, &meta, err);

    if (status != CULL_OK) {
        return status;
    }
    if (meta.seq != expected_seq) {
        status = cull__error_set(err, CULL_E_MOVED, "%s: at fact %" PRIu64 ", not %" PRIu64,
                                 log->name, meta.seq, expected_seq);
    } else {
        status = append_inside(log, &meta, batch, err);
    }
    return cull__sqlite_end(log, status, err);
}

/* Make room for an append: by the ballast, and by moving what the write-ahead log holds into the file,
 * after which it is written from its beginning again. */
static void make_room(struct cull__sqlite *log)
{
    cull__ballast_give(log);
    if (log->db != NULL) {
        (void)sqlite3_wal_checkpoint_v2(log->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    }
}

static cull_status sqlite_append(cull_log *log, uint64_t expected_seq,
                                 const struct cull__batch *batch, uint64_t *seq, cull_error *err)
{
    cull_status status = cull__batch_check(expected_seq, batch, err);
    struct cull__sqlite *sqlite;

    if (status != CULL_OK) {
        return status;
    }
    sqlite = cull__sqlite_lock(log);
    status = append_once(sqlite, expected_seq, batch, err);
    if (status == CULL_E_NOSPACE && batch->gives_room && !sqlite->is_grouped) {
        make_room(sqlite);
        status = append_once(sqlite, expected_seq, batch, err);
    }
    if (status == CULL_OK) {
        *seq = expected_seq + batch->fact_count;
    }
    cull__sqlite_unlock(sqlite);
    return status;
}

/* --- read --------------------------------------------------------------------------------- */

static cull_status sqlite_head(cull_log *log, uint64_t *seq, cull_error *err)
{
    struct cull__sqlite *sqlite = cull__sqlite_lock(log);
    struct cull__meta meta;
    cull_status status = cull__sqlite_meta(sqlite, &meta, err);

    if (status == CULL_OK) {
        *seq = meta.seq;
    }
    cull__sqlite_unlock(sqlite);
    return status;
}

struct row {
    uint64_t numbers[4]; /* first seq, facts, instant, bytes before */
    const void *data;
    size_t len;
};

/* Take one row and check it: it begins at next and its hash is right. */
static cull_status row_take(struct cull__sqlite *log, sqlite3_stmt *statement, uint64_t next,
                            struct row *row, cull_error *err)
{
    cull_status status;

    for (int i = 0; i < 4; i++) {
        row->numbers[i] = cull__sqlite_number(statement, i);
    }
    if (row->numbers[0] != next) {
        return cull__sqlite_corrupt(log, err, "fact %" PRIu64 " is missing", next);
    }
    row->data = cull__sqlite_bytes(log, statement, 5, &row->len, &status, err);
    if (status != CULL_OK) {
        return status;
    }
    if (row->numbers[1] == 0 || row->numbers[1] > UINT32_MAX || row->len > CULL__BATCH_BYTES_MAX ||
        cull__sqlite_number(statement, 4) != cull__row_hash(row->numbers, 4, row->data, row->len)) {
        return cull__sqlite_corrupt(log, err, "the batch at fact %" PRIu64 " is damaged", next);
    }
    return CULL_OK;
}

cull_status cull__sqlite_batches(struct cull__sqlite *log, uint64_t since, uint64_t until,
                                 uint64_t *end, cull__batch_visit_fn visit, void *ctx,
                                 cull_error *err)
{
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(log, CULL__SQL_LOG_READ, &status, err);

    *end = since;
    if (statement == NULL) {
        return status;
    }
    cull__sqlite_bind_number(statement, 1, since);
    while (status == CULL_OK) {
        struct row row;
        bool there;

        status = cull__sqlite_step(log, statement, &there, err);
        if (status != CULL_OK || !there) {
            break;
        }
        status = row_take(log, statement, *end + 1, &row, err);
        if (status != CULL_OK || row.numbers[1] > until - *end) {
            break;
        }
        status = visit(ctx, row.numbers[0], (uint32_t)row.numbers[1], row.numbers[2], row.data,
                       row.len, err);
        *end += row.numbers[1];
    }
    (void)sqlite3_reset(statement);
    return status;
}

/* Whether since is a place that reading may start at. */
static cull_status since_check(struct cull__sqlite *log, const struct cull__meta *meta,
                               uint64_t since, cull_error *err)
{
    if (since < meta->cut_seq) {
        return cull__error_set(err, CULL_E_MOVED, "%s: facts up to %" PRIu64 " were cut", log->name,
                               meta->cut_seq);
    }
    if (since > meta->seq) {
        return cull__sqlite_corrupt(log, err, "ends at fact %" PRIu64 ", before %" PRIu64,
                                    meta->seq, since);
    }
    return CULL_OK;
}

static cull_status sqlite_read(cull_log *log, uint64_t since, cull__batch_visit_fn visit, void *ctx,
                               cull_error *err)
{
    struct cull__sqlite *sqlite = cull__sqlite_lock(log);
    struct cull__meta meta;
    uint64_t end = 0;
    cull_status status = cull__sqlite_begin(sqlite, false, &meta, err);

    if (status != CULL_OK) {
        goto done;
    }
    status = since_check(sqlite, &meta, since, err);
    if (status == CULL_OK && since < meta.seq) {
        status = cull__sqlite_batches(sqlite, since, meta.seq, &end, visit, ctx, err);
        if (status == CULL_OK && end != meta.seq) {
            status = cull__sqlite_corrupt(sqlite, err, "fact %" PRIu64 " is missing", end + 1);
        }
    }
    status = cull__sqlite_end(sqlite, status, err);
done:
    cull__sqlite_unlock(sqlite);
    return status;
}

/* Bytes before the batch that begins after since. */
static cull_status start_bytes(struct cull__sqlite *log, uint64_t since, uint64_t *bytes,
                               cull_error *err)
{
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(log, CULL__SQL_LOG_START, &status, err);
    bool row;

    if (statement == NULL) {
        return status;
    }
    cull__sqlite_bind_number(statement, 1, since + 1);
    status = cull__sqlite_step(log, statement, &row, err);
    if (status == CULL_OK && !row) {
        status = cull__sqlite_corrupt(log, err, "no batch begins at fact %" PRIu64, since + 1);
    }
    if (status == CULL_OK) {
        *bytes = cull__sqlite_number(statement, 0);
    }
    (void)sqlite3_reset(statement);
    return status;
}

static cull_status sqlite_tail_bytes(cull_log *log, uint64_t since, uint64_t *bytes,
                                     cull_error *err)
{
    struct cull__sqlite *sqlite = cull__sqlite_lock(log);
    struct cull__meta meta;
    uint64_t start = 0;
    cull_status status = cull__sqlite_begin(sqlite, false, &meta, err);

    if (status != CULL_OK) {
        goto done;
    }
    start = meta.bytes;
    status = since_check(sqlite, &meta, since, err);
    if (status == CULL_OK && since < meta.seq) {
        status = start_bytes(sqlite, since, &start, err);
    }
    if (status == CULL_OK && start > meta.bytes) {
        status = cull__sqlite_corrupt(sqlite, err, "the batch at fact %" PRIu64 " is damaged",
                                      since + 1);
    }
    status = cull__sqlite_end(sqlite, status, err);
    if (status == CULL_OK) {
        *bytes = meta.bytes - start;
    }
done:
    cull__sqlite_unlock(sqlite);
    return status;
}

/* --- figures ------------------------------------------------------------------------------ */

static cull_status stat_inside(struct cull__sqlite *log, const struct cull__meta *meta,
                               struct cull__log_stat *out, cull_error *err)
{
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(log, CULL__SQL_STAT, &status, err);
    bool row = false;

    if (statement != NULL) {
        status = cull__sqlite_step(log, statement, &row, err);
    }
    if (status != CULL_OK || !row) {
        return status;
    }
    out->seq = meta->seq;
    out->cut_seq = meta->cut_seq;
    out->log_bytes = meta->bytes - meta->cut_bytes;
    out->document_count = cull__sqlite_number(statement, 0);
    out->document_bytes = cull__sqlite_number(statement, 1);
    out->checkpoint_bytes = cull__sqlite_number(statement, 2);
    out->audit_bytes = cull__sqlite_number(statement, 3);
    (void)sqlite3_reset(statement);
    return CULL_OK;
}

static cull_status sqlite_stat(cull_log *log, struct cull__log_stat *out, cull_error *err)
{
    struct cull__sqlite *sqlite = cull__sqlite_lock(log);
    struct cull__meta meta;
    cull_status status;

    *out = (struct cull__log_stat){ 0 };
    status = cull__sqlite_begin(sqlite, false, &meta, err);
    if (status == CULL_OK) {
        status = cull__sqlite_end(sqlite, stat_inside(sqlite, &meta, out, err), err);
    }
    cull__sqlite_unlock(sqlite);
    return status;
}

const struct cull__log_ops cull__sqlite_ops = {
    .name = "sqlite",
    .append = sqlite_append,
    .head = sqlite_head,
    .read = sqlite_read,
    .tail_bytes = sqlite_tail_bytes,
    .document_pieces = cull__sqlite_document_pieces,
    .checkpoint_put = cull__sqlite_checkpoint_put,
    .checkpoint_get = cull__sqlite_checkpoint_get,
    .checkpoint_size = cull__sqlite_checkpoint_size,
    .maintain_lock = cull__sqlite_maintain_lock,
    .cut = cull__sqlite_cut,
    .audit_read = cull__sqlite_audit_read,
    .leader = cull__sqlite_leader,
    .group_begin = cull__sqlite_group_begin,
    .group_end = cull__sqlite_group_end,
    .is_grouped = cull__sqlite_is_grouped,
    .stat = sqlite_stat,
    .close = cull__sqlite_close,
};
