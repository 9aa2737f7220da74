/*
 * lifespan.c - which blobs a collection's versions hold, as intervals of ordinals.
 *
 * SHAPE     Open lifespans: blob numbers in order of birth, births as runs (born, end). Closed
 *           ones: a group for each commit that closed any, by death (group.c). One bit an ordinal:
 *           is the version retained?
 * INVARIANT born < died. A blob has at most one open lifespan, and its lifespans do not overlap.
 *           No open lifespan is dead: some retained ordinal is not below its born. Alive rows of a
 *           group are its prefix with born <= the greatest retained ordinal below died.
 * COST      commit: one walk of the open rows, 0 if nothing changes; purge: lifespan_purge.c.
 *           members: the groups that died later, and the output. diff: open + members.
 * FAILURE   commit and diff make all room first: CULL_E_NOMEM and CULL_E_CORRUPT change nothing.
 * THREADS   None; the store serialises writers.
 * WHY NOT   A list of blobs per version: 4 bytes for each of 10^9 references, not 4 and a little
 *           for each of 10^7 lifespans. Lifespans per blob: a cache miss for each row of a mark.
 */
#include "index/index_internal.h"

cull_status cull__lifespans_new(struct cull__lifespans **out, const cull_allocator *allocator)
{
    struct cull__lifespans *spans = cull__alloc_zero(allocator, 1, sizeof(*spans));

    *out = spans;
    if (spans == NULL) {
        return CULL_E_NOMEM;
    }
    spans->allocator = spans->open.allocator = spans->retained.allocator = allocator;
    spans->changed.allocator = allocator;
    return CULL_OK;
}

void cull__lifespans_free(struct cull__lifespans *spans)
{
    if (spans == NULL) {
        return;
    }
    for (size_t i = 0; i < spans->group_count; i++) {
        cull__group_release(&spans->groups[i], spans->allocator);
    }
    cull__free(spans->allocator, spans->groups);
    cull__free(spans->allocator, spans->runs);
    cull__u32s_release(&spans->open);
    cull__bits_release(&spans->retained);
    cull__u32s_release(&spans->changed);
    cull__free(spans->allocator, spans);
}

uint32_t cull__lifespans_versions(const struct cull__lifespans *spans)
{
    return (uint32_t)spans->retained.count;
}

bool cull__lifespans_retained(const struct cull__lifespans *spans, uint32_t ordinal)
{
    return ordinal < spans->retained.count && cull__bit_get(spans->retained.words, ordinal);
}

uint64_t cull__lifespans_open_count(const struct cull__lifespans *spans)
{
    return spans->open.count;
}

uint64_t cull__lifespans_closed_count(const struct cull__lifespans *spans)
{
    return spans->closed_alive;
}

uint64_t cull__lifespans_memory(const struct cull__lifespans *spans)
{
    uint64_t bytes = sizeof(*spans) + spans->open.capacity * sizeof(*spans->open.at) +
                     spans->run_capacity * sizeof(*spans->runs) +
                     spans->group_capacity * sizeof(*spans->groups) +
                     spans->retained.words_capacity * sizeof(*spans->retained.words) +
                     spans->changed.capacity * sizeof(*spans->changed.at);

    for (size_t i = 0; i < spans->group_count; i++) {
        bytes += cull__group_memory(&spans->groups[i]);
    }
    return bytes;
}

const uint32_t *cull__lifespans_open(const struct cull__lifespans *spans, size_t *count)
{
    *count = spans->open.count;
    return spans->open.at;
}

size_t cull__lifespans_group_from(const struct cull__lifespans *spans, uint32_t ordinal)
{
    size_t low = 0;
    size_t high = spans->group_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (spans->groups[middle].died < ordinal) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint32_t cull__lifespans_open_before(const struct cull__lifespans *spans, uint32_t ordinal)
{
    size_t low = 0;
    size_t high = spans->run_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (spans->runs[middle].born < ordinal) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? 0 : spans->runs[low - 1].end;
}

/* --- commit ---------------------------------------------------------------------------------- */

/* What a commit needs besides the structure: the open rows that it closes. */
struct commit {
    const uint32_t *closed;
    size_t closed_count;
    const uint32_t *opened;
    size_t opened_count;
    uint64_t *scratch;
    size_t scratch_bits;
    uint32_t *at;             /* their positions, ascending */
    struct cull__group group; /* and their rows */
    uint32_t blob_limit;
};

/* Set the bits of all blobs named; false, and none set, if one comes twice, is out of range, or
 * closed is not sorted. */
static bool commit_set_bits(struct commit *commit)
{
    size_t closed = 0;
    size_t opened = 0;

    for (; closed < commit->closed_count; closed++) {
        uint32_t blob = commit->closed[closed];

        if (blob >= commit->scratch_bits || (closed > 0 && blob <= commit->closed[closed - 1])) {
            goto undo;
        }
        cull__bit_set(commit->scratch, blob);
    }
    for (; opened < commit->opened_count; opened++) {
        uint32_t blob = commit->opened[opened];

        if (blob >= commit->scratch_bits || cull__bit_get(commit->scratch, blob)) {
            goto undo;
        }
        cull__bit_set(commit->scratch, blob);
        commit->blob_limit = blob >= commit->blob_limit ? blob + 1 : commit->blob_limit;
    }
    return true;
undo:
    while (opened > 0) {
        cull__bit_clear(commit->scratch, commit->opened[--opened]);
    }
    while (closed > 0) {
        cull__bit_clear(commit->scratch, commit->closed[--closed]);
    }
    return false;
}

/* Find the open rows with a bit, and clear all bits. True if they are exactly those of closed:
 * as many, and no bit of closed was left. */
static bool commit_find_rows(struct commit *commit, const struct cull__u32s *open)
{
    size_t found = 0;
    bool exact;

    for (size_t row = 0; row < open->count; row++) {
        uint32_t blob = open->at[row];

        if (CULL_UNLIKELY(blob < commit->scratch_bits && cull__bit_get(commit->scratch, blob))) {
            if (found == commit->closed_count) {
                found++; /* an opened blob is open already */
                break;
            }
            commit->at[found++] = (uint32_t)row;
        }
    }
    exact = found == commit->closed_count;
    for (size_t i = 0; exact && i < found; i++) {
        cull__bit_clear(commit->scratch, open->at[commit->at[i]]);
    }
    for (size_t i = 0; i < commit->closed_count; i++) {
        exact &= !cull__bit_get(commit->scratch, commit->closed[i]);
        cull__bit_clear(commit->scratch, commit->closed[i]);
    }
    for (size_t i = 0; i < commit->opened_count; i++) {
        cull__bit_clear(commit->scratch, commit->opened[i]);
    }
    return exact;
}

static cull_status commit_make_group(struct commit *commit, const struct cull__lifespans *spans)
{
    const struct cull__run *run = spans->runs;
    cull_status status;

    while (commit->at[0] >= run->end) {
        run++;
    }
    status = cull__group_new(&commit->group, (uint32_t)commit->closed_count, run->born,
                             cull__lifespans_versions(spans), spans->allocator);
    for (size_t i = 0; status == CULL_OK && i < commit->closed_count; i++) {
        while (commit->at[i] >= run->end) {
            run++;
        }
        cull__group_put(&commit->group, (uint32_t)i, spans->open.at[commit->at[i]], run->born);
    }
    if (status == CULL_OK) {
        commit->group.sum = cull__held_sum(commit->closed, commit->closed_count);
    }
    return status;
}

/* Room for everything that the commit adds. Growing the bits by the new ordinal comes last. */
static cull_status commit_make_room(struct commit *commit, struct cull__lifespans *spans)
{
    void *groups = spans->groups;
    void *runs = spans->runs;
    cull_status status = CULL_OK;

    if (commit->opened_count > commit->closed_count) {
        status = cull__u32s_reserve(&spans->open, commit->opened_count - commit->closed_count);
    }
    if (status == CULL_OK) {
        status = cull__reserve(spans->allocator, &runs, &spans->run_capacity, spans->run_count + 1,
                               sizeof(*spans->runs));
        spans->runs = (struct cull__run *)runs;
    }
    if (status == CULL_OK && commit->closed_count > 0) {
        status = cull__reserve(spans->allocator, &groups, &spans->group_capacity,
                               spans->group_count + 1, sizeof(*spans->groups));
        spans->groups = (struct cull__group *)groups;
    }
    if (status == CULL_OK && commit->closed_count > 0) {
        status = commit_make_group(commit, spans);
    }
    if (status == CULL_OK) {
        status = cull__bits_resize(&spans->retained, spans->retained.count + 1);
    }
    return status;
}

/* Take the closed rows out of the open ones; what lies between them moves as a whole. */
static void open_remove(struct cull__lifespans *spans, const uint32_t *at, size_t count)
{
    uint32_t *rows = spans->open.at;
    size_t to = count > 0 ? at[0] : spans->open.count;
    size_t gone = 0;
    size_t kept_runs = 0;

    for (size_t i = 0; i < count; i++) {
        size_t next = i + 1 < count ? at[i + 1] : spans->open.count;
        size_t len = next - at[i] - 1;

        memmove(rows + to, rows + at[i] + 1, len * sizeof(*rows));
        to += len;
    }
    spans->open.count = to;
    for (size_t i = 0; i < spans->run_count; i++) {
        struct cull__run run = spans->runs[i];

        while (gone < count && at[gone] < run.end) {
            gone++;
        }
        run.end -= (uint32_t)gone;
        if (run.end > (kept_runs > 0 ? spans->runs[kept_runs - 1].end : 0)) {
            spans->runs[kept_runs++] = run;
        }
    }
    spans->run_count = kept_runs;
}

static void commit_apply(const struct commit *commit, struct cull__lifespans *spans,
                         uint32_t ordinal)
{
    uint64_t run_sum;

    if (commit->closed_count > 0) {
        open_remove(spans, commit->at, commit->closed_count);
        spans->open_sum -= commit->group.sum;
        spans->groups[spans->group_count++] = commit->group;
        spans->closed_alive += commit->closed_count;
        cull__lifespans_touch(spans, &spans->groups[spans->group_count - 1]);
        spans->open_changed = true;
    }
    if (commit->opened_count > 0) {
        struct cull__run run = { ordinal, 0 };

        memcpy(spans->open.at + spans->open.count, commit->opened,
               commit->opened_count * sizeof(*commit->opened));
        spans->open.count += commit->opened_count;
        run.end = (uint32_t)spans->open.count;
        spans->runs[spans->run_count++] = run;
        run_sum = cull__held_sum(commit->opened, commit->opened_count);
        spans->open_sum += run_sum;
        spans->sum += run_sum;
        spans->open_changed = true;
    }
    spans->blob_limit = commit->blob_limit;
    cull__bit_set(spans->retained.words, ordinal);
    spans->retained_count++;
}

cull_status cull__lifespans_commit(struct cull__lifespans *spans, const uint32_t *closed,
                                   size_t closed_count, const uint32_t *opened, size_t opened_count,
                                   uint64_t *scratch, size_t scratch_bits)
{
    struct commit commit = { .closed = closed,
                             .closed_count = closed_count,
                             .opened = opened,
                             .opened_count = opened_count,
                             .scratch = scratch,
                             .scratch_bits = scratch_bits,
                             .blob_limit = spans->blob_limit };
    uint32_t ordinal = cull__lifespans_versions(spans);
    cull_status status;

    if (ordinal >= CULL__ORDINALS_MAX || closed_count > spans->open.count) {
        return CULL_E_CORRUPT;
    }
    if (closed_count > 0) {
        commit.at = cull__alloc(spans->allocator, closed_count, sizeof(*commit.at));
        if (commit.at == NULL) {
            return CULL_E_NOMEM;
        }
    }
    if (closed_count + opened_count > 0 &&
        (!commit_set_bits(&commit) || !commit_find_rows(&commit, &spans->open))) {
        status = CULL_E_CORRUPT;
        goto done;
    }
    status = commit_make_room(&commit, spans);
    if (status != CULL_OK) {
        cull__group_release(&commit.group, spans->allocator);
        goto done;
    }
    commit_apply(&commit, spans, ordinal);
done:
    cull__free(spans->allocator, commit.at);
    return status;
}

/* --- reading --------------------------------------------------------------------------------- */

/* Sort what was appended; an empty list may have no array. */
static void sort_from(struct cull__u32s *list, size_t from)
{
    if (list->count > from) {
        cull__u32_sort(list->at + from, list->count - from);
    }
}

cull_status cull__lifespans_diff(const struct cull__lifespans *spans, uint64_t *members,
                                 size_t bits, const uint32_t *blobs, size_t blob_count,
                                 struct cull__u32s *closed, struct cull__u32s *opened)
{
    size_t closed_before = closed->count;
    size_t opened_before = opened->count;
    size_t found = 0;
    cull_status status = CULL_OK;

    /* A bit that stays set belongs to a member that is not open. */
    for (size_t row = 0; status == CULL_OK && row < spans->open.count; row++) {
        uint32_t blob = spans->open.at[row];

        if (CULL_LIKELY(blob < bits && cull__bit_get(members, blob))) {
            cull__bit_clear(members, blob);
            found++;
        } else {
            status = cull__u32s_push(closed, blob);
        }
    }
    if (status == CULL_OK && found < blob_count) {
        status = cull__u32s_reserve(opened, blob_count - found);
    }
    for (size_t i = 0; status == CULL_OK && found < blob_count && i < blob_count; i++) {
        if (cull__bit_get(members, blobs[i])) {
            cull__bit_clear(members, blobs[i]);
            status = cull__u32s_push(opened, blobs[i]);
            found++;
        }
    }
    if (status != CULL_OK) {
        for (size_t i = 0; i < blob_count; i++) {
            cull__bit_clear(members, blobs[i]);
        }
        closed->count = closed_before;
        opened->count = opened_before;
        return status;
    }
    sort_from(closed, closed_before);
    sort_from(opened, opened_before);
    return CULL_OK;
}

static cull_status append(struct cull__u32s *out, const uint32_t *at, size_t count)
{
    cull_status status = cull__u32s_reserve(out, count);

    if (status == CULL_OK && count > 0) {
        memcpy(out->at + out->count, at, count * sizeof(*at));
        out->count += count;
    }
    return status;
}

cull_status cull__lifespans_members(const struct cull__lifespans *spans, uint32_t ordinal,
                                    struct cull__u32s *out)
{
    size_t before = out->count;
    cull_status status;

    if (!cull__lifespans_retained(spans, ordinal)) {
        return CULL_E_CORRUPT;
    }
    status = append(out, spans->open.at, cull__lifespans_open_before(spans, ordinal + 1));
    for (size_t i = cull__lifespans_group_from(spans, ordinal + 1);
         status == CULL_OK && i < spans->group_count; i++) {
        const struct cull__group *group = &spans->groups[i];
        uint32_t last_born;

        if (group->alive > 0) {
            status =
                append(out, group->rows, cull__group_alive_before(group, ordinal + 1, &last_born));
        }
    }
    if (status != CULL_OK) {
        out->count = before;
    }
    return status;
}

cull_status cull__lifespans_of_blob(const struct cull__lifespans *spans, uint32_t blob,
                                    cull_status (*visit)(void *ctx, uint32_t born, uint32_t died),
                                    void *ctx)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; i < spans->group_count; i++) {
        const struct cull__group *group = &spans->groups[i];

        for (uint32_t row = 0; row < group->alive; row++) {
            if (group->rows[row] == blob) {
                struct cull__births births = cull__births(group);
                uint32_t born = cull__births_next(&births);

                for (uint32_t to = 0; to < row; to++) {
                    born = cull__births_next(&births);
                }
                status = visit(ctx, born, group->died);
            }
            if (status != CULL_OK) {
                return status;
            }
        }
    }
    for (size_t run = 0, row = 0; run < spans->run_count; run++) {
        for (; row < spans->runs[run].end; row++) {
            if (spans->open.at[row] == blob) {
                return visit(ctx, spans->runs[run].born, CULL__ORDINAL_NONE);
            }
        }
    }
    return CULL_OK;
}

/* --- validity -------------------------------------------------------------------------------- */

static const char *open_broken(const struct cull__lifespans *spans)
{
    uint32_t versions = cull__lifespans_versions(spans);
    uint32_t newest = cull__bits_previous(spans->retained.words, 0, versions);
    uint32_t end = 0;

    for (size_t i = 0; i < spans->run_count; i++) {
        if (spans->runs[i].end <= end) {
            return "a run of births is empty or out of order";
        }
        if (i > 0 && spans->runs[i].born <= spans->runs[i - 1].born) {
            return "open lifespans are not in order of birth";
        }
        end = spans->runs[i].end;
    }
    if (end != spans->open.count) {
        return "runs of births do not end with the open lifespans";
    }
    if (end > 0 &&
        (newest == CULL__ORDINAL_NONE || spans->runs[spans->run_count - 1].born > newest)) {
        return "an open lifespan is dead";
    }
    for (size_t i = 0; i < spans->open.count; i++) {
        if (spans->open.at[i] >= spans->blob_limit) {
            return "an open lifespan's blob is out of range";
        }
    }
    if (cull__held_sum(spans->open.at, spans->open.count) != spans->open_sum) {
        return "the sum of the open lifespans is wrong";
    }
    return NULL;
}

static const char *group_broken(const struct cull__lifespans *spans,
                                const struct cull__group *group)
{
    uint32_t last = cull__bits_previous(spans->retained.words, 0, group->died);
    uint32_t below = last == CULL__ORDINAL_NONE ? 0 : last + 1;
    struct cull__births births;
    uint32_t born = 0;

    if (group->rows == NULL) {
        return group->alive == 0 ? NULL : "a group has no rows, but some alive";
    }
    if (group->alive == 0 || group->alive > group->count || group->base >= group->died) {
        return "a group's figures are out of range";
    }
    if (!cull__group_births_valid(group, &born)) {
        return "a group's births do not decode";
    }
    births = cull__births(group);
    for (uint32_t row = 0; row < group->count; row++) {
        uint32_t next = cull__births_next(&births);

        if ((next < below) != (row < group->alive)) {
            return "a group's alive prefix disagrees with the retained ordinals";
        }
        born = row < group->alive ? next : born;
        if (group->rows[row] >= spans->blob_limit) {
            return "a closed lifespan's blob is out of range";
        }
    }
    if (cull__held_sum(group->rows, group->alive) != group->sum) {
        return "a group's sum is wrong";
    }
    return born == group->last_born ? NULL : "a group's last alive birth is wrong";
}

bool cull__lifespans_valid(const struct cull__lifespans *spans, const char **why)
{
    uint64_t alive = 0;
    uint64_t sum = spans->open_sum;
    uint32_t retained = 0;
    size_t empty = 0;

    for (size_t i = 0; i < spans->retained.count; i++) {
        retained += cull__bit_get(spans->retained.words, i);
    }
    *why = open_broken(spans);
    for (size_t i = 0; *why == NULL && i < spans->group_count; i++) {
        const struct cull__group *group = &spans->groups[i];

        if (group->died >= spans->retained.count ||
            (i > 0 && group->died <= spans->groups[i - 1].died)) {
            *why = "groups are not in order of death";
            break;
        }
        *why = group_broken(spans, group);
        alive += group->alive;
        empty += group->rows == NULL;
        sum += group->sum;
    }
    if (*why == NULL && (alive != spans->closed_alive || empty != spans->groups_empty ||
                         sum != spans->sum || retained != spans->retained_count)) {
        *why = "the sums over groups are wrong";
    }
    return *why == NULL;
}
