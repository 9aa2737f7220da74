/*
 * chaos_tree.c - see chaos_tree.h.
 *
 * SHAPE     A content of kind k has bytes drawn from seed and kind, from 1 to 160 KiB: large enough
 *           that staging a tree takes a while, in which its process may be killed or stopped.
 */
#include "chaos_tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 4096
#define KIB 1024

uint64_t chaos_draw(struct chaos_rng *rng, uint64_t below)
{
    uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return z % below;
}

struct chaos_tree chaos_tree_draw(struct chaos_rng *rng)
{
    struct chaos_tree tree = { .files = 1 + (unsigned)chaos_draw(rng, CHAOS_FILES) };

    for (unsigned i = 0; i < tree.files; i++) {
        tree.kind[i] = (unsigned)chaos_draw(rng, CHAOS_KINDS);
    }
    return tree;
}

const char *chaos_tree_text(const struct chaos_tree *tree, char text[CHAOS_TREE_TEXT_MAX])
{
    size_t len = 0;

    for (unsigned i = 0; i < tree->files; i++) {
        len += (size_t)snprintf(text + len, CHAOS_TREE_TEXT_MAX - len, "%s%u", i == 0 ? "" : ",",
                                tree->kind[i]);
    }
    return text;
}

static bool content_write(const char *path, struct chaos_rng rng)
{
    FILE *file = fopen(path, "w");
    uint64_t words = (1 + chaos_draw(&rng, 160)) * KIB / sizeof(uint64_t);
    bool good = file != NULL;

    for (uint64_t i = 0; i < words && good; i++) {
        uint64_t word = chaos_draw(&rng, UINT64_MAX);

        good = fwrite(&word, sizeof word, 1, file) == 1;
    }
    return file != NULL && fclose(file) == 0 && good;
}

bool chaos_contents_write(const char *dir, uint64_t seed)
{
    for (unsigned kind = 0; kind < CHAOS_KINDS; kind++) {
        char path[PATH_BYTES];

        (void)snprintf(path, sizeof path, "%s/%u", dir, kind);
        if (!content_write(path, (struct chaos_rng){ seed * CHAOS_KINDS + kind })) {
            return false;
        }
    }
    return true;
}

/* The files of the tree before. */
static bool tree_clear(const char *dir)
{
    DIR *open = opendir(dir);
    const struct dirent *entry;
    bool good = true;

    if (open == NULL) {
        return errno == ENOENT && mkdir(dir, 0755) == 0;
    }
    while ((entry = readdir(open)) != NULL) {
        if (entry->d_name[0] != '.') {
            good = unlinkat(dirfd(open), entry->d_name, 0) == 0 && good;
        }
    }
    (void)closedir(open);
    return good;
}

bool chaos_tree_write(const struct chaos_tree *tree, const char *contents, const char *dir)
{
    if (!tree_clear(dir)) {
        return false;
    }
    for (unsigned i = 0; i < tree->files; i++) {
        char from[PATH_BYTES];
        char to[PATH_BYTES];

        (void)snprintf(from, sizeof from, "%s/%u", contents, tree->kind[i]);
        (void)snprintf(to, sizeof to, "%s/%02u", dir, i);
        if (symlink(from, to) != 0) {
            return false;
        }
    }
    return true;
}
