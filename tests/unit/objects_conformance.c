/*
 * objects_conformance.c - the contract of cull/objects.h, as checks.
 *
 * SHAPE     A table of checks; each makes a store of its own, and says store and check when it
 *           fails. Contents come from a number, so that any of them can be made again.
 * WHY NOT   tests per store: a rule that one store's author did not think of would go untested.
 */
#include "objects_conformance.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "object/objects_internal.h"
#include "support.h"

#define BATCH 600 /* more than there are fan-outs */
#define THREADS 4
#define THREAD_TURNS 40

/* The store and check under test, for messages. */
static const char *now_store;
static const char *now_check;

#define CHECK(fact, ...)                                                                 \
    do {                                                                                 \
        if (!(fact)) {                                                                   \
            char text_[CULL_ERROR_MESSAGE_MAX + 100];                                    \
            (void)snprintf(text_, sizeof text_, __VA_ARGS__);                            \
            ck_abort_msg("%s: %s: %s (%s, line %d)", now_store, now_check, text_, #fact, \
                         __LINE__);                                                      \
        }                                                                                \
    } while (0)

#define CHECK_OK(call)                                                               \
    do {                                                                             \
        cull_error error_ = { 0 };                                                   \
        cull_error *err = &error_;                                                   \
        cull_status status_ = (call);                                                \
        CHECK(status_ == CULL_OK, "%s: %s", cull_strerror(status_), error_.message); \
    } while (0)

/* --- contents --------------------------------------------------------------------------- */

struct content {
    uint8_t *bytes;
    size_t len;
    cull_object_id id;
};

static struct content content_new(const struct conformance_store *store, uint32_t seed, size_t len)
{
    struct content content = { .bytes = malloc(len + 1), .len = len };
    uint32_t state = seed * 2654435761u + 1;

    ck_assert_ptr_nonnull(content.bytes);
    for (size_t i = 0; i < len; i++) {
        state = state * 1664525u + 1013904223u;
        content.bytes[i] = (uint8_t)(state >> 24);
    }
    ck_assert_int_eq(cull_digest_of(&content.id.digest, store->digest, content.bytes, len),
                     CULL_OK);
    return content;
}

/* Gives its bytes in pieces that fit no buffer's size; then fails, if it is told to. */
struct feed {
    const uint8_t *bytes;
    size_t len;
    size_t at;
    cull_status fail_at_end;
};

static cull_status feed_read(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    struct feed *feed = ctx;
    size_t left = feed->len - feed->at;

    *got = left < 7777 ? left : 7777;
    *got = *got < len ? *got : len;
    if (*got == 0 && feed->fail_at_end != CULL_OK) {
        return cull__error_set(err, feed->fail_at_end, "the source is torn");
    }
    if (*got > 0) {
        memcpy(data, feed->bytes + feed->at, *got);
    }
    feed->at += *got;
    return CULL_OK;
}

static cull_status stage_feed(cull_objects *objects, const struct content *content,
                              uint64_t size_bytes_max, cull_staged *out, cull_error *err)
{
    struct feed feed = { content->bytes, content->len, 0, CULL_OK };
    cull_source source = { -1, feed_read, &feed, size_bytes_max };

    return cull__objects_stage(objects, &source, out, err);
}

static cull_status stage_file(cull_objects *objects, const struct content *content,
                              uint64_t size_bytes_max, cull_staged *out, cull_error *err)
{
    cull_source source = { -1, NULL, NULL, size_bytes_max };
    char path[600];
    cull_status status;

    (void)snprintf(path, sizeof path, "%s/source", scratch_dir());
    source.fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ck_assert_int_ge(source.fd, 0);
    ck_assert_int_eq(write(source.fd, content->bytes, content->len), (ssize_t)content->len);
    status = cull__objects_stage(objects, &source, out, err);
    (void)close(source.fd);
    return status;
}

static void store_content(cull_objects *objects, const struct content *content)
{
    cull_staged staged;
    cull_status result = CULL_E_IO;

    CHECK_OK(stage_feed(objects, content, UINT64_MAX, &staged, err));
    CHECK_OK(cull__objects_publish(objects, &staged, &content->id, 1, &result, err));
    CHECK(result == CULL_OK, "result of a publish");
}

static cull_object_info stat_of(cull_objects *objects, const cull_object_id *id)
{
    cull_object_info info = { .status = CULL_E_IO };

    CHECK_OK(cull__objects_stat_batch(objects, id, 1, &info, err));
    return info;
}

/* --- reading and listing ---------------------------------------------------------------- */

struct sink {
    struct content *want;
    size_t at;
    bool equal;
    cull_status answer;
};

static cull_status sink_write(void *ctx, const void *data, size_t len, cull_error *err)
{
    struct sink *sink = ctx;

    (void)err;
    sink->equal = sink->equal && len <= sink->want->len - sink->at &&
                  memcmp(sink->want->bytes + sink->at, data, len) == 0;
    sink->at += sink->equal ? len : 0;
    return sink->answer;
}

static void check_reads(cull_objects *objects, struct content *content)
{
    struct sink sink = { content, 0, true, CULL_OK };

    CHECK_OK(cull__objects_read(objects, &content->id, sink_write, &sink, err));
    CHECK(sink.equal && sink.at == content->len, "%zu bytes read back of %zu", sink.at,
          content->len);
}

struct seen {
    const struct content *contents; /* may be NULL: only counted */
    size_t count;
    uint32_t times[BATCH];
    size_t total;
    size_t strange;
    cull_status answer; /* given at the first visit */
    cull_objects *call_back;
};

static cull_status seen_visit(void *ctx, const char *name, const cull_object_id *id,
                              const cull_object_info *info)
{
    struct seen *seen = ctx;

    seen->total++;
    if (id == NULL || name == NULL || name[0] == '\0' || info->status != CULL_OK) {
        seen->strange++;
        return seen->answer;
    }
    for (size_t i = 0; seen->contents != NULL && i < seen->count; i++) {
        if (memcmp(&seen->contents[i].id.digest, &id->digest, sizeof id->digest) == 0 &&
            info->size_bytes == seen->contents[i].len && info->modified_ms != 0) {
            seen->times[i]++;
        }
    }
    if (seen->call_back != NULL) {
        cull_object_version version = { *id, 0 };
        cull_status result = CULL_E_IO;

        CHECK(stat_of(seen->call_back, id).status == CULL_OK, "stat inside a listing");
        CHECK_OK(cull__objects_delete_batch(seen->call_back, &version, 1, &result, err));
    }
    return seen->answer;
}

static size_t list_count(cull_objects *objects)
{
    struct seen seen = { 0 };

    CHECK_OK(cull__objects_list(objects, seen_visit, &seen, err));
    CHECK(seen.strange == 0, "%zu names that do not parse", seen.strange);
    return seen.total;
}

/* --- the checks ------------------------------------------------------------------------- */

static void reads_back(cull_objects *objects, const struct conformance_store *store)
{
    static const size_t lens[] = { 0, 1, 255, 256, 257, 262143, 262144, 262145, 1048579 };

    for (size_t i = 0; i < 2 * ARRAY_LEN(lens); i++) {
        struct content content = content_new(store, (uint32_t)i + 1, lens[i / 2]);
        cull_staged staged;
        cull_status result = CULL_E_IO;

        if (i % 2 == 0) {
            CHECK_OK(stage_file(objects, &content, UINT64_MAX, &staged, err));
        } else {
            CHECK_OK(stage_feed(objects, &content, UINT64_MAX, &staged, err));
        }
        CHECK(staged.size_bytes == content.len, "size of %zu bytes", content.len);
        CHECK(memcmp(&staged.digest, &content.id.digest, sizeof staged.digest) == 0,
              "digest of %zu bytes", content.len);
        CHECK_OK(cull__objects_publish(objects, &staged, &content.id, 1, &result, err));
        CHECK(result == CULL_OK && stat_of(objects, &content.id).status == CULL_OK &&
                  stat_of(objects, &content.id).size_bytes == content.len,
              "an object of %zu bytes", content.len);
        check_reads(objects, &content);
        free(content.bytes);
    }
}

static void staged_is_no_object(cull_objects *objects, const struct conformance_store *store)
{
    struct content content = content_new(store, 1, 100);
    cull_staged staged;
    cull_status result = CULL_OK;
    cull_error err_text = { 0 };
    uint64_t count = 9;

    CHECK_OK(stage_feed(objects, &content, UINT64_MAX, &staged, err));
    CHECK(stat_of(objects, &content.id).status == CULL_E_NOTFOUND, "staged and found");
    CHECK(list_count(objects) == 0, "staged and listed");
    cull__objects_discard(objects, &staged);
    CHECK(cull__objects_publish(objects, &staged, &content.id, 1, &result, &err_text) ==
                  CULL_E_NOTFOUND &&
              result == CULL_E_NOTFOUND && err_text.status == CULL_E_NOTFOUND,
          "published after it was discarded: %s", err_text.message);
    CHECK_OK(cull__objects_clean_staged(objects, UINT64_MAX, &count, err));
    CHECK(count == 0, "%d left behind", (int)count);
    free(content.bytes);
}

static void limit_holds(cull_objects *objects, const struct conformance_store *store)
{
    static const size_t lens[] = { 1, 300, 262144, 262145 };

    for (size_t i = 0; i < 2 * ARRAY_LEN(lens); i++) {
        struct content content = content_new(store, 1, lens[i / 2]);
        uint64_t max = lens[i / 2];
        cull_staged staged;
        cull_error err_text = { 0 };
        uint64_t count = 9;
        cull_status status;

        if (i % 2 == 0) {
            CHECK_OK(stage_file(objects, &content, max, &staged, err));
            cull__objects_discard(objects, &staged);
            status = stage_file(objects, &content, max - 1, &staged, &err_text);
        } else {
            CHECK_OK(stage_feed(objects, &content, max, &staged, err));
            cull__objects_discard(objects, &staged);
            status = stage_feed(objects, &content, max - 1, &staged, &err_text);
        }
        CHECK(status == CULL_E_LIMIT && err_text.message[0] != '\0', "one byte too many: %s",
              cull_strerror(status));
        CHECK_OK(cull__objects_clean_staged(objects, UINT64_MAX, &count, err));
        CHECK(count == 0, "%d left behind", (int)count);
        free(content.bytes);
    }
}

static void torn_source(cull_objects *objects, const struct conformance_store *store)
{
    struct content content = content_new(store, 1, 20000);
    struct feed feed = { content.bytes, content.len, 0, CULL_E_CANCELLED };
    cull_source source = { -1, feed_read, &feed, UINT64_MAX };
    cull_staged staged;
    cull_error err = { 0 };
    uint64_t count = 9;

    CHECK(cull__objects_stage(objects, &source, &staged, &err) == CULL_E_CANCELLED &&
              strcmp(err.message, "the source is torn") == 0,
          "the source's failure: %s", err.message);
    CHECK(cull__objects_clean_staged(objects, UINT64_MAX, &count, &err) == CULL_OK && count == 0,
          "%d left behind", (int)count);
    free(content.bytes);
}

static void replaces_wrong(cull_objects *objects, const struct conformance_store *store)
{
    struct content first = content_new(store, 1, 100);
    struct content same_size = content_new(store, 2, 100);
    struct content other_size = content_new(store, 3, 101);

    /* Other content under the first one's name, so that a reader can tell what happened. */
    same_size.id = other_size.id = first.id;
    store_content(objects, &same_size);
    store_content(objects, &other_size);
    check_reads(objects, &other_size);
    store_content(objects, &same_size);
    check_reads(objects, &same_size);
    store_content(objects, &first);
    check_reads(objects, &first);
    CHECK(list_count(objects) == 1, "one name, one object");
    free(first.bytes);
    free(same_size.bytes);
    free(other_size.bytes);
}

static void batches(cull_objects *objects, const struct conformance_store *store)
{
    static struct content contents[BATCH];
    static cull_staged staged[BATCH];
    static cull_object_id ids[BATCH];
    static cull_object_info info[BATCH];
    static cull_object_version versions[BATCH];
    static cull_status result[BATCH];
    struct seen seen = { .contents = contents, .count = BATCH };

    for (size_t i = 0; i < BATCH; i++) {
        contents[i] = content_new(store, (uint32_t)i, i % 17 + 4);
        ids[i] = contents[i].id;
        versions[i] = (cull_object_version){ ids[i], 0 };
        result[i] = CULL_E_IO;
        CHECK_OK(stage_feed(objects, &contents[i], UINT64_MAX, &staged[i], err));
    }
    CHECK_OK(cull__objects_publish(objects, staged, ids, BATCH, result, err));
    CHECK_OK(cull__objects_stat_batch(objects, ids, BATCH, info, err));
    CHECK_OK(cull__objects_list(objects, seen_visit, &seen, err));
    CHECK(seen.total == BATCH && seen.strange == 0, "%zu listed", seen.total);
    for (size_t i = 0; i < BATCH; i++) {
        CHECK(result[i] == CULL_OK && seen.times[i] == 1 && info[i].status == CULL_OK &&
                  info[i].size_bytes == contents[i].len,
              "object %zu", i);
    }
    for (int turn = 0; turn < 3; turn++) { /* one too few, all, all again */
        size_t count = turn == 0 ? BATCH - 1 : BATCH;

        for (size_t i = 0; i < BATCH; i++) {
            result[i] = CULL_E_IO;
        }
        CHECK_OK(cull__objects_delete_batch(objects, versions, count, result, err));
        for (size_t i = 0; i < count; i++) {
            CHECK(result[i] == CULL_OK, "delete %zu", i);
        }
        CHECK(list_count(objects) == BATCH - count, "after delete %d", turn);
        CHECK(stat_of(objects, &ids[0]).status == CULL_E_NOTFOUND, "deleted and found");
    }
    for (size_t i = 0; i < BATCH; i++) {
        free(contents[i].bytes);
    }
}

static void empty_batches(cull_objects *objects, const struct conformance_store *store)
{
    cull_object_id id = { 0 };

    (void)store;
    CHECK_OK(cull__objects_publish(objects, NULL, NULL, 0, NULL, err));
    CHECK_OK(cull__objects_delete_batch(objects, NULL, 0, NULL, err));
    CHECK_OK(cull__objects_stat_batch(objects, &id, 0, NULL, err));
    CHECK(list_count(objects) == 0, "an empty store");
}

static void partial_publish(cull_objects *objects, const struct conformance_store *store)
{
    struct content contents[4];
    cull_staged staged[4];
    cull_object_id ids[4];
    cull_status result[4] = { CULL_E_IO, CULL_E_IO, CULL_E_IO, CULL_E_IO };
    cull_error err_text = { 0 };

    for (uint32_t i = 0; i < 4; i++) {
        contents[i] = content_new(store, i, 10);
        ids[i] = contents[i].id;
        CHECK_OK(stage_feed(objects, &contents[i], UINT64_MAX, &staged[i], err));
    }
    cull__objects_discard(objects, &staged[2]);
    CHECK(cull__objects_publish(objects, staged, ids, 4, result, &err_text) == CULL_E_PARTIAL &&
              err_text.status == CULL_E_PARTIAL && err_text.message[0] != '\0',
          "one of four was given up");
    for (size_t i = 0; i < 4; i++) {
        cull_status want = i == 2 ? CULL_E_NOTFOUND : CULL_OK;

        CHECK(result[i] == want && stat_of(objects, &ids[i]).status == want, "object %zu", i);
    }
    CHECK(cull__objects_publish(objects, staged, ids, 4, result, &err_text) == CULL_E_NOTFOUND,
          "tokens are used up by a publish");
    for (size_t i = 0; i < 4; i++) {
        free(contents[i].bytes);
    }
}

static void callbacks_end_it(cull_objects *objects, const struct conformance_store *store)
{
    struct content contents[2] = { content_new(store, 1, 10), content_new(store, 2, 20) };
    struct seen seen = { .answer = CULL_E_CANCELLED };
    struct sink sink = { &contents[0], 0, true, CULL_E_LIMIT };
    struct content absent = content_new(store, 3, 30);
    cull_error err = { 0 };

    store_content(objects, &contents[0]);
    store_content(objects, &contents[1]);
    CHECK(
        cull__objects_list(objects, seen_visit, &seen, &err) == CULL_E_CANCELLED && seen.total == 1,
        "%zu visits", seen.total);
    CHECK(cull__objects_read(objects, &contents[0].id, sink_write, &sink, &err) == CULL_E_LIMIT,
          "the reader's answer");
    CHECK(cull__objects_read(objects, &absent.id, sink_write, &sink, &err) == CULL_E_NOTFOUND &&
              err.message[0] != '\0',
          "an object that is not there");
    free(contents[0].bytes);
    free(contents[1].bytes);
    free(absent.bytes);
}

static void list_calls_back(cull_objects *objects, const struct conformance_store *store)
{
    struct seen seen = { .call_back = objects };

    for (uint32_t i = 0; i < 20; i++) {
        struct content content = content_new(store, i, 10);

        store_content(objects, &content);
        free(content.bytes);
    }
    CHECK_OK(cull__objects_list(objects, seen_visit, &seen, err));
    CHECK(seen.total == 20 && list_count(objects) == 0, "%zu visited and deleted", seen.total);
}

static void incarnations(cull_objects *objects, const struct conformance_store *store)
{
    struct content content = content_new(store, 1, 10);
    cull_object_id second = content.id;
    cull_status want = store->late == CULL_LATE_INCARNATION ? CULL_E_NOTFOUND : CULL_OK;

    second.incarnation = 7;
    store_content(objects, &content);
    CHECK(stat_of(objects, &second).status == want, "incarnation 7 of an object of incarnation 0");
    content.id = second;
    store_content(objects, &content);
    CHECK(list_count(objects) == (want == CULL_OK ? 1u : 2u), "both published");
    free(content.bytes);
}

/* As it is now. */
static cull_status put_aside(cull_objects *objects, const cull_object_id *id, cull_error *err)
{
    cull_object_info info = { .status = CULL_E_IO };
    cull_status status = cull__objects_stat_batch(objects, id, 1, &info, err);

    return status == CULL_OK ? cull__objects_quarantine(objects, id, &info, err) : status;
}

static void sets_aside(cull_objects *objects, const struct conformance_store *store)
{
    struct content content = content_new(store, 1, 10);
    cull_error err_text = { 0 };

    for (int turn = 0; turn < 3; turn++) { /* the name is taken in the quarantine, too */
        store_content(objects, &content);
        CHECK_OK(put_aside(objects, &content.id, err));
        CHECK(stat_of(objects, &content.id).status == CULL_E_NOTFOUND, "set aside and found");
        CHECK(list_count(objects) == 0, "set aside and listed");
    }
    CHECK(put_aside(objects, &content.id, &err_text) == CULL_E_NOTFOUND &&
              err_text.message[0] != '\0',
          "nothing to set aside");
    store_content(objects, &content);
    check_reads(objects, &content);
    free(content.bytes);
}

static void cleans_by_age(cull_objects *objects, const struct conformance_store *store)
{
    struct content content = content_new(store, 1, 10);
    cull_staged staged[2];
    uint64_t count = 9;
    cull_status result;

    CHECK_OK(stage_feed(objects, &content, UINT64_MAX, &staged[0], err));
    CHECK_OK(stage_feed(objects, &content, UINT64_MAX, &staged[1], err));
    CHECK_OK(cull__objects_clean_staged(objects, 1, &count, err));
    CHECK(count == 0, "%d are older than 1970", (int)count);
    CHECK_OK(cull__objects_publish(objects, &staged[0], &content.id, 1, &result, err));
    CHECK_OK(cull__objects_clean_staged(objects, UINT64_MAX, &count, err));
    CHECK(count == 1, "%d are older than the end of time", (int)count);
    CHECK(cull__objects_publish(objects, &staged[1], &content.id, 1, &result, NULL) ==
              CULL_E_NOTFOUND,
          "cleaned and published");
    check_reads(objects, &content);
    free(content.bytes);
}

struct numbers {
    uint64_t number[8];
    size_t count;
};

static cull_status numbers_visit(void *ctx, uint64_t version)
{
    struct numbers *numbers = ctx;

    if (numbers->count < ARRAY_LEN(numbers->number)) {
        numbers->number[numbers->count] = version;
    }
    numbers->count++;
    return CULL_OK;
}

static void all_versions_go(cull_objects *objects, const struct conformance_store *store)
{
    struct content content = content_new(store, 1, 10);
    struct numbers numbers = { .count = 0 };
    size_t want = store->versioning == CULL_VERSIONING_ENABLED ? 3 : 1;
    cull_versioning state = CULL_VERSIONING_NONE;

    CHECK(cull__objects_late_deletes(objects) == store->late, "answer to late deletes");
    CHECK_OK(cull__objects_versioning(objects, &state, err));
    CHECK(state == store->versioning, "versioning");
    CHECK_OK(cull__objects_versions(objects, &content.id, numbers_visit, &numbers, err));
    CHECK(numbers.count == 0, "versions of what is not there");
    for (int turn = 0; turn < 3; turn++) {
        store_content(objects, &content);
    }
    CHECK_OK(cull__objects_versions(objects, &content.id, numbers_visit, &numbers, err));
    CHECK(numbers.count == want, "%zu versions", numbers.count);
    for (size_t i = 0; i < numbers.count; i++) {
        cull_object_version version = { content.id, numbers.number[i] };
        cull_status result = CULL_E_IO;

        CHECK(stat_of(objects, &content.id).status == CULL_OK, "%zu of them left",
              numbers.count - i);
        CHECK_OK(cull__objects_delete_batch(objects, &version, 1, &result, err));
    }
    CHECK(stat_of(objects, &content.id).status == CULL_E_NOTFOUND, "all versions deleted");
    numbers.count = 0;
    CHECK_OK(cull__objects_versions(objects, &content.id, numbers_visit, &numbers, err));
    CHECK(numbers.count == 0, "no version is left, markers do not count");
    free(content.bytes);
}

/* Threads share half of their contents. Assertions belong to the first thread: count instead. */
struct worker {
    cull_objects *objects;
    const struct conformance_store *store;
    uint32_t number;
    uint32_t failures;
};

static void *worker_run(void *ctx)
{
    struct worker *worker = ctx;

    for (uint32_t turn = 0; turn < THREAD_TURNS; turn++) {
        uint32_t seed = turn % 2 == 0 ? turn : 1000 * (worker->number + 1) + turn;
        struct content content = content_new(worker->store, seed, 50);
        cull_object_info info = { .status = CULL_E_IO };
        cull_status result = CULL_E_IO;
        cull_staged staged;

        if (stage_feed(worker->objects, &content, UINT64_MAX, &staged, NULL) != CULL_OK ||
            cull__objects_publish(worker->objects, &staged, &content.id, 1, &result, NULL) !=
                CULL_OK ||
            cull__objects_stat_batch(worker->objects, &content.id, 1, &info, NULL) != CULL_OK ||
            result != CULL_OK || info.status != CULL_OK || info.size_bytes != 50) {
            worker->failures++;
        }
        free(content.bytes);
    }
    return NULL;
}

static void threads_store(cull_objects *objects, const struct conformance_store *store)
{
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    uint64_t count = 9;

    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ objects, store, i, 0 };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, worker_run, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        CHECK(workers[i].failures == 0, "thread %u: %u failures", i, workers[i].failures);
    }
    CHECK(list_count(objects) == THREAD_TURNS / 2 * (THREADS + 1), "%zu objects",
          list_count(objects));
    CHECK_OK(cull__objects_clean_staged(objects, UINT64_MAX, &count, err));
    CHECK(count == 0, "%d left behind", (int)count);
}

/* Everything once, with whatever memory there is. Each result is CULL_OK or CULL_E_NOMEM, and
 * an object is there only if somebody was told so or not told. */
static void scenario(cull_objects *objects, const struct conformance_store *store)
{
    static cull_object_version versions[BATCH];
    static cull_status result[BATCH];
    struct content content = content_new(store, 5, 5000);
    struct numbers numbers = { .count = 0 };
    struct seen seen = { 0 };
    struct sink sink = { &content, 0, true, CULL_OK };
    cull_status published = CULL_E_IO;
    cull_staged staged;
    cull_status status[8] = { CULL_OK };

    status[0] = stage_feed(objects, &content, UINT64_MAX, &staged, NULL);
    if (status[0] == CULL_OK) {
        status[1] = cull__objects_publish(objects, &staged, &content.id, 1, &published, NULL);
        CHECK(published == status[1], "one result, one status");
        CHECK(stat_of(objects, &content.id).status ==
                  (published == CULL_OK ? CULL_OK : CULL_E_NOTFOUND),
              "the object of a publish that said \"%s\"", cull_strerror(published));
    }
    status[2] = cull__objects_list(objects, seen_visit, &seen, NULL);
    status[3] = cull__objects_read(objects, &content.id, sink_write, &sink, NULL);
    if (published != CULL_OK && status[3] == CULL_E_NOTFOUND) {
        status[3] = CULL_OK;
    }
    status[4] = cull__objects_versions(objects, &content.id, numbers_visit, &numbers, NULL);
    for (uint32_t i = 0; i < BATCH; i++) {
        versions[i] = (cull_object_version){ content.id, 0 };
        versions[i].id.digest.bytes[0] ^= (uint8_t)i;
        versions[i].id.digest.bytes[1] ^= (uint8_t)(i >> 8);
    }
    status[5] = cull__objects_delete_batch(objects, versions, BATCH, result, NULL);
    CHECK(stat_of(objects, &content.id).status ==
              (published == CULL_OK && result[0] != CULL_OK ? CULL_OK : CULL_E_NOTFOUND),
          "the object of a delete that said \"%s\"", cull_strerror(result[0]));
    for (size_t i = 0; i < ARRAY_LEN(status); i++) {
        CHECK(status[i] == CULL_OK || status[i] == CULL_E_NOMEM ||
                  (i == 5 && status[i] == CULL_E_PARTIAL),
              "call %zu: %s", i, cull_strerror(status[i]));
    }
    free(content.bytes);
}

static void out_of_memory(const struct conformance_store *store)
{
    struct failing_allocator failing;
    uint64_t fail_at = 1;

    do {
        cull_objects *objects;

        failing_allocator_init(&failing, fail_at);
        objects = store->make(store, &failing.allocator);
        if (objects != NULL) {
            scenario(objects, store);
            cull_objects_close(objects);
        } else {
            CHECK(failing.calls >= fail_at, "no store, and memory enough");
        }
        CHECK(failing.live == 0, "allocation %d: %d blocks leak", (int)fail_at, (int)failing.live);
        CHECK(fail_at < 1000, "it never succeeds");
    } while (failing.calls >= fail_at++);
    CHECK(fail_at > 3, "too few allocations to believe in");
}

static const struct {
    const char *name;
    void (*run)(cull_objects *objects, const struct conformance_store *store);
} checks[] = {
    { "what is stored reads back whole, at every size", reads_back },
    { "staged bytes are no object, and can be given up", staged_is_no_object },
    { "the size limit holds, and one byte less is too much", limit_holds },
    { "a source that fails leaves nothing", torn_source },
    { "what is published replaces what is wrong, whatever its size", replaces_wrong },
    { "a batch is published, listed, deleted, and deleted again", batches },
    { "empty batches and an empty store are fine", empty_batches },
    { "a batch that fails in part says which part", partial_publish },
    { "what a callback answers ends the walk and is returned", callbacks_end_it },
    { "a listing's callback may ask and delete", list_calls_back },
    { "incarnations are objects of their own only where keys end in them", incarnations },
    { "what is set aside is no object, and can be stored again", sets_aside },
    { "staged bytes are cleaned by age", cleans_by_age },
    { "deleting the listed versions deletes the object", all_versions_go },
    { "several threads store the same and different contents", threads_store },
    { "every allocation may fail", NULL }, /* out_of_memory makes its own stores */
};

size_t objects_conformance_count(void)
{
    return ARRAY_LEN(checks);
}

const char *objects_conformance_name(size_t check)
{
    return checks[check].name;
}

void objects_conformance_run(size_t check, const struct conformance_store *store)
{
    cull_objects *objects;

    now_store = store->name;
    now_check = checks[check].name;
    if (checks[check].run == NULL) {
        out_of_memory(store);
        return;
    }
    objects = store->make(store, cull_allocator_default());
    CHECK(objects != NULL && cull__objects_check(objects, NULL) == CULL_OK, "the store");
    checks[check].run(objects, store);
    cull_objects_close(objects);
}
