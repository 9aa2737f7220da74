/*
 * crowd_ports.c - where a process meets the log: a view of it, and incidents.
 *
 * SHAPE     Every operation that can be seen from outside, or fail, first asks crowd_meet(), which
 *           counts the points that the op's incident names and at its turn says what becomes of
 *           this one. A pause runs the next ops of the history, by other processes, and then goes
 *           on. What was appended goes to the witness, whatever the caller is told.
 * INVARIANT A process that was killed does nothing any more: each call that is left until it has
 *           unwound is refused, and nothing is done.
 */
#include "crowd_internal.h"
#include "crowd_heap.h"

#include "base/base_internal.h"
#include "base/hash.h"

static struct crowd_ports *ports_of(cull_log *log)
{
    return (struct crowd_ports *)(void *)log; /* its first member */
}

static enum crowd_verdict run_inside(struct crowd_ports *ports)
{
    struct crowd *crowd = ports->crowd;
    const struct crowd_op *op = ports->op;

    CROWD_REACH(crowd, PAUSED);
    ports->process->call.paused = true;
    if (crowd->depth > 1) {
        CROWD_REACH(crowd, PAUSED_TWICE);
    }
    crowd_tell(crowd, "... process %u is paused", ports->process->number);
    for (unsigned i = 0;
         i < op->inside && crowd->next < crowd->history->count && crowd->witness.broken[0] == '\0';
         i++) {
        crowd_step(crowd);
    }
    crowd->steps++; /* the call goes on: a step of its own */
    crowd_tell(crowd, "... process %u goes on", ports->process->number);
    return ports->dead || crowd->witness.broken[0] != '\0' ? VERDICT_REFUSE : VERDICT_GO;
}

static enum crowd_verdict kill_here(struct crowd_ports *ports, bool after)
{
    CROWD_REACH(ports->crowd, KILLED_INSIDE);
    if (ports->process->collecting) {
        CROWD_REACH(ports->crowd, KILLED_COLLECTORS);
    }
    ports->dead = true;
    return after ? VERDICT_LOSE : VERDICT_REFUSE;
}

enum crowd_verdict crowd_meet(struct crowd_ports *ports, enum crowd_point point)
{
    const struct crowd_op *op = ports->op;

    if (ports->dead) {
        return VERDICT_REFUSE;
    }
    if (op == NULL || op->incident == INCIDENT_NONE || ports->fired ||
        op->incident == INCIDENT_MOVED || (op->points >> point & 1) == 0 || ++ports->met < op->at) {
        return VERDICT_GO;
    }
    ports->fired = true;
    switch (op->incident) {
    case INCIDENT_PAUSE:
        return run_inside(ports);
    case INCIDENT_KILL:
        return kill_here(ports, false);
    case INCIDENT_KILL_AFTER:
        return kill_here(ports, true);
    case INCIDENT_FAIL_AFTER:
        return VERDICT_LOSE;
    default:
        return VERDICT_REFUSE;
    }
}

static cull_status refuse(cull_error *err)
{
    return cull__error_set(err, CULL_E_IO, "log: out of order");
}

/* --- the log ---------------------------------------------------------------------------------- */

static cull_status ports_append(cull_log *log, uint64_t expected_seq,
                                const struct cull__batch *batch, uint64_t *seq, cull_error *err)
{
    struct crowd_ports *ports = ports_of(log);
    struct crowd *crowd = ports->crowd;
    enum crowd_verdict verdict = crowd_meet(ports, POINT_APPEND);
    cull_status status;

    if (verdict == VERDICT_REFUSE) {
        CROWD_REACH(crowd, APPEND_FAILED);
        return refuse(err);
    }
    if (ports->op != NULL && ports->op->incident == INCIDENT_MOVED &&
        ports->moved < ports->op->inside) {
        ports->moved++;
        ports->fired = true;
        CROWD_REACH(crowd, MOVED);
        return cull__error_set(err, CULL_E_MOVED, "log: somebody else was faster");
    }
    status = ports->view->ops->append(ports->view, expected_seq, batch, seq, err);
    if (status == CULL_E_MOVED) {
        CROWD_REACH(crowd, MOVED);
    }
    if (status != CULL_OK) {
        return status;
    }
    crowd_trace(crowd, XXH3_64bits(batch->data, batch->len));
    witness_append(&crowd->witness, batch->data, batch->len, batch->fact_count,
                   &ports->process->call);
    if (crowd->witness.seq != *seq) {
        witness_break(&crowd->witness, "the log is at another fact than were appended");
    }
    if (verdict == VERDICT_LOSE) {
        CROWD_REACH(crowd, APPEND_LOST);
        ports->lost_append = true;
        return refuse(err);
    }
    return CULL_OK;
}

static cull_status ports_head(cull_log *log, uint64_t *seq, cull_error *err)
{
    struct crowd_ports *ports = ports_of(log);

    return crowd_meet(ports, POINT_READ_LOG) != VERDICT_GO
               ? refuse(err)
               : ports->view->ops->head(ports->view, seq, err);
}

static cull_status ports_read(cull_log *log, uint64_t since, cull__batch_visit_fn visit, void *ctx,
                              cull_error *err)
{
    struct crowd_ports *ports = ports_of(log);
    cull_status status;

    if (crowd_meet(ports, POINT_READ_LOG) != VERDICT_GO) {
        return refuse(err);
    }
    status = ports->view->ops->read(ports->view, since, visit, ctx, err);
    if (status == CULL_E_MOVED) {
        CROWD_REACH(ports->crowd, CUT_OFF);
    }
    return status;
}

static cull_status ports_tail_bytes(cull_log *log, uint64_t since, uint64_t *bytes, cull_error *err)
{
    struct crowd_ports *ports = ports_of(log);

    return crowd_meet(ports, POINT_READ_LOG) != VERDICT_GO
               ? refuse(err)
               : ports->view->ops->tail_bytes(ports->view, since, bytes, err);
}

static cull_status ports_document(cull_log *log, uint64_t id, cull__piece_fn take, void *ctx,
                                  cull_error *err)
{
    struct crowd_ports *ports = ports_of(log);

    return crowd_meet(ports, POINT_READ_LOG) != VERDICT_GO
               ? refuse(err)
               : ports->view->ops->document_pieces(ports->view, id, take, ctx, err);
}

static cull_status ports_checkpoint_put(cull_log *log, const char *room, uint64_t seq,
                                        const struct cull__column *columns, size_t count,
                                        cull_error *err)
{
    struct crowd_ports *ports = ports_of(log);
    enum crowd_verdict verdict = crowd_meet(ports, POINT_CHECKPOINT);
    uint64_t newest = 0;
    uint64_t bytes = 0;
    cull_status status;

    if (verdict == VERDICT_REFUSE) {
        CROWD_REACH(ports->crowd, TORN_CHECKPOINTS);
        return refuse(err);
    }
    (void)ports->view->ops->checkpoint_size(ports->view, room, &newest, &bytes, NULL);
    status = ports->view->ops->checkpoint_put(ports->view, room, seq, columns, count, err);
    if (status == CULL_OK && newest < seq && strcmp(room, "counts") == 0) {
        CROWD_REACH(ports->crowd, CHECKPOINTS);
        ports->crowd->torn -= ports->crowd->torn > 0;
    }
    return verdict == VERDICT_LOSE ? refuse(err) : status;
}

static cull_status ports_checkpoint_get(cull_log *log, const char *room, unsigned age,
                                        struct cull__checkpoint *out, cull_error *err)
{
    struct crowd_ports *ports = ports_of(log);

    *out = (struct cull__checkpoint){ 0 };
    return crowd_meet(ports, POINT_READ_LOG) != VERDICT_GO
               ? refuse(err)
               : ports->view->ops->checkpoint_get(ports->view, room, age, out, err);
}

static cull_status ports_checkpoint_size(cull_log *log, const char *room, uint64_t *seq,
                                         uint64_t *bytes, cull_error *err)
{
    struct crowd_ports *ports = ports_of(log);

    return crowd_meet(ports, POINT_READ_LOG) != VERDICT_GO
               ? refuse(err)
               : ports->view->ops->checkpoint_size(ports->view, room, seq, bytes, err);
}

static cull_status ports_maintain_lock(cull_log *log, bool acquire, cull_error *err)
{
    struct crowd_ports *ports = ports_of(log);

    return ports->dead ? refuse(err) : ports->view->ops->maintain_lock(ports->view, acquire, err);
}

static cull_status ports_cut(cull_log *log, uint64_t seq, uint64_t audit_before_ms, cull_error *err)
{
    struct crowd_ports *ports = ports_of(log);
    enum crowd_verdict verdict = crowd_meet(ports, POINT_CUT);
    cull_status status;

    if (verdict == VERDICT_REFUSE) {
        return refuse(err);
    }
    status = ports->view->ops->cut(ports->view, seq, audit_before_ms, err);
    if (status == CULL_OK) {
        CROWD_REACH(ports->crowd, CUTS);
    }
    return verdict == VERDICT_LOSE ? refuse(err) : status;
}

static cull_status ports_audit_read(cull_log *log, cull__batch_visit_fn visit, void *ctx,
                                    cull_error *err)
{
    struct crowd_ports *ports = ports_of(log);

    return ports->dead ? refuse(err) : ports->view->ops->audit_read(ports->view, visit, ctx, err);
}

static cull_status ports_leader(cull_log *log, enum cull__leader what, cull_error *err)
{
    struct crowd_ports *ports = ports_of(log);
    cull_status status;

    if (ports->dead) { /* its lock goes when it is buried */
        return refuse(err);
    }
    status = ports->view->ops->leader(ports->view, what, err);
    if (what == CULL__LEADER_ACQUIRE) {
        ports->process->collecting = status == CULL_OK;
        if (status == CULL_E_BUSY) {
            CROWD_REACH(ports->crowd, BUSY_COLLECTOR);
        }
    } else if (what == CULL__LEADER_RELEASE) {
        ports->process->collecting = false;
    }
    return status;
}

static cull_status ports_stat(cull_log *log, struct cull__log_stat *out, cull_error *err)
{
    struct crowd_ports *ports = ports_of(log);

    return ports->dead ? refuse(err) : ports->view->ops->stat(ports->view, out, err);
}

static void ports_close(cull_log *log)
{
    cull_log_close(ports_of(log)->view);
}

static const struct cull__log_ops ports_ops = {
    .name = "crowd",
    .append = ports_append,
    .head = ports_head,
    .read = ports_read,
    .tail_bytes = ports_tail_bytes,
    .document_pieces = ports_document,
    .checkpoint_put = ports_checkpoint_put,
    .checkpoint_get = ports_checkpoint_get,
    .checkpoint_size = ports_checkpoint_size,
    .maintain_lock = ports_maintain_lock,
    .cut = ports_cut,
    .audit_read = ports_audit_read,
    .leader = ports_leader,
    .stat = ports_stat,
    .close = ports_close,
};

void crowd_ports_init(struct crowd *crowd, struct crowd_process *process)
{
    struct crowd_ports *ports = &process->ports;

    *ports = (struct crowd_ports){ .log = { &ports_ops, crowd_heap() },
                                   .objects = { &crowd_objects_ops },
                                   .crowd = crowd,
                                   .process = process };
    if (cull_log_memory_view(&ports->view, crowd->log) != CULL_OK) {
        abort();
    }
}
