/*
 * index.h - the index: blob table, lifespans, mark, counts, fingerprints. Knows base only.
 *
 * Blobs are dense 32-bit numbers, given and freed in the order of the log. Everything here is
 * state or pure reading of it: nothing refuses for a reason of policy, nothing reads a clock.
 * Functions that change state are called by `apply` with facts that were range-checked; what does
 * not fit is CULL_E_CORRUPT and leaves the structure as it was.
 */
#ifndef CULL_INDEX_H
#define CULL_INDEX_H

#include "base/bits.h"
#include "base/buf.h"
#include "cull/digest.h"
#include "cull/manifest.h"

/*
 * What holding a blob once adds to a sum. Sums of these, modulo 2^64, stand for multisets of blob
 * numbers: two that were kept in different ways are compared instead of the multisets. Numbers are
 * given by us, not by whoever uploads, so that it needs no secret. (The mixer is that of splitmix64,
 * shortened.)
 */
static inline uint64_t cull__held_hash(uint32_t number)
{
    uint64_t x = ((uint64_t)number + 1) * UINT64_C(0x9e3779b97f4a7c15);

    x ^= x >> 32;
    return x * UINT64_C(0xd6e8feb86659fd93);
}
/* The sum over count numbers. */
uint64_t cull__held_sum(const uint32_t *numbers, size_t count);

#define CULL__BLOB_NONE UINT32_MAX
#define CULL__BLOBS_MAX (UINT32_MAX - 1)
#define CULL__ORDINAL_NONE CULL__BIT_NONE
#define CULL__ORDINALS_MAX (UINT32_MAX - 2)

/* A growable array of 32-bit numbers. */
struct cull__u32s {
    uint32_t *at;
    size_t count;
    size_t capacity;
    const cull_allocator *allocator;
};
#define CULL__U32S_INIT(allocator_) \
    {                               \
        NULL, 0, 0, (allocator_)    \
    }
cull_status cull__u32s_push(struct cull__u32s *list, uint32_t value);
cull_status cull__u32s_reserve(struct cull__u32s *list, size_t more); /* room for more pushes */
void cull__u32s_sort(struct cull__u32s *list);                        /* ascending */
void cull__u32s_release(struct cull__u32s *list);

/* --- blob table (blob_table.c) ------------------------------------------------------------ */

enum cull__blob_state {
    CULL__BLOB_FREE = 0,     /* the number is not in use */
    CULL__BLOB_EXPECTED = 1, /* named by a pin, no object confirmed */
    CULL__BLOB_LIVE = 2,     /* its object is durable */
    CULL__BLOB_DELETING = 3  /* claimed by a collector; the object may be gone already */
};

struct cull__blob_table; /* digest, size, state, incarnation by number; numbers by digest */

/* seed places digests in the table (a forger of digests must not know it). keep_incarnations:
 * the store's keys end in one; the column is not there otherwise. */
cull_status cull__blob_table_new(struct cull__blob_table **out, cull_digest_kind kind,
                                 uint64_t seed, bool keep_incarnations,
                                 const cull_allocator *allocator);
void cull__blob_table_free(struct cull__blob_table *table);

/* Numbers ever given, free ones included: all numbers are below it. */
uint32_t cull__blob_table_limit(const struct cull__blob_table *table);
uint32_t cull__blob_table_in_use(const struct cull__blob_table *table);
/* The number that the (i+1)-th insertion from now will get: free ones first, last freed first. */
uint32_t cull__blob_table_next(const struct cull__blob_table *table, size_t i);

/* Numbers of digests, CULL__BLOB_NONE where there is none. The slots are built when
 * it pays (blob_table.c; a cycle never pays for them). Batched with prefetch. CULL_E_NOMEM;
 * CULL_E_CORRUPT: a loaded table holds a digest twice. */
cull_status cull__blob_table_find(struct cull__blob_table *table, const cull_digest *digests,
                                  size_t count, uint32_t *numbers);

/* Numbers that the next digests will probably have, in their order but for what came, went or was
 * replaced; zero but for numbers and count. */
struct cull__guesses {
    const uint32_t *numbers; /* borrowed; any numbers */
    size_t count;
    size_t at; /* the next one */
    unsigned useless;
};
/* The same answers, faster where the guesses are right (blob_guess.c). */
cull_status cull__blob_table_find_guessed(struct cull__blob_table *table,
                                          const cull_digest *digests, size_t count,
                                          struct cull__guesses *guesses, uint32_t *numbers);

/* A new EXPECTED blob under exactly cull__blob_table_next(table, 0): another number is
 * CULL_E_CORRUPT. So is a digest that is there already: at once if the slots stand, else when they
 * are built. */
cull_status cull__blob_table_insert(struct cull__blob_table *table, uint32_t number,
                                    const cull_digest *digest, uint64_t size_bytes,
                                    uint32_t incarnation);
/* A digest that is inserted soon: what is then looked at is fetched. Changes nothing. */
#define CULL__BLOB_EXPECTED_AHEAD 12 /* insertions, for which that pays */
void cull__blob_table_expect(const struct cull__blob_table *table, const cull_digest *digest);
/* As an insertion, in DELETING and out of the slots: an orphan of an incarnation that no put can name
 * again, whose digest another incarnation may have. */
cull_status cull__blob_table_adopt(struct cull__blob_table *table, uint32_t number,
                                   const cull_digest *digest, uint64_t size_bytes,
                                   uint32_t incarnation);
/* Free a number in DELETING (gone). */
cull_status cull__blob_table_erase(struct cull__blob_table *table, uint32_t number);
/* Take a digest out of the slots: a later insert makes a new incarnation beside it. */
cull_status cull__blob_table_unindex(struct cull__blob_table *table, uint32_t number);

enum cull__blob_state cull__blob_table_state(const struct cull__blob_table *table,
                                             uint32_t number); /* FREE past the limit */
cull_status cull__blob_table_set_state(struct cull__blob_table *table, uint32_t number,
                                       enum cull__blob_state state);
/* What a size adds to a sum: one that nobody gave adds nothing. */
static inline uint64_t cull__known_size(uint64_t size_bytes)
{
    return size_bytes == CULL_SIZE_UNKNOWN ? 0 : size_bytes;
}

/* Give a blob that is not DELETING a size. CULL_E_CORRUPT: it is DELETING, the size is unknown, or
 * the sum of all sizes would overflow. */
cull_status cull__blob_table_set_size(struct cull__blob_table *table, uint32_t number,
                                      uint64_t size_bytes);
/* CULL_SIZE_UNKNOWN if nobody has said one yet. */
uint64_t cull__blob_table_size(const struct cull__blob_table *table, uint32_t number);
/* The same as it counts in sums; *exact becomes false if it is not known. */
uint64_t cull__blob_table_known_size(const struct cull__blob_table *table, uint32_t number,
                                     bool *exact);
/* Known sizes of all blobs in use, added up. A blob whose size does not fit is not inserted. */
uint64_t cull__blob_table_total(const struct cull__blob_table *table);
void cull__blob_table_digest(const struct cull__blob_table *table, uint32_t number,
                             cull_digest *out);
uint32_t cull__blob_table_incarnation(const struct cull__blob_table *table, uint32_t number);
/* Bytes of heap in use. */
uint64_t cull__blob_table_memory(const struct cull__blob_table *table);
/* One row's part of a fingerprint: a 64-bit hash of its digest under the table's seed. */
uint64_t cull__blob_table_hash(const struct cull__blob_table *table, uint32_t number);
/* The same from a digest that is not in the table (a manifest's). */
uint64_t cull__digest_hash(const cull_digest *digest, cull_digest_kind kind, uint64_t seed);

/* The room's columns for a checkpoint, and back (bounds and sums checked; CULL_E_CORRUPT). */
cull_status cull__blob_table_save(const struct cull__blob_table *table, struct cull__buf *out);
/* *data, of len bytes, has come from the owner; what is kept of it is freed there with the table, and
 * *data is then NULL. Without an owner the rows are copied. */
cull_status cull__blob_table_take(struct cull__blob_table **out, cull_digest_kind kind,
                                  uint64_t seed, bool keep_incarnations, uint8_t **data, size_t len,
                                  const cull_allocator *owner, const cull_allocator *allocator,
                                  cull_error *err);
/* The same in two steps. Until the second has found all to be right, nothing of the table may be used
 * but its limit. It allocates nothing, so that a thread of ours may do it. */
cull_status cull__blob_table_lay(struct cull__blob_table **out, cull_digest_kind kind,
                                 uint64_t seed, bool keep_incarnations, uint8_t **data, size_t len,
                                 const cull_allocator *owner, const cull_allocator *allocator,
                                 cull_error *err);
bool cull__blob_table_check(struct cull__blob_table *table, const char **why);
bool cull__blob_table_valid(const struct cull__blob_table *table, const char **why);

/* --- lifespans of one collection (lifespan.c) --------------------------------------------- */

/*
 * Open lifespans: blob numbers in order of birth, births as runs (born, end). Closed ones: groups
 * by death, inside a group by birth; neither died nor born stands per row where runs are shorter
 * (else one born per row, so that a closed row is never over 8 bytes). A group knows how many of
 * its rows are alive (a prefix); killed rows stay until compaction drops them. Which ordinals are
 * retained (committed and not purged) is part of it.
 */
struct cull__lifespans;

cull_status cull__lifespans_new(struct cull__lifespans **out, const cull_allocator *allocator);
void cull__lifespans_free(struct cull__lifespans *spans);

uint32_t cull__lifespans_versions(const struct cull__lifespans *spans); /* ordinals given */
bool cull__lifespans_retained(const struct cull__lifespans *spans, uint32_t ordinal);
uint64_t cull__lifespans_open_count(const struct cull__lifespans *spans);
uint64_t cull__lifespans_closed_count(const struct cull__lifespans *spans); /* alive rows */
uint64_t cull__lifespans_memory(const struct cull__lifespans *spans);
/* The blobs of the open lifespans, in order of birth; borrowed until the next change. */
const uint32_t *cull__lifespans_open(const struct cull__lifespans *spans, size_t *count);

/* Commit ordinal = versions: close the open lifespans of closed (sorted, each open now), open
 * new ones for opened (each not open now; order kept). scratch: at least blob-limit bits, all
 * zero, zero again on return. CULL_E_CORRUPT: a blob is not as stated; CULL_E_NOMEM: unchanged. */
cull_status cull__lifespans_commit(struct cull__lifespans *spans, const uint32_t *closed,
                                   size_t closed_count, const uint32_t *opened, size_t opened_count,
                                   uint64_t *scratch, size_t scratch_bits);

/* What a commit of exactly these members (a bit set over blob numbers, `bits` of them; count of
 * set bits) would close (sorted) and open (ascending), appended to the lists. The members are
 * listed in blobs (any order, no duplicates), so that the cost is open + members. All bits are
 * clear on return, also when it fails. */
cull_status cull__lifespans_diff(const struct cull__lifespans *spans, uint64_t *members,
                                 size_t bits, const uint32_t *blobs, size_t blob_count,
                                 struct cull__u32s *closed, struct cull__u32s *opened);

/* Append the blobs of a retained ordinal: all lifespans that cross it. O(groups after it). */
cull_status cull__lifespans_members(const struct cull__lifespans *spans, uint32_t ordinal,
                                    struct cull__u32s *out);

/* Purge these retained ordinals (ascending, distinct), as if one after another, each with the
 * neighbours retained at that moment. Appends the blob of every killed lifespan to killed (a blob
 * may come more than once). All or nothing: CULL_E_NOMEM, CULL_E_CORRUPT leave it unchanged. */
cull_status cull__lifespans_purge(struct cull__lifespans *spans, const uint32_t *ordinals,
                                  size_t count, struct cull__u32s *killed);
/* The same without doing it: what a purge would kill. Pure. Cost follows what is killed and the
 * groups looked at. */
cull_status cull__lifespans_would_kill(const struct cull__lifespans *spans,
                                       const uint32_t *ordinals, size_t count,
                                       struct cull__u32s *killed);
/* Of those, the blobs from lo on and below hi. */
cull_status cull__lifespans_would_kill_within(const struct cull__lifespans *spans,
                                              const uint32_t *ordinals, size_t count, uint32_t lo,
                                              uint32_t hi, struct cull__u32s *killed);

/* Visit all alive lifespans of one blob: [born, died), died CULL__ORDINAL_NONE while open.
 * O(rows): for `why`, not for a hot path. */
cull_status cull__lifespans_of_blob(const struct cull__lifespans *spans, uint32_t blob,
                                    cull_status (*visit)(void *ctx, uint32_t born, uint32_t died),
                                    void *ctx);

/* One collection's columns appended to out, and back. Load checks everything against
 * blob_limit. Dead rows are not written. */
cull_status cull__lifespans_save(const struct cull__lifespans *spans, struct cull__buf *out);
cull_status cull__lifespans_load(struct cull__lifespans **out, struct cull__cursor *in,
                                 uint32_t blob_limit, const cull_allocator *allocator);
bool cull__lifespans_valid(const struct cull__lifespans *spans, const char **why);

/* --- the same rows, looked at again (recheck.c) ------------------------------------------------ */

/* Sum of held hashes over all alive lifespans, kept as they open and die. */
uint64_t cull__lifespans_sum(const struct cull__lifespans *spans);
uint32_t cull__lifespans_retained_count(const struct cull__lifespans *spans);

/* A purge of these retained ordinals (ascending, distinct), asked by the rule of the mark and not by
 * what a purge does: of all rows that it concerns, the sum kept now, and the sum that the rule makes
 * of births, deaths and the ordinals that would stay. Pure. Cost: the groups that died between
 * one of them and the next ordinal that stays, and, if none does, the open rows. CULL_E_NOMEM. */
cull_status cull__lifespans_sum_after(const struct cull__lifespans *spans, const uint32_t *ordinals,
                                      size_t count, uint64_t *kept, uint64_t *after);

/* Have rows changed since they were last looked at? A loaded collection has not: its sums come from
 * its rows, and those of load were alive by the rule. */
bool cull__lifespans_changed(const struct cull__lifespans *spans);
/* Look at what has changed, by the rule of the mark: false if it makes another sum than was kept.
 * Adds the rows to *looked_at. Cost: the changed groups, and the open rows if those changed. */
bool cull__lifespans_recheck(struct cull__lifespans *spans, uint64_t *looked_at);

/*
 * Every row of one collection, and with it the fingerprints of all versions that it had when the
 * pass began. By several workers at once, and in pieces: between two pieces other calls may change
 * the collection. What is compared is what a commit does not change (rows of groups that stand
 * already), or is looked at anew if one came in between (the open rows); a purge makes the pass begin
 * again. The caller holds the store's lock whenever it calls.
 */
struct cull__pass;

enum cull__pass_state {
    CULL__PASS_DONE,
    CULL__PASS_STOPPED,  /* stop answered true: call again, after others had the lock */
    CULL__PASS_DISAGREES /* a sum is not the one that was kept */
};

#define CULL__PASS_WORKERS 64

/* Memory: 16 bytes a version and worker. CULL_E_NOMEM. */
cull_status cull__pass_begin(struct cull__pass **out, const struct cull__lifespans *spans,
                             unsigned workers, const cull_allocator *allocator);
void cull__pass_free(struct cull__pass *pass);
/* Workers, the first so many, that the next piece needs or is worth. */
unsigned cull__pass_workers(const struct cull__pass *pass);
/* Times that the open rows were begun, 0 once they are done: commits that keep coming make it grow. */
unsigned cull__pass_turns(const struct cull__pass *pass);
/* Before a piece: what came since the last one. False: a purge did, begin a new pass. */
bool cull__pass_resume(struct cull__pass *pass, const struct cull__lifespans *spans);
/* One worker's part of a piece; workers, each with its own number, may run at once. stop is asked
 * every few thousand rows; NULL: nobody waits. */
enum cull__pass_state cull__pass_run(struct cull__pass *pass, const struct cull__blob_table *table,
                                     unsigned worker, bool (*stop)(void *ctx), void *ctx);
/* Once every worker has ended its part: are the open rows done, so that groups come next, or all? */
enum cull__pass_state cull__pass_join(struct cull__pass *pass);
/* When all is done: the fingerprints of the versions below *versions, borrowed; and none of what
 * the pass looked at counts as changed any more. */
const struct cull__fingerprint *cull__pass_end(const struct cull__pass *pass,
                                               struct cull__lifespans *spans, uint32_t *versions);

/* --- mark (mark.c) -------------------------------------------------------------------------- */

/* Set the bit of every blob that a version in keep (a bit set over ordinals, at least
 * versions bits) holds. Independent of the incremental part: reads births and deaths of the rows
 * and the retained ordinals, not the alive prefixes. keep NULL: all retained ordinals.
 * Streaming; sets bits, compares nothing inside a group's prefix. */
void cull__mark(const struct cull__lifespans *spans, const uint64_t *keep, uint64_t *marked,
                size_t bits);
/* The count side, recomputed from scratch: adds 1 to counts[blob] for every lifespan that some
 * retained version crosses. For full verification and fsck. */
void cull__mark_count(const struct cull__lifespans *spans, uint32_t *counts, size_t limit);

/* --- counts (counts.c) ---------------------------------------------------------------------- */

/* Lifespans that some retained version crosses, over all collections, plus pins; and the set of
 * blobs whose count is 0, kept as it changes. */
struct cull__counts;

cull_status cull__counts_new(struct cull__counts **out, const cull_allocator *allocator);
void cull__counts_free(struct cull__counts *counts);
/* Numbers below limit have a count from now on (0 for new ones). */
cull_status cull__counts_grow(struct cull__counts *counts, uint32_t limit);
uint32_t cull__counts_limit(const struct cull__counts *counts);
uint32_t cull__counts_get(const struct cull__counts *counts, uint32_t blob);
/* CULL_E_CORRUPT: past the limit, over UINT32_MAX, below zero. */
cull_status cull__counts_add(struct cull__counts *counts, uint32_t blob);
cull_status cull__counts_sub(struct cull__counts *counts, uint32_t blob);
/* A number became free: nothing holds it, and it is not found any more. CULL_E_CORRUPT: it is held. */
cull_status cull__counts_dismiss(struct cull__counts *counts, uint32_t blob);
/* All that are free in a table, after loading. */
cull_status cull__counts_dismiss_free(struct cull__counts *counts,
                                      const struct cull__blob_table *table);
/* A number has a blob again. Past the limit: nothing to do, it is found when the counts grow. */
void cull__counts_admit(struct cull__counts *counts, uint32_t blob);
/* The next blob >= from whose count is 0, CULL__BLOB_NONE if none: finds garbage without looking
 * at what is alive, nor at numbers that are free (two levels of bits). */
uint32_t cull__counts_next_zero(const struct cull__counts *counts, uint32_t from);
uint64_t cull__counts_memory(const struct cull__counts *counts);
/* Sum of count x held hash over all blobs, kept as counts change. */
uint64_t cull__counts_sum(const struct cull__counts *counts);
/* Each CULL__COUNTS_BLOCK counts have a sum as well. The first number of the first block from
 * `from` on and below `end` that does not add up to its own, CULL__BLOB_NONE if all do: memory has
 * changed under us. from is the first of a block. About 1 ns a count. */
#define CULL__COUNTS_BLOCK 64
uint32_t cull__counts_broken(const struct cull__counts *counts, uint32_t from, uint32_t end);
/* Do the blocks' sums add up to the whole one? */
bool cull__counts_sums_agree(const struct cull__counts *counts);
cull_status cull__counts_save(const struct cull__counts *counts, struct cull__buf *out);
cull_status cull__counts_load(struct cull__counts **out, struct cull__cursor *in,
                              const cull_allocator *allocator);
/* The same in two steps, of which the second allocates nothing: *bytes are those of the counts. *data, of
 * len bytes, has come from the owner, who is as in cull__blob_table_take. */
cull_status cull__counts_lay(struct cull__counts **out, uint8_t **data, size_t len,
                             const cull_allocator *owner, const uint8_t **bytes,
                             const cull_allocator *allocator);
void cull__counts_fill(struct cull__counts *counts, const uint8_t *bytes);
/* table NULL: all numbers have blobs. */
bool cull__counts_valid(const struct cull__counts *counts, const struct cull__blob_table *table,
                        const char **why);

/* --- fingerprints (fingerprint.c) ----------------------------------------------------------- */

/* Number and 64-bit sum of seeded hashes of a set of blobs: a third figure that is computed from
 * a manifest, not from lifespans. */
struct cull__fingerprint {
    uint64_t count;
    uint64_t sum;
};

/* Fingerprints of all versions from the lifespans, in one pass: add at born, subtract at died,
 * prefix sum. out has versions elements; those of ordinals that are not retained mean nothing. */
cull_status cull__fingerprints(const struct cull__lifespans *spans,
                               const struct cull__blob_table *table, struct cull__fingerprint *out,
                               const cull_allocator *allocator);

#endif
