/*
 * report_main.c - bench-report: from samples to report.md, report.json, and the README's table.md.
 *
 * SHAPE     For each row of budgets.c the median of its values, of its limits, and of the ratios of
 *           the two in one turn, with the least and the greatest.
 * FAILURE   A row without samples is named, stands in the report as not measured and not met, and
 *           the exit status is 1. A budget that is not met is no failure: the report says so.
 */
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

static const char usage[] =
    "usage: bench-report --write SAMPLES DIR COMMIT SIZE   report.md, report.json, table.md\n"
    "       bench-report --check FILE                      is a report.json complete?\n"
    "       bench-report --compare BASE HEAD               two files of samples, row by row\n"
    "       bench-report --hyperfine ROW FILE [BYTES]      samples from hyperfine's JSON: the "
    "first\n"
    "                                                      command's times beside the second's,\n"
    "                                                      in ms, or as rates in MB/s\n";

FILE *must_create(const char *dir, const char *name)
{
    char path[4096];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

void must_close(FILE *file)
{
    if (fclose(file) != 0) {
        perror("report");
        exit(1);
    }
}

static int run_write(char **args)
{
    const struct row *rows = rows_read(args[0]);
    struct about about = { .commit = args[2], .size = args[3] };
    int missing = 0;

    machine_look(&about.machine);
    write_json(rows, &about, args[1]);
    write_page(rows, &about, args[1]);
    write_table(rows, &about, args[1]);
    for (size_t i = 0; i < bench_budget_count; i++) {
        if (rows[i].values.count == 0) {
            fprintf(stderr, "bench-report: %s: not measured\n", rows[i].budget->name);
            missing = 1;
        }
    }
    return missing;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int least, most;
        int (*run)(char **args);
    } whats[] = {
        { "--write", 4, 4, run_write },
        { "--check", 1, 1, run_check },
        { "--compare", 2, 2, run_compare },
        { "--hyperfine", 2, 3, run_hyperfine },
    };

    for (size_t i = 0; i < sizeof(whats) / sizeof(*whats) && argc > 1; i++) {
        if (strcmp(argv[1], whats[i].name) == 0 && argc - 2 >= whats[i].least &&
            argc - 2 <= whats[i].most) {
            return whats[i].run(argv + 2);
        }
    }
    fputs(usage, stderr);
    return 2;
}
