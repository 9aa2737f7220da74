/*
 * crowd_net.c - a process's view of the object store, and the requests that are under way to it.
 *
 * SHAPE     Objects lie in one object store in memory that answers at once. In a late world a
 *           publish or delete becomes a request in a list: the call is answered *busy*, and the
 *           same call again tells the result, once the request has arrived. It may also arrive
 *           twice, or never; also after its sender was killed, and then nobody is told.
 * INVARIANT What a request carries is a letter: its content is made again where it arrives.
 * WHY NOT   the late requests of memory_objects.c: they know no senders, and here one process dies
 *           while the others go on waiting.
 */
#include "crowd_internal.h"

#include <stdlib.h>
#include <string.h>

#include "object/objects_internal.h"

#define DAY_MS (UINT64_C(24) * 3600 * 1000)

/* The objects stand behind the log in the ports. */
static struct crowd_ports *ports_of(cull_objects *objects)
{
    return (struct crowd_ports *)(void *)((char *)objects - offsetof(struct crowd_ports, objects));
}

static cull_status refuse(cull_error *err)
{
    return cull__error_set(err, CULL_E_IO, "object store: out of order");
}

/* --- what reaches the objects ----------------------------------------------------------------- */

static cull_status read_content(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    struct crowd_content *content = ctx;

    (void)err;
    *got = len < content->left ? len : content->left;
    memcpy(data, content->data, *got);
    content->data += *got;
    content->left -= *got;
    return CULL_OK;
}

cull_source crowd_source(const struct crowd *crowd, unsigned letter, struct crowd_content *content)
{
    *content = (struct crowd_content){ crowd->contents[letter], (size_t)crowd->sizes[letter] };
    return (cull_source){ -1, read_content, content, WITNESS_CONTENT_MAX };
}

void crowd_put_object(struct crowd *crowd, unsigned letter, uint32_t incarnation)
{
    struct crowd_content content;
    const cull_source source = crowd_source(crowd, letter, &content);
    const cull_object_id id = { crowd->digests[letter], incarnation };
    cull_staged staged;
    cull_status result = CULL_OK;

    if (cull__objects_stage(crowd->memory, &source, &staged, NULL) != CULL_OK ||
        cull__objects_publish(crowd->memory, &staged, &id, 1, &result, NULL) != CULL_OK) {
        abort();
    }
    witness_damage_brought(&crowd->witness, letter, incarnation);
}

static cull_status delete_object(struct crowd *crowd, unsigned letter, uint32_t incarnation,
                                 uint64_t version)
{
    const cull_object_version object = { { crowd->digests[letter], incarnation }, version };
    cull_status result = CULL_OK;

    (void)cull__objects_delete_batch(crowd->memory, &object, 1, &result, NULL);
    witness_check(&crowd->witness); /* at once: an upload may bring it back before the step ends */
    return result;
}

/* --- requests under way ----------------------------------------------------------------------- */

static void forget(struct crowd *crowd, size_t at)
{
    crowd->request_count--;
    memmove(&crowd->requests[at], &crowd->requests[at + 1],
            (crowd->request_count - at) * sizeof crowd->requests[0]);
}

/* Does a DELETING blob still wait for this? */
static bool is_awaited(const struct crowd *crowd, const struct crowd_request *request)
{
    for (uint32_t number = 0; number < crowd->witness.blob_limit; number++) {
        const struct witness_blob *blob = &crowd->witness.blobs[number];

        if (blob->state == WITNESS_DELETING && blob->letter == request->letter &&
            blob->incarnation == request->incarnation) {
            return true;
        }
    }
    return false;
}

static void note_arrival(struct crowd *crowd, const struct crowd_request *request)
{
    bool there = witness_there(&crowd->witness, request->letter, request->incarnation);

    if (request->answered) {
        CROWD_REACH(crowd, SECOND_ARRIVALS);
    }
    if (request->publish && request->told) {
        CROWD_REACH(crowd, LATE_PUBLISHES);
    }
    if (!request->publish && request->told) {
        crowd->reached[there && is_awaited(crowd, request) ? CAME_LATE_HITS : CAME_LATE_DELETES]++;
    }
}

void crowd_deliver(struct crowd *crowd, size_t which, bool again)
{
    struct crowd_request *request = &crowd->requests[which];

    note_arrival(crowd, request);
    crowd_tell(crowd, "%s %c arrives%s", request->publish ? "publish of" : "delete of",
               'a' + (int)request->letter, request->told ? ", and nobody waits" : "");
    request->answered = true;
    request->waiting = again;
    if (request->publish) {
        crowd_put_object(crowd, request->letter, request->incarnation);
        request->result = CULL_OK;
    } else {
        request->result =
            delete_object(crowd, request->letter, request->incarnation, request->number);
    }
    if (request->told && !again) {
        forget(crowd, which);
    }
}

void crowd_hang_up(struct crowd *crowd, unsigned process)
{
    for (size_t at = crowd->request_count; at-- > 0;) {
        struct crowd_request *request = &crowd->requests[at];

        if (request->process == process) {
            request->told = true;
            if (!request->waiting) {
                forget(crowd, at);
            }
        }
    }
}

void crowd_forget_publish(struct crowd *crowd, const struct crowd_process *process, uint64_t token)
{
    for (size_t at = 0; at < crowd->request_count; at++) {
        struct crowd_request *request = &crowd->requests[at];

        if (request->publish && request->process == process->number && request->number == token) {
            request->told = true;
            if (!request->waiting) {
                forget(crowd, at);
            }
            return;
        }
    }
}

/* The list is full: the oldest request arrives, or its answer is forgotten. */
static void make_room(struct crowd *crowd)
{
    if (crowd->request_count < CROWD_REQUESTS) {
        return;
    }
    if (crowd->requests[0].waiting) {
        crowd->requests[0].told = true;
        crowd_deliver(crowd, 0, false);
    } else {
        forget(crowd, 0);
    }
}

/* The answer to a request, sent now if it was not sent before. An answered publish is told as often
 * as it is asked for, until the uploader forgets it: a batch is confirmed whole or not at all. */
static cull_status request_ask(struct crowd_ports *ports, struct crowd_request *wanted)
{
    struct crowd *crowd = ports->crowd;
    size_t at = 0;

    while (at < crowd->request_count &&
           (crowd->requests[at].told || crowd->requests[at].process != wanted->process ||
            crowd->requests[at].publish != wanted->publish ||
            crowd->requests[at].number != wanted->number ||
            crowd->requests[at].letter != wanted->letter ||
            crowd->requests[at].incarnation != wanted->incarnation)) {
        at++;
    }
    if (at == crowd->request_count) {
        make_room(crowd);
        at = crowd->request_count++;
        crowd->requests[at] = *wanted;
        crowd->requests[at].waiting = true;
        if (crowd->prompt || crowd->settling) {
            crowd_deliver(crowd, at, false);
        }
    }
    if (!crowd->requests[at].answered) {
        return CULL_E_BUSY;
    }
    wanted->result = crowd->requests[at].result;
    if (!wanted->publish) {
        crowd->requests[at].told = true;
        if (!crowd->requests[at].waiting) {
            forget(crowd, at);
        }
    }
    return wanted->result;
}

/* --- the operations --------------------------------------------------------------------------- */

static cull_status net_stage(cull_objects *objects, const cull_source *source, cull_staged *out,
                             cull_error *err)
{
    struct crowd_ports *ports = ports_of(objects);

    *out = (cull_staged){ 0 };
    return ports->dead ? refuse(err) : cull__objects_stage(ports->crowd->memory, source, out, err);
}

static void net_discard(cull_objects *objects, const cull_staged *staged)
{
    if (!ports_of(objects)->dead) {
        cull__objects_discard(ports_of(objects)->crowd->memory, staged);
    }
}

/* One element of a publish: in a late world its bytes leave with the first call. */
static cull_status publish_late(struct crowd_ports *ports, const cull_staged *staged,
                                const cull_object_id *id)
{
    struct crowd *crowd = ports->crowd;
    struct crowd_request request = { .publish = true,
                                     .process = ports->process->number,
                                     .letter = witness_letter(&crowd->witness, &staged->digest),
                                     .incarnation = id->incarnation,
                                     .number = staged->token };

    if (request.letter == WITNESS_LETTERS) {
        witness_break(&crowd->witness, "bytes are published that nobody has");
        return CULL_E_IO;
    }
    cull__objects_discard(crowd->memory, staged);
    return request_ask(ports, &request);
}

static cull_status net_publish(cull_objects *objects, const cull_staged *staged,
                               const cull_object_id *ids, size_t count, cull_status *result,
                               cull_error *err)
{
    struct crowd_ports *ports = ports_of(objects);
    struct crowd *crowd = ports->crowd;
    enum crowd_verdict verdict = crowd_meet(ports, POINT_PUBLISH);
    cull_status status;

    if (verdict == VERDICT_REFUSE) {
        CROWD_REACH(crowd, PUBLISH_FAILED);
        for (size_t i = 0; i < count; i++) {
            net_discard(objects, &staged[i]);
        }
        return cull__objects_batch_fill(result, count, refuse(err));
    }
    if (crowd->settings.late) {
        for (size_t i = 0; i < count; i++) {
            result[i] = publish_late(ports, &staged[i], &ids[i]);
        }
        status = cull__objects_batch_status(result, count, err);
    } else {
        status = cull__objects_publish(crowd->memory, staged, ids, count, result, err);
        for (size_t i = 0; i < count; i++) {
            if (result[i] == CULL_OK) {
                witness_damage_brought(&crowd->witness,
                                       witness_letter(&crowd->witness, &ids[i].digest),
                                       ids[i].incarnation);
            }
        }
    }
    if (verdict == VERDICT_LOSE) {
        CROWD_REACH(crowd, PUBLISH_LOST);
        return cull__objects_batch_fill(result, count, refuse(err));
    }
    return status;
}

static cull_status delete_one(struct crowd_ports *ports, const cull_object_version *object,
                              bool lose)
{
    struct crowd *crowd = ports->crowd;
    struct crowd_request request = { .process = ports->process->number,
                                     .letter = witness_letter(&crowd->witness, &object->id.digest),
                                     .incarnation = object->id.incarnation,
                                     .number = object->version };
    cull_status status;

    if (request.letter == WITNESS_LETTERS) {
        witness_break(&crowd->witness, "an object is deleted that nobody made");
        return CULL_E_IO;
    }
    witness_sends_delete(&crowd->witness, request.letter, request.incarnation, request.number);
    status = crowd->settings.late
                 ? request_ask(ports, &request)
                 : delete_object(crowd, request.letter, request.incarnation, request.number);
    if (status == CULL_OK && !lose) {
        witness_answered(&crowd->witness, request.letter, request.incarnation, request.number);
    }
    return status;
}

static cull_status net_delete_batch(cull_objects *objects, const cull_object_version *versions,
                                    size_t count, cull_status *result, cull_error *err)
{
    struct crowd_ports *ports = ports_of(objects);
    enum crowd_verdict verdict = crowd_meet(ports, POINT_DELETE);

    if (verdict == VERDICT_REFUSE) {
        CROWD_REACH(ports->crowd, DELETE_FAILED);
        return cull__objects_batch_fill(result, count, refuse(err));
    }
    for (size_t i = 0; i < count; i++) {
        result[i] = delete_one(ports, &versions[i], verdict == VERDICT_LOSE);
    }
    if (verdict == VERDICT_LOSE) {
        CROWD_REACH(ports->crowd, DELETE_LOST);
        return cull__objects_batch_fill(result, count, refuse(err));
    }
    return cull__objects_batch_status(result, count, err);
}

static cull_status net_list(cull_objects *objects, cull_object_visit_fn visit, void *ctx,
                            cull_error *err)
{
    struct crowd_ports *ports = ports_of(objects);

    return crowd_meet(ports, POINT_LOOK) != VERDICT_GO
               ? refuse(err)
               : cull__objects_list(ports->crowd->memory, visit, ctx, err);
}

static cull_status net_stat_batch(cull_objects *objects, const cull_object_id *ids, size_t count,
                                  cull_object_info *info, cull_error *err)
{
    struct crowd_ports *ports = ports_of(objects);

    if (crowd_meet(ports, POINT_LOOK) == VERDICT_GO) {
        return cull__objects_stat_batch(ports->crowd->memory, ids, count, info, err);
    }
    for (size_t i = 0; i < count; i++) {
        info[i] = (cull_object_info){ .status = CULL_E_IO };
    }
    return refuse(err);
}

static cull_status net_read(cull_objects *objects, const cull_object_id *id, cull_write_fn write,
                            void *ctx, cull_error *err)
{
    struct crowd_ports *ports = ports_of(objects);

    return crowd_meet(ports, POINT_LOOK) != VERDICT_GO
               ? refuse(err)
               : cull__objects_read(ports->crowd->memory, id, write, ctx, err);
}

static cull_late_deletes net_late_deletes(cull_objects *objects)
{
    return ports_of(objects)->crowd->settings.store.late_deletes;
}

static cull_status net_versions(cull_objects *objects, const cull_object_id *id,
                                cull_status (*visit)(void *ctx, uint64_t version), void *ctx,
                                cull_error *err)
{
    struct crowd_ports *ports = ports_of(objects);

    return crowd_meet(ports, POINT_LOOK) != VERDICT_GO
               ? refuse(err)
               : cull__objects_versions(ports->crowd->memory, id, visit, ctx, err);
}

static cull_status net_versioning(cull_objects *objects, cull_versioning *state, cull_error *err)
{
    struct crowd_ports *ports = ports_of(objects);

    *state = CULL_VERSIONING_NONE;
    return crowd_meet(ports, POINT_LOOK) != VERDICT_GO
               ? refuse(err)
               : cull__objects_versioning(ports->crowd->memory, state, err);
}

static cull_status net_quarantine(cull_objects *objects, const cull_object_id *id,
                                  const cull_object_info *seen, cull_error *err)
{
    struct crowd_ports *ports = ports_of(objects);

    return crowd_meet(ports, POINT_LOOK) != VERDICT_GO
               ? refuse(err)
               : cull__objects_quarantine(ports->crowd->memory, id, seen, err);
}

static cull_status net_clean_staged(cull_objects *objects, uint64_t before_ms, uint64_t *count,
                                    cull_error *err)
{
    struct crowd_ports *ports = ports_of(objects);
    uint64_t day_ago_ms = ports->process->call.now_ms;

    *count = 0;
    if (ports->dead) {
        return refuse(err);
    }
    day_ago_ms -= day_ago_ms > DAY_MS ? DAY_MS : day_ago_ms;
    if (ports->crowd->cleaned_ms < day_ago_ms) {
        ports->crowd->cleaned_ms = day_ago_ms;
    }
    return cull__objects_clean_staged(ports->crowd->memory, before_ms, count, err);
}

static void net_close(cull_objects *objects)
{
    (void)objects; /* the ports go with their process */
}

const cull_objects_ops crowd_objects_ops = {
    .struct_bytes = sizeof(cull_objects_ops),
    .name = "crowd",
    .list = net_list,
    .stat_batch = net_stat_batch,
    .read = net_read,
    .stage = net_stage,
    .publish = net_publish,
    .discard = net_discard,
    .delete_batch = net_delete_batch,
    .late_deletes = net_late_deletes,
    .versions = net_versions,
    .versioning = net_versioning,
    .quarantine = net_quarantine,
    .clean_staged = net_clean_staged,
    .close = net_close,
};
