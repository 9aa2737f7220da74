/*
 * blob_scan.c - the numbers of a few digests, read from the rows themselves.
 *
 * A command that puts a hundred files into a store of ten million asks a few times for a hundred
 * digests. Slots for ten million, built or read from a checkpoint, cost it more than all the rest;
 * one pass over the column of digests costs 160 MB of memory bandwidth.
 *
 * SHAPE     What is asked for lies in a table of open addressing, and a bit of each in a filter that
 *           stays in the first cache: a row costs a load, a multiplication and a bit.
 * COST      Rows x 1 to 2 ns; a filter of 65,536 bits lets 1.6 % of the rows through at 1,024 digests.
 *           36 KiB for as long as it takes.
 * FAILURE   CULL_E_NOMEM before anything is read; CULL_E_CORRUPT if a digest has two numbers.
 * THREADS   Reads the table only.
 */
#include "base/hash.h"
#include "index/index_internal.h"

#define FILTER_BITS_LOG2 16
#define PLACES_LOG2 11
static_assert(CULL__SCAN_DIGESTS * 2 <= 1 << PLACES_LOG2, "half of the places stay empty");

struct scan {
    const struct cull__blob_table *table;
    const cull_digest *digests;
    uint32_t *numbers;
    uint64_t multipliers[2];
    uint64_t filter[(1u << FILTER_BITS_LOG2) / 64];
    uint32_t places[1u << PLACES_LOG2]; /* index of a digest and 1; 0 is empty */
};

/* Of a digest's first 16 bytes, by two secret multipliers: chosen digests cannot all pass the filter. */
static inline uint64_t scan_hash(const uint8_t *digest, const uint64_t multipliers[2])
{
    uint64_t words[2];

    memcpy(words, digest, sizeof words); /* every digest has 16 bytes and more */
    return words[0] * multipliers[0] + words[1] * multipliers[1];
}

/* The place of a digest, or the empty one where it would go. */
static uint32_t *place_of(struct scan *scan, const uint8_t *digest, uint64_t hash)
{
    size_t len = scan->table->digest_len;
    uint32_t at = (uint32_t)(hash >> (64 - FILTER_BITS_LOG2 - PLACES_LOG2));

    for (;; at++) {
        uint32_t *place = &scan->places[at & ((1u << PLACES_LOG2) - 1)];

        if (*place == 0 || cull__digest_equal(scan->digests[*place - 1].bytes, digest, len)) {
            return place;
        }
    }
}

static void want(struct scan *scan, uint32_t i)
{
    const uint8_t *digest = scan->digests[i].bytes;
    uint64_t hash = scan_hash(digest, scan->multipliers);
    uint32_t *place = place_of(scan, digest, hash);

    if (*place == 0) {
        *place = i + 1;
    }
    cull__bit_set(scan->filter, hash >> (64 - FILTER_BITS_LOG2));
}

/* A row whose digest passed the filter. */
static cull_status look_at(struct scan *scan, uint32_t row, const uint8_t *digest, uint64_t hash)
{
    uint32_t place = *place_of(scan, digest, hash);

    if (place == 0 || !cull__blob_indexed(scan->table, row)) {
        return CULL_OK;
    }
    if (scan->numbers[place - 1] != CULL__BLOB_NONE) {
        return CULL_E_CORRUPT;
    }
    scan->numbers[place - 1] = row;
    return CULL_OK;
}

static cull_status scan_chunk(struct scan *scan, uint32_t first, uint32_t rows)
{
    const uint8_t *digest = cull__column_at(&scan->table->digests, first);
    const size_t len = scan->table->digest_len;
    const uint64_t multipliers[2] = { scan->multipliers[0], scan->multipliers[1] };
    cull_status status = CULL_OK;

    for (uint32_t i = 0; i < rows && status == CULL_OK; i++, digest += len) {
        uint64_t hash = scan_hash(digest, multipliers);

        if (CULL_UNLIKELY(cull__bit_get(scan->filter, hash >> (64 - FILTER_BITS_LOG2)))) {
            status = look_at(scan, first + i, digest, hash);
        }
    }
    return status;
}

cull_status cull__blob_scan(const struct cull__blob_table *table, const cull_digest *digests,
                            size_t count, uint32_t *numbers)
{
    struct scan *scan = cull__alloc_zero(table->allocator, 1, sizeof *scan);
    cull_status status = CULL_OK;

    if (scan == NULL) {
        return CULL_E_NOMEM;
    }
    CULL_ASSERT(count <= CULL__SCAN_DIGESTS);
    scan->table = table;
    scan->digests = digests;
    scan->numbers = numbers;
    for (unsigned i = 0; i < 2; i++) {
        scan->multipliers[i] = XXH3_64bits_withSeed(NULL, 0, table->seed + i) | 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = CULL__BLOB_NONE;
        want(scan, i);
    }
    for (uint32_t first = 0; first < table->limit && status == CULL_OK;) {
        uint32_t left = table->limit - first;
        uint32_t rows = left < CULL__CHUNK_ROWS ? left : CULL__CHUNK_ROWS;

        status = scan_chunk(scan, first, rows);
        first += rows;
    }
    for (uint32_t i = 0; i < count; i++) { /* a digest may be asked for twice */
        const uint8_t *digest = digests[i].bytes;

        numbers[i] = numbers[*place_of(scan, digest, scan_hash(digest, scan->multipliers)) - 1];
    }
    cull__free(table->allocator, scan);
    return status;
}
