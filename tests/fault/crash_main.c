/*
 * crash_main.c - crash-log: cuts the power, and lets calls fail, under a store's log.
 *
 * SHAPE     Without arguments what `make check` runs: that a store which does not sync is found out,
 *           then each scenario, and some histories of the simulator, with a cut at every call; then
 *           the scenarios with failing calls, a part of them, and with unreadable pages. With --rounds
 *           or --seconds all of that in full, once for each seed, until they are over. The rest is for
 *           replaying.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crash_faults.h"
#include "crash_pages.h"

#define SMOKE_DRAWS 2
#define SMOKE_RUNS 4 /* of a script for a kind of failure */
#define SMOKE_HISTORIES 1
#define ROUND_DRAWS 6
#define ROUND_HISTORIES 20

struct arguments {
    const char *mode; /* NULL: all of it */
    const char *scenario;
    const char *kind;
    uint64_t seed;
    uint64_t rounds;  /* 0: smoke, unless there are seconds */
    uint64_t seconds; /* 0: no end; the last scenario is done in full */
    uint64_t cut;
    uint64_t draw;
    uint64_t call;
    uint64_t page;
    uint64_t histories; /* a round */
    uint64_t every;     /* cut at every so-manieth call; over 1: less of all else, too */
    bool one_draw;
    bool lasting;
};

struct tally {
    struct crash_figures figures;
    uint64_t cut_scenarios; /* run with cuts, each seed's counted */
    uint64_t passed;
    uint64_t failed;
};

static void count(struct tally *tally, bool good)
{
    tally->passed += good;
    tally->failed += !good;
}

/* Sector and promise of the disk under a scenario: all four come with four seeds. */
static struct crash_disk_options disk_of(uint64_t seed, size_t scenario)
{
    uint64_t which = (seed + scenario) % 4;

    return (struct crash_disk_options){ .sector_bytes = which < 2 ? 512 : 4096,
                                        .powersafe = which % 2 == 0 };
}

/* --- that it bites ------------------------------------------------------------------------------ */

static const struct bite {
    const char *name;
    const char *scenario;
    const char *synchronous; /* NULL: as the store asks */
    unsigned deaf;
    bool deaf_later;
    const char *finding; /* a part of what is found; "": anything may be */
} bites[] = {
    { "a store with synchronous = OFF is found out", "commits", "OFF", 0, false, "" },
    { "a store with synchronous = NORMAL loses what it acknowledged", "commits", "NORMAL", 0, false,
      "lost" },
    { "a store whose write-ahead log is not synced is found out", "commits", NULL, CRASH_DEAF_LOG,
      false, "lost" },
    { "a store that is made and not synced is found out", "create", NULL, CRASH_DEAF_DATABASE,
      false, "empty" },
    { "a store whose file is not synced before its log begins anew is found out", "folds", NULL,
      CRASH_DEAF_DATABASE, true, "lost" },
    { "a store whose folder is not synced is found out", "create", NULL, CRASH_DEAF_FOLDER, false,
      "no such log" },
};

static const struct crash_scenario *scenario_find(const char *name, size_t *index)
{
    for (*index = 0; *index < crash_scenario_count; (*index)++) {
        if (strcmp(crash_scenarios[*index].name, name) == 0) {
            return &crash_scenarios[*index];
        }
    }
    return NULL;
}

static void run_bite(const struct bite *bite, struct tally *tally)
{
    char first[CRASH_WHY_MAX] = "";
    size_t index;
    struct crash_script script;
    struct crash_rehearsal rehearsal;
    struct crash_figures figures = { 0 };
    struct crash_cuts_options options = {
        .disk = { .sector_bytes = 512, .powersafe = true },
        .seed = 1,
        .draws = 6,
        .every = 1,
        .only_draw = -1,
        .deaf = bite->deaf,
        .deaf_later = bite->deaf_later,
        .first = first,
    };
    bool found = false;

    crash_script_init(&script, scenario_find(bite->scenario, &index));
    if (crash_rehearse(&rehearsal, &script, &options.disk)) { /* of a sound store */
        crash_synchronous(bite->synchronous);
        crash_cuts(&script, &rehearsal, &options, &figures);
        crash_synchronous(NULL);
        found = figures.lost > 0 && strstr(first, bite->finding) != NULL;
    }
    printf("%s: %s%s\n", bite->name, found ? "" : "NOT FOUND ", first);
    count(tally, found);
    crash_rehearsal_release(&rehearsal);
    crash_script_release(&script);
}

/* --- scenarios ---------------------------------------------------------------------------------- */

static uint64_t now_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

/* Not the smoke test. */
static bool is_full(const struct arguments *arguments)
{
    return arguments->rounds > 0 || arguments->seconds > 0 || arguments->mode != NULL;
}

static void run_cuts(const struct arguments *arguments, const struct crash_script *script,
                     const struct crash_rehearsal *rehearsal, size_t index, struct tally *tally)
{
    const struct crash_cuts_options options = {
        .disk = disk_of(arguments->seed, index),
        .seed = arguments->seed,
        .draws = is_full(arguments)     ? ROUND_DRAWS
                 : arguments->every > 1 ? 1
                                        : SMOKE_DRAWS,
        .every = (unsigned)arguments->every,
        .only_cut = arguments->cut,
        .only_draw = arguments->one_draw ? (int)arguments->draw : -1,
    };
    uint64_t lost = tally->figures.lost;

    tally->cut_scenarios++;
    crash_cuts(script, rehearsal, &options, &tally->figures);
    count(tally, tally->figures.lost == lost);
}

static void run_faults(const struct arguments *arguments, const struct crash_script *script,
                       const struct crash_rehearsal *rehearsal, size_t index, struct tally *tally)
{
    for (size_t i = 0; i < 2 * crash_fault_kind_count; i++) {
        const struct crash_fault_kind *kind = &crash_fault_kinds[i / 2];
        const struct crash_faults_options options = {
            .disk = { disk_of(arguments->seed, index).sector_bytes, true },
            .seed = arguments->seed,
            .runs = is_full(arguments)     ? 0
                    : arguments->every > 1 ? 1
                                           : SMOKE_RUNS,
            .call = kind->call,
            .error = kind->error,
            .lasting = i % 2 == 1,
            .only_call = arguments->call,
        };
        uint64_t broken = tally->figures.broken;

        if ((arguments->kind != NULL && strcmp(arguments->kind, kind->name) != 0) ||
            (arguments->call != 0 && arguments->lasting != options.lasting)) {
            continue;
        }
        crash_faults(script, rehearsal, &options, &tally->figures);
        count(tally, tally->figures.broken == broken);
    }
}

static void run_history(const struct arguments *arguments, uint64_t seed, struct tally *tally)
{
    struct arguments one = *arguments;
    struct crash_disk_options disk = disk_of(seed, 0);
    struct crash_script script;
    struct crash_rehearsal rehearsal;

    one.seed = seed;
    crash_script_history(&script, seed);
    if (crash_rehearse(&rehearsal, &script, &disk)) {
        run_cuts(&one, &script, &rehearsal, 0, tally);
    } else {
        count(tally, false);
    }
    crash_rehearsal_release(&rehearsal);
    crash_script_release(&script);
}

static void run_scenario(const struct arguments *arguments, size_t index, struct tally *tally)
{
    const struct crash_disk_options disk = disk_of(arguments->seed, index);
    struct crash_script script;
    struct crash_rehearsal rehearsal;

    crash_script_init(&script, &crash_scenarios[index]);
    if (!crash_rehearse(&rehearsal, &script, &disk)) {
        count(tally, false);
    } else {
        if (arguments->mode == NULL || strcmp(arguments->mode, "cuts") == 0) {
            run_cuts(arguments, &script, &rehearsal, index, tally);
        }
        if (arguments->mode == NULL || strcmp(arguments->mode, "faults") == 0) {
            run_faults(arguments, &script, &rehearsal, index, tally);
        }
        if (arguments->mode == NULL || strcmp(arguments->mode, "pages") == 0) {
            uint64_t broken = tally->figures.broken;

            crash_pages(&script, &disk, arguments->page, &tally->figures);
            count(tally, tally->figures.broken == broken);
        }
    }
    crash_rehearsal_release(&rehearsal);
    crash_script_release(&script);
}

/* 1234567 as "1,234,567". */
static const char *grouped(char text[32], uint64_t number)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, number);
    size_t used = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            text[used++] = ',';
        }
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

static void print_figures(const struct tally *tally)
{
    const struct crash_figures *figures = &tally->figures;
    char numbers[5][32];

    if (figures->cuts > 0) {
        printf("crash: %s scenarios, %s cuts, %s draws (%s of them cut again), %s lost\n",
               grouped(numbers[0], tally->cut_scenarios), grouped(numbers[1], figures->cuts),
               grouped(numbers[2], figures->draws), grouped(numbers[3], figures->nested),
               grouped(numbers[4], figures->lost));
    }
    if (figures->faults + figures->pages > 0) {
        printf("faults: %s calls failed, once or lasting, %s pages unreadable, %s broken\n",
               grouped(numbers[0], figures->faults), grouped(numbers[1], figures->pages),
               grouped(numbers[2], figures->broken));
    }
}

static bool is_time_over(const struct arguments *arguments, uint64_t began_s)
{
    return arguments->seconds > 0 && now_s() - began_s >= arguments->seconds;
}

static void run_round(const struct arguments *arguments, uint64_t began_s, struct tally *tally)
{
    for (size_t i = 0; i < crash_scenario_count && !is_time_over(arguments, began_s); i++) {
        run_scenario(arguments, i, tally);
    }
    for (uint64_t i = 0; i < arguments->histories && !is_time_over(arguments, began_s); i++) {
        run_history(arguments, arguments->seed * arguments->histories + i, tally);
    }
}

static void run_all(struct arguments *arguments, struct tally *tally)
{
    uint64_t began_s = now_s();
    uint64_t rounds = arguments->rounds;

    if (rounds == 0) {
        rounds = arguments->seconds > 0 ? UINT64_MAX : 1;
    }
    for (size_t i = 0; i < ARRAY_LEN(bites); i++) {
        run_bite(&bites[i], tally);
    }
    for (uint64_t round = 1; round <= rounds && !is_time_over(arguments, began_s); round++) {
        run_round(arguments, began_s, tally);
        if (is_full(arguments)) {
            fprintf(stderr,
                    "crash-log: seed %" PRIu64 ", %" PRIu64 " s, %" PRIu64 " cuts, %" PRIu64
                    " calls failed; %" PRIu64 " lost, %" PRIu64 " broken\n",
                    arguments->seed, now_s() - began_s, tally->figures.cuts, tally->figures.faults,
                    tally->figures.lost, tally->figures.broken);
        }
        arguments->seed++;
    }
}

/* --- arguments ---------------------------------------------------------------------------------- */

static const char usage[] =
    "usage: crash-log [--seed S] [--rounds N] [--seconds N] [--histories N] [--every N]\n"
    "       crash-log cuts SCENARIO [--seed S] [--cut N] [--draw N]\n"
    "       crash-log faults SCENARIO [--kind K] [--lasting] [--seed S] [--call N]\n"
    "       crash-log pages SCENARIO [--seed S] [--page N]\n";

static int usage_fail(void)
{
    fputs(usage, stderr);
    fputs("scenarios:", stderr);
    for (size_t i = 0; i < crash_scenario_count; i++) {
        fprintf(stderr, " %s", crash_scenarios[i].name);
    }
    fputs("\nkinds:", stderr);
    for (size_t i = 0; i < crash_fault_kind_count; i++) {
        fprintf(stderr, " %s", crash_fault_kinds[i].name);
    }
    fputc('\n', stderr);
    return 2;
}

/* One option with its value; how many words it took, 0: it is none. */
static int take_option(struct arguments *arguments, char **words)
{
    const struct {
        const char *name;
        uint64_t *number;
    } numbers[] = { { "--seed", &arguments->seed },       { "--rounds", &arguments->rounds },
                    { "--seconds", &arguments->seconds }, { "--cut", &arguments->cut },
                    { "--draw", &arguments->draw },       { "--call", &arguments->call },
                    { "--page", &arguments->page },       { "--histories", &arguments->histories },
                    { "--every", &arguments->every } };
    char *end = NULL;

    if (strcmp(words[0], "--lasting") == 0) {
        arguments->lasting = true;
        return 1;
    }
    if (words[1] == NULL) {
        return 0;
    }
    if (strcmp(words[0], "--kind") == 0) {
        arguments->kind = words[1];
        return 2;
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (strcmp(words[0], numbers[i].name) == 0) {
            *numbers[i].number = strtoull(words[1], &end, 10);
            arguments->one_draw = arguments->one_draw || numbers[i].number == &arguments->draw;
            return end != words[1] && *end == '\0' ? 2 : 0;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct arguments arguments = { .seed = 1, .every = 1 };
    struct tally tally = { .passed = 0 };
    bool is_history;
    size_t index = 0;
    int at = 1;

    if (argc > 2 && (strcmp(argv[1], "cuts") == 0 || strcmp(argv[1], "faults") == 0 ||
                     strcmp(argv[1], "pages") == 0)) {
        arguments.mode = argv[1];
        arguments.scenario = argv[2];
        at = 3;
    }
    while (at < argc) {
        int taken = take_option(&arguments, &argv[at]);

        if (taken == 0 || arguments.every == 0) {
            return usage_fail();
        }
        at += taken;
    }
    is_history = arguments.scenario != NULL && strcmp(arguments.scenario, "history") == 0 &&
                 strcmp(arguments.mode, "cuts") == 0;
    if (arguments.scenario != NULL && !is_history &&
        scenario_find(arguments.scenario, &index) == NULL) {
        return usage_fail();
    }
    crash_places_start();
    if (arguments.histories == 0) {
        arguments.histories = is_full(&arguments) ? ROUND_HISTORIES : SMOKE_HISTORIES;
    }
    if (is_history) {
        run_history(&arguments, arguments.seed, &tally);
    } else if (arguments.mode == NULL) {
        run_all(&arguments, &tally);
    } else {
        run_scenario(&arguments, index, &tally);
    }
    print_figures(&tally);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", tally.passed, tally.failed);
    return tally.failed == 0 && tally.passed > 0 ? 0 : 1;
}
