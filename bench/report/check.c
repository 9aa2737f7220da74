/*
 * check.c - is a report complete? Every row with figures above zero, a limit where there is one, and
 * a word on its budget; and what it was made on.
 */
#include <string.h>

#include "report/report.h"

static yajl_val row_of(yajl_val rows, const char *name)
{
    for (size_t i = 0; rows != NULL && i < rows->u.array.len; i++) {
        const char *there =
            YAJL_GET_STRING(json_member(rows->u.array.values[i], "name", yajl_t_string));

        if (there != NULL && strcmp(there, name) == 0) {
            return rows->u.array.values[i];
        }
    }
    return NULL;
}

static bool is_positive(yajl_val object, const char *key)
{
    yajl_val number = json_member(object, key, yajl_t_number);

    return number != NULL && YAJL_GET_DOUBLE(number) > 0;
}

/* What is wrong with a row; NULL: nothing. */
static const char *row_fault(yajl_val row, const struct budget *budget)
{
    yajl_val met;

    if (row == NULL) {
        return "no row";
    }
    met = json_member(row, "met", yajl_t_any);
    if (!is_positive(row, "value") || json_member(row, "unit", yajl_t_string) == NULL) {
        return "no value above zero, or no unit";
    }
    if (budget->limit != NULL && (!is_positive(row, "limit") || !is_positive(row, "ratio"))) {
        return "no limit or ratio above zero";
    }
    if (budget->on != BENCH_ON_NOTHING &&
        (!is_positive(row, "budget") || !(YAJL_IS_TRUE(met) || YAJL_IS_FALSE(met)))) {
        return "no budget, or it does not say whether it is met";
    }
    return NULL;
}

int run_check(char **args)
{
    static const char *const texts[] = { "compiler", "commit", "date" };
    yajl_val report = json_must_read(args[0]);
    yajl_val rows = json_member(report, "rows", yajl_t_array);
    yajl_val machine = json_member(report, "machine", yajl_t_object);
    unsigned passed = 0;
    unsigned failed = 0;

    if (machine == NULL || !is_positive(machine, "cores") || !is_positive(machine, "memory_gib") ||
        json_member(machine, "cpu", yajl_t_string) == NULL ||
        json_member(machine, "kernel", yajl_t_string) == NULL) {
        puts("the machine is not described");
        failed++;
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (json_member(report, texts[i], yajl_t_string) == NULL) {
            printf("no %s\n", texts[i]);
            failed++;
        }
    }
    for (size_t i = 0; i < bench_budget_count; i++) {
        const char *fault = row_fault(row_of(rows, bench_budgets[i].name), &bench_budgets[i]);

        if (fault != NULL) {
            printf("%s: %s\n", bench_budgets[i].name, fault);
            failed++;
        } else {
            passed++;
        }
    }
    printf("%u passed, %u failed\n", passed, failed);
    yajl_tree_free(report);
    return failed > 0;
}
