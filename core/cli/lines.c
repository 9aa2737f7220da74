/*
 * lines.c - a file line by line.
 */
#include "lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cull_status lines_read(struct cli *cli, const char *path, line_fn take, void *ctx)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "r");
    char shown[PRINTABLE_MAX];
    char *line = NULL;
    size_t capacity = 0;
    size_t number = 0;
    ssize_t got = 0;
    cull_status status = CULL_OK;

    if (file == NULL) {
        return cli_fail_errno(cli, errno, "%s", printable(shown, path));
    }
    while (status == CULL_OK && (got = getline(&line, &capacity, file)) >= 0) {
        size_t len = (size_t)got;

        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r')) {
            line[--len] = '\0';
        }
        status = take(ctx, ++number, line, len);
    }
    if (status == CULL_OK && ferror(file)) {
        status = cli_fail_errno(cli, errno, "%s", printable(shown, path));
    }
    free(line);
    if (!is_stdin) {
        (void)fclose(file);
    }
    return status;
}
