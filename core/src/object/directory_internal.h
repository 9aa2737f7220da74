/*
 * directory_internal.h - the handle of a directory store, shared by its three parts:
 * directory.c (handle, reading, deleting), directory_stage.c (the way in), directory_walk.c
 * (listing).
 */
#ifndef CULL_DIRECTORY_INTERNAL_H
#define CULL_DIRECTORY_INTERNAL_H

#include "object/objects_internal.h"

#include <sys/stat.h>

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

#define CULL__FANOUTS 256
#define CULL__SCRATCH_BYTES ((size_t)256 * 1024)

/* "objects/ab/" and a digest in hex; the file's own name starts at CULL__OBJECT_NAME_AT. */
#define CULL__OBJECT_NAME_AT 11
#define CULL__OBJECT_PATH_MAX (CULL__OBJECT_NAME_AT + CULL_DIGEST_HEX_MAX)

/* What one call of one thread needs for its length; kept for the next call. */
struct cull__scratch {
    struct cull__scratch *next;
    cull_hasher *hasher;
    alignas(16) uint8_t data[CULL__SCRATCH_BYTES];
};

/*
 * A damaged object that was set aside stays under its name, as no object any more, until one is
 * published over it: to move it away would move what somebody publishes in the same instant. Its
 * file is marked by the sticky bit, which means nothing else on a file; a second name of it lies in
 * quarantine/.
 */
static inline bool cull__directory_is_aside(const struct stat *st)
{
    return S_ISREG(st->st_mode) && (st->st_mode & S_ISVTX) != 0;
}

/* What an object's file says of itself; of a time before 1970, that it is unknown. */
static inline cull_object_info cull__directory_info(const struct stat *st)
{
    cull_object_info info = { .size_bytes = (uint64_t)st->st_size };

    if (st->st_mtim.tv_sec >= 0) {
        info.modified_ms =
            (uint64_t)st->st_mtim.tv_sec * 1000 + (uint64_t)st->st_mtim.tv_nsec / 1000000;
    }
    return info;
}

struct cull__directory {
    cull_objects base; /* first */
    const cull_allocator *allocator;
    cull_digest_kind digest;
    uint32_t stage_prefix;
    int root_fd, objects_fd, tmp_fd, quarantine_fd; /* -1: not open */
    atomic_int fanout_fd[CULL__FANOUTS];            /* -1: not opened yet; else until close */
    atomic_bool fanout_synced[CULL__FANOUTS];       /* its name in objects/ is durable */
    atomic_uint_fast64_t staged_count;              /* the next temporary name */
    atomic_bool no_clone;                           /* this file system cannot */
    pthread_mutex_t lock;                           /* of scratch, and of renewing a fan-out */
    struct cull__scratch *scratch;
};

/* Fan-outs that a batch changed, and what became of making that durable. */
struct cull__touched {
    bool used[CULL__FANOUTS];
    cull_status status[CULL__FANOUTS];
};

/* Scratch memory for one call; NULL: no memory. */
struct cull__scratch *cull__directory_scratch(struct cull__directory *directory);
void cull__directory_scratch_return(struct cull__directory *directory,
                                    struct cull__scratch *scratch);

/* Write "objects/ab/ab12..." and return where the file's own name starts. */
const char *cull__directory_object_path(char path[CULL__OBJECT_PATH_MAX],
                                        const struct cull__directory *directory,
                                        const cull_digest *digest);

/* The open folder of a first digest byte. Not there: made if create, else *fd is -1. A symlink
 * or no directory is CULL_E_INVALID. The store keeps the descriptor. */
cull_status cull__directory_fanout(struct cull__directory *directory, uint8_t byte, bool create,
                                   int *fd, cull_error *err);

/* A fan-out was removed behind our back: put a new one under the same descriptor. */
cull_status cull__directory_fanout_renew(struct cull__directory *directory, uint8_t byte,
                                         cull_error *err);

/* Make the changed fan-outs durable, each once; touched->status says what of each. */
void cull__directory_sync(struct cull__directory *directory, struct cull__touched *touched,
                          cull_error *err);

/* rename(2) that never replaces; 0 or errno, EEXIST where the name is taken. Symlinks are
 * moved, not followed. */
int cull__directory_move_new(int from_fd, const char *from, int to_fd, const char *to);

/* Called for each name of a folder but "." and "..", with its DT_ type. */
typedef cull_status (*cull__directory_entry_fn)(void *ctx, const char *name, unsigned char type,
                                                cull_error *err);

/* Walk the folder name below at_fd, streaming. label names it in messages. */
cull_status cull__directory_walk(struct cull__directory *directory, int at_fd, const char *name,
                                 const char *label, cull__directory_entry_fn visit, void *ctx,
                                 cull_error *err);

/* directory_walk.c */
cull_status cull__directory_list(cull_objects *objects, cull_object_visit_fn visit, void *ctx,
                                 cull_error *err);
cull_status cull__directory_clean_staged(cull_objects *objects, uint64_t before_ms, uint64_t *count,
                                         cull_error *err);

/* directory_stage.c */
cull_status cull__directory_stage(cull_objects *objects, const cull_source *source,
                                  cull_staged *out, cull_error *err);
cull_status cull__directory_publish(cull_objects *objects, const cull_staged *staged,
                                    const cull_object_id *ids, size_t count, cull_status *result,
                                    cull_error *err);
void cull__directory_discard(cull_objects *objects, const cull_staged *staged);

#endif
