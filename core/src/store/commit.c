/*
 * commit.c - from a manifest to the next version.
 *
 * SHAPE     The new manifest (given whole, or the base's with a patch's edits) names digests;
 *           they become numbers; what the collection's open lifespans and these differ in is what
 *           the commit closes and opens. A patch goes the same way: the base need not be the head,
 *           and a blob leaves only when no path of the *new* manifest holds it.
 *           A small patch on the head has a shorter way to the same answer (patch_effect.c).
 * INVARIANT Every blob of a committed version is LIVE in the state that the commit was appended to,
 *           or made so by the facts before it in the same append (where no objects are kept).
 *           Number and hash sum (the fingerprint) come from the manifest, not from lifespans.
 * COST      O(entries + open lifespans). Entries are looked at in batches: beyond the manifest, which
 *           may lie in a scratch file, memory is 4 bytes for each distinct blob, and 4 for each of up
 *           to 2^24 entries, which are kept until the next one comes.
 * FAILURE   Refused whole, with the list of what to send again. A stored manifest that is damaged
 *           keeps nobody from committing: nothing is built on it, the new one is stored in full. And
 *           when all of its version is committed again, by digest, fingerprint and number of entries,
 *           it is stored anew: who puts the same files heals it, as with a blob. Lifespans hold the
 *           version's blobs meanwhile, so no cycle takes any; its paths stand nowhere else, which is
 *           why no repair can make them up.
 */
#include "store/upload.h"

#include <stdlib.h>

#include "manifest/manifest_internal.h"
#include "store/reference.h"
#include "store/sizes.h"

#define DESCRIPTION_BYTES_MAX (64u << 10)
#define METADATA_BYTES_MAX (1u << 20)
#define WANTED_BATCH 512       /* digests looked up at once */
#define GUESSES_MAX (1u << 24) /* entries whose blobs' numbers are kept for the next manifest */
#define SIZES_BATCH (1u << 19) /* sizes learned with a commit; more go before it */

/* A blob that an entry names. */
struct wanted {
    cull_blob_ref blob;
    size_t entry;
    bool is_own; /* not that of a file that it refers to */
};

struct commit_ctx {
    cull_upload *upload;
    const cull_commit_options *options;
    cull_manifest *manifest; /* the new one */
    cull_manifest *base;     /* that a patch was applied to; NULL */
    cull_digest manifest_digest;
    bool digest_known;     /* from the patch's note */
    struct wanted *wanted; /* a batch of its entries' blobs, with duplicates */
    size_t wanted_count;
    size_t entry;                     /* that is being looked at */
    struct cull__guesses guesses;     /* from the collection's last whole manifest */
    struct cull__u32s found;          /* numbers of this one's, in the order of the entries */
    struct cull__u32s members;        /* distinct numbers of blobs that are there */
    struct cull__patch_effect effect; /* what the commit closes and opens, and its fingerprint */
    cull_digest *missing;
    size_t missing_count;
    size_t missing_capacity;
    bool contradicts; /* a blob is stated with another size than it is known with: the first such */
    struct wanted stated;
    uint64_t known_bytes;
    struct cull__sizes sizes;  /* that the manifest says and nobody knew */
    struct cull__u32s unsized; /* blobs of entries without a size, which nobody knew either */
    uint64_t filled_bytes;     /* sizes of such entries that are known */
    size_t filled_count;
    uint64_t size_bytes; /* of the version */
    bool size_exact;
    bool again; /* there are more sizes to learn than one append should hold */
    char artifact_id[CULL_ARTIFACT_ID_MAX];  /* "": none */
    struct cull__follower follower;          /* of references */
    struct cull__manifest_document document; /* the stored manifest */
    bool document_is_full;
    struct cull__buf notes;
    struct cull__document documents[2];
    cull_commit_result result;
};

/* --- which blobs ---------------------------------------------------------------------------- */

/* Note a blob that has no object; the list is sorted in the end. */
static cull_status miss(struct commit_ctx *commit, const cull_digest *digest)
{
    void *missing = commit->missing;
    cull_status status =
        cull__reserve(commit->upload->store->allocator, &missing, &commit->missing_capacity,
                      commit->missing_count + 1, sizeof *commit->missing);

    commit->missing = missing;
    if (status == CULL_OK) {
        commit->missing[commit->missing_count++] = *digest;
    }
    return status;
}

/* What an entry says of its blob's size, and what is known of it. */
static cull_status note_size(struct commit_ctx *commit, const struct wanted *wanted,
                             uint32_t number)
{
    const struct cull__index *index = commit->upload->store->index;
    uint64_t known_bytes = cull__blob_table_size(index->blobs, number);
    uint64_t size_bytes = wanted->blob.size_bytes;

    if (size_bytes == known_bytes && known_bytes != CULL_SIZE_UNKNOWN) {
        return CULL_OK;
    }
    if (size_bytes != CULL_SIZE_UNKNOWN && cull__index_takes_size(index, number)) {
        return cull__sizes_learn(&commit->sizes, index, number, size_bytes, wanted->entry);
    }
    if (size_bytes != CULL_SIZE_UNKNOWN) {
        commit->stated = commit->contradicts ? commit->stated : *wanted;
        commit->known_bytes = commit->contradicts ? commit->known_bytes : known_bytes;
        commit->contradicts = true;
    } else if (wanted->is_own && known_bytes == CULL_SIZE_UNKNOWN) {
        return cull__u32s_push(&commit->unsized, number);
    } else if (wanted->is_own) {
        commit->filled_bytes = cull__sum_saturated(commit->filled_bytes, known_bytes);
        commit->filled_count++;
    }
    return CULL_OK;
}

/* A blob that may be held: a member, and its bit is set in the index's scratch. */
static cull_status add_member(struct commit_ctx *commit, const struct wanted *wanted,
                              uint32_t number)
{
    const cull_store *store = commit->upload->store;
    const cull_blob_ref *blob = &wanted->blob;
    uint64_t *bits = store->index->scratch.words;
    cull_status status = note_size(commit, wanted, number);

    if (status != CULL_OK || cull__bit_get(bits, number)) {
        return status;
    }
    if (cull__u32s_push(&commit->members, number) != CULL_OK) {
        return CULL_E_NOMEM;
    }
    cull__bit_set(bits, number);
    commit->effect.sum +=
        cull__digest_hash(&blob->digest, store->settings.digest, store->settings.seed);
    return CULL_OK;
}

/* What the batch's numbers are, for the manifest that comes after this one. */
static cull_status note_found(struct commit_ctx *commit, const uint32_t *numbers)
{
    size_t count = commit->wanted_count;
    struct cull__u32s *found = &commit->found;

    if (count == 0 || found->count + count > GUESSES_MAX) {
        return CULL_OK;
    }
    if (cull__u32s_reserve(found, count) != CULL_OK) {
        return CULL_E_NOMEM;
    }
    memcpy(found->at + found->count, numbers, count * sizeof *numbers);
    found->count += count;
    return CULL_OK;
}

/* The next whole manifest of the collection will name mostly what this one does. */
static void keep_found(struct commit_ctx *commit)
{
    struct cull__index *index = commit->upload->store->index;
    struct cull__u32s before = index->last;

    index->last = commit->found;
    index->last_collection = commit->upload->collection;
    commit->found = before;
    commit->guesses = (struct cull__guesses){ 0 };
}

/* Look up the batch: which of it may be held, and which are missing. */
static cull_status find_wanted(struct commit_ctx *commit)
{
    struct cull__blob_table *table = commit->upload->store->index->blobs;
    cull_digest digests[WANTED_BATCH];
    uint32_t numbers[WANTED_BATCH];
    cull_status status;

    for (size_t i = 0; i < commit->wanted_count; i++) {
        digests[i] = commit->wanted[i].blob.digest;
    }
    status = cull__blob_table_find_guessed(table, digests, commit->wanted_count, &commit->guesses,
                                           numbers);
    if (status == CULL_OK) {
        status = note_found(commit, numbers);
    }
    for (size_t i = 0; i < commit->wanted_count && status == CULL_OK; i++) {
        bool is_there = numbers[i] != CULL__BLOB_NONE &&
                        cull__upload_may_hold(commit->upload->store, numbers[i]);

        status = is_there ? add_member(commit, &commit->wanted[i], numbers[i])
                          : miss(commit, &digests[i]);
    }
    commit->wanted_count = 0;
    return status;
}

static cull_status want(struct commit_ctx *commit, const cull_digest *digest, uint64_t size_bytes,
                        bool is_own)
{
    commit->wanted[commit->wanted_count++] =
        (struct wanted){ { *digest, size_bytes }, commit->entry, is_own };
    return commit->wanted_count < WANTED_BATCH ? CULL_OK : find_wanted(commit);
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(cull_digest));
}

/* Digests of blobs that are not LIVE, each once, ascending. */
static void sort_missing(struct commit_ctx *commit)
{
    size_t kept = 0;

    if (commit->missing_count > 1) {
        qsort(commit->missing, commit->missing_count, sizeof *commit->missing, compare_digests);
    }
    for (size_t i = 0; i < commit->missing_count; i++) {
        if (i == 0 || compare_digests(&commit->missing[i], &commit->missing[kept - 1]) != 0) {
            commit->missing[kept++] = commit->missing[i];
        }
    }
    commit->missing_count = kept;
}

static cull_status want_entry(struct commit_ctx *commit, const cull_entry *entry, cull_error *err)
{
    cull_status status = CULL_OK;

    if (entry->kind == CULL_ENTRY_BLOB) {
        if (want(commit, &entry->digest, entry->size_bytes, true) != CULL_OK) {
            status = cull__error_nomem(err);
        }
    } else if (entry->kind == CULL_ENTRY_ARTIFACT) {
        cull_blob_ref blob;

        status = cull__reference_follow(&commit->follower, entry, &blob, err);
        if (status == CULL_OK && want(commit, &blob.digest, blob.size_bytes, false) != CULL_OK) {
            status = cull__error_nomem(err);
        }
        if (status == CULL_E_NOTFOUND && commit->options->allow_unresolved) {
            status = CULL_OK; /* it keeps nothing alive, as any other reference */
        }
    }
    return status;
}

/* Which blobs the version will hold, each once; their hash sum; and which are missing. */
static cull_status want_all(struct commit_ctx *commit, cull_error *err)
{
    struct cull__index *index = commit->upload->store->index;
    size_t count = cull_manifest_count(commit->manifest);
    cull_status status = cull__index_scratch(index) == CULL_OK ? CULL_OK : cull__error_nomem(err);

    commit->wanted_count = commit->members.count = commit->missing_count = 0;
    commit->found.count = 0;
    commit->guesses = (struct cull__guesses){ .numbers = index->last.at };
    if (index->last_collection == commit->upload->collection) {
        commit->guesses.count = index->last.count;
    }
    commit->sizes.count = commit->unsized.count = commit->filled_count = 0;
    commit->filled_bytes = 0;
    commit->contradicts = false;
    commit->effect.sum = 0;
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        cull_entry entry;

        cull_manifest_at(commit->manifest, i, &entry);
        commit->entry = i;
        status = want_entry(commit, &entry, err);
    }
    if (status == CULL_OK && find_wanted(commit) != CULL_OK) {
        status = cull__error_nomem(err);
    }
    if (status == CULL_OK) {
        status = cull_manifest_check(commit->manifest, err);
    }
    for (size_t i = 0; i < commit->members.count; i++) {
        cull__bit_clear(index->scratch.words, commit->members.at[i]);
    }
    commit->effect.blobs = commit->members.count;
    sort_missing(commit);
    return status;
}

/* The version's size: what its manifest says, and what else is known of its blobs. */
static void add_up_sizes(struct commit_ctx *commit)
{
    for (size_t i = 0; i < commit->unsized.count; i++) {
        const struct cull__size_row *row = cull__sizes_find(&commit->sizes, commit->unsized.at[i]);

        if (row != NULL) {
            commit->filled_bytes = cull__sum_saturated(commit->filled_bytes, row->size_bytes);
            commit->filled_count++;
        }
    }
    commit->size_bytes =
        cull__sum_saturated(cull_manifest_size_bytes(commit->manifest, NULL), commit->filled_bytes);
    commit->size_exact = commit->filled_count == commit->manifest->unknown_count;
}

/* No blob is stated with another size than it is known with, or with two, or with one that is too
 * much. */
static cull_status check_sizes(struct commit_ctx *commit, cull_error *err)
{
    const cull_store *store = commit->upload->store;
    const struct cull__size_row *two = cull__sizes_settle(&commit->sizes, store->index);
    const struct cull__size_row *over = NULL;
    char shown[CULL_PRINTABLE_MAX];
    char hex[CULL_DIGEST_HEX_MAX];
    uint64_t total_bytes;
    cull_entry entry;

    if (two == NULL && !commit->contradicts) {
        add_up_sizes(commit);
        over = cull__sizes_overflow(&commit->sizes, store->index->blobs, &total_bytes);
        if (over == NULL) {
            return CULL_OK;
        }
    }
    cull_manifest_at(commit->manifest,
                     two != NULL    ? two[1].entry
                     : over != NULL ? over->entry
                                    : commit->stated.entry,
                     &entry);
    (void)cull__printable(shown, entry.path, entry.path_len);
    if (over != NULL) {
        return cull__error_set(err, CULL_E_INVALID, "%.300s: sum of sizes overflows", shown);
    }
    if (two != NULL) {
        return cull__error_set(
            err, CULL_E_INVALID, "%.300s: has %llu bytes, and another file of the same digest %llu",
            shown, (unsigned long long)two[1].size_bytes, (unsigned long long)two->size_bytes);
    }
    cull_digest_to_hex(hex, &commit->stated.blob.digest, store->settings.digest);
    return cull__error_set(err, CULL_E_INVALID,
                           "%.300s: blob %s: known with %llu bytes, the manifest says %llu", shown,
                           hex, (unsigned long long)commit->known_bytes,
                           (unsigned long long)commit->stated.blob.size_bytes);
}

/* What the commit closes and opens. */
static cull_status compute_difference(struct commit_ctx *commit, cull_error *err)
{
    struct cull__index *index = commit->upload->store->index;
    const struct cull__lifespans *spans = cull__index_spans(index, commit->upload->collection);
    cull_status status = CULL_OK;

    if (cull__index_scratch(index) != CULL_OK) {
        return cull__error_nomem(err);
    }
    for (size_t i = 0; i < commit->members.count; i++) {
        cull__bit_set(index->scratch.words, commit->members.at[i]);
    }
    commit->effect.closed.count = commit->effect.opened.count = 0;
    if (cull__lifespans_diff(spans, index->scratch.words, index->scratch.count, commit->members.at,
                             commit->members.count, &commit->effect.closed,
                             &commit->effect.opened) != CULL_OK) {
        status = cull__error_nomem(err);
    }
    return status;
}

/* --- facts and documents ---------------------------------------------------------------------- */

/* The manifest of the version before, to build on; NULL if it is gone or cannot be had. */
static cull_status load_previous(struct commit_ctx *commit, uint32_t ordinal, cull_manifest **out,
                                 cull_error *err)
{
    cull_error why = { CULL_OK, "" };
    cull_status status = cull__manifest_load(commit->upload->store, commit->upload->collection,
                                             ordinal - 1, true, out, &why);

    if (status == CULL_E_CORRUPT || status == CULL_E_DAMAGED) {
        return CULL_OK;
    }
    return status == CULL_OK ? CULL_OK : cull__error_set(err, status, "%s", why.message);
}

/* The stored form: a patch on the version before, a full manifest where a chain begins (chain.c), or
 * the one before is gone or damaged. */
static cull_status encode_manifest(struct commit_ctx *commit, uint32_t ordinal, cull_error *err)
{
    bool chain_start = ordinal % CULL__MANIFEST_FULL_EVERY == 0;
    bool base_is_previous = commit->base != NULL && ordinal == commit->upload->base + 1;
    cull_manifest *loaded = NULL;
    cull_status status = CULL_OK;

    if (chain_start) {
        status = cull__chain_due(commit->upload->store, commit->upload->collection, ordinal,
                                 &chain_start, err);
    }
    if (status == CULL_OK && !chain_start && !base_is_previous) {
        status = load_previous(commit, ordinal, &loaded, err);
    }
    cull__manifest_document_release(&commit->document);
    if (commit->options->patch != NULL) { /* it is ours, and a base of patches to come */
        cull__manifest_learn_sum(commit->manifest);
    }
    if (status == CULL_OK) { /* a base is pinned, so its documents are there to build on */
        const cull_store *store = commit->upload->store;
        bool patched = !chain_start && base_is_previous;

        commit->document_is_full = !patched && loaded == NULL;
        status = cull__manifest_encode_in(&commit->document, patched ? commit->base : loaded,
                                          commit->manifest, patched ? commit->options->patch : NULL,
                                          store->scratch_files, store->allocator, err);
    }
    cull_manifest_free(loaded);
    return status;
}

static cull_status read_document(void *ctx, uint64_t at, void *data, size_t len, cull_error *err)
{
    return cull__manifest_document_read(ctx, at, data, len, err);
}

/* Also when there are none: a version without this document is damaged, not silent. */
static void encode_notes(struct commit_ctx *commit)
{
    const cull_commit_options *options = commit->options;
    const char *description = options->description == NULL ? "" : options->description;
    const char *metadata = options->metadata == NULL ? "" : options->metadata;

    cull__buf_clear(&commit->notes);
    cull__buf_text(&commit->notes, description, strlen(description));
    cull__buf_text(&commit->notes, metadata, strlen(metadata));
}

/* The manifest as it was encoded is a version's document with the append. */
static void attach_manifest(struct commit_ctx *commit, struct cull__txn *txn, uint32_t ordinal)
{
    commit->documents[0] =
        (struct cull__document){ .id = cull__manifest_document(commit->upload->collection, ordinal),
                                 .data = commit->document.bytes.data,
                                 .len = (size_t)commit->document.len,
                                 .read = commit->document.fd >= 0 ? read_document : NULL,
                                 .ctx = &commit->document };
    txn->documents = commit->documents;
    txn->document_count = 1;
}

static cull_status attach_documents(struct commit_ctx *commit, struct cull__txn *txn,
                                    uint32_t ordinal, cull_error *err)
{
    cull_status status = encode_manifest(commit, ordinal, err);

    encode_notes(commit);
    if (status != CULL_OK || commit->notes.failed) {
        return status != CULL_OK ? status : cull__error_nomem(err);
    }
    attach_manifest(commit, txn, ordinal);
    commit->documents[1] =
        (struct cull__document){ .id = cull__notes_document(commit->upload->collection, ordinal),
                                 .data = commit->notes.data,
                                 .len = commit->notes.len };
    txn->document_count = 2;
    return CULL_OK;
}

/* An equal version whose document, or one that it is built on, is damaged: the manifest that is
 * committed again is the one that was lost, and takes its place, in full. Patches that were built on
 * it are on the same manifest still. One that a patch makes is not looked at: it was made from what
 * could be read, and an import of many equal commits would look at as many chains. */
static cull_status heal_manifest(struct commit_ctx *commit, struct cull__txn *txn, uint32_t ordinal,
                                 cull_error *err)
{
    cull_store *store = txn->store;
    bool is_whole = true;
    cull_status status = CULL_OK;

    if (commit->options->patch == NULL) {
        status = cull__chain_is_whole(store, commit->upload->collection, ordinal, &is_whole, err);
    }
    if (status != CULL_OK || is_whole) {
        return status;
    }
    cull__manifest_document_release(&commit->document);
    status = cull__manifest_encode_in(&commit->document, NULL, commit->manifest, NULL,
                                      store->scratch_files, store->allocator, err);
    if (status == CULL_OK) {
        attach_manifest(commit, txn, ordinal);
        commit->result.is_healed = true;
    }
    return status;
}

/* Point one alias at the ordinal, unless it does already. */
static void add_alias(struct cull__txn *txn, const struct cull__collection *collection,
                      uint32_t ordinal, const char *name)
{
    const struct cull__alias *there = cull__alias_find(collection, name);
    struct cull__fact fact = { .type = CULL__FACT_ALIAS, .parent = collection->id };

    if (there == NULL || there->ordinal != ordinal) {
        fact.ordinal = ordinal;
        fact.name = name;
        fact.name_len = strlen(name);
        cull__txn_add(txn, &fact);
    }
}

/* Every commit asks for `latest`, as the clients of the field do; and for what it names. */
static void add_labels(struct cull__txn *txn, const struct cull__collection *collection,
                       uint32_t ordinal, const cull_commit_options *options)
{
    add_alias(txn, collection, ordinal, "latest");
    for (size_t i = 0; i < options->alias_count; i++) {
        add_alias(txn, collection, ordinal, options->aliases[i]);
    }
    for (size_t i = 0; i < options->tag_count; i++) {
        struct cull__fact tag = { .type = CULL__FACT_TAG, .parent = collection->id, .how = 1 };

        tag.ordinal = ordinal;
        tag.name = options->tags[i];
        tag.name_len = strlen(options->tags[i]);
        cull__txn_add(txn, &tag);
    }
}

/* Where no objects are kept, a version's being is what confirms its blobs. What it does not open, it
 * shares with the version before, and is LIVE. */
static cull_status add_confirmations(struct commit_ctx *commit, struct cull__txn *txn,
                                     cull_error *err)
{
    const struct cull__u32s *opened = &commit->effect.opened;
    struct cull__fact stored = { .type = CULL__FACT_STORED };
    struct cull__u32s expected = CULL__U32S_INIT(txn->store->allocator);
    cull_status status = CULL_OK;

    for (size_t i = 0; i < opened->count && status == CULL_OK; i++) {
        if (cull__blob_table_state(txn->store->index->blobs, opened->at[i]) ==
            CULL__BLOB_EXPECTED) {
            status = cull__u32s_push(&expected, opened->at[i]);
        }
    }
    if (status == CULL_OK && expected.count > 0) {
        stored.numbers = expected.at;
        stored.number_count = expected.count;
        cull__txn_add(txn, &stored);
    }
    cull__u32s_release(&expected);
    return status == CULL_OK ? CULL_OK : cull__error_nomem(err);
}

static void add_commit(struct commit_ctx *commit, struct cull__txn *txn,
                       const struct cull__collection *collection)
{
    struct cull__fact fact = { .type = CULL__FACT_COMMIT,
                               .id = txn->next_id++,
                               .parent = commit->upload->id };
    struct cull__fact_commit *row = &fact.commit;

    row->collection = collection->id;
    row->ordinal = collection->next_ordinal;
    memcpy(row->manifest_digest, commit->manifest_digest.bytes, sizeof row->manifest_digest);
    row->entries = cull_manifest_count(commit->manifest);
    row->blobs = commit->effect.blobs;
    row->sum = commit->effect.sum;
    row->size_bytes = commit->size_bytes;
    row->size_exact = commit->size_exact;
    row->ttl_ms = cull__type_takes_ttl(collection->type) ? commit->options->ttl_ms : 0;
    fact.numbers = commit->effect.closed.at;
    fact.number_count = commit->effect.closed.count;
    fact.opened = commit->effect.opened.at;
    fact.opened_count = commit->effect.opened.count;
    cull__txn_add(txn, &fact);
}

/* The server's id for the version, if it is given one that it has not. */
static cull_status add_artifact_id(const struct commit_ctx *commit, struct cull__txn *txn,
                                   const struct cull__collection *collection, uint32_t ordinal,
                                   cull_error *err)
{
    const struct cull__catalog *catalog = txn->store->catalog;
    const struct cull__artifact_claim claim = { .version = cull__version_at(collection, ordinal),
                                                .manifest_digest = commit->manifest_digest.bytes,
                                                .entries = cull_manifest_count(commit->manifest),
                                                .blobs = commit->effect.blobs,
                                                .sum = commit->effect.sum };
    const struct cull__fact fact = { .type = CULL__FACT_ARTIFACT_ID,
                                     .parent = collection->id,
                                     .ordinal = ordinal,
                                     .name = commit->artifact_id,
                                     .name_len = strlen(commit->artifact_id) };
    const struct cull__artifact_id *id = cull__artifact_id_find(catalog, fact.name, fact.name_len);
    cull_status status;

    if (fact.name_len == 0 ||
        (id != NULL && claim.version != NULL && cull__artifact_id_version(id) == claim.version)) {
        return CULL_OK;
    }
    status = cull__check_artifact_id(catalog, commit->artifact_id, &claim, err);
    if (status == CULL_OK) {
        cull__txn_add(txn, &fact);
    }
    return status;
}

/* Rule 5: an equal manifest is live already; the aliases move to it, the upload ends. Equal is what
 * it holds, not what was known of sizes: those are taken over. */
static cull_status commit_equal(struct commit_ctx *commit, struct cull__txn *txn,
                                const struct cull__collection *collection, uint32_t ordinal,
                                cull_error *err)
{
    const cull_commit_options *options = commit->options;
    struct cull__fact end = { .type = CULL__FACT_UPLOAD_END,
                              .id = commit->upload->id,
                              .how = CULL__END_EQUAL };
    const struct cull__version *version = cull__version_at(collection, ordinal);
    const struct cull__fact resize = { .type = CULL__FACT_RESIZE,
                                       .parent = collection->id,
                                       .ordinal = ordinal,
                                       .total_bytes = commit->size_bytes,
                                       .total_exact = commit->size_exact };
    size_t tags = options->tag_count; /* with those that it has, at most */
    cull_status status;

    for (const struct cull__label *tag = version->tags; tag != NULL && tags > 0; tag = tag->next) {
        tags++;
    }
    if (tags > CULL__TAGS_MAX) {
        return cull__error_set(err, CULL_E_LIMIT, "a version has at most %d tags", CULL__TAGS_MAX);
    }
    if (!version->size_exact && (commit->size_exact || commit->size_bytes > version->size_bytes)) {
        cull__txn_add(txn, &resize);
    }
    cull__txn_add(txn, &end);
    add_labels(txn, collection, ordinal, options);
    commit->result = (cull_commit_result){ .version = { collection->id, ordinal } };
    status = heal_manifest(commit, txn, ordinal, err);
    return status == CULL_OK ? add_artifact_id(commit, txn, collection, ordinal, err) : status;
}

/* A manifest digest is MD5, of lines that other entries can imitate: an equal version is one that also
 * holds as many entries, and the same blobs by their seeded hashes; where the lines may deceive, one
 * whose stored manifest says the same. */
static cull_status holds_the_same(const struct commit_ctx *commit,
                                  const struct cull__version *version, bool *same, cull_error *err)
{
    cull_manifest *stored = NULL;
    cull_status status;

    *same = version->entries == cull_manifest_count(commit->manifest) &&
            version->blobs == commit->effect.blobs && version->sum == commit->effect.sum;
    if (!*same || !cull__manifest_lines_deceive(commit->manifest)) {
        return CULL_OK;
    }
    status = cull__manifest_load(commit->upload->store, commit->upload->collection,
                                 version->ordinal, true, &stored, err);
    if (status == CULL_E_NOMEM || status == CULL_E_IO || status == CULL_E_BUSY) {
        return status;
    }
    *same =
        status == CULL_OK && stored != NULL && cull__manifest_says_same(commit->manifest, stored);
    cull_manifest_free(stored);
    return CULL_OK;
}

/* Which blobs the version will hold, and which of them are missing. *plain: with it the commit's
 * effect is known, and the sizes agree. */
static cull_status count_blobs(struct commit_ctx *commit, bool *plain, cull_error *err)
{
    cull_status status = CULL_OK;

    commit->missing_count = commit->sizes.count = 0;
    commit->size_bytes = cull_manifest_size_bytes(commit->manifest, &commit->size_exact);
    if (commit->base != NULL && commit->size_exact) {
        status = cull__patch_effect(commit->upload, commit->base, commit->options->patch,
                                    &commit->effect, plain);
        if (status != CULL_OK) {
            return cull__error_set(err, status, "%s", cull_strerror(status));
        }
    }
    if (*plain) {
        return CULL_OK;
    }
    return want_all(commit, err);
}

/* The sizes that are learned; if they are too many, as many as fit, and the commit comes after. */
static cull_status add_sizes(struct commit_ctx *commit, struct cull__txn *txn, cull_error *err)
{
    commit->again = commit->sizes.count > SIZES_BATCH;
    commit->sizes.count = commit->again ? SIZES_BATCH : commit->sizes.count;
    return cull__sizes_add(&commit->sizes, txn, err);
}

static cull_status check_commit(struct cull__txn *txn, void *ctx, cull_error *err)
{
    struct commit_ctx *commit = ctx;
    cull_upload *upload = commit->upload;
    struct cull__collection *collection =
        cull__collection_by_id(txn->store->catalog, upload->collection);
    const struct cull__version *equal;
    cull_error ended = { CULL_OK, "" };
    bool plain = false;
    bool same = false;
    cull_status status = count_blobs(commit, &plain, err);

    if (status != CULL_OK) {
        return status;
    }
    if (cull__upload_check_open(upload, &ended) != CULL_OK || collection == NULL) {
        return cull__error_set(err, CULL_E_ENDED, "%s", ended.message);
    }
    status = cull__txn_check_member(txn, collection, err);
    if (status == CULL_OK && commit->options->ttl_ms != 0) {
        status = cull__check_ttl_role(txn->store->catalog, cull__txn_actor(txn), collection, err);
    }
    if (status != CULL_OK) {
        return status;
    }
    equal = cull__version_equal(txn->store->catalog, collection, commit->manifest_digest.bytes);
    if (commit->missing_count > 0) {
        char hex[CULL_DIGEST_HEX_MAX];

        cull_digest_to_hex(hex, &commit->missing[0], txn->store->settings.digest);
        return cull__error_set(err, CULL_E_NOT_STORED,
                               "upload:%llu: %zu blobs have no object, the first is %s",
                               (unsigned long long)upload->id, commit->missing_count, hex);
    }
    status = plain ? CULL_OK : check_sizes(commit, err);
    if (status == CULL_OK) {
        status = plain ? CULL_OK : compute_difference(commit, err);
    }
    if (status == CULL_OK && !plain) {
        keep_found(commit);
    }
    if (status == CULL_OK) {
        status = add_sizes(commit, txn, err);
    }
    if (status != CULL_OK || commit->again) {
        return status;
    }
    if (equal != NULL) {
        status = holds_the_same(commit, equal, &same, err);
    }
    if (status == CULL_OK && same) {
        return commit_equal(commit, txn, collection, equal->ordinal, err);
    }
    if (status == CULL_OK && collection->next_ordinal >= CULL__ORDINALS_MAX) {
        status = cull__error_set(err, CULL_E_LIMIT, "%s: no ordinal is left", collection->name);
    }
    if (status == CULL_OK) {
        status = attach_documents(commit, txn, collection->next_ordinal, err);
    }
    if (status == CULL_OK) {
        status = add_confirmations(commit, txn, err);
    }
    if (status == CULL_OK) {
        add_commit(commit, txn, collection);
        add_labels(txn, collection, collection->next_ordinal, commit->options);
        commit->result =
            (cull_commit_result){ .version = { collection->id, collection->next_ordinal },
                                  .is_new = true };
        status = add_artifact_id(commit, txn, collection, collection->next_ordinal, err);
    }
    return status;
}

/* --- the call ------------------------------------------------------------------------------- */

static cull_status check_options(const cull_commit_options *options,
                                 char artifact_id[CULL_ARTIFACT_ID_MAX], cull_error *err)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; i < options->alias_count && status == CULL_OK; i++) {
        status = cull__check_label("alias", options->aliases[i], err);
    }
    for (size_t i = 0; i < options->tag_count && status == CULL_OK; i++) {
        status = cull__check_label("tag", options->tags[i], err);
    }
    if (status == CULL_OK && options->tag_count > CULL__TAGS_MAX) {
        status =
            cull__error_set(err, CULL_E_LIMIT, "a version has at most %d tags", CULL__TAGS_MAX);
    }
    if (status == CULL_OK && options->description != NULL &&
        strlen(options->description) > DESCRIPTION_BYTES_MAX) {
        status = cull__error_set(err, CULL_E_LIMIT, "a description of over %u bytes",
                                 DESCRIPTION_BYTES_MAX);
    }
    if (status == CULL_OK && options->metadata != NULL &&
        strlen(options->metadata) > METADATA_BYTES_MAX) {
        status =
            cull__error_set(err, CULL_E_LIMIT, "metadata of over %u bytes", METADATA_BYTES_MAX);
    }
    if (status == CULL_OK && (options->manifest == NULL) == (options->patch == NULL)) {
        status = cull__error_set(err, CULL_E_USAGE, "a commit takes either a manifest or a patch");
    }
    if (status == CULL_OK && options->artifact_id != NULL) {
        status = cull_artifact_id_parse(artifact_id, options->artifact_id, err);
    }
    return status;
}

/* The digest that a patch's note has, if it is of the base. */
static void take_note(struct commit_ctx *commit)
{
    const cull_upload *upload = commit->upload;
    const struct cull__collection *collection =
        cull__collection_by_id(upload->store->catalog, upload->collection);
    const struct cull__version *version =
        collection == NULL ? NULL : cull__version_at(collection, upload->base);

    commit->digest_known =
        version != NULL && cull__manifest_noted(commit->options->patch, version->manifest_digest,
                                                version->entries, &commit->manifest_digest);
}

/* The manifest of the base, or why there is none, by its name; the handle is locked. */
static cull_status load_base(struct commit_ctx *commit, cull_error *err)
{
    cull_upload *upload = commit->upload;
    cull_store *store = upload->store;
    const struct cull__collection *collection;
    cull_status status =
        cull__manifest_load(store, upload->collection, upload->base, false, &commit->base, err);
    const bool is_missing = status == CULL_E_NOTFOUND;

    if (is_missing && cull__store_sync(store, CULL__NEED_CATALOG, err) == CULL_OK) {
        /* purged since we looked: then the upload had ended before */
        cull_status open = cull__upload_check_open(upload, err);

        status = open == CULL_OK ? CULL_E_DAMAGED : open;
    }
    collection = cull__collection_by_id(store->catalog, upload->collection);
    if (collection != NULL && (status == CULL_E_DAMAGED || status == CULL_E_CORRUPT)) {
        status = cull__manifest_lost(collection, upload->base, is_missing, err);
    }
    return status;
}

/* The manifest that a patch makes of the base's. The base is pinned, so it stays what it is. */
static cull_status apply_patch(struct commit_ctx *commit, cull_error *err)
{
    cull_upload *upload = commit->upload;
    cull_store *store = upload->store;
    cull_manifest *spare = NULL;
    cull_status status;

    if (upload->base == CULL__NO_ORDINAL) {
        return cull__error_set(err, CULL_E_USAGE, "a patch needs an upload with a base");
    }
    status = cull__store_enter(store, CULL__NEED_CATALOG, err);
    if (status != CULL_OK) {
        return status;
    }
    status = cull__upload_check_open(upload, err);
    if (status == CULL_OK) {
        commit->base = cull__manifest_recent_take(store, upload->collection, upload->base);
        spare = cull__manifest_spare_take(store);
    }
    if (status == CULL_OK && commit->base == NULL) {
        status = load_base(commit, err);
    }
    if (status == CULL_OK) {
        take_note(commit);
    }
    cull__store_leave(store);
    if (status == CULL_OK) {
        status = cull__manifest_patch_apply(&commit->manifest, commit->base, commit->options->patch,
                                            spare, store->allocator, err);
    }
    cull_manifest_free(spare);
    return status;
}

static cull_status tell_missing(const struct commit_ctx *commit, cull_missing_visit_fn missing,
                                void *ctx)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; missing != NULL && i < commit->missing_count && status == CULL_OK; i++) {
        status = missing(ctx, &commit->missing[i]);
    }
    return status;
}

/* What a patch made is kept for the next patch, and what the chain weighs now. */
static void keep_recent(struct commit_ctx *commit)
{
    cull_store *store = commit->upload->store;
    const cull_version_key *version = &commit->result.version;

    cull__store_lock(store);
    cull__chain_note(store, version->collection, version->ordinal, commit->document.len,
                     commit->document_is_full);
    if (commit->options->patch != NULL) {
        cull__manifest_recent_keep(store, version->collection, version->ordinal, commit->manifest,
                                   commit->base);
        commit->manifest = commit->base = NULL;
    }
    cull__store_leave(store);
}

static void commit_release(struct commit_ctx *commit)
{
    const cull_allocator *allocator = commit->upload->store->allocator;

    if (commit->options->manifest == NULL) {
        cull_manifest_free(commit->manifest);
    }
    cull_manifest_free(commit->base);
    cull__follower_release(&commit->follower);
    cull__free(allocator, commit->wanted);
    cull__free(allocator, commit->missing);
    cull__sizes_release(&commit->sizes);
    cull__u32s_release(&commit->unsized);
    cull__u32s_release(&commit->members);
    cull__u32s_release(&commit->found);
    cull__u32s_release(&commit->effect.closed);
    cull__u32s_release(&commit->effect.opened);
    cull__manifest_document_release(&commit->document);
    cull__buf_release(&commit->notes);
}

cull_status cull_upload_commit(cull_upload *upload, const cull_commit_options *options,
                               cull_missing_visit_fn missing, void *ctx, cull_commit_result *out,
                               const cull_caller *caller, cull_error *err)
{
    const cull_allocator *allocator = upload->store->allocator;
    struct commit_ctx commit = { .upload = upload,
                                 .options = options,
                                 .follower = { .store = upload->store } };
    cull_status status = check_options(options, commit.artifact_id, err);

    commit.members = commit.found = commit.unsized = commit.effect.closed = commit.effect.opened =
        (struct cull__u32s)CULL__U32S_INIT(allocator);
    commit.sizes = (struct cull__sizes)CULL__SIZES_INIT(allocator);
    commit.document =
        (struct cull__manifest_document){ .bytes = CULL__BUF_INIT(allocator), .fd = -1 };
    commit.notes = (struct cull__buf)CULL__BUF_INIT(allocator);
    commit.wanted = cull__alloc(allocator, WANTED_BATCH, sizeof *commit.wanted);
    if (status == CULL_OK && commit.wanted == NULL) {
        status = cull__error_nomem(err);
    }
    if (status == CULL_OK && options->manifest != NULL) {
        /* borrowed, only read; not freed by commit_release */
        commit.manifest = (cull_manifest *)(uintptr_t)options->manifest;
    } else if (status == CULL_OK) {
        status = apply_patch(&commit, err);
    }
    if (status == CULL_OK &&
        cull_manifest_kind(commit.manifest) != upload->store->settings.digest) {
        status =
            cull__error_set(err, CULL_E_INVALID, "the manifest's digests are %s, the store's %s",
                            cull_digest_kind_name(cull_manifest_kind(commit.manifest)),
                            cull_digest_kind_name(upload->store->settings.digest));
    }
    if (status == CULL_OK && !commit.digest_known) {
        status = cull_manifest_digest(commit.manifest, &commit.manifest_digest);
        status = status == CULL_OK ? CULL_OK
                                   : cull__error_set(err, status, "digest of the manifest: %s",
                                                     cull_strerror(status));
    }
    if (status == CULL_OK) {
        do {
            commit.again = false;
            status =
                cull__transact(upload->store, CULL__NEED_INDEX, caller, check_commit, &commit, err);
        } while (status == CULL_OK && commit.again);
        if (status == CULL_E_NOT_STORED || status == CULL_E_ENDED) {
            cull_status told = tell_missing(&commit, missing, ctx);

            status = told == CULL_OK ? status : told;
        }
    }
    *out = commit.result;
    if (status == CULL_OK && out->is_new) {
        /* not of an equal version: what is stored of that may say other sizes */
        keep_recent(&commit);
    }
    commit_release(&commit);
    return status;
}
