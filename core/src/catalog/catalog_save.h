/*
 * catalog_save.h - what writing and reading the catalog's room share. The format stands in
 * catalog_save.c.
 */
#ifndef CULL_CATALOG_SAVE_H
#define CULL_CATALOG_SAVE_H

#include "catalog/catalog_internal.h"

/* The format is 1, and more for each part that is only there if it holds something: older programs
 * read a store that uses nothing of it. */
#define CULL__CATALOG_FORMAT 1u
#define CULL__CATALOG_RULES 1u /* rules_save.c */
#define CULL__CATALOG_POLICIES 2u

/* Flags of a version. */
enum cull__saved_flags {
    CULL__SAVED_DELETED = 1, /* deleted_ms, kept_until_ms, reason follow; else COMMITTED */
    CULL__SAVED_EXACT = 2,
    CULL__SAVED_RUN = 4,
    CULL__SAVED_TTL = 8,
    CULL__SAVED_TAGS = 16,
    CULL__SAVED_LOST = 32, /* lost aliases; DELETED only */
    CULL__SAVED_IDS = 64,  /* ids of artifacts; an older program stops at the log's reader_min */
    CULL__SAVED_ALL = 127
};

/* Least bytes of one record, for counts that are not trusted. */
#define CULL__SAVED_NAME_MIN 3
#define CULL__SAVED_VERSION_MIN 32
#define CULL__SAVED_COLLECTION_MIN 9
#define CULL__SAVED_UPLOAD_MIN 8

struct cull__numbered {
    const char *text; /* interned: compared by address */
    uint64_t number;  /* 0: not written yet */
};

struct cull__saver {
    const struct cull__catalog *catalog;
    struct cull__buf *out;
    struct cull__numbered *texts; /* by address */
    size_t text_count;
    uint64_t written;
    const struct cull__numbered *last; /* versions of one creator follow one another */
    bool rules;                        /* in format 2 */
};

/* An interned text. */
void cull__save_text(struct cull__saver *saver, const char *text);
void cull__save_labels(struct cull__saver *saver, const struct cull__label *labels);
/* The next id of a kind, which ascend from 1 on. */
void cull__save_id(struct cull__saver *saver, uint64_t *last, uint64_t id);

/* Is there anything that format 1 cannot say? */
bool cull__rules_any(const struct cull__catalog *catalog);
cull_status cull__rules_save(struct cull__saver *saver); /* rules_save.c */

#endif
