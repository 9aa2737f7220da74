/*
 * sqlite_checkpoint.c - the rooms' checkpoints as listings and shared segments.
 *
 * SHAPE     A checkpoint is a row with a listing; a listing names segments; a segment is a row
 *           found by its XXH3-128. An unchanged segment is found there and not written again.
 * INVARIANT Every segment that a kept listing names is there; what no listing names is dropped in
 *           the transaction that made it so.
 * COST      put: hashing before the transaction, then the new segments, twice through SQLite's
 *           write-ahead log. get: one read and one hash of every byte, into place, no copy between; of
 *           what is large by threads (sqlite_places.c). Fresh pages of 4 KiB cost as much as copying
 *           does. Huge ones cost less where they were in use a moment ago; where a virtual machine's host
 *           takes free memory back, as from a command that is run now and then, reading into them took
 *           four times as long (0.4 s instead of 0.1 for 275 MB). So they are asked for when all is read.
 * FAILURE   A wrong hash is CULL_E_CORRUPT and is remembered, and so is what the system refuses to
 *           read: a segment that two checkpoints share would else damage each later one that finds
 *           it there. From then on this handle reads what it shares, writes anew what is wrong, and
 *           removes listings that do not decode.
 *           While any listing does not decode, no segment is dropped: nobody knows what it named.
 * WHY NOT   sqlite3_column_blob for segments: it copies twice. WITHOUT ROWID: sqlite3_blob needs one.
 */
#include "log/sqlite_handle.h"
#include "log/segments.h"
#include "base/pages.h"

#include <inttypes.h>
#include <stdlib.h>

#define HUGE_COLUMN_BYTES (4u << 20)
#define NARROW_BYTES_MIN (256u << 10)
#define HASTENED_BYTES_MIN (4u << 20) /* fewer are read before a thread has started */

/* --- segments ----------------------------------------------------------------------------- */

static cull_status segment_find(struct cull__sqlite *log, const uint8_t *name, bool *there,
                                uint64_t *id, cull_error *err)
{
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(log, CULL__SQL_SEGMENT_FIND, &status, err);

    *there = false;
    if (statement == NULL) {
        return status;
    }
    if (cull__sqlite_bind_bytes(statement, 1, name, CULL__SEGMENT_NAME_LEN) != SQLITE_OK) {
        return cull__error_nomem(err);
    }
    status = cull__sqlite_step(log, statement, there, err);
    if (status == CULL_OK && *there) {
        *id = cull__sqlite_number(statement, 0);
        (void)sqlite3_reset(statement);
    }
    return status;
}

/* Read the row's bytes into data; *right says whether they are the ones that the name says. */
static cull_status segment_read(struct cull__sqlite *log, sqlite3_blob **blob, uint64_t id,
                                const uint8_t *name, uint8_t *data, size_t len, bool *right,
                                cull_error *err)
{
    uint8_t read_name[CULL__SEGMENT_NAME_LEN];
    int code = *blob == NULL ? sqlite3_blob_open(log->db, "main", "segment", "data",
                                                 (sqlite3_int64)id, 0, blob)
                             : sqlite3_blob_reopen(*blob, (sqlite3_int64)id);

    *right = false;
    if (code == SQLITE_OK && (size_t)sqlite3_blob_bytes(*blob) != len) {
        return CULL_OK;
    }
    if (code == SQLITE_OK) {
        code = sqlite3_blob_read(*blob, data, (int)len, 0);
    }
    if (code != SQLITE_OK) {
        return cull__sqlite_error(log, code, err);
    }
    cull__segment_name(read_name, data, len);
    *right = memcmp(read_name, name, sizeof read_name) == 0;
    return CULL_OK;
}

/* Whether the row of that id holds the segment's bytes; damage that SQLite itself meets and what
 * cannot be read count as no, so that it is written anew. */
static cull_status segment_is_whole(struct cull__sqlite *log, uint64_t id, const uint8_t *name,
                                    size_t len, bool *whole, cull_error *err)
{
    uint8_t *scratch = cull__alloc(log->base.allocator, len, 1);
    sqlite3_blob *blob = NULL;
    cull_status status;

    if (scratch == NULL) {
        return cull__error_nomem(err);
    }
    status = segment_read(log, &blob, id, name, scratch, len, whole, err);
    (void)sqlite3_blob_close(blob);
    cull__free(log->base.allocator, scratch);
    if ((status == CULL_E_CORRUPT || status == CULL_E_IO) && cull__sqlite_in_transaction(log)) {
        status = CULL_OK; /* the transaction has outlived it */
    }
    return status;
}

static cull_status segment_put(struct cull__sqlite *log, const uint8_t *name, const uint8_t *data,
                               size_t len, cull_error *err)
{
    uint64_t id = 0;
    bool there = false;
    sqlite3_stmt *statement;
    cull_status status = segment_find(log, name, &there, &id, err);

    if (status == CULL_OK && there && log->has_damage) {
        status = segment_is_whole(log, id, name, len, &there, err);
        if (status == CULL_OK && !there) {
            status = cull__sqlite_run(log, CULL__SQL_SEGMENT_DROP, &id, 1, err);
        }
    }
    if (status != CULL_OK || there) {
        return status;
    }
    statement = cull__sqlite_statement(log, CULL__SQL_SEGMENT_PUT, &status, err);
    if (statement == NULL) {
        return status;
    }
    if (cull__sqlite_bind_bytes(statement, 1, name, CULL__SEGMENT_NAME_LEN) != SQLITE_OK ||
        cull__sqlite_bind_bytes(statement, 2, data, len) != SQLITE_OK) {
        return cull__error_nomem(err);
    }
    return cull__sqlite_step(log, statement, &there, err);
}

static cull_status segments_put(struct cull__sqlite *log, const struct cull__listing *listing,
                                const struct cull__column *columns, cull_error *err)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; i < listing->column_count; i++) {
        const struct cull__listed_column *listed = &listing->columns[i];

        for (size_t k = 0; status == CULL_OK && k < listed->segment_count; k++) {
            status = segment_put(log, listed->names + k * CULL__SEGMENT_NAME_LEN,
                                 columns[i].data + k * listing->segment_bytes,
                                 cull__segment_len(listed->len, listing->segment_bytes, k), err);
        }
    }
    return status;
}

/* --- dropping ----------------------------------------------------------------------------- */

/* A row of room, seq and listing, decoded. CULL_E_CORRUPT: the listing is not a whole one. */
static cull_status row_decode(struct cull__sqlite *log, sqlite3_stmt *statement,
                              struct cull__listing *out, cull_error *err)
{
    cull_status status;
    const char *room = (const char *)sqlite3_column_text(statement, 0);
    uint64_t seq = cull__sqlite_number(statement, 1);
    size_t len;
    const void *data = cull__sqlite_bytes(log, statement, 2, &len, &status, err);

    *out = (struct cull__listing){ 0 };
    if (status == CULL_OK && room == NULL) {
        status = CULL_E_CORRUPT;
    }
    if (status == CULL_OK) {
        status = cull__listing_decode(out, room, data, len, log->base.allocator);
    }
    if (status == CULL_OK && out->seq != seq) {
        cull__listing_release(out, log->base.allocator);
        status = CULL_E_CORRUPT;
    }
    return status == CULL_E_NOMEM ? cull__error_nomem(err) : status;
}

static cull_status room_remove(struct cull__sqlite *log, const char *room, uint64_t seq,
                               cull_error *err)
{
    cull_status status;
    sqlite3_stmt *statement =
        cull__sqlite_statement(log, CULL__SQL_CHECKPOINT_REMOVE, &status, err);
    bool row;

    if (statement == NULL) {
        return status;
    }
    if (sqlite3_bind_text(statement, 1, room, -1, SQLITE_STATIC) != SQLITE_OK) {
        return cull__error_nomem(err);
    }
    cull__sqlite_bind_number(statement, 2, seq);
    return cull__sqlite_step(log, statement, &row, err);
}

/* Remove the room's listings that do not decode: they would stay the newest for ever. */
static cull_status room_mend(struct cull__sqlite *log, const char *room, cull_error *err)
{
    struct cull__buf seqs = CULL__BUF_INIT(log->base.allocator);
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(log, CULL__SQL_CHECKPOINT_ALL, &status, err);
    struct cull__cursor cursor;

    while (statement != NULL && status == CULL_OK) {
        struct cull__listing listing;
        const char *row_room;
        bool row;

        status = cull__sqlite_step(log, statement, &row, err);
        if (status != CULL_OK || !row) {
            break;
        }
        row_room = (const char *)sqlite3_column_text(statement, 0);
        if (row_room == NULL || strcmp(row_room, room) != 0) {
            continue;
        }
        status = row_decode(log, statement, &listing, err);
        cull__listing_release(&listing, log->base.allocator);
        if (status == CULL_E_CORRUPT) {
            cull__buf_u64(&seqs, cull__sqlite_number(statement, 1));
            status = seqs.failed ? cull__error_nomem(err) : CULL_OK;
        }
    }
    (void)sqlite3_reset(statement);
    cursor = cull__cursor(seqs.data, seqs.len);
    while (status == CULL_OK && cull__cursor_left(&cursor) > 0) {
        status = room_remove(log, room, cull__cursor_u64(&cursor), err);
    }
    cull__buf_release(&seqs);
    return status;
}

static int name_compare(const void *a, const void *b)
{
    return memcmp(a, b, CULL__SEGMENT_NAME_LEN);
}

/* The names in all kept listings, sorted; *all is false if one does not decode. */
static cull_status names_collect(struct cull__sqlite *log, struct cull__buf *names, bool *all,
                                 cull_error *err)
{
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(log, CULL__SQL_CHECKPOINT_ALL, &status, err);

    *all = true;
    while (statement != NULL && status == CULL_OK) {
        struct cull__listing listing;
        bool row;

        status = cull__sqlite_step(log, statement, &row, err);
        if (status != CULL_OK || !row) {
            break;
        }
        status = row_decode(log, statement, &listing, err);
        if (status == CULL_E_CORRUPT) {
            *all = false;
            status = CULL_OK;
        }
        for (size_t i = 0; i < listing.column_count; i++) {
            cull__buf_put(names, listing.columns[i].names,
                          listing.columns[i].segment_count * CULL__SEGMENT_NAME_LEN);
        }
        cull__listing_release(&listing, log->base.allocator);
    }
    (void)sqlite3_reset(statement);
    if (status == CULL_OK && names->failed) {
        status = cull__error_nomem(err);
    }
    if (status == CULL_OK && names->len > 0) {
        qsort(names->data, names->len / CULL__SEGMENT_NAME_LEN, CULL__SEGMENT_NAME_LEN,
              name_compare);
    }
    return status;
}

/* Ids of the segments that are not among the names. */
static cull_status unnamed_collect(struct cull__sqlite *log, const struct cull__buf *names,
                                   struct cull__buf *ids, cull_error *err)
{
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(log, CULL__SQL_SEGMENT_ALL, &status, err);

    while (statement != NULL && status == CULL_OK) {
        const void *name;
        size_t len;
        bool row;

        status = cull__sqlite_step(log, statement, &row, err);
        if (status != CULL_OK || !row) {
            break;
        }
        name = cull__sqlite_bytes(log, statement, 1, &len, &status, err);
        if (status == CULL_OK && (len != CULL__SEGMENT_NAME_LEN || names->len == 0 ||
                                  bsearch(name, names->data, names->len / CULL__SEGMENT_NAME_LEN,
                                          CULL__SEGMENT_NAME_LEN, name_compare) == NULL)) {
            cull__buf_u64(ids, cull__sqlite_number(statement, 0));
            status = ids->failed ? cull__error_nomem(err) : CULL_OK;
        }
    }
    (void)sqlite3_reset(statement);
    return status;
}

static cull_status segments_drop(struct cull__sqlite *log, cull_error *err)
{
    struct cull__buf names = CULL__BUF_INIT(log->base.allocator);
    struct cull__buf ids = CULL__BUF_INIT(log->base.allocator);
    struct cull__cursor cursor;
    bool all;
    cull_status status = names_collect(log, &names, &all, err);

    if (status == CULL_OK && all) {
        status = unnamed_collect(log, &names, &ids, err);
    }
    cursor = cull__cursor(ids.data, ids.len);
    while (status == CULL_OK && cull__cursor_left(&cursor) > 0) {
        uint64_t id = cull__cursor_u64(&cursor);

        status = cull__sqlite_run(log, CULL__SQL_SEGMENT_DROP, &id, 1, err);
    }
    cull__buf_release(&ids);
    cull__buf_release(&names);
    return status;
}

/* --- put ---------------------------------------------------------------------------------- */

static cull_status listing_put(struct cull__sqlite *log, const char *room,
                               const struct cull__listing *listing, const struct cull__buf *bytes,
                               cull_error *err)
{
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(log, CULL__SQL_CHECKPOINT_PUT, &status, err);
    bool row;

    if (statement == NULL) {
        return status;
    }
    cull__sqlite_bind_number(statement, 2, listing->seq);
    cull__sqlite_bind_number(statement, 3, listing->bytes);
    if (sqlite3_bind_text(statement, 1, room, -1, SQLITE_STATIC) != SQLITE_OK ||
        cull__sqlite_bind_bytes(statement, 4, bytes->data, bytes->len) != SQLITE_OK) {
        return cull__error_nomem(err);
    }
    return cull__sqlite_step(log, statement, &row, err);
}

cull_status cull__sqlite_checkpoint_trim(struct cull__sqlite *log, uint64_t cut_seq,
                                         cull_error *err)
{
    uint64_t numbers[2] = { cut_seq, CULL__CHECKPOINTS_KEPT };
    cull_status status = cull__sqlite_run(log, CULL__SQL_CHECKPOINT_TRIM, numbers, 2, err);

    return status == CULL_OK ? segments_drop(log, err) : status;
}

/* Seq and bytes of the room's newest checkpoint. */
static cull_status newest(struct cull__sqlite *log, const char *room, bool *there, uint64_t *seq,
                          uint64_t *bytes, cull_error *err)
{
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(log, CULL__SQL_CHECKPOINT_SIZE, &status, err);

    *there = false;
    *seq = *bytes = 0;
    if (statement == NULL) {
        return status;
    }
    if (sqlite3_bind_text(statement, 1, room, -1, SQLITE_STATIC) != SQLITE_OK) {
        return cull__error_nomem(err);
    }
    status = cull__sqlite_step(log, statement, there, err);
    if (status == CULL_OK && *there) {
        *seq = cull__sqlite_number(statement, 0);
        *bytes = cull__sqlite_number(statement, 1);
        (void)sqlite3_reset(statement);
    }
    return status;
}

static cull_status put_inside(struct cull__sqlite *log, const char *room,
                              const struct cull__listing *listing, const struct cull__buf *bytes,
                              const struct cull__column *columns, cull_error *err)
{
    uint64_t newest_seq, newest_bytes;
    bool there;
    cull_status status = log->has_damage ? room_mend(log, room, err) : CULL_OK;

    if (status == CULL_OK) {
        status = newest(log, room, &there, &newest_seq, &newest_bytes, err);
    }
    if (status != CULL_OK || (there && newest_seq > listing->seq) ||
        (there && newest_seq == listing->seq && !log->has_damage)) {
        return status;
    }
    status = segments_put(log, listing, columns, err);
    if (status == CULL_OK) {
        status = listing_put(log, room, listing, bytes, err);
    }
    if (status == CULL_OK) {
        status = segments_drop(log, err);
    }
    return status;
}

cull_status cull__sqlite_checkpoint_put(cull_log *log, const char *room, uint64_t seq,
                                        const struct cull__column *columns, size_t count,
                                        cull_error *err)
{
    struct cull__buf bytes = CULL__BUF_INIT(log->allocator);
    struct cull__listing listing = { 0 };
    struct cull__sqlite *sqlite;
    struct cull__meta meta;
    cull_status status = cull__listing_encode(&bytes, room, seq, columns, count, err);

    if (status == CULL_OK) {
        status = cull__listing_decode(&listing, room, bytes.data, bytes.len, log->allocator);
        CULL_ASSERT(status != CULL_E_CORRUPT);
        if (status != CULL_OK) {
            (void)cull__error_nomem(err);
        }
    }
    if (status != CULL_OK) {
        goto done;
    }
    sqlite = cull__sqlite_lock(log);
    status = cull__sqlite_begin(sqlite, true, &meta, err);
    if (status == CULL_OK) {
        status = put_inside(sqlite, room, &listing, &bytes, columns, err);
        status = cull__sqlite_end(sqlite, status, err);
    }
    cull__sqlite_unlock(sqlite);
done:
    cull__listing_release(&listing, log->allocator);
    cull__buf_release(&bytes);
    return status;
}

/* --- get ---------------------------------------------------------------------------------- */

/* SQLite keeps of what it reads as many pages as fit its cache, each in memory of its own. Of a
 * checkpoint it reads every page once, so some few will do, again and again. */
static void cache_narrow(struct cull__sqlite *log, bool narrow)
{
    (void)sqlite3_exec(log->db,
                       narrow ? "PRAGMA cache_size = 16" /* of 8 KiB: what it has from the start */
                              : "PRAGMA cache_size = -2000", /* as it is by itself, in KiB */
                       NULL, NULL, NULL);
}

static cull_status segment_damaged(struct cull__sqlite *log, const struct cull__place *place,
                                   cull_error *err)
{
    return cull__sqlite_corrupt(log, err,
                                "a checkpoint is damaged: column %" PRIu64 ", segment %zu",
                                place->column, place->segment);
}

/* Memory for the columns, and which segment goes where. */
static cull_status places_make(struct cull__sqlite *log, const struct cull__listing *listing,
                               struct cull__checkpoint *out, struct cull__place *places,
                               cull_error *err)
{
    for (size_t i = 0; i < listing->column_count; i++) {
        const struct cull__listed_column *listed = &listing->columns[i];
        struct cull__column *column = &out->columns[i];

        column->id = listed->id;
        column->data = cull__alloc(log->base.allocator, listed->len, 1);
        if (column->data == NULL) {
            return cull__error_nomem(err);
        }
        column->len = listed->len;
        for (size_t k = 0; k < listed->segment_count; k++, places++) {
            bool there = false;
            cull_status status;

            *places = (struct cull__place){
                .name = listed->names + k * CULL__SEGMENT_NAME_LEN,
                .data = column->data + k * listing->segment_bytes,
                .len = cull__segment_len(listed->len, listing->segment_bytes, k),
                .column = listed->id,
                .segment = k,
            };
            status = segment_find(log, places->name, &there, &places->id, err);
            if (status == CULL_OK && !there) {
                status = segment_damaged(log, places, err);
            }
            if (status != CULL_OK) {
                return status;
            }
        }
    }
    return CULL_OK;
}

/* Read by threads what they can get. */
static cull_status places_hasten(struct cull__sqlite *log, struct cull__place *places, size_t count,
                                 cull_error *err)
{
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(log, CULL__SQL_SEGMENT_ROOT, &status, err);
    bool row = false;

    if (statement != NULL) {
        status = cull__sqlite_step(log, statement, &row, err);
    }
    if (status == CULL_OK && row) {
        uint32_t root = (uint32_t)cull__sqlite_number(statement, 0);

        (void)sqlite3_reset(statement);
        cull__sqlite_places_read(log->path, root, places, count);
    }
    return status;
}

/* Read what is not read yet. */
static cull_status places_fill(struct cull__sqlite *log, const struct cull__place *places,
                               size_t count, cull_error *err)
{
    sqlite3_blob *blob = NULL;
    cull_status status = CULL_OK;

    for (size_t i = 0; status == CULL_OK && i < count; i++) {
        const struct cull__place *place = &places[i];
        bool right = place->right;

        if (!right) {
            cull__pages_make(place->data, place->len);
            status = segment_read(log, &blob, place->id, place->name, place->data, place->len,
                                  &right, err);
        }
        if (status == CULL_OK && !right) {
            status = segment_damaged(log, place, err);
        }
    }
    (void)sqlite3_blob_close(blob);
    return status;
}

static cull_status places_load(struct cull__sqlite *log, const struct cull__listing *listing,
                               struct cull__checkpoint *out, struct cull__place *places,
                               size_t count, cull_error *err)
{
    const bool narrow = listing->bytes >= NARROW_BYTES_MIN;
    cull_status status = places_make(log, listing, out, places, err);

    if (status == CULL_OK && listing->bytes >= HASTENED_BYTES_MIN) {
        status = places_hasten(log, places, count, err);
    }
    if (narrow) {
        cache_narrow(log, true);
    }
    if (status == CULL_OK) {
        status = places_fill(log, places, count, err);
    }
    if (narrow) {
        cache_narrow(log, false);
    }
    for (size_t i = 0; status == CULL_OK && i < out->count; i++) {
        if (out->columns[i].len >= HUGE_COLUMN_BYTES) { /* for who stays: made later */
            cull__pages_huge(out->columns[i].data, out->columns[i].len);
        }
    }
    return status;
}

static cull_status columns_load(struct cull__sqlite *log, const struct cull__listing *listing,
                                struct cull__checkpoint *out, cull_error *err)
{
    struct cull__place *places;
    size_t count = 0;
    cull_status status;

    out->seq = listing->seq;
    out->columns =
        cull__alloc_zero(log->base.allocator, listing->column_count, sizeof(struct cull__column));
    if (out->columns == NULL) {
        return cull__error_nomem(err);
    }
    out->count = listing->column_count;
    for (size_t i = 0; i < listing->column_count; i++) {
        count += listing->columns[i].segment_count;
    }
    places = cull__alloc(log->base.allocator, count, sizeof(*places));
    if (places == NULL) {
        return cull__error_nomem(err);
    }
    status = places_load(log, listing, out, places, count, err);
    cull__free(log->base.allocator, places);
    return status;
}

static cull_status get_inside(struct cull__sqlite *log, const char *room, unsigned age,
                              struct cull__checkpoint *out, cull_error *err)
{
    struct cull__listing listing = { 0 };
    cull_status status;
    sqlite3_stmt *statement = cull__sqlite_statement(log, CULL__SQL_CHECKPOINT_GET, &status, err);
    bool row = false;

    if (statement == NULL) {
        return status;
    }
    if (sqlite3_bind_text(statement, 1, room, -1, SQLITE_STATIC) != SQLITE_OK) {
        return cull__error_nomem(err);
    }
    cull__sqlite_bind_number(statement, 2, age);
    status = cull__sqlite_step(log, statement, &row, err);
    if (status == CULL_OK && !row) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s: no checkpoint %s of age %u", log->name,
                               room, age);
    }
    if (status == CULL_OK) {
        status = row_decode(log, statement, &listing, err);
        if (status == CULL_E_CORRUPT) {
            (void)cull__sqlite_corrupt(log, err, "a checkpoint is damaged: %s at fact %" PRIu64,
                                       room, cull__sqlite_number(statement, 1));
        }
    }
    if (status == CULL_OK) {
        status = columns_load(log, &listing, out, err);
    }
    (void)sqlite3_reset(statement); /* not before: the names lie in its row */
    cull__listing_release(&listing, log->base.allocator);
    return status;
}

cull_status cull__sqlite_checkpoint_get(cull_log *log, const char *room, unsigned age,
                                        struct cull__checkpoint *out, cull_error *err)
{
    struct cull__sqlite *sqlite = cull__sqlite_lock(log);
    struct cull__meta meta;
    cull_status status;

    *out = (struct cull__checkpoint){ 0 };
    status = cull__sqlite_begin(sqlite, false, &meta, err);
    if (status == CULL_OK) {
        status = cull__sqlite_end(sqlite, get_inside(sqlite, room, age, out, err), err);
        sqlite->has_damage |= status == CULL_E_CORRUPT || status == CULL_E_IO;
    }
    if (status != CULL_OK) {
        cull__checkpoint_release(out, log->allocator);
    }
    cull__sqlite_unlock(sqlite);
    return status;
}

cull_status cull__sqlite_checkpoint_size(cull_log *log, const char *room, uint64_t *seq,
                                         uint64_t *bytes, cull_error *err)
{
    struct cull__sqlite *sqlite = cull__sqlite_lock(log);
    bool there;
    cull_status status = newest(sqlite, room, &there, seq, bytes, err);

    cull__sqlite_unlock(sqlite);
    return status;
}
