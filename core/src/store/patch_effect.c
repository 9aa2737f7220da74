/*
 * patch_effect.c - what a patch on the head closes and opens, without counting the whole manifest.
 *
 * SHAPE     Only blobs that an edit names can enter or leave. How many paths of the base hold each
 *           of them is counted in one pass over it; the edits say how many less, or more, of the new
 *           manifest do. What none held enters, what none holds any more leaves. Number and sum
 *           follow from the base's own.
 * INVARIANT The rule of a commit holds: a blob leaves only when no path of the new manifest holds
 *           it. Number and sum come from the manifests and the base's fingerprint; that the open
 *           lifespans agree with them is looked at, and used for nothing.
 * COST      O(entries) for at most EDITS_MAX edits, nearly all of them done with one byte, and
 *           O(open) states.
 * FAILURE   Whatever is not plain (a base that is not the head, references into other artifacts, a
 *           blob that is not LIVE or has another size) is left to the whole count, and to its
 *           refusals.
 */
#include "store/upload.h"

#include "manifest/manifest_internal.h"

#define EDITS_MAX 32
#define NAMED_MAX (2 * (size_t)EDITS_MAX) /* each edit may name an old blob and a new one */

/* The blobs that edits name, each once. */
struct named {
    cull_digest digest[NAMED_MAX];
    uint64_t size_bytes[NAMED_MAX]; /* CULL_SIZE_UNKNOWN: of an old one, or nobody says */
    uint32_t numbers[NAMED_MAX];
    uint32_t base_paths[NAMED_MAX]; /* that hold it */
    int moved[NAMED_MAX];           /* so many more in the new manifest */
    size_t count;
};

/* False: a reference into another artifact, whose blob is not named here, or a second size. */
static bool name_entry(struct named *named, const cull_entry *entry, uint64_t size_bytes, int moved)
{
    size_t i = 0;

    if (entry->kind != CULL_ENTRY_BLOB) {
        return entry->kind != CULL_ENTRY_ARTIFACT;
    }
    while (i < named->count &&
           memcmp(&named->digest[i], &entry->digest, sizeof entry->digest) != 0) {
        i++;
    }
    if (i == named->count) {
        named->digest[named->count] = entry->digest;
        named->size_bytes[named->count] = CULL_SIZE_UNKNOWN;
        named->base_paths[named->count] = 0;
        named->moved[named->count++] = 0;
    }
    named->moved[i] += moved;
    if (size_bytes != CULL_SIZE_UNKNOWN) {
        if (named->size_bytes[i] != CULL_SIZE_UNKNOWN && named->size_bytes[i] != size_bytes) {
            return false;
        }
        named->size_bytes[i] = size_bytes;
    }
    return true;
}

static bool name_all(struct named *named, const cull_manifest *base,
                     const cull_manifest_patch *patch)
{
    size_t count = cull_manifest_patch_count(patch);

    named->count = 0;
    for (size_t i = 0; i < count; i++) {
        cull_entry edit;
        cull_entry old;

        cull_manifest_patch_at(patch, i, &edit);
        if (!name_entry(named, &edit, edit.size_bytes, 1) ||
            (cull_manifest_find(base, edit.path, &old) &&
             !name_entry(named, &old, CULL_SIZE_UNKNOWN, -1))) {
            return false;
        }
    }
    return true;
}

static bool in_next(const struct named *named, size_t i)
{
    CULL_ASSERT(named->moved[i] >= 0 || named->base_paths[i] >= 0u - (unsigned)named->moved[i]);
    return named->base_paths[i] + (unsigned)named->moved[i] > 0;
}

/* The sizes that are said are the known ones, and what the new manifest holds may be held. */
static bool all_there(const cull_store *store, const struct named *named)
{
    const struct cull__blob_table *table = store->index->blobs;

    for (size_t i = 0; i < named->count; i++) {
        uint64_t known_bytes;

        if (named->numbers[i] == CULL__BLOB_NONE ||
            (in_next(named, i) && !cull__upload_may_hold(store, named->numbers[i]))) {
            return false;
        }
        known_bytes = cull__blob_table_size(table, named->numbers[i]);
        if (named->size_bytes[i] != CULL_SIZE_UNKNOWN && named->size_bytes[i] != known_bytes) {
            return false;
        }
    }
    return true;
}

static bool holds_number(const struct cull__u32s *numbers, uint32_t number)
{
    for (size_t i = 0; i < numbers->count; i++) {
        if (numbers->at[i] == number) {
            return true;
        }
    }
    return false;
}

/* The head's lifespans are the base's blobs, each LIVE, those that leave among them and those that
 * enter not. */
static bool open_agree(const struct cull__lifespans *spans, const struct cull__blob_table *table,
                       uint64_t base_blobs, const struct cull__patch_effect *effect)
{
    size_t count;
    const uint32_t *open = cull__lifespans_open(spans, &count);
    size_t leaving = 0;

    for (size_t i = 0; i < count; i++) {
        if (cull__blob_table_state(table, open[i]) != CULL__BLOB_LIVE ||
            holds_number(&effect->opened, open[i])) {
            return false;
        }
        leaving += holds_number(&effect->closed, open[i]);
    }
    return count == base_blobs && leaving == effect->closed.count;
}

/* Sort who enters from who leaves. */
static cull_status sort_out(const cull_store *store, const struct named *named,
                            struct cull__patch_effect *effect)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; i < named->count && status == CULL_OK; i++) {
        uint64_t hash =
            cull__digest_hash(&named->digest[i], store->settings.digest, store->settings.seed);
        bool enters = named->base_paths[i] == 0 && in_next(named, i);
        bool leaves = named->base_paths[i] > 0 && !in_next(named, i);
        struct cull__u32s *list = enters ? &effect->opened : &effect->closed;

        if ((enters || leaves) && !holds_number(list, named->numbers[i])) {
            status = cull__u32s_push(list, named->numbers[i]);
            effect->sum += enters ? hash : 0 - hash;
            effect->blobs += enters ? 1u : UINT64_MAX;
        }
    }
    if (status == CULL_OK) {
        (void)cull__numbers_unique(&effect->closed);
        (void)cull__numbers_unique(&effect->opened);
    }
    return status;
}

cull_status cull__patch_effect(const cull_upload *upload, const cull_manifest *base,
                               const cull_manifest_patch *patch, struct cull__patch_effect *effect,
                               bool *plain)
{
    const cull_store *store = upload->store;
    const struct cull__collection *collection =
        cull__collection_by_id(store->catalog, upload->collection);
    const struct cull__version *version =
        collection == NULL ? NULL : cull__version_at(collection, upload->base);
    const struct cull__lifespans *spans = cull__index_spans(store->index, upload->collection);
    struct named named;
    cull_status status;

    *plain = false;
    effect->closed.count = effect->opened.count = 0;
    if (version == NULL || spans == NULL || collection->next_ordinal != upload->base + 1 ||
        cull__lifespans_versions(spans) != collection->next_ordinal ||
        cull_manifest_patch_count(patch) > EDITS_MAX || !name_all(&named, base, patch) ||
        !cull__manifest_count_paths(base, named.digest, named.count, named.base_paths)) {
        return CULL_OK;
    }
    status = cull__blob_table_find(store->index->blobs, named.digest, named.count, named.numbers);
    if (status != CULL_OK || !all_there(store, &named)) {
        return status;
    }
    effect->blobs = version->blobs;
    effect->sum = version->sum;
    status = sort_out(store, &named, effect);
    *plain = status == CULL_OK && open_agree(spans, store->index->blobs, version->blobs, effect);
    return status;
}
