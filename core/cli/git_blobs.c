/*
 * git_blobs.c - from git's ids to the store's digests.
 *
 * SHAPE     Two ways. An index-only store of sha1, or for a repository of that kind sha256, takes
 *           git's own id, which is the digest of "blob", the length, a NUL and the content: only
 *           sizes are asked for. Any other store takes the
 *           digest of the content alone, so the content is read, once, and staged as it passes; it
 *           is sent if the store lacks it.
 * INVARIANT A blob is known once git has told all of it.
 * COST      One run of git for a batch of commits; 80 bytes a blob.
 * FAILURE   What was staged and not sent is given up. A blob that the repository lacks (it may be a
 *           partial clone) is named.
 */
#include "git_blobs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "units.h"

#define PENDING_MAX 1024
#define PENDING_BYTES (UINT64_C(256) << 20) /* staged between two syncs */
#define PUT_MAX 4096
#define WAIT_TURNS 200 /* of 50 ms */
#define CONTENT_BYTES_MAX (UINT64_C(1) << 62)

/* Content that is staged and not sent yet; and room for one batch's questions. */
struct git_pending {
    cull_staged staged[PENDING_MAX];
    size_t count;
    uint64_t bytes;
    cull_blob_ref refs[PUT_MAX];
    cull_put_answer answers[PUT_MAX];
};

/* --- the table ------------------------------------------------------------------------------ */

/* Only a store whose digests are of the kind of git's ids can have them for digests. */
void git_blobs_match(struct git_blobs *blobs)
{
    const struct cli *cli = blobs->import->cli;
    cull_digest_kind ids = cli->git_ids == CULL_DIGEST_NONE ? CULL_DIGEST_SHA1 : cli->git_ids;

    blobs->by_id = cli->settings.index_only && cli->settings.digest == ids;
}

cull_status git_blobs_init(struct git_blobs *blobs, struct import *import, const char *repo)
{
    const struct cli *cli = import->cli;

    *blobs = (struct git_blobs){ .import = import, .repo = repo };
    git_blobs_match(blobs);
    blobs->pending = calloc(1, sizeof(*blobs->pending));
    if (blobs->pending == NULL || cull_hasher_new(&blobs->hasher, cli->settings.digest,
                                                  cull_allocator_default()) != CULL_OK) {
        return cli_fail_nomem(import->cli);
    }
    return CULL_OK;
}

static void give_up_pending(struct git_blobs *blobs)
{
    for (size_t i = 0; i < blobs->pending->count; i++) {
        cull_unstage(blobs->import->cli->store, &blobs->pending->staged[i]);
    }
    blobs->pending->count = 0;
    blobs->pending->bytes = 0;
}

void git_blobs_release(struct git_blobs *blobs)
{
    if (blobs->pending != NULL) {
        give_up_pending(blobs);
    }
    cull_hasher_free(blobs->hasher);
    free(blobs->pending);
    free(blobs->items);
    free(blobs->slots);
    free(blobs->fetch);
    *blobs = (struct git_blobs){ .import = NULL };
}

static size_t slot_of(const struct git_blobs *blobs, const struct git_id *id)
{
    uint64_t place;
    size_t slot;

    memcpy(&place, id->bytes, sizeof(place)); /* of a hash: spread already */
    slot = (size_t)place & (blobs->slot_count - 1);
    while (blobs->slots[slot] != 0 &&
           memcmp(&blobs->items[blobs->slots[slot] - 1].id, id, sizeof(*id)) != 0) {
        slot = (slot + 1) & (blobs->slot_count - 1);
    }
    return slot;
}

static bool grow(struct git_blobs *blobs)
{
    uint32_t capacity = blobs->capacity == 0 ? 4096 : blobs->capacity * 2;
    struct git_blob *items = realloc(blobs->items, capacity * sizeof(*items));
    uint32_t *slots = items == NULL ? NULL : calloc((size_t)capacity * 2, sizeof(*slots));

    blobs->items = items == NULL ? blobs->items : items;
    if (slots == NULL) {
        return false;
    }
    free(blobs->slots);
    blobs->slots = slots;
    blobs->slot_count = (size_t)capacity * 2;
    blobs->capacity = capacity;
    for (uint32_t i = 0; i < blobs->count; i++) {
        blobs->slots[slot_of(blobs, &items[i].id)] = i + 1;
    }
    return true;
}

cull_status git_blobs_add(struct git_blobs *blobs, const struct git_id *id, uint32_t *number)
{
    size_t slot;

    if (blobs->count == blobs->capacity && (blobs->capacity > UINT32_MAX / 4 || !grow(blobs))) {
        return cli_fail_nomem(blobs->import->cli);
    }
    slot = slot_of(blobs, id);
    if (blobs->slots[slot] == 0) {
        blobs->items[blobs->count] = (struct git_blob){ .id = *id };
        blobs->slots[slot] = ++blobs->count;
    }
    *number = blobs->slots[slot] - 1;
    return CULL_OK;
}

/* --- sending -------------------------------------------------------------------------------- */

/* Ask until no answer is *wait*. An index-only store's is for others to end: its answer stands. */
static cull_status ask(struct git_blobs *blobs, size_t count)
{
    struct cli *cli = blobs->import->cli;
    struct git_pending *pending = blobs->pending;

    for (int turn = 0; turn < WAIT_TURNS; turn++) {
        cull_caller caller = cli_caller(cli);
        struct timespec pause = { .tv_nsec = 50000000 };
        uint64_t finished = 0;
        bool waits = false;
        cull_status status = cull_upload_put(blobs->import->upload, pending->refs, count,
                                             pending->answers, &caller, &cli->err);

        for (size_t i = 0; status == CULL_OK && i < count; i++) {
            waits = waits || pending->answers[i] == CULL_PUT_WAIT;
        }
        if (status != CULL_OK || !waits || cli->settings.index_only) {
            return status;
        }
        status = cull_gc_finish(cli->store, &caller, &finished, &cli->err);
        if (status != CULL_OK && status != CULL_E_BUSY && status != CULL_E_PARTIAL) {
            return status;
        }
        if (turn > 0 && status == CULL_E_BUSY) {
            (void)nanosleep(&pause, NULL);
        }
        status = import_tick(blobs->import, &cli->err);
        if (status != CULL_OK) {
            return status;
        }
    }
    return cli_fail(cli, CULL_E_BUSY,
                    "a cycle is deleting files of this history and does not end: try again");
}

/* Send what is staged and lacking, give up the rest. */
static cull_status send_pending(struct git_blobs *blobs)
{
    struct import *import = blobs->import;
    struct git_pending *pending = blobs->pending;
    cull_caller caller;
    size_t sent = 0;
    cull_status status;

    for (size_t i = 0; i < pending->count; i++) {
        pending->refs[i] =
            (cull_blob_ref){ pending->staged[i].digest, pending->staged[i].size_bytes };
    }
    status = pending->count == 0 ? CULL_OK : ask(blobs, pending->count);
    if (status != CULL_OK) {
        return status; /* given up on release */
    }
    for (size_t i = 0; i < pending->count; i++) {
        if (pending->answers[i] == CULL_PUT_SEND) {
            pending->staged[sent++] = pending->staged[i];
        } else {
            cull_unstage(import->cli->store, &pending->staged[i]);
        }
    }
    pending->count = 0;
    pending->bytes = 0;
    if (sent == 0) {
        return CULL_OK;
    }
    caller = cli_caller(import->cli);
    status = cull_upload_send(import->upload, pending->staged, sent, &caller, &import->cli->err);
    for (size_t i = 0; status == CULL_OK && i < sent; i++) {
        import->blobs_sent++;
        import->bytes_sent += pending->staged[i].size_bytes;
    }
    return status;
}

/* --- asking git ----------------------------------------------------------------------------- */

struct content {
    struct git_blobs *blobs;
    struct git_run *run;
    uint64_t left;
};

/* A cull_read_fn over one blob's bytes. */
static cull_status read_content(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    struct content *content = ctx;
    struct import *import = content->blobs->import;
    size_t max = content->left < len ? (size_t)content->left : len;
    cull_status status = CULL_OK;

    *got = 0;
    if (max == 0) {
        return CULL_OK;
    }
    status = import_tick(import, &import->cli->err);
    if (status == CULL_OK) {
        status = git_take_bytes(content->run, data, max, got);
    }
    if (status == CULL_OK && *got == 0) {
        status = git_cut_short(content->run);
    }
    if (status != CULL_OK && err != &import->cli->err) {
        *err = import->cli->err;
    }
    content->left -= *got;
    return status;
}

static cull_status hash_content(struct git_blob *blob, struct content *content)
{
    struct git_blobs *blobs = content->blobs;
    struct cli *cli = blobs->import->cli;
    char data[16384];
    size_t got = 1;
    cull_status status = cull_hasher_reset(blobs->hasher);

    while (status == CULL_OK && got > 0) {
        status = read_content(content, data, sizeof(data), &got, &cli->err);
        if (status == CULL_OK) {
            status = cull_hasher_add(blobs->hasher, data, got);
        }
    }
    return status == CULL_OK ? cull_hasher_end(blobs->hasher, &blob->digest) : status;
}

static cull_status stage_content(struct git_blob *blob, struct content *content)
{
    struct git_blobs *blobs = content->blobs;
    struct cli *cli = blobs->import->cli;
    struct git_pending *pending = blobs->pending;
    cull_source source = {
        .fd = -1, .read = read_content, .ctx = content, .size_bytes_max = CONTENT_BYTES_MAX
    };
    cull_staged *staged = &pending->staged[pending->count];
    cull_status status = cull_stage(cli->store, &source, staged, &cli->err);

    if (status != CULL_OK) {
        return status;
    }
    blob->digest = staged->digest;
    pending->bytes += staged->size_bytes;
    pending->count++;
    return pending->count == PENDING_MAX || pending->bytes > PENDING_BYTES ? send_pending(blobs)
                                                                           : CULL_OK;
}

/* "ID blob SIZE", and with content the bytes and a line's end. */
static cull_status take_blob(struct git_blobs *blobs, struct git_run *run, struct git_blob *blob)
{
    struct cli *cli = blobs->import->cli;
    char hex[GIT_HEX_BYTES + 1];
    struct content content = { .blobs = blobs, .run = run };
    char *line;
    size_t len;
    size_t hex_len;
    cull_status status = git_take(run, '\n', &line, &len);

    if (status != CULL_OK) {
        return status;
    }
    if (line == NULL) {
        return git_cut_short(run);
    }
    git_id_hex(hex, &blob->id);
    hex_len = strlen(hex);
    if (strncmp(line, hex, hex_len) != 0 || strncmp(line + hex_len, " blob ", 6) != 0) {
        return cli_fail(cli, CULL_E_IO,
                        "blob %s: not in the repository, which is damaged or a partial clone", hex);
    }
    if (!count_parse(&content.left, line + hex_len + 6) || content.left > CONTENT_BYTES_MAX) {
        return cli_fail(cli, CULL_E_INVALID, "git cat-file: blob %s: not understood", hex);
    }
    blob->size_bytes = content.left;
    if (blobs->by_id) {
        memcpy(blob->digest.bytes, blob->id.bytes, blob->id.len);
    } else {
        status =
            cli->settings.index_only ? hash_content(blob, &content) : stage_content(blob, &content);
        if (status == CULL_OK && git_peek(run) != '\n') {
            status = git_cut_short(run);
        }
        if (status == CULL_OK) {
            status = git_take(run, '\n', &line, &len);
        }
    }
    blob->known = status == CULL_OK;
    return status;
}

/* Ask git for fetch[0..fetch_count). */
static cull_status fetch(struct git_blobs *blobs)
{
    static const char format[] = "%(objectname) %(objecttype) %(objectsize)";
    const char *const args[] = { "cat-file", "--buffer", NULL, NULL };
    const char *all[ARG_LEN(args)];
    struct cli *cli = blobs->import->cli;
    struct git_run run = { .out = -1, .err = -1 };
    struct text ids = { .data = NULL };
    struct text option = { .data = NULL };
    char hex[GIT_HEX_BYTES + 1];
    int input = -1;
    cull_status status;

    if (blobs->fetch_count == 0) {
        return CULL_OK;
    }
    text_print(&option, "--batch%s=%s", blobs->by_id ? "-check" : "", format);
    for (size_t i = 0; i < blobs->fetch_count; i++) {
        git_id_hex(hex, &blobs->items[blobs->fetch[i]].id);
        text_print(&ids, "%s\n", hex);
    }
    memcpy(all, args, sizeof(all));
    all[2] = option.data;
    status = option.failed ? cli_fail_nomem(cli) : git_input(cli, &ids, &input);
    if (status == CULL_OK) {
        status = git_start(&run, cli, blobs->repo, all, input);
    }
    for (size_t i = 0; status == CULL_OK && i < blobs->fetch_count; i++) {
        status = take_blob(blobs, &run, &blobs->items[blobs->fetch[i]]);
    }
    if (status == CULL_OK) {
        status = git_end(&run, NULL);
    }
    if (status == CULL_OK) {
        status = send_pending(blobs);
    }
    git_stop(&run);
    text_release(&ids);
    text_release(&option);
    return status;
}

/* --- pinning -------------------------------------------------------------------------------- */

static cull_status pin_some(struct git_blobs *blobs, const uint32_t *numbers, size_t count)
{
    struct git_pending *pending = blobs->pending;
    char shown[PRINTABLE_MAX];
    char hex[GIT_HEX_BYTES + 1];
    cull_status status;

    for (size_t i = 0; i < count; i++) {
        const struct git_blob *blob = &blobs->items[numbers[i]];

        pending->refs[i] = (cull_blob_ref){ blob->digest, blob->size_bytes };
    }
    status = ask(blobs, count);
    for (size_t i = 0; status == CULL_E_INVALID && i < count; i++) {
        if (pending->answers[i] == CULL_PUT_REFUSED) {
            git_id_hex(hex, &blobs->items[numbers[i]].id);
            return cli_fail_at(blobs->import->cli, status, "%.200s%s%s",
                               printable(shown, blobs->repo), blobs->by_id ? "" : ": object ",
                               blobs->by_id ? "" : hex);
        }
    }
    for (size_t i = 0; status == CULL_OK && i < count; i++) {
        blobs->items[numbers[i]].waits = pending->answers[i] == CULL_PUT_WAIT;
        if (pending->answers[i] == CULL_PUT_SEND) {
            blobs->fetch[blobs->fetch_count++] = numbers[i];
        }
    }
    return status;
}

cull_status git_blobs_pin(struct git_blobs *blobs, const uint32_t *numbers, size_t count)
{
    uint32_t *list = realloc(blobs->fetch, (count + 1) * sizeof(*list));
    cull_status status;

    if (list == NULL) {
        return cli_fail_nomem(blobs->import->cli);
    }
    blobs->fetch = list;
    blobs->fetch_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!blobs->items[numbers[i]].known) {
            blobs->fetch[blobs->fetch_count++] = numbers[i];
        }
    }
    status = fetch(blobs);
    blobs->fetch_count = 0;
    for (size_t from = 0; status == CULL_OK && from < count; from += PUT_MAX) {
        status = pin_some(blobs, numbers + from, count - from < PUT_MAX ? count - from : PUT_MAX);
    }
    return status == CULL_OK ? fetch(blobs) : status; /* what the store has lost since */
}
