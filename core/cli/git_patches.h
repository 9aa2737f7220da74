/*
 * git_patches.h - from the edits of a chunk of steps to manifests and patches.
 */
#ifndef GIT_PATCHES_H
#define GIT_PATCHES_H

#include "git_blobs.h"

#define GIT_CHUNK_STEPS 1024
#define GIT_AHEAD 16 /* patches that are made ahead; as many digests are computed side by side */

/* Steps in a row, and what each of them edits. */
struct git_chunk {
    struct git_edits edits;
    size_t ends[GIT_CHUNK_STEPS]; /* of each step's, in edits */
    size_t step_count;
};

/* The edits of step i; their number. */
size_t git_chunk_edits(const struct git_chunk *chunk, size_t i, const struct git_edit **edits);

struct git_patches {
    struct git_blobs *blobs; /* where the chunk's blobs are known */
    const struct git_chunk *chunk;

    cull_manifest_line *line; /* at the manifest before the next patch that is made; or NULL */
    bool alone;               /* there is no line any more: each commit computes its digest */
    cull_manifest_patch *ready[GIT_AHEAD];
    size_t ready_first; /* the step that ready[0] is of */
    size_t ready_count;
};

void git_patches_init(struct git_patches *patches, struct git_blobs *blobs,
                      const struct git_chunk *chunk);
void git_patches_release(struct git_patches *patches);
/* Another chunk's steps from now on, behind those of the last one. */
void git_patches_next_chunk(struct git_patches *patches);
/* Step i as a whole manifest, for the first version; freed by the caller. */
CULL_MUST_USE cull_status git_patches_whole(const struct git_patches *patches, size_t i,
                                            cull_manifest **out);
/* Step i as a patch on the version before, which is at base; borrowed until the next call. Steps
 * come in order, each once. */
CULL_MUST_USE cull_status git_patches_take(struct git_patches *patches, size_t i,
                                           const cull_version_key *base,
                                           const cull_manifest_patch **out);

#endif
