/*
 * test_flaws.c - the smallest histories that break a store which leaves one rule of the design out.
 *
 * Each test is such a history, named for what goes wrong without the rule, with what must be seen
 * written out; beside it the oracle watches every step.
 */
#include "suites.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cull/cull.h"
#include "object/objects_internal.h"
#include "sim/oracle.h"
#include "support.h"

#define GRACE_MS 1000
#define LEASE_MS 60000

/* --- a laboratory: one world, watched --------------------------------------------------------- */

struct lab {
    struct world world;
    struct oracle oracle;
    struct cull__answer answer;
    struct cull__request racer; /* done at the next race */
    struct cull__answer racer_answer;
    struct cull__request main;
    char text[64];
};

static void watch(struct lab *lab)
{
    ck_assert_msg(lab->oracle.broken[0] == '\0', "%s", lab->oracle.broken);
}

static void let_racer_go(void *ctx)
{
    struct lab *lab = ctx;
    bool fired = false;

    if (lab->main.op == CULL__REQUEST_EXECUTE) {
        oracle_claims(&lab->oracle, &lab->main);
    }
    (void)world_run(&lab->world, &lab->racer, &lab->racer_answer, &fired, NULL, NULL);
    oracle_step(&lab->oracle, &lab->racer, &lab->racer_answer, fired);
    lab->racer.op = CULL__REQUEST_CREATE; /* done */
}

/* Do a request under the oracle's eyes; with race, lab->racer comes before its append. */
static cull_status lab_run(struct lab *lab, const struct cull__request *request, bool race)
{
    bool fired = false;
    cull_status status;

    lab->main = *request;
    status = world_run(&lab->world, request, &lab->answer, &fired, race ? let_racer_go : NULL, lab);
    oracle_step(&lab->oracle, request, &lab->answer, fired);
    watch(lab);
    oracle_compare(&lab->oracle, &lab->world.sessions[request->process], true, 0);
    watch(lab);
    return status;
}

static struct cull__request request_of(enum cull__request_op op, uint32_t slot)
{
    struct cull__request request = CULL__REQUEST_INIT;

    request.op = op;
    request.slot = slot;
    request.kind = CULL_DIGEST_SHA256;
    request.entity = "e";
    request.project = "p";
    return request;
}

static cull_status lab_op(struct lab *lab, enum cull__request_op op, uint32_t slot)
{
    struct cull__request request = request_of(op, slot);

    return lab_run(lab, &request, false);
}

static void lab_init(struct lab *lab, cull_late_deletes late)
{
    const cull_store_settings settings = { .digest = CULL_DIGEST_SHA256,
                                           .late_deletes = late,
                                           .grace_ms = GRACE_MS,
                                           .lease_ms = LEASE_MS };
    struct cull__request request = request_of(CULL__REQUEST_CREATE, 0);

    memset(lab, 0, sizeof *lab);
    cull__answer_init(&lab->answer, cull_allocator_default());
    cull__answer_init(&lab->racer_answer, cull_allocator_default());
    ck_assert_int_eq(world_init(&lab->world, &settings, NULL), CULL_OK);
    oracle_init(&lab->oracle, &lab->world, &settings);
    request.settings = settings;
    ck_assert_int_eq(lab_run(lab, &request, false), CULL_OK);
    request.op = CULL__REQUEST_REOPEN;
    request.process = 1;
    ck_assert_int_eq(lab_run(lab, &request, false), CULL_OK);
}

static void lab_release(struct lab *lab)
{
    cull__answer_release(&lab->answer);
    cull__answer_release(&lab->racer_answer);
    oracle_release(&lab->oracle);
    world_release(&lab->world);
}

static void lab_open(struct lab *lab, uint32_t slot, const char *collection, int base,
                     uint64_t lease_ms)
{
    struct cull__request request = request_of(CULL__REQUEST_OPEN, slot);

    request.collection = collection;
    request.base = (uint32_t)(base + 1);
    request.ms = lease_ms;
    ck_assert_int_eq(lab_run(lab, &request, false), CULL_OK);
}

static const struct world_letter *letter_of(const struct lab *lab, char letter)
{
    return &lab->world.letters[letter - 'a'];
}

static size_t fill_blobs(const struct lab *lab, const char *letters, cull_blob_ref *out)
{
    size_t count = strlen(letters);

    for (size_t i = 0; i < count; i++) {
        out[i] =
            (cull_blob_ref){ letter_of(lab, letters[i])->digest, letter_of(lab, letters[i])->len };
    }
    return count;
}

/* What each blob was answered: T stored, S send, W wait. */
static const char *lab_put(struct lab *lab, uint32_t slot, const char *letters)
{
    struct cull__request request = request_of(CULL__REQUEST_PUT, slot);
    cull_blob_ref blobs[8];
    const cull_put_answer *puts;
    size_t i;

    request.blobs = blobs;
    request.blob_count = fill_blobs(lab, letters, blobs);
    ck_assert_int_eq(lab_run(lab, &request, false), CULL_OK);
    puts = (const cull_put_answer *)(const void *)lab->answer.puts.data;
    for (i = 0; i < request.blob_count; i++) {
        lab->text[i] = "?TSW"[puts[i]];
    }
    lab->text[i] = '\0';
    return lab->text;
}

static cull_status lab_send(struct lab *lab, uint32_t slot, const char *letters)
{
    struct cull__request request = request_of(CULL__REQUEST_SEND, slot);
    struct cull__request_content contents[8];

    request.content_count = strlen(letters);
    request.contents = contents;
    for (size_t i = 0; i < request.content_count; i++) {
        contents[i] = (struct cull__request_content){ letter_of(lab, letters[i])->bytes,
                                                      letter_of(lab, letters[i])->len };
    }
    return lab_run(lab, &request, false);
}

/* letters[i] is what stands at the i-th path: '.' nothing (in a patch: as it was), '-' taken away. */
static cull_status lab_commit(struct lab *lab, uint32_t slot, const char *letters, bool patch)
{
    static const char *const paths[] = { "x", "y", "z" };
    struct cull__request request = request_of(CULL__REQUEST_COMMIT, slot);
    cull_entry entries[3];

    memset(entries, 0, sizeof entries);
    request.entries = entries;
    request.flags = patch ? CULL__REQUEST_PATCH : 0;
    for (size_t i = 0; letters[i] != '\0'; i++) {
        cull_entry *entry = &entries[request.entry_count];

        if (letters[i] == '.') {
            continue;
        }
        request.entry_count++;
        entry->path = paths[i];
        entry->path_len = 1;
        if (letters[i] != '-') {
            entry->kind = CULL_ENTRY_BLOB;
            entry->digest = letter_of(lab, letters[i])->digest;
            entry->size_bytes = letter_of(lab, letters[i])->len;
        }
    }
    return lab_run(lab, &request, false);
}

/* Open, put, send what is to be sent, commit: a whole upload. */
static void lab_version(struct lab *lab, const char *collection, const char *letters)
{
    char distinct[8] = "";

    lab_open(lab, 3, collection, -1, 0);
    for (const char *at = letters; *at != '\0'; at++) {
        if (*at != '.' && strchr(distinct, *at) == NULL) {
            const char one[2] = { *at, '\0' };

            (void)strcat(distinct, one);
            if (strcmp(lab_put(lab, 3, one), "S") == 0) {
                ck_assert_int_eq(lab_send(lab, 3, one), CULL_OK);
            }
        }
    }
    ck_assert_int_eq(lab_commit(lab, 3, letters, false), CULL_OK);
}

static cull_status lab_versions(struct lab *lab, enum cull__request_op op, const char *collection,
                                uint32_t ordinal)
{
    const struct cull__request_version version = { "e", "p", collection, 0, ordinal };
    struct cull__request request = request_of(op, 0);

    request.versions = &version;
    request.version_count = 1;
    request.flags = op == CULL__REQUEST_DELETE ? CULL__REQUEST_DELETE_ALIASES : 0;
    return lab_run(lab, &request, false);
}

static void lab_delete(struct lab *lab, const char *collection, uint32_t ordinal)
{
    ck_assert_int_eq(lab_versions(lab, CULL__REQUEST_DELETE, collection, ordinal), CULL_OK);
}

static void lab_tick(struct lab *lab, uint64_t ms)
{
    struct cull__request request = request_of(CULL__REQUEST_CLOCK, 0);

    request.ms = ms;
    ck_assert_int_eq(lab_run(lab, &request, false), CULL_OK);
}

static cull_gc_result lab_collect(struct lab *lab)
{
    struct cull__request request = request_of(CULL__REQUEST_COLLECT, 0);

    request.flags = CULL__REQUEST_EMPTY_STORE;
    ck_assert_int_eq(lab_run(lab, &request, false), CULL_OK);
    return lab->answer.gc;
}

static cull_status note_object(void *ctx, const char *name, const cull_object_id *id,
                               const cull_object_info *info)
{
    struct lab *lab = ctx;
    size_t len = strlen(lab->text);

    (void)name;
    (void)info;
    lab->text[len] = world_letter_of(&lab->world, &id->digest);
    lab->text[len + 1] = '\0';
    return CULL_OK;
}

static int compare_chars(const void *a, const void *b)
{
    return *(const char *)a - *(const char *)b;
}

/* The letters that have an object, ascending. */
static const char *lab_objects(struct lab *lab)
{
    lab->text[0] = '\0';
    ck_assert_int_eq(cull__objects_list(lab->world.memory, note_object, lab, NULL), CULL_OK);
    qsort(lab->text, strlen(lab->text), 1, compare_chars);
    return lab->text;
}

/* The letters of a version's manifest, by path. */
static const char *lab_manifest(struct lab *lab, const char *collection, uint32_t ordinal)
{
    cull_store *store = lab->world.sessions[0].store;
    cull_name name = { .entity = "e", .project = "p" };
    cull_version_key key;
    cull_manifest *manifest = NULL;
    size_t count;

    (void)strcpy(name.collection, collection);
    (void)snprintf(name.version, sizeof name.version, "v%u", (unsigned)ordinal);
    ck_assert_int_eq(cull_version_find(store, &name, &key, NULL), CULL_OK);
    ck_assert_int_eq(cull_version_manifest(store, &key, &manifest, NULL), CULL_OK);
    count = cull_manifest_count(manifest);
    for (size_t i = 0; i < count; i++) {
        cull_entry entry;

        cull_manifest_at(manifest, i, &entry);
        lab->text[i] = world_letter_of(&lab->world, &entry.digest);
    }
    lab->text[count] = '\0';
    cull_manifest_free(manifest);
    return lab->text;
}

/* --- lifespans ------------------------------------------------------------------------------ */

/* head_kill_keep: a killed open lifespan that stays would be taken for the new version's. */
START_TEST(a_purged_heads_lifespan_is_removed_so_that_the_next_commit_opens_a_new_one)
    {
        struct lab lab;

        lab_init(&lab, CULL_LATE_IMPOSSIBLE);
        lab_version(&lab, "c", "b");
        lab_open(&lab, 0, "c", -1, 0);
        ck_assert_str_eq(lab_put(&lab, 0, "ab"),
                         "ST"); /* b is held by v0, and by this upload now */
        lab_delete(&lab, "c", 0);
        lab_tick(&lab, GRACE_MS);
        ck_assert_uint_eq(lab_collect(&lab).versions_purged, 1); /* the head; b lives by its pin */
        ck_assert_int_eq(lab_send(&lab, 0, "a"), CULL_OK);
        ck_assert_int_eq(lab_commit(&lab, 0, "aba", false), CULL_OK);
        ck_assert_uint_eq(lab_collect(&lab).blobs_deleted, 0);
        ck_assert_str_eq(lab_objects(&lab), "ab");
        ck_assert_str_eq(lab_manifest(&lab, "c", 1), "aba");
        lab_release(&lab);
    }
END_TEST

/* purge_nbr_before: each with the neighbours that were there before, both would see the other. */
START_TEST(rule_30_two_neighbours_purged_together_free_what_only_they_hold)
    {
        struct lab lab;

        lab_init(&lab, CULL_LATE_IMPOSSIBLE);
        lab_version(&lab, "c", ".a.");
        lab_version(&lab, "c", "aa.");
        lab_delete(&lab, "c", 0);
        lab_delete(&lab, "c", 1);
        lab_tick(&lab, GRACE_MS);
        ck_assert_uint_eq(lab_collect(&lab).blobs_deleted, 1);
        ck_assert_str_eq(lab_objects(&lab), "");
        lab_release(&lab);
    }
END_TEST

/* purge_nbr_after: each with the neighbours that will be left, both would free the same blob. */
START_TEST(two_neighbours_purged_together_free_a_blob_once)
    {
        struct lab lab;

        lab_init(&lab, CULL_LATE_IMPOSSIBLE);
        lab_version(&lab, "c", "aab");
        lab_version(&lab, "c", "bbb");
        lab_version(&lab, "c", "aa.");
        lab_delete(&lab, "c", 0);
        lab_delete(&lab, "c", 1);
        lab_tick(&lab, GRACE_MS);
        ck_assert_uint_eq(lab_collect(&lab).blobs_deleted, 1);
        ck_assert_str_eq(lab_objects(&lab), "a");
        ck_assert_str_eq(lab_manifest(&lab, "c", 2), "aa");
        lab_release(&lab);
    }
END_TEST

/* --- patches -------------------------------------------------------------------------------- */

/* patch_dup: one of two paths of a blob goes; the blob stays. */
START_TEST(a_blob_leaves_only_when_no_path_of_the_new_manifest_holds_it)
    {
        struct lab lab;

        lab_init(&lab, CULL_LATE_IMPOSSIBLE);
        lab_version(&lab, "c", "aa.");
        lab_open(&lab, 0, "c", 0, 0);
        ck_assert_int_eq(lab_commit(&lab, 0, "--a", true), CULL_OK);
        ck_assert_str_eq(lab_manifest(&lab, "c", 1), "a");
        lab_delete(&lab, "c", 0);
        lab_tick(&lab, GRACE_MS);
        ck_assert_uint_eq(lab_collect(&lab).blobs_deleted, 0);
        ck_assert_str_eq(lab_objects(&lab), "a");
        lab_release(&lab);
    }
END_TEST

/* patch_head: the head has moved on since the base; the patch means the base. */
START_TEST(a_patch_on_an_older_base_is_compared_with_the_head)
    {
        struct lab lab;

        lab_init(&lab, CULL_LATE_IMPOSSIBLE);
        lab_version(&lab, "c", "bba");
        lab_open(&lab, 1, "c", 0, 0);
        lab_version(&lab, "c", "aaa"); /* b has left the head */
        ck_assert_int_eq(lab_commit(&lab, 1, ".-.", true), CULL_OK);
        ck_assert_str_eq(lab_manifest(&lab, "c", 2), "ba");
        lab_delete(&lab, "c", 0);
        lab_tick(&lab, GRACE_MS);
        ck_assert_uint_eq(lab_collect(&lab).blobs_deleted, 0); /* v2 holds b */
        ck_assert_str_eq(lab_objects(&lab), "ab");
        lab_release(&lab);
    }
END_TEST

START_TEST(a_patch_that_takes_away_what_is_not_there_is_refused)
    {
        struct lab lab;

        lab_init(&lab, CULL_LATE_IMPOSSIBLE);
        lab_version(&lab, "c", "a..");
        lab_open(&lab, 0, "c", 0, 0);
        ck_assert_int_eq(lab_commit(&lab, 0, ".-.", true), CULL_E_INVALID);
        ck_assert_int_eq(lab_commit(&lab, 0, "-..", true), CULL_OK); /* an empty version */
        ck_assert_str_eq(lab_manifest(&lab, "c", 1), "");
        lab_release(&lab);
    }
END_TEST

/* --- uploads and cycles ----------------------------------------------------------------------- */

/* no_expected: that somebody else has named a blob does not mean that it is there. */
START_TEST(a_blob_that_is_only_named_is_to_be_sent_by_everybody)
    {
        struct lab lab;

        lab_init(&lab, CULL_LATE_IMPOSSIBLE);
        lab_open(&lab, 2, "c", -1, 0);
        lab_open(&lab, 0, "c", -1, 0);
        ck_assert_str_eq(lab_put(&lab, 2, "a"), "S");
        ck_assert_str_eq(lab_put(&lab, 0, "a"), "S");
        ck_assert_int_eq(lab_commit(&lab, 0, "a", false), CULL_E_NOT_STORED);
        ck_assert_uint_eq(lab.answer.missing.len, sizeof(cull_digest));
        ck_assert_int_eq(lab_send(&lab, 2, "a"), CULL_OK);
        ck_assert_str_eq(lab_put(&lab, 0, "a"), "T");
        ck_assert_int_eq(lab_commit(&lab, 0, "a", false), CULL_OK);
        lab_release(&lab);
    }
END_TEST

/* no_base_pin: what an upload builds on stays, though it was deleted and is due. */
START_TEST(the_base_of_an_open_upload_is_not_purged)
    {
        struct lab lab;

        lab_init(&lab, CULL_LATE_IMPOSSIBLE);
        lab_version(&lab, "c", "a");
        lab_open(&lab, 1, "c", 0, 0);
        lab_delete(&lab, "c", 0);
        lab_tick(&lab, GRACE_MS);
        ck_assert_uint_eq(lab_collect(&lab).versions_purged, 0);
        ck_assert_str_eq(lab_put(&lab, 1, "a"), "T"); /* the base holds it */
        ck_assert_str_eq(lab_objects(&lab), "a");
        ck_assert_int_eq(lab_commit(&lab, 1, ".a", true), CULL_OK);
        ck_assert_uint_eq(lab_collect(&lab).versions_purged, 1);
        ck_assert_str_eq(lab_objects(&lab), "a"); /* v1 holds it now */
        lab_release(&lab);
    }
END_TEST

START_TEST(a_base_must_be_committed_when_the_upload_opens)
    {
        struct cull__request request = request_of(CULL__REQUEST_OPEN, 0);
        struct lab lab;

        lab_init(&lab, CULL_LATE_IMPOSSIBLE);
        lab_version(&lab, "c", "a");
        lab_version(&lab, "c", "b");
        request.collection = "c";
        request.base = 1;
        lab_delete(&lab, "c", 0);
        ck_assert_int_eq(lab_run(&lab, &request, false), CULL_E_REFUSED);
        lab_tick(&lab, GRACE_MS);
        (void)lab_collect(&lab);
        ck_assert_int_eq(lab_run(&lab, &request, false), CULL_E_NOTFOUND);
        request.base = 3;
        ck_assert_int_eq(lab_run(&lab, &request, false), CULL_E_NOTFOUND);
        request.base = 2;
        ck_assert_int_eq(lab_run(&lab, &request, false), CULL_OK);
        lab_release(&lab);
    }
END_TEST

/* no_pin: what an upload was told is stored stays stored, though no version holds it. */
START_TEST(rule_33_what_an_upload_sent_stays_through_a_cycle)
    {
        struct lab lab;

        lab_init(&lab, CULL_LATE_IMPOSSIBLE);
        lab_open(&lab, 2, "c", -1, 0);
        ck_assert_str_eq(lab_put(&lab, 2, "a"), "S");
        ck_assert_int_eq(lab_send(&lab, 2, "a"), CULL_OK);
        ck_assert_uint_eq(lab_collect(&lab).blobs_deleted, 0);
        ck_assert_str_eq(lab_objects(&lab), "a");
        ck_assert_int_eq(lab_commit(&lab, 2, "a", false), CULL_OK);
        lab_release(&lab);
    }
END_TEST

/* A dead blob a, and a plan that would delete it. */
static void plan_for_a(struct lab *lab)
{
    lab_init(lab, CULL_LATE_IMPOSSIBLE);
    lab_version(lab, "c", "b"); /* so that the store is never empty */
    lab_open(lab, 0, "c", -1, 0);
    ck_assert_str_eq(lab_put(lab, 0, "a"), "S");
    ck_assert_int_eq(lab_send(lab, 0, "a"), CULL_OK);
    ck_assert_int_eq(lab_op(lab, CULL__REQUEST_ABORT, 0), CULL_OK);
    ck_assert_int_eq(lab_op(lab, CULL__REQUEST_PLAN, 0), CULL_OK);
    ck_assert_uint_eq(lab->answer.plan.blobs, 1);
    lab_open(lab, 1, "c", -1, 0);
}

/* claim_nocheck: named between plan and execution. */
START_TEST(rule_35_a_planned_blob_that_is_named_again_is_rescued)
    {
        struct lab lab;

        plan_for_a(&lab);
        ck_assert_str_eq(lab_put(&lab, 1, "a"), "T");
        ck_assert_int_eq(lab_op(&lab, CULL__REQUEST_EXECUTE, 0), CULL_OK);
        ck_assert_uint_eq(lab.answer.gc.blobs_deleted, 0);
        ck_assert_uint_eq(lab.answer.gc.blobs_rescued, 1);
        ck_assert_int_eq(lab_commit(&lab, 1, "a", false), CULL_OK);
        ck_assert_str_eq(lab_objects(&lab), "ab");
        ck_assert_int_eq(lab_op(&lab, CULL__REQUEST_EXECUTE, 0), CULL_E_REFUSED); /* once */
        lab_release(&lab);
    }
END_TEST

/* The same, in the instant between the claim's check and its append. */
START_TEST(a_blob_that_is_named_while_it_is_being_claimed_is_rescued)
    {
        struct cull__request execute = request_of(CULL__REQUEST_EXECUTE, 0);
        cull_blob_ref blob;
        struct lab lab;

        plan_for_a(&lab);
        lab.racer = request_of(CULL__REQUEST_PUT, 1);
        lab.racer.process = 1;
        lab.racer.blobs = &blob;
        lab.racer.blob_count = fill_blobs(&lab, "a", &blob);
        ck_assert_int_eq(lab_run(&lab, &execute, true), CULL_OK);
        ck_assert_int_eq(lab.racer.op, CULL__REQUEST_CREATE); /* it did slip in */
        ck_assert_uint_eq(lab.answer.gc.blobs_rescued, 1);
        ck_assert_str_eq(lab_objects(&lab), "ab");
        ck_assert_int_eq(lab_commit(&lab, 1, "a", false), CULL_OK);
        lab_release(&lab);
    }
END_TEST

START_TEST(a_version_that_is_restored_after_the_plan_is_not_purged)
    {
        struct lab lab;

        lab_init(&lab, CULL_LATE_IMPOSSIBLE);
        lab_version(&lab, "c", "a");
        lab_version(&lab, "c", "b");
        lab_delete(&lab, "c", 0);
        lab_tick(&lab, GRACE_MS);
        ck_assert_int_eq(lab_op(&lab, CULL__REQUEST_PLAN, 0), CULL_OK);
        ck_assert_uint_eq(lab.answer.plan.versions, 1);
        ck_assert_int_eq(lab_versions(&lab, CULL__REQUEST_RESTORE, "c", 0), CULL_OK);
        ck_assert_int_eq(lab_op(&lab, CULL__REQUEST_EXECUTE, 0), CULL_OK);
        ck_assert_uint_eq(lab.answer.gc.versions_purged, 0);
        ck_assert_uint_eq(lab.answer.gc.blobs_rescued, 1);
        ck_assert_str_eq(lab_manifest(&lab, "c", 0), "a");
        lab_release(&lab);
    }
END_TEST

/* expire_by_clock: a lease ends by a fact; the upload is over though its client knows nothing. */
START_TEST(a_commit_after_the_lease_is_refused_whoever_ended_it)
    {
        struct lab lab;

        lab_init(&lab, CULL_LATE_IMPOSSIBLE);
        for (int by_another = 0; by_another < 2; by_another++) {
            lab_open(&lab, 0, "c", -1, 1000);
            (void)lab_put(&lab, 0, "ab");
            ck_assert_int_eq(lab_send(&lab, 0, "ab"), CULL_OK);
            lab_tick(&lab, 999);
            ck_assert_int_eq(lab_op(&lab, CULL__REQUEST_RENEW, 0), CULL_OK);
            lab_tick(&lab, 1000);
            if (by_another) {
                ck_assert_uint_eq(lab_collect(&lab).blobs_deleted, 2);
            }
            ck_assert_int_eq(lab_commit(&lab, 0, "ab", false), CULL_E_ENDED);
            ck_assert_uint_eq(lab.answer.missing.len,
                              by_another ? 2 * sizeof(cull_digest) : 0); /* what to send again */
            ck_assert_int_eq(lab_op(&lab, CULL__REQUEST_RENEW, 0), CULL_E_ENDED);
        }
        ck_assert_uint_eq(lab.oracle.collections[0].version_count, 0);
        lab_release(&lab);
    }
END_TEST

/* link_deleted: names are given to committed versions only. */
START_TEST(a_deleted_version_takes_no_alias)
    {
        const struct cull__request_version version = { "e", "p", "c", 0, 0 };
        struct cull__request request = request_of(CULL__REQUEST_ALIAS_SET, 0);
        struct lab lab;

        lab_init(&lab, CULL_LATE_IMPOSSIBLE);
        lab_version(&lab, "c", "a");
        lab_delete(&lab, "c", 0);
        request.versions = &version;
        request.version_count = 1;
        request.label = "best";
        ck_assert_int_eq(lab_run(&lab, &request, false), CULL_E_REFUSED);
        ck_assert_int_eq(lab_versions(&lab, CULL__REQUEST_RESTORE, "c", 0), CULL_OK);
        ck_assert_int_eq(lab_run(&lab, &request, false), CULL_OK);
        lab_release(&lab);
    }
END_TEST

/* fsck_direct: an orphan becomes a blob that is being deleted, by a fact, before it goes. */
START_TEST(an_orphan_is_claimed_in_the_log_before_it_is_deleted)
    {
        struct cull__request publish = request_of(CULL__REQUEST_PUBLISH, 0);
        struct cull__request fsck = request_of(CULL__REQUEST_FSCK, 0);
        struct cull__request_content content;
        struct lab lab;

        lab_init(&lab, CULL_LATE_IMPOSSIBLE);
        content = (struct cull__request_content){ letter_of(&lab, 'a')->bytes,
                                                  letter_of(&lab, 'a')->len };
        publish.contents = &content;
        publish.content_count = 1;
        ck_assert_int_eq(lab_run(&lab, &publish, false), CULL_OK);
        fsck.flags = CULL__REQUEST_REPAIR;
        ck_assert_int_eq(lab_run(&lab, &fsck, false), CULL_OK); /* too young: kept */
        ck_assert_uint_eq(lab.answer.fsck.notes, 1);
        ck_assert_uint_eq(lab.answer.fsck.repaired, 0);
        lab_tick(&lab, UINT64_C(24) * 3600 * 1000 + 1);
        ck_assert_int_eq(lab_run(&lab, &fsck, false), CULL_OK);
        ck_assert_uint_eq(lab.answer.fsck.repaired, 1);
        ck_assert_str_eq(lab_objects(&lab), "a"); /* a repair unlinks nothing */
        lab_open(&lab, 1, "c", -1, 0);
        ck_assert_str_eq(lab_put(&lab, 1, "a"), "W");
        ck_assert_int_eq(lab_op(&lab, CULL__REQUEST_FINISH, 0), CULL_OK);
        ck_assert_str_eq(lab_put(&lab, 1, "a"), "S");
        ck_assert_int_eq(lab_send(&lab, 1, "a"), CULL_OK);
        (void)lab_collect(&lab);
        ck_assert_str_eq(lab_objects(&lab), "a");
        lab_release(&lab);
    }
END_TEST

/* --- deletes that fail, or arrive late ---------------------------------------------------------- */

static void delete_fails_once(cull_late_deletes late, enum cull__request_fault fault,
                              const char *put_answer)
{
    struct cull__request collect = request_of(CULL__REQUEST_COLLECT, 0);
    struct lab lab;

    lab_init(&lab, late);
    lab_version(&lab, "c", "b");
    lab_open(&lab, 0, "c", -1, 0);
    (void)lab_put(&lab, 0, "a");
    ck_assert_int_eq(lab_send(&lab, 0, "a"), CULL_OK);
    ck_assert_int_eq(lab_op(&lab, CULL__REQUEST_ABORT, 0), CULL_OK);
    collect.fault = fault;
    ck_assert_int_eq(lab_run(&lab, &collect, false), CULL_E_PARTIAL);
    ck_assert_uint_eq(lab.answer.gc.blobs_failed, 1);
    lab_open(&lab, 1, "c", -1, 0);
    ck_assert_str_eq(lab_put(&lab, 1, "a"), put_answer);
    if (put_answer[0] == 'S') { /* a new incarnation beside the old */
        ck_assert_int_eq(lab_send(&lab, 1, "a"), CULL_OK);
    }
    ck_assert_int_eq(lab_op(&lab, CULL__REQUEST_REOPEN, 0), CULL_OK); /* the collector died */
    ck_assert_uint_eq(lab_collect(&lab).blobs_finished, 1);
    if (put_answer[0] == 'W') {
        ck_assert_str_eq(lab_put(&lab, 1, "a"), "S");
        ck_assert_int_eq(lab_send(&lab, 1, "a"), CULL_OK);
    }
    ck_assert_int_eq(lab_commit(&lab, 1, "a", false), CULL_OK);
    ck_assert_str_eq(lab_objects(&lab), "ab");
    lab_release(&lab);
}

static const struct {
    const char *name;
    cull_late_deletes late;
    enum cull__request_fault fault;
    const char *put_answer;
} failures[] = {
    { "directory, refused", CULL_LATE_IMPOSSIBLE, CULL__FAULT_DELETE, "W" },
    { "directory, answer lost", CULL_LATE_IMPOSSIBLE, CULL__FAULT_DELETE_AFTER, "W" },
    { "versions, refused", CULL_LATE_VERSION_IDS, CULL__FAULT_DELETE, "W" },
    { "versions, answer lost", CULL_LATE_VERSION_IDS, CULL__FAULT_DELETE_AFTER, "W" },
    { "incarnations, refused", CULL_LATE_INCARNATION, CULL__FAULT_DELETE, "S" },
    { "incarnations, answer lost", CULL_LATE_INCARNATION, CULL__FAULT_DELETE_AFTER, "S" },
};

START_TEST(rule_34_a_deletion_that_failed_is_finished_by_the_next_cycle)
    {
        delete_fails_once(failures[_i].late, failures[_i].fault, failures[_i].put_answer);
    }
END_TEST

/* A store on memory whose requests arrive late: what the laboratory does not do. */
struct slow {
    cull_log *log;
    cull_objects *objects;
    cull_store *store;
    cull_caller caller;
};

static void slow_init(struct slow *slow, cull_late_deletes late, cull_versioning versioning)
{
    const cull_objects_memory_options memory = {
        .digest = CULL_DIGEST_SHA256, .versioning = versioning, .late = late, .deliver_late = true
    };
    const cull_store_settings settings = { .late_deletes = late, .grace_is_zero = true };
    cull_store_options options;

    memset(slow, 0, sizeof *slow);
    slow->caller = (cull_caller){ 1000, "ann" };
    ck_assert_int_eq(cull_log_memory_new(&slow->log, cull_allocator_default()), CULL_OK);
    ck_assert_int_eq(cull_objects_memory_new(&slow->objects, &memory, NULL), CULL_OK);
    ck_assert_int_eq(cull_store_create(slow->log, &settings, &slow->caller, NULL), CULL_OK);
    options = (cull_store_options){ slow->log, slow->objects, NULL, NULL };
    ck_assert_int_eq(cull_store_open(&slow->store, &options, NULL), CULL_OK);
}

static void slow_release(struct slow *slow)
{
    cull_store_close(slow->store);
    cull_objects_close(slow->objects);
    cull_log_close(slow->log);
}

static void deliver_all(struct slow *slow)
{
    while (cull_objects_memory_pending(slow->objects) > 0) {
        cull_objects_memory_deliver(slow->objects, 0);
    }
}

static cull_upload *slow_open(struct slow *slow)
{
    const cull_name name = { .entity = "e", .project = "p", .collection = "c" };
    const cull_upload_options options = { .collection = &name };
    cull_upload *upload = NULL;

    ck_assert_int_eq(cull_upload_open(&upload, slow->store, &options, &slow->caller, NULL),
                     CULL_OK);
    return upload;
}

static cull_put_answer slow_put(struct slow *slow, cull_upload *upload, cull_digest *digest)
{
    cull_blob_ref blob = { .size_bytes = 1 };
    cull_put_answer answer;

    ck_assert_int_eq(cull_digest_of(&blob.digest, CULL_DIGEST_SHA256, "a", 1), CULL_OK);
    ck_assert_int_eq(cull_upload_put(upload, &blob, 1, &answer, &slow->caller, NULL), CULL_OK);
    *digest = blob.digest;
    return answer;
}

static cull_status read_letter(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    bool *done = ctx;

    (void)err;
    *got = *done || len == 0 ? 0 : 1;
    if (*got > 0) {
        *(char *)data = 'a';
    }
    *done = true;
    return CULL_OK;
}

/* The bytes go to the object store by the client's own hand, and arrive. */
static void slow_publish(struct slow *slow, const cull_digest *digest)
{
    const cull_object_id id = { .digest = *digest };
    bool done = false;
    const cull_source source = { .fd = -1, .read = read_letter, .ctx = &done, .size_bytes_max = 1 };
    cull_status result = CULL_OK;
    cull_staged staged;

    ck_assert_int_eq(cull__objects_stage(slow->objects, &source, &staged, NULL), CULL_OK);
    ck_assert_int_eq(cull__objects_publish(slow->objects, &staged, &id, 1, &result, NULL),
                     CULL_E_BUSY);
    deliver_all(slow);
}

/* A blob that was sent and confirmed, and whose upload was then given up. */
static void leave_garbage(struct slow *slow, cull_digest *digest)
{
    cull_upload *upload = slow_open(slow);

    ck_assert_int_eq(slow_put(slow, upload, digest), CULL_PUT_SEND);
    slow_publish(slow, digest);
    ck_assert_int_eq(cull_upload_confirm(upload, digest, 1, &slow->caller, NULL), CULL_OK);
    ck_assert_int_eq(cull_upload_abort(upload, &slow->caller, NULL), CULL_OK);
    cull_upload_free(upload);
}

/* gone_before_answer: a blob is gone when the object store has said so, not when it was asked. */
START_TEST(a_blob_is_gone_only_after_the_object_store_has_answered)
    {
        const cull_gc_options options = { .now_ms = 1000, .allow_empty_store = true };
        struct slow slow;
        cull_upload *upload;
        cull_plan *plan = NULL;
        cull_gc_result result;
        cull_digest digest;
        uint64_t finished = 0;

        slow_init(&slow, CULL_LATE_IMPOSSIBLE, CULL_VERSIONING_NONE);
        leave_garbage(&slow, &digest);

        ck_assert_int_eq(cull_gc_plan(&plan, slow.store, &options, NULL), CULL_OK);
        ck_assert_int_eq(cull_gc_execute(slow.store, plan, &options, &slow.caller, &result, NULL),
                         CULL_E_PARTIAL);
        cull_plan_free(plan);
        ck_assert_uint_eq(result.blobs_deleted, 0);
        ck_assert_uint_eq(result.blobs_failed, 1);

        upload = slow_open(&slow); /* a delete is on its way: nobody may send the bytes now */
        ck_assert_int_eq(slow_put(&slow, upload, &digest), CULL_PUT_WAIT);
        ck_assert_int_eq(cull_gc_finish(slow.store, &slow.caller, &finished, NULL), CULL_E_PARTIAL);
        ck_assert_int_eq(slow_put(&slow, upload, &digest), CULL_PUT_WAIT);
        deliver_all(&slow);
        ck_assert_int_eq(cull_gc_finish(slow.store, &slow.caller, &finished, NULL), CULL_OK);
        ck_assert_uint_eq(finished, 1);
        ck_assert_uint_eq(cull_objects_memory_count(slow.objects, NULL), 0);

        ck_assert_int_eq(slow_put(&slow, upload, &digest), CULL_PUT_SEND);
        slow_publish(&slow, &digest);
        ck_assert_int_eq(cull_upload_confirm(upload, &digest, 1, &slow.caller, NULL), CULL_OK);
        deliver_all(&slow); /* nothing is left that could take it away again */
        ck_assert_uint_eq(cull_objects_memory_count(slow.objects, NULL), 1);
        cull_upload_free(upload);
        slow_release(&slow);
    }
END_TEST

/* A delete of a dead collector arrives a second time, after a new upload: it names the versions that
 * its claim named, and the new one is another. */
START_TEST(a_late_delete_by_version_ids_does_not_touch_a_new_upload)
    {
        const cull_gc_options options = { .now_ms = 1000, .allow_empty_store = true };
        struct slow slow;
        cull_upload *upload;
        cull_plan *plan = NULL;
        cull_gc_result result;
        cull_digest digest;
        uint64_t finished = 0;

        slow_init(&slow, CULL_LATE_VERSION_IDS, CULL_VERSIONING_ENABLED);
        leave_garbage(&slow, &digest);
        ck_assert_int_eq(cull_gc_plan(&plan, slow.store, &options, NULL), CULL_OK);
        ck_assert_int_eq(cull_gc_execute(slow.store, plan, &options, &slow.caller, &result, NULL),
                         CULL_E_PARTIAL);
        cull_plan_free(plan);
        cull_objects_memory_hang_up(slow.objects); /* it died; its request goes on */

        ck_assert_int_eq(cull_gc_finish(slow.store, &slow.caller, &finished, NULL), CULL_E_PARTIAL);
        ck_assert_uint_eq(cull_objects_memory_pending(slow.objects), 2);
        cull_objects_memory_deliver(slow.objects, 1); /* the second collector's */
        ck_assert_int_eq(cull_gc_finish(slow.store, &slow.caller, &finished, NULL), CULL_OK);
        ck_assert_uint_eq(finished, 1);

        upload = slow_open(&slow);
        ck_assert_int_eq(slow_put(&slow, upload, &digest), CULL_PUT_SEND);
        slow_publish(&slow, &digest); /* and with it the dead collector's delete arrives */
        ck_assert_int_eq(cull_upload_confirm(upload, &digest, 1, &slow.caller, NULL), CULL_OK);
        ck_assert_uint_eq(cull_objects_memory_pending(slow.objects), 0);
        ck_assert_uint_eq(cull_objects_memory_count(slow.objects, NULL), 1);
        cull_upload_free(upload);
        slow_release(&slow);
    }
END_TEST

/* Where versioning is suspended, every upload is the null version: a late delete of one hits the
 * next. Cycles wait until it is enabled. */
START_TEST(nothing_is_deleted_by_version_ids_while_versioning_is_suspended)
    {
        const cull_gc_options options = { .now_ms = 1000, .allow_empty_store = true };
        struct slow slow;
        cull_upload *upload;
        cull_plan *plan = NULL;
        cull_gc_result result;
        cull_digest digest;
        uint64_t finished = 0;

        slow_init(&slow, CULL_LATE_VERSION_IDS, CULL_VERSIONING_SUSPENDED);
        upload = slow_open(&slow);
        ck_assert_int_eq(slow_put(&slow, upload, &digest), CULL_PUT_SEND);
        slow_publish(&slow, &digest);
        ck_assert_int_eq(cull_upload_abort(upload, &slow.caller, NULL), CULL_OK);
        cull_upload_free(upload);
        ck_assert_int_eq(cull_gc_plan(&plan, slow.store, &options, NULL), CULL_OK);
        ck_assert_int_eq(cull_gc_execute(slow.store, plan, &options, &slow.caller, &result, NULL),
                         CULL_E_REFUSED);
        ck_assert_int_eq(cull_gc_finish(slow.store, &slow.caller, &finished, NULL), CULL_E_REFUSED);
        ck_assert_uint_eq(cull_objects_memory_count(slow.objects, NULL), 1);

        cull_objects_memory_set_versioning(slow.objects, CULL_VERSIONING_ENABLED);
        ck_assert_int_eq(cull_gc_execute(slow.store, plan, &options, &slow.caller, &result, NULL),
                         CULL_E_PARTIAL); /* it is on its way */
        cull_objects_memory_deliver(slow.objects, 0);
        ck_assert_int_eq(cull_gc_finish(slow.store, &slow.caller, &finished, NULL), CULL_OK);
        ck_assert_uint_eq(cull_objects_memory_count(slow.objects, NULL), 0);
        cull_plan_free(plan);
        slow_release(&slow);
    }
END_TEST

/* Send the bytes through the store, and let them arrive. */
static void slow_send(struct slow *slow, cull_upload *upload)
{
    bool done = false;
    const cull_source source = { .fd = -1, .read = read_letter, .ctx = &done, .size_bytes_max = 1 };
    cull_staged staged;

    ck_assert_int_eq(cull_stage(slow->store, &source, &staged, NULL), CULL_OK);
    ck_assert_int_eq(cull_upload_send(upload, &staged, 1, &slow->caller, NULL), CULL_E_BUSY);
    deliver_all(slow);
    ck_assert_int_eq(cull_upload_send(upload, &staged, 1, &slow->caller, NULL), CULL_OK);
}

/* A collector whose lock ends while it is stopped: when it looks at the log for the n-th time, a
 * rival has taken over, has finished the deletion, and an upload has been given the freed number. */
static struct rivalry {
    struct slow *stopped;
    struct slow rival;
    cull_upload *upload; /* NULL: the rival has not come yet */
    unsigned looks;      /* until it does */
    struct cull__log_ops ops;
    const struct cull__log_ops *ops_before;
} rivalry;

static cull_status head_after_rival(cull_log *log, uint64_t *seq, cull_error *err)
{
    struct slow *rival = &rivalry.rival;
    uint64_t finished = 0;
    cull_digest digest;

    if (rivalry.upload == NULL && rivalry.looks-- == 0) {
        ck_assert_int_eq(rivalry.ops_before->leader(log, CULL__LEADER_RELEASE, NULL), CULL_OK);
        while (cull_gc_finish(rival->store, &rival->caller, &finished, NULL) == CULL_E_PARTIAL) {
            deliver_all(rival);
        }
        rivalry.upload = slow_open(rival);
        ck_assert_int_eq(slow_put(rival, rivalry.upload, &digest), CULL_PUT_SEND);
        slow_send(rival, rivalry.upload);
    }
    return rivalry.ops_before->head(log, seq, err);
}

/* A blob that is being deleted, whose object is gone; and a rival, to come at a certain look. */
static void rivalry_begin(struct slow *slow, unsigned looks)
{
    const cull_gc_options options = { .now_ms = 1000, .allow_empty_store = true };
    cull_store_options rival_options = { .log = NULL };
    cull_upload *upload;
    cull_plan *plan = NULL;
    cull_gc_result result;
    cull_digest digest;

    slow_init(slow, CULL_LATE_INCARNATION, CULL_VERSIONING_NONE);
    upload = slow_open(slow);
    ck_assert_int_eq(slow_put(slow, upload, &digest), CULL_PUT_SEND);
    slow_send(slow, upload);
    ck_assert_int_eq(cull_upload_abort(upload, &slow->caller, NULL), CULL_OK);
    cull_upload_free(upload);
    ck_assert_int_eq(cull_gc_plan(&plan, slow->store, &options, NULL), CULL_OK);
    ck_assert_int_eq(cull_gc_execute(slow->store, plan, &options, &slow->caller, &result, NULL),
                     CULL_E_PARTIAL);
    cull_plan_free(plan);
    deliver_all(slow);

    rivalry = (struct rivalry){ .stopped = slow, .rival = *slow, .looks = looks };
    ck_assert_int_eq(cull_log_memory_view(&rivalry.rival.log, slow->log), CULL_OK);
    rival_options.log = rivalry.rival.log;
    rival_options.objects = slow->objects;
    ck_assert_int_eq(cull_store_open(&rivalry.rival.store, &rival_options, NULL), CULL_OK);
    rivalry.ops_before = slow->log->ops;
    rivalry.ops = *slow->log->ops;
    rivalry.ops.head = head_after_rival;
    slow->log->ops = &rivalry.ops;
}

START_TEST(a_fenced_collector_deletes_nothing_by_a_number_that_is_another_blobs_now)
    {
        bool came = true;
        unsigned looks = 0;

        for (; came; looks++) {
            struct slow slow;
            uint64_t finished = 0;
            cull_status status;

            rivalry_begin(&slow, looks);
            status = cull_gc_finish(slow.store, &slow.caller, &finished, NULL);
            ck_assert_msg(status == CULL_OK || status == CULL_E_BUSY, "at look %u: %d", looks,
                          (int)status);
            came = rivalry.upload != NULL;
            deliver_all(&slow);
            ck_assert_msg(cull_objects_memory_count(slow.objects, NULL) == (came ? 1 : 0),
                          "at look %u: the upload has lost what it sent", looks);
            slow.log->ops = rivalry.ops_before;
            cull_upload_free(rivalry.upload);
            cull_store_close(rivalry.rival.store);
            cull_log_close(rivalry.rival.log);
            slow_release(&slow);
        }
        ck_assert_uint_gt(looks, 3);
    }
END_TEST

/* --- rule 31, byte for byte --------------------------------------------------------------------- */

#define MB 1000000u

struct pets {
    cull_log *log;
    cull_objects *objects;
    cull_store *store;
    cull_caller caller;
    cull_version_key keys[2];
};

static const struct pet {
    const char *name;
    uint32_t bytes;
} pets[] = { { "cat", 2 * MB }, { "dog", 1 * MB }, { "rat", 3 * MB } };

/* A pet's bytes: every one of them is known. */
static uint8_t pet_byte(size_t which, size_t at)
{
    return (uint8_t)(at * 31 + at / 251 + which * 7);
}

struct pet_reader {
    size_t which;
    size_t at;
};

static cull_status read_pet(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    struct pet_reader *reader = ctx;
    size_t left = pets[reader->which].bytes - reader->at;

    (void)err;
    *got = left < len ? left : len;
    for (size_t i = 0; i < *got; i++) {
        ((uint8_t *)data)[i] = pet_byte(reader->which, reader->at++);
    }
    return CULL_OK;
}

static cull_status check_pet(void *ctx, const void *data, size_t len, cull_error *err)
{
    struct pet_reader *reader = ctx;

    (void)err;
    for (size_t i = 0; i < len; i++) {
        ck_assert_uint_eq(((const uint8_t *)data)[i], pet_byte(reader->which, reader->at));
        reader->at++;
    }
    return CULL_OK;
}

static cull_staged stage_pet(struct pets *store, size_t which)
{
    struct pet_reader reader = { which, 0 };
    const cull_source source = {
        .fd = -1, .read = read_pet, .ctx = &reader, .size_bytes_max = UINT64_MAX
    };
    cull_staged staged;

    ck_assert_int_eq(cull_stage(store->store, &source, &staged, NULL), CULL_OK);
    ck_assert_uint_eq(staged.size_bytes, pets[which].bytes);
    return staged;
}

/* The first count pets as the next version. */
static cull_version_key store_pets(struct pets *store, size_t count)
{
    const cull_name name = { .entity = "team", .project = "vision", .collection = "pets" };
    const cull_upload_options options = { .collection = &name };
    cull_commit_options commit = { .manifest = NULL };
    cull_manifest *manifest = NULL;
    cull_commit_result result;
    cull_upload *upload = NULL;

    ck_assert_int_eq(cull_upload_open(&upload, store->store, &options, &store->caller, NULL),
                     CULL_OK);
    ck_assert_int_eq(cull_manifest_new(&manifest, CULL_DIGEST_SHA256, cull_allocator_default()),
                     CULL_OK);
    for (size_t i = 0; i < count; i++) {
        const cull_staged staged = stage_pet(store, i);
        const cull_blob_ref blob = { staged.digest, staged.size_bytes };
        const cull_entry entry = { .path = pets[i].name,
                                   .path_len = 3,
                                   .kind = CULL_ENTRY_BLOB,
                                   .digest = staged.digest,
                                   .size_bytes = staged.size_bytes };
        cull_put_answer answer;

        ck_assert_int_eq(cull_upload_put(upload, &blob, 1, &answer, &store->caller, NULL), CULL_OK);
        if (answer == CULL_PUT_SEND) {
            ck_assert_int_eq(cull_upload_send(upload, &staged, 1, &store->caller, NULL), CULL_OK);
        } else {
            cull_unstage(store->store, &staged);
        }
        ck_assert_int_eq(cull_manifest_add(manifest, &entry, NULL), CULL_OK);
    }
    ck_assert_int_eq(cull_manifest_seal(manifest, NULL), CULL_OK);
    commit.manifest = manifest;
    ck_assert_int_eq(cull_upload_commit(upload, &commit, NULL, NULL, &result, &store->caller, NULL),
                     CULL_OK);
    cull_manifest_free(manifest);
    cull_upload_free(upload);
    return result.version;
}

static uint64_t stored_bytes(struct pets *store)
{
    uint64_t bytes = 0;

    (void)cull_objects_memory_count(store->objects, &bytes);
    return bytes;
}

/* v0 = cat 2 MB + dog 1 MB; v1 adds rat 3 MB. */
static void pets_init(struct pets *store)
{
    const cull_objects_memory_options memory = { .digest = CULL_DIGEST_SHA256,
                                                 .late = CULL_LATE_IMPOSSIBLE };
    const cull_store_settings settings = { .late_deletes = CULL_LATE_IMPOSSIBLE,
                                           .grace_is_zero = true };
    cull_store_options options;

    memset(store, 0, sizeof *store);
    store->caller = (cull_caller){ 1000, "ann" };
    ck_assert_int_eq(cull_log_memory_new(&store->log, cull_allocator_default()), CULL_OK);
    ck_assert_int_eq(cull_objects_memory_new(&store->objects, &memory, NULL), CULL_OK);
    ck_assert_int_eq(cull_store_create(store->log, &settings, &store->caller, NULL), CULL_OK);
    options = (cull_store_options){ store->log, store->objects, NULL, NULL };
    ck_assert_int_eq(cull_store_open(&store->store, &options, NULL), CULL_OK);
    store->keys[0] = store_pets(store, 2);
    ck_assert_uint_eq(stored_bytes(store), 3 * MB);
    store->keys[1] = store_pets(store, 3);
    ck_assert_uint_eq(stored_bytes(store), 6 * MB); /* cat and dog are not sent again */
}

static void pets_release(struct pets *store)
{
    cull_store_close(store->store);
    cull_objects_close(store->objects);
    cull_log_close(store->log);
}

/* Delete a version and collect; returns the bytes that it freed, as foretold. */
static uint64_t free_version(struct pets *store, const cull_version_key *key)
{
    const cull_delete_options with_aliases = { .delete_aliases = true };
    const cull_gc_options options = { .now_ms = 1000 };
    cull_plan *plan = NULL;
    cull_gc_result result;
    uint64_t before = stored_bytes(store);
    uint64_t blobs;
    uint64_t bytes;
    bool exact;

    ck_assert_int_eq(cull_would_free(store->store, key, 1, &blobs, &bytes, &exact, NULL), CULL_OK);
    ck_assert_int_eq(cull_delete(store->store, key, 1, &with_aliases, &store->caller, NULL),
                     CULL_OK);
    ck_assert_uint_eq(stored_bytes(store), before); /* a delete touches no object */
    ck_assert_int_eq(cull_gc_plan(&plan, store->store, &options, NULL), CULL_OK);
    ck_assert_int_eq(cull_gc_execute(store->store, plan, &options, &store->caller, &result, NULL),
                     CULL_OK);
    cull_plan_free(plan);
    ck_assert_uint_eq(result.versions_purged, 1);
    ck_assert_uint_eq(result.blobs_deleted, blobs);
    ck_assert_uint_eq(result.bytes_freed, bytes);
    ck_assert_uint_eq(before - stored_bytes(store), bytes);
    return bytes;
}

/* The version holds the first count pets, whole. */
static void check_whole(struct pets *store, const cull_version_key *key, size_t count)
{
    cull_scope scope = { .kind = CULL_SCOPE_VERSION, .version = *key };
    cull_manifest *manifest = NULL;
    cull_usage usage;
    uint64_t sum = 0;

    ck_assert_int_eq(cull_version_manifest(store->store, key, &manifest, NULL), CULL_OK);
    ck_assert_uint_eq(cull_manifest_count(manifest), count);
    for (size_t i = 0; i < count; i++) {
        struct pet_reader reader = { i, 0 };
        cull_entry entry;

        ck_assert(cull_manifest_find(manifest, pets[i].name, &entry));
        ck_assert_int_eq(cull_blob_read(store->store, &entry.digest, check_pet, &reader, NULL),
                         CULL_OK);
        ck_assert_uint_eq(reader.at, pets[i].bytes);
        sum += pets[i].bytes;
    }
    cull_manifest_free(manifest);
    ck_assert_int_eq(cull_usage_of(store->store, &scope, 1000, &usage, NULL), CULL_OK);
    ck_assert_uint_eq(usage.stored_bytes, sum);
}

START_TEST(rule_31_deleting_the_newer_version_frees_what_it_added)
    {
        struct pets store;

        pets_init(&store);
        ck_assert_uint_eq(free_version(&store, &store.keys[1]), 3 * MB);
        check_whole(&store, &store.keys[0], 2);
        pets_release(&store);
    }
END_TEST

START_TEST(rule_31_deleting_the_older_version_frees_nothing)
    {
        struct pets store;

        pets_init(&store);
        ck_assert_uint_eq(free_version(&store, &store.keys[0]), 0);
        check_whole(&store, &store.keys[1], 3);
        ck_assert_uint_eq(stored_bytes(&store), 6 * MB);
        pets_release(&store);
    }
END_TEST

/* --- two processes, one file -------------------------------------------------------------------- */

#define ROUNDS 25

struct shared {
    cull_log *log;
    cull_objects *objects;
    cull_store *store;
    cull_caller caller;
};

static void shared_open(struct shared *shared, const char *dir, bool create, uint32_t prefix)
{
    const cull_store_settings settings = { .late_deletes = CULL_LATE_IMPOSSIBLE,
                                           .grace_is_zero = true };
    char path[512];
    char lock[512];
    const cull_log_sqlite_options log = {
        .path = path, .lock_path = lock, .create = create, .busy_ms = 60000
    };
    const cull_objects_directory_options objects = {
        .path = dir, .digest = CULL_DIGEST_SHA256, .stage_prefix = prefix, .create = create
    };
    cull_store_options options;
    cull_error err = { CULL_OK, "" };

    memset(shared, 0, sizeof *shared);
    shared->caller = (cull_caller){ 1000, prefix == 1 ? "ann" : "bob" };
    (void)snprintf(path, sizeof path, "%s/cull.db", dir);
    (void)snprintf(lock, sizeof lock, "%s/cull.lock", dir);
    ck_assert_msg(cull_log_sqlite_open(&shared->log, &log, &err) == CULL_OK, "%s", err.message);
    ck_assert_msg(cull_objects_directory_open(&shared->objects, &objects, &err) == CULL_OK, "%s",
                  err.message);
    if (create) {
        ck_assert_int_eq(cull_store_create(shared->log, &settings, &shared->caller, NULL), CULL_OK);
    }
    options = (cull_store_options){ shared->log, shared->objects, NULL, NULL };
    ck_assert_msg(cull_store_open(&shared->store, &options, &err) == CULL_OK, "%s", err.message);
}

static void shared_close(struct shared *shared)
{
    cull_store_close(shared->store);
    cull_objects_close(shared->objects);
    cull_log_close(shared->log);
}

/* Put one small text; a wait is met by finishing the deletion. False: it went wrong. */
static bool put_text(struct shared *shared, cull_upload *upload, const char *text,
                     cull_manifest *manifest, const char *path)
{
    cull_blob_ref blob = { .size_bytes = strlen(text) };
    cull_put_answer answer = CULL_PUT_WAIT;
    cull_entry entry = { .path = path, .path_len = 1, .kind = CULL_ENTRY_BLOB };
    uint64_t finished;

    if (cull_digest_of(&blob.digest, CULL_DIGEST_SHA256, text, strlen(text)) != CULL_OK) {
        return false;
    }
    while (answer == CULL_PUT_WAIT) {
        if (cull_upload_put(upload, &blob, 1, &answer, &shared->caller, NULL) != CULL_OK) {
            return false;
        }
        if (answer == CULL_PUT_WAIT) {
            cull_status status = cull_gc_finish(shared->store, &shared->caller, &finished, NULL);

            if (status != CULL_OK && status != CULL_E_BUSY) { /* busy: another is at it */
                return false;
            }
        }
    }
    if (answer == CULL_PUT_SEND) {
        struct cull__request_content content = { (const uint8_t *)text, strlen(text) };
        struct cull__request send = CULL__REQUEST_INIT;
        struct cull__session session;
        struct cull__answer sent;
        uint64_t now_ms = shared->caller.now_ms;
        uint64_t uploads[CULL__REQUEST_SLOTS] = { cull_upload_id(upload) };
        cull_status status;

        memset(&session, 0, sizeof session);
        session.log = shared->log;
        session.objects = shared->objects;
        session.allocator = cull_allocator_default();
        session.store = shared->store;
        session.actor = shared->caller.actor;
        session.now_ms = &now_ms;
        session.uploads = uploads;
        session.handles[0] = upload;
        send.op = CULL__REQUEST_SEND;
        send.contents = &content;
        send.content_count = 1;
        cull__answer_init(&sent, cull_allocator_default());
        status = cull__request_run(&session, &send, &sent);
        cull__answer_release(&sent);
        if (status != CULL_OK) {
            return false;
        }
    }
    entry.digest = blob.digest;
    entry.size_bytes = blob.size_bytes;
    return cull_manifest_add(manifest, &entry, NULL) == CULL_OK;
}

/* A version of two texts that both processes use, then the version before goes, and a cycle. */
static bool one_round(struct shared *shared, const char *collection, unsigned round)
{
    const cull_delete_options with_aliases = { .delete_aliases = true };
    const cull_gc_options options = { .now_ms = 1000, .allow_empty_store = true };
    cull_name name = { .entity = "e", .project = "p" };
    const cull_upload_options into = { .collection = &name };
    cull_commit_options commit = { .manifest = NULL };
    cull_manifest *manifest = NULL;
    cull_commit_result done;
    cull_gc_result result;
    cull_upload *upload = NULL;
    cull_plan *plan = NULL;
    char texts[2][16];
    cull_status status;
    bool good;

    (void)strcpy(name.collection, collection);
    (void)snprintf(texts[0], sizeof texts[0], "text %u", round % 3);
    (void)snprintf(texts[1], sizeof texts[1], "text %u", round % 5);
    good = cull_upload_open(&upload, shared->store, &into, &shared->caller, NULL) == CULL_OK &&
           cull_manifest_new(&manifest, CULL_DIGEST_SHA256, cull_allocator_default()) == CULL_OK &&
           put_text(shared, upload, texts[0], manifest, "x") &&
           put_text(shared, upload, texts[1], manifest, "y") &&
           cull_manifest_seal(manifest, NULL) == CULL_OK;
    commit.manifest = manifest;
    good = good &&
           cull_upload_commit(upload, &commit, NULL, NULL, &done, &shared->caller, NULL) == CULL_OK;
    cull_manifest_free(manifest);
    cull_upload_free(upload);
    if (good && done.is_new && done.version.ordinal > 0) {
        const cull_version_key before = { done.version.collection, done.version.ordinal - 1 };

        status = cull_delete(shared->store, &before, 1, &with_aliases, &shared->caller, NULL);
        good = status == CULL_OK || status == CULL_E_NOTFOUND;
    }
    good = good && cull_gc_plan(&plan, shared->store, &options, NULL) == CULL_OK;
    if (good) {
        status = cull_gc_execute(shared->store, plan, &options, &shared->caller, &result, NULL);
        good = status == CULL_OK || status == CULL_E_BUSY; /* the other one is collecting */
    }
    cull_plan_free(plan);
    return good;
}

static bool all_rounds(struct shared *shared, const char *collection)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (!one_round(shared, collection, round)) {
            return false;
        }
    }
    return true;
}

START_TEST(two_processes_that_put_and_collect_at_once_lose_nothing)
    {
        const cull_fsck_options read_all = { .read_data = true };
        const char *dir = scratch_dir();
        cull_fsck_result found;
        cull_error err = { CULL_OK, "" };
        struct shared shared;
        int child_status = 0;
        pid_t child;
        bool good;

        shared_open(&shared, dir, true, 1);
        shared_close(&shared);
        child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            shared_open(&shared, dir, false, 2);
            good = all_rounds(&shared, "bobs");
            shared_close(&shared);
            _exit(good ? 0 : 1);
        }
        shared_open(&shared, dir, false, 1);
        good = all_rounds(&shared, "anns");
        ck_assert_int_eq(waitpid(child, &child_status, 0), child);
        ck_assert(good);
        ck_assert(WIFEXITED(child_status) && WEXITSTATUS(child_status) == 0);
        ck_assert_msg(
            cull_fsck(shared.store, &read_all, &shared.caller, NULL, NULL, &found, &err) == CULL_OK,
            "%s", err.message);
        ck_assert_uint_eq(found.problems, 0);
        ck_assert_uint_eq(found.versions, 2); /* the newest of each */
        shared_close(&shared);
    }
END_TEST

Suite *flaws_suite(void)
{
    Suite *suite = suite_create("flaws");
    TCase *spans = tcase_create("lifespans");
    TCase *protocol = tcase_create("protocol");
    TCase *late = tcase_create("late");
    TCase *rules = tcase_create("rules");

    tcase_add_test(spans,
                   a_purged_heads_lifespan_is_removed_so_that_the_next_commit_opens_a_new_one);
    tcase_add_test(spans, rule_30_two_neighbours_purged_together_free_what_only_they_hold);
    tcase_add_test(spans, two_neighbours_purged_together_free_a_blob_once);
    tcase_add_test(spans, a_blob_leaves_only_when_no_path_of_the_new_manifest_holds_it);
    tcase_add_test(spans, a_patch_on_an_older_base_is_compared_with_the_head);
    tcase_add_test(spans, a_patch_that_takes_away_what_is_not_there_is_refused);
    suite_add_tcase(suite, spans);
    tcase_add_test(protocol, a_blob_that_is_only_named_is_to_be_sent_by_everybody);
    tcase_add_test(protocol, the_base_of_an_open_upload_is_not_purged);
    tcase_add_test(protocol, a_base_must_be_committed_when_the_upload_opens);
    tcase_add_test(protocol, rule_33_what_an_upload_sent_stays_through_a_cycle);
    tcase_add_test(protocol, rule_35_a_planned_blob_that_is_named_again_is_rescued);
    tcase_add_test(protocol, a_blob_that_is_named_while_it_is_being_claimed_is_rescued);
    tcase_add_test(protocol, a_version_that_is_restored_after_the_plan_is_not_purged);
    tcase_add_test(protocol, a_commit_after_the_lease_is_refused_whoever_ended_it);
    tcase_add_test(protocol, a_deleted_version_takes_no_alias);
    tcase_add_test(protocol, an_orphan_is_claimed_in_the_log_before_it_is_deleted);
    tcase_add_test(protocol, two_processes_that_put_and_collect_at_once_lose_nothing);
    suite_add_tcase(suite, protocol);
    tcase_add_loop_test(late, rule_34_a_deletion_that_failed_is_finished_by_the_next_cycle, 0,
                        (int)ARRAY_LEN(failures));
    tcase_add_test(late, a_blob_is_gone_only_after_the_object_store_has_answered);
    tcase_add_test(late, a_late_delete_by_version_ids_does_not_touch_a_new_upload);
    tcase_add_test(late, a_fenced_collector_deletes_nothing_by_a_number_that_is_another_blobs_now);
    tcase_add_test(late, nothing_is_deleted_by_version_ids_while_versioning_is_suspended);
    suite_add_tcase(suite, late);
    tcase_add_test(rules, rule_31_deleting_the_newer_version_frees_what_it_added);
    tcase_add_test(rules, rule_31_deleting_the_older_version_frees_nothing);
    suite_add_tcase(suite, rules);
    return suite;
}
