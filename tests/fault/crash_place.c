/*
 * crash_place.c - see crash_place.h.
 *
 * SHAPE     The log is a real SQLite log on a mounted disk; the object store in memory is durable at
 *           once and wrapped in the fault injector, which asks the disk's watch as every other call
 *           does. Requests are run by the same code that the simulator uses.
 * INVARIANT All memory of the library comes from one counting allocator, so what leaks shows.
 */
#include "crash_place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "log/sqlite_handle.h"
#include "object/objects_internal.h"

#define BUSY_MS 1 /* nobody else could end what we wait for */

static char dirs[CRASH_PLACES][200];

void crash_places_start(void)
{
    char *real = realpath(scratch_dir(), NULL);

    for (size_t i = 0; i < CRASH_PLACES; i++) {
        int len = real == NULL ? -1 : snprintf(dirs[i], sizeof dirs[i], "%s/%zu", real, i);

        if (len < 0 || (size_t)len >= sizeof dirs[i] || mkdir(dirs[i], 0755) != 0) {
            perror("crash_place");
            abort();
        }
    }
    free(real);
}

static cull_status object_fault(void *ctx, const char *op, uint64_t n)
{
    struct crash_place *place = ctx;
    int error;

    (void)op;
    (void)n;
    error = crash_disk_ask(place->disk, CRASH_OBJECT);
    return error == 0 ? CULL_OK : error == ENOSPC ? CULL_E_NOSPACE : CULL_E_IO;
}

void crash_place_init(struct crash_place *place, size_t which, struct crash_disk *disk,
                      cull_objects *memory, uint64_t now_ms)
{
    static const char *const actors[CRASH_PROCESSES] = { "ann", "bob" };

    memset(place, 0, sizeof *place);
    (void)snprintf(place->path, sizeof place->path, "%s/cull.db", dirs[which]);
    (void)snprintf(place->lock_path, sizeof place->lock_path, "%s/collector.lock", dirs[which]);
    place->disk = disk;
    place->now_ms = now_ms;
    failing_allocator_init(&place->heap, 0);
    cull__answer_init(&place->answer, &place->heap.allocator);
    for (size_t i = 0; i < CULL__REQUEST_SLOTS; i++) {
        place->to_send[i] = (struct cull__buf)CULL__BUF_INIT(cull_allocator_default());
    }
    place->memory = memory == NULL ? crash_objects_new() : memory;
    if (cull_objects_faulty_new(&place->objects, place->memory, object_fault, place, NULL, NULL) !=
        CULL_OK) {
        abort();
    }
    cull_objects_memory_set_time(place->memory, now_ms);
    crash_mount(dirs[which], disk);
    for (size_t i = 0; i < CRASH_PROCESSES; i++) {
        place->sessions[i] = (struct cull__session){ .objects = place->objects,
                                                     .allocator = &place->heap.allocator,
                                                     .actor = actors[i],
                                                     .now_ms = &place->now_ms,
                                                     .uploads = place->uploads };
    }
}

void crash_place_find(struct crash_place *found, size_t which, const struct crash_place *place,
                      enum crash_survival survival, uint64_t seed)
{
    crash_place_init(found, which, crash_disk_cut(place->disk, survival, seed),
                     crash_objects_copy(place->memory, place->now_ms), place->now_ms);
    found->strays = place->strays;
}

void crash_place_close(struct crash_place *place, uint32_t process)
{
    cull__session_release(&place->sessions[process]);
    cull_log_close(place->logs[process]);
    place->logs[process] = place->sessions[process].log = NULL;
    place->is_grouped = false;
}

void crash_place_kill(struct crash_place *place)
{
    for (uint32_t i = 0; i < CRASH_PROCESSES; i++) {
        crash_place_close(place, i);
    }
}

size_t crash_place_release(struct crash_place *place)
{
    size_t left;

    crash_disk_watch(place->disk, NULL, NULL);
    crash_place_kill(place);
    cull__answer_release(&place->answer);
    for (size_t i = 0; i < CULL__REQUEST_SLOTS; i++) {
        cull__buf_release(&place->to_send[i]);
    }
    cull_objects_close(place->objects);
    place->path[strlen(place->path) - strlen("/cull.db")] = '\0';
    for (size_t i = 0; i < CRASH_PLACES; i++) {
        if (strcmp(place->path, dirs[i]) == 0) {
            crash_unmount(dirs[i]);
        }
    }
    left = (size_t)place->heap.live + crash_disk_open_count(place->disk);
    if (crash_disk_open_count(place->disk) == 0) {
        crash_disk_free(place->disk);
    }
    return left;
}

cull_status crash_place_open(struct crash_place *place, uint32_t process, bool create)
{
    const cull_log_sqlite_options options = { .path = place->path,
                                              .lock_path = place->lock_path,
                                              .create = create,
                                              .busy_ms = BUSY_MS,
                                              .allocator = &place->heap.allocator };
    cull_store_options store = { .objects = place->objects, .allocator = &place->heap.allocator };
    struct cull__session *session = &place->sessions[process];
    cull_error *err = &place->answer.error;
    cull_status status = CULL_OK;

    if (place->logs[process] == NULL) {
        status = cull_log_sqlite_open(&place->logs[process], &options, err);
    }
    if (status != CULL_OK) {
        return status;
    }
    if (place->wal_pages > 0) {
        struct cull__sqlite *sqlite = cull__sqlite_lock(place->logs[process]);

        if (sqlite->db != NULL) { /* between its calls a log on a full disk has none */
            (void)sqlite3_wal_autocheckpoint(sqlite->db, place->wal_pages);
        }
        cull__sqlite_unlock(sqlite);
    }
    cull__session_release(session);
    session->log = store.log = place->logs[process];
    if (create) {
        return CULL_OK;
    }
    status = cull_store_open(&session->store, &store, err);
    return status == CULL_E_NOTFOUND ? CULL_OK : status;
}

/* --- steps -------------------------------------------------------------------------------------- */

static cull_put_answer put_answer(const struct crash_place *place, size_t i)
{
    cull_put_answer answer;

    memcpy(&answer, place->answer.puts.data + i * sizeof answer, sizeof answer);
    return answer;
}

static bool must_wait(const struct crash_place *place, const struct cull__request *request)
{
    bool waits = false;

    for (size_t i = 0; i < request->blob_count; i++) {
        waits = waits || put_answer(place, i) == CULL_PUT_WAIT;
    }
    return waits;
}

static cull_status run_put(struct crash_place *place, struct cull__session *session,
                           const struct cull__request *request)
{
    struct cull__request finish = CULL__REQUEST_INIT;
    struct cull__buf *to_send = &place->to_send[request->slot];
    cull_status status = cull__request_run(session, request, &place->answer);

    finish.op = CULL__REQUEST_FINISH;
    if (status == CULL_OK && must_wait(place, request)) {
        status = cull__request_run(session, &finish, &place->answer);
        if (status == CULL_OK) {
            status = cull__request_run(session, request, &place->answer);
        }
    }
    cull__buf_clear(to_send);
    for (size_t i = 0; status == CULL_OK && i < request->blob_count; i++) {
        if (put_answer(place, i) == CULL_PUT_SEND) {
            cull__buf_put(to_send, &request->blobs[i].digest, sizeof request->blobs[i].digest);
        }
    }
    return status;
}

static bool is_to_send(const struct crash_place *place, uint32_t slot,
                       const struct cull__request_content *content)
{
    const struct cull__buf *to_send = &place->to_send[slot];
    cull_digest digest;
    cull_status status = cull_digest_of(&digest, CULL_DIGEST_XXH128, content->data, content->len);
    bool found = false;

    for (size_t at = 0; status == CULL_OK && at < to_send->len; at += sizeof digest) {
        found = found || memcmp(to_send->data + at, &digest, sizeof digest) == 0;
    }
    return found;
}

static cull_status run_send(struct crash_place *place, struct cull__session *session,
                            const struct cull__request *request)
{
    struct cull__request_content contents[64];
    struct cull__request send = *request;

    send.contents = contents;
    send.content_count = 0;
    for (size_t i = 0; i < request->content_count; i++) {
        if (is_to_send(place, request->slot, &request->contents[i])) {
            CULL_ASSERT(send.content_count < ARRAY_LEN(contents));
            contents[send.content_count++] = request->contents[i];
        }
    }
    return send.content_count == 0 ? CULL_OK : cull__request_run(session, &send, &place->answer);
}

static cull_status run_request(struct crash_place *place, struct cull__session *session,
                               const struct cull__request *request)
{
    cull_status status;

    switch (request->op) {
    case CULL__REQUEST_PUT:
        return run_put(place, session, request);
    case CULL__REQUEST_SEND:
        return run_send(place, session, request);
    default:
        break;
    }
    status = cull__request_run(session, request, &place->answer);
    if (request->op == CULL__REQUEST_CLOCK) {
        cull_objects_memory_set_time(place->memory, place->now_ms);
    }
    return status;
}

cull_status crash_place_step(struct crash_place *place, const struct crash_step *step)
{
    uint32_t process = step->request.process;
    cull_error *err = &place->answer.error;
    cull_status status = CULL_OK;

    *err = (cull_error){ CULL_OK, "" };
    switch (step->kind) {
    case CRASH_STEP_REQUEST:
        status = run_request(place, &place->sessions[process], &step->request);
        break;
    case CRASH_STEP_CREATE_LOG:
    case CRASH_STEP_OPEN:
        status = crash_place_open(place, process, step->kind == CRASH_STEP_CREATE_LOG);
        break;
    case CRASH_STEP_CLOSE:
        crash_place_close(place, process);
        break;
    case CRASH_STEP_GROUP:
        status = cull_log_group_begin(place->logs[process], err);
        place->is_grouped = status == CULL_OK;
        break;
    case CRASH_STEP_GROUP_END:
        status = cull_log_group_end(place->logs[process], true, err);
        place->is_grouped = false;
        break;
    }
    return status;
}

/* --- objects ------------------------------------------------------------------------------------ */

cull_objects *crash_objects_new(void)
{
    const cull_objects_memory_options options = { .digest = CULL_DIGEST_XXH128,
                                                  .late = CULL_LATE_IMPOSSIBLE };
    cull_objects *objects = NULL;

    if (cull_objects_memory_new(&objects, &options, NULL) != CULL_OK) {
        abort();
    }
    return objects;
}

struct copy {
    cull_objects *from, *to;
    struct cull__buf bytes; /* of one object */
    size_t given;
};

static cull_status copy_write(void *ctx, const void *data, size_t len, cull_error *err)
{
    struct copy *copy = ctx;

    (void)err;
    cull__buf_put(&copy->bytes, data, len);
    return copy->bytes.failed ? CULL_E_NOMEM : CULL_OK;
}

static cull_status copy_read(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    struct copy *copy = ctx;

    (void)err;
    *got = copy->bytes.len - copy->given < len ? copy->bytes.len - copy->given : len;
    memcpy(data, copy->bytes.data + copy->given, *got);
    copy->given += *got;
    return CULL_OK;
}

static cull_status copy_object(void *ctx, const char *name, const cull_object_id *id,
                               const cull_object_info *info)
{
    struct copy *copy = ctx;
    const cull_source source = {
        .fd = -1, .read = copy_read, .ctx = copy, .size_bytes_max = UINT64_MAX
    };
    cull_staged staged;
    cull_status result;
    cull_status status;

    (void)name;
    (void)info;
    cull__buf_clear(&copy->bytes);
    copy->given = 0;
    status = cull__objects_read(copy->from, id, copy_write, copy, NULL);
    if (status == CULL_OK) {
        status = cull__objects_stage(copy->to, &source, &staged, NULL);
    }
    return status == CULL_OK ? cull__objects_publish(copy->to, &staged, id, 1, &result, NULL)
                             : status;
}

cull_objects *crash_objects_copy(cull_objects *objects, uint64_t now_ms)
{
    struct copy copy = { .from = objects,
                         .to = crash_objects_new(),
                         .bytes = CULL__BUF_INIT(cull_allocator_default()) };

    cull_objects_memory_set_time(copy.to, now_ms);
    if (cull__objects_list(objects, copy_object, &copy, NULL) != CULL_OK) {
        abort();
    }
    cull__buf_release(&copy.bytes);
    return copy.to;
}
