/*
 * manifest_write.c - a manifest as tidy JSON, one entry a line.
 *
 * SHAPE     Text gathers in a buffer and leaves in pieces of about 64 KiB.
 * INVARIANT Reading what was written gives the same entries, all their members with them, and so the
 *           same digest: strings are valid UTF-8 and stand as they are, but for what JSON must
 *           escape.
 * COST      One pass, 64 KiB and the longest entry of memory.
 * FAILURE   CULL_E_NOMEM, or what the caller's write returned; what was written is then cut short.
 * WHY NOT   yajl's generator: a call for each token, and its own idea of a line.
 */
#include "manifest/manifest_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WRITE_PIECE_BYTES ((size_t)64 * 1024)

static void put_literal(struct cull__buf *buf, const char *text)
{
    cull__buf_put(buf, text, strlen(text));
}

static void put_string(struct cull__buf *buf, const char *text)
{
    cull__json_put_string(buf, text, strlen(text));
}

/* Members, with a blank behind each colon and comma that is not of a string. */
static void put_members(struct cull__buf *buf, const char *text)
{
    const char *plain = text; /* what is not written yet */
    bool in_string = false;

    for (; *text != '\0'; text++) {
        if (*text == '\\') {
            text++; /* in strings only, and never at the end */
        } else if (*text == '"') {
            in_string = !in_string;
        } else if (!in_string && (*text == ':' || *text == ',')) {
            cull__buf_put(buf, plain, (size_t)(text + 1 - plain));
            cull__buf_u8(buf, ' ');
            plain = text + 1;
        }
    }
    cull__buf_put(buf, plain, (size_t)(text - plain));
}

static void put_entry(struct cull__buf *buf, const cull_entry *entry, cull_digest_kind kind)
{
    put_literal(buf, "    ");
    put_string(buf, entry->path);
    put_literal(buf, ": {\"digest\": ");
    if (entry->kind == CULL_ENTRY_BLOB) {
        char base64[CULL_DIGEST_BASE64_MAX];

        cull_digest_to_base64(base64, &entry->digest, kind);
        put_string(buf, base64);
    } else {
        put_string(buf, entry->digest_text);
        put_literal(buf, ", \"ref\": ");
        put_string(buf, entry->ref);
    }
    if (entry->size_bytes != CULL_SIZE_UNKNOWN) {
        char size[40];

        (void)snprintf(size, sizeof size, ", \"size\": %" PRIu64, entry->size_bytes);
        put_literal(buf, size);
    }
    if (entry->members != NULL) {
        put_literal(buf, ", ");
        put_members(buf, entry->members);
    }
    cull__buf_u8(buf, '}');
}

static void put_head(struct cull__buf *buf, const char *head)
{
    if (head == NULL) {
        put_literal(buf, "  \"storagePolicy\": \"wandb-storage-policy-v1\",\n"
                         "  \"storagePolicyConfig\": {\"storageLayout\": \"V2\"},\n");
    } else if (*head != '\0') {
        put_literal(buf, "  ");
        put_members(buf, head);
        put_literal(buf, ",\n");
    }
}

cull_status cull_manifest_write(const cull_manifest *manifest, cull_write_fn write, void *ctx,
                                cull_error *err)
{
    struct cull__buf buf = CULL__BUF_INIT(manifest->allocator);
    cull_status status = CULL_OK;

    CULL_ASSERT(manifest->sealed);
    put_literal(&buf, "{\n"
                      "  \"version\": 1,\n");
    put_head(&buf, manifest->head);
    put_literal(&buf, "  \"contents\": {");
    for (size_t i = 0; i < manifest->count && status == CULL_OK && !buf.failed; i++) {
        cull_entry entry;

        cull_manifest_at(manifest, i, &entry);
        put_literal(&buf, i == 0 ? "\n" : ",\n");
        put_entry(&buf, &entry, manifest->kind);
        if (buf.len >= WRITE_PIECE_BYTES && !buf.failed) {
            status = write(ctx, buf.data, buf.len, err);
            cull__buf_clear(&buf);
        }
    }
    if (status == CULL_OK) {
        status = cull_manifest_check(manifest, err);
    }
    put_literal(&buf, manifest->count == 0 ? "}\n}\n" : "\n  }\n}\n");
    if (status == CULL_OK && buf.failed) {
        status = cull__error_nomem(err);
    }
    if (status == CULL_OK) {
        status = write(ctx, buf.data, buf.len, err);
    }
    cull__buf_release(&buf);
    return status;
}
