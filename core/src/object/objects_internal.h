/*
 * objects_internal.h - how the library calls an object store: through these, never through ops.
 *
 * A store may be older than the interface (struct_bytes) or leave an optional operation out;
 * the answers for both stand here, in one place.
 */
#ifndef CULL_OBJECTS_INTERNAL_H
#define CULL_OBJECTS_INTERNAL_H

#include "base/base_internal.h"
#include "cull/objects.h"

/* CULL_E_USAGE, naming the first required operation that a store does not have. Asked once,
 * when a store is opened on it. */
cull_status cull__objects_check(const cull_objects *objects, cull_error *err);

/* The store's own name for itself, "unnamed" if it gave none. */
const char *cull__objects_name(const cull_objects *objects);

cull_status cull__objects_list(cull_objects *objects, cull_object_visit_fn visit, void *ctx,
                               cull_error *err);
cull_status cull__objects_stat_batch(cull_objects *objects, const cull_object_id *ids, size_t count,
                                     cull_object_info *info, cull_error *err);
cull_status cull__objects_read(cull_objects *objects, const cull_object_id *id, cull_write_fn write,
                               void *ctx, cull_error *err);
cull_status cull__objects_stage(cull_objects *objects, const cull_source *source, cull_staged *out,
                                cull_error *err);
cull_status cull__objects_publish(cull_objects *objects, const cull_staged *staged,
                                  const cull_object_id *ids, size_t count, cull_status *result,
                                  cull_error *err);
void cull__objects_discard(cull_objects *objects, const cull_staged *staged);
cull_status cull__objects_delete_batch(cull_objects *objects, const cull_object_version *versions,
                                       size_t count, cull_status *result, cull_error *err);

/* A store that promises version ids and cannot list versions is unsafe. */
cull_late_deletes cull__objects_late_deletes(cull_objects *objects);

/* Without the operation: version 0 of an object that is there, nothing of one that is not. */
cull_status cull__objects_versions(cull_objects *objects, const cull_object_id *id,
                                   cull_status (*visit)(void *ctx, uint64_t version), void *ctx,
                                   cull_error *err);

/* Without the operation: CULL_VERSIONING_NONE. */
/* Can it be asked for its versioning? NULL cannot. */
bool cull__objects_can_version(const cull_objects *objects);
cull_status cull__objects_versioning(cull_objects *objects, cull_versioning *state,
                                     cull_error *err);

/* Without the operation: CULL_E_REFUSED, and the object stays where it is. */
cull_status cull__objects_quarantine(cull_objects *objects, const cull_object_id *id,
                                     const cull_object_info *seen, cull_error *err);

/* Without the operation: nothing to clean. */
cull_status cull__objects_clean_staged(cull_objects *objects, uint64_t before_ms, uint64_t *count,
                                       cull_error *err);

/* Without the operation: CULL_OK, and the log's lock alone keeps other collectors away. */
cull_status cull__objects_lock(cull_objects *objects, bool take, cull_error *err);
/* Without the operation: CULL_OK. */
cull_status cull__objects_settle(cull_objects *objects, const cull_object_id *id, cull_error *err);

/* For stores: what a batch returns. CULL_OK if every result is, CULL_E_PARTIAL if some are,
 * else the first. err, filled by the first failure, gets that status. */
cull_status cull__objects_batch_status(const cull_status *result, size_t count, cull_error *err);

/* For stores: the same status for every result of a batch; returns it. */
cull_status cull__objects_batch_fill(cull_status *result, size_t count, cull_status status);

#endif
