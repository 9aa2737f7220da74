/*
 * console.h - what the commands of cull-sim share: numbers among their words, and JSON strings.
 */
#ifndef SIM_CONSOLE_H
#define SIM_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONSOLE_BAD_USAGE 2 /* exit code */

/* One option, and where its value goes: exactly one of the three. */
struct console_option {
    const char *name;
    uint64_t *number;
    const char **text;
    bool *flag; /* takes no value */
};

/* What a command is, for its messages and its --help. */
struct console_command {
    const char *name; /* "cull-sim world" */
    const char *help;
    const struct console_option *options;
    size_t option_count;
};

/* Take the options of argv from optind on; --help and -h print the help and end the program. 0, or
 * the exit code after a message. argv keeps what is no option, from optind on. */
int console_options(const struct console_command *command, int argc, char **argv);
/* "which: what", and where to read on; the exit code. */
int console_usage_error(const char *name, const char *what, const char *which);
/* The same for what getopt_long() answered with '?' or ':'. */
int console_refuse_option(const char *name, int option, char **argv);
/* A decimal number and nothing else. */
bool console_number(const char *text, uint64_t *out);
/* A message as a JSON string on stdout: it holds no control characters but may hold quotes. */
void console_quoted(const char *text);

#endif
