/*
 * console.c - what the commands of cull-sim share.
 */
#include "console.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define OPTIONS_MAX 16
#define FIRST_OPTION 256 /* past all letters */

bool console_number(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0';
}

void console_quoted(const char *text)
{
    (void)putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            (void)putchar('\\');
        }
        (void)putchar((unsigned char)*text < 0x20 ? ' ' : *text);
    }
    (void)putchar('"');
}

int console_usage_error(const char *name, const char *what, const char *which)
{
    fprintf(stderr, "cull-sim: %s: %s (%s --help)\n", which, what, name);
    return CONSOLE_BAD_USAGE;
}

int console_refuse_option(const char *name, int option, char **argv)
{
    const char letter[] = { '-', (char)optopt, '\0' };
    bool is_letter = option == '?' && optopt > 0 && optopt < FIRST_OPTION;

    return console_usage_error(name, option == ':' ? "its value is missing" : "no such option",
                               is_letter ? letter : argv[optind - 1]);
}

/* Put an option's value where it goes; false: it is not a number. */
static bool take_value(const struct console_option *option, const char *value)
{
    if (option->flag != NULL) {
        *option->flag = true;
    } else if (option->text != NULL) {
        *option->text = value;
    }
    return option->number == NULL || console_number(value, option->number);
}

int console_options(const struct console_command *command, int argc, char **argv)
{
    struct option known[OPTIONS_MAX + 2] = { { "help", no_argument, NULL, 'h' } };
    int option;

    for (size_t i = 0; i < command->option_count && i < OPTIONS_MAX; i++) {
        const struct console_option *from = &command->options[i];

        known[i + 1] =
            (struct option){ from->name, from->flag != NULL ? no_argument : required_argument, NULL,
                             FIRST_OPTION + (int)i };
    }
    opterr = 0; /* it would speak in the name of argv[0] */
    while ((option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(command->help, stdout);
            exit(0);
        }
        if (option == '?' || option == ':') {
            return console_refuse_option(command->name, option, argv);
        }
        if (!take_value(&command->options[option - FIRST_OPTION], optarg)) {
            return console_usage_error(command->name, "not a number", optarg);
        }
    }
    return 0;
}
