/*
 * fuzz_text.c - what people type: the first byte says what the rest, up to a NUL, is.
 *
 *   N  a name, of the defaults "e" and "p"       G  a glob, a newline, a text
 *   L  an alias or tag                           U  a number with a unit: duration, bytes, count
 *
 * PROPERTIES  A name that parses has the parts of its form and nothing else, and parses from them
 *             again. A glob matches what a slower matcher, without a way back, says. Numbers are
 *             those of another reader, and what is written of them reads as the same.
 */
#include "fuzz.h"

#include <string.h>

#include "catalog/catalog.h"
#include "cli/output.h"
#include "cli/units.h"
#include "glob_check.h"

/* --- names ---------------------------------------------------------------------------------- */

static const char name_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

static void check_part(const char *part)
{
    FUZZ_CHECK(part[0] != '\0' && strlen(part) <= CULL_NAME_BYTES_MAX, "a part's length");
    FUZZ_CHECK(strspn(part, name_letters) == strlen(part), "a part's characters");
    FUZZ_CHECK(strcmp(part, ".") != 0 && strcmp(part, "..") != 0, "a part that leads elsewhere");
}

static void try_name(const char *text)
{
    char whole[4 * (CULL_NAME_BYTES_MAX + 2)];
    cull_name name;
    cull_name again;
    cull_error err = { CULL_OK, "" };
    const char *rest;

    if (cull_name_parse(&name, text, "e", "p", &err) != CULL_OK) {
        FUZZ_CHECK(err.status == CULL_E_USAGE && err.message[0] != '\0', "refused without reason");
        FUZZ_CHECK(name.entity[0] == '\0' && name.version[0] == '\0', "refused with a name");
        return;
    }
    check_part(name.entity);
    check_part(name.project);
    check_part(name.collection);
    FUZZ_CHECK(strpbrk(name.version, "/:\n") == NULL, name.version);
    (void)snprintf(whole, sizeof whole, "%s/%s/%s%s%s", name.entity, name.project, name.collection,
                   name.version[0] == '\0' ? "" : ":", name.version);
    /* what was given is an end of the whole */
    FUZZ_CHECK(strlen(text) <= strlen(whole), whole);
    rest = whole + strlen(whole) - strlen(text);
    FUZZ_CHECK(strcmp(rest, text) == 0 && (rest == whole || rest[-1] == '/'), whole);
    FUZZ_CHECK(cull_name_parse(&again, whole, NULL, NULL, &err) == CULL_OK, err.message);
    FUZZ_CHECK(memcmp(&name, &again, sizeof name) == 0, whole);
}

static void try_label(const char *text)
{
    cull_error err = { CULL_OK, "" };
    uint32_t ordinal = 0;
    char again[16];

    if (cull__ordinal_parse(text, &ordinal)) {
        (void)snprintf(again, sizeof again, "v%u", ordinal);
        FUZZ_CHECK(strcmp(again, text) == 0, "an ordinal of two forms");
    }
    if (cull_label_check("alias", text, &err) == CULL_OK) {
        FUZZ_CHECK(!cull__ordinal_parse(text, &ordinal), "an alias that is an ordinal");
        FUZZ_CHECK(text[0] != '\0' && strlen(text) <= CULL_NAME_BYTES_MAX, "its length");
        FUZZ_CHECK(strpbrk(text, "/:\n\t\033\177") == NULL && utf8_valid(text, strlen(text)), text);
    } else {
        FUZZ_CHECK(err.message[0] != '\0', "refused without a reason");
    }
}

/* --- globs ---------------------------------------------------------------------------------- */

static void try_glob(char *text)
{
    char *end = strchr(text, '\n');
    if (end == NULL || strlen(end) > GLOB_CHECK_MAX || end - text > GLOB_CHECK_MAX) {
        return;
    }
    *end = '\0';
    FUZZ_CHECK(cull__glob_match(text, end + 1) == glob_check(text, end + 1), text);
    FUZZ_CHECK(cull__glob_match("*", end + 1), end + 1);
}

/* --- numbers -------------------------------------------------------------------------------- */

/* Digits, exact up to 2^64, where all limits are; false: none. */
static bool wide_digits(long double *out, const char **at)
{
    const char *start = *at;

    *out = 0;
    for (; **at >= '0' && **at <= '9'; ++*at) {
        *out = *out * 10 + (long double)(**at - '0');
    }
    return *at > start;
}

static bool wide_duration(long double *ms, const char *text)
{
    static const char units[] = "smhdw";
    static const uint64_t factors[] = { 1000, 60000, 3600000, 86400000, 604800000 };

    *ms = 0;
    if (strcmp(text, "0") == 0) {
        return true;
    }
    while (*text != '\0') {
        long double value;
        const char *unit;

        if (!wide_digits(&value, &text) || *text == '\0' || (unit = strchr(units, *text)) == NULL) {
            return false;
        }
        *ms += value * (long double)factors[unit - units];
        text++;
    }
    return *ms > 0;
}

static void try_units(const char *text)
{
    char written[UNITS_TEXT_MAX];
    long double wide = 0;
    const char *end = text;
    uint64_t ms = 0;
    uint64_t again = 0;
    uint64_t bytes = 0;
    bool right = wide_duration(&wide, text) && wide <= 0x1p53L;

    if (duration_parse(&ms, text)) {
        FUZZ_CHECK((right && wide == (long double)ms) || ms == 0, text);
        FUZZ_CHECK(duration_parse(&again, duration_human(written, ms)) && again == ms, written);
    } else {
        FUZZ_CHECK(!right, text);
    }
    right = wide_digits(&wide, &end) && *end == '\0' && wide < 0x1p64L;
    FUZZ_CHECK(count_parse(&again, text) == right && (!right || (long double)again == wide), text);
    if (bytes_parse(&bytes, text)) {
        end = text;
        FUZZ_CHECK(bytes <= (uint64_t)1 << 63 && wide_digits(&wide, &end), text);
        FUZZ_CHECK(wide <= (long double)bytes || (bytes == 0 && wide == 0), text);
        FUZZ_CHECK(*end != '\0' || wide == (long double)bytes, text);
        (void)bytes_human(written, bytes);
        FUZZ_CHECK(strlen(written) < 12, written);
    } else {
        FUZZ_CHECK(!right || wide > 0x1p63L, text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text;

    if (len == 0) {
        return 0;
    }
    text = malloc(len);
    if (text == NULL) {
        abort();
    }
    memcpy(text, data + 1, len - 1);
    text[len - 1] = '\0';
    if (data[0] == 'N') {
        try_name(text);
    } else if (data[0] == 'L') {
        try_label(text);
    } else if (data[0] == 'G') {
        try_glob(text);
    } else if (data[0] == 'U') {
        try_units(text);
    }
    free(text);
    return 0;
}
