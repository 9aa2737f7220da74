/*
 * directory_stage.c - the way of a file into a directory store: stage, then publish.
 *
 * SHAPE     stage: tmp/PREFIX-COUNTER, filled by the cheapest way that works (clone, copy in
 *           the kernel, read and write), then read back for its digest. publish: one sync of
 *           the contents, a rename each, one sync of the folders.
 * INVARIANT A name below objects/ is given only to contents that were synced before. What has the
 *           name already stays if its bytes, read again, have the digest; anything else is replaced.
 *           A result is CULL_OK only after its folder was synced, and the folder's own name. A
 *           temporary name is given once: a process that was stopped until its file was cleaned
 *           finds none, and never another's.
 * COST      stage: one copy and one read of the page cache. publish: one syncfs for a batch,
 *           an fdatasync each for one or two files; then the folders' sync. Where a name is taken,
 *           one read of what has it.
 * FAILURE   The temporary file goes, whatever fails; the object that stood there stays.
 * THREADS   Any. Names are unique by a random beginning for each handle, an atomic counter and
 *           O_EXCL: process ids are not, where containers share a store. A rename over an object
 *           leaves no instant without one, and a reader the file that it has open. A collector unlinks
 *           only what it has claimed, and a claimed blob is sent again only when it is gone; so if it
 *           meets a publisher, that is one whose lease is over, whose confirmation is refused. An
 *           object that is being set aside is known by its file, not by its name, and what was renamed
 *           over it is left alone.
 * WHY NOT   hashing on the way in: it tells what was read, not what was stored. O_TMPFILE and
 *           linkat: not on every file system, and a crash leaves nothing to look at. Keeping an
 *           object of the same size unread: it may be what an upload that was never confirmed left
 *           behind and the disk has damaged since. Replacing it unread: whoever can make two files
 *           of one MD5 could put the second in the place of the first, which others have committed.
 */
#include "object/directory_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGED_NAME_MAX 32
#define COPY_STEP_BYTES ((uint64_t)1 << 30)
#define CREATE_TURNS_MAX 48 /* each doubles the step over names that are taken */
#define SYNC_EACH_MAX 2     /* files that are synced alone, not with the whole file system */

/* "tmp/" and the name, for messages; the name alone starts at 4. */
#define STAGED_NAME_AT 4

static const char *staged_path(char path[STAGED_NAME_MAX], const struct cull__directory *directory,
                               uint64_t token)
{
    (void)snprintf(path, STAGED_NAME_MAX, "tmp/%08" PRIx32 "-%016" PRIx64, directory->stage_prefix,
                   token);
    return path + STAGED_NAME_AT;
}

/* A new temporary file. Should a name be taken after all, it is stepped over, further each time. */
static cull_status stage_create(struct cull__directory *directory, uint64_t *token, int *fd,
                                cull_error *err)
{
    char path[STAGED_NAME_MAX];
    uint64_t step = 1;

    for (int turn = 0; turn < CREATE_TURNS_MAX; turn++, step *= 2) {
        *token = atomic_fetch_add(&directory->staged_count, step) + step;
        *fd = openat(directory->tmp_fd, staged_path(path, directory, *token),
                     O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
        if (*fd >= 0) {
            return CULL_OK;
        }
        if (errno != EEXIST) {
            return cull__error_errno(err, errno, "%s", path);
        }
    }
    return cull__error_set(err, CULL_E_EXISTS, "%s: no temporary name is free", path);
}

static cull_status stage_too_long(const cull_source *source, cull_error *err)
{
    return cull__error_set(err, CULL_E_LIMIT, "source: longer than %" PRIu64 " bytes",
                           source->size_bytes_max);
}

static cull_status stage_write(int fd, uint64_t at, const uint8_t *data, size_t len,
                               const char *path, cull_error *err)
{
    while (len > 0) {
        ssize_t wrote = pwrite(fd, data, len, (off_t)at);

        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote < 0) {
            return cull__error_errno(err, errno, "%s", path);
        }
        data += wrote;
        at += (uint64_t)wrote;
        len -= (size_t)wrote;
    }
    return CULL_OK;
}

/* Copy inside the kernel. *done is how far it came, *ended whether that was the source's end;
 * what it cannot copy is left to a plain copy. So is a source that ends at once, because files of
 * /proc seem to. */
static cull_status stage_copy_kernel(int fd, const cull_source *source, uint64_t *done, bool *ended,
                                     const char *path, cull_error *err)
{
    off64_t from = 0;
    off64_t to = 0;

    for (;;) {
        uint64_t left = source->size_bytes_max - *done;
        size_t want = (size_t)(left < COPY_STEP_BYTES ? left + 1 : COPY_STEP_BYTES);
        ssize_t copied = copy_file_range(source->fd, &from, fd, &to, want, 0);

        if (copied < 0 && errno == EINTR) {
            continue;
        }
        if (copied < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
            return cull__error_errno(err, errno, "%s", path);
        }
        if (copied <= 0) {
            *ended = copied == 0 && *done > 0;
            return CULL_OK;
        }
        *done += (uint64_t)copied;
        if (*done > source->size_bytes_max) {
            return stage_too_long(source, err);
        }
    }
}

/* The next bytes of a source, from its start + done. */
static cull_status stage_read(const cull_source *source, uint64_t done, uint8_t *data, size_t len,
                              size_t *got, cull_error *err)
{
    ssize_t count;

    if (source->fd < 0) {
        return source->read(source->ctx, data, len, got, err);
    }
    do {
        count = pread(source->fd, data, len, (off_t)done);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return cull__error_errno(err, errno, "source: cannot be read");
    }
    *got = (size_t)count;
    return CULL_OK;
}

static cull_status stage_copy_plain(int fd, const cull_source *source, uint64_t done,
                                    struct cull__scratch *scratch, const char *path,
                                    cull_error *err)
{
    for (;;) {
        size_t got = 0;
        cull_status status =
            stage_read(source, done, scratch->data, CULL__SCRATCH_BYTES, &got, err);

        if (status != CULL_OK || got == 0) {
            return status;
        }
        CULL_ASSERT(got <= CULL__SCRATCH_BYTES);
        if (got > source->size_bytes_max - done) {
            return stage_too_long(source, err);
        }
        status = stage_write(fd, done, scratch->data, got, path, err);
        if (status != CULL_OK) {
            return status;
        }
        done += got;
    }
}

static cull_status stage_copy(struct cull__directory *directory, int fd, const cull_source *source,
                              struct cull__scratch *scratch, const char *path, cull_error *err)
{
    struct stat st;
    cull_status status;
    uint64_t done = 0;
    bool ended = false;

    if (source->fd >= 0) {
        if (fstat(source->fd, &st) != 0) {
            return cull__error_errno(err, errno, "source: cannot be read");
        }
        if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > source->size_bytes_max) {
            return stage_too_long(source, err);
        }
        if (!atomic_load(&directory->no_clone)) {
            if (ioctl(fd, FICLONE, source->fd) == 0) {
                return CULL_OK;
            }
            if (errno == EOPNOTSUPP || errno == ENOTTY || errno == ENOSYS) {
                atomic_store(&directory->no_clone, true);
            }
        }
        status = stage_copy_kernel(fd, source, &done, &ended, path, err);
        if (status != CULL_OK || ended) {
            return status;
        }
    }
    return stage_copy_plain(fd, source, done, scratch, path, err);
}

/* Digest and size of what lies in a file now. */
static cull_status file_digest(int fd, struct cull__scratch *scratch, cull_digest *digest,
                               uint64_t *size_bytes, const char *path, cull_error *err)
{
    cull_status status = cull_hasher_reset(scratch->hasher);
    uint64_t done = 0;

    while (status == CULL_OK) {
        ssize_t got = pread(fd, scratch->data, CULL__SCRATCH_BYTES, (off_t)done);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return cull__error_errno(err, errno, "%s: cannot be read back", path);
        }
        if (got == 0) {
            break;
        }
        done += (uint64_t)got;
        status = cull_hasher_add(scratch->hasher, scratch->data, (size_t)got);
    }
    if (status == CULL_OK) {
        status = cull_hasher_end(scratch->hasher, digest);
    }
    *size_bytes = done;
    return status == CULL_OK ? CULL_OK
                             : cull__error_set(err, status, "%s: cannot take its digest", path);
}

static cull_status stage_digest(int fd, const cull_source *source, struct cull__scratch *scratch,
                                cull_staged *staged, const char *path, cull_error *err)
{
    cull_status status = file_digest(fd, scratch, &staged->digest, &staged->size_bytes, path, err);

    if (status == CULL_OK && staged->size_bytes > source->size_bytes_max) {
        return stage_too_long(source, err); /* a source that grew while it was cloned */
    }
    return status;
}

cull_status cull__directory_stage(cull_objects *objects, const cull_source *source,
                                  cull_staged *out, cull_error *err)
{
    struct cull__directory *directory = (struct cull__directory *)objects;
    struct cull__scratch *scratch = cull__directory_scratch(directory);
    cull_staged staged = { 0 };
    char path[STAGED_NAME_MAX];
    cull_status status;
    int fd = -1;

    *out = (cull_staged){ 0 };
    if (scratch == NULL) {
        return cull__error_nomem(err);
    }
    status = stage_create(directory, &staged.token, &fd, err);
    if (status != CULL_OK) {
        goto done;
    }
    (void)staged_path(path, directory, staged.token);
    status = stage_copy(directory, fd, source, scratch, path, err);
    if (status == CULL_OK) {
        status = stage_digest(fd, source, scratch, &staged, path, err);
    }
    if (close(fd) != 0 && status == CULL_OK && errno != EINTR) {
        status = cull__error_errno(err, errno, "%s", path);
    }
    if (status != CULL_OK) {
        cull__directory_discard(objects, &staged);
        goto done;
    }
    *out = staged;
done:
    cull__directory_scratch_return(directory, scratch);
    return status;
}

void cull__directory_discard(cull_objects *objects, const cull_staged *staged)
{
    struct cull__directory *directory = (struct cull__directory *)objects;
    char path[STAGED_NAME_MAX];

    /* A file that cannot be removed is left to clean_staged. */
    (void)unlinkat(directory->tmp_fd, staged_path(path, directory, staged->token), 0);
}

static cull_status publish_sync_one(struct cull__directory *directory, const cull_staged *staged,
                                    cull_error *err)
{
    char path[STAGED_NAME_MAX];
    int fd = openat(directory->tmp_fd, staged_path(path, directory, staged->token),
                    O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int code = 0;

    if (fd < 0) {
        return errno == ENOENT
                   ? cull__error_set(err, CULL_E_NOTFOUND, "%s: no such staged file", path)
                   : cull__error_errno(err, errno, "%s", path);
    }
    if (fdatasync(fd) != 0) {
        code = errno;
    }
    (void)close(fd);
    return code == 0 ? CULL_OK : cull__error_errno(err, code, "%s: cannot be synced", path);
}

/* Contents first: result[i] is CULL_OK where the bytes of staged[i] are on the disk. */
static void publish_sync(struct cull__directory *directory, const cull_staged *staged, size_t count,
                         cull_status *result, cull_error *err)
{
    if (count > SYNC_EACH_MAX) {
        cull_status status = CULL_OK;

        if (syncfs(directory->tmp_fd) != 0) {
            status = cull__error_errno(err, errno, "tmp: cannot be synced");
        }
        (void)cull__objects_batch_fill(result, count, status);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        result[i] = publish_sync_one(directory, &staged[i], err);
        err = result[i] == CULL_OK ? err : NULL; /* the first failure speaks */
    }
}

/* Is what has the name the object, with the right bytes, on the disk? What cannot be read is not. */
static cull_status is_there(struct cull__directory *directory, int at_fd, const char *to,
                            const cull_object_id *id, uint64_t size_bytes, bool *there,
                            cull_error *err)
{
    struct cull__scratch *scratch;
    int fd = openat(at_fd, to, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    cull_digest digest;
    struct stat st;
    uint64_t bytes = 0;

    *there = false;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || cull__directory_is_aside(&st) ||
        (uint64_t)st.st_size != size_bytes) {
        (void)(fd < 0 ? 0 : close(fd));
        return CULL_OK;
    }
    scratch = cull__directory_scratch(directory);
    if (scratch == NULL) {
        (void)close(fd);
        return cull__error_nomem(err);
    }
    *there = file_digest(fd, scratch, &digest, &bytes, to, NULL) == CULL_OK &&
             bytes == size_bytes && memcmp(&digest, &id->digest, sizeof digest) == 0 &&
             fdatasync(fd) == 0;
    cull__directory_scratch_return(directory, scratch);
    (void)close(fd);
    return CULL_OK;
}

/* Give a synced file its name. What has it stays if it is right, and the new file goes; else it is
 * replaced, of a symlink the link itself. *code is what the system said. */
static cull_status publish_name(struct cull__directory *directory, const char *from, int fd,
                                const char *to, const cull_object_id *id, uint64_t size_bytes,
                                int *code, cull_error *err)
{
    cull_status status = CULL_OK;
    bool there = false;

    *code = cull__directory_move_new(directory->tmp_fd, from, fd, to);
    if (*code == EEXIST) {
        status = is_there(directory, fd, to, id, size_bytes, &there, err);
        *code = 0;
        if (status == CULL_OK && (there ? unlinkat(directory->tmp_fd, from, 0)
                                        : renameat(directory->tmp_fd, from, fd, to)) != 0) {
            *code = errno;
        }
    }
    return status;
}

static cull_status publish_one(struct cull__directory *directory, const cull_staged *staged,
                               const cull_object_id *id, struct cull__touched *touched,
                               cull_error *err)
{
    uint8_t byte = id->digest.bytes[0];
    char from_path[STAGED_NAME_MAX];
    char to_path[CULL__OBJECT_PATH_MAX];
    const char *from = staged_path(from_path, directory, staged->token);
    const char *to = cull__directory_object_path(to_path, directory, &id->digest);
    struct stat st;
    cull_status status;
    int code;
    int fd;

    status = cull__directory_fanout(directory, byte, true, &fd, err);
    if (status != CULL_OK) {
        return status;
    }
    status = publish_name(directory, from, fd, to, id, staged->size_bytes, &code, err);
    if (code == ENOENT && fstatat(directory->tmp_fd, from, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        status = cull__directory_fanout_renew(directory, byte, err);
        if (status != CULL_OK) {
            return status;
        }
        status = publish_name(directory, from, fd, to, id, staged->size_bytes, &code, err);
    }
    if (status != CULL_OK) {
        return status;
    }
    if (code == ENOENT) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s: no such staged file", from_path);
    }
    if (code != 0) {
        return cull__error_errno(err, code, "%s", to_path);
    }
    touched->used[byte] = true;
    return CULL_OK;
}

cull_status cull__directory_publish(cull_objects *objects, const cull_staged *staged,
                                    const cull_object_id *ids, size_t count, cull_status *result,
                                    cull_error *err)
{
    struct cull__directory *directory = (struct cull__directory *)objects;
    struct cull__touched touched = { 0 };
    cull_error *first = err;

    publish_sync(directory, staged, count, result, err);
    for (size_t i = 0; i < count; i++) {
        if (result[i] != CULL_OK) {
            first = NULL; /* publish_sync has told why */
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (result[i] == CULL_OK) {
            result[i] = publish_one(directory, &staged[i], &ids[i], &touched, first);
        }
        if (result[i] != CULL_OK) {
            first = NULL;
            cull__directory_discard(objects, &staged[i]);
        }
    }
    cull__directory_sync(directory, &touched, first);
    for (size_t i = 0; i < count; i++) {
        if (result[i] == CULL_OK) {
            result[i] = touched.status[ids[i].digest.bytes[0]];
        }
    }
    return cull__objects_batch_status(result, count, err);
}
