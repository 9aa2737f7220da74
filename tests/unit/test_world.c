/*
 * test_world.c - crowds of processes in worlds that a seed draws: that they are what they seem to be.
 *
 * `make check` runs hundreds of them in cull-sim, `make soak` a million, `make mutants` shows that
 * they find what is wrong; these few are for sanitizers, and for the machinery around them.
 */
#include "suites.h"

#include <stdlib.h>
#include <string.h>

#include "sim/crowd.h"

#define STEPS 300
#define SEEDS_EACH 10

START_TEST(whatever_happens_nothing_is_lost_and_all_garbage_goes)
    {
        for (uint64_t i = 0; i < SEEDS_EACH; i++) {
            uint64_t seed = 100000 + (uint64_t)_i * SEEDS_EACH + i;
            struct crowd_history history;
            struct crowd_result result;

            crowd_draw(&history, seed, STEPS);
            crowd_run(&history, NULL, &result);
            ck_assert_msg(result.broken[0] == '\0', "seed %llu, op %zu: %s",
                          (unsigned long long)seed, result.op, result.broken);
            ck_assert_uint_gt(result.steps, STEPS / 2);
            crowd_history_release(&history);
        }
    }
END_TEST

START_TEST(one_seed_is_one_history_bit_for_bit)
    {
        struct crowd_history histories[2];
        struct crowd_result results[2];

        for (size_t i = 0; i < 2; i++) {
            crowd_draw(&histories[i], 1 + (uint64_t)_i, STEPS);
            memset(&results[i], 0, sizeof results[i]);
            crowd_run(&histories[i], NULL, &results[i]);
        }
        ck_assert_uint_eq(histories[0].count, histories[1].count);
        ck_assert_mem_eq(histories[0].ops, histories[1].ops,
                         histories[0].count * sizeof *histories[0].ops);
        ck_assert_mem_eq(&results[0], &results[1], sizeof results[0]);
        crowd_history_release(&histories[0]);
        crowd_history_release(&histories[1]);
    }
END_TEST

START_TEST(another_seed_is_another_history)
    {
        struct crowd_history histories[2];
        struct crowd_result results[2];

        for (size_t i = 0; i < 2; i++) {
            crowd_draw(&histories[i], 7 + (uint64_t)i, STEPS);
            crowd_run(&histories[i], NULL, &results[i]);
            crowd_history_release(&histories[i]);
        }
        ck_assert_uint_ne(results[0].trace, results[1].trace);
    }
END_TEST

START_TEST(a_longer_history_begins_as_a_shorter_one)
    {
        struct crowd_history few;
        struct crowd_history many;

        crowd_draw(&few, 3, 50);
        crowd_draw(&many, 3, 100);
        ck_assert_mem_eq(few.ops, many.ops, few.count * sizeof *few.ops);
        ck_assert_uint_eq(few.settings.store.seed, many.settings.store.seed);
        crowd_history_release(&few);
        crowd_history_release(&many);
    }
END_TEST

/* A bucket without versions that says that no delete arrives late, and where some do: nothing could
 * keep an upload from losing what it sends. Drawn for a seed; false: the seed has no such bucket. */
static bool draw_unsafe(struct crowd_history *out, uint64_t seed)
{
    crowd_draw(out, seed, 500);
    if (out->settings.kind != CROWD_INCARNATION || !out->settings.late) {
        crowd_history_release(out);
        return false;
    }
    out->settings.kind = CROWD_DIRECTORY;
    out->settings.store.late_deletes = CULL_LATE_IMPOSSIBLE;
    return true;
}

START_TEST(a_store_that_lies_about_late_deletes_is_found_out_and_shrunk)
    {
        struct crowd_history history;
        struct crowd_result result = { .broken = "" };
        struct crowd_result shrunk;
        size_t *kept;
        uint64_t seed = 1;

        for (; seed < 400 && result.broken[0] == '\0'; seed++) {
            if (draw_unsafe(&history, seed)) {
                crowd_run(&history, NULL, &result);
                if (result.broken[0] == '\0') {
                    crowd_history_release(&history);
                }
            }
        }
        ck_assert_str_ne(result.broken, "");
        kept = calloc(history.count, sizeof *kept);
        ck_assert_ptr_nonnull(kept);
        crowd_shrink(&history, kept, &shrunk);
        ck_assert_str_ne(shrunk.broken, "");
        ck_assert_uint_lt(history.count, 60);
        for (size_t i = 1; i < history.count; i++) {
            ck_assert_uint_lt(kept[i - 1], kept[i]);
        }
        crowd_run(&history, NULL, &result);
        ck_assert_str_eq(result.broken, shrunk.broken);
        free(kept);
        crowd_history_release(&history);
    }
END_TEST

Suite *world_suite(void);

Suite *world_suite(void)
{
    Suite *suite = suite_create("world");
    TCase *tc = tcase_create("crowd");

    tcase_add_loop_test(tc, whatever_happens_nothing_is_lost_and_all_garbage_goes, 0, 4);
    tcase_add_loop_test(tc, one_seed_is_one_history_bit_for_bit, 0, 8);
    tcase_add_test(tc, another_seed_is_another_history);
    tcase_add_test(tc, a_longer_history_begins_as_a_shorter_one);
    tcase_add_test(tc, a_store_that_lies_about_late_deletes_is_found_out_and_shrunk);
    suite_add_tcase(suite, tc);
    return suite;
}
