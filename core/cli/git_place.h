/*
 * git_place.h - how far a history was imported, and where the next import goes on.
 */
#ifndef GIT_PLACE_H
#define GIT_PLACE_H

#include "git_note.h"
#include "import.h"

struct git_place {
    size_t at;       /* the first step that is not imported yet */
    uint64_t before; /* commits that were imported before the history's first one: it is shallow */
    bool has_base;
    cull_version_key base; /* the newest version of a step that can be patched */
    size_t base_step;      /* whose tree it has */
};

/* The step of a tag, by its name, looked for from the step `near` on and around; false: there is no such
 * tag. */
bool git_find_tag(const struct git_history *history, const char *tag, uint64_t near, size_t *step);

/* Where the collection's versions leave off. CULL_E_REFUSED: they are not of this history, or not
 * of its beginning: what would be passed over was never imported. */
CULL_MUST_USE cull_status git_find_place(struct git_place *out, struct cli *cli,
                                         const cull_name *collection,
                                         const struct git_history *history);

#endif
