/*
 * bench_manifest.c - how much of the JSON parser's own speed is left when entries are kept?
 *
 * The parser alone runs with a handler for each event that does nothing; reading a manifest adds
 * the checks of paths, digests and sizes, memory for all entries, and the order. The ratio takes
 * both in turns, in one run, best of five.
 *
 * Found (two cores busy with other work, GCC 12 -O2, a million entries of 126 bytes): yajl 0.24 to
 * 0.44 s, reading 0.92 to 1.1 of its speed; every entry through the parser: 0.47.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <string.h>

#include <yajl/yajl_parse.h>

#include "base/buf.h"
#include "harness.h"
#include "manifest/manifest_internal.h"
#include "shared/bench_base.h"

#define PIECE_BYTES ((size_t)64 * 1024)

struct text {
    const uint8_t *at;
    size_t left;
};

static struct cull__buf make_json(struct bench *bench)
{
    struct cull__buf json = CULL__BUF_INIT(cull_allocator_default());
    int64_t entries = bench_size(bench, 0);
    static const char head[] = "{\"version\": 1, \"storagePolicy\": \"wandb-storage-policy-v1\", "
                               "\"storagePolicyConfig\": {\"storageLayout\": \"V2\"}, "
                               "\"contents\": {";

    cull__buf_put(&json, head, sizeof head - 1);
    for (int64_t i = 0; i < entries; i++) {
        uint64_t mixed = (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15);
        cull_digest digest = { { 0 } };
        char base64[CULL_DIGEST_BASE64_MAX];
        char line[256];
        int len;

        memcpy(digest.bytes, &mixed, sizeof mixed);
        memcpy(digest.bytes + 8, &i, sizeof i);
        cull_digest_to_base64(base64, &digest, CULL_DIGEST_MD5);
        len = snprintf(line, sizeof line,
                       "%s\"train/%04lld/img_%08lld.png\": {\"digest\": \"%s\", "
                       "\"birthArtifactID\": \"QXJ0aWZhY3Q6NDYz\", \"size\": %lld}",
                       i == 0 ? "" : ", ", (long long)(i / 1000), (long long)i, base64,
                       (long long)(1000 + i));
        cull__buf_put(&json, line, (size_t)len);
    }
    cull__buf_put(&json, "}}", 2);
    if (json.failed) {
        abort();
    }
    return json;
}

/* --- the parser alone ---------------------------------------------------------------------- */

static int none(void *ctx)
{
    (void)ctx;
    return 1;
}

static int none_boolean(void *ctx, int value)
{
    (void)ctx;
    (void)value;
    return 1;
}

static int none_number(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    (void)text;
    (void)len;
    return 1;
}

static int none_string(void *ctx, const unsigned char *text, size_t len)
{
    (void)ctx;
    (void)text;
    (void)len;
    return 1;
}

static void parse_alone(const struct cull__buf *json)
{
    static const yajl_callbacks callbacks = {
        none, none_boolean, NULL, NULL, none_number, none_string,
        none, none_string,  none, none, none,
    };
    yajl_handle yajl = yajl_alloc(&callbacks, NULL, NULL);
    yajl_status status = yajl_status_ok;

    for (size_t at = 0; at < json->len && status == yajl_status_ok; at += PIECE_BYTES) {
        size_t left = json->len - at;

        status = yajl_parse(yajl, json->data + at, left < PIECE_BYTES ? left : PIECE_BYTES);
    }
    if (status != yajl_status_ok || yajl_complete_parse(yajl) != yajl_status_ok) {
        abort();
    }
    yajl_free(yajl);
}

/* --- the reader ---------------------------------------------------------------------------- */

static cull_status give(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    struct text *text = ctx;

    (void)err;
    *got = text->left < len ? text->left : len;
    memcpy(data, text->at, *got);
    text->at += *got;
    text->left -= *got;
    return CULL_OK;
}

/* A file without a name, as the command opens them. */
static cull_status open_scratch(void *ctx, int *fd, cull_error *err)
{
    char path[] = "/tmp/cull-bench-XXXXXX";

    (void)ctx;
    (void)err;
    *fd = mkstemp(path);
    if (*fd < 0) {
        abort();
    }
    (void)unlink(path);
    return CULL_OK;
}

static const cull_scratch scratch_files = { open_scratch, NULL, 0 };

static cull_manifest *read_json(const struct cull__buf *json, bool plain,
                                const cull_scratch *scratch)
{
    struct text text = { json->data, json->len };
    cull_manifest *manifest = NULL;

    if (cull__manifest_read_json(&manifest, CULL_DIGEST_MD5, "bench", give, &text, plain, scratch,
                                 cull_allocator_default(), NULL) != CULL_OK) {
        abort();
    }
    return manifest;
}

static void run_read(struct bench *bench, bool plain)
{
    struct cull__buf json = make_json(bench);

    while (bench_next(bench)) {
        cull_manifest *manifest = read_json(&json, plain, NULL);

        bench_keep(cull_manifest_count(manifest));
        bench_pause(bench);
        cull_manifest_free(manifest);
        bench_resume(bench);
    }
    bench_items(bench, (uint64_t)bench_size(bench, 0));
    bench_counter(bench, "json_bytes", (double)json.len);
    cull__buf_release(&json);
}

void bench_manifest_yajl(struct bench *bench)
{
    struct cull__buf json = make_json(bench);

    while (bench_next(bench)) {
        parse_alone(&json);
    }
    bench_items(bench, (uint64_t)bench_size(bench, 0));
    bench_counter(bench, "json_bytes", (double)json.len);
    cull__buf_release(&json);
}

void bench_manifest_read(struct bench *bench)
{
    run_read(bench, true);
}

void bench_manifest_read_parser(struct bench *bench)
{
    run_read(bench, false);
}

static void run_ratio(struct bench *bench, const cull_scratch *scratch)
{
    struct cull__buf json = make_json(bench);
    double alone = 1e9;
    double reading = 1e9;

    while (bench_next(bench)) {
        for (int turn = 0; turn < 5; turn++) {
            double start = bench_now();
            cull_manifest *manifest;
            double seconds;

            parse_alone(&json);
            seconds = bench_now() - start;
            alone = seconds < alone ? seconds : alone;
            start = bench_now();
            manifest = read_json(&json, true, scratch);
            seconds = bench_now() - start;
            reading = seconds < reading ? seconds : reading;
            cull_manifest_free(manifest);
        }
    }
    bench_counter(bench, "of_yajl", alone / reading);
    bench_counter(bench, "yajl_MB_s", (double)json.len / alone / 1e6);
    bench_counter(bench, "read_MB_s", (double)json.len / reading / 1e6);
    cull__buf_release(&json);
}

void bench_manifest_ratio(struct bench *bench)
{
    run_ratio(bench, NULL);
}

void bench_manifest_ratio_scratch(struct bench *bench)
{
    run_ratio(bench, &scratch_files);
}
