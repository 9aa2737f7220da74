/*
 * fuzz_history.c - request histories beside the oracle: the bytes are what the simulator draws its
 * settings, its next requests and its faults from (sim/draw.c), so each input is a history that gets
 * somewhere, and the fuzzer chooses which.
 *
 * PROPERTIES  The library agrees with the oracle after every step, and with the faults over all
 *             garbage goes. A history done again from its trace ends in the same state.
 */
#include "fuzz.h"

#include <string.h>

#include "sim/history.h"

#define STEPS_MAX 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct history_result drawn;
    struct history_result again;
    struct history history;

    if (len == 0) {
        return 0;
    }
    history_init(&history);
    history_draw_bytes(&history, data, len, STEPS_MAX, &drawn);
    if (drawn.broken[0] != '\0') {
        history_print(&history, stderr);
    }
    FUZZ_CHECK(drawn.broken[0] == '\0', drawn.broken);
    if (drawn.steps % 8 == 0) { /* as dear as the history */
        history_run(&history, &again);
        FUZZ_CHECK(again.broken[0] == '\0', again.broken);
        FUZZ_CHECK(memcmp(&again.state, &drawn.state, sizeof again.state) == 0, "another state");
    }
    history_release(&history);
    return 0;
}
