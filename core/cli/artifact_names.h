/*
 * artifact_names.h - which id of a server the versions of an import have.
 */
#ifndef ARTIFACT_NAMES_H
#define ARTIFACT_NAMES_H

#include "cli.h"

struct artifact_name {
    char *name; /* of the version: its file without .json, or its folder */
    char id[CULL_ARTIFACT_ID_MAX];
};

struct artifact_names {
    struct artifact_name *items; /* by name */
    size_t count;
    size_t capacity;
};

/* Read a list (- for standard input): lines of a name, a tab, and an id in any of its forms. */
CULL_MUST_USE cull_status artifact_names_read(struct cli *cli, struct artifact_names *out,
                                              const char *path);
void artifact_names_release(struct artifact_names *names);

/* The id that a name is itself, as folders of a bucket are named; false: it is none. */
bool artifact_name_is_id(char out[CULL_ARTIFACT_ID_MAX], const char *name);
/* The id of the version of a name: that of the list, else what its name says; NULL: none. */
const char *artifact_names_find(const struct artifact_names *names, const char *name,
                                char room[CULL_ARTIFACT_ID_MAX]);
/* Two ids in the order in which the server gave them: by length, and then by their bytes. */
int artifact_ids_compare(const char *a, const char *b);

#endif
