/*
 * sqlite_lock.c - the collector's lock, and that of the writer of checkpoints.
 *
 * SHAPE     Two bytes of one lock file beside the database, locked by open file descriptions
 *           (F_OFD_SETLK), so that two handles of one process exclude each other as well, and a
 *           lock goes with its process, however it ends.
 * INVARIANT A lock counts only while the path still names the file that is locked.
 * FAILURE   CULL_E_BUSY at once; nobody waits here. What the system refuses names the file.
 * THREADS   Under the handle's mutex. A child made by fork shares its parent's locks: it closes
 *           nothing and collects nothing.
 * WHY NOT   A row in the database: it would outlive its process, and then somebody has to guess.
 *           POSIX record locks: closing any descriptor of the file drops them.
 */
#include "log/sqlite_handle.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

cull_status cull__lock_open(int *fd, const char *path, cull_error *err)
{
    char text[CULL_PRINTABLE_MAX];

    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (*fd < 0) {
        return cull__error_errno(err, errno, "%s", cull__printable(text, path, strlen(path)));
    }
    return CULL_OK;
}

static int lock_change(int fd, int byte, short kind)
{
    struct flock lock = { 0 };

    lock.l_type = kind;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte;
    lock.l_len = 1;
    return fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

/* Whether path still names the open file. What the system does not tell is an error, and no "no":
 * who is told that a lock is held elsewhere comes again, and nobody looks after the disk. */
static cull_status lock_is_at(int fd, const char *path, bool *is_at, cull_error *err)
{
    char text[CULL_PRINTABLE_MAX];
    struct stat open_file = { 0 };
    struct stat named = { 0 };

    int code = fstat(fd, &open_file) == 0 && lstat(path, &named) == 0 ? 0 : errno;

    *is_at = code == 0 && open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
    if (code != 0 && code != ENOENT) {
        return cull__error_errno(err, code, "%s", cull__printable(text, path, strlen(path)));
    }
    return CULL_OK;
}

cull_status cull__lock_take(int fd, const char *path, int byte, cull_error *err)
{
    char text[CULL_PRINTABLE_MAX];
    int code = lock_change(fd, byte, F_WRLCK);
    bool is_at;
    cull_status status;

    (void)cull__printable(text, path, strlen(path));
    if (code == EAGAIN || code == EACCES) {
        return cull__error_set(err, CULL_E_BUSY, "%s: held by another process", text);
    }
    if (code != 0) {
        return cull__error_errno(err, code, "%s", text);
    }
    status = lock_is_at(fd, path, &is_at, err);
    if (status == CULL_OK && !is_at) {
        status = cull__error_set(err, CULL_E_BUSY, "%s: replaced by another file", text);
    }
    if (status != CULL_OK) {
        cull__lock_drop(fd, byte);
    }
    return status;
}

void cull__lock_drop(int fd, int byte)
{
    (void)lock_change(fd, byte, F_UNLCK);
}

/* Take or drop one of the handle's two locks; *held says whether it has it. */
static cull_status held_change(struct cull__sqlite *log, int byte, bool take, bool *held,
                               cull_error *err)
{
    cull_status status = CULL_OK;
    bool is_at = false;

    if (!take) {
        if (*held) {
            cull__lock_drop(log->lock_fd, byte);
        }
        *held = false;
        return CULL_OK;
    }
    if (log->lock_fd >= 0) {
        status = lock_is_at(log->lock_fd, log->lock_path, &is_at, err);
    }
    if (status != CULL_OK || (*held && is_at)) {
        return status;
    }
    if (log->lock_fd >= 0 && !is_at) {
        (void)close(log->lock_fd); /* the file was replaced: what it held is worth nothing */
        log->lock_fd = -1;
        log->is_leader = log->is_maintainer = false;
    }
    if (log->lock_fd < 0) {
        status = cull__lock_open(&log->lock_fd, log->lock_path, err);
    }
    if (status == CULL_OK) {
        status = cull__lock_take(log->lock_fd, log->lock_path, byte, err);
    }
    *held = status == CULL_OK;
    return status;
}

cull_status cull__sqlite_leader(cull_log *log, enum cull__leader what, cull_error *err)
{
    struct cull__sqlite *sqlite = cull__sqlite_lock(log);
    cull_status status = CULL_OK;
    bool is_at = false;

    if (what == CULL__LEADER_CHECK) {
        if (sqlite->is_leader) {
            status = lock_is_at(sqlite->lock_fd, sqlite->lock_path, &is_at, err);
        }
        if (status == CULL_OK && !is_at) {
            status = cull__error_set(err, CULL_E_BUSY, "%s: the collector's lock is not held",
                                     sqlite->name);
        }
    } else if (what == CULL__LEADER_ACQUIRE && sqlite->is_grouped) {
        status = cull__error_set(err, CULL_E_USAGE,
                                 "%s: no collecting inside of a group: a claim is durable before "
                                 "anything is deleted",
                                 sqlite->name);
    } else {
        status = held_change(sqlite, CULL__LOCK_LEADER, what == CULL__LEADER_ACQUIRE,
                             &sqlite->is_leader, err);
    }
    cull__sqlite_unlock(sqlite);
    return status;
}

cull_status cull__sqlite_maintain_lock(cull_log *log, bool acquire, cull_error *err)
{
    struct cull__sqlite *sqlite = cull__sqlite_lock(log);
    cull_status status =
        held_change(sqlite, CULL__LOCK_MAINTAIN, acquire, &sqlite->is_maintainer, err);

    cull__sqlite_unlock(sqlite);
    return status;
}
