/*
 * sizes.c - sizes that are learned of blobs that are known already, on their way to a fact.
 *
 * SHAPE     Rows of a number and a size, collected while a transaction is checked, then sorted,
 *           compared with each other, and appended as one SIZES fact.
 * INVARIANT A size is learned where it comes to count: from content as it is confirmed, from a
 *           manifest as it is committed. Once known it stays, and another is refused; but one that
 *           was only the word of uploads that have ended may be said anew.
 * COST      Nothing where all sizes are known, as they mostly are.
 */
#include "store/sizes.h"

#include <stdlib.h>

cull_status cull__sizes_learn(struct cull__sizes *sizes, const struct cull__index *index,
                              uint32_t number, uint64_t size_bytes, size_t entry)
{
    void *rows = sizes->rows;
    cull_status status;

    if (size_bytes == CULL_SIZE_UNKNOWN || !cull__index_takes_size(index, number)) {
        return CULL_OK;
    }
    status = cull__reserve(sizes->allocator, &rows, &sizes->capacity, sizes->count + 1,
                           sizeof *sizes->rows);
    sizes->rows = rows;
    if (status == CULL_OK) {
        sizes->rows[sizes->count++] = (struct cull__size_row){ size_bytes, entry, number };
    }
    return status;
}

static int compare_rows(const void *a, const void *b)
{
    const struct cull__size_row *x = a;
    const struct cull__size_row *y = b;

    return x->number != y->number ? (x->number > y->number) - (x->number < y->number)
                                  : (x->entry > y->entry) - (x->entry < y->entry);
}

const struct cull__size_row *cull__sizes_settle(struct cull__sizes *sizes,
                                                const struct cull__index *index)
{
    size_t kept = 0;
    size_t news = 0;

    if (sizes->count > 1) {
        qsort(sizes->rows, sizes->count, sizeof *sizes->rows, compare_rows);
    }
    for (size_t i = 0; i < sizes->count; i++) {
        const struct cull__size_row *last = kept == 0 ? NULL : &sizes->rows[kept - 1];

        if (last == NULL || last->number != sizes->rows[i].number) {
            sizes->rows[kept++] = sizes->rows[i];
        } else if (last->size_bytes != sizes->rows[i].size_bytes) {
            struct cull__size_row other = sizes->rows[i];

            sizes->rows[kept] = other; /* beside the first */
            return &sizes->rows[kept - 1];
        }
    }
    for (size_t i = 0; i < kept; i++) { /* said anew, and the same */
        if (cull__blob_table_size(index->blobs, sizes->rows[i].number) !=
            sizes->rows[i].size_bytes) {
            sizes->rows[news++] = sizes->rows[i];
        }
    }
    sizes->count = news;
    return NULL;
}

const struct cull__size_row *cull__sizes_find(const struct cull__sizes *sizes, uint32_t number)
{
    size_t low = 0;
    size_t high = sizes->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sizes->rows[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < sizes->count && sizes->rows[low].number == number ? &sizes->rows[low] : NULL;
}

const struct cull__size_row *cull__sizes_overflow(const struct cull__sizes *sizes,
                                                  const struct cull__blob_table *table,
                                                  uint64_t *total_bytes)
{
    *total_bytes = cull__blob_table_total(table);
    for (size_t i = 0; i < sizes->count; i++) {
        *total_bytes -= cull__known_size(cull__blob_table_size(table, sizes->rows[i].number));
    }
    for (size_t i = 0; i < sizes->count; i++) {
        if (!cull__add_u64(total_bytes, *total_bytes, sizes->rows[i].size_bytes)) {
            return &sizes->rows[i];
        }
    }
    return NULL;
}

cull_status cull__sizes_too_much(const cull_store *store, const cull_digest *digest,
                                 cull_error *err)
{
    char hex[CULL_DIGEST_HEX_MAX];

    cull_digest_to_hex(hex, digest, store->settings.digest);
    return cull__error_set(err, CULL_E_INVALID, "blob %s: sum of sizes overflows", hex);
}

cull_status cull__sizes_add(const struct cull__sizes *sizes, struct cull__txn *txn, cull_error *err)
{
    struct cull__fact fact = { .type = CULL__FACT_SIZES, .number_count = sizes->count };
    uint32_t *numbers;
    uint64_t *bytes;
    cull_status status = CULL_OK;

    if (sizes->count == 0) {
        return CULL_OK;
    }
    numbers = cull__alloc(sizes->allocator, sizes->count, sizeof *numbers);
    bytes = cull__alloc(sizes->allocator, sizes->count, sizeof *bytes);
    if (numbers == NULL || bytes == NULL) {
        status = cull__error_nomem(err);
    } else {
        for (size_t i = 0; i < sizes->count; i++) {
            numbers[i] = sizes->rows[i].number;
            bytes[i] = sizes->rows[i].size_bytes;
        }
        fact.numbers = numbers;
        fact.sizes = bytes;
        cull__txn_add(txn, &fact);
    }
    cull__free(sizes->allocator, numbers);
    cull__free(sizes->allocator, bytes);
    return status;
}

void cull__sizes_release(struct cull__sizes *sizes)
{
    cull__free(sizes->allocator, sizes->rows);
    sizes->rows = NULL;
    sizes->count = sizes->capacity = 0;
}
