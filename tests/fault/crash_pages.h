/*
 * crash_pages.h - scenarios at whose end one page of the file, any one, cannot be read any more.
 */
#ifndef CRASH_PAGES_H
#define CRASH_PAGES_H

#include "crash_cuts.h"

/* Each page in turn (only_page 0), or one, counted from 1. Adds to figures; tells what is wrong. */
void crash_pages(const struct crash_script *script, const struct crash_disk_options *disk,
                 uint64_t only_page, struct crash_figures *figures);

#endif
