/*
 * args.h - the one option parser: a table of options in, a struct of values out.
 */
#ifndef ARGS_H
#define ARGS_H

#include <stddef.h>

#include "cull/base.h"

enum arg_kind {
    ARG_FLAG,    /* bool */
    ARG_TEXT,    /* const char *, the last one given */
    ARG_LIST,    /* struct arg_list, all that were given */
    ARG_COUNT,   /* struct arg_number: a whole number, at least 1 */
    ARG_BYTES,   /* struct arg_number: bytes, `10MB`, `4KiB` */
    ARG_DURATION /* struct arg_number: milliseconds, `336h`, `14d`, `0` */
};

struct arg_list {
    const char **items; /* borrowed from argv; the array is freed by args_release() */
    size_t count;
};

struct arg_number {
    uint64_t value;
    bool given;
};

struct arg_option {
    const char *name; /* without the dashes */
    char letter;      /* '\0': none */
    enum arg_kind kind;
    size_t offset;     /* of the value in the struct */
    const char *value; /* what stands for the value in --help: "DIR"; NULL for a flag */
    const char *help;  /* NULL: not shown */
};

#define ARG_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Options that every command takes, before or after its name. */
struct global_options {
    const char *store;
    const char *entity;
    const char *project;
    const char *as;
    bool json;
    bool progress;
    bool no_color;
    bool help;
    bool version;
};

extern const struct arg_option global_option_table[];
extern const size_t global_option_count;

/* A table and the struct that it fills. */
struct arg_set {
    const struct arg_option *options;
    size_t count;
    void *values;
};

/*
 * Take options off args[0..*count), looking them up in the sets in order (the first that has the
 * name takes it), and leave the rest, in order, in args[0..*count). `--name=value`, `--name value`,
 * `-x value`, `-xvalue`, and `--`, after which nothing is an option. stop_at_name: stop before the
 * first argument that is no option, and leave it and all that follows.
 * CULL_E_USAGE: an unknown option (with the nearest one there is), a missing, superfluous or
 * unreadable value. CULL_E_NOMEM.
 */
CULL_MUST_USE cull_status args_parse(const struct arg_set *sets, size_t set_count, char **args,
                                     size_t *count, bool stop_at_name, cull_error *err);

/* Free the lists of a set. */
void args_release(const struct arg_set *set);

/* Print the options of a table, within 80 columns. */
void args_print_help(const struct arg_option *options, size_t count);

/* Of count names, given by name(ctx, i), the one that was probably meant; NULL if none is near. */
const char *args_nearest(const char *typed, const char *(*name)(const void *ctx, size_t i),
                         const void *ctx, size_t count);

#endif
