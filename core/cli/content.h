/*
 * content.h - the bytes of a directory's files: their digests, and their way into the store.
 */
#ifndef CONTENT_H
#define CONTENT_H

#include "cli.h"
#include "progress.h"
#include "walk.h"

/* Called while threads work, ten times a second; other than CULL_OK ends the work. */
typedef cull_status (*content_tick_fn)(void *ctx, cull_error *err);

struct content {
    int root;         /* the directory's descriptor */
    const char *name; /* the directory, for messages */
    bool follow;
    unsigned threads;
    cull_digest_kind kind;
    struct walk_list files;
    cull_digest *digests; /* of files, by index; filled by content_hash() */
    struct progress *progress;
    content_tick_fn tick; /* NULL: only progress and signals */
    void *tick_ctx;
};

/* Read every file and take its digest. CULL_E_IO: one cannot be read, or changed while it was read
 * or since it was listed; the file is named. CULL_E_CANCELLED: a signal came. */
CULL_MUST_USE cull_status content_hash(struct content *content, cull_error *err);

/* Stage files (indexes into the list) in the store. out[i].token is valid if staged[i]; after a
 * failure the caller gives those up. CULL_E_IO: as above, also if the bytes that were staged are
 * not those that were hashed. */
CULL_MUST_USE cull_status content_stage(struct content *content, cull_store *store,
                                        const size_t *files, size_t count, cull_staged *out,
                                        bool *staged, cull_error *err);

#endif
