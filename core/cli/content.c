/*
 * content.c - reading a directory's files by several threads.
 *
 * SHAPE     Two passes over the same bytes: digests first, so that only what the store lacks is
 *           copied, and nothing is asked of it before every file has been read once. The second
 *           pass mostly comes from the page cache.
 * INVARIANT A digest belongs to bytes that lay in the file at one moment, as far as a file system
 *           tells: inode, size and times are the same before and after, and what is staged has the
 *           digest that was announced.
 * WHY NOT   one pass that stages everything: an unchanged tree would be copied to learn that it is.
 */
#include "content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "pool.h"
#include "signals.h"

#define READ_BYTES (256u << 10)

struct work {
    struct content *content;
    cull_store *store;   /* staging only */
    const size_t *files; /* staging only */
    cull_staged *out;
    bool *staged;
    const char *stage;
    uint64_t total_bytes;
    _Atomic uint64_t done_bytes;
    size_t total_files;
    _Atomic uint64_t done_files;
};

/* What one thread needs. */
struct reader {
    cull_hasher *hasher; /* hashing only */
    uint8_t *buffer;
    struct beneath beneath;
};

/* --- one file ------------------------------------------------------------------------------ */

static cull_status file_failed(const struct content *content, size_t file, const char *what,
                               cull_error *err)
{
    char shown[PRINTABLE_MAX];

    err->status = CULL_E_IO;
    (void)printable_path(shown, content->name, content->files.files[file].path);
    (void)snprintf(err->message, sizeof(err->message), "%s: %.*s", shown,
                   (int)(sizeof(err->message) - strlen(shown) - 3), what);
    return CULL_E_IO;
}

static cull_status file_changed(const struct content *content, size_t file, cull_error *err)
{
    return file_failed(content, file, "changed while it was read: put it again when it is at rest",
                       err);
}

/* Open a file that was listed, and see that it is the one. */
static cull_status file_open(const struct content *content, struct reader *reader, size_t file,
                             int *fd, cull_error *err)
{
    const struct walk_file *listed = &content->files.files[file];
    const char *last = listed->path;
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int dir = content->root;
    struct stat now;

    if (!content->follow) {
        dir = beneath_parent(&reader->beneath, listed->path, false, &last);
        flags |= O_NOFOLLOW;
    }
    *fd = dir < 0 ? -1 : openat(dir, last, flags);
    if (*fd < 0) {
        return errno == ENOENT || errno == ELOOP || errno == ENOTDIR
                   ? file_changed(content, file, err)
                   : file_failed(content, file, strerror(errno), err);
    }
    if (fstat(*fd, &now) != 0 || !walk_same(listed, &now)) {
        (void)close(*fd);
        *fd = -1;
        return file_changed(content, file, err);
    }
    return CULL_OK;
}

static cull_status file_hash(struct work *work, struct reader *reader, size_t file, int fd,
                             cull_error *err)
{
    struct content *content = work->content;
    cull_status status = cull_hasher_reset(reader->hasher);
    uint64_t read_bytes = 0;
    struct stat now;

    while (status == CULL_OK) {
        ssize_t got = read(fd, reader->buffer, READ_BYTES);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return file_failed(content, file, strerror(errno), err);
        }
        if (got == 0) {
            break;
        }
        status = signals_caught() != 0
                     ? CULL_E_CANCELLED
                     : cull_hasher_add(reader->hasher, reader->buffer, (size_t)got);
        read_bytes += (uint64_t)got;
        (void)atomic_fetch_add_explicit(&work->done_bytes, (uint64_t)got, memory_order_relaxed);
    }
    if (status == CULL_OK) {
        status = cull_hasher_end(reader->hasher, &content->digests[file]);
    }
    if (status == CULL_E_CANCELLED) {
        return status;
    }
    if (status != CULL_OK) {
        return file_failed(content, file, cull_strerror(status), err);
    }
    if (read_bytes != content->files.files[file].size_bytes || fstat(fd, &now) != 0 ||
        !walk_same(&content->files.files[file], &now)) {
        return file_changed(content, file, err);
    }
    return CULL_OK;
}

/* --- what threads do ----------------------------------------------------------------------- */

static cull_status hash_one(void *ctx, void *local, size_t i, cull_error *err)
{
    struct work *work = ctx;
    int fd = -1;
    cull_status status = file_open(work->content, local, i, &fd, err);

    if (status == CULL_OK) {
        status = file_hash(work, local, i, fd, err);
        (void)close(fd);
        (void)atomic_fetch_add_explicit(&work->done_files, 1, memory_order_relaxed);
    }
    return status;
}

static cull_status stage_one(void *ctx, void *local, size_t i, cull_error *err)
{
    struct work *work = ctx;
    struct content *content = work->content;
    size_t file = work->files[i];
    cull_source source = { .fd = -1, .size_bytes_max = content->files.files[file].size_bytes };
    cull_status status = file_open(content, local, file, &source.fd, err);

    if (status != CULL_OK) {
        return status;
    }
    status = cull_stage(work->store, &source, &work->out[i], err);
    (void)close(source.fd);
    if (status == CULL_E_LIMIT) {
        return file_changed(content, file, err);
    }
    if (status != CULL_OK) {
        cull_error cause = *err;

        (void)file_failed(content, file, cause.message, err);
        err->status = status;
        return status;
    }
    work->staged[i] = true;
    if (work->out[i].size_bytes != source.size_bytes_max ||
        memcmp(&work->out[i].digest, &content->digests[file], sizeof(cull_digest)) != 0) {
        return file_changed(content, file, err);
    }
    (void)atomic_fetch_add_explicit(&work->done_bytes, source.size_bytes_max, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&work->done_files, 1, memory_order_relaxed);
    return CULL_OK;
}

static void reader_free(void *local)
{
    struct reader *reader = local;

    if (reader != NULL) {
        cull_hasher_free(reader->hasher);
        beneath_release(&reader->beneath);
        free(reader->buffer);
        free(reader);
    }
}

static cull_status reader_new(void *ctx, void **local, cull_error *err)
{
    const struct work *work = ctx;
    struct reader *reader = calloc(1, sizeof(*reader));
    cull_status status = reader == NULL ? CULL_E_NOMEM : CULL_OK;

    if (reader != NULL) {
        beneath_init(&reader->beneath, work->content->root);
        *local = reader;
    }
    if (status == CULL_OK && work->store == NULL) { /* hashing */
        reader->buffer = malloc(READ_BYTES);
        status = reader->buffer == NULL ? CULL_E_NOMEM
                                        : cull_hasher_new(&reader->hasher, work->content->kind,
                                                          cull_allocator_default());
    }
    if (status != CULL_OK) {
        err->status = status;
        (void)snprintf(err->message, sizeof(err->message), "%s", cull_strerror(status));
    }
    return status;
}

static cull_status work_tick(void *ctx, cull_error *err)
{
    struct work *work = ctx;
    struct content *content = work->content;

    /* of small files the number says more than the bytes */
    if (work->total_bytes / 4096 < work->total_files) {
        content->progress->bytes = false;
        progress_update(content->progress, work->stage,
                        atomic_load_explicit(&work->done_files, memory_order_relaxed),
                        work->total_files);
    } else {
        content->progress->bytes = true;
        progress_update(content->progress, work->stage,
                        atomic_load_explicit(&work->done_bytes, memory_order_relaxed),
                        work->total_bytes);
    }
    if (signals_caught() != 0) {
        return CULL_E_CANCELLED;
    }
    return content->tick == NULL ? CULL_OK : content->tick(content->tick_ctx, err);
}

static cull_status work_run(struct work *work, size_t count,
                            cull_status (*one)(void *ctx, void *local, size_t i, cull_error *err),
                            cull_error *err)
{
    struct pool_job job = { .count = count,
                            .threads = work->content->threads,
                            .ctx = work,
                            .work = one,
                            .local_new = reader_new,
                            .local_free = reader_free,
                            .tick = work_tick };

    work->total_files = count;
    return pool_run(&job, err);
}

cull_status content_hash(struct content *content, cull_error *err)
{
    struct work work = { .content = content, .stage = "hash", .total_bytes = content->files.bytes };

    return work_run(&work, content->files.count, hash_one, err);
}

cull_status content_stage(struct content *content, cull_store *store, const size_t *files,
                          size_t count, cull_staged *out, bool *staged, cull_error *err)
{
    struct work work = { .content = content,
                         .store = store,
                         .files = files,
                         .out = out,
                         .staged = staged,
                         .stage = "store" };

    for (size_t i = 0; i < count; i++) {
        staged[i] = false;
        work.total_bytes += content->files.files[files[i]].size_bytes;
    }
    return work_run(&work, count, stage_one, err);
}
