/*
 * reference.h - following references into other artifacts, for commit.c.
 */
#ifndef CULL_REFERENCE_H
#define CULL_REFERENCE_H

#include "store/store_internal.h"

/* The manifest that a reference led into last is kept: the next one mostly leads into the same. */
struct cull__follower {
    cull_store *store;
    cull_manifest *target;
    uint64_t target_id; /* of its version */
};

/* The blob that an entry of kind CULL_ENTRY_ARTIFACT means; the handle is locked. CULL_E_NOTFOUND
 * with the entry and the id: nothing COMMITTED is there. */
cull_status cull__reference_follow(struct cull__follower *follower, const cull_entry *entry,
                                   cull_blob_ref *out, cull_error *err);
void cull__follower_release(struct cull__follower *follower);

#endif
