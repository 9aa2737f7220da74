/*
 * output.h - what goes to stdout: JSON records, one a line, or aligned text; and how names that
 * come from outside are made printable.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdio.h>

#include "cull/base.h"
#include "cull/digest.h"

/* Grows; a failure is sticky and shows in output_close(). */
struct text {
    char *data;
    size_t len;
    size_t capacity;
    bool failed;
};

void text_put(struct text *text, const char *bytes, size_t len);
void text_print(struct text *text, const char *format, ...) CULL_PRINTF(2, 3);
/* Append, escaped like printable(). */
void text_escaped(struct text *text, const char *bytes);
void text_release(struct text *text);

struct output {
    bool json;
    bool color;          /* stdout is a terminal that may be coloured */
    bool color_err;      /* so is stderr */
    struct text record;  /* the JSON record being made */
    struct text summary; /* fields of the last record, `"key":value,...` */
    struct text *into;   /* record or summary */
    struct text table;   /* rows that wait to be aligned: cells end in \t, rows in \n */
    int write_errno;     /* of the first write that failed */
    bool first;          /* no field or element stands in the record yet */
};

void output_init(struct output *out, bool json, bool color_allowed);
/* Write out what is buffered, and remember if that fails. */
void output_flush(struct output *out);
/* Flush and release. False: something could not be written, or there was no memory for it. */
bool output_close(struct output *out);

/* Copy with control characters, marks that are not seen (of direction, of joining) and bytes that
 * are no UTF-8 as \xNN; cut with "..." if it is too long. Returns text. */
#define PRINTABLE_MAX 400
const char *printable(char text[PRINTABLE_MAX], const char *bytes);
/* The same of "dir/path"; path may be "". */
const char *printable_path(char text[PRINTABLE_MAX], const char *dir, const char *path);
/* Length of the valid UTF-8 character at bytes, 0 if there is none. */
size_t utf8_char_len(const char *bytes, size_t len);
bool utf8_valid(const char *bytes, size_t len);
/* Print to stdout in full, escaped like printable(). */
void print_escaped(const char *bytes);

/* JSON. Only what stands between record_begin and record_end, or after summary_begin, is kept;
 * all do nothing without --json. Bytes that are no UTF-8 stand as the four characters \xNN. */
void record_begin(struct output *out, const char *type);
void record_end(struct output *out);
void summary_begin(struct output *out); /* fields up to summary_end go to the last record */
void summary_end(struct output *out);
void field_text(struct output *out, const char *key, const char *value);
void field_number(struct output *out, const char *key, uint64_t value);
void field_bool(struct output *out, const char *key, bool value);
void field_seconds(struct output *out, const char *key, uint64_t ns);
void field_time(struct output *out, const char *key, uint64_t unix_ms); /* RFC 3339; 0: null */
void field_digest(struct output *out, const char *key, const cull_digest *digest,
                  cull_digest_kind kind);
void field_list(struct output *out, const char *key, const char *const *items, size_t count);
/* The last record: type, schema, status, message if there is one, and the summary's fields. */
void summary_print(struct output *out, const char *command, const char *status,
                   const char *message);

/* Text tables; do nothing with --json. Cells of a row are added one by one; columns are as wide
 * as their widest cell; align has one `<` or `>` a column. */
void table_begin(struct output *out, const char *const *heads, size_t count);
void table_cell(struct output *out, const char *format, ...) CULL_PRINTF(2, 3);
void table_row_end(struct output *out);
void table_end(struct output *out, const char *align);

#endif
