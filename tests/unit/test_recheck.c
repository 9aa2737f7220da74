/*
 * test_recheck.c - looking at lifespans and counts again: sums, and a pass beside others.
 *
 * A collection of some hundred thousand rows, so that a pass comes in many pieces. Between two pieces
 * come commits and purges, and in some rows and counts what only damage does. What a pass says is
 * compared with the fingerprints of one uninterrupted walk, which test_lifespan.c compares with
 * plain sets.
 */
#include <check.h>
#include <stdlib.h>

#include "index/index_internal.h"
#include "suites.h"
#include "support.h"

#define BLOBS 120000
#define FILES 60000
#define VERSIONS 24

struct large {
    struct cull__lifespans *spans;
    struct cull__blob_table *table;
    uint64_t *scratch;
    uint32_t *open; /* blobs of the head: FILES of them */
    uint32_t next;  /* blob that the next commit opens */
};

/* The head's files from `from` on, count of them, are replaced by blobs that were not there. */
static void large_commit(struct large *large, uint32_t from, uint32_t count)
{
    uint32_t *closed = malloc((count + 1) * sizeof(*closed));
    uint32_t *opened = malloc((count + 1) * sizeof(*opened));
    struct cull__u32s sorted = { closed, count, count, NULL };

    ck_assert_ptr_nonnull(closed);
    ck_assert_ptr_nonnull(opened);
    for (uint32_t i = 0; i < count; i++) {
        closed[i] = large->open[(from + i) % FILES];
        opened[i] = large->next;
        large->open[(from + i) % FILES] = large->next;
        large->next = (large->next + 1) % BLOBS;
    }
    cull__u32s_sort(&sorted);
    ck_assert_int_eq(
        cull__lifespans_commit(large->spans, closed, count, opened, count, large->scratch, BLOBS),
        CULL_OK);
    free(closed);
    free(opened);
}

static void large_init(struct large *large)
{
    memset(large, 0, sizeof(*large));
    ck_assert_int_eq(cull__lifespans_new(&large->spans, cull_allocator_default()), CULL_OK);
    ck_assert_int_eq(
        cull__blob_table_new(&large->table, CULL_DIGEST_MD5, 7, false, cull_allocator_default()),
        CULL_OK);
    for (uint32_t blob = 0; blob < BLOBS; blob++) {
        cull_digest digest = { { 0 } };

        memcpy(&digest, &blob, sizeof(blob));
        ck_assert_int_eq(cull__blob_table_insert(large->table, blob, &digest, 1, 0), CULL_OK);
    }
    large->scratch = calloc(BLOBS / 64 + 1, sizeof(*large->scratch));
    large->open = malloc(FILES * sizeof(*large->open));
    ck_assert_ptr_nonnull(large->scratch);
    ck_assert_ptr_nonnull(large->open);
    for (uint32_t i = 0; i < FILES; i++) {
        large->open[i] = i;
    }
    ck_assert_int_eq(
        cull__lifespans_commit(large->spans, NULL, 0, large->open, FILES, large->scratch, BLOBS),
        CULL_OK);
    large->next = FILES;
    for (uint32_t version = 1; version < VERSIONS; version++) {
        /* what the seventh replaces, the eighth does again: it closes what was just born */
        large_commit(large, (version + (version % 8 == 7)) * 911, version % 8 == 0 ? 20000 : 50);
    }
}

static void large_release(struct large *large)
{
    cull__lifespans_free(large->spans);
    cull__blob_table_free(large->table);
    free(large->scratch);
    free(large->open);
}

static void large_purge(struct large *large, uint32_t ordinal)
{
    struct cull__u32s killed = CULL__U32S_INIT(cull_allocator_default());
    uint64_t kept;
    uint64_t after;
    uint64_t before = cull__lifespans_sum(large->spans);

    ck_assert_int_eq(cull__lifespans_sum_after(large->spans, &ordinal, 1, &kept, &after), CULL_OK);
    ck_assert_int_eq(cull__lifespans_purge(large->spans, &ordinal, 1, &killed), CULL_OK);
    ck_assert_uint_eq(kept - after, cull__held_sum(killed.at, killed.count));
    ck_assert_uint_eq(before - cull__lifespans_sum(large->spans), kept - after);
    cull__u32s_release(&killed);
}

/* --- a pass ----------------------------------------------------------------------------------- */

static bool always(void *ctx)
{
    ++*(unsigned *)ctx;
    return true;
}

/* A whole pass in the smallest pieces, by so many workers in turns; between pieces comes what `between`
 * does. Begins anew after a purge. *pieces of the last pass. */
static enum cull__pass_state run_pass(struct large *large, unsigned workers,
                                      void (*between)(struct large *large, unsigned piece),
                                      struct cull__pass **out, unsigned *pieces)
{
    enum cull__pass_state state = CULL__PASS_STOPPED;
    unsigned piece = 0;
    unsigned stops = 0;

    ck_assert_int_eq(cull__pass_begin(out, large->spans, workers, cull_allocator_default()),
                     CULL_OK);
    for (*pieces = 0; state == CULL__PASS_STOPPED; ++*pieces) {
        unsigned count = cull__pass_workers(*out);

        ck_assert_uint_ge(count, 1);
        ck_assert_uint_le(count, workers);
        for (unsigned worker = 0; worker < count; worker++) {
            (void)cull__pass_run(*out, large->table, worker, always, &stops);
        }
        state = cull__pass_join(*out);
        if (state == CULL__PASS_STOPPED && between != NULL) {
            between(large, piece++);
            if (!cull__pass_resume(*out, large->spans)) {
                cull__pass_free(*out);
                ck_assert_int_eq(
                    cull__pass_begin(out, large->spans, workers, cull_allocator_default()),
                    CULL_OK);
                *pieces = 0;
            }
        }
    }
    return state;
}

static void check_prints(struct large *large, struct cull__pass *pass)
{
    uint32_t now = cull__lifespans_versions(large->spans);
    struct cull__fingerprint *want = calloc(now, sizeof(*want));
    const struct cull__fingerprint *got;
    uint32_t versions;

    ck_assert_ptr_nonnull(want);
    ck_assert_int_eq(cull__fingerprints(large->spans, large->table, want, cull_allocator_default()),
                     CULL_OK);
    got = cull__pass_end(pass, large->spans, &versions);
    ck_assert_uint_ge(versions, VERSIONS);
    ck_assert_uint_le(versions, now);
    for (uint32_t i = 0; i < versions; i++) {
        if (cull__lifespans_retained(large->spans, i)) {
            ck_assert_uint_eq(got[i].count, want[i].count);
            ck_assert_uint_eq(got[i].sum, want[i].sum);
        }
    }
    free(want);
}

static void commit_now_and_then(struct large *large, unsigned piece)
{
    if (piece % 3 == 1 && piece < 60) {
        large_commit(large, piece * 7919, 30);
    }
}

static const struct {
    const char *name;
    unsigned workers;
    void (*between)(struct large *large, unsigned piece);
} passes[] = {
    { "alone", 1, NULL },
    { "three workers", 3, NULL },
    { "commits in between", 1, commit_now_and_then },
    { "three workers, commits in between", 3, commit_now_and_then },
};

START_TEST(a_pass_in_pieces_says_what_one_walk_says_whatever_comes_in_between)
    {
        struct large large;
        struct cull__pass *pass;
        unsigned pieces;

        large_init(&large);
        ck_assert_msg(run_pass(&large, passes[_i].workers, passes[_i].between, &pass, &pieces) ==
                          CULL__PASS_DONE,
                      "%s", passes[_i].name);
        ck_assert_uint_ge(pieces, 6); /* it did come in pieces */
        check_prints(&large, pass);
        cull__pass_free(pass);
        large_release(&large);
    }
END_TEST

static unsigned purge_at; /* the piece after which v7 is purged */

static void purge_then(struct large *large, unsigned piece)
{
    if (piece == purge_at) {
        large_purge(large, 7);
    }
}

/* Also while it is in the midst of the group that loses rows by it. */
START_TEST(a_purge_after_any_piece_of_a_pass_makes_it_begin_anew)
    {
        for (purge_at = 0; purge_at < 24; purge_at++) {
            struct large large;
            struct cull__pass *pass;
            unsigned pieces;

            large_init(&large);
            ck_assert_msg(run_pass(&large, 1, purge_then, &pass, &pieces) == CULL__PASS_DONE,
                          "after piece %u", purge_at);
            ck_assert(!cull__lifespans_retained(large.spans, 7));
            check_prints(&large, pass);
            cull__pass_free(pass);
            large_release(&large);
        }
    }
END_TEST

START_TEST(after_a_pass_only_what_came_since_counts_as_changed)
    {
        struct large large;
        struct cull__pass *pass;
        unsigned pieces;
        uint32_t versions;
        uint64_t looked_at = 0;

        large_init(&large);
        ck_assert(cull__lifespans_changed(large.spans));
        ck_assert_int_eq(run_pass(&large, 2, NULL, &pass, &pieces), CULL__PASS_DONE);
        (void)cull__pass_end(pass, large.spans, &versions);
        ck_assert(!cull__lifespans_changed(large.spans));
        large_purge(&large, 3);
        ck_assert(cull__lifespans_changed(large.spans));
        ck_assert(cull__lifespans_recheck(large.spans, &looked_at));
        ck_assert_uint_le(looked_at, 100); /* the groups of v4 and of v3's neighbour */
        ck_assert(!cull__lifespans_changed(large.spans));
        large_commit(&large, 0, 10);
        looked_at = 0;
        ck_assert(cull__lifespans_recheck(large.spans, &looked_at));
        ck_assert_uint_eq(looked_at, FILES + 10);
        cull__pass_free(pass);
        large_release(&large);
    }
END_TEST

/* --- damage ----------------------------------------------------------------------------------- */

/* An open row, a row of a group that is alive. */
static uint32_t *open_row(struct large *large)
{
    return &large->spans->open.at[FILES / 2];
}

static uint32_t *group_row(struct large *large)
{
    return &large->spans->groups[9].rows[7];
}

static uint32_t *(*const rows[])(struct large *large) = { open_row, group_row };

START_TEST(a_row_that_changes_by_itself_is_seen_by_a_pass_and_by_looking_again)
    {
        struct large large;
        struct cull__pass *pass;
        unsigned pieces;
        uint64_t looked_at = 0;

        large_init(&large); /* all is changed: nobody has looked yet */
        *rows[_i](&large) ^= 1;
        ck_assert(!cull__lifespans_recheck(large.spans, &looked_at));
        ck_assert_int_eq(run_pass(&large, 2, NULL, &pass, &pieces), CULL__PASS_DISAGREES);
        cull__pass_free(pass);
        *rows[_i](&large) ^= 1;
        ck_assert(cull__lifespans_recheck(large.spans, &looked_at));
        large_release(&large);
    }
END_TEST

/* Ordinals that are no longer retained without a purge: the rows that only they hold stay counted. */
START_TEST(a_retained_ordinal_that_is_lost_is_seen_by_looking_again)
    {
        struct large large;
        uint64_t looked_at = 0;

        large_init(&large);
        for (uint32_t ordinal = 1; ordinal < VERSIONS; ordinal++) {
            cull__bit_clear(large.spans->retained.words, ordinal);
        }
        ck_assert(!cull__lifespans_recheck(large.spans, &looked_at));
        large_release(&large);
    }
END_TEST

/* A block that a structure took from this allocator, the last one of its size or larger. */
struct spying {
    cull_allocator allocator;
    void *last;
    size_t at_least;
};

static void *spy_realloc(void *ctx, void *block, size_t size)
{
    struct spying *spying = ctx;
    void *moved = realloc(block, size);

    if (size >= spying->at_least) {
        spying->last = moved;
    }
    return moved;
}

static void *spy_alloc(void *ctx, size_t size)
{
    return spy_realloc(ctx, NULL, size);
}

static void spy_free(void *ctx, void *block)
{
    (void)ctx;
    free(block);
}

START_TEST(a_count_that_changes_by_itself_is_seen_in_its_block_and_in_no_other)
    {
        struct spying spying = { { spy_alloc, spy_realloc, spy_free, NULL }, NULL, 4096 };
        struct cull__counts *counts;
        uint32_t *column;

        spying.allocator.ctx = &spying;
        ck_assert_int_eq(cull__counts_new(&counts, &spying.allocator), CULL_OK);
        ck_assert_int_eq(cull__counts_grow(counts, 1024), CULL_OK); /* 4,096 bytes in one chunk */
        column = spying.last;
        ck_assert_ptr_nonnull(column);
        for (uint32_t blob = 0; blob < 1024; blob += 3) {
            ck_assert_int_eq(cull__counts_add(counts, blob), CULL_OK);
        }
        ck_assert_uint_eq(column[300], 1); /* it is the column */
        ck_assert_uint_eq(column[301], 0);
        ck_assert_uint_eq(cull__counts_broken(counts, 0, 1024), CULL__BLOB_NONE);
        ck_assert(cull__counts_sums_agree(counts));
        column[300] = 0;
        ck_assert_uint_eq(cull__counts_broken(counts, 0, 1024), 256);
        ck_assert_uint_eq(cull__counts_broken(counts, 0, 256), CULL__BLOB_NONE);
        ck_assert_uint_eq(cull__counts_broken(counts, 320, 1024), CULL__BLOB_NONE);
        column[300] = 1;
        ck_assert_uint_eq(cull__counts_broken(counts, 0, 1024), CULL__BLOB_NONE);
        cull__counts_free(counts);
    }
END_TEST

Suite *recheck_suite(void)
{
    Suite *suite = suite_create("recheck");
    TCase *pass = tcase_create("pass");
    TCase *damage = tcase_create("damage");

    tcase_set_timeout(pass, 60);
    tcase_set_timeout(damage, 60);
    tcase_add_loop_test(pass, a_pass_in_pieces_says_what_one_walk_says_whatever_comes_in_between, 0,
                        sizeof(passes) / sizeof(*passes));
    tcase_add_test(pass, a_purge_after_any_piece_of_a_pass_makes_it_begin_anew);
    tcase_add_test(pass, after_a_pass_only_what_came_since_counts_as_changed);
    suite_add_tcase(suite, pass);
    tcase_add_loop_test(damage, a_row_that_changes_by_itself_is_seen_by_a_pass_and_by_looking_again,
                        0, sizeof(rows) / sizeof(*rows));
    tcase_add_test(damage, a_retained_ordinal_that_is_lost_is_seen_by_looking_again);
    tcase_add_test(damage, a_count_that_changes_by_itself_is_seen_in_its_block_and_in_no_other);
    suite_add_tcase(suite, damage);
    return suite;
}
