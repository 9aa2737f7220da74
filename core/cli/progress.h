/*
 * progress.h - how far long work is, with rate and time left, on stderr.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "cull/base.h"

struct progress {
    bool terminal; /* stderr is one: the line is written over */
    bool forced;   /* --progress */
    bool bytes;    /* what is counted are bytes */
    bool shown;    /* a line stands there */
    char stage[48];
    uint64_t stage_start_ns;
    uint64_t start_ns;
    uint64_t last_ns; /* when a line was last written */
    uint64_t done;
    uint64_t total;
    uint64_t until_ns; /* --max-time: stop then; 0: never */
    bool over;         /* until_ns has passed */
};

/* forced: --progress. Work is shown on a terminal once it is two seconds old. */
void progress_begin(struct progress *progress, bool forced);
/* total 0: unknown. A new stage starts its own rate. */
void progress_update(struct progress *progress, const char *stage, uint64_t done, uint64_t total);
/* Leave no half line behind. Call before anything else is printed. */
void progress_end(struct progress *progress);

/* For the library (cull_progress_fn), ctx is a struct progress: shows, and asks to stop after a
 * signal or past until_ns. */
bool progress_library(void *ctx, const char *stage, uint64_t done, uint64_t total);

#endif
