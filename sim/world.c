/*
 * world.c - one log, one object store, two processes, one clock.
 *
 * SHAPE     Each process has a view of the log in memory, wrapped so that an append can be made to
 *           lose a race; the object store in memory is wrapped in the fault injector. Faults hold
 *           for one request.
 * INVARIANT Nothing here is random and nothing reads a real clock: a world is a function of the
 *           requests that are done in it.
 */
#include "world.h"

#include <string.h>

/* --- a log that loses races ------------------------------------------------------------------- */

static struct world_log *view_of(cull_log *log)
{
    return (struct world_log *)(void *)log;
}

/* Is there a fact of this type in a batch? */
static bool has_fact(const struct cull__batch *batch, unsigned type)
{
    struct cull__cursor cursor = cull__cursor(batch->data, batch->len);
    struct cull__frame frame;

    for (uint32_t i = 0; i < batch->fact_count; i++) {
        if (cull__frame_next(&cursor, &frame, NULL) == CULL_OK && frame.type == type) {
            return true;
        }
    }
    return false;
}

static cull_status view_append(cull_log *log, uint64_t expected_seq,
                               const struct cull__batch *batch, uint64_t *seq, cull_error *err)
{
    struct world *world = view_of(log)->world;
    cull_log *inner = view_of(log)->inner;
    void (*race)(void *ctx) = world->race;

    if (race != NULL && (world->race_at == 0 || has_fact(batch, world->race_at))) {
        world->race = NULL;
        race(world->race_ctx);
    }
    return inner->ops->append(inner, expected_seq, batch, seq, err);
}

static cull_status view_head(cull_log *log, uint64_t *seq, cull_error *err)
{
    cull_log *inner = view_of(log)->inner;

    return inner->ops->head(inner, seq, err);
}

static cull_status view_read(cull_log *log, uint64_t since, cull__batch_visit_fn visit, void *ctx,
                             cull_error *err)
{
    cull_log *inner = view_of(log)->inner;

    return inner->ops->read(inner, since, visit, ctx, err);
}

static cull_status view_tail_bytes(cull_log *log, uint64_t since, uint64_t *bytes, cull_error *err)
{
    cull_log *inner = view_of(log)->inner;

    return inner->ops->tail_bytes(inner, since, bytes, err);
}

static cull_status view_document(cull_log *log, uint64_t id, cull__piece_fn take, void *ctx,
                                 cull_error *err)
{
    cull_log *inner = view_of(log)->inner;

    return inner->ops->document_pieces(inner, id, take, ctx, err);
}

static cull_status view_checkpoint_put(cull_log *log, const char *room, uint64_t seq,
                                       const struct cull__column *columns, size_t count,
                                       cull_error *err)
{
    cull_log *inner = view_of(log)->inner;

    return inner->ops->checkpoint_put(inner, room, seq, columns, count, err);
}

static cull_status view_checkpoint_get(cull_log *log, const char *room, unsigned age,
                                       struct cull__checkpoint *out, cull_error *err)
{
    cull_log *inner = view_of(log)->inner;

    return inner->ops->checkpoint_get(inner, room, age, out, err);
}

static cull_status view_checkpoint_size(cull_log *log, const char *room, uint64_t *seq,
                                        uint64_t *bytes, cull_error *err)
{
    cull_log *inner = view_of(log)->inner;

    return inner->ops->checkpoint_size(inner, room, seq, bytes, err);
}

static cull_status view_maintain_lock(cull_log *log, bool acquire, cull_error *err)
{
    cull_log *inner = view_of(log)->inner;

    return inner->ops->maintain_lock(inner, acquire, err);
}

static cull_status view_cut(cull_log *log, uint64_t seq, uint64_t audit_before_ms, cull_error *err)
{
    cull_log *inner = view_of(log)->inner;

    return inner->ops->cut(inner, seq, audit_before_ms, err);
}

static cull_status view_audit_read(cull_log *log, cull__batch_visit_fn visit, void *ctx,
                                   cull_error *err)
{
    cull_log *inner = view_of(log)->inner;

    return inner->ops->audit_read(inner, visit, ctx, err);
}

static cull_status view_leader(cull_log *log, enum cull__leader what, cull_error *err)
{
    cull_log *inner = view_of(log)->inner;

    return inner->ops->leader(inner, what, err);
}

static cull_status view_stat(cull_log *log, struct cull__log_stat *out, cull_error *err)
{
    cull_log *inner = view_of(log)->inner;

    return inner->ops->stat(inner, out, err);
}

static void view_close(cull_log *log)
{
    cull_log_close(view_of(log)->inner);
}

static const struct cull__log_ops view_ops = {
    .name = "world",
    .append = view_append,
    .head = view_head,
    .read = view_read,
    .tail_bytes = view_tail_bytes,
    .document_pieces = view_document,
    .checkpoint_put = view_checkpoint_put,
    .checkpoint_get = view_checkpoint_get,
    .checkpoint_size = view_checkpoint_size,
    .maintain_lock = view_maintain_lock,
    .cut = view_cut,
    .audit_read = view_audit_read,
    .leader = view_leader,
    .stat = view_stat,
    .close = view_close,
};

/* --- faults --------------------------------------------------------------------------------- */

static cull_status decide_fault(void *ctx, const char *op, uint64_t n)
{
    static const char *const faulty[CULL__FAULTS] = {
        [CULL__FAULT_PUBLISH] = "publish",
        [CULL__FAULT_PUBLISH_AFTER] = "publish.after",
        [CULL__FAULT_DELETE] = "delete",
        [CULL__FAULT_DELETE_AFTER] = "delete.after",
    };
    struct world *world = ctx;

    (void)n;
    if (faulty[world->fault] == NULL || strcmp(faulty[world->fault], op) != 0) {
        return CULL_OK;
    }
    world->fault_fired = true;
    return CULL_E_IO;
}

/* --- the world ------------------------------------------------------------------------------ */

static cull_status make_letters(struct world *world, cull_digest_kind kind)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; i < WORLD_LETTERS_MAX && status == CULL_OK; i++) {
        struct world_letter *letter = &world->letters[i];

        letter->len = 1 + 3 * i;
        memset(letter->bytes, 'a' + (int)i, letter->len);
        status = cull_digest_of(&letter->digest, kind, letter->bytes, letter->len);
    }
    return status;
}

static cull_status make_objects(struct world *world, const cull_store_settings *settings,
                                cull_error *err)
{
    const cull_objects_memory_options options = {
        .digest = settings->digest,
        .versioning = settings->late_deletes == CULL_LATE_VERSION_IDS ? CULL_VERSIONING_ENABLED
                                                                      : CULL_VERSIONING_NONE,
        .late = settings->late_deletes,
    };
    cull_status status = cull_objects_memory_new(&world->memory, &options, err);

    if (status != CULL_OK) {
        return status;
    }
    status =
        cull_objects_faulty_new(&world->objects, world->memory, decide_fault, world, NULL, err);
    if (status != CULL_OK) {
        cull_objects_close(world->memory);
        world->memory = NULL;
    }
    return status;
}

cull_status world_init(struct world *world, const cull_store_settings *settings, cull_error *err)
{
    static const char *const actors[WORLD_PROCESSES] = { "ann", "bob" };
    cull_status status;

    memset(world, 0, sizeof *world);
    world->now_ms = WORLD_START_MS;
    status = make_letters(world, settings->digest);
    if (status == CULL_OK) {
        status = make_objects(world, settings, err);
    }
    if (status == CULL_OK) {
        cull_objects_memory_set_time(world->memory, world->now_ms);
        status = cull_log_memory_new(&world->log, cull_allocator_default());
    }
    for (size_t i = 0; i < WORLD_PROCESSES && status == CULL_OK; i++) {
        struct world_log *view = &world->views[i];

        view->log = (struct cull_log){ &view_ops, cull_allocator_default() };
        view->world = world;
        status = cull_log_memory_view(&view->inner, world->log);
        world->sessions[i] = (struct cull__session){ .log = &view->log,
                                                     .objects = world->objects,
                                                     .allocator = cull_allocator_default(),
                                                     .actor = actors[i],
                                                     .now_ms = &world->now_ms,
                                                     .uploads = world->uploads };
    }
    if (status != CULL_OK) {
        world_release(world);
    }
    return status;
}

void world_release(struct world *world)
{
    for (size_t i = 0; i < WORLD_PROCESSES; i++) {
        cull__session_release(&world->sessions[i]);
        cull_log_close(world->views[i].inner);
    }
    cull_log_close(world->log);
    cull_objects_close(world->objects);
    memset(world, 0, sizeof *world);
}

cull_status world_run(struct world *world, const struct cull__request *request,
                      struct cull__answer *answer, bool *fired, void (*race)(void *ctx), void *ctx)
{
    enum cull__request_fault fault_before = world->fault;
    bool fired_before = world->fault_fired;
    cull_status status;

    world->fault = request->fault;
    world->race = race;
    world->race_ctx = ctx;
    world->race_at = request->op == CULL__REQUEST_EXECUTE ? CULL__FACT_CLAIM : 0;
    world->fault_fired = false;
    status =
        cull__request_run(&world->sessions[request->process % WORLD_PROCESSES], request, answer);
    world->race = NULL;
    world->fault = fault_before;
    *fired = world->fault_fired;
    world->fault_fired = fired_before;
    if (request->op == CULL__REQUEST_CLOCK) {
        cull_objects_memory_set_time(world->memory, world->now_ms);
    }
    return status;
}

char world_letter_of(const struct world *world, const cull_digest *digest)
{
    for (size_t i = 0; i < WORLD_LETTERS_MAX; i++) {
        if (memcmp(&world->letters[i].digest, digest, sizeof *digest) == 0) {
            return (char)('a' + (int)i);
        }
    }
    return '?';
}
