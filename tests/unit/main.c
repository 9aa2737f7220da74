/*
 * main.c - runs the unit tests: all suites, or those named as arguments.
 *
 * Tests run in processes of their own, unless CK_FORK=no. libcheck's limit of 4 seconds a test is
 * raised: a slow machine is no failure.
 */
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static const struct {
    const char *name;
    Suite *(*suite)(void);
} suites[] = {
#define SUITE(topic) { #topic, topic##_suite },
#include "suites.inc"
#undef SUITE
};

#define SUITE_COUNT (sizeof suites / sizeof suites[0])

static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(name, argv[i]) == 0) {
            return true;
        }
    }
    return argc <= 1;
}

static bool is_known(const char *name)
{
    for (size_t i = 0; i < SUITE_COUNT; i++) {
        if (strcmp(suites[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    SRunner *runner = srunner_create(NULL);
    int passed;
    int failed;

    (void)setenv("CK_DEFAULT_TIMEOUT", "120", 0);
    for (int i = 1; i < argc; i++) {
        if (!is_known(argv[i])) {
            fprintf(stderr, "unit-tests: no suite \"%s\"; there are:", argv[i]);
            for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
                fprintf(stderr, " %s", suites[suite].name);
            }
            fputc('\n', stderr);
            srunner_free(runner);
            return 2;
        }
    }
    for (size_t i = 0; i < SUITE_COUNT; i++) {
        if (is_wanted(suites[i].name, argc, argv)) {
            srunner_add_suite(runner, suites[i].suite());
        }
    }
    scratch_start();
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    passed = srunner_ntests_run(runner) - failed;
    printf("%d passed, %d failed\n", passed, failed);
    srunner_free(runner);
    return failed == 0 && passed > 0 ? 0 : 1;
}
