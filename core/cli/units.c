/*
 * units.c - numbers with units.
 *
 * SHAPE     Pure functions over text; every sum and product is checked before it is made.
 * WHY NOT   strtoull: it takes signs, blanks and numbers that do not fit.
 *           strptime and the locale: what a script writes must mean the same everywhere.
 */
#include "units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DURATION_MS_MAX (UINT64_C(1) << 53)
#define BYTES_MAX (UINT64_C(1) << 63)

/* Digits at *at; false if there is none, or the number does not fit below max. */
static bool digits(uint64_t *out, const char **at, uint64_t max)
{
    uint64_t value = 0;
    const char *text = *at;

    if (*text < '0' || *text > '9') {
        return false;
    }
    for (; *text >= '0' && *text <= '9'; text++) {
        uint64_t digit = (uint64_t)(*text - '0');

        if (value > (max - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    *at = text;
    return true;
}

bool count_parse(uint64_t *out, const char *text)
{
    return digits(out, &text, UINT64_MAX) && *text == '\0';
}

static uint64_t duration_unit_ms(char unit)
{
    switch (unit) {
    case 's':
        return 1000;
    case 'm':
        return UINT64_C(60) * 1000;
    case 'h':
        return UINT64_C(3600) * 1000;
    case 'd':
        return UINT64_C(24) * 3600 * 1000;
    case 'w':
        return UINT64_C(7) * 24 * 3600 * 1000;
    default:
        return 0;
    }
}

bool duration_parse(uint64_t *out_ms, const char *text)
{
    uint64_t sum = 0;

    if (strcmp(text, "0") == 0) {
        *out_ms = 0;
        return true;
    }
    do {
        uint64_t value = 0;
        uint64_t unit_ms = 0;

        if (!digits(&value, &text, DURATION_MS_MAX)) {
            return false;
        }
        unit_ms = duration_unit_ms(*text);
        if (unit_ms == 0 || value > (DURATION_MS_MAX - sum) / unit_ms) {
            return false;
        }
        sum += value * unit_ms;
        text++;
    } while (*text != '\0');
    *out_ms = sum;
    return true;
}

/* The factor of "kB", "MiB", ...; 0 if it is none. */
static uint64_t bytes_unit(const char *text)
{
    static const char letters[] = "kmgt";
    const char *letter;
    uint64_t base = 1000;
    uint64_t unit = 1;

    if (*text == '\0' || strcmp(text, "B") == 0) {
        return 1;
    }
    letter = strchr(letters, *text | 0x20);
    if (letter == NULL) {
        return 0;
    }
    text++;
    if (*text == 'i') {
        base = 1024;
        text++;
    }
    if (*text != '\0' && strcmp(text, "B") != 0) {
        return 0;
    }
    for (const char *at = letters; at <= letter; at++) {
        unit *= base;
    }
    return unit;
}

bool bytes_parse(uint64_t *out, const char *text)
{
    uint64_t whole = 0;
    uint64_t tenths = 0; /* in 10^-places */
    uint64_t scale = 1;
    uint64_t unit;

    if (!digits(&whole, &text, BYTES_MAX)) {
        return false;
    }
    if (*text == '.') {
        const char *start = ++text;

        if (!digits(&tenths, &text, 999999) || text - start > 6) {
            return false;
        }
        for (; start < text; start++) {
            scale *= 10;
        }
    }
    unit = bytes_unit(text);
    if (unit == 0 || whole > BYTES_MAX / unit || (scale > 1 && unit == 1)) {
        return false;
    }
    *out = whole * unit;
    if (scale > 1) {
        uint64_t part = unit / scale * tenths + unit % scale * tenths / scale;

        if (part > BYTES_MAX - *out) {
            return false;
        }
        *out += part;
    }
    return true;
}

const char *bytes_human(char text[UNITS_TEXT_MAX], uint64_t bytes)
{
    static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
    uint64_t tenths; /* of the unit, rounded */
    uint64_t unit = 1000;
    size_t i = 0;

    if (bytes < 1000) {
        (void)snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 " B", bytes);
        return text;
    }
    /* 999.95 of a unit and more would round to 1000.0: the next one says it better */
    while (i + 1 < sizeof(units) / sizeof(units[0]) && bytes / unit >= 999 &&
           bytes - unit * 999 >= unit / 20 * 19) {
        unit *= 1000;
        i++;
    }
    tenths = bytes / (unit / 10) + (bytes % (unit / 10) >= unit / 20 ? 1 : 0);
    (void)snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10,
                   units[i]);
    return text;
}

const char *bytes_at_least(char text[UNITS_TEXT_MAX], uint64_t bytes, bool exact)
{
    char human[UNITS_TEXT_MAX];

    (void)snprintf(text, UNITS_TEXT_MAX, "%s%s", exact ? "" : ">=", bytes_human(human, bytes));
    return text;
}

const char *count_human(char text[UNITS_TEXT_MAX], uint64_t count)
{
    char plain[UNITS_TEXT_MAX];
    int len = snprintf(plain, sizeof(plain), "%" PRIu64, count);
    size_t at = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            text[at++] = ',';
        }
        text[at++] = plain[i];
    }
    text[at] = '\0';
    return text;
}

const char *duration_human(char text[UNITS_TEXT_MAX], uint64_t ms)
{
    static const char letters[] = { 'd', 'h', 'm', 's' };
    uint64_t parts[4];
    size_t at = 0;

    parts[0] = ms / 86400000;
    parts[1] = ms / 3600000 % 24;
    parts[2] = ms / 60000 % 60;
    parts[3] = ms / 1000 % 60;
    text[0] = '\0';
    for (size_t i = 0; i < 4; i++) {
        if (parts[i] != 0) {
            at += (size_t)snprintf(text + at, UNITS_TEXT_MAX - at, "%" PRIu64 "%c", parts[i],
                                   letters[i]);
        }
    }
    if (at == 0) {
        (void)snprintf(text, UNITS_TEXT_MAX, ms == 0 ? "0" : "%" PRIu64 "ms", ms);
    }
    return text;
}

static const char *time_format(char text[UNITS_TEXT_MAX], uint64_t unix_ms, bool with_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm parts;
    size_t at;

    if (gmtime_r(&seconds, &parts) == NULL) {
        (void)snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 "ms", unix_ms);
        return text;
    }
    at = strftime(text, UNITS_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &parts);
    if (with_ms) {
        at += (size_t)snprintf(text + at, UNITS_TEXT_MAX - at, ".%03u", (unsigned)(unix_ms % 1000));
    }
    (void)snprintf(text + at, UNITS_TEXT_MAX - at, "Z");
    return text;
}

const char *time_text(char text[UNITS_TEXT_MAX], uint64_t unix_ms)
{
    return time_format(text, unix_ms, false);
}

const char *time_text_ms(char text[UNITS_TEXT_MAX], uint64_t unix_ms)
{
    return time_format(text, unix_ms, true);
}
