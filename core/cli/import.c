/*
 * import.c - add versions whose digests are known before their content is seen.
 *
 * SHAPE     One upload a version, on the version before it as its base, so that what did not change
 *           is neither named nor pinned. Entries are looked at in batches: their blobs are named,
 *           each once, those that the store lacks are staged by whoever imports, and sent.
 * COST      A batch of memory, however large the manifest is: it may lie in a scratch file.
 * FAILURE   Versions that were added stay. The one that fails is aborted; what was sent of it is
 *           garbage for the next cycle. An index-only store is sent nothing, and forgets what only a
 *           failed import named: it was there before. Should a cycle have taken what was relied on (the lease was
 *           over), all is named and sent once more.
 * WHY NOT   one upload for all versions: a version is what a commit makes, and a reader that comes
 *           in between sees whole versions only.
 */
#include "import.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "signals.h"
#include "units.h"

#define BATCH_BLOBS 4096
#define BATCH_BYTES (UINT64_C(1) << 30) /* staged between two syncs */
#define WAIT_TURNS 200                  /* of 50 ms: a claimed batch is deleted long before */
#define DELETING_SHOWN 10

/* A blob of the batch, and the entry that names it. */
struct batch_blob {
    cull_blob_ref ref;
    size_t entry;
};

struct import_batch {
    struct batch_blob blobs[BATCH_BLOBS]; /* by digest */
    cull_blob_ref refs[BATCH_BLOBS];
    size_t count;
    cull_put_answer answers[BATCH_BLOBS];
    size_t missing[BATCH_BLOBS];
    size_t entries[BATCH_BLOBS]; /* of those to be staged */
    cull_staged staged[BATCH_BLOBS];
    bool is_staged[BATCH_BLOBS];
};

/* --- begin --------------------------------------------------------------------------------- */

struct newest {
    bool found;
    uint32_t ordinal;
};

static cull_status visit_newest(void *ctx, const cull_version_info *version)
{
    struct newest *newest = ctx;

    newest->found = true;
    newest->ordinal = version->key.ordinal;
    return CULL_OK;
}

/* The collection's newest version, if it has one: the first base. */
static cull_status find_last(struct import *import)
{
    struct cli *cli = import->cli;
    const cull_name *name = &import->collection;
    cull_selection selection = { .entity = name->entity,
                                 .project = name->project,
                                 .collection = name->collection };
    struct newest newest = { .found = false };
    cull_status status = cull_select(cli->store, &selection, visit_newest, &newest, &cli->err);

    if (status == CULL_E_NOTFOUND) {
        cli->err = (cull_error){ CULL_OK, "" };
        return CULL_OK;
    }
    import->has_last = newest.found;
    import->last = newest.ordinal;
    return status;
}

cull_status import_begin(struct import *import, struct cli *cli, const char *collection,
                         const struct import_options *options)
{
    cull_status status;

    import->cli = cli;
    import->options = options;
    progress_begin(&import->progress, cli->globals.progress);
    if (options->ttl.given && options->ttl.value == 0) {
        return cli_fail(cli, CULL_E_USAGE, "--ttl: 0: a version cannot expire as it is made");
    }
    import->batch = malloc(sizeof(*import->batch));
    if (import->batch == NULL) {
        return cli_fail_nomem(cli);
    }
    if ((status = cli_check_labels(cli, &options->aliases, &options->tags)) != CULL_OK ||
        (status = cli_open(cli, true)) != CULL_OK ||
        (status = resolve_collection(cli, collection, &import->collection)) != CULL_OK) {
        return status;
    }
    import->lease_ns = cli->settings.lease_ms * 1000000;
    return find_last(import);
}

/* --- one upload ---------------------------------------------------------------------------- */

cull_status import_tick(void *ctx, cull_error *err)
{
    struct import *import = ctx;
    uint64_t now_ns = cli_clock_ns(NULL);
    cull_caller caller = cli_caller(import->cli);
    cull_status status = CULL_OK;

    if (signals_caught() != 0) {
        return CULL_E_CANCELLED;
    }
    /* a third of the lease is a safe distance from its end */
    if (import->upload != NULL && now_ns - import->renewed_ns >= import->lease_ns / 3) {
        status = cull_upload_renew(import->upload, &caller, err);
        import->renewed_ns = status == CULL_OK ? now_ns : import->renewed_ns;
    }
    return status;
}

static cull_status open_upload(struct import *import)
{
    struct cli *cli = import->cli;
    cull_upload_options options = { .collection = &import->collection,
                                    .type = import->options->type,
                                    .run = import->options->run,
                                    .has_base = import->has_last,
                                    .base = import->last };
    cull_caller caller = cli_caller(cli);
    cull_status status =
        cull_upload_open(&import->upload, cli->store, &options, &caller, &cli->err);

    if (options.has_base && (status == CULL_E_NOTFOUND || status == CULL_E_REFUSED)) {
        options.has_base = false; /* it was deleted in between: do without */
        status = cull_upload_open(&import->upload, cli->store, &options, &caller, &cli->err);
    }
    import->renewed_ns = cli_clock_ns(NULL);
    if (status == CULL_OK) {
        cli->changed = true;
        cli->err = (cull_error){ CULL_OK, "" };
    }
    return status;
}

static void close_upload(struct import *import, bool abort)
{
    if (import->upload != NULL) {
        cull_error ignored = { CULL_OK, "" };
        cull_caller caller = cli_caller(import->cli);

        if (abort) {
            (void)!cull_upload_abort(import->upload, &caller, &ignored);
        }
        cull_upload_free(import->upload);
        import->upload = NULL;
    }
}

/* An index-only store waits for whoever deletes, which may be long: say what it waits for. */
static cull_status tell_deleting(struct import *import, const struct import_version *version)
{
    struct cli *cli = import->cli;
    const struct import_batch *batch = import->batch;
    char hex[CULL_DIGEST_HEX_MAX];
    char shown[PRINTABLE_MAX];
    size_t waiting = 0;

    progress_end(&import->progress);
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->answers[i] != CULL_PUT_WAIT) {
            continue;
        }
        cull_digest_to_hex(hex, &batch->refs[i].digest, cli->settings.digest);
        record_begin(&cli->out, "blob");
        field_text(&cli->out, "digest", hex);
        field_text(&cli->out, "state", "deleting");
        record_end(&cli->out);
        if (!cli->out.json && waiting < DELETING_SHOWN) {
            cli_warn(cli, "blob %s is free to go and listed for deletion", hex);
        }
        waiting++;
    }
    return cli_fail(cli, CULL_E_PARTIAL,
                    "%.200s: not added: %zu of its blobs are listed for deletion: confirm or "
                    "release them, then import again",
                    printable(shown, version->source), waiting);
}

/* --- one batch ----------------------------------------------------------------------------- */

static int compare_digests(const void *a, const void *b)
{
    const struct batch_blob *left = a;
    const struct batch_blob *right = b;

    return memcmp(&left->ref.digest, &right->ref.digest, sizeof(cull_digest));
}

static int compare_blobs(const void *a, const void *b)
{
    const struct batch_blob *left = a;
    const struct batch_blob *right = b;
    int order = compare_digests(a, b);

    /* of one content, an entry that knows its size first */
    order = order != 0 ? order
                       : (left->ref.size_bytes > right->ref.size_bytes) -
                             (left->ref.size_bytes < right->ref.size_bytes);
    return order != 0 ? order : (left->entry > right->entry) - (left->entry < right->entry);
}

static cull_status two_sizes(struct import *import, const struct import_version *version,
                             size_t one, size_t other)
{
    const cull_manifest *manifest = version->manifest;
    char source[PRINTABLE_MAX];
    char first[PRINTABLE_MAX];
    char second[PRINTABLE_MAX];
    uint64_t first_bytes;
    cull_entry entry;

    cull_manifest_at(manifest, one < other ? one : other, &entry);
    (void)printable(first, entry.path);
    first_bytes = entry.size_bytes;
    cull_manifest_at(manifest, one < other ? other : one, &entry);
    return cli_fail(import->cli, CULL_E_INVALID,
                    "%.150s: %.120s: has %" PRIu64 " bytes, and %.120s of the same digest %" PRIu64,
                    printable(source, version->source), first, first_bytes,
                    printable(second, entry.path), entry.size_bytes);
}

static bool disagree(const cull_blob_ref *a, const cull_blob_ref *b)
{
    return memcmp(&a->digest, &b->digest, sizeof(cull_digest)) == 0 &&
           a->size_bytes != CULL_SIZE_UNKNOWN && b->size_bytes != CULL_SIZE_UNKNOWN &&
           a->size_bytes != b->size_bytes;
}

/* Take blobs of the entries from *next on until the batch is full; each digest once. */
static cull_status fill_batch(struct import *import, const struct import_version *version,
                              size_t *next)
{
    struct import_batch *batch = import->batch;
    const cull_manifest *manifest = version->manifest;
    size_t count = cull_manifest_count(manifest);
    size_t taken = 0;

    for (; *next < count && taken < BATCH_BLOBS; ++*next) {
        cull_entry entry;

        cull_manifest_at(manifest, *next, &entry);
        if (entry.kind == CULL_ENTRY_BLOB) {
            batch->blobs[taken++] =
                (struct batch_blob){ { entry.digest, entry.size_bytes }, *next };
        }
    }
    batch->count = 0;
    if (taken > 0) {
        qsort(batch->blobs, taken, sizeof(batch->blobs[0]), compare_blobs);
    }
    for (size_t i = 0; i < taken; i++) {
        const struct batch_blob *last = i == 0 ? NULL : &batch->blobs[batch->count - 1];

        if (last != NULL && disagree(&last->ref, &batch->blobs[i].ref)) {
            return two_sizes(import, version, last->entry, batch->blobs[i].entry);
        }
        if (last == NULL || compare_digests(last, &batch->blobs[i]) != 0) {
            batch->blobs[batch->count++] = batch->blobs[i];
        }
    }
    for (size_t i = 0; i < batch->count; i++) {
        batch->refs[i] = batch->blobs[i].ref;
    }
    return cull_manifest_check(manifest, &import->cli->err);
}

/* The store knows a blob of the batch with another size: say where the manifest names it, and if it
 * contradicts itself, where. */
static cull_status explain_sizes(struct import *import, const struct import_version *version)
{
    const struct import_batch *batch = import->batch;
    const cull_manifest *manifest = version->manifest;
    char source[PRINTABLE_MAX];
    char shown[PRINTABLE_MAX];

    for (size_t i = 0; i < cull_manifest_count(manifest); i++) {
        const struct batch_blob *twin = NULL;
        struct batch_blob blob;
        cull_entry entry;

        cull_manifest_at(manifest, i, &entry);
        blob = (struct batch_blob){ { entry.digest, entry.size_bytes }, i };
        if (entry.kind == CULL_ENTRY_BLOB) {
            twin = bsearch(&blob, batch->blobs, batch->count, sizeof(blob), compare_digests);
        }
        if (twin != NULL && disagree(&twin->ref, &blob.ref)) {
            return two_sizes(import, version, i, twin->entry);
        }
    }
    for (size_t i = 0; i < batch->count; i++) {
        cull_entry entry;

        if (batch->answers[i] == CULL_PUT_REFUSED) {
            cull_manifest_at(manifest, batch->blobs[i].entry, &entry);
            return cli_fail_at(import->cli, CULL_E_INVALID, "%.150s: %.150s",
                               printable(source, version->source), printable(shown, entry.path));
        }
    }
    return import->cli->err.status;
}

/* Ask until no answer is *wait*: finish the deletion ourselves, or let the collector do it. */
static cull_status ask(struct import *import, const struct import_version *version)
{
    struct cli *cli = import->cli;
    struct import_batch *batch = import->batch;

    for (int turn = 0; turn < WAIT_TURNS; turn++) {
        cull_caller caller = cli_caller(cli);
        struct timespec pause = { .tv_nsec = 50000000 };
        uint64_t finished = 0;
        bool waits = false;
        cull_status status = cull_upload_put(import->upload, batch->refs, batch->count,
                                             batch->answers, &caller, &cli->err);

        for (size_t i = 0; status == CULL_OK && i < batch->count; i++) {
            waits = waits || batch->answers[i] == CULL_PUT_WAIT;
        }
        if (status == CULL_E_INVALID) {
            return explain_sizes(import, version);
        }
        if (status != CULL_OK || !waits) {
            return status;
        }
        if (cli->settings.index_only) {
            return tell_deleting(import, version);
        }
        status = cull_gc_finish(cli->store, &caller, &finished, &cli->err);
        if (status != CULL_OK && status != CULL_E_BUSY && status != CULL_E_PARTIAL) {
            return status;
        }
        if (turn > 0 && status == CULL_E_BUSY) {
            (void)nanosleep(&pause, NULL);
        }
        status = import_tick(import, &cli->err);
        if (status != CULL_OK) {
            return status;
        }
    }
    return cli_fail(cli, CULL_E_BUSY,
                    "a cycle is deleting files of this version and does not end: try again");
}

/* Stage and send some of the batch's blobs. */
static cull_status send_some(struct import *import, const struct import_version *version,
                             const size_t *blobs, size_t count)
{
    struct cli *cli = import->cli;
    struct import_batch *batch = import->batch;
    cull_caller caller;
    cull_status status;

    memset(batch->is_staged, 0, sizeof(batch->is_staged));
    for (size_t i = 0; i < count; i++) {
        batch->entries[i] = batch->blobs[blobs[i]].entry;
    }
    status = version->stage(version->stage_ctx, batch->entries, count, batch->staged,
                            batch->is_staged, &cli->err);
    if (status != CULL_OK) {
        for (size_t i = 0; i < count; i++) {
            if (batch->is_staged[i]) {
                cull_unstage(cli->store, &batch->staged[i]);
            }
        }
        return status;
    }
    caller = cli_caller(cli);
    status = cull_upload_send(import->upload, batch->staged, count, &caller, &cli->err);
    for (size_t i = 0; status == CULL_OK && i < count; i++) {
        import->blobs_sent++;
        import->bytes_sent += batch->staged[i].size_bytes;
    }
    return status;
}

static cull_status send_missing(struct import *import, const struct import_version *version,
                                size_t count)
{
    const struct import_batch *batch = import->batch;
    const size_t *missing = batch->missing;
    cull_status status = CULL_OK;
    size_t from = 0;

    if (count > 0 && version->stage == NULL) {
        char hex[CULL_DIGEST_HEX_MAX];
        char shown[PRINTABLE_MAX];

        cull_digest_to_hex(hex, &batch->refs[missing[0]].digest, import->cli->settings.digest);
        return cli_fail(import->cli, CULL_E_NOTFOUND,
                        "%.150s: the store lacks blob %s: give --content DIR, or import into a "
                        "store made with --objects none",
                        printable(shown, version->source), hex);
    }
    while (status == CULL_OK && from < count) {
        uint64_t bytes = 0;
        size_t to = from;

        while (to < count && (to == from || bytes < BATCH_BYTES)) {
            uint64_t size_bytes = batch->refs[missing[to]].size_bytes;

            bytes += size_bytes == CULL_SIZE_UNKNOWN ? 0 : size_bytes;
            to++;
        }
        status = send_some(import, version, missing + from, to - from);
        from = to;
    }
    return status;
}

static cull_status name_and_send(struct import *import, const struct import_version *version)
{
    struct import_batch *batch = import->batch;
    cull_status status;
    size_t next = 0;

    do {
        size_t missing = 0;

        status = fill_batch(import, version, &next);
        if (status == CULL_OK && import->upload == NULL) {
            status = open_upload(import); /* what disagrees with itself early leaves no trace */
        }
        if (status == CULL_OK && batch->count > 0) {
            status = ask(import, version);
        }
        for (size_t i = 0; status == CULL_OK && i < batch->count; i++) {
            if (batch->answers[i] == CULL_PUT_SEND) {
                batch->missing[missing++] = i;
            }
        }
        if (status == CULL_OK && missing > 0) {
            status = send_missing(import, version, missing);
        }
        if (status == CULL_OK) {
            status = import_tick(import, &import->cli->err);
        }
    } while (status == CULL_OK && next < cull_manifest_count(version->manifest));
    return status;
}

/* --- one version --------------------------------------------------------------------------- */

static cull_status commit(struct import *import, const struct import_version *version,
                          cull_commit_result *result)
{
    struct cli *cli = import->cli;
    cull_commit_options options = { .manifest = version->manifest,
                                    .aliases = version->aliases,
                                    .alias_count = version->alias_count,
                                    .tags = version->tags,
                                    .tag_count = version->tag_count,
                                    .ttl_ms = import->options->ttl.value,
                                    .allow_unresolved = import->options->allow_unresolved,
                                    .description = version->description,
                                    .metadata = version->metadata,
                                    .artifact_id = version->artifact_id };
    char source[PRINTABLE_MAX];
    bool again = false;

    for (;;) {
        cull_status status = name_and_send(import, version);

        if (status == CULL_OK) {
            cull_caller caller = cli_caller(cli);

            status = cull_upload_commit(import->upload, &options, NULL, NULL, result, &caller,
                                        &cli->err);
            if (status == CULL_E_INVALID || status == CULL_E_NOTFOUND ||
                status == CULL_E_EXISTS) { /* it names the path, or the id */
                return cli_fail_at(cli, status, "%.150s", printable(source, version->source));
            }
        }
        if (again || (status != CULL_E_NOT_STORED && status != CULL_E_ENDED)) {
            return status;
        }
        again = true;
        if (status == CULL_E_ENDED) {
            close_upload(import, false);
        }
        cli->err = (cull_error){ CULL_OK, "" };
    }
}

static void print_version(struct import *import, const struct import_version *version,
                          const cull_commit_result *result)
{
    struct output *out = &import->cli->out;
    char collection[VERSION_NAME_MAX];
    char name[VERSION_NAME_MAX + 16];
    char source[PRINTABLE_MAX];

    (void)snprintf(name, sizeof(name), "%s:v%" PRIu32,
                   collection_name(collection, &import->collection), result->version.ordinal);
    if (!out->json) {
        progress_end(&import->progress);
        (void)printf("%s %s from %s%s\n", result->is_new ? "added" : "unchanged:", name,
                     printable(source, version->source),
                     result->is_healed ? "; its manifest, which was damaged, is whole again" : "");
    }
    record_begin(out, "version");
    field_text(out, "name", name);
    field_text(out, "state", "committed");
    field_bool(out, "is_new", result->is_new);
    if (result->is_healed) {
        field_bool(out, "is_healed", true);
    }
    field_text(out, "source", version->source);
    if (version->artifact_id != NULL) {
        field_text(out, "artifact_id", version->artifact_id);
    }
    record_end(out);
}

cull_status import_add(struct import *import, const struct import_version *version,
                       cull_commit_result *out)
{
    cull_commit_result result = { .is_new = false };
    cull_status status = import_tick(import, &import->cli->err);

    if (status == CULL_OK) {
        status = commit(import, version, &result);
    }
    close_upload(import, status != CULL_OK && status != CULL_E_ENDED);
    if (status != CULL_OK) {
        return status;
    }
    import->has_last = true;
    import->last = result.version.ordinal;
    import->versions_new += result.is_new;
    import->versions_equal += !result.is_new;
    print_version(import, version, &result);
    if (out != NULL) {
        *out = result;
    }
    return CULL_OK;
}

/* --- the end ------------------------------------------------------------------------------- */

static void print_summary(struct import *import)
{
    struct output *out = &import->cli->out;
    char added[UNITS_TEXT_MAX];
    char equal[UNITS_TEXT_MAX];
    char sent[UNITS_TEXT_MAX];
    char size[UNITS_TEXT_MAX];

    if (!out->json) {
        (void)printf("%s version%s added, %s unchanged; sent %s, %s\n",
                     count_human(added, import->versions_new), import->versions_new == 1 ? "" : "s",
                     count_human(equal, import->versions_equal),
                     count_human(sent, import->blobs_sent), bytes_human(size, import->bytes_sent));
    }
    summary_begin(out);
    field_number(out, "versions_added", import->versions_new);
    field_number(out, "versions_unchanged", import->versions_equal);
    field_number(out, "blobs_sent", import->blobs_sent);
    field_number(out, "bytes_sent", import->bytes_sent);
    summary_end(out);
}

void import_end(struct import *import, cull_status status)
{
    close_upload(import, true);
    progress_end(&import->progress);
    if (status == CULL_OK || status == CULL_E_PARTIAL) {
        print_summary(import);
    }
    free(import->batch);
    import->batch = NULL;
}
