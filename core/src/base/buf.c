/*
 * buf.c - bytes out, bytes in.
 *
 * INVARIANT len <= capacity; a failed buffer or cursor stays failed.
 * FAILURE   Sticky flags: encoders and decoders read straight down and check once.
 * WHY NOT   mapped structs: they tie the file to a compiler's padding and to trust.
 */
#include "base/buf.h"

void cull__buf_release(struct cull__buf *buf)
{
    cull__free(buf->allocator, buf->data);
    buf->data = NULL;
    buf->len = buf->capacity = 0;
}

void cull__buf_clear(struct cull__buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

uint8_t *cull__buf_room(struct cull__buf *buf, size_t len)
{
    if (buf->failed || len > SIZE_MAX / 2 - buf->len) {
        buf->failed = true;
        return NULL;
    }
    if (buf->capacity - buf->len < len || buf->data == NULL) {
        size_t want = buf->len + len;
        size_t grown = buf->capacity + buf->capacity / 2 + 64;
        uint8_t *moved;

        grown = grown < want ? want : grown;
        moved = cull__realloc(buf->allocator, buf->data, grown, 1);
        if (moved == NULL) {
            buf->failed = true;
            return NULL;
        }
        buf->data = moved;
        buf->capacity = grown;
    }
    return buf->data + buf->len;
}

void cull__buf_put(struct cull__buf *buf, const void *data, size_t len)
{
    uint8_t *room = cull__buf_room(buf, len);

    if (room != NULL && len > 0) {
        memcpy(room, data, len);
        buf->len += len;
    }
}

void cull__buf_u8(struct cull__buf *buf, uint8_t value)
{
    cull__buf_put(buf, &value, 1);
}

static void put_little_endian(struct cull__buf *buf, uint64_t value, size_t len)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    cull__buf_put(buf, bytes, len);
}

void cull__buf_u16(struct cull__buf *buf, uint16_t value)
{
    put_little_endian(buf, value, 2);
}

void cull__buf_u32(struct cull__buf *buf, uint32_t value)
{
    put_little_endian(buf, value, 4);
}

void cull__buf_u64(struct cull__buf *buf, uint64_t value)
{
    put_little_endian(buf, value, 8);
}

void cull__buf_varint(struct cull__buf *buf, uint64_t value)
{
    uint8_t bytes[10];
    size_t len = 0;

    while (value >= 0x80) {
        bytes[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[len++] = (uint8_t)value;
    cull__buf_put(buf, bytes, len);
}

void cull__buf_text(struct cull__buf *buf, const char *text, size_t len)
{
    cull__buf_varint(buf, len);
    cull__buf_put(buf, text, len);
}

uint16_t cull__cursor_u16(struct cull__cursor *cursor)
{
    const uint8_t *bytes = cull__cursor_take(cursor, 2);

    if (bytes == NULL) {
        return 0;
    }
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

/* Written out, so that a compiler makes one load of it. */
static uint32_t load_u32(const uint8_t bytes[4])
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

uint32_t cull__cursor_u32(struct cull__cursor *cursor)
{
    const uint8_t *bytes = cull__cursor_take(cursor, 4);

    return bytes == NULL ? 0 : load_u32(bytes);
}

uint64_t cull__cursor_u64(struct cull__cursor *cursor)
{
    const uint8_t *bytes = cull__cursor_take(cursor, 8);

    return bytes == NULL ? 0 : load_u32(bytes) | (uint64_t)load_u32(bytes + 4) << 32;
}

uint64_t cull__cursor_varint_rest(struct cull__cursor *cursor, uint8_t first)
{
    uint64_t value = first & 0x7f;

    for (unsigned shift = 7; shift < 64; shift += 7) {
        const uint8_t *byte = cull__cursor_take(cursor, 1);

        if (byte == NULL) {
            return 0;
        }
        if (shift == 63 && *byte > 1) {
            break; /* more than 64 bits */
        }
        value |= (uint64_t)(*byte & 0x7f) << shift;
        if ((*byte & 0x80) == 0) {
            if (*byte == 0) {
                break; /* padded: not canonical */
            }
            return value;
        }
    }
    cursor->failed = true;
    return 0;
}

size_t cull__cursor_count(struct cull__cursor *cursor, size_t each_bytes_min, size_t max)
{
    uint64_t count = cull__cursor_varint_max(cursor, max);

    CULL_ASSERT(each_bytes_min > 0);
    if (count > cull__cursor_left(cursor) / each_bytes_min) {
        cursor->failed = true;
        return 0;
    }
    return (size_t)count;
}

const char *cull__cursor_text(struct cull__cursor *cursor, size_t *len, size_t max)
{
    size_t count = cull__cursor_count(cursor, 1, max);
    const char *text = (const char *)cull__cursor_take(cursor, count);

    if (text != NULL && count > 0 && memchr(text, '\0', count) != NULL) {
        cursor->failed = true;
    }
    *len = cursor->failed ? 0 : count;
    return cursor->failed ? "" : text;
}
