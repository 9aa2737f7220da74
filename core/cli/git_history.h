/*
 * git_history.h - what a repository's history holds, as a list of trees and the edits between them.
 */
#ifndef GIT_HISTORY_H
#define GIT_HISTORY_H

#include "git_run.h"

#define GIT_ID_BYTES ((size_t)32) /* at most: SHA-256; SHA-1 is followed by zeros */
#define GIT_HEX_BYTES (2 * GIT_ID_BYTES)

struct git_id {
    uint8_t bytes[GIT_ID_BYTES];
    uint8_t len;
};

/* One commit of the list, or one tag. */
struct git_step {
    struct git_id commit;
    struct git_id tree;
    char *tag;     /* NULL: a commit of the line */
    bool moved;    /* the tag was imported of another commit */
    size_t number; /* its place among the steps that were read */
};

struct git_history {
    struct git_step *steps; /* oldest first */
    size_t count;
    size_t capacity;
    size_t tags_left_out; /* that are of no commit */
};

/* One path that differs from the tree before. */
struct git_edit {
    size_t path; /* in git_edits.paths */
    uint32_t path_len;
    bool there; /* false: the path is gone */
    struct git_id blob;
};

/* The edits of several steps, one after another. */
struct git_edits {
    struct git_edit *items;
    size_t count;
    size_t capacity;
    struct text paths;
};

/* Called for each submodule that a difference adds or moves; it is no edit. */
typedef cull_status (*git_submodule_fn)(void *ctx, const char *path);

/* See that repo is the top of a repository, and by what it names its objects: cli->git_ids.
 * *shallow: older commits are missing. */
CULL_MUST_USE cull_status git_check_repository(struct cli *cli, const char *repo, bool *shallow);
/* The first-parent line of rev (NULL: HEAD). */
CULL_MUST_USE cull_status git_read_commits(struct cli *cli, const char *repo, const char *rev,
                                           struct git_history *out);
/* The tags whose name matches glob, by creation, then in natural order of their names. */
CULL_MUST_USE cull_status git_read_tags(struct cli *cli, const char *repo, const char *glob,
                                        struct git_history *out);
void git_history_release(struct git_history *history);

/* Start git on the differences that lead from step to step: from the tree base to steps[0], and
 * on. */
CULL_MUST_USE cull_status git_start_diff(struct git_run *run, struct cli *cli, const char *repo,
                                         const struct git_id *base, const struct git_step *steps,
                                         size_t count);
/* The two trees of a difference. */
struct git_pair {
    struct git_id from;
    struct git_id to;
};
/* Append the next difference's edits. last: it is the last one, and whole only if git ended well.
 * *pair says of which trees it is: a pair that git cannot read it passes over without a word, so
 * who asked for it must compare. */
CULL_MUST_USE cull_status git_take_diff(struct git_run *run, bool last, struct git_pair *pair,
                                        struct git_edits *out, git_submodule_fn submodule,
                                        void *ctx);
/* The tree without entries. */
struct git_id git_empty_tree(const struct cli *cli);
void git_edits_clear(struct git_edits *edits);
void git_edits_release(struct git_edits *edits);

/* Characters of an id in the repository at hand. */
size_t git_hex_len(const struct cli *cli);
void git_id_hex(char text[GIT_HEX_BYTES + 1], const struct git_id *id);
bool git_id_parse(struct git_id *out, const char *text, size_t len);

#endif
