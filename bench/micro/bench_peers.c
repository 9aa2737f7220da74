/*
 * bench_peers.c - the same blobs in other tables: what would a lookup and an insertion cost there?
 *
 * peer_uthash   a chained hash over structs, as the catalog's names are kept (uthash, its default
 *               hash).
 * peer_sorted   an array sorted by digest, searched by halves; sorted once, when all are there.
 * peer_robin    an open-addressing hash (tsl::robin_map, Debian's robin-map-dev); bench_peers_robin.cc.
 *
 * Each is asked what bench_blob_table.c asks of ours: blobs of 16 bytes to numbers of 4, in random
 * order. Where a digest is its own hash the peers take it so, as ours does but for its seed.
 */
#include "harness.h"

#include <uthash.h>

#include "bench_peers.h"
#include "shared/bench_base.h"

#define QUERIES (1u << 20)

/* --- uthash ------------------------------------------------------------------------------------- */

struct blob {
    uint64_t digest[2];
    uint32_t number;
    UT_hash_handle hh;
};

struct uthash_table {
    struct blob *blobs; /* all, in one block: an allocation each would be slower still */
    struct blob *by_digest;
    uint32_t count;
};

static void *chained_new(uint32_t blobs)
{
    struct uthash_table *table = must(calloc(1, sizeof(*table)));

    table->blobs = must(malloc(blobs * sizeof(*table->blobs)));
    return table;
}

static void chained_insert(void *ctx, const uint64_t digest[2], uint32_t number)
{
    struct uthash_table *table = ctx;
    struct blob *blob = &table->blobs[table->count++];

    memcpy(blob->digest, digest, sizeof(blob->digest));
    blob->number = number;
    HASH_ADD(hh, table->by_digest, digest, sizeof(blob->digest), blob);
}

static uint32_t chained_find(const void *ctx, const uint64_t digest[2])
{
    const struct uthash_table *table = ctx;
    struct blob *blob;

    HASH_FIND(hh, table->by_digest, digest, sizeof(blob->digest), blob);
    return blob == NULL ? UINT32_MAX : blob->number;
}

static double chained_bytes(const void *ctx)
{
    const struct uthash_table *table = ctx;

    return (double)HASH_OVERHEAD(hh, table->by_digest) +
           (double)table->count * (sizeof(struct blob) - sizeof(UT_hash_handle));
}

static void chained_free(void *ctx)
{
    struct uthash_table *table = ctx;

    HASH_CLEAR(hh, table->by_digest);
    free(table->blobs);
    free(table);
}

static const struct peer uthash_peer = { chained_new,  chained_insert, NULL,
                                         chained_find, chained_bytes,  chained_free };

/* --- a sorted array ----------------------------------------------------------------------------- */

struct entry {
    uint64_t digest[2];
    uint32_t number;
};

struct sorted_table {
    struct entry *entries;
    uint32_t count;
};

static int compare_digests(const uint64_t a[2], const uint64_t b[2])
{
    if (a[0] != b[0]) {
        return a[0] < b[0] ? -1 : 1;
    }
    return (a[1] > b[1]) - (a[1] < b[1]);
}

static int compare_entries(const void *a, const void *b)
{
    return compare_digests(((const struct entry *)a)->digest, ((const struct entry *)b)->digest);
}

static void *sorted_new(uint32_t blobs)
{
    struct sorted_table *table = must(calloc(1, sizeof(*table)));

    table->entries = must(malloc(blobs * sizeof(*table->entries)));
    return table;
}

static void sorted_insert(void *ctx, const uint64_t digest[2], uint32_t number)
{
    struct sorted_table *table = ctx;
    struct entry *entry = &table->entries[table->count++];

    memcpy(entry->digest, digest, sizeof(entry->digest));
    entry->number = number;
}

static void sorted_end(void *ctx)
{
    struct sorted_table *table = ctx;

    qsort(table->entries, table->count, sizeof(*table->entries), compare_entries);
}

static uint32_t sorted_find(const void *ctx, const uint64_t digest[2])
{
    const struct sorted_table *table = ctx;
    uint32_t low = 0;
    uint32_t high = table->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (compare_digests(table->entries[middle].digest, digest) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < table->count && compare_digests(table->entries[low].digest, digest) == 0
               ? table->entries[low].number
               : UINT32_MAX;
}

static double sorted_bytes(const void *ctx)
{
    return (double)((const struct sorted_table *)ctx)->count * sizeof(struct entry);
}

static void sorted_free(void *ctx)
{
    struct sorted_table *table = ctx;

    free(table->entries);
    free(table);
}

static const struct peer sorted_peer = { sorted_new,  sorted_insert, sorted_end,
                                         sorted_find, sorted_bytes,  sorted_free };

/* --- what is asked ------------------------------------------------------------------------------ */

static void *fill(const struct peer *peer, uint32_t blobs)
{
    void *table = peer->make(blobs);

    for (uint32_t i = 0; i < blobs; i++) {
        cull_digest digest = bench_digest(i);
        uint64_t words[2];

        memcpy(words, digest.bytes, sizeof(words));
        peer->insert(table, words, i);
    }
    if (peer->end != NULL) {
        peer->end(table);
    }
    return table;
}

/* Insertions are timed once, lookups by the loop. */
static void ask(struct bench *bench, const struct peer *peer)
{
    uint32_t blobs = (uint32_t)bench_size(bench, 0);
    uint64_t(*digests)[2] = must(malloc(QUERIES * sizeof(*digests)));
    uint32_t *wanted = must(malloc(QUERIES * sizeof(*wanted)));
    uint64_t random = 3;
    uint32_t wrong = 0;
    double begun = bench_now();
    void *table = fill(peer, blobs);
    double filled = bench_now() - begun;

    for (uint32_t i = 0; i < QUERIES; i++) {
        cull_digest digest;

        wanted[i] = (uint32_t)(bench_random(&random) % blobs);
        digest = bench_digest(wanted[i]);
        memcpy(digests[i], digest.bytes, sizeof(digests[i]));
    }
    while (bench_next(bench)) {
        for (uint32_t i = 0; i < QUERIES; i++) {
            wrong += peer->find(table, digests[i]) != wanted[i];
        }
    }
    if (wrong > 0) {
        bench_fail(bench, "the table found another blob, or none");
    }
    bench_items(bench, QUERIES);
    bench_counter(bench, "insertions_per_second", blobs / filled);
    bench_counter(bench, "bytes_a_blob", peer->bytes(table) / blobs);
    peer->release(table);
    free(digests);
    free(wanted);
}

void bench_peer_uthash(struct bench *bench)
{
    ask(bench, &uthash_peer);
}

void bench_peer_sorted(struct bench *bench)
{
    ask(bench, &sorted_peer);
}

void bench_peer_robin(struct bench *bench)
{
    ask(bench, &peer_robin);
}
