/*
 * manifest_check.c - what a path and a reference may be.
 *
 * SHAPE     Pure functions over bytes, used by every way into a manifest: the JSON reader, the
 *           public calls, stored documents. There is no second opinion.
 * INVARIANT A path that passes can be joined to a folder and stays inside it.
 * FAILURE   CULL_E_INVALID or CULL_E_LIMIT; the message begins with the path, cut short so that
 *           the reason always fits.
 * WHY NOT   normalising `./a` or `a//b`: two spellings of one path would be two identities, and
 *           the manifest's digest is taken over the spelling.
 */
#include "manifest/manifest_internal.h"

const char *cull__manifest_shown(char text[CULL_PRINTABLE_MAX], const char *path, size_t len)
{
    size_t cut = len;

    if (cut > CULL__MANIFEST_SHOWN_BYTES) {
        cut = CULL__MANIFEST_SHOWN_BYTES;
        while (cut > CULL__MANIFEST_SHOWN_BYTES - 4 && ((unsigned char)path[cut] & 0xc0) == 0x80) {
            cut--; /* to the start of a character */
        }
    }
    cull__printable(text, path, cut);
    if (cut < len) {
        size_t used = strlen(text);

        if (used + 4 <= CULL_PRINTABLE_MAX) {
            memcpy(text + used, "...", 4);
        }
    }
    return text;
}

/* What is wrong with the part that begins at begin, or NULL. Only its first three characters say. */
static const char *part_fault(const char *path, size_t len, size_t begin)
{
    size_t left = len - begin;
    const char *part = path + begin;

    if (left == 0 || part[0] == '/') {
        return "empty part in the path";
    }
    if (CULL_LIKELY(part[0] != '.')) {
        return NULL;
    }
    if (left == 1 || part[1] == '/') {
        return "\".\" in the path";
    }
    if (part[1] == '.' && (left == 2 || part[2] == '/')) {
        return "\"..\" in the path";
    }
    return NULL;
}

/* The first part that may not be, or NULL. */
static const char *path_part_fault(const char *path, size_t len)
{
    const char *fault = part_fault(path, len, 0);
    size_t at = 0;

    while (fault == NULL) {
        const char *slash = memchr(path + at, '/', len - at);

        if (slash == NULL) {
            return NULL;
        }
        at = (size_t)(slash - path) + 1;
        fault = part_fault(path, len, at);
    }
    return fault;
}

cull_status cull__manifest_check_path(const char *path, size_t len, cull_error *err)
{
    char text[CULL_PRINTABLE_MAX];
    const char *fault = NULL;

    if (len == 0) {
        return cull__error_set(err, CULL_E_INVALID, "empty path");
    }
    if (len > CULL_PATH_BYTES_MAX) {
        return cull__error_set(err, CULL_E_LIMIT, "%s: path of over %d bytes",
                               cull__manifest_shown(text, path, len), CULL_PATH_BYTES_MAX);
    }
    if (path[0] == '/') {
        fault = "absolute path";
    } else if (memchr(path, '\0', len) != NULL) {
        fault = "NUL in the path";
    } else if (cull__utf8_valid_len(path, len) != len) {
        fault = "path is not UTF-8";
    } else {
        fault = path_part_fault(path, len);
    }
    if (fault != NULL) {
        return cull__error_set(err, CULL_E_INVALID, "%s: %s", cull__manifest_shown(text, path, len),
                               fault);
    }
    return CULL_OK;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Length of the scheme before the colon (RFC 3986), 0 if there is none. */
static size_t scheme_len(const char *ref)
{
    size_t len = 0;

    while (is_letter(ref[len]) || (len > 0 && (is_digit(ref[len]) || ref[len] == '+' ||
                                               ref[len] == '-' || ref[len] == '.'))) {
        len++;
    }
    return ref[len] == ':' ? len : 0;
}

/* Schemes are compared without regard to case, as the clients do. */
static bool begins_with(const char *text, const char *lower)
{
    for (size_t i = 0; lower[i] != '\0'; i++) {
        char c = text[i];

        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        }
        if (c != lower[i]) {
            return false;
        }
    }
    return true;
}

#define ARTIFACT_PREFIX "wandb-artifact://"

bool cull__manifest_ref_split(const char *ref, const char **id, size_t *id_len, const char **path)
{
    size_t len = 0;

    if (!begins_with(ref, ARTIFACT_PREFIX)) {
        return false;
    }
    *id = ref + strlen(ARTIFACT_PREFIX);
    while (is_hex((*id)[len])) {
        len++;
    }
    *id_len = len;
    *path = *id + len + 1;
    return len > 0 && (*id)[len] == '/' && (*path)[0] != '\0';
}

cull_entry_kind cull__manifest_ref_kind(const char *ref, const char **why)
{
    const char *id;
    const char *path;
    size_t id_len;

    if (scheme_len(ref) == 0) {
        *why = "reference without a scheme";
        return CULL_ENTRY_NONE;
    }
    if (cull__manifest_ref_split(ref, &id, &id_len, &path)) {
        return CULL_ENTRY_ARTIFACT;
    }
    if (begins_with(ref, "wandb-artifact:")) {
        *why = "reference is not wandb-artifact://ID/PATH with a hexadecimal ID";
        return CULL_ENTRY_NONE;
    }
    /* A link into the store that we cannot follow could not keep its target alive. */
    if (begins_with(ref, "wandb-")) {
        *why = "reference kind is not understood";
        return CULL_ENTRY_NONE;
    }
    return CULL_ENTRY_REF;
}
