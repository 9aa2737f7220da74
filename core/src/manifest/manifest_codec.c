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
 *                7      1  flags; 1: the payload begins with the manifest's head; 2: the checksum of
 *                          the entries is a sum of their hashes (manifest_sum.c)
 *                8      8  bytes of the payload before it was deflated
 *               16      4  entries of the manifest
 *               20      4  edits in the payload
 *               24      8  checksum of all entries of the manifest and of its head; XXH3-64
 *               32      8  XXH3-64 of the payload, seeded with the header's first 32 bytes
 *               40      8  bytes of the deflated payload: all that follow
 *
 *           payload: the head, if there is one, as varint length and bytes. For each edit, by path:
 *           varint bytes shared with the path before, varint length and bytes of the rest; then u8
 *           tag; then for a blob its digest, for a reference digest text and ref, each as varint
 *           length and bytes; then the size as varint, if any; then its other members, if any, as
 *           the path: beside those of the edit before that has some.
 *           tag: 0 remove; cull_entry_kind, with 16 added if a size follows, 32 if members do.
 * INVARIANT One pair of manifests has one payload: paths strictly ascend, shared is as long as can
 *           be, every edit changes something. The decoder accepts nothing else.
 * COST      O(previous + next) to write and to read. A payload of over 1 MiB is never in memory as a
 *           whole, if there is a scratch file for the document: it is made twice, because the
 *           header in front of it tells its length. Reading takes the document in pieces.
 * FAILURE   Whatever does not decode to exactly what was encoded is CULL_E_CORRUPT; nothing of it is
 *           given out before the last byte was checked. The length to inflate to is bounded by
 *           what deflate can do with the bytes that there are.
 * WHY NOT   JSON in the store: five times the bytes, and the text is not the identity anyway.
 */
#include "manifest/manifest_spill.h"

#include <unistd.h>
#include <zlib.h>

#include "base/hash.h"

#define HEADER_BYTES 48
#define HEADER_SEEDED_BYTES 32
#define FORMAT_VERSION 1
#define FORM_FULL 1
#define FORM_PATCH 2
#define FLAG_HEAD 1
#define FLAG_SUM 2 /* all that are written; those before have not */
#define TAG_SIZE_FOLLOWS 16
#define TAG_MEMBERS_FOLLOW 32
#define PIECE_BYTES ((size_t)64 * 1024)
#define PAYLOAD_MEMORY_BYTES ((size_t)1 << 20) /* of a payload that is made once */
/* Two paths' lengths, a path, a tag, two references with their lengths, a size, two lengths of
 * members, these: no edit is longer, and no head */
#define EDIT_BYTES_MAX \
    (10 + 10 + CULL_PATH_BYTES_MAX + 1 + 2 * (10 + CULL_REF_BYTES_MAX) + 30 + CULL_REF_BYTES_MAX)
#define DEFLATE_RATIO_MAX 1032 /* of zlib: no input grows more */
#define DEFLATE_LEVEL 1        /* digests do not deflate, and paths are front-coded already */
#define DEFLATE_BYTES_MIN 1024 /* what is smaller is stored as it is: 150 bytes would become 151 */

static const uint8_t magic[4] = { 'c', 'M', 'F', 'T' };

struct header {
    uint8_t form;
    uint8_t kind;
    uint8_t flags;
    uint64_t payload_len;
    uint32_t entry_count;
    uint32_t edit_count;
    uint64_t entries_checksum;
    uint64_t payload_checksum;
    uint64_t deflated_len;
};

/* ---- payload ---- */

/* Takes the payload in pieces as it is made; other than CULL_OK ends the making. */
typedef cull_status (*payload_take_fn)(void *ctx, const uint8_t *data, size_t len, cull_error *err);

struct payload_writer {
    struct cull__buf *out;
    payload_take_fn take; /* NULL: all of it stays in out */
    void *ctx;
    uint64_t taken; /* bytes of the payload that have left out */
    bool has_head;  /* next's is written too */
    size_t last_len;
    uint32_t edit_count;
    struct cull__buf members;       /* of the last edit that had some */
    char last[CULL_PATH_BYTES_MAX]; /* path of the edit before */
};

static size_t shared_len(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t shared = 0;

    while (shared < a_len && shared < b_len && a[shared] == b[shared]) {
        shared++;
    }
    return shared;
}

static void payload_path(struct payload_writer *writer, const char *path, size_t len)
{
    size_t shared = shared_len(writer->last, writer->last_len, path, len);

    cull__buf_varint(writer->out, shared);
    cull__buf_text(writer->out, path + shared, len - shared);
    memcpy(writer->last + shared, path + shared, len - shared);
    writer->last_len = len;
    writer->edit_count++;
}

static void payload_members(struct payload_writer *writer, const char *members)
{
    struct cull__buf *last = &writer->members;
    size_t len = strlen(members);
    size_t shared = shared_len((const char *)last->data, last->len, members, len);

    cull__buf_varint(writer->out, shared);
    cull__buf_text(writer->out, members + shared, len - shared);
    if (shared < len || shared < last->len) {
        last->allocator = writer->out->allocator;
        last->len = shared;
        cull__buf_put(last, members + shared, len - shared);
    }
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
    cull__buf_u8(writer->out, (uint8_t)(entry.kind + (sized ? TAG_SIZE_FOLLOWS : 0) +
                                        (entry.members != NULL ? TAG_MEMBERS_FOLLOW : 0)));
    if (entry.kind == CULL_ENTRY_BLOB) {
        cull__buf_put(writer->out, entry.digest.bytes, cull_digest_len(manifest->kind));
    } else {
        cull__buf_text(writer->out, entry.digest_text, strlen(entry.digest_text));
        cull__buf_text(writer->out, entry.ref, strlen(entry.ref));
    }
    if (sized) {
        cull__buf_varint(writer->out, entry.size_bytes);
    }
    if (entry.members != NULL) {
        payload_members(writer, entry.members);
    }
}

/* Hand on what has gathered. */
static cull_status payload_flush(struct payload_writer *writer, size_t begin, cull_error *err)
{
    struct cull__buf *out = writer->out;
    size_t len = out->len - begin;
    cull_status status = writer->take(writer->ctx, out->data + begin, len, err);

    writer->taken += len;
    out->len = begin;
    return status;
}

/* What an edit added is in bounds, and leaves when there is enough of it. */
static cull_status payload_added(struct payload_writer *writer, size_t begin, cull_error *err)
{
    const struct cull__buf *out = writer->out;

    if (out->failed || writer->members.failed) {
        return cull__error_nomem(err);
    }
    if (writer->taken + (out->len - begin) > CULL__MANIFEST_PAYLOAD_BYTES_MAX) {
        return cull__error_set(err, CULL_E_LIMIT, "manifest of over %u bytes",
                               (unsigned)CULL__MANIFEST_PAYLOAD_BYTES_MAX);
    }
    return writer->take != NULL && out->len - begin >= PIECE_BYTES
               ? payload_flush(writer, begin, err)
               : CULL_OK;
}

/* Compare all entries. */
static cull_status payload_write_all(struct payload_writer *writer, const cull_manifest *previous,
                                     const cull_manifest *next, size_t begin, cull_error *err)
{
    size_t before_count = previous != NULL ? previous->count : 0;
    size_t before = 0;
    size_t after = 0;
    cull_status status = CULL_OK;

    while (status == CULL_OK && (before < before_count || after < next->count)) {
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
            payload_remove(writer, previous, before);
        } else {
            payload_put(writer, next, after);
        }
        before += order <= 0;
        after += order >= 0;
        status = payload_added(writer, begin, err);
    }
    return status;
}

/* Every path that differs is among edits: only these are compared. */
static cull_status payload_write_edits(struct payload_writer *writer, const cull_manifest *previous,
                                       const cull_manifest *next, const struct cull_manifest *edits,
                                       size_t begin, cull_error *err)
{
    size_t before = 0;
    size_t after = 0;
    cull_status status = CULL_OK;

    for (size_t edit = 0; status == CULL_OK && edit < edits->count; edit++) {
        bool was;
        bool is;

        before = cull__manifest_place(previous, before, edits, edit);
        after = cull__manifest_place(next, after, edits, edit);
        was =
            before < previous->count && cull__manifest_compare(previous, before, edits, edit) == 0;
        is = after < next->count && cull__manifest_compare(next, after, edits, edit) == 0;
        if (was && !is) {
            payload_remove(writer, previous, before);
        } else if (is && !(was && cull__manifest_same(previous, before, next, after))) {
            payload_put(writer, next, after);
        }
        status = payload_added(writer, begin, err);
    }
    return status;
}

static cull_status payload_write(struct payload_writer *writer, const cull_manifest *previous,
                                 const cull_manifest *next, const cull_manifest_patch *patch,
                                 cull_error *err)
{
    struct cull__buf *out = writer->out;
    size_t begin = out->len;
    cull_status status;

    CULL_ASSERT(next->sealed);
    CULL_ASSERT(previous == NULL || (previous->sealed && previous->kind == next->kind));
    CULL_ASSERT(patch == NULL || (previous != NULL && patch->edits.sealed));
    if (writer->has_head) {
        cull__buf_text(out, next->head, strlen(next->head));
    }
    status = patch == NULL ? payload_write_all(writer, previous, next, begin, err)
                           : payload_write_edits(writer, previous, next, &patch->edits, begin, err);
    if (status == CULL_OK) { /* a head without edits has not been looked at */
        status = payload_added(writer, begin, err);
    }
    if (status == CULL_OK && writer->take != NULL && out->len > begin) {
        status = payload_flush(writer, begin, err);
    }
    cull__buf_release(&writer->members);
    if (status == CULL_OK && previous != NULL) {
        status = cull_manifest_check(previous, err);
    }
    return status == CULL_OK ? cull_manifest_check(next, err) : status;
}

cull_status cull__manifest_payload_encode(struct cull__buf *out, const cull_manifest *previous,
                                          const cull_manifest *next, uint32_t *edit_count,
                                          cull_error *err)
{
    struct payload_writer writer = { .out = out };
    cull_status status = payload_write(&writer, previous, next, NULL, err);

    *edit_count = writer.edit_count;
    return status;
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
    struct cull__buf members; /* of the last edit that had some; with a NUL */
};

/* The other members of the next edit, into reader->members; *fault: why they may not be, or NULL. */
static void edit_members(struct payload_reader *reader, const char **fault)
{
    struct cull__buf *last = &reader->members;
    size_t last_len = last->len > 0 ? last->len - 1 : 0;
    size_t shared = (size_t)cull__cursor_varint_max(&reader->cursor, last_len);
    size_t rest_len;
    const char *rest = cull__cursor_text(&reader->cursor, &rest_len, CULL_REF_BYTES_MAX - shared);

    *fault = NULL;
    if (reader->cursor.failed || (shared == last_len && rest_len == 0)) {
        reader->cursor.failed = reader->cursor.failed || last_len == 0;
        return;
    }
    if (rest_len > 0 && shared < last_len && last->data[shared] == (uint8_t)rest[0]) {
        reader->cursor.failed = true;
        return;
    }
    last->len = shared;
    cull__buf_put(last, rest, rest_len);
    cull__buf_u8(last, 0);
    *fault = last->failed ? NULL : cull__members_fault((const char *)last->data, last->len - 1);
}

static cull_status payload_edit(struct payload_reader *reader, struct cull_manifest *edits,
                                cull_error *err)
{
    struct cull__cursor *cursor = &reader->cursor;
    cull_entry entry = { .size_bytes = CULL_SIZE_UNKNOWN };
    const char *fault = NULL;
    cull_error reason;
    cull_status status;
    uint8_t tag;

    edit_path(cursor, reader->path, &reader->path_len);
    tag = cull__cursor_u8(cursor);
    entry.path = reader->path;
    entry.path_len = reader->path_len;
    entry.kind = (cull_entry_kind)(tag & ~(TAG_SIZE_FOLLOWS | TAG_MEMBERS_FOLLOW));
    if (entry.kind > CULL_ENTRY_ARTIFACT || (entry.kind == CULL_ENTRY_NONE && tag != 0)) {
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
    if ((tag & TAG_MEMBERS_FOLLOW) != 0) {
        edit_members(reader, &fault);
        entry.members = (const char *)reader->members.data;
        if (reader->members.failed) {
            return cull__error_nomem(err);
        }
    }
    if (cursor->failed || fault != NULL) {
        return edits_damaged(err, fault != NULL ? fault : "an edit does not decode");
    }
    status = cull__manifest_check_path(entry.path, entry.path_len, &reason);
    if (status == CULL_OK) {
        status = cull__manifest_add_checked(edits, &entry, &reason);
    }
    if (status == CULL_OK || status == CULL_E_INVALID || status == CULL_E_LIMIT) {
        return status == CULL_OK ? CULL_OK : edits_damaged(err, "an entry that may not be");
    }
    return cull__error_set(err, status, "%s", reason.message);
}

/* What a merge of stored edits says is wrong with them is damage. */
static cull_status merged(cull_status status, const cull_error *reason, cull_error *err)
{
    if (status == CULL_OK || status == CULL_E_INVALID || status == CULL_E_LIMIT) {
        return status == CULL_OK ? CULL_OK
                                 : edits_damaged(err, "its edits do not fit what was there before");
    }
    return cull__error_set(err, status, "%s", reason->message);
}

/* Seal, and do the edits to previous, if there is one. What is wrong with them is damage. */
static cull_status payload_finish(cull_manifest **out, const cull_manifest *previous,
                                  cull_manifest *edits, enum cull__manifest_merge how,
                                  cull_error *err)
{
    cull_error reason;
    cull_status status = cull_manifest_seal(edits, &reason);

    if (status == CULL_OK && previous != NULL) {
        status = cull__manifest_merge(out, previous, edits, how, edits->allocator, &reason);
    }
    return merged(status, &reason, err);
}

static cull_status payload_begin(struct payload_reader **reader, cull_manifest **edits,
                                 const cull_manifest *previous, cull_digest_kind kind,
                                 const cull_scratch *scratch, const cull_allocator *allocator)
{
    *reader = cull__alloc_zero(allocator, 1, sizeof **reader);
    if (*reader == NULL || cull_manifest_new_in(edits, kind, scratch, allocator) != CULL_OK) {
        cull__free(allocator, *reader);
        *reader = NULL;
        return CULL_E_NOMEM;
    }
    (*edits)->edits = previous != NULL;
    (*reader)->digest_text.allocator = (*reader)->ref.allocator = allocator;
    (*reader)->members.allocator = allocator;
    return CULL_OK;
}

static void payload_end(struct payload_reader *reader, const cull_allocator *allocator)
{
    if (reader != NULL) {
        cull__buf_release(&reader->digest_text);
        cull__buf_release(&reader->ref);
        cull__buf_release(&reader->members);
        cull__free(allocator, reader);
    }
}

cull_status cull__manifest_payload_apply(cull_manifest **out, const cull_manifest *previous,
                                         cull_digest_kind kind, const void *payload, size_t len,
                                         uint32_t edit_count, const cull_allocator *allocator,
                                         cull_error *err)
{
    const cull_allocator *used = allocator != NULL ? allocator : cull_allocator_default();
    struct payload_reader *reader;
    cull_manifest *edits = NULL; /* without a previous manifest, these are the manifest */
    cull_status status = CULL_OK;

    *out = NULL;
    if (payload_begin(&reader, &edits, previous, kind, NULL, used) != CULL_OK) {
        return cull__error_nomem(err);
    }
    reader->cursor = cull__cursor(payload, len);
    for (uint32_t edit = 0; edit < edit_count && status == CULL_OK; edit++) {
        status = payload_edit(reader, edits, err);
    }
    if (status == CULL_OK && !cull__cursor_done(&reader->cursor)) {
        status = edits_damaged(err, "something stands behind its edits");
    }
    if (status == CULL_OK) {
        status = payload_finish(out, previous, edits, CULL__MERGE_STRICT, err);
    }
    if (status == CULL_OK && previous == NULL) {
        *out = edits;
        edits = NULL;
    }
    payload_end(reader, used);
    cull_manifest_free(edits);
    return status;
}

/* ---- document ---- */

static void header_put(uint8_t bytes[HEADER_BYTES], const struct header *header)
{
    uint64_t numbers[] = { header->payload_len,
                           header->entry_count | (uint64_t)header->edit_count << 32,
                           header->entries_checksum, header->payload_checksum,
                           header->deflated_len };

    memcpy(bytes, magic, sizeof magic);
    bytes[4] = FORMAT_VERSION;
    bytes[5] = header->form;
    bytes[6] = header->kind;
    bytes[7] = header->flags;
    for (size_t byte = 0; byte < 8 * ARRAY_LEN(numbers); byte++) {
        bytes[8 + byte] = (uint8_t)(numbers[byte / 8] >> (8 * (byte % 8)));
    }
}

/* The payload's checksum is over the header's first part too, so that no byte of it can change
 * unnoticed. */
static uint64_t payload_seed(const uint8_t *header)
{
    return XXH3_64bits(header, HEADER_SEEDED_BYTES);
}

static bool header_take(struct header *header, const void *data, size_t len)
{
    struct cull__cursor cursor = cull__cursor(data, len);
    const uint8_t *mark = cull__cursor_take(&cursor, sizeof magic);
    uint8_t version = cull__cursor_u8(&cursor);

    header->form = cull__cursor_u8(&cursor);
    header->kind = cull__cursor_u8(&cursor);
    header->flags = cull__cursor_u8(&cursor);
    header->payload_len = cull__cursor_u64(&cursor);
    header->entry_count = cull__cursor_u32(&cursor);
    header->edit_count = cull__cursor_u32(&cursor);
    header->entries_checksum = cull__cursor_u64(&cursor);
    header->payload_checksum = cull__cursor_u64(&cursor);
    header->deflated_len = cull__cursor_u64(&cursor);
    return !cursor.failed && memcmp(mark, magic, sizeof magic) == 0 && version == FORMAT_VERSION &&
           header->flags <= (FLAG_HEAD | FLAG_SUM) &&
           (header->form == FORM_FULL || header->form == FORM_PATCH) &&
           cull_digest_len((cull_digest_kind)header->kind) > 0 &&
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

/* ---- writing ---- */

void cull__manifest_document_release(struct cull__manifest_document *document)
{
    cull__buf_release(&document->bytes);
    if (document->fd >= 0) {
        (void)close(document->fd);
        document->fd = -1;
    }
    document->len = 0;
}

cull_status cull__manifest_document_read(const struct cull__manifest_document *document,
                                         uint64_t at, void *data, size_t len, cull_error *err)
{
    CULL_ASSERT(at <= document->len && len <= document->len - at);
    if (document->fd >= 0) {
        return cull__scratch_read(document->fd, data, len, at, err);
    }
    if (len > 0) {
        memcpy(data, document->bytes.data + at, len);
    }
    return CULL_OK;
}

/* A document on its way: deflated bytes leave into the document's buffer or its file. */
struct deflater {
    XXH3_state_t checksum;
    bool stores; /* the payload is one stored block */
    z_stream stream;
    struct cull__manifest_document *document;
    uint8_t *piece; /* of what comes from the stream */
};

static cull_status document_put(struct cull__manifest_document *document, const uint8_t *data,
                                size_t len, cull_error *err)
{
    cull_status status = CULL_OK;

    if (document->fd >= 0) {
        status = cull__scratch_write(document->fd, data, len, document->len, err);
    } else {
        cull__buf_put(&document->bytes, data, len);
        status = document->bytes.failed ? cull__error_nomem(err) : CULL_OK;
    }
    document->len += len;
    return status;
}

/* The few edits of most patches do not get any smaller, and zlib clears 64 KiB to find out. */
static cull_status deflater_begin(struct deflater *deflater, const struct header *header,
                                  const cull_allocator *allocator, cull_error *err)
{
    uint8_t bytes[HEADER_BYTES];

    header_put(bytes, header);
    (void)XXH3_64bits_reset_withSeed(&deflater->checksum, payload_seed(bytes));
    deflater->stores = header->payload_len < DEFLATE_BYTES_MIN;
    if (deflater->stores) { /* RFC 1951, section 3.2.4; it is the last block */
        unsigned len = (unsigned)header->payload_len;
        uint8_t block[] = { 1, (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)~len,
                            (uint8_t)(~len >> 8) };

        return document_put(deflater->document, block, sizeof block, err);
    }
    zlib_init(&deflater->stream, allocator);
    deflater->piece = cull__alloc(allocator, PIECE_BYTES, 1);
    /* raw deflate: the checksum is ours */
    return deflater->piece != NULL && deflateInit2(&deflater->stream, DEFLATE_LEVEL, Z_DEFLATED,
                                                   -15, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK
               ? CULL_OK
               : cull__error_nomem(err);
}

static cull_status deflater_take(void *ctx, const uint8_t *data, size_t len, cull_error *err)
{
    struct deflater *deflater = ctx;
    z_stream *stream = &deflater->stream;
    int flush = data == NULL ? Z_FINISH : Z_NO_FLUSH;
    cull_status status = CULL_OK;

    if (len > 0) {
        (void)XXH3_64bits_update(&deflater->checksum, data, len);
    }
    if (deflater->stores) {
        return len > 0 ? document_put(deflater->document, data, len, err) : CULL_OK;
    }
    stream->next_in = (uint8_t *)(uintptr_t)data; /* zlib only reads it */
    stream->avail_in = (uInt)len;
    do {
        int done;

        stream->next_out = deflater->piece;
        stream->avail_out = PIECE_BYTES;
        done = deflate(stream, flush);
        CULL_ASSERT(done != Z_STREAM_ERROR);
        status =
            document_put(deflater->document, deflater->piece, PIECE_BYTES - stream->avail_out, err);
    } while (status == CULL_OK && stream->avail_out == 0);
    return status;
}

/* The header, once all of it is known. */
static cull_status deflater_end(struct deflater *deflater, struct header *header, cull_error *err)
{
    struct cull__manifest_document *document = deflater->document;
    cull_status status = deflater_take(deflater, NULL, 0, err);
    uint8_t bytes[HEADER_BYTES];

    if (status != CULL_OK) {
        return status;
    }
    header->payload_checksum = XXH3_64bits_digest(&deflater->checksum);
    header->deflated_len = document->len - HEADER_BYTES;
    header_put(bytes, header);
    if (document->fd >= 0) {
        return cull__scratch_write(document->fd, bytes, sizeof bytes, 0, err);
    }
    memcpy(document->bytes.data, bytes, sizeof bytes);
    return CULL_OK;
}

/* The first pass over a payload: how long it is, and the payload itself as long as it is short. */
static cull_status measure(void *ctx, const uint8_t *data, size_t len, cull_error *err)
{
    struct cull__buf *kept = ctx;

    (void)err;
    if (!kept->failed && kept->len + len <= PAYLOAD_MEMORY_BYTES) {
        cull__buf_put(kept, data, len);
    } else { /* or there is no memory for it: then it is made once more too */
        kept->failed = true;
    }
    return CULL_OK;
}

static cull_status make_payload(struct deflater *deflater, struct header *header,
                                const cull_manifest *previous, const cull_manifest *next,
                                const cull_manifest_patch *patch, const cull_allocator *allocator,
                                cull_error *err)
{
    struct cull__buf piece = CULL__BUF_INIT(allocator);
    struct cull__buf kept = CULL__BUF_INIT(allocator);
    struct payload_writer *writer = cull__alloc_zero(allocator, 1, sizeof *writer);
    cull_status status = writer == NULL ? cull__error_nomem(err) : CULL_OK;

    if (status == CULL_OK) {
        *writer = (struct payload_writer){
            .out = &piece, .take = measure, .ctx = &kept, .has_head = next->head != NULL
        };
        status = payload_write(writer, previous, next, patch, err);
        header->payload_len = writer->taken;
        header->edit_count = writer->edit_count;
    }
    if (status == CULL_OK) {
        status = deflater_begin(deflater, header, allocator, err);
    }
    if (status == CULL_OK && !kept.failed) {
        status = kept.len > 0 ? deflater_take(deflater, kept.data, kept.len, err) : CULL_OK;
    } else if (status == CULL_OK) {
        *writer = (struct payload_writer){
            .out = &piece, .take = deflater_take, .ctx = deflater, .has_head = next->head != NULL
        };
        status = payload_write(writer, previous, next, patch, err);
    }
    cull__free(allocator, writer);
    cull__buf_release(&piece);
    cull__buf_release(&kept);
    return status;
}

cull_status cull__manifest_encode_in(struct cull__manifest_document *out,
                                     const cull_manifest *previous, const cull_manifest *next,
                                     const cull_manifest_patch *patch, const cull_scratch *scratch,
                                     const cull_allocator *allocator, cull_error *err)
{
    struct header header = { .form = previous == NULL ? FORM_FULL : FORM_PATCH,
                             .kind = (uint8_t)next->kind,
                             .flags = (uint8_t)(FLAG_SUM | (next->head != NULL ? FLAG_HEAD : 0)),
                             .entry_count = (uint32_t)next->count,
                             .entries_checksum =
                                 cull__manifest_head_sum(next) +
                                 (next->sum_known ? next->sum : cull__manifest_add_up(next)) };
    struct deflater deflater = { .document = out };
    uint8_t *room;
    cull_status status = CULL_OK;

    *out = (struct cull__manifest_document){ .bytes = CULL__BUF_INIT(allocator), .fd = -1 };
    if (scratch != NULL && (next->spill != NULL || (previous != NULL && previous->spill != NULL))) {
        status = scratch->open(scratch->ctx, &out->fd, err);
    } else {
        room = cull__buf_room(&out->bytes, HEADER_BYTES);
        status = room == NULL ? cull__error_nomem(err) : CULL_OK;
        out->bytes.len = room == NULL ? 0 : HEADER_BYTES;
    }
    out->len = HEADER_BYTES;
    if (status == CULL_OK) {
        status = make_payload(&deflater, &header, previous, next, patch, allocator, err);
    }
    if (status == CULL_OK) {
        status = deflater_end(&deflater, &header, err);
    }
    (void)deflateEnd(&deflater.stream); /* harmless if it never began */
    cull__free(allocator, deflater.piece);
    if (status != CULL_OK) {
        cull__manifest_document_release(out);
    }
    return status;
}

cull_status cull__manifest_encode(struct cull__buf *out, const cull_manifest *previous,
                                  const cull_manifest *next, cull_error *err)
{
    struct cull__manifest_document document;
    cull_status status =
        cull__manifest_encode_in(&document, previous, next, NULL, NULL, out->allocator, err);

    if (status == CULL_OK) {
        cull__buf_put(out, document.bytes.data, document.bytes.len);
        if (out->failed) {
            status = cull__error_nomem(err);
        }
        cull__manifest_document_release(&document);
    }
    return status;
}

/* ---- reading ---- */

struct cull__manifest_decoder {
    XXH3_state_t checksum; /* asks for a place at a multiple of 64 */
    void *block;           /* that holds all this */
    const cull_allocator *allocator;
    const cull_scratch *scratch;
    const cull_manifest *previous;
    uint8_t head[HEADER_BYTES];
    size_t head_len; /* of it that is there */
    struct header header;
    uint64_t deflated; /* bytes that came behind the header */
    z_stream stream;
    bool inflated;         /* its stream has ended */
    struct cull__buf text; /* of the payload, from text_at on not read yet */
    size_t text_at;
    bool head_is_read;
    uint64_t payload_len; /* that came out so far */
    struct payload_reader *reader;
    cull_manifest *edits;
    uint32_t edit_count;
};

cull_status cull__manifest_decoder_new(struct cull__manifest_decoder **out,
                                       const cull_manifest *previous, const cull_scratch *scratch,
                                       const cull_allocator *allocator)
{
    const cull_allocator *used = allocator != NULL ? allocator : cull_allocator_default();
    size_t align = _Alignof(struct cull__manifest_decoder);
    uint8_t *block = cull__alloc_zero(used, 1, sizeof(struct cull__manifest_decoder) + align);
    struct cull__manifest_decoder *decoder;

    *out = NULL;
    if (block == NULL) {
        return CULL_E_NOMEM;
    }
    decoder = (void *)(block + (align - (uintptr_t)block % align));
    *out = decoder;
    decoder->block = block;
    decoder->allocator = used;
    decoder->scratch = scratch;
    decoder->previous = previous;
    decoder->text.allocator = used;
    return CULL_OK;
}

void cull__manifest_decoder_free(struct cull__manifest_decoder *decoder)
{
    if (decoder != NULL) {
        (void)inflateEnd(&decoder->stream); /* harmless if it never began */
        cull__buf_release(&decoder->text);
        payload_end(decoder->reader, decoder->allocator);
        cull_manifest_free(decoder->edits);
        cull__free(decoder->allocator, decoder->block);
    }
}

static cull_status decoder_begin(struct cull__manifest_decoder *decoder, cull_error *err)
{
    const cull_manifest *previous = decoder->previous;
    struct header *header = &decoder->header;

    if (!header_take(header, decoder->head, HEADER_BYTES)) {
        return edits_damaged(err, "its header");
    }
    if ((header->form == FORM_FULL) != (previous == NULL) ||
        (previous != NULL && header->kind != (uint8_t)previous->kind)) {
        return edits_damaged(err, "it does not fit what was there before");
    }
    (void)XXH3_64bits_reset_withSeed(&decoder->checksum, payload_seed(decoder->head));
    zlib_init(&decoder->stream, decoder->allocator);
    if (inflateInit2(&decoder->stream, -15) != Z_OK ||
        payload_begin(&decoder->reader, &decoder->edits, previous, (cull_digest_kind)header->kind,
                      decoder->scratch, decoder->allocator) != CULL_OK) {
        return cull__error_nomem(err);
    }
    return CULL_OK;
}

/* The head, if one stands before the edits. */
static cull_status decoder_head(struct cull__manifest_decoder *decoder, cull_error *err)
{
    struct cull__cursor *cursor = &decoder->reader->cursor;
    struct cull__buf text = CULL__BUF_INIT(decoder->allocator);
    cull_error reason = { CULL_OK, "" };
    size_t len;
    const char *head = cull__cursor_text(cursor, &len, CULL_REF_BYTES_MAX);
    cull_status status = CULL_E_NOMEM;

    decoder->head_is_read = true;
    cull__buf_put(&text, head, len);
    cull__buf_u8(&text, 0);
    if (!text.failed) {
        status = cull_manifest_head_set(decoder->edits, (const char *)text.data, &reason);
    }
    cull__buf_release(&text);
    if (status == CULL_E_NOMEM) {
        return cull__error_nomem(err);
    }
    return !cursor->failed && status == CULL_OK && decoder->edits->head != NULL
               ? CULL_OK
               : edits_damaged(err, "its head");
}

/* Read the edits that are there whole for sure: all, if it is the payload's end. */
static cull_status decoder_read(struct cull__manifest_decoder *decoder, bool is_end,
                                cull_error *err)
{
    struct payload_reader *reader = decoder->reader;
    struct cull__buf *text = &decoder->text;
    cull_status status = CULL_OK;

    if ((decoder->header.flags & FLAG_HEAD) != 0 && !decoder->head_is_read &&
        (is_end || text->len >= EDIT_BYTES_MAX)) {
        reader->cursor = cull__cursor(text->data, text->len);
        status = decoder_head(decoder, err);
        decoder->text_at = (size_t)(reader->cursor.at - text->data);
    }
    while (status == CULL_OK && decoder->edit_count < decoder->header.edit_count &&
           (is_end || text->len - decoder->text_at >= EDIT_BYTES_MAX)) {
        reader->cursor = cull__cursor(text->data + decoder->text_at, text->len - decoder->text_at);
        status = payload_edit(reader, decoder->edits, err);
        decoder->text_at = (size_t)(reader->cursor.at - text->data);
        decoder->edit_count++;
    }
    if (decoder->text_at > 0) { /* what is left moves to the front */
        memmove(text->data, text->data + decoder->text_at, text->len - decoder->text_at);
        text->len -= decoder->text_at;
        decoder->text_at = 0;
    }
    return status;
}

static cull_status decoder_inflate(struct cull__manifest_decoder *decoder, const uint8_t *data,
                                   size_t len, cull_error *err)
{
    z_stream *stream = &decoder->stream;
    struct cull__buf *text = &decoder->text;
    cull_status status = CULL_OK;

    decoder->deflated += len;
    if (decoder->deflated > decoder->header.deflated_len || (decoder->inflated && len > 0)) {
        return edits_damaged(err, "something stands behind it");
    }
    stream->next_in = (uint8_t *)(uintptr_t)data; /* zlib only reads it */
    stream->avail_in = (uInt)len;
    do {
        /* one byte more than may come, so that what comes too much is seen */
        uint64_t left = decoder->header.payload_len - decoder->payload_len + 1;
        size_t want = left < EDIT_BYTES_MAX ? (size_t)left : EDIT_BYTES_MAX;
        uint8_t *room = cull__buf_room(text, want);
        size_t made;
        int done;

        if (room == NULL) {
            return cull__error_nomem(err);
        }
        stream->next_out = room;
        stream->avail_out = (uInt)want;
        done = inflate(stream, Z_NO_FLUSH);
        made = want - stream->avail_out;
        decoder->payload_len += made;
        if (done == Z_MEM_ERROR) {
            return cull__error_nomem(err);
        }
        if ((done != Z_OK && done != Z_STREAM_END && done != Z_BUF_ERROR) ||
            decoder->payload_len > decoder->header.payload_len ||
            (done == Z_STREAM_END && stream->avail_in > 0)) {
            return edits_damaged(err, "it does not inflate");
        }
        (void)XXH3_64bits_update(&decoder->checksum, room, made);
        text->len += made;
        decoder->inflated = done == Z_STREAM_END;
        status = decoder_read(decoder, false, err);
    } while (status == CULL_OK && !decoder->inflated && stream->avail_out == 0);
    return status;
}

cull_status cull__manifest_decoder_feed(struct cull__manifest_decoder *decoder, const void *data,
                                        size_t len, cull_error *err)
{
    size_t head = HEADER_BYTES - decoder->head_len;
    const uint8_t *from = data;
    cull_status status = CULL_OK;

    head = head < len ? head : len;
    if (head > 0) {
        memcpy(decoder->head + decoder->head_len, from, head);
        decoder->head_len += head;
        if (decoder->head_len == HEADER_BYTES) {
            status = decoder_begin(decoder, err);
        }
    }
    /* zlib counts what it is given in 32 bits */
    for (size_t at = head; status == CULL_OK && at < len; at += PIECE_BYTES) {
        size_t left = len - at;

        status = decoder_inflate(decoder, from + at, left < PIECE_BYTES ? left : PIECE_BYTES, err);
    }
    return status;
}

/* The checks that need the result: what the header promised is what came out. */
static cull_status decoded_check(const struct cull__manifest_promise *promise,
                                 cull_manifest *manifest, cull_error *err)
{
    bool same = manifest->count == promise->entry_count;
    cull_status status;

    manifest->sum_known = false; /* what a merge counted is no look at what it made */
    if (promise->is_sum) {
        cull__manifest_learn_sum(manifest);
        same =
            same && manifest->sum + cull__manifest_head_sum(manifest) == promise->entries_checksum;
    } else {
        same = same && cull__manifest_checksum(manifest) == promise->entries_checksum;
    }
    status = cull_manifest_check(manifest, err);

    if (status == CULL_OK && !same) {
        status = edits_damaged(err, "its entries are not those that were stored");
    }
    return status;
}

static struct cull__manifest_promise promise_of(const struct header *header)
{
    return (struct cull__manifest_promise){ (header->flags & FLAG_SUM) != 0, header->entry_count,
                                            header->entries_checksum };
}

/* The last edits are read, and the document is whole. */
static cull_status decoder_last(struct cull__manifest_decoder *decoder, cull_error *err)
{
    const struct header *header = &decoder->header;
    cull_status status;

    if (decoder->head_len < HEADER_BYTES) {
        return edits_damaged(err, "its header");
    }
    if (!decoder->inflated || decoder->deflated != header->deflated_len ||
        decoder->payload_len != header->payload_len) {
        return edits_damaged(err, "it does not inflate");
    }
    if (XXH3_64bits_digest(&decoder->checksum) != header->payload_checksum) {
        return edits_damaged(err, "wrong checksum");
    }
    status = decoder_read(decoder, true, err);
    if (status == CULL_OK && decoder->text.len > 0) {
        status = edits_damaged(err, "something stands behind its edits");
    }
    return status;
}

cull_status cull__manifest_decoder_end(struct cull__manifest_decoder *decoder, cull_manifest **out,
                                       cull_error *err)
{
    const struct cull__manifest_promise promise = promise_of(&decoder->header);
    cull_status status = decoder_last(decoder, err);

    *out = NULL;
    if (status == CULL_OK) {
        status = payload_finish(out, decoder->previous, decoder->edits, CULL__MERGE_STRICT, err);
    }
    if (status == CULL_OK && decoder->previous == NULL) {
        *out = decoder->edits;
        decoder->edits = NULL;
    }
    if (status == CULL_OK) {
        status = decoded_check(&promise, *out, err);
    }
    if (status != CULL_OK) {
        cull_manifest_free(*out);
        *out = NULL;
    }
    return status;
}

cull_status cull__manifest_decoder_edits(struct cull__manifest_decoder *decoder,
                                         cull_manifest **out,
                                         struct cull__manifest_promise *promise, cull_error *err)
{
    cull_status status = decoder_last(decoder, err);

    *out = NULL;
    if (status == CULL_OK) {
        status = payload_finish(NULL, NULL, decoder->edits, CULL__MERGE_EDITS, err);
    }
    if (status == CULL_OK) {
        *out = decoder->edits;
        decoder->edits = NULL;
        *promise = promise_of(&decoder->header);
    }
    return status;
}

cull_status cull__manifest_compose(cull_manifest **out, const cull_manifest *older,
                                   const cull_manifest *newer, cull_error *err)
{
    cull_error reason;
    cull_status status =
        cull__manifest_merge(out, older, newer, CULL__MERGE_EDITS, older->allocator, &reason);

    return merged(status, &reason, err);
}

cull_status cull__manifest_apply_composed(cull_manifest **out, const cull_manifest *previous,
                                          const cull_manifest *edits,
                                          const struct cull__manifest_promise *promise,
                                          cull_error *err)
{
    cull_error reason;
    cull_status status = cull__manifest_merge(out, previous, edits, CULL__MERGE_COMPOSED,
                                              previous->allocator, &reason);

    status = merged(status, &reason, err);
    if (status == CULL_OK) {
        status = decoded_check(promise, *out, err);
    }
    if (status != CULL_OK) {
        cull_manifest_free(*out);
        *out = NULL;
    }
    return status;
}

cull_status cull__manifest_decode(cull_manifest **out, const cull_manifest *previous,
                                  const void *data, size_t len, const cull_allocator *allocator,
                                  cull_error *err)
{
    struct cull__manifest_decoder *decoder;
    cull_status status;

    *out = NULL;
    if (cull__manifest_decoder_new(&decoder, previous, NULL, allocator) != CULL_OK) {
        return cull__error_nomem(err);
    }
    status = cull__manifest_decoder_feed(decoder, data, len, err);
    if (status == CULL_OK) {
        status = cull__manifest_decoder_end(decoder, out, err);
    }
    cull__manifest_decoder_free(decoder);
    return status;
}
