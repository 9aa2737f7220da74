/*
 * crash_threads.h - threads that the system does not give.
 */
#ifndef CRASH_THREADS_H
#define CRASH_THREADS_H

/* The next so many calls of pthread_create() go through, all later ones fail with EAGAIN; -1: all go
 * through, which is so from the start. */
void crash_threads_allow(int calls);

#endif
