/*
 * crash_vfs.h - disks that lose what was not synced, under SQLite and under the library's own calls.
 *
 * A disk is mounted at a folder that exists; what SQLite does with files in it, and what the
 * library itself does with them (crash_calls.c), then happens on the disk. All else goes to the
 * real file system, the collector's lock file in such a folder too: only names that begin with
 * "cull.db" are on the disk. Not for threads.
 */
#ifndef CRASH_VFS_H
#define CRASH_VFS_H

#include "crash_disk.h"

/* dir: absolute, without links in it; borrowed until it is unmounted. While anything is mounted
 * SQLite's default file system is ours. */
void crash_mount(const char *dir, struct crash_disk *disk);
void crash_unmount(const char *dir);

/* The disk that a path is on, and its name there; NULL: none of ours. */
struct crash_disk *crash_find(const char *path, const char **name);
/* The disk that is mounted at exactly this folder; NULL: none. */
struct crash_disk *crash_find_folder(const char *path);

/* From now on SQLite draws its random numbers from this seed. */
void crash_reseed(uint64_t seed);

/* Make connections take this for "PRAGMA synchronous", whatever they ask for; NULL: what they ask
 * for. For proving that somebody would notice. */
void crash_synchronous(const char *value);

#endif
