/*
 * judge.c - is a budget met? What was not measured, or is not there to be measured, meets none.
 */
#include "report/report.h"

double row_judged(const struct row *row)
{
    double value = series_median(&row->values);

    switch (row->budget->on) {
    case BENCH_ON_RATIO:
        return series_median(&row->ratios);
    case BENCH_ON_EXCESS:
        return value - series_median(&row->limits);
    default:
        return value;
    }
}

bool row_is_met(const struct row *row)
{
    const struct budget *budget = row->budget;

    if (row->missing || row->values.count == 0 ||
        (budget->on == BENCH_ON_RATIO && row->ratios.count == 0)) {
        return false;
    }
    return budget->at_least ? row_judged(row) >= budget->bound : row_judged(row) <= budget->bound;
}

const char *on_name(enum bench_on on)
{
    static const char *const names[] = { "nothing", "value", "ratio", "excess" };

    return names[on];
}
