/*
 * objects_conformance.h - what every object store must do, whoever wrote it.
 *
 * A new store describes itself once and is put through all checks unchanged.
 */
#ifndef OBJECTS_CONFORMANCE_H
#define OBJECTS_CONFORMANCE_H

#include "cull/objects.h"

struct conformance_store {
    const char *name;
    /* A fresh, empty store, to be closed by the check; NULL only if allocator (never NULL) has
     * run out. Its clock, if it has one, stands at a time that is not 0. */
    cull_objects *(*make)(const struct conformance_store *store, const cull_allocator *allocator);
    cull_digest_kind digest;
    cull_versioning versioning;
    cull_late_deletes late;
};

/* Checks, numbered from 0; each is one sentence about a store. */
size_t objects_conformance_count(void);
const char *objects_conformance_name(size_t check);

/* Run one check on one store; fails the test that runs it. */
void objects_conformance_run(size_t check, const struct conformance_store *store);

#endif
