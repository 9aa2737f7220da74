/*
 * faulty.c - an object store that fails when it is told to.
 *
 * SHAPE     A store around a store: each operation asks fault first and then lets the inner
 *           one answer. Batches ask once more afterwards ("publish.after", "delete.after").
 * INVARIANT A refusal before the work means that nothing was done, except that staged bytes
 *           are given up, as publish promises whatever its result. A refusal after it means
 *           that all was done and the answer was lost.
 * FAILURE   What fault says, for every element of a batch.
 * THREADS   As the inner store's and as fault's; calls are counted atomically.
 * WHY NOT   faults inside the stores: they would be code that only tests run, in every store.
 */
#include "object/objects_internal.h"

#include <inttypes.h>
#include <stdatomic.h>

struct faulty {
    cull_objects base; /* first */
    cull_objects *inner;
    cull_fault_fn fault;
    void *ctx;
    const cull_allocator *allocator;
    atomic_uint_fast64_t calls;
};

static cull_status faulty_ask(struct faulty *faulty, const char *op, cull_error *err)
{
    uint64_t n = atomic_fetch_add(&faulty->calls, 1) + 1;
    cull_status status = faulty->fault(faulty->ctx, op, n);

    if (status != CULL_OK) {
        return cull__error_set(err, status, "object store: %s: fault at call %" PRIu64 ": %s", op,
                               n, cull_strerror(status));
    }
    return CULL_OK;
}

static cull_status faulty_list(cull_objects *objects, cull_object_visit_fn visit, void *ctx,
                               cull_error *err)
{
    struct faulty *faulty = (struct faulty *)objects;
    cull_status status = faulty_ask(faulty, "list", err);

    return status != CULL_OK ? status : cull__objects_list(faulty->inner, visit, ctx, err);
}

static cull_status faulty_stat_batch(cull_objects *objects, const cull_object_id *ids, size_t count,
                                     cull_object_info *info, cull_error *err)
{
    struct faulty *faulty = (struct faulty *)objects;
    cull_status status = faulty_ask(faulty, "stat", err);

    for (size_t i = 0; status != CULL_OK && i < count; i++) {
        info[i] = (cull_object_info){ .status = status };
    }
    return status != CULL_OK ? status
                             : cull__objects_stat_batch(faulty->inner, ids, count, info, err);
}

static cull_status faulty_read(cull_objects *objects, const cull_object_id *id, cull_write_fn write,
                               void *ctx, cull_error *err)
{
    struct faulty *faulty = (struct faulty *)objects;
    cull_status status = faulty_ask(faulty, "read", err);

    return status != CULL_OK ? status : cull__objects_read(faulty->inner, id, write, ctx, err);
}

static cull_status faulty_stage(cull_objects *objects, const cull_source *source, cull_staged *out,
                                cull_error *err)
{
    struct faulty *faulty = (struct faulty *)objects;
    cull_status status = faulty_ask(faulty, "stage", err);

    *out = (cull_staged){ 0 };
    return status != CULL_OK ? status : cull__objects_stage(faulty->inner, source, out, err);
}

static cull_status faulty_publish(cull_objects *objects, const cull_staged *staged,
                                  const cull_object_id *ids, size_t count, cull_status *result,
                                  cull_error *err)
{
    struct faulty *faulty = (struct faulty *)objects;
    cull_status status = faulty_ask(faulty, "publish", err);
    cull_status lost;

    if (status != CULL_OK) {
        for (size_t i = 0; i < count; i++) {
            cull__objects_discard(faulty->inner, &staged[i]);
        }
        return cull__objects_batch_fill(result, count, status);
    }
    status = cull__objects_publish(faulty->inner, staged, ids, count, result, err);
    lost = faulty_ask(faulty, "publish.after", err);
    return lost != CULL_OK ? cull__objects_batch_fill(result, count, lost) : status;
}

static void faulty_discard(cull_objects *objects, const cull_staged *staged)
{
    cull__objects_discard(((struct faulty *)objects)->inner, staged);
}

static cull_status faulty_delete_batch(cull_objects *objects, const cull_object_version *versions,
                                       size_t count, cull_status *result, cull_error *err)
{
    struct faulty *faulty = (struct faulty *)objects;
    cull_status status = faulty_ask(faulty, "delete", err);
    cull_status lost;

    if (status != CULL_OK) {
        return cull__objects_batch_fill(result, count, status);
    }
    status = cull__objects_delete_batch(faulty->inner, versions, count, result, err);
    lost = faulty_ask(faulty, "delete.after", err);
    return lost != CULL_OK ? cull__objects_batch_fill(result, count, lost) : status;
}

static cull_late_deletes faulty_late_deletes(cull_objects *objects)
{
    return cull__objects_late_deletes(((struct faulty *)objects)->inner);
}

static cull_status faulty_versions(cull_objects *objects, const cull_object_id *id,
                                   cull_status (*visit)(void *ctx, uint64_t version), void *ctx,
                                   cull_error *err)
{
    struct faulty *faulty = (struct faulty *)objects;
    cull_status status = faulty_ask(faulty, "versions", err);

    return status != CULL_OK ? status : cull__objects_versions(faulty->inner, id, visit, ctx, err);
}

static cull_status faulty_versioning(cull_objects *objects, cull_versioning *state, cull_error *err)
{
    struct faulty *faulty = (struct faulty *)objects;
    cull_status status = faulty_ask(faulty, "versioning", err);

    return status != CULL_OK ? status : cull__objects_versioning(faulty->inner, state, err);
}

static cull_status faulty_quarantine(cull_objects *objects, const cull_object_id *id,
                                     const cull_object_info *seen, cull_error *err)
{
    struct faulty *faulty = (struct faulty *)objects;
    cull_status status = faulty_ask(faulty, "quarantine", err);

    return status != CULL_OK ? status : cull__objects_quarantine(faulty->inner, id, seen, err);
}

static cull_status faulty_clean_staged(cull_objects *objects, uint64_t before_ms, uint64_t *count,
                                       cull_error *err)
{
    struct faulty *faulty = (struct faulty *)objects;
    cull_status status = faulty_ask(faulty, "clean", err);

    return status != CULL_OK ? status
                             : cull__objects_clean_staged(faulty->inner, before_ms, count, err);
}

static cull_status faulty_lock(cull_objects *objects, bool take, cull_error *err)
{
    struct faulty *faulty = (struct faulty *)objects;
    cull_status status = take ? faulty_ask(faulty, "lock", err) : CULL_OK;

    return status != CULL_OK ? status : cull__objects_lock(faulty->inner, take, err);
}

static cull_status faulty_settle(cull_objects *objects, const cull_object_id *id, cull_error *err)
{
    struct faulty *faulty = (struct faulty *)objects;
    cull_status status = faulty_ask(faulty, "settle", err);

    return status != CULL_OK ? status : cull__objects_settle(faulty->inner, id, err);
}

static void faulty_close(cull_objects *objects)
{
    struct faulty *faulty = (struct faulty *)objects;

    cull_objects_close(faulty->inner);
    cull__free(faulty->allocator, faulty);
}

static const cull_objects_ops faulty_ops = {
    .struct_bytes = sizeof(cull_objects_ops),
    .name = "faulty",
    .list = faulty_list,
    .stat_batch = faulty_stat_batch,
    .read = faulty_read,
    .stage = faulty_stage,
    .publish = faulty_publish,
    .discard = faulty_discard,
    .delete_batch = faulty_delete_batch,
    .late_deletes = faulty_late_deletes,
    .versions = faulty_versions,
    .versioning = faulty_versioning,
    .quarantine = faulty_quarantine,
    .clean_staged = faulty_clean_staged,
    .close = faulty_close,
    .lock = faulty_lock,
    .settle = faulty_settle,
};

cull_status cull_objects_faulty_new(cull_objects **out, cull_objects *inner, cull_fault_fn fault,
                                    void *ctx, const cull_allocator *allocator, cull_error *err)
{
    struct faulty *faulty;
    cull_status status;

    *out = NULL;
    allocator = allocator != NULL ? allocator : cull_allocator_default();
    status = cull__objects_check(inner, err);
    if (status != CULL_OK) {
        return status;
    }
    faulty = cull__alloc_zero(allocator, 1, sizeof *faulty);
    if (faulty == NULL) {
        return cull__error_nomem(err);
    }
    faulty->base.ops = &faulty_ops;
    faulty->inner = inner;
    faulty->fault = fault;
    faulty->ctx = ctx;
    faulty->allocator = allocator;
    atomic_init(&faulty->calls, 0);
    *out = &faulty->base;
    return CULL_OK;
}
