/*
 * walk.c - the files below a directory.
 *
 * SHAPE     Directories are a list that is read while it grows; each knows the one it lies in, which
 *           tells a loop. Three descriptors are open at any depth. Paths lie in blocks of a
 *           megabyte, so a file costs its path and one row.
 * COST      One openat a directory, one fstatat a file, one sort of everything. Two million files
 *           in one directory take about 240 MB.
 * FAILURE   What cannot be stored is counted to the end, so the message can say how much there is.
 * WHY NOT   nftw, fts: they change directory or follow names that may be swapped meanwhile, and
 *           hold a directory's entries in memory as linked nodes.
 */
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "output.h"
#include "signals.h"

#include "cull/manifest.h"

#define BLOCK_BYTES (1u << 20)
#define NO_PARENT UINT32_MAX

struct walk_block {
    struct walk_block *next;
    size_t used;
    char bytes[BLOCK_BYTES];
};

struct directory {
    const char *path; /* "" is the root */
    dev_t device;
    ino_t inode;
    uint32_t parent;
};

struct walker {
    struct walk_list list;
    struct directory *directories;
    uint32_t directory_count;
    uint32_t directory_capacity;
    struct beneath beneath;
    int root;
    const char *name;
    bool follow;
    const struct stat *avoid;
    uint64_t refused; /* entries that cannot be stored */
    cull_error *err;  /* of the first of them, or of what ended the walk */
};

/* --- memory -------------------------------------------------------------------------------- */

static cull_status no_memory(struct walker *walker)
{
    walker->err->status = CULL_E_NOMEM;
    (void)snprintf(walker->err->message, sizeof(walker->err->message), "out of memory");
    return CULL_E_NOMEM;
}

/* "directory/name", or name alone at the root. NULL: no memory. */
static const char *keep_path(struct walk_list *list, const char *directory, const char *name)
{
    size_t directory_len = strlen(directory);
    size_t name_len = strlen(name);
    size_t len = directory_len + (directory_len > 0 ? 1 : 0) + name_len + 1;
    char *path;

    if (list->blocks == NULL || BLOCK_BYTES - list->blocks->used < len) {
        struct walk_block *block = malloc(sizeof(*block));

        if (block == NULL) {
            return NULL;
        }
        block->next = list->blocks;
        block->used = 0;
        list->blocks = block;
    }
    path = list->blocks->bytes + list->blocks->used;
    list->blocks->used += len;
    (void)snprintf(path, len, "%s%s%s", directory, directory_len > 0 ? "/" : "", name);
    return path;
}

void walk_release(struct walk_list *list)
{
    while (list->blocks != NULL) {
        struct walk_block *next = list->blocks->next;

        free(list->blocks);
        list->blocks = next;
    }
    free(list->files);
    *list = (struct walk_list){ 0 };
}

/* --- what is found ------------------------------------------------------------------------- */

/* Count one entry that cannot be stored. Directories give their entries in any order: the first by
 * name is the one that is told of. */
static cull_status refuse(struct walker *walker, const char *directory, const char *name,
                          const char *what)
{
    char relative[2 * PRINTABLE_MAX];
    char shown[PRINTABLE_MAX];
    char message[CULL_ERROR_MESSAGE_MAX];

    (void)snprintf(relative, sizeof(relative), "%s%s%s", directory,
                   directory[0] == '\0' || name[0] == '\0' ? "" : "/", name);
    (void)snprintf(message, sizeof(message), "%s: %s",
                   printable_path(shown, walker->name, relative), what);
    if (walker->refused == 0 || strcmp(message, walker->err->message) < 0) {
        walker->err->status = CULL_E_INVALID;
        memcpy(walker->err->message, message, sizeof(message));
    }
    walker->refused++;
    return CULL_OK;
}

static cull_status system_failed(struct walker *walker, const char *directory, const char *name,
                                 int code)
{
    walker->refused = 0;
    (void)refuse(walker, directory, name, strerror(code));
    walker->err->status = code == ENOMEM ? CULL_E_NOMEM : CULL_E_IO;
    return walker->err->status;
}

static cull_status add_file(struct walker *walker, const char *directory, const char *name,
                            const struct stat *info)
{
    struct walk_list *list = &walker->list;
    const char *path = keep_path(list, directory, name);

    if (path != NULL && list->count == list->capacity) {
        size_t capacity = list->capacity + list->capacity / 2 + 64;
        struct walk_file *grown = realloc(list->files, capacity * sizeof(*grown));

        if (grown == NULL) {
            return no_memory(walker);
        }
        list->files = grown;
        list->capacity = capacity;
    }
    if (path == NULL) {
        return no_memory(walker);
    }
    list->files[list->count++] = (struct walk_file){
        .path = path,
        .size_bytes = (uint64_t)info->st_size,
        .modified = info->st_mtim,
        .changed = info->st_ctim,
        .device = info->st_dev,
        .inode = info->st_ino,
    };
    list->bytes += (uint64_t)info->st_size;
    return CULL_OK;
}

/* With symlinks followed, a directory may lie below itself. */
static bool is_loop(const struct walker *walker, uint32_t parent, const struct stat *info)
{
    for (; parent != NO_PARENT; parent = walker->directories[parent].parent) {
        const struct directory *above = &walker->directories[parent];

        if (above->device == info->st_dev && above->inode == info->st_ino) {
            return true;
        }
    }
    return false;
}

static cull_status add_directory(struct walker *walker, const char *path, uint32_t parent,
                                 const struct stat *info)
{
    if (path == NULL) {
        return no_memory(walker);
    }
    if (walker->directory_count == walker->directory_capacity) {
        uint32_t capacity = walker->directory_capacity * 2 + 16;
        struct directory *grown = realloc(walker->directories, capacity * sizeof(*grown));

        if (grown == NULL) {
            return no_memory(walker);
        }
        walker->directories = grown;
        walker->directory_capacity = capacity;
    }
    walker->directories[walker->directory_count++] =
        (struct directory){ path, info->st_dev, info->st_ino, parent };
    return CULL_OK;
}

static const char *special_kind(mode_t mode)
{
    switch (mode & (mode_t)S_IFMT) {
    case S_IFLNK:
        return "a symbolic link (--follow stores what it leads to)";
    case S_IFSOCK:
        return "a socket cannot be stored";
    case S_IFIFO:
        return "a pipe cannot be stored";
    case S_IFBLK:
    case S_IFCHR:
        return "a device cannot be stored";
    default:
        return "neither a file nor a directory";
    }
}

static cull_status add_entry(struct walker *walker, uint32_t parent, int dir, const char *name)
{
    const char *directory = walker->directories[parent].path;
    struct stat info;

    if (!utf8_valid(name, strlen(name))) {
        return refuse(walker, directory, name, "the name is not UTF-8");
    }
    if (strlen(directory) + 1 + strlen(name) > CULL_PATH_BYTES_MAX) {
        return refuse(walker, directory, name, "the path is too long");
    }
    if (fstatat(dir, name, &info, walker->follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT && walker->follow) {
            return refuse(walker, directory, name, "a symbolic link that leads nowhere");
        }
        return errno == ELOOP ? refuse(walker, directory, name, "a symbolic link to itself")
                              : system_failed(walker, directory, name, errno);
    }
    if (S_ISREG(info.st_mode)) {
        return add_file(walker, directory, name, &info);
    }
    if (!S_ISDIR(info.st_mode)) {
        return refuse(walker, directory, name, special_kind(info.st_mode));
    }
    if (info.st_dev == walker->avoid->st_dev && info.st_ino == walker->avoid->st_ino) {
        return refuse(walker, directory, name, "the store itself cannot be stored in it");
    }
    if (walker->follow && is_loop(walker, parent, &info)) {
        return refuse(walker, directory, name, "a symbolic link to a directory above it");
    }
    return add_directory(walker, keep_path(&walker->list, directory, name), parent, &info);
}

/* --- the walk ------------------------------------------------------------------------------ */

/* Following symlinks is what was asked for: then the path is opened as it stands. */
static int open_directory(struct walker *walker, const char *path)
{
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    const char *last = ".";
    int parent;

    if (path[0] == '\0' || walker->follow) {
        return openat(walker->root, path[0] == '\0' ? "." : path, flags);
    }
    parent = beneath_parent(&walker->beneath, path, false, &last);
    return parent < 0 ? -1 : openat(parent, last, flags | O_NOFOLLOW);
}

static cull_status read_directory(struct walker *walker, uint32_t index)
{
    const char *path = walker->directories[index].path;
    cull_status status = CULL_OK;
    int fd = open_directory(walker, path);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (dir == NULL) {
        status = system_failed(walker, path, "", errno);
        if (fd >= 0) {
            (void)close(fd);
        }
        return status;
    }
    while (status == CULL_OK) {
        const struct dirent *entry;

        errno = 0;
        entry = readdir(dir);
        if (entry == NULL) {
            status = errno == 0 ? CULL_OK : system_failed(walker, path, "", errno);
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            status = add_entry(walker, index, dirfd(dir), entry->d_name);
        }
        if (signals_caught() != 0) {
            status = CULL_E_CANCELLED;
        }
    }
    (void)closedir(dir);
    return status;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct walk_file *)a)->path, ((const struct walk_file *)b)->path);
}

cull_status walk(struct walk_list *out, int root, const char *name, bool follow,
                 const struct stat *avoid, cull_error *err)
{
    struct walker walker = {
        .root = root, .name = name, .follow = follow, .avoid = avoid, .err = err
    };
    cull_status status = CULL_OK;
    struct stat info;

    *out = (struct walk_list){ 0 };
    beneath_init(&walker.beneath, root);
    if (fstat(root, &info) != 0) {
        status = system_failed(&walker, "", "", errno);
        goto done;
    }
    status = add_directory(&walker, "", NO_PARENT, &info);
    for (uint32_t i = 0; status == CULL_OK && i < walker.directory_count; i++) {
        status = read_directory(&walker, i);
    }
    if (status == CULL_OK && walker.refused > 0) {
        size_t len = strlen(err->message);

        if (walker.refused > 1) {
            (void)snprintf(err->message + len, sizeof(err->message) - len,
                           " (and %llu more that cannot be stored)",
                           (unsigned long long)(walker.refused - 1));
        }
        status = CULL_E_INVALID;
    }
    if (status != CULL_OK) {
        goto done;
    }
    if (walker.list.count > 1) {
        qsort(walker.list.files, walker.list.count, sizeof(*walker.list.files), by_path);
    }
    *out = walker.list;
    walker.list = (struct walk_list){ 0 };
done:
    beneath_release(&walker.beneath);
    free(walker.directories);
    walk_release(&walker.list);
    return status;
}

bool walk_same(const struct walk_file *file, const struct stat *now)
{
    return S_ISREG(now->st_mode) && file->device == now->st_dev && file->inode == now->st_ino &&
           file->size_bytes == (uint64_t)now->st_size &&
           file->modified.tv_sec == now->st_mtim.tv_sec &&
           file->modified.tv_nsec == now->st_mtim.tv_nsec &&
           file->changed.tv_sec == now->st_ctim.tv_sec &&
           file->changed.tv_nsec == now->st_ctim.tv_nsec;
}
