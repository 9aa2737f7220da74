/*
 * report.h - the parts of bench-report; see report_main.c.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdio.h>
#include <yajl/yajl_tree.h>

#include "report/machine.h"
#include "report/rows.h"

/* What a report is of. */
struct about {
    struct machine machine;
    const char *commit;
    const char *size;
};

/* What a row's budget is about: a value, a ratio, or the value less the limit (judge.c). */
double row_judged(const struct row *row);
bool row_is_met(const struct row *row);
const char *on_name(enum bench_on on);

/* A file of the report that is written; both exit where that fails. */
FILE *must_create(const char *dir, const char *name);
void must_close(FILE *file);

void write_json(const struct row *rows, const struct about *about, const char *dir);
void write_page(const struct row *rows, const struct about *about, const char *dir);
void write_table(const struct row *rows, const struct about *about, const char *dir);

/* JSON read back (json_read.c). Exits where a file does not parse. */
yajl_val json_must_read(const char *path);
yajl_val json_member(yajl_val object, const char *key, yajl_type type);

/* The ways to call the program, with the arguments behind the option; the exit status. */
int run_check(char **args);
int run_compare(char **args);
int run_hyperfine(char **args);

#endif
