/*
 * oracle_step.c - what each request should answer, and what it does to the sets.
 *
 * SHAPE     One function an op: first the statuses that are right in this state, then, if the
 *           library agrees, the change. Where two reasons to refuse meet, either may be told.
 * INVARIANT The sets change only if the library said that it did it: the oracle follows what was
 *           acknowledged, and judges whether it should have been.
 */
#include "oracle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BIT ORACLE_BIT

bool oracle_expect(struct oracle *oracle, const struct cull__request *request,
                   const struct cull__answer *answer, unsigned statuses)
{
    char wanted[256] = "";

    if (statuses & BIT(answer->status)) {
        return true;
    }
    for (unsigned status = 0; status < 32; status++) {
        if (statuses & BIT(status)) {
            (void)snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "%s\"%s\"",
                           wanted[0] == '\0' ? "" : " or ", cull_strerror((cull_status)status));
        }
    }
    oracle_break(oracle, "%s: answered \"%s\" (%s), expected %s",
                 cull__request_op_name(request->op), cull_strerror(answer->status),
                 answer->status == CULL_OK ? "" : answer->error.message, wanted);
    return false;
}

void *oracle_grow(void **array, size_t *count, size_t *capacity, size_t size)
{
    void *element;

    if (*count == *capacity) {
        void *moved;

        *capacity = *capacity == 0 ? 8 : *capacity * 2;
        moved = realloc(*array, *capacity * size);
        if (moved == NULL) {
            abort();
        }
        *array = moved;
    }
    element = (char *)*array + *count * size;
    memset(element, 0, size);
    ++*count;
    return element;
}

#define GROW(oracle, what)                                                    \
    oracle_grow((void **)(void *)&(oracle)->what##s, &(oracle)->what##_count, \
                &(oracle)->what##_capacity, sizeof *(oracle)->what##s)

static void copy_text(char out[ORACLE_TEXT_MAX], const char *text)
{
    (void)snprintf(out, ORACLE_TEXT_MAX, "%s", text);
}

/* --- labels --------------------------------------------------------------------------------- */

/* Where a text stands in a set, or would. */
static size_t label_place(const struct oracle_labels *labels, const char *text)
{
    size_t at = 0;

    while (at < labels->count && strcmp(labels->text[at], text) < 0) {
        at++;
    }
    return at;
}

static void label_add(struct oracle_labels *labels, const char *text)
{
    size_t at = label_place(labels, text);

    if (oracle_label_has(labels, text) || labels->count == ORACLE_LABELS_MAX) {
        return;
    }
    memmove(labels->text[at + 1], labels->text[at], (labels->count - at) * sizeof *labels->text);
    copy_text(labels->text[at], text);
    labels->count++;
}

static void label_remove(struct oracle_labels *labels, size_t at)
{
    labels->count--;
    memmove(labels->text[at], labels->text[at + 1], (labels->count - at) * sizeof *labels->text);
}

static void alias_remove(struct oracle_collection *collection, size_t at)
{
    label_remove(&collection->aliases, at);
    memmove(&collection->alias_ordinals[at], &collection->alias_ordinals[at + 1],
            (collection->aliases.count - at) * sizeof *collection->alias_ordinals);
}

static void alias_set(struct oracle *oracle, struct oracle_collection *collection, uint32_t ordinal,
                      const char *name)
{
    size_t at = oracle_alias(collection, name);

    if (at != ORACLE_NONE) {
        oracle->reached[REACHED_ALIAS_MOVES] += collection->alias_ordinals[at] != ordinal;
        collection->alias_ordinals[at] = ordinal;
        return;
    }
    if (collection->aliases.count == ORACLE_LABELS_MAX) {
        oracle_break(oracle, "the oracle holds no more aliases");
        return;
    }
    at = label_place(&collection->aliases, name);
    memmove(&collection->alias_ordinals[at + 1], &collection->alias_ordinals[at],
            (collection->aliases.count - at) * sizeof *collection->alias_ordinals);
    collection->alias_ordinals[at] = ordinal;
    label_add(&collection->aliases, name);
}

static bool has_aliases(const struct oracle_collection *collection, size_t ordinal)
{
    for (size_t i = 0; i < collection->aliases.count; i++) {
        if (collection->alias_ordinals[i] == ordinal) {
            return true;
        }
    }
    return false;
}

/* --- uploads -------------------------------------------------------------------------------- */

void oracle_end(struct oracle_upload *upload)
{
    upload->open = false;
    upload->pin_count = 0;
}

void oracle_expire(struct oracle *oracle)
{
    for (size_t i = 0; i < oracle->upload_count; i++) {
        struct oracle_upload *upload = &oracle->uploads[i];

        if (upload->open && upload->until_ms <= oracle->world->now_ms) {
            oracle->reached[REACHED_EXPIRIES]++;
            oracle_end(upload);
        }
    }
}

static bool is_over(const struct oracle *oracle, const struct oracle_upload *upload)
{
    return upload == NULL || !upload->open || upload->until_ms <= oracle->world->now_ms;
}

/* The upload that a request's slot means; NULL: the request was refused, as it should be, or the
 * history is broken. */
static struct oracle_upload *usable_upload(struct oracle *oracle,
                                           const struct cull__request *request,
                                           const struct cull__answer *answer)
{
    struct oracle_upload *upload = oracle_upload(oracle, request->slot);

    if (oracle->world->uploads[request->slot] == 0) {
        (void)oracle_expect(oracle, request, answer, BIT(CULL_E_NOTFOUND));
        return NULL;
    }
    if (is_over(oracle, upload)) {
        (void)oracle_expect(oracle, request, answer, BIT(CULL_E_ENDED));
        return NULL;
    }
    oracle->reached[REACHED_HANDED_OVER] += upload->process != request->process;
    upload->process = request->process;
    return upload;
}

static size_t find_run(struct oracle *oracle, const struct cull__request *request)
{
    struct oracle_run *run;

    if (request->run[0] == '\0') {
        return ORACLE_NONE;
    }
    for (size_t i = 0; i < oracle->run_count; i++) {
        run = &oracle->runs[i];
        if (!run->deleted && strcmp(run->entity, request->entity) == 0 &&
            strcmp(run->project, request->project) == 0 && strcmp(run->name, request->run) == 0) {
            return i;
        }
    }
    return ORACLE_NONE;
}

static void step_open(struct oracle *oracle, const struct cull__request *request,
                      const struct cull__answer *answer)
{
    struct oracle_collection *collection =
        oracle_find(oracle, request->entity, request->project, request->collection);
    struct oracle_upload *upload;
    unsigned refusals = 0;

    if (collection != NULL && request->type[0] != '\0' &&
        strcmp(request->type, collection->type) != 0) {
        refusals |= BIT(CULL_E_INVALID);
    }
    if (request->base > 0 &&
        (collection == NULL || request->base > collection->version_count ||
         collection->versions[request->base - 1].state == CULL_VERSION_PURGED)) {
        refusals |= BIT(CULL_E_NOTFOUND);
    } else if (request->base > 0 &&
               collection->versions[request->base - 1].state == CULL_VERSION_DELETED) {
        refusals |= BIT(CULL_E_REFUSED);
    }
    if (!oracle_expect(oracle, request, answer, refusals != 0 ? refusals : BIT(CULL_OK)) ||
        refusals != 0) {
        return;
    }
    oracle_expire(oracle);
    if (collection == NULL) {
        collection = GROW(oracle, collection);
        copy_text(collection->entity, request->entity);
        copy_text(collection->project, request->project);
        copy_text(collection->name, request->collection);
        copy_text(collection->type, request->type[0] == '\0' ? "dataset" : request->type);
    }
    upload = GROW(oracle, upload);
    upload->id = answer->upload;
    upload->collection = (size_t)(collection - oracle->collections);
    upload->run = find_run(oracle, request);
    if (upload->run == ORACLE_NONE && request->run[0] != '\0') {
        struct oracle_run *run = GROW(oracle, run);

        copy_text(run->entity, request->entity);
        copy_text(run->project, request->project);
        copy_text(run->name, request->run);
        upload->run = oracle->run_count - 1;
    }
    upload->base = request->base;
    upload->lease_ms = request->ms == 0 ? oracle->settings.lease_ms : request->ms;
    upload->until_ms = oracle->world->now_ms + upload->lease_ms;
    upload->process = request->process;
    upload->open = true;
    for (size_t i = 0; i + 1 < oracle->upload_count; i++) {
        if (oracle->uploads[i].id >= upload->id) {
            oracle_break(oracle, "open: upload id %" PRIu64 " was given before", upload->id);
        }
    }
}

/* --- put, send, confirm --------------------------------------------------------------------- */

static void add_pin(struct oracle *oracle, struct oracle_upload *upload, const cull_digest *digest)
{
    if (oracle_pins(upload, digest)) {
        return;
    }
    if (upload->pin_count == ORACLE_PINS_MAX) {
        oracle_break(oracle, "the oracle holds no more pins");
        return;
    }
    upload->pins[upload->pin_count++] = *digest;
}

/* What uploads said of a blob's size that have ended is nobody's word any more. */
static bool says_anew(const struct oracle *oracle, const struct oracle_blob *blob)
{
    uint64_t over = 0;

    for (size_t i = 0; i < oracle->upload_count; i++) {
        const struct oracle_upload *upload = &oracle->uploads[i];

        over += upload->open && is_over(oracle, upload) && oracle_pins(upload, &blob->digest);
    }
    return blob->state == ORACLE_EXPECTED && oracle_count(oracle, &blob->digest) == over;
}

static cull_put_answer put_one(struct oracle *oracle, struct oracle_upload *upload,
                               const cull_blob_ref *ref)
{
    struct oracle_blob *blob = oracle_blob(oracle, &ref->digest);
    bool live;

    if (blob != NULL && blob->state == ORACLE_DELETING) {
        oracle->reached[REACHED_WAITS]++;
        return CULL_PUT_WAIT;
    }
    if (blob == NULL) {
        for (size_t i = 0; i < oracle->blob_count; i++) {
            oracle->reached[REACHED_INCARNATIONS] +=
                memcmp(&oracle->blobs[i].digest, &ref->digest, sizeof ref->digest) == 0;
        }
        blob = GROW(oracle, blob);
        blob->serial = ++oracle->serial;
        blob->digest = ref->digest;
        blob->size_bytes = ref->size_bytes;
        blob->state = ORACLE_EXPECTED;
        blob->incarnation =
            oracle->settings.late_deletes == CULL_LATE_INCARNATION ? (uint32_t)oracle->cycles : 0;
    }
    if (says_anew(oracle, blob)) {
        blob->size_bytes = ref->size_bytes;
    }
    live = blob->state == ORACLE_LIVE;
    oracle->reached[REACHED_RESCUES] += live && oracle_count(oracle, &ref->digest) == 0;
    oracle->reached[live ? REACHED_PUT_STORED : REACHED_PUT_SEND]++;
    if (!live || !oracle_base_holds(oracle, upload, &ref->digest)) {
        add_pin(oracle, upload, &ref->digest);
    }
    return live ? CULL_PUT_STORED : CULL_PUT_SEND;
}

static bool put_sizes_fit(const struct oracle *oracle, const struct cull__request *request)
{
    for (size_t i = 0; i < request->blob_count; i++) {
        const cull_blob_ref *ref = &request->blobs[i];
        const struct oracle_blob *blob = oracle_blob(oracle, &ref->digest);
        bool anew = blob == NULL || says_anew(oracle, blob);

        if (!anew && blob->state != ORACLE_DELETING && blob->size_bytes != ref->size_bytes) {
            return false;
        }
        for (size_t j = 0; j < i && anew; j++) {
            if (memcmp(&request->blobs[j].digest, &ref->digest, sizeof ref->digest) == 0 &&
                request->blobs[j].size_bytes != ref->size_bytes) {
                return false;
            }
        }
    }
    return true;
}

static void step_put(struct oracle *oracle, const struct cull__request *request,
                     const struct cull__answer *answer)
{
    struct oracle_upload *upload;
    const cull_put_answer *puts = (const cull_put_answer *)(const void *)answer->puts.data;

    upload = usable_upload(oracle, request, answer);
    if (upload == NULL) {
        return;
    }
    if (!put_sizes_fit(oracle, request)) {
        (void)oracle_expect(oracle, request, answer, BIT(CULL_E_INVALID));
        return;
    }
    if (!oracle_expect(oracle, request, answer, BIT(CULL_OK))) {
        return;
    }
    oracle_expire(oracle);
    for (size_t i = 0; i < request->blob_count; i++) {
        cull_put_answer right = put_one(oracle, upload, &request->blobs[i]);

        if (puts[i] != right) {
            oracle_break(oracle, "put: blob %c was answered %d, expected %d",
                         world_letter_of(oracle->world, &request->blobs[i].digest), (int)puts[i],
                         (int)right);
        }
    }
}

void oracle_publish(struct oracle *oracle, const cull_digest *digest, uint64_t size_bytes,
                    uint32_t incarnation)
{
    struct oracle_object *object = oracle_object(oracle, digest, incarnation);

    if (object == NULL) {
        object = GROW(oracle, object);
        object->digest = *digest;
        object->size_bytes = size_bytes;
        object->incarnation = incarnation;
        object->modified_ms = oracle->world->now_ms;
        object->versions = 1;
    } else if (oracle->settings.late_deletes == CULL_LATE_VERSION_IDS) {
        object->versions++; /* the bucket keeps what was there */
        object->modified_ms = oracle->world->now_ms;
    }
}

static const struct world_letter *letter_of(struct oracle *oracle,
                                            const struct cull__request_content *content)
{
    for (size_t i = 0; i < WORLD_LETTERS_MAX; i++) {
        const struct world_letter *letter = &oracle->world->letters[i];

        if (letter->len == content->len && memcmp(letter->bytes, content->data, letter->len) == 0) {
            return letter;
        }
    }
    oracle_break(oracle, "the oracle knows letters only");
    return &oracle->world->letters[0];
}

/* Does the upload rely on this digest? */
static bool is_named(const struct oracle *oracle, const struct oracle_upload *upload,
                     const cull_digest *digest)
{
    return oracle_blob(oracle, digest) != NULL &&
           (oracle_pins(upload, digest) || oracle_base_holds(oracle, upload, digest));
}

static void confirm(struct oracle *oracle, const cull_digest *digest)
{
    struct oracle_blob *blob = oracle_blob(oracle, digest);

    if (blob->state == ORACLE_EXPECTED) {
        blob->state = ORACLE_LIVE;
    }
}

static void step_send(struct oracle *oracle, const struct cull__request *request,
                      const struct cull__answer *answer, bool fault)
{
    struct oracle_upload *upload = usable_upload(oracle, request, answer);
    unsigned wanted = fault ? BIT(CULL_E_IO) | BIT(CULL_E_PARTIAL) : BIT(CULL_OK);

    if (upload == NULL) {
        return;
    }
    for (size_t i = 0; i < request->content_count; i++) {
        const struct world_letter *letter = letter_of(oracle, &request->contents[i]);

        if (!is_named(oracle, upload, &letter->digest) ||
            oracle_blob(oracle, &letter->digest)->size_bytes != letter->len) {
            (void)oracle_expect(oracle, request, answer, BIT(CULL_E_INVALID));
            return;
        }
    }
    if (!oracle_expect(oracle, request, answer, wanted)) {
        return;
    }
    oracle_expire(oracle);
    if (fault && request->fault == CULL__FAULT_PUBLISH) {
        return;
    }
    for (size_t i = 0; i < request->content_count; i++) {
        const struct world_letter *letter = letter_of(oracle, &request->contents[i]);

        oracle_publish(oracle, &letter->digest, letter->len,
                       oracle_blob(oracle, &letter->digest)->incarnation);
        if (!fault) {
            confirm(oracle, &letter->digest);
        }
    }
}

static void step_publish(struct oracle *oracle, const struct cull__request *request,
                         const struct cull__answer *answer, bool fault)
{
    unsigned wanted = oracle->settings.late_deletes == CULL_LATE_INCARNATION ? BIT(CULL_E_USAGE)
                      : fault                                                ? BIT(CULL_E_IO)
                                                                             : BIT(CULL_OK);

    if (!oracle_expect(oracle, request, answer, wanted) || wanted == BIT(CULL_E_USAGE) ||
        (fault && request->fault == CULL__FAULT_PUBLISH)) {
        return;
    }
    for (size_t i = 0; i < request->content_count; i++) {
        const struct world_letter *letter = letter_of(oracle, &request->contents[i]);

        oracle_publish(oracle, &letter->digest, letter->len, 0);
        if (fault) {
            break; /* the first answer that was lost ended it */
        }
    }
}

static void step_confirm(struct oracle *oracle, const struct cull__request *request,
                         const struct cull__answer *answer)
{
    struct oracle_upload *upload = usable_upload(oracle, request, answer);
    unsigned refusals = 0;

    if (upload == NULL) {
        return;
    }
    for (size_t i = 0; i < request->blob_count; i++) {
        const cull_digest *digest = &request->blobs[i].digest;
        const struct oracle_object *object;

        if (!is_named(oracle, upload, digest)) {
            (void)oracle_expect(oracle, request, answer, BIT(CULL_E_NOTFOUND));
            return;
        }
        object = oracle_object(oracle, digest, oracle_blob(oracle, digest)->incarnation);
        if (object == NULL) {
            refusals |= BIT(CULL_E_NOT_STORED);
        } else if (object->size_bytes != oracle_blob(oracle, digest)->size_bytes) {
            refusals |= BIT(CULL_E_INVALID);
        }
    }
    if (!oracle_expect(oracle, request, answer, refusals != 0 ? refusals : BIT(CULL_OK)) ||
        refusals != 0) {
        return;
    }
    oracle_expire(oracle);
    for (size_t i = 0; i < request->blob_count; i++) {
        confirm(oracle, &request->blobs[i].digest);
    }
}

/* --- commit --------------------------------------------------------------------------------- */

static size_t entry_place(const struct oracle_manifest *manifest, const char *path)
{
    size_t at = 0;

    while (at < manifest->count && strcmp(manifest->entries[at].path, path) < 0) {
        at++;
    }
    return at;
}

static void entry_put(struct oracle_manifest *manifest, const cull_entry *entry)
{
    size_t at = entry_place(manifest, entry->path);
    struct oracle_entry *place = &manifest->entries[at];

    if (at == manifest->count || strcmp(place->path, entry->path) != 0) {
        if (manifest->count == ORACLE_ENTRIES_MAX) {
            return;
        }
        memmove(place + 1, place, (manifest->count - at) * sizeof *place);
        manifest->count++;
    }
    copy_text(place->path, entry->path);
    place->digest = entry->digest;
    place->size_bytes = entry->size_bytes;
}

/* False: a removed path is not there. */
static bool entry_remove(struct oracle_manifest *manifest, const char *path)
{
    size_t at = entry_place(manifest, path);
    struct oracle_entry *place = &manifest->entries[at];

    if (at == manifest->count || strcmp(place->path, path) != 0) {
        return false;
    }
    manifest->count--;
    memmove(place, place + 1, (manifest->count - at) * sizeof *place);
    return true;
}

/* The manifest that a commit means. False: the patch does not fit. */
static bool new_manifest(const struct oracle *oracle, const struct cull__request *request,
                         const struct oracle_upload *upload, struct oracle_manifest *out)
{
    const struct oracle_collection *collection = &oracle->collections[upload->collection];
    bool fits = true;

    memset(out, 0, sizeof *out);
    if (request->flags & CULL__REQUEST_PATCH) {
        *out = collection->versions[upload->base - 1].manifest;
    }
    for (size_t i = 0; i < request->entry_count; i++) {
        if (request->entries[i].kind == CULL_ENTRY_NONE) {
            fits = entry_remove(out, request->entries[i].path) && fits;
        } else {
            entry_put(out, &request->entries[i]);
        }
    }
    return fits;
}

/* Same paths, same digests: sizes are no part of what a manifest is. */
static bool same_manifest(const struct oracle_manifest *a, const struct oracle_manifest *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->entries[i].path, b->entries[i].path) != 0 ||
            memcmp(&a->entries[i].digest, &b->entries[i].digest, sizeof(cull_digest)) != 0) {
            return false;
        }
    }
    return true;
}

static bool is_missing(const struct oracle *oracle, const cull_digest *digest)
{
    const struct oracle_blob *blob = oracle_blob(oracle, digest);

    return blob == NULL || blob->state != ORACLE_LIVE;
}

static size_t count_missing(const struct oracle *oracle, const struct oracle_manifest *manifest)
{
    size_t missing = 0;

    for (size_t i = 0; i < manifest->count; i++) {
        bool again = false;

        for (size_t j = 0; j < i; j++) {
            again = again || memcmp(&manifest->entries[i].digest, &manifest->entries[j].digest,
                                    sizeof(cull_digest)) == 0;
        }
        missing += !again && is_missing(oracle, &manifest->entries[i].digest);
    }
    return missing;
}

/* The list of what to send again is that of the manifest's blobs that are not there. */
static void check_missing(struct oracle *oracle, const struct cull__answer *answer,
                          const struct oracle_manifest *manifest)
{
    const cull_digest *told = (const cull_digest *)(const void *)answer->missing.data;
    size_t count = answer->missing.len / sizeof *told;

    if (count != count_missing(oracle, manifest)) {
        oracle_break(oracle, "commit: %zu blobs were listed to send again, expected %zu", count,
                     count_missing(oracle, manifest));
    }
    for (size_t i = 0; i < count; i++) {
        if (!oracle_holds(manifest, &told[i]) || !is_missing(oracle, &told[i])) {
            oracle_break(oracle, "commit: blob %c was listed to send again",
                         world_letter_of(oracle->world, &told[i]));
        }
    }
}

static bool sizes_differ(const struct oracle *oracle, const struct oracle_manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const struct oracle_blob *blob = oracle_blob(oracle, &manifest->entries[i].digest);

        if (manifest->entries[i].size_bytes != CULL_SIZE_UNKNOWN &&
            manifest->entries[i].size_bytes != blob->size_bytes) {
            return true;
        }
    }
    return false;
}

static size_t newest_equal(const struct oracle_collection *collection,
                           const struct oracle_manifest *manifest)
{
    for (size_t i = collection->version_count; i-- > 0;) {
        if (collection->versions[i].state == CULL_VERSION_COMMITTED &&
            same_manifest(&collection->versions[i].manifest, manifest)) {
            return i;
        }
    }
    return ORACLE_NONE;
}

static size_t add_version(struct oracle *oracle, const struct cull__request *request,
                          const struct oracle_upload *upload,
                          const struct oracle_manifest *manifest)
{
    struct oracle_collection *collection = &oracle->collections[upload->collection];
    struct oracle_version *version = GROW(collection, version);

    version->manifest = *manifest;
    version->state = CULL_VERSION_COMMITTED;
    version->run = upload->run;
    version->created_ms = oracle->world->now_ms;
    version->ttl_ms = request->ms;
    oracle->reached[REACHED_COMMITS]++;
    oracle->reached[REACHED_PATCHES] += (request->flags & CULL__REQUEST_PATCH) != 0;
    oracle->reached[REACHED_OLDER_BASE] +=
        upload->base > 0 && upload->base + 1 != collection->version_count;
    return collection->version_count - 1;
}

static void do_commit(struct oracle *oracle, const struct cull__request *request,
                      const struct cull__answer *answer, struct oracle_upload *upload,
                      const struct oracle_manifest *manifest)
{
    struct oracle_collection *collection = &oracle->collections[upload->collection];
    size_t ordinal = newest_equal(collection, manifest);
    bool is_new = ordinal == ORACLE_NONE;

    if (is_new) {
        ordinal = add_version(oracle, request, upload, manifest);
    }
    oracle->reached[REACHED_EQUAL] += !is_new;
    oracle_end(upload);
    alias_set(oracle, collection, (uint32_t)ordinal, "latest");
    for (size_t i = 0; i < request->alias_count; i++) {
        alias_set(oracle, collection, (uint32_t)ordinal, request->aliases[i]);
    }
    for (size_t i = 0; i < request->tag_count; i++) {
        label_add(&collection->versions[ordinal].tags, request->tags[i]);
    }
    if (answer->commit.is_new != is_new || answer->commit.version.ordinal != ordinal) {
        oracle_break(oracle, "commit: made%s v%" PRIu32 ", expected%s v%zu",
                     answer->commit.is_new ? "" : " no version but gave",
                     answer->commit.version.ordinal, is_new ? "" : " no version but", ordinal);
    }
}

static void step_commit(struct oracle *oracle, const struct cull__request *request,
                        const struct cull__answer *answer)
{
    struct oracle_upload *upload = oracle_upload(oracle, request->slot);
    struct oracle_manifest manifest;
    unsigned refusals = 0;
    bool patch = (request->flags & CULL__REQUEST_PATCH) != 0;

    if (oracle->world->uploads[request->slot] != 0 && is_over(oracle, upload)) {
        /* a patch that fits nothing may be refused for that */
        refusals = BIT(CULL_E_ENDED);
        refusals |= patch && upload->base == 0 ? BIT(CULL_E_USAGE) : 0;
        refusals |= patch ? BIT(CULL_E_INVALID) : 0;
        (void)oracle_expect(oracle, request, answer, refusals);
        oracle->reached[REACHED_LATE_COMMITS]++;
        return;
    }
    upload = usable_upload(oracle, request, answer);
    if (upload == NULL) {
        return;
    }
    if (patch && upload->base == 0) {
        (void)oracle_expect(oracle, request, answer, BIT(CULL_E_USAGE));
        return;
    }
    if (!new_manifest(oracle, request, upload, &manifest)) {
        (void)oracle_expect(oracle, request, answer, BIT(CULL_E_INVALID));
        return;
    }
    if (count_missing(oracle, &manifest) > 0) {
        (void)oracle_expect(oracle, request, answer, BIT(CULL_E_NOT_STORED));
        check_missing(oracle, answer, &manifest);
        oracle->reached[REACHED_NOT_STORED]++;
        return;
    }
    if (sizes_differ(oracle, &manifest)) {
        (void)oracle_expect(oracle, request, answer, BIT(CULL_E_INVALID));
        return;
    }
    if (oracle_expect(oracle, request, answer, BIT(CULL_OK))) {
        oracle_expire(oracle);
        do_commit(oracle, request, answer, upload, &manifest);
    }
}

static void step_abort(struct oracle *oracle, const struct cull__request *request,
                       const struct cull__answer *answer)
{
    struct oracle_upload *upload = usable_upload(oracle, request, answer);

    if (upload != NULL && oracle_expect(oracle, request, answer, BIT(CULL_OK))) {
        oracle_expire(oracle);
        oracle_end(upload);
    }
}

static void step_renew(struct oracle *oracle, const struct cull__request *request,
                       const struct cull__answer *answer)
{
    struct oracle_upload *upload = usable_upload(oracle, request, answer);

    if (upload != NULL && oracle_expect(oracle, request, answer, BIT(CULL_OK))) {
        oracle_expire(oracle);
        upload->until_ms = oracle->world->now_ms + upload->lease_ms;
    }
}

/* --- aliases and tags ------------------------------------------------------------------------- */

/* What is to be named must be COMMITTED. */
static unsigned named_refusals(const struct oracle_version *version)
{
    if (version == NULL || version->state == CULL_VERSION_PURGED) {
        return BIT(CULL_E_NOTFOUND);
    }
    return version->state == CULL_VERSION_DELETED ? BIT(CULL_E_REFUSED) : 0;
}

static void step_alias_set(struct oracle *oracle, const struct cull__request *request,
                           const struct cull__answer *answer)
{
    struct oracle_version *version;
    struct oracle_collection *collection = oracle_resolve(oracle, &request->versions[0], &version);
    unsigned refusals = named_refusals(version);

    if (oracle_expect(oracle, request, answer, refusals != 0 ? refusals : BIT(CULL_OK)) &&
        refusals == 0) {
        oracle_expire(oracle);
        alias_set(oracle, collection, request->versions[0].ordinal, request->label);
    }
}

static void step_alias_remove(struct oracle *oracle, const struct cull__request *request,
                              const struct cull__answer *answer)
{
    struct oracle_collection *collection = oracle_resolve(oracle, &request->versions[0], NULL);
    size_t at = collection == NULL ? ORACLE_NONE : oracle_alias(collection, request->label);

    if (oracle_expect(oracle, request, answer,
                      at == ORACLE_NONE ? BIT(CULL_E_NOTFOUND) : BIT(CULL_OK)) &&
        at != ORACLE_NONE) {
        oracle_expire(oracle);
        alias_remove(collection, at);
    }
}

static void step_tag(struct oracle *oracle, const struct cull__request *request,
                     const struct cull__answer *answer)
{
    bool present = (request->flags & CULL__REQUEST_PRESENT) != 0;
    struct oracle_version *version;
    unsigned refusals;

    (void)oracle_resolve(oracle, &request->versions[0], &version);
    refusals = named_refusals(version);
    if (refusals == 0 && !present && !oracle_label_has(&version->tags, request->label)) {
        refusals = BIT(CULL_E_NOTFOUND);
    }
    if (!oracle_expect(oracle, request, answer, refusals != 0 ? refusals : BIT(CULL_OK)) ||
        refusals != 0) {
        return;
    }
    oracle_expire(oracle);
    if (present) {
        label_add(&version->tags, request->label);
    } else {
        label_remove(&version->tags, label_place(&version->tags, request->label));
    }
}

/* --- deleting and restoring ------------------------------------------------------------------- */

void oracle_delete(struct oracle *oracle, struct oracle_collection *collection, size_t ordinal,
                   cull_delete_reason reason)
{
    struct oracle_version *version = &collection->versions[ordinal];

    for (size_t i = collection->aliases.count; i-- > 0;) {
        if (collection->alias_ordinals[i] == ordinal) {
            label_add(&version->lost, collection->aliases.text[i]);
            alias_remove(collection, i);
        }
    }
    version->state = CULL_VERSION_DELETED;
    version->reason = reason;
    version->deleted_ms = oracle->world->now_ms;
    version->kept_until_ms = oracle->world->now_ms + oracle->settings.grace_ms;
    oracle->reached[REACHED_DELETES] += reason != CULL_REASON_TTL;
}

static void step_delete(struct oracle *oracle, const struct cull__request *request,
                        const struct cull__answer *answer)
{
    bool with_aliases = (request->flags & CULL__REQUEST_DELETE_ALIASES) != 0;
    unsigned refusals = 0;
    struct oracle_collection *collection;
    struct oracle_version *version;

    for (size_t i = 0; i < request->version_count; i++) {
        collection = oracle_resolve(oracle, &request->versions[i], &version);
        if (version == NULL || version->state != CULL_VERSION_COMMITTED) {
            refusals |= BIT(CULL_E_NOTFOUND);
        } else if (!with_aliases && has_aliases(collection, request->versions[i].ordinal)) {
            refusals |= BIT(CULL_E_REFUSED);
            oracle->reached[REACHED_ALIAS_REFUSALS]++;
        }
    }
    if (!oracle_expect(oracle, request, answer, refusals != 0 ? refusals : BIT(CULL_OK)) ||
        refusals != 0) {
        return;
    }
    oracle_expire(oracle);
    for (size_t i = 0; i < request->version_count && !(request->flags & CULL__REQUEST_DRY_RUN);
         i++) {
        collection = oracle_resolve(oracle, &request->versions[i], &version);
        if (version->state == CULL_VERSION_COMMITTED) { /* named twice counts once */
            oracle_delete(oracle, collection, request->versions[i].ordinal, CULL_REASON_USER);
        }
    }
}

static bool in_scope(const struct oracle_collection *collection,
                     const struct cull__request *request)
{
    return !collection->deleted && strcmp(collection->entity, request->entity) == 0 &&
           (request->scope < CULL_SCOPE_PROJECT ||
            strcmp(collection->project, request->project) == 0) &&
           (request->scope < CULL_SCOPE_COLLECTION ||
            strcmp(collection->name, request->collection) == 0);
}

static bool scope_is_there(const struct oracle *oracle, const struct cull__request *request)
{
    for (size_t i = 0; i < oracle->collection_count; i++) {
        if (in_scope(&oracle->collections[i], request)) {
            return true;
        }
    }
    for (size_t i = 0; i < oracle->run_count && request->scope < CULL_SCOPE_COLLECTION; i++) {
        const struct oracle_run *run = &oracle->runs[i];

        if (!run->deleted && strcmp(run->entity, request->entity) == 0 &&
            (request->scope < CULL_SCOPE_PROJECT || strcmp(run->project, request->project) == 0)) {
            return true;
        }
    }
    return false;
}

/* Was the visitor told of exactly this version? */
static bool was_told(const struct cull__answer *answer, uint64_t collection, size_t ordinal)
{
    const cull_version_key *told = (const cull_version_key *)(const void *)answer->told.data;
    size_t times = 0;

    for (size_t i = 0; i < answer->told.len / sizeof *told; i++) {
        times += told[i].collection == collection && told[i].ordinal == ordinal;
    }
    return times == 1;
}

/* The versions that a cascade takes; with really, takes them. */
static size_t cascade(struct oracle *oracle, const struct cull__request *request, size_t run,
                      const struct cull__answer *answer, bool really)
{
    size_t count = 0;

    for (size_t i = 0; i < oracle->collection_count; i++) {
        struct oracle_collection *collection = &oracle->collections[i];

        for (size_t ordinal = 0; ordinal < collection->version_count; ordinal++) {
            struct oracle_version *version = &collection->versions[ordinal];

            if (version->state != CULL_VERSION_COMMITTED ||
                (run == ORACLE_NONE
                     ? !in_scope(collection, request)
                     : version->run != run || !(request->flags & CULL__REQUEST_ARTIFACTS))) {
                continue;
            }
            count++;
            if (collection->id != 0 && !was_told(answer, collection->id, ordinal)) {
                oracle_break(oracle,
                             "delete-scope: v%zu of collection %" PRIu64 " was not told once",
                             ordinal, collection->id);
            }
            if (really) {
                oracle_delete(oracle, collection, ordinal, CULL_REASON_CASCADE);
            }
        }
    }
    return count;
}

static void step_delete_scope(struct oracle *oracle, const struct cull__request *request,
                              const struct cull__answer *answer)
{
    bool really = !(request->flags & CULL__REQUEST_DRY_RUN);
    size_t run = request->scope == CULL_SCOPE_RUN ? find_run(oracle, request) : ORACLE_NONE;
    bool there =
        request->scope == CULL_SCOPE_RUN ? run != ORACLE_NONE : scope_is_there(oracle, request);
    size_t count;

    if (!oracle_expect(oracle, request, answer, there ? BIT(CULL_OK) : BIT(CULL_E_NOTFOUND)) ||
        !there) {
        return;
    }
    oracle_expire(oracle);
    count = cascade(oracle, request, run, answer, really);
    if (count != answer->told.len / sizeof(cull_version_key)) {
        oracle_break(oracle, "delete-scope: told of %zu versions, expected %zu",
                     answer->told.len / sizeof(cull_version_key), count);
    }
    if (!really) {
        return;
    }
    oracle->reached[REACHED_CASCADES]++;
    if (run != ORACLE_NONE) {
        oracle->runs[run].deleted = true;
        return;
    }
    for (size_t i = 0; i < oracle->upload_count; i++) {
        if (oracle->uploads[i].open &&
            in_scope(&oracle->collections[oracle->uploads[i].collection], request)) {
            oracle_end(&oracle->uploads[i]);
        }
    }
    for (size_t i = 0; i < oracle->collection_count; i++) {
        if (in_scope(&oracle->collections[i], request)) {
            oracle->collections[i].deleted = true;
        }
    }
}

/* Why a restore is refused; 0: it is not. */
static unsigned restore_refusals(const struct oracle *oracle, const struct cull__request *request)
{
    unsigned refusals = 0;

    for (size_t i = 0; i < request->version_count; i++) {
        struct oracle_version *version;
        struct oracle_collection *collection =
            oracle_resolve(oracle, &request->versions[i], &version);
        const char *name = request->label[0] != '\0' ? request->label
                           : collection == NULL      ? ""
                                                     : collection->name;

        if (version == NULL || version->state != CULL_VERSION_DELETED) {
            refusals |= BIT(CULL_E_NOTFOUND);
        }
        if (collection == NULL) {
            continue;
        }
        if (collection->deleted &&
            oracle_find(oracle, collection->entity, collection->project, name) != NULL) {
            refusals |= BIT(CULL_E_EXISTS);
        }
        for (size_t j = 0; j < i; j++) {
            const struct oracle_collection *other =
                oracle_resolve(oracle, &request->versions[j], NULL);

            if (other == NULL || other == collection) {
                continue;
            }
            if (request->label[0] != '\0') {
                refusals |= BIT(CULL_E_USAGE);
            } else if (collection->deleted && other->deleted &&
                       strcmp(other->name, collection->name) == 0 &&
                       strcmp(other->project, collection->project) == 0) {
                refusals |= BIT(CULL_E_EXISTS); /* two cannot come back under one name */
            }
        }
    }
    return refusals;
}

static void restore_one(struct oracle *oracle, struct oracle_collection *collection, size_t ordinal)
{
    struct oracle_version *version = &collection->versions[ordinal];

    version->state = CULL_VERSION_COMMITTED;
    version->reason = CULL_REASON_NONE;
    version->deleted_ms = version->kept_until_ms = 0;
    for (size_t i = 0; i < version->lost.count; i++) {
        if (oracle_alias(collection, version->lost.text[i]) == ORACLE_NONE) {
            alias_set(oracle, collection, (uint32_t)ordinal, version->lost.text[i]);
        }
    }
    version->lost.count = 0;
    oracle->reached[REACHED_RESTORES]++;
}

static void step_restore(struct oracle *oracle, const struct cull__request *request,
                         const struct cull__answer *answer)
{
    struct oracle_collection *collections[8];
    unsigned refusals = restore_refusals(oracle, request);

    oracle->reached[REACHED_TAKEN_NAMES] += (refusals & BIT(CULL_E_EXISTS)) != 0;
    if (!oracle_expect(oracle, request, answer, refusals != 0 ? refusals : BIT(CULL_OK)) ||
        refusals != 0) {
        return;
    }
    oracle_expire(oracle);
    for (size_t i = 0; i < request->version_count && i < 8; i++) {
        collections[i] = oracle_resolve(oracle, &request->versions[i], NULL);
    }
    for (size_t i = 0; i < request->version_count && i < 8; i++) {
        if (collections[i]->deleted) {
            collections[i]->deleted = false;
            oracle->reached[REACHED_REVIVALS]++;
            if (request->label[0] != '\0') {
                copy_text(collections[i]->name, request->label);
            }
        }
    }
    /* in order of ordinals: of two that lost the same alias, the first gets it back */
    for (uint32_t ordinal = 0; ordinal < 1024; ordinal++) {
        for (size_t i = 0; i < request->version_count && i < 8; i++) {
            if (request->versions[i].ordinal == ordinal &&
                collections[i]->versions[ordinal].state == CULL_VERSION_DELETED) {
                restore_one(oracle, collections[i], ordinal);
            }
        }
    }
}

/* --- all together --------------------------------------------------------------------------- */

static void step_names(struct oracle *oracle, const struct cull__request *request,
                       const struct cull__answer *answer)
{
    switch (request->op) {
    case CULL__REQUEST_ALIAS_SET:
        step_alias_set(oracle, request, answer);
        break;
    case CULL__REQUEST_ALIAS_REMOVE:
        step_alias_remove(oracle, request, answer);
        break;
    case CULL__REQUEST_TAG:
        step_tag(oracle, request, answer);
        break;
    case CULL__REQUEST_DELETE:
        step_delete(oracle, request, answer);
        break;
    case CULL__REQUEST_DELETE_SCOPE:
        step_delete_scope(oracle, request, answer);
        break;
    case CULL__REQUEST_RESTORE:
        step_restore(oracle, request, answer);
        break;
    case CULL__REQUEST_PLAN:
    case CULL__REQUEST_EXECUTE:
    case CULL__REQUEST_COLLECT:
    case CULL__REQUEST_FINISH:
    case CULL__REQUEST_FSCK:
        break; /* see oracle_step */
    default:   /* changes nothing that a caller can see */
        (void)oracle_expect(oracle, request, answer, BIT(CULL_OK));
        break;
    }
}

void oracle_step(struct oracle *oracle, const struct cull__request *request,
                 const struct cull__answer *answer, bool fault)
{
    switch (request->op) {
    case CULL__REQUEST_OPEN:
        step_open(oracle, request, answer);
        break;
    case CULL__REQUEST_PUT:
        step_put(oracle, request, answer);
        break;
    case CULL__REQUEST_SEND:
        step_send(oracle, request, answer, fault);
        break;
    case CULL__REQUEST_PUBLISH:
        step_publish(oracle, request, answer, fault);
        break;
    case CULL__REQUEST_CONFIRM:
        step_confirm(oracle, request, answer);
        break;
    case CULL__REQUEST_COMMIT:
        step_commit(oracle, request, answer);
        break;
    case CULL__REQUEST_ABORT:
        step_abort(oracle, request, answer);
        break;
    case CULL__REQUEST_RENEW:
        step_renew(oracle, request, answer);
        break;
    case CULL__REQUEST_REOPEN:
        memset(oracle->plans[request->process], 0, sizeof oracle->plans[request->process]);
        (void)oracle_expect(oracle, request, answer,
                            oracle->created ? BIT(CULL_OK) : BIT(CULL_E_NOTFOUND));
        break;
    case CULL__REQUEST_CREATE:
        if (oracle_expect(oracle, request, answer,
                          oracle->created ? BIT(CULL_E_EXISTS) : BIT(CULL_OK))) {
            oracle->created = true;
        }
        break;
    default:
        step_names(oracle, request, answer);
        oracle_cycle_step(oracle, request, answer, fault);
        break;
    }
}
