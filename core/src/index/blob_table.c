/*
 * blob_table.c - what is known of each blob, by number; and numbers, by digest.
 *
 * SHAPE     Columns of digests, sizes, states (and incarnations, where keys end in one) in chunks;
 *           free numbers as a stack; slots from digest to number (blob_slots.c).
 * INVARIANT Rows of free numbers are zero. Every number in use and not unindexed is in the slots,
 *           once they stand, and no other; no two of those share a digest.
 * COST      25 bytes a blob with a 16-byte digest, 8.2 to 8.5 of slots, a sixteenth of air at most.
 *           A command that never looks for a digest, or only for a few, builds no slots.
 * FAILURE   Room is made before anything changes.
 * THREADS   None.
 * WHY NOT   A record of 25 bytes and more per blob: a mark's report reads sizes only, a lookup
 *           digests only.
 */
#include "base/hash.h"
#include "index/index_internal.h"

#define SCAN_ROWS_MIN 65536u
#define SCANS_MAX 8

cull_status cull__blob_table_new(struct cull__blob_table **out, cull_digest_kind kind,
                                 uint64_t seed, bool keep_incarnations,
                                 const cull_allocator *allocator)
{
    struct cull__blob_table *table;

    *out = NULL;
    if (cull_digest_len(kind) == 0) {
        return CULL_E_INVALID;
    }
    table = cull__alloc_zero(allocator, 1, sizeof(*table));
    if (table == NULL) {
        return CULL_E_NOMEM;
    }
    table->allocator = table->free.allocator = allocator;
    table->kind = kind;
    table->digest_len = cull_digest_len(kind);
    table->seed = seed;
    table->keep_incarnations = keep_incarnations;
    table->digests.width = table->digest_len;
    table->sizes.width = sizeof(uint64_t);
    table->states.width = 1;
    table->incarnations.width = sizeof(uint32_t);
    *out = table;
    return CULL_OK;
}

void cull__blob_table_free(struct cull__blob_table *table)
{
    if (table == NULL) {
        return;
    }
    cull__slots_release(table);
    cull__column_release(&table->digests, table->allocator);
    cull__column_release(&table->sizes, table->allocator);
    cull__column_release(&table->states, table->allocator);
    cull__column_release(&table->incarnations, table->allocator);
    cull__u32s_release(&table->free);
    cull__free(table->allocator, table);
}

uint32_t cull__blob_table_limit(const struct cull__blob_table *table)
{
    return table->limit;
}

uint32_t cull__blob_table_in_use(const struct cull__blob_table *table)
{
    return table->limit - (uint32_t)table->free.count;
}

uint32_t cull__blob_table_next(const struct cull__blob_table *table, size_t i)
{
    if (i < table->free.count) {
        return table->free.at[table->free.count - 1 - i];
    }
    i -= table->free.count;
    return i < CULL__BLOBS_MAX - table->limit ? table->limit + (uint32_t)i : CULL__BLOB_NONE;
}

static uint8_t *state_at(const struct cull__blob_table *table, uint32_t number)
{
    return (uint8_t *)cull__column_at(&table->states, number);
}

static uint8_t *digest_at(const struct cull__blob_table *table, uint32_t number)
{
    return (uint8_t *)cull__column_at(&table->digests, number);
}

static uint64_t *size_at(const struct cull__blob_table *table, uint32_t number)
{
    return (uint64_t *)cull__column_at(&table->sizes, number);
}

static uint32_t *incarnation_at(const struct cull__blob_table *table, uint32_t number)
{
    return (uint32_t *)cull__column_at(&table->incarnations, number);
}

static bool in_use(const struct cull__blob_table *table, uint32_t number)
{
    return number < table->limit && *state_at(table, number) != CULL__BLOB_FREE;
}

/* To build the slots costs some forty scans: who asks a few times, as a command does, never needs
 * them; who goes on asking has them after the eighth time. */
static bool scan_is_cheaper(struct cull__blob_table *table, size_t count)
{
    return !table->slots.built && table->limit >= SCAN_ROWS_MIN && count <= CULL__SCAN_DIGESTS &&
           table->scans++ < SCANS_MAX;
}

cull_status cull__blob_table_find(struct cull__blob_table *table, const cull_digest *digests,
                                  size_t count, uint32_t *numbers)
{
    cull_status status;

    if (scan_is_cheaper(table, count)) {
        return cull__blob_scan(table, digests, count, numbers);
    }
    status = cull__slots_build(table);
    if (status == CULL_OK) {
        cull__slots_find_batch(table, digests, count, numbers);
    }
    return status;
}

static cull_status reserve_rows(struct cull__blob_table *table, size_t rows)
{
    const cull_allocator *allocator = table->allocator;
    cull_status status = cull__column_reserve(&table->digests, rows, allocator);

    if (status == CULL_OK) {
        status = cull__column_reserve(&table->sizes, rows, allocator);
    }
    if (status == CULL_OK) {
        status = cull__column_reserve(&table->states, rows, allocator);
    }
    if (status == CULL_OK && table->keep_incarnations) {
        status = cull__column_reserve(&table->incarnations, rows, allocator);
    }
    return status;
}

static void row_set(struct cull__blob_table *table, uint32_t number, const uint8_t *digest,
                    uint64_t size_bytes, uint32_t incarnation, uint8_t state)
{
    memcpy(digest_at(table, number), digest, table->digest_len);
    *size_at(table, number) = size_bytes;
    *state_at(table, number) = state;
    if (table->keep_incarnations) {
        *incarnation_at(table, number) = incarnation;
    }
}

static const uint8_t no_digest[CULL_DIGEST_BYTES_MAX];

/* Put a new row under the next number, and into the slots if `indexed`. Slots that were never asked
 * for are not built for it: replaying a log's tail costs a cycle no table; a digest that stands
 * twice then shows when they are. */
static cull_status insert(struct cull__blob_table *table, uint32_t number,
                          const cull_digest *digest, uint64_t size_bytes, uint32_t incarnation,
                          bool indexed)
{
    uint64_t total_bytes;
    cull_status status;

    if (number == CULL__BLOB_NONE || number != cull__blob_table_next(table, 0) ||
        !cull__add_u64(&total_bytes, table->total_bytes, cull__known_size(size_bytes))) {
        return CULL_E_CORRUPT;
    }
    status = reserve_rows(table, (size_t)number + 1);
    if (status != CULL_OK) {
        return status;
    }
    row_set(table, number, digest->bytes, size_bytes, incarnation,
            indexed ? CULL__BLOB_EXPECTED : CULL__BLOB_DELETING | CULL__BLOB_UNINDEXED);
    if (indexed && table->slots.built) {
        status =
            cull__slots_add(table, number, cull__digest_hash(digest, table->kind, table->seed));
    }
    if (status != CULL_OK) {
        row_set(table, number, no_digest, 0, 0, CULL__BLOB_FREE);
        return status;
    }
    table->total_bytes = total_bytes;
    if (number == table->limit) {
        table->limit++;
    } else {
        table->free.count--;
    }
    return CULL_OK;
}

cull_status cull__blob_table_insert(struct cull__blob_table *table, uint32_t number,
                                    const cull_digest *digest, uint64_t size_bytes,
                                    uint32_t incarnation)
{
    return insert(table, number, digest, size_bytes, incarnation, true);
}

cull_status cull__blob_table_adopt(struct cull__blob_table *table, uint32_t number,
                                   const cull_digest *digest, uint64_t size_bytes,
                                   uint32_t incarnation)
{
    return insert(table, number, digest, size_bytes, incarnation, false);
}

cull_status cull__blob_table_erase(struct cull__blob_table *table, uint32_t number)
{
    cull_status status;

    if (cull__blob_table_state(table, number) != CULL__BLOB_DELETING) {
        return CULL_E_CORRUPT;
    }
    status = cull__u32s_push(&table->free, number);
    if (status != CULL_OK) {
        return status;
    }
    if (table->slots.built && (*state_at(table, number) & CULL__BLOB_UNINDEXED) == 0) {
        cull__slots_remove(table, number);
    }
    table->total_bytes -= cull__known_size(*size_at(table, number));
    row_set(table, number, no_digest, 0, 0, CULL__BLOB_FREE);
    return CULL_OK;
}

cull_status cull__blob_table_unindex(struct cull__blob_table *table, uint32_t number)
{
    if (!in_use(table, number) || (*state_at(table, number) & CULL__BLOB_UNINDEXED) != 0) {
        return CULL_E_CORRUPT;
    }
    if (table->slots.built) {
        cull__slots_remove(table, number);
    }
    *state_at(table, number) |= CULL__BLOB_UNINDEXED;
    return CULL_OK;
}

enum cull__blob_state cull__blob_table_state(const struct cull__blob_table *table, uint32_t number)
{
    if (number >= table->limit) {
        return CULL__BLOB_FREE;
    }
    return (enum cull__blob_state)(*state_at(table, number) & CULL__BLOB_STATE_MASK);
}

cull_status cull__blob_table_set_state(struct cull__blob_table *table, uint32_t number,
                                       enum cull__blob_state state)
{
    uint8_t *at;

    if (!in_use(table, number) || state < CULL__BLOB_EXPECTED || state > CULL__BLOB_DELETING) {
        return CULL_E_CORRUPT;
    }
    at = state_at(table, number);
    *at = (uint8_t)((*at & ~CULL__BLOB_STATE_MASK) | (unsigned)state);
    return CULL_OK;
}

uint64_t cull__blob_table_size(const struct cull__blob_table *table, uint32_t number)
{
    CULL_ASSERT(number < table->limit);
    return *size_at(table, number);
}

uint64_t cull__blob_table_known_size(const struct cull__blob_table *table, uint32_t number,
                                     bool *exact)
{
    uint64_t size_bytes = cull__blob_table_size(table, number);

    *exact = *exact && size_bytes != CULL_SIZE_UNKNOWN;
    return cull__known_size(size_bytes);
}

uint64_t cull__blob_table_total(const struct cull__blob_table *table)
{
    return table->total_bytes;
}

void cull__blob_table_digest(const struct cull__blob_table *table, uint32_t number,
                             cull_digest *out)
{
    CULL_ASSERT(number < table->limit);
    memset(out, 0, sizeof(*out));
    memcpy(out->bytes, digest_at(table, number), table->digest_len);
}

uint32_t cull__blob_table_incarnation(const struct cull__blob_table *table, uint32_t number)
{
    CULL_ASSERT(number < table->limit);
    return table->keep_incarnations ? *incarnation_at(table, number) : 0;
}

uint64_t cull__blob_table_memory(const struct cull__blob_table *table)
{
    const struct cull__slots *slots = &table->slots;
    uint64_t bytes = sizeof(*table) + cull__column_memory(&table->digests) +
                     cull__column_memory(&table->sizes) + cull__column_memory(&table->states) +
                     cull__column_memory(&table->incarnations) +
                     table->free.capacity * sizeof(*table->free.at) + slots->block_bytes +
                     slots->segment_capacity * sizeof(*slots->segments);

    for (size_t i = 0; slots->built && i < CULL__SLOT_SHARDS; i++) {
        bytes += sizeof(uint32_t) << slots->shards[i].depth;
    }
    return bytes;
}

uint64_t cull__blob_table_hash(const struct cull__blob_table *table, uint32_t number)
{
    return XXH3_64bits_withSeed(digest_at(table, number), table->digest_len, table->seed);
}

uint64_t cull__digest_hash(const cull_digest *digest, cull_digest_kind kind, uint64_t seed)
{
    return XXH3_64bits_withSeed(digest->bytes, cull_digest_len(kind), seed);
}

void cull__blob_table_hashes(const struct cull__blob_table *table, const uint32_t *numbers,
                             size_t count, uint64_t *hashes)
{
    for (size_t i = 0; i < count; i++) {
        CULL_PREFETCH(digest_at(table, numbers[i]));
    }
    for (size_t i = 0; i < count; i++) {
        hashes[i] = cull__blob_table_hash(table, numbers[i]);
    }
}

bool cull__blob_table_valid(const struct cull__blob_table *table, const char **why)
{
    uint64_t total_bytes = 0;
    uint64_t free_rows = 0;

    *why = NULL;
    for (uint32_t number = 0; number < table->limit; number++) {
        uint8_t state = *state_at(table, number);

        free_rows += state == CULL__BLOB_FREE;
        if ((state & CULL__BLOB_STATE_MASK) == CULL__BLOB_FREE &&
            (state != 0 || *size_at(table, number) != 0 ||
             memcmp(digest_at(table, number), no_digest, table->digest_len) != 0 ||
             cull__blob_table_incarnation(table, number) != 0)) {
            *why = "a free number's row is not zero";
        } else if (state > (CULL__BLOB_UNINDEXED | CULL__BLOB_STATE_MASK)) {
            *why = "a state is unknown";
        } else if (!cull__add_u64(&total_bytes, total_bytes,
                                  cull__known_size(*size_at(table, number)))) {
            *why = "the sum of sizes overflows";
        }
        if (*why != NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < table->free.count; i++) {
        if (table->free.at[i] >= table->limit || in_use(table, table->free.at[i])) {
            *why = "a number in the free list is in use";
            return false;
        }
    }
    if (free_rows != table->free.count) {
        *why = "the free list does not hold every free number";
    } else if (total_bytes != table->total_bytes) {
        *why = "total_bytes disagrees with the rows";
    } else if (table->slots.built) {
        return cull__slots_valid(table, why);
    }
    return *why == NULL;
}

/*
 * The checkpoint: u8 kind of digest, u8 keeps incarnations, u32 limit, u32 free numbers; then for
 * every 4,096 rows a block: states, a byte each; sizes, 8; digests; incarnations, 4, if kept; last
 * the free numbers, 4 each, the next to be given last. A block's place depends on the rows before
 * it only, so a segment in which no blob changed is written as it was.
 */

static void save_sizes(const struct cull__blob_table *table, uint32_t first, uint32_t rows,
                       struct cull__buf *out)
{
    uint8_t *room = cull__buf_room(out, 8 * (size_t)rows);

    if (room == NULL) {
        return;
    }
    for (uint32_t row = first; row < first + rows; row++) {
        uint64_t size_bytes = *size_at(table, row);

        for (unsigned i = 0; i < 8; i++) {
            *room++ = (uint8_t)(size_bytes >> (8 * i));
        }
    }
    out->len += 8 * (size_t)rows;
}

cull_status cull__blob_table_save(const struct cull__blob_table *table, struct cull__buf *out)
{
    cull__buf_u8(out, (uint8_t)table->kind);
    cull__buf_u8(out, table->keep_incarnations);
    cull__buf_u32(out, table->limit);
    cull__buf_u32(out, (uint32_t)table->free.count);
    for (uint32_t first = 0; first < table->limit;) {
        uint32_t left = table->limit - first;
        uint32_t rows = left < CULL__CHUNK_ROWS ? left : CULL__CHUNK_ROWS;

        cull__buf_put(out, state_at(table, first), rows);
        save_sizes(table, first, rows, out);
        cull__buf_put(out, digest_at(table, first), rows * table->digest_len);
        if (table->keep_incarnations) {
            cull__buf_u32s(out, incarnation_at(table, first), rows);
        }
        first += rows;
    }
    cull__buf_u32s(out, table->free.at, table->free.count);
    return out->failed ? CULL_E_NOMEM : CULL_OK;
}

/* The length was checked: all of it is there. False: the sum of the sizes overflows. */
static bool load_block(struct cull__blob_table *table, uint32_t first, uint32_t rows,
                       struct cull__cursor *in)
{
    const uint8_t *sizes;

    memcpy(state_at(table, first), cull__cursor_take(in, rows), rows);
    sizes = cull__cursor_take(in, 8 * (size_t)rows);
    for (uint32_t row = first; row < first + rows; row++, sizes += 8) {
        uint64_t size_bytes = 0;

        for (unsigned i = 0; i < 8; i++) {
            size_bytes |= (uint64_t)sizes[i] << (8 * i);
        }
        *size_at(table, row) = size_bytes;
        if (!cull__add_u64(&table->total_bytes, table->total_bytes, cull__known_size(size_bytes))) {
            return false;
        }
    }
    memcpy(digest_at(table, first), cull__cursor_take(in, rows * table->digest_len),
           rows * table->digest_len);
    if (table->keep_incarnations) {
        cull__u32s_decode(incarnation_at(table, first), cull__cursor_take(in, 4 * (size_t)rows),
                          rows);
    }
    return true;
}

/* The free list must name each free number once: each is marked as it is met, then unmarked. */
static bool load_free(struct cull__blob_table *table, size_t count, struct cull__cursor *in)
{
    const uint8_t met = 0x80;
    bool distinct = true;
    size_t i;

    cull__u32s_decode(table->free.at, cull__cursor_take(in, 4 * count), count);
    for (i = 0; i < count && distinct; i++) {
        uint32_t number = table->free.at[i];

        distinct = number < table->limit && *state_at(table, number) == CULL__BLOB_FREE;
        if (distinct) {
            *state_at(table, number) = met;
        }
    }
    table->free.count = i - !distinct;
    for (i = 0; i < table->free.count; i++) {
        *state_at(table, table->free.at[i]) = CULL__BLOB_FREE;
    }
    return distinct;
}

static cull_status load_rows(struct cull__blob_table *table, uint32_t limit, size_t free_count,
                             struct cull__cursor *in)
{
    cull_status status = reserve_rows(table, limit);

    if (status == CULL_OK) {
        status = cull__u32s_reserve(&table->free, free_count);
    }
    if (status != CULL_OK) {
        return status;
    }
    table->limit = limit;
    for (uint32_t first = 0; first < limit;) {
        uint32_t rows = limit - first < CULL__CHUNK_ROWS ? limit - first : CULL__CHUNK_ROWS;

        if (!load_block(table, first, rows, in)) {
            return CULL_E_CORRUPT;
        }
        first += rows;
    }
    return load_free(table, free_count, in) && !in->failed ? CULL_OK : CULL_E_CORRUPT;
}

cull_status cull__blob_table_load(struct cull__blob_table **out, cull_digest_kind kind,
                                  uint64_t seed, bool keep_incarnations, const void *data,
                                  size_t len, const cull_allocator *allocator, cull_error *err)
{
    struct cull__cursor in = cull__cursor(data, len);
    struct cull__blob_table *table = NULL;
    bool same = cull__cursor_u8(&in) == kind;
    bool same_keys = cull__cursor_u8(&in) == keep_incarnations;
    uint32_t limit = cull__cursor_u32(&in);
    uint32_t free_count = cull__cursor_u32(&in);
    const char *why = NULL;
    cull_status status = cull__blob_table_new(&table, kind, seed, keep_incarnations, allocator);

    *out = NULL;
    if (status != CULL_OK) {
        return cull__error_set(err, status, "blob table: %s", cull_strerror(status));
    }
    if (!same || !same_keys) {
        status = CULL_E_CORRUPT;
        why = "made for another kind of store";
    } else if (in.failed || limit > CULL__BLOBS_MAX || free_count > limit ||
               cull__cursor_left(&in) !=
                   (uint64_t)limit * (9 + table->digest_len + (keep_incarnations ? 4 : 0)) +
                       4 * (uint64_t)free_count) {
        status = CULL_E_CORRUPT;
        why = "its length does not fit its counts";
    } else {
        status = load_rows(table, limit, free_count, &in);
        why = "its free list or its sum of sizes is wrong";
    }
    if (status == CULL_OK && !cull__blob_table_valid(table, &why)) {
        status = CULL_E_CORRUPT;
    }
    if (status != CULL_OK) {
        cull__blob_table_free(table);
        return status == CULL_E_NOMEM
                   ? cull__error_nomem(err)
                   : cull__error_set(err, status, "blob table in the checkpoint: %s", why);
    }
    *out = table;
    return CULL_OK;
}
