/*
 * git_moved.h - tags that are of another commit than when they were imported, or came in the place of
 * others.
 */
#ifndef GIT_MOVED_H
#define GIT_MOVED_H

#include "git_note.h"

struct git_moved {
    size_t step;        /* of the history */
    bool came;          /* it was not imported: it stands where a tag stood that is gone */
    struct git_id from; /* else: the commit that was imported */
};

struct git_moves {
    struct git_moved *items;
    size_t count;
};

/* The tags of the history that were imported of another commit, which are put where they stood then: a
 * tag that moved is as old as its commit. And those that nothing tells of, and that stand where a version
 * names a tag that is gone: else going on behind the last one would pass over them. items: freed by the
 * caller. */
CULL_MUST_USE cull_status git_find_moves(struct git_moves *out, struct cli *cli, const char *repo,
                                         const cull_name *collection, struct git_history *history);

#endif
