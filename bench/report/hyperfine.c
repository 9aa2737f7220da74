/*
 * hyperfine.c - samples from what hyperfine measured: the first command's times beside the second's.
 */
#include <stdlib.h>

#include "report/report.h"

static yajl_val times_of(yajl_val report, size_t command)
{
    yajl_val results = json_member(report, "results", yajl_t_array);

    return results == NULL || command >= results->u.array.len
               ? NULL
               : json_member(results->u.array.values[command], "times", yajl_t_array);
}

int run_hyperfine(char **args)
{
    yajl_val report = json_must_read(args[1]);
    yajl_val values = times_of(report, 0);
    yajl_val limits = times_of(report, 1);
    double bytes = args[2] == NULL ? 0 : strtod(args[2], NULL);

    if (values == NULL || limits == NULL) {
        fprintf(stderr, "bench-report: %s: not two commands' times\n", args[1]);
        return 1;
    }
    for (size_t i = 0; i < values->u.array.len && i < limits->u.array.len; i++) {
        double value = YAJL_GET_DOUBLE(values->u.array.values[i]);
        double limit = YAJL_GET_DOUBLE(limits->u.array.values[i]);

        if (bytes > 0) {
            printf("%s\t%.9g\t%.9g\n", args[0], bytes / value / 1e6, bytes / limit / 1e6);
        } else {
            printf("%s\t%.9g\t%.9g\n", args[0], value * 1e3, limit * 1e3);
        }
    }
    yajl_tree_free(report);
    return 0;
}
