/*
 * request.c - requests to bytes and back.
 *
 * SHAPE     Which fields an op carries is one table; encoder and decoder walk the same fields in the
 *           same order, so they cannot differ. Flags that an op does not know are refused.
 * INVARIANT encode(decode(b)) == b, byte for byte, for every b that decodes.
 * COST      One pass. What a decoded request needs is one block: texts take no more than the
 *           payload is long (each had a length byte, its NUL takes that one's place), arrays are
 *           bounded by the bytes that are left for them.
 * FAILURE   Everything read is checked before it is believed; nothing of it is executed here.
 * WHY NOT   text lines: digests, paths and contents are bytes, and one canonical form lets fuzzers
 *           assert more than survival.
 */
#include "store/request.h"

enum request_field {
    SLOT = 1,
    NAME = 2,    /* entity, project, collection */
    TYPE = 4,    /* type */
    RUN = 8,     /* run */
    LABEL = 16,  /* alias, tag, new name */
    BASE = 32,   /* base */
    MS = 64,     /* lease, ttl, advance */
    BLOBS = 128, /* digests and sizes */
    CONTENTS = 256,
    ENTRIES = 512,
    LABELS = 1024, /* aliases, tags, description, metadata */
    VERSIONS = 2048,
    SCOPE = 4096,
    GC = 8192,
    SETTINGS = 16384
};

#define REQUEST_GC_FLAGS                                                                \
    (CULL__REQUEST_VERIFY_FULL | CULL__REQUEST_EMPTY_STORE | CULL__REQUEST_LARGE_PLAN | \
     CULL__REQUEST_LATE_DELETES | CULL__REQUEST_SHORTER_GRACE)
#define REQUEST_FLAGS_MAX 8191
#define REQUEST_LIST_MAX (1u << 20)
#define REQUEST_LABELS_MAX 1024
#define REQUEST_DESCRIPTION_MAX (64u << 10)
#define REQUEST_METADATA_MAX (1u << 20)

static const struct {
    const char *name;
    unsigned fields;
    unsigned flags; /* that it knows */
} request_ops[CULL__REQUEST_OPS] = {
    [CULL__REQUEST_CREATE] = { "create", SETTINGS, 0 },
    [CULL__REQUEST_OPEN] = { "open", SLOT | NAME | TYPE | RUN | BASE | MS, 0 },
    [CULL__REQUEST_PUT] = { "put", SLOT | BLOBS, 0 },
    [CULL__REQUEST_SEND] = { "send", SLOT | CONTENTS, 0 },
    [CULL__REQUEST_PUBLISH] = { "publish", CONTENTS, 0 },
    [CULL__REQUEST_CONFIRM] = { "confirm", SLOT | BLOBS, 0 },
    [CULL__REQUEST_COMMIT] = { "commit", SLOT | ENTRIES | LABELS | MS, CULL__REQUEST_PATCH },
    [CULL__REQUEST_ABORT] = { "abort", SLOT, 0 },
    [CULL__REQUEST_RENEW] = { "renew", SLOT, 0 },
    [CULL__REQUEST_DROP] = { "drop", SLOT, 0 },
    [CULL__REQUEST_ALIAS_SET] = { "alias-set", VERSIONS | LABEL, 0 },
    [CULL__REQUEST_ALIAS_REMOVE] = { "alias-remove", VERSIONS | LABEL, 0 },
    [CULL__REQUEST_TAG] = { "tag", VERSIONS | LABEL, CULL__REQUEST_PRESENT },
    [CULL__REQUEST_DELETE] = { "delete", VERSIONS,
                               CULL__REQUEST_DELETE_ALIASES | CULL__REQUEST_DRY_RUN },
    [CULL__REQUEST_DELETE_SCOPE] = { "delete-scope", SCOPE | NAME | RUN,
                                     CULL__REQUEST_ARTIFACTS | CULL__REQUEST_DRY_RUN },
    [CULL__REQUEST_RESTORE] = { "restore", VERSIONS | LABEL, 0 },
    [CULL__REQUEST_PLAN] = { "plan", SLOT | GC, REQUEST_GC_FLAGS },
    [CULL__REQUEST_EXECUTE] = { "execute", SLOT | GC, REQUEST_GC_FLAGS },
    [CULL__REQUEST_COLLECT] = { "collect", GC, REQUEST_GC_FLAGS },
    [CULL__REQUEST_FINISH] = { "finish", 0, 0 },
    [CULL__REQUEST_FSCK] = { "fsck", 0, CULL__REQUEST_READ_DATA | CULL__REQUEST_REPAIR },
    [CULL__REQUEST_CLOCK] = { "clock", MS, 0 },
    [CULL__REQUEST_REFRESH] = { "refresh", 0, 0 },
    [CULL__REQUEST_MAINTAIN] = { "maintain", 0, CULL__REQUEST_FORCE },
    [CULL__REQUEST_REOPEN] = { "reopen", 0, 0 },
};

const char *cull__request_op_name(unsigned op)
{
    return op < CULL__REQUEST_OPS ? request_ops[op].name : NULL;
}

static bool has_digests(unsigned fields)
{
    return (fields & (BLOBS | ENTRIES)) != 0;
}

/* --- encoding ------------------------------------------------------------------------------- */

static void put_text(struct cull__buf *buf, const char *text)
{
    cull__buf_text(buf, text, strlen(text));
}

static void put_name(struct cull__buf *buf, const char *entity, const char *project,
                     const char *collection)
{
    put_text(buf, entity);
    put_text(buf, project);
    put_text(buf, collection);
}

static void put_texts(struct cull__buf *buf, const char *const *texts, size_t count)
{
    cull__buf_varint(buf, count);
    for (size_t i = 0; i < count; i++) {
        put_text(buf, texts[i]);
    }
}

static void put_blobs(struct cull__buf *buf, const struct cull__request *request)
{
    cull__buf_varint(buf, request->blob_count);
    for (size_t i = 0; i < request->blob_count; i++) {
        cull__buf_put(buf, request->blobs[i].digest.bytes, cull_digest_len(request->kind));
        cull__buf_varint(buf, request->blobs[i].size_bytes);
    }
}

static void put_contents(struct cull__buf *buf, const struct cull__request *request)
{
    cull__buf_varint(buf, request->content_count);
    for (size_t i = 0; i < request->content_count; i++) {
        cull__buf_text(buf, (const char *)request->contents[i].data, request->contents[i].len);
    }
}

static void put_entries(struct cull__buf *buf, const struct cull__request *request)
{
    cull__buf_varint(buf, request->entry_count);
    for (size_t i = 0; i < request->entry_count; i++) {
        const cull_entry *entry = &request->entries[i];

        cull__buf_u8(buf, (uint8_t)entry->kind);
        cull__buf_text(buf, entry->path, entry->path_len);
        if (entry->kind == CULL_ENTRY_NONE) {
            continue;
        }
        cull__buf_varint(buf, entry->size_bytes);
        if (entry->kind == CULL_ENTRY_BLOB) {
            cull__buf_put(buf, entry->digest.bytes, cull_digest_len(request->kind));
        } else {
            put_text(buf, entry->digest_text);
            put_text(buf, entry->ref);
        }
    }
}

static void put_versions(struct cull__buf *buf, const struct cull__request *request)
{
    cull__buf_varint(buf, request->version_count);
    for (size_t i = 0; i < request->version_count; i++) {
        const struct cull__request_version *version = &request->versions[i];

        put_name(buf, version->entity, version->project, version->collection);
        cull__buf_varint(buf, version->which);
        cull__buf_varint(buf, version->ordinal);
    }
}

static void put_settings(struct cull__buf *buf, const cull_store_settings *settings)
{
    cull__buf_u8(buf, (uint8_t)settings->digest);
    cull__buf_u8(buf, settings->index_only);
    cull__buf_u8(buf, settings->grace_is_zero);
    cull__buf_u8(buf, (uint8_t)settings->late_deletes);
    cull__buf_varint(buf, settings->grace_ms);
    cull__buf_varint(buf, settings->lease_ms);
    cull__buf_u64(buf, settings->seed);
}

static void put_scalars(struct cull__buf *buf, const struct cull__request *request, unsigned fields)
{
    cull__buf_u8(buf, (uint8_t)request->process);
    cull__buf_u8(buf, (uint8_t)request->fault);
    cull__buf_varint(buf, request->flags);
    if (has_digests(fields)) {
        cull__buf_u8(buf, (uint8_t)request->kind);
    }
    if (fields & SLOT) {
        cull__buf_u8(buf, (uint8_t)request->slot);
    }
    if (fields & BASE) {
        cull__buf_varint(buf, request->base);
    }
    if (fields & MS) {
        cull__buf_varint(buf, request->ms);
    }
    if (fields & SCOPE) {
        cull__buf_u8(buf, (uint8_t)request->scope);
    }
    if (fields & GC) {
        cull__buf_varint(buf, request->grace_ms);
        cull__buf_varint(buf, request->max_deletes);
        cull__buf_varint(buf, request->max_bytes);
    }
}

static void put_lists(struct cull__buf *buf, const struct cull__request *request, unsigned fields)
{
    if (fields & BLOBS) {
        put_blobs(buf, request);
    }
    if (fields & CONTENTS) {
        put_contents(buf, request);
    }
    if (fields & ENTRIES) {
        put_entries(buf, request);
    }
    if (fields & LABELS) {
        put_texts(buf, request->aliases, request->alias_count);
        put_texts(buf, request->tags, request->tag_count);
        put_text(buf, request->description);
        put_text(buf, request->metadata);
    }
    if (fields & VERSIONS) {
        put_versions(buf, request);
    }
    if (fields & SETTINGS) {
        put_settings(buf, &request->settings);
    }
}

void cull__request_encode(struct cull__buf *buf, const struct cull__request *request)
{
    unsigned fields;
    size_t start;

    CULL_ASSERT(request->op < CULL__REQUEST_OPS);
    fields = request_ops[request->op].fields;
    start = cull__frame_begin(buf, (uint16_t)(CULL__REQUEST_TYPE_FIRST + request->op));
    put_scalars(buf, request, fields);
    if (fields & NAME) {
        put_name(buf, request->entity, request->project, request->collection);
    }
    if (fields & TYPE) {
        put_text(buf, request->type);
    }
    if (fields & RUN) {
        put_text(buf, request->run);
    }
    if (fields & LABEL) {
        put_text(buf, request->label);
    }
    put_lists(buf, request, fields);
    cull__frame_end(buf, start);
}

/* --- decoding ------------------------------------------------------------------------------- */

/* The cursor, and the block that texts and arrays are taken from. Arrays come after the texts, each
 * in a block of its own that is linked for the release. */
struct request_block {
    struct request_block *next;
    max_align_t data[];
};

struct request_reader {
    struct cull__cursor in;
    const cull_allocator *allocator;
    struct request_block *blocks;
    char *text_at;
    size_t text_left;
    bool nomem;
};

static void *reader_block(struct request_reader *reader, size_t count, size_t size)
{
    struct request_block *block = NULL;

    if (size == 0 || count <= (SIZE_MAX - sizeof *block) / size) {
        block = cull__alloc_zero(reader->allocator, 1, sizeof *block + count * size);
    }
    if (block == NULL) {
        reader->nomem = true;
        reader->in.failed = true;
        return NULL;
    }
    block->next = reader->blocks;
    reader->blocks = block;
    return block->data;
}

/* A text as the API takes it. Each came with a length byte, which pays for the NUL. */
static const char *take_text_len(struct request_reader *reader, size_t max, uint32_t *len_out)
{
    size_t len;
    const char *text = cull__cursor_text(&reader->in, &len, max);
    char *copy = reader->text_at;

    if (reader->in.failed) {
        return "";
    }
    CULL_ASSERT(len < reader->text_left);
    memcpy(copy, text, len);
    copy[len] = '\0';
    reader->text_at += len + 1;
    reader->text_left -= len + 1;
    if (len_out != NULL) {
        *len_out = (uint32_t)len;
    }
    return copy;
}

static const char *take_text(struct request_reader *reader, size_t max)
{
    return take_text_len(reader, max, NULL);
}

static uint64_t take_ms(struct request_reader *reader)
{
    return cull__cursor_varint_max(&reader->in, CULL__REQUEST_DURATION_MS_MAX);
}

static uint8_t take_u8_max(struct request_reader *reader, uint8_t max)
{
    uint8_t value = cull__cursor_u8(&reader->in);

    if (value > max) {
        reader->in.failed = true;
        return 0;
    }
    return value;
}

static void take_digest(struct request_reader *reader, cull_digest_kind kind, cull_digest *out)
{
    size_t len = cull_digest_len(kind);
    const uint8_t *bytes = cull__cursor_take(&reader->in, len);

    if (bytes != NULL) {
        memcpy(out->bytes, bytes, len);
    }
}

static const char *const *take_texts(struct request_reader *reader, size_t *count_out)
{
    size_t count = cull__cursor_count(&reader->in, 1, REQUEST_LABELS_MAX);
    const char **texts = reader_block(reader, count, sizeof *texts);

    *count_out = texts == NULL ? 0 : count;
    for (size_t i = 0; i < *count_out; i++) {
        texts[i] = take_text(reader, CULL_NAME_BYTES_MAX);
    }
    return texts;
}

static void take_blobs(struct request_reader *reader, struct cull__request *request)
{
    size_t count =
        cull__cursor_count(&reader->in, 1 + cull_digest_len(request->kind), REQUEST_LIST_MAX);
    cull_blob_ref *blobs = reader_block(reader, count, sizeof *blobs);

    for (size_t i = 0; blobs != NULL && i < count; i++) {
        take_digest(reader, request->kind, &blobs[i].digest);
        blobs[i].size_bytes = cull__cursor_varint(&reader->in);
    }
    request->blobs = blobs;
    request->blob_count = blobs == NULL ? 0 : count;
}

/* Contents may hold NULs; they are borrowed from the copy, like texts. */
static void take_contents(struct request_reader *reader, struct cull__request *request)
{
    size_t count = cull__cursor_count(&reader->in, 1, REQUEST_LIST_MAX);
    struct cull__request_content *contents = reader_block(reader, count, sizeof *contents);

    for (size_t i = 0; contents != NULL && i < count; i++) {
        size_t len = cull__cursor_count(&reader->in, 1, CULL__REQUEST_CONTENT_MAX);
        const uint8_t *data = cull__cursor_take(&reader->in, len);

        if (data == NULL) {
            break;
        }
        CULL_ASSERT(len < reader->text_left);
        memcpy(reader->text_at, data, len);
        contents[i] = (struct cull__request_content){ (uint8_t *)reader->text_at, len };
        reader->text_at += len + 1;
        reader->text_left -= len + 1;
    }
    request->contents = contents;
    request->content_count = contents == NULL ? 0 : count;
}

static void take_entries(struct request_reader *reader, struct cull__request *request)
{
    size_t count = cull__cursor_count(&reader->in, 2, REQUEST_LIST_MAX);
    cull_entry *entries = reader_block(reader, count, sizeof *entries);
    uint8_t least = request->flags & CULL__REQUEST_PATCH ? CULL_ENTRY_NONE : CULL_ENTRY_BLOB;

    for (size_t i = 0; entries != NULL && i < count && !reader->in.failed; i++) {
        cull_entry *entry = &entries[i];

        entry->kind = (cull_entry_kind)take_u8_max(reader, CULL_ENTRY_ARTIFACT);
        reader->in.failed = reader->in.failed || (uint8_t)entry->kind < least;
        entry->path = take_text_len(reader, CULL_PATH_BYTES_MAX + 1, &entry->path_len);
        if (entry->kind == CULL_ENTRY_NONE) {
            continue;
        }
        entry->size_bytes = cull__cursor_varint(&reader->in);
        if (entry->kind == CULL_ENTRY_BLOB) {
            take_digest(reader, request->kind, &entry->digest);
        } else {
            entry->digest_text = take_text(reader, CULL_REF_BYTES_MAX);
            entry->ref = take_text(reader, CULL_REF_BYTES_MAX);
        }
    }
    request->entries = entries;
    request->entry_count = entries == NULL ? 0 : count;
}

static void take_versions(struct request_reader *reader, struct cull__request *request)
{
    size_t count = cull__cursor_count(&reader->in, 5, REQUEST_LIST_MAX);
    struct cull__request_version *versions = reader_block(reader, count, sizeof *versions);

    for (size_t i = 0; versions != NULL && i < count; i++) {
        versions[i].entity = take_text(reader, CULL_NAME_BYTES_MAX);
        versions[i].project = take_text(reader, CULL_NAME_BYTES_MAX);
        versions[i].collection = take_text(reader, CULL_NAME_BYTES_MAX);
        versions[i].which = (uint32_t)cull__cursor_varint_max(&reader->in, UINT32_MAX);
        versions[i].ordinal = (uint32_t)cull__cursor_varint_max(&reader->in, UINT32_MAX);
    }
    request->versions = versions;
    request->version_count = versions == NULL ? 0 : count;
}

static void take_settings(struct request_reader *reader, cull_store_settings *settings)
{
    settings->digest = (cull_digest_kind)take_u8_max(reader, CULL_DIGEST_XXH128);
    settings->index_only = take_u8_max(reader, 1) != 0;
    settings->grace_is_zero = take_u8_max(reader, 1) != 0;
    settings->late_deletes = (cull_late_deletes)take_u8_max(reader, CULL_LATE_INCARNATION);
    settings->grace_ms = take_ms(reader);
    settings->lease_ms = take_ms(reader);
    settings->seed = cull__cursor_u64(&reader->in);
}

static void take_scalars(struct request_reader *reader, struct cull__request *out, unsigned fields,
                         unsigned flags)
{
    out->process = take_u8_max(reader, CULL__REQUEST_PROCESSES - 1);
    out->fault = (enum cull__request_fault)take_u8_max(reader, CULL__FAULTS - 1);
    out->flags = (unsigned)cull__cursor_varint_max(&reader->in, REQUEST_FLAGS_MAX);
    reader->in.failed = reader->in.failed || (out->flags & ~flags) != 0;
    if (has_digests(fields)) {
        out->kind = (cull_digest_kind)take_u8_max(reader, CULL_DIGEST_XXH128);
        reader->in.failed = reader->in.failed || cull_digest_len(out->kind) == 0;
    }
    if (fields & SLOT) {
        out->slot = take_u8_max(reader, CULL__REQUEST_SLOTS - 1);
    }
    if (fields & BASE) {
        out->base = (uint32_t)cull__cursor_varint_max(&reader->in, UINT32_MAX);
    }
    if (fields & MS) {
        out->ms = take_ms(reader);
    }
    if (fields & SCOPE) {
        out->scope = (cull_scope_kind)take_u8_max(reader, CULL_SCOPE_VERSION);
    }
    if (fields & GC) {
        out->grace_ms = take_ms(reader);
        out->max_deletes = cull__cursor_varint(&reader->in);
        out->max_bytes = cull__cursor_varint(&reader->in);
        /* A grace that nobody allowed would be a second way to write the same request. */
        reader->in.failed = reader->in.failed ||
                            (out->grace_ms != 0 && !(out->flags & CULL__REQUEST_SHORTER_GRACE));
    }
}

static void take_lists(struct request_reader *reader, struct cull__request *out, unsigned fields)
{
    if (fields & BLOBS) {
        take_blobs(reader, out);
    }
    if (fields & CONTENTS) {
        take_contents(reader, out);
    }
    if (fields & ENTRIES) {
        take_entries(reader, out);
    }
    if (fields & LABELS) {
        out->aliases = take_texts(reader, &out->alias_count);
        out->tags = take_texts(reader, &out->tag_count);
        out->description = take_text(reader, REQUEST_DESCRIPTION_MAX);
        out->metadata = take_text(reader, REQUEST_METADATA_MAX);
    }
    if (fields & VERSIONS) {
        take_versions(reader, out);
    }
    if (fields & SETTINGS) {
        take_settings(reader, &out->settings);
    }
}

static void take_fields(struct request_reader *reader, struct cull__request *out)
{
    unsigned fields = request_ops[out->op].fields;

    take_scalars(reader, out, fields, request_ops[out->op].flags);
    if (fields & NAME) {
        out->entity = take_text(reader, CULL_NAME_BYTES_MAX);
        out->project = take_text(reader, CULL_NAME_BYTES_MAX);
        out->collection = take_text(reader, CULL_NAME_BYTES_MAX);
    }
    if (fields & TYPE) {
        out->type = take_text(reader, CULL_NAME_BYTES_MAX);
    }
    if (fields & RUN) {
        out->run = take_text(reader, CULL_NAME_BYTES_MAX);
    }
    if (fields & LABEL) {
        out->label = take_text(reader, CULL_NAME_BYTES_MAX);
    }
    take_lists(reader, out, fields);
}

cull_status cull__request_decode(struct cull__request *out, const struct cull__frame *frame,
                                 const cull_allocator *allocator, cull_error *err)
{
    struct request_reader reader = { .in = cull__cursor(frame->payload, frame->len),
                                     .allocator = allocator };

    *out = (struct cull__request)CULL__REQUEST_INIT;
    out->allocator = allocator;
    if (frame->type < CULL__REQUEST_TYPE_FIRST ||
        frame->type >= CULL__REQUEST_TYPE_FIRST + CULL__REQUEST_OPS) {
        return cull__error_set(err, CULL_E_INVALID, "no request has type %u", frame->type);
    }
    out->op = (enum cull__request_op)(frame->type - CULL__REQUEST_TYPE_FIRST);
    reader.text_left = frame->len;
    reader.text_at = reader_block(&reader, frame->len, 1);
    if (reader.text_at != NULL) {
        take_fields(&reader, out);
    }
    out->memory = reader.blocks;
    if (reader.nomem) {
        cull__request_release(out);
        return cull__error_nomem(err);
    }
    if (!cull__cursor_done(&reader.in)) {
        cull_status status = cull__error_set(err, CULL_E_INVALID, "a %s request does not decode",
                                             request_ops[out->op].name);

        cull__request_release(out);
        return status;
    }
    return CULL_OK;
}

void cull__request_release(struct cull__request *request)
{
    struct request_block *block = request->memory;

    while (block != NULL) {
        struct request_block *next = block->next;

        cull__free(request->allocator, block);
        block = next;
    }
    *request = (struct cull__request)CULL__REQUEST_INIT;
}
