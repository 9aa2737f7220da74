/*
 * git_note.c - what a version that was imported from git says of itself in its metadata.
 *
 * SHAPE     {"commit":"ID","step":N}, with "tag":"NAME" if steps are tags, and then "moved":true if
 *           the tag was of another commit before; a name that is no text, or is too long, is "".
 * FAILURE   Metadata that git_note_write() did not write is no note: such a version is passed over.
 */
#include "git_note.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "resolve.h"

#define NOTE_COMMIT "{\"commit\":\""
#define NOTE_STEP "\",\"step\":"
#define NOTE_TAG ",\"tag\":\""
#define NOTE_MOVED ",\"moved\":true"

void git_note_write(char text[GIT_NOTE_MAX], const struct git_step *step, uint64_t number)
{
    char hex[GIT_HEX_BYTES + 1];
    size_t used;

    git_id_hex(hex, &step->commit);
    used = (size_t)snprintf(text, GIT_NOTE_MAX, NOTE_COMMIT "%s" NOTE_STEP "%" PRIu64, hex, number);
    if (step->tag != NULL) { /* one that is no text: "" */
        bool fits =
            strlen(step->tag) <= CULL_NAME_BYTES_MAX && utf8_valid(step->tag, strlen(step->tag));

        used += (size_t)snprintf(text + used, GIT_NOTE_MAX - used, NOTE_TAG);
        for (const char *c = step->tag; fits && *c != '\0'; c++) { /* no backslash, no control */
            if (*c == '"') {
                text[used++] = '\\';
            }
            text[used++] = *c;
        }
        text[used++] = '"';
        used +=
            (size_t)snprintf(text + used, GIT_NOTE_MAX - used, "%s", step->moved ? NOTE_MOVED : "");
    }
    text[used++] = '}';
    text[used] = '\0';
}

/* The name behind a note's commit and number, which ends in a quote, and what is behind it. */
static void take_tag(struct git_note *out, const char *text, size_t len)
{
    size_t used = 0;
    size_t at = 0;

    for (; at < len && text[at] != '"' && used < CULL_NAME_BYTES_MAX; at++) {
        at += text[at] == '\\' && at + 1 < len;
        out->tag[used++] = text[at];
    }
    out->tag[used] = '\0';
    out->moved = len - at > sizeof(NOTE_MOVED) &&
                 memcmp(text + at + 1, NOTE_MOVED, sizeof(NOTE_MOVED) - 1) == 0;
}

/* Only what git_note_write() writes is one. */
static bool note_parse(struct git_note *out, const char *text, size_t len)
{
    const size_t commit_at = sizeof(NOTE_COMMIT) - 1;
    const char *quote = len > commit_at ? memchr(text + commit_at, '"', len - commit_at) : NULL;
    const size_t step_at = quote == NULL ? len : (size_t)(quote - text);
    size_t at = step_at + sizeof(NOTE_STEP) - 1;
    size_t digits = 0;

    if (len <= at || memcmp(text, NOTE_COMMIT, sizeof(NOTE_COMMIT) - 1) != 0 ||
        memcmp(text + step_at, NOTE_STEP, sizeof(NOTE_STEP) - 1) != 0 ||
        !git_id_parse(&out->commit, text + commit_at, step_at - commit_at)) {
        return false;
    }
    for (out->number = 0; at < len && text[at] >= '0' && text[at] <= '9' && digits < 18; at++) {
        out->number = out->number * 10 + (uint64_t)(text[at] - '0');
        digits++;
    }
    out->is_tag =
        len - at > sizeof(NOTE_TAG) - 1 && memcmp(text + at, NOTE_TAG, sizeof(NOTE_TAG) - 1) == 0;
    if (out->is_tag) {
        take_tag(out, text + at + sizeof(NOTE_TAG) - 1, len - at - (sizeof(NOTE_TAG) - 1));
    }
    return digits > 0 && at < len && (out->is_tag || text[at] == '}');
}

static cull_status visit_metadata(void *ctx, const void *data, size_t len, cull_error *err)
{
    struct git_note *note = ctx;

    (void)err;
    note->found = note_parse(note, data, len);
    return CULL_OK;
}

static cull_status skip_text(void *ctx, const void *data, size_t len, cull_error *err)
{
    (void)ctx;
    (void)data;
    (void)len;
    (void)err;
    return CULL_OK;
}

cull_status git_note_read(struct git_note *out, struct cli *cli, const cull_version_key *key)
{
    cull_status status;

    *out = (struct git_note){ .found = false };
    status = cull_version_notes(cli->store, key, skip_text, visit_metadata, out, &cli->err);
    if (status == CULL_E_NOTFOUND) { /* purged in between */
        cli->err = (cull_error){ CULL_OK, "" };
        status = CULL_OK;
    }
    return status;
}

bool git_tag_fits_alias(const char *tag)
{
    size_t len = strlen(tag);

    return len > 0 && len <= CULL_NAME_BYTES_MAX && utf8_valid(tag, len) &&
           strpbrk(tag, "/:") == NULL && strcmp(tag, "latest") != 0 &&
           (tag[0] != 'v' || len == 1 || strspn(tag + 1, "0123456789") != len - 1);
}
