/*
 * test_lifespan.c - lifespans, purge, mark and fingerprints against plain sets and plain intervals.
 *
 * The oracle shares no code with core: a table of who is in which version, and a list of intervals
 * that are purged one version at a time by asking every retained ordinal.
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

#define VERSIONS_MAX 40
#define BLOBS_MAX 20
#define SPANS_MAX (VERSIONS_MAX * BLOBS_MAX)
#define SEED 77

struct oracle {
    bool member[VERSIONS_MAX][BLOBS_MAX];
    bool retained[VERSIONS_MAX];
    uint32_t versions;
    uint32_t blobs;
    struct {
        uint32_t blob, born, died; /* died is CULL__ORDINAL_NONE while open */
    } span[SPANS_MAX];
    size_t spans;
};

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

static void oracle_commit(struct oracle *oracle, const bool *member)
{
    uint32_t ordinal = oracle->versions++;

    oracle->retained[ordinal] = true;
    for (uint32_t blob = 0; blob < oracle->blobs; blob++) {
        size_t open = SPANS_MAX;

        oracle->member[ordinal][blob] = member[blob];
        for (size_t i = 0; i < oracle->spans; i++) {
            if (oracle->span[i].blob == blob && oracle->span[i].died == CULL__ORDINAL_NONE) {
                open = i;
            }
        }
        if (open != SPANS_MAX && !member[blob]) {
            oracle->span[open].died = ordinal;
        } else if (open == SPANS_MAX && member[blob]) {
            oracle->span[oracle->spans].blob = blob;
            oracle->span[oracle->spans].born = ordinal;
            oracle->span[oracle->spans++].died = CULL__ORDINAL_NONE;
        }
    }
}

static bool oracle_crossed(const struct oracle *oracle, size_t i)
{
    for (uint32_t o = 0; o < oracle->versions; o++) {
        if (oracle->retained[o] && oracle->span[i].born <= o && o < oracle->span[i].died) {
            return true;
        }
    }
    return false;
}

static void oracle_purge(struct oracle *oracle, uint32_t ordinal, struct cull__u32s *killed)
{
    size_t kept = 0;

    oracle->retained[ordinal] = false;
    for (size_t i = 0; i < oracle->spans; i++) {
        if (oracle_crossed(oracle, i)) {
            oracle->span[kept++] = oracle->span[i];
        } else {
            CHECK(cull__u32s_push(killed, oracle->span[i].blob) == CULL_OK);
        }
    }
    oracle->spans = kept;
}

/* --- the world under test -------------------------------------------------------------------- */

struct world {
    const cull_allocator *allocator;
    struct oracle oracle;
    struct cull__lifespans *spans;
    struct cull__blob_table *table;
    uint32_t counts[BLOBS_MAX];
};

static void world_init(struct world *world, uint32_t blobs, const cull_allocator *allocator)
{
    memset(world, 0, sizeof(*world));
    world->allocator = allocator;
    world->oracle.blobs = blobs;
    CHECK(cull__lifespans_new(&world->spans, allocator) == CULL_OK);
    CHECK(cull__blob_table_new(&world->table, CULL_DIGEST_MD5, SEED, false, allocator) == CULL_OK);
    for (uint32_t blob = 0; blob < blobs; blob++) {
        cull_digest digest = { { (uint8_t)blob, 1, 2 } };

        CHECK(cull__blob_table_insert(world->table, blob, &digest, 1, 0) == CULL_OK);
    }
}

static void world_release(struct world *world)
{
    cull__lifespans_free(world->spans);
    cull__blob_table_free(world->table);
}

static void world_commit(struct world *world, const bool *member)
{
    struct cull__u32s closed = CULL__U32S_INIT(world->allocator);
    struct cull__u32s opened = CULL__U32S_INIT(world->allocator);
    uint64_t members = 0;
    uint64_t scratch = 0;
    uint32_t blobs[BLOBS_MAX];
    size_t count = 0;

    for (uint32_t blob = world->oracle.blobs; blob-- > 0;) {
        if (member[blob]) {
            blobs[count++] = blob;
            members |= UINT64_C(1) << blob;
        }
    }
    CHECK(cull__lifespans_diff(world->spans, &members, world->oracle.blobs, blobs, count, &closed,
                               &opened) == CULL_OK);
    CHECK(members == 0);
    CHECK(cull__lifespans_commit(world->spans, closed.at, closed.count, opened.at, opened.count,
                                 &scratch, world->oracle.blobs) == CULL_OK);
    CHECK(scratch == 0);
    for (size_t i = 0; i < opened.count; i++) {
        world->counts[opened.at[i]]++;
    }
    oracle_commit(&world->oracle, member);
    cull__u32s_release(&closed);
    cull__u32s_release(&opened);
}

static void lists_equal(const struct cull__u32s *a, const struct cull__u32s *b)
{
    CHECK(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        CHECK(a->at[i] == b->at[i]);
    }
}

static void world_purge(struct world *world, const uint32_t *ordinals, size_t count)
{
    struct cull__u32s asked = CULL__U32S_INIT(world->allocator);
    struct cull__u32s killed = CULL__U32S_INIT(world->allocator);
    struct cull__u32s want = CULL__U32S_INIT(world->allocator);
    uint64_t kept;
    uint64_t after;

    CHECK(cull__lifespans_would_kill(world->spans, ordinals, count, &asked) == CULL_OK);
    CHECK(cull__lifespans_sum_after(world->spans, ordinals, count, &kept, &after) == CULL_OK);
    CHECK(kept - after == cull__held_sum(asked.at, asked.count));
    CHECK(cull__lifespans_purge(world->spans, ordinals, count, &killed) == CULL_OK);
    lists_equal(&asked, &killed);
    for (size_t i = 0; i < count; i++) {
        oracle_purge(&world->oracle, ordinals[i], &want);
    }
    for (size_t i = 0; i < killed.count; i++) {
        world->counts[killed.at[i]]--;
    }
    cull__u32s_sort(&killed);
    cull__u32s_sort(&want);
    lists_equal(&killed, &want);
    cull__u32s_release(&asked);
    cull__u32s_release(&killed);
    cull__u32s_release(&want);
}

static void check_members(struct world *world)
{
    const struct oracle *oracle = &world->oracle;
    struct cull__u32s got = CULL__U32S_INIT(world->allocator);

    for (uint32_t o = 0; o < oracle->versions; o++) {
        size_t i = 0;

        got.count = 0;
        CHECK(cull__lifespans_members(world->spans, o, &got) ==
              (oracle->retained[o] ? CULL_OK : CULL_E_CORRUPT));
        CHECK(cull__lifespans_retained(world->spans, o) == oracle->retained[o]);
        cull__u32s_sort(&got);
        for (uint32_t blob = 0; oracle->retained[o] && blob < oracle->blobs; blob++) {
            if (oracle->member[o][blob]) {
                CHECK(i < got.count);
                CHECK((got.at[i++]) == blob);
            }
        }
        CHECK(i == got.count);
    }
    cull__u32s_release(&got);
}

/* The sum kept is that of the lifespans; looking again at what changed finds nothing else. */
static void check_sums(const struct world *world)
{
    uint64_t sum = 0;
    uint64_t looked_at = 0;
    uint32_t retained = 0;

    for (uint32_t blob = 0; blob < world->oracle.blobs; blob++) {
        sum += world->counts[blob] * cull__held_hash(blob);
    }
    for (uint32_t o = 0; o < world->oracle.versions; o++) {
        retained += world->oracle.retained[o];
    }
    CHECK(cull__lifespans_sum(world->spans) == sum);
    CHECK(cull__lifespans_retained_count(world->spans) == retained);
    CHECK(cull__lifespans_recheck(world->spans, &looked_at));
    CHECK(!cull__lifespans_changed(world->spans));
}

static void check_mark(const struct world *world, uint64_t *random)
{
    const struct oracle *oracle = &world->oracle;
    uint32_t counts[BLOBS_MAX] = { 0 };
    uint64_t all = 0;
    uint64_t some = 0;
    uint64_t keep = next_random(random);
    uint64_t want_some = 0;

    for (uint32_t o = 0; o < oracle->versions; o++) {
        keep &= oracle->retained[o] ? UINT64_MAX : ~(UINT64_C(1) << o);
        for (uint32_t blob = 0; (keep >> o & 1) != 0 && blob < oracle->blobs; blob++) {
            want_some |= (uint64_t)oracle->member[o][blob] << blob;
        }
    }
    check_sums(world);
    cull__mark(world->spans, NULL, &all, BLOBS_MAX);
    cull__mark(world->spans, &keep, &some, BLOBS_MAX);
    cull__mark_count(world->spans, counts, BLOBS_MAX);
    CHECK(some == want_some);
    for (uint32_t blob = 0; blob < oracle->blobs; blob++) {
        bool held = false;

        for (uint32_t o = 0; o < oracle->versions; o++) {
            held |= oracle->retained[o] && oracle->member[o][blob];
        }
        CHECK(cull__bit_get(&all, blob) == held);
        CHECK(counts[blob] == world->counts[blob]);
        CHECK((counts[blob] > 0) == held);
    }
}

static void check_fingerprints(const struct world *world)
{
    const struct oracle *oracle = &world->oracle;
    struct cull__fingerprint got[VERSIONS_MAX];

    CHECK(cull__fingerprints(world->spans, world->table, got, world->allocator) == CULL_OK);
    for (uint32_t o = 0; o < oracle->versions; o++) {
        struct cull__fingerprint want = { 0, 0 };

        for (uint32_t blob = 0; blob < oracle->blobs; blob++) {
            if (oracle->member[o][blob]) {
                want.count++;
                want.sum += cull__blob_table_hash(world->table, blob);
            }
        }
        if (oracle->retained[o]) {
            CHECK(got[o].count == want.count);
            CHECK(got[o].sum == want.sum);
        }
    }
}

struct visit {
    const struct oracle *oracle;
    uint32_t blob;
    size_t seen;
};

static cull_status visit_one(void *ctx, uint32_t born, uint32_t died)
{
    struct visit *visit = ctx;

    for (size_t i = 0; i < visit->oracle->spans; i++) {
        visit->seen += visit->oracle->span[i].blob == visit->blob &&
                       visit->oracle->span[i].born == born && visit->oracle->span[i].died == died;
    }
    return CULL_OK;
}

static void check_spans(const struct world *world)
{
    size_t seen = 0;

    for (uint32_t blob = 0; blob < world->oracle.blobs; blob++) {
        struct visit visit = { &world->oracle, blob, 0 };

        CHECK(cull__lifespans_of_blob(world->spans, blob, visit_one, &visit) == CULL_OK);
        seen += visit.seen;
    }
    CHECK(seen == world->oracle.spans);
    CHECK(cull__lifespans_open_count(world->spans) + cull__lifespans_closed_count(world->spans) ==
          world->oracle.spans);
}

/* Save, load, save again: the same bytes. The world goes on with what was loaded. */
static void world_reload(struct world *world)
{
    struct cull__buf first = CULL__BUF_INIT(world->allocator);
    struct cull__buf second = CULL__BUF_INIT(world->allocator);
    struct cull__lifespans *loaded = NULL;
    struct cull__cursor in;

    CHECK(cull__lifespans_save(world->spans, &first) == CULL_OK);
    in = cull__cursor(first.data, first.len);
    CHECK(cull__lifespans_load(&loaded, &in, world->oracle.blobs, world->allocator) == CULL_OK);
    CHECK(cull__cursor_done(&in));
    CHECK(cull__lifespans_save(loaded, &second) == CULL_OK);
    CHECK(first.len == second.len);
    CHECK(memcmp(first.data, second.data, first.len) == 0);
    cull__lifespans_free(world->spans);
    world->spans = loaded;
    cull__buf_release(&first);
    cull__buf_release(&second);
}

static void world_check(struct world *world, uint64_t *random)
{
    const char *why = NULL;

    ck_assert_msg(cull__lifespans_valid(world->spans, &why), "%s", why);
    check_members(world);
    check_mark(world, random);
    check_fingerprints(world);
    check_spans(world);
}

/* --- random histories ------------------------------------------------------------------------ */

enum order { NEWEST_FIRST, OLDEST_FIRST, ANY_ONE, BATCHES };

static size_t choose_purge(const struct oracle *oracle, enum order order, uint64_t *random,
                           uint32_t *ordinals)
{
    size_t count = 0;

    for (uint32_t o = 0; o < oracle->versions; o++) {
        if (oracle->retained[o] && (order != BATCHES || below(random, 3) != 0)) {
            ordinals[count++] = o;
        }
    }
    if (count == 0 || order == BATCHES) {
        return count;
    }
    if (order == NEWEST_FIRST) {
        ordinals[0] = ordinals[count - 1 - below(random, 2) * (count > 1)]; /* or the one before */
    } else if (order == ANY_ONE) {
        ordinals[0] = ordinals[below(random, (uint32_t)count)];
    }
    return 1;
}

static void run_history(uint64_t seed, enum order order)
{
    uint64_t random = seed;
    uint32_t blobs = 6 + below(&random, BLOBS_MAX - 5);
    uint32_t churn = 1 + below(&random, 10);
    uint32_t purges = 1 + below(&random, 6);
    bool member[BLOBS_MAX] = { false };
    struct world world;

    world_init(&world, blobs, cull_allocator_default());
    while (world.oracle.versions < VERSIONS_MAX) {
        uint32_t ordinals[VERSIONS_MAX];

        if (below(&random, 10) < purges) {
            world_purge(&world, ordinals, choose_purge(&world.oracle, order, &random, ordinals));
        } else {
            for (uint32_t blob = 0; blob < blobs; blob++) {
                member[blob] ^= below(&random, 20) < churn;
            }
            world_commit(&world, member);
        }
        world_check(&world, &random);
        if (below(&random, 16) == 0) {
            world_reload(&world);
        }
    }
    world_release(&world);
}

START_TEST(random_histories_agree_with_plain_sets)
    {
        for (uint64_t seed = 0; seed < 400; seed++) {
            run_history(seed * 4 + (uint64_t)_i, (enum order)_i);
        }
    }
END_TEST

/* --- named flaws of the model ---------------------------------------------------------------- */

static const bool only_a[BLOBS_MAX] = { true };
static const bool only_b[BLOBS_MAX] = { false, true };

/* head_kill_keep: a dead open lifespan that stayed would swallow the blob's next birth. */
START_TEST(a_killed_open_lifespan_is_removed_and_born_again)
    {
        struct world world;
        const uint32_t first = 0;
        uint64_t random = 1;

        world_init(&world, 2, cull_allocator_default());
        world_commit(&world, only_a);
        world_purge(&world, &first, 1);
        CHECK(cull__lifespans_open_count(world.spans) == 0);
        world_commit(&world, only_a);
        CHECK(world.counts[0] == 1);
        world_check(&world, &random);
        world_release(&world);
    }
END_TEST

/* purge_nbr_before: with the neighbours of before, v0 leaves a to v1 and v1 leaves it to v0. */
START_TEST(two_versions_purged_together_free_what_only_they_share)
    {
        struct world world;
        const uint32_t both[] = { 0, 1 };
        uint64_t random = 1;

        world_init(&world, 2, cull_allocator_default());
        world_commit(&world, only_a);
        world_commit(&world, only_a);
        world_commit(&world, only_b);
        world_purge(&world, both, 2);
        CHECK(world.counts[0] == 0);
        CHECK(world.counts[1] == 1);
        world_check(&world, &random);
        world_release(&world);
    }
END_TEST

/* purge_nbr_after: with the neighbours of afterwards, a would be killed for v0 and again for v1. */
START_TEST(two_versions_purged_together_kill_a_lifespan_once)
    {
        struct world world;
        const uint32_t both[] = { 0, 1 };
        struct cull__u32s killed = CULL__U32S_INIT(cull_allocator_default());

        world_init(&world, 2, cull_allocator_default());
        world_commit(&world, only_a);
        world_commit(&world, only_a);
        world_commit(&world, only_b);
        CHECK(cull__lifespans_would_kill(world.spans, both, 2, &killed) == CULL_OK);
        CHECK(killed.count == 1);
        CHECK(killed.at[0] == 0);
        cull__u32s_release(&killed);
        world_release(&world);
    }
END_TEST

/* --- refusals -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    uint32_t closed[3];
    size_t closed_count;
    uint32_t opened[3];
    size_t opened_count;
    cull_status want;
} commit_cases[] = {
    /* a and b are open; c, d are not; e is past the limit */
    { "closes what is open", { 0, 1 }, 2, { 2, 3 }, 2, CULL_OK },
    { "changes nothing", { 0 }, 0, { 0 }, 0, CULL_OK },
    { "closes what is not open", { 0, 2 }, 2, { 0 }, 0, CULL_E_CORRUPT },
    { "closes one twice", { 0, 0 }, 2, { 0 }, 0, CULL_E_CORRUPT },
    { "closed is not sorted", { 1, 0 }, 2, { 0 }, 0, CULL_E_CORRUPT },
    { "opens what is open", { 0 }, 0, { 1 }, 1, CULL_E_CORRUPT },
    { "opens one twice", { 0 }, 0, { 2, 2 }, 2, CULL_E_CORRUPT },
    { "opens what it closes", { 0 }, 1, { 0 }, 1, CULL_E_CORRUPT },
    { "one closed is not open, one opened is", { 2 }, 1, { 0 }, 1, CULL_E_CORRUPT },
    { "closes past the limit", { 0, 4 }, 2, { 0 }, 0, CULL_E_CORRUPT },
    { "opens past the limit", { 0 }, 0, { 3, 4 }, 2, CULL_E_CORRUPT },
    { "opens the last number", { 0 }, 0, { 3 }, 1, CULL_OK },
};

START_TEST(commit_refuses_what_does_not_fit)
    {
        const bool a_and_b[BLOBS_MAX] = { true, true };
        struct cull__buf before = CULL__BUF_INIT(cull_allocator_default());
        struct cull__buf after = CULL__BUF_INIT(cull_allocator_default());
        struct world world;
        uint64_t scratch = 0;
        const char *why = NULL;

        world_init(&world, 4, cull_allocator_default());
        world_commit(&world, a_and_b);
        CHECK(cull__lifespans_save(world.spans, &before) == CULL_OK);
        ck_assert_msg(cull__lifespans_commit(world.spans, commit_cases[_i].closed,
                                             commit_cases[_i].closed_count, commit_cases[_i].opened,
                                             commit_cases[_i].opened_count, &scratch,
                                             4) == commit_cases[_i].want,
                      "%s", commit_cases[_i].name);
        CHECK(scratch == 0);
        ck_assert_msg(cull__lifespans_valid(world.spans, &why), "%s", why);
        CHECK(cull__lifespans_save(world.spans, &after) == CULL_OK);
        CHECK((before.len == after.len && memcmp(before.data, after.data, after.len) == 0) ==
              (commit_cases[_i].want != CULL_OK));
        cull__buf_release(&before);
        cull__buf_release(&after);
        world_release(&world);
    }
END_TEST

static const struct {
    const char *name;
    uint32_t ordinals[2];
    size_t count;
    cull_status want;
} purge_cases[] = {
    /* v0, v2 are retained; v1 is purged */
    { "nothing", { 0 }, 0, CULL_OK },
    { "both", { 0, 2 }, 2, CULL_OK },
    { "one twice", { 0, 0 }, 2, CULL_E_CORRUPT },
    { "not ascending", { 2, 0 }, 2, CULL_E_CORRUPT },
    { "purged already", { 0, 1 }, 2, CULL_E_CORRUPT },
    { "past the last", { 0, 3 }, 2, CULL_E_CORRUPT },
};

START_TEST(purge_refuses_what_is_not_retained)
    {
        const uint32_t one = 1;
        struct cull__u32s killed = CULL__U32S_INIT(cull_allocator_default());
        struct world world;
        uint64_t random = 1;

        world_init(&world, 2, cull_allocator_default());
        world_commit(&world, only_a);
        world_commit(&world, only_b);
        world_commit(&world, only_a);
        world_purge(&world, &one, 1);
        ck_assert_msg(cull__lifespans_purge(world.spans, purge_cases[_i].ordinals,
                                            purge_cases[_i].count, &killed) == purge_cases[_i].want,
                      "%s", purge_cases[_i].name);
        if (purge_cases[_i].want != CULL_OK) {
            CHECK(killed.count == 0);
            world_check(&world, &random);
        }
        cull__u32s_release(&killed);
        world_release(&world);
    }
END_TEST

/* --- memory that runs out -------------------------------------------------------------------- */

static cull_status try_commit(struct world *world, const cull_allocator *allocator)
{
    const uint32_t closed[] = { 0, 2 };
    const uint32_t opened[] = { 5, 4 };
    uint64_t scratch = 0;
    cull_status status =
        cull__lifespans_commit(world->spans, closed, 2, opened, 2, &scratch, BLOBS_MAX);

    (void)allocator;
    CHECK(scratch == 0);
    return status;
}

static cull_status try_purge(struct world *world, const cull_allocator *allocator)
{
    const uint32_t ordinals[] = { 0, 3 };
    struct cull__u32s killed = CULL__U32S_INIT(allocator);
    cull_status status = cull__lifespans_purge(world->spans, ordinals, 2, &killed);

    CHECK((killed.count > 0) == (status == CULL_OK));
    cull__u32s_release(&killed);
    return status;
}

static cull_status try_diff(struct world *world, const cull_allocator *allocator)
{
    struct cull__u32s closed = CULL__U32S_INIT(allocator);
    struct cull__u32s opened = CULL__U32S_INIT(allocator);
    const uint32_t blobs[] = { 7, 5 };
    uint64_t members = UINT64_C(1) << 7 | UINT64_C(1) << 5;
    cull_status status =
        cull__lifespans_diff(world->spans, &members, 20, blobs, 2, &closed, &opened);

    CHECK(members == 0);
    CHECK((closed.count == 2 && opened.count == 1) == (status == CULL_OK));
    cull__u32s_release(&closed);
    cull__u32s_release(&opened);
    return status;
}

static cull_status try_members(struct world *world, const cull_allocator *allocator)
{
    struct cull__u32s out = CULL__U32S_INIT(allocator);
    cull_status status = cull__lifespans_members(world->spans, 1, &out);

    CHECK((out.count > 0) == (status == CULL_OK));
    cull__u32s_release(&out);
    return status;
}

static cull_status try_reload(struct world *world, const cull_allocator *allocator)
{
    struct cull__buf out = CULL__BUF_INIT(allocator);
    struct cull__lifespans *loaded = NULL;
    cull_status status = cull__lifespans_save(world->spans, &out);

    if (status == CULL_OK) {
        struct cull__cursor in = cull__cursor(out.data, out.len);

        status = cull__lifespans_load(&loaded, &in, BLOBS_MAX, allocator);
        CHECK((loaded != NULL) == (status == CULL_OK));
    }
    cull__lifespans_free(loaded);
    cull__buf_release(&out);
    return status;
}

static const struct {
    const char *name;
    cull_status (*try)(struct world *world, const cull_allocator *allocator);
    bool changes;
} memory_cases[] = {
    { "commit", try_commit, true },
    { "purge", try_purge, true },
    { "diff", try_diff, false },
    { "members", try_members, false },
    { "save and load", try_reload, false },
};

static void small_world(struct world *world, const cull_allocator *allocator)
{
    const bool versions[4][BLOBS_MAX] = { { true, true, true, true, false, false, true },
                                          { true, true, true, false },
                                          { true, false, true, true, false, false, true },
                                          { true, false, true, false, false, false, false, true } };

    world_init(world, BLOBS_MAX, allocator);
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        world_commit(world, versions[i]);
    }
}

START_TEST(no_memory_at_any_allocation_changes_nothing)
    {
        cull_status status = CULL_E_NOMEM;
        uint64_t failed = 0;

        for (uint64_t n = 1; status == CULL_E_NOMEM; n++) {
            struct cull__buf before = CULL__BUF_INIT(cull_allocator_default());
            struct cull__buf after = CULL__BUF_INIT(cull_allocator_default());
            struct failing_allocator failing;
            struct world world;
            const char *why = NULL;

            failing_allocator_init(&failing, 0);
            small_world(&world, &failing.allocator);
            CHECK(cull__lifespans_save(world.spans, &before) == CULL_OK);
            failing.fail_at = failing.calls + n;
            status = memory_cases[_i].try(&world, &failing.allocator);
            failing.fail_at = 0;
            ck_assert_msg(status == CULL_OK || status == CULL_E_NOMEM, "%s", memory_cases[_i].name);
            failed += status != CULL_OK;
            ck_assert_msg(cull__lifespans_valid(world.spans, &why), "%s", why);
            CHECK(cull__lifespans_save(world.spans, &after) == CULL_OK);
            if (status != CULL_OK || !memory_cases[_i].changes) {
                CHECK(before.len == after.len);
                CHECK(memcmp(before.data, after.data, after.len) == 0);
            }
            world_release(&world);
            CHECK(failing.live == 0);
            cull__buf_release(&before);
            cull__buf_release(&after);
        }
        CHECK(status == CULL_OK);
        CHECK(failed > 0);
    }
END_TEST

/* --- hostile bytes --------------------------------------------------------------------------- */

/* Refused; or valid, and then exactly what saving it would write. */
static bool load_refuses(const uint8_t *data, size_t len)
{
    struct cull__buf again = CULL__BUF_INIT(cull_allocator_default());
    struct cull__cursor in = cull__cursor(data, len);
    struct cull__lifespans *loaded = NULL;
    const char *why = NULL;
    cull_status status = cull__lifespans_load(&loaded, &in, BLOBS_MAX, cull_allocator_default());
    size_t used = len - cull__cursor_left(&in);

    if (status != CULL_OK) {
        CHECK(status == CULL_E_CORRUPT);
        CHECK(loaded == NULL);
        return true;
    }
    ck_assert_msg(cull__lifespans_valid(loaded, &why), "%s", why);
    CHECK(cull__lifespans_save(loaded, &again) == CULL_OK);
    CHECK(again.len == used);
    CHECK(memcmp(again.data, data, used) == 0);
    cull__lifespans_free(loaded);
    cull__buf_release(&again);
    return false;
}

START_TEST(hostile_bytes_are_refused_or_valid)
    {
        struct cull__buf good = CULL__BUF_INIT(cull_allocator_default());
        uint64_t random = 5;
        uint64_t refused = 0;
        struct world world;
        bool member[BLOBS_MAX] = { false };

        world_init(&world, BLOBS_MAX, cull_allocator_default());
        while (world.oracle.versions < VERSIONS_MAX) {
            for (uint32_t blob = 0; blob < BLOBS_MAX; blob++) {
                member[blob] ^= below(&random, 20) < 2;
            }
            world_commit(&world, member);
        }
        world_purge(&world, (const uint32_t[]){ 3, 4, 9, 30 }, 4);
        CHECK(cull__lifespans_save(world.spans, &good) == CULL_OK);
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
        CHECK(refused > (good.len * 100));
        CHECK(!load_refuses(good.data, good.len));
        cull__buf_release(&good);
        world_release(&world);
    }
END_TEST

/* --- births, by themselves ------------------------------------------------------------------- */

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static const struct {
    const char *name;
    uint32_t rows;
    uint32_t range;
} births_cases[] = {
    { "one row", 1, 1 },
    { "one row, long lived", 1, 1u << 28 },
    { "two rows, far apart", 2, 1u << 28 },
    { "all born at once", 200, 1 },
    { "as many ordinals as rows", 100, 100 },
    { "ten rows an ordinal", 1000, 100 },
    { "ten ordinals a row", 100, 1000 },
    { "many ordinals a row", 70, 1u << 24 },
};

START_TEST(births_of_a_group_are_found_as_in_a_plain_array)
    {
        const uint32_t rows = births_cases[_i].rows;
        const uint32_t range = births_cases[_i].range;
        uint64_t random = (uint64_t)_i + 1;

        for (int round = 0; round < 50; round++) {
            uint32_t born[1000];
            uint32_t base = below(&random, 1000);
            struct cull__group group;
            struct cull__births births;
            uint32_t last_born = 0;

            for (uint32_t row = 0; row < rows; row++) {
                born[row] = base + (below(&random, 2) != 0 ? below(&random, range) : range - 1);
            }
            qsort(born, rows, sizeof(*born), compare_u32);
            base = born[0];
            CHECK(cull__group_new(&group, rows, base, born[rows - 1] + 1,
                                  cull_allocator_default()) == CULL_OK);
            for (uint32_t row = 0; row < rows; row++) {
                cull__group_put(&group, row, row, born[row]);
            }
            ck_assert_msg(cull__group_births_valid(&group, &last_born), "%s",
                          births_cases[_i].name);
            CHECK(last_born == (born[rows - 1]));
            CHECK(cull__group_memory(&group) <= (8 * (uint64_t)rows));
            births = cull__births(&group);
            for (uint32_t row = 0; row < rows; row++) {
                CHECK(cull__births_next(&births) == born[row]);
            }
            for (uint32_t probe = 0; probe < 40; probe++) {
                uint32_t at = born[below(&random, rows)] + below(&random, 3);
                uint32_t want = 0;

                while (want < rows && born[want] < at) {
                    want++;
                }
                CHECK(cull__group_rows_before(&group, at) == want);
                group.alive = 1 + below(&random, rows);
                group.last_born = born[group.alive - 1];
                want = want < group.alive ? want : group.alive;
                CHECK(cull__group_alive_before(&group, at, &last_born) == want);
                CHECK(last_born == (want > 0 ? born[want - 1] : base));
            }
            cull__group_compact(&group, cull_allocator_default());
            CHECK(group.count == group.alive);
            births = cull__births(&group);
            for (uint32_t row = 0; row < group.count; row++) {
                CHECK(group.rows[row] == row);
                CHECK(cull__births_next(&births) == born[row]);
            }
            cull__group_release(&group, cull_allocator_default());
        }
    }
END_TEST

/* --- scale ----------------------------------------------------------------------------------- */

/* 1,000 versions of 10,000 blobs, 1 % of them new each time. */
static struct cull__lifespans *churned(uint32_t versions, uint32_t files, uint32_t *limit)
{
    uint32_t *at = malloc(files * sizeof(*at));
    uint32_t *opened = malloc(files * sizeof(*opened));
    uint64_t *scratch = calloc(files / 64 + versions * (files / 100) / 64 + 2, 8);
    struct cull__u32s closed = CULL__U32S_INIT(cull_allocator_default());
    struct cull__lifespans *spans = NULL;
    uint64_t random = 9;

    CHECK(at != NULL && opened != NULL && scratch != NULL);
    CHECK(cull__lifespans_new(&spans, cull_allocator_default()) == CULL_OK);
    *limit = 0;
    for (uint32_t v = 0; v < versions; v++) {
        uint32_t count = v == 0 ? files : files / 100;
        size_t kept = 0;

        closed.count = 0;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t place = v == 0 ? i : below(&random, files);

            if (v > 0) {
                CHECK(cull__u32s_push(&closed, at[place]) == CULL_OK);
            }
            at[place] = opened[i] = (*limit)++;
        }
        cull__u32s_sort(&closed);
        for (size_t i = 0; i < closed.count; i++) { /* a place drawn twice: born and gone at once */
            if (closed.at[i] < opened[0]) {
                closed.at[kept++] = closed.at[i];
            }
        }
        closed.count = kept;
        CHECK(cull__lifespans_commit(spans, closed.at, closed.count, opened, count, scratch,
                                     *limit) == CULL_OK);
    }
    cull__u32s_release(&closed);
    free(at);
    free(opened);
    free(scratch);
    return spans;
}

START_TEST(closed_lifespans_take_at_most_six_bytes_under_churn)
    {
        uint32_t limit;
        struct cull__lifespans *spans = churned(1000, 10000, &limit);
        uint64_t closed = cull__lifespans_closed_count(spans);
        uint64_t bytes = cull__lifespans_memory(spans) -
                         spans->open.capacity * sizeof(*spans->open.at) -
                         spans->run_capacity * sizeof(*spans->runs);
        const char *why = NULL;

        CHECK(closed > 90000);
        ck_assert_msg(bytes <= 6 * closed, "%.2f bytes a closed lifespan",
                      (double)bytes / (double)closed);
        ck_assert_msg(cull__lifespans_valid(spans, &why), "%s", why);
        cull__lifespans_free(spans);
    }
END_TEST

/* What remains costs the same per lifespan when most versions are gone. */
START_TEST(purging_gives_the_memory_back)
    {
        uint32_t limit;
        struct cull__lifespans *spans = churned(1000, 10000, &limit);
        struct cull__u32s killed = CULL__U32S_INIT(cull_allocator_default());
        const char *why = NULL;
        uint64_t before = cull__lifespans_memory(spans);

        for (uint32_t o = 998; o > 0; o--) { /* newest first; v0 and the head stay */
            CHECK(cull__lifespans_purge(spans, &o, 1, &killed) == CULL_OK);
        }
        ck_assert_msg(cull__lifespans_valid(spans, &why), "%s", why);
        CHECK(cull__lifespans_closed_count(spans) + cull__lifespans_open_before(spans, 1) == 10000);
        CHECK(cull__lifespans_memory(spans) < (before / 3));
        cull__u32s_release(&killed);
        cull__lifespans_free(spans);
    }
END_TEST

Suite *lifespan_suite(void)
{
    Suite *suite = suite_create("lifespan");
    TCase *histories = tcase_create("histories");
    TCase *rules = tcase_create("rules");
    TCase *scale = tcase_create("scale");

    tcase_add_loop_test(histories, random_histories_agree_with_plain_sets, NEWEST_FIRST,
                        BATCHES + 1);
    tcase_add_test(rules, a_killed_open_lifespan_is_removed_and_born_again);
    tcase_add_test(rules, two_versions_purged_together_free_what_only_they_share);
    tcase_add_test(rules, two_versions_purged_together_kill_a_lifespan_once);
    tcase_add_loop_test(rules, commit_refuses_what_does_not_fit, 0, ARRAY_LEN(commit_cases));
    tcase_add_loop_test(rules, purge_refuses_what_is_not_retained, 0, ARRAY_LEN(purge_cases));
    tcase_add_loop_test(rules, no_memory_at_any_allocation_changes_nothing, 0,
                        ARRAY_LEN(memory_cases));
    tcase_add_test(rules, hostile_bytes_are_refused_or_valid);
    tcase_add_loop_test(rules, births_of_a_group_are_found_as_in_a_plain_array, 0,
                        ARRAY_LEN(births_cases));
    tcase_add_test(scale, closed_lifespans_take_at_most_six_bytes_under_churn);
    tcase_add_test(scale, purging_gives_the_memory_back);
    suite_add_tcase(suite, histories);
    suite_add_tcase(suite, rules);
    suite_add_tcase(suite, scale);
    return suite;
}
