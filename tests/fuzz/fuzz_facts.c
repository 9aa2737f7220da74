/*
 * fuzz_facts.c - logs: facts, each with its type (1 byte), length (2 bytes, little-endian) and
 * payload; the frame's checksum, which no fuzzer guesses, is made here. The first byte says how long
 * the store's digests are, until a fact says so: 0, 1, 2: 16, 20, 32 bytes.
 *
 * PROPERTIES  What decodes encodes to the same bytes. A store that reads such a log either says that
 *             it is damaged, or has valid structures, counts that agree with the mark, and
 *             checkpoints that load to the same state.
 */
#include "fuzz.h"

#include <string.h>

#include "state_check.h"

#define FACTS_MAX 256

/* A fact that decodes is canonical; *settings are those of a STORE. */
static void check_fact(const struct cull__frame *frame, size_t *digest_len)
{
    struct cull__buf again = CULL__BUF_INIT(cull_allocator_default());
    struct cull__fact_scratch scratch;
    struct cull__fact fact;
    cull_error err = { CULL_OK, "" };

    cull__fact_scratch_init(&scratch, cull_allocator_default());
    if (cull__fact_decode(&fact, frame, *digest_len, &scratch, &err) == CULL_OK) {
        cull__fact_encode(&again, &fact, *digest_len);
        FUZZ_CHECK(!again.failed && again.len == CULL__FRAME_HEADER + frame->len,
                   "encodes to another length");
        FUZZ_CHECK(again.data[4] == frame->type && again.data[5] == 0, "another type");
        FUZZ_CHECK(frame->len == 0 ||
                       memcmp(again.data + CULL__FRAME_HEADER, frame->payload, frame->len) == 0,
                   "not canonical");
        if (fact.type == CULL__FACT_STORE) {
            *digest_len = cull_digest_len(fact.settings.digest);
        }
    } else {
        FUZZ_CHECK(err.status == CULL_E_CORRUPT && err.message[0] != '\0',
                   "refused without a reason");
    }
    cull__fact_scratch_release(&scratch);
    cull__buf_release(&again);
}

static void append(cull_log *log, struct cull__buf *framed, const struct cull__frame *frame)
{
    struct cull__batch batch = { .fact_count = 1, .reader_min = 1, .now_ms = 1000 };
    uint64_t seq = 0;
    cull_error err = { CULL_OK, "" };
    size_t start;

    cull__buf_clear(framed);
    start = cull__frame_begin(framed, frame->type);
    cull__buf_put(framed, frame->payload, frame->len);
    cull__frame_end(framed, start);
    batch.data = framed->data;
    batch.len = framed->len;
    FUZZ_CHECK(log->ops->head(log, &seq, &err) == CULL_OK, err.message);
    FUZZ_CHECK(log->ops->append(log, seq, &batch, &seq, &err) == CULL_OK, err.message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const size_t digest_lens[] = { 16, 20, 32 };
    struct cull__buf framed = CULL__BUF_INIT(cull_allocator_default());
    struct cull__cursor in = cull__cursor(data, len);
    size_t digest_len = digest_lens[cull__cursor_u8(&in) % 3];
    cull_log *log = NULL;

    FUZZ_CHECK(cull_log_memory_new(&log, NULL) == CULL_OK, "no memory");
    for (size_t i = 0; i < FACTS_MAX && cull__cursor_left(&in) > 0; i++) {
        struct cull__frame frame = { .type = cull__cursor_u8(&in) };

        frame.len = cull__cursor_u16(&in);
        frame.len = frame.len < cull__cursor_left(&in) ? frame.len : cull__cursor_left(&in);
        frame.payload = cull__cursor_take(&in, frame.len);
        if (in.failed) {
            break;
        }
        check_fact(&frame, &digest_len);
        append(log, &framed, &frame);
    }
    fuzz_check_log(log, false);
    cull_log_close(log);
    cull__buf_release(&framed);
    return 0;
}
