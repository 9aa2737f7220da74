/*
 * thread.c - threads of our own inside of somebody's process.
 *
 * SHAPE     A thread begins with the mask of who starts it: all signals are blocked for that instant.
 * THREADS   Any.
 */
#include "base/thread.h"

#include <signal.h>

bool cull__thread_start(pthread_t *thread, void *(*run)(void *ctx), void *ctx)
{
    sigset_t all;
    sigset_t before;
    bool started;

    (void)sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
        return false;
    }
    started = pthread_create(thread, NULL, run, ctx) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}
