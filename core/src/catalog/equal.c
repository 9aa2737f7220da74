/*
 * equal.c - the COMMITTED version with a given manifest digest (rule 5).
 *
 * SHAPE     Open addressing over 32-bit slots: position of the version + 1, 0 free. The digest
 *           stands in the version; its hash, seeded by the store, says where the slot is, because
 *           writers choose manifests and so could choose digests that collide.
 * INVARIANT Holds every COMMITTED version of the collection and no other; not built until asked.
 * COST      O(1) amortised; at most three quarters of the slots are used, half after growing by
 *           half: 5.3 to 8 bytes a version. A purge moves positions and drops the table.
 * FAILURE   Without memory there is no table, and finding walks the versions.
 * WHY NOT   uthash: 56 bytes a version for a handle, and another 16 for the key.
 */
#include "catalog/catalog_internal.h"

#include "base/hash.h"

static uint32_t equal_home(const struct cull__catalog *catalog,
                           const struct cull__collection *collection, const uint8_t digest[16])
{
    uint64_t hash = XXH3_64bits_withSeed(digest, 16, catalog->settings.seed);

    return (uint32_t)(((hash >> 32) * collection->equal_slots) >> 32);
}

static uint32_t equal_next(const struct cull__collection *collection, uint32_t slot)
{
    return slot + 1 == collection->equal_slots ? 0 : slot + 1;
}

static const uint8_t *digest_in(const struct cull__collection *collection, uint32_t slot)
{
    return collection->versions[collection->equal[slot] - 1].manifest_digest;
}

void cull__equal_drop(const struct cull__catalog *catalog, struct cull__collection *collection)
{
    cull__free(catalog->allocator, collection->equal);
    collection->equal = NULL;
    collection->equal_slots = collection->equal_used = 0;
}

static void equal_place(const struct cull__catalog *catalog, struct cull__collection *collection,
                        size_t position)
{
    uint32_t slot = equal_home(catalog, collection, collection->versions[position].manifest_digest);

    CULL_ASSERT(collection->equal_used < collection->equal_slots);
    while (collection->equal[slot] != 0) {
        slot = equal_next(collection, slot);
    }
    collection->equal[slot] = (uint32_t)position + 1;
    collection->equal_used++;
}

/* Half of the slots stay free. No memory: no table. */
static void equal_build(const struct cull__catalog *catalog, struct cull__collection *collection)
{
    size_t slots = 2 * (size_t)collection->committed + 2;

    cull__equal_drop(catalog, collection);
    if (slots > UINT32_MAX) {
        return;
    }
    collection->equal = cull__alloc_zero(catalog->allocator, slots, sizeof *collection->equal);
    if (collection->equal == NULL) {
        return;
    }
    collection->equal_slots = (uint32_t)slots;
    for (size_t i = 0; i < collection->version_count; i++) {
        if (collection->versions[i].state == CULL_VERSION_COMMITTED) {
            equal_place(catalog, collection, i);
        }
    }
    CULL_ASSERT(collection->equal_used == collection->committed);
}

void cull__equal_add(const struct cull__catalog *catalog, struct cull__collection *collection,
                     size_t position)
{
    if (collection->equal == NULL) {
        return;
    }
    if (((uint64_t)collection->equal_used + 1) * 4 > (uint64_t)collection->equal_slots * 3) {
        equal_build(catalog, collection); /* the version is COMMITTED: it comes with it */
        return;
    }
    equal_place(catalog, collection, position);
}

void cull__equal_remove(const struct cull__catalog *catalog, struct cull__collection *collection,
                        size_t position)
{
    uint32_t hole;
    uint32_t slot;

    if (collection->equal == NULL) {
        return;
    }
    hole = equal_home(catalog, collection, collection->versions[position].manifest_digest);
    while (collection->equal[hole] != (uint32_t)position + 1) {
        CULL_ASSERT(collection->equal[hole] != 0);
        hole = equal_next(collection, hole);
    }
    /* no run may be broken by a hole: what came past it from before it moves back into it */
    for (slot = equal_next(collection, hole); collection->equal[slot] != 0;
         slot = equal_next(collection, slot)) {
        uint32_t home = equal_home(catalog, collection, digest_in(collection, slot));
        bool stays = hole <= slot ? hole < home && home <= slot : hole < home || home <= slot;

        if (!stays) {
            collection->equal[hole] = collection->equal[slot];
            hole = slot;
        }
    }
    collection->equal[hole] = 0;
    collection->equal_used--;
}

/* Without a table: the newest first. */
static struct cull__version *equal_walk(const struct cull__collection *collection,
                                        const uint8_t digest[16])
{
    for (size_t i = collection->version_count; i > 0; i--) {
        struct cull__version *version = &collection->versions[i - 1];

        if (version->state == CULL_VERSION_COMMITTED &&
            memcmp(version->manifest_digest, digest, 16) == 0) {
            return version;
        }
    }
    return NULL;
}

struct cull__version *cull__version_equal(const struct cull__catalog *catalog,
                                          struct cull__collection *collection,
                                          const uint8_t manifest_digest[16])
{
    uint32_t newest = 0;

    if (collection->committed == 0) {
        return NULL;
    }
    if (collection->equal == NULL) {
        equal_build(catalog, collection);
    }
    if (collection->equal == NULL) {
        return equal_walk(collection, manifest_digest);
    }
    for (uint32_t slot = equal_home(catalog, collection, manifest_digest);
         collection->equal[slot] != 0; slot = equal_next(collection, slot)) {
        if (collection->equal[slot] > newest &&
            memcmp(digest_in(collection, slot), manifest_digest, 16) == 0) {
            newest = collection->equal[slot]; /* restored ones may equal newer ones */
        }
    }
    return newest == 0 ? NULL : &collection->versions[newest - 1];
}

const char *cull__equal_broken(const struct cull__catalog *catalog,
                               const struct cull__collection *collection)
{
    uint32_t used = 0;

    if (collection->equal == NULL) {
        return collection->equal_slots == 0 ? NULL : "slots without a table of equal manifests";
    }
    if (collection->equal_used != collection->committed ||
        collection->equal_used >= collection->equal_slots) {
        return "the table of equal manifests has another number of versions";
    }
    for (uint32_t slot = 0; slot < collection->equal_slots; slot++) {
        uint32_t there = collection->equal[slot];
        uint32_t from;

        if (there == 0) {
            continue;
        }
        used++;
        if (there > collection->version_count ||
            collection->versions[there - 1].state != CULL_VERSION_COMMITTED) {
            return "the table of equal manifests names a version that is not committed";
        }
        from = equal_home(catalog, collection, digest_in(collection, slot));
        while (from != slot && collection->equal[from] != 0) {
            from = equal_next(collection, from);
        }
        if (from != slot) {
            return "the table of equal manifests hides a version behind a hole";
        }
    }
    return used == collection->equal_used ? NULL : "the table of equal manifests miscounts";
}
