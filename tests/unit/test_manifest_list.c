/*
 * test_manifest_list.c - lists of digests: the three forms, and what is refused.
 */
#include "suites.h"

#include <stdio.h>
#include <string.h>

#include "cull/manifest.h"
#include "support.h"

#define D1 "d41d8cd98f00b204e9800998ecf8427e"
#define D2 "0123456789abcdef0123456789ABCDEF"
#define S1 "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define S256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static cull_status read_pieces(cull_manifest **out, cull_digest_kind kind, const char *text,
                               size_t len, size_t piece, const cull_allocator *allocator,
                               cull_error *err)
{
    struct text_source source = { text, len, piece };

    return cull_manifest_read_list(out, kind, "LIST", text_source_read, &source, allocator, err);
}

/* Entries as "path=hex,size path=hex,size"; "?" is a size that is not known. */
static void show(char *out, size_t room, const cull_manifest *manifest)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < cull_manifest_count(manifest); i++) {
        char hex[CULL_DIGEST_HEX_MAX];
        char size[24] = "?";
        cull_entry entry;

        cull_manifest_at(manifest, i, &entry);
        cull_digest_to_hex(hex, &entry.digest, cull_manifest_kind(manifest));
        if (entry.size_bytes != CULL_SIZE_UNKNOWN) {
            (void)snprintf(size, sizeof size, "%llu", (unsigned long long)entry.size_bytes);
        }
        used += (size_t)snprintf(out + used, room - used, "%s%s=%.4s,%s", i > 0 ? "|" : "",
                                 entry.path, hex, size);
        ck_assert_uint_lt(used, room);
    }
}

static const struct {
    const char *name;
    const char *text;      /* @ stands for NUL */
    cull_digest_kind kind; /* that is said */
    cull_digest_kind found;
    const char *want;
} taken[] = {
    { "nothing", "", CULL_DIGEST_NONE, CULL_DIGEST_MD5, "" },
    { "tabs", "b\t" D1 "\t7\na\t" D2 "\t0\n", CULL_DIGEST_NONE, CULL_DIGEST_MD5,
      "a=0123,0|b=d41d,7" },
    { "tabs, the largest size", "a\t" D1 "\t18446744073709551614\n", CULL_DIGEST_NONE,
      CULL_DIGEST_MD5, "a=d41d,18446744073709551614" },
    { "tabs without sizes", "a\t" S1 "\nb\t" S1 "\t\n", CULL_DIGEST_NONE, CULL_DIGEST_SHA1,
      "a=da39,?|b=da39,?" },
    { "tabs in a path", "a\tb\t" D1 "\t5\na\tc\t" D1 "\n", CULL_DIGEST_NONE, CULL_DIGEST_MD5,
      "a\tb=d41d,5|a\tc=d41d,?" },
    { "backslashes stand for themselves between tabs", "\\a\\n\t" D1 "\t5\n", CULL_DIGEST_NONE,
      CULL_DIGEST_MD5, "\\a\\n=d41d,5" },
    { "a path like a sum, between tabs", D1 "  a\t" D1 "\t5\n", CULL_DIGEST_NONE, CULL_DIGEST_MD5,
      D1 "  a=d41d,5" },
    { "md5sum", D1 "  ./b c\n" D2 " *a\n", CULL_DIGEST_NONE, CULL_DIGEST_MD5,
      "a=0123,?|b c=d41d,?" },
    { "sha256sum, no end of the last line", S256 "  a", CULL_DIGEST_NONE, CULL_DIGEST_SHA256,
      "a=e3b0,?" },
    { "a star and a blank are of the path", D1 "  *a\n" D1 " * b\n", CULL_DIGEST_NONE,
      CULL_DIGEST_MD5, " b=d41d,?|*a=d41d,?" },
    { "escapes", "\\" D1 "  a\\\\b\\nc\\rd\n" D1 "  e\\n\n", CULL_DIGEST_NONE, CULL_DIGEST_MD5,
      "a\\b\nc\rd=d41d,?|e\\n=d41d,?" },
    { "only the first dot is left out", "a\t" D1 "\t1\n./b\t" D1 "\t1\n", CULL_DIGEST_NONE,
      CULL_DIGEST_MD5, "a=d41d,1|b=d41d,1" },
    { "BSD", "MD5 (a) = " D1 "\n\\MD5 (x\\ny) = " D1 "\n", CULL_DIGEST_NONE, CULL_DIGEST_MD5,
      "a=d41d,?|x\ny=d41d,?" },
    { "BSD, a path with everything", "SHA1 (a) = b (c) = " S1 "\n", CULL_DIGEST_NONE,
      CULL_DIGEST_SHA1, "a) = b (c=da39,?" },
    { "CR LF, a sum", D1 "  a b\r\n" D2 " *c\r\n", CULL_DIGEST_NONE, CULL_DIGEST_MD5,
      "a b=d41d,?|c=0123,?" },
    { "CR LF, tabs with and without sizes", "a\t" D1 "\t7\r\nb\t" D2 "\r\nc\t" D1 "\t\r\n",
      CULL_DIGEST_NONE, CULL_DIGEST_MD5, "a=d41d,7|b=0123,?|c=d41d,?" },
    { "CR LF, BSD, no end of the last line", "MD5 (a) = " D1 "\r\nMD5 (b) = " D1, CULL_DIGEST_NONE,
      CULL_DIGEST_MD5, "a=d41d,?|b=d41d,?" },
    { "CR LF, and CR of a path", "\\" D1 "  a\\r\r\n", CULL_DIGEST_NONE, CULL_DIGEST_MD5,
      "a\r=d41d,?" },
    { "CR of a path in the middle", D1 "  a\rb\n" D1 "  c\n", CULL_DIGEST_NONE, CULL_DIGEST_MD5,
      "a\rb=d41d,?|c=d41d,?" },
    { "CR of a path, between tabs", "a\r\t" D1 "\t5\n", CULL_DIGEST_NONE, CULL_DIGEST_MD5,
      "a\r=d41d,5" },
    { "NUL ends each line", D1 "  a b@" D2 " *c@", CULL_DIGEST_NONE, CULL_DIGEST_MD5,
      "a b=d41d,?|c=0123,?" },
    { "NUL, lines and CR in paths, no end of the last line", D1 "  a\nb@" D2 "  c\r@" D1 "  d\\e",
      CULL_DIGEST_NONE, CULL_DIGEST_MD5, "a\nb=d41d,?|c\r=0123,?|d\\e=d41d,?" },
    { "NUL, BSD", "MD5 (a\n) = " D1 "@MD5 (b\\c) = " D2 "@", CULL_DIGEST_NONE, CULL_DIGEST_MD5,
      "a\n=d41d,?|b\\c=0123,?" },
    { "NUL, tabs", "a\n\t" D1 "\t7@b\t" D2 "@", CULL_DIGEST_NONE, CULL_DIGEST_MD5,
      "a\n=d41d,7|b=0123,?" },
    { "a byte order mark", "\xef\xbb\xbf" D1 "  a\n" D2 "  b\n", CULL_DIGEST_NONE, CULL_DIGEST_MD5,
      "a=d41d,?|b=0123,?" },
    { "a byte order mark before tabs",
      "\xef\xbb\xbf"
      "a\t" D1 "\t7\r\n",
      CULL_DIGEST_NONE, CULL_DIGEST_MD5, "a=d41d,7" },
    { "a byte order mark, NUL", "\xef\xbb\xbf" D1 "  \xef\xbb\xbf@", CULL_DIGEST_NONE,
      CULL_DIGEST_MD5, "\xef\xbb\xbf=d41d,?" },
    { "nothing but a byte order mark", "\xef\xbb\xbf", CULL_DIGEST_NONE, CULL_DIGEST_MD5, "" },
    { "16 bytes that are no MD5, as is said", D1 "  a\n", CULL_DIGEST_XXH128, CULL_DIGEST_XXH128,
      "a=d41d,?" },
    { "16 bytes that are no MD5, by name", "XXH128 (a) = " D1 "\n", CULL_DIGEST_NONE,
      CULL_DIGEST_XXH128, "a=d41d,?" },
};

START_TEST(each_form_is_read_in_pieces_of_any_length)
    {
        static const size_t pieces[] = { 1, 2, 3, 7, 33, 64, 1 << 16 };
        char found[512];

        for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
            cull_manifest *manifest = NULL;
            cull_error err = { CULL_OK, "" };
            char text[512];
            size_t len = strlen(taken[_i].text);

            ck_assert_uint_lt(len, sizeof text);
            for (size_t k = 0; k <= len; k++) {
                text[k] = (char)(taken[_i].text[k] == '@' ? '\0' : taken[_i].text[k]);
            }
            ck_assert_msg(
                read_pieces(&manifest, taken[_i].kind, text, len, pieces[i], NULL, &err) == CULL_OK,
                "%s: %s", taken[_i].name, err.message);
            ck_assert_int_eq(cull_manifest_kind(manifest), taken[_i].found);
            show(found, sizeof found, manifest);
            ck_assert_msg(strcmp(found, taken[_i].want) == 0, "%s: %s", taken[_i].name, found);
            cull_manifest_free(manifest);
        }
    }
END_TEST

static const struct {
    const char *name;
    const char *text;
    size_t len; /* 0: of the text */
    cull_digest_kind kind;
    const char *want;
} refused[] = {
    { "prose", "hello\n", 0, 0, "LIST: line 1: not DIGEST" },
    { "an empty line", D1 "  a\n\n", 0, 0, "LIST: line 2: empty line" },
    { "CR LF behind LF", D1 "  a\n" D1 "  b\r\n", 0, 0, "LIST: line 2: ends in CR LF, as the" },
    { "LF behind CR LF", D1 "  a\r\n" D1 "  b\n", 0, 0, "LIST: line 2: does not end in CR LF" },
    { "CR ends the list, not LF", D1 "  a\r", 0, 0, "LIST: line 1: ends in CR LF, as the" },
    { "CR ends the list behind CR LF twice", D1 "  a\r\n\r\n", 0, 0, "LIST: line 2: empty line" },
    { "only an empty line", "\n", 0, 0, "LIST: line 1: empty line" },
    { "one blank", D1 " a\n", 0, 0, "LIST: line 1: not DIGEST" },
    { "no path", D1 "  \n", 0, 0, "LIST: line 1: empty path" },
    { "cut in the digest", D1 "  a\n0123", 0, 0, "LIST: line 2: not DIGEST" },
    { "another form", D1 "  a\nb\t" D1 "\t1\n", 0, 0, "LIST: line 2: not DIGEST" },
    { "tabs, then none", "a\t" D1 "\t1\nb\n", 0, 0, "LIST: line 2: no tab" },
    { "tabs, one field too few", "a\t" D1 "\t1\nb\t1\n", 0, 0,
      "LIST: line 2: not PATH<tab>DIGEST<tab>SIZE" },
    { "another length", D1 "  a\n" S1 "  b\n", 0, 0, "LIST: line 2: digest is not the hex of 16" },
    { "a length of none", "0123  a\n", 0, 0,
      "LIST: line 1: digest is not the hex of 16 (md5), 20" },
    { "of another kind than was said", D1 "  a\n", 0, CULL_DIGEST_SHA256,
      "LIST: line 1: digest is not the hex of 32 bytes (sha256)" },
    { "BSD of another kind than was said", "MD5 (a) = " D1 "\n", 0, CULL_DIGEST_XXH128,
      "LIST: line 1: digest is of another kind" },
    { "BSD of two kinds", "MD5 (a) = " D1 "\nXXH128 (b) = " D1 "\n", 0, 0,
      "LIST: line 2: digest is of another kind" },
    { "BSD of a kind that is not known", "SHA512 (a) = " D1 "\n", 0, 0,
      "LIST: line 1: digest is none of MD5" },
    { "a size with a letter", "a\t" D1 "\t1\nb\t" D1 "\t1a\n", 0, 0,
      "LIST: line 2: size is not a whole number" },
    { "a size of 2^64 - 1", "a\t" D1 "\t1\nb\t" D1 "\t18446744073709551615\n", 0, 0,
      "LIST: line 2: size is not a whole number" },
    { "sizes that overflow together", "a\t" D1 "\t18446744073709551614\nb\t" D1 "\t2\n", 0, 0,
      "LIST: line 2: b: sum of sizes overflows" },
    { "absolute", D1 "  /a\n", 0, 0, "LIST: line 1: /a: absolute path" },
    { "above", D1 "  ../a\n", 0, 0, "LIST: line 1: ../a: \"..\" in the path" },
    { "two dots to leave out", D1 "  ././a\n", 0, 0, "LIST: line 1: ./a: \".\" in the path" },
    { "duplicate", D1 "  b\n" D1 "  a\n" D2 "  ./b\n", 0, 0, "LIST: line 3: b: duplicate path" },
    { "an escape that is none", "\\" D1 "  a\\x\n", 0, 0, "LIST: line 1: an escape" },
    { "half an escape", "\\" D1 "  a\\\n", 0, 0, "LIST: line 1: an escape" },
    { "no UTF-8", D1 "  a\xff\n", 0, 0, "LIST: line 1: a\\xff: path is not UTF-8" },
    { "NUL in a line", D1 "  a\0b\n", 38, 0, "LIST: line 2: not DIGEST" },
    { "NUL alone", "\0", 1, 0, "LIST: line 1: empty line" },
    { "a backslash before a line that NUL ends", "\\" D1 "  a\0", 37, 0,
      "LIST: line 1: not DIGEST" },
    { "a byte order mark in the second line", D1 "  a\n\xef\xbb\xbf" D1 "  b\n", 0, 0,
      "LIST: line 2: not DIGEST" },
    { "half a byte order mark", "\xef\xbb" D1 "  a\n", 0, 0, "LIST: line 1: not DIGEST" },
};

START_TEST(what_is_wrong_is_refused_with_its_line)
    {
        size_t len = refused[_i].len != 0 ? refused[_i].len : strlen(refused[_i].text);

        for (size_t piece = 1; piece < 100; piece += 49) {
            cull_manifest *manifest = NULL;
            cull_error err = { CULL_OK, "" };

            ck_assert_msg(read_pieces(&manifest, refused[_i].kind, refused[_i].text, len, piece,
                                      NULL, &err) == CULL_E_INVALID,
                          "%s", refused[_i].name);
            ck_assert_ptr_null(manifest);
            ck_assert_msg(strncmp(err.message, refused[_i].want, strlen(refused[_i].want)) == 0,
                          "%s: %s", refused[_i].name, err.message);
        }
    }
END_TEST

START_TEST(a_line_is_bounded_also_where_it_never_ends)
    {
        static char text[20000];
        const size_t longest = 16 * 1024;
        cull_manifest *manifest = NULL;
        cull_error err = { CULL_OK, "" };

        memset(text, 'x', sizeof text);
        ck_assert_int_eq(
            read_pieces(&manifest, CULL_DIGEST_NONE, text, longest + 1, 1 << 16, NULL, &err),
            CULL_E_LIMIT);
        ck_assert_str_eq(err.message, "LIST: line 1: over 16384 bytes");
        ck_assert_int_eq(
            read_pieces(&manifest, CULL_DIGEST_NONE, text, longest, 1 << 16, NULL, &err),
            CULL_E_INVALID);
        text[longest + 1] = '\n';
        ck_assert_int_eq(
            read_pieces(&manifest, CULL_DIGEST_NONE, text, longest + 2, 100, NULL, &err),
            CULL_E_LIMIT);
        memcpy(text, D1 "  ",
               34); /* a line that is no longer than a line may be, but its path is */
        text[34 + CULL_PATH_BYTES_MAX + 1] = '\n';
        ck_assert_int_eq(read_pieces(&manifest, CULL_DIGEST_NONE, text,
                                     34 + CULL_PATH_BYTES_MAX + 2, 100, NULL, &err),
                         CULL_E_LIMIT);
        text[34 + CULL_PATH_BYTES_MAX] = '\n';
        ck_assert_int_eq(read_pieces(&manifest, CULL_DIGEST_NONE, text,
                                     34 + CULL_PATH_BYTES_MAX + 1, 100, NULL, &err),
                         CULL_OK);
        cull_manifest_free(manifest);
    }
END_TEST

/* What ends the lines is looked for where the first one may end, and no further. */
START_TEST(nul_far_behind_ends_no_line)
    {
        static char text[40000];
        const size_t line = sizeof D1 + 8; /* of six characters of path */
        cull_manifest *manifest = NULL;
        cull_error err = { CULL_OK, "" };
        size_t len = 0;

        for (unsigned i = 0; len + line < sizeof text - 1; i++) {
            len += (size_t)snprintf(text + len, line + 1, D1 "  %06u\n", i);
        }
        ck_assert_int_eq(read_pieces(&manifest, CULL_DIGEST_NONE, text, len, 100, NULL, &err),
                         CULL_OK);
        cull_manifest_free(manifest);
        text[500 * line - 3] = '\0';
        ck_assert_int_eq(read_pieces(&manifest, CULL_DIGEST_NONE, text, len, 100, NULL, &err),
                         CULL_E_INVALID);
        ck_assert_str_eq(err.message, "LIST: line 500: 0004\\x009: NUL in the path");
    }
END_TEST

static cull_status give_nothing(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    (void)ctx;
    (void)data;
    (void)len;
    (void)got;
    (void)err;
    return CULL_E_CANCELLED;
}

START_TEST(what_the_source_fails_with_is_passed_on)
    {
        cull_manifest *manifest = NULL;
        cull_error err = { CULL_OK, "" };

        ck_assert_int_eq(cull_manifest_read_list(&manifest, CULL_DIGEST_MD5, "LIST", give_nothing,
                                                 NULL, NULL, &err),
                         CULL_E_CANCELLED);
        ck_assert_ptr_null(manifest);
    }
END_TEST

START_TEST(every_allocation_of_a_list_may_fail)
    {
        static const char text[] = "\\" D1 "  b\\nc\n" D2 "  a\n" D2 "  0\n";
        uint64_t fail_at = 1;
        cull_status status;

        do {
            struct failing_allocator failing;
            cull_manifest *manifest = NULL;
            cull_error err = { CULL_OK, "" };

            failing_allocator_init(&failing, fail_at++);
            status = read_pieces(&manifest, CULL_DIGEST_NONE, text, sizeof text - 1, 5,
                                 &failing.allocator, &err);
            ck_assert(status == CULL_OK || status == CULL_E_NOMEM);
            ck_assert(status == CULL_OK || manifest == NULL);
            cull_manifest_free(manifest);
            ck_assert_int_eq(failing.live, 0);
        } while (status != CULL_OK);
        ck_assert_uint_gt(fail_at, 4);
    }
END_TEST

Suite *manifest_list_suite(void)
{
    Suite *suite = suite_create("manifest_list");
    TCase *forms = tcase_create("forms");

    tcase_add_loop_test(forms, each_form_is_read_in_pieces_of_any_length, 0,
                        (int)(sizeof taken / sizeof taken[0]));
    tcase_add_loop_test(forms, what_is_wrong_is_refused_with_its_line, 0,
                        (int)(sizeof refused / sizeof refused[0]));
    tcase_add_test(forms, a_line_is_bounded_also_where_it_never_ends);
    tcase_add_test(forms, nul_far_behind_ends_no_line);
    tcase_add_test(forms, what_the_source_fails_with_is_passed_on);
    tcase_add_test(forms, every_allocation_of_a_list_may_fail);
    suite_add_tcase(suite, forms);
    return suite;
}
