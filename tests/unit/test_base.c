/*
 * test_base.c - the base room: bytes out and in, bit sets, errors, printable names, memory.
 */
#include <check.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_internal.h"
#include "base/slabs.h"
#include "base/thread.h"
#include "base/bits.h"
#include "base/buf.h"
#include "support.h"

/* --- varints ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    uint64_t value;
    size_t len;
    uint8_t bytes[10];
} varints[] = {
    { "zero", 0, 1, { 0x00 } },
    { "last of 1 byte", 0x7f, 1, { 0x7f } },
    { "first of 2 bytes", 0x80, 2, { 0x80, 0x01 } },
    { "last of 2 bytes", 0x3fff, 2, { 0xff, 0x7f } },
    { "first of 3 bytes", 0x4000, 3, { 0x80, 0x80, 0x01 } },
    { "last of 32 bits", UINT32_MAX, 5, { 0xff, 0xff, 0xff, 0xff, 0x0f } },
    { "last of 9 bytes", INT64_MAX, 9, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f } },
    { "first of 10 bytes",
      UINT64_C(1) << 63,
      10,
      { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01 } },
    { "the greatest",
      UINT64_MAX,
      10,
      { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 } },
};

START_TEST(a_varint_has_these_bytes_and_no_prefix_of_them_is_one)
    {
        struct cull__buf buf = CULL__BUF_INIT(cull_allocator_default());
        struct cull__cursor cursor;

        cull__buf_varint(&buf, varints[_i].value);
        ck_assert_msg(buf.len == varints[_i].len, "%s: %zu bytes", varints[_i].name, buf.len);
        ck_assert_mem_eq(buf.data, varints[_i].bytes, buf.len);

        cursor = cull__cursor(buf.data, buf.len);
        ck_assert_uint_eq(cull__cursor_varint(&cursor), varints[_i].value);
        ck_assert(cull__cursor_done(&cursor));
        for (size_t len = 0; len < buf.len; len++) {
            cursor = cull__cursor(buf.data, len);
            ck_assert_uint_eq(cull__cursor_varint(&cursor), 0);
            ck_assert(cursor.failed);
        }
        cull__buf_release(&buf);
    }
END_TEST

static const struct {
    const char *name;
    size_t len;
    uint8_t bytes[11];
} bad_varints[] = {
    { "zero, padded", 2, { 0x80, 0x00 } },
    { "127, padded", 2, { 0xff, 0x00 } },
    { "zero, padded to 10 bytes",
      10,
      { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00 } },
    { "one bit too many", 10, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02 } },
    { "65 bits", 10, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x03 } },
    { "11 bytes", 11, { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x81, 0x00 } },
};

START_TEST(a_varint_that_is_not_canonical_or_too_long_is_refused)
    {
        struct cull__cursor cursor = cull__cursor(bad_varints[_i].bytes, bad_varints[_i].len);

        ck_assert_uint_eq(cull__cursor_varint(&cursor), 0);
        ck_assert_msg(cursor.failed, "%s", bad_varints[_i].name);
    }
END_TEST

START_TEST(a_varint_is_bounded_by_the_reader)
    {
        static const uint8_t bytes[] = { 0xe8, 0x07 }; /* 1000 */
        struct cull__cursor cursor = cull__cursor(bytes, sizeof bytes);

        ck_assert_uint_eq(cull__cursor_varint_max(&cursor, 1000), 1000);
        ck_assert(!cursor.failed);
        cursor = cull__cursor(bytes, sizeof bytes);
        ck_assert_uint_eq(cull__cursor_varint_max(&cursor, 999), 0);
        ck_assert(cursor.failed);
    }
END_TEST

/* --- buffers and cursors ------------------------------------------------------------------ */

START_TEST(numbers_are_little_endian_and_read_back)
    {
        static const uint8_t want[] = { 0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f,
                                        0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08 };
        struct cull__buf buf = CULL__BUF_INIT(cull_allocator_default());
        struct cull__cursor cursor;

        cull__buf_u8(&buf, 0x01);
        cull__buf_u16(&buf, 0x0203);
        cull__buf_u32(&buf, 0x04050607);
        cull__buf_u64(&buf, UINT64_C(0x08090a0b0c0d0e0f));
        ck_assert_uint_eq(buf.len, sizeof want);
        ck_assert_mem_eq(buf.data, want, sizeof want);

        cursor = cull__cursor(buf.data, buf.len);
        ck_assert_uint_eq(cull__cursor_u8(&cursor), 0x01);
        ck_assert_uint_eq(cull__cursor_u16(&cursor), 0x0203);
        ck_assert_uint_eq(cull__cursor_u32(&cursor), 0x04050607);
        ck_assert(!cull__cursor_done(&cursor));
        ck_assert_uint_eq(cull__cursor_u64(&cursor), UINT64_C(0x08090a0b0c0d0e0f));
        ck_assert(cull__cursor_done(&cursor));
        cull__buf_release(&buf);
    }
END_TEST

START_TEST(a_cursor_that_failed_gives_zeros_for_ever)
    {
        static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
        struct cull__cursor cursor = cull__cursor(bytes, sizeof bytes);
        size_t len = 1;

        ck_assert_ptr_eq(cull__cursor_take(&cursor, 8), bytes);
        ck_assert(cull__cursor_done(&cursor));
        ck_assert_ptr_null(cull__cursor_take(&cursor, 1));
        cursor = cull__cursor(bytes, sizeof bytes);
        ck_assert_ptr_null(cull__cursor_take(&cursor, 9));
        ck_assert_uint_eq(cull__cursor_left(&cursor), 8); /* nothing was taken, but: */
        ck_assert_ptr_null(cull__cursor_take(&cursor, 0));
        ck_assert_uint_eq(cull__cursor_u8(&cursor), 0);
        ck_assert_uint_eq(cull__cursor_u16(&cursor), 0);
        ck_assert_uint_eq(cull__cursor_u32(&cursor), 0);
        ck_assert_uint_eq(cull__cursor_u64(&cursor), 0);
        ck_assert_uint_eq(cull__cursor_varint(&cursor), 0);
        ck_assert_uint_eq(cull__cursor_count(&cursor, 1, 100), 0);
        ck_assert_str_eq(cull__cursor_text(&cursor, &len, 100), "");
        ck_assert_uint_eq(len, 0);
        ck_assert(!cull__cursor_done(&cursor));
    }
END_TEST

START_TEST(a_number_cut_short_is_refused)
    {
        static const uint8_t bytes[8] = { 1 };

        for (size_t len = 0; len < 8; len++) {
            struct cull__cursor cursor = cull__cursor(bytes, len);

            ck_assert_uint_eq(cull__cursor_u64(&cursor), 0);
            ck_assert(cursor.failed);
            cursor = cull__cursor(bytes, len);
            ck_assert_uint_eq(cull__cursor_u32(&cursor), len < 4 ? 0 : 1);
            ck_assert_int_eq(cursor.failed, len < 4);
            cursor = cull__cursor(bytes, len);
            ck_assert_uint_eq(cull__cursor_u16(&cursor), len < 2 ? 0 : 1);
            ck_assert_int_eq(cursor.failed, len < 2);
        }
    }
END_TEST

static const struct {
    const char *name;
    uint8_t count;
    size_t each;
    size_t max;
    bool want;
} count_cases[] = {
    { "as many as there are bytes", 6, 1, 100, true },
    { "one more than there are bytes", 7, 1, 100, false },
    { "pairs that fit", 3, 2, 100, true },
    { "pairs that do not fit", 4, 2, 100, false },
    { "at the limit", 6, 1, 6, true },
    { "over the limit", 6, 1, 5, false },
    { "none of something large", 0, SIZE_MAX, 0, true },
    { "one of something large", 1, SIZE_MAX, 100, false },
};

START_TEST(a_count_promises_no_more_than_the_input_can_hold)
    {
        const uint8_t bytes[7] = { count_cases[_i].count };
        struct cull__cursor cursor = cull__cursor(bytes, sizeof bytes);
        size_t count = cull__cursor_count(&cursor, count_cases[_i].each, count_cases[_i].max);

        ck_assert_msg(cursor.failed == !count_cases[_i].want, "%s", count_cases[_i].name);
        ck_assert_uint_eq(count, count_cases[_i].want ? count_cases[_i].count : 0);
    }
END_TEST

static const struct {
    const char *name;
    const char *text;
    size_t len;
    size_t max;
    bool want;
} text_cases[] = {
    { "empty", "", 0, 0, true },
    { "at the limit", "abc", 3, 3, true },
    { "over the limit", "abc", 3, 2, false },
    { "NUL inside", "a\0b", 3, 3, false },
    { "NUL at the end", "ab", 3, 3, false },
    { "any other byte", "\x01\xff\n", 3, 3, true },
};

START_TEST(text_is_bounded_and_holds_no_nul)
    {
        struct cull__buf buf = CULL__BUF_INIT(cull_allocator_default());
        struct cull__cursor cursor;
        const char *text;
        size_t len = 99;

        cull__buf_text(&buf, text_cases[_i].text, text_cases[_i].len);
        cursor = cull__cursor(buf.data, buf.len);
        text = cull__cursor_text(&cursor, &len, text_cases[_i].max);
        ck_assert_msg(cull__cursor_done(&cursor) == text_cases[_i].want, "%s", text_cases[_i].name);
        ck_assert_uint_eq(len, text_cases[_i].want ? text_cases[_i].len : 0);
        ck_assert_mem_eq(text, text_cases[_i].text, len);

        cursor = cull__cursor(buf.data, buf.len - 1); /* one byte short */
        (void)cull__cursor_text(&cursor, &len, text_cases[_i].max);
        ck_assert(cursor.failed);
        cull__buf_release(&buf);
    }
END_TEST

START_TEST(a_buffer_keeps_what_it_holds_while_it_grows)
    {
        struct failing_allocator failing;
        struct cull__buf buf;

        failing_allocator_init(&failing, 0);
        buf = (struct cull__buf)CULL__BUF_INIT(&failing.allocator);
        for (uint32_t i = 0; i < 10000; i++) {
            cull__buf_u32(&buf, i);
            ck_assert_uint_le(buf.len, buf.capacity);
        }
        cull__buf_put(&buf, NULL, 0);
        ck_assert(!buf.failed);
        ck_assert_uint_eq(buf.len, 40000);
        ck_assert_uint_lt(failing.calls, 40); /* amortised, not once a number */
        for (uint32_t i = 0; i < 10000; i++) {
            struct cull__cursor cursor = cull__cursor(buf.data + 4 * (size_t)i, 4);

            ck_assert_uint_eq(cull__cursor_u32(&cursor), i);
        }
        cull__buf_clear(&buf);
        ck_assert_uint_eq(buf.len, 0);
        ck_assert_uint_ge(buf.capacity, 40000);
        cull__buf_release(&buf);
        cull__buf_release(&buf); /* again is harmless */
        ck_assert_int_eq(failing.live, 0);
    }
END_TEST

START_TEST(a_buffer_without_memory_fails_once_and_stays_failed_until_cleared)
    {
        bool failed = true;
        uint64_t fail_at;

        for (fail_at = 1; failed; fail_at++) {
            struct failing_allocator failing;
            struct cull__buf buf;

            failing_allocator_init(&failing, fail_at);
            buf = (struct cull__buf)CULL__BUF_INIT(&failing.allocator);
            for (uint64_t i = 0; i < 1000; i++) {
                cull__buf_u64(&buf, i);
            }
            failed = buf.failed;
            if (failed) {
                size_t len = buf.len;

                failing.fail_at = 0; /* memory is back, what was lost is not */
                cull__buf_u64(&buf, 1);
                ck_assert_uint_eq(buf.len, len);
                ck_assert(buf.failed);
                cull__buf_clear(&buf);
                cull__buf_u64(&buf, 1);
                ck_assert_uint_eq(buf.len, 8);
                ck_assert(!buf.failed);
            }
            cull__buf_release(&buf);
            ck_assert_int_eq(failing.live, 0);
        }
        ck_assert_uint_gt(fail_at, 3);
    }
END_TEST

START_TEST(a_length_that_overflows_fails_the_buffer_and_asks_for_nothing)
    {
        struct failing_allocator failing;
        struct cull__buf buf;

        failing_allocator_init(&failing, 0);
        buf = (struct cull__buf)CULL__BUF_INIT(&failing.allocator);
        cull__buf_u8(&buf, 1);
        ck_assert_ptr_null(cull__buf_room(&buf, SIZE_MAX));
        ck_assert(buf.failed);
        ck_assert_uint_eq(failing.calls, 1);
        cull__buf_release(&buf);
    }
END_TEST

/* --- bit sets ----------------------------------------------------------------------------- */

START_TEST(bits_on_both_sides_of_a_word_are_apart)
    {
        struct cull__bits bits = CULL__BITS_INIT(cull_allocator_default());

        ck_assert_int_eq(cull__bits_resize(&bits, 130), CULL_OK);
        for (size_t bit = 0; bit < 130; bit++) {
            ck_assert(!cull__bit_get(bits.words, bit));
            cull__bit_set(bits.words, bit);
            for (size_t other = 0; other < 130; other++) {
                ck_assert_int_eq(cull__bit_get(bits.words, other), other == bit);
            }
            cull__bit_clear(bits.words, bit);
        }
        cull__bits_release(&bits);
    }
END_TEST

START_TEST(bits_that_come_back_are_zero)
    {
        static const size_t shorter[] = { 0, 1, 63, 64, 65, 127, 128, 129, 199 };

        for (size_t i = 0; i < ARRAY_LEN(shorter); i++) {
            struct cull__bits bits = CULL__BITS_INIT(cull_allocator_default());

            ck_assert_int_eq(cull__bits_resize(&bits, 200), CULL_OK);
            for (size_t bit = 0; bit < 200; bit++) {
                cull__bit_set(bits.words, bit);
            }
            ck_assert_int_eq(cull__bits_resize(&bits, shorter[i]), CULL_OK);
            ck_assert_int_eq(cull__bits_resize(&bits, 1000), CULL_OK);
            for (size_t bit = 0; bit < 1000; bit++) {
                ck_assert_int_eq(cull__bit_get(bits.words, bit), bit < shorter[i]);
            }
            cull__bits_release(&bits);
        }
    }
END_TEST

START_TEST(bits_without_memory_stay_as_they_were)
    {
        struct failing_allocator failing;
        struct cull__bits bits;

        failing_allocator_init(&failing, 2);
        bits = (struct cull__bits)CULL__BITS_INIT(&failing.allocator);
        ck_assert_int_eq(cull__bits_resize(&bits, 10), CULL_OK);
        cull__bit_set(bits.words, 9);
        ck_assert_int_eq(cull__bits_resize(&bits, 1000000), CULL_E_NOMEM);
        ck_assert_uint_eq(bits.count, 10);
        ck_assert(cull__bit_get(bits.words, 9));
        cull__bits_release(&bits);
        ck_assert_int_eq(failing.live, 0);
    }
END_TEST

START_TEST(a_bit_needs_a_word_and_the_next_64_need_no_other)
    {
        ck_assert_uint_eq(cull__bits_words(0), 0);
        ck_assert_uint_eq(cull__bits_words(1), 1);
        ck_assert_uint_eq(cull__bits_words(64), 1);
        ck_assert_uint_eq(cull__bits_words(65), 2);
    }
END_TEST

/* --- errors ------------------------------------------------------------------------------- */

START_TEST(every_status_has_a_phrase_of_its_own)
    {
        for (int status = CULL_OK; status <= CULL_E_LIMIT; status++) {
            const char *text = cull_strerror((cull_status)status);

            ck_assert_str_ne(text, "unknown status");
            for (int other = CULL_OK; other < status; other++) {
                ck_assert_str_ne(text, cull_strerror((cull_status)other));
            }
        }
        ck_assert_str_eq(cull_strerror((cull_status)(CULL_E_LIMIT + 1)), "unknown status");
        ck_assert_str_eq(cull_strerror((cull_status)-1), "unknown status");
    }
END_TEST

START_TEST(the_version_is_the_headers)
    {
        char want[32];

        (void)snprintf(want, sizeof want, "%d.%d.%d", CULL_VERSION_MAJOR, CULL_VERSION_MINOR,
                       CULL_VERSION_PATCH);
        ck_assert_str_eq(cull_version(), want);
    }
END_TEST

START_TEST(an_error_is_returned_and_written_down_if_somebody_asks)
    {
        cull_error err = { CULL_OK, "" };

        ck_assert_int_eq(cull__error_set(NULL, CULL_E_BUSY, "%s", "x"), CULL_E_BUSY);
        ck_assert_int_eq(cull__error_set(&err, CULL_E_NOTFOUND, "%s:v%d: no such version", "m", 3),
                         CULL_E_NOTFOUND);
        ck_assert_int_eq(err.status, CULL_E_NOTFOUND);
        ck_assert_str_eq(err.message, "m:v3: no such version");
        ck_assert_int_eq(cull__error_nomem(NULL), CULL_E_NOMEM);
        ck_assert_int_eq(cull__error_nomem(&err), CULL_E_NOMEM);
        ck_assert_str_eq(err.message, "out of memory");
    }
END_TEST

START_TEST(a_line_that_is_too_long_is_cut_at_a_character)
    {
        const size_t longest = CULL_ERROR_MESSAGE_MAX - 1;

        for (size_t ascii = longest - 8; ascii <= longest; ascii++) {
            char text[CULL_ERROR_MESSAGE_MAX + 32];
            cull_error err;
            size_t len;

            memset(text, 'a', ascii);
            (void)snprintf(text + ascii, sizeof text - ascii, "%s",
                           "\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9"); /* 3, 4 and 2 bytes */
            (void)cull__error_set(&err, CULL_E_INVALID, "%s", text);
            len = strlen(err.message);
            ck_assert_uint_le(len, longest);
            ck_assert_uint_gt(len, longest - 4);
            ck_assert_uint_eq(cull__utf8_valid_len(err.message, len), len);
            ck_assert_mem_eq(err.message, text, len);
            (void)cull__error_errno(&err, ENOENT, "%s", text);
            len = strlen(err.message);
            ck_assert_uint_eq(cull__utf8_valid_len(err.message, len), len);
        }
    }
END_TEST

static const struct {
    int code;
    cull_status want;
} errno_cases[] = {
    { ENOSPC, CULL_E_NOSPACE }, { EDQUOT, CULL_E_NOSPACE }, { ENOMEM, CULL_E_NOMEM },
    { EACCES, CULL_E_IO },      { EIO, CULL_E_IO },         { EROFS, CULL_E_IO },
};

START_TEST(the_system_s_reason_stands_at_the_end_of_the_line)
    {
        char long_name[2 * CULL_ERROR_MESSAGE_MAX];
        char want[256];
        cull_error err;
        const char *end;

        ck_assert_int_eq(cull__error_errno(NULL, errno_cases[_i].code, "x"), errno_cases[_i].want);
        ck_assert_int_eq(cull__error_errno(&err, errno_cases[_i].code, "%s", "dir/file"),
                         errno_cases[_i].want);
        ck_assert_int_eq(err.status, errno_cases[_i].want);
        (void)snprintf(want, sizeof want, "dir/file: %s", strerror(errno_cases[_i].code));
        ck_assert_str_eq(err.message, want);

        memset(long_name, 'a', sizeof long_name - 1);
        long_name[sizeof long_name - 1] = '\0';
        (void)cull__error_errno(&err, errno_cases[_i].code, "%s", long_name);
        end = strrchr(err.message, ':');
        ck_assert_ptr_nonnull(end); /* also where the name alone would fill it */
        ck_assert_str_eq(end + 2, strerror(errno_cases[_i].code));
    }
END_TEST

static jmp_buf assert_jump;
static const char *assert_expression;

static void assert_jumps(const char *expression, const char *file, int line)
{
    (void)file;
    ck_assert_int_gt(line, 0);
    assert_expression = expression;
    longjmp(assert_jump, 1);
}

START_TEST(a_failed_assertion_calls_the_handler_of_the_host)
    {
        volatile int one = 1;

        assert_expression = NULL;
        cull_set_assert_handler(assert_jumps);
        if (setjmp(assert_jump) == 0) {
            CULL_ASSERT(one == 1);
            ck_assert_ptr_null(assert_expression);
            CULL_ASSERT(one == 2);
            ck_abort_msg("the assertion returned");
        }
        cull_set_assert_handler(NULL);
        ck_assert_str_eq(assert_expression, "one == 2");
    }
END_TEST

START_TEST(a_failed_assertion_aborts_without_a_handler)
    {
        ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr)); /* its line is no failure */
        CULL_ASSERT(_i == 1);
    }
END_TEST

/* --- names -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *bytes;
    size_t len;
    size_t valid;
    const char *printable;
} names[] = {
    { "nothing", "", 0, 0, "" },
    { "plain", "a/b c", 5, 5, "a/b c" },
    { "a newline", "a\nb", 3, 3, "a\\x0ab" },
    { "an escape", "\x1b[2J", 4, 4, "\\x1b[2J" },
    { "NUL", "a\0b", 3, 3, "a\\x00b" },
    { "the last control", "\x1f ", 2, 2, "\\x1f " },
    { "DEL", "~\x7f", 2, 2, "~\\x7f" },
    { "first of 2 bytes, a control", "\xc2\x80", 2, 2, "\\xc2\\x80" },
    { "a control that terminals obey", "\xc2\x9b", 2, 2, "\\xc2\\x9b" },
    { "the last control of 2 bytes", "\xc2\x9f", 2, 2, "\\xc2\\x9f" },
    { "a mark of direction, of 2 bytes", "\xd8\x9c", 2, 2, "\\xd8\\x9c" },
    { "before the marks", "\xe2\x80\x8a", 3, 3, "\xe2\x80\x8a" },
    { "the first mark", "\xe2\x80\x8b", 3, 3, "\\xe2\\x80\\x8b" },
    { "a mark of direction", "\xe2\x80\x8f", 3, 3, "\\xe2\\x80\\x8f" },
    { "after the first marks", "\xe2\x80\x90", 3, 3, "\xe2\x80\x90" },
    { "before the line breaks", "\xe2\x80\xa7", 3, 3, "\xe2\x80\xa7" },
    { "a line break", "\xe2\x80\xa8", 3, 3, "\\xe2\\x80\\xa8" },
    { "an override of direction",
      "a\xe2\x80\xae"
      "b",
      5, 5, "a\\xe2\\x80\\xaeb" },
    { "after the overrides", "\xe2\x80\xaf", 3, 3, "\xe2\x80\xaf" },
    { "before the isolates", "\xe2\x81\x9f", 3, 3, "\xe2\x81\x9f" },
    { "a joiner", "\xe2\x81\xa0", 3, 3, "\\xe2\\x81\\xa0" },
    { "the last isolate", "\xe2\x81\xa9", 3, 3, "\\xe2\\x81\\xa9" },
    { "after the marks", "\xe2\x81\xb0", 3, 3, "\xe2\x81\xb0" },
    { "a byte order mark", "\xef\xbb\xbf", 3, 3, "\\xef\\xbb\\xbf" },
    { "first of 2 bytes to see", "\xc2\xa0", 2, 2, "\xc2\xa0" },
    { "last of 2 bytes", "\xdf\xbf", 2, 2, "\xdf\xbf" },
    { "first of 3 bytes", "\xe0\xa0\x80", 3, 3, "\xe0\xa0\x80" },
    { "last of 3 bytes", "\xef\xbf\xbf", 3, 3, "\xef\xbf\xbf" },
    { "first of 4 bytes", "\xf0\x90\x80\x80", 4, 4, "\xf0\x90\x80\x80" },
    { "last of all", "\xf4\x8f\xbf\xbf", 4, 4, "\xf4\x8f\xbf\xbf" },
    { "before the surrogates", "\xed\x9f\xbf", 3, 3, "\xed\x9f\xbf" },
    { "after the surrogates", "\xee\x80\x80", 3, 3, "\xee\x80\x80" },
    { "a surrogate", "a\xed\xa0\x80", 4, 1, "a\\xed\\xa0\\x80" },
    { "past the last", "\xf4\x90\x80\x80", 4, 0, "\\xf4\\x90\\x80\\x80" },
    { "no such lead", "\xf5\x80\x80\x80", 4, 0, "\\xf5\\x80\\x80\\x80" },
    { "overlong, 2 bytes", "\xc1\xbf", 2, 0, "\\xc1\\xbf" },
    { "overlong, 3 bytes", "\xe0\x9f\xbf", 3, 0, "\\xe0\\x9f\\xbf" },
    { "overlong, 4 bytes", "\xf0\x8f\xbf\xbf", 4, 0, "\\xf0\\x8f\\xbf\\xbf" },
    { "a lone continuation", "a\x80z", 3, 1, "a\\x80z" },
    { "cut after 1 of 2", "a\xc3", 2, 1, "a\\xc3" },
    { "cut after 2 of 3", "a\xe2\x82", 3, 1, "a\\xe2\\x82" },
    { "cut after 3 of 4", "a\xf0\x9f\x98", 4, 1, "a\\xf0\\x9f\\x98" },
    { "third byte is wrong", "\xe2\x82z", 3, 0, "\\xe2\\x82z" },
    { "fourth byte is wrong", "\xf0\x9f\x98z", 4, 0, "\\xf0\\x9f\\x98z" },
    { "0xff and 0xfe", "\xff\xfe", 2, 0, "\\xff\\xfe" },
};

START_TEST(a_name_is_valid_up_to_here_and_is_printed_so)
    {
        char text[CULL_PRINTABLE_MAX];

        ck_assert_msg(cull__utf8_valid_len(names[_i].bytes, names[_i].len) == names[_i].valid,
                      "%s: valid for %zu bytes", names[_i].name,
                      cull__utf8_valid_len(names[_i].bytes, names[_i].len));
        ck_assert_ptr_eq(cull__printable(text, names[_i].bytes, names[_i].len), text);
        ck_assert_msg(strcmp(text, names[_i].printable) == 0, "%s: %s", names[_i].name, text);
    }
END_TEST

START_TEST(a_long_name_is_cut_between_characters_and_says_so)
    {
        static const char *const repeated[] = { "a", "\n", "\xc3\xa9", "\xe2\x82\xac",
                                                "\xf0\x9f\x98\x80" };

        for (size_t i = 0; i < ARRAY_LEN(repeated); i++) {
            char bytes[4096];
            char text[CULL_PRINTABLE_MAX];
            const size_t step = strlen(repeated[i]);
            bool was_cut = false;

            for (size_t len = 0; len + step < sizeof bytes; len += step) {
                size_t printed;

                memcpy(bytes + len, repeated[i], step);
                (void)cull__printable(text, bytes, len + step);
                printed = strlen(text);
                ck_assert_uint_lt(printed, sizeof text);
                ck_assert_uint_eq(cull__utf8_valid_len(text, printed), printed);
                if (printed >= 3 && strcmp(text + printed - 3, "...") == 0) {
                    was_cut = true;
                } else {
                    ck_assert(!was_cut); /* once too long, always too long */
                }
            }
            ck_assert(was_cut);
        }
    }
END_TEST

/* --- memory ------------------------------------------------------------------------------- */

START_TEST(a_product_that_overflows_never_reaches_the_allocator)
    {
        struct failing_allocator failing;
        const cull_allocator *allocator = &failing.allocator;

        failing_allocator_init(&failing, 0);
        ck_assert_ptr_null(cull__alloc(allocator, SIZE_MAX, 2));
        ck_assert_ptr_null(cull__alloc(allocator, 2, SIZE_MAX));
        ck_assert_ptr_null(cull__alloc(allocator, SIZE_MAX / 8 + 1, 8));
        ck_assert_ptr_null(cull__alloc_zero(allocator, SIZE_MAX / 8 + 1, 8));
        ck_assert_ptr_null(cull__realloc(allocator, NULL, SIZE_MAX / 8 + 1, 8));
        ck_assert_ptr_null(cull__strndup(allocator, "", SIZE_MAX));
        ck_assert_uint_eq(failing.calls, 0);
    }
END_TEST

START_TEST(nothing_is_a_block_too_so_that_null_means_no_memory)
    {
        const cull_allocator *allocator = cull_allocator_default();
        void *blocks[] = { cull__alloc(allocator, 0, 8), cull__alloc(allocator, 8, 0),
                           cull__alloc_zero(allocator, 0, 0),
                           cull__realloc(allocator, NULL, 0, 1) };

        for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
            ck_assert_ptr_nonnull(blocks[i]);
            cull__free(allocator, blocks[i]);
        }
        cull__free(allocator, NULL);
    }
END_TEST

START_TEST(a_zeroed_block_is_zero_and_a_copy_of_text_is_terminated)
    {
        static const uint8_t zero[64];
        const cull_allocator *allocator = cull_allocator_default();
        void *block = cull__alloc_zero(allocator, 8, 8);
        char *text = cull__strndup(allocator, "abcdef", 3);

        ck_assert_ptr_nonnull(block);
        ck_assert_mem_eq(block, zero, sizeof zero);
        ck_assert_str_eq(text, "abc");
        cull__free(allocator, block);
        cull__free(allocator, text);
    }
END_TEST

static const struct {
    const char *name;
    size_t capacity;
    size_t want;
    cull_status status;
    size_t after;
} reserve_cases[] = {
    { "nothing wanted", 0, 0, CULL_OK, 0 },
    { "enough already", 5, 5, CULL_OK, 5 },
    { "the first", 0, 1, CULL_OK, 16 },
    { "at least 16", 4, 5, CULL_OK, 16 },
    { "by half", 100, 101, CULL_OK, 150 },
    { "more than half", 100, 151, CULL_OK, 151 },
    { "past 32 bits", 100, (size_t)UINT32_MAX + 1, CULL_E_LIMIT, 100 },
};

START_TEST(room_grows_by_half_and_has_a_limit)
    {
        struct failing_allocator failing;
        size_t capacity = reserve_cases[_i].capacity;
        void *block;

        failing_allocator_init(&failing, 0);
        block = cull__alloc(&failing.allocator, capacity, 1);
        ck_assert_msg(cull__reserve(&failing.allocator, &block, &capacity, reserve_cases[_i].want,
                                    1) == reserve_cases[_i].status,
                      "%s", reserve_cases[_i].name);
        ck_assert_msg(capacity == reserve_cases[_i].after, "%s: %zu", reserve_cases[_i].name,
                      capacity);
        cull__free(&failing.allocator, block);
        ck_assert_int_eq(failing.live, 0);
    }
END_TEST

START_TEST(room_that_cannot_grow_keeps_block_and_capacity)
    {
        struct failing_allocator failing;
        size_t capacity = 0;
        void *block = NULL;
        void *before;

        failing_allocator_init(&failing, 2);
        ck_assert_int_eq(cull__reserve(&failing.allocator, &block, &capacity, 10, 4), CULL_OK);
        before = block;
        ck_assert_int_eq(cull__reserve(&failing.allocator, &block, &capacity, 17, 4), CULL_E_NOMEM);
        ck_assert_ptr_eq(block, before);
        ck_assert_uint_eq(capacity, 16);
        cull__free(&failing.allocator, block);
        ck_assert_int_eq(failing.live, 0);
    }
END_TEST

/* Blocks of several sizes, each filled with its number. */
START_TEST(blocks_of_slabs_are_aligned_and_apart)
    {
        enum { BLOCKS = 600 };
        static const size_t sizes[] = { 64, 65536, 16384, 131072 };
        struct cull__slabs slabs = { 0 };
        uint8_t *blocks[BLOCKS];
        uint64_t bytes = 0;

        for (size_t i = 0; i < BLOCKS; i++) {
            size_t len = sizes[i % ARRAY_LEN(sizes)];

            blocks[i] = cull__slabs_block(&slabs, len, bytes, cull_allocator_default());
            ck_assert(blocks[i] != NULL && (uintptr_t)blocks[i] % 64 == 0);
            memset(blocks[i], (int)(i % 251), len);
            bytes += len;
            ck_assert(cull__slabs_memory(&slabs) >= bytes);
            ck_assert(cull__slabs_memory(&slabs) <= bytes + bytes / 8 + CULL__SLABS_FROM_BYTES / 4);
        }
        for (size_t i = 0; i < BLOCKS; i++) {
            ck_assert(blocks[i][0] == i % 251);
            ck_assert(blocks[i][sizes[i % ARRAY_LEN(sizes)] - 1] == i % 251);
        }
        cull__slabs_release(&slabs, cull_allocator_default());
        ck_assert(cull__slabs_memory(&slabs) == 0);
    }
END_TEST

START_TEST(slabs_without_memory_give_nothing_and_keep_what_is_there)
    {
        for (uint64_t n = 1; n <= 2; n++) {
            struct failing_allocator failing;
            struct cull__slabs slabs = { 0 };
            void *block;

            failing_allocator_init(&failing, n);
            ck_assert(cull__slabs_block(&slabs, 64, 64, &failing.allocator) == NULL);
            failing.fail_at = 0;
            block = cull__slabs_block(&slabs, 64, 64, &failing.allocator);
            ck_assert(block != NULL);
            cull__slabs_release(&slabs, &failing.allocator);
            ck_assert_int_eq(failing.live, 0);
        }
    }
END_TEST

static void *mask_of_thread(void *ctx)
{
    (void)pthread_sigmask(SIG_SETMASK, NULL, ctx);
    return NULL;
}

START_TEST(threads_of_our_own_take_no_signals)
    {
        sigset_t inside;
        sigset_t before;
        sigset_t after;
        pthread_t thread;

        (void)pthread_sigmask(SIG_SETMASK, NULL, &before);
        ck_assert(cull__thread_start(&thread, mask_of_thread, &inside));
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_int_eq(sigismember(&inside, SIGTERM), 1);
        ck_assert_int_eq(sigismember(&inside, SIGINT), 1);
        (void)pthread_sigmask(SIG_SETMASK, NULL, &after);
        ck_assert_int_eq(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
        ck_assert_int_eq(sigismember(&after, SIGINT), sigismember(&before, SIGINT));
    }
END_TEST

START_TEST(a_sum_is_told_or_refused)
    {
        uint64_t sum = 7;

        ck_assert(cull__add_u64(&sum, UINT64_MAX - 1, 1));
        ck_assert_uint_eq(sum, UINT64_MAX);
        ck_assert(cull__add_u64(&sum, 0, 0));
        ck_assert_uint_eq(sum, 0);
        sum = 7;
        ck_assert(!cull__add_u64(&sum, UINT64_MAX, 1));
        ck_assert(!cull__add_u64(&sum, 1, UINT64_MAX));
        ck_assert_uint_eq(sum, 7);
    }
END_TEST

/* --- suite -------------------------------------------------------------------------------- */

static TCase *bytes_case(void)
{
    TCase *tc = tcase_create("bytes");

    tcase_add_loop_test(tc, a_varint_has_these_bytes_and_no_prefix_of_them_is_one, 0,
                        (int)ARRAY_LEN(varints));
    tcase_add_loop_test(tc, a_varint_that_is_not_canonical_or_too_long_is_refused, 0,
                        (int)ARRAY_LEN(bad_varints));
    tcase_add_test(tc, a_varint_is_bounded_by_the_reader);
    tcase_add_test(tc, numbers_are_little_endian_and_read_back);
    tcase_add_test(tc, a_cursor_that_failed_gives_zeros_for_ever);
    tcase_add_test(tc, a_number_cut_short_is_refused);
    tcase_add_loop_test(tc, a_count_promises_no_more_than_the_input_can_hold, 0,
                        (int)ARRAY_LEN(count_cases));
    tcase_add_loop_test(tc, text_is_bounded_and_holds_no_nul, 0, (int)ARRAY_LEN(text_cases));
    tcase_add_test(tc, a_buffer_keeps_what_it_holds_while_it_grows);
    tcase_add_test(tc, a_buffer_without_memory_fails_once_and_stays_failed_until_cleared);
    tcase_add_test(tc, a_length_that_overflows_fails_the_buffer_and_asks_for_nothing);
    return tc;
}

static TCase *bits_case(void)
{
    TCase *tc = tcase_create("bits");

    tcase_add_test(tc, bits_on_both_sides_of_a_word_are_apart);
    tcase_add_test(tc, bits_that_come_back_are_zero);
    tcase_add_test(tc, bits_without_memory_stay_as_they_were);
    tcase_add_test(tc, a_bit_needs_a_word_and_the_next_64_need_no_other);
    return tc;
}

static TCase *errors_case(void)
{
    TCase *tc = tcase_create("errors");
    const char *fork_mode = getenv("CK_FORK");

    tcase_add_test(tc, every_status_has_a_phrase_of_its_own);
    tcase_add_test(tc, the_version_is_the_headers);
    tcase_add_test(tc, an_error_is_returned_and_written_down_if_somebody_asks);
    tcase_add_test(tc, a_line_that_is_too_long_is_cut_at_a_character);
    tcase_add_loop_test(tc, the_system_s_reason_stands_at_the_end_of_the_line, 0,
                        (int)ARRAY_LEN(errno_cases));
    tcase_add_test(tc, a_failed_assertion_calls_the_handler_of_the_host);
    if (fork_mode == NULL || strcmp(fork_mode, "no") != 0) { /* it would end the runner */
        tcase_add_test_raise_signal(tc, a_failed_assertion_aborts_without_a_handler, SIGABRT);
    }
    tcase_add_loop_test(tc, a_name_is_valid_up_to_here_and_is_printed_so, 0, (int)ARRAY_LEN(names));
    tcase_add_test(tc, a_long_name_is_cut_between_characters_and_says_so);
    return tc;
}

static TCase *memory_case(void)
{
    TCase *tc = tcase_create("memory");

    tcase_add_test(tc, a_product_that_overflows_never_reaches_the_allocator);
    tcase_add_test(tc, nothing_is_a_block_too_so_that_null_means_no_memory);
    tcase_add_test(tc, a_zeroed_block_is_zero_and_a_copy_of_text_is_terminated);
    tcase_add_loop_test(tc, room_grows_by_half_and_has_a_limit, 0, (int)ARRAY_LEN(reserve_cases));
    tcase_add_test(tc, room_that_cannot_grow_keeps_block_and_capacity);
    tcase_add_test(tc, blocks_of_slabs_are_aligned_and_apart);
    tcase_add_test(tc, slabs_without_memory_give_nothing_and_keep_what_is_there);
    tcase_add_test(tc, threads_of_our_own_take_no_signals);
    tcase_add_test(tc, a_sum_is_told_or_refused);
    return tc;
}

Suite *base_suite(void)
{
    Suite *suite = suite_create("base");

    suite_add_tcase(suite, bytes_case());
    suite_add_tcase(suite, bits_case());
    suite_add_tcase(suite, errors_case());
    suite_add_tcase(suite, memory_case());
    return suite;
}
