/*
 * measure_scale.c - how much memory do 10^11 references take, and how long does their mark?
 *
 * One collection is made, saved and loaded as often as there are collections: what their lifespans
 * take is counted, not reckoned. Their numbers lie in a bitmap of four tenths as many blobs as there
 * are lifespans, each range of it shared by 2.5 collections. The blob table and the counts would
 * take minutes to fill at this size: theirs is what a tenth of a range takes, by the blob.
 * The mark runs over all collections; beside it, the plain sum over as many rows of 12 bytes.
 */
#include "macro/measures.h"

#include "index/index.h"
#include "shared/bench_base.h"
#include "shared/samples.h"

#define GIB 1073741824.0

static void grow(struct cull__lifespans *spans, const struct shape *shape, uint32_t limit)
{
    uint64_t *scratch = must(calloc(cull__bits_words(limit), sizeof(*scratch)));
    uint32_t *at = must(malloc(shape->files * sizeof(*at)));
    struct cull__u32s closed = CULL__U32S_INIT(cull_allocator_default());
    struct cull__u32s opened = CULL__U32S_INIT(cull_allocator_default());
    uint64_t random = 1;
    uint32_t next = shape->files;

    for (uint32_t i = 0; i < shape->files; i++) {
        at[i] = i;
    }
    must_ok(cull__lifespans_commit(spans, NULL, 0, at, shape->files, scratch, limit));
    for (uint32_t v = 1; v < shape->versions; v++) {
        uint32_t first = next;

        closed.count = opened.count = 0;
        while (next < first + shape->changed) {
            uint32_t file = (uint32_t)(bench_random(&random) % shape->files);

            if (at[file] < first) {
                must_ok(cull__u32s_push(&closed, at[file]));
                must_ok(cull__u32s_push(&opened, next));
                at[file] = next++;
            }
        }
        cull__u32s_sort(&closed);
        must_ok(cull__lifespans_commit(spans, closed.at, closed.count, opened.at, opened.count,
                                       scratch, limit));
    }
    cull__u32s_release(&closed);
    cull__u32s_release(&opened);
    free(scratch);
    free(at);
}

static struct cull__lifespans **copies(const struct shape *shape, uint32_t count, uint32_t limit)
{
    struct cull__lifespans **all = must(calloc(count, sizeof(struct cull__lifespans *)));
    struct cull__buf saved = CULL__BUF_INIT(cull_allocator_default());
    struct cull__lifespans *made = NULL;

    must_ok(cull__lifespans_new(&made, cull_allocator_default()));
    grow(made, shape, limit);
    must_ok(cull__lifespans_save(made, &saved));
    cull__lifespans_free(made);
    for (uint32_t i = 0; i < count; i++) {
        struct cull__cursor cursor = cull__cursor(saved.data, saved.len);

        must_ok(cull__lifespans_load(&all[i], &cursor, limit, cull_allocator_default()));
    }
    cull__buf_release(&saved);
    return all;
}

/* Bytes a blob of table and counts, slots with them, which a cycle alone would not need. */
static double bytes_a_blob(uint32_t blobs)
{
    enum { LOOKED_UP = 4096 };
    struct cull__blob_table *table = NULL;
    struct cull__counts *counts = NULL;
    cull_digest *digests = must(calloc(LOOKED_UP, sizeof(*digests)));
    uint32_t *numbers = must(calloc(LOOKED_UP, sizeof(*numbers)));
    double bytes;

    must_ok(cull__blob_table_new(&table, CULL_DIGEST_MD5, 7, false, cull_allocator_default()));
    must_ok(cull__counts_new(&counts, cull_allocator_default()));
    for (uint32_t i = 0; i < blobs; i++) {
        cull_digest digest = bench_digest(i);

        must_ok(cull__blob_table_insert(table, i, &digest, i, 0));
    }
    must_ok(cull__blob_table_find(table, digests, LOOKED_UP, numbers));
    must_ok(cull__counts_grow(counts, blobs));
    bytes = (double)(cull__blob_table_memory(table) + cull__counts_memory(counts)) / blobs;
    cull__blob_table_free(table);
    cull__counts_free(counts);
    free(digests);
    free(numbers);
    return bytes;
}

void measure_scale(uint32_t collections, const struct shape *shape, unsigned rounds)
{
    uint64_t each = shape->files + (uint64_t)shape->changed * (shape->versions - 1);
    uint32_t limit = (uint32_t)(each + 63) & ~63u;
    uint32_t ranges = collections * 2 / 5 > 0 ? collections * 2 / 5 : 1;
    struct cull__lifespans **all = copies(shape, collections, limit);
    size_t words = cull__bits_words((size_t)limit * ranges);
    uint64_t *marked = must(calloc(words, sizeof(*marked)));
    void *rows = limit_rows(each);
    double blobs = (double)limit * ranges;
    double bytes = blobs * bytes_a_blob(limit / 10) + (double)(words * sizeof(*marked));

    for (uint32_t i = 0; i < collections; i++) {
        bytes += (double)cull__lifespans_memory(all[i]);
    }
    sample("mark.scale", bytes / GIB, (double)collections * (double)each * 12 / GIB);
    for (unsigned round = 0; round < rounds; round++) {
        double begun = bench_now();
        double seconds;

        memset(marked, 0, words * sizeof(*marked));
        for (uint32_t i = 0; i < collections; i++) {
            cull__mark(all[i], NULL, marked + (size_t)(i % ranges) * (limit / 64), limit);
        }
        seconds = bench_now() - begun;
        sample("mark.scale_time", seconds * 1e3, limit_sum(rows, each, collections, 1) * 1e3);
    }
    for (uint32_t i = 0; i < collections; i++) {
        cull__lifespans_free(all[i]);
    }
    free(all);
    free(marked);
    free(rows);
}
