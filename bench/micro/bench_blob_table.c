/*
 * bench_blob_table.c - what do a lookup, a first insertion and opening cost per blob?
 *
 * Digests are random, lookups in random order: each is two cache misses once the table is larger
 * than the cache. Budgets: insertion, growth included, 8 million a second, aim at 15; opening
 * 2 GB a second.
 */
#include "harness.h"

#include <stdlib.h>

#include "index/index.h"

#define QUERIES (1u << 20)
#define TOO_MANY 2048 /* digests to look for without slots */

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void *must(void *block)
{
    if (block == NULL) {
        abort();
    }
    return block;
}

static void must_ok(cull_status status)
{
    if (status != CULL_OK) {
        abort();
    }
}

static cull_digest digest_for(uint64_t value)
{
    cull_digest digest = { { 0 } };
    uint64_t words[2];

    words[0] = next_random(&value);
    words[1] = next_random(&value);
    memcpy(digest.bytes, words, sizeof(words));
    return digest;
}

/* Blobs are looked up and inserted in batches, as a first commit does it. */
static struct cull__blob_table *fill(uint32_t blobs)
{
    enum { BATCH = 256 };
    struct cull__blob_table *table = NULL;
    cull_digest digests[BATCH];
    uint32_t numbers[BATCH];

    must_ok(cull__blob_table_new(&table, CULL_DIGEST_MD5, 7, false, cull_allocator_default()));
    for (uint32_t first = 0; first < blobs; first += BATCH) {
        uint32_t count = blobs - first < BATCH ? blobs - first : BATCH;

        for (uint32_t i = 0; i < count; i++) {
            digests[i] = digest_for(first + i);
        }
        must_ok(cull__blob_table_find(table, digests, count, numbers));
        for (uint32_t i = 0; i < count; i++) {
            must_ok(cull__blob_table_insert(table, first + i, &digests[i], i, 0));
        }
    }
    return table;
}

void bench_blob_insert(struct bench *bench)
{
    uint32_t blobs = (uint32_t)bench_size(bench, 0);
    double bytes = 0;

    while (bench_next(bench)) {
        struct cull__blob_table *table = fill(blobs);

        bytes = (double)cull__blob_table_memory(table) / blobs;
        bench_pause(bench);
        cull__blob_table_free(table);
        bench_resume(bench);
    }
    bench_items(bench, blobs);
    bench_counter(bench, "bytes_a_blob", bytes);
}

/* In the order of the numbers, one of a hundred replaced, as a manifest that is committed again. */
void bench_blob_find_again(struct bench *bench)
{
    uint32_t blobs = (uint32_t)bench_size(bench, 0);
    uint32_t queries = blobs < QUERIES ? blobs : QUERIES;
    struct cull__blob_table *table = fill(blobs);
    cull_digest *digests = must(malloc(queries * sizeof(*digests)));
    uint32_t *numbers = must(malloc(queries * sizeof(*numbers)));
    uint64_t random = 3;

    for (uint32_t i = 0; i < queries; i++) {
        digests[i] = digest_for(i % 100 == 99 ? next_random(&random) % blobs : i);
    }
    while (bench_next(bench)) {
        must_ok(cull__blob_table_find(table, digests, queries, numbers));
        bench_keep(numbers[0]);
    }
    bench_items(bench, queries);
    free(digests);
    free(numbers);
    cull__blob_table_free(table);
}

static void find(struct bench *bench, uint64_t offset)
{
    uint32_t blobs = (uint32_t)bench_size(bench, 0);
    struct cull__blob_table *table = fill(blobs);
    cull_digest *digests = must(malloc(QUERIES * sizeof(*digests)));
    uint32_t *numbers = must(malloc(QUERIES * sizeof(*numbers)));
    uint64_t random = 3;

    for (uint32_t i = 0; i < QUERIES; i++) {
        digests[i] = digest_for(next_random(&random) % blobs + offset);
    }
    while (bench_next(bench)) {
        must_ok(cull__blob_table_find(table, digests, QUERIES, numbers));
        bench_keep(numbers[0]);
    }
    bench_items(bench, QUERIES);
    free(digests);
    free(numbers);
    cull__blob_table_free(table);
}

void bench_blob_find(struct bench *bench)
{
    find(bench, 0);
}

void bench_blob_find_missing(struct bench *bench)
{
    find(bench, UINT32_MAX);
}

static void reload(struct bench *bench, bool with_slots)
{
    uint32_t blobs = (uint32_t)bench_size(bench, 0);
    struct cull__blob_table *table = fill(blobs);
    struct cull__buf saved = CULL__BUF_INIT(cull_allocator_default());
    cull_digest *many = must(calloc(TOO_MANY, sizeof(*many)));
    uint32_t *numbers = must(malloc(TOO_MANY * sizeof(*numbers)));

    must_ok(cull__blob_table_save(table, &saved));
    cull__blob_table_free(table);
    while (bench_next(bench)) {
        uint8_t *data;

        bench_pause(bench);
        data = must(malloc(saved.len));
        memcpy(data, saved.data, saved.len);
        if (!with_slots) {
            bench_resume(bench);
        }
        must_ok(cull__blob_table_take(&table, CULL_DIGEST_MD5, 7, false, &data, saved.len,
                                      cull_allocator_default(), cull_allocator_default(), NULL));
        if (with_slots) {
            bench_resume(bench);
            must_ok(cull__blob_table_find(table, many, TOO_MANY, numbers));
        }
        bench_pause(bench);
        cull__blob_table_free(table);
        bench_resume(bench);
    }
    bench_items(bench, blobs);
    bench_counter(bench, "checkpoint_bytes", (double)saved.len);
    cull__buf_release(&saved);
    free(many);
    free(numbers);
}

void bench_blob_build_slots(struct bench *bench)
{
    reload(bench, true);
}

void bench_blob_load(struct bench *bench)
{
    reload(bench, false);
}
