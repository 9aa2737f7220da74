/*
 * index_save.c - the index's rooms as columns of checkpoints, and back.
 *
 * SHAPE     "blobs": one column. "lifespans": a column for each collection of over LARGE_ROWS
 *           rows, so that a commit elsewhere leaves its segments alone; the others packed by
 *           SHARD ids. "counts": one column with the counts, one with pins and claimed versions.
 * INVARIANT The three rooms are written at one seq and only loaded at one seq.
 * FAILURE   Everything is checked against the blob table's limit: CULL_E_CORRUPT.
 * THREADS   Blobs and counts are checked on a thread of their own while lifespans are loaded; it
 *           allocates nothing. If none is to be had, they are checked before.
 */
#include "store/store_internal.h"

#include <stdlib.h>

#include "base/thread.h"

#define LARGE_ROWS 65536
#define SHARD 64
#define BLOBS_FOR_THREADS 262144 /* fewer are looked at before a thread has started */

const char *const cull__index_rooms[3] = { "blobs", "lifespans", "counts" };

void cull__room_save_release(struct cull__room_save *save)
{
    for (size_t i = 0; i < save->count; i++) {
        cull__buf_release(&save->buffers[i]);
    }
    cull__free(save->allocator, save->buffers);
    cull__free(save->allocator, save->columns);
    save->buffers = NULL;
    save->columns = NULL;
    save->count = 0;
}

/* The buffer of column id, which is the last one or a new one. */
static struct cull__buf *column(struct cull__room_save *save, size_t capacity, uint64_t id)
{
    if (save->count == 0 || save->columns[save->count - 1].id != id) {
        CULL_ASSERT(save->count < capacity);
        save->buffers[save->count] = (struct cull__buf)CULL__BUF_INIT(save->allocator);
        save->columns[save->count] = (struct cull__column){ id, NULL, 0 };
        save->count++;
    }
    return &save->buffers[save->count - 1];
}

static bool is_large(const struct cull__spans_entry *entry)
{
    return cull__lifespans_open_count(entry->spans) + cull__lifespans_closed_count(entry->spans) >=
           LARGE_ROWS;
}

static cull_status save_lifespans(const struct cull__index *index, struct cull__room_save *save,
                                  size_t capacity)
{
    cull_status status = CULL_OK;

    /* Small ones first, by shard; then the large ones: columns come in ascending order. */
    for (int large = 0; large <= 1; large++) {
        for (size_t i = 0; i < index->span_count && status == CULL_OK; i++) {
            const struct cull__spans_entry *entry = &index->spans[i];
            struct cull__buf *buf;

            if (is_large(entry) != (large == 1)) {
                continue;
            }
            buf = column(save, capacity,
                         large ? UINT64_C(1) << 63 | entry->collection : entry->collection / SHARD);
            cull__buf_varint(buf, entry->collection);
            cull__buf_u8(buf, entry->deleted);
            status = cull__lifespans_save(entry->spans, buf);
        }
    }
    return status;
}

static cull_status save_counts(const struct cull__index *index, struct cull__room_save *save,
                               size_t capacity)
{
    struct cull__buf *buf = column(save, capacity, 0);
    cull_status status = cull__counts_save(index->counts, buf);

    buf = column(save, capacity, 1);
    cull__buf_varint(buf, index->pin_count);
    for (size_t i = 0; i < index->pin_count; i++) {
        const struct cull__pins *pins = &index->pins[i];

        cull__buf_varint(buf, pins->upload);
        cull__buf_varint(buf, pins->list.count);
        for (size_t j = 0; j < pins->list.count; j++) {
            cull__buf_varint(buf, pins->list.at[j]);
        }
    }
    cull__buf_varint(buf, index->claimed_count);
    for (size_t i = 0; i < index->claimed_count; i++) {
        cull__buf_varint(buf, index->claimed[i].number);
        cull__buf_varint(buf, index->claimed[i].version);
    }
    return status;
}

cull_status cull__index_save(const struct cull__index *index, unsigned room,
                             struct cull__room_save *out)
{
    size_t capacity = room == 1 ? index->span_count + 1 : 2;
    cull_status status = CULL_OK;

    *out = (struct cull__room_save){ .allocator = index->allocator };
    out->buffers = cull__alloc(index->allocator, capacity, sizeof *out->buffers);
    out->columns = cull__alloc(index->allocator, capacity, sizeof *out->columns);
    if (out->buffers == NULL || out->columns == NULL) {
        cull__room_save_release(out);
        return CULL_E_NOMEM;
    }
    if (room == 0) {
        status = cull__blob_table_save(index->blobs, column(out, capacity, 0));
    } else if (room == 1) {
        status = save_lifespans(index, out, capacity);
    } else {
        status = save_counts(index, out, capacity);
    }
    for (size_t i = 0; i < out->count && status == CULL_OK; i++) {
        status = out->buffers[i].failed ? CULL_E_NOMEM : CULL_OK;
        out->columns[i].data = out->buffers[i].data;
        out->columns[i].len = out->buffers[i].len;
    }
    if (status != CULL_OK) {
        cull__room_save_release(out);
    }
    return status;
}

/* --- loading -------------------------------------------------------------------------------- */

static int compare_spans(const void *a, const void *b)
{
    const struct cull__spans_entry *x = a;
    const struct cull__spans_entry *y = b;

    return x->collection < y->collection ? -1 : x->collection > y->collection;
}

static cull_status load_spans_column(struct cull__index *index, const struct cull__column *column,
                                     uint32_t limit)
{
    struct cull__cursor in = cull__cursor(column->data, column->len);

    while (cull__cursor_left(&in) > 0) {
        struct cull__spans_entry entry = { 0, false, NULL };
        void *entries = index->spans;
        cull_status status = cull__reserve(index->allocator, &entries, &index->span_capacity,
                                           index->span_count + 1, sizeof *index->spans);

        index->spans = entries;
        if (status != CULL_OK) {
            return status;
        }
        entry.collection = cull__cursor_varint(&in);
        entry.deleted = cull__cursor_varint_max(&in, 1) == 1;
        if (in.failed) {
            return CULL_E_CORRUPT;
        }
        status = cull__lifespans_load(&entry.spans, &in, limit, index->allocator);
        if (status != CULL_OK) {
            return status;
        }
        index->spans[index->span_count++] = entry;
        index->lifespans +=
            cull__lifespans_open_count(entry.spans) + cull__lifespans_closed_count(entry.spans);
        index->spans_sum += cull__lifespans_sum(entry.spans);
    }
    return in.failed ? CULL_E_CORRUPT : CULL_OK;
}

static cull_status load_lifespans(struct cull__index *index,
                                  const struct cull__checkpoint *checkpoint)
{
    uint32_t limit = cull__blob_table_limit(index->blobs);
    cull_status status = CULL_OK;

    for (size_t i = 0; i < checkpoint->count && status == CULL_OK; i++) {
        status = load_spans_column(index, &checkpoint->columns[i], limit);
    }
    if (index->span_count > 1) {
        qsort(index->spans, index->span_count, sizeof *index->spans, compare_spans);
    }
    for (size_t i = 1; i < index->span_count; i++) {
        if (index->spans[i - 1].collection == index->spans[i].collection) {
            status = status == CULL_OK ? CULL_E_CORRUPT : status;
        }
    }
    return status;
}

static cull_status load_one_pins(struct cull__index *index, struct cull__cursor *in)
{
    uint32_t limit = cull__blob_table_limit(index->blobs);
    uint64_t upload = cull__cursor_varint(in);
    size_t count = cull__cursor_count(in, 1, CULL__BLOBS_MAX);
    struct cull__pins *pins;
    void *entries = index->pins;
    cull_status status = cull__reserve(index->allocator, &entries, &index->pin_capacity,
                                       index->pin_count + 1, sizeof *index->pins);

    index->pins = entries;
    if (status != CULL_OK) {
        return status;
    }
    if (index->pin_count > 0 && index->pins[index->pin_count - 1].upload >= upload) {
        return CULL_E_CORRUPT;
    }
    pins = &index->pins[index->pin_count++];
    *pins = (struct cull__pins){ upload, CULL__BITS_INIT(index->allocator),
                                 CULL__U32S_INIT(index->allocator) };
    status = cull__bits_resize(&pins->set, limit);
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        uint64_t number = cull__cursor_varint(in);

        if (in->failed || number >= limit || pins->set.words == NULL ||
            cull__bit_get(pins->set.words, number)) {
            return CULL_E_CORRUPT;
        }
        cull__bit_set(pins->set.words, number);
        status = cull__u32s_push(&pins->list, (uint32_t)number);
        index->pins_sum += cull__held_hash((uint32_t)number);
    }
    return status;
}

static cull_status load_pins(struct cull__index *index, struct cull__cursor *in)
{
    size_t uploads = cull__cursor_count(in, 2, UINT32_MAX);
    size_t claimed;
    cull_status status = CULL_OK;

    for (size_t i = 0; i < uploads && status == CULL_OK; i++) {
        status = load_one_pins(index, in);
    }
    claimed = cull__cursor_count(in, 2, UINT32_MAX);
    if (status == CULL_OK && claimed > 0) {
        index->claimed = cull__alloc(index->allocator, claimed, sizeof *index->claimed);
        status = index->claimed == NULL ? CULL_E_NOMEM : CULL_OK;
        index->claimed_capacity = index->claimed == NULL ? 0 : claimed;
    }
    for (size_t i = 0; i < claimed && status == CULL_OK; i++) {
        struct cull__fact_version *version = &index->claimed[i];

        version->number = (uint32_t)cull__cursor_varint_max(in, CULL__BLOBS_MAX);
        version->version = cull__cursor_varint(in);
        if ((i > 0 && version[-1].number > version->number) ||
            cull__blob_table_state(index->blobs, version->number) != CULL__BLOB_DELETING) {
            return CULL_E_CORRUPT;
        }
        index->claimed_count++;
    }
    return status == CULL_OK && !cull__cursor_done(in) ? CULL_E_CORRUPT : status;
}

static cull_status lay_counts(struct cull__index *index, struct cull__column *column,
                              const cull_allocator *owner, const uint8_t **bytes)
{
    cull_status status;

    cull__counts_free(index->counts);
    index->counts = NULL;
    status = cull__counts_lay(&index->counts, &column->data, column->len, owner, bytes,
                              index->allocator);
    if (status == CULL_OK &&
        cull__counts_limit(index->counts) != cull__blob_table_limit(index->blobs)) {
        status = CULL_E_CORRUPT;
    }
    return status;
}

/* What a thread of its own does beside the lifespans: what of the rooms needs no memory. */
struct beside {
    struct cull__index *index;
    const uint8_t *counts;
    const char *blobs_why; /* NULL: they are right */
};

static void *check_beside(void *ctx)
{
    struct beside *beside = ctx;

    (void)cull__blob_table_check(beside->index->blobs, &beside->blobs_why);
    cull__counts_fill(beside->index->counts, beside->counts);
    return NULL;
}

/* The rooms' memory is there: is what they say right? Sets *room to the one that is not. */
static cull_status load_rooms(struct beside *beside, struct cull__checkpoint checkpoints[3],
                              unsigned *room)
{
    struct cull__index *index = beside->index;
    bool worth = cull__blob_table_limit(index->blobs) >= BLOBS_FOR_THREADS;
    pthread_t thread;
    struct cull__cursor in;
    cull_status status;

    worth = worth && cull__thread_start(&thread, check_beside, beside);
    if (!worth) {
        (void)check_beside(beside);
    }
    *room = 1;
    status = load_lifespans(index, &checkpoints[1]);
    if (worth) {
        (void)pthread_join(thread, NULL);
    }
    if (beside->blobs_why != NULL) {
        *room = 0;
        return CULL_E_CORRUPT;
    }
    if (status == CULL_OK) {
        *room = 2;
        status = cull__counts_dismiss_free(index->counts, index->blobs);
    }
    if (status == CULL_OK) {
        in = cull__cursor(checkpoints[2].columns[1].data, checkpoints[2].columns[1].len);
        status = load_pins(index, &in);
    }
    return status;
}

cull_status cull__index_load(struct cull__index **out, const cull_store_settings *settings,
                             struct cull__checkpoint checkpoints[3], const cull_allocator *owner,
                             const cull_allocator *allocator, cull_error *err)
{
    struct beside beside = { NULL, NULL, NULL };
    cull_status status = cull__index_new(&beside.index, settings, allocator);
    struct cull__index *index = beside.index;
    unsigned room = 0;

    *out = NULL;
    if (status == CULL_OK && checkpoints[0].count != 1) {
        status = CULL_E_CORRUPT;
    }
    if (status == CULL_OK) {
        cull__blob_table_free(index->blobs);
        index->blobs = NULL;
        status = cull__blob_table_lay(&index->blobs, settings->digest, settings->seed,
                                      index->incarnations, &checkpoints[0].columns[0].data,
                                      checkpoints[0].columns[0].len, owner, allocator, err);
    }
    if (status == CULL_OK) {
        room = 2;
        status = checkpoints[2].count == 2
                     ? lay_counts(index, &checkpoints[2].columns[0], owner, &beside.counts)
                     : CULL_E_CORRUPT;
    }
    if (status == CULL_OK) {
        status = load_rooms(&beside, checkpoints, &room);
    }
    if (status != CULL_OK) {
        cull__index_free(index);
        return status == CULL_E_CORRUPT
                   ? cull__error_set(err, status, "checkpoint of %s at fact %llu: does not decode",
                                     cull__index_rooms[room],
                                     (unsigned long long)checkpoints[room].seq)
                   : cull__error_nomem(err);
    }
    *out = index;
    return CULL_OK;
}
