/*
 * crash_vfs.c - SQLite's file system on the disks of crash_disk.c.
 *
 * SHAPE     A table of mounts; a path below one is a file of its disk, every other path goes to the
 *           file system that was SQLite's default before. Locks and shared memory are one object a
 *           file, shared by all who opened it, and gone with them: as after a power cut.
 * INVARIANT What a call answers to an error of the system is what SQLite 3.40's unix file system
 *           answers: EIO of a read is SQLITE_IOERR_CORRUPTFS, ENOSPC of a write SQLITE_FULL, a lock
 *           in shared memory is only ever busy. After a file's first sync it syncs the folder and
 *           passes over a failure of that, after which nothing that it says would last: here that
 *           sync does not fail.
 * THREADS   One.
 * WHY NOT   the test_vfs files of SQLite itself: they know one process and one file, no folder, and
 *           lose whole writes only.
 */
#include "crash_vfs.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOUNTS_MAX 8
#define FILE_NAMES "cull.db" /* how names on a disk begin */

static struct {
    const char *dir;
    struct crash_disk *disk;
} mounts[MOUNTS_MAX];

static sqlite3_vfs *real; /* the default before ours */
static sqlite3_vfs ours;
static int last_errno; /* xGetLastError has no file */
static uint64_t random_state;
static char forced_synchronous[16];

/* What all openers of a file share. */
struct locks {
    size_t shared;
    const struct vfs_file *reserved, *pending, *exclusive; /* who has it; NULL: nobody */
    size_t mappers;                                        /* of the shared memory */
    int holders[SQLITE_SHM_NLOCK];                         /* -1: exclusive */
    void **regions;
    size_t region_count;
};

struct vfs_file {
    sqlite3_file base; /* first */
    struct crash_disk *disk;
    struct crash_file *file;
    int level;
    int error; /* errno of the last failure */
    bool syncs_folder;
    bool is_mapped;
    unsigned shm_shared, shm_exclusive; /* bits of ours */
};

/* --- mounts ----------------------------------------------------------------------------------- */

struct crash_disk *crash_find(const char *path, const char **name)
{
    for (size_t i = 0; i < MOUNTS_MAX; i++) {
        size_t len = mounts[i].dir == NULL ? 0 : strlen(mounts[i].dir);

        if (len > 0 && path != NULL && strncmp(path, mounts[i].dir, len) == 0 && path[len] == '/' &&
            strncmp(path + len + 1, FILE_NAMES, strlen(FILE_NAMES)) == 0 &&
            strchr(path + len + 1, '/') == NULL) {
            *name = path + len + 1;
            return mounts[i].disk;
        }
    }
    return NULL;
}

struct crash_disk *crash_find_folder(const char *path)
{
    for (size_t i = 0; i < MOUNTS_MAX; i++) {
        if (mounts[i].dir != NULL && strcmp(path, mounts[i].dir) == 0) {
            return mounts[i].disk;
        }
    }
    return NULL;
}

void crash_mount(const char *dir, struct crash_disk *disk)
{
    size_t free_at = MOUNTS_MAX;
    size_t count = 0;

    for (size_t i = 0; i < MOUNTS_MAX; i++) {
        if (mounts[i].dir == NULL) {
            free_at = i;
        } else {
            count++;
        }
    }
    if (free_at == MOUNTS_MAX || crash_find_folder(dir) != NULL) {
        abort();
    }
    mounts[free_at].dir = dir;
    mounts[free_at].disk = disk;
    if (count == 0) {
        real = sqlite3_vfs_find(NULL);
        ours.szOsFile = real->szOsFile > (int)sizeof(struct vfs_file)
                            ? real->szOsFile
                            : (int)sizeof(struct vfs_file);
        ours.mxPathname = real->mxPathname;
        if (sqlite3_vfs_register(&ours, 1) != SQLITE_OK) {
            abort();
        }
    }
}

void crash_unmount(const char *dir)
{
    size_t count = 0;

    for (size_t i = 0; i < MOUNTS_MAX; i++) {
        if (mounts[i].dir != NULL && strcmp(mounts[i].dir, dir) == 0) {
            mounts[i].dir = NULL;
        }
        count += mounts[i].dir != NULL;
    }
    if (count == 0) {
        (void)sqlite3_vfs_unregister(&ours);
        (void)sqlite3_vfs_register(real, 1);
    }
}

void crash_reseed(uint64_t seed)
{
    random_state = seed;
    sqlite3_randomness(0, NULL); /* SQLite asks again */
}

/* Run for each new connection. What goes wrong here goes wrong again in what follows. */
static int force_synchronous(sqlite3 *db)
{
    char sql[64];

    (void)snprintf(sql, sizeof sql, "PRAGMA synchronous = %s", forced_synchronous);
    (void)sqlite3_exec(db, sql, NULL, NULL, NULL);
    return SQLITE_OK;
}

void crash_synchronous(const char *value)
{
    (void)snprintf(forced_synchronous, sizeof forced_synchronous, "%s", value == NULL ? "" : value);
    if (value == NULL) {
        sqlite3_reset_auto_extension();
    } else if (sqlite3_auto_extension((void (*)(void))force_synchronous) != SQLITE_OK) {
        abort();
    }
}

/* --- files ------------------------------------------------------------------------------------ */

static int fail(struct vfs_file *file, int error, int code)
{
    last_errno = file->error = error;
    return code;
}

static struct vfs_file *file_of(sqlite3_file *base)
{
    return (struct vfs_file *)base;
}

static struct locks *locks_of(struct vfs_file *file)
{
    void **slot = crash_file_shared(file->file);

    if (*slot == NULL) {
        *slot = calloc(1, sizeof(struct locks));
        if (*slot == NULL) {
            abort();
        }
    }
    return *slot;
}

static int file_unlock(sqlite3_file *base, int level);
static int file_shm_unmap(sqlite3_file *base, int delete);

static int file_close(sqlite3_file *base)
{
    struct vfs_file *file = file_of(base);

    (void)file_unlock(base, SQLITE_LOCK_NONE);
    (void)file_shm_unmap(base, 0);
    crash_file_close(file->file);
    return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *data, int len, sqlite3_int64 at)
{
    struct vfs_file *file = file_of(base);
    size_t got;
    int error = crash_file_read(file->file, data, (size_t)len, (uint64_t)at, &got);

    if (error != 0) {
        return fail(file, error, error == EIO ? SQLITE_IOERR_CORRUPTFS : SQLITE_IOERR_READ);
    }
    if (got < (size_t)len) {
        memset((char *)data + got, 0, (size_t)len - got);
        return fail(file, 0, SQLITE_IOERR_SHORT_READ);
    }
    return SQLITE_OK;
}

static int file_write(sqlite3_file *base, const void *data, int len, sqlite3_int64 at)
{
    struct vfs_file *file = file_of(base);
    int error = crash_file_write(file->file, data, (size_t)len, (uint64_t)at);

    if (error == ENOSPC) {
        return fail(file, 0, SQLITE_FULL);
    }
    return error == 0 ? SQLITE_OK : fail(file, error, SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 len)
{
    struct vfs_file *file = file_of(base);
    int error = crash_file_truncate(file->file, (uint64_t)len);

    return error == 0 ? SQLITE_OK : fail(file, error, SQLITE_IOERR_TRUNCATE);
}

static int file_sync(sqlite3_file *base, int flags)
{
    struct vfs_file *file = file_of(base);
    int error = crash_file_sync(file->file);

    (void)flags;
    if (error != 0) {
        return fail(file, error, SQLITE_IOERR_FSYNC);
    }
    if (file->syncs_folder) {
        file->syncs_folder = false;
        (void)crash_disk_sync_folder(file->disk, false);
    }
    return SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *out)
{
    struct vfs_file *file = file_of(base);
    uint64_t len;
    int error = crash_file_size(file->file, &len);

    *out = (sqlite3_int64)len;
    return error == 0 ? SQLITE_OK : fail(file, error, SQLITE_IOERR_FSTAT);
}

static int file_control(sqlite3_file *base, int op, void *arg)
{
    struct vfs_file *file = file_of(base);

    if (op == SQLITE_FCNTL_LAST_ERRNO) {
        *(int *)arg = file->error;
        return SQLITE_OK;
    }
    if (op == SQLITE_FCNTL_PRAGMA && forced_synchronous[0] != '\0') {
        char **words = arg;

        /* taken for done, unless it is what crash_vfs.c itself asks for */
        if (sqlite3_stricmp(words[1], "synchronous") == 0 && words[2] != NULL &&
            sqlite3_stricmp(words[2], forced_synchronous) != 0) {
            return SQLITE_OK;
        }
    }
    return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *base)
{
    return (int)crash_disk_options_of(file_of(base)->disk)->sector_bytes;
}

static int file_characteristics(sqlite3_file *base)
{
    return crash_disk_options_of(file_of(base)->disk)->powersafe ? SQLITE_IOCAP_POWERSAFE_OVERWRITE
                                                                 : 0;
}

/* --- locks ------------------------------------------------------------------------------------ */

static bool is_others(const struct vfs_file *holder, const struct vfs_file *file)
{
    return holder != NULL && holder != file;
}

static int lock_shared(struct vfs_file *file, struct locks *locks)
{
    if (is_others(locks->pending, file) || is_others(locks->exclusive, file)) {
        return SQLITE_BUSY;
    }
    locks->shared++;
    file->level = SQLITE_LOCK_SHARED;
    return SQLITE_OK;
}

static int lock_exclusive(struct vfs_file *file, struct locks *locks)
{
    if (is_others(locks->reserved, file) || is_others(locks->pending, file)) {
        return SQLITE_BUSY;
    }
    locks->pending = file;
    file->level = SQLITE_LOCK_PENDING;
    if (locks->shared > 1) {
        return SQLITE_BUSY;
    }
    locks->exclusive = file;
    file->level = SQLITE_LOCK_EXCLUSIVE;
    return SQLITE_OK;
}

static int file_lock(sqlite3_file *base, int level)
{
    struct vfs_file *file = file_of(base);
    struct locks *locks = locks_of(file);
    int error;

    if (file->level >= level) {
        return SQLITE_OK;
    }
    error = crash_disk_ask(file->disk, CRASH_LOCK);
    if (error == EAGAIN) {
        return SQLITE_BUSY;
    }
    if (error != 0) {
        return fail(file, error, SQLITE_IOERR_LOCK);
    }
    if (level == SQLITE_LOCK_SHARED) {
        return lock_shared(file, locks);
    }
    if (level == SQLITE_LOCK_EXCLUSIVE) {
        return lock_exclusive(file, locks);
    }
    if (is_others(locks->reserved, file)) {
        return SQLITE_BUSY;
    }
    locks->reserved = file;
    file->level = SQLITE_LOCK_RESERVED;
    return SQLITE_OK;
}

static int file_unlock(sqlite3_file *base, int level)
{
    struct vfs_file *file = file_of(base);
    struct locks *locks = locks_of(file);

    if (file->level <= level) {
        return SQLITE_OK;
    }
    locks->reserved = locks->reserved == file ? NULL : locks->reserved;
    locks->pending = locks->pending == file ? NULL : locks->pending;
    locks->exclusive = locks->exclusive == file ? NULL : locks->exclusive;
    if (level == SQLITE_LOCK_NONE) {
        locks->shared--;
    }
    file->level = level;
    return SQLITE_OK;
}

static int file_check_reserved(sqlite3_file *base, int *out)
{
    *out = locks_of(file_of(base))->reserved != NULL;
    return SQLITE_OK;
}

/* --- shared memory ---------------------------------------------------------------------------- */

static int region_add(struct vfs_file *file, struct locks *locks, size_t len)
{
    int error = crash_disk_ask(file->disk, CRASH_MAP);
    void **regions;

    if (error != 0) {
        return fail(file, error, error == ENOSPC ? SQLITE_IOERR_SHMSIZE : SQLITE_IOERR_SHMMAP);
    }
    regions = realloc(locks->regions, (locks->region_count + 1) * sizeof *regions);
    if (regions == NULL) {
        abort();
    }
    locks->regions = regions;
    locks->regions[locks->region_count] = calloc(1, len);
    if (locks->regions[locks->region_count++] == NULL) {
        abort();
    }
    return SQLITE_OK;
}

static int file_shm_map(sqlite3_file *base, int region, int len, int extend, void volatile **out)
{
    struct vfs_file *file = file_of(base);
    struct locks *locks = locks_of(file);
    int code = SQLITE_OK;

    *out = NULL;
    if (!file->is_mapped) {
        file->is_mapped = true;
        locks->mappers++;
    }
    while (code == SQLITE_OK && extend && locks->region_count <= (size_t)region) {
        code = region_add(file, locks, (size_t)len);
    }
    if (code == SQLITE_OK && locks->regions != NULL && locks->region_count > (size_t)region) {
        *out = locks->regions[region];
    }
    return code;
}

/* May we have these locks now, beside what others hold? */
static bool shm_is_free(const struct vfs_file *file, const struct locks *locks, unsigned mask,
                        bool exclusive)
{
    for (int i = 0; i < SQLITE_SHM_NLOCK; i++) {
        int mine = (file->shm_shared >> i & 1) != 0;

        if ((mask >> i & 1) != 0 &&
            (exclusive ? locks->holders[i] != mine : locks->holders[i] < 0)) {
            return false;
        }
    }
    return true;
}

static void shm_drop(struct vfs_file *file, struct locks *locks, unsigned mask)
{
    for (int i = 0; i < SQLITE_SHM_NLOCK; i++) {
        unsigned bit = 1u << i & mask;

        if ((file->shm_exclusive & bit) != 0) {
            locks->holders[i] = 0;
        } else if ((file->shm_shared & bit) != 0) {
            locks->holders[i]--;
        }
    }
    file->shm_exclusive &= ~mask;
    file->shm_shared &= ~mask;
}

static int file_shm_lock(sqlite3_file *base, int first, int count, int flags)
{
    struct vfs_file *file = file_of(base);
    struct locks *locks = locks_of(file);
    unsigned mask = ((1u << count) - 1) << first;
    bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;

    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        shm_drop(file, locks, mask);
        return SQLITE_OK;
    }
    if (((exclusive ? file->shm_exclusive : file->shm_shared) & mask) == mask) {
        return SQLITE_OK;
    }
    if (crash_disk_ask(file->disk, CRASH_LOCK) != 0 || !shm_is_free(file, locks, mask, exclusive)) {
        return SQLITE_BUSY;
    }
    for (int i = first; i < first + count; i++) {
        locks->holders[i] = exclusive ? -1 : locks->holders[i] + 1;
    }
    file->shm_exclusive |= exclusive ? mask : 0;
    file->shm_shared = exclusive ? file->shm_shared & ~mask : file->shm_shared | mask;
    return SQLITE_OK;
}

static void file_shm_barrier(sqlite3_file *base)
{
    (void)base; /* one thread */
}

static int file_shm_unmap(sqlite3_file *base, int delete)
{
    struct vfs_file *file = file_of(base);
    struct locks *locks = locks_of(file);

    (void)delete; /* nobody finds it afterwards, either way */
    if (!file->is_mapped) {
        return SQLITE_OK;
    }
    shm_drop(file, locks, (1u << SQLITE_SHM_NLOCK) - 1);
    file->is_mapped = false;
    if (--locks->mappers == 0) {
        while (locks->region_count > 0) {
            free(locks->regions[--locks->region_count]);
        }
        free(locks->regions);
        locks->regions = NULL;
    }
    return SQLITE_OK;
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* --- the file system -------------------------------------------------------------------------- */

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *base, int flags,
                    int *out_flags)
{
    struct vfs_file *file = file_of(base);
    const char *name = NULL;
    struct crash_disk *disk = crash_find(path, &name);
    int error;

    (void)vfs;
    if (disk == NULL) {
        return real->xOpen(real, path, base, flags, out_flags);
    }
    memset(file, 0, sizeof *file);
    error = crash_file_open(disk, name,
                            ((flags & SQLITE_OPEN_CREATE) != 0 ? CRASH_CREATE : 0u) |
                                ((flags & SQLITE_OPEN_EXCLUSIVE) != 0 ? CRASH_EXCLUSIVE : 0u),
                            &file->file);
    if (error != 0) {
        return fail(file, error, SQLITE_CANTOPEN);
    }
    file->disk = disk;
    file->syncs_folder =
        (flags & SQLITE_OPEN_CREATE) != 0 &&
        (flags & (SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
    file->base.pMethods = &file_methods;
    if (out_flags != NULL) {
        *out_flags = flags;
    }
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
    const char *name;
    struct crash_disk *disk = crash_find(path, &name);
    int error;

    (void)vfs;
    if (disk == NULL) {
        return real->xDelete(real, path, sync_folder);
    }
    error = crash_disk_delete(disk, name);
    if (error != 0) {
        last_errno = error;
        return error == ENOENT ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
    }
    error = sync_folder ? crash_disk_sync_folder(disk, true) : 0;
    last_errno = error != 0 ? error : last_errno;
    return error == 0 ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
    const char *name;
    struct crash_disk *disk = crash_find(path, &name);
    uint64_t len;

    (void)vfs;
    if (disk == NULL) {
        return real->xAccess(real, path, flags, out);
    }
    *out = crash_disk_stat(disk, name, &len) == 0 && (flags != SQLITE_ACCESS_EXISTS || len > 0);
    return SQLITE_OK;
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *path, int len, char *out)
{
    const char *name;

    (void)vfs;
    if (crash_find(path, &name) == NULL) {
        return real->xFullPathname(real, path, len, out);
    }
    return snprintf(out, (size_t)len, "%s", path) < len ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *out)
{
    (void)vfs;
    for (int i = 0; i < len; i++) {
        out[i] = (char)crash_number(&random_state, 256);
    }
    return len;
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs; /* nobody else is at work meanwhile */
    return microseconds;
}

static int vfs_current_time(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
    (void)vfs;
    *out = INT64_C(212000000000000);
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int len, char *out)
{
    (void)vfs;
    if (len > 0) {
        out[0] = '\0';
    }
    return last_errno;
}

static sqlite3_vfs ours = {
    .iVersion = 2,
    .zName = "crash",
    .xOpen = vfs_open,
    .xDelete = vfs_delete,
    .xAccess = vfs_access,
    .xFullPathname = vfs_full_pathname,
    .xRandomness = vfs_randomness,
    .xSleep = vfs_sleep,
    .xGetLastError = vfs_last_error,
    .xCurrentTimeInt64 = vfs_current_time,
};
