/*
 * samples.h - what the benchmarks measured, one line each, for the report.
 *
 * A line is ROW, VALUE, LIMIT, parted by tabs: one measurement and, beside it, what the machine can
 * do at best, measured in the same turn ("-" where there is no such thing). Or it is "note", ROW
 * and a sentence that the report shows; or "missing", ROW and why what the row is about is not there
 * to be measured, and then its budget is not met. The rows are listed in bench/report/budgets.c.
 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#ifdef __cplusplus
extern "C" {
#endif

/* Append to this file from now on; without a file, samples are not kept. */
void samples_open(const char *path);
/* limit 0: there is none */
void sample(const char *row, double value, double limit);
void sample_note(const char *row, const char *text);
void sample_missing(const char *row, const char *why);

#ifdef __cplusplus
}
#endif

#endif
