/*
 * test_digest.c - digests against published vectors, and their texts from both sides.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_internal.h"
#include "base/md5_lanes.h"
#include "cull/digest.h"
#include "support.h"

static const cull_digest_kind all_kinds[] = { CULL_DIGEST_SHA256, CULL_DIGEST_MD5, CULL_DIGEST_SHA1,
                                              CULL_DIGEST_XXH128 };

#define NO_KIND ((cull_digest_kind)99)

/* FIPS 180-4, RFC 1321, and what xxhsum -H2 prints. */
static const struct {
    const char *name;
    cull_digest_kind kind;
    const char *text;
    const char *hex;
    const char *base64;
} vectors[] = {
    { "SHA-256 of nothing", CULL_DIGEST_SHA256, "",
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" },
    { "SHA-256 of abc", CULL_DIGEST_SHA256, "abc",
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=" },
    { "SHA-256 of two blocks", CULL_DIGEST_SHA256,
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
      "JI1qYdIGOLjlwCaTDD5gOaM85Flk/yFn9uzt1BnbBsE=" },
    { "MD5 of nothing", CULL_DIGEST_MD5, "", "d41d8cd98f00b204e9800998ecf8427e",
      "1B2M2Y8AsgTpgAmY7PhCfg==" },
    { "MD5 of abc", CULL_DIGEST_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72",
      "kAFQmDzST7DWlj99KOF/cg==" },
    { "SHA-1 of nothing", CULL_DIGEST_SHA1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709",
      "2jmj7l5rSw0yVb/vlWAYkK/YBwk=" },
    { "SHA-1 of abc", CULL_DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d",
      "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=" },
    { "XXH128 of nothing", CULL_DIGEST_XXH128, "", "99aa06d3014798d86001c324468d497f",
      "maoG0wFHmNhgAcMkRo1Jfw==" },
    { "XXH128 of abc", CULL_DIGEST_XXH128, "abc", "06b05ab6733a618578af5f94892f3950",
      "BrBatnM6YYV4r1+UiS85UA==" },
};

START_TEST(a_digest_is_the_published_one_and_reads_back_from_both_its_texts)
    {
        const cull_digest_kind kind = vectors[_i].kind;
        char hex[CULL_DIGEST_HEX_MAX];
        char base64[CULL_DIGEST_BASE64_MAX];
        cull_digest digest;
        cull_digest again;

        ck_assert_int_eq(cull_digest_of(&digest, kind, vectors[_i].text, strlen(vectors[_i].text)),
                         CULL_OK);
        cull_digest_to_hex(hex, &digest, kind);
        ck_assert_msg(strcmp(hex, vectors[_i].hex) == 0, "%s: %s", vectors[_i].name, hex);
        cull_digest_to_base64(base64, &digest, kind);
        ck_assert_msg(strcmp(base64, vectors[_i].base64) == 0, "%s: %s", vectors[_i].name, base64);

        memset(&again, 0xff, sizeof again);
        ck_assert_int_eq(cull_digest_from_hex(&again, kind, hex, strlen(hex)), CULL_OK);
        ck_assert_mem_eq(&again, &digest, sizeof digest);
        memset(&again, 0xff, sizeof again);
        ck_assert_int_eq(cull_digest_from_base64(&again, kind, base64, strlen(base64)), CULL_OK);
        ck_assert_mem_eq(&again, &digest, sizeof digest);
    }
END_TEST

START_TEST(bytes_beyond_the_length_of_a_digest_are_zero)
    {
        static const uint8_t zero[CULL_DIGEST_BYTES_MAX];
        const size_t len = cull_digest_len(all_kinds[_i]);
        cull_digest digest;

        memset(&digest, 0xff, sizeof digest);
        ck_assert_int_eq(cull_digest_of(&digest, all_kinds[_i], "x", 1), CULL_OK);
        ck_assert_mem_eq(digest.bytes + len, zero, sizeof zero - len);
        ck_assert_mem_ne(digest.bytes, zero, len);
    }
END_TEST

START_TEST(text_is_written_from_the_bytes_of_the_digest_alone)
    {
        char clean[CULL_DIGEST_BASE64_MAX];
        char dirty[CULL_DIGEST_BASE64_MAX];
        const size_t len = cull_digest_len(all_kinds[_i]);
        cull_digest digest;

        ck_assert_int_eq(cull_digest_of(&digest, all_kinds[_i], "x", 1), CULL_OK);
        cull_digest_to_base64(clean, &digest, all_kinds[_i]);
        memset(digest.bytes + len, 0xff, sizeof digest.bytes - len);
        cull_digest_to_base64(dirty, &digest, all_kinds[_i]);
        ck_assert_str_eq(clean, dirty);
    }
END_TEST

START_TEST(a_message_has_one_digest_however_it_is_cut)
    {
        /* the block sizes of all four algorithms, from both sides */
        static const size_t lens[] = { 0,  1,   16,  17,  55,  56,   63,  64,
                                       65, 128, 129, 240, 241, 1024, 1025 };
        uint8_t message[1025];
        cull_hasher *hasher = NULL;

        for (size_t i = 0; i < sizeof message; i++) {
            message[i] = (uint8_t)(i * 131 + 7);
        }
        ck_assert_int_eq(cull_hasher_new(&hasher, all_kinds[_i], cull_allocator_default()),
                         CULL_OK);
        for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
            cull_digest whole;

            ck_assert_int_eq(cull_digest_of(&whole, all_kinds[_i], message, lens[i]), CULL_OK);
            for (size_t cut = 0; cut <= lens[i]; cut++) {
                cull_digest parts;

                ck_assert_int_eq(cull_hasher_reset(hasher), CULL_OK);
                ck_assert_int_eq(cull_hasher_add(hasher, message, cut), CULL_OK);
                ck_assert_int_eq(cull_hasher_add(hasher, message + cut, lens[i] - cut), CULL_OK);
                ck_assert_int_eq(cull_hasher_end(hasher, &parts), CULL_OK);
                ck_assert_mem_eq(&parts, &whole, sizeof whole);
            }
        }
        cull_hasher_free(hasher);
    }
END_TEST

START_TEST(a_new_hasher_is_ready_and_an_ended_one_takes_nothing_until_reset)
    {
        cull_hasher *hasher = NULL;
        cull_digest want;
        cull_digest digest;

        ck_assert_int_eq(cull_digest_of(&want, all_kinds[_i], "abc", 3), CULL_OK);
        ck_assert_int_eq(cull_hasher_new(&hasher, all_kinds[_i], cull_allocator_default()),
                         CULL_OK);
        ck_assert_int_eq(cull_hasher_add(hasher, NULL, 0), CULL_OK);
        ck_assert_int_eq(cull_hasher_add(hasher, "abc", 3), CULL_OK);
        ck_assert_int_eq(cull_hasher_end(hasher, &digest), CULL_OK);
        ck_assert_mem_eq(&digest, &want, sizeof want);
        ck_assert_int_eq(cull_hasher_add(hasher, "d", 1), CULL_E_USAGE);
        ck_assert_int_eq(cull_hasher_end(hasher, &digest), CULL_E_USAGE);
        ck_assert_int_eq(cull_hasher_reset(hasher), CULL_OK);
        ck_assert_int_eq(cull_hasher_add(hasher, "abc", 3), CULL_OK);
        ck_assert_int_eq(cull_hasher_end(hasher, &digest), CULL_OK);
        ck_assert_mem_eq(&digest, &want, sizeof want);
        cull_hasher_free(hasher);
    }
END_TEST

START_TEST(a_hasher_without_memory_is_not_made_and_leaks_nothing)
    {
        cull_status status = CULL_E_NOMEM;
        uint64_t fail_at;

        for (fail_at = 1; status == CULL_E_NOMEM; fail_at++) {
            struct failing_allocator failing;
            cull_hasher *hasher = (cull_hasher *)&failing;

            failing_allocator_init(&failing, fail_at);
            status = cull_hasher_new(&hasher, all_kinds[_i], &failing.allocator);
            if (status != CULL_OK) {
                ck_assert_int_eq(status, CULL_E_NOMEM);
                ck_assert_ptr_null(hasher);
            }
            cull_hasher_free(hasher);
            ck_assert_int_eq(failing.live, 0);
        }
        ck_assert_uint_gt(fail_at, 2); /* the loop met at least one failure */
    }
END_TEST

START_TEST(a_kind_has_one_name_and_one_length)
    {
        static const struct {
            cull_digest_kind kind;
            int number;
            const char *name;
            size_t len;
        } rows[] = {
            { CULL_DIGEST_SHA256, 1, "sha256", 32 },
            { CULL_DIGEST_MD5, 2, "md5", 16 },
            { CULL_DIGEST_SHA1, 3, "sha1", 20 },
            { CULL_DIGEST_XXH128, 4, "xxh128", 16 },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            ck_assert_int_eq((int)rows[i].kind, rows[i].number); /* the numbers stand in logs */
            ck_assert_str_eq(cull_digest_kind_name(rows[i].kind), rows[i].name);
            ck_assert_uint_eq(cull_digest_len(rows[i].kind), rows[i].len);
            ck_assert_int_eq(cull_digest_kind_parse(rows[i].name), rows[i].kind);
        }
    }
END_TEST

START_TEST(what_is_no_kind_is_refused_everywhere)
    {
        static const cull_digest_kind wrong[] = { CULL_DIGEST_NONE, (cull_digest_kind)5, NO_KIND };
        static const char *const names[] = { "", "sha", "sha-256", "SHA256", "sha256 ", "none" };
        cull_hasher *hasher;
        cull_digest digest;

        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
            ck_assert_uint_eq(cull_digest_len(wrong[i]), 0);
            ck_assert_ptr_null(cull_digest_kind_name(wrong[i]));
            ck_assert_int_eq(cull_digest_of(&digest, wrong[i], "x", 1), CULL_E_INVALID);
            ck_assert_int_eq(cull_digest_from_hex(&digest, wrong[i], "", 0), CULL_E_INVALID);
            ck_assert_int_eq(cull_digest_from_base64(&digest, wrong[i], "", 0), CULL_E_INVALID);
            ck_assert_int_eq(cull_hasher_new(&hasher, wrong[i], cull_allocator_default()),
                             CULL_E_INVALID);
            ck_assert_ptr_null(hasher);
        }
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            ck_assert_msg(cull_digest_kind_parse(names[i]) == CULL_DIGEST_NONE, "%s", names[i]);
        }
    }
END_TEST

static const struct {
    const char *name;
    const char *text;
    cull_status want;
} hex_cases[] = {
    { "lower case", "d41d8cd98f00b204e9800998ecf8427e", CULL_OK },
    { "upper case", "D41D8CD98F00B204E9800998ECF8427E", CULL_OK },
    { "one short", "d41d8cd98f00b204e9800998ecf8427", CULL_E_INVALID },
    { "one long", "d41d8cd98f00b204e9800998ecf8427e0", CULL_E_INVALID },
    { "nothing", "", CULL_E_INVALID },
    { "another kind's length", "da39a3ee5e6b4b0d3255bfef95601890afd80709", CULL_E_INVALID },
    { "past f", "g41d8cd98f00b204e9800998ecf8427e", CULL_E_INVALID },
    { "past F, at the end", "d41d8cd98f00b204e9800998ecf8427G", CULL_E_INVALID },
    { "before 0", "d41d8cd98f00b204/9800998ecf8427e", CULL_E_INVALID },
    { "past 9", "d41d8cd98f00b204:9800998ecf8427e", CULL_E_INVALID },
    { "before a", "d41d8cd98f00b204`9800998ecf8427e", CULL_E_INVALID },
    { "before A", "d41d8cd98f00b204@9800998ecf8427e", CULL_E_INVALID },
    { "a sign", "+41d8cd98f00b204e9800998ecf8427e", CULL_E_INVALID },
    { "a prefix", "0xd41d8cd98f00b204e9800998ecf842", CULL_E_INVALID },
    { "a space", " 41d8cd98f00b204e9800998ecf8427e", CULL_E_INVALID },
    { "a byte over 127",
      "\xc3"
      "41d8cd98f00b204e9800998ecf8427e",
      CULL_E_INVALID },
};

static const struct {
    const char *name;
    const char *text;
    cull_digest_kind kind;
    cull_status want;
} base64_cases[] = {
    { "16 bytes", "1B2M2Y8AsgTpgAmY7PhCfg==", CULL_DIGEST_MD5, CULL_OK },
    { "20 bytes", "2jmj7l5rSw0yVb/vlWAYkK/YBwk=", CULL_DIGEST_SHA1, CULL_OK },
    { "bits after 16 bytes", "1B2M2Y8AsgTpgAmY7PhCfh==", CULL_DIGEST_MD5, CULL_E_INVALID },
    { "bits after 20 bytes", "2jmj7l5rSw0yVb/vlWAYkK/YBwl=", CULL_DIGEST_SHA1, CULL_E_INVALID },
    { "no padding", "1B2M2Y8AsgTpgAmY7PhCfg", CULL_DIGEST_MD5, CULL_E_INVALID },
    { "half the padding", "1B2M2Y8AsgTpgAmY7PhCfg=", CULL_DIGEST_MD5, CULL_E_INVALID },
    { "padding replaced", "1B2M2Y8AsgTpgAmY7PhCfgAA", CULL_DIGEST_MD5, CULL_E_INVALID },
    { "padding half replaced", "1B2M2Y8AsgTpgAmY7PhCfgA=", CULL_DIGEST_MD5, CULL_E_INVALID },
    { "padding before a letter", "1B2M2Y8AsgTpgAmY7PhCfg=A", CULL_DIGEST_MD5, CULL_E_INVALID },
    { "too much padding", "2jmj7l5rSw0yVb/vlWAYkK/YBw==", CULL_DIGEST_SHA1, CULL_E_INVALID },
    { "padding in the middle", "1B2=2Y8AsgTpgAmY7PhCfg==", CULL_DIGEST_MD5, CULL_E_INVALID },
    { "the URL alphabet, -", "2jmj7l5rSw0yVb-vlWAYkK/YBwk=", CULL_DIGEST_SHA1, CULL_E_INVALID },
    { "the URL alphabet, _", "2jmj7l5rSw0yVb_vlWAYkK/YBwk=", CULL_DIGEST_SHA1, CULL_E_INVALID },
    { "a line break", "1B2M2Y8AsgTpgAmY\n7PhCfg=", CULL_DIGEST_MD5, CULL_E_INVALID },
    { "a byte over 127",
      "\xc3"
      "B2M2Y8AsgTpgAmY7PhCfg==",
      CULL_DIGEST_MD5, CULL_E_INVALID },
    { "four more", "1B2M2Y8AsgTpgAmY7PhCfg==AAAA", CULL_DIGEST_MD5, CULL_E_INVALID },
    { "nothing", "", CULL_DIGEST_MD5, CULL_E_INVALID },
};

static void expect_read(const char *name, cull_status status, cull_status want,
                        const cull_digest *digest)
{
    static const cull_digest zero;

    ck_assert_msg(status == want, "%s: %s", name, cull_strerror(status));
    ck_assert_msg((memcmp(digest, &zero, sizeof zero) == 0) == (want != CULL_OK),
                  "%s: a refused text leaves zeros, an accepted one does not", name);
}

START_TEST(only_exact_hex_is_read)
    {
        cull_digest digest;

        memset(&digest, 0xff, sizeof digest);
        expect_read(hex_cases[_i].name,
                    cull_digest_from_hex(&digest, CULL_DIGEST_MD5, hex_cases[_i].text,
                                         strlen(hex_cases[_i].text)),
                    hex_cases[_i].want, &digest);
    }
END_TEST

START_TEST(only_canonical_base64_is_read)
    {
        cull_digest digest;

        memset(&digest, 0xff, sizeof digest);
        expect_read(base64_cases[_i].name,
                    cull_digest_from_base64(&digest, base64_cases[_i].kind, base64_cases[_i].text,
                                            strlen(base64_cases[_i].text)),
                    base64_cases[_i].want, &digest);
    }
END_TEST

START_TEST(every_byte_value_survives_both_texts_in_every_place)
    {
        char text[CULL_DIGEST_HEX_MAX];

        for (unsigned value = 0; value < 256; value++) {
            for (size_t at = 0; at < cull_digest_len(all_kinds[_i]); at++) {
                cull_digest digest = { { 0 } };
                cull_digest again;

                digest.bytes[at] = (uint8_t)value;
                cull_digest_to_hex(text, &digest, all_kinds[_i]);
                ck_assert_int_eq(cull_digest_from_hex(&again, all_kinds[_i], text, strlen(text)),
                                 CULL_OK);
                ck_assert_mem_eq(&again, &digest, sizeof digest);
                cull_digest_to_base64(text, &digest, all_kinds[_i]);
                ck_assert_int_eq(cull_digest_from_base64(&again, all_kinds[_i], text, strlen(text)),
                                 CULL_OK);
                ck_assert_mem_eq(&again, &digest, sizeof digest);
            }
        }
    }
END_TEST

/* As many bytes in each message, and how many more the next one has. */
static const struct {
    const char *name;
    size_t count;
    size_t first;
    size_t step;
} lane_cases[] = {
    { "none", 0, 0, 0 },
    { "one, empty", 1, 0, 0 },
    { "all empty", CULL__MD5_LANES, 0, 0 },
    { "the padding begins in the last block, or needs one more", CULL__MD5_LANES, 48, 1 },
    { "up to a whole block and behind it", CULL__MD5_LANES, 58, 1 },
    { "two blocks", CULL__MD5_LANES, 112, 1 },
    { "some end long before others", CULL__MD5_LANES, 3, 61 },
    { "an odd number of them", 7, 500, 77 },
    { "equal ones", CULL__MD5_LANES, 1000, 0 },
};

START_TEST(messages_side_by_side_have_the_digests_that_each_has_alone)
    {
        static uint8_t data[4096];
        struct cull__md5_message messages[CULL__MD5_LANES] = { { NULL, 0 } };
        struct cull__bytes parts[CULL__MD5_LANES][64];
        cull_digest digests[CULL__MD5_LANES];
        cull_digest anywhere[CULL__MD5_LANES];

        for (size_t i = 0; i < sizeof data; i++) {
            data[i] = (uint8_t)(i * i * 31 + i * 7 + 5);
        }
        /* cut into ever longer parts, some of them empty, and the rest whole */
        for (size_t i = 0; i < lane_cases[_i].count; i++) {
            size_t len = lane_cases[_i].first + i * lane_cases[_i].step;
            size_t at = 0;
            size_t count = 0;

            for (; count < 20 && at + count * (i + 1) <= len; count++) {
                parts[i][count] = (struct cull__bytes){ data + i + at, count * (i + 1) };
                at += count * (i + 1);
            }
            parts[i][count++] = (struct cull__bytes){ data + i + at, len - at };
            parts[i][count++] = (struct cull__bytes){ NULL, 0 };
            messages[i] = (struct cull__md5_message){ parts[i], count };
        }
        cull__md5_lanes(digests, messages, lane_cases[_i].count);
        cull__md5_lanes_anywhere(anywhere, messages, lane_cases[_i].count);
        for (size_t i = 0; i < lane_cases[_i].count; i++) {
            size_t len = lane_cases[_i].first + i * lane_cases[_i].step;
            cull_digest alone;

            ck_assert_int_eq(cull_digest_of(&alone, CULL_DIGEST_MD5, data + i, len), CULL_OK);
            ck_assert_msg(memcmp(&digests[i], &alone, sizeof alone) == 0, "%s: message %zu",
                          lane_cases[_i].name, i);
            ck_assert_msg(memcmp(&anywhere[i], &alone, sizeof alone) == 0,
                          "%s: message %zu, on any processor", lane_cases[_i].name, i);
        }
    }
END_TEST

Suite *digest_suite(void)
{
    Suite *suite = suite_create("digest");
    TCase *computing = tcase_create("computing");
    TCase *texts = tcase_create("texts");
    const int kinds = (int)ARRAY_LEN(all_kinds);

    tcase_add_loop_test(computing, a_digest_is_the_published_one_and_reads_back_from_both_its_texts,
                        0, (int)ARRAY_LEN(vectors));
    tcase_add_loop_test(computing, bytes_beyond_the_length_of_a_digest_are_zero, 0, kinds);
    tcase_add_loop_test(computing, a_message_has_one_digest_however_it_is_cut, 0, kinds);
    tcase_add_loop_test(computing, a_new_hasher_is_ready_and_an_ended_one_takes_nothing_until_reset,
                        0, kinds);
    tcase_add_loop_test(computing, a_hasher_without_memory_is_not_made_and_leaks_nothing, 0, kinds);
    tcase_add_test(computing, a_kind_has_one_name_and_one_length);
    tcase_add_test(computing, what_is_no_kind_is_refused_everywhere);
    tcase_add_loop_test(computing, messages_side_by_side_have_the_digests_that_each_has_alone, 0,
                        (int)ARRAY_LEN(lane_cases));
    tcase_add_loop_test(texts, text_is_written_from_the_bytes_of_the_digest_alone, 0, kinds);
    tcase_add_loop_test(texts, only_exact_hex_is_read, 0, (int)ARRAY_LEN(hex_cases));
    tcase_add_loop_test(texts, only_canonical_base64_is_read, 0, (int)ARRAY_LEN(base64_cases));
    tcase_add_loop_test(texts, every_byte_value_survives_both_texts_in_every_place, 0, kinds);
    suite_add_tcase(suite, computing);
    suite_add_tcase(suite, texts);
    return suite;
}
