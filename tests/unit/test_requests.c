/*
 * test_requests.c - requests as bytes and back, and what running one answers.
 */
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/history.h"
#include "store/request.h"
#include "support.h"

/* --- samples: every op with every field it carries -------------------------------------------- */

static const cull_blob_ref some_blobs[] = { { { { 1, 2, 3 } }, 5 }, { { { 9 } }, UINT64_MAX } };
static const struct cull__request_content some_contents[] = { { (const uint8_t *)"a\0b", 3 },
                                                              { (const uint8_t *)"", 0 } };
static const char *const some_aliases[] = { "best", "" };
static const char *const some_tags[] = { "t" };
static const struct cull__request_version some_versions[] = { { "e", "p", "c", 0, 7 },
                                                              { "e", "p", "d", 2, UINT32_MAX } };
static const cull_entry some_entries[] = {
    { .path = "a/b", .path_len = 3, .kind = CULL_ENTRY_BLOB, .digest = { { 4 } }, .size_bytes = 1 },
    { .path = "r",
      .path_len = 1,
      .kind = CULL_ENTRY_REF,
      .size_bytes = CULL_SIZE_UNKNOWN,
      .digest_text = "etag",
      .ref = "s3://bucket/key" },
    { .path = "gone", .path_len = 4, .kind = CULL_ENTRY_NONE },
};

static struct cull__request sample(enum cull__request_op op)
{
    struct cull__request request = CULL__REQUEST_INIT;

    request.op = op;
    request.process = 1;
    request.fault = CULL__FAULT_DELETE;
    request.slot = 3;
    request.kind = CULL_DIGEST_MD5;
    request.entity = "e";
    request.project = "p";
    request.collection = "c";
    request.type = "dataset";
    request.run = "r";
    request.label = "best";
    request.description = "what it is";
    request.metadata = "{}";
    request.scope = CULL_SCOPE_PROJECT;
    request.base = 4;
    request.ms = 1000;
    request.max_deletes = 2;
    request.max_bytes = 3;
    request.blobs = some_blobs;
    request.blob_count = ARRAY_LEN(some_blobs);
    request.contents = some_contents;
    request.content_count = ARRAY_LEN(some_contents);
    request.entries = some_entries;
    request.entry_count = op == CULL__REQUEST_COMMIT ? ARRAY_LEN(some_entries) : 0;
    request.flags = op == CULL__REQUEST_COMMIT ? CULL__REQUEST_PATCH : 0;
    request.aliases = some_aliases;
    request.alias_count = ARRAY_LEN(some_aliases);
    request.tags = some_tags;
    request.tag_count = ARRAY_LEN(some_tags);
    request.versions = some_versions;
    request.version_count = ARRAY_LEN(some_versions);
    request.settings = (cull_store_settings){ .digest = CULL_DIGEST_SHA256,
                                              .grace_ms = 7000,
                                              .lease_ms = 1000,
                                              .seed = 42,
                                              .late_deletes = CULL_LATE_VERSION_IDS };
    return request;
}

static void encode(struct cull__buf *out, const struct cull__request *request)
{
    *out = (struct cull__buf)CULL__BUF_INIT(cull_allocator_default());
    cull__request_encode(out, request);
    ck_assert(!out->failed);
}

static struct cull__frame frame_of(const struct cull__buf *bytes)
{
    struct cull__cursor cursor = cull__cursor(bytes->data, bytes->len);
    struct cull__frame frame;

    ck_assert_int_eq(cull__frame_next(&cursor, &frame, NULL), CULL_OK);
    ck_assert(cull__cursor_done(&cursor));
    return frame;
}

START_TEST(every_request_comes_back_as_the_same_bytes)
    {
        struct cull__request request = sample((enum cull__request_op)_i);
        struct cull__request again;
        struct cull__buf bytes;
        struct cull__buf second;
        struct cull__frame frame;

        encode(&bytes, &request);
        frame = frame_of(&bytes);
        ck_assert_int_eq(cull__request_decode(&again, &frame, cull_allocator_default(), NULL),
                         CULL_OK);
        ck_assert_int_eq(again.op, _i);
        ck_assert_uint_eq(again.process, 1);
        encode(&second, &again);
        ck_assert_uint_eq(second.len, bytes.len);
        ck_assert_mem_eq(second.data, bytes.data, bytes.len);
        cull__request_release(&again);
        cull__buf_release(&bytes);
        cull__buf_release(&second);
    }
END_TEST

START_TEST(a_commit_comes_back_field_by_field)
    {
        struct cull__request request = sample(CULL__REQUEST_COMMIT);
        struct cull__request again;
        struct cull__buf bytes;
        struct cull__frame frame;

        encode(&bytes, &request);
        frame = frame_of(&bytes);
        ck_assert_int_eq(cull__request_decode(&again, &frame, cull_allocator_default(), NULL),
                         CULL_OK);
        cull__buf_release(&bytes); /* nothing is borrowed from it */
        ck_assert_uint_eq(again.slot, 3);
        ck_assert_uint_eq(again.flags, CULL__REQUEST_PATCH);
        ck_assert_uint_eq(again.ms, 1000);
        ck_assert_str_eq(again.description, "what it is");
        ck_assert_str_eq(again.metadata, "{}");
        ck_assert_uint_eq(again.alias_count, 2);
        ck_assert_str_eq(again.aliases[0], "best");
        ck_assert_str_eq(again.aliases[1], "");
        ck_assert_str_eq(again.tags[0], "t");
        ck_assert_uint_eq(again.entry_count, 3);
        ck_assert_str_eq(again.entries[0].path, "a/b");
        ck_assert_mem_eq(&again.entries[0].digest, &some_entries[0].digest, sizeof(cull_digest));
        ck_assert_str_eq(again.entries[1].ref, "s3://bucket/key");
        ck_assert_uint_eq(again.entries[1].size_bytes, CULL_SIZE_UNKNOWN);
        ck_assert_int_eq(again.entries[2].kind, CULL_ENTRY_NONE);
        cull__request_release(&again);
    }
END_TEST

/* The same payload under a right checksum. */
static cull_status decode_payload(struct cull__request *out, unsigned type, const uint8_t *payload,
                                  size_t len, const cull_allocator *allocator)
{
    const struct cull__frame frame = { (uint16_t)type, payload, len };

    return cull__request_decode(out, &frame, allocator, NULL);
}

START_TEST(a_request_cut_short_is_refused_at_every_byte)
    {
        struct cull__request request = sample((enum cull__request_op)_i);
        struct cull__request again;
        struct cull__buf bytes;
        struct cull__frame frame;

        encode(&bytes, &request);
        frame = frame_of(&bytes);
        for (size_t len = 0; len < frame.len; len++) {
            ck_assert_int_eq(
                decode_payload(&again, frame.type, frame.payload, len, cull_allocator_default()),
                CULL_E_INVALID);
            ck_assert_ptr_null(again.memory);
        }
        for (size_t len = 0; len < bytes.len; len++) { /* the frame says so first */
            struct cull__cursor cursor = cull__cursor(bytes.data, len);

            ck_assert_int_eq(cull__frame_next(&cursor, &frame, NULL), CULL_E_CORRUPT);
        }
        cull__buf_release(&bytes);
    }
END_TEST

/* What decodes has one form only, whatever was done to the bytes. */
START_TEST(a_request_with_a_changed_byte_is_refused_or_canonical)
    {
        struct cull__request request = sample((enum cull__request_op)_i);
        struct cull__buf bytes;
        struct cull__frame frame;
        uint8_t *changed;

        encode(&bytes, &request);
        frame = frame_of(&bytes);
        changed = malloc(frame.len + 1);
        ck_assert_ptr_nonnull(changed);
        for (size_t at = 0; at <= frame.len; at++) { /* at the end: a byte too many */
            for (unsigned flip = 1; flip < 256; flip++) {
                size_t len = at == frame.len ? frame.len + 1 : frame.len;
                struct cull__request again;
                struct cull__buf second;

                memcpy(changed, frame.payload, frame.len);
                changed[frame.len] = 0;
                changed[at] ^= (uint8_t)flip;
                if (decode_payload(&again, frame.type, changed, len, cull_allocator_default()) !=
                    CULL_OK) {
                    continue;
                }
                encode(&second, &again);
                ck_assert_uint_eq(second.len, CULL__FRAME_HEADER + len);
                ck_assert_mem_eq(second.data + CULL__FRAME_HEADER, changed, len);
                cull__buf_release(&second);
                cull__request_release(&again);
            }
        }
        free(changed);
        cull__buf_release(&bytes);
    }
END_TEST

/* Both sides of every bound, as bytes that the encoder would not write. */
static const struct bound {
    const char *name;
    enum cull__request_op op;
    size_t len;
    uint8_t payload[24];
    cull_status want;
} bounds[] = {
    /* process, fault, flags, then the op's fields */
    { "refresh", CULL__REQUEST_REFRESH, 3, { 0, 0, 0 }, CULL_OK },
    { "last process", CULL__REQUEST_REFRESH, 3, { 3, 0, 0 }, CULL_OK },
    { "no such process", CULL__REQUEST_REFRESH, 3, { 4, 0, 0 }, CULL_E_INVALID },
    { "last fault", CULL__REQUEST_REFRESH, 3, { 0, 5, 0 }, CULL_OK },
    { "no such fault", CULL__REQUEST_REFRESH, 3, { 0, 6, 0 }, CULL_E_INVALID },
    { "a flag of others", CULL__REQUEST_REFRESH, 3, { 0, 0, 1 }, CULL_E_INVALID },
    { "a flag of its own", CULL__REQUEST_MAINTAIN, 4, { 0, 0, 0x80, 1 }, CULL_OK },
    { "a padded number", CULL__REQUEST_REFRESH, 4, { 0, 0, 0x80, 0 }, CULL_E_INVALID },
    { "last slot", CULL__REQUEST_ABORT, 4, { 0, 0, 0, 15 }, CULL_OK },
    { "no such slot", CULL__REQUEST_ABORT, 4, { 0, 0, 0, 16 }, CULL_E_INVALID },
    { "a kind of digest", CULL__REQUEST_PUT, 6, { 0, 0, 0, 4, 0, 0 }, CULL_OK },
    { "no digest", CULL__REQUEST_PUT, 6, { 0, 0, 0, 0, 0, 0 }, CULL_E_INVALID },
    { "no such digest", CULL__REQUEST_PUT, 6, { 0, 0, 0, 5, 0, 0 }, CULL_E_INVALID },
    { "more blobs than bytes", CULL__REQUEST_PUT, 6, { 0, 0, 0, 4, 0, 1 }, CULL_E_INVALID },
    { "a grace that was allowed",
      CULL__REQUEST_COLLECT,
      7,
      { 0, 0, 0x80, 0x20, 9, 0, 0 },
      CULL_OK },
    { "a grace that was not", CULL__REQUEST_COLLECT, 6, { 0, 0, 0, 9, 0, 0 }, CULL_E_INVALID },
    { "a removal in a patch",
      CULL__REQUEST_COMMIT,
      13,
      { 0, 0, 1, 4, 0, 0, 1, 0, 0, 0, 0, 0, 0 },
      CULL_OK },
    { "a removal in a full commit",
      CULL__REQUEST_COMMIT,
      13,
      { 0, 0, 0, 4, 0, 0, 1, 0, 0, 0, 0, 0, 0 },
      CULL_E_INVALID },
    { "a NUL in a text", CULL__REQUEST_ALIAS_REMOVE, 6, { 0, 0, 0, 1, 0, 0 }, CULL_E_INVALID },
    { "no request", CULL__REQUEST_OPS, 3, { 0, 0, 0 }, CULL_E_INVALID },
};

START_TEST(numbers_out_of_range_are_refused)
    {
        const struct bound *bound = &bounds[_i];
        struct cull__request request;
        cull_status status =
            decode_payload(&request, CULL__REQUEST_TYPE_FIRST + (unsigned)bound->op, bound->payload,
                           bound->len, cull_allocator_default());

        ck_assert_msg(status == bound->want, "%s: %s", bound->name, cull_strerror(status));
        cull__request_release(&request);
    }
END_TEST

START_TEST(a_fact_is_no_request)
    {
        struct cull__request request;

        for (unsigned type = 0; type < CULL__REQUEST_TYPE_FIRST; type++) {
            ck_assert_int_eq(decode_payload(&request, type, (const uint8_t *)"\0\0", 3,
                                            cull_allocator_default()),
                             CULL_E_INVALID);
            cull__request_release(&request);
        }
    }
END_TEST

START_TEST(decoding_without_memory_fails_and_leaks_nothing)
    {
        struct cull__request request = sample(CULL__REQUEST_COMMIT);
        struct cull__buf bytes;
        struct cull__frame frame;
        cull_status status = CULL_E_NOMEM;
        uint64_t n = 0;

        encode(&bytes, &request);
        frame = frame_of(&bytes);
        while (status == CULL_E_NOMEM) {
            struct failing_allocator failing;
            struct cull__request again;

            failing_allocator_init(&failing, ++n);
            status =
                decode_payload(&again, frame.type, frame.payload, frame.len, &failing.allocator);
            ck_assert_msg(status == CULL_OK || status == CULL_E_NOMEM, "%s", cull_strerror(status));
            cull__request_release(&again);
            ck_assert_int_eq(failing.live, 0);
        }
        ck_assert_uint_gt(n, 1);
        cull__buf_release(&bytes);
    }
END_TEST

START_TEST(ops_have_names)
    {
        for (unsigned op = 0; op < CULL__REQUEST_OPS; op++) {
            ck_assert_ptr_nonnull(cull__request_op_name(op));
        }
        ck_assert_ptr_null(cull__request_op_name(CULL__REQUEST_OPS));
    }
END_TEST

/* --- running them --------------------------------------------------------------------------- */

static const cull_store_settings plain = { .digest = CULL_DIGEST_SHA256,
                                           .late_deletes = CULL_LATE_IMPOSSIBLE,
                                           .grace_ms = 1000,
                                           .lease_ms = 5000 };

struct stage {
    struct world world;
    struct cull__answer answer;
};

static cull_status run(struct stage *stage, const struct cull__request *request)
{
    bool fired;

    return world_run(&stage->world, request, &stage->answer, &fired, NULL, NULL);
}

static cull_status run_op(struct stage *stage, enum cull__request_op op, uint32_t slot)
{
    struct cull__request request = CULL__REQUEST_INIT;

    request.op = op;
    request.slot = slot;
    return run(stage, &request);
}

static void stage_init(struct stage *stage, const cull_store_settings *settings)
{
    struct cull__request request = CULL__REQUEST_INIT;

    memset(stage, 0, sizeof *stage);
    cull__answer_init(&stage->answer, cull_allocator_default());
    ck_assert_int_eq(world_init(&stage->world, settings, NULL), CULL_OK);
    ck_assert_int_eq(run_op(stage, CULL__REQUEST_REFRESH, 0), CULL_E_NOTFOUND); /* no store yet */
    ck_assert_int_eq(run_op(stage, CULL__REQUEST_REOPEN, 0), CULL_E_NOTFOUND);
    request.op = CULL__REQUEST_CREATE;
    request.settings = *settings;
    ck_assert_int_eq(run(stage, &request), CULL_OK);
    ck_assert_int_eq(run(stage, &request), CULL_E_EXISTS);
    request.op = CULL__REQUEST_REOPEN;
    request.process = 1;
    ck_assert_int_eq(run(stage, &request), CULL_OK);
}

static void stage_release(struct stage *stage)
{
    cull__answer_release(&stage->answer);
    world_release(&stage->world);
}

static cull_status open_upload(struct stage *stage, uint32_t slot, const char *collection)
{
    struct cull__request request = CULL__REQUEST_INIT;

    request.op = CULL__REQUEST_OPEN;
    request.slot = slot;
    request.entity = "e";
    request.project = "p";
    request.collection = collection;
    return run(stage, &request);
}

/* A version of one letter: opened, put, sent, committed. */
static void commit_letter(struct stage *stage, const char *collection, size_t which)
{
    const struct world_letter *letter = &stage->world.letters[which];
    const cull_blob_ref blob = { letter->digest, letter->len };
    const struct cull__request_content content = { letter->bytes, letter->len };
    const cull_entry entry = { .path = "a",
                               .path_len = 1,
                               .kind = CULL_ENTRY_BLOB,
                               .digest = letter->digest,
                               .size_bytes = letter->len };
    struct cull__request request = CULL__REQUEST_INIT;

    ck_assert_int_eq(open_upload(stage, 0, collection), CULL_OK);
    request.kind = CULL_DIGEST_SHA256;
    request.op = CULL__REQUEST_PUT;
    request.blobs = &blob;
    request.blob_count = 1;
    ck_assert_int_eq(run(stage, &request), CULL_OK);
    request.op = CULL__REQUEST_SEND;
    request.contents = &content;
    request.content_count = 1;
    ck_assert_int_eq(run(stage, &request), CULL_OK);
    request.op = CULL__REQUEST_COMMIT;
    request.entries = &entry;
    request.entry_count = 1;
    ck_assert_int_eq(run(stage, &request), CULL_OK);
}

static cull_status run_versions(struct stage *stage, enum cull__request_op op,
                                const struct cull__request_version *versions, size_t count,
                                const char *label)
{
    struct cull__request request = CULL__REQUEST_INIT;

    request.op = op;
    request.versions = versions;
    request.version_count = count;
    request.label = label;
    request.flags = op == CULL__REQUEST_DELETE ? CULL__REQUEST_DELETE_ALIASES : 0;
    return run(stage, &request);
}

START_TEST(an_empty_slot_is_not_found)
    {
        static const enum cull__request_op ops[] = { CULL__REQUEST_PUT,     CULL__REQUEST_SEND,
                                                     CULL__REQUEST_CONFIRM, CULL__REQUEST_COMMIT,
                                                     CULL__REQUEST_ABORT,   CULL__REQUEST_RENEW,
                                                     CULL__REQUEST_EXECUTE };
        struct stage stage;

        stage_init(&stage, &plain);
        for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
            ck_assert_int_eq(run_op(&stage, ops[i], 1), CULL_E_NOTFOUND);
            ck_assert_ptr_nonnull(strstr(stage.answer.error.message, "slot 1"));
        }
        stage_release(&stage);
    }
END_TEST

START_TEST(an_upload_is_continued_by_another_process_until_it_ends)
    {
        struct cull__request renew = CULL__REQUEST_INIT;
        struct stage stage;

        stage_init(&stage, &plain);
        ck_assert_int_eq(open_upload(&stage, 2, "c"), CULL_OK);
        renew.op = CULL__REQUEST_RENEW;
        renew.slot = 2;
        renew.process = 1;
        ck_assert_int_eq(run(&stage, &renew), CULL_OK);
        ck_assert_int_eq(run_op(&stage, CULL__REQUEST_ABORT, 2), CULL_OK);
        ck_assert_int_eq(run(&stage, &renew), CULL_E_ENDED); /* has a handle */
        ck_assert_int_eq(run_op(&stage, CULL__REQUEST_REOPEN, 0), CULL_OK);
        ck_assert_int_eq(run_op(&stage, CULL__REQUEST_RENEW, 2), CULL_E_ENDED); /* has none */
        ck_assert_int_eq(run_op(&stage, CULL__REQUEST_DROP, 2), CULL_OK);
        ck_assert_int_eq(run_op(&stage, CULL__REQUEST_RENEW, 2), CULL_E_NOTFOUND);
        stage_release(&stage);
    }
END_TEST

START_TEST(a_confirmation_needs_an_object_of_the_named_length)
    {
        struct stage stage;
        struct cull__request request = CULL__REQUEST_INIT;
        cull_blob_ref blob;
        struct cull__request_content content;

        stage_init(&stage, &plain);
        blob = (cull_blob_ref){ stage.world.letters[1].digest, stage.world.letters[1].len + 1 };
        content = (struct cull__request_content){ stage.world.letters[1].bytes,
                                                  stage.world.letters[1].len };
        ck_assert_int_eq(open_upload(&stage, 0, "c"), CULL_OK);
        request.kind = CULL_DIGEST_SHA256;
        request.blobs = &blob;
        request.blob_count = 1;
        request.contents = &content;
        request.content_count = 1;
        request.op = CULL__REQUEST_CONFIRM;
        ck_assert_int_eq(run(&stage, &request), CULL_E_NOTFOUND); /* not named yet */
        request.op = CULL__REQUEST_SEND;
        ck_assert_int_eq(run(&stage, &request), CULL_E_INVALID);
        request.op = CULL__REQUEST_PUT;
        ck_assert_int_eq(run(&stage, &request), CULL_OK);
        request.op = CULL__REQUEST_CONFIRM;
        ck_assert_int_eq(run(&stage, &request), CULL_E_NOT_STORED);
        request.op = CULL__REQUEST_SEND;
        ck_assert_int_eq(run(&stage, &request), CULL_E_INVALID); /* another length than was named */
        ck_assert_uint_eq(cull_objects_memory_count(stage.world.memory, NULL), 0);
        request.op = CULL__REQUEST_PUBLISH;
        ck_assert_int_eq(run(&stage, &request), CULL_OK);
        request.op = CULL__REQUEST_CONFIRM;
        ck_assert_int_eq(run(&stage, &request), CULL_E_INVALID);
        stage_release(&stage);
    }
END_TEST

START_TEST(objects_with_incarnations_are_the_stores_own_business)
    {
        const cull_store_settings settings = { .digest = CULL_DIGEST_MD5,
                                               .late_deletes = CULL_LATE_INCARNATION,
                                               .grace_ms = 1000,
                                               .lease_ms = 5000 };
        struct stage stage;

        stage_init(&stage, &settings);
        ck_assert_int_eq(run_op(&stage, CULL__REQUEST_PUBLISH, 0), CULL_E_USAGE);
        stage_release(&stage);
    }
END_TEST

START_TEST(two_collections_cannot_come_back_under_one_name)
    {
        static const struct cull__request_version both[] = { { "e", "p", "c", 1, 0 },
                                                             { "e", "p", "c", 2, 0 } };
        struct cull__request away = CULL__REQUEST_INIT;
        struct stage stage;

        stage_init(&stage, &plain);
        away.op = CULL__REQUEST_DELETE_SCOPE;
        away.scope = CULL_SCOPE_COLLECTION;
        away.entity = "e";
        away.project = "p";
        away.collection = "c";
        for (size_t i = 0; i < 2; i++) {
            commit_letter(&stage, "c", i);
            ck_assert_int_eq(run(&stage, &away), CULL_OK);
            ck_assert_uint_eq(stage.answer.told.len, sizeof(cull_version_key));
        }
        ck_assert_int_eq(run_versions(&stage, CULL__REQUEST_RESTORE, both, 2, ""), CULL_E_EXISTS);
        ck_assert_int_eq(run_versions(&stage, CULL__REQUEST_RESTORE, both, 2, "d"), CULL_E_USAGE);
        ck_assert_int_eq(run_versions(&stage, CULL__REQUEST_RESTORE, both, 1, ""), CULL_OK);
        ck_assert_int_eq(run_versions(&stage, CULL__REQUEST_RESTORE, both + 1, 1, ""),
                         CULL_E_EXISTS);
        ck_assert_int_eq(run_versions(&stage, CULL__REQUEST_RESTORE, both + 1, 1, "d"), CULL_OK);
        ck_assert_int_eq(run_versions(&stage, CULL__REQUEST_RESTORE, both, 1, ""), CULL_E_NOTFOUND);
        stage_release(&stage);
    }
END_TEST

START_TEST(names_that_are_not_there_are_not_found)
    {
        static const struct cull__request_version missing[] = { { "e", "p", "d", 0, 0 },
                                                                { "e", "p", "c", 0, 1 },
                                                                { "e", "p", "c", 2, 0 },
                                                                { "e", "q", "c", 1, 0 } };
        static const enum cull__request_op ops[] = { CULL__REQUEST_ALIAS_SET, CULL__REQUEST_TAG,
                                                     CULL__REQUEST_DELETE, CULL__REQUEST_RESTORE };
        struct stage stage;

        stage_init(&stage, &plain);
        commit_letter(&stage, "c", 0);
        for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
            for (size_t op = 0; op < ARRAY_LEN(ops); op++) {
                ck_assert_int_eq(run_versions(&stage, ops[op], &missing[i], 1,
                                              ops[op] == CULL__REQUEST_RESTORE ? "" : "x"),
                                 CULL_E_NOTFOUND);
            }
        }
        ck_assert_int_eq(run_versions(&stage, CULL__REQUEST_ALIAS_SET, missing, 0, "x"),
                         CULL_E_USAGE);
        ck_assert_int_eq(run_versions(&stage, CULL__REQUEST_ALIAS_REMOVE, missing, 2, "x"),
                         CULL_E_USAGE);
        ck_assert_int_eq(run_versions(&stage, CULL__REQUEST_DELETE, missing, 0, ""), CULL_OK);
        stage_release(&stage);
    }
END_TEST

START_TEST(the_clock_only_goes_forward_and_stays_in_range)
    {
        struct cull__request request = CULL__REQUEST_INIT;
        struct stage stage;

        stage_init(&stage, &plain);
        request.op = CULL__REQUEST_CLOCK;
        request.ms = 1;
        ck_assert_int_eq(run(&stage, &request), CULL_OK);
        ck_assert_uint_eq(stage.world.now_ms, WORLD_START_MS + 1);
        request.ms = CULL__REQUEST_DURATION_MS_MAX - WORLD_START_MS;
        ck_assert_int_eq(run(&stage, &request), CULL_E_INVALID);
        request.ms--;
        ck_assert_int_eq(run(&stage, &request), CULL_OK);
        stage_release(&stage);
    }
END_TEST

Suite *requests_suite(void)
{
    Suite *suite = suite_create("requests");
    TCase *bytes = tcase_create("bytes");
    TCase *runs = tcase_create("runs");

    tcase_add_loop_test(bytes, every_request_comes_back_as_the_same_bytes, 0, CULL__REQUEST_OPS);
    tcase_add_test(bytes, a_commit_comes_back_field_by_field);
    tcase_add_loop_test(bytes, a_request_cut_short_is_refused_at_every_byte, 0, CULL__REQUEST_OPS);
    tcase_add_loop_test(bytes, a_request_with_a_changed_byte_is_refused_or_canonical, 0,
                        CULL__REQUEST_OPS);
    tcase_add_loop_test(bytes, numbers_out_of_range_are_refused, 0, (int)ARRAY_LEN(bounds));
    tcase_add_test(bytes, a_fact_is_no_request);
    tcase_add_test(bytes, decoding_without_memory_fails_and_leaks_nothing);
    tcase_add_test(bytes, ops_have_names);
    suite_add_tcase(suite, bytes);
    tcase_add_test(runs, an_empty_slot_is_not_found);
    tcase_add_test(runs, an_upload_is_continued_by_another_process_until_it_ends);
    tcase_add_test(runs, a_confirmation_needs_an_object_of_the_named_length);
    tcase_add_test(runs, objects_with_incarnations_are_the_stores_own_business);
    tcase_add_test(runs, two_collections_cannot_come_back_under_one_name);
    tcase_add_test(runs, names_that_are_not_there_are_not_found);
    tcase_add_test(runs, the_clock_only_goes_forward_and_stays_in_range);
    suite_add_tcase(suite, runs);
    return suite;
}
