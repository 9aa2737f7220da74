/*
 * pass.c - every row of a collection looked at again, by several threads, beside its writers.
 *
 * SHAPE     Two phases. Open rows come in blocks; a commit between two pieces moves them, so that the
 *           phase begins again; it fixes the version that the pass is of. Then come the groups that
 *           stood at that version. They stay as they are: commits only add others, and a purge, of
 *           which the caller is told, makes the pass begin anew. Each row that the rule calls alive
 *           adds its held hash to its group's sum, and its digest's to the fingerprints, at born,
 *           and takes it off at died; a prefix sum over ordinals gives all versions at once.
 * INVARIANT What is compared with a kept sum was read while nothing changed it. A worker owns its
 *           fingerprints and its place in a group; the cursors are the only things shared.
 * COST      A hash and a likely cache miss a row, in batches with prefetch.
 * FAILURE   A sum that is not the kept one ends the pass.
 * THREADS   Workers run at once, all under the lock that the caller holds. They come off it
 *           within BLOCK rows of being asked to.
 * WHY NOT   A copy of the open rows to work on in peace: 4 MB for a million files, and page faults for
 *           each; atomics in shared sums: a cache line that all threads write.
 */
#include "index/index_internal.h"

#include <stdatomic.h>

#define BLOCK 4096
#define ROWS_FOR_THREADS 65536 /* fewer are done before a thread has started */

struct worker {
    struct cull__fingerprint *prints; /* one an ordinal */
    uint64_t open_sum;
    bool disagrees;
    bool in_group; /* stopped inside of one: */
    size_t group;
    uint32_t rows; /* of it that the rule calls alive */
    uint32_t row;
    uint64_t sum;
    struct cull__births births;
};

struct cull__pass {
    const cull_allocator *allocator;
    const struct cull__lifespans *spans;
    unsigned count;
    struct worker *workers;
    struct cull__fingerprint *prints;
    uint32_t prints_capacity; /* versions, for each worker */
    uint32_t versions;        /* that the pass is of */
    uint64_t purges;
    bool open_done;
    unsigned turns; /* times that the open rows were begun */
    atomic_size_t open_next;
    atomic_size_t group_next;
};

void cull__pass_free(struct cull__pass *pass)
{
    if (pass != NULL) {
        cull__free(pass->allocator, pass->workers);
        cull__free(pass->allocator, pass->prints);
        cull__free(pass->allocator, pass);
    }
}

/* Begin with the open rows, of the version that the collection has now. */
static void begin_again(struct cull__pass *pass)
{
    pass->versions = cull__lifespans_versions(pass->spans);
    pass->versions =
        pass->versions < pass->prints_capacity ? pass->versions : pass->prints_capacity;
    memset(pass->prints, 0, (size_t)pass->count * pass->prints_capacity * sizeof(*pass->prints));
    for (unsigned i = 0; i < pass->count; i++) {
        pass->workers[i].open_sum = 0;
    }
    atomic_store(&pass->open_next, 0);
    pass->turns++;
}

cull_status cull__pass_begin(struct cull__pass **out, const struct cull__lifespans *spans,
                             unsigned workers, const cull_allocator *allocator)
{
    struct cull__pass *pass = cull__alloc_zero(allocator, 1, sizeof(*pass));
    uint32_t versions = cull__lifespans_versions(spans);

    *out = pass;
    if (pass == NULL) {
        return CULL_E_NOMEM;
    }
    pass->allocator = allocator;
    pass->spans = spans;
    pass->purges = spans->purges;
    pass->count = workers < 1 ? 1 : workers < CULL__PASS_WORKERS ? workers : CULL__PASS_WORKERS;
    pass->prints_capacity = versions + versions / 8 + 64; /* commits may come before they are set */
    pass->workers = cull__alloc_zero(allocator, pass->count, sizeof(*pass->workers));
    pass->prints =
        cull__alloc(allocator, (size_t)pass->count * pass->prints_capacity, sizeof(*pass->prints));
    if (pass->workers == NULL || pass->prints == NULL) {
        cull__pass_free(pass);
        *out = NULL;
        return CULL_E_NOMEM;
    }
    for (unsigned i = 0; i < pass->count; i++) {
        pass->workers[i].prints = pass->prints + (size_t)i * pass->prints_capacity;
    }
    begin_again(pass);
    return CULL_OK;
}

unsigned cull__pass_workers(const struct cull__pass *pass)
{
    const struct cull__lifespans *spans = pass->spans;
    size_t begun = atomic_load(&pass->open_next);
    uint64_t left = pass->open_done || begun >= spans->open.count ? 0 : spans->open.count - begun;

    for (unsigned i = pass->count; i > 1; i--) {
        if (pass->workers[i - 1].in_group) {
            return i;
        }
    }
    for (size_t i = atomic_load(&pass->group_next);
         pass->open_done && i < spans->group_count && left < ROWS_FOR_THREADS; i++) {
        left += spans->groups[i].alive;
    }
    return left < ROWS_FOR_THREADS ? 1 : pass->count;
}

unsigned cull__pass_turns(const struct cull__pass *pass)
{
    return pass->open_done ? 0 : pass->turns;
}

bool cull__pass_resume(struct cull__pass *pass, const struct cull__lifespans *spans)
{
    if (spans != pass->spans || spans->purges != pass->purges) {
        return false;
    }
    if (!pass->open_done && pass->versions != cull__lifespans_versions(spans)) {
        begin_again(pass);
        return pass->versions == cull__lifespans_versions(spans);
    }
    return true;
}

/* Open rows [from, end), of as many runs as they are of. */
static void open_block(struct cull__pass *pass, struct worker *worker,
                       const struct cull__blob_table *table, size_t from, size_t end)
{
    const struct cull__lifespans *spans = pass->spans;
    size_t low = 0;
    size_t high = spans->run_count;

    while (low < high) { /* the run of row from: the first that ends behind it */
        size_t middle = low + (high - low) / 2;

        if (spans->runs[middle].end <= from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; from < end; low++) {
        size_t to = spans->runs[low].end < end ? spans->runs[low].end : end;

        worker->open_sum +=
            cull__fingerprint_rows(worker->prints, table, spans->open.at + from, to - from, NULL,
                                   spans->runs[low].born, CULL__ORDINAL_NONE);
        from = to;
    }
}

/* Take the next group; false: none is left. */
static bool take_group(struct cull__pass *pass, struct worker *worker)
{
    const struct cull__lifespans *spans = pass->spans;
    size_t at = atomic_fetch_add(&pass->group_next, 1);
    const struct cull__group *group;

    if (at >= spans->group_count || spans->groups[at].died >= pass->versions) {
        return false;
    }
    group = &spans->groups[at];
    worker->in_group = true;
    worker->group = at;
    worker->row = worker->rows = 0;
    worker->sum = 0;
    if (group->rows != NULL) {
        worker->rows = cull__group_rows_kept(group, spans->retained.words);
        worker->births = cull__births(group);
    }
    return true;
}

/* A block of the group at hand. */
static void group_block(const struct cull__pass *pass, struct worker *worker,
                        const struct cull__blob_table *table)
{
    const struct cull__group *group = &pass->spans->groups[worker->group];
    uint32_t left = worker->rows - worker->row;
    uint32_t count = left < BLOCK ? left : BLOCK;

    worker->births.group = group; /* commits may have moved the array */
    if (count > 0) {
        worker->sum += cull__fingerprint_rows(worker->prints, table, group->rows + worker->row,
                                              count, &worker->births, 0, group->died);
        worker->row += count;
    }
    if (worker->row == worker->rows) {
        worker->in_group = false;
        worker->disagrees = worker->disagrees || worker->sum != group->sum;
    }
}

enum cull__pass_state cull__pass_run(struct cull__pass *pass, const struct cull__blob_table *table,
                                     unsigned worker, bool (*stop)(void *ctx), void *ctx)
{
    struct worker *at = &pass->workers[worker];

    CULL_ASSERT(worker < pass->count);
    if (pass->spans->blob_limit > table->limit) {
        at->disagrees = true;
    }
    while (!at->disagrees) {
        if (!pass->open_done) {
            size_t from = atomic_fetch_add(&pass->open_next, BLOCK);
            size_t count = pass->spans->open.count;

            if (from >= count) {
                break;
            }
            open_block(pass, at, table, from, count - from < BLOCK ? count : from + BLOCK);
        } else if (at->in_group || take_group(pass, at)) {
            group_block(pass, at, table);
        } else {
            break;
        }
        if (stop != NULL && stop(ctx)) { /* after a block: each piece gets on */
            return CULL__PASS_STOPPED;
        }
    }
    return at->disagrees ? CULL__PASS_DISAGREES : CULL__PASS_DONE;
}

static enum cull__pass_state join_open(struct cull__pass *pass)
{
    uint64_t sum = 0;

    if (atomic_load(&pass->open_next) < pass->spans->open.count) {
        return CULL__PASS_STOPPED;
    }
    for (unsigned i = 0; i < pass->count; i++) {
        sum += pass->workers[i].open_sum;
    }
    pass->open_done = true;
    return sum == pass->spans->open_sum ? CULL__PASS_STOPPED : CULL__PASS_DISAGREES;
}

/* All workers' figures into the first one's, and sums over ordinals. */
static void add_up(struct cull__pass *pass)
{
    struct cull__fingerprint *prints = pass->workers[0].prints;

    for (unsigned w = 1; w < pass->count; w++) {
        for (uint32_t i = 0; i < pass->versions; i++) {
            prints[i].count += pass->workers[w].prints[i].count;
            prints[i].sum += pass->workers[w].prints[i].sum;
        }
    }
    for (uint32_t i = 1; i < pass->versions; i++) {
        prints[i].count += prints[i - 1].count;
        prints[i].sum += prints[i - 1].sum;
    }
}

enum cull__pass_state cull__pass_join(struct cull__pass *pass)
{
    const struct cull__lifespans *spans = pass->spans;
    size_t at = atomic_load(&pass->group_next);

    for (unsigned i = 0; i < pass->count; i++) {
        if (pass->workers[i].disagrees) {
            return CULL__PASS_DISAGREES;
        }
    }
    if (!pass->open_done) {
        return join_open(pass);
    }
    for (unsigned i = 0; i < pass->count; i++) {
        if (pass->workers[i].in_group) {
            return CULL__PASS_STOPPED;
        }
    }
    if (at < spans->group_count && spans->groups[at].died < pass->versions) {
        return CULL__PASS_STOPPED;
    }
    add_up(pass);
    return CULL__PASS_DONE;
}

const struct cull__fingerprint *cull__pass_end(const struct cull__pass *pass,
                                               struct cull__lifespans *spans, uint32_t *versions)
{
    size_t kept = 0;

    for (size_t i = 0; i < spans->changed.count; i++) {
        uint32_t died = spans->changed.at[i];
        size_t at = cull__lifespans_group_from(spans, died);

        if (died >= pass->versions) { /* a commit has come since */
            spans->changed.at[kept++] = died;
        } else if (at < spans->group_count && spans->groups[at].died == died) {
            spans->groups[at].changed = false;
        }
    }
    spans->changed.count = kept;
    spans->open_changed = spans->open_changed && pass->versions < cull__lifespans_versions(spans);
    *versions = pass->versions;
    return pass->workers[0].prints;
}
