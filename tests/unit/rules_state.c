/*
 * rules_state.c - looking things up in the model of the rules, and its visible state as lines.
 *
 * SHAPE     Every look-up walks a table. A thing's place in its table stands for it.
 * WHY NOT   indexes: what is obvious cannot be wrong in the way that the library is.
 */
#include "rules_state.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const rules_actors[4] = { RULES_OWNER, "ann", "bob", "cyd" };
const char *const rules_entities[2] = { "e0", "e1" };

void rules_model_init(struct rules_model *model, uint64_t now_ms, uint64_t grace_ms,
                      bool strict_links)
{
    memset(model, 0, sizeof *model);
    model->now_ms = now_ms;
    model->grace_ms = grace_ms;
    model->strict_links = strict_links;
    model->entities[0].ttl_seconds = model->entities[1].ttl_seconds = CULL_TTL_OFF;
}

bool rules_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* --- labels --------------------------------------------------------------------------------------- */

bool rules_labels_have(const struct rules_labels *labels, const char *label)
{
    for (unsigned i = 0; i < labels->count; i++) {
        if (rules_same(labels->at[i], label)) {
            return true;
        }
    }
    return false;
}

void rules_labels_add(struct rules_labels *labels, const char *label)
{
    unsigned at = labels->count;

    if (rules_labels_have(labels, label)) {
        return;
    }
    if (labels->count == RULES_LABELS) {
        abort();
    }
    for (; at > 0 && strcmp(labels->at[at - 1], label) > 0; at--) {
        labels->at[at] = labels->at[at - 1];
    }
    labels->at[at] = label;
    labels->count++;
}

void rules_labels_drop(struct rules_labels *labels, const char *label)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < labels->count; i++) {
        if (!rules_same(labels->at[i], label)) {
            labels->at[kept++] = labels->at[i];
        }
    }
    labels->count = kept;
}

/* --- by name -------------------------------------------------------------------------------------- */

const struct rules_entity *rules_entity_of(const struct rules_model *model, const char *name)
{
    return &model->entities[rules_same(name, rules_entities[1])];
}

struct rules_entity *rules_entity(struct rules_model *model, const char *name)
{
    return &model->entities[rules_same(name, rules_entities[1])];
}

size_t rules_project(const struct rules_model *model, const char *entity, const char *name)
{
    for (size_t i = 0; i < model->project_count; i++) {
        const struct rules_project *at = &model->projects[i];

        if (at->there && rules_same(at->entity, entity) && rules_same(at->name, name)) {
            return i;
        }
    }
    return RULES_NONE;
}

size_t rules_collection(const struct rules_model *model, const char *entity, const char *project,
                        const char *name)
{
    for (size_t i = 0; i < model->collection_count; i++) {
        const struct rules_collection *at = &model->collections[i];

        if (!at->deleted && rules_same(at->entity, entity) && rules_same(at->project, project) &&
            rules_same(at->name, name)) {
            return i;
        }
    }
    return RULES_NONE;
}

size_t rules_run(const struct rules_model *model, const char *entity, const char *project,
                 const char *name)
{
    for (size_t i = 0; i < model->run_count; i++) {
        const struct rules_run *at = &model->runs[i];

        if (!at->deleted && rules_same(at->entity, entity) && rules_same(at->project, project) &&
            rules_same(at->name, name)) {
            return i;
        }
    }
    return RULES_NONE;
}

size_t rules_portfolio(const struct rules_model *model, const char *entity, const char *registry,
                       const char *name)
{
    for (size_t i = 0; i < model->portfolio_count; i++) {
        const struct rules_portfolio *at = &model->portfolios[i];

        if (at->there && rules_same(at->entity, entity) && rules_same(at->registry, registry) &&
            rules_same(at->name, name)) {
            return i;
        }
    }
    return RULES_NONE;
}

size_t rules_role_row(const struct rules_model *model, const char *entity, const char *registry,
                      const char *user)
{
    for (size_t i = 0; i < model->role_count; i++) {
        const struct rules_role *at = &model->roles[i];

        if (at->there && rules_same(at->entity, entity) && rules_same(at->registry, registry) &&
            rules_same(at->user, user)) {
            return i;
        }
    }
    return RULES_NONE;
}

size_t rules_protection(const struct rules_model *model, const char *entity, const char *registry,
                        const char *alias)
{
    for (size_t i = 0; i < model->protection_count; i++) {
        const struct rules_protected *at = &model->protections[i];

        if (at->there && rules_same(at->entity, entity) && rules_same(at->registry, registry) &&
            rules_same(at->alias, alias)) {
            return i;
        }
    }
    return RULES_NONE;
}

size_t rules_version_at(const struct rules_model *model, size_t collection, uint32_t ordinal)
{
    for (size_t i = 0; i < model->version_count; i++) {
        if (model->versions[i].collection == collection && model->versions[i].ordinal == ordinal) {
            return i;
        }
    }
    return RULES_NONE;
}

/* --- by key --------------------------------------------------------------------------------------- */

size_t rules_key_collection(const struct rules_model *model, const struct rules_key *key)
{
    unsigned which = 0;

    for (size_t i = 0; i < model->collection_count && !key->is_link; i++) {
        const struct rules_collection *at = &model->collections[i];

        if (rules_same(at->entity, key->entity) && rules_same(at->project, key->project) &&
            rules_same(at->name, key->name) && which++ == key->which) {
            return rules_collection_there(model, i) ? i : RULES_NONE;
        }
    }
    return RULES_NONE;
}

size_t rules_key_portfolio(const struct rules_model *model, const struct rules_key *key)
{
    unsigned which = 0;

    for (size_t i = 0; i < model->portfolio_count && key->is_link; i++) {
        const struct rules_portfolio *at = &model->portfolios[i];

        if (rules_same(at->entity, key->entity) && rules_same(at->registry, key->project) &&
            rules_same(at->name, key->name) && which++ == key->which) {
            return at->there ? i : RULES_NONE;
        }
    }
    return RULES_NONE;
}

size_t rules_key_version(const struct rules_model *model, const struct rules_key *key)
{
    size_t collection = rules_key_collection(model, key);

    return collection == RULES_NONE ? RULES_NONE
                                    : rules_version_at(model, collection, key->ordinal);
}

size_t rules_key_link(const struct rules_model *model, const struct rules_key *key)
{
    size_t portfolio = rules_key_portfolio(model, key);

    for (size_t i = 0; i < model->link_count && portfolio != RULES_NONE; i++) {
        const struct rules_link *at = &model->links[i];

        if (at->there && !at->is_lost && at->portfolio == portfolio &&
            at->ordinal == key->ordinal) {
            return i;
        }
    }
    return RULES_NONE;
}

cull_version_key rules_key(const struct rules_model *model, const struct rules_key *key)
{
    size_t portfolio = rules_key_portfolio(model, key);
    size_t collection = rules_key_collection(model, key);
    uint64_t id = portfolio != RULES_NONE    ? model->portfolios[portfolio].id
                  : collection != RULES_NONE ? model->collections[collection].id
                                             : RULES_NO_ID;

    return (cull_version_key){ id, key->ordinal };
}

bool rules_collection_there(const struct rules_model *model, size_t collection)
{
    for (size_t i = 0; i < model->version_count; i++) {
        if (model->versions[i].collection == collection &&
            model->versions[i].state != CULL_VERSION_PURGED) {
            return true;
        }
    }
    return !model->collections[collection].deleted;
}

/* --- what holds what ------------------------------------------------------------------------------ */

size_t rules_alias(const struct rules_model *model, size_t collection, const char *alias)
{
    for (size_t i = 0; i < model->version_count; i++) {
        if (model->versions[i].collection == collection &&
            rules_labels_have(&model->versions[i].aliases, alias)) {
            return i;
        }
    }
    return RULES_NONE;
}

size_t rules_link_alias(const struct rules_model *model, size_t portfolio, const char *alias)
{
    for (size_t i = 0; i < model->link_count; i++) {
        if (model->links[i].there && model->links[i].portfolio == portfolio &&
            rules_labels_have(&model->links[i].aliases, alias)) {
            return i;
        }
    }
    return RULES_NONE;
}

const char *rules_link_protection(const struct rules_model *model, size_t link)
{
    const struct rules_link *at = &model->links[link];
    const struct rules_portfolio *in = &model->portfolios[at->portfolio];

    for (unsigned i = 0; i < at->aliases.count; i++) {
        if (rules_protection(model, in->entity, in->registry, at->aliases.at[i]) != RULES_NONE) {
            return at->aliases.at[i];
        }
    }
    return NULL;
}

size_t rules_blocker(const struct rules_model *model, size_t version)
{
    size_t any = RULES_NONE;

    for (size_t i = 0; i < model->link_count; i++) {
        const struct rules_link *at = &model->links[i];

        if (!at->there || at->is_lost || at->version != version) {
            continue;
        }
        if (rules_link_protection(model, i) != NULL) {
            return i;
        }
        any = any == RULES_NONE ? i : any;
    }
    return model->strict_links ? any : RULES_NONE;
}

bool rules_linked(const struct rules_model *model, size_t version)
{
    for (size_t i = 0; i < model->link_count; i++) {
        if (model->links[i].there && !model->links[i].is_lost &&
            model->links[i].version == version) {
            return true;
        }
    }
    return false;
}

/* Rule 27. */
cull_role rules_role_in_force(const struct rules_model *model, const char *actor,
                              const char *entity, const char *registry)
{
    cull_role highest = CULL_ROLE_NONE;
    bool any = false;

    if (rules_same(actor, RULES_OWNER)) {
        return CULL_ROLE_ADMINISTRATOR;
    }
    for (size_t i = 0; i < model->role_count; i++) {
        const struct rules_role *at = &model->roles[i];

        any = any || at->there;
        if (at->there && rules_same(at->user, actor) && rules_same(at->entity, entity) &&
            (at->registry == NULL || rules_same(at->registry, registry)) && at->role > highest) {
            highest = at->role;
        }
    }
    return any ? highest : CULL_ROLE_MEMBER;
}

bool rules_type_takes_ttl(const char *type)
{
    return strcmp(type, "run_table") != 0 && strcmp(type, "code") != 0 &&
           strcmp(type, "job") != 0 && strncmp(type, "wandb-", 6) != 0;
}

/* Rules 20, 22, 23. */
uint64_t rules_expires_ms(const struct rules_model *model, size_t version)
{
    const struct rules_version *at = &model->versions[version];
    const struct rules_collection *in = &model->collections[at->collection];
    int64_t by_default = rules_entity_of(model, in->entity)->ttl_seconds;

    if (at->ttl_ms == UINT64_MAX || !rules_type_takes_ttl(in->type)) {
        return 0;
    }
    if (at->ttl_ms != 0) {
        return at->created_ms + at->ttl_ms;
    }
    return by_default == CULL_TTL_OFF ? 0 : at->created_ms + 1000 * (uint64_t)by_default;
}

/* --- lines ---------------------------------------------------------------------------------------- */

void rules_put(struct rules_text *text, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text->at + text->len, sizeof text->at - text->len, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text->at - text->len) {
        abort();
    }
    text->len += (size_t)len;
}

static void put_labels(struct rules_text *out, const char *const *labels, size_t count)
{
    rules_put(out, " {");
    for (size_t i = 0; i < count; i++) {
        rules_put(out, "%s%s", i == 0 ? "" : ",", labels[i]);
    }
    rules_put(out, "}");
}

void rules_line_version(struct rules_text *out, const cull_version_info *info)
{
    rules_put(out, "version %s/%s/%s %d %010" PRIu64 " v%02u state=%d", info->entity, info->project,
              info->collection, info->collection_deleted,
              UINT64_C(9999999999) - info->key.collection, info->key.ordinal, (int)info->state);
    rules_put(out,
              " type=%s run=%s by=%s at=%" PRIu64 " deleted=%" PRIu64 " until=%" PRIu64
              " reason=%d ttl=%" PRIu64,
              info->type, info->run, info->creator, info->created_ms, info->deleted_ms,
              info->kept_until_ms, (int)info->reason, info->ttl_ms);
    if (info->state == CULL_VERSION_COMMITTED) {
        rules_put(out, " expires=%" PRIu64, info->expires_ms);
    }
    put_labels(out, info->aliases, info->alias_count);
    put_labels(out, info->tags, info->tag_count);
    rules_put(out, "\n");
}

void rules_line_link(struct rules_text *out, const cull_link_info *info)
{
    rules_put(
        out,
        "link %s/%s/%s v%02u %" PRIu64 " type=%s of %s/%s/%s:v%u %" PRIu64 " by=%s at=%" PRIu64,
        info->entity, info->registry, info->portfolio, info->key.ordinal, info->key.collection,
        info->type, info->source_entity, info->source_project, info->source_collection,
        info->source.ordinal, info->source.collection, info->creator, info->created_ms);
    put_labels(out, info->aliases, info->alias_count);
    rules_put(out, " protected=%d\n", info->protection[0] != '\0');
}

static void print_version(const struct rules_model *model, size_t row, struct rules_text *out)
{
    const struct rules_version *at = &model->versions[row];
    const struct rules_collection *in = &model->collections[at->collection];
    const cull_version_info info = {
        .key = { in->id, at->ordinal },
        .state = at->state,
        .entity = in->entity,
        .project = in->project,
        .collection = in->name,
        .type = in->type,
        .collection_deleted = in->deleted,
        .run = at->run == RULES_NONE ? "" : model->runs[at->run].name,
        .creator = at->creator,
        .aliases = at->aliases.at,
        .alias_count = at->aliases.count,
        .tags = at->tags.at,
        .tag_count = at->tags.count,
        .created_ms = at->created_ms,
        .deleted_ms = at->deleted_ms,
        .kept_until_ms = at->kept_until_ms,
        .reason = at->reason,
        .expires_ms = rules_expires_ms(model, row),
        .ttl_ms = at->ttl_ms,
    };

    if (at->state != CULL_VERSION_PURGED) {
        rules_line_version(out, &info);
    }
}

static void print_link(const struct rules_model *model, size_t row, struct rules_text *out)
{
    const struct rules_link *at = &model->links[row];
    const struct rules_portfolio *in = &model->portfolios[at->portfolio];
    const struct rules_version *source = &model->versions[at->version];
    const struct rules_collection *of = &model->collections[source->collection];
    const char *protection = rules_link_protection(model, row);
    const cull_link_info info = {
        .key = { in->id, at->ordinal },
        .entity = in->entity,
        .registry = in->registry,
        .portfolio = in->name,
        .type = in->type,
        .source = { of->id, source->ordinal },
        .source_entity = of->entity,
        .source_project = of->project,
        .source_collection = of->name,
        .creator = at->creator,
        .created_ms = at->created_ms,
        .aliases = at->aliases.at,
        .alias_count = at->aliases.count,
        .protection = protection == NULL ? "" : protection,
    };

    if (at->there && !at->is_lost) {
        rules_line_link(out, &info);
    }
}

static void print_collection(const struct rules_model *model, size_t row, struct rules_text *out)
{
    const struct rules_collection *at = &model->collections[row];
    unsigned committed = 0;
    unsigned in_trash = 0;

    for (size_t i = 0; i < model->version_count; i++) {
        if (model->versions[i].collection == row) {
            committed += model->versions[i].state == CULL_VERSION_COMMITTED;
            in_trash += model->versions[i].state == CULL_VERSION_DELETED;
        }
    }
    if (rules_collection_there(model, row)) {
        rules_put(out, "collection %s/%s/%s %d %010" PRIu64 " type=%s ordinals=%u %u+%u\n",
                  at->entity, at->project, at->name, at->deleted, UINT64_C(9999999999) - at->id,
                  at->type, at->ordinals, committed, in_trash);
    }
}

static void print_run(const struct rules_model *model, size_t row, struct rules_text *out)
{
    const struct rules_run *at = &model->runs[row];
    unsigned logged = 0;

    for (size_t i = 0; i < model->version_count; i++) {
        logged += model->versions[i].run == row && model->versions[i].state != CULL_VERSION_PURGED;
    }
    if (!at->deleted) {
        rules_put(out, "run %s/%s/%s logged=%u\n", at->entity, at->project, at->name, logged);
    }
}

static void print_portfolio(const struct rules_model *model, size_t row, struct rules_text *out)
{
    const struct rules_portfolio *at = &model->portfolios[row];
    unsigned links = 0;

    for (size_t i = 0; i < model->link_count; i++) {
        links +=
            model->links[i].there && !model->links[i].is_lost && model->links[i].portfolio == row;
    }
    if (at->there) {
        rules_put(out, "portfolio %s/%s/%s %" PRIu64 " type=%s ordinals=%u links=%u\n", at->entity,
                  at->registry, at->name, at->id, at->type, at->ordinals, links);
    }
}

static void print_role(const struct rules_model *model, size_t row, struct rules_text *out)
{
    const struct rules_role *at = &model->roles[row];

    if (at->there) {
        rules_put(out, "role %s/%s %s %d\n", at->entity, at->registry == NULL ? "" : at->registry,
                  at->user, (int)at->role);
    }
}

static void print_protection(const struct rules_model *model, size_t row, struct rules_text *out)
{
    const struct rules_protected *at = &model->protections[row];
    unsigned links = 0;

    for (size_t i = 0; i < model->portfolio_count; i++) {
        const struct rules_portfolio *in = &model->portfolios[i];

        links += in->there && rules_same(in->entity, at->entity) &&
                 rules_same(in->registry, at->registry) &&
                 rules_link_alias(model, i, at->alias) != RULES_NONE;
    }
    if (at->there) {
        rules_put(out, "protected %s/%s %s links=%u\n", at->entity, at->registry, at->alias, links);
    }
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of one table, sorted: names are all of one length, so that this is the order of names. */
static void print_table(const struct rules_model *model, size_t count,
                        void (*print)(const struct rules_model *, size_t, struct rules_text *),
                        struct rules_text *out)
{
    static struct rules_text lines;
    char *sorted[RULES_ROWS];
    size_t found = 0;

    lines.len = 0;
    for (size_t i = 0; i < count; i++) {
        size_t begin = lines.len;

        print(model, i, &lines);
        if (lines.len > begin) {
            sorted[found++] = lines.at + begin;
            lines.at[lines.len++] = '\0';
        }
    }
    if (found > 1) {
        qsort(sorted, found, sizeof *sorted, compare_lines);
    }
    for (size_t i = 0; i < found; i++) {
        rules_put(out, "%s", sorted[i]);
    }
}

static void print_places(const struct rules_model *model, struct rules_text *out)
{
    for (size_t i = 0; i < 2; i++) {
        const struct rules_entity *at = &model->entities[i];

        if (at->there) {
            rules_put(out, "entity %s ttl=%" PRId64 " members=%d\n", rules_entities[i],
                      at->ttl_seconds, !at->by_administrators);
        }
    }
    for (size_t actor = 0; actor < 4; actor++) {
        for (size_t i = 0; i < 2; i++) {
            rules_put(
                out, "%s in %s: %d\n", rules_actors[actor], rules_entities[i],
                (int)rules_role_in_force(model, rules_actors[actor], rules_entities[i], NULL));
        }
    }
}

void rules_print(const struct rules_model *model, struct rules_text *out)
{
    out->len = 0;
    print_places(model, out);
    print_table(model, model->collection_count, print_collection, out);
    print_table(model, model->version_count, print_version, out);
    print_table(model, model->run_count, print_run, out);
    print_table(model, model->portfolio_count, print_portfolio, out);
    print_table(model, model->link_count, print_link, out);
    print_table(model, model->protection_count, print_protection, out);
    print_table(model, model->role_count, print_role, out);
    for (size_t i = 0; i < RULES_SLOTS; i++) {
        rules_put(out, "slot %zu: %d\n", i, model->uploads[i].open);
    }
}
