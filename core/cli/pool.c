/*
 * pool.c - work by several threads.
 *
 * SHAPE     Threads take the next number from one counter under a lock: a thing is a whole file or
 *           more, so the lock costs nothing. The asking thread waits on a condition with a timeout
 *           and ticks: progress, signals, leases.
 * FAILURE   The lowest number's failure is told, so that a run says the same twice.
 */
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct pool {
    const struct pool_job *job;
    pthread_mutex_t lock;
    pthread_cond_t ended; /* a thread has ended */
    size_t next;
    unsigned running;
    cull_status status;
    size_t failed_at;
    cull_error err;
};

static void pool_fail(struct pool *pool, size_t i, cull_status status, const cull_error *err)
{
    (void)pthread_mutex_lock(&pool->lock);
    if (pool->status == CULL_OK || i < pool->failed_at) {
        pool->status = status;
        pool->failed_at = i;
        pool->err = *err;
    }
    (void)pthread_mutex_unlock(&pool->lock);
}

/* False: nothing is left to do. */
static bool pool_take(struct pool *pool, size_t *i)
{
    bool taken;

    (void)pthread_mutex_lock(&pool->lock);
    taken = pool->status == CULL_OK && pool->next < pool->job->count;
    if (taken) {
        *i = pool->next++;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return taken;
}

static void *pool_thread(void *ctx)
{
    struct pool *pool = ctx;
    const struct pool_job *job = pool->job;
    cull_error err = { CULL_OK, "" };
    void *local = NULL;
    size_t i = 0;
    cull_status status = job->local_new(job->ctx, &local, &err);

    if (status != CULL_OK) {
        pool_fail(pool, 0, status, &err);
    }
    while (status == CULL_OK && pool_take(pool, &i)) {
        status = job->work(job->ctx, local, i, &err);
        if (status != CULL_OK) {
            pool_fail(pool, i, status, &err);
        }
    }
    job->local_free(local);
    (void)pthread_mutex_lock(&pool->lock);
    pool->running--;
    (void)pthread_cond_signal(&pool->ended);
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void pool_watch(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    while (pool->running > 0) {
        cull_error err = { CULL_OK, "" };
        cull_status status;
        struct timespec until;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += 100000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&pool->ended, &pool->lock, &until);
        (void)pthread_mutex_unlock(&pool->lock);
        status = pool->job->tick(pool->job->ctx, &err);
        if (status != CULL_OK) {
            pool_fail(pool, 0, status, &err);
        }
        (void)pthread_mutex_lock(&pool->lock);
    }
    (void)pthread_mutex_unlock(&pool->lock);
}

cull_status pool_run(const struct pool_job *job, cull_error *err)
{
    struct pool pool = { .job = job, .lock = PTHREAD_MUTEX_INITIALIZER };
    pthread_t threads[POOL_THREADS_MAX];
    pthread_condattr_t attributes;
    unsigned started = 0;
    unsigned want = job->threads < job->count ? job->threads : (unsigned)job->count;

    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&pool.ended, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    pool.running = want;
    while (started < want && started < POOL_THREADS_MAX) {
        int code = pthread_create(&threads[started], NULL, pool_thread, &pool);

        if (code != 0) {
            (void)pthread_mutex_lock(&pool.lock);
            pool.running -= want - started; /* fewer do the work; none cannot */
            if (started == 0) {
                pool.status = CULL_E_IO;
                pool.err.status = CULL_E_IO;
                (void)snprintf(pool.err.message, sizeof(pool.err.message),
                               "cannot start a thread: %s", strerror(code));
            }
            (void)pthread_mutex_unlock(&pool.lock);
            break;
        }
        started++;
    }
    pool_watch(&pool);
    for (unsigned i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    (void)pthread_cond_destroy(&pool.ended);
    (void)pthread_mutex_destroy(&pool.lock);
    if (pool.status != CULL_OK) {
        *err = pool.err;
    }
    return pool.status;
}

unsigned pool_processors(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

    return count < 1 ? 1 : count > POOL_THREADS_MAX ? POOL_THREADS_MAX : (unsigned)count;
}
