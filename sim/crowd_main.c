/*
 * crowd_main.c - `cull-sim world`: many seeds, what they reached, and the smallest history of one
 * that broke.
 *
 * SHAPE     Seeds are independent: --seed N --seeds 1 does again what any run did. Over a few hundred
 *           of them nothing in reached.h may stay at zero.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "console.h"
#include "crowd.h"
#include "last_words.h"

#define REACH_ALL_AFTER 200 /* seeds */
#define DEFAULT_STEPS 500
#define DEFAULT_WATCHDOG 120 /* seconds; a seed takes milliseconds */
#define WATCHDOG_MAX 86400
#define COMMAND_MAX 128

enum { EXIT_BROKEN = 1 };

static const char help[] =
    "usage: cull-sim world [--seed N] [--seeds N] [--steps N] [--seconds N] [--first]\n"
    "                      [--watchdog N] [--only LIST] [--json] [--progress] [--trace]\n"
    "\n"
    "Let uploaders, deleters and collectors, each a process of its own, work on one\n"
    "store in memory, with everything that a seed says may go wrong, and judge every\n"
    "fact that they append, and the objects after every step. The first history that\n"
    "breaks something is made smaller and shown.\n"
    "\n"
    "      --seed N        the first seed (default: 1)\n"
    "      --seeds N       how many seeds (default: 100)\n"
    "      --steps N       ops drawn for each (default: 500)\n"
    "      --seconds N     end after so many seconds, however many seeds are left\n"
    "      --first         end at the first seed that breaks something\n"
    "      --watchdog N    end, with the command that replays it, when a seed takes more\n"
    "                      than so many seconds (default: 120; 0: never)\n"
    "      --only LIST     of the first seed, these ops only: 3,7,12-15\n"
    "      --json          one JSON object per line on stdout, a summary last\n"
    "      --progress      a line on stderr now and then\n"
    "      --trace         what happens, step by step, on stderr\n"
    "  -h, --help          this text\n"
    "\n"
    "exit: 0 all hold  1 one broke, or something was never reached  2 usage\n";

struct options {
    uint64_t seed;
    uint64_t seeds;
    uint64_t steps;
    uint64_t seconds;
    uint64_t watchdog;
    const char *only;
    bool first;
    bool json;
    bool progress;
    bool trace;
};

static int usage_error(const char *what, const char *which)
{
    return console_usage_error("cull-sim world", what, which);
}

static int parse_options(struct options *options, int argc, char **argv)
{
    const struct console_option known[] = {
        { .name = "seed", .number = &options->seed },
        { .name = "seeds", .number = &options->seeds },
        { .name = "steps", .number = &options->steps },
        { .name = "seconds", .number = &options->seconds },
        { .name = "watchdog", .number = &options->watchdog },
        { .name = "only", .text = &options->only },
        { .name = "first", .flag = &options->first },
        { .name = "json", .flag = &options->json },
        { .name = "progress", .flag = &options->progress },
        { .name = "trace", .flag = &options->trace },
    };
    const struct console_command command = { "cull-sim world", help, known,
                                             sizeof known / sizeof known[0] };
    int code;

    *options = (struct options){
        .seed = 1, .seeds = 100, .steps = DEFAULT_STEPS, .watchdog = DEFAULT_WATCHDOG
    };
    code = console_options(&command, argc, argv);
    if (code == 0 && optind < argc) {
        code = usage_error("not an option", argv[optind]);
    }
    if (code == 0 && (options->steps == 0 || options->steps > CROWD_OPS_MAX)) {
        code = usage_error("from 1 to 100000", "--steps");
    }
    if (code == 0 && options->seeds == 0) {
        code = usage_error("from 1 on", "--seeds");
    }
    if (code == 0 && options->watchdog > WATCHDOG_MAX) {
        code = usage_error("from 0 to 86400", "--watchdog");
    }
    return code;
}

/* What does a seed again; a list of ops is to follow it where one was asked for. */
static const char *replay_command(char text[COMMAND_MAX], const struct options *options,
                                  uint64_t seed)
{
    (void)snprintf(text, COMMAND_MAX,
                   "cull-sim world --seed %" PRIu64 " --seeds 1 --steps %" PRIu64 "%s", seed,
                   options->steps, options->only == NULL ? "" : " --only ");
    return text;
}

/* Keep the ops of a list of positions, counted from 1. False: no such list. */
static bool keep_only(struct crowd_history *history, const char *list)
{
    size_t kept = 0;
    size_t last = 0;

    while (*list != '\0') {
        char *end;
        size_t first = strtoull(list, &end, 10);
        size_t until = *end == '-' ? strtoull(end + 1, &end, 10) : first;

        if (first <= last || until < first || until > history->count ||
            (*end != ',' && *end != '\0')) {
            return false;
        }
        for (last = first - 1; last < until; last++) {
            history->ops[kept++] = history->ops[last];
        }
        list = *end == ',' ? end + 1 : end;
    }
    history->count = kept;
    return true;
}

static void print_list(const size_t *kept, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t first = i;

        while (i + 1 < count && kept[i + 1] == kept[i] + 1) {
            i++;
        }
        fprintf(stderr, first == i ? "%s%zu" : "%s%zu-%zu", first > 0 ? "," : "", kept[first] + 1,
                kept[i] + 1);
    }
}

static double seconds_of(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds_now(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

/* Steps a second of processor time: what else the machine does matters less. */
static double rate_of(uint64_t steps)
{
    return (double)steps / (seconds_of(CLOCK_PROCESS_CPUTIME_ID) + 1e-9);
}

static void report_broken(const struct options *options, uint64_t seed,
                          struct crowd_history *history, const struct crowd_result *result)
{
    size_t *kept = calloc(history->count + 1, sizeof *kept);
    char command[COMMAND_MAX];
    struct crowd_result shrunk;

    if (kept == NULL) {
        abort();
    }
    last_words_watch(0); /* many histories come now, and what replays it is said at once */
    (void)replay_command(command, options, seed);
    if (options->json) {
        printf("{\"type\":\"broken\",\"seed\":%" PRIu64 ",\"op\":%zu,\"message\":", seed,
               result->op);
        console_quoted(result->broken);
        printf("}\n");
    }
    fprintf(stderr, "seed %" PRIu64 " (%s%s), op %zu: %s\n", seed,
            crowd_kind_name(history->settings.kind), history->settings.late ? ", late" : "",
            result->op, result->broken);
    fprintf(stderr, "replay: %s%s\n", command, options->only == NULL ? "" : options->only);
    if (options->only == NULL) {
        history->count = result->op;
        crowd_shrink(history, kept, &shrunk);
        fprintf(stderr, "shrunk to %zu ops: %s\n", history->count, shrunk.broken);
        crowd_run(history, stderr, &shrunk);
        fprintf(stderr, "replay: %s --only ", command);
        print_list(kept, history->count);
        fprintf(stderr, "\n");
    }
    free(kept);
}

struct totals {
    uint64_t seeds;
    uint64_t failed;
    uint64_t steps;
    uint64_t trace;
    uint64_t reached[CAME_COUNT];
    double began;
    double told;
};

/* Should the library crash in this seed, or never end. */
static void prepare_for_death(const struct options *options, uint64_t seed)
{
    char command[COMMAND_MAX];

    last_words_prepare(replay_command(command, options, seed), options->only);
    last_words_watch((unsigned)options->watchdog);
}

static bool run_seed(const struct options *options, uint64_t seed, struct totals *totals)
{
    struct crowd_history history;
    struct crowd_result result;

    prepare_for_death(options, seed);
    crowd_draw(&history, seed, (size_t)options->steps);
    if (options->only != NULL && !keep_only(&history, options->only)) {
        crowd_history_release(&history);
        return false;
    }
    crowd_run(&history, options->trace ? stderr : NULL, &result);
    totals->seeds++;
    totals->steps += result.steps;
    totals->trace = totals->trace * UINT64_C(31) + result.trace;
    for (unsigned what = 0; what < CAME_COUNT; what++) {
        totals->reached[what] += result.reached[what];
    }
    if (result.broken[0] != '\0' && totals->failed++ == 0) {
        report_broken(options, seed, &history, &result);
    }
    crowd_history_release(&history);
    return true;
}

/* How far, how fast, and how long it will take. */
static void tell_progress(const struct options *options, struct totals *totals)
{
    double now = seconds_now();
    double spent = now - totals->began;
    double left = spent * (double)(options->seeds - totals->seeds) / (double)totals->seeds;

    if (!options->progress || now - totals->told < 2.0) {
        return;
    }
    if (options->seconds > 0 && (double)options->seconds - spent < left) {
        left = (double)options->seconds - spent;
    }
    totals->told = now;
    fprintf(stderr, "%" PRIu64 " of %" PRIu64 " seeds, %.0f steps/s, %.0f s, %.0f s left\n",
            totals->seeds, options->seeds, rate_of(totals->steps), spent, left);
}

/* Prints what was reached; how much of it never: *missing, where all of it should have been. */
static unsigned print_reached(const struct options *options, const struct totals *totals,
                              unsigned *missing)
{
    unsigned never = 0;

    *missing = 0;

    for (unsigned i = 0; i < CAME_COUNT; i++) {
        if (options->json) {
            printf("{\"type\":\"reached\",\"what\":\"%s\",\"count\":%" PRIu64 "}\n",
                   crowd_reached_name(i), totals->reached[i]);
        } else {
            printf("%12" PRIu64 "  %s\n", totals->reached[i], crowd_reached_name(i));
        }
        never += totals->reached[i] == 0;
        if (totals->reached[i] == 0 && totals->seeds >= REACH_ALL_AFTER) {
            fprintf(stderr, "cull-sim: never reached: %s\n", crowd_reached_name(i));
            (*missing)++;
        }
    }
    return never;
}

static int report(const struct options *options, const struct totals *totals)
{
    double rate = rate_of(totals->steps);
    unsigned missing;
    unsigned never = print_reached(options, totals, &missing);
    bool broken = totals->failed + missing > 0;

    if (options->json) {
        printf("{\"type\":\"summary\",\"schema\":1,\"status\":\"%s\",\"seeds\":%" PRIu64
               ",\"steps\":%" PRIu64 ",\"steps_per_second\":%.0f,\"states_reached\":%u"
               ",\"states\":%d,\"trace\":\"%016" PRIx64 "\",\"passed\":%" PRIu64
               ",\"failed\":%" PRIu64 "}\n",
               broken ? "broken" : "ok", totals->seeds, totals->steps, rate, CAME_COUNT - never,
               CAME_COUNT, totals->trace, totals->seeds - totals->failed, totals->failed);
    } else {
        printf("%" PRIu64 " steps, %.0f a second, trace %016" PRIx64 "\n", totals->steps, rate,
               totals->trace);
        printf("%" PRIu64 " passed, %" PRIu64 " failed\n", totals->seeds - totals->failed,
               totals->failed + missing);
    }
    return broken ? EXIT_BROKEN : 0;
}

int crowd_main(int argc, char **argv)
{
    struct options options;
    struct totals totals = { .seeds = 0 };
    int code = parse_options(&options, argc, argv);

    if (code != 0) {
        return code;
    }
    (void)mallopt(M_MMAP_THRESHOLD, 64 << 20); /* zlib's tables, made anew for each commit, would */
    (void)mallopt(M_TRIM_THRESHOLD, 64 << 20); /* come from the system and go back each time */
    last_words_install();
    totals.began = totals.told = seconds_now();
    for (uint64_t i = 0; i < options.seeds && !(options.first && totals.failed > 0); i++) {
        if (!run_seed(&options, options.seed + i, &totals)) {
            return usage_error("not a list of ops, ascending", options.only);
        }
        tell_progress(&options, &totals);
        if (options.seconds > 0 && seconds_now() - totals.began > (double)options.seconds) {
            break;
        }
    }
    last_words_watch(0);
    return report(&options, &totals);
}
