/*
 * log_conformance.c - the contract of log_internal.h as tests, one for each sentence.
 */
#include "log_conformance.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

#define OK(call) ck_assert_int_eq((call), CULL_OK)
#define MIB (1u << 20)

static const struct log_kind *const *log_kinds;

struct log_place log_place_new(const struct log_kind *kind)
{
    struct log_place place = { .kind = kind, .allocator = cull_allocator_default() };
    const char *folder = scratch_dir();
    cull_error err = { 0 };

    ck_assert_ptr_nonnull(folder);
    (void)snprintf(place.path, sizeof place.path, "%s/cull.db", folder);
    (void)snprintf(place.lock_path, sizeof place.lock_path, "%s/cull.lock", folder);
    ck_assert_msg(kind->start(&place, &err) == CULL_OK, "%s: %s", kind->name, err.message);
    return place;
}

cull_log *log_place_again(struct log_place *place)
{
    cull_log *log = NULL;
    cull_error err = { 0 };

    ck_assert_msg(place->kind->again(place, &log, &err) == CULL_OK, "%s: %s", place->kind->name,
                  err.message);
    return log;
}

void log_place_end(struct log_place *place)
{
    cull_log_close(place->log);
    place->log = NULL;
}

static cull_status append(cull_log *log, uint64_t expected_seq, const struct cull__batch *batch,
                          cull_error *err)
{
    uint64_t seq = UINT64_MAX;
    cull_status status = log->ops->append(log, expected_seq, batch, &seq, err);

    ck_assert_uint_eq(seq, status == CULL_OK ? expected_seq + batch->fact_count : UINT64_MAX);
    return status;
}

cull_status log_append_text(cull_log *log, uint64_t expected_seq, uint32_t fact_count,
                            const char *text, cull_error *err)
{
    struct cull__batch batch = { .data = text,
                                 .len = strlen(text),
                                 .fact_count = fact_count,
                                 .reader_min = 1,
                                 .now_ms = 1000 + expected_seq };

    return append(log, expected_seq, &batch, err);
}

uint64_t log_append_turns(cull_log *log, uint32_t fact_count, const char *text)
{
    cull_error err = { 0 };
    cull_status status;
    uint64_t seq;

    do {
        status = log->ops->head(log, &seq, &err);
        if (status == CULL_OK) {
            status = log_append_text(log, seq, fact_count, text, &err);
        }
    } while (status == CULL_E_MOVED || status == CULL_E_BUSY);
    ck_assert_msg(status == CULL_OK, "%s", err.message);
    return seq + fact_count;
}

cull_status log_reading_visit(void *ctx, uint64_t first_seq, uint32_t fact_count, uint64_t now_ms,
                              const void *data, size_t len, cull_error *err)
{
    struct log_reading *reading = ctx;

    (void)now_ms;
    if (reading->batch_count++ == 0) {
        reading->first_seq = first_seq;
    } else {
        ck_assert_uint_eq(first_seq, reading->last_seq + 1);
        cull__buf_u8(&reading->bytes, '|');
    }
    reading->fact_count += fact_count;
    reading->last_seq = first_seq + fact_count - 1;
    cull__buf_put(&reading->bytes, data, len);
    if (reading->batch_count == reading->stop_after) {
        return cull__error_set(err, CULL_E_CANCELLED, "enough");
    }
    return CULL_OK;
}

const char *log_read_text(cull_log *log, uint64_t since, cull_status want)
{
    static char text[4096];
    struct log_reading reading = { .bytes = CULL__BUF_INIT(cull_allocator_default()) };
    cull_error err = { 0 };
    cull_status status = log->ops->read(log, since, log_reading_visit, &reading, &err);
    size_t len = reading.bytes.len < sizeof text - 1 ? reading.bytes.len : sizeof text - 1;

    ck_assert_msg(status == want, "read after %u: status %d, not %d: %s", (unsigned)since, status,
                  want, err.message);
    if (len > 0) {
        memcpy(text, reading.bytes.data, len);
    }
    text[len] = '\0';
    cull__buf_release(&reading.bytes);
    return text;
}

static const char *audit_text(cull_log *log, cull_status want)
{
    static char text[4096];
    struct log_reading reading = { .bytes = CULL__BUF_INIT(cull_allocator_default()) };
    cull_error err = { 0 };
    size_t len;

    ck_assert_int_eq(log->ops->audit_read(log, log_reading_visit, &reading, &err), want);
    len = reading.bytes.len < sizeof text - 1 ? reading.bytes.len : sizeof text - 1;
    if (len > 0) {
        memcpy(text, reading.bytes.data, len);
    }
    text[len] = '\0';
    cull__buf_release(&reading.bytes);
    return text;
}

static uint64_t head(cull_log *log)
{
    uint64_t seq = UINT64_MAX;

    OK(log->ops->head(log, &seq, NULL));
    return seq;
}

/* Bytes that differ from place to place and from seed to seed. */
static uint8_t pattern(uint8_t seed, size_t at)
{
    uint64_t mixed = (at / 8 + 1) * UINT64_C(0x9e3779b97f4a7c15) + seed;

    return (uint8_t)(mixed >> (8 * (at % 8)));
}

static uint8_t *pattern_new(uint8_t seed, size_t len)
{
    uint8_t *data = malloc(len + 1);

    ck_assert_ptr_nonnull(data);
    for (size_t at = 0; at < len; at++) {
        data[at] = pattern(seed, at);
    }
    return data;
}

cull_status log_checkpoint_simple(cull_log *log, const char *room, uint64_t seq, uint8_t seed,
                                  size_t len, cull_error *err)
{
    uint8_t *data = pattern_new(seed, len);
    struct cull__column column = { 7, data, len };
    cull_status status = log->ops->checkpoint_put(log, room, seq, &column, 1, err);

    free(data);
    return status;
}

void log_checkpoint_expect(cull_log *log, const char *room, unsigned age, cull_status want,
                           uint64_t seq, uint8_t seed, size_t len)
{
    struct cull__checkpoint checkpoint;
    cull_error err = { 0 };
    cull_status status = log->ops->checkpoint_get(log, room, age, &checkpoint, &err);

    ck_assert_msg(status == want, "%s of age %u: status %d, not %d: %s", room, age, status, want,
                  err.message);
    if (want == CULL_OK) {
        uint8_t *data = pattern_new(seed, len);

        ck_assert_uint_eq(checkpoint.seq, seq);
        ck_assert_uint_eq(checkpoint.count, 1);
        ck_assert_uint_eq(checkpoint.columns[0].id, 7);
        ck_assert_uint_eq(checkpoint.columns[0].len, len);
        ck_assert_int_eq(memcmp(checkpoint.columns[0].data, data, len), 0);
        free(data);
    } else {
        ck_assert_int_eq(err.status, want);
        ck_assert_ptr_null(checkpoint.columns);
    }
    cull__checkpoint_release(&checkpoint, log->allocator);
}

/* --- append, read ------------------------------------------------------------------------- */

START_TEST(a_new_log_is_empty)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *log = place.log;
        struct cull__buf out = CULL__BUF_INIT(log->allocator);
        struct cull__log_stat stat = { 1, 1, 1, 1, 1, 1, 1 };
        uint64_t seq = 1, bytes = 1;
        cull_error err = { 0 };

        ck_assert_uint_eq(head(log), 0);
        ck_assert_str_eq(log_read_text(log, 0, CULL_OK), "");
        ck_assert_str_eq(audit_text(log, CULL_OK), "");
        OK(log->ops->tail_bytes(log, 0, &bytes, &err));
        ck_assert_uint_eq(bytes, 0);
        ck_assert_int_eq(cull__log_document(log, 1, &out, &err), CULL_E_NOTFOUND);
        log_checkpoint_expect(log, "blobs", 0, CULL_E_NOTFOUND, 0, 0, 0);
        bytes = 1;
        OK(log->ops->checkpoint_size(log, "blobs", &seq, &bytes, &err));
        ck_assert_uint_eq(seq, 0);
        ck_assert_uint_eq(bytes, 0);
        OK(log->ops->stat(log, &stat, &err));
        ck_assert_uint_eq(stat.seq | stat.cut_seq | stat.log_bytes | stat.document_count |
                              stat.document_bytes | stat.checkpoint_bytes | stat.audit_bytes,
                          0);
        OK(log->ops->cut(log, 100, UINT64_MAX, &err));
        ck_assert_uint_eq(head(log), 0);
        log_place_end(&place);
    }
END_TEST

START_TEST(batches_come_back_in_order_from_the_end_of_any_batch)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *log = place.log;

        OK(log_append_text(log, 0, 1, "a", NULL));
        OK(log_append_text(log, 1, 3, "bcd", NULL));
        OK(log_append_text(log, 4, 1, "", NULL));
        OK(log_append_text(log, 5, 1, "e", NULL));
        ck_assert_uint_eq(head(log), 6);
        ck_assert_str_eq(log_read_text(log, 0, CULL_OK), "a|bcd||e");
        ck_assert_str_eq(log_read_text(log, 1, CULL_OK), "bcd||e");
        ck_assert_str_eq(log_read_text(log, 4, CULL_OK), "|e");
        ck_assert_str_eq(log_read_text(log, 5, CULL_OK), "e");
        ck_assert_str_eq(log_read_text(log, 6, CULL_OK), "");
        log_place_end(&place);
    }
END_TEST

START_TEST(a_batch_keeps_its_instant_and_its_bytes_up_to_the_limit_and_none_beyond)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *log = place.log;
        uint8_t *data = pattern_new(3, CULL__BATCH_BYTES_MAX + 1);
        struct cull__batch batch = {
            .data = data, .len = CULL__BATCH_BYTES_MAX + 1, .fact_count = 5, .now_ms = 77
        };
        struct log_reading reading = { .bytes = CULL__BUF_INIT(log->allocator) };
        cull_error err = { 0 };

        ck_assert_int_eq(append(log, 0, &batch, &err), CULL_E_LIMIT);
        ck_assert_uint_eq(head(log), 0);
        batch.len = CULL__BATCH_BYTES_MAX;
        OK(append(log, 0, &batch, &err));
        OK(log->ops->read(log, 0, log_reading_visit, &reading, &err));
        ck_assert_uint_eq(reading.first_seq, 1);
        ck_assert_uint_eq(reading.last_seq, 5);
        ck_assert_uint_eq(reading.bytes.len, CULL__BATCH_BYTES_MAX);
        ck_assert_int_eq(memcmp(reading.bytes.data, data, CULL__BATCH_BYTES_MAX), 0);
        cull__buf_release(&reading.bytes);
        free(data);
        log_place_end(&place);
    }
END_TEST

START_TEST(appending_anywhere_but_at_the_end_is_moved_and_changes_nothing)
    {
        static const uint64_t elsewhere[] = { 0, 1, 3, 4, INT64_MAX - 1 };
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *log = place.log;
        struct cull__document document = { 9, "doc", 3, NULL, NULL };
        struct cull__batch batch = {
            .data = "x", .len = 1, .fact_count = 1, .documents = &document, .document_count = 1
        };
        struct cull__buf out = CULL__BUF_INIT(log->allocator);
        cull_error err = { 0 };

        OK(log_append_text(log, 0, 2, "a", &err));
        for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
            ck_assert_int_eq(append(log, elsewhere[i], &batch, &err), CULL_E_MOVED);
            ck_assert_int_eq(err.status, CULL_E_MOVED);
        }
        ck_assert_int_eq(append(log, INT64_MAX, &batch, &err), CULL_E_LIMIT);
        ck_assert_str_eq(log_read_text(log, 0, CULL_OK), "a");
        ck_assert_int_eq(cull__log_document(log, 9, &out, &err), CULL_E_NOTFOUND);
        OK(append(log, 2, &batch, &err));
        log_place_end(&place);
    }
END_TEST

START_TEST(reading_from_inside_a_batch_or_past_the_end_is_corrupt)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *log = place.log;
        uint64_t bytes = 0;

        OK(log_append_text(log, 0, 3, "abc", NULL));
        OK(log_append_text(log, 3, 2, "de", NULL));
        (void)log_read_text(log, 1, CULL_E_CORRUPT);
        (void)log_read_text(log, 4, CULL_E_CORRUPT);
        (void)log_read_text(log, 6, CULL_E_CORRUPT);
        ck_assert_int_eq(log->ops->tail_bytes(log, 1, &bytes, NULL), CULL_E_CORRUPT);
        ck_assert_int_eq(log->ops->tail_bytes(log, 6, &bytes, NULL), CULL_E_CORRUPT);
        log_place_end(&place);
    }
END_TEST

START_TEST(a_visitor_that_refuses_ends_the_walk_with_its_own_status)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *log = place.log;
        struct log_reading reading = { .bytes = CULL__BUF_INIT(log->allocator), .stop_after = 2 };
        cull_error err = { 0 };

        OK(log_append_text(log, 0, 1, "a", NULL));
        OK(log_append_text(log, 1, 1, "b", NULL));
        OK(log_append_text(log, 2, 1, "c", NULL));
        ck_assert_int_eq(log->ops->read(log, 0, log_reading_visit, &reading, &err),
                         CULL_E_CANCELLED);
        ck_assert_str_eq(err.message, "enough");
        ck_assert_uint_eq(reading.batch_count, 2);
        cull__buf_release(&reading.bytes);
        OK(log_append_text(log, 3, 1, "d", NULL)); /* no transaction was left open */
        OK(log->ops->cut(log, 4, 0, NULL));
        reading = (struct log_reading){ .bytes = CULL__BUF_INIT(log->allocator), .stop_after = 3 };
        ck_assert_int_eq(log->ops->audit_read(log, log_reading_visit, &reading, &err),
                         CULL_E_CANCELLED);
        cull__buf_release(&reading.bytes);
        OK(log_append_text(log, 4, 1, "e", NULL));
        log_place_end(&place);
    }
END_TEST

START_TEST(tail_bytes_and_figures_follow_appends_and_cuts)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *log = place.log;
        struct cull__log_stat stat;
        uint64_t bytes = 0;

        OK(log_append_text(log, 0, 1, "12345", NULL));
        OK(log_append_text(log, 1, 2, "123", NULL));
        OK(log_append_text(log, 3, 1, "1", NULL));
        OK(log->ops->tail_bytes(log, 0, &bytes, NULL));
        ck_assert_uint_eq(bytes, 9);
        OK(log->ops->tail_bytes(log, 1, &bytes, NULL));
        ck_assert_uint_eq(bytes, 4);
        OK(log->ops->tail_bytes(log, 4, &bytes, NULL));
        ck_assert_uint_eq(bytes, 0);
        OK(log->ops->cut(log, 3, 0, NULL));
        ck_assert_int_eq(log->ops->tail_bytes(log, 1, &bytes, NULL), CULL_E_MOVED);
        OK(log->ops->tail_bytes(log, 3, &bytes, NULL));
        ck_assert_uint_eq(bytes, 1);
        OK(log->ops->stat(log, &stat, NULL));
        ck_assert_uint_eq(stat.seq, 4);
        ck_assert_uint_eq(stat.cut_seq, 3);
        ck_assert_uint_eq(stat.log_bytes, 1);
        ck_assert_uint_gt(stat.audit_bytes, 0);
        log_place_end(&place);
    }
END_TEST

START_TEST(a_newer_reader_min_stops_this_program_on_every_handle)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *log = place.log, *other = log_place_again(&place);
        struct cull__batch batch = {
            .data = "a", .len = 1, .fact_count = 1, .reader_min = CULL__READER_VERSION
        };
        struct cull__column column = { 1, NULL, 0 };
        cull_error err = { 0 };
        uint64_t seq = 0;

        OK(append(log, 0, &batch, &err));
        ck_assert_uint_eq(head(other), 1);
        batch.reader_min = CULL__READER_VERSION + 1;
        OK(append(log, 1, &batch, &err));
        ck_assert_int_eq(other->ops->head(other, &seq, &err), CULL_E_TOO_NEW);
        ck_assert_int_eq(err.status, CULL_E_TOO_NEW);
        ck_assert_int_eq(log->ops->head(log, &seq, &err), CULL_E_TOO_NEW);
        (void)log_read_text(other, 0, CULL_E_TOO_NEW);
        batch.reader_min = 1;
        ck_assert_int_eq(append(other, 2, &batch, &err), CULL_E_TOO_NEW);
        ck_assert_int_eq(append(log, 2, &batch, &err), CULL_E_TOO_NEW);
        ck_assert_int_eq(log->ops->cut(log, 1, 0, &err), CULL_E_TOO_NEW);
        ck_assert_int_eq(log->ops->checkpoint_put(log, "blobs", 1, &column, 1, &err),
                         CULL_E_TOO_NEW);
        cull_log_close(other);
        log_place_end(&place);
    }
END_TEST

/* --- documents ---------------------------------------------------------------------------- */

static void document_expect(cull_log *log, uint64_t id, const char *want)
{
    struct cull__buf out = CULL__BUF_INIT(log->allocator);
    cull_error err = { 0 };

    cull__buf_put(&out, ">", 1); /* what is there already stays */
    if (want == NULL) {
        ck_assert_int_eq(cull__log_document(log, id, &out, &err), CULL_E_NOTFOUND);
        ck_assert_uint_eq(out.len, 1);
    } else {
        ck_assert_msg(cull__log_document(log, id, &out, &err) == CULL_OK, "%s", err.message);
        ck_assert_uint_eq(out.len, 1 + strlen(want));
        ck_assert_int_eq(memcmp(out.data + 1, want, strlen(want)), 0);
    }
    cull__buf_release(&out);
}

static void documents_append(cull_log *log, uint64_t seq, const struct cull__document *documents,
                             size_t count)
{
    struct cull__batch batch = {
        .data = "x", .len = 1, .fact_count = 1, .documents = documents, .document_count = count
    };
    cull_error err = { 0 };

    ck_assert_msg(append(log, seq, &batch, &err) == CULL_OK, "%s", err.message);
}

START_TEST(documents_are_put_replaced_and_removed_with_their_batch)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *log = place.log;
        const struct cull__document first[] = {
            { 5, "five", 4, NULL, NULL },          { UINT64_MAX, "last", 4, NULL, NULL },
            { 0, "zero", 4, NULL, NULL },          { 3, "", 0, NULL, NULL },
            { 1ull << 63, "half", 4, NULL, NULL },
        };
        const struct cull__document second[] = {
            { 5, "FIVE!", 5, NULL, NULL }, { 0, NULL, 0, NULL, NULL },
            { 4, NULL, 0, NULL, NULL },    { 6, "six", 3, NULL, NULL },
            { 6, "SIX", 3, NULL, NULL },   { 8, "eight", 5, NULL, NULL },
            { 8, NULL, 0, NULL, NULL },
        };
        struct cull__log_stat stat;

        documents_append(log, 0, first, ARRAY_LEN(first));
        document_expect(log, 5, "five");
        document_expect(log, UINT64_MAX, "last");
        document_expect(log, 1ull << 63, "half");
        document_expect(log, 0, "zero");
        document_expect(log, 3, "");
        document_expect(log, 4, NULL);
        documents_append(log, 1, second, ARRAY_LEN(second));
        document_expect(log, 5, "FIVE!");
        document_expect(log, 0, NULL);
        document_expect(log, 6, "SIX");
        document_expect(log, 8, NULL);
        OK(log->ops->stat(log, &stat, NULL));
        ck_assert_uint_eq(stat.document_count, 5);
        ck_assert_uint_eq(stat.document_bytes, 5 + 4 + 0 + 4 + 3);
        log_place_end(&place);
    }
END_TEST

START_TEST(a_large_document_comes_back_whole_and_one_over_the_limit_is_refused)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *log = place.log;
        size_t len = 5 * MIB + 17;
        uint8_t *data = pattern_new(1, len);
        struct cull__document document = { 1, data, (size_t)CULL__DOCUMENT_BYTES_MAX + 1, NULL,
                                           NULL };
        struct cull__batch batch = {
            .data = "x", .len = 1, .fact_count = 1, .documents = &document, .document_count = 1
        };
        struct cull__buf out = CULL__BUF_INIT(log->allocator);

        ck_assert_int_eq(append(log, 0, &batch, NULL), CULL_E_LIMIT);
        document.len = len;
        OK(append(log, 0, &batch, NULL));
        OK(cull__log_document(log, 1, &out, NULL));
        ck_assert_uint_eq(out.len, len);
        ck_assert_int_eq(memcmp(out.data, data, len), 0);
        cull__buf_release(&out);
        free(data);
        log_place_end(&place);
    }
END_TEST

/* --- checkpoints -------------------------------------------------------------------------- */

START_TEST(a_checkpoint_of_many_columns_comes_back_whole)
    {
        static const size_t lens[] = { 0,
                                       1,
                                       CULL__SEGMENT_BYTES - 1,
                                       CULL__SEGMENT_BYTES,
                                       CULL__SEGMENT_BYTES + 1,
                                       3 * CULL__SEGMENT_BYTES + 5 };
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *log = place.log;
        struct cull__column columns[ARRAY_LEN(lens)];
        struct cull__checkpoint checkpoint;
        uint64_t seq = 0, bytes = 0, want = 0;

        for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
            columns[i] =
                (struct cull__column){ UINT64_MAX - i, pattern_new((uint8_t)i, lens[i]), lens[i] };
            want += lens[i];
        }
        OK(log->ops->checkpoint_put(log, "lifespans", 12, columns, ARRAY_LEN(lens), NULL));
        OK(log->ops->checkpoint_size(log, "lifespans", &seq, &bytes, NULL));
        ck_assert_uint_eq(seq, 12);
        ck_assert_uint_eq(bytes, want);
        OK(log->ops->checkpoint_get(log, "lifespans", 0, &checkpoint, NULL));
        ck_assert_uint_eq(checkpoint.seq, 12);
        ck_assert_uint_eq(checkpoint.count, ARRAY_LEN(lens));
        for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
            ck_assert_uint_eq(checkpoint.columns[i].id, UINT64_MAX - i);
            ck_assert_uint_eq(checkpoint.columns[i].len, lens[i]);
            ck_assert_int_eq(memcmp(checkpoint.columns[i].data, columns[i].data, lens[i]), 0);
            free(columns[i].data);
        }
        cull__checkpoint_release(&checkpoint, log->allocator);
        OK(log->ops->checkpoint_put(log, "empty", 0, NULL, 0, NULL));
        OK(log->ops->checkpoint_get(log, "empty", 0, &checkpoint, NULL));
        ck_assert_uint_eq(checkpoint.count, 0);
        cull__checkpoint_release(&checkpoint, log->allocator);
        log_place_end(&place);
    }
END_TEST

START_TEST(a_cut_leaves_the_newest_two_checkpoints_of_each_room)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *log = place.log;
        struct cull__log_stat stat;

        OK(log_append_text(log, 0, 25, "to the first cut", NULL));
        OK(log_append_text(log, 25, 10, "and on", NULL));
        OK(log_checkpoint_simple(log, "a", 10, 1, 100, NULL));
        log_checkpoint_expect(log, "a", 0, CULL_OK, 10, 1, 100);
        log_checkpoint_expect(log, "a", 1, CULL_E_NOTFOUND, 0, 0, 0);
        OK(log_checkpoint_simple(log, "b", 5, 9, 50, NULL));
        OK(log_checkpoint_simple(log, "a", 20, 2, 200, NULL));
        OK(log_checkpoint_simple(log, "a", 30, 3, 300, NULL));
        OK(log->ops->cut(log, 25, 0, NULL));
        log_checkpoint_expect(log, "a", 0, CULL_OK, 30, 3, 300);
        log_checkpoint_expect(log, "a", 1, CULL_OK, 20, 2, 200);
        log_checkpoint_expect(log, "a", 2, CULL_E_NOTFOUND, 0, 0, 0);
        log_checkpoint_expect(log, "b", 0, CULL_OK, 5, 9, 50);
        log_checkpoint_expect(log, "ab", 0, CULL_E_NOTFOUND, 0, 0, 0);
        OK(log_checkpoint_simple(log, "a", 30, 4, 400, NULL)); /* not newer: not written */
        OK(log_checkpoint_simple(log, "a", 29, 4, 400, NULL));
        log_checkpoint_expect(log, "a", 0, CULL_OK, 30, 3, 300);
        OK(log->ops->stat(log, &stat, NULL));
        ck_assert_uint_eq(stat.checkpoint_bytes, 300 + 200 + 50);
        log_place_end(&place);
    }
END_TEST

/* Who writes several rooms may die between two of them, again and again. */
START_TEST(a_checkpoint_that_the_log_still_reaches_is_kept_whatever_is_written)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *log = place.log;

        OK(log_append_text(log, 0, 10, "to the cut", NULL));
        OK(log_append_text(log, 10, 40, "and on", NULL));
        OK(log_checkpoint_simple(log, "a", 9, 9, 90, NULL));
        OK(log_checkpoint_simple(log, "a", 10, 1, 100, NULL));
        OK(log_checkpoint_simple(log, "a", 20, 2, 200, NULL));
        OK(log->ops->cut(log, 10, 0, NULL));
        for (uint64_t seq = 30; seq <= 50; seq += 10) {
            OK(log_checkpoint_simple(log, "a", seq, 3, 300, NULL));
        }
        log_checkpoint_expect(log, "a", 3, CULL_OK, 20, 2, 200);
        log_checkpoint_expect(log, "a", 4, CULL_OK, 10, 1, 100);
        log_checkpoint_expect(log, "a", 5, CULL_E_NOTFOUND, 0, 0, 0);
        OK(log->ops->cut(log, 50, 0, NULL));
        log_checkpoint_expect(log, "a", 0, CULL_OK, 50, 3, 300);
        log_checkpoint_expect(log, "a", 1, CULL_OK, 40, 3, 300);
        log_checkpoint_expect(log, "a", 2, CULL_E_NOTFOUND, 0, 0, 0);
        log_place_end(&place);
    }
END_TEST

START_TEST(a_damaged_checkpoint_is_corrupt_and_the_older_one_stands)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *log = place.log, *other;

        OK(log_checkpoint_simple(log, "a", 10, 1, 3 * MIB, NULL));
        OK(log_checkpoint_simple(log, "a", 20, 2, 3 * MIB, NULL));
        place.kind->damage(&place, "a", 0);
        log_checkpoint_expect(log, "a", 0, CULL_E_CORRUPT, 0, 0, 0);
        log_checkpoint_expect(log, "a", 1, CULL_OK, 10, 1, 3 * MIB);
        OK(log_checkpoint_simple(log, "a", 30, 3, 3 * MIB, NULL));
        other = log_place_again(&place);
        log_checkpoint_expect(other, "a", 0, CULL_OK, 30, 3, 3 * MIB);
        log_checkpoint_expect(other, "a", 1, CULL_E_CORRUPT, 0, 0, 0);
        cull_log_close(other);
        log_place_end(&place);
    }
END_TEST

/* --- cut, audit --------------------------------------------------------------------------- */

START_TEST(a_cut_moves_whole_batches_to_the_audit)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *log = place.log;

        OK(log_append_text(log, 0, 2, "ab", NULL));
        OK(log_append_text(log, 2, 2, "cd", NULL));
        OK(log_append_text(log, 4, 1, "e", NULL));
        OK(log->ops->cut(log, 1, 0, NULL)); /* inside the first batch: nothing */
        ck_assert_str_eq(log_read_text(log, 0, CULL_OK), "ab|cd|e");
        OK(log->ops->cut(log, 3, 0, NULL)); /* inside the second: the first */
        (void)log_read_text(log, 0, CULL_E_MOVED);
        (void)log_read_text(log, 1, CULL_E_MOVED);
        ck_assert_str_eq(log_read_text(log, 2, CULL_OK), "cd|e");
        ck_assert_str_eq(audit_text(log, CULL_OK), "ab");
        OK(log->ops->cut(log, 1, 0, NULL)); /* before the cut: nothing */
        OK(log->ops->cut(log, UINT64_MAX, 0, NULL));
        ck_assert_str_eq(audit_text(log, CULL_OK), "ab|cd|e");
        (void)log_read_text(log, 4, CULL_E_MOVED);
        ck_assert_str_eq(log_read_text(log, 5, CULL_OK), "");
        ck_assert_uint_eq(head(log), 5);
        OK(log_append_text(log, 5, 1, "f", NULL));
        ck_assert_str_eq(log_read_text(log, 5, CULL_OK), "f");
        log_place_end(&place);
    }
END_TEST

START_TEST(the_audit_drops_what_is_older_than_asked_and_not_what_is_as_old)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *log = place.log;

        for (uint64_t seq = 0; seq < 3; seq++) { /* instants 1000, 1001, 1002 */
            OK(log_append_text(log, seq, 1, (const char *[]){ "a", "b", "c" }[seq], NULL));
            OK(log->ops->cut(log, seq + 1, 1000, NULL));
        }
        ck_assert_str_eq(audit_text(log, CULL_OK), "a|b|c");
        OK(log->ops->cut(log, 0, 1001, NULL));
        ck_assert_str_eq(audit_text(log, CULL_OK), "b|c");
        OK(log->ops->cut(log, 0, UINT64_MAX, NULL));
        ck_assert_str_eq(audit_text(log, CULL_OK), "");
        OK(log_append_text(log, 3, 1, "d", NULL));
        OK(log->ops->cut(log, 4, 0, NULL));
        ck_assert_str_eq(audit_text(log, CULL_OK), "d");
        log_place_end(&place);
    }
END_TEST

START_TEST(an_audit_of_many_rows_comes_back_in_order)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *log = place.log;
        struct log_reading reading = { .bytes = CULL__BUF_INIT(log->allocator) };
        uint8_t *data = pattern_new(5, 400 * 1024);
        struct cull__batch batch = { .data = data, .len = 400 * 1024, .fact_count = 3 };
        cull_error err = { 0 };

        for (uint64_t i = 0; i < 12; i++) {
            OK(append(log, 3 * i, &batch, &err));
        }
        OK(log->ops->cut(log, 30, 0, &err));
        OK(log->ops->audit_read(log, log_reading_visit, &reading, &err));
        ck_assert_uint_eq(reading.batch_count, 10);
        ck_assert_uint_eq(reading.first_seq, 1);
        ck_assert_uint_eq(reading.last_seq, 30);
        ck_assert_uint_eq(reading.bytes.len, 10 * batch.len + 9);
        ck_assert_int_eq(memcmp(reading.bytes.data + 9 * (batch.len + 1), data, batch.len), 0);
        cull__buf_release(&reading.bytes);
        free(data);
        log_place_end(&place);
    }
END_TEST

/* --- several handles ---------------------------------------------------------------------- */

START_TEST(two_handles_see_each_other_at_once)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *one = place.log, *two = log_place_again(&place);
        struct cull__document document = { 1, "doc", 3, NULL, NULL };

        OK(log_append_text(one, 0, 1, "a", NULL));
        ck_assert_uint_eq(head(two), 1);
        ck_assert_int_eq(log_append_text(two, 0, 1, "x", NULL), CULL_E_MOVED);
        OK(log_append_text(two, 1, 2, "bc", NULL));
        ck_assert_uint_eq(head(one), 3);
        ck_assert_str_eq(log_read_text(one, 1, CULL_OK), "bc");
        documents_append(one, 3, &document, 1);
        document_expect(two, 1, "doc");
        OK(log_checkpoint_simple(two, "a", 4, 1, 10, NULL));
        log_checkpoint_expect(one, "a", 0, CULL_OK, 4, 1, 10);
        OK(log_checkpoint_simple(one, "a", 3, 2, 10, NULL)); /* an older one of a slower process */
        log_checkpoint_expect(two, "a", 0, CULL_OK, 4, 1, 10);
        OK(two->ops->cut(two, 3, 0, NULL));
        (void)log_read_text(one, 1, CULL_E_MOVED);
        cull_log_close(one);
        place.log = two;
        OK(log_append_text(two, 4, 1, "d", NULL));
        log_place_end(&place);
    }
END_TEST

START_TEST(one_handle_at_a_time_is_leader)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        cull_log *one = place.log, *two = log_place_again(&place);
        cull_error err = { 0 };

        ck_assert_int_eq(one->ops->leader(one, CULL__LEADER_CHECK, &err), CULL_E_BUSY);
        OK(one->ops->leader(one, CULL__LEADER_ACQUIRE, &err));
        OK(one->ops->leader(one, CULL__LEADER_ACQUIRE, &err)); /* has it already */
        OK(one->ops->leader(one, CULL__LEADER_CHECK, &err));
        ck_assert_int_eq(two->ops->leader(two, CULL__LEADER_ACQUIRE, &err), CULL_E_BUSY);
        ck_assert_int_eq(err.status, CULL_E_BUSY);
        ck_assert_int_eq(two->ops->leader(two, CULL__LEADER_CHECK, &err), CULL_E_BUSY);
        OK(two->ops->leader(two, CULL__LEADER_RELEASE, &err)); /* not its own: nothing */
        OK(one->ops->leader(one, CULL__LEADER_CHECK, &err));
        OK(two->ops->maintain_lock(two, true, &err)); /* another lock */
        ck_assert_int_eq(one->ops->maintain_lock(one, true, &err), CULL_E_BUSY);
        OK(two->ops->maintain_lock(two, false, &err));
        OK(one->ops->maintain_lock(one, true, &err));
        OK(one->ops->leader(one, CULL__LEADER_RELEASE, &err));
        ck_assert_int_eq(one->ops->leader(one, CULL__LEADER_CHECK, &err), CULL_E_BUSY);
        OK(two->ops->leader(two, CULL__LEADER_ACQUIRE, &err));
        cull_log_close(two); /* closing releases */
        OK(one->ops->leader(one, CULL__LEADER_ACQUIRE, &err));
        log_place_end(&place);
    }
END_TEST

#define THREADS 4
#define APPENDS_EACH 50

static void *append_many(void *ctx)
{
    for (int i = 0; i < APPENDS_EACH; i++) {
        (void)log_append_turns(ctx, 1, "t");
    }
    return NULL;
}

START_TEST(several_threads_append_through_one_handle)
    {
        struct log_place place = log_place_new(log_kinds[_i]);
        struct log_reading reading = { .bytes = CULL__BUF_INIT(place.allocator) };
        pthread_t threads[THREADS];

        for (size_t i = 0; i < THREADS; i++) {
            ck_assert_int_eq(pthread_create(&threads[i], NULL, append_many, place.log), 0);
        }
        for (size_t i = 0; i < THREADS; i++) {
            ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        }
        ck_assert_uint_eq(head(place.log), THREADS * APPENDS_EACH);
        OK(place.log->ops->read(place.log, 0, log_reading_visit, &reading, NULL));
        ck_assert_uint_eq(reading.batch_count, THREADS * APPENDS_EACH);
        cull__buf_release(&reading.bytes);
        log_place_end(&place);
    }
END_TEST

/* --- memory that runs out ----------------------------------------------------------------- */

/* Everything once. Each call that fails says CULL_E_NOMEM and leaves the log as it was. */
static cull_status script(cull_log *log, uint64_t *seq, const cull_allocator *allocator,
                          cull_error *err)
{
    const struct cull__document documents[] = { { 1, "one", 3, NULL, NULL },
                                                { 2, "two", 3, NULL, NULL },
                                                { 1, NULL, 0, NULL, NULL } };
    struct cull__batch batch = { .data = "abc",
                                 .len = 3,
                                 .fact_count = 2,
                                 .documents = documents,
                                 .document_count = ARRAY_LEN(documents) };
    struct cull__column columns[2] = { { 1, (uint8_t[]){ 1, 2, 3 }, 3 }, { 2, NULL, 0 } };
    struct cull__checkpoint checkpoint = { 0 };
    struct cull__buf out = CULL__BUF_INIT(allocator);
    struct log_reading reading = { .bytes = CULL__BUF_INIT(cull_allocator_default()) };
    cull_status status = log->ops->append(log, 0, &batch, seq, err);

    if (status == CULL_OK) {
        status = cull__log_document(log, 2, &out, err);
    }
    if (status == CULL_OK) {
        status = log->ops->checkpoint_put(log, "a", 2, columns, 2, err);
    }
    if (status == CULL_OK) {
        status = log->ops->checkpoint_get(log, "a", 0, &checkpoint, err);
    }
    if (status == CULL_OK) {
        status = log->ops->cut(log, 2, 0, err);
    }
    if (status == CULL_OK) {
        status = log->ops->audit_read(log, log_reading_visit, &reading, err);
    }
    cull__buf_release(&reading.bytes);
    cull__buf_release(&out);
    cull__checkpoint_release(&checkpoint, allocator);
    return status;
}

START_TEST(any_allocation_may_fail_and_nothing_changes_or_leaks)
    {
        cull_status status = CULL_E_NOMEM;

        for (uint64_t n = 1; status != CULL_OK; n++) {
            struct log_place place = { .kind = log_kinds[_i] };
            struct failing_allocator failing;
            const char *folder = scratch_dir();
            uint64_t seq = 0;
            cull_error err = { 0 };

            ck_assert_uint_lt(n, 1000);
            failing_allocator_init(&failing, n);
            place.allocator = &failing.allocator;
            (void)snprintf(place.path, sizeof place.path, "%s/cull.db", folder);
            (void)snprintf(place.lock_path, sizeof place.lock_path, "%s/cull.lock", folder);
            status = place.kind->start(&place, &err);
            if (status == CULL_OK) {
                status = script(place.log, &seq, &failing.allocator, &err);
                if (status != CULL_OK) {
                    ck_assert_int_eq(err.status, CULL_E_NOMEM);
                }
                ck_assert_uint_eq(head(place.log), seq);
                log_place_end(&place);
            }
            ck_assert_int_eq(status, status == CULL_OK ? CULL_OK : CULL_E_NOMEM);
            ck_assert_int_eq(failing.live, 0);
            remove_tree(folder);
        }
    }
END_TEST

TCase *log_conformance_case(const struct log_kind *const *kinds, int count)
{
    TCase *tc = tcase_create("conformance");

    log_kinds = kinds;
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, a_new_log_is_empty, 0, count);
    tcase_add_loop_test(tc, batches_come_back_in_order_from_the_end_of_any_batch, 0, count);
    tcase_add_loop_test(tc, a_batch_keeps_its_instant_and_its_bytes_up_to_the_limit_and_none_beyond,
                        0, count);
    tcase_add_loop_test(tc, appending_anywhere_but_at_the_end_is_moved_and_changes_nothing, 0,
                        count);
    tcase_add_loop_test(tc, reading_from_inside_a_batch_or_past_the_end_is_corrupt, 0, count);
    tcase_add_loop_test(tc, a_visitor_that_refuses_ends_the_walk_with_its_own_status, 0, count);
    tcase_add_loop_test(tc, tail_bytes_and_figures_follow_appends_and_cuts, 0, count);
    tcase_add_loop_test(tc, a_newer_reader_min_stops_this_program_on_every_handle, 0, count);
    tcase_add_loop_test(tc, documents_are_put_replaced_and_removed_with_their_batch, 0, count);
    tcase_add_loop_test(tc, a_large_document_comes_back_whole_and_one_over_the_limit_is_refused, 0,
                        count);
    tcase_add_loop_test(tc, a_checkpoint_of_many_columns_comes_back_whole, 0, count);
    tcase_add_loop_test(tc, a_cut_leaves_the_newest_two_checkpoints_of_each_room, 0, count);
    tcase_add_loop_test(tc, a_checkpoint_that_the_log_still_reaches_is_kept_whatever_is_written, 0,
                        count);
    tcase_add_loop_test(tc, a_damaged_checkpoint_is_corrupt_and_the_older_one_stands, 0, count);
    tcase_add_loop_test(tc, a_cut_moves_whole_batches_to_the_audit, 0, count);
    tcase_add_loop_test(tc, the_audit_drops_what_is_older_than_asked_and_not_what_is_as_old, 0,
                        count);
    tcase_add_loop_test(tc, an_audit_of_many_rows_comes_back_in_order, 0, count);
    tcase_add_loop_test(tc, two_handles_see_each_other_at_once, 0, count);
    tcase_add_loop_test(tc, one_handle_at_a_time_is_leader, 0, count);
    tcase_add_loop_test(tc, several_threads_append_through_one_handle, 0, count);
    tcase_add_loop_test(tc, any_allocation_may_fail_and_nothing_changes_or_leaks, 0, count);
    return tc;
}
