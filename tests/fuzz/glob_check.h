/*
 * glob_check.h - whether a glob matches, said by a matcher that is slow and has no way back.
 */
#ifndef GLOB_CHECK_H
#define GLOB_CHECK_H

#include <stdbool.h>

#define GLOB_CHECK_MAX 64 /* bytes of a glob, and of a text */

bool glob_check(const char *glob, const char *text);

#endif
