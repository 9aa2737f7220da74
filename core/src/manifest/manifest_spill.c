/*
 * manifest_spill.c - a manifest that is larger than memory: its entries in a file, read in order.
 *
 * SHAPE     Rows are written in blocks of about 64 KiB, a block's place and first row are kept in
 *           memory. Two windows hold the blocks that were looked at last, so that a row and its
 *           neighbour, or one each of two lists being merged, can be held against each other.
 *           What is added comes in runs, each sorted in memory; runs that do not follow each other
 *           in order are merged once into a second file, by a heap of their heads.
 * INVARIANT Finished: rows ascend over all blocks, no path stands twice.
 * COST      Memory: 24 bytes a block (0.03 bytes an entry), two windows; while merging a window of
 *           82 KiB for each run of 16 MiB. One write and one read of everything, twice if merged.
 * FAILURE   A file that cannot be written fails the call. One that cannot be read makes rows
 *           empty, and a status that stays; who used the rows asks for it before acting on them.
 * THREADS   One at a time: looking at a row moves a window.
 * WHY NOT   mmap: a file cut short, or a full disk behind it, is then a signal instead of a status,
 *           and what is resident is not ours to bound.
 */
#include "manifest/manifest_spill.h"

#include <errno.h>
#include <unistd.h>

#define BLOCK_BYTES ((size_t)64 * 1024)
#define NO_BLOCK SIZE_MAX

/* In front of each row's path, NUL and tail. */
struct record {
    uint64_t size_bytes;
    uint64_t place;
    uint32_t tail_len;
    uint16_t path_len;
    uint8_t kind;
    uint8_t members;
};

static_assert(sizeof(struct record) == 24, "records are packed without holes");

struct block {
    uint64_t at;
    uint64_t first; /* row */
    uint32_t bytes;
    uint32_t count;
};

struct window {
    size_t block; /* NO_BLOCK: empty */
    uint64_t first;
    size_t count;
    struct cull__manifest_row *rows; /* at: into bytes */
    uint64_t *places;
    size_t capacity;
    struct cull__buf bytes;
};

/* Blocks in a file. */
struct store {
    const cull_allocator *allocator;
    int fd;
    uint64_t end;
    struct block *blocks;
    size_t block_count;
    size_t block_capacity;
    uint64_t count; /* rows, those of the open block with them */
    struct cull__buf open;
    uint32_t open_count;
};

struct cull__spill {
    const cull_scratch *scratch;
    struct store store;
    size_t *runs; /* first block of each */
    size_t run_count;
    size_t run_capacity;
    bool run_is_open;
    bool ascends; /* over all runs */
    size_t last_len;
    char last[CULL_PATH_BYTES_MAX + 1];
    struct window windows[2];
    unsigned latest; /* the window that was used last */
    cull_status status;
    cull_error error;
};

/* --- the file --------------------------------------------------------------------------------- */

cull_status cull__scratch_write(int fd, const void *data, size_t len, uint64_t at, cull_error *err)
{
    const uint8_t *from = data;

    while (len > 0) {
        ssize_t put = pwrite(fd, from, len, (off_t)at);

        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return cull__error_errno(err, errno, "scratch file");
        }
        from += put;
        len -= (size_t)put;
        at += (uint64_t)put;
    }
    return CULL_OK;
}

cull_status cull__scratch_read(int fd, void *data, size_t len, uint64_t at, cull_error *err)
{
    uint8_t *to = data;

    while (len > 0) {
        ssize_t got = pread(fd, to, len, (off_t)at);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return cull__error_errno(err, errno, "scratch file");
        }
        if (got == 0) {
            return cull__error_set(err, CULL_E_IO, "scratch file: shorter than it was written");
        }
        to += got;
        len -= (size_t)got;
        at += (uint64_t)got;
    }
    return CULL_OK;
}

static cull_status store_init(struct store *store, const cull_scratch *scratch,
                              const cull_allocator *allocator, cull_error *err)
{
    *store = (struct store){ .allocator = allocator, .fd = -1, .open = CULL__BUF_INIT(allocator) };
    return scratch->open(scratch->ctx, &store->fd, err);
}

static void store_release(struct store *store)
{
    if (store->fd >= 0) {
        (void)close(store->fd);
    }
    cull__free(store->allocator, store->blocks);
    cull__buf_release(&store->open);
    *store = (struct store){ .allocator = store->allocator, .fd = -1 };
}

static cull_status store_flush(struct store *store, cull_error *err)
{
    void *blocks = store->blocks;
    cull_status status;

    if (store->open_count == 0) {
        return CULL_OK;
    }
    status = cull__reserve(store->allocator, &blocks, &store->block_capacity,
                           store->block_count + 1, sizeof *store->blocks);
    store->blocks = blocks;
    if (status != CULL_OK) {
        return cull__error_nomem(err);
    }
    status = cull__scratch_write(store->fd, store->open.data, store->open.len, store->end, err);
    if (status == CULL_OK) {
        store->blocks[store->block_count++] =
            (struct block){ store->end, store->count - store->open_count, (uint32_t)store->open.len,
                            store->open_count };
        store->end += store->open.len;
        store->open_count = 0;
        cull__buf_clear(&store->open);
    }
    return status;
}

static cull_status store_add(struct store *store, const struct cull__manifest_row *row,
                             const uint8_t *strings, size_t tail_len, uint64_t place,
                             cull_error *err)
{
    struct record record = { row->size_bytes, place,     (uint32_t)tail_len,
                             row->path_len,   row->kind, row->members };
    size_t len = (size_t)row->path_len + 1 + tail_len;
    uint8_t *room = cull__buf_room(&store->open, sizeof record + len);

    if (room == NULL) {
        return cull__error_nomem(err);
    }
    memcpy(room, &record, sizeof record);
    memcpy(room + sizeof record, strings + row->at, len);
    store->open.len += sizeof record + len;
    store->open_count++;
    store->count++;
    return store->open.len < BLOCK_BYTES ? CULL_OK : store_flush(store, err);
}

/* --- windows ---------------------------------------------------------------------------------- */

static void window_init(struct window *window, const cull_allocator *allocator)
{
    *window = (struct window){ .block = NO_BLOCK, .bytes = CULL__BUF_INIT(allocator) };
}

static void window_release(struct window *window, const cull_allocator *allocator)
{
    cull__buf_release(&window->bytes);
    cull__free(allocator, window->rows);
    cull__free(allocator, window->places);
}

static cull_status window_reserve(struct window *window, const struct store *store,
                                  const struct block *block)
{
    void *rows = window->rows;
    void *places = window->places;
    size_t capacity = window->capacity;
    cull_status status =
        cull__reserve(store->allocator, &rows, &capacity, block->count, sizeof *window->rows);

    window->rows = rows;
    if (status == CULL_OK && capacity != window->capacity) {
        places = cull__realloc(store->allocator, places, capacity, sizeof *window->places);
        status = places == NULL ? CULL_E_NOMEM : CULL_OK;
    }
    if (status == CULL_OK) {
        window->places = places;
        window->capacity = capacity;
        cull__buf_clear(&window->bytes);
        status = cull__buf_room(&window->bytes, block->bytes) == NULL ? CULL_E_NOMEM : CULL_OK;
    }
    return status;
}

/* The rows of a block whose bytes are there; false: it is not what was written. */
static bool window_index(struct window *window, const struct block *block)
{
    size_t at = 0;

    for (uint32_t i = 0; i < block->count; i++) {
        struct record record;

        if (window->bytes.len - at < sizeof record) {
            return false;
        }
        memcpy(&record, window->bytes.data + at, sizeof record);
        at += sizeof record;
        if (window->bytes.len - at < (size_t)record.path_len + 1 + record.tail_len) {
            return false;
        }
        window->rows[i] = (struct cull__manifest_row){ .size_bytes = record.size_bytes,
                                                       .at = at,
                                                       .path_len = record.path_len,
                                                       .kind = record.kind,
                                                       .members = record.members };
        window->places[i] = record.place;
        at += (size_t)record.path_len + 1 + record.tail_len;
    }
    return at == window->bytes.len;
}

static cull_status window_load(struct window *window, const struct store *store, size_t number,
                               cull_error *err)
{
    const struct block *block = &store->blocks[number];
    cull_status status;

    window->block = NO_BLOCK;
    window->count = 0;
    if (window_reserve(window, store, block) != CULL_OK) {
        return cull__error_nomem(err);
    }
    status = cull__scratch_read(store->fd, window->bytes.data, block->bytes, block->at, err);
    if (status == CULL_OK) {
        window->bytes.len = block->bytes;
        status = window_index(window, block)
                     ? CULL_OK
                     : cull__error_set(err, CULL_E_IO, "scratch file: not what was written there");
    }
    if (status == CULL_OK) {
        window->block = number;
        window->first = block->first;
        window->count = block->count;
    }
    return status;
}

static bool window_has(const struct window *window, uint64_t row)
{
    return row - window->first < window->count; /* below first: wraps to more than count */
}

/* The block that holds a row. */
static size_t block_of(const struct store *store, uint64_t row)
{
    size_t low = 0;
    size_t high = store->block_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (store->blocks[middle].first <= row) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

struct cull__row_ref cull__spill_row(struct cull__spill *spill, size_t i)
{
    /* a blob without a path: NUL, and zeros for its digest */
    static const struct cull__manifest_row empty = { .size_bytes = 0, .kind = CULL_ENTRY_BLOB };
    static const uint8_t nothing[1 + sizeof(cull_digest)] = { 0 };
    struct window *window = &spill->windows[spill->latest];

    CULL_ASSERT(i < spill->store.count);
    if (!window_has(window, i)) {
        cull_error err = { CULL_OK, "" };
        cull_status status = CULL_OK;

        spill->latest ^= 1U;
        window = &spill->windows[spill->latest];
        if (!window_has(window, i)) {
            status = window_load(window, &spill->store, block_of(&spill->store, i), &err);
        }
        if (status != CULL_OK) {
            if (spill->status == CULL_OK) {
                spill->status = status;
                spill->error = err;
            }
            return (struct cull__row_ref){ &empty, nothing };
        }
    }
    return (struct cull__row_ref){ &window->rows[i - window->first], window->bytes.data };
}

cull_status cull__spill_status(const struct cull__spill *spill, cull_error *err)
{
    if (spill->status != CULL_OK && err != NULL) {
        *err = spill->error;
    }
    return spill->status;
}

/* --- adding ----------------------------------------------------------------------------------- */

cull_status cull__spill_new(struct cull__spill **out, const cull_scratch *scratch,
                            const cull_allocator *allocator, cull_error *err)
{
    struct cull__spill *spill = cull__alloc_zero(allocator, 1, sizeof *spill);
    cull_status status;

    *out = NULL;
    if (spill == NULL) {
        return cull__error_nomem(err);
    }
    spill->scratch = scratch;
    spill->ascends = true;
    window_init(&spill->windows[0], allocator);
    window_init(&spill->windows[1], allocator);
    status = store_init(&spill->store, scratch, allocator, err);
    if (status != CULL_OK) {
        cull__spill_free(spill);
        return status;
    }
    *out = spill;
    return CULL_OK;
}

void cull__spill_free(struct cull__spill *spill)
{
    if (spill != NULL) {
        const cull_allocator *allocator = spill->store.allocator;

        store_release(&spill->store);
        window_release(&spill->windows[0], allocator);
        window_release(&spill->windows[1], allocator);
        cull__free(allocator, spill->runs);
        cull__free(allocator, spill);
    }
}

static cull_status run_begin(struct cull__spill *spill, cull_error *err)
{
    void *runs = spill->runs;
    cull_status status = cull__reserve(spill->store.allocator, &runs, &spill->run_capacity,
                                       spill->run_count + 1, sizeof *spill->runs);

    spill->runs = runs;
    if (status != CULL_OK) {
        return cull__error_nomem(err);
    }
    spill->runs[spill->run_count++] = spill->store.block_count;
    spill->run_is_open = true;
    return CULL_OK;
}

/* Whether the path stands behind the one before it; keeps it. */
static bool path_ascends(struct cull__spill *spill, const uint8_t *path, size_t len)
{
    size_t both = len < spill->last_len ? len : spill->last_len;
    int order = memcmp(spill->last, path, both);
    bool ascends = order != 0 ? order < 0 : spill->last_len < len;

    memcpy(spill->last, path, len);
    spill->last_len = len;
    return ascends;
}

/* A run that was written in part is never gone on with. */
static cull_status fail_for_good(struct cull__spill *spill, cull_status status,
                                 const cull_error *reason, cull_error *err)
{
    if (status != CULL_OK && spill->status == CULL_OK) {
        spill->status = status;
        spill->error = *reason;
    }
    return cull__spill_status(spill, err);
}

cull_status cull__spill_add(struct cull__spill *spill, const struct cull__manifest_row *row,
                            const uint8_t *strings, size_t tail_len, uint64_t place,
                            cull_error *err)
{
    cull_error reason; /* filled on failure only */
    cull_status status = spill->status;

    reason.message[0] = '\0';
    if (status == CULL_OK && !spill->run_is_open) {
        status = run_begin(spill, &reason);
    }
    if (status == CULL_OK) {
        /* no path is empty, so the first one stands behind none */
        spill->ascends = path_ascends(spill, strings + row->at, row->path_len) && spill->ascends;
        status = store_add(&spill->store, row, strings, tail_len, place, &reason);
    }
    return CULL_LIKELY(status == CULL_OK) ? CULL_OK : fail_for_good(spill, status, &reason, err);
}

cull_status cull__spill_end_run(struct cull__spill *spill, cull_error *err)
{
    cull_error reason = { CULL_OK, "" };
    cull_status status = spill->status;

    spill->run_is_open = false;
    if (status == CULL_OK) {
        status = store_flush(&spill->store, &reason);
    }
    return fail_for_good(spill, status, &reason, err);
}

/* --- merging ---------------------------------------------------------------------------------- */

/* One run's next row. */
struct head {
    struct window window;
    size_t row;
    size_t block;
    size_t end; /* behind the run's last block */
};

struct merge {
    const struct store *from;
    struct head *heads;
    size_t *heap; /* heads by path, then by place */
    size_t heap_count;
    size_t head_count;
};

static bool head_before(const struct merge *merge, size_t a, size_t b)
{
    const struct window *left = &merge->heads[a].window;
    const struct window *right = &merge->heads[b].window;
    const struct cull__manifest_row *one = &left->rows[merge->heads[a].row];
    const struct cull__manifest_row *other = &right->rows[merge->heads[b].row];
    size_t both = one->path_len < other->path_len ? one->path_len : other->path_len;
    int order = memcmp(left->bytes.data + one->at, right->bytes.data + other->at, both);

    if (order == 0) {
        order = (one->path_len > other->path_len) - (one->path_len < other->path_len);
    }
    return order != 0 ? order < 0
                      : left->places[merge->heads[a].row] < right->places[merge->heads[b].row];
}

static void heap_sink(struct merge *merge, size_t at)
{
    for (;;) {
        size_t least = at;

        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < merge->heap_count; child++) {
            if (head_before(merge, merge->heap[child], merge->heap[least])) {
                least = child;
            }
        }
        if (least == at) {
            return;
        }
        {
            size_t moved = merge->heap[at];

            merge->heap[at] = merge->heap[least];
            merge->heap[least] = moved;
        }
        at = least;
    }
}

static cull_status merge_begin(struct merge *merge, const struct cull__spill *spill,
                               cull_error *err)
{
    const cull_allocator *allocator = spill->store.allocator;
    cull_status status = CULL_OK;

    *merge = (struct merge){ .from = &spill->store };
    merge->heads = cull__alloc_zero(allocator, spill->run_count, sizeof *merge->heads);
    merge->heap = cull__alloc(allocator, spill->run_count, sizeof *merge->heap);
    if (merge->heads == NULL || merge->heap == NULL) {
        return cull__error_nomem(err);
    }
    for (size_t i = 0; i < spill->run_count && status == CULL_OK; i++) {
        struct head *head = &merge->heads[merge->head_count++];

        window_init(&head->window, allocator);
        head->block = spill->runs[i];
        head->end = i + 1 < spill->run_count ? spill->runs[i + 1] : spill->store.block_count;
        status = window_load(&head->window, merge->from, head->block, err);
        merge->heap[i] = i;
    }
    merge->heap_count = merge->head_count;
    for (size_t at = merge->heap_count; status == CULL_OK && at-- > 0;) {
        heap_sink(merge, at);
    }
    return status;
}

static void merge_release(struct merge *merge)
{
    const cull_allocator *allocator = merge->from->allocator;

    for (size_t i = 0; i < merge->head_count; i++) {
        window_release(&merge->heads[i].window, allocator);
    }
    cull__free(allocator, merge->heads);
    cull__free(allocator, merge->heap);
}

/* The first head moves on to its next row, or leaves. */
static cull_status merge_next(struct merge *merge, cull_error *err)
{
    struct head *head = &merge->heads[merge->heap[0]];
    cull_status status = CULL_OK;

    if (++head->row == head->window.count) {
        head->row = 0;
        if (++head->block < head->end) {
            status = window_load(&head->window, merge->from, head->block, err);
        } else {
            merge->heap[0] = merge->heap[--merge->heap_count];
        }
    }
    if (status == CULL_OK) {
        heap_sink(merge, 0);
    }
    return status;
}

/* Move all rows into to, up to the first whose path stands there already. */
static cull_status merge_rows(struct cull__spill *spill, struct merge *merge, struct store *to,
                              struct cull__manifest_duplicate *out, cull_error *err)
{
    cull_status status = CULL_OK;

    spill->last_len = 0;
    while (status == CULL_OK && merge->heap_count > 0) {
        const struct head *head = &merge->heads[merge->heap[0]];
        const struct cull__manifest_row *row = &head->window.rows[head->row];
        const uint8_t *path = head->window.bytes.data + row->at;
        uint64_t place = head->window.places[head->row];
        size_t end = head->row + 1 < head->window.count
                         ? head->window.rows[head->row + 1].at - sizeof(struct record)
                         : head->window.bytes.len;

        if (!path_ascends(spill, path, row->path_len)) { /* it is equal, not less */
            out->found = true;
            out->place = place;
            (void)cull__manifest_shown(out->shown, (const char *)path, row->path_len);
            return CULL_OK;
        }
        status = store_add(to, row, head->window.bytes.data, end - row->at - row->path_len - 1,
                           place, err);
        if (status == CULL_OK) {
            status = merge_next(merge, err);
        }
    }
    return status == CULL_OK ? store_flush(to, err) : status;
}

cull_status cull__spill_finish(struct cull__spill *spill, struct cull__manifest_duplicate *out,
                               cull_error *err)
{
    struct merge merge;
    struct store sorted;
    cull_status status = cull__spill_end_run(spill, err);

    out->found = false;
    if (status != CULL_OK || spill->ascends) {
        return status;
    }
    status = store_init(&sorted, spill->scratch, spill->store.allocator, err);
    if (status == CULL_OK) {
        status = merge_begin(&merge, spill, err);
        if (status == CULL_OK) {
            status = merge_rows(spill, &merge, &sorted, out, err);
        }
        merge_release(&merge);
    }
    if (status == CULL_OK && !out->found) {
        store_release(&spill->store);
        spill->store = sorted;
        spill->ascends = true;
    } else {
        store_release(&sorted);
    }
    return status;
}
