/*
 * sqlite_document.c - documents in cull.db: a version's stored manifest, a row by its id.
 *
 * SHAPE     A row has the hash of id and bytes. What is in memory is bound as it is; what is not is
 *           written into a row of zeros in pieces, and long documents are read in pieces.
 * INVARIANT A document is there or gone with the batch that it came with: one transaction.
 * COST      A long one takes PIECE_BYTES of memory, and one pass more over it for its hash.
 * FAILURE   A wrong hash is CULL_E_CORRUPT; of a long document it is told after its last piece.
 */
#include "log/sqlite_handle.h"
#include "log/segments.h"

#include <inttypes.h>

#include "base/hash.h"

#define PIECE_BYTES ((size_t)256 * 1024)

/* --- writing -------------------------------------------------------------------------------- */

/* Give a document that is not in memory to take, piece by piece. */
static cull_status each_piece(struct cull__sqlite *log, const struct cull__document *document,
                              cull_status (*take)(void *ctx, uint64_t at, const uint8_t *data,
                                                  size_t len, cull_error *err),
                              void *ctx, cull_error *err)
{
    uint8_t *piece = cull__alloc(log->base.allocator, PIECE_BYTES, 1);
    cull_status status = piece == NULL ? cull__error_nomem(err) : CULL_OK;

    for (uint64_t at = 0; status == CULL_OK && at < document->len;) {
        size_t len = document->len - at < PIECE_BYTES ? document->len - (size_t)at : PIECE_BYTES;

        status = document->read(document->ctx, at, piece, len, err);
        if (status == CULL_OK) {
            status = take(ctx, at, piece, len, err);
        }
        at += len;
    }
    cull__free(log->base.allocator, piece);
    return status;
}

static cull_status take_hash(void *ctx, uint64_t at, const uint8_t *data, size_t len,
                             cull_error *err)
{
    (void)at;
    (void)err;
    (void)XXH3_64bits_update(ctx, data, len);
    return CULL_OK;
}

struct blob_writer {
    struct cull__sqlite *log;
    sqlite3_blob *blob;
};

static cull_status take_write(void *ctx, uint64_t at, const uint8_t *data, size_t len,
                              cull_error *err)
{
    struct blob_writer *writer = ctx;
    int code = sqlite3_blob_write(writer->blob, data, (int)len, (int)at);

    return code == SQLITE_OK ? CULL_OK : cull__sqlite_error(writer->log, code, err);
}

/* The row: hash, and the bytes or as many zeros. */
static cull_status put_row(struct cull__sqlite *log, const struct cull__document *document,
                           uint64_t hash, cull_error *err)
{
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(log, CULL__SQL_DOCUMENT_PUT, &status, err);
    bool row;
    int code;

    if (statement == NULL) {
        return status;
    }
    cull__sqlite_bind_number(statement, 1, document->id);
    cull__sqlite_bind_number(statement, 2, hash);
    code = document->data != NULL
               ? cull__sqlite_bind_bytes(statement, 3, document->data, document->len)
               : sqlite3_bind_zeroblob64(statement, 3, document->len);
    if (code != SQLITE_OK) {
        return cull__sqlite_error(log, code, err);
    }
    return cull__sqlite_step(log, statement, &row, err);
}

static cull_status put_pieces(struct cull__sqlite *log, const struct cull__document *document,
                              cull_error *err)
{
    struct blob_writer writer = { log, NULL };
    XXH3_state_t hash;
    cull_status status;
    int code;

    XXH3_INITSTATE(&hash);
    (void)XXH3_64bits_reset_withSeed(&hash, cull__row_seed(&document->id, 1));
    status = each_piece(log, document, take_hash, &hash, err);
    if (status == CULL_OK) {
        status = put_row(log, document, XXH3_64bits_digest(&hash), err);
    }
    if (status != CULL_OK) {
        return status;
    }
    code = sqlite3_blob_open(log->db, "main", "document", "data", (sqlite3_int64)document->id, 1,
                             &writer.blob);
    if (code != SQLITE_OK) {
        return cull__sqlite_error(log, code, err);
    }
    status = each_piece(log, document, take_write, &writer, err);
    code = sqlite3_blob_close(writer.blob);
    return status == CULL_OK && code != SQLITE_OK ? cull__sqlite_error(log, code, err) : status;
}

cull_status cull__sqlite_document_write(struct cull__sqlite *log,
                                        const struct cull__document *document, cull_error *err)
{
    if (cull__document_is_removal(document)) {
        return cull__sqlite_run(log, CULL__SQL_DOCUMENT_REMOVE, &document->id, 1, err);
    }
    if (document->data == NULL) {
        return put_pieces(log, document, err);
    }
    return put_row(log, document, cull__row_hash(&document->id, 1, document->data, document->len),
                   err);
}

/* --- reading -------------------------------------------------------------------------------- */

static cull_status damaged(struct cull__sqlite *log, uint64_t id, cull_error *err)
{
    return cull__sqlite_corrupt(log, err, "document %" PRIu64 " is damaged", id);
}

/* A long document, read in place. The statement that found its row is at it still, and with it the
 * state of the file that it was found in. */
static cull_status read_pieces(struct cull__sqlite *log, uint64_t id, size_t len, uint64_t hash,
                               cull__piece_fn take, void *ctx, cull_error *err)
{
    uint8_t *piece = cull__alloc(log->base.allocator, PIECE_BYTES, 1);
    cull_status status = CULL_OK;
    sqlite3_blob *blob = NULL;
    XXH3_state_t state;
    int code;

    if (piece == NULL) {
        return cull__error_nomem(err);
    }
    XXH3_INITSTATE(&state);
    (void)XXH3_64bits_reset_withSeed(&state, cull__row_seed(&id, 1));
    code = sqlite3_blob_open(log->db, "main", "document", "data", (sqlite3_int64)id, 0, &blob);
    if (code == SQLITE_OK && (size_t)sqlite3_blob_bytes(blob) != len) {
        status = damaged(log, id, err);
    }
    for (size_t at = 0; code == SQLITE_OK && status == CULL_OK && at < len; at += PIECE_BYTES) {
        size_t some = len - at < PIECE_BYTES ? len - at : PIECE_BYTES;

        code = sqlite3_blob_read(blob, piece, (int)some, (int)at);
        if (code == SQLITE_OK) {
            (void)XXH3_64bits_update(&state, piece, some);
            status = take(ctx, piece, some, err);
        }
    }
    if (code != SQLITE_OK) {
        status = cull__sqlite_error(log, code, err);
    } else if (status == CULL_OK && XXH3_64bits_digest(&state) != hash) {
        status = damaged(log, id, err);
    }
    (void)sqlite3_blob_close(blob);
    cull__free(log->base.allocator, piece);
    return status;
}

static cull_status read_row(struct cull__sqlite *log, sqlite3_stmt *statement, uint64_t id,
                            cull__piece_fn take, void *ctx, cull_error *err)
{
    uint64_t hash = cull__sqlite_number(statement, 0);
    size_t len = (size_t)cull__sqlite_number(statement, 1);
    cull_status status;
    const void *data;
    size_t data_len;

    if (sqlite3_column_type(statement, 2) == SQLITE_NULL) {
        return read_pieces(log, id, len, hash, take, ctx, err);
    }
    data = cull__sqlite_bytes(log, statement, 2, &data_len, &status, err);
    if (status != CULL_OK) {
        return status;
    }
    return hash == cull__row_hash(&id, 1, data, data_len) ? take(ctx, data, data_len, err)
                                                          : damaged(log, id, err);
}

cull_status cull__sqlite_document_pieces(cull_log *log, uint64_t id, cull__piece_fn take, void *ctx,
                                         cull_error *err)
{
    struct cull__sqlite *sqlite = cull__sqlite_lock(log);
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(sqlite, CULL__SQL_DOCUMENT_GET, &status, err);
    bool row = false;

    if (statement != NULL) {
        cull__sqlite_bind_number(statement, 1, id);
        status = cull__sqlite_step(sqlite, statement, &row, err);
        if (status == CULL_OK && !row) {
            status =
                cull__error_set(err, CULL_E_NOTFOUND, "%s: no document %" PRIu64, sqlite->name, id);
        }
        if (status == CULL_OK) {
            status = read_row(sqlite, statement, id, take, ctx, err);
        }
        (void)sqlite3_reset(statement);
    }
    cull__sqlite_unlock(sqlite);
    return status;
}
