/*
 * bench_base.h - what every benchmark needs: numbers that repeat, a clock, and giving up.
 */
#ifndef BENCH_BASE_H
#define BENCH_BASE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cull/cull.h"

/* SplitMix64: the same numbers on every machine. */
static inline uint64_t bench_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* The 16 bytes of the digest that stands for a value. */
static inline cull_digest bench_digest(uint64_t value)
{
    cull_digest digest = { { 0 } };
    uint64_t words[2];

    words[0] = bench_random(&value);
    words[1] = bench_random(&value);
    memcpy(digest.bytes, words, sizeof(words));
    return digest;
}

static inline void *must(void *block)
{
    if (block == NULL) {
        fputs("bench: out of memory\n", stderr);
        exit(1);
    }
    return block;
}

/* A benchmark that fails has nothing to report. */
static inline void must_ok_at(cull_status status, const cull_error *err, const char *file, int line)
{
    if (status != CULL_OK) {
        fprintf(stderr, "%s:%d: %s: %s\n", file, line, cull_strerror(status),
                err == NULL ? "" : err->message);
        exit(1);
    }
}
#define must_ok(status) must_ok_at((status), NULL, __FILE__, __LINE__)
#define must_ok_err(status, err) must_ok_at((status), (err), __FILE__, __LINE__)

static inline double bench_now(void) /* seconds */
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#endif
