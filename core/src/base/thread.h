/*
 * thread.h - threads of our own inside of somebody's process.
 *
 * They take no signals: handlers are the host's, and run on threads that it knows, with the descriptors
 * that it knows.
 */
#ifndef CULL_THREAD_H
#define CULL_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* false: there is none to be had; who asks does the work itself. */
bool cull__thread_start(pthread_t *thread, void *(*run)(void *ctx), void *ctx);

#endif
