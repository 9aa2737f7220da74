/*
 * test_fact.c - facts to bytes and back: every type, every limit, hostile bytes.
 */
#include "suites.h"

#include <stdlib.h>
#include <string.h>

#include "log/fact.h"
#include "log/log_internal.h"
#include "support.h"

#define DIGEST_LEN 16

static const uint32_t some_numbers[] = { 0, 1, 2, 7, 9, 10, 4000000000u };
static const uint64_t some_sizes[] = { 0, 1, UINT64_MAX, 7, 1u << 20, 127, 128 };
static const uint32_t more_numbers[] = { 5 };
static const struct cull__fact_blob some_blobs[] = {
    { 3, 0, 12, { { 1, 2, 3 } } },
    { 4294967293u, 77, UINT64_MAX, { { 255 } } },
};
static const struct cull__fact_version some_versions[] = { { 3, 1 }, { 3, 2 }, { 9, UINT64_MAX } };

/* A fact of a type with every field that any type has; encoding takes those of the type. */
static struct cull__fact full_fact(unsigned type)
{
    struct cull__fact fact = { .type = (enum cull__fact_type)type,
                               .id = 1,
                               .parent = 300,
                               .run = UINT64_MAX,
                               .until_ms = 1700000000000u,
                               .ordinal = 12,
                               .how = 2,
                               .name = "name",
                               .name_len = 4,
                               .kind = "kind",
                               .kind_len = 4,
                               .numbers = some_numbers,
                               .number_count = ARRAY_LEN(some_numbers),
                               .sizes = some_sizes,
                               .total_bytes = UINT64_MAX,
                               .total_exact = true,
                               .source = 77,
                               .source_ordinal = 88,
                               .policy = { 1, UINT32_MAX, 2, UINT64_MAX, true },
                               .opened = more_numbers,
                               .opened_count = 1,
                               .blobs = some_blobs,
                               .blob_count = ARRAY_LEN(some_blobs),
                               .versions = some_versions,
                               .version_count = ARRAY_LEN(some_versions) };

    fact.settings = (struct cull__fact_settings){ CULL_DIGEST_MD5, true, 1, 2, 3, 1, 4 };
    fact.commit = (struct cull__fact_commit){ .collection = 7,
                                              .ordinal = 8,
                                              .entries = 9,
                                              .blobs = 10,
                                              .sum = 11,
                                              .size_bytes = 12,
                                              .size_exact = true,
                                              .ttl_ms = 13 };
    fact.commit.manifest_digest[15] = 0xab;
    return fact;
}

static cull_status decode(const struct cull__buf *buf, struct cull__fact *out,
                          struct cull__fact_scratch *scratch)
{
    struct cull__cursor cursor = cull__cursor(buf->data, buf->len);
    struct cull__frame frame;
    cull_status status = cull__frame_next(&cursor, &frame, NULL);

    if (status == CULL_OK) {
        status = cull__fact_decode(out, &frame, DIGEST_LEN, scratch, NULL);
    }
    return status == CULL_OK && !cull__cursor_done(&cursor) ? CULL_E_CORRUPT : status;
}

/* A number that no type has yet: what says so is refused. */
static bool is_free(unsigned type)
{
    const struct cull__frame frame = { (uint16_t)type, (const uint8_t *)"", 0 };
    struct cull__fact_scratch scratch;
    struct cull__fact fact;

    if (cull__fact_type_name(type) != NULL) {
        return false;
    }
    cull__fact_scratch_init(&scratch, cull_allocator_default());
    ck_assert_int_eq(cull__fact_decode(&fact, &frame, DIGEST_LEN, &scratch, NULL), CULL_E_CORRUPT);
    cull__fact_scratch_release(&scratch);
    return true;
}

START_TEST(every_type_comes_back_as_it_was_and_encodes_to_the_same_bytes)
    {
        struct cull__buf buf = CULL__BUF_INIT(cull_allocator_default());
        struct cull__buf again = CULL__BUF_INIT(cull_allocator_default());
        struct cull__fact_scratch scratch;
        struct cull__fact want = full_fact((unsigned)_i);
        struct cull__fact got;

        if (is_free((unsigned)_i)) {
            return;
        }
        cull__fact_scratch_init(&scratch, cull_allocator_default());
        cull__fact_encode(&buf, &want, DIGEST_LEN);
        ck_assert(!buf.failed);
        ck_assert_int_eq(decode(&buf, &got, &scratch), CULL_OK);
        cull__fact_encode(&again, &got, DIGEST_LEN);
        ck_assert_uint_eq(again.len, buf.len);
        ck_assert_int_eq(memcmp(again.data, buf.data, buf.len), 0);
        ck_assert(got.id == 0 || got.id == want.id);
        ck_assert(got.number_count == 0 ||
                  (got.number_count == want.number_count &&
                   memcmp(got.numbers, want.numbers, sizeof some_numbers) == 0));
        ck_assert(got.sizes == NULL || memcmp(got.sizes, want.sizes, sizeof some_sizes) == 0);
        ck_assert(got.total_bytes == 0 || got.total_bytes == want.total_bytes);
        ck_assert(got.source == 0 || (got.source == 77 && got.source_ordinal == 88));
        ck_assert(got.blob_count == 0 || memcmp(got.blobs, want.blobs, sizeof some_blobs) == 0);
        cull__fact_scratch_release(&scratch);
        cull__buf_release(&buf);
        cull__buf_release(&again);
    }
END_TEST

/* A store whose facts are all of the old types is read by old programs still. */
START_TEST(a_log_asks_for_no_newer_program_than_its_facts_need)
    {
        for (unsigned type = 1; type < CULL__FACT_TYPES; type++) {
            uint32_t needs = cull__fact_reader_min((enum cull__fact_type)type);

            ck_assert_msg(needs == (type <= 30 ? 1 : type <= 31 ? 2 : 3), "%u", type);
            ck_assert_uint_le(needs, CULL__READER_VERSION);
        }
    }
END_TEST

START_TEST(every_cut_and_every_flipped_bit_is_noticed)
    {
        struct cull__buf buf = CULL__BUF_INIT(cull_allocator_default());
        struct cull__fact_scratch scratch;
        struct cull__fact fact = full_fact((unsigned)_i);

        if (is_free((unsigned)_i)) {
            return;
        }
        cull__fact_scratch_init(&scratch, cull_allocator_default());
        cull__fact_encode(&buf, &fact, DIGEST_LEN);
        for (size_t len = 0; len < buf.len; len++) {
            const struct cull__buf cut = { buf.data, len, len, buf.allocator, false };

            ck_assert_int_eq(decode(&cut, &fact, &scratch), CULL_E_CORRUPT);
        }
        for (size_t bit = 0; bit < buf.len * 8; bit++) {
            buf.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            ck_assert_int_eq(decode(&buf, &fact, &scratch), CULL_E_CORRUPT);
            buf.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        cull__fact_scratch_release(&scratch);
        cull__buf_release(&buf);
    }
END_TEST

/* Behind a right checksum, so that the decoder itself is asked. */
static cull_status decode_payload(unsigned type, const uint8_t *payload, size_t len)
{
    const struct cull__frame frame = { (uint16_t)type, payload, len };
    struct cull__fact_scratch scratch;
    struct cull__fact fact;
    cull_status status;

    cull__fact_scratch_init(&scratch, cull_allocator_default());
    status = cull__fact_decode(&fact, &frame, DIGEST_LEN, &scratch, NULL);
    cull__fact_scratch_release(&scratch);
    return status;
}

static const struct {
    const char *name;
    unsigned type;
    size_t len;
    uint8_t payload[24];
    cull_status want;
} payloads[] = {
    { "a set of two numbers", CULL__FACT_STORED, 3, { 1, 0, 1 }, CULL_OK },
    { "two ranges", CULL__FACT_STORED, 5, { 2, 0, 0, 1, 0 }, CULL_OK },
    { "two ranges that should be one", CULL__FACT_STORED, 5, { 2, 0, 0, 0, 0 }, CULL_E_CORRUPT },
    { "no ranges", CULL__FACT_STORED, 1, { 0 }, CULL_OK },
    { "more ranges than bytes", CULL__FACT_STORED, 3, { 9, 0, 1 }, CULL_E_CORRUPT },
    { "a number over 32 bits",
      CULL__FACT_STORED,
      7,
      { 1, 0x80, 0x80, 0x80, 0x80, 0x20, 0 },
      CULL_E_CORRUPT },
    { "a range of half of all numbers",
      CULL__FACT_STORED,
      7,
      { 1, 0, 0xff, 0xff, 0xff, 0xff, 7 },
      CULL_E_CORRUPT },
    { "a padded varint", CULL__FACT_STORED, 4, { 0x81, 0x00, 0, 1 }, CULL_E_CORRUPT },
    { "a size for each number", CULL__FACT_SIZES, 5, { 1, 0, 1, 7, 8 }, CULL_OK },
    { "fewer sizes than numbers", CULL__FACT_SIZES, 4, { 1, 0, 1, 7 }, CULL_E_CORRUPT },
    { "more sizes than numbers", CULL__FACT_SIZES, 6, { 1, 0, 1, 7, 8, 9 }, CULL_E_CORRUPT },
    { "sizes of a range of a million",
      CULL__FACT_SIZES,
      6,
      { 1, 0, 0xff, 0xff, 0x3f, 7 },
      CULL_E_CORRUPT },
    { "a total that is exact", CULL__FACT_RESIZE, 4, { 1, 2, 3, 1 }, CULL_OK },
    { "a flag that is neither", CULL__FACT_RESIZE, 4, { 1, 2, 3, 2 }, CULL_E_CORRUPT },
    { "an artifact's id", CULL__FACT_ARTIFACT_ID, 7, { 1, 2, 4, 'Q', 'Q', '=', '=' }, CULL_OK },
    { "an artifact's id cut short",
      CULL__FACT_ARTIFACT_ID,
      6,
      { 1, 2, 4, 'Q', 'Q', '=' },
      CULL_E_CORRUPT },
    { "bytes left over", CULL__FACT_STORED, 2, { 0, 0 }, CULL_E_CORRUPT },
    { "type 0", 0, 1, { 0 }, CULL_E_CORRUPT },
    { "the first type that is none", CULL__FACT_TYPES, 1, { 0 }, CULL_E_CORRUPT },
    { "a name with NUL", CULL__FACT_ENTITY, 4, { 1, 2, 'a', 0 }, CULL_E_CORRUPT },
    { "a name", CULL__FACT_ENTITY, 4, { 1, 2, 'a', 'b' }, CULL_OK },
    { "a name longer than what is there", CULL__FACT_ENTITY, 3, { 1, 2, 'a' }, CULL_E_CORRUPT },
};

START_TEST(what_is_not_canonical_or_out_of_range_is_refused)
    {
        ck_assert_msg(decode_payload(payloads[_i].type, payloads[_i].payload, payloads[_i].len) ==
                          payloads[_i].want,
                      "%s", payloads[_i].name);
    }
END_TEST

START_TEST(random_payloads_are_refused_or_canonical)
    {
        uint64_t seed = 88172645463325252u;
        size_t accepted = 0;

        for (int i = 0; i < 200000; i++) {
            uint8_t payload[40];
            struct cull__frame frame = { 0, payload, 0 };
            struct cull__buf buf = CULL__BUF_INIT(cull_allocator_default());
            struct cull__fact_scratch scratch;
            struct cull__fact fact;

            for (size_t at = 0; at < sizeof payload; at++) {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                payload[at] = (uint8_t)(seed % 5 == 0 ? seed >> 8 : seed % 4);
            }
            frame.type = (uint16_t)(1 + seed % (CULL__FACT_TYPES - 1));
            frame.len = seed / 64 % sizeof payload;
            cull__fact_scratch_init(&scratch, cull_allocator_default());
            if (cull__fact_decode(&fact, &frame, DIGEST_LEN, &scratch, NULL) == CULL_OK) {
                accepted++;
                cull__fact_encode(&buf, &fact, DIGEST_LEN);
                ck_assert_uint_eq(buf.len, frame.len + CULL__FRAME_HEADER);
                ck_assert_int_eq(memcmp(buf.data + CULL__FRAME_HEADER, payload, frame.len), 0);
            }
            cull__fact_scratch_release(&scratch);
            cull__buf_release(&buf);
        }
        ck_assert_uint_gt(accepted, 1000); /* else this tests nothing */
    }
END_TEST

START_TEST(a_frame_may_be_as_long_as_its_bound_and_not_a_byte_longer)
    {
        struct cull__buf buf = CULL__BUF_INIT(cull_allocator_default());

        for (size_t over = 0; over <= 1; over++) {
            size_t start = cull__frame_begin(&buf, 1);
            uint8_t *room = cull__buf_room(&buf, CULL__FRAME_BYTES_MAX + over);

            ck_assert_ptr_nonnull(room);
            memset(room, 7, CULL__FRAME_BYTES_MAX + over);
            buf.len += CULL__FRAME_BYTES_MAX + over;
            cull__frame_end(&buf, start);
            ck_assert_int_eq(buf.failed, over == 1);
            if (over == 0) {
                struct cull__cursor cursor = cull__cursor(buf.data, buf.len);
                struct cull__frame frame;

                ck_assert_int_eq(cull__frame_next(&cursor, &frame, NULL), CULL_OK);
                ck_assert_uint_eq(frame.len, CULL__FRAME_BYTES_MAX);
            }
            cull__buf_clear(&buf);
        }
        cull__buf_release(&buf);
    }
END_TEST

Suite *fact_suite(void)
{
    Suite *suite = suite_create("fact");
    TCase *tc = tcase_create("fact");

    tcase_add_loop_test(tc, every_type_comes_back_as_it_was_and_encodes_to_the_same_bytes, 1,
                        CULL__FACT_TYPES);
    tcase_add_test(tc, a_log_asks_for_no_newer_program_than_its_facts_need);
    tcase_add_loop_test(tc, every_cut_and_every_flipped_bit_is_noticed, 1, CULL__FACT_TYPES);
    tcase_add_loop_test(tc, what_is_not_canonical_or_out_of_range_is_refused, 0,
                        ARRAY_LEN(payloads));
    tcase_add_test(tc, random_payloads_are_refused_or_canonical);
    tcase_add_test(tc, a_frame_may_be_as_long_as_its_bound_and_not_a_byte_longer);
    suite_add_tcase(suite, tc);
    return suite;
}
