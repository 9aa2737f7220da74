/*
 * fuzz_list.c - lists of digests. The first byte says what kind of digest is said: N none, M MD5,
 * S SHA-256, X XXH128; the rest is the list.
 *
 * PROPERTIES  What is accepted is valid; written again with tabs, or as md5sum(1) would, it reads
 *             as the same entries.
 */
#include "fuzz.h"

#include <inttypes.h>
#include <string.h>

#include "manifest/manifest_internal.h"

struct bytes {
    const uint8_t *at;
    size_t left;
};

/* Short pieces, so that lines span them. */
static cull_status give(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    struct bytes *bytes = ctx;

    (void)err;
    *got = bytes->left < 97 ? bytes->left : 97;
    *got = *got < len ? *got : len;
    if (*got > 0) {
        memcpy(data, bytes->at, *got);
        bytes->at += *got;
        bytes->left -= *got;
    }
    return CULL_OK;
}

static cull_status read_list(cull_manifest **out, cull_digest_kind kind, const void *data,
                             size_t len, cull_error *err)
{
    struct bytes bytes = { data, len };

    return cull_manifest_read_list(out, kind, "fuzz", give, &bytes, NULL, err);
}

static bool any_has(const cull_manifest *manifest, char c)
{
    for (size_t i = 0; i < cull_manifest_count(manifest); i++) {
        if (strchr(cull__manifest_path(manifest, i), c) != NULL) {
            return true;
        }
    }
    return false;
}

static void put_tabs(struct cull__buf *buf, const cull_entry *entry, const char *hex)
{
    char size[24] = "";

    if (entry->size_bytes != CULL_SIZE_UNKNOWN) {
        (void)snprintf(size, sizeof size, "%" PRIu64, entry->size_bytes);
    }
    cull__buf_put(buf, entry->path, entry->path_len);
    cull__buf_u8(buf, '\t');
    cull__buf_put(buf, hex, strlen(hex));
    cull__buf_u8(buf, '\t');
    cull__buf_put(buf, size, strlen(size));
    cull__buf_u8(buf, '\n');
}

static void put_sum(struct cull__buf *buf, const cull_entry *entry, const char *hex)
{
    cull__buf_u8(buf, '\\');
    cull__buf_put(buf, hex, strlen(hex));
    cull__buf_put(buf, "  ", 2);
    for (size_t i = 0; i < entry->path_len; i++) {
        char c = entry->path[i];

        if (c == '\\' || c == '\n' || c == '\r') {
            cull__buf_u8(buf, '\\');
            c = (char)(c == '\n' ? 'n' : c == '\r' ? 'r' : c);
        }
        cull__buf_u8(buf, (uint8_t)c);
    }
    cull__buf_u8(buf, '\n');
}

static void check_again(const cull_manifest *manifest, bool tabs)
{
    struct cull__buf text = CULL__BUF_INIT(cull_allocator_default());
    cull_digest_kind kind = cull_manifest_kind(manifest);
    cull_manifest *again = NULL;
    cull_error err = { 0 };

    for (size_t i = 0; i < cull_manifest_count(manifest); i++) {
        char hex[CULL_DIGEST_HEX_MAX];
        cull_entry entry;

        cull_manifest_at(manifest, i, &entry);
        cull_digest_to_hex(hex, &entry.digest, kind);
        (tabs ? put_tabs : put_sum)(&text, &entry, hex);
    }
    FUZZ_CHECK(!text.failed, "no memory");
    /* escapes may make a line longer than one may be */
    if (read_list(&again, kind, text.data, text.len, &err) != CULL_OK) {
        FUZZ_CHECK(err.status == CULL_E_LIMIT, err.message);
    } else {
        FUZZ_CHECK(cull_manifest_count(manifest) == cull_manifest_count(again), "other entries");
        for (size_t i = 0; i < cull_manifest_count(manifest); i++) {
            cull_entry a;
            cull_entry b;

            cull_manifest_at(manifest, i, &a);
            cull_manifest_at(again, i, &b);
            FUZZ_CHECK(strcmp(a.path, b.path) == 0, "another path");
            FUZZ_CHECK(memcmp(&a.digest, &b.digest, sizeof a.digest) == 0, "another digest");
            FUZZ_CHECK(b.size_bytes == (tabs ? a.size_bytes : CULL_SIZE_UNKNOWN), "another size");
        }
    }
    cull_manifest_free(again);
    cull__buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    cull_manifest *manifest = NULL;
    const char *why = NULL;
    cull_digest_kind kind;
    cull_error err = { 0 };

    if (len == 0) {
        return 0;
    }
    kind = data[0] == 'M'   ? CULL_DIGEST_MD5
           : data[0] == 'S' ? CULL_DIGEST_SHA256
           : data[0] == 'X' ? CULL_DIGEST_XXH128
                            : CULL_DIGEST_NONE;
    if (read_list(&manifest, kind, data + 1, len - 1, &err) != CULL_OK) {
        FUZZ_CHECK(err.message[0] != '\0', "refused without a reason");
        return 0;
    }
    FUZZ_CHECK(cull__manifest_valid(manifest, &why), why);
    if (!any_has(manifest, '\n')) {
        check_again(manifest, true);
    }
    if (!any_has(manifest, '\t')) { /* else a sum's line may look like one with tabs */
        check_again(manifest, false);
    }
    cull_manifest_free(manifest);
    return 0;
}
