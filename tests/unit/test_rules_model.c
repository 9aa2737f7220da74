/*
 * test_rules_model.c - random histories of requests beside rules_model.c: after every request the same
 * answer, nothing changed by a refusal, and the same state after everything else.
 *
 * A history is drawn from its seed alone; a failure names seed, step and request.
 */
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules_model.h"
#include "store_support.h"

#define LOOPS 20
#define HISTORIES 260 /* of each loop: more than 5,000 in all */
#define STEPS 70
#define LINES_MAX 512

/* --- drawing ---------------------------------------------------------------------------------- */

struct play {
    struct bench_store bench;
    struct model model;
    cull_upload *uploads[MODEL_SLOTS];
    uint64_t random;
    uint64_t seed;
    int step;
    const char *what; /* is being done */
};

static unsigned below(struct play *play, unsigned limit)
{
    play->random ^= play->random << 13;
    play->random ^= play->random >> 7;
    play->random ^= play->random << 17;
    return (unsigned)((play->random >> 11) % limit);
}

static bool chance(struct play *play, unsigned percent)
{
    return below(play, 100) < percent;
}

/* Mostly the owner, or nothing would be built. */
static int draw_actor(struct play *play)
{
    return chance(play, 50) ? 0 : 1 + (int)below(play, MODEL_USERS - 1);
}

/* "p" for projects and "r" for registries, now and then the other. */
static int draw_name(struct play *play, int usual)
{
    return chance(play, 6) ? 1 - usual : usual;
}

static int draw_entity(struct play *play)
{
    return chance(play, 75) ? 0 : 1;
}

static unsigned draw_aliases(struct play *play)
{
    return chance(play, 50) ? 0 : below(play, 1u << MODEL_ALIASES) & ~1u;
}

/* Some version; false: there never was one. Ordinals are those that were given and one more. */
static bool draw_version(struct play *play, struct model_key *out)
{
    const struct model *model = &play->model;

    for (int turn = 0; turn < 4 && model->collection_count > 0; turn++) {
        int index = (int)below(play, (unsigned)model->collection_count);

        if (model->collections[index].count > 0) {
            *out = (struct model_key){
                false, index, (int)below(play, (unsigned)model->collections[index].count + 1)
            };
            return true;
        }
    }
    return false;
}

static bool draw_link(struct play *play, struct model_key *out)
{
    const struct model *model = &play->model;

    if (model->portfolio_count == 0) {
        return false;
    }
    out->is_link = true;
    out->index = (int)below(play, (unsigned)model->portfolio_count);
    out->ordinal = (int)below(play, (unsigned)model->portfolios[out->index].count + 1);
    return true;
}

static bool draw_key(struct play *play, unsigned links_percent, struct model_key *out)
{
    return chance(play, links_percent) ? draw_link(play, out) : draw_version(play, out);
}

static struct model_how draw_how(struct play *play)
{
    return (struct model_how){ chance(play, 70), chance(play, 10), chance(play, 30) };
}

/* --- the store -------------------------------------------------------------------------------- */

static cull_caller caller(const struct play *play, int actor)
{
    return (cull_caller){ play->bench.now_ms, model_users[actor] };
}

static cull_version_key key_of(const struct play *play, struct model_key key)
{
    return (cull_version_key){ key.is_link ? play->model.portfolios[key.index].id
                                           : play->model.collections[key.index].id,
                               (uint32_t)key.ordinal };
}

static cull_delete_options options_of(struct model_how how)
{
    return (cull_delete_options){ .delete_aliases = how.delete_aliases,
                                  .dry_run = how.dry_run,
                                  .skip_protected = how.skip };
}

/* --- both states as lines --------------------------------------------------------------------- */

struct line {
    uint64_t id;
    uint64_t ordinal;
    char text[200];
};

struct lines {
    struct line at[LINES_MAX];
    size_t count;
};

static char *add_line(struct lines *lines, uint64_t id, uint64_t ordinal)
{
    struct line *line = &lines->at[lines->count++];

    ck_assert_uint_le(lines->count, LINES_MAX);
    line->id = id;
    line->ordinal = ordinal;
    return line->text;
}

static unsigned alias_bits(const char *const *aliases, size_t count)
{
    unsigned bits = 0;

    for (size_t i = 0; i < count; i++) {
        for (unsigned alias = 0; alias < MODEL_ALIASES; alias++) {
            bits |= strcmp(aliases[i], model_aliases[alias]) == 0 ? 1u << alias : 0;
        }
    }
    return bits;
}

#define VERSION_LINE "%s/%s/%s%s v%llu state=%d aliases=%x ttl=%llu expires=%llu kept=%llu why=%d"

static cull_status see_version(void *ctx, const cull_version_info *version)
{
    char *text = add_line(ctx, version->key.collection, version->key.ordinal);

    (void)snprintf(text, 200, VERSION_LINE, version->entity, version->project, version->collection,
                   version->collection_deleted ? " (deleted)" : "",
                   (unsigned long long)version->key.ordinal, (int)version->state,
                   alias_bits(version->aliases, version->alias_count),
                   (unsigned long long)version->ttl_ms, (unsigned long long)version->expires_ms,
                   (unsigned long long)version->kept_until_ms, (int)version->reason);
    return CULL_OK;
}

#define LINK_LINE "%s/%s/%s v%llu of %llu:v%llu aliases=%x by %s"

static cull_status see_link(void *ctx, const cull_link_info *link)
{
    char *text = add_line(ctx, link->key.collection, link->key.ordinal);

    (void)snprintf(text, 200, LINK_LINE, link->entity, link->registry, link->portfolio,
                   (unsigned long long)link->key.ordinal,
                   (unsigned long long)link->source.collection,
                   (unsigned long long)link->source.ordinal,
                   alias_bits(link->aliases, link->alias_count), link->protection);
    return CULL_OK;
}

/* What has no id of its own is sorted by its text; it comes in the same order from both sides. */
static cull_status see_role(void *ctx, const cull_role_info *role)
{
    struct lines *lines = ctx;

    (void)snprintf(add_line(lines, 0, 0), 200, "role %s/%s %s %d", role->entity, role->registry,
                   role->user, (int)role->role);
    return CULL_OK;
}

static cull_status see_protected(void *ctx, const cull_protected_info *alias)
{
    struct lines *lines = ctx;

    (void)snprintf(add_line(lines, 0, 0), 200, "protected %s/%s %s", alias->entity, alias->registry,
                   alias->alias);
    return CULL_OK;
}

static cull_status see_portfolio(void *ctx, const cull_portfolio_info *portfolio)
{
    (void)snprintf(add_line(ctx, portfolio->id, UINT64_MAX), 200, "%s/%s/%s of %s: %u of %u",
                   portfolio->entity, portfolio->registry, portfolio->name, portfolio->type,
                   portfolio->links, portfolio->ordinals);
    return CULL_OK;
}

static void see_store(const struct play *play, struct lines *lines)
{
    const cull_selection all = { .states =
                                     1u << CULL_VERSION_COMMITTED | 1u << CULL_VERSION_DELETED };
    cull_store *store = play->bench.store;
    cull_error err = { CULL_OK, "" };

    lines->count = 0;
    ck_assert_int_eq(cull_select(store, &all, see_version, lines, &err), CULL_OK);
    ck_assert_int_eq(cull_links(store, NULL, NULL, NULL, see_link, lines, &err), CULL_OK);
    ck_assert_int_eq(cull_portfolios(store, NULL, NULL, see_portfolio, lines, &err), CULL_OK);
    ck_assert_int_eq(cull_roles(store, NULL, see_role, lines, &err), CULL_OK);
    ck_assert_int_eq(cull_protected(store, NULL, NULL, see_protected, lines, &err), CULL_OK);
    for (int e = 0; e < MODEL_ENTITIES; e++) {
        cull_ttl_policy policy;

        if (cull_ttl_get_policy(store, model_entities[e], &policy, &err) == CULL_OK) {
            (void)snprintf(add_line(lines, 0, 1), 200, "policy %s %lld %d", model_entities[e],
                           (long long)policy.seconds, policy.members_may);
        }
    }
}

static void see_model_versions(const struct model *model, struct lines *lines)
{
    for (int c = 0; c < model->collection_count; c++) {
        const struct model_collection *at = &model->collections[c];

        for (int v = 0; v < at->count; v++) {
            const struct model_version *version = &at->versions[v];

            if (version->state != 0) {
                (void)snprintf(add_line(lines, at->id, (uint64_t)v), 200, VERSION_LINE,
                               model_entities[at->entity], model_names[at->name],
                               model_collections[at->collection], at->deleted ? " (deleted)" : "",
                               (unsigned long long)v, version->state, version->aliases,
                               (unsigned long long)version->ttl_ms,
                               (unsigned long long)model_expires(model, at, version),
                               (unsigned long long)version->kept_until_ms, version->reason);
            }
        }
    }
}

static void see_model_links(const struct model *model, struct lines *lines)
{
    for (int p = 0; p < model->portfolio_count; p++) {
        const struct model_portfolio *at = &model->portfolios[p];
        unsigned there = 0;

        for (int l = 0; l < at->count; l++) {
            const struct model_link *link = &at->links[l];
            int protection = model_protection(model, at, link);

            if (link->state == 1) {
                there++;
                (void)snprintf(add_line(lines, at->id, (uint64_t)l), 200, LINK_LINE,
                               model_entities[at->entity], model_names[at->name],
                               model_portfolios[at->portfolio], (unsigned long long)l,
                               (unsigned long long)model->collections[link->collection].id,
                               (unsigned long long)link->ordinal, link->aliases,
                               protection < 0 ? "" : model_aliases[protection]);
            }
        }
        if (!at->gone) {
            (void)snprintf(add_line(lines, at->id, UINT64_MAX), 200, "%s/%s/%s of %s: %u of %u",
                           model_entities[at->entity], model_names[at->name],
                           model_portfolios[at->portfolio], at->type, there, (unsigned)at->count);
        }
    }
}

static void see_model_roles(const struct model *model, struct lines *lines)
{
    for (int e = 0; e < MODEL_ENTITIES; e++) {
        for (int n = -1; n < MODEL_NAMES; n++) {
            for (int u = 0; u < MODEL_USERS; u++) {
                int role = n < 0 ? model->roles[e][u] : model->registry_roles[e][n][u];

                if (role != 0) {
                    (void)snprintf(add_line(lines, 0, 0), 200, "role %s/%s %s %d",
                                   model_entities[e], n < 0 ? "" : model_names[n], model_users[u],
                                   role);
                }
            }
            for (int alias = 0; alias < MODEL_ALIASES && n >= 0; alias++) {
                if ((model->protected_aliases[e][n] >> alias & 1) != 0) {
                    (void)snprintf(add_line(lines, 0, 0), 200, "protected %s/%s %s",
                                   model_entities[e], model_names[n], model_aliases[alias]);
                }
            }
        }
        if (model->exists[e]) {
            (void)snprintf(add_line(lines, 0, 1), 200, "policy %s %lld %d", model_entities[e],
                           model->ttl_ms[e] == 0 ? (long long)CULL_TTL_OFF
                                                 : (long long)(model->ttl_ms[e] / 1000),
                           !model->by_administrators[e]);
        }
    }
}

static int compare_lines(const void *a, const void *b)
{
    const struct line *left = a;
    const struct line *right = b;

    if (left->id != right->id) {
        return left->id < right->id ? -1 : 1;
    }
    if (left->ordinal != right->ordinal) {
        return left->ordinal < right->ordinal ? -1 : 1;
    }
    return strcmp(left->text, right->text);
}

static void compare(const struct play *play)
{
    static struct lines store;
    static struct lines model;
    size_t count;

    see_store(play, &store);
    model.count = 0;
    see_model_versions(&play->model, &model);
    see_model_links(&play->model, &model);
    see_model_roles(&play->model, &model);
    qsort(store.at, store.count, sizeof *store.at, compare_lines);
    qsort(model.at, model.count, sizeof *model.at, compare_lines);
    count = store.count > model.count ? store.count : model.count;
    for (size_t i = 0; i < count; i++) {
        const char *got = i < store.count ? store.at[i].text : "nothing";
        const char *want = i < model.count ? model.at[i].text : "nothing";

        ck_assert_msg(strcmp(got, want) == 0, "seed %llu, step %d, %s:\n  store: %s\n  model: %s",
                      (unsigned long long)play->seed, play->step, play->what, got, want);
    }
}

/* --- requests --------------------------------------------------------------------------------- */

/* How often each answer was met, by request: a generator that reaches nothing tests nothing. */
enum request {
    OPEN,
    COMMIT,
    ABORT,
    ALIAS_SET,
    ALIAS_REMOVE,
    LINK,
    UNLINK,
    PROTECT,
    GRANT,
    TTL,
    POLICY,
    DELETE,
    DELETE_SELECTED,
    DELETE_SCOPE,
    DELETE_PORTFOLIO,
    DELETE_RUN,
    RESTORE,
    COLLECT,
    CLOCK,
    REOPEN,
    REQUESTS
};

static unsigned met[REQUESTS][CULL_E_LIMIT + 1];

/* The two answers; a request that was refused, or only tried, has written nothing. */
static void answers(struct play *play, enum request request, cull_status got, cull_status want,
                    bool tried, uint64_t before, const cull_error *err)
{
    ck_assert_msg(got == want, "seed %llu, step %d, %s: %s (%s), and the model: %s",
                  (unsigned long long)play->seed, play->step, play->what, cull_strerror(got),
                  err->message, cull_strerror(want));
    met[request][want]++;
    if ((want != CULL_OK && want != CULL_E_PARTIAL) || tried) {
        ck_assert_msg(bench_seq(&play->bench) == before,
                      "seed %llu, step %d, %s: a refusal wrote something",
                      (unsigned long long)play->seed, play->step, play->what);
        ck_assert_msg(want == CULL_OK || want == CULL_E_PARTIAL || err->message[0] != '\0',
                      "seed %llu, step %d, %s: a refusal without words",
                      (unsigned long long)play->seed, play->step, play->what);
    } else {
        compare(play);
    }
}

struct wanted_id {
    const char *name;
    uint64_t id;
};

static cull_status see_id(void *ctx, const cull_collection_info *collection)
{
    struct wanted_id *wanted = ctx;

    if (strcmp(collection->name, wanted->name) == 0) {
        wanted->id = collection->id;
    }
    return CULL_OK;
}

/* The id that the store gave a new collection. */
static void learn_id(struct play *play, struct model_place place)
{
    struct model_collection *at =
        &play->model.collections[model_find_collection(&play->model, place)];
    struct wanted_id wanted = { model_collections[place.collection], 0 };

    if (at->id == 0) {
        ck_assert_int_eq(cull_collections(play->bench.store, model_entities[place.entity],
                                          model_names[place.name], false, see_id, &wanted, NULL),
                         CULL_OK);
        at->id = wanted.id;
    }
}

static void free_upload(struct play *play, int slot)
{
    cull_upload_free(play->uploads[slot]);
    play->uploads[slot] = NULL;
}

static void do_open(struct play *play, int slot)
{
    const struct model_place place = { draw_entity(play), draw_name(play, 0), (int)below(play, 2) };
    const bool with_run = chance(play, 30);
    const int actor = draw_actor(play);
    const cull_caller who = caller(play, actor);
    bool is_new = model_find_collection(&play->model, place) < 0;
    cull_upload_options options = { .run = with_run ? "t" : NULL };
    cull_name name = { "", "", "", "" };
    cull_error err = { CULL_OK, "" };
    uint64_t before = bench_seq(&play->bench);
    cull_status got;
    cull_status want;

    if (is_new && play->model.collection_count == MODEL_COLLECTIONS_MAX) {
        return;
    }
    (void)snprintf(name.entity, sizeof name.entity, "%s", model_entities[place.entity]);
    (void)snprintf(name.project, sizeof name.project, "%s", model_names[place.name]);
    (void)snprintf(name.collection, sizeof name.collection, "%s",
                   model_collections[place.collection]);
    options.collection = &name;
    options.type = is_new ? place.collection == 1 ? "job" : "dataset" : NULL;
    got = cull_upload_open(&play->uploads[slot], play->bench.store, &options, &who, &err);
    want = model_open(&play->model, actor, slot, place, with_run);
    if (got == CULL_OK && want == CULL_OK) {
        learn_id(play, place);
    }
    answers(play, OPEN, got, want, false, before, &err);
}

static void do_commit(struct play *play, int slot)
{
    const int content = (int)below(play, 6);
    const unsigned aliases = draw_aliases(play);
    const uint64_t ttl_ms = chance(play, 30) ? 1000 * (1 + below(play, 6)) : 0;
    const int index = play->model.uploads[slot].collection;
    const int actor = draw_actor(play);
    const cull_caller who = caller(play, actor);
    const char *names[MODEL_ALIASES];
    cull_commit_options options = { .ttl_ms = ttl_ms, .aliases = names };
    cull_commit_result result;
    cull_manifest *manifest;
    cull_error err = { CULL_OK, "" };
    struct model_key key;
    char text[16];
    uint64_t before;
    cull_status got;
    cull_status want;

    if (index >= 0 && play->model.collections[index].count == MODEL_VERSIONS_MAX) {
        return;
    }
    (void)snprintf(text, sizeof text, "f=%d", content);
    for (unsigned alias = 1; alias < MODEL_ALIASES; alias++) {
        if ((aliases >> alias & 1) != 0) {
            names[options.alias_count++] = model_aliases[alias];
        }
    }
    manifest = bench_manifest(&play->bench, text);
    options.manifest = manifest;
    if (index >= 0) {
        ck_assert_int_eq(bench_put(&play->bench, play->uploads[slot], text, &err), CULL_OK);
    }
    before = bench_seq(&play->bench);
    got = cull_upload_commit(play->uploads[slot], &options, NULL, NULL, &result, &who, &err);
    want = model_commit(&play->model, actor, slot, content, aliases, ttl_ms, &key);
    if (got == CULL_OK && want == CULL_OK) {
        ck_assert_uint_eq(result.version.ordinal, (unsigned)key.ordinal);
        ck_assert_uint_eq(result.version.collection, play->model.collections[key.index].id);
    }
    answers(play, COMMIT, got, want, false, before, &err);
    cull_manifest_free(manifest);
    if (want != CULL_E_REFUSED) {
        free_upload(play, slot);
    }
}

static void do_upload(struct play *play)
{
    int slot = (int)below(play, MODEL_SLOTS);

    if (play->uploads[slot] == NULL) {
        play->what = "open";
        do_open(play, slot);
        if (play->uploads[slot] == NULL || chance(play, 15)) {
            return;
        }
    } else if (chance(play, 10) && play->model.uploads[slot].collection >= 0) {
        const cull_caller who = caller(play, 0);
        cull_error err = { CULL_OK, "" };

        play->what = "abort";
        model_abort(&play->model, slot);
        answers(play, ABORT, cull_upload_abort(play->uploads[slot], &who, &err), CULL_OK, false, 0,
                &err);
        free_upload(play, slot);
        return;
    }
    play->what = "commit";
    do_commit(play, slot);
}

static void do_alias(struct play *play)
{
    const int alias = (int)below(play, MODEL_ALIASES);
    const int actor = draw_actor(play);
    const cull_caller who = caller(play, actor);
    const bool set = chance(play, 70);
    cull_error err = { CULL_OK, "" };
    uint64_t before = bench_seq(&play->bench);
    struct model_key key;
    cull_version_key real;

    play->what = set ? "alias set" : "alias rm";
    if (!draw_key(play, 50, &key)) {
        return;
    }
    real = key_of(play, key);
    if (set) {
        cull_status got =
            cull_alias_set(play->bench.store, &real, model_aliases[alias], &who, &err);

        answers(play, ALIAS_SET, got, model_alias_set(&play->model, actor, key, alias), false,
                before, &err);
    } else {
        cull_status got =
            cull_alias_remove(play->bench.store, real.collection, model_aliases[alias], &who, &err);

        answers(play, ALIAS_REMOVE, got, model_alias_remove(&play->model, actor, key, alias), false,
                before, &err);
    }
}

static void do_link(struct play *play)
{
    const int entity = draw_entity(play);
    const int name = draw_name(play, 1);
    const int portfolio = (int)below(play, MODEL_PORTFOLIOS);
    const unsigned aliases = draw_aliases(play);
    const int actor = draw_actor(play);
    const cull_caller who = caller(play, actor);
    const char *names[MODEL_ALIASES];
    size_t count = 0;
    cull_name into = { "", "", "", "" };
    cull_error err = { CULL_OK, "" };
    uint64_t before = bench_seq(&play->bench);
    int index = model_find_portfolio(&play->model, entity, name, portfolio);
    struct model_key source;
    struct model_key key;
    cull_version_key real;
    cull_version_key out;
    cull_status got;
    cull_status want;

    if (!draw_key(play, 4, &source) ||
        (index < 0 ? play->model.portfolio_count == MODEL_PORTFOLIOS_MAX
                   : play->model.portfolios[index].count == MODEL_LINKS_MAX)) {
        return;
    }
    for (unsigned alias = 1; alias < MODEL_ALIASES; alias++) {
        if ((aliases >> alias & 1) != 0) {
            names[count++] = model_aliases[alias];
        }
    }
    (void)snprintf(into.entity, sizeof into.entity, "%s", model_entities[entity]);
    (void)snprintf(into.project, sizeof into.project, "%s", model_names[name]);
    (void)snprintf(into.collection, sizeof into.collection, "%s", model_portfolios[portfolio]);
    real = key_of(play, source);
    got = cull_link(play->bench.store, &real, &into, names, count, &out, &who, &err);
    want = model_link(&play->model, actor, source, entity, name, portfolio, aliases, &key);
    if (got == CULL_OK && want == CULL_OK) {
        ck_assert_uint_eq(out.ordinal, (unsigned)key.ordinal);
        if (play->model.portfolios[key.index].id == 0) {
            play->model.portfolios[key.index].id = out.collection;
        }
    }
    answers(play, LINK, got, want, false, before, &err);
}

static void do_unlink(struct play *play)
{
    const int actor = draw_actor(play);
    const cull_caller who = caller(play, actor);
    cull_error err = { CULL_OK, "" };
    uint64_t before = bench_seq(&play->bench);
    struct model_key key;

    if (draw_key(play, 90, &key)) {
        const cull_version_key real = key_of(play, key);
        cull_status got = cull_unlink(play->bench.store, &real, 1, &who, &err);

        answers(play, UNLINK, got, model_unlink(&play->model, actor, key), false, before, &err);
    }
}

static void do_protect(struct play *play)
{
    const int entity = draw_entity(play);
    const int name = draw_name(play, 1);
    const int alias = (int)below(play, MODEL_ALIASES);
    const bool is_protected = chance(play, 60);
    const int actor = draw_actor(play);
    const cull_caller who = caller(play, actor);
    const cull_place place = { model_entities[entity], model_names[name] };
    cull_error err = { CULL_OK, "" };
    uint64_t before = bench_seq(&play->bench);
    cull_status got =
        cull_protect(play->bench.store, &place, model_aliases[alias], is_protected, &who, &err);

    answers(play, PROTECT, got,
            model_protect(&play->model, actor, entity, name, alias, is_protected), false, before,
            &err);
}

static void do_grant(struct play *play)
{
    const int entity = draw_entity(play);
    const int name = chance(play, 40) ? draw_name(play, 1) : -1;
    const int user = (int)below(play, MODEL_USERS);
    const int role = (int)below(play, 5);
    const int actor = draw_actor(play);
    const cull_caller who = caller(play, actor);
    const cull_place place = { model_entities[entity], name < 0 ? NULL : model_names[name] };
    cull_error err = { CULL_OK, "" };
    uint64_t before = bench_seq(&play->bench);
    cull_status got =
        role == 0 ? cull_role_revoke(play->bench.store, &place, model_users[user], &who, &err)
                  : cull_role_grant(play->bench.store, &place, model_users[user], (cull_role)role,
                                    &who, &err);

    answers(play, GRANT, got, model_grant(&play->model, actor, entity, name, user, role), false,
            before, &err);
}

static void do_ttl(struct play *play)
{
    static const int values[] = { 1, 2, 4, 9, -1, -2, 0, -7 };
    const int seconds = values[below(play, sizeof values / sizeof values[0])];
    const int actor = draw_actor(play);
    const cull_caller who = caller(play, actor);
    cull_error err = { CULL_OK, "" };
    uint64_t before = bench_seq(&play->bench);
    struct model_key key;

    if (chance(play, 25)) {
        const int entity = draw_entity(play);
        const bool by_administrators = chance(play, 40);
        const cull_ttl_policy policy = { seconds, !by_administrators };
        cull_status got =
            cull_ttl_set_policy(play->bench.store, model_entities[entity], &policy, &who, &err);

        play->what = "ttl policy";
        answers(play, POLICY, got,
                model_policy(&play->model, actor, entity, seconds, by_administrators), false,
                before, &err);
    } else if (draw_key(play, 5, &key)) {
        const cull_version_key real = key_of(play, key);
        cull_status got = cull_ttl_set(play->bench.store, &real, 1, seconds, &who, &err);

        play->what = "ttl set";
        answers(play, TTL, got, model_ttl(&play->model, actor, key, seconds), false, before, &err);
    }
}

static void do_delete(struct play *play)
{
    const struct model_how how = draw_how(play);
    const int actor = draw_actor(play);
    const cull_caller who = caller(play, actor);
    cull_delete_report report = { 0, 0, 0 };
    cull_delete_options options = options_of(how);
    cull_error err = { CULL_OK, "" };
    uint64_t before = bench_seq(&play->bench);
    struct model_key keys[3];
    cull_version_key real[3];
    int count = 0;
    cull_status got;
    cull_status want;

    for (int i = 1 + (int)below(play, 3); i > 0; i--) {
        if (draw_key(play, 15, &keys[count])) {
            real[count] = key_of(play, keys[count]);
            count++;
        }
    }
    options.report = &report;
    got = cull_delete(play->bench.store, real, (size_t)count, &options, &who, &err);
    want = model_delete(&play->model, actor, keys, count, how);
    if (want == CULL_OK || want == CULL_E_PARTIAL) {
        ck_assert_uint_eq(report.skipped, (unsigned)play->model.kept);
    }
    answers(play, DELETE, got, want, how.dry_run, before, &err);
}

static void do_delete_selected(struct play *play)
{
    const struct model_how how = draw_how(play);
    const int entity = draw_entity(play);
    const int actor = draw_actor(play);
    const cull_caller who = caller(play, actor);
    const cull_delete_options options = options_of(how);
    const cull_selection selection = { .entity = model_entities[entity] };
    cull_error err = { CULL_OK, "" };
    uint64_t before = bench_seq(&play->bench);
    cull_status got =
        cull_delete_selected(play->bench.store, &selection, &options, NULL, NULL, &who, &err);

    answers(play, DELETE_SELECTED, got, model_delete_selected(&play->model, actor, entity, how),
            how.dry_run, before, &err);
}

static void do_delete_scope(struct play *play)
{
    const struct model_how how = draw_how(play);
    const int actor = draw_actor(play);
    const cull_caller who = caller(play, actor);
    const cull_delete_options options = options_of(how);
    const unsigned kind = below(play, 10);
    const int entity = draw_entity(play);
    const int name = draw_name(play, kind == 7 || kind == 8 ? 1 : 0);
    const int third = (int)below(play, MODEL_COLLECTIONS);
    const bool artifacts = chance(play, 70);
    cull_scope scope = { .entity = model_entities[entity] };
    cull_error err = { CULL_OK, "" };
    uint64_t before = bench_seq(&play->bench);
    enum request request = DELETE_SCOPE;
    cull_status got;
    cull_status want;

    if (kind == 0) {
        play->what = "delete entity";
        scope.kind = CULL_SCOPE_ENTITY;
    } else {
        scope.project = model_names[name];
        scope.kind = CULL_SCOPE_PROJECT;
    }
    if (kind >= 3 && kind < 7) {
        play->what = "delete collection";
        scope.kind = CULL_SCOPE_COLLECTION;
        scope.collection = model_collections[third];
    } else if (kind == 7) {
        play->what = "delete portfolio";
        scope.kind = CULL_SCOPE_COLLECTION;
        scope.collection = model_portfolios[third % MODEL_PORTFOLIOS];
        request = DELETE_PORTFOLIO;
    } else if (kind == 9) {
        play->what = "delete run";
        scope.kind = CULL_SCOPE_RUN;
        scope.run = "t";
        request = DELETE_RUN;
    }
    got =
        cull_delete_cascade(play->bench.store, &scope, artifacts, &options, NULL, NULL, &who, &err);
    if (request == DELETE_PORTFOLIO) {
        want = model_delete_portfolio(&play->model, actor, entity, name, third % MODEL_PORTFOLIOS,
                                      how);
    } else if (request == DELETE_RUN) {
        want = model_delete_run(&play->model, actor, entity, name, artifacts, how);
    } else {
        const struct model_place place = { entity, kind == 0 ? -1 : name,
                                           kind >= 3 && kind < 7 ? third : -1 };

        want = model_delete_scope(&play->model, actor, place, how);
    }
    answers(play, request, got, want, how.dry_run, before, &err);
}

static void do_restore(struct play *play)
{
    const int as = chance(play, 15) ? (int)below(play, MODEL_COLLECTIONS) : -1;
    const int actor = draw_actor(play);
    const cull_caller who = caller(play, actor);
    cull_error err = { CULL_OK, "" };
    uint64_t before = bench_seq(&play->bench);
    struct model_key keys[3];
    cull_version_key real[3];
    int count = 0;
    cull_status got;

    for (int i = 1 + (int)below(play, 3) / 2; i > 0; i--) {
        for (int turn = 0; turn < 6 && draw_key(play, 3, &keys[count]); turn++) {
            const struct model_collection *at = &play->model.collections[keys[count].index];

            if (keys[count].is_link || turn == 5 ||
                (keys[count].ordinal < at->count && at->versions[keys[count].ordinal].state == 2)) {
                real[count] = key_of(play, keys[count]);
                count++;
                break;
            }
        }
    }
    if (count > 0) {
        got = cull_restore(play->bench.store, real, (size_t)count,
                           as < 0 ? NULL : model_collections[as], &who, &err);
        answers(play, RESTORE, got, model_restore(&play->model, actor, keys, count, as), false,
                before, &err);
    }
}

static void do_collect(struct play *play)
{
    const cull_gc_options options = { .now_ms = play->bench.now_ms,
                                      .allow_empty_store = true,
                                      .allow_large_plan = true };
    const int actor = draw_actor(play);
    const cull_caller who = caller(play, actor);
    cull_error err = { CULL_OK, "" };
    cull_plan *plan = NULL;
    cull_gc_result result;
    uint64_t before = bench_seq(&play->bench);
    cull_status got = cull_gc_plan(&plan, play->bench.store, &options, &err);

    if (got == CULL_OK) {
        got = cull_gc_execute(play->bench.store, plan, &options, &who, &result, &err);
    }
    cull_plan_free(plan);
    answers(play, COLLECT, got, model_collect(&play->model, actor), false, before, &err);
}

static void do_reopen(struct play *play)
{
    const cull_caller who = caller(play, 0);
    cull_error err = { CULL_OK, "" };

    if (chance(play, 70)) {
        ck_assert_int_eq(cull_store_maintain(play->bench.store, true, &who, &err), CULL_OK);
    }
    for (int slot = 0; slot < MODEL_SLOTS; slot++) { /* their handles are the store's */
        if (play->uploads[slot] != NULL && play->model.uploads[slot].collection >= 0) {
            ck_assert_int_eq(cull_upload_abort(play->uploads[slot], &who, &err), CULL_OK);
            model_abort(&play->model, slot);
        }
        free_upload(play, slot);
    }
    bench_reopen(&play->bench);
    met[REOPEN][CULL_OK]++;
    compare(play);
}

static void step(struct play *play)
{
    static const struct {
        const char *what;
        void (*act)(struct play *play);
        unsigned weight;
    } acts[] = {
        { "upload", do_upload, 26 },
        { "alias", do_alias, 8 },
        { "link", do_link, 14 },
        { "unlink", do_unlink, 4 },
        { "protect", do_protect, 5 },
        { "grant", do_grant, 6 },
        { "ttl", do_ttl, 8 },
        { "delete", do_delete, 10 },
        { "select", do_delete_selected, 1 },
        { "scope", do_delete_scope, 6 },
        { "restore", do_restore, 9 },
        { "collect", do_collect, 4 },
        { "reopen", do_reopen, 1 },
    };
    unsigned total = 0;
    unsigned drawn;
    size_t i = 0;

    if (chance(play, 20)) {
        play->bench.now_ms += below(play, 2500);
        play->model.now_ms = play->bench.now_ms;
    }
    for (size_t j = 0; j < sizeof acts / sizeof acts[0]; j++) {
        total += acts[j].weight;
    }
    for (drawn = below(play, total); drawn >= acts[i].weight; i++) {
        drawn -= acts[i].weight;
    }
    play->what = acts[i].what;
    acts[i].act(play);
}

static void play_history(uint64_t seed)
{
    static struct play play;
    const struct bench_options options = { .grace_ms = MODEL_GRACE_MS,
                                           .lease_ms = 24 * 3600 * 1000,
                                           .strict_links = seed % 7 == 0 };

    memset(&play, 0, sizeof play);
    play.seed = seed;
    play.random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    bench_open(&play.bench, &options);
    model_init(&play.model, options.strict_links);
    play.model.now_ms = play.bench.now_ms;
    for (play.step = 0; play.step < STEPS; play.step++) {
        step(&play);
    }
    for (int slot = 0; slot < MODEL_SLOTS; slot++) {
        free_upload(&play, slot);
    }
    if (seed % 8 == 0) {
        bench_check(&play.bench);
    }
    bench_close(&play.bench);
}

static const struct {
    enum request request;
    cull_status status;
    const char *what;
} reached[] = {
    { OPEN, CULL_E_REFUSED, "an upload for want of a role" },
    { OPEN, CULL_E_EXISTS, "an upload into a registry" },
    { COMMIT, CULL_E_ENDED, "a commit of an upload that a cascade aborted" },
    { COMMIT, CULL_E_REFUSED, "a commit for want of a role" },
    { ALIAS_SET, CULL_E_REFUSED, "an alias" },
    { ALIAS_REMOVE, CULL_E_REFUSED, "an alias taken away" },
    { LINK, CULL_OK, "links" },
    { LINK, CULL_E_REFUSED, "a link" },
    { LINK, CULL_E_EXISTS, "a link into a project" },
    { LINK, CULL_E_INVALID, "a link of another type" },
    { LINK, CULL_E_USAGE, "a link of a link" },
    { UNLINK, CULL_OK, "unlinking" },
    { UNLINK, CULL_E_REFUSED, "unlinking" },
    { UNLINK, CULL_E_USAGE, "unlinking of a source" },
    { PROTECT, CULL_E_REFUSED, "protection" },
    { PROTECT, CULL_E_EXISTS, "protection in a project" },
    { GRANT, CULL_E_REFUSED, "a role" },
    { GRANT, CULL_E_NOTFOUND, "a role that is not there" },
    { TTL, CULL_OK, "a TTL" },
    { TTL, CULL_E_REFUSED, "a TTL" },
    { POLICY, CULL_E_REFUSED, "a default TTL" },
    { DELETE, CULL_OK, "a delete" },
    { DELETE, CULL_E_REFUSED, "a delete" },
    { DELETE, CULL_E_PARTIAL, "a delete that skips" },
    { DELETE_SELECTED, CULL_E_REFUSED, "a delete of a selection" },
    { DELETE_SCOPE, CULL_OK, "a cascade" },
    { DELETE_SCOPE, CULL_E_REFUSED, "a cascade" },
    { DELETE_SCOPE, CULL_E_PARTIAL, "a cascade that skips" },
    { DELETE_PORTFOLIO, CULL_OK, "a portfolio's delete" },
    { DELETE_RUN, CULL_OK, "a run's delete" },
    { RESTORE, CULL_OK, "a restore" },
    { RESTORE, CULL_E_EXISTS, "a restore under a name that is taken" },
    { RESTORE, CULL_E_NOTFOUND, "a restore of nothing" },
    { COLLECT, CULL_OK, "a cycle" },
    { COLLECT, CULL_E_REFUSED, "a cycle" },
};

START_TEST(the_store_agrees_with_the_model_of_the_rules_after_every_request)
    {
        memset(met, 0, sizeof met);
        for (uint64_t i = 0; i < HISTORIES; i++) {
            play_history(1 + (uint64_t)_i * HISTORIES + i);
        }
        for (size_t i = 0; i < sizeof reached / sizeof reached[0]; i++) {
            ck_assert_msg(met[reached[i].request][reached[i].status] > 0,
                          "no history of this loop came to %s with \"%s\"", reached[i].what,
                          cull_strerror(reached[i].status));
        }
    }
END_TEST

Suite *rules_model_suite(void)
{
    Suite *suite = suite_create("rules_model");
    TCase *tcase = tcase_create("rules_model");

    tcase_add_loop_test(tcase, the_store_agrees_with_the_model_of_the_rules_after_every_request, 0,
                        LOOPS);
    suite_add_tcase(suite, tcase);
    return suite;
}
