/*
 * git_place.h - how far a history was imported: what a version notes of its commit, and where the
 * next import goes on.
 */
#ifndef GIT_PLACE_H
#define GIT_PLACE_H

#include "git_history.h"
#include "import.h"

#define GIT_NOTE_MAX (GIT_HEX_BYTES + 2 * (size_t)CULL_NAME_BYTES_MAX + 96)

struct git_place {
    size_t at;       /* the first step that is not imported yet */
    uint64_t before; /* commits that were imported before the history's first one: it is shallow */
    bool has_base;
    cull_version_key base; /* the newest version of a step that can be patched */
    size_t base_step;      /* whose tree it has */
};

/* The metadata of a step's version: number counts from the first commit that was imported. */
void git_note_write(char text[GIT_NOTE_MAX], const struct git_step *step, uint64_t number);

/* What may be an alias; latest every version takes by itself. */
bool git_tag_fits_alias(const char *tag);

/* Where the collection's versions leave off. CULL_E_REFUSED: they are not of this history, or not
 * of its beginning: what would be passed over was never imported. */
CULL_MUST_USE cull_status git_find_place(struct git_place *out, struct cli *cli,
                                         const cull_name *collection,
                                         const struct git_history *history);

#endif
