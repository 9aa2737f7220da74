/*
 * args.c - the one option parser.
 *
 * SHAPE     Tables of options fill structs by offset; what is no option is moved to the front of
 *           the array, so positionals and options mix freely.
 * FAILURE   The first thing that is wrong ends it with one line that names the argument.
 * WHY NOT   getopt_long: it keeps globals, prints by itself, abbreviates (a script that says --a
 *           breaks when --allow-... is added), and its help has to be kept true by hand.
 */
#include "args.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "units.h"

const struct arg_option global_option_table[] = {
    { "store", '\0', ARG_TEXT, offsetof(struct global_options, store), "DIR",
      "the store (default: $CULL_STORE)" },
    { "entity", '\0', ARG_TEXT, offsetof(struct global_options, entity), "E",
      "entity of names that do not say theirs" },
    { "project", '\0', ARG_TEXT, offsetof(struct global_options, project), "P",
      "project of names that do not say theirs" },
    { "as", '\0', ARG_TEXT, offsetof(struct global_options, as), "USER",
      "who asks: see cull role (default: your user name)" },
    { "json", '\0', ARG_FLAG, offsetof(struct global_options, json), NULL,
      "one JSON object per line on stdout" },
    { "progress", '\0', ARG_FLAG, offsetof(struct global_options, progress), NULL,
      "show progress also when stderr is no terminal" },
    { "no-color", '\0', ARG_FLAG, offsetof(struct global_options, no_color), NULL,
      "no colour (so does $NO_COLOR)" },
    { "help", 'h', ARG_FLAG, offsetof(struct global_options, help), NULL, "show this help" },
    { "version", '\0', ARG_FLAG, offsetof(struct global_options, version), NULL, NULL },
};
const size_t global_option_count = ARG_LEN(global_option_table);

CULL_PRINTF(2, 3)
static cull_status usage(cull_error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    err->status = CULL_E_USAGE;
    (void)vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    return CULL_E_USAGE;
}

/* --- what was probably meant --------------------------------------------------------------- */

#define NEAR_MAX 40

/* Letters to insert, remove or change to make b of a (Levenshtein). */
static size_t edits(const char *a, const char *b)
{
    size_t row[NEAR_MAX + 1];
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);

    if (a_len > NEAR_MAX || b_len > NEAR_MAX) {
        return NEAR_MAX;
    }
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t best = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);

            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b_len];
}

const char *args_nearest(const char *typed, const char *(*name)(const void *ctx, size_t i),
                         const void *ctx, size_t count)
{
    size_t len = strlen(typed);
    size_t best = len <= 3 ? 2 : 3; /* fewer edits than this are a slip, not another word */
    const char *found = NULL;

    for (size_t i = 0; len > 0 && i < count; i++) {
        const char *candidate = name(ctx, i);
        size_t distance = edits(typed, candidate);

        if (distance >= best && len >= 2 && strncmp(candidate, typed, len) == 0 && found == NULL) {
            found = candidate; /* cut short: better than nothing */
        }
        if (distance < best) {
            best = distance;
            found = candidate;
        }
    }
    return found;
}

/* --- parsing ------------------------------------------------------------------------------- */

struct found {
    const struct arg_option *option;
    void *value;
};

static struct found find_long(const struct arg_set *sets, size_t set_count, const char *name,
                              size_t len)
{
    for (size_t s = 0; s < set_count; s++) {
        for (size_t i = 0; i < sets[s].count; i++) {
            const struct arg_option *option = &sets[s].options[i];

            if (strncmp(option->name, name, len) == 0 && option->name[len] == '\0') {
                return (struct found){ option, (char *)sets[s].values + option->offset };
            }
        }
    }
    return (struct found){ NULL, NULL };
}

static struct found find_letter(const struct arg_set *sets, size_t set_count, char letter)
{
    for (size_t s = 0; s < set_count; s++) {
        for (size_t i = 0; i < sets[s].count; i++) {
            const struct arg_option *option = &sets[s].options[i];

            if (option->letter == letter) {
                return (struct found){ option, (char *)sets[s].values + option->offset };
            }
        }
    }
    return (struct found){ NULL, NULL };
}

static const char *set_option_name(const void *ctx, size_t i)
{
    const struct arg_set *set = ctx;

    return set->options[i].name;
}

static cull_status unknown_option(const struct arg_set *sets, size_t set_count, const char *typed,
                                  cull_error *err)
{
    char shown[PRINTABLE_MAX];
    char name[NEAR_MAX + 1];
    size_t len = strcspn(typed, "=");

    if (strncmp(typed, "--", 2) == 0 && len - 2 < sizeof(name)) {
        (void)snprintf(name, sizeof(name), "%.*s", (int)(len - 2), typed + 2);
        for (size_t s = 0; s < set_count; s++) {
            const char *near = args_nearest(name, set_option_name, &sets[s], sets[s].count);

            if (near != NULL) {
                return usage(err, "%s: no such option: did you mean --%s?", printable(shown, typed),
                             near);
            }
        }
    }
    return usage(err, "%s: no such option", printable(shown, typed));
}

static cull_status list_add(struct arg_list *list, const char *item, cull_error *err)
{
    const char **grown = realloc(list->items, (list->count + 1) * sizeof(*grown));

    if (grown == NULL) {
        (void)usage(err, "out of memory");
        err->status = CULL_E_NOMEM;
        return CULL_E_NOMEM;
    }
    grown[list->count++] = item;
    list->items = grown;
    return CULL_OK;
}

static cull_status take_value(const struct found *found, const char *text, cull_error *err)
{
    const struct arg_option *option = found->option;
    struct arg_number *number = found->value;
    char shown[PRINTABLE_MAX];

    switch (option->kind) {
    case ARG_FLAG:
        *(bool *)found->value = true;
        return CULL_OK;
    case ARG_TEXT:
        *(const char **)found->value = text;
        return CULL_OK;
    case ARG_LIST:
        return list_add(found->value, text, err);
    case ARG_COUNT:
        if (!count_parse(&number->value, text) || number->value == 0) {
            return usage(err, "--%s: %s: not a whole number above 0", option->name,
                         printable(shown, text));
        }
        break;
    case ARG_BYTES:
        if (!bytes_parse(&number->value, text)) {
            return usage(err, "--%s: %s: not a number of bytes, as in 4096, 10MB, 2GiB",
                         option->name, printable(shown, text));
        }
        break;
    case ARG_DURATION:
        if (!duration_parse(&number->value, text)) {
            return usage(err, "--%s: %s: not a duration, as in 45s, 90m, 336h, 14d, 2w",
                         option->name, printable(shown, text));
        }
        break;
    }
    number->given = true;
    return CULL_OK;
}

/* The option at args[i]; *next is the index behind it and its value. */
static cull_status take_option(const struct arg_set *sets, size_t set_count, char **args,
                               size_t count, size_t i, size_t *next, cull_error *err)
{
    const char *arg = args[i];
    bool is_long = arg[1] == '-';
    size_t len = is_long ? strcspn(arg + 2, "=") : 1;
    struct found found =
        is_long ? find_long(sets, set_count, arg + 2, len) : find_letter(sets, set_count, arg[1]);
    const char *attached = is_long ? arg + 2 + len : arg + 2;

    *next = i + 1;
    if (found.option == NULL) {
        return unknown_option(sets, set_count, arg, err);
    }
    if (found.option->kind == ARG_FLAG) {
        if (*attached != '\0') {
            return is_long ? usage(err, "--%s takes no value", found.option->name)
                           : unknown_option(sets, set_count, arg, err);
        }
        return take_value(&found, NULL, err);
    }
    if (*attached != '\0') {
        return take_value(&found, is_long ? attached + 1 : attached, err);
    }
    if (i + 1 >= count) {
        return usage(err, "--%s needs a value: %s", found.option->name, found.option->value);
    }
    *next = i + 2;
    return take_value(&found, args[i + 1], err);
}

cull_status args_parse(const struct arg_set *sets, size_t set_count, char **args, size_t *count,
                       bool stop_at_name, cull_error *err)
{
    size_t kept = 0;
    size_t i = 0;

    while (i < *count) {
        cull_status status;

        if (args[i][0] != '-' || args[i][1] == '\0') {
            if (stop_at_name) {
                break;
            }
            args[kept++] = args[i++];
            continue;
        }
        if (strcmp(args[i], "--") == 0) {
            i++;
            break;
        }
        status = take_option(sets, set_count, args, *count, i, &i, err);
        if (status != CULL_OK) {
            return status;
        }
    }
    while (i < *count) {
        args[kept++] = args[i++];
    }
    *count = kept;
    return CULL_OK;
}

void args_release(const struct arg_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->options[i].kind == ARG_LIST) {
            struct arg_list *list = (void *)((char *)set->values + set->options[i].offset);

            free(list->items);
            *list = (struct arg_list){ NULL, 0 };
        }
    }
}

/* --- help ---------------------------------------------------------------------------------- */

#define HELP_COLUMN 28
#define HELP_WIDTH 79

/* text from the given column on, broken at blanks before the 80th. */
static void print_wrapped(const char *text, size_t column)
{
    size_t room = HELP_WIDTH - column;

    while (strlen(text) > room) {
        size_t len = room;

        while (len > 0 && text[len] != ' ') {
            len--;
        }
        (void)printf("%.*s\n%*s", (int)len, text, (int)column, "");
        text += len + 1;
    }
    (void)printf("%s\n", text);
}

void args_print_help(const struct arg_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct arg_option *option = &options[i];
        char left[80];
        char letter[5] = "    ";

        if (option->help == NULL) {
            continue;
        }
        if (option->letter != '\0') {
            (void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
        }
        (void)snprintf(left, sizeof(left), "  %s--%s%s%s", letter, option->name,
                       option->value == NULL ? "" : " ",
                       option->value == NULL ? "" : option->value);
        if (strlen(left) + 1 >= HELP_COLUMN) {
            (void)printf("%s\n%*s", left, HELP_COLUMN, "");
        } else {
            (void)printf("%-*s", HELP_COLUMN, left);
        }
        print_wrapped(option->help, HELP_COLUMN);
    }
}
