/*
 * limit_memory.c - random lookups and insertions as fast as memory allows: see limit_memory.h.
 * Batches of 256, each in passes: fetch slots, read them and fetch rows, read the rows.
 */
#include "shared/limit_memory.h"

#include <sys/mman.h>

#include "shared/bench_base.h"

#define BATCH 256
#define HUGE_BYTES ((size_t)2 << 20)

/* In huge pages where the system gives them: a look-up of an address costs as much as the line. */
static void *huge_alloc(size_t bytes)
{
    size_t rounded = (bytes + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES;
    void *block = must(aligned_alloc(HUGE_BYTES, rounded));

    (void)madvise(block, rounded, MADV_HUGEPAGE);
    return block;
}

static uint32_t place(uint64_t value, uint32_t count)
{
    return (uint32_t)((value >> 32) * count >> 32);
}

void limit_memory_init(struct limit_memory *memory, uint32_t blobs)
{
    uint64_t random = 5;

    *memory = (struct limit_memory){ .slot_count = blobs * 2, .row_count = blobs };
    memory->slots = huge_alloc((size_t)memory->slot_count * sizeof(*memory->slots));
    memory->rows = huge_alloc(blobs * sizeof(*memory->rows));
    memory->sizes = huge_alloc(blobs * sizeof(*memory->sizes));
    for (uint32_t i = 0; i < memory->slot_count; i++) {
        memory->slots[i] = place(bench_random(&random), blobs);
    }
    for (uint32_t i = 0; i < blobs; i++) {
        memory->rows[i] = (struct limit_row){ { i, i } };
        memory->sizes[i] = i;
    }
}

void limit_memory_release(struct limit_memory *memory)
{
    free(memory->slots);
    free(memory->rows);
    free(memory->sizes);
}

double limit_lookups(struct limit_memory *memory, uint32_t count)
{
    static volatile uint64_t kept;
    uint32_t at[BATCH];
    uint64_t random = 9;
    uint64_t sum = 0;
    double begun = bench_now();

    for (uint32_t done = 0; done < count; done += BATCH) {
        for (int i = 0; i < BATCH; i++) {
            at[i] = place(bench_random(&random), memory->slot_count);
            __builtin_prefetch(&memory->slots[at[i]]);
        }
        for (int i = 0; i < BATCH; i++) {
            at[i] = memory->slots[at[i]];
            __builtin_prefetch(&memory->rows[at[i]]);
        }
        for (int i = 0; i < BATCH; i++) {
            sum += memory->rows[at[i]].digest[0] + memory->rows[at[i]].digest[1];
        }
    }
    kept = sum;
    (void)kept;
    return bench_now() - begun;
}

double limit_insertions(uint32_t blobs)
{
    double begun = bench_now();
    struct limit_memory memory = { .slot_count = blobs * 2, .row_count = blobs };
    uint32_t at[BATCH];
    uint64_t random = 11;

    memory.slots = huge_alloc(memory.slot_count * sizeof(*memory.slots));
    memory.rows = huge_alloc(blobs * sizeof(*memory.rows));
    memory.sizes = huge_alloc(blobs * sizeof(*memory.sizes));
    memset(memory.slots, 0, memory.slot_count * sizeof(*memory.slots));
    for (uint32_t done = 0; done < blobs; done += BATCH) {
        uint32_t some = blobs - done < BATCH ? blobs - done : BATCH;

        for (uint32_t i = 0; i < some; i++) {
            at[i] = place(bench_random(&random), memory.slot_count);
            __builtin_prefetch(&memory.slots[at[i]], 1);
        }
        for (uint32_t i = 0; i < some; i++) {
            memory.slots[at[i]] = done + i;
            memory.rows[done + i] = (struct limit_row){ { random, done + i } };
            memory.sizes[done + i] = random;
        }
    }
    *(volatile uint32_t *)memory.slots = 1;
    begun = bench_now() - begun;
    limit_memory_release(&memory);
    return begun;
}
