/*
 * directory_walk.c - what lies in a directory store: listing objects, cleaning tmp/.
 *
 * SHAPE     getdents64 into scratch memory, one folder at a time, one fstatat an entry.
 * INVARIANT Nothing but a regular file in the folder of its first byte, named by its whole
 *           digest in lower-case hex, is an object; all else is shown with no id. Symlinks are
 *           seen, never followed.
 * COST      O(entries) time, two scratch buffers of memory however large a folder is.
 * FAILURE   A folder that cannot be read ends the walk: a listing is whole or an error. A file
 *           that goes away meanwhile is left out.
 * THREADS   Any; each walk opens its folders anew, so that offsets are its own.
 * WHY NOT   readdir: its buffer comes from the C library's heap, and is an eighth of ours.
 */
#include "object/directory_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

cull_status cull__directory_walk(struct cull__directory *directory, int at_fd, const char *name,
                                 const char *label, cull__directory_entry_fn visit, void *ctx,
                                 cull_error *err)
{
    struct cull__scratch *scratch = NULL;
    cull_status status = CULL_OK;
    int fd = openat(at_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        status = cull__error_errno(err, errno, "%s", label);
        goto done;
    }
    scratch = cull__directory_scratch(directory);
    if (scratch == NULL) {
        status = cull__error_nomem(err);
        goto done;
    }
    while (status == CULL_OK) {
        ssize_t len = getdents64(fd, scratch->data, CULL__SCRATCH_BYTES);

        if (len < 0) {
            status = cull__error_errno(err, errno, "%s", label);
        }
        if (len <= 0) {
            break;
        }
        for (size_t at = 0; at < (size_t)len && status == CULL_OK;) {
            const struct dirent64 *entry = (const void *)(scratch->data + at);

            at += entry->d_reclen;
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
                status = visit(ctx, entry->d_name, entry->d_type, err);
            }
        }
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

struct list_walk {
    struct cull__directory *directory;
    cull_object_visit_fn visit;
    void *ctx;
    int fd;         /* of the folder that is walked */
    int byte;       /* its number, -1: objects/ itself */
    char path[320]; /* "objects/" or "objects/ab/", then the entry */
    size_t path_len;
};

/* True if name is the digest of an object in this folder. */
static bool list_parse(const struct list_walk *walk, const char *name, cull_object_id *id)
{
    char hex[CULL_DIGEST_HEX_MAX];

    *id = (cull_object_id){ 0 };
    if (walk->byte < 0 ||
        cull_digest_from_hex(&id->digest, walk->directory->digest, name, strlen(name)) != CULL_OK) {
        return false;
    }
    cull_digest_to_hex(hex, &id->digest, walk->directory->digest);
    return id->digest.bytes[0] == walk->byte && strcmp(hex, name) == 0;
}

static cull_status list_entry(void *ctx, const char *name, unsigned char type, cull_error *err)
{
    struct list_walk *walk = ctx;
    cull_object_info info;
    cull_object_id id;
    struct stat st;
    bool parsed;

    (void)type;
    (void)snprintf(walk->path + walk->path_len, sizeof walk->path - walk->path_len, "%s", name);
    if (fstatat(walk->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        char text[CULL_PRINTABLE_MAX];

        if (errno == ENOENT) {
            return CULL_OK;
        }
        return cull__error_errno(err, errno, "%s",
                                 cull__printable(text, walk->path, strlen(walk->path)));
    }
    if (cull__directory_is_aside(&st)) {
        return CULL_OK;
    }
    info = cull__directory_info(&st);
    parsed = S_ISREG(st.st_mode) && list_parse(walk, name, &id);
    return walk->visit(walk->ctx, walk->path, parsed ? &id : NULL, &info);
}

/* The number of a fan-out by its name, -1 if it is none. */
static int fanout_parse(const char *name)
{
    static const char digits[] = "0123456789abcdef";
    const char *high = name[0] != '\0' ? strchr(digits, name[0]) : NULL;
    const char *low = high != NULL && name[1] != '\0' ? strchr(digits, name[1]) : NULL;

    return low != NULL && name[2] == '\0' ? (int)((high - digits) * 16 + (low - digits)) : -1;
}

static cull_status list_fanout(void *ctx, const char *name, unsigned char type, cull_error *err)
{
    struct list_walk *top = ctx;
    struct list_walk walk = { .directory = top->directory,
                              .visit = top->visit,
                              .ctx = top->ctx,
                              .byte = fanout_parse(name) };
    cull_status status;
    struct stat st;

    if (type == DT_UNKNOWN && walk.byte >= 0 &&
        fstatat(top->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        type = S_ISDIR(st.st_mode) ? DT_DIR : DT_REG;
    }
    if (walk.byte < 0 || type != DT_DIR) {
        return list_entry(top, name, type, err);
    }
    walk.path_len = (size_t)snprintf(walk.path, sizeof walk.path, "objects/%s", name);
    walk.fd = openat(top->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (walk.fd < 0) {
        return cull__error_errno(err, errno, "%s", walk.path);
    }
    memcpy(walk.path + walk.path_len, "/", 2);
    walk.path_len++;
    status = cull__directory_walk(walk.directory, walk.fd, ".", walk.path, list_entry, &walk, err);
    (void)close(walk.fd);
    return status;
}

cull_status cull__directory_list(cull_objects *objects, cull_object_visit_fn visit, void *ctx,
                                 cull_error *err)
{
    struct cull__directory *directory = (struct cull__directory *)objects;
    struct list_walk walk = { .directory = directory,
                              .visit = visit,
                              .ctx = ctx,
                              .fd = directory->objects_fd,
                              .byte = -1,
                              .path = "objects/",
                              .path_len = 8 };

    return cull__directory_walk(directory, directory->objects_fd, ".", "objects", list_fanout,
                                &walk, err);
}

struct clean_walk {
    int tmp_fd;
    uint64_t before_ms;
    uint64_t count;
};

static cull_status clean_entry(void *ctx, const char *name, unsigned char type, cull_error *err)
{
    struct clean_walk *walk = ctx;
    char text[CULL_PRINTABLE_MAX];
    struct stat st;

    (void)type;
    if (fstatat(walk->tmp_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) {
            return CULL_OK;
        }
    } else if (!S_ISREG(st.st_mode) || cull__directory_info(&st).modified_ms == 0 ||
               cull__directory_info(&st).modified_ms >= walk->before_ms) {
        return CULL_OK; /* unknown age, or not ours: keep */
    } else if (unlinkat(walk->tmp_fd, name, 0) == 0) {
        walk->count++;
        return CULL_OK;
    } else if (errno == ENOENT) {
        return CULL_OK;
    }
    return cull__error_errno(err, errno, "tmp/%s", cull__printable(text, name, strlen(name)));
}

cull_status cull__directory_clean_staged(cull_objects *objects, uint64_t before_ms, uint64_t *count,
                                         cull_error *err)
{
    struct cull__directory *directory = (struct cull__directory *)objects;
    struct clean_walk walk = { directory->tmp_fd, before_ms, 0 };
    cull_status status =
        cull__directory_walk(directory, directory->tmp_fd, ".", "tmp", clean_entry, &walk, err);

    *count = walk.count;
    return status;
}
