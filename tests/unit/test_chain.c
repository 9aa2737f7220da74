/*
 * test_chain.c - chains of manifest documents: where they begin, that every version is read from
 * them, and which documents go with the versions that are purged.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store_support.h"

#include "log/log_internal.h"
#include "manifest/manifest_internal.h"
#include "store/store_internal.h"

#define VERSIONS 300

static const struct bench_options plain = { .grace_ms = 0 };

/* What file has in a version: each version changes the next `edits` files, in a ring. */
static void content_of(char text[32], size_t file, size_t version, size_t files, size_t edits)
{
    size_t changed = 0; /* the last version that changed it */

    for (size_t k = version; k > 0 && changed == 0; k--) {
        size_t first = k * edits % files;

        if ((file + files - first) % files < edits) {
            changed = k;
        }
    }
    (void)snprintf(text, 32, "%zu.%zu", file, changed);
}

static void path_of(char text[32], size_t file)
{
    (void)snprintf(text, 32, "folder/file%04zu", file);
}

static void commit_by_patch(struct bench_store *bench, size_t version, size_t files, size_t edits)
{
    cull_upload *upload = bench_upload(bench, "c", (int)version - 1);
    cull_manifest_patch *patch = NULL;
    cull_commit_options options = { 0 };
    cull_commit_result result;
    cull_caller caller = bench_caller(bench);
    cull_error err = { CULL_OK, "" };

    ck_assert_int_eq(cull_manifest_patch_new(&patch, bench->digest, NULL), CULL_OK);
    for (size_t i = 0; i < edits; i++) {
        size_t file = (version * edits + i) % files;
        char path[32];
        char content[32];
        char put[80];
        cull_entry entry = { .path = path, .kind = CULL_ENTRY_BLOB };

        path_of(path, file);
        content_of(content, file, version, files, edits);
        (void)snprintf(put, sizeof put, "%s=%s", path, content);
        ck_assert_int_eq(bench_put(bench, upload, put, &err), CULL_OK);
        entry.path_len = (uint32_t)strlen(path);
        entry.size_bytes = strlen(content);
        entry.digest = bench_digest(bench, content);
        ck_assert_int_eq(cull_manifest_patch_put(patch, &entry, &err), CULL_OK);
    }
    ck_assert_int_eq(cull_manifest_patch_seal(patch, &err), CULL_OK);
    options.patch = patch;
    ck_assert_msg(
        cull_upload_commit(upload, &options, NULL, NULL, &result, &caller, &err) == CULL_OK,
        "v%zu: %s", version, err.message);
    ck_assert(result.is_new);
    cull_manifest_patch_free(patch);
    cull_upload_free(upload);
}

static void commit_first(struct bench_store *bench, size_t files)
{
    char *text = malloc(files * 64);
    size_t len = 0;

    ck_assert_ptr_nonnull(text);
    for (size_t file = 0; file < files; file++) {
        char path[32];

        path_of(path, file);
        len += (size_t)snprintf(text + len, 64, "%s%s=%zu.0", file == 0 ? "" : " ", path, file);
    }
    ck_assert_uint_eq(bench_commit(bench, "c", text), 0);
    free(text);
}

static void check_version(struct bench_store *bench, size_t version, size_t files, size_t edits)
{
    const cull_version_key key = bench_key(bench, "c", (uint32_t)version);
    cull_manifest *manifest = NULL;
    cull_error err = { CULL_OK, "" };

    ck_assert_msg(cull_version_manifest(bench->store, &key, &manifest, &err) == CULL_OK, "v%zu: %s",
                  version, err.message);
    ck_assert_uint_eq(cull_manifest_count(manifest), files);
    for (size_t file = 0; file < files; file++) {
        cull_digest want;
        cull_entry entry;
        char content[32];

        content_of(content, file, version, files, edits);
        want = bench_digest(bench, content);
        cull_manifest_at(manifest, file, &entry);
        ck_assert_msg(memcmp(&entry.digest, &want, sizeof want) == 0, "v%zu, file %zu", version,
                      file);
    }
    cull_manifest_free(manifest);
}

/* 'F': a full one, 'p': a patch, '-': none. */
static char document_of(struct bench_store *bench, uint32_t ordinal)
{
    const cull_version_key key = bench_key(bench, "c", VERSIONS);
    struct cull__buf bytes = CULL__BUF_INIT(cull_allocator_default());
    char kind = '-';

    if (cull__log_document(bench->log, cull__manifest_document(key.collection, ordinal), &bytes,
                           NULL) == CULL_OK) {
        kind = cull__manifest_document_is_full(bytes.data, bytes.len) ? 'F' : 'p';
    }
    cull__buf_release(&bytes);
    return kind;
}

static const struct {
    const char *name;
    size_t files;
    size_t edits;
    bool reopen;   /* a handle for each version */
    unsigned full; /* documents of VERSIONS + 1 */
} chains[] = {
    { "small patches: none until the greatest length", 2400, 1, false, 2 },
    { "patches of which a hundred are as long as half of it", 800, 1, false, 4 },
    { "the same, each by a handle of its own", 800, 1, true, 4 },
    { "a twentieth of the files: one in 16", 100, 5, false, 19 },
    { "as large as the manifest: one in 16", 8, 8, false, 19 },
};

START_TEST(a_chain_goes_on_until_its_patches_outweigh_half_of_its_full_manifest)
    {
        const size_t files = chains[_i].files;
        const size_t edits = chains[_i].edits;
        struct bench_store bench;
        unsigned full = 0;

        bench_open(&bench, &plain);
        commit_first(&bench, files);
        for (size_t version = 1; version <= VERSIONS; version++) {
            if (chains[_i].reopen) {
                bench_reopen(&bench);
            }
            commit_by_patch(&bench, version, files, edits);
        }
        for (uint32_t version = 0; version <= VERSIONS; version++) {
            char kind = document_of(&bench, version);

            ck_assert(kind != '-');
            ck_assert(kind == 'p' || version % CULL__MANIFEST_FULL_EVERY == 0);
            ck_assert(kind == 'F' || version % CULL__MANIFEST_CHAIN_MAX != 0);
            full += kind == 'F';
        }
        ck_assert_msg(full == chains[_i].full, "%s: %u", chains[_i].name, full);
        for (size_t version = 0; version <= VERSIONS; version += version < 280 ? 7 : 1) {
            check_version(&bench, version, files, edits);
        }
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* Files that come and go again, and heads between: what a patch takes back is not missed. */
START_TEST(a_chain_may_take_back_what_it_put)
    {
        struct bench_store bench;
        char want[40][64];

        bench_open(&bench, &plain);
        for (int version = 0; version < 40; version++) {
            (void)snprintf(want[version], sizeof want[version], "%sb=%d%s",
                           version % 3 == 1 ? "a=1 " : "", version,
                           version % 5 == 2   ? " c=2"
                           : version % 5 == 4 ? " d=4"
                                              : "");
            ck_assert_uint_eq(bench_commit(&bench, "c", want[version]), (unsigned)version);
        }
        for (int version = 0; version < 40; version++) {
            const cull_version_key key = bench_key(&bench, "c", (uint32_t)version);
            cull_manifest *expected = bench_manifest(&bench, want[version]);
            cull_manifest *manifest = NULL;
            cull_digest digests[2];

            ck_assert_int_eq(cull_version_manifest(bench.store, &key, &manifest, NULL), CULL_OK);
            ck_assert_int_eq(cull_manifest_digest(manifest, &digests[0]), CULL_OK);
            ck_assert_int_eq(cull_manifest_digest(expected, &digests[1]), CULL_OK);
            ck_assert(memcmp(&digests[0], &digests[1], sizeof digests[0]) == 0);
            cull_manifest_free(expected);
            cull_manifest_free(manifest);
        }
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

static bool is_kept(const uint32_t *kept, uint32_t version)
{
    for (size_t i = 0; i < 8 && (i == 0 || kept[i] != 0); i++) {
        if (kept[i] == version) {
            return true;
        }
    }
    return version == VERSIONS;
}

/* Which versions stay beside the last, and how many manifests are there then: of a chain as many as
 * reach to the last of it that stays. Chains begin at 0, 96, 192 and 256. */
static const struct {
    const char *name;
    uint32_t kept[8];
    unsigned documents;
} purges[] = {
    { "the last alone", { VERSIONS }, 45 },
    { "one in the middle of a chain", { 100 }, 5 + 45 },
    { "the first of one", { 0 }, 1 + 45 },
    { "the last of one, and one of another", { 30, 255 }, 31 + 64 + 45 },
    { "some of the last chain", { 256, 257, 290 }, 45 },
};

START_TEST(a_manifest_stays_as_long_as_a_retained_version_is_read_from_it)
    {
        const uint32_t *kept = purges[_i].kept;
        const size_t files = 800;
        struct bench_store bench;
        unsigned documents = 0;

        bench_open(&bench, &plain);
        commit_first(&bench, files);
        for (size_t version = 1; version <= VERSIONS; version++) {
            commit_by_patch(&bench, version, files, 1);
        }
        /* in two cycles: what is kept for a version that goes later goes with that */
        for (uint32_t turn = 0; turn < 2; turn++) {
            for (uint32_t version = 0; version < VERSIONS; version++) {
                if (!is_kept(kept, version) && (version / 50 % 2 == turn)) {
                    bench_delete(&bench, "c", version);
                }
            }
            (void)bench_collect(&bench);
        }
        for (uint32_t version = 0; version <= VERSIONS; version++) {
            documents += document_of(&bench, version) != '-';
            if (is_kept(kept, version)) {
                check_version(&bench, version, files, 1);
            }
        }
        ck_assert_msg(documents == purges[_i].documents, "%s: %u", purges[_i].name, documents);
        bench_reopen(&bench);
        commit_by_patch(&bench, VERSIONS + 1, files, 1);
        check_version(&bench, VERSIONS + 1, files, 1);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* The last documents of the chain are gone: what comes next begins one, wherever it stands. */
START_TEST(a_chain_whose_end_is_purged_is_not_built_on)
    {
        struct bench_store bench;

        bench_open(&bench, &plain);
        for (int version = 0; version < 25; version++) {
            char text[32];

            (void)snprintf(text, sizeof text, "a=%d b=1", version);
            (void)bench_commit(&bench, "c", text);
        }
        for (uint32_t version = 20; version < 25; version++) {
            bench_delete(&bench, "c", version);
        }
        (void)bench_collect(&bench);
        ck_assert_uint_eq(bench_commit(&bench, "c", "a=x b=1"), 25);
        for (int version = 26; version < 40; version++) {
            char text[32];

            (void)snprintf(text, sizeof text, "a=%d b=1", version);
            (void)bench_commit(&bench, "c", text);
        }
        bench_delete(&bench, "c", 19); /* and nothing of what is behind it */
        (void)bench_collect(&bench);
        for (uint32_t version = 0; version < 40; version++) {
            if (version < 19 || version >= 25) {
                const cull_version_key key = bench_key(&bench, "c", version);
                cull_manifest *manifest = NULL;

                ck_assert_int_eq(cull_version_manifest(bench.store, &key, &manifest, NULL),
                                 CULL_OK);
                cull_manifest_free(manifest);
            }
        }
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* A log in which one document is damaged until it is written again. */
struct damaged_log {
    struct cull__log_ops ops; /* first: the calls find the rest by it */
    const struct cull__log_ops *saved;
    uint64_t id;
};

static cull_status damaged_pieces(cull_log *log, uint64_t id, cull__piece_fn take, void *ctx,
                                  cull_error *err)
{
    struct damaged_log *damaged = (struct damaged_log *)(uintptr_t)log->ops;

    return id == damaged->id ? cull__error_set(err, CULL_E_CORRUPT, "document 7 is damaged")
                             : damaged->saved->document_pieces(log, id, take, ctx, err);
}

static cull_status damaged_append(cull_log *log, uint64_t expected_seq,
                                  const struct cull__batch *batch, uint64_t *seq, cull_error *err)
{
    struct damaged_log *damaged = (struct damaged_log *)(uintptr_t)log->ops;
    cull_status status = damaged->saved->append(log, expected_seq, batch, seq, err);

    for (size_t i = 0; i < batch->document_count && status == CULL_OK; i++) {
        damaged->id = batch->documents[i].id == damaged->id ? 0 : damaged->id;
    }
    return status;
}

/* Versions 0 to count - 1 of "c", "a=N b=x"; that one's manifest is damaged, and no handle has kept it. */
static void damaged_open(struct bench_store *bench, struct damaged_log *damaged, int count,
                         uint32_t ordinal)
{
    bench_open(bench, &plain);
    for (int version = 0; version < count; version++) {
        char text[32];

        (void)snprintf(text, sizeof text, "a=%d b=x", version);
        (void)bench_commit(bench, "c", text);
    }
    damaged->saved = bench->log->ops;
    damaged->ops = *damaged->saved;
    damaged->ops.document_pieces = damaged_pieces;
    damaged->ops.append = damaged_append;
    damaged->id = cull__manifest_document(bench_key(bench, "c", ordinal).collection, ordinal);
    bench->log->ops = &damaged->ops;
    bench_reopen(bench);
}

static void damaged_close(struct bench_store *bench, const struct damaged_log *damaged)
{
    bench->log->ops = damaged->saved;
    bench_close(bench);
}

static cull_status read_manifest(struct bench_store *bench, uint32_t ordinal, cull_error *err)
{
    const cull_version_key key = bench_key(bench, "c", ordinal);
    cull_manifest *manifest = NULL;
    cull_status status = cull_version_manifest(bench->store, &key, &manifest, err);

    cull_manifest_free(manifest);
    return status;
}

static const struct {
    const char *name;
    int count; /* versions, the last one of which is built on */
    uint32_t damaged;
} damages[] = {
    { "the head's own", 6, 5 },
    { "one that the head is built on", 6, 2 },
    { "the full one that it begins with", 6, 0 },
    { "that of the only version", 1, 0 },
    { "the last before a chain may begin", 16, 15 },
};

START_TEST(a_damaged_manifest_keeps_nobody_from_committing)
    {
        const uint32_t next = (uint32_t)damages[_i].count;
        struct damaged_log damaged;
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };

        damaged_open(&bench, &damaged, damages[_i].count, damages[_i].damaged);
        ck_assert_int_eq(read_manifest(&bench, next - 1, &err), CULL_E_DAMAGED);
        ck_assert_uint_eq(bench_commit(&bench, "c", "a=new b=x"), next);
        ck_assert_uint_eq(bench_commit(&bench, "c", "a=newer b=x"), next + 1);
        ck_assert_str_eq(bench_text(&bench, "c", next), "a=new b=x");
        ck_assert_str_eq(bench_text(&bench, "c", next + 1), "a=newer b=x");
        ck_assert_int_eq(read_manifest(&bench, next - 1, &err), CULL_E_DAMAGED);
        damaged_close(&bench, &damaged);
    }
END_TEST

/* Its blobs stay, and committing all of it again heals it, and what is built on it. */
START_TEST(a_version_whose_manifest_is_damaged_keeps_its_blobs_and_is_healed_by_its_files)
    {
        struct damaged_log damaged;
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };

        damaged_open(&bench, &damaged, 6, 2);
        bench_delete(&bench, "c", 1);
        bench_delete(&bench, "c", 5);
        ck_assert_uint_eq(bench_collect(&bench).blobs_deleted, 2);
        for (uint32_t version = 2; version < 5; version++) {
            char content[8];

            (void)snprintf(content, sizeof content, "%u", version);
            ck_assert(bench_has_object(&bench, content));
            ck_assert_int_eq(read_manifest(&bench, version, &err), CULL_E_DAMAGED);
        }
        ck_assert_uint_eq(bench_commit(&bench, "c", "a=3 b=x"), 3); /* built on the damaged one */
        ck_assert_str_eq(bench_text(&bench, "c", 3), "a=3 b=x");
        ck_assert_str_eq(bench_text(&bench, "c", 4), "a=4 b=x");
        ck_assert_int_eq(read_manifest(&bench, 2, &err), CULL_E_DAMAGED);
        ck_assert_uint_eq(bench_commit(&bench, "c", "a=2 b=x"), 2);
        ck_assert_uint_eq(damaged.id, 0);
        for (uint32_t version = 2; version < 5; version++) {
            char text[16];

            (void)snprintf(text, sizeof text, "a=%u b=x", version);
            ck_assert_str_eq(bench_text(&bench, "c", version), text);
        }
        bench_check(&bench);
        damaged_close(&bench, &damaged);
    }
END_TEST

START_TEST(a_patch_on_a_damaged_manifest_is_refused_with_its_name)
    {
        struct damaged_log damaged;
        struct bench_store bench;
        cull_manifest_patch *patch = NULL;
        cull_commit_options options = { 0 };
        cull_commit_result result;
        cull_upload *upload;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        damaged_open(&bench, &damaged, 6, 5);
        caller = bench_caller(&bench);
        upload = bench_upload(&bench, "c", 5);
        ck_assert_int_eq(cull_manifest_patch_new(&patch, bench.digest, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_remove(patch, "b", &err), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_seal(patch, &err), CULL_OK);
        options.patch = patch;
        ck_assert_int_eq(cull_upload_commit(upload, &options, NULL, NULL, &result, &caller, &err),
                         CULL_E_DAMAGED);
        ck_assert_str_eq(err.message, "e/p/c:v5: its manifest is damaged: putting the same files "
                                      "again heals it");
        cull_manifest_patch_free(patch);
        cull_upload_free(upload);
        damaged_close(&bench, &damaged);
    }
END_TEST

Suite *chain_suite(void)
{
    Suite *suite = suite_create("chain");
    TCase *tc = tcase_create("documents");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_chain_goes_on_until_its_patches_outweigh_half_of_its_full_manifest, 0,
                        (int)ARRAY_LEN(chains));
    tcase_add_test(tc, a_chain_may_take_back_what_it_put);
    tcase_add_loop_test(tc, a_manifest_stays_as_long_as_a_retained_version_is_read_from_it, 0,
                        (int)ARRAY_LEN(purges));
    tcase_add_test(tc, a_chain_whose_end_is_purged_is_not_built_on);
    tcase_add_loop_test(tc, a_damaged_manifest_keeps_nobody_from_committing, 0,
                        (int)ARRAY_LEN(damages));
    tcase_add_test(tc,
                   a_version_whose_manifest_is_damaged_keeps_its_blobs_and_is_healed_by_its_files);
    tcase_add_test(tc, a_patch_on_a_damaged_manifest_is_refused_with_its_name);
    suite_add_tcase(suite, tc);
    return suite;
}
