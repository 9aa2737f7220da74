/*
 * measures.h - the measurements that a command's own time does not show; see macro_main.c.
 */
#ifndef BENCH_MEASURES_H
#define BENCH_MEASURES_H

#include <stdint.h>

#include "macro/maker.h"

/* measure_open.c: opening with every room, beside cat, with and without the cache */
void measure_open(const char *dir, unsigned rounds);
/* measure_delete.c: soft-deleting every version in one transaction, and their memory */
void measure_delete(const char *dir, unsigned rounds);
/* measure_dry.c: prints where the time of the command's `gc --dry-run` goes */
void measure_dry(const char *dir, const char *command, unsigned rounds);
/* measure_cycle.c: the same garbage in a small store and in one `factor` times larger */
void measure_cycle(uint32_t factor, unsigned rounds);
/* measure_beside.c: the gain of a second thread, and what a cycle costs a writer beside it */
void measure_beside(const struct shape *shape, unsigned rounds);
/* measure_scale.c: memory and mark of so many collections */
void measure_scale(uint32_t collections, const struct shape *shape, unsigned rounds);
/* measure_sweep.c: a cycle that deletes everything in a store, beside unlinking a twin of its
 * objects; which of the two comes first is for the caller to alternate */
void measure_sweep(const char *dir, const char *twin, unsigned threads, bool sweep_first);

/* limits.c: what the machine can do, measured in the same run */
double limit_cat(const char *path); /* seconds to read a file */
/* Seconds for two threads to read a file's first bytes into memory that is new. */
double limit_read_new(const char *path, uint64_t bytes);
void limit_forget(const char *path);                       /* out of the page cache */
double limit_write_sync(const char *path, uint64_t bytes); /* seconds, a new file */
/* Seconds to sum so many rows of 12 bytes, `turns` times, with so many threads. */
double limit_sum(const void *rows, uint64_t count, unsigned turns, unsigned threads);
void *limit_rows(uint64_t count); /* freed with free() */

#endif
