/*
 * git_note.h - a version's note of the commit or tag that it was imported from.
 */
#ifndef GIT_NOTE_H
#define GIT_NOTE_H

#include "git_history.h"

#define GIT_NOTE_MAX (GIT_HEX_BYTES + 2 * (size_t)CULL_NAME_BYTES_MAX + 128)

struct git_note {
    bool found; /* else the version has none */
    struct git_id commit;
    uint64_t number;
    bool is_tag;
    bool moved;                        /* the tag was of another commit before */
    char tag[CULL_NAME_BYTES_MAX + 1]; /* "": the name was no text */
};

/* The metadata of a step's version: number counts from the first commit that was imported. */
void git_note_write(char text[GIT_NOTE_MAX], const struct git_step *step, uint64_t number);
/* A version's note; of one that is purged, none. */
CULL_MUST_USE cull_status git_note_read(struct git_note *out, struct cli *cli,
                                        const cull_version_key *key);

/* What may be an alias; latest every version takes by itself. */
bool git_tag_fits_alias(const char *tag);

#endif
