/*
 * opening.h - the files of a store, for opening and for making one.
 */
#ifndef OPENING_H
#define OPENING_H

#include "cli.h"

/* "dir/name" on the heap; NULL: no memory. */
char *path_join(const char *dir, const char *name);
/* The log `name` in dir, with the collector's lock file beside it. */
cull_status open_log(struct cli *cli, const char *dir, const char *name, bool create,
                     cull_log **out);

#endif
