/*
 * oracle_compare.c - does the library hold what the sets hold?
 *
 * SHAPE     The public interface is asked for everything that it shows; beneath it, the rooms are
 *           read: members of every retained version from the lifespans, counts, the mark, states of
 *           blobs. Objects are listed. What is slow to ask for takes turns, and all of it is asked
 *           for when the comparison is thorough.
 * INVARIANT Brute force is the oracle's; the library's structures are only read here.
 */
#include "oracle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "object/objects_internal.h"
#include "store/store_internal.h"

struct comparison {
    struct oracle *oracle;
    struct cull__session *session;
    size_t seen;
    cull_error err;
};

/* A call that reads must not fail. */
static bool worked(struct comparison *at, const char *what, cull_status status)
{
    if (status != CULL_OK) {
        oracle_break(at->oracle, "%s: %s: %s", what, cull_strerror(status), at->err.message);
    }
    return status == CULL_OK && at->oracle->broken[0] == '\0';
}

static void same_number(struct comparison *at, const char *what, uint64_t got, uint64_t wanted)
{
    if (got != wanted) {
        oracle_break(at->oracle, "%s: %" PRIu64 ", expected %" PRIu64, what, got, wanted);
    }
}

/* --- collections ------------------------------------------------------------------------------ */

static struct oracle_collection *collection_of(struct comparison *at,
                                               const cull_collection_info *info)
{
    for (size_t i = 0; i < at->oracle->collection_count; i++) {
        struct oracle_collection *collection = &at->oracle->collections[i];

        if (collection->id == info->id) {
            return collection;
        }
        if (collection->id == 0 && !collection->deleted &&
            strcmp(collection->name, info->name) == 0 &&
            strcmp(collection->project, info->project) == 0) {
            collection->id = info->id; /* seen for the first time */
            return collection;
        }
    }
    return NULL;
}

static size_t count_state(const struct oracle_collection *collection, cull_version_state state)
{
    size_t count = 0;

    for (size_t i = 0; i < collection->version_count; i++) {
        count += collection->versions[i].state == state;
    }
    return count;
}

static bool is_remembered(const struct oracle_collection *collection)
{
    return !collection->deleted || count_state(collection, CULL_VERSION_DELETED) > 0;
}

static uint64_t manifest_bytes(const struct oracle_manifest *manifest)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < manifest->count; i++) {
        bytes += manifest->entries[i].size_bytes;
    }
    return bytes;
}

static cull_status visit_collection(void *ctx, const cull_collection_info *info)
{
    struct comparison *at = ctx;
    const struct oracle_collection *collection = collection_of(at, info);
    uint64_t bytes = 0;
    uint64_t newest_ms = 0;

    at->seen++;
    if (collection == NULL) {
        oracle_break(at->oracle, "collection %s, id %" PRIu64 ": nobody made it", info->name,
                     info->id);
        return CULL_OK;
    }
    for (size_t i = 0; i < collection->version_count; i++) {
        if (collection->versions[i].state == CULL_VERSION_COMMITTED) {
            bytes += manifest_bytes(&collection->versions[i].manifest);
            newest_ms = collection->versions[i].created_ms;
        }
    }
    if (strcmp(info->name, collection->name) != 0 || strcmp(info->type, collection->type) != 0 ||
        strcmp(info->project, collection->project) != 0 || info->deleted != collection->deleted) {
        oracle_break(at->oracle, "collection %s is another than %s", info->name, collection->name);
    }
    same_number(at, "ordinals of a collection", info->ordinals, collection->version_count);
    same_number(at, "committed versions", info->committed,
                count_state(collection, CULL_VERSION_COMMITTED));
    same_number(at, "versions in the trash", info->in_trash,
                count_state(collection, CULL_VERSION_DELETED));
    same_number(at, "bytes of a collection", info->size_bytes, bytes);
    same_number(at, "newest version", info->newest_ms, newest_ms);
    return CULL_OK;
}

static void compare_collections(struct comparison *at)
{
    size_t remembered = 0;

    at->seen = 0;
    if (!worked(at, "collections",
                cull_collections(at->session->store, NULL, NULL, true, visit_collection, at,
                                 &at->err))) {
        return;
    }
    for (size_t i = 0; i < at->oracle->collection_count; i++) {
        remembered += is_remembered(&at->oracle->collections[i]);
    }
    same_number(at, "collections", at->seen, remembered);
}

/* --- uploads -------------------------------------------------------------------------------- */

struct upload_list {
    struct comparison *at;
    cull_upload_info infos[64];
    size_t count;
};

static cull_status visit_upload(void *ctx, const cull_upload_info *info)
{
    struct upload_list *list = ctx;

    if (list->count < ARRAY_LEN(list->infos)) {
        list->infos[list->count++] = *info;
    }
    return CULL_OK;
}

static const cull_upload_info *listed(const struct upload_list *list, uint64_t id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->infos[i].id == id) {
            return &list->infos[i];
        }
    }
    return NULL;
}

/* An upload whose lease is over may have been ended by anybody who looked: then it has ended. */
static void compare_uploads(struct comparison *at)
{
    struct oracle *oracle = at->oracle;
    struct upload_list list = { .at = at };
    size_t open = 0;

    if (!worked(at, "uploads", cull_uploads(at->session->store, visit_upload, &list, &at->err))) {
        return;
    }
    for (size_t i = 0; i < oracle->upload_count; i++) {
        struct oracle_upload *upload = &oracle->uploads[i];
        const cull_upload_info *info = listed(&list, upload->id);

        if (upload->open && info == NULL && upload->until_ms <= oracle->world->now_ms) {
            oracle->reached[REACHED_EXPIRIES]++;
            oracle_end(upload);
        }
        if (upload->open != (info != NULL)) {
            oracle_break(oracle, "upload %" PRIu64 " is %s, expected %s", upload->id,
                         info != NULL ? "open" : "ended", upload->open ? "open" : "ended");
            return;
        }
        if (info != NULL) {
            open++;
            same_number(at, "lease of an upload", info->lease_until_ms, upload->until_ms);
            same_number(at, "base of an upload", info->has_base ? info->base + 1 : 0, upload->base);
            same_number(at, "pins of an upload", info->pins, upload->pin_count);
        }
    }
    same_number(at, "open uploads", list.count, open);
}

/* --- versions ------------------------------------------------------------------------------- */

static struct oracle_version *version_of(const struct oracle *oracle, const cull_version_key *key,
                                         struct oracle_collection **collection)
{
    for (size_t i = 0; i < oracle->collection_count; i++) {
        *collection = &oracle->collections[i];
        if ((*collection)->id == key->collection) {
            return key->ordinal < (*collection)->version_count
                       ? &(*collection)->versions[key->ordinal]
                       : NULL;
        }
    }
    return NULL;
}

static size_t distinct(const struct oracle_manifest *manifest)
{
    size_t count = 0;

    for (size_t i = 0; i < manifest->count; i++) {
        bool again = false;

        for (size_t j = 0; j < i; j++) {
            again = again || memcmp(&manifest->entries[i].digest, &manifest->entries[j].digest,
                                    sizeof(cull_digest)) == 0;
        }
        count += !again;
    }
    return count;
}

static void compare_labels(struct comparison *at, const cull_version_info *info,
                           const struct oracle_collection *collection,
                           const struct oracle_version *version)
{
    size_t next = 0;

    for (size_t i = 0; i < collection->aliases.count; i++) {
        if (collection->alias_ordinals[i] != info->key.ordinal) {
            continue;
        }
        if (next >= info->alias_count ||
            strcmp(info->aliases[next], collection->aliases.text[i]) != 0) {
            oracle_break(at->oracle, "%s:v%" PRIu32 ": lacks alias %s", info->collection,
                         info->key.ordinal, collection->aliases.text[i]);
            return;
        }
        next++;
    }
    same_number(at, "aliases of a version", info->alias_count, next);
    same_number(at, "tags of a version", info->tag_count, version->tags.count);
    for (size_t i = 0; i < version->tags.count && i < info->tag_count; i++) {
        if (strcmp(info->tags[i], version->tags.text[i]) != 0) {
            oracle_break(at->oracle, "%s:v%" PRIu32 ": tag %s, expected %s", info->collection,
                         info->key.ordinal, info->tags[i], version->tags.text[i]);
        }
    }
}

static cull_status visit_version(void *ctx, const cull_version_info *info)
{
    struct comparison *at = ctx;
    const struct oracle *oracle = at->oracle;
    struct oracle_collection *collection;
    const struct oracle_version *version = version_of(oracle, &info->key, &collection);
    const char *run;

    at->seen++;
    if (version == NULL || info->state != version->state) {
        oracle_break(at->oracle, "%s:v%" PRIu32 " is in state %d, expected %d", info->collection,
                     info->key.ordinal, (int)info->state,
                     version == NULL ? 0 : (int)version->state);
        return CULL_OK;
    }
    run = version->run == ORACLE_NONE ? "" : oracle->runs[version->run].name;
    if (strcmp(info->run, run) != 0) {
        oracle_break(at->oracle, "%s:v%" PRIu32 ": run %s, expected %s", info->collection,
                     info->key.ordinal, info->run, run);
    }
    same_number(at, "entries", info->entries, version->manifest.count);
    same_number(at, "blobs of a version", info->blobs, distinct(&version->manifest));
    same_number(at, "bytes of a version", info->size_bytes, manifest_bytes(&version->manifest));
    same_number(at, "time of creation", info->created_ms, version->created_ms);
    same_number(at, "time of deletion", info->deleted_ms, version->deleted_ms);
    same_number(at, "kept until", info->kept_until_ms, version->kept_until_ms);
    same_number(at, "reason", info->reason, version->reason);
    same_number(at, "end by TTL", info->expires_ms,
                version->ttl_ms == 0 ? 0 : version->created_ms + version->ttl_ms);
    same_number(at, "pinned as a base", info->pinned,
                oracle_base_pins(oracle, collection, info->key.ordinal) > 0);
    compare_labels(at, info, collection, version);
    return CULL_OK;
}

static void compare_versions(struct comparison *at)
{
    const cull_selection all = { .states = 1u << CULL_VERSION_COMMITTED |
                                           1u << CULL_VERSION_DELETED | 1u << CULL_VERSION_PURGED };
    size_t retained = 0;

    at->seen = 0;
    if (!worked(at, "select", cull_select(at->session->store, &all, visit_version, at, &at->err))) {
        return;
    }
    for (size_t i = 0; i < at->oracle->collection_count; i++) {
        retained += count_state(&at->oracle->collections[i], CULL_VERSION_COMMITTED) +
                    count_state(&at->oracle->collections[i], CULL_VERSION_DELETED);
    }
    same_number(at, "retained versions", at->seen, retained);
}

/* The manifest that the store gives back for one version, entry by entry. */
static void compare_manifest(struct comparison *at, const struct oracle_collection *collection,
                             size_t ordinal)
{
    const struct oracle_manifest *wanted = &collection->versions[ordinal].manifest;
    const cull_version_key key = { collection->id, (uint32_t)ordinal };
    cull_manifest *manifest = NULL;

    if (!worked(at, "manifest",
                cull_version_manifest(at->session->store, &key, &manifest, &at->err))) {
        return;
    }
    same_number(at, "entries of a manifest", cull_manifest_count(manifest), wanted->count);
    for (size_t i = 0; i < wanted->count && i < cull_manifest_count(manifest); i++) {
        cull_entry entry;

        cull_manifest_at(manifest, i, &entry);
        if (strcmp(entry.path, wanted->entries[i].path) != 0 ||
            memcmp(&entry.digest, &wanted->entries[i].digest, sizeof entry.digest) != 0 ||
            entry.size_bytes != wanted->entries[i].size_bytes) {
            oracle_break(at->oracle, "%s:v%zu: entry %zu of its manifest is %s, expected %s",
                         collection->name, ordinal, i, entry.path, wanted->entries[i].path);
        }
    }
    cull_manifest_free(manifest);
}

/* All manifests, or the one whose turn it is. */
static void compare_manifests(struct comparison *at, bool all, uint64_t salt)
{
    const struct oracle *oracle = at->oracle;
    size_t retained = 0;
    size_t number = 0;

    for (size_t i = 0; i < oracle->collection_count; i++) {
        retained += oracle->collections[i].version_count -
                    count_state(&oracle->collections[i], CULL_VERSION_PURGED);
    }
    for (size_t i = 0; i < oracle->collection_count; i++) {
        const struct oracle_collection *collection = &oracle->collections[i];

        for (size_t ordinal = 0; ordinal < collection->version_count; ordinal++) {
            if (oracle_retained(&collection->versions[ordinal]) &&
                (number++ == salt % retained || all)) {
                compare_manifest(at, collection, ordinal);
            }
        }
    }
}

/* --- blobs ---------------------------------------------------------------------------------- */

static enum oracle_blob_state state_of(enum cull__blob_state state)
{
    return state == CULL__BLOB_EXPECTED ? ORACLE_EXPECTED
           : state == CULL__BLOB_LIVE   ? ORACLE_LIVE
                                        : ORACLE_DELETING;
}

static struct oracle_blob *blob_of(const struct oracle *oracle, const cull_object_id *id)
{
    for (size_t i = 0; i < oracle->blob_count; i++) {
        struct oracle_blob *blob = &oracle->blobs[i];

        if (blob->incarnation == id->incarnation &&
            memcmp(&blob->digest, &id->digest, sizeof id->digest) == 0) {
            return blob;
        }
    }
    return NULL;
}

/* An unsure blob that was claimed, and whose object could not be deleted. */
static void settle_claimed(struct oracle *oracle, struct oracle_blob *blob)
{
    struct oracle_object *object = oracle_object(oracle, &blob->digest, blob->incarnation);

    blob->state = ORACLE_DELETING;
    blob->claimed = object == NULL ? 0 : object->versions;
    blob->deleted = blob->answer_lost;
    if (object != NULL && blob->answer_lost) {
        object->versions = 0;
    }
}

/* What a stale plan may have deleted, or not: it is gone if the library does not know it. */
static void settle_unsure(struct comparison *at, const struct cull__index *index)
{
    struct oracle *oracle = at->oracle;

    for (size_t i = 0; i < oracle->blob_count; i++) {
        struct oracle_blob *blob = &oracle->blobs[i];
        bool known = false;
        bool claimed = false;

        for (uint32_t number = 0; blob->unsure && number < cull__blob_table_limit(index->blobs);
             number++) {
            cull_object_id id;

            if (cull__blob_table_state(index->blobs, number) != CULL__BLOB_FREE) {
                id = cull__object_id(index, number);
                known = known || blob_of(oracle, &id) == blob;
                claimed = claimed ||
                          (blob_of(oracle, &id) == blob &&
                           cull__blob_table_state(index->blobs, number) == CULL__BLOB_DELETING);
            }
        }
        if (blob->unsure && !known) {
            struct oracle_object *object = oracle_object(oracle, &blob->digest, blob->incarnation);

            if (object != NULL) {
                object->versions = 0;
            }
            oracle->blob_count--;
            memmove(blob, blob + 1, (oracle->blob_count - i) * sizeof *blob);
            i--;
            continue;
        }
        if (claimed) {
            settle_claimed(oracle, blob);
        }
        blob->unsure = false;
    }
}

static uint64_t *mark_all(const struct oracle *oracle, const struct cull__index *index)
{
    size_t bits = cull__blob_table_limit(index->blobs);
    uint64_t *marked = calloc(cull__bits_words(bits) + 1, sizeof *marked);

    if (marked == NULL) {
        abort();
    }
    for (size_t i = 0; i < index->span_count; i++) {
        cull__mark(index->spans[i].spans, NULL, marked, bits);
    }
    for (size_t i = 0; i < oracle->upload_count; i++) {
        const struct cull__pins *pins = cull__index_pins(index, oracle->uploads[i].id);

        for (size_t pin = 0; pins != NULL && pin < pins->list.count; pin++) {
            cull__bit_set(marked, pins->list.at[pin]);
        }
    }
    return marked;
}

static void compare_blob(struct comparison *at, const struct cull__index *index, uint32_t number,
                         bool marked)
{
    struct oracle *oracle = at->oracle;
    const cull_object_id id = cull__object_id(index, number);
    const struct oracle_blob *blob = blob_of(oracle, &id);
    uint32_t count = cull__counts_get(index->counts, number);
    char letter = world_letter_of(oracle->world, &id.digest);
    uint64_t wanted;

    if (blob == NULL) {
        oracle_break(oracle, "blob %c is known: nobody named it", letter);
        return;
    }
    wanted = blob->state == ORACLE_DELETING ? 0 : oracle_count(oracle, &id.digest);
    if (count != wanted) {
        oracle_break(oracle, "blob %c: its count is %" PRIu32 ", expected %" PRIu64, letter, count,
                     wanted);
    }
    if (marked != (wanted > 0)) {
        oracle_break(oracle, "blob %c: the mark says %s", letter, marked ? "held" : "dead");
    }
    if (state_of(cull__blob_table_state(index->blobs, number)) != blob->state) {
        oracle_break(oracle, "blob %c is in state %d, expected %d", letter,
                     (int)state_of(cull__blob_table_state(index->blobs, number)), (int)blob->state);
    }
    same_number(at, "bytes of a blob", cull__blob_table_size(index->blobs, number),
                blob->size_bytes);
}

static void compare_blobs(struct comparison *at, const struct cull__index *index)
{
    uint64_t *marked = mark_all(at->oracle, index);
    size_t known = 0;

    for (uint32_t number = 0; number < cull__blob_table_limit(index->blobs); number++) {
        if (cull__blob_table_state(index->blobs, number) != CULL__BLOB_FREE) {
            known++;
            compare_blob(at, index, number, cull__bit_get(marked, number));
        } else if (cull__bit_get(marked, number)) {
            oracle_break(at->oracle, "the mark holds number %" PRIu32 ", which is free", number);
        }
    }
    same_number(at, "blobs", known, at->oracle->blob_count);
    free(marked);
}

/* Every retained version's members, from the lifespans, are the digests of its manifest. */
static void compare_members(struct comparison *at, const struct cull__index *index)
{
    const struct oracle *oracle = at->oracle;
    struct cull__u32s members = CULL__U32S_INIT(cull_allocator_default());

    for (size_t i = 0; i < oracle->collection_count; i++) {
        const struct oracle_collection *collection = &oracle->collections[i];
        const struct cull__lifespans *spans = cull__index_spans(index, collection->id);

        for (size_t ordinal = 0; ordinal < collection->version_count; ordinal++) {
            const struct oracle_version *version = &collection->versions[ordinal];
            bool same;

            if (!oracle_retained(version)) {
                continue;
            }
            members.count = 0;
            same = spans != NULL &&
                   cull__lifespans_members(spans, (uint32_t)ordinal, &members) == CULL_OK &&
                   members.count == distinct(&version->manifest);
            for (size_t member = 0; same && member < members.count; member++) {
                const cull_object_id id = cull__object_id(index, members.at[member]);

                same = oracle_holds(&version->manifest, &id.digest);
            }
            if (!same) {
                oracle_break(at->oracle, "%s:v%zu: its %zu members are not its manifest's %zu",
                             collection->name, ordinal, members.count,
                             distinct(&version->manifest));
            }
        }
    }
    cull__u32s_release(&members);
}

static void check_valid(struct comparison *at, const struct cull__index *index)
{
    const char *why = NULL;
    bool valid = cull__blob_table_valid(index->blobs, &why) &&
                 cull__counts_valid(index->counts, index->blobs, &why) &&
                 cull__catalog_valid(at->session->store->catalog, &why);

    for (size_t i = 0; i < index->span_count && valid; i++) {
        valid = cull__lifespans_valid(index->spans[i].spans, &why);
    }
    if (!valid) {
        oracle_break(at->oracle, "a structure breaks its own rules: %s", why);
    }
}

/* --- objects -------------------------------------------------------------------------------- */

static cull_status visit_object(void *ctx, const char *name, const cull_object_id *id,
                                const cull_object_info *info)
{
    struct comparison *at = ctx;
    const struct oracle_object *object =
        id == NULL ? NULL : oracle_object(at->oracle, &id->digest, id->incarnation);

    at->seen++;
    if (object == NULL || object->size_bytes != info->size_bytes) {
        oracle_break(at->oracle, "object %s (%c): is there, and should not be", name,
                     id == NULL ? '?' : world_letter_of(at->oracle->world, &id->digest));
    }
    return CULL_OK;
}

/* The objects are exactly those that should be there; and each that something relies on is. */
static void compare_objects(struct comparison *at)
{
    const struct oracle *oracle = at->oracle;
    size_t objects = 0;

    at->seen = 0;
    if (!worked(at, "list",
                cull__objects_list(oracle->world->memory, visit_object, at, &at->err))) {
        return;
    }
    for (size_t i = 0; i < oracle->object_count; i++) {
        objects += oracle->objects[i].versions > 0;
    }
    same_number(at, "objects", at->seen, objects);
    for (size_t i = 0; i < oracle->blob_count; i++) {
        const struct oracle_blob *blob = &oracle->blobs[i];

        if (blob->state == ORACLE_LIVE &&
            oracle_object(oracle, &blob->digest, blob->incarnation) == NULL) {
            oracle_break(at->oracle, "blob %c is called stored and has no object",
                         world_letter_of(oracle->world, &blob->digest));
        }
    }
}

/* --- figures -------------------------------------------------------------------------------- */

/* What of a blob a choice of versions holds. */
struct choice {
    const struct oracle_collection *collection; /* NULL: of any */
    size_t ordinal;                             /* ORACLE_NONE: any */
};

static bool chosen(const struct choice *choice, const struct oracle_collection *collection,
                   size_t ordinal)
{
    return (choice->collection == NULL || choice->collection == collection) &&
           (choice->ordinal == ORACLE_NONE || choice->ordinal == ordinal);
}

/* Is the digest in a version that is chosen (or, with others, in one that is not)? */
static bool choice_holds(const struct oracle *oracle, const struct choice *choice, bool others,
                         bool committed_only, const cull_digest *digest)
{
    for (size_t i = 0; i < oracle->collection_count; i++) {
        const struct oracle_collection *collection = &oracle->collections[i];

        for (size_t ordinal = 0; ordinal < collection->version_count; ordinal++) {
            const struct oracle_version *version = &collection->versions[ordinal];

            if (oracle_retained(version) && chosen(choice, collection, ordinal) != others &&
                (!committed_only || version->state == CULL_VERSION_COMMITTED) &&
                oracle_holds(&version->manifest, digest)) {
                return true;
            }
        }
    }
    return false;
}

static void usage_of_versions(const struct oracle *oracle, const struct choice *choice,
                              cull_usage *out)
{
    for (size_t i = 0; i < oracle->collection_count; i++) {
        const struct oracle_collection *collection = &oracle->collections[i];

        for (size_t ordinal = 0; ordinal < collection->version_count; ordinal++) {
            const struct oracle_version *version = &collection->versions[ordinal];

            if (!oracle_retained(version) || !chosen(choice, collection, ordinal)) {
                continue;
            }
            out->references += distinct(&version->manifest);
            if (version->state == CULL_VERSION_COMMITTED) {
                out->versions++;
                out->tracked_bytes += manifest_bytes(&version->manifest);
            } else {
                out->versions_in_trash++;
            }
        }
    }
}

static void usage_of_blobs(const struct oracle *oracle, const struct choice *choice, bool whole,
                           cull_usage *out)
{
    for (size_t i = 0; i < oracle->blob_count; i++) {
        const struct oracle_blob *blob = &oracle->blobs[i];
        bool is_current = blob == oracle_blob(oracle, &blob->digest);
        bool held = is_current && choice_holds(oracle, choice, false, false, &blob->digest);

        if (blob->state == ORACLE_EXPECTED || (!whole && !held)) {
            continue;
        }
        out->blobs++;
        out->stored_bytes += blob->size_bytes;
        if (held && !choice_holds(oracle, choice, false, true, &blob->digest)) {
            out->trash_bytes += blob->size_bytes;
        }
        if (held && !choice_holds(oracle, choice, true, false, &blob->digest) &&
            oracle_pin_count(oracle, &blob->digest) == 0) {
            out->exclusive_bytes += blob->size_bytes;
        }
    }
}

/* What a cycle now would free of what is chosen; of the whole store, with what is left to finish. */
static uint64_t reclaimable_bytes(struct oracle *oracle, const struct choice *choice, bool whole)
{
    struct oracle_plan plan;
    uint64_t bytes = 0;

    oracle_plan_now(oracle, &plan);
    for (size_t i = 0; i < plan.blob_count; i++) {
        const struct oracle_planned *planned = &plan.blobs[i];

        if (oracle_blob(oracle, &planned->digest)->state == ORACLE_LIVE &&
            (whole || choice_holds(oracle, choice, false, false, &planned->digest))) {
            bytes += planned->size_bytes;
        }
    }
    for (size_t i = 0; i < oracle->blob_count && whole; i++) {
        bytes += oracle->blobs[i].state == ORACLE_DELETING ? oracle->blobs[i].size_bytes : 0;
    }
    return bytes;
}

static void compare_usage(struct comparison *at, const cull_scope *scope,
                          const struct choice *choice)
{
    bool whole = scope->kind == CULL_SCOPE_STORE;
    cull_usage got;
    cull_usage wanted = { 0 };

    if (!worked(
            at, "usage",
            cull_usage_of(at->session->store, scope, at->oracle->world->now_ms, &got, &at->err))) {
        return;
    }
    usage_of_versions(at->oracle, choice, &wanted);
    usage_of_blobs(at->oracle, choice, whole, &wanted);
    same_number(at, "usage: versions", got.versions, wanted.versions);
    same_number(at, "usage: versions in the trash", got.versions_in_trash,
                wanted.versions_in_trash);
    same_number(at, "usage: references", got.references, wanted.references);
    same_number(at, "usage: tracked bytes", got.tracked_bytes, wanted.tracked_bytes);
    same_number(at, "usage: blobs", got.blobs, wanted.blobs);
    same_number(at, "usage: stored bytes", got.stored_bytes, wanted.stored_bytes);
    same_number(at, "usage: trash bytes", got.trash_bytes, wanted.trash_bytes);
    same_number(at, "usage: exclusive bytes", got.exclusive_bytes, wanted.exclusive_bytes);
    same_number(at, "usage: reclaimable bytes", got.reclaimable_bytes,
                reclaimable_bytes(at->oracle, choice, whole));
}

static void compare_figures(struct comparison *at, uint64_t salt)
{
    const struct oracle *oracle = at->oracle;
    const struct choice all = { NULL, ORACLE_NONE };
    const cull_scope store = { .kind = CULL_SCOPE_STORE };
    const struct oracle_collection *collection;
    cull_scope scope = { .kind = CULL_SCOPE_VERSION };
    uint64_t blobs;
    uint64_t bytes;
    bool exact;

    compare_usage(at, &store, &all);
    if (oracle->collection_count == 0) {
        return;
    }
    collection = &oracle->collections[salt % oracle->collection_count];
    if (collection->version_count > 0) {
        const struct choice one = { collection, salt / 8 % collection->version_count };

        scope.version = (cull_version_key){ collection->id, (uint32_t)one.ordinal };
        if (oracle_retained(&collection->versions[one.ordinal])) {
            cull_usage wanted = { 0 };

            compare_usage(at, &scope, &one);
            usage_of_blobs(oracle, &one, false, &wanted);
            if (worked(at, "would-free",
                       cull_would_free(at->session->store, &scope.version, 1, &blobs, &bytes,
                                       &exact, &at->err))) {
                same_number(at, "would-free: bytes", bytes, wanted.exclusive_bytes);
                same_number(at, "would-free: bytes are exact", exact, true);
            }
        }
    }
    if (!collection->deleted && oracle_find(oracle, collection->entity, collection->project,
                                            collection->name) == collection) {
        size_t namesakes = 0;

        for (size_t i = 0; i < oracle->collection_count; i++) {
            namesakes += is_remembered(&oracle->collections[i]) &&
                         strcmp(oracle->collections[i].name, collection->name) == 0;
        }
        if (namesakes == 1) { /* a scope takes the trash of its name with it */
            const struct choice one = { collection, ORACLE_NONE };

            scope = (cull_scope){ .kind = CULL_SCOPE_COLLECTION,
                                  .entity = collection->entity,
                                  .project = collection->project,
                                  .collection = collection->name };
            compare_usage(at, &scope, &one);
        }
    }
}

struct why_visit {
    struct comparison *at;
    const cull_digest *digest;
    size_t paths;
};

static cull_status visit_why(void *ctx, const cull_version_info *info, const char *path)
{
    struct why_visit *why = ctx;
    struct oracle_collection *collection;
    const struct oracle_version *version = version_of(why->at->oracle, &info->key, &collection);
    bool found = false;

    for (size_t i = 0; version != NULL && i < version->manifest.count; i++) {
        found = found || (strcmp(version->manifest.entries[i].path, path) == 0 &&
                          memcmp(&version->manifest.entries[i].digest, why->digest,
                                 sizeof *why->digest) == 0);
    }
    if (!found) {
        oracle_break(why->at->oracle, "why: v%" PRIu32 "/%s does not hold it", info->key.ordinal,
                     path);
    }
    why->paths++;
    return CULL_OK;
}

static void compare_why(struct comparison *at, const cull_digest *digest)
{
    static const char *const states[] = { "", "expected", "live", "deleting" };
    const struct oracle *oracle = at->oracle;
    const struct oracle_blob *blob = oracle_blob(oracle, digest);
    struct why_visit why = { .at = at, .digest = digest };
    cull_blob_info info;
    cull_status status = cull_why(at->session->store, digest, &info, visit_why, &why, &at->err);
    uint64_t versions = 0;
    size_t paths = 0;

    if (blob == NULL) {
        same_number(at, "why: status for an unknown blob", status, CULL_E_NOTFOUND);
        return;
    }
    if (!worked(at, "why", status)) {
        return;
    }
    for (size_t i = 0; i < oracle->collection_count; i++) {
        for (size_t j = 0; j < oracle->collections[i].version_count; j++) {
            const struct oracle_version *version = &oracle->collections[i].versions[j];

            if (!oracle_retained(version) || blob->state == ORACLE_DELETING) {
                continue;
            }
            versions += oracle_holds(&version->manifest, digest);
            for (size_t e = 0; e < version->manifest.count; e++) {
                paths += memcmp(&version->manifest.entries[e].digest, digest, sizeof *digest) == 0;
            }
        }
    }
    if (strcmp(info.state, states[blob->state]) != 0) {
        oracle_break(at->oracle, "why: state %s, expected %s", info.state, states[blob->state]);
    }
    same_number(at, "why: count", info.count,
                blob->state == ORACLE_DELETING ? 0 : oracle_count(oracle, digest));
    same_number(at, "why: pins", info.pins, oracle_pin_count(oracle, digest));
    same_number(at, "why: versions", info.versions, versions);
    same_number(at, "why: paths", why.paths, paths);
}

static void note_finding(void *ctx, const cull_finding *finding)
{
    struct comparison *at = ctx;

    if (finding->is_problem && finding->kind != CULL_FOUND_ORPHAN) {
        oracle_break(at->oracle, "fsck: %s", finding->message);
    }
}

static void compare_fsck(struct comparison *at)
{
    const cull_fsck_options options = { .read_data = true };
    const cull_caller caller = { at->oracle->world->now_ms, "fsck" };
    cull_fsck_result result;
    cull_status status =
        cull_fsck(at->session->store, &options, &caller, note_finding, at, &result, &at->err);

    if (status != CULL_E_DAMAGED) { /* then the findings say it */
        (void)worked(at, "fsck", status);
    }
}

/* --- all together --------------------------------------------------------------------------- */

void oracle_compare(struct oracle *oracle, struct cull__session *session, bool thorough,
                    uint64_t salt)
{
    struct comparison at = { .oracle = oracle, .session = session };
    cull_store *store = session->store;

    if (store == NULL || oracle->broken[0] != '\0') {
        return;
    }
    compare_collections(&at);
    compare_uploads(&at);
    compare_versions(&at);
    if (!worked(&at, "store", cull__store_enter(store, CULL__NEED_INDEX, &at.err))) {
        return;
    }
    settle_unsure(&at, store->index);
    compare_blobs(&at, store->index);
    compare_members(&at, store->index);
    same_number(&at, "cycles", store->catalog->cycles, oracle->cycles);
    if (thorough) {
        check_valid(&at, store->index);
    }
    cull__store_leave(store);
    compare_objects(&at);
    compare_manifests(&at, thorough, salt);
    compare_why(&at, &oracle->world->letters[salt % WORLD_LETTERS_MAX].digest);
    if (thorough) {
        compare_figures(&at, salt);
        compare_fsck(&at);
    }
}
