/*
 * test_manifest_line.c - a line of manifests knows the digests that each of them has alone, and a
 * commit believes a patch's note on the base that it is of only.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/manifest_internal.h"
#include "store_support.h"
#include "support.h"

#define PATHS 700 /* that could be: a dozen pages */
#define PATCHES_MAX 40

/* xorshift64* */
static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (*state * UINT64_C(2685821657736338717) >> 33) % below;
}

static cull_entry entry_of(char path[64], size_t i, uint64_t value)
{
    static const char *const stems[] = { "a", "a/b", "ab\nc", "folder/below/it/x", "\xc3\xa9" };
    cull_entry entry = { .path = path, .size_bytes = value };

    entry.path_len = (uint32_t)snprintf(path, 64, "%s%zu", stems[i % ARRAY_LEN(stems)], i);
    entry.kind = value % 5 == 0 ? CULL_ENTRY_REF : CULL_ENTRY_BLOB;
    if (entry.kind == CULL_ENTRY_REF) {
        entry.ref = "s3://b/1";
        entry.digest_text = value % 2 == 0 ? "" : "etag";
    }
    memcpy(entry.digest.bytes, &value, sizeof value);
    return entry;
}

/* What a manifest is, and a patch on it: paths are removed more often where they are many. */
struct world {
    uint64_t state;
    cull_digest_kind kind;
    bool there[PATHS];
};

static cull_manifest *first_manifest(struct world *world, uint64_t of_ten)
{
    cull_manifest *manifest = NULL;

    ck_assert_int_eq(cull_manifest_new(&manifest, world->kind, NULL), CULL_OK);
    for (size_t i = 0; i < PATHS; i++) {
        world->there[i] = draw(&world->state, 10) < of_ten;
        if (world->there[i]) {
            char path[64];
            cull_entry entry = entry_of(path, i, draw(&world->state, 1000));

            ck_assert_int_eq(cull_manifest_add(manifest, &entry, NULL), CULL_OK);
        }
    }
    ck_assert_int_eq(cull_manifest_seal(manifest, NULL), CULL_OK);
    return manifest;
}

static cull_manifest_patch *next_patch(struct world *world, size_t edits, uint64_t removals_of_ten)
{
    size_t from = (size_t)draw(&world->state, PATHS);
    size_t step = draw(&world->state, 2) == 0 ? 1 : 337; /* side by side, or all over */
    cull_manifest_patch *patch = NULL;

    ck_assert_int_eq(cull_manifest_patch_new(&patch, world->kind, NULL), CULL_OK);
    for (size_t i = from; edits > 0; edits--, i += step) {
        char path[64];
        cull_entry entry = entry_of(path, i % PATHS, draw(&world->state, 1000));

        if (world->there[i % PATHS] && draw(&world->state, 10) < removals_of_ten) {
            entry.kind = CULL_ENTRY_NONE;
        }
        world->there[i % PATHS] = entry.kind != CULL_ENTRY_NONE;
        ck_assert_int_eq(cull_manifest_patch_put(patch, &entry, NULL), CULL_OK);
    }
    ck_assert_int_eq(cull_manifest_patch_seal(patch, NULL), CULL_OK);
    return patch;
}

static const struct {
    const char *name;
    cull_digest_kind kind;
    uint64_t of_ten; /* paths there at first */
    size_t edits;    /* a patch, at most */
    uint64_t removals_of_ten;
    size_t patches;
} line_cases[] = {
    { "from nothing", CULL_DIGEST_SHA1, 0, 20, 0, 40 },
    { "a few edits", CULL_DIGEST_SHA1, 8, 4, 3, 40 },
    { "edits of everything", CULL_DIGEST_MD5, 5, PATHS, 5, 8 },
    { "down to nothing", CULL_DIGEST_SHA256, 2, PATHS, 10, 3 },
    { "nothing, and again something", CULL_DIGEST_MD5, 0, 3, 9, 33 },
    { "as many as are hashed at a time", CULL_DIGEST_SHA1, 6, 9, 2, 16 },
    { "one more", CULL_DIGEST_SHA1, 6, 9, 2, 17 },
    { "patches without edits", CULL_DIGEST_SHA1, 6, 1, 2, 20 },
    { "a single one", CULL_DIGEST_XXH128, 9, 30, 2, 1 },
};

START_TEST(a_line_notes_the_digests_that_the_manifests_have_alone)
    {
        for (uint64_t seed = 1; seed <= 12; seed++) {
            struct world world = { seed * 977, line_cases[_i].kind, { false } };
            cull_manifest *manifest = first_manifest(&world, line_cases[_i].of_ten);
            cull_manifest_patch *patches[PATCHES_MAX];
            cull_manifest_line *line = NULL;
            size_t count = line_cases[_i].patches;
            size_t at = 0;

            for (size_t i = 0; i < count; i++) {
                size_t edits = (size_t)draw(&world.state, line_cases[_i].edits + 1);

                patches[i] = next_patch(&world, edits, line_cases[_i].removals_of_ten);
            }
            ck_assert_int_eq(cull_manifest_line_new(&line, manifest, NULL), CULL_OK);
            while (at < count) { /* in calls of different lengths */
                size_t some = 1 + (size_t)draw(&world.state, count - at);

                ck_assert_int_eq(cull_manifest_line_follow(line, patches + at, some, NULL),
                                 CULL_OK);
                at += some;
            }
            for (size_t i = 0; i < count; i++) {
                size_t base_count = cull_manifest_count(manifest);
                cull_manifest *next = NULL;
                cull_digest base;
                cull_digest made;
                cull_digest noted;

                ck_assert_int_eq(cull_manifest_digest(manifest, &base), CULL_OK);
                ck_assert_int_eq(cull_manifest_patch_apply(&next, manifest, patches[i], NULL, NULL),
                                 CULL_OK);
                ck_assert_int_eq(cull_manifest_digest(next, &made), CULL_OK);
                ck_assert_msg(cull__manifest_noted(patches[i], base.bytes, base_count, &noted) &&
                                  memcmp(&made, &noted, sizeof made) == 0,
                              "%s: seed %d: patch %zu", line_cases[_i].name, (int)seed, i);
                ck_assert(!cull__manifest_noted(patches[i], base.bytes, base_count + 1, &noted));
                base.bytes[15] ^= 1;
                ck_assert(!cull__manifest_noted(patches[i], base.bytes, base_count, &noted));
                cull_manifest_free(manifest);
                cull_manifest_patch_free(patches[i]);
                manifest = next;
            }
            cull_manifest_free(manifest);
            cull_manifest_line_free(line);
        }
    }
END_TEST

/* A patch that removes a path, of that digest kind. */
static cull_manifest_patch *removal(cull_digest_kind kind, const char *path)
{
    cull_manifest_patch *patch = NULL;

    ck_assert_int_eq(cull_manifest_patch_new(&patch, kind, NULL), CULL_OK);
    ck_assert_int_eq(cull_manifest_patch_remove(patch, path, NULL), CULL_OK);
    ck_assert_int_eq(cull_manifest_patch_seal(patch, NULL), CULL_OK);
    return patch;
}

static const struct {
    const char *name;
    cull_digest_kind kind;
    const char *path;
    const char *message;
} misfits[] = {
    { "a path that is not there", CULL_DIGEST_SHA1, "zz", "zz: cannot be removed: no such path" },
    { "a path that was removed before", CULL_DIGEST_SHA1, "a0",
      "a0: cannot be removed: no such path" },
    { "another kind", CULL_DIGEST_MD5, "a0", "a patch of md5 digests in a line of sha1" },
};

START_TEST(a_patch_that_does_not_fit_ends_the_line_and_has_no_note)
    {
        struct world world = { 5, CULL_DIGEST_SHA1, { false } };
        cull_manifest *manifest = first_manifest(&world, 10);
        cull_manifest_line *line = NULL;
        cull_manifest_patch *patches[3] = { removal(CULL_DIGEST_SHA1, "a0"),
                                            removal(misfits[_i].kind, misfits[_i].path),
                                            removal(CULL_DIGEST_SHA1, "a5") };
        cull_error err = { CULL_OK, "" };

        ck_assert_int_eq(cull_manifest_line_new(&line, manifest, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_line_follow(line, patches, 3, &err), CULL_E_INVALID);
        ck_assert_str_eq(err.message, misfits[_i].message);
        ck_assert(patches[0]->noted && !patches[1]->noted && !patches[2]->noted);
        ck_assert_int_eq(cull_manifest_line_follow(line, patches + 2, 1, &err), CULL_E_USAGE);
        ck_assert(!patches[2]->noted);
        for (size_t i = 0; i < 3; i++) {
            cull_manifest_patch_free(patches[i]);
        }
        cull_manifest_line_free(line);
        cull_manifest_free(manifest);
    }
END_TEST

START_TEST(a_line_without_memory_is_an_error_and_no_leak)
    {
        struct world world = { 11, CULL_DIGEST_SHA1, { false } };
        cull_manifest *manifest = first_manifest(&world, 7);
        cull_manifest_patch *patches[20];
        cull_status status = CULL_E_NOMEM;

        for (size_t i = 0; i < ARRAY_LEN(patches); i++) {
            patches[i] = next_patch(&world, 12, 1);
        }
        for (uint64_t n = 1; status != CULL_OK; n++) {
            struct failing_allocator failing;
            cull_manifest_line *line = NULL;
            cull_error err = { CULL_OK, "" };

            failing_allocator_init(&failing, n);
            status = cull_manifest_line_new(&line, manifest, &failing.allocator);
            ck_assert_int_eq(line == NULL, status != CULL_OK);
            if (status == CULL_OK) {
                status = cull_manifest_line_follow(line, patches, ARRAY_LEN(patches), &err);
            }
            ck_assert(status == CULL_OK || status == CULL_E_NOMEM);
            cull_manifest_line_free(line);
            ck_assert_int_eq(failing.live, 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(patches); i++) {
            cull_manifest_patch_free(patches[i]);
        }
        cull_manifest_free(manifest);
    }
END_TEST

/* --- commits ---------------------------------------------------------------------------------- */

static cull_manifest_patch *put_patch(const struct bench_store *bench, const char *path,
                                      const char *content)
{
    cull_manifest_patch *patch = NULL;
    cull_entry entry = { .path = path,
                         .path_len = (uint32_t)strlen(path),
                         .kind = CULL_ENTRY_BLOB,
                         .size_bytes = strlen(content),
                         .digest = bench_digest(bench, content) };

    ck_assert_int_eq(cull_manifest_patch_new(&patch, bench->digest, NULL), CULL_OK);
    ck_assert_int_eq(cull_manifest_patch_put(patch, &entry, NULL), CULL_OK);
    ck_assert_int_eq(cull_manifest_patch_seal(patch, NULL), CULL_OK);
    return patch;
}

static cull_commit_result commit_patch(struct bench_store *bench, int base, const char *put,
                                       const cull_manifest_patch *patch)
{
    cull_upload *upload = bench_upload(bench, "c", base);
    cull_commit_options commit = { .patch = patch };
    cull_commit_result result;
    cull_caller caller = bench_caller(bench);
    cull_error err = { CULL_OK, "" };

    ck_assert_int_eq(bench_put(bench, upload, put, &err), CULL_OK);
    ck_assert_int_eq(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err),
                     CULL_OK);
    cull_upload_free(upload);
    return result;
}

/* Whether a version's digest is its manifest's is what reading it looks at. */
START_TEST(a_commit_takes_the_note_on_its_base_and_on_no_other)
    {
        struct bench_store bench;
        const struct bench_options options = { 0 };
        cull_manifest *first;
        cull_manifest_line *line = NULL;
        cull_manifest_patch *patches[2];
        cull_digest noted;
        cull_digest wrong;

        bench_open(&bench, &options);
        bench_commit(&bench, "c", "a=1 b=2");
        first = bench_manifest(&bench, "a=1 b=2");
        patches[0] = put_patch(&bench, "b", "5");
        patches[1] = put_patch(&bench, "c", "6");
        ck_assert_int_eq(cull_manifest_line_new(&line, first, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_line_follow(line, patches, 2, NULL), CULL_OK);
        noted = wrong = patches[1]->made_digest;

        ck_assert(commit_patch(&bench, 0, "b=5", patches[0]).is_new);
        ck_assert(commit_patch(&bench, 0, "c=6", patches[1]).is_new); /* its note is of v1 */
        ck_assert_str_eq(bench_text(&bench, "c", 1), "a=1 b=5");
        ck_assert_str_eq(bench_text(&bench, "c", 2), "a=1 b=2 c=6");
        bench_check(&bench);

        /* only what is noted is looked at: a wrong one would stand in the version */
        wrong.bytes[0] ^= 1;
        patches[1]->made_digest = wrong;
        ck_assert_uint_eq(commit_patch(&bench, 1, "c=6", patches[1]).version.ordinal, 3);
        patches[1]->made_digest = noted;
        ck_assert(commit_patch(&bench, 1, "c=6", patches[1]).is_new);
        ck_assert(!commit_patch(&bench, 1, "c=6", patches[1]).is_new);
        ck_assert_str_eq(bench_text(&bench, "c", 4), "a=1 b=5 c=6");

        cull_manifest_patch_free(patches[0]);
        cull_manifest_patch_free(patches[1]);
        cull_manifest_line_free(line);
        cull_manifest_free(first);
        bench_close(&bench);
    }
END_TEST

Suite *manifest_line_suite(void)
{
    Suite *suite = suite_create("manifest_line");
    TCase *tc = tcase_create("line");

    tcase_add_loop_test(tc, a_line_notes_the_digests_that_the_manifests_have_alone, 0,
                        (int)ARRAY_LEN(line_cases));
    tcase_add_loop_test(tc, a_patch_that_does_not_fit_ends_the_line_and_has_no_note, 0,
                        (int)ARRAY_LEN(misfits));
    tcase_add_test(tc, a_line_without_memory_is_an_error_and_no_leak);
    tcase_add_test(tc, a_commit_takes_the_note_on_its_base_and_on_no_other);
    suite_add_tcase(suite, tc);
    return suite;
}
