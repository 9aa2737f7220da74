/*
 * counts.c - how many lifespans and pins hold each blob, and which blobs nothing holds.
 *
 * SHAPE     A column of 32-bit counts, which may lie in the checkpoint that was read; a bit for each
 *           blob whose count is 0, and none for numbers that are free; a bit for each word of those that
 *           is not empty. Beside them sums of count x held hash, of each block and of all.
 * INVARIANT Both levels of bits follow every change, so garbage is found without looking at what is
 *           alive. So do the sums: a count that changed in another way shows in its block, and a
 *           change that the lifespans and pins do not know of in the whole.
 * COST      add, sub: O(1). next_zero: 4,096 blobs a step where there is no garbage. 4.3 bytes a
 *           blob.
 * FAILURE   A count that would leave its range is CULL_E_CORRUPT and stays.
 * THREADS   None.
 * WHY NOT   A list of dead blobs: a blob that is rescued would have to be found in it.
 */
#include "index/index_internal.h"

struct cull__counts {
    const cull_allocator *allocator;
    struct cull__column counts; /* uint32_t */
    struct cull__bits zero;     /* of blobs that nothing holds; its count is the limit */
    struct cull__bits zero_words;
    struct cull__column sums; /* uint64_t: of count x held hash, one for CULL__COUNTS_BLOCK */
    uint64_t sum;             /* of all */
    uint8_t *taken;           /* a checkpoint, in which the first chunks of counts lie */
    size_t taken_len;
    const cull_allocator *taken_from;
};

#define CHUNK_BYTES (sizeof(uint32_t) << CULL__CHUNK_BITS)
static_assert(CULL__COUNTS_BLOCK == 64, "a block of counts is a word of bits");

cull_status cull__counts_new(struct cull__counts **out, const cull_allocator *allocator)
{
    struct cull__counts *counts = cull__alloc_zero(allocator, 1, sizeof(*counts));

    *out = counts;
    if (counts == NULL) {
        return CULL_E_NOMEM;
    }
    counts->allocator = counts->zero.allocator = counts->zero_words.allocator = allocator;
    counts->counts.width = sizeof(uint32_t);
    counts->sums.width = sizeof(uint64_t);
    return CULL_OK;
}

void cull__counts_free(struct cull__counts *counts)
{
    if (counts == NULL) {
        return;
    }
    cull__column_release(&counts->counts, counts->allocator);
    cull__column_release(&counts->sums, counts->allocator);
    cull__bits_release(&counts->zero);
    cull__bits_release(&counts->zero_words);
    if (counts->taken != NULL) {
        cull__free(counts->taken_from, counts->taken);
    }
    cull__free(counts->allocator, counts);
}

uint32_t cull__counts_limit(const struct cull__counts *counts)
{
    return (uint32_t)counts->zero.count;
}

static uint32_t *count_at(const struct cull__counts *counts, uint32_t blob)
{
    return (uint32_t *)cull__column_at(&counts->counts, blob);
}

static uint64_t *sum_at(const struct cull__counts *counts, uint32_t blob)
{
    return (uint64_t *)cull__column_at(&counts->sums, blob / CULL__COUNTS_BLOCK);
}

static void set_zero(struct cull__counts *counts, uint32_t blob)
{
    cull__bit_set(counts->zero.words, blob);
    cull__bit_set(counts->zero_words.words, blob >> 6);
}

static void clear_zero(struct cull__counts *counts, uint32_t blob)
{
    cull__bit_clear(counts->zero.words, blob);
    if (counts->zero.words[blob >> 6] == 0) {
        cull__bit_clear(counts->zero_words.words, blob >> 6);
    }
}

/* Room for limit counts; the new ones are not filled. Counts come before bits, which show the
 * limit, and the words' bits before those. */
static cull_status make_room(struct cull__counts *counts, uint32_t limit)
{
    size_t blocks = cull__bits_words(limit);
    size_t before = cull__bits_words(counts->zero.count);
    cull_status status = cull__column_reserve(&counts->counts, limit, counts->allocator);

    if (status == CULL_OK) {
        status = cull__column_reserve(&counts->sums, blocks, counts->allocator);
    }
    if (status == CULL_OK) {
        status = cull__bits_resize(&counts->zero_words, blocks);
    }
    if (status == CULL_OK) {
        status = cull__bits_resize(&counts->zero, limit);
    }
    for (size_t block = before; status == CULL_OK && block < blocks; block++) {
        *sum_at(counts, (uint32_t)(block * CULL__COUNTS_BLOCK)) = 0;
    }
    return status;
}

cull_status cull__counts_grow(struct cull__counts *counts, uint32_t limit)
{
    uint32_t before = cull__counts_limit(counts);
    cull_status status;

    if (limit <= before) {
        return CULL_OK;
    }
    status = make_room(counts, limit);
    if (status != CULL_OK) {
        return status;
    }
    for (uint32_t blob = before; blob < limit; blob++) {
        *count_at(counts, blob) = 0;
        set_zero(counts, blob);
    }
    return CULL_OK;
}

uint32_t cull__counts_get(const struct cull__counts *counts, uint32_t blob)
{
    return blob < counts->zero.count ? *count_at(counts, blob) : 0;
}

cull_status cull__counts_add(struct cull__counts *counts, uint32_t blob)
{
    uint32_t *count;

    if (blob >= counts->zero.count) {
        return CULL_E_CORRUPT;
    }
    count = count_at(counts, blob);
    if (*count == UINT32_MAX) {
        return CULL_E_CORRUPT;
    }
    if ((*count)++ == 0) {
        clear_zero(counts, blob);
    }
    *sum_at(counts, blob) += cull__held_hash(blob);
    counts->sum += cull__held_hash(blob);
    return CULL_OK;
}

cull_status cull__counts_sub(struct cull__counts *counts, uint32_t blob)
{
    uint32_t *count;

    if (blob >= counts->zero.count) {
        return CULL_E_CORRUPT;
    }
    count = count_at(counts, blob);
    if (*count == 0) {
        return CULL_E_CORRUPT;
    }
    if (--*count == 0) {
        set_zero(counts, blob);
    }
    *sum_at(counts, blob) -= cull__held_hash(blob);
    counts->sum -= cull__held_hash(blob);
    return CULL_OK;
}

void cull__counts_admit(struct cull__counts *counts, uint32_t blob)
{
    if (blob < counts->zero.count && *count_at(counts, blob) == 0) {
        set_zero(counts, blob);
    }
}

cull_status cull__counts_dismiss(struct cull__counts *counts, uint32_t blob)
{
    if (blob >= counts->zero.count || *count_at(counts, blob) != 0) {
        return CULL_E_CORRUPT;
    }
    clear_zero(counts, blob);
    return CULL_OK;
}

cull_status cull__counts_dismiss_free(struct cull__counts *counts,
                                      const struct cull__blob_table *table)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; i < table->free.count && status == CULL_OK; i++) {
        status = cull__counts_dismiss(counts, table->free.at[i]);
    }
    return status;
}

uint32_t cull__counts_next_zero(const struct cull__counts *counts, uint32_t from)
{
    uint32_t limit = cull__counts_limit(counts);
    uint32_t word;

    if (from >= limit) {
        return CULL__BLOB_NONE;
    }
    word = from >> 6;
    if (counts->zero.words[word] >> (from & 63) != 0) {
        return from + cull__lowest_bit(counts->zero.words[word] >> (from & 63));
    }
    word = cull__bits_next(counts->zero_words.words, word + 1, (uint32_t)counts->zero_words.count);
    return word == CULL__ORDINAL_NONE ? CULL__BLOB_NONE
                                      : (word << 6) + cull__lowest_bit(counts->zero.words[word]);
}

uint64_t cull__counts_memory(const struct cull__counts *counts)
{
    return sizeof(*counts) + counts->taken_len + cull__column_memory(&counts->counts) +
           cull__column_memory(&counts->sums) +
           (counts->zero.words_capacity + counts->zero_words.words_capacity) * sizeof(uint64_t);
}

/* --- sums ------------------------------------------------------------------------------------- */

uint64_t cull__counts_sum(const struct cull__counts *counts)
{
    return counts->sum;
}

/* What a block's counts add up to. */
static uint64_t block_sum(const struct cull__counts *counts, uint32_t from)
{
    uint32_t limit = cull__counts_limit(counts);
    uint32_t rows = limit - from < CULL__COUNTS_BLOCK ? limit - from : CULL__COUNTS_BLOCK;
    const uint32_t *at = count_at(counts, from); /* a chunk holds whole blocks */
    uint64_t sum = 0;

    for (uint32_t i = 0; i < rows; i++) {
        sum += at[i] * cull__held_hash(from + i);
    }
    return sum;
}

uint32_t cull__counts_broken(const struct cull__counts *counts, uint32_t from, uint32_t end)
{
    uint32_t limit = cull__counts_limit(counts);

    CULL_ASSERT(from % CULL__COUNTS_BLOCK == 0);
    end = end < limit ? end : limit;
    for (uint64_t at = from; at < end; at += CULL__COUNTS_BLOCK) {
        if (block_sum(counts, (uint32_t)at) != *sum_at(counts, (uint32_t)at)) {
            return (uint32_t)at;
        }
    }
    return CULL__BLOB_NONE;
}

bool cull__counts_sums_agree(const struct cull__counts *counts)
{
    uint32_t limit = cull__counts_limit(counts);
    uint64_t sum = 0;

    for (uint64_t at = 0; at < limit; at += CULL__COUNTS_BLOCK) {
        sum += *sum_at(counts, (uint32_t)at);
    }
    return sum == counts->sum;
}

/* --- checkpoint: varint limit, then the counts, 4 bytes each, little-endian ------------------- */

cull_status cull__counts_save(const struct cull__counts *counts, struct cull__buf *out)
{
    uint32_t limit = cull__counts_limit(counts);

    cull__buf_varint(out, limit);
    for (uint32_t blob = 0; blob < limit;) {
        uint32_t left = limit - blob;
        uint32_t rows = left < CULL__CHUNK_ROWS ? left : CULL__CHUNK_ROWS;

        cull__buf_u32s(out, count_at(counts, blob), rows);
        blob += rows;
    }
    return out->failed ? CULL_E_NOMEM : CULL_OK;
}

/* Room for the counts that begin at bytes; those of whole chunks stay there, if they are to. */
static cull_status lay(struct cull__counts **out, uint8_t *bytes, uint32_t limit, bool take,
                       const cull_allocator *allocator)
{
    struct cull__counts *counts = NULL;
    cull_status status = cull__counts_new(&counts, allocator);

    take = take && (uintptr_t)bytes % sizeof(uint32_t) == 0;
    for (uint32_t chunk = 0; take && chunk < limit / CULL__CHUNK_ROWS && status == CULL_OK;
         chunk++) {
        status = cull__column_borrow(&counts->counts, bytes + chunk * CHUNK_BYTES, allocator);
    }
    if (status == CULL_OK) {
        status = make_room(counts, limit);
    }
    if (status != CULL_OK) {
        cull__counts_free(counts);
        return status;
    }
    *out = counts;
    return CULL_OK;
}

cull_status cull__counts_lay(struct cull__counts **out, uint8_t **data, size_t len,
                             const cull_allocator *owner, const uint8_t **bytes,
                             const cull_allocator *allocator)
{
    struct cull__cursor in = cull__cursor(*data, len);
    uint32_t limit = (uint32_t)cull__cursor_count(&in, 4, CULL__BLOBS_MAX);
    size_t start = len - cull__cursor_left(&in);
    cull_status status;

    *out = NULL;
    *bytes = cull__cursor_take(&in, 4 * (size_t)limit);
    if (!cull__cursor_done(&in)) {
        return CULL_E_CORRUPT;
    }
    status = lay(out, *data + start, limit, owner != NULL, allocator);
    if (status == CULL_OK && (*out)->counts.foreign > 0) {
        (*out)->taken = *data;
        (*out)->taken_len = len;
        (*out)->taken_from = owner;
        *data = NULL;
    }
    return status;
}

/* A block that was just read: its bits and its sum. */
static void block_begin(struct cull__counts *counts, uint32_t from, uint32_t rows)
{
    const uint32_t *at = count_at(counts, from);
    uint64_t zero = 0;

    for (uint32_t i = 0; i < rows; i++) {
        zero |= (uint64_t)(at[i] == 0) << i;
    }
    counts->zero.words[from >> 6] = zero;
    if (zero != 0) {
        cull__bit_set(counts->zero_words.words, from >> 6);
    }
    *sum_at(counts, from) = block_sum(counts, from);
    counts->sum += *sum_at(counts, from);
}

void cull__counts_fill(struct cull__counts *counts, const uint8_t *bytes)
{
    uint32_t limit = cull__counts_limit(counts);

    for (uint32_t blob = 0; blob < limit;) {
        uint32_t left = limit - blob;
        uint32_t rows = left < CULL__CHUNK_ROWS ? left : CULL__CHUNK_ROWS;

        const uint8_t *from = bytes + 4 * (size_t)blob;

        if ((const uint8_t *)count_at(counts, blob) != from || !cull__little_endian()) {
            cull__u32s_decode(count_at(counts, blob), from, rows);
        }
        for (uint32_t end = blob + rows; blob < end;) {
            uint32_t some = end - blob < CULL__COUNTS_BLOCK ? end - blob : CULL__COUNTS_BLOCK;

            block_begin(counts, blob, some);
            blob += some;
        }
    }
}

cull_status cull__counts_load(struct cull__counts **out, struct cull__cursor *in,
                              const cull_allocator *allocator)
{
    uint32_t limit = (uint32_t)cull__cursor_count(in, 4, CULL__BLOBS_MAX);
    const uint8_t *bytes = cull__cursor_take(in, 4 * (size_t)limit);
    cull_status status;

    *out = NULL;
    if (in->failed) {
        return CULL_E_CORRUPT;
    }
    status = lay(out, NULL, limit, false, allocator);
    if (status == CULL_OK) {
        cull__counts_fill(*out, bytes);
    }
    return status;
}

bool cull__counts_valid(const struct cull__counts *counts, const struct cull__blob_table *table,
                        const char **why)
{
    *why = NULL;
    for (uint32_t blob = 0; blob < counts->zero.count; blob++) {
        bool is_free = table != NULL && cull__blob_table_state(table, blob) == CULL__BLOB_FREE;

        if ((*count_at(counts, blob) == 0 && !is_free) != cull__bit_get(counts->zero.words, blob)) {
            *why = "a bit disagrees with its count";
        } else if (is_free && *count_at(counts, blob) != 0) {
            *why = "a number that is free is held";
        }
    }
    for (size_t word = 0; word < counts->zero_words.count; word++) {
        if ((counts->zero.words[word] != 0) != cull__bit_get(counts->zero_words.words, word)) {
            *why = "a word's bit disagrees with the word";
        }
    }
    if (counts->zero_words.count != cull__bits_words(counts->zero.count)) {
        *why = "the two levels of bits differ in length";
    }
    if (cull__counts_broken(counts, 0, CULL__BLOBS_MAX) != CULL__BLOB_NONE ||
        !cull__counts_sums_agree(counts)) {
        *why = "counts and their sums disagree";
    }
    return *why == NULL;
}
