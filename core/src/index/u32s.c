/*
 * u32s.c - lists of 32-bit numbers, and sorting them.
 *
 * COST      sort: one pass if it is sorted already, as lists of new numbers are; else a radix sort
 *           in place, by the highest byte first.
 * FAILURE   CULL_E_NOMEM leaves the list as it was; sorting allocates nothing.
 * THREADS   None.
 * WHY NOT   qsort: an indirect call for each comparison, and glibc's allocates.
 */
#include "index/index_internal.h"

#define INSERTION_MAX 48

cull_status cull__u32s_reserve(struct cull__u32s *list, size_t more)
{
    void *block = list->at;
    cull_status status;

    if (more <= list->capacity - list->count) {
        return CULL_OK;
    }
    if (more > UINT32_MAX) {
        return CULL_E_LIMIT;
    }
    status = cull__reserve(list->allocator, &block, &list->capacity, list->count + more,
                           sizeof(*list->at));
    list->at = (uint32_t *)block;
    return status;
}

cull_status cull__u32s_push(struct cull__u32s *list, uint32_t value)
{
    if (CULL_UNLIKELY(list->count == list->capacity)) {
        cull_status status = cull__u32s_reserve(list, 1);

        if (status != CULL_OK) {
            return status;
        }
    }
    list->at[list->count++] = value;
    return CULL_OK;
}

void cull__u32s_release(struct cull__u32s *list)
{
    cull__free(list->allocator, list->at);
    list->at = NULL;
    list->count = list->capacity = 0;
}

static void insertion_sort(uint32_t *at, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint32_t value = at[i];
        size_t to = i;

        for (; to > 0 && at[to - 1] > value; to--) {
            at[to] = at[to - 1];
        }
        at[to] = value;
    }
}

static void radix_sort(uint32_t *at, size_t count, unsigned shift)
{
    size_t end[256] = { 0 };
    size_t next[256];
    size_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        end[(at[i] >> shift) & 255]++;
    }
    for (size_t byte = 0; byte < 256; byte++) {
        next[byte] = sum;
        sum += end[byte];
        end[byte] = sum;
    }
    for (size_t byte = 0; byte < 256; byte++) {
        while (next[byte] < end[byte]) {
            uint32_t value = at[next[byte]];
            size_t home = (value >> shift) & 255;

            at[next[byte]] = at[next[home]];
            at[next[home]++] = value;
        }
    }
    sum = 0;
    for (size_t byte = 0; shift > 0 && byte < 256; byte++) {
        if (end[byte] - sum > INSERTION_MAX) {
            radix_sort(at + sum, end[byte] - sum, shift - 8);
        } else {
            insertion_sort(at + sum, end[byte] - sum);
        }
        sum = end[byte];
    }
}

void cull__u32_sort(uint32_t *at, size_t count)
{
    uint32_t differ = 0;
    unsigned shift = 0;
    bool sorted = true;

    for (size_t i = 1; i < count; i++) {
        sorted &= at[i - 1] <= at[i];
        differ |= at[i - 1] ^ at[i];
    }
    if (sorted) {
        return;
    }
    if (count <= INSERTION_MAX) {
        insertion_sort(at, count);
        return;
    }
    for (; shift < 24 && (differ >> shift) > 255; shift += 8) {
    }
    radix_sort(at, count, shift);
}

void cull__u32s_sort(struct cull__u32s *list)
{
    cull__u32_sort(list->at, list->count);
}

void cull__buf_u32s(struct cull__buf *buf, const uint32_t *at, size_t count)
{
    if (cull__little_endian()) {
        cull__buf_put(buf, at, count * sizeof(*at));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        cull__buf_u32(buf, at[i]);
    }
}

void cull__u32s_decode(uint32_t *at, const uint8_t *bytes, size_t count)
{
    if (count == 0) {
        return;
    }
    if (cull__little_endian()) {
        memcpy(at, bytes, count * sizeof(*at));
        return;
    }
    for (size_t i = 0; i < count; i++, bytes += 4) {
        at[i] = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                (uint32_t)bytes[3] << 24;
    }
}
