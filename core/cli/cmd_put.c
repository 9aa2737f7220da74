/*
 * cmd_put.c - cull put: store a directory as the next version.
 *
 * SHAPE     Walk, hash, and only then open an upload: whatever is wrong with the source is told
 *           before anything is asked of the store. The upload names its blobs in batches, stages
 *           and sends those that are missing, and commits the whole manifest. Its base is the
 *           latest version, so that what did not change costs nothing.
 * FAILURE   On any failure the upload is aborted; what was sent is garbage for the next cycle. If a
 *           cycle took what we relied on (the lease was over), all is named and sent once more.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "content.h"
#include "pool.h"
#include "resolve.h"
#include "signals.h"
#include "units.h"
#include "versions.h"

#define BATCH_BLOBS 4096
#define BATCH_BYTES (UINT64_C(1) << 30) /* staged between two syncs */
#define WAIT_TURNS 200                  /* of 50 ms: a claimed batch is deleted long before */

struct put_options {
    const char *type;
    struct arg_list aliases;
    struct arg_list tags;
    const char *run;
    struct arg_number ttl;
    struct arg_number threads;
    bool follow;
};

static const struct arg_option put_table[] = {
    { "type", '\0', ARG_TEXT, offsetof(struct put_options, type), "T",
      "type of a new collection (default: dataset)" },
    { "alias", '\0', ARG_LIST, offsetof(struct put_options, aliases), "A",
      "alias for the version, besides latest; may be repeated" },
    { "tag", '\0', ARG_LIST, offsetof(struct put_options, tags), "T",
      "tag for the version; may be repeated" },
    { "run", '\0', ARG_TEXT, offsetof(struct put_options, run), "R",
      "run of the same project that logs the version" },
    { "ttl", '\0', ARG_DURATION, offsetof(struct put_options, ttl), "D",
      "let the version expire so long after its creation" },
    { "threads", '\0', ARG_COUNT, offsetof(struct put_options, threads), "N",
      "hash and copy with N threads (default: all processors)" },
    { "follow", '\0', ARG_FLAG, offsetof(struct put_options, follow), NULL,
      "store what symbolic links lead to (otherwise they are refused)" },
};

/* One distinct content and the first file that has it. */
struct unique {
    cull_blob_ref ref;
    size_t file;
};

struct put {
    struct cli *cli;
    const struct put_options *options;
    cull_name collection;
    struct content content;
    cull_manifest *manifest;
    struct unique *uniques;
    size_t unique_count;
    struct progress progress;

    cull_upload *upload;
    uint64_t lease_ns;
    uint64_t renewed_ns;
    uint64_t sent_count;
    uint64_t sent_bytes;

    /* one batch's room */
    cull_blob_ref refs[BATCH_BLOBS];
    cull_put_answer answers[BATCH_BLOBS];
    size_t missing[BATCH_BLOBS]; /* files */
    cull_staged staged[BATCH_BLOBS];
    bool is_staged[BATCH_BLOBS];
};

/* --- the source ---------------------------------------------------------------------------- */

static cull_status open_source(struct put *put, const char *dir)
{
    struct cli *cli = put->cli;
    char shown[PRINTABLE_MAX];
    struct stat info;

    put->content.name = dir;
    put->content.root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (put->content.root >= 0) {
        return CULL_OK;
    }
    if (errno == ENOTDIR && stat(dir, &info) == 0) {
        return cli_fail(cli, CULL_E_INVALID,
                        "%s: not a directory: put stores a directory and what is in it",
                        printable(shown, dir));
    }
    return errno == ENOENT
               ? cli_fail(cli, CULL_E_NOTFOUND, "%s: no such directory", printable(shown, dir))
               : cli_fail_errno(cli, errno, "%s", printable(shown, dir));
}

static cull_status read_source(struct put *put)
{
    struct cli *cli = put->cli;
    struct content *content = &put->content;
    char shown[PRINTABLE_MAX];
    struct stat store;
    cull_status status;

    if (stat(cli->store_dir, &store) != 0) {
        return cli_fail_errno(cli, errno, "%s", printable(shown, cli->store_dir));
    }
    status =
        walk(&content->files, content->root, content->name, content->follow, &store, &cli->err);
    if (status != CULL_OK) {
        return status;
    }
    content->digests = calloc(content->files.count + 1, sizeof(*content->digests));
    return content->digests == NULL ? cli_fail_nomem(cli) : content_hash(content, &cli->err);
}

static cull_status make_manifest(struct put *put)
{
    struct cli *cli = put->cli;
    const struct content *content = &put->content;
    cull_status status = cull_manifest_new(&put->manifest, content->kind, cull_allocator_default());

    for (size_t i = 0; status == CULL_OK && i < content->files.count; i++) {
        const struct walk_file *file = &content->files.files[i];
        cull_entry entry = { .path = file->path,
                             .path_len = (uint32_t)strlen(file->path),
                             .kind = CULL_ENTRY_BLOB,
                             .digest = content->digests[i],
                             .size_bytes = file->size_bytes };

        status = cull_manifest_add(put->manifest, &entry, &cli->err);
    }
    return status == CULL_OK ? cull_manifest_seal(put->manifest, &cli->err) : status;
}

static int by_digest(const void *a, const void *b)
{
    const struct unique *left = a;
    const struct unique *right = b;
    int order = memcmp(&left->ref.digest, &right->ref.digest, sizeof(cull_digest));

    return order != 0 ? order : (left->file > right->file) - (left->file < right->file);
}

static int by_file(const void *a, const void *b)
{
    const struct unique *left = a;
    const struct unique *right = b;

    return (left->file > right->file) - (left->file < right->file);
}

/* Each content once, in the order of the files, which is also that of the disk, more or less. */
static cull_status find_uniques(struct put *put)
{
    const struct content *content = &put->content;
    size_t kept = 0;

    put->uniques = calloc(content->files.count + 1, sizeof(*put->uniques));
    if (put->uniques == NULL) {
        return cli_fail_nomem(put->cli);
    }
    for (size_t i = 0; i < content->files.count; i++) {
        put->uniques[i].ref.digest = content->digests[i];
        put->uniques[i].ref.size_bytes = content->files.files[i].size_bytes;
        put->uniques[i].file = i;
    }
    qsort(put->uniques, content->files.count, sizeof(*put->uniques), by_digest);
    for (size_t i = 0; i < content->files.count; i++) {
        if (kept == 0 || memcmp(&put->uniques[kept - 1].ref.digest, &put->uniques[i].ref.digest,
                                sizeof(cull_digest)) != 0) {
            put->uniques[kept++] = put->uniques[i];
        }
    }
    qsort(put->uniques, kept, sizeof(*put->uniques), by_file);
    put->unique_count = kept;
    return CULL_OK;
}

/* --- the upload ---------------------------------------------------------------------------- */

/* A third of the lease is a safe distance from its end. */
static cull_status keep_lease(void *ctx, cull_error *err)
{
    struct put *put = ctx;
    uint64_t now_ns = cli_clock_ns(NULL);
    cull_caller caller = cli_caller(put->cli);
    cull_status status;

    if (signals_caught() != 0) {
        return CULL_E_CANCELLED;
    }
    if (put->upload == NULL || now_ns - put->renewed_ns < put->lease_ns / 3) {
        return CULL_OK;
    }
    status = cull_upload_renew(put->upload, &caller, err);
    if (status == CULL_OK) {
        put->renewed_ns = now_ns;
    }
    return status;
}

struct newest {
    bool found;
    uint32_t ordinal;
};

static cull_status visit_newest(void *ctx, const cull_version_info *version)
{
    struct newest *newest = ctx;

    if (version->state == CULL_VERSION_COMMITTED && !version->collection_deleted) {
        newest->found = true;
        newest->ordinal = version->key.ordinal;
    }
    return CULL_OK;
}

/* `latest` is the best base; without it, the newest version that is there. */
static cull_status find_base(struct put *put, struct newest *base)
{
    struct cli *cli = put->cli;
    cull_name name = put->collection;
    cull_version_key key;
    cull_selection selection = { .entity = name.entity,
                                 .project = name.project,
                                 .collection = name.collection };
    cull_status status = cull_version_find(cli->store, &name, &key, &cli->err);

    *base = (struct newest){ .found = false };
    if (status == CULL_OK) {
        status = cull_version_show(cli->store, &key, visit_newest, base, &cli->err);
    }
    if (status == CULL_E_NOTFOUND || (status == CULL_OK && !base->found)) {
        status = cull_select(cli->store, &selection, visit_newest, base, &cli->err);
    }
    if (status == CULL_E_NOTFOUND) {
        status = CULL_OK;
    }
    if (status == CULL_OK) {
        cli->err = (cull_error){ CULL_OK, "" };
    }
    return status;
}

static cull_status open_upload(struct put *put)
{
    struct cli *cli = put->cli;
    cull_upload_options options = { .collection = &put->collection,
                                    .type = put->options->type,
                                    .run = put->options->run };
    struct newest base;
    cull_status status = find_base(put, &base);

    if (status != CULL_OK) {
        return status;
    }
    for (int turn = 0;; turn++) {
        cull_caller caller = cli_caller(cli);

        options.has_base = base.found && turn == 0;
        options.base = options.has_base ? base.ordinal : 0;
        status = cull_upload_open(&put->upload, cli->store, &options, &caller, &cli->err);
        if (turn > 0 || !options.has_base ||
            (status != CULL_E_NOTFOUND && status != CULL_E_REFUSED)) {
            break; /* otherwise the base was deleted in between: do without */
        }
    }
    put->renewed_ns = cli_clock_ns(NULL);
    if (status == CULL_OK) {
        cli->changed = true;
        cli->err = (cull_error){ CULL_OK, "" };
    }
    return status;
}

/* Ask until no answer is *wait*: finish the deletion ourselves, or let the collector do it. */
static cull_status ask(struct put *put, size_t count)
{
    struct cli *cli = put->cli;

    for (int turn = 0; turn < WAIT_TURNS; turn++) {
        cull_caller caller = cli_caller(cli);
        struct timespec pause = { .tv_nsec = 50000000 };
        uint64_t finished = 0;
        bool waits = false;
        cull_status status =
            cull_upload_put(put->upload, put->refs, count, put->answers, &caller, &cli->err);

        for (size_t i = 0; status == CULL_OK && i < count; i++) {
            waits = waits || put->answers[i] == CULL_PUT_WAIT;
        }
        if (status != CULL_OK || !waits) {
            return status;
        }
        status = cull_gc_finish(cli->store, &caller, &finished, &cli->err);
        if (status != CULL_OK && status != CULL_E_BUSY && status != CULL_E_PARTIAL) {
            return status;
        }
        if (turn > 0 && status == CULL_E_BUSY) {
            (void)nanosleep(&pause, NULL);
        }
        status = keep_lease(put, &cli->err);
        if (status != CULL_OK) {
            return status;
        }
    }
    return cli_fail(cli, CULL_E_BUSY,
                    "a cycle is deleting files of this version and does not end: try again");
}

/* Stage and send missing[0..count). */
static cull_status send_some(struct put *put, const size_t *files, size_t count)
{
    struct cli *cli = put->cli;
    cull_caller caller;
    cull_status status = content_stage(&put->content, cli->store, files, count, put->staged,
                                       put->is_staged, &cli->err);

    if (status != CULL_OK) {
        for (size_t i = 0; i < count; i++) {
            if (put->is_staged[i]) {
                cull_unstage(cli->store, &put->staged[i]);
            }
        }
        return status;
    }
    caller = cli_caller(cli);
    status = cull_upload_send(put->upload, put->staged, count, &caller, &cli->err);
    for (size_t i = 0; status == CULL_OK && i < count; i++) {
        put->sent_count++;
        put->sent_bytes += put->staged[i].size_bytes;
    }
    return status;
}

static cull_status send_missing(struct put *put, size_t count)
{
    const struct walk_file *files = put->content.files.files;
    cull_status status = CULL_OK;
    size_t from = 0;

    while (status == CULL_OK && from < count) {
        uint64_t bytes = 0;
        size_t to = from;

        while (to < count &&
               (to == from || bytes + files[put->missing[to]].size_bytes <= BATCH_BYTES)) {
            bytes += files[put->missing[to]].size_bytes;
            to++;
        }
        status = send_some(put, put->missing + from, to - from);
        from = to;
    }
    return status;
}

static cull_status upload_content(struct put *put)
{
    cull_status status = CULL_OK;

    for (size_t from = 0; status == CULL_OK && from < put->unique_count; from += BATCH_BLOBS) {
        size_t left = put->unique_count - from;
        size_t count = left < BATCH_BLOBS ? left : BATCH_BLOBS;
        size_t missing = 0;

        for (size_t i = 0; i < count; i++) {
            put->refs[i] = put->uniques[from + i].ref;
        }
        status = ask(put, count);
        for (size_t i = 0; status == CULL_OK && i < count; i++) {
            if (put->answers[i] == CULL_PUT_SEND) {
                put->missing[missing++] = put->uniques[from + i].file;
            }
        }
        if (status == CULL_OK && missing > 0) {
            status = send_missing(put, missing);
        }
        if (status == CULL_OK) {
            status = keep_lease(put, &put->cli->err);
        }
    }
    return status;
}

static cull_status upload(struct put *put, cull_commit_result *result)
{
    struct cli *cli = put->cli;
    cull_commit_options options = { .manifest = put->manifest,
                                    .aliases = put->options->aliases.items,
                                    .alias_count = put->options->aliases.count,
                                    .tags = put->options->tags.items,
                                    .tag_count = put->options->tags.count,
                                    .ttl_ms = put->options->ttl.value };
    bool again = false;
    cull_status status;

    for (;;) {
        status = put->upload == NULL ? open_upload(put) : CULL_OK;
        if (status == CULL_OK) {
            status = upload_content(put);
        }
        if (status == CULL_OK) {
            cull_caller caller = cli_caller(cli);

            status =
                cull_upload_commit(put->upload, &options, NULL, NULL, result, &caller, &cli->err);
        }
        if (again || (status != CULL_E_NOT_STORED && status != CULL_E_ENDED)) {
            return status;
        }
        again = true;
        if (status == CULL_E_ENDED) {
            cull_upload_free(put->upload);
            put->upload = NULL;
        }
        cli->err = (cull_error){ CULL_OK, "" };
    }
}

/* --- the answer ---------------------------------------------------------------------------- */

static void print_result(struct put *put, const cull_commit_result *result)
{
    struct output *out = &put->cli->out;
    char collection[VERSION_NAME_MAX];
    char name[VERSION_NAME_MAX + 16];
    char files[UNITS_TEXT_MAX];
    char size[UNITS_TEXT_MAX];
    char sent[UNITS_TEXT_MAX];
    char sent_size[UNITS_TEXT_MAX];
    size_t count = put->content.files.count;

    (void)snprintf(name, sizeof(name), "%s:v%" PRIu32,
                   collection_name(collection, &put->collection), result->version.ordinal);
    if (!out->json && !result->is_new) {
        (void)printf("unchanged: %s", name);
        if (put->sent_count > 0) { /* the store had lost some of it, or given it up */
            (void)printf("; sent again %s, %s", count_human(sent, put->sent_count),
                         bytes_human(sent_size, put->sent_bytes));
        }
        if (result->is_healed) {
            (void)printf("; its manifest, which was damaged, is whole again");
        }
        (void)printf("\n");
    } else if (!out->json) {
        (void)printf("%s %s: %s file%s, %s; sent %s, %s\n",
                     put->cli->settings.index_only ? "recorded" : "stored", name,
                     count_human(files, count), count == 1 ? "" : "s",
                     bytes_human(size, put->content.files.bytes),
                     count_human(sent, put->sent_count), bytes_human(sent_size, put->sent_bytes));
    }
    if (!result->is_new && (put->options->ttl.given || put->options->run != NULL)) {
        cli_warn(put->cli, "%s: --ttl and --run are for new versions: left as it is", name);
    }
    record_begin(out, "version");
    field_text(out, "name", name);
    field_text(out, "state", "committed");
    field_bool(out, "is_new", result->is_new);
    if (result->is_healed) {
        field_bool(out, "is_healed", true);
    }
    field_number(out, "entries", count);
    field_number(out, "size_bytes", put->content.files.bytes);
    record_end(out);
    summary_begin(out);
    field_number(out, "blobs", put->unique_count);
    field_number(out, "blobs_sent", put->sent_count);
    field_number(out, "bytes_sent", put->sent_bytes);
    summary_end(out);
}

static void put_release(struct put *put, cull_status status)
{
    if (put->upload != NULL) {
        cull_error ignored = { CULL_OK, "" };
        cull_caller caller = cli_caller(put->cli);

        if (status != CULL_OK && status != CULL_E_ENDED) {
            (void)!cull_upload_abort(put->upload, &caller, &ignored);
        }
        cull_upload_free(put->upload);
    }
    progress_end(&put->progress);
    cull_manifest_free(put->manifest);
    walk_release(&put->content.files);
    free(put->content.digests);
    free(put->uniques);
    if (put->content.root >= 0) {
        (void)close(put->content.root);
    }
    free(put);
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    const struct put_options *options = values;
    struct put *put = calloc(1, sizeof(*put));
    cull_commit_result result;
    cull_status status;

    (void)count;
    if (put == NULL) {
        return cli_fail_nomem(cli);
    }
    put->cli = cli;
    put->options = options;
    put->content.root = -1;
    progress_begin(&put->progress, cli->globals.progress);
    if (options->threads.given && options->threads.value > POOL_THREADS_MAX) {
        status = cli_fail(cli, CULL_E_USAGE, "--threads: at most %d", POOL_THREADS_MAX);
        goto done;
    }
    if (options->ttl.given && options->ttl.value == 0) {
        status = cli_fail(cli, CULL_E_USAGE, "--ttl: 0: a version cannot expire as it is made");
        goto done;
    }
    if ((status = cli_check_labels(cli, &options->aliases, &options->tags)) != CULL_OK ||
        (status = cli_open(cli, true)) != CULL_OK ||
        (status = resolve_collection(cli, names[0], &put->collection)) != CULL_OK) {
        goto done;
    }
    put->lease_ns = cli->settings.lease_ms * 1000000;
    put->content.kind = cli->settings.digest;
    put->content.follow = options->follow;
    put->content.threads =
        options->threads.given ? (unsigned)options->threads.value : pool_processors();
    put->content.progress = &put->progress;
    put->content.tick = keep_lease;
    put->content.tick_ctx = put;
    if ((status = open_source(put, names[1])) != CULL_OK ||
        (status = read_source(put)) != CULL_OK || (status = make_manifest(put)) != CULL_OK ||
        (status = find_uniques(put)) != CULL_OK) {
        goto done;
    }
    status = upload(put, &result);
    if (status == CULL_OK) {
        progress_end(&put->progress);
        print_result(put, &result);
    }
done:
    put_release(put, status);
    return status;
}

const struct cli_command command_put = {
    .name = "put",
    .usage = "put COLLECTION DIR [OPTION]...",
    .text = "Store a directory as the next version of a collection.\n\n"
            "Only files that the store does not hold yet are copied. Content equal to a\n"
            "version that is there makes no new one; its aliases move there. Modes, times\n"
            "and empty directories are not kept. Sockets, pipes, devices and names that\n"
            "are not UTF-8 are refused, before anything is changed.",
    .options = put_table,
    .option_count = ARG_LEN(put_table),
    .args_bytes = sizeof(struct put_options),
    .positionals_min = 2,
    .positionals_max = 2,
    .exits = "exit: 0 done  1 failed (a file changed, or cannot be stored)  2 usage\n"
             "      4 no such store or directory  5 busy  130, 143 interrupted\n",
    .run = run,
};
