/*
 * pool.h - work on numbered things by several threads, watched by the one that asked for it.
 */
#ifndef POOL_H
#define POOL_H

#include "cull/base.h"

#define POOL_THREADS_MAX 64

struct pool_job {
    size_t count;     /* things, 0 <= i < count, begun in this order */
    unsigned threads; /* 1..POOL_THREADS_MAX */
    void *ctx;
    /* One thing; local is this thread's own. A result other than CULL_OK ends the job. */
    cull_status (*work)(void *ctx, void *local, size_t i, cull_error *err);
    /* What a thread needs for itself. */
    cull_status (*local_new)(void *ctx, void **local, cull_error *err);
    void (*local_free)(void *local);
    /* Called in the asking thread ten times a second; other than CULL_OK ends the job. */
    cull_status (*tick)(void *ctx, cull_error *err);
};

/* Returns when all threads have ended: CULL_OK, or the failure of the lowest i that failed. */
CULL_MUST_USE cull_status pool_run(const struct pool_job *job, cull_error *err);
/* The processors that this process may use, 1..POOL_THREADS_MAX. */
unsigned pool_processors(void);

#endif
