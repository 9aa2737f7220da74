/*
 * test_manifest.c - manifests: read, refused, written, patched, stored. Rule 6.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "manifest/manifest_internal.h"
#include "support.h"

#define MD5_TEXT "sZRqySSS0jR8YjW00mERhA=="
#define DIGEST "\"digest\":\"" MD5_TEXT "\""
#define HEAD "{\"version\":1,\"storagePolicy\":\"p\",\"contents\":{"
#define DOCUMENT(contents) HEAD contents "}}"

/* ---- helpers ---- */

static struct cull__buf file_bytes(const char *path)
{
    struct cull__buf bytes = CULL__BUF_INIT(cull_allocator_default());
    FILE *file = fopen(path, "rb");
    size_t got = 1;

    ck_assert_msg(file != NULL, "%s: cannot be opened; run from the top of the tree", path);
    while (got > 0) {
        uint8_t *room = cull__buf_room(&bytes, 65536);

        ck_assert_ptr_nonnull(room);
        got = fread(room, 1, 65536, file);
        bytes.len += got;
    }
    fclose(file);
    return bytes;
}

static void put_text(struct cull__buf *buf, const char *text)
{
    cull__buf_put(buf, text, strlen(text));
}

static cull_status gather(void *ctx, const void *data, size_t len, cull_error *err)
{
    struct cull__buf *buf = ctx;

    (void)err;
    cull__buf_put(buf, data, len);
    return CULL_OK;
}

static cull_manifest *parsed(const void *data, size_t len)
{
    cull_manifest *manifest = NULL;
    cull_error err = { 0 };
    const char *why = NULL;

    ck_assert_msg(
        cull_manifest_parse(&manifest, CULL_DIGEST_MD5, "m.json", data, len, NULL, &err) == CULL_OK,
        "%s", err.message);
    ck_assert_msg(cull__manifest_valid(manifest, &why), "%s", why);
    return manifest;
}

static cull_manifest *parsed_text(const char *text)
{
    return parsed(text, strlen(text));
}

static struct cull__buf written(const cull_manifest *manifest)
{
    struct cull__buf text = CULL__BUF_INIT(cull_allocator_default());

    ck_assert_int_eq(cull_manifest_write(manifest, gather, &text, NULL), CULL_OK);
    return text;
}

static bool texts_equal(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

/* Field by field, over the public calls only. */
static bool entries_equal(const cull_manifest *a, const cull_manifest *b)
{
    if (cull_manifest_count(a) != cull_manifest_count(b) ||
        cull_manifest_kind(a) != cull_manifest_kind(b) ||
        !texts_equal(cull_manifest_head(a), cull_manifest_head(b))) {
        return false;
    }
    for (size_t i = 0; i < cull_manifest_count(a); i++) {
        cull_entry x;
        cull_entry y;

        cull_manifest_at(a, i, &x);
        cull_manifest_at(b, i, &y);
        if (strcmp(x.path, y.path) != 0 || x.path_len != y.path_len || x.kind != y.kind ||
            x.size_bytes != y.size_bytes || memcmp(&x.digest, &y.digest, sizeof x.digest) != 0 ||
            !texts_equal(x.ref, y.ref) || !texts_equal(x.digest_text, y.digest_text) ||
            !texts_equal(x.members, y.members)) {
            return false;
        }
    }
    return true;
}

static struct cull__buf document_of(const cull_manifest *previous, const cull_manifest *next)
{
    struct cull__buf document = CULL__BUF_INIT(cull_allocator_default());
    cull_error err = { 0 };

    ck_assert_msg(cull__manifest_encode(&document, previous, next, &err) == CULL_OK, "%s",
                  err.message);
    return document;
}

static void ck_document_decodes(const cull_manifest *previous, const cull_manifest *next)
{
    struct cull__buf document = document_of(previous, next);
    struct cull__buf again = document_of(previous, next);
    cull_manifest *decoded = NULL;
    cull_error err = { 0 };
    const char *why = NULL;

    ck_assert_msg(again.len == document.len && memcmp(again.data, document.data, document.len) == 0,
                  "the same input gave other bytes");
    ck_assert(cull__manifest_document_is_full(document.data, document.len) == (previous == NULL));
    ck_assert_msg(cull__manifest_decode(&decoded, previous, document.data, document.len, NULL,
                                        &err) == CULL_OK,
                  "%s", err.message);
    ck_assert_msg(cull__manifest_valid(decoded, &why), "%s", why);
    ck_assert(entries_equal(decoded, next));
    cull_manifest_free(decoded);
    cull__buf_release(&document);
    cull__buf_release(&again);
}

/* Comparing only what the patch names finds the same edits as comparing everything. */
static void ck_patch_is_encoded_as_the_difference(const cull_manifest *base,
                                                  const cull_manifest *next,
                                                  const cull_manifest_patch *patch)
{
    struct cull__buf whole = document_of(base, next);
    struct cull__manifest_document document;
    cull_error err = { 0 };

    ck_assert_msg(cull__manifest_encode_in(&document, base, next, patch, NULL,
                                           cull_allocator_default(), &err) == CULL_OK,
                  "%s", err.message);
    ck_assert_uint_eq(document.len, whole.len);
    ck_assert_mem_eq(document.bytes.data, whole.data, whole.len);
    cull__manifest_document_release(&document);
    cull__buf_release(&whole);
}

static cull_entry blob_entry(const char *path, uint8_t fill, uint64_t size_bytes)
{
    cull_entry entry = { .path = path,
                         .path_len = (uint32_t)strlen(path),
                         .kind = CULL_ENTRY_BLOB,
                         .size_bytes = size_bytes };

    memset(entry.digest.bytes, fill, 16);
    return entry;
}

static cull_manifest *manifest_of_paths(const char *const *paths)
{
    cull_manifest *manifest = NULL;
    cull_error err = { 0 };

    ck_assert_int_eq(cull_manifest_new(&manifest, CULL_DIGEST_MD5, NULL), CULL_OK);
    for (size_t i = 0; paths[i] != NULL; i++) {
        cull_entry entry = blob_entry(paths[i], (uint8_t)i, i);

        ck_assert_int_eq(cull_manifest_add(manifest, &entry, NULL), CULL_OK);
    }
    ck_assert_msg(cull_manifest_seal(manifest, &err) == CULL_OK, "%s", err.message);
    return manifest;
}

/* ---- vectors ---- */

/* fixtures/manifests/vectors.tsv: digest, size, name, manifest. */
START_TEST(rule_6_each_vector_has_the_digest_and_size_that_the_client_computes)
    {
        struct cull__buf file = file_bytes("fixtures/manifests/vectors.tsv");
        size_t rows = 0;

        cull__buf_u8(&file, 0);
        for (char *row = (char *)file.data; *row != '\0'; rows++) {
            char *want_hex = strsep(&row, "\t");
            char *want_size = strsep(&row, "\t");
            char *name = strsep(&row, "\t");
            char *text = strsep(&row, "\n");
            cull_manifest *manifest = parsed_text(text);
            struct cull__buf json = written(manifest);
            cull_manifest *again = parsed(json.data, json.len);
            char hex[CULL_DIGEST_HEX_MAX];
            cull_digest digest;
            cull_digest digest_again;

            ck_assert_int_eq(cull_manifest_digest(manifest, &digest), CULL_OK);
            ck_assert_int_eq(cull_manifest_digest(again, &digest_again), CULL_OK);
            cull_digest_to_hex(hex, &digest, CULL_DIGEST_MD5);
            ck_assert_msg(strcmp(hex, want_hex) == 0, "%s: %s, not %s", name, hex, want_hex);
            ck_assert_msg(cull_manifest_size_bytes(manifest, NULL) == strtoull(want_size, NULL, 10),
                          "%s: size", name);
            ck_assert_msg(entries_equal(manifest, again), "%s: written and read again", name);
            ck_assert_mem_eq(&digest, &digest_again, sizeof digest);
            ck_document_decodes(NULL, manifest);
            cull_manifest_free(manifest);
            cull_manifest_free(again);
            cull__buf_release(&json);
        }
        ck_assert_uint_eq(rows, 7);
        cull__buf_release(&file);
    }
END_TEST

/* ---- forms that are read ---- */

static const struct {
    const char *name;
    const char *text;
    size_t want_count;
    uint64_t want_size;
    bool want_exact;
} accepted_cases[] = {
    { "no entries", DOCUMENT(""), 0, 0, true },
    { "a blob without a size", DOCUMENT("\"a\":{" DIGEST "}"), 1, 0, false },
    { "a blob of size null", DOCUMENT("\"a\":{" DIGEST ",\"size\":null}"), 1, 0, false },
    { "a blob of size 0", DOCUMENT("\"a\":{" DIGEST ",\"size\":0}"), 1, 0, true },
    { "ref null is no reference", DOCUMENT("\"a\":{" DIGEST ",\"ref\":null,\"size\":3}"), 1, 3,
      true },
    { "the size before the digest", DOCUMENT("\"a\":{\"size\":3," DIGEST "}"), 1, 3, true },
    { "the ref before the digest", DOCUMENT("\"a\":{\"ref\":\"s3://b/k\",\"digest\":\"etag\"}"), 1,
      0, false },
    { "the largest size", DOCUMENT("\"a\":{" DIGEST ",\"size\":18446744073709551614}"), 1,
      UINT64_C(18446744073709551614), true },
    { "what clients add to entries",
      DOCUMENT("\"a\":{" DIGEST ",\"size\":1,\"birthArtifactID\":\"QXJ0\",\"local_path\":\"/x\","
               "\"skip_cache\":true,\"extra\":{\"etag\":\"e\",\"list\":[1,{\"digest\":2}]},"
               "\"unknown\":null}"),
      1, 1, true },
    { "the version behind the contents",
      "{\"contents\":{\"a\":{" DIGEST ",\"size\":2}},\"version\":1}", 1, 2, true },
    { "layout V1",
      "{\"version\":1,\"storagePolicyConfig\":{\"storageLayout\":\"V1\"},"
      "\"contents\":{}}",
      0, 0, true },
    { "layout V2 beside other settings",
      "{\"version\":1,\"storagePolicyConfig\":{\"x\":[],\"storageLayout\":\"V2\",\"y\":{}},"
      "\"contents\":{}}",
      0, 0, true },
    { "unknown keys at the top, with keys like ours inside",
      "{\"x\":{\"version\":2,\"contents\":[{}]},\"version\":1,\"y\":[[{\"version\":3}]],"
      "\"contents\":{}}",
      0, 0, true },
    { "white space all around", " \n\t\r{ \"version\" : 1 , \"contents\" : { } } \n\t\r", 0, 0,
      true },
    { "paths that only look dangerous",
      DOCUMENT("\"..a\":{" DIGEST "},\"a..\":{" DIGEST "},\"a/...\":{" DIGEST "},\".a\":{" DIGEST
               "},\"a\\\\b\":{" DIGEST "},\"a\\nb\":{" DIGEST "},\"a:b\":{" DIGEST "}"),
      7, 0, false },
    { "a surrogate pair", DOCUMENT("\"\\ud83d\\ude00\":{" DIGEST ",\"size\":1}"), 1, 1, true },
    { "an escaped backslash before u", DOCUMENT("\"\\\\ud83d\":{" DIGEST ",\"size\":1}"), 1, 1,
      true },
    { "a key in unknown data that holds NUL",
      "{\"a\\u0000\":\"\\u0000\",\"version\":1,"
      "\"contents\":{}}",
      0, 0, true },
};

START_TEST(rule_6_what_clients_write_is_read)
    {
        cull_manifest *manifest = parsed_text(accepted_cases[_i].text);
        bool exact = false;

        ck_assert_msg(cull_manifest_count(manifest) == accepted_cases[_i].want_count, "%s",
                      accepted_cases[_i].name);
        ck_assert_msg(cull_manifest_size_bytes(manifest, &exact) == accepted_cases[_i].want_size,
                      "%s", accepted_cases[_i].name);
        ck_assert_msg(exact == accepted_cases[_i].want_exact, "%s", accepted_cases[_i].name);
        cull_manifest_free(manifest);
    }
END_TEST

static const struct {
    const char *name;
    const char *ref;
    cull_entry_kind want; /* CULL_ENTRY_NONE: refused */
} ref_cases[] = {
    { "bucket", "s3://bucket/key", CULL_ENTRY_REF },
    { "file", "file:///data/a", CULL_ENTRY_REF },
    { "a scheme of one letter, without slashes", "x:", CULL_ENTRY_REF },
    { "all that a scheme may hold", "a+b-c.9://x", CULL_ENTRY_REF },
    { "artifact", "wandb-artifact://41727469/dir/a.txt", CULL_ENTRY_ARTIFACT },
    { "artifact in capitals, as clients compare", "WANDB-Artifact://0aF/a", CULL_ENTRY_ARTIFACT },
    { "a scheme that begins like it", "wandb://x/y", CULL_ENTRY_REF },
    { "empty", "", CULL_ENTRY_NONE },
    { "a path", "a/b", CULL_ENTRY_NONE },
    { "an absolute path", "/a/b", CULL_ENTRY_NONE },
    { "a scheme that is empty", "://x", CULL_ENTRY_NONE },
    { "a scheme that begins with a digit", "3s://x", CULL_ENTRY_NONE },
    { "a scheme that holds a slash", "a/b://x", CULL_ENTRY_NONE },
    { "artifact without an ID", "wandb-artifact:///a", CULL_ENTRY_NONE },
    { "artifact without a path", "wandb-artifact://41", CULL_ENTRY_NONE },
    { "artifact of an empty path", "wandb-artifact://41/", CULL_ENTRY_NONE },
    { "artifact whose ID is not hex", "wandb-artifact://4g/a", CULL_ENTRY_NONE },
    { "artifact without slashes", "wandb-artifact:41/a", CULL_ENTRY_NONE },
    { "an artifact that is not committed", "wandb-client-artifact://41/a", CULL_ENTRY_NONE },
};

START_TEST(a_reference_is_external_or_into_the_store_or_refused)
    {
        cull_entry_kind want = ref_cases[_i].want;
        char text[512];
        cull_manifest *manifest = NULL;
        cull_error err = { 0 };
        cull_entry entry;
        cull_status status;

        (void)snprintf(text, sizeof text, DOCUMENT("\"a\":{\"digest\":\"d\",\"ref\":\"%s\"}"),
                       ref_cases[_i].ref);
        status = cull_manifest_parse(&manifest, CULL_DIGEST_MD5, "m.json", text, strlen(text), NULL,
                                     &err);
        ck_assert_msg((status == CULL_OK) == (want != CULL_ENTRY_NONE), "%s: %s",
                      ref_cases[_i].name, err.message);
        if (want == CULL_ENTRY_NONE) {
            ck_assert_int_eq(status, CULL_E_INVALID);
            ck_assert_ptr_null(manifest);
            return;
        }
        ck_assert(cull_manifest_find(manifest, "a", &entry));
        ck_assert_msg(entry.kind == want, "%s", ref_cases[_i].name);
        ck_assert_str_eq(entry.ref, ref_cases[_i].ref);
        ck_assert_str_eq(entry.digest_text, "d");
        cull_manifest_free(manifest);
    }
END_TEST

START_TEST(an_artifact_reference_splits_into_its_id_and_path)
    {
        const char *id = NULL;
        const char *path = NULL;
        size_t id_len = 0;

        ck_assert(cull__manifest_ref_split("wandb-artifact://41Af/d/a", &id, &id_len, &path));
        ck_assert_uint_eq(id_len, 4);
        ck_assert_mem_eq(id, "41Af", 4);
        ck_assert_str_eq(path, "d/a");
        ck_assert(!cull__manifest_ref_split("s3://41Af/d/a", &id, &id_len, &path));
    }
END_TEST

/* ---- refusals ---- */

static const struct {
    const char *name;
    const char *text;
    cull_status status;
    const char *want; /* behind "m.json: byte " */
} refused_cases[] = {
    { "nothing", "", CULL_E_INVALID, "0: parse error: premature EOF" },
    { "only white space", " \n", CULL_E_INVALID, "2: parse error: premature EOF" },
    { "no JSON", "hello", CULL_E_INVALID, "1: lexical error: invalid char in json text" },
    { "a number", "1 ", CULL_E_INVALID, "1: manifest is not an object" },
    { "a list", "[]", CULL_E_INVALID, "1: manifest is not an object" },
    { "an empty object", "{}", CULL_E_INVALID, "2: manifest without a version" },
    { "no version", "{\"contents\":{}}", CULL_E_INVALID, "15: manifest without a version" },
    { "no contents", "{\"version\":1}", CULL_E_INVALID, "13: manifest without contents" },
    { "version 2", "{\"version\":2,\"contents\":{}}", CULL_E_INVALID,
      "12: manifest version 2: only 1 is understood" },
    { "version 0", "{\"version\":0,\"contents\":{}}", CULL_E_INVALID,
      "12: manifest version 0: only 1 is understood" },
    { "version 1.0", "{\"version\":1.0,\"contents\":{}}", CULL_E_INVALID,
      "14: manifest version 1.0: only 1 is understood" },
    { "version as a string", "{\"version\":\"1\",\"contents\":{}}", CULL_E_INVALID,
      "14: manifest version that is no number: only 1 is understood" },
    { "version 2 behind the contents", "{\"contents\":{},\"version\":2}", CULL_E_INVALID,
      "26: manifest version 2: only 1 is understood" },
    { "version twice", "{\"version\":1,\"version\":1}", CULL_E_INVALID,
      "22: \"version\" stands there twice" },
    { "contents twice", DOCUMENT("},\"contents\":{"), CULL_E_INVALID,
      "57: \"contents\" stands there twice" },
    { "contents as a list", "{\"version\":1,\"contents\":[]}", CULL_E_INVALID,
      "25: contents is not an object" },
    { "a policy that is no string", "{\"version\":1,\"storagePolicy\":1}", CULL_E_INVALID,
      "30: storagePolicy is not a string" },
    { "a configuration that is no object", "{\"version\":1,\"storagePolicyConfig\":\"V2\"}",
      CULL_E_INVALID, "39: storagePolicyConfig is not an object" },
    { "layout V3", "{\"storagePolicyConfig\":{\"storageLayout\":\"V3\"}}", CULL_E_INVALID,
      "44: storageLayout is neither \"V1\" nor \"V2\"" },
    { "layout 2", "{\"storagePolicyConfig\":{\"storageLayout\":2}}", CULL_E_INVALID,
      "41: storageLayout is neither \"V1\" nor \"V2\"" },
    { "an absolute path", DOCUMENT("\"/etc/passwd\":{" DIGEST "}"), CULL_E_INVALID,
      "58: /etc/passwd: absolute path" },
    { "an empty path", DOCUMENT("\"\":{" DIGEST "}"), CULL_E_INVALID, "47: empty path" },
    { "a parent", DOCUMENT("\"a/../b\":{" DIGEST "}"), CULL_E_INVALID,
      "53: a/../b: \"..\" in the path" },
    { "a parent at the begin", DOCUMENT("\"../b\":{" DIGEST "}"), CULL_E_INVALID,
      "51: ../b: \"..\" in the path" },
    { "a parent at the end", DOCUMENT("\"a/..\":{" DIGEST "}"), CULL_E_INVALID,
      "51: a/..: \"..\" in the path" },
    { "a parent alone", DOCUMENT("\"..\":{" DIGEST "}"), CULL_E_INVALID,
      "49: ..: \"..\" in the path" },
    { "an escaped parent", DOCUMENT("\"\\u002e.\\/b\":{" DIGEST "}"), CULL_E_INVALID,
      "57: ../b: \"..\" in the path" },
    { "a dot", DOCUMENT("\"./b\":{" DIGEST "}"), CULL_E_INVALID, "50: ./b: \".\" in the path" },
    { "two slashes", DOCUMENT("\"a//b\":{" DIGEST "}"), CULL_E_INVALID,
      "51: a//b: empty part in the path" },
    { "a slash at the end", DOCUMENT("\"a/\":{" DIGEST "}"), CULL_E_INVALID,
      "49: a/: empty part in the path" },
    { "NUL in a path", DOCUMENT("\"a\\u0000b\":{" DIGEST "}"), CULL_E_INVALID,
      "55: a\\x00b: NUL in the path" },
    { "invalid UTF-8", DOCUMENT("\"a\xff\":{" DIGEST "}"), CULL_E_INVALID,
      "48: lexical error: invalid bytes in UTF8 string" },
    { "an overlong form, which yajl lets pass", DOCUMENT("\"\xc0\xaf\":{" DIGEST "}"),
      CULL_E_INVALID, "49: \\xc0\\xaf: path is not UTF-8" },
    { "a high half alone", DOCUMENT("\"\\ud83d\":{" DIGEST "}"), CULL_E_INVALID,
      "52: half a surrogate pair in a string" },
    { "a high half and a letter", DOCUMENT("\"\\ud83dx\":{" DIGEST "}"), CULL_E_INVALID,
      "52: half a surrogate pair in a string" },
    { "a high half and another escape", DOCUMENT("\"\\ud83d\\n\":{" DIGEST "}"), CULL_E_INVALID,
      "53: half a surrogate pair in a string" },
    { "two high halves", DOCUMENT("\"\\ud83d\\ud83d\":{" DIGEST "}"), CULL_E_INVALID,
      "57: half a surrogate pair in a string" },
    { "a low half alone", DOCUMENT("\"\\ude00\":{" DIGEST "}"), CULL_E_INVALID,
      "51: half a surrogate pair in a string" },
    { "duplicates side by side", DOCUMENT("\"a\":{" DIGEST "},\"a\":{" DIGEST "}"), CULL_E_INVALID,
      "90: a: duplicate path" },
    { "duplicates apart",
      DOCUMENT("\"b\":{" DIGEST "},\"a\":{" DIGEST "},\"c\":{" DIGEST "},\"b\":{" DIGEST "}"),
      CULL_E_INVALID, "174: b: duplicate path" },
    { "duplicates in two spellings", DOCUMENT("\"a\":{" DIGEST "},\"\\u0061\":{" DIGEST "}"),
      CULL_E_INVALID, "95: a: duplicate path" },
    { "an entry that is a string", DOCUMENT("\"a\":\"x\""), CULL_E_INVALID,
      "52: a: entry is not an object" },
    { "an entry without a digest", DOCUMENT("\"a\":{\"size\":1}"), CULL_E_INVALID,
      "59: a: entry without a digest" },
    { "a digest that is null", DOCUMENT("\"a\":{\"digest\":null}"), CULL_E_INVALID,
      "63: a: digest is not a string" },
    { "a digest twice", DOCUMENT("\"a\":{" DIGEST "," DIGEST "}"), CULL_E_INVALID,
      "94: \"digest\" stands there twice" },
    { "an empty digest", DOCUMENT("\"a\":{\"digest\":\"\",\"size\":1}"), CULL_E_INVALID,
      "61: a: digest is not the base64 of 16 bytes (md5)" },
    { "a digest one character short", DOCUMENT("\"a\":{\"digest\":\"ZRqySSS0jR8YjW00mERhA==\"}"),
      CULL_E_INVALID, "84: a: digest is not the base64 of 16 bytes (md5)" },
    { "a digest of SHA-256",
      DOCUMENT("\"a\":{\"digest\":\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"}"),
      CULL_E_INVALID, "105: a: digest is not the base64 of 16 bytes (md5)" },
    { "a digest in hex", DOCUMENT("\"a\":{\"digest\":\"d41d8cd98f00b204e9800998ecf8427e\"}"),
      CULL_E_INVALID, "93: a: digest is not the base64 of 16 bytes (md5)" },
    { "NUL in a digest", DOCUMENT("\"a\":{\"digest\":\"\\u0000\",\"ref\":\"x:y\"}"), CULL_E_INVALID,
      "67: a: NUL in the digest" },
    { "NUL in a ref", DOCUMENT("\"a\":{" DIGEST ",\"ref\":\"x:y\\u0000z\"}"), CULL_E_INVALID,
      "104: a: NUL in the ref" },
    { "a ref without a scheme", DOCUMENT("\"a\":{" DIGEST ",\"ref\":\"k\",\"size\":1}"),
      CULL_E_INVALID, "95: a: reference without a scheme" },
    { "a ref that is a number", DOCUMENT("\"a\":{" DIGEST ",\"ref\":1}"), CULL_E_INVALID,
      "93: a: ref is not a string" },
    { "a negative size", DOCUMENT("\"a\":{" DIGEST ",\"size\":-1}"), CULL_E_INVALID,
      "95: a: size is not a whole number of bytes" },
    { "a size with a fraction", DOCUMENT("\"a\":{" DIGEST ",\"size\":1.5}"), CULL_E_INVALID,
      "96: a: size is not a whole number of bytes" },
    { "a size with an exponent", DOCUMENT("\"a\":{" DIGEST ",\"size\":1e3}"), CULL_E_INVALID,
      "96: a: size is not a whole number of bytes" },
    { "a size that is a string", DOCUMENT("\"a\":{" DIGEST ",\"size\":\"1\"}"), CULL_E_INVALID,
      "96: a: size is not a whole number of bytes" },
    { "a size of 2^64 - 1", DOCUMENT("\"a\":{" DIGEST ",\"size\":18446744073709551615}"),
      CULL_E_INVALID, "113: a: size overflows" },
    { "a size of 2^64", DOCUMENT("\"a\":{" DIGEST ",\"size\":18446744073709551616}"),
      CULL_E_INVALID, "113: a: size overflows" },
    { "sizes whose sum is 2^64",
      DOCUMENT("\"a\":{" DIGEST ",\"size\":9223372036854775808},"
               "\"b\":{" DIGEST ",\"size\":9223372036854775808}"),
      CULL_E_INVALID, "181: b: sum of sizes overflows" },
    { "something behind it", DOCUMENT("") "x", CULL_E_INVALID,
      "47: something stands behind the manifest" },
    { "a second manifest", DOCUMENT("") "\n" DOCUMENT(""), CULL_E_INVALID,
      "48: something stands behind the manifest" },
    { "a string without an end behind it", DOCUMENT("") " \"x", CULL_E_INVALID,
      "48: something stands behind the manifest" },
    { "a comment", "{/* */\"version\":1}", CULL_E_INVALID,
      "1: lexical error: probable comment found in input text, comments are not enabled" },
    { "a comma too many", "{\"version\":1,}", CULL_E_INVALID,
      "14: parse error: invalid object key (must be a string)" },
    { "a byte order mark", "\xef\xbb\xbf{}", CULL_E_INVALID,
      "1: lexical error: invalid char in json text" },
    { "a line end in a string", "{\"a\nb\":1}", CULL_E_INVALID,
      "3: lexical error: invalid character inside string" },
};

static cull_status read_one_byte(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    const char **left = ctx;

    (void)err;
    ck_assert_uint_gt(len, 0);
    *got = **left != '\0';
    if (*got == 1) {
        *(char *)data = *(*left)++;
    }
    return CULL_OK;
}

/* However the source cuts it, the same message. */
START_TEST(rule_6_bad_manifests_are_refused_with_file_offset_and_reason)
    {
        const char *text = refused_cases[_i].text;
        char want[CULL_ERROR_MESSAGE_MAX];
        cull_manifest *manifest = NULL;
        cull_error err = { 0 };
        cull_error err_bytewise = { 0 };
        cull_status status = cull_manifest_parse(&manifest, CULL_DIGEST_MD5, "m.json", text,
                                                 strlen(text), NULL, &err);

        (void)snprintf(want, sizeof want, "m.json: byte %s", refused_cases[_i].want);
        ck_assert_msg(strcmp(err.message, want) == 0, "%s: %s", refused_cases[_i].name,
                      err.message);
        ck_assert_int_eq(status, refused_cases[_i].status);
        ck_assert_int_eq(err.status, status);
        ck_assert_ptr_null(manifest);
        ck_assert_int_eq(cull_manifest_read(&manifest, CULL_DIGEST_MD5, "m.json", read_one_byte,
                                            &text, NULL, &err_bytewise),
                         status);
        ck_assert_ptr_null(manifest);
        ck_assert_str_eq(err_bytewise.message, err.message);
    }
END_TEST

START_TEST(a_manifest_that_is_cut_short_anywhere_is_refused)
    {
        struct cull__buf file = file_bytes("fixtures/manifests/python-client.json");
        size_t whole = file.len;

        while (whole > 0 && file.data[whole - 1] == '\n') {
            whole--; /* a missing line end behind the object is no harm */
        }
        for (size_t len = 0; len < whole; len++) {
            cull_manifest *manifest = NULL;
            cull_error err = { 0 };
            char prefix[64];

            ck_assert_int_eq(cull_manifest_parse(&manifest, CULL_DIGEST_MD5, "m.json", file.data,
                                                 len, NULL, &err),
                             CULL_E_INVALID);
            ck_assert_ptr_null(manifest);
            (void)snprintf(prefix, sizeof prefix, "m.json: byte %zu: ", len);
            ck_assert_msg(strncmp(err.message, prefix, strlen(prefix)) == 0, "%zu: %s", len,
                          err.message);
        }
        cull_manifest_free(parsed(file.data, whole));
        cull__buf_release(&file);
    }
END_TEST

/* What stands in fixtures/manifests is read; its README says what is in it. */
static const struct {
    const char *file;
    size_t want_count;
    uint64_t want_size;
    const char *want_members[4];
} file_cases[] = {
    { "fixtures/manifests/python-client.json",
      4,
      279,
      { "\"birthArtifactID\":\"QXJ0aWZhY3Q6MTIz\"",
        "\"extra\":{\"etag\":\"9b2cf535f27731c974343645a3985328\","
        "\"versionID\":\"3L4kqtJlcpXroDTDmJ\"}",
        "\"skip_cache\":true,\"local_path\":\"/home/u/.local/share/wandb/artifacts/staging/tmpx\"",
        NULL } },
    { "fixtures/manifests/go-client.json",
      3,
      262,
      { NULL, "\"birthArtifactID\":\"QXJ0aWZhY3Q6MTIz\",\"extra\":{}", NULL } },
};

START_TEST(the_files_of_both_clients_are_read)
    {
        struct cull__buf file = file_bytes(file_cases[_i].file);
        cull_manifest *manifest = parsed(file.data, file.len);

        ck_assert_uint_eq(cull_manifest_count(manifest), file_cases[_i].want_count);
        ck_assert_uint_eq(cull_manifest_size_bytes(manifest, NULL), file_cases[_i].want_size);
        ck_assert_ptr_null(cull_manifest_head(manifest));
        for (size_t i = 0; i < file_cases[_i].want_count; i++) {
            cull_entry entry;

            cull_manifest_at(manifest, i, &entry);
            ck_assert_msg(texts_equal(entry.members, file_cases[_i].want_members[i]), "%s: %s",
                          entry.path, entry.members);
        }
        cull_manifest_free(manifest);
        cull__buf_release(&file);
    }
END_TEST

/* ---- what is kept beside digest, reference and size ---- */

static const struct {
    const char *name;
    const char *entry; /* what stands in it behind its digest */
    const char *want;  /* members; NULL: none */
} member_cases[] = {
    { "none", "", NULL },
    { "those that are fields are none", ",\"size\":1,\"ref\":null", NULL },
    { "what clients write",
      ",\"birthArtifactID\":\"QXJ0\",\"size\":1,\"skip_cache\":true,\"local_path\":\"/x\"",
      "\"birthArtifactID\":\"QXJ0\",\"skip_cache\":true,\"local_path\":\"/x\"" },
    { "null and false are kept too", ",\"extra\":null,\"skip_cache\":false",
      "\"extra\":null,\"skip_cache\":false" },
    { "lists in one another",
      ", \"extra\" : { \"a\" : [ ] , \"b\" : { } , \"c\" : [ 1 , [ 2 , { \"d\" : \"e\" } ] , null "
      "] }",
      "\"extra\":{\"a\":[],\"b\":{},\"c\":[1,[2,{\"d\":\"e\"}],null]}" },
    { "keys of ours further down", ",\"extra\":{\"digest\":2,\"size\":\"\",\"ref\":[]}",
      "\"extra\":{\"digest\":2,\"size\":\"\",\"ref\":[]}" },
    { "numbers as they stand", ",\"n\":[0,-0,1.50,1E+3,-2.5e-07,123456789012345678901234567890]",
      "\"n\":[0,-0,1.50,1E+3,-2.5e-07,123456789012345678901234567890]" },
    { "escapes that need not be, and those that must",
      ",\"x\":\"\\u0041\\/\\u00e9\\ud83d\\ude00\\\"\\\\\\b\\n\\u0000\\u001F\"",
      "\"x\":\"A/\xc3\xa9\xf0\x9f\x98\x80\\\"\\\\\\u0008\\n\\u0000\\u001f\"" },
    { "a key with an escape", ",\"a\\\"\\t\":1", "\"a\\\"\\t\":1" },
    { "more plain ones than are counted", ",\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6",
      "\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6" },
};

START_TEST(what_else_an_entry_says_is_kept_and_written_again)
    {
        char text[1024];
        cull_manifest *manifest;
        cull_manifest *again;
        struct cull__buf json;

        (void)snprintf(text, sizeof text, DOCUMENT("\"a\":{" DIGEST "%s},\"b\":{" DIGEST "%s}"),
                       member_cases[_i].entry, member_cases[_i].entry);
        manifest = parsed_text(text);
        for (size_t i = 0; i < 2; i++) { /* through the parser, and past it */
            cull_entry entry;

            cull_manifest_at(manifest, i, &entry);
            ck_assert_msg(texts_equal(entry.members, member_cases[_i].want), "%s: %s",
                          member_cases[_i].name, entry.members);
        }
        json = written(manifest);
        again = parsed(json.data, json.len);
        ck_assert(entries_equal(manifest, again));
        ck_document_decodes(NULL, manifest);
        cull_manifest_free(manifest);
        cull_manifest_free(again);
        cull__buf_release(&json);
    }
END_TEST

static const struct {
    const char *name;
    const char *text; /* before and behind the contents */
    const char *want; /* NULL: as cull writes it */
} head_cases[] = {
    { "what cull writes",
      "{\"storagePolicy\":\"wandb-storage-policy-v1\",\"version\":1,\"contents\":{},"
      "\"storagePolicyConfig\":{\"storageLayout\":\"V2\"}}",
      NULL },
    { "nothing", "{\"version\":1,\"contents\":{}}", "" },
    { "layout V1",
      "{\"version\":1,\"storagePolicyConfig\":{\"storageLayout\":\"V1\"},\"contents\":{}}",
      "\"storagePolicyConfig\":{\"storageLayout\":\"V1\"}" },
    { "a region, and unknown keys",
      "{\"version\":1,\"x\":[{}],\"storagePolicyConfig\":{\"storageRegion\":\"r\","
      "\"storageLayout\":\"V2\",\"y\":{\"z\":[]}},\"contents\":{},\"t\":true}",
      "\"x\":[{}],\"storagePolicyConfig\":{\"storageRegion\":\"r\",\"storageLayout\":\"V2\","
      "\"y\":{\"z\":[]}},\"t\":true" },
};

START_TEST(what_a_manifest_says_of_itself_is_kept_and_written_again)
    {
        cull_manifest *manifest = parsed_text(head_cases[_i].text);
        struct cull__buf json = written(manifest);
        cull_manifest *again = parsed(json.data, json.len);
        cull_manifest *fresh = NULL;

        ck_assert_msg(texts_equal(cull_manifest_head(manifest), head_cases[_i].want), "%s: %s",
                      head_cases[_i].name, cull_manifest_head(manifest));
        ck_assert(entries_equal(manifest, again));
        ck_document_decodes(NULL, manifest);
        ck_assert_int_eq(cull_manifest_new(&fresh, CULL_DIGEST_MD5, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_head_set(fresh, head_cases[_i].want, NULL), CULL_OK);
        ck_assert(texts_equal(cull_manifest_head(fresh), head_cases[_i].want));
        cull_manifest_free(manifest);
        cull_manifest_free(again);
        cull_manifest_free(fresh);
        cull__buf_release(&json);
    }
END_TEST

/* What is handed over as JSON is written into JSON: it must be just that. */
static const char *const bad_members[] = {
    "",
    "\"a\"",
    "\"a\":",
    "\"a\":1,",
    "\"a\":1 ",
    " \"a\":1",
    "\"a\": 1",
    "\"a\":1}",
    "\"a\":1,\"b\"",
    "a:1",
    "\"a\":01",
    "\"a\":1.",
    "\"a\":.5",
    "\"a\":1e",
    "\"a\":-",
    "\"a\":nul",
    "\"a\":nullx",
    "\"a\":[1",
    "\"a\":[1,]",
    "\"a\":[,1]",
    "\"a\":[1}",
    "\"a\":{\"b\"}",
    "\"a\":{\"b\":1,}",
    "\"a\":{1:2}",
    "\"a\":\"",
    "\"a\":\"\\\"",
    "\"a\":\"\\x\"",
    "\"a\":\"\\/\"",
    "\"a\":\"\\b\"",
    "\"a\":\"\\u0041\"",
    "\"a\":\"\\u000a\"",
    "\"a\":\"\\u001F\"",
    "\"a\":\"\\u001\"",
    "\"a\":\"\n\"",
    "\"a\":\"\xff\"",
    "\"digest\":\"x\"",
    "\"a\":1,\"size\":1",
    "\"ref\":null",
    "\"a\":"
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
};

START_TEST(members_that_are_not_plain_json_are_refused)
    {
        cull_manifest *manifest = NULL;
        cull_entry entry = blob_entry("a", 1, 1);
        cull_error err = { CULL_OK, "" };

        entry.members = bad_members[_i];
        ck_assert_int_eq(cull_manifest_new(&manifest, CULL_DIGEST_MD5, NULL), CULL_OK);
        ck_assert_msg(cull_manifest_add(manifest, &entry, &err) == CULL_E_INVALID, "%s",
                      bad_members[_i]);
        ck_assert_msg(strncmp(err.message, "a: other members", 16) == 0, "%s", err.message);
        ck_assert_uint_eq(cull_manifest_count(manifest), 0);
        cull_manifest_free(manifest);
    }
END_TEST

START_TEST(a_head_that_is_none_is_refused)
    {
        static const char *const bad[] = {
            "\"version\":1",
            "\"contents\":{}",
            "\"a\"",
            "\"a\":1,",
            "\"a\": 1",
            "\"a\":1},\"b\":{",
            "\"storagePolicy\":1",
            "\"storagePolicyConfig\":{\"storageLayout\":\"V3\"}",
        };

        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
            cull_manifest *manifest = parsed_text(DOCUMENT(""));
            cull_error err = { CULL_OK, "" };

            ck_assert_msg(cull_manifest_head_set(manifest, bad[i], &err) == CULL_E_INVALID, "%s",
                          bad[i]);
            ck_assert_msg(strncmp(err.message, "head: ", 6) == 0, "%s", err.message);
            ck_assert_str_eq(cull_manifest_head(manifest), "\"storagePolicy\":\"p\"");
            cull_manifest_free(manifest);
        }
    }
END_TEST

/* One member is too long, its neighbours stay; so do those of the head. */
START_TEST(members_that_are_too_long_are_left_out_and_counted)
    {
        static const char *const forms[] = { "\"%s\"", "[1,\"%s\",[2]]", "{\"%s\":{\"x\":[]}}" };
        struct cull__buf text = CULL__BUF_INIT(cull_allocator_default());
        cull_manifest *manifest;
        cull_entry entry;
        char form[32];
        char *long_text = calloc(70001, 1);

        ck_assert_ptr_nonnull(long_text);
        memset(long_text, 'x', 70000);
        (void)snprintf(form, sizeof form, "%s", forms[_i]);
        *strstr(form, "%s") = '\0';
        put_text(&text, "{\"version\":1,\"a\":1,\"b\":");
        put_text(&text, form);
        put_text(&text, long_text);
        put_text(&text, strstr(forms[_i], "%s") + 2);
        put_text(&text, ",\"c\":2,\"contents\":{\"p\":{\"a\":1,\"b\":");
        put_text(&text, form);
        put_text(&text, long_text);
        put_text(&text, strstr(forms[_i], "%s") + 2);
        put_text(&text, ",\"c\":2," DIGEST "},\"q\":{" DIGEST "}}}");
        manifest = parsed(text.data, text.len);
        ck_assert_uint_eq(cull_manifest_dropped(manifest), 2);
        ck_assert_str_eq(cull_manifest_head(manifest), "\"a\":1,\"c\":2");
        cull_manifest_at(manifest, 0, &entry);
        ck_assert_str_eq(entry.members, "\"a\":1,\"c\":2");
        cull_manifest_at(manifest, 1, &entry);
        ck_assert_ptr_null(entry.members);
        cull_manifest_free(manifest);
        cull__buf_release(&text);
        free(long_text);
    }
END_TEST

/* More texts than a table has room for, in an order that no table makes. */
START_TEST(members_are_the_same_wherever_they_stand)
    {
        cull_manifest *manifests[2] = { NULL, NULL };
        cull_error err = { CULL_OK, "" };

        for (size_t which = 0; which < 2; which++) {
            ck_assert_int_eq(cull_manifest_new(&manifests[which], CULL_DIGEST_MD5, NULL), CULL_OK);
            for (unsigned k = 0; k < 600; k++) {
                unsigned n = which == 0 ? k : 599 - k;
                char path[16];
                char members[40];
                cull_entry entry;

                (void)snprintf(path, sizeof path, "%03u", n);
                (void)snprintf(members, sizeof members, "\"birthArtifactID\":\"%u\"", n / 2);
                entry = blob_entry(path, 1, n);
                entry.members = members;
                ck_assert_msg(cull_manifest_add(manifests[which], &entry, &err) == CULL_OK, "%s",
                              err.message);
            }
            ck_assert_int_eq(cull_manifest_seal(manifests[which], NULL), CULL_OK);
        }
        ck_assert(entries_equal(manifests[0], manifests[1]));
        ck_assert(cull__manifest_checksum(manifests[0]) == cull__manifest_checksum(manifests[1]));
        for (size_t i = 0; i < 600; i++) {
            ck_assert(cull__manifest_same(manifests[0], i, manifests[1], i));
        }
        ck_document_decodes(NULL, manifests[0]);
        ck_document_decodes(manifests[0], manifests[1]);
        cull_manifest_free(manifests[0]);
        cull_manifest_free(manifests[1]);
    }
END_TEST

/* ---- bounds ---- */

/* A document around an `extra` of count lists within one another. */
static struct cull__buf nested_document(size_t count, bool closed)
{
    struct cull__buf text = CULL__BUF_INIT(cull_allocator_default());

    cull__buf_put(&text, "{\"extra\":", 9);
    for (size_t i = 0; i < count; i++) {
        cull__buf_u8(&text, '[');
    }
    for (size_t i = 0; closed && i < count; i++) {
        cull__buf_u8(&text, ']');
    }
    cull__buf_put(&text, ",\"version\":1,\"contents\":{}}", 27);
    return text;
}

START_TEST(nesting_ends_at_sixty_four)
    {
        struct cull__buf fits = nested_document(63, true); /* the object around it is the first */
        struct cull__buf deeper = nested_document(64, true);
        struct cull__buf bomb = nested_document(3000000, false);
        cull_manifest *manifest = NULL;
        cull_error err = { 0 };

        cull_manifest_free(parsed(fits.data, fits.len));
        ck_assert_int_eq(cull_manifest_parse(&manifest, CULL_DIGEST_MD5, "m.json", deeper.data,
                                             deeper.len, NULL, &err),
                         CULL_E_LIMIT);
        ck_assert_str_eq(err.message, "m.json: byte 73: nested deeper than 64");
        ck_assert_int_eq(cull_manifest_parse(&manifest, CULL_DIGEST_MD5, "m.json", bomb.data,
                                             bomb.len, NULL, &err),
                         CULL_E_LIMIT);
        ck_assert_str_eq(err.message, "m.json: byte 73: nested deeper than 64");
        cull__buf_release(&fits);
        cull__buf_release(&deeper);
        cull__buf_release(&bomb);
    }
END_TEST

static void put_repeated(struct cull__buf *buf, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        put_text(buf, text);
    }
}

static const struct {
    const char *name;
    const char *before;
    size_t times;
    const char *after;
    cull_status want;
} length_cases[] = {
    { "the longest path", HEAD "\"", CULL_PATH_BYTES_MAX, "\":{" DIGEST "}}}", CULL_OK },
    { "a path one longer", HEAD "\"", CULL_PATH_BYTES_MAX + 1, "\":{" DIGEST "}}}", CULL_E_LIMIT },
    { "the longest ref", HEAD "\"a\":{" DIGEST ",\"ref\":\"x:", CULL_REF_BYTES_MAX - 2, "\"}}}",
      CULL_OK },
    { "a ref one longer", HEAD "\"a\":{" DIGEST ",\"ref\":\"x:", CULL_REF_BYTES_MAX - 1, "\"}}}",
      CULL_E_LIMIT },
    { "the longest digest of a reference", HEAD "\"a\":{\"ref\":\"x:y\",\"digest\":\"",
      CULL_REF_BYTES_MAX, "\"}}}", CULL_OK },
    { "a digest one longer", HEAD "\"a\":{\"ref\":\"x:y\",\"digest\":\"", CULL_REF_BYTES_MAX + 1,
      "\"}}}", CULL_E_LIMIT },
    { "a long string that nobody needs", "{\"x\":\"", 900000, "\",\"version\":1,\"contents\":{}}",
      CULL_OK },
    { "a string without an end in sight", "{\"x\":\"", 1300000, "\",\"version\":1,\"contents\":{}}",
      CULL_E_LIMIT },
};

START_TEST(strings_have_bounds)
    {
        struct cull__buf text = CULL__BUF_INIT(cull_allocator_default());
        cull_manifest *manifest = NULL;
        cull_error err = { 0 };

        put_text(&text, length_cases[_i].before);
        put_repeated(&text, "p", length_cases[_i].times);
        put_text(&text, length_cases[_i].after);
        ck_assert_msg(cull_manifest_parse(&manifest, CULL_DIGEST_MD5, "m.json", text.data, text.len,
                                          NULL, &err) == length_cases[_i].want,
                      "%s: %s", length_cases[_i].name, err.message);
        ck_assert((manifest != NULL) == (length_cases[_i].want == CULL_OK));
        cull_manifest_free(manifest);
        cull__buf_release(&text);
    }
END_TEST

/* Pieces end at 65536: everything is cut there once, at each of its bytes. */
START_TEST(the_end_of_a_piece_may_fall_anywhere)
    {
        const char *text = DOCUMENT("\"\\ud83d\\ude00\\\\\":{" DIGEST ",\"size\":12,\"x\":[true]},"
                                    "\"b\":{\"digest\":\"\xc3\xa9\",\"ref\":\"s3://b\"}");
        cull_manifest *want = parsed_text(text);

        for (size_t at = 0; at <= strlen(text); at++) {
            struct cull__buf padded = CULL__BUF_INIT(cull_allocator_default());
            cull_manifest *manifest;

            put_repeated(&padded, " ", 65536 - at);
            put_text(&padded, text);
            manifest = parsed(padded.data, padded.len);
            ck_assert_msg(entries_equal(manifest, want), "cut at %zu", at);
            cull_manifest_free(manifest);
            cull__buf_release(&padded);
        }
        cull_manifest_free(want);
    }
END_TEST

START_TEST(white_space_may_follow_for_pieces_but_nothing_else)
    {
        struct cull__buf text = CULL__BUF_INIT(cull_allocator_default());
        cull_manifest *manifest = NULL;
        cull_error err = { 0 };

        put_text(&text, DOCUMENT(""));
        put_repeated(&text, "\n", 200000);
        cull_manifest_free(parsed(text.data, text.len));
        put_text(&text, "}");
        ck_assert_int_eq(cull_manifest_parse(&manifest, CULL_DIGEST_MD5, "m.json", text.data,
                                             text.len, NULL, &err),
                         CULL_E_INVALID);
        ck_assert_str_eq(err.message, "m.json: byte 200047: something stands behind the manifest");
        cull__buf_release(&text);
    }
END_TEST

static cull_status read_fails(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    bool *begun = ctx;

    (void)len;
    if (!*begun) {
        *begun = true;
        memcpy(data, "{\"ver", 5);
        *got = 5;
        return CULL_OK;
    }
    return cull__error_set(err, CULL_E_IO, "m.json: the disk is gone");
}

START_TEST(a_source_that_fails_is_what_the_reader_reports)
    {
        bool begun = false;
        cull_manifest *manifest = NULL;
        cull_error err = { 0 };

        ck_assert_int_eq(cull_manifest_read(&manifest, CULL_DIGEST_MD5, "m.json", read_fails,
                                            &begun, NULL, &err),
                         CULL_E_IO);
        ck_assert_str_eq(err.message, "m.json: the disk is gone");
        ck_assert_ptr_null(manifest);
    }
END_TEST

static cull_status write_fails(void *ctx, const void *data, size_t len, cull_error *err)
{
    unsigned *left = ctx;

    (void)data;
    (void)len;
    return (*left)-- > 0 ? CULL_OK : cull__error_set(err, CULL_E_NOSPACE, "out: full");
}

START_TEST(a_sink_that_fails_is_what_the_writer_reports)
    {
        struct cull__buf text = CULL__BUF_INIT(cull_allocator_default());
        cull_manifest *manifest;
        cull_error err = { 0 };

        put_text(&text, HEAD);
        for (int i = 0; i < 3000; i++) {
            char entry[128];

            (void)snprintf(entry, sizeof entry, "%s\"f%04d\":{" DIGEST "}", i > 0 ? "," : "", i);
            put_text(&text, entry);
        }
        put_text(&text, "}}");
        manifest = parsed(text.data, text.len);
        for (unsigned pieces = 0; pieces < 3; pieces++) {
            unsigned left = pieces;

            err = (cull_error){ 0 };
            ck_assert_int_eq(cull_manifest_write(manifest, write_fails, &left, &err),
                             CULL_E_NOSPACE);
            ck_assert_str_eq(err.message, "out: full");
        }
        cull_manifest_free(manifest);
        cull__buf_release(&text);
    }
END_TEST

/* ---- in memory ---- */

static const struct {
    const char *name;
    const char *path;
    uint32_t len;
    cull_status want;
} path_cases[] = {
    { "plain", "a", 1, CULL_OK },
    { "folders", "a/b/c", 5, CULL_OK },
    { "a line end", "a\nb", 3, CULL_OK },
    { "three dots", "...", 3, CULL_OK },
    { "all of UTF-8", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, CULL_OK },
    { "empty", "", 0, CULL_E_INVALID },
    { "absolute", "/a", 2, CULL_E_INVALID },
    { "the root", "/", 1, CULL_E_INVALID },
    { "dot", ".", 1, CULL_E_INVALID },
    { "dot inside", "a/./b", 5, CULL_E_INVALID },
    { "dots", "..", 2, CULL_E_INVALID },
    { "dots inside", "a/../b", 6, CULL_E_INVALID },
    { "slash behind", "a/", 2, CULL_E_INVALID },
    { "NUL", "a\0b", 3, CULL_E_INVALID },
    { "NUL behind", "a\0", 2, CULL_E_INVALID },
    { "Latin-1", "\xe9", 1, CULL_E_INVALID },
    { "half of a character", "a\xc3", 2, CULL_E_INVALID },
    { "an encoded surrogate", "\xed\xa0\x80", 3, CULL_E_INVALID },
};

START_TEST(a_path_is_relative_and_stays_below)
    {
        cull_manifest *manifest = NULL;
        cull_error err = { 0 };
        cull_entry entry = blob_entry(path_cases[_i].path, 1, 1);

        entry.path_len = path_cases[_i].len;
        ck_assert_int_eq(cull_manifest_new(&manifest, CULL_DIGEST_MD5, NULL), CULL_OK);
        ck_assert_msg(cull_manifest_add(manifest, &entry, &err) == path_cases[_i].want, "%s: %s",
                      path_cases[_i].name, err.message);
        ck_assert_uint_eq(cull_manifest_count(manifest), path_cases[_i].want == CULL_OK);
        cull_manifest_free(manifest);
    }
END_TEST

/* By bytes: '-' < '/' < 'a'; é behind all of ASCII, an emoji behind it (UTF-16 would differ). */
START_TEST(entries_come_in_code_point_order_and_are_found)
    {
        static const char *const added[] = { "b",   "\xf0\x9f\x98\x80", "a/b", "a",
                                             "a-b", "\xef\xbf\xbd",     "ab",  "B",
                                             NULL };
        static const char *const sorted[] = { "B",  "a", "a-b",          "a/b",
                                              "ab", "b", "\xef\xbf\xbd", "\xf0\x9f\x98\x80" };
        cull_manifest *manifest = manifest_of_paths(added);
        cull_entry entry;

        for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
            cull_manifest_at(manifest, i, &entry);
            ck_assert_str_eq(entry.path, sorted[i]);
            ck_assert(cull_manifest_find(manifest, sorted[i], &entry));
            ck_assert_str_eq(entry.path, sorted[i]);
            ck_assert_str_eq(added[entry.size_bytes], sorted[i]); /* its own digest and size */
            ck_assert_uint_eq(entry.digest.bytes[0], entry.size_bytes);
            ck_assert_uint_eq(entry.digest.bytes[16], 0);
        }
        ck_assert(!cull_manifest_find(manifest, "", &entry));
        ck_assert(!cull_manifest_find(manifest, "a/", &entry));
        ck_assert(!cull_manifest_find(manifest, "zz", &entry));
        ck_assert_int_eq(cull_manifest_seal(manifest, NULL), CULL_OK); /* again: no harm */
        cull_manifest_free(manifest);
    }
END_TEST

/* Small numbers in a scrambled order, so that every length of runs is merged. */
START_TEST(sorting_agrees_with_qsort_at_every_length)
    {
        for (size_t count = 0; count <= 70; count++) {
            cull_manifest *manifest = NULL;
            cull_entry entry;

            ck_assert_int_eq(cull_manifest_new(&manifest, CULL_DIGEST_SHA256, NULL), CULL_OK);
            for (size_t i = 0; i < count; i++) {
                char path[16];

                (void)snprintf(path, sizeof path, "%03zu", (i * 29 + 7) % 71);
                entry = blob_entry(path, (uint8_t)i, i);
                ck_assert_int_eq(cull_manifest_add(manifest, &entry, NULL), CULL_OK);
            }
            ck_assert_int_eq(cull_manifest_seal(manifest, NULL), CULL_OK);
            for (size_t i = 1; i < count; i++) {
                cull_entry before;

                cull_manifest_at(manifest, i - 1, &before);
                cull_manifest_at(manifest, i, &entry);
                ck_assert_int_lt(strcmp(before.path, entry.path), 0);
            }
            cull_manifest_free(manifest);
        }
    }
END_TEST

START_TEST(sealing_refuses_a_path_that_was_added_twice)
    {
        cull_manifest *manifest = NULL;
        cull_error err = { 0 };
        static const char *const paths[] = { "c", "a", "b", "a" };

        ck_assert_int_eq(cull_manifest_new(&manifest, CULL_DIGEST_MD5, NULL), CULL_OK);
        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
            cull_entry entry = blob_entry(paths[i], 1, 1);

            ck_assert_int_eq(cull_manifest_add(manifest, &entry, NULL), CULL_OK);
        }
        ck_assert_int_eq(cull_manifest_seal(manifest, &err), CULL_E_INVALID);
        ck_assert_str_eq(err.message, "a: duplicate path");
        cull_manifest_free(manifest);
    }
END_TEST

START_TEST(adding_refuses_what_contradicts_itself)
    {
        cull_manifest *manifest = NULL;
        cull_error err = { 0 };
        cull_entry ref = { .path = "a",
                           .path_len = 1,
                           .kind = CULL_ENTRY_REF,
                           .size_bytes = 1,
                           .digest_text = "d",
                           .ref = "wandb-artifact://41/x" };
        cull_entry blob = blob_entry("b", 1, CULL_SIZE_UNKNOWN - 1);

        ck_assert_int_eq(cull_manifest_new(&manifest, CULL_DIGEST_MD5, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_add(manifest, &ref, &err), CULL_E_INVALID);
        ck_assert_str_eq(err.message, "a: reference is of another kind");
        ref.kind = CULL_ENTRY_ARTIFACT;
        ref.digest_text = NULL;
        ck_assert_int_eq(cull_manifest_add(manifest, &ref, &err), CULL_E_INVALID);
        ref.digest_text = "d\xff";
        ck_assert_int_eq(cull_manifest_add(manifest, &ref, &err), CULL_E_INVALID);
        ck_assert_str_eq(err.message, "a: digest is not UTF-8");
        ref.digest_text = "d";
        ck_assert_int_eq(cull_manifest_add(manifest, &ref, &err), CULL_OK);
        ck_assert_int_eq(cull_manifest_add(manifest, &blob, &err), CULL_OK); /* 2^64 - 1 in sum */
        blob.path = "c";
        blob.size_bytes = 1;
        ck_assert_int_eq(cull_manifest_add(manifest, &blob, &err), CULL_E_INVALID);
        ck_assert_str_eq(err.message, "c: sum of sizes overflows");
        blob.size_bytes = 0;
        ck_assert_int_eq(cull_manifest_add(manifest, &blob, &err), CULL_OK);
        blob.kind = CULL_ENTRY_NONE;
        ck_assert_int_eq(cull_manifest_add(manifest, &blob, &err), CULL_E_INVALID);
        ck_assert_int_eq(cull_manifest_seal(manifest, NULL), CULL_OK);
        ck_assert_uint_eq(cull_manifest_count(manifest), 3);
        ck_assert_uint_eq(cull_manifest_size_bytes(manifest, NULL), UINT64_MAX);
        cull_manifest_free(manifest);
    }
END_TEST

static const struct {
    const char *name;
    const char *paths[8];
    const char *file; /* NULL: no conflict */
    const char *below;
} conflict_cases[] = {
    { "nothing", { NULL }, NULL, NULL },
    { "neighbours", { "a", "ab", "a-/b", "b/a", "b/c", NULL }, NULL, NULL },
    { "side by side", { "a", "a/b", NULL }, "a", "a/b" },
    { "with others between", { "a", "a!", "a-b", "a/b", NULL }, "a", "a/b" },
    { "far below", { "a/b", "a/b-c/d", "a/b/c/d/e", NULL }, "a/b", "a/b/c/d/e" },
    { "behind others of its folder", { "x/a", "x/b", "x/b/c", "x/d", NULL }, "x/b", "x/b/c" },
};

START_TEST(a_path_that_is_file_and_folder_is_found)
    {
        cull_manifest *manifest = manifest_of_paths(conflict_cases[_i].paths);
        cull_entry file = { 0 };
        cull_entry below = { 0 };
        bool conflict = cull_manifest_path_conflict(manifest, &file, &below);

        ck_assert_msg(conflict == (conflict_cases[_i].file != NULL), "%s", conflict_cases[_i].name);
        if (conflict) {
            ck_assert_str_eq(file.path, conflict_cases[_i].file);
            ck_assert_str_eq(below.path, conflict_cases[_i].below);
        }
        cull_manifest_free(manifest);
    }
END_TEST

START_TEST(strings_are_escaped_so_that_they_read_back)
    {
        cull_manifest *manifest = NULL;
        struct cull__buf text;
        cull_manifest *again;
        char path[3 * 0x80 + 1];
        size_t len = 0;
        cull_entry entry = { .kind = CULL_ENTRY_REF, .size_bytes = 7 };
        static const char want[] =
            "    \"\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\u0008\\t"
            "\\n\\u000b\\u000c\\r\\u000e";

        for (int c = 1; c < 0x80; c++) { /* all of ASCII, without a part that may not be */
            path[len++] = (char)c;
        }
        memcpy(path + len, "\xc3\xa9\xf0\x9f\x98\x80", 7);
        entry.path = path;
        entry.path_len = (uint32_t)strlen(path);
        entry.digest_text = path;
        entry.ref = "x:\"\\\n\x1f\x7f";
        ck_assert_int_eq(cull_manifest_new(&manifest, CULL_DIGEST_MD5, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_add(manifest, &entry, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_seal(manifest, NULL), CULL_OK);
        text = written(manifest);
        cull__buf_u8(&text, 0);
        ck_assert_ptr_nonnull(strstr((char *)text.data, want));
        again = parsed(text.data, text.len - 1);
        ck_assert(entries_equal(manifest, again));
        cull_manifest_free(manifest);
        cull_manifest_free(again);
        cull__buf_release(&text);
    }
END_TEST

START_TEST(the_text_is_tidy)
    {
        cull_manifest *manifest = parsed_text(
            DOCUMENT("\"b\":{" DIGEST ",\"x\":[1,{\"y:,\\\"\":null}]},\"a\":{\"digest\":"
                     "\"e\",\"size\":3,\"ref\":\"s3://b/k\"}"));
        cull_manifest *empty = parsed_text("{\"version\":1,\"contents\":{}}");
        struct cull__buf text = written(manifest);
        struct cull__buf text_empty = written(empty);

        cull__buf_u8(&text, 0);
        cull__buf_u8(&text_empty, 0);
        ck_assert_str_eq((char *)text.data,
                         "{\n"
                         "  \"version\": 1,\n"
                         "  \"storagePolicy\": \"p\",\n"
                         "  \"contents\": {\n"
                         "    \"a\": {\"digest\": \"e\", \"ref\": \"s3://b/k\", \"size\": 3},\n"
                         "    \"b\": {"
                         "\"digest\": \"" MD5_TEXT "\", \"x\": [1, {\"y:,\\\"\": null}]}\n"
                         "  }\n"
                         "}\n");
        ck_assert_str_eq((char *)text_empty.data, "{\n"
                                                  "  \"version\": 1,\n"
                                                  "  \"contents\": {}\n"
                                                  "}\n");
        cull__buf_release(&text_empty);
        ck_assert_int_eq(cull_manifest_head_set(empty, NULL, NULL), CULL_OK);
        text_empty = written(empty);
        cull__buf_u8(&text_empty, 0);
        ck_assert_str_eq((char *)text_empty.data,
                         "{\n"
                         "  \"version\": 1,\n"
                         "  \"storagePolicy\": \"wandb-storage-policy-v1\",\n"
                         "  \"storagePolicyConfig\": {\"storageLayout\": \"V2\"},\n"
                         "  \"contents\": {}\n"
                         "}\n");
        cull_manifest_free(manifest);
        cull_manifest_free(empty);
        cull__buf_release(&text);
        cull__buf_release(&text_empty);
    }
END_TEST

START_TEST(digests_of_other_kinds_have_their_own_length)
    {
        static const struct {
            cull_digest_kind kind;
            const char *digest;
        } kinds[] = {
            { CULL_DIGEST_SHA256, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" },
            { CULL_DIGEST_SHA1, "2jmj7l5rSw0yVb/vlWAYkK/YBwk=" },
            { CULL_DIGEST_XXH128, "maoG0wFHmNhgAcMkRo1Jfw==" },
        };

        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
            for (size_t j = 0; j < ARRAY_LEN(kinds); j++) {
                cull_manifest *manifest = NULL;
                char text[256];
                cull_status status;

                (void)snprintf(text, sizeof text, DOCUMENT("\"a\":{\"digest\":\"%s\"}"),
                               kinds[j].digest);
                status = cull_manifest_parse(&manifest, kinds[i].kind, "m.json", text, strlen(text),
                                             NULL, NULL);
                ck_assert_int_eq(status, i == j ? CULL_OK : CULL_E_INVALID);
                if (i == j) {
                    ck_document_decodes(NULL, manifest);
                }
                cull_manifest_free(manifest);
            }
        }
    }
END_TEST

/* ---- a million entries ---- */

struct counted {
    cull_allocator allocator;
    size_t live_bytes;
    size_t peak_bytes;
};

static void counted_add(struct counted *counted, size_t bytes)
{
    counted->live_bytes += bytes;
    if (counted->live_bytes > counted->peak_bytes) {
        counted->peak_bytes = counted->live_bytes;
    }
}

static void *counted_realloc(void *ctx, void *block, size_t bytes)
{
    struct counted *counted = ctx;
    size_t *head = block != NULL ? (size_t *)block - 2 : NULL;
    size_t before = head != NULL ? head[0] : 0;

    head = realloc(head, bytes + 2 * sizeof *head);
    if (head == NULL) {
        return NULL;
    }
    head[0] = bytes;
    counted->live_bytes -= before;
    counted_add(counted, bytes);
    return head + 2;
}

static void *counted_alloc(void *ctx, size_t bytes)
{
    return counted_realloc(ctx, NULL, bytes);
}

static void counted_free(void *ctx, void *block)
{
    struct counted *counted = ctx;

    if (block != NULL) {
        counted->live_bytes -= ((size_t *)block)[-2];
        free((size_t *)block - 2);
    }
}

#define MANY 1000000
#define MANY_PATH_BYTES 20

/* Gives a manifest of MANY entries without holding its text. */
struct many_source {
    size_t next;
    bool reversed;
    char text[160];
    size_t at;
};

static cull_status many_read(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    struct many_source *source = ctx;

    (void)err;
    *got = 0;
    while (*got < len) {
        size_t left = strlen(source->text + source->at);
        size_t take = left < len - *got ? left : len - *got;

        memcpy((char *)data + *got, source->text + source->at, take);
        *got += take;
        source->at += take;
        if (source->text[source->at] != '\0') {
            continue;
        }
        if (source->next > MANY) {
            break;
        }
        if (source->next == MANY) {
            (void)snprintf(source->text, sizeof source->text, "}}");
        } else {
            size_t i = source->reversed ? MANY - 1 - source->next : source->next;

            (void)snprintf(source->text, sizeof source->text,
                           "%s\"data/%03zu/file%07zu\":{" DIGEST ",\"size\":%zu}",
                           source->next > 0 ? "," : "", i / 1000, i, i);
        }
        source->next++;
        source->at = 0;
    }
    return CULL_OK;
}

START_TEST(a_million_entries_cost_a_hundred_bytes_each_beside_their_paths)
    {
        struct counted counted = { .allocator = { counted_alloc, counted_realloc, counted_free,
                                                  &counted } };
        struct many_source source = { .reversed = _i == 1, .text = HEAD };
        cull_manifest *manifest = NULL;
        cull_error err = { 0 };
        cull_entry entry;

        ck_assert_msg(cull_manifest_read(&manifest, CULL_DIGEST_MD5, "m.json", many_read, &source,
                                         &counted.allocator, &err) == CULL_OK,
                      "%s", err.message);
        ck_assert_uint_eq(cull_manifest_count(manifest), MANY);
        ck_assert_uint_eq(cull_manifest_size_bytes(manifest, NULL),
                          (uint64_t)MANY * (MANY - 1) / 2);
        ck_assert(cull_manifest_find(manifest, "data/123/file0123456", &entry));
        ck_assert_uint_eq(entry.size_bytes, 123456);
        cull_manifest_at(manifest, MANY - 1, &entry);
        ck_assert_str_eq(entry.path, "data/999/file0999999");
        ck_assert_uint_le(counted.live_bytes, (size_t)MANY * (48 + MANY_PATH_BYTES));
        ck_assert_uint_le(counted.peak_bytes, (size_t)MANY * (100 + MANY_PATH_BYTES));
        cull_manifest_free(manifest);
        ck_assert_uint_eq(counted.live_bytes, 0);
    }
END_TEST

/* ---- patches and stored documents ---- */

/* xorshift64*: the tests' own, so that a seed gives the same manifests everywhere. */
static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (*state * UINT64_C(2685821657736338717) >> 33) % below;
}

#define ORACLE_PATHS 24

/* What a manifest holds, as plainly as can be: a value for each path that could be; 0: not there. */
struct oracle {
    unsigned value[ORACLE_PATHS];
    const char *head;
};

#define HEAD_V1 "\"storagePolicyConfig\":{\"storageLayout\":\"V1\"}"
#define LONG_TEXT "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-"

static const char *oracle_path(size_t i, char text[32])
{
    static const char *const stems[] = {
        "a", "a/b", "ab", "b/long-folder-name/x", "\xc3\xa9", "c"
    };

    (void)snprintf(text, 32, "%s%zu", stems[i % ARRAY_LEN(stems)], i / ARRAY_LEN(stems));
    return text;
}

/* Values 1 to 9: three of each kind, some without a size, some with other members; 10 is 1 with
 * others. */
static cull_entry oracle_entry(const char *path, unsigned value)
{
    static const char *const refs[] = { "s3://b/1", "s3://b/2", "x:y" };
    static const char *const artifacts[] = { "wandb-artifact://41/a", "wandb-artifact://41/b",
                                             "wandb-artifact://42/a" };
    static const char *const members[] = {
        [1] = "\"birthArtifactID\":\"QXJ0\"",
        [3] = "\"birthArtifactID\":\"QXJ1\",\"skip_cache\":true",
        [5] = "\"extra\":{\"etag\":\"" LONG_TEXT LONG_TEXT LONG_TEXT LONG_TEXT "\"}",
        [6] = "\"extra\":{\"etag\":\"" LONG_TEXT LONG_TEXT LONG_TEXT LONG_TEXT "\",\"a\":1}",
        [8] = "\"birthArtifactID\":\"QXJ0\"",
        [10] = "\"birthArtifactID\":\"QXJ\"",
    };
    const char *noted = value < ARRAY_LEN(members) ? members[value] : NULL;
    cull_entry entry;

    value = value == 10 ? 1 : value;
    entry = blob_entry(path, (uint8_t)value, value % 3 == 0 ? CULL_SIZE_UNKNOWN : value * 1000);
    entry.members = noted;
    if (value > 3) {
        entry.kind = value > 6 ? CULL_ENTRY_ARTIFACT : CULL_ENTRY_REF;
        entry.ref = value > 6 ? artifacts[value - 7] : refs[value - 4];
        entry.digest_text = value % 2 == 0 ? "" : "etag";
    }
    return entry;
}

static cull_manifest *oracle_manifest(const struct oracle *oracle)
{
    cull_manifest *manifest = NULL;

    ck_assert_int_eq(cull_manifest_new(&manifest, CULL_DIGEST_MD5, NULL), CULL_OK);
    for (size_t i = 0; i < ORACLE_PATHS; i++) {
        char path[32];
        cull_entry entry = oracle_entry(oracle_path(i, path), oracle->value[i]);

        if (oracle->value[i] != 0) {
            ck_assert_int_eq(cull_manifest_add(manifest, &entry, NULL), CULL_OK);
        }
    }
    ck_assert_int_eq(cull_manifest_head_set(manifest, oracle->head, NULL), CULL_OK);
    ck_assert_int_eq(cull_manifest_seal(manifest, NULL), CULL_OK);
    return manifest;
}

/* Half of the paths edited at random, in any order, and the oracle with them. */
static cull_manifest_patch *oracle_edit(struct oracle *oracle, uint64_t *state)
{
    cull_manifest_patch *patch = NULL;
    bool edited[ORACLE_PATHS] = { false };

    ck_assert_int_eq(cull_manifest_patch_new(&patch, CULL_DIGEST_MD5, NULL), CULL_OK);
    for (uint64_t edits = draw(state, ORACLE_PATHS / 2); edits > 0; edits--) {
        size_t i = (size_t)draw(state, ORACLE_PATHS);
        char path[32];

        if (edited[i]) {
            continue;
        }
        edited[i] = true;
        oracle_path(i, path);
        if (oracle->value[i] != 0 && draw(state, 2) == 0) {
            ck_assert_int_eq(cull_manifest_patch_remove(patch, path, NULL), CULL_OK);
            oracle->value[i] = 0;
        } else {
            cull_entry entry;

            oracle->value[i] = 1 + (unsigned)draw(state, 10);
            entry = oracle_entry(path, oracle->value[i]);
            ck_assert_int_eq(cull_manifest_patch_put(patch, &entry, NULL), CULL_OK);
        }
    }
    ck_assert_int_eq(cull_manifest_patch_seal(patch, NULL), CULL_OK);
    return patch;
}

START_TEST(patches_do_what_a_plain_oracle_does_and_store_and_load)
    {
        uint64_t state = 0x9e3779b97f4a7c15 + (uint64_t)_i;
        struct oracle oracle = { { 0 }, _i % 3 == 1 ? HEAD_V1 : _i % 3 == 2 ? "" : NULL };
        cull_manifest *manifest = oracle_manifest(&oracle);

        cull__manifest_learn_sum(manifest); /* and what patches make of it knows its own */
        for (int step = 0; step < 200; step++) {
            cull_manifest_patch *patch = oracle_edit(&oracle, &state);
            cull_manifest *want = oracle_manifest(&oracle);
            cull_manifest *next = NULL;
            cull_error err = { 0 };
            const char *why = NULL;

            ck_assert_msg(cull_manifest_patch_apply(&next, manifest, patch, NULL, &err) == CULL_OK,
                          "%s", err.message);
            ck_assert_msg(cull__manifest_valid(next, &why), "%s", why);
            ck_assert_msg(entries_equal(next, want), "step %d", step);
            ck_assert(next->sum_known && next->sum == cull__manifest_add_up(want));
            ck_document_decodes(manifest, next);
            ck_document_decodes(NULL, next);
            ck_patch_is_encoded_as_the_difference(manifest, next, patch);
            cull_manifest_free(manifest);
            cull_manifest_free(want);
            cull_manifest_patch_free(patch);
            manifest = next;
        }
        cull_manifest_free(manifest);
    }
END_TEST

START_TEST(a_patch_shows_its_edits_by_path)
    {
        cull_manifest_patch *patch = NULL;
        cull_entry entry = blob_entry("b", 1, 5);
        cull_entry shown;

        ck_assert_int_eq(cull_manifest_patch_new(&patch, CULL_DIGEST_SHA1, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_remove(patch, "c", NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_put(patch, &entry, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_remove(patch, "a", NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_seal(patch, NULL), CULL_OK);
        ck_assert_uint_eq(cull_manifest_patch_count(patch), 3);
        ck_assert_int_eq(cull_manifest_patch_kind(patch), CULL_DIGEST_SHA1);
        cull_manifest_patch_at(patch, 0, &shown);
        ck_assert_str_eq(shown.path, "a");
        ck_assert_int_eq(shown.kind, CULL_ENTRY_NONE);
        cull_manifest_patch_at(patch, 1, &shown);
        ck_assert_str_eq(shown.path, "b");
        ck_assert_int_eq(shown.kind, CULL_ENTRY_BLOB);
        ck_assert_uint_eq(shown.size_bytes, 5);
        cull_manifest_patch_at(patch, 2, &shown);
        ck_assert_str_eq(shown.path, "c");
        ck_assert_int_eq(shown.kind, CULL_ENTRY_NONE);
        cull_manifest_patch_free(patch);
    }
END_TEST

START_TEST(a_patch_that_does_not_fit_is_refused_by_name)
    {
        static const char *const paths[] = { "a", "c", NULL };
        cull_manifest *base = manifest_of_paths(paths);
        cull_manifest *out = NULL;
        cull_manifest_patch *patch = NULL;
        cull_error err = { 0 };
        cull_entry entry = blob_entry("a", 1, UINT64_MAX - 1);

        ck_assert_int_eq(cull_manifest_patch_new(&patch, CULL_DIGEST_MD5, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_remove(patch, "b", NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_seal(patch, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_apply(&out, base, patch, NULL, &err), CULL_E_INVALID);
        ck_assert_str_eq(err.message, "b: cannot be removed: no such path");
        ck_assert_ptr_null(out);
        cull_manifest_patch_free(patch);

        ck_assert_int_eq(cull_manifest_patch_new(&patch, CULL_DIGEST_MD5, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_put(patch, &entry, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_seal(patch, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_apply(&out, base, patch, NULL, &err), CULL_OK);
        cull_manifest_free(out); /* c adds 1: 2^64 - 1 just fits */
        cull_manifest_patch_free(patch);

        ck_assert_int_eq(cull_manifest_patch_new(&patch, CULL_DIGEST_MD5, NULL), CULL_OK);
        entry.path = "b";
        ck_assert_int_eq(cull_manifest_patch_put(patch, &entry, NULL), CULL_OK);
        entry = blob_entry("d", 1, 1);
        ck_assert_int_eq(cull_manifest_patch_put(patch, &entry, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_seal(patch, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_apply(&out, base, patch, NULL, &err), CULL_E_INVALID);
        ck_assert_str_eq(err.message, "d: sum of sizes overflows");
        cull_manifest_patch_free(patch);

        ck_assert_int_eq(cull_manifest_patch_new(&patch, CULL_DIGEST_SHA256, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_seal(patch, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_apply(&out, base, patch, NULL, &err), CULL_E_INVALID);
        ck_assert_str_eq(err.message, "a patch of sha256 digests on a manifest of md5");
        cull_manifest_patch_free(patch);
        cull_manifest_free(base);
    }
END_TEST

START_TEST(a_patch_with_two_edits_of_a_path_is_refused)
    {
        cull_manifest_patch *patch = NULL;
        cull_error err = { 0 };
        cull_entry entry = blob_entry("a", 1, 5);

        ck_assert_int_eq(cull_manifest_patch_new(&patch, CULL_DIGEST_MD5, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_remove(patch, "a", NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_put(patch, &entry, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_seal(patch, &err), CULL_E_INVALID);
        ck_assert_str_eq(err.message, "a: duplicate path");
        ck_assert_int_eq(cull_manifest_patch_remove(patch, "../a", &err), CULL_E_INVALID);
        cull_manifest_patch_free(patch);
    }
END_TEST

/* Two manifests, and what leads from one to the other: puts of each kind and removals. */
struct stored {
    cull_manifest *previous;
    cull_manifest *next;
    struct cull__buf full;
    struct cull__buf patch;
};

static struct stored stored_new(void)
{
    struct oracle before = { { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, NULL };
    struct oracle after = { { 10, 3, 3, 5, 5, 0, 7, 9, 9, 0, 1, 6, 8 }, HEAD_V1 };
    struct stored stored = { oracle_manifest(&before), oracle_manifest(&after),
                             CULL__BUF_INIT(NULL), CULL__BUF_INIT(NULL) };

    stored.full = document_of(NULL, stored.next);
    stored.patch = document_of(stored.previous, stored.next);
    return stored;
}

static void stored_free(struct stored *stored)
{
    cull_manifest_free(stored->previous);
    cull_manifest_free(stored->next);
    cull__buf_release(&stored->full);
    cull__buf_release(&stored->patch);
}

/* Refused as damaged; or, where a bit means nothing (the padding of deflate), the same manifest. */
static bool ck_damage_is_noticed(const struct stored *stored, bool full, const uint8_t *data,
                                 size_t len)
{
    cull_manifest *decoded = NULL;
    cull_error err = { 0 };
    cull_status status =
        cull__manifest_decode(&decoded, full ? NULL : stored->previous, data, len, NULL, &err);

    if (status == CULL_OK) {
        ck_assert(entries_equal(decoded, stored->next));
        cull_manifest_free(decoded);
        return false;
    }
    ck_assert_msg(status == CULL_E_CORRUPT, "%s", err.message);
    ck_assert_ptr_null(decoded);
    ck_assert_str_ne(err.message, "");
    return true;
}

/* Make a document what it was when the checksum of entries was one hash over all of them. */
static void make_old(struct cull__buf *document, const cull_manifest *next, uint64_t off)
{
    const size_t payload_at = 48 + 5; /* it is short: one stored block */
    uint64_t seed;

    ck_assert_uint_lt(document->len, 1024);
    document->data[7] &= 1; /* flags: a head, or none */
    for (size_t i = 0; i < 8; i++) {
        document->data[24 + i] = (uint8_t)((cull__manifest_checksum(next) + off) >> 8 * i);
    }
    seed = XXH3_64bits(document->data, 32);
    seed = XXH3_64bits_withSeed(document->data + payload_at, document->len - payload_at, seed);
    for (size_t i = 0; i < 8; i++) {
        document->data[32 + i] = (uint8_t)(seed >> 8 * i);
    }
}

START_TEST(a_document_of_before_there_were_sums_is_read_and_checked)
    {
        struct stored stored = stored_new();
        struct cull__buf *document = _i == 0 ? &stored.full : &stored.patch;
        const cull_manifest *previous = _i == 0 ? NULL : stored.previous;
        cull_manifest *decoded = NULL;
        cull_error err = { 0 };

        make_old(document, stored.next, 0);
        ck_assert_msg(cull__manifest_decode(&decoded, previous, document->data, document->len, NULL,
                                            &err) == CULL_OK,
                      "%s", err.message);
        ck_assert(entries_equal(decoded, stored.next));
        ck_document_decodes(decoded, stored.previous); /* a new one on it */
        cull_manifest_free(decoded);
        make_old(document, stored.next, 1);
        ck_assert_int_eq(
            cull__manifest_decode(&decoded, previous, document->data, document->len, NULL, &err),
            CULL_E_CORRUPT);
        ck_assert_str_eq(err.message,
                         "stored manifest is damaged: its entries are not those that were stored");
        stored_free(&stored);
    }
END_TEST

START_TEST(every_flipped_bit_of_a_stored_manifest_is_noticed)
    {
        struct stored stored = stored_new();
        struct cull__buf *document = _i == 0 ? &stored.full : &stored.patch;
        size_t harmless = 0;

        for (size_t bit = 0; bit < 8 * document->len; bit++) {
            document->data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            harmless += !ck_damage_is_noticed(&stored, _i == 0, document->data, document->len);
            document->data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
        ck_assert_uint_lt(harmless, 8);
        for (size_t at = 0; at < document->len; at++) {
            uint8_t whole = document->data[at];

            document->data[at] = (uint8_t)~whole;
            (void)ck_damage_is_noticed(&stored, _i == 0, document->data, document->len);
            document->data[at] = whole;
        }
        stored_free(&stored);
    }
END_TEST

START_TEST(a_stored_manifest_of_another_length_is_refused)
    {
        struct stored stored = stored_new();
        struct cull__buf *document = _i == 0 ? &stored.full : &stored.patch;

        for (size_t len = 0; len < document->len; len++) {
            ck_assert(ck_damage_is_noticed(&stored, _i == 0, document->data, len));
        }
        cull__buf_u8(document, 0);
        ck_assert(ck_damage_is_noticed(&stored, _i == 0, document->data, document->len));
        stored_free(&stored);
    }
END_TEST

START_TEST(a_stored_patch_is_refused_on_any_base_but_its_own)
    {
        struct stored stored = stored_new();
        struct oracle other = { { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, NULL };
        cull_manifest *base;
        cull_manifest *decoded = NULL;
        cull_error err = { 0 };

        other.value[ORACLE_PATHS - 1] = 1; /* a path that no edit names */
        base = oracle_manifest(&other);
        ck_assert_int_eq(
            cull__manifest_decode(&decoded, base, stored.patch.data, stored.patch.len, NULL, &err),
            CULL_E_CORRUPT);
        ck_assert_str_eq(err.message,
                         "stored manifest is damaged: its entries are not those that were stored");
        ck_assert_int_eq(cull__manifest_decode(&decoded, stored.next, stored.patch.data,
                                               stored.patch.len, NULL, &err),
                         CULL_E_CORRUPT);
        ck_assert_int_eq(
            cull__manifest_decode(&decoded, NULL, stored.patch.data, stored.patch.len, NULL, &err),
            CULL_E_CORRUPT);
        ck_assert_int_eq(
            cull__manifest_decode(&decoded, base, stored.full.data, stored.full.len, NULL, &err),
            CULL_E_CORRUPT);
        ck_assert_ptr_null(decoded);
        ck_assert(!cull__manifest_document_is_full("", 0));
        cull_manifest_free(base);
        stored_free(&stored);
    }
END_TEST

/* A document of a few bytes that claims to hold a gigabyte takes no gigabyte. */
START_TEST(a_document_that_claims_too_much_is_refused_before_memory_is_taken)
    {
        struct stored stored = stored_new();
        static const uint64_t claims[] = { 1 << 30, UINT64_C(1) << 31, UINT64_MAX };

        for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
            struct counted counted = { .allocator = { counted_alloc, counted_realloc, counted_free,
                                                      &counted } };
            cull_manifest *decoded = NULL;

            for (size_t byte = 0; byte < 8; byte++) {
                stored.full.data[8 + byte] = (uint8_t)(claims[i] >> (8 * byte));
            }
            ck_assert_int_eq(cull__manifest_decode(&decoded, NULL, stored.full.data,
                                                   stored.full.len, &counted.allocator, NULL),
                             CULL_E_CORRUPT);
            ck_assert_uint_lt(counted.peak_bytes, 2048); /* the decoder itself */
        }
        stored_free(&stored);
    }
END_TEST

/* Edits that would decode in a laxer world; count of edits beside each. */
static const struct {
    const char *name;
    const char *bytes;
    size_t len;
    uint32_t edits;
    bool want;
} payload_cases[] = {
#define BYTES(text) text, sizeof(text) - 1
#define SIXTEEN "0123456789abcdef"
    { "nothing", BYTES(""), 0, true },
    { "a blob",
      BYTES("\x00\x01"
            "b\x01" SIXTEEN),
      1, true },
    { "a blob with a size",
      BYTES("\x00\x01"
            "b\x11" SIXTEEN "\x05"),
      1, true },
    { "a removal",
      BYTES("\x00\x01"
            "a\x00"),
      1, true },
    { "two in order",
      BYTES("\x00\x01"
            "a\x00\x01\x01"
            "b\x01" SIXTEEN),
      2, true },
    { "an edit too few",
      BYTES("\x00\x01"
            "b\x01" SIXTEEN),
      0, false },
    { "an edit too many",
      BYTES("\x00\x01"
            "b\x01" SIXTEEN),
      2, false },
    { "a removal with a size",
      BYTES("\x00\x01"
            "a\x10\x05"),
      1, false },
    { "a removal of what is not there",
      BYTES("\x00\x01"
            "b\x00"),
      1, false },
    { "a put that changes nothing",
      BYTES("\x00\x01"
            "a\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x00"),
      1, false },
    { "a put that changes the size",
      BYTES("\x00\x01"
            "a\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"),
      1, true },
    { "members",
      BYTES("\x00\x01"
            "b\x21" SIXTEEN "\x00\x05"
            "\"x\":1\x00\x01"
            "c\x21" SIXTEEN "\x04\x01"
            "2\x00\x01"
            "d\x31" SIXTEEN "\x07\x05\x00"),
      3, true },
    { "members that share less than they could",
      BYTES("\x00\x01"
            "b\x21" SIXTEEN "\x00\x05"
            "\"x\":1\x00\x01"
            "c\x21" SIXTEEN "\x03\x02"
            ":2"),
      2, false },
    { "members that share more than there is",
      BYTES("\x00\x01"
            "b\x21" SIXTEEN "\x00\x05"
            "\"x\":1\x00\x01"
            "c\x21" SIXTEEN "\x06\x00"),
      2, false },
    { "no members, and it says so",
      BYTES("\x00\x01"
            "b\x21" SIXTEEN "\x00\x00"),
      1, false },
    { "members that are no JSON",
      BYTES("\x00\x01"
            "b\x21" SIXTEEN "\x00\x05"
            "\"x\":x"),
      1, false },
    { "a removal with members",
      BYTES("\x00\x01"
            "a\x20\x00\x05"
            "\"x\":1"),
      1, false },
    { "a put that changes the members only",
      BYTES("\x00\x01"
            "a\x31\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x00\x00\x05"
            "\"x\":1"),
      1, true },
    { "an unknown kind",
      BYTES("\x00\x01"
            "b\x04" SIXTEEN),
      1, false },
    { "an unknown flag",
      BYTES("\x00\x01"
            "b\x41" SIXTEEN),
      1, false },
    { "paths that fall",
      BYTES("\x00\x01"
            "b\x01" SIXTEEN "\x00\x01"
            "a\x00"),
      2, false },
    { "a path twice",
      BYTES("\x00\x01"
            "b\x01" SIXTEEN "\x01\x00\x01" SIXTEEN),
      2, false },
    { "a prefix that is shared and sent",
      BYTES("\x00\x01"
            "b\x01" SIXTEEN "\x00\x02"
            "bc\x01" SIXTEEN),
      2, false },
    { "a prefix longer than the path before",
      BYTES("\x01\x01"
            "b\x01" SIXTEEN),
      1, false },
    { "an absolute path",
      BYTES("\x00\x02"
            "/b\x01" SIXTEEN),
      1, false },
    { "a path above",
      BYTES("\x00\x04"
            "../b\x01" SIXTEEN),
      1, false },
    { "a digest cut short",
      BYTES("\x00\x01"
            "b\x01"
            "0123456789abcde"),
      1, false },
    { "a reference",
      BYTES("\x00\x01"
            "b\x02\x01"
            "e\x03"
            "x:y"),
      1, true },
    { "a reference of the wrong kind",
      BYTES("\x00\x01"
            "b\x03\x01"
            "e\x03"
            "x:y"),
      1, false },
    { "the size that means unknown",
      BYTES("\x00\x01"
            "b\x11" SIXTEEN "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
      1, false },
    { "sizes whose sum overflows",
      BYTES("\x00\x01"
            "b\x11" SIXTEEN "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x01"
            "c\x11" SIXTEEN "\x02"),
      2, false },
};

START_TEST(a_payload_is_read_only_as_it_would_be_written)
    {
        static const char *const paths[] = { "a", NULL };
        cull_manifest *base = manifest_of_paths(paths);
        cull_manifest *out = NULL;
        cull_error err = { 0 };
        cull_status status = cull__manifest_payload_apply(
            &out, base, CULL_DIGEST_MD5, payload_cases[_i].bytes, payload_cases[_i].len,
            payload_cases[_i].edits, NULL, &err);

        ck_assert_msg(status == (payload_cases[_i].want ? CULL_OK : CULL_E_CORRUPT), "%s: %s",
                      payload_cases[_i].name, err.message);
        if (status == CULL_OK) {
            struct cull__buf again = CULL__BUF_INIT(cull_allocator_default());
            uint32_t edits;

            ck_assert_int_eq(cull__manifest_payload_encode(&again, base, out, &edits, NULL),
                             CULL_OK);
            ck_assert_uint_eq(edits, payload_cases[_i].edits);
            ck_assert_uint_eq(again.len, payload_cases[_i].len);
            ck_assert(again.len == 0 ||
                      memcmp(again.data, payload_cases[_i].bytes, again.len) == 0);
            cull__buf_release(&again);
        }
        cull_manifest_free(out);
        cull_manifest_free(base);
    }
END_TEST

START_TEST(a_full_document_removes_nothing)
    {
        cull_manifest *out = NULL;

        ck_assert_int_eq(cull__manifest_payload_apply(&out, NULL, CULL_DIGEST_MD5,
                                                      "\x00\x01"
                                                      "a\x00",
                                                      4, 1, NULL, NULL),
                         CULL_E_CORRUPT);
        ck_assert_ptr_null(out);
    }
END_TEST

/* ---- memory that runs out ---- */

/* Everything once; false and CULL_E_NOMEM at the first call that has no memory. */
static cull_status everything(const struct cull__buf *json, const struct stored *stored,
                              const cull_allocator *allocator, cull_error *err)
{
    cull_manifest *manifest = NULL;
    cull_manifest *decoded = NULL;
    cull_manifest *patched = NULL;
    cull_manifest_patch *patch = NULL;
    struct cull__buf text = CULL__BUF_INIT(cull_allocator_default());
    struct cull__buf document = CULL__BUF_INIT(allocator);
    cull_entry entry = blob_entry("new", 1, 1);
    cull_digest digest;
    cull_status status;

    status = cull_manifest_parse(&manifest, CULL_DIGEST_MD5, "m.json", json->data, json->len,
                                 allocator, err);
    if (status == CULL_OK) {
        status = cull_manifest_write(manifest, gather, &text, err);
    }
    if (status == CULL_OK && cull_manifest_digest(manifest, &digest) != CULL_OK) {
        status = cull__error_nomem(err);
    }
    if (status == CULL_OK) {
        status = cull__manifest_encode(&document, stored->previous, stored->next, err);
    }
    if (status == CULL_OK) {
        status = cull__manifest_decode(&decoded, stored->previous, document.data, document.len,
                                       allocator, err);
    }
    if (status == CULL_OK &&
        cull_manifest_patch_new(&patch, CULL_DIGEST_MD5, allocator) != CULL_OK) {
        status = cull__error_nomem(err);
    }
    if (status == CULL_OK) {
        status = cull_manifest_patch_put(patch, &entry, err);
    }
    if (status == CULL_OK) {
        status = cull_manifest_patch_remove(patch, "a0", err);
    }
    if (status == CULL_OK) {
        status = cull_manifest_patch_seal(patch, err);
    }
    if (status == CULL_OK) {
        status = cull_manifest_patch_apply(&patched, stored->next, patch, allocator, err);
    }
    ck_assert_ptr_eq(status == CULL_OK ? NULL : patched, NULL);
    cull_manifest_free(manifest);
    cull_manifest_free(decoded);
    cull_manifest_free(patched);
    cull_manifest_patch_free(patch);
    cull__buf_release(&text);
    cull__buf_release(&document);
    return status;
}

/* Escapes, and a string over the end of a piece, so that yajl needs memory in all its ways. */
START_TEST(memory_that_runs_out_anywhere_is_an_error_and_no_leak)
    {
        struct stored stored = stored_new();
        struct cull__buf json = CULL__BUF_INIT(cull_allocator_default());
        cull_status status = CULL_E_NOMEM;
        uint64_t calls = 0;

        put_text(&json, "{\"version\":1,\"x\":[[[[[[[[{\"\\u00e9\":\"");
        put_repeated(&json, "\\n---", 20000);
        put_text(&json, "\"}]]]]]]]],\"contents\":{");
        for (int i = 40; i > 0; i--) {
            char entry[240];

            (void)snprintf(entry, sizeof entry, "\"f\\u00e9%02d\":{" DIGEST "%s%s}%s", i,
                           i % 3 == 0 ? ",\"ref\":\"s3://b\\n/\"" : "",
                           i % 4 == 0   ? ",\"extra\":{\"a\":[\"\\u0001\"]}"
                           : i % 4 == 1 ? ",\"birthArtifactID\":\"QXJ0\""
                                        : "",
                           i > 1 ? "," : "}}");
            put_text(&json, entry);
        }
        for (uint64_t n = 1; status != CULL_OK; n++) {
            struct failing_allocator failing;
            cull_error err = { 0 };

            failing_allocator_init(&failing, n);
            status = everything(&json, &stored, &failing.allocator, &err);
            ck_assert_msg(status == CULL_OK || status == CULL_E_NOMEM, "%" PRIu64 ": %s", n,
                          err.message);
            ck_assert_msg(failing.live == 0, "%" PRIu64 ": %" PRId64 " blocks leak", n,
                          failing.live);
            ck_assert(status != CULL_E_NOMEM || err.status == CULL_E_NOMEM);
            calls = failing.calls;
        }
        ck_assert_uint_gt(calls, 30);
        cull__buf_release(&json);
        stored_free(&stored);
    }
END_TEST

/* A manifest goes on after an add that failed. */
START_TEST(an_add_without_memory_changes_nothing)
    {
        struct failing_allocator failing;
        cull_manifest *manifest = NULL;
        cull_entry entry = blob_entry("a", 1, 1);

        failing_allocator_init(&failing, 0);
        ck_assert_int_eq(cull_manifest_new(&manifest, CULL_DIGEST_MD5, &failing.allocator),
                         CULL_OK);
        for (uint64_t n = 1; n <= 2; n++) {
            failing.fail_at = failing.calls + n;
            ck_assert_int_eq(cull_manifest_add(manifest, &entry, NULL), CULL_E_NOMEM);
            ck_assert_uint_eq(cull_manifest_count(manifest), 0);
            ck_assert_uint_eq(cull_manifest_size_bytes(manifest, NULL), 0);
            if (n == 1) {
                failing.fail_at = 0;
            }
        }
        failing.fail_at = 0;
        ck_assert_int_eq(cull_manifest_add(manifest, &entry, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_seal(manifest, NULL), CULL_OK);
        ck_assert(cull_manifest_find(manifest, "a", &entry));
        cull_manifest_free(manifest);
        ck_assert_int_eq(failing.live, 0);
    }
END_TEST

static void add_reading_tests(TCase *tc)
{
    tcase_add_test(tc, rule_6_each_vector_has_the_digest_and_size_that_the_client_computes);
    tcase_add_loop_test(tc, rule_6_what_clients_write_is_read, 0, ARRAY_LEN(accepted_cases));
    tcase_add_loop_test(tc, a_reference_is_external_or_into_the_store_or_refused, 0,
                        ARRAY_LEN(ref_cases));
    tcase_add_test(tc, an_artifact_reference_splits_into_its_id_and_path);
    tcase_add_loop_test(tc, rule_6_bad_manifests_are_refused_with_file_offset_and_reason, 0,
                        ARRAY_LEN(refused_cases));
    tcase_add_test(tc, a_manifest_that_is_cut_short_anywhere_is_refused);
    tcase_add_loop_test(tc, the_files_of_both_clients_are_read, 0, ARRAY_LEN(file_cases));
    tcase_add_test(tc, nesting_ends_at_sixty_four);
    tcase_add_loop_test(tc, what_else_an_entry_says_is_kept_and_written_again, 0,
                        ARRAY_LEN(member_cases));
    tcase_add_loop_test(tc, what_a_manifest_says_of_itself_is_kept_and_written_again, 0,
                        ARRAY_LEN(head_cases));
    tcase_add_loop_test(tc, members_that_are_not_plain_json_are_refused, 0, ARRAY_LEN(bad_members));
    tcase_add_test(tc, a_head_that_is_none_is_refused);
    tcase_add_loop_test(tc, members_that_are_too_long_are_left_out_and_counted, 0, 3);
    tcase_add_test(tc, members_are_the_same_wherever_they_stand);
    tcase_add_loop_test(tc, strings_have_bounds, 0, ARRAY_LEN(length_cases));
    tcase_add_test(tc, the_end_of_a_piece_may_fall_anywhere);
    tcase_add_test(tc, white_space_may_follow_for_pieces_but_nothing_else);
    tcase_add_test(tc, a_source_that_fails_is_what_the_reader_reports);
    tcase_add_test(tc, a_sink_that_fails_is_what_the_writer_reports);
}

static void add_memory_tests(TCase *tc)
{
    tcase_add_loop_test(tc, a_path_is_relative_and_stays_below, 0, ARRAY_LEN(path_cases));
    tcase_add_test(tc, entries_come_in_code_point_order_and_are_found);
    tcase_add_test(tc, sorting_agrees_with_qsort_at_every_length);
    tcase_add_test(tc, sealing_refuses_a_path_that_was_added_twice);
    tcase_add_test(tc, adding_refuses_what_contradicts_itself);
    tcase_add_loop_test(tc, a_path_that_is_file_and_folder_is_found, 0, ARRAY_LEN(conflict_cases));
    tcase_add_test(tc, strings_are_escaped_so_that_they_read_back);
    tcase_add_test(tc, the_text_is_tidy);
    tcase_add_test(tc, digests_of_other_kinds_have_their_own_length);
    tcase_add_loop_test(tc, a_million_entries_cost_a_hundred_bytes_each_beside_their_paths, 0, 2);
    tcase_add_test(tc, memory_that_runs_out_anywhere_is_an_error_and_no_leak);
    tcase_add_test(tc, an_add_without_memory_changes_nothing);
}

static void add_storing_tests(TCase *tc)
{
    tcase_add_loop_test(tc, patches_do_what_a_plain_oracle_does_and_store_and_load, 0, 8);
    tcase_add_test(tc, a_patch_shows_its_edits_by_path);
    tcase_add_test(tc, a_patch_that_does_not_fit_is_refused_by_name);
    tcase_add_test(tc, a_patch_with_two_edits_of_a_path_is_refused);
    tcase_add_loop_test(tc, a_document_of_before_there_were_sums_is_read_and_checked, 0, 2);
    tcase_add_loop_test(tc, every_flipped_bit_of_a_stored_manifest_is_noticed, 0, 2);
    tcase_add_loop_test(tc, a_stored_manifest_of_another_length_is_refused, 0, 2);
    tcase_add_test(tc, a_stored_patch_is_refused_on_any_base_but_its_own);
    tcase_add_test(tc, a_document_that_claims_too_much_is_refused_before_memory_is_taken);
    tcase_add_loop_test(tc, a_payload_is_read_only_as_it_would_be_written, 0,
                        ARRAY_LEN(payload_cases));
    tcase_add_test(tc, a_full_document_removes_nothing);
}

Suite *manifest_suite(void)
{
    Suite *suite = suite_create("manifest");
    TCase *reading = tcase_create("reading");
    TCase *memory = tcase_create("memory");
    TCase *storing = tcase_create("storing");

    add_reading_tests(reading);
    add_memory_tests(memory);
    add_storing_tests(storing);
    suite_add_tcase(suite, reading);
    suite_add_tcase(suite, memory);
    suite_add_tcase(suite, storing);
    return suite;
}
