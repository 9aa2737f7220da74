/*
 * bench_mark.c - how close is a mark to what the machine can do at all?
 *
 * Asked of a collection of V versions of F files, a share of which is replaced in each version,
 * blob numbers as the commits give them. Beside the mark stand two loops over the same lifespans:
 * a plain sum over 12 bytes a lifespan (blob, born, died, as a flat table would hold them), and a
 * loop that only sets the bits of the alive blobs, in the same order, from one flat array.
 * mark_ratios takes all three in turn within one run; the budgets are 2.5 and 1.2.
 */
#include "harness.h"

#include "collection.h"
#include "shared/bench_base.h"
#include "shared/limit_memory.h"
#include "shared/samples.h"

static void mark(struct collection *all)
{
    memset(all->marked, 0, cull__bits_words(all->blobs) * sizeof(*all->marked));
    cull__mark(all->spans, NULL, all->marked, all->blobs);
    bench_keep(all->marked[0]);
}

static void plain_sum(struct collection *all)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < all->lifespans; i++) {
        sum += (uint64_t)all->flat[i].blob + all->flat[i].born + all->flat[i].died;
    }
    bench_keep(sum);
}

static void bits_only(struct collection *all)
{
    memset(all->marked, 0, cull__bits_words(all->blobs) * sizeof(*all->marked));
    for (uint64_t i = 0; i < all->lifespans; i++) {
        cull__bit_set(all->marked, all->alive[i]);
    }
    bench_keep(all->marked[0]);
}

static void run(struct bench *bench, void (*once)(struct collection *all))
{
    struct collection all;

    collection_init(&all, bench, false);
    collection_flatten(&all);
    while (bench_next(bench)) {
        once(&all);
    }
    bench_items(bench, all.lifespans);
    bench_counter(bench, "bytes_a_lifespan",
                  (double)cull__lifespans_memory(all.spans) / (double)all.lifespans);
    collection_release(&all);
}

void bench_mark_full(struct bench *bench)
{
    run(bench, mark);
}

void bench_mark_plain_sum(struct bench *bench)
{
    run(bench, plain_sum);
}

void bench_mark_bits_only(struct bench *bench)
{
    run(bench, bits_only);
}

static double seconds_of(void (*once)(struct collection *all), struct collection *all)
{
    double begun = bench_now();

    once(all);
    return bench_now() - begun;
}

/* All three in turn, so that they meet the same machine. */
void bench_mark_ratios(struct bench *bench)
{
    double seconds[3] = { 0, 0, 0 };
    struct collection all;

    collection_init(&all, bench, false);
    collection_flatten(&all);
    while (bench_next(bench)) {
        double marked = seconds_of(mark, &all);
        double summed = seconds_of(plain_sum, &all);
        double set = seconds_of(bits_only, &all);

        sample("mark.sum", marked * 1e3, summed * 1e3);
        sample("mark.bits", marked * 1e3, set * 1e3);
        seconds[0] += marked;
        seconds[1] += summed;
        seconds[2] += set;
    }
    sample("lifespan.mark", (double)cull__lifespans_memory(all.spans) / (double)all.lifespans,
           sizeof(uint32_t));
    bench_counter(bench, "mark_to_sum", seconds[0] / seconds[1]);
    bench_counter(bench, "mark_to_bits", seconds[0] / seconds[2]);
    collection_release(&all);
}

/* What a closed lifespan takes where nothing is born together: so few files change in a version that
 * each death gathers rows of as many births. The open ones, a number each, are taken off. */
void bench_lifespan_worst(struct bench *bench)
{
    struct collection all;
    double bytes = 0;

    collection_init(&all, bench, false);
    while (bench_next(bench)) {
        uint64_t open = cull__lifespans_open_count(all.spans);

        bytes = (double)(cull__lifespans_memory(all.spans) - open * sizeof(uint32_t)) /
                (double)(all.lifespans - open);
        bench_keep((uint64_t)bytes);
    }
    sample("lifespan.closed", bytes, sizeof(uint32_t));
    bench_counter(bench, "bytes_a_closed_lifespan", bytes);
    collection_release(&all);
}

void bench_mark_count(struct bench *bench)
{
    struct collection all;
    uint32_t *counts;

    collection_init(&all, bench, false);
    counts = must(calloc(all.blobs, sizeof(*counts)));
    while (bench_next(bench)) {
        cull__mark_count(all.spans, counts, all.blobs);
        bench_keep(counts[0]);
    }
    bench_items(bench, all.lifespans);
    free(counts);
    collection_release(&all);
}

static struct cull__blob_table *table_of(uint32_t blobs)
{
    struct cull__blob_table *table = NULL;
    uint64_t random = 2;

    must_ok(cull__blob_table_new(&table, CULL_DIGEST_MD5, 7, false, cull_allocator_default()));
    for (uint32_t i = 0; i < blobs; i++) {
        cull_digest digest = { { 0 } };
        uint64_t words[2] = { bench_random(&random), bench_random(&random) };

        memcpy(digest.bytes, words, sizeof(words));
        must_ok(cull__blob_table_insert(table, i, &digest, i, 0));
    }
    return table;
}

void bench_fingerprints(struct bench *bench)
{
    struct cull__fingerprint *out;
    struct cull__blob_table *table;
    struct collection all;

    collection_init(&all, bench, false);
    table = table_of(all.blobs);
    out = must(calloc(cull__lifespans_versions(all.spans), sizeof(*out)));
    while (bench_next(bench)) {
        must_ok(cull__fingerprints(all.spans, table, out, cull_allocator_default()));
        bench_keep(out[0].sum);
    }
    bench_items(bench, all.lifespans);
    free(out);
    cull__blob_table_free(table);
    collection_release(&all);
}

/* The manifest of the head again: digests to numbers, bits, and the walk of the open lifespans.
 * The budget is 40 million entries a second. The numbers that the manifest gave when it was committed
 * are there, as a handle keeps them of the last one. What is left is a miss for each row's digest
 * and one for its state, where the limit has one for a slot and one for a digest. */
void bench_commit_known(struct bench *bench)
{
    struct cull__u32s closed = CULL__U32S_INIT(cull_allocator_default());
    struct cull__u32s opened = CULL__U32S_INIT(cull_allocator_default());
    struct cull__blob_table *table;
    struct limit_memory memory;
    struct collection all;
    cull_digest *digests;
    uint32_t *before; /* what the same manifest gave when it was committed */
    uint32_t *numbers;
    uint64_t *members;

    collection_init(&all, bench, false);
    table = table_of(all.blobs);
    digests = must(malloc(all.files * sizeof(*digests)));
    before = must(malloc(all.files * sizeof(*before)));
    numbers = must(malloc(all.files * sizeof(*numbers)));
    members = must(calloc(cull__bits_words(all.blobs), sizeof(*members)));
    limit_memory_init(&memory, all.blobs);
    for (uint32_t i = 0; i < all.files; i++) {
        cull__blob_table_digest(table, all.at[i], &digests[i]);
    }
    must_ok(cull__blob_table_find(table, digests, all.files, before)); /* the slots stand */
    while (bench_next(bench)) {
        struct cull__guesses guesses = { .numbers = before, .count = all.files };
        double begun = bench_now();

        must_ok(cull__blob_table_find_guessed(table, digests, all.files, &guesses, numbers));
        for (uint32_t i = 0; i < all.files; i++) {
            cull__bit_set(members, numbers[i]);
        }
        must_ok(cull__lifespans_diff(all.spans, members, all.blobs, numbers, all.files, &closed,
                                     &opened));
        if (closed.count + opened.count != 0) {
            bench_fail(bench, "the head's own manifest differs from it");
            break;
        }
        begun = bench_now() - begun;
        bench_pause(bench);
        sample("commit.known", all.files / begun / 1e6,
               all.files / limit_lookups(&memory, all.files) / 1e6);
        bench_resume(bench);
    }
    limit_memory_release(&memory);
    bench_items(bench, all.files);
    free(digests);
    free(before);
    free(numbers);
    free(members);
    cull__u32s_release(&closed);
    cull__u32s_release(&opened);
    cull__blob_table_free(table);
    collection_release(&all);
}
