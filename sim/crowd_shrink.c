/*
 * crowd_shrink.c - a broken history, made smaller.
 *
 * SHAPE     Runs of ops are left out, long ones first, then incidents, as long as it still breaks.
 *           An op means something wherever it stands, so what is left is a history.
 */
#include "crowd.h"

#include <stdlib.h>
#include <string.h>

#define RUNS_MAX 4000

struct shrinking {
    struct crowd_history *history;
    size_t *kept;
    struct crowd_op *ops; /* room for a try */
    unsigned runs;
};

static bool breaks(struct shrinking *shrinking, size_t count)
{
    const struct crowd_history attempt = { shrinking->history->settings, shrinking->ops, count };
    struct crowd_result result;

    shrinking->runs++;
    crowd_run(&attempt, NULL, &result);
    return result.broken[0] != '\0';
}

/* Leave out a run of ops. True: it breaks all the same, and they are gone. */
static bool leave_out(struct shrinking *shrinking, size_t from, size_t count)
{
    struct crowd_history *history = shrinking->history;
    size_t behind = history->count - from - count;

    memcpy(shrinking->ops, history->ops, from * sizeof *history->ops);
    memcpy(shrinking->ops + from, history->ops + from + count, behind * sizeof *history->ops);
    if (!breaks(shrinking, from + behind)) {
        return false;
    }
    memmove(history->ops + from, history->ops + from + count, behind * sizeof *history->ops);
    memmove(shrinking->kept + from, shrinking->kept + from + count,
            behind * sizeof *shrinking->kept);
    history->count = from + behind;
    return true;
}

void crowd_shrink(struct crowd_history *history, size_t *kept, struct crowd_result *result)
{
    struct shrinking shrinking = { .history = history, .kept = kept };
    size_t chunk = history->count / 2;

    shrinking.ops = malloc((history->count + 1) * sizeof *shrinking.ops);
    if (shrinking.ops == NULL) {
        abort();
    }
    for (size_t i = 0; i < history->count; i++) {
        kept[i] = i;
    }
    for (chunk = chunk == 0 ? 1 : chunk; chunk > 0; chunk /= 2) {
        size_t from = 0;

        while (from < history->count && shrinking.runs < RUNS_MAX) {
            size_t count = history->count - from < chunk ? history->count - from : chunk;

            if (!leave_out(&shrinking, from, count)) {
                from += chunk;
            }
        }
    }
    free(shrinking.ops);
    crowd_run(history, NULL, result);
}
