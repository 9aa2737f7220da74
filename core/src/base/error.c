/*
 * error.c - statuses, error lines, assertions, printable names.
 *
 * SHAPE     An error is a status and one line in a buffer of the caller's: failing allocates
 *           nothing and touches no global.
 * FAILURE   Too long a line is cut at a character, never in the middle of one.
 * THREADS   Any; the assert handler is the one process-wide setting and is set once at start.
 */
#include "base/base_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define STRING_OF_(x) #x
#define STRING_OF(x) STRING_OF_(x)

const char *cull_version(void)
{
    return STRING_OF(CULL_VERSION_MAJOR) "." STRING_OF(CULL_VERSION_MINOR) "." STRING_OF(
        CULL_VERSION_PATCH);
}

const char *cull_strerror(cull_status status)
{
    static const char *const text[] = {
        [CULL_OK] = "ok",
        [CULL_E_NOMEM] = "out of memory",
        [CULL_E_IO] = "input or output failed",
        [CULL_E_NOSPACE] = "no space left",
        [CULL_E_INVALID] = "invalid input",
        [CULL_E_USAGE] = "wrong use",
        [CULL_E_NOTFOUND] = "not found",
        [CULL_E_EXISTS] = "exists already",
        [CULL_E_BUSY] = "busy",
        [CULL_E_REFUSED] = "refused",
        [CULL_E_PARTIAL] = "done in part",
        [CULL_E_DAMAGED] = "damaged",
        [CULL_E_CORRUPT] = "corrupt",
        [CULL_E_TOO_NEW] = "written by a newer version",
        [CULL_E_ENDED] = "the upload has ended",
        [CULL_E_NOT_STORED] = "blobs are not stored",
        [CULL_E_MOVED] = "the log moved on",
        [CULL_E_CANCELLED] = "cancelled",
        [CULL_E_LIMIT] = "over a limit",
    };

    if ((size_t)status >= ARRAY_LEN(text) || text[status] == NULL) {
        return "unknown status";
    }
    return text[status];
}

static cull_assert_fn assert_handler; /* NULL: print and abort */

void cull_set_assert_handler(cull_assert_fn handler)
{
    assert_handler = handler;
}

void cull__assert_failed(const char *expression, const char *file, int line)
{
    if (assert_handler != NULL) {
        assert_handler(expression, file, line);
    } else {
        fprintf(stderr, "cull: %s:%d: assertion failed: %s\n", file, line, expression);
    }
    abort();
}

/* Cut an overlong line at the start of a character. */
static void cut_at_character(char *text, size_t len)
{
    size_t valid = cull__utf8_valid_len(text, len);

    if (valid < len && len - valid < 4) {
        text[valid] = '\0';
    }
}

cull_status(cull__error_set)(cull_error *err, cull_status status, const char *format, ...)
{
    CULL_ASSERT(status != CULL_OK);
    if (err != NULL) {
        va_list args;
        int len;

        err->status = status;
        va_start(args, format);
        len = vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
        if (len >= (int)sizeof err->message) {
            cut_at_character(err->message, sizeof err->message - 1);
        }
    }
    return status;
}

cull_status cull__error_errno(cull_error *err, int code, const char *format, ...)
{
    cull_status status = CULL_E_IO;

    if (code == ENOSPC || code == EDQUOT) {
        status = CULL_E_NOSPACE;
    } else if (code == ENOMEM) {
        status = CULL_E_NOMEM;
    }
    if (err != NULL) {
        char space[128];
        const char *reason = strerror_r(code, space, sizeof space); /* GNU's: a pointer */
        const size_t room = sizeof err->message - strnlen(reason, sizeof space) - 2;
        va_list args;
        int len;

        err->status = status;
        va_start(args, format);
        len = vsnprintf(err->message, room, format, args); /* the reason always fits */
        va_end(args);
        if (len >= (int)room) {
            cut_at_character(err->message, room - 1);
        }
        len = (int)strlen(err->message);
        (void)snprintf(err->message + len, sizeof err->message - (size_t)len, ": %.*s",
                       (int)sizeof space, reason);
    }
    return status;
}

/* Length of the valid UTF-8 sequence at bytes, 0 if there is none. */
static size_t utf8_sequence_len(const unsigned char *bytes, size_t len)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max, count;
    } forms[] = {
        { 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };

    for (size_t form = 0; form < ARRAY_LEN(forms); form++) {
        size_t count = forms[form].count;

        if (bytes[0] < forms[form].first_min || bytes[0] > forms[form].first_max) {
            continue;
        }
        if (count > len || (count > 1 && (bytes[1] < forms[form].second_min ||
                                          bytes[1] > forms[form].second_max))) {
            return 0;
        }
        for (size_t i = 2; i < count; i++) {
            if ((bytes[i] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return count;
    }
    return 0;
}

size_t cull__utf8_valid_len(const char *bytes, size_t len)
{
    size_t at = 0;

    while (at < len) {
        size_t step;
        uint64_t word;

        if (len - at >= sizeof word) { /* eight at once, as long as all are ASCII */
            memcpy(&word, bytes + at, sizeof word);
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof word;
                continue;
            }
        }
        if ((unsigned char)bytes[at] < 0x80) {
            at++;
            continue;
        }
        step = utf8_sequence_len((const unsigned char *)bytes + at, len - at);
        if (step == 0) {
            break;
        }
        at += step;
    }
    return at;
}

/* Characters that change how a line looks and are not seen themselves: U+0080 to U+009F, which
 * terminals obey as they do ESC; marks of direction and of joining, breaks, and the byte order mark,
 * with which one name can be made to look like another. */
static bool is_unseen(const unsigned char *bytes, size_t step)
{
    static const struct {
        unsigned char first, second, third_min, third_max;
    } unseen[] = {
        { 0xe2, 0x80, 0x8b, 0x8f }, /* U+200B to U+200F */
        { 0xe2, 0x80, 0xa8, 0xae }, /* U+2028 to U+202E */
        { 0xe2, 0x81, 0xa0, 0xaf }, /* U+2060 to U+206F */
        { 0xef, 0xbb, 0xbf, 0xbf }, /* U+FEFF */
    };

    if (step == 2) {
        return (bytes[0] == 0xc2 && bytes[1] < 0xa0) || (bytes[0] == 0xd8 && bytes[1] == 0x9c);
    }
    for (size_t i = 0; step == 3 && i < ARRAY_LEN(unseen); i++) {
        if (bytes[0] == unseen[i].first && bytes[1] == unseen[i].second &&
            bytes[2] >= unseen[i].third_min && bytes[2] <= unseen[i].third_max) {
            return true;
        }
    }
    return false;
}

const char *cull__printable(char text[CULL_PRINTABLE_MAX], const char *bytes, size_t len)
{
    size_t out = 0;

    for (size_t at = 0; at < len;) {
        unsigned char c = (unsigned char)bytes[at];
        size_t step = utf8_sequence_len((const unsigned char *)bytes + at, len - at);
        bool is_control = c < 0x20 || c == 0x7f;

        if (is_unseen((const unsigned char *)bytes + at, step)) {
            step = 0; /* byte by byte, for none of the others begins a character */
        }
        if (out + 8 > CULL_PRINTABLE_MAX) {
            memcpy(text + out, "...", 3);
            out += 3;
            break;
        }
        if (is_control || step == 0) {
            (void)snprintf(text + out, CULL_PRINTABLE_MAX - out, "\\x%02x", c);
            out += 4;
            at++;
        } else {
            memcpy(text + out, bytes + at, step);
            out += step;
            at += step;
        }
    }
    text[out] = '\0';
    return text;
}
