/*
 * support.c - the failing allocator and the scratch directories.
 *
 * SHAPE     Directories are remembered in a list and removed by atexit(). In fork mode each test
 *           is a process of its own: a list that another process began is not this one's.
 */
#include "support.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scratch {
    struct scratch *next;
    pid_t owner;
    char path[];
};

static struct scratch *scratch_list;
static const char *scratch_root; /* of the runner; NULL: directly below TMPDIR */

static bool must_fail(struct failing_allocator *failing)
{
    failing->calls++;
    if (failing->once) {
        return failing->calls == failing->fail_at;
    }
    return failing->fail_at != 0 && failing->calls >= failing->fail_at;
}

static void *failing_alloc(void *ctx, size_t bytes)
{
    struct failing_allocator *failing = ctx;
    void *block = must_fail(failing) ? NULL : malloc(bytes);

    failing->live += block != NULL;
    return block;
}

static void *failing_realloc(void *ctx, void *block, size_t bytes)
{
    struct failing_allocator *failing = ctx;
    void *moved = must_fail(failing) ? NULL : realloc(block, bytes);

    failing->live += block == NULL && moved != NULL;
    return moved;
}

static void failing_free(void *ctx, void *block)
{
    struct failing_allocator *failing = ctx;

    failing->live -= block != NULL;
    free(block);
}

void failing_allocator_init(struct failing_allocator *failing, uint64_t fail_at)
{
    *failing = (struct failing_allocator){
        .allocator = { failing_alloc, failing_realloc, failing_free, failing },
        .fail_at = fail_at,
    };
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

/* A test may have taken a directory's permissions away: give them back on the way down. */
static int open_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)walk;
    if ((kind == FTW_D || kind == FTW_DNR) && (info->st_mode & 0700) != 0700) {
        (void)chmod(path, 0700);
    }
    return 0;
}

void remove_tree(const char *path)
{
    (void)nftw(path, open_one, 16, FTW_PHYS);
    (void)nftw(path, remove_one, 16, FTW_PHYS | FTW_DEPTH);
}

static void remove_scratch(void)
{
    while (scratch_list != NULL) {
        struct scratch *first = scratch_list;

        scratch_list = first->next;
        if (first->owner == getpid()) {
            remove_tree(first->path);
        }
        free(first);
    }
}

static const char *scratch_parent(void)
{
    const char *parent = scratch_root != NULL ? scratch_root : getenv("TMPDIR");

    return parent != NULL && parent[0] != '\0' ? parent : "/tmp";
}

const char *scratch_dir(void)
{
    static bool registered;
    static const char name[] = "/cull-test-XXXXXX";
    const char *parent = scratch_parent();
    struct scratch *fresh = malloc(sizeof *fresh + strlen(parent) + sizeof name);

    if (fresh == NULL) {
        abort();
    }
    (void)stpcpy(stpcpy(fresh->path, parent), name);
    if (mkdtemp(fresh->path) == NULL) {
        perror(fresh->path);
        abort();
    }
    fresh->owner = getpid();
    fresh->next = scratch_list;
    scratch_list = fresh;
    if (!registered) {
        registered = true;
        (void)atexit(remove_scratch);
    }
    return fresh->path;
}

void scratch_start(void)
{
    scratch_root = scratch_dir();
}

cull_status text_source_read(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    struct text_source *source = ctx;

    (void)err;
    *got = source->piece < len ? source->piece : len;
    *got = *got < source->left ? *got : source->left;
    if (*got > 0) {
        memcpy(data, source->at, *got);
        source->at += *got;
        source->left -= *got;
    }
    return CULL_OK;
}
