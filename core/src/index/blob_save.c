/*
 * blob_save.c - the blob table in a checkpoint, and back.
 *
 * SHAPE     u8 kind of digest, u8 keeps incarnations, 6 bytes zero, u32 limit, u32 free numbers; then
 *           for every 4,096 rows a block: states, a byte each; sizes, 8; digests; incarnations, 4, if
 *           kept; last the free numbers, 4 each, the next to be given last. A block's place depends
 *           on the rows before it only, so a segment in which no blob changed is written as it was.
 * LOADING   A block has the shape of the columns' chunks, at places that are aligned: who has no other
 *           use for the bytes hands them over, and the columns lie in them. Copying 250 MB into fresh
 *           pages took as long as reading them.
 * FAILURE   CULL_E_CORRUPT for a length, a free list or a sum of sizes that cannot be; what was to be
 *           taken is still the caller's, or is freed.
 */
#include "index/index_internal.h"

#define HEADER_BYTES 16
#define HEADER_ZEROS 6

static void save_sizes(const struct cull__blob_table *table, uint32_t first, uint32_t rows,
                       struct cull__buf *out)
{
    uint8_t *room = cull__buf_room(out, 8 * (size_t)rows);

    if (room == NULL) {
        return;
    }
    for (uint32_t row = first; row < first + rows; row++) {
        uint64_t size_bytes = *cull__blob_size_at(table, row);

        for (unsigned i = 0; i < 8; i++) {
            *room++ = (uint8_t)(size_bytes >> (8 * i));
        }
    }
    out->len += 8 * (size_t)rows;
}

cull_status cull__blob_table_save(const struct cull__blob_table *table, struct cull__buf *out)
{
    static const uint8_t zeros[HEADER_ZEROS];

    cull__buf_u8(out, (uint8_t)table->kind);
    cull__buf_u8(out, table->keep_incarnations);
    cull__buf_put(out, zeros, sizeof zeros);
    cull__buf_u32(out, table->limit);
    cull__buf_u32(out, (uint32_t)table->free.count);
    for (uint32_t first = 0; first < table->limit;) {
        uint32_t left = table->limit - first;
        uint32_t rows = left < CULL__CHUNK_ROWS ? left : CULL__CHUNK_ROWS;

        cull__buf_put(out, cull__blob_state_at(table, first), rows);
        save_sizes(table, first, rows, out);
        cull__buf_put(out, cull__blob_digest_at(table, first), rows * table->digest_len);
        if (table->keep_incarnations) {
            cull__buf_u32s(out, cull__blob_incarnation_at(table, first), rows);
        }
        first += rows;
    }
    cull__buf_u32s(out, table->free.at, table->free.count);
    return out->failed ? CULL_E_NOMEM : CULL_OK;
}

/* --- loading --------------------------------------------------------------------------------- */

static size_t row_bytes(const struct cull__blob_table *table)
{
    return 9 + table->digest_len + (table->keep_incarnations ? 4 : 0);
}

/* The columns' next chunks lie in a whole block. */
static cull_status borrow_block(struct cull__blob_table *table, uint8_t *block)
{
    const cull_allocator *allocator = table->allocator;
    uint8_t *sizes = block + CULL__CHUNK_ROWS;
    uint8_t *digests = sizes + 8 * (size_t)CULL__CHUNK_ROWS;
    cull_status status = cull__column_borrow(&table->states, block, allocator);

    if (status == CULL_OK) {
        status = cull__column_borrow(&table->sizes, sizes, allocator);
    }
    if (status == CULL_OK) {
        status = cull__column_borrow(&table->digests, digests, allocator);
    }
    if (status == CULL_OK && table->keep_incarnations) {
        status = cull__column_borrow(&table->incarnations,
                                     digests + table->digest_len * CULL__CHUNK_ROWS, allocator);
    }
    return status;
}

static void sizes_decode(uint64_t *sizes, const uint8_t *bytes, uint32_t rows)
{
    for (uint32_t row = 0; row < rows; row++, bytes += 8) {
        uint64_t size_bytes = 0;

        for (unsigned i = 0; i < 8; i++) {
            size_bytes |= (uint64_t)bytes[i] << (8 * i);
        }
        sizes[row] = size_bytes;
    }
}

/* The length was checked: all of it is there. A block may already lie where it belongs: then nothing
 * is left to do, but on machines of the other byte order. */
static void load_block(struct cull__blob_table *table, uint32_t first, uint32_t rows,
                       const uint8_t *block)
{
    const uint8_t *sizes = block + rows;
    const uint8_t *digests = sizes + 8 * (size_t)rows;
    bool in_place = cull__blob_state_at(table, first) == block;

    if (in_place && cull__little_endian()) {
        return;
    }
    if (cull__little_endian()) {
        memcpy(cull__blob_size_at(table, first), sizes, 8 * (size_t)rows);
    } else {
        sizes_decode(cull__blob_size_at(table, first), sizes, rows);
    }
    if (!in_place) {
        memcpy(cull__blob_state_at(table, first), block, rows);
        memcpy(cull__blob_digest_at(table, first), digests, rows * table->digest_len);
    }
    if (table->keep_incarnations) {
        cull__u32s_decode(cull__blob_incarnation_at(table, first),
                          digests + rows * table->digest_len, rows);
    }
}

/* The free list must name each free number once: each is marked as it is met, then unmarked. */
static bool free_is_distinct(struct cull__blob_table *table)
{
    const uint8_t met = 0x80;
    bool distinct = true;
    size_t i;

    for (i = 0; i < table->free.count && distinct; i++) {
        uint32_t number = table->free.at[i];

        distinct = number < table->limit && *cull__blob_state_at(table, number) == CULL__BLOB_FREE;
        if (distinct) {
            *cull__blob_state_at(table, number) = met;
        }
    }
    for (i -= !distinct; i > 0; i--) {
        *cull__blob_state_at(table, table->free.at[i - 1]) = CULL__BLOB_FREE;
    }
    return distinct;
}

static cull_status load_rows(struct cull__blob_table *table, uint32_t limit, size_t free_count,
                             uint8_t *bytes, bool take)
{
    size_t block = row_bytes(table) * CULL__CHUNK_ROWS;
    cull_status status = CULL_OK;

    for (uint32_t chunk = 0; take && chunk < limit / CULL__CHUNK_ROWS && status == CULL_OK;
         chunk++) {
        status = borrow_block(table, bytes + chunk * block);
    }
    if (status == CULL_OK) {
        status = cull__blob_rows_reserve(table, limit);
    }
    if (status == CULL_OK) {
        status = cull__u32s_reserve(&table->free, free_count);
    }
    if (status != CULL_OK) {
        return status;
    }
    table->limit = limit;
    for (uint32_t first = 0; first < limit;) {
        uint32_t rows = limit - first < CULL__CHUNK_ROWS ? limit - first : CULL__CHUNK_ROWS;

        load_block(table, first, rows, bytes);
        bytes += rows * row_bytes(table);
        first += rows;
    }
    cull__u32s_decode(table->free.at, bytes, free_count);
    table->free.count = free_count;
    return CULL_OK;
}

/* What must be so before a row is believed; sets *limit and *free_count. */
static const char *header_broken(const struct cull__blob_table *table, const uint8_t *bytes,
                                 size_t len, uint32_t *limit, uint32_t *free_count)
{
    struct cull__cursor in = cull__cursor(bytes, len);
    bool same = cull__cursor_u8(&in) == table->kind;
    bool same_keys = cull__cursor_u8(&in) == table->keep_incarnations;
    uint64_t zeros = 0;

    for (unsigned i = 0; i < HEADER_ZEROS; i++) {
        zeros += cull__cursor_u8(&in);
    }
    *limit = cull__cursor_u32(&in);
    *free_count = cull__cursor_u32(&in);
    if (!same || !same_keys) {
        return "made for another kind of store";
    }
    if (in.failed || zeros != 0 || *limit > CULL__BLOBS_MAX || *free_count > *limit ||
        cull__cursor_left(&in) != (uint64_t)*limit * row_bytes(table) + 4 * (uint64_t)*free_count) {
        return "its length does not fit its counts";
    }
    return NULL;
}

static cull_status table_error(cull_status status, const char *why, cull_error *err)
{
    return status == CULL_E_NOMEM
               ? cull__error_nomem(err)
               : cull__error_set(err, status, "blob table in the checkpoint: %s", why);
}

cull_status cull__blob_table_lay(struct cull__blob_table **out, cull_digest_kind kind,
                                 uint64_t seed, bool keep_incarnations, uint8_t **data, size_t len,
                                 const cull_allocator *owner, const cull_allocator *allocator,
                                 cull_error *err)
{
    struct cull__blob_table *table = NULL;
    cull_status status = cull__blob_table_new(&table, kind, seed, keep_incarnations, allocator);
    uint32_t limit;
    uint32_t free_count;
    const char *why;

    *out = NULL;
    if (status != CULL_OK) {
        return cull__error_set(err, status, "blob table: %s", cull_strerror(status));
    }
    why = header_broken(table, *data, len, &limit, &free_count);
    status = why == NULL ? load_rows(table, limit, free_count, *data + HEADER_BYTES, owner != NULL)
                         : CULL_E_CORRUPT;
    if (status != CULL_OK) {
        cull__blob_table_free(table);
        return table_error(status, why, err);
    }
    if (table->states.foreign > 0) {
        table->taken = *data;
        table->taken_len = len;
        table->taken_from = owner;
        *data = NULL;
    }
    *out = table;
    return CULL_OK;
}

bool cull__blob_table_check(struct cull__blob_table *table, const char **why)
{
    if (!cull__blob_rows_valid(table, &table->total_bytes, why)) {
        return false;
    }
    *why = free_is_distinct(table) ? NULL : "its free list is wrong";
    return *why == NULL;
}

cull_status cull__blob_table_take(struct cull__blob_table **out, cull_digest_kind kind,
                                  uint64_t seed, bool keep_incarnations, uint8_t **data, size_t len,
                                  const cull_allocator *owner, const cull_allocator *allocator,
                                  cull_error *err)
{
    const char *why = NULL;
    cull_status status =
        cull__blob_table_lay(out, kind, seed, keep_incarnations, data, len, owner, allocator, err);

    if (status == CULL_OK && !cull__blob_table_check(*out, &why)) {
        cull__blob_table_free(*out);
        *out = NULL;
        status = table_error(CULL_E_CORRUPT, why, err);
    }
    return status;
}
