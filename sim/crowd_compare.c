/*
 * crowd_compare.c - a process's own state against the witness's.
 *
 * SHAPE     Only a state that is at the log's end is compared: blobs by number (letter, incarnation,
 *           state, held or not), what versions there are and in which state, open uploads, and now
 *           and then the members of every version, from the lifespans.
 */
#include "crowd_internal.h"
#include "crowd_heap.h"

#include <inttypes.h>

#include "store/store_internal.h"

static enum witness_state state_of(enum cull__blob_state state)
{
    static const enum witness_state states[] = {
        [CULL__BLOB_FREE] = WITNESS_FREE,
        [CULL__BLOB_EXPECTED] = WITNESS_EXPECTED,
        [CULL__BLOB_LIVE] = WITNESS_LIVE,
        [CULL__BLOB_DELETING] = WITNESS_DELETING,
    };

    return states[state];
}

static void compare_blob(struct crowd *crowd, const struct cull__index *index, uint32_t number)
{
    const struct witness_blob *blob = &crowd->witness.blobs[number];
    enum witness_state state = state_of(cull__blob_table_state(index->blobs, number));
    bool held =
        number < cull__counts_limit(index->counts) && cull__counts_get(index->counts, number) > 0;
    cull_object_id id;

    if (state != blob->state || held != (blob->refs + blob->pins > 0 && state != WITNESS_FREE)) {
        witness_break(&crowd->witness,
                      "blob %" PRIu32 " is in state %d and %s; expected %d, %" PRIu32
                      " versions and %" PRIu32 " pins",
                      number, (int)state, held ? "held" : "dead", (int)blob->state, blob->refs,
                      blob->pins);
        return;
    }
    if (state != WITNESS_FREE) {
        id = cull__object_id(index, number);
        if (id.incarnation != blob->incarnation ||
            memcmp(&id.digest, &crowd->digests[blob->letter], sizeof id.digest) != 0) {
            witness_break(&crowd->witness, "blob %" PRIu32 " is not %c of incarnation %" PRIu32,
                          number, 'a' + blob->letter, blob->incarnation);
        }
    }
}

/* The lifespans that cross a version are the blobs that it was meant to hold. */
static void compare_members(struct crowd *crowd, const struct cull__index *index,
                            const struct witness_collection *in, size_t ordinal,
                            struct cull__u32s *members)
{
    const struct witness_version *version = &in->versions[ordinal];
    const struct cull__lifespans *spans = cull__index_spans(index, in->id);
    unsigned letters = witness_letters(version->letters);

    members->count = 0;
    if (spans == NULL || cull__lifespans_members(spans, (uint32_t)ordinal, members) != CULL_OK) {
        witness_break(&crowd->witness, "v%zu has no lifespans", ordinal);
        return;
    }
    for (size_t i = 0; i < members->count; i++) {
        uint32_t number = members->at[i];
        bool meant = false;

        for (size_t path = 0; path < WITNESS_PATHS; path++) {
            meant = meant || version->numbers[path] == number;
        }
        if (!meant || (letters >> crowd->witness.blobs[number].letter & 1) == 0) {
            witness_break(&crowd->witness, "v%zu holds blob %" PRIu32 ", which it was not meant to",
                          ordinal, number);
            return;
        }
        letters &= ~(1u << crowd->witness.blobs[number].letter);
    }
    if (letters != 0) {
        witness_break(&crowd->witness, "v%zu does not hold the letters %x", ordinal, letters);
    }
}

static void compare_collection(struct crowd *crowd, const cull_store *store,
                               const struct witness_collection *in, bool thorough,
                               struct cull__u32s *members)
{
    const struct cull__collection *collection = cull__collection_by_id(store->catalog, in->id);
    size_t retained = 0;

    for (size_t ordinal = 0; ordinal < in->count; ordinal++) {
        const struct witness_version *wanted = &in->versions[ordinal];
        const struct cull__version *version =
            collection == NULL ? NULL : cull__version_at(collection, (uint32_t)ordinal);

        if ((version == NULL ? CULL_VERSION_PURGED : (cull_version_state)version->state) !=
            wanted->state) {
            witness_break(&crowd->witness, "v%zu is in another state than %d", ordinal,
                          (int)wanted->state);
            return;
        }
        retained += version != NULL;
        if (version != NULL && version->ttl_ms != wanted->ttl_ms) {
            witness_break(&crowd->witness, "v%zu has a TTL of %" PRIu64 " ms; expected %" PRIu64,
                          ordinal, version->ttl_ms, wanted->ttl_ms);
        }
        if (version != NULL &&
            version->base_pins != witness_base_pins(&crowd->witness, in, ordinal, 0)) {
            witness_break(&crowd->witness, "v%zu is the base of %" PRIu32 " uploads", ordinal,
                          version->base_pins);
        }
        if (version != NULL && thorough) {
            compare_members(crowd, store->index, in, ordinal, members);
        }
    }
    if (collection != NULL && collection->version_count != retained) {
        witness_break(&crowd->witness, "a collection has versions that nobody made");
    }
}

void crowd_compare(struct crowd *crowd, struct crowd_process *process, bool thorough)
{
    const cull_store *store = process->store;
    struct cull__u32s members = CULL__U32S_INIT(crowd_heap());

    if (store->catalog == NULL || store->catalog_seq != crowd->witness.seq ||
        store->index == NULL || store->index_seq != crowd->witness.seq ||
        crowd->witness.broken[0] != '\0') {
        return;
    }
    for (uint32_t number = 0; number < cull__blob_table_limit(store->index->blobs); number++) {
        compare_blob(crowd, store->index, number % WITNESS_BLOBS_MAX);
    }
    if (store->catalog->cycles != crowd->witness.cycles ||
        HASH_COUNT(store->catalog->uploads) != crowd->witness.upload_count) {
        witness_break(&crowd->witness, "a handle has another cycle, or other open uploads");
    }
    if (crowd->settings.rules) {
        crowd_compare_rules(crowd, store);
    }
    for (size_t i = 0; i < crowd->witness.collection_count; i++) {
        compare_collection(crowd, store, &crowd->witness.collections[i], thorough, &members);
    }
    cull__u32s_release(&members);
}
