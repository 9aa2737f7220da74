/*
 * pages.c - what the system is told of memory that an allocator gave.
 *
 * COST      A call of the system each; to make pages is to zero them.
 * FAILURE   None: where the system knows no such advice, nothing is said.
 */
#include "base/pages.h"

#include <sys/mman.h>

#define MADE_BYTES_MIN (64u << 10)
/* madvise() refuses what is not aligned to the system's, and no harm done */
#define PAGE_BYTES 4096u

static void advise(uint8_t *data, size_t len, int advice)
{
    uintptr_t start = ((uintptr_t)data + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1);
    uintptr_t end = ((uintptr_t)data + len) & ~(uintptr_t)(PAGE_BYTES - 1);

    if (start < end) {
        (void)madvise((void *)start, end - start, advice);
    }
}

void cull__pages_huge(uint8_t *data, size_t len)
{
#ifdef MADV_HUGEPAGE
    advise(data, len, MADV_HUGEPAGE);
#else
    (void)data;
    (void)len;
#endif
}

void cull__pages_make(uint8_t *data, size_t len)
{
#ifdef MADV_POPULATE_WRITE
    if (len >= MADE_BYTES_MIN) {
        advise(data, len, MADV_POPULATE_WRITE);
    }
#else
    (void)data;
    (void)len;
#endif
}
