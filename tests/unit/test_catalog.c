/*
 * test_catalog.c - the catalog: names, rules, facts and their refusals, listings, the checkpoint.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog_internal.h"
#include "suites.h"
#include "support.h"

#define HOUR_MS UINT64_C(3600000)
#define GRACE_MS (7 * 24 * HOUR_MS)

/* --- a small world ---------------------------------------------------------------------------- */

/* team (1) / vision (2) / mnist (3, a dataset) and run train-1 (4), made at 1000 by alice. */
struct world {
    struct failing_allocator memory;
    struct cull__catalog *catalog;
};

enum { TEAM = 1, VISION = 2, MNIST = 3, TRAIN = 4 };

#define OK(call) ck_assert_int_eq((call), CULL_OK)
#define CORRUPT(call) ck_assert_int_eq((call), CULL_E_CORRUPT)

static uint64_t next_id(const struct cull__catalog *catalog)
{
    return catalog->next_id;
}

static cull_status stamp(struct cull__catalog *catalog, uint64_t now_ms, const char *actor)
{
    return cull__apply_stamp(catalog, now_ms, actor, strlen(actor));
}

static cull_status alias(struct cull__catalog *catalog, uint32_t ordinal, const char *name)
{
    return cull__apply_alias(catalog, MNIST, ordinal, name, strlen(name));
}

static cull_status tag(struct cull__catalog *catalog, uint32_t ordinal, const char *name)
{
    return cull__apply_tag(catalog, MNIST, ordinal, name, strlen(name), true);
}

/* Artifact:1, :2 and so on are QXJ0aWZhY3Q6MQ==, ...Mg==, ...Mw==, ...NA==. */
static cull_status artifact(struct cull__catalog *catalog, uint32_t ordinal, const char *id)
{
    return cull__apply_artifact_id(catalog, MNIST, ordinal, id, strlen(id));
}

static cull_status delete_one(struct cull__catalog *catalog, uint32_t ordinal)
{
    return cull__apply_delete(catalog, MNIST, &ordinal, 1, catalog->clock_ms + GRACE_MS,
                              CULL_REASON_USER);
}

static cull_status restore_one(struct cull__catalog *catalog, uint32_t ordinal)
{
    return cull__apply_restore(catalog, MNIST, &ordinal, 1);
}

static cull_status purge_one(struct cull__catalog *catalog, uint32_t ordinal)
{
    return cull__apply_purge(catalog, MNIST, &ordinal, 1);
}

/* Open an upload; its id in *id. */
static cull_status open_upload(struct cull__catalog *catalog, uint64_t collection, uint64_t run,
                               uint32_t base, uint64_t *id)
{
    *id = catalog->next_id;
    return cull__apply_upload_open(catalog, *id, collection, run, base,
                                   catalog->clock_ms + HOUR_MS);
}

static void digest_of(uint8_t digest[16], uint32_t content)
{
    memset(digest, 0, 16);
    memcpy(digest, &content, sizeof content);
}

static cull_status commit(struct cull__catalog *catalog, uint64_t upload, uint32_t ordinal,
                          uint32_t content)
{
    uint8_t digest[16];
    const struct cull__commit_row row = {
        .id = catalog->next_id,
        .ordinal = ordinal,
        .manifest_digest = digest,
        .entries = 3,
        .blobs = 2,
        .sum = content * UINT64_C(0x9e3779b97f4a7c15),
        .size_bytes = 300 + content,
        .ttl_ms = content % 2 == 0 ? 0 : 5000,
        .size_exact = content % 3 != 0,
    };

    digest_of(digest, content);
    return cull__apply_commit(catalog, upload, &row);
}

/* The next version of a collection, with that content; its ordinal. */
static uint32_t put_in(struct cull__catalog *catalog, uint64_t collection, uint64_t run,
                       uint32_t content)
{
    uint32_t ordinal = cull__collection_by_id(catalog, collection)->next_ordinal;
    uint64_t upload;

    OK(open_upload(catalog, collection, run, CULL__NO_ORDINAL, &upload));
    OK(commit(catalog, upload, ordinal, content));
    return ordinal;
}

static uint32_t put(struct cull__catalog *catalog, uint32_t content)
{
    return put_in(catalog, MNIST, TRAIN, content);
}

static struct cull__collection *mnist(const struct world *world)
{
    return cull__collection_by_id(world->catalog, MNIST);
}

static void world_init(struct world *world)
{
    failing_allocator_init(&world->memory, 0);
    OK(cull__catalog_new(&world->catalog, &world->memory.allocator));
    OK(stamp(world->catalog, 1000, "alice"));
    OK(cull__apply_entity(world->catalog, TEAM, "team", 4));
    OK(cull__apply_project(world->catalog, VISION, TEAM, "vision", 6));
    OK(cull__apply_collection(world->catalog, MNIST, VISION, "mnist", 5, "dataset", 7));
    OK(cull__apply_run(world->catalog, TRAIN, VISION, "train-1", 7));
}

static void check_valid(const struct cull__catalog *catalog)
{
    const char *why = NULL;

    ck_assert_msg(cull__catalog_valid(catalog, &why), "%s", why);
}

static void world_release(struct world *world)
{
    world->memory.fail_at = 0;
    check_valid(world->catalog);
    cull__catalog_free(world->catalog);
    ck_assert_int_eq(world->memory.live, 0);
}

static struct cull__buf save(const struct cull__catalog *catalog)
{
    struct cull__buf buf = CULL__BUF_INIT(cull_allocator_default());

    OK(cull__catalog_save(catalog, &buf));
    return buf;
}

/* What load gives is valid and saves as the same bytes. */
static void check_round_trip(const struct cull__catalog *catalog)
{
    struct cull__buf first = save(catalog);
    struct cull__buf again;
    struct cull__catalog *loaded = NULL;
    cull_error err = { 0 };

    ck_assert_msg(cull__catalog_load(&loaded, first.data, first.len, cull_allocator_default(),
                                     &err) == CULL_OK,
                  "%s", err.message);
    check_valid(loaded);
    again = save(loaded);
    ck_assert_uint_eq(again.len, first.len);
    ck_assert_mem_eq(again.data, first.data, first.len);
    cull__catalog_free(loaded);
    cull__buf_release(&first);
    cull__buf_release(&again);
}

/* --- forms of names ----------------------------------------------------------------------------- */

#define TEN "0123456789"
#define LONG_128 TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "01234567"
#define LONG_129 LONG_128 "8"

static const struct {
    const char *name;
    const char *text;
    bool is_name;
    bool is_label;
} forms[] = {
    { "plain", "mnist", true, true },
    { "all kinds of characters", "a-Z_0.9", true, true },
    { "one character", "x", true, true },
    { "nothing", "", false, false },
    { "128 bytes", LONG_128, true, true },
    { "129 bytes", LONG_129, false, false },
    { "one dot", ".", false, true },
    { "two dots", "..", false, true },
    { "three dots", "...", true, true },
    { "a space", "a b", false, true },
    { "a slash", "a/b", false, false },
    { "a colon", "a:b", false, false },
    { "a newline", "a\nb", false, false },
    { "the last control character", "a\x1f", false, false },
    { "the first that is none", "a!", false, true },
    { "DEL", "a\x7f", false, false },
    { "a letter with an accent", "\xc3\xa9t\xc3\xa9", false, true },
    { "U+009F, which terminals obey", "a\xc2\x9f", false, false },
    { "U+00A0, which they do not", "a\xc2\xa0", false, true },
    { "invalid UTF-8", "a\xff", false, false },
    { "UTF-8 cut short", "a\xc3", false, false },
    { "a version's number", "v3", true, false },
    { "a number with a zero in front", "v03", true, false },
    { "a number that no version has", "v99999999999", true, false },
    { "v alone", "v", true, true },
    { "v and more than digits", "v3a", true, true },
    { "upper-case V", "V3", true, true },
};

START_TEST(names_keep_rule_8_and_aliases_rules_2_and_3)
    {
        cull_error err = { 0 };
        cull_status status = cull__check_name("collection", forms[_i].text, &err);

        ck_assert_msg(status == (forms[_i].is_name ? CULL_OK : CULL_E_INVALID), "%s: %s",
                      forms[_i].name, err.message);
        ck_assert(forms[_i].is_name || strncmp(err.message, "collection \"", 12) == 0);
        status = cull__check_label("alias", forms[_i].text, &err);
        ck_assert_msg(status == (forms[_i].is_label ? CULL_OK : CULL_E_USAGE), "%s: %s",
                      forms[_i].name, err.message);
        ck_assert(forms[_i].is_label || strncmp(err.message, "alias \"", 7) == 0);
    }
END_TEST

static const struct {
    const char *text;
    bool is_ordinal;
    uint32_t ordinal;
} ordinal_forms[] = {
    { "v0", true, 0 },      { "v7", true, 7 },
    { "v10", true, 10 },    { "v4294967294", true, UINT32_MAX - 1 },
    { "v", false, 0 },      { "v4294967295", false, 0 },
    { "v00", false, 0 },    { "v18446744073709551617", false, 0 },
    { "v01", false, 0 },    { "v1 ", false, 0 },
    { "v-1", false, 0 },    { "7", false, 0 },
    { "V7", false, 0 },     { "", false, 0 },
    { "latest", false, 0 },
};

START_TEST(an_ordinal_is_v_and_a_number_without_zeros_in_front)
    {
        uint32_t ordinal = 0;

        ck_assert_msg(
            cull__ordinal_parse(ordinal_forms[_i].text, &ordinal) == ordinal_forms[_i].is_ordinal,
            "%s", ordinal_forms[_i].text);
        ck_assert_uint_eq(ordinal, ordinal_forms[_i].ordinal);
    }
END_TEST

static const struct {
    const char *name;
    const char *text;
    const char *entity; /* defaults */
    const char *project;
    const char *want[4]; /* NULL in front: refused */
    const char *message; /* a part of it */
} parses[] = {
    { "all parts", "a/b/c:v1", NULL, NULL, { "a", "b", "c", "v1" }, NULL },
    { "no version", "a/b/c", NULL, NULL, { "a", "b", "c", "" }, NULL },
    { "the entity by default", "b/c:best", "e", NULL, { "e", "b", "c", "best" }, NULL },
    { "both by default", "c", "e", "p", { "e", "p", "c", "" }, NULL },
    { "defaults give way", "a/b/c", "e", "p", { "a", "b", "c", "" }, NULL },
    { "a project gives way", "b/c", "e", "p", { "e", "b", "c", "" }, NULL },
    { "an alias with a space",
      "a/b/c:two words",
      NULL,
      NULL,
      { "a", "b", "c", "two words" },
      NULL },
    { "128 bytes",
      "a/b/" LONG_128 ":" LONG_128,
      NULL,
      NULL,
      { "a", "b", LONG_128, LONG_128 },
      NULL },
    { "an entity is missing", "b/c", NULL, "p", { NULL }, "\"b/c\": no entity" },
    { "a project is missing", "c", "e", NULL, { NULL }, "\"c\": no project" },
    { "four parts", "x/a/b/c", NULL, NULL, { NULL }, "too many parts" },
    { "nothing", "", "e", "p", { NULL }, "no name of a collection" },
    { "no collection", "a/b/:v1", NULL, NULL, { NULL }, "no name of a collection" },
    { "an empty entity", "/b/c", NULL, NULL, { NULL }, "no name of an entity" },
    { "an empty project", "a//c", NULL, NULL, { NULL }, "no name of a project" },
    { "a wrong default", "c", "e e", "p", { NULL }, "\"e e\" is no name of an entity" },
    { "dots", "a/../c", NULL, NULL, { NULL }, "\"..\" is no name of a project" },
    { "a newline", "a/b/c\n", NULL, NULL, { NULL }, "\"c\\x0a\"" },
    { "129 bytes", "a/b/" LONG_129, NULL, NULL, { NULL }, "longer than 128 bytes" },
    { "an empty version", "a/b/c:", NULL, NULL, { NULL }, "expected behind ':'" },
    { "a slash in the version", "a/b/c:x/y", NULL, NULL, { NULL }, "\"x/y\" is no version" },
    { "two colons", "a/b/c:x:y", NULL, NULL, { NULL }, "\"x:y\" is no version" },
    { "a control character", "a/b/c:\x1b[0m", NULL, NULL, { NULL }, "\"\\x1b[0m\"" },
    { "a long version", "a/b/c:" LONG_129, NULL, NULL, { NULL }, "longer than 128 bytes" },
};

START_TEST(a_name_is_taken_apart_or_refused_with_what_was_expected)
    {
        cull_error err = { 0 };
        cull_name name;
        cull_status status =
            cull_name_parse(&name, parses[_i].text, parses[_i].entity, parses[_i].project, &err);

        if (parses[_i].want[0] != NULL) {
            ck_assert_msg(status == CULL_OK, "%s: %s", parses[_i].name, err.message);
            ck_assert_str_eq(name.entity, parses[_i].want[0]);
            ck_assert_str_eq(name.project, parses[_i].want[1]);
            ck_assert_str_eq(name.collection, parses[_i].want[2]);
            ck_assert_str_eq(name.version, parses[_i].want[3]);
            return;
        }
        ck_assert_msg(status == CULL_E_USAGE, "%s", parses[_i].name);
        ck_assert_msg(strstr(err.message, parses[_i].message) != NULL, "%s: %s", parses[_i].name,
                      err.message);
        ck_assert_str_eq(name.collection, "");
    }
END_TEST

/* --- globs ---------------------------------------------------------------------------------------- */

static const struct {
    const char *glob;
    const char *text;
    bool matches;
} globs[] = {
    { "", "", true },
    { "", "a", false },
    { "a", "", false },
    { "abc", "abc", true },
    { "abc", "abd", false },
    { "abc", "ab", false },
    { "ab", "abc", false },
    { "*", "", true },
    { "*", "anything", true },
    { "**", "a", true },
    { "a*", "a", true },
    { "a*", "abc", true },
    { "*c", "abc", true },
    { "*c", "abcd", false },
    { "a*c", "abcbc", true },
    { "*ab*ba*", "xabxbax", true },
    { "*ab*ba*", "xabax", false },
    { "*aab", "aaab", true },
    { "?", "a", true },
    { "?", "", false },
    { "?", "\xc3\xa9", true }, /* one character, not two bytes */
    { "??", "\xc3\xa9", false },
    { "?", "\xff", true },
    { "*?", "", false },
    { "[abc]", "b", true },
    { "[abc]", "d", false },
    { "[a-c]x", "bx", true },
    { "[a-c]", "d", false },
    { "[a-c]", "-", false },
    { "[ac-]", "-", true },
    { "[-a]", "-", true },
    { "[!a-c]", "d", true },
    { "[!a-c]", "b", false },
    { "[!a]", "", false },
    { "[]a]", "]", true },
    { "[!]]", "]", false },
    { "[!]]", "a", true },
    { "[\\]a]", "]", true },
    { "[\xc3\xa0-\xc3\xaf]", "\xc3\xa9", true },
    { "[\xc3\xa0-\xc3\xaf]", "\xc3\xb1", false },
    { "[c-a]", "b", false },
    { "[abc", "[abc", true }, /* nothing ends it */
    { "[abc", "a", false },
    { "[", "[", true },
    { "[]", "[]", true },
    { "\\*", "*", true },
    { "\\*", "a", false },
    { "\\[a]", "[a]", true },
    { "a\\", "a\\", true },
    { "v[0-9]*", "v12", true },
    { "release-*", "release-2024", true },
};

START_TEST(a_glob_matches_the_whole_text_or_not)
    {
        ck_assert_msg(cull__glob_match(globs[_i].glob, globs[_i].text) == globs[_i].matches,
                      "%s against %s", globs[_i].glob, globs[_i].text);
    }
END_TEST

/* Backtracking over all stars would take longer than the universe is old. */
START_TEST(many_stars_do_not_multiply)
    {
        enum { STARS = 64, LEN = 8192 };
        char glob[2 * STARS + 2];
        char *text = malloc(LEN + 1);

        ck_assert_ptr_nonnull(text);
        for (size_t i = 0; i < STARS; i++) {
            memcpy(glob + 2 * i, "*a", 2);
        }
        glob[2 * STARS] = 'b';
        glob[2 * STARS + 1] = '\0';
        memset(text, 'a', LEN);
        text[LEN] = '\0';
        ck_assert(!cull__glob_match(glob, text));
        text[LEN - 1] = 'b';
        ck_assert(cull__glob_match(glob, text));
        free(text);
    }
END_TEST

/* --- the rules of versions -------------------------------------------------------------------------- */

START_TEST(rule_2_ordinals_only_grow_and_are_never_reused)
    {
        struct world world;
        uint64_t upload;

        world_init(&world);
        ck_assert_uint_eq(put(world.catalog, 1), 0);
        ck_assert_uint_eq(put(world.catalog, 2), 1);
        OK(delete_one(world.catalog, 1));
        OK(purge_one(world.catalog, 1));
        OK(open_upload(world.catalog, MNIST, 0, CULL__NO_ORDINAL, &upload));
        CORRUPT(commit(world.catalog, upload, 0, 3));
        CORRUPT(commit(world.catalog, upload, 1, 3));
        CORRUPT(commit(world.catalog, upload, 3, 3));
        OK(commit(world.catalog, upload, 2, 3));
        ck_assert_ptr_null(cull__version_at(mnist(&world), 1));
        ck_assert_uint_eq(cull__version_at(mnist(&world), 2)->ordinal, 2);
        mnist(&world)->next_ordinal = CULL__NEXT_ORDINAL_MAX;
        OK(open_upload(world.catalog, MNIST, 0, CULL__NO_ORDINAL, &upload));
        CORRUPT(commit(world.catalog, upload, CULL__NEXT_ORDINAL_MAX, 4));
        world_release(&world);
    }
END_TEST

START_TEST(the_last_ordinal_can_still_be_given)
    {
        struct world world;

        world_init(&world);
        mnist(&world)->next_ordinal = CULL__NEXT_ORDINAL_MAX - 1;
        ck_assert_uint_eq(put(world.catalog, 1), CULL__NEXT_ORDINAL_MAX - 1);
        ck_assert_ptr_nonnull(cull__version_at(mnist(&world), CULL__NEXT_ORDINAL_MAX - 1));
        check_round_trip(world.catalog);
        world_release(&world);
    }
END_TEST

static uint32_t holder_of(const struct world *world, const char *name)
{
    const struct cull__alias *found = cull__alias_find(mnist(world), name);

    return found == NULL ? CULL__NO_ORDINAL : found->ordinal;
}

START_TEST(rule_3_an_alias_moves_when_it_is_assigned_elsewhere)
    {
        struct world world;
        const char **names;
        size_t count;

        world_init(&world);
        (void)put(world.catalog, 1);
        (void)put(world.catalog, 2);
        OK(alias(world.catalog, 0, "best"));
        OK(alias(world.catalog, 0, "a"));
        OK(alias(world.catalog, 0, "z"));
        OK(alias(world.catalog, 1, "best"));
        OK(alias(world.catalog, 1, "best"));
        ck_assert_uint_eq(holder_of(&world, "best"), 1);
        ck_assert_uint_eq(cull__version_at(mnist(&world), 0)->alias_count, 2);
        ck_assert_uint_eq(cull__version_at(mnist(&world), 1)->alias_count, 1);
        OK(cull__version_aliases(world.catalog, mnist(&world), 0, &names, &count));
        ck_assert_uint_eq(count, 2);
        ck_assert_str_eq(names[0], "a");
        ck_assert_str_eq(names[1], "z");
        cull__free(world.catalog->allocator, names);
        OK(cull__apply_alias_remove(world.catalog, MNIST, "a", 1));
        ck_assert_uint_eq(holder_of(&world, "a"), CULL__NO_ORDINAL);
        CORRUPT(cull__apply_alias_remove(world.catalog, MNIST, "a", 1));
        CORRUPT(alias(world.catalog, 0, "v7"));
        CORRUPT(alias(world.catalog, 0, ""));
        CORRUPT(alias(world.catalog, 2, "best"));
        world_release(&world);
    }
END_TEST

static cull_status resolve(const struct world *world, const char *text, uint32_t *ordinal,
                           cull_error *err)
{
    struct cull__collection *collection;
    cull_name name;

    OK(cull_name_parse(&name, text, "team", "vision", err));
    return cull__version_resolve(world->catalog, &name, &collection, ordinal, err);
}

START_TEST(rule_4_latest_does_not_move_when_its_holder_is_deleted)
    {
        struct world world;
        cull_error err = { 0 };
        uint32_t ordinal;

        world_init(&world);
        for (uint32_t i = 0; i < 2; i++) {
            (void)put(world.catalog, i);
            OK(alias(world.catalog, i, "latest"));
        }
        OK(resolve(&world, "mnist", &ordinal, &err));
        ck_assert_uint_eq(ordinal, 1);
        OK(resolve(&world, "mnist:latest", &ordinal, &err));
        ck_assert_uint_eq(ordinal, 1);
        OK(delete_one(world.catalog, 1));
        ck_assert_int_eq(resolve(&world, "mnist", &ordinal, &err), CULL_E_NOTFOUND);
        ck_assert_str_eq(err.message, "team/vision/mnist:latest: no such alias");
        OK(restore_one(world.catalog, 1));
        OK(resolve(&world, "mnist", &ordinal, &err));
        ck_assert_uint_eq(ordinal, 1);
        world_release(&world);
    }
END_TEST

static const struct {
    const char *name;
    const char *text;
    uint32_t want;       /* CULL__NO_ORDINAL: not found */
    const char *message; /* then */
} resolutions[] = {
    { "committed", "mnist:v0", 0, NULL },
    { "an alias", "mnist:best", 0, NULL },
    { "deleted", "mnist:v1", 1, NULL },
    { "purged", "mnist:v2", 2, NULL },
    { "not given yet", "mnist:v3", CULL__NO_ORDINAL, "team/vision/mnist:v3: no such version" },
    { "no alias", "mnist:worst", CULL__NO_ORDINAL, "team/vision/mnist:worst: no such alias" },
    { "a zero in front", "mnist:v00", CULL__NO_ORDINAL, "team/vision/mnist:v00: no such alias" },
    { "no collection", "cifar:v0", CULL__NO_ORDINAL, "team/vision/cifar: no such collection" },
    { "no project", "audio/mnist", CULL__NO_ORDINAL, "team/audio: no such project" },
    { "no entity", "crew/vision/mnist", CULL__NO_ORDINAL, "crew: no such entity" },
};

START_TEST(a_name_finds_its_version_or_says_the_first_part_that_is_missing)
    {
        struct world world;
        cull_error err = { 0 };
        uint32_t ordinal = 77;
        cull_status status;

        world_init(&world);
        for (uint32_t i = 0; i < 3; i++) {
            (void)put(world.catalog, i);
        }
        OK(alias(world.catalog, 0, "best"));
        OK(delete_one(world.catalog, 1));
        OK(delete_one(world.catalog, 2));
        OK(purge_one(world.catalog, 2));
        status = resolve(&world, resolutions[_i].text, &ordinal, &err);
        if (resolutions[_i].want != CULL__NO_ORDINAL) {
            ck_assert_msg(status == CULL_OK, "%s: %s", resolutions[_i].name, err.message);
            ck_assert_uint_eq(ordinal, resolutions[_i].want);
        } else {
            ck_assert_msg(status == CULL_E_NOTFOUND, "%s", resolutions[_i].name);
            ck_assert_str_eq(err.message, resolutions[_i].message);
        }
        world_release(&world);
    }
END_TEST

/* --- rule 5 ------------------------------------------------------------------------------------------- */

/* The slow and obvious answer. */
static const struct cull__version *equal_by_hand(const struct cull__collection *collection,
                                                 uint32_t content)
{
    const struct cull__version *newest = NULL;
    uint8_t digest[16];

    digest_of(digest, content);
    for (size_t i = 0; i < collection->version_count; i++) {
        if (collection->versions[i].state == CULL_VERSION_COMMITTED &&
            memcmp(collection->versions[i].manifest_digest, digest, 16) == 0) {
            newest = &collection->versions[i];
        }
    }
    return newest;
}

static const struct cull__version *equal_to(const struct world *world, uint32_t content)
{
    uint8_t digest[16];

    digest_of(digest, content);
    return cull__version_equal(world->catalog, mnist(world), digest);
}

START_TEST(rule_5_only_a_committed_version_is_equal_and_the_newest_wins)
    {
        struct world world;

        world_init(&world);
        ck_assert_ptr_null(equal_to(&world, 1));
        (void)put(world.catalog, 1);
        ck_assert_uint_eq(equal_to(&world, 1)->ordinal, 0);
        ck_assert_ptr_null(equal_to(&world, 2));
        OK(delete_one(world.catalog, 0));
        ck_assert_ptr_null(equal_to(&world, 1));
        (void)put(world.catalog, 1);
        ck_assert_uint_eq(equal_to(&world, 1)->ordinal, 1);
        OK(restore_one(world.catalog, 0)); /* two are equal now */
        ck_assert_uint_eq(equal_to(&world, 1)->ordinal, 1);
        OK(delete_one(world.catalog, 1));
        ck_assert_uint_eq(equal_to(&world, 1)->ordinal, 0);
        OK(purge_one(world.catalog, 1));
        ck_assert_uint_eq(equal_to(&world, 1)->ordinal, 0);
        world_release(&world);
    }
END_TEST

START_TEST(rule_5_holds_through_any_order_of_commits_deletes_restores_and_purges)
    {
        enum { STEPS = 3000, CONTENTS = 40 };
        struct world world;
        uint32_t state = 12345;

        world_init(&world);
        for (int step = 0; step < STEPS; step++) {
            struct cull__collection *in = mnist(&world);
            uint32_t what;
            uint32_t content;

            state = state * 1664525 + 1013904223;
            what = state >> 28;
            content = (state >> 8) % CONTENTS;
            if (what < 6 || in->version_count == 0) {
                (void)put(world.catalog, content);
            } else {
                const struct cull__version *version =
                    &in->versions[(state >> 12) % in->version_count];

                if (version->state == CULL_VERSION_COMMITTED) {
                    OK(delete_one(world.catalog, version->ordinal));
                } else if (what < 12) {
                    OK(restore_one(world.catalog, version->ordinal));
                } else {
                    OK(purge_one(world.catalog, version->ordinal));
                }
            }
            ck_assert_ptr_eq(equal_to(&world, content), equal_by_hand(in, content));
            if (step % 100 == 0) {
                check_valid(world.catalog);
            }
        }
        world_release(&world);
    }
END_TEST

START_TEST(rule_5_holds_without_memory_and_after_many_deletes_at_once)
    {
        enum { COUNT = 200 };
        struct world world;
        uint32_t gone[COUNT / 2];

        world_init(&world);
        for (uint32_t i = 0; i < COUNT; i++) {
            (void)put(world.catalog, i);
        }
        world.memory.fail_at = 1;
        ck_assert_uint_eq(equal_to(&world, 150)->ordinal, 150);
        ck_assert_ptr_null(equal_to(&world, COUNT));
        ck_assert_ptr_null(mnist(&world)->equal);
        world.memory.fail_at = 0;
        ck_assert_uint_eq(equal_to(&world, 150)->ordinal, 150);
        ck_assert_ptr_nonnull(mnist(&world)->equal);
        for (uint32_t i = 0; i < COUNT / 2; i++) {
            gone[i] = 2 * i;
        }
        OK(cull__apply_delete(world.catalog, MNIST, gone, COUNT / 2, 1000, CULL_REASON_USER));
        for (uint32_t i = 0; i < COUNT; i++) {
            ck_assert_ptr_eq(equal_to(&world, i), equal_by_hand(mnist(&world), i));
        }
        OK(cull__apply_restore(world.catalog, MNIST, gone, COUNT / 2));
        for (uint32_t i = 0; i < COUNT; i++) {
            ck_assert_uint_eq(equal_to(&world, i)->ordinal, i);
        }
        world_release(&world);
    }
END_TEST

/* --- rules 8, 9, 16 ------------------------------------------------------------------------------------ */

START_TEST(rule_8_one_name_has_one_type)
    {
        struct world world;
        cull_error err = { 0 };

        world_init(&world);
        OK(cull__check_type(mnist(&world), "dataset", &err));
        ck_assert_int_eq(cull__check_type(mnist(&world), "model", &err), CULL_E_INVALID);
        ck_assert_str_eq(err.message, "team/vision/mnist is of type dataset, not model");
        world_release(&world);
    }
END_TEST

START_TEST(rule_9_a_version_with_aliases_is_deleted_only_with_them)
    {
        struct world world;
        cull_error err = { 0 };

        world_init(&world);
        for (uint32_t i = 0; i < 3; i++) {
            (void)put(world.catalog, i);
        }
        OK(alias(world.catalog, 1, "latest"));
        OK(alias(world.catalog, 1, "best"));
        OK(alias(world.catalog, 2, "one"));
        OK(cull__check_delete(world.catalog, mnist(&world), 0, false, &err));
        ck_assert_int_eq(cull__check_delete(world.catalog, mnist(&world), 1, false, &err),
                         CULL_E_REFUSED);
        ck_assert_str_eq(
            err.message,
            "team/vision/mnist:v1: has aliases best, latest (latest counts as one): say "
            "--delete-aliases to delete them with it");
        ck_assert_int_eq(cull__check_delete(world.catalog, mnist(&world), 2, false, &err),
                         CULL_E_REFUSED);
        ck_assert_str_eq(
            err.message,
            "team/vision/mnist:v2: has alias one: say --delete-aliases to delete it with it");
        OK(cull__check_delete(world.catalog, mnist(&world), 1, true, &err));
        OK(delete_one(world.catalog, 1));
        ck_assert_ptr_null(cull__alias_find(mnist(&world), "best"));
        ck_assert_uint_eq(HASH_COUNT(mnist(&world)->aliases), 1);
        world_release(&world);
    }
END_TEST

/* Names as long as they may be leave room for the way out only; short ones for some aliases. */
static const struct {
    const char *name;
    const char *extra; /* an alias that comes first; "" none */
    const char *rest;  /* how the message goes on behind the version's name */
} crowds[] = {
    { "short", "", ": has aliases alias-000, alias-001, " },
    { LONG_128, "", ": has aliases alias-000, and 299 more: say --delete-aliases " },
    { LONG_128, LONG_128, ": has aliases 301 more: say --delete-aliases " },
};

START_TEST(rule_9_names_the_way_out_however_many_aliases_there_are)
    {
        static const char way_out[] = " more: say --delete-aliases to delete them with it";
        const char *name = crowds[_i].name;
        const size_t len = strlen(name);
        struct world world;
        cull_error err = { 0 };
        uint64_t id;

        world_init(&world);
        id = next_id(world.catalog);
        OK(cull__apply_entity(world.catalog, id, name, len));
        OK(cull__apply_project(world.catalog, id + 1, id, name, len));
        OK(cull__apply_collection(world.catalog, id + 2, id + 1, name, len, "dataset", 7));
        (void)put_in(world.catalog, id + 2, 0, 1);
        for (uint32_t i = 0; i < 300; i++) {
            char text[32];

            (void)snprintf(text, sizeof text, "alias-%03u", i);
            OK(cull__apply_alias(world.catalog, id + 2, 0, text, strlen(text)));
        }
        if (crowds[_i].extra[0] != '\0') {
            OK(cull__apply_alias(world.catalog, id + 2, 0, crowds[_i].extra,
                                 strlen(crowds[_i].extra)));
        }
        ck_assert_int_eq(
            cull__check_delete(world.catalog, cull__collection_by_id(world.catalog, id + 2), 0,
                               false, &err),
            CULL_E_REFUSED);
        ck_assert_msg(
            strncmp(err.message + 3 * len + 2, ":v0", 3) == 0 &&
                strncmp(err.message + 3 * len + 5, crowds[_i].rest, strlen(crowds[_i].rest)) == 0,
            "%s", err.message);
        ck_assert_str_eq(err.message + strlen(err.message) - strlen(way_out), way_out);
        world_release(&world);
    }
END_TEST

/* v0 committed, v1 soft-deleted, v2 purged, v3 not given. */
static const struct {
    uint32_t ordinal;
    cull_status committed; /* what check_committed, check_base and check_tag answer */
    cull_status deletes;
    cull_status restores;
    const char *messages[3];
} state_checks[] = {
    { 0, CULL_OK, CULL_OK, CULL_E_NOTFOUND, { NULL, NULL, "team/vision/mnist:v0: not deleted" } },
    { 1,
      CULL_E_REFUSED,
      CULL_E_NOTFOUND,
      CULL_OK,
      { "team/vision/mnist:v1: deleted; cull restore brings it back",
        "team/vision/mnist:v1: already deleted; cull restore brings it back", NULL } },
    { 2,
      CULL_E_NOTFOUND,
      CULL_E_NOTFOUND,
      CULL_E_NOTFOUND,
      { "team/vision/mnist:v2: already collected", "team/vision/mnist:v2: already collected",
        "team/vision/mnist:v2: already collected" } },
    { 3,
      CULL_E_NOTFOUND,
      CULL_E_NOTFOUND,
      CULL_E_NOTFOUND,
      { "team/vision/mnist:v3: no such version", "team/vision/mnist:v3: no such version",
        "team/vision/mnist:v3: no such version" } },
};

static void check_answer(cull_status got, cull_status want, const cull_error *err,
                         const char *message)
{
    ck_assert_msg(got == want, "%d: %s", (int)got, err->message);
    if (message != NULL) {
        ck_assert_str_eq(err->message, message);
        ck_assert_int_eq(err->status, want);
    }
}

START_TEST(rule_16_each_state_answers_each_request_in_its_own_words)
    {
        const uint32_t ordinal = state_checks[_i].ordinal;
        const char *const *messages = state_checks[_i].messages;
        struct world world;
        cull_error err = { 0 };
        const struct cull__collection *in;

        world_init(&world);
        for (uint32_t i = 0; i < 3; i++) {
            (void)put(world.catalog, i);
        }
        OK(delete_one(world.catalog, 1));
        OK(delete_one(world.catalog, 2));
        OK(purge_one(world.catalog, 2));
        in = mnist(&world);
        check_answer(cull__check_committed(in, ordinal, &err), state_checks[_i].committed, &err,
                     messages[0]);
        check_answer(cull__check_base(in, ordinal, &err), state_checks[_i].committed, &err,
                     messages[0]);
        check_answer(cull__check_tag(in, ordinal, "t", &err), state_checks[_i].committed, &err,
                     messages[0]);
        check_answer(cull__check_delete(world.catalog, in, ordinal, true, &err),
                     state_checks[_i].deletes, &err, messages[1]);
        check_answer(cull__check_restore(in, ordinal, &err), state_checks[_i].restores, &err,
                     messages[2]);
        world_release(&world);
    }
END_TEST

START_TEST(a_version_takes_64_tags_and_refuses_one_more)
    {
        struct world world;
        cull_error err = { 0 };
        const struct cull__label *last;

        world_init(&world);
        (void)put(world.catalog, 1);
        for (int i = CULL__TAGS_MAX; i > 0; i--) {
            char name[32];

            (void)snprintf(name, sizeof name, "tag-%d", i);
            OK(cull__check_tag(mnist(&world), 0, name, &err));
            OK(tag(world.catalog, 0, name));
            OK(tag(world.catalog, 0, name)); /* there already: nothing */
        }
        OK(cull__check_tag(mnist(&world), 0, "tag-1", &err));
        ck_assert_int_eq(cull__check_tag(mnist(&world), 0, "more", &err), CULL_E_LIMIT);
        ck_assert_str_eq(err.message, "team/vision/mnist:v0: has 64 tags already");
        last = mnist(&world)->versions[0].tags;
        for (const struct cull__label *at = last->next; at != NULL; last = at, at = at->next) {
            ck_assert_int_lt(strcmp(last->text, at->text), 0);
        }
        OK(cull__apply_tag(world.catalog, MNIST, 0, "tag-7", 5, false));
        CORRUPT(cull__apply_tag(world.catalog, MNIST, 0, "tag-7", 5, false));
        CORRUPT(
            cull__apply_tag(world.catalog, MNIST, 0, "tag-", 4, false)); /* a prefix is another */
        world_release(&world);
    }
END_TEST

/* --- rules 20, 23, 32 ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *type;
    uint64_t created_ms;
    uint64_t ttl_ms;
    uint64_t want_ms;
} expiries[] = {
    { "creation and TTL", "dataset", 1000, 500, 1500 },
    { "none is set", "dataset", 1000, 0, 0 },
    { "the shortest", "dataset", 0, 1, 1 },
    { "the last instant there is", "model", 1000, UINT64_MAX - 1000, UINT64_MAX },
    { "beyond all time", "model", 1000, UINT64_MAX - 999, 0 },
    { "run_table", "run_table", 1000, 500, 0 },
    { "code", "code", 1000, 500, 0 },
    { "job", "job", 1000, 500, 0 },
    { "wandb-history", "wandb-history", 1000, 500, 0 },
    { "wandb- alone", "wandb-", 1000, 500, 0 },
    { "wandb without a dash", "wandb", 1000, 500, 1500 },
    { "jobs", "jobs", 1000, 500, 1500 },
    { "decode", "decode", 1000, 500, 1500 },
};

START_TEST(rules_20_and_23_a_version_expires_at_creation_and_ttl_unless_its_type_takes_none)
    {
        struct cull__entity entity = { .id = 1 };
        struct cull__project project = { .entity = &entity };
        const struct cull__collection collection = { .project = &project,
                                                     .type = expiries[_i].type };
        const struct cull__version version = { .created_ms = expiries[_i].created_ms,
                                               .ttl_ms = expiries[_i].ttl_ms };

        ck_assert_msg(cull__expires_ms(&collection, &version) == expiries[_i].want_ms, "%s",
                      expiries[_i].name);
    }
END_TEST

static const struct {
    const char *name;
    cull_version_state state;
    uint32_t pins, released;
    uint64_t now_ms, shorter_ms;
    bool due;
} dues[] = {
    /* deleted at 1000, kept until 1500 */
    { "one ms short", CULL_VERSION_DELETED, 0, 0, 1499, UINT64_MAX, false },
    { "exactly due", CULL_VERSION_DELETED, 0, 0, 1500, UINT64_MAX, true },
    { "not deleted", CULL_VERSION_COMMITTED, 0, 0, 1500, UINT64_MAX, false },
    { "a base", CULL_VERSION_DELETED, 1, 0, 1500, UINT64_MAX, false },
    { "a base of an upload that is over", CULL_VERSION_DELETED, 1, 1, 1500, UINT64_MAX, true },
    { "a base of two, one over", CULL_VERSION_DELETED, 2, 1, 1500, UINT64_MAX, false },
    { "a shorter grace, one ms short", CULL_VERSION_DELETED, 0, 0, 1099, 100, false },
    { "a shorter grace, exactly", CULL_VERSION_DELETED, 0, 0, 1100, 100, true },
    { "a shorter grace and a base", CULL_VERSION_DELETED, 1, 0, 1100, 100, false },
    { "no grace at all", CULL_VERSION_DELETED, 0, 0, 1000, 0, true },
    { "before it was deleted", CULL_VERSION_DELETED, 0, 0, 999, 0, false },
    { "a longer one changes nothing", CULL_VERSION_DELETED, 0, 0, 1500, 10000, true },
};

START_TEST(rule_32_a_version_is_due_when_its_grace_is_over_and_nothing_builds_on_it)
    {
        const struct cull__version version = { .state = (uint8_t)dues[_i].state,
                                               .deleted_ms = 1000,
                                               .kept_until_ms = 1500,
                                               .base_pins = dues[_i].pins };

        ck_assert_msg(cull__version_due(&version, dues[_i].now_ms, dues[_i].shorter_ms,
                                        dues[_i].released) == dues[_i].due,
                      "%s", dues[_i].name);
    }
END_TEST

START_TEST(rule_32_a_restore_brings_back_the_aliases_that_are_free)
    {
        struct world world;
        const struct cull__version *version;

        world_init(&world);
        for (uint32_t i = 0; i < 3; i++) {
            (void)put(world.catalog, i);
        }
        OK(alias(world.catalog, 0, "best"));
        OK(alias(world.catalog, 0, "stable"));
        OK(alias(world.catalog, 0, "latest"));
        OK(stamp(world.catalog, 2000, "bob"));
        OK(cull__apply_delete(world.catalog, MNIST, (uint32_t[]){ 0, 2 }, 2, 2500,
                              CULL_REASON_TTL));
        version = cull__version_at(mnist(&world), 0);
        ck_assert_int_eq(version->state, CULL_VERSION_DELETED);
        ck_assert_uint_eq(version->deleted_ms, 2000);
        ck_assert_uint_eq(version->kept_until_ms, 2500);
        ck_assert_int_eq(version->reason, CULL_REASON_TTL);
        ck_assert_uint_eq(mnist(&world)->committed, 1);
        ck_assert_uint_eq(mnist(&world)->in_trash, 2);
        ck_assert_ptr_null(mnist(&world)->aliases);
        OK(alias(world.catalog, 1, "best"));
        check_round_trip(world.catalog);
        OK(cull__apply_restore(world.catalog, MNIST, (uint32_t[]){ 0, 2 }, 2));
        version = cull__version_at(mnist(&world), 0);
        ck_assert_int_eq(version->state, CULL_VERSION_COMMITTED);
        ck_assert_uint_eq(version->alias_count, 2);
        ck_assert_ptr_null(version->lost_aliases);
        ck_assert_uint_eq(holder_of(&world, "best"), 1);
        ck_assert_uint_eq(holder_of(&world, "stable"), 0);
        ck_assert_uint_eq(holder_of(&world, "latest"), 0);
        ck_assert_uint_eq(mnist(&world)->committed, 3);
        ck_assert_uint_eq(mnist(&world)->in_trash, 0);
        world_release(&world);
    }
END_TEST

START_TEST(of_two_that_lost_one_alias_the_lower_ordinal_gets_it_back)
    {
        struct world world;

        world_init(&world);
        (void)put(world.catalog, 1);
        (void)put(world.catalog, 2);
        OK(alias(world.catalog, 1, "best"));
        OK(delete_one(world.catalog, 1));
        OK(alias(world.catalog, 0, "best"));
        OK(delete_one(world.catalog, 0));
        OK(cull__apply_restore(world.catalog, MNIST, (uint32_t[]){ 0, 1 }, 2));
        ck_assert_uint_eq(holder_of(&world, "best"), 0);
        ck_assert_uint_eq(cull__version_at(mnist(&world), 1)->alias_count, 0);
        world_release(&world);
    }
END_TEST

/* --- purging, uploads, runs, collections ----------------------------------------------------------------- */

START_TEST(a_purge_leaves_gaps_and_finds_all_others)
    {
        struct world world;
        uint32_t purged[] = { 0, 3, 4, 9 };
        uint32_t left = 0;

        world_init(&world);
        for (uint32_t i = 0; i < 10; i++) {
            (void)put(world.catalog, i);
            OK(tag(world.catalog, i, "t"));
        }
        ck_assert_uint_eq(cull__run_by_id(world.catalog, TRAIN)->logged, 10);
        OK(cull__apply_delete(world.catalog, MNIST, purged, 4, 1000, CULL_REASON_USER));
        OK(cull__apply_purge(world.catalog, MNIST, purged, 4));
        ck_assert_uint_eq(world.catalog->purged, 4);
        ck_assert_uint_eq(cull__run_by_id(world.catalog, TRAIN)->logged, 6);
        ck_assert_uint_eq(mnist(&world)->version_count, 6);
        for (uint32_t i = 0; i < 11; i++) {
            const struct cull__version *version = cull__version_at(mnist(&world), i);

            ck_assert(version == NULL || version->ordinal == i);
            left += version != NULL;
        }
        ck_assert_uint_eq(left, 6);
        check_round_trip(world.catalog);
        world_release(&world);
    }
END_TEST

START_TEST(a_base_is_pinned_until_its_upload_ends)
    {
        struct world world;
        uint64_t first;
        uint64_t second;

        world_init(&world);
        (void)put(world.catalog, 1);
        OK(open_upload(world.catalog, MNIST, 0, 0, &first));
        OK(open_upload(world.catalog, MNIST, TRAIN, 0, &second));
        ck_assert_uint_eq(cull__version_at(mnist(&world), 0)->base_pins, 2);
        OK(delete_one(world.catalog, 0)); /* a base can be deleted, but not purged */
        CORRUPT(purge_one(world.catalog, 0));
        OK(commit(world.catalog, first, 1, 2));
        CORRUPT(purge_one(world.catalog, 0));
        check_round_trip(world.catalog);
        OK(cull__apply_upload_end(world.catalog, second));
        ck_assert_ptr_null(cull__upload_by_id(world.catalog, first));
        ck_assert_ptr_null(cull__upload_by_id(world.catalog, second));
        CORRUPT(cull__apply_upload_end(world.catalog, second));
        CORRUPT(commit(world.catalog, second, 2, 3));
        CORRUPT(cull__apply_upload_renew(world.catalog, second, 5000));
        OK(purge_one(world.catalog, 0));
        world_release(&world);
    }
END_TEST

START_TEST(an_upload_knows_its_lease_and_gives_its_version_run_actor_and_time)
    {
        struct world world;
        const struct cull__upload *upload;
        const struct cull__version *version;
        uint64_t id;

        world_init(&world);
        id = next_id(world.catalog);
        OK(cull__apply_upload_open(world.catalog, id, MNIST, TRAIN, CULL__NO_ORDINAL, 1700));
        upload = cull__upload_by_id(world.catalog, id);
        ck_assert_str_eq(upload->actor, "alice");
        ck_assert_uint_eq(upload->opened_ms, 1000);
        ck_assert_uint_eq(upload->lease_ms, 700);
        OK(stamp(world.catalog, 1500, "bob"));
        CORRUPT(cull__apply_upload_renew(world.catalog, id, 1499));
        OK(cull__apply_upload_renew(world.catalog, id, 2200));
        ck_assert_uint_eq(upload->lease_until_ms, 2200);
        ck_assert_uint_eq(upload->lease_ms, 700);
        OK(commit(world.catalog, id, 0, 7));
        version = cull__version_at(mnist(&world), 0);
        ck_assert_uint_eq(version->id, id + 1);
        ck_assert_uint_eq(version->created_ms, 1500);
        ck_assert_str_eq(version->creator, "bob");
        ck_assert_str_eq(version->run->name, "train-1");
        ck_assert_uint_eq(version->ttl_ms, 5000);
        ck_assert_uint_eq(version->size_bytes, 307);
        world_release(&world);
    }
END_TEST

START_TEST(a_deleted_run_frees_its_name_and_stays_while_something_names_it)
    {
        struct world world;
        uint64_t upload;
        uint64_t other;

        world_init(&world);
        (void)put(world.catalog, 1);
        OK(open_upload(world.catalog, MNIST, TRAIN, CULL__NO_ORDINAL, &upload));
        OK(cull__apply_run_delete(world.catalog, TRAIN));
        CORRUPT(cull__apply_run_delete(world.catalog, TRAIN));
        ck_assert_ptr_null(cull__run_find(cull__project_by_id(world.catalog, VISION), "train-1"));
        CORRUPT(open_upload(world.catalog, MNIST, TRAIN, CULL__NO_ORDINAL, &other));
        other = next_id(world.catalog);
        OK(cull__apply_run(world.catalog, other, VISION, "train-1", 7));
        check_round_trip(world.catalog);
        OK(delete_one(world.catalog, 0));
        OK(purge_one(world.catalog, 0));
        ck_assert_ptr_nonnull(cull__run_by_id(world.catalog, TRAIN)); /* the upload logs to it */
        check_round_trip(world.catalog);
        OK(commit(world.catalog, upload, 1, 2));
        ck_assert_uint_eq(cull__run_by_id(world.catalog, TRAIN)->logged, 1);
        OK(delete_one(world.catalog, 1));
        OK(purge_one(world.catalog, 1));
        ck_assert_ptr_null(cull__run_by_id(world.catalog, TRAIN));
        OK(cull__apply_run_delete(world.catalog, other)); /* nothing names it: gone at once */
        ck_assert_ptr_null(cull__run_by_id(world.catalog, other));
        world_release(&world);
    }
END_TEST

START_TEST(a_deleted_collection_frees_its_name_and_can_come_back)
    {
        struct world world;
        struct cull__collection *found;
        cull_error err = { 0 };
        uint64_t other;

        world_init(&world);
        (void)put(world.catalog, 1);
        CORRUPT(cull__apply_collection_delete(world.catalog, MNIST)); /* v0 is not deleted yet */
        OK(delete_one(world.catalog, 0));
        OK(cull__apply_collection_delete(world.catalog, MNIST));
        CORRUPT(cull__apply_collection_delete(world.catalog, MNIST));
        ck_assert_int_eq(
            cull__collection_resolve(world.catalog, "team", "vision", "mnist", false, &found, &err),
            CULL_E_NOTFOUND);
        OK(cull__collection_resolve(world.catalog, "team", "vision", "mnist", true, &found, &err));
        ck_assert_uint_eq(found->id, MNIST);
        CORRUPT(restore_one(world.catalog, 0)); /* not before the collection is back */
        other = next_id(world.catalog);
        OK(cull__apply_collection(world.catalog, other, VISION, "mnist", 5, "model", 5));
        OK(cull__collection_resolve(world.catalog, "team", "vision", "mnist", true, &found, &err));
        ck_assert_uint_eq(found->id, other);
        ck_assert_uint_eq(found->next_ordinal, 0);
        CORRUPT(cull__apply_collection_revive(world.catalog, MNIST, "mnist", 5));
        CORRUPT(cull__apply_collection_revive(world.catalog, other, "free", 4));
        CORRUPT(cull__apply_collection_revive(world.catalog, MNIST, "a b", 3));
        check_round_trip(world.catalog);
        OK(cull__apply_collection_revive(world.catalog, MNIST, "mnist-old", 9));
        OK(restore_one(world.catalog, 0));
        OK(cull__collection_resolve(world.catalog, "team", "vision", "mnist-old", false, &found,
                                    &err));
        ck_assert_uint_eq(found->id, MNIST);
        check_round_trip(world.catalog);
        world_release(&world);
    }
END_TEST

START_TEST(the_newest_of_two_deleted_collections_is_found)
    {
        struct world world;
        struct cull__collection *found;
        cull_error err = { 0 };
        uint64_t ids[2] = { MNIST, 0 };

        world_init(&world);
        for (int i = 0; i < 2; i++) {
            uint32_t first = 0;

            (void)put_in(world.catalog, ids[i], 0, 1);
            OK(cull__apply_delete(world.catalog, ids[i], &first, 1, 1000, CULL_REASON_CASCADE));
            OK(cull__apply_collection_delete(world.catalog, ids[i]));
            if (i == 0) {
                ids[1] = next_id(world.catalog);
                OK(cull__apply_collection(world.catalog, ids[1], VISION, "mnist", 5, "dataset", 7));
            }
        }
        OK(cull__collection_resolve(world.catalog, "team", "vision", "mnist", true, &found, &err));
        ck_assert_uint_eq(found->id, ids[1]);
        world_release(&world);
    }
END_TEST

START_TEST(a_deleted_collection_is_freed_with_its_last_version_and_upload)
    {
        struct world world;
        uint64_t upload;
        uint64_t empty;

        world_init(&world);
        (void)put(world.catalog, 1);
        OK(open_upload(world.catalog, MNIST, 0, CULL__NO_ORDINAL, &upload));
        OK(delete_one(world.catalog, 0));
        OK(cull__apply_collection_delete(world.catalog, MNIST));
        CORRUPT(commit(world.catalog, upload, 1, 2));
        CORRUPT(open_upload(world.catalog, MNIST, 0, CULL__NO_ORDINAL, &empty));
        OK(purge_one(world.catalog, 0));
        ck_assert_ptr_nonnull(mnist(&world));
        check_round_trip(world.catalog);
        OK(cull__apply_upload_end(world.catalog, upload));
        ck_assert_ptr_null(mnist(&world));
        empty = next_id(world.catalog);
        OK(cull__apply_collection(world.catalog, empty, VISION, "mnist", 5, "dataset", 7));
        OK(cull__apply_collection_delete(world.catalog, empty));
        ck_assert_ptr_null(cull__collection_by_id(world.catalog, empty));
        check_round_trip(world.catalog);
        world_release(&world);
    }
END_TEST

/* --- facts that do not fit -------------------------------------------------------------------------------- */

/* v0 committed with alias best, v1 deleted, v2 purged; an open upload on v0; next ids from there. */
struct full_world {
    struct world world;
    uint64_t upload;
};

static void full_world_init(struct full_world *full)
{
    struct cull__catalog *catalog;
    uint64_t id;

    world_init(&full->world);
    catalog = full->world.catalog;
    for (uint32_t i = 0; i < 3; i++) {
        (void)put(catalog, i + 1);
    }
    OK(alias(catalog, 0, "best"));
    OK(alias(catalog, 1, "latest"));
    OK(alias(catalog, 1, "best-\xc3\xa9ver"));
    OK(tag(catalog, 0, "nightly"));
    OK(tag(catalog, 1, "nightly"));
    OK(tag(catalog, 1, "a tag"));
    OK(artifact(catalog, 0, "QXJ0aWZhY3Q6Mg=="));
    OK(artifact(catalog, 0, "QXJ0aWZhY3Q6MQ=="));
    OK(artifact(catalog, 1, "QXJ0aWZhY3Q6Mw=="));
    OK(artifact(catalog, 2, "QXJ0aWZhY3Q6NA=="));
    OK(stamp(catalog, 2000, "bob"));
    OK(delete_one(catalog, 1));
    OK(delete_one(catalog, 2));
    OK(purge_one(catalog, 2));
    OK(open_upload(catalog, MNIST, TRAIN, 0, &full->upload));
    OK(stamp(catalog, 2500, ""));
    id = next_id(catalog); /* a deleted run that logged something, and a deleted collection */
    OK(cull__apply_run(catalog, id, VISION, "train-2", 7));
    OK(cull__apply_collection(catalog, id + 1, VISION, "old", 3, "model", 5));
    (void)put_in(catalog, id + 1, id, 9);
    OK(cull__apply_delete(catalog, id + 1, (uint32_t[]){ 0 }, 1, 9000, CULL_REASON_CASCADE));
    OK(cull__apply_collection_delete(catalog, id + 1));
    OK(cull__apply_run_delete(catalog, id));
}

static cull_status stamp_back(struct full_world *full)
{
    return stamp(full->world.catalog, 2499, "bob");
}

static cull_status stamp_long(struct full_world *full)
{
    return stamp(full->world.catalog, 2500, LONG_129);
}

static cull_status stamp_nul(struct full_world *full)
{
    return cull__apply_stamp(full->world.catalog, 2500, "a\0b", 3);
}

static cull_status entity_twice(struct full_world *full)
{
    return cull__apply_entity(full->world.catalog, next_id(full->world.catalog), "team", 4);
}

static cull_status entity_id_low(struct full_world *full)
{
    return cull__apply_entity(full->world.catalog, next_id(full->world.catalog) - 1, "crew", 4);
}

static cull_status entity_id_high(struct full_world *full)
{
    return cull__apply_entity(full->world.catalog, next_id(full->world.catalog) + 1, "crew", 4);
}

static cull_status entity_name(struct full_world *full)
{
    return cull__apply_entity(full->world.catalog, next_id(full->world.catalog), "c/w", 3);
}

static cull_status project_orphan(struct full_world *full)
{
    return cull__apply_project(full->world.catalog, next_id(full->world.catalog), VISION, "p", 1);
}

static cull_status project_twice(struct full_world *full)
{
    return cull__apply_project(full->world.catalog, next_id(full->world.catalog), TEAM, "vision",
                               6);
}

static cull_status collection_orphan(struct full_world *full)
{
    return cull__apply_collection(full->world.catalog, next_id(full->world.catalog), TEAM, "c", 1,
                                  "t", 1);
}

static cull_status collection_twice(struct full_world *full)
{
    return cull__apply_collection(full->world.catalog, next_id(full->world.catalog), VISION,
                                  "mnist", 5, "dataset", 7);
}

static cull_status collection_type(struct full_world *full)
{
    return cull__apply_collection(full->world.catalog, next_id(full->world.catalog), VISION, "c", 1,
                                  "", 0);
}

static cull_status artifact_of_deleted(struct full_world *full)
{
    return artifact(full->world.catalog, 1, "QXJ0aWZhY3Q6NQ==");
}

static cull_status artifact_of_nothing(struct full_world *full)
{
    return artifact(full->world.catalog, 2, "QXJ0aWZhY3Q6NQ==");
}

static cull_status artifact_empty(struct full_world *full)
{
    return artifact(full->world.catalog, 0, "");
}

static cull_status artifact_not_base64(struct full_world *full)
{
    return artifact(full->world.catalog, 0, "Artifact:5==");
}

static cull_status artifact_not_canonical(struct full_world *full)
{
    return artifact(full->world.catalog, 0, "QXJ0aWZhY3Q6NR==");
}

static cull_status artifact_long(struct full_world *full)
{
    char id[180];

    memset(id, 'Q', sizeof id);
    return cull__apply_artifact_id(full->world.catalog, MNIST, 0, id, 172); /* of 129 bytes */
}

static cull_status run_twice(struct full_world *full)
{
    return cull__apply_run(full->world.catalog, next_id(full->world.catalog), VISION, "train-1", 7);
}

static cull_status run_orphan(struct full_world *full)
{
    return cull__apply_run(full->world.catalog, next_id(full->world.catalog), 99, "r", 1);
}

static cull_status open_nowhere(struct full_world *full)
{
    uint64_t id;

    return open_upload(full->world.catalog, VISION, 0, CULL__NO_ORDINAL, &id);
}

static cull_status open_no_run(struct full_world *full)
{
    uint64_t id;

    return open_upload(full->world.catalog, MNIST, 99, CULL__NO_ORDINAL, &id);
}

static cull_status open_foreign_run(struct full_world *full)
{
    struct cull__catalog *catalog = full->world.catalog;
    uint64_t id = next_id(catalog);

    OK(cull__apply_project(catalog, id, TEAM, "audio", 5));
    OK(cull__apply_run(catalog, id + 1, id, "r", 1));
    return open_upload(catalog, MNIST, id + 1, CULL__NO_ORDINAL, &id);
}

static cull_status open_deleted_base(struct full_world *full)
{
    uint64_t id;

    return open_upload(full->world.catalog, MNIST, 0, 1, &id);
}

static cull_status open_purged_base(struct full_world *full)
{
    uint64_t id;

    return open_upload(full->world.catalog, MNIST, 0, 2, &id);
}

static cull_status open_over(struct full_world *full)
{
    return cull__apply_upload_open(full->world.catalog, next_id(full->world.catalog), MNIST, 0,
                                   CULL__NO_ORDINAL, 2499);
}

static cull_status commit_id(struct full_world *full)
{
    const uint8_t digest[16] = { 0 };
    const struct cull__commit_row row = { .id = next_id(full->world.catalog) + 1,
                                          .ordinal = 3,
                                          .manifest_digest = digest };

    return cull__apply_commit(full->world.catalog, full->upload, &row);
}

static cull_status alias_deleted(struct full_world *full)
{
    return alias(full->world.catalog, 1, "x");
}

static cull_status alias_purged(struct full_world *full)
{
    return alias(full->world.catalog, 2, "x");
}

static cull_status alias_nowhere(struct full_world *full)
{
    return cull__apply_alias(full->world.catalog, 99, 0, "x", 1);
}

static cull_status alias_remove_lost(struct full_world *full)
{
    return cull__apply_alias_remove(full->world.catalog, MNIST, "latest", 6);
}

static cull_status tag_deleted(struct full_world *full)
{
    return tag(full->world.catalog, 1, "x");
}

static cull_status tag_form(struct full_world *full)
{
    return tag(full->world.catalog, 0, "a:b");
}

static cull_status delete_deleted(struct full_world *full)
{
    return delete_one(full->world.catalog, 1);
}

static cull_status delete_twice(struct full_world *full)
{
    return cull__apply_delete(full->world.catalog, MNIST, (uint32_t[]){ 0, 0 }, 2, 3000,
                              CULL_REASON_USER);
}

static cull_status delete_unordered(struct full_world *full)
{
    (void)put(full->world.catalog, 5);
    return cull__apply_delete(full->world.catalog, MNIST, (uint32_t[]){ 3, 0 }, 2, 3000,
                              CULL_REASON_USER);
}

static cull_status delete_in_part(struct full_world *full)
{
    return cull__apply_delete(full->world.catalog, MNIST, (uint32_t[]){ 0, 1 }, 2, 3000,
                              CULL_REASON_USER);
}

static cull_status delete_kept_in_the_past(struct full_world *full)
{
    return cull__apply_delete(full->world.catalog, MNIST, (uint32_t[]){ 0 }, 1, 2499,
                              CULL_REASON_USER);
}

static cull_status delete_no_reason(struct full_world *full)
{
    return cull__apply_delete(full->world.catalog, MNIST, (uint32_t[]){ 0 }, 1, 3000,
                              CULL_REASON_NONE);
}

static cull_status delete_other_reason(struct full_world *full)
{
    return cull__apply_delete(full->world.catalog, MNIST, (uint32_t[]){ 0 }, 1, 3000,
                              CULL_REASON_POLICY + 1);
}

static cull_status delete_nowhere(struct full_world *full)
{
    return cull__apply_delete(full->world.catalog, 99, (uint32_t[]){ 0 }, 1, 3000,
                              CULL_REASON_USER);
}

static cull_status restore_committed(struct full_world *full)
{
    return restore_one(full->world.catalog, 0);
}

static cull_status restore_purged(struct full_world *full)
{
    return restore_one(full->world.catalog, 2);
}

static cull_status restore_in_part(struct full_world *full)
{
    return cull__apply_restore(full->world.catalog, MNIST, (uint32_t[]){ 1, 2 }, 2);
}

static cull_status purge_committed(struct full_world *full)
{
    return purge_one(full->world.catalog, 0);
}

static cull_status purge_in_part(struct full_world *full)
{
    return cull__apply_purge(full->world.catalog, MNIST, (uint32_t[]){ 1, 2 }, 2);
}

static cull_status purge_nowhere(struct full_world *full)
{
    return cull__apply_purge(full->world.catalog, 99, (uint32_t[]){ 0 }, 1);
}

static cull_status delete_live_collection(struct full_world *full)
{
    return cull__apply_collection_delete(full->world.catalog, MNIST);
}

static cull_status revive_live_collection(struct full_world *full)
{
    return cull__apply_collection_revive(full->world.catalog, MNIST, "other", 5);
}

static cull_status revive_nothing(struct full_world *full)
{
    return cull__apply_collection_revive(full->world.catalog, 99, "other", 5);
}

static cull_status run_delete_nothing(struct full_world *full)
{
    return cull__apply_run_delete(full->world.catalog, VISION);
}

static cull_status late_collection(struct full_world *full)
{
    struct cull__catalog *catalog = full->world.catalog;

    catalog->next_id = CULL__COLLECTION_ID_MAX;
    OK(cull__apply_collection(catalog, next_id(catalog), VISION, "last", 4, "t", 1));
    return cull__apply_collection(catalog, next_id(catalog), VISION, "later", 5, "t", 1);
}

static cull_status last_id(struct full_world *full)
{
    struct cull__catalog *catalog = full->world.catalog;

    catalog->next_id = UINT64_MAX - 1;
    OK(cull__apply_entity(catalog, next_id(catalog), "last", 4));
    return cull__apply_entity(catalog, next_id(catalog), "later", 5);
}

#define MISFIT(function, prepares)    \
    {                                 \
#function, function, prepares \
    }

static const struct {
    const char *name;
    cull_status (*apply)(struct full_world *full);
    bool prepares; /* changes something first, rightly */
} misfits[] = {
    MISFIT(stamp_back, false),
    MISFIT(stamp_long, false),
    MISFIT(stamp_nul, false),
    MISFIT(entity_twice, false),
    MISFIT(entity_id_low, false),
    MISFIT(entity_id_high, false),
    MISFIT(entity_name, false),
    MISFIT(project_orphan, false),
    MISFIT(project_twice, false),
    MISFIT(collection_orphan, false),
    MISFIT(collection_twice, false),
    MISFIT(collection_type, false),
    MISFIT(run_twice, false),
    MISFIT(run_orphan, false),
    MISFIT(open_nowhere, false),
    MISFIT(open_no_run, false),
    MISFIT(open_foreign_run, true),
    MISFIT(open_deleted_base, false),
    MISFIT(open_purged_base, false),
    MISFIT(open_over, false),
    MISFIT(commit_id, false),
    MISFIT(alias_deleted, false),
    MISFIT(alias_purged, false),
    MISFIT(alias_nowhere, false),
    MISFIT(alias_remove_lost, false),
    MISFIT(tag_deleted, false),
    MISFIT(tag_form, false),
    MISFIT(delete_deleted, false),
    MISFIT(delete_twice, false),
    MISFIT(delete_unordered, true),
    MISFIT(delete_in_part, false),
    MISFIT(delete_kept_in_the_past, false),
    MISFIT(delete_no_reason, false),
    MISFIT(delete_other_reason, false),
    MISFIT(delete_nowhere, false),
    MISFIT(restore_committed, false),
    MISFIT(restore_purged, false),
    MISFIT(restore_in_part, false),
    MISFIT(purge_committed, false),
    MISFIT(purge_in_part, false),
    MISFIT(purge_nowhere, false),
    MISFIT(artifact_of_deleted, false),
    MISFIT(artifact_of_nothing, false),
    MISFIT(artifact_empty, false),
    MISFIT(artifact_not_base64, false),
    MISFIT(artifact_not_canonical, false),
    MISFIT(artifact_long, false),
    MISFIT(delete_live_collection, false),
    MISFIT(revive_live_collection, false),
    MISFIT(revive_nothing, false),
    MISFIT(run_delete_nothing, false),
    MISFIT(late_collection, true),
    MISFIT(last_id, true),
};

START_TEST(a_fact_that_does_not_fit_is_corrupt_and_changes_nothing)
    {
        struct full_world full;
        struct cull__buf before;
        struct cull__buf after;

        full_world_init(&full);
        before = save(full.world.catalog);
        ck_assert_msg(misfits[_i].apply(&full) == CULL_E_CORRUPT, "%s", misfits[_i].name);
        after = save(full.world.catalog);
        if (!misfits[_i].prepares) {
            ck_assert_uint_eq(after.len, before.len);
            ck_assert_mem_eq(after.data, before.data, before.len);
        }
        cull__buf_release(&before);
        cull__buf_release(&after);
        world_release(&full.world);
    }
END_TEST

/* --- no memory --------------------------------------------------------------------------------------------- */

static cull_status fit_stamp(struct full_world *full)
{
    return stamp(full->world.catalog, 2600, "carol");
}

static cull_status fit_entity(struct full_world *full)
{
    return cull__apply_entity(full->world.catalog, next_id(full->world.catalog), "crew", 4);
}

static cull_status fit_project(struct full_world *full)
{
    return cull__apply_project(full->world.catalog, next_id(full->world.catalog), TEAM, "audio", 5);
}

static cull_status fit_collection(struct full_world *full)
{
    return cull__apply_collection(full->world.catalog, next_id(full->world.catalog), VISION,
                                  "cifar", 5, "table", 5);
}

static cull_status fit_run(struct full_world *full)
{
    return cull__apply_run(full->world.catalog, next_id(full->world.catalog), VISION, "train-3", 7);
}

static cull_status fit_run_delete(struct full_world *full)
{
    return cull__apply_run_delete(full->world.catalog, TRAIN);
}

static cull_status fit_open(struct full_world *full)
{
    uint64_t id;

    return open_upload(full->world.catalog, MNIST, TRAIN, 0, &id);
}

static cull_status fit_end(struct full_world *full)
{
    return cull__apply_upload_end(full->world.catalog, full->upload);
}

static cull_status fit_renew(struct full_world *full)
{
    return cull__apply_upload_renew(full->world.catalog, full->upload, 9000);
}

static cull_status fit_commit(struct full_world *full)
{
    return commit(full->world.catalog, full->upload, 3, 8);
}

static cull_status fit_alias(struct full_world *full)
{
    return alias(full->world.catalog, 0, "new");
}

static cull_status fit_alias_remove(struct full_world *full)
{
    return cull__apply_alias_remove(full->world.catalog, MNIST, "best", 4);
}

static cull_status fit_tag(struct full_world *full)
{
    return tag(full->world.catalog, 0, "new");
}

static cull_status fit_delete(struct full_world *full)
{
    return delete_one(full->world.catalog, 0);
}

static cull_status fit_restore(struct full_world *full)
{
    return restore_one(full->world.catalog, 1);
}

static cull_status fit_purge(struct full_world *full)
{
    return purge_one(full->world.catalog, 1);
}

static cull_status fit_collection_revive(struct full_world *full)
{
    const struct cull__collection *old = full->world.catalog->collections->hh_id.next;

    return cull__apply_collection_revive(full->world.catalog, old->id, "back", 4);
}

static cull_status fit_artifact_id(struct full_world *full)
{
    return artifact(full->world.catalog, 0, "QXJ0aWZhY3Q6NQ==");
}

static cull_status fit_artifact_id_moved(struct full_world *full)
{
    return artifact(full->world.catalog, 0, "QXJ0aWZhY3Q6Mw==");
}

static cull_status fit_save(struct full_world *full)
{
    struct cull__buf buf = CULL__BUF_INIT(full->world.catalog->allocator);
    cull_status status = cull__catalog_save(full->world.catalog, &buf);

    cull__buf_release(&buf);
    return status;
}

static cull_status fit_load(struct full_world *full)
{
    struct failing_allocator *memory = &full->world.memory;
    const uint64_t left = memory->fail_at == 0 ? 0 : memory->fail_at - memory->calls;
    struct cull__buf buf;
    struct cull__catalog *loaded = NULL;
    cull_error err = { 0 };
    cull_status status;

    memory->fail_at = 0; /* saving is another test */
    buf = save(full->world.catalog);
    memory->fail_at = left == 0 ? 0 : memory->calls + left;
    status = cull__catalog_load(&loaded, buf.data, buf.len, &memory->allocator, &err);
    ck_assert((status == CULL_OK) == (loaded != NULL));
    ck_assert_int_eq(err.status, status);
    cull__catalog_free(loaded);
    cull__buf_release(&buf);
    return status;
}

static cull_status fit_new(struct full_world *full)
{
    struct cull__catalog *fresh = NULL;
    cull_status status = cull__catalog_new(&fresh, full->world.catalog->allocator);

    ck_assert((status == CULL_OK) == (fresh != NULL));
    cull__catalog_free(fresh);
    return status;
}

static cull_status fit_check_delete(struct full_world *full)
{
    cull_error err = { 0 };
    cull_status status =
        cull__check_delete(full->world.catalog, mnist(&full->world), 0, false, &err);

    ck_assert_int_eq(err.status, status);
    return status == CULL_E_REFUSED ? CULL_OK : status;
}

static cull_status fit_info(struct full_world *full)
{
    struct cull__info_scratch scratch = { .allocator = full->world.catalog->allocator };
    cull_version_info info;
    cull_status status = cull__version_info(&info, full->world.catalog, mnist(&full->world),
                                            cull__version_at(mnist(&full->world), 0), &scratch);

    cull__info_scratch_release(&scratch);
    return status;
}

static cull_status fit_sorted(struct full_world *full)
{
    struct cull__collection **found;
    size_t count;
    cull_error err = { 0 };
    cull_status status =
        cull__collections_sorted(full->world.catalog, NULL, NULL, NULL, true, &found, &count, &err);

    cull__free(full->world.catalog->allocator, found);
    return status;
}

#define FIT(function, least)       \
    {                              \
#function, function, least \
    }

static const struct {
    const char *name;
    cull_status (*apply)(struct full_world *full);
    uint64_t least; /* allocations that it needs, at least */
} fits[] = {
    FIT(fit_stamp, 1),
    FIT(fit_entity, 1),
    FIT(fit_project, 1),
    FIT(fit_collection, 3),
    FIT(fit_run, 1),
    FIT(fit_run_delete, 0),
    FIT(fit_open, 1),
    FIT(fit_end, 0),
    FIT(fit_renew, 0),
    FIT(fit_commit, 0),
    FIT(fit_alias, 1),
    FIT(fit_alias_remove, 0),
    FIT(fit_tag, 1),
    FIT(fit_artifact_id, 1),
    FIT(fit_artifact_id_moved, 0),
    FIT(fit_delete, 2),
    FIT(fit_restore, 2),
    FIT(fit_purge, 0),
    FIT(fit_collection_revive, 1),
    FIT(fit_save, 3),
    FIT(fit_load, 40),
    FIT(fit_new, 4),
    FIT(fit_check_delete, 1),
    FIT(fit_info, 2),
    FIT(fit_sorted, 1),
};

START_TEST(without_memory_nothing_changes_and_nothing_is_lost)
    {
        uint64_t failures = 0;

        for (bool done = false; !done;) {
            struct full_world full;
            struct cull__buf before;
            struct cull__buf after;
            cull_status status;

            full_world_init(&full);
            before = save(full.world.catalog);
            full.world.memory.fail_at = full.world.memory.calls + failures + 1;
            status = fits[_i].apply(&full);
            full.world.memory.fail_at = 0;
            done = status == CULL_OK;
            if (!done) {
                ck_assert_msg(status == CULL_E_NOMEM, "%s, allocation %u: %s", fits[_i].name,
                              (unsigned)failures, cull_strerror(status));
                after = save(full.world.catalog);
                ck_assert_uint_eq(after.len, before.len);
                ck_assert_mem_eq(after.data, before.data, before.len);
                cull__buf_release(&after);
                OK(fits[_i].apply(&full)); /* and with memory it works */
                failures++;
            }
            cull__buf_release(&before);
            world_release(&full.world);
        }
        ck_assert_msg(failures >= fits[_i].least, "%s: %u allocations", fits[_i].name,
                      (unsigned)failures);
    }
END_TEST

/* uthash grows its buckets in the middle of an addition. */
START_TEST(tables_stay_whole_when_growing_them_finds_no_memory)
    {
        enum { COUNT = 3000 };
        struct world world;
        uint32_t refused = 0;

        world_init(&world);
        (void)put(world.catalog, 1);
        for (uint32_t i = 0; i < COUNT; i++) {
            char name[32];
            cull_status status;

            (void)snprintf(name, sizeof name, "alias-%u", i);
            world.memory.fail_at = world.memory.calls + 2; /* the node is made, and nothing else */
            status = alias(world.catalog, 0, name);
            world.memory.fail_at = 0;
            refused += status != CULL_OK;
            ck_assert_uint_eq(mnist(&world)->versions[0].alias_count, i + (status == CULL_OK));
            if (status != CULL_OK) {
                ck_assert_ptr_null(cull__alias_find(mnist(&world), name));
                OK(alias(world.catalog, 0, name));
            }
        }
        ck_assert_uint_gt(refused, 3);
        for (uint32_t i = 0; i < COUNT; i++) {
            char name[32];

            (void)snprintf(name, sizeof name, "alias-%u", i);
            ck_assert_ptr_nonnull(cull__alias_find(mnist(&world), name));
        }
        world_release(&world);
    }
END_TEST

/* Versions alone, without what is not theirs: their collection, run and names. */
START_TEST(a_version_takes_at_most_256_bytes_at_any_count)
    {
        struct world world;
        uint64_t before;

        world_init(&world);
        before = cull__catalog_memory(world.catalog);
        for (uint32_t i = 0; i < 20000; i++) {
            (void)put(world.catalog, i);
            (void)equal_to(&world, i);
            if (i >= 100) {
                uint64_t bytes = cull__catalog_memory(world.catalog) - before;

                ck_assert_msg(bytes <= UINT64_C(256) * (i + 1), "%llu bytes for %u",
                              (unsigned long long)bytes, i + 1);
            }
        }
        ck_assert_uint_gt(cull__catalog_memory(world.catalog) - before,
                          20000 * sizeof(struct cull__version));
        world_release(&world);
    }
END_TEST

/* --- listings ------------------------------------------------------------------------------------------------ */

/* b/p/z, a/q/y, a/p/y (deleted with one version, then new), a/p/x, a/r without collections, but
 * with a run; c without anything. */
static void listing_world_init(struct world *world)
{
    struct cull__catalog *catalog;
    const uint32_t first = 0;

    failing_allocator_init(&world->memory, 0);
    OK(cull__catalog_new(&world->catalog, &world->memory.allocator));
    catalog = world->catalog;
    OK(cull__apply_entity(catalog, 1, "b", 1));
    OK(cull__apply_entity(catalog, 2, "a", 1));
    OK(cull__apply_entity(catalog, 3, "c", 1));
    OK(cull__apply_project(catalog, 4, 1, "p", 1));
    OK(cull__apply_project(catalog, 5, 2, "q", 1));
    OK(cull__apply_project(catalog, 6, 2, "p", 1));
    OK(cull__apply_project(catalog, 7, 2, "r", 1));
    OK(cull__apply_collection(catalog, 8, 4, "z", 1, "t", 1));
    OK(cull__apply_collection(catalog, 9, 5, "y", 1, "t", 1));
    OK(cull__apply_collection(catalog, 10, 6, "y", 1, "t", 1));
    OK(cull__apply_collection(catalog, 11, 6, "x", 1, "t", 1));
    OK(cull__apply_run(catalog, 12, 7, "r", 1));
    for (uint64_t id = 10; id <= 15; id += 5) { /* y is deleted twice */
        (void)put_in(catalog, id, 0, 1);
        OK(cull__apply_delete(catalog, id, &first, 1, 0, CULL_REASON_CASCADE));
        OK(cull__apply_collection_delete(catalog, id));
        ck_assert_uint_eq(next_id(catalog), id == 10 ? 15 : 18);
        OK(cull__apply_collection(catalog, id == 10 ? 15 : 18, 6, "y", 1, "t", 1));
    }
}

static const struct {
    const char *name;
    const char *entity;
    const char *project;
    const char *collection;
    bool deleted_too;
    uint64_t want[8];    /* ids in order, then 0 */
    const char *message; /* not found */
} listings[] = {
    { "all live ones", NULL, NULL, NULL, false, { 11, 18, 9, 8 }, NULL },
    { "deleted ones after, newest first", NULL, NULL, NULL, true, { 11, 18, 15, 10, 9, 8 }, NULL },
    { "of an entity", "a", NULL, NULL, false, { 11, 18, 9 }, NULL },
    { "of an entity, deleted too", "a", NULL, NULL, true, { 11, 18, 15, 10, 9 }, NULL },
    { "of a project", "a", "p", NULL, false, { 11, 18 }, NULL },
    { "of a project's name", NULL, "p", NULL, false, { 11, 18, 8 }, NULL },
    { "of a name", NULL, NULL, "y", false, { 18, 9 }, NULL },
    { "of one name, deleted too", "a", "p", "y", true, { 18, 15, 10 }, NULL },
    { "a project with runs only", "a", "r", NULL, false, { 0 }, NULL },
    { "no entity", "d", NULL, NULL, false, { 0 }, "d: no such entity" },
    { "an entity with nothing in it", "c", NULL, NULL, false, { 0 }, "c: no such entity" },
    { "no project", "a", "z", NULL, false, { 0 }, "a/z: no such project" },
    { "a project nowhere", NULL, "z", NULL, false, { 0 }, "z: no such project" },
    { "no collection", "a", "p", "z", false, { 0 }, "a/p/z: no such collection" },
    { "a collection of no form", "a", "p", "z\n", false, { 0 }, "a/p/z\\x0a: no such collection" },
};

START_TEST(collections_come_in_the_order_of_their_names)
    {
        struct world world;
        struct cull__collection **found;
        size_t count;
        cull_error err = { 0 };
        cull_status status;

        listing_world_init(&world);
        status = cull__collections_sorted(world.catalog, listings[_i].entity, listings[_i].project,
                                          listings[_i].collection, listings[_i].deleted_too, &found,
                                          &count, &err);
        ck_assert_msg(status == (listings[_i].message == NULL ? CULL_OK : CULL_E_NOTFOUND),
                      "%s: %s", listings[_i].name, err.message);
        if (listings[_i].message != NULL) {
            ck_assert_str_eq(err.message, listings[_i].message);
        }
        for (size_t i = 0; i < count; i++) {
            ck_assert_msg(found[i]->id == listings[_i].want[i], "%s: %zu is %u", listings[_i].name,
                          i, (unsigned)found[i]->id);
        }
        ck_assert_uint_eq(listings[_i].want[count], 0);
        cull__free(world.catalog->allocator, found);
        world_release(&world);
    }
END_TEST

START_TEST(a_version_is_shown_with_all_that_is_known_of_it)
    {
        struct full_world full;
        struct cull__info_scratch scratch = { .allocator = cull_allocator_default() };
        const struct cull__collection *in;
        cull_version_info info;

        full_world_init(&full);
        OK(alias(full.world.catalog, 0, "a"));
        OK(alias(full.world.catalog, 0, "z"));
        OK(tag(full.world.catalog, 0, "daily"));
        in = mnist(&full.world);
        OK(cull__version_info(&info, full.world.catalog, in, cull__version_at(in, 0), &scratch));
        ck_assert_uint_eq(info.key.collection, MNIST);
        ck_assert_uint_eq(info.key.ordinal, 0);
        ck_assert_uint_eq(info.id, 6);
        ck_assert_int_eq(info.state, CULL_VERSION_COMMITTED);
        ck_assert_str_eq(info.entity, "team");
        ck_assert_str_eq(info.project, "vision");
        ck_assert_str_eq(info.collection, "mnist");
        ck_assert_str_eq(info.type, "dataset");
        ck_assert(!info.collection_deleted);
        ck_assert_str_eq(info.run, "train-1");
        ck_assert_str_eq(info.creator, "alice");
        ck_assert_uint_eq(info.alias_count, 3);
        ck_assert_str_eq(info.aliases[0], "a");
        ck_assert_str_eq(info.aliases[1], "best");
        ck_assert_str_eq(info.aliases[2], "z");
        ck_assert_uint_eq(info.tag_count, 2);
        ck_assert_str_eq(info.tags[0], "daily");
        ck_assert_str_eq(info.tags[1], "nightly");
        ck_assert_uint_eq(info.manifest_digest.bytes[0], 1);
        ck_assert_uint_eq(info.entries, 3);
        ck_assert_uint_eq(info.blobs, 2);
        ck_assert_uint_eq(info.size_bytes, 301);
        ck_assert(info.size_exact);
        ck_assert_uint_eq(info.created_ms, 1000);
        ck_assert_uint_eq(info.expires_ms, 6000);
        ck_assert(info.pinned);
        OK(cull__version_info(&info, full.world.catalog, in, cull__version_at(in, 1), &scratch));
        ck_assert_int_eq(info.state, CULL_VERSION_DELETED);
        ck_assert_uint_eq(info.alias_count, 0);
        ck_assert_uint_eq(info.deleted_ms, 2000);
        ck_assert_uint_eq(info.kept_until_ms, 2000 + GRACE_MS);
        ck_assert_int_eq(info.reason, CULL_REASON_USER);
        ck_assert_uint_eq(info.expires_ms, 0);
        ck_assert(!info.pinned);
        cull__info_scratch_release(&scratch);
        world_release(&full.world);
    }
END_TEST

/* Against team/vision/mnist:v6, created at 5000 by run r, with aliases best and rc-1 and the tag
 * nightly; two committed versions come after it. */
static const char *const keep_rc[] = { "x*", "rc-*" };
static const char *const keep_x[] = { "x*", "rc-" };

static const struct {
    const char *name;
    cull_selection selection;
    bool takes;
} selections[] = {
    { "everything", { 0 }, true },
    { "its entity", { .entity = "team" }, true },
    { "another entity", { .entity = "tea" }, false },
    { "its project", { .project = "vision" }, true },
    { "another project", { .project = "visio" }, false },
    { "its collection", { .collection = "mnist" }, true },
    { "a glob is no exact name", { .collection = "mni*" }, false },
    { "its run", { .run = "r" }, true },
    { "another run", { .run = "q" }, false },
    { "no run", { .no_run = true }, false },
    { "a glob of its name", { .name_glob = "mn[h-j]*" }, true },
    { "another glob", { .name_glob = "mn" }, false },
    { "an alias", { .alias = "rc-1" }, true },
    { "another alias", { .alias = "rc" }, false },
    { "no alias", { .no_alias = true }, false },
    { "its type", { .type = "dataset" }, true },
    { "another type", { .type = "model" }, false },
    { "its tag", { .tag = "nightly" }, true },
    { "another tag", { .tag = "best" }, false },
    { "older than its birth", { .created_before_ms = 5000 }, false },
    { "older than just after", { .created_before_ms = 5001 }, true },
    { "all but the last two", { .keep_last = 2 }, true },
    { "all but the last three", { .keep_last = 3 }, false },
    { "all but each third", { .keep_every = 3 }, false },
    { "all but each fourth", { .keep_every = 4 }, true },
    { "all but each", { .keep_every = 1 }, false },
    { "keeping an alias of it",
      { .keep_alias_globs = keep_rc, .keep_alias_glob_count = 2 },
      false },
    { "keeping other aliases", { .keep_alias_globs = keep_x, .keep_alias_glob_count = 2 }, true },
    { "deleted ones", { .states = 1u << CULL_VERSION_DELETED }, false },
    { "both", { .states = 1u << CULL_VERSION_DELETED | 1u << CULL_VERSION_COMMITTED }, true },
    { "one of two that do not hold", { .type = "dataset", .tag = "best" }, false },
    { "both of two", { .type = "dataset", .tag = "nightly" }, true },
};

/* What a walk asks, in its order. */
static bool takes(const cull_selection *selection, const struct cull__collection *collection,
                  const cull_version_info *info, uint32_t position)
{
    return cull__selection_takes_collection(selection, collection) &&
           cull__selection_takes_plain(selection, info, position) &&
           (!cull__selection_asks_labels(selection) ||
            cull__selection_takes_labels(selection, info));
}

START_TEST(rule_19_a_selection_takes_a_version_if_all_that_is_set_holds)
    {
        static const char *const aliases[] = { "best", "rc-1" };
        static const char *const tags[] = { "nightly" };
        struct full_world full;
        const cull_version_info info = {
            .key = { MNIST, 6 },
            .state = CULL_VERSION_COMMITTED,
            .run = "r",
            .aliases = aliases,
            .alias_count = 2,
            .tags = tags,
            .tag_count = 1,
            .created_ms = 5000,
        };

        full_world_init(&full);
        ck_assert_msg(
            takes(&selections[_i].selection, mnist(&full.world), &info, 2) == selections[_i].takes,
            "%s", selections[_i].name);
        world_release(&full.world);
    }
END_TEST

START_TEST(a_bare_version_is_taken_by_what_asks_for_nothing)
    {
        const cull_selection no_run = { .no_run = true };
        const cull_selection no_alias = { .no_alias = true };
        const cull_selection empty_run = { .run = "" };
        const cull_version_info info = { .state = CULL_VERSION_COMMITTED, .run = "" };
        struct full_world full;

        full_world_init(&full);
        ck_assert(takes(&no_run, mnist(&full.world), &info, 0));
        ck_assert(takes(&no_alias, mnist(&full.world), &info, 0));
        ck_assert(!takes(&empty_run, mnist(&full.world), &info, 0));
        world_release(&full.world);
    }
END_TEST

/* --- the checkpoint -------------------------------------------------------------------------------------------- */

static void settings_of_a_store(struct cull__catalog *catalog)
{
    catalog->exists = true;
    catalog->settings = (cull_store_settings){ .digest = CULL_DIGEST_MD5,
                                               .index_only = true,
                                               .grace_ms = GRACE_MS,
                                               .lease_ms = HOUR_MS,
                                               .seed = 0x0123456789abcdef,
                                               .late_deletes = CULL_LATE_VERSION_IDS,
                                               .hosting = "dedicated",
                                               .created_ms = 1000 };
    catalog->cycles = 5;
    catalog->verified = 4;
}

START_TEST(a_saved_catalog_comes_back_as_it_was)
    {
        struct full_world full;
        struct cull__buf bytes;
        struct cull__catalog *loaded = NULL;
        const struct cull__collection *in;
        const struct cull__upload *upload;
        cull_error err = { 0 };

        full_world_init(&full);
        settings_of_a_store(full.world.catalog);
        check_round_trip(full.world.catalog);
        bytes = save(full.world.catalog);
        OK(cull__catalog_load(&loaded, bytes.data, bytes.len, cull_allocator_default(), &err));
        ck_assert(loaded->exists);
        ck_assert_int_eq(loaded->settings.digest, CULL_DIGEST_MD5);
        ck_assert_str_eq(loaded->settings.hosting, "dedicated");
        ck_assert_uint_eq(loaded->settings.seed, 0x0123456789abcdef);
        ck_assert_int_eq(loaded->settings.late_deletes, CULL_LATE_VERSION_IDS);
        ck_assert_uint_eq(loaded->next_id, full.world.catalog->next_id);
        ck_assert_uint_eq(loaded->clock_ms, 2500);
        ck_assert_str_eq(loaded->actor, "");
        ck_assert_uint_eq(loaded->cycles, 5);
        ck_assert_uint_eq(loaded->purged, 1);
        in = cull__collection_by_id(loaded, MNIST);
        ck_assert_uint_eq(in->next_ordinal, 3);
        ck_assert_uint_eq(cull__alias_find(in, "best")->ordinal, 0);
        ck_assert_str_eq(cull__version_at(in, 1)->lost_aliases->text, "best-\xc3\xa9ver");
        ck_assert_str_eq(cull__version_at(in, 1)->tags->next->text, "nightly");
        ck_assert_str_eq(cull__version_at(in, 0)->artifact_ids->next->text, "QXJ0aWZhY3Q6Mg==");
        ck_assert_str_eq(cull__version_at(in, 1)->artifact_ids->text, "QXJ0aWZhY3Q6Mw==");
        ck_assert_uint_eq(HASH_COUNT(loaded->artifact_ids), 3); /* that of a purged one is free */
        upload = cull__upload_by_id(loaded, full.upload);
        ck_assert_str_eq(upload->actor, "bob");
        ck_assert_uint_eq(upload->lease_ms, HOUR_MS);
        ck_assert_uint_eq(upload->base, 0);
        ck_assert_ptr_eq(upload->run, cull__run_by_id(loaded, TRAIN));
        /* both go on alike */
        OK(restore_one(loaded, 1));
        OK(restore_one(full.world.catalog, 1));
        cull__buf_release(&bytes);
        bytes = save(loaded);
        cull__catalog_free(loaded);
        OK(cull__catalog_load(&loaded, bytes.data, bytes.len, cull_allocator_default(), &err));
        cull__catalog_free(loaded);
        {
            struct cull__buf other = save(full.world.catalog);

            ck_assert_uint_eq(other.len, bytes.len);
            ck_assert_mem_eq(other.data, bytes.data, bytes.len);
            cull__buf_release(&other);
        }
        cull__buf_release(&bytes);
        world_release(&full.world);
    }
END_TEST

START_TEST(a_state_has_one_form_however_it_came_to_be)
    {
        struct world straight;
        struct world crooked;
        struct cull__buf one;
        struct cull__buf two;
        uint64_t id;

        world_init(&straight);
        world_init(&crooked);
        OK(stamp(crooked.catalog, 1000, "mallory")); /* a text that nothing will use */
        OK(stamp(crooked.catalog, 1000, "alice"));
        (void)put(straight.catalog, 1);
        (void)put(crooked.catalog, 1);
        OK(alias(straight.catalog, 0, "a"));
        OK(alias(straight.catalog, 0, "b"));
        OK(alias(crooked.catalog, 0, "b"));
        OK(alias(crooked.catalog, 0, "c"));
        OK(alias(crooked.catalog, 0, "a"));
        OK(cull__apply_alias_remove(crooked.catalog, MNIST, "c", 1));
        OK(tag(straight.catalog, 0, "x"));
        OK(tag(straight.catalog, 0, "y"));
        OK(tag(crooked.catalog, 0, "y"));
        OK(tag(crooked.catalog, 0, "x"));
        OK(artifact(straight.catalog, 0, "QXJ0aWZhY3Q6MQ=="));
        OK(artifact(straight.catalog, 0, "QXJ0aWZhY3Q6Mg=="));
        OK(artifact(crooked.catalog, 0, "QXJ0aWZhY3Q6Mg=="));
        OK(artifact(crooked.catalog, 0, "QXJ0aWZhY3Q6MQ=="));
        OK(artifact(crooked.catalog, 0, "QXJ0aWZhY3Q6Mg=="));
        OK(open_upload(crooked.catalog, MNIST, TRAIN, 0, &id));
        OK(cull__apply_upload_end(crooked.catalog, id));
        straight.catalog->next_id = crooked.catalog->next_id;
        OK(delete_one(crooked.catalog, 0));
        OK(restore_one(crooked.catalog, 0));
        one = save(straight.catalog);
        two = save(crooked.catalog);
        ck_assert_uint_eq(one.len, two.len);
        ck_assert_mem_eq(one.data, two.data, one.len);
        cull__buf_release(&one);
        cull__buf_release(&two);
        world_release(&straight);
        world_release(&crooked);
    }
END_TEST

/* A collection that nothing keeps open: with a tag, an alias, a deleted version and one that expires. */
static uint64_t add_plain_collection(struct cull__catalog *catalog, const char *name)
{
    const uint64_t id = catalog->next_id;
    const uint32_t second = 1;

    OK(cull__apply_collection(catalog, id, VISION, name, strlen(name), "model", 5));
    for (uint32_t content = 0; content < 4; content++) {
        (void)put_in(catalog, id, TRAIN, content);
    }
    OK(cull__apply_tag(catalog, id, 0, "raw", 3, true));
    OK(cull__apply_alias(catalog, id, 0, "best", 4));
    OK(cull__apply_alias(catalog, id, 3, "latest", 6));
    OK(cull__apply_alias(catalog, id, 1, "gone", 4));
    OK(cull__apply_delete(catalog, id, &second, 1, catalog->clock_ms + 1, CULL_REASON_USER));
    return id;
}

/* To be damaged: one collection that stays sealed, and one that an upload's base opens. */
static struct cull__buf save_for_damage(struct full_world *full)
{
    struct cull__catalog *catalog = full->world.catalog;
    uint64_t upload;

    (void)add_plain_collection(catalog, "plain");
    OK(open_upload(catalog, add_plain_collection(catalog, "built-on"), 0, 2, &upload));
    return save(catalog);
}

/* A copy that a sealed catalog may keep. */
static uint8_t *copy_of(const uint8_t *data, size_t len)
{
    uint8_t *copy = cull__alloc(cull_allocator_default(), len + 1, 1);

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, data, len);
    return copy;
}

static void check_saved_as(const struct cull__catalog *catalog, const uint8_t *data, size_t len,
                           const char *what, size_t at)
{
    struct cull__buf again = save(catalog);
    const char *why = NULL;

    ck_assert_msg(cull__catalog_valid(catalog, &why), "%s %zu: %s", what, at, why);
    ck_assert_msg(again.len == len && memcmp(again.data, data, len) == 0, "%s %zu: another form",
                  what, at);
    cull__buf_release(&again);
}

/* The same bytes sealed: the same answer, and the same catalog once it is opened. */
static void load_sealed(const uint8_t *data, size_t len, cull_status wanted, const char *what,
                        size_t at)
{
    struct failing_allocator memory;
    struct cull__catalog *loaded = NULL;
    uint8_t *copy = copy_of(data, len);
    cull_error err = { 0 };
    cull_status status;

    failing_allocator_init(&memory, 0);
    status = cull__catalog_load_sealed(&loaded, &copy, len, cull_allocator_default(),
                                       &memory.allocator, &err);
    ck_assert_msg(status == wanted, "%s %zu: sealed: %s", what, at, cull_strerror(status));
    ck_assert((status == CULL_OK) == (loaded != NULL));
    if (loaded != NULL) {
        OK(cull__catalog_open(loaded));
        check_saved_as(loaded, data, len, what, at);
        cull__catalog_free(loaded);
    }
    cull__free(cull_allocator_default(), copy);
    ck_assert_msg(memory.live == 0, "%s %zu: %d blocks lost", what, at, (int)memory.live);
}

/* Load bytes that may be anything: refused with a message, or valid and in the one form. */
static bool load_anything(const uint8_t *data, size_t len, const char *what, size_t at)
{
    struct failing_allocator memory;
    struct cull__catalog *loaded = NULL;
    cull_error err = { 0 };
    cull_status status;
    bool accepted;

    failing_allocator_init(&memory, 0);
    status = cull__catalog_load(&loaded, data, len, &memory.allocator, &err);
    accepted = status == CULL_OK;
    if (accepted) {
        check_saved_as(loaded, data, len, what, at);
    } else {
        ck_assert_msg(status == CULL_E_CORRUPT || status == CULL_E_TOO_NEW, "%s %zu: %s", what, at,
                      cull_strerror(status));
        ck_assert_ptr_null(loaded);
        ck_assert_msg(strncmp(err.message, "catalog checkpoint: ", 20) == 0, "%s", err.message);
        ck_assert_int_eq(err.status, status);
    }
    cull__catalog_free(loaded);
    ck_assert_msg(memory.live == 0, "%s %zu: %d blocks lost", what, at, (int)memory.live);
    load_sealed(data, len, status, what, at);
    return accepted;
}

START_TEST(a_checkpoint_cut_short_anywhere_is_refused)
    {
        struct full_world full;
        struct cull__buf bytes;

        full_world_init(&full);
        settings_of_a_store(full.world.catalog);
        bytes = save_for_damage(&full);
        for (size_t len = 0; len < bytes.len; len++) {
            uint8_t *copy = malloc(len + 1); /* so that a reader past the end is noticed */

            ck_assert_ptr_nonnull(copy);
            memcpy(copy, bytes.data, len);
            ck_assert(!load_anything(copy, len, "cut at", len));
            free(copy);
        }
        ck_assert(load_anything(bytes.data, bytes.len, "uncut", 0));
        cull__buf_u8(&bytes, 0);
        ck_assert(!load_anything(bytes.data, bytes.len, "one byte more", 0));
        cull__buf_release(&bytes);
        world_release(&full.world);
    }
END_TEST

START_TEST(a_byte_that_flipped_is_refused_or_gives_another_valid_catalog)
    {
        struct full_world full;
        struct cull__buf bytes;
        unsigned accepted = 0;

        full_world_init(&full);
        settings_of_a_store(full.world.catalog);
        bytes = save_for_damage(&full);
        for (size_t at = 0; at < bytes.len; at++) {
            const uint8_t was = bytes.data[at];

            for (unsigned flip = 1; flip < 256; flip++) {
                bytes.data[at] = (uint8_t)(was ^ flip);
                accepted += load_anything(bytes.data, bytes.len, "flipped at", at);
            }
            bytes.data[at] = was;
        }
        ck_assert_uint_gt(accepted, 0);
        cull__buf_release(&bytes);
        world_release(&full.world);
    }
END_TEST

/* Two bytes at random places: what one flip hides from, such as counts and what they count. */
START_TEST(random_bytes_do_no_harm)
    {
        struct full_world full;
        struct cull__buf bytes;
        uint32_t state = 4711;

        full_world_init(&full);
        bytes = save_for_damage(&full);
        for (unsigned turn = 0; turn < 20000; turn++) {
            uint8_t was[3];
            size_t at[3];

            for (int i = 0; i < 3; i++) {
                state = state * 1664525 + 1013904223;
                at[i] = (state >> 8) % bytes.len;
                was[i] = bytes.data[at[i]];
                bytes.data[at[i]] =
                    (uint8_t)(turn % 2 == 0 ? state >> 24 : was[i] + (state >> 31) - 1);
            }
            (void)load_anything(bytes.data, bytes.len, "turn", turn);
            for (int i = 3; i-- > 0;) {
                bytes.data[at[i]] = was[i];
            }
        }
        cull__buf_release(&bytes);
        world_release(&full.world);
    }
END_TEST

START_TEST(a_sealed_collection_has_its_figures_and_opens_alone)
    {
        struct full_world full;
        struct cull__buf bytes;
        struct cull__catalog *loaded = NULL;
        struct cull__collection *plain;
        uint8_t *copy;
        cull_error err = { 0 };
        uint64_t id;

        full_world_init(&full);
        id = add_plain_collection(full.world.catalog, "plain");
        bytes = save(full.world.catalog);
        copy = copy_of(bytes.data, bytes.len);
        OK(cull__catalog_load_sealed(&loaded, &copy, bytes.len, cull_allocator_default(),
                                     cull_allocator_default(), &err));
        ck_assert_ptr_null(copy);
        plain = cull__collection_by_id(loaded, id);
        ck_assert_ptr_nonnull(plain->sealed);
        ck_assert_ptr_null(plain->versions);
        ck_assert_uint_eq(plain->committed, 3);
        ck_assert_uint_eq(plain->in_trash, 1);
        ck_assert_uint_eq(plain->next_ordinal, 4);
        ck_assert_uint_eq(loaded->retained, full.world.catalog->retained);
        ck_assert_uint_eq(loaded->references, full.world.catalog->references);
        /* ids of artifacts are looked for in all collections, and an upload's base is pinned */
        ck_assert_ptr_null(cull__collection_by_id(loaded, MNIST)->sealed);
        ck_assert_ptr_nonnull(cull__artifact_id_find(loaded, "QXJ0aWZhY3Q6Mw==", 16));
        OK(cull__collection_open(loaded, plain));
        OK(cull__collection_open(loaded, plain));
        ck_assert_ptr_null(plain->sealed);
        ck_assert_uint_eq(plain->committed, 3);
        ck_assert_uint_eq(cull__alias_find(plain, "latest")->ordinal, 3);
        ck_assert_str_eq(cull__version_at(plain, 0)->tags->text, "raw");
        ck_assert_uint_eq(cull__pending_next(plain, 0), 1);
        OK(cull__catalog_open(loaded));
        ck_assert_ptr_null(loaded->sealed);
        check_saved_as(loaded, bytes.data, bytes.len, "opened", 0);
        cull__catalog_free(loaded);
        cull__buf_release(&bytes);
        world_release(&full.world);
    }
END_TEST

START_TEST(a_collection_that_finds_no_memory_to_open_stays_sealed_and_opens_later)
    {
        struct full_world full;
        struct cull__buf bytes;
        unsigned in_open = 0;
        uint64_t fail_at = 0;

        full_world_init(&full);
        (void)add_plain_collection(full.world.catalog, "plain");
        bytes = save(full.world.catalog);
        for (bool done = false; !done;) {
            struct failing_allocator memory;
            struct cull__catalog *loaded = NULL;
            uint8_t *copy = copy_of(bytes.data, bytes.len);
            cull_error err = { 0 };
            cull_status status;

            failing_allocator_init(&memory, ++fail_at);
            status = cull__catalog_load_sealed(&loaded, &copy, bytes.len, cull_allocator_default(),
                                               &memory.allocator, &err);
            ck_assert(status == CULL_OK || (status == CULL_E_NOMEM && copy != NULL));
            if (loaded != NULL) {
                status = cull__catalog_open(loaded);
                ck_assert(status == CULL_OK || status == CULL_E_NOMEM);
                ck_assert((status == CULL_OK) == (loaded->sealed == NULL));
                done = status == CULL_OK;
                in_open += status != CULL_OK;
                memory.fail_at = 0;
                OK(cull__catalog_open(loaded));
                check_saved_as(loaded, bytes.data, bytes.len, "allocation", fail_at);
                cull__catalog_free(loaded);
            }
            cull__free(cull_allocator_default(), copy);
            ck_assert_int_eq(memory.live, 0);
        }
        ck_assert_uint_ge(in_open,
                          6); /* versions, what is pending, a tag, two aliases, their table */
        cull__buf_release(&bytes);
        world_release(&full.world);
    }
END_TEST

START_TEST(another_format_is_named)
    {
        struct world world;
        struct cull__buf bytes;
        struct cull__catalog *loaded = NULL;
        cull_error err = { 0 };

        world_init(&world);
        bytes = save(world.catalog);
        bytes.data[0] = 5;
        ck_assert_int_eq(
            cull__catalog_load(&loaded, bytes.data, bytes.len, cull_allocator_default(), &err),
            CULL_E_TOO_NEW);
        ck_assert_str_eq(err.message, "catalog checkpoint: format 5, where 4 is known");
        bytes.data[0] = 0;
        ck_assert_int_eq(
            cull__catalog_load(&loaded, bytes.data, bytes.len, cull_allocator_default(), &err),
            CULL_E_CORRUPT);
        cull__buf_release(&bytes);
        world_release(&world);
    }
END_TEST

START_TEST(an_empty_catalog_and_far_ids_come_back)
    {
        struct cull__catalog *catalog = NULL;

        OK(cull__catalog_new(&catalog, cull_allocator_default()));
        check_valid(catalog);
        check_round_trip(catalog);
        catalog->next_id = UINT64_C(1) << 62; /* ids are compared by sorting then */
        OK(cull__apply_entity(catalog, next_id(catalog), "far", 3));
        OK(cull__apply_project(catalog, next_id(catalog), next_id(catalog) - 1, "away", 4));
        check_valid(catalog);
        check_round_trip(catalog);
        catalog->projects->id = catalog->entities->id; /* by force */
        {
            bool unique = true;

            OK(cull__catalog_check_ids(catalog, &unique));
            ck_assert(!unique);
        }
        cull__catalog_free(catalog);
    }
END_TEST

/* --- the validator finds what is wrong -------------------------------------------------------------------------- */

static void break_state(struct full_world *full)
{
    mnist(&full->world)->versions[0].state = CULL_VERSION_PURGED;
}

static void break_committed(struct full_world *full)
{
    mnist(&full->world)->committed++;
}

static void break_trash(struct full_world *full)
{
    mnist(&full->world)->in_trash++;
}

static void break_alias_count(struct full_world *full)
{
    mnist(&full->world)->versions[0].alias_count++;
}

static void break_alias_ordinal(struct full_world *full)
{
    mnist(&full->world)->aliases->ordinal = 1;
}

static void break_pins(struct full_world *full)
{
    mnist(&full->world)->versions[0].base_pins++;
}

static void break_missed_pin(struct full_world *full)
{
    mnist(&full->world)->versions[0].base_pins = 0;
}

static void break_logged(struct full_world *full)
{
    cull__run_by_id(full->world.catalog, TRAIN)->logged--;
}

static void break_run_uploads(struct full_world *full)
{
    cull__run_by_id(full->world.catalog, TRAIN)->uploads = 0;
}

static void break_uploads(struct full_world *full)
{
    mnist(&full->world)->uploads++;
}

static void break_next_ordinal(struct full_world *full)
{
    mnist(&full->world)->next_ordinal = 1;
}

static void break_id(struct full_world *full)
{
    mnist(&full->world)->versions[0].id = MNIST;
}

static void break_id_order(struct full_world *full)
{
    mnist(&full->world)->versions[1].id = 5;
}

static void break_next_id(struct full_world *full)
{
    full->world.catalog->next_id--;
}

static void break_clock(struct full_world *full)
{
    full->world.catalog->clock_ms = 1999;
}

static void break_tags(struct full_world *full)
{
    mnist(&full->world)->versions[1].tags->next->text[0] = 'A';
}

static void break_reason(struct full_world *full)
{
    mnist(&full->world)->versions[1].reason = 0;
}

static void break_deleted(struct full_world *full)
{
    mnist(&full->world)->deleted = true;
}

static void break_name(struct full_world *full)
{
    mnist(&full->world)->name[0] = '/';
}

static void break_verified(struct full_world *full)
{
    full->world.catalog->verified = 1;
}

static void break_equal(struct full_world *full)
{
    (void)equal_to(&full->world, 1);
    mnist(&full->world)->equal[0] = mnist(&full->world)->equal[1] = 2;
}

static void break_artifact_id(struct full_world *full)
{
    mnist(&full->world)->versions[0].artifact_ids->text[0] = '!';
}

static void break_artifact_version(struct full_world *full)
{
    mnist(&full->world)->versions[0].artifact_ids->ordinal = 1;
}

static void break_lease(struct full_world *full)
{
    full->world.catalog->uploads->lease_until_ms = 0;
}

static const struct {
    const char *name;
    void (*how)(struct full_world *full);
    const char *why;
} breaks[] = {
    { "state", break_state, "neither committed nor deleted" },
    { "committed", break_committed, "miscounts its versions" },
    { "in_trash", break_trash, "miscounts its versions" },
    { "alias_count", break_alias_count, "miscounts its aliases" },
    { "an alias's ordinal", break_alias_ordinal, "list of aliases" },
    { "base_pins", break_pins, "uploads that build on it" },
    { "a pin that is not counted", break_missed_pin, "is not counted" },
    { "logged", break_logged, "versions that it logged" },
    { "uploads of a run", break_run_uploads, "is not counted" },
    { "uploads of a collection", break_uploads, "miscounts its uploads" },
    { "next_ordinal", break_next_ordinal, "not given yet" },
    { "an id twice", break_id, "is there twice" },
    { "ids out of order", break_id_order, "do not ascend" },
    { "next_id", break_next_id, "not given yet" },
    { "clock", break_clock, "from the future" },
    { "tags", break_tags, "do not ascend" },
    { "reason", break_reason, "times or reason" },
    { "deleted", break_deleted, "although it is deleted" },
    { "name", break_name, "name, type, id or size" },
    { "verified", break_verified, "before it began" },
    { "equal", break_equal, "table of equal manifests" },
    { "an artifact's id", break_artifact_id, "not in form" },
    { "an artifact's version", break_artifact_version, "leads to another version" },
    { "lease", break_lease, "times do not fit" },
};

START_TEST(the_validator_names_the_broken_rule)
    {
        struct full_world full;
        const char *why = NULL;

        full_world_init(&full);
        check_valid(full.world.catalog);
        breaks[_i].how(&full);
        ck_assert_msg(!cull__catalog_valid(full.world.catalog, &why), "%s", breaks[_i].name);
        ck_assert_msg(strstr(why, breaks[_i].why) != NULL, "%s: %s", breaks[_i].name, why);
        cull__catalog_free(
            full.world.catalog); /* counters only were wrong: all is found and freed */
        ck_assert_int_eq(full.world.memory.live, 0);
    }
END_TEST

/* --- random histories against plain arrays ------------------------------------------------------------------------ */

enum { COLLECTIONS = 3, ALIASES = 4, CONTENTS = 5, VERSIONS = 300, UPLOADS = 4 };

struct model_version {
    cull_version_state state;
    uint32_t content;
    uint32_t pins;
    bool lost[ALIASES];
};

struct model_collection {
    uint64_t id; /* 0: there is none */
    bool deleted;
    uint32_t next;
    uint32_t uploads;
    struct model_version versions[VERSIONS];
    uint32_t alias[ALIASES]; /* CULL__NO_ORDINAL: none */
};

struct model_upload {
    uint64_t id; /* 0: none */
    struct model_collection *in;
    uint32_t base;
};

struct model {
    struct failing_allocator memory;
    struct cull__catalog *catalog;
    uint64_t random;
    struct model_collection collections[COLLECTIONS];
    struct model_upload uploads[UPLOADS];
};

static const char *const model_aliases[ALIASES] = { "best", "latest", "a", "\xc3\xa9" };
static const char *const model_names[COLLECTIONS] = { "one", "two", "three" };

static uint32_t draw(struct model *model, uint32_t below)
{
    model->random = model->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)((model->random >> 33) % below);
}

static uint64_t model_id(const struct model *model)
{
    return model->catalog->next_id;
}

/* A deleted collection without versions and uploads is forgotten. */
static void model_forget(struct model_collection *in)
{
    for (uint32_t i = 0; i < in->next; i++) {
        if (in->versions[i].state != CULL_VERSION_PURGED) {
            return;
        }
    }
    if (in->deleted && in->uploads == 0) {
        memset(in, 0, sizeof *in);
    }
}

static void model_make(struct model *model, struct model_collection *in)
{
    const char *name = model_names[in - model->collections];

    memset(in, 0, sizeof *in);
    in->id = model_id(model);
    for (size_t i = 0; i < ALIASES; i++) {
        in->alias[i] = CULL__NO_ORDINAL;
    }
    OK(cull__apply_collection(model->catalog, in->id, 2, name, strlen(name), "t", 1));
}

/* A random version in that state, CULL__NO_ORDINAL: none. */
static uint32_t model_pick(struct model *model, const struct model_collection *in,
                           cull_version_state state)
{
    uint32_t start = in->next == 0 ? 0 : draw(model, in->next);

    for (uint32_t i = 0; i < in->next; i++) {
        uint32_t ordinal = (start + i) % in->next;

        if (in->versions[ordinal].state == state) {
            return ordinal;
        }
    }
    return CULL__NO_ORDINAL;
}

static void model_open(struct model *model, struct model_collection *in)
{
    struct model_upload *upload = &model->uploads[draw(model, UPLOADS)];

    if (upload->id != 0) {
        return;
    }
    upload->in = in;
    upload->base =
        draw(model, 2) == 0 ? model_pick(model, in, CULL_VERSION_COMMITTED) : CULL__NO_ORDINAL;
    OK(open_upload(model->catalog, in->id, 3, upload->base, &upload->id));
    in->uploads++;
    if (upload->base != CULL__NO_ORDINAL) {
        in->versions[upload->base].pins++;
    }
}

static void model_close(struct model *model, struct model_upload *upload)
{
    struct model_collection *in = upload->in;
    uint64_t id = upload->id;

    if (id == 0) {
        return;
    }
    upload->id = 0;
    in->uploads--;
    if (upload->base != CULL__NO_ORDINAL) {
        in->versions[upload->base].pins--;
    }
    if (!in->deleted && in->next < VERSIONS && draw(model, 3) > 0) {
        uint32_t content = draw(model, CONTENTS);

        OK(commit(model->catalog, id, in->next, content));
        in->versions[in->next++] =
            (struct model_version){ .state = CULL_VERSION_COMMITTED, .content = content };
    } else {
        OK(cull__apply_upload_end(model->catalog, id));
        model_forget(in);
    }
}

static void model_alias(struct model *model, struct model_collection *in)
{
    uint32_t which = draw(model, ALIASES);
    const char *name = model_aliases[which];
    uint32_t ordinal = model_pick(model, in, CULL_VERSION_COMMITTED);

    if (ordinal != CULL__NO_ORDINAL && draw(model, 4) > 0) {
        OK(cull__apply_alias(model->catalog, in->id, ordinal, name, strlen(name)));
        in->alias[which] = ordinal;
    } else if (in->alias[which] != CULL__NO_ORDINAL) {
        OK(cull__apply_alias_remove(model->catalog, in->id, name, strlen(name)));
        in->alias[which] = CULL__NO_ORDINAL;
    }
}

/* Versions in that state, each taken with a chance of 1 in `of`; ascending. */
static size_t model_some(struct model *model, const struct model_collection *in,
                         cull_version_state state, uint32_t of, uint32_t *ordinals)
{
    size_t count = 0;

    for (uint32_t i = 0; i < in->next; i++) {
        if (in->versions[i].state == state && draw(model, of) == 0) {
            ordinals[count++] = i;
        }
    }
    return count;
}

static void model_delete(struct model *model, struct model_collection *in, uint32_t of)
{
    uint32_t ordinals[VERSIONS] = { 0 };
    size_t count = model_some(model, in, CULL_VERSION_COMMITTED, of, ordinals);

    OK(cull__apply_delete(model->catalog, in->id, ordinals, count,
                          model->catalog->clock_ms + draw(model, 2) * 100, 1 + draw(model, 3)));
    for (size_t i = 0; i < count; i++) {
        struct model_version *version = &in->versions[ordinals[i]];

        version->state = CULL_VERSION_DELETED;
        for (size_t which = 0; which < ALIASES; which++) {
            version->lost[which] = in->alias[which] == ordinals[i];
            in->alias[which] = version->lost[which] ? CULL__NO_ORDINAL : in->alias[which];
        }
    }
}

static void model_restore(struct model *model, struct model_collection *in)
{
    uint32_t ordinals[VERSIONS] = { 0 };
    size_t count = model_some(model, in, CULL_VERSION_DELETED, 1 + draw(model, 4), ordinals);

    OK(cull__apply_restore(model->catalog, in->id, ordinals, count));
    for (size_t i = 0; i < count; i++) {
        struct model_version *version = &in->versions[ordinals[i]];

        version->state = CULL_VERSION_COMMITTED;
        for (size_t which = 0; which < ALIASES; which++) {
            if (version->lost[which] && in->alias[which] == CULL__NO_ORDINAL) {
                in->alias[which] = ordinals[i];
            }
        }
    }
}

static void model_purge(struct model *model, struct model_collection *in)
{
    uint32_t ordinals[VERSIONS] = { 0 };
    size_t some = model_some(model, in, CULL_VERSION_DELETED, 1 + draw(model, 3), ordinals);
    size_t count = 0;

    for (size_t i = 0; i < some; i++) {
        if (in->versions[ordinals[i]].pins == 0) {
            ordinals[count++] = ordinals[i];
        }
    }
    OK(cull__apply_purge(model->catalog, in->id, ordinals, count));
    for (size_t i = 0; i < count; i++) {
        in->versions[ordinals[i]].state = CULL_VERSION_PURGED;
    }
    if (count > 0) {
        model_forget(in);
    }
}

static void model_turn_collection(struct model *model, struct model_collection *in)
{
    if (in->deleted) {
        const char *name = model_names[in - model->collections];

        OK(cull__apply_collection_revive(model->catalog, in->id, name, strlen(name)));
        in->deleted = false;
        return;
    }
    model_delete(model, in, 1);
    OK(cull__apply_collection_delete(model->catalog, in->id));
    in->deleted = true;
    model_forget(in);
}

static void model_reload(struct model *model)
{
    struct cull__buf bytes = save(model->catalog);
    struct cull__catalog *loaded = NULL;
    struct cull__buf again;
    cull_error err = { 0 };

    ck_assert_msg(cull__catalog_load(&loaded, bytes.data, bytes.len, &model->memory.allocator,
                                     &err) == CULL_OK,
                  "%s", err.message);
    again = save(loaded);
    ck_assert_uint_eq(again.len, bytes.len);
    ck_assert_mem_eq(again.data, bytes.data, bytes.len);
    cull__catalog_free(model->catalog);
    model->catalog = loaded;
    cull__buf_release(&bytes);
    cull__buf_release(&again);
}

static void model_step(struct model *model)
{
    struct model_collection *in = &model->collections[draw(model, COLLECTIONS)];
    uint32_t what = draw(model, 32);

    if (in->id == 0) {
        model_make(model, in);
    }
    if (what == 0) {
        model_turn_collection(model, in);
    } else if (what == 1) {
        model_reload(model);
    } else if (what == 2) {
        OK(stamp(model->catalog, model->catalog->clock_ms + draw(model, 1000),
                 draw(model, 2) == 0 ? "alice" : "bob"));
    } else if (what < 6) {
        model_purge(model, in);
    } else if (what < 15) {
        model_close(model, &model->uploads[draw(model, UPLOADS)]);
    } else if (in->deleted) {
        model_turn_collection(model, in);
    } else if (what < 24) {
        model_open(model, in);
    } else if (what < 28) {
        model_alias(model, in);
    } else if (what < 30) {
        model_delete(model, in, 1 + draw(model, 5));
    } else {
        model_restore(model, in);
    }
}

static void compare_version(const struct model_collection *in, uint32_t ordinal,
                            const struct cull__collection *collection)
{
    const struct model_version *want = &in->versions[ordinal];
    const struct cull__version *version = cull__version_at(collection, ordinal);
    uint32_t aliases = 0;

    if (want->state == CULL_VERSION_PURGED) {
        ck_assert_ptr_null(version);
        return;
    }
    ck_assert_ptr_nonnull(version);
    for (size_t which = 0; which < ALIASES; which++) {
        aliases += in->alias[which] == ordinal;
    }
    ck_assert_int_eq(version->state, want->state);
    ck_assert_uint_eq(version->base_pins, want->pins);
    ck_assert_uint_eq(version->alias_count, aliases);
    ck_assert_uint_eq(version->manifest_digest[0], want->content);
}

static void compare_collection(const struct model *model, const struct model_collection *in)
{
    struct cull__collection *collection = cull__collection_by_id(model->catalog, in->id);
    uint32_t counts[4] = { 0 };

    ck_assert((collection == NULL) == (in->id == 0));
    if (collection == NULL) {
        return;
    }
    ck_assert_int_eq(collection->deleted, in->deleted);
    ck_assert_uint_eq(collection->next_ordinal, in->next);
    ck_assert_uint_eq(collection->uploads, in->uploads);
    for (uint32_t i = 0; i < in->next; i++) {
        compare_version(in, i, collection);
        counts[in->versions[i].state]++;
    }
    ck_assert_uint_eq(collection->committed, counts[CULL_VERSION_COMMITTED]);
    ck_assert_uint_eq(collection->in_trash, counts[CULL_VERSION_DELETED]);
    for (size_t which = 0; which < ALIASES; which++) {
        const struct cull__alias *found = cull__alias_find(collection, model_aliases[which]);

        ck_assert_uint_eq(found == NULL ? CULL__NO_ORDINAL : found->ordinal, in->alias[which]);
    }
    for (uint32_t content = 0; content <= CONTENTS; content++) {
        uint8_t digest[16];

        digest_of(digest, content);
        ck_assert_ptr_eq(cull__version_equal(model->catalog, collection, digest),
                         equal_by_hand(collection, content));
    }
}

START_TEST(random_histories_agree_with_plain_arrays)
    {
        struct model *model = calloc(1, sizeof *model);

        ck_assert_ptr_nonnull(model);
        model->random = (uint64_t)_i * 7919 + 1;
        failing_allocator_init(&model->memory, 0);
        OK(cull__catalog_new(&model->catalog, &model->memory.allocator));
        OK(cull__apply_entity(model->catalog, 1, "e", 1));
        OK(cull__apply_project(model->catalog, 2, 1, "p", 1));
        OK(cull__apply_run(model->catalog, 3, 2, "r", 1));
        for (int step = 0; step < 200; step++) {
            model_step(model);
            for (size_t i = 0; i < COLLECTIONS; i++) {
                compare_collection(model, &model->collections[i]);
            }
            check_valid(model->catalog);
        }
        cull__catalog_free(model->catalog);
        ck_assert_int_eq(model->memory.live, 0);
        free(model);
    }
END_TEST

Suite *catalog_suite(void)
{
    Suite *suite = suite_create("catalog");
    TCase *names = tcase_create("names");
    TCase *rules = tcase_create("rules");
    TCase *facts = tcase_create("facts");
    TCase *lists = tcase_create("listings");
    TCase *saved = tcase_create("checkpoint");

    tcase_add_loop_test(names, names_keep_rule_8_and_aliases_rules_2_and_3, 0, ARRAY_LEN(forms));
    tcase_add_loop_test(names, an_ordinal_is_v_and_a_number_without_zeros_in_front, 0,
                        ARRAY_LEN(ordinal_forms));
    tcase_add_loop_test(names, a_name_is_taken_apart_or_refused_with_what_was_expected, 0,
                        ARRAY_LEN(parses));
    tcase_add_loop_test(names, a_glob_matches_the_whole_text_or_not, 0, ARRAY_LEN(globs));
    tcase_add_test(names, many_stars_do_not_multiply);
    tcase_add_loop_test(names, a_name_finds_its_version_or_says_the_first_part_that_is_missing, 0,
                        ARRAY_LEN(resolutions));
    suite_add_tcase(suite, names);

    tcase_add_test(rules, rule_2_ordinals_only_grow_and_are_never_reused);
    tcase_add_test(rules, the_last_ordinal_can_still_be_given);
    tcase_add_test(rules, rule_3_an_alias_moves_when_it_is_assigned_elsewhere);
    tcase_add_test(rules, rule_4_latest_does_not_move_when_its_holder_is_deleted);
    tcase_add_test(rules, rule_5_only_a_committed_version_is_equal_and_the_newest_wins);
    tcase_add_test(rules, rule_5_holds_through_any_order_of_commits_deletes_restores_and_purges);
    tcase_add_test(rules, rule_5_holds_without_memory_and_after_many_deletes_at_once);
    tcase_add_test(rules, rule_8_one_name_has_one_type);
    tcase_add_test(rules, rule_9_a_version_with_aliases_is_deleted_only_with_them);
    tcase_add_loop_test(rules, rule_9_names_the_way_out_however_many_aliases_there_are, 0,
                        ARRAY_LEN(crowds));
    tcase_add_loop_test(rules, rule_16_each_state_answers_each_request_in_its_own_words, 0,
                        ARRAY_LEN(state_checks));
    tcase_add_test(rules, a_version_takes_64_tags_and_refuses_one_more);
    tcase_add_loop_test(
        rules, rules_20_and_23_a_version_expires_at_creation_and_ttl_unless_its_type_takes_none, 0,
        ARRAY_LEN(expiries));
    tcase_add_loop_test(rules,
                        rule_32_a_version_is_due_when_its_grace_is_over_and_nothing_builds_on_it, 0,
                        ARRAY_LEN(dues));
    tcase_add_test(rules, rule_32_a_restore_brings_back_the_aliases_that_are_free);
    tcase_add_test(rules, of_two_that_lost_one_alias_the_lower_ordinal_gets_it_back);
    suite_add_tcase(suite, rules);

    tcase_add_test(facts, a_purge_leaves_gaps_and_finds_all_others);
    tcase_add_test(facts, a_base_is_pinned_until_its_upload_ends);
    tcase_add_test(facts, an_upload_knows_its_lease_and_gives_its_version_run_actor_and_time);
    tcase_add_test(facts, a_deleted_run_frees_its_name_and_stays_while_something_names_it);
    tcase_add_test(facts, a_deleted_collection_frees_its_name_and_can_come_back);
    tcase_add_test(facts, the_newest_of_two_deleted_collections_is_found);
    tcase_add_test(facts, a_deleted_collection_is_freed_with_its_last_version_and_upload);
    tcase_add_loop_test(facts, a_fact_that_does_not_fit_is_corrupt_and_changes_nothing, 0,
                        ARRAY_LEN(misfits));
    tcase_add_loop_test(facts, without_memory_nothing_changes_and_nothing_is_lost, 0,
                        ARRAY_LEN(fits));
    tcase_add_test(facts, tables_stay_whole_when_growing_them_finds_no_memory);
    tcase_add_test(facts, a_version_takes_at_most_256_bytes_at_any_count);
    tcase_add_loop_test(facts, the_validator_names_the_broken_rule, 0, ARRAY_LEN(breaks));
    tcase_add_loop_test(facts, random_histories_agree_with_plain_arrays, 0, 100);
    suite_add_tcase(suite, facts);

    tcase_add_loop_test(lists, collections_come_in_the_order_of_their_names, 0,
                        ARRAY_LEN(listings));
    tcase_add_test(lists, a_version_is_shown_with_all_that_is_known_of_it);
    tcase_add_loop_test(lists, rule_19_a_selection_takes_a_version_if_all_that_is_set_holds, 0,
                        ARRAY_LEN(selections));
    tcase_add_test(lists, a_bare_version_is_taken_by_what_asks_for_nothing);
    suite_add_tcase(suite, lists);

    tcase_add_test(saved, a_saved_catalog_comes_back_as_it_was);
    tcase_add_test(saved, a_state_has_one_form_however_it_came_to_be);
    tcase_add_test(saved, a_checkpoint_cut_short_anywhere_is_refused);
    tcase_add_test(saved, a_byte_that_flipped_is_refused_or_gives_another_valid_catalog);
    tcase_add_test(saved, random_bytes_do_no_harm);
    tcase_add_test(saved, a_sealed_collection_has_its_figures_and_opens_alone);
    tcase_add_test(saved, a_collection_that_finds_no_memory_to_open_stays_sealed_and_opens_later);
    tcase_add_test(saved, another_format_is_named);
    tcase_add_test(saved, an_empty_catalog_and_far_ids_come_back);
    suite_add_tcase(suite, saved);
    return suite;
}
