/*
 * test_fence.c - a collector that loses its lock to another while it works deletes nothing of what
 * was uploaded since, wherever in its cycle that happens.
 *
 * A lock in one file goes with its process; one that is kept by a service, or a lock file that was
 * replaced, can be taken over from a collector that stands still. What then keeps it from harm is
 * the number of its cycle, in the log.
 */
#include "suites.h"

#include <string.h>

#include "cull/cull.h"
#include "log/log_internal.h"
#include "store_support.h"
#include "support.h"

/* A collector's log. It stands still after a call of it, the `after`-th, and the other one, with
 * another handle on the same store, gets its turn. */
struct stall {
    struct cull__log_ops ops; /* first: the calls find the rest by it */
    const struct cull__log_ops *saved;
    struct bench_store *other;
    void (*turn)(struct bench_store *other);
    unsigned calls;
    unsigned after;
};

static void count_call(cull_log *log)
{
    struct stall *stall = (struct stall *)(uintptr_t)log->ops;

    if (++stall->calls == stall->after) {
        stall->turn(stall->other);
    }
}

/* Collect what there is, and put the same content again. */
static void collect_and_put(struct bench_store *other)
{
    (void)bench_collect(other);
    ck_assert_uint_eq(bench_commit(other, "again", "file=content"), 0);
}

static cull_status stalling_append(cull_log *log, uint64_t expected_seq,
                                   const struct cull__batch *batch, uint64_t *seq, cull_error *err)
{
    const struct stall *stall = (const struct stall *)(uintptr_t)log->ops;
    cull_status status = stall->saved->append(log, expected_seq, batch, seq, err);

    count_call(log);
    return status;
}

static cull_status stalling_head(cull_log *log, uint64_t *seq, cull_error *err)
{
    const struct stall *stall = (const struct stall *)(uintptr_t)log->ops;
    cull_status status = stall->saved->head(log, seq, err);

    count_call(log);
    return status;
}

static cull_status lock_taken_over(cull_log *log, enum cull__leader what, cull_error *err)
{
    (void)log;
    (void)what;
    (void)err;
    return CULL_OK;
}

/* Where a lock cannot be lost (deletes cannot arrive late) nothing else is promised. */
static const struct {
    const char *name;
    cull_late_deletes late;
} stores[] = {
    { "deletes name versions", CULL_LATE_VERSION_IDS },
    { "keys end in the incarnation", CULL_LATE_INCARNATION },
};

#define STORES (sizeof stores / sizeof stores[0])

/* The cycle, whose log is being counted. */
static void collect(struct bench_store *bench, struct stall *stall, const char *name)
{
    const cull_caller caller = bench_caller(bench);
    const cull_gc_options how = { .now_ms = bench->now_ms, .allow_empty_store = true };
    cull_gc_result result;
    cull_plan *plan = NULL;
    cull_error err = { CULL_OK, "" };
    cull_status status;

    ck_assert_int_eq(cull_gc_plan(&plan, bench->store, &how, &err), CULL_OK);
    stall->saved = bench->log->ops;
    stall->ops = *stall->saved;
    stall->ops.append = stalling_append;
    stall->ops.head = stalling_head;
    bench->log->ops = &stall->ops;
    status = cull_gc_execute(bench->store, plan, &how, &caller, &result, &err);
    bench->log->ops = stall->saved;
    /* done, or told that it was overtaken; what counts is what is there afterwards */
    ck_assert_msg(status == CULL_OK || status == CULL_E_BUSY, "%s, after call %u: %s", name,
                  stall->after, err.message);
    cull_plan_free(plan);
}

/* Another handle on the same store, whose lock is nobody else's business. */
static void overtaking(struct bench_store *other, const struct bench_store *bench,
                       struct cull__log_ops *without_lock)
{
    cull_store_options options = { 0 };
    cull_error err = { CULL_OK, "" };

    *other = *bench;
    ck_assert_int_eq(cull_log_memory_view(&other->log, bench->log), CULL_OK);
    *without_lock = *other->log->ops;
    without_lock->leader = lock_taken_over;
    other->log->ops = without_lock;
    options.log = other->log;
    options.objects = other->objects;
    ck_assert_int_eq(cull_store_open(&other->store, &options, &err), CULL_OK);
}

/* One cycle that is overtaken after that many calls of its log; false: it made fewer. */
static bool collect_overtaken(size_t row, unsigned after)
{
    struct bench_store bench;
    struct bench_store other;
    struct stall stall = { .other = &other, .turn = collect_and_put, .after = after };
    struct cull__log_ops without_lock;

    bench_open(&bench, &(struct bench_options){ .late = stores[row].late });
    (void)bench_commit(&bench, "first", "file=content");
    bench_delete(&bench, "first", 0);
    overtaking(&other, &bench, &without_lock);
    collect(&bench, &stall, stores[row].name);
    if (stall.calls >= after) {
        bench_check(&bench);
        ck_assert_str_eq(bench_text(&bench, "again", 0), "file=content");
    }
    cull_store_close(other.store);
    cull_log_close(other.log);
    bench_close(&bench);
    return stall.calls >= after;
}

START_TEST(rule_34_a_collector_that_is_overtaken_deletes_nothing_of_what_came_since)
    {
        unsigned after = 1;

        while (collect_overtaken((size_t)_i, after)) {
            after++;
        }
        ck_assert_msg(after > 8, "%s: overtaken at %u places only", stores[_i].name, after - 1);
    }
END_TEST

/* --- where deletes cannot arrive late: two handles of one directory -------------------------------- */

/* How often the other one was let in, and how often it was kept away. */
static struct turns {
    unsigned let_in;
    unsigned kept_away;
} turns;

static void collect_if_let_in(struct bench_store *other)
{
    const cull_caller caller = bench_caller(other);
    const cull_gc_options how = { .now_ms = other->now_ms, .allow_empty_store = true };
    cull_gc_result result;
    cull_plan *plan = NULL;
    cull_error err = { CULL_OK, "" };
    cull_status status;

    ck_assert_int_eq(cull_gc_plan(&plan, other->store, &how, &err), CULL_OK);
    status = cull_gc_execute(other->store, plan, &how, &caller, &result, &err);
    cull_plan_free(plan);
    if (status == CULL_E_BUSY) {
        ck_assert_str_eq(err.message, "objects: locked by another collector");
        turns.kept_away++;
        return;
    }
    ck_assert_msg(status == CULL_OK, "%s", err.message);
    ck_assert_uint_eq(bench_commit(other, "again", "file=content"), 0);
    turns.let_in++;
}

static cull_objects *open_directory(const struct bench_store *bench, const char *path, bool create)
{
    const cull_objects_directory_options options = { path, bench->digest, 7, create, NULL };
    cull_objects *objects = NULL;
    cull_error err = { CULL_OK, "" };

    ck_assert_msg(cull_objects_directory_open(&objects, &options, &err) == CULL_OK, "%s",
                  err.message);
    return objects;
}

/* One cycle in a directory, whose lock in the log is worth nothing; false: it made fewer calls. */
static bool collect_in_directory(unsigned after)
{
    const char *path = scratch_dir();
    struct bench_store bench;
    struct bench_store other;
    struct stall stall = { .other = &other, .turn = collect_if_let_in, .after = after };
    struct cull__log_ops without_lock;

    bench_open(&bench, &(struct bench_options){ .late = CULL_LATE_IMPOSSIBLE });
    cull_store_close(bench.store);
    cull_objects_close(bench.objects);
    bench.store = NULL;
    bench.objects = open_directory(&bench, path, true);
    bench_reopen(&bench);
    (void)bench_commit(&bench, "first", "file=content");
    bench_delete(&bench, "first", 0);
    overtaking(&other, &bench, &without_lock);
    cull_store_close(other.store);
    other.objects = open_directory(&bench, path, false);
    other.store = NULL;
    bench_reopen(&other);
    collect(&bench, &stall, "directory");
    bench_check(&bench);
    if (turns.let_in > 0) {
        ck_assert_str_eq(bench_text(&bench, "again", 0), "file=content");
    }
    bench_close(&other);
    bench_close(&bench);
    return stall.calls >= after;
}

START_TEST(rule_34_a_directory_keeps_a_second_collector_away_whatever_became_of_the_logs_lock)
    {
        struct turns all = { 0, 0 };
        bool made = true;

        for (unsigned after = 1; made; after++) {
            turns = (struct turns){ 0, 0 };
            made = collect_in_directory(after);
            all.let_in += turns.let_in;
            all.kept_away += turns.kept_away;
        }
        ck_assert_uint_gt(all.kept_away, 6); /* wherever the cycle is */
        ck_assert_uint_gt(all.let_in, 0);    /* and after it no more */
    }
END_TEST

/* --- repairs ------------------------------------------------------------------------------------ */

/* An object store that is asked before an upload is done, and answers after it. */
struct late_answer {
    cull_objects_ops ops; /* first: the calls find the rest by it */
    const cull_objects_ops *saved;
    unsigned asked;
};

static cull_status late_stat(cull_objects *objects, const cull_object_id *ids, size_t count,
                             cull_object_info *info, cull_error *err)
{
    struct late_answer *late = (struct late_answer *)(uintptr_t)objects->ops;
    cull_status status = late->saved->stat_batch(objects, ids, count, info, err);

    for (size_t i = 0; i < count && late->asked == 0; i++) {
        info[i] = (cull_object_info){ .status = CULL_E_NOTFOUND };
    }
    late->asked++;
    return status;
}

START_TEST(an_object_that_was_published_while_a_repair_looked_is_not_lost)
    {
        const struct bench_options options = { .late = CULL_LATE_IMPOSSIBLE };
        const cull_fsck_options repair = { .repair = true };
        struct late_answer late = { .asked = 0 };
        cull_fsck_result result;
        struct bench_store bench;
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        bench_open(&bench, &options);
        caller = bench_caller(&bench);
        ck_assert_uint_eq(bench_commit(&bench, "c", "file=content"), 0);
        late.saved = bench.objects->ops;
        late.ops = *late.saved;
        late.ops.stat_batch = late_stat;
        bench.objects->ops = &late.ops;
        ck_assert_int_eq(cull_fsck(bench.store, &repair, &caller, NULL, NULL, &result, &err),
                         CULL_E_DAMAGED);
        ck_assert_uint_ge(late.asked, 2);
        bench.objects->ops = late.saved;
        ck_assert_int_eq(cull_fsck(bench.store, &repair, &caller, NULL, NULL, &result, &err),
                         CULL_OK);
        ck_assert_uint_eq(result.problems, 0); /* it was never called lost */
        bench_close(&bench);
    }
END_TEST

/* An object store at whose second question somebody collects, and gives the blob's number away. */
struct reuse {
    cull_objects_ops ops; /* first: the calls find the rest by it */
    const cull_objects_ops *saved;
    struct bench_store *other;
    unsigned asked;
};

static cull_status reusing_stat(cull_objects *objects, const cull_object_id *ids, size_t count,
                                cull_object_info *info, cull_error *err)
{
    struct reuse *reuse = (struct reuse *)(uintptr_t)objects->ops;

    if (++reuse->asked == 2) { /* the repair looks once more, and is about to append */
        objects->ops = reuse->saved;
        (void)bench_collect(reuse->other);
        ck_assert_uint_eq(bench_commit(reuse->other, "again", "file=another"), 0);
        objects->ops = &reuse->ops;
    }
    return reuse->saved->stat_batch(objects, ids, count, info, err);
}

START_TEST(a_blob_that_has_the_number_of_one_that_was_lost_is_not_called_lost)
    {
        const struct bench_options options = { .late = stores[_i].late };
        const cull_fsck_options repair = { .repair = true };
        struct cull__log_ops without_lock;
        struct bench_store bench;
        struct bench_store other;
        struct reuse reuse = { .other = &other };
        cull_object_id id = { .incarnation = 0 };
        cull_fsck_result result;
        cull_error err = { CULL_OK, "" };
        cull_caller caller;

        bench_open(&bench, &options);
        caller = bench_caller(&bench);
        ck_assert_uint_eq(bench_commit(&bench, "first", "file=content"), 0);
        bench_delete(&bench, "first", 0);
        id.digest = bench_digest(&bench, "content");
        ck_assert_int_eq(cull_objects_memory_lose(bench.objects, &id), CULL_OK);
        overtaking(&other, &bench, &without_lock);
        reuse.saved = bench.objects->ops;
        reuse.ops = *reuse.saved;
        reuse.ops.stat_batch = reusing_stat;
        bench.objects->ops = &reuse.ops;
        ck_assert_int_eq(cull_fsck(bench.store, &repair, &caller, NULL, NULL, &result, &err),
                         CULL_E_DAMAGED); /* it was lost, and is not any more */
        bench.objects->ops = reuse.saved;
        ck_assert_uint_gt(reuse.asked, 2);
        bench_check(&bench);
        ck_assert_str_eq(bench_text(&bench, "again", 0), "file=another");
        cull_store_close(other.store);
        cull_log_close(other.log);
        bench_close(&bench);
    }
END_TEST

/* An object store in which, once something is published, the disk may damage it, and somebody else
 * repairs. */
struct repairing {
    cull_objects_ops ops; /* first: the calls find the rest by it */
    const cull_objects_ops *saved;
    struct bench_store *other;
    bool damages;
    bool cuts; /* the log, behind whoever has just published: its rooms are loaded anew */
    unsigned repaired;
};

static void cut_log(struct bench_store *other)
{
    static const char *const texts[] = { "file=1", "file=2", "file=3" };
    const cull_caller caller = bench_caller(other);
    cull_error err = { CULL_OK, "" };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        (void)bench_commit(other, "elsewhere", texts[i]);
        ck_assert_msg(cull_store_maintain(other->store, true, &caller, &err) == CULL_OK, "%s",
                      err.message);
    }
}

static cull_status publish_then_repair(cull_objects *objects, const cull_staged *staged,
                                       const cull_object_id *ids, size_t count, cull_status *result,
                                       cull_error *err)
{
    struct repairing *repairing = (struct repairing *)(uintptr_t)objects->ops;
    const cull_fsck_options repair = { .repair = true, .read_data = true };
    const cull_caller caller = bench_caller(repairing->other);
    cull_status status = repairing->saved->publish(objects, staged, ids, count, result, err);
    cull_fsck_result found;
    cull_error ignored = { CULL_OK, "" };

    objects->ops = repairing->saved;
    if (repairing->damages) {
        ck_assert_int_eq(cull_objects_memory_corrupt(objects, &ids[0]), CULL_OK);
    }
    ck_assert_int_ne(
        cull_fsck(repairing->other->store, &repair, &caller, NULL, NULL, &found, &ignored),
        CULL_E_BUSY);
    repairing->repaired += (unsigned)found.repaired;
    if (repairing->cuts) {
        cut_log(repairing->other);
    }
    objects->ops = &repairing->ops;
    return status;
}

static const struct {
    const char *name;
    bool damages; /* in the instant between the sending and its confirmation */
    bool cuts;
    cull_status want;
} sent_cases[] = {
    { "what lay there was damaged, and what is sent replaces it", false, false, CULL_OK },
    { "what is sent is damaged, and set aside", true, false, CULL_E_NOT_STORED },
    { "the same, and the log is cut behind that", true, true, CULL_E_NOT_STORED },
};

START_TEST(what_a_repair_sets_aside_while_it_is_sent_is_not_called_stored)
    {
        const struct bench_options options = { .late = CULL_LATE_IMPOSSIBLE };
        cull_object_id id = { .incarnation = 0 };
        struct cull__log_ops without_lock;
        struct bench_store bench;
        struct bench_store other;
        struct repairing repairing = { .other = &other,
                                       .damages = sent_cases[_i].damages,
                                       .cuts = sent_cases[_i].cuts };
        cull_upload *first;
        cull_upload *second;
        cull_caller caller;
        cull_staged staged;
        cull_blob_ref ref;
        cull_put_answer answer;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        caller = bench_caller(&bench);
        ref = (cull_blob_ref){ bench_digest(&bench, "content"), 7 };
        first = bench_upload(&bench, "c", -1);
        second = bench_upload(&bench, "c", -1);
        ck_assert_int_eq(cull_upload_put(second, &ref, 1, &answer, &caller, &err), CULL_OK);
        ck_assert_int_eq(answer, CULL_PUT_SEND);
        ck_assert_int_eq(bench_put(&bench, first, "file=content", &err), CULL_OK);
        id.digest = ref.digest;
        ck_assert_int_eq(cull_objects_memory_corrupt(bench.objects, &id), CULL_OK);
        overtaking(&other, &bench, &without_lock);
        repairing.saved = bench.objects->ops;
        repairing.ops = *repairing.saved;
        repairing.ops.publish = publish_then_repair;
        bench.objects->ops = &repairing.ops;
        ck_assert_int_eq(bench_stage(&bench, "content", &staged, &err), CULL_OK);
        ck_assert_msg(cull_upload_send(second, &staged, 1, &caller, &err) == sent_cases[_i].want,
                      "%s: %s", sent_cases[_i].name, err.message);
        bench.objects->ops = repairing.saved;
        ck_assert_uint_eq(repairing.repaired, sent_cases[_i].damages ? 1 : 0);
        ck_assert_int_eq(bench_put(&bench, second, "file=content", &err), CULL_OK);
        ck_assert(bench_has_object(&bench, "content"));
        bench_check(&bench);
        cull_upload_free(first);
        cull_upload_free(second);
        cull_store_close(other.store);
        cull_log_close(other.log);
        bench_close(&bench);
    }
END_TEST

static const struct {
    const char *name;
    bool damages;
    bool pinned;    /* by an upload, which confirms it itself */
    bool unsettled; /* the disk does not take it */
    uint64_t repaired;
} found_cases[] = {
    { "it is right", false, false, false, 1 },
    { "it holds other bytes", true, false, false, 0 },
    { "an upload has named it", false, true, false, 0 },
    { "it cannot be made durable", false, false, true, 0 },
};

struct unsettled {
    cull_objects_ops ops;
    const cull_objects_ops *saved;
};

static cull_status cannot_settle(cull_objects *objects, const cull_object_id *id, cull_error *err)
{
    (void)objects;
    (void)id;
    (void)err;
    return CULL_E_IO;
}

/* The objects were away (a disk, a backup) while a repair looked, and are there again. */
START_TEST(a_lost_object_that_is_there_again_is_stored_if_it_is_right)
    {
        const struct bench_options options = { .late = CULL_LATE_IMPOSSIBLE };
        const cull_fsck_options repair = { .repair = true };
        struct bench_store bench;
        cull_object_id id = { .incarnation = 0 };
        struct unsettled unsettled;
        cull_upload *upload = NULL;
        cull_fsck_result found;
        cull_status result;
        cull_staged staged;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        caller = bench_caller(&bench);
        (void)bench_commit(&bench, "c", "file=content");
        id.digest = bench_digest(&bench, "content");
        ck_assert_int_eq(cull_objects_memory_lose(bench.objects, &id), CULL_OK);
        ck_assert_int_eq(cull_fsck(bench.store, &repair, &caller, NULL, NULL, &found, &err),
                         CULL_E_DAMAGED);
        ck_assert_uint_eq(found.repaired, 0);
        if (found_cases[_i].pinned) {
            const cull_blob_ref ref = { id.digest, 7 };
            cull_put_answer answer;

            upload = bench_upload(&bench, "d", -1);
            ck_assert_int_eq(cull_upload_put(upload, &ref, 1, &answer, &caller, &err), CULL_OK);
            ck_assert_int_eq(answer, CULL_PUT_SEND);
        }
        ck_assert_int_eq(bench_stage(&bench, "content", &staged, &err), CULL_OK);
        ck_assert_int_eq(bench.objects->ops->publish(bench.objects, &staged, &id, 1, &result, &err),
                         CULL_OK);
        if (found_cases[_i].damages) {
            ck_assert_int_eq(cull_objects_memory_corrupt(bench.objects, &id), CULL_OK);
        }
        unsettled.saved = bench.objects->ops;
        unsettled.ops = *unsettled.saved;
        unsettled.ops.settle = found_cases[_i].unsettled ? cannot_settle : NULL;
        bench.objects->ops = &unsettled.ops;
        ck_assert_int_eq(cull_fsck(bench.store, &repair, &caller, NULL, NULL, &found, &err),
                         found_cases[_i].repaired > 0 ? CULL_OK : CULL_E_DAMAGED);
        bench.objects->ops = unsettled.saved;
        ck_assert_msg(found.repaired == found_cases[_i].repaired, "%s", found_cases[_i].name);
        if (found_cases[_i].repaired > 0) {
            bench_check(&bench);
            ck_assert_str_eq(bench_text(&bench, "c", 0), "file=content");
        }
        cull_upload_free(upload);
        bench_close(&bench);
    }
END_TEST

static const struct {
    const char *name;
    bool collects; /* what held it is deleted and collected; else its content is put again */
    bool repair;
} changed_cases[] = {
    { "it was put again", false, false },
    { "it was put again, beside a repair", false, true },
    { "it was collected", true, false },
};

struct change {
    struct bench_store *bench;
    bool collects;
    bool done;
};

static bool change_once(void *ctx, const char *stage, uint64_t done, uint64_t total)
{
    struct change *change = ctx;
    cull_error err = { CULL_OK, "" };

    (void)done;
    (void)total;
    if (strcmp(stage, "check") != 0 || change->done) {
        return false;
    }
    change->done = true;
    if (change->collects) {
        bench_delete(change->bench, "c", 0);
        bench_collect(change->bench);
    } else {
        cull_upload *upload = bench_upload(change->bench, "d", -1);

        ck_assert_int_eq(bench_put(change->bench, upload, "x=content", &err), CULL_OK);
        cull_upload_free(upload);
    }
    return false;
}

START_TEST(a_lost_blob_that_changed_since_it_was_asked_for_is_no_problem)
    {
        const struct bench_options options = { .late = CULL_LATE_IMPOSSIBLE };
        cull_fsck_options how = { .repair = true };
        struct bench_store bench;
        struct change change = { &bench, changed_cases[_i].collects, false };
        cull_object_id id = { .incarnation = 0 };
        cull_fsck_result found;
        cull_caller caller;
        cull_error err = { CULL_OK, "" };

        bench_open(&bench, &options);
        caller = bench_caller(&bench);
        (void)bench_commit(&bench, "c", "file=content");
        (void)bench_commit(&bench, "k", "file=keep");
        id.digest = bench_digest(&bench, "content");
        ck_assert_int_eq(cull_objects_memory_lose(bench.objects, &id), CULL_OK);
        ck_assert_int_eq(cull_fsck(bench.store, &how, &caller, NULL, NULL, &found, &err),
                         CULL_E_DAMAGED);
        how = (cull_fsck_options){ .repair = changed_cases[_i].repair,
                                   .progress = change_once,
                                   .progress_ctx = &change };
        ck_assert_msg(cull_fsck(bench.store, &how, &caller, NULL, NULL, &found, &err) == CULL_OK,
                      "%s: %s", changed_cases[_i].name, err.message);
        ck_assert(change.done);
        ck_assert_uint_eq(found.problems, 0);
        bench_close(&bench);
    }
END_TEST

Suite *fence_suite(void)
{
    Suite *suite = suite_create("fence");
    TCase *tc = tcase_create("fence");

    tcase_add_loop_test(
        tc, rule_34_a_collector_that_is_overtaken_deletes_nothing_of_what_came_since, 0, STORES);
    tcase_add_test(
        tc, rule_34_a_directory_keeps_a_second_collector_away_whatever_became_of_the_logs_lock);
    tcase_add_test(tc, an_object_that_was_published_while_a_repair_looked_is_not_lost);
    tcase_add_loop_test(tc, a_blob_that_has_the_number_of_one_that_was_lost_is_not_called_lost, 0,
                        STORES);
    tcase_add_loop_test(tc, a_lost_object_that_is_there_again_is_stored_if_it_is_right, 0,
                        (int)(sizeof found_cases / sizeof found_cases[0]));
    tcase_add_loop_test(tc, a_lost_blob_that_changed_since_it_was_asked_for_is_no_problem, 0,
                        ARRAY_LEN(changed_cases));
    tcase_add_loop_test(tc, what_a_repair_sets_aside_while_it_is_sent_is_not_called_stored, 0,
                        ARRAY_LEN(sent_cases));
    suite_add_tcase(suite, tc);
    return suite;
}
