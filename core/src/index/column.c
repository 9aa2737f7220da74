/*
 * column.c - a growable column of fixed-width rows that never copies what is full.
 *
 * SHAPE     Chunks of 4,096 rows; only the last may be shorter, and grows by a sixteenth of the
 *           whole, so that the room to spare is a sixteenth. The first may lie in memory that was read
 *           from a checkpoint, the last, of a large column, in slabs: an eighth to spare.
 * COST      Rows past the first 65,536 are never moved; the ones before, a few times.
 * FAILURE   CULL_E_NOMEM leaves every row where it was.
 * WHY NOT   Doubling: half of the memory is air after a step, and three times it during one.
 */
#include "index/index_internal.h"

#define STEP_MIN 16

static cull_status add_chunk(struct cull__column *column, uint8_t *chunk,
                             const cull_allocator *allocator)
{
    void *block = column->chunks;
    cull_status status = cull__reserve(allocator, &block, &column->chunk_capacity,
                                       column->chunk_count + 1, sizeof(*column->chunks));

    column->chunks = (uint8_t **)block;
    if (status == CULL_OK) {
        column->chunks[column->chunk_count++] = chunk;
    }
    return status;
}

cull_status cull__column_borrow(struct cull__column *column, void *chunk,
                                const cull_allocator *allocator)
{
    cull_status status;

    CULL_ASSERT(column->foreign == column->chunk_count);
    status = add_chunk(column, chunk, allocator);
    if (status == CULL_OK) {
        column->foreign++;
        column->rows_capacity += CULL__CHUNK_ROWS;
    }
    return status;
}

/* A whole chunk at once, which in a large column is a small step. */
static cull_status add_slabbed(struct cull__column *column, const cull_allocator *allocator)
{
    uint8_t *chunk = cull__slabs_block(&column->slabs, CULL__CHUNK_ROWS * column->width,
                                       column->rows_capacity * column->width, allocator);
    cull_status status = chunk == NULL ? CULL_E_NOMEM : add_chunk(column, chunk, allocator);

    if (status == CULL_OK) { /* else the block is left unused, until the column is released */
        column->slabbed++;
        column->rows_capacity += CULL__CHUNK_ROWS;
    }
    return status;
}

static cull_status column_grow(struct cull__column *column, size_t rows,
                               const cull_allocator *allocator)
{
    size_t chunk = column->rows_capacity >> CULL__CHUNK_BITS;
    size_t end = (chunk + 1) << CULL__CHUNK_BITS;
    size_t step = column->rows_capacity / 16;
    size_t want = column->rows_capacity + (step < STEP_MIN ? STEP_MIN : step);
    uint8_t *moved;

    want = want < rows ? rows : want;
    want = want > end ? end : want;
    if (chunk == column->chunk_count) {
        cull_status status;

        if (column->rows_capacity * column->width >= CULL__SLABS_FROM_BYTES) {
            return add_slabbed(column, allocator);
        }
        status = add_chunk(column, NULL, allocator);
        if (status != CULL_OK) {
            return status;
        }
    }
    moved = cull__realloc(allocator, column->chunks[chunk], want - (chunk << CULL__CHUNK_BITS),
                          column->width);
    if (moved == NULL) {
        return CULL_E_NOMEM;
    }
    column->chunks[chunk] = moved;
    column->rows_capacity = want;
    return CULL_OK;
}

cull_status cull__column_reserve(struct cull__column *column, size_t rows,
                                 const cull_allocator *allocator)
{
    cull_status status = CULL_OK;

    while (status == CULL_OK && column->rows_capacity < rows) {
        status = column_grow(column, rows, allocator);
    }
    return status;
}

void cull__column_release(struct cull__column *column, const cull_allocator *allocator)
{
    for (size_t chunk = column->foreign; chunk < column->chunk_count - column->slabbed; chunk++) {
        cull__free(allocator, column->chunks[chunk]);
    }
    cull__slabs_release(&column->slabs, allocator);
    cull__free(allocator, column->chunks);
    column->chunks = NULL;
    column->chunk_count = column->chunk_capacity = column->rows_capacity = 0;
    column->foreign = column->slabbed = 0;
}

uint64_t cull__column_memory(const struct cull__column *column)
{
    uint64_t elsewhere = (uint64_t)(column->foreign + column->slabbed) << CULL__CHUNK_BITS;

    return (column->rows_capacity - elsewhere) * column->width +
           cull__slabs_memory(&column->slabs) + column->chunk_capacity * sizeof(*column->chunks);
}
