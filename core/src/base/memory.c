/*
 * memory.c - the caller's allocator, with the arithmetic checked.
 *
 * INVARIANT No product or sum reaches the allocator unchecked.
 * FAILURE   NULL or CULL_E_NOMEM, and what was there stays as it was.
 * THREADS   As the allocator's.
 */
#include "base/base_internal.h"

#include <stdlib.h>

static void *default_alloc(void *ctx, size_t bytes)
{
    (void)ctx;
    return malloc(bytes);
}

static void *default_realloc(void *ctx, void *block, size_t bytes)
{
    (void)ctx;
    return realloc(block, bytes);
}

static void default_free(void *ctx, void *block)
{
    (void)ctx;
    free(block);
}

const cull_allocator *cull_allocator_default(void)
{
    static const cull_allocator allocator = { default_alloc, default_realloc, default_free, NULL };

    return &allocator;
}

static bool product(size_t *out, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return false;
    }
    *out = count * size;
    if (*out == 0) {
        *out = 1; /* so that NULL always means no memory */
    }
    return true;
}

void *cull__alloc(const cull_allocator *allocator, size_t count, size_t size)
{
    size_t bytes;

    return product(&bytes, count, size) ? allocator->alloc(allocator->ctx, bytes) : NULL;
}

void *cull__alloc_zero(const cull_allocator *allocator, size_t count, size_t size)
{
    void *block = cull__alloc(allocator, count, size);

    if (block != NULL) {
        memset(block, 0, count * size);
    }
    return block;
}

void *cull__realloc(const cull_allocator *allocator, void *block, size_t count, size_t size)
{
    size_t bytes;

    return product(&bytes, count, size) ? allocator->realloc(allocator->ctx, block, bytes) : NULL;
}

void cull__free(const cull_allocator *allocator, void *block)
{
    if (block != NULL) {
        allocator->free(allocator->ctx, block);
    }
}

char *cull__strndup(const cull_allocator *allocator, const char *text, size_t len)
{
    char *copy = len < SIZE_MAX ? cull__alloc(allocator, len + 1, 1) : NULL;

    if (copy != NULL) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

cull_status cull__reserve(const cull_allocator *allocator, void **block, size_t *capacity,
                          size_t want, size_t size)
{
    size_t grown = *capacity + *capacity / 2;
    void *moved;

    if (want <= *capacity) {
        return CULL_OK;
    }
    if (want > UINT32_MAX) {
        return CULL_E_LIMIT;
    }
    if (grown < 16) {
        grown = 16;
    }
    if (grown < want) {
        grown = want;
    }
    moved = cull__realloc(allocator, *block, grown, size);
    if (moved == NULL) {
        return CULL_E_NOMEM;
    }
    *block = moved;
    *capacity = grown;
    return CULL_OK;
}
