/*
 * sized.c - a version's manifest, with the sizes that the store knows.
 *
 * COST      Nothing but a pass if every file has a size. Else the digests of those that have none
 *           are looked up, in batches, and the manifest is written anew: beyond its bound into a
 *           scratch file.
 */
#include "sized.h"

#define BATCH 512

/* Entries from one on, with sizes where they are known. */
struct batch {
    size_t from;
    size_t count;
    cull_digest digests[BATCH]; /* of those whose size is asked for */
    uint64_t sizes[BATCH];
    size_t asked;
};

static bool lacks_size(const cull_entry *entry)
{
    return entry->kind == CULL_ENTRY_BLOB && entry->size_bytes == CULL_SIZE_UNKNOWN;
}

static bool any_lacks_size(const cull_manifest *manifest)
{
    for (size_t i = 0; i < cull_manifest_count(manifest); i++) {
        cull_entry entry;

        cull_manifest_at(manifest, i, &entry);
        if (lacks_size(&entry)) {
            return true;
        }
    }
    return false;
}

/* Add the next entries, as many as go into a batch. */
static cull_status add_batch(struct cli *cli, const cull_manifest *manifest, struct batch *batch,
                             cull_manifest *out)
{
    cull_entry entry;
    cull_status status = CULL_OK;
    size_t next = 0;

    batch->asked = 0;
    for (size_t i = 0; i < batch->count; i++) {
        cull_manifest_at(manifest, batch->from + i, &entry);
        if (lacks_size(&entry)) {
            batch->digests[batch->asked++] = entry.digest;
        }
    }
    if (batch->asked > 0) {
        status = cull_blob_sizes(cli->store, batch->digests, batch->asked, batch->sizes, &cli->err);
    }
    for (size_t i = 0; status == CULL_OK && i < batch->count; i++) {
        cull_manifest_at(manifest, batch->from + i, &entry);
        if (lacks_size(&entry)) {
            entry.size_bytes = batch->sizes[next++];
        }
        status = cull_manifest_add(out, &entry, &cli->err);
    }
    return status;
}

static cull_status add_sizes(struct cli *cli, const cull_manifest *manifest, cull_manifest *out)
{
    size_t count = cull_manifest_count(manifest);
    struct batch batch = { .from = 0 };
    cull_status status = cull_manifest_head_set(out, cull_manifest_head(manifest), &cli->err);

    for (; status == CULL_OK && batch.from < count; batch.from += batch.count) {
        batch.count = count - batch.from < BATCH ? count - batch.from : BATCH;
        status = add_batch(cli, manifest, &batch, out);
    }
    if (status == CULL_OK) {
        status = cull_manifest_check(manifest, &cli->err);
    }
    return status == CULL_OK ? cull_manifest_seal(out, &cli->err) : status;
}

cull_status sized_manifest(struct cli *cli, const cull_version_key *key, cull_manifest **out)
{
    cull_manifest *manifest = NULL;
    cull_manifest *sized = NULL;
    cull_status status = cull_version_manifest(cli->store, key, &manifest, &cli->err);

    *out = NULL;
    if (status == CULL_OK && any_lacks_size(manifest)) {
        status = cull_manifest_new_in(&sized, cull_manifest_kind(manifest), &cli->scratch,
                                      cull_allocator_default());
        status = status == CULL_OK ? add_sizes(cli, manifest, sized) : cli_fail_nomem(cli);
        cull_manifest_free(manifest);
        manifest = sized;
    }
    if (status == CULL_OK) {
        *out = manifest;
    } else {
        cull_manifest_free(manifest);
    }
    return status;
}
