/*
 * git_patches.c - from the edits of a chunk of steps to manifests and patches.
 *
 * SHAPE     Patches are made GIT_AHEAD steps ahead, so that a line of manifests learns the digests
 *           of what they make side by side. The line begins at the version that the first patch is
 *           on, and goes on for as long as the import does.
 * COST      The digests: a third of the time of an import, were each computed alone.
 * FAILURE   An edit that does not fit is left to the commit of its patch, so that what comes before
 *           it is imported.
 */
#include "git_patches.h"

#define LINE_ENTRIES_MAX (1u << 20)

size_t git_chunk_edits(const struct git_chunk *chunk, size_t i, const struct git_edit **edits)
{
    size_t from = i == 0 ? 0 : chunk->ends[i - 1];

    *edits = chunk->edits.items + from;
    return chunk->ends[i] - from;
}

void git_patches_init(struct git_patches *patches, struct git_blobs *blobs,
                      const struct git_chunk *chunk)
{
    *patches = (struct git_patches){ .blobs = blobs, .chunk = chunk };
}

static void drop_ready(struct git_patches *patches)
{
    for (size_t i = 0; i < patches->ready_count; i++) {
        cull_manifest_patch_free(patches->ready[i]);
    }
    patches->ready_count = 0;
}

void git_patches_release(struct git_patches *patches)
{
    drop_ready(patches);
    cull_manifest_line_free(patches->line);
    patches->line = NULL;
}

void git_patches_next_chunk(struct git_patches *patches)
{
    drop_ready(patches);
    patches->ready_first = 0;
}

static cull_status fill_entry(const struct git_patches *patches, const struct git_edit *edit,
                              cull_entry *entry)
{
    uint32_t number;
    cull_status status = CULL_OK;

    *entry = (cull_entry){ .path = patches->chunk->edits.paths.data + edit->path,
                           .path_len = edit->path_len,
                           .kind = edit->there ? CULL_ENTRY_BLOB : CULL_ENTRY_NONE };
    if (edit->there) {
        status = git_blobs_add(patches->blobs, &edit->blob, &number);
        if (status == CULL_OK) {
            const struct git_blob *blob = &patches->blobs->items[number];

            entry->digest = blob->digest;
            entry->size_bytes = blob->size_bytes;
        }
    }
    return status;
}

/* The edits of step i, added to a manifest or put into a patch, whichever is not NULL. */
static cull_status put_edits(const struct git_patches *patches, size_t i, cull_manifest *manifest,
                             cull_manifest_patch *patch)
{
    struct cli *cli = patches->blobs->import->cli;
    const struct git_edit *edits;
    size_t count = git_chunk_edits(patches->chunk, i, &edits);
    cull_status status = CULL_OK;

    for (size_t k = 0; status == CULL_OK && k < count; k++) {
        cull_entry entry;

        status = fill_entry(patches, &edits[k], &entry);
        if (status == CULL_OK) {
            status = manifest != NULL ? cull_manifest_add(manifest, &entry, &cli->err)
                                      : cull_manifest_patch_put(patch, &entry, &cli->err);
        }
    }
    if (status != CULL_OK) {
        return status;
    }
    return manifest != NULL ? cull_manifest_seal(manifest, &cli->err)
                            : cull_manifest_patch_seal(patch, &cli->err);
}

cull_status git_patches_whole(const struct git_patches *patches, size_t i, cull_manifest **out)
{
    struct cli *cli = patches->blobs->import->cli;
    cull_status status;

    if (cull_manifest_new(out, cli->settings.digest, NULL) != CULL_OK) {
        return cli_fail_nomem(cli);
    }
    status = put_edits(patches, i, *out, NULL);
    if (status != CULL_OK) {
        cull_manifest_free(*out);
        *out = NULL;
    }
    return status;
}

/* The patches of the steps from i on, up to one that cannot be made: that is said when it is its
 * turn. */
static cull_status make_ready(struct git_patches *patches, size_t i)
{
    struct cli *cli = patches->blobs->import->cli;
    size_t left = patches->chunk->step_count - i;
    size_t count = left < GIT_AHEAD ? left : GIT_AHEAD;
    cull_status status = CULL_OK;

    drop_ready(patches);
    patches->ready_first = i;
    while (status == CULL_OK && patches->ready_count < count) {
        cull_manifest_patch **patch = &patches->ready[patches->ready_count];

        if (cull_manifest_patch_new(patch, cli->settings.digest, NULL) != CULL_OK) {
            return cli_fail_nomem(cli);
        }
        status = put_edits(patches, i + patches->ready_count++, NULL, *patch);
    }
    if (status == CULL_E_INVALID && patches->ready_count > 1) {
        cull_manifest_patch_free(patches->ready[--patches->ready_count]);
        cli->err = (cull_error){ CULL_OK, "" };
        status = CULL_OK;
    }
    return status;
}

/* The line, from base on; a very large manifest's text is not kept. */
static cull_status begin_line(struct git_patches *patches, const cull_version_key *base)
{
    struct cli *cli = patches->blobs->import->cli;
    cull_manifest *manifest = NULL;
    cull_status status = cull_version_manifest(cli->store, base, &manifest, &cli->err);

    if (status == CULL_OK && cull_manifest_count(manifest) > LINE_ENTRIES_MAX) {
        patches->alone = true;
    } else if (status == CULL_OK &&
               cull_manifest_line_new(&patches->line, manifest, NULL) != CULL_OK) {
        status = cli_fail_nomem(cli);
    }
    cull_manifest_free(manifest);
    return status;
}

/* Let the line follow the patches that are ready; it begins at base. */
static cull_status note_ready(struct git_patches *patches, const cull_version_key *base)
{
    struct cli *cli = patches->blobs->import->cli;
    cull_error err = { CULL_OK, "" };
    cull_status status = patches->line == NULL ? begin_line(patches, base) : CULL_OK;

    if (status != CULL_OK || patches->alone) {
        return status;
    }
    status = cull_manifest_line_follow(patches->line, patches->ready, patches->ready_count, &err);
    if (status == CULL_E_INVALID) {
        patches->alone = true;
        return CULL_OK;
    }
    cli->err = status == CULL_OK ? cli->err : err;
    return status;
}

cull_status git_patches_take(struct git_patches *patches, size_t i, const cull_version_key *base,
                             const cull_manifest_patch **out)
{
    cull_status status = CULL_OK;

    *out = NULL;
    if (i >= patches->ready_first + patches->ready_count) {
        status = make_ready(patches, i);
        if (status == CULL_OK && !patches->alone) {
            status = note_ready(patches, base);
        }
    }
    if (status == CULL_OK) {
        *out = patches->ready[i - patches->ready_first];
    }
    return status;
}
