/*
 * glob.c - patterns for names: *, ?, [a-z], [!a-z], \x.
 *
 * SHAPE     One loop with one place to go back to: the last star. A star that matched may take one
 *           more character, and never does an earlier one have to give back what a later one
 *           can take.
 * COST      O(pattern x text), whatever the stars; no recursion, no memory.
 * FAILURE   None: a [ without its ] and a \ at the end stand for themselves.
 * WHY NOT   fnmatch(3): it depends on the locale, and is exponential in stars in some libraries.
 */
#include "catalog/catalog.h"

/* The character at *at, which moves behind it. Bytes that are no UTF-8 are characters of their
 * own, beyond Unicode. */
static uint32_t glob_character(const char **at)
{
    const unsigned char *bytes = (const unsigned char *)*at;
    size_t len = 1;
    uint32_t value = bytes[0];

    if (value >= 0x80) {
        size_t want = value >= 0xf0 ? 4 : value >= 0xe0 ? 3 : 2;

        if (cull__utf8_valid_len(*at, strnlen(*at, want)) == want) {
            len = want;
            value &= 0x7fu >> want;
            for (size_t i = 1; i < want; i++) {
                value = value << 6 | (bytes[i] & 0x3fu);
            }
        } else {
            value += 0x110000;
        }
    }
    *at += len;
    return value;
}

/* One character of a set, a \ before it taken away. */
static uint32_t set_character(const char **at)
{
    if (**at == '\\' && (*at)[1] != '\0') {
        ++*at;
    }
    return glob_character(at);
}

/* Behind the ] that ends the set which begins behind its [; NULL if nothing ends it. A ] that comes
 * first is a member. */
static const char *set_end(const char *set)
{
    const char *at = *set == '!' ? set + 1 : set;
    bool first = true;

    while (*at != '\0') {
        if (*at == ']' && !first) {
            return at + 1;
        }
        first = false;
        (void)set_character(&at);
    }
    return NULL;
}

static bool set_has(const char *set, const char *end, uint32_t character)
{
    bool negated = *set == '!';
    bool found = false;

    set += negated;
    while (set < end - 1) {
        uint32_t low = set_character(&set);
        uint32_t high = low;

        if (*set == '-' && set + 1 < end - 1) { /* a - that comes last is a member */
            set++;
            high = set_character(&set);
        }
        found = found || (low <= character && character <= high);
    }
    return found != negated;
}

/* Does the pattern's next element, which is no star, take this character? Moves behind it. */
static bool glob_takes(const char **glob, uint32_t character)
{
    const char *end;

    switch (**glob) {
    case '\0':
        return false;
    case '?':
        ++*glob;
        return true;
    case '[':
        end = set_end(*glob + 1);
        if (end != NULL) {
            bool takes = set_has(*glob + 1, end, character);

            *glob = end;
            return takes;
        }
        break;
    case '\\':
        return set_character(glob) == character;
    default:
        break;
    }
    return glob_character(glob) == character;
}

bool cull__glob_match(const char *glob, const char *text)
{
    const char *behind_star = NULL; /* in glob */
    const char *star_text = NULL;   /* where what follows the star was last tried */

    while (*text != '\0') {
        const char *next_glob = glob;
        const char *next_text = text;

        if (*glob == '*') {
            behind_star = ++glob;
            star_text = text;
            continue;
        }
        if (glob_takes(&next_glob, glob_character(&next_text))) {
            glob = next_glob;
            text = next_text;
            continue;
        }
        if (behind_star == NULL) {
            return false;
        }
        (void)glob_character(&star_text); /* the star takes one more */
        text = star_text;
        glob = behind_star;
    }
    while (*glob == '*') {
        glob++;
    }
    return *glob == '\0';
}
