/*
 * catalog_load.h - what the two readers of the catalog's room share: catalog_load.c reads names and
 * the whole, version_load.c what lies in one collection. The format stands in catalog_save.c.
 */
#ifndef CULL_CATALOG_LOAD_H
#define CULL_CATALOG_LOAD_H

#include "catalog/catalog_save.h"

/* Ids that were met: a bit for each that was ever given, or a list where that takes more memory than
 * the room has bytes. */
struct cull__ids_met {
    uint64_t *bits; /* NULL: the list */
    uint64_t *list;
    size_t count;
    size_t capacity;
};

struct cull__loader {
    struct cull__cursor in;
    struct cull__catalog *catalog;
    struct cull__sealed *sealed; /* the texts are there, in any case */
    struct cull__ids_met *met;   /* NULL: all were met in an earlier pass */
    bool counts;                 /* figures of the collection, the catalog and the runs */
    bool builds;                 /* versions and aliases; else they are looked at, and left where */
                                 /* they lie */
    bool has_artifact_ids;       /* the collection that was read last */
    bool empty_text;             /* among the texts */
    bool rules;                  /* what rules_save.c writes is there, says the format */
    bool policies;               /* and so are these */
    struct cull__run *last_run;  /* versions of one run follow one another */
    struct cull__version one;    /* where nothing is built: the version being looked at */
    uint32_t *committed;         /* and the ordinals of those that aliases may name */
    size_t committed_count;
    size_t committed_capacity;
    cull_status status;
    const char *what; /* is being read */
};

/* Nothing is read after the first failure, so loops end by themselves. */
static inline bool cull__load_going(const struct cull__loader *loader)
{
    return loader->status == CULL_OK && !loader->in.failed;
}

/* Name what is read from here on, for the message. */
static inline void cull__load_now(struct cull__loader *loader, const char *what)
{
    if (cull__load_going(loader)) {
        loader->what = what;
    }
}

/* Say that something does not fit, unless it does. */
static inline bool cull__load_must(struct cull__loader *loader, bool fact)
{
    if (!fact) {
        loader->status = cull__load_going(loader) ? CULL_E_CORRUPT : loader->status;
        return false;
    }
    return cull__load_going(loader);
}

static inline bool cull__load_must_have_memory(struct cull__loader *loader, bool fact)
{
    if (!fact) {
        loader->status = cull__load_going(loader) ? CULL_E_NOMEM : loader->status;
        return false;
    }
    return cull__load_going(loader);
}

static inline bool cull__load_bool(struct cull__loader *loader)
{
    uint8_t value = cull__cursor_u8(&loader->in);

    (void)cull__load_must(loader, value <= 1);
    return value == 1;
}

/* a + the next varint, which must fit max. */
static inline uint64_t cull__load_sum(struct cull__loader *loader, uint64_t a, uint64_t max)
{
    if (!cull__load_must(loader, a <= max)) {
        return 0;
    }
    return a + cull__cursor_varint_max(&loader->in, max - a);
}

/* The next id of a kind, which nothing else in the room has. */
uint64_t cull__load_id(struct cull__loader *loader, uint64_t *last);
const char *cull__load_text(struct cull__loader *loader);
/* a before b, as strcmp on both terminated. */
bool cull__load_text_before(const char *a, size_t a_len, const char *b, size_t b_len);
/* Labels, ascending, at least one. */
void cull__load_labels(struct cull__loader *loader, struct cull__label **labels);
/* What cull__rules_save() wrote (rules_save.c). */
void cull__rules_load(struct cull__loader *loader);
/* A collection's versions and aliases, which come next. */
void cull__load_versions(struct cull__loader *loader, struct cull__collection *collection);

#endif
