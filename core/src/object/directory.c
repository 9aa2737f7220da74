/*
 * directory.c - objects as files of one local directory.
 *
 * SHAPE     objects/ab/ab12... (the whole digest in lower-case hex), fanned out by the first
 *           byte; tmp/ for what is on its way in; quarantine/ for what was damaged. Four open
 *           folders, and each fan-out's from its first use until close.
 * INVARIANT Every path is one name relative to an open folder, opened without following
 *           symlinks: nothing outside the store's directory is read, written or removed.
 *           A descriptor, once in the table, keeps its number until close.
 * COST      stat, read: one system call to find the file. delete: one unlinkat an object; one
 *           fsync a touched folder up to 16 of them, else one syncfs (1,024 deletes in 256
 *           folders, ext4, a busy disk: 9,700 to 10,800 a second against 3,200 to 8,500). At
 *           most 260 descriptors.
 * FAILURE   Messages name the path relative to the store. A symlink or a strange file in an
 *           object's place is CULL_E_INVALID, and it can be deleted or set aside by name.
 * THREADS   Any number in all operations but close. The fan-out table is atomic: who loses the
 *           race to open one closes its own.
 * WHY NOT   paths joined to strings: each component could be swapped for a symlink between
 *           check and use. io_uring: slower than unlinkat in an open folder.
 */
#include "object/directory_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define QUARANTINE_TURNS_MAX 10000
#define ORDER_STACK_MAX 256 /* deletes that are sorted without the heap */
#define SYNC_EACH_MAX 16    /* folders that are synced alone, not with the whole file system */

struct cull__scratch *cull__directory_scratch(struct cull__directory *directory)
{
    struct cull__scratch *scratch;

    (void)pthread_mutex_lock(&directory->lock);
    scratch = directory->scratch;
    if (scratch != NULL) {
        directory->scratch = scratch->next;
    }
    (void)pthread_mutex_unlock(&directory->lock);
    if (scratch != NULL) {
        return scratch;
    }
    scratch = cull__alloc(directory->allocator, 1, sizeof *scratch);
    if (scratch == NULL) {
        return NULL;
    }
    scratch->next = NULL;
    scratch->hasher = NULL;
    if (cull_hasher_new(&scratch->hasher, directory->digest, directory->allocator) != CULL_OK) {
        cull__free(directory->allocator, scratch);
        return NULL;
    }
    return scratch;
}

void cull__directory_scratch_return(struct cull__directory *directory,
                                    struct cull__scratch *scratch)
{
    (void)pthread_mutex_lock(&directory->lock);
    scratch->next = directory->scratch;
    directory->scratch = scratch;
    (void)pthread_mutex_unlock(&directory->lock);
}

const char *cull__directory_object_path(char path[CULL__OBJECT_PATH_MAX],
                                        const struct cull__directory *directory,
                                        const cull_digest *digest)
{
    memcpy(path, "objects/ab/", CULL__OBJECT_NAME_AT);
    cull_digest_to_hex(path + CULL__OBJECT_NAME_AT, digest, directory->digest);
    memcpy(path + CULL__OBJECT_NAME_AT - 3, path + CULL__OBJECT_NAME_AT, 2);
    return path + CULL__OBJECT_NAME_AT;
}

static void fanout_name(char name[3], uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";

    name[0] = digits[byte >> 4];
    name[1] = digits[byte & 15];
    name[2] = '\0';
}

/* Open a folder of the store. Not there: made if create, else *fd is -1. */
static cull_status folder_open(int at_fd, const char *name, const char *label, bool create, int *fd,
                               cull_error *err)
{
    *fd = openat(at_fd, name, FOLDER_FLAGS);
    if (*fd < 0 && errno == ENOENT && create) {
        if (mkdirat(at_fd, name, 0755) != 0 && errno != EEXIST) {
            return cull__error_errno(err, errno, "%s: cannot be made", label);
        }
        *fd = openat(at_fd, name, FOLDER_FLAGS);
    }
    if (*fd >= 0 || errno == ENOENT) {
        return CULL_OK;
    }
    if (errno == ENOTDIR || errno == ELOOP) {
        return cull__error_set(err, CULL_E_INVALID, "%s: is a symlink or no directory", label);
    }
    return cull__error_errno(err, errno, "%s", label);
}

cull_status cull__directory_fanout(struct cull__directory *directory, uint8_t byte, bool create,
                                   int *fd, cull_error *err)
{
    char label[CULL__OBJECT_NAME_AT] = "objects/";
    cull_status status;
    int none = -1;

    *fd = atomic_load(&directory->fanout_fd[byte]);
    if (*fd >= 0) {
        return CULL_OK;
    }
    fanout_name(label + 8, byte);
    status = folder_open(directory->objects_fd, label + 8, label, create, fd, err);
    if (status != CULL_OK || *fd < 0) {
        return status == CULL_OK && create
                   ? cull__error_set(err, CULL_E_IO, "%s: goes away while it is made", label)
                   : status;
    }
    if (!atomic_compare_exchange_strong(&directory->fanout_fd[byte], &none, *fd)) {
        (void)close(*fd);
        *fd = none;
    }
    return CULL_OK;
}

cull_status cull__directory_fanout_renew(struct cull__directory *directory, uint8_t byte,
                                         cull_error *err)
{
    char label[CULL__OBJECT_NAME_AT] = "objects/";
    int old = atomic_load(&directory->fanout_fd[byte]);
    cull_status status;
    int fd = -1;

    CULL_ASSERT(old >= 0);
    fanout_name(label + 8, byte);
    (void)pthread_mutex_lock(&directory->lock);
    status = folder_open(directory->objects_fd, label + 8, label, true, &fd, err);
    if (status == CULL_OK && (fd < 0 || dup3(fd, old, O_CLOEXEC) < 0)) {
        status = cull__error_errno(err, errno, "%s: was removed", label);
    }
    atomic_store(&directory->fanout_synced[byte], false);
    if (fd >= 0) {
        (void)close(fd);
    }
    (void)pthread_mutex_unlock(&directory->lock);
    return status;
}

/* All folders at once. The fsync is for older kernels, whose syncfs does not tell that the
 * journal could not be written. */
static void sync_together(struct cull__directory *directory, struct cull__touched *touched,
                          cull_error *err)
{
    cull_status status = CULL_OK;

    if (syncfs(directory->objects_fd) != 0 || fsync(directory->objects_fd) != 0) {
        status = cull__error_errno(err, errno, "objects: cannot be synced");
    }
    for (size_t byte = 0; byte < CULL__FANOUTS; byte++) {
        if (touched->used[byte]) {
            touched->status[byte] = status;
            if (status == CULL_OK) {
                atomic_store(&directory->fanout_synced[byte], true);
            }
        }
    }
}

static void sync_each(struct cull__directory *directory, struct cull__touched *touched,
                      bool parent_due, cull_error *err)
{
    cull_status parent = CULL_OK;

    if (parent_due && fsync(directory->objects_fd) != 0) {
        parent = cull__error_errno(err, errno, "objects: cannot be synced");
        err = NULL; /* the first failure speaks */
    }
    for (size_t byte = 0; byte < CULL__FANOUTS; byte++) {
        char name[3];

        if (!touched->used[byte]) {
            continue;
        }
        fanout_name(name, (uint8_t)byte);
        touched->status[byte] = CULL_OK;
        if (fsync(atomic_load(&directory->fanout_fd[byte])) != 0) {
            touched->status[byte] =
                cull__error_errno(err, errno, "objects/%s: cannot be synced", name);
            err = NULL;
        } else if (!atomic_load(&directory->fanout_synced[byte])) {
            touched->status[byte] = parent;
            atomic_store(&directory->fanout_synced[byte], parent == CULL_OK);
        }
    }
}

void cull__directory_sync(struct cull__directory *directory, struct cull__touched *touched,
                          cull_error *err)
{
    bool parent_due = false;
    size_t count = 0;

    for (size_t byte = 0; byte < CULL__FANOUTS; byte++) {
        if (touched->used[byte]) {
            count++;
            parent_due |= !atomic_load(&directory->fanout_synced[byte]);
        }
    }
    if (count > SYNC_EACH_MAX) {
        sync_together(directory, touched, err);
    } else if (count > 0) {
        sync_each(directory, touched, parent_due, err);
    }
}

int cull__directory_move_new(int from_fd, const char *from, int to_fd, const char *to)
{
    if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return errno;
    }
    /* A file system without the flag: a link never replaces either. */
    if (linkat(from_fd, from, to_fd, to, 0) != 0) {
        return errno;
    }
    return unlinkat(from_fd, from, 0) == 0 ? 0 : errno;
}

static cull_status directory_stat_one(struct cull__directory *directory, const cull_object_id *id,
                                      cull_object_info *info)
{
    char path[CULL__OBJECT_PATH_MAX];
    const char *name = cull__directory_object_path(path, directory, &id->digest);
    struct stat st;
    cull_status status;
    int fd;

    *info = (cull_object_info){ 0 };
    status = cull__directory_fanout(directory, id->digest.bytes[0], false, &fd, NULL);
    if (status != CULL_OK || fd < 0) {
        return status != CULL_OK ? status : CULL_E_NOTFOUND;
    }
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? CULL_E_NOTFOUND : CULL_E_IO;
    }
    if (!S_ISREG(st.st_mode)) {
        return CULL_E_INVALID;
    }
    if (cull__directory_is_aside(&st)) {
        return CULL_E_NOTFOUND;
    }
    *info = cull__directory_info(&st);
    return CULL_OK;
}

static cull_status directory_stat_batch(cull_objects *objects, const cull_object_id *ids,
                                        size_t count, cull_object_info *info, cull_error *err)
{
    (void)err; /* each object's own status says it */
    for (size_t i = 0; i < count; i++) {
        info[i].status = directory_stat_one((struct cull__directory *)objects, &ids[i], &info[i]);
    }
    return CULL_OK;
}

/* Open an object's file; path is filled for messages. */
static cull_status object_open(struct cull__directory *directory, const cull_object_id *id,
                               char path[CULL__OBJECT_PATH_MAX], int *file_fd, cull_error *err)
{
    const char *name = cull__directory_object_path(path, directory, &id->digest);
    struct stat st;
    cull_status status;
    int fd;

    *file_fd = -1;
    status = cull__directory_fanout(directory, id->digest.bytes[0], false, &fd, err);
    if (status != CULL_OK) {
        return status;
    }
    if (fd >= 0) { /* O_NONBLOCK: a fifo in an object's place does not hold us */
        *file_fd = openat(fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    }
    if (fd < 0 || (*file_fd < 0 && errno == ENOENT)) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s: no such object", path);
    }
    if (*file_fd < 0 && errno != ELOOP && errno != ENXIO) {
        return cull__error_errno(err, errno, "%s", path);
    }
    if (*file_fd >= 0 && fstat(*file_fd, &st) != 0) {
        return cull__error_errno(err, errno, "%s", path);
    }
    if (*file_fd < 0 || !S_ISREG(st.st_mode)) {
        return cull__error_set(err, CULL_E_INVALID, "%s: is no regular file", path);
    }
    if (cull__directory_is_aside(&st)) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s: no such object", path);
    }
    return CULL_OK;
}

static cull_status directory_read(cull_objects *objects, const cull_object_id *id,
                                  cull_write_fn write, void *ctx, cull_error *err)
{
    struct cull__directory *directory = (struct cull__directory *)objects;
    struct cull__scratch *scratch = NULL;
    char path[CULL__OBJECT_PATH_MAX];
    cull_status status;
    int fd = -1;

    status = object_open(directory, id, path, &fd, err);
    if (status != CULL_OK) {
        goto done;
    }
    scratch = cull__directory_scratch(directory);
    if (scratch == NULL) {
        status = cull__error_nomem(err);
        goto done;
    }
    while (status == CULL_OK) {
        ssize_t got = read(fd, scratch->data, CULL__SCRATCH_BYTES);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            status = cull__error_errno(err, errno, "%s", path);
        }
        if (got <= 0) {
            break;
        }
        status = write(ctx, scratch->data, (size_t)got, err);
    }
done:
    if (scratch != NULL) {
        cull__directory_scratch_return(directory, scratch);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return status;
}

/* Numbers of a batch in order of their folders, each folder's as they came. */
static void delete_order(uint32_t *order, const cull_object_version *versions, size_t count)
{
    uint32_t start[CULL__FANOUTS + 1] = { 0 };

    for (size_t i = 0; i < count; i++) {
        start[versions[i].id.digest.bytes[0] + 1]++;
    }
    for (size_t byte = 0; byte < CULL__FANOUTS; byte++) {
        start[byte + 1] += start[byte];
    }
    for (size_t i = 0; i < count; i++) {
        order[start[versions[i].id.digest.bytes[0]]++] = (uint32_t)i;
    }
}

static cull_status delete_one(struct cull__directory *directory, const cull_object_id *id,
                              struct cull__touched *touched, cull_error *err)
{
    uint8_t byte = id->digest.bytes[0];
    char path[CULL__OBJECT_PATH_MAX];
    const char *name;
    cull_status status;
    int fd;

    status = cull__directory_fanout(directory, byte, false, &fd, err);
    if (status != CULL_OK || fd < 0) {
        return status;
    }
    name = cull__directory_object_path(path, directory, &id->digest);
    if (unlinkat(fd, name, 0) != 0 && errno != ENOENT) {
        return cull__error_errno(err, errno, "%s", path);
    }
    touched->used[byte] = true; /* also if it was gone: whoever took it may not have synced */
    return CULL_OK;
}

static cull_status directory_delete_batch(cull_objects *objects,
                                          const cull_object_version *versions, size_t count,
                                          cull_status *result, cull_error *err)
{
    struct cull__directory *directory = (struct cull__directory *)objects;
    struct cull__touched touched = { 0 };
    uint32_t few[ORDER_STACK_MAX];
    uint32_t *order = few;
    cull_error *first = err;

    if (count > UINT32_MAX) {
        return cull__objects_batch_fill(
            result, count, cull__error_set(err, CULL_E_LIMIT, "objects: too many in one batch"));
    }
    if (count > ORDER_STACK_MAX) {
        order = cull__alloc(directory->allocator, count, sizeof *order);
        if (order == NULL) {
            return cull__objects_batch_fill(result, count, cull__error_nomem(err));
        }
    }
    delete_order(order, versions, count);
    for (size_t at = 0; at < count; at++) {
        size_t i = order[at];

        result[i] = delete_one(directory, &versions[i].id, &touched, first);
        first = result[i] == CULL_OK ? first : NULL; /* the first failure speaks */
    }
    cull__directory_sync(directory, &touched, first);
    for (size_t i = 0; i < count; i++) {
        if (result[i] == CULL_OK) {
            result[i] = touched.status[versions[i].id.digest.bytes[0]];
        }
    }
    if (order != few) {
        cull__free(directory->allocator, order);
    }
    return cull__objects_batch_status(result, count, err);
}

static cull_late_deletes directory_late_deletes(cull_objects *objects)
{
    (void)objects;
    return CULL_LATE_IMPOSSIBLE;
}

/* By the name as it is now: whoever put a folder back made another one. */
static cull_status directory_settle(cull_objects *objects, const cull_object_id *id,
                                    cull_error *err)
{
    struct cull__directory *directory = (struct cull__directory *)objects;
    char label[CULL__OBJECT_NAME_AT] = "objects/";
    char path[CULL__OBJECT_PATH_MAX];
    const char *name = cull__directory_object_path(path, directory, &id->digest);
    cull_status status;
    int folder;
    int file;

    fanout_name(label + 8, id->digest.bytes[0]);
    status = folder_open(directory->objects_fd, label + 8, label, false, &folder, err);
    if (status != CULL_OK || folder < 0) {
        return status == CULL_OK ? CULL_E_NOTFOUND : status;
    }
    file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0 && errno == ENOENT) {
        status = CULL_E_NOTFOUND;
    } else if (file < 0 || fdatasync(file) != 0 || fsync(folder) != 0 ||
               fsync(directory->objects_fd) != 0) {
        status = cull__error_errno(err, errno, "%s: cannot be synced", path);
    }
    (void)(file < 0 ? 0 : close(file));
    (void)close(folder);
    return status;
}

/* The folder, and no file in it, which somebody may think is left over. flock belongs to the open folder,
 * so that two handles of one process exclude each other as well. Whoever moves the fan-outs into another
 * objects/ under a collector moves them out of the lock. */
static cull_status directory_lock(cull_objects *objects, bool take, cull_error *err)
{
    const struct cull__directory *directory = (const struct cull__directory *)objects;

    if (!take) {
        (void)flock(directory->objects_fd, LOCK_UN);
        return CULL_OK;
    }
    if (flock(directory->objects_fd, LOCK_EX | LOCK_NB) == 0) {
        return CULL_OK;
    }
    if (errno == EWOULDBLOCK) {
        return cull__error_set(err, CULL_E_BUSY, "objects: locked by another collector");
    }
    return cull__error_errno(err, errno, "objects: cannot be locked");
}

/* Mark the file behind fd, and give it its second name; one that came in between loses its again. */
static int set_file_aside(struct cull__directory *directory, int fd, int at_fd, const char *name,
                          const char *aside)
{
    struct stat st;
    struct stat linked;
    int code = 0;

    if (fstat(fd, &st) != 0 || fchmod(fd, (st.st_mode & 07777) | S_ISVTX) != 0 || fsync(fd) != 0) {
        return errno;
    }
    if (linkat(at_fd, name, directory->quarantine_fd, aside, 0) != 0) {
        return errno;
    }
    if (fstatat(directory->quarantine_fd, aside, &linked, AT_SYMLINK_NOFOLLOW) != 0 ||
        linked.st_ino != st.st_ino) {
        code = unlinkat(directory->quarantine_fd, aside, 0) == 0 ? ENOENT : errno;
    }
    return code;
}

/* What is no regular file is moved; a file that was published in that instant is moved back. */
static int move_aside(struct cull__directory *directory, int at_fd, const char *name,
                      const char *aside)
{
    struct stat st;
    int code = cull__directory_move_new(at_fd, name, directory->quarantine_fd, aside);

    if (code == 0 && fstatat(directory->quarantine_fd, aside, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(st.st_mode)) {
        code = cull__directory_move_new(directory->quarantine_fd, aside, at_fd, name);
        code = code == 0 || code == EEXIST ? ENOENT : code;
    }
    return code;
}

/* Is the file behind fd the one that a stat told of? */
static bool is_seen(int fd, const cull_object_info *seen)
{
    cull_object_info now;
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return false;
    }
    now = cull__directory_info(&st);
    return seen->status == CULL_OK && now.size_bytes == seen->size_bytes &&
           now.modified_ms == seen->modified_ms;
}

static cull_status directory_quarantine(cull_objects *objects, const cull_object_id *id,
                                        const cull_object_info *seen, cull_error *err)
{
    struct cull__directory *directory = (struct cull__directory *)objects;
    char path[CULL__OBJECT_PATH_MAX];
    const char *name = cull__directory_object_path(path, directory, &id->digest);
    char aside[CULL_DIGEST_HEX_MAX + 8];
    bool is_file = false;
    int file_fd = -1;
    int code = EEXIST;
    int fd;
    cull_status status = cull__directory_fanout(directory, id->digest.bytes[0], false, &fd, err);

    if (status != CULL_OK) {
        return status;
    }
    status = object_open(directory, id, path, &file_fd, err);
    is_file = status == CULL_OK;
    if (is_file && !is_seen(file_fd, seen)) {
        status = cull__error_set(err, CULL_E_NOTFOUND, "%s: another object is there now", path);
    }
    if (status != CULL_OK && status != CULL_E_INVALID) {
        goto done;
    }
    for (int turn = 0; code == EEXIST && turn < QUARANTINE_TURNS_MAX; turn++) {
        (void)snprintf(aside, sizeof aside, turn == 0 ? "%s" : "%s.%d", name, turn);
        code = is_file ? set_file_aside(directory, file_fd, fd, name, aside)
                       : move_aside(directory, fd, name, aside);
    }
    if (code == 0 && (fsync(directory->quarantine_fd) != 0 || fsync(fd) != 0)) {
        code = errno;
    }
    status = code == 0        ? CULL_OK
             : code == ENOENT ? cull__error_set(err, CULL_E_NOTFOUND, "%s: no such object", path)
                              : cull__error_errno(err, code, "%s: cannot be set aside", path);
done:
    if (file_fd >= 0) {
        (void)close(file_fd);
    }
    return status;
}

static void directory_close(cull_objects *objects)
{
    struct cull__directory *directory = (struct cull__directory *)objects;
    const int fds[] = { directory->objects_fd, directory->tmp_fd, directory->quarantine_fd,
                        directory->root_fd };

    for (size_t byte = 0; byte < CULL__FANOUTS; byte++) {
        int fd = atomic_load(&directory->fanout_fd[byte]);

        if (fd >= 0) {
            (void)close(fd);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
    while (directory->scratch != NULL) {
        struct cull__scratch *scratch = directory->scratch;

        directory->scratch = scratch->next;
        cull_hasher_free(scratch->hasher);
        cull__free(directory->allocator, scratch);
    }
    (void)pthread_mutex_destroy(&directory->lock);
    cull__free(directory->allocator, directory);
}

static const cull_objects_ops directory_ops = {
    .struct_bytes = sizeof(cull_objects_ops),
    .name = "directory",
    .list = cull__directory_list,
    .stat_batch = directory_stat_batch,
    .read = directory_read,
    .stage = cull__directory_stage,
    .publish = cull__directory_publish,
    .discard = cull__directory_discard,
    .delete_batch = directory_delete_batch,
    .late_deletes = directory_late_deletes,
    .quarantine = directory_quarantine,
    .clean_staged = cull__directory_clean_staged,
    .close = directory_close,
    .lock = directory_lock,
    .settle = directory_settle,
};

/* The store's own directory: the one path that may lead through symlinks, because the user
 * named it. */
static cull_status open_root(struct cull__directory *directory, const char *path, bool create,
                             cull_error *err)
{
    char text[CULL_PRINTABLE_MAX];
    bool made = false;

    (void)cull__printable(text, path, strlen(path));
    if (create) {
        made = mkdir(path, 0755) == 0;
        if (!made && errno != EEXIST) {
            return cull__error_errno(err, errno, "%s: cannot be made", text);
        }
    }
    directory->root_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory->root_fd < 0 && errno == ENOENT) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s: no such directory", text);
    }
    if (directory->root_fd < 0 && errno == ENOTDIR) {
        return cull__error_set(err, CULL_E_INVALID, "%s: is no directory", text);
    }
    if (directory->root_fd < 0) {
        return cull__error_errno(err, errno, "%s", text);
    }
    if (made) {
        int parent = openat(directory->root_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (parent < 0 || fsync(parent) != 0) {
            int code = errno;

            (void)(parent < 0 ? 0 : close(parent));
            return cull__error_errno(err, code, "%s: its name cannot be synced", text);
        }
        (void)close(parent);
    }
    return CULL_OK;
}

/* Those that are usually empty are made where they are missing: tools that copy a store may leave
 * them out. */
static cull_status open_folders(struct cull__directory *directory, bool create, cull_error *err)
{
    const struct {
        const char *name;
        int *fd;
        bool create;
    } folders[] = { { "objects", &directory->objects_fd, create },
                    { "tmp", &directory->tmp_fd, true },
                    { "quarantine", &directory->quarantine_fd, true } };

    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        const char *name = folders[i].name;
        cull_status status =
            folder_open(directory->root_fd, name, name, folders[i].create, folders[i].fd, err);

        if (status != CULL_OK) {
            return status;
        }
        if (*folders[i].fd < 0) {
            return cull__error_set(err, CULL_E_NOTFOUND, "%s: no such folder in the store", name);
        }
    }
    if (create && fsync(directory->root_fd) != 0) {
        return cull__error_errno(err, errno, "objects: its name cannot be synced");
    }
    return CULL_OK;
}

/* Where the handle's temporary names begin: at random, so that no two handles ever have one name, of
 * whatever process, container or day. */
static cull_status first_token(struct cull__directory *directory, cull_error *err)
{
    uint64_t token = 0;

    if (getrandom(&token, sizeof token, 0) != (ssize_t)sizeof token) {
        return cull__error_errno(err, errno, "tmp: no random name");
    }
    atomic_init(&directory->staged_count, token);
    return CULL_OK;
}

cull_status cull_objects_directory_open(cull_objects **out,
                                        const cull_objects_directory_options *options,
                                        cull_error *err)
{
    const cull_allocator *allocator =
        options->allocator != NULL ? options->allocator : cull_allocator_default();
    struct cull__directory *directory;
    cull_status status;

    *out = NULL;
    if (options->path == NULL || cull_digest_len(options->digest) == 0) {
        return cull__error_set(err, CULL_E_USAGE,
                               "object store directory: needs a path and a digest's kind");
    }
    directory = cull__alloc_zero(allocator, 1, sizeof *directory);
    if (directory == NULL) {
        return cull__error_nomem(err);
    }
    directory->base.ops = &directory_ops;
    directory->allocator = allocator;
    directory->digest = options->digest;
    directory->stage_prefix = options->stage_prefix;
    directory->root_fd = directory->objects_fd = -1;
    directory->tmp_fd = directory->quarantine_fd = -1;
    for (size_t byte = 0; byte < CULL__FANOUTS; byte++) {
        atomic_init(&directory->fanout_fd[byte], -1);
        atomic_init(&directory->fanout_synced[byte], false);
    }
    atomic_init(&directory->no_clone, false);
    (void)pthread_mutex_init(&directory->lock, NULL);
    status = first_token(directory, err);
    if (status == CULL_OK) {
        status = open_root(directory, options->path, options->create, err);
    }
    if (status == CULL_OK) {
        status = open_folders(directory, options->create, err);
    }
    if (status != CULL_OK) {
        directory_close(&directory->base);
        return status;
    }
    *out = &directory->base;
    return CULL_OK;
}
