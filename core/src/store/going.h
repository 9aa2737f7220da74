/*
 * going.h - what a deletion takes, and what links take part in that.
 */
#ifndef CULL_GOING_H
#define CULL_GOING_H

#include "store/store_internal.h"

struct cull__keys {
    cull_version_key *at;
    size_t count;
    size_t capacity;
};

struct cull__going {
    const cull_allocator *allocator;
    struct cull__keys versions;   /* that are soft-deleted */
    struct cull__keys unlinked;   /* links that go on their own */
    struct cull__keys lost;       /* links that go with their sources */
    struct cull__keys kept;       /* links, one for each thing that one of them keeps */
    struct cull__keys portfolios; /* that go; ordinals are 0 */
    struct cull__keys registries; /* likewise */
    uint64_t links;               /* of portfolios and registries that go */
};

void cull__going_clear(struct cull__going *going); /* keeps memory */
void cull__going_release(struct cull__going *going);
/* CULL_E_NOMEM. */
cull_status cull__keys_push(const cull_allocator *allocator, struct cull__keys *keys,
                            uint64_t collection, uint32_t ordinal);
/* A COMMITTED version goes with its links, unless one of them keeps it. CULL_E_NOMEM. */
cull_status cull__going_take(struct cull__going *going, const struct cull__catalog *catalog,
                             const struct cull__collection *collection, uint32_t ordinal);
/* All was taken. Rule 15: is it allowed that something is kept? */
cull_status cull__going_check(struct cull__going *going, const cull_store *store, bool skip,
                              cull_error *err);
/* The facts of what is no version: links that go on their own, portfolios, registries. */
cull_status cull__going_add_links(struct cull__txn *txn, const struct cull__going *going);
/* When all is done, or refused with CULL_E_REFUSED: tell of links, fill the report; CULL_E_PARTIAL if
 * something was kept. */
cull_status cull__going_end(const struct cull__going *going, cull_store *store, cull_status status,
                            const cull_delete_options *options, cull_error *err);

#endif
