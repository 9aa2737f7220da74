/*
 * crash_order.c - see crash_order.h.
 *
 * SHAPE     The linker (--wrap) sends the library's calls here, as to crash_calls.c, and they go on
 *           to the system; while somebody listens, each leaves a letter.
 * WHY NOT   cut the power under objects as under the log: they are files of any number in folders,
 *           reached by descriptors, and the order of few calls is all that they depend on.
 */
#include "crash_order.h"

#include "crash_nth.h"

#include <errno.h>
#include <stddef.h>

int __real_fdatasync(int fd);
int __real_syncfs(int fd);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __real_unlinkat(int fd, const char *path, int flags);
int __wrap_fdatasync(int fd);
int __wrap_syncfs(int fd);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_unlinkat(int fd, const char *path, int flags);

static struct {
    bool listening;
    char broken;
    size_t len;
    char calls[CRASH_ORDER_MAX];
} order;

void crash_order_begin(char broken)
{
    order.listening = true;
    order.broken = broken;
    order.len = 0;
    order.calls[0] = '\0';
}

const char *crash_order_end(void)
{
    order.listening = false;
    return order.calls;
}

bool crash_order_may(char call)
{
    if (!order.listening) {
        return true;
    }
    if (call == order.broken) {
        errno = EIO;
        return false;
    }
    if (order.len < CRASH_ORDER_MAX - 1) {
        order.calls[order.len++] = call;
        order.calls[order.len] = '\0';
    }
    return true;
}

int __wrap_fdatasync(int fd)
{
    if (!crash_nth_may("fdatasync", CRASH_NTH_WRITES) || !crash_order_may('d')) {
        return -1;
    }
    return crash_nth_syncs() ? __real_fdatasync(fd) : 0;
}

int __wrap_syncfs(int fd)
{
    if (!crash_nth_may("syncfs", CRASH_NTH_WRITES) || !crash_order_may('s')) {
        return -1;
    }
    return crash_nth_syncs() ? __real_syncfs(fd) : 0;
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return crash_nth_may("renameat", CRASH_NTH_WRITES) && crash_order_may('r')
               ? __real_renameat(from_fd, from, to_fd, to)
               : -1;
}

int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    return crash_nth_may("renameat2", CRASH_NTH_MOVES) && crash_order_may('r')
               ? __real_renameat2(from_fd, from, to_fd, to, flags)
               : -1;
}

int __wrap_unlinkat(int fd, const char *path, int flags)
{
    return crash_nth_may("unlinkat", CRASH_NTH_WRITES) && crash_order_may('u')
               ? __real_unlinkat(fd, path, flags)
               : -1;
}
