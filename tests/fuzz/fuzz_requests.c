/*
 * fuzz_requests.c - requests, each a frame of its own: type (2 bytes), length (2 bytes), payload,
 * all of them little-endian; the checksum, which no fuzzer guesses, is made here.
 *
 * PROPERTIES  What decodes encodes to the same bytes. Whatever requests come, in whatever order, the
 *             store that they were done on keeps its structures valid, its counts agree with the
 *             mark, its fingerprints with the manifests, and a new handle says the same.
 */
#include "fuzz.h"

#include <string.h>

#include "state_check.h"
#include "store/request.h"

#define REQUESTS_MAX 64

struct place {
    struct cull__session session;
    uint64_t now_ms;
    uint64_t uploads[CULL__REQUEST_SLOTS];
};

static void place_open(struct place *place, const cull_store_settings *settings)
{
    cull_objects_memory_options memory = { .digest = settings->digest,
                                           .late = settings->late_deletes };
    cull_error err = { CULL_OK, "" };

    *place = (struct place){ .now_ms = 1000 };
    place->session = (struct cull__session){ .allocator = cull_allocator_default(),
                                             .actor = "fuzz",
                                             .now_ms = &place->now_ms,
                                             .uploads = place->uploads };
    FUZZ_CHECK(cull_log_memory_new(&place->session.log, NULL) == CULL_OK, "no memory");
    memory.versioning =
        memory.late == CULL_LATE_VERSION_IDS ? CULL_VERSIONING_ENABLED : CULL_VERSIONING_NONE;
    if (memory.digest == 0) {
        memory.digest = CULL_DIGEST_SHA256; /* what a store takes when none is said */
    }
    if (!settings->index_only && settings->late_deletes != 0) {
        FUZZ_CHECK(cull_objects_memory_new(&place->session.objects, &memory, &err) == CULL_OK,
                   err.message);
    }
}

static void place_close(struct place *place)
{
    cull__session_release(&place->session);
    cull_log_close(place->session.log);
    cull_objects_close(place->session.objects);
}

/* The next request of the input, whole and canonical; false: no more. *decoded: it was one. */
static bool next_request(struct cull__cursor *in, struct cull__request *out, bool *decoded)
{
    struct cull__buf again = CULL__BUF_INIT(cull_allocator_default());
    struct cull__frame frame = { .type = cull__cursor_u16(in) };
    cull_error err = { CULL_OK, "" };

    frame.len = cull__cursor_u16(in);
    frame.len = frame.len < cull__cursor_left(in) ? frame.len : cull__cursor_left(in);
    frame.payload = cull__cursor_take(in, frame.len);
    if (in->failed) {
        return false;
    }
    *decoded = cull__request_decode(out, &frame, cull_allocator_default(), &err) == CULL_OK;
    if (!*decoded) {
        FUZZ_CHECK(err.message[0] != '\0', "refused without a reason");
        cull__request_release(out);
        return true;
    }
    cull__request_encode(&again, out);
    FUZZ_CHECK(!again.failed && again.len == CULL__FRAME_HEADER + frame.len,
               "encodes to another length");
    FUZZ_CHECK(again.data[4] == (frame.type & 0xff) && again.data[5] == frame.type >> 8,
               "another type");
    FUZZ_CHECK(
        frame.len == 0 || memcmp(again.data + CULL__FRAME_HEADER, frame.payload, frame.len) == 0,
        "not canonical");
    cull__buf_release(&again);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cull__cursor in = cull__cursor(data, len);
    struct cull__answer answer;
    struct place place;
    bool is_open = false;

    cull__answer_init(&answer, cull_allocator_default());
    for (size_t i = 0; i < REQUESTS_MAX && cull__cursor_left(&in) > 0; i++) {
        struct cull__request request;
        bool decoded = false;

        if (!next_request(&in, &request, &decoded)) {
            break;
        }
        if (!decoded) {
            continue;
        }
        if (request.op == CULL__REQUEST_CREATE && !is_open) {
            place_open(&place, &request.settings);
            is_open = true;
        }
        if (is_open) {
            cull_status status = cull__request_run(&place.session, &request, &answer);

            FUZZ_CHECK(status != CULL_E_CORRUPT && status != CULL_E_NOMEM, answer.error.message);
        }
        cull__request_release(&request);
    }
    if (is_open) {
        fuzz_check_log(place.session.log, true);
        place_close(&place);
    }
    cull__answer_release(&answer);
    return 0;
}
