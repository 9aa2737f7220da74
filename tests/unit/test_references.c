/*
 * test_references.c - ids that servers give, and references into other artifacts by them (rule 7).
 */
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_support.h"
#include "support.h"

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define ARTIFACT_1 "QXJ0aWZhY3Q6MQ==" /* Artifact:1 */
#define HEX_1 "41727469666163743a31"
#define ARTIFACT_2 "QXJ0aWZhY3Q6Mg=="
#define HEX_2 "41727469666163743a32"

/* --- forms -------------------------------------------------------------------------------------- */

#define QQ "QUFB"
#define QQ10 QQ QQ QQ QQ QQ QQ QQ QQ QQ QQ
#define AA10 "AAAAAAAAAA"
#define HEX10 "41414141414141414141"

static const struct {
    const char *name;
    const char *text;
    const char *want; /* NULL: refused */
} forms[] = {
    { "as the API says it", "QXJ0aWZhY3Q6MTIz", "QXJ0aWZhY3Q6MTIz" },
    { "as it is", "Artifact:123", "QXJ0aWZhY3Q6MTIz" },
    { "as references have it", "41727469666163743a313233", "QXJ0aWZhY3Q6MTIz" },
    { "in capital hex", "41727469666163743A313233", "QXJ0aWZhY3Q6MTIz" },
    { "with padding", ARTIFACT_1, ARTIFACT_1 },
    { "as it is, with padding", "Artifact:1", ARTIFACT_1 },
    { "one byte", "41", "QQ==" },
    { "a zero byte", "00", "AA==" },
    { "a slash and a plus", "fbff", "+/8=" },
    { "128 bytes", AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 "AAAAAAA:",
      QQ10 QQ10 QQ10 QQ10 QQ QQ "QTo=" },
    { "129 bytes", AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 "AAAAAAAA:", NULL },
    { "129 bytes in hex",
      HEX10 HEX10 HEX10 HEX10 HEX10 HEX10 HEX10 HEX10 HEX10 HEX10 HEX10 HEX10 "414141414141414141",
      NULL },
    { "129 bytes in base64", QQ10 QQ10 QQ10 QQ10 QQ QQ QQ, NULL },
    { "nothing", "", NULL },
    { "half a byte", "414", NULL },
    { "no form at all", "xyz", NULL },
    { "padding alone", "====", NULL },
    { "too much padding", "QQ======", NULL },
    { "stray bits", "QR==", NULL },
    { "a space that readers of base64 pass over", " QQ=", NULL },
    { "a newline behind", "QUFB\n", NULL },
    { "the other alphabet", "-_8=", NULL },
};

START_TEST(an_id_has_one_form_from_whichever_it_comes)
    {
        char id[CULL_ARTIFACT_ID_MAX];
        cull_error err = { CULL_OK, "" };
        cull_status status = cull_artifact_id_parse(id, forms[_i].text, &err);

        ck_assert_msg(status == (forms[_i].want == NULL ? CULL_E_USAGE : CULL_OK), "%s: %s: %s",
                      forms[_i].name, cull_strerror(status), err.message);
        ck_assert_msg(strcmp(id, forms[_i].want == NULL ? "" : forms[_i].want) == 0, "%s: %s",
                      forms[_i].name, id);
        if (status == CULL_OK) { /* and that one is its own form */
            char again[CULL_ARTIFACT_ID_MAX];

            ck_assert_int_eq(cull_artifact_id_parse(again, id, &err), CULL_OK);
            ck_assert_str_eq(again, id);
        }
    }
END_TEST

/* --- committing --------------------------------------------------------------------------------- */

/* A manifest of files, and one reference "r" besides if ref is not NULL. */
static cull_manifest *manifest_of(const struct bench_store *bench, const char *text,
                                  const char *ref)
{
    cull_manifest *files = bench_manifest(bench, text);
    cull_manifest *manifest = NULL;
    cull_entry entry = {
        .path = "r", .path_len = 1, .kind = CULL_ENTRY_ARTIFACT, .digest_text = "d", .ref = ref
    };
    cull_error err = { CULL_OK, "" };

    if (ref == NULL) {
        return files;
    }
    ck_assert_int_eq(cull_manifest_new(&manifest, bench->digest, NULL), CULL_OK);
    ck_assert_int_eq(cull_manifest_add(manifest, &entry, &err), CULL_OK);
    for (size_t i = 0; i < cull_manifest_count(files); i++) {
        cull_manifest_at(files, i, &entry);
        ck_assert_int_eq(cull_manifest_add(manifest, &entry, &err), CULL_OK);
    }
    ck_assert_int_eq(cull_manifest_seal(manifest, &err), CULL_OK);
    cull_manifest_free(files);
    return manifest;
}

struct wish {
    const char *collection;
    const char *text;
    const char *ref; /* NULL: none */
    const char *id;  /* NULL: none */
    bool unresolved;
};

/* Commit what is wished for; message: of the refusal, in err. */
static cull_status commit(struct bench_store *bench, const struct wish *wish,
                          cull_commit_result *result, cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    cull_upload *upload = bench_upload(bench, wish->collection, -1);
    cull_manifest *manifest = manifest_of(bench, wish->text, wish->ref);
    const cull_commit_options options = { .manifest = manifest,
                                          .artifact_id = wish->id,
                                          .allow_unresolved = wish->unresolved };
    cull_status status;

    *err = (cull_error){ CULL_OK, "" };
    ck_assert_int_eq(bench_put(bench, upload, wish->text, err), CULL_OK);
    status = cull_upload_commit(upload, &options, NULL, NULL, result, &caller, err);
    if (status != CULL_OK) {
        cull_error ended = { CULL_OK, "" };

        ck_assert_int_eq(cull_upload_abort(upload, &caller, &ended), CULL_OK);
    }
    cull_manifest_free(manifest);
    cull_upload_free(upload);
    return status;
}

static uint32_t must_commit(struct bench_store *bench, const char *collection, const char *text,
                            const char *ref, const char *id)
{
    const struct wish wish = { collection, text, ref, id, false };
    cull_commit_result result;
    cull_error err;

    ck_assert_msg(commit(bench, &wish, &result, &err) == CULL_OK, "%s", err.message);
    return result.version.ordinal;
}

static void must_refuse(struct bench_store *bench, const struct wish *wish, cull_status want,
                        const char *message)
{
    cull_commit_result result;
    cull_error err;

    ck_assert_int_eq(commit(bench, wish, &result, &err), want);
    ck_assert_msg(strstr(err.message, message) != NULL, "%s, not %s", err.message, message);
}

static cull_status take_ids(void *ctx, const cull_version_info *version)
{
    char *text = ctx;

    for (size_t i = 0; i < version->artifact_id_count; i++) {
        (void)strcat(strcat(text, i == 0 ? "" : " "), version->artifact_ids[i]);
    }
    return CULL_OK;
}

/* A version's ids with spaces between them. Static. */
static const char *ids_of(struct bench_store *bench, const char *collection, uint32_t ordinal)
{
    static char text[1024];
    const cull_version_key key = bench_key(bench, collection, ordinal);
    cull_error err = { CULL_OK, "" };

    text[0] = '\0';
    ck_assert_int_eq(cull_version_show(bench->store, &key, take_ids, text, &err), CULL_OK);
    return text;
}

static void checkpoint(struct bench_store *bench)
{
    const cull_caller caller = bench_caller(bench);
    cull_error err = { CULL_OK, "" };

    ck_assert_int_eq(cull_store_maintain(bench->store, true, &caller, &err), CULL_OK);
    bench_reopen(bench);
}

static const struct bench_options plain = { .grace_ms = 0 };

START_TEST(rule_7_a_reference_keeps_its_targets_file_and_nothing_else_of_it)
    {
        struct bench_store bench;

        bench_open(&bench, &plain);
        (void)must_commit(&bench, "target", "a=cat b=dog", NULL, ARTIFACT_1);
        if (_i == 1) { /* the id comes from a checkpoint, not from the log's tail */
            checkpoint(&bench);
        }
        (void)must_commit(&bench, "referrer", "x=rat", "wandb-artifact://" HEX_1 "/a", NULL);
        bench_delete(&bench, "target", 0);
        (void)bench_collect(&bench);
        ck_assert(bench_has_object(&bench, "cat"));
        ck_assert(!bench_has_object(&bench, "dog"));
        bench_check(&bench);
        bench_delete(&bench, "referrer", 0);
        (void)bench_collect(&bench);
        ck_assert(!bench_has_object(&bench, "cat"));
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

static cull_status note_dependent(void *ctx, const cull_version_info *dependent, const char *path,
                                  const cull_version_key *target)
{
    char *text = ctx;
    size_t len = strlen(text);

    (void)snprintf(text + len, 200 - len, "%s:v%u/%s>v%u ", dependent->collection,
                   dependent->key.ordinal, path, target->ordinal);
    return CULL_OK;
}

static const char *dependents_of(struct bench_store *bench, const char *collection)
{
    static char text[200];
    const cull_version_key key = bench_key(bench, collection, 0);
    cull_error err = { CULL_OK, "" };

    text[0] = '\0';
    ck_assert_int_eq(cull_dependents(bench->store, &key, 1, note_dependent, text, &err), CULL_OK);
    return text;
}

/* Before and after the deletion, which they do not block; what nobody refers to has none. */
START_TEST(rule_18_dependents_are_listed_keep_their_bytes_and_never_block_a_deletion)
    {
        struct bench_store bench;

        bench_open(&bench, &(struct bench_options){ .grace_ms = 1000 });
        (void)must_commit(&bench, "target", "a=cat b=dog", NULL, ARTIFACT_1);
        (void)must_commit(&bench, "referrer", "x=rat", "wandb-artifact://" HEX_1 "/a", NULL);
        (void)must_commit(&bench, "other", "y=owl", NULL, NULL);
        ck_assert_str_eq(dependents_of(&bench, "target"), "referrer:v0/r>v0 ");
        ck_assert_str_eq(dependents_of(&bench, "referrer"), "");
        bench_delete(&bench, "target", 0);
        ck_assert_str_eq(dependents_of(&bench, "target"), "referrer:v0/r>v0 ");
        bench.now_ms += 1000;
        ck_assert_uint_eq(bench_collect(&bench).blobs_deleted, 1);
        ck_assert(bench_has_object(&bench, "cat"));
        ck_assert(!bench_has_object(&bench, "dog"));
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_7_a_reference_to_a_reference_keeps_the_file_behind_both)
    {
        struct bench_store bench;

        bench_open(&bench, &plain);
        (void)must_commit(&bench, "target", "a=cat", NULL, ARTIFACT_1);
        (void)must_commit(&bench, "between", "x=dog", "wandb-artifact://" HEX_1 "/a", ARTIFACT_2);
        (void)must_commit(&bench, "referrer", "x=rat", "wandb-artifact://" HEX_2 "/r", NULL);
        bench_delete(&bench, "target", 0);
        bench_delete(&bench, "between", 0);
        (void)bench_collect(&bench);
        ck_assert(bench_has_object(&bench, "cat"));
        ck_assert(!bench_has_object(&bench, "dog"));
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

static const struct {
    const char *name;
    const char *ref;
    const char *message;
} nowhere[] = {
    { "an id that nobody has", "wandb-artifact://" HEX_2 "/a",
      "r: refers to artifact " ARTIFACT_2 ", which no version here is" },
    { "half a byte", "wandb-artifact://4/a", "r: refers to artifact of an impossible id" },
    { "a file that is not there", "wandb-artifact://" HEX_1 "/z",
      "r: refers to z, which is no file of e/p/target:v0" },
    { "a deleted version", "wandb-artifact://51513d3d/a",
      "r: refers to artifact UVE9PQ==, e/p/old:v0, which is deleted" },
};

START_TEST(rule_7_a_reference_that_leads_nowhere_is_named_with_its_id)
    {
        const struct wish wish = { "referrer", "x=rat", nowhere[_i].ref, NULL, false };
        const struct wish allowed = { "referrer", "x=rat", nowhere[_i].ref, NULL, true };
        struct bench_store bench;
        cull_commit_result result;
        cull_error err;

        bench_open(&bench, &plain);
        (void)must_commit(&bench, "target", "a=cat", NULL, ARTIFACT_1);
        (void)must_commit(&bench, "old", "a=dog", NULL, "51513d3d");
        bench_delete(&bench, "old", 0);
        must_refuse(&bench, &wish, CULL_E_NOTFOUND, nowhere[_i].message);
        must_refuse(&bench, &wish, CULL_E_NOTFOUND, "--allow-unresolved-references");
        ck_assert_int_eq(commit(&bench, &allowed, &result, &err), CULL_OK);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* What was first resolved by comparing with the numbers that cull gives its own versions. */
START_TEST(the_number_of_a_version_is_no_id_however_it_is_written)
    {
        struct bench_store bench;

        bench_open(&bench, &plain);
        (void)must_commit(&bench, "target", "a=cat", NULL, NULL);
        for (unsigned number = 0; number < 64; number++) {
            char refs[2][64];

            (void)snprintf(refs[0], sizeof refs[0], "wandb-artifact://%x/a", number);
            (void)snprintf(refs[1], sizeof refs[1], "wandb-artifact://%02x/a", number);
            for (int i = 0; i < 2; i++) {
                const struct wish wish = { "referrer", "x=rat", refs[i], NULL, false };

                must_refuse(&bench, &wish, CULL_E_NOTFOUND, "refers to artifact");
            }
        }
        bench_close(&bench);
    }
END_TEST

/* --- who has an id ------------------------------------------------------------------------------ */

START_TEST(an_id_is_of_one_content_and_moves_to_the_last_version_of_it)
    {
        const struct wish other = { "c", "a=dog", NULL, ARTIFACT_1, false };
        struct bench_store bench;

        bench_open(&bench, &plain);
        (void)must_commit(&bench, "c", "a=cat", NULL, ARTIFACT_1);
        must_refuse(&bench, &other, CULL_E_EXISTS, ARTIFACT_1 ": is that of e/p/c:v0");
        ck_assert_str_eq(ids_of(&bench, "c", 0), ARTIFACT_1);
        (void)must_commit(&bench, "copy", "a=cat", NULL, ARTIFACT_1);
        ck_assert_str_eq(ids_of(&bench, "c", 0), "");
        ck_assert_str_eq(ids_of(&bench, "copy", 0), ARTIFACT_1);
        bench_delete(&bench, "copy", 0); /* a deleted version gives it up to any other */
        ck_assert_str_eq(ids_of(&bench, "copy", 0), ARTIFACT_1);
        ck_assert_uint_eq(must_commit(&bench, "c", "a=dog", NULL, ARTIFACT_1), 1);
        ck_assert_str_eq(ids_of(&bench, "copy", 0), "");
        ck_assert_str_eq(ids_of(&bench, "c", 1), ARTIFACT_1);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(an_id_comes_back_with_a_restored_version_and_is_free_after_a_purge)
    {
        struct bench_store bench;
        cull_version_key key;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &plain);
        caller = bench_caller(&bench);
        (void)must_commit(&bench, "c", "a=cat", NULL, ARTIFACT_1);
        key = bench_key(&bench, "c", 0);
        bench_delete(&bench, "c", 0);
        ck_assert_int_eq(cull_restore(bench.store, &key, 1, NULL, &caller, &err), CULL_OK);
        (void)must_commit(&bench, "d", "x=rat", "wandb-artifact://" HEX_1 "/a", NULL);
        bench_delete(&bench, "c", 0);
        (void)bench_collect(&bench);
        ck_assert_uint_eq(must_commit(&bench, "c", "a=dog", NULL, ARTIFACT_1), 1);
        checkpoint(&bench);
        ck_assert_str_eq(ids_of(&bench, "c", 1), ARTIFACT_1);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_5_an_equal_manifest_makes_no_version_and_its_id_is_one_more)
    {
        struct bench_store bench;

        bench_open(&bench, &plain);
        ck_assert_uint_eq(must_commit(&bench, "c", "a=cat", NULL, ARTIFACT_2), 0);
        ck_assert_uint_eq(must_commit(&bench, "c", "a=cat", NULL, ARTIFACT_1), 0);
        ck_assert_uint_eq(must_commit(&bench, "c", "a=cat", NULL, ARTIFACT_1), 0);
        ck_assert_str_eq(ids_of(&bench, "c", 0), ARTIFACT_1 " " ARTIFACT_2);
        (void)must_commit(&bench, "d", "x=rat", "wandb-artifact://" HEX_2 "/a", NULL);
        checkpoint(&bench);
        ck_assert_str_eq(ids_of(&bench, "c", 0), ARTIFACT_1 " " ARTIFACT_2);
        bench_close(&bench);
    }
END_TEST

START_TEST(a_version_takes_64_ids_and_refuses_one_more)
    {
        const struct wish more = { "c", "a=cat", NULL, "Artifact:65", false };
        struct bench_store bench;

        bench_open(&bench, &plain);
        for (int i = 1; i <= 64; i++) {
            char id[32];

            (void)snprintf(id, sizeof id, "Artifact:%d", i);
            ck_assert_uint_eq(must_commit(&bench, "c", "a=cat", NULL, id), 0);
        }
        must_refuse(&bench, &more, CULL_E_LIMIT, "has 64 already");
        ck_assert_uint_eq(must_commit(&bench, "c", "a=cat", NULL, "Artifact:64"), 0);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* A manifest whose reference found nothing at first is another version once it does: of the same
 * manifest digest, but it holds one blob more. */
START_TEST(a_reference_is_resolved_when_its_version_is_imported_again)
    {
        const struct wish early = { "referrer", "x=rat", "wandb-artifact://" HEX_1 "/a", NULL,
                                    true };
        struct bench_store bench;
        cull_commit_result result;
        cull_error err;

        bench_open(&bench, &plain);
        ck_assert_int_eq(commit(&bench, &early, &result, &err), CULL_OK);
        (void)must_commit(&bench, "target", "a=cat", NULL, ARTIFACT_1);
        ck_assert_int_eq(commit(&bench, &early, &result, &err), CULL_OK);
        ck_assert(result.is_new);
        ck_assert_uint_eq(result.version.ordinal, 1);
        bench_delete(&bench, "target", 0);
        (void)bench_collect(&bench);
        ck_assert(bench_has_object(&bench, "cat"));
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(an_id_that_is_none_is_refused_and_nothing_is_committed)
    {
        const struct wish wish = { "c", "a=cat", NULL, "xyz", false };
        struct bench_store bench;

        bench_open(&bench, &plain);
        must_refuse(&bench, &wish, CULL_E_USAGE, "xyz: not an artifact's id");
        ck_assert_uint_eq(must_commit(&bench, "c", "a=cat", NULL, NULL), 0);
        bench_close(&bench);
    }
END_TEST

/* Whatever fails, the commit is there with its id or not there at all. */
START_TEST(without_memory_a_reference_is_not_half_resolved)
    {
        uint64_t failures = 0;

        for (bool done = false; !done; failures++) {
            const struct wish wish = { "referrer", "x=rat", "wandb-artifact://" HEX_1 "/a",
                                       ARTIFACT_2, false };
            struct failing_allocator memory;
            struct bench_options options = plain;
            struct bench_store bench;
            cull_upload *upload;
            cull_manifest *manifest;
            cull_commit_options commit_options = { .artifact_id = ARTIFACT_2 };
            cull_commit_result result;
            cull_caller caller;
            cull_error err = { CULL_OK, "" };
            cull_status status;

            failing_allocator_init(&memory, 0);
            options.allocator = &memory.allocator;
            bench_open(&bench, &options);
            caller = bench_caller(&bench);
            (void)must_commit(&bench, "target", "a=cat", NULL, ARTIFACT_1);
            upload = bench_upload(&bench, wish.collection, -1);
            manifest = manifest_of(&bench, wish.text, wish.ref);
            commit_options.manifest = manifest;
            ck_assert_int_eq(bench_put(&bench, upload, wish.text, &err), CULL_OK);
            memory.fail_at = memory.calls + failures + 1;
            status =
                cull_upload_commit(upload, &commit_options, NULL, NULL, &result, &caller, &err);
            done = memory.calls < memory.fail_at;
            memory.fail_at = 0;
            ck_assert_msg(status == CULL_OK || status == CULL_E_NOMEM, "%s", err.message);
            if (status != CULL_OK) {
                status =
                    cull_upload_commit(upload, &commit_options, NULL, NULL, &result, &caller, &err);
                ck_assert_msg(status == CULL_OK, "%s", err.message);
            }
            ck_assert_str_eq(ids_of(&bench, "referrer", 0), ARTIFACT_2);
            bench_delete(&bench, "target", 0);
            (void)bench_collect(&bench);
            ck_assert(bench_has_object(&bench, "cat"));
            bench_check(&bench);
            cull_manifest_free(manifest);
            cull_upload_free(upload);
            bench_close(&bench);
            ck_assert_int_eq(memory.live, 0);
        }
        ck_assert_uint_gt(failures, 10);
    }
END_TEST

Suite *references_suite(void)
{
    Suite *suite = suite_create("references");
    TCase *tc = tcase_create("rules");

    tcase_add_loop_test(tc, an_id_has_one_form_from_whichever_it_comes, 0, ARRAY_LEN(forms));
    tcase_add_loop_test(tc, rule_7_a_reference_keeps_its_targets_file_and_nothing_else_of_it, 0, 2);
    tcase_add_test(tc, rule_18_dependents_are_listed_keep_their_bytes_and_never_block_a_deletion);
    tcase_add_test(tc, rule_7_a_reference_to_a_reference_keeps_the_file_behind_both);
    tcase_add_loop_test(tc, rule_7_a_reference_that_leads_nowhere_is_named_with_its_id, 0,
                        ARRAY_LEN(nowhere));
    tcase_add_test(tc, the_number_of_a_version_is_no_id_however_it_is_written);
    tcase_add_test(tc, an_id_is_of_one_content_and_moves_to_the_last_version_of_it);
    tcase_add_test(tc, an_id_comes_back_with_a_restored_version_and_is_free_after_a_purge);
    tcase_add_test(tc, rule_5_an_equal_manifest_makes_no_version_and_its_id_is_one_more);
    tcase_add_test(tc, a_version_takes_64_ids_and_refuses_one_more);
    tcase_add_test(tc, a_reference_is_resolved_when_its_version_is_imported_again);
    tcase_add_test(tc, an_id_that_is_none_is_refused_and_nothing_is_committed);
    tcase_add_test(tc, without_memory_a_reference_is_not_half_resolved);
    suite_add_tcase(suite, tc);
    return suite;
}
