/*
 * test_histories.c - random histories beside the oracle, and what is done with histories: writing,
 * reading, replaying, making smaller.
 *
 * `make check` runs thousands of them in cull-sim; these few are for sanitizers and coverage.
 */
#include "suites.h"

#include <stdlib.h>
#include <string.h>

#include "sim/history.h"

#define SEEDS_EACH 25

START_TEST(the_library_agrees_with_the_oracle_after_every_step)
    {
        for (uint64_t i = 0; i < SEEDS_EACH; i++) {
            uint64_t seed = 1 + (uint64_t)_i * SEEDS_EACH + i;
            struct history history;
            struct history_result result;

            history_init(&history);
            history_draw(&history, seed, HISTORY_STEPS_MAX, &result);
            ck_assert_msg(result.broken[0] == '\0', "seed %llu, step %zu: %s",
                          (unsigned long long)seed, result.step, result.broken);
            ck_assert_uint_gt(result.steps, 0);
            history_release(&history);
        }
    }
END_TEST

START_TEST(a_trace_replays_to_the_same_state)
    {
        struct cull__buf trace = CULL__BUF_INIT(cull_allocator_default());
        struct cull__buf again = CULL__BUF_INIT(cull_allocator_default());
        struct history drawn;
        struct history read;
        struct history_result first;
        struct history_result second;

        history_init(&drawn);
        history_init(&read);
        history_draw(&drawn, 1000 + (uint64_t)_i, HISTORY_STEPS_MAX, &first);
        ck_assert_str_eq(first.broken, "");
        history_write(&drawn, &trace);
        ck_assert_int_eq(history_read(&read, trace.data, trace.len, NULL), CULL_OK);
        ck_assert_uint_eq(history_count(&read), history_count(&drawn));
        history_run(&read, &second);
        ck_assert_str_eq(second.broken, "");
        ck_assert_mem_eq(&second.state, &first.state, sizeof first.state);
        ck_assert_uint_eq(second.steps, first.steps);
        history_write(&read, &again);
        ck_assert_uint_eq(again.len, trace.len);
        ck_assert_mem_eq(again.data, trace.data, trace.len);
        history_release(&drawn);
        history_release(&read);
        cull__buf_release(&trace);
        cull__buf_release(&again);
    }
END_TEST

/* Whatever the oracle lets pass, each of its checks included, comes out the same. */
START_TEST(cycles_by_several_threads_end_in_the_state_that_one_thread_ends_in)
    {
        for (uint64_t i = 0; i < SEEDS_EACH; i++) {
            struct history history;
            struct history_result one;
            struct history_result several;

            history_init(&history);
            history_draw(&history, 5000 + (uint64_t)_i * SEEDS_EACH + i, HISTORY_STEPS_MAX, &one);
            ck_assert_str_eq(one.broken, "");
            history.threads = 4;
            history_run(&history, &several);
            ck_assert_str_eq(several.broken, "");
            ck_assert_uint_eq(several.steps, one.steps);
            ck_assert_mem_eq(&several.state, &one.state, sizeof one.state);
            history_release(&history);
        }
    }
END_TEST

START_TEST(other_seeds_end_in_other_states)
    {
        struct history_result results[2];

        for (uint64_t i = 0; i < 2; i++) {
            struct history history;

            history_init(&history);
            history_draw(&history, 5 + i, HISTORY_STEPS_MAX, &results[i]);
            history_release(&history);
        }
        ck_assert_mem_ne(&results[0].state, &results[1].state, sizeof results[0].state);
    }
END_TEST

/* Content that is no letter is more than the oracle knows: it says so, and that is all that the
 * shrunk history needs. */
START_TEST(a_history_that_breaks_is_shrunk_to_what_breaks_it)
    {
        static const struct cull__request_content foreign = { (const uint8_t *)"?!", 2 };
        struct cull__request request = CULL__REQUEST_INIT;
        struct history history;
        struct history_result result;
        uint64_t seed = 0;

        do { /* its object store takes objects from anybody */
            history_init(&history);
            history_draw(&history, ++seed, 40, &result);
            ck_assert_str_eq(result.broken, "");
            if (history.settings.late_deletes == CULL_LATE_INCARNATION || result.steps < 20) {
                history_release(&history);
                continue;
            }
            break;
        } while (true);
        request.op = CULL__REQUEST_PUBLISH;
        request.contents = &foreign;
        request.content_count = 1;
        history_add(&history, &request);
        history_run(&history, &result);
        ck_assert_str_eq(result.broken, "the oracle knows letters only");
        history_shrink(&history, &result);
        ck_assert_uint_eq(history_count(&history), 1);
        ck_assert_str_eq(result.broken, "the oracle knows letters only");
        history_release(&history);
    }
END_TEST

/* --- traces as hostile input -------------------------------------------------------------------- */

static void write_trace(uint64_t seed, size_t steps, struct cull__buf *out)
{
    struct history history;
    struct history_result result;

    *out = (struct cull__buf)CULL__BUF_INIT(cull_allocator_default());
    history_init(&history);
    history_draw(&history, seed, steps, &result);
    history_write(&history, out);
    history_release(&history);
}

static cull_status read_trace(const void *data, size_t len)
{
    struct history history;
    cull_status status;

    history_init(&history);
    status = history_read(&history, data, len, NULL);
    history_release(&history);
    return status;
}

START_TEST(a_trace_cut_anywhere_but_between_requests_is_refused)
    {
        struct cull__buf trace;
        size_t whole = 0;

        write_trace(3, 12, &trace);
        for (size_t len = 0; len < trace.len; len++) {
            cull_status status = read_trace(trace.data, len);

            ck_assert_int_eq(status, len == 0            ? CULL_E_INVALID
                                     : status == CULL_OK ? CULL_OK
                                                         : CULL_E_CORRUPT);
            whole += status == CULL_OK;
        }
        ck_assert_uint_lt(whole, 14); /* ends of requests only */
        cull__buf_release(&trace);
    }
END_TEST

START_TEST(a_trace_with_a_flipped_bit_is_refused)
    {
        struct cull__buf trace;

        write_trace(3, 6, &trace);
        for (size_t at = 0; at < trace.len; at++) {
            trace.data[at] ^= 0x10;
            ck_assert_int_ne(read_trace(trace.data, trace.len), CULL_OK);
            trace.data[at] ^= 0x10;
        }
        ck_assert_int_eq(read_trace(trace.data, trace.len), CULL_OK);
        cull__buf_release(&trace);
    }
END_TEST

static const struct {
    const char *name;
    bool creates;
    enum cull__request_op op;
    uint32_t process;
    cull_status want;
} strangers[] = {
    { "no store is made", false, CULL__REQUEST_REFRESH, 0, CULL_E_INVALID },
    { "a request of the second process", true, CULL__REQUEST_REFRESH, 1, CULL_OK },
    { "a request of a third process", true, CULL__REQUEST_REFRESH, 2, CULL_E_LIMIT },
    { "a second store", true, CULL__REQUEST_CREATE, 0, CULL_E_LIMIT },
    { "an alias of nothing", true, CULL__REQUEST_ALIAS_SET, 0, CULL_E_LIMIT },
    { "a cascade over the store", true, CULL__REQUEST_DELETE_SCOPE, 0, CULL_E_LIMIT },
};

START_TEST(a_trace_holds_what_the_oracle_can_judge)
    {
        struct cull__buf bytes = CULL__BUF_INIT(cull_allocator_default());
        struct cull__request request = CULL__REQUEST_INIT;
        cull_status status;

        request.op = CULL__REQUEST_CREATE;
        request.settings = (cull_store_settings){ .digest = CULL_DIGEST_MD5,
                                                  .late_deletes = CULL_LATE_IMPOSSIBLE,
                                                  .grace_ms = 1,
                                                  .lease_ms = 1000 };
        if (strangers[_i].creates) {
            cull__request_encode(&bytes, &request);
        }
        request.op = strangers[_i].op;
        request.process = strangers[_i].process;
        cull__request_encode(&bytes, &request);
        status = read_trace(bytes.data, bytes.len);
        ck_assert_msg(status == strangers[_i].want, "%s: %s", strangers[_i].name,
                      cull_strerror(status));
        cull__buf_release(&bytes);
    }
END_TEST

START_TEST(a_trace_of_an_impossible_store_is_refused)
    {
        static const cull_store_settings impossible[] = {
            { .late_deletes = CULL_LATE_IMPOSSIBLE, .grace_ms = 1, .lease_ms = 1000 },
            { .digest = CULL_DIGEST_MD5, .grace_ms = 1, .lease_ms = 1000 },
            { .digest = CULL_DIGEST_MD5,
              .late_deletes = CULL_LATE_IMPOSSIBLE,
              .grace_ms = 1,
              .lease_ms = 999 },
            { .digest = CULL_DIGEST_MD5, .late_deletes = CULL_LATE_IMPOSSIBLE, .lease_ms = 1000 },
            { .digest = CULL_DIGEST_MD5,
              .late_deletes = CULL_LATE_IMPOSSIBLE,
              .grace_ms = 1,
              .lease_ms = 1000,
              .index_only = true },
        };

        for (size_t i = 0; i < ARRAY_LEN(impossible); i++) {
            struct cull__buf bytes = CULL__BUF_INIT(cull_allocator_default());
            struct cull__request request = CULL__REQUEST_INIT;

            request.op = CULL__REQUEST_CREATE;
            request.settings = impossible[i];
            cull__request_encode(&bytes, &request);
            ck_assert_int_eq(read_trace(bytes.data, bytes.len), CULL_E_INVALID);
            cull__buf_release(&bytes);
        }
    }
END_TEST

Suite *histories_suite(void)
{
    Suite *suite = suite_create("histories");
    TCase *agree = tcase_create("agree");
    TCase *traces = tcase_create("traces");

    tcase_set_timeout(agree, 300);
    tcase_add_loop_test(agree, the_library_agrees_with_the_oracle_after_every_step, 0, 10);
    suite_add_tcase(suite, agree);
    tcase_set_timeout(traces, 300);
    tcase_add_loop_test(traces, a_trace_replays_to_the_same_state, 0, 10);
    tcase_add_loop_test(traces, cycles_by_several_threads_end_in_the_state_that_one_thread_ends_in,
                        0, 10);
    tcase_add_test(traces, other_seeds_end_in_other_states);
    tcase_add_test(traces, a_history_that_breaks_is_shrunk_to_what_breaks_it);
    tcase_add_test(traces, a_trace_cut_anywhere_but_between_requests_is_refused);
    tcase_add_test(traces, a_trace_with_a_flipped_bit_is_refused);
    tcase_add_loop_test(traces, a_trace_holds_what_the_oracle_can_judge, 0,
                        (int)ARRAY_LEN(strangers));
    tcase_add_test(traces, a_trace_of_an_impossible_store_is_refused);
    suite_add_tcase(suite, traces);
    return suite;
}
