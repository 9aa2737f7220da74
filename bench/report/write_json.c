/*
 * write_json.c - report.json: {"machine":{...},"rows":[{"name","value","unit","limit","ratio",
 * "budget","met",...}]}, a row for each of budgets.c; what was not measured is null.
 */
#include <string.h>
#include <yajl/yajl_gen.h>

#include "report/report.h"
#include "shared/bench_base.h"

static void put_text(yajl_gen gen, const char *key, const char *text)
{
    (void)yajl_gen_string(gen, (const unsigned char *)key, strlen(key));
    (void)yajl_gen_string(gen, (const unsigned char *)text, strlen(text));
}

static void put_key(yajl_gen gen, const char *key)
{
    (void)yajl_gen_string(gen, (const unsigned char *)key, strlen(key));
}

/* A figure with the digits that it has; null if there is none. */
static void put_number(yajl_gen gen, const char *key, double value, bool there)
{
    char text[32];

    put_key(gen, key);
    if (!there) {
        (void)yajl_gen_null(gen);
        return;
    }
    (void)snprintf(text, sizeof(text), "%.6g", value);
    (void)yajl_gen_number(gen, text, strlen(text));
}

static void put_machine(yajl_gen gen, const struct machine *machine)
{
    put_key(gen, "machine");
    (void)yajl_gen_map_open(gen);
    put_text(gen, "cpu", machine->cpu);
    put_number(gen, "cores", machine->cores, true);
    put_number(gen, "memory_gib", (double)machine->memory_bytes / 1073741824.0, true);
    put_text(gen, "kernel", machine->kernel);
    put_number(gen, "load_average", machine->load, true);
    (void)yajl_gen_map_close(gen);
}

static void put_spread(yajl_gen gen, const char *key, const struct series *series)
{
    put_key(gen, key);
    if (series->count == 0) {
        (void)yajl_gen_null(gen);
        return;
    }
    (void)yajl_gen_array_open(gen);
    (void)yajl_gen_double(gen, series_min(series));
    (void)yajl_gen_double(gen, series_max(series));
    (void)yajl_gen_array_close(gen);
}

static void put_row(yajl_gen gen, const struct row *row)
{
    const struct budget *budget = row->budget;
    bool has_budget = budget->on != BENCH_ON_NOTHING;

    (void)yajl_gen_map_open(gen);
    put_text(gen, "name", budget->name);
    put_text(gen, "what", budget->what);
    put_number(gen, "value", series_median(&row->values), row->values.count > 0);
    put_text(gen, "unit", budget->unit);
    put_number(gen, "limit", series_median(&row->limits), row->limits.count > 0);
    put_number(gen, "ratio", series_median(&row->ratios), row->ratios.count > 0);
    put_number(gen, "budget", budget->bound, has_budget);
    put_key(gen, "met");
    if (has_budget) {
        (void)yajl_gen_bool(gen, row_is_met(row));
        put_text(gen, "budget_on", on_name(budget->on));
        put_text(gen, "budget_is", budget->at_least ? "at least" : "at most");
    } else {
        (void)yajl_gen_null(gen);
    }
    if (budget->limit != NULL) {
        put_text(gen, "limit_is", budget->limit);
    }
    put_number(gen, "samples", (double)row->values.count, true);
    put_spread(gen, "value_spread", &row->values);
    put_spread(gen, "ratio_spread", &row->ratios);
    if (row->note[0] != '\0') {
        put_text(gen, "note", row->note);
    }
    (void)yajl_gen_map_close(gen);
}

void write_json(const struct row *rows, const struct about *about, const char *dir)
{
    yajl_gen gen = must(yajl_gen_alloc(NULL));
    FILE *file = must_create(dir, "report.json");
    const unsigned char *text;
    size_t len;

    (void)yajl_gen_config(gen, yajl_gen_beautify, 1);
    (void)yajl_gen_map_open(gen);
    put_machine(gen, &about->machine);
    put_text(gen, "compiler", about->machine.compiler);
    put_text(gen, "commit", about->commit);
    put_text(gen, "date", about->machine.date);
    put_text(gen, "size", about->size);
    put_key(gen, "rows");
    (void)yajl_gen_array_open(gen);
    for (size_t i = 0; i < bench_budget_count; i++) {
        put_row(gen, &rows[i]);
    }
    (void)yajl_gen_array_close(gen);
    (void)yajl_gen_map_close(gen);
    if (yajl_gen_get_buf(gen, &text, &len) != yajl_gen_status_ok ||
        fwrite(text, 1, len, file) != len) {
        fputs("bench-report: report.json was not written\n", stderr);
        exit(1);
    }
    must_close(file);
    yajl_gen_free(gen);
}
