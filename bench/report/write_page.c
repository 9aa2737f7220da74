/*
 * write_page.c - report.md with all there is to know of each row, and table.md, which is the README's.
 */
#include "report/report.h"

/* Three digits, as many as a measurement has. */
static const char *shown(char text[32], double value)
{
    int digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;

    (void)snprintf(text, 32, "%.*f", digits, value);
    return text;
}

static void write_row(FILE *file, const struct row *row)
{
    const struct budget *budget = row->budget;
    char text[32];

    fprintf(file, "| %s | %s | ", budget->name, budget->what);
    if (row->values.count == 0) {
        fprintf(file, "not measured | | | | | | **no** |\n");
        return;
    }
    fprintf(file, "%s %s | ", shown(text, series_median(&row->values)), budget->unit);
    fprintf(file, "%s to ", shown(text, series_min(&row->values)));
    fprintf(file, "%s | ", shown(text, series_max(&row->values)));
    if (row->limits.count > 0) {
        fprintf(file, "%s | ", shown(text, series_median(&row->limits)));
        fprintf(file, "%s | ", shown(text, series_median(&row->ratios)));
    } else {
        fprintf(file, "| | ");
    }
    if (budget->on == BENCH_ON_NOTHING) {
        fprintf(file, "| |\n");
        return;
    }
    fprintf(file, "%s %s %g | %s |\n", on_name(budget->on),
            budget->at_least ? ">=" : "<=", budget->bound, row_is_met(row) ? "yes" : "**no**");
}

static void write_heading(FILE *file, const struct row *rows, const struct about *about)
{
    const struct machine *machine = &about->machine;
    size_t with_budget = 0;
    size_t met = 0;

    for (size_t i = 0; i < bench_budget_count; i++) {
        with_budget += rows[i].budget->on != BENCH_ON_NOTHING;
        met += rows[i].budget->on != BENCH_ON_NOTHING && row_is_met(&rows[i]);
    }
    fprintf(file, "%s, %u cores, %.1f GiB, %s, load average %.1f; %s; commit %s; %s; %s sizes.\n\n",
            machine->cpu, machine->cores, (double)machine->memory_bytes / 1073741824.0,
            machine->kernel, machine->load, machine->compiler, about->commit, machine->date,
            about->size);
    fprintf(file, "%zu of %zu budgets are met.\n\n", met, with_budget);
}

void write_page(const struct row *rows, const struct about *about, const char *dir)
{
    FILE *file = must_create(dir, "report.md");

    fprintf(file, "# What cull costs, beside what the machine can do\n\n");
    write_heading(file, rows, about);
    fprintf(file, "Values and limits are medians, a limit is measured in the same turn as its "
                  "value, and\nratio is the median of value to limit. (Debian's Google Benchmark "
                  "says that it was built\nas DEBUG: that is its own bookkeeping.)\n\n");
    fprintf(file, "| row | what | value | spread | limit | ratio | budget | met |\n");
    fprintf(file, "| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < bench_budget_count; i++) {
        write_row(file, &rows[i]);
    }
    fprintf(file, "\nThe limits:\n\n");
    for (size_t i = 0; i < bench_budget_count; i++) {
        if (rows[i].budget->limit != NULL) {
            fprintf(file, "- %s: %s\n", rows[i].budget->name, rows[i].budget->limit);
        }
    }
    for (size_t i = 0; i < bench_budget_count; i++) {
        if (rows[i].note[0] != '\0') {
            fprintf(file, "\n%s: %s\n", rows[i].budget->name, rows[i].note);
        }
    }
    must_close(file);
}

/* The same for people: what, how much, beside what. */
void write_table(const struct row *rows, const struct about *about, const char *dir)
{
    FILE *file = must_create(dir, "table.md");
    char text[32];

    write_heading(file, rows, about);
    fprintf(file, "| what | measured | limit of the machine | budget | met |\n");
    fprintf(file, "| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < bench_budget_count; i++) {
        const struct budget *budget = rows[i].budget;

        if (budget->on == BENCH_ON_NOTHING) {
            continue;
        }
        fprintf(file, "| %s | %s %s | ", budget->what, shown(text, series_median(&rows[i].values)),
                budget->unit);
        if (rows[i].limits.count > 0) {
            fprintf(file, "%s (%s) ", shown(text, series_median(&rows[i].limits)), budget->limit);
        }
        fprintf(file, "| %s %s %g", on_name(budget->on),
                budget->at_least ? ">=" : "<=", budget->bound);
        if (budget->on == BENCH_ON_RATIO) {
            fprintf(file, ", is %s", shown(text, row_judged(&rows[i])));
        }
        fprintf(file, " | %s |\n", row_is_met(&rows[i]) ? "yes" : "**no**");
    }
    must_close(file);
}
