/*
 * test_spill.c - manifests that are larger than their share of memory: whoever looks at them must
 * not be able to tell, however they came about, and a scratch file that fails is said.
 */
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/manifest_spill.h"
#include "store_support.h"
#include "support.h"

#define MEMORY_BYTES 2000 /* some twenty entries */

/* Files that are counted, and how they are opened. */
struct files {
    cull_scratch scratch;
    const char *path; /* opened instead of a new file; NULL */
    int flags;
    int fail_after; /* files; -1: never */
    int opened;
};

static cull_status open_file(void *ctx, int *fd, cull_error *err)
{
    struct files *files = ctx;
    char path[] = "/tmp/cull-spill-XXXXXX";

    if (files->fail_after >= 0 && files->opened >= files->fail_after) {
        err->status = CULL_E_IO;
        (void)snprintf(err->message, sizeof err->message, "no scratch file today");
        return CULL_E_IO;
    }
    files->opened++;
    *fd = files->path != NULL ? open(files->path, files->flags) : mkstemp(path);
    ck_assert_msg(*fd >= 0, "%s", strerror(errno));
    if (files->path == NULL) {
        ck_assert_int_eq(unlink(path), 0);
        if (files->flags == O_WRONLY) { /* what is written is never read back */
            int written = open("/dev/null", O_WRONLY);

            ck_assert_int_eq(dup2(written, *fd), *fd);
            ck_assert_int_eq(close(written), 0);
        }
    }
    return CULL_OK;
}

static void files_init(struct files *files)
{
    *files = (struct files){ .fail_after = -1 };
    files->scratch = (cull_scratch){ open_file, files, MEMORY_BYTES };
}

/* --- entries made by number ------------------------------------------------------------------ */

struct made {
    char path[64];
    char digest_text[64];
    char ref[64];
    char members[64];
    cull_entry entry;
};

/* Entry n of a kind of its own: references among blobs, sizes that are unknown, long shared paths,
 * other members that several have, more of them than a table has room for. */
static const cull_entry *make(struct made *made, unsigned n, unsigned content)
{
    (void)snprintf(made->path, sizeof made->path, "folder %03u/file %05u.bin", n / 100, n);
    made->entry = (cull_entry){ .path = made->path,
                                .path_len = (uint32_t)strlen(made->path),
                                .kind = CULL_ENTRY_BLOB,
                                .size_bytes = n % 13 == 0 ? CULL_SIZE_UNKNOWN : n };
    if (n % 17 == 3) {
        made->entry.kind = CULL_ENTRY_REF;
        (void)snprintf(made->ref, sizeof made->ref, "s3://bucket/%u", n);
        (void)snprintf(made->digest_text, sizeof made->digest_text, "etag-%u", content);
        made->entry.ref = made->ref;
        made->entry.digest_text = made->digest_text;
    } else {
        memcpy(made->entry.digest.bytes, &content, sizeof content);
        memcpy(made->entry.digest.bytes + 8, &n, sizeof n);
    }
    if (n % 3 == 1) {
        (void)snprintf(made->members, sizeof made->members, "\"birthArtifactID\":\"%u\"", n / 8);
        made->entry.members = made->members;
    }
    return &made->entry;
}

enum order { ASCENDING, SCATTERED, DESCENDING };

/* The k-th number of a permutation of 0..count-1; count is no multiple of 7919. */
static unsigned number_at(unsigned k, unsigned count, enum order order)
{
    return order == ASCENDING    ? k
           : order == DESCENDING ? count - 1 - k
                                 : (unsigned)((uint64_t)k * 7919 % count);
}

static cull_manifest *made_in(const cull_scratch *scratch, unsigned count, enum order order,
                              unsigned content)
{
    cull_manifest *manifest = NULL;
    struct made made;
    cull_error err = { CULL_OK, "" };

    ck_assert_int_eq(cull_manifest_new_in(&manifest, CULL_DIGEST_MD5, scratch, NULL), CULL_OK);
    for (unsigned k = 0; k < count; k++) {
        const cull_entry *entry = make(&made, number_at(k, count, order), content);

        ck_assert_msg(cull_manifest_add(manifest, entry, &err) == CULL_OK, "%s", err.message);
    }
    ck_assert_msg(cull_manifest_seal(manifest, &err) == CULL_OK, "%s", err.message);
    return manifest;
}

static cull_status gather(void *ctx, const void *data, size_t len, cull_error *err)
{
    (void)err;
    cull__buf_put(ctx, data, len);
    return CULL_OK;
}

/* All that can be seen of one is what can be seen of the other. */
static void ck_same(const cull_manifest *spilled, const cull_manifest *held)
{
    struct cull__buf texts[2] = { CULL__BUF_INIT(cull_allocator_default()),
                                  CULL__BUF_INIT(cull_allocator_default()) };
    cull_digest digests[2];
    bool exact[2];
    const char *why = NULL;

    ck_assert_ptr_null(held->spill);
    ck_assert_msg(cull__manifest_valid(spilled, &why), "%s", why);
    ck_assert_uint_eq(cull_manifest_count(spilled), cull_manifest_count(held));
    ck_assert_uint_eq(cull_manifest_size_bytes(spilled, &exact[0]),
                      cull_manifest_size_bytes(held, &exact[1]));
    ck_assert(exact[0] == exact[1]);
    ck_assert_int_eq(cull_manifest_digest(spilled, &digests[0]), CULL_OK);
    ck_assert_int_eq(cull_manifest_digest(held, &digests[1]), CULL_OK);
    ck_assert_mem_eq(digests[0].bytes, digests[1].bytes, 16);
    ck_assert(cull__manifest_checksum(spilled) == cull__manifest_checksum(held));
    ck_assert_int_eq(cull_manifest_write(spilled, gather, &texts[0], NULL), CULL_OK);
    ck_assert_int_eq(cull_manifest_write(held, gather, &texts[1], NULL), CULL_OK);
    ck_assert_uint_eq(texts[0].len, texts[1].len);
    ck_assert_mem_eq(texts[0].data, texts[1].data, texts[0].len);
    for (size_t i = 0; i < cull_manifest_count(held); i += 7) {
        cull_entry wanted;
        cull_entry found;

        cull_manifest_at(held, cull_manifest_count(held) - 1 - i, &wanted);
        ck_assert_msg(cull_manifest_find(spilled, wanted.path, &found), "%s", wanted.path);
        ck_assert_str_eq(found.path, wanted.path);
        ck_assert(!cull_manifest_find(spilled, "folder", &found));
    }
    ck_assert_int_eq(cull_manifest_check(spilled, NULL), CULL_OK);
    cull__buf_release(&texts[0]);
    cull__buf_release(&texts[1]);
}

/* --- tests ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    unsigned count;
    enum order order;
    bool spills;
} sizes[] = {
    { "nothing at all", 0, ASCENDING, false },
    { "few stay in memory", 10, SCATTERED, false },
    { "one run", 40, ASCENDING, true },
    { "runs that follow each other", 3000, ASCENDING, true },
    { "runs the wrong way round", 3000, DESCENDING, true },
    { "runs that lie in one another", 5000, SCATTERED, true },
};

START_TEST(a_manifest_in_a_scratch_file_looks_like_one_in_memory)
    {
        struct files files;
        cull_manifest *spilled;
        cull_manifest *held = made_in(NULL, sizes[_i].count, ASCENDING, 1);

        files_init(&files);
        spilled = made_in(&files.scratch, sizes[_i].count, sizes[_i].order, 1);
        ck_assert_msg((spilled->spill != NULL) == sizes[_i].spills, "%s", sizes[_i].name);
        ck_assert_int_eq(files.opened, !sizes[_i].spills              ? 0
                                       : sizes[_i].order == ASCENDING ? 1
                                                                      : 2);
        ck_same(spilled, held);
        cull_manifest_free(spilled);
        cull_manifest_free(held);
    }
END_TEST

static void put_text(struct cull__buf *buf, const char *text)
{
    cull__buf_put(buf, text, strlen(text));
}

/* A manifest's JSON with its entries in another order, and one path twice if twice is a number. */
static struct cull__buf json_of(unsigned count, enum order order, unsigned twice)
{
    struct cull__buf json = CULL__BUF_INIT(cull_allocator_default());
    char line[200];

    put_text(&json, "{\"version\": 1, \"contents\": {");
    for (unsigned k = 0; k < count + (twice < count); k++) {
        unsigned n = k < count ? number_at(k, count, order) : twice;

        (void)snprintf(line, sizeof line,
                       "%s\"p/%05u\": {\"digest\": \"sZRqySSS0jR8YjW00mERhA==\", \"x\": %u, "
                       "\"size\": %u}",
                       k == 0 ? "" : ", ", n, n / 8, n);
        put_text(&json, line);
    }
    put_text(&json, "}}");
    return json;
}

static cull_status read_json(cull_manifest **out, const struct cull__buf *json,
                             const cull_scratch *scratch, cull_error *err)
{
    struct text_source text = { (const char *)json->data, json->len, SIZE_MAX };

    return cull_manifest_read_in(out, CULL_DIGEST_MD5, "j", text_source_read, &text, scratch, NULL,
                                 err);
}

START_TEST(what_is_read_into_a_scratch_file_is_what_is_read_into_memory)
    {
        for (enum order order = ASCENDING; order <= DESCENDING; order++) {
            struct cull__buf json = json_of(2000, order, UINT32_MAX);
            struct files files;
            cull_manifest *spilled = NULL;
            cull_manifest *held = NULL;
            cull_error err = { CULL_OK, "" };

            files_init(&files);
            ck_assert_msg(read_json(&spilled, &json, &files.scratch, &err) == CULL_OK, "%s",
                          err.message);
            ck_assert_int_eq(read_json(&held, &json, NULL, &err), CULL_OK);
            ck_assert_ptr_nonnull(spilled->spill);
            ck_same(spilled, held);
            cull_manifest_free(spilled);
            cull_manifest_free(held);
            cull__buf_release(&json);
        }
    }
END_TEST

/* The message names path and byte, or line, of the second of the two, as it does in memory. */
START_TEST(a_duplicate_is_named_by_path_and_place_also_when_its_twin_lies_in_another_run)
    {
        static const unsigned twice[] = { 0, 3, 1000, 1998, 1999 };

        for (size_t i = 0; i < ARRAY_LEN(twice); i++) {
            for (enum order order = ASCENDING; order <= DESCENDING; order++) {
                struct cull__buf json = json_of(2000, order, twice[i]);
                struct files files;
                cull_manifest *manifest = NULL;
                cull_error in_memory = { CULL_OK, "" };
                cull_error in_file = { CULL_OK, "" };

                files_init(&files);
                ck_assert_int_eq(read_json(&manifest, &json, NULL, &in_memory), CULL_E_INVALID);
                ck_assert_int_eq(read_json(&manifest, &json, &files.scratch, &in_file),
                                 CULL_E_INVALID);
                ck_assert_ptr_null(manifest);
                ck_assert_str_eq(in_file.message, in_memory.message);
                ck_assert_ptr_nonnull(strstr(in_file.message, "duplicate path"));
                cull__buf_release(&json);
            }
        }
    }
END_TEST

START_TEST(a_duplicate_in_a_list_is_named_by_its_line)
    {
        struct cull__buf list = CULL__BUF_INIT(cull_allocator_default());
        struct files files;
        struct text_source text;
        cull_manifest *manifest = NULL;
        cull_error err = { CULL_OK, "" };
        char line[100];

        files_init(&files);
        for (unsigned k = 0; k < 900; k++) { /* line 801 has the path of line 1 */
            (void)snprintf(line, sizeof line, "b194acc92492d2347c6235b4d26111%02x  p/%05u\n",
                           k % 256, k == 800 ? 1000 : 1000 - k);
            put_text(&list, line);
        }
        text = (struct text_source){ (const char *)list.data, list.len, SIZE_MAX };
        ck_assert_int_eq(
            cull_manifest_read_list_in(&manifest, CULL_DIGEST_NONE, "l", text_source_read, &text,
                                       &files.scratch, NULL, &err),
            CULL_E_INVALID);
        ck_assert_str_eq(err.message, "l: line 801: p/01000: duplicate path");
        cull__buf_release(&list);
    }
END_TEST

/* Entry n with other content, by which it is told from the base's. */
static cull_manifest_patch *patch_of(unsigned count, unsigned every)
{
    cull_manifest_patch *patch = NULL;
    struct made made;

    ck_assert_int_eq(cull_manifest_patch_new(&patch, CULL_DIGEST_MD5, NULL), CULL_OK);
    for (unsigned n = 0; n < count; n += every) {
        if (n % 2 == 0) {
            ck_assert_int_eq(cull_manifest_patch_put(patch, make(&made, n, 2), NULL), CULL_OK);
        } else {
            ck_assert_int_eq(cull_manifest_patch_remove(patch, make(&made, n, 1)->path, NULL),
                             CULL_OK);
        }
    }
    for (unsigned n = count; n < count + 5; n++) {
        ck_assert_int_eq(cull_manifest_patch_put(patch, make(&made, n, 3), NULL), CULL_OK);
    }
    ck_assert_int_eq(cull_manifest_patch_seal(patch, NULL), CULL_OK);
    return patch;
}

START_TEST(patches_and_stored_documents_do_not_depend_on_where_manifests_lie)
    {
        struct files files;
        cull_manifest *held[2];
        cull_manifest *spilled[2];
        cull_manifest_patch *patch = patch_of(3000, 11);

        files_init(&files);
        held[0] = made_in(NULL, 3000, ASCENDING, 1);
        spilled[0] = made_in(&files.scratch, 3000, SCATTERED, 1);
        ck_assert_int_eq(cull_manifest_patch_apply(&held[1], held[0], patch, NULL, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_apply(&spilled[1], spilled[0], patch, NULL, NULL),
                         CULL_OK);
        ck_assert_ptr_nonnull(spilled[1]->spill);
        ck_same(spilled[1], held[1]);
        for (int full = 0; full < 2; full++) {
            struct cull__buf document = CULL__BUF_INIT(cull_allocator_default());
            struct cull__manifest_document in_file;
            struct cull__manifest_decoder *decoder = NULL;
            cull_manifest *decoded = NULL;
            uint8_t *bytes;

            ck_assert_int_eq(cull__manifest_encode(&document, full ? NULL : held[0], held[1], NULL),
                             CULL_OK);
            ck_assert_int_eq(
                cull__manifest_encode_in(&in_file, full ? NULL : spilled[0], spilled[1],
                                         full ? NULL : patch, &files.scratch,
                                         cull_allocator_default(), NULL),
                CULL_OK);
            ck_assert_int_ge(in_file.fd, 0);
            ck_assert_uint_eq(in_file.len, document.len);
            bytes = malloc(document.len);
            ck_assert_int_eq(cull__manifest_document_read(&in_file, 0, bytes, document.len, NULL),
                             CULL_OK);
            ck_assert_mem_eq(bytes, document.data, document.len);
            ck_assert_int_eq(cull__manifest_decoder_new(&decoder, full ? NULL : spilled[0],
                                                        &files.scratch, NULL),
                             CULL_OK);
            for (size_t at = 0; at < document.len; at += 7) { /* in pieces of any size */
                size_t len = document.len - at < 7 ? document.len - at : 7;

                ck_assert_int_eq(cull__manifest_decoder_feed(decoder, bytes + at, len, NULL),
                                 CULL_OK);
            }
            ck_assert_int_eq(cull__manifest_decoder_end(decoder, &decoded, NULL), CULL_OK);
            ck_assert_ptr_nonnull(decoded->spill);
            ck_same(decoded, held[1]);
            cull__manifest_decoder_free(decoder);
            cull_manifest_free(decoded);
            cull__manifest_document_release(&in_file);
            cull__buf_release(&document);
            free(bytes);
        }
        for (size_t i = 0; i < 2; i++) {
            cull_manifest_free(held[i]);
            cull_manifest_free(spilled[i]);
        }
        cull_manifest_patch_free(patch);
    }
END_TEST

/* A payload of over a megabyte is made twice, and read in pieces; the bytes are the same. */
START_TEST(a_document_of_megabytes_is_the_same_from_memory_and_from_a_file)
    {
        struct files files;
        cull_manifest *held = made_in(NULL, 60000, ASCENDING, 1);
        cull_manifest *spilled;
        cull_manifest *decoded = NULL;
        struct cull__buf document = CULL__BUF_INIT(cull_allocator_default());
        struct cull__manifest_document in_file;
        uint8_t *bytes;

        files_init(&files);
        files.scratch.memory_bytes_max = 500000;
        spilled = made_in(&files.scratch, 60000, ASCENDING, 1);
        ck_assert_int_eq(cull__manifest_encode(&document, NULL, held, NULL), CULL_OK);
        ck_assert_int_eq(cull__manifest_encode_in(&in_file, NULL, spilled, NULL, &files.scratch,
                                                  cull_allocator_default(), NULL),
                         CULL_OK);
        ck_assert_uint_eq(in_file.len, document.len);
        bytes = malloc(document.len);
        ck_assert_int_eq(cull__manifest_document_read(&in_file, 0, bytes, document.len, NULL),
                         CULL_OK);
        ck_assert_mem_eq(bytes, document.data, document.len);
        ck_assert_int_eq(cull__manifest_decode(&decoded, NULL, bytes, document.len, NULL, NULL),
                         CULL_OK);
        ck_same(spilled, decoded);
        free(bytes);
        cull__manifest_document_release(&in_file);
        cull__buf_release(&document);
        cull_manifest_free(held);
        cull_manifest_free(spilled);
        cull_manifest_free(decoded);
    }
END_TEST

static const struct {
    const char *name;
    const char *paths[6];
    const char *file; /* NULL: no conflict */
    const char *below;
} conflicts[] = {
    { "neighbours", { "a", "a/b" }, "a", "a/b" },
    { "others between", { "a", "a b", "a-b", "a.b/c", "a/b" }, "a", "a/b" },
    { "a longer name", { "ab", "a/b" }, NULL, NULL },
    { "deep below", { "a/b", "a/b c", "a/b/c/d/e" }, "a/b", "a/b/c/d/e" },
    { "the shortest counts", { "a", "a/b", "a/b/c" }, "a", "a/b" },
    { "folders only", { "a/b", "a/c", "b/a" }, NULL, NULL },
};

START_TEST(a_path_that_is_a_folder_of_another_is_found_in_one_pass)
    {
        struct files files;

        files_init(&files);
        files.scratch.memory_bytes_max = 1; /* each entry is a run of its own */
        for (int in_file = 0; in_file < 2; in_file++) {
            cull_manifest *manifest = NULL;
            cull_entry file;
            cull_entry below;
            bool found;

            ck_assert_int_eq(cull_manifest_new_in(&manifest, CULL_DIGEST_MD5,
                                                  in_file ? &files.scratch : NULL, NULL),
                             CULL_OK);
            for (size_t i = 0; i < 6 && conflicts[_i].paths[i] != NULL; i++) {
                const cull_entry entry = { .path = conflicts[_i].paths[i],
                                           .path_len = (uint32_t)strlen(conflicts[_i].paths[i]),
                                           .kind = CULL_ENTRY_BLOB };

                ck_assert_int_eq(cull_manifest_add(manifest, &entry, NULL), CULL_OK);
            }
            ck_assert_int_eq(cull_manifest_seal(manifest, NULL), CULL_OK);
            found = cull_manifest_path_conflict(manifest, &file, &below);
            ck_assert_msg(found == (conflicts[_i].file != NULL), "%s", conflicts[_i].name);
            if (found) {
                ck_assert_str_eq(file.path, conflicts[_i].file);
                ck_assert_str_eq(below.path, conflicts[_i].below);
            }
            cull_manifest_free(manifest);
        }
    }
END_TEST

/* --- a store --------------------------------------------------------------------------------- */

/* Versions committed by whole manifests and by patches, each on the one before. */
static void fill_store(struct bench_store *bench, const cull_scratch *scratch)
{
    const cull_store_options options = { bench->log, bench->objects, NULL, scratch };
    cull_error err = { CULL_OK, "" };

    cull_store_close(bench->store);
    ck_assert_int_eq(cull_store_open(&bench->store, &options, &err), CULL_OK);
    for (unsigned v = 0; v < 20; v++) {
        const cull_caller caller = bench_caller(bench);
        cull_upload *upload = bench_upload(bench, "c", v == 0 ? -1 : (int)v - 1);
        cull_manifest *manifest = made_in(scratch, 400 + v, v % 2 ? SCATTERED : ASCENDING, 1);
        cull_manifest_patch *patch = v % 3 == 2 ? patch_of(399, 40 + v) : NULL;
        cull_commit_options commit = { .manifest = patch == NULL ? manifest : NULL,
                                       .patch = patch };
        cull_commit_result result;
        cull_put_answer answer;

        for (size_t i = 0; i < cull_manifest_count(manifest); i++) {
            cull_entry entry;

            cull_manifest_at(manifest, i, &entry);
            if (entry.kind == CULL_ENTRY_BLOB) {
                const cull_blob_ref blob = { entry.digest, entry.size_bytes };

                ck_assert_int_eq(cull_upload_put(upload, &blob, 1, &answer, &caller, &err),
                                 CULL_OK);
            }
        }
        for (size_t i = 0; patch != NULL && i < cull_manifest_patch_count(patch); i++) {
            cull_entry entry;

            cull_manifest_patch_at(patch, i, &entry);
            if (entry.kind == CULL_ENTRY_BLOB) {
                const cull_blob_ref blob = { entry.digest, entry.size_bytes };

                ck_assert_int_eq(cull_upload_put(upload, &blob, 1, &answer, &caller, &err),
                                 CULL_OK);
            }
        }
        ck_assert_msg(
            cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err) == CULL_OK,
            "v%u: %s", v, err.message);
        ck_assert_uint_eq(result.version.ordinal, v);
        cull_upload_free(upload);
        cull_manifest_free(manifest);
        cull_manifest_patch_free(patch);
    }
}

START_TEST(a_store_that_spills_holds_the_same_versions)
    {
        const struct bench_options options = { .digest = CULL_DIGEST_MD5, .index_only = true };
        struct files files;
        struct bench_store held;
        struct bench_store spilled;
        cull_stat stats[2];

        files_init(&files);
        bench_open(&held, &options);
        bench_open(&spilled, &options);
        fill_store(&held, NULL);
        fill_store(&spilled, &files.scratch);
        ck_assert_int_gt(files.opened, 20);
        for (uint32_t v = 0; v < 20; v++) {
            const cull_version_key key = bench_key(&held, "c", v);
            cull_manifest *a = NULL;
            cull_manifest *b = NULL;
            cull_error err = { CULL_OK, "" };

            ck_assert_msg(cull_version_manifest(spilled.store, &key, &a, &err) == CULL_OK, "%s",
                          err.message);
            ck_assert_msg(cull_version_manifest(held.store, &key, &b, &err) == CULL_OK, "%s",
                          err.message);
            ck_assert_ptr_nonnull(a->spill);
            ck_same(a, b);
            cull_manifest_free(a);
            cull_manifest_free(b);
        }
        ck_assert_int_eq(cull_stat_of(held.store, &stats[0], NULL), CULL_OK);
        ck_assert_int_eq(cull_stat_of(spilled.store, &stats[1], NULL), CULL_OK);
        ck_assert_uint_eq(stats[0].manifest_bytes, stats[1].manifest_bytes);
        ck_assert_uint_eq(stats[0].lifespans_closed, stats[1].lifespans_closed);
        ck_assert_uint_eq(stats[0].references, stats[1].references);
        bench_check(&spilled);
        bench_close(&held);
        bench_close(&spilled);
    }
END_TEST

/* --- faults ---------------------------------------------------------------------------------- */

START_TEST(a_scratch_file_that_cannot_be_had_is_said_and_nothing_leaks)
    {
        struct cull__buf json = json_of(2000, SCATTERED, UINT32_MAX);

        for (int fail_after = 0; fail_after < 2; fail_after++) {
            struct failing_allocator counting;
            struct files files;
            struct text_source text = { (const char *)json.data, json.len, SIZE_MAX };
            cull_manifest *manifest = NULL;
            cull_error err = { CULL_OK, "" };

            failing_allocator_init(&counting, 0);
            files_init(&files);
            files.fail_after = fail_after;
            ck_assert_int_eq(
                cull_manifest_read_in(&manifest, CULL_DIGEST_MD5, "j", text_source_read, &text,
                                      &files.scratch, &counting.allocator, &err),
                CULL_E_IO);
            ck_assert_str_eq(err.message, "no scratch file today");
            ck_assert_ptr_null(manifest);
            ck_assert_int_eq(counting.live, 0);
        }
        cull__buf_release(&json);
    }
END_TEST

START_TEST(a_full_disk_is_said)
    {
        struct cull__buf json = json_of(2000, ASCENDING, UINT32_MAX);
        struct files files;
        cull_manifest *manifest = NULL;
        cull_error err = { CULL_OK, "" };

        files_init(&files);
        files.path = "/dev/full";
        files.flags = O_RDWR;
        ck_assert_int_eq(read_json(&manifest, &json, &files.scratch, &err), CULL_E_NOSPACE);
        ck_assert_str_eq(err.message, "scratch file: No space left on device");
        cull__buf_release(&json);
    }
END_TEST

/* What was looked at in vain is empty, and the manifest's word for it comes before any use. */
START_TEST(a_scratch_file_that_cannot_be_read_is_said_and_never_taken_for_its_content)
    {
        struct files files;
        cull_manifest *manifest;
        struct cull__buf document = CULL__BUF_INIT(cull_allocator_default());
        cull_digest digest;
        cull_entry entry;
        cull_error err = { CULL_OK, "" };

        files_init(&files);
        files.flags = O_WRONLY;
        manifest = made_in(&files.scratch, 3000, ASCENDING, 1);
        ck_assert_int_eq(cull_manifest_check(manifest, &err), CULL_OK); /* nobody has looked */
        cull_manifest_at(manifest, 1500, &entry);
        ck_assert_uint_eq(entry.path_len, 0);
        ck_assert_int_eq(cull_manifest_check(manifest, &err), CULL_E_IO);
        ck_assert_ptr_nonnull(strstr(err.message, "scratch file"));
        ck_assert_int_eq(cull_manifest_digest(manifest, &digest), CULL_E_IO);
        ck_assert_int_eq(cull__manifest_encode(&document, NULL, manifest, &err), CULL_E_IO);
        ck_assert_int_eq(cull_manifest_write(manifest, gather, &document, &err), CULL_E_IO);
        cull__buf_release(&document);
        cull_manifest_free(manifest);
    }
END_TEST

START_TEST(every_allocation_that_fails_on_the_way_through_a_scratch_file_is_survived)
    {
        struct cull__buf json = json_of(300, SCATTERED, UINT32_MAX);
        cull_status status = CULL_E_NOMEM;
        uint64_t n = 0;

        while (status != CULL_OK) {
            struct failing_allocator failing;
            struct files files;
            struct text_source text = { (const char *)json.data, json.len, SIZE_MAX };
            cull_manifest *manifest = NULL;
            cull_error err = { CULL_OK, "" };
            cull_digest digest;

            files_init(&files);
            failing_allocator_init(&failing, ++n);
            status = cull_manifest_read_in(&manifest, CULL_DIGEST_MD5, "j", text_source_read, &text,
                                           &files.scratch, &failing.allocator, &err);
            if (status == CULL_OK) {
                status = cull_manifest_digest(manifest, &digest);
            }
            ck_assert_msg(status == CULL_OK || status == CULL_E_NOMEM, "%" PRIu64 ": %s", n,
                          err.message);
            cull_manifest_free(manifest);
            ck_assert_msg(failing.live == 0, "%" PRIu64 ": %" PRId64 " blocks leak", n,
                          failing.live);
        }
        ck_assert_uint_gt(n, 30);
        cull__buf_release(&json);
    }
END_TEST

Suite *spill_suite(void)
{
    Suite *suite = suite_create("spill");
    TCase *tc = tcase_create("spill");

    tcase_add_loop_test(tc, a_manifest_in_a_scratch_file_looks_like_one_in_memory, 0,
                        ARRAY_LEN(sizes));
    tcase_add_test(tc, what_is_read_into_a_scratch_file_is_what_is_read_into_memory);
    tcase_add_test(tc,
                   a_duplicate_is_named_by_path_and_place_also_when_its_twin_lies_in_another_run);
    tcase_add_test(tc, a_duplicate_in_a_list_is_named_by_its_line);
    tcase_add_test(tc, patches_and_stored_documents_do_not_depend_on_where_manifests_lie);
    tcase_add_test(tc, a_document_of_megabytes_is_the_same_from_memory_and_from_a_file);
    tcase_add_loop_test(tc, a_path_that_is_a_folder_of_another_is_found_in_one_pass, 0,
                        ARRAY_LEN(conflicts));
    tcase_add_test(tc, a_store_that_spills_holds_the_same_versions);
    tcase_add_test(tc, a_scratch_file_that_cannot_be_had_is_said_and_nothing_leaks);
    tcase_add_test(tc, a_full_disk_is_said);
    tcase_add_test(tc, a_scratch_file_that_cannot_be_read_is_said_and_never_taken_for_its_content);
    tcase_add_test(tc, every_allocation_that_fails_on_the_way_through_a_scratch_file_is_survived);
    suite_add_tcase(suite, tc);
    return suite;
}
