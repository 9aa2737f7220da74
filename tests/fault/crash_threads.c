/*
 * crash_threads.c - threads that the system does not give: pthread_create() by the linker's --wrap.
 */
#include "crash_threads.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

static atomic_int allowed = -1;

void crash_threads_allow(int calls)
{
    atomic_store(&allowed, calls);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *ctx), void *ctx);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *ctx), void *ctx);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *ctx), void *ctx)
{
    if (atomic_load(&allowed) == 0) {
        return EAGAIN;
    }
    if (atomic_load(&allowed) > 0) {
        (void)atomic_fetch_sub(&allowed, 1);
    }
    return __real_pthread_create(thread, attributes, run, ctx);
}
