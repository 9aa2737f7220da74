/*
 * new_file.h - a file that is there whole under its name, or not at all.
 */
#ifndef NEW_FILE_H
#define NEW_FILE_H

#include <stdio.h>

#include "cli.h"

struct new_file {
    FILE *file;      /* to write to; what fails there is told by new_file_end() */
    char *target;    /* the name that it gets: where a symbolic link leads to */
    char *temporary; /* the name that it has meanwhile; NULL: written in place */
    const char *path;
};

/* Begin a file of that name. What is there and is no regular file (a device, a pipe) is written to
 * as it is, not replaced. Zero *out is safe to end. Fills cli->err. */
CULL_MUST_USE cull_status new_file_begin(struct new_file *out, struct cli *cli, const char *path);
/* With CULL_OK make it durable and give it its name, else take it away. What became of it. */
CULL_MUST_USE cull_status new_file_end(struct new_file *file, struct cli *cli, cull_status status);

#endif
