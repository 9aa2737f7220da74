/*
 * crowd_upload.c - uploaders: open, put, send, commit, one step at a time, and coming too late.
 *
 * SHAPE     An uploader has a target, a letter for each path. Its next step is what it lacks: a
 *           handle, answers of puts, objects, the commit. Sometimes it does something else: names
 *           what it does not need, commits too early, publishes by its own hand.
 * INVARIANT It believes what it was told, and only that: an answer that was lost is asked for again.
 */
#include "crowd_internal.h"
#include "crowd_heap.h"

#include <stdlib.h>

#include "base/base_internal.h"
#include "object/objects_internal.h"

static const char *const paths[WITNESS_PATHS] = { "a", "b/c", "d" };

/* --- an uploader's mind ----------------------------------------------------------------------- */

static void forget_staged(struct crowd *crowd, struct crowd_upload *upload, unsigned bits)
{
    for (unsigned letter = 0; letter < WITNESS_LETTERS; letter++) {
        if ((upload->staged & bits) >> letter & 1) {
            cull__objects_discard(crowd->memory, &upload->staging[letter]);
            crowd_forget_publish(crowd, upload->process, upload->staging[letter].token);
        }
    }
    upload->staged &= ~bits;
}

/* The upload has ended, or its uploader gives it up; with again, it begins anew with the same. */
static void leave(struct crowd *crowd, struct crowd_upload *upload, bool again)
{
    if (upload->handle != NULL) {
        forget_staged(crowd, upload, ~0u);
        cull_upload_free(upload->handle);
    }
    upload->handle = NULL;
    upload->id = 0;
    upload->extra = upload->stored = upload->send = 0;
    upload->wants = upload->again = again;
}

static void choose_target(struct crowd_turn *turn, struct crowd_upload *upload)
{
    struct crowd *crowd = turn->crowd;
    const struct witness_collection *in;

    *upload = (struct crowd_upload){ .wants = true, .busy = true, .base = WITNESS_NONE };
    upload->name = (unsigned)dice_number(&turn->dice, crowd->settings.names);
    in = witness_named(&crowd->witness, upload->name);
    if (in != NULL && in->count > 0 && dice_chance(&turn->dice, 60)) {
        upload->base = dice_chance(&turn->dice, 40) ? (uint32_t)in->count - 1
                                                    : (uint32_t)dice_number(&turn->dice, in->count);
        upload->patch = dice_chance(&turn->dice, 60);
    }
    for (size_t i = 0; i < WITNESS_PATHS; i++) {
        if (dice_chance(&turn->dice, 50)) {
            upload->target[i] = (int8_t)dice_number(&turn->dice, crowd->settings.letters);
        } else if (upload->patch && dice_chance(&turn->dice, 30)) {
            upload->target[i] = CROWD_REMOVE;
        } else {
            upload->target[i] = CROWD_KEEP;
        }
    }
    if (crowd->settings.ttls && dice_chance(&turn->dice, 40)) {
        upload->ttl_ms = 1000 * (1 + dice_number(&turn->dice, 4));
    }
}

/* What the version will hold, path by path. */
static void resolve(const struct crowd *crowd, const struct crowd_upload *upload,
                    int8_t letters[WITNESS_PATHS])
{
    const struct witness_upload *open = witness_upload(&crowd->witness, upload->id);
    const struct witness_version *base = NULL;

    if (open != NULL && upload->patch && open->base != WITNESS_NONE) {
        base = &crowd->witness.collections[open->collection].versions[open->base];
    }
    for (size_t i = 0; i < WITNESS_PATHS; i++) {
        letters[i] = -1;
        if (upload->target[i] >= 0) {
            letters[i] = upload->target[i];
        } else if (upload->target[i] == CROWD_KEEP && base != NULL) {
            letters[i] = base->letters[i];
        }
    }
}

/* Letters that it has to name, and was not told are stored or to be sent. */
static unsigned unnamed(const struct crowd_upload *upload)
{
    return (witness_letters(upload->target) | upload->extra) & ~(upload->stored | upload->send);
}

/* --- open and attach -------------------------------------------------------------------------- */

static void step_open(struct crowd_turn *turn, struct crowd_upload *upload)
{
    static const uint64_t leases_ms[] = { 0, 0, 1000, 3000, 10000 };
    struct crowd *crowd = turn->crowd;
    const struct witness_collection *in;
    cull_upload_options options = { .collection = &crowd->names[upload->name] };
    cull_caller caller = crowd_caller(crowd, turn->process);
    size_t open_before = crowd->witness.upload_count;
    unsigned allowed = CROWD_BIT(CULL_OK);
    cull_error err = { CULL_OK, "" };
    cull_status status;

    options.lease_ms = leases_ms[dice_number(&turn->dice, ARRAY_LEN(leases_ms))];
    options.has_base = upload->base != WITNESS_NONE;
    options.base = upload->base;
    status = cull_upload_open(&upload->handle, turn->process->store, &options, &caller, &err);
    in = witness_named(&crowd->witness, upload->name);
    if (options.has_base && (in == NULL || upload->base >= in->count ||
                             in->versions[upload->base].state != CULL_VERSION_COMMITTED)) {
        allowed |= CROWD_BIT(CULL_E_REFUSED) | CROWD_BIT(CULL_E_NOTFOUND);
    }
    crowd_tell(crowd, "%u: opens upload %zu of %s, base %d: %s", turn->process->number,
               (size_t)(upload - crowd->uploads), crowd->names[upload->name].collection,
               options.has_base ? (int)upload->base : -1, cull_strerror(status));
    if (crowd_judge(crowd, turn->process, "open", status, allowed, &err) && status == CULL_OK) {
        upload->process = turn->process;
        upload->id = cull_upload_id(upload->handle);
    } else {
        CROWD_REACH(crowd, LOST_OPENS);
        crowd->reached[CAME_LOST_OPENS] -= crowd->witness.upload_count <= open_before;
        upload->handle = NULL;
        upload->wants = status == CULL_E_IO && dice_chance(&turn->dice, 50);
    }
}

static void step_attach(struct crowd_turn *turn, struct crowd_upload *upload)
{
    struct crowd *crowd = turn->crowd;
    cull_error err = { CULL_OK, "" };
    cull_status status =
        cull_upload_attach(&upload->handle, turn->process->store, upload->id, &err);
    bool open = witness_upload(&crowd->witness, upload->id) != NULL;

    crowd_tell(crowd, "%u: continues upload %zu: %s", turn->process->number,
               (size_t)(upload - crowd->uploads), cull_strerror(status));
    (void)crowd_judge(crowd, turn->process, "attach", status,
                      CROWD_BIT(open ? CULL_OK : CULL_E_NOTFOUND), &err);
    upload->process = turn->process;
    upload->staged = 0;
    if (status == CULL_OK) {
        CROWD_REACH(crowd, ATTACHED);
        upload->stored = upload->send = 0; /* it asks for everything again */
    } else if (status == CULL_E_NOTFOUND) {
        CROWD_REACH(crowd, ATTACHED_LATE);
        leave(crowd, upload, true);
    }
}

/* --- put -------------------------------------------------------------------------------------- */

/* Is what the put answered so? Nothing came between its append and the answer. */
static void judge_answer(struct crowd *crowd, struct witness_upload *open, unsigned letter,
                         cull_put_answer answer)
{
    enum witness_state state = witness_letter_state(&crowd->witness, letter);
    const struct witness_version *base =
        open->base == WITNESS_NONE
            ? NULL
            : &crowd->witness.collections[open->collection].versions[open->base];
    bool held = open->pins[letter] != WITNESS_NONE ||
                (base != NULL && (witness_letters(base->letters) >> letter & 1) != 0);
    bool right = answer == CULL_PUT_STORED ? state == WITNESS_LIVE && held
                 : answer == CULL_PUT_SEND ? state == WITNESS_EXPECTED && held
                                           : state == WITNESS_DELETING;

    crowd->reached[answer == CULL_PUT_STORED ? CAME_PUT_STORED
                   : answer == CULL_PUT_SEND ? CAME_PUT_SEND
                                             : CAME_WAITS]++;
    if (!right) {
        witness_break(&crowd->witness, "a put of %c was answered %d; it is in state %d, %s",
                      'a' + (int)letter, (int)answer, (int)state, held ? "held" : "not held");
    }
    if (answer == CULL_PUT_STORED) {
        open->told |= 1u << letter;
    }
}

static void note_answers(struct crowd *crowd, struct crowd_upload *upload, const unsigned *letters,
                         const cull_put_answer *answers, size_t count)
{
    struct witness_upload *open = witness_upload(&crowd->witness, upload->id);

    for (size_t i = 0; i < count; i++) {
        unsigned bit = 1u << letters[i];

        if (open == NULL) {
            witness_break(&crowd->witness, "a put of an upload that has ended was answered");
            return;
        }
        judge_answer(crowd, open, letters[i], answers[i]);
        upload->stored &= ~bit;
        upload->send &= ~bit;
        upload->stored |= answers[i] == CULL_PUT_STORED ? bit : 0;
        if (answers[i] == CULL_PUT_SEND) { /* what was sent before is not there any more */
            forget_staged(crowd, upload, bit);
            upload->send |= bit;
        }
    }
}

/* Name these letters. Some may be named twice. */
static void step_put(struct crowd_turn *turn, struct crowd_upload *upload, unsigned bits)
{
    struct crowd *crowd = turn->crowd;
    cull_blob_ref refs[WITNESS_LETTERS];
    unsigned letters[WITNESS_LETTERS];
    cull_put_answer answers[WITNESS_LETTERS];
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_error err = { CULL_OK, "" };
    size_t count = 0;
    cull_status status;

    for (unsigned letter = 0; letter < WITNESS_LETTERS; letter++) {
        if ((bits >> letter & 1) != 0 && (count == 0 || dice_chance(&turn->dice, 80))) {
            letters[count] = letter;
            refs[count++] = (cull_blob_ref){ crowd->digests[letter], crowd->sizes[letter] };
        }
    }
    status = cull_upload_put(upload->handle, refs, count, answers, &caller, &err);
    crowd_tell(crowd, "%u: upload %zu puts %c%s: %s", turn->process->number,
               (size_t)(upload - crowd->uploads), 'a' + (int)letters[0], count > 1 ? "..." : "",
               cull_strerror(status));
    (void)crowd_judge(
        crowd, turn->process, "put", status,
        CROWD_BIT(witness_upload(&crowd->witness, upload->id) != NULL ? CULL_OK : CULL_E_ENDED),
        &err);
    if (status == CULL_OK) {
        note_answers(crowd, upload, letters, answers, count);
    } else if (status == CULL_E_ENDED) {
        leave(crowd, upload, true);
    }
}

/* --- send ------------------------------------------------------------------------------------- */

static bool stage(struct crowd_turn *turn, struct crowd_upload *upload, unsigned letter)
{
    struct crowd *crowd = turn->crowd;
    struct crowd_content content;
    const cull_source source = crowd_source(crowd, letter, &content);

    if ((upload->staged >> letter & 1) == 0 &&
        cull_stage(turn->process->store, &source, &upload->staging[letter], NULL) == CULL_OK) {
        upload->staged |= 1u << letter;
        upload->staged_ms[letter] = crowd->now_ms;
    }
    return (upload->staged >> letter & 1) != 0;
}

/* It was told that these are stored now. */
static void note_sent(struct crowd *crowd, struct crowd_upload *upload, unsigned bits)
{
    struct witness_upload *open = witness_upload(&crowd->witness, upload->id);

    if (open != NULL) {
        open->told |= bits;
    }
    upload->stored |= bits;
    upload->send &= ~bits;
}

/* Bring the bytes to the store's own place, and publish them another time. */
static void step_stage(struct crowd_turn *turn, struct crowd_upload *upload)
{
    for (unsigned letter = 0; letter < WITNESS_LETTERS; letter++) {
        if ((upload->send >> letter & 1) != 0 && stage(turn, upload, letter)) {
            CROWD_REACH(turn->crowd, STAGED_AHEAD);
        }
    }
    crowd_tell(turn->crowd, "%u: upload %zu stages %x", turn->process->number,
               (size_t)(upload - turn->crowd->uploads), upload->staged);
}

static void step_send(struct crowd_turn *turn, struct crowd_upload *upload)
{
    struct crowd *crowd = turn->crowd;
    cull_staged staged[WITNESS_LETTERS];
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_error err = { CULL_OK, "" };
    unsigned bits = 0;
    size_t count = 0;
    unsigned allowed = crowd->settings.late ? CROWD_BIT(CULL_E_BUSY) | CROWD_BIT(CULL_E_PARTIAL) |
                                                  CROWD_BIT(CULL_E_IO)
                                            : 0;
    bool old = false; /* staged bytes are given up when they are a day old */
    cull_status status;

    for (unsigned letter = 0; letter < WITNESS_LETTERS; letter++) {
        if ((upload->send >> letter & 1) != 0 && (count == 0 || dice_chance(&turn->dice, 70)) &&
            stage(turn, upload, letter)) {
            bits |= 1u << letter;
            staged[count++] = upload->staging[letter];
        }
    }
    crowd->prompt = dice_chance(&turn->dice, 60);
    status = cull_upload_send(upload->handle, staged, count, &caller, &err);
    for (unsigned letter = 0; letter < WITNESS_LETTERS; letter++) {
        old = old || ((bits >> letter & 1) != 0 && upload->staged_ms[letter] < crowd->cleaned_ms);
    }
    if (old) {
        allowed |= CROWD_BIT(CULL_E_NOTFOUND) | CROWD_BIT(CULL_E_PARTIAL);
    }
    if (crowd->settings.damage && turn->process->call.paused) {
        allowed |= CROWD_BIT(CULL_E_NOT_STORED);
    }
    crowd_tell(crowd, "%u: upload %zu sends %x: %s", turn->process->number,
               (size_t)(upload - crowd->uploads), bits, cull_strerror(status));
    (void)crowd_judge(
        crowd, turn->process, "send", status,
        allowed |
            CROWD_BIT(witness_upload(&crowd->witness, upload->id) != NULL ? CULL_OK : CULL_E_ENDED),
        &err);
    if (status == CULL_OK) {
        note_sent(crowd, upload, bits);
    } else if (status == CULL_E_NOT_STORED) { /* set aside meanwhile: it is put and sent again */
        upload->send &= ~bits;
    }
    for (unsigned letter = 0; letter < WITNESS_LETTERS; letter++) {
        if ((bits >> letter & 1) != 0 &&
            !(crowd->settings.late && status == CULL_E_BUSY)) { /* else it asks again */
            crowd_forget_publish(crowd, turn->process, upload->staging[letter].token);
            upload->staged &= ~(1u << letter);
        }
    }
    if (status == CULL_E_ENDED) {
        leave(crowd, upload, true);
    }
}

/* The client's own hand brings the object, and the client says so. */
static void step_confirm(struct crowd_turn *turn, struct crowd_upload *upload)
{
    struct crowd *crowd = turn->crowd;
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_error err = { CULL_OK, "" };
    unsigned letter = 0;
    cull_status status;

    while ((upload->send >> letter & 1) == 0) {
        letter++;
    }
    crowd_put_object(crowd, letter, 0);
    status = cull_upload_confirm(upload->handle, &crowd->digests[letter], 1, &caller, &err);
    crowd_tell(crowd, "%u: upload %zu published %c by hand and confirms: %s", turn->process->number,
               (size_t)(upload - crowd->uploads), 'a' + (int)letter, cull_strerror(status));
    (void)crowd_judge(
        crowd, turn->process, "confirm", status,
        witness_upload(&crowd->witness, upload->id) != NULL
            ? CROWD_BIT(CULL_OK) | (crowd->settings.damage && turn->process->call.paused
                                        ? CROWD_BIT(CULL_E_NOT_STORED)
                                        : 0)
            : CROWD_BIT(CULL_E_ENDED) | CROWD_BIT(CULL_E_NOT_STORED),
        &err);
    if (status == CULL_OK) {
        CROWD_REACH(crowd, CONFIRMED);
        note_sent(crowd, upload, 1u << letter);
    } else if (status == CULL_E_ENDED) {
        leave(crowd, upload, true);
    }
}

/* --- commit ----------------------------------------------------------------------------------- */

static cull_entry entry_of(const struct crowd *crowd, size_t path, int8_t letter)
{
    cull_entry entry = { .path = paths[path], .kind = CULL_ENTRY_NONE };

    entry.path_len = (uint32_t)strlen(entry.path);
    if (letter >= 0) {
        entry.kind = CULL_ENTRY_BLOB;
        entry.digest = crowd->digests[letter];
        entry.size_bytes = crowd->sizes[letter];
    }
    return entry;
}

static cull_manifest *full_manifest(const struct crowd *crowd, const int8_t letters[WITNESS_PATHS])
{
    cull_manifest *manifest = NULL;
    cull_status status = cull_manifest_new(&manifest, crowd->settings.store.digest, crowd_heap());

    for (size_t i = 0; i < WITNESS_PATHS && status == CULL_OK; i++) {
        const cull_entry entry = entry_of(crowd, i, letters[i]);

        status = letters[i] < 0 ? CULL_OK : cull_manifest_add(manifest, &entry, NULL);
    }
    if (status != CULL_OK || cull_manifest_seal(manifest, NULL) != CULL_OK) {
        abort();
    }
    return manifest;
}

/* Edits of the base: only what is there is removed. */
static cull_manifest_patch *patch_manifest(const struct crowd *crowd,
                                           const struct crowd_upload *upload)
{
    const struct witness_upload *open = witness_upload(&crowd->witness, upload->id);
    cull_manifest_patch *patch = NULL;
    cull_status status =
        cull_manifest_patch_new(&patch, crowd->settings.store.digest, crowd_heap());

    for (size_t i = 0; i < WITNESS_PATHS && status == CULL_OK; i++) {
        const cull_entry entry = entry_of(crowd, i, upload->target[i]);
        bool there =
            open != NULL && open->base != WITNESS_NONE &&
            crowd->witness.collections[open->collection].versions[open->base].letters[i] >= 0;

        if (upload->target[i] >= 0 || (upload->target[i] == CROWD_REMOVE && there)) {
            status = cull_manifest_patch_put(patch, &entry, NULL);
        }
    }
    if (status != CULL_OK || cull_manifest_patch_seal(patch, NULL) != CULL_OK) {
        abort();
    }
    return patch;
}

struct missing {
    const struct crowd *crowd;
    unsigned bits;
};

static cull_status note_missing(void *ctx, const cull_digest *digest)
{
    struct missing *missing = ctx;

    missing->bits |= 1u << witness_letter(&missing->crowd->witness, digest);
    return CULL_OK;
}

/* Letters of the version that have no object that stays. */
static unsigned not_live(const struct crowd *crowd, const int8_t letters[WITNESS_PATHS])
{
    unsigned bits = witness_letters(letters);

    for (unsigned letter = 0; letter < WITNESS_LETTERS; letter++) {
        if (witness_letter_state(&crowd->witness, letter) == WITNESS_LIVE) {
            bits &= ~(1u << letter);
        }
    }
    return bits;
}

/* A refused commit lists what to send again: all of that, and nothing else. */
static void judge_commit(struct crowd_turn *turn, struct crowd_upload *upload, cull_status status,
                         const int8_t letters[WITNESS_PATHS], const struct missing *missing,
                         const cull_error *err)
{
    struct crowd *crowd = turn->crowd;
    bool open = witness_upload(&crowd->witness, upload->id) != NULL;
    unsigned wanted = not_live(crowd, letters);
    unsigned allowed = CROWD_BIT(CULL_E_ENDED);

    if (status == CULL_OK && open) {
        witness_break(&crowd->witness, "a commit is done, and its upload is open");
    }
    if (open) {
        allowed = CROWD_BIT(wanted == 0 ? CULL_OK : CULL_E_NOT_STORED);
    } else if (status == CULL_OK) {
        allowed = CROWD_BIT(CULL_OK); /* the witness has seen it */
    }
    (void)crowd_judge(crowd, turn->process, "commit", status, allowed, err);
    /* a patch of an upload that has ended names no blobs: its base may be gone */
    if ((status == CULL_E_NOT_STORED || (status == CULL_E_ENDED && !upload->patch)) &&
        missing->bits != wanted) {
        witness_break(&crowd->witness, "a refused commit lists %x as missing, expected %x",
                      missing->bits, wanted);
    }
}

static void commit_ends(struct crowd_turn *turn, struct crowd_upload *upload, cull_status status,
                        const struct missing *missing)
{
    struct crowd *crowd = turn->crowd;

    switch (status) {
    case CULL_OK:
        crowd->reached[CAME_PATCHES] += upload->patch;
        leave(crowd, upload, false);
        break;
    case CULL_E_ENDED:
        CROWD_REACH(crowd, LATE_COMMITS);
        leave(crowd, upload, true);
        break;
    case CULL_E_NOT_STORED:
        CROWD_REACH(crowd, NOT_STORED);
        upload->extra |= missing->bits; /* to be named again, also what its base holds */
        upload->stored &= ~missing->bits;
        upload->send &= ~missing->bits;
        break;
    default: /* lost: it asks again */
        crowd->reached[turn->process->ports.lost_append ? CAME_LOST_COMMITS : CAME_TORN_COMMITS]++;
        break;
    }
}

static void step_commit(struct crowd_turn *turn, struct crowd_upload *upload)
{
    struct crowd *crowd = turn->crowd;
    struct witness_upload *open = witness_upload(&crowd->witness, upload->id);
    cull_commit_options options = { .ttl_ms = upload->ttl_ms };
    struct missing missing = { crowd, 0 };
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_manifest *manifest = NULL;
    cull_manifest_patch *patch = NULL;
    cull_commit_result result;
    int8_t letters[WITNESS_PATHS];
    static const char *const aliases[] = { "best", "prod" };
    cull_error err = { CULL_OK, "" };
    cull_status status;

    resolve(crowd, upload, letters);
    if (open != NULL) {
        open->intends = true;
        open->ttl_ms = upload->ttl_ms;
        memcpy(open->letters, letters, sizeof letters);
    }
    if (upload->patch) {
        options.patch = patch = patch_manifest(crowd, upload);
    } else {
        options.manifest = manifest = full_manifest(crowd, letters);
    }
    if (dice_chance(&turn->dice, 15)) {
        options.aliases = aliases + dice_number(&turn->dice, 2);
        options.alias_count = 1;
    }
    status = cull_upload_commit(upload->handle, &options, note_missing, &missing, &result, &caller,
                                &err);
    crowd_tell(crowd, "%u: upload %zu commits %d %d %d: %s", turn->process->number,
               (size_t)(upload - crowd->uploads), letters[0], letters[1], letters[2],
               cull_strerror(status));
    judge_commit(turn, upload, status, letters, &missing, &err);
    cull_manifest_free(manifest);
    cull_manifest_patch_free(patch);
    commit_ends(turn, upload, status, &missing);
}

/* --- the acts --------------------------------------------------------------------------------- */

static void step_any(struct crowd_turn *turn, struct crowd_upload *upload)
{
    unsigned lacks = unnamed(upload);
    unsigned letters = turn->crowd->settings.letters;

    if (dice_chance(&turn->dice, 4)) { /* what it does not need, or has named */
        step_put(turn, upload, 1u << dice_number(&turn->dice, letters));
    } else if (dice_chance(&turn->dice, 2)) { /* too early */
        step_commit(turn, upload);
    } else if (lacks != 0 && upload->again && dice_chance(&turn->dice, 40)) {
        turn->crowd->reached[CAME_FINISHED] +=
            crowd_finish(turn); /* who meets a wait may do that */
        upload->again = false;
    } else if (lacks != 0) {
        unsigned named = upload->stored | upload->send;

        step_put(turn, upload, lacks);
        if (upload->handle != NULL && (upload->stored | upload->send) == named) {
            upload->again = true; /* it was told to wait */
        }
    } else if (upload->send != 0 && turn->crowd->settings.kind != CROWD_INCARNATION &&
               dice_chance(&turn->dice, 15)) {
        step_confirm(turn, upload);
    } else if ((upload->send & ~upload->staged) != 0 && dice_chance(&turn->dice, 15)) {
        step_stage(turn, upload);
    } else if (upload->send != 0) {
        step_send(turn, upload);
    } else {
        step_commit(turn, upload);
    }
}

void crowd_act_upload(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    struct crowd_upload *upload = &crowd->uploads[turn->op->slot];

    if (!upload->wants) {
        choose_target(turn, upload);
    }
    if (upload->handle != NULL) {
        step_any(turn, upload);
    } else if (upload->id == 0) {
        crowd->reached[CAME_SENT_AGAIN] += upload->again;
        upload->again = false;
        step_open(turn, upload);
    } else {
        step_attach(turn, upload);
    }
}

void crowd_act_abort(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    struct crowd_upload *upload = &crowd->uploads[turn->op->slot];
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_error err = { CULL_OK, "" };
    bool lost;
    cull_status status;

    turn->process->call.abort = upload->id;
    status = cull_upload_abort(upload->handle, &caller, &err);
    lost = turn->process->ports.lost_append;
    crowd_tell(crowd, "%u: upload %u is aborted: %s", turn->process->number, turn->op->slot,
               cull_strerror(status));
    (void)crowd_judge(crowd, turn->process, "abort", status,
                      CROWD_BIT(CULL_OK) | CROWD_BIT(CULL_E_ENDED), &err);
    if (status == CULL_OK && witness_upload(&crowd->witness, upload->id) != NULL) {
        witness_break(&crowd->witness, "an upload is aborted and open");
    }
    if (status == CULL_OK || status == CULL_E_ENDED || lost) {
        leave(crowd, upload, false);
    }
}

void crowd_act_renew(struct crowd_turn *turn)
{
    struct crowd *crowd = turn->crowd;
    struct crowd_upload *upload = &crowd->uploads[turn->op->slot];
    cull_caller caller = crowd_caller(crowd, turn->process);
    cull_error err = { CULL_OK, "" };
    cull_status status = cull_upload_renew(upload->handle, &caller, &err);

    crowd_tell(crowd, "%u: upload %u is renewed: %s", turn->process->number, turn->op->slot,
               cull_strerror(status));
    (void)crowd_judge(
        crowd, turn->process, "renew", status,
        CROWD_BIT(witness_upload(&crowd->witness, upload->id) != NULL ? CULL_OK : CULL_E_ENDED),
        &err);
    if (status == CULL_E_ENDED) {
        leave(crowd, upload, true);
    }
}

/* The uploader goes away for a while; the upload stays open in the log. */
void crowd_act_drop(struct crowd_turn *turn)
{
    struct crowd_upload *upload = &turn->crowd->uploads[turn->op->slot];

    crowd_tell(turn->crowd, "upload %u is left alone", turn->op->slot);
    forget_staged(turn->crowd, upload, ~0u);
    cull_upload_free(upload->handle);
    upload->handle = NULL;
}
