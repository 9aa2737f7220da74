/*
 * rules_draw.c - random requests that get somewhere, for the model of the rules; and requests as text.
 *
 * SHAPE     A kind is drawn by weight, then filled in by looking at the model: most requests name what
 *           is there, some what is not, so that refusals are met as well.
 */
#include "rules_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PICK(draw, array) ((array)[rules_number(draw, sizeof(array) / sizeof(array)[0])])

static const char *const projects[] = { "p0", "p1" };
static const char *const registries[] = { "r0", "r1" };
static const char *const names[] = { "c0", "c0", "c1", "c2" };
static const char *const portfolios[] = { "x0", "x1" };
static const char *const runs[] = { "n0", "n1" };
static const char *const aliases[] = { "best", "best", "keep", "latest", "prod" };
static const char *const bad_labels[] = { "v3", "a:b", "", "a/b" };
static const char *const tags[] = { "t", "u" };
static const char *const types[] = { "dataset", "model", "job", "wandb-x" };

/* splitmix64 */
uint64_t rules_number(struct rules_draw *draw, uint64_t below)
{
    uint64_t z = draw->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

static bool chance(struct rules_draw *draw, unsigned percent)
{
    return rules_number(draw, 100) < percent;
}

void rules_draw_init(struct rules_draw *draw, uint64_t seed, uint64_t *grace_ms, bool *strict_links)
{
    static const unsigned base[RULES_OPS] = {
        [RULES_OPEN] = 30,      [RULES_COMMIT] = 2,       [RULES_ABORT] = 1,
        [RULES_ALIAS_SET] = 10, [RULES_ALIAS_REMOVE] = 8, [RULES_TAG] = 2,
        [RULES_LINK] = 14,      [RULES_UNLINK] = 5,       [RULES_PROTECT] = 7,
        [RULES_GRANT] = 6,      [RULES_REVOKE] = 2,       [RULES_TTL] = 7,
        [RULES_POLICY] = 3,     [RULES_DELETE] = 12,      [RULES_SELECTED] = 3,
        [RULES_CASCADE] = 7,    [RULES_RESTORE] = 9,      [RULES_CYCLE] = 6,
        [RULES_CLOCK] = 10,     [RULES_REOPEN] = 2,       [RULES_FIND] = 3,
        [RULES_DOWNLOAD] = 2,
    };
    static const unsigned factors[] = { 0, 1, 1, 2, 4 };
    static const uint64_t graces_ms[] = { 0, 1000, 5000, 60000 };

    memset(draw, 0, sizeof *draw);
    draw->state = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
    for (unsigned i = 0; i < RULES_OPS; i++) { /* swarm: each seed leaves some out */
        draw->weights[i] =
            base[i] * (i == RULES_OPEN || i == RULES_CLOCK ? 2 : PICK(draw, factors));
    }
    draw->roles = chance(draw, 60);
    *grace_ms = PICK(draw, graces_ms);
    *strict_links = chance(draw, 15);
}

/* --- parts ---------------------------------------------------------------------------------------- */

static const char *draw_actor(struct rules_draw *draw)
{
    return !draw->roles || chance(draw, 55) ? RULES_OWNER : PICK(draw, rules_actors);
}

/* Sometimes a registry for a project. */
static void draw_place(struct rules_draw *draw, bool registry, struct rules_request *out)
{
    out->entity = rules_entities[chance(draw, 30)];
    out->project = registry != chance(draw, 3) ? PICK(draw, registries) : PICK(draw, projects);
    out->name = registry ? PICK(draw, portfolios) : PICK(draw, names);
}

static const char *draw_alias(struct rules_draw *draw)
{
    return chance(draw, 3) ? PICK(draw, bad_labels) : PICK(draw, aliases);
}

static void draw_aliases(struct rules_draw *draw, struct rules_request *out)
{
    out->alias_count = (size_t)rules_number(draw, 3) % 2 + chance(draw, 10);
    for (size_t i = 0; i < out->alias_count; i++) {
        out->aliases[i] = draw_alias(draw);
    }
}

static unsigned which_collection(const struct rules_model *model, size_t wanted)
{
    const struct rules_collection *of = &model->collections[wanted];
    unsigned which = 0;

    for (size_t i = 0; i < wanted; i++) {
        const struct rules_collection *at = &model->collections[i];

        which += rules_same(at->entity, of->entity) && rules_same(at->project, of->project) &&
                 rules_same(at->name, of->name);
    }
    return which;
}

static unsigned which_portfolio(const struct rules_model *model, size_t wanted)
{
    const struct rules_portfolio *of = &model->portfolios[wanted];
    unsigned which = 0;

    for (size_t i = 0; i < wanted; i++) {
        const struct rules_portfolio *at = &model->portfolios[i];

        which += rules_same(at->entity, of->entity) && rules_same(at->registry, of->registry) &&
                 rules_same(at->name, of->name);
    }
    return which;
}

static struct rules_key key_of_version(const struct rules_model *model, size_t version)
{
    const struct rules_version *at = &model->versions[version];
    const struct rules_collection *in = &model->collections[at->collection];

    return (struct rules_key){
        false,      in->entity, in->project, in->name, which_collection(model, at->collection),
        at->ordinal
    };
}

static struct rules_key key_of_link(const struct rules_model *model, size_t link)
{
    const struct rules_link *at = &model->links[link];
    const struct rules_portfolio *in = &model->portfolios[at->portfolio];

    return (struct rules_key){
        true, in->entity, in->registry, in->name, which_portfolio(model, at->portfolio), at->ordinal
    };
}

/* A version, mostly in this state. */
static struct rules_key draw_version(struct rules_draw *draw, const struct rules_model *model,
                                     cull_version_state state)
{
    struct rules_key key = { false, "e0", "p0", "c0", 0, 0 };

    for (int attempt = 0; attempt < 12 && model->version_count > 0; attempt++) {
        size_t version = (size_t)rules_number(draw, model->version_count);

        key = key_of_version(model, version);
        if (model->versions[version].state == state || chance(draw, 3)) {
            break;
        }
    }
    key.ordinal += chance(draw, 1);
    return key;
}

static struct rules_key draw_link(struct rules_draw *draw, const struct rules_model *model)
{
    struct rules_key key = { true, "e0", "r0", "x0", 0, 0 };

    for (int attempt = 0; attempt < 8 && model->link_count > 0; attempt++) {
        size_t link = (size_t)rules_number(draw, model->link_count);

        key = key_of_link(model, link);
        if ((model->links[link].there && !model->links[link].is_lost) || chance(draw, 3)) {
            break;
        }
    }
    return key;
}

/* Links in so many of a hundred. */
static void draw_keys(struct rules_draw *draw, const struct rules_model *model,
                      cull_version_state state, unsigned links, struct rules_request *out)
{
    out->key_count = 1 + (size_t)(chance(draw, 35) ? 1 + rules_number(draw, RULES_KEYS - 1) : 0);
    for (size_t i = 0; i < out->key_count; i++) {
        out->keys[i] =
            chance(draw, links) ? draw_link(draw, model) : draw_version(draw, model, state);
    }
}

static int64_t draw_seconds(struct rules_draw *draw)
{
    static const int64_t wrong[] = { 0, -3, INT64_MIN };

    return chance(draw, 4)    ? PICK(draw, wrong)
           : chance(draw, 20) ? CULL_TTL_OFF
           : chance(draw, 20) ? CULL_TTL_INHERIT
                              : 1 + (int64_t)rules_number(draw, 60);
}

/* --- one of each kind ----------------------------------------------------------------------------- */

static void draw_upload(struct rules_draw *draw, const struct rules_model *model,
                        struct rules_request *out)
{
    if (out->op == RULES_OPEN) {
        draw_place(draw, false, out);
        out->slot = (unsigned)rules_number(draw, RULES_SLOTS);
        out->type = out->name[1] == '0' ? NULL : types[out->name[1] - '0'];
        out->type = chance(draw, 4) ? PICK(draw, types) : out->type;
        out->run = chance(draw, 40) ? PICK(draw, runs) : NULL;
        draw->pending = chance(draw, 85);
        draw->pending_slot = out->slot;
        draw->pending_actor = out->actor;
        return;
    }
    for (unsigned i = 0; i < RULES_SLOTS && !draw->pending; i++) {
        out->slot = model->uploads[i].open ? i : out->slot;
    }
    draw_aliases(draw, out);
    out->content = (unsigned)rules_number(draw, 5);
    out->label = chance(draw, 15) ? PICK(draw, tags) : NULL;
    out->seconds = chance(draw, 25) ? 1 + (int64_t)rules_number(draw, 40) : 0;
    out->seconds = chance(draw, 3) ? CULL_TTL_OFF : out->seconds;
}

static void draw_names(struct rules_draw *draw, const struct rules_model *model,
                       struct rules_request *out)
{
    out->label = out->op == RULES_TAG ? PICK(draw, tags) : draw_alias(draw);
    out->present = chance(draw, 70);
    out->key_count = 1;
    out->keys[0] = chance(draw, out->op == RULES_TAG ? 5 : 50)
                       ? draw_link(draw, model)
                       : draw_version(draw, model, CULL_VERSION_COMMITTED);
}

/* Where a link is that is there, and an alias of it. */
static void draw_link_place(struct rules_draw *draw, const struct rules_model *model,
                            struct rules_request *out)
{
    struct rules_key key = draw_link(draw, model);
    size_t link = rules_key_link(model, &key);

    if (link != RULES_NONE) {
        const struct rules_labels *of = &model->links[link].aliases;

        out->entity = key.entity;
        out->project = key.project;
        out->name = key.name;
        out->label = of->count > 0 ? of->at[rules_number(draw, of->count)] : out->label;
    }
}

static void draw_links(struct rules_draw *draw, const struct rules_model *model,
                       struct rules_request *out)
{
    draw_place(draw, true, out);
    out->present = chance(draw, 75);
    out->label = draw_alias(draw);
    if (out->op == RULES_LINK) {
        draw_aliases(draw, out);
        out->key_count = 1;
        out->keys[0] = chance(draw, 3) ? draw_link(draw, model)
                                       : draw_version(draw, model, CULL_VERSION_COMMITTED);
    } else if (out->op == RULES_UNLINK) {
        draw_keys(draw, model, CULL_VERSION_COMMITTED, 93, out);
    } else if (chance(draw, 50)) {
        draw_link_place(draw, model, out);
    }
}

static void draw_rules(struct rules_draw *draw, const struct rules_model *model,
                       struct rules_request *out)
{
    draw_place(draw, true, out);
    out->project = chance(draw, 60) ? NULL : out->project;
    out->user = rules_actors[1 + rules_number(draw, 3)];
    out->role = (cull_role)(CULL_ROLE_RESTRICTED_VIEWER + (int)rules_number(draw, 4));
    out->seconds = draw_seconds(draw);
    out->members_may = chance(draw, 70);
    if (out->op == RULES_TTL) {
        draw_keys(draw, model, CULL_VERSION_COMMITTED, 3, out);
    }
    if (out->op == RULES_REVOKE && model->role_count > 0 && chance(draw, 70)) {
        const struct rules_role *role = &model->roles[rules_number(draw, model->role_count)];

        out->entity = role->entity;
        out->project = role->registry;
        out->user = role->user;
    }
}

/* A run that is there, or was, and its place. */
static void draw_run(struct rules_draw *draw, const struct rules_model *model,
                     struct rules_request *out)
{
    out->run = PICK(draw, runs);
    if (model->run_count > 0 && chance(draw, 80)) {
        const struct rules_run *run = &model->runs[rules_number(draw, model->run_count)];

        out->run = run->name;
        out->entity = run->entity;
        out->project = run->project;
    }
}

static void draw_deletion(struct rules_draw *draw, const struct rules_model *model,
                          struct rules_request *out)
{
    static const cull_scope_kind scopes[] = { CULL_SCOPE_ENTITY,     CULL_SCOPE_PROJECT,
                                              CULL_SCOPE_COLLECTION, CULL_SCOPE_COLLECTION,
                                              CULL_SCOPE_RUN,        CULL_SCOPE_RUN };

    if (chance(draw, 30)) {
        draw_place(draw, true, out);
        draw_link_place(draw, model, out);
    } else {
        draw_place(draw, false, out);
    }
    out->label = NULL;
    out->delete_aliases = chance(draw, 55);
    out->skip_protected = chance(draw, 35);
    out->dry_run = chance(draw, 10);
    out->with_artifacts = chance(draw, 60);
    out->scope = PICK(draw, scopes);
    if (out->op == RULES_CASCADE && out->scope == CULL_SCOPE_RUN) {
        draw_run(draw, model, out);
    }
    if (out->op == RULES_DELETE) {
        draw_keys(draw, model, CULL_VERSION_COMMITTED, 12, out);
    } else if (out->op == RULES_SELECTED) {
        out->no_alias = chance(draw, 40);
        out->label = !out->no_alias && chance(draw, 30) ? PICK(draw, aliases) : NULL;
        out->name = chance(draw, 50) ? out->name : NULL;
        if (chance(draw, 40)) {
            draw_run(draw, model, out);
            out->name = chance(draw, 70) ? NULL : out->name;
        }
    }
}

static void draw_restore(struct rules_draw *draw, const struct rules_model *model,
                         struct rules_request *out)
{
    draw_keys(draw, model, CULL_VERSION_DELETED, 2, out);
    out->label = chance(draw, 20) ? PICK(draw, names) : chance(draw, 10) ? "c3" : NULL;
}

/* Often to just before, or exactly to, an instant at which something happens. */
static void draw_clock(struct rules_draw *draw, const struct rules_model *model,
                       struct rules_request *out)
{
    out->advance_ms = rules_number(draw, 20000);
    for (int attempt = 0; attempt < 6 && model->version_count > 0 && chance(draw, 80); attempt++) {
        size_t row = (size_t)rules_number(draw, model->version_count);
        const struct rules_version *at = &model->versions[row];
        uint64_t instant_ms = at->state == CULL_VERSION_COMMITTED ? rules_expires_ms(model, row)
                              : at->state == CULL_VERSION_DELETED ? at->kept_until_ms
                                                                  : 0;

        if (instant_ms > model->now_ms) {
            out->advance_ms = instant_ms - model->now_ms - chance(draw, 40);
            break;
        }
    }
}

static void draw_look(struct rules_draw *draw, const struct rules_model *model,
                      struct rules_request *out)
{
    out->key_count = 1 + chance(draw, 40);
    out->keys[0] = chance(draw, 40) ? draw_link(draw, model)
                                    : draw_version(draw, model, CULL_VERSION_COMMITTED);
    out->label = chance(draw, 50) ? PICK(draw, aliases) : NULL;
}

static void draw_one(struct rules_draw *draw, const struct rules_model *model,
                     struct rules_request *out)
{
    static void (*const drawers[RULES_OPS])(struct rules_draw *, const struct rules_model *,
                                            struct rules_request *) = {
        [RULES_OPEN] = draw_upload,        [RULES_COMMIT] = draw_upload,
        [RULES_ABORT] = draw_upload,       [RULES_ALIAS_SET] = draw_names,
        [RULES_ALIAS_REMOVE] = draw_names, [RULES_TAG] = draw_names,
        [RULES_LINK] = draw_links,         [RULES_UNLINK] = draw_links,
        [RULES_PROTECT] = draw_links,      [RULES_GRANT] = draw_rules,
        [RULES_REVOKE] = draw_rules,       [RULES_TTL] = draw_rules,
        [RULES_POLICY] = draw_rules,       [RULES_DELETE] = draw_deletion,
        [RULES_SELECTED] = draw_deletion,  [RULES_CASCADE] = draw_deletion,
        [RULES_RESTORE] = draw_restore,    [RULES_CLOCK] = draw_clock,
        [RULES_FIND] = draw_look,          [RULES_DOWNLOAD] = draw_look,
    };

    if (drawers[out->op] != NULL) {
        drawers[out->op](draw, model, out);
    }
}

void rules_draw_next(struct rules_draw *draw, const struct rules_model *model,
                     struct rules_request *out)
{
    uint64_t all = 0;
    uint64_t at;

    memset(out, 0, sizeof *out);
    out->actor = draw_actor(draw);
    if (draw->pending) {
        out->op = RULES_COMMIT;
        out->slot = draw->pending_slot;
        out->actor = chance(draw, 95) ? draw->pending_actor : out->actor;
        draw_one(draw, model, out);
        draw->pending = false;
        return;
    }
    for (unsigned i = 0; i < RULES_OPS; i++) {
        all += draw->weights[i];
    }
    at = rules_number(draw, all);
    for (out->op = RULES_OPEN; at >= draw->weights[out->op]; out->op++) {
        at -= draw->weights[out->op];
    }
    if (out->op == RULES_GRANT && !draw->roles) {
        out->op = RULES_CLOCK;
    }
    out->checkpoint = chance(draw, 50);
    draw_one(draw, model, out);
}

/* --- as text -------------------------------------------------------------------------------------- */

static const char *const op_names[RULES_OPS] = {
    "open",    "commit", "abort",  "alias-set", "alias-remove", "tag",      "link",     "unlink",
    "protect", "grant",  "revoke", "ttl",       "policy",       "delete",   "selected", "cascade",
    "restore", "cycle",  "clock",  "reopen",    "find",         "download",
};

static void put_text(struct rules_text *out, const char *name, const char *value)
{
    if (value != NULL) {
        rules_put(out, " %s=%s", name, value);
    }
}

static void put_flag(struct rules_text *out, const char *name, bool value)
{
    if (value) {
        rules_put(out, " %s", name);
    }
}

void rules_print_request(const struct rules_request *request, struct rules_text *out)
{
    static const char *const scopes[] = { "store", "entity", "project", "collection", "run" };

    rules_put(out, "%s: %s", request->actor, op_names[request->op]);
    if (request->op <= RULES_ABORT) {
        rules_put(out, " slot=%u content=%u", request->slot, request->content);
    }
    if (request->op == RULES_CASCADE) {
        rules_put(out, " scope=%s", scopes[request->scope]);
    }
    put_text(out, "entity", request->entity);
    put_text(out, "project", request->project);
    put_text(out, "name", request->name);
    put_text(out, "type", request->type);
    put_text(out, "run", request->run);
    put_text(out, "user", request->user);
    put_text(out, "label", request->label);
    for (size_t i = 0; i < request->alias_count; i++) {
        put_text(out, "alias", request->aliases[i]);
    }
    for (size_t i = 0; i < request->key_count; i++) {
        const struct rules_key *key = &request->keys[i];

        rules_put(out, " %s %s/%s/%s#%u:v%u", key->is_link ? "link" : "version", key->entity,
                  key->project, key->name, key->which, key->ordinal);
    }
    if (request->op == RULES_GRANT) {
        rules_put(out, " role=%s", cull_role_name(request->role));
    }
    if (request->seconds != 0) {
        rules_put(out, " seconds=%" PRId64, request->seconds);
    }
    if (request->op == RULES_CLOCK) {
        rules_put(out, " +%" PRIu64 " ms", request->advance_ms);
    }
    put_flag(out, "present", request->present);
    put_flag(out, "delete-aliases", request->delete_aliases);
    put_flag(out, "skip-protected", request->skip_protected);
    put_flag(out, "dry-run", request->dry_run);
    put_flag(out, "with-artifacts", request->with_artifacts);
    put_flag(out, "members-may", request->members_may);
    put_flag(out, "no-alias", request->no_alias);
    rules_put(out, "\n");
}
