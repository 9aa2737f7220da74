/*
 * sizes.h - sizes learned of known blobs, for upload.c and commit.c.
 */
#ifndef CULL_SIZES_H
#define CULL_SIZES_H

#include "store/store_internal.h"

struct cull__size_row {
    uint64_t size_bytes;
    size_t entry; /* of the manifest or batch that says so */
    uint32_t number;
};

struct cull__sizes {
    struct cull__size_row *rows;
    size_t count;
    size_t capacity;
    const cull_allocator *allocator;
};
#define CULL__SIZES_INIT(allocator_) \
    {                                \
        NULL, 0, 0, (allocator_)     \
    }

/* Note what a blob's size is said to be, if that is known and may be learned. CULL_E_NOMEM. */
cull_status cull__sizes_learn(struct cull__sizes *sizes, const struct cull__index *index,
                              uint32_t number, uint64_t size_bytes, size_t entry);
/* Sort; each number once, and none whose size is known so already. Not NULL: of this row's blob
 * another size was said, in the row behind it. */
const struct cull__size_row *cull__sizes_settle(struct cull__sizes *sizes,
                                                const struct cull__index *index);
/* The row of a number, once settled; NULL. */
const struct cull__size_row *cull__sizes_find(const struct cull__sizes *sizes, uint32_t number);
/* The sum of all sizes with these, once settled. Not NULL: the row with which it overflows. */
const struct cull__size_row *cull__sizes_overflow(const struct cull__sizes *sizes,
                                                  const struct cull__blob_table *table,
                                                  uint64_t *total_bytes);
/* CULL_E_INVALID: the sum of all sizes overflows with this blob's. */
cull_status cull__sizes_too_much(const cull_store *store, const cull_digest *digest,
                                 cull_error *err);
/* Add the fact, once settled. CULL_E_NOMEM. */
cull_status cull__sizes_add(const struct cull__sizes *sizes, struct cull__txn *txn,
                            cull_error *err);
void cull__sizes_release(struct cull__sizes *sizes);

#endif
