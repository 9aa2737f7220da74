/*
 * sqlite_audit.c - cutting the log into the audit, and reading the audit.
 *
 * SHAPE     A row of the audit is about 1 MiB of batches, deflated, with its instants and a hash.
 * INVARIANT The audit's rows follow each other without gaps and end where the log begins; only a
 *           first part of them is ever dropped.
 * COST      Batches are read and deflated a row at a time outside the writing transaction (facts
 *           never change), so a writer waits for the inserts and the delete only. What was
 *           deflated is held in memory until then.
 * FAILURE   All or nothing: one transaction moves the facts. CULL_E_BUSY if another process cut
 *           meanwhile; the lock of the writer of checkpoints prevents that.
 */
#include "log/sqlite_handle.h"
#include "log/audit_pack.h"
#include "log/segments.h"

#include <inttypes.h>

struct audit_row {
    uint64_t numbers[4]; /* first seq, last seq, first instant, last instant */
    size_t offset, len;  /* in the packed bytes */
};

struct cut {
    uint64_t from;  /* the log's cut_seq when it began */
    uint64_t to;    /* cut up to here */
    uint64_t bytes; /* of the batches cut */
    struct cull__pack pack;
    struct cull__buf packed;
    struct audit_row *rows;
    size_t rows_count, rows_capacity;
};

/* --- packing ------------------------------------------------------------------------------ */

static cull_status pack_visit(void *ctx, uint64_t first_seq, uint32_t fact_count, uint64_t now_ms,
                              const void *data, size_t len, cull_error *err)
{
    struct cut *cut = (struct cut *)ctx;

    cull__pack_add(&cut->pack, first_seq, fact_count, now_ms, data, len);
    cut->bytes += len;
    if (cut->pack.raw.failed) {
        return cull__error_nomem(err);
    }
    return cut->pack.raw.len < CULL__PACK_BYTES ? CULL_OK : CULL_E_CANCELLED; /* full */
}

/* Fill the pack with batches after cut->to, up to seq. */
static cull_status pack_fill(cull_log *log, struct cut *cut, uint64_t seq, cull_error *err)
{
    struct cull__sqlite *sqlite = cull__sqlite_lock(log);
    struct cull__meta meta;
    cull_status status = cull__sqlite_begin(sqlite, false, &meta, err);

    if (status == CULL_OK) {
        status = cull__sqlite_batches(sqlite, cut->to, seq, &cut->to, pack_visit, cut, err);
        status = cull__sqlite_end(sqlite, status == CULL_E_CANCELLED ? CULL_OK : status, err);
    }
    cull__sqlite_unlock(sqlite);
    return status;
}

static uint64_t instant(uint64_t ms)
{
    return ms > (uint64_t)INT64_MAX ? (uint64_t)INT64_MAX : ms; /* rows are compared by it */
}

static cull_status pack_finish(struct cut *cut, const cull_allocator *allocator, cull_error *err)
{
    void *rows = cut->rows;
    struct audit_row row = { .numbers = { cut->pack.first_seq, cut->pack.last_seq,
                                          instant(cut->pack.first_ms), instant(cut->pack.last_ms) },
                             .offset = cut->packed.len };
    cull_status status = cull__reserve(allocator, &rows, &cut->rows_capacity, cut->rows_count + 1,
                                       sizeof(struct audit_row));

    cut->rows = rows;
    if (status != CULL_OK) {
        return cull__error_nomem(err);
    }
    status = cull__pack_deflate(&cut->packed, &cut->pack, err);
    if (status == CULL_OK) {
        row.len = cut->packed.len - row.offset;
        cut->rows[cut->rows_count++] = row;
    }
    return status;
}

/* --- cut ---------------------------------------------------------------------------------- */

static cull_status audit_row_put(struct cull__sqlite *log, const struct audit_row *row,
                                 const uint8_t *data, cull_error *err)
{
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(log, CULL__SQL_AUDIT_ADD, &status, err);
    bool there;
    int code;

    if (statement == NULL) {
        return status;
    }
    for (int i = 0; i < 4; i++) {
        cull__sqlite_bind_number(statement, i + 1, row->numbers[i]);
    }
    cull__sqlite_bind_number(statement, 5, cull__row_hash(row->numbers, 4, data, row->len));
    code = cull__sqlite_bind_bytes(statement, 6, data, row->len);
    if (code != SQLITE_OK) {
        return cull__sqlite_error(log, code, err);
    }
    return cull__sqlite_step(log, statement, &there, err);
}

static cull_status cut_inside(struct cull__sqlite *log, const struct cull__meta *meta,
                              const struct cut *cut, uint64_t audit_before_ms, cull_error *err)
{
    uint64_t before = instant(audit_before_ms);
    uint64_t numbers[2] = { cut->to, meta->cut_bytes + cut->bytes };
    cull_status status = CULL_OK;

    if (meta->cut_seq != cut->from) {
        return cull__error_set(err, CULL_E_BUSY, "%s: another process cuts the log", log->name);
    }
    for (size_t i = 0; status == CULL_OK && i < cut->rows_count; i++) {
        status = audit_row_put(log, &cut->rows[i], cut->packed.data + cut->rows[i].offset, err);
    }
    if (status == CULL_OK) {
        status = cull__sqlite_run(log, CULL__SQL_LOG_CUT, &cut->to, 1, err);
    }
    if (status == CULL_OK) {
        status = cull__sqlite_run(log, CULL__SQL_META_CUT, numbers, 2, err);
    }
    if (status == CULL_OK) {
        status = cull__sqlite_run(log, CULL__SQL_AUDIT_DROP, &before, 1, err);
    }
    if (status == CULL_OK) {
        status = cull__sqlite_checkpoint_trim(log, cut->to, err);
    }
    return status;
}

/* Where the log begins now; seq is lowered to where it ends. */
static cull_status cut_begin(cull_log *log, struct cut *cut, uint64_t *seq, cull_error *err)
{
    struct cull__sqlite *sqlite = cull__sqlite_lock(log);
    struct cull__meta meta;
    cull_status status = cull__sqlite_meta(sqlite, &meta, err);

    if (status == CULL_OK) {
        cut->from = cut->to = meta.cut_seq;
        *seq = *seq > meta.seq ? meta.seq : *seq;
    }
    cull__sqlite_unlock(sqlite);
    return status;
}

cull_status cull__sqlite_cut(cull_log *log, uint64_t seq, uint64_t audit_before_ms, cull_error *err)
{
    struct cut cut = { .pack = CULL__PACK_INIT(log->allocator),
                       .packed = CULL__BUF_INIT(log->allocator) };
    struct cull__sqlite *sqlite;
    struct cull__meta meta;
    cull_status status = cut_begin(log, &cut, &seq, err);

    while (status == CULL_OK && cut.to < seq) {
        status = pack_fill(log, &cut, seq, err);
        if (status == CULL_OK && cut.pack.raw.len == 0) {
            break; /* the next batch ends after seq */
        }
        if (status == CULL_OK) {
            status = pack_finish(&cut, log->allocator, err);
        }
    }
    if (status != CULL_OK) {
        goto done;
    }
    sqlite = cull__sqlite_lock(log);
    status = cull__sqlite_begin(sqlite, true, &meta, err);
    if (status == CULL_OK) {
        status = cut_inside(sqlite, &meta, &cut, audit_before_ms, err);
        status = cull__sqlite_end(sqlite, status, err);
    }
    cull__sqlite_unlock(sqlite);
done:
    cull__free(log->allocator, cut.rows);
    cull__buf_release(&cut.packed);
    cull__buf_release(&cut.pack.raw);
    return status;
}

/* --- read --------------------------------------------------------------------------------- */

static cull_status audit_row_visit(struct cull__sqlite *log, sqlite3_stmt *statement,
                                   uint64_t *next, cull__batch_visit_fn visit, void *ctx,
                                   cull_error *err)
{
    uint64_t numbers[4];
    const void *data;
    size_t len;
    bool damaged = false;
    cull_status status;

    for (int i = 0; i < 4; i++) {
        numbers[i] = cull__sqlite_number(statement, i);
    }
    data = cull__sqlite_bytes(log, statement, 5, &len, &status, err);
    if (status != CULL_OK) {
        return status;
    }
    if (*next != 0 && numbers[0] != *next) {
        return cull__sqlite_corrupt(log, err, "fact %" PRIu64 " is missing in the audit", *next);
    }
    if (numbers[1] < numbers[0] || numbers[1] > (uint64_t)INT64_MAX ||
        cull__sqlite_number(statement, 4) != cull__row_hash(numbers, 4, data, len)) {
        damaged = true;
    } else {
        status = cull__pack_visit(data, len, numbers[0], numbers[1], log->base.allocator, visit,
                                  ctx, &damaged, err);
    }
    if (damaged) {
        return cull__sqlite_corrupt(log, err, "the audit at fact %" PRIu64 " is damaged",
                                    numbers[0]);
    }
    *next = numbers[1] + 1;
    return status;
}

static cull_status audit_visit(struct cull__sqlite *log, uint64_t cut_seq,
                               cull__batch_visit_fn visit, void *ctx, cull_error *err)
{
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(log, CULL__SQL_AUDIT_READ, &status, err);
    uint64_t next = 0; /* 0: the first row, which may begin anywhere */

    while (statement != NULL && status == CULL_OK) {
        bool row;

        status = cull__sqlite_step(log, statement, &row, err);
        if (status != CULL_OK || !row) {
            break;
        }
        status = audit_row_visit(log, statement, &next, visit, ctx, err);
    }
    (void)sqlite3_reset(statement);
    if (status == CULL_OK && next != 0 && next != cut_seq + 1) {
        status = cull__sqlite_corrupt(log, err, "fact %" PRIu64 " is missing in the audit", next);
    }
    return status;
}

cull_status cull__sqlite_audit_read(cull_log *log, cull__batch_visit_fn visit, void *ctx,
                                    cull_error *err)
{
    struct cull__sqlite *sqlite = cull__sqlite_lock(log);
    struct cull__meta meta;
    cull_status status = cull__sqlite_begin(sqlite, false, &meta, err);

    if (status == CULL_OK) {
        status = audit_visit(sqlite, meta.cut_seq, visit, ctx, err);
        status = cull__sqlite_end(sqlite, status, err);
    }
    cull__sqlite_unlock(sqlite);
    return status;
}
