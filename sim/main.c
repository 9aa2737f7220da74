/*
 * main.c - cull-sim(1): random histories beside an oracle, and traces of them.
 *
 * SHAPE     Seeds are independent: --seed N --count 1 does again what any run did. What the histories
 *           reached is counted, and over a thousand of them nothing may have stayed at zero: a
 *           generator that avoids a situation hides the bugs in it.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "console.h"
#include "crowd.h"
#include "history.h"
#include "manifest_gen.h"

#define REACH_ALL_AFTER 1000 /* histories */
#define TRACE_BYTES_MAX (64u << 20)

enum { EXIT_BROKEN = 1 };

static const char help[] =
    "usage: cull-sim histories [--seed N] [--count N] [--steps N] [--json]\n"
    "                          [--progress]\n"
    "       cull-sim trace write FILE [--seed N] [--steps N]\n"
    "       cull-sim trace show FILE\n"
    "       cull-sim replay FILE [--json]\n"
    "       cull-sim world [OPTION]...\n"
    "       cull-sim manifest [OPTION]... [DIR]\n"
    "\n"
    "Do random histories of requests on a store in memory and compare it, after every\n"
    "step, with an oracle that shares no code with the library. The first history\n"
    "that differs is made smaller and shown.\n"
    "\n"
    "  histories           histories of seeds N, N+1, ...\n"
    "  trace write         the history of one seed, as a file of requests\n"
    "  trace show          such a file, one line a request\n"
    "  replay              do a file's requests again, beside the oracle\n"
    "  world               processes beside each other, and all that may go wrong\n"
    "                      (cull-sim world --help)\n"
    "  manifest            write manifests of any size (cull-sim manifest --help)\n"
    "\n"
    "      --seed N        the first seed (default: 1)\n"
    "      --count N       how many seeds (default: 100)\n"
    "      --steps N       at most so many requests each (default: 200)\n"
    "      --json          one JSON object per line on stdout, a summary last\n"
    "      --progress      a line on stderr now and then\n"
    "  -h, --help          this text\n"
    "\n"
    "exit: 0 all agree  1 one differs, or something was never reached  2 usage\n";

struct options {
    uint64_t seed;
    uint64_t count;
    uint64_t steps;
    bool json;
    bool progress;
};

static int usage_error(const char *what, const char *which)
{
    return console_usage_error("cull-sim", what, which);
}

/* Options from argv[optind] on; 0, or the exit code. *argv keeps what is no option. */
static int parse_options(struct options *options, int argc, char **argv)
{
    const struct console_option known[] = {
        { .name = "seed", .number = &options->seed },
        { .name = "count", .number = &options->count },
        { .name = "steps", .number = &options->steps },
        { .name = "json", .flag = &options->json },
        { .name = "progress", .flag = &options->progress },
    };
    const struct console_command command = { "cull-sim", help, known,
                                             sizeof known / sizeof known[0] };
    int code;

    *options = (struct options){ .seed = 1, .count = 100, .steps = HISTORY_STEPS_MAX };
    code = console_options(&command, argc, argv);
    if (code == 0 && (options->steps == 0 || options->steps > 100000)) {
        code = usage_error("from 1 to 100000", "--steps");
    }
    if (code == 0 && options->count == 0) {
        code = usage_error("from 1 on", "--count");
    }
    return code;
}

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- histories ------------------------------------------------------------------------------ */

static void report_broken(const struct options *options, uint64_t seed, struct history *history,
                          const struct history_result *result)
{
    struct history_result shrunk;

    if (options->json) {
        printf("{\"type\":\"broken\",\"seed\":%" PRIu64 ",\"step\":%zu,\"message\":", seed,
               result->step);
        console_quoted(result->broken);
        printf("}\n");
    }
    fprintf(stderr, "seed %" PRIu64 ", step %zu: %s\n", seed, result->step, result->broken);
    history_shrink(history, &shrunk);
    fprintf(stderr, "shrunk to %zu requests: %s\n", history_count(history), shrunk.broken);
    history_print(history, stderr);
    fprintf(stderr, "replay: cull-sim histories --seed %" PRIu64 " --count 1 --steps %" PRIu64 "\n",
            seed, options->steps);
}

static unsigned print_reached(const struct options *options, const uint64_t *reached)
{
    unsigned never = 0;

    for (unsigned i = 0; i < REACHED_COUNT; i++) {
        if (options->json) {
            printf("{\"type\":\"reached\",\"what\":\"%s\",\"count\":%" PRIu64 "}\n",
                   oracle_reached_name(i), reached[i]);
        } else {
            printf("%12" PRIu64 "  %s\n", reached[i], oracle_reached_name(i));
        }
        if (reached[i] == 0 && options->count >= REACH_ALL_AFTER) {
            fprintf(stderr, "cull-sim: never reached: %s\n", oracle_reached_name(i));
            never++;
        }
    }
    return never;
}

static int run_histories(const struct options *options)
{
    uint64_t reached[REACHED_COUNT] = { 0 };
    uint64_t failed = 0;
    uint64_t steps = 0;
    uint64_t begun_ms = now_ms();
    uint64_t told_ms = begun_ms;
    unsigned never;

    for (uint64_t i = 0; i < options->count; i++) {
        struct history history;
        struct history_result result;

        history_init(&history);
        history_draw(&history, options->seed + i, (size_t)options->steps, &result);
        steps += result.steps;
        for (unsigned what = 0; what < REACHED_COUNT; what++) {
            reached[what] += result.reached[what];
        }
        if (result.broken[0] != '\0') {
            if (failed++ == 0) {
                report_broken(options, options->seed + i, &history, &result);
            }
        }
        history_release(&history);
        if (options->progress && now_ms() - told_ms > 1000) {
            told_ms = now_ms();
            fprintf(stderr, "%" PRIu64 " of %" PRIu64 " histories, %" PRIu64 " s\n", i + 1,
                    options->count, (told_ms - begun_ms) / 1000);
        }
    }
    never = print_reached(options, reached);
    if (options->json) {
        printf("{\"type\":\"summary\",\"schema\":1,\"status\":\"%s\",\"steps\":%" PRIu64
               ",\"never_reached\":%u,\"passed\":%" PRIu64 ",\"failed\":%" PRIu64 "}\n",
               failed + never > 0 ? "broken" : "ok", steps, never, options->count - failed, failed);
    } else {
        printf("%" PRIu64 " steps\n%" PRIu64 " passed, %" PRIu64 " failed\n", steps,
               options->count - failed, failed + never);
    }
    return failed + never > 0 ? EXIT_BROKEN : 0;
}

/* --- traces --------------------------------------------------------------------------------- */

static void print_state(const struct options *options, const struct history_result *result)
{
    char hex[CULL_DIGEST_HEX_MAX];

    cull_digest_to_hex(hex, &result->state, CULL_DIGEST_MD5);
    if (options->json) {
        printf("{\"type\":\"summary\",\"schema\":1,\"status\":\"%s\",\"steps\":%zu,\"state\":\"%"
               "s\"}\n",
               result->broken[0] != '\0' ? "broken" : "ok", result->steps, hex);
    } else {
        printf("%zu requests, final state %s\n", result->steps, hex);
    }
    if (result->broken[0] != '\0') {
        fprintf(stderr, "step %zu: %s\n", result->step, result->broken);
    }
}

static int file_error(const char *path)
{
    fprintf(stderr, "cull-sim: %s: %s\n", path, strerror(errno));
    return EXIT_BROKEN;
}

static int trace_write(const struct options *options, const char *path)
{
    struct history history;
    struct history_result result;
    struct cull__buf bytes = CULL__BUF_INIT(cull_allocator_default());
    FILE *file;
    int code = 0;

    history_init(&history);
    history_draw(&history, options->seed, (size_t)options->steps, &result);
    history_write(&history, &bytes);
    file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes.data, 1, bytes.len, file) != bytes.len) {
        code = file_error(path);
    }
    if (file != NULL && fclose(file) != 0 && code == 0) {
        code = file_error(path);
    }
    if (code == 0) {
        print_state(options, &result);
        code = result.broken[0] != '\0' ? EXIT_BROKEN : 0;
    }
    cull__buf_release(&bytes);
    history_release(&history);
    return code;
}

static int trace_load(struct history *history, const char *path)
{
    struct cull__buf bytes = CULL__BUF_INIT(cull_allocator_default());
    cull_error err = { CULL_OK, "" };
    FILE *file = fopen(path, "rb");
    size_t got = 1;
    int code = 0;

    while (file != NULL && got > 0 && bytes.len <= TRACE_BYTES_MAX) {
        uint8_t *room = cull__buf_room(&bytes, 1u << 16);

        if (room == NULL) {
            abort();
        }
        got = fread(room, 1, 1u << 16, file);
        bytes.len += got;
    }
    if (file == NULL || ferror(file)) {
        code = file_error(path);
    } else if (bytes.len > TRACE_BYTES_MAX) {
        code = usage_error("too long for a trace", path);
    } else if (history_read(history, bytes.data, bytes.len, &err) != CULL_OK) {
        fprintf(stderr, "cull-sim: %s: %s\n", path, err.message);
        code = EXIT_BROKEN;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    cull__buf_release(&bytes);
    return code;
}

static int trace_replay(const struct options *options, const char *path, bool show)
{
    struct history history;
    struct history_result result;
    int code;

    history_init(&history);
    code = trace_load(&history, path);
    if (code == 0 && show) {
        history_print(&history, stdout);
    } else if (code == 0) {
        history_run(&history, &result);
        print_state(options, &result);
        code = result.broken[0] != '\0' ? EXIT_BROKEN : 0;
    }
    history_release(&history);
    return code;
}

int main(int argc, char **argv)
{
    struct options options;
    char **words;
    int count;
    int code;

    if (argc > 1 && strcmp(argv[1], "manifest") == 0) {
        return manifest_gen_main(argc - 1, argv + 1); /* it has options of its own */
    }
    if (argc > 1 && strcmp(argv[1], "world") == 0) {
        return crowd_main(argc - 1, argv + 1); /* and so has this */
    }
    code = parse_options(&options, argc, argv);
    words = argv + optind;
    count = argc - optind;
    if (code != 0) {
        return code;
    }
    if (count == 1 && strcmp(words[0], "histories") == 0) {
        return run_histories(&options);
    }
    if (count == 3 && strcmp(words[0], "trace") == 0 && strcmp(words[1], "write") == 0) {
        return trace_write(&options, words[2]);
    }
    if (count == 3 && strcmp(words[0], "trace") == 0 && strcmp(words[1], "show") == 0) {
        return trace_replay(&options, words[2], true);
    }
    if (count == 2 && strcmp(words[0], "replay") == 0) {
        return trace_replay(&options, words[1], false);
    }
    return usage_error("no such command", count > 0 ? words[0] : "no command");
}
