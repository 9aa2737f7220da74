/*
 * buf.h - a growable byte buffer, and a cursor that reads bytes without trusting them.
 *
 * All numbers are little-endian; varints are LEB128, canonical only (no padding), at most ten
 * bytes. A cursor that meets anything wrong sets failed, and every later read gives zero: the
 * decoder checks once at the end. A buffer does the same with memory.
 */
#ifndef CULL_BUF_H
#define CULL_BUF_H

#include "base/base_internal.h"

struct cull__buf {
    uint8_t *data;
    size_t len;
    size_t capacity;
    const cull_allocator *allocator;
    bool failed; /* no memory: what was appended since is lost */
};

#define CULL__BUF_INIT(allocator_)      \
    {                                   \
        NULL, 0, 0, (allocator_), false \
    }

void cull__buf_release(struct cull__buf *buf);
void cull__buf_clear(struct cull__buf *buf); /* keeps the memory */
/* Room for len more bytes at data + len, which the caller fills and adds to len; NULL: no memory. */
uint8_t *cull__buf_room(struct cull__buf *buf, size_t len);
void cull__buf_put(struct cull__buf *buf, const void *data, size_t len);
void cull__buf_u8(struct cull__buf *buf, uint8_t value);
void cull__buf_u16(struct cull__buf *buf, uint16_t value);
void cull__buf_u32(struct cull__buf *buf, uint32_t value);
void cull__buf_u64(struct cull__buf *buf, uint64_t value);
void cull__buf_varint(struct cull__buf *buf, uint64_t value);
/* varint length, then the bytes. */
void cull__buf_text(struct cull__buf *buf, const char *text, size_t len);

struct cull__cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline struct cull__cursor cull__cursor(const void *data, size_t len)
{
    const uint8_t *at = data;
    struct cull__cursor cursor = { at, len == 0 ? at : at + len, false }; /* nothing may be NULL */

    return cursor;
}

static inline size_t cull__cursor_left(const struct cull__cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

/* True if everything was read and nothing was wrong. */
static inline bool cull__cursor_done(const struct cull__cursor *cursor)
{
    return !cursor->failed && cursor->at == cursor->end;
}

/* The next len bytes, borrowed; NULL and failed if there are fewer. */
static inline const uint8_t *cull__cursor_take(struct cull__cursor *cursor, size_t len)
{
    const uint8_t *taken = cursor->at;

    if (CULL_UNLIKELY(cursor->failed || cull__cursor_left(cursor) < len)) {
        cursor->failed = true;
        return NULL;
    }
    cursor->at += len;
    return taken;
}

static inline uint8_t cull__cursor_u8(struct cull__cursor *cursor)
{
    const uint8_t *bytes = cull__cursor_take(cursor, 1);

    return bytes == NULL ? 0 : bytes[0];
}

uint16_t cull__cursor_u16(struct cull__cursor *cursor);
uint32_t cull__cursor_u32(struct cull__cursor *cursor);
uint64_t cull__cursor_u64(struct cull__cursor *cursor);
/* Of a varint whose first byte, which says that more follow, is taken. */
uint64_t cull__cursor_varint_rest(struct cull__cursor *cursor, uint8_t first);

static inline uint64_t cull__cursor_varint(struct cull__cursor *cursor)
{
    const uint8_t *first = cull__cursor_take(cursor, 1);

    if (first == NULL) {
        return 0;
    }
    return CULL_LIKELY(*first < 0x80) ? *first : cull__cursor_varint_rest(cursor, *first);
}

/* A varint of at most max, else failed. */
static inline uint64_t cull__cursor_varint_max(struct cull__cursor *cursor, uint64_t max)
{
    uint64_t value = cull__cursor_varint(cursor);

    if (CULL_UNLIKELY(value > max)) {
        cursor->failed = true;
        return 0;
    }
    return value;
}

/* A count of things that need at least each_bytes_min of the bytes left, and at most max: so a
 * hostile count never allocates more than the input is long. */
size_t cull__cursor_count(struct cull__cursor *cursor, size_t each_bytes_min, size_t max);
/* Borrowed text without NUL inside, of at most max bytes; not terminated. */
const char *cull__cursor_text(struct cull__cursor *cursor, size_t *len, size_t max);

#endif
