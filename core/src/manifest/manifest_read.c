/*
 * manifest_read.c - wandb_manifest.json to a manifest, as a stream.
 *
 * SHAPE     Pieces of 64 KiB go through two machines. The first looks at escapes only (see
 *           WHY NOT); the second is yajl, whose events are put to use according to where in the
 *           document they fall. What cull has no use for (other members of entries, policy,
 *           storage layout, unknown keys) is written down again as text (manifest_note.c), and kept
 *           with the entry or the manifest. Between two entries yajl waits for a comma or the end,
 *           and does not notice if plain entries with their commas are taken past it
 *           (manifest_plain.c): so inside of contents it is given text up to the next closing brace
 *           only, and what is not plain.
 * INVARIANT What is accepted was written as JSON says, in one object, with nothing behind it. An
 *           entry is added when its object ends; a version or layout that is refused is refused
 *           also when it stands behind the contents.
 * COST      One pass. The entries are kept to be sorted, in memory or beyond its bound in a scratch
 *           file: per entry 24 bytes, its path, its digest, and while reading 8 bytes, its place for
 *           a message. Beyond them: 64 KiB, twice the longest string (bounded by
 *           READ_TOKEN_BYTES_MAX).
 * FAILURE   "NAME: byte N: reason". N counts from 0 and is the byte behind the key, value or
 *           character that is at fault; what should not be there at all is named itself.
 * WHY NOT   trusting yajl alone: it has no depth limit, writes through NULL when memory is out
 *           (so its allocator jumps out of it instead, and its blocks are kept in a list), turns
 *           half a surrogate pair into "?" and swallows the character behind, and takes an
 *           unterminated string behind the document for white space.
 */
#include "manifest/manifest_internal.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <yajl/yajl_parse.h>

#define READ_PIECE_BYTES ((size_t)64 * 1024)
#define READ_DEPTH_MAX CULL__JSON_DEPTH_MAX
#define READ_TOKEN_BYTES_MAX ((uint64_t)1024 * 1024)

enum place {
    PLACE_START,    /* before the document */
    PLACE_TOP,      /* in its object */
    PLACE_CONFIG,   /* in storagePolicyConfig */
    PLACE_CONTENTS, /* in contents: keys are paths */
    PLACE_ENTRY,    /* in the object of one path */
    PLACE_END       /* behind the document */
};

enum field {
    FIELD_NONE, /* the value of an unknown key */
    FIELD_VERSION,
    FIELD_POLICY,
    FIELD_CONFIG,
    FIELD_LAYOUT,
    FIELD_CONTENTS,
    FIELD_ENTRY,
    FIELD_DIGEST,
    FIELD_REF,
    FIELD_SIZE
};

enum value { VALUE_NULL, VALUE_BOOLEAN, VALUE_NUMBER, VALUE_STRING, VALUE_MAP, VALUE_ARRAY };

/* In front of each block that yajl holds. */
struct block {
    struct block *next;
    struct block *previous;
    max_align_t bytes[];
};

/* Escapes of the raw text, over the ends of pieces. */
struct escapes {
    enum { ESCAPE_NONE, ESCAPE_BEGUN, ESCAPE_HEX } state;
    unsigned digits; /* of \uXXXX that were seen */
    unsigned unit;   /* their value */
    bool high;       /* a high half came last: its low half must begin at low_at */
    uint64_t low_at;
};

struct reader {
    const char *name;
    cull_read_fn read;
    void *ctx;
    const cull_allocator *allocator;
    cull_error *err;
    cull_status status; /* of the first failure */

    yajl_handle yajl;
    struct block *blocks;
    jmp_buf nomem;
    struct escapes escapes;
    uint8_t *piece;
    uint64_t piece_at; /* offset of piece in the input */
    uint64_t fed_at;   /* offset of what yajl was given last */
    uint64_t heard_at; /* of the last event */
    bool plain;        /* take plain entries past yajl */

    enum place place;
    enum field field;    /* of the key that waits for its value */
    unsigned depth;      /* of open objects and arrays */
    unsigned skip_depth; /* the depth to which a dropped value must return; 0: none */
    unsigned seen;       /* bits 1 << FIELD: keys of the document */
    unsigned seen_entry; /* the same for the entry */

    cull_manifest *manifest;
    bool kind_open; /* the first blob's digest says of which kind all are */
    struct cull__buf path;
    struct cull__buf digest;
    struct cull__buf ref;
    struct cull__note members; /* of the entry */
    struct cull__note head;    /* of the document */
    uint64_t path_at;
    uint64_t digest_at;
    uint64_t ref_at;
    uint64_t size_at;
    uint64_t size_bytes;
};

/* ---- memory for yajl ---- */

static void block_link(struct reader *reader, struct block *block)
{
    block->previous = NULL;
    block->next = reader->blocks;
    if (block->next != NULL) {
        block->next->previous = block;
    }
    reader->blocks = block;
}

static void block_unlink(struct reader *reader, struct block *block)
{
    if (block->previous != NULL) {
        block->previous->next = block->next;
    } else {
        reader->blocks = block->next;
    }
    if (block->next != NULL) {
        block->next->previous = block->previous;
    }
}

static void *yajl_block_alloc(void *ctx, size_t bytes)
{
    struct reader *reader = ctx;
    struct block *block = NULL;

    if (bytes <= SIZE_MAX - sizeof *block) {
        block = cull__alloc(reader->allocator, sizeof *block + bytes, 1);
    }
    if (block == NULL) {
        longjmp(reader->nomem, 1); /* yajl would write through NULL */
    }
    block_link(reader, block);
    return block->bytes;
}

static struct block *block_of(void *bytes)
{
    return (struct block *)((char *)bytes - offsetof(struct block, bytes));
}

static void yajl_block_free(void *ctx, void *bytes)
{
    struct reader *reader = ctx;

    if (bytes != NULL) {
        block_unlink(reader, block_of(bytes));
        cull__free(reader->allocator, block_of(bytes));
    }
}

static void *yajl_block_realloc(void *ctx, void *bytes, size_t want)
{
    struct reader *reader = ctx;
    struct block *block;
    struct block *moved = NULL;

    if (bytes == NULL) {
        return yajl_block_alloc(ctx, want);
    }
    block = block_of(bytes);
    block_unlink(reader, block);
    if (want <= SIZE_MAX - sizeof *block) {
        moved = cull__realloc(reader->allocator, block, sizeof *block + want, 1);
    }
    block_link(reader, moved != NULL ? moved : block);
    if (moved == NULL) {
        longjmp(reader->nomem, 1);
    }
    return moved->bytes;
}

static void blocks_release(struct reader *reader)
{
    while (reader->blocks != NULL) {
        struct block *block = reader->blocks;

        reader->blocks = block->next;
        cull__free(reader->allocator, block);
    }
}

/* ---- failing ---- */

CULL_PRINTF(4, 5)
static bool reader_fail(struct reader *reader, cull_status status, uint64_t at, const char *format,
                        ...)
{
    cull_error reason;
    char name[CULL_PRINTABLE_MAX];
    va_list args;

    if (reader->status != CULL_OK) {
        return false; /* the first one tells */
    }
    va_start(args, format);
    (void)vsnprintf(reason.message, sizeof reason.message, format, args);
    va_end(args);
    cull__printable(name, reader->name, strlen(reader->name));
    reader->status =
        cull__error_set(reader->err, status, "%s: byte %" PRIu64 ": %s", name, at, reason.message);
    return false;
}

static bool reader_fail_nomem(struct reader *reader)
{
    if (reader->status == CULL_OK) {
        reader->status = cull__error_nomem(reader->err);
    }
    return false;
}

/* How far yajl has read: while an event is handled, the offset behind its token. */
static uint64_t read_at(const struct reader *reader)
{
    return reader->fed_at + yajl_get_bytes_consumed(reader->yajl);
}

/* The same, asked of yajl once an event. */
static uint64_t event_at(const struct reader *reader)
{
    return reader->heard_at;
}

/* Keep a string with a NUL behind it. */
static bool reader_keep(struct reader *reader, struct cull__buf *to, const unsigned char *text,
                        size_t len)
{
    uint8_t *room;

    cull__buf_clear(to);
    room = cull__buf_room(to, len + 1);
    if (room == NULL) {
        return reader_fail_nomem(reader);
    }
    if (len > 0) {
        memcpy(room, text, len);
    }
    room[len] = '\0';
    to->len = len + 1;
    return true;
}

/* ---- what is kept as text ---- */

static struct cull__note *note_open(struct reader *reader)
{
    return reader->members.open ? &reader->members : reader->head.open ? &reader->head : NULL;
}

static bool note_checked(struct reader *reader, const struct cull__note *note)
{
    return note->text.failed ? reader_fail_nomem(reader)
           : note->invalid   ? reader_fail(reader, CULL_E_INVALID, event_at(reader),
                                           "invalid UTF-8 in another member")
                             : true;
}

/* A key of what is open, or one that opens a note of an entry or the document. */
static bool note_key(struct reader *reader, const unsigned char *text, size_t len)
{
    struct cull__note *note = note_open(reader);

    if (note == NULL) {
        note = reader->place == PLACE_ENTRY ? &reader->members : &reader->head;
        cull__note_begin(note, reader->depth);
    }
    cull__note_key(note, (const char *)text, len);
    return note_checked(reader, note);
}

/* A value, or the begin of one, of what is open. */
static bool note_value(struct reader *reader, struct cull__note *note, enum value value,
                       const unsigned char *text, size_t len)
{
    switch (value) {
    case VALUE_STRING:
        cull__note_string(note, reader->depth, (const char *)text, len);
        break;
    case VALUE_MAP:
        cull__note_word(note, reader->depth, "{", 1);
        break;
    case VALUE_ARRAY:
        cull__note_word(note, reader->depth, "[", 1);
        break;
    case VALUE_NULL:
    case VALUE_BOOLEAN:
    case VALUE_NUMBER:
        cull__note_word(note, reader->depth, (const char *)text, len);
        break;
    }
    return note_checked(reader, note);
}

/* ---- entries ---- */

static void entry_begin(struct reader *reader)
{
    reader->place = PLACE_ENTRY;
    cull__buf_clear(&reader->members.text);
    reader->seen_entry = 0;
    reader->size_bytes = CULL_SIZE_UNKNOWN;
}

static const char *entry_shown(const struct reader *reader, char text[CULL_PRINTABLE_MAX])
{
    return cull__manifest_shown(text, (const char *)reader->path.data, reader->path.len - 1);
}

/* The kind of digests of so many characters; what is of no known length is no MD5 either. */
static cull_digest_kind kind_of_base64(size_t len)
{
    return len == 44 ? CULL_DIGEST_SHA256 : len == 28 ? CULL_DIGEST_SHA1 : CULL_DIGEST_MD5;
}

/* Fill in what kind of entry it is: its digest or its reference. */
static bool entry_resolve(struct reader *reader, cull_entry *entry)
{
    char text[CULL_PRINTABLE_MAX];
    const char *why = NULL;

    if ((reader->seen_entry & (1U << FIELD_DIGEST)) == 0) {
        return reader_fail(reader, CULL_E_INVALID, event_at(reader), "%s: entry without a digest",
                           entry_shown(reader, text));
    }
    if ((reader->seen_entry & (1U << FIELD_REF)) != 0) {
        entry->digest_text = (const char *)reader->digest.data;
        entry->ref = (const char *)reader->ref.data;
        entry->kind = cull__manifest_ref_kind(entry->ref, &why);
        if (entry->kind == CULL_ENTRY_NONE) {
            return reader_fail(reader, CULL_E_INVALID, reader->ref_at, "%s: %s",
                               entry_shown(reader, text), why);
        }
        return true;
    }
    entry->kind = CULL_ENTRY_BLOB;
    if (reader->kind_open) {
        reader->manifest->kind = kind_of_base64(reader->digest.len - 1);
        reader->kind_open = false;
    }
    if (cull_digest_from_base64(&entry->digest, reader->manifest->kind,
                                (const char *)reader->digest.data,
                                reader->digest.len - 1) != CULL_OK) {
        return reader_fail(reader, CULL_E_INVALID, reader->digest_at,
                           "%s: digest is not the base64 of %zu bytes (%s)",
                           entry_shown(reader, text), cull_digest_len(reader->manifest->kind),
                           cull_digest_kind_name(reader->manifest->kind));
    }
    return true;
}

static bool entry_end(struct reader *reader)
{
    cull_entry entry = { .path = (const char *)reader->path.data,
                         .path_len = (uint32_t)reader->path.len - 1,
                         .size_bytes = reader->size_bytes };
    cull_error reason;
    cull_status status;

    if (!entry_resolve(reader, &entry)) {
        return false;
    }
    if (reader->members.text.len > 0) {
        cull__buf_u8(&reader->members.text, '\0');
        if (reader->members.text.failed) {
            return reader_fail_nomem(reader);
        }
        entry.members = (const char *)reader->members.text.data;
    }
    reader->manifest->next_place = reader->path_at;
    status = cull__manifest_add_checked(reader->manifest, &entry, &reason);
    if (status == CULL_E_NOMEM) {
        return reader_fail_nomem(reader);
    }
    if (status == CULL_E_INVALID || status == CULL_E_LIMIT) {
        return reader_fail(
            reader, status,
            reader->size_bytes != CULL_SIZE_UNKNOWN ? reader->size_at : event_at(reader), "%s",
            reason.message);
    }
    if (status != CULL_OK) { /* the scratch file's failure, which has no place in the input */
        reader->status = cull__error_set(reader->err, status, "%s", reason.message);
        return false;
    }
    reader->place = PLACE_CONTENTS;
    return true;
}

/* Keep a string of the entry with a NUL behind it. */
static bool entry_keep(struct reader *reader, struct cull__buf *to, const char *what,
                       const unsigned char *text, size_t len)
{
    char shown[CULL_PRINTABLE_MAX];
    const char *fault = NULL;

    if (len > CULL_REF_BYTES_MAX) {
        return reader_fail(reader, CULL_E_LIMIT, event_at(reader), "%s: %s of over %d bytes",
                           entry_shown(reader, shown), what, CULL_REF_BYTES_MAX);
    }
    if (len > 0 && memchr(text, '\0', len) != NULL) {
        fault = "NUL";
    } else if (cull__utf8_valid_len((const char *)text, len) != len) {
        fault = "invalid UTF-8";
    }
    if (fault != NULL) {
        return reader_fail(reader, CULL_E_INVALID, event_at(reader), "%s: %s in the %s",
                           entry_shown(reader, shown), fault, what);
    }
    return reader_keep(reader, to, text, len);
}

static bool entry_size(struct reader *reader, const unsigned char *text, size_t len)
{
    char shown[CULL_PRINTABLE_MAX];
    uint64_t size = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)text[i] - '0';

        if (digit > 9) {
            return reader_fail(reader, CULL_E_INVALID, event_at(reader),
                               "%s: size is not a whole number of bytes",
                               entry_shown(reader, shown));
        }
        if (size > (CULL_SIZE_UNKNOWN - 1 - digit) / 10) {
            return reader_fail(reader, CULL_E_INVALID, event_at(reader), "%s: size overflows",
                               entry_shown(reader, shown));
        }
        size = size * 10 + digit;
    }
    reader->size_bytes = size;
    reader->size_at = event_at(reader);
    return true;
}

/* ---- events ---- */

static const struct known_key {
    enum place place;
    enum field field;
    const char *key;
    size_t len;
} known_keys[] = {
    /* those of entries first: there are most of them */
    { PLACE_ENTRY, FIELD_DIGEST, "digest", 6 },
    { PLACE_ENTRY, FIELD_SIZE, "size", 4 },
    { PLACE_ENTRY, FIELD_REF, "ref", 3 },
    { PLACE_TOP, FIELD_VERSION, "version", 7 },
    { PLACE_TOP, FIELD_POLICY, "storagePolicy", 13 },
    { PLACE_TOP, FIELD_CONFIG, "storagePolicyConfig", 19 },
    { PLACE_TOP, FIELD_CONTENTS, "contents", 8 },
    { PLACE_CONFIG, FIELD_LAYOUT, "storageLayout", 13 },
};

static bool key_path(struct reader *reader, const unsigned char *text, size_t len)
{
    cull_error reason;
    cull_status status = cull__manifest_check_path((const char *)text, len, &reason);

    reader->field = FIELD_ENTRY;
    reader->path_at = event_at(reader);
    if (status != CULL_OK) {
        return reader_fail(reader, status, reader->path_at, "%s", reason.message);
    }
    return reader_keep(reader, &reader->path, text, len);
}

/* Its value goes into what cull keeps an entry or a manifest as. */
static bool field_is_taken(enum field field)
{
    return field == FIELD_VERSION || field == FIELD_CONTENTS || field == FIELD_DIGEST ||
           field == FIELD_REF || field == FIELD_SIZE;
}

static bool event_key(struct reader *reader, const unsigned char *text, size_t len)
{
    unsigned *seen = reader->place == PLACE_ENTRY ? &reader->seen_entry : &reader->seen;

    if (reader->skip_depth > 0) {
        return note_key(reader, text, len);
    }
    if (reader->place == PLACE_CONTENTS) {
        return key_path(reader, text, len);
    }
    reader->field = FIELD_NONE;
    for (const struct known_key *known = known_keys; known < known_keys + ARRAY_LEN(known_keys);
         known++) {
        if (known->len != len || known->place != reader->place ||
            memcmp(known->key, text, len) != 0) {
            continue;
        }
        reader->field = known->field;
        if ((*seen & (1U << reader->field)) != 0) {
            return reader_fail(reader, CULL_E_INVALID, event_at(reader),
                               "\"%s\" stands there twice", known->key);
        }
        *seen |= 1U << reader->field;
        break;
    }
    return field_is_taken(reader->field) || note_key(reader, text, len);
}

static bool value_is_not(struct reader *reader, const char *what)
{
    char text[CULL_PRINTABLE_MAX];

    if (reader->place == PLACE_ENTRY || reader->field == FIELD_ENTRY) {
        return reader_fail(reader, CULL_E_INVALID, event_at(reader), "%s: %s",
                           entry_shown(reader, text), what);
    }
    return reader_fail(reader, CULL_E_INVALID, event_at(reader), "%s", what);
}

static bool text_is(const unsigned char *text, size_t len, const char *want)
{
    return strlen(want) == len && memcmp(text, want, len) == 0;
}

/* A value that a known key of the document waits for. */
static bool value_document(struct reader *reader, enum value value, const unsigned char *text,
                           size_t len)
{
    char shown[CULL_PRINTABLE_MAX];

    switch (reader->field) {
    case FIELD_VERSION:
        if (value != VALUE_NUMBER || !text_is(text, len, "1")) {
            bool number = value == VALUE_NUMBER;

            return reader_fail(reader, CULL_E_INVALID, event_at(reader),
                               "manifest version %s: only 1 is understood",
                               number ? cull__manifest_shown(shown, (const char *)text, len)
                                      : "that is no number");
        }
        return true;
    case FIELD_POLICY:
        return value == VALUE_STRING || value_is_not(reader, "storagePolicy is not a string");
    case FIELD_LAYOUT:
        if (value != VALUE_STRING || (!text_is(text, len, "V1") && !text_is(text, len, "V2"))) {
            return value_is_not(reader, "storageLayout is neither \"V1\" nor \"V2\"");
        }
        return true;
    case FIELD_CONFIG:
        if (value != VALUE_MAP) {
            return value_is_not(reader, "storagePolicyConfig is not an object");
        }
        reader->place = PLACE_CONFIG;
        return true;
    case FIELD_CONTENTS:
        if (value != VALUE_MAP) {
            return value_is_not(reader, "contents is not an object");
        }
        reader->place = PLACE_CONTENTS;
        return true;
    default:
        return true;
    }
}

/* A value that a known key of an entry, or its path, waits for. */
static bool value_entry(struct reader *reader, enum value value, const unsigned char *text,
                        size_t len)
{
    switch (reader->field) {
    case FIELD_ENTRY:
        if (value != VALUE_MAP) {
            return value_is_not(reader, "entry is not an object");
        }
        entry_begin(reader);
        return true;
    case FIELD_DIGEST:
        if (value != VALUE_STRING) {
            return value_is_not(reader, "digest is not a string");
        }
        reader->digest_at = event_at(reader);
        return entry_keep(reader, &reader->digest, "digest", text, len);
    case FIELD_REF:
        if (value == VALUE_NULL) { /* as if it were not there */
            reader->seen_entry &= ~(1U << FIELD_REF);
            return true;
        }
        if (value != VALUE_STRING) {
            return value_is_not(reader, "ref is not a string");
        }
        reader->ref_at = event_at(reader);
        return entry_keep(reader, &reader->ref, "ref", text, len);
    case FIELD_SIZE:
        if (value == VALUE_NULL) {
            return true;
        }
        if (value != VALUE_NUMBER) {
            return value_is_not(reader, "size is not a whole number of bytes");
        }
        return entry_size(reader, text, len);
    default:
        return true;
    }
}

/* Any value, or the begin of one. */
static bool event_value(struct reader *reader, enum value value, const unsigned char *text,
                        size_t len)
{
    bool nested = value == VALUE_MAP || value == VALUE_ARRAY;
    struct cull__note *note = note_open(reader);
    bool fine;

    reader->heard_at = read_at(reader);
    if (nested && ++reader->depth > READ_DEPTH_MAX) {
        return reader_fail(reader, CULL_E_LIMIT, event_at(reader), "nested deeper than %d",
                           READ_DEPTH_MAX);
    }
    if (note != NULL && !note_value(reader, note, value, text, len)) {
        return false;
    }
    if (reader->skip_depth > 0) {
        return true;
    }
    if (reader->place == PLACE_START) {
        reader->place = PLACE_TOP;
        return value == VALUE_MAP || value_is_not(reader, "manifest is not an object");
    }
    if (reader->field == FIELD_NONE) {
        reader->skip_depth = nested ? reader->depth : 0;
        return true;
    }
    fine = reader->field >= FIELD_ENTRY ? value_entry(reader, value, text, len)
                                        : value_document(reader, value, text, len);
    reader->field = FIELD_NONE;
    return fine;
}

static bool event_end(struct reader *reader, char close)
{
    struct cull__note *note = note_open(reader);
    unsigned depth = reader->depth--;

    reader->heard_at = read_at(reader);
    if (note != NULL) {
        cull__note_close(note, reader->depth, close);
        if (!note_checked(reader, note)) {
            return false;
        }
    }
    if (reader->skip_depth > 0) {
        reader->skip_depth = depth == reader->skip_depth ? 0 : reader->skip_depth;
        return true;
    }
    switch (reader->place) {
    case PLACE_ENTRY:
        return entry_end(reader);
    case PLACE_CONTENTS:
    case PLACE_CONFIG:
        reader->place = PLACE_TOP;
        return true;
    default:
        reader->place = PLACE_END;
        return false; /* what comes now, we look at ourselves */
    }
}

static int on_null(void *ctx)
{
    return event_value(ctx, VALUE_NULL, (const unsigned char *)"null", 4);
}

static int on_boolean(void *ctx, int value)
{
    return value != 0 ? event_value(ctx, VALUE_BOOLEAN, (const unsigned char *)"true", 4)
                      : event_value(ctx, VALUE_BOOLEAN, (const unsigned char *)"false", 5);
}

static int on_number(void *ctx, const char *text, size_t len)
{
    return event_value(ctx, VALUE_NUMBER, (const unsigned char *)text, len);
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
    return event_value(ctx, VALUE_STRING, text, len);
}

static int on_map_begin(void *ctx)
{
    return event_value(ctx, VALUE_MAP, NULL, 0);
}

static int on_map_key(void *ctx, const unsigned char *text, size_t len)
{
    struct reader *reader = ctx;

    reader->heard_at = read_at(reader);
    return event_key(reader, text, len);
}

static int on_array_begin(void *ctx)
{
    return event_value(ctx, VALUE_ARRAY, NULL, 0);
}

static int on_map_end(void *ctx)
{
    return event_end(ctx, '}');
}

static int on_array_end(void *ctx)
{
    return event_end(ctx, ']');
}

/* ---- pieces ---- */

/* One byte of a \uXXXX; false if it leaves half a surrogate pair. */
static bool escape_digit(struct escapes *escapes, unsigned char c, uint64_t at)
{
    unsigned digit = c <= '9' ? (unsigned)c - '0' : ((unsigned)c | 0x20U) - 'a' + 10;
    bool low;

    escapes->unit = escapes->unit << 4 | (digit & 0xf); /* what is no digit, yajl refuses */
    if (++escapes->digits < 4) {
        return true;
    }
    escapes->state = ESCAPE_NONE;
    low = (escapes->unit & 0xfc00) == 0xdc00;
    if (low != escapes->high) {
        return false;
    }
    escapes->high = (escapes->unit & 0xfc00) == 0xd800;
    escapes->low_at = at + 1;
    return true;
}

/* Length of the part of the piece in which no half of a surrogate pair stands alone. Outside of
 * strings there are no backslashes that yajl would let pass. */
static size_t escapes_fine_len(struct escapes *escapes, const uint8_t *piece, size_t len,
                               uint64_t piece_at)
{
    size_t at = 0;

    while (at < len) {
        if (escapes->state == ESCAPE_NONE) {
            const uint8_t *next = memchr(piece + at, '\\', len - at);
            size_t next_at = next != NULL ? (size_t)(next - piece) : len;

            if (escapes->high && piece_at + next_at != escapes->low_at) {
                return at; /* something else stands where its low half should */
            }
            at = next_at;
            escapes->state = next != NULL ? ESCAPE_BEGUN : ESCAPE_NONE;
        } else if (escapes->state == ESCAPE_BEGUN) {
            bool code = piece[at] == 'u';

            if (escapes->high && !code) {
                return at;
            }
            escapes->state = code ? ESCAPE_HEX : ESCAPE_NONE;
            escapes->digits = escapes->unit = 0;
        } else if (!escape_digit(escapes, piece[at], piece_at + at)) {
            return at;
        }
        at++;
    }
    return len;
}

/* Behind the document only white space may stand. */
static bool piece_is_blank(struct reader *reader, size_t from, size_t len)
{
    for (size_t at = from; at < len; at++) {
        uint8_t c = reader->piece[at];

        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            return reader_fail(reader, CULL_E_INVALID, reader->piece_at + at,
                               "something stands behind the manifest");
        }
    }
    return true;
}

/* Say what yajl found wrong, without its full stop and line end. */
static bool reader_fail_json(struct reader *reader, uint64_t at)
{
    unsigned char *text = yajl_get_error(reader->yajl, 0, NULL, 0);
    int len = (int)strcspn((const char *)text, "\n");

    if (len > 0 && text[len - 1] == '.') {
        len--;
    }
    reader_fail(reader, CULL_E_INVALID, at, "%.*s", len, (const char *)text);
    yajl_free_error(reader->yajl, text);
    return false;
}

/* What a plain entry has beside digest and size, as text; false: yajl's way will say. */
static bool plain_members(struct reader *reader, const struct cull__plain_entry *plain,
                          const char **out)
{
    struct cull__buf *text = &reader->members.text;
    size_t len = 0;
    uint8_t *room;

    *out = NULL;
    if (plain->member_count == 0) {
        return true;
    }
    for (size_t i = 0; i < plain->member_count; i++) {
        len += plain->members[i].key_len + 1 + plain->members[i].value_len + 1;
    }
    cull__buf_clear(text);
    room = len <= CULL_REF_BYTES_MAX ? cull__buf_room(text, len) : NULL;
    if (room == NULL) {
        text->failed = false;
        return false;
    }
    for (size_t i = 0; i < plain->member_count; i++) {
        memcpy(room, plain->members[i].key, plain->members[i].key_len);
        room += plain->members[i].key_len;
        *room++ = ':';
        memcpy(room, plain->members[i].value, plain->members[i].value_len);
        room += plain->members[i].value_len;
        *room++ = ',';
    }
    room[-1] = '\0';
    *out = (const char *)text->data;
    return true;
}

/* Add one plain entry; false: something is wrong with it that yajl's way will say. */
static bool plain_add(struct reader *reader, const struct cull__plain_entry *plain, uint64_t at)
{
    cull_entry entry = { .path = plain->path,
                         .path_len = (uint32_t)plain->path_len, /* a piece is shorter */
                         .kind = CULL_ENTRY_BLOB,
                         .size_bytes = plain->size_bytes };

    if (reader->kind_open || !plain_members(reader, plain, &entry.members) ||
        cull__manifest_check_path(plain->path, plain->path_len, NULL) != CULL_OK ||
        cull_digest_from_base64(&entry.digest, reader->manifest->kind, plain->digest,
                                plain->digest_len) != CULL_OK) {
        return false;
    }
    reader->manifest->next_place = at + plain->path_end;
    return cull__manifest_add_checked(reader->manifest, &entry, NULL) == CULL_OK;
}

/* Take plain entries from the piece's byte at on; returns where the first other thing stands. */
static size_t plain_take(struct reader *reader, size_t at, size_t end)
{
    struct cull__plain_entry plain;
    size_t len;

    while ((len = cull__manifest_plain_entry(reader->piece + at, end - at, &plain)) > 0 &&
           plain_add(reader, &plain, reader->piece_at + at)) {
        at += len;
        reader->heard_at = reader->piece_at + at;
    }
    return at;
}

/* Give the piece's first end bytes to yajl, but for what can be taken past it. */
static yajl_status piece_feed(struct reader *reader, size_t end)
{
    yajl_status parsed = yajl_status_ok;
    size_t at = 0;

    while (at < end && parsed == yajl_status_ok && reader->status == CULL_OK) {
        size_t stop = end;

        if (reader->plain && (reader->place == PLACE_CONTENTS || reader->place == PLACE_ENTRY)) {
            const uint8_t *brace = memchr(reader->piece + at, '}', end - at);

            stop = brace != NULL ? (size_t)(brace - reader->piece) + 1 : end;
        }
        reader->fed_at = reader->piece_at + at;
        parsed = yajl_parse(reader->yajl, reader->piece + at, stop - at);
        at = stop;
        if (reader->plain && parsed == yajl_status_ok && reader->place == PLACE_CONTENTS &&
            reader->piece[at - 1] == '}' && reader->heard_at == reader->piece_at + at) {
            at = plain_take(reader, at, end); /* that brace ended an entry */
        }
    }
    return parsed;
}

static bool piece_parse(struct reader *reader, size_t len)
{
    size_t fine = escapes_fine_len(&reader->escapes, reader->piece, len, reader->piece_at);
    yajl_status parsed = piece_feed(reader, fine);

    if (reader->status != CULL_OK) {
        return false;
    }
    if (reader->place == PLACE_END) {
        return piece_is_blank(reader, (size_t)(read_at(reader) - reader->piece_at), len);
    }
    if (parsed != yajl_status_ok) {
        return reader_fail_json(reader, read_at(reader));
    }
    if (fine < len) {
        return reader_fail(reader, CULL_E_INVALID, reader->piece_at + fine,
                           "half a surrogate pair in a string");
    }
    if (reader->piece_at + len - reader->heard_at > READ_TOKEN_BYTES_MAX) {
        return reader_fail(reader, CULL_E_LIMIT, reader->piece_at + len,
                           "no end of a value in %" PRIu64 " bytes", READ_TOKEN_BYTES_MAX);
    }
    return true;
}

/* Fill the piece, so that its bounds, and with them every message, do not depend on the source. */
static bool piece_fill(struct reader *reader, size_t *len)
{
    *len = 0;
    while (*len < READ_PIECE_BYTES) {
        size_t got = 0;

        reader->status = reader->read(reader->ctx, reader->piece + *len, READ_PIECE_BYTES - *len,
                                      &got, reader->err);
        if (reader->status != CULL_OK) {
            return false;
        }
        CULL_ASSERT(got <= READ_PIECE_BYTES - *len);
        if (got == 0) {
            break;
        }
        *len += got;
    }
    return true;
}

static void reader_pump(struct reader *reader)
{
    size_t len;

    do {
        if (!piece_fill(reader, &len)) {
            return;
        }
        if (!(reader->place == PLACE_END ? piece_is_blank(reader, 0, len)
                                         : piece_parse(reader, len))) {
            return;
        }
        reader->piece_at += len;
    } while (len == READ_PIECE_BYTES);

    if (reader->place != PLACE_END) {
        uint64_t end = reader->piece_at;

        if (yajl_complete_parse(reader->yajl) != yajl_status_ok && reader->status == CULL_OK) {
            reader_fail_json(reader, end);
        }
        reader_fail(reader, CULL_E_INVALID, end, "cut short"); /* unless something was said */
        return;
    }
    if ((reader->seen & (1U << FIELD_VERSION)) == 0) {
        reader_fail(reader, CULL_E_INVALID, reader->piece_at, "manifest without a version");
    } else if ((reader->seen & (1U << FIELD_CONTENTS)) == 0) {
        reader_fail(reader, CULL_E_INVALID, reader->piece_at, "manifest without contents");
    }
}

/* Everything that runs inside of yajl: its allocator comes back here when memory is out. */
static void reader_run(struct reader *reader)
{
    static const yajl_callbacks callbacks = {
        on_null,      on_boolean, NULL,       NULL,           on_number,    on_string,
        on_map_begin, on_map_key, on_map_end, on_array_begin, on_array_end,
    };
    yajl_alloc_funcs funcs = { yajl_block_alloc, yajl_block_realloc, yajl_block_free, reader };

    if (setjmp(reader->nomem) != 0) {
        reader_fail_nomem(reader);
        return;
    }
    reader->yajl = yajl_alloc(&callbacks, &funcs, reader);
    reader_pump(reader);
}

/* Sort; the place of a duplicate is where it stands the second time. */
static void reader_seal(struct reader *reader)
{
    struct cull__manifest_duplicate duplicate;

    reader->status = cull__manifest_close(reader->manifest, &duplicate, reader->err);
    if (reader->status == CULL_OK && duplicate.found) {
        reader_fail(reader, CULL_E_INVALID, duplicate.place, "%s: duplicate path", duplicate.shown);
    }
}

/* The manifest keeps what the document says of itself, unless cull would say the same. */
static void reader_head(struct reader *reader)
{
    struct cull__buf *text = &reader->head.text;
    cull_manifest *manifest = reader->manifest;

    manifest->dropped = reader->head.dropped + reader->members.dropped;
    if (text->len == sizeof CULL__MANIFEST_OWN_HEAD - 1 &&
        memcmp(text->data, CULL__MANIFEST_OWN_HEAD, text->len) == 0) {
        return;
    }
    manifest->head = cull__alloc(manifest->allocator, text->len + 1, 1);
    if (manifest->head == NULL) {
        reader_fail_nomem(reader);
        return;
    }
    if (text->len > 0) {
        memcpy(manifest->head, text->data, text->len);
    }
    manifest->head[text->len] = '\0';
}

cull_status cull_manifest_read(cull_manifest **out, cull_digest_kind kind, const char *name,
                               cull_read_fn read, void *ctx, const cull_allocator *allocator,
                               cull_error *err)
{
    return cull__manifest_read_json(out, kind, name, read, ctx, true, NULL, allocator, err);
}

cull_status cull_manifest_read_in(cull_manifest **out, cull_digest_kind kind, const char *name,
                                  cull_read_fn read, void *ctx, const cull_scratch *scratch,
                                  const cull_allocator *allocator, cull_error *err)
{
    return cull__manifest_read_json(out, kind, name, read, ctx, true, scratch, allocator, err);
}

cull_status cull__manifest_read_json(cull_manifest **out, cull_digest_kind kind, const char *name,
                                     cull_read_fn read, void *ctx, bool plain,
                                     const cull_scratch *scratch, const cull_allocator *allocator,
                                     cull_error *err)
{
    const cull_allocator *used = allocator != NULL ? allocator : cull_allocator_default();
    struct reader reader = { .name = name,
                             .read = read,
                             .ctx = ctx,
                             .plain = plain,
                             .allocator = used,
                             .err = err,
                             .path = CULL__BUF_INIT(used),
                             .digest = CULL__BUF_INIT(used),
                             .ref = CULL__BUF_INIT(used),
                             .members.text = CULL__BUF_INIT(used),
                             .head.text = CULL__BUF_INIT(used) };

    *out = NULL;
    reader.piece = cull__alloc(used, READ_PIECE_BYTES, 1);
    reader.kind_open = kind == CULL_DIGEST_NONE;
    if (reader.piece == NULL ||
        cull_manifest_new_in(&reader.manifest, reader.kind_open ? CULL_DIGEST_MD5 : kind, scratch,
                             used) != CULL_OK) {
        reader_fail_nomem(&reader);
        goto done;
    }
    reader.manifest->keeps_places = true;
    reader_run(&reader);
    blocks_release(&reader);
    if (reader.status == CULL_OK) {
        reader_head(&reader);
    }
    if (reader.status == CULL_OK) {
        reader_seal(&reader);
    }
    if (reader.status == CULL_OK) {
        *out = reader.manifest;
        reader.manifest = NULL;
    }
done:
    cull_manifest_free(reader.manifest);
    cull__free(used, reader.piece);
    cull__buf_release(&reader.path);
    cull__buf_release(&reader.digest);
    cull__buf_release(&reader.ref);
    cull__buf_release(&reader.members.text);
    cull__buf_release(&reader.head.text);
    return reader.status;
}

struct bytes_left {
    const uint8_t *at;
    size_t len;
};

static cull_status bytes_read(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    struct bytes_left *left = ctx;

    (void)err;
    *got = len < left->len ? len : left->len;
    if (*got > 0) {
        memcpy(data, left->at, *got);
        left->at += *got;
        left->len -= *got;
    }
    return CULL_OK;
}

cull_status cull_manifest_parse(cull_manifest **out, cull_digest_kind kind, const char *name,
                                const void *data, size_t len, const cull_allocator *allocator,
                                cull_error *err)
{
    struct bytes_left left = { data, len };

    return cull_manifest_read(out, kind, name, bytes_read, &left, allocator, err);
}
