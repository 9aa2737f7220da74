/*
 * memory_log.c - a log in memory, for simulation, fuzzing and tests.
 *
 * SHAPE     A core, counted by its handles, under one mutex; a handle is a view of it, as a
 *           process is of a file. A batch is one block with its bytes behind it. Batches stand in
 *           one array: those before `cut` are the audit, the rest the log, so a cut moves an index.
 *           Documents stand sorted by id: ids only grow, so nearly every one goes to the end.
 * INVARIANT Batches follow each other without gaps; the last one ends at seq; document ids ascend.
 * COST      append: one block and a copy of the bytes. head: a lock. read, tail_bytes: a bisection.
 *           A checkpoint is copied in and copied out and hashed both times.
 * FAILURE   CULL_E_NOMEM only, and then nothing changed: all memory is there before the first
 *           change.
 * THREADS   Any, on one view or several; a visitor runs under the mutex.
 * WHY NOT   A hash table for documents: a sorted array has no third state when memory runs out.
 *           Deflating the audit: the simulator would spend its time on it; audit_bytes are raw.
 */
#include "base/hash.h"
#include "log/log_internal.h"

#include <inttypes.h>
#include <pthread.h>

struct batch {
    uint64_t first_seq;
    uint64_t now_ms;
    uint64_t start_bytes; /* of all batches before it, ever */
    uint32_t fact_count;
    size_t len;
    uint8_t data[];
};

struct kept_document {
    uint64_t id;
    uint8_t *data;
    size_t len;
};

struct kept_column {
    struct cull__column column; /* data owned */
    XXH128_hash_t hash;
};

struct kept_checkpoint {
    char room[CULL__ROOM_NAME_MAX + 1];
    uint64_t seq;
    uint64_t bytes;
    struct kept_column *columns;
    size_t count;
};

struct core {
    const cull_allocator *allocator;
    pthread_mutex_t mutex;
    size_t handle_count;
    const cull_log *leader;     /* the view that has it, or NULL */
    const cull_log *maintainer; /* likewise */
    uint64_t seq;
    uint64_t cut_seq;
    uint64_t bytes; /* of all batches ever */
    uint32_t reader_min;
    struct batch **batches;
    size_t batches_count, batches_capacity;
    size_t cut; /* batches before it are the audit */
    struct kept_document *documents;
    size_t documents_count, documents_capacity;
    struct kept_checkpoint *checkpoints; /* a room's older one before its newer one */
    size_t checkpoints_count, checkpoints_capacity;
};

struct memory_log {
    cull_log base;
    struct core *core;
};

static struct core *memory_lock(const cull_log *log)
{
    struct core *core = ((const struct memory_log *)log)->core;
    int code = pthread_mutex_lock(&core->mutex);

    CULL_ASSERT(code == 0);
    return core;
}

static void memory_unlock(struct core *core)
{
    int code = pthread_mutex_unlock(&core->mutex);

    CULL_ASSERT(code == 0);
}

static cull_status memory_reader_check(const struct core *core, cull_error *err)
{
    if (core->reader_min > CULL__READER_VERSION) {
        return cull__error_set(err, CULL_E_TOO_NEW,
                               "log in memory: asks for reader %" PRIu32 ", this is %u",
                               core->reader_min, CULL__READER_VERSION);
    }
    return CULL_OK;
}

/* --- documents ---------------------------------------------------------------------------- */

/* Index of the first document whose id is not below id. */
static size_t document_seek(const struct core *core, uint64_t id)
{
    size_t low = 0, high = core->documents_count;

    if (high > 0 && core->documents[high - 1].id < id) {
        return high;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (core->documents[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Put or remove one; data is owned by the core from here. Room was made before. */
static void document_apply(struct core *core, uint64_t id, uint8_t *data, size_t len)
{
    size_t at = document_seek(core, id);
    struct kept_document *document = core->documents + at;
    bool there = at < core->documents_count && document->id == id;

    if (there) {
        cull__free(core->allocator, document->data);
    }
    if (data != NULL) {
        if (!there) {
            CULL_ASSERT(core->documents_count < core->documents_capacity);
            memmove(document + 1, document,
                    (core->documents_count - at) * sizeof(struct kept_document));
            core->documents_count++;
        }
        *document = (struct kept_document){ id, data, len };
    } else if (there) {
        core->documents_count--;
        memmove(document, document + 1,
                (core->documents_count - at) * sizeof(struct kept_document));
    }
}

/* Copies of the batch's documents, in its order; NULL for a removal. */
static cull_status documents_copy(uint8_t ***out, const struct core *core,
                                  const struct cull__batch *batch, cull_error *err)
{
    uint8_t **copies;

    *out = NULL;
    if (batch->document_count == 0) {
        return CULL_OK;
    }
    copies = cull__alloc_zero(core->allocator, batch->document_count, sizeof(uint8_t *));
    if (copies == NULL) {
        return CULL_E_NOMEM;
    }
    *out = copies;
    for (size_t i = 0; i < batch->document_count; i++) {
        const struct cull__document *document = &batch->documents[i];

        if (cull__document_is_removal(document)) {
            continue;
        }
        copies[i] = cull__alloc(core->allocator, document->len, 1);
        if (copies[i] == NULL) {
            return cull__error_nomem(err);
        }
        if (document->data != NULL) {
            memcpy(copies[i], document->data, document->len);
        } else {
            cull_status status = document->read(document->ctx, 0, copies[i], document->len, err);

            if (status != CULL_OK) {
                return status;
            }
        }
    }
    return CULL_OK;
}

static cull_status memory_document(cull_log *log, uint64_t id, cull__piece_fn take, void *ctx,
                                   cull_error *err)
{
    struct core *core = memory_lock(log);
    size_t at = document_seek(core, id);
    cull_status status = CULL_OK;

    if (at == core->documents_count || core->documents[at].id != id) {
        status = cull__error_set(err, CULL_E_NOTFOUND, "log in memory: no document %" PRIu64, id);
    } else {
        const struct kept_document *document = &core->documents[at];

        for (size_t from = 0; status == CULL_OK && from < document->len;) {
            size_t left = document->len - from;
            size_t some = left < CULL__SEGMENT_BYTES ? left : CULL__SEGMENT_BYTES;

            status = take(ctx, document->data + from, some, err);
            from += some;
        }
    }
    memory_unlock(core);
    return status;
}

/* --- batches ------------------------------------------------------------------------------ */

/* Index of the batch that begins after since; batches_count if since is the newest fact.
 * CULL_E_MOVED if it was cut, CULL_E_CORRUPT if no batch ends there. */
static cull_status batch_seek(const struct core *core, uint64_t since, size_t *out, cull_error *err)
{
    size_t low = core->cut, high = core->batches_count;

    if (since < core->cut_seq) {
        return cull__error_set(err, CULL_E_MOVED, "log in memory: facts up to %" PRIu64 " were cut",
                               core->cut_seq);
    }
    if (since > core->seq) {
        return cull__error_set(err, CULL_E_CORRUPT,
                               "log in memory: ends at fact %" PRIu64 ", before %" PRIu64,
                               core->seq, since);
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (core->batches[middle]->first_seq <= since) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (since != core->seq &&
        (low == core->batches_count || core->batches[low]->first_seq != since + 1)) {
        return cull__error_set(err, CULL_E_CORRUPT,
                               "log in memory: no batch begins at fact %" PRIu64, since + 1);
    }
    *out = low;
    return CULL_OK;
}

static cull_status batches_visit(struct core *core, size_t from, size_t to,
                                 cull__batch_visit_fn visit, void *ctx, cull_error *err)
{
    for (size_t i = from; i < to; i++) {
        const struct batch *batch = core->batches[i];
        cull_status status = visit(ctx, batch->first_seq, batch->fact_count, batch->now_ms,
                                   batch->data, batch->len, err);

        if (status != CULL_OK) {
            return status;
        }
    }
    return CULL_OK;
}

static struct batch *batch_new(const struct core *core, const struct cull__batch *from)
{
    struct batch *batch = cull__alloc(core->allocator, sizeof(struct batch) + from->len, 1);

    if (batch != NULL) {
        batch->first_seq = core->seq + 1;
        batch->now_ms = from->now_ms;
        batch->start_bytes = core->bytes;
        batch->fact_count = from->fact_count;
        batch->len = from->len;
        if (from->len > 0) {
            memcpy(batch->data, from->data, from->len);
        }
    }
    return batch;
}

static cull_status append_locked(struct core *core, const struct cull__batch *batch,
                                 cull_error *err)
{
    void *batches = core->batches, *documents = core->documents;
    struct batch *block = NULL;
    uint8_t **copies = NULL;
    cull_error reason = { CULL_OK, "" };
    cull_status status;

    status = cull__reserve(core->allocator, &batches, &core->batches_capacity,
                           core->batches_count + 1, sizeof(struct batch *));
    core->batches = batches;
    if (status != CULL_OK) {
        goto done;
    }
    status =
        cull__reserve(core->allocator, &documents, &core->documents_capacity,
                      core->documents_count + batch->document_count, sizeof(struct kept_document));
    core->documents = documents;
    if (status != CULL_OK) {
        goto done;
    }
    status = documents_copy(&copies, core, batch, &reason);
    if (status != CULL_OK) {
        goto done;
    }
    block = batch_new(core, batch);
    if (block == NULL) {
        status = CULL_E_NOMEM;
        goto done;
    }
    for (size_t i = 0; i < batch->document_count; i++) {
        document_apply(core, batch->documents[i].id, copies[i], batch->documents[i].len);
        copies[i] = NULL;
    }
    core->batches[core->batches_count++] = block;
    core->seq += batch->fact_count;
    core->bytes += batch->len;
    core->reader_min = batch->reader_min > core->reader_min ? batch->reader_min : core->reader_min;
done:
    for (size_t i = 0; copies != NULL && i < batch->document_count; i++) {
        cull__free(core->allocator, copies[i]);
    }
    cull__free(core->allocator, copies);
    return status == CULL_OK ? CULL_OK
                             : cull__error_set(err, status, "%s",
                                               reason.message[0] != '\0' ? reason.message
                                                                         : cull_strerror(status));
}

static cull_status memory_append(cull_log *log, uint64_t expected_seq,
                                 const struct cull__batch *batch, uint64_t *seq, cull_error *err)
{
    cull_status status = cull__batch_check(expected_seq, batch, err);
    struct core *core;

    if (status != CULL_OK) {
        return status;
    }
    core = memory_lock(log);
    status = memory_reader_check(core, err);
    if (status == CULL_OK && core->seq != expected_seq) {
        status =
            cull__error_set(err, CULL_E_MOVED, "log in memory: at fact %" PRIu64 ", not %" PRIu64,
                            core->seq, expected_seq);
    }
    if (status == CULL_OK) {
        status = append_locked(core, batch, err);
    }
    if (status == CULL_OK) {
        *seq = core->seq;
    }
    memory_unlock(core);
    return status;
}

static cull_status memory_head(cull_log *log, uint64_t *seq, cull_error *err)
{
    struct core *core = memory_lock(log);
    cull_status status = memory_reader_check(core, err);

    if (status == CULL_OK) {
        *seq = core->seq;
    }
    memory_unlock(core);
    return status;
}

static cull_status memory_read(cull_log *log, uint64_t since, cull__batch_visit_fn visit, void *ctx,
                               cull_error *err)
{
    struct core *core = memory_lock(log);
    cull_status status = memory_reader_check(core, err);
    size_t from = 0;

    if (status == CULL_OK) {
        status = batch_seek(core, since, &from, err);
    }
    if (status == CULL_OK) {
        status = batches_visit(core, from, core->batches_count, visit, ctx, err);
    }
    memory_unlock(core);
    return status;
}

static cull_status memory_tail_bytes(cull_log *log, uint64_t since, uint64_t *bytes,
                                     cull_error *err)
{
    struct core *core = memory_lock(log);
    size_t from = 0;
    cull_status status = batch_seek(core, since, &from, err);

    if (status == CULL_OK) {
        *bytes = from == core->batches_count ? 0 : core->bytes - core->batches[from]->start_bytes;
    }
    memory_unlock(core);
    return status;
}

/* --- checkpoints -------------------------------------------------------------------------- */

static void checkpoint_release(const struct core *core, struct kept_checkpoint *checkpoint)
{
    for (size_t i = 0; i < checkpoint->count; i++) {
        cull__free(core->allocator, checkpoint->columns[i].column.data);
    }
    cull__free(core->allocator, checkpoint->columns);
    *checkpoint = (struct kept_checkpoint){ 0 };
}

/* The room's checkpoint of that age, NULL if there is none. */
static struct kept_checkpoint *checkpoint_find(const struct core *core, const char *room,
                                               unsigned age)
{
    for (size_t i = core->checkpoints_count; i > 0; i--) {
        if (strcmp(core->checkpoints[i - 1].room, room) == 0 && age-- == 0) {
            return &core->checkpoints[i - 1];
        }
    }
    return NULL;
}

static cull_status checkpoint_copy(struct kept_checkpoint *out, const struct core *core,
                                   const char *room, uint64_t seq,
                                   const struct cull__column *columns, size_t count)
{
    CULL_ASSERT(strlen(room) <= CULL__ROOM_NAME_MAX);
    memcpy(out->room, room, strlen(room) + 1);
    out->seq = seq;
    out->columns = cull__alloc_zero(core->allocator, count, sizeof(struct kept_column));
    if (out->columns == NULL) {
        return CULL_E_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        struct kept_column *kept = &out->columns[i];

        kept->column = columns[i];
        kept->column.data = cull__alloc(core->allocator, columns[i].len, 1);
        if (kept->column.data == NULL) {
            return CULL_E_NOMEM;
        }
        out->count = i + 1;
        if (columns[i].len > 0) {
            memcpy(kept->column.data, columns[i].data, columns[i].len);
        }
        kept->hash = XXH3_128bits(columns[i].data, columns[i].len);
        out->bytes += columns[i].len;
    }
    return CULL_OK;
}

/* Drop what the cut log no longer reaches, but for the newest ones of each room. */
static void checkpoints_trim(struct core *core)
{
    for (size_t i = core->checkpoints_count; i-- > 0;) {
        struct kept_checkpoint *old = &core->checkpoints[i];
        const struct kept_checkpoint *kept =
            checkpoint_find(core, old->room, CULL__CHECKPOINTS_KEPT - 1);

        if (kept != NULL && old < kept && old->seq < core->cut_seq) {
            checkpoint_release(core, old);
            memmove(old, old + 1, (core->checkpoints_count - i - 1) * sizeof *old);
            core->checkpoints_count--;
        }
    }
}

/* Add the checkpoint as its room's newest. Room was made before. */
static void checkpoint_add(struct core *core, const struct kept_checkpoint *checkpoint)
{
    CULL_ASSERT(core->checkpoints_count < core->checkpoints_capacity);
    core->checkpoints[core->checkpoints_count++] = *checkpoint;
}

static cull_status memory_checkpoint_put(cull_log *log, const char *room, uint64_t seq,
                                         const struct cull__column *columns, size_t count,
                                         cull_error *err)
{
    struct core *core = memory_lock(log);
    cull_status status = memory_reader_check(core, err);
    const struct kept_checkpoint *newest = checkpoint_find(core, room, 0);
    struct kept_checkpoint checkpoint = { 0 };
    void *checkpoints = core->checkpoints;

    if (status != CULL_OK || (newest != NULL && newest->seq >= seq)) {
        goto done;
    }
    status = cull__reserve(core->allocator, &checkpoints, &core->checkpoints_capacity,
                           core->checkpoints_count + 1, sizeof(struct kept_checkpoint));
    core->checkpoints = checkpoints;
    if (status == CULL_OK) {
        status = checkpoint_copy(&checkpoint, core, room, seq, columns, count);
    }
    if (status != CULL_OK) {
        (void)cull__error_nomem(err);
        goto done;
    }
    checkpoint_add(core, &checkpoint);
    checkpoint = (struct kept_checkpoint){ 0 };
done:
    checkpoint_release(core, &checkpoint);
    memory_unlock(core);
    return status;
}

static cull_status checkpoint_copy_out(struct cull__checkpoint *out, const struct core *core,
                                       const struct kept_checkpoint *kept, cull_error *err)
{
    out->seq = kept->seq;
    out->columns = cull__alloc_zero(core->allocator, kept->count, sizeof(struct cull__column));
    if (out->columns == NULL) {
        return cull__error_nomem(err);
    }
    out->count = kept->count;
    for (size_t i = 0; i < kept->count; i++) {
        const struct cull__column *column = &kept->columns[i].column;
        uint8_t *data = cull__alloc(core->allocator, column->len, 1);

        if (data == NULL) {
            return cull__error_nomem(err);
        }
        memcpy(data, column->data, column->len);
        out->columns[i] = (struct cull__column){ column->id, data, column->len };
        if (!XXH128_isEqual(XXH3_128bits(data, column->len), kept->columns[i].hash)) {
            return cull__error_set(err, CULL_E_CORRUPT,
                                   "log in memory: checkpoint %s at fact %" PRIu64
                                   ": column %" PRIu64 " is damaged",
                                   kept->room, kept->seq, column->id);
        }
    }
    return CULL_OK;
}

static cull_status memory_checkpoint_get(cull_log *log, const char *room, unsigned age,
                                         struct cull__checkpoint *out, cull_error *err)
{
    struct core *core = memory_lock(log);
    const struct kept_checkpoint *kept = checkpoint_find(core, room, age);
    cull_status status;

    *out = (struct cull__checkpoint){ 0 };
    if (kept == NULL) {
        status = cull__error_set(err, CULL_E_NOTFOUND, "log in memory: no checkpoint %s of age %u",
                                 room, age);
    } else {
        status = checkpoint_copy_out(out, core, kept, err);
    }
    if (status != CULL_OK) {
        cull__checkpoint_release(out, core->allocator);
    }
    memory_unlock(core);
    return status;
}

static cull_status memory_checkpoint_size(cull_log *log, const char *room, uint64_t *seq,
                                          uint64_t *bytes, cull_error *err)
{
    struct core *core = memory_lock(log);
    const struct kept_checkpoint *newest = checkpoint_find(core, room, 0);

    (void)err;
    *seq = newest == NULL ? 0 : newest->seq;
    *bytes = newest == NULL ? 0 : newest->bytes;
    memory_unlock(core);
    return CULL_OK;
}

bool cull__log_memory_damage(cull_log *log, const char *room, unsigned age)
{
    struct core *core = memory_lock(log);
    struct kept_checkpoint *kept = checkpoint_find(core, room, age);
    bool done = false;

    for (size_t i = 0; kept != NULL && i < kept->count && !done; i++) {
        struct cull__column *column = &kept->columns[i].column;

        if (column->len > 0) {
            column->data[column->len / 2] ^= 1;
            done = true;
        }
    }
    memory_unlock(core);
    return done;
}

/* --- audit, locks, figures ---------------------------------------------------------------- */

static cull_status memory_cut(cull_log *log, uint64_t seq, uint64_t audit_before_ms,
                              cull_error *err)
{
    struct core *core = memory_lock(log);
    cull_status status = memory_reader_check(core, err);
    size_t old = 0;

    while (status == CULL_OK && core->cut < core->batches_count) {
        const struct batch *batch = core->batches[core->cut];
        uint64_t last = batch->first_seq + batch->fact_count - 1;

        if (last > seq) {
            break;
        }
        core->cut_seq = last;
        core->cut++;
    }
    if (status == CULL_OK) {
        checkpoints_trim(core);
    }
    while (status == CULL_OK && old < core->cut && core->batches[old]->now_ms < audit_before_ms) {
        cull__free(core->allocator, core->batches[old]);
        old++;
    }
    if (old > 0) {
        core->batches_count -= old;
        core->cut -= old;
        memmove(core->batches, core->batches + old, core->batches_count * sizeof(struct batch *));
    }
    memory_unlock(core);
    return status;
}

static cull_status memory_audit_read(cull_log *log, cull__batch_visit_fn visit, void *ctx,
                                     cull_error *err)
{
    struct core *core = memory_lock(log);
    cull_status status = batches_visit(core, 0, core->cut, visit, ctx, err);

    memory_unlock(core);
    return status;
}

static cull_status holder_change(const cull_log **holder, const cull_log *log, bool take,
                                 const char *what, cull_error *err)
{
    if (take && *holder != NULL && *holder != log) {
        return cull__error_set(err, CULL_E_BUSY, "log in memory: another %s is at work", what);
    }
    if (take) {
        *holder = log;
    } else if (*holder == log) {
        *holder = NULL;
    }
    return CULL_OK;
}

static cull_status memory_leader(cull_log *log, enum cull__leader what, cull_error *err)
{
    struct core *core = memory_lock(log);
    cull_status status = CULL_OK;

    if (what == CULL__LEADER_CHECK) {
        if (core->leader != log) {
            status = cull__error_set(err, CULL_E_BUSY,
                                     "log in memory: the collector's lock is not held");
        }
    } else {
        status = holder_change(&core->leader, log, what == CULL__LEADER_ACQUIRE, "collector", err);
    }
    memory_unlock(core);
    return status;
}

static cull_status memory_maintain_lock(cull_log *log, bool acquire, cull_error *err)
{
    struct core *core = memory_lock(log);
    cull_status status =
        holder_change(&core->maintainer, log, acquire, "writer of checkpoints", err);

    memory_unlock(core);
    return status;
}

static cull_status memory_stat(cull_log *log, struct cull__log_stat *out, cull_error *err)
{
    struct core *core = memory_lock(log);

    (void)err;
    *out = (struct cull__log_stat){ .seq = core->seq, .cut_seq = core->cut_seq };
    for (size_t i = 0; i < core->batches_count; i++) {
        uint64_t *bytes = i < core->cut ? &out->audit_bytes : &out->log_bytes;

        *bytes += core->batches[i]->len;
    }
    out->document_count = core->documents_count;
    for (size_t i = 0; i < core->documents_count; i++) {
        out->document_bytes += core->documents[i].len;
    }
    for (size_t i = 0; i < core->checkpoints_count; i++) {
        out->checkpoint_bytes += core->checkpoints[i].bytes;
    }
    memory_unlock(core);
    return CULL_OK;
}

/* --- handles ------------------------------------------------------------------------------ */

static void core_free(struct core *core)
{
    const cull_allocator *allocator = core->allocator;

    for (size_t i = 0; i < core->batches_count; i++) {
        cull__free(allocator, core->batches[i]);
    }
    for (size_t i = 0; i < core->documents_count; i++) {
        cull__free(allocator, core->documents[i].data);
    }
    for (size_t i = 0; i < core->checkpoints_count; i++) {
        checkpoint_release(core, &core->checkpoints[i]);
    }
    cull__free(allocator, core->batches);
    cull__free(allocator, core->documents);
    cull__free(allocator, core->checkpoints);
    (void)pthread_mutex_destroy(&core->mutex);
    cull__free(allocator, core);
}

static void memory_close(cull_log *log)
{
    struct core *core = memory_lock(log);
    const cull_allocator *allocator = core->allocator;
    size_t left = --core->handle_count; /* after the unlock the core may be another's to free */

    (void)holder_change(&core->leader, log, false, "", NULL);
    (void)holder_change(&core->maintainer, log, false, "", NULL);
    memory_unlock(core);
    cull__free(allocator, log);
    if (left == 0) {
        core_free(core);
    }
}

static const struct cull__log_ops memory_ops = {
    .name = "memory",
    .append = memory_append,
    .head = memory_head,
    .read = memory_read,
    .tail_bytes = memory_tail_bytes,
    .document_pieces = memory_document,
    .checkpoint_put = memory_checkpoint_put,
    .checkpoint_get = memory_checkpoint_get,
    .checkpoint_size = memory_checkpoint_size,
    .maintain_lock = memory_maintain_lock,
    .cut = memory_cut,
    .audit_read = memory_audit_read,
    .leader = memory_leader,
    .stat = memory_stat,
    .close = memory_close,
};

static struct memory_log *view_new(struct core *core)
{
    struct memory_log *view = cull__alloc_zero(core->allocator, 1, sizeof(struct memory_log));

    if (view != NULL) {
        view->base = (cull_log){ &memory_ops, core->allocator };
        view->core = core;
    }
    return view;
}

cull_status cull_log_memory_new(cull_log **out, const cull_allocator *allocator)
{
    struct memory_log *view;
    struct core *core;

    *out = NULL;
    allocator = allocator == NULL ? cull_allocator_default() : allocator;
    core = cull__alloc_zero(allocator, 1, sizeof(struct core));
    if (core == NULL) {
        return CULL_E_NOMEM;
    }
    core->allocator = allocator;
    view = view_new(core);
    if (view == NULL || pthread_mutex_init(&core->mutex, NULL) != 0) {
        cull__free(allocator, view);
        cull__free(allocator, core);
        return CULL_E_NOMEM;
    }
    core->handle_count = 1;
    *out = &view->base;
    return CULL_OK;
}

cull_status cull_log_memory_view(cull_log **out, cull_log *log)
{
    struct memory_log *view;
    struct core *core;

    *out = NULL;
    CULL_ASSERT(log->ops == &memory_ops);
    core = memory_lock(log);
    view = view_new(core);
    if (view != NULL) {
        core->handle_count++;
        *out = &view->base;
    }
    memory_unlock(core);
    return view == NULL ? CULL_E_NOMEM : CULL_OK;
}
