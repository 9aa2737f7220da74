/*
 * measure_open.c - how fast does a checkpoint become a store in memory?
 *
 * Every room is loaded, as fsck or du would, in a fresh handle; beside it the database file is
 * read as cat reads it. Once with the file in the page cache, once with it forgotten (both are
 * then read from the disk). Rates are of the checkpoints' bytes, and of the file's.
 */
#include "macro/measures.h"

#include <sys/stat.h>

#include "shared/bench_base.h"
#include "shared/samples.h"

static uint64_t checkpoint_bytes(const char *dir)
{
    cull_store_options options = { .log = maker_open_log(dir, false) };
    cull_error err = { CULL_OK, "" };
    cull_store *store = NULL;
    cull_stat stat;

    must_ok_err(cull_store_open(&store, &options, &err), &err);
    must_ok_err(cull_stat_of(store, &stat, &err), &err);
    cull_store_close(store);
    cull_log_close(options.log);
    return stat.checkpoint_bytes;
}

/* Seconds to open with all rooms: what deleting nothing would free is asked, which needs them all
 * and looks at nothing. */
static double open_all(const char *dir)
{
    double begun = bench_now();
    cull_store_options options = { .log = maker_open_log(dir, false) };
    cull_version_key none = { 0, 0 };
    cull_error err = { CULL_OK, "" };
    cull_store *store = NULL;
    uint64_t blobs;
    uint64_t freed;
    bool exact;

    must_ok_err(cull_store_open(&store, &options, &err), &err);
    must_ok_err(cull_would_free(store, &none, 0, &blobs, &freed, &exact, &err), &err);
    begun = bench_now() - begun;
    cull_store_close(store);
    cull_log_close(options.log);
    return begun;
}

/* The least of each, in seconds, for as many bytes as the checkpoint has. */
struct best {
    double cached, cold, read_cached, read, cat;
};

static double least(double a, double b)
{
    return a == 0 || b < a ? b : a;
}

/* Why a file that is not in the page cache is not opened at the rate of cat. */
static void print_profile(const struct best *best, double bytes)
{
    printf("Opening a checkpoint of %.0f MB, the best round of each:\n"
           "%8.1f ms  its share of cat(1) of the file, not in the page cache\n"
           "%8.1f ms  its bytes read into new memory by two threads, not in the page cache\n"
           "%8.1f ms  the same, in the page cache\n"
           "%8.1f ms  opened, in the page cache\n"
           "%8.1f ms  opened, not in the page cache\n",
           bytes / 1e6, best->cat * 1e3, best->read * 1e3, best->read_cached * 1e3,
           best->cached * 1e3, best->cold * 1e3);
}

void measure_open(const char *dir, unsigned rounds)
{
    struct best best = { 0, 0, 0, 0, 0 };
    char path[4096];
    struct stat file;
    double bytes = (double)checkpoint_bytes(dir);

    (void)snprintf(path, sizeof(path), "%s/cull.db", dir);
    if (stat(path, &file) != 0) {
        perror(path);
        exit(1);
    }
    (void)limit_cat(path);
    for (unsigned round = 0; round < rounds; round++) {
        double cat = (double)file.st_size / limit_cat(path) / 1e9;
        double seconds = open_all(dir);

        best.cached = least(best.cached, seconds);
        best.read_cached = least(best.read_cached, limit_read_new(path, (uint64_t)bytes));
        sample("open.cached", bytes / seconds / 1e9, cat);
    }
    for (unsigned round = 0; round < rounds; round++) {
        double seconds;
        double cat;

        limit_forget(path);
        cat = (double)file.st_size / limit_cat(path) / 1e9;
        limit_forget(path);
        seconds = open_all(dir);
        best.cold = least(best.cold, seconds);
        best.cat = least(best.cat, bytes / cat / 1e9);
        limit_forget(path);
        best.read = least(best.read, limit_read_new(path, (uint64_t)bytes));
        sample("open.cold", bytes / seconds / 1e9, cat);
    }
    print_profile(&best, bytes);
}
