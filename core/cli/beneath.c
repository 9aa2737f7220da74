/*
 * beneath.c - opening files below one directory.
 *
 * INVARIANT dir is the directory dir_path below root, reached through O_NOFOLLOW only.
 * FAILURE   -1 and errno, like openat().
 * WHY NOT   openat2(RESOLVE_BENEATH): it wants Linux 5.6, and containers with older seccomp
 *           filters answer ENOSYS or EPERM.
 */
#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

void beneath_init(struct beneath *beneath, int root)
{
    *beneath = (struct beneath){ .root = root, .dir = -1 };
}

static void forget(struct beneath *beneath)
{
    if (beneath->dir >= 0) {
        (void)close(beneath->dir);
    }
    beneath->dir = -1;
    beneath->dir_len = 0;
}

void beneath_release(struct beneath *beneath)
{
    forget(beneath);
    free(beneath->dir_path);
    beneath->dir_path = NULL;
}

static bool remember(struct beneath *beneath, const char *path, size_t len)
{
    if (len + 1 > beneath->dir_capacity) {
        char *grown = realloc(beneath->dir_path, len + 1);

        if (grown == NULL) {
            return false;
        }
        beneath->dir_path = grown;
        beneath->dir_capacity = len + 1;
    }
    memcpy(beneath->dir_path, path, len);
    beneath->dir_path[len] = '\0';
    beneath->dir_len = len;
    return true;
}

static bool part_is_plain(const char *part, size_t len)
{
    return len > 0 && len <= 255 && !(part[0] == '.' && (len == 1 || (len == 2 && part[1] == '.')));
}

/* The directory `part` of dir; closes dir unless it is the root. */
static int step(const struct beneath *beneath, int dir, const char *part, size_t len, bool make)
{
    char name[256];
    int next;
    int code;

    memcpy(name, part, len);
    name[len] = '\0';
    if (make && mkdirat(dir, name, 0777) != 0 && errno != EEXIST) {
        next = -1;
    } else {
        next = openat(dir, name, OPEN_DIR);
    }
    code = errno;
    if (next < 0 && code == ENOTDIR) {
        struct stat info;

        if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode)) {
            code = ELOOP; /* which of the two O_DIRECTORY | O_NOFOLLOW says is up to the kernel */
        }
    }
    if (dir != beneath->root) {
        (void)close(dir);
    }
    errno = code;
    return next;
}

int beneath_parent(struct beneath *beneath, const char *path, bool make, const char **last)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    int dir = beneath->root;

    *last = slash == NULL ? path : slash + 1;
    if (!part_is_plain(*last, strlen(*last))) {
        errno = strlen(*last) > 255 ? ENAMETOOLONG : EINVAL;
        return -1;
    }
    if (slash == NULL) {
        return beneath->root;
    }
    if (beneath->dir >= 0 && beneath->dir_len == len && memcmp(beneath->dir_path, path, len) == 0) {
        return beneath->dir;
    }
    forget(beneath);
    for (size_t at = 0; at <= len;) {
        size_t part_len = strcspn(path + at, "/");

        if (!part_is_plain(path + at, part_len)) {
            if (dir != beneath->root) {
                (void)close(dir);
            }
            errno = part_len > 255 ? ENAMETOOLONG : EINVAL;
            return -1;
        }
        dir = step(beneath, dir, path + at, part_len, make);
        if (dir < 0) {
            return -1;
        }
        at += part_len + 1;
    }
    if (!remember(beneath, path, len)) {
        (void)close(dir);
        errno = ENOMEM;
        return -1;
    }
    beneath->dir = dir;
    return dir;
}
