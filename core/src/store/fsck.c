/*
 * fsck.c - do the log's state and the object store still agree?
 *
 * SHAPE     1. the state alone: counts, mark, fingerprints, structures, stored manifests. 2. every
 *           blob that has an object by the log is asked for, in batches, and read with read_data.
 *           3. the object store is listed: what no blob names is an orphan, what does not parse is
 *           foreign. Each finding is told; repairs are facts, never unlinks.
 * INVARIANT An orphan is adopted (DELETING, by a fact) only under the log's order, if still nobody
 *           names it, and only when older than max(1 day, 2 leases): an upload that publishes
 *           before it appends is younger. Unknown age means keep.
 * FAILURE   What could not be asked is a finding, not an answer: nothing is repaired on it.
 * THREADS   Writers may work beside it: a blob that changed since is looked at again before it is
 *           called a problem.
 */
#include "store/store_internal.h"

#include <stdio.h>

#include "object/objects_internal.h"

#define STAT_BATCH 256
#define MESSAGE_MAX 480

struct fsck {
    cull_store *store;
    const cull_fsck_options *options;
    const cull_caller *caller;
    void (*visit)(void *ctx, const cull_finding *finding);
    void *ctx;
    cull_fsck_result *result;
    cull_error *err;
    bool stopped;
};

/* --- findings ----------------------------------------------------------------------------------- */

static void find(struct fsck *fsck, cull_finding_kind kind, bool is_problem, bool repaired,
                 const char *message)
{
    const cull_finding finding = { kind, is_problem, repaired, message };

    fsck->result->problems += is_problem;
    fsck->result->notes += !is_problem;
    fsck->result->repaired += repaired;
    if (fsck->visit != NULL) {
        fsck->visit(fsck->ctx, &finding);
    }
}

static void disagree(void *ctx, cull_finding_kind kind, const char *message)
{
    find(ctx, kind, true, false, message);
}

static bool wants_to_stop(struct fsck *fsck, const char *stage, uint64_t done, uint64_t total)
{
    if (!fsck->stopped && fsck->options->progress != NULL) {
        fsck->stopped = fsck->options->progress(fsck->options->progress_ctx, stage, done, total);
    }
    return fsck->stopped;
}

/* --- the state alone -------------------------------------------------------------------------- */

/* What a version's documents hold; *why: what is wrong. */
static cull_status check_documents(cull_store *store, const struct cull__collection *collection,
                                   const struct cull__version *version, struct cull__buf *notes,
                                   cull_error *why)
{
    cull_manifest *manifest = NULL;
    cull_status status = cull__version_manifest_locked(store, collection, version, &manifest, why);

    cull_manifest_free(manifest);
    if (status == CULL_OK) {
        cull__buf_clear(notes);
        status = cull__version_notes_locked(store, collection, version, notes, why);
    }
    return status;
}

/* Has anybody appended since the state was read? What is not there then may have been purged. */
static cull_status look_again(struct fsck *fsck, bool *moved)
{
    cull_store *store = fsck->store;
    uint64_t head = 0;
    cull_status status = store->log->ops->head(store->log, &head, fsck->err);

    *moved = status == CULL_OK && head != store->catalog_seq;
    return *moved ? cull__store_sync(store, CULL__NEED_INDEX, fsck->err) : status;
}

/* Check a collection's documents from *ordinal on. *again: the state is another now, go on at
 * *ordinal. */
static cull_status check_collection(struct fsck *fsck, const struct cull__collection *collection,
                                    struct cull__buf *notes, uint32_t *ordinal, bool *again)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; i < collection->version_count && status == CULL_OK; i++) {
        const struct cull__version *version = &collection->versions[i];
        cull_error why = { CULL_OK, "" };

        if (version->ordinal < *ordinal) {
            continue;
        }
        *ordinal = version->ordinal;
        status = check_documents(fsck->store, collection, version, notes, &why);
        if (status == CULL_E_DAMAGED) {
            status = look_again(fsck, again);
            if (status != CULL_OK || *again) {
                return status;
            }
            find(fsck, CULL_FOUND_MANIFEST, true, false, why.message);
        } else if (status == CULL_E_IO) {
            find(fsck, CULL_FOUND_UNREADABLE, true, false, why.message);
            status = CULL_OK;
        } else if (status != CULL_OK && fsck->err != NULL) {
            *fsck->err = why;
        }
        fsck->result->versions++;
    }
    return status;
}

static cull_status check_manifests(struct fsck *fsck)
{
    struct cull__buf notes = CULL__BUF_INIT(fsck->store->allocator);
    uint64_t id = 0; /* of the collection to go on with */
    uint32_t ordinal = 0;
    bool again;
    cull_status status;

    do {
        const struct cull__collection *collection = fsck->store->catalog->collections;

        status = CULL_OK;
        again = false;
        for (; collection != NULL && status == CULL_OK && !again;
             collection = again ? NULL : collection->hh_id.next) {
            if (collection->id >= id) {
                ordinal = collection->id > id ? 0 : ordinal;
                id = collection->id;
                status = check_collection(fsck, collection, &notes, &ordinal, &again);
            }
        }
    } while (status == CULL_OK && again);
    cull__buf_release(&notes);
    return status;
}

static cull_status check_state(struct fsck *fsck)
{
    cull_status status = cull__store_enter(fsck->store, CULL__NEED_INDEX, fsck->err);

    if (status != CULL_OK) {
        return status;
    }
    status = cull__verify(fsck->store, true, disagree, fsck, fsck->err);
    if (status == CULL_OK || status == CULL_E_DAMAGED) {
        status = check_manifests(fsck);
    }
    cull__store_leave(fsck->store);
    return status;
}

/* --- repairs ---------------------------------------------------------------------------------- */

struct repair_ctx {
    cull_object_id id;
    uint64_t size_bytes;
    uint32_t number;
    const struct cull__fact_version *versions;
    size_t version_count;
    bool done;
};

/* Is number still the blob of this object, and in this state? */
static bool is_same(const struct cull__index *index, uint32_t number, const cull_object_id *id,
                    enum cull__blob_state state)
{
    cull_object_id now;

    if (cull__blob_table_state(index->blobs, number) != state) {
        return false;
    }
    now = cull__object_id(index, number);
    return now.incarnation == id->incarnation &&
           memcmp(&now.digest, &id->digest, sizeof now.digest) == 0;
}

/* The object is looked at once more, at the very state that the fact is appended to: an upload that
 * was told to send it may have published it since, and have been acknowledged. One that does so from
 * now on commits behind this fact, and is told to send it again. */
static cull_status check_lost(struct cull__txn *txn, void *ctx, cull_error *err)
{
    struct repair_ctx *repair = ctx;
    struct cull__fact lost = { .type = CULL__FACT_LOST };
    cull_object_info info = { .status = CULL_E_IO };

    (void)err;
    (void)cull__objects_stat_batch(txn->store->objects, &repair->id, 1, &info, NULL);
    repair->done = info.status == CULL_E_NOTFOUND &&
                   is_same(txn->store->index, repair->number, &repair->id, CULL__BLOB_LIVE);
    if (repair->done) {
        lost.numbers = &repair->number;
        lost.number_count = 1;
        cull__txn_add(txn, &lost);
    }
    return CULL_OK;
}

/* A blob without a right object becomes EXPECTED, so that the next upload heals it. damaged: what was
 * seen of its object, which goes out of the way first; NULL if there is none. */
static bool repair_lost(struct fsck *fsck, uint32_t number, const cull_object_id *id,
                        const cull_object_info *damaged)
{
    struct repair_ctx repair = { .id = *id, .number = number };

    if (!fsck->options->repair ||
        (damaged != NULL &&
         cull__objects_quarantine(fsck->store->objects, id, damaged, NULL) != CULL_OK)) {
        return false;
    }
    return cull__transact(fsck->store, CULL__NEED_INDEX, fsck->caller, check_lost, &repair, NULL) ==
               CULL_OK &&
           repair.done;
}

/* How many uploads pin a blob. */
static uint32_t pins_of(const struct cull__index *index, uint32_t number)
{
    uint32_t pins = 0;

    for (size_t i = 0; i < index->pin_count; i++) {
        const struct cull__bits *set = &index->pins[i].set;

        pins += number < set->count && cull__bit_get(set->words, number);
    }
    return pins;
}

static cull_status check_found(struct cull__txn *txn, void *ctx, cull_error *err)
{
    struct repair_ctx *repair = ctx;
    const struct cull__index *index = txn->store->index;
    struct cull__fact stored = { .type = CULL__FACT_STORED };

    (void)err;
    repair->done = is_same(index, repair->number, &repair->id, CULL__BLOB_EXPECTED) &&
                   pins_of(index, repair->number) == 0 &&
                   cull__counts_get(index->counts, repair->number) > 0;
    if (repair->done) {
        stored.numbers = &repair->number;
        stored.number_count = 1;
        cull__txn_add(txn, &stored);
    }
    return CULL_OK;
}

/* A blob that versions hold, whose object was lost and was read now, right to the last byte: a disk
 * was mounted again, a backup put back, which may be in memory only as yet. What an upload has
 * named it confirms itself. No delete can
 * be on its way: repairs hold the collector's lock, and what a version holds is never claimed. */
static bool repair_found(struct fsck *fsck, uint32_t number, const cull_object_id *id)
{
    struct repair_ctx repair = { .id = *id, .number = number };

    return fsck->options->repair &&
           cull__objects_settle(fsck->store->objects, id, NULL) == CULL_OK &&
           cull__transact(fsck->store, CULL__NEED_INDEX, fsck->caller, check_found, &repair,
                          NULL) == CULL_OK &&
           repair.done;
}

static cull_status check_adopt(struct cull__txn *txn, void *ctx, cull_error *err)
{
    struct repair_ctx *repair = ctx;
    struct cull__index *index = txn->store->index;
    uint32_t number = CULL__BLOB_NONE;
    struct cull__fact_blob blob = { .incarnation = repair->id.incarnation,
                                    .size_bytes = repair->size_bytes,
                                    .digest = repair->id.digest };
    struct cull__fact adopt = { .type = CULL__FACT_ADOPT, .blobs = &blob, .blob_count = 1 };
    struct cull__fact_version *versions = NULL;

    repair->done = false;
    if (cull__blob_table_find(index->blobs, &repair->id.digest, 1, &number) != CULL_OK) {
        return cull__error_nomem(err);
    }
    if (number != CULL__BLOB_NONE &&
        (!index->incarnations ||
         cull__blob_table_incarnation(index->blobs, number) == repair->id.incarnation)) {
        return CULL_OK; /* somebody names it now */
    }
    if (index->incarnations && repair->id.incarnation >= txn->store->catalog->cycles) {
        return CULL_OK; /* an upload may still name it; a cycle from now none can */
    }
    blob.number = cull__blob_table_next(index->blobs, 0);
    if (repair->version_count > 0) {
        versions = cull__alloc(txn->store->allocator, repair->version_count, sizeof *versions);
        if (versions == NULL) {
            return cull__error_nomem(err);
        }
        for (size_t i = 0; i < repair->version_count; i++) {
            versions[i] = (struct cull__fact_version){ blob.number, repair->versions[i].version };
        }
    }
    adopt.versions = versions;
    adopt.version_count = repair->version_count;
    cull__txn_add(txn, &adopt);
    cull__free(txn->store->allocator, versions);
    repair->done = true;
    return CULL_OK;
}

struct version_list {
    struct cull__fact_version at[64];
    size_t count;
};

static cull_status take_version(void *ctx, uint64_t version)
{
    struct version_list *list = ctx;

    if (list->count >= ARRAY_LEN(list->at)) {
        return CULL_E_LIMIT; /* the rest when these are gone */
    }
    list->at[list->count++] = (struct cull__fact_version){ 0, version };
    return CULL_OK;
}

static bool repair_orphan(struct fsck *fsck, const cull_object_id *id, uint64_t size_bytes)
{
    struct version_list list = { .count = 0 };
    struct repair_ctx repair = { .id = *id, .size_bytes = size_bytes };
    cull_status status = CULL_OK;

    if (!fsck->options->repair) {
        return false;
    }
    if (fsck->store->settings.late_deletes == CULL_LATE_VERSION_IDS) {
        status = cull__objects_versions(fsck->store->objects, id, take_version, &list, NULL);
        if (status != CULL_OK && status != CULL_E_LIMIT) {
            return false;
        }
    }
    repair.versions = list.at;
    repair.version_count = list.count;
    return cull__transact(fsck->store, CULL__NEED_INDEX, fsck->caller, check_adopt, &repair,
                          NULL) == CULL_OK &&
           repair.done;
}

/* --- blobs against objects ---------------------------------------------------------------------- */

struct blob_batch {
    uint32_t numbers[STAT_BATCH];
    cull_object_id ids[STAT_BATCH];
    uint64_t sizes[STAT_BATCH];
    bool held[STAT_BATCH];     /* by a retained version */
    bool expected[STAT_BATCH]; /* no object is confirmed */
    cull_object_info info[STAT_BATCH];
    size_t count;
    uint32_t next;
    uint32_t limit;
};

/* The next LIVE blobs; and EXPECTED ones that a version holds, which a repair has left behind. */
static cull_status next_batch(struct fsck *fsck, struct blob_batch *batch)
{
    const struct cull__index *index;
    cull_status status = cull__store_enter(fsck->store, CULL__NEED_INDEX, fsck->err);

    batch->count = 0;
    if (status != CULL_OK) {
        return status;
    }
    index = fsck->store->index;
    batch->limit = cull__blob_table_limit(index->blobs);
    for (; batch->next < batch->limit && batch->count < STAT_BATCH; batch->next++) {
        enum cull__blob_state state = cull__blob_table_state(index->blobs, batch->next);
        uint32_t pins = pins_of(index, batch->next);
        bool held = cull__counts_get(index->counts, batch->next) > pins;

        if (state == CULL__BLOB_LIVE || (state == CULL__BLOB_EXPECTED && held)) {
            batch->numbers[batch->count] = batch->next;
            batch->ids[batch->count] = cull__object_id(index, batch->next);
            batch->sizes[batch->count] = cull__blob_table_size(index->blobs, batch->next);
            batch->held[batch->count] = held;
            batch->expected[batch->count] = state == CULL__BLOB_EXPECTED;
            batch->count++;
        }
    }
    cull__store_leave(fsck->store);
    return CULL_OK;
}

/* A cycle may have taken it between the batch and now. */
static bool is_still_live(struct fsck *fsck, const struct blob_batch *batch, size_t i)
{
    bool live = false;

    if (cull__store_enter(fsck->store, CULL__NEED_INDEX, NULL) == CULL_OK) {
        live = is_same(fsck->store->index, batch->numbers[i], &batch->ids[i], CULL__BLOB_LIVE);
        cull__store_leave(fsck->store);
    }
    return live;
}

struct digest_ctx {
    cull_hasher *hasher;
    uint64_t bytes;
};

static cull_status digest_bytes(void *ctx, const void *data, size_t len, cull_error *err)
{
    struct digest_ctx *digest = ctx;
    cull_status status = cull_hasher_add(digest->hasher, data, len);

    digest->bytes += len;
    return status == CULL_OK ? CULL_OK
                             : cull__error_set(err, status, "digest: %s", cull_strerror(status));
}

/* Read an object: CULL_OK, CULL_E_DAMAGED (other bytes), or why it could not be read. */
static cull_status read_object(struct fsck *fsck, const cull_object_id *id, cull_error *err)
{
    struct digest_ctx ctx = { NULL, 0 };
    cull_digest found;
    cull_status status =
        cull_hasher_new(&ctx.hasher, fsck->store->settings.digest, fsck->store->allocator);

    if (status == CULL_OK) {
        status = cull__objects_read(fsck->store->objects, id, digest_bytes, &ctx, err);
    }
    if (status == CULL_OK) {
        status = cull_hasher_end(ctx.hasher, &found);
    }
    if (status == CULL_OK && memcmp(&found, &id->digest, sizeof found) != 0) {
        status = CULL_E_DAMAGED;
    }
    fsck->result->bytes_read += ctx.bytes;
    cull_hasher_free(ctx.hasher);
    return status;
}

/* Set a damaged blob aside if repairs are wanted. It is repaired only if no version lacks it now:
 * otherwise it is a problem until its content is put again. */
static bool set_aside(struct fsck *fsck, const struct blob_batch *batch, size_t i)
{
    const cull_object_info *damaged =
        batch->info[i].status == CULL_E_NOTFOUND ? NULL : &batch->info[i];

    return repair_lost(fsck, batch->numbers[i], &batch->ids[i], damaged) && !batch->held[i];
}

/* Is a blob still expected that versions hold? It may have been put or collected since it was asked
 * for. *pinned: an upload has named it, and confirms it itself. */
static bool is_still_expected(struct fsck *fsck, const struct blob_batch *batch, size_t i,
                              bool *pinned)
{
    bool is = false;

    *pinned = false;
    if (cull__store_enter(fsck->store, CULL__NEED_INDEX, NULL) == CULL_OK) {
        const struct cull__index *index = fsck->store->index;
        uint32_t pins = pins_of(index, batch->numbers[i]);

        is = is_same(index, batch->numbers[i], &batch->ids[i], CULL__BLOB_EXPECTED) &&
             cull__counts_get(index->counts, batch->numbers[i]) > pins;
        *pinned = pins > 0;
        cull__store_leave(fsck->store);
    }
    return is;
}

/* A blob that versions hold and whose object a repair found missing, or set aside. */
static cull_status check_expected(struct fsck *fsck, const struct blob_batch *batch, size_t i,
                                  const char *hex)
{
    const cull_object_info *info = &batch->info[i];
    cull_status status = info->status;
    cull_error why = { CULL_OK, "" };
    char message[MESSAGE_MAX];
    bool repaired = false;
    bool pinned;

    fsck->result->objects += status == CULL_OK;
    if (status == CULL_OK) {
        status = batch->sizes[i] == CULL_SIZE_UNKNOWN || info->size_bytes == batch->sizes[i]
                     ? read_object(fsck, &batch->ids[i], &why)
                     : CULL_E_DAMAGED;
    }
    if (status == CULL_E_NOMEM) {
        return cull__error_nomem(fsck->err);
    }
    if (!is_still_expected(fsck, batch, i, &pinned)) {
        return CULL_OK;
    }
    if (status == CULL_OK && !pinned) {
        repaired = repair_found(fsck, batch->numbers[i], &batch->ids[i]);
        if (!repaired && !is_still_expected(fsck, batch, i, &pinned)) {
            return CULL_OK;
        }
    }
    if (status == CULL_OK) {
        (void)snprintf(message, sizeof message,
                       "blob %s: its object was missing, and is there again%s", hex,
                       pinned ? ": an upload names it, and confirms it" : "");
    } else if (status == CULL_E_NOTFOUND || status == CULL_E_DAMAGED) {
        (void)snprintf(message, sizeof message,
                       "blob %s: its object is missing: putting its content again heals it", hex);
    } else {
        (void)snprintf(message, sizeof message, "blob %s: its object cannot be read: %.200s", hex,
                       why.message[0] != '\0' ? why.message : cull_strerror(status));
        find(fsck, CULL_FOUND_UNREADABLE, true, false, message);
        return CULL_OK;
    }
    find(fsck, CULL_FOUND_MISSING, true, repaired, message);
    return CULL_OK;
}

/* One blob against what the object store says of it. Memory that runs out is no finding. */
static cull_status check_blob(struct fsck *fsck, const struct blob_batch *batch, size_t i)
{
    const cull_object_info *info = &batch->info[i];
    const char *held = batch->held[i] ? "" : " (no version holds it)";
    char hex[CULL_DIGEST_HEX_MAX];
    char message[MESSAGE_MAX];
    cull_error why = { CULL_OK, "" };
    cull_status status = info->status;

    cull_digest_to_hex(hex, &batch->ids[i].digest, fsck->store->settings.digest);
    if (batch->expected[i]) {
        return check_expected(fsck, batch, i, hex);
    }
    if (status == CULL_E_NOTFOUND) {
        if (is_still_live(fsck, batch, i)) {
            (void)snprintf(message, sizeof message, "blob %s: its object is missing%s", hex, held);
            find(fsck, CULL_FOUND_MISSING, true, set_aside(fsck, batch, i), message);
        }
        return CULL_OK;
    }
    fsck->result->objects++;
    if (status == CULL_OK && batch->sizes[i] != CULL_SIZE_UNKNOWN &&
        info->size_bytes != batch->sizes[i]) {
        (void)snprintf(message, sizeof message, "blob %s: its object has %llu bytes, not %llu%s",
                       hex, (unsigned long long)info->size_bytes,
                       (unsigned long long)batch->sizes[i], held);
        find(fsck, CULL_FOUND_WRONG_SIZE, true, set_aside(fsck, batch, i), message);
        return CULL_OK;
    }
    if (status == CULL_OK && fsck->options->read_data) {
        status = read_object(fsck, &batch->ids[i], &why);
    }
    if (status == CULL_E_NOMEM) {
        return cull__error_nomem(fsck->err);
    }
    if (status == CULL_E_DAMAGED) {
        (void)snprintf(message, sizeof message, "blob %s: its object holds other bytes%s", hex,
                       held);
        find(fsck, CULL_FOUND_WRONG_DIGEST, true, set_aside(fsck, batch, i), message);
    } else if (status != CULL_OK && is_still_live(fsck, batch, i)) {
        (void)snprintf(message, sizeof message, "blob %s: its object cannot be read: %.200s", hex,
                       why.message[0] != '\0' ? why.message : cull_strerror(status));
        find(fsck, CULL_FOUND_UNREADABLE, true,
             info->status == CULL_E_INVALID && set_aside(fsck, batch, i), message);
    }
    return CULL_OK;
}

static cull_status check_blobs(struct fsck *fsck)
{
    struct blob_batch *batch = cull__alloc_zero(fsck->store->allocator, 1, sizeof *batch);
    cull_status status = batch == NULL ? cull__error_nomem(fsck->err) : CULL_OK;

    while (status == CULL_OK) {
        status = next_batch(fsck, batch);
        if (status != CULL_OK || batch->count == 0) {
            break;
        }
        if (wants_to_stop(fsck, "check", batch->next, batch->limit)) {
            status = cull__error_set(fsck->err, CULL_E_CANCELLED, "stopped");
            break;
        }
        for (size_t i = 0; i < batch->count; i++) {
            batch->info[i].status = CULL_E_IO;
        }
        (void)cull__objects_stat_batch(fsck->store->objects, batch->ids, batch->count, batch->info,
                                       NULL); /* each has its own status */
        for (size_t i = 0; i < batch->count && status == CULL_OK; i++) {
            status = check_blob(fsck, batch, i);
        }
    }
    cull__free(fsck->store->allocator, batch);
    return status;
}

/* --- objects against blobs ---------------------------------------------------------------------- */

/* Does any blob have this object? Of an incarnation that was claimed, too. */
static cull_status is_named(struct fsck *fsck, const cull_object_id *id, bool *named)
{
    uint32_t number = CULL__BLOB_NONE;
    struct cull__index *index;
    cull_status status = cull__store_enter(fsck->store, CULL__NEED_INDEX, fsck->err);

    *named = true;
    if (status != CULL_OK) {
        return status;
    }
    index = fsck->store->index;
    status = cull__blob_table_find(index->blobs, &id->digest, 1, &number);
    *named = number != CULL__BLOB_NONE &&
             (!index->incarnations ||
              cull__blob_table_incarnation(index->blobs, number) == id->incarnation);
    if (status == CULL_OK && !*named && index->incarnations) { /* claimed ones are not found */
        uint32_t zero = 0;

        while (!*named && (zero = cull__counts_next_zero(index->counts, zero)) != CULL__BLOB_NONE) {
            cull_object_id other;

            if (cull__blob_table_state(index->blobs, zero) == CULL__BLOB_DELETING) {
                other = cull__object_id(index, zero);
                *named = other.incarnation == id->incarnation &&
                         memcmp(&other.digest, &id->digest, sizeof id->digest) == 0;
            }
            zero++;
        }
    }
    cull__store_leave(fsck->store);
    return status == CULL_OK ? CULL_OK : cull__error_nomem(fsck->err);
}

static cull_status visit_object(void *ctx, const char *name, const cull_object_id *id,
                                const cull_object_info *info)
{
    struct fsck *fsck = ctx;
    uint64_t age_ms = cull__over_ms(fsck->store);
    char shown[CULL_PRINTABLE_MAX];
    char message[MESSAGE_MAX];
    bool named = true;
    bool old;
    cull_status status;

    (void)cull__printable(shown, name, strlen(name));
    if (id == NULL) {
        (void)snprintf(message, sizeof message, "object %s: not a name of ours: kept", shown);
        find(fsck, CULL_FOUND_FOREIGN, false, false, message);
        return CULL_OK;
    }
    status = is_named(fsck, id, &named);
    if (status != CULL_OK || named) {
        return status;
    }
    old = info->modified_ms != 0 && fsck->caller->now_ms > info->modified_ms &&
          fsck->caller->now_ms - info->modified_ms > age_ms;
    (void)snprintf(message, sizeof message, "object %s: no fact names it%s", shown,
                   old ? "" : ": kept while it is young");
    find(fsck, CULL_FOUND_ORPHAN, old, old && repair_orphan(fsck, id, info->size_bytes), message);
    return wants_to_stop(fsck, "list", fsck->result->objects, 0) ? CULL_E_CANCELLED : CULL_OK;
}

static cull_status check_objects(struct fsck *fsck)
{
    cull_status status = cull__objects_list(fsck->store->objects, visit_object, fsck, fsck->err);

    return status == CULL_OK && fsck->options->repair
               ? cull__clean_staged(fsck->store, fsck->caller, fsck->err)
               : status;
}

/* --- the call --------------------------------------------------------------------------------- */

static cull_status check_all(struct fsck *fsck)
{
    cull_status status = check_state(fsck);

    if (status == CULL_OK && fsck->store->objects != NULL) {
        status = check_blobs(fsck);
        if (status == CULL_OK) {
            status = check_objects(fsck);
        }
    }
    return status;
}

cull_status cull_fsck(cull_store *store, const cull_fsck_options *options,
                      const cull_caller *caller,
                      void (*visit)(void *ctx, const cull_finding *finding), void *ctx,
                      cull_fsck_result *out, cull_error *err)
{
    struct fsck fsck = { store, options, caller, visit, ctx, out, err, false };
    cull_status status = CULL_OK;

    memset(out, 0, sizeof *out);
    if (options->repair) { /* repairs and a collector exclude each other */
        status = cull__check_collector(store, caller, false, err);
        if (status == CULL_OK) {
            status = cull__collector_begin(store, err);
        }
        if (status != CULL_OK) {
            return status;
        }
    }
    status = check_all(&fsck);
    if (options->repair) {
        cull__collector_end(store);
    }
    if (status == CULL_OK && out->problems > out->repaired) {
        status =
            cull__error_set(err, CULL_E_DAMAGED, "%llu problems found, %llu repaired",
                            (unsigned long long)out->problems, (unsigned long long)out->repaired);
    }
    return status;
}
