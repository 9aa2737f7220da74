/*
 * manifest_list.c - lists of files and their digests, as tools print them, to a manifest.
 *
 * SHAPE     Lines, cut out of pieces of 64 KiB where they stand; only a line that spans two pieces
 *           or has escapes is copied. The first line says what form the whole list has:
 *
 *             tabs   PATH <tab> DIGEST [<tab> [SIZE]]   split from the right, PATH as it stands
 *             sums   DIGEST <space> (<space>|*) PATH    md5sum(1), sha1sum(1), sha256sum(1)
 *             BSD    NAME (PATH) = DIGEST               the same with --tag
 *
 *           In the last two a line that begins with a backslash has \\, \n and \r for these
 *           characters in its path. One "./" before a path, as find(1) has it, is left out. A
 *           list whose first line ends in CR LF has such lines only; the CR is not of the path, as
 *           md5sum(1) has it when it checks. With NUL in the first LINE_BYTES_MAX bytes it is NUL
 *           that ends each line, and nothing is escaped (md5sum -z). A mark of UTF-8 (a byte order
 *           mark) before all is none of it.
 * INVARIANT Digests are of one kind. Every path passes the checks of every other way in.
 * COST      One pass; beyond the entries 64 KiB and one line, bounded by LINE_BYTES_MAX.
 * FAILURE   "NAME: line N: reason", N from 1. What comes behind the first fault is not read.
 * WHY NOT   a form for each line: in a list of sums a path may look like anything, also like the
 *           end of a line with tabs.
 */
#include "manifest/manifest_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define LIST_PIECE_BYTES ((size_t)64 * 1024)
#define LINE_BYTES_MAX ((size_t)16 * 1024)

enum form { FORM_UNKNOWN, FORM_TABS, FORM_SUMS, FORM_BSD };

struct lister {
    const char *name;
    cull_digest_kind kind; /* NONE: not known yet */
    enum form form;
    char ending;   /* of lines: LF or NUL */
    bool crlf;     /* lines end in CR LF: the first one says */
    uint64_t line; /* number of the one that is being read */
    cull_manifest *manifest;
    struct cull__buf carry; /* the begin of a line, of the piece before */
    struct cull__buf path;  /* a path without its escapes */
    cull_error *err;
};

/* One line taken apart. */
struct listed {
    const char *path;
    size_t path_len;
    const char *digest;
    size_t digest_len;
    uint64_t size_bytes;
    bool escaped;
};

CULL_PRINTF(3, 4)
static cull_status line_fail(const struct lister *lister, cull_status status, const char *format,
                             ...)
{
    char reason[CULL_ERROR_MESSAGE_MAX];
    char name[CULL_PRINTABLE_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    cull__printable(name, lister->name, strlen(lister->name));
    return cull__error_set(lister->err, status, "%s: line %" PRIu64 ": %s", name, lister->line,
                           reason);
}

/* ---- digests ---- */

/* The names that --tag prints. */
static const struct {
    const char *tag;
    cull_digest_kind kind;
} tags[] = {
    { "MD5", CULL_DIGEST_MD5 },
    { "SHA1", CULL_DIGEST_SHA1 },
    { "SHA256", CULL_DIGEST_SHA256 },
    { "XXH128", CULL_DIGEST_XXH128 },
};

/* The kind of a digest of so many characters of hex, if nothing else is said. */
static cull_digest_kind kind_of_hex(size_t len)
{
    switch (len) {
    case 32:
        return CULL_DIGEST_MD5;
    case 40:
        return CULL_DIGEST_SHA1;
    case 64:
        return CULL_DIGEST_SHA256;
    default:
        return CULL_DIGEST_NONE;
    }
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static size_t hex_len(const char *text, size_t len)
{
    size_t at = 0;

    while (at < len && is_hex(text[at])) {
        at++;
    }
    return at;
}

static bool looks_like_digest(const char *text, size_t len)
{
    return kind_of_hex(len) != CULL_DIGEST_NONE && hex_len(text, len) == len;
}

/* ---- the three forms ---- */

/* The last tab of text, or NULL. */
static const char *last_tab(const char *text, size_t len)
{
    return memrchr(text, '\t', len);
}

/* Digits, or nothing: then it is unknown. */
static bool take_size(const char *text, size_t len, uint64_t *out)
{
    uint64_t size = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)(unsigned char)text[i] - '0';

        if (digit > 9 || size > (CULL_SIZE_UNKNOWN - 1 - digit) / 10) {
            return false;
        }
        size = size * 10 + digit;
    }
    *out = len == 0 ? CULL_SIZE_UNKNOWN : size;
    return true;
}

static const char *split_tabs(const char *text, size_t len, struct listed *out)
{
    const char *tab = last_tab(text, len);
    const char *before;
    size_t last_len;

    if (tab == NULL) {
        return "no tab: not PATH<tab>DIGEST<tab>SIZE";
    }
    last_len = len - (size_t)(tab + 1 - text);
    out->size_bytes = CULL_SIZE_UNKNOWN;
    if (!looks_like_digest(tab + 1, last_len)) { /* no size has as many digits */
        before = last_tab(text, (size_t)(tab - text));
        if (before == NULL) {
            return "not PATH<tab>DIGEST<tab>SIZE";
        }
        if (!take_size(tab + 1, last_len, &out->size_bytes)) {
            return "size is not a whole number of bytes that fits 64 bits";
        }
        last_len = (size_t)(tab - before) - 1;
        tab = before;
    }
    out->path = text;
    out->path_len = (size_t)(tab - text);
    out->digest = tab + 1;
    out->digest_len = last_len;
    return NULL;
}

static const char *split_sums(const char *text, size_t len, struct listed *out)
{
    size_t digest_len = hex_len(text, len);

    if (digest_len == 0 || digest_len + 2 > len || text[digest_len] != ' ' ||
        (text[digest_len + 1] != ' ' && text[digest_len + 1] != '*')) {
        return "not DIGEST, two blanks (or a blank and an asterisk), PATH";
    }
    out->digest = text;
    out->digest_len = digest_len;
    out->path = text + digest_len + 2;
    out->path_len = len - digest_len - 2;
    return NULL;
}

static const char *split_bsd(struct lister *lister, const char *text, size_t len,
                             struct listed *out)
{
    const char *open = memchr(text, ' ', len);
    const char *close;
    size_t tag_len = open == NULL ? 0 : (size_t)(open - text);
    cull_digest_kind kind = CULL_DIGEST_NONE;
    size_t digest_len = 0;

    while (digest_len < len && is_hex(text[len - 1 - digest_len])) {
        digest_len++;
    }
    close = len < digest_len + 4 ? NULL : text + len - digest_len - 4;
    if (open == NULL || close == NULL || memcmp(close, ") = ", 4) != 0 || open + 2 > close ||
        open[1] != '(') {
        return "not NAME (PATH) = DIGEST";
    }
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        if (strlen(tags[i].tag) == tag_len && memcmp(tags[i].tag, text, tag_len) == 0) {
            kind = tags[i].kind;
        }
    }
    if (kind == CULL_DIGEST_NONE) {
        return "digest is none of MD5, SHA1, SHA256 and XXH128";
    }
    if (lister->kind == CULL_DIGEST_NONE) {
        lister->kind = kind;
    } else if (lister->kind != kind) {
        return "digest is of another kind than was said, or than those before";
    }
    out->path = open + 2;
    out->path_len = (size_t)(close - open) - 2;
    out->digest = close + 4;
    out->digest_len = digest_len;
    return NULL;
}

/* The form that the first line has. What could be two is taken for tabs only if all of it fits. */
static enum form form_of(const char *text, size_t len, bool escapes)
{
    struct listed listed;
    size_t skip = escapes && len > 0 && text[0] == '\\';

    if (split_tabs(text, len, &listed) == NULL &&
        looks_like_digest(listed.digest, listed.digest_len)) {
        return FORM_TABS;
    }
    if (split_sums(text + skip, len - skip, &listed) == NULL) {
        return FORM_SUMS;
    }
    if (memmem(text, len, ") = ", 4) != NULL) {
        return FORM_BSD;
    }
    return memchr(text, '\t', len) != NULL ? FORM_TABS : FORM_SUMS; /* to say what is wrong */
}

/* The path without its escapes, in lister->path. */
static const char *unescape(struct lister *lister, struct listed *listed)
{
    cull__buf_clear(&lister->path);
    for (size_t i = 0; i < listed->path_len; i++) {
        char c = listed->path[i];

        if (c == '\\') {
            i++;
            c = (char)(i < listed->path_len ? listed->path[i] : '\0');
            if (c != '\\' && c != 'n' && c != 'r') {
                return "an escape that is none of \\\\, \\n and \\r";
            }
            c = (char)(c == 'n' ? '\n' : c == 'r' ? '\r' : c);
        }
        cull__buf_u8(&lister->path, (uint8_t)c);
    }
    listed->path = (const char *)lister->path.data;
    listed->path_len = lister->path.len;
    return NULL;
}

static const char *line_split(struct lister *lister, const char *text, size_t len,
                              struct listed *out)
{
    const char *fault;

    *out = (struct listed){ .size_bytes = CULL_SIZE_UNKNOWN };
    if (len == 0) {
        return "empty line";
    }
    if (lister->form == FORM_UNKNOWN) {
        lister->form = form_of(text, len, lister->ending == '\n');
    }
    if (lister->form == FORM_TABS) {
        return split_tabs(text, len, out);
    }
    out->escaped = text[0] == '\\' && lister->ending == '\n';
    text += out->escaped;
    len -= out->escaped;
    fault =
        lister->form == FORM_SUMS ? split_sums(text, len, out) : split_bsd(lister, text, len, out);
    if (fault == NULL && out->escaped) {
        fault = unescape(lister, out);
    }
    return fault;
}

/* ---- lines ---- */

/* Give the manifest its kind, which the first line may have to say. */
static cull_status line_kind(struct lister *lister, const struct listed *listed)
{
    if (lister->kind == CULL_DIGEST_NONE) {
        lister->kind = kind_of_hex(listed->digest_len);
        if (lister->kind == CULL_DIGEST_NONE) {
            return line_fail(lister, CULL_E_INVALID,
                             "digest is not the hex of 16 (md5), 20 (sha1) or 32 (sha256) bytes");
        }
    }
    if (lister->manifest->count == 0) {
        lister->manifest->kind = lister->kind;
    }
    return CULL_OK;
}

static cull_status line_add(struct lister *lister, const char *text, size_t len)
{
    struct listed listed;
    const char *fault = line_split(lister, text, len, &listed);
    cull_entry entry = { .kind = CULL_ENTRY_BLOB };
    cull_error reason = { CULL_OK, "" };
    cull_status status;

    if (fault != NULL || lister->path.failed) {
        return lister->path.failed ? cull__error_nomem(lister->err)
                                   : line_fail(lister, CULL_E_INVALID, "%s", fault);
    }
    status = line_kind(lister, &listed);
    if (status != CULL_OK) {
        return status;
    }
    if (cull_digest_from_hex(&entry.digest, lister->kind, listed.digest, listed.digest_len) !=
        CULL_OK) {
        return line_fail(lister, CULL_E_INVALID, "digest is not the hex of %zu bytes (%s)",
                         cull_digest_len(lister->kind), cull_digest_kind_name(lister->kind));
    }
    if (listed.path_len > 2 && memcmp(listed.path, "./", 2) == 0) {
        listed.path += 2;
        listed.path_len -= 2;
    }
    entry.path = listed.path;
    entry.path_len = (uint32_t)listed.path_len; /* a line is no longer than LINE_BYTES_MAX */
    entry.size_bytes = listed.size_bytes;
    status = cull_manifest_add(lister->manifest, &entry, &reason);
    return status == CULL_OK        ? CULL_OK
           : status == CULL_E_NOMEM ? cull__error_nomem(lister->err)
                                    : line_fail(lister, status, "%s", reason.message);
}

/* Cut off the CR that ends each line, or none. What only some lines have is no line's end, and no
 * path's either: who means one in a path writes it \r. */
static const char *line_cut(struct lister *lister, const char *text, size_t *len, bool ended)
{
    bool has_cr = *len > 0 && text[*len - 1] == '\r';

    if (lister->line == 1) {
        lister->crlf = has_cr && ended;
    }
    if (has_cr != lister->crlf && (ended || has_cr)) {
        return has_cr ? "ends in CR LF, as the first line does not (in a path CR is \\r, behind a "
                        "backslash that begins the line)"
                      : "does not end in CR LF, as the first line does";
    }
    *len -= has_cr;
    return NULL;
}

/* A whole line; the last one may lack its end. */
static cull_status line_take(struct lister *lister, const char *text, size_t len, bool ended)
{
    const char *fault = lister->ending == '\n' ? line_cut(lister, text, &len, ended) : NULL;

    return fault == NULL ? line_add(lister, text, len)
                         : line_fail(lister, CULL_E_INVALID, "%s", fault);
}

/* A line that ends here; its begin may wait in carry. */
static cull_status line_end(struct lister *lister, const char *text, size_t len, bool ended)
{
    cull_status status;

    lister->line++;
    if (lister->carry.len + len > LINE_BYTES_MAX) {
        return line_fail(lister, CULL_E_LIMIT, "over %zu bytes", LINE_BYTES_MAX);
    }
    if (lister->carry.len == 0) {
        return line_take(lister, text, len, ended);
    }
    cull__buf_put(&lister->carry, text, len);
    if (lister->carry.failed) {
        return cull__error_nomem(lister->err);
    }
    status = line_take(lister, (const char *)lister->carry.data, lister->carry.len, ended);
    cull__buf_clear(&lister->carry);
    return status;
}

static cull_status piece_lines(struct lister *lister, const char *piece, size_t len)
{
    size_t at = 0;
    cull_status status;

    while (at < len) {
        const char *end = memchr(piece + at, lister->ending, len - at);
        size_t line_len = end == NULL ? len - at : (size_t)(end - piece) - at;

        if (end == NULL) {
            if (lister->carry.len + line_len > LINE_BYTES_MAX) {
                lister->line++;
                return line_fail(lister, CULL_E_LIMIT, "over %zu bytes", LINE_BYTES_MAX);
            }
            cull__buf_put(&lister->carry, piece + at, line_len);
            return lister->carry.failed ? cull__error_nomem(lister->err) : CULL_OK;
        }
        status = line_end(lister, piece + at, line_len, true);
        if (status != CULL_OK) {
            return status;
        }
        at += line_len + 1;
    }
    return CULL_OK;
}

/* The beginning of the list, in one piece so long that the first line ends in it: what ends it.
 * *got: 0 at the list's end. */
static cull_status list_begin(struct lister *lister, cull_read_fn read, void *ctx, char *piece,
                              size_t *got)
{
    static const char mark[] = "\xef\xbb\xbf";
    size_t skip = sizeof mark - 1;
    size_t len = 0;

    for (*got = 1; *got > 0 && len <= skip + LINE_BYTES_MAX; len += *got) {
        cull_status status = read(ctx, piece + len, LIST_PIECE_BYTES - len, got, lister->err);

        if (status != CULL_OK) {
            return status;
        }
        CULL_ASSERT(*got <= LIST_PIECE_BYTES - len);
    }
    skip = len >= skip && memcmp(piece, mark, skip) == 0 ? skip : 0;
    piece += skip;
    len -= skip;
    if (memchr(piece, '\0', len <= LINE_BYTES_MAX ? len : LINE_BYTES_MAX + 1) != NULL) {
        lister->ending = '\0';
    }
    return piece_lines(lister, piece, len);
}

static cull_status list_pump(struct lister *lister, cull_read_fn read, void *ctx, char *piece)
{
    size_t got = 0;
    cull_status status = list_begin(lister, read, ctx, piece, &got);

    while (status == CULL_OK && got > 0) {
        got = 0;
        status = read(ctx, piece, LIST_PIECE_BYTES, &got, lister->err);
        if (status == CULL_OK && got > 0) {
            CULL_ASSERT(got <= LIST_PIECE_BYTES);
            status = piece_lines(lister, piece, got);
        }
    }
    /* a last line may lack its end */
    return status == CULL_OK && lister->carry.len > 0 ? line_end(lister, "", 0, false) : status;
}

/* Sort; a duplicate's line is known by the order in which it was added. */
static cull_status list_seal(struct lister *lister)
{
    struct cull__manifest_duplicate duplicate;
    cull_status status = cull__manifest_close(lister->manifest, &duplicate, lister->err);

    if (status == CULL_OK && duplicate.found) {
        lister->line = duplicate.place + 1; /* one entry a line */
        return line_fail(lister, CULL_E_INVALID, "%s: duplicate path", duplicate.shown);
    }
    return status;
}

cull_status cull_manifest_read_list(cull_manifest **out, cull_digest_kind kind, const char *name,
                                    cull_read_fn read, void *ctx, const cull_allocator *allocator,
                                    cull_error *err)
{
    return cull_manifest_read_list_in(out, kind, name, read, ctx, NULL, allocator, err);
}

cull_status cull_manifest_read_list_in(cull_manifest **out, cull_digest_kind kind, const char *name,
                                       cull_read_fn read, void *ctx, const cull_scratch *scratch,
                                       const cull_allocator *allocator, cull_error *err)
{
    const cull_allocator *used = allocator != NULL ? allocator : cull_allocator_default();
    struct lister lister = { .name = name,
                             .kind = kind,
                             .ending = '\n',
                             .carry = CULL__BUF_INIT(used),
                             .path = CULL__BUF_INIT(used),
                             .err = err };
    char *piece = cull__alloc(used, LIST_PIECE_BYTES, 1);
    cull_status status = CULL_E_NOMEM;

    *out = NULL;
    if (piece == NULL ||
        cull_manifest_new_in(&lister.manifest, kind != CULL_DIGEST_NONE ? kind : CULL_DIGEST_MD5,
                             scratch, used) != CULL_OK) {
        status = cull__error_nomem(err);
        goto done;
    }
    status = list_pump(&lister, read, ctx, piece);
    if (status == CULL_OK) {
        status = list_seal(&lister);
    }
    if (status == CULL_OK) {
        *out = lister.manifest;
        lister.manifest = NULL;
    }
done:
    cull_manifest_free(lister.manifest);
    cull__free(used, piece);
    cull__buf_release(&lister.carry);
    cull__buf_release(&lister.path);
    return status;
}
