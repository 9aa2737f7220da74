/*
 * blob_guess.c - numbers of digests that come in the order of a list that was looked up before.
 *
 * SHAPE     A manifest that is committed again names its blobs in the order of its paths, which is
 *           none of their numbers. Who keeps the numbers that a version's manifest gave has a guess
 *           for each digest of the next one: the row of that number is compared, and only what
 *           differs is looked for by its hash. Entries that were added, taken out or replaced
 *           shift the list; it is found again by the neighbours, or by a number further on.
 * INVARIANT A guess only says where to look: the answer is that of a lookup without it.
 * COST      One cache miss, fetched ahead, where a lookup has two and a hash. A list that does not
 *           fit is given up after a few thousand digests.
 * FAILURE   As a lookup's.
 * THREADS   None.
 */
#include "index/index_internal.h"

#define BATCH 256
#define AHEAD 32        /* rows that are fetched */
#define MISSES_MAX 8    /* one after another, in a batch: then the rest is looked for */
#define SHIFT_MAX 2048u /* numbers to each side, where the list is found again */
#define USELESS_MAX 16  /* batches one after another of which half was not guessed */

static inline void fetch(const struct cull__blob_table *table, const struct cull__guesses *guesses,
                         size_t at)
{
    if (at < guesses->count && guesses->numbers[at] < table->limit) {
        CULL_PREFETCH(cull__blob_digest_at(table, guesses->numbers[at]));
        CULL_PREFETCH(cull__blob_state_at(table, guesses->numbers[at]));
    }
}

/* Is this the digest of the guess at a place? */
static inline bool fits(const struct cull__blob_table *table, const struct cull__guesses *guesses,
                        size_t at, const cull_digest *digest)
{
    uint32_t number = at < guesses->count ? guesses->numbers[at] : CULL__BLOB_NONE;

    return number < table->limit &&
           cull__digest_equal(cull__blob_digest_at(table, number), digest->bytes,
                              table->digest_len) &&
           cull__blob_indexed(table, number);
}

/* The number of the next digest, or CULL__BLOB_NONE. It may stand one further on, if one was taken
 * out of the manifest, or one before, if the last one was added to it. */
static inline uint32_t guess(const struct cull__blob_table *table, struct cull__guesses *guesses,
                             const cull_digest *digest)
{
    size_t at = guesses->at++;

    fetch(table, guesses, at + AHEAD);
    if (CULL_UNLIKELY(!fits(table, guesses, at, digest))) {
        if (fits(table, guesses, at + 1, digest)) {
            at = at + 1;
        } else if (at > 0 && fits(table, guesses, at - 1, digest)) {
            at = at - 1;
        } else {
            return CULL__BLOB_NONE;
        }
        guesses->at = at + 1;
    }
    return guesses->numbers[at];
}

static bool stands_at(const struct cull__guesses *guesses, size_t at, uint32_t number)
{
    return at < guesses->count && guesses->numbers[at] == number;
}

/* The digest before the next one has this number: go on behind the nearest place that has it. */
static void find_again(struct cull__guesses *guesses, uint32_t number)
{
    size_t last = guesses->at - 1;

    for (size_t shift = 0; shift <= SHIFT_MAX && number != CULL__BLOB_NONE; shift++) {
        if (stands_at(guesses, last + shift, number)) {
            guesses->at = last + shift + 1;
            return;
        }
        if (shift <= last && stands_at(guesses, last - shift, number)) {
            guesses->at = last - shift + 1;
            return;
        }
    }
}

/* At most BATCH digests; what is not guessed is looked for. */
static cull_status find_some(struct cull__blob_table *table, const cull_digest *digests,
                             size_t count, struct cull__guesses *guesses, uint32_t *numbers)
{
    cull_digest rest[BATCH];
    uint32_t found[BATCH];
    uint8_t which[BATCH];
    size_t rest_count = 0;
    unsigned left = MISSES_MAX;
    cull_status status = CULL_OK;

    for (size_t i = 0; i < count; i++) {
        numbers[i] = left > 0 ? guess(table, guesses, &digests[i]) : CULL__BLOB_NONE;
        if (CULL_LIKELY(numbers[i] != CULL__BLOB_NONE)) {
            left = MISSES_MAX;
            continue;
        }
        guesses->at += left == 0;
        left -= left > 0;
        rest[rest_count] = digests[i];
        which[rest_count++] = (uint8_t)i;
    }
    if (rest_count > 0) {
        status = cull__blob_table_find(table, rest, rest_count, found);
    }
    for (size_t i = 0; status == CULL_OK && i < rest_count; i++) {
        numbers[which[i]] = found[i];
    }
    if (status == CULL_OK && left == 0) {
        find_again(guesses, found[rest_count - 1]);
    }
    guesses->useless = 2 * rest_count < count ? 0 : guesses->useless + 1;
    if (guesses->at > guesses->count || guesses->useless == USELESS_MAX) {
        guesses->at = guesses->count;
    }
    return status;
}

cull_status cull__blob_table_find_guessed(struct cull__blob_table *table,
                                          const cull_digest *digests, size_t count,
                                          struct cull__guesses *guesses, uint32_t *numbers)
{
    cull_status status = CULL_OK;

    for (size_t from = 0; status == CULL_OK && from < count; from += BATCH) {
        size_t some = count - from < BATCH ? count - from : BATCH;

        if (guesses->at == guesses->count) {
            return cull__blob_table_find(table, digests + from, count - from, numbers + from);
        }
        status = find_some(table, digests + from, some, guesses, numbers + from);
    }
    return status;
}
