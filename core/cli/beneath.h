/*
 * beneath.h - opening files below one directory, and nowhere else.
 *
 * A path is walked part by part from an open directory; no part may be a symlink, `.` or `..`, so
 * what is opened lies below it, whatever somebody changes meanwhile. The last directory stays
 * open: sorted paths cost one openat each.
 */
#ifndef BENEATH_H
#define BENEATH_H

#include <stddef.h>

#include "cull/base.h"

struct beneath {
    int root;       /* borrowed */
    int dir;        /* the open directory of the last path, or -1 */
    char *dir_path; /* its path; "" is the root itself */
    size_t dir_len;
    size_t dir_capacity;
};

void beneath_init(struct beneath *beneath, int root);
void beneath_release(struct beneath *beneath);

/* The directory that path lies in (borrowed) and the last part of path. make: directories that are
 * missing are made. -1 and errno: ELOOP for a symlink in the way, EINVAL for a path that has parts
 * it may not have. */
int beneath_parent(struct beneath *beneath, const char *path, bool make, const char **last);

#endif
