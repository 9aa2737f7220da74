/*
 * lines.h - reading a file line by line.
 */
#ifndef LINES_H
#define LINES_H

#include "cli.h"

/* One line, terminated, without its newline (or CR and newline); number counts from 1. */
typedef cull_status (*line_fn)(void *ctx, size_t number, char *line, size_t len);

/* Give each line of a file (- for standard input) to a function, until it fails. */
CULL_MUST_USE cull_status lines_read(struct cli *cli, const char *path, line_fn take, void *ctx);

#endif
