/*
 * git_moved.h - tags that are of another commit than when they were imported.
 */
#ifndef GIT_MOVED_H
#define GIT_MOVED_H

#include "git_note.h"

struct git_moved {
    size_t step;        /* of the history */
    struct git_id from; /* the commit that was imported */
};

struct git_moves {
    struct git_moved *items;
    size_t count;
};

/* The tags of the history that were imported of another commit. They are put where they stood then:
 * a tag that moved is as old as its commit. items: freed by the caller. */
CULL_MUST_USE cull_status git_find_moves(struct git_moves *out, struct cli *cli, const char *repo,
                                         const cull_name *collection, struct git_history *history);

#endif
