/*
 * bench_layout.c - what other layouts of lifespans would give a mark.
 *
 * mark_shuffled    blob numbers in no order, which commits never give: the mark's limit is then the
 *                  loop that sets the same bits in the same order, and what both wait for is the bits.
 *   by slices      the same, sorted by slices of the bitmap first: every bit that is set lies in the
 *                  cache, and each row is read three times and written once more.
 *                  At 101 million lifespans it takes 0.46 to 0.56 of the loop's time; at 11 million,
 *                  whose bitmap lies in the second-level cache anyway, 2 to 2.7 times as long. The
 *                  library marks as it is: commits give numbers in order.
 * mark_packed      groups whose blob numbers are packed: inside of a birth they ascend, and their gaps
 *                  are written in as few bits as the group's largest takes.
 */
#include "harness.h"

#include "collection.h"
#include "shared/bench_base.h"

#define SLICE_BITS 18u /* of a blob number: a slice of 32 KiB, what a first-level cache holds */
#define SLICES_MAX 4096u

/* Sort the blobs by slice, and then set the bits of one slice after another. */
static void mark_slices(struct collection *all, uint32_t *sorted)
{
    uint64_t begin[SLICES_MAX + 1] = { 0 };

    memset(all->marked, 0, cull__bits_words(all->blobs) * sizeof(*all->marked));
    for (uint64_t i = 0; i < all->lifespans; i++) {
        begin[(all->alive[i] >> SLICE_BITS) + 1]++;
    }
    for (uint32_t slice = 0; slice < SLICES_MAX; slice++) {
        begin[slice + 1] += begin[slice];
    }
    for (uint64_t i = 0; i < all->lifespans; i++) {
        sorted[begin[all->alive[i] >> SLICE_BITS]++] = all->alive[i];
    }
    for (uint64_t i = 0; i < all->lifespans; i++) {
        cull__bit_set(all->marked, sorted[i]);
    }
    bench_keep(all->marked[0]);
}

static void set_bits(struct collection *all)
{
    memset(all->marked, 0, cull__bits_words(all->blobs) * sizeof(*all->marked));
    for (uint64_t i = 0; i < all->lifespans; i++) {
        cull__bit_set(all->marked, all->alive[i]);
    }
    bench_keep(all->marked[0]);
}

/* Beside its limit, in the same turn. */
void bench_mark_shuffled(struct bench *bench)
{
    struct collection all;
    double marked = 0;
    double set = 0;
    double sliced = 0;
    uint32_t *sorted;

    collection_init(&all, bench, true);
    collection_flatten(&all);
    sorted = must(malloc(all.lifespans * sizeof(*sorted)));
    while (bench_next(bench)) {
        double begun = bench_now();

        memset(all.marked, 0, cull__bits_words(all.blobs) * sizeof(*all.marked));
        cull__mark(all.spans, NULL, all.marked, all.blobs);
        bench_keep(all.marked[0]);
        marked += bench_now() - begun;
        begun = bench_now();
        set_bits(&all);
        set += bench_now() - begun;
        begun = bench_now();
        mark_slices(&all, sorted);
        sliced += bench_now() - begun;
    }
    bench_items(bench, all.lifespans);
    bench_counter(bench, "mark_to_bits", marked / set);
    bench_counter(bench, "slices_to_bits", sliced / set);
    free(sorted);
    collection_release(&all);
}

/* --- packed groups ------------------------------------------------------------------------------ */

/* Gaps of a fixed width, one after another; a birth's first number is written in 32 bits. */
struct packed {
    uint32_t *words;
    uint64_t bits;
    uint32_t *width; /* by group */
    uint64_t *first; /* bit of each group */
};

static void put_bits(struct packed *packed, uint32_t value, uint32_t width)
{
    uint64_t at = packed->bits >> 5;
    uint32_t shift = packed->bits & 31;
    uint64_t wide = (uint64_t)value << shift;

    packed->words[at] |= (uint32_t)wide;
    packed->words[at + 1] |= (uint32_t)(wide >> 32);
    packed->bits += width;
}

static uint32_t get_bits(const uint32_t *words, uint64_t bit, uint32_t width)
{
    uint64_t wide;

    memcpy(&wide, &words[bit >> 5], sizeof(wide));
    return (uint32_t)(wide >> (bit & 31)) & (uint32_t)((UINT64_C(1) << width) - 1);
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *left = a;
    const struct row *right = b;

    if (left->born != right->born) {
        return left->born < right->born ? -1 : 1;
    }
    return (left->blob > right->blob) - (left->blob < right->blob);
}

/* A group's rows, in the order of birth and then of number. */
static void pack_group(struct packed *packed, size_t group, struct row *rows, size_t count)
{
    uint32_t most = 0;

    qsort(rows, count, sizeof(*rows), compare_rows);
    for (size_t i = 1; i < count; i++) {
        uint32_t gap = rows[i].blob - rows[i - 1].blob;

        most = rows[i].born == rows[i - 1].born && gap > most ? gap : most;
    }
    packed->width[group] = most == 0 ? 1 : (uint32_t)(32 - __builtin_clz(most));
    packed->first[group] = packed->bits;
    for (size_t i = 0; i < count; i++) {
        bool is_first = i == 0 || rows[i].born != rows[i - 1].born;

        put_bits(packed, is_first ? rows[i].blob : rows[i].blob - rows[i - 1].blob,
                 is_first ? 32 : packed->width[group]);
    }
}

/* What a packed group's mark has to do: tell where a birth begins, and add gaps up. */
static void mark_packed_group(struct collection *all, const struct packed *packed, size_t at,
                              const uint8_t *begins)
{
    const struct cull__group *group = &all->spans->groups[at];
    const uint32_t width = packed->width[at];
    uint64_t bit = packed->first[at];
    uint32_t blob = 0;

    for (uint32_t i = 0; i < group->count; i++) {
        if (begins[i]) {
            blob = get_bits(packed->words, bit, 32);
            bit += 32;
        } else {
            blob += get_bits(packed->words, bit, width);
            bit += width;
        }
        cull__bit_set(all->marked, blob);
    }
}

static void mark_packed(struct collection *all, const struct packed *packed, const uint8_t *begins)
{
    memset(all->marked, 0, cull__bits_words(all->blobs) * sizeof(*all->marked));
    for (size_t i = 0; i < all->spans->group_count; i++) {
        mark_packed_group(all, packed, i, begins);
        begins += all->spans->groups[i].count;
    }
    for (size_t i = 0; i < all->spans->open.count; i++) {
        cull__bit_set(all->marked, all->spans->open.at[i]);
    }
    bench_keep(all->marked[0]);
}

void bench_mark_packed(struct bench *bench)
{
    struct collection all;
    struct packed packed = { .bits = 0 };
    uint8_t *begins; /* of a birth, by row: from the births, which a mark does not read */
    size_t row = 0;
    double plain = 0;
    double unpacked = 0;

    collection_init(&all, bench, false);
    collection_flatten(&all);
    begins = must(calloc(all.lifespans, sizeof(*begins)));
    packed.words = must(calloc(all.lifespans + 4, sizeof(*packed.words)));
    packed.width = must(calloc(all.spans->group_count + 1, sizeof(*packed.width)));
    packed.first = must(calloc(all.spans->group_count + 1, sizeof(*packed.first)));
    for (size_t i = 0; i < all.spans->group_count; i++) {
        size_t count = all.spans->groups[i].count;

        pack_group(&packed, i, &all.flat[row], count);
        for (size_t j = 0; j < count; j++, row++) {
            begins[row] = j == 0 || all.flat[row].born != all.flat[row - 1].born;
        }
    }
    while (bench_next(bench)) {
        double begun = bench_now();

        memset(all.marked, 0, cull__bits_words(all.blobs) * sizeof(*all.marked));
        cull__mark(all.spans, NULL, all.marked, all.blobs);
        bench_keep(all.marked[0]);
        plain += bench_now() - begun;
        begun = bench_now();
        mark_packed(&all, &packed, begins);
        unpacked += bench_now() - begun;
    }
    memcpy(all.flat, all.marked, cull__bits_words(all.blobs) * sizeof(*all.marked));
    memset(all.marked, 0, cull__bits_words(all.blobs) * sizeof(*all.marked));
    cull__mark(all.spans, NULL, all.marked, all.blobs);
    if (memcmp(all.flat, all.marked, cull__bits_words(all.blobs) * sizeof(*all.marked)) != 0) {
        bench_fail(bench, "packed groups mark other blobs");
    }
    bench_items(bench, all.lifespans);
    bench_counter(bench, "packed_to_plain", unpacked / plain);
    bench_counter(bench, "bytes_a_closed_row",
                  row == 0 ? 0 : (double)packed.bits / 8 / (double)row);
    free(begins);
    free(packed.words);
    free(packed.width);
    free(packed.first);
    collection_release(&all);
}
