/*
 * crash_nth.c - see crash_nth.h.
 *
 * SHAPE     The linker (--wrap) sends the calls of what it links here, or to crash_calls.c and
 *           crash_order.c, which ask here; while somebody counts, one of them fails and is not done.
 *           A close that fails is done all the same, as Linux does it.
 * WHY NOT   a library that is loaded before the C library: it would fail SQLite's calls, check's and
 *           the loader's too, and is nothing that a sanitizer's build can bear.
 */
#include "crash_nth.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRAPPED(result, name, ...)     \
    result __real_##name(__VA_ARGS__); \
    result __wrap_##name(__VA_ARGS__); \
    result __wrap_##name(__VA_ARGS__)

static struct {
    bool counting;
    bool lasting;
    int error;
    uint64_t calls;
    uint64_t fail_at;
    const char *failed;
} nth;

void crash_nth_begin(uint64_t n, int error, bool lasting)
{
    nth.counting = true;
    nth.lasting = lasting;
    nth.error = error;
    nth.calls = 0;
    nth.fail_at = n;
    nth.failed = "";
}

uint64_t crash_nth_end(const char **failed)
{
    nth.counting = false;
    *failed = nth.failed;
    return nth.calls;
}

static bool gives(enum crash_nth_kind kind, int error)
{
    switch (error) {
    case ENOSPC:
        return kind != CRASH_NTH_READS && kind != CRASH_NTH_OPENS;
    case EINVAL:
        return kind == CRASH_NTH_MOVES;
    case EMFILE:
        return kind == CRASH_NTH_OPENS || kind == CRASH_NTH_MAKES;
    default:
        return true;
    }
}

bool crash_nth_may(const char *call, enum crash_nth_kind kind)
{
    if (!nth.counting || !gives(kind, nth.error)) {
        return true;
    }
    nth.calls++;
    if (nth.calls < nth.fail_at || (nth.calls > nth.fail_at && !nth.lasting)) {
        return true;
    }
    nth.failed = nth.failed[0] == '\0' ? call : nth.failed;
    errno = nth.error;
    return false;
}

bool crash_nth_syncs(void)
{
    return !nth.counting;
}

/* --- calls that nobody else asks for ------------------------------------------------------------ */

int __real_openat(int at, const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...);

int __wrap_openat(int at, const char *path, int flags, ...)
{
    bool makes = (flags & O_CREAT) != 0;
    va_list args;
    int mode = 0;

    if (makes) {
        va_start(args, flags);
        mode = va_arg(args, int);
        va_end(args);
    }
    return crash_nth_may("openat", makes ? CRASH_NTH_MAKES : CRASH_NTH_OPENS)
               ? __real_openat(at, path, flags, mode)
               : -1;
}

WRAPPED(int, mkdir, const char *path, mode_t mode)
{
    return crash_nth_may("mkdir", CRASH_NTH_WRITES) ? __real_mkdir(path, mode) : -1;
}

WRAPPED(int, mkdirat, int at, const char *path, mode_t mode)
{
    return crash_nth_may("mkdirat", CRASH_NTH_WRITES) ? __real_mkdirat(at, path, mode) : -1;
}

WRAPPED(int, fstat, int fd, struct stat *out)
{
    return crash_nth_may("fstat", CRASH_NTH_READS) ? __real_fstat(fd, out) : -1;
}

WRAPPED(int, fstatat, int at, const char *path, struct stat *out, int flags)
{
    return crash_nth_may("fstatat", CRASH_NTH_READS) ? __real_fstatat(at, path, out, flags) : -1;
}

WRAPPED(int, fchmod, int fd, mode_t mode)
{
    return crash_nth_may("fchmod", CRASH_NTH_WRITES) ? __real_fchmod(fd, mode) : -1;
}

WRAPPED(int, dup3, int fd, int as, int flags)
{
    return crash_nth_may("dup3", CRASH_NTH_OPENS) ? __real_dup3(fd, as, flags) : -1;
}

WRAPPED(int, linkat, int from_at, const char *from, int to_at, const char *to, int flags)
{
    return crash_nth_may("linkat", CRASH_NTH_WRITES)
               ? __real_linkat(from_at, from, to_at, to, flags)
               : -1;
}

WRAPPED(ssize_t, copy_file_range, int from, off64_t *from_at, int to, off64_t *to_at, size_t len,
        unsigned flags)
{
    return crash_nth_may("copy_file_range", CRASH_NTH_WRITES)
               ? __real_copy_file_range(from, from_at, to, to_at, len, flags)
               : -1;
}

WRAPPED(ssize_t, read, int fd, void *data, size_t len)
{
    return crash_nth_may("read", CRASH_NTH_READS) ? __real_read(fd, data, len) : -1;
}

WRAPPED(ssize_t, pread, int fd, void *data, size_t len, off_t at)
{
    return crash_nth_may("pread", CRASH_NTH_READS) ? __real_pread(fd, data, len, at) : -1;
}

WRAPPED(ssize_t, pwrite, int fd, const void *data, size_t len, off_t at)
{
    return crash_nth_may("pwrite", CRASH_NTH_WRITES) ? __real_pwrite(fd, data, len, at) : -1;
}

WRAPPED(ssize_t, getdents64, int fd, void *data, size_t len)
{
    return crash_nth_may("getdents64", CRASH_NTH_READS) ? __real_getdents64(fd, data, len) : -1;
}
