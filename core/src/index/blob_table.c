/*
 * blob_table.c - what is known of each blob, by number; and numbers, by digest.
 *
 * SHAPE     Columns of digests, sizes, states (and incarnations, where keys end in one) in chunks;
 *           free numbers as a stack; slots from digest to number (blob_slots.c).
 * INVARIANT Rows of free numbers are zero. Every number in use and not unindexed is in the slots,
 *           once they stand, and no other; no two of those share a digest.
 * COST      25 bytes a blob with a 16-byte digest, 8.2 to 8.5 of slots, an eighth of air at most
 *           (column.c).
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
    if (table->taken != NULL) {
        cull__free(table->taken_from, table->taken);
    }
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

static bool in_use(const struct cull__blob_table *table, uint32_t number)
{
    return number < table->limit && *cull__blob_state_at(table, number) != CULL__BLOB_FREE;
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

cull_status cull__blob_rows_reserve(struct cull__blob_table *table, size_t rows)
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
    memcpy(cull__blob_digest_at(table, number), digest, table->digest_len);
    *cull__blob_size_at(table, number) = size_bytes;
    *cull__blob_state_at(table, number) = state;
    if (table->keep_incarnations) {
        *cull__blob_incarnation_at(table, number) = incarnation;
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
    status = cull__blob_rows_reserve(table, (size_t)number + 1);
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

void cull__blob_table_expect(const struct cull__blob_table *table, const cull_digest *digest)
{
    if (table->slots.built) {
        cull__slots_expect(table, digest);
    }
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
    if (table->slots.built && (*cull__blob_state_at(table, number) & CULL__BLOB_UNINDEXED) == 0) {
        cull__slots_remove(table, number);
    }
    table->total_bytes -= cull__known_size(*cull__blob_size_at(table, number));
    row_set(table, number, no_digest, 0, 0, CULL__BLOB_FREE);
    return CULL_OK;
}

cull_status cull__blob_table_unindex(struct cull__blob_table *table, uint32_t number)
{
    if (!in_use(table, number) ||
        (*cull__blob_state_at(table, number) & CULL__BLOB_UNINDEXED) != 0) {
        return CULL_E_CORRUPT;
    }
    if (table->slots.built) {
        cull__slots_remove(table, number);
    }
    *cull__blob_state_at(table, number) |= CULL__BLOB_UNINDEXED;
    return CULL_OK;
}

enum cull__blob_state cull__blob_table_state(const struct cull__blob_table *table, uint32_t number)
{
    if (number >= table->limit) {
        return CULL__BLOB_FREE;
    }
    return (enum cull__blob_state)(*cull__blob_state_at(table, number) & CULL__BLOB_STATE_MASK);
}

cull_status cull__blob_table_set_state(struct cull__blob_table *table, uint32_t number,
                                       enum cull__blob_state state)
{
    uint8_t *at;

    if (!in_use(table, number) || state < CULL__BLOB_EXPECTED || state > CULL__BLOB_DELETING) {
        return CULL_E_CORRUPT;
    }
    at = cull__blob_state_at(table, number);
    *at = (uint8_t)((*at & ~CULL__BLOB_STATE_MASK) | (unsigned)state);
    return CULL_OK;
}

cull_status cull__blob_table_set_size(struct cull__blob_table *table, uint32_t number,
                                      uint64_t size_bytes)
{
    enum cull__blob_state state = cull__blob_table_state(table, number);
    uint64_t total_bytes;

    if ((state != CULL__BLOB_EXPECTED && state != CULL__BLOB_LIVE) ||
        size_bytes == CULL_SIZE_UNKNOWN) {
        return CULL_E_CORRUPT;
    }
    total_bytes = table->total_bytes - cull__known_size(*cull__blob_size_at(table, number));
    if (!cull__add_u64(&total_bytes, total_bytes, size_bytes)) {
        return CULL_E_CORRUPT;
    }
    table->total_bytes = total_bytes;
    *cull__blob_size_at(table, number) = size_bytes;
    return CULL_OK;
}

uint64_t cull__blob_table_size(const struct cull__blob_table *table, uint32_t number)
{
    CULL_ASSERT(number < table->limit);
    return *cull__blob_size_at(table, number);
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
    memcpy(out->bytes, cull__blob_digest_at(table, number), table->digest_len);
}

uint32_t cull__blob_table_incarnation(const struct cull__blob_table *table, uint32_t number)
{
    CULL_ASSERT(number < table->limit);
    return table->keep_incarnations ? *cull__blob_incarnation_at(table, number) : 0;
}

uint64_t cull__blob_table_memory(const struct cull__blob_table *table)
{
    const struct cull__slots *slots = &table->slots;
    uint64_t bytes = sizeof(*table) + table->taken_len + cull__column_memory(&table->digests) +
                     cull__column_memory(&table->sizes) + cull__column_memory(&table->states) +
                     cull__column_memory(&table->incarnations) +
                     table->free.capacity * sizeof(*table->free.at) + slots->block_bytes +
                     cull__slabs_memory(&slots->slabs) +
                     slots->segment_capacity * sizeof(*slots->segments);

    for (size_t i = 0; slots->built && i < CULL__SLOT_SHARDS; i++) {
        bytes += sizeof(uint32_t) << slots->shards[i].depth;
    }
    return bytes;
}

uint64_t cull__blob_table_hash(const struct cull__blob_table *table, uint32_t number)
{
    return XXH3_64bits_withSeed(cull__blob_digest_at(table, number), table->digest_len,
                                table->seed);
}

uint64_t cull__digest_hash(const cull_digest *digest, cull_digest_kind kind, uint64_t seed)
{
    return XXH3_64bits_withSeed(digest->bytes, cull_digest_len(kind), seed);
}

void cull__blob_table_hashes(const struct cull__blob_table *table, const uint32_t *numbers,
                             size_t count, uint64_t *hashes)
{
    for (size_t i = 0; i < count; i++) {
        CULL_PREFETCH(cull__blob_digest_at(table, numbers[i]));
    }
    for (size_t i = 0; i < count; i++) {
        hashes[i] = cull__blob_table_hash(table, numbers[i]);
    }
}

/* The rows of one chunk; *why is NULL if they are as they must be. */
static void chunk_valid(const struct cull__blob_table *table, uint32_t first, uint32_t rows,
                        uint64_t *free_rows, uint64_t *total_bytes, const char **why)
{
    const uint8_t *states = cull__blob_state_at(table, first);
    const uint64_t *sizes = cull__blob_size_at(table, first);
    uint8_t all = 0;
    uint32_t unused = 0;
    uint64_t total = *total_bytes;
    bool overflows = false;

    for (uint32_t i = 0; i < rows; i++) {
        all |= states[i];
        unused += (states[i] & CULL__BLOB_STATE_MASK) == CULL__BLOB_FREE;
    }
    for (uint32_t i = 0; i < rows; i++) {
        uint64_t size_bytes = cull__known_size(sizes[i]);

        total += size_bytes;
        overflows |= total < size_bytes;
    }
    for (uint32_t i = 0; unused > 0 && i < rows; i++) {
        if ((states[i] & CULL__BLOB_STATE_MASK) == CULL__BLOB_FREE &&
            (states[i] != 0 || sizes[i] != 0 ||
             memcmp(cull__blob_digest_at(table, first + i), no_digest, table->digest_len) != 0 ||
             cull__blob_table_incarnation(table, first + i) != 0)) {
            *why = "a free number's row is not zero";
            return;
        }
    }
    *free_rows += unused;
    *total_bytes = total;
    if (all > (CULL__BLOB_UNINDEXED | CULL__BLOB_STATE_MASK)) {
        *why = "a state is unknown";
    } else if (overflows) {
        *why = "the sum of sizes overflows";
    }
}

bool cull__blob_rows_valid(const struct cull__blob_table *table, uint64_t *total_bytes,
                           const char **why)
{
    uint64_t free_rows = 0;

    *why = NULL;
    *total_bytes = 0;
    for (uint32_t first = 0; first < table->limit && *why == NULL;) {
        uint32_t left = table->limit - first;
        uint32_t rows = left < CULL__CHUNK_ROWS ? left : CULL__CHUNK_ROWS;

        chunk_valid(table, first, rows, &free_rows, total_bytes, why);
        first += rows;
    }
    for (size_t i = 0; i < table->free.count && *why == NULL; i++) {
        if (table->free.at[i] >= table->limit || in_use(table, table->free.at[i])) {
            *why = "a number in the free list is in use";
        }
    }
    if (*why == NULL && free_rows != table->free.count) {
        *why = "the free list does not hold every free number";
    }
    return *why == NULL;
}

bool cull__blob_table_valid(const struct cull__blob_table *table, const char **why)
{
    uint64_t total_bytes;

    if (!cull__blob_rows_valid(table, &total_bytes, why)) {
        return false;
    }
    if (total_bytes != table->total_bytes) {
        *why = "total_bytes disagrees with the rows";
    } else if (table->slots.built) {
        return cull__slots_valid(table, why);
    }
    return *why == NULL;
}
