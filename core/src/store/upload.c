/*
 * upload.c - an upload's life up to its commit: open, put, confirm, send, renew, abort.
 *
 * SHAPE     The upload itself is state in the log; the handle holds its id and, once asked for, the
 *           members of its base as bits. Numbers of pinned blobs and of a pinned base never change
 *           while the upload is open, so those bits stay true.
 * INVARIANT What was answered *stored* is pinned by this upload or a member of its base, and LIVE.
 *           A confirmation is appended only after the object is durable. A store that keeps no
 *           objects answers *stored* too, but the blob stays EXPECTED until somebody confirms it or
 *           a version that holds it is committed (commit.c): what an upload only named, and never
 *           came to hold, was there before it and is nobody's to delete (hand_over.c).
 * COST      put: one append for up to CULL__PUT_BATCH blobs. An upload of unchanged files appends
 *           its opening and its commit only.
 * FAILURE   A lease past its end is ended by whoever comes next, before anything is checked: an
 *           upload that is not in the catalog has ended.
 */
#include "store/upload.h"

#include <stdlib.h>

#include "object/objects_internal.h"
#include "store/sizes.h"

/* --- open ----------------------------------------------------------------------------------- */

struct open_ctx {
    const cull_upload_options *options;
    uint64_t upload;
    uint64_t collection;
};

/* Ids of the collection and run, made by facts where they are not there. */
static cull_status name_everything(struct cull__txn *txn, struct open_ctx *open, uint64_t *run_id,
                                   cull_error *err)
{
    const cull_upload_options *options = open->options;
    const cull_name *name = options->collection;
    const struct cull__entity *entity = cull__entity_find(txn->store->catalog, name->entity);
    const struct cull__project *project =
        entity == NULL ? NULL : cull__project_find(entity, name->project);
    const struct cull__collection *collection =
        project == NULL ? NULL : cull__collection_find(project, name->collection);
    const struct cull__run *run =
        project == NULL || options->run == NULL ? NULL : cull__run_find(project, options->run);
    uint64_t entity_id = entity == NULL ? 0 : entity->id;
    uint64_t project_id = project == NULL ? 0 : project->id;
    const struct cull__place place = { entity, name->entity, NULL };
    cull_status status =
        cull__check_role(txn->store->catalog, cull__txn_actor(txn), &place, CULL_ROLE_MEMBER, err);

    if (status == CULL_OK) {
        status = cull__check_project(project, err);
    }
    if (status != CULL_OK) {
        return status;
    }
    if (collection != NULL) {
        open->collection = collection->id;
        status = options->type == NULL ? CULL_OK : cull__check_type(collection, options->type, err);
        if (status == CULL_OK && options->has_base) {
            status = cull__check_base(collection, options->base, err);
        }
    } else if (options->has_base) {
        status = cull__error_set(err, CULL_E_NOTFOUND, "%s/%s/%s:v%u: no such version to build on",
                                 name->entity, name->project, name->collection, options->base);
    }
    if (status != CULL_OK) {
        return status;
    }
    if (entity == NULL) {
        cull__txn_add_named(txn, CULL__FACT_ENTITY, 0, name->entity, NULL, &entity_id);
    }
    if (project == NULL) {
        cull__txn_add_named(txn, CULL__FACT_PROJECT, entity_id, name->project, NULL, &project_id);
    }
    if (collection == NULL) {
        cull__txn_add_named(txn, CULL__FACT_COLLECTION, project_id, name->collection,
                            options->type == NULL ? "dataset" : options->type, &open->collection);
    }
    *run_id = run == NULL ? 0 : run->id;
    if (options->run != NULL && run == NULL) {
        cull__txn_add_named(txn, CULL__FACT_RUN, project_id, options->run, NULL, run_id);
    }
    return CULL_OK;
}

static cull_status check_open(struct cull__txn *txn, void *ctx, cull_error *err)
{
    struct open_ctx *open = ctx;
    const cull_upload_options *options = open->options;
    uint64_t lease_ms = options->lease_ms == 0 ? txn->store->settings.lease_ms : options->lease_ms;
    struct cull__fact fact = { .type = CULL__FACT_UPLOAD_OPEN };
    cull_status status = name_everything(txn, open, &fact.run, err);

    if (status != CULL_OK) {
        return status;
    }
    fact.id = open->upload = txn->next_id++;
    fact.parent = open->collection;
    fact.ordinal = options->has_base ? options->base + 1 : 0;
    fact.until_ms = lease_ms > UINT64_MAX - txn->now_ms ? UINT64_MAX : txn->now_ms + lease_ms;
    cull__txn_add(txn, &fact);
    return CULL_OK;
}

static cull_status upload_new(cull_upload **out, cull_store *store, uint64_t id,
                              uint64_t collection, uint32_t base, cull_error *err)
{
    cull_upload *upload = cull__alloc_zero(store->allocator, 1, sizeof *upload);

    *out = upload;
    if (upload == NULL) {
        return cull__error_nomem(err);
    }
    upload->store = store;
    upload->id = id;
    upload->collection = collection;
    upload->base = base;
    upload->members = (struct cull__bits)CULL__BITS_INIT(store->allocator);
    return CULL_OK;
}

cull_status cull_upload_open(cull_upload **out, cull_store *store,
                             const cull_upload_options *options, const cull_caller *caller,
                             cull_error *err)
{
    struct open_ctx open = { options, 0, 0 };
    cull_upload *upload = NULL;
    cull_status status = cull__check_name("entity", options->collection->entity, err);

    *out = NULL;
    if (status == CULL_OK) {
        status = cull__check_name("project", options->collection->project, err);
    }
    if (status == CULL_OK) {
        status = cull__check_name("collection", options->collection->collection, err);
    }
    if (status == CULL_OK && options->type != NULL) {
        status = cull__check_name("type", options->type, err);
    }
    if (status == CULL_OK && options->run != NULL) {
        status = cull__check_name("run", options->run, err);
    }
    if (status == CULL_OK) { /* memory first: an upload that is open has a handle */
        status = upload_new(&upload, store, 0, 0,
                            options->has_base ? options->base : CULL__NO_ORDINAL, err);
    }
    if (status == CULL_OK) {
        status = cull__transact(store, CULL__NEED_CATALOG, caller, check_open, &open, err);
    }
    if (status != CULL_OK) {
        cull_upload_free(upload);
        return status;
    }
    upload->id = open.upload;
    upload->collection = open.collection;
    *out = upload;
    return CULL_OK;
}

cull_status cull_upload_attach(cull_upload **out, cull_store *store, uint64_t id, cull_error *err)
{
    const struct cull__upload *found;
    cull_status status = cull__store_enter(store, CULL__NEED_CATALOG, err);

    *out = NULL;
    if (status != CULL_OK) {
        return status;
    }
    found = cull__upload_by_id(store->catalog, id);
    if (found == NULL) {
        status = cull__error_set(err, CULL_E_NOTFOUND, "upload:%llu: no such open upload",
                                 (unsigned long long)id);
    } else {
        status = upload_new(out, store, id, found->collection->id, found->base, err);
    }
    cull__store_leave(store);
    return status;
}

uint64_t cull_upload_id(const cull_upload *upload)
{
    return upload->id;
}

void cull_upload_free(cull_upload *upload)
{
    if (upload != NULL) {
        cull__bits_release(&upload->members);
        cull__free(upload->store->allocator, upload);
    }
}

/* --- what an open upload may rely on ---------------------------------------------------------- */

cull_status cull__upload_check_open(const cull_upload *upload, cull_error *err)
{
    if (cull__upload_by_id(upload->store->catalog, upload->id) == NULL) {
        return cull__error_set(err, CULL_E_ENDED,
                               "upload:%llu: has ended: committed, aborted, or its lease is over",
                               (unsigned long long)upload->id);
    }
    return CULL_OK;
}

cull_status cull__upload_check_writer(const cull_upload *upload, const struct cull__txn *txn,
                                      cull_error *err)
{
    cull_status status = cull__upload_check_open(upload, err);

    return status == CULL_OK
               ? cull__txn_check_member(
                     txn, cull__upload_by_id(txn->store->catalog, upload->id)->collection, err)
               : status;
}

cull_status cull__upload_members(cull_upload *upload, cull_error *err)
{
    const struct cull__index *index = upload->store->index;
    struct cull__u32s members = CULL__U32S_INIT(upload->store->allocator);
    cull_status status = CULL_OK;

    if (upload->base == CULL__NO_ORDINAL || upload->has_members) {
        return CULL_OK;
    }
    status = cull__lifespans_members(cull__index_spans(index, upload->collection), upload->base,
                                     &members);
    if (status == CULL_OK) {
        status = cull__bits_resize(&upload->members, cull__blob_table_limit(index->blobs));
    }
    for (size_t i = 0; i < members.count && status == CULL_OK; i++) {
        cull__bit_set(upload->members.words, members.at[i]);
    }
    upload->has_members = status == CULL_OK;
    cull__u32s_release(&members);
    return status == CULL_OK ? CULL_OK : cull__error_set(err, status, "%s", cull_strerror(status));
}

bool cull__upload_base_holds(const cull_upload *upload, uint32_t number)
{
    return upload->has_members && number < upload->members.count &&
           cull__bit_get(upload->members.words, number);
}

bool cull__upload_pins(const cull_upload *upload, uint32_t number)
{
    const struct cull__pins *pins = cull__index_pins(upload->store->index, upload->id);

    return pins != NULL && number < pins->set.count && cull__bit_get(pins->set.words, number);
}

bool cull__upload_may_hold(const cull_store *store, uint32_t number)
{
    enum cull__blob_state state = cull__blob_table_state(store->index->blobs, number);

    return state == CULL__BLOB_LIVE || (store->settings.index_only && state == CULL__BLOB_EXPECTED);
}

/* --- put ------------------------------------------------------------------------------------ */

struct fresh {
    cull_digest digest;
    uint32_t position; /* in the batch */
};

struct put_ctx {
    cull_upload *upload;
    const cull_blob_ref *blobs;
    size_t count;
    cull_put_answer *answers;
    uint32_t *numbers;             /* count of them */
    struct cull__u32s known;       /* pinned now, known before */
    struct fresh *unknown;         /* not in the table, sorted: finds duplicates in the batch */
    struct cull__fact_blob *fresh; /* pinned now, new; at most count */
    struct cull__sizes sizes;      /* said anew, of blobs that nobody holds */
    cull_digest refused;           /* with CULL_E_INVALID: of which of the batch */
};

/* A size that is not known contradicts none. */
static bool sizes_differ(uint64_t a, uint64_t b)
{
    return a != b && a != CULL_SIZE_UNKNOWN && b != CULL_SIZE_UNKNOWN;
}

static cull_status size_differs(struct put_ctx *put, size_t i, uint64_t known_bytes,
                                cull_error *err)
{
    const cull_blob_ref *blob = &put->blobs[i];
    char hex[CULL_DIGEST_HEX_MAX];

    put->refused = blob->digest;
    cull_digest_to_hex(hex, &blob->digest, put->upload->store->settings.digest);
    return cull__error_set(err, CULL_E_INVALID, "blob %s: known with %llu bytes, named with %llu",
                           hex, (unsigned long long)known_bytes,
                           (unsigned long long)blob->size_bytes);
}

/* A blob that has a number: pin it unless something holds it for this upload already. */
static cull_status put_known(struct put_ctx *put, size_t i, cull_error *err)
{
    const struct cull__index *index = put->upload->store->index;
    uint32_t number = put->numbers[i];
    enum cull__blob_state state = cull__blob_table_state(index->blobs, number);
    uint64_t size_bytes = cull__blob_table_size(index->blobs, number);
    bool live = state == CULL__BLOB_LIVE;

    if (state == CULL__BLOB_DELETING) {
        put->answers[i] = CULL_PUT_WAIT;
        return CULL_OK;
    }
    if (state == CULL__BLOB_EXPECTED && cull__counts_get(index->counts, number) == 0) {
        /* as if it were named for the first time */
        if (cull__sizes_learn(&put->sizes, index, number, put->blobs[i].size_bytes, i) != CULL_OK) {
            return cull__error_nomem(err);
        }
    } else if (sizes_differ(size_bytes, put->blobs[i].size_bytes)) {
        return size_differs(put, i, size_bytes, err);
    }
    put->answers[i] =
        live || put->upload->store->settings.index_only ? CULL_PUT_STORED : CULL_PUT_SEND;
    if (cull__upload_pins(put->upload, number) ||
        (live && cull__upload_base_holds(put->upload, number))) {
        return CULL_OK;
    }
    return cull__u32s_push(&put->known, number) == CULL_OK ? CULL_OK : cull__error_nomem(err);
}

static int compare_fresh(const void *a, const void *b)
{
    const struct fresh *x = a;
    const struct fresh *y = b;
    int order = memcmp(&x->digest, &y->digest, sizeof x->digest);

    return order != 0 ? order : x->position < y->position ? -1 : x->position > y->position;
}

/* Blobs that have no number: each digest gets the next one, once. */
static cull_status put_unknown(struct put_ctx *put, size_t unknown_count, size_t *fresh_count,
                               cull_error *err)
{
    const struct cull_store *store = put->upload->store;

    *fresh_count = 0;
    if (unknown_count > 1) {
        qsort(put->unknown, unknown_count, sizeof *put->unknown, compare_fresh);
    }
    for (size_t i = 0; i < unknown_count; i++) {
        const cull_blob_ref *blob = &put->blobs[put->unknown[i].position];
        struct cull__fact_blob *fresh = put->fresh + *fresh_count;

        put->answers[put->unknown[i].position] =
            store->settings.index_only ? CULL_PUT_STORED : CULL_PUT_SEND;
        if (i > 0 && memcmp(&put->unknown[i - 1].digest, &blob->digest, sizeof blob->digest) == 0) {
            if (sizes_differ(fresh[-1].size_bytes, blob->size_bytes)) {
                return size_differs(put, put->unknown[i].position, fresh[-1].size_bytes, err);
            }
            if (fresh[-1].size_bytes == CULL_SIZE_UNKNOWN) {
                fresh[-1].size_bytes = blob->size_bytes; /* nothing is written yet */
            }
            continue;
        }
        fresh->number = cull__blob_table_next(store->index->blobs, *fresh_count);
        fresh->incarnation = store->index->incarnations ? (uint32_t)store->catalog->cycles : 0;
        fresh->size_bytes = blob->size_bytes;
        fresh->digest = blob->digest;
        ++*fresh_count;
    }
    return CULL_OK;
}

/* Sizes are the caller's word: their sum must stay one that can be written. */
static cull_status check_total(struct put_ctx *put, size_t fresh_count, cull_error *err)
{
    const cull_store *store = put->upload->store;
    uint64_t total_bytes;
    const struct cull__size_row *over =
        cull__sizes_overflow(&put->sizes, store->index->blobs, &total_bytes);
    const cull_digest *refused = over == NULL ? NULL : &put->blobs[over->entry].digest;

    for (size_t i = 0; i < fresh_count && refused == NULL; i++) {
        if (!cull__add_u64(&total_bytes, total_bytes, cull__known_size(put->fresh[i].size_bytes))) {
            refused = &put->fresh[i].digest;
        }
    }
    if (refused == NULL) {
        return CULL_OK;
    }
    put->refused = *refused;
    return cull__sizes_too_much(store, refused, err);
}

size_t cull__numbers_unique(struct cull__u32s *numbers)
{
    size_t kept = 0;

    cull__u32s_sort(numbers);
    for (size_t i = 0; i < numbers->count; i++) {
        if (i == 0 || numbers->at[i] != numbers->at[kept - 1]) {
            numbers->at[kept++] = numbers->at[i];
        }
    }
    numbers->count = kept;
    return kept;
}

/* Numbers of a batch's digests. */
static cull_status find_all(struct put_ctx *put)
{
    struct cull__blob_table *table = put->upload->store->index->blobs;
    cull_digest digests[256];
    cull_status status = CULL_OK;

    for (size_t at = 0; at < put->count && status == CULL_OK; at += ARRAY_LEN(digests)) {
        size_t count = put->count - at;

        count = count < ARRAY_LEN(digests) ? count : ARRAY_LEN(digests);
        for (size_t i = 0; i < count; i++) {
            digests[i] = put->blobs[at + i].digest;
        }
        status = cull__blob_table_find(table, digests, count, put->numbers + at);
    }
    return status;
}

static cull_status check_put(struct cull__txn *txn, void *ctx, cull_error *err)
{
    struct put_ctx *put = ctx;
    struct cull__fact pin = { .type = CULL__FACT_PIN, .id = put->upload->id };
    size_t unknown_count = 0;
    cull_status status = cull__upload_check_writer(put->upload, txn, err);

    if (status == CULL_OK) {
        status = cull__upload_members(put->upload, err);
    }
    if (status == CULL_OK && find_all(put) != CULL_OK) {
        status = cull__error_nomem(err);
    }
    put->known.count = put->sizes.count = 0;
    for (size_t i = 0; i < put->count && status == CULL_OK; i++) {
        if (put->numbers[i] == CULL__BLOB_NONE) {
            put->unknown[unknown_count++] = (struct fresh){ put->blobs[i].digest, (uint32_t)i };
        } else {
            status = put_known(put, i, err);
        }
    }
    if (status == CULL_OK) {
        const struct cull__size_row *two = cull__sizes_settle(&put->sizes, txn->store->index);

        status = two == NULL ? CULL_OK : size_differs(put, two[1].entry, two->size_bytes, err);
    }
    if (status == CULL_OK) {
        status = put_unknown(put, unknown_count, &pin.blob_count, err);
    }
    if (status == CULL_OK) {
        status = check_total(put, pin.blob_count, err);
    }
    if (status == CULL_OK) {
        status =
            cull__sizes_add(&put->sizes, txn, err); /* before the pins: nobody holds them yet */
    }
    if (status != CULL_OK) {
        return status;
    }
    pin.number_count = cull__numbers_unique(&put->known);
    pin.numbers = put->known.at;
    pin.blobs = put->fresh;
    if (pin.number_count + pin.blob_count > 0) {
        cull__txn_add(txn, &pin);
    }
    return CULL_OK;
}

static cull_status put_batch(cull_upload *upload, const cull_blob_ref *blobs, size_t count,
                             cull_put_answer *answers, const cull_caller *caller, cull_error *err)
{
    const cull_allocator *allocator = upload->store->allocator;
    struct put_ctx put = { .upload = upload, .blobs = blobs, .count = count, .answers = answers };
    cull_status status = CULL_E_NOMEM;

    put.known = (struct cull__u32s)CULL__U32S_INIT(allocator);
    put.sizes = (struct cull__sizes)CULL__SIZES_INIT(allocator);
    put.numbers = cull__alloc(allocator, count, sizeof *put.numbers);
    put.unknown = cull__alloc(allocator, count, sizeof *put.unknown);
    put.fresh = cull__alloc_zero(allocator, count, sizeof *put.fresh);
    if (put.numbers != NULL && put.unknown != NULL && put.fresh != NULL) {
        status = cull__transact(upload->store, CULL__NEED_INDEX, caller, check_put, &put, err);
    } else {
        (void)cull__error_nomem(err);
    }
    for (size_t i = 0; i < count && status == CULL_E_INVALID; i++) {
        bool refused = memcmp(&blobs[i].digest, &put.refused, sizeof put.refused) == 0;

        answers[i] = refused ? CULL_PUT_REFUSED : CULL_PUT_NONE;
    }
    cull__u32s_release(&put.known);
    cull__sizes_release(&put.sizes);
    cull__free(allocator, put.numbers);
    cull__free(allocator, put.unknown);
    cull__free(allocator, put.fresh);
    return status;
}

cull_status cull_upload_put(cull_upload *upload, const cull_blob_ref *blobs, size_t count,
                            cull_put_answer *answers, const cull_caller *caller, cull_error *err)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; i < count; i++) {
        answers[i] = CULL_PUT_NONE;
    }
    for (size_t at = 0; at < count && status == CULL_OK; at += CULL__PUT_BATCH) {
        size_t batch = count - at < CULL__PUT_BATCH ? count - at : CULL__PUT_BATCH;

        status = put_batch(upload, blobs + at, batch, answers + at, caller, err);
    }
    return status;
}

/* --- confirm and send ----------------------------------------------------------------------- */

struct confirm_ctx {
    cull_upload *upload;
    const cull_digest *digests;
    size_t count;
    uint32_t *numbers;
    cull_object_id *ids; /* NULL, or filled with the ids of what is pinned */
    uint64_t *sizes;     /* filled with the sizes that these are known with */
    uint64_t *found;     /* and, once it was looked at, what the content has */
    struct cull__sizes learned;
    uint64_t seq;              /* of the state in which the ids were looked up */
    const cull_staged *staged; /* NULL: a confirmation only */
};

/* Every digest's number, all of them pinned by this upload or held by its base. */
static cull_status find_pinned(struct confirm_ctx *confirm, cull_error *err)
{
    cull_upload *upload = confirm->upload;
    const struct cull__index *index = upload->store->index;
    cull_status status = cull__upload_check_open(upload, err);

    if (status == CULL_OK) {
        status = cull__upload_members(upload, err);
    }
    if (status == CULL_OK && cull__blob_table_find(index->blobs, confirm->digests, confirm->count,
                                                   confirm->numbers) != CULL_OK) {
        status = cull__error_nomem(err);
    }
    for (size_t i = 0; i < confirm->count && status == CULL_OK; i++) {
        uint32_t number = confirm->numbers[i];
        char hex[CULL_DIGEST_HEX_MAX];

        if (number == CULL__BLOB_NONE ||
            (!cull__upload_pins(upload, number) && !cull__upload_base_holds(upload, number))) {
            cull_digest_to_hex(hex, &confirm->digests[i], upload->store->settings.digest);
            /* other bytes than those that were named, or a word about what is not ours */
            status = cull__error_set(
                err, confirm->staged != NULL ? CULL_E_INVALID : CULL_E_NOTFOUND,
                "blob %s: not named by upload:%llu", hex, (unsigned long long)upload->id);
        } else {
            confirm->ids[i] = cull__object_id(index, number);
            confirm->sizes[i] = cull__blob_table_size(index->blobs, number);
        }
    }
    return status;
}

/* Fills ids; adds no facts. */
static cull_status check_ids(struct cull__txn *txn, void *ctx, cull_error *err)
{
    struct confirm_ctx *confirm = ctx;
    cull_status status = cull__upload_check_writer(confirm->upload, txn, err);

    confirm->seq = txn->store->index_seq;
    return status == CULL_OK ? find_pinned(confirm, err) : status;
}

/* Content of another length than was named: its digest may be right, its name was not. */
static cull_status check_size(const struct confirm_ctx *confirm, size_t i, uint64_t size_bytes,
                              cull_error *err)
{
    char hex[CULL_DIGEST_HEX_MAX];

    if (!sizes_differ(size_bytes, confirm->sizes[i])) {
        return CULL_OK;
    }
    cull_digest_to_hex(hex, &confirm->digests[i], confirm->upload->store->settings.digest);
    return cull__error_set(err, CULL_E_INVALID, "blob %s: has %llu bytes, named with %llu", hex,
                           (unsigned long long)size_bytes, (unsigned long long)confirm->sizes[i]);
}

/* What the content says of sizes: those that were not known are, and the others are right. */
static cull_status learn_sizes(struct confirm_ctx *confirm, struct cull__txn *txn, cull_error *err)
{
    uint64_t total_bytes;
    cull_status status = CULL_OK;

    confirm->learned.count = 0;
    for (size_t i = 0; i < confirm->count && status == CULL_OK; i++) {
        status = check_size(confirm, i, confirm->found[i], err);
        if (status == CULL_OK &&
            cull__sizes_learn(&confirm->learned, txn->store->index, confirm->numbers[i],
                              confirm->found[i], i) != CULL_OK) {
            status = cull__error_nomem(err);
        }
    }
    if (status == CULL_OK) { /* one content has one size, unless the digest lies */
        const struct cull__size_row *two = cull__sizes_settle(&confirm->learned, txn->store->index);
        const struct cull__size_row *over =
            two != NULL
                ? NULL
                : cull__sizes_overflow(&confirm->learned, txn->store->index->blobs, &total_bytes);

        if (two != NULL) {
            status = cull__error_set(
                err, CULL_E_INVALID, "one digest, and contents of %llu and %llu bytes",
                (unsigned long long)two->size_bytes, (unsigned long long)two[1].size_bytes);
        } else if (over != NULL) {
            status = cull__sizes_too_much(txn->store, &confirm->digests[over->entry], err);
        }
    }
    return status == CULL_OK ? cull__sizes_add(&confirm->learned, txn, err) : status;
}

/* The first object that is not there as it was announced. */
static cull_status check_objects(cull_store *store, struct confirm_ctx *confirm, cull_error *err)
{
    cull_object_info *info = cull__alloc_zero(store->allocator, confirm->count, sizeof *info);
    cull_status status = CULL_OK;

    if (info == NULL) {
        return cull__error_nomem(err);
    }
    status = cull__objects_stat_batch(store->objects, confirm->ids, confirm->count, info, err);
    if (status == CULL_E_PARTIAL || status == CULL_E_NOTFOUND) {
        status = CULL_OK; /* told below, with the blob's name */
    }
    for (size_t i = 0; i < confirm->count && status == CULL_OK; i++) {
        char hex[CULL_DIGEST_HEX_MAX];

        if (info[i].status != CULL_OK) {
            cull_digest_to_hex(hex, &confirm->digests[i], store->settings.digest);
            status = info[i].status == CULL_E_NOTFOUND
                         ? cull__error_set(err, CULL_E_NOT_STORED,
                                           "blob %s: confirmed, but its object is not there", hex)
                         : cull__error_set(err, info[i].status, "blob %s: %s", hex,
                                           cull_strerror(info[i].status));
        } else {
            confirm->found[i] = info[i].size_bytes;
            status = check_size(confirm, i, confirm->found[i], err);
        }
    }
    cull__free(store->allocator, info);
    return status;
}

/* A repair may have set aside what was there when it was published, or looked at, and have called it
 * lost: what is said behind that fact is not that it is stored. */
static cull_status check_confirm(struct cull__txn *txn, void *ctx, cull_error *err)
{
    struct confirm_ctx *confirm = ctx;
    struct cull__fact stored = { .type = CULL__FACT_STORED };
    struct cull__u32s numbers = CULL__U32S_INIT(txn->store->allocator);
    cull_status status = find_pinned(confirm, err);

    if (status == CULL_OK && txn->store->objects != NULL && txn->store->lost_seq > confirm->seq) {
        status = check_objects(txn->store, confirm, err);
    }
    if (status == CULL_OK) {
        status = learn_sizes(confirm, txn, err);
    }
    for (size_t i = 0; i < confirm->count && status == CULL_OK; i++) {
        if (cull__blob_table_state(txn->store->index->blobs, confirm->numbers[i]) ==
            CULL__BLOB_EXPECTED) {
            status = cull__u32s_push(&numbers, confirm->numbers[i]) == CULL_OK
                         ? CULL_OK
                         : cull__error_nomem(err);
        }
    }
    if (status == CULL_OK && numbers.count > 0) {
        stored.number_count = cull__numbers_unique(&numbers);
        stored.numbers = numbers.at;
        cull__txn_add(txn, &stored);
    }
    cull__u32s_release(&numbers);
    return status;
}

static cull_status check_staged(struct confirm_ctx *confirm, cull_error *err)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; i < confirm->count && status == CULL_OK; i++) {
        confirm->found[i] = confirm->staged[i].size_bytes;
        status = check_size(confirm, i, confirm->found[i], err);
    }
    return status;
}

/* Confirm, or with staged: publish and confirm. */
static cull_status publish_and_confirm(struct confirm_ctx *confirm, const cull_caller *caller,
                                       cull_error *err)
{
    const cull_staged *staged = confirm->staged;
    cull_store *store = confirm->upload->store;
    cull_status *results = NULL;
    cull_status status = cull__transact(store, CULL__NEED_INDEX, caller, check_ids, confirm, err);

    if (staged == NULL) {
        if (status == CULL_OK && store->objects != NULL) {
            status = check_objects(store, confirm, err);
        }
    } else if (status == CULL_OK && (status = check_staged(confirm, err)) == CULL_OK) {
        results = cull__alloc_zero(store->allocator, confirm->count, sizeof *results);
        status = results == NULL ? cull__error_nomem(err)
                                 : cull__objects_publish(store->objects, staged, confirm->ids,
                                                         confirm->count, results, err);
    }
    if (staged != NULL && (status != CULL_OK && results == NULL)) {
        for (size_t i = 0; i < confirm->count; i++) {
            cull__objects_discard(store->objects, &staged[i]);
        }
    }
    cull__free(store->allocator, results);
    if (status == CULL_OK) {
        status = cull__transact(store, CULL__NEED_INDEX, caller, check_confirm, confirm, err);
    }
    return status;
}

static cull_status confirm_all(cull_upload *upload, const cull_digest *digests,
                               const cull_staged *staged, size_t count, const cull_caller *caller,
                               cull_error *err)
{
    const cull_allocator *allocator = upload->store->allocator;
    struct confirm_ctx confirm = {
        .upload = upload, .digests = digests, .count = count, .staged = staged
    };
    cull_status status;

    confirm.learned = (struct cull__sizes)CULL__SIZES_INIT(allocator);
    confirm.numbers = cull__alloc(allocator, count, sizeof *confirm.numbers);
    confirm.ids = cull__alloc_zero(allocator, count, sizeof *confirm.ids);
    confirm.sizes = cull__alloc_zero(allocator, count, sizeof *confirm.sizes);
    confirm.found = cull__alloc_zero(allocator, count, sizeof *confirm.found);
    if (confirm.numbers == NULL || confirm.ids == NULL || confirm.sizes == NULL ||
        confirm.found == NULL) {
        status = cull__error_nomem(err);
        for (size_t i = 0; staged != NULL && i < count; i++) {
            cull__objects_discard(upload->store->objects, &staged[i]);
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            confirm.found[i] = CULL_SIZE_UNKNOWN;
        }
        status = publish_and_confirm(&confirm, caller, err);
    }
    cull__free(allocator, confirm.numbers);
    cull__free(allocator, confirm.ids);
    cull__free(allocator, confirm.sizes);
    cull__free(allocator, confirm.found);
    cull__sizes_release(&confirm.learned);
    return status;
}

cull_status cull_upload_confirm(cull_upload *upload, const cull_digest *digests, size_t count,
                                const cull_caller *caller, cull_error *err)
{
    return count == 0 ? CULL_OK : confirm_all(upload, digests, NULL, count, caller, err);
}

static void discard_all(cull_objects *objects, const cull_staged *staged, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cull__objects_discard(objects, &staged[i]);
    }
}

cull_status cull_upload_send(cull_upload *upload, const cull_staged *staged, size_t count,
                             const cull_caller *caller, cull_error *err)
{
    cull_store *store = upload->store;
    cull_digest *digests;
    cull_status status;

    if (store->objects == NULL) {
        return cull__error_set(err, CULL_E_REFUSED, "the store keeps no objects");
    }
    if (count == 0) {
        return CULL_OK;
    }
    if (cull__log_is_grouped(store->log)) { /* lost with its pin, an object would be nobody's */
        discard_all(store->objects, staged, count);
        return cull__error_set(err, CULL_E_USAGE,
                               "no sending inside of a group: pins are durable before objects");
    }
    digests = cull__alloc(store->allocator, count, sizeof *digests);
    if (digests == NULL) {
        discard_all(store->objects, staged, count);
        return cull__error_nomem(err);
    }
    for (size_t i = 0; i < count; i++) {
        digests[i] = staged[i].digest;
    }
    status = confirm_all(upload, digests, staged, count, caller, err);
    cull__free(store->allocator, digests);
    return status;
}

cull_status cull_stage(cull_store *store, const cull_source *source, cull_staged *out,
                       cull_error *err)
{
    return store->objects == NULL
               ? cull__error_set(err, CULL_E_REFUSED, "the store keeps no objects")
               : cull__objects_stage(store->objects, source, out, err);
}

void cull_unstage(cull_store *store, const cull_staged *staged)
{
    if (store->objects != NULL) {
        cull__objects_discard(store->objects, staged);
    }
}

/* --- renew and abort ------------------------------------------------------------------------ */

static cull_status check_renew(struct cull__txn *txn, void *ctx, cull_error *err)
{
    const cull_upload *upload = ctx;
    const struct cull__upload *there = cull__upload_by_id(txn->store->catalog, upload->id);
    struct cull__fact renew = { .type = CULL__FACT_UPLOAD_RENEW, .id = upload->id };
    cull_status status = cull__upload_check_writer(upload, txn, err);

    if (status == CULL_OK) {
        renew.until_ms =
            there->lease_ms > UINT64_MAX - txn->now_ms ? UINT64_MAX : txn->now_ms + there->lease_ms;
        cull__txn_add(txn, &renew);
    }
    return status;
}

cull_status cull_upload_renew(cull_upload *upload, const cull_caller *caller, cull_error *err)
{
    return cull__transact(upload->store, CULL__NEED_CATALOG, caller, check_renew, upload, err);
}

static cull_status check_abort(struct cull__txn *txn, void *ctx, cull_error *err)
{
    const cull_upload *upload = ctx;
    struct cull__fact end = { .type = CULL__FACT_UPLOAD_END,
                              .id = upload->id,
                              .how = CULL__END_ABORTED };
    cull_status status = cull__upload_check_writer(upload, txn, err);

    if (status == CULL_OK) {
        cull__txn_add(txn, &end);
    }
    return status;
}

cull_status cull_upload_abort(cull_upload *upload, const cull_caller *caller, cull_error *err)
{
    return cull__transact(upload->store, CULL__NEED_CATALOG, caller, check_abort, upload, err);
}

cull_status cull_uploads(cull_store *store,
                         cull_status (*visit)(void *ctx, const cull_upload_info *u), void *ctx,
                         cull_error *err)
{
    cull_status status = cull__store_enter(store, CULL__NEED_INDEX, err);

    if (status != CULL_OK) {
        return status;
    }
    for (const struct cull__upload *upload = store->catalog->uploads;
         upload != NULL && status == CULL_OK; upload = upload->hh.next) {
        const struct cull__collection *collection = upload->collection;
        const struct cull__pins *pins = cull__index_pins(store->index, upload->id);
        const cull_upload_info info = {
            .id = upload->id,
            .entity = collection->project->entity->name,
            .project = collection->project->name,
            .collection = collection->name,
            .actor = upload->actor,
            .opened_ms = upload->opened_ms,
            .lease_until_ms = upload->lease_until_ms,
            .has_base = upload->base != CULL__NO_ORDINAL,
            .base = upload->base,
            .pins = pins == NULL ? 0 : pins->list.count,
        };

        status = visit(ctx, &info);
    }
    cull__store_leave(store);
    return status;
}
