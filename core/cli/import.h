/*
 * import.h - what all kinds of import share: versions with known digests, added one by one.
 */
#ifndef IMPORT_H
#define IMPORT_H

#include "artifact_names.h"
#include "cli.h"
#include "progress.h"
#include "resolve.h"

/* The options of every kind, filled from one table (cmd_import.c). */
struct import_options {
    const char *type;
    struct arg_list aliases; /* for the last version that is added */
    struct arg_list tags;    /* for every version */
    const char *run;
    struct arg_number ttl;
    const char *content; /* --content DIR; NULL */
    const char *digest;  /* --digest A: of a manifest whose digests could be of two kinds; NULL */
    struct arg_number threads;
    bool allow_unresolved; /* --allow-unresolved-references */
};

/* Stage the content of the manifest's entries of these numbers in the store: out[i].token is valid
 * if staged[i]; after a failure the caller gives those up. */
typedef cull_status (*import_stage_fn)(void *ctx, const size_t *entries, size_t count,
                                       cull_staged *out, bool *staged, cull_error *err);

/* One version to add; everything is borrowed for the call. */
struct import_version {
    const char *source; /* where it comes from: a file; for records */
    const cull_manifest *manifest;
    import_stage_fn stage; /* NULL: there is no content beyond what the store holds */
    void *stage_ctx;
    const char *const *aliases;
    size_t alias_count;
    const char *const *tags;
    size_t tag_count;
    const char *description; /* NULL: none */
    const char *metadata;    /* NULL: none */
    const char *artifact_id; /* that a server knows it by; NULL: none */
};

/* A run of versions into one collection. Zero it, then import_begin(). */
struct import {
    struct cli *cli;
    const struct import_options *options;
    cull_name collection;
    struct progress progress;

    bool has_last; /* last: the version that was added or found equal last, the next one's base */
    uint32_t last;
    cull_upload *upload;
    uint64_t lease_ns;
    uint64_t renewed_ns;
    struct import_batch *batch; /* one batch's room */

    uint64_t versions_new; /* added so far */
    uint64_t versions_equal;
    uint64_t blobs_sent;
    uint64_t bytes_sent;
};

/* Open the store (its objects too) and look at the options; the store's settings are then in
 * cli->settings. */
CULL_MUST_USE cull_status import_begin(struct import *import, struct cli *cli,
                                       const char *collection,
                                       const struct import_options *options);

/*
 * Add one version: name its blobs, send the content of those that the store lacks, commit. Its base
 * is the version that was added last (of the first: the collection's newest). *out may be NULL.
 * CULL_E_NOTFOUND: the store lacks a blob and there is no content: the blob is named.
 * CULL_E_PARTIAL: an index-only store is giving blobs of it up (gc --list): they are listed.
 * CULL_E_CANCELLED: a signal came; the upload is aborted by import_end().
 */
CULL_MUST_USE cull_status import_add(struct import *import, const struct import_version *version,
                                     cull_commit_result *out);

/* For whatever takes long between two import_add() and inside of a stage function: shows progress,
 * renews the lease, notices signals. */
CULL_MUST_USE cull_status import_tick(void *import, cull_error *err);

/* Give up what is open, print the summary if all went well, free. Call it always. */
void import_end(struct import *import, cull_status status);

/* --- the kinds ----------------------------------------------------------------------------- */

struct import_wandb_options {
    const char *artifact_id;  /* --artifact-id: of the one manifest; NULL */
    const char *artifact_ids; /* --artifact-ids: a file of names and ids; NULL */
};

cull_status import_wandb(struct import *import, const char *path,
                         const struct import_wandb_options *options);
cull_status import_list(struct import *import, const char *path);

#endif
