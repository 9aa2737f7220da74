/*
 * artifact_names.c - ids of the server for versions that come by name.
 *
 * SHAPE     No wandb_manifest.json says whose it is: the id stands beside it. Either in the name of
 *           its folder or file, if that is an id (Artifact:123, or that in base64 or hex); or in a
 *           list of names and ids, which whoever fetches the manifests has at hand. The list counts
 *           first.
 * WHY NOT   birthArtifactID of the entries: that is the version in which a file came up first,
 *           mostly another one.
 */
#include "artifact_names.h"

#include <stdlib.h>
#include <string.h>

#include "lines.h"

#define ID_BEGINS "QXJ0aWZhY3Q6" /* "Artifact:" */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct artifact_name *)a)->name, ((const struct artifact_name *)b)->name);
}

struct names_reader {
    struct cli *cli;
    struct artifact_names *names;
    const char *path;
};

static cull_status take_line(void *ctx, size_t number, char *line, size_t len)
{
    const struct names_reader *reader = ctx;
    struct artifact_names *names = reader->names;
    struct cli *cli = reader->cli;
    char *tab = memchr(line, '\t', len);
    char shown[PRINTABLE_MAX];
    struct artifact_name *item;

    if (len == 0) {
        return CULL_OK;
    }
    if (tab == NULL || tab == line || strlen(line) != len) {
        return cli_fail(cli, CULL_E_INVALID, "%.200s: line %zu: not NAME<TAB>ID",
                        printable(shown, reader->path), number);
    }
    if (names->count == names->capacity) {
        size_t capacity = names->capacity * 2 + 16;
        struct artifact_name *items = realloc(names->items, capacity * sizeof(*items));

        if (items == NULL) {
            return cli_fail_nomem(cli);
        }
        names->items = items;
        names->capacity = capacity;
    }
    *tab = '\0';
    item = &names->items[names->count];
    if (cull_artifact_id_parse(item->id, tab + 1, &cli->err) != CULL_OK) {
        return cli_fail_at(cli, CULL_E_INVALID, "%.150s: line %zu", printable(shown, reader->path),
                           number);
    }
    item->name = strdup(line);
    if (item->name == NULL) {
        return cli_fail_nomem(cli);
    }
    names->count++;
    return CULL_OK;
}

static cull_status sort_names(struct cli *cli, struct artifact_names *names, const char *path)
{
    char shown[PRINTABLE_MAX];
    char name[PRINTABLE_MAX];

    if (names->count > 0) {
        qsort(names->items, names->count, sizeof(*names->items), by_name);
    }
    for (size_t i = 1; i < names->count; i++) {
        if (by_name(&names->items[i - 1], &names->items[i]) == 0) {
            return cli_fail(cli, CULL_E_INVALID, "%.200s: %.200s: has two ids",
                            printable(shown, path), printable(name, names->items[i].name));
        }
    }
    return CULL_OK;
}

cull_status artifact_names_read(struct cli *cli, struct artifact_names *out, const char *path)
{
    struct names_reader reader = { cli, out, path };
    cull_status status = lines_read(cli, path, take_line, &reader);

    return status == CULL_OK ? sort_names(cli, out, path) : status;
}

void artifact_names_release(struct artifact_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i].name);
    }
    free(names->items);
    *names = (struct artifact_names){ NULL, 0, 0 };
}

bool artifact_name_is_id(char out[CULL_ARTIFACT_ID_MAX], const char *name)
{
    return cull_artifact_id_parse(out, name, NULL) == CULL_OK &&
           strncmp(out, ID_BEGINS, strlen(ID_BEGINS)) == 0;
}

const char *artifact_names_find(const struct artifact_names *names, const char *name,
                                char room[CULL_ARTIFACT_ID_MAX])
{
    struct artifact_name wanted = { .name = (char *)(uintptr_t)name };
    const struct artifact_name *found =
        names->count == 0 ? NULL
                          : bsearch(&wanted, names->items, names->count, sizeof(wanted), by_name);

    if (found != NULL) {
        return found->id;
    }
    return artifact_name_is_id(room, name) ? room : NULL;
}

/* What a character of base64 stands for; '=' below all of them. */
static int value_of(char c)
{
    static const char digits[] =
        "=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(digits, c);

    return at == NULL ? -1 : (int)(at - digits);
}

int artifact_ids_compare(const char *a, const char *b)
{
    size_t a_len = strcspn(a, "=");
    size_t b_len = strcspn(b, "=");

    if (a_len != b_len) {
        return a_len < b_len ? -1 : 1;
    }
    for (size_t i = 0; i < a_len; i++) {
        int order = value_of(a[i]) - value_of(b[i]);

        if (order != 0) {
            return order;
        }
    }
    return 0;
}
