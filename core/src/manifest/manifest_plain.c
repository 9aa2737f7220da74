/*
 * manifest_plain.c - entries of a manifest in the plain form in which nearly all of them stand.
 *
 * SHAPE     `, "PATH": {"KEY": VALUE, ...}` with any white space, where a value is a string or
 *           digits. One look at eight bytes at once says how far a string goes.
 * INVARIANT What is taken here, the JSON parser takes too and means the same by it. Whatever is
 *           not plain (an escape, a reference, another kind of value, a key that stands twice, what
 *           is wrong, what is cut off) is not taken and not judged: the parser sees all of it, from
 *           the comma on, and says what there is to say.
 * COST      A million entries of 126 bytes: 0.1 s, where the parser alone takes 0.3 s to find the
 *           ends of their tokens.
 * WHY NOT   instead of the parser: two opinions on what JSON is. The fuzz target holds the two ways
 *           against each other.
 */
#include "manifest/manifest_internal.h"

struct text {
    const uint8_t *at;
    const uint8_t *end;
};

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Nonzero if a byte of the word is a control character, a quote, a backslash or, with ascii, not
 * ASCII. (Subtracting makes a byte's high bit 1 where it borrows; a false alarm behind a true one
 * is harmless, because the bytes are looked at one by one then.) */
static uint64_t word_stops(uint64_t word, bool ascii)
{
    uint64_t quote = word ^ EACH((uint64_t)'"');
    uint64_t backslash = word ^ EACH((uint64_t)'\\');
    uint64_t found = ((word - EACH(0x20)) & ~word) | ((quote - EACH(1)) & ~quote) |
                     ((backslash - EACH(1)) & ~backslash) | (ascii ? word : 0);

    return found & EACH(0x80);
}

static bool byte_stops(uint8_t c, bool ascii)
{
    return c < 0x20 || c == '"' || c == '\\' || (ascii && c >= 0x80);
}

static void skip_blanks(struct text *text)
{
    while (text->at < text->end &&
           (*text->at == ' ' || *text->at == '\n' || *text->at == '\r' || *text->at == '\t')) {
        text->at++;
    }
}

/* Take one character, with white space around it. */
static bool take(struct text *text, char c)
{
    skip_blanks(text);
    if (text->at == text->end || *text->at != (uint8_t)c) {
        return false;
    }
    text->at++;
    skip_blanks(text);
    return true;
}

/* Take a string without escapes; *out is what stands between its quotes. */
static bool take_string(struct text *text, bool ascii, const char **out, size_t *len)
{
    const uint8_t *at = text->at;

    if (at == text->end || *at++ != '"') {
        return false;
    }
    *out = (const char *)at;
    while ((size_t)(text->end - at) >= sizeof(uint64_t)) {
        uint64_t word;
        uint64_t stops;

        memcpy(&word, at, sizeof word);
        stops = word_stops(word, ascii);
        if (stops != 0) {
            at += CULL_ZERO_BYTES(stops);
            break;
        }
        at += sizeof word;
    }
    while (at < text->end && !byte_stops(*at, ascii)) {
        at++;
    }
    if (at == text->end || *at != '"') {
        return false;
    }
    *len = (size_t)(at - (const uint8_t *)*out);
    text->at = at + 1;
    return true;
}

/* Take a whole number as JSON has it, of at most 18 digits: more may not fit. */
static bool take_number(struct text *text, uint64_t *out)
{
    const uint8_t *at = text->at;
    uint64_t number = 0;

    while (at < text->end && *at >= '0' && *at <= '9') {
        number = number * 10 + (uint64_t)(*at++ - '0');
        if (at - text->at > 18) {
            return false;
        }
    }
    if (at == text->at || (*text->at == '0' && at - text->at > 1) || at == text->end ||
        *at == '.' || *at == 'e' || *at == 'E') {
        return false;
    }
    text->at = at;
    *out = number;
    return true;
}

static bool key_is(const char *key, size_t len, const char *want, size_t want_len)
{
    return len == want_len && memcmp(key, want, want_len) == 0;
}

/* Take `"KEY": VALUE`. */
static bool take_member(struct text *text, struct cull__plain_entry *out)
{
    const char *key;
    const char *value = NULL;
    const char *begin;
    size_t key_len;
    size_t value_len = 0;
    uint64_t number = 0;

    if (!take_string(text, true, &key, &key_len) || !take(text, ':')) {
        return false;
    }
    begin = (const char *)text->at;
    if (!take_string(text, true, &value, &value_len) && !take_number(text, &number)) {
        return false;
    }
    if (key_is(key, key_len, "digest", 6)) {
        if (out->digest != NULL || value == NULL) {
            return false;
        }
        out->digest = value;
        out->digest_len = value_len;
    } else if (key_is(key, key_len, "size", 4)) {
        if (out->size_bytes != CULL_SIZE_UNKNOWN || value != NULL) {
            return false;
        }
        out->size_bytes = number;
    } else if (key_is(key, key_len, "ref", 3) || out->member_count == CULL__PLAIN_MEMBERS_MAX) {
        return false;
    } else {
        out->members[out->member_count].key = key - 1;
        out->members[out->member_count].key_len = key_len + 2;
        out->members[out->member_count].value = begin;
        out->members[out->member_count++].value_len = (size_t)((const char *)text->at - begin);
    }
    return true;
}

size_t cull__manifest_plain_entry(const void *data, size_t len, struct cull__plain_entry *out)
{
    struct text text = { data, (const uint8_t *)data + len };

    out->digest = NULL; /* the members are many bytes, and counted */
    out->size_bytes = CULL_SIZE_UNKNOWN;
    out->member_count = 0;
    if (!take(&text, ',') || !take_string(&text, false, &out->path, &out->path_len)) {
        return 0;
    }
    out->path_end = (size_t)(text.at - (const uint8_t *)data);
    if (!take(&text, ':') || !take(&text, '{')) {
        return 0;
    }
    do {
        if (!take_member(&text, out)) {
            return 0;
        }
    } while (take(&text, ','));
    skip_blanks(&text);
    if (text.at == text.end || *text.at != '}' || out->digest == NULL) {
        return 0;
    }
    return (size_t)(text.at + 1 - (const uint8_t *)data);
}
