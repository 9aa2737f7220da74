/*
 * collection.c - a collection for the benchmarks of the index; see collection.h.
 */
#include "collection.h"

#include "shared/bench_base.h"

/* What number each blob gets; NULL: in the order in which they come. */
static uint32_t *shuffle(uint32_t blobs)
{
    uint32_t *number = must(malloc(blobs * sizeof(*number)));
    uint64_t random = 4;

    for (uint32_t i = 0; i < blobs; i++) {
        uint32_t other = (uint32_t)(bench_random(&random) % (i + 1));

        number[i] = number[other];
        number[other] = i;
    }
    return number;
}

static uint32_t number_of(const uint32_t *numbers, uint32_t blob)
{
    return numbers == NULL ? blob : numbers[blob];
}

/* Replace count files by new blobs, as the next version. */
static void commit_changes(struct collection *all, const uint32_t *numbers, uint32_t count,
                           uint64_t *random, uint64_t *scratch, size_t scratch_bits)
{
    struct cull__u32s closed = CULL__U32S_INIT(cull_allocator_default());
    uint32_t *opened = must(malloc(count * sizeof(*opened)));
    uint32_t first = all->blobs;
    uint32_t fresh = 0;

    while (fresh < count) {
        uint32_t file = (uint32_t)(bench_random(random) % all->files);

        if (all->at[file] < first) { /* not replaced in this version yet */
            must_ok(cull__u32s_push(&closed, number_of(numbers, all->at[file])));
            all->at[file] = all->blobs++;
            opened[fresh++] = number_of(numbers, all->at[file]);
        }
    }
    cull__u32s_sort(&closed);
    must_ok(cull__lifespans_commit(all->spans, closed.at, closed.count, opened, fresh, scratch,
                                   scratch_bits));
    cull__u32s_release(&closed);
    free(opened);
}

void collection_flatten(struct collection *all)
{
    const struct cull__lifespans *spans = all->spans;
    size_t row = 0;

    all->flat = must(malloc(all->lifespans * sizeof(*all->flat)));
    all->alive = must(malloc(all->lifespans * sizeof(*all->alive)));
    for (size_t i = 0; i < spans->group_count; i++) {
        struct cull__births births = cull__births(&spans->groups[i]);

        for (uint32_t j = 0; j < spans->groups[i].count; j++, row++) {
            all->flat[row] = (struct row){ spans->groups[i].rows[j], cull__births_next(&births),
                                           spans->groups[i].died };
        }
    }
    for (size_t run = 0, j = 0; run < spans->run_count; run++) {
        for (; j < spans->runs[run].end; j++, row++) {
            all->flat[row] =
                (struct row){ spans->open.at[j], spans->runs[run].born, CULL__ORDINAL_NONE };
        }
    }
    for (size_t i = 0; i < row; i++) {
        all->alive[i] = all->flat[i].blob;
    }
}

void collection_init(struct collection *all, const struct bench *bench, bool is_shuffled)
{
    uint32_t versions = (uint32_t)bench_size(bench, 0);
    uint32_t files = (uint32_t)bench_size(bench, 1);
    uint32_t changes = (uint32_t)(files * bench_size(bench, 2) / 1000);
    size_t bits = files + (size_t)versions * changes;
    uint32_t *numbers = is_shuffled ? shuffle((uint32_t)bits) : NULL;
    uint64_t *scratch = must(calloc(cull__bits_words(bits), sizeof(*scratch)));
    uint32_t *first = must(malloc(files * sizeof(*first)));
    uint64_t random = 1;

    memset(all, 0, sizeof(*all));
    all->files = all->blobs = files;
    all->at = must(malloc(files * sizeof(*all->at)));
    must_ok(cull__lifespans_new(&all->spans, cull_allocator_default()));
    for (uint32_t i = 0; i < files; i++) {
        all->at[i] = i;
        first[i] = number_of(numbers, i);
    }
    must_ok(cull__lifespans_commit(all->spans, NULL, 0, first, files, scratch, bits));
    for (uint32_t v = 1; v < versions; v++) {
        commit_changes(all, numbers, changes, &random, scratch, bits);
    }
    for (uint32_t i = 0; i < files; i++) {
        all->at[i] = number_of(numbers, all->at[i]);
    }
    all->blobs = (uint32_t)bits; /* numbers lie below it, whatever their order */
    free(scratch);
    free(first);
    free(numbers);
    all->lifespans =
        cull__lifespans_open_count(all->spans) + cull__lifespans_closed_count(all->spans);
    all->marked = must(calloc(cull__bits_words(all->blobs), sizeof(*all->marked)));
}

void collection_release(struct collection *all)
{
    cull__lifespans_free(all->spans);
    free(all->at);
    free(all->marked);
    free(all->flat);
    free(all->alive);
}
