/*
 * crash_script.c - steps of a scenario, made from a few words.
 *
 * SHAPE     A request is built on the stack and goes through its own encoding, so that the step owns
 *           a copy.
 */
#include "crash_script.h"

#include <stdio.h>
#include <stdlib.h>

#define LETTERS_MAX 26
#define CONTENT_MAX 64

/* The bytes of a letter's blob: of another length for each. */
static size_t letter_content(char letter, uint8_t out[CONTENT_MAX])
{
    size_t len = 8 + (size_t)(letter - 'a');

    memset(out, letter, len);
    return len;
}

static cull_blob_ref letter_blob(char letter)
{
    uint8_t content[CONTENT_MAX];
    size_t len = letter_content(letter, content);
    cull_blob_ref blob = { .size_bytes = len };

    if (cull_digest_of(&blob.digest, CULL_DIGEST_XXH128, content, len) != CULL_OK) {
        abort();
    }
    return blob;
}

/* --- steps ------------------------------------------------------------------------------------ */

void crash_script_init(struct crash_script *script, const struct crash_scenario *scenario)
{
    *script = (struct crash_script){ .name = scenario->name };
    scenario->write(script);
    if (script->ends_group) {
        abort();
    }
}

void crash_script_release(struct crash_script *script)
{
    for (size_t i = 0; i < script->count; i++) {
        cull__request_release(&script->steps[i].request);
    }
    free(script->steps);
    script->steps = NULL;
}

static struct crash_step *step_add(struct crash_script *script, enum crash_step_kind kind)
{
    void *steps = script->steps;

    if (cull__reserve(cull_allocator_default(), &steps, &script->capacity, script->count + 1,
                      sizeof *script->steps) != CULL_OK) {
        abort();
    }
    script->steps = steps;
    script->steps[script->count] = (struct crash_step){ .kind = kind };
    script->steps[script->count].request = (struct cull__request)CULL__REQUEST_INIT;
    return &script->steps[script->count++];
}

void crash_add(struct crash_script *script, uint32_t process, enum crash_step_kind kind)
{
    step_add(script, kind)->request.process = process;
    script->ends_group =
        kind == CRASH_STEP_GROUP || (script->ends_group && kind != CRASH_STEP_GROUP_END);
}

void crash_request(struct crash_script *script, const struct cull__request *request)
{
    struct crash_step *step = step_add(script, CRASH_STEP_REQUEST);
    struct cull__buf bytes = CULL__BUF_INIT(cull_allocator_default());
    struct cull__cursor cursor;
    struct cull__frame frame;
    cull_error err = { CULL_OK, "" };

    cull__request_encode(&bytes, request);
    cursor = cull__cursor(bytes.data, bytes.len);
    if (bytes.failed || cull__frame_next(&cursor, &frame, &err) != CULL_OK ||
        cull__request_decode(&step->request, &frame, cull_allocator_default(), &err) != CULL_OK) {
        fprintf(stderr, "crash_script: %s: %s\n", script->name, err.message);
        abort();
    }
    cull__buf_release(&bytes);
}

static struct cull__request request_of(enum cull__request_op op, uint32_t process, uint32_t slot)
{
    struct cull__request request = CULL__REQUEST_INIT;

    request.op = op;
    request.process = process;
    request.slot = slot;
    request.kind = CULL_DIGEST_XXH128;
    return request;
}

void crash_create(struct crash_script *script, uint32_t process)
{
    struct cull__request request = request_of(CULL__REQUEST_CREATE, process, 0);

    request.settings = (cull_store_settings){ .digest = CULL_DIGEST_XXH128,
                                              .grace_ms = CRASH_GRACE_MS,
                                              .lease_ms = CRASH_LEASE_MS,
                                              .seed = 42,
                                              .late_deletes = CULL_LATE_IMPOSSIBLE };
    crash_add(script, process, CRASH_STEP_CREATE_LOG);
    crash_request(script, &request);
}

void crash_clock(struct crash_script *script, uint64_t ms)
{
    struct cull__request request = request_of(CULL__REQUEST_CLOCK, 0, 0);

    request.ms = ms;
    crash_request(script, &request);
}

/* --- uploads ---------------------------------------------------------------------------------- */

void crash_upload(struct crash_script *script, uint32_t process, uint32_t slot, const char *name,
                  int base)
{
    struct cull__request request = request_of(CULL__REQUEST_OPEN, process, slot);

    request.entity = "e";
    request.project = "p";
    request.collection = name;
    request.base = (uint32_t)(base + 1);
    crash_request(script, &request);
}

void crash_put(struct crash_script *script, uint32_t process, uint32_t slot, const char *blobs)
{
    struct cull__request request = request_of(CULL__REQUEST_PUT, process, slot);
    cull_blob_ref refs[LETTERS_MAX];

    for (request.blobs = refs; blobs[request.blob_count] != '\0'; request.blob_count++) {
        refs[request.blob_count] = letter_blob(blobs[request.blob_count]);
    }
    crash_request(script, &request);
}

void crash_send(struct crash_script *script, uint32_t process, uint32_t slot, const char *blobs)
{
    struct cull__request request = request_of(CULL__REQUEST_SEND, process, slot);
    struct cull__request_content contents[LETTERS_MAX];
    uint8_t bytes[LETTERS_MAX][CONTENT_MAX];

    for (request.contents = contents; blobs[request.content_count] != '\0';
         request.content_count++) {
        size_t i = request.content_count;

        contents[i].data = bytes[i];
        contents[i].len = letter_content(blobs[i], bytes[i]);
    }
    crash_request(script, &request);
}

static void commit_add(struct crash_script *script, struct cull__request request, const char *blobs,
                       const char *alias)
{
    cull_entry entries[LETTERS_MAX];

    for (request.entries = entries; blobs[request.entry_count] != '\0'; request.entry_count++) {
        const char *path = &blobs[request.entry_count];
        cull_blob_ref blob = letter_blob(*path);

        entries[request.entry_count] = (cull_entry){ .path = path,
                                                     .path_len = 1,
                                                     .kind = CULL_ENTRY_BLOB,
                                                     .digest = blob.digest,
                                                     .size_bytes = blob.size_bytes };
    }
    request.aliases = &alias;
    request.alias_count = alias != NULL;
    crash_request(script, &request);
}

/* Text that no packing makes small, another for each version. */
static char *long_notes(size_t len, const char *blobs)
{
    char *notes = malloc(len + 1);
    uint64_t random = 0;

    if (notes == NULL) {
        abort();
    }
    for (; *blobs != '\0'; blobs++) {
        random = random * 31 + (uint64_t)*blobs;
    }
    for (size_t i = 0; i < len; i++) {
        notes[i] = (char)('!' + crash_number(&random, 90));
    }
    notes[len] = '\0';
    return notes;
}

void crash_commit(struct crash_script *script, uint32_t process, uint32_t slot, const char *blobs,
                  const char *alias)
{
    struct cull__request request = request_of(CULL__REQUEST_COMMIT, process, slot);
    char *notes = script->notes_bytes == 0 ? NULL : long_notes(script->notes_bytes, blobs);

    request.description = "what it is for";
    request.metadata = notes == NULL ? "{\"loss\":0.5}" : notes;
    commit_add(script, request, blobs, alias);
    free(notes);
}

void crash_patch(struct crash_script *script, uint32_t process, uint32_t slot, const char *changed)
{
    struct cull__request request = request_of(CULL__REQUEST_COMMIT, process, slot);

    request.flags = CULL__REQUEST_PATCH;
    commit_add(script, request, changed, NULL);
}

void crash_version(struct crash_script *script, uint32_t process, const char *name,
                   const char *blobs, const char *alias)
{
    crash_upload(script, process, 0, name, -1);
    crash_put(script, process, 0, blobs);
    crash_send(script, process, 0, blobs);
    crash_commit(script, process, 0, blobs, alias);
}

/* --- the rest --------------------------------------------------------------------------------- */

static void versions_add(struct crash_script *script, struct cull__request request,
                         const char *name, uint32_t first, uint32_t last)
{
    struct cull__request_version versions[32];

    for (request.versions = versions; first <= last; first++) {
        versions[request.version_count++] =
            (struct cull__request_version){ "e", "p", name, 0, first };
    }
    crash_request(script, &request);
}

void crash_delete(struct crash_script *script, uint32_t process, const char *name, uint32_t first,
                  uint32_t last)
{
    struct cull__request request = request_of(CULL__REQUEST_DELETE, process, 0);

    request.flags = CULL__REQUEST_DELETE_ALIASES;
    versions_add(script, request, name, first, last);
}

void crash_restore(struct crash_script *script, uint32_t process, const char *name, uint32_t first,
                   uint32_t last)
{
    struct cull__request request = request_of(CULL__REQUEST_RESTORE, process, 0);

    versions_add(script, request, name, first, last);
}

void crash_collect(struct crash_script *script, uint32_t process, uint64_t max_deletes)
{
    struct cull__request request = request_of(CULL__REQUEST_COLLECT, process, 0);

    request.flags =
        CULL__REQUEST_EMPTY_STORE | CULL__REQUEST_LARGE_PLAN | CULL__REQUEST_VERIFY_FULL;
    request.max_deletes = max_deletes;
    crash_request(script, &request);
}

void crash_do(struct crash_script *script, uint32_t process, enum cull__request_op op)
{
    struct cull__request request = request_of(op, process, 0);

    request.flags = op == CULL__REQUEST_MAINTAIN ? CULL__REQUEST_FORCE : 0;
    crash_request(script, &request);
}
