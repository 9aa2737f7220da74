/*
 * log_conformance.h - what every log must do, run unchanged against each kind.
 */
#ifndef LOG_CONFORMANCE_H
#define LOG_CONFORMANCE_H

#include <check.h>

#include "log/log_internal.h"

/* Where one test's log lives, and its first handle. */
struct log_place {
    const struct log_kind *kind;
    const cull_allocator *allocator;
    cull_log *log;
    char path[1024];
    char lock_path[1100];
};

struct log_kind {
    const char *name;
    /* A new, empty log at the place: place->log. */
    cull_status (*start)(struct log_place *place, cull_error *err);
    /* Another handle on it. */
    cull_status (*again)(struct log_place *place, cull_log **out, cull_error *err);
    /* Damage the checkpoint's bytes behind the log's back. */
    void (*damage)(struct log_place *place, const char *room, unsigned age);
};

/* Loop test over kinds: each test runs once for each. */
TCase *log_conformance_case(const struct log_kind *const *kinds, int count);

/* --- what the tests of single kinds use as well ------------------------------------------- */

/* A place with its log; fails the test if there is none. */
struct log_place log_place_new(const struct log_kind *kind);
cull_log *log_place_again(struct log_place *place);
void log_place_end(struct log_place *place); /* closes place->log */

/* Append one batch of the text at expected_seq. */
cull_status log_append_text(cull_log *log, uint64_t expected_seq, uint32_t fact_count,
                            const char *text, cull_error *err);
/* The same at the end, by however many turns it takes; returns the new seq. */
uint64_t log_append_turns(cull_log *log, uint32_t fact_count, const char *text);

/* What was visited: the batches' bytes joined by '|', and their numbers. */
struct log_reading {
    struct cull__buf bytes;
    uint64_t batch_count, fact_count, first_seq, last_seq;
    uint64_t stop_after; /* batches; 0: never */
};
cull_status log_reading_visit(void *ctx, uint64_t first_seq, uint32_t fact_count, uint64_t now_ms,
                              const void *data, size_t len, cull_error *err);
/* Read after since; fails the test unless the status is want. Static text, cut at 4 KiB. */
const char *log_read_text(cull_log *log, uint64_t since, cull_status want);

/* A checkpoint with one column of len bytes made from seed. */
cull_status log_checkpoint_simple(cull_log *log, const char *room, uint64_t seq, uint8_t seed,
                                  size_t len, cull_error *err);
/* Get it; fails the test unless status and, with CULL_OK, seq and content are as wanted. */
void log_checkpoint_expect(cull_log *log, const char *room, unsigned age, cull_status want,
                           uint64_t seq, uint8_t seed, size_t len);

#endif
