/*
 * history.c - doing histories.
 *
 * SHAPE     A play is a world, an oracle beside it, and the step it is at. Each request is done,
 *           judged, and then everything is compared. When the requests are over the clock moves past
 *           every lease and grace, and cycles must leave nothing that nobody holds.
 * INVARIANT A history is a function of its bytes: drawn or read, whole or shrunk, it does the same.
 */
#include "history.h"

#include <inttypes.h>
#include <stdlib.h>

#include "store/store_internal.h"

#define THOROUGH_EVERY 16
#define SHRINK_RUNS_MAX 3000

struct play {
    struct world world;
    struct oracle oracle;
    struct cull__answer answer;
    struct cull__answer racer_answer;
    const struct cull__request *main;  /* at work */
    const struct cull__request *racer; /* that may slip in; NULL */
    bool raced;
    size_t step;
    size_t thorough_every; /* steps */
};

/* --- the list ------------------------------------------------------------------------------- */

void history_init(struct history *history)
{
    const struct cull__buf empty = CULL__BUF_INIT(cull_allocator_default());

    memset(history, 0, sizeof *history);
    history->bytes = history->offsets = empty;
}

void history_release(struct history *history)
{
    cull__buf_release(&history->bytes);
    cull__buf_release(&history->offsets);
}

size_t history_count(const struct history *history)
{
    return history->offsets.len / sizeof(size_t);
}

void history_add(struct history *history, const struct cull__request *request)
{
    size_t offset = history->bytes.len;

    cull__request_encode(&history->bytes, request);
    cull__buf_put(&history->offsets, &offset, sizeof offset);
    if (history->bytes.failed || history->offsets.failed) {
        abort();
    }
}

static void request_at(const struct history *history, size_t i, struct cull__request *out)
{
    const size_t *offsets = (const size_t *)(const void *)history->offsets.data;
    struct cull__cursor cursor =
        cull__cursor(history->bytes.data + offsets[i], history->bytes.len - offsets[i]);
    struct cull__frame frame;
    cull_error err;

    if (cull__frame_next(&cursor, &frame, &err) != CULL_OK ||
        cull__request_decode(out, &frame, cull_allocator_default(), &err) != CULL_OK) {
        fprintf(stderr, "cull-sim: request %zu: %s\n", i, err.message);
        abort();
    }
}

/* --- one play ------------------------------------------------------------------------------- */

static void play_begin(struct play *play, const cull_store_settings *settings,
                       size_t thorough_every)
{
    struct cull__request request = CULL__REQUEST_INIT;
    bool fired;
    cull_error err = { CULL_OK, "" };

    memset(play, 0, sizeof *play);
    play->thorough_every = thorough_every;
    cull__answer_init(&play->answer, cull_allocator_default());
    cull__answer_init(&play->racer_answer, cull_allocator_default());
    if (world_init(&play->world, settings, &err) != CULL_OK) {
        fprintf(stderr, "cull-sim: %s\n", err.message);
        abort();
    }
    oracle_init(&play->oracle, &play->world, settings);
    request.op = CULL__REQUEST_CREATE;
    request.settings = *settings;
    (void)world_run(&play->world, &request, &play->answer, &fired, NULL, NULL);
    oracle_step(&play->oracle, &request, &play->answer, false);
    request.op = CULL__REQUEST_REOPEN;
    request.process = 1;
    (void)world_run(&play->world, &request, &play->answer, &fired, NULL, NULL);
    oracle_step(&play->oracle, &request, &play->answer, false);
}

static void play_end(struct play *play)
{
    cull__answer_release(&play->answer);
    cull__answer_release(&play->racer_answer);
    oracle_release(&play->oracle);
    world_release(&play->world);
}

/* What a process meets that has not looked at the log for a while. */
static void note_lag(struct play *play, const struct cull__request *request)
{
    const cull_store *store = play->world.sessions[request->process].store;
    cull_log *log = play->world.log;
    struct cull__log_stat stat;
    uint64_t seq = 0;
    uint64_t bytes = 0;

    if (store == NULL || log->ops->stat(log, &stat, NULL) != CULL_OK) {
        return;
    }
    play->oracle.reached[REACHED_LAGGED] += store->catalog_seq < stat.seq;
    play->oracle.reached[REACHED_CUT_OFF] += store->catalog_seq < stat.cut_seq;
    if (request->op == CULL__REQUEST_REOPEN &&
        log->ops->checkpoint_size(log, "catalog", &seq, &bytes, NULL) == CULL_OK) {
        play->oracle.reached[bytes > 0 ? REACHED_FROM_CHECKPOINT : REACHED_FROM_LOG]++;
    }
}

/* The other process goes ahead: its request comes first. */
static void play_race(void *ctx)
{
    struct play *play = ctx;
    bool fired = false;

    play->raced = true;
    play->oracle.reached[REACHED_RACES]++;
    if (play->main->op == CULL__REQUEST_EXECUTE) {
        oracle_claims(&play->oracle, play->main);
    }
    (void)world_run(&play->world, play->racer, &play->racer_answer, &fired, NULL, NULL);
    oracle_step(&play->oracle, play->racer, &play->racer_answer, fired);
}

static void play_one(struct play *play, const struct cull__request *request,
                     const struct cull__request *racer)
{
    uint64_t salt = play->step * 7 + play->oracle.blob_count;
    bool fired = false;

    note_lag(play, request);
    play->main = request;
    play->racer = racer;
    play->raced = false;
    (void)world_run(&play->world, request, &play->answer, &fired, racer == NULL ? NULL : play_race,
                    play);
    oracle_step(&play->oracle, request, &play->answer, fired);
    play->step++;
    oracle_compare(&play->oracle, &play->world.sessions[request->process],
                   play->step % play->thorough_every == 0, salt);
}

/* A request, and the one after it if that slips in. Returns how many were done. */
static size_t play_step(struct play *play, const struct cull__request *request,
                        const struct cull__request *next)
{
    bool may = next != NULL && draw_may_race(request, next);

    play_one(play, request, may ? next : NULL);
    play->step += play->raced;
    return play->raced ? 2 : 1;
}

/* With no writer, repeated cycles free every blob that nothing holds, and nothing else. */
static void play_settle(struct play *play)
{
    static const struct {
        enum cull__request_op op;
        unsigned flags;
        uint64_t ms;
    } steps[] = {
        { CULL__REQUEST_CLOCK, 0, UINT64_C(40) * 24 * 3600 * 1000 },
        { CULL__REQUEST_COLLECT, CULL__REQUEST_EMPTY_STORE, 0 },
        { CULL__REQUEST_CLOCK, 0, 10000 },
        { CULL__REQUEST_COLLECT, CULL__REQUEST_EMPTY_STORE, 0 },
        { CULL__REQUEST_FSCK, CULL__REQUEST_REPAIR, 0 },
        { CULL__REQUEST_COLLECT, CULL__REQUEST_EMPTY_STORE, 0 },
        { CULL__REQUEST_FSCK, CULL__REQUEST_READ_DATA, 0 },
    };
    struct oracle *oracle = &play->oracle;

    for (size_t i = 0; i < ARRAY_LEN(steps) && oracle->broken[0] == '\0'; i++) {
        struct cull__request request = CULL__REQUEST_INIT;

        request.op = steps[i].op;
        request.flags = steps[i].flags;
        request.ms = steps[i].ms;
        play_one(play, &request, NULL);
    }
    oracle_compare(oracle, &play->world.sessions[0], true, play->step);
    oracle_compare(oracle, &play->world.sessions[1], true, play->step + 1);
    for (size_t i = 0; i < oracle->blob_count; i++) {
        if (oracle_count(oracle, &oracle->blobs[i].digest) == 0) {
            oracle_break(oracle, "settled: blob %c is still there, and nothing holds it",
                         world_letter_of(&play->world, &oracle->blobs[i].digest));
        }
    }
    for (size_t i = 0; i < oracle->object_count; i++) {
        if (oracle->objects[i].versions > 0 &&
            oracle_count(oracle, &oracle->objects[i].digest) == 0) {
            oracle_break(oracle, "settled: object %c is still there, and nothing holds it",
                         world_letter_of(&play->world, &oracle->objects[i].digest));
        }
    }
}

/* The rooms as they would be written down: equal states have equal digests. */
static void digest_state(struct play *play, cull_digest *out)
{
    struct cull__buf bytes = CULL__BUF_INIT(cull_allocator_default());
    cull_store *store = play->world.sessions[0].store;
    cull_error err = { CULL_OK, "" };

    memset(out, 0, sizeof *out);
    if (store == NULL || cull__store_enter(store, CULL__NEED_INDEX, &err) != CULL_OK) {
        return;
    }
    if (cull__catalog_save(store->catalog, &bytes) != CULL_OK) {
        abort();
    }
    for (unsigned room = 0; room < 3; room++) {
        struct cull__room_save save;

        if (cull__index_save(store->index, room, &save) != CULL_OK) {
            abort();
        }
        for (size_t i = 0; i < save.count; i++) {
            cull__buf_put(&bytes, save.columns[i].data, save.columns[i].len);
        }
        cull__room_save_release(&save);
    }
    cull__store_leave(store);
    if (cull_digest_of(out, CULL_DIGEST_MD5, bytes.data, bytes.len) != CULL_OK) {
        abort();
    }
    cull__buf_release(&bytes);
}

static void play_result(struct play *play, struct history_result *out)
{
    size_t steps = play->step;

    if (play->oracle.broken[0] == '\0') {
        digest_state(play, &out->state);
        play_settle(play);
    }
    memcpy(out->broken, play->oracle.broken, sizeof out->broken);
    memcpy(out->reached, play->oracle.reached, sizeof out->reached);
    out->steps = steps;
    out->step = play->step;
}

static void run_history(const struct history *history, size_t thorough_every,
                        struct history_result *out)
{
    struct play *play = malloc(sizeof *play);
    size_t count = history_count(history);

    if (play == NULL) {
        abort();
    }
    memset(out, 0, sizeof *out);
    play_begin(play, &history->settings, thorough_every);
    for (size_t i = 0; i < WORLD_PROCESSES; i++) {
        play->world.sessions[i].threads = history->threads;
    }
    for (size_t i = 0; i < count && play->oracle.broken[0] == '\0';) {
        struct cull__request request;
        struct cull__request next = CULL__REQUEST_INIT;

        request_at(history, i, &request);
        if (i + 1 < count) {
            request_at(history, i + 1, &next);
        }
        i += play_step(play, &request, i + 1 < count ? &next : NULL);
        cull__request_release(&request);
        cull__request_release(&next);
    }
    play_result(play, out);
    play_end(play);
    free(play);
}

void history_run(const struct history *history, struct history_result *out)
{
    run_history(history, THOROUGH_EVERY, out);
}

/* Draw a request into the history and decode it from there: what is done is what is written. */
static void draw_into(struct history *history, const struct draft *draft, struct cull__request *out)
{
    history_add(history, &draft->request);
    request_at(history, history_count(history) - 1, out);
}

static void draw_steps(struct history *history, struct draw *draw, size_t steps,
                       struct history_result *out)
{
    struct play *play = malloc(sizeof *play);

    if (play == NULL) {
        abort();
    }
    memset(out, 0, sizeof *out);
    play_begin(play, &history->settings, THOROUGH_EVERY);
    while (play->step < steps && play->oracle.broken[0] == '\0' &&
           (draw->bytes == NULL || draw->bytes_left > 0)) {
        struct draft draft;
        struct cull__request request;
        struct cull__request next = CULL__REQUEST_INIT;
        bool races;

        draw_next(draw, &play->oracle, &draft);
        draw_into(history, &draft, &request);
        races = request.fault == CULL__FAULT_RACE;
        if (races) {
            draw_racer(draw, &play->oracle, &request, &draft);
            draw_into(history, &draft, &next);
        }
        if (play_step(play, &request, races ? &next : NULL) == 1 && races &&
            play->oracle.broken[0] == '\0') {
            play_one(play, &next, NULL);
        }
        cull__request_release(&request);
        cull__request_release(&next);
    }
    play_result(play, out);
    play_end(play);
    free(play);
}

void history_draw(struct history *history, uint64_t seed, size_t steps_max,
                  struct history_result *out)
{
    struct draw draw;

    draw_init(&draw, seed, &history->settings);
    draw_steps(history, &draw, 1 + draw_number(&draw, steps_max), out);
}

void history_draw_bytes(struct history *history, const uint8_t *bytes, size_t len, size_t steps_max,
                        struct history_result *out)
{
    struct draw draw;

    draw_init_bytes(&draw, bytes, len, &history->settings);
    draw_steps(history, &draw, steps_max, out);
}

/* --- making it smaller ------------------------------------------------------------------------ */

static void copy_without(const struct history *history, size_t from, size_t count,
                         struct history *out)
{
    history_init(out);
    out->settings = history->settings;
    for (size_t i = 0; i < history_count(history); i++) {
        struct cull__request request;

        if (i < from || i >= from + count) {
            request_at(history, i, &request);
            history_add(out, &request);
            cull__request_release(&request);
        }
    }
}

void history_shrink(struct history *history, struct history_result *out)
{
    size_t chunk = history_count(history) / 2;
    unsigned runs = 0;

    for (chunk = chunk == 0 ? 1 : chunk; chunk > 0; chunk /= 2) {
        size_t from = 0;

        while (from < history_count(history) && runs++ < SHRINK_RUNS_MAX) {
            struct history shorter;
            struct history_result result;

            copy_without(history, from, chunk, &shorter);
            run_history(&shorter, 1, &result); /* found as soon as it can be seen */
            if (result.broken[0] != '\0') {
                history_release(history);
                *history = shorter;
            } else {
                history_release(&shorter);
                from += chunk;
            }
        }
    }
    run_history(history, 1, out);
}

/* --- traces --------------------------------------------------------------------------------- */

void history_write(const struct history *history, struct cull__buf *out)
{
    struct cull__request create = CULL__REQUEST_INIT;

    create.op = CULL__REQUEST_CREATE;
    create.settings = history->settings;
    cull__request_encode(out, &create);
    cull__buf_put(out, history->bytes.data, history->bytes.len);
}

/* Is a request one that the oracle can follow? The library takes others, too. */
static bool is_judged(const struct cull__request *request)
{
    static const bool names_one[CULL__REQUEST_OPS] = {
        [CULL__REQUEST_ALIAS_SET] = true,
        [CULL__REQUEST_ALIAS_REMOVE] = true,
        [CULL__REQUEST_TAG] = true,
    };

    if (request->process >= WORLD_PROCESSES || request->op == CULL__REQUEST_CREATE ||
        request->version_count > DRAFT_VERSIONS_MAX ||
        (names_one[request->op] && request->version_count != 1) ||
        request->blob_count > WORLD_LETTERS_MAX || request->content_count > WORLD_LETTERS_MAX ||
        request->entry_count > ORACLE_ENTRIES_MAX || request->alias_count > ORACLE_LABELS_MAX ||
        request->tag_count > ORACLE_LABELS_MAX) {
        return false;
    }
    if (request->op == CULL__REQUEST_DELETE_SCOPE &&
        (request->scope < CULL_SCOPE_ENTITY || request->scope > CULL_SCOPE_RUN)) {
        return false;
    }
    return true;
}

static bool is_playable(const cull_store_settings *settings)
{
    return cull_digest_len(settings->digest) > 0 && !settings->index_only &&
           settings->late_deletes != CULL_LATE_UNSAFE && settings->lease_ms >= 1000 &&
           settings->lease_ms <= UINT64_C(365) * 24 * 3600 * 1000 &&
           settings->grace_is_zero == (settings->grace_ms == 0) &&
           settings->grace_ms <= UINT64_C(365) * 24 * 3600 * 1000;
}

cull_status history_read(struct history *history, const void *data, size_t len, cull_error *err)
{
    struct cull__cursor cursor = cull__cursor(data, len);
    cull_status status = CULL_OK;
    bool created = false;

    while (status == CULL_OK && cull__cursor_left(&cursor) > 0) {
        struct cull__frame frame;
        struct cull__request request;

        status = cull__frame_next(&cursor, &frame, err);
        if (status != CULL_OK) {
            break;
        }
        status = cull__request_decode(&request, &frame, cull_allocator_default(), err);
        if (status != CULL_OK) {
            break;
        }
        if (!created) {
            created = request.op == CULL__REQUEST_CREATE && is_playable(&request.settings);
            history->settings = request.settings;
        } else if (is_judged(&request)) {
            history_add(history, &request);
        } else {
            status = cull__error_set(err, CULL_E_LIMIT, "request %zu is not one for the oracle",
                                     history_count(history) + 1);
        }
        if (!created) {
            status =
                cull__error_set(err, CULL_E_INVALID, "a trace begins with the making of a store");
        }
        cull__request_release(&request);
    }
    if (status == CULL_OK && !created) {
        status = cull__error_set(err, CULL_E_INVALID, "an empty trace");
    }
    return status;
}

/* --- printing ------------------------------------------------------------------------------- */

static char letter_by_digest(const struct history *history, const cull_digest *digest)
{
    for (size_t i = 0; i < WORLD_LETTERS_MAX; i++) {
        uint8_t bytes[64];
        cull_digest known;
        size_t len = 1 + 3 * i;

        memset(bytes, 'a' + (int)i, sizeof bytes);
        if (cull_digest_of(&known, history->settings.digest, bytes, len) == CULL_OK &&
            memcmp(&known, digest, sizeof known) == 0) {
            return (char)('a' + (int)i);
        }
    }
    return '?';
}

static void print_lists(const struct history *history, const struct cull__request *request,
                        FILE *out)
{
    for (size_t i = 0; i < request->blob_count; i++) {
        fprintf(out, " %c", letter_by_digest(history, &request->blobs[i].digest));
    }
    for (size_t i = 0; i < request->content_count; i++) {
        fprintf(out, " %c", request->contents[i].len > 0 ? request->contents[i].data[0] : '-');
    }
    for (size_t i = 0; i < request->entry_count; i++) {
        const cull_entry *entry = &request->entries[i];

        fprintf(out, " %s=%c", entry->path,
                entry->kind == CULL_ENTRY_NONE ? '-' : letter_by_digest(history, &entry->digest));
    }
    for (size_t i = 0; i < request->alias_count; i++) {
        fprintf(out, " alias %s", request->aliases[i]);
    }
    for (size_t i = 0; i < request->tag_count; i++) {
        fprintf(out, " tag %s", request->tags[i]);
    }
    for (size_t i = 0; i < request->version_count; i++) {
        const struct cull__request_version *version = &request->versions[i];

        fprintf(out, " %s:v%" PRIu32, version->collection, version->ordinal);
        if (version->which > 0) {
            fprintf(out, "(%" PRIu32 ")", version->which);
        }
    }
}

static void print_request(const struct history *history, const struct cull__request *request,
                          FILE *out)
{
    static const char *const faults[CULL__FAULTS] = {
        "", " !publish", " !publish.after", " !delete", " !delete.after", " !race-with-the-next"
    };

    fprintf(out, "%" PRIu32 ": %s slot %" PRIu32, request->process,
            cull__request_op_name(request->op), request->slot);
    if (request->collection[0] != '\0') {
        fprintf(out, " %s/%s/%s", request->entity, request->project, request->collection);
    }
    if (request->run[0] != '\0') {
        fprintf(out, " run %s", request->run);
    }
    if (request->type[0] != '\0') {
        fprintf(out, " type %s", request->type);
    }
    if (request->base > 0) {
        fprintf(out, " base v%" PRIu32, request->base - 1);
    }
    if (request->ms > 0) {
        fprintf(out, " %" PRIu64 " ms", request->ms);
    }
    print_lists(history, request, out);
    if (request->label[0] != '\0') {
        fprintf(out, " label %s", request->label);
    }
    if (request->op == CULL__REQUEST_DELETE_SCOPE) {
        fprintf(out, " scope %d", (int)request->scope);
    }
    if (request->flags != 0) {
        fprintf(out, " flags %u", request->flags);
    }
    if (request->grace_ms > 0 || request->max_deletes > 0 || request->max_bytes > 0) {
        fprintf(out, " grace %" PRIu64 " max %" PRIu64 " blobs %" PRIu64 " bytes",
                request->grace_ms, request->max_deletes, request->max_bytes);
    }
    fprintf(out, "%s\n", faults[request->fault]);
}

void history_print(const struct history *history, FILE *out)
{
    fprintf(out, "store: digest %s, late deletes %d, grace %" PRIu64 " ms, lease %" PRIu64 " ms\n",
            cull_digest_kind_name(history->settings.digest), (int)history->settings.late_deletes,
            history->settings.grace_ms, history->settings.lease_ms);
    for (size_t i = 0; i < history_count(history); i++) {
        struct cull__request request;

        request_at(history, i, &request);
        fprintf(out, "%4zu  ", i + 1);
        print_request(history, &request, out);
        cull__request_release(&request);
    }
}
