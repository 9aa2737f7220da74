/*
 * json_check.c - does stdin hold what `cull --json` promises? One JSON object a line, each with a
 * "type", the last one and only it a "summary" with "schema" 1 and a known "status".
 *
 * usage: json_check [STATUS]     the summary's status must be this one
 *
 * Copies stdin to stdout, so it stands in a pipe; says what is wrong on stderr and exits 1.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_tree.h>

static const char *const statuses[] = { "ok",      "limit",    "partial", "busy",   "refused",
                                        "damaged", "notfound", "usage",   "failed", "interrupted" };

static const char *text_of(yajl_val object, const char *key)
{
    const char *path[] = { key, NULL };
    yajl_val value = yajl_tree_get(object, path, yajl_t_string);

    return value == NULL ? "" : YAJL_GET_STRING(value);
}

static bool is_status(const char *text)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (strcmp(statuses[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* What is wrong with one line; NULL: nothing. *summary: it is one. */
static const char *check_line(const char *line, const char *want, bool *summary)
{
    static char message[300];
    const char *schema[] = { "schema", NULL };
    const char *wrong = NULL;
    yajl_val object = yajl_tree_parse(line, message, sizeof(message));
    yajl_val number;

    *summary = false;
    if (object == NULL) {
        return message;
    }
    number = yajl_tree_get(object, schema, yajl_t_number);
    *summary = strcmp(text_of(object, "type"), "summary") == 0;
    if (!YAJL_IS_OBJECT(object) || text_of(object, "type")[0] == '\0') {
        wrong = "not an object with a type";
    } else if (*summary && !is_status(text_of(object, "status"))) {
        wrong = "a summary without a known status";
    } else if (*summary && want != NULL && strcmp(text_of(object, "status"), want) != 0) {
        wrong = "a summary with another status than was expected";
    } else if (*summary && (number == NULL || strcmp(YAJL_GET_NUMBER(number), "1") != 0)) {
        wrong = "a summary that does not say schema 1";
    }
    yajl_tree_free(object);
    return wrong;
}

int main(int argc, char **argv)
{
    const char *want = argc > 1 ? argv[1] : NULL;
    const char *wrong = NULL;
    char *line = NULL;
    size_t room = 0;
    unsigned long number = 0;
    bool summary = false;

    while (wrong == NULL && getline(&line, &room, stdin) > 0) {
        number++;
        (void)fputs(line, stdout);
        if (summary) {
            wrong = "a line after the summary";
        } else if (strchr(line, '\n') == NULL) {
            wrong = "a line that does not end";
        } else {
            wrong = check_line(line, want, &summary);
        }
    }
    if (wrong == NULL && !summary) {
        wrong = "no summary at the end";
    }
    free(line);
    if (wrong != NULL) {
        (void)fflush(stdout);
        (void)fprintf(stderr, "json_check: line %lu: %s\n", number, wrong);
    }
    return wrong == NULL ? 0 : 1;
}
