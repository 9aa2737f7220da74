/*
 * progress.c - one line on stderr that says how far the work is.
 *
 * SHAPE     At most five lines a second on a terminal, each written over the last; without one,
 *           and with --progress, a new line every two seconds and one at the end of each stage.
 * THREADS   one at a time: workers count, the thread that waits for them shows.
 */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "signals.h"
#include "units.h"

#define SECOND_NS UINT64_C(1000000000)

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

void progress_begin(struct progress *progress, bool forced)
{
    *progress = (struct progress){ .forced = forced, .terminal = isatty(STDERR_FILENO) == 1 };
    progress->start_ns = now_ns();
}

static const char *amount(char text[UNITS_TEXT_MAX], const struct progress *progress,
                          uint64_t value)
{
    return progress->bytes ? bytes_human(text, value) : count_human(text, value);
}

/* "hash: 1.2 GB of 3.4 GB (35 %), 410.0 MB/s, 5s left" */
static void show(struct progress *progress, uint64_t now)
{
    char done[UNITS_TEXT_MAX];
    char total[UNITS_TEXT_MAX];
    char rate_text[UNITS_TEXT_MAX];
    char left[UNITS_TEXT_MAX];
    char line[200];
    uint64_t age_ns = now - progress->stage_start_ns;
    double rate = age_ns > 0 ? (double)progress->done * 1e9 / (double)age_ns : 0;
    int at = snprintf(line, sizeof(line), "%s: %s", progress->stage,
                      amount(done, progress, progress->done));

    if (progress->total > 0) {
        at += snprintf(line + at, sizeof(line) - (size_t)at, " of %s (%" PRIu64 " %%)",
                       amount(total, progress, progress->total),
                       (uint64_t)(100.0 * (double)progress->done / (double)progress->total));
    }
    at += snprintf(line + at, sizeof(line) - (size_t)at, ", %s/s",
                   amount(rate_text, progress, (uint64_t)rate));
    if (progress->total > progress->done && rate > 0) {
        double seconds = (double)(progress->total - progress->done) / rate;

        (void)snprintf(line + at, sizeof(line) - (size_t)at, ", %s left",
                       duration_human(left, seconds < 1e9 ? 1000 * (uint64_t)(seconds + 1) : 0));
    }
    if (progress->terminal) {
        (void)fprintf(stderr, "\r%s\033[K", line);
    } else {
        (void)fprintf(stderr, "%s\n", line);
    }
    (void)fflush(stderr);
    progress->shown = true;
    progress->last_ns = now;
}

void progress_update(struct progress *progress, const char *stage, uint64_t done, uint64_t total)
{
    uint64_t now = now_ns();
    uint64_t pause_ns = progress->terminal ? SECOND_NS / 5 : 2 * SECOND_NS;

    if (progress->until_ns != 0 && now >= progress->until_ns) {
        progress->over = true;
    }
    if (strncmp(progress->stage, stage, sizeof(progress->stage) - 1) != 0) {
        progress_end(progress);
        (void)snprintf(progress->stage, sizeof(progress->stage), "%s", stage);
        progress->stage_start_ns = now;
        progress->last_ns = now;
    }
    progress->done = done;
    progress->total = total;
    if (!progress->forced && !(progress->terminal && now - progress->start_ns > 2 * SECOND_NS)) {
        return;
    }
    if (now - progress->last_ns >= pause_ns) {
        show(progress, now);
    }
}

void progress_end(struct progress *progress)
{
    if (progress->forced && progress->stage[0] != '\0') {
        show(progress, now_ns());
    }
    if (progress->shown && progress->terminal) {
        (void)fputs(progress->forced ? "\n" : "\r\033[K", stderr);
    }
    progress->shown = false;
    progress->stage[0] = '\0';
}

bool progress_library(void *ctx, const char *stage, uint64_t done, uint64_t total)
{
    struct progress *progress = ctx;

    progress_update(progress, stage, done, total);
    return signals_caught() != 0 || progress->over;
}
