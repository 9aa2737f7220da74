/*
 * group.c - the lifespans that one commit closed, in four bytes a row and a little.
 *
 * SHAPE     count blob numbers in order of birth, then the births. A birth v = born - base is its
 *           low `shift` bits and the rest, h = v >> shift. In the unary part row i sets bit h + i:
 *           a one is a row, a zero is a step to the next h. shift is floor(log2(range / count)), at
 *           which the whole is smallest, within a bit a row.
 * INVARIANT base <= born < died, births do not fall from row to row. Alive rows are a prefix.
 * COST      Births take under shift + 3 bits a row: never over 4 bytes below 2^29 ordinals, 0.14 in
 *           the mark's profile (10,000 rows a group, 1,000 ordinals), 1.4 with 100 rows a group.
 *           Finding a prefix walks back from its end, 32 rows a step: it costs what it cuts off.
 * FAILURE   Only making a group needs memory. Compaction that finds none is left for later.
 * WHY NOT   Packed blob numbers: inside of a birth they ascend, and with gaps of a group's own width
 *           a row takes 1.99 bytes instead of 4; but a mark that adds gaps up takes 1.3 to 1.4 times
 *           as long, and is over its budget then (`bench-micro --benchmark_filter=mark_packed`).
 *           Runs (born, end) or one born a row, the shorter: 0.4 bytes in the mark's profile, but 4
 *           with 100 rows a group, where 80 of them differ; and two forms instead of one.
 */
#include "index/index_internal.h"

static const uint32_t *group_births(const struct cull__group *group)
{
    return group->rows + group->count;
}

/* Bits of the unary part: a one for each row, a zero after each step. */
static uint64_t unary_bits(const struct cull__group *group)
{
    return (uint64_t)group->count + ((group->died - 1 - group->base) >> group->shift) + 1;
}

size_t cull__group_birth_words(const struct cull__group *group)
{
    return (size_t)((unary_bits(group) + (uint64_t)group->count * group->shift + 31) / 32);
}

uint64_t cull__group_memory(const struct cull__group *group)
{
    return group->rows == NULL ? 0 : 4 * (group->count + (uint64_t)cull__group_birth_words(group));
}

cull_status cull__group_new(struct cull__group *out, uint32_t count, uint32_t base, uint32_t died,
                            const cull_allocator *allocator)
{
    struct cull__group group = {
        .died = died, .count = count, .alive = count, .base = base, .last_born = base
    };
    uint32_t range = died - base;
    size_t words;

    CULL_ASSERT(base < died && count > 0);
    if (range / count > 1) {
        group.shift = (uint8_t)cull__highest_bit(range / count);
    }
    words = cull__group_birth_words(&group);
    group.rows = cull__alloc(allocator, count + words, sizeof(uint32_t));
    if (group.rows == NULL) {
        return CULL_E_NOMEM;
    }
    memset(group.rows + count, 0, words * sizeof(uint32_t));
    *out = group;
    return CULL_OK;
}

void cull__group_release(struct cull__group *group, const cull_allocator *allocator)
{
    cull__free(allocator, group->rows);
    group->rows = NULL;
    group->count = group->alive = 0;
    group->sum = 0;
}

void cull__group_put(struct cull__group *group, uint32_t row, uint32_t blob, uint32_t born)
{
    uint32_t *words = group->rows + group->count;
    uint32_t value = born - group->base;
    uint64_t unary = (uint64_t)row + (value >> group->shift);

    group->rows[row] = blob;
    group->last_born = born;
    words[unary >> 5] |= UINT32_C(1) << (unary & 31);
    if (group->shift > 0) {
        uint64_t at = unary_bits(group) + (uint64_t)row * group->shift;
        uint64_t low = value & ((UINT32_C(1) << group->shift) - 1);

        low <<= at & 31;
        words[at >> 5] |= (uint32_t)low;
        if (low >> 32 != 0) {
            words[(at >> 5) + 1] |= (uint32_t)(low >> 32);
        }
    }
}

/* The low bits of a row's birth; low_at is where those of row 0 begin. */
static uint32_t low_bits(const uint32_t *words, uint64_t low_at, uint32_t row, unsigned shift)
{
    uint64_t at = low_at + (uint64_t)row * shift;
    unsigned skip = (unsigned)(at & 31);
    uint64_t low;

    if (shift == 0) {
        return 0;
    }
    low = words[at >> 5];
    if (skip + shift > 32) { /* only then is the next word surely there */
        low |= (uint64_t)words[(at >> 5) + 1] << 32;
    }
    return (uint32_t)(low >> skip) & ((UINT32_C(1) << shift) - 1);
}

static bool unary_get(const uint32_t *words, uint64_t bit)
{
    return (words[bit >> 5] >> (bit & 31)) & 1;
}

static uint32_t ones(uint32_t word)
{
    word -= (word >> 1) & 0x55555555;
    word = (word & 0x33333333) + ((word >> 2) & 0x33333333);
    return (((word + (word >> 4)) & 0x0f0f0f0f) * 0x01010101) >> 24;
}

/* A place in the unary part: *row ones and at - *row zeros lie before it. Walk back until no more
 * than `steps` zeros do. */
static uint64_t walk_back(const uint32_t *words, uint64_t at, uint32_t *row, uint64_t steps)
{
    while (at - *row > steps) {
        uint64_t first = (at - 1) & ~UINT64_C(31);
        uint32_t word = words[first >> 5] & (UINT32_MAX >> (31 - ((at - 1) & 31)));
        uint32_t before = *row - ones(word);

        if (first - before > steps) {
            at = first;
            *row = before;
            continue;
        }
        while (at - *row > steps) {
            at--;
            *row -= (uint32_t)unary_get(words, at);
        }
    }
    return at;
}

/* Rows of the prefix that ends at (at, row) that were born before ordinal. *at_out: the place
 * after the last of them, zeros in between aside. */
static uint32_t prefix_before(const struct cull__group *group, uint64_t at, uint32_t row,
                              uint32_t ordinal, uint64_t *at_out)
{
    const uint32_t *words = group_births(group);
    uint32_t value = ordinal - group->base;
    uint64_t low_at = unary_bits(group);
    uint64_t steps;

    if (ordinal <= group->base) {
        *at_out = 0;
        return 0;
    }
    if (group->shift == 0) {
        *at_out = walk_back(words, at, &row, value - 1);
        return row;
    }
    steps = value >> group->shift;
    value &= (UINT32_C(1) << group->shift) - 1;
    at = walk_back(words, at, &row, steps);
    if (at - row == steps) { /* the rows of this very step: by their low bits */
        while (row > 0 && unary_get(words, at - 1) &&
               low_bits(words, low_at, row - 1, group->shift) >= value) {
            at--;
            row--;
        }
    }
    *at_out = at;
    return row;
}

uint32_t cull__group_rows_before(const struct cull__group *group, uint32_t ordinal)
{
    uint64_t at;

    if (ordinal >= group->died) {
        return group->count;
    }
    return prefix_before(group, unary_bits(group), group->count, ordinal, &at);
}

uint32_t cull__group_alive_before(const struct cull__group *group, uint32_t ordinal,
                                  uint32_t *last_born)
{
    const uint32_t *words = group_births(group);
    uint64_t at;
    uint32_t rows;

    *last_born = group->last_born;
    if (group->alive == 0 || group->last_born < ordinal) {
        return group->alive;
    }
    at = (uint64_t)group->alive + ((group->last_born - group->base) >> group->shift);
    rows = prefix_before(group, at, group->alive, ordinal, &at);
    if (rows == 0) {
        *last_born = group->base;
        return 0;
    }
    while (!unary_get(words, at - 1)) {
        at -= words[(at - 1) >> 5] == 0 && (at & 31) == 0 ? 32 : 1;
    }
    *last_born = group->base + (((uint32_t)(at - rows) << group->shift) |
                                low_bits(words, unary_bits(group), rows - 1, group->shift));
    return rows;
}

struct cull__births cull__births(const struct cull__group *group)
{
    struct cull__births births = { group, group_births(group), unary_bits(group), 0, 0 };

    return births;
}

uint32_t cull__births_next(struct cull__births *births)
{
    const struct cull__group *group = births->group;
    uint32_t row = births->row++;
    uint64_t at = births->at;
    uint32_t word = births->words[at >> 5] >> (at & 31);

    while (word == 0) {
        at = (at | 31) + 1;
        word = births->words[at >> 5];
    }
    at += cull__lowest_bit(word);
    births->at = at + 1;
    return group->base + (((uint32_t)(at - row) << group->shift) |
                          low_bits(births->words, births->low_at, row, group->shift));
}

void cull__group_compact(struct cull__group *group, const cull_allocator *allocator)
{
    struct cull__births births = cull__births(group);
    struct cull__group smaller;

    if (cull__group_new(&smaller, group->alive, group->base, group->died, allocator) != CULL_OK) {
        return;
    }
    for (uint32_t row = 0; row < group->alive; row++) {
        cull__group_put(&smaller, row, group->rows[row], cull__births_next(&births));
    }
    smaller.changed = group->changed;
    smaller.sum = group->sum;
    cull__group_release(group, allocator);
    *group = smaller;
}

/* The birth of the last row, if the births do not fall from row to row; else CULL__ORDINAL_NONE. */
static uint32_t births_last(const struct cull__group *group)
{
    struct cull__births births = cull__births(group);
    uint32_t before = group->base;

    for (uint32_t row = 0; row < group->count; row++) {
        uint32_t born = cull__births_next(&births);

        if (born < before || born >= group->died || (row == 0 && born != group->base)) {
            return CULL__ORDINAL_NONE;
        }
        before = born;
    }
    return before;
}

/* The same where births have no low bits: that they do not fall, and end below died, is then in the
 * number of ones and zeros. */
static uint32_t unary_last(const struct cull__group *group, uint64_t unary)
{
    const uint32_t *words = group_births(group);
    uint64_t at = unary;

    if (!unary_get(words, 0)) {
        return CULL__ORDINAL_NONE;
    }
    while (!unary_get(words, at - 1)) {
        at -= words[(at - 1) >> 5] == 0 && (at & 31) == 0 ? 32 : 1;
    }
    return group->base + (uint32_t)(at - group->count);
}

bool cull__group_births_valid(const struct cull__group *group, uint32_t *last_born)
{
    const uint32_t *words = group_births(group);
    uint64_t unary = unary_bits(group);
    uint64_t used = unary + (uint64_t)group->count * group->shift;
    uint64_t set = 0;

    for (uint64_t bit = 0; bit + 32 <= unary; bit += 32) {
        set += ones(words[bit >> 5]);
    }
    if ((unary & 31) != 0) {
        set += ones(words[unary >> 5] & ((UINT32_C(1) << (unary & 31)) - 1));
    }
    if (set != group->count || unary_get(words, unary - 1)) {
        return false;
    }
    if ((used & 31) != 0 && words[used >> 5] >> (used & 31) != 0) {
        return false;
    }
    *last_born = group->shift == 0 ? unary_last(group, unary) : births_last(group);
    return *last_born != CULL__ORDINAL_NONE;
}
