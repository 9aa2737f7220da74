/*
 * test_store.c - the store through its public interface: uploads, names, deleting, collecting,
 * checking, and what happens when things go wrong.
 */
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/log_internal.h"
#include "store_support.h"
#include "support.h"

static const struct bench_options plain = { 0 };

static const struct cull__log_ops *ops_before; /* of a log that a test stands in front of */

/* --- the whole path --------------------------------------------------------------------------- */

START_TEST(rule_31_bytes_come_back_exactly_when_nobody_holds_them)
    {
        struct bench_store bench;
        cull_gc_result result;

        bench_open(&bench, &plain);
        ck_assert_uint_eq(bench_commit(&bench, "c", "cat=22 dog=1"), 0);
        ck_assert_uint_eq(bench_commit(&bench, "c", "cat=22 dog=1 rat=333"), 1);
        bench_delete(&bench, "c", 1);
        result = bench_collect(&bench);
        ck_assert_uint_eq(result.versions_purged, 1);
        ck_assert_uint_eq(result.blobs_deleted, 1);
        ck_assert_uint_eq(result.bytes_freed, 3);
        ck_assert_str_eq(bench_text(&bench, "c", 0), "cat=22 dog=1");
        ck_assert(!bench_has_object(&bench, "333"));
        bench_check(&bench);
        bench_close(&bench);

        bench_open(&bench, &plain);
        bench_commit(&bench, "c", "cat=22 dog=1");
        bench_commit(&bench, "c", "cat=22 dog=1 rat=333");
        bench_delete(&bench, "c", 0);
        result = bench_collect(&bench);
        ck_assert_uint_eq(result.versions_purged, 1);
        ck_assert_uint_eq(result.bytes_freed, 0);
        ck_assert_str_eq(bench_text(&bench, "c", 1), "cat=22 dog=1 rat=333");
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(a_state_read_back_from_the_log_or_a_checkpoint_is_the_same)
    {
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        bench_open(&bench, &plain);
        for (int i = 0; i < 40; i++) {
            char text[64];

            (void)snprintf(text, sizeof text, "a=%d b=%d same=x", i, i / 3);
            ck_assert_uint_eq(bench_commit(&bench, "c", text), (unsigned)i);
            if (i % 5 == 0) {
                bench_reopen(&bench);
            }
            if (i % 7 == 0) {
                caller = bench_caller(&bench);
                ck_assert_int_eq(cull_store_maintain(bench.store, true, &caller, &err), CULL_OK);
            }
            if (i % 3 == 0 && i > 0) {
                bench_delete(&bench, "c", (uint32_t)i - 1);
                (void)bench_collect(&bench);
            }
            bench_check(&bench);
        }
        ck_assert_str_eq(bench_text(&bench, "c", 39), "a=39 b=13 same=x");
        ck_assert_str_eq(bench_text(&bench, "c", 10), "a=10 b=3 same=x");
        bench_close(&bench);
    }
END_TEST

/* What was newest stays the older one to fall back to only if something newer was written. */
START_TEST(checkpoints_written_again_at_the_same_fact_cut_nothing_more)
    {
        static const char *const rooms[] = { "catalog", "blobs", "lifespans", "counts" };
        struct bench_store bench;
        cull_caller caller;

        bench_open(&bench, &plain);
        caller = bench_caller(&bench);
        bench_commit(&bench, "c", "a=1");
        ck_assert_int_eq(cull_store_maintain(bench.store, true, &caller, NULL), CULL_OK);
        bench_commit(&bench, "c", "a=1 b=22");
        ck_assert_int_eq(cull_store_maintain(bench.store, true, &caller, NULL), CULL_OK);
        ck_assert_int_eq(cull_store_maintain(bench.store, true, &caller, NULL), CULL_OK);
        ck_assert(cull__log_memory_damage(bench.log, rooms[_i], 0));
        bench_reopen(&bench);
        ck_assert_str_eq(bench_text(&bench, "c", 1), "a=1 b=22");
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* A log whose writer of checkpoints dies before the n-th room. */
static unsigned rooms_left;

static cull_status put_until_death(cull_log *log, const char *room, uint64_t seq,
                                   const struct cull__column *columns, size_t count,
                                   cull_error *err)
{
    if (rooms_left == 0) {
        return CULL_E_IO;
    }
    rooms_left--;
    return ops_before->checkpoint_put(log, room, seq, columns, count, err);
}

START_TEST(a_store_opens_however_often_somebody_dies_between_two_rooms)
    {
        struct bench_store bench;
        struct cull__log_ops deadly;
        cull_caller caller;

        bench_open(&bench, &plain);
        caller = bench_caller(&bench);
        ops_before = bench.log->ops;
        deadly = *ops_before;
        deadly.checkpoint_put = put_until_death;
        for (int i = 0; i < 8; i++) {
            char text[32];

            (void)snprintf(text, sizeof text, "a=%d", i);
            bench_commit(&bench, "c", text);
            bench.log->ops = i < 2 ? ops_before : &deadly;
            rooms_left = (unsigned)_i;
            ck_assert_int_eq(cull_store_maintain(bench.store, true, &caller, NULL),
                             i < 2 ? CULL_OK : CULL_E_IO);
            bench.log->ops = ops_before;
            bench_reopen(&bench);
            ck_assert_str_eq(bench_text(&bench, "c", (uint32_t)i), text);
        }
        ck_assert(cull__log_memory_damage(bench.log, "counts", 0));
        bench_reopen(&bench);
        bench_check(&bench); /* the older whole set is there, too */
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_5_an_equal_manifest_makes_no_version_and_its_aliases_move)
    {
        struct bench_store bench;
        cull_version_key latest;
        cull_name name = { "e", "p", "c", "latest" };
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &plain);
        ck_assert_uint_eq(bench_commit(&bench, "c", "a=1"), 0);
        ck_assert_uint_eq(bench_commit(&bench, "c", "a=2"), 1);
        ck_assert_uint_eq(bench_commit(&bench, "c", "a=1"), 0);
        ck_assert_int_eq(cull_version_find(bench.store, &name, &latest, &err), CULL_OK);
        ck_assert_uint_eq(latest.ordinal, 0);
        bench_delete(&bench, "c", 0); /* equal to a soft-deleted one: a new version */
        ck_assert_uint_eq(bench_commit(&bench, "c", "a=1"), 2);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* --- grace and restoring ------------------------------------------------------------------------ */

static const struct {
    const char *name;
    uint64_t now_ms;
    uint64_t want_purged;
} grace_cases[] = {
    { "one ms short", 1499, 0 }, /* deleted at 1000, the store's grace is 500 */
    { "exactly due", 1500, 1 },
    { "long due", 99999, 1 },
};

START_TEST(rule_32_a_soft_delete_is_kept_for_its_grace_and_no_longer)
    {
        const struct bench_options options = { .grace_ms = 500 };
        struct bench_store bench;
        cull_gc_result result;

        bench_open(&bench, &options);
        bench_commit(&bench, "c", "a=1");
        bench_commit(&bench, "c", "a=2");
        bench_delete(&bench, "c", 0);
        bench.now_ms = grace_cases[_i].now_ms;
        result = bench_collect(&bench);
        ck_assert_msg(result.versions_purged == grace_cases[_i].want_purged, "%s: %llu purged",
                      grace_cases[_i].name, (unsigned long long)result.versions_purged);
        ck_assert_int_eq(bench_has_object(&bench, "1"), grace_cases[_i].want_purged == 0);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_32_restoring_brings_manifest_and_free_aliases_back_until_purged)
    {
        const struct bench_options options = { .grace_ms = 500 };
        struct bench_store bench;
        cull_version_key key;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        bench_commit(&bench, "c", "a=1");
        key = bench_key(&bench, "c", 0);
        caller = bench_caller(&bench);
        ck_assert_int_eq(cull_alias_set(bench.store, &key, "best", &caller, &err), CULL_OK);
        bench_delete(&bench, "c", 0);
        ck_assert_int_eq(cull_restore(bench.store, &key, 1, NULL, &caller, &err), CULL_OK);
        {
            cull_name best = { "e", "p", "c", "best" };
            cull_version_key found;

            ck_assert_int_eq(cull_version_find(bench.store, &best, &found, &err), CULL_OK);
            ck_assert_uint_eq(found.ordinal, 0);
        }
        ck_assert_int_eq(cull_restore(bench.store, &key, 1, NULL, &caller, &err), CULL_E_NOTFOUND);
        bench_delete(&bench, "c", 0);
        bench.now_ms = 5000;
        (void)bench_collect(&bench);
        ck_assert_int_eq(cull_restore(bench.store, &key, 1, NULL, &caller, &err), CULL_E_NOTFOUND);
        ck_assert_msg(strstr(err.message, "already collected") != NULL, "%s", err.message);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_13_a_deleted_collection_frees_its_name_and_comes_back_under_another)
    {
        const struct bench_options options = { .grace_ms = 500 };
        struct bench_store bench;
        const cull_scope scope = {
            .kind = CULL_SCOPE_COLLECTION, .entity = "e", .project = "p", .collection = "c"
        };
        cull_version_key old;
        cull_upload *open;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        caller = bench_caller(&bench);
        bench_commit(&bench, "c", "a=1");
        bench_commit(&bench, "c", "a=2");
        old = bench_key(&bench, "c", 1);
        open = bench_upload(&bench, "c", 0);
        ck_assert_int_eq(
            cull_delete_scope(bench.store, &scope, false, false, NULL, NULL, &caller, &err),
            CULL_OK);
        ck_assert_int_eq(cull_upload_renew(open, &caller, &err), CULL_E_ENDED);
        cull_upload_free(open);
        ck_assert_uint_eq(bench_commit(&bench, "c", "a=9"), 0);
        ck_assert_int_eq(cull_restore(bench.store, &old, 1, NULL, &caller, &err), CULL_E_EXISTS);
        ck_assert_msg(strstr(err.message, "--as") != NULL, "%s", err.message);
        ck_assert_int_eq(cull_restore(bench.store, &old, 1, "d", &caller, &err), CULL_OK);
        ck_assert_str_eq(bench_text(&bench, "d", 1), "a=2");
        bench_check(&bench);
        bench_reopen(&bench);
        ck_assert_str_eq(bench_text(&bench, "d", 1), "a=2");
        ck_assert_str_eq(bench_text(&bench, "c", 0), "a=9");
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_9_a_version_with_aliases_is_refused_and_named)
    {
        struct bench_store bench;
        const cull_delete_options options = { .delete_aliases = false };
        cull_version_key keys[2];
        cull_caller caller;
        cull_error err = { CULL_OK, "" };
        uint64_t before;
        uint64_t after;

        bench_open(&bench, &plain);
        caller = bench_caller(&bench);
        bench_commit(&bench, "c", "a=1");
        bench_commit(&bench, "c", "a=2");
        keys[0] = bench_key(&bench, "c", 0);
        keys[1] = bench_key(&bench, "c", 1);
        ck_assert_int_eq(cull_store_refresh(bench.store, &before, &err), CULL_OK);
        ck_assert_int_eq(cull_delete(bench.store, keys, 2, &options, &caller, &err),
                         CULL_E_REFUSED);
        ck_assert_msg(strstr(err.message, "latest") != NULL &&
                          strstr(err.message, "--delete-aliases") != NULL,
                      "%s", err.message);
        ck_assert_int_eq(cull_store_refresh(bench.store, &after, &err), CULL_OK);
        ck_assert_uint_eq(before, after); /* changed nothing, v0 neither */
        ck_assert_int_eq(cull_delete(bench.store, keys, 1, &options, &caller, &err), CULL_OK);
        bench_close(&bench);
    }
END_TEST

/* --- selections ---------------------------------------------------------------------------------- */

#define SELECTED_VERSIONS 6

/* Another handle on the same log, that has its turn before the next append. */
static struct bench_store rival;
static struct cull__log_ops rival_ops;
static void (*rival_acts)(void);

static void delete_two(void)
{
    bench_delete(&rival, "c", 1);
    bench_delete(&rival, "c", 2);
}

static void delete_all(void)
{
    for (uint32_t ordinal = 0; ordinal < SELECTED_VERSIONS; ordinal++) {
        bench_delete(&rival, "c", ordinal);
    }
}

static void commit_one(void)
{
    (void)bench_commit(&rival, "c", "a=another");
}

static void label_one(void)
{
    const cull_version_key key = bench_key(&rival, "c", 1);
    const cull_caller caller = bench_caller(&rival);

    ck_assert_int_eq(cull_alias_set(rival.store, &key, "best", &caller, NULL), CULL_OK);
}

static cull_status append_after_rival(cull_log *log, uint64_t expected_seq,
                                      const struct cull__batch *batch, uint64_t *seq,
                                      cull_error *err)
{
    void (*acts)(void) = rival_acts;

    if (acts != NULL) {
        rival_acts = NULL;
        acts();
    }
    return ops_before->append(log, expected_seq, batch, seq, err);
}

static const struct {
    const char *name;
    void (*acts)(void);
    cull_status status;
    unsigned deleted; /* by who selects, as bits */
} selected_cases[] = {
    { "nobody comes between", NULL, CULL_OK, 1u << 0 | 1u << 1 | 1u << 2 | 1u << 3 },
    { "two of them are deleted", delete_two, CULL_OK, 1u << 0 | 1u << 3 },
    { "all are deleted", delete_all, CULL_OK, 0 },
    { "one more is committed", commit_one, CULL_OK,
      1u << 0 | 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 },
    { "one gets an alias", label_one, CULL_E_REFUSED, 0 },
};

static cull_status note_ordinal(void *ctx, const cull_version_info *info)
{
    *(unsigned *)ctx |= 1u << info->key.ordinal;
    return info->state == CULL_VERSION_DELETED ? CULL_OK : CULL_E_DAMAGED;
}

START_TEST(rule_19_a_selection_is_decided_where_the_log_is_when_it_is_deleted)
    {
        const char *name = selected_cases[_i].name;
        const struct bench_options days = { .grace_ms = 86400000 };
        const cull_selection selection = { .collection = "c", .keep_last = 2 };
        const cull_delete_options options = { .delete_aliases = false };
        struct bench_store bench;
        unsigned deleted = 0;
        cull_version_key key;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };
        cull_status status;

        bench_open(&bench, &days);
        for (unsigned i = 0; i < SELECTED_VERSIONS; i++) {
            char text[16];

            (void)snprintf(text, sizeof text, "a=%u", i);
            (void)bench_commit(&bench, "c", text);
        }
        rival = bench;
        ck_assert_int_eq(cull_log_memory_view(&rival.log, bench.log), CULL_OK);
        rival.store = NULL;
        bench_reopen(&rival);
        ops_before = bench.log->ops;
        rival_ops = *ops_before;
        rival_ops.append = append_after_rival;
        bench.log->ops = &rival_ops;
        rival_acts = selected_cases[_i].acts;
        caller = bench_caller(&bench);
        status = cull_delete_selected(bench.store, &selection, &options, note_ordinal, &deleted,
                                      &caller, &err);
        ck_assert_msg(status == selected_cases[_i].status, "%s: %s: %s", name,
                      cull_strerror(status), err.message);
        ck_assert_msg(deleted == selected_cases[_i].deleted, "%s: %x", name, deleted);
        ck_assert(rival_acts == NULL);
        key = (cull_version_key){ bench_key(&bench, "c", 5).collection, 1 };
        if (selected_cases[_i].acts == delete_two) { /* by name the answer is what it is */
            ck_assert_int_eq(cull_delete(bench.store, &key, 1, &options, &caller, &err),
                             CULL_E_NOTFOUND);
        }
        bench_check(&bench);
        bench.log->ops = ops_before;
        cull_store_close(rival.store);
        cull_log_close(rival.log);
        bench_close(&bench);
    }
END_TEST

/* --- uploads ------------------------------------------------------------------------------------ */

START_TEST(rule_33_a_lease_ends_by_a_fact_and_a_late_commit_is_told_what_to_send)
    {
        const struct bench_options options = { .lease_ms = 1000 };
        struct bench_store bench;
        cull_upload *upload;
        cull_manifest *manifest;
        cull_commit_options commit = { 0 };
        cull_commit_result result;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        upload = bench_upload(&bench, "c", -1);
        ck_assert_int_eq(bench_put(&bench, upload, "a=1", &err), CULL_OK);
        bench.now_ms += 1000; /* the lease is over at exactly its end */
        caller = bench_caller(&bench);
        manifest = bench_manifest(&bench, "a=1");
        commit.manifest = manifest;
        ck_assert_int_eq(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err),
                         CULL_E_ENDED);
        ck_assert_uint_eq(bench_collect(&bench).blobs_deleted, 1);
        ck_assert(!bench_has_object(&bench, "1"));
        cull_manifest_free(manifest);
        cull_upload_free(upload);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_33_a_renewed_lease_holds_what_was_told_stored)
    {
        const struct bench_options options = { .lease_ms = 1000 };
        struct bench_store bench;
        cull_upload *upload;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        upload = bench_upload(&bench, "c", -1);
        ck_assert_int_eq(bench_put(&bench, upload, "a=1", &err), CULL_OK);
        for (int i = 0; i < 5; i++) {
            bench.now_ms += 900;
            caller = bench_caller(&bench);
            ck_assert_int_eq(cull_upload_renew(upload, &caller, &err), CULL_OK);
            ck_assert_uint_eq(bench_collect(&bench).blobs_deleted, 0);
        }
        ck_assert(bench_has_object(&bench, "1"));
        cull_upload_free(upload);
        bench_close(&bench);
    }
END_TEST

START_TEST(a_commit_that_names_what_was_never_sent_is_refused_with_the_list)
    {
        struct bench_store bench;
        cull_upload *upload;
        cull_manifest *manifest;
        cull_commit_options commit = { 0 };
        cull_commit_result result;
        cull_blob_ref blob;
        cull_put_answer answer;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &plain);
        caller = bench_caller(&bench);
        upload = bench_upload(&bench, "c", -1);
        blob = (cull_blob_ref){ bench_digest(&bench, "1"), 1 };
        ck_assert_int_eq(cull_upload_put(upload, &blob, 1, &answer, &caller, &err), CULL_OK);
        ck_assert_int_eq(answer, CULL_PUT_SEND);
        ck_assert_int_eq(cull_upload_confirm(upload, &blob.digest, 1, &caller, &err),
                         CULL_E_NOT_STORED);
        manifest = bench_manifest(&bench, "a=1");
        commit.manifest = manifest;
        ck_assert_int_eq(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err),
                         CULL_E_NOT_STORED);
        ck_assert_int_eq(bench_put(&bench, upload, "a=1", &err), CULL_OK);
        ck_assert_int_eq(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err),
                         CULL_OK);
        ck_assert_int_eq(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err),
                         CULL_E_ENDED);
        cull_manifest_free(manifest);
        cull_upload_free(upload);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(a_patch_is_applied_to_its_base_also_when_that_is_not_the_head)
    {
        struct bench_store bench;
        cull_upload *upload;
        cull_manifest_patch *patch = NULL;
        cull_commit_options commit = { 0 };
        cull_commit_result result;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };
        cull_entry entry = { .path = "b", .path_len = 1, .kind = CULL_ENTRY_BLOB, .size_bytes = 1 };

        bench_open(&bench, &plain);
        caller = bench_caller(&bench);
        bench_commit(&bench, "c", "a=1 b=2 c=1");
        bench_commit(&bench, "c", "a=7");
        upload = bench_upload(&bench, "c", 0);
        ck_assert_int_eq(bench_put(&bench, upload, "b=5", &err), CULL_OK);
        entry.digest = bench_digest(&bench, "5");
        ck_assert_int_eq(cull_manifest_patch_new(&patch, bench.digest, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_put(patch, &entry, &err), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_remove(patch, "a", &err), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_seal(patch, &err), CULL_OK);
        commit.patch = patch;
        ck_assert_int_eq(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err),
                         CULL_OK);
        ck_assert_str_eq(bench_text(&bench, "c", 2), "b=5 c=1");
        bench_delete(&bench, "c", 0);
        bench_delete(&bench, "c", 1);
        ck_assert_uint_eq(bench_collect(&bench).blobs_deleted,
                          2); /* "2" and "7"; "1" is held by c */
        ck_assert_str_eq(bench_text(&bench, "c", 2), "b=5 c=1");
        cull_manifest_patch_free(patch);
        cull_upload_free(upload);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_30_a_base_is_not_purged_before_its_upload_ends)
    {
        struct bench_store bench;
        cull_upload *upload;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &plain);
        caller = bench_caller(&bench);
        bench_commit(&bench, "c", "a=1");
        bench_commit(&bench, "c", "a=2");
        upload = bench_upload(&bench, "c", 0);
        bench_delete(&bench, "c", 0);
        ck_assert_uint_eq(bench_collect(&bench).versions_purged, 0);
        ck_assert_int_eq(cull_upload_abort(upload, &caller, &err), CULL_OK);
        ck_assert_uint_eq(bench_collect(&bench).versions_purged, 1);
        cull_upload_free(upload);
        bench_close(&bench);
    }
END_TEST

/* A log at which somebody else goes first, once, when a document is asked for. */
static struct cull__log_ops ops_with_somebody_first;
static struct bench_store *somebody; /* on another view of the same log; NULL: has been */

static cull_status document_after_somebody(cull_log *log, uint64_t id, cull__piece_fn take,
                                           void *ctx, cull_error *err)
{
    struct bench_store *first = somebody;

    somebody = NULL;
    if (first != NULL) {
        const cull_caller caller = bench_caller(first);
        const cull_scope scope = { CULL_SCOPE_COLLECTION, "e", "p", "c", NULL, { 0, 0 } };

        ck_assert_int_eq(
            cull_delete_scope(first->store, &scope, false, false, NULL, NULL, &caller, NULL),
            CULL_OK);
        (void)bench_collect(first);
    }
    return ops_before->document_pieces(log, id, take, ctx, err);
}

/* Another handle on the same store, who goes first when bench's log is asked for a document. */
static void put_somebody_first(struct bench_store *bench, struct bench_store *other)
{
    *other = *bench;
    ck_assert_int_eq(cull_log_memory_view(&other->log, bench->log), CULL_OK);
    other->store = NULL;
    bench_reopen(other);
    ops_before = bench->log->ops;
    ops_with_somebody_first = *ops_before;
    ops_with_somebody_first.document_pieces = document_after_somebody;
    bench->log->ops = &ops_with_somebody_first;
    somebody = other;
}

static void somebody_has_been(struct bench_store *bench, struct bench_store *other)
{
    ck_assert_ptr_null(somebody);
    bench->log->ops = ops_before;
    cull_store_close(other->store);
    cull_log_close(other->log);
}

START_TEST(a_patch_whose_base_is_purged_while_it_is_read_comes_too_late)
    {
        struct bench_store bench;
        struct bench_store other;
        cull_manifest_patch *patch = NULL;
        cull_commit_options options = { 0 };
        cull_commit_result result;
        cull_upload *upload;
        cull_caller caller;

        bench_open(&bench, &plain);
        bench_commit(&bench, "c", "a=1");
        upload = bench_upload(&bench, "c", 0);
        ck_assert_int_eq(cull_manifest_patch_new(&patch, bench.digest, NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_remove(patch, "a", NULL), CULL_OK);
        ck_assert_int_eq(cull_manifest_patch_seal(patch, NULL), CULL_OK);
        options.patch = patch;
        caller = bench_caller(&bench);
        put_somebody_first(&bench, &other);
        ck_assert_int_eq(cull_upload_commit(upload, &options, NULL, NULL, &result, &caller, NULL),
                         CULL_E_ENDED);
        somebody_has_been(&bench, &other);
        cull_manifest_patch_free(patch);
        cull_upload_free(upload);
        bench_close(&bench);
    }
END_TEST

START_TEST(fsck_does_not_miss_the_manifest_of_what_is_purged_while_it_looks)
    {
        const cull_fsck_options options = { 0 };
        struct bench_store bench;
        struct bench_store other;
        cull_fsck_result result;
        cull_caller caller;

        bench_open(&bench, &plain);
        bench_commit(&bench, "b", "a=1");
        bench_commit(&bench, "c", "a=1");
        bench_commit(&bench, "c", "a=22");
        bench_commit(&bench, "d", "a=1");
        bench_commit(&bench, "d", "a=333");
        caller = bench_caller(&bench);
        put_somebody_first(&bench, &other);
        ck_assert_int_eq(cull_fsck(bench.store, &options, &caller, NULL, NULL, &result, NULL),
                         CULL_OK);
        somebody_has_been(&bench, &other);
        ck_assert_uint_eq(result.problems, 0);
        ck_assert_uint_eq(result.versions, 3); /* each that is left, once */
        bench_close(&bench);
    }
END_TEST

/* --- collecting ----------------------------------------------------------------------------------- */

START_TEST(a_blob_named_between_plan_and_execution_is_rescued)
    {
        struct bench_store bench;
        cull_gc_options options;
        cull_plan *plan = NULL;
        cull_plan_info info;
        cull_gc_result result;
        cull_upload *upload;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &plain);
        caller = bench_caller(&bench);
        bench_commit(&bench, "c", "a=1 b=3");
        bench_commit(&bench, "c", "a=2");
        bench_delete(&bench, "c", 0);
        options = (cull_gc_options){ .now_ms = bench.now_ms };
        ck_assert_int_eq(cull_gc_plan(&plan, bench.store, &options, &err), CULL_OK);
        cull_plan_get_info(plan, &info);
        ck_assert_uint_eq(info.blobs, 2);
        upload = bench_upload(&bench, "c", -1);
        ck_assert_int_eq(bench_put(&bench, upload, "x=1", &err), CULL_OK);
        ck_assert_int_eq(cull_gc_execute(bench.store, plan, &options, &caller, &result, &err),
                         CULL_OK);
        ck_assert_uint_eq(result.blobs_deleted, 1);
        ck_assert_uint_eq(result.blobs_rescued, 1);
        ck_assert(bench_has_object(&bench, "1"));
        ck_assert_int_eq(cull_gc_execute(bench.store, plan, &options, &caller, &result, &err),
                         CULL_E_REFUSED);
        cull_plan_free(plan);
        cull_upload_free(upload);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(a_plan_is_pure_and_changes_nothing)
    {
        struct bench_store bench;
        cull_gc_options options;
        cull_plan *plans[2] = { NULL, NULL };
        cull_plan_info info[2];
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &plain);
        bench_commit(&bench, "c", "a=1 b=3");
        bench_commit(&bench, "c", "a=2");
        bench_delete(&bench, "c", 0);
        options = (cull_gc_options){ .now_ms = bench.now_ms };
        for (int i = 0; i < 2; i++) {
            ck_assert_int_eq(cull_gc_plan(&plans[i], bench.store, &options, &err), CULL_OK);
            cull_plan_get_info(plans[i], &info[i]);
        }
        ck_assert_int_eq(memcmp(&info[0], &info[1], sizeof info[0]), 0);
        ck_assert_uint_eq(info[0].blobs, 2);
        for (size_t i = 0; i < info[0].blobs; i++) {
            cull_blob_ref a;
            cull_blob_ref b;

            cull_plan_blob(plans[0], i, &a);
            cull_plan_blob(plans[1], i, &b);
            ck_assert_int_eq(memcmp(&a, &b, sizeof a), 0);
        }
        cull_plan_free(plans[0]);
        cull_plan_free(plans[1]);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(a_plan_that_would_leave_no_version_is_refused_without_the_override)
    {
        struct bench_store bench;
        cull_gc_options options;
        cull_plan *plan = NULL;
        cull_gc_result result;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &plain);
        caller = bench_caller(&bench);
        bench_commit(&bench, "c", "a=1");
        bench_delete(&bench, "c", 0);
        options = (cull_gc_options){ .now_ms = bench.now_ms };
        ck_assert_int_eq(cull_gc_plan(&plan, bench.store, &options, &err), CULL_OK);
        ck_assert_int_eq(cull_gc_execute(bench.store, plan, &options, &caller, &result, &err),
                         CULL_E_REFUSED);
        ck_assert_msg(strstr(err.message, "--allow-empty-store") != NULL, "%s", err.message);
        cull_plan_free(plan);
        ck_assert_uint_eq(bench_collect(&bench).versions_purged, 1); /* with it */
        bench_close(&bench);
    }
END_TEST

START_TEST(several_threads_delete_exactly_what_one_does)
    {
        struct bench_store bench;
        cull_gc_options options;
        cull_plan *plan = NULL;
        cull_gc_result result;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &plain);
        caller = bench_caller(&bench);
        bench_commit(&bench, "c", "a=1 b=2 c=3 d=4 e=5");
        bench_commit(&bench, "c", "a=9 b=2");
        bench_delete(&bench, "c", 0);
        options = (cull_gc_options){ .now_ms = bench.now_ms, .threads = (unsigned)_i };
        ck_assert_int_eq(cull_gc_plan(&plan, bench.store, &options, &err), CULL_OK);
        ck_assert_int_eq(cull_gc_execute(bench.store, plan, &options, &caller, &result, &err),
                         CULL_OK);
        ck_assert_uint_eq(result.blobs_deleted, 4);
        ck_assert(!bench_has_object(&bench, "5"));
        ck_assert(bench_has_object(&bench, "2"));
        cull_plan_free(plan);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(limits_stop_a_cycle_and_the_next_one_goes_on)
    {
        struct bench_store bench;
        cull_gc_options options;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };
        uint64_t deleted = 0;

        bench_open(&bench, &plain);
        caller = bench_caller(&bench);
        bench_commit(&bench, "c", "a=1 b=2 c=3 d=4 e=5");
        bench_commit(&bench, "c", "a=9");
        bench_delete(&bench, "c", 0);
        options = (cull_gc_options){ .now_ms = bench.now_ms, .max_deletes = 2 };
        for (int cycle = 0; cycle < 3; cycle++) {
            cull_plan *plan = NULL;
            cull_gc_result result;

            ck_assert_int_eq(cull_gc_plan(&plan, bench.store, &options, &err), CULL_OK);
            ck_assert_int_eq(cull_gc_execute(bench.store, plan, &options, &caller, &result, &err),
                             CULL_OK);
            ck_assert_int_eq(result.limit, cycle < 2);
            deleted += result.blobs_deleted;
            cull_plan_free(plan);
        }
        ck_assert_uint_eq(deleted, 5);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

START_TEST(rule_20_ttl_expires_at_exactly_its_instant)
    {
        const struct bench_options options = { .grace_ms = 500 };
        struct bench_store bench;
        cull_upload *upload;
        cull_manifest *manifest;
        cull_commit_options commit = { .ttl_ms = 1000 };
        cull_commit_result result;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        caller = bench_caller(&bench);
        upload = bench_upload(&bench, "c", -1);
        ck_assert_int_eq(bench_put(&bench, upload, "a=1", &err), CULL_OK);
        manifest = bench_manifest(&bench, "a=1");
        commit.manifest = manifest;
        ck_assert_int_eq(cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, &err),
                         CULL_OK);
        bench_commit(&bench, "c", "a=2");
        bench.now_ms = 1999;
        ck_assert_uint_eq(bench_collect(&bench).versions_expired, 0);
        bench.now_ms = 2000;
        ck_assert_uint_eq(bench_collect(&bench).versions_expired, 1);
        bench.now_ms = 2499;
        ck_assert_uint_eq(bench_collect(&bench).versions_purged, 0);
        bench.now_ms = 2500;
        ck_assert_uint_eq(bench_collect(&bench).versions_purged, 1);
        cull_manifest_free(manifest);
        cull_upload_free(upload);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* --- damage ----------------------------------------------------------------------------------- */

static void count_findings(void *ctx, const cull_finding *finding)
{
    unsigned *kinds = ctx;

    kinds[finding->kind] += finding->is_problem;
}

START_TEST(rule_38_fsck_finds_and_heals_a_lost_and_a_corrupt_object)
    {
        struct bench_store bench;
        cull_fsck_options options = { .read_data = true };
        cull_fsck_result result;
        unsigned kinds[16] = { 0 };
        cull_caller caller;
        cull_object_id id = { .incarnation = 0 };
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &plain);
        caller = bench_caller(&bench);
        bench_commit(&bench, "c", "a=11 b=22 c=33");
        id.digest = bench_digest(&bench, "11");
        ck_assert_int_eq(cull_objects_memory_lose(bench.objects, &id), CULL_OK);
        id.digest = bench_digest(&bench, "22");
        ck_assert_int_eq(cull_objects_memory_corrupt(bench.objects, &id), CULL_OK);
        ck_assert_int_eq(
            cull_fsck(bench.store, &options, &caller, count_findings, kinds, &result, &err),
            CULL_E_DAMAGED);
        ck_assert_uint_eq(kinds[CULL_FOUND_MISSING], 1);
        ck_assert_uint_eq(kinds[CULL_FOUND_WRONG_DIGEST], 1);
        ck_assert_uint_eq(result.problems, 2);
        options.repair = true;
        for (int run = 0; run < 2; run++) { /* told of until they are healed */
            ck_assert_int_eq(cull_fsck(bench.store, &options, &caller, NULL, NULL, &result, &err),
                             CULL_E_DAMAGED);
            ck_assert_uint_eq(result.problems, 2);
            ck_assert_uint_eq(result.repaired, 0);
        }
        {
            cull_upload *upload = bench_upload(&bench, "c", 0);

            ck_assert_int_eq(bench_put(&bench, upload, "x=11 y=22", &err), CULL_OK);
            ck_assert_int_eq(cull_upload_abort(upload, &caller, &err), CULL_OK);
            cull_upload_free(upload);
        }
        ck_assert_str_eq(bench_text(&bench, "c", 0), "a=11 b=22 c=33");
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* An object that no fact names. */
static void leave_orphan(struct bench_store *bench)
{
    cull_staged staged;
    cull_source source = { .fd = -1, .size_bytes_max = 100 };
    cull_object_id id = { .incarnation = 0 };
    cull_status published = CULL_E_IO;
    FILE *file = tmpfile();

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fputs("orphan", file), 1);
    ck_assert_int_eq(fflush(file), 0);
    source.fd = fileno(file);
    cull_objects_memory_set_time(bench->objects, bench->now_ms);
    ck_assert_int_eq(cull_stage(bench->store, &source, &staged, NULL), CULL_OK);
    id.digest = staged.digest;
    ck_assert_int_eq(
        bench->objects->ops->publish(bench->objects, &staged, &id, 1, &published, NULL), CULL_OK);
    (void)fclose(file);
}

/* What a repair mends of what it finds. */
static uint64_t repair(struct bench_store *bench, uint64_t found)
{
    const cull_fsck_options options = { .repair = true };
    const cull_caller caller = bench_caller(bench);
    cull_fsck_result result;
    cull_status status = cull_fsck(bench->store, &options, &caller, NULL, NULL, &result, NULL);

    ck_assert_uint_eq(result.problems + result.notes, found);
    ck_assert_int_eq(status, result.problems == result.repaired ? CULL_OK : CULL_E_DAMAGED);
    return result.repaired;
}

START_TEST(rule_38_an_old_orphan_is_adopted_by_a_fact_and_swept_by_the_next_cycle)
    {
        struct bench_store bench;

        bench_open(&bench, &plain);
        bench_commit(&bench, "c", "a=1");
        leave_orphan(&bench);
        ck_assert_uint_eq(repair(&bench, 1), 0); /* it is young */
        ck_assert_uint_eq(bench_collect(&bench).blobs_deleted, 0);
        ck_assert(bench_has_object(&bench, "orphan"));
        bench.now_ms += 3 * 86400000ULL;
        ck_assert_uint_eq(repair(&bench, 1), 1);
        ck_assert(bench_has_object(&bench, "orphan")); /* repair never unlinks */
        ck_assert_uint_eq(bench_collect(&bench).blobs_finished, 1);
        ck_assert(!bench_has_object(&bench, "orphan"));
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* Somebody commits the orphan's content between fsck's look and its append. */
static cull_status append_after_a_commit(cull_log *log, uint64_t expected_seq,
                                         const struct cull__batch *batch, uint64_t *seq,
                                         cull_error *err)
{
    if (somebody != NULL) {
        struct bench_store *other = somebody;

        somebody = NULL;
        (void)bench_commit(other, "d", "x=orphan");
    }
    return ops_before->append(log, expected_seq, batch, seq, err);
}

START_TEST(an_orphan_that_is_named_while_it_is_being_adopted_stays)
    {
        struct bench_store bench;
        struct bench_store other;

        bench_open(&bench, &plain);
        bench_commit(&bench, "c", "a=1");
        leave_orphan(&bench);
        bench.now_ms += 3 * 86400000ULL;
        put_somebody_first(&bench, &other);
        ops_with_somebody_first.document_pieces = ops_before->document_pieces;
        ops_with_somebody_first.append = append_after_a_commit;
        ck_assert_uint_eq(repair(&bench, 1), 0);
        somebody_has_been(&bench, &other);
        ck_assert_uint_eq(bench_collect(&bench).blobs_finished, 0);
        ck_assert_str_eq(bench_text(&bench, "d", 0), "x=orphan");
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* The first incarnation is what an upload names as long as no cycle has begun. */
START_TEST(an_orphan_whose_key_an_upload_may_still_get_is_kept_until_a_cycle_has_begun)
    {
        struct bench_store bench;
        cull_upload *upload;
        uint64_t finished = 0;

        bench_open(&bench, &(struct bench_options){ .late = CULL_LATE_INCARNATION });
        leave_orphan(&bench);
        bench.now_ms += 3 * 86400000ULL;
        ck_assert_uint_eq(repair(&bench, 1), 0);
        upload = bench_upload(&bench, "c", -1);
        ck_assert_int_eq(bench_put(&bench, upload, "x=orphan", NULL), CULL_OK);
        {
            const cull_caller caller = bench_caller(&bench);

            ck_assert_int_eq(cull_gc_finish(bench.store, &caller, &finished, NULL), CULL_OK);
            ck_assert(bench_has_object(&bench, "orphan"));
            ck_assert_int_eq(cull_upload_abort(upload, &caller, NULL), CULL_OK);
        }
        cull_upload_free(upload);
        ck_assert_uint_eq(bench_collect(&bench).blobs_deleted, 1);
        leave_orphan(&bench);
        bench.now_ms += 3 * 86400000ULL;
        ck_assert_uint_eq(repair(&bench, 1), 1);
        bench_check(&bench);
        bench_close(&bench);
    }
END_TEST

/* --- object stores that say something else than the store was made for --------------------------- */

static const struct {
    const char *name;
    cull_late_deletes made_for;
    cull_late_deletes says;
} strangers[] = {
    { "a directory became a bucket that says nothing", CULL_LATE_IMPOSSIBLE, CULL_LATE_UNSAFE },
    { "a directory became a bucket with versions", CULL_LATE_IMPOSSIBLE, CULL_LATE_VERSION_IDS },
    { "a directory became a bucket without", CULL_LATE_IMPOSSIBLE, CULL_LATE_INCARNATION },
    { "versions became a directory", CULL_LATE_VERSION_IDS, CULL_LATE_IMPOSSIBLE },
    { "versions became a bucket without", CULL_LATE_VERSION_IDS, CULL_LATE_INCARNATION },
    { "incarnations became a directory", CULL_LATE_INCARNATION, CULL_LATE_IMPOSSIBLE },
    { "incarnations became a bucket that says nothing", CULL_LATE_INCARNATION, CULL_LATE_UNSAFE },
};

static cull_late_deletes stranger_says;

static cull_late_deletes say_something_else(cull_objects *objects)
{
    (void)objects;
    return stranger_says;
}

START_TEST(an_object_store_that_is_not_the_kind_the_store_was_made_for_is_deleted_from_by_nobody)
    {
        struct bench_store bench;
        struct cull_objects_ops stranger;
        const struct cull_objects_ops *before;
        cull_gc_options options = { .allow_empty_store = true };
        cull_plan *plan = NULL;
        cull_gc_result result;
        cull_caller caller;
        uint64_t finished = 0;

        bench_open(&bench, &(struct bench_options){ .late = strangers[_i].made_for });
        bench_commit(&bench, "c", "a=1");
        bench_delete(&bench, "c", 0);
        caller = bench_caller(&bench);
        options.now_ms = bench.now_ms;
        before = bench.objects->ops;
        stranger = *before;
        stranger.late_deletes = say_something_else;
        stranger_says = strangers[_i].says;
        bench.objects->ops = &stranger;
        ck_assert_int_eq(cull_gc_plan(&plan, bench.store, &options, NULL), CULL_OK);
        ck_assert_msg(
            cull_gc_execute(bench.store, plan, &options, &caller, &result, NULL) == CULL_E_REFUSED,
            "%s", strangers[_i].name);
        ck_assert_msg(cull_gc_finish(bench.store, &caller, &finished, NULL) == CULL_E_REFUSED, "%s",
                      strangers[_i].name);
        ck_assert_uint_eq(cull_objects_memory_count(bench.objects, NULL), 1);
        options.allow_late_deletes = true;
        ck_assert_int_eq(cull_gc_execute(bench.store, plan, &options, &caller, &result, NULL),
                         CULL_OK);
        ck_assert_uint_eq(cull_objects_memory_count(bench.objects, NULL), 0);
        bench.objects->ops = before;
        cull_plan_free(plan);
        bench_close(&bench);
    }
END_TEST

/* --- memory that runs out ----------------------------------------------------------------------- */

/* Everything a store does, once; every status that is not OK ends it. */
static cull_status scenario(struct bench_store *bench, cull_error *err)
{
    const cull_caller caller = bench_caller(bench);
    const cull_store_options open = { bench->log, bench->objects, bench->allocator, NULL };
    const cull_delete_options del = { .delete_aliases = true };
    const cull_gc_options gc = { .now_ms = bench->now_ms, .verify_full = true };
    cull_name name = { "e", "p", "c", "" };
    cull_upload_options upload_options = { .collection = &name };
    cull_manifest *manifest = bench_manifest(bench, "a=1 b=2");
    cull_commit_options commit = { .manifest = manifest };
    cull_store *store = NULL;
    cull_upload *upload = NULL;
    cull_commit_result result;
    cull_plan *plan = NULL;
    cull_gc_result swept;
    cull_fsck_options fsck = { 0 };
    cull_fsck_result found;
    cull_version_key key;
    cull_status status = cull_store_open(&store, &open, err);

    if (status != CULL_OK) {
        goto done;
    }
    bench->store = store;
    status = cull_upload_open(&upload, store, &upload_options, &caller, err);
    status = status == CULL_OK ? bench_put(bench, upload, "a=1 b=2", err) : status;
    status = status == CULL_OK
                 ? cull_upload_commit(upload, &commit, NULL, NULL, &result, &caller, err)
                 : status;
    name.version[0] = 'v';
    name.version[1] = '0';
    status = status == CULL_OK ? cull_version_find(store, &name, &key, err) : status;
    status = status == CULL_OK ? cull_delete(store, &key, 1, &del, &caller, err) : status;
    status = status == CULL_OK ? cull_gc_plan(&plan, store, &gc, err) : status;
    status = status == CULL_OK ? cull_gc_execute(store, plan, &gc, &caller, &swept, err) : status;
    status = status == CULL_OK ? cull_fsck(store, &fsck, &caller, NULL, NULL, &found, err) : status;
    status = status == CULL_OK ? cull_store_maintain(store, true, &caller, err) : status;
done:
    cull_plan_free(plan);
    cull_upload_free(upload);
    cull_store_close(store);
    cull_manifest_free(manifest);
    return status;
}

START_TEST(every_allocation_may_fail_and_nothing_leaks_or_breaks)
    {
        bool done = false;

        for (uint64_t n = 1; !done && n < 5000; n++) {
            struct failing_allocator failing;
            struct bench_store bench;
            cull_error err = { CULL_OK, "" };
            cull_status status;

            bench_open(&bench, &plain);
            bench_commit(&bench, "keep", "k=1 l=3");
            cull_store_close(bench.store);
            failing_allocator_init(&failing, n);
            bench.allocator = &failing.allocator;
            status = scenario(&bench, &err);
            ck_assert_int_eq(failing.live, 0);
            ck_assert_msg(status == CULL_OK || status == CULL_E_NOMEM, "call %llu: %s: %s",
                          (unsigned long long)n, cull_strerror(status), err.message);
            done = failing.calls < n;
            bench.allocator = cull_allocator_default();
            {
                const cull_store_options open = { bench.log, bench.objects, NULL, NULL };

                ck_assert_int_eq(cull_store_open(&bench.store, &open, &err), CULL_OK);
            }
            bench.now_ms += 10 * 3600000ULL; /* leases are over */
            (void)bench_collect(&bench);
            bench_check(&bench);
            ck_assert_str_eq(bench_text(&bench, "keep", 0), "k=1 l=3");
            bench_close(&bench);
        }
        ck_assert(done);
    }
END_TEST

Suite *store_suite(void)
{
    Suite *suite = suite_create("store");
    TCase *tc = tcase_create("store");

    tcase_add_test(tc, rule_31_bytes_come_back_exactly_when_nobody_holds_them);
    tcase_add_test(tc, a_state_read_back_from_the_log_or_a_checkpoint_is_the_same);
    tcase_add_loop_test(tc, checkpoints_written_again_at_the_same_fact_cut_nothing_more, 0, 4);
    tcase_add_loop_test(tc, a_store_opens_however_often_somebody_dies_between_two_rooms, 0, 4);
    tcase_add_test(tc, rule_5_an_equal_manifest_makes_no_version_and_its_aliases_move);
    tcase_add_loop_test(tc, rule_32_a_soft_delete_is_kept_for_its_grace_and_no_longer, 0,
                        sizeof grace_cases / sizeof grace_cases[0]);
    tcase_add_test(tc, rule_32_restoring_brings_manifest_and_free_aliases_back_until_purged);
    tcase_add_test(tc, rule_13_a_deleted_collection_frees_its_name_and_comes_back_under_another);
    tcase_add_test(tc, rule_9_a_version_with_aliases_is_refused_and_named);
    tcase_add_loop_test(tc, rule_19_a_selection_is_decided_where_the_log_is_when_it_is_deleted, 0,
                        sizeof selected_cases / sizeof selected_cases[0]);
    tcase_add_test(tc, rule_33_a_lease_ends_by_a_fact_and_a_late_commit_is_told_what_to_send);
    tcase_add_test(tc, rule_33_a_renewed_lease_holds_what_was_told_stored);
    tcase_add_test(tc, a_commit_that_names_what_was_never_sent_is_refused_with_the_list);
    tcase_add_test(tc, a_patch_is_applied_to_its_base_also_when_that_is_not_the_head);
    tcase_add_test(tc, rule_30_a_base_is_not_purged_before_its_upload_ends);
    tcase_add_test(tc, a_patch_whose_base_is_purged_while_it_is_read_comes_too_late);
    tcase_add_test(tc, fsck_does_not_miss_the_manifest_of_what_is_purged_while_it_looks);
    tcase_add_test(tc, a_blob_named_between_plan_and_execution_is_rescued);
    tcase_add_test(tc, a_plan_is_pure_and_changes_nothing);
    tcase_add_test(tc, a_plan_that_would_leave_no_version_is_refused_without_the_override);
    tcase_add_loop_test(tc, several_threads_delete_exactly_what_one_does, 0, 7);
    tcase_add_test(tc, limits_stop_a_cycle_and_the_next_one_goes_on);
    tcase_add_test(tc, rule_20_ttl_expires_at_exactly_its_instant);
    tcase_add_test(tc, rule_38_fsck_finds_and_heals_a_lost_and_a_corrupt_object);
    tcase_add_test(tc, rule_38_an_old_orphan_is_adopted_by_a_fact_and_swept_by_the_next_cycle);
    tcase_add_test(tc, an_orphan_that_is_named_while_it_is_being_adopted_stays);
    tcase_add_test(tc, an_orphan_whose_key_an_upload_may_still_get_is_kept_until_a_cycle_has_begun);
    tcase_add_loop_test(
        tc, an_object_store_that_is_not_the_kind_the_store_was_made_for_is_deleted_from_by_nobody,
        0, ARRAY_LEN(strangers));
    tcase_add_test(tc, every_allocation_may_fail_and_nothing_leaks_or_breaks);
    suite_add_tcase(suite, tc);
    return suite;
}
