/*
 * collection.h - the collection that the benchmarks of the index ask: V versions of F files, a share
 * of which is replaced in each version.
 */
#ifndef BENCH_COLLECTION_H
#define BENCH_COLLECTION_H

#include <stdbool.h>

#include "harness.h"

#include "index/index_internal.h"

struct collection {
    struct cull__lifespans *spans;
    uint32_t *at; /* blob of each file of the newest version */
    uint32_t files;
    uint32_t blobs;
    uint64_t lifespans;
    uint64_t *marked;
    struct row {
        uint32_t blob, born, died;
    } * flat; /* only for the comparisons, as the rest */
    uint32_t *alive;
};

/* Of the benchmark's first three sizes: versions, files, and per mille that change. Blob numbers are as
 * the commits give them, or in any order. */
void collection_init(struct collection *all, const struct bench *bench, bool is_shuffled);
/* Fill flat, the rows of a table of 12 bytes each, and alive, their blobs alone, in the same order. */
void collection_flatten(struct collection *all);
void collection_release(struct collection *all);

#endif
