/*
 * manifest_note.c - what cull keeps of a manifest without a use for it, written down as it is read.
 *
 * SHAPE     A parser's events become JSON again, in the one form that manifest_members.c knows: no
 *           white space, escapes only where they must be. A comma is due where the text does not
 *           end in the begin of something. So are kept other members of entries, and, as a
 *           manifest's head, those of the document itself.
 * FAILURE   A member that makes the text too long is taken out again and counted: a reader ignores
 *           what it does not know, and says what it did not keep.
 * WHY NOT   the bytes as they stood: they lie in pieces, and one text could stand in many forms.
 */
#include "manifest/manifest_internal.h"

#include <stdio.h>

/* --- strings ------------------------------------------------------------------------------------ */

const char *cull__json_escape(char c, char text[7])
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        if ((unsigned char)c >= 0x20) {
            return NULL;
        }
        (void)snprintf(text, 7, "\\u%04x", (unsigned)(unsigned char)c);
        return text;
    }
}

void cull__json_put_string(struct cull__buf *buf, const char *text, size_t len)
{
    size_t plain = 0; /* what is not written yet and needs no escape */

    cull__buf_u8(buf, '"');
    for (size_t i = 0; i < len; i++) {
        char code[7];
        const char *escape = cull__json_escape(text[i], code);

        if (escape != NULL) {
            cull__buf_put(buf, text + plain, i - plain);
            cull__buf_put(buf, escape, strlen(escape));
            plain = i + 1;
        }
    }
    cull__buf_put(buf, text + plain, len - plain);
    cull__buf_u8(buf, '"');
}

/* --- members ------------------------------------------------------------------------------------ */

static void bound(struct cull__note *note)
{
    if (note->text.len > CULL_REF_BYTES_MAX && !note->drops) {
        note->drops = true;
        note->text.len = note->start;
        note->dropped++;
    }
}

static void put_comma(struct cull__note *note)
{
    const struct cull__buf *text = &note->text;

    if (text->len > 0 && strchr(":[{", text->data[text->len - 1]) == NULL) {
        cull__buf_u8(&note->text, ',');
    }
}

static void put_string(struct cull__note *note, const char *text, size_t len)
{
    if (cull__utf8_valid_len(text, len) != len) {
        note->invalid = true;
    } else {
        cull__json_put_string(&note->text, text, len);
    }
}

void cull__note_begin(struct cull__note *note, unsigned depth)
{
    note->start = note->text.len;
    note->depth = depth;
    note->open = true;
    note->drops = false;
}

void cull__note_key(struct cull__note *note, const char *text, size_t len)
{
    if (!note->drops) {
        put_comma(note);
        put_string(note, text, len);
        cull__buf_u8(&note->text, ':');
        bound(note);
    }
}

void cull__note_string(struct cull__note *note, unsigned depth, const char *text, size_t len)
{
    note->open = depth > note->depth;
    if (!note->drops) {
        put_comma(note);
        put_string(note, text, len);
        bound(note);
    }
}

void cull__note_word(struct cull__note *note, unsigned depth, const char *text, size_t len)
{
    note->open = depth > note->depth;
    if (!note->drops) {
        put_comma(note);
        cull__buf_put(&note->text, text, len);
        bound(note);
    }
}

void cull__note_close(struct cull__note *note, unsigned depth, char close)
{
    note->open = depth > note->depth;
    if (!note->drops) {
        cull__buf_u8(&note->text, (uint8_t)close);
        bound(note);
    }
}

/* --- heads -------------------------------------------------------------------------------------- */

/* Read back as a manifest's, a text that is one is the same. */
cull_status cull_manifest_head_set(cull_manifest *manifest, const char *head, cull_error *err)
{
    struct cull__buf text = CULL__BUF_INIT(manifest->allocator);
    cull_manifest *read = NULL;
    cull_status status = CULL_OK;
    size_t len = head == NULL ? 0 : strlen(head);
    static const char begin[] = "{\"version\":1";
    static const char end[] = ",\"contents\":{}}";

    if (head == NULL) {
        head = CULL__MANIFEST_OWN_HEAD;
        len = sizeof CULL__MANIFEST_OWN_HEAD - 1;
    }
    cull__buf_put(&text, begin, sizeof begin - 1);
    cull__buf_put(&text, ",", len > 0);
    cull__buf_put(&text, head, len);
    cull__buf_put(&text, end, sizeof end - 1);
    status = text.failed ? cull__error_nomem(err)
                         : cull_manifest_parse(&read, CULL_DIGEST_MD5, "head", text.data, text.len,
                                               manifest->allocator, err);
    if (read != NULL &&
        strcmp(read->head != NULL ? read->head : CULL__MANIFEST_OWN_HEAD, head) != 0) {
        status = cull__error_set(err, CULL_E_INVALID, "head: not as it would be written");
    }
    if (status == CULL_OK && read != NULL) {
        cull__free(manifest->allocator, manifest->head);
        manifest->head = read->head;
        read->head = NULL;
    }
    cull_manifest_free(read);
    cull__buf_release(&text);
    return status;
}
