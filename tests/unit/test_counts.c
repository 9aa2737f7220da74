/*
 * test_counts.c - counts against a plain array, and the lists and bit searches of the index.
 */
#include <check.h>
#include <stdlib.h>

#include "index/index_internal.h"
#include "suites.h"
#include "support.h"

/* libcheck's own writes to a pipe each time, which millions of facts would wait for. */
#define CHECK(fact)                            \
    do {                                       \
        if (!(fact)) {                         \
            ck_abort_msg("not so: %s", #fact); \
        }                                      \
    } while (0)

#define BLOBS_MAX 20000

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint32_t below(uint64_t *state, uint32_t limit)
{
    return (uint32_t)(next_random(state) % limit);
}

static void check_against(const struct cull__counts *counts, const uint32_t *want, uint32_t limit)
{
    const char *why = NULL;
    uint32_t zero = cull__counts_next_zero(counts, 0);

    ck_assert_msg(cull__counts_valid(counts, NULL, &why), "%s", why);
    CHECK(cull__counts_limit(counts) == limit);
    CHECK(cull__counts_get(counts, limit) == 0);
    for (uint32_t blob = 0; blob < limit; blob++) {
        CHECK(cull__counts_get(counts, blob) == want[blob]);
        if (want[blob] == 0) {
            CHECK(zero == blob);
            zero = cull__counts_next_zero(counts, blob + 1);
        }
    }
    CHECK(zero == CULL__BLOB_NONE);
}

static struct cull__counts *reload(struct cull__counts *counts)
{
    struct cull__buf first = CULL__BUF_INIT(cull_allocator_default());
    struct cull__buf second = CULL__BUF_INIT(cull_allocator_default());
    struct cull__counts *loaded = NULL;
    struct cull__cursor in;

    CHECK(cull__counts_save(counts, &first) == CULL_OK);
    in = cull__cursor(first.data, first.len);
    CHECK(cull__counts_load(&loaded, &in, cull_allocator_default()) == CULL_OK);
    CHECK(cull__cursor_done(&in));
    CHECK(cull__counts_save(loaded, &second) == CULL_OK);
    CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    for (size_t len = 0; len < first.len; len += 1 + first.len / 50) {
        struct cull__counts *cut = NULL;

        in = cull__cursor(first.data, len);
        CHECK(cull__counts_load(&cut, &in, cull_allocator_default()) == CULL_E_CORRUPT);
        CHECK(cut == NULL);
    }
    cull__counts_free(counts);
    cull__buf_release(&first);
    cull__buf_release(&second);
    return loaded;
}

static const struct {
    const char *name;
    uint32_t limit;
    uint32_t zeros; /* of ten changes, how many go down */
} counts_cases[] = {
    { "a few", 5, 5 },         { "a word", 64, 5 },  { "a word and one", 65, 6 },
    { "two chunks", 4097, 4 }, { "many", 20000, 2 },
};

START_TEST(counts_agree_with_a_plain_array)
    {
        static uint32_t want[BLOBS_MAX + 1]; /* one past the limit is asked for too */
        uint32_t limit = 0;
        uint64_t random = (uint64_t)_i;
        struct cull__counts *counts;

        memset(want, 0, sizeof(want));
        CHECK(cull__counts_new(&counts, cull_allocator_default()) == CULL_OK);
        check_against(counts, want, 0);
        for (uint32_t step = 0; step < 100000; step++) {
            uint32_t blob;

            if (limit < counts_cases[_i].limit && (limit == 0 || below(&random, 4) == 0)) {
                uint32_t more = 1 + below(&random, counts_cases[_i].limit - limit);

                CHECK(cull__counts_grow(counts, limit + more) == CULL_OK);
                limit += more;
                CHECK(cull__counts_grow(counts, limit - 1) == CULL_OK); /* never shrinks */
            }
            blob = below(&random, limit + 1);
            if (below(&random, 10) < counts_cases[_i].zeros) {
                bool fits = blob < limit && want[blob] > 0;

                CHECK(cull__counts_sub(counts, blob) == (fits ? CULL_OK : CULL_E_CORRUPT));
                want[blob] -= fits;
            } else {
                CHECK(cull__counts_add(counts, blob) == (blob < limit ? CULL_OK : CULL_E_CORRUPT));
                want[blob] += blob < limit;
            }
            if (step % 9973 == 0) {
                check_against(counts, want, limit);
                counts = reload(counts);
            }
        }
        check_against(counts, want, limit);
        cull__counts_free(counts);
    }
END_TEST

START_TEST(a_free_number_is_not_found_until_it_has_a_blob_again)
    {
        struct cull__blob_table *table;
        struct cull__counts *counts;
        const char *why;

        CHECK(cull__blob_table_new(&table, CULL_DIGEST_MD5, 1, false, cull_allocator_default()) ==
              CULL_OK);
        CHECK(cull__counts_new(&counts, cull_allocator_default()) == CULL_OK);
        for (uint32_t number = 0; number < 200; number++) {
            cull_digest digest = { { (uint8_t)number, 1 } };

            CHECK(cull__blob_table_insert(table, number, &digest, 1, 0) == CULL_OK);
        }
        CHECK(cull__counts_grow(counts, 200) == CULL_OK);
        CHECK(cull__counts_add(counts, 7) == CULL_OK);
        CHECK(cull__counts_dismiss(counts, 7) == CULL_E_CORRUPT); /* held */
        CHECK(cull__counts_dismiss(counts, 200) == CULL_E_CORRUPT);
        for (uint32_t number = 64; number < 128; number++) { /* a whole word */
            CHECK(cull__blob_table_set_state(table, number, CULL__BLOB_DELETING) == CULL_OK);
            CHECK(cull__blob_table_erase(table, number) == CULL_OK);
            CHECK(!cull__counts_valid(counts, table, &why));
            CHECK(cull__counts_dismiss(counts, number) == CULL_OK);
            CHECK(cull__counts_valid(counts, table, &why));
        }
        CHECK(cull__counts_next_zero(counts, 63) == 63);
        CHECK(cull__counts_next_zero(counts, 64) == 128);
        counts = reload(counts); /* which knows no table */
        CHECK(cull__counts_next_zero(counts, 64) == 64);
        CHECK(cull__counts_dismiss_free(counts, table) == CULL_OK);
        CHECK(cull__counts_next_zero(counts, 64) == 128);
        cull__counts_admit(counts, 100);
        CHECK(cull__counts_next_zero(counts, 64) == 100);
        CHECK(cull__counts_add(counts, 101) == CULL_OK);
        cull__counts_admit(counts, 101);
        CHECK(cull__counts_next_zero(counts, 101) == 128);
        CHECK(!cull__counts_valid(counts, table, &why)); /* 100 and 101 are free still */
        CHECK(cull__counts_dismiss_free(counts, table) == CULL_E_CORRUPT);
        cull__counts_admit(counts, 1000); /* past the limit */
        cull__counts_free(counts);
        cull__blob_table_free(table);
    }
END_TEST

START_TEST(a_count_never_leaves_its_range)
    {
        const uint8_t saved[] = { 2, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff };
        struct cull__cursor in = cull__cursor(saved, sizeof(saved));
        struct cull__counts *counts;

        CHECK(cull__counts_load(&counts, &in, cull_allocator_default()) == CULL_OK);
        CHECK(cull__counts_add(counts, 0) == CULL_E_CORRUPT);
        CHECK(cull__counts_get(counts, 0) == UINT32_MAX);
        CHECK(cull__counts_add(counts, 1) == CULL_OK);
        CHECK(cull__counts_add(counts, 1) == CULL_E_CORRUPT);
        CHECK(cull__counts_sub(counts, 0) == CULL_OK);
        CHECK(cull__counts_get(counts, 0) == UINT32_MAX - 1);
        cull__counts_free(counts);
    }
END_TEST

START_TEST(no_memory_at_any_allocation_changes_nothing)
    {
        cull_status status = CULL_E_NOMEM;
        uint64_t failed = 0;

        for (uint64_t n = 1; status == CULL_E_NOMEM; n++) {
            static const uint32_t want[200] = { [3] = 1 };
            struct failing_allocator failing;
            struct cull__counts *counts;

            failing_allocator_init(&failing, n);
            status = cull__counts_new(&counts, &failing.allocator);
            for (uint32_t limit = 1; status == CULL_OK && limit <= 200; limit += 19) {
                status = cull__counts_grow(counts, limit);
                if (status == CULL_OK && limit > 3 && cull__counts_get(counts, 3) == 0) {
                    CHECK(cull__counts_add(counts, 3) == CULL_OK);
                }
            }
            failed += status != CULL_OK;
            if (counts != NULL) {
                uint32_t limit = cull__counts_limit(counts);

                if (limit > 3) {
                    check_against(counts, want, limit);
                }
                failing.fail_at = 0; /* what failed can be done again */
                CHECK(cull__counts_grow(counts, 200) == CULL_OK);
            }
            cull__counts_free(counts);
            CHECK(failing.live == 0);
        }
        CHECK(status == CULL_OK && failed > 3);
    }
END_TEST

/* --- lists and bits -------------------------------------------------------------------------- */

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

START_TEST(sorting_agrees_with_the_c_library)
    {
        static uint32_t want[5000];
        uint64_t random = 11;

        for (int round = 0; round < 200; round++) {
            struct cull__u32s list = CULL__U32S_INIT(cull_allocator_default());
            uint32_t count = below(&random, round % 2 == 0 ? 100 : 5000);
            unsigned shift = below(&random, 32);

            for (uint32_t i = 0; i < count; i++) {
                want[i] = (uint32_t)next_random(&random) >> shift;
                want[i] = round % 5 == 0 ? want[i] | 0xff000000 : want[i];
                CHECK(cull__u32s_push(&list, want[i]) == CULL_OK);
            }
            qsort(want, count, sizeof(*want), compare_u32);
            cull__u32s_sort(&list);
            CHECK(list.count == count && (count == 0 || memcmp(list.at, want, 4 * count) == 0));
            cull__u32s_sort(&list);
            CHECK(count == 0 || memcmp(list.at, want, 4 * count) == 0);
            cull__u32s_release(&list);
        }
    }
END_TEST

START_TEST(set_bits_are_found_from_both_sides)
    {
        uint64_t random = 4;

        for (int round = 0; round < 2000; round++) {
            uint64_t words[4] = { 0 };
            uint32_t from = below(&random, 257);
            uint32_t end = from + below(&random, 257 - from);
            uint32_t next = CULL__ORDINAL_NONE;
            uint32_t previous = CULL__ORDINAL_NONE;

            for (uint32_t set = below(&random, 5); set > 0; set--) {
                cull__bit_set(words, below(&random, 256));
            }
            for (uint32_t bit = from; bit < end; bit++) {
                if (cull__bit_get(words, bit)) {
                    next = next == CULL__ORDINAL_NONE ? bit : next;
                    previous = bit;
                }
            }
            CHECK(cull__bits_next(words, from, end) == next);
            CHECK(cull__bits_previous(words, from, end) == previous);
        }
    }
END_TEST

/* Counts that are kept where they were read, unless they are few, or begin at an odd place. */
static const struct {
    const char *name;
    uint32_t limit;
    bool has_owner, taken;
} places[] = {
    { "many, with an owner", (1u << 21) + 5000, true, true },
    { "many, without one", (1u << 21) + 5000, false, false },
    { "at an odd place", 50000, true, false },
    { "less than a chunk", 100, true, false },
};

START_TEST(counts_stay_where_they_were_read)
    {
        struct failing_allocator owner;
        struct cull__counts *counts = NULL;
        struct cull__counts *loaded = NULL;
        struct cull__buf first = CULL__BUF_INIT(cull_allocator_default());
        struct cull__buf second = CULL__BUF_INIT(cull_allocator_default());
        const uint32_t limit = places[_i].limit;
        const uint8_t *bytes;
        const char *why;
        uint8_t *data;

        failing_allocator_init(&owner, 0);
        CHECK(cull__counts_new(&counts, cull_allocator_default()) == CULL_OK);
        CHECK(cull__counts_grow(counts, limit) == CULL_OK);
        for (uint32_t blob = 0; blob < limit; blob += 1 + blob % 3) {
            CHECK(cull__counts_add(counts, blob) == CULL_OK);
        }
        CHECK(cull__counts_save(counts, &first) == CULL_OK);
        data = owner.allocator.alloc(owner.allocator.ctx, first.len);
        CHECK(data != NULL);
        memcpy(data, first.data, first.len);
        CHECK(cull__counts_lay(&loaded, &data, first.len - 1,
                               places[_i].has_owner ? &owner.allocator : NULL, &bytes,
                               cull_allocator_default()) == CULL_E_CORRUPT);
        CHECK(loaded == NULL && data != NULL);
        CHECK(cull__counts_lay(&loaded, &data, first.len,
                               places[_i].has_owner ? &owner.allocator : NULL, &bytes,
                               cull_allocator_default()) == CULL_OK);
        cull__counts_fill(loaded, bytes);
        ck_assert_msg((data == NULL) == places[_i].taken, "%s", places[_i].name);
        if (data != NULL) { /* it was copied */
            memset(data, 0xff, first.len);
            owner.allocator.free(owner.allocator.ctx, data);
        }
        CHECK(cull__counts_valid(loaded, NULL, &why));
        CHECK(cull__counts_sum(loaded) == cull__counts_sum(counts));
        CHECK(cull__counts_save(loaded, &second) == CULL_OK);
        CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
        CHECK(cull__counts_grow(loaded, limit + 10000) == CULL_OK);
        CHECK(cull__counts_add(loaded, limit + 9999) == CULL_OK);
        CHECK(cull__counts_sub(loaded, 0) == CULL_OK);
        CHECK(cull__counts_valid(loaded, NULL, &why));
        cull__counts_free(loaded);
        cull__counts_free(counts);
        CHECK(owner.live == 0);
        cull__buf_release(&first);
        cull__buf_release(&second);
    }
END_TEST

Suite *counts_suite(void)
{
    Suite *suite = suite_create("counts");
    TCase *tcase = tcase_create("counts");

    tcase_add_loop_test(tcase, counts_agree_with_a_plain_array, 0, ARRAY_LEN(counts_cases));
    tcase_add_test(tcase, a_free_number_is_not_found_until_it_has_a_blob_again);
    tcase_add_test(tcase, a_count_never_leaves_its_range);
    tcase_add_test(tcase, no_memory_at_any_allocation_changes_nothing);
    tcase_add_test(tcase, sorting_agrees_with_the_c_library);
    tcase_add_test(tcase, set_bits_are_found_from_both_sides);
    tcase_add_loop_test(tcase, counts_stay_where_they_were_read, 0, ARRAY_LEN(places));
    suite_add_tcase(suite, tcase);
    return suite;
}
