/*
 * crowd_heap.c - memory for one history after another.
 *
 * SHAPE     Blocks of sixteen sizes, doubling, each with a list of free ones, cut from large pieces;
 *           a block knows its size class. What is larger comes from malloc and is remembered.
 * COST      A few instructions a call; malloc would be a third of a world's time.
 * WHY NOT   this under a sanitizer: there every block is malloc's own, so that leaks and what is
 *           used after it was freed show.
 */
#include "crowd_heap.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define CROWD_HEAP_PLAIN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CROWD_HEAP_PLAIN 1
#endif
#endif

#if defined(CROWD_HEAP_PLAIN)

const cull_allocator *crowd_heap(void)
{
    return cull_allocator_default();
}

void crowd_heap_clear(void)
{
}

#else

#define SMALLEST_BITS 5 /* 32 bytes, the header with them */
#define CLASSES 14      /* up to 256 KiB */
#define PIECE_BYTES ((size_t)1 << 20)
#define HEADER_BYTES 16

/* In front of each block; while it is free, the next free one of its class. */
struct block {
    size_t class;
    struct block *next;
};

static struct heap {
    struct block *free[CLASSES];
    char **pieces;
    size_t piece_count;
    size_t piece; /* being cut */
    size_t used;  /* of it */
} heap;

static void *take_piece(size_t bytes)
{
    char *at;

    if (heap.piece < heap.piece_count && heap.used + bytes > PIECE_BYTES) {
        heap.piece++;
        heap.used = 0;
    }
    if (heap.piece == heap.piece_count) {
        char **pieces = realloc(heap.pieces, (heap.piece_count + 1) * sizeof *pieces);

        heap.pieces = pieces == NULL ? heap.pieces : pieces;
        at = pieces == NULL ? NULL : malloc(PIECE_BYTES);
        if (at == NULL) {
            return NULL;
        }
        heap.pieces[heap.piece_count++] = at;
    }
    at = heap.pieces[heap.piece] + heap.used;
    heap.used += bytes;
    return at;
}

static size_t class_of(size_t bytes)
{
    size_t class = 0;

    while (class < CLASSES && ((size_t)1 << (SMALLEST_BITS + class)) < bytes) {
        class ++;
    }
    return class;
}

static void *heap_alloc(void *ctx, size_t bytes)
{
    size_t class = class_of(bytes + HEADER_BYTES);
    struct block *block;

    (void)ctx;
    if (class == CLASSES) { /* none in a small world; lost if its history breaks */
        block = malloc(bytes + HEADER_BYTES);
    } else if (heap.free[class] != NULL) {
        block = heap.free[class];
        heap.free[class] = block->next;
    } else {
        block = take_piece((size_t)1 << (SMALLEST_BITS + class));
    }
    if (block == NULL) {
        return NULL;
    }
    block->class = class;
    return (char *)block + HEADER_BYTES;
}

static void heap_free(void *ctx, void *at)
{
    struct block *block = at == NULL ? NULL : (void *)((char *)at - HEADER_BYTES);

    (void)ctx;
    if (block == NULL) {
        return;
    }
    if (block->class == CLASSES) {
        free(block);
        return;
    }
    block->next = heap.free[block->class];
    heap.free[block->class] = block;
}

static void *heap_realloc(void *ctx, void *at, size_t bytes)
{
    struct block *block = at == NULL ? NULL : (void *)((char *)at - HEADER_BYTES);
    size_t room;
    void *moved;

    if (block != NULL && block->class == CLASSES) {
        block = realloc(block, bytes + HEADER_BYTES);
        return block == NULL ? NULL : (char *)block + HEADER_BYTES;
    }
    room = block == NULL ? 0 : ((size_t)1 << (SMALLEST_BITS + block->class)) - HEADER_BYTES;
    if (block != NULL && bytes <= room) {
        return at;
    }
    moved = heap_alloc(ctx, bytes);
    if (moved != NULL && at != NULL) {
        memcpy(moved, at, room);
        heap_free(ctx, at);
    }
    return moved;
}

const cull_allocator *crowd_heap(void)
{
    static const cull_allocator allocator = { heap_alloc, heap_realloc, heap_free, NULL };

    return &allocator;
}

void crowd_heap_clear(void)
{
    memset(heap.free, 0, sizeof heap.free);
    heap.piece = heap.used = 0;
}

#endif
