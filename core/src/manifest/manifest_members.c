/*
 * manifest_members.c - what an entry's object holds beside digest, reference and size.
 *
 * SHAPE     A text, `"birthArtifactID":"...","extra":{...}`: the members in the order in which they
 *           stood, as JSON without white space. Nearly all entries of a manifest have the same one,
 *           or one of a few: a table keeps such texts once, and a row has a number of one byte. What
 *           finds no place there stands behind the row's own strings.
 * INVARIANT A text has one form only: escapes where JSON asks for them, and nothing else that could
 *           be written otherwise. So texts are equal if and only if their bytes are.
 * COST      Nothing for an entry without such members; no byte for one whose text others have. The
 *           table: 5 KB and its texts, at most 254 of at most 256 bytes.
 * FAILURE   The table stays as it is when memory runs out.
 * WHY NOT   a field for each key that clients write: `extra` holds whatever its writer likes, and
 *           the next key would be dropped again without a word.
 */
#include "manifest/manifest_internal.h"

#include "base/hash.h"

#define SHARED_MAX 254 /* numbers 1 to 254 */
#define SHARED_BYTES_MAX 256
#define SLOTS 512 /* a power of 2 */

struct cull__members {
    const cull_allocator *allocator;
    struct cull__buf texts; /* each with a NUL */
    uint32_t at[SHARED_MAX];
    uint32_t len[SHARED_MAX];
    unsigned count;
    uint8_t latest;       /* the number that was given last: nearly always the next one too */
    uint8_t slots[SLOTS]; /* numbers, by hash; 0: empty */
};

/* --- JSON --------------------------------------------------------------------------------------- */

/* The length of the escape that text begins with, if it is the one that its character has; else 0. */
static size_t escape_len(const char *text)
{
    char again[7];
    unsigned low;

    if (text[1] != '\0' && strchr("\"\\nrt", text[1]) != NULL) {
        return 2;
    }
    if (strncmp(text, "\\u00", 4) != 0 || (text[4] != '0' && text[4] != '1')) {
        return 0;
    }
    low = (unsigned char)text[5] - (text[5] >= 'a' ? 'a' - 10U : '0');
    return low < 16 && strncmp(cull__json_escape((char)((text[4] - '0') * 16 + (int)low), again),
                               text, 6) == 0
               ? 6
               : 0;
}

/* Behind the string that begins at text, or NULL. */
static const char *string_end(const char *text)
{
    size_t len = 1;

    if (*text != '"') {
        return NULL;
    }
    do {
        text += len;
        len = *text == '\\' ? escape_len(text) : (unsigned char)*text >= 0x20;
    } while (len > 0 && *text != '"');
    return len > 0 ? text + 1 : NULL;
}

static const char *digits_end(const char *text)
{
    const char *end = text + strspn(text, "0123456789");

    return end == text ? NULL : end;
}

static const char *number_end(const char *text)
{
    text += *text == '-';
    text = *text == '0' ? text + 1 : digits_end(text);
    if (text != NULL && *text == '.') {
        text = digits_end(text + 1);
    }
    if (text != NULL && (*text == 'e' || *text == 'E')) {
        text++;
        text = digits_end(text + (*text == '+' || *text == '-'));
    }
    return text;
}

static const char *word_end(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0 ? text + strlen(word) : NULL;
}

static const char *list_end(const char *text, char close, unsigned depth);

/* Behind the value that begins at text, or NULL; it may hold depth lists one in another. */
static const char *value_end(const char *text, unsigned depth)
{
    switch (*text) {
    case '"':
        return string_end(text);
    case '{':
        return depth == 0 ? NULL : list_end(text + 1, '}', depth - 1);
    case '[':
        return depth == 0 ? NULL : list_end(text + 1, ']', depth - 1);
    case 'n':
        return word_end(text, "null");
    case 't':
        return word_end(text, "true");
    case 'f':
        return word_end(text, "false");
    default:
        return number_end(text);
    }
}

/* Behind the close of an object or array, from behind its open. */
static const char *list_end(const char *text, char close, unsigned depth)
{
    if (*text == close) {
        return text + 1;
    }
    for (;; text++) {
        if (close == '}' && ((text = string_end(text)) == NULL || *text++ != ':')) {
            return NULL;
        }
        text = value_end(text, depth);
        if (text == NULL || *text == close) {
            return text == NULL ? NULL : text + 1;
        }
        if (*text != ',') {
            return NULL;
        }
    }
}

static bool is_own_key(const char *key, size_t len)
{
    static const char *const own[] = { "\"digest\"", "\"ref\"", "\"size\"" };

    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (strlen(own[i]) == len && memcmp(own[i], key, len) == 0) {
            return true;
        }
    }
    return false;
}

const char *cull__members_fault(const char *text, size_t len)
{
    if (len > CULL_REF_BYTES_MAX) {
        return "other members are too long";
    }
    if (cull__utf8_valid_len(text, len) != len) {
        return "other members are not UTF-8";
    }
    for (const char *at = text;; at++) {
        const char *end = string_end(at);

        if (end == NULL || *end != ':' || is_own_key(at, (size_t)(end - at))) {
            break;
        }
        at = value_end(end + 1, CULL__JSON_DEPTH_MAX - 3);
        if (at == NULL || *at == '\0') {
            return at == NULL ? "other members are not JSON" : NULL;
        }
        if (*at != ',') {
            break;
        }
    }
    return "other members are not JSON";
}

/* --- the table ---------------------------------------------------------------------------------- */

const char *cull__members_text(const struct cull__members *members, uint8_t number, size_t *len)
{
    CULL_ASSERT(number > 0 && number <= members->count);
    *len = members->len[number - 1];
    return (const char *)members->texts.data + members->at[number - 1];
}

static bool has_text(const struct cull__members *members, uint8_t number, const char *text,
                     size_t len)
{
    size_t other_len;
    const char *other = cull__members_text(members, number, &other_len);

    return other_len == len && memcmp(other, text, len) == 0;
}

/* The slot that has a text, or where it belongs. */
static uint8_t *slot_of(struct cull__members *members, const char *text, size_t len)
{
    size_t slot = (size_t)XXH3_64bits(text, len) % SLOTS;

    while (members->slots[slot] != 0 && !has_text(members, members->slots[slot], text, len)) {
        slot = (slot + 1) % SLOTS;
    }
    return &members->slots[slot];
}

cull_status cull__members_share(struct cull__members **table, const char *text, size_t len,
                                const cull_allocator *allocator, uint8_t *out)
{
    struct cull__members *members = *table;
    uint8_t *slot;

    if (CULL_LIKELY(members != NULL && members->latest != 0 &&
                    has_text(members, members->latest, text, len))) {
        *out = members->latest;
        return CULL_OK;
    }
    *out = CULL__MEMBERS_OWN;
    if (len > SHARED_BYTES_MAX) {
        return CULL_OK;
    }
    if (members == NULL) {
        members = cull__alloc_zero(allocator, 1, sizeof *members);
        if (members == NULL) {
            return CULL_E_NOMEM;
        }
        members->allocator = members->texts.allocator = allocator;
        *table = members;
    }
    slot = slot_of(members, text, len);
    if (*slot == 0 && members->count < SHARED_MAX) {
        uint8_t *room = cull__buf_room(&members->texts, len + 1);

        if (room == NULL) {
            members->texts.failed = false; /* what was added before still stands */
            return CULL_E_NOMEM;
        }
        memcpy(room, text, len);
        room[len] = '\0';
        members->at[members->count] = (uint32_t)members->texts.len;
        members->len[members->count] = (uint32_t)len;
        members->texts.len += len + 1;
        *slot = (uint8_t)++members->count;
    }
    if (*slot != 0) {
        *out = members->latest = *slot;
    }
    return CULL_OK;
}

cull_status cull__members_copy(struct cull__members **out, const struct cull__members *from,
                               const cull_allocator *allocator)
{
    cull_status status = CULL_OK;

    for (unsigned i = 0; from != NULL && i < from->count && status == CULL_OK; i++) {
        size_t len;
        const char *text = cull__members_text(from, (uint8_t)(i + 1), &len);
        uint8_t number;

        status = cull__members_share(out, text, len, allocator, &number);
        CULL_ASSERT(status != CULL_OK || number == i + 1);
    }
    return status;
}

void cull__members_free(struct cull__members *members)
{
    if (members != NULL) {
        cull__buf_release(&members->texts);
        cull__free(members->allocator, members);
    }
}
