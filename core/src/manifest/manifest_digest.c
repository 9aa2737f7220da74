/*
 * manifest_digest.c - what a manifest is known by: MD5 of its lines.
 *
 * COST      One pass, in pieces of 8 KiB. Of manifests that follow one another by patches see
 *           manifest_line.c.
 */
#include "manifest/manifest_row.h"

/* Small pieces on their way into a hasher. */
struct line_hasher {
    cull_hasher *hasher;
    cull_status status;
    size_t len;
    uint8_t bytes[8192];
};

static void line_flush(struct line_hasher *line)
{
    if (line->status == CULL_OK && line->len > 0) {
        line->status = cull_hasher_add(line->hasher, line->bytes, line->len);
    }
    line->len = 0;
}

static void line_add(struct line_hasher *line, const void *data, size_t len)
{
    if (len > sizeof line->bytes - line->len) {
        line_flush(line);
    }
    if (len > sizeof line->bytes) {
        if (line->status == CULL_OK) {
            line->status = cull_hasher_add(line->hasher, data, len);
        }
    } else {
        memcpy(line->bytes + line->len, data, len);
        line->len += len;
    }
}

/* `path:digest\n` of row i. */
static void line_entry(struct line_hasher *line, const struct cull_manifest *manifest, size_t i)
{
    struct cull__row_ref ref = row_ref(manifest, i);
    const struct cull__manifest_row *row = ref.row;
    const char *path = ref_path(&ref);
    const char *tail = path + row->path_len + 1;
    char base64[CULL_DIGEST_BASE64_MAX + 2] = ":";
    size_t digest_len = cull_digest_len(manifest->kind);
    size_t base64_len = (digest_len + 2) / 3 * 4;

    CULL_ASSERT(path != NULL);
    line_add(line, path, row->path_len);
    if (row->kind == CULL_ENTRY_BLOB) {
        cull_digest digest;

        memcpy(digest.bytes, tail, digest_len);
        cull_digest_to_base64(base64 + 1, &digest, manifest->kind);
        base64[1 + base64_len] = '\n';
        line_add(line, base64, base64_len + 2);
    } else {
        line_add(line, ":", 1);
        line_add(line, tail, strlen(tail));
        line_add(line, "\n", 1);
    }
}

cull_status cull_manifest_digest(const cull_manifest *manifest, cull_digest *out)
{
    static const char head[] = CULL__MANIFEST_DIGEST_HEAD;
    struct line_hasher line = { .status = CULL_OK };
    cull_status status;

    CULL_ASSERT(manifest->sealed);
    memset(out, 0, sizeof *out);
    status = cull_hasher_new(&line.hasher, CULL_DIGEST_MD5, manifest->allocator);
    if (status != CULL_OK) {
        return status;
    }
    line_add(&line, head, sizeof head - 1);
    for (size_t i = 0; i < manifest->count; i++) {
        line_entry(&line, manifest, i);
    }
    line_flush(&line);
    status = line.status;
    if (status == CULL_OK) {
        status = cull_hasher_end(line.hasher, out);
    }
    if (status == CULL_OK) {
        status = cull_manifest_check(manifest, NULL);
    }
    cull_hasher_free(line.hasher);
    return status;
}

/* --- equal digests ----------------------------------------------------------------------------- */

static bool texts_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool cull__manifest_lines_deceive(const cull_manifest *manifest)
{
    for (size_t i = 0; i < cull_manifest_count(manifest); i++) {
        cull_entry entry;

        cull_manifest_at(manifest, i, &entry);
        if (entry.kind != CULL_ENTRY_BLOB || memchr(entry.path, '\n', entry.path_len) != NULL) {
            return true;
        }
    }
    return false;
}

bool cull__manifest_says_same(const cull_manifest *a, const cull_manifest *b)
{
    bool agree = cull_manifest_count(a) == cull_manifest_count(b);

    for (size_t i = 0; agree && i < cull_manifest_count(a); i++) {
        cull_entry left;
        cull_entry right;

        cull_manifest_at(a, i, &left);
        cull_manifest_at(b, i, &right);
        agree = left.kind == right.kind && left.path_len == right.path_len &&
                memcmp(left.path, right.path, left.path_len) == 0 &&
                memcmp(&left.digest, &right.digest, sizeof left.digest) == 0 &&
                texts_equal(left.digest_text, right.digest_text) &&
                texts_equal(left.ref, right.ref);
    }
    return agree && cull_manifest_check(a, NULL) == CULL_OK &&
           cull_manifest_check(b, NULL) == CULL_OK;
}
