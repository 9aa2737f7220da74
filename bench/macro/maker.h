/*
 * maker.h - large stores, quickly: facts appended in bulk, as an import of years would leave them.
 *
 * The facts are those of uploads and commits, with fingerprints that hold, but no manifest is kept
 * with a version: whatever reads manifests (get, why, fsck, a patch on one of these versions) does
 * not work on such a store. Everything else does.
 */
#ifndef BENCH_MAKER_H
#define BENCH_MAKER_H

#include "cull/cull.h"

/* One collection: each version replaces `changed` random files by new blobs. changed 0: versions
 * alternate between two contents of one file, so that millions of them hold few blobs. */
struct shape {
    uint32_t versions;
    uint32_t files;
    uint32_t changed;
};

struct maker;

/* Make a store (MD5, no grace) in an empty log. */
struct maker *maker_new(cull_log *log, bool index_only);
/* Add the collection bench/made/c<N>, N from 0. */
void maker_collection(struct maker *maker, const struct shape *shape);
/* Append what is left. */
void maker_free(struct maker *maker);

cull_log *maker_open_log(const char *dir, bool create);
/* A store in a directory with so many equal collections, its checkpoints written, the log cut. */
void maker_directory(const char *dir, uint32_t collections, const struct shape *shape);

/* A caller at an instant after everything made. */
cull_caller maker_caller(void);

#endif
