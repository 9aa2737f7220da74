/*
 * crash_history.c - a random history of the simulator as a scenario.
 *
 * SHAPE     The simulator draws requests that get somewhere, doing them in memory; here the same
 *           requests are done on a disk. What goes wrong in the history itself (an object store that
 *           fails, a race) is left out: something else goes wrong here.
 * INVARIANT A seed is one history. Histories whose stores have other digests, or object stores whose
 *           deletes may come late, are passed over for the next.
 */
#include "crash_script.h"

#include <stdlib.h>

#include "sim/history.h"

#define STEPS_MAX 80
#define SEEDS_APART 1000 /* passed over at most, for one that fits */

static bool fits(const cull_store_settings *settings)
{
    return settings->digest == CULL_DIGEST_XXH128 && settings->late_deletes == CULL_LATE_IMPOSSIBLE;
}

/* Add a history's requests, without their faults. */
static void requests_add(struct crash_script *script, const struct history *history)
{
    struct cull__cursor cursor = cull__cursor(history->bytes.data, history->bytes.len);

    for (size_t i = 0; i < history_count(history); i++) {
        struct cull__request request;
        struct cull__frame frame;
        cull_error err = { CULL_OK, "" };

        if (cull__frame_next(&cursor, &frame, &err) != CULL_OK ||
            cull__request_decode(&request, &frame, cull_allocator_default(), &err) != CULL_OK) {
            abort();
        }
        request.fault = CULL__FAULT_NONE;
        request.process %= CRASH_PROCESSES;
        script->strays = script->strays || request.op == CULL__REQUEST_PUBLISH;
        crash_request(script, &request);
        cull__request_release(&request);
    }
}

void crash_script_history(struct crash_script *script, uint64_t seed)
{
    struct cull__request create = CULL__REQUEST_INIT;
    struct history_result result;
    struct history history;

    *script = (struct crash_script){ .name = "history", .may_refuse = true };
    history_init(&history);
    for (uint64_t i = 0; history_count(&history) == 0; i++) {
        struct history drawn;

        history_init(&drawn);
        history_draw(&drawn, seed * SEEDS_APART + i, STEPS_MAX, &result);
        if (i == SEEDS_APART) {
            abort();
        }
        if (fits(&drawn.settings)) {
            history_release(&history);
            history = drawn;
        } else {
            history_release(&drawn);
        }
    }
    create.op = CULL__REQUEST_CREATE;
    create.settings = history.settings;
    crash_add(script, 0, CRASH_STEP_CREATE_LOG);
    crash_request(script, &create);
    crash_add(script, 1, CRASH_STEP_OPEN);
    requests_add(script, &history);
    history_release(&history);
}
