/*
 * audit_pack.c - the audit's rows: cut batches, one after another, deflated.
 *
 * INVARIANT A row holds whole batches without gaps, first_seq to last_seq.
 * COST      zlib level 1: facts are short and repeat names, and the level above gains a tenth
 *           for twice the time.
 * FAILURE   Damage is seen by the row's hash before; here every length is checked all the same,
 *           and a row never inflates to more than one can hold.
 */
#include "log/audit_pack.h"

#include <zlib.h>

#define PACK_LEVEL 1
#define RAW_BYTES_MAX \
    (CULL__PACK_BYTES + CULL__BATCH_BYTES_MAX + 64u) /* a batch more, and its head */

void cull__pack_add(struct cull__pack *pack, uint64_t first_seq, uint32_t fact_count,
                    uint64_t now_ms, const void *data, size_t len)
{
    if (pack->raw.len == 0) {
        pack->first_seq = first_seq;
        pack->first_ms = pack->last_ms = now_ms;
    }
    pack->first_ms = now_ms < pack->first_ms ? now_ms : pack->first_ms;
    pack->last_ms = now_ms > pack->last_ms ? now_ms : pack->last_ms;
    pack->last_seq = first_seq + fact_count - 1;
    cull__buf_varint(&pack->raw, fact_count);
    cull__buf_varint(&pack->raw, now_ms);
    cull__buf_varint(&pack->raw, len);
    cull__buf_put(&pack->raw, data, len);
}

static void *zlib_alloc(void *opaque, unsigned count, unsigned size)
{
    return cull__alloc((const cull_allocator *)opaque, count, size);
}

static void zlib_free(void *opaque, void *block)
{
    cull__free((const cull_allocator *)opaque, block);
}

static z_stream zlib_stream(const cull_allocator *allocator)
{
    z_stream stream = { 0 };

    stream.zalloc = zlib_alloc;
    stream.zfree = zlib_free;
    stream.opaque = (void *)(uintptr_t)allocator; /* zlib hands it back, and only that */
    return stream;
}

cull_status cull__pack_deflate(struct cull__buf *out, struct cull__pack *pack, cull_error *err)
{
    z_stream stream = zlib_stream(out->allocator);
    cull_status status = CULL_E_NOMEM;
    uint8_t *room;
    size_t bound;

    CULL_ASSERT(pack->raw.failed || (pack->raw.len > 0 && pack->raw.len <= RAW_BYTES_MAX));
    if (pack->raw.failed || deflateInit(&stream, PACK_LEVEL) != Z_OK) {
        return cull__error_nomem(err);
    }
    cull__buf_u32(out, (uint32_t)pack->raw.len);
    bound = deflateBound(&stream, pack->raw.len);
    room = cull__buf_room(out, bound);
    if (room != NULL) {
        int code;

        stream.next_in = pack->raw.data;
        stream.avail_in = (uInt)pack->raw.len;
        stream.next_out = room;
        stream.avail_out = (uInt)bound;
        code = deflate(&stream, Z_FINISH);
        CULL_ASSERT(code == Z_STREAM_END); /* the bound is one */
        out->len += bound - stream.avail_out;
        status = CULL_OK;
    }
    (void)deflateEnd(&stream);
    cull__buf_clear(&pack->raw);
    return status == CULL_OK ? CULL_OK : cull__error_nomem(err);
}

/* Inflate into raw, exactly raw_len bytes. */
static cull_status pack_inflate(uint8_t *raw, size_t raw_len, const uint8_t *data, size_t len,
                                const cull_allocator *allocator)
{
    z_stream stream = zlib_stream(allocator);
    int code;

    if (inflateInit(&stream) != Z_OK) {
        return CULL_E_NOMEM;
    }
    stream.next_in = (uint8_t *)(uintptr_t)data; /* zlib's pointer is not const, its use is */
    stream.avail_in = (uInt)len;
    stream.next_out = raw;
    stream.avail_out = (uInt)raw_len;
    code = inflate(&stream, Z_FINISH);
    (void)inflateEnd(&stream);
    if (code == Z_MEM_ERROR) {
        return CULL_E_NOMEM;
    }
    return code == Z_STREAM_END && stream.avail_out == 0 && stream.avail_in == 0 ? CULL_OK
                                                                                 : CULL_E_CORRUPT;
}

static cull_status raw_visit(const uint8_t *raw, size_t raw_len, uint64_t first_seq,
                             uint64_t last_seq, cull__batch_visit_fn visit, void *ctx,
                             bool *damaged, cull_error *err)
{
    struct cull__cursor cursor = cull__cursor(raw, raw_len);
    uint64_t next = first_seq;

    while (cull__cursor_left(&cursor) > 0) {
        uint32_t fact_count = (uint32_t)cull__cursor_varint_max(&cursor, UINT32_MAX);
        uint64_t now_ms = cull__cursor_varint(&cursor);
        size_t len = cull__cursor_count(&cursor, 1, CULL__BATCH_BYTES_MAX);
        const uint8_t *data = cull__cursor_take(&cursor, len);
        cull_status status;

        if (cursor.failed || fact_count == 0 || next > last_seq ||
            fact_count - 1 > last_seq - next) {
            *damaged = true;
            return CULL_E_CORRUPT;
        }
        status = visit(ctx, next, fact_count, now_ms, data, len, err);
        if (status != CULL_OK) {
            return status;
        }
        next += fact_count;
    }
    *damaged = next != last_seq + 1;
    return *damaged ? CULL_E_CORRUPT : CULL_OK;
}

cull_status cull__pack_visit(const void *data, size_t len, uint64_t first_seq, uint64_t last_seq,
                             const cull_allocator *allocator, cull__batch_visit_fn visit, void *ctx,
                             bool *damaged, cull_error *err)
{
    struct cull__cursor cursor = cull__cursor(data, len);
    size_t raw_len = cull__cursor_u32(&cursor);
    uint8_t *raw = NULL;
    cull_status status;

    *damaged = cursor.failed || raw_len > RAW_BYTES_MAX || len > UINT32_MAX;
    if (*damaged) {
        return CULL_E_CORRUPT;
    }
    raw = cull__alloc(allocator, raw_len, 1);
    if (raw == NULL) {
        return cull__error_nomem(err);
    }
    status = pack_inflate(raw, raw_len, cursor.at, cull__cursor_left(&cursor), allocator);
    *damaged = status == CULL_E_CORRUPT;
    if (status == CULL_E_NOMEM) {
        (void)cull__error_nomem(err);
    }
    if (status == CULL_OK) {
        status = raw_visit(raw, raw_len, first_seq, last_seq, visit, ctx, damaged, err);
    }
    cull__free(allocator, raw);
    return status;
}
