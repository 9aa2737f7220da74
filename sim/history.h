/*
 * history.h - histories: drawn from a seed, done step by step beside the oracle, written as traces,
 * replayed, and made smaller when they break something.
 */
#ifndef SIM_HISTORY_H
#define SIM_HISTORY_H

#include <stdio.h>

#include "draw.h"

#define HISTORY_STEPS_MAX 200

/* A store's settings and requests, as bytes: what is done is always what was decoded. */
struct history {
    cull_store_settings settings;
    struct cull__buf bytes;
    struct cull__buf offsets; /* an array of size_t: where each request begins */
    unsigned threads;         /* of the cycles when it is done again; in no trace */
};

struct history_result {
    char broken[1024]; /* the first violation; "" if there is none */
    size_t step;       /* at which; counted from 1 */
    size_t steps;      /* that were done */
    cull_digest state; /* MD5 of the rooms at the end */
    uint64_t reached[REACHED_COUNT];
};

void history_init(struct history *history);
void history_release(struct history *history);
size_t history_count(const struct history *history);
void history_add(struct history *history, const struct cull__request *request);

/* Draw a history from a seed, of at most so many requests, doing it at the same time. */
void history_draw(struct history *history, uint64_t seed, size_t steps_max,
                  struct history_result *out);
/* The same, drawn from bytes until none is left. */
void history_draw_bytes(struct history *history, const uint8_t *bytes, size_t len, size_t steps_max,
                        struct history_result *out);
/* Do a history again. */
void history_run(const struct history *history, struct history_result *out);
/* Leave out requests as long as the history still breaks; *out is what it then breaks. */
void history_shrink(struct history *history, struct history_result *out);
/* One line a request. */
void history_print(const struct history *history, FILE *out);

/* A trace: CREATE, then the requests, one frame each. */
void history_write(const struct history *history, struct cull__buf *out);
cull_status history_read(struct history *history, const void *data, size_t len, cull_error *err);

#endif
