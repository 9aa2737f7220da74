/*
 * walk.h - the files below a directory, in a fixed order.
 */
#ifndef WALK_H
#define WALK_H

#include <sys/types.h>
#include <time.h>

#include "cull/base.h"

/* A regular file as it was seen. */
struct walk_file {
    const char *path; /* relative, valid UTF-8; lives as long as the list */
    uint64_t size_bytes;
    struct timespec modified;
    struct timespec changed;
    dev_t device;
    ino_t inode;
};

struct stat;
struct walk_block;

struct walk_list {
    struct walk_file *files; /* by path, in byte order */
    size_t count;
    size_t capacity;
    uint64_t bytes;
    struct walk_block *blocks; /* hold the paths */
};

/*
 * List what lies below the directory root, named name in messages. Empty directories are nothing.
 * follow: symlinks count as what they lead to, and one that leads back to a directory above it is
 * refused; otherwise every symlink is. avoid: a directory that must not be met, the store itself.
 * CULL_E_INVALID: a symlink, a socket, a pipe, a device, or a name that is no UTF-8: the first such
 * is named, and how many more there are. CULL_E_LIMIT: a path that is too long. CULL_E_IO,
 * CULL_E_NOMEM. CULL_E_CANCELLED: a signal came.
 */
CULL_MUST_USE cull_status walk(struct walk_list *out, int root, const char *name, bool follow,
                               const struct stat *avoid, cull_error *err);
void walk_release(struct walk_list *list);

/* True if this still is the file that was listed: same inode, size and times. */
bool walk_same(const struct walk_file *file, const struct stat *now);

#endif
