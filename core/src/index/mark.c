/*
 * mark.c - which blobs the kept versions hold, from births and deaths alone.
 *
 * SHAPE     A lifespan is alive if and only if a kept ordinal lies in [born, died): if and only if
 *           born <= last, the greatest kept ordinal below died. Rows of a group share died and lie
 *           in order of birth, so the alive ones are a prefix; its length is found once a group.
 * INVARIANT Reads no alive count of the incremental side: that is what it is there to check. Dead
 *           rows that wait for compaction were born after `last` and are left out by the rule.
 * COST      One set bit a row, no comparison inside a prefix; one search of the kept ordinals
 *           downwards over all groups together.
 * FAILURE   None.
 * THREADS   None; pure in the lifespans. A full verification with threads is pass.c. Ranges of groups
 *           would be independent, but for the bits (atomics cost 1.4 to 10 times).
 */
#include "index/index_internal.h"

#define AHEAD 48 /* rows between asking for a word of bits and setting one in it */

static void set_bits(const uint32_t *rows, size_t count, uint64_t *marked)
{
    size_t i = 0;

    for (; i + AHEAD < count; i++) {
        CULL_PREFETCH(&marked[rows[i + AHEAD] >> 6]);
        cull__bit_set(marked, rows[i]);
    }
    for (; i < count; i++) {
        cull__bit_set(marked, rows[i]);
    }
}

static void add_counts(const uint32_t *rows, size_t count, uint32_t *counts)
{
    size_t i = 0;

    for (; i + AHEAD < count; i++) {
        CULL_PREFETCH(&counts[rows[i + AHEAD]]);
        counts[rows[i]]++;
    }
    for (; i < count; i++) {
        counts[rows[i]]++;
    }
}

/* Hand each prefix of rows alive in groups [from, to) to `bits` or, if that is NULL, `counts`. */
static void mark_groups(const struct cull__lifespans *spans, const uint64_t *keep, size_t from,
                        size_t to, uint64_t *bits, uint32_t *counts)
{
    uint32_t below = 0;                 /* every ordinal below is searched already */
    uint32_t last = CULL__ORDINAL_NONE; /* the greatest kept one among them */

    for (size_t i = from; i < to; i++) {
        const struct cull__group *group = &spans->groups[i];
        uint32_t found = cull__bits_previous(keep, below, group->died);
        uint32_t rows;

        last = found != CULL__ORDINAL_NONE ? found : last;
        below = group->died;
        if (group->rows == NULL || last == CULL__ORDINAL_NONE) {
            continue;
        }
        rows = cull__group_rows_before(group, last + 1);
        if (bits != NULL) {
            set_bits(group->rows, rows, bits);
        } else {
            add_counts(group->rows, rows, counts);
        }
    }
}

static uint32_t open_rows(const struct cull__lifespans *spans, const uint64_t *keep)
{
    uint32_t last = cull__bits_previous(keep, 0, cull__lifespans_versions(spans));

    return last == CULL__ORDINAL_NONE ? 0 : cull__lifespans_open_before(spans, last + 1);
}

void cull__mark(const struct cull__lifespans *spans, const uint64_t *keep, uint64_t *marked,
                size_t bits)
{
    CULL_ASSERT(bits >= spans->blob_limit);
    keep = keep != NULL ? keep : spans->retained.words;
    mark_groups(spans, keep, 0, spans->group_count, marked, NULL);
    set_bits(spans->open.at, open_rows(spans, keep), marked);
}

void cull__mark_count(const struct cull__lifespans *spans, uint32_t *counts, size_t limit)
{
    const uint64_t *keep = spans->retained.words;

    CULL_ASSERT(limit >= spans->blob_limit);
    mark_groups(spans, keep, 0, spans->group_count, NULL, counts);
    add_counts(spans->open.at, open_rows(spans, keep), counts);
}
