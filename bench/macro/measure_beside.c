/*
 * measure_beside.c - what does a second thread gain a full mark, and what does a full cycle cost
 * a writer beside it?
 *
 * One large store on a log in memory, so that an append takes microseconds. The gain: the time of
 * marking and comparing (as the plan tells it) with one thread over that with two, beside the same of
 * a plain sum over 12 bytes a lifespan. The stall: a writer moves an alias again and again on
 * the same handle; its longest call while a full cycle runs, and its longest call while the other
 * processor sums for as long. What the machine itself interrupts is in both.
 */
#include "macro/measures.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "shared/bench_base.h"
#include "shared/samples.h"

struct writer {
    cull_store *store;
    cull_version_key key;
    atomic_bool stop;
    atomic_uint calls;
    double longest;
};

static uint64_t clock_ns(void *ctx)
{
    (void)ctx;
    return (uint64_t)(bench_now() * 1e9);
}

static void *write_on(void *ctx)
{
    static const struct timespec pause = { 0, 50000 };
    const cull_caller caller = maker_caller();
    struct writer *writer = ctx;
    cull_error err = { CULL_OK, "" };

    while (!atomic_load(&writer->stop)) {
        double begun = bench_now();
        double seconds;

        writer->key.ordinal ^= 1;
        must_ok_err(cull_alias_set(writer->store, &writer->key, "moving", &caller, &err), &err);
        seconds = bench_now() - begun;
        writer->longest = seconds > writer->longest ? seconds : writer->longest;
        atomic_fetch_add(&writer->calls, 1);
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

static cull_status note_free(void *ctx, const cull_blob_ref *blob)
{
    (void)blob;
    ++*(uint64_t *)ctx;
    return CULL_OK;
}

static double cpu_seconds(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* *shared: of the processor time that the plan took, the part that other threads had. */
static double mark_seconds(cull_store *store, unsigned threads, double *shared)
{
    const cull_gc_options options = { .now_ms = maker_caller().now_ms,
                                      .verify_full = true,
                                      .threads = threads,
                                      .clock_ns = clock_ns };
    cull_error err = { CULL_OK, "" };
    cull_plan *plan = NULL;
    cull_plan_info info;
    double ours = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
    double all = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);

    must_ok_err(cull_gc_plan(&plan, store, &options, &err), &err);
    ours = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - ours;
    all = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - all;
    *shared = (all - ours) / all;
    cull_plan_get_info(plan, &info);
    cull_plan_free(plan);
    return (double)info.mark_ns / 1e9;
}

/* A version is deleted, and a full cycle purges it. */
static void full_cycle(cull_store *store, cull_version_key key)
{
    const cull_caller caller = maker_caller();
    const cull_delete_options with_aliases = { .delete_aliases = true };
    const cull_gc_options options = { .now_ms = caller.now_ms, .verify_full = true, .threads = 2 };
    cull_error err = { CULL_OK, "" };
    cull_plan *plan = NULL;
    cull_gc_result result;
    uint64_t listed = 0;

    must_ok_err(cull_delete(store, &key, 1, &with_aliases, &caller, &err), &err);
    must_ok_err(cull_gc_plan(&plan, store, &options, &err), &err);
    must_ok_err(cull_gc_list(store, plan, &options, &caller, note_free, &listed, &result, &err),
                &err);
    cull_plan_free(plan);
}

/* Until the writer has been round once more, so that there is a longest call. */
static void wait_for(const struct writer *writer)
{
    unsigned calls = atomic_load(&writer->calls);

    while (atomic_load(&writer->calls) == calls) {
    }
}

/* Versions from key on: the writer's alias moves between two, the third is purged. */
static void measure_stall(cull_store *store, cull_version_key key, const void *rows, uint64_t count)
{
    const cull_version_key victim = { key.collection, key.ordinal + 2 };
    struct writer writer = { .store = store, .key = key };
    double longest[2];
    double seconds = 0;

    for (int quiet = 0; quiet < 2; quiet++) {
        pthread_t thread;
        double begun;

        atomic_store(&writer.stop, false);
        writer.longest = 0;
        if (pthread_create(&thread, NULL, write_on, &writer) != 0) {
            must(NULL);
        }
        wait_for(&writer);
        begun = bench_now();
        if (quiet) {
            do {
                (void)limit_sum(rows, count, 1, 1);
            } while (bench_now() - begun < seconds);
        } else {
            full_cycle(store, victim);
        }
        seconds = bench_now() - begun;
        wait_for(&writer);
        atomic_store(&writer.stop, true);
        (void)pthread_join(thread, NULL);
        longest[quiet] = writer.longest;
    }
    sample("stall", longest[0] * 1e3, longest[1] * 1e3);
}

static void measure_gain(cull_store *store, const void *rows, uint64_t count, unsigned rounds)
{
    double shared = 0;

    (void)mark_seconds(store, 1, &shared);
    for (unsigned round = 0; round < rounds; round++) {
        double one = mark_seconds(store, 1, &shared);
        double two = mark_seconds(store, 2, &shared);
        double sum_one = limit_sum(rows, count, 4, 1);
        double sum_two = limit_sum(rows, count, 4, 2);

        sample("mark.threads", one / two, sum_one / sum_two);
    }
    if (shared < 0.1) {
        sample_missing("mark.threads", "a plan that was given two threads worked on one");
    }
}

void measure_beside(const struct shape *shape, unsigned rounds)
{
    const cull_name name = {
        .entity = "bench", .project = "made", .collection = "c0", .version = "v0"
    };
    cull_store_options options = { 0 };
    cull_error err = { CULL_OK, "" };
    cull_store *store = NULL;
    cull_version_key key;
    struct maker *maker;
    uint64_t count = shape->files + (uint64_t)shape->changed * (shape->versions - 1);
    void *rows;

    must_ok(cull_log_memory_new(&options.log, NULL));
    maker = maker_new(options.log, true);
    maker_collection(maker, shape);
    maker_free(maker);
    must_ok_err(cull_store_open(&store, &options, &err), &err);
    must_ok_err(cull_version_find(store, &name, &key, &err), &err);
    rows = limit_rows(count);
    measure_gain(store, rows, count, rounds);
    for (unsigned round = 0; round < rounds; round++) {
        measure_stall(store, (cull_version_key){ key.collection, round * 4 }, rows, count);
    }
    free(rows);
    cull_store_close(store);
    cull_log_close(options.log);
}
