/*
 * test_fixtures.c - what stands in fixtures/histories, done again in a store that keeps no objects:
 * real releases, real commits and real packages, beside an oracle of sorted lists. And the made-up
 * manifests of sim/manifest_gen.h.
 */
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "sim/manifest_gen.h"
#include "store_support.h"

#define HISTORY_VERSIONS_MAX 64

struct row {
    const char *path;
    cull_digest digest;
    uint64_t size_bytes;
};

struct version {
    struct cull__buf text; /* the file; rows point into it */
    struct row *rows;      /* sorted by path */
    size_t count;
    uint32_t ordinal; /* in the store */
    bool deleted;
    bool repeats; /* an equal one has the ordinal already */
};

struct history {
    struct version versions[HISTORY_VERSIONS_MAX];
    size_t count;
};

/* Blobs, each once, sorted by digest. */
struct blobs {
    cull_blob_ref *refs;
    size_t count;
};

/* --- reading the fixtures --------------------------------------------------------------------- */

static struct cull__buf file_text(const char *path)
{
    struct cull__buf text = CULL__BUF_INIT(cull_allocator_default());
    FILE *file = fopen(path, "rb");
    size_t got = 1;

    ck_assert_msg(file != NULL, "%s: cannot be opened; run from the top of the tree", path);
    while (got > 0) {
        uint8_t *room = cull__buf_room(&text, 65536);

        ck_assert_ptr_nonnull(room);
        got = fread(room, 1, 65536, file);
        text.len += got;
    }
    ck_assert_int_eq(fclose(file), 0);
    cull__buf_u8(&text, 0);
    return text;
}

static size_t line_count(const char *text)
{
    size_t lines = 0;

    for (; (text = strchr(text, '\n')) != NULL; text++) {
        lines++;
    }
    return lines;
}

/* "path TAB digest TAB size", or as md5sum(1) writes it: "digest SPACE SPACE path". */
static struct row read_row(char *line, cull_digest_kind kind, const char *file)
{
    const size_t digits = 2 * cull_digest_len(kind);
    struct row row = { .size_bytes = CULL_SIZE_UNKNOWN };
    char *path = strsep(&line, "\t");
    char *hex = line == NULL ? path : strsep(&line, "\t");
    char *end = line;

    if (hex == path) {
        ck_assert_msg(strlen(hex) > digits + 2 && strncmp(hex + digits, "  ", 2) == 0, "%s: %s",
                      file, hex);
        row.path = hex + digits + 2;
    } else {
        ck_assert_msg(line != NULL && strlen(hex) == digits, "%s: %s", file, path);
        row.path = path;
        row.size_bytes = strtoull(line, &end, 10);
        ck_assert_msg(end != line && *end == '\0', "%s: %s: size", file, path);
    }
    ck_assert_msg(cull_digest_from_hex(&row.digest, kind, hex, digits) == CULL_OK, "%s: %s: digest",
                  file, row.path);
    return row;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->path, ((const struct row *)b)->path);
}

static void read_version(struct version *version, const char *file, cull_digest_kind kind)
{
    char *at;

    *version = (struct version){ .text = file_text(file) };
    at = (char *)version->text.data;
    version->rows = calloc(line_count(at), sizeof *version->rows);
    ck_assert_ptr_nonnull(version->rows);
    while (*at != '\0') {
        version->rows[version->count++] = read_row(strsep(&at, "\n"), kind, file);
    }
    qsort(version->rows, version->count, sizeof *version->rows, by_path);
}

static void read_history(struct history *history, const char *folder, const char *suffix,
                         cull_digest_kind kind)
{
    char path[256];
    struct cull__buf names;
    char *at;

    *history = (struct history){ .count = 0 };
    (void)snprintf(path, sizeof path, "fixtures/histories/%s/versions", folder);
    names = file_text(path);
    at = (char *)names.data;
    while (*at != '\0') {
        const char *line = strsep(&at, "\n");

        ck_assert_uint_lt(history->count, HISTORY_VERSIONS_MAX);
        (void)snprintf(path, sizeof path, "fixtures/histories/%s/%.*s%s", folder,
                       (int)strcspn(line, "\t"), line, suffix);
        read_version(&history->versions[history->count++], path, kind);
    }
    cull__buf_release(&names);
}

static void release_history(struct history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        free(history->versions[i].rows);
        cull__buf_release(&history->versions[i].text);
    }
}

/* --- the oracle ------------------------------------------------------------------------------- */

static int by_digest(const void *a, const void *b)
{
    return memcmp(((const cull_blob_ref *)a)->digest.bytes,
                  ((const cull_blob_ref *)b)->digest.bytes, CULL_DIGEST_BYTES_MAX);
}

/* What the versions that are not deleted hold. */
static struct blobs held_blobs(const struct history *history)
{
    struct blobs blobs = { NULL, 0 };
    size_t rows = 1;
    size_t kept = 0;

    for (size_t i = 0; i < history->count; i++) {
        rows += history->versions[i].count;
    }
    blobs.refs = calloc(rows, sizeof *blobs.refs);
    ck_assert_ptr_nonnull(blobs.refs);
    for (size_t i = 0; i < history->count; i++) {
        const struct version *version = &history->versions[i];

        for (size_t j = 0; j < version->count && !version->deleted; j++) {
            blobs.refs[blobs.count++] =
                (cull_blob_ref){ version->rows[j].digest, version->rows[j].size_bytes };
        }
    }
    qsort(blobs.refs, blobs.count, sizeof *blobs.refs, by_digest);
    for (size_t i = 0; i < blobs.count; i++) {
        if (i == 0 || by_digest(&blobs.refs[i], &blobs.refs[i - 1]) != 0) {
            blobs.refs[kept++] = blobs.refs[i];
        }
    }
    blobs.count = kept;
    return blobs;
}

/* Take out of some blobs those of others. */
static void subtract(struct blobs *from, const struct blobs *others)
{
    size_t left = 0;

    for (size_t i = 0; i < from->count; i++) {
        if (bsearch(&from->refs[i], others->refs, others->count, sizeof *others->refs, by_digest) ==
            NULL) {
            from->refs[left++] = from->refs[i];
        }
    }
    from->count = left;
}

static uint64_t known_bytes(const struct blobs *blobs)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < blobs->count; i++) {
        sum += blobs->refs[i].size_bytes == CULL_SIZE_UNKNOWN ? 0 : blobs->refs[i].size_bytes;
    }
    return sum;
}

/* --- into the store --------------------------------------------------------------------------- */

static cull_entry entry_of(const struct row *row)
{
    return (cull_entry){ .path = row->path,
                         .path_len = (uint32_t)strlen(row->path),
                         .kind = CULL_ENTRY_BLOB,
                         .digest = row->digest,
                         .size_bytes = row->size_bytes };
}

static cull_manifest *manifest_of(const struct version *version, cull_digest_kind kind)
{
    cull_manifest *manifest = NULL;
    cull_error err = { CULL_OK, "" };

    ck_assert_int_eq(cull_manifest_new(&manifest, kind, NULL), CULL_OK);
    for (size_t i = 0; i < version->count; i++) {
        const cull_entry entry = entry_of(&version->rows[i]);

        ck_assert_msg(cull_manifest_add(manifest, &entry, &err) == CULL_OK, "%s", err.message);
    }
    ck_assert_msg(cull_manifest_seal(manifest, &err) == CULL_OK, "%s", err.message);
    return manifest;
}

/* The edits that lead from one version to another: both are sorted, so walk them side by side. */
static cull_manifest_patch *patch_of(const struct version *from, const struct version *to,
                                     cull_digest_kind kind)
{
    cull_manifest_patch *patch = NULL;
    cull_error err = { CULL_OK, "" };
    size_t i = 0;
    size_t j = 0;

    ck_assert_int_eq(cull_manifest_patch_new(&patch, kind, NULL), CULL_OK);
    while (i < from->count || j < to->count) {
        int order = i == from->count ? 1
                    : j == to->count ? -1
                                     : by_path(&from->rows[i], &to->rows[j]);
        cull_status status = CULL_OK;

        if (order < 0) {
            status = cull_manifest_patch_remove(patch, from->rows[i].path, &err);
        } else if (order > 0 ||
                   memcmp(&from->rows[i].digest, &to->rows[j].digest, sizeof(cull_digest)) != 0) {
            const cull_entry entry = entry_of(&to->rows[j]);

            status = cull_manifest_patch_put(patch, &entry, &err);
        }
        ck_assert_msg(status == CULL_OK, "%s", err.message);
        i += order <= 0;
        j += order >= 0;
    }
    ck_assert_msg(cull_manifest_patch_seal(patch, &err) == CULL_OK, "%s", err.message);
    return patch;
}

static void put_blobs(struct bench_store *bench, cull_upload *upload, const struct version *version)
{
    const cull_caller caller = bench_caller(bench);
    cull_blob_ref *refs = calloc(version->count, sizeof *refs);
    cull_put_answer *answers = calloc(version->count, sizeof *answers);
    cull_error err = { CULL_OK, "" };

    ck_assert(refs != NULL && answers != NULL);
    for (size_t i = 0; i < version->count; i++) {
        refs[i] = (cull_blob_ref){ version->rows[i].digest, version->rows[i].size_bytes };
    }
    ck_assert_msg(cull_upload_put(upload, refs, version->count, answers, &caller, &err) == CULL_OK,
                  "%s", err.message);
    for (size_t i = 0; i < version->count; i++) {
        ck_assert_int_eq(answers[i], CULL_PUT_STORED);
    }
    free(refs);
    free(answers);
}

static void commit(struct bench_store *bench, struct version *version, const struct version *before,
                   bool as_patch)
{
    const cull_caller caller = bench_caller(bench);
    cull_commit_options options = { 0 };
    cull_manifest *manifest = NULL;
    cull_manifest_patch *patch = NULL;
    cull_commit_result result;
    cull_error err = { CULL_OK, "" };
    cull_upload *upload = bench_upload(bench, "c", before == NULL ? -1 : (int)before->ordinal);

    put_blobs(bench, upload, version);
    if (as_patch && before != NULL) {
        options.patch = patch = patch_of(before, version, bench->digest);
    } else {
        options.manifest = manifest = manifest_of(version, bench->digest);
    }
    ck_assert_msg(
        cull_upload_commit(upload, &options, NULL, NULL, &result, &caller, &err) == CULL_OK, "%s",
        err.message);
    version->ordinal = result.version.ordinal;
    version->repeats = !result.is_new;
    cull_manifest_patch_free(patch);
    cull_manifest_free(manifest);
    cull_upload_free(upload);
}

/* A version reads back as the fixture has it. */
static void check_reads_back(struct bench_store *bench, const struct version *version)
{
    const cull_version_key key = bench_key(bench, "c", version->ordinal);
    cull_manifest *manifest = NULL;
    cull_error err = { CULL_OK, "" };

    ck_assert_msg(cull_version_manifest(bench->store, &key, &manifest, &err) == CULL_OK, "%s",
                  err.message);
    ck_assert_uint_eq(cull_manifest_count(manifest), version->count);
    for (size_t i = 0; i < version->count; i++) {
        cull_entry entry;

        cull_manifest_at(manifest, i, &entry);
        ck_assert_str_eq(entry.path, version->rows[i].path);
        ck_assert_mem_eq(&entry.digest, &version->rows[i].digest, sizeof entry.digest);
        ck_assert_uint_eq(entry.size_bytes, version->rows[i].size_bytes);
    }
    cull_manifest_free(manifest);
}

/* --- deleting and collecting ------------------------------------------------------------------ */

/* Soft-delete the versions whose ordinals divide so, all but the newest. Returns how many. */
static size_t delete_some(struct bench_store *bench, struct history *history, uint32_t divisor,
                          uint32_t remainder, const struct blobs *before)
{
    const cull_caller caller = bench_caller(bench);
    const cull_delete_options options = { .delete_aliases = true };
    cull_version_key keys[HISTORY_VERSIONS_MAX];
    struct blobs kept;
    struct blobs dead = { NULL, before->count };
    uint64_t blobs;
    uint64_t bytes;
    bool exact;
    size_t count = 0;
    cull_error err = { CULL_OK, "" };
    const uint32_t newest = history->versions[history->count - 1].ordinal;

    for (size_t i = 0; i < history->count; i++) {
        struct version *version = &history->versions[i];

        if (version->ordinal % divisor == remainder && version->ordinal != newest &&
            !version->deleted) {
            version->deleted = true;
            keys[count] = bench_key(bench, "c", version->ordinal);
            count += !version->repeats;
        }
    }
    kept = held_blobs(history);
    dead.refs = calloc(before->count, sizeof *dead.refs);
    ck_assert_ptr_nonnull(dead.refs);
    memcpy(dead.refs, before->refs, before->count * sizeof *dead.refs);
    subtract(&dead, &kept);
    ck_assert_int_eq(cull_would_free(bench->store, keys, count, &blobs, &bytes, &exact, &err),
                     CULL_OK);
    ck_assert_uint_eq(blobs, dead.count);
    ck_assert_uint_eq(bytes, known_bytes(&dead));
    ck_assert_msg(cull_delete(bench->store, keys, count, &options, &caller, &err) == CULL_OK, "%s",
                  err.message);
    free(dead.refs);
    free(kept.refs);
    return count;
}

static cull_status take(void *ctx, const cull_blob_ref *blob)
{
    struct blobs *listed = ctx;

    listed->refs[listed->count++] = *blob;
    return CULL_OK;
}

/* The caller of an index-only store deletes what it is told, and says so. */
static void hand_over(struct bench_store *bench, cull_plan *plan, const cull_gc_options *options,
                      const struct blobs *want)
{
    const cull_caller caller = bench_caller(bench);
    struct blobs listed = { calloc(want->count + 1, sizeof *listed.refs), 0 };
    cull_digest *digests = calloc(want->count + 1, sizeof *digests);
    cull_gc_result result;
    uint64_t confirmed;
    cull_error err = { CULL_OK, "" };

    ck_assert(listed.refs != NULL && digests != NULL);
    ck_assert_msg(
        cull_gc_list(bench->store, plan, options, &caller, take, &listed, &result, &err) == CULL_OK,
        "%s", err.message);
    ck_assert_uint_eq(listed.count, want->count);
    qsort(listed.refs, listed.count, sizeof *listed.refs, by_digest);
    for (size_t i = 0; i < listed.count; i++) {
        digests[i] = listed.refs[i].digest;
        ck_assert_mem_eq(&digests[i], &want->refs[i].digest, sizeof digests[i]);
    }
    ck_assert_int_eq(
        cull_gc_confirm(bench->store, digests, listed.count, &caller, &confirmed, &err), CULL_OK);
    ck_assert_uint_eq(confirmed, want->count);
    free(digests);
    free(listed.refs);
}

/* One cycle: the plan is exactly what the oracle says, and nothing else is gone afterwards. */
static void collect(struct bench_store *bench, const struct history *history, size_t deleted,
                    struct blobs *before)
{
    const cull_gc_options options = { .now_ms = bench->now_ms,
                                      .verify_full = true,
                                      .allow_large_plan = true };
    struct blobs kept = held_blobs(history);
    cull_plan *plan = NULL;
    cull_plan_info info;
    cull_stat stat;
    cull_error err = { CULL_OK, "" };

    subtract(before, &kept);
    ck_assert_msg(cull_gc_plan(&plan, bench->store, &options, &err) == CULL_OK, "%s", err.message);
    cull_plan_get_info(plan, &info);
    ck_assert_uint_eq(info.versions, deleted);
    ck_assert_uint_eq(info.blobs, before->count);
    ck_assert_uint_eq(info.bytes, known_bytes(before));
    for (size_t i = 0; i < before->count; i++) {
        cull_blob_ref blob;

        cull_plan_blob(plan, i, &blob);
        ck_assert_mem_eq(&blob.digest, &before->refs[i].digest, sizeof blob.digest);
        ck_assert_uint_eq(blob.size_bytes, before->refs[i].size_bytes);
    }
    hand_over(bench, plan, &options, before);
    cull_plan_free(plan);
    ck_assert_int_eq(cull_stat_of(bench->store, &stat, &err), CULL_OK);
    ck_assert_uint_eq(stat.blobs, kept.count);
    ck_assert_uint_eq(stat.stored_bytes, known_bytes(&kept));
    free(before->refs);
    *before = kept;
}

static const struct {
    const char *name;
    const char *folder;
    const char *suffix;
    cull_digest_kind kind;
    size_t versions;
    bool as_patches;
} histories[] = {
    { "axios, whole manifests", "npm/axios", ".tsv", CULL_DIGEST_MD5, 36, false },
    { "axios, patches", "npm/axios", ".tsv", CULL_DIGEST_MD5, 36, true },
    { "eslint, whole manifests", "npm/eslint", ".tsv", CULL_DIGEST_MD5, 36, false },
    { "eslint, patches", "npm/eslint", ".tsv", CULL_DIGEST_MD5, 36, true },
    { "commits, whole manifests", "git", ".tsv", CULL_DIGEST_SHA1, 30, false },
    { "commits, patches", "git", ".tsv", CULL_DIGEST_SHA1, 30, true },
    { "packages without sizes", "debian", ".md5sums", CULL_DIGEST_MD5, 5, false },
    { "packages, each a patch on another", "debian", ".md5sums", CULL_DIGEST_MD5, 5, true },
};

/* Every second version, then every third of all, then all but the newest. */
static const struct {
    uint32_t divisor;
    uint32_t remainder;
} rounds[] = { { 2, 1 }, { 3, 0 }, { 1, 0 } };

START_TEST(after_deleting_versions_of_a_real_history_exactly_their_own_blobs_go)
    {
        const struct bench_options options = { .digest = histories[_i].kind, .index_only = true };
        struct bench_store bench;
        struct history history;
        struct blobs held;
        size_t changes = 0;

        read_history(&history, histories[_i].folder, histories[_i].suffix, histories[_i].kind);
        ck_assert_msg(history.count == histories[_i].versions, "%s", histories[_i].name);
        bench_open(&bench, &options);
        for (size_t i = 0; i < history.count; i++) {
            commit(&bench, &history.versions[i], i == 0 ? NULL : &history.versions[i - 1],
                   histories[_i].as_patches);
            changes += !history.versions[i].repeats;
        }
        held = held_blobs(&history);
        for (size_t round = 0; round < ARRAY_LEN(rounds); round++) {
            size_t deleted = delete_some(&bench, &history, rounds[round].divisor,
                                         rounds[round].remainder, &held);

            ck_assert_msg(deleted > 0, "%s", histories[_i].name);
            bench.now_ms++;
            collect(&bench, &history, deleted, &held);
            changes -= deleted;
            for (size_t i = 0; i < history.count; i++) {
                if (!history.versions[i].deleted) {
                    check_reads_back(&bench, &history.versions[i]);
                }
            }
            bench_check(&bench);
        }
        ck_assert_uint_eq(changes, 1);
        free(held.refs);
        bench_close(&bench);
        release_history(&history);
    }
END_TEST

/* --- made-up manifests ------------------------------------------------------------------------ */

static cull_status gather(void *ctx, const void *data, size_t len, cull_error *err)
{
    (void)err;
    cull__buf_put(ctx, data, len);
    return CULL_OK;
}

static struct cull__buf made_up_text(const struct manifest_gen *gen, uint32_t version)
{
    struct cull__buf text = CULL__BUF_INIT(cull_allocator_default());

    ck_assert_int_eq(manifest_gen_write(gen, version, gather, &text, NULL), CULL_OK);
    ck_assert(!text.failed);
    return text;
}

static cull_manifest *made_up(const struct manifest_gen *gen, uint32_t version)
{
    struct cull__buf text = made_up_text(gen, version);
    cull_manifest *manifest = NULL;
    cull_error err = { CULL_OK, "" };

    ck_assert_msg(cull_manifest_parse(&manifest, CULL_DIGEST_MD5, "made up", text.data, text.len,
                                      NULL, &err) == CULL_OK,
                  "%s", err.message);
    ck_assert_uint_eq(cull_manifest_count(manifest), gen->files);
    cull__buf_release(&text);
    return manifest;
}

START_TEST(a_made_up_manifest_is_the_same_on_every_machine)
    {
        const struct manifest_gen gen = { .seed = 7, .files = 20000, .change_per_million = 50000 };
        struct cull__buf text = made_up_text(&gen, 3);
        cull_digest digest;
        char hex[CULL_DIGEST_HEX_MAX];

        ck_assert_int_eq(cull_digest_of(&digest, CULL_DIGEST_MD5, text.data, text.len), CULL_OK);
        cull_digest_to_hex(hex, &digest, CULL_DIGEST_MD5);
        ck_assert_str_eq(hex, "2ebeb391b23cce161ad127a4d9533a01");
        ck_assert_uint_ge(text.len / gen.files, 113);
        ck_assert_uint_le(text.len / gen.files, 115);
        cull__buf_release(&text);
    }
END_TEST

static const struct {
    const char *name;
    uint32_t change_per_million;
    uint32_t changes_min; /* of 5000 files, in each step */
    uint32_t changes_max;
} changes_cases[] = {
    { "nothing changes", 0, 0, 0 },
    { "one in a hundred", 10000, 25, 75 },
    { "one in three", 333333, 1500, 1850 },
    { "everything changes", MANIFEST_GEN_PER_MILLION, 5000, 5000 },
};

START_TEST(from_one_made_up_version_to_the_next_the_share_that_was_asked_for_changes)
    {
        const struct manifest_gen gen = {
            .seed = 1, .files = 5000, .change_per_million = changes_cases[_i].change_per_million
        };
        cull_manifest *before = made_up(&gen, 0);

        for (uint32_t version = 1; version < 6; version++) {
            cull_manifest *now = made_up(&gen, version);
            uint32_t changes = 0;

            for (uint32_t file = 0; file < gen.files; file++) {
                cull_entry a;
                cull_entry b;
                bool changed = manifest_gen_born(&gen, version, file) == version;

                cull_manifest_at(before, file, &a);
                cull_manifest_at(now, file, &b);
                ck_assert_str_eq(a.path, b.path);
                ck_assert_int_eq(memcmp(&a.digest, &b.digest, sizeof a.digest) != 0, changed);
                ck_assert(changed || a.size_bytes == b.size_bytes);
                changes += changed;
            }
            ck_assert_msg(changes >= changes_cases[_i].changes_min &&
                              changes <= changes_cases[_i].changes_max,
                          "%s: %u", changes_cases[_i].name, changes);
            cull_manifest_free(before);
            before = now;
        }
        cull_manifest_free(before);
    }
END_TEST

START_TEST(another_seed_makes_other_digests)
    {
        const struct manifest_gen one = { .seed = 1, .files = 1 };
        const struct manifest_gen two = { .seed = 2, .files = 1 };
        cull_manifest *a = made_up(&one, 0);
        cull_manifest *b = made_up(&two, 0);
        cull_entry of_a;
        cull_entry of_b;

        cull_manifest_at(a, 0, &of_a);
        cull_manifest_at(b, 0, &of_b);
        ck_assert_mem_ne(&of_a.digest, &of_b.digest, sizeof of_a.digest);
        cull_manifest_free(a);
        cull_manifest_free(b);
    }
END_TEST

START_TEST(a_made_up_manifest_may_be_empty)
    {
        const struct manifest_gen none = { .seed = 1, .files = 0 };

        cull_manifest_free(made_up(&none, 0));
    }
END_TEST

static cull_status refuse_after(void *ctx, const void *data, size_t len, cull_error *err)
{
    unsigned *left = ctx;

    (void)data;
    (void)len;
    (void)err;
    return (*left)-- > 0 ? CULL_OK : CULL_E_NOSPACE;
}

/* 2,000 files are four buffers: the first to the last may find no room. */
START_TEST(what_the_writer_says_is_passed_on)
    {
        const struct manifest_gen gen = { .seed = 1, .files = 2000 };
        unsigned left = (unsigned)_i;

        ck_assert_int_eq(manifest_gen_write(&gen, 0, refuse_after, &left, NULL),
                         _i < 4 ? CULL_E_NOSPACE : CULL_OK);
    }
END_TEST

Suite *fixtures_suite(void)
{
    Suite *suite = suite_create("fixtures");
    TCase *real = tcase_create("histories");
    TCase *made = tcase_create("made_up");

    tcase_add_loop_test(real, after_deleting_versions_of_a_real_history_exactly_their_own_blobs_go,
                        0, (int)ARRAY_LEN(histories));
    suite_add_tcase(suite, real);
    tcase_add_test(made, a_made_up_manifest_is_the_same_on_every_machine);
    tcase_add_loop_test(made,
                        from_one_made_up_version_to_the_next_the_share_that_was_asked_for_changes,
                        0, (int)ARRAY_LEN(changes_cases));
    tcase_add_test(made, another_seed_makes_other_digests);
    tcase_add_test(made, a_made_up_manifest_may_be_empty);
    tcase_add_loop_test(made, what_the_writer_says_is_passed_on, 0, 5);
    suite_add_tcase(suite, made);
    return suite;
}
