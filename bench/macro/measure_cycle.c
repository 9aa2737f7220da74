/*
 * measure_cycle.c - does a cycle cost what its garbage costs, or what the store costs?
 *
 * The same versions of the same collection are deleted in a small store and in one that is larger
 * in one way: more collections, more versions in each, more files in the other collections. Timed
 * is a whole cycle (plan, verification, purge, claim, sweep) by a handle that has done one before, in
 * turns, on logs and object stores in memory: a disk's syncs would hide the difference.
 */
#include "macro/measures.h"

#include "shared/bench_base.h"
#include "shared/samples.h"

#define CHUNK 8 /* versions deleted for each cycle */
#define OTHERS 10

static const struct shape target_shape = { 120, 1000, 100 };
static const struct shape other_shape = { 10, 1000, 100 };

struct subject {
    cull_log *log;
    cull_objects *objects; /* empty: an object that is not there is deleted as any other */
    cull_store *store;
    cull_version_key target; /* its collection, and the next version to delete */
    uint64_t deleted;        /* blobs, by the last cycle */
};

/* Seconds of a whole cycle. */
static double cycle(struct subject *subject)
{
    const cull_caller caller = maker_caller();
    const cull_gc_options options = { .now_ms = caller.now_ms, .threads = 1 };
    cull_error err = { CULL_OK, "" };
    cull_plan *plan = NULL;
    cull_gc_result result;
    double begun = bench_now();

    must_ok_err(cull_gc_plan(&plan, subject->store, &options, &err), &err);
    must_ok_err(cull_gc_execute(subject->store, plan, &options, &caller, &result, &err), &err);
    cull_plan_free(plan);
    subject->deleted = result.blobs_deleted;
    return bench_now() - begun;
}

static void delete_chunk(struct subject *subject)
{
    const cull_delete_options options = { .delete_aliases = false };
    const cull_caller caller = maker_caller();
    cull_version_key keys[CHUNK];
    cull_error err = { CULL_OK, "" };

    for (size_t i = 0; i < CHUNK; i++) {
        keys[i] = subject->target;
        keys[i].ordinal = subject->target.ordinal++;
    }
    must_ok_err(cull_delete(subject->store, keys, CHUNK, &options, &caller, &err), &err);
}

static struct subject *subject_new(const struct shape *target, uint32_t others,
                                   const struct shape *other)
{
    struct subject *subject = must(calloc(1, sizeof(*subject)));
    const cull_objects_memory_options memory = { .digest = CULL_DIGEST_MD5,
                                                 .late = CULL_LATE_IMPOSSIBLE };
    cull_store_options options = { 0 };
    cull_error err = { CULL_OK, "" };
    cull_name name = { .entity = "bench", .project = "made", .collection = "c0", .version = "v1" };
    struct maker *maker;

    must_ok(cull_log_memory_new(&subject->log, NULL));
    must_ok(cull_objects_memory_new(&subject->objects, &memory, NULL));
    maker = maker_new(subject->log, false);
    maker_collection(maker, target);
    for (uint32_t i = 0; i < others; i++) {
        maker_collection(maker, other);
    }
    maker_free(maker);
    options.log = subject->log;
    options.objects = subject->objects;
    must_ok_err(cull_store_open(&subject->store, &options, &err), &err);
    must_ok_err(cull_version_find(subject->store, &name, &subject->target, &err), &err);
    (void)cycle(subject); /* the first one verifies in full */
    return subject;
}

static void subject_free(struct subject *subject)
{
    cull_store_close(subject->store);
    cull_objects_close(subject->objects);
    cull_log_close(subject->log);
    free(subject);
}

static void compare(const char *row, struct subject *small, struct subject *large, unsigned rounds)
{
    small->target.ordinal = 1; /* the garbage of each round is that of the same versions */
    for (unsigned round = 0; round < rounds; round++) {
        double small_seconds;
        double large_seconds;

        delete_chunk(small);
        delete_chunk(large);
        small_seconds = cycle(small);
        large_seconds = cycle(large);
        if (small->deleted != large->deleted || small->deleted == 0) {
            fprintf(stderr, "%s: not the same garbage\n", row);
            exit(1);
        }
        sample(row, large_seconds * 1e3, small_seconds * 1e3);
    }
}

void measure_cycle(uint32_t factor, unsigned rounds)
{
    static const char *const rows[] = { "cycle.collections", "cycle.versions", "cycle.files" };

    for (int way = 0; way < 3; way++) {
        struct shape target = target_shape;
        struct shape other = other_shape;
        uint32_t others = OTHERS;
        struct subject *small = subject_new(&target_shape, OTHERS, &other_shape);
        struct subject *large;

        if (way == 0) {
            others *= factor;
        } else if (way == 1) {
            target.versions *= factor;
            other.versions *= factor;
        } else {
            other.files *= factor;
            other.changed *= factor;
        }
        large = subject_new(&target, others, &other);
        compare(rows[way], small, large, rounds);
        subject_free(small);
        subject_free(large);
    }
}
