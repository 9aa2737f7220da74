/*
 * bits.c - looking for the nearest set bit, 64 at a step.
 */
#include "base/bits.h"

uint32_t cull__bits_previous(const uint64_t *words, uint32_t from, uint32_t below)
{
    while (from < below) {
        uint32_t first = (below - 1) & ~UINT32_C(63);
        unsigned unused = 63 - ((below - 1) & 63);
        uint64_t word = words[first >> 6] << unused >> unused;

        if (word != 0) {
            uint32_t bit = first + cull__highest_bit(word);

            return bit >= from ? bit : CULL__BIT_NONE;
        }
        below = first;
    }
    return CULL__BIT_NONE;
}

uint32_t cull__bits_next(const uint64_t *words, uint32_t from, uint32_t end)
{
    while (from < end) {
        uint64_t word = words[from >> 6] >> (from & 63);

        if (word != 0) {
            uint32_t ahead = cull__lowest_bit(word);

            return ahead < end - from ? from + ahead : CULL__BIT_NONE;
        }
        if ((from | 63) >= end - 1) {
            break;
        }
        from = (from | 63) + 1;
    }
    return CULL__BIT_NONE;
}
