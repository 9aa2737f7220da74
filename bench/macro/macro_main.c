/*
 * macro_main.c - bench-macro: makes the stores that the command is measured on, and measures what
 * a command's own time does not show.
 *
 * usage: bench-macro [--samples FILE] WHAT ARGUMENT...
 */
#include "macro/measures.h"

#include <sys/stat.h>

#include "shared/bench_base.h"
#include "shared/samples.h"

static const char usage[] =
    "usage: bench-macro [--samples FILE] WHAT ARGUMENT...\n"
    "\n"
    "  make DIR COLLECTIONS VERSIONS FILES CHANGED   a store, quickly\n"
    "  open DIR ROUNDS                               opening with all rooms, and cat\n"
    "  delete DIR ROUNDS                             all versions in one transaction\n"
    "  dry DIR CULL ROUNDS                           where the time of gc --dry-run goes\n"
    "  cycle FACTOR ROUNDS                           the same garbage in a larger store\n"
    "  beside VERSIONS FILES CHANGED ROUNDS          a second thread, a writer beside a cycle\n"
    "  scale COLLECTIONS VERSIONS FILES CHANGED ROUNDS\n"
    "  sweep DIR TWIN THREADS TURN                   a cycle, and unlinking a twin of the "
    "objects,\n"
    "                                                which goes first in even turns\n"
    "  files DIR COUNT BYTES SEED                    files of random bytes, all different\n"
    "  sync FILE                                     write 4 KiB and sync, as an append does\n";

static uint32_t number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || value > UINT32_MAX) {
        fprintf(stderr, "bench-macro: %s: no number\n", text);
        exit(2);
    }
    return (uint32_t)value;
}

/* A shape from three arguments. */
static struct shape shape_of(char **args)
{
    return (struct shape){ number(args[0]), number(args[1]), number(args[2]) };
}

static void run_make(char **args)
{
    const struct shape shape = shape_of(args + 2);

    maker_directory(args[0], number(args[1]), &shape);
}

static void run_open(char **args)
{
    measure_open(args[0], number(args[1]));
}

static void run_delete(char **args)
{
    measure_delete(args[0], number(args[1]));
}

static void run_dry(char **args)
{
    measure_dry(args[0], args[1], number(args[2]));
}

static void run_cycle(char **args)
{
    measure_cycle(number(args[0]), number(args[1]));
}

static void run_beside(char **args)
{
    const struct shape shape = shape_of(args);

    measure_beside(&shape, number(args[3]));
}

static void run_scale(char **args)
{
    const struct shape shape = shape_of(args + 1);

    measure_scale(number(args[0]), &shape, number(args[4]));
}

static void run_sweep(char **args)
{
    measure_sweep(args[0], args[1], number(args[2]), number(args[3]) % 2 != 0);
}

/* In folders of a thousand, as data sets have them. */
static void run_files(char **args)
{
    uint32_t count = number(args[1]);
    size_t words = number(args[2]) / sizeof(uint64_t) + 1;
    uint64_t *content = must(malloc(words * sizeof(*content)));
    uint64_t random = number(args[3]);
    char path[4096];

    (void)mkdir(args[0], 0777);
    for (uint32_t i = 0; i < count; i++) {
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/%u", args[0], i / 1000);
        (void)mkdir(path, 0777);
        (void)snprintf(path, sizeof(path), "%s/%u/%u", args[0], i / 1000, i);
        for (size_t word = 0; word < words; word++) {
            content[word] = bench_random(&random);
        }
        file = fopen(path, "w");
        if (file == NULL || fwrite(content, 1, number(args[2]), file) != number(args[2]) ||
            fclose(file) != 0) {
            perror(path);
            exit(1);
        }
    }
    free(content);
}

static void run_sync(char **args)
{
    (void)limit_write_sync(args[0], 4096);
}

static const struct {
    const char *name;
    int args;
    void (*run)(char **args);
} whats[] = {
    { "make", 5, run_make },   { "open", 2, run_open },     { "delete", 2, run_delete },
    { "cycle", 2, run_cycle }, { "beside", 4, run_beside }, { "scale", 5, run_scale },
    { "sweep", 4, run_sweep }, { "files", 4, run_files },   { "sync", 1, run_sync },
    { "dry", 3, run_dry },
};

int main(int argc, char **argv)
{
    int at = 1;

    if (argc > 2 && strcmp(argv[1], "--samples") == 0) {
        samples_open(argv[2]);
        at = 3;
    }
    for (size_t i = 0; i < sizeof(whats) / sizeof(*whats) && at < argc; i++) {
        if (strcmp(argv[at], whats[i].name) == 0 && argc - at - 1 == whats[i].args) {
            whats[i].run(argv + at + 1);
            return 0;
        }
    }
    fputs(usage, stderr);
    return 2;
}
