/*
 * log.c - what all logs share: closing, the bounds of a batch, releasing a checkpoint.
 *
 * SHAPE     A log is a table of operations and an allocator in front of the backend's own state.
 * FAILURE   A batch over a bound is refused before the backend looks at anything.
 */
#include "log/log_internal.h"

#include <inttypes.h>

/* SQLite counts in signed 64 bits; no store comes near. */
#define SEQ_MAX ((uint64_t)INT64_MAX)

cull_status cull__batch_check(uint64_t expected_seq, const struct cull__batch *batch,
                              cull_error *err)
{
    CULL_ASSERT(batch->fact_count > 0);
    CULL_ASSERT(batch->document_count == 0 || batch->documents != NULL);
    if (batch->len > CULL__BATCH_BYTES_MAX) {
        return cull__error_set(err, CULL_E_LIMIT, "a batch of %zu bytes: at most %u", batch->len,
                               CULL__BATCH_BYTES_MAX);
    }
    if (expected_seq > SEQ_MAX - batch->fact_count) {
        return cull__error_set(err, CULL_E_LIMIT, "fact %" PRIu64 ": too many facts", expected_seq);
    }
    for (size_t i = 0; i < batch->document_count; i++) {
        if (batch->documents[i].len > CULL__DOCUMENT_BYTES_MAX) {
            return cull__error_set(
                err, CULL_E_LIMIT, "document %" PRIu64 " of %zu bytes: at most %u",
                batch->documents[i].id, batch->documents[i].len, CULL__DOCUMENT_BYTES_MAX);
        }
    }
    return CULL_OK;
}

void cull__checkpoint_release(struct cull__checkpoint *checkpoint, const cull_allocator *allocator)
{
    for (size_t i = 0; i < checkpoint->count; i++) {
        cull__free(allocator, checkpoint->columns[i].data);
    }
    cull__free(allocator, checkpoint->columns);
    *checkpoint = (struct cull__checkpoint){ 0 };
}

static cull_status gather(void *ctx, const void *data, size_t len, cull_error *err)
{
    struct cull__buf *out = ctx;

    cull__buf_put(out, data, len);
    return out->failed ? cull__error_nomem(err) : CULL_OK;
}

cull_status cull__log_document(cull_log *log, uint64_t id, struct cull__buf *out, cull_error *err)
{
    return log->ops->document_pieces(log, id, gather, out, err);
}

cull_status cull_log_group_begin(cull_log *log, cull_error *err)
{
    if (log->ops->group_begin == NULL) {
        return cull__error_set(err, CULL_E_USAGE, "a log of kind %s has no groups", log->ops->name);
    }
    return log->ops->group_begin(log, err);
}

cull_status cull_log_group_end(cull_log *log, bool keep, cull_error *err)
{
    if (log->ops->group_end == NULL) {
        return cull__error_set(err, CULL_E_USAGE, "a log of kind %s has no groups", log->ops->name);
    }
    return log->ops->group_end(log, keep, err);
}

bool cull__log_is_grouped(cull_log *log)
{
    return log->ops->is_grouped != NULL && log->ops->is_grouped(log);
}

void cull_log_close(cull_log *log)
{
    if (log != NULL) {
        log->ops->close(log);
    }
}
