/*
 * rules_judge.c - which answers to a request would be right, from the rules alone.
 *
 * SHAPE     Every reason to refuse that holds is gathered; any of them may be told. None: it is done.
 */
#include "rules_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef const struct rules_model *model_ptr;
typedef const struct rules_request *request_ptr;

static struct rules_reason *because(struct rules_verdict *out, cull_status status)
{
    struct rules_reason *reason = &out->reasons[out->reason_count++];

    if (out->reason_count == RULES_REASONS) {
        abort();
    }
    memset(reason, 0, sizeof *reason);
    reason->status = status;
    return reason;
}

static void say(struct rules_reason *reason, unsigned which, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct rules_reason *reason, unsigned which, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(reason->says[which], sizeof reason->says[which], format, args);
    va_end(args);
}

static void say_version(struct rules_reason *reason, model_ptr model, size_t version)
{
    const struct rules_version *at = &model->versions[version];
    const struct rules_collection *in = &model->collections[at->collection];

    say(reason, 0, "%s/%s/%s:v%u", in->entity, in->project, in->name, at->ordinal);
}

/* --- parts ---------------------------------------------------------------------------------------- */

/* Rules 25, 27, 28. */
static void need_role(struct rules_verdict *out, model_ptr model, const char *actor,
                      const char *entity, const char *registry, cull_role role)
{
    static const char *const names[] = { "", "", "viewer", "member", "administrator" };
    struct rules_reason *reason;

    if (rules_role_in_force(model, actor, entity, registry) >= role) {
        return;
    }
    reason = because(out, CULL_E_REFUSED);
    say(reason, 0, "takes %s", names[role]);
    say(reason, 1, "%s", actor);
    say(reason, 2, "%s", entity);
}

/* The same, of an alias in a registry, which may be protected. */
static void need_alias_role(struct rules_verdict *out, model_ptr model, const char *actor,
                            const char *entity, const char *registry, const char *alias)
{
    bool is_protected = rules_protection(model, entity, registry, alias) != RULES_NONE;

    need_role(out, model, actor, entity, registry,
              is_protected ? CULL_ROLE_ADMINISTRATOR : CULL_ROLE_MEMBER);
}

/* Rules 2 and 3. */
static void need_label(struct rules_verdict *out, const char *label)
{
    bool is_number = label[0] == 'v' && label[1] >= '0' && label[1] <= '9';

    if (label[0] == '\0' || strchr(label, '/') != NULL || strchr(label, ':') != NULL || is_number) {
        say(because(out, CULL_E_USAGE), 0, "%s", label);
    }
}

/* A collection that a key names, in which the actor may change something. RULES_NONE: refused. */
static size_t need_collection(struct rules_verdict *out, model_ptr model, request_ptr request,
                              const struct rules_key *key)
{
    size_t collection = rules_key_collection(model, key);

    if (collection == RULES_NONE) {
        (void)because(out, CULL_E_NOTFOUND);
        return RULES_NONE;
    }
    need_role(out, model, request->actor, model->collections[collection].entity, NULL,
              CULL_ROLE_MEMBER);
    return collection;
}

/* A version in a state. RULES_NONE: refused. */
static size_t need_committed(struct rules_verdict *out, model_ptr model,
                             const struct rules_key *key)
{
    size_t version = rules_key_version(model, key);
    struct rules_reason *reason;

    if (version != RULES_NONE && model->versions[version].state == CULL_VERSION_COMMITTED) {
        return version;
    }
    if (version != RULES_NONE && model->versions[version].state == CULL_VERSION_DELETED) {
        reason = because(out, CULL_E_REFUSED);
        say_version(reason, model, version);
        say(reason, 1, "cull restore");
        return RULES_NONE;
    }
    reason = because(out, CULL_E_NOTFOUND);
    say(reason, 0, "v%u", key->ordinal);
    say(reason, 1, version == RULES_NONE ? "no such version" : "already collected");
    return RULES_NONE;
}

/* Rules 10 and 28: a link that the actor may take away. RULES_NONE: there is none. */
static size_t need_link(struct rules_verdict *out, model_ptr model, request_ptr request,
                        const struct rules_key *key)
{
    size_t link = rules_key_link(model, key);
    const struct rules_portfolio *in;
    const char *alias;

    if (link == RULES_NONE) {
        (void)because(out, CULL_E_NOTFOUND);
        return RULES_NONE;
    }
    in = &model->portfolios[model->links[link].portfolio];
    alias = rules_link_protection(model, link);
    need_role(out, model, request->actor, in->entity, in->registry,
              alias != NULL ? CULL_ROLE_ADMINISTRATOR : CULL_ROLE_MEMBER);
    return link;
}

/* --- uploads -------------------------------------------------------------------------------------- */

static void judge_open(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    size_t project = rules_project(model, request->entity, request->project);
    size_t collection = rules_collection(model, request->entity, request->project, request->name);

    need_role(out, model, request->actor, request->entity, NULL, CULL_ROLE_MEMBER);
    if (project != RULES_NONE && model->projects[project].is_registry) {
        say(because(out, CULL_E_EXISTS), 0, "%s/%s", request->entity, request->project);
    }
    if (collection != RULES_NONE && request->type != NULL &&
        !rules_same(model->collections[collection].type, request->type)) {
        say(because(out, CULL_E_INVALID), 0, "%s", request->name); /* rule 8 */
    }
}

static void judge_upload(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    const struct rules_upload *upload = &model->uploads[request->slot];
    const char *entity = model->collections[upload->collection].entity;

    if (!upload->open) {
        (void)because(out, CULL_E_ENDED);
    }
    need_role(out, model, request->actor, entity, NULL, CULL_ROLE_MEMBER);
    if (request->op == RULES_COMMIT) {
        for (size_t i = 0; i < request->alias_count; i++) {
            need_label(out, request->aliases[i]);
        }
        if (request->seconds != 0 && rules_entity_of(model, entity)->by_administrators) {
            need_role(out, model, request->actor, entity, NULL, CULL_ROLE_ADMINISTRATOR);
        }
    }
}

/* --- names ---------------------------------------------------------------------------------------- */

/* Of a portfolio or a collection: setting names a link or version, removing does not. */
static void judge_alias(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    const struct rules_key *key = &request->keys[0];
    bool is_set = request->op == RULES_ALIAS_SET;
    size_t portfolio = rules_key_portfolio(model, key);
    size_t collection;

    if (is_set) {
        need_label(out, request->label);
    }
    if (portfolio != RULES_NONE) {
        const struct rules_portfolio *in = &model->portfolios[portfolio];

        need_alias_role(out, model, request->actor, in->entity, in->registry, request->label);
        if (is_set ? rules_key_link(model, key) == RULES_NONE
                   : rules_link_alias(model, portfolio, request->label) == RULES_NONE) {
            (void)because(out, CULL_E_NOTFOUND);
        }
        return;
    }
    collection = need_collection(out, model, request, key);
    if (collection == RULES_NONE) {
        return;
    }
    if (is_set) {
        (void)need_committed(out, model, key);
    } else if (rules_alias(model, collection, request->label) == RULES_NONE) {
        say(because(out, CULL_E_NOTFOUND), 0, "%s", request->label);
    }
}

static void judge_tag(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    const struct rules_key *key = &request->keys[0];
    size_t version = RULES_NONE;

    need_label(out, request->label);
    if (rules_key_link(model, key) != RULES_NONE) {
        (void)because(out, CULL_E_USAGE);
        return;
    }
    if (need_collection(out, model, request, key) != RULES_NONE) {
        version = need_committed(out, model, key);
    }
    if (version != RULES_NONE && !request->present &&
        !rules_labels_have(&model->versions[version].tags, request->label)) {
        say(because(out, CULL_E_NOTFOUND), 0, "%s", request->label);
    }
}

/* --- links ---------------------------------------------------------------------------------------- */

static size_t link_into(model_ptr model, size_t portfolio, size_t version)
{
    for (size_t i = 0; i < model->link_count; i++) {
        const struct rules_link *at = &model->links[i];

        if (at->there && !at->is_lost && at->portfolio == portfolio && at->version == version) {
            return i;
        }
    }
    return RULES_NONE;
}

/* Does an alias change hands when a link (RULES_NONE: a new one) gets it? */
static bool moves(model_ptr model, size_t portfolio, size_t link, const char *alias)
{
    return portfolio == RULES_NONE || link == RULES_NONE ||
           rules_link_alias(model, portfolio, alias) != link;
}

static void judge_link_place(struct rules_verdict *out, model_ptr model, request_ptr request,
                             size_t version)
{
    size_t project = rules_project(model, request->entity, request->project);
    size_t portfolio = rules_portfolio(model, request->entity, request->project, request->name);
    size_t link = version == RULES_NONE ? RULES_NONE : link_into(model, portfolio, version);

    need_role(out, model, request->actor, request->entity, request->project, CULL_ROLE_MEMBER);
    if (moves(model, portfolio, link, "latest")) {
        need_alias_role(out, model, request->actor, request->entity, request->project, "latest");
    }
    for (size_t i = 0; i < request->alias_count; i++) {
        need_label(out, request->aliases[i]);
        if (moves(model, portfolio, link, request->aliases[i])) {
            need_alias_role(out, model, request->actor, request->entity, request->project,
                            request->aliases[i]);
        }
    }
    if (project != RULES_NONE && !model->projects[project].is_registry) {
        say(because(out, CULL_E_EXISTS), 0, "%s/%s", request->entity, request->project);
    }
    if (portfolio != RULES_NONE && version != RULES_NONE &&
        !rules_same(model->portfolios[portfolio].type,
                    model->collections[model->versions[version].collection].type)) {
        say(because(out, CULL_E_INVALID), 0, "%s/%s/%s", request->entity, request->project,
            request->name);
    }
}

static void judge_link(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    const struct rules_key *key = &request->keys[0];
    size_t version = RULES_NONE;

    if (rules_key_link(model, key) != RULES_NONE) {
        (void)because(out, CULL_E_USAGE);
    } else if (need_collection(out, model, request, key) != RULES_NONE) {
        version = need_committed(out, model, key);
    }
    judge_link_place(out, model, request, version);
}

static void judge_unlink(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    for (size_t i = 0; i < request->key_count; i++) {
        const struct rules_key *key = &request->keys[i];
        size_t link;

        if (rules_key_collection(model, key) != RULES_NONE) {
            say(because(out, CULL_E_USAGE), 0, "cull delete"); /* rule 10 */
            continue;
        }
        link = need_link(out, model, request, key);
        if (link != RULES_NONE) {
            out->link_goes[link] = true;
        }
    }
}

static void judge_protect(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    size_t project = rules_project(model, request->entity, request->project);
    bool there =
        rules_protection(model, request->entity, request->project, request->label) != RULES_NONE;

    need_label(out, request->label);
    need_role(out, model, request->actor, request->entity, request->project,
              CULL_ROLE_ADMINISTRATOR);
    if (request->present && project != RULES_NONE && !model->projects[project].is_registry) {
        say(because(out, CULL_E_EXISTS), 0, "%s/%s", request->entity, request->project);
    }
    if (!request->present && !there) {
        say(because(out, CULL_E_NOTFOUND), 0, "%s", request->label);
    }
}

/* --- roles and times to live ---------------------------------------------------------------------- */

static void judge_role(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    size_t registry = request->project == NULL
                          ? RULES_NONE
                          : rules_project(model, request->entity, request->project);

    if (request->project != NULL &&
        (registry == RULES_NONE || !model->projects[registry].is_registry)) {
        say(because(out, CULL_E_NOTFOUND), 0, "%s/%s", request->entity, request->project);
        return;
    }
    need_role(out, model, request->actor, request->entity, request->project,
              CULL_ROLE_ADMINISTRATOR);
    if (request->op == RULES_REVOKE &&
        rules_role_row(model, request->entity, request->project, request->user) == RULES_NONE) {
        say(because(out, CULL_E_NOTFOUND), 0, "%s", request->user);
    }
}

static void judge_ttl_of(struct rules_verdict *out, model_ptr model, request_ptr request,
                         const struct rules_key *key)
{
    size_t collection;
    size_t version;

    if (rules_key_link(model, key) != RULES_NONE) {
        (void)because(out, CULL_E_USAGE); /* rule 23 */
        return;
    }
    collection = need_collection(out, model, request, key);
    if (collection == RULES_NONE) {
        return;
    }
    if (rules_entity_of(model, model->collections[collection].entity)->by_administrators) {
        need_role(out, model, request->actor, model->collections[collection].entity, NULL,
                  CULL_ROLE_ADMINISTRATOR); /* rule 25 */
    }
    version = need_committed(out, model, key);
    if (version == RULES_NONE) {
        return;
    }
    if (!rules_type_takes_ttl(model->collections[collection].type)) {
        struct rules_reason *reason = because(out, CULL_E_REFUSED);

        say_version(reason, model, version);
        say(reason, 1, "%s", model->collections[collection].type);
    }
    if (request->seconds != CULL_TTL_OFF && rules_linked(model, version)) {
        struct rules_reason *reason = because(out, CULL_E_REFUSED); /* rule 24 */

        say_version(reason, model, version);
        say(reason, 1, "unlink");
    }
}

static void judge_ttl(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    if (request->seconds == 0 || request->seconds < CULL_TTL_OFF) {
        (void)because(out, CULL_E_USAGE); /* rule 21 */
    }
    for (size_t i = 0; i < request->key_count; i++) {
        judge_ttl_of(out, model, request, &request->keys[i]);
    }
}

static void judge_policy(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    if (request->seconds < 1 && request->seconds != CULL_TTL_OFF) {
        (void)because(out, CULL_E_USAGE);
    }
    need_role(out, model, request->actor, request->entity, NULL, CULL_ROLE_ADMINISTRATOR);
}

/* --- deleting ------------------------------------------------------------------------------------- */

/* Rules 11 and 12: with its links, unless one of them keeps it. */
static void take_version(struct rules_verdict *out, model_ptr model, size_t version)
{
    if (rules_blocker(model, version) != RULES_NONE) {
        out->version_kept[version] = true;
        return;
    }
    out->version_goes[version] = true;
    for (size_t i = 0; i < model->link_count; i++) {
        if (model->links[i].there && !model->links[i].is_lost &&
            model->links[i].version == version) {
            out->link_goes[i] = out->link_lost[i] = true;
        }
    }
}

/* Rule 15. */
static void judge_kept(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    out->only_kept = out->reason_count == 0;
    for (size_t i = 0; i < RULES_ROWS; i++) {
        out->link_lost[i] = out->link_lost[i] && !out->link_alone[i];
        if ((out->version_kept[i] || out->registry_kept[i]) && request->skip_protected) {
            out->done = CULL_E_PARTIAL;
        }
        if (out->version_kept[i] && !request->skip_protected &&
            out->reason_count < RULES_REASONS - 1) {
            struct rules_reason *reason = because(out, CULL_E_REFUSED);
            size_t link = rules_blocker(model, i);
            const char *alias = rules_link_protection(model, link);

            say_version(reason, model, i);
            say(reason, 1, "%s", model->portfolios[model->links[link].portfolio].registry);
            say(reason, 2, "%s", alias == NULL ? "strict" : alias);
        }
    }
}

/* Rule 9. */
static void refuse_aliases(struct rules_verdict *out, model_ptr model, size_t version)
{
    const struct rules_labels *aliases = &model->versions[version].aliases;
    struct rules_reason *reason = because(out, CULL_E_REFUSED);
    size_t used = 0;

    say_version(reason, model, version);
    for (unsigned i = 0; i < aliases->count; i++) {
        used += (size_t)snprintf(reason->says[1] + used, sizeof reason->says[1] - used, "%s%s",
                                 i == 0 ? "" : ", ", aliases->at[i]);
    }
    say(reason, 2, "--delete-aliases");
}

static void judge_delete_key(struct rules_verdict *out, model_ptr model, request_ptr request,
                             const struct rules_key *key)
{
    size_t version;

    if (rules_key_portfolio(model, key) != RULES_NONE) {
        size_t link = need_link(out, model, request, key);

        if (link != RULES_NONE) {
            out->link_goes[link] = out->link_alone[link] = true;
        }
        return;
    }
    if (need_collection(out, model, request, key) == RULES_NONE) {
        return;
    }
    version = rules_key_version(model, key);
    if (version == RULES_NONE || model->versions[version].state != CULL_VERSION_COMMITTED) {
        struct rules_reason *reason = because(out, CULL_E_NOTFOUND); /* rule 16 */

        say(reason, 0, "v%u", key->ordinal);
        return;
    }
    take_version(out, model, version);
    if (!out->version_kept[version] && !request->delete_aliases &&
        model->versions[version].aliases.count > 0) {
        refuse_aliases(out, model, version);
    }
}

static void judge_delete(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    for (size_t i = 0; i < request->key_count; i++) {
        judge_delete_key(out, model, request, &request->keys[i]);
    }
    judge_kept(out, model, request);
}

/* Rule 16: is there anything that somebody could name in this part of the store? */
static bool anything_in(model_ptr model, const char *entity, const char *project)
{
    for (size_t i = 0; i < model->collection_count; i++) {
        const struct rules_collection *at = &model->collections[i];

        if (!at->deleted && rules_same(at->entity, entity) &&
            (project == NULL || rules_same(at->project, project))) {
            return true;
        }
    }
    for (size_t i = 0; i < model->run_count; i++) {
        const struct rules_run *at = &model->runs[i];

        if (!at->deleted && rules_same(at->entity, entity) &&
            (project == NULL || rules_same(at->project, project))) {
            return true;
        }
    }
    for (size_t i = 0; i < model->project_count; i++) {
        const struct rules_project *at = &model->projects[i];

        if (at->there && at->is_registry && rules_same(at->entity, entity) &&
            (project == NULL || rules_same(at->name, project))) {
            return true;
        }
    }
    return false;
}

static bool selects(model_ptr model, request_ptr request, size_t version)
{
    const struct rules_version *at = &model->versions[version];
    const struct rules_collection *in = &model->collections[at->collection];

    return at->state == CULL_VERSION_COMMITTED && rules_same(in->entity, request->entity) &&
           (request->project == NULL || rules_same(in->project, request->project)) &&
           (request->name == NULL || rules_same(in->name, request->name)) &&
           (request->run == NULL ||
            at->run == rules_run(model, request->entity, request->project, request->run)) &&
           (!request->no_alias || at->aliases.count == 0) &&
           (request->label == NULL || rules_labels_have(&at->aliases, request->label));
}

static void judge_selected(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    if (request->name != NULL ? rules_collection(model, request->entity, request->project,
                                                 request->name) == RULES_NONE
                              : !anything_in(model, request->entity, request->project)) {
        (void)because(out, CULL_E_NOTFOUND);
        return;
    }
    if (request->run != NULL &&
        rules_run(model, request->entity, request->project, request->run) == RULES_NONE) {
        say(because(out, CULL_E_NOTFOUND), 0, "%s", request->run);
        return;
    }
    for (size_t i = 0; i < model->version_count; i++) {
        if (!selects(model, request, i)) {
            continue;
        }
        if (out->reason_count == 0) {
            need_role(out, model, request->actor, request->entity, NULL, CULL_ROLE_MEMBER);
        }
        take_version(out, model, i);
        if (!out->version_kept[i] && !request->delete_aliases &&
            model->versions[i].aliases.count > 0 && out->reason_count < RULES_REASONS - 1) {
            refuse_aliases(out, model, i);
        }
    }
    judge_kept(out, model, request);
}

/* --- cascades ------------------------------------------------------------------------------------- */

static void take_portfolio(struct rules_verdict *out, model_ptr model, size_t portfolio)
{
    out->portfolio_goes[portfolio] = true;
    for (size_t i = 0; i < model->link_count; i++) {
        if (model->links[i].there && !model->links[i].is_lost &&
            model->links[i].portfolio == portfolio) {
            out->link_goes[i] = out->link_alone[i] = true;
        }
    }
}

static bool portfolio_protects(model_ptr model, size_t portfolio)
{
    for (size_t i = 0; i < model->link_count; i++) {
        if (model->links[i].there && !model->links[i].is_lost &&
            model->links[i].portfolio == portfolio && rules_link_protection(model, i) != NULL) {
            return true;
        }
    }
    return false;
}

static void judge_portfolio(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    size_t portfolio = rules_portfolio(model, request->entity, request->project, request->name);

    if (portfolio == RULES_NONE) {
        say(because(out, CULL_E_NOTFOUND), 0, "%s/%s/%s", request->entity, request->project,
            request->name);
        return;
    }
    need_role(out, model, request->actor, request->entity, request->project,
              portfolio_protects(model, portfolio) ? CULL_ROLE_ADMINISTRATOR : CULL_ROLE_MEMBER);
    take_portfolio(out, model, portfolio);
}

static void take_registry(struct rules_verdict *out, model_ptr model, request_ptr request,
                          size_t registry)
{
    const struct rules_project *at = &model->projects[registry];
    bool protects = false;

    for (size_t i = 0; i < model->portfolio_count; i++) {
        protects =
            protects ||
            (model->portfolios[i].there && rules_same(model->portfolios[i].entity, at->entity) &&
             rules_same(model->portfolios[i].registry, at->name) && portfolio_protects(model, i));
    }
    if (protects && request->skip_protected) {
        out->registry_kept[registry] = true;
        return;
    }
    need_role(out, model, request->actor, at->entity, at->name,
              protects ? CULL_ROLE_ADMINISTRATOR : CULL_ROLE_MEMBER);
    out->registry_goes[registry] = true;
    for (size_t i = 0; i < model->portfolio_count; i++) {
        if (model->portfolios[i].there && rules_same(model->portfolios[i].entity, at->entity) &&
            rules_same(model->portfolios[i].registry, at->name)) {
            take_portfolio(out, model, i);
        }
    }
}

/* Rule 13; a collection of which something is kept stays. */
static void take_collection(struct rules_verdict *out, model_ptr model, size_t collection)
{
    out->collection_hit[collection] = out->collection_goes[collection] = true;
    for (size_t i = 0; i < model->version_count; i++) {
        if (model->versions[i].collection == collection &&
            model->versions[i].state == CULL_VERSION_COMMITTED) {
            take_version(out, model, i);
            if (out->version_kept[i]) {
                out->collection_goes[collection] = false;
            }
        }
    }
}

static void judge_names(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    const char *project = request->scope == CULL_SCOPE_ENTITY ? NULL : request->project;

    if (request->scope == CULL_SCOPE_COLLECTION
            ? rules_collection(model, request->entity, project, request->name) == RULES_NONE
            : !anything_in(model, request->entity, project)) {
        say(because(out, CULL_E_NOTFOUND), 0, "%s", request->entity);
        return;
    }
    for (size_t i = 0; i < model->collection_count; i++) {
        const struct rules_collection *at = &model->collections[i];

        if (!at->deleted && rules_same(at->entity, request->entity) &&
            (project == NULL || rules_same(at->project, project)) &&
            (request->scope != CULL_SCOPE_COLLECTION || rules_same(at->name, request->name))) {
            take_collection(out, model, i);
        }
    }
    for (size_t i = 0; i < model->project_count && project == NULL; i++) {
        const struct rules_project *at = &model->projects[i];

        if (at->there && at->is_registry && rules_same(at->entity, request->entity)) {
            take_registry(out, model, request, i);
        }
    }
}

/* Rule 14. */
static void judge_run(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    out->run_goes = rules_run(model, request->entity, request->project, request->run);
    if (out->run_goes == RULES_NONE) {
        say(because(out, CULL_E_NOTFOUND), 0, "%s/%s/%s", request->entity, request->project,
            request->run);
        return;
    }
    for (size_t i = 0; i < model->version_count && request->with_artifacts; i++) {
        if (model->versions[i].run == out->run_goes &&
            model->versions[i].state == CULL_VERSION_COMMITTED) {
            take_version(out, model, i);
        }
    }
}

static void judge_cascade(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    size_t project = request->scope == CULL_SCOPE_ENTITY || request->scope == CULL_SCOPE_RUN
                         ? RULES_NONE
                         : rules_project(model, request->entity, request->project);

    if (project != RULES_NONE && model->projects[project].is_registry) {
        if (request->scope == CULL_SCOPE_COLLECTION) {
            judge_portfolio(out, model, request);
        } else {
            take_registry(out, model, request, project);
        }
    } else {
        if (rules_entity_of(model, request->entity)->there) {
            need_role(out, model, request->actor, request->entity, NULL, CULL_ROLE_MEMBER);
        }
        if (request->scope == CULL_SCOPE_RUN) {
            judge_run(out, model, request);
        } else {
            judge_names(out, model, request);
        }
    }
    judge_kept(out, model, request);
}

/* --- restoring, collecting, looking --------------------------------------------------------------- */

/* Rule 32: is the name that a deleted collection wants back free? */
static void need_name(struct rules_verdict *out, model_ptr model, request_ptr request, size_t which)
{
    size_t collection = rules_key_collection(model, &request->keys[which]);
    const struct rules_collection *in = &model->collections[collection];
    const char *name = request->label == NULL ? in->name : request->label;
    bool taken = rules_collection(model, in->entity, in->project, name) != RULES_NONE;

    for (size_t i = 0; i < which; i++) {
        size_t other = rules_key_collection(model, &request->keys[i]);

        taken = taken ||
                (other != RULES_NONE && other != collection && model->collections[other].deleted &&
                 rules_same(model->collections[other].entity, in->entity) &&
                 rules_same(model->collections[other].project, in->project) &&
                 rules_same(model->collections[other].name, name));
    }
    if (in->deleted && taken) {
        struct rules_reason *reason = because(out, CULL_E_EXISTS);

        say(reason, 0, "%s/%s/%s", in->entity, in->project, name);
        say(reason, 1, "--as");
    }
}

static void judge_restore(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    for (size_t i = 0; i < request->key_count; i++) {
        const struct rules_key *key = &request->keys[i];
        cull_version_key id = rules_key(model, key);
        size_t version;

        if (request->label != NULL &&
            id.collection != rules_key(model, &request->keys[0]).collection) {
            say(because(out, CULL_E_USAGE), 0, "--as");
        }
        if (need_collection(out, model, request, key) == RULES_NONE) {
            continue;
        }
        version = rules_key_version(model, key);
        if (version == RULES_NONE || model->versions[version].state != CULL_VERSION_DELETED) {
            struct rules_reason *reason = because(out, CULL_E_NOTFOUND);

            say(reason, 0, "v%u", key->ordinal);
            say(reason, 1, "%s",
                version == RULES_NONE                                      ? "no such version"
                : model->versions[version].state == CULL_VERSION_COMMITTED ? "not deleted"
                                                                           : "already collected");
        }
        need_name(out, model, request, i);
    }
}

/* What a cycle expires and purges now. */
static void judge_cycle(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    bool may = false;

    for (size_t i = 0; i < 2; i++) { /* member of something */
        may = may || rules_role_in_force(model, request->actor, rules_entities[i], NULL) >=
                         CULL_ROLE_MEMBER;
    }
    for (size_t i = 0; i < model->project_count; i++) {
        const struct rules_project *at = &model->projects[i];

        may = may || (at->there && at->is_registry &&
                      rules_role_in_force(model, request->actor, at->entity, at->name) >=
                          CULL_ROLE_MEMBER);
    }
    if (!may) {
        say(because(out, CULL_E_REFUSED), 0, "takes member");
    }
    for (size_t i = 0; i < model->version_count; i++) {
        const struct rules_version *at = &model->versions[i];
        uint64_t expires_ms = rules_expires_ms(model, i);
        bool expires = at->state == CULL_VERSION_COMMITTED && expires_ms != 0 &&
                       expires_ms <= model->now_ms; /* rule 20: at exactly that instant */
        uint64_t until_ms = expires ? model->now_ms + model->grace_ms : at->kept_until_ms;

        out->version_goes[i] = expires;
        out->expired += expires;
        out->purged += (expires || at->state == CULL_VERSION_DELETED) && until_ms <= model->now_ms;
    }
}

/* Rule 4: a name without an alias means latest; vN finds what is deleted, too. */
static void judge_find(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    const char *label = request->label == NULL ? "latest" : request->label;
    struct rules_key key = request->keys[0];
    size_t portfolio = rules_portfolio(model, key.entity, key.project, key.name);
    size_t collection = rules_collection(model, key.entity, key.project, key.name);
    bool by_number = request->key_count > 1; /* by its vN */
    size_t found;

    for (size_t i = 0; i < model->collection_count && collection == RULES_NONE; i++) {
        const struct rules_collection *at = &model->collections[model->collection_count - 1 - i];

        if (rules_same(at->entity, key.entity) && rules_same(at->project, key.project) &&
            rules_same(at->name, key.name) &&
            rules_collection_there(model, model->collection_count - 1 - i)) {
            collection = model->collection_count - 1 - i; /* the newest deleted one */
        }
    }
    out->found = (cull_version_key){ RULES_NO_ID, key.ordinal };
    if (portfolio != RULES_NONE) {
        found = rules_link_alias(model, portfolio, label);
        for (size_t i = 0; i < model->link_count && by_number; i++) {
            const struct rules_link *at = &model->links[i];

            if (at->there && !at->is_lost && at->portfolio == portfolio &&
                at->ordinal == key.ordinal) {
                out->found.collection = model->portfolios[portfolio].id;
            }
        }
        if (!by_number && found != RULES_NONE) {
            out->found =
                (cull_version_key){ model->portfolios[portfolio].id, model->links[found].ordinal };
        }
    } else if (collection != RULES_NONE) {
        found = by_number ? rules_version_at(model, collection, key.ordinal)
                          : rules_alias(model, collection, label);
        if (found != RULES_NONE) {
            out->found = (cull_version_key){ model->collections[collection].id,
                                             model->versions[found].ordinal };
        }
    }
    if (out->found.collection == RULES_NO_ID) {
        (void)because(out, CULL_E_NOTFOUND);
    }
}

/* Rule 27: through a link, the registry's role is enough. */
static void judge_download(struct rules_verdict *out, model_ptr model, request_ptr request)
{
    const struct rules_key *key = &request->keys[0];
    size_t link = rules_key_link(model, key);
    size_t version =
        link != RULES_NONE ? model->links[link].version : rules_key_version(model, key);
    const char *entity;

    if (version == RULES_NONE || model->versions[version].state == CULL_VERSION_PURGED) {
        (void)because(out, CULL_E_NOTFOUND);
        return;
    }
    entity = model->collections[model->versions[version].collection].entity;
    if (link == RULES_NONE) {
        need_role(out, model, request->actor, entity, NULL, CULL_ROLE_VIEWER);
    } else if (rules_role_in_force(model, request->actor, entity, NULL) < CULL_ROLE_VIEWER) {
        const struct rules_portfolio *in = &model->portfolios[model->links[link].portfolio];

        need_role(out, model, request->actor, in->entity, in->registry, CULL_ROLE_VIEWER);
    }
}

typedef void (*judge_fn)(struct rules_verdict *out, model_ptr model, request_ptr request);

void rules_judge(const struct rules_model *model, const struct rules_request *request,
                 struct rules_verdict *out)
{
    static const judge_fn judges[RULES_OPS] = {
        [RULES_OPEN] = judge_open,          [RULES_COMMIT] = judge_upload,
        [RULES_ABORT] = judge_upload,       [RULES_ALIAS_SET] = judge_alias,
        [RULES_ALIAS_REMOVE] = judge_alias, [RULES_TAG] = judge_tag,
        [RULES_LINK] = judge_link,          [RULES_UNLINK] = judge_unlink,
        [RULES_PROTECT] = judge_protect,    [RULES_GRANT] = judge_role,
        [RULES_REVOKE] = judge_role,        [RULES_TTL] = judge_ttl,
        [RULES_POLICY] = judge_policy,      [RULES_DELETE] = judge_delete,
        [RULES_SELECTED] = judge_selected,  [RULES_CASCADE] = judge_cascade,
        [RULES_RESTORE] = judge_restore,    [RULES_CYCLE] = judge_cycle,
        [RULES_FIND] = judge_find,          [RULES_DOWNLOAD] = judge_download,
    };

    memset(out, 0, sizeof *out);
    out->run_goes = RULES_NONE;
    out->done = CULL_OK;
    if (judges[request->op] != NULL) {
        judges[request->op](out, model, request);
    }
}
