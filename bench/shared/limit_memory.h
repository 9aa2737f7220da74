/*
 * limit_memory.h - what memory allows a table of blobs: random lookups and insertions with nothing
 * but the lines that they cannot do without, all fetched ahead.
 *
 * A lookup reads one slot of 4 bytes in a table twice as large as the blobs and then the 16 bytes
 * of one digest; an insertion writes one slot, and a digest and a size behind the last.
 */
#ifndef BENCH_LIMIT_MEMORY_H
#define BENCH_LIMIT_MEMORY_H

#include <stdint.h>

struct limit_row {
    uint64_t digest[2];
};

struct limit_memory {
    uint32_t *slots;
    uint32_t slot_count;
    struct limit_row *rows;
    uint64_t *sizes;
    uint32_t row_count;
};

void limit_memory_init(struct limit_memory *memory, uint32_t blobs);
void limit_memory_release(struct limit_memory *memory);
double limit_lookups(struct limit_memory *memory, uint32_t count); /* seconds */
/* Seconds to insert as many as it was made for, into memory that was never touched. */
double limit_insertions(uint32_t blobs);

#endif
