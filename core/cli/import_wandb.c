/*
 * import_wandb.c - cull import wandb: versions from wandb_manifest.json files.
 *
 * SHAPE     A file is one version. In a directory each *.json (*.JSON too) is one, and each
 *           subdirectory that holds a wandb_manifest.json, in natural order: runs of digits count as
 *           numbers, so v2 comes before v10; names that are ids of the server come behind the
 *           others, in the order in which it gave them, so that what refers to another comes later.
 *           What else is there is counted, and one of it named: a manifest further down first,
 *           because it was probably meant. A *.json that is plainly no manifest (package.json) is
 *           named and passed over, and the import then ends as done in part; one that may be a
 *           broken manifest stops it.
 * COST      A manifest is read as a stream. Its entries are sorted by path and compared with those
 *           of the version before: beyond 16 MiB they lie in a scratch file meanwhile, so memory
 *           does not depend on their number, but for what the store itself keeps of each blob.
 */
#include "import_source.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "opening.h"

#define MANIFEST_NAME "wandb_manifest.json"
#define DEEPER_MAX 16 /* folders one in another that are looked into, to say what was not read */

struct found {
    char *file; /* the manifest */
    char *name; /* of the version: the subdirectory, or the file without .json */
    bool is_id; /* the name is an id of the server, which id is */
    char id[CULL_ARTIFACT_ID_MAX];
};

struct found_list {
    struct found *items;
    size_t count;
    size_t capacity;
    size_t passed_count; /* what is no version */
    char *passed;        /* the first of it by name; on the heap */
    char *deeper;        /* a manifest too far down, or NULL; on the heap */
    size_t foreign;      /* *.json that are no manifests */
};

/* --- natural order ------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Compare two runs of digits as numbers, of any length; both pointers move behind them. */
static int compare_numbers(const char **a, const char **b)
{
    size_t a_len;
    size_t b_len;
    int order;

    while (**a == '0') {
        ++*a;
    }
    while (**b == '0') {
        ++*b;
    }
    for (a_len = 0; is_digit((*a)[a_len]); a_len++) {
    }
    for (b_len = 0; is_digit((*b)[b_len]); b_len++) {
    }
    order = a_len != b_len ? (a_len > b_len) - (a_len < b_len) : memcmp(*a, *b, a_len);
    *a += a_len;
    *b += b_len;
    return order;
}

static int compare_natural(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        int order;

        if (is_digit(*a) && is_digit(*b)) {
            order = compare_numbers(&a, &b);
        } else {
            order = (unsigned char)*a - (unsigned char)*b;
            a++;
            b++;
        }
        if (order != 0) {
            return order;
        }
    }
    return (*a != '\0') - (*b != '\0');
}

static int by_name(const void *a, const void *b)
{
    const struct found *left = a;
    const struct found *right = b;
    int order = left->is_id - right->is_id;

    if (order == 0) {
        order = left->is_id ? artifact_ids_compare(left->id, right->id)
                            : compare_natural(left->name, right->name);
    }

    return order != 0 ? order : strcmp(left->file, right->file);
}

/* --- the directory ------------------------------------------------------------------------- */

/* The length of a name without ".json"; that of all of it if it has none. */
static size_t name_len(const char *name)
{
    size_t len = strlen(name);

    return len > 5 && strcasecmp(name + len - 5, ".json") == 0 ? len - 5 : len;
}

/* The manifest that a directory entry leads to, or NULL: it is none. False: no memory. */
static bool manifest_in(const char *dir, const char *name, char **out, bool *is_dir)
{
    char *path = path_join(dir, name);
    struct stat info;

    *out = NULL;
    if (path == NULL) {
        return false;
    }
    *is_dir = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    if (*is_dir) {
        *out = path_join(path, MANIFEST_NAME);
        free(path);
        if (*out == NULL) {
            return false;
        }
        if (access(*out, F_OK) != 0) {
            free(*out);
            *out = NULL;
        }
    } else if (name[name_len(name)] != '\0') {
        *out = path;
    } else {
        free(path);
    }
    return true;
}

/* Keep the lesser of two names; the one that is not kept is freed. */
static void keep_first(char **kept, char *name)
{
    if (*kept == NULL || strcmp(name, *kept) < 0) {
        free(*kept);
        *kept = name;
    } else {
        free(name);
    }
}

/* Look for manifests below a directory that has none: *out is the first, by name. Links are not
 * followed. False: no memory. */
static bool find_deeper(char **out, const char *dir, unsigned depth)
{
    DIR *directory = opendir(dir);
    const struct dirent *entry;
    bool fine = true;

    while (fine && directory != NULL && (entry = readdir(directory)) != NULL) {
        char *path = entry->d_name[0] == '.' ? NULL : path_join(dir, entry->d_name);
        struct stat info;

        fine = path != NULL || entry->d_name[0] == '.';
        if (path != NULL && lstat(path, &info) == 0 && S_ISDIR(info.st_mode) && depth > 0) {
            fine = find_deeper(out, path, depth - 1);
            free(path);
        } else if (path != NULL && strcmp(entry->d_name, MANIFEST_NAME) == 0) {
            keep_first(out, path);
        } else {
            free(path);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return fine;
}

static cull_status pass_over(struct import *import, struct found_list *list, const char *dir,
                             const char *name, bool is_dir)
{
    char *path = path_join(dir, name);
    char *copy = strdup(name);

    if (path == NULL || copy == NULL || (is_dir && !find_deeper(&list->deeper, path, DEEPER_MAX))) {
        free(path);
        free(copy);
        return cli_fail_nomem(import->cli);
    }
    free(path);
    keep_first(&list->passed, copy);
    list->passed_count++;
    return CULL_OK;
}

static cull_status take(struct import *import, struct found_list *list, const char *dir,
                        const char *name)
{
    struct found found = { .file = NULL };
    bool is_dir = false;

    if (name[0] == '.') {
        return CULL_OK;
    }
    if (!manifest_in(dir, name, &found.file, &is_dir)) {
        return cli_fail_nomem(import->cli);
    }
    if (found.file == NULL) {
        return pass_over(import, list, dir, name, is_dir);
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 16;
        struct found *items = realloc(list->items, capacity * sizeof(*items));

        if (items == NULL) {
            free(found.file);
            return cli_fail_nomem(import->cli);
        }
        list->items = items;
        list->capacity = capacity;
    }
    found.name = strndup(name, name_len(name));
    if (found.name == NULL) {
        free(found.file);
        return cli_fail_nomem(import->cli);
    }
    list->items[list->count] = found;
    list->items[list->count].is_id = artifact_name_is_id(list->items[list->count].id, found.name);
    list->count++;
    return CULL_OK;
}

static cull_status list_directory(struct import *import, DIR *directory, const char *dir,
                                  struct found_list *list)
{
    struct cli *cli = import->cli;
    char shown[PRINTABLE_MAX];
    const struct dirent *entry;
    cull_status status = CULL_OK;

    for (errno = 0; status == CULL_OK && (entry = readdir(directory)) != NULL; errno = 0) {
        status = take(import, list, dir, entry->d_name);
    }
    if (status == CULL_OK && errno != 0) {
        return cli_fail_errno(cli, errno, "%s", printable(shown, dir));
    }
    if (status == CULL_OK && list->count == 0) {
        char deeper[PRINTABLE_MAX] = "";

        return cli_fail(cli, CULL_E_NOTFOUND,
                        "%.200s: no *.json in it, and no directory with a " MANIFEST_NAME
                        "%s%.200s",
                        printable(shown, dir), list->deeper == NULL ? "" : "; deeper: ",
                        list->deeper == NULL ? "" : printable(deeper, list->deeper));
    }
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof(*list->items), by_name);
    }
    return status;
}

/* Say what is no version. */
static void tell_passed(struct import *import, const struct found_list *list, const char *dir)
{
    struct cli *cli = import->cli;
    char shown[PRINTABLE_MAX];
    char first[PRINTABLE_MAX];
    bool deeper = list->deeper != NULL;

    progress_end(&import->progress);
    cli_warn(cli,
             "%.200s: %zu passed over, no *.json and no directory with a " MANIFEST_NAME
             ": %s%.200s%s",
             printable(shown, dir), list->passed_count, deeper ? "one lies deeper: " : "",
             printable(first, deeper ? list->deeper : list->passed),
             !deeper && list->passed_count > 1 ? ", ..." : "");
    record_begin(&cli->out, "passed_over");
    field_number(&cli->out, "count", list->passed_count);
    field_text(&cli->out, "first", deeper ? list->deeper : list->passed);
    record_end(&cli->out);
}

/* A *.json that is plainly no manifest; one that is called wandb_manifest.json is meant to be. */
static cull_status is_foreign(struct import_source *source, const struct found *found,
                              bool *foreign)
{
    struct cli *cli = source->import->cli;
    const char *slash = strrchr(found->file, '/');
    struct stat info;
    int fd = -1;
    cull_status status;

    *foreign = false;
    if (strcmp(slash == NULL ? found->file : slash + 1, MANIFEST_NAME) == 0 ||
        stat(found->file, &info) != 0 || !S_ISREG(info.st_mode)) {
        return CULL_OK; /* what is read once only is left to be read */
    }
    status = import_source_open(source, found->file, &fd);
    if (status == CULL_OK) {
        status = cull_manifest_probe(foreign, import_source_read, &fd, &cli->err);
        (void)close(fd);
    }
    return status;
}

/* Take what is foreign out of the list, and name it: somebody may have meant it. */
static cull_status drop_foreign(struct import_source *source, struct found_list *list)
{
    struct cli *cli = source->import->cli;
    cull_status status = CULL_OK;
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        struct found *found = &list->items[i];
        char shown[PRINTABLE_MAX];
        bool foreign = false;

        status = status == CULL_OK ? is_foreign(source, found, &foreign) : status;
        if (!foreign) {
            list->items[kept++] = *found;
            continue;
        }
        progress_end(&source->import->progress);
        cli_warn(cli, "%.400s: JSON, but no manifest: passed over", printable(shown, found->file));
        record_begin(&cli->out, "foreign");
        field_text(&cli->out, "file", found->file);
        record_end(&cli->out);
        list->foreign++;
        free(found->file);
        free(found->name);
    }
    list->count = kept;
    return status;
}

/* The end of a folder: something that looked like a version was passed over. */
static cull_status tell_foreign(struct import *import, const struct found_list *list,
                                const char *dir)
{
    char shown[PRINTABLE_MAX];

    if (list->foreign == 0) {
        return CULL_OK;
    }
    return cli_fail(import->cli, list->count == 0 ? CULL_E_NOTFOUND : CULL_E_PARTIAL,
                    "%.200s: %s%zu *.json passed over, because %s", printable(shown, dir),
                    list->count == 0 ? "no manifest in it: " : "", list->foreign,
                    list->foreign == 1 ? "it is none" : "they are none");
}

/* --- versions ------------------------------------------------------------------------------ */

static cull_status add_file(struct import_source *source, const char *path, const char *name,
                            bool is_last)
{
    struct cli *cli = source->import->cli;
    const char *shown = strcmp(path, "-") == 0 ? "standard input" : path;
    cull_manifest *manifest = NULL;
    int fd = -1;
    cull_status status = import_source_open(source, path, &fd);

    if (status == CULL_OK) {
        status = cull_manifest_read_in(&manifest, source->digest, shown, import_source_read, &fd,
                                       &cli->scratch, cull_allocator_default(), &cli->err);
        (void)close(fd);
    }
    if (status == CULL_OK && cull_manifest_dropped(manifest) > 0) {
        char printed[PRINTABLE_MAX];

        progress_end(&source->import->progress);
        cli_warn(cli, "%.300s: keys with a value of over %d bytes, not kept: %zu",
                 printable(printed, shown), CULL_REF_BYTES_MAX, cull_manifest_dropped(manifest));
    }
    return status == CULL_OK ? import_source_add(source, manifest, shown, name, is_last) : status;
}

/* Each in its order. */
static cull_status add_files(struct import_source *source, const struct found_list *list,
                             const struct artifact_names *names)
{
    struct progress *progress = &source->import->progress;
    cull_status status = CULL_OK;

    for (size_t i = 0; status == CULL_OK && i < list->count; i++) {
        const struct found *found = &list->items[i];
        char room[CULL_ARTIFACT_ID_MAX];

        progress_update(progress, "import", i, list->count);
        source->artifact_id = artifact_names_find(names, found->name, room);
        status = add_file(source, found->file, found->name, i + 1 == list->count);
    }
    return status;
}

/* Of one manifest, or of many: what is meant for the other is refused. */
static cull_status take_ids(struct import *import, const struct import_wandb_options *options,
                            bool is_directory, struct artifact_names *names,
                            char id[CULL_ARTIFACT_ID_MAX])
{
    struct cli *cli = import->cli;

    if (options->artifact_id != NULL && is_directory) {
        return cli_fail(cli, CULL_E_USAGE,
                        "--artifact-id: is of one manifest: give --artifact-ids FILE for a "
                        "directory");
    }
    if (options->artifact_ids != NULL && !is_directory) {
        return cli_fail(cli, CULL_E_USAGE,
                        "--artifact-ids: is for a directory: give --artifact-id ID for one "
                        "manifest");
    }
    if (options->artifact_id != NULL &&
        cull_artifact_id_parse(id, options->artifact_id, &cli->err) != CULL_OK) {
        return cli_fail_at(cli, CULL_E_USAGE, "--artifact-id");
    }
    return options->artifact_ids != NULL ? artifact_names_read(cli, names, options->artifact_ids)
                                         : CULL_OK;
}

cull_status import_wandb(struct import *import, const char *path,
                         const struct import_wandb_options *options)
{
    struct import_source source = { .import = import, .content.root = -1 };
    struct artifact_names names = { NULL, 0, 0 };
    char id[CULL_ARTIFACT_ID_MAX] = "";
    struct found_list list = { .items = NULL };
    cull_status status = import_source_begin(&source, import);
    DIR *directory = status == CULL_OK ? opendir(path) : NULL;

    if (status == CULL_OK) {
        status = take_ids(import, options, directory != NULL, &names, id);
    }
    if (status == CULL_OK && directory == NULL) { /* what it is, opening it says */
        source.artifact_id = id[0] == '\0' ? NULL : id;
        status = add_file(&source, path, NULL, true);
    } else if (status == CULL_OK) {
        status = list_directory(import, directory, path, &list);
        if (status == CULL_OK && list.passed_count > 0) {
            tell_passed(import, &list, path);
        }
        if (status == CULL_OK) {
            status = drop_foreign(&source, &list);
        }
        if (status == CULL_OK) {
            status = add_files(&source, &list, &names);
        }
        if (status == CULL_OK) {
            status = tell_foreign(import, &list, path);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    for (size_t i = 0; i < list.count; i++) {
        free(list.items[i].file);
        free(list.items[i].name);
    }
    artifact_names_release(&names);
    free(list.items);
    free(list.passed);
    free(list.deeper);
    import_source_end(&source);
    return status;
}
