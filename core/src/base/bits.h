/*
 * bits.h - bit sets over dense numbers, 64 to a word, owned by whoever holds the words.
 */
#ifndef CULL_BITS_H
#define CULL_BITS_H

#include "base/base_internal.h"

static inline size_t cull__bits_words(size_t bits)
{
    return (bits + 63) / 64;
}

static inline bool cull__bit_get(const uint64_t *words, size_t bit)
{
    return (words[bit >> 6] >> (bit & 63)) & 1;
}

static inline void cull__bit_set(uint64_t *words, size_t bit)
{
    words[bit >> 6] |= UINT64_C(1) << (bit & 63);
}

static inline void cull__bit_clear(uint64_t *words, size_t bit)
{
    words[bit >> 6] &= ~(UINT64_C(1) << (bit & 63));
}

/* Position of the lowest set bit; word is not 0. */
static inline unsigned cull__lowest_bit(uint64_t word)
{
#if defined(__GNUC__)
    return (unsigned)__builtin_ctzll(word);
#else
    unsigned bit = 0;

    while ((word & 1) == 0) {
        word >>= 1;
        bit++;
    }
    return bit;
#endif
}

/* Position of the highest set bit; word is not 0. */
static inline unsigned cull__highest_bit(uint64_t word)
{
#if defined(__GNUC__)
    return 63u - (unsigned)__builtin_clzll(word);
#else
    unsigned bit = 0;

    while (word >>= 1) {
        bit++;
    }
    return bit;
#endif
}

#define CULL__BIT_NONE UINT32_MAX
/* Greatest set bit in [from, below), CULL__BIT_NONE if there is none. */
uint32_t cull__bits_previous(const uint64_t *words, uint32_t from, uint32_t below);
/* Least set bit in [from, end), CULL__BIT_NONE if there is none. */
uint32_t cull__bits_next(const uint64_t *words, uint32_t from, uint32_t end);

/* A growable bit set: count bits are valid, new ones are zero. */
struct cull__bits {
    uint64_t *words;
    size_t words_capacity;
    size_t count;
    const cull_allocator *allocator;
};

#define CULL__BITS_INIT(allocator_) \
    {                               \
        NULL, 0, 0, (allocator_)    \
    }

static inline cull_status cull__bits_resize(struct cull__bits *bits, size_t count)
{
    size_t have = cull__bits_words(bits->count);
    size_t want = cull__bits_words(count);

    if (want > bits->words_capacity) {
        size_t capacity = bits->words_capacity;
        void *words = bits->words;
        cull_status status =
            cull__reserve(bits->allocator, &words, &capacity, want, sizeof(uint64_t));

        if (status != CULL_OK) {
            return status;
        }
        bits->words = (uint64_t *)words;
        bits->words_capacity = capacity;
    }
    if (want > have) {
        memset(bits->words + have, 0, (want - have) * sizeof(uint64_t));
    }
    if (count < bits->count && (count & 63) != 0) { /* later growth must find zeros */
        bits->words[count >> 6] &= (UINT64_C(1) << (count & 63)) - 1;
    }
    bits->count = count;
    return CULL_OK;
}

static inline void cull__bits_release(struct cull__bits *bits)
{
    cull__free(bits->allocator, bits->words);
    bits->words = NULL;
    bits->words_capacity = bits->count = 0;
}

#endif
