/*
 * new_file.c - files that commands write for their user.
 *
 * SHAPE     Written beside its place under a temporary name, synced, renamed. A symbolic link is
 *           followed first, so that it stays one. A device or a pipe cannot be replaced by a file
 *           without doing harm: it is opened and written to.
 * FAILURE   Nothing under the name has changed, unless it is a device or a pipe.
 */
#include "new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void forget(struct new_file *file)
{
    free(file->target);
    free(file->temporary);
    *file = (struct new_file){ .file = NULL };
}

static int open_temporary(struct new_file *file)
{
    size_t len = strlen(file->target) + sizeof(".XXXXXX");

    file->temporary = malloc(len);
    if (file->temporary == NULL) {
        errno = ENOMEM;
        return -1;
    }
    (void)snprintf(file->temporary, len, "%s.XXXXXX", file->target);
    return mkostemp(file->temporary, O_CLOEXEC);
}

static int open_target(struct new_file *file)
{
    struct stat info;

    if (stat(file->path, &info) == 0) {
        if (!S_ISREG(info.st_mode)) {
            return open(file->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        }
        file->target = realpath(file->path, NULL);
    } else if (errno == ENOENT) {
        file->target = strdup(file->path);
    }
    return file->target == NULL ? -1 : open_temporary(file);
}

cull_status new_file_begin(struct new_file *out, struct cli *cli, const char *path)
{
    char shown[PRINTABLE_MAX];
    int fd;

    *out = (struct new_file){ .path = path };
    fd = open_target(out);
    out->file = fd < 0 ? NULL : fdopen(fd, "w");
    if (out->file == NULL) {
        int code = errno;

        if (fd >= 0) {
            (void)close(fd);
        }
        if (fd >= 0 && out->temporary != NULL) {
            (void)unlink(out->temporary);
        }
        forget(out);
        return cli_fail_errno(cli, code, "%s", printable(shown, path));
    }
    return CULL_OK;
}

/* Durable, as readable as other new files are, and under its name; errno, 0: done. */
static int settle(struct new_file *file)
{
    mode_t mask = umask(0);

    (void)umask(mask);
    if (fflush(file->file) != 0 || ferror(file->file) != 0) {
        return errno == 0 ? EIO : errno;
    }
    if (file->temporary == NULL) {
        return 0; /* what syncing means for a device or a pipe is its own affair */
    }
    if (fsync(fileno(file->file)) != 0 || fchmod(fileno(file->file), 0666 & ~mask) != 0 ||
        rename(file->temporary, file->target) != 0) {
        return errno;
    }
    return 0;
}

cull_status new_file_end(struct new_file *file, struct cli *cli, cull_status status)
{
    char shown[PRINTABLE_MAX];
    int code = 0;

    if (file->file == NULL) {
        return status;
    }
    if (status == CULL_OK) {
        code = settle(file);
    }
    if (fclose(file->file) != 0 && code == 0 && status == CULL_OK && file->temporary == NULL) {
        code = errno;
    }
    if (file->temporary != NULL && (status != CULL_OK || code != 0)) {
        (void)unlink(file->temporary);
    }
    if (code != 0) {
        status = cli_fail_errno(cli, code, "%s", printable(shown, file->path));
    }
    forget(file);
    return status;
}
