/*
 * pending.c - the versions that a cycle has to look at, so that it need not look at the others.
 *
 * SHAPE     A cycle may take a soft-deleted version, or one with a TTL, its own or its entity's. Each
 *           collection has a bit for every ordinal of such a version; those with any stand in a list.
 * INVARIANT A bit is set if and only if its version is there and soft-deleted or has a TTL in force,
 *           whatever the instant: what is due is for the rules to say. A change of an entity's default
 *           sets the bits of all its versions anew, which is rare, so that a cycle need not.
 * COST      A cycle looks at a bit for each ordinal of the collections in the list, and at the versions
 *           of the bits set. One bit an ordinal of those, none elsewhere.
 * FAILURE   Room is made before anything changes.
 * WHY NOT   A heap by instant: --allow-shorter-grace asks for all that are soft-deleted.
 */
#include "catalog/catalog_internal.h"

cull_status cull__pending_reserve(const struct cull__catalog *catalog,
                                  struct cull__collection *collection)
{
    collection->pending.allocator = catalog->allocator;
    return cull__bits_resize(&collection->pending, (size_t)collection->next_ordinal + 1);
}

bool cull__version_pending(const struct cull__collection *collection,
                           const struct cull__version *version)
{
    return version->state == CULL_VERSION_DELETED ||
           cull__ttl_in_force(collection, version->ttl_ms) != 0;
}

static void list_add(struct cull__catalog *catalog, struct cull__collection *collection)
{
    collection->pending_prev = NULL;
    collection->pending_next = catalog->pending;
    if (catalog->pending != NULL) {
        catalog->pending->pending_prev = collection;
    }
    catalog->pending = collection;
}

static void list_remove(struct cull__catalog *catalog, struct cull__collection *collection)
{
    if (collection->pending_prev != NULL) {
        collection->pending_prev->pending_next = collection->pending_next;
    } else {
        catalog->pending = collection->pending_next;
    }
    if (collection->pending_next != NULL) {
        collection->pending_next->pending_prev = collection->pending_prev;
    }
    collection->pending_prev = collection->pending_next = NULL;
}

void cull__pending_set(struct cull__catalog *catalog, struct cull__collection *collection,
                       uint32_t ordinal, bool pending)
{
    bool was =
        ordinal < collection->pending.count && cull__bit_get(collection->pending.words, ordinal);

    if (was == pending) {
        return;
    }
    CULL_ASSERT(ordinal < collection->pending.count);
    if (pending) {
        cull__bit_set(collection->pending.words, ordinal);
        if (collection->pending_count++ == 0) {
            list_add(catalog, collection);
        }
        return;
    }
    cull__bit_clear(collection->pending.words, ordinal);
    if (--collection->pending_count == 0) {
        list_remove(catalog, collection);
        cull__bits_release(&collection->pending);
    }
}

void cull__pending_refresh(struct cull__catalog *catalog, struct cull__collection *collection)
{
    for (size_t i = 0; i < collection->version_count; i++) {
        const struct cull__version *version = &collection->versions[i];

        cull__pending_set(catalog, collection, version->ordinal,
                          cull__version_pending(collection, version));
    }
}

uint32_t cull__pending_next(const struct cull__collection *collection, uint32_t from)
{
    return cull__bits_next(collection->pending.words, from, (uint32_t)collection->pending.count);
}

const char *cull__pending_broken(const struct cull__catalog *catalog,
                                 const struct cull__collection *collection)
{
    uint32_t count = 0;
    bool listed = collection->pending_prev != NULL
                      ? collection->pending_prev->pending_next == collection
                      : catalog->pending == collection;

    for (size_t i = 0; i < collection->version_count; i++) {
        const struct cull__version *version = &collection->versions[i];
        bool bit = version->ordinal < collection->pending.count &&
                   cull__bit_get(collection->pending.words, version->ordinal);

        if (bit != cull__version_pending(collection, version)) {
            return "a version that a cycle must look at is not noted, or another is";
        }
        count += bit;
    }
    return count == collection->pending_count && listed == (count > 0)
               ? NULL
               : "the list of collections that a cycle must look at is wrong";
}
