/*
 * witness_read.c - facts from their bytes, read by other code than the library's.
 *
 * SHAPE     core/src/log/fact.h says what the bytes are: a frame (length, type, checksum), then the
 *           fields that the type has, in one order. A string of letters says which these are.
 * FAILURE   Whatever does not read, or is more than a small world can hold, is false; checksums are
 *           the library's own business.
 */
#include "witness.h"

#include <string.h>

#include "log/fact.h"

#define FRAME_HEADER 16

struct bytes {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

/* i id, p parent, r run, u until, o ordinal, h how, n name, k kind, # numbers, + opened, b blobs,
 * v versions, z sizes, t total, q source, y policy, s settings, c commit */
static const char *const fields[CULL__FACT_TYPES] = {
    [CULL__FACT_STAMP] = "un",
    [CULL__FACT_STORE] = "ns",
    [CULL__FACT_ENTITY] = "in",
    [CULL__FACT_PROJECT] = "ipn",
    [CULL__FACT_COLLECTION] = "ipnk",
    [CULL__FACT_RUN] = "ipn",
    [CULL__FACT_UPLOAD_OPEN] = "ipruo",
    [CULL__FACT_PIN] = "i#b",
    [CULL__FACT_STORED] = "#",
    [CULL__FACT_COMMIT] = "ipc#+",
    [CULL__FACT_UPLOAD_END] = "ih",
    [CULL__FACT_UPLOAD_RENEW] = "iu",
    [CULL__FACT_ALIAS] = "pon",
    [CULL__FACT_ALIAS_REMOVE] = "pn",
    [CULL__FACT_TAG] = "pohn",
    [CULL__FACT_DELETE] = "puh#",
    [CULL__FACT_RESTORE] = "p#",
    [CULL__FACT_PURGE] = "p#",
    [CULL__FACT_COLLECTION_DELETE] = "i",
    [CULL__FACT_COLLECTION_REVIVE] = "in",
    [CULL__FACT_RUN_DELETE] = "i",
    [CULL__FACT_CYCLE] = "i",
    [CULL__FACT_CLAIM] = "i#v",
    [CULL__FACT_GONE] = "i#",
    [CULL__FACT_ADOPT] = "bv",
    [CULL__FACT_LOST] = "#",
    [CULL__FACT_VERIFIED] = "i",
    [CULL__FACT_RELEASE] = "i#",
    [CULL__FACT_SIZES] = "#z",
    [CULL__FACT_RESIZE] = "pot",
    [CULL__FACT_ARTIFACT_ID] = "pon",
    [CULL__FACT_ROLE] = "phn",
    [CULL__FACT_REGISTRY] = "ipn",
    [CULL__FACT_PORTFOLIO] = "ipnk",
    [CULL__FACT_LINK] = "ipoq",
    [CULL__FACT_UNLINK] = "p#",
    [CULL__FACT_LINK_ALIAS] = "pon",
    [CULL__FACT_LINK_ALIAS_REMOVE] = "pn",
    [CULL__FACT_PROTECT] = "phn",
    [CULL__FACT_PORTFOLIO_DELETE] = "i",
    [CULL__FACT_REGISTRY_DELETE] = "i",
    [CULL__FACT_STRICT_LINKS] = "h",
    [CULL__FACT_TTL] = "pu#",
    [CULL__FACT_TTL_DEFAULT] = "puh",
    [CULL__FACT_POLICY] = "nky",
    [CULL__FACT_POLICY_REMOVE] = "n",
};

static const uint8_t *take(struct bytes *in, size_t len)
{
    const uint8_t *at = in->at;

    if (in->failed || (size_t)(in->end - in->at) < len) {
        in->failed = true;
        return NULL;
    }
    in->at += len;
    return at;
}

/* Seven bits a byte, the lowest first. */
static uint64_t varint(struct bytes *in)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t *byte = take(in, 1);

        if (byte == NULL) {
            return 0;
        }
        value |= (uint64_t)(*byte & 0x7f) << shift;
        if ((*byte & 0x80) == 0) {
            return value;
        }
    }
    in->failed = true;
    return 0;
}

static const char *text(struct bytes *in, size_t *len)
{
    *len = (size_t)varint(in);
    return (const char *)take(in, *len);
}

static size_t count_of(struct bytes *in, size_t max)
{
    uint64_t count = varint(in);

    in->failed = in->failed || count > max;
    return in->failed ? 0 : (size_t)count;
}

/* Ranges: the gap since the last one, and one less than how many follow each other. */
static size_t ranges(struct bytes *in, uint32_t *numbers)
{
    size_t range_count = count_of(in, WITNESS_NUMBERS_MAX);
    uint64_t next = 0;
    size_t count = 0;

    for (size_t i = 0; i < range_count && !in->failed; i++) {
        uint64_t len;

        next += varint(in);
        len = varint(in) + 1;
        if (len > WITNESS_NUMBERS_MAX - count || next + len > UINT32_MAX) {
            in->failed = true;
            break;
        }
        for (; len > 0; len--) {
            numbers[count++] = (uint32_t)next++;
        }
    }
    return count;
}

static void take_blobs(struct bytes *in, size_t digest_len, struct witness_fact *out)
{
    out->blob_count = count_of(in, WITNESS_LETTERS);
    for (size_t i = 0; i < out->blob_count && !in->failed; i++) {
        struct witness_fact_blob *blob = &out->blobs[i];
        const uint8_t *digest;

        blob->number = (uint32_t)varint(in);
        blob->incarnation = (uint32_t)varint(in);
        blob->size_bytes = varint(in);
        digest = take(in, digest_len);
        memset(&blob->digest, 0, sizeof blob->digest);
        if (digest != NULL) {
            memcpy(blob->digest.bytes, digest, digest_len);
        }
    }
}

static void take_versions(struct bytes *in, struct witness_fact *out)
{
    out->version_count = count_of(in, WITNESS_NUMBERS_MAX);
    for (size_t i = 0; i < out->version_count && !in->failed; i++) {
        out->versions[i].number = (uint32_t)varint(in);
        out->versions[i].version = varint(in);
    }
}

static void take_commit(struct bytes *in, struct witness_fact *out)
{
    out->commit.collection = varint(in);
    out->commit.ordinal = (uint32_t)varint(in);
    (void)take(in, 16); /* manifest digest */
    out->commit.entries = varint(in);
    out->commit.blobs = varint(in);
    (void)take(in, 8); /* sum of hashes */
    out->commit.size_bytes = varint(in);
    (void)take(in, 1); /* whether these bytes are exact */
    out->commit.ttl_ms = varint(in);
}

static void take_settings(struct bytes *in)
{
    (void)take(in, 2); /* digest, index only */
    (void)varint(in);  /* grace */
    (void)varint(in);  /* lease */
    (void)take(in, 9); /* seed, late deletes */
    (void)varint(in);  /* created */
}

static void take_field(struct bytes *in, char field, size_t digest_len, struct witness_fact *out)
{
    size_t len;

    switch (field) {
    case 'i':
        out->id = varint(in);
        break;
    case 'p':
        out->parent = varint(in);
        break;
    case 'r':
        out->run = varint(in);
        break;
    case 'u':
        out->until_ms = varint(in);
        break;
    case 'o':
        out->ordinal = (uint32_t)varint(in);
        break;
    case 'h':
        out->how = (uint32_t)varint(in);
        break;
    case 'n':
        out->name = text(in, &out->name_len);
        break;
    case 'k':
        (void)text(in, &len);
        break;
    case '#':
        out->number_count = ranges(in, out->numbers);
        break;
    case '+':
        out->opened_count = ranges(in, out->opened);
        break;
    case 'b':
        take_blobs(in, digest_len, out);
        break;
    case 'v':
        take_versions(in, out);
        break;
    case 'z':
        for (size_t i = 0; i < out->number_count; i++) {
            (void)varint(in);
        }
        break;
    case 't':
        (void)varint(in);
        (void)take(in, 1); /* whether it is exact */
        break;
    case 'q':
        out->source = varint(in);
        out->source_ordinal = (uint32_t)varint(in);
        break;
    case 'y':
        for (size_t i = 0; i < 4; i++) { /* keep last, keep every, younger than, TTL */
            (void)varint(in);
        }
        (void)take(in, 1); /* may leave nothing */
        break;
    case 's':
        take_settings(in);
        break;
    default:
        take_commit(in, out);
        break;
    }
}

bool witness_read(const uint8_t **at, const uint8_t *end, size_t digest_len,
                  struct witness_fact *out)
{
    struct bytes in = { *at, end, false };
    const uint8_t *header = take(&in, FRAME_HEADER);
    size_t len;

    if (header == NULL) {
        return false;
    }
    len = (size_t)header[0] | (size_t)header[1] << 8 | (size_t)header[2] << 16 |
          (size_t)header[3] << 24;
    out->type = (unsigned)header[4] | (unsigned)header[5] << 8;
    if (len > (size_t)(end - in.at) || out->type >= CULL__FACT_TYPES || fields[out->type] == NULL) {
        return false;
    }
    in.end = in.at + len;
    out->number_count = out->opened_count = out->blob_count = out->version_count = 0;
    for (const char *field = fields[out->type]; *field != '\0'; field++) {
        take_field(&in, *field, digest_len, out);
    }
    *at = in.end;
    return !in.failed && in.at == in.end;
}
