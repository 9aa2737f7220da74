/*
 * compare.c - the samples of two revisions, row by row.
 */
#include "report/report.h"
#include "shared/bench_base.h"

/* Ratios of what was measured in the same turn. */
static struct series turns(const struct series *base, const struct series *head)
{
    struct series out = { NULL, base->count < head->count ? base->count : head->count };

    out.at = must(calloc(out.count + 1, sizeof(*out.at)));
    for (size_t i = 0; i < out.count; i++) {
        out.at[i] = head->at[i] / base->at[i];
    }
    return out;
}

int run_compare(char **args)
{
    const struct row *base = rows_read(args[0]);
    const struct row *head = rows_read(args[1]);

    printf("%-18s %12s %12s  %-6s %24s   %s\n", "row", "base", "head", "unit",
           "head to base (spread)", "to the limit, head to base");
    for (size_t i = 0; i < bench_budget_count; i++) {
        struct series values = turns(&base[i].values, &head[i].values);
        struct series ratios = turns(&base[i].ratios, &head[i].ratios);

        if (base[i].values.count + head[i].values.count == 0) {
            continue; /* of a group that was not asked for */
        }
        if (values.count == 0) {
            printf("%-18s measured on one side only\n", bench_budgets[i].name);
            continue;
        }
        printf("%-18s %12.4g %12.4g  %-6.6s %7.3f (%6.3f to %6.3f)", bench_budgets[i].name,
               series_median(&base[i].values), series_median(&head[i].values),
               bench_budgets[i].unit, series_median(&values), series_min(&values),
               series_max(&values));
        if (ratios.count > 0) {
            printf("   %.3f", series_median(&ratios));
        }
        putchar('\n');
    }
    return 0;
}
