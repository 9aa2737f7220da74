/*
 * crash_calls.c - the library's own calls on files of a mounted disk.
 *
 * SHAPE     The linker (--wrap) sends the calls of the objects that it links to the functions here;
 *           those of shared libraries, SQLite's among them, go where they always went. A path that is
 *           on no disk of ours goes on to the real call.
 * WHY NOT   an option of the library that names a file system: SQLite's has no rename and no sync
 *           of a folder, and a program has no use for one.
 */
#include "crash_nth.h"
#include "crash_order.h"
#include "crash_vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDERS_MAX 8

int __real_lstat(const char *path, struct stat *out);
int __real_stat(const char *path, struct stat *out);
int __real_unlink(const char *path);
int __real_rename(const char *from, const char *to);
int __real_open(const char *path, int flags, ...);
int __real_fsync(int fd);
int __real_close(int fd);
int __wrap_lstat(const char *path, struct stat *out);
int __wrap_stat(const char *path, struct stat *out);
int __wrap_unlink(const char *path);
int __wrap_rename(const char *from, const char *to);
int __wrap_open(const char *path, int flags, ...);
int __wrap_fsync(int fd);
int __wrap_close(int fd);

/* Mounted folders that are open. */
static struct {
    int fd;
    struct crash_disk *disk; /* NULL: a free place */
} folders[FOLDERS_MAX];

static int answer(int error)
{
    if (error != 0) {
        errno = error;
    }
    return error == 0 ? 0 : -1;
}

static int disk_stat(struct crash_disk *disk, const char *name, struct stat *out)
{
    uint64_t len;
    int error = crash_disk_stat(disk, name, &len);

    *out = (struct stat){ .st_mode = S_IFREG | 0644, .st_nlink = 1, .st_size = (off_t)len };
    return answer(error);
}

int __wrap_lstat(const char *path, struct stat *out)
{
    const char *name;
    struct crash_disk *disk = crash_find(path, &name);

    if (disk != NULL) {
        return disk_stat(disk, name, out);
    }
    return crash_nth_may("lstat", CRASH_NTH_READS) ? __real_lstat(path, out) : -1;
}

int __wrap_stat(const char *path, struct stat *out)
{
    const char *name;
    struct crash_disk *disk = crash_find(path, &name);

    return disk == NULL ? __real_stat(path, out) : disk_stat(disk, name, out);
}

int __wrap_unlink(const char *path)
{
    const char *name;
    struct crash_disk *disk = crash_find(path, &name);

    return disk == NULL ? __real_unlink(path) : answer(crash_disk_delete(disk, name));
}

int __wrap_rename(const char *from, const char *to)
{
    const char *from_name;
    const char *to_name;
    struct crash_disk *disk = crash_find(from, &from_name);

    if (disk == NULL) {
        return __real_rename(from, to);
    }
    return answer(crash_find(to, &to_name) == disk ? crash_disk_rename(disk, from_name, to_name)
                                                   : EXDEV);
}

/* The disk that is mounted at a path's folder. */
static struct crash_disk *beside(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[4096];

    if (slash == NULL || (size_t)(slash - path) >= sizeof folder) {
        return NULL;
    }
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = '\0';
    return crash_find_folder(folder);
}

/* Opening a mounted folder, or a file beside those of its disk, is a call of the disk as well. */
int __wrap_open(const char *path, int flags, ...)
{
    struct crash_disk *disk = crash_find_folder(path);
    struct crash_disk *asked = disk == NULL ? beside(path) : disk;
    int error = asked == NULL ? 0 : crash_disk_ask(asked, CRASH_OPEN);
    va_list args;
    int mode = 0;
    int fd;

    if (error != 0) {
        return answer(error);
    }
    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
        va_start(args, flags);
        mode = va_arg(args, int);
        va_end(args);
    }
    if (!crash_nth_may("open", (flags & O_CREAT) != 0 ? CRASH_NTH_MAKES : CRASH_NTH_OPENS)) {
        return -1;
    }
    fd = __real_open(path, flags, mode);
    for (size_t i = 0; fd >= 0 && disk != NULL; i++) {
        if (i == FOLDERS_MAX) {
            abort();
        }
        if (folders[i].disk == NULL) {
            folders[i].fd = fd;
            folders[i].disk = disk;
            break;
        }
    }
    return fd;
}

static struct crash_disk *folder_of(int fd, bool forget)
{
    for (size_t i = 0; i < FOLDERS_MAX; i++) {
        if (folders[i].disk != NULL && folders[i].fd == fd) {
            struct crash_disk *disk = folders[i].disk;

            folders[i].disk = forget ? NULL : disk;
            return disk;
        }
    }
    return NULL;
}

int __wrap_fsync(int fd)
{
    struct crash_disk *disk = folder_of(fd, false);

    if (disk != NULL) {
        return answer(crash_disk_sync_folder(disk, true));
    }
    if (!crash_nth_may("fsync", CRASH_NTH_WRITES) || !crash_order_may('f')) {
        return -1;
    }
    return crash_nth_syncs() ? __real_fsync(fd) : 0;
}

int __wrap_close(int fd)
{
    bool may = crash_nth_may("close", CRASH_NTH_WRITES);
    int code = errno;
    int result;

    (void)folder_of(fd, true);
    result = __real_close(fd);
    if (!may) {
        errno = code; /* it is closed, and what was written is lost */
    }
    return may ? result : -1;
}
