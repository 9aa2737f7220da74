/*
 * audit_pack.h - batches that were cut, packed into deflated rows of about 1 MiB.
 *
 * PACKED   0 u32 length of the raw bytes; 4 zlib stream. Raw: per batch varint facts, varint
 *          now_ms, varint len, the bytes.
 */
#ifndef CULL_AUDIT_PACK_H
#define CULL_AUDIT_PACK_H

#include "log/log_internal.h"

#define CULL__PACK_BYTES (1u << 20) /* raw; a row is full once it has as many */

struct cull__pack {
    uint64_t first_seq, last_seq; /* facts, both inclusive */
    uint64_t first_ms, last_ms;   /* smallest and greatest instant */
    struct cull__buf raw;
};

#define CULL__PACK_INIT(allocator_)            \
    {                                          \
        0, 0, 0, 0, CULL__BUF_INIT(allocator_) \
    }

/* Failure stays in pack->raw. */
void cull__pack_add(struct cull__pack *pack, uint64_t first_seq, uint32_t fact_count,
                    uint64_t now_ms, const void *data, size_t len);
/* Append the packed form to out; the pack is empty again. CULL_E_NOMEM. */
cull_status cull__pack_deflate(struct cull__buf *out, struct cull__pack *pack, cull_error *err);
/* Visit the batches of a packed row. CULL_E_CORRUPT: without a message of its own if
 * *damaged is set, else the visitor's. */
cull_status cull__pack_visit(const void *data, size_t len, uint64_t first_seq, uint64_t last_seq,
                             const cull_allocator *allocator, cull__batch_visit_fn visit, void *ctx,
                             bool *damaged, cull_error *err);

#endif
