/*
 * rows.h - samples read back, row by row, and their medians.
 */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "report/budgets.h"

struct series {
    double *at;
    size_t count;
};

/* In the order of bench_budgets. Ratios are of a value and the limit of the same turn. */
struct row {
    const struct budget *budget;
    struct series values;
    struct series limits; /* empty: there is none */
    struct series ratios;
    char note[256];
    bool missing; /* what it is about is not there; note says why */
};

/* Read a file of samples (shared/samples.h); exits where a line is none. One element for each
 * budget, never freed: a report is made and the program ends. */
struct row *rows_read(const char *path);

double series_median(const struct series *series); /* 0 of none */
double series_min(const struct series *series);
double series_max(const struct series *series);

#endif
