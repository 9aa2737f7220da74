/*
 * output.c - JSON records and text tables on stdout.
 *
 * SHAPE     A record is built in memory and written as one line, so a run that fails in the middle
 *           of one leaves no half line. The fields of the last record gather beside it.
 * FAILURE   Memory and writing fail stickily; output_close() tells, and the run then fails too.
 * WHY NOT   jansson: a tree for each of two million records, to print it once.
 */
#include "output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "units.h"

/* --- text that grows ----------------------------------------------------------------------- */

static char *text_room(struct text *text, size_t len)
{
    if (text->failed || len > SIZE_MAX / 4 - text->len) {
        text->failed = true;
        return NULL;
    }
    if (text->capacity - text->len <= len) { /* one more for a NUL */
        size_t capacity = text->capacity + text->capacity / 2 + len + 128;
        char *grown = realloc(text->data, capacity);

        if (grown == NULL) {
            text->failed = true;
            return NULL;
        }
        text->data = grown;
        text->capacity = capacity;
    }
    return text->data + text->len;
}

void text_put(struct text *text, const char *bytes, size_t len)
{
    char *room = text_room(text, len);

    if (room != NULL) {
        memcpy(room, bytes, len);
        room[len] = '\0';
        text->len += len;
    }
}

CULL_PRINTF(2, 0)
static void text_vprint(struct text *text, const char *format, va_list args)
{
    va_list again;
    char *room;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    room = len < 0 ? NULL : text_room(text, (size_t)len);
    if (room != NULL) {
        (void)vsnprintf(room, (size_t)len + 1, format, again);
        text->len += (size_t)len;
    }
    va_end(again);
}

void text_print(struct text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text_vprint(text, format, args);
    va_end(args);
}

void text_release(struct text *text)
{
    free(text->data);
    *text = (struct text){ NULL, 0, 0, text->failed };
}

/* --- bytes from outside -------------------------------------------------------------------- */

/* The length of the character that a text begins with, and what it is; 0: it begins with none. */
static size_t utf8_char(const char *bytes, size_t len, uint32_t *out)
{
    const unsigned char *at = (const unsigned char *)bytes;
    size_t want;
    uint32_t code;

    if (len == 0) {
        return 0;
    }
    if (at[0] < 0x80) {
        *out = at[0];
        return 1;
    }
    if (at[0] < 0xc2 || at[0] > 0xf4) {
        return 0;
    }
    want = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (len < want) {
        return 0;
    }
    code = at[0] & (0xffu >> (want + 1));
    for (size_t i = 1; i < want; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (at[i] & 0x3fu);
    }
    if ((want == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) ||
        (want == 4 && (code < 0x10000 || code > 0x10ffff))) {
        return 0; /* overlong, a surrogate, or beyond Unicode */
    }
    *out = code;
    return want;
}

size_t utf8_char_len(const char *bytes, size_t len)
{
    uint32_t code;

    return utf8_char(bytes, len, &code);
}

bool utf8_valid(const char *bytes, size_t len)
{
    while (len > 0) {
        size_t step = utf8_char_len(bytes, len);

        if (step == 0) {
            return false;
        }
        bytes += step;
        len -= step;
    }
    return true;
}

/* Is this a character that changes how a line looks and is not seen itself? Terminals obey controls,
 * and with marks of direction or of joining one name can be made to look like another. */
static bool is_unseen(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

/* One character as it may stand in a line: itself, or \xNN for one byte that may not. *step: the
 * bytes used up. Returns the length put into shown. */
static size_t show_char(char shown[8], const char *bytes, size_t len, size_t *step)
{
    uint32_t code;

    *step = utf8_char(bytes, len, &code);
    if (*step == 0 || is_unseen(code)) {
        *step = 1; /* the bytes that follow it begin no character */
        return (size_t)snprintf(shown, 8, "\\x%02x", (unsigned char)bytes[0]);
    }
    memcpy(shown, bytes, *step);
    return *step;
}

const char *printable(char text[PRINTABLE_MAX], const char *bytes)
{
    size_t len = strlen(bytes);
    size_t at = 0;

    while (len > 0) {
        char shown[8];
        size_t step = 0;
        size_t shown_len = show_char(shown, bytes, len, &step);

        if (at + shown_len + 4 > PRINTABLE_MAX) {
            memcpy(text + at, "...", 3);
            at += 3;
            break;
        }
        memcpy(text + at, shown, shown_len);
        at += shown_len;
        bytes += step;
        len -= step;
    }
    text[at] = '\0';
    return text;
}

const char *printable_path(char text[PRINTABLE_MAX], const char *dir, const char *path)
{
    char joined[2 * PRINTABLE_MAX]; /* what is longer is cut anyway */

    (void)snprintf(joined, sizeof(joined), "%s%s%s", dir, *path == '\0' ? "" : "/", path);
    return printable(text, joined);
}

void text_escaped(struct text *text, const char *bytes)
{
    size_t len = strlen(bytes);

    while (len > 0) {
        char shown[8];
        size_t step = 0;
        size_t shown_len = show_char(shown, bytes, len, &step);

        text_put(text, shown, shown_len);
        bytes += step;
        len -= step;
    }
}

void print_escaped(const char *bytes)
{
    size_t len = strlen(bytes);

    while (len > 0) {
        char shown[8];
        size_t step = 0;
        size_t shown_len = show_char(shown, bytes, len, &step);

        (void)fwrite(shown, 1, shown_len, stdout);
        bytes += step;
        len -= step;
    }
}

/* --- the whole ----------------------------------------------------------------------------- */

void output_init(struct output *out, bool json, bool color_allowed)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool color = color_allowed && (no_color == NULL || *no_color == '\0') && term != NULL &&
                 strcmp(term, "dumb") != 0;

    *out = (struct output){ .json = json };
    out->color = color && !json && isatty(STDOUT_FILENO) == 1;
    out->color_err = color && isatty(STDERR_FILENO) == 1;
    out->into = &out->record;
}

void output_flush(struct output *out)
{
    errno = 0;
    if (fflush(stdout) != 0 && out->write_errno == 0) {
        out->write_errno = errno; /* a second fflush would say that all is well */
    }
}

bool output_close(struct output *out)
{
    bool good = !out->record.failed && !out->summary.failed && !out->table.failed;

    text_release(&out->record);
    text_release(&out->summary);
    text_release(&out->table);
    output_flush(out);
    if (out->write_errno == 0 && ferror(stdout) != 0) {
        out->write_errno = EIO; /* in the middle of a long listing: why is lost */
    }
    if (out->write_errno == 0 && !good) {
        out->write_errno = ENOMEM;
    }
    return out->write_errno == 0;
}

/* --- JSON ---------------------------------------------------------------------------------- */

static void put_string(struct text *into, const char *bytes)
{
    size_t len = strlen(bytes);

    text_put(into, "\"", 1);
    while (len > 0) {
        unsigned char byte = (unsigned char)bytes[0];
        size_t step = utf8_char_len(bytes, len);

        if (step == 0) {
            text_print(into, "\\\\x%02x", byte);
            step = 1;
        } else if (byte == '"' || byte == '\\') {
            text_print(into, "\\%c", byte);
        } else if (byte < 0x20 || byte == 0x7f) {
            text_print(into, "\\u%04x", byte);
        } else {
            text_put(into, bytes, step);
        }
        bytes += step;
        len -= step;
    }
    text_put(into, "\"", 1);
}

/* The key and its colon; NULL: nothing is to be written. */
static struct text *field(struct output *out, const char *key)
{
    if (!out->json) {
        return NULL;
    }
    if (out->into == &out->summary || !out->first) {
        text_put(out->into, ",", 1); /* the summary's fields follow its fixed ones */
    }
    out->first = false;
    put_string(out->into, key);
    text_put(out->into, ":", 1);
    return out->into;
}

void record_begin(struct output *out, const char *type)
{
    if (out->json) {
        out->record.len = 0;
        out->into = &out->record;
        text_put(&out->record, "{", 1);
        out->first = true;
        field_text(out, "type", type);
    }
}

void record_end(struct output *out)
{
    if (out->json) {
        text_put(&out->record, "}\n", 2);
        if (!out->record.failed) {
            (void)fwrite(out->record.data, 1, out->record.len, stdout);
        }
    }
}

void summary_begin(struct output *out)
{
    out->into = &out->summary;
}

void summary_end(struct output *out)
{
    out->into = &out->record;
}

void field_text(struct output *out, const char *key, const char *value)
{
    struct text *into = field(out, key);

    if (into != NULL) {
        put_string(into, value);
    }
}

void field_number(struct output *out, const char *key, uint64_t value)
{
    struct text *into = field(out, key);

    if (into != NULL) {
        text_print(into, "%" PRIu64, value);
    }
}

void field_bool(struct output *out, const char *key, bool value)
{
    struct text *into = field(out, key);

    if (into != NULL) {
        text_print(into, "%s", value ? "true" : "false");
    }
}

void field_seconds(struct output *out, const char *key, uint64_t ns)
{
    struct text *into = field(out, key);

    if (into != NULL) {
        text_print(into, "%" PRIu64 ".%06" PRIu64, ns / 1000000000, ns % 1000000000 / 1000);
    }
}

void field_time(struct output *out, const char *key, uint64_t unix_ms)
{
    char shown[UNITS_TEXT_MAX];
    struct text *into = field(out, key);

    if (into != NULL) {
        text_print(into, unix_ms == 0 ? "null" : "\"%s\"", time_text_ms(shown, unix_ms));
    }
}

void field_digest(struct output *out, const char *key, const cull_digest *digest,
                  cull_digest_kind kind)
{
    char hex[CULL_DIGEST_HEX_MAX];

    cull_digest_to_hex(hex, digest, kind);
    field_text(out, key, hex);
}

void field_list(struct output *out, const char *key, const char *const *items, size_t count)
{
    struct text *into = field(out, key);

    if (into == NULL) {
        return;
    }
    text_put(into, "[", 1);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            text_put(into, ",", 1);
        }
        put_string(into, items[i]);
    }
    text_put(into, "]", 1);
}

void summary_print(struct output *out, const char *command, const char *status, const char *message)
{
    if (!out->json) {
        return;
    }
    record_begin(out, "summary");
    field_number(out, "schema", 1);
    field_text(out, "status", status);
    if (command != NULL) {
        field_text(out, "command", command);
    }
    if (message != NULL) {
        field_text(out, "message", message);
    }
    if (out->summary.len > 0) {
        text_put(&out->record, out->summary.data, out->summary.len);
    }
    record_end(out);
}

/* --- tables -------------------------------------------------------------------------------- */

#define COLUMNS_MAX 16

void table_begin(struct output *out, const char *const *heads, size_t count)
{
    out->table.len = 0;
    for (size_t i = 0; i < count; i++) {
        table_cell(out, "%s", heads[i]);
    }
    table_row_end(out);
}

void table_cell(struct output *out, const char *format, ...)
{
    struct text cell = { NULL, 0, 0, false };
    va_list args;

    if (out->json) {
        return;
    }
    va_start(args, format);
    text_vprint(&cell, format, args);
    va_end(args);
    text_escaped(&out->table, cell.data == NULL ? "" : cell.data);
    out->table.failed = out->table.failed || cell.failed;
    text_release(&cell);
    text_put(&out->table, "\t", 1);
}

void table_row_end(struct output *out)
{
    if (!out->json) {
        text_put(&out->table, "\n", 1);
    }
}

/* Columns that a terminal takes for UTF-8 text, wide characters counted as one. */
static size_t text_columns(const char *bytes, size_t len)
{
    size_t columns = 0;

    for (size_t i = 0; i < len; i++) {
        columns += ((unsigned char)bytes[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    return columns;
}

static void table_measure(const struct text *table, size_t widths[COLUMNS_MAX])
{
    const char *at = table->data;
    const char *end = table->data + table->len;
    size_t column = 0;

    for (const char *cell = at; at < end; at++) {
        if (*at == '\t') {
            size_t width = text_columns(cell, (size_t)(at - cell));

            if (column < COLUMNS_MAX) {
                widths[column] = widths[column] < width ? width : widths[column];
                column++;
            }
            cell = at + 1;
        } else if (*at == '\n') {
            column = 0;
            cell = at + 1;
        }
    }
}

static void print_cell(const char *cell, size_t len, size_t width, bool right, bool last)
{
    size_t columns = text_columns(cell, len);
    int pad = (int)(width > columns ? width - columns : 0);

    if (right) {
        (void)printf("%*s", pad, "");
    }
    (void)fwrite(cell, 1, len, stdout);
    if (!last) {
        (void)printf("%*s", (right ? 0 : pad) + 2, "");
    }
}

void table_end(struct output *out, const char *align)
{
    const struct text *table = &out->table;
    size_t widths[COLUMNS_MAX] = { 0 };
    size_t columns = strlen(align);
    size_t column = 0;
    bool head = true;
    const char *cell = table->data;

    if (out->json || table->failed || table->len == 0) {
        return;
    }
    table_measure(table, widths);
    for (const char *at = table->data; at < table->data + table->len; at++) {
        if (*at == '\t') {
            if (head && column == 0 && out->color) {
                (void)fputs("\033[1m", stdout);
            }
            print_cell(cell, (size_t)(at - cell), widths[column],
                       column < columns && align[column] == '>', at[1] == '\n');
            column++;
            cell = at + 1;
        } else if (*at == '\n') {
            (void)fputs(head && out->color ? "\033[0m\n" : "\n", stdout);
            head = false;
            column = 0;
            cell = at + 1;
        }
    }
    out->table.len = 0;
}
