/*
 * index_internal.h - what the files of the index share: columns in chunks, groups of closed
 * lifespans with their births, the collection's lifespans, the blob table and its slots.
 */
#ifndef CULL_INDEX_INTERNAL_H
#define CULL_INDEX_INTERNAL_H

#include "base/slabs.h"
#include "index/index.h"

#include <assert.h>

void cull__u32_sort(uint32_t *at, size_t count); /* ascending, in place */

/* Do numbers lie in memory as they lie in a checkpoint? The compiler knows. */
static inline bool cull__little_endian(void)
{
    const uint32_t one = 1;
    uint8_t first;

    memcpy(&first, &one, 1);
    return first == 1;
}

/* Raw little-endian numbers of a checkpoint: a plain copy where the machine is like that. */
void cull__buf_u32s(struct cull__buf *buf, const uint32_t *at, size_t count);
void cull__u32s_decode(uint32_t *at, const uint8_t *bytes, size_t count);

/* --- columns in chunks (column.c) ------------------------------------------------------------- */

#define CULL__CHUNK_BITS 12
#define CULL__CHUNK_ROWS (UINT32_C(1) << CULL__CHUNK_BITS)

struct cull__column {
    uint8_t **chunks; /* all of CULL__CHUNK_ROWS rows, but the last */
    size_t chunk_count;
    size_t chunk_capacity;
    size_t rows_capacity;
    size_t foreign;           /* the first chunks, which lie in somebody else's memory */
    size_t slabbed;           /* the last chunks, which lie in slabs */
    struct cull__slabs slabs; /* for a large column */
    size_t width;             /* bytes a row */
};

/* Room for rows rows; new ones hold nothing yet. CULL_E_NOMEM: what is there stays. */
cull_status cull__column_reserve(struct cull__column *column, size_t rows,
                                 const cull_allocator *allocator);
/* The next chunk, all of its rows, in memory that somebody else keeps and frees; the column has no
 * chunk of its own yet. CULL_E_NOMEM. */
cull_status cull__column_borrow(struct cull__column *column, void *chunk,
                                const cull_allocator *allocator);
void cull__column_release(struct cull__column *column, const cull_allocator *allocator);
uint64_t cull__column_memory(const struct cull__column *column);

static inline void *cull__column_at(const struct cull__column *column, uint32_t row)
{
    return column->chunks[row >> CULL__CHUNK_BITS] +
           (size_t)(row & (CULL__CHUNK_ROWS - 1)) * column->width;
}

/* --- groups of closed lifespans (group.c) ------------------------------------------------------ */

/*
 * The lifespans that one commit closed, in order of birth. One block holds count blob numbers and
 * then the births as an Elias-Fano sequence over born - base: a unary part with one bit for each
 * row and one for each step of 2^shift ordinals, then shift low bits a row.
 */
struct cull__group {
    uint32_t *rows;     /* NULL if none is alive */
    uint32_t died;      /* ordinal of the commit that closed them */
    uint32_t count;     /* rows stored */
    uint32_t alive;     /* of them a prefix */
    uint32_t base;      /* birth of the first row */
    uint32_t last_born; /* birth of the last alive row */
    uint8_t shift;
    bool changed; /* since it was last looked at: it is in the list of those */
    uint64_t sum; /* held hashes of the alive rows */
};

/* A group of count rows, births from base on and below died, to be filled with cull__group_put
 * in order of birth. */
cull_status cull__group_new(struct cull__group *out, uint32_t count, uint32_t base, uint32_t died,
                            const cull_allocator *allocator);
void cull__group_put(struct cull__group *group, uint32_t row, uint32_t blob, uint32_t born);
void cull__group_release(struct cull__group *group, const cull_allocator *allocator);
/* 32-bit words that the births take; rows come before them. */
size_t cull__group_birth_words(const struct cull__group *group);
uint64_t cull__group_memory(const struct cull__group *group);

/* Rows stored that were born before ordinal. Looks at no alive count. Cost: follows the rows
 * left out, 32 to a step. */
uint32_t cull__group_rows_before(const struct cull__group *group, uint32_t ordinal);
/* Alive rows born before ordinal, and the birth of the last of them. */
uint32_t cull__group_alive_before(const struct cull__group *group, uint32_t ordinal,
                                  uint32_t *last_born);
/* Drop the dead rows. Without memory for it they stay, which is no error. */
void cull__group_compact(struct cull__group *group, const cull_allocator *allocator);

/* Births of the rows in order. */
struct cull__births {
    const struct cull__group *group;
    const uint32_t *words;
    uint64_t low_at; /* first of the low bits */
    uint64_t at;     /* next bit of the unary part */
    uint32_t row;    /* next row */
};

struct cull__births cull__births(const struct cull__group *group);
uint32_t cull__births_next(struct cull__births *births);
/* Do births and unused bits obey the format? For bytes that come from outside. *last_born: the
 * birth of the last row stored. */
bool cull__group_births_valid(const struct cull__group *group, uint32_t *last_born);

/* --- lifespans --------------------------------------------------------------------------------- */

/* Open lifespans of one birth: they end before row end of the open ones. */
struct cull__run {
    uint32_t born;
    uint32_t end;
};

struct cull__lifespans {
    const cull_allocator *allocator;
    struct cull__u32s open;
    struct cull__run *runs;
    size_t run_count;
    size_t run_capacity;
    struct cull__group *groups; /* by died, ascending */
    size_t group_count;
    size_t group_capacity;
    size_t groups_empty;        /* groups without an alive row, not yet dropped */
    uint64_t closed_alive;      /* rows */
    struct cull__bits retained; /* one bit an ordinal: its count is the number of versions */
    uint32_t blob_limit;        /* all blob numbers in rows are below it */
    uint32_t retained_count;
    uint64_t sum;              /* of the groups, and open_sum */
    uint64_t open_sum;         /* held hashes of the open rows */
    uint64_t purges;           /* since it was made: groups may have moved */
    bool open_changed;         /* since it was last looked at */
    bool all_changed;          /* no memory for the list: any group may have */
    struct cull__u32s changed; /* died of the groups that have */
};

/* Rows of a group, which has some, that the rule calls alive where the ordinals of keep stay. */
uint32_t cull__group_rows_kept(const struct cull__group *group, const uint64_t *keep);
/* Note that a group must be looked at again. */
void cull__lifespans_touch(struct cull__lifespans *spans, struct cull__group *group);
/* Index of the first group that died at ordinal or later. */
size_t cull__lifespans_group_from(const struct cull__lifespans *spans, uint32_t ordinal);
/* Open rows born before ordinal: a prefix. */
uint32_t cull__lifespans_open_before(const struct cull__lifespans *spans, uint32_t ordinal);

/* count rows into fingerprints by ordinal: at born (from births, or one for all, if that is NULL) their
 * digests' hashes, at died (unless it is CULL__ORDINAL_NONE) the sum of those taken off. Returns the sum
 * of their held hashes. */
uint64_t cull__fingerprint_rows(struct cull__fingerprint *prints,
                                const struct cull__blob_table *table, const uint32_t *rows,
                                size_t count, struct cull__births *births, uint32_t born,
                                uint32_t died);

/* --- blob table -------------------------------------------------------------------------------- */

#define CULL__LINE_SLOTS 12
#define CULL__SLOT_SHARDS 8

/* One cache line of slots. */
struct cull__slot_line {
    uint8_t tags[CULL__LINE_SLOTS]; /* 0: empty, else eight bits of the hash */
    uint16_t passed;                /* entries that lie in a later line, but came by here */
    uint16_t zero;
    uint32_t numbers[CULL__LINE_SLOTS];
};
static_assert(sizeof(struct cull__slot_line) == 64, "a line of slots is a cache line");

struct cull__slot_segment {
    void *block; /* lines begin at the next multiple of 64 */
    uint16_t used;
    uint8_t depth;
    uint8_t lines_log2 : 7;
    uint8_t slabbed : 1; /* block lies in a slab */
};

struct cull__slot_shard {
    uint32_t *directory; /* 2^depth segment numbers */
    uint32_t depth;
};

struct cull__slots {
    bool built;
    uint8_t shard_of[256]; /* by the highest byte of the hash */
    struct cull__slot_shard shards[CULL__SLOT_SHARDS];
    struct cull__slot_segment *segments;
    size_t segment_count;
    size_t segment_capacity;
    uint64_t block_bytes;     /* of blocks that do not lie in slabs */
    struct cull__slabs slabs; /* once there are many */
};

#define CULL__BLOB_STATE_MASK 3u
#define CULL__BLOB_UNINDEXED 4u

struct cull__blob_table {
    const cull_allocator *allocator;
    cull_digest_kind kind;
    size_t digest_len;
    uint64_t seed;
    bool keep_incarnations;
    uint32_t limit;
    uint64_t total_bytes; /* known sizes of all blobs in use */
    struct cull__column digests;
    struct cull__column sizes;
    struct cull__column states; /* enum cull__blob_state, and CULL__BLOB_UNINDEXED */
    struct cull__column incarnations;
    struct cull__u32s free; /* a stack */
    uint32_t scans;         /* lookups that were answered without slots */
    uint8_t *taken;         /* a checkpoint, in which the columns' first chunks lie */
    size_t taken_len;
    const cull_allocator *taken_from;
    struct cull__slots slots;
};

static inline uint8_t *cull__blob_state_at(const struct cull__blob_table *table, uint32_t number)
{
    return (uint8_t *)cull__column_at(&table->states, number);
}

static inline uint8_t *cull__blob_digest_at(const struct cull__blob_table *table, uint32_t number)
{
    return (uint8_t *)cull__column_at(&table->digests, number);
}

static inline uint64_t *cull__blob_size_at(const struct cull__blob_table *table, uint32_t number)
{
    return (uint64_t *)cull__column_at(&table->sizes, number);
}

static inline uint32_t *cull__blob_incarnation_at(const struct cull__blob_table *table,
                                                  uint32_t number)
{
    return (uint32_t *)cull__column_at(&table->incarnations, number);
}

/* Room for rows rows in all columns. */
cull_status cull__blob_rows_reserve(struct cull__blob_table *table, size_t rows);

/* Are the rows and the free list as they must be? *total_bytes: the known sizes, added up. */
bool cull__blob_rows_valid(const struct cull__blob_table *table, uint64_t *total_bytes,
                           const char **why);

/* Is a row's number in the slots, once they stand? */
static inline bool cull__blob_indexed(const struct cull__blob_table *table, uint32_t number)
{
    uint8_t state = *cull__blob_state_at(table, number);

    return state != CULL__BLOB_FREE && (state & CULL__BLOB_UNINDEXED) == 0;
}

static inline bool cull__digest_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    uint64_t x[2];
    uint64_t y[2];

    memcpy(x, a, sizeof(x)); /* every digest has 16 bytes and more */
    memcpy(y, b, sizeof(y));
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0 &&
           (len == sizeof(x) || memcmp(a + sizeof(x), b + sizeof(x), len - sizeof(x)) == 0);
}

#define CULL__SCAN_DIGESTS 1024 /* at most, in one scan */

/*
 * Numbers of a few digests (blob_scan.c), without slots: the rows are read once, about 2 ns each.
 * CULL_E_NOMEM. CULL_E_CORRUPT: two numbers have one of these digests.
 */
cull_status cull__blob_scan(const struct cull__blob_table *table, const cull_digest *digests,
                            size_t count, uint32_t *numbers);

/* Build the slots from the rows, unless they stand. CULL_E_CORRUPT: a digest comes twice. */
cull_status cull__slots_build(struct cull__blob_table *table);
void cull__slots_release(struct cull__blob_table *table);
/* The number of a digest with this hash, or CULL__BLOB_NONE. */
uint32_t cull__slots_find(const struct cull__blob_table *table, const uint8_t *digest,
                          uint64_t hash);
void cull__slots_find_batch(const struct cull__blob_table *table, const cull_digest *digests,
                            size_t count, uint32_t *numbers);
/* This digest is added soon: fetch its line. */
void cull__slots_expect(const struct cull__blob_table *table, const cull_digest *digest);
/* Add a number, whose row holds its digest already. CULL_E_CORRUPT: another number has that. */
cull_status cull__slots_add(struct cull__blob_table *table, uint32_t number, uint64_t hash);
void cull__slots_remove(struct cull__blob_table *table, uint32_t number);
/* Does every slot hold what its row says, and nothing else? */
bool cull__slots_valid(const struct cull__blob_table *table, const char **why);

/* cull__blob_table_hash of count numbers, with prefetch. */
void cull__blob_table_hashes(const struct cull__blob_table *table, const uint32_t *numbers,
                             size_t count, uint64_t *hashes);

#endif
