/*
 * limits.c - the loops that say what the machine can do: reading, writing and syncing, summing.
 */
#include "macro/measures.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "shared/bench_base.h"

#define PIECE_BYTES ((size_t)128 << 10) /* as cat(1) reads */
#define THREADS_MAX 16

static int must_open(const char *path, int flags)
{
    int fd = open(path, flags, 0666);

    if (fd < 0) {
        perror(path);
        exit(1);
    }
    return fd;
}

double limit_cat(const char *path)
{
    char *piece = must(malloc(PIECE_BYTES));
    double begun = bench_now();
    int fd = must_open(path, O_RDONLY);

    while (read(fd, piece, PIECE_BYTES) > 0) {
    }
    (void)close(fd);
    free(piece);
    return bench_now() - begun;
}

struct reading {
    const char *path;
    uint8_t *to;
    size_t len;
    size_t first; /* piece, and every second one from there */
};

static void *read_half(void *ctx)
{
    const struct reading *reading = ctx;
    int fd = must_open(reading->path, O_RDONLY);

    for (size_t at = reading->first * PIECE_BYTES; at < reading->len; at += 2 * PIECE_BYTES) {
        size_t some = reading->len - at < PIECE_BYTES ? reading->len - at : PIECE_BYTES;

        if (pread(fd, reading->to + at, some, (off_t)at) < 0) {
            perror(reading->path);
            exit(1);
        }
    }
    (void)close(fd);
    return NULL;
}

double limit_read_new(const char *path, uint64_t bytes)
{
    double begun = bench_now();
    uint8_t *to = must(malloc(bytes));
    struct reading half[2] = { { path, to, bytes, 0 }, { path, to, bytes, 1 } };
    pthread_t other;

    if (pthread_create(&other, NULL, read_half, &half[1]) != 0) {
        perror("a thread");
        exit(1);
    }
    (void)read_half(&half[0]);
    (void)pthread_join(other, NULL);
    begun = bench_now() - begun;
    free(to);
    return begun;
}

void limit_forget(const char *path)
{
    int fd = must_open(path, O_RDONLY);

    if (fsync(fd) != 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0) {
        perror(path);
        exit(1);
    }
    (void)close(fd);
}

double limit_write_sync(const char *path, uint64_t bytes)
{
    char *piece = must(malloc(PIECE_BYTES));
    double begun;
    int fd = must_open(path, O_WRONLY | O_CREAT | O_TRUNC);
    double seconds;

    memset(piece, 'x', PIECE_BYTES);
    begun = bench_now();
    while (bytes > 0) {
        size_t some = bytes < PIECE_BYTES ? (size_t)bytes : PIECE_BYTES;
        ssize_t put = write(fd, piece, some);

        if (put <= 0) {
            perror(path);
            exit(1);
        }
        bytes -= (uint64_t)put;
    }
    if (fsync(fd) != 0) {
        perror(path);
        exit(1);
    }
    seconds = bench_now() - begun;
    (void)close(fd);
    (void)unlink(path);
    free(piece);
    return seconds;
}

/* --- summing ------------------------------------------------------------------------------------ */

struct flat_row {
    uint32_t blob, born, died;
};

struct share {
    const struct flat_row *rows;
    uint64_t count;
    unsigned turns;
    uint64_t sum;
};

void *limit_rows(uint64_t count)
{
    struct flat_row *rows = must(malloc(count * sizeof(*rows)));

    for (uint64_t i = 0; i < count; i++) {
        rows[i] = (struct flat_row){ (uint32_t)i, (uint32_t)(i >> 10), (uint32_t)(i >> 9) };
    }
    return rows;
}

static void *sum_share(void *ctx)
{
    struct share *share = ctx;
    uint64_t sum = 0;

    for (unsigned turn = 0; turn < share->turns; turn++) {
        for (uint64_t i = 0; i < share->count; i++) {
            sum += (uint64_t)share->rows[i].blob + share->rows[i].born + share->rows[i].died;
        }
        *(volatile uint64_t *)&share->sum = sum; /* each turn counts */
    }
    return NULL;
}

double limit_sum(const void *rows, uint64_t count, unsigned turns, unsigned threads)
{
    struct share shares[THREADS_MAX];
    pthread_t handles[THREADS_MAX];
    double begun = bench_now();

    for (unsigned i = 0; i < threads; i++) {
        uint64_t first = count * i / threads;

        shares[i] = (struct share){ .rows = (const struct flat_row *)rows + first,
                                    .count = count * (i + 1) / threads - first,
                                    .turns = turns };
        if (i > 0 && pthread_create(&handles[i], NULL, sum_share, &shares[i]) != 0) {
            must(NULL);
        }
    }
    (void)sum_share(&shares[0]);
    for (unsigned i = 1; i < threads; i++) {
        (void)pthread_join(handles[i], NULL);
    }
    return bench_now() - begun;
}
