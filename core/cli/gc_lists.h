/*
 * gc_lists.h - cull gc --list, --confirm, --release: lists of digests for stores that keep no
 * objects, one in hex a line.
 */
#ifndef GC_LISTS_H
#define GC_LISTS_H

#include "cli.h"

/* Execute a plan and write what is free to go into path ("-": stdout, as the data). The file
 * appears whole, or not at all; what was claimed by then is in the next list too. */
cull_status gc_list_write(struct cli *cli, cull_plan *plan, const cull_gc_options *how,
                          const char *path, cull_gc_result *result);

/* Confirm or release what a list names; prints how many, and the summary. */
cull_status gc_list_answer(struct cli *cli, const char *path, bool confirm);

#endif
