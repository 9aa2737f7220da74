/*
 * sqlite_ballast.c - a file that takes room while there is some, and is given up when there is none.
 *
 * SHAPE     Beside cull.db, of 1 to 16 MiB, an eighth of it: what the write-ahead log of a cycle's
 *           first transactions needs, until the objects that they let go are gone. Cut to nothing
 *           when an append that gives room back (a delete, a cycle) meets a full disk. Filled again
 *           by whoever opens the log and finds plenty; and as far as it goes by who gave it up, when
 *           that closes the log: a delete leaves to the cycle after it what it did not use.
 * INVARIANT Only what gives room back may use it (cull__fact_gives_room()): an upload that fills the
 *           disk fails, and leaves the ballast to the cycle that mends it. Nothing is read from it.
 * COST      One stat when the log is opened.
 * FAILURE   None is told: without ballast a full disk is as it would be without this file. Filling
 *           leaves several times its size to others: it is seldom taken back from a cycle that it was
 *           given up for, which then gives it up again. Whoever else writes to that disk may: a
 *           race that room inside of our own
 *           files would not lose, but SQLite cuts both its files as it opens and closes them.
 * THREADS   Under the handle's mutex. Several processes: cutting twice is cutting once.
 * WHY NOT   room for readers: they need none (sqlite_open.c). A share of the disk kept free by asking
 *           statvfs before each write: others fill it as well.
 */
#include "log/sqlite_handle.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BALLAST_BYTES_MIN ((uint64_t)1 << 20)
#define BALLAST_BYTES_MAX ((uint64_t)16 << 20)
#define DATABASE_SHARE 8 /* the ballast is a part of it, in powers of two: seldom made anew */
#define ROOM_SHARE 4     /* as many times its size stay free when it is filled */
#define BLOCK_BYTES 512  /* of st_blocks */
#define FILL_STEPS 16    /* sizes that are tried where there is not room for all of it */

uint64_t cull__ballast_bytes(uint64_t database_bytes)
{
    uint64_t bytes = BALLAST_BYTES_MIN;

    while (bytes < BALLAST_BYTES_MAX && bytes < database_bytes / DATABASE_SHARE) {
        bytes *= 2;
    }
    return bytes;
}

static bool has_room(int fd, uint64_t bytes)
{
    struct statvfs fs;

    return fstatvfs(fd, &fs) == 0 &&
           (uint64_t)fs.f_bavail * fs.f_frsize / (ROOM_SHARE + 1) >= bytes;
}

/* Without plenty of room: all or nothing. Who gave it up takes back what is there. */
static void fill(int fd, uint64_t want, bool was_given)
{
    uint64_t bytes = want;

    if (!was_given && !has_room(fd, want)) {
        return;
    }
    while (bytes > 0 && posix_fallocate(fd, 0, (off_t)bytes) != 0) {
        bytes = was_given ? bytes - want / FILL_STEPS : 0;
        (void)!ftruncate(fd, 0); /* a part of it may have been had */
    }
}

void cull__ballast_fill(const struct cull__sqlite *log)
{
    const uint64_t want = log->ballast_bytes;
    struct stat st = { 0 };
    int fd;

    if (log->ballast_path == NULL ||
        (lstat(log->ballast_path, &st) == 0 &&
         (!S_ISREG(st.st_mode) || (uint64_t)st.st_blocks * BLOCK_BYTES >= want))) {
        return;
    }
    fd = open(log->ballast_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    if (fd < 0) {
        return;
    }
    fill(fd, want, log->is_ballast_given);
    (void)close(fd);
}

void cull__ballast_give(struct cull__sqlite *log)
{
    struct stat st;
    int fd = log->ballast_path == NULL
                 ? -1
                 : open(log->ballast_path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        return;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && ftruncate(fd, 0) == 0) {
        (void)fsync(fd); /* with a journal, what is cut is free when that is on the disk */
        log->is_ballast_given = true;
    }
    (void)close(fd);
}
