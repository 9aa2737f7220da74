/*
 * manifest_codec.c - a manifest as a store keeps it: edits, front-coded, deflated.
 *
 * SHAPE     A header of 48 bytes and a deflated payload. A full document is a patch on nothing.
 *
 *           offset  bytes
 *                0      4  magic "cMFT"
 *                4      1  version of this format, 1
 *                5      1  1: full; 2: patch on the previous manifest
 *                6      1  cull_digest_kind
 *                7      1  zero
 *                8      8  bytes of the payload before it was deflated
 *               16      4  entries of the manifest
 *               20      4  edits in the payload
 *               24      8  XXH3-64 of all entries of the manifest
 *               32      8  XXH3-64 of the payload, seeded with the header's first 32 bytes
 *               40      8  bytes of the deflated payload: all that follow
 *
 *           payload: for each edit, by path: varint bytes shared with the path before, varint
 *           length and bytes of the rest; then u8 tag; then for a blob its digest, for a reference
 *           digest text and ref, each as varint length and bytes; then the size as varint, if any.
 *           tag: 0 remove; cull_entry_kind, with 16 added if a size follows.
 * INVARIANT One pair of manifests has one payload: paths strictly ascend, shared is as long as can
 *           be, every edit changes something. The decoder accepts nothing else.
 * COST      O(previous + next) to write and to read; the payload stands in memory as a whole.
 * FAILURE   Whatever does not decode to exactly what was encoded is CULL_E_CORRUPT. The length to
 *           inflate to is bounded by what deflate can do with the bytes that are there.
 * WHY NOT   JSON in the store: five times the bytes, and the text is not the identity anyway.
 */
#include "manifest/manifest_internal.h"

#include <zlib.h>

#include "base/hash.h"

#define HEADER_BYTES 48
#define HEADER_SEEDED_BYTES 32
#define FORMAT_VERSION 1
#define FORM_FULL 1
#define FORM_PATCH 2
#define TAG_SIZE_FOLLOWS 16
#define DEFLATE_RATIO_MAX 1032 /* of zlib: no input grows more */
#define DEFLATE_LEVEL 1        /* digests do not deflate, and paths are front-coded already */

static const uint8_t magic[4] = { 'c', 'M', 'F', 'T' };

struct header {
    uint8_t form;
    uint8_t kind;
    uint64_t payload_len;
    uint32_t entry_count;
    uint32_t edit_count;
    uint64_t entries_checksum;
    uint64_t payload_checksum;
    uint64_t deflated_len;
};

/* ---- payload ---- */

struct payload_writer {
    struct cull__buf *out;
    const char *last; /* path of the edit before */
    size_t last_len;
    uint32_t edit_count;
};

static void payload_path(struct payload_writer *writer, const char *path, size_t len)
{
    size_t shared = 0;

    while (shared < writer->last_len && shared < len && writer->last[shared] == path[shared]) {
        shared++;
    }
    cull__buf_varint(writer->out, shared);
    cull__buf_text(writer->out, path + shared, len - shared);
    writer->last = path;
    writer->last_len = len;
    writer->edit_count++;
}

static void payload_remove(struct payload_writer *writer, const cull_manifest *manifest, size_t i)
{
    cull_entry entry;

    cull_manifest_at(manifest, i, &entry);
    payload_path(writer, entry.path, entry.path_len);
    cull__buf_u8(writer->out, CULL_ENTRY_NONE);
}

static void payload_put(struct payload_writer *writer, const cull_manifest *manifest, size_t i)
{
    cull_entry entry;
    bool sized;

    cull_manifest_at(manifest, i, &entry);
    sized = entry.size_bytes != CULL_SIZE_UNKNOWN;
    payload_path(writer, entry.path, entry.path_len);
    cull__buf_u8(writer->out, (uint8_t)(entry.kind + (sized ? TAG_SIZE_FOLLOWS : 0)));
    if (entry.kind == CULL_ENTRY_BLOB) {
        cull__buf_put(writer->out, entry.digest.bytes, cull_digest_len(manifest->kind));
    } else {
        cull__buf_text(writer->out, entry.digest_text, strlen(entry.digest_text));
        cull__buf_text(writer->out, entry.ref, strlen(entry.ref));
    }
    if (sized) {
        cull__buf_varint(writer->out, entry.size_bytes);
    }
}

cull_status cull__manifest_payload_encode(struct cull__buf *out, const cull_manifest *previous,
                                          const cull_manifest *next, uint32_t *edit_count,
                                          cull_error *err)
{
    struct payload_writer writer = { out, "", 0, 0 };
    size_t begin = out->len;
    size_t before_count = previous != NULL ? previous->count : 0;
    size_t before = 0;
    size_t after = 0;

    CULL_ASSERT(next->sealed);
    CULL_ASSERT(previous == NULL || (previous->sealed && previous->kind == next->kind));
    while (before < before_count || after < next->count) {
        int order;

        if (before < before_count && after < next->count &&
            cull__manifest_same(previous, before, next, after)) { /* nearly all are */
            before++;
            after++;
            continue;
        }
        order = before == before_count ? 1
                : after == next->count ? -1
                                       : cull__manifest_compare(previous, before, next, after);
        if (order < 0) {
            payload_remove(&writer, previous, before);
        } else {
            payload_put(&writer, next, after);
        }
        before += order <= 0;
        after += order >= 0;
        if (out->failed) {
            return cull__error_nomem(err);
        }
        if (out->len - begin > CULL__MANIFEST_PAYLOAD_BYTES_MAX) {
            return cull__error_set(err, CULL_E_LIMIT, "manifest of over %u bytes",
                                   (unsigned)CULL__MANIFEST_PAYLOAD_BYTES_MAX);
        }
    }
    *edit_count = writer.edit_count;
    return CULL_OK;
}

/* The path of the next edit, with a NUL, in path. */
static void edit_path(struct cull__cursor *cursor, char path[CULL_PATH_BYTES_MAX + 1],
                      uint32_t *path_len)
{
    size_t shared = (size_t)cull__cursor_varint_max(cursor, *path_len);
    size_t rest_len;
    const char *rest = cull__cursor_text(cursor, &rest_len, CULL_PATH_BYTES_MAX - shared);
    bool ascends = rest_len > 0 &&
                   (shared == *path_len || (unsigned char)rest[0] > (unsigned char)path[shared]);

    if (cursor->failed || !ascends) {
        cursor->failed = true;
        return;
    }
    memcpy(path + shared, rest, rest_len);
    *path_len = (uint32_t)(shared + rest_len);
    path[*path_len] = '\0';
}

/* A text of the edit, copied so that it ends in NUL. */
static const char *edit_text(struct cull__cursor *cursor, struct cull__buf *to)
{
    size_t len;
    const char *text = cull__cursor_text(cursor, &len, CULL_REF_BYTES_MAX);

    cull__buf_clear(to);
    cull__buf_put(to, text, len);
    cull__buf_u8(to, 0);
    return to->failed ? "" : (const char *)to->data;
}

static void edit_digest(struct cull__cursor *cursor, cull_digest *digest, cull_digest_kind kind)
{
    const uint8_t *bytes = cull__cursor_take(cursor, cull_digest_len(kind));

    if (bytes != NULL) {
        memcpy(digest->bytes, bytes, cull_digest_len(kind));
    }
}

static cull_status edits_damaged(cull_error *err, const char *what)
{
    return cull__error_set(err, CULL_E_CORRUPT, "stored manifest is damaged: %s", what);
}

struct payload_reader {
    struct cull__cursor cursor;
    char path[CULL_PATH_BYTES_MAX + 1];
    uint32_t path_len;
    struct cull__buf digest_text;
    struct cull__buf ref;
};

static cull_status payload_edit(struct payload_reader *reader, struct cull_manifest *edits,
                                cull_error *err)
{
    struct cull__cursor *cursor = &reader->cursor;
    cull_entry entry = { .size_bytes = CULL_SIZE_UNKNOWN };
    cull_status status;
    uint8_t tag;

    edit_path(cursor, reader->path, &reader->path_len);
    tag = cull__cursor_u8(cursor);
    entry.path = reader->path;
    entry.path_len = reader->path_len;
    entry.kind = (cull_entry_kind)(tag & ~TAG_SIZE_FOLLOWS);
    if (entry.kind > CULL_ENTRY_ARTIFACT || tag == TAG_SIZE_FOLLOWS) {
        cursor->failed = true;
    } else if (entry.kind == CULL_ENTRY_BLOB) {
        edit_digest(cursor, &entry.digest, edits->kind);
    } else if (entry.kind != CULL_ENTRY_NONE) {
        entry.digest_text = edit_text(cursor, &reader->digest_text);
        entry.ref = edit_text(cursor, &reader->ref);
        if (reader->digest_text.failed || reader->ref.failed) {
            return cull__error_nomem(err);
        }
    }
    if ((tag & TAG_SIZE_FOLLOWS) != 0) {
        entry.size_bytes = cull__cursor_varint_max(cursor, CULL_SIZE_UNKNOWN - 1);
    }
    if (cursor->failed) {
        return edits_damaged(err, "an edit does not decode");
    }
    status = cull_manifest_add(edits, &entry, NULL);
    if (status == CULL_E_NOMEM) {
        return cull__error_nomem(err);
    }
    return status == CULL_OK ? CULL_OK : edits_damaged(err, "an entry that may not be");
}

/* Seal, and do the edits to previous, if there is one; all that goes wrong but memory is damage. */
static cull_status payload_finish(cull_manifest **out, const cull_manifest *previous,
                                  cull_manifest *edits, cull_error *err)
{
    cull_status status = cull_manifest_seal(edits, NULL);

    if (status == CULL_OK && previous != NULL) {
        status =
            cull__manifest_merge(out, previous, edits, CULL__MERGE_STRICT, edits->allocator, NULL);
    }
    if (status == CULL_E_NOMEM) {
        return cull__error_nomem(err);
    }
    return status == CULL_OK ? CULL_OK
                             : edits_damaged(err, "its edits do not fit what was there before");
}

cull_status cull__manifest_payload_apply(cull_manifest **out, const cull_manifest *previous,
                                         cull_digest_kind kind, const void *payload, size_t len,
                                         uint32_t edit_count, const cull_allocator *allocator,
                                         cull_error *err)
{
    const cull_allocator *used = allocator != NULL ? allocator : cull_allocator_default();
    struct payload_reader *reader = cull__alloc_zero(used, 1, sizeof *reader);
    cull_manifest *edits = NULL; /* without a previous manifest, these are the manifest */
    cull_status status = CULL_OK;

    *out = NULL;
    if (reader == NULL || cull_manifest_new(&edits, kind, used) != CULL_OK) {
        cull__free(used, reader);
        return cull__error_nomem(err);
    }
    edits->edits = previous != NULL;
    reader->cursor = cull__cursor(payload, len);
    reader->digest_text.allocator = reader->ref.allocator = used;
    for (uint32_t edit = 0; edit < edit_count && status == CULL_OK; edit++) {
        status = payload_edit(reader, edits, err);
    }
    if (status == CULL_OK && !cull__cursor_done(&reader->cursor)) {
        status = edits_damaged(err, "something stands behind its edits");
    }
    if (status == CULL_OK) {
        status = payload_finish(out, previous, edits, err);
    }
    if (status == CULL_OK && previous == NULL) {
        *out = edits;
        edits = NULL;
    }
    cull__buf_release(&reader->digest_text);
    cull__buf_release(&reader->ref);
    cull__free(used, reader);
    cull_manifest_free(edits);
    return status;
}

/* ---- document ---- */

static void header_put(struct cull__buf *out, const struct header *header)
{
    cull__buf_put(out, magic, sizeof magic);
    cull__buf_u8(out, FORMAT_VERSION);
    cull__buf_u8(out, header->form);
    cull__buf_u8(out, header->kind);
    cull__buf_u8(out, 0);
    cull__buf_u64(out, header->payload_len);
    cull__buf_u32(out, header->entry_count);
    cull__buf_u32(out, header->edit_count);
    cull__buf_u64(out, header->entries_checksum);
}

/* Over the header's first part too, so that no byte of it can change unnoticed. */
static uint64_t payload_checksum(const uint8_t *header, const void *payload, size_t len)
{
    return XXH3_64bits_withSeed(payload, len, XXH3_64bits(header, HEADER_SEEDED_BYTES));
}

static bool header_take(struct header *header, const void *data, size_t len)
{
    struct cull__cursor cursor = cull__cursor(data, len);
    const uint8_t *mark = cull__cursor_take(&cursor, sizeof magic);
    uint8_t version = cull__cursor_u8(&cursor);
    uint8_t zero;

    header->form = cull__cursor_u8(&cursor);
    header->kind = cull__cursor_u8(&cursor);
    zero = cull__cursor_u8(&cursor);
    header->payload_len = cull__cursor_u64(&cursor);
    header->entry_count = cull__cursor_u32(&cursor);
    header->edit_count = cull__cursor_u32(&cursor);
    header->entries_checksum = cull__cursor_u64(&cursor);
    header->payload_checksum = cull__cursor_u64(&cursor);
    header->deflated_len = cull__cursor_u64(&cursor);
    return !cursor.failed && memcmp(mark, magic, sizeof magic) == 0 && version == FORMAT_VERSION &&
           zero == 0 && (header->form == FORM_FULL || header->form == FORM_PATCH) &&
           cull_digest_len((cull_digest_kind)header->kind) > 0 &&
           header->deflated_len == cull__cursor_left(&cursor) &&
           header->deflated_len <= 2 * CULL__MANIFEST_PAYLOAD_BYTES_MAX &&
           header->payload_len <= CULL__MANIFEST_PAYLOAD_BYTES_MAX &&
           header->payload_len <= (header->deflated_len + 1) * DEFLATE_RATIO_MAX;
}

bool cull__manifest_document_is_full(const void *data, size_t len)
{
    struct header header;

    return header_take(&header, data, len) && header.form == FORM_FULL;
}

static void *zlib_alloc(void *opaque, unsigned items, unsigned size)
{
    return cull__alloc(opaque, items, size);
}

static void zlib_free(void *opaque, void *block)
{
    cull__free(opaque, block);
}

static void zlib_init(z_stream *stream, const cull_allocator *allocator)
{
    memset(stream, 0, sizeof *stream);
    stream->zalloc = zlib_alloc;
    stream->zfree = zlib_free;
    stream->opaque = (void *)allocator; /* zlib's opaque is not const, our functions are */
}

/* Append the deflated payload to out. Raw deflate: the checksum is ours. */
static cull_status payload_deflate(struct cull__buf *out, const struct cull__buf *payload,
                                   cull_error *err)
{
    z_stream stream;
    uint8_t *room;
    size_t bound;
    int done = Z_STREAM_ERROR;

    zlib_init(&stream, out->allocator);
    if (deflateInit2(&stream, DEFLATE_LEVEL, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return cull__error_nomem(err);
    }
    bound = deflateBound(&stream, (uLong)payload->len);
    room = cull__buf_room(out, bound);
    if (room != NULL) {
        stream.next_in = payload->data;
        stream.avail_in = (uInt)payload->len;
        stream.next_out = room;
        stream.avail_out = (uInt)bound;
        done = deflate(&stream, Z_FINISH);
        CULL_ASSERT(done == Z_STREAM_END);
        out->len += stream.total_out;
    }
    (void)deflateEnd(&stream);
    return room != NULL ? CULL_OK : cull__error_nomem(err);
}

static cull_status payload_inflate(uint8_t *payload, const struct header *header,
                                   const uint8_t *deflated, const cull_allocator *allocator,
                                   cull_error *err)
{
    z_stream stream;
    bool whole;

    zlib_init(&stream, allocator);
    if (inflateInit2(&stream, -15) != Z_OK) {
        return cull__error_nomem(err);
    }
    stream.next_in = (uint8_t *)(uintptr_t)deflated; /* zlib only reads it */
    stream.avail_in = (uInt)header->deflated_len;
    stream.next_out = payload;
    stream.avail_out = (uInt)header->payload_len;
    whole = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_in == 0 &&
            stream.total_out == header->payload_len;
    (void)inflateEnd(&stream);
    return whole ? CULL_OK : edits_damaged(err, "it does not inflate");
}

cull_status cull__manifest_encode(struct cull__buf *out, const cull_manifest *previous,
                                  const cull_manifest *next, cull_error *err)
{
    struct cull__buf payload = CULL__BUF_INIT(out->allocator);
    struct header header = { .form = previous == NULL ? FORM_FULL : FORM_PATCH,
                             .kind = (uint8_t)next->kind,
                             .entry_count = (uint32_t)next->count,
                             .entries_checksum = cull__manifest_checksum(next) };
    size_t begin = out->len;
    cull_status status =
        cull__manifest_payload_encode(&payload, previous, next, &header.edit_count, err);

    if (status != CULL_OK) {
        goto done;
    }
    header.payload_len = payload.len;
    header_put(out, &header);
    if (out->failed) {
        status = cull__error_nomem(err);
        goto done;
    }
    cull__buf_u64(out, payload_checksum(out->data + begin, payload.data, payload.len));
    cull__buf_u64(out, 0); /* bytes of the deflated payload, known when it is there */
    status = payload_deflate(out, &payload, err);
    for (size_t byte = 0; status == CULL_OK && byte < 8; byte++) {
        uint64_t deflated_len = out->len - begin - HEADER_BYTES;

        out->data[begin + HEADER_BYTES - 8 + byte] = (uint8_t)(deflated_len >> (8 * byte));
    }
done:
    if (status != CULL_OK && out->len > begin) {
        out->len = begin;
    }
    cull__buf_release(&payload);
    return status;
}

/* The checks that need the result: what the header promised is what came out. */
static cull_status decoded_check(const struct header *header, const cull_manifest *manifest,
                                 cull_error *err)
{
    if (manifest->count != header->entry_count ||
        cull__manifest_checksum(manifest) != header->entries_checksum) {
        return edits_damaged(err, "its entries are not those that were stored");
    }
    return CULL_OK;
}

cull_status cull__manifest_decode(cull_manifest **out, const cull_manifest *previous,
                                  const void *data, size_t len, const cull_allocator *allocator,
                                  cull_error *err)
{
    const cull_allocator *used = allocator != NULL ? allocator : cull_allocator_default();
    struct header header;
    uint8_t *payload;
    cull_status status;

    *out = NULL;
    if (!header_take(&header, data, len)) {
        return edits_damaged(err, "its header");
    }
    if ((header.form == FORM_FULL) != (previous == NULL) ||
        (previous != NULL && header.kind != (uint8_t)previous->kind)) {
        return edits_damaged(err, "it does not fit what was there before");
    }
    payload = cull__alloc(used, (size_t)header.payload_len, 1);
    if (payload == NULL) {
        return cull__error_nomem(err);
    }
    status = payload_inflate(payload, &header, (const uint8_t *)data + HEADER_BYTES, used, err);
    if (status == CULL_OK &&
        payload_checksum(data, payload, (size_t)header.payload_len) != header.payload_checksum) {
        status = edits_damaged(err, "wrong checksum");
    }
    if (status == CULL_OK) {
        status =
            cull__manifest_payload_apply(out, previous, (cull_digest_kind)header.kind, payload,
                                         (size_t)header.payload_len, header.edit_count, used, err);
    }
    if (status == CULL_OK) {
        status = decoded_check(&header, *out, err);
    }
    if (status != CULL_OK) {
        cull_manifest_free(*out);
        *out = NULL;
    }
    cull__free(used, payload);
    return status;
}
