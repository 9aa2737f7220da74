/*
 * deletion.h - how the commands that delete versions say what they did.
 */
#ifndef DELETION_H
#define DELETION_H

#include "versions.h"

/* The link function of cull_delete_options; ctx: a struct deletion_links. A line on stderr and a record
 * for each; versions that stay leave the list (NULL: there is none yet). */
struct deletion_links {
    struct cli *cli;
    struct version_list *list;
    bool dry_run;
};
cull_status deletion_link(void *ctx, const cull_link_info *link, bool kept);
/* CULL_OK, or CULL_E_PARTIAL: the deletion was done. */
bool deletion_done(cull_status status);

/* Print each version, the total, how long it can be restored, and, with would_free, what a cycle
 * would then free; the same goes into records and summary. */
CULL_MUST_USE cull_status deletion_print(struct cli *cli, const struct version_list *list,
                                         bool dry_run, bool would_free);

/* "a cycle would then free ...", of these versions; and in the summary. */
/* What refers into these versions by wandb-artifact://, and keeps its bytes. */
CULL_MUST_USE cull_status deletion_print_dependents(struct cli *cli,
                                                    const struct version_list *list);
CULL_MUST_USE cull_status deletion_print_free(struct cli *cli, const struct version_list *list);

#endif
