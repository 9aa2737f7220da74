/*
 * import_git.h - cull import git: the history of a repository as versions.
 */
#ifndef IMPORT_GIT_H
#define IMPORT_GIT_H

#include "import.h"

/* What import git takes besides the options of every kind. */
struct import_git_options {
    const char *tags; /* --tags GLOB: one version for each tag; NULL: for each commit */
    const char *rev;  /* --rev REV; NULL: HEAD */
};

/* Add a version for each commit of the first-parent line, or each tag, that is not there yet.
 * CULL_E_PARTIAL: paths were left out, or an index-only store is giving blobs up. */
CULL_MUST_USE cull_status import_git(struct import *import, const char *repo,
                                     const struct import_git_options *options);

#endif
