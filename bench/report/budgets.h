/*
 * budgets.h - what each row of the report must keep to.
 */
#ifndef BENCH_BUDGETS_H
#define BENCH_BUDGETS_H

#include <stdbool.h>
#include <stddef.h>

/* What a budget is about. */
enum bench_on {
    BENCH_ON_NOTHING, /* a figure without a budget */
    BENCH_ON_VALUE,
    BENCH_ON_RATIO, /* of value to limit */
    BENCH_ON_EXCESS /* value less limit */
};

struct budget {
    const char *name;
    const char *what;
    const char *unit;  /* of value and limit */
    const char *limit; /* what the limit is; NULL: there is none */
    enum bench_on on;
    bool at_least; /* else at most */
    double bound;
    double aim; /* 0: none */
};

extern const struct budget bench_budgets[];
extern const size_t bench_budget_count;

#endif
