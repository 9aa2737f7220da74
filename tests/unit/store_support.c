/*
 * store_support.c - see store_support.h.
 */
#include "store_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ok(cull_status status, const cull_error *err)
{
    ck_assert_msg(status == CULL_OK, "%s: %s", cull_strerror(status), err->message);
}

cull_caller bench_caller(const struct bench_store *bench)
{
    return (cull_caller){ .now_ms = bench->now_ms, .actor = "tester" };
}

static void open_handle(struct bench_store *bench)
{
    const cull_store_options options = { bench->log, bench->objects, bench->allocator, NULL };
    cull_error err = { CULL_OK, "" };

    ok(cull_store_open(&bench->store, &options, &err), &err);
}

void bench_open(struct bench_store *bench, const struct bench_options *options)
{
    cull_store_settings settings = { 0 };
    cull_objects_memory_options memory = { 0 };
    cull_error err = { CULL_OK, "" };
    cull_caller caller;

    memset(bench, 0, sizeof *bench);
    bench->now_ms = 1000;
    bench->allocator = options->allocator == NULL ? cull_allocator_default() : options->allocator;
    bench->digest = options->digest == 0 ? CULL_DIGEST_XXH128 : options->digest;
    settings.digest = memory.digest = bench->digest;
    settings.grace_ms = options->grace_ms;
    settings.grace_is_zero = options->grace_ms == 0;
    settings.lease_ms = options->lease_ms;
    settings.seed = 42;
    settings.index_only = options->index_only;
    settings.strict_links = options->strict_links;
    settings.late_deletes = memory.late = options->late == 0 ? CULL_LATE_IMPOSSIBLE : options->late;
    memory.versioning =
        memory.late == CULL_LATE_VERSION_IDS ? CULL_VERSIONING_ENABLED : CULL_VERSIONING_NONE;
    caller = bench_caller(bench);
    ok(cull_log_memory_new(&bench->log, cull_allocator_default()), &err);
    ok(cull_objects_memory_new(&bench->objects, &memory, &err), &err);
    ok(cull_store_create(bench->log, &settings, &caller, &err), &err);
    open_handle(bench);
}

void bench_reopen(struct bench_store *bench)
{
    cull_store_close(bench->store);
    open_handle(bench);
}

void bench_close(struct bench_store *bench)
{
    cull_store_close(bench->store);
    cull_log_close(bench->log);
    cull_objects_close(bench->objects);
}

cull_digest bench_digest(const struct bench_store *bench, const char *content)
{
    cull_digest digest;

    ck_assert_int_eq(cull_digest_of(&digest, bench->digest, content, strlen(content)), CULL_OK);
    return digest;
}

/* The next "path=content" of a text; false at its end. */
static bool next_file(const char **text, char path[64], char content[64])
{
    int used = 0;

    if (sscanf(*text, " %63[^= ]=%63s%n", path, content, &used) < 2) {
        return false;
    }
    *text += used;
    return true;
}

cull_manifest *bench_manifest(const struct bench_store *bench, const char *text)
{
    cull_manifest *manifest = NULL;
    cull_error err = { CULL_OK, "" };
    char path[64];
    char content[64];

    ok(cull_manifest_new(&manifest, bench->digest, cull_allocator_default()), &err);
    while (next_file(&text, path, content)) {
        const cull_entry entry = { .path = path,
                                   .path_len = (uint32_t)strlen(path),
                                   .kind = CULL_ENTRY_BLOB,
                                   .digest = bench_digest(bench, content),
                                   .size_bytes = strlen(content) };

        ok(cull_manifest_add(manifest, &entry, &err), &err);
    }
    ok(cull_manifest_seal(manifest, &err), &err);
    return manifest;
}

struct text_source {
    const char *at;
};

static cull_status read_text(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    struct text_source *source = ctx;

    (void)err;
    *got = strnlen(source->at, len);
    memcpy(data, source->at, *got);
    source->at += *got;
    return CULL_OK;
}

cull_status bench_stage(struct bench_store *bench, const char *content, cull_staged *out,
                        cull_error *err)
{
    struct text_source text = { content };
    const cull_source source = { -1, read_text, &text, 1 << 20 };

    return cull_stage(bench->store, &source, out, err);
}

static cull_status send_one(struct bench_store *bench, cull_upload *upload, const char *content,
                            cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    cull_staged staged;
    cull_status status = bench_stage(bench, content, &staged, err);

    return status == CULL_OK ? cull_upload_send(upload, &staged, 1, &caller, err) : status;
}

cull_status bench_put(struct bench_store *bench, cull_upload *upload, const char *text,
                      cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    cull_status status = CULL_OK;
    char path[64];
    char content[64];

    while (status == CULL_OK && next_file(&text, path, content)) {
        const cull_blob_ref blob = { bench_digest(bench, content), strlen(content) };
        cull_put_answer answer = CULL_PUT_WAIT;

        status = cull_upload_put(upload, &blob, 1, &answer, &caller, err);
        if (status == CULL_OK && answer == CULL_PUT_SEND) {
            status = send_one(bench, upload, content, err);
        }
    }
    return status;
}

cull_upload *bench_upload(struct bench_store *bench, const char *collection, int base)
{
    const cull_caller caller = bench_caller(bench);
    cull_upload *upload = NULL;
    cull_error err = { CULL_OK, "" };
    cull_name name;
    cull_upload_options options = { .collection = &name };

    ok(cull_name_parse(&name, collection, "e", "p", &err), &err);
    options.has_base = base >= 0;
    options.base = base >= 0 ? (uint32_t)base : 0;
    ok(cull_upload_open(&upload, bench->store, &options, &caller, &err), &err);
    return upload;
}

uint32_t bench_commit(struct bench_store *bench, const char *collection, const char *text)
{
    const cull_caller caller = bench_caller(bench);
    cull_upload *upload = bench_upload(bench, collection, -1);
    cull_manifest *manifest = bench_manifest(bench, text);
    const cull_commit_options options = { .manifest = manifest };
    cull_commit_result result;
    cull_error err = { CULL_OK, "" };

    ok(bench_put(bench, upload, text, &err), &err);
    ok(cull_upload_commit(upload, &options, NULL, NULL, &result, &caller, &err), &err);
    cull_manifest_free(manifest);
    cull_upload_free(upload);
    return result.version.ordinal;
}

cull_version_key bench_key(struct bench_store *bench, const char *collection, uint32_t ordinal)
{
    cull_version_key key;
    cull_error err = { CULL_OK, "" };
    cull_name name;

    ok(cull_name_parse(&name, collection, "e", "p", &err), &err);
    (void)snprintf(name.version, sizeof name.version, "v%u", ordinal);
    ok(cull_version_find(bench->store, &name, &key, &err), &err);
    return key;
}

static cull_status note_info(void *ctx, const cull_version_info *version)
{
    *(cull_version_info *)ctx = *version;
    return CULL_OK;
}

cull_version_info bench_info(struct bench_store *bench, const char *collection, uint32_t ordinal)
{
    const cull_version_key key = bench_key(bench, collection, ordinal);
    cull_version_info info;
    cull_error err = { CULL_OK, "" };

    ok(cull_version_show(bench->store, &key, note_info, &info, &err), &err);
    return info;
}

uint64_t bench_seq(struct bench_store *bench)
{
    uint64_t seq = 0;
    cull_error err = { CULL_OK, "" };

    ok(cull_store_refresh(bench->store, &seq, &err), &err);
    return seq;
}

void bench_delete(struct bench_store *bench, const char *collection, uint32_t ordinal)
{
    const cull_caller caller = bench_caller(bench);
    const cull_delete_options options = { .delete_aliases = true };
    const cull_version_key key = bench_key(bench, collection, ordinal);
    cull_error err = { CULL_OK, "" };

    ok(cull_delete(bench->store, &key, 1, &options, &caller, &err), &err);
}

cull_gc_result bench_collect(struct bench_store *bench)
{
    const cull_caller caller = bench_caller(bench);
    const cull_gc_options options = { .now_ms = bench->now_ms,
                                      .verify_full = true,
                                      .allow_empty_store = true };
    cull_plan *plan = NULL;
    cull_gc_result result;
    cull_error err = { CULL_OK, "" };

    ok(cull_gc_plan(&plan, bench->store, &options, &err), &err);
    ok(cull_gc_execute(bench->store, plan, &options, &caller, &result, &err), &err);
    cull_plan_free(plan);
    return result;
}

struct text_sink {
    char *text;
    size_t len;
    size_t max;
};

static cull_status write_text(void *ctx, const void *data, size_t len, cull_error *err)
{
    struct text_sink *sink = ctx;

    (void)err;
    ck_assert_uint_lt(sink->len + len, sink->max);
    memcpy(sink->text + sink->len, data, len);
    sink->len += len;
    sink->text[sink->len] = '\0';
    return CULL_OK;
}

const char *bench_text(struct bench_store *bench, const char *collection, uint32_t ordinal)
{
    static char text[4096];
    struct text_sink sink = { text, 0, sizeof text };
    const cull_version_key key = bench_key(bench, collection, ordinal);
    cull_manifest *manifest = NULL;
    cull_error err = { CULL_OK, "" };

    text[0] = '\0';
    ok(cull_version_manifest(bench->store, &key, &manifest, &err), &err);
    for (size_t i = 0; i < cull_manifest_count(manifest); i++) {
        cull_entry entry;

        cull_manifest_at(manifest, i, &entry);
        sink.len += (size_t)snprintf(text + sink.len, sizeof text - sink.len,
                                     "%s%s=", i == 0 ? "" : " ", entry.path);
        ok(cull_blob_read(bench->store, &entry.digest, write_text, &sink, &err), &err);
    }
    cull_manifest_free(manifest);
    return text;
}

static void note_finding(void *ctx, const cull_finding *finding)
{
    char *line = ctx;

    if (finding->is_problem) {
        (void)snprintf(line, 512, "%s", finding->message);
    }
}

void bench_check(struct bench_store *bench)
{
    const cull_caller caller = bench_caller(bench);
    const cull_fsck_options options = { .read_data = true };
    cull_fsck_result result;
    cull_error err = { CULL_OK, "" };
    char line[512] = "";
    cull_status status =
        cull_fsck(bench->store, &options, &caller, note_finding, line, &result, &err);

    ck_assert_msg(status == CULL_OK, "fsck: %s: %s", err.message, line);
}

static cull_status drop_bytes(void *ctx, const void *data, size_t len, cull_error *err)
{
    (void)ctx;
    (void)data;
    (void)len;
    (void)err;
    return CULL_OK;
}

bool bench_has_object(struct bench_store *bench, const char *content)
{
    const cull_object_id id = { bench_digest(bench, content), 0 };

    return bench->objects->ops->read(bench->objects, &id, drop_bytes, NULL, NULL) == CULL_OK;
}
