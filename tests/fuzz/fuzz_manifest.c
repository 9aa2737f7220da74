/*
 * fuzz_manifest.c - every way into a manifest, chosen by the input's first byte.
 *
 *   J  the rest is JSON                       D  the rest is a stored document, full or a patch
 *   F  the rest is a full payload             P  the rest is a payload on a fixed base
 *
 * F and P are what D decodes behind its checksum, which no fuzzer guesses. A payload's number of
 * edits is tried from 0 on, as far as its length allows.
 *
 * PROPERTIES  JSON read with the plain entries past the parser, and without, is the same, and is
 *             refused with the same words. What is accepted is valid; JSON written from it reads as the same manifest with the
 *             same digest; a document made of it decodes to it; a payload is the one payload.
 */
#include "fuzz.h"

#include <string.h>

#include "manifest/manifest_internal.h"

static cull_manifest *base_new(void)
{
    static const char text[] =
        "{\"version\":1,\"contents\":{"
        "\"a\":{\"digest\":\"AAAAAAAAAAAAAAAAAAAAAA==\",\"size\":1},"
        "\"a/b\":{\"digest\":\"\",\"ref\":\"s3://b/k\"},"
        "\"c\":{\"digest\":\"\",\"ref\":\"wandb-artifact://41/x\",\"size\":2}}}";
    cull_manifest *base = NULL;

    FUZZ_CHECK(cull_manifest_parse(&base, CULL_DIGEST_MD5, "base", text, sizeof text - 1, NULL,
                                   NULL) == CULL_OK,
               "the base is refused");
    return base;
}

static cull_status gather(void *ctx, const void *data, size_t len, cull_error *err)
{
    (void)err;
    cull__buf_put(ctx, data, len);
    return CULL_OK;
}

/* The checksum covers every entry in full; the counts say that none is missing. */
static void check_same(const cull_manifest *a, const cull_manifest *b)
{
    FUZZ_CHECK(cull_manifest_count(a) == cull_manifest_count(b), "other entries");
    FUZZ_CHECK(cull__manifest_checksum(a) == cull__manifest_checksum(b), "other entries");
    for (size_t i = 0; i < cull_manifest_count(a); i++) {
        FUZZ_CHECK(cull__manifest_same(a, i, b, i), "an entry differs");
    }
}

static void check_document(const cull_manifest *previous, const cull_manifest *manifest)
{
    struct cull__buf document = CULL__BUF_INIT(cull_allocator_default());
    cull_manifest *again = NULL;
    cull_error err = { 0 };

    FUZZ_CHECK(cull__manifest_encode(&document, previous, manifest, &err) == CULL_OK, err.message);
    FUZZ_CHECK(
        cull__manifest_decode(&again, previous, document.data, document.len, NULL, &err) == CULL_OK,
        err.message);
    check_same(manifest, again);
    cull_manifest_free(again);
    cull__buf_release(&document);
}

static void check_manifest(const cull_manifest *manifest, const cull_manifest *base)
{
    struct cull__buf text = CULL__BUF_INIT(cull_allocator_default());
    cull_manifest *again = NULL;
    cull_digest digest;
    cull_digest digest_again;
    cull_error err = { 0 };
    const char *why = NULL;

    FUZZ_CHECK(cull__manifest_valid(manifest, &why), why);
    FUZZ_CHECK(cull_manifest_write(manifest, gather, &text, &err) == CULL_OK, err.message);
    FUZZ_CHECK(cull_manifest_parse(&again, cull_manifest_kind(manifest), "again", text.data,
                                   text.len, NULL, &err) == CULL_OK,
               err.message);
    check_same(manifest, again);
    FUZZ_CHECK(cull_manifest_digest(manifest, &digest) == CULL_OK &&
                   cull_manifest_digest(again, &digest_again) == CULL_OK &&
                   memcmp(&digest, &digest_again, sizeof digest) == 0,
               "another digest");
    cull_manifest_free(again);
    cull__buf_release(&text);
    check_document(NULL, manifest);
    if (cull_manifest_kind(manifest) == cull_manifest_kind(base)) {
        check_document(base, manifest);
        check_document(manifest, base);
    }
}

struct bytes {
    const uint8_t *at;
    size_t left;
};

static cull_status give(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    struct bytes *bytes = ctx;

    (void)err;
    *got = bytes->left < len ? bytes->left : len;
    if (*got > 0) {
        memcpy(data, bytes->at, *got);
    }
    bytes->at += *got;
    bytes->left -= *got;
    return CULL_OK;
}

/* With every entry through the parser, the answer is the same to the letter. */
static void check_without_plain(const cull_manifest *manifest, cull_status status,
                                const char *message, const uint8_t *data, size_t len)
{
    struct bytes bytes = { data, len };
    cull_manifest *parsed = NULL;
    cull_error err = { 0 };

    FUZZ_CHECK(cull__manifest_read_json(&parsed, CULL_DIGEST_MD5, "j", give, &bytes, false, NULL,
                                        NULL, &err) == status,
               "another status without plain entries");
    FUZZ_CHECK(strcmp(err.message, message) == 0, err.message);
    if (status == CULL_OK) {
        check_same(manifest, parsed);
    }
    cull_manifest_free(parsed);
}

static bool is_foreign(const uint8_t *data, size_t len)
{
    struct bytes bytes = { data, len };
    bool foreign = false;

    FUZZ_CHECK(cull_manifest_probe(&foreign, give, &bytes, NULL) == CULL_OK, "a probe that fails");
    return foreign;
}

static void try_json(const cull_manifest *base, const uint8_t *data, size_t len)
{
    cull_manifest *manifest = NULL;
    cull_error err = { 0 };
    cull_status status =
        cull_manifest_parse(&manifest, CULL_DIGEST_MD5, "j", data, len, NULL, &err);

    check_without_plain(manifest, status, err.message, data, len);
    FUZZ_CHECK(status != CULL_OK || !is_foreign(data, len), "a manifest, and none");
    if (status == CULL_OK) {
        check_manifest(manifest, base);
    } else {
        FUZZ_CHECK(status == CULL_E_INVALID || status == CULL_E_LIMIT, "another status");
        FUZZ_CHECK(strncmp(err.message, "j: byte ", 8) == 0, err.message);
    }
    cull_manifest_free(manifest);
}

static void try_document(const cull_manifest *base, const uint8_t *data, size_t len)
{
    const cull_manifest *previous = cull__manifest_document_is_full(data, len) ? NULL : base;
    cull_manifest *manifest = NULL;
    cull_status status = cull__manifest_decode(&manifest, previous, data, len, NULL, NULL);

    FUZZ_CHECK(status == CULL_OK || status == CULL_E_CORRUPT, "another status");
    if (status == CULL_OK) {
        check_manifest(manifest, base);
    }
    cull_manifest_free(manifest);
}

static void try_payload(const cull_manifest *base, const cull_manifest *previous,
                        const uint8_t *data, size_t len)
{
    for (uint32_t edits = 0; edits <= len / 4 && edits < 32; edits++) {
        struct cull__buf again = CULL__BUF_INIT(cull_allocator_default());
        cull_manifest *manifest = NULL;
        uint32_t edits_again = 0;

        if (cull__manifest_payload_apply(&manifest, previous, CULL_DIGEST_MD5, data, len, edits,
                                         NULL, NULL) == CULL_OK) {
            check_manifest(manifest, base);
            FUZZ_CHECK(cull__manifest_payload_encode(&again, previous, manifest, &edits_again,
                                                     NULL) == CULL_OK,
                       "cannot be encoded");
            FUZZ_CHECK(edits_again == edits && again.len == len &&
                           (len == 0 || memcmp(again.data, data, len) == 0),
                       "not canonical");
        }
        cull_manifest_free(manifest);
        cull__buf_release(&again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    cull_manifest *base;

    if (len == 0) {
        return 0;
    }
    base = base_new();
    if (data[0] == 'J') {
        try_json(base, data + 1, len - 1);
    } else if (data[0] == 'D') {
        try_document(base, data + 1, len - 1);
    } else if (data[0] == 'F') {
        try_payload(base, NULL, data + 1, len - 1);
    } else if (data[0] == 'P') {
        try_payload(base, base, data + 1, len - 1);
    }
    cull_manifest_free(base);
    return 0;
}
