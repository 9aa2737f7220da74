/*
 * upload.h - an upload's handle, for upload.c and commit.c.
 */
#ifndef CULL_UPLOAD_H
#define CULL_UPLOAD_H

#include "store/store_internal.h"

struct cull_upload {
    cull_store *store;
    uint64_t id;
    uint64_t collection;
    uint32_t base; /* CULL__NO_ORDINAL: none */
    bool has_members;
    struct cull__bits members; /* of the base, by number, once asked for */
};

/* CULL_E_ENDED if the upload is not in the catalog any more. The handle is locked. */
cull_status cull__upload_check_open(const cull_upload *upload, cull_error *err);
/* And may who asks go on with it (rule 28)? */
cull_status cull__upload_check_writer(const cull_upload *upload, const struct cull__txn *txn,
                                      cull_error *err);
/* Fill upload->members, once. The upload is open, so its base is pinned and its numbers stay. */
cull_status cull__upload_members(cull_upload *upload, cull_error *err);
bool cull__upload_base_holds(const cull_upload *upload, uint32_t number);
bool cull__upload_pins(const cull_upload *upload, uint32_t number);
/* A version may be committed that holds this blob: it is LIVE; or it is EXPECTED and the store keeps
 * no objects, so that the commit confirms it, in one append with the version. */
bool cull__upload_may_hold(const cull_store *store, uint32_t number);

/* What a patch changes in the collection's lifespans, and the new version's fingerprint. */
struct cull__patch_effect {
    struct cull__u32s closed; /* sorted */
    struct cull__u32s opened;
    uint64_t blobs;
    uint64_t sum;
};
/* The effect of a small patch on the collection's head, base. *plain false: the whole manifest must
 * be counted. CULL_E_NOMEM, CULL_E_CORRUPT. */
cull_status cull__patch_effect(const cull_upload *upload, const cull_manifest *base,
                               const cull_manifest_patch *patch, struct cull__patch_effect *effect,
                               bool *plain);

#endif
