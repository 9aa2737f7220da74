/*
 * test_nth_failure.c - scenarios in which the n-th allocation, the n-th call to the object store, or
 * the n-th call of a directory to the system, fails: for n = 1, 2, ... until a run gets through.
 *
 * After each failure the status says what failed, the handle's structures are valid and its figures
 * agree, nothing that stood before is lost; the same handle then does the same again without one;
 * fsck finds nothing, and a cycle leaves no garbage. At the end every block is freed.
 */
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_internal.h"
#include "store_support.h"
#include "support.h"
#include "tests/fault/crash_nth.h"

#define KEPT "k=1 l=3"
#define FIRST "a=1 b=2"
#define SECOND "a=1 c=4"
#define GRACE_MS 1000
#define N_MAX 5000

/* --- what is done -------------------------------------------------------------------------- */

typedef cull_status (*nth_fn)(struct bench_store *bench, cull_error *err);

static cull_status put_version(struct bench_store *bench, const char *text, bool on_base,
                               cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    const char *const labels[] = { "prod" };
    cull_name name = { "e", "p", "c", "" };
    cull_upload_options open = { .collection = &name, .run = "run", .has_base = on_base };
    cull_manifest *manifest = bench_manifest(bench, text);
    cull_commit_options commit = { .manifest = manifest,
                                   .aliases = labels,
                                   .alias_count = 1,
                                   .tags = labels,
                                   .tag_count = 1,
                                   .description = "words" };
    cull_commit_result result;
    cull_upload *upload = NULL;
    cull_status status = cull_upload_open(&upload, bench->store, &open, &caller, err);

    status = status == CULL_OK ? bench_put(bench, upload, text, err) : status;
    status = status == CULL_OK ? cull_upload_renew(upload, &caller, err) : status;
    status = status == CULL_OK
                 ? cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, err)
                 : status;
    cull_upload_free(upload);
    cull_manifest_free(manifest);
    return status;
}

static cull_status upload(struct bench_store *bench, cull_error *err)
{
    return put_version(bench, SECOND, false, err);
}

static cull_status upload_on_base(struct bench_store *bench, cull_error *err)
{
    return put_version(bench, SECOND, true, err);
}

/* The base's "b" goes, "c" comes. */
static cull_status patch(struct bench_store *bench, cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    cull_name name = { "e", "p", "c", "" };
    cull_upload_options open = { .collection = &name, .has_base = true };
    const cull_entry added = { .path = "c",
                               .path_len = 1,
                               .kind = CULL_ENTRY_BLOB,
                               .digest = bench_digest(bench, "4"),
                               .size_bytes = 1 };
    cull_manifest_patch *edits = NULL;
    cull_commit_options commit = { 0 };
    cull_commit_result result;
    cull_upload *handle = NULL;
    cull_status status = cull_manifest_patch_new(&edits, bench->digest, NULL);

    ck_assert_int_eq(status, CULL_OK);
    ck_assert_int_eq(cull_manifest_patch_remove(edits, "b", NULL), CULL_OK);
    ck_assert_int_eq(cull_manifest_patch_put(edits, &added, NULL), CULL_OK);
    ck_assert_int_eq(cull_manifest_patch_seal(edits, NULL), CULL_OK);
    commit.patch = edits;
    status = cull_upload_open(&handle, bench->store, &open, &caller, err);
    status = status == CULL_OK ? bench_put(bench, handle, "c=4", err) : status;
    status = status == CULL_OK
                 ? cull_upload_commit(handle, &commit, NULL, NULL, &result, &caller, err)
                 : status;
    cull_upload_free(handle);
    cull_manifest_patch_free(edits);
    return status;
}

static cull_status abort_upload(struct bench_store *bench, cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    cull_name name = { "e", "p", "c", "" };
    const cull_upload_options open = { .collection = &name };
    cull_upload *handle = NULL;
    cull_status status = cull_upload_open(&handle, bench->store, &open, &caller, err);

    status = status == CULL_OK ? bench_put(bench, handle, "x=7 y=8", err) : status;
    status = status == CULL_OK ? cull_upload_abort(handle, &caller, err) : status;
    cull_upload_free(handle);
    return status;
}

static cull_status find(struct bench_store *bench, const char *version, cull_version_key *key,
                        cull_error *err)
{
    cull_name name = { "e", "p", "c", "" };

    (void)strcpy(name.version, version);
    return cull_version_find(bench->store, &name, key, err);
}

static cull_status label(struct bench_store *bench, cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    cull_version_key key;
    cull_status status = find(bench, "v0", &key, err);

    status = status == CULL_OK ? cull_alias_set(bench->store, &key, "best", &caller, err) : status;
    status = status == CULL_OK ? cull_tag_set(bench->store, &key, "t", true, &caller, err) : status;
    status = status == CULL_OK
                 ? cull_alias_remove(bench->store, key.collection, "best", &caller, err)
                 : status;
    return status;
}

static cull_status ignore_version(void *ctx, const cull_version_info *info)
{
    (void)ctx;
    (void)info;
    return CULL_OK;
}

static cull_status delete_one(struct bench_store *bench, cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    const cull_delete_options options = { .delete_aliases = true };
    cull_version_key key;
    cull_status status = find(bench, "v0", &key, err);

    return status == CULL_OK ? cull_delete(bench->store, &key, 1, &options, &caller, err) : status;
}

static cull_status delete_selected(struct bench_store *bench, cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    const cull_delete_options options = { .delete_aliases = true };
    const cull_selection selection = { .collection = "c", .keep_every = 5 };

    return cull_delete_selected(bench->store, &selection, &options, ignore_version, NULL, &caller,
                                err);
}

static cull_status delete_collection(struct bench_store *bench, cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    const cull_scope scope = { CULL_SCOPE_COLLECTION, "e", "p", "c", NULL, { 0, 0 } };

    return cull_delete_scope(bench->store, &scope, false, false, NULL, NULL, &caller, err);
}

static cull_status note_key(void *ctx, const cull_version_info *info)
{
    *(cull_version_key *)ctx = info->key;
    return CULL_OK;
}

static cull_status restore(struct bench_store *bench, cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    const cull_selection deleted = { .states = 1u << CULL_VERSION_DELETED };
    cull_version_key key = { 0, 0 };
    cull_status status = cull_select(bench->store, &deleted, note_key, &key, err);

    return status == CULL_OK ? cull_restore(bench->store, &key, 1, NULL, &caller, err) : status;
}

static cull_status plan(struct bench_store *bench, cull_error *err)
{
    const cull_gc_options options = { .now_ms = bench->now_ms, .verify_full = true };
    cull_plan *made = NULL;
    cull_status status = cull_gc_plan(&made, bench->store, &options, err);

    cull_plan_free(made);
    return status;
}

static cull_status collect(struct bench_store *bench, cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    const cull_gc_options options = { .now_ms = bench->now_ms, .verify_full = true };
    cull_plan *made = NULL;
    cull_gc_result result;
    cull_status status = cull_gc_plan(&made, bench->store, &options, err);

    status = status == CULL_OK
                 ? cull_gc_execute(bench->store, made, &options, &caller, &result, err)
                 : status;
    cull_plan_free(made);
    return status;
}

static cull_status finish(struct bench_store *bench, cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    uint64_t finished = 0;

    return cull_gc_finish(bench->store, &caller, &finished, err);
}

static cull_status check_all(struct bench_store *bench, cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    const cull_fsck_options options = { .read_data = true };
    cull_fsck_result result;

    return cull_fsck(bench->store, &options, &caller, NULL, NULL, &result, err);
}

static cull_status repair(struct bench_store *bench, cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    const cull_fsck_options options = { .read_data = true, .repair = true };
    cull_fsck_result result;

    return cull_fsck(bench->store, &options, &caller, NULL, NULL, &result, err);
}

static cull_status maintain(struct bench_store *bench, cull_error *err)
{
    const cull_caller caller = bench_caller(bench);

    return cull_store_maintain(bench->store, true, &caller, err);
}

static cull_status ignore_path(void *ctx, const cull_version_info *info, const char *path)
{
    (void)ctx;
    (void)info;
    (void)path;
    return CULL_OK;
}

static cull_status ignore_bytes(void *ctx, const void *data, size_t len, cull_error *err)
{
    (void)ctx;
    (void)data;
    (void)len;
    (void)err;
    return CULL_OK;
}

/* Everything that only looks. */
static cull_status look(struct bench_store *bench, cull_error *err)
{
    const cull_selection all = { .states = ~0u };
    const cull_scope whole = { .kind = CULL_SCOPE_STORE };
    const cull_digest digest = bench_digest(bench, "1");
    cull_manifest *manifest = NULL;
    cull_version_key key;
    cull_blob_info blob;
    cull_usage usage;
    uint64_t size_bytes;
    cull_status status = cull_select(bench->store, &all, ignore_version, NULL, err);

    status = status == CULL_OK ? find(bench, "v0", &key, err) : status;
    status = status == CULL_OK ? cull_version_manifest(bench->store, &key, &manifest, err) : status;
    cull_manifest_free(manifest);
    status = status == CULL_OK
                 ? cull_version_notes(bench->store, &key, ignore_bytes, ignore_bytes, NULL, err)
                 : status;
    status =
        status == CULL_OK ? cull_why(bench->store, &digest, &blob, ignore_path, NULL, err) : status;
    status =
        status == CULL_OK ? cull_blob_sizes(bench->store, &digest, 1, &size_bytes, err) : status;
    ck_assert(status != CULL_OK || size_bytes == 1);
    status = status == CULL_OK ? cull_usage_of(bench->store, &whole, bench->now_ms, &usage, err)
                               : status;
    return status == CULL_OK ? cull_blob_read(bench->store, &digest, ignore_bytes, NULL, err)
                             : status;
}

/* Another handle on the same log, which reads everything. */
static cull_status load(struct bench_store *bench, cull_error *err)
{
    struct bench_store other = *bench;
    const cull_store_options options = { .log = bench->log,
                                         .objects = bench->objects,
                                         .allocator = bench->allocator };
    cull_status status = cull_store_open(&other.store, &options, err);

    status = status == CULL_OK ? look(&other, err) : status;
    status = status == CULL_OK ? plan(&other, err) : status;
    cull_store_close(other.store); /* NULL if it was not opened */
    return status;
}

/* --- what was before ------------------------------------------------------------------------- */

static void with_versions(struct bench_store *bench)
{
    cull_error err = { CULL_OK, "" };

    ck_assert_msg(put_version(bench, FIRST, false, &err) == CULL_OK, "%s", err.message);
}

static void with_deleted(struct bench_store *bench)
{
    with_versions(bench);
    bench_commit(bench, "c", "a=9");
    bench_delete(bench, "c", 0);
}

static void with_due(struct bench_store *bench)
{
    with_deleted(bench);
    bench->now_ms += GRACE_MS;
}

static void with_checkpoint(struct bench_store *bench)
{
    cull_error err = { CULL_OK, "" };

    with_versions(bench);
    ck_assert_int_eq(maintain(bench, &err), CULL_OK);
    bench_commit(bench, "c", "a=9");
    ck_assert_int_eq(maintain(bench, &err), CULL_OK);
    bench_commit(bench, "c", "a=10");
}

/* An upload whose lease is over, which whoever comes next must say first. */
static void with_expired(struct bench_store *bench)
{
    cull_upload *handle;
    cull_error err = { CULL_OK, "" };

    with_versions(bench);
    handle = bench_upload(bench, "c", 0);
    ck_assert_int_eq(bench_put(bench, handle, "z=77", &err), CULL_OK);
    cull_upload_free(handle);
    bench->now_ms += 2 * 3600000;
}

static const char *objects_dir; /* of an object store on the disk; NULL: in memory */

/* The object's file. */
static const char *object_file(const struct bench_store *bench, const cull_digest *digest)
{
    static char path[4096];
    char hex[CULL_DIGEST_HEX_MAX];

    cull_digest_to_hex(hex, digest, bench->digest);
    (void)snprintf(path, sizeof path, "%s/objects/%.2s/%s", objects_dir, hex, hex);
    return path;
}

/* Put other bytes of the same length where an object is. */
static void corrupt(struct bench_store *bench, const cull_object_id *id)
{
    const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
    FILE *file;

    if (objects_dir == NULL) {
        ck_assert_int_eq(cull_objects_memory_corrupt(bench->objects, id), CULL_OK);
        return;
    }
    (void)chmod(object_file(bench, &id->digest), 0644);
    file = fopen(object_file(bench, &id->digest), "r+");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ne(fputc('!', file), EOF);
    (void)fclose(file);
    ck_assert_int_eq(utimensat(AT_FDCWD, object_file(bench, &id->digest), times, 0), 0);
}

/* A blob of "c" whose object is not what it says, and an old orphan. */
static void with_damage(struct bench_store *bench)
{
    struct cull_object_id id = { bench_digest(bench, "2"), 0 };
    cull_staged staged;
    cull_error err = { CULL_OK, "" };
    FILE *file = tmpfile();

    with_versions(bench);
    corrupt(bench, &id);
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs("orphan", file), 0);
    (void)fflush(file);
    rewind(file);
    {
        const cull_source source = { .fd = fileno(file), .size_bytes_max = 100 };
        cull_status published;

        ck_assert_int_eq(cull_stage(bench->store, &source, &staged, &err), CULL_OK);
        id.digest = staged.digest;
        ck_assert_int_eq(
            bench->objects->ops->publish(bench->objects, &staged, &id, 1, &published, &err),
            CULL_OK);
    }
    (void)fclose(file);
    if (objects_dir != NULL) { /* it is as old as the test's clock would have it */
        const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };

        ck_assert_int_eq(utimensat(AT_FDCWD, object_file(bench, &id.digest), times, 0), 0);
    }
    bench->now_ms += 3 * UINT64_C(86400000);
}

/* --- the table ------------------------------------------------------------------------------- */

#define BIT(status) (1u << (status))

static const struct {
    const char *name;
    void (*before)(struct bench_store *bench);
    nth_fn run;
    unsigned refused; /* statuses of an object store that fails, besides CULL_E_IO */
    unsigned again;   /* statuses besides CULL_OK of doing it again: a failure that comes after the
                       fact is in the log leaves it done */
    bool damaged;     /* what it leaves is damaged until somebody uploads again */
} nth_cases[] = {
    { "upload", with_versions, upload, 0, 0, false },
    { "upload on a base", with_versions, upload_on_base, 0, 0, false },
    { "patch", with_versions, patch, 0, 0, false },
    { "abort", with_versions, abort_upload, 0, 0, false },
    { "labels", with_versions, label, 0, 0, false },
    { "delete", with_versions, delete_one, 0, BIT(CULL_E_NOTFOUND), false },
    { "delete a selection", with_checkpoint, delete_selected, 0, 0, false },
    { "delete a collection", with_versions, delete_collection, 0, BIT(CULL_E_NOTFOUND), false },
    { "restore", with_deleted, restore, 0, BIT(CULL_E_NOTFOUND), false },
    { "plan", with_due, plan, 0, 0, false },
    { "collect", with_due, collect, 0, 0, false },
    { "collect what a lease held", with_expired, collect, 0, 0, false },
    { "upload after a lease", with_expired, upload, 0, 0, false },
    { "finish", with_due, finish, 0, 0, false },
    { "fsck", with_checkpoint, check_all, BIT(CULL_E_DAMAGED), 0, false },
    { "repair", with_damage, repair, BIT(CULL_E_DAMAGED), BIT(CULL_E_DAMAGED), true },
    { "checkpoint", with_versions, maintain, 0, 0, false },
    { "another checkpoint", with_checkpoint, maintain, 0, 0, false },
    { "look", with_checkpoint, look, 0, 0, false },
    { "load from the log", with_deleted, load, 0, BIT(CULL_E_NOTFOUND), false },
    { "load from a checkpoint", with_checkpoint, load, 0, 0, false },
};

#define NTH_CASES (sizeof nth_cases / sizeof nth_cases[0])

static const struct bench_options nth_stores[] = {
    { .grace_ms = GRACE_MS },
    { .grace_ms = GRACE_MS, .late = CULL_LATE_VERSION_IDS },
    { .grace_ms = GRACE_MS, .late = CULL_LATE_INCARNATION },
};

/* --- what must hold after a failure ----------------------------------------------------------- */

static void check_valid(struct bench_store *bench, const char *name, uint64_t n)
{
    cull_store *store = bench->store;
    const char *why = NULL;
    cull_error err = { CULL_OK, "" };
    cull_status status = cull__store_enter(store, CULL__NEED_INDEX, &err);

    ck_assert_msg(status == CULL_OK, "%s, call %llu: %s", name, (unsigned long long)n, err.message);
    ck_assert_msg(cull__catalog_valid(store->catalog, &why), "%s: %s", name, why);
    ck_assert_msg(cull__blob_table_valid(store->index->blobs, &why), "%s: %s", name, why);
    ck_assert_msg(cull__counts_valid(store->index->counts, store->index->blobs, &why), "%s: %s",
                  name, why);
    for (size_t i = 0; i < store->index->span_count; i++) {
        ck_assert_msg(cull__lifespans_valid(store->index->spans[i].spans, &why), "%s: %s", name,
                      why);
    }
    ck_assert_msg(cull__verify(store, true, NULL, NULL, &err) == CULL_OK, "%s, call %llu: %s", name,
                  (unsigned long long)n, err.message);
    cull__store_leave(store);
}

/* The same once more, without a failure; then nothing is wrong, lost or left over. */
static void check_again(struct bench_store *bench, nth_fn run, const char *name, unsigned again,
                        bool damaged, uint64_t n)
{
    cull_error err = { CULL_OK, "" };
    cull_status status = run(bench, &err);

    ck_assert_msg(status == CULL_OK || (again & BIT(status)) != 0, "%s, call %llu, again: %s: %s",
                  name, (unsigned long long)n, cull_strerror(status), err.message);
    if (damaged) {
        ck_assert_msg(put_version(bench, FIRST, false, &err) == CULL_OK, "%s", err.message);
    }
    bench->now_ms += 10 * 3600000; /* leases and graces are over */
    (void)bench_collect(bench);
    bench_check(bench);
    ck_assert_uint_eq(bench_collect(bench).blobs_deleted, 0);
    ck_assert_str_eq(bench_text(bench, "keep", 0), KEPT);
}

/* --- memory ----------------------------------------------------------------------------------- */

START_TEST(each_allocation_fails_in_turn_and_the_same_handle_goes_on)
    {
        size_t i = (size_t)_i / 2;
        bool done = false;

        for (uint64_t n = 1; !done && n < N_MAX; n++) {
            struct failing_allocator failing;
            struct bench_store bench;
            cull_error err = { CULL_OK, "" };
            cull_status status;
            uint64_t calls;

            bench_open(&bench, &nth_stores[0]);
            bench_commit(&bench, "keep", KEPT);
            nth_cases[i].before(&bench);
            failing_allocator_init(&failing, 0);
            bench.allocator = &failing.allocator;
            bench_reopen(&bench); /* its index is loaded by the first to need it */
            calls = failing.calls;
            failing.once = _i % 2 == 1; /* or this one and all that follow */
            failing.fail_at = calls + n;
            status = nth_cases[i].run(&bench, &err);
            done = failing.calls < failing.fail_at;
            failing.fail_at = 0;
            failing.once = false;
            ck_assert_msg(status == CULL_E_NOMEM || status == CULL_OK ||
                              (nth_cases[i].again & BIT(status)) != 0,
                          "%s, call %llu: %s: %s", nth_cases[i].name, (unsigned long long)n,
                          cull_strerror(status), err.message);
            ck_assert_msg(status == CULL_OK || err.message[0] != '\0', "%s, call %llu: no message",
                          nth_cases[i].name, (unsigned long long)n);
            check_valid(&bench, nth_cases[i].name, n);
            check_again(&bench, nth_cases[i].run, nth_cases[i].name, nth_cases[i].again,
                        nth_cases[i].damaged, n);
            bench_close(&bench);
            ck_assert_msg(failing.live == 0, "%s, call %llu: %lld blocks are left",
                          nth_cases[i].name, (unsigned long long)n, (long long)failing.live);
        }
        ck_assert(done);
    }
END_TEST

/* --- object stores ------------------------------------------------------------------------------ */

struct nth_fault {
    uint64_t calls;
    uint64_t fail_at; /* 0: none */
    const char *op;   /* that failed */
};

static cull_status fail_nth(void *ctx, const char *op, uint64_t n)
{
    struct nth_fault *fault = ctx;

    (void)n;
    if (++fault->calls != fault->fail_at) {
        return CULL_OK;
    }
    fault->op = op;
    return CULL_E_IO;
}

START_TEST(each_call_to_the_object_store_fails_in_turn_and_the_same_handle_goes_on)
    {
        size_t i = (size_t)_i % NTH_CASES;
        bool done = false;

        for (uint64_t n = 1; !done && n < N_MAX; n++) {
            struct nth_fault fault = { 0, 0, "" };
            struct bench_store bench;
            cull_objects *faulty = NULL;
            cull_error err = { CULL_OK, "" };
            cull_status status;

            bench_open(&bench, &nth_stores[(size_t)_i / NTH_CASES]);
            bench_commit(&bench, "keep", KEPT);
            nth_cases[i].before(&bench);
            ck_assert_int_eq(
                cull_objects_faulty_new(&faulty, bench.objects, fail_nth, &fault, NULL, &err),
                CULL_OK);
            bench.objects = faulty;
            bench_reopen(&bench);
            fault.calls = 0;
            fault.fail_at = n;
            status = nth_cases[i].run(&bench, &err);
            done = fault.calls < n;
            fault.fail_at = 0;
            ck_assert_msg(status == CULL_OK || status == CULL_E_IO || status == CULL_E_PARTIAL ||
                              ((nth_cases[i].again | nth_cases[i].refused) & BIT(status)) != 0,
                          "%s, call %llu (%s): %s: %s", nth_cases[i].name, (unsigned long long)n,
                          fault.op, cull_strerror(status), err.message);
            ck_assert_msg(status == CULL_OK || err.message[0] != '\0', "%s, call %llu (%s)",
                          nth_cases[i].name, (unsigned long long)n, fault.op);
            check_valid(&bench, nth_cases[i].name, n);
            check_again(&bench, nth_cases[i].run, nth_cases[i].name, nth_cases[i].again,
                        nth_cases[i].damaged, n);
            bench_close(&bench);
        }
        ck_assert(done);
    }
END_TEST

/* --- the system under a directory --------------------------------------------------------------- */

static const struct {
    const char *name;
    int error;
    bool lasting;
} nth_errors[] = {
    { "EIO", EIO, false },
    { "ENOSPC", ENOSPC, false },
    { "ENOSPC from there on", ENOSPC, true },
    { "EMFILE", EMFILE, false },
    { "EINVAL", EINVAL, false },
};

#define NTH_ERRORS (sizeof nth_errors / sizeof nth_errors[0])

/* A file on the disk, brought the way the command brings it, and read back. */
static cull_status put_file(struct bench_store *bench, cull_error *err)
{
    static const char content[] = "from a file";
    const cull_caller caller = bench_caller(bench);
    const cull_blob_ref ref = { bench_digest(bench, content), strlen(content) };
    cull_put_answer answer = CULL_PUT_WAIT;
    cull_upload *upload = NULL;
    cull_staged staged;
    FILE *file = tmpfile();
    cull_name name = { "e", "p", "c", "" };
    const cull_upload_options open = { .collection = &name };
    cull_status status = cull_upload_open(&upload, bench->store, &open, &caller, err);

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(content, file), 0);
    ck_assert_int_eq(fflush(file), 0);
    status = status == CULL_OK ? cull_upload_put(upload, &ref, 1, &answer, &caller, err) : status;
    if (status == CULL_OK && answer == CULL_PUT_SEND) {
        const cull_source source = { .fd = fileno(file), .size_bytes_max = 100 };

        status = cull_stage(bench->store, &source, &staged, err);
        status = status == CULL_OK ? cull_upload_send(upload, &staged, 1, &caller, err) : status;
    }
    status = status == CULL_OK ? cull_blob_read(bench->store, &ref.digest, ignore_bytes, NULL, err)
                               : status;
    status = status == CULL_OK ? cull_upload_abort(upload, &caller, err) : status;
    cull_upload_free(upload);
    (void)fclose(file);
    return status;
}

/* A cycle that could delete nothing of what it claimed. */
static void with_unfinished(struct bench_store *bench)
{
    cull_error err = { CULL_OK, "" };

    with_due(bench);
    crash_nth_begin(1, EIO, true);
    ck_assert_int_eq(collect(bench, &err), CULL_E_PARTIAL);
    crash_nth_begin(0, 0, false);
}

/* Those of the table that come to the object store, and what only a file shows. */
static const struct {
    const char *name;
    void (*before)(struct bench_store *bench);
    nth_fn run;
    unsigned refused; /* statuses besides CULL_E_IO, CULL_E_NOSPACE and CULL_E_PARTIAL */
    unsigned again;
    bool damaged;
} call_cases[] = {
    { "upload", with_versions, upload, 0, 0, false },
    { "upload a file", with_versions, put_file, 0, 0, false },
    { "collect", with_due, collect, 0, 0, false },
    { "finish", with_unfinished, finish, 0, 0, false },
    { "fsck", with_versions, check_all, BIT(CULL_E_DAMAGED), 0, false },
    { "repair", with_damage, repair, BIT(CULL_E_DAMAGED), BIT(CULL_E_DAMAGED), true },
    { "look", with_versions, look, 0, 0, false },
};

#define CALL_CASES (sizeof call_cases / sizeof call_cases[0])

static cull_status open_objects(struct bench_store *bench, bool create, cull_error *err)
{
    const cull_objects_directory_options options = { objects_dir, bench->digest, 7, create, NULL };

    return cull_objects_directory_open(&bench->objects, &options, err);
}

/* A store in memory but for its objects, which lie in a directory that the handle has not looked into
 * since it was opened. */
static void bench_on_disk(struct bench_store *bench, size_t row)
{
    cull_error err = { CULL_OK, "" };

    objects_dir = scratch_dir();
    bench_open(bench, &nth_stores[0]);
    cull_objects_close(bench->objects);
    ck_assert_int_eq(open_objects(bench, true, &err), CULL_OK);
    bench_reopen(bench);
    bench_commit(bench, "keep", KEPT);
    call_cases[row].before(bench);
    cull_objects_close(bench->objects);
    ck_assert_int_eq(open_objects(bench, false, &err), CULL_OK);
    bench_reopen(bench);
}

static unsigned files_open(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 512; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

/* A message that says what the system said, or whose business it was. */
static bool is_clear(const char *message, int error)
{
    return strstr(message, strerror(error)) != NULL || strstr(message, "objects") != NULL ||
           strstr(message, "blob") != NULL || strstr(message, "problem") != NULL ||
           strstr(message, "tmp") != NULL;
}

START_TEST(each_call_of_a_directory_fails_in_turn_and_the_same_handle_goes_on)
    {
        size_t row = (size_t)_i / NTH_ERRORS;
        size_t how = (size_t)_i % NTH_ERRORS;
        const char *name = call_cases[row].name;
        bool done = false;

        for (uint64_t n = 1; !done && n < N_MAX; n++) {
            struct bench_store bench;
            unsigned open_before = files_open();
            cull_error err = { CULL_OK, "" };
            const char *failed;
            cull_status status;

            crash_nth_begin(0, 0, false); /* no syncs */
            bench_on_disk(&bench, row);
            crash_nth_begin(n, nth_errors[how].error, nth_errors[how].lasting);
            status = call_cases[row].run(&bench, &err);
            done = crash_nth_end(&failed) < n;
            crash_nth_begin(0, 0, false);
            ck_assert_msg(
                status == CULL_OK || status == CULL_E_IO || status == CULL_E_NOSPACE ||
                    status == CULL_E_PARTIAL ||
                    ((call_cases[row].again | call_cases[row].refused) & BIT(status)) != 0,
                "%s, %s at call %llu (%s): %s: %s", name, nth_errors[how].name,
                (unsigned long long)n, failed, cull_strerror(status), err.message);
            ck_assert_msg(status == CULL_OK || is_clear(err.message, nth_errors[how].error),
                          "%s, %s at call %llu (%s): \"%s\"", name, nth_errors[how].name,
                          (unsigned long long)n, failed, err.message);
            check_valid(&bench, name, n);
            check_again(&bench, call_cases[row].run, name, call_cases[row].again,
                        call_cases[row].damaged, n);
            bench_close(&bench);
            (void)crash_nth_end(&failed);
            ck_assert_msg(files_open() == open_before,
                          "%s, %s at call %llu (%s): a file is left open", name,
                          nth_errors[how].name, (unsigned long long)n, failed);
        }
        ck_assert(done);
        objects_dir = NULL;
    }
END_TEST

Suite *nth_failure_suite(void)
{
    Suite *suite = suite_create("nth_failure");
    TCase *tc = tcase_create("nth_failure");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, each_allocation_fails_in_turn_and_the_same_handle_goes_on, 0,
                        2 * (int)NTH_CASES);
    tcase_add_loop_test(tc, each_call_to_the_object_store_fails_in_turn_and_the_same_handle_goes_on,
                        0, 3 * (int)NTH_CASES);
    tcase_add_loop_test(tc, each_call_of_a_directory_fails_in_turn_and_the_same_handle_goes_on, 0,
                        (int)(CALL_CASES * NTH_ERRORS));
    suite_add_tcase(suite, tc);
    return suite;
}
