/*
 * manifest_probe.c - is this file a manifest at all?
 *
 * SHAPE     A folder of manifests may hold other JSON. One pass of a machine that knows where in a
 *           JSON text it is and looks at the keys of the outermost object only.
 * INVARIANT Foreign is what stands there whole and has nothing of a manifest. Whatever leaves a
 *           doubt is not foreign: broken or cut short, nested deeper than a manifest may be, a key
 *           written with escapes. The reader then says what is wrong with it.
 * COST      A manifest is known by its first keys; of others every byte is looked at.
 * WHY NOT   the reader: it stops at the first thing that is wrong, which of package.json is
 *           "version": "1.0.0", before it sees whether contents come.
 */
#include "manifest/manifest_internal.h"

#define PIECE_BYTES 4096
#define KEY_MAX 24 /* longer than any that is looked for */

enum expect {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END, /* behind [ */
    EXPECT_KEY,
    EXPECT_KEY_OR_END, /* behind { */
    EXPECT_COLON,
    EXPECT_COMMA_OR_END,
    EXPECT_NOTHING /* the text is whole */
};

enum inside { INSIDE_NOTHING, INSIDE_STRING, INSIDE_ESCAPE, INSIDE_NUMBER, INSIDE_WORD };

struct probe {
    enum expect expect;
    enum inside inside;
    unsigned depth;
    bool is_object[CULL__JSON_DEPTH_MAX + 1]; /* by depth */
    bool is_key;                              /* the string is one, of the outermost object */
    bool is_version;                          /* its value comes */
    char key[KEY_MAX];
    size_t key_len;
    const char *word; /* what is left of true, false or null */
    bool doubt;       /* it may be a manifest, or broken */
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_of_number(uint8_t c)
{
    return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static void value_ends(struct probe *probe)
{
    probe->is_version = false;
    probe->expect = probe->depth == 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
}

static void key_ends(struct probe *probe)
{
    static const char *const keys[] = { "contents", "storagePolicy", "storagePolicyConfig" };

    probe->expect = EXPECT_COLON;
    if (probe->depth != 1) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        probe->doubt = probe->doubt || (strlen(keys[i]) == probe->key_len &&
                                        memcmp(keys[i], probe->key, probe->key_len) == 0);
    }
    probe->is_version = probe->key_len == 7 && memcmp(probe->key, "version", 7) == 0;
}

static void open_container(struct probe *probe, bool is_object)
{
    if (probe->depth == CULL__JSON_DEPTH_MAX) {
        probe->doubt = true;
        return;
    }
    probe->is_version = false;
    probe->is_object[++probe->depth] = is_object;
    probe->expect = is_object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
}

static void close_container(struct probe *probe, bool is_object)
{
    if (probe->depth == 0 || probe->is_object[probe->depth] != is_object) {
        probe->doubt = true;
        return;
    }
    probe->depth--;
    value_ends(probe);
}

static void begin_string(struct probe *probe, bool is_key)
{
    probe->inside = INSIDE_STRING;
    probe->is_key = is_key;
    probe->key_len = 0;
}

static void begin_value(struct probe *probe, uint8_t c)
{
    if (c == '"') {
        begin_string(probe, false);
    } else if (c == '{' || c == '[') {
        open_container(probe, c == '{');
    } else if (c == '-' || is_digit(c)) {
        probe->doubt = probe->is_version; /* a manifest, though perhaps of another version */
        probe->inside = INSIDE_NUMBER;
    } else {
        probe->word = c == 't' ? "rue" : c == 'f' ? "alse" : c == 'n' ? "ull" : NULL;
        probe->doubt = probe->word == NULL;
        probe->inside = INSIDE_WORD;
    }
}

/* A character between values, no space. */
static void take_outside(struct probe *probe, uint8_t c)
{
    bool in_object = probe->is_object[probe->depth];

    switch (probe->expect) {
    case EXPECT_KEY_OR_END:
    case EXPECT_KEY:
        if (c == '"') {
            begin_string(probe, true);
        } else if (c == '}' && probe->expect == EXPECT_KEY_OR_END) {
            close_container(probe, true);
        } else {
            probe->doubt = true;
        }
        break;
    case EXPECT_COLON:
        probe->doubt = c != ':';
        probe->expect = EXPECT_VALUE;
        break;
    case EXPECT_COMMA_OR_END:
        if (c == ',') {
            probe->expect = in_object ? EXPECT_KEY : EXPECT_VALUE;
        } else if (c == '}' || c == ']') {
            close_container(probe, c == '}');
        } else {
            probe->doubt = true;
        }
        break;
    case EXPECT_VALUE_OR_END:
        if (c == ']') {
            close_container(probe, false);
            break;
        }
        begin_value(probe, c);
        break;
    case EXPECT_VALUE:
        begin_value(probe, c);
        break;
    case EXPECT_NOTHING:
        probe->doubt = true;
        break;
    }
}

static void take_of_string(struct probe *probe, uint8_t c)
{
    if (c == '"') {
        probe->inside = INSIDE_NOTHING;
        if (probe->is_key) {
            key_ends(probe);
        } else {
            value_ends(probe);
        }
    } else if (c == '\\') {
        probe->inside = INSIDE_ESCAPE;
        probe->doubt = probe->is_key && probe->depth == 1;
    } else if (c < 0x20) {
        probe->doubt = true;
    } else if (probe->is_key && probe->key_len < KEY_MAX) {
        probe->key[probe->key_len++] = (char)c;
    }
}

static void take(struct probe *probe, uint8_t c)
{
    switch (probe->inside) {
    case INSIDE_STRING:
        take_of_string(probe, c);
        return;
    case INSIDE_ESCAPE: /* what stands behind \u is not looked at */
        probe->inside = INSIDE_STRING;
        return;
    case INSIDE_WORD:
        if (*probe->word != '\0') {
            probe->doubt = c != (uint8_t)*probe->word++;
            return;
        }
        break;
    case INSIDE_NUMBER:
        if (is_of_number(c)) {
            return;
        }
        break;
    case INSIDE_NOTHING:
        break;
    }
    if (probe->inside != INSIDE_NOTHING) { /* a number or word ends with what comes behind it */
        probe->inside = INSIDE_NOTHING;
        value_ends(probe);
    }
    if (!is_space(c)) {
        take_outside(probe, c);
    }
}

/* The end of the text. */
static bool is_whole(const struct probe *probe)
{
    return probe->expect == EXPECT_NOTHING ||
           (probe->depth == 0 && (probe->inside == INSIDE_NUMBER ||
                                  (probe->inside == INSIDE_WORD && *probe->word == '\0')));
}

cull_status cull_manifest_probe(bool *foreign, cull_read_fn read, void *ctx, cull_error *err)
{
    struct probe probe = { .expect = EXPECT_VALUE };
    uint8_t piece[PIECE_BYTES];
    size_t got = sizeof piece;

    *foreign = false;
    while (got > 0) {
        cull_status status = read(ctx, piece, sizeof piece, &got, err);

        if (status != CULL_OK) {
            return status;
        }
        for (size_t i = 0; i < got && !probe.doubt; i++) {
            take(&probe, piece[i]);
        }
        if (probe.doubt) {
            return CULL_OK;
        }
    }
    *foreign = is_whole(&probe);
    return CULL_OK;
}
