/*
 * test_blob_table.c - the blob table against a plain list of digests.
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

#define SEED 1234
#define ROWS_MAX 6000

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

/* The digest of kind that belongs to value: never two values the same. */
static cull_digest digest_for(uint64_t value, cull_digest_kind kind)
{
    cull_digest digest = { { 0 } };

    memcpy(digest.bytes + cull_digest_len(kind) - sizeof(value), &value, sizeof(value));
    return digest;
}

/* What the bytes of a checkpoint say, copied. */
static cull_status load_copy(struct cull__blob_table **out, cull_digest_kind kind,
                             bool keep_incarnations, const uint8_t *data, size_t len,
                             const cull_allocator *allocator, cull_error *err)
{
    uint8_t *bytes = malloc(len + 1);
    uint8_t *given = bytes;
    cull_status status;

    CHECK(bytes != NULL);
    memcpy(bytes, data, len);
    status = cull__blob_table_take(out, kind, SEED, keep_incarnations, &given, len, NULL, allocator,
                                   err);
    CHECK(given == bytes);
    free(bytes);
    return status;
}

/* --- bytes from the allocator ---------------------------------------------------------------- */

struct measure {
    cull_allocator allocator;
    uint64_t bytes;
    uint64_t peak;
};

#define HEADER 16

static void *measure_realloc(void *ctx, void *block, size_t bytes)
{
    struct measure *measure = ctx;
    size_t before = 0;
    uint8_t *raw = block == NULL ? NULL : (uint8_t *)block - HEADER;

    if (raw != NULL) {
        memcpy(&before, raw, sizeof(before));
    }
    raw = realloc(raw, bytes + HEADER);
    if (raw == NULL) {
        return NULL;
    }
    memcpy(raw, &bytes, sizeof(bytes));
    measure->bytes += bytes;
    /* realloc may hold both for a moment */
    measure->peak = measure->bytes > measure->peak ? measure->bytes : measure->peak;
    measure->bytes -= before;
    return raw + HEADER;
}

static void *measure_alloc(void *ctx, size_t bytes)
{
    return measure_realloc(ctx, NULL, bytes);
}

static void measure_free(void *ctx, void *block)
{
    struct measure *measure = ctx;
    size_t bytes;

    if (block != NULL) {
        memcpy(&bytes, (uint8_t *)block - HEADER, sizeof(bytes));
        measure->bytes -= bytes;
        free((uint8_t *)block - HEADER);
    }
}

static void measure_init(struct measure *measure)
{
    measure->allocator = (cull_allocator){ measure_alloc, measure_realloc, measure_free, measure };
    measure->bytes = measure->peak = 0;
}

START_TEST(a_blob_takes_at_most_44_bytes_at_every_count)
    {
        struct measure measure;
        struct cull__blob_table *table;
        struct cull__counts *counts;
        double worst = 0;
        uint32_t worst_at = 0;

        measure_init(&measure);
        CHECK(cull__blob_table_new(&table, CULL_DIGEST_MD5, SEED, false, &measure.allocator) ==
              CULL_OK);
        CHECK(cull__counts_new(&counts, &measure.allocator) == CULL_OK);
        for (uint32_t number = 0; number < 300000; number++) {
            cull_digest digest = digest_for(number, CULL_DIGEST_MD5);

            measure.peak = measure.bytes;
            CHECK(cull__blob_table_insert(table, number, &digest, number, 0) == CULL_OK);
            CHECK(cull__counts_grow(counts, number + 1) == CULL_OK);
            if (number + 1 >= 1000 && (double)measure.bytes / (number + 1) > worst) {
                worst = (double)measure.bytes / (number + 1);
                worst_at = number + 1;
            }
            if (number + 1 >= 100000) { /* while growing too: from where no chunk is moved */
                CHECK(measure.peak <= 48 * (uint64_t)(number + 1));
            }
        }
        ck_assert_msg(worst <= 44, "%.2f bytes a blob at %u", worst, (unsigned)worst_at);
        CHECK(cull__blob_table_memory(table) + cull__counts_memory(counts) <= measure.bytes);
        CHECK(cull__blob_table_memory(table) + cull__counts_memory(counts) >=
              measure.bytes - measure.bytes / 100);
        cull__blob_table_free(table);
        cull__counts_free(counts);
        CHECK(measure.bytes == 0);
    }
END_TEST

START_TEST(a_tiny_table_is_tiny)
    {
        struct measure measure;
        struct cull__blob_table *table;
        cull_digest digest = digest_for(1, CULL_DIGEST_MD5);

        measure_init(&measure);
        CHECK(cull__blob_table_new(&table, CULL_DIGEST_MD5, SEED, false, &measure.allocator) ==
              CULL_OK);
        CHECK(cull__blob_table_insert(table, 0, &digest, 5, 0) == CULL_OK);
        CHECK(measure.bytes < 4096);
        cull__blob_table_free(table);
    }
END_TEST

/* --- random histories against a list --------------------------------------------------------- */

struct row {
    uint64_t value;
    uint64_t size_bytes;
    uint32_t incarnation;
    enum cull__blob_state state;
    bool indexed;
};

struct world {
    struct cull__blob_table *table;
    cull_digest_kind kind;
    bool keep_incarnations;
    struct row rows[ROWS_MAX];
    uint32_t limit;
    uint32_t free[ROWS_MAX]; /* the next to be given last */
    size_t free_count;
};

static uint32_t world_find(const struct world *world, uint64_t value)
{
    for (uint32_t number = 0; number < world->limit; number++) {
        if (world->rows[number].state != CULL__BLOB_FREE && world->rows[number].indexed &&
            world->rows[number].value == value) {
            return number;
        }
    }
    return CULL__BLOB_NONE;
}

static void world_insert(struct world *world, uint64_t *random, uint64_t value)
{
    uint32_t number = world->free_count > 0 ? world->free[world->free_count - 1] : world->limit;
    cull_digest digest = digest_for(value, world->kind);
    struct row row = { value, below(random, 1000), world->keep_incarnations ? number ^ 7 : 0,
                       CULL__BLOB_EXPECTED, true };
    bool taken = world_find(world, value) != CULL__BLOB_NONE;

    CHECK(cull__blob_table_next(world->table, 0) == number);
    if (taken) { /* noticed at once where the slots stand */
        uint32_t found;

        CHECK(cull__blob_table_find(world->table, &digest, 1, &found) == CULL_OK);
    }
    CHECK(cull__blob_table_insert(world->table, number + 1, &digest, 1, 0) == CULL_E_CORRUPT);
    CHECK(cull__blob_table_insert(world->table, number, &digest, row.size_bytes, row.incarnation) ==
          (taken ? CULL_E_CORRUPT : CULL_OK));
    if (!taken) {
        world->rows[number] = row;
        world->free_count -= world->free_count > 0;
        world->limit += number == world->limit;
    }
}

static void world_change(struct world *world, uint64_t *random)
{
    uint32_t number = below(random, world->limit);
    struct row *row = &world->rows[number];
    enum cull__blob_state state = (enum cull__blob_state)below(random, 5);

    switch (below(random, 3)) {
    case 0:
        CHECK(cull__blob_table_erase(world->table, number) ==
              (row->state == CULL__BLOB_DELETING ? CULL_OK : CULL_E_CORRUPT));
        if (row->state == CULL__BLOB_DELETING) {
            row->state = CULL__BLOB_FREE;
            world->free[world->free_count++] = number;
        }
        break;
    case 1:
        if (row->state != CULL__BLOB_DELETING) { /* in a store, only what a cycle claimed */
            CHECK(row->state != CULL__BLOB_FREE ||
                  cull__blob_table_unindex(world->table, number) == CULL_E_CORRUPT);
            break;
        }
        CHECK(cull__blob_table_unindex(world->table, number) ==
              (row->indexed ? CULL_OK : CULL_E_CORRUPT));
        row->indexed = false;
        break;
    default:
        if (row->state == CULL__BLOB_FREE || state == CULL__BLOB_FREE || state > 3) {
            CHECK(cull__blob_table_set_state(world->table, number, state) == CULL_E_CORRUPT);
        } else {
            CHECK(cull__blob_table_set_state(world->table, number, state) == CULL_OK);
            row->state = state;
        }
    }
}

static void world_check_rows(const struct world *world)
{
    CHECK(cull__blob_table_limit(world->table) == world->limit);
    CHECK(cull__blob_table_in_use(world->table) == world->limit - world->free_count);
    for (uint32_t number = 0; number < world->limit; number++) {
        const struct row *row = &world->rows[number];
        cull_digest want = digest_for(row->value, world->kind);
        cull_digest got;

        CHECK(cull__blob_table_state(world->table, number) == row->state);
        if (row->state == CULL__BLOB_FREE) {
            continue;
        }
        cull__blob_table_digest(world->table, number, &got);
        CHECK(memcmp(&got, &want, sizeof(got)) == 0);
        CHECK(cull__blob_table_size(world->table, number) == row->size_bytes);
        CHECK(cull__blob_table_incarnation(world->table, number) == row->incarnation);
        CHECK(cull__blob_table_hash(world->table, number) ==
              cull__digest_hash(&want, world->kind, SEED));
    }
    for (size_t i = 0; i < world->free_count; i++) {
        CHECK(cull__blob_table_next(world->table, i) == world->free[world->free_count - 1 - i]);
    }
    CHECK(cull__blob_table_next(world->table, world->free_count + 2) == world->limit + 2);
    CHECK(cull__blob_table_state(world->table, world->limit) == CULL__BLOB_FREE);
}

static void world_check_find(const struct world *world, uint64_t values)
{
    static cull_digest digests[ROWS_MAX];
    static uint32_t numbers[ROWS_MAX];

    for (uint64_t value = 0; value < values; value++) {
        digests[value] = digest_for(value, world->kind);
    }
    CHECK(cull__blob_table_find(world->table, digests, values, numbers) == CULL_OK);
    for (uint64_t value = 0; value < values; value++) {
        CHECK(numbers[value] == world_find(world, value));
    }
}

static void world_reload(struct world *world)
{
    struct cull__buf first = CULL__BUF_INIT(cull_allocator_default());
    struct cull__buf second = CULL__BUF_INIT(cull_allocator_default());
    struct cull__blob_table *loaded = NULL;
    cull_error err = { CULL_OK, "" };

    CHECK(cull__blob_table_save(world->table, &first) == CULL_OK);
    ck_assert_msg(load_copy(&loaded, world->kind, world->keep_incarnations, first.data, first.len,
                            cull_allocator_default(), &err) == CULL_OK,
                  "%s", err.message);
    CHECK(cull__blob_table_save(loaded, &second) == CULL_OK);
    CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    cull__blob_table_free(world->table);
    world->table = loaded;
    cull__buf_release(&first);
    cull__buf_release(&second);
}

static const struct {
    const char *name;
    cull_digest_kind kind;
    bool keep_incarnations;
    uint32_t values; /* alphabet */
    uint32_t steps;
} history_cases[] = {
    { "sha256, few blobs", CULL_DIGEST_SHA256, false, 12, 4000 },
    { "md5 with incarnations", CULL_DIGEST_MD5, true, 40, 4000 },
    { "sha1, hundreds", CULL_DIGEST_SHA1, true, 600, 8000 },
    { "xxh128, over a chunk", CULL_DIGEST_XXH128, false, 5500, 22000 },
};

START_TEST(random_histories_agree_with_a_plain_list)
    {
        static struct world world;
        uint32_t values = history_cases[_i].values;
        uint64_t random = (uint64_t)_i + 3;
        const char *why = NULL;

        memset(&world, 0, sizeof(world));
        world.kind = history_cases[_i].kind;
        world.keep_incarnations = history_cases[_i].keep_incarnations;
        CHECK(cull__blob_table_new(&world.table, world.kind, SEED, world.keep_incarnations,
                                   cull_allocator_default()) == CULL_OK);
        for (uint32_t step = 0; step < history_cases[_i].steps; step++) {
            bool grow = (step / (2 * values)) % 2 == 0; /* full, then nearly empty, and again */

            if (world.limit == 0 ||
                (world.limit + 1 < ROWS_MAX && below(&random, 10) < (grow ? 7u : 2u))) {
                world_insert(&world, &random, below(&random, values));
            } else {
                world_change(&world, &random);
            }
            if (below(&random, values) == 0) {
                ck_assert_msg(cull__blob_table_valid(world.table, &why), "%s: %s",
                              history_cases[_i].name, why);
                world_check_rows(&world);
                world_check_find(&world, values < 700 ? values : 700);
            }
            if (below(&random, 3 * values) == 0) {
                world_reload(&world);
            }
        }
        CHECK(world.limit > values / 2);
        cull__blob_table_free(world.table);
    }
END_TEST

START_TEST(every_digest_is_found_through_growth_and_removal)
    {
        struct cull__blob_table *table;
        const uint32_t count = 60000;
        cull_digest *digests = malloc(count * sizeof(*digests));
        uint32_t *numbers = malloc(count * sizeof(*numbers));
        const char *why = NULL;

        CHECK(digests != NULL && numbers != NULL);
        CHECK(cull__blob_table_new(&table, CULL_DIGEST_MD5, SEED, false,
                                   cull_allocator_default()) == CULL_OK);
        for (uint32_t number = 0; number < count; number++) {
            digests[number] = digest_for(number, CULL_DIGEST_MD5);
            CHECK(cull__blob_table_insert(table, number, &digests[number], 1, 0) == CULL_OK);
        }
        ck_assert_msg(cull__blob_table_valid(table, &why), "%s", why);
        for (uint32_t number = 0; number < count; number += 1 + number % 2) {
            CHECK(cull__blob_table_set_state(table, number, CULL__BLOB_DELETING) == CULL_OK);
            CHECK(cull__blob_table_erase(table, number) == CULL_OK);
        }
        ck_assert_msg(cull__blob_table_valid(table, &why), "%s", why);
        CHECK(cull__blob_table_find(table, digests, count, numbers) == CULL_OK);
        for (uint32_t number = 0; number < count; number++) {
            bool gone = cull__blob_table_state(table, number) == CULL__BLOB_FREE;

            CHECK(numbers[number] == (gone ? CULL__BLOB_NONE : number));
        }
        cull__blob_table_free(table);
        free(digests);
        free(numbers);
    }
END_TEST

/* --- digests in the order of a list ---------------------------------------------------------- */

#define LISTED 3000u
#define GUESS_ROWS (LISTED + 1000u)

/* How the guesses, which fit the digests one by one, are changed. */
static void guesses_shift(uint32_t *at, uint32_t by, bool back)
{
    if (back) {
        memmove(at + 700 - by, at + 700, (LISTED - 700) * sizeof(*at));
    } else {
        memmove(at + 700 + by, at + 700, (LISTED - 700 - by) * sizeof(*at));
    }
}

static void guesses_change(const char *how, uint32_t *at)
{
    if (strcmp(how, "some were replaced") == 0) {
        for (uint32_t i = 0; i < LISTED; i += 97) {
            at[i] = (at[i] + 1) % GUESS_ROWS;
        }
    } else if (strcmp(how, "one came") == 0) {
        guesses_shift(at, 1, true);
    } else if (strcmp(how, "one went") == 0) {
        guesses_shift(at, 1, false);
    } else if (strcmp(how, "hundreds came") == 0) {
        guesses_shift(at, 400, true);
    } else if (strcmp(how, "hundreds went") == 0) {
        guesses_shift(at, 400, false);
    } else if (strcmp(how, "another order") == 0) {
        for (uint32_t i = 0; i < LISTED; i++) {
            at[i] = i * 7 % GUESS_ROWS;
        }
    } else if (strcmp(how, "no number of the table") == 0) {
        for (uint32_t i = 0; i < LISTED; i++) {
            at[i] = i % 3 == 0 ? CULL__BLOB_NONE : i % 3 == 1 ? GUESS_ROWS : UINT32_MAX - i;
        }
    }
}

static const struct {
    const char *how;
    uint32_t count; /* of guesses */
    bool fits;      /* most are good to the end */
} guess_rows[] = {
    { "as it was", LISTED, true },      { "some were replaced", LISTED, true },
    { "one came", LISTED, true },       { "one went", LISTED, true },
    { "hundreds came", LISTED, true },  { "hundreds went", LISTED, true },
    { "another order", LISTED, false }, { "no number of the table", LISTED, false },
    { "cut short", 500, false },        { "nothing", 0, false },
};

/* Rows of every kind, and digests of which some are no row's, one is zero as a free row's, one is of a row
 * that is not to be found, and one stands many times. */
static struct cull__blob_table *guess_table(cull_digest *digests, uint32_t *guesses)
{
    struct cull__blob_table *table;

    CHECK(cull__blob_table_new(&table, CULL_DIGEST_MD5, SEED, false, cull_allocator_default()) ==
          CULL_OK);
    for (uint32_t number = 0; number < GUESS_ROWS; number++) {
        cull_digest digest = digest_for(number + 1, CULL_DIGEST_MD5);

        CHECK(cull__blob_table_insert(table, number, &digest, 1, 0) == CULL_OK);
    }
    for (uint32_t i = 0; i < LISTED; i++) {
        guesses[i] = i * 1237 % GUESS_ROWS;
        guesses[i] = i % 50 == 20 ? 5 : guesses[i];
        digests[i] = digest_for(guesses[i] + 1 + (i % 150 == 30 ? GUESS_ROWS : 0), CULL_DIGEST_MD5);
    }
    CHECK(cull__blob_table_set_state(table, guesses[11], CULL__BLOB_DELETING) == CULL_OK);
    CHECK(cull__blob_table_erase(table, guesses[11]) == CULL_OK);
    memset(&digests[11], 0, sizeof(digests[11]));
    CHECK(cull__blob_table_unindex(table, guesses[13]) == CULL_OK);
    return table;
}

START_TEST(guesses_give_the_answers_of_a_lookup)
    {
        cull_digest *digests = malloc(LISTED * sizeof(*digests));
        uint32_t numbers[LISTED];
        uint32_t guesses[LISTED];
        uint32_t found[LISTED];
        struct cull__guesses at = { .numbers = guesses, .count = guess_rows[_i].count };
        struct cull__blob_table *table;

        CHECK(digests != NULL);
        table = guess_table(digests, guesses);
        guesses_change(guess_rows[_i].how, guesses);
        CHECK(cull__blob_table_find(table, digests, LISTED, numbers) == CULL_OK);
        CHECK(numbers[11] == CULL__BLOB_NONE && numbers[13] == CULL__BLOB_NONE);
        for (uint32_t from = 0; from < LISTED; from += 500) {
            CHECK(cull__blob_table_find_guessed(table, digests + from, 500, &at, found + from) ==
                  CULL_OK);
            CHECK(at.at <= at.count);
        }
        CHECK(memcmp(found, numbers, sizeof(found)) == 0);
        ck_assert_msg(!guess_rows[_i].fits || at.useless < 4, "%s: lost", guess_rows[_i].how);
        cull__blob_table_free(table);
        free(digests);
    }
END_TEST

/* --- a few digests, without slots ------------------------------------------------------------ */

#define SCANNED 70000u

/* Saved and loaded, so that no slots stand; every seventh number is free, 5 is unindexed. */
static struct cull__blob_table *loaded_table(cull_digest_kind kind, bool twice)
{
    struct cull__blob_table *table = NULL;
    struct cull__blob_table *loaded = NULL;
    struct cull__buf saved = CULL__BUF_INIT(cull_allocator_default());

    CHECK(cull__blob_table_new(&table, kind, SEED, true, cull_allocator_default()) == CULL_OK);
    for (uint32_t number = 0; number < SCANNED; number++) {
        cull_digest digest = digest_for(twice && number == 69999 ? 11 : number, kind);

        CHECK(cull__blob_table_insert(table, number, &digest, 1, 0) == CULL_OK);
    }
    for (uint32_t number = 0; number < SCANNED; number += 7) {
        CHECK(cull__blob_table_set_state(table, number, CULL__BLOB_DELETING) == CULL_OK);
        CHECK(cull__blob_table_erase(table, number) == CULL_OK);
    }
    CHECK(cull__blob_table_unindex(table, 5) == CULL_OK);
    CHECK(cull__blob_table_save(table, &saved) == CULL_OK);
    CHECK(cull__blob_table_take(&loaded, kind, SEED, true, &saved.data, saved.len,
                                cull_allocator_default(), cull_allocator_default(),
                                NULL) == CULL_OK);
    CHECK(saved.data == NULL); /* the rows lie in it now */
    cull__blob_table_free(table);
    return loaded;
}

static const cull_digest_kind scan_kinds[] = { CULL_DIGEST_MD5, CULL_DIGEST_SHA1,
                                               CULL_DIGEST_SHA256 };

START_TEST(a_few_digests_are_found_without_slots_as_with_them)
    {
        cull_digest_kind kind = scan_kinds[_i];
        struct cull__blob_table *table = loaded_table(kind, false);
        cull_digest digests[CULL__SCAN_DIGESTS];
        uint32_t scanned[CULL__SCAN_DIGESTS];
        uint32_t found[CULL__SCAN_DIGESTS];
        cull_digest zero = { { 0 } };
        uint64_t random = 9;

        for (unsigned i = 0; i < CULL__SCAN_DIGESTS; i++) {
            digests[i] = digest_for(below(&random, SCANNED + SCANNED / 4), kind);
        }
        digests[1] = digests[0];
        digests[2] = digest_for(5, kind);
        digests[3] = zero;
        digests[4] = digest_for(SCANNED - 1, kind);
        for (unsigned ask = 0; ask < 8; ask++) {
            CHECK(cull__blob_table_find(table, digests, CULL__SCAN_DIGESTS, scanned) == CULL_OK);
            CHECK(!table->slots.built);
        }
        CHECK(scanned[2] == CULL__BLOB_NONE && scanned[3] == CULL__BLOB_NONE);
        CHECK(scanned[0] == scanned[1] && scanned[4] == SCANNED - 1);
        CHECK(cull__blob_table_find(table, digests, CULL__SCAN_DIGESTS, found) == CULL_OK);
        CHECK(table->slots.built);
        CHECK(memcmp(scanned, found, sizeof(found)) == 0);
        cull__blob_table_free(table);
    }
END_TEST

START_TEST(a_table_whose_rows_lie_in_a_checkpoint_goes_on_as_any_other)
    {
        struct cull__blob_table *table = loaded_table(CULL_DIGEST_MD5, false);
        struct cull__blob_table *again = NULL;
        struct cull__buf first = CULL__BUF_INIT(cull_allocator_default());
        struct cull__buf second = CULL__BUF_INIT(cull_allocator_default());
        uint64_t memory = cull__blob_table_memory(table);
        const char *why = NULL;

        CHECK(memory > SCANNED * (1 + 8 + 16 + 4) && memory < SCANNED * 32);
        for (uint32_t i = 0; i < SCANNED; i++) { /* free numbers first, then new rows */
            cull_digest digest = digest_for(SCANNED * 2 + i, CULL_DIGEST_MD5);

            CHECK(cull__blob_table_insert(table, cull__blob_table_next(table, 0), &digest, 3, i) ==
                  CULL_OK);
        }
        CHECK(cull__blob_table_set_state(table, 8, CULL__BLOB_DELETING) == CULL_OK);
        CHECK(cull__blob_table_erase(table, 8) == CULL_OK);
        ck_assert_msg(cull__blob_table_valid(table, &why), "%s", why);
        CHECK(cull__blob_table_save(table, &first) == CULL_OK);
        CHECK(load_copy(&again, CULL_DIGEST_MD5, true, first.data, first.len,
                        cull_allocator_default(), NULL) == CULL_OK);
        CHECK(cull__blob_table_save(again, &second) == CULL_OK);
        CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
        cull__blob_table_free(again);
        cull__blob_table_free(table);
        cull__buf_release(&first);
        cull__buf_release(&second);
    }
END_TEST

START_TEST(a_digest_that_comes_twice_is_noticed_by_who_asks_for_it_without_slots)
    {
        struct cull__blob_table *table = loaded_table(CULL_DIGEST_MD5, true);
        cull_digest digest = digest_for(11, CULL_DIGEST_MD5);
        uint32_t number;

        CHECK(cull__blob_table_find(table, &digest, 1, &number) == CULL_E_CORRUPT);
        CHECK(!table->slots.built);
        cull__blob_table_free(table);
    }
END_TEST

/* --- damage ---------------------------------------------------------------------------------- */

static struct cull__blob_table *small_table(const cull_allocator *allocator)
{
    struct cull__blob_table *table = NULL;

    CHECK(cull__blob_table_new(&table, CULL_DIGEST_MD5, SEED, true, allocator) == CULL_OK);
    for (uint32_t number = 0; number < 9; number++) {
        cull_digest digest = digest_for(number, CULL_DIGEST_MD5);

        CHECK(cull__blob_table_insert(table, number, &digest, 10 * number, number) == CULL_OK);
    }
    for (uint32_t number = 2; number < 6; number++) {
        CHECK(cull__blob_table_set_state(table, number, CULL__BLOB_DELETING) == CULL_OK);
    }
    CHECK(cull__blob_table_erase(table, 4) == CULL_OK);
    CHECK(cull__blob_table_erase(table, 2) == CULL_OK);
    CHECK(cull__blob_table_unindex(table, 3) == CULL_OK);
    return table;
}

START_TEST(a_digest_that_comes_twice_in_a_checkpoint_is_noticed_at_the_first_lookup)
    {
        struct cull__blob_table *table = small_table(cull_allocator_default());
        struct cull__blob_table *loaded = NULL;
        struct cull__buf saved = CULL__BUF_INIT(cull_allocator_default());
        cull_digest digest = digest_for(7, CULL_DIGEST_MD5);
        uint32_t number;
        uint8_t *digests;

        CHECK(cull__blob_table_save(table, &saved) == CULL_OK);
        digests = saved.data + 16 + 9 + 9 * 8;
        memcpy(digests + 16 * 8, digests + 16 * 7, 16);
        CHECK(load_copy(&loaded, CULL_DIGEST_MD5, true, saved.data, saved.len,
                        cull_allocator_default(), NULL) == CULL_OK);
        CHECK(cull__blob_table_find(loaded, &digest, 1, &number) == CULL_E_CORRUPT);
        digest = digest_for(100, CULL_DIGEST_MD5);
        CHECK(cull__blob_table_insert(loaded, 2, &digest, 1, 0) == CULL_OK); /* asks no slots */
        CHECK(cull__blob_table_find(loaded, &digest, 1, &number) == CULL_E_CORRUPT);
        cull__blob_table_free(loaded);
        cull__blob_table_free(table);
        cull__buf_release(&saved);
    }
END_TEST

START_TEST(a_digest_that_comes_twice_through_insertions_is_noticed_at_the_first_lookup)
    {
        struct cull__blob_table *table = NULL;
        cull_digest digest = digest_for(1, CULL_DIGEST_MD5);
        uint32_t number;

        CHECK(cull__blob_table_new(&table, CULL_DIGEST_MD5, SEED, true, cull_allocator_default()) ==
              CULL_OK);
        CHECK(cull__blob_table_insert(table, 0, &digest, 1, 0) == CULL_OK);
        CHECK(cull__blob_table_insert(table, 1, &digest, 1, 0) == CULL_OK);
        CHECK(cull__blob_table_find(table, &digest, 1, &number) == CULL_E_CORRUPT);
        cull__blob_table_free(table);
    }
END_TEST

START_TEST(an_adopted_blob_is_deleting_and_its_digest_stays_anothers)
    {
        struct cull__blob_table *table = NULL;
        cull_digest digest = digest_for(1, CULL_DIGEST_MD5);
        uint32_t number = 0;

        CHECK(cull__blob_table_new(&table, CULL_DIGEST_MD5, SEED, true, cull_allocator_default()) ==
              CULL_OK);
        CHECK(cull__blob_table_insert(table, 0, &digest, 1, 5) == CULL_OK);
        CHECK(cull__blob_table_find(table, &digest, 1, &number) == CULL_OK && number == 0);
        CHECK(cull__blob_table_adopt(table, 1, &digest, 1, 2) == CULL_OK);
        CHECK(cull__blob_table_state(table, 1) == CULL__BLOB_DELETING);
        CHECK(cull__blob_table_find(table, &digest, 1, &number) == CULL_OK && number == 0);
        CHECK(cull__blob_table_erase(table, 1) == CULL_OK);
        CHECK(cull__blob_table_find(table, &digest, 1, &number) == CULL_OK && number == 0);
        cull__blob_table_free(table);
    }
END_TEST

START_TEST(an_unindexed_blob_stays_out_of_the_slots_after_a_reload)
    {
        struct cull__blob_table *table = small_table(cull_allocator_default());
        struct cull__blob_table *loaded = NULL;
        struct cull__buf saved = CULL__BUF_INIT(cull_allocator_default());
        cull_digest digest = digest_for(3, CULL_DIGEST_MD5);
        uint32_t number;

        CHECK(cull__blob_table_save(table, &saved) == CULL_OK);
        CHECK(load_copy(&loaded, CULL_DIGEST_MD5, true, saved.data, saved.len,
                        cull_allocator_default(), NULL) == CULL_OK);
        CHECK(cull__blob_table_state(loaded, 3) == CULL__BLOB_DELETING);
        CHECK(cull__blob_table_insert(loaded, 2, &digest, 30, 8) == CULL_OK);
        CHECK(cull__blob_table_find(loaded, &digest, 1, &number) == CULL_OK);
        CHECK(number == 2);
        CHECK(cull__blob_table_erase(loaded, 3) == CULL_OK); /* the old incarnation goes */
        CHECK(cull__blob_table_find(loaded, &digest, 1, &number) == CULL_OK);
        CHECK(number == 2);
        cull__blob_table_free(loaded);
        cull__blob_table_free(table);
        cull__buf_release(&saved);
    }
END_TEST

START_TEST(sizes_whose_sum_overflows_are_refused)
    {
        struct cull__blob_table *table;
        cull_digest first = digest_for(1, CULL_DIGEST_MD5);
        cull_digest second = digest_for(2, CULL_DIGEST_MD5);

        CHECK(cull__blob_table_new(&table, CULL_DIGEST_MD5, SEED, false,
                                   cull_allocator_default()) == CULL_OK);
        CHECK(cull__blob_table_insert(table, 0, &first, UINT64_MAX - 1, 0) == CULL_OK);
        CHECK(cull__blob_table_insert(table, 1, &second, 2, 0) == CULL_E_CORRUPT);
        CHECK(cull__blob_table_insert(table, 1, &second, 1, 0) == CULL_OK);
        cull__blob_table_free(table);
    }
END_TEST

/* Refused with a message; or valid, and then exactly what saving it would write. */
static bool load_refuses(const uint8_t *data, size_t len)
{
    struct cull__buf again = CULL__BUF_INIT(cull_allocator_default());
    struct cull__blob_table *loaded = NULL;
    cull_error err = { CULL_OK, "" };
    const char *why = NULL;
    cull_status status =
        load_copy(&loaded, CULL_DIGEST_MD5, true, data, len, cull_allocator_default(), &err);

    if (status != CULL_OK) {
        CHECK(status == CULL_E_CORRUPT && err.status == status && err.message[0] != '\0');
        CHECK(loaded == NULL);
        return true;
    }
    ck_assert_msg(cull__blob_table_valid(loaded, &why), "%s", why);
    CHECK(cull__blob_table_save(loaded, &again) == CULL_OK);
    CHECK(again.len == len && memcmp(again.data, data, len) == 0);
    cull__blob_table_free(loaded);
    cull__buf_release(&again);
    return false;
}

START_TEST(hostile_bytes_are_refused_or_valid)
    {
        struct cull__blob_table *table = small_table(cull_allocator_default());
        struct cull__buf good = CULL__BUF_INIT(cull_allocator_default());
        uint64_t refused = 0;

        CHECK(cull__blob_table_save(table, &good) == CULL_OK);
        CHECK(!load_refuses(good.data, good.len));
        for (size_t len = 0; len < good.len; len++) {
            uint8_t *cut = malloc(len + 1); /* of its own, so that a sanitizer sees reads past it */

            CHECK(cut != NULL);
            memcpy(cut, good.data, len);
            CHECK(load_refuses(cut, len));
            free(cut);
        }
        for (size_t at = 0; at < good.len; at++) {
            for (unsigned flip = 1; flip < 256; flip++) {
                good.data[at] ^= (uint8_t)flip;
                refused += load_refuses(good.data, good.len);
                good.data[at] ^= (uint8_t)flip;
            }
        }
        CHECK(refused > 10 * 255); /* the head, at least */
        cull__buf_release(&good);
        cull__blob_table_free(table);
    }
END_TEST

/* --- memory that runs out -------------------------------------------------------------------- */

START_TEST(no_memory_at_any_allocation_of_an_insert_changes_nothing)
    {
        uint64_t failed = 0;
        struct failing_allocator failing;
        struct cull__blob_table *table;
        const char *why = NULL;

        failing_allocator_init(&failing, 0);
        CHECK(cull__blob_table_new(&table, CULL_DIGEST_MD5, SEED, true, &failing.allocator) ==
              CULL_OK);
        for (uint32_t number = 0; number < 9000; number++) { /* over splits and a second chunk */
            cull_digest digest = digest_for(number, CULL_DIGEST_MD5);
            cull_status status = CULL_E_NOMEM;

            for (uint64_t n = 1; status == CULL_E_NOMEM; n++) {
                failing.fail_at = failing.calls + n;
                status = cull__blob_table_insert(table, number, &digest, 1, number);
                failing.fail_at = 0;
                CHECK(status == CULL_OK || status == CULL_E_NOMEM);
                if (status == CULL_E_NOMEM) {
                    failed++;
                    CHECK(cull__blob_table_limit(table) == number);
                    ck_assert_msg(cull__blob_table_valid(table, &why), "%s", why);
                }
            }
        }
        ck_assert_msg(cull__blob_table_valid(table, &why), "%s", why);
        CHECK(failed > 30);
        cull__blob_table_free(table);
        CHECK(failing.live == 0);
    }
END_TEST

START_TEST(no_memory_at_any_allocation_of_load_find_and_erase_changes_nothing)
    {
        struct cull__blob_table *table = small_table(cull_allocator_default());
        struct cull__buf saved = CULL__BUF_INIT(cull_allocator_default());
        cull_status status = CULL_E_NOMEM;

        CHECK(cull__blob_table_save(table, &saved) == CULL_OK);
        for (uint64_t n = 1; status == CULL_E_NOMEM; n++) {
            struct failing_allocator failing;
            struct cull__blob_table *loaded = NULL;
            cull_digest digest = digest_for(8, CULL_DIGEST_MD5);
            cull_error err = { CULL_OK, "" };
            const char *why = NULL;
            uint32_t number = 0;

            failing_allocator_init(&failing, n);
            status = load_copy(&loaded, CULL_DIGEST_MD5, true, saved.data, saved.len,
                               &failing.allocator, &err);
            CHECK((loaded != NULL) == (status == CULL_OK) && err.status == status);
            if (status == CULL_OK) {
                status = cull__blob_table_find(loaded, &digest, 1, &number);
            }
            if (status == CULL_OK) {
                CHECK(number == 8);
                for (number = 3; number < 9 && status == CULL_OK; number++) {
                    if (cull__blob_table_state(loaded, number) != CULL__BLOB_FREE) {
                        CHECK(cull__blob_table_set_state(loaded, number, CULL__BLOB_DELETING) ==
                              CULL_OK);
                        status = cull__blob_table_erase(loaded, number);
                        CHECK((status == CULL_OK) ==
                              (cull__blob_table_state(loaded, number) == CULL__BLOB_FREE));
                    }
                }
            }
            if (loaded != NULL) {
                ck_assert_msg(cull__blob_table_valid(loaded, &why), "%s", why);
            }
            cull__blob_table_free(loaded);
            CHECK(failing.live == 0);
        }
        CHECK(status == CULL_OK);
        cull__blob_table_free(table);
        cull__buf_release(&saved);
    }
END_TEST

/* Large enough that digests and slots go on in slabs. */
START_TEST(a_table_in_slabs_is_as_any_other)
    {
        enum { ROWS = 2100000, EVERY = 1009 };
        struct cull__blob_table *table;
        const char *why;

        CHECK(cull__blob_table_new(&table, CULL_DIGEST_SHA256, SEED, false,
                                   cull_allocator_default()) == CULL_OK);
        CHECK(cull__slots_build(table) == CULL_OK);
        for (uint32_t number = 0; number < ROWS; number++) {
            cull_digest digest = digest_for(number, CULL_DIGEST_SHA256);

            CHECK(cull__blob_table_insert(table, number, &digest, 1, 0) == CULL_OK);
        }
        CHECK(table->digests.slabbed > 0 && table->slots.slabs.count > 0);
        for (uint32_t number = 0; number < ROWS; number += EVERY) {
            CHECK(cull__blob_table_set_state(table, number, CULL__BLOB_DELETING) == CULL_OK);
            CHECK(cull__blob_table_erase(table, number) == CULL_OK);
        }
        for (uint32_t number = 0; number < ROWS; number += EVERY / 2) {
            cull_digest digest = digest_for(number, CULL_DIGEST_SHA256);
            uint32_t found;

            CHECK(cull__blob_table_find(table, &digest, 1, &found) == CULL_OK);
            CHECK(found == (number % EVERY == 0 ? CULL__BLOB_NONE : number));
        }
        ck_assert_msg(cull__blob_table_valid(table, &why), "%s", why);
        cull__blob_table_free(table);
    }
END_TEST

Suite *blob_table_suite(void)
{
    Suite *suite = suite_create("blob_table");
    TCase *rules = tcase_create("rules");
    TCase *scale = tcase_create("scale");

    tcase_add_loop_test(rules, random_histories_agree_with_a_plain_list, 0,
                        ARRAY_LEN(history_cases));
    tcase_add_test(rules, a_digest_that_comes_twice_in_a_checkpoint_is_noticed_at_the_first_lookup);
    tcase_add_test(rules, an_unindexed_blob_stays_out_of_the_slots_after_a_reload);
    tcase_add_test(rules,
                   a_digest_that_comes_twice_through_insertions_is_noticed_at_the_first_lookup);
    tcase_add_test(rules, an_adopted_blob_is_deleting_and_its_digest_stays_anothers);
    tcase_add_test(rules, sizes_whose_sum_overflows_are_refused);
    tcase_add_test(rules, hostile_bytes_are_refused_or_valid);
    tcase_add_test(rules, no_memory_at_any_allocation_of_an_insert_changes_nothing);
    tcase_add_test(rules, no_memory_at_any_allocation_of_load_find_and_erase_changes_nothing);
    tcase_add_test(scale, every_digest_is_found_through_growth_and_removal);
    tcase_add_loop_test(scale, guesses_give_the_answers_of_a_lookup, 0, (int)ARRAY_LEN(guess_rows));
    tcase_add_loop_test(scale, a_few_digests_are_found_without_slots_as_with_them, 0,
                        ARRAY_LEN(scan_kinds));
    tcase_add_test(scale, a_table_whose_rows_lie_in_a_checkpoint_goes_on_as_any_other);
    tcase_add_test(scale, a_digest_that_comes_twice_is_noticed_by_who_asks_for_it_without_slots);
    tcase_add_test(scale, a_table_in_slabs_is_as_any_other);
    tcase_add_test(scale, a_tiny_table_is_tiny);
    tcase_add_test(scale, a_blob_takes_at_most_44_bytes_at_every_count);
    suite_add_tcase(suite, rules);
    suite_add_tcase(suite, scale);
    return suite;
}
