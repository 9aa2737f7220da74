/*
 * cmd_get.c - cull get: write a version's files into a directory.
 *
 * SHAPE     Each file is written under a temporary name beside its place, checked, and renamed: a
 *           name never stands for bytes that are not the version's.
 * INVARIANT Nothing outside the directory is written: paths are walked part by part, no part is a
 *           symlink, and the last one is replaced, never written through.
 * FAILURE   A damaged or missing object is named and left out; the others are written all the same,
 *           because whoever reads back from a damaged store wants what is left. So is a path that
 *           the file system cannot have: object stores hold "a" beside "a/b", and names of any
 *           length and bytes; a manifest that has such is kept like any other.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "cli.h"
#include "progress.h"
#include "resolve.h"
#include "signals.h"
#include "units.h"
#include "versions.h"

struct get_options {
    bool force;
};

static const struct arg_option get_table[] = {
    { "force", 'f', ARG_FLAG, offsetof(struct get_options, force), NULL,
      "write into a directory that is not empty, replacing files" },
};

struct get {
    struct cli *cli;
    const char *dir_name;
    bool force;
    int dir;
    struct beneath beneath;
    cull_manifest *manifest;
    struct progress progress;
    uint64_t total_bytes;
    uint64_t done_bytes;
    uint64_t files;
    uint64_t references;
    uint64_t damaged;
    uint64_t unwritable;
    int out_fd; /* of the file being written */
    int write_errno;
};

/* Whether a path cannot be here, whatever is done, and says nothing of the others. */
static bool is_of_path(int code)
{
    return code == ENOTDIR || code == EISDIR || code == EEXIST || code == ENOTEMPTY ||
           code == ENAMETOOLONG || code == EILSEQ || code == EINVAL;
}

/* A path that is not written: told at once; counted for the end if it is the path's own fault. */
static cull_status file_failed(struct get *get, const char *path, int code)
{
    char shown[PRINTABLE_MAX];

    if (is_of_path(code)) {
        progress_end(&get->progress);
        cli_warn(get->cli, "%.400s: not written: %s", printable(shown, path),
                 code == ENOTDIR  ? "a file is where a directory is needed"
                 : code == EISDIR ? "a directory is where the file is needed"
                                  : strerror(code));
        get->cli->err = (cull_error){ CULL_OK, "" };
        get->unwritable++;
        return CULL_OK;
    }
    (void)printable_path(shown, get->dir_name, path);
    if (code == ELOOP) {
        return cli_fail(get->cli, CULL_E_REFUSED, "%s: a symbolic link stands in the way", shown);
    }
    return cli_fail_errno(get->cli, code, "%s", shown);
}

/* --- the target ---------------------------------------------------------------------------- */

static bool is_empty(int dir, int *code)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry = NULL;
    bool empty = true;

    *code = stream == NULL ? errno : 0;
    while (stream != NULL && empty && (entry = readdir(stream)) != NULL) {
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    }
    if (stream != NULL) {
        (void)closedir(stream);
    } else if (fd >= 0) {
        (void)close(fd);
    }
    return empty;
}

static cull_status open_target(struct get *get)
{
    struct cli *cli = get->cli;
    char shown[PRINTABLE_MAX];
    int code = 0;

    (void)printable(shown, get->dir_name);
    if (mkdir(get->dir_name, 0777) != 0 && errno != EEXIST) {
        return cli_fail_errno(cli, errno, "%s", shown);
    }
    get->dir = open(get->dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (get->dir < 0) {
        return cli_fail_errno(cli, errno, "%s", shown);
    }
    if (!get->force && !is_empty(get->dir, &code)) {
        return cli_fail(cli, CULL_E_REFUSED, "%s: not empty (--force writes into it all the same)",
                        shown);
    }
    return code == 0 ? CULL_OK : cli_fail_errno(cli, code, "%s", shown);
}

/* --- one file ------------------------------------------------------------------------------ */

static cull_status write_some(void *ctx, const void *data, size_t len, cull_error *err)
{
    struct get *get = ctx;
    const char *at = data;

    get->done_bytes += len;
    progress_update(&get->progress, "get", get->done_bytes, get->total_bytes);
    while (len > 0) {
        ssize_t put = write(get->out_fd, at, len);

        if (signals_caught() != 0) {
            return CULL_E_CANCELLED;
        }
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            get->write_errno = errno;
            err->status = errno == ENOSPC || errno == EDQUOT ? CULL_E_NOSPACE : CULL_E_IO;
            (void)snprintf(err->message, sizeof(err->message), "%s", strerror(errno));
            return err->status;
        }
        at += put;
        len -= (size_t)put;
    }
    return CULL_OK;
}

/* A damaged or missing object: told at once, counted for the end. */
static cull_status count_damage(struct get *get, const char *path)
{
    char shown[PRINTABLE_MAX];

    progress_end(&get->progress);
    cli_warn(get->cli, "%s: not written: %s", printable(shown, path), get->cli->err.message);
    get->cli->err = (cull_error){ CULL_OK, "" };
    get->damaged++;
    return CULL_OK;
}

/* A temporary file beside the place; its name in name. */
static int open_temporary(int parent, char name[64])
{
    int fd = -1;

    for (unsigned turn = 0; turn < 100; turn++) {
        (void)snprintf(name, 64, ".cull-get-%ld-%u", (long)getpid(), turn);
        fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) {
            break;
        }
    }
    return fd;
}

static int place(const struct get *get, int parent, const char *temporary, const char *name)
{
    if (!get->force) {
        if (renameat2(parent, temporary, parent, name, RENAME_NOREPLACE) == 0) {
            return 0;
        }
        if (errno != EINVAL && errno != ENOSYS) {
            return -1;
        }
    }
    return renameat(parent, temporary, parent, name);
}

static cull_status get_blob(struct get *get, const cull_entry *entry)
{
    struct cli *cli = get->cli;
    char temporary[64];
    const char *name = NULL;
    int parent = beneath_parent(&get->beneath, entry->path, true, &name);
    cull_status status;

    get->out_fd = parent < 0 ? -1 : open_temporary(parent, temporary);
    if (get->out_fd < 0) {
        return file_failed(get, entry->path, errno);
    }
    get->write_errno = 0;
    status = cull_blob_read(cli->store, &entry->digest, write_some, get, &cli->err);
    if (close(get->out_fd) != 0 && get->write_errno == 0 && status == CULL_OK) {
        get->write_errno = errno;
        status = CULL_E_IO;
    }
    if (status == CULL_OK && place(get, parent, temporary, name) == 0) {
        get->files++;
        return CULL_OK;
    }
    if (status == CULL_OK) {
        get->write_errno = errno;
        status = CULL_E_IO;
    }
    (void)unlinkat(parent, temporary, 0);
    if (get->write_errno != 0) {
        return file_failed(get, entry->path, get->write_errno);
    }
    switch (status) { /* what is wrong with this object says nothing of the others */
    case CULL_E_DAMAGED:
    case CULL_E_NOTFOUND:
    case CULL_E_INVALID:
    case CULL_E_IO:
        return count_damage(get, entry->path);
    default:
        return status;
    }
}

/* --- the version --------------------------------------------------------------------------- */

static void list_reference(struct get *get, const cull_entry *entry)
{
    struct output *out = &get->cli->out;

    get->references++;
    record_begin(out, "reference");
    field_text(out, "path", entry->path);
    field_text(out, "ref", entry->ref);
    record_end(out);
    if (!out->json) {
        (void)printf("reference, not fetched: ");
        print_escaped(entry->path);
        (void)printf(" -> ");
        print_escaped(entry->ref);
        (void)printf("\n");
    }
}

static cull_status get_all(struct get *get)
{
    size_t count = cull_manifest_count(get->manifest);
    cull_status status = CULL_OK;
    cull_entry entry;

    for (size_t i = 0; i < count; i++) {
        cull_manifest_at(get->manifest, i, &entry);
        if (entry.kind == CULL_ENTRY_BLOB && entry.size_bytes != CULL_SIZE_UNKNOWN) {
            get->total_bytes += entry.size_bytes;
        }
    }
    status = cull_manifest_check(get->manifest, &get->cli->err);
    for (size_t i = 0; status == CULL_OK && i < count; i++) {
        cull_manifest_at(get->manifest, i, &entry);
        if (entry.kind == CULL_ENTRY_BLOB) {
            status = signals_caught() != 0 ? CULL_E_CANCELLED : get_blob(get, &entry);
        } else {
            list_reference(get, &entry);
        }
    }
    if (status == CULL_OK) {
        status = cull_manifest_check(get->manifest, &get->cli->err);
    }
    progress_end(&get->progress);
    return status;
}

static cull_status answer(struct get *get, const char *name)
{
    struct cli *cli = get->cli;
    char shown[PRINTABLE_MAX];
    char files[UNITS_TEXT_MAX];
    char size[UNITS_TEXT_MAX];

    summary_begin(&cli->out);
    field_number(&cli->out, "files", get->files);
    field_number(&cli->out, "bytes", get->done_bytes);
    field_number(&cli->out, "references", get->references);
    field_number(&cli->out, "damaged", get->damaged);
    field_number(&cli->out, "unwritable", get->unwritable);
    summary_end(&cli->out);
    if (get->damaged > 0) {
        return cli_fail(cli, CULL_E_DAMAGED,
                        "%s: %" PRIu64 " file%s damaged or lost, %" PRIu64
                        " written to %s (cull fsck --read-data finds all that is wrong)",
                        name, get->damaged, get->damaged == 1 ? " is" : "s are", get->files,
                        printable(shown, get->dir_name));
    }
    if (get->unwritable > 0) {
        return cli_fail(cli, CULL_E_PARTIAL,
                        "%s: %" PRIu64 " path%s cannot be here, %" PRIu64 " written to %s", name,
                        get->unwritable, get->unwritable == 1 ? "" : "s", get->files,
                        printable(shown, get->dir_name));
    }
    if (!cli->out.json) {
        (void)printf("wrote %s to %s: %s file%s, %s\n", name, printable(shown, get->dir_name),
                     count_human(files, get->files), get->files == 1 ? "" : "s",
                     bytes_human(size, get->done_bytes));
    }
    return CULL_OK;
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    const struct get_options *options = values;
    struct get get = { .cli = cli, .dir_name = names[1], .force = options->force, .dir = -1 };
    struct version_list list = { NULL, 0, 0 };
    const cull_caller caller = cli_caller(cli);
    cull_version_key key;
    cull_status status;

    (void)count;
    beneath_init(&get.beneath, -1);
    if ((status = cli_open(cli, true)) != CULL_OK ||
        (status = resolve_version(cli, names[0], &key)) != CULL_OK ||
        (status = version_list_add_key(cli, &list, &key)) != CULL_OK ||
        (status = cull_download_check(cli->store, &key, &caller, &cli->err)) != CULL_OK ||
        (status = cull_version_manifest(cli->store, &key, &get.manifest, &cli->err)) != CULL_OK) {
        goto done;
    }
    if (cli->settings.index_only) {
        status = cli_fail(cli, CULL_E_REFUSED, "%s: this store is an index only: it has no files",
                          list.items[0].name);
        goto done;
    }
    status = open_target(&get);
    if (status != CULL_OK) {
        goto done;
    }
    get.beneath.root = get.dir;
    progress_begin(&get.progress, cli->globals.progress);
    get.progress.bytes = true;
    status = get_all(&get);
    if (status == CULL_OK) {
        status = answer(&get, list.items[0].name);
    }
done:
    beneath_release(&get.beneath);
    if (get.dir >= 0) {
        (void)close(get.dir);
    }
    cull_manifest_free(get.manifest);
    version_list_release(&list);
    return status;
}

const struct cli_command command_get = {
    .name = "get",
    .usage = "get VERSION DIR [--force]",
    .text = "Write a version's files into a directory.\n\n"
            "A name without a version means latest. Every digest is checked; a file that\n"
            "is damaged is not written, nor is a path that cannot be here (a beside a/b).\n"
            "DIR must be empty or missing, and nothing outside it is ever written.\n"
            "References are listed, not fetched.",
    .options = get_table,
    .option_count = ARG_LEN(get_table),
    .args_bytes = sizeof(struct get_options),
    .positionals_min = 2,
    .positionals_max = 2,
    .exits = "exit: 0 done  1 failed  2 usage  3 some paths cannot be here\n"
             "      4 no such store or version\n"
             "      6 DIR is not empty, a symbolic link is in the way, or you are no viewer\n"
             "      7 files are damaged or lost  130, 143 interrupted\n",
    .run = run,
};
