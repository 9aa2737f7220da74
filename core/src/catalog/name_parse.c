/*
 * name_parse.c - taking `entity/project/collection:version` apart.
 *
 * SHAPE     The first ':' ends the path; its last part is the collection, those before it are
 *           project and entity. What is missing in front comes from the defaults.
 * INVARIANT What parses has entity, project and collection that keep rule 8. The version part may
 *           still name nothing: `v7` and `best` are told apart when they are looked up.
 * FAILURE   CULL_E_USAGE with the text as it was given, made printable, and what is expected;
 *           *out is then empty.
 */
#include "catalog/catalog_internal.h"

static const char *const part_names[3] = { "entity", "project", "collection" };

static cull_status refuse_part(const char *part, size_t len, const char *what, cull_error *err)
{
    char text[CULL_PRINTABLE_MAX];

    if (len > CULL_NAME_BYTES_MAX) {
        return cull__error_set(err, CULL_E_USAGE, "\"%s\": %s is longer than %d bytes",
                               cull__printable(text, part, len), what, CULL_NAME_BYTES_MAX);
    }
    return cull__error_set(err, CULL_E_USAGE,
                           "\"%s\" is no name of a%s %s: letters, digits, '_', '.' and '-'",
                           cull__printable(text, part, len), *what == 'e' ? "n" : "", what);
}

static cull_status take_part(char out[CULL_NAME_BYTES_MAX + 1], const char *part, size_t len,
                             const char *what, cull_error *err)
{
    if (!cull__name_ok(part, len)) {
        return refuse_part(part, len, what, err);
    }
    memcpy(out, part, len);
    out[len] = '\0';
    return CULL_OK;
}

static cull_status take_version(char out[CULL_NAME_BYTES_MAX + 1], const char *version, size_t len,
                                cull_error *err)
{
    char text[CULL_PRINTABLE_MAX];

    if (len == 0) {
        return cull__error_set(err, CULL_E_USAGE,
                               "a version such as v3, or an alias, is expected "
                               "behind ':'");
    }
    if (len > CULL_NAME_BYTES_MAX) {
        return refuse_part(version, len, "version", err);
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)version[i];

        if (c == '/' || c == ':' || c < 0x20 || c == 0x7f) {
            return cull__error_set(err, CULL_E_USAGE,
                                   "\"%s\" is no version and no alias: v3, or a name without "
                                   "'/', ':' and control characters",
                                   cull__printable(text, version, len));
        }
    }
    memcpy(out, version, len);
    out[len] = '\0';
    return CULL_OK;
}

/* Part of the path that ends at end; *start moves to its beginning. */
static size_t last_part(const char *path, const char *end, const char **start)
{
    const char *at = end;

    while (at > path && at[-1] != '/') {
        at--;
    }
    *start = at;
    return (size_t)(end - at);
}

static cull_status take_path(cull_name *out, const char *path, size_t path_len,
                             const char *const defaults[3], cull_error *err)
{
    char *const parts[3] = { out->entity, out->project, out->collection };
    const char *end = path + path_len;
    bool more = true;
    cull_status status = CULL_OK;

    for (int i = 2; i >= 0 && status == CULL_OK; i--) {
        const char *start = defaults[i];
        size_t len = start == NULL ? 0 : strlen(start);

        if (more) {
            len = last_part(path, end, &start);
            more = start > path;
            end = start - more; /* before the '/' */
        } else if (start == NULL) {
            char text[CULL_PRINTABLE_MAX];

            return cull__error_set(err, CULL_E_USAGE,
                                   "\"%s\": no %s: entity/project/collection is expected",
                                   cull__printable(text, path, path_len), part_names[i]);
        }
        status = take_part(parts[i], start, len, part_names[i], err);
    }
    if (status == CULL_OK && more) {
        char text[CULL_PRINTABLE_MAX];

        return cull__error_set(err, CULL_E_USAGE,
                               "\"%s\": too many parts: entity/project/collection is expected",
                               cull__printable(text, path, path_len));
    }
    return status;
}

cull_status cull_name_parse(cull_name *out, const char *text, const char *entity,
                            const char *project, cull_error *err)
{
    const char *const defaults[3] = { entity, project, NULL };
    const char *colon = strchr(text, ':');
    size_t path_len = colon == NULL ? strlen(text) : (size_t)(colon - text);
    cull_name name;
    cull_status status;

    memset(out, 0, sizeof *out);
    memset(&name, 0, sizeof name);
    status = take_path(&name, text, path_len, defaults, err);
    if (status == CULL_OK && colon != NULL) {
        status = take_version(name.version, colon + 1, strlen(colon + 1), err);
    }
    if (status == CULL_OK) {
        *out = name;
    }
    return status;
}
