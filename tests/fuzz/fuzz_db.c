/*
 * fuzz_db.c - a cull.db with flipped bits: the input is a list of edits, each an offset (3 bytes,
 * little-endian, modulo the file's length) and what is exclusive-ored there (1 byte; 0: the file ends
 * here). The database is made by this file, always the same way: versions in the log alone, versions
 * in a checkpoint, one that is soft-deleted, names, aliases, tags.
 *
 * PROPERTIES  Whatever is asked of it (listing, manifests, content, a plan, fsck) says that something
 *             is wrong, or gives what the whole database gives. fsck says so if anything else does.
 */
#include "fuzz.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cull/cull.h"
#include "manifest/manifest_internal.h"

#define EDITS_MAX 32
#define NOW_MS 2000000

/* --- the whole database ---------------------------------------------------------------------- */

static struct {
    char dir[64];
    char db[96];
    char lock[96];
    cull_objects *objects;
    uint8_t *bytes;
    size_t len;
    struct cull__buf listing; /* what is said of it */
    struct cull__buf content;
    struct cull__buf plan;
} whole;

static void must(cull_status status, const cull_error *err)
{
    FUZZ_CHECK(status == CULL_OK, err->message);
}

static cull_caller at(uint64_t now_ms)
{
    return (cull_caller){ .now_ms = now_ms, .actor = "fuzz" };
}

static cull_status open_at(cull_log **log, cull_store **store, bool create, cull_error *err)
{
    const cull_log_sqlite_options log_options = { .path = whole.db,
                                                  .lock_path = whole.lock,
                                                  .create = create };
    cull_store_options options = { .objects = whole.objects };
    cull_status status = cull_log_sqlite_open(log, &log_options, err);

    *store = NULL;
    options.log = *log;
    if (status == CULL_OK && create) {
        const cull_store_settings settings = { .digest = CULL_DIGEST_XXH128,
                                               .seed = 5,
                                               .grace_ms = 1000,
                                               .late_deletes = CULL_LATE_IMPOSSIBLE };
        const cull_caller caller = at(1000);

        status = cull_store_create(*log, &settings, &caller, err);
    }
    return status == CULL_OK ? cull_store_open(store, &options, err) : status;
}

struct text_source {
    const char *text;
    size_t left;
};

static cull_status give(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    struct text_source *source = ctx;

    (void)err;
    *got = source->left < len ? source->left : len;
    memcpy(data, source->text, *got);
    source->text += *got;
    source->left -= *got;
    return CULL_OK;
}

/* One version of two files: "same", and one of the version's own. */
static void put_version(cull_store *store, const char *collection, const char *own, uint64_t now_ms)
{
    const char *const contents[2] = { "the same", own };
    const char *const paths[2] = { "same", "sub/own" };
    const char *const aliases[1] = { "best" };
    const char *const tags[1] = { "tag" };
    cull_name name = { "e", "p", "", "" };
    const cull_upload_options open = { .collection = &name, .run = "run" };
    cull_commit_options commit = { .aliases = aliases,
                                   .alias_count = 1,
                                   .tags = tags,
                                   .tag_count = 1,
                                   .description = "text",
                                   .metadata = "{}" };
    const cull_caller caller = at(now_ms);
    cull_commit_result result;
    cull_upload *upload = NULL;
    cull_manifest *manifest = NULL;
    cull_error err = { CULL_OK, "" };

    (void)strcpy(name.collection, collection);
    must(cull_upload_open(&upload, store, &open, &caller, &err), &err);
    must(cull_manifest_new(&manifest, CULL_DIGEST_XXH128, NULL), &err);
    for (int i = 0; i < 2; i++) {
        struct text_source text = { contents[i], strlen(contents[i]) };
        const cull_source source = { -1, give, &text, 100 };
        cull_entry entry = { .path = paths[i],
                             .path_len = (uint32_t)strlen(paths[i]),
                             .kind = CULL_ENTRY_BLOB,
                             .size_bytes = strlen(contents[i]) };
        cull_put_answer answer;
        cull_staged staged;
        cull_blob_ref blob;

        must(cull_stage(store, &source, &staged, &err), &err);
        blob = (cull_blob_ref){ staged.digest, staged.size_bytes };
        must(cull_upload_put(upload, &blob, 1, &answer, &caller, &err), &err);
        must(cull_upload_send(upload, &staged, 1, &caller, &err), &err);
        entry.digest = staged.digest;
        must(cull_manifest_add(manifest, &entry, &err), &err);
    }
    must(cull_manifest_seal(manifest, &err), &err);
    commit.manifest = manifest;
    must(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err), &err);
    cull_manifest_free(manifest);
    cull_upload_free(upload);
}

static void delete_version(cull_store *store, const char *collection, const char *version,
                           uint64_t now_ms)
{
    const cull_delete_options options = { .delete_aliases = true };
    const cull_caller caller = at(now_ms);
    cull_name name = { "e", "p", "", "" };
    cull_version_key key;
    cull_error err = { CULL_OK, "" };

    (void)strcpy(name.collection, collection);
    (void)strcpy(name.version, version);
    must(cull_version_find(store, &name, &key, &err), &err);
    must(cull_delete(store, &key, 1, &options, &caller, &err), &err);
}

/* --- asking ---------------------------------------------------------------------------------- */

static cull_status visit_version(void *ctx, const cull_version_info *info)
{
    struct cull__buf *out = ctx;

    cull__buf_text(out, info->entity, strlen(info->entity));
    cull__buf_text(out, info->project, strlen(info->project));
    cull__buf_text(out, info->collection, strlen(info->collection));
    cull__buf_text(out, info->run, strlen(info->run));
    cull__buf_u32(out, info->key.ordinal);
    cull__buf_u64(out, info->key.collection);
    cull__buf_u8(out, (uint8_t)info->state);
    cull__buf_put(out, info->manifest_digest.bytes, 16);
    cull__buf_u64(out, info->entries);
    cull__buf_u64(out, info->size_bytes);
    cull__buf_u64(out, info->created_ms);
    cull__buf_u64(out, info->kept_until_ms);
    for (size_t i = 0; i < info->alias_count; i++) {
        cull__buf_text(out, info->aliases[i], strlen(info->aliases[i]));
    }
    for (size_t i = 0; i < info->tag_count; i++) {
        cull__buf_text(out, info->tags[i], strlen(info->tags[i]));
    }
    return CULL_OK;
}

static cull_status ask_listing(cull_store *store, struct cull__buf *out, cull_error *err)
{
    const cull_selection all = { .states = ~0u };

    return cull_select(store, &all, visit_version, out, err);
}

static cull_status append(void *ctx, const void *data, size_t len, cull_error *err)
{
    (void)err;
    cull__buf_put(ctx, data, len);
    return CULL_OK;
}

struct keys {
    cull_version_key at[32];
    size_t count;
};

static cull_status visit_key(void *ctx, const cull_version_info *info)
{
    struct keys *keys = ctx;

    if (info->state != CULL_VERSION_PURGED && keys->count < 32) {
        keys->at[keys->count++] = info->key;
    }
    return CULL_OK;
}

/* Every version's paths, digests and contents, and its notes. */
static cull_status ask_content(cull_store *store, struct cull__buf *out, cull_error *err)
{
    const cull_selection all = { .states = ~0u };
    struct keys keys = { .count = 0 };
    cull_status status = cull_select(store, &all, visit_key, &keys, err);

    for (size_t i = 0; i < keys.count && status == CULL_OK; i++) {
        cull_manifest *manifest = NULL;

        status = cull_version_manifest(store, &keys.at[i], &manifest, err);
        for (size_t k = 0; status == CULL_OK && k < cull_manifest_count(manifest); k++) {
            cull_entry entry;

            cull_manifest_at(manifest, k, &entry);
            cull__buf_text(out, entry.path, entry.path_len);
            status = cull_blob_read(store, &entry.digest, append, out, err);
        }
        cull_manifest_free(manifest);
        if (status == CULL_OK) {
            status = cull_version_notes(store, &keys.at[i], append, append, out, err);
        }
    }
    return status;
}

static cull_status ask_plan(cull_store *store, struct cull__buf *out, cull_error *err)
{
    const cull_gc_options options = { .now_ms = NOW_MS, .verify_full = true };
    cull_plan *plan = NULL;
    cull_plan_info info;
    cull_status status = cull_gc_plan(&plan, store, &options, err);

    if (status != CULL_OK) {
        return status;
    }
    cull_plan_get_info(plan, &info);
    cull__buf_u64(out, info.versions);
    for (size_t i = 0; i < info.listed; i++) {
        cull_blob_ref blob;

        cull_plan_blob(plan, i, &blob);
        cull__buf_put(out, blob.digest.bytes, 16);
        cull__buf_u64(out, blob.size_bytes);
    }
    cull_plan_free(plan);
    return CULL_OK;
}

static void no_finding(void *ctx, const cull_finding *finding)
{
    (void)ctx;
    FUZZ_CHECK(finding->message[0] != '\0', "a finding without words");
}

static cull_status ask_fsck(cull_store *store, cull_error *err)
{
    const cull_fsck_options options = { .read_data = true };
    const cull_caller caller = at(NOW_MS);
    cull_fsck_result result;

    return cull_fsck(store, &options, &caller, no_finding, NULL, &result, err);
}

/* --- making it ------------------------------------------------------------------------------- */

static void remove_files(void)
{
    char path[128];

    (void)unlink(whole.db);
    (void)unlink(whole.lock);
    (void)snprintf(path, sizeof path, "%s-wal", whole.db);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s-shm", whole.db);
    (void)unlink(path);
}

static void remove_all(void)
{
    remove_files();
    (void)rmdir(whole.dir);
}

static void read_whole(void)
{
    struct stat info;
    FILE *file = fopen(whole.db, "rb");

    FUZZ_CHECK(file != NULL && fstat(fileno(file), &info) == 0, whole.db);
    whole.len = (size_t)info.st_size;
    whole.bytes = malloc(whole.len);
    FUZZ_CHECK(whole.bytes != NULL && fread(whole.bytes, 1, whole.len, file) == whole.len,
               whole.db);
    (void)fclose(file);
}

static void make_whole(void)
{
    static const cull_objects_memory_options memory = { .digest = CULL_DIGEST_XXH128,
                                                        .late = CULL_LATE_IMPOSSIBLE };
    const cull_caller caller = at(5000);
    cull_log *log = NULL;
    cull_store *store = NULL;
    cull_error err = { CULL_OK, "" };

    (void)snprintf(whole.dir, sizeof whole.dir, "%s/cull-fuzz-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    FUZZ_CHECK(mkdtemp(whole.dir) != NULL, whole.dir);
    (void)snprintf(whole.db, sizeof whole.db, "%s/cull.db", whole.dir);
    (void)snprintf(whole.lock, sizeof whole.lock, "%s/lock", whole.dir);
    (void)atexit(remove_all);
    must(cull_objects_memory_new(&whole.objects, &memory, &err), &err);
    must(open_at(&log, &store, true, &err), &err);
    put_version(store, "a", "one", 2000);
    put_version(store, "a", "two", 3000);
    put_version(store, "b", "three", 4000);
    must(cull_store_maintain(store, true, &caller, &err), &err);
    put_version(store, "b", "four", 6000);
    delete_version(store, "a", "v0", 7000);
    must(cull_store_maintain(store, true, &caller, &err), &err); /* now the log is cut */
    put_version(store, "c", "five", 8000);
    delete_version(store, "b", "v0", 9000);
    whole.listing = whole.content = whole.plan =
        (struct cull__buf)CULL__BUF_INIT(cull_allocator_default());
    must(ask_listing(store, &whole.listing, &err), &err);
    must(ask_content(store, &whole.content, &err), &err);
    must(ask_plan(store, &whole.plan, &err), &err);
    must(ask_fsck(store, &err), &err);
    cull_store_close(store);
    cull_log_close(log);
    read_whole();
}

/* --- the damaged one -------------------------------------------------------------------------- */

static void write_damaged(const uint8_t *edits, size_t len)
{
    uint8_t *bytes = malloc(whole.len);
    size_t end = whole.len;
    FILE *file;

    FUZZ_CHECK(bytes != NULL, "no memory");
    memcpy(bytes, whole.bytes, whole.len);
    for (size_t i = 0; i + 4 <= len && i < (size_t)4 * EDITS_MAX; i += 4) {
        size_t offset =
            ((size_t)edits[i] | (size_t)edits[i + 1] << 8 | (size_t)edits[i + 2] << 16) % whole.len;

        bytes[offset] ^= edits[i + 3];
        end = edits[i + 3] == 0 ? offset : end;
    }
    remove_files();
    file = fopen(whole.db, "wb");
    FUZZ_CHECK(file != NULL && fwrite(bytes, 1, end, file) == end && fclose(file) == 0, whole.db);
    free(bytes);
}

/* What was asked either failed with a reason, or gave what the whole one gives. */
static void check_answer(cull_status status, const cull_error *err, struct cull__buf *answer,
                         const struct cull__buf *want, const char *what)
{
    if (status == CULL_OK) {
        FUZZ_CHECK(answer->len == want->len &&
                       (want->len == 0 || memcmp(answer->data, want->data, want->len) == 0),
                   what);
    } else {
        FUZZ_CHECK(status == CULL_E_CORRUPT || status == CULL_E_DAMAGED || status == CULL_E_IO ||
                       status == CULL_E_NOTFOUND || status == CULL_E_INVALID ||
                       status == CULL_E_TOO_NEW || status == CULL_E_REFUSED,
                   cull_strerror(status));
        FUZZ_CHECK(err->message[0] != '\0', "a failure without words");
    }
    cull__buf_release(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cull__buf answer = CULL__BUF_INIT(cull_allocator_default());
    cull_log *log = NULL;
    cull_store *store = NULL;
    cull_error err = { CULL_OK, "" };

    if (whole.bytes == NULL) {
        make_whole();
    }
    write_damaged(data, len);
    if (open_at(&log, &store, false, &err) == CULL_OK) {
        cull_status status = ask_listing(store, &answer, &err);
        bool wrong = status != CULL_OK;

        check_answer(status, &err, &answer, &whole.listing, "another listing");
        status = ask_content(store, &answer, &err);
        check_answer(status, &err, &answer, &whole.content, "another content");
        wrong = wrong || status != CULL_OK;
        status = ask_plan(store, &answer, &err);
        check_answer(status, &err, &answer, &whole.plan, "another plan");
        wrong = wrong || status != CULL_OK;
        status = ask_fsck(store, &err);
        check_answer(status, &err, &answer, &answer, "fsck");
        FUZZ_CHECK(!wrong || status != CULL_OK, "fsck found nothing");
    } else {
        FUZZ_CHECK(err.message[0] != '\0', "not opened, without a reason");
    }
    cull_store_close(store);
    cull_log_close(log);
    return 0;
}
