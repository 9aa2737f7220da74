/*
 * store.c - the handle: opening, following the log, and the one way to change a store.
 *
 * SHAPE     cull__transact is request -> check -> facts -> append -> apply. A check sees all rooms
 *           at the log's end and adds facts to a buffer; the buffer is appended at exactly the
 *           seq that was checked, or checked again.
 * INVARIANT A room is at one seq; catalog_seq and index_seq say which. The state is a pure function
 *           of the facts up to there.
 * COST      Opening reads the catalog, and builds of it what a call needs; the index comes with the
 *           first call that needs it.
 * FAILURE   A fact that does not decode or fit closes the handle: every later call answers
 *           CULL_E_CORRUPT with the first message. Memory that runs out while applying drops the
 *           rooms; the next call loads them again. What was appended stays acknowledged.
 * THREADS   One mutex a handle, had in the order of asking.
 * WHY NOT   applying first and appending after: a failed append would have to be undone.
 */
#include "store/store_internal.h"

#include "object/objects_internal.h"
#include "store/checkpoint.h"

#define OVER_MS_MIN UINT64_C(86400000)

/* --- following the log ---------------------------------------------------------------------- */

static void forget_index(cull_store *store)
{
    cull__index_free(store->index);
    store->index = NULL;
    store->index_seq = 0;
    store->index_loads++;
}

static void forget_rooms(cull_store *store)
{
    forget_index(store);
    cull__catalog_free(store->catalog);
    store->catalog = NULL;
    store->catalog_seq = 0;
}

/* What the log says of the store itself. */
static cull_status apply_store(struct cull__catalog *catalog, const struct cull__fact *fact)
{
    cull_store_settings *settings = &catalog->settings;

    if (catalog->exists || fact->name_len >= sizeof settings->hosting) {
        return CULL_E_CORRUPT;
    }
    memset(settings, 0, sizeof *settings);
    settings->digest = fact->settings.digest;
    settings->index_only = fact->settings.index_only;
    settings->grace_ms = fact->settings.grace_ms;
    settings->grace_is_zero = fact->settings.grace_ms == 0;
    settings->lease_ms = fact->settings.lease_ms;
    settings->seed = fact->settings.seed;
    settings->late_deletes = (cull_late_deletes)fact->settings.late_deletes;
    settings->created_ms = fact->settings.created_ms;
    memcpy(settings->hosting, fact->name, fact->name_len);
    settings->hosting[fact->name_len] = '\0';
    catalog->owner = catalog->actor;
    catalog->exists = true;
    return CULL_OK;
}

static cull_status apply_commit(struct cull__catalog *catalog, const struct cull__fact *fact)
{
    const struct cull__upload *upload = cull__upload_by_id(catalog, fact->parent);
    const struct cull__fact_commit *commit = &fact->commit;
    const struct cull__commit_row row = {
        fact->id,    commit->ordinal,    commit->manifest_digest, commit->entries,    commit->blobs,
        commit->sum, commit->size_bytes, commit->ttl_ms,          commit->size_exact,
    };

    if (upload == NULL || upload->collection->id != commit->collection) {
        return CULL_E_CORRUPT;
    }
    return cull__apply_commit(catalog, fact->parent, &row);
}

static cull_status apply_policy(struct cull__catalog *catalog, const struct cull__fact *fact)
{
    const struct cull__fact_policy *policy = &fact->policy;
    const struct cull__policy_row row = {
        fact->name,
        fact->name_len,
        fact->kind,
        fact->kind_len,
        policy->keep_last,
        policy->keep_every,
        policy->keep_younger_ms,
        policy->ttl_ms,
        policy->allow_empty,
    };

    return cull__apply_policy(catalog, &row);
}

static cull_status apply_cycle(struct cull__catalog *catalog, uint64_t number)
{
    if (number != catalog->cycles + 1) {
        return CULL_E_CORRUPT;
    }
    catalog->cycles = number;
    return CULL_OK;
}

/* CLAIM and GONE of an older cycle are refused before they are appended: here they are damage. */
static cull_status check_cycle(const struct cull__catalog *catalog, uint64_t number)
{
    return number == catalog->cycles ? CULL_OK : CULL_E_CORRUPT;
}

/* Facts about uploads and versions; see catalog_apply. */
static cull_status catalog_apply_versions(struct cull__catalog *catalog,
                                          const struct cull__fact *fact)
{
    switch (fact->type) {
    case CULL__FACT_UPLOAD_OPEN:
        return cull__apply_upload_open(catalog, fact->id, fact->parent, fact->run,
                                       fact->ordinal - 1, fact->until_ms);
    case CULL__FACT_UPLOAD_END:
        return cull__apply_upload_end(catalog, fact->id);
    case CULL__FACT_UPLOAD_RENEW:
        return cull__apply_upload_renew(catalog, fact->id, fact->until_ms);
    case CULL__FACT_COMMIT:
        return apply_commit(catalog, fact);
    case CULL__FACT_RESIZE:
        return cull__apply_resize(catalog, fact->parent, fact->ordinal, fact->total_bytes,
                                  fact->total_exact);
    case CULL__FACT_ALIAS:
        return cull__apply_alias(catalog, fact->parent, fact->ordinal, fact->name, fact->name_len);
    case CULL__FACT_ALIAS_REMOVE:
        return cull__apply_alias_remove(catalog, fact->parent, fact->name, fact->name_len);
    case CULL__FACT_ARTIFACT_ID:
        return cull__apply_artifact_id(catalog, fact->parent, fact->ordinal, fact->name,
                                       fact->name_len);
    case CULL__FACT_TAG:
        return cull__apply_tag(catalog, fact->parent, fact->ordinal, fact->name, fact->name_len,
                               fact->how == 1);
    case CULL__FACT_DELETE:
        return cull__apply_delete(catalog, fact->parent, fact->numbers, fact->number_count,
                                  fact->until_ms, fact->how);
    case CULL__FACT_RESTORE:
        return cull__apply_restore(catalog, fact->parent, fact->numbers, fact->number_count);
    case CULL__FACT_PURGE:
        return cull__apply_purge(catalog, fact->parent, fact->numbers, fact->number_count);
    default:
        return CULL_OK; /* of the index only */
    }
}

/* Facts about roles, registries and links; see catalog_apply. */
static cull_status catalog_apply_rules(struct cull__catalog *catalog, const struct cull__fact *fact)
{
    switch (fact->type) {
    case CULL__FACT_ROLE:
        return cull__apply_role(catalog, fact->parent, fact->name, fact->name_len, fact->how);
    case CULL__FACT_REGISTRY:
        return cull__apply_registry(catalog, fact->id, fact->parent, fact->name, fact->name_len);
    case CULL__FACT_REGISTRY_DELETE:
        return cull__apply_registry_delete(catalog, fact->id);
    case CULL__FACT_PORTFOLIO:
        return cull__apply_portfolio(catalog, fact->id, fact->parent, fact->name, fact->name_len,
                                     fact->kind, fact->kind_len);
    case CULL__FACT_PORTFOLIO_DELETE:
        return cull__apply_portfolio_delete(catalog, fact->id);
    case CULL__FACT_LINK:
        return cull__apply_link(catalog, fact->id, fact->parent, fact->ordinal, fact->source,
                                fact->source_ordinal);
    case CULL__FACT_UNLINK:
        return cull__apply_unlink(catalog, fact->parent, fact->numbers, fact->number_count);
    case CULL__FACT_LINK_ALIAS:
        return cull__apply_link_alias(catalog, fact->parent, fact->ordinal, fact->name,
                                      fact->name_len);
    case CULL__FACT_LINK_ALIAS_REMOVE:
        return cull__apply_link_alias_remove(catalog, fact->parent, fact->name, fact->name_len);
    case CULL__FACT_PROTECT:
        return fact->how > 1 ? CULL_E_CORRUPT
                             : cull__apply_protect(catalog, fact->parent, fact->name,
                                                   fact->name_len, fact->how == 1);
    case CULL__FACT_TTL:
        return cull__apply_ttl(catalog, fact->parent, fact->numbers, fact->number_count,
                               fact->until_ms);
    case CULL__FACT_TTL_DEFAULT:
        return fact->how > 1
                   ? CULL_E_CORRUPT
                   : cull__apply_ttl_default(catalog, fact->parent, fact->until_ms, fact->how == 1);
    default:
        return fact->how > 1 ? CULL_E_CORRUPT : cull__apply_strict_links(catalog, fact->how == 1);
    }
}

/* What a fact says of a collection is applied to its versions, so it must be open. */
static cull_status open_for(struct cull__catalog *catalog, const struct cull__fact *fact)
{
    const struct cull__upload *upload = NULL;
    struct cull__collection *collection = NULL;

    switch (fact->type) {
    case CULL__FACT_UPLOAD_END:
        upload = cull__upload_by_id(catalog, fact->id);
        break;
    case CULL__FACT_COMMIT:
        upload = cull__upload_by_id(catalog, fact->parent);
        break;
    case CULL__FACT_COLLECTION_DELETE:
    case CULL__FACT_COLLECTION_REVIVE:
        collection = cull__collection_by_id(catalog, fact->id);
        break;
    case CULL__FACT_UPLOAD_OPEN:
    case CULL__FACT_RESIZE:
    case CULL__FACT_ALIAS:
    case CULL__FACT_ALIAS_REMOVE:
    case CULL__FACT_ARTIFACT_ID:
    case CULL__FACT_TAG:
    case CULL__FACT_TTL:
    case CULL__FACT_DELETE:
    case CULL__FACT_RESTORE:
    case CULL__FACT_PURGE:
        collection = cull__collection_by_id(catalog, fact->parent);
        break;
    case CULL__FACT_LINK:
        collection = cull__collection_by_id(catalog, fact->source);
        break;
    default:
        break;
    }
    collection = upload != NULL ? upload->collection : collection;
    return collection == NULL ? CULL_OK : cull__collection_open(catalog, collection);
}

static cull_status catalog_apply(struct cull__catalog *catalog, const struct cull__fact *fact)
{
    cull_status status = catalog->sealed == NULL ? CULL_OK : open_for(catalog, fact);

    if (status != CULL_OK) {
        return status;
    }
    if (!catalog->exists && fact->type != CULL__FACT_STAMP && fact->type != CULL__FACT_STORE) {
        return CULL_E_CORRUPT;
    }
    switch (fact->type) {
    case CULL__FACT_STAMP:
        return cull__apply_stamp(catalog, fact->until_ms, fact->name, fact->name_len);
    case CULL__FACT_STORE:
        return apply_store(catalog, fact);
    case CULL__FACT_ENTITY:
        return cull__apply_entity(catalog, fact->id, fact->name, fact->name_len);
    case CULL__FACT_PROJECT:
        return cull__apply_project(catalog, fact->id, fact->parent, fact->name, fact->name_len);
    case CULL__FACT_COLLECTION:
        return cull__apply_collection(catalog, fact->id, fact->parent, fact->name, fact->name_len,
                                      fact->kind, fact->kind_len);
    case CULL__FACT_COLLECTION_DELETE:
        return cull__apply_collection_delete(catalog, fact->id);
    case CULL__FACT_COLLECTION_REVIVE:
        return cull__apply_collection_revive(catalog, fact->id, fact->name, fact->name_len);
    case CULL__FACT_RUN:
        return cull__apply_run(catalog, fact->id, fact->parent, fact->name, fact->name_len);
    case CULL__FACT_RUN_DELETE:
        return cull__apply_run_delete(catalog, fact->id);
    case CULL__FACT_ROLE:
    case CULL__FACT_REGISTRY:
    case CULL__FACT_REGISTRY_DELETE:
    case CULL__FACT_PORTFOLIO:
    case CULL__FACT_PORTFOLIO_DELETE:
    case CULL__FACT_LINK:
    case CULL__FACT_UNLINK:
    case CULL__FACT_LINK_ALIAS:
    case CULL__FACT_LINK_ALIAS_REMOVE:
    case CULL__FACT_PROTECT:
    case CULL__FACT_STRICT_LINKS:
    case CULL__FACT_TTL:
    case CULL__FACT_TTL_DEFAULT:
        return catalog_apply_rules(catalog, fact);
    case CULL__FACT_POLICY:
        return apply_policy(catalog, fact);
    case CULL__FACT_POLICY_REMOVE:
        return cull__apply_policy_remove(catalog, fact->name, fact->name_len);
    case CULL__FACT_CYCLE:
        return apply_cycle(catalog, fact->id);
    case CULL__FACT_CLAIM:
    case CULL__FACT_GONE:
    case CULL__FACT_RELEASE:
        return check_cycle(catalog, fact->id);
    case CULL__FACT_VERIFIED:
        catalog->verified = fact->id;
        return check_cycle(catalog, fact->id);
    default:
        return catalog_apply_versions(catalog, fact);
    }
}

/* One fact to every loaded room that has not seen it. */
static cull_status apply_fact(cull_store *store, uint64_t seq, const struct cull__fact *fact)
{
    cull_status status = CULL_OK;

    if (seq > store->catalog_seq) {
        status = catalog_apply(store->catalog, fact);
        store->catalog_seq = seq;
    }
    if (status == CULL_OK && store->index != NULL && seq > store->index_seq) {
        status = cull__index_apply(store->index, fact);
        store->index_seq = seq;
        store->lost_seq = fact->type == CULL__FACT_LOST ? seq : store->lost_seq;
    }
    return status;
}

static cull_status visit_batch(void *ctx, uint64_t first_seq, uint32_t fact_count, uint64_t now_ms,
                               const void *data, size_t len, cull_error *err)
{
    cull_store *store = ctx;
    struct cull__cursor cursor = cull__cursor(data, len);

    (void)now_ms;
    for (uint32_t i = 0; i < fact_count; i++) {
        struct cull__frame frame;
        struct cull__fact fact;
        cull_status status = cull__frame_next(&cursor, &frame, err);

        if (status == CULL_OK) {
            status = cull__fact_decode(&fact, &frame, store->digest_len, &store->scratch, err);
        }
        if (status != CULL_OK) {
            return status;
        }
        status = apply_fact(store, first_seq + i, &fact);
        if (status == CULL_OK && fact.type == CULL__FACT_STORE) {
            store->digest_len = cull_digest_len(fact.settings.digest);
        }
        if (status == CULL_E_CORRUPT) {
            return cull__error_set(err, status, "log: fact %llu (%s) does not fit the state",
                                   (unsigned long long)(first_seq + i),
                                   cull__fact_type_name(fact.type));
        }
        if (status != CULL_OK) {
            return cull__error_set(err, status, "%s", cull_strerror(status));
        }
    }
    if (!cull__cursor_done(&cursor)) {
        return cull__error_set(err, CULL_E_CORRUPT, "log: fact %llu: bytes left over",
                               (unsigned long long)(first_seq + fact_count - 1));
    }
    return CULL_OK;
}

/* Make the rooms that are asked for exist, from their checkpoints or empty. */
static cull_status load_rooms(cull_store *store, enum cull__need need, cull_error *err)
{
    cull_status status = CULL_OK;

    if (store->catalog == NULL) {
        status = cull__checkpoint_load_catalog(store, need == CULL__NEED_NAMES, err);
    } else if (need != CULL__NEED_NAMES && cull__catalog_open(store->catalog) != CULL_OK) {
        status = cull__error_nomem(err);
    }
    if (status == CULL_OK && need == CULL__NEED_INDEX && store->index == NULL &&
        store->catalog->exists) {
        status = cull__checkpoint_load_index(store, err);
        store->lost_seq = store->index_seq; /* what came before is not known one by one */
    }
    return status;
}

static cull_status read_tail(cull_store *store, cull_error *err)
{
    uint64_t since = store->catalog_seq;
    uint64_t head = 0;
    cull_status status = store->log->ops->head(store->log, &head, err);

    if (store->index != NULL && store->index_seq < since) {
        since = store->index_seq;
    }
    if (status != CULL_OK || head == since) {
        return status;
    }
    if (head < since) {
        return cull__error_set(err, CULL_E_CORRUPT, "log: ends at fact %llu, before fact %llu",
                               (unsigned long long)head, (unsigned long long)since);
    }
    return store->log->ops->read(store->log, since, visit_batch, store, err);
}

/* After a failure: remember damage for good, and drop rooms that may be half applied. */
static cull_status fail(cull_store *store, cull_status status, const cull_error *local,
                        cull_error *err)
{
    forget_rooms(store);
    if (status == CULL_E_CORRUPT && !store->corrupt) {
        store->corrupt = true;
        store->corrupt_error = *local;
    }
    if (err != NULL) {
        *err = *local;
    }
    return status;
}

cull_status cull__store_sync(cull_store *store, enum cull__need need, cull_error *err)
{
    cull_error local = { CULL_OK, "" };
    cull_status status = CULL_OK;

    for (int turn = 0; turn < CULL__TURNS; turn++) {
        status = load_rooms(store, need, &local);
        if (status == CULL_OK) {
            status = read_tail(store, &local);
        }
        if (status == CULL_OK && need == CULL__NEED_INDEX && store->index == NULL &&
            store->catalog->exists) {
            continue; /* the settings came with the tail: now the index can be made */
        }
        if (status != CULL_E_MOVED) {
            break;
        }
        forget_rooms(store); /* we lag behind the cut: begin from a checkpoint */
    }
    if (status == CULL_E_MOVED) {
        status = cull__error_set(&local, CULL_E_BUSY, "log: cut again and again; try again");
    }
    if (status == CULL_E_BUSY || status == CULL_E_TOO_NEW || status == CULL_E_IO) {
        if (err != NULL) { /* nothing was applied in part: the rooms may stay */
            *err = local;
        }
        return status;
    }
    return status == CULL_OK ? CULL_OK : fail(store, status, &local, err);
}

void cull__store_lock(cull_store *store)
{
    (void)pthread_mutex_lock(&store->gate);
    (void)pthread_mutex_lock(&store->lock);
    (void)pthread_mutex_unlock(&store->gate);
}

bool cull__store_awaited(void *store)
{
    pthread_mutex_t *gate = &((cull_store *)store)->gate;

    if (pthread_mutex_trylock(gate) != 0) {
        return true;
    }
    (void)pthread_mutex_unlock(gate);
    return false;
}

bool cull__store_yield(cull_store *store)
{
    uint64_t loads = store->index_loads;

    (void)pthread_mutex_unlock(&store->lock);
    cull__store_lock(store);
    return store->index != NULL && store->index_loads == loads;
}

cull_status cull__store_enter(cull_store *store, enum cull__need need, cull_error *err)
{
    cull_status status;

    cull__store_lock(store);
    if (store->corrupt) {
        if (err != NULL) {
            *err = store->corrupt_error;
        }
        status = CULL_E_CORRUPT;
    } else {
        status = cull__store_sync(store, need, err);
    }
    if (status == CULL_OK && !store->catalog->exists) {
        status = cull__error_set(err, CULL_E_NOTFOUND, "log: no store in it");
    }
    if (status != CULL_OK) {
        (void)pthread_mutex_unlock(&store->lock);
    }
    return status;
}

void cull__store_leave(cull_store *store)
{
    (void)pthread_mutex_unlock(&store->lock);
}

/* --- transactions --------------------------------------------------------------------------- */

void cull__txn_add(struct cull__txn *txn, const struct cull__fact *fact)
{
    cull__fact_encode(&txn->store->facts, fact, txn->store->digest_len);
    txn->fact_count++;
    txn->takes_room = txn->takes_room || !cull__fact_gives_room(fact->type);
    if (cull__fact_reader_min(fact->type) > txn->reader_min) {
        txn->reader_min = cull__fact_reader_min(fact->type);
    }
}

void cull__txn_add_named(struct cull__txn *txn, enum cull__fact_type type, uint64_t parent,
                         const char *name, const char *kind, uint64_t *id)
{
    struct cull__fact fact = { .type = type, .id = txn->next_id, .parent = parent };

    fact.name = name;
    fact.name_len = strlen(name);
    fact.kind = kind;
    fact.kind_len = kind == NULL ? 0 : strlen(kind);
    *id = txn->next_id++;
    cull__txn_add(txn, &fact);
}

static void txn_begin(struct cull__txn *txn, cull_store *store, const cull_caller *caller)
{
    const char *actor = caller->actor == NULL ? "" : caller->actor;
    uint64_t clock_ms = store->catalog->clock_ms;
    struct cull__fact stamp = { .type = CULL__FACT_STAMP };

    *txn = (struct cull__txn){ .store = store, .caller = caller };
    txn->now_ms = caller->now_ms > clock_ms ? caller->now_ms : clock_ms;
    txn->next_id = store->catalog->next_id;
    cull__buf_clear(&store->facts);
    stamp.until_ms = txn->now_ms;
    stamp.name = actor;
    stamp.name_len = strnlen(actor, CULL_NAME_BYTES_MAX);
    cull__txn_add(txn, &stamp);
}

/* Append what the transaction holds and apply it. The facts are durable from then on, whatever
 * applying them needs. */
static cull_status txn_append(struct cull__txn *txn, cull_error *err)
{
    cull_store *store = txn->store;
    struct cull__batch batch = { .data = store->facts.data,
                                 .len = store->facts.len,
                                 .fact_count = txn->fact_count,
                                 .reader_min = txn->reader_min,
                                 .now_ms = txn->now_ms,
                                 .gives_room = !txn->takes_room,
                                 .documents = txn->documents,
                                 .document_count = txn->document_count };
    uint64_t seq = 0;
    cull_error local = { CULL_OK, "" };
    cull_status status;

    if (store->facts.failed) {
        return cull__error_nomem(err);
    }
    if (batch.len > CULL__BATCH_BYTES_MAX) {
        return cull__error_set(err, CULL_E_LIMIT,
                               "one transaction's facts are over %u bytes: use smaller batches",
                               CULL__BATCH_BYTES_MAX);
    }
    status = store->log->ops->append(store->log, store->catalog_seq, &batch, &seq, err);
    if (status != CULL_OK) {
        return status;
    }
    status = visit_batch(store, seq - txn->fact_count + 1, txn->fact_count, txn->now_ms, batch.data,
                         batch.len, &local);
    if (status != CULL_OK) { /* durable all the same; the next call loads the rooms anew */
        (void)fail(store, status, &local, NULL);
    }
    return CULL_OK;
}

/* Whoever sees an upload past its lease ends it, before anything else is checked. Sets *ended. */
static cull_status expire_leases(cull_store *store, const cull_caller *caller, bool *ended,
                                 cull_error *err)
{
    struct cull__txn txn;
    uint32_t stamps;

    txn_begin(&txn, store, caller);
    stamps = txn.fact_count;
    for (const struct cull__upload *upload = store->catalog->uploads; upload != NULL;
         upload = upload->hh.next) {
        if (upload->lease_until_ms <= txn.now_ms) {
            struct cull__fact end = { .type = CULL__FACT_UPLOAD_END,
                                      .id = upload->id,
                                      .how = CULL__END_EXPIRED };

            cull__txn_add(&txn, &end);
        }
    }
    *ended = txn.fact_count > stamps;
    return *ended ? txn_append(&txn, err) : CULL_OK;
}

/* One turn: everything that a transaction does with the log where it is. */
static cull_status take_turn(cull_store *store, enum cull__need need, const cull_caller *caller,
                             cull__check_fn check, void *ctx, cull_error *err)
{
    struct cull__txn txn;
    bool ended = false;
    uint32_t stamps;
    cull_status status = expire_leases(store, caller, &ended, err);

    if (status == CULL_OK && ended) {
        status = cull__store_sync(store, need, err); /* the rooms may have been dropped */
    }
    if (status != CULL_OK) {
        return status;
    }
    txn_begin(&txn, store, caller);
    stamps = txn.fact_count;
    status = check(&txn, ctx, err);
    if (status == CULL_OK && txn.fact_count > stamps) {
        status = txn_append(&txn, err);
    }
    return status;
}

cull_status cull__collector_begin(cull_store *store, cull_error *err)
{
    cull_status status = store->log->ops->leader(store->log, CULL__LEADER_ACQUIRE, err);

    if (status == CULL_OK && store->objects != NULL) {
        status = cull__objects_lock(store->objects, true, err);
        if (status != CULL_OK) {
            (void)store->log->ops->leader(store->log, CULL__LEADER_RELEASE, NULL);
        }
    }
    return status;
}

uint64_t cull__over_ms(const cull_store *store)
{
    uint64_t lease_ms = 2 * store->settings.lease_ms;

    return lease_ms > OVER_MS_MIN ? lease_ms : OVER_MS_MIN;
}

cull_status cull__clean_staged(cull_store *store, const cull_caller *caller, cull_error *err)
{
    uint64_t age_ms = cull__over_ms(store);
    uint64_t count = 0;

    return caller->now_ms <= age_ms
               ? CULL_OK
               : cull__objects_clean_staged(store->objects, caller->now_ms - age_ms, &count, err);
}

void cull__collector_end(cull_store *store)
{
    if (store->objects != NULL) {
        (void)cull__objects_lock(store->objects, false, NULL);
    }
    (void)store->log->ops->leader(store->log, CULL__LEADER_RELEASE, NULL);
}

cull_status cull__transact(cull_store *store, enum cull__need need, const cull_caller *caller,
                           cull__check_fn check, void *ctx, cull_error *err)
{
    cull_status status = cull__store_enter(store, need, err);

    if (status != CULL_OK) {
        return status;
    }
    for (int turn = 0; turn < CULL__TURNS; turn++) {
        status = take_turn(store, need, caller, check, ctx, err);
        if (status != CULL_E_MOVED) {
            break;
        }
        status = cull__store_sync(store, need, err);
        if (status != CULL_OK) {
            break;
        }
        status = CULL_E_MOVED;
    }
    if (status == CULL_E_MOVED) {
        status = cull__error_set(err, CULL_E_BUSY,
                                 "the log moved %d times while this was checked: try again",
                                 CULL__TURNS);
    }
    cull__store_leave(store);
    return status;
}

/* --- opening -------------------------------------------------------------------------------- */

static cull_status store_new(cull_store **out, cull_log *log, cull_objects *objects,
                             const cull_allocator *allocator, cull_error *err)
{
    cull_store *store;

    if (allocator == NULL) {
        allocator = cull_allocator_default();
    }
    store = cull__alloc_zero(allocator, 1, sizeof *store);
    if (store == NULL) {
        return cull__error_nomem(err);
    }
    store->allocator = allocator;
    store->log = log;
    store->objects = objects;
    store->facts = (struct cull__buf)CULL__BUF_INIT(allocator);
    cull__fact_scratch_init(&store->scratch, allocator);
    if (pthread_mutex_init(&store->lock, NULL) != 0) {
        cull__free(allocator, store);
        return cull__error_nomem(err);
    }
    if (pthread_mutex_init(&store->gate, NULL) != 0) {
        (void)pthread_mutex_destroy(&store->lock);
        cull__free(allocator, store);
        return cull__error_nomem(err);
    }
    *out = store;
    return CULL_OK;
}

void cull_store_close(cull_store *store)
{
    if (store == NULL) {
        return;
    }
    forget_rooms(store);
    cull_manifest_free(store->recent);
    cull_manifest_free(store->spare);
    cull__fact_scratch_release(&store->scratch);
    cull__buf_release(&store->facts);
    (void)pthread_mutex_destroy(&store->lock);
    (void)pthread_mutex_destroy(&store->gate);
    cull__free(store->allocator, store);
}

cull_status cull_store_open(cull_store **out, const cull_store_options *options, cull_error *err)
{
    cull_store *store = NULL;
    cull_status status;

    *out = NULL;
    if (options->objects != NULL) {
        status = cull__objects_check(options->objects, err);
        if (status != CULL_OK) {
            return status;
        }
    }
    status = store_new(&store, options->log, options->objects, options->allocator, err);
    if (status != CULL_OK) {
        return status;
    }
    store->scratch_files = options->scratch;
    status = cull__store_enter(store, CULL__NEED_NAMES, err);
    if (status == CULL_OK) {
        store->settings = store->catalog->settings;
        store->settings.strict_links = store->catalog->strict_links;
        if (store->settings.index_only) {
            store->objects = NULL;
        }
        cull__store_leave(store);
        *out = store;
    } else {
        cull_store_close(store);
    }
    return status;
}

void cull_store_get_settings(const cull_store *store, cull_store_settings *out)
{
    *out = store->settings;
}

cull_status cull_store_refresh(cull_store *store, uint64_t *seq, cull_error *err)
{
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status == CULL_OK) {
        *seq = store->catalog_seq;
        cull__store_leave(store);
    }
    return status;
}

#define YEAR_MS (UINT64_C(365) * 86400 * 1000)

static cull_status settings_check(cull_store_settings *settings, cull_error *err)
{
    if (settings->digest == CULL_DIGEST_NONE) {
        settings->digest = CULL_DIGEST_SHA256;
    }
    if (settings->grace_is_zero) {
        settings->grace_ms = 0;
    } else if (settings->grace_ms == 0) {
        settings->grace_ms = UINT64_C(7) * 86400 * 1000;
    }
    if (settings->lease_ms == 0) {
        settings->lease_ms = UINT64_C(3600) * 1000;
    }
    if (settings->hosting[0] == '\0') {
        memcpy(settings->hosting, "local", sizeof "local");
    }
    if (settings->index_only) {
        settings->late_deletes = CULL_LATE_IMPOSSIBLE; /* none is ever sent */
    }
    if (cull_digest_len(settings->digest) == 0) {
        return cull__error_set(err, CULL_E_INVALID, "no such digest algorithm");
    }
    if (settings->grace_ms > 100 * YEAR_MS) {
        return cull__error_set(err, CULL_E_INVALID, "a grace of more than 100 years");
    }
    if (settings->lease_ms < 1000 || settings->lease_ms > YEAR_MS) {
        return cull__error_set(err, CULL_E_INVALID, "a lease is between 1 s and 1 year");
    }
    if (settings->late_deletes == CULL_LATE_UNSAFE) {
        return cull__error_set(err, CULL_E_REFUSED,
                               "the object store cannot say why a late delete is harmless: "
                               "say --allow-late-deletes if none can happen");
    }
    return memchr(settings->hosting, '\0', sizeof settings->hosting) != NULL &&
                   cull__hosting_find(settings->hosting) != NULL
               ? CULL_OK
               : cull__error_set(err, CULL_E_INVALID,
                                 "no such hosting: there are local, shared, shared-connector, "
                                 "dedicated, dedicated-connector, self-managed and on-premises");
}

cull_status cull_store_create(cull_log *log, const cull_store_settings *wanted,
                              const cull_caller *caller, cull_error *err)
{
    cull_store_settings settings = *wanted;
    cull_store *store = NULL;
    struct cull__txn txn;
    cull_status status = settings_check(&settings, err);

    if (status == CULL_OK) {
        status = store_new(&store, log, NULL, NULL, err);
    }
    if (status == CULL_OK) {
        status = cull__store_sync(store, CULL__NEED_NAMES, err);
    }
    if (status == CULL_OK && store->catalog->exists) {
        status = cull__error_set(err, CULL_E_EXISTS, "there is a store already");
    }
    if (status == CULL_OK) {
        struct cull__fact fact = { .type = CULL__FACT_STORE,
                                   .name = settings.hosting,
                                   .name_len = strlen(settings.hosting) };

        fact.settings = (struct cull__fact_settings){
            settings.digest, settings.index_only,   settings.grace_ms, settings.lease_ms,
            settings.seed,   settings.late_deletes, caller->now_ms,
        };
        txn_begin(&txn, store, caller);
        cull__txn_add(&txn, &fact);
        if (settings.strict_links) {
            const struct cull__fact strict = { .type = CULL__FACT_STRICT_LINKS, .how = 1 };

            cull__txn_add(&txn, &strict);
        }
        status = txn_append(&txn, err);
        if (status == CULL_E_MOVED) {
            status = cull__error_set(err, CULL_E_EXISTS, "there is a store already");
        }
    }
    cull_store_close(store);
    return status;
}
