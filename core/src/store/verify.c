/*
 * verify.c - do counts, mark and fingerprints agree, as the state stands?
 *
 * SHAPE     Counts are counted again from scratch (every lifespan that a retained version crosses,
 *           every pin) and compared with those that were kept as facts came; fingerprints of all
 *           versions come from the lifespans in one pass and are compared with those that commits
 *           took from manifests. Three figures, from two sources.
 * COST      O(lifespans), 4 bytes a blob; a fingerprint hashes a digest a lifespan.
 */
#include "store/store_internal.h"

#include <stdio.h>

struct verifier {
    cull_store *store;
    cull__disagree_fn visit;
    void *ctx;
    cull_error *err;
    uint64_t found;
};

cull_status cull__keep_bits(const struct cull__collection *collection, cull__keep_fn keep,
                            void *ctx, struct cull__bits *out)
{
    cull_status status = cull__bits_resize(out, (size_t)collection->next_ordinal + 1);

    for (size_t i = 0; i < collection->version_count && status == CULL_OK; i++) {
        if (keep == NULL || keep(ctx, collection, &collection->versions[i])) {
            cull__bit_set(out->words, collection->versions[i].ordinal);
        }
    }
    return status;
}

/* Tell of a disagreement; false: stop. */
static bool tell(struct verifier *verifier, cull_finding_kind kind, const char *message)
{
    if (verifier->found++ == 0) {
        (void)cull__error_set(verifier->err, CULL_E_DAMAGED, "%s", message);
    }
    if (verifier->visit != NULL) {
        verifier->visit(verifier->ctx, kind, message);
    }
    return verifier->visit != NULL;
}

static void recount(const struct cull__index *index, uint32_t *counts, uint32_t limit)
{
    for (size_t i = 0; i < index->span_count; i++) {
        cull__mark_count(index->spans[i].spans, counts, limit);
    }
    for (size_t i = 0; i < index->pin_count; i++) {
        const struct cull__u32s *list = &index->pins[i].list;

        for (size_t j = 0; j < list->count; j++) {
            counts[list->at[j]]++;
        }
    }
}

static cull_status verify_counts(struct verifier *verifier)
{
    const struct cull__index *index = verifier->store->index;
    uint32_t limit = cull__blob_table_limit(index->blobs);
    uint32_t *counts = cull__alloc_zero(index->allocator, limit, sizeof *counts);

    if (counts == NULL) {
        return cull__error_nomem(verifier->err);
    }
    recount(index, counts, limit);
    for (uint32_t number = 0; number < limit; number++) {
        enum cull__blob_state state = cull__blob_table_state(index->blobs, number);
        uint32_t kept = cull__counts_get(index->counts, number);
        char message[160];
        char hex[CULL_DIGEST_HEX_MAX];
        cull_digest digest;

        if (kept == counts[number] &&
            (kept == 0 || state == CULL__BLOB_LIVE || state == CULL__BLOB_EXPECTED)) {
            continue;
        }
        cull__blob_table_digest(index->blobs, number, &digest);
        cull_digest_to_hex(hex, &digest, verifier->store->settings.digest);
        (void)snprintf(message, sizeof message,
                       "blob %s: its count is %u, its lifespans and pins make %u%s", hex, kept,
                       counts[number], kept == counts[number] ? ", and it is gone" : "");
        if (!tell(verifier, CULL_FOUND_COUNT, message)) {
            break;
        }
    }
    cull__free(index->allocator, counts);
    return CULL_OK;
}

/* One collection: its lifespans agree with the catalog on what is retained, and with every retained
 * version's fingerprint. */
static cull_status verify_collection(struct verifier *verifier,
                                     const struct cull__collection *collection)
{
    const struct cull__index *index = verifier->store->index;
    const struct cull__lifespans *spans = cull__index_spans(index, collection->id);
    struct cull__fingerprint *prints =
        cull__alloc_zero(index->allocator, (size_t)collection->next_ordinal + 1, sizeof *prints);
    cull_status status = prints == NULL ? CULL_E_NOMEM : CULL_OK;

    if (spans == NULL && collection->version_count == 0) { /* deleted, nothing is left */
        cull__free(index->allocator, prints);
        return CULL_OK;
    }
    if (status == CULL_OK &&
        (spans == NULL || cull__lifespans_versions(spans) != collection->next_ordinal)) {
        (void)tell(verifier, CULL_FOUND_STRUCTURE, "a collection's versions differ between rooms");
        cull__free(index->allocator, prints);
        return CULL_OK;
    }
    if (status == CULL_OK) {
        status = cull__fingerprints(spans, index->blobs, prints, index->allocator);
    }
    for (size_t i = 0; i < collection->version_count && status == CULL_OK; i++) {
        const struct cull__version *version = &collection->versions[i];
        const struct cull__fingerprint *print = &prints[version->ordinal];
        char name[CULL__VERSION_NAME_MAX];
        char message[CULL__VERSION_NAME_MAX + 160];

        if (cull__lifespans_retained(spans, version->ordinal) && print->count == version->blobs &&
            print->sum == version->sum) {
            continue;
        }
        (void)snprintf(message, sizeof message,
                       "%s: its lifespans hold %llu blobs (sum %016llx), its manifest %llu "
                       "(%016llx)",
                       cull__version_name(name, collection, version->ordinal),
                       (unsigned long long)print->count, (unsigned long long)print->sum,
                       (unsigned long long)version->blobs, (unsigned long long)version->sum);
        if (!tell(verifier, CULL_FOUND_FINGERPRINT, message)) {
            break;
        }
    }
    cull__free(index->allocator, prints);
    return status == CULL_OK
               ? CULL_OK
               : cull__error_set(verifier->err, status, "fingerprints: %s", cull_strerror(status));
}

/* The rooms' own rules. */
static cull_status verify_structures(struct verifier *verifier)
{
    const struct cull__index *index = verifier->store->index;
    const char *why = NULL;
    bool sound = cull__blob_table_valid(index->blobs, &why) &&
                 cull__counts_valid(index->counts, index->blobs, &why) &&
                 cull__catalog_valid(verifier->store->catalog, &why);

    for (size_t i = 0; i < index->span_count && sound; i++) {
        sound = cull__lifespans_valid(index->spans[i].spans, &why);
    }
    if (!sound && strcmp(why, CULL__VALID_NO_MEMORY) == 0) {
        return cull__error_nomem(verifier->err);
    }
    if (!sound) {
        (void)tell(verifier, CULL_FOUND_STRUCTURE, why);
    }
    return CULL_OK;
}

cull_status cull__verify(cull_store *store, bool fingerprints, cull__disagree_fn visit, void *ctx,
                         cull_error *err)
{
    struct verifier verifier = { store, visit, ctx, err, 0 };
    cull_status status = verify_counts(&verifier);

    if (status == CULL_OK && visit != NULL) {
        status = verify_structures(&verifier);
    }
    for (const struct cull__collection *collection = store->catalog->collections;
         collection != NULL && fingerprints && status == CULL_OK &&
         (visit != NULL || verifier.found == 0);
         collection = collection->hh_id.next) {
        status = verify_collection(&verifier, collection);
    }
    return status == CULL_OK && verifier.found > 0 ? CULL_E_DAMAGED : status;
}
