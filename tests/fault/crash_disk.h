/*
 * crash_disk.h - one folder on a disk that may lose what was not synced.
 *
 * A file has the content that programs see and the content that would outlast a power cut; between
 * them lie the writes and truncations since its last sync. The folder's entries likewise: what was
 * made, deleted or renamed lasts once the folder was synced. Functions return 0 or an errno.
 * Memory that runs out ends the process: this is a test.
 */
#ifndef CRASH_DISK_H
#define CRASH_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum crash_call {
    CRASH_READ,
    CRASH_WRITE,
    CRASH_SYNC,
    CRASH_TRUNCATE,
    CRASH_OPEN,
    CRASH_DELETE,
    CRASH_RENAME,
    CRASH_STAT,
    CRASH_LOCK,
    CRASH_MAP,    /* of shared memory */
    CRASH_OBJECT, /* of the object store beside the disk */
    CRASH_CALLS
};
extern const char *const crash_call_names[CRASH_CALLS];

/* Asked before each call. 0 lets it through; an errno is what it fails with. */
typedef int (*crash_watch_fn)(void *ctx, enum crash_call call);

/* What a sync does not reach: for proving that somebody would notice. */
enum crash_deaf { CRASH_DEAF_LOG = 1, CRASH_DEAF_DATABASE = 2, CRASH_DEAF_FOLDER = 4 };

struct crash_disk_options {
    uint32_t sector_bytes; /* that a write is torn at */
    bool powersafe;        /* a write never harms the bytes beside it in its sector */
};

struct crash_disk;
struct crash_file; /* an open file */

struct crash_disk *crash_disk_new(const struct crash_disk_options *options);
/* All files must be closed. NULL is accepted. */
void crash_disk_free(struct crash_disk *disk);
const struct crash_disk_options *crash_disk_options_of(const struct crash_disk *disk);
/* deaf: a sum of enum crash_deaf. */
void crash_disk_deafen(struct crash_disk *disk, unsigned deaf);
/* watch NULL: everything goes through. */
void crash_disk_watch(struct crash_disk *disk, crash_watch_fn watch, void *ctx);
/* Ask for a call that the disk itself does not make. */
int crash_disk_ask(struct crash_disk *disk, enum crash_call call);
/* Files that are open now. */
size_t crash_disk_open_count(const struct crash_disk *disk);

enum { CRASH_CREATE = 1, CRASH_EXCLUSIVE = 2 };

int crash_file_open(struct crash_disk *disk, const char *name, unsigned flags,
                    struct crash_file **out);
void crash_file_close(struct crash_file *file);
int crash_file_read(struct crash_file *file, void *data, size_t len, uint64_t at, size_t *got);
/* ENOSPC: a first part may have been written. */
int crash_file_write(struct crash_file *file, const void *data, size_t len, uint64_t at);
int crash_file_truncate(struct crash_file *file, uint64_t len);
/* A sync that fails leaves what it should have made durable visible, and never makes it so: the
 * system has thrown its notes away (Linux does). */
int crash_file_sync(struct crash_file *file);
int crash_file_size(struct crash_file *file, uint64_t *len);
/* A place for what all openers of this file share; freed with free() when the file is gone. */
void **crash_file_shared(struct crash_file *file);

int crash_disk_delete(struct crash_disk *disk, const char *name);
int crash_disk_rename(struct crash_disk *disk, const char *from, const char *to);
int crash_disk_stat(struct crash_disk *disk, const char *name, uint64_t *len);
/* A failure leaves the changes as they are: another sync may make them last. can_fail false: the
 * watch is asked, and not heard. */
int crash_disk_sync_folder(struct crash_disk *disk, bool can_fail);

/* A part of a file cannot be read any more, until something is written there. len 0: it can. */
void crash_disk_spoil(struct crash_disk *disk, const char *name, uint64_t at, uint64_t len);

/* --- power cuts ----------------------------------------------------------------------------- */

enum crash_survival {
    CRASH_NOTHING, /* of what was not synced */
    CRASH_ALL,     /* as when only the process died */
    CRASH_PREFIX,  /* what came first, the last write torn */
    CRASH_ANY      /* any of it, in any order, by sectors, some of them garbage */
};

/* The disk as it is found after a power cut at this moment; the original stays as it is. */
struct crash_disk *crash_disk_cut(const struct crash_disk *disk, enum crash_survival survival,
                                  uint64_t seed);

/* The next number below `below` of a generator (splitmix64) whose state is *state. */
uint64_t crash_number(uint64_t *state, uint64_t below);

#endif
