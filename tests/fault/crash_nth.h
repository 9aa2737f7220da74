/*
 * crash_nth.h - the n-th call of the library on real files fails.
 */
#ifndef CRASH_NTH_H
#define CRASH_NTH_H

#include <stdbool.h>
#include <stdint.h>

/* What a call is, for the errors that it may give. */
enum crash_nth_kind {
    CRASH_NTH_READS,  /* EIO */
    CRASH_NTH_WRITES, /* EIO, ENOSPC */
    CRASH_NTH_MOVES,  /* and EINVAL, of a file system that knows no such flag */
    CRASH_NTH_OPENS,  /* EIO, EMFILE */
    CRASH_NTH_MAKES   /* opens, and makes what is not there: all three */
};

/* Begin to count the calls that may give this error: the n-th fails with it, once, or it and all that
 * follow. Syncs are not done meanwhile: nothing here cuts the power. One thread only. */
void crash_nth_begin(uint64_t n, int error, bool lasting);
/* End; how many there were. *failed: the first that failed, or "". */
uint64_t crash_nth_end(const char **failed);

/* A call is about to be done: false, with errno, if it is to fail. For the wrappers. */
bool crash_nth_may(const char *call, enum crash_nth_kind kind);
/* Is a sync to be done? */
bool crash_nth_syncs(void);

#endif
