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
 *           taken is still the caller's.
 */
#include "index/index_internal.h"

#define HEADER_BYTES 16
#define HEADER_ZEROS 6

static uint64_t load_u64(const uint8_t *bytes)
{
    uint64_t value = 0;

    if (cull__little_endian()) {
        memcpy(&value, bytes, sizeof value);
        return value;
    }
    for (unsigned i = 0; i < 8; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

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

/* The length was checked: all of it is there. False: the sum of the sizes overflows. A row that is
 * already where it belongs is copied onto itself, which is for machines of the other byte order. */
static bool load_block(struct cull__blob_table *table, uint32_t first, uint32_t rows,
                       const uint8_t *block)
{
    const uint8_t *sizes = block + rows;
    const uint8_t *digests = sizes + 8 * (size_t)rows;

    for (uint32_t row = first; row < first + rows; row++, sizes += 8) {
        uint64_t size_bytes = load_u64(sizes);

        *cull__blob_size_at(table, row) = size_bytes;
        if (!cull__add_u64(&table->total_bytes, table->total_bytes, cull__known_size(size_bytes))) {
            return false;
        }
    }
    if (cull__blob_state_at(table, first) != block) {
        memcpy(cull__blob_state_at(table, first), block, rows);
        memcpy(cull__blob_digest_at(table, first), digests, rows * table->digest_len);
    }
    if (table->keep_incarnations) {
        cull__u32s_decode(cull__blob_incarnation_at(table, first),
                          digests + rows * table->digest_len, rows);
    }
    return true;
}

/* The free list must name each free number once: each is marked as it is met, then unmarked. */
static bool load_free(struct cull__blob_table *table, size_t count, const uint8_t *bytes)
{
    const uint8_t met = 0x80;
    bool distinct = true;
    size_t i;

    cull__u32s_decode(table->free.at, bytes, count);
    for (i = 0; i < count && distinct; i++) {
        uint32_t number = table->free.at[i];

        distinct = number < table->limit && *cull__blob_state_at(table, number) == CULL__BLOB_FREE;
        if (distinct) {
            *cull__blob_state_at(table, number) = met;
        }
    }
    table->free.count = i - !distinct;
    for (i = 0; i < table->free.count; i++) {
        *cull__blob_state_at(table, table->free.at[i]) = CULL__BLOB_FREE;
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

        if (!load_block(table, first, rows, bytes)) {
            return CULL_E_CORRUPT;
        }
        bytes += rows * row_bytes(table);
        first += rows;
    }
    return load_free(table, free_count, bytes) ? CULL_OK : CULL_E_CORRUPT;
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

static cull_status load(struct cull__blob_table *table, uint8_t *bytes, size_t len, bool take,
                        cull_error *err)
{
    uint32_t limit;
    uint32_t free_count;
    const char *why = header_broken(table, bytes, len, &limit, &free_count);
    cull_status status = CULL_E_CORRUPT;

    if (why == NULL) {
        status = load_rows(table, limit, free_count, bytes + HEADER_BYTES, take);
        why = "its free list or its sum of sizes is wrong";
    }
    if (status == CULL_OK && !cull__blob_table_valid(table, &why)) {
        status = CULL_E_CORRUPT;
    }
    if (status == CULL_E_NOMEM) {
        return cull__error_nomem(err);
    }
    return status == CULL_OK
               ? CULL_OK
               : cull__error_set(err, status, "blob table in the checkpoint: %s", why);
}

cull_status cull__blob_table_take(struct cull__blob_table **out, cull_digest_kind kind,
                                  uint64_t seed, bool keep_incarnations, uint8_t **data, size_t len,
                                  const cull_allocator *owner, const cull_allocator *allocator,
                                  cull_error *err)
{
    struct cull__blob_table *table = NULL;
    cull_status status = cull__blob_table_new(&table, kind, seed, keep_incarnations, allocator);

    *out = NULL;
    if (status != CULL_OK) {
        return cull__error_set(err, status, "blob table: %s", cull_strerror(status));
    }
    status = load(table, *data, len, owner != NULL, err);
    if (status != CULL_OK) {
        cull__blob_table_free(table);
        return status;
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
