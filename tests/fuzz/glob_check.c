/*
 * glob_check.c - see glob_check.h.
 *
 * SHAPE     Both are taken apart into characters; then all places of the pattern at which the text read
 *           so far may stand are kept, character by character.
 */
#include "glob_check.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cli/output.h"

/* Characters as numbers: a byte that is no UTF-8 is one of its own. */
static size_t characters(uint32_t out[GLOB_CHECK_MAX], const char *text)
{
    size_t count = 0;

    while (*text != '\0' && count < GLOB_CHECK_MAX) {
        size_t step = utf8_char_len(text, strlen(text));
        uint32_t value = (unsigned char)*text;

        if (step == 0) {
            value += 0x110000;
            step = 1;
        } else if (step > 1) {
            value &= 0xffu >> (step + 1);
            for (size_t i = 1; i < step; i++) {
                value = value << 6 | ((unsigned char)text[i] & 0x3fu);
            }
        }
        out[count++] = value;
        text += step;
    }
    return count;
}

struct glob {
    uint32_t at[GLOB_CHECK_MAX];
    size_t count;
};

/* Where the set that begins behind the '[' at i ends, behind its ']'; 0: nowhere. */
static size_t set_end(const struct glob *glob, size_t i)
{
    size_t first = i + 1 < glob->count && glob->at[i + 1] == '!' ? i + 2 : i + 1;

    for (size_t k = first; k < glob->count; k++) {
        if (glob->at[k] == ']' && k > first) {
            return k + 1;
        }
        k += glob->at[k] == '\\' && k + 1 < glob->count;
    }
    return 0;
}

/* One member, a backslash before it taken away; *k moves behind it. */
static uint32_t member(const struct glob *glob, size_t *k)
{
    *k += glob->at[*k] == '\\' && *k + 1 < glob->count;
    return glob->at[(*k)++];
}

static bool in_set(const struct glob *glob, size_t i, size_t end, uint32_t c)
{
    bool negated = glob->at[i + 1] == '!';
    bool found = false;

    for (size_t k = i + 1 + negated; k + 1 < end;) {
        uint32_t low = member(glob, &k);
        uint32_t high = low;

        if (k + 2 < end && glob->at[k] == '-') {
            k++;
            high = member(glob, &k);
        }
        found = found || (low <= c && c <= high);
    }
    return found != negated;
}

/* Does the element at i, no star, take c? *next: the element behind it. */
static bool takes(const struct glob *glob, size_t i, uint32_t c, size_t *next)
{
    size_t end = glob->at[i] == '[' ? set_end(glob, i) : 0;

    *next = i + 1;
    if (end != 0) {
        *next = end;
        return in_set(glob, i, end, c);
    }
    if (glob->at[i] == '\\' && i + 1 < glob->count) {
        *next = i + 2;
        return glob->at[i + 1] == c;
    }
    return glob->at[i] == '?' || glob->at[i] == c;
}

/* All places of the pattern at which a text read so far may stand, character by character. */
static bool slow_match(const struct glob *glob, const uint32_t *text, size_t len)
{
    bool may[GLOB_CHECK_MAX + 1] = { true };

    for (size_t t = 0;; t++) {
        bool then[GLOB_CHECK_MAX + 1] = { false };

        for (size_t i = 0; i < glob->count; i++) {
            size_t next;

            if (!may[i]) {
                continue;
            }
            if (glob->at[i] == '*') {
                may[i + 1] = true;
                then[i] = true;
            } else if (t < len && takes(glob, i, text[t], &next)) {
                then[next] = true;
            }
        }
        if (t == len) {
            return may[glob->count];
        }
        memcpy(may, then, sizeof may);
    }
}

bool glob_check(const char *glob, const char *text)
{
    uint32_t wanted[GLOB_CHECK_MAX];
    struct glob pattern;

    pattern.count = characters(pattern.at, glob);
    return slow_match(&pattern, wanted, characters(wanted, text));
}
