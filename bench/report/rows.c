/*
 * rows.c - samples read back; see rows.h.
 */
#include "report/rows.h"

#include "shared/bench_base.h"

#define LINE_MAX_BYTES 1024

static void push(struct series *series, double value)
{
    series->at = must(realloc(series->at, (series->count + 1) * sizeof(*series->at)));
    series->at[series->count++] = value;
}

static struct row *row_named(struct row *rows, const char *name)
{
    for (size_t i = 0; i < bench_budget_count; i++) {
        if (strcmp(rows[i].budget->name, name) == 0) {
            return &rows[i];
        }
    }
    fprintf(stderr, "bench-report: %s: no such row\n", name);
    exit(1);
}

static void take_line(struct row *rows, char *line, const char *path, unsigned number)
{
    char *rest = line;
    const char *first = strsep(&rest, "\t");
    const char *second = strsep(&rest, "\t");

    if (second == NULL || rest == NULL) {
        fprintf(stderr, "bench-report: %s, line %u: no sample\n", path, number);
        exit(1);
    }
    if (strcmp(first, "note") == 0 || strcmp(first, "missing") == 0) {
        struct row *row = row_named(rows, second);

        row->missing |= *first == 'm';
        (void)snprintf(row->note, sizeof(row->note), "%s", rest);
    } else {
        struct row *row = row_named(rows, first);
        double value = strtod(second, NULL);

        push(&row->values, value);
        if (strcmp(rest, "-") != 0) {
            push(&row->limits, strtod(rest, NULL));
            push(&row->ratios, value / row->limits.at[row->limits.count - 1]);
        }
    }
}

struct row *rows_read(const char *path)
{
    struct row *rows = must(calloc(bench_budget_count, sizeof(*rows)));
    FILE *file = fopen(path, "r");
    char line[LINE_MAX_BYTES];
    unsigned number = 0;

    if (file == NULL) {
        perror(path);
        exit(1);
    }
    for (size_t i = 0; i < bench_budget_count; i++) {
        rows[i].budget = &bench_budgets[i];
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        take_line(rows, line, path, ++number);
    }
    (void)fclose(file);
    return rows;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double series_median(const struct series *series)
{
    size_t count = series->count;
    double *sorted;
    double median;

    if (count == 0) {
        return 0;
    }
    sorted = must(malloc(count * sizeof(*sorted)));
    memcpy(sorted, series->at, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare);
    median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
    free(sorted);
    return median;
}

double series_min(const struct series *series)
{
    double least = series->count == 0 ? 0 : series->at[0];

    for (size_t i = 1; i < series->count; i++) {
        least = series->at[i] < least ? series->at[i] : least;
    }
    return least;
}

double series_max(const struct series *series)
{
    double most = series->count == 0 ? 0 : series->at[0];

    for (size_t i = 1; i < series->count; i++) {
        most = series->at[i] > most ? series->at[i] : most;
    }
    return most;
}
