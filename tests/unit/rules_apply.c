/*
 * rules_apply.c - what a request changes in the model of the rules, once the library has done it.
 */
#include "rules_state.h"

#include <stdlib.h>
#include <string.h>

typedef const struct rules_request *request_ptr;

/* --- rows ----------------------------------------------------------------------------------------- */

static size_t new_row(size_t *count)
{
    if (*count == RULES_ROWS) {
        abort();
    }
    return (*count)++;
}

static void make_project(struct rules_model *model, const char *entity, const char *name,
                         bool is_registry)
{
    rules_entity(model, entity)->there = true;
    if (rules_project(model, entity, name) == RULES_NONE) {
        model->projects[new_row(&model->project_count)] =
            (struct rules_project){ true, is_registry, entity, name };
    }
}

/* --- uploads -------------------------------------------------------------------------------------- */

static bool apply_open(struct rules_model *model, request_ptr request,
                       const struct rules_learned *learned)
{
    size_t collection = rules_collection(model, request->entity, request->project, request->name);
    size_t run = request->run == NULL
                     ? RULES_NONE
                     : rules_run(model, request->entity, request->project, request->run);

    make_project(model, request->entity, request->project, false);
    if (collection == RULES_NONE) {
        collection = new_row(&model->collection_count);
        model->collections[collection] = (struct rules_collection){
            .entity = request->entity,
            .project = request->project,
            .name = request->name,
            .type = request->type == NULL ? "dataset" : request->type,
        };
    }
    if (request->run != NULL && run == RULES_NONE) {
        run = new_row(&model->run_count);
        model->runs[run] =
            (struct rules_run){ request->entity, request->project, request->run, false };
    }
    model->uploads[request->slot] =
        (struct rules_upload){ true, true, learned->upload, collection, run, request->actor };
    return true;
}

static void move_alias(struct rules_model *model, size_t collection, size_t version,
                       const char *alias)
{
    size_t holder = rules_alias(model, collection, alias);

    if (holder != RULES_NONE) {
        rules_labels_drop(&model->versions[holder].aliases, alias);
    }
    rules_labels_add(&model->versions[version].aliases, alias);
}

static bool apply_commit(struct rules_model *model, request_ptr request,
                         const struct rules_learned *learned)
{
    struct rules_upload *upload = &model->uploads[request->slot];
    struct rules_collection *in = &model->collections[upload->collection];
    size_t version = rules_version_at(model, upload->collection, learned->ordinal);
    bool equal = false;

    for (size_t i = 0; i < model->version_count; i++) { /* rule 5 */
        const struct rules_version *at = &model->versions[i];

        equal = equal || (at->collection == upload->collection &&
                          at->state == CULL_VERSION_COMMITTED && at->content == request->content);
    }
    if (learned->is_new == equal || (in->id != 0 && in->id != learned->collection) ||
        (equal ? version == RULES_NONE || model->versions[version].content != request->content ||
                     model->versions[version].state != CULL_VERSION_COMMITTED
               : learned->ordinal != in->ordinals)) {
        return false;
    }
    in->id = learned->collection;
    if (!equal) {
        version = new_row(&model->version_count);
        model->versions[version] = (struct rules_version){
            .collection = upload->collection,
            .ordinal = in->ordinals++,
            .state = CULL_VERSION_COMMITTED,
            .content = request->content,
            .run = upload->run,
            .creator = request->actor,
            .created_ms = model->now_ms,
        };
        if (rules_type_takes_ttl(in->type)) { /* rule 23 */
            model->versions[version].ttl_ms =
                request->seconds == CULL_TTL_OFF ? UINT64_MAX : 1000 * (uint64_t)request->seconds;
        }
    }
    move_alias(model, upload->collection, version, "latest");
    for (size_t i = 0; i < request->alias_count; i++) {
        move_alias(model, upload->collection, version, request->aliases[i]);
    }
    if (request->label != NULL) {
        rules_labels_add(&model->versions[version].tags, request->label);
    }
    upload->open = false;
    return true;
}

/* --- names ---------------------------------------------------------------------------------------- */

static void move_link_alias(struct rules_model *model, size_t link, const char *alias)
{
    size_t holder = rules_link_alias(model, model->links[link].portfolio, alias);

    if (holder != RULES_NONE) {
        rules_labels_drop(&model->links[holder].aliases, alias);
    }
    rules_labels_add(&model->links[link].aliases, alias);
}

static void apply_alias(struct rules_model *model, request_ptr request)
{
    const struct rules_key *key = &request->keys[0];
    size_t portfolio = rules_key_portfolio(model, key);
    size_t collection = rules_key_collection(model, key);

    if (request->op == RULES_ALIAS_SET) {
        if (portfolio != RULES_NONE) {
            move_link_alias(model, rules_key_link(model, key), request->label);
        } else {
            move_alias(model, collection, rules_key_version(model, key), request->label);
        }
    } else if (portfolio != RULES_NONE) {
        rules_labels_drop(&model->links[rules_link_alias(model, portfolio, request->label)].aliases,
                          request->label);
    } else {
        rules_labels_drop(&model->versions[rules_alias(model, collection, request->label)].aliases,
                          request->label);
    }
}

static void apply_tag(struct rules_model *model, request_ptr request)
{
    struct rules_version *version = &model->versions[rules_key_version(model, &request->keys[0])];

    if (request->present) {
        rules_labels_add(&version->tags, request->label);
    } else {
        rules_labels_drop(&version->tags, request->label);
    }
}

/* --- links, roles, times to live ------------------------------------------------------------------ */

static bool apply_link(struct rules_model *model, request_ptr request,
                       const struct rules_learned *learned)
{
    size_t portfolio = rules_portfolio(model, request->entity, request->project, request->name);
    size_t version = rules_key_version(model, &request->keys[0]);
    size_t link = RULES_NONE;

    make_project(model, request->entity, request->project, true);
    if (portfolio == RULES_NONE) {
        portfolio = new_row(&model->portfolio_count);
        model->portfolios[portfolio] = (struct rules_portfolio){
            .there = true,
            .id = learned->collection,
            .entity = request->entity,
            .registry = request->project,
            .name = request->name,
            .type = model->collections[model->versions[version].collection].type,
        };
    }
    for (size_t i = 0; i < model->link_count; i++) {
        const struct rules_link *at = &model->links[i];

        if (at->there && !at->is_lost && at->portfolio == portfolio && at->version == version) {
            link = i;
        }
    }
    if (link == RULES_NONE) {
        link = new_row(&model->link_count);
        model->links[link] = (struct rules_link){
            .there = true,
            .portfolio = portfolio,
            .ordinal = model->portfolios[portfolio].ordinals++,
            .version = version,
            .creator = request->actor,
            .created_ms = model->now_ms,
        };
        model->versions[version].ttl_ms = UINT64_MAX; /* rule 24 */
    }
    move_link_alias(model, link, "latest");
    for (size_t i = 0; i < request->alias_count; i++) {
        move_link_alias(model, link, request->aliases[i]);
    }
    return learned->collection == model->portfolios[portfolio].id &&
           learned->ordinal == model->links[link].ordinal;
}

static void apply_protect(struct rules_model *model, request_ptr request)
{
    size_t row = rules_protection(model, request->entity, request->project, request->label);

    if (row != RULES_NONE) {
        model->protections[row].there = request->present;
    } else {
        make_project(model, request->entity, request->project, true);
        model->protections[new_row(&model->protection_count)] =
            (struct rules_protected){ true, request->entity, request->project, request->label };
    }
}

static void apply_role(struct rules_model *model, request_ptr request)
{
    size_t row = rules_role_row(model, request->entity, request->project, request->user);

    rules_entity(model, request->entity)->there = true;
    if (row != RULES_NONE) {
        model->roles[row].there = request->op == RULES_GRANT;
        model->roles[row].role = request->role;
    } else {
        model->roles[new_row(&model->role_count)] =
            (struct rules_role){ true, request->entity, request->project, request->user,
                                 request->role };
    }
}

static void apply_ttl(struct rules_model *model, request_ptr request)
{
    for (size_t i = 0; i < request->key_count; i++) {
        model->versions[rules_key_version(model, &request->keys[i])].ttl_ms =
            request->seconds == CULL_TTL_OFF       ? UINT64_MAX
            : request->seconds == CULL_TTL_INHERIT ? 0
                                                   : 1000 * (uint64_t)request->seconds;
    }
}

static void apply_policy(struct rules_model *model, request_ptr request)
{
    *rules_entity(model, request->entity) =
        (struct rules_entity){ true, request->seconds, !request->members_may };
}

/* --- deleting ------------------------------------------------------------------------------------- */

static void delete_version(struct rules_model *model, size_t version, cull_delete_reason reason)
{
    struct rules_version *at = &model->versions[version];

    at->state = CULL_VERSION_DELETED;
    at->reason = reason;
    at->deleted_ms = model->now_ms;
    at->kept_until_ms = model->now_ms + model->grace_ms;
    at->lost = at->aliases;
    at->aliases.count = 0;
    for (size_t i = 0; i < model->link_count; i++) {
        struct rules_link *link = &model->links[i];

        if (link->there && !link->is_lost && link->version == version) {
            link->is_lost = true;
            link->lost = link->aliases;
            link->aliases.count = 0;
        }
    }
}

static void drop_portfolio(struct rules_model *model, size_t portfolio)
{
    model->portfolios[portfolio].there = false;
    for (size_t i = 0; i < model->link_count; i++) { /* and those that are lost */
        if (model->links[i].portfolio == portfolio) {
            model->links[i].there = false;
        }
    }
}

static void drop_registry(struct rules_model *model, size_t registry)
{
    struct rules_project *at = &model->projects[registry];

    at->there = false;
    for (size_t i = 0; i < model->role_count; i++) {
        if (rules_same(model->roles[i].entity, at->entity) &&
            rules_same(model->roles[i].registry, at->name)) {
            model->roles[i].there = false;
        }
    }
    for (size_t i = 0; i < model->protection_count; i++) {
        if (rules_same(model->protections[i].entity, at->entity) &&
            rules_same(model->protections[i].registry, at->name)) {
            model->protections[i].there = false;
        }
    }
}

static void apply_delete(struct rules_model *model, const struct rules_verdict *verdict,
                         cull_delete_reason reason)
{
    for (size_t i = 0; i < RULES_ROWS; i++) {
        if (verdict->link_goes[i] && !verdict->link_lost[i]) {
            model->links[i].there = false;
        }
    }
    for (size_t i = 0; i < RULES_ROWS; i++) {
        if (verdict->version_goes[i]) {
            delete_version(model, i, reason);
        }
        model->collections[i].deleted =
            model->collections[i].deleted || verdict->collection_goes[i];
        if (verdict->portfolio_goes[i]) {
            drop_portfolio(model, i);
        }
        if (verdict->registry_goes[i]) {
            drop_registry(model, i);
        }
    }
    for (size_t i = 0; i < RULES_SLOTS; i++) { /* rule 13 */
        if (model->uploads[i].used && verdict->collection_hit[model->uploads[i].collection]) {
            model->uploads[i].open = false;
        }
    }
    if (verdict->run_goes != RULES_NONE) {
        model->runs[verdict->run_goes].deleted = true;
    }
}

/* --- restoring, collecting ------------------------------------------------------------------------ */

/* Rule 32: its aliases that are free, its links, and of their aliases those that are free and that a
 * member may give. */
static void restore_version(struct rules_model *model, size_t version)
{
    struct rules_version *at = &model->versions[version];

    at->state = CULL_VERSION_COMMITTED;
    at->reason = CULL_REASON_NONE;
    at->deleted_ms = at->kept_until_ms = 0;
    for (unsigned i = 0; i < at->lost.count; i++) {
        if (rules_alias(model, at->collection, at->lost.at[i]) == RULES_NONE) {
            rules_labels_add(&at->aliases, at->lost.at[i]);
        }
    }
    at->lost.count = 0;
    for (size_t i = 0; i < model->link_count; i++) {
        struct rules_link *link = &model->links[i];
        const struct rules_portfolio *in = &model->portfolios[link->portfolio];

        if (!link->there || link->version != version) {
            continue;
        }
        link->is_lost = false;
        for (unsigned k = 0; k < link->lost.count; k++) {
            if (rules_link_alias(model, link->portfolio, link->lost.at[k]) == RULES_NONE &&
                rules_protection(model, in->entity, in->registry, link->lost.at[k]) == RULES_NONE) {
                rules_labels_add(&link->aliases, link->lost.at[k]);
            }
        }
        link->lost.count = 0;
    }
}

static bool names_version(const struct rules_model *model, request_ptr request, size_t version)
{
    for (size_t i = 0; i < request->key_count; i++) {
        if (rules_key_version(model, &request->keys[i]) == version) {
            return true;
        }
    }
    return false;
}

static void apply_restore(struct rules_model *model, request_ptr request)
{
    bool named[RULES_ROWS];
    size_t collections[RULES_KEYS];

    for (size_t i = 0; i < RULES_ROWS; i++) {
        named[i] = i < model->version_count && names_version(model, request, i);
    }
    for (size_t i = 0; i < request->key_count; i++) { /* before a name means another */
        collections[i] = rules_key_collection(model, &request->keys[i]);
    }
    for (size_t i = 0; i < request->key_count; i++) {
        struct rules_collection *in = &model->collections[collections[i]];

        if (in->deleted) {
            in->deleted = false;
            in->name = request->label == NULL ? in->name : request->label;
        }
    }
    /* In order of collections and ordinals: of two that lost an alias, the first gets it back. */
    for (size_t collection = 0; collection < model->collection_count; collection++) {
        for (size_t i = 0; i < model->version_count; i++) {
            if (named[i] && model->versions[i].collection == collection) {
                restore_version(model, i);
            }
        }
    }
}

static void apply_cycle(struct rules_model *model, const struct rules_verdict *verdict)
{
    apply_delete(model, verdict, CULL_REASON_TTL); /* rule 26 */
    for (size_t i = 0; i < model->version_count; i++) {
        struct rules_version *at = &model->versions[i];

        if (at->state != CULL_VERSION_DELETED || at->kept_until_ms > model->now_ms) {
            continue;
        }
        at->state = CULL_VERSION_PURGED;
        for (size_t k = 0; k < model->link_count; k++) {
            if (model->links[k].version == i) {
                model->links[k].there = false;
            }
        }
    }
}

static void apply_names(struct rules_model *model, request_ptr request)
{
    switch (request->op) {
    case RULES_ABORT:
        model->uploads[request->slot].open = false;
        break;
    case RULES_ALIAS_SET:
    case RULES_ALIAS_REMOVE:
        apply_alias(model, request);
        break;
    case RULES_TAG:
        apply_tag(model, request);
        break;
    case RULES_PROTECT:
        apply_protect(model, request);
        break;
    case RULES_GRANT:
    case RULES_REVOKE:
        apply_role(model, request);
        break;
    case RULES_TTL:
        apply_ttl(model, request);
        break;
    case RULES_POLICY:
        apply_policy(model, request);
        break;
    case RULES_CLOCK:
        model->now_ms += request->advance_ms;
        break;
    default:
        break;
    }
}

bool rules_apply(struct rules_model *model, const struct rules_request *request,
                 const struct rules_verdict *verdict, const struct rules_learned *learned)
{
    switch (request->op) {
    case RULES_OPEN:
        return apply_open(model, request, learned);
    case RULES_COMMIT:
        return apply_commit(model, request, learned);
    case RULES_LINK:
        return apply_link(model, request, learned);
    case RULES_UNLINK:
        apply_delete(model, verdict, CULL_REASON_USER);
        return true;
    case RULES_DELETE:
    case RULES_SELECTED:
        if (!request->dry_run) {
            apply_delete(model, verdict, CULL_REASON_USER);
        }
        return true;
    case RULES_CASCADE:
        if (!request->dry_run) {
            apply_delete(model, verdict, CULL_REASON_CASCADE);
        }
        return true;
    case RULES_RESTORE:
        apply_restore(model, request);
        return true;
    case RULES_CYCLE:
        apply_cycle(model, verdict);
        return true;
    default:
        apply_names(model, request);
        return true;
    }
}
