/*
 * objects.c - calling an object store, whichever it is.
 *
 * SHAPE     One wrapper an operation; each looks whether the store has it and holds the answer
 *           for a store that does not.
 * INVARIANT An operation beyond a store's struct_bytes is never read: a store compiled against
 *           an older interface goes on working.
 * FAILURE   A required operation that is missing is CULL_E_USAGE, and nothing was called.
 * THREADS   As the store's; nothing is kept here.
 */
#include "object/objects_internal.h"

/* True if the store's table is long enough to hold an operation, and holds it. */
#define HAS(objects, op)                                                \
    ((objects)->ops->struct_bytes >=                                    \
         offsetof(cull_objects_ops, op) + sizeof((objects)->ops->op) && \
     (objects)->ops->op != NULL)

const char *cull__objects_name(const cull_objects *objects)
{
    return HAS(objects, name) ? objects->ops->name : "unnamed";
}

static cull_status objects_missing(const cull_objects *objects, const char *op, cull_error *err)
{
    return cull__error_set(err, CULL_E_USAGE, "object store %s: has no operation %s",
                           cull__objects_name(objects), op);
}

cull_status cull__objects_check(const cull_objects *objects, cull_error *err)
{
    const struct {
        const char *op;
        bool has;
    } required[] = {
        { "list", HAS(objects, list) },
        { "stat_batch", HAS(objects, stat_batch) },
        { "read", HAS(objects, read) },
        { "stage", HAS(objects, stage) },
        { "publish", HAS(objects, publish) },
        { "discard", HAS(objects, discard) },
        { "delete_batch", HAS(objects, delete_batch) },
        { "late_deletes", HAS(objects, late_deletes) },
        { "close", HAS(objects, close) },
    };

    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        if (!required[i].has) {
            return objects_missing(objects, required[i].op, err);
        }
    }
    return CULL_OK;
}

cull_status cull__objects_list(cull_objects *objects, cull_object_visit_fn visit, void *ctx,
                               cull_error *err)
{
    if (!HAS(objects, list)) {
        return objects_missing(objects, "list", err);
    }
    return objects->ops->list(objects, visit, ctx, err);
}

cull_status cull__objects_stat_batch(cull_objects *objects, const cull_object_id *ids, size_t count,
                                     cull_object_info *info, cull_error *err)
{
    if (!HAS(objects, stat_batch)) {
        return objects_missing(objects, "stat_batch", err);
    }
    return objects->ops->stat_batch(objects, ids, count, info, err);
}

cull_status cull__objects_read(cull_objects *objects, const cull_object_id *id, cull_write_fn write,
                               void *ctx, cull_error *err)
{
    if (!HAS(objects, read)) {
        return objects_missing(objects, "read", err);
    }
    return objects->ops->read(objects, id, write, ctx, err);
}

cull_status cull__objects_stage(cull_objects *objects, const cull_source *source, cull_staged *out,
                                cull_error *err)
{
    *out = (cull_staged){ 0 };
    if (!HAS(objects, stage)) {
        return objects_missing(objects, "stage", err);
    }
    return objects->ops->stage(objects, source, out, err);
}

cull_status cull__objects_publish(cull_objects *objects, const cull_staged *staged,
                                  const cull_object_id *ids, size_t count, cull_status *result,
                                  cull_error *err)
{
    if (!HAS(objects, publish)) {
        return cull__objects_batch_fill(result, count, objects_missing(objects, "publish", err));
    }
    return objects->ops->publish(objects, staged, ids, count, result, err);
}

void cull__objects_discard(cull_objects *objects, const cull_staged *staged)
{
    if (HAS(objects, discard)) {
        objects->ops->discard(objects, staged);
    }
}

cull_status cull__objects_delete_batch(cull_objects *objects, const cull_object_version *versions,
                                       size_t count, cull_status *result, cull_error *err)
{
    if (!HAS(objects, delete_batch)) {
        return cull__objects_batch_fill(result, count,
                                        objects_missing(objects, "delete_batch", err));
    }
    return objects->ops->delete_batch(objects, versions, count, result, err);
}

cull_late_deletes cull__objects_late_deletes(cull_objects *objects)
{
    cull_late_deletes late;

    if (!HAS(objects, late_deletes)) {
        return CULL_LATE_UNSAFE;
    }
    late = objects->ops->late_deletes(objects);
    if (late == CULL_LATE_VERSION_IDS && !HAS(objects, versions)) {
        return CULL_LATE_UNSAFE;
    }
    return late;
}

cull_status cull__objects_versions(cull_objects *objects, const cull_object_id *id,
                                   cull_status (*visit)(void *ctx, uint64_t version), void *ctx,
                                   cull_error *err)
{
    cull_object_info info = { 0 };
    cull_status status;

    if (HAS(objects, versions)) {
        return objects->ops->versions(objects, id, visit, ctx, err);
    }
    status = cull__objects_stat_batch(objects, id, 1, &info, err);
    if (status != CULL_OK || info.status == CULL_E_NOTFOUND) {
        return status;
    }
    if (info.status != CULL_OK) {
        return cull__error_set(err, info.status, "object store %s: an object cannot be asked: %s",
                               cull__objects_name(objects), cull_strerror(info.status));
    }
    return visit(ctx, 0);
}

bool cull__objects_can_version(const cull_objects *objects)
{
    return objects != NULL && HAS(objects, versioning);
}

cull_status cull__objects_versioning(cull_objects *objects, cull_versioning *state, cull_error *err)
{
    *state = CULL_VERSIONING_NONE;
    if (!HAS(objects, versioning)) {
        return CULL_OK;
    }
    return objects->ops->versioning(objects, state, err);
}

cull_status cull__objects_quarantine(cull_objects *objects, const cull_object_id *id,
                                     const cull_object_info *seen, cull_error *err)
{
    if (!HAS(objects, quarantine)) {
        return cull__error_set(err, CULL_E_REFUSED, "object store %s: cannot set an object aside",
                               cull__objects_name(objects));
    }
    return objects->ops->quarantine(objects, id, seen, err);
}

cull_status cull__objects_clean_staged(cull_objects *objects, uint64_t before_ms, uint64_t *count,
                                       cull_error *err)
{
    *count = 0;
    if (!HAS(objects, clean_staged)) {
        return CULL_OK;
    }
    return objects->ops->clean_staged(objects, before_ms, count, err);
}

cull_status cull__objects_lock(cull_objects *objects, bool take, cull_error *err)
{
    return HAS(objects, lock) ? objects->ops->lock(objects, take, err) : CULL_OK;
}

cull_status cull__objects_settle(cull_objects *objects, const cull_object_id *id, cull_error *err)
{
    return HAS(objects, settle) ? objects->ops->settle(objects, id, err) : CULL_OK;
}

void cull_objects_close(cull_objects *objects)
{
    if (objects != NULL && HAS(objects, close)) {
        objects->ops->close(objects);
    }
}

cull_status cull__objects_batch_status(const cull_status *result, size_t count, cull_error *err)
{
    cull_status first = CULL_OK;
    size_t failed = 0;

    for (size_t i = 0; i < count; i++) {
        if (result[i] != CULL_OK) {
            first = failed == 0 ? result[i] : first;
            failed++;
        }
    }
    if (failed > 0 && failed < count) {
        first = CULL_E_PARTIAL;
    }
    if (failed > 0 && err != NULL) {
        err->status = first;
    }
    return first;
}

cull_status cull__objects_batch_fill(cull_status *result, size_t count, cull_status status)
{
    for (size_t i = 0; i < count; i++) {
        result[i] = status;
    }
    return status;
}
