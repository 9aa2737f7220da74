/*
 * slabs.c - many blocks from few large ones, in huge pages where the system gives them.
 *
 * SHAPE     A slab is an eighth of what there is, four megabytes and more: allocators lay it at any
 *           place, so the first and the last huge page of it are mostly not whole.
 * COST      One allocation and one call of the system in 4 MiB and more. First insertion of ten
 *           million blobs: 0.85 of the time that it takes in small pages.
 * FAILURE   NULL; what is there stays.
 * THREADS   None.
 */
#include "base/slabs.h"

#include "base/pages.h"

#define ALIGNED 64u
#define HUGE_PAGE_BYTES (1u << 21)
#define SLAB_BYTES_MIN ((size_t)2 * HUGE_PAGE_BYTES)
#define BLOCK_BYTES_MAX (1u << 20)

static bool slab_add(struct cull__slabs *slabs, uint64_t whole, const cull_allocator *allocator)
{
    size_t bytes = (size_t)(whole / 8 & ~(uint64_t)(HUGE_PAGE_BYTES - 1));
    void *list = slabs->at;
    cull_status status =
        cull__reserve(allocator, &list, &slabs->capacity, slabs->count + 1, sizeof *slabs->at);
    uint8_t *slab;

    slabs->at = (void **)list;
    bytes = bytes > SLAB_BYTES_MIN ? bytes : SLAB_BYTES_MIN;
    slab = status == CULL_OK ? cull__alloc(allocator, bytes, 1) : NULL;
    if (slab == NULL) {
        return false;
    }
    cull__pages_huge(slab, bytes);
    slabs->at[slabs->count++] = slab;
    slabs->next = slab + (ALIGNED - (uintptr_t)slab % ALIGNED) % ALIGNED;
    slabs->left = bytes - (size_t)(slabs->next - slab);
    slabs->bytes += bytes;
    return true;
}

void *cull__slabs_block(struct cull__slabs *slabs, size_t bytes, uint64_t whole,
                        const cull_allocator *allocator)
{
    void *block;

    CULL_ASSERT(bytes % ALIGNED == 0 && bytes <= BLOCK_BYTES_MAX);
    if (slabs->left < bytes && !slab_add(slabs, whole, allocator)) {
        return NULL;
    }
    block = slabs->next;
    slabs->next += bytes;
    slabs->left -= bytes;
    return block;
}

uint64_t cull__slabs_memory(const struct cull__slabs *slabs)
{
    return slabs->bytes + slabs->capacity * sizeof *slabs->at;
}

void cull__slabs_release(struct cull__slabs *slabs, const cull_allocator *allocator)
{
    for (size_t i = 0; i < slabs->count; i++) {
        cull__free(allocator, slabs->at[i]);
    }
    cull__free(allocator, slabs->at);
    *slabs = (struct cull__slabs){ 0 };
}
