/*
 * fingerprint.c - number and sum of hashes of every version's blobs, in one pass over lifespans.
 *
 * SHAPE     A version's blobs are the lifespans that cross it: what was born up to it, less what
 *           died up to it. So each row adds its hash at born and takes it off at died, and a prefix
 *           sum over ordinals gives all versions at once. Sums wrap at 2^64.
 * INVARIANT A dead row crosses no retained ordinal: whether compaction has dropped it or not, the
 *           figures of retained ordinals are the same.
 * COST      A hash and a likely cache miss a row, taken in batches with prefetch.
 * FAILURE   CULL_E_CORRUPT: a row names a blob that the table never had.
 * THREADS   Pure.
 */
#include "index/index_internal.h"

#define BATCH 64

uint64_t cull__fingerprint_rows(struct cull__fingerprint *prints,
                                const struct cull__blob_table *table, const uint32_t *rows,
                                size_t count, struct cull__births *births, uint32_t born,
                                uint32_t died)
{
    uint64_t digests = 0;
    uint64_t held = 0;
    uint64_t hashes[BATCH];

    for (size_t from = 0; from < count; from += BATCH) {
        size_t len = count - from < BATCH ? count - from : BATCH;

        cull__blob_table_hashes(table, rows + from, len, hashes);
        for (size_t i = 0; i < len; i++) {
            born = births != NULL ? cull__births_next(births) : born;
            prints[born].count++;
            prints[born].sum += hashes[i];
            digests += hashes[i];
            held += cull__held_hash(rows[from + i]);
        }
    }
    if (died != CULL__ORDINAL_NONE) {
        prints[died].count -= count;
        prints[died].sum -= digests;
    }
    return held;
}

cull_status cull__fingerprints(const struct cull__lifespans *spans,
                               const struct cull__blob_table *table, struct cull__fingerprint *out,
                               const cull_allocator *allocator)
{
    uint32_t versions = cull__lifespans_versions(spans);
    uint32_t row = 0;

    (void)allocator; /* the pass needs no memory beyond out */
    if (spans->blob_limit > table->limit) {
        return CULL_E_CORRUPT;
    }
    if (versions > 0) {
        memset(out, 0, versions * sizeof(*out));
    }
    for (size_t i = 0; i < spans->group_count; i++) {
        const struct cull__group *group = &spans->groups[i];

        if (group->rows != NULL) {
            struct cull__births births = cull__births(group);

            (void)cull__fingerprint_rows(out, table, group->rows, group->count, &births, 0,
                                         group->died);
        }
    }
    for (size_t i = 0; i < spans->run_count; i++) {
        (void)cull__fingerprint_rows(out, table, spans->open.at + row, spans->runs[i].end - row,
                                     NULL, spans->runs[i].born, CULL__ORDINAL_NONE);
        row = spans->runs[i].end;
    }
    for (uint32_t i = 1; i < versions; i++) {
        out[i].count += out[i - 1].count;
        out[i].sum += out[i - 1].sum;
    }
    return CULL_OK;
}
