/*
 * request_run.c - executes requests through the public interface.
 *
 * SHAPE     One function an op, in a table. Names become ids by asking the store, slots become
 *           handles on uploads; a slot that another session filled is attached to.
 * INVARIANT Nothing here looks inside a store: what a request does, a program could have done.
 * FAILURE   The answer's status is the call's own. An upload that cannot be attached to any more
 *           has ended (CULL_E_ENDED), so that it makes no difference who asks.
 * THREADS   One session, one thread.
 */
#include "store/request.h"

#include <inttypes.h>
#include <stdio.h>

#include "object/objects_internal.h"

/* What every op's function gets. */
struct request_call {
    struct cull__session *session;
    const struct cull__request *request;
    struct cull__answer *answer;
    cull_caller caller;
    cull_error *err;
};

static const char *text_or_null(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

/* False: it is too long for a name. */
static bool fill_part(char out[CULL_NAME_BYTES_MAX + 1], const char *text)
{
    size_t len = strlen(text);

    if (len > CULL_NAME_BYTES_MAX) {
        return false;
    }
    memcpy(out, text, len + 1);
    return true;
}

static bool fill_name(cull_name *out, const char *entity, const char *project,
                      const char *collection)
{
    memset(out, 0, sizeof *out);
    return fill_part(out->entity, entity) && fill_part(out->project, project) &&
           fill_part(out->collection, collection);
}

/* --- names to ids --------------------------------------------------------------------------- */

struct name_search {
    const char *name;
    uint32_t which;
    struct cull__buf ids; /* all that have the name */
    uint64_t live;        /* 0: none */
};

static cull_status search_visit(void *ctx, const cull_collection_info *collection)
{
    struct name_search *search = ctx;

    if (strcmp(collection->name, search->name) == 0) {
        cull__buf_put(&search->ids, &collection->id, sizeof collection->id);
        search->live = collection->deleted ? search->live : collection->id;
    }
    return CULL_OK;
}

/* The k-th smallest id; 0: there are fewer. k from 1. */
static uint64_t kth_id(const uint64_t *ids, size_t count, size_t k)
{
    for (size_t i = 0; i < count; i++) {
        size_t smaller = 0;

        for (size_t j = 0; j < count; j++) {
            smaller += ids[j] < ids[i];
        }
        if (smaller + 1 == k) {
            return ids[i];
        }
    }
    return 0;
}

static cull_status find_collection(struct request_call *call,
                                   const struct cull__request_version *version, uint64_t *out)
{
    struct name_search search = { .name = version->collection,
                                  .which = version->which,
                                  .ids = CULL__BUF_INIT(call->session->allocator) };
    cull_status status = cull_collections(call->session->store, version->entity, version->project,
                                          true, search_visit, &search, call->err);
    const uint64_t *ids = (const uint64_t *)(const void *)search.ids.data;
    size_t count = search.ids.len / sizeof *ids;

    *out = 0;
    if (status != CULL_OK) {
        goto done;
    }
    if (search.ids.failed) {
        status = cull__error_nomem(call->err);
        goto done;
    }
    if (version->which > 0) {
        *out = kth_id(ids, count, version->which);
    } else {
        *out = search.live != 0 ? search.live : kth_id(ids, count, count);
    }
    if (*out == 0) {
        status = cull__error_set(call->err, CULL_E_NOTFOUND, "%s: no such collection",
                                 version->collection);
    }
done:
    cull__buf_release(&search.ids);
    return status;
}

static cull_status find_version(struct request_call *call,
                                const struct cull__request_version *version, cull_version_key *out)
{
    cull_name name;
    cull_status status;

    if (version->which > 0) {
        status = find_collection(call, version, &out->collection);
        out->ordinal = version->ordinal;
        return status;
    }
    if (!fill_name(&name, version->entity, version->project, version->collection)) {
        return cull__error_set(call->err, CULL_E_USAGE, "a name is too long");
    }
    (void)snprintf(name.version, sizeof name.version, "v%" PRIu32, version->ordinal);
    return cull_version_find(call->session->store, &name, out, call->err);
}

/* All versions of a request, into a new array. */
static cull_status find_versions(struct request_call *call, cull_version_key **out)
{
    const struct cull__request *request = call->request;
    cull_status status = CULL_OK;

    *out = cull__alloc_zero(call->session->allocator, request->version_count + 1, sizeof **out);
    if (*out == NULL) {
        return cull__error_nomem(call->err);
    }
    for (size_t i = 0; i < request->version_count && status == CULL_OK; i++) {
        status = find_version(call, &request->versions[i], &(*out)[i]);
    }
    return status;
}

static cull_status first_version(struct request_call *call, cull_version_key *out)
{
    if (call->request->version_count != 1) {
        return cull__error_set(call->err, CULL_E_USAGE, "a %s request names one version",
                               cull__request_op_name(call->request->op));
    }
    return find_version(call, &call->request->versions[0], out);
}

/* --- uploads by slot -------------------------------------------------------------------------- */

static void forget_handle(struct cull__session *session, uint32_t slot)
{
    cull_upload_free(session->handles[slot]);
    session->handles[slot] = NULL;
}

static cull_status slot_upload(struct request_call *call, cull_upload **out)
{
    struct cull__session *session = call->session;
    uint32_t slot = call->request->slot;
    cull_status status;

    *out = NULL;
    if (session->uploads[slot] == 0) {
        return cull__error_set(call->err, CULL_E_NOTFOUND, "slot %" PRIu32 " is empty", slot);
    }
    if (session->handles[slot] != NULL &&
        cull_upload_id(session->handles[slot]) != session->uploads[slot]) {
        forget_handle(session, slot);
    }
    if (session->handles[slot] == NULL) {
        status = cull_upload_attach(&session->handles[slot], session->store, session->uploads[slot],
                                    call->err);
        if (status == CULL_E_NOTFOUND) {
            return cull__error_set(call->err, CULL_E_ENDED, "upload %" PRIu64 " has ended",
                                   session->uploads[slot]);
        }
        if (status != CULL_OK) {
            return status;
        }
    }
    *out = session->handles[slot];
    return CULL_OK;
}

static cull_status run_open(struct request_call *call)
{
    const struct cull__request *request = call->request;
    struct cull__session *session = call->session;
    cull_name name;
    cull_upload *upload = NULL;
    cull_upload_options options = { .collection = &name,
                                    .type = text_or_null(request->type),
                                    .run = text_or_null(request->run),
                                    .has_base = request->base > 0,
                                    .base = request->base > 0 ? request->base - 1 : 0,
                                    .lease_ms = request->ms };
    cull_status status;

    if (!fill_name(&name, request->entity, request->project, request->collection)) {
        return cull__error_set(call->err, CULL_E_USAGE, "a name is too long");
    }
    status = cull_upload_open(&upload, session->store, &options, &call->caller, call->err);
    if (status == CULL_OK) {
        forget_handle(session, request->slot);
        session->handles[request->slot] = upload;
        session->uploads[request->slot] = call->answer->upload = cull_upload_id(upload);
    }
    return status;
}

static cull_status run_put(struct request_call *call)
{
    const struct cull__request *request = call->request;
    cull_upload *upload;
    cull_put_answer *answers;
    cull_status status = slot_upload(call, &upload);

    if (status != CULL_OK) {
        return status;
    }
    answers = cull__alloc_zero(call->session->allocator, request->blob_count + 1, sizeof *answers);
    if (answers == NULL) {
        return cull__error_nomem(call->err);
    }
    status = cull_upload_put(upload, request->blobs, request->blob_count, answers, &call->caller,
                             call->err);
    if (status == CULL_OK) {
        cull__buf_put(&call->answer->puts, answers, request->blob_count * sizeof *answers);
    }
    cull__free(call->session->allocator, answers);
    return status;
}

static cull_status content_read(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    struct cull__request_content *left = ctx;

    (void)err;
    *got = left->len < len ? left->len : len;
    if (*got > 0) {
        memcpy(data, left->data, *got);
        left->data += *got;
        left->len -= *got;
    }
    return CULL_OK;
}

static cull_source content_source(struct cull__request_content *content)
{
    return (cull_source){
        .fd = -1, .read = content_read, .ctx = content, .size_bytes_max = CULL__REQUEST_CONTENT_MAX
    };
}

static cull_status run_send(struct request_call *call)
{
    const struct cull__request *request = call->request;
    struct cull__session *session = call->session;
    cull_upload *upload;
    cull_staged *staged;
    size_t count = 0;
    cull_status status = slot_upload(call, &upload);

    if (status != CULL_OK) {
        return status;
    }
    staged = cull__alloc_zero(session->allocator, request->content_count + 1, sizeof *staged);
    if (staged == NULL) {
        return cull__error_nomem(call->err);
    }
    while (count < request->content_count && status == CULL_OK) {
        struct cull__request_content left = request->contents[count];
        cull_source source = content_source(&left);

        status = cull_stage(session->store, &source, &staged[count], call->err);
        count += status == CULL_OK;
    }
    if (status == CULL_OK) {
        status = cull_upload_send(upload, staged, count, &call->caller, call->err);
    } else {
        for (size_t i = 0; i < count; i++) {
            cull_unstage(session->store, &staged[i]);
        }
    }
    cull__free(session->allocator, staged);
    return status;
}

static cull_status run_publish(struct request_call *call)
{
    const struct cull__request *request = call->request;
    cull_objects *objects = call->session->objects;
    cull_status status = CULL_OK;

    if (objects == NULL || cull__objects_late_deletes(objects) == CULL_LATE_INCARNATION) {
        return cull__error_set(call->err, CULL_E_USAGE,
                               "nobody but the store knows the keys of its objects");
    }
    for (size_t i = 0; i < request->content_count && status == CULL_OK; i++) {
        struct cull__request_content left = request->contents[i];
        cull_source source = content_source(&left);
        cull_staged staged;
        cull_status result = CULL_OK;

        status = cull__objects_stage(objects, &source, &staged, call->err);
        if (status == CULL_OK) {
            cull_object_id id = { .digest = staged.digest };

            status = cull__objects_publish(objects, &staged, &id, 1, &result, call->err);
        }
    }
    return status;
}

static cull_status run_confirm(struct request_call *call)
{
    const struct cull__request *request = call->request;
    cull_upload *upload;
    cull_digest *digests;
    cull_status status = slot_upload(call, &upload);

    if (status != CULL_OK) {
        return status;
    }
    digests = cull__alloc_zero(call->session->allocator, request->blob_count + 1, sizeof *digests);
    if (digests == NULL) {
        return cull__error_nomem(call->err);
    }
    for (size_t i = 0; i < request->blob_count; i++) {
        digests[i] = request->blobs[i].digest;
    }
    status = cull_upload_confirm(upload, digests, request->blob_count, &call->caller, call->err);
    cull__free(call->session->allocator, digests);
    return status;
}

static cull_status build_manifest(struct request_call *call, cull_manifest **out)
{
    const struct cull__request *request = call->request;
    cull_status status = cull_manifest_new(out, request->kind, call->session->allocator);

    for (size_t i = 0; i < request->entry_count && status == CULL_OK; i++) {
        status = cull_manifest_add(*out, &request->entries[i], call->err);
    }
    return status == CULL_OK ? cull_manifest_seal(*out, call->err) : status;
}

static cull_status build_patch(struct request_call *call, cull_manifest_patch **out)
{
    const struct cull__request *request = call->request;
    cull_status status = cull_manifest_patch_new(out, request->kind, call->session->allocator);

    for (size_t i = 0; i < request->entry_count && status == CULL_OK; i++) {
        status = cull_manifest_patch_put(*out, &request->entries[i], call->err);
    }
    return status == CULL_OK ? cull_manifest_patch_seal(*out, call->err) : status;
}

static cull_status missing_visit(void *ctx, const cull_digest *digest)
{
    struct cull__buf *missing = ctx;

    cull__buf_put(missing, digest, sizeof *digest);
    return missing->failed ? CULL_E_NOMEM : CULL_OK;
}

static cull_status run_commit(struct request_call *call)
{
    const struct cull__request *request = call->request;
    cull_manifest *manifest = NULL;
    cull_manifest_patch *patch = NULL;
    cull_upload *upload;
    cull_commit_options options = { .aliases = request->aliases,
                                    .alias_count = request->alias_count,
                                    .tags = request->tags,
                                    .tag_count = request->tag_count,
                                    .ttl_ms = request->ms,
                                    .description = request->description,
                                    .metadata = request->metadata };
    cull_status status = slot_upload(call, &upload);

    if (status != CULL_OK) {
        return status;
    }
    status = request->flags & CULL__REQUEST_PATCH ? build_patch(call, &patch)
                                                  : build_manifest(call, &manifest);
    if (status == CULL_OK) {
        options.manifest = manifest;
        options.patch = patch;
        status = cull_upload_commit(upload, &options, missing_visit, &call->answer->missing,
                                    &call->answer->commit, &call->caller, call->err);
    }
    cull_manifest_free(manifest);
    cull_manifest_patch_free(patch);
    return status;
}

static cull_status run_abort(struct request_call *call)
{
    cull_upload *upload;
    cull_status status = slot_upload(call, &upload);

    return status == CULL_OK ? cull_upload_abort(upload, &call->caller, call->err) : status;
}

static cull_status run_renew(struct request_call *call)
{
    cull_upload *upload;
    cull_status status = slot_upload(call, &upload);

    return status == CULL_OK ? cull_upload_renew(upload, &call->caller, call->err) : status;
}

static cull_status run_drop(struct request_call *call)
{
    forget_handle(call->session, call->request->slot);
    call->session->uploads[call->request->slot] = 0;
    return CULL_OK;
}

/* --- names, deleting, restoring ------------------------------------------------------------- */

static cull_status run_alias_set(struct request_call *call)
{
    cull_version_key key;
    cull_status status = first_version(call, &key);

    return status == CULL_OK ? cull_alias_set(call->session->store, &key, call->request->label,
                                              &call->caller, call->err)
                             : status;
}

static cull_status run_alias_remove(struct request_call *call)
{
    uint64_t collection;
    cull_status status;

    if (call->request->version_count != 1) {
        return cull__error_set(call->err, CULL_E_USAGE,
                               "an alias-remove request names one version");
    }
    status = find_collection(call, &call->request->versions[0], &collection);
    return status == CULL_OK ? cull_alias_remove(call->session->store, collection,
                                                 call->request->label, &call->caller, call->err)
                             : status;
}

static cull_status run_tag(struct request_call *call)
{
    cull_version_key key;
    cull_status status = first_version(call, &key);

    return status == CULL_OK ? cull_tag_set(call->session->store, &key, call->request->label,
                                            (call->request->flags & CULL__REQUEST_PRESENT) != 0,
                                            &call->caller, call->err)
                             : status;
}

static cull_status run_delete(struct request_call *call)
{
    const cull_delete_options options = {
        .delete_aliases = (call->request->flags & CULL__REQUEST_DELETE_ALIASES) != 0,
        .dry_run = (call->request->flags & CULL__REQUEST_DRY_RUN) != 0,
    };
    cull_version_key *keys = NULL;
    cull_status status = find_versions(call, &keys);

    if (status == CULL_OK) {
        status = cull_delete(call->session->store, keys, call->request->version_count, &options,
                             &call->caller, call->err);
    }
    cull__free(call->session->allocator, keys);
    return status;
}

static cull_status told_visit(void *ctx, const cull_version_info *version)
{
    struct cull__buf *told = ctx;

    cull__buf_put(told, &version->key, sizeof version->key);
    return told->failed ? CULL_E_NOMEM : CULL_OK;
}

static cull_status run_delete_scope(struct request_call *call)
{
    const struct cull__request *request = call->request;
    const cull_scope scope = { .kind = request->scope,
                               .entity = text_or_null(request->entity),
                               .project = text_or_null(request->project),
                               .collection = text_or_null(request->collection),
                               .run = text_or_null(request->run) };

    return cull_delete_scope(call->session->store, &scope,
                             (request->flags & CULL__REQUEST_ARTIFACTS) != 0,
                             (request->flags & CULL__REQUEST_DRY_RUN) != 0, told_visit,
                             &call->answer->told, &call->caller, call->err);
}

static cull_status run_restore(struct request_call *call)
{
    cull_version_key *keys = NULL;
    cull_status status = find_versions(call, &keys);

    if (status == CULL_OK) {
        status = cull_restore(call->session->store, keys, call->request->version_count,
                              text_or_null(call->request->label), &call->caller, call->err);
    }
    cull__free(call->session->allocator, keys);
    return status;
}

/* --- cycles --------------------------------------------------------------------------------- */

static cull_gc_options gc_options(const struct request_call *call)
{
    const struct cull__request *request = call->request;

    return (cull_gc_options){
        .now_ms = call->caller.now_ms,
        .verify_full = (request->flags & CULL__REQUEST_VERIFY_FULL) != 0,
        .allow_empty_store = (request->flags & CULL__REQUEST_EMPTY_STORE) != 0,
        .allow_large_plan = (request->flags & CULL__REQUEST_LARGE_PLAN) != 0,
        .allow_late_deletes = (request->flags & CULL__REQUEST_LATE_DELETES) != 0,
        .allow_shorter_grace = (request->flags & CULL__REQUEST_SHORTER_GRACE) != 0,
        .grace_ms = request->grace_ms,
        .max_deletes = request->max_deletes,
        .max_bytes = request->max_bytes,
        .threads = call->session->threads,
    };
}

static cull_status make_plan(struct request_call *call, cull_plan **out)
{
    struct cull__answer *answer = call->answer;
    const cull_gc_options options = gc_options(call);
    cull_status status = cull_gc_plan(out, call->session->store, &options, call->err);
    const cull_version_key *versions;
    size_t count;

    if (status != CULL_OK) {
        return status;
    }
    cull_plan_get_info(*out, &answer->plan);
    for (size_t i = 0; i < answer->plan.blobs; i++) {
        cull_blob_ref blob;

        cull_plan_blob(*out, i, &blob);
        cull__buf_put(&answer->plan_blobs, &blob, sizeof blob);
    }
    versions = cull_plan_versions(*out, &count);
    cull__buf_put(&answer->purged, versions, count * sizeof *versions);
    return CULL_OK;
}

static cull_status execute_plan(struct request_call *call, cull_plan *plan)
{
    const cull_gc_options options = gc_options(call);

    return cull_gc_execute(call->session->store, plan, &options, &call->caller, &call->answer->gc,
                           call->err);
}

static cull_status run_plan(struct request_call *call)
{
    cull_plan *plan = NULL;
    cull_status status = make_plan(call, &plan);

    if (status == CULL_OK) {
        cull_plan_free(call->session->plans[call->request->slot]);
        call->session->plans[call->request->slot] = plan;
    }
    return status;
}

static cull_status run_execute(struct request_call *call)
{
    cull_plan *plan = call->session->plans[call->request->slot];

    if (plan == NULL) {
        return cull__error_set(call->err, CULL_E_NOTFOUND, "slot %" PRIu32 " holds no plan",
                               call->request->slot);
    }
    return execute_plan(call, plan);
}

static cull_status run_collect(struct request_call *call)
{
    cull_plan *plan = NULL;
    cull_status status = make_plan(call, &plan);

    if (status == CULL_OK) {
        status = execute_plan(call, plan);
    }
    cull_plan_free(plan);
    return status;
}

static cull_status run_finish(struct request_call *call)
{
    return cull_gc_finish(call->session->store, &call->caller, &call->answer->finished, call->err);
}

/* --- the store itself ----------------------------------------------------------------------- */

static void finding_visit(void *ctx, const cull_finding *finding)
{
    struct cull__answer *answer = ctx;

    if (finding->is_problem && answer->finding[0] == '\0') {
        (void)snprintf(answer->finding, sizeof answer->finding, "%s", finding->message);
    }
}

static cull_status run_fsck(struct request_call *call)
{
    const cull_fsck_options options = {
        .read_data = (call->request->flags & CULL__REQUEST_READ_DATA) != 0,
        .repair = (call->request->flags & CULL__REQUEST_REPAIR) != 0,
    };

    return cull_fsck(call->session->store, &options, &call->caller, finding_visit, call->answer,
                     &call->answer->fsck, call->err);
}

static cull_status run_clock(struct request_call *call)
{
    uint64_t *now_ms = call->session->now_ms;

    if (call->request->ms > CULL__REQUEST_DURATION_MS_MAX - *now_ms) {
        return cull__error_set(call->err, CULL_E_INVALID, "the clock would leave its range");
    }
    *now_ms += call->request->ms;
    return CULL_OK;
}

static cull_status run_refresh(struct request_call *call)
{
    return cull_store_refresh(call->session->store, &call->answer->seq, call->err);
}

static cull_status run_maintain(struct request_call *call)
{
    return cull_store_maintain(call->session->store,
                               (call->request->flags & CULL__REQUEST_FORCE) != 0, &call->caller,
                               call->err);
}

static cull_status run_reopen(struct request_call *call)
{
    struct cull__session *session = call->session;
    const cull_store_options options = { .log = session->log,
                                         .objects = session->objects,
                                         .allocator = session->allocator };

    cull__session_release(session);
    return cull_store_open(&session->store, &options, call->err);
}

static cull_status run_create(struct request_call *call)
{
    cull_status status =
        cull_store_create(call->session->log, &call->request->settings, &call->caller, call->err);

    return status == CULL_OK ? run_reopen(call) : status;
}

/* --- all together --------------------------------------------------------------------------- */

static cull_status (*const request_runs[CULL__REQUEST_OPS])(struct request_call *) = {
    [CULL__REQUEST_CREATE] = run_create,
    [CULL__REQUEST_OPEN] = run_open,
    [CULL__REQUEST_PUT] = run_put,
    [CULL__REQUEST_SEND] = run_send,
    [CULL__REQUEST_PUBLISH] = run_publish,
    [CULL__REQUEST_CONFIRM] = run_confirm,
    [CULL__REQUEST_COMMIT] = run_commit,
    [CULL__REQUEST_ABORT] = run_abort,
    [CULL__REQUEST_RENEW] = run_renew,
    [CULL__REQUEST_DROP] = run_drop,
    [CULL__REQUEST_ALIAS_SET] = run_alias_set,
    [CULL__REQUEST_ALIAS_REMOVE] = run_alias_remove,
    [CULL__REQUEST_TAG] = run_tag,
    [CULL__REQUEST_DELETE] = run_delete,
    [CULL__REQUEST_DELETE_SCOPE] = run_delete_scope,
    [CULL__REQUEST_RESTORE] = run_restore,
    [CULL__REQUEST_PLAN] = run_plan,
    [CULL__REQUEST_EXECUTE] = run_execute,
    [CULL__REQUEST_COLLECT] = run_collect,
    [CULL__REQUEST_FINISH] = run_finish,
    [CULL__REQUEST_FSCK] = run_fsck,
    [CULL__REQUEST_CLOCK] = run_clock,
    [CULL__REQUEST_REFRESH] = run_refresh,
    [CULL__REQUEST_MAINTAIN] = run_maintain,
    [CULL__REQUEST_REOPEN] = run_reopen,
};

void cull__answer_init(struct cull__answer *answer, const cull_allocator *allocator)
{
    const struct cull__buf empty = CULL__BUF_INIT(allocator);

    memset(answer, 0, sizeof *answer);
    answer->puts = answer->missing = answer->told = empty;
    answer->plan_blobs = answer->purged = empty;
}

void cull__answer_clear(struct cull__answer *answer)
{
    struct cull__answer cleared = *answer;

    memset(answer, 0, sizeof *answer);
    answer->puts = cleared.puts;
    answer->missing = cleared.missing;
    answer->told = cleared.told;
    answer->plan_blobs = cleared.plan_blobs;
    answer->purged = cleared.purged;
    cull__buf_clear(&answer->puts);
    cull__buf_clear(&answer->missing);
    cull__buf_clear(&answer->told);
    cull__buf_clear(&answer->plan_blobs);
    cull__buf_clear(&answer->purged);
}

void cull__answer_release(struct cull__answer *answer)
{
    cull__buf_release(&answer->puts);
    cull__buf_release(&answer->missing);
    cull__buf_release(&answer->told);
    cull__buf_release(&answer->plan_blobs);
    cull__buf_release(&answer->purged);
}

cull_status cull__request_run(struct cull__session *session, const struct cull__request *request,
                              struct cull__answer *answer)
{
    struct request_call call = { .session = session,
                                 .request = request,
                                 .answer = answer,
                                 .caller = { *session->now_ms, session->actor },
                                 .err = &answer->error };

    CULL_ASSERT(request->op < CULL__REQUEST_OPS && request->slot < CULL__REQUEST_SLOTS);
    cull__answer_clear(answer);
    if (session->store == NULL && request->op != CULL__REQUEST_CREATE &&
        request->op != CULL__REQUEST_REOPEN && request->op != CULL__REQUEST_CLOCK) {
        answer->status = cull__error_set(&answer->error, CULL_E_NOTFOUND, "the store is not open");
        return answer->status;
    }
    answer->status = request_runs[request->op](&call);
    if (answer->status == CULL_OK &&
        (answer->puts.failed || answer->missing.failed || answer->told.failed ||
         answer->plan_blobs.failed || answer->purged.failed)) {
        answer->status = cull__error_nomem(&answer->error);
    }
    return answer->status;
}

void cull__session_release(struct cull__session *session)
{
    for (uint32_t slot = 0; slot < CULL__REQUEST_SLOTS; slot++) {
        forget_handle(session, slot);
        cull_plan_free(session->plans[slot]);
        session->plans[slot] = NULL;
    }
    cull_store_close(session->store);
    session->store = NULL;
}
