/*
 * measure_sweep.c - how close is a cycle's sweep to unlinking the same files?
 *
 * A store whose versions are all deleted, and a twin of its objects; both were written back. The
 * cycle deletes all of one; the plain loop unlinks all of the other in the order of names, in
 * batches of a thousand that each thread halves, quarters, ..., with the syncs that a sweep does:
 * each thread syncs the folders it touched, up to 16 of them one by one, else the file system, and
 * the log is written and synced before and after each batch.
 */
#include "macro/measures.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/bench_base.h"
#include "shared/samples.h"

#define BATCH 1000
#define FOLDERS 256
#define SYNC_EACH_MAX 16
#define THREADS_MAX 16

struct twin {
    int top;
    int folder[FOLDERS];
    char (*names)[72]; /* ascending */
    size_t count;
    size_t capacity;
};

struct share {
    const struct twin *twin;
    size_t first;
    size_t end;
};

static void must_zero(int result, const char *what)
{
    if (result != 0) {
        perror(what);
        exit(1);
    }
}

static void add_folder(struct twin *twin, unsigned byte)
{
    DIR *dir = fdopendir(dup(twin->folder[byte]));
    const struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        if (twin->count == twin->capacity) {
            twin->capacity = twin->capacity == 0 ? 4096 : twin->capacity * 2;
            twin->names = must(realloc(twin->names, twin->capacity * sizeof(*twin->names)));
        }
        (void)snprintf(twin->names[twin->count++], sizeof(*twin->names), "%.70s", entry->d_name);
    }
    must_zero(dir == NULL ? -1 : closedir(dir), "objects");
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void twin_open(struct twin *twin, const char *path)
{
    memset(twin, 0, sizeof(*twin));
    twin->top = open(path, O_RDONLY | O_DIRECTORY);
    must_zero(twin->top < 0 ? -1 : 0, path);
    for (unsigned byte = 0; byte < FOLDERS; byte++) {
        char name[3];

        (void)snprintf(name, sizeof(name), "%02x", byte);
        twin->folder[byte] = openat(twin->top, name, O_RDONLY | O_DIRECTORY);
        if (twin->folder[byte] >= 0) {
            add_folder(twin, byte);
        }
    }
    qsort(twin->names, twin->count, sizeof(*twin->names), compare_names);
}

static void *unlink_share(void *ctx)
{
    const struct share *share = ctx;
    const struct twin *twin = share->twin;
    bool touched[FOLDERS] = { false };
    unsigned folders = 0;

    for (size_t i = share->first; i < share->end; i++) {
        unsigned byte =
            (unsigned)strtoul((char[]){ twin->names[i][0], twin->names[i][1], 0 }, NULL, 16);

        must_zero(unlinkat(twin->folder[byte], twin->names[i], 0), twin->names[i]);
        folders += !touched[byte];
        touched[byte] = true;
    }
    if (folders > SYNC_EACH_MAX) {
        must_zero(syncfs(twin->top), "syncfs");
        must_zero(fsync(twin->top), "fsync");
    }
    for (unsigned byte = 0; byte < FOLDERS && folders <= SYNC_EACH_MAX; byte++) {
        must_zero(touched[byte] ? fsync(twin->folder[byte]) : 0, "fsync");
    }
    return NULL;
}

static void append_sync(int fd)
{
    static const char facts[4096];

    must_zero(write(fd, facts, sizeof(facts)) == sizeof(facts) ? 0 : -1, "log");
    must_zero(fsync(fd), "log");
}

static double unlink_all(const char *path, unsigned threads)
{
    struct twin twin;
    pthread_t handles[THREADS_MAX];
    struct share shares[THREADS_MAX];
    double begun;
    int log;

    twin_open(&twin, path);
    log = openat(twin.top, "log", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    begun = bench_now();
    for (size_t first = 0; first < twin.count; first += BATCH) {
        size_t some = twin.count - first < BATCH ? twin.count - first : BATCH;

        append_sync(log);
        for (unsigned i = 0; i < threads; i++) {
            shares[i] = (struct share){ &twin, first + some * i / threads,
                                        first + some * (i + 1) / threads };
            must_zero(i == 0 ? 0 : pthread_create(&handles[i], NULL, unlink_share, &shares[i]),
                      "thread");
        }
        (void)unlink_share(&shares[0]);
        for (unsigned i = 1; i < threads; i++) {
            (void)pthread_join(handles[i], NULL);
        }
        append_sync(log);
    }
    begun = bench_now() - begun;
    (void)close(log);
    for (unsigned byte = 0; byte < FOLDERS; byte++) {
        (void)close(twin.folder[byte]);
    }
    (void)close(twin.top);
    free(twin.names);
    return begun;
}

static uint64_t clock_ns(void *ctx)
{
    (void)ctx;
    return (uint64_t)(bench_now() * 1e9);
}

static double sweep_all(const char *dir, unsigned threads)
{
    const cull_objects_directory_options directory = { .path = dir, .digest = CULL_DIGEST_SHA256 };
    cull_store_options options = { .log = maker_open_log(dir, false) };
    const cull_caller caller = { .now_ms = (uint64_t)time(NULL) * 1000 + 1000, .actor = "bench" };
    const cull_gc_options gc = { .now_ms = caller.now_ms,
                                 .allow_empty_store = true,
                                 .allow_large_plan = true,
                                 .allow_shorter_grace = true,
                                 .threads = threads,
                                 .clock_ns = clock_ns };
    cull_objects *objects = NULL;
    cull_error err = { CULL_OK, "" };
    cull_store *store = NULL;
    cull_plan *plan = NULL;
    cull_gc_result result;

    must_ok_err(cull_objects_directory_open(&objects, &directory, &err), &err);
    options.objects = objects;
    must_ok_err(cull_store_open(&store, &options, &err), &err);
    must_ok_err(cull_gc_plan(&plan, store, &gc, &err), &err);
    must_ok_err(cull_gc_execute(store, plan, &gc, &caller, &result, &err), &err);
    must_zero(result.blobs_deleted > 0 ? 0 : -1, "nothing was swept");
    cull_plan_free(plan);
    cull_store_close(store);
    cull_objects_close(objects);
    cull_log_close(options.log);
    return (double)result.sweep_ns / 1e9;
}

void measure_sweep(const char *dir, const char *twin, unsigned threads, bool sweep_first)
{
    double swept = sweep_first ? sweep_all(dir, threads) : 0;
    double plain = unlink_all(twin, threads);
    char row[32];

    swept = sweep_first ? swept : sweep_all(dir, threads);
    (void)snprintf(row, sizeof(row), "sweep.%u", threads);
    sample(row, swept * 1e3, plain * 1e3);
}
