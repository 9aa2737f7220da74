/*
 * slabs.h - many blocks from few large ones, in huge pages where the system gives them.
 *
 * A table that is read at random misses the cache of page addresses at each read, and each such miss
 * reads memory itself. Who has tens of megabytes takes further blocks from slabs, which are an eighth
 * of the whole, four megabytes at least. Memory is the caller's allocator's.
 */
#ifndef CULL_SLABS_H
#define CULL_SLABS_H

#include "base/base_internal.h"

#define CULL__SLABS_FROM_BYTES (UINT64_C(32) << 20) /* who has less does not begin with slabs */

struct cull__slabs { /* zero: none yet */
    void **at;
    size_t count;
    size_t capacity;
    uint8_t *next;  /* in the last one */
    size_t left;    /* bytes there */
    uint64_t bytes; /* of all slabs */
};

/* A block of `bytes`, a multiple of 64 up to a megabyte, at a multiple of 64; not zeroed. All are
 * freed together. whole: bytes that the table has by now, slabs included. NULL: no memory. */
void *cull__slabs_block(struct cull__slabs *slabs, size_t bytes, uint64_t whole,
                        const cull_allocator *allocator);
uint64_t cull__slabs_memory(const struct cull__slabs *slabs);
void cull__slabs_release(struct cull__slabs *slabs, const cull_allocator *allocator);

#endif
