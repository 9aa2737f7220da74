/*
 * crowd_settle.c - no writer, no fault, and time enough: all garbage goes, and nothing else.
 *
 * SHAPE     Requests that are under way arrive, leases and graces end, a repair adopts what nobody
 *           names and sets aside what came to harm, whose content is put again, which heals it; cycles
 *           run until nothing changes. Then the object store is looked into, every
 *           version is read back, and fsck must be clean.
 */
#include "crowd_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/base_internal.h"

#define SETTLE_MS (UINT64_C(40) * 24 * 3600 * 1000)
#define SETTLE_CYCLES_MAX 8

static void deliver_all(struct crowd *crowd)
{
    for (size_t at = 0; at < crowd->request_count;) {
        if (crowd->requests[at].waiting) {
            crowd->requests[at].told = true;
            crowd_deliver(crowd, at, false);
        } else {
            at++;
        }
    }
}

/* A whole cycle, and whether it found something to do. */
static bool cycle(struct crowd *crowd, struct crowd_process *process)
{
    cull_caller caller = crowd_caller(crowd, process);
    const cull_gc_options options = { .now_ms = caller.now_ms,
                                      .allow_empty_store = true,
                                      .verify_full = true };
    cull_plan *plan = NULL;
    cull_gc_result result = { 0 };
    cull_error err = { CULL_OK, "" };
    cull_status status = cull_gc_plan(&plan, process->store, &options, &err);

    process->call.collects = true;
    if (crowd_judge(crowd, process, "settling: plan", status, CROWD_BIT(CULL_OK), &err)) {
        status = cull_gc_execute(process->store, plan, &options, &caller, &result, &err);
        (void)crowd_judge(crowd, process, "settling: execute", status, CROWD_BIT(CULL_OK), &err);
        crowd_tell(crowd, "settling: cycle %d: %d purged, %d deleted", (int)result.cycle,
                   (int)result.versions_purged, (int)result.blobs_deleted);
    }
    cull_plan_free(plan);
    return result.blobs_deleted + result.versions_purged + result.versions_expired > 0;
}

struct problems {
    struct crowd *crowd;
    bool judged;
};

static void visit_problem(void *ctx, const cull_finding *finding)
{
    struct problems *problems = ctx;

    crowd_tell(problems->crowd, "settling: found: %s%s", finding->message,
               finding->repaired ? " (repaired)" : "");
    if (problems->judged) {
        witness_break(&problems->crowd->witness, "settled: fsck: %.300s", finding->message);
    }
}

static void fsck(struct crowd *crowd, struct crowd_process *process, bool repair)
{
    const cull_fsck_options options = { .read_data = true, .repair = repair };
    struct problems problems = { crowd, !repair };
    cull_caller caller = crowd_caller(crowd, process);
    cull_fsck_result result;
    cull_error err = { CULL_OK, "" };
    cull_status status;

    process->call.repairs = repair;
    status = cull_fsck(process->store, &options, &caller, visit_problem, &problems, &result, &err);
    (void)crowd_judge(crowd, process, "settling: fsck", status,
                      CROWD_BIT(CULL_OK) | (repair ? CROWD_BIT(CULL_E_DAMAGED) : 0), &err);
    if (witness_damage_seen(&crowd->witness, true) != 0) {
        witness_break(&crowd->witness, "settled: a repair leaves what came to harm in its place");
    }
}

/* Put one content that a version lacks: it is to be sent, and then it is there. */
static void heal(struct crowd *crowd, struct crowd_process *process, cull_upload *upload,
                 unsigned letter)
{
    const cull_blob_ref ref = { crowd->digests[letter], crowd->sizes[letter] };
    cull_caller caller = crowd_caller(crowd, process);
    struct crowd_content content;
    const cull_source source = crowd_source(crowd, letter, &content);
    cull_put_answer answer = CULL_PUT_WAIT;
    cull_staged staged;
    cull_error err = { CULL_OK, "" };
    cull_status status = cull_upload_put(upload, &ref, 1, &answer, &caller, &err);

    if (status == CULL_OK && answer != CULL_PUT_SEND) {
        witness_break(&crowd->witness, "settled: %c is lacking, and a put of it is answered %d",
                      'a' + (int)letter, (int)answer);
        return;
    }
    status = status == CULL_OK ? cull_stage(process->store, &source, &staged, &err) : status;
    status = status == CULL_OK ? cull_upload_send(upload, &staged, 1, &caller, &err) : status;
    (void)crowd_judge(crowd, process, "settling: heal", status, CROWD_BIT(CULL_OK), &err);
    crowd_tell(crowd, "settling: %c is put again", 'a' + (int)letter);
}

static void heal_all(struct crowd *crowd, struct crowd_process *process)
{
    const cull_upload_options options = { .collection = &crowd->names[0] };
    cull_caller caller = crowd_caller(crowd, process);
    unsigned letters = witness_damage_held(&crowd->witness);
    cull_upload *upload = NULL;
    cull_error err = { CULL_OK, "" };
    cull_status status;

    if (letters == 0 || crowd->witness.broken[0] != '\0') {
        return;
    }
    status = cull_upload_open(&upload, process->store, &options, &caller, &err);
    for (unsigned letter = 0; letter < WITNESS_LETTERS && status == CULL_OK; letter++) {
        if ((letters >> letter & 1) != 0) {
            heal(crowd, process, upload, letter);
        }
    }
    if (status == CULL_OK) {
        process->call.abort = cull_upload_id(upload);
        status = cull_upload_abort(upload, &caller, &err);
    }
    (void)crowd_judge(crowd, process, "settling: heal", status, CROWD_BIT(CULL_OK), &err);
    cull_upload_free(upload);
}

/* --- what is left ----------------------------------------------------------------------------- */

static bool is_held(const struct crowd *crowd, const cull_object_id *id)
{
    for (uint32_t number = 0; number < crowd->witness.blob_limit; number++) {
        const struct witness_blob *blob = &crowd->witness.blobs[number];

        if (blob->state != WITNESS_FREE && blob->refs > 0 && blob->incarnation == id->incarnation &&
            witness_letter(&crowd->witness, &id->digest) == blob->letter) {
            return true;
        }
    }
    return false;
}

static cull_status visit_object(void *ctx, const char *name, const cull_object_id *id,
                                const cull_object_info *info)
{
    struct crowd *crowd = ctx;

    (void)info;
    if (!is_held(crowd, id)) {
        witness_break(&crowd->witness, "settled: object %.40s is there, and nothing holds it",
                      name);
    }
    return CULL_OK;
}

static void check_objects(struct crowd *crowd)
{
    cull_objects *memory = crowd->memory;

    for (uint32_t number = 0; number < crowd->witness.blob_limit; number++) {
        const struct witness_blob *blob = &crowd->witness.blobs[number];

        if (blob->state != WITNESS_FREE && blob->refs == 0) {
            witness_break(&crowd->witness, "settled: blob %c is in state %d, and nothing holds it",
                          'a' + blob->letter, (int)blob->state);
        }
    }
    if (memory->ops->list(memory, visit_object, crowd, NULL) != CULL_OK) {
        abort();
    }
}

/* The version's manifest, read back, is what it was meant to be. */
static void check_manifest(struct crowd *crowd, struct crowd_process *process,
                           const struct witness_collection *in, size_t ordinal)
{
    const struct witness_version *version = &in->versions[ordinal];
    const cull_version_key key = { in->id, (uint32_t)ordinal };
    cull_manifest *manifest = NULL;
    cull_error err = { CULL_OK, "" };
    cull_status status = cull_version_manifest(process->store, &key, &manifest, &err);
    size_t entries = 0;

    (void)crowd_judge(crowd, process, "settled: manifest", status, CROWD_BIT(CULL_OK), &err);
    for (size_t i = 0; i < WITNESS_PATHS && status == CULL_OK; i++) {
        static const char *const paths[WITNESS_PATHS] = { "a", "b/c", "d" };
        cull_entry entry;

        if (version->letters[i] < 0) {
            continue;
        }
        entries++;
        if (!cull_manifest_find(manifest, paths[i], &entry) ||
            memcmp(&entry.digest, &crowd->digests[version->letters[i]], sizeof entry.digest) != 0) {
            witness_break(&crowd->witness, "settled: v%zu reads back without %c", ordinal,
                          'a' + version->letters[i]);
        }
    }
    if (status == CULL_OK && cull_manifest_count(manifest) != entries) {
        witness_break(&crowd->witness, "settled: v%zu reads back with %zu entries, it has %zu",
                      ordinal, cull_manifest_count(manifest), entries);
    }
    cull_manifest_free(manifest);
}

static void check_versions(struct crowd *crowd, struct crowd_process *process)
{
    for (size_t c = 0; c < crowd->witness.collection_count; c++) {
        const struct witness_collection *in = &crowd->witness.collections[c];

        for (size_t v = 0; v < in->count; v++) {
            if (in->versions[v].state != CULL_VERSION_PURGED) {
                check_manifest(crowd, process, in, v);
            }
        }
    }
}

void crowd_settle(struct crowd *crowd)
{
    struct crowd_process *process = &crowd->processes[0];
    unsigned cycles = 0;

    crowd->settling = true;
    if (crowd->suspended) {
        crowd->suspended = false;
        cull_objects_memory_set_versioning(crowd->memory, CULL_VERSIONING_ENABLED);
    }
    for (unsigned i = 0; i < crowd->settings.processes; i++) {
        crowd_close(crowd, &crowd->processes[i], true);
        crowd->processes[i].skew_ms = 0;
    }
    deliver_all(crowd);
    crowd->now_ms += SETTLE_MS;
    cull_objects_memory_set_time(crowd->memory, crowd->now_ms);
    if (!crowd_open(crowd, process)) {
        return;
    }
    (void)cycle(crowd, process); /* from here on no upload may name an old incarnation */
    fsck(crowd, process, true);
    deliver_all(crowd);
    heal_all(crowd, process);
    while (cycle(crowd, process) && cycles++ < SETTLE_CYCLES_MAX) {
    }
    if (cycles > SETTLE_CYCLES_MAX) {
        witness_break(&crowd->witness, "settling: the cycles do not come to an end");
    }
    crowd_close(crowd, process, false);
    if (crowd_open(crowd, process)) { /* from what is written down */
        fsck(crowd, process, false);
        check_versions(crowd, process);
        crowd_compare(crowd, process, true);
    }
    witness_check(&crowd->witness);
    check_objects(crowd);
}
