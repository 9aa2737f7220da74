/*
 * lifespan_save.c - a collection's lifespans to bytes and back.
 *
 * SHAPE     varint versions; retained bits, a byte for eight; varint open rows, varint runs, each
 *           run as varint born less the run's before, varint length; varint groups, each as varint
 *           died less the group's before, varint alive rows, varint died less base; then, for
 *           the open rows and for each group in turn, blob numbers (4 bytes each, little-endian)
 *           and, for groups, the words of their births as group.c lays them out.
 * INVARIANT Dead rows, empty groups and room to spare are not written: what is written depends on
 *           the state alone, and loading and saving again gives the same bytes.
 * COST      Copies; loading also decodes each birth once and looks at each blob number.
 * FAILURE   Load checks all that cull__lifespans_valid does, so every input is refused or valid.
 *           That a blob's lifespans do not overlap is not seen here: counts and fingerprints are
 *           there to show it, and a commit that meets it is CULL_E_CORRUPT.
 * THREADS   Pure.
 */
#include "index/index_internal.h"

static void save_retained(const struct cull__lifespans *spans, struct cull__buf *out)
{
    size_t bytes = (spans->retained.count + 7) / 8;

    for (size_t i = 0; i < bytes; i++) {
        cull__buf_u8(out, (uint8_t)(spans->retained.words[i / 8] >> (8 * (i % 8))));
    }
}

static void save_directory(const struct cull__lifespans *spans, struct cull__buf *out)
{
    uint32_t before = 0;
    uint32_t end = 0;

    cull__buf_varint(out, spans->open.count);
    cull__buf_varint(out, spans->run_count);
    for (size_t i = 0; i < spans->run_count; i++) {
        cull__buf_varint(out, spans->runs[i].born - before);
        cull__buf_varint(out, spans->runs[i].end - end);
        before = spans->runs[i].born;
        end = spans->runs[i].end;
    }
    cull__buf_varint(out, spans->group_count - spans->groups_empty);
    before = 0;
    for (size_t i = 0; i < spans->group_count; i++) {
        const struct cull__group *group = &spans->groups[i];

        if (group->alive > 0) {
            cull__buf_varint(out, group->died - before);
            cull__buf_varint(out, group->alive);
            cull__buf_varint(out, group->died - group->base);
            before = group->died;
        }
    }
}

static cull_status save_group(const struct cull__lifespans *spans, const struct cull__group *group,
                              struct cull__buf *out)
{
    struct cull__births births = cull__births(group);
    struct cull__group alive;
    cull_status status;

    if (group->alive == group->count) {
        cull__buf_u32s(out, group->rows, group->count + cull__group_birth_words(group));
        return CULL_OK;
    }
    status = cull__group_new(&alive, group->alive, group->base, group->died, spans->allocator);
    if (status != CULL_OK) {
        return status;
    }
    for (uint32_t row = 0; row < group->alive; row++) {
        cull__group_put(&alive, row, group->rows[row], cull__births_next(&births));
    }
    cull__buf_u32s(out, alive.rows, alive.count + cull__group_birth_words(&alive));
    cull__group_release(&alive, spans->allocator);
    return CULL_OK;
}

cull_status cull__lifespans_save(const struct cull__lifespans *spans, struct cull__buf *out)
{
    size_t before = out->len;
    cull_status status = CULL_OK;

    cull__buf_varint(out, spans->retained.count);
    save_retained(spans, out);
    save_directory(spans, out);
    cull__buf_u32s(out, spans->open.at, spans->open.count);
    for (size_t i = 0; status == CULL_OK && i < spans->group_count; i++) {
        if (spans->groups[i].alive > 0) {
            status = save_group(spans, &spans->groups[i], out);
        }
    }
    if (status == CULL_OK && out->failed) {
        status = CULL_E_NOMEM;
    }
    if (status != CULL_OK) {
        out->len = before;
    }
    return status;
}

/* --- load ------------------------------------------------------------------------------------ */

static cull_status load_retained(struct cull__lifespans *spans, struct cull__cursor *in)
{
    uint64_t versions = cull__cursor_varint_max(in, CULL__ORDINALS_MAX);
    const uint8_t *bytes = cull__cursor_take(in, (size_t)((versions + 7) / 8));

    if (bytes == NULL || (versions % 8 != 0 && bytes[versions / 8] >> (versions % 8) != 0)) {
        return CULL_E_CORRUPT;
    }
    if (cull__bits_resize(&spans->retained, (size_t)versions) != CULL_OK) {
        return CULL_E_NOMEM;
    }
    for (size_t i = 0; i < (versions + 7) / 8; i++) {
        spans->retained.words[i / 8] |= (uint64_t)bytes[i] << (8 * (i % 8));
    }
    for (size_t i = 0; i < versions; i++) {
        spans->retained_count += cull__bit_get(spans->retained.words, i);
    }
    return CULL_OK;
}

/* Runs as they are written; *open: the rows that they must add up to. */
static cull_status load_runs(struct cull__lifespans *spans, struct cull__cursor *in, size_t *open)
{
    uint32_t newest =
        cull__bits_previous(spans->retained.words, 0, cull__lifespans_versions(spans));
    uint64_t born = 0;
    uint64_t end = 0;

    *open = cull__cursor_count(in, 4, CULL__BLOBS_MAX);
    spans->run_count = cull__cursor_count(in, 2, *open);
    if (in->failed || (spans->run_count > 0 && newest == CULL__ORDINAL_NONE)) {
        return CULL_E_CORRUPT;
    }
    spans->runs = cull__alloc(spans->allocator, spans->run_count, sizeof(*spans->runs));
    if (spans->runs == NULL) {
        return CULL_E_NOMEM;
    }
    spans->run_capacity = spans->run_count;
    for (size_t i = 0; i < spans->run_count; i++) {
        uint64_t step = cull__cursor_varint_max(in, newest);
        uint64_t rows = cull__cursor_varint_max(in, *open);

        born += step;
        end += rows;
        if (in->failed || (i > 0 && step == 0) || born > newest || rows == 0 || end > *open) {
            return CULL_E_CORRUPT;
        }
        spans->runs[i].born = (uint32_t)born;
        spans->runs[i].end = (uint32_t)end;
    }
    return end == *open ? CULL_OK : CULL_E_CORRUPT;
}

static cull_status load_groups(struct cull__lifespans *spans, struct cull__cursor *in)
{
    size_t count = cull__cursor_count(in, 7, UINT32_MAX);
    uint64_t versions = spans->retained.count;
    uint64_t died = 0;

    if (in->failed) {
        return CULL_E_CORRUPT;
    }
    spans->groups = cull__alloc_zero(spans->allocator, count, sizeof(*spans->groups));
    if (spans->groups == NULL) {
        return CULL_E_NOMEM;
    }
    spans->group_capacity = count;
    for (size_t i = 0; i < count; i++) {
        uint64_t step = cull__cursor_varint_max(in, versions);
        uint64_t alive = cull__cursor_count(in, 4, CULL__BLOBS_MAX);
        uint64_t range = cull__cursor_varint_max(in, versions);

        died += step;
        if (in->failed || step == 0 || died >= versions || alive == 0 || range == 0 ||
            range > died) {
            return CULL_E_CORRUPT;
        }
        spans->groups[i].died = (uint32_t)died;
        spans->groups[i].count = (uint32_t)alive;
        spans->groups[i].base = (uint32_t)(died - range);
    }
    spans->group_count = count;
    return CULL_OK;
}

static bool below_limit(const uint32_t *blobs, size_t count, uint32_t limit)
{
    uint32_t greatest = 0;

    for (size_t i = 0; i < count; i++) {
        greatest = blobs[i] > greatest ? blobs[i] : greatest;
    }
    return count == 0 || greatest < limit;
}

static cull_status load_group_rows(struct cull__lifespans *spans, struct cull__group *group,
                                   struct cull__cursor *in)
{
    uint32_t last = cull__bits_previous(spans->retained.words, group->base, group->died);
    struct cull__group loaded;
    const uint8_t *bytes;
    size_t words;

    if (cull__cursor_left(in) / 4 < group->count) { /* before memory is asked for */
        return CULL_E_CORRUPT;
    }
    if (cull__group_new(&loaded, group->count, group->base, group->died, spans->allocator) !=
        CULL_OK) {
        return CULL_E_NOMEM;
    }
    *group = loaded;
    words = group->count + cull__group_birth_words(group);
    bytes = cull__cursor_take(in, 4 * words);
    if (bytes == NULL) {
        return CULL_E_CORRUPT;
    }
    cull__u32s_decode(group->rows, bytes, words);
    if (!below_limit(group->rows, group->count, spans->blob_limit) ||
        !cull__group_births_valid(group, &group->last_born) || last == CULL__ORDINAL_NONE ||
        group->last_born > last) {
        return CULL_E_CORRUPT;
    }
    spans->closed_alive += group->alive;
    group->sum = cull__held_sum(group->rows, group->alive);
    spans->sum += group->sum;
    return CULL_OK;
}

static cull_status load_all(struct cull__lifespans *spans, struct cull__cursor *in)
{
    const uint8_t *bytes;
    size_t open = 0;
    cull_status status = load_retained(spans, in);

    if (status == CULL_OK) {
        status = load_runs(spans, in, &open);
    }
    if (status == CULL_OK) {
        status = load_groups(spans, in);
    }
    if (status != CULL_OK) {
        return status;
    }
    bytes = cull__cursor_take(in, 4 * open);
    if (bytes == NULL) {
        return CULL_E_CORRUPT;
    }
    if (cull__u32s_reserve(&spans->open, open) != CULL_OK) {
        return CULL_E_NOMEM;
    }
    cull__u32s_decode(spans->open.at, bytes, open);
    spans->open.count = open;
    spans->sum = spans->open_sum = cull__held_sum(spans->open.at, open);
    if (!below_limit(spans->open.at, open, spans->blob_limit)) {
        return CULL_E_CORRUPT;
    }
    for (size_t i = 0; status == CULL_OK && i < spans->group_count; i++) {
        status = load_group_rows(spans, &spans->groups[i], in);
    }
    return status;
}

cull_status cull__lifespans_load(struct cull__lifespans **out, struct cull__cursor *in,
                                 uint32_t blob_limit, const cull_allocator *allocator)
{
    struct cull__lifespans *spans = NULL;
    cull_status status = cull__lifespans_new(&spans, allocator);

    *out = NULL;
    if (status != CULL_OK) {
        return status;
    }
    spans->blob_limit = blob_limit;
    status = load_all(spans, in);
    if (status != CULL_OK) {
        cull__lifespans_free(spans);
        in->failed = in->failed || status == CULL_E_CORRUPT;
        return status;
    }
    *out = spans;
    return CULL_OK;
}
