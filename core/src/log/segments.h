/*
 * segments.h - a checkpoint as a listing of columns, each cut into segments named by XXH3-128.
 *
 * LISTING  0 u32 "cull"; 4 u8 format 1; then text room, u64 seq, u32 bytes of a segment, varint
 *          columns; per column varint id, varint len and the 16 bytes of each segment's name;
 *          last u64 XXH3-64 of all before it.
 */
#ifndef CULL_SEGMENTS_H
#define CULL_SEGMENTS_H

#include "log/log_internal.h"

#define CULL__SEGMENT_NAME_LEN 16

struct cull__listed_column {
    uint64_t id;
    size_t len;
    const uint8_t *names; /* into the listing's bytes, borrowed */
    size_t segment_count;
};

struct cull__listing {
    uint64_t seq;
    uint64_t bytes; /* of all columns */
    size_t segment_bytes;
    struct cull__listed_column *columns;
    size_t column_count;
};

void cull__segment_name(uint8_t name[CULL__SEGMENT_NAME_LEN], const void *data, size_t len);

/* Bytes of the segment at index of a column of len bytes. */
static inline size_t cull__segment_len(size_t column_len, size_t segment_bytes, size_t index)
{
    size_t left = column_len - index * segment_bytes;

    return left < segment_bytes ? left : segment_bytes;
}

/* Name every segment of the columns and append the listing to out. CULL_E_NOMEM. */
cull_status cull__listing_encode(struct cull__buf *out, const char *room, uint64_t seq,
                                 const struct cull__column *columns, size_t count, cull_error *err);
/* Borrows data. CULL_E_CORRUPT without a message of its own; CULL_E_NOMEM. */
cull_status cull__listing_decode(struct cull__listing *out, const char *room, const void *data,
                                 size_t len, const cull_allocator *allocator);
void cull__listing_release(struct cull__listing *listing, const cull_allocator *allocator);

/* XXH3-64 over numbers and bytes: what a row of the log or the audit keeps of itself. */
uint64_t cull__row_hash(const uint64_t *numbers, size_t count, const void *data, size_t len);
/* Its seed, for bytes that come in pieces. */
uint64_t cull__row_seed(const uint64_t *numbers, size_t count);

#endif
