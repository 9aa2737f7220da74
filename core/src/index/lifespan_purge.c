/*
 * lifespan_purge.c - what dies with a set of versions, asked or done.
 *
 * SHAPE     Purging versions one after another kills, in the end, what no retained ordinal crosses
 *           any more. So the batch is cut into gaps: maximal (p, n) without a retained ordinal
 *           afterwards. In each, groups with died in (p + 1, n] lose their rows with born > p, a
 *           suffix of the alive prefix; without an n, open rows with born > p die and are removed.
 * INVARIANT Asking and doing walk the same gaps and groups in the same order: the lists are equal.
 * COST      Groups with died in the gaps, found by bisection, at one comparison each where nothing
 *           dies; else what is killed. Compaction is amortised: a group is written again when over
 *           half of its rows are dead, the directory when over half of its groups are.
 * FAILURE   The list is made first; from there on nothing can fail.
 * WHY NOT   One version at a time: newest first looks at each later group for each version.
 */
#include "index/index_internal.h"

/* Ordinals from `from` (p + 1) on and below n are not retained afterwards. */
struct gap {
    uint32_t from;
    uint32_t next; /* n, CULL__ORDINAL_NONE if there is none */
};

/* The gap that ordinals[*i] falls into; *i moves past all others in it. */
static struct gap gap_around(const struct cull__lifespans *spans, const uint32_t *ordinals,
                             size_t count, size_t *i)
{
    const uint64_t *retained = spans->retained.words;
    uint32_t versions = cull__lifespans_versions(spans);
    uint32_t previous = cull__bits_previous(retained, 0, ordinals[*i]);
    struct gap gap = { previous == CULL__ORDINAL_NONE ? 0 : previous + 1, CULL__ORDINAL_NONE };

    do {
        gap.next = cull__bits_next(retained, ordinals[*i] + 1, versions);
        ++*i;
    } while (*i < count && gap.next == ordinals[*i]);
    return gap;
}

static bool gap_ends_before(const struct gap *gap, const struct cull__group *group)
{
    return gap->next != CULL__ORDINAL_NONE && group->died > gap->next;
}

static bool ordinals_fit(const struct cull__lifespans *spans, const uint32_t *ordinals,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!cull__lifespans_retained(spans, ordinals[i]) ||
            (i > 0 && ordinals[i] <= ordinals[i - 1])) {
            return false;
        }
    }
    return true;
}

/* Where what is killed goes: all of it, or the blobs from lo on and below hi. */
struct kills {
    struct cull__u32s *killed;
    uint32_t lo;
    uint32_t hi;
};

static cull_status kill_rows(const struct kills *kills, const uint32_t *rows, size_t from,
                             size_t to)
{
    struct cull__u32s *killed = kills->killed;
    cull_status status = CULL_OK;

    if (kills->lo == 0 && kills->hi == CULL__BLOB_NONE) {
        status = cull__u32s_reserve(killed, to - from);
        if (status == CULL_OK && to > from) {
            memcpy(killed->at + killed->count, rows + from, (to - from) * sizeof(*rows));
            killed->count += to - from;
        }
        return status;
    }
    for (size_t i = from; i < to && status == CULL_OK; i++) {
        if (rows[i] >= kills->lo && rows[i] < kills->hi) {
            status = cull__u32s_push(killed, rows[i]);
        }
    }
    return status;
}

static cull_status gap_would_kill(const struct cull__lifespans *spans, const struct gap *gap,
                                  const struct kills *kills)
{
    cull_status status = CULL_OK;

    for (size_t i = cull__lifespans_group_from(spans, gap->from + 1);
         status == CULL_OK && i < spans->group_count; i++) {
        const struct cull__group *group = &spans->groups[i];
        uint32_t last_born;

        if (gap_ends_before(gap, group)) {
            break;
        }
        if (group->alive > 0 && group->last_born >= gap->from) {
            status =
                kill_rows(kills, group->rows,
                          cull__group_alive_before(group, gap->from, &last_born), group->alive);
        }
    }
    if (status == CULL_OK && gap->next == CULL__ORDINAL_NONE) {
        status = kill_rows(kills, spans->open.at, cull__lifespans_open_before(spans, gap->from),
                           spans->open.count);
    }
    return status;
}

cull_status cull__lifespans_would_kill(const struct cull__lifespans *spans,
                                       const uint32_t *ordinals, size_t count,
                                       struct cull__u32s *killed)
{
    return cull__lifespans_would_kill_within(spans, ordinals, count, 0, CULL__BLOB_NONE, killed);
}

cull_status cull__lifespans_would_kill_within(const struct cull__lifespans *spans,
                                              const uint32_t *ordinals, size_t count, uint32_t lo,
                                              uint32_t hi, struct cull__u32s *killed)
{
    const struct kills kills = { killed, lo, hi };
    size_t before = killed->count;
    cull_status status = CULL_OK;

    if (!ordinals_fit(spans, ordinals, count)) {
        return CULL_E_CORRUPT;
    }
    for (size_t i = 0; status == CULL_OK && i < count;) {
        struct gap gap = gap_around(spans, ordinals, count, &i);

        status = gap_would_kill(spans, &gap, &kills);
    }
    if (status != CULL_OK) {
        killed->count = before;
    }
    return status;
}

static void group_cut(struct cull__lifespans *spans, struct cull__group *group, uint32_t from)
{
    uint32_t last_born;
    uint32_t alive = cull__group_alive_before(group, from, &last_born);
    uint64_t sum = cull__held_sum(group->rows + alive, group->alive - alive);

    group->sum -= sum;
    spans->sum -= sum;
    spans->closed_alive -= group->alive - alive;
    group->alive = alive;
    group->last_born = last_born;
    if (alive == 0) {
        cull__group_release(group, spans->allocator);
        spans->groups_empty++;
    } else if (alive < group->count - alive) {
        cull__group_compact(group, spans->allocator);
    }
}

static void open_cut(struct cull__lifespans *spans, uint32_t from)
{
    uint32_t rows = cull__lifespans_open_before(spans, from);
    uint64_t sum = cull__held_sum(spans->open.at + rows, spans->open.count - rows);

    spans->open_sum -= sum;
    spans->sum -= sum;
    spans->open_changed = true;
    spans->open.count = rows;
    while (spans->run_count > 0 && spans->runs[spans->run_count - 1].born >= from) {
        spans->run_count--;
    }
}

static void gap_kill(struct cull__lifespans *spans, const struct gap *gap)
{
    for (size_t i = cull__lifespans_group_from(spans, gap->from + 1); i < spans->group_count; i++) {
        struct cull__group *group = &spans->groups[i];

        if (gap_ends_before(gap, group)) {
            break;
        }
        cull__lifespans_touch(spans, group); /* the rule may say otherwise */
        if (group->alive > 0 && group->last_born >= gap->from) {
            group_cut(spans, group, gap->from);
        }
    }
    if (gap->next == CULL__ORDINAL_NONE) {
        open_cut(spans, gap->from);
    }
}

/* Drop empty groups once they are over half; give back room that is over three quarters air. */
static void compact(struct cull__lifespans *spans)
{
    size_t kept = 0;

    if (spans->groups_empty > spans->group_count / 2) {
        for (size_t i = 0; i < spans->group_count; i++) {
            if (spans->groups[i].rows != NULL) {
                spans->groups[kept++] = spans->groups[i];
            }
        }
        spans->group_count = kept;
        spans->groups_empty = 0;
    }
    if (spans->group_capacity > 64 && spans->group_count < spans->group_capacity / 4) {
        size_t capacity = spans->group_capacity / 2;
        void *moved =
            cull__realloc(spans->allocator, spans->groups, capacity, sizeof(*spans->groups));

        if (moved != NULL) {
            spans->groups = (struct cull__group *)moved;
            spans->group_capacity = capacity;
        }
    }
    if (spans->open.capacity > 64 && spans->open.count < spans->open.capacity / 4) {
        size_t capacity = spans->open.capacity / 2;
        void *moved =
            cull__realloc(spans->allocator, spans->open.at, capacity, sizeof(*spans->open.at));

        if (moved != NULL) {
            spans->open.at = (uint32_t *)moved;
            spans->open.capacity = capacity;
        }
    }
}

cull_status cull__lifespans_purge(struct cull__lifespans *spans, const uint32_t *ordinals,
                                  size_t count, struct cull__u32s *killed)
{
    cull_status status = cull__lifespans_would_kill(spans, ordinals, count, killed);

    if (status != CULL_OK) {
        return status;
    }
    /* A gap's bounds come from retained bits: those of later gaps must still be set. */
    for (size_t i = 0, done = 0; i < count; done = i) {
        struct gap gap = gap_around(spans, ordinals, count, &i);

        gap_kill(spans, &gap);
        for (; done < i; done++) {
            cull__bit_clear(spans->retained.words, ordinals[done]);
        }
    }
    spans->retained_count -= (uint32_t)count;
    spans->purges++;
    compact(spans);
    return CULL_OK;
}
