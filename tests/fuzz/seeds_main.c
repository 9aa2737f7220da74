/*
 * seeds_main.c - writes the inputs of the fuzz targets that only the code itself can make: requests
 * of random histories, the facts that they leave, the rooms that these make, and bytes to draw
 * histories from; and words that select versions. The same each time, as long as formats and histories are the same.
 *
 * usage: make-seeds fixtures/corpus
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/segments.h"
#include "sim/history.h"
#include "state_check.h"

#define SEEDS 6
#define STEPS 24
#define HISTORY_BYTES 256

static const char *root;

static void must(bool fact, const char *what)
{
    if (!fact) {
        fprintf(stderr, "make-seeds: %s\n", what);
        exit(1);
    }
}

/* root/target/name, the letter (0: none) and what is in buf; buf is then empty. */
static void write_seed(const char *target, const char *name, uint64_t seed, char letter,
                       struct cull__buf *buf)
{
    char path[512];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s/%s-%" PRIu64, root, target, name, seed);
    file = fopen(path, "wb");
    must(file != NULL && !buf->failed, path);
    must(letter == '\0' || fputc(letter, file) == letter, path);
    must(fwrite(buf->data, 1, buf->len, file) == buf->len, path);
    must(fclose(file) == 0, path);
    cull__buf_clear(buf);
}

/* Frames as facts or requests in a fuzz target's input: without the checksum. */
static cull_status put_frames(void *ctx, uint64_t first_seq, uint32_t fact_count, uint64_t now_ms,
                              const void *data, size_t len, cull_error *err)
{
    struct cull__cursor in = cull__cursor(data, len);
    struct cull__buf *out = ctx;

    (void)first_seq;
    (void)fact_count;
    (void)now_ms;
    while (cull__cursor_left(&in) > 0) {
        struct cull__frame frame;

        must(cull__frame_next(&in, &frame, err) == CULL_OK, "a frame");
        if (frame.type < CULL__REQUEST_TYPE_FIRST) {
            cull__buf_u8(out, (uint8_t)frame.type);
        } else {
            cull__buf_u16(out, frame.type);
        }
        cull__buf_u16(out, (uint16_t)frame.len);
        cull__buf_put(out, frame.payload, frame.len);
    }
    return CULL_OK;
}

struct run {
    struct cull__session session;
    uint64_t now_ms;
    uint64_t uploads[CULL__REQUEST_SLOTS];
};

/* Do all requests in one process, whatever comes of them. */
static void run_trace(struct run *run, const struct cull__buf *trace,
                      const cull_store_settings *settings)
{
    cull_objects_memory_options memory = { .digest = settings->digest,
                                           .late = settings->late_deletes };
    struct cull__cursor in = cull__cursor(trace->data, trace->len);
    struct cull__answer answer;
    cull_error err;

    *run = (struct run){ .now_ms = 1000 };
    run->session = (struct cull__session){ .allocator = cull_allocator_default(),
                                           .actor = "seed",
                                           .now_ms = &run->now_ms,
                                           .uploads = run->uploads };
    memory.versioning =
        memory.late == CULL_LATE_VERSION_IDS ? CULL_VERSIONING_ENABLED : CULL_VERSIONING_NONE;
    must(cull_log_memory_new(&run->session.log, NULL) == CULL_OK, "a log");
    must(cull_objects_memory_new(&run->session.objects, &memory, &err) == CULL_OK, "objects");
    cull__answer_init(&answer, cull_allocator_default());
    while (cull__cursor_left(&in) > 0) {
        struct cull__request request;
        struct cull__frame frame;

        must(cull__frame_next(&in, &frame, &err) == CULL_OK, "a frame");
        must(cull__request_decode(&request, &frame, cull_allocator_default(), &err) == CULL_OK,
             "a request");
        (void)cull__request_run(&run->session, &request, &answer);
        cull__request_release(&request);
    }
    cull__answer_release(&answer);
}

/* The byte that the target checkpoint reads settings from. */
static uint8_t settings_byte(const cull_store_settings *settings)
{
    uint8_t kind = settings->digest == CULL_DIGEST_SHA256 ? 0
                   : settings->digest == CULL_DIGEST_MD5  ? 1
                   : settings->digest == CULL_DIGEST_SHA1 ? 2
                                                          : 3;

    return (uint8_t)(kind + (settings->late_deletes == CULL_LATE_INCARNATION ? 4 : 0));
}

static void write_rooms(struct run *run, uint64_t seed, struct cull__buf *buf)
{
    static const char letters[] = "BLN";
    const cull_store_options options = { .log = run->session.log };
    struct cull__buf index = CULL__BUF_INIT(cull_allocator_default());
    cull_store *store = NULL;
    cull_error err = { CULL_OK, "" };

    must(cull_store_open(&store, &options, &err) == CULL_OK, err.message);
    must(cull__store_enter(store, CULL__NEED_INDEX, &err) == CULL_OK, err.message);
    must(cull__catalog_save(store->catalog, buf) == CULL_OK, "no memory");
    write_seed("checkpoint", "catalog", seed, 'C', buf);
    cull__buf_u8(&index, settings_byte(&store->settings));
    for (unsigned room = 0; room < 3; room++) {
        struct cull__room_save save;

        must(cull__index_save(store->index, room, &save) == CULL_OK, "no memory");
        for (size_t i = 0; i < save.count; i++) {
            cull__buf_u8(&index, (uint8_t)room);
            cull__buf_u8(&index, (uint8_t)save.columns[i].id);
            cull__buf_u16(&index, (uint16_t)save.columns[i].len);
            cull__buf_put(&index, save.columns[i].data, save.columns[i].len);
        }
        must(cull__listing_encode(buf, "blobs", 9, save.columns, save.count, &err) == CULL_OK,
             "no memory");
        buf->len -= 8; /* the checksum */
        write_seed("checkpoint", "listing", 10 * seed + room, 'S', buf);
        if (room == 0) {
            cull__buf_u8(buf, settings_byte(&store->settings));
        }
        if (room == 1 && store->index->span_count > 0) {
            must(cull__lifespans_save(store->index->spans[0].spans, buf) == CULL_OK, "no memory");
        } else if (save.count > 0) {
            cull__buf_put(buf, save.columns[0].data, save.columns[0].len);
        }
        write_seed("checkpoint", cull__index_rooms[room], seed, letters[room], buf);
        cull__room_save_release(&save);
    }
    write_seed("checkpoint", "index", seed, 'I', &index);
    cull__buf_release(&index);
    cull__store_leave(store);
    cull_store_close(store);
}

/* What selects versions, a word a line: options with values that come to something in the store of
 * fuzz_selection.c. */
static const char *const selecting[] = {
    "--entity=lab",
    "--project\none",
    "--collection=mnist",
    "--run=r1",
    "--run\nr2",
    "--name=cifar-*",
    "--name\n[!m]*",
    "--alias\nlatest",
    "--alias=prod-1",
    "--no-alias",
    "--type=model",
    "--tag\nold",
    "--no-run",
    "--older-than=8h",
    "--older-than\n0",
    "--older-than\n1h30m",
    "--keep-last\n1",
    "--keep-last=3",
    "--keep-every=2",
    "--keep-every\n3",
    "--keep-alias\nlatest",
    "--keep-alias=prod-?",
};
#define SELECTING (sizeof selecting / sizeof selecting[0])

static void write_selections(struct cull__buf *buf)
{
    struct draw draw = { .state = 1 };

    for (uint64_t seed = 1; seed <= SELECTING; seed++) { /* each alone, and two or three together */
        size_t count = 1 + (size_t)draw_number(&draw, 2);

        cull__buf_put(buf, selecting[seed - 1], strlen(selecting[seed - 1]));
        write_seed("selection", "one", seed, '\0', buf);
        cull__buf_put(buf, selecting[seed - 1], strlen(selecting[seed - 1]));
        for (size_t i = 0; i < count; i++) {
            const char *more = selecting[draw_number(&draw, SELECTING)];

            cull__buf_u8(buf, '\n');
            cull__buf_put(buf, more, strlen(more));
        }
        write_seed("selection", "several", seed, '\0', buf);
    }
}

int main(int argc, char **argv)
{
    struct cull__buf trace = CULL__BUF_INIT(cull_allocator_default());
    struct cull__buf buf = CULL__BUF_INIT(cull_allocator_default());
    cull_error err = { CULL_OK, "" };

    must(argc == 2, "usage: make-seeds fixtures/corpus");
    root = argv[1];
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct history history;
        struct history_result result;
        struct draw draw;
        struct run run;

        history_init(&history);
        history_draw(&history, seed, STEPS, &result);
        must(result.broken[0] == '\0', result.broken);
        history_write(&history, &trace);
        (void)put_frames(&buf, 0, 0, 0, trace.data, trace.len, &err);
        write_seed("requests", "history", seed, '\0', &buf);
        run_trace(&run, &trace, &history.settings);
        cull__buf_u8(&buf, (uint8_t)seed);
        must(run.session.log->ops->read(run.session.log, 0, put_frames, &buf, &err) == CULL_OK,
             err.message);
        write_seed("facts", "history", seed, '\0', &buf);
        write_rooms(&run, seed, &buf);
        cull__session_release(&run.session);
        cull_log_close(run.session.log);
        cull_objects_close(run.session.objects);
        history_release(&history);
        draw = (struct draw){ .state = seed };
        for (size_t i = 0; i < HISTORY_BYTES; i++) {
            cull__buf_u8(&buf, (uint8_t)draw_number(&draw, 256));
        }
        write_seed("history", "random", seed, '\0', &buf);
        cull__buf_clear(&trace);
    }
    write_selections(&buf);
    cull__buf_release(&trace);
    cull__buf_release(&buf);
    return 0;
}
