/*
 * git_blobs.h - what git's blobs are to the store: digest and size; and sending their content.
 */
#ifndef GIT_BLOBS_H
#define GIT_BLOBS_H

#include "git_history.h"
#include "import.h"

struct git_blob {
    struct git_id id;
    bool known; /* digest and size are */
    bool waits; /* an index-only store is giving it up */
    uint64_t size_bytes;
    cull_digest digest;
};

/* Every blob met so far, found by its id. */
struct git_blobs {
    struct import *import;
    const char *repo;
    bool by_id; /* git's id is the digest: an index-only store of sha1 */

    struct git_blob *items;
    uint32_t count;
    uint32_t capacity;
    uint32_t *slots; /* item + 1; 0: free */
    size_t slot_count;

    uint32_t *fetch; /* items to ask git for */
    size_t fetch_count;
    cull_hasher *hasher;
    struct git_pending *pending;
};

CULL_MUST_USE cull_status git_blobs_init(struct git_blobs *blobs, struct import *import,
                                         const char *repo);
/* The repository's kind of ids is known, or another: whether they are taken for digests. */
void git_blobs_match(struct git_blobs *blobs);
void git_blobs_release(struct git_blobs *blobs);
/* The blob of that id, added if it is new; its number. */
CULL_MUST_USE cull_status git_blobs_add(struct git_blobs *blobs, const struct git_id *id,
                                        uint32_t *number);
/* Learn digest and size of these blobs (each once), pin them by the import's upload, and send what
 * the store lacks. Those that an index-only store is giving up are marked. */
CULL_MUST_USE cull_status git_blobs_pin(struct git_blobs *blobs, const uint32_t *numbers,
                                        size_t count);

#endif
