/*
 * deletion.h - how the commands that delete versions say what they did.
 */
#ifndef DELETION_H
#define DELETION_H

#include "versions.h"

/* Print each version, the total, how long it can be restored, and, with would_free, what a cycle
 * would then free; the same goes into records and summary. */
CULL_MUST_USE cull_status deletion_print(struct cli *cli, const struct version_list *list,
                                         bool dry_run, bool would_free);

#endif
