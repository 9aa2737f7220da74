/*
 * crash_order.h - in which order a directory's objects reach a real disk: what was synced when.
 */
#ifndef CRASH_ORDER_H
#define CRASH_ORDER_H

#include <stdbool.h>

/* A letter for each call of the library that was done: d fdatasync, s syncfs, f fsync, r renameat
 * and renameat2, u unlinkat. */
#define CRASH_ORDER_MAX 4096

/* Begin; calls of the kind `broken` fail with EIO ('\0': none does). One thread only. */
void crash_order_begin(char broken);
/* End; what was done since, until the next begin. */
const char *crash_order_end(void);

/* A call is about to be done: false, with errno, if it is to fail. For the wrappers. */
bool crash_order_may(char call);

#endif
