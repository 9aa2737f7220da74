/*
 * chaos_book.h - which versions the storm has seen, and which of them must be there at its end.
 */
#ifndef CHAOS_BOOK_H
#define CHAOS_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaos_tree.h"

#define CHAOS_NAME_MAX 96

/* What is known of a version: how many deletes have begun since it was last seen, and have not been
 * refused. If there are any, it may be there or not; otherwise it must. */
struct chaos_version {
    char name[CHAOS_NAME_MAX];
    unsigned doubts;
    unsigned deletes;    /* under way */
    uint64_t changed_at; /* clock when one of them last began or ended */
};

struct chaos_book {
    struct chaos_version *versions;
    size_t count;
    size_t capacity;
    size_t due;     /* versions that must be there */
    uint64_t clock; /* grows with every beginning and end of a delete */
    int acks;       /* "name tree", a line an answer, written before it counts as known */
};

bool chaos_book_open(struct chaos_book *book, const char *acks_path);
void chaos_book_close(struct chaos_book *book);

/* A put was answered: that version holds the tree, and is there unless a delete of it has begun. */
bool chaos_book_put(struct chaos_book *book, const char *name, const struct chaos_tree *tree);
/* A random version among the newest, mostly one that must be there (due) or one that may be gone.
 * count is not 0. */
size_t chaos_book_pick(const struct chaos_book *book, struct chaos_rng *rng, bool due);
void chaos_book_delete_begins(struct chaos_book *book, size_t version);
/* Refused: it said that it has changed nothing. */
void chaos_book_delete_ends(struct chaos_book *book, size_t version, bool refused);
/* A command that began at that clock restored a version, or listed it. */
bool chaos_book_see(struct chaos_book *book, const char *name, uint64_t since);
/* Write the names of those that must be there, one a line. */
bool chaos_book_write_due(const struct chaos_book *book, const char *path);

#endif
