/*
 * blob_slots.c - from digest to blob number, by a hash that grows a segment at a time.
 *
 * SHAPE     Extendible hashing. A hash chooses one of 8 shards by its highest byte, a segment by
 *           the next bits through the shard's directory, a line of 64 bytes by its lowest, and
 *           gives an 8-bit tag. A line holds 12 tags, 12 numbers, and how many entries came by it
 *           to lie in a later line of the segment: a search stops where none did.
 * GROWTH    A shard begins as one segment of one line, which doubles up to 256 lines; from then on a
 *           segment that is 7/8 full splits in two. Shards own shares of the hashes in proportion
 *           to 2^(i/8): each fills and splits at its own time, so that all together are always
 *           about 0.63 full, 8.5 bytes an entry, where equal ones would swing from 6 to 12.
 * INVARIANT An entry lies at its home line or after it, all lines between count it as passed.
 *           No tombstones: removal takes the counts back.
 * COST      find: two cache misses (line, digest), each fetched 16 digests ahead: 27 to 35 ns at ten
 *           million blobs, where passes over a batch took 50 to 58; none where the digests come in the
 *           order of their numbers. A split moves at most 2,688 entries; nothing ever rehashes the
 *           whole. Insertion from nothing to ten million: 112 to 145 ns.
 * FAILURE   add: CULL_E_NOMEM before anything moved.
 * WHY NOT   One open-addressing table: doubling stops the world and holds three times the memory.
 *           Smaller segments: their directory is read before a line is, and must lie near.
 *           Passes over a batch, lines and then digests: each pass begins with nothing to do.
 *           Hashes kept in the slots: 4 more bytes a blob to save one digest read per split.
 */
#include "base/hash.h"
#include "index/index_internal.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define SEGMENT_LINES_LOG2 8
#define SEGMENT_ENTRIES_MAX ((CULL__LINE_SLOTS << SEGMENT_LINES_LOG2) * 7 / 8)
#define DEPTH_MAX 26
#define LINE_BYTES sizeof(struct cull__slot_line)
#define BATCH 256
#define AHEAD ((size_t)16)                            /* cache misses of each kind that overlap */
#define FAR_AHEAD ((size_t)32)                        /* the same, where there is one kind */
#define SLABS_FROM_BYTES (CULL__SLABS_FROM_BYTES / 2) /* they are read at random most of all */
#define STREAK_MISSES 8
#define EVERY_BYTE UINT64_C(0x0101010101010101)

/* Shards' shares of 256 values of a hash's highest byte: as 2^(i/8), rounded. */
static const uint8_t shard_shares[CULL__SLOT_SHARDS] = { 23, 25, 28, 30, 33, 36, 39, 42 };

static struct cull__slot_line *lines_of(const struct cull__slot_segment *segment)
{
    uintptr_t at = (uintptr_t)segment->block;

    return (struct cull__slot_line *)((uint8_t *)segment->block + ((64 - (at & 63)) & 63));
}

static uint32_t directory_index(uint64_t hash, uint32_t depth)
{
    return (uint32_t)((hash << 8) >> 1 >> (63 - depth));
}

static uint32_t segment_of(const struct cull__slots *slots, uint64_t hash)
{
    const struct cull__slot_shard *shard = &slots->shards[slots->shard_of[hash >> 56]];

    return shard->directory[directory_index(hash, shard->depth)];
}

static uint32_t home_line(uint64_t hash, const struct cull__slot_segment *segment)
{
    return (uint32_t)hash & ((1u << segment->lines_log2) - 1);
}

/* Where a search begins. */
static inline const struct cull__slot_line *line_of(const struct cull__slots *slots, uint64_t hash)
{
    const struct cull__slot_segment *segment = &slots->segments[segment_of(slots, hash)];

    return &lines_of(segment)[home_line(hash, segment)];
}

static uint8_t tag_of(uint64_t hash)
{
    uint8_t tag = (uint8_t)(hash >> SEGMENT_LINES_LOG2);

    return tag != 0 ? tag : 1;
}

/* A constant length lets the compiler drop the hash's other forms. */
static inline uint64_t hash_digest(const struct cull__blob_table *table, const uint8_t *digest)
{
    return CULL_LIKELY(table->digest_len == 16)
               ? XXH3_64bits_withSeed(digest, 16, table->seed)
               : XXH3_64bits_withSeed(digest, table->digest_len, table->seed);
}

static uint64_t hash_row(const struct cull__blob_table *table, uint32_t number)
{
    return hash_digest(table, cull__blob_digest_at(table, number));
}

#ifdef __SSE2__

/* Slots of a line whose tag is this one, a bit each: 16 bytes at a time, of which 12 are tags. */
static inline uint32_t line_matches(const struct cull__slot_line *line, uint8_t tag)
{
    __m128i tags = _mm_load_si128((const __m128i *)(const void *)line);
    __m128i equal = _mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag));

    return (uint32_t)_mm_movemask_epi8(equal) & ((1u << CULL__LINE_SLOTS) - 1);
}

#else

static uint32_t load_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* A bit for each of the eight bytes, from the lowest, that equals tag. */
static inline uint32_t equal_bytes(uint64_t word, uint8_t tag)
{
    const uint64_t low = ~(EVERY_BYTE << 7);

    word ^= tag * EVERY_BYTE;
    word = ~(((word & low) + low) | word | low) >> 7;
    return (uint32_t)((word * UINT64_C(0x0102040810204080)) >> 56);
}

/* Slots of a line whose tag is this one, a bit each. */
static inline uint32_t line_matches(const struct cull__slot_line *line, uint8_t tag)
{
    uint64_t first = load_u32(line->tags) | (uint64_t)load_u32(line->tags + 4) << 32;

    return equal_bytes(first, tag) | (equal_bytes(load_u32(line->tags + 8), tag) & 15) << 8;
}

#endif

/* --- one segment ----------------------------------------------------------------------------- */

static uint32_t segment_entries_max(const struct cull__slot_segment *segment)
{
    return (uint32_t)(CULL__LINE_SLOTS << segment->lines_log2) * 7 / 8;
}

static size_t block_bytes(unsigned lines_log2)
{
    return (LINE_BYTES << lines_log2) + LINE_BYTES - 1;
}

/* A block for a segment of full size, where there are many. */
static bool from_slabs(const struct cull__slots *slots, unsigned lines_log2)
{
    return lines_log2 == SEGMENT_LINES_LOG2 && slots->block_bytes >= SLABS_FROM_BYTES;
}

static cull_status segment_init(struct cull__slot_segment *out, unsigned lines_log2, uint32_t depth,
                                struct cull__blob_table *table)
{
    struct cull__slots *slots = &table->slots;
    struct cull__slot_segment segment = { .depth = (uint8_t)depth,
                                          .lines_log2 = (uint8_t)lines_log2 & 127u,
                                          .slabbed = from_slabs(slots, lines_log2) };

    if (segment.slabbed) {
        segment.block =
            cull__slabs_block(&slots->slabs, LINE_BYTES << lines_log2,
                              slots->block_bytes + slots->slabs.bytes, table->allocator);
    } else {
        segment.block = cull__alloc(table->allocator, block_bytes(lines_log2), 1);
        slots->block_bytes += segment.block == NULL ? 0 : block_bytes(lines_log2);
    }
    if (segment.block == NULL) {
        return CULL_E_NOMEM;
    }
    memset(lines_of(&segment), 0, LINE_BYTES << lines_log2);
    *out = segment;
    return CULL_OK;
}

/* Into a line that has an empty slot. */
static inline void line_put(struct cull__slot_segment *segment, struct cull__slot_line *line,
                            uint32_t empty, uint32_t number, uint64_t hash)
{
    unsigned slot = cull__lowest_bit(empty);

    line->tags[slot] = tag_of(hash);
    line->numbers[slot] = number;
    segment->used++;
}

/* There is room: a segment is never full. */
static void segment_put(struct cull__slot_segment *segment, uint32_t number, uint64_t hash)
{
    struct cull__slot_line *lines = lines_of(segment);
    uint32_t at = home_line(hash, segment);

    CULL_ASSERT(segment->used < CULL__LINE_SLOTS << segment->lines_log2);
    for (;;) {
        uint32_t empty = line_matches(&lines[at], 0);

        if (empty != 0) {
            line_put(segment, &lines[at], empty, number, hash);
            return;
        }
        lines[at].passed++;
        at = (at + 1) & ((1u << segment->lines_log2) - 1);
    }
}

/* Take an entry out of its place. */
static void segment_take(struct cull__slot_segment *segment, uint32_t at, unsigned slot,
                         uint64_t hash)
{
    struct cull__slot_line *lines = lines_of(segment);

    lines[at].tags[slot] = 0;
    lines[at].numbers[slot] = 0;
    segment->used--;
    for (uint32_t by = home_line(hash, segment); by != at;
         by = (by + 1) & ((1u << segment->lines_log2) - 1)) {
        lines[by].passed--;
    }
}

/* The number of a digest in one line, or CULL__BLOB_NONE. */
static inline uint32_t line_find(const struct cull__blob_table *table,
                                 const struct cull__slot_line *line, const uint8_t *digest,
                                 uint8_t tag)
{
    for (uint32_t match = line_matches(line, tag); match != 0; match &= match - 1) {
        uint32_t number = line->numbers[cull__lowest_bit(match)];

        if (cull__digest_equal(cull__blob_digest_at(table, number), digest, table->digest_len)) {
            return number;
        }
    }
    return CULL__BLOB_NONE;
}

static uint32_t segment_find(const struct cull__blob_table *table,
                             const struct cull__slot_segment *segment, const uint8_t *digest,
                             uint64_t hash)
{
    const struct cull__slot_line *lines = lines_of(segment);
    uint32_t mask = (1u << segment->lines_log2) - 1;
    uint32_t at = home_line(hash, segment);

    for (uint32_t steps = 0; steps <= mask; steps++, at = (at + 1) & mask) {
        uint32_t number = line_find(table, &lines[at], digest, tag_of(hash));

        if (number != CULL__BLOB_NONE || lines[at].passed == 0) {
            return number;
        }
    }
    return CULL__BLOB_NONE;
}

/* Put a number whose row is there, unless another has its digest: then false. */
static inline bool segment_put_new(const struct cull__blob_table *table,
                                   struct cull__slot_segment *segment, uint32_t number,
                                   uint64_t hash)
{
    struct cull__slot_line *home = &lines_of(segment)[home_line(hash, segment)];
    uint32_t empty = line_matches(home, 0);

    if (CULL_LIKELY(empty != 0 && home->passed == 0 && line_matches(home, tag_of(hash)) == 0)) {
        line_put(segment, home, empty, number, hash);
        return true;
    }
    if (segment_find(table, segment, cull__blob_digest_at(table, number), hash) !=
        CULL__BLOB_NONE) {
        return false;
    }
    segment_put(segment, number, hash);
    return true;
}

/* All entries of a segment, line by line. */
struct entries {
    size_t count;
    uint64_t hashes[CULL__LINE_SLOTS << SEGMENT_LINES_LOG2];
    uint32_t numbers[CULL__LINE_SLOTS << SEGMENT_LINES_LOG2];
    uint16_t places[CULL__LINE_SLOTS << SEGMENT_LINES_LOG2]; /* line << 4 | slot */
};

static void segment_list(const struct cull__blob_table *table,
                         const struct cull__slot_segment *segment, struct entries *out)
{
    const struct cull__slot_line *lines = lines_of(segment);

    out->count = 0;
    for (uint32_t at = 0; at < 1u << segment->lines_log2; at++) {
        uint32_t full = ~line_matches(&lines[at], 0) & ((1u << CULL__LINE_SLOTS) - 1);

        for (; full != 0; full &= full - 1) {
            unsigned slot = cull__lowest_bit(full);

            out->numbers[out->count] = lines[at].numbers[slot];
            out->places[out->count++] = (uint16_t)(at << 4 | slot);
        }
    }
    for (size_t i = 0; i < out->count && i < FAR_AHEAD; i++) {
        CULL_PREFETCH(cull__blob_digest_at(table, out->numbers[i]));
    }
    for (size_t i = 0; i < out->count; i++) {
        if (i + FAR_AHEAD < out->count) {
            CULL_PREFETCH(cull__blob_digest_at(table, out->numbers[i + FAR_AHEAD]));
        }
        out->hashes[i] = hash_row(table, out->numbers[i]);
    }
}

/* --- growth ---------------------------------------------------------------------------------- */

static cull_status segment_double(struct cull__blob_table *table, uint32_t at)
{
    struct entries all;
    struct cull__slot_segment *segment = &table->slots.segments[at];
    struct cull__slot_segment larger;
    cull_status status = segment_init(&larger, segment->lines_log2 + 1u, segment->depth, table);

    if (status != CULL_OK) {
        return status;
    }
    segment_list(table, segment, &all);
    for (size_t i = 0; i < all.count; i++) {
        segment_put(&larger, all.numbers[i], all.hashes[i]);
    }
    table->slots.block_bytes -= block_bytes(segment->lines_log2);
    cull__free(table->allocator, segment->block);
    *segment = larger;
    return CULL_OK;
}

static cull_status directory_double(struct cull__blob_table *table, struct cull__slot_shard *shard)
{
    size_t count = (size_t)1 << shard->depth;
    uint32_t *directory;

    if (shard->depth == DEPTH_MAX) {
        return CULL_E_LIMIT;
    }
    directory = cull__alloc(table->allocator, 2 * count, sizeof(*directory));
    if (directory == NULL) {
        return CULL_E_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        directory[2 * i] = directory[2 * i + 1] = shard->directory[i];
    }
    cull__free(table->allocator, shard->directory);
    shard->directory = directory;
    shard->depth++;
    return CULL_OK;
}

/* Room for one more segment in the list of segments. */
static cull_status reserve_segment(struct cull__blob_table *table)
{
    struct cull__slots *slots = &table->slots;
    void *segments = slots->segments;
    cull_status status = cull__reserve(table->allocator, &segments, &slots->segment_capacity,
                                       slots->segment_count + 1, sizeof(*slots->segments));

    slots->segments = (struct cull__slot_segment *)segments;
    return status;
}

/* Entries whose hash has the next bit set move to the sibling. What stays does so where it lies; but
 * what lies behind its home line is put again, for there is room now. */
static void segment_share(const struct cull__blob_table *table, struct cull__slot_segment *segment,
                          struct cull__slot_segment *sibling)
{
    struct entries all;
    size_t left = 0;

    segment_list(table, segment, &all);
    for (size_t i = 0; i < all.count; i++) {
        uint32_t line = all.places[i] >> 4;

        if (directory_index(all.hashes[i], sibling->depth) & 1) {
            segment_take(segment, line, all.places[i] & 15, all.hashes[i]);
            segment_put(sibling, all.numbers[i], all.hashes[i]);
        } else if (line != home_line(all.hashes[i], segment)) {
            all.numbers[left] = all.numbers[i];
            all.places[left] = all.places[i];
            all.hashes[left++] = all.hashes[i];
        }
    }
    for (size_t i = 0; i < left; i++) {
        segment_take(segment, all.places[i] >> 4, all.places[i] & 15, all.hashes[i]);
        segment_put(segment, all.numbers[i], all.hashes[i]);
    }
}

/* Half of the segment's hashes get a segment of their own. */
static cull_status segment_split(struct cull__blob_table *table, struct cull__slot_shard *shard,
                                 uint32_t at, uint64_t hash)
{
    struct cull__slots *slots = &table->slots;
    uint32_t depth = slots->segments[at].depth + 1u;
    uint32_t sibling = (uint32_t)slots->segment_count;
    cull_status status = CULL_OK;
    size_t span;
    size_t first;

    if (depth > shard->depth) {
        status = directory_double(table, shard);
    }
    if (status == CULL_OK) {
        status = reserve_segment(table);
    }
    if (status == CULL_OK) {
        status = segment_init(&slots->segments[sibling], SEGMENT_LINES_LOG2, depth, table);
    }
    if (status != CULL_OK) {
        return status;
    }
    slots->segment_count++;
    slots->segments[at].depth = (uint8_t)depth;
    segment_share(table, &slots->segments[at], &slots->segments[sibling]);
    span = (size_t)1 << (shard->depth - depth);
    first = ((size_t)directory_index(hash, depth) | 1) * span;
    for (size_t i = first; i < first + span; i++) {
        shard->directory[i] = sibling;
    }
    return CULL_OK;
}

cull_status cull__slots_add(struct cull__blob_table *table, uint32_t number, uint64_t hash)
{
    struct cull__slots *slots = &table->slots;
    struct cull__slot_shard *shard = &slots->shards[slots->shard_of[hash >> 56]];
    uint32_t at = segment_of(slots, hash);
    cull_status status = CULL_OK;

    while (status == CULL_OK &&
           CULL_UNLIKELY(slots->segments[at].used >= segment_entries_max(&slots->segments[at]))) {
        status = slots->segments[at].lines_log2 < SEGMENT_LINES_LOG2
                     ? segment_double(table, at)
                     : segment_split(table, shard, at, hash);
        at = segment_of(slots, hash);
    }
    if (status == CULL_OK && !segment_put_new(table, &slots->segments[at], number, hash)) {
        status = CULL_E_CORRUPT;
    }
    return status;
}

/* --- lookup and removal ---------------------------------------------------------------------- */

uint32_t cull__slots_find(const struct cull__blob_table *table, const uint8_t *digest,
                          uint64_t hash)
{
    return segment_find(table, &table->slots.segments[segment_of(&table->slots, hash)], digest,
                        hash);
}

/* A digest on its way to a number. */
struct query {
    uint64_t hash;
    const struct cull__slot_line *line;
    uint32_t match;  /* slots of the line that are left to be compared; none: not looked at yet */
    uint32_t number; /* that of the first of them */
    uint16_t steps;  /* lines from the home line */
    uint8_t which;
};

void cull__slots_expect(const struct cull__blob_table *table, const cull_digest *digest)
{
    CULL_PREFETCH(line_of(&table->slots, hash_digest(table, digest->bytes)));
}

/* Put a query on the line behind its own, and fetch it; false if no entry came by to lie there. */
static bool query_goes_on(const struct cull__slots *slots, struct query *query)
{
    const struct cull__slot_segment *segment = &slots->segments[segment_of(slots, query->hash)];
    uint32_t mask = (1u << segment->lines_log2) - 1;

    if (query->line->passed == 0 || query->steps == mask) {
        return false;
    }
    query->steps++;
    query->line = &lines_of(segment)[(home_line(query->hash, segment) + query->steps) & mask];
    CULL_PREFETCH(query->line);
    return true;
}

static inline void query_begin(const struct cull__blob_table *table, struct query *query,
                               const cull_digest *digest, uint8_t which)
{
    uint64_t hash = hash_digest(table, digest->bytes);

    *query = (struct query){ .hash = hash, .which = which };
    query->line = line_of(&table->slots, hash);
    CULL_PREFETCH(query->line);
}

/* Its line has come: fetch the first digest that may be the one. */
static inline void query_look(const struct cull__blob_table *table, struct query *query)
{
    if (query->match == 0) {
        query->match = line_matches(query->line, tag_of(query->hash));
    }
    if (CULL_LIKELY(query->match != 0)) {
        query->number = query->line->numbers[cull__lowest_bit(query->match)];
        CULL_PREFETCH(cull__blob_digest_at(table, query->number));
    }
}

/* That digest has come: is the query answered? */
static inline bool query_compare(const struct cull__blob_table *table, struct query *query,
                                 const cull_digest *digests, uint32_t *numbers)
{
    if (CULL_LIKELY(query->match != 0)) {
        if (CULL_LIKELY(cull__digest_equal(cull__blob_digest_at(table, query->number),
                                           digests[query->which].bytes, table->digest_len))) {
            numbers[query->which] = query->number;
            return true;
        }
        query->match &= query->match - 1;
    }
    if (query->match != 0 || query_goes_on(&table->slots, query)) {
        return false;
    }
    numbers[query->which] = CULL__BLOB_NONE;
    return true;
}

/* Each query is begun, looks and compares AHEAD steps after the one before: what it needs comes
 * meanwhile, and there is always something to do. Most are answered so; the others go on. */
static void find_some(const struct cull__blob_table *table, const cull_digest *digests,
                      const uint8_t *which, size_t count, uint32_t *numbers)
{
    struct query queries[BATCH];
    size_t left = 0;

    for (size_t i = 0; i < count + 2 * AHEAD; i++) {
        if (i < count) {
            query_begin(table, &queries[i], &digests[which[i]], which[i]);
        }
        if (i >= AHEAD && i < count + AHEAD) {
            query_look(table, &queries[i - AHEAD]);
        }
        if (i >= 2 * AHEAD && !query_compare(table, &queries[i - 2 * AHEAD], digests, numbers)) {
            queries[left++] = queries[i - 2 * AHEAD];
        }
    }
    while (left > 0) {
        size_t still = 0;

        for (size_t i = 0; i < left; i++) {
            query_look(table, &queries[i]);
        }
        for (size_t i = 0; i < left; i++) {
            if (!query_compare(table, &queries[i], digests, numbers)) {
                queries[still++] = queries[i];
            }
        }
        left = still;
    }
}

/* Numbers that come one after the other. */
struct streak {
    uint32_t next;
    unsigned left; /* guesses that may still fail */
};

/* Is this the digest of the next number? One that is not has probably been replaced, and what comes
 * behind it goes on. */
static inline bool streak_goes_on(const struct cull__blob_table *table, struct streak *streak,
                                  const cull_digest *digest, uint32_t *number)
{
    uint32_t next = streak->next++;

    if (next >= table->limit || !cull__blob_indexed(table, next) ||
        !cull__digest_equal(cull__blob_digest_at(table, next), digest->bytes, table->digest_len)) {
        streak->left = next < table->limit ? streak->left - 1 : 0;
        return false;
    }
    *number = next;
    streak->left = STREAK_MISSES;
    return true;
}

/* A manifest that is committed again names its blobs mostly in the order of their numbers, which its
 * first commit gave: after two that follow each other, the next row is compared before a hash is
 * made. That row is in the cache, where a slot is two misses away. */
void cull__slots_find_batch(const struct cull__blob_table *table, const cull_digest *digests,
                            size_t count, uint32_t *numbers)
{
    struct streak streak = { 0, 0 };

    for (size_t from = 0; from < count; from += BATCH) {
        size_t len = count - from < BATCH ? count - from : BATCH;
        const cull_digest *some = digests + from;
        uint32_t *found = numbers + from;
        uint8_t rest[BATCH];
        size_t rest_count = 0;

        for (size_t i = 0; i < len; i++) {
            if (streak.left == 0 || !streak_goes_on(table, &streak, &some[i], &found[i])) {
                rest[rest_count++] = (uint8_t)i;
            }
        }
        find_some(table, some, rest, rest_count, found);
        if (len > 1 && found[len - 1] < CULL__BLOB_NONE && found[len - 1] == found[len - 2] + 1) {
            streak = (struct streak){ found[len - 1] + 1, STREAK_MISSES };
        }
    }
}

void cull__slots_remove(struct cull__blob_table *table, uint32_t number)
{
    uint64_t hash = hash_row(table, number);
    struct cull__slot_segment *segment = &table->slots.segments[segment_of(&table->slots, hash)];
    struct cull__slot_line *lines = lines_of(segment);
    uint32_t mask = (1u << segment->lines_log2) - 1;
    uint32_t home = home_line(hash, segment);

    for (uint32_t steps = 0; steps <= mask; steps++) {
        struct cull__slot_line *line = &lines[(home + steps) & mask];
        uint32_t match = line_matches(line, tag_of(hash));

        while (match != 0 && line->numbers[cull__lowest_bit(match)] != number) {
            match &= match - 1;
        }
        if (match != 0) {
            segment_take(segment, (home + steps) & mask, cull__lowest_bit(match), hash);
            return;
        }
    }
    CULL_ASSERT(false); /* what is indexed stands in the slots */
}

/* --- building -------------------------------------------------------------------------------- */

/* One shard, large enough for the entries it will probably get. */
static cull_status shard_init(struct cull__blob_table *table, size_t i, uint64_t entries)
{
    struct cull__slots *slots = &table->slots;
    struct cull__slot_shard *shard = &slots->shards[i];
    unsigned lines_log2 = 0;
    size_t count;

    while (lines_log2 < SEGMENT_LINES_LOG2 &&
           entries > ((uint64_t)CULL__LINE_SLOTS << lines_log2) * 3 / 4) {
        lines_log2++;
    }
    while (shard->depth < DEPTH_MAX && entries >> shard->depth > SEGMENT_ENTRIES_MAX * 15 / 16) {
        shard->depth++;
    }
    count = (size_t)1 << shard->depth;
    shard->directory = cull__alloc(table->allocator, count, sizeof(*shard->directory));
    if (shard->directory == NULL) {
        return CULL_E_NOMEM;
    }
    for (size_t at = 0; at < count; at++) {
        cull_status status = reserve_segment(table);

        if (status == CULL_OK) {
            status = segment_init(&slots->segments[slots->segment_count], lines_log2, shard->depth,
                                  table);
        }
        if (status != CULL_OK) {
            return status;
        }
        shard->directory[at] = (uint32_t)slots->segment_count++;
    }
    return CULL_OK;
}

/* Rows from `from` on that the slots hold, and their segments: at most BATCH. Returns how many;
 * *from is the row after them. */
static size_t next_rows(const struct cull__blob_table *table, uint32_t *from, uint32_t *numbers,
                        uint32_t *segments)
{
    size_t count = 0;

    for (; count < BATCH && *from < table->limit; ++*from) {
        if (cull__blob_indexed(table, *from)) {
            numbers[count] = *from;
            segments[count++] = segment_of(&table->slots, hash_row(table, *from));
        }
    }
    return count;
}

/* All numbers, by segment: ends[i] is where those of segment i end, and those of the next begin.
 * Two reads of the rows in their order, one to count. `order` has room for all, ends for the
 * segments, zero. */
static void order_by_segment(const struct cull__blob_table *table, uint32_t *order, uint32_t *ends)
{
    uint32_t numbers[BATCH];
    uint32_t segments[BATCH];
    uint32_t begin = 0;
    uint32_t row = 0;
    size_t count;

    while ((count = next_rows(table, &row, numbers, segments)) > 0) {
        for (size_t i = 0; i < count; i++) {
            ends[segments[i]]++;
        }
    }
    for (size_t at = 0; at < table->slots.segment_count; at++) {
        uint32_t entries = ends[at];

        ends[at] = begin;
        begin += entries;
    }
    row = 0;
    while ((count = next_rows(table, &row, numbers, segments)) > 0) {
        for (size_t i = 0; i < count; i++) {
            order[ends[segments[i]]++] = numbers[i];
        }
    }
}

/* The numbers of one segment, while its lines are in the cache; it splits if they are too many. */
static cull_status add_some(struct cull__blob_table *table, const uint32_t *numbers, size_t count)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; i < count && i < BATCH; i++) {
        CULL_PREFETCH(cull__blob_digest_at(table, numbers[i]));
    }
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        if (i + BATCH < count) {
            CULL_PREFETCH(cull__blob_digest_at(table, numbers[i + BATCH]));
        }
        status = cull__slots_add(table, numbers[i], hash_row(table, numbers[i]));
    }
    return status;
}

/* Segment by segment: in the order of the rows each number would miss the cache for its line. */
static cull_status add_rows(struct cull__blob_table *table)
{
    const cull_allocator *allocator = table->allocator;
    size_t segments = table->slots.segment_count;
    uint32_t *order = cull__alloc(allocator, cull__blob_table_in_use(table) + 1u, sizeof *order);
    uint32_t *ends = cull__alloc_zero(allocator, segments, sizeof *ends);
    cull_status status = order != NULL && ends != NULL ? CULL_OK : CULL_E_NOMEM;

    if (status == CULL_OK) {
        order_by_segment(table, order, ends);
    }
    for (size_t at = 0; at < segments && status == CULL_OK; at++) {
        uint32_t begin = at > 0 ? ends[at - 1] : 0;

        status = add_some(table, order + begin, ends[at] - begin);
    }
    cull__free(allocator, ends);
    cull__free(allocator, order);
    return status;
}

cull_status cull__slots_build(struct cull__blob_table *table)
{
    struct cull__slots *slots = &table->slots;
    uint64_t entries = table->limit - table->free.count;
    cull_status status = CULL_OK;
    size_t value = 0;

    if (slots->built) {
        return CULL_OK;
    }
    for (size_t i = 0; status == CULL_OK && i < CULL__SLOT_SHARDS; i++) {
        status = shard_init(table, i, entries * shard_shares[i] / 256);
        for (size_t share = 0; share < shard_shares[i]; share++) {
            slots->shard_of[value++] = (uint8_t)i;
        }
    }
    if (status == CULL_OK) {
        status = add_rows(table);
    }
    if (status != CULL_OK) {
        cull__slots_release(table);
        return status;
    }
    slots->built = true;
    return CULL_OK;
}

void cull__slots_release(struct cull__blob_table *table)
{
    static const struct cull__slots none;
    struct cull__slots *slots = &table->slots;

    for (size_t i = 0; i < slots->segment_count; i++) {
        if (!slots->segments[i].slabbed) {
            cull__free(table->allocator, slots->segments[i].block);
        }
    }
    cull__slabs_release(&slots->slabs, table->allocator);
    for (size_t i = 0; i < CULL__SLOT_SHARDS; i++) {
        cull__free(table->allocator, slots->shards[i].directory);
    }
    cull__free(table->allocator, slots->segments);
    *slots = none;
}

/* --- validity -------------------------------------------------------------------------------- */

static const char *segment_broken(const struct cull__blob_table *table, uint32_t at)
{
    const struct cull__slot_segment *segment = &table->slots.segments[at];
    const struct cull__slot_line *lines = lines_of(segment);
    uint32_t mask = (1u << segment->lines_log2) - 1;
    uint32_t passed[1u << SEGMENT_LINES_LOG2] = { 0 };
    uint32_t used = 0;

    for (uint32_t line = 0; line <= mask; line++) {
        uint32_t full = ~line_matches(&lines[line], 0) & ((1u << CULL__LINE_SLOTS) - 1);

        for (; full != 0; full &= full - 1) {
            uint32_t number = lines[line].numbers[cull__lowest_bit(full)];
            uint64_t hash;

            if (number >= table->limit || !cull__blob_indexed(table, number)) {
                return "a slot's number is not in use";
            }
            hash = hash_row(table, number);
            if (segment_of(&table->slots, hash) != at ||
                lines[line].tags[cull__lowest_bit(full)] != tag_of(hash)) {
                return "a slot does not fit its number's digest";
            }
            if (cull__slots_find(table, cull__blob_digest_at(table, number), hash) != number) {
                return "a number is not found by its digest";
            }
            for (uint32_t by = home_line(hash, segment); by != line; by = (by + 1) & mask) {
                passed[by]++;
            }
            used++;
        }
    }
    for (uint32_t line = 0; line <= mask; line++) {
        if (passed[line] != lines[line].passed) {
            return "a line's count of passed entries is wrong";
        }
    }
    return used == segment->used ? NULL : "a segment's count is wrong";
}

bool cull__slots_valid(const struct cull__blob_table *table, const char **why)
{
    uint64_t entries = 0;
    uint64_t used = 0;

    *why = NULL;
    for (uint32_t number = 0; number < table->limit; number++) {
        entries += cull__blob_indexed(table, number);
    }
    for (uint32_t at = 0; *why == NULL && at < table->slots.segment_count; at++) {
        *why = segment_broken(table, at);
        used += table->slots.segments[at].used;
    }
    if (*why == NULL && used != entries) {
        *why = "the slots do not hold every blob";
    }
    return *why == NULL;
}
