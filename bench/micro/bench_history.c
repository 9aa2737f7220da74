/*
 * bench_history.c - what does the life of a version cost, through the public interface?
 *
 * The store is an index alone on a log in memory, so that no disk is measured: commit_full names
 * all entries of a manifest of which one in a hundred is new, commit_patch the new ones alone on the
 * version before, delete_collect deletes every second version of ten and runs the cycle that
 * purges them. manifest_encode and manifest_decode are the stored form of a full manifest, and of
 * a patch of one in a hundred.
 */
#include "harness.h"

#include "cull/gc.h"
#include "manifest/manifest_internal.h"
#include "shared/bench_base.h"

#define NOW_MS UINT64_C(1700000000000)
#define PATH_BYTES 40
#define CHANGE_EVERY 100
#define VERSIONS 10

static const cull_name name = { "bench", "made", "c", "" };

struct place {
    cull_log *log;
    cull_store *store;
    uint32_t entries;
    uint32_t version;     /* the next one's ordinal */
    uint64_t *values;     /* what each file holds */
    cull_blob_ref *blobs; /* room for all */
    cull_put_answer *answers;
};

static cull_caller caller(void)
{
    return (cull_caller){ .now_ms = NOW_MS, .actor = "bench" };
}

static void place_init(struct place *place, uint32_t entries)
{
    const cull_store_settings settings = { .digest = CULL_DIGEST_MD5,
                                           .index_only = true,
                                           .grace_is_zero = true,
                                           .seed = 7,
                                           .late_deletes = CULL_LATE_IMPOSSIBLE,
                                           .hosting = "local" };
    const cull_caller by = caller();
    cull_store_options options = { 0 };

    *place = (struct place){ .entries = entries };
    must_ok(cull_log_memory_new(&place->log, NULL));
    must_ok(cull_store_create(place->log, &settings, &by, NULL));
    options.log = place->log;
    must_ok(cull_store_open(&place->store, &options, NULL));
    place->values = must(calloc(entries, sizeof(*place->values)));
    place->blobs = must(malloc(entries * sizeof(*place->blobs)));
    place->answers = must(malloc(entries * sizeof(*place->answers)));
    for (uint32_t i = 0; i < entries; i++) {
        place->values[i] = i;
    }
}

static void place_release(struct place *place)
{
    cull_store_close(place->store);
    cull_log_close(place->log);
    free(place->values);
    free(place->blobs);
    free(place->answers);
}

static cull_entry entry_of(char path[PATH_BYTES], const struct place *place, uint32_t file)
{
    int len = snprintf(path, PATH_BYTES, "train/%04u/img_%08u.png", file / 1000, file);

    return (cull_entry){ .path = path,
                         .path_len = (uint32_t)len,
                         .kind = CULL_ENTRY_BLOB,
                         .digest = bench_digest(place->values[file]),
                         .size_bytes = 1000 };
}

static cull_manifest *manifest_of(const struct place *place)
{
    cull_manifest *manifest = NULL;
    char path[PATH_BYTES];

    must_ok(cull_manifest_new(&manifest, CULL_DIGEST_MD5, NULL));
    for (uint32_t i = 0; i < place->entries; i++) {
        const cull_entry entry = entry_of(path, place, i);

        must_ok(cull_manifest_add(manifest, &entry, NULL));
    }
    must_ok(cull_manifest_seal(manifest, NULL));
    return manifest;
}

/* One file in a hundred changes; those that do, as edits and as blobs to be named. */
static cull_manifest_patch *change(struct place *place, size_t *blob_count)
{
    cull_manifest_patch *patch = NULL;
    char path[PATH_BYTES];

    *blob_count = 0;
    must_ok(cull_manifest_patch_new(&patch, CULL_DIGEST_MD5, NULL));
    for (uint32_t i = place->version % CHANGE_EVERY; i < place->entries; i += CHANGE_EVERY) {
        cull_entry entry;

        place->values[i] += UINT32_MAX;
        entry = entry_of(path, place, i);
        must_ok(cull_manifest_patch_put(patch, &entry, NULL));
        place->blobs[(*blob_count)++] = (cull_blob_ref){ entry.digest, entry.size_bytes };
    }
    must_ok(cull_manifest_patch_seal(patch, NULL));
    return patch;
}

/* A version: of a manifest, whose entries are all named, or of a patch, whose blobs are. */
static void commit(struct place *place, const cull_manifest *manifest,
                   const cull_manifest_patch *patch, size_t blob_count)
{
    const cull_caller by = caller();
    const cull_upload_options open = { .collection = &name,
                                       .has_base = patch != NULL,
                                       .base = patch != NULL ? place->version - 1 : 0 };
    const cull_commit_options how = { .manifest = manifest, .patch = patch };
    cull_commit_result result;
    cull_upload *upload = NULL;

    for (uint32_t i = 0; manifest != NULL && i < place->entries; i++) {
        place->blobs[i] = (cull_blob_ref){ bench_digest(place->values[i]), 1000 };
    }
    must_ok(cull_upload_open(&upload, place->store, &open, &by, NULL));
    must_ok(cull_upload_put(upload, place->blobs, blob_count, place->answers, &by, NULL));
    must_ok(cull_upload_commit(upload, &how, NULL, NULL, &result, &by, NULL));
    cull_upload_free(upload);
    place->version++;
}

static void commit_first(struct place *place)
{
    cull_manifest *manifest = manifest_of(place);

    commit(place, manifest, NULL, place->entries);
    cull_manifest_free(manifest);
}

void bench_commit_full(struct bench *bench)
{
    struct place place;
    size_t changed;

    place_init(&place, (uint32_t)bench_size(bench, 0));
    commit_first(&place);
    while (bench_next(bench)) {
        cull_manifest *manifest;

        bench_pause(bench);
        cull_manifest_patch_free(change(&place, &changed));
        manifest = manifest_of(&place);
        bench_resume(bench);
        commit(&place, manifest, NULL, place.entries);
        bench_pause(bench);
        cull_manifest_free(manifest);
        bench_resume(bench);
    }
    bench_items(bench, place.entries);
    place_release(&place);
}

void bench_commit_patch(struct bench *bench)
{
    struct place place;
    size_t changed = 0;

    place_init(&place, (uint32_t)bench_size(bench, 0));
    commit_first(&place);
    while (bench_next(bench)) {
        cull_manifest_patch *patch;

        bench_pause(bench);
        patch = change(&place, &changed);
        bench_resume(bench);
        commit(&place, NULL, patch, changed);
        bench_pause(bench);
        cull_manifest_patch_free(patch);
        bench_resume(bench);
    }
    bench_items(bench, changed);
    place_release(&place);
}

static cull_status forget(void *ctx, const cull_blob_ref *blob)
{
    uint64_t *count = ctx;

    (void)blob;
    (*count)++;
    return CULL_OK;
}

/* Delete every second version but the newest, and let a cycle purge them and list what is free. */
static uint64_t delete_and_collect(struct place *place)
{
    const cull_caller by = caller();
    const cull_gc_options options = { .now_ms = NOW_MS };
    const cull_delete_options how = { .delete_aliases = true };
    cull_version_key keys[VERSIONS / 2];
    cull_gc_result result;
    cull_plan *plan = NULL;
    uint64_t freed = 0;

    for (uint32_t i = 0; i < VERSIONS / 2; i++) {
        char version[16];
        cull_name of = name;

        (void)snprintf(version, sizeof(version), "v%u", 2 * i);
        memcpy(of.version, version, sizeof(version));
        must_ok(cull_version_find(place->store, &of, &keys[i], NULL));
    }
    must_ok(cull_delete(place->store, keys, VERSIONS / 2, &how, &by, NULL));
    must_ok(cull_gc_plan(&plan, place->store, &options, NULL));
    must_ok(cull_gc_list(place->store, plan, &options, &by, forget, &freed, &result, NULL));
    cull_plan_free(plan);
    return freed;
}

void bench_delete_collect(struct bench *bench)
{
    uint32_t entries = (uint32_t)bench_size(bench, 0);
    uint64_t freed = 0;

    while (bench_next(bench)) {
        struct place place;

        bench_pause(bench);
        place_init(&place, entries);
        commit_first(&place);
        for (uint32_t i = 1; i < VERSIONS; i++) {
            size_t changed;
            cull_manifest_patch *patch = change(&place, &changed);

            commit(&place, NULL, patch, changed);
            cull_manifest_patch_free(patch);
        }
        bench_resume(bench);
        freed = delete_and_collect(&place);
        bench_pause(bench);
        place_release(&place);
        bench_resume(bench);
    }
    if (freed == 0) {
        bench_fail(bench, "nothing was free to go");
    }
    bench_items(bench, freed);
}

/* --- the stored form ---------------------------------------------------------------------------- */

/* A manifest and the one before it. */
static void two_manifests(struct place *place, cull_manifest *two[2], int64_t entries)
{
    size_t changed;

    place_init(place, (uint32_t)entries);
    two[0] = manifest_of(place);
    cull_manifest_patch_free(change(place, &changed));
    two[1] = manifest_of(place);
}

static void encode(struct bench *bench, bool is_patch)
{
    struct cull__buf out = CULL__BUF_INIT(cull_allocator_default());
    cull_manifest *two[2];
    struct place place;

    two_manifests(&place, two, bench_size(bench, 0));
    while (bench_next(bench)) {
        cull__buf_clear(&out);
        must_ok(cull__manifest_encode(&out, is_patch ? two[0] : NULL, two[1], NULL));
    }
    bench_items(bench, place.entries);
    bench_counter(bench, "bytes_an_entry", (double)out.len / place.entries);
    cull__buf_release(&out);
    cull_manifest_free(two[0]);
    cull_manifest_free(two[1]);
    place_release(&place);
}

static void decode(struct bench *bench, bool is_patch)
{
    struct cull__buf out = CULL__BUF_INIT(cull_allocator_default());
    cull_manifest *two[2];
    struct place place;

    two_manifests(&place, two, bench_size(bench, 0));
    must_ok(cull__manifest_encode(&out, is_patch ? two[0] : NULL, two[1], NULL));
    while (bench_next(bench)) {
        cull_manifest *manifest = NULL;

        must_ok(cull__manifest_decode(&manifest, is_patch ? two[0] : NULL, out.data, out.len,
                                      cull_allocator_default(), NULL));
        bench_keep(cull_manifest_count(manifest));
        bench_pause(bench);
        cull_manifest_free(manifest);
        bench_resume(bench);
    }
    bench_items(bench, place.entries);
    cull__buf_release(&out);
    cull_manifest_free(two[0]);
    cull_manifest_free(two[1]);
    place_release(&place);
}

void bench_manifest_encode(struct bench *bench)
{
    encode(bench, false);
}

void bench_manifest_encode_patch(struct bench *bench)
{
    encode(bench, true);
}

void bench_manifest_decode(struct bench *bench)
{
    decode(bench, false);
}

void bench_manifest_decode_patch(struct bench *bench)
{
    decode(bench, true);
}
