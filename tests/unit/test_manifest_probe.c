/*
 * test_manifest_probe.c - what is plainly no manifest, and what may be a broken one.
 */
#include "suites.h"

#include <stdlib.h>
#include <string.h>

#include "manifest/manifest_internal.h"
#include "support.h"

#define DEEP8 "[[[[[[[["
#define SHUT8 "]]]]]]]]"
#define DEEP64 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8 DEEP8
#define SHUT64 SHUT8 SHUT8 SHUT8 SHUT8 SHUT8 SHUT8 SHUT8 SHUT8

static const struct {
    const char *name;
    const char *text;
    bool foreign;
} probes[] = {
    { "package.json", "{\"name\": \"x\", \"version\": \"1.0.0\", \"files\": [1, -2.5e3, true]}\n",
      true },
    { "an empty object", "{}", true },
    { "a list", " [ ] ", true },
    { "a list of manifests", "[{\"version\":1,\"contents\":{}}]", true },
    { "a string", "\"contents\"", true },
    { "a number", "12", true },
    { "a word", "null", true },
    { "a word with space behind", "false\t\r\n", true },
    { "contents as a value", "{\"a\":\"contents\"}", true },
    { "contents further in", "{\"a\":{\"contents\":{},\"version\":1}}", true },
    { "a key that begins like it", "{\"content\":1,\"contentss\":2}", true },
    { "a long key", "{\"contentscontentscontentscontents\":[]}", true },
    { "a version that is no number", "{\"version\":[1],\"versions\":1}", true },
    { "a number behind a version", "{\"version\":null,\"a\":1}", true },
    { "escapes in values", "{\"a\":\"\\\"contents\\\":\\u0031\\\\\"}", true },
    { "as deep as a manifest may be", DEEP64 SHUT64, true },

    { "a manifest", "{\"version\":1,\"contents\":{}}", false },
    { "another version", "{\"version\":2}", false },
    { "a version below none", "{\"version\":-1}", false },
    { "without a version", "{\"a\":1,\"contents\":{}}", false },
    { "contents that are none", "{\"contents\":null}", false },
    { "a policy alone", "{\"storagePolicy\":\"p\"}", false },
    { "a policy's settings alone", "{\"storagePolicyConfig\":{}}", false },
    { "a key with escapes", "{\"c\\u006fntents\":{}}", false },
    { "nothing", "", false },
    { "space", " \n", false },
    { "an object cut short", "{\"a\":1", false },
    { "a key cut short", "{\"a", false },
    { "a string cut short", "\"a", false },
    { "a word cut short", "tru", false },
    { "a word that is none", "trxe", false },
    { "a word that begins as none", "x", false },
    { "two texts", "{}{}", false },
    { "two words", "true false", false },
    { "a comma too many", "{\"a\":1,}", false },
    { "a comma too many in a list", "[1,]", false },
    { "no comma", "[1 2]", false },
    { "no colon", "{\"a\" 1}", false },
    { "no key", "{1:2}", false },
    { "brackets that do not fit", "[}", false },
    { "brackets that do not fit behind a value", "{\"a\":1]", false },
    { "an end without a begin", "]", false },
    { "a control character in a string", "\"\n\"", false },
    { "a comment", "// x\n{}", false },
    { "a byte order mark", "\xef\xbb\xbf{}", false },
    { "deeper than a manifest may be", "[" DEEP64 SHUT64 "]", false },
};

START_TEST(what_leaves_no_doubt_is_foreign_and_nothing_else)
    {
        const size_t pieces[] = { 1, 2, 7, 4096 };
        cull_manifest *manifest = NULL;

        for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
            struct text_source source = { probes[_i].text, strlen(probes[_i].text), pieces[i] };
            bool foreign = !probes[_i].foreign;
            cull_error err = { CULL_OK, "" };

            ck_assert_int_eq(cull_manifest_probe(&foreign, text_source_read, &source, &err),
                             CULL_OK);
            ck_assert_msg(foreign == probes[_i].foreign, "%s", probes[_i].name);
        }
        if (cull_manifest_parse(&manifest, CULL_DIGEST_NONE, "m", probes[_i].text,
                                strlen(probes[_i].text), NULL, NULL) == CULL_OK) {
            ck_assert_msg(!probes[_i].foreign, "%s: is read", probes[_i].name);
        }
        cull_manifest_free(manifest);
    }
END_TEST

static cull_status fail_to_read(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    (void)ctx;
    (void)data;
    (void)len;
    *got = 0;
    *err = (cull_error){ CULL_E_IO, "gone" };
    return CULL_E_IO;
}

START_TEST(what_cannot_be_read_is_said)
    {
        bool foreign = true;
        cull_error err = { CULL_OK, "" };

        ck_assert_int_eq(cull_manifest_probe(&foreign, fail_to_read, NULL, &err), CULL_E_IO);
        ck_assert(!foreign);
        ck_assert_str_eq(err.message, "gone");
    }
END_TEST

Suite *manifest_probe_suite(void)
{
    Suite *suite = suite_create("manifest_probe");
    TCase *tc = tcase_create("probe");

    tcase_add_loop_test(tc, what_leaves_no_doubt_is_foreign_and_nothing_else, 0, ARRAY_LEN(probes));
    tcase_add_test(tc, what_cannot_be_read_is_said);
    suite_add_tcase(suite, tc);
    return suite;
}
