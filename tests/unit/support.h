/*
 * support.h - what the unit tests share: an allocator that fails when told to, and a place for
 * files that is gone afterwards.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include "cull/base.h"

/* Counts calls, keeps the balance of blocks, and fails from the given call on. */
struct failing_allocator {
    cull_allocator allocator;
    uint64_t calls;   /* of alloc and realloc, the failed one included */
    uint64_t fail_at; /* the first call that fails, counted from 1; 0: none does */
    bool once;        /* and the only one */
    int64_t live;     /* blocks that were not freed yet */
};

/* The n-th call fails, and every later one: memory that has run out stays out, and code that
 * tries again must not be saved by it. allocator points into *failing: do not move it. */
void failing_allocator_init(struct failing_allocator *failing, uint64_t fail_at);

/* A text that is read in pieces of at most so many bytes. */
struct text_source {
    const char *at;
    size_t left;
    size_t piece;
};

/* A cull_read_fn; ctx: struct text_source *. */
cull_status text_source_read(void *ctx, void *data, size_t len, size_t *got, cull_error *err);

/* A new, empty directory for this test, below TMPDIR or /tmp. It is removed when the process that
 * asked for it ends; the text lives as long as the process. */
const char *scratch_dir(void);

/* The runner, before the first test: all later scratch directories lie in one, which it removes
 * when it ends, so that tests that failed or crashed leave nothing behind. */
void scratch_start(void);

/* Remove a directory and all below it, without following symlinks. */
void remove_tree(const char *path);

#endif
