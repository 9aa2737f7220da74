/*
 * fact.c - facts to bytes and back.
 *
 * SHAPE     Which fields a type carries is one table (fact_fields); encoder and decoder walk the
 *           same table in the same order, so they cannot differ. A new type is a row in it.
 * INVARIANT decode(encode(f)) == f, and encode(decode(b)) == b byte for byte.
 * COST      One pass; a range of consecutive numbers is two varints.
 * FAILURE   Everything that was read is checked before anything is believed; counts are bounded by
 *           the bytes that are left before memory is asked for.
 * WHY NOT   a general serialiser: so many flat records do not pay for one, and the table says
 *           the format on one page.
 */
#include "log/fact.h"

#include "base/hash.h"

#define FACT_TEXT_MAX 256
#define FACT_NUMBERS_MAX \
    (16u << 20) /* one range may stand for many; this bounds what it expands to */
#define FACT_BLOBS_MAX (1u << 20)

enum field {
    ID = 1,          /* varint id */
    PARENT = 2,      /* varint parent */
    RUN = 4,         /* varint run */
    UNTIL = 8,       /* varint until_ms */
    ORDINAL = 16,    /* varint ordinal */
    HOW = 32,        /* varint how */
    NAME = 64,       /* text */
    KIND = 128,      /* text */
    NUMBERS = 256,   /* ranges */
    OPENED = 512,    /* ranges */
    BLOBS = 1024,    /* blobs */
    VERSIONS = 2048, /* object versions */
    SETTINGS = 4096,
    COMMIT = 8192,
    SIZES = 16384,  /* behind NUMBERS: a varint for each of them */
    TOTAL = 32768,  /* varint total_bytes, u8 total_exact */
    SOURCE = 65536, /* varint source, varint source_ordinal */
    POLICY = 131072
};

static const struct {
    const char *name;
    unsigned fields;
} fact_types[CULL__FACT_TYPES] = {
    [CULL__FACT_STAMP] = { "stamp", UNTIL | NAME },
    [CULL__FACT_STORE] = { "store", NAME | SETTINGS },
    [CULL__FACT_ENTITY] = { "entity", ID | NAME },
    [CULL__FACT_PROJECT] = { "project", ID | PARENT | NAME },
    [CULL__FACT_COLLECTION] = { "collection", ID | PARENT | NAME | KIND },
    [CULL__FACT_RUN] = { "run", ID | PARENT | NAME },
    [CULL__FACT_UPLOAD_OPEN] = { "open", ID | PARENT | RUN | UNTIL | ORDINAL },
    [CULL__FACT_PIN] = { "pin", ID | NUMBERS | BLOBS },
    [CULL__FACT_STORED] = { "stored", NUMBERS },
    [CULL__FACT_COMMIT] = { "commit", ID | PARENT | COMMIT | NUMBERS | OPENED },
    [CULL__FACT_UPLOAD_END] = { "end", ID | HOW },
    [CULL__FACT_UPLOAD_RENEW] = { "renew", ID | UNTIL },
    [CULL__FACT_ALIAS] = { "alias", PARENT | ORDINAL | NAME },
    [CULL__FACT_ALIAS_REMOVE] = { "alias-remove", PARENT | NAME },
    [CULL__FACT_TAG] = { "tag", PARENT | ORDINAL | HOW | NAME },
    [CULL__FACT_DELETE] = { "delete", PARENT | UNTIL | HOW | NUMBERS },
    [CULL__FACT_RESTORE] = { "restore", PARENT | NUMBERS },
    [CULL__FACT_PURGE] = { "purge", PARENT | NUMBERS },
    [CULL__FACT_COLLECTION_DELETE] = { "collection-delete", ID },
    [CULL__FACT_COLLECTION_REVIVE] = { "collection-revive", ID | NAME },
    [CULL__FACT_RUN_DELETE] = { "run-delete", ID },
    [CULL__FACT_CYCLE] = { "cycle", ID },
    [CULL__FACT_CLAIM] = { "claim", ID | NUMBERS | VERSIONS },
    [CULL__FACT_GONE] = { "gone", ID | NUMBERS },
    [CULL__FACT_ADOPT] = { "adopt", BLOBS | VERSIONS },
    [CULL__FACT_LOST] = { "lost", NUMBERS },
    [CULL__FACT_VERIFIED] = { "verified", ID },
    [CULL__FACT_RELEASE] = { "release", ID | NUMBERS },
    [CULL__FACT_SIZES] = { "sizes", NUMBERS | SIZES },
    [CULL__FACT_RESIZE] = { "resize", PARENT | ORDINAL | TOTAL },
    [CULL__FACT_ARTIFACT_ID] = { "artifact-id", PARENT | ORDINAL | NAME },
    [CULL__FACT_ROLE] = { "role", PARENT | HOW | NAME },
    [CULL__FACT_REGISTRY] = { "registry", ID | PARENT | NAME },
    [CULL__FACT_PORTFOLIO] = { "portfolio", ID | PARENT | NAME | KIND },
    [CULL__FACT_LINK] = { "link", ID | PARENT | ORDINAL | SOURCE },
    [CULL__FACT_UNLINK] = { "unlink", PARENT | NUMBERS },
    [CULL__FACT_LINK_ALIAS] = { "link-alias", PARENT | ORDINAL | NAME },
    [CULL__FACT_LINK_ALIAS_REMOVE] = { "link-alias-remove", PARENT | NAME },
    [CULL__FACT_PROTECT] = { "protect", PARENT | HOW | NAME },
    [CULL__FACT_PORTFOLIO_DELETE] = { "portfolio-delete", ID },
    [CULL__FACT_REGISTRY_DELETE] = { "registry-delete", ID },
    [CULL__FACT_STRICT_LINKS] = { "strict-links", HOW },
    [CULL__FACT_TTL] = { "ttl", PARENT | UNTIL | NUMBERS },
    [CULL__FACT_TTL_DEFAULT] = { "ttl-default", PARENT | UNTIL | HOW },
    [CULL__FACT_POLICY] = { "policy", NAME | KIND | POLICY },
    [CULL__FACT_POLICY_REMOVE] = { "policy-remove", NAME },
};

const char *cull__fact_type_name(unsigned type)
{
    return type < CULL__FACT_TYPES ? fact_types[type].name : NULL;
}

uint32_t cull__fact_reader_min(enum cull__fact_type type)
{
    return type <= CULL__FACT_RESIZE ? 1 : type <= CULL__FACT_ARTIFACT_ID ? 2 : 3;
}

bool cull__fact_gives_room(enum cull__fact_type type)
{
    switch (type) {
    case CULL__FACT_STAMP:
    case CULL__FACT_UPLOAD_END:
    case CULL__FACT_ALIAS_REMOVE:
    case CULL__FACT_UNLINK:
    case CULL__FACT_LINK_ALIAS_REMOVE:
    case CULL__FACT_PORTFOLIO_DELETE:
    case CULL__FACT_REGISTRY_DELETE:
    case CULL__FACT_DELETE:
    case CULL__FACT_RESTORE:
    case CULL__FACT_PURGE:
    case CULL__FACT_COLLECTION_DELETE:
    case CULL__FACT_COLLECTION_REVIVE:
    case CULL__FACT_RUN_DELETE:
    case CULL__FACT_POLICY_REMOVE:
    case CULL__FACT_CYCLE:
    case CULL__FACT_CLAIM:
    case CULL__FACT_GONE:
    case CULL__FACT_ADOPT:
    case CULL__FACT_VERIFIED:
        return true;
    default:
        return false;
    }
}

/* --- frames ------------------------------------------------------------------------------- */

static void store_u32(uint8_t *at, uint32_t value)
{
    for (size_t i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static void store_u64(uint8_t *at, uint64_t value)
{
    store_u32(at, (uint32_t)value);
    store_u32(at + 4, (uint32_t)(value >> 32));
}

size_t cull__frame_begin(struct cull__buf *buf, uint16_t type)
{
    size_t start = buf->len;

    cull__buf_u32(buf, 0);
    cull__buf_u16(buf, type);
    cull__buf_u16(buf, 0);
    cull__buf_u64(buf, 0);
    return start;
}

void cull__frame_end(struct cull__buf *buf, size_t start)
{
    size_t len;
    uint8_t *header;
    uint16_t type;

    if (buf->failed) {
        return;
    }
    CULL_ASSERT(buf->len >= start + CULL__FRAME_HEADER);
    len = buf->len - start - CULL__FRAME_HEADER;
    if (len > CULL__FRAME_BYTES_MAX) {
        buf->failed = true;
        return;
    }
    header = buf->data + start;
    type = (uint16_t)(header[4] | header[5] << 8);
    store_u32(header, (uint32_t)len);
    store_u64(header + 8, XXH3_64bits_withSeed(header + CULL__FRAME_HEADER, len, type));
}

cull_status cull__frame_next(struct cull__cursor *cursor, struct cull__frame *out, cull_error *err)
{
    uint32_t len = cull__cursor_u32(cursor);
    uint16_t type = cull__cursor_u16(cursor);
    uint16_t reserved = cull__cursor_u16(cursor);
    uint64_t checksum = cull__cursor_u64(cursor);
    const uint8_t *payload = NULL;

    if (!cursor->failed && len <= CULL__FRAME_BYTES_MAX && reserved == 0) {
        payload = cull__cursor_take(cursor, len);
    }
    if (payload == NULL) {
        return cull__error_set(err, CULL_E_CORRUPT, "a record of the log is cut short");
    }
    if (XXH3_64bits_withSeed(payload, len, type) != checksum) {
        return cull__error_set(err, CULL_E_CORRUPT, "a record of the log has a wrong checksum");
    }
    *out = (struct cull__frame){ type, payload, len };
    return CULL_OK;
}

/* --- sets of numbers ------------------------------------------------------------------------ */

/* Ranges: how many, then each as the gap since the last one's end and its length - 1. Adjacent
 * ranges are joined, so the form is canonical. */
static void put_ranges(struct cull__buf *buf, const uint32_t *numbers, size_t count)
{
    size_t ranges = 0;
    uint64_t end = 0;

    for (size_t i = 0; i < count; i++) {
        ranges += i == 0 || numbers[i] != numbers[i - 1] + 1;
    }
    cull__buf_varint(buf, ranges);
    for (size_t i = 0; i < count;) {
        size_t first = i++;

        while (i < count && numbers[i] == numbers[i - 1] + 1) {
            i++;
        }
        CULL_ASSERT(numbers[first] >= end);
        cull__buf_varint(buf, numbers[first] - end);
        cull__buf_varint(buf, i - first - 1);
        end = (uint64_t)numbers[first] + (i - first);
    }
}

static void take_ranges(struct cull__cursor *in, struct cull__buf *out, const uint32_t **numbers,
                        size_t *count)
{
    size_t ranges = cull__cursor_count(in, 2, FACT_NUMBERS_MAX);
    uint64_t end = 0;
    size_t total = 0;

    for (size_t r = 0; r < ranges && !in->failed; r++) {
        uint64_t first = end + cull__cursor_varint_max(in, UINT32_MAX);
        uint64_t len = cull__cursor_varint_max(in, FACT_NUMBERS_MAX) + 1;
        uint32_t *room;

        if ((r > 0 && first == end) || first + len > UINT32_MAX || len > FACT_NUMBERS_MAX - total) {
            in->failed = true;
            break;
        }
        room = (uint32_t *)(void *)cull__buf_room(out, (size_t)len * sizeof(uint32_t));
        if (room == NULL) {
            break;
        }
        for (uint64_t i = 0; i < len; i++) {
            room[i] = (uint32_t)(first + i);
        }
        out->len += (size_t)len * sizeof(uint32_t);
        total += (size_t)len;
        end = first + len;
    }
    *numbers = (const uint32_t *)(const void *)out->data;
    *count = total;
}

/* --- parts -------------------------------------------------------------------------------- */

static void put_sizes(struct cull__buf *buf, const struct cull__fact *fact)
{
    for (size_t i = 0; i < fact->number_count; i++) {
        cull__buf_varint(buf, fact->sizes[i]);
    }
}

static void take_sizes(struct cull__cursor *in, struct cull__fact *fact, struct cull__buf *out)
{
    uint64_t *sizes = NULL;

    if (fact->number_count > cull__cursor_left(in)) {
        in->failed = true;
    } else {
        sizes = (uint64_t *)(void *)cull__buf_room(out, fact->number_count * sizeof *sizes);
    }
    for (size_t i = 0; sizes != NULL && i < fact->number_count; i++) {
        sizes[i] = cull__cursor_varint(in);
    }
    fact->sizes = sizes;
}

static void put_blobs(struct cull__buf *buf, const struct cull__fact *fact, size_t digest_len)
{
    cull__buf_varint(buf, fact->blob_count);
    for (size_t i = 0; i < fact->blob_count; i++) {
        const struct cull__fact_blob *blob = &fact->blobs[i];

        cull__buf_varint(buf, blob->number);
        cull__buf_varint(buf, blob->incarnation);
        cull__buf_varint(buf, blob->size_bytes);
        cull__buf_put(buf, blob->digest.bytes, digest_len);
    }
}

static void take_blobs(struct cull__cursor *in, struct cull__fact *fact, struct cull__buf *out,
                       size_t digest_len)
{
    size_t count = cull__cursor_count(in, 3 + digest_len, FACT_BLOBS_MAX);
    struct cull__fact_blob *blobs;

    blobs = (struct cull__fact_blob *)(void *)cull__buf_room(out, count * sizeof *blobs);
    for (size_t i = 0; blobs != NULL && i < count; i++) {
        const uint8_t *digest;

        memset(&blobs[i], 0, sizeof blobs[i]);
        blobs[i].number = (uint32_t)cull__cursor_varint_max(in, UINT32_MAX - 2);
        blobs[i].incarnation = (uint32_t)cull__cursor_varint_max(in, UINT32_MAX);
        blobs[i].size_bytes = cull__cursor_varint(in);
        digest = cull__cursor_take(in, digest_len);
        if (digest != NULL) {
            memcpy(blobs[i].digest.bytes, digest, digest_len);
        }
    }
    fact->blobs = blobs;
    fact->blob_count = count;
}

static void put_versions(struct cull__buf *buf, const struct cull__fact *fact)
{
    cull__buf_varint(buf, fact->version_count);
    for (size_t i = 0; i < fact->version_count; i++) {
        cull__buf_varint(buf, fact->versions[i].number);
        cull__buf_varint(buf, fact->versions[i].version);
    }
}

static void take_versions(struct cull__cursor *in, struct cull__fact *fact, struct cull__buf *out)
{
    size_t count = cull__cursor_count(in, 2, FACT_BLOBS_MAX);
    struct cull__fact_version *versions;

    versions = (struct cull__fact_version *)(void *)cull__buf_room(out, count * sizeof *versions);
    for (size_t i = 0; versions != NULL && i < count; i++) {
        versions[i].number = (uint32_t)cull__cursor_varint_max(in, UINT32_MAX - 2);
        versions[i].version = cull__cursor_varint(in);
    }
    fact->versions = versions;
    fact->version_count = count;
}

static void put_settings(struct cull__buf *buf, const struct cull__fact_settings *settings)
{
    cull__buf_u8(buf, (uint8_t)settings->digest);
    cull__buf_u8(buf, settings->index_only);
    cull__buf_varint(buf, settings->grace_ms);
    cull__buf_varint(buf, settings->lease_ms);
    cull__buf_u64(buf, settings->seed);
    cull__buf_u8(buf, (uint8_t)settings->late_deletes);
    cull__buf_varint(buf, settings->created_ms);
}

static bool take_flag(struct cull__cursor *in)
{
    uint8_t flag = cull__cursor_u8(in);

    in->failed = in->failed || flag > 1;
    return flag == 1;
}

static void take_settings(struct cull__cursor *in, struct cull__fact_settings *settings)
{
    settings->digest = (cull_digest_kind)cull__cursor_u8(in);
    in->failed = in->failed || cull_digest_len(settings->digest) == 0;
    settings->index_only = take_flag(in);
    settings->grace_ms = cull__cursor_varint(in);
    settings->lease_ms = cull__cursor_varint(in);
    settings->seed = cull__cursor_u64(in);
    settings->late_deletes = cull__cursor_u8(in);
    in->failed = in->failed || settings->late_deletes > 3;
    settings->created_ms = cull__cursor_varint(in);
}

static void put_commit(struct cull__buf *buf, const struct cull__fact_commit *commit)
{
    cull__buf_varint(buf, commit->collection);
    cull__buf_varint(buf, commit->ordinal);
    cull__buf_put(buf, commit->manifest_digest, sizeof commit->manifest_digest);
    cull__buf_varint(buf, commit->entries);
    cull__buf_varint(buf, commit->blobs);
    cull__buf_u64(buf, commit->sum);
    cull__buf_varint(buf, commit->size_bytes);
    cull__buf_u8(buf, commit->size_exact);
    cull__buf_varint(buf, commit->ttl_ms);
}

static void take_commit(struct cull__cursor *in, struct cull__fact_commit *commit)
{
    const uint8_t *digest;

    commit->collection = cull__cursor_varint(in);
    commit->ordinal = (uint32_t)cull__cursor_varint_max(in, UINT32_MAX - 2);
    digest = cull__cursor_take(in, sizeof commit->manifest_digest);
    if (digest != NULL) {
        memcpy(commit->manifest_digest, digest, sizeof commit->manifest_digest);
    }
    commit->entries = cull__cursor_varint(in);
    commit->blobs = cull__cursor_varint_max(in, UINT32_MAX);
    commit->sum = cull__cursor_u64(in);
    commit->size_bytes = cull__cursor_varint(in);
    commit->size_exact = take_flag(in);
    commit->ttl_ms = cull__cursor_varint(in);
}

static void put_policy(struct cull__buf *buf, const struct cull__fact_policy *policy)
{
    cull__buf_varint(buf, policy->keep_last);
    cull__buf_varint(buf, policy->keep_every);
    cull__buf_varint(buf, policy->keep_younger_ms);
    cull__buf_varint(buf, policy->ttl_ms);
    cull__buf_u8(buf, policy->allow_empty);
}

static void take_policy(struct cull__cursor *in, struct cull__fact_policy *policy)
{
    policy->keep_last = (uint32_t)cull__cursor_varint_max(in, UINT32_MAX);
    policy->keep_every = (uint32_t)cull__cursor_varint_max(in, UINT32_MAX);
    policy->keep_younger_ms = cull__cursor_varint(in);
    policy->ttl_ms = cull__cursor_varint(in);
    policy->allow_empty = take_flag(in);
}

/* --- facts -------------------------------------------------------------------------------- */

void cull__fact_encode(struct cull__buf *buf, const struct cull__fact *fact, size_t digest_len)
{
    unsigned fields = fact_types[fact->type].fields;
    size_t start = cull__frame_begin(buf, (uint16_t)fact->type);
    const struct {
        unsigned field;
        uint64_t value;
    } varints[] = { { ID, fact->id },          { PARENT, fact->parent },   { RUN, fact->run },
                    { UNTIL, fact->until_ms }, { ORDINAL, fact->ordinal }, { HOW, fact->how } };

    CULL_ASSERT(fields != 0);
    for (size_t i = 0; i < ARRAY_LEN(varints); i++) {
        if (fields & varints[i].field) {
            cull__buf_varint(buf, varints[i].value);
        }
    }
    if (fields & NAME) {
        cull__buf_text(buf, fact->name, fact->name_len);
    }
    if (fields & KIND) {
        cull__buf_text(buf, fact->kind, fact->kind_len);
    }
    if (fields & SETTINGS) {
        put_settings(buf, &fact->settings);
    }
    if (fields & COMMIT) {
        put_commit(buf, &fact->commit);
    }
    if (fields & TOTAL) {
        cull__buf_varint(buf, fact->total_bytes);
        cull__buf_u8(buf, fact->total_exact);
    }
    if (fields & SOURCE) {
        cull__buf_varint(buf, fact->source);
        cull__buf_varint(buf, fact->source_ordinal);
    }
    if (fields & POLICY) {
        put_policy(buf, &fact->policy);
    }
    if (fields & NUMBERS) {
        put_ranges(buf, fact->numbers, fact->number_count);
    }
    if (fields & SIZES) {
        put_sizes(buf, fact);
    }
    if (fields & OPENED) {
        put_ranges(buf, fact->opened, fact->opened_count);
    }
    if (fields & BLOBS) {
        put_blobs(buf, fact, digest_len);
    }
    if (fields & VERSIONS) {
        put_versions(buf, fact);
    }
    cull__frame_end(buf, start);
}

void cull__fact_scratch_init(struct cull__fact_scratch *scratch, const cull_allocator *allocator)
{
    const struct cull__buf empty = CULL__BUF_INIT(allocator);

    *scratch = (struct cull__fact_scratch){ empty, empty, empty, empty, empty };
}

void cull__fact_scratch_release(struct cull__fact_scratch *scratch)
{
    cull__buf_release(&scratch->numbers);
    cull__buf_release(&scratch->sizes);
    cull__buf_release(&scratch->opened);
    cull__buf_release(&scratch->blobs);
    cull__buf_release(&scratch->versions);
}

/* The arrays of a fact, into the scratch. */
static void take_arrays(struct cull__fact *out, unsigned fields, struct cull__cursor *in,
                        size_t digest_len, struct cull__fact_scratch *scratch)
{
    /* all of them: one that found no memory for an earlier fact must not fail this one */
    cull__buf_clear(&scratch->numbers);
    cull__buf_clear(&scratch->sizes);
    cull__buf_clear(&scratch->opened);
    cull__buf_clear(&scratch->blobs);
    cull__buf_clear(&scratch->versions);
    if (fields & NUMBERS) {
        take_ranges(in, &scratch->numbers, &out->numbers, &out->number_count);
    }
    if (fields & SIZES) {
        take_sizes(in, out, &scratch->sizes);
    }
    if (fields & OPENED) {
        take_ranges(in, &scratch->opened, &out->opened, &out->opened_count);
    }
    if (fields & BLOBS) {
        take_blobs(in, out, &scratch->blobs, digest_len);
    }
    if (fields & VERSIONS) {
        take_versions(in, out, &scratch->versions);
    }
}

cull_status cull__fact_decode(struct cull__fact *out, const struct cull__frame *frame,
                              size_t digest_len, struct cull__fact_scratch *scratch,
                              cull_error *err)
{
    struct cull__cursor in = cull__cursor(frame->payload, frame->len);
    unsigned fields = frame->type < CULL__FACT_TYPES ? fact_types[frame->type].fields : 0;

    memset(out, 0, sizeof *out);
    out->name = out->kind = "";
    if (fields == 0) {
        return cull__error_set(err, CULL_E_CORRUPT, "a fact of unknown type %u", frame->type);
    }
    out->type = (enum cull__fact_type)frame->type;
    out->id = fields & ID ? cull__cursor_varint(&in) : 0;
    out->parent = fields & PARENT ? cull__cursor_varint(&in) : 0;
    out->run = fields & RUN ? cull__cursor_varint(&in) : 0;
    out->until_ms = fields & UNTIL ? cull__cursor_varint(&in) : 0;
    out->ordinal = fields & ORDINAL ? (uint32_t)cull__cursor_varint_max(&in, UINT32_MAX) : 0;
    out->how = fields & HOW ? (uint32_t)cull__cursor_varint_max(&in, 255) : 0;
    if (fields & NAME) {
        out->name = cull__cursor_text(&in, &out->name_len, FACT_TEXT_MAX);
    }
    if (fields & KIND) {
        out->kind = cull__cursor_text(&in, &out->kind_len, FACT_TEXT_MAX);
    }
    if (fields & SETTINGS) {
        take_settings(&in, &out->settings);
    }
    if (fields & COMMIT) {
        take_commit(&in, &out->commit);
    }
    if (fields & TOTAL) {
        out->total_bytes = cull__cursor_varint(&in);
        out->total_exact = take_flag(&in);
    }
    if (fields & SOURCE) {
        out->source = cull__cursor_varint(&in);
        out->source_ordinal = (uint32_t)cull__cursor_varint_max(&in, UINT32_MAX);
    }
    if (fields & POLICY) {
        take_policy(&in, &out->policy);
    }
    take_arrays(out, fields, &in, digest_len, scratch);
    if (scratch->numbers.failed || scratch->sizes.failed || scratch->opened.failed ||
        scratch->blobs.failed || scratch->versions.failed) {
        return cull__error_nomem(err);
    }
    if (!cull__cursor_done(&in)) {
        return cull__error_set(err, CULL_E_CORRUPT, "a %s fact does not decode",
                               fact_types[frame->type].name);
    }
    return CULL_OK;
}
