/*
 * harness.h - Google Benchmark for benchmarks that are written in C.
 *
 * A benchmark is a C function that sets up, loops while bench_next(), and tears down: only what
 * happens in the loop is timed. It is listed in harness.cc with its sizes.
 */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bench; /* one run of one benchmark */

bool bench_next(struct bench *bench);                     /* true: go round once more, timed */
int64_t bench_size(const struct bench *bench, int index); /* its sizes, as listed */
void bench_pause(struct bench *bench);                    /* stop the time inside the loop ... */
void bench_resume(struct bench *bench);                   /* ... and go on */
/* So many things were done in each round: reported as things a second. */
void bench_items(struct bench *bench, uint64_t each_round);
/* A figure to report beside the time. */
void bench_counter(struct bench *bench, const char *name, double value);
/* The run cannot be done: reported as an error. */
void bench_fail(struct bench *bench, const char *why);
/* Keep the compiler from dropping what led to value. */
void bench_keep(uint64_t value);

/* bench_mark.c: sizes are versions, files, and per mille that change from version to version */
void bench_mark_full(struct bench *bench);
void bench_mark_count(struct bench *bench);
void bench_mark_plain_sum(struct bench *bench);
void bench_mark_bits_only(struct bench *bench);
void bench_mark_ratios(struct bench *bench);
void bench_lifespan_worst(struct bench *bench);
void bench_commit_known(struct bench *bench);
void bench_fingerprints(struct bench *bench);

/* bench_layout.c: the same sizes */
void bench_mark_shuffled(struct bench *bench);
void bench_mark_packed(struct bench *bench);

/* bench_blob_table.c: the size is the number of blobs */
void bench_blob_insert(struct bench *bench);
void bench_blob_find_again(struct bench *bench);
void bench_blob_growing(struct bench *bench);
void bench_blob_find(struct bench *bench);
void bench_blob_find_missing(struct bench *bench);
void bench_blob_build_slots(struct bench *bench);
void bench_blob_load(struct bench *bench);

/* bench_peers.c: the same */
void bench_peer_uthash(struct bench *bench);
void bench_peer_sorted(struct bench *bench);
void bench_peer_robin(struct bench *bench);

/* bench_manifest.c: the size is the number of entries */
void bench_manifest_yajl(struct bench *bench);
void bench_manifest_read(struct bench *bench);
void bench_manifest_read_parser(struct bench *bench);
void bench_manifest_ratio(struct bench *bench);         /* to yajl alone */
void bench_manifest_ratio_scratch(struct bench *bench); /* the same into a scratch file */

/* bench_history.c: the same */
void bench_commit_full(struct bench *bench);
void bench_commit_patch(struct bench *bench);
void bench_delete_collect(struct bench *bench);
void bench_manifest_encode(struct bench *bench);
void bench_manifest_encode_patch(struct bench *bench);
void bench_manifest_decode(struct bench *bench);
void bench_manifest_decode_patch(struct bench *bench);

#ifdef __cplusplus
}
#endif

#endif
