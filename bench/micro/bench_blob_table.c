/*
 * bench_blob_table.c - what do a lookup, a first insertion and opening cost per blob?
 *
 * Digests are random, lookups in random order: each is two cache misses once the table is larger
 * than the cache. Budgets: insertion, growth included, 8 million a second, aim at 15; opening
 * 2 GB a second.
 */
#include "harness.h"

#include <malloc.h>

#include "index/index.h"
#include "shared/bench_base.h"
#include "shared/limit_memory.h"
#include "shared/samples.h"

#define QUERIES (1u << 20)
#define TOO_MANY 2048 /* digests to look for without slots */

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
            digests[i] = bench_digest(first + i);
        }
        must_ok(cull__blob_table_find(table, digests, count, numbers));
        for (uint32_t i = 0; i < count; i++) {
            if (i + CULL__BLOB_EXPECTED_AHEAD < count) {
                cull__blob_table_expect(table, &digests[i + CULL__BLOB_EXPECTED_AHEAD]);
            }
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
        double begun = bench_now();
        struct cull__blob_table *table = fill(blobs);

        begun = bench_now() - begun;
        bytes = (double)cull__blob_table_memory(table) / blobs;
        bench_pause(bench);
        sample("commit.first", blobs / begun / 1e6, blobs / limit_insertions(blobs) / 1e6);
        cull__blob_table_free(table);
        bench_resume(bench);
    }
    bench_items(bench, blobs);
    bench_counter(bench, "bytes_a_blob", bytes);
}

/* Memory that is in use, as the allocator sees it: what a table says of itself does not count. */
struct counting {
    cull_allocator allocator;
    size_t in_use;
    size_t most; /* since it was last asked */
};

static void counting_add(struct counting *counting, const void *block)
{
    counting->in_use += block == NULL ? 0 : malloc_usable_size((void *)(uintptr_t)block);
    counting->most = counting->in_use > counting->most ? counting->in_use : counting->most;
}

static void *counting_alloc(void *ctx, size_t bytes)
{
    void *block = malloc(bytes);

    counting_add(ctx, block);
    return block;
}

static void counting_free(void *ctx, void *block)
{
    struct counting *counting = ctx;

    counting->in_use -= block == NULL ? 0 : malloc_usable_size(block);
    free(block);
}

/* Large blocks are moved by the kernel without a copy, small ones do not matter. */
static void *counting_realloc(void *ctx, void *block, size_t bytes)
{
    struct counting *counting = ctx;
    size_t before = block == NULL ? 0 : malloc_usable_size(block);
    void *moved = realloc(block, bytes);

    if (moved != NULL) {
        counting->in_use -= before;
        counting_add(counting, moved);
    }
    return moved;
}

/* The most that a blob takes at any count of them from a hundredth of the size on, while the table
 * grows from batch to batch, and when it moves. The least that a row could take is its digest and
 * its size. */
void bench_blob_growing(struct bench *bench)
{
    enum { BATCH = 256 };
    uint32_t blobs = (uint32_t)bench_size(bench, 0);
    cull_digest digests[BATCH];
    uint32_t numbers[BATCH];
    double worst = 0;

    while (bench_next(bench)) {
        struct counting counting = { { counting_alloc, counting_realloc, counting_free, NULL },
                                     0,
                                     0 };
        struct cull__blob_table *table = NULL;

        counting.allocator.ctx = &counting;
        must_ok(cull__blob_table_new(&table, CULL_DIGEST_MD5, 7, false, &counting.allocator));
        for (uint32_t i = 0; i < blobs; i++) {
            counting.most = counting.in_use;
            if (i % BATCH == 0) {
                for (uint32_t j = 0; j < BATCH; j++) {
                    digests[j] = bench_digest(i + j);
                }
                must_ok(cull__blob_table_find(table, digests, BATCH, numbers));
            }
            must_ok(cull__blob_table_insert(table, i, &digests[i % BATCH], i, 0));
            if (i >= blobs / 100 && (double)counting.most / (i + 1.0) > worst) {
                worst = (double)counting.most / (i + 1.0);
            }
        }
        bench_pause(bench);
        cull__blob_table_free(table);
        bench_resume(bench);
    }
    sample("blob.bytes", worst, 16 + 8);
    bench_counter(bench, "bytes_a_blob", worst);
}

/* Look `queries` digests up, again and again; both, and the table, are freed. */
static void find_all(struct bench *bench, struct cull__blob_table *table, cull_digest *digests,
                     uint32_t queries)
{
    uint32_t *numbers = must(malloc(queries * sizeof(*numbers)));

    while (bench_next(bench)) {
        must_ok(cull__blob_table_find(table, digests, queries, numbers));
        bench_keep(numbers[0]);
    }
    bench_items(bench, queries);
    free(digests);
    free(numbers);
    cull__blob_table_free(table);
}

/* In the order of the numbers, one of a hundred replaced, as a manifest that is committed again. */
void bench_blob_find_again(struct bench *bench)
{
    uint32_t blobs = (uint32_t)bench_size(bench, 0);
    uint32_t queries = blobs < QUERIES ? blobs : QUERIES;
    cull_digest *digests = must(malloc(queries * sizeof(*digests)));
    uint64_t random = 3;

    for (uint32_t i = 0; i < queries; i++) {
        digests[i] = bench_digest(i % 100 == 99 ? bench_random(&random) % blobs : i);
    }
    find_all(bench, fill(blobs), digests, queries);
}

static void find(struct bench *bench, uint64_t offset)
{
    uint32_t blobs = (uint32_t)bench_size(bench, 0);
    cull_digest *digests = must(malloc(QUERIES * sizeof(*digests)));
    uint64_t random = 3;

    for (uint32_t i = 0; i < QUERIES; i++) {
        digests[i] = bench_digest(bench_random(&random) % blobs + offset);
    }
    find_all(bench, fill(blobs), digests, QUERIES);
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
