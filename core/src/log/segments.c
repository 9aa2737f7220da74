/*
 * segments.c - cutting columns into named segments, and the listing that puts them together.
 *
 * SHAPE     A segment's name is the XXH3-128 of its bytes, big-endian, so equal segments of two
 *           checkpoints are one row. Columns are cut at fixed places: state changes in place and
 *           grows at its end, and fixed places need no search.
 * INVARIANT The listing's own hash is checked before a byte of it is believed; a column's names
 *           are all there, so its length never asks for more memory than the names account for.
 * FAILURE   A listing that does not decode is damaged; the caller takes the older one.
 * WHY NOT   Content-defined cuts: dense columns do not shift.
 */
#include "log/segments.h"
#include "base/hash.h"

#define LISTING_MAGIC 0x6c6c7563u /* "cull" */
#define LISTING_FORMAT 1u
#define SEGMENT_BYTES_MAX (64u << 20)
#define COLUMN_BYTES_MIN 2 /* an id and a length */

void cull__segment_name(uint8_t name[CULL__SEGMENT_NAME_LEN], const void *data, size_t len)
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, len));
    memcpy(name, canonical.digest, CULL__SEGMENT_NAME_LEN);
}

static size_t segment_count(size_t len, size_t segment_bytes)
{
    return len / segment_bytes + (len % segment_bytes != 0);
}

cull_status cull__listing_encode(struct cull__buf *out, const char *room, uint64_t seq,
                                 const struct cull__column *columns, size_t count, cull_error *err)
{
    size_t start = out->len;

    CULL_ASSERT(strlen(room) <= CULL__ROOM_NAME_MAX);
    cull__buf_u32(out, LISTING_MAGIC);
    cull__buf_u8(out, LISTING_FORMAT);
    cull__buf_text(out, room, strlen(room));
    cull__buf_u64(out, seq);
    cull__buf_u32(out, CULL__SEGMENT_BYTES);
    cull__buf_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        size_t segments = segment_count(columns[i].len, CULL__SEGMENT_BYTES);

        cull__buf_varint(out, columns[i].id);
        cull__buf_varint(out, columns[i].len);
        for (size_t k = 0; k < segments; k++) {
            uint8_t name[CULL__SEGMENT_NAME_LEN];

            cull__segment_name(name, columns[i].data + k * CULL__SEGMENT_BYTES,
                               cull__segment_len(columns[i].len, CULL__SEGMENT_BYTES, k));
            cull__buf_put(out, name, sizeof name);
        }
    }
    if (!out->failed) {
        cull__buf_u64(out, XXH3_64bits(out->data + start, out->len - start));
    }
    return out->failed ? cull__error_nomem(err) : CULL_OK;
}

static bool column_decode(struct cull__listed_column *column, size_t segment_bytes,
                          struct cull__cursor *cursor)
{
    column->id = cull__cursor_varint(cursor);
    column->len = (size_t)cull__cursor_varint_max(cursor, SIZE_MAX / 2);
    column->segment_count = segment_count(column->len, segment_bytes);
    if (column->segment_count > cull__cursor_left(cursor) / CULL__SEGMENT_NAME_LEN) {
        cursor->failed = true;
        return false;
    }
    column->names = cull__cursor_take(cursor, column->segment_count * CULL__SEGMENT_NAME_LEN);
    return !cursor->failed;
}

/* Magic, format, hash and room: false if it is not a whole listing of that room. */
static bool listing_begin(struct cull__cursor *cursor, const char *room, const uint8_t *data,
                          size_t len)
{
    struct cull__cursor tail;
    const char *name;
    size_t name_len;

    if (len < 8) {
        return false;
    }
    tail = cull__cursor(data + len - 8, 8);
    *cursor = cull__cursor(data, len - 8);
    if (XXH3_64bits(data, len - 8) != cull__cursor_u64(&tail) ||
        cull__cursor_u32(cursor) != LISTING_MAGIC || cull__cursor_u8(cursor) != LISTING_FORMAT) {
        return false;
    }
    name = cull__cursor_text(cursor, &name_len, CULL__ROOM_NAME_MAX);
    return !cursor->failed && name_len == strlen(room) && memcmp(name, room, name_len) == 0;
}

cull_status cull__listing_decode(struct cull__listing *out, const char *room, const void *data,
                                 size_t len, const cull_allocator *allocator)
{
    struct cull__listing listing = { 0 };
    struct cull__cursor cursor;
    cull_status status = CULL_E_CORRUPT;

    *out = (struct cull__listing){ 0 };
    if (!listing_begin(&cursor, room, data, len)) {
        return CULL_E_CORRUPT;
    }
    listing.seq = cull__cursor_u64(&cursor);
    listing.segment_bytes = cull__cursor_u32(&cursor);
    listing.column_count = cull__cursor_count(&cursor, COLUMN_BYTES_MIN, UINT32_MAX);
    if (cursor.failed || listing.segment_bytes == 0 || listing.segment_bytes > SEGMENT_BYTES_MAX) {
        goto done;
    }
    listing.columns =
        cull__alloc_zero(allocator, listing.column_count, sizeof(struct cull__listed_column));
    if (listing.columns == NULL) {
        status = CULL_E_NOMEM;
        goto done;
    }
    for (size_t i = 0; i < listing.column_count; i++) {
        if (!column_decode(&listing.columns[i], listing.segment_bytes, &cursor) ||
            !cull__add_u64(&listing.bytes, listing.bytes, listing.columns[i].len)) {
            goto done;
        }
    }
    if (!cull__cursor_done(&cursor)) {
        goto done;
    }
    *out = listing;
    listing = (struct cull__listing){ 0 };
    status = CULL_OK;
done:
    cull__listing_release(&listing, allocator);
    return status;
}

void cull__listing_release(struct cull__listing *listing, const cull_allocator *allocator)
{
    cull__free(allocator, listing->columns);
    *listing = (struct cull__listing){ 0 };
}

uint64_t cull__row_seed(const uint64_t *numbers, size_t count)
{
    uint8_t bytes[8 * 8];

    CULL_ASSERT(count <= 8);
    for (size_t i = 0; i < 8 * count; i++) {
        bytes[i] = (uint8_t)(numbers[i / 8] >> (8 * (i % 8)));
    }
    return XXH3_64bits(bytes, 8 * count);
}

uint64_t cull__row_hash(const uint64_t *numbers, size_t count, const void *data, size_t len)
{
    return XXH3_64bits_withSeed(data, len, cull__row_seed(numbers, count));
}
