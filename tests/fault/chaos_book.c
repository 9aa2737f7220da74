/*
 * chaos_book.c - see chaos_book.h.
 *
 * SHAPE     Versions in the order in which they were first seen. A delete that was killed may have
 *           happened or not, so from its beginning the version may be gone; a delete that was refused,
 *           busy or because another of its versions is gone, has changed nothing. Who restores a
 *           version, or sees it in a list, ends all doubt, if no delete of it was under way from then
 *           on when that command began.
 */
#include "chaos_book.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEWEST 200     /* that are picked from to be deleted */
#define NEWEST_GONE 40 /* or to be restored: who is older has been purged mostly */
#define TRIES 32

bool chaos_book_open(struct chaos_book *book, const char *acks_path)
{
    *book = (struct chaos_book){ .acks = open(acks_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                                              0644) };
    return book->acks >= 0;
}

void chaos_book_close(struct chaos_book *book)
{
    (void)close(book->acks);
    free(book->versions);
}

static struct chaos_version *find(const struct chaos_book *book, const char *name)
{
    for (size_t i = book->count; i > 0; i--) {
        if (strcmp(book->versions[i - 1].name, name) == 0) {
            return &book->versions[i - 1];
        }
    }
    return NULL;
}

static struct chaos_version *add(struct chaos_book *book, const char *name)
{
    struct chaos_version *grown = book->versions;

    if (book->count == book->capacity) {
        size_t capacity = book->capacity == 0 ? 256 : 2 * book->capacity;

        grown = realloc(book->versions, capacity * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        book->versions = grown;
        book->capacity = capacity;
    }
    grown[book->count] = (struct chaos_version){ .doubts = 0 };
    (void)snprintf(grown[book->count].name, CHAOS_NAME_MAX, "%s", name);
    book->due++;
    return &grown[book->count++];
}

bool chaos_book_put(struct chaos_book *book, const char *name, const struct chaos_tree *tree)
{
    char text[CHAOS_TREE_TEXT_MAX];

    return dprintf(book->acks, "%s %s\n", name, chaos_tree_text(tree, text)) > 0 &&
           (find(book, name) != NULL || add(book, name) != NULL);
}

size_t chaos_book_pick(const struct chaos_book *book, struct chaos_rng *rng, bool due)
{
    size_t newest = due ? NEWEST : NEWEST_GONE;
    size_t among = book->count < newest ? book->count : newest;
    size_t picked = 0;

    for (int i = 0; i < TRIES; i++) {
        picked = book->count - 1 - (size_t)chaos_draw(rng, among);
        if ((book->versions[picked].doubts == 0) == due) {
            break;
        }
    }
    return picked;
}

static void set_doubts(struct chaos_book *book, struct chaos_version *of, unsigned doubts)
{
    book->due -= of->doubts == 0;
    book->due += doubts == 0;
    of->doubts = doubts;
}

void chaos_book_delete_begins(struct chaos_book *book, size_t version)
{
    struct chaos_version *of = &book->versions[version];

    of->deletes++;
    of->changed_at = ++book->clock;
    set_doubts(book, of, of->doubts + 1);
}

void chaos_book_delete_ends(struct chaos_book *book, size_t version, bool refused)
{
    struct chaos_version *of = &book->versions[version];

    of->deletes--;
    of->changed_at = ++book->clock;
    if (refused && of->doubts > 0) {
        set_doubts(book, of, of->doubts - 1);
    }
}

bool chaos_book_see(struct chaos_book *book, const char *name, uint64_t since)
{
    struct chaos_version *of = find(book, name);

    if (of == NULL) {
        return add(book, name) != NULL;
    }
    if (of->deletes == 0 && of->changed_at <= since) {
        set_doubts(book, of, 0);
    }
    return true;
}

bool chaos_book_write_due(const struct chaos_book *book, const char *path)
{
    FILE *file = fopen(path, "w");
    bool good = file != NULL;

    for (size_t i = 0; i < book->count && good; i++) {
        good = book->versions[i].doubts > 0 || fprintf(file, "%s\n", book->versions[i].name) > 0;
    }
    return file != NULL && fclose(file) == 0 && good;
}
