/*
 * measure_dry.c - where does the time of `cull gc --dry-run` go?
 *
 * SHAPE     What the command does is done here step by step, each step timed, in a fresh process a
 *           turn: memory that a process has used before costs less. Beside it a process that does
 *           nothing, the command when it only says its version, and the whole command. Of each the
 *           median is printed, in the order in which the command does it.
 * WHY NOT   a profiler: it needs rights that a container has not, counts what the compiler put in
 *           line elsewhere, and says nothing of a step's page faults.
 */
#include "macro/measures.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/log_internal.h"
#include "shared/bench_base.h"
#include "store/store_internal.h"

extern char **environ;

#define TURNS_MAX 1000u

enum step {
    NOTHING,
    LIBRARIES,
    LOG,
    NAMES,
    OBJECTS,
    READ,
    BUILD,
    PLAN,
    CLOSE,
    REST,
    COMMAND,
    STEPS
};

static const char *const step_names[STEPS] = {
    "a process that does nothing (true)",
    "the command's shared libraries (cull --version)",
    "opening the log",
    "reading names and settings",
    "opening the objects, and the store with them",
    "reading blobs, lifespans and counts",
    "building them",
    "planning and verifying",
    "closing",
    "arguments, output, the end of the process (what is left)",
    "cull gc --dry-run",
};

static double turns[STEPS][TURNS_MAX];

static int compare_times(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return left < right ? -1 : left > right;
}

static double median(double *times, unsigned count)
{
    qsort(times, count, sizeof(*times), compare_times);
    return times[count / 2];
}

/* Seconds from the start of a program to its end. */
static double run(char *const argv[])
{
    posix_spawn_file_actions_t quiet;
    double begun = bench_now();
    pid_t pid;
    int how = 1;

    (void)posix_spawn_file_actions_init(&quiet);
    (void)posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&pid, argv[0], &quiet, NULL, argv, environ) != 0 ||
        waitpid(pid, &how, 0) != pid || how != 0) {
        fprintf(stderr, "bench-macro: %s: did not run, or failed\n", argv[0]);
        exit(1);
    }
    (void)posix_spawn_file_actions_destroy(&quiet);
    return bench_now() - begun;
}

/* Seconds since the last call, and from here on. */
static double lap(double *since)
{
    double now = bench_now();
    double seconds = now - *since;

    *since = now;
    return seconds;
}

static void read_rooms(cull_log *log)
{
    cull_error err = { CULL_OK, "" };

    for (unsigned room = 0; room < 3; room++) {
        struct cull__checkpoint checkpoint = { 0, NULL, 0 };

        must_ok_err(log->ops->checkpoint_get(log, cull__index_rooms[room], 0, &checkpoint, &err),
                    &err);
        cull__checkpoint_release(&checkpoint, log->allocator);
    }
}

static cull_gc_options plan_options(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (cull_gc_options){ .now_ms = (uint64_t)now.tv_sec * 1000,
                              .allow_large_plan = true,
                              .threads = 1 };
}

static void do_steps(const char *dir, double *times)
{
    const cull_objects_directory_options where = { .path = dir, .digest = CULL_DIGEST_MD5 };
    const cull_gc_options how = plan_options();
    cull_store_options options = { 0 };
    cull_version_key none = { 0, 0 };
    cull_error err = { CULL_OK, "" };
    cull_store *store = NULL;
    cull_plan *plan = NULL;
    uint64_t blobs;
    uint64_t freed;
    bool exact;
    double since = bench_now();

    options.log = maker_open_log(dir, false);
    times[LOG] = lap(&since);
    must_ok_err(cull_store_open(&store, &options, &err), &err);
    times[NAMES] = lap(&since);
    must_ok_err(cull_objects_directory_open(&options.objects, &where, &err), &err);
    cull_store_close(store);
    must_ok_err(cull_store_open(&store, &options, &err), &err);
    times[OBJECTS] = lap(&since);
    read_rooms(options.log);
    times[READ] = lap(&since);
    must_ok_err(cull_would_free(store, &none, 0, &blobs, &freed, &exact, &err), &err);
    times[BUILD] = lap(&since) - times[READ]; /* it read them, too */
    must_ok_err(cull_gc_plan(&plan, store, &how, &err), &err);
    times[PLAN] = lap(&since);
    cull_plan_free(plan);
    cull_store_close(store);
    cull_objects_close(options.objects);
    cull_log_close(options.log);
    times[CLOSE] = lap(&since);
}

/* The steps in a process of their own. */
static void turn_of_steps(const char *dir, double times[STEPS])
{
    int ends[2];
    pid_t pid;
    int how = 1;
    bool told;

    if (pipe(ends) != 0 || (pid = fork()) < 0) {
        perror("bench-macro");
        exit(1);
    }
    if (pid == 0) {
        do_steps(dir, times);
        told = write(ends[1], times, STEPS * sizeof(*times)) == (ssize_t)(STEPS * sizeof(*times));
        _exit(told ? 0 : 1);
    }
    (void)close(ends[1]);
    told = read(ends[0], times, STEPS * sizeof(*times)) == (ssize_t)(STEPS * sizeof(*times));
    (void)close(ends[0]);
    if (waitpid(pid, &how, 0) != pid || how != 0 || !told) {
        fputs("bench-macro: a step failed\n", stderr);
        exit(1);
    }
}

void measure_dry(const char *dir, const char *command, unsigned rounds)
{
    char *nothing[] = { (char[]){ "true" }, NULL };
    char *version[] = { (char *)(uintptr_t)command, (char[]){ "--version" }, NULL };
    char *whole[] = { (char *)(uintptr_t)command, (char[]){ "--store" },   (char *)(uintptr_t)dir,
                      (char[]){ "gc" },           (char[]){ "--dry-run" }, NULL };
    unsigned count = rounds < TURNS_MAX ? rounds : TURNS_MAX;

    for (unsigned turn = 0; turn < count; turn++) {
        double times[STEPS] = { 0 };

        turn_of_steps(dir, times);
        times[NOTHING] = run(nothing);
        times[LIBRARIES] = run(version) - times[NOTHING];
        times[COMMAND] = times[REST] = run(whole);
        for (unsigned step = 0; step < REST; step++) {
            times[REST] -= times[step];
        }
        for (unsigned step = 0; step < STEPS; step++) {
            turns[step][turn] = times[step];
        }
    }
    for (unsigned step = 0; step < STEPS && count > 0; step++) {
        printf("%8.3f ms  %s\n", median(turns[step], count) * 1e3, step_names[step]);
    }
}
