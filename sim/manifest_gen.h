/*
 * manifest_gen.h - made-up manifests of any size, for measuring and for imports.
 *
 * A sequence of versions of one artifact with a fixed set of paths, in which a share of the files
 * gets new content from each version to the next.
 */
#ifndef MANIFEST_GEN_H
#define MANIFEST_GEN_H

#include "cull/manifest.h"

#define MANIFEST_GEN_FILES_MAX CULL_MANIFEST_ENTRIES_MAX
#define MANIFEST_GEN_PER_MILLION 1000000u

struct manifest_gen {
    uint64_t seed;
    uint32_t files;              /* at most MANIFEST_GEN_FILES_MAX */
    uint32_t change_per_million; /* of the files, from one version to the next */
};

/* The version, at most the given one, in which a file got the content that it has there. */
uint32_t manifest_gen_born(const struct manifest_gen *gen, uint32_t version, uint32_t file);

/* Write one version as a wandb_manifest.json of MD5 digests, about 114 bytes an entry, without
 * white space and in order of paths. Only write fails, and its status is passed on. */
cull_status manifest_gen_write(const struct manifest_gen *gen, uint32_t version,
                               cull_write_fn write, void *ctx, cull_error *err);

/* cull-sim manifest: words and options from argv[1] on. Returns the exit code. */
int manifest_gen_main(int argc, char **argv);

#endif
