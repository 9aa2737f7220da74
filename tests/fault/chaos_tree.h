/*
 * chaos_tree.h - what the storm's uploaders store: trees of a few contents, each told by its kind.
 */
#ifndef CHAOS_TREE_H
#define CHAOS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAOS_KINDS 64 /* few, so that one uploader names what another's deleter has just let go */
#define CHAOS_FILES 6  /* of a tree, at most */
#define CHAOS_TREE_TEXT_MAX ((size_t)CHAOS_FILES * 4)

/* Random numbers from a seed (splitmix64). */
struct chaos_rng {
    uint64_t state;
};
uint64_t chaos_draw(struct chaos_rng *rng, uint64_t below);

/* A tree's file NN has the content of kind[NN]. */
struct chaos_tree {
    unsigned files;
    unsigned kind[CHAOS_FILES];
};

struct chaos_tree chaos_tree_draw(struct chaos_rng *rng);
/* "kind,kind,..." */
const char *chaos_tree_text(const struct chaos_tree *tree, char text[CHAOS_TREE_TEXT_MAX]);

/* Write each kind's content to DIR/KIND. False: errno says why. */
bool chaos_contents_write(const char *dir, uint64_t seed);
/* Make DIR the tree, of symbolic links to the contents: no bytes are copied before cull does it, and
 * a hard link would change the file that another process is reading. */
bool chaos_tree_write(const struct chaos_tree *tree, const char *contents, const char *dir);

#endif
