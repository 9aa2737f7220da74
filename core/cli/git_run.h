/*
 * git_run.h - the git program: running it on a repository, reading what it prints, how it ended.
 */
#ifndef GIT_RUN_H
#define GIT_RUN_H

#include "cli.h"

/* One run of git. Zero is safe to stop. */
struct git_run {
    struct cli *cli;
    const char *repo;
    const char *what; /* "diff-tree", for messages */
    int pid;          /* 0: not running */
    int out;          /* its standard output */
    int err;          /* a file with what it said on standard error */
    char *data;       /* data[at..len) is read and not taken yet */
    size_t at;
    size_t len;
    size_t capacity;
    bool at_end;
};

/* Start `git -C repo args...`; args end in NULL, args[0] is the subcommand. input: a file that is
 * its standard input and is closed here, or -1. CULL_E_IO: no such program, named. */
CULL_MUST_USE cull_status git_start(struct git_run *run, struct cli *cli, const char *repo,
                                    const char *const *args, int input);
/* The next bytes up to a delimiter, which becomes a NUL; borrowed until the next call. At the end
 * of what git prints *text is NULL, and git_end() says whether that was all. A part without its
 * delimiter, or with a NUL inside, is a failure. */
CULL_MUST_USE cull_status git_take(struct git_run *run, char delimiter, char **text, size_t *len);
/* Up to max bytes, at least one; none: the output ended. */
CULL_MUST_USE cull_status git_take_bytes(struct git_run *run, void *data, size_t max, size_t *got);
/* The next byte, left where it is; -1: the output ended, or cannot be read. */
int git_peek(struct git_run *run);
/* Wait for its end. A failure is the first lines that git said. code not NULL: git ended by itself
 * with that code and nothing is a failure but a signal. */
CULL_MUST_USE cull_status git_end(struct git_run *run, int *code);
/* The output ended where it must not: what git says of it, or that it ended early. */
cull_status git_cut_short(struct git_run *run);
/* Its output has ended: wait for it, and see that it ended well. git_end() or git_cut_short() comes
 * after. */
cull_status git_wait(struct git_run *run);
/* End it, whatever it is doing; after git_end() nothing is left to do. */
void git_stop(struct git_run *run);

/* A file without a name for what git reads; its end is where it begins once git_start() has it. */
CULL_MUST_USE cull_status git_input(struct cli *cli, const struct text *content, int *fd);

#endif
