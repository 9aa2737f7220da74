/*
 * recheck.c - do the rows of a collection make the sums that were kept as they changed?
 *
 * SHAPE     Each group, the open rows and the whole keep a sum of held hashes. Here rows are counted
 *           as the mark does, from births, deaths and the retained ordinals, and summed anew. What
 *           a purge would leave is asked the same way before it is done: afterwards, the rows that
 *           it killed may have been given back. The groups and rows that changed since they were
 *           last looked at are known, so that looking again costs what changed.
 * INVARIANT Reads no alive count: the rule says which rows are alive, the sum says which were.
 * COST      About 1 ns a row looked at, no memory but a copy of the retained bits for a purge.
 * FAILURE   Without memory for the list of what changed everything counts as changed.
 * THREADS   Pure but for the list.
 * WHY NOT   marking all collections each cycle: its cost is the store's, not the garbage's. Keeping
 *           the counts of the last verified cycle to subtract: 4 bytes a blob, and as many marks.
 */
#include "index/index_internal.h"

uint64_t cull__held_sum(const uint32_t *numbers, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += cull__held_hash(numbers[i]);
    }
    return sum;
}

uint64_t cull__lifespans_sum(const struct cull__lifespans *spans)
{
    return spans->sum;
}

uint32_t cull__lifespans_retained_count(const struct cull__lifespans *spans)
{
    return spans->retained_count;
}

void cull__lifespans_touch(struct cull__lifespans *spans, struct cull__group *group)
{
    if (!group->changed) {
        group->changed = true;
        spans->all_changed =
            cull__u32s_push(&spans->changed, group->died) != CULL_OK || spans->all_changed;
    }
}

uint32_t cull__group_rows_kept(const struct cull__group *group, const uint64_t *keep)
{
    uint32_t last = cull__bits_previous(keep, 0, group->died);

    return last == CULL__ORDINAL_NONE ? 0 : cull__group_rows_before(group, last + 1);
}

static uint64_t group_sum(const struct cull__group *group, const uint64_t *keep)
{
    return group->rows == NULL ? 0
                               : cull__held_sum(group->rows, cull__group_rows_kept(group, keep));
}

static uint64_t open_sum(const struct cull__lifespans *spans, const uint64_t *keep)
{
    uint32_t last = cull__bits_previous(keep, 0, cull__lifespans_versions(spans));

    return last == CULL__ORDINAL_NONE
               ? 0
               : cull__held_sum(spans->open.at, cull__lifespans_open_before(spans, last + 1));
}

/* --- what a purge would leave ------------------------------------------------------------------ */

cull_status cull__lifespans_sum_after(const struct cull__lifespans *spans, const uint32_t *ordinals,
                                      size_t count, uint64_t *kept, uint64_t *after)
{
    uint32_t versions = cull__lifespans_versions(spans);
    size_t words = cull__bits_words(versions);
    uint64_t *keep = cull__alloc(spans->allocator, words, sizeof(*keep));
    size_t group = 0;
    uint32_t next = 0; /* every group that died up to there has been looked at */

    *kept = *after = 0;
    if (keep == NULL) {
        return CULL_E_NOMEM;
    }
    if (count == 0) { /* and maybe no version */
        cull__free(spans->allocator, keep);
        return CULL_OK;
    }
    memcpy(keep, spans->retained.words, words * sizeof(*keep));
    for (size_t i = 0; i < count; i++) {
        cull__bit_clear(keep, ordinals[i]);
    }
    for (size_t i = 0; i < count && next != CULL__ORDINAL_NONE; i++) {
        if (i > 0 && ordinals[i] < next) {
            continue;
        }
        next = cull__bits_next(keep, ordinals[i] + 1, versions);
        for (group = cull__lifespans_group_from(spans, ordinals[i] + 1);
             group < spans->group_count && spans->groups[group].died <= next; group++) {
            *kept += spans->groups[group].sum;
            *after += group_sum(&spans->groups[group], keep);
        }
    }
    if (next == CULL__ORDINAL_NONE) {
        *kept += spans->open_sum;
        *after += open_sum(spans, keep);
    }
    cull__free(spans->allocator, keep);
    return CULL_OK;
}

/* --- what has changed ------------------------------------------------------------------------- */

bool cull__lifespans_changed(const struct cull__lifespans *spans)
{
    return spans->open_changed || spans->all_changed || spans->changed.count > 0;
}

static bool recheck_group(const struct cull__lifespans *spans, struct cull__group *group,
                          uint64_t *looked_at)
{
    *looked_at += group->alive;
    if (group_sum(group, spans->retained.words) != group->sum) {
        return false;
    }
    group->changed = false;
    return true;
}

static bool recheck_groups(struct cull__lifespans *spans, uint64_t *looked_at)
{
    if (spans->all_changed) {
        for (size_t i = 0; i < spans->group_count; i++) {
            if (!recheck_group(spans, &spans->groups[i], looked_at)) {
                return false;
            }
        }
        spans->all_changed = false;
        spans->changed.count = 0;
    }
    for (; spans->changed.count > 0; spans->changed.count--) {
        uint32_t died = spans->changed.at[spans->changed.count - 1];
        size_t at = cull__lifespans_group_from(spans, died);

        if (at < spans->group_count && spans->groups[at].died == died &&
            !recheck_group(spans, &spans->groups[at], looked_at)) {
            return false;
        }
    }
    return true;
}

bool cull__lifespans_recheck(struct cull__lifespans *spans, uint64_t *looked_at)
{
    if (!recheck_groups(spans, looked_at)) {
        return false;
    }
    if (spans->open_changed) {
        *looked_at += spans->open.count;
        if (open_sum(spans, spans->retained.words) != spans->open_sum) {
            return false;
        }
        spans->open_changed = false;
    }
    return true;
}
