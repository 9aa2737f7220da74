/*
 * rules_save.c - owner, roles, registries and links as the end of the catalog's room, and back.
 *
 * FORMAT    u8 and text: the owner; u8: strict links; then the entities that have any rules (default
 *           TTL, u8: set by administrators only, roles); the
 *           projects that are registries, with their roles and protected aliases; portfolios, each with
 *           its links and their aliases. Each kind by ascending id or ordinal, roles by user, aliases by
 *           text. Numbers, texts and ids as in catalog_save.c.
 * INVARIANT Canonical. Nothing is written of what has nothing, and a room without anything of it is of
 *           format 1, so a state has one form.
 * COST      What is there.
 * FAILURE   CULL_E_NOMEM; loading: CULL_E_CORRUPT too.
 */
#include "catalog/catalog_load.h"

#include <stdlib.h>

#define SAVED_ROLE_MIN 3
#define SAVED_ENTITY_MIN 4
#define SAVED_REGISTRY_MIN 3
#define SAVED_PORTFOLIO_MIN 7
#define SAVED_LINK_MIN 7
#define SAVED_LINK_LOST 1u
#define SAVED_LINK_ALIASES 2u /* lost ones */

static bool entity_has_rules(const struct cull__entity *entity)
{
    return entity->roles != NULL || entity->ttl_ms != 0 || entity->ttl_by_administrators;
}

bool cull__rules_any(const struct cull__catalog *catalog)
{
    if (catalog->owner != NULL || catalog->role_count > 0 || catalog->strict_links) {
        return true;
    }
    for (const struct cull__entity *at = catalog->entities; at != NULL; at = at->hh.next) {
        if (entity_has_rules(at)) {
            return true;
        }
    }
    for (const struct cull__project *at = catalog->projects; at != NULL; at = at->hh_id.next) {
        if (at->registry != NULL) {
            return true;
        }
    }
    return false;
}

/* --- writing ---------------------------------------------------------------------------------- */

static cull_status save_roles(struct cull__saver *saver, const struct cull__role *roles)
{
    const struct cull__role **sorted;
    size_t count;
    cull_status status = cull__roles_sorted(saver->catalog, roles, &sorted, &count);

    cull__buf_varint(saver->out, count);
    for (size_t i = 0; i < count; i++) {
        cull__buf_text(saver->out, sorted[i]->user, strlen(sorted[i]->user));
        cull__buf_u8(saver->out, sorted[i]->role);
    }
    cull__free(saver->catalog->allocator, (void *)sorted);
    return status;
}

static cull_status save_entities(struct cull__saver *saver)
{
    uint64_t last_id = 0;
    uint64_t count = 0;
    cull_status status = CULL_OK;

    for (const struct cull__entity *at = saver->catalog->entities_by_id; at != NULL;
         at = at->hh_id.next) {
        count += entity_has_rules(at);
    }
    cull__buf_varint(saver->out, count);
    for (const struct cull__entity *at = saver->catalog->entities_by_id;
         at != NULL && status == CULL_OK; at = at->hh_id.next) {
        if (entity_has_rules(at)) {
            cull__save_id(saver, &last_id, at->id);
            cull__buf_varint(saver->out, at->ttl_ms);
            cull__buf_u8(saver->out, at->ttl_by_administrators);
            status = save_roles(saver, at->roles);
        }
    }
    return status;
}

static cull_status save_registries(struct cull__saver *saver)
{
    uint64_t last_id = 0;
    uint64_t count = 0;
    cull_status status = CULL_OK;

    for (const struct cull__project *at = saver->catalog->projects; at != NULL;
         at = at->hh_id.next) {
        count += at->registry != NULL;
    }
    cull__buf_varint(saver->out, count);
    for (const struct cull__project *at = saver->catalog->projects; at != NULL && status == CULL_OK;
         at = at->hh_id.next) {
        if (at->registry != NULL) {
            cull__save_id(saver, &last_id, at->id);
            cull__save_labels(saver, at->registry->protected_aliases);
            status = save_roles(saver, at->registry->roles);
        }
    }
    return status;
}

static void save_link(struct cull__saver *saver, const struct cull__link *link)
{
    unsigned flags =
        (link->lost ? SAVED_LINK_LOST : 0) | (link->lost_aliases != NULL ? SAVED_LINK_ALIASES : 0);

    cull__buf_varint(saver->out, link->created_ms);
    cull__save_text(saver, link->creator);
    cull__buf_varint(saver->out, link->source->collection->id);
    cull__buf_varint(saver->out, link->source->ordinal);
    cull__buf_u8(saver->out, (uint8_t)flags);
    if (link->lost_aliases != NULL) {
        cull__save_labels(saver, link->lost_aliases);
    }
}

static int compare_aliases(const void *a, const void *b)
{
    return strcmp((*(const struct cull__link_alias *const *)a)->name,
                  (*(const struct cull__link_alias *const *)b)->name);
}

static cull_status save_link_aliases(struct cull__saver *saver,
                                     const struct cull__portfolio *portfolio)
{
    size_t count = HASH_COUNT(portfolio->aliases);
    size_t filled = 0;
    const struct cull__link_alias **sorted =
        cull__alloc(saver->catalog->allocator, count, sizeof *sorted);

    if (sorted == NULL) {
        return CULL_E_NOMEM;
    }
    for (const struct cull__link_alias *at = portfolio->aliases; at != NULL; at = at->hh.next) {
        sorted[filled++] = at;
    }
    if (count > 1) {
        qsort(sorted, count, sizeof *sorted, compare_aliases);
    }
    cull__buf_varint(saver->out, count);
    for (size_t i = 0; i < count; i++) {
        cull__buf_text(saver->out, sorted[i]->name, strlen(sorted[i]->name));
        cull__buf_varint(saver->out, sorted[i]->link->ordinal);
    }
    cull__free(saver->catalog->allocator, (void *)sorted);
    return CULL_OK;
}

static cull_status save_portfolios(struct cull__saver *saver)
{
    uint64_t last_id = 0;
    cull_status status = CULL_OK;

    cull__buf_varint(saver->out, HASH_CNT(hh_id, saver->catalog->portfolios));
    for (const struct cull__portfolio *at = saver->catalog->portfolios;
         at != NULL && status == CULL_OK; at = at->hh_id.next) {
        uint64_t last_link = 0;
        uint64_t next = 0;

        cull__save_id(saver, &last_id, at->id);
        cull__buf_varint(saver->out, at->registry->id);
        cull__buf_text(saver->out, at->name, strlen(at->name));
        cull__save_text(saver, at->type);
        cull__buf_varint(saver->out, at->next_ordinal);
        cull__buf_varint(saver->out, HASH_COUNT(at->links));
        for (const struct cull__link *link = at->links; link != NULL; link = link->hh.next) {
            cull__buf_varint(saver->out, link->ordinal - next);
            next = (uint64_t)link->ordinal + 1;
            cull__save_id(saver, &last_link, link->id);
            save_link(saver, link);
        }
        status = save_link_aliases(saver, at);
    }
    return status;
}

cull_status cull__rules_save(struct cull__saver *saver)
{
    const struct cull__catalog *catalog = saver->catalog;
    cull_status status;

    cull__buf_u8(saver->out, catalog->owner != NULL);
    if (catalog->owner != NULL) {
        cull__save_text(saver, catalog->owner);
    }
    cull__buf_u8(saver->out, catalog->strict_links);
    status = save_entities(saver);
    if (status == CULL_OK) {
        status = save_registries(saver);
    }
    return status == CULL_OK ? save_portfolios(saver) : status;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* An id that a kind of record has and that something else gave, greater than the last. */
static uint64_t load_known_id(struct cull__loader *loader, uint64_t *last)
{
    *last = cull__load_sum(loader, *last + 1, loader->catalog->next_id - 1);
    return *last;
}

static void load_roles(struct cull__loader *loader, struct cull__role **roles)
{
    size_t count = cull__cursor_count(&loader->in, SAVED_ROLE_MIN, UINT32_MAX);
    const char *last = "";
    size_t last_len = 0;

    cull__load_now(loader, "a role");
    for (size_t i = 0; i < count && cull__load_going(loader); i++) {
        size_t len;
        const char *user = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);
        uint8_t role = cull__cursor_u8(&loader->in);

        if (!cull__load_must(loader, cull__load_going(loader) && cull__text_ok(user, len) &&
                                         cull__load_text_before(last, last_len, user, len) &&
                                         role >= CULL_ROLE_RESTRICTED_VIEWER &&
                                         role <= CULL_ROLE_ADMINISTRATOR) ||
            !cull__load_must_have_memory(loader,
                                         cull__role_set(loader->catalog, roles, user, len, role))) {
            return;
        }
        last = user;
        last_len = len;
    }
}

static void load_entity_rules(struct cull__loader *loader, struct cull__entity *entity)
{
    entity->ttl_ms = cull__cursor_varint_max(&loader->in, CULL__TTL_OFF - 1);
    entity->ttl_by_administrators = cull__load_bool(loader);
    load_roles(loader, &entity->roles);
    if (cull__load_must(loader, entity_has_rules(entity)) && entity->ttl_ms != 0) {
        /* versions were read before it was known what they inherit */
        (void)cull__load_must_have_memory(
            loader, cull__pending_refresh_entity(loader->catalog, entity) == CULL_OK);
    }
}

static void load_entities(struct cull__loader *loader)
{
    size_t count = cull__cursor_count(&loader->in, SAVED_ENTITY_MIN, SIZE_MAX);
    uint64_t last_id = 0;

    for (size_t i = 0; i < count && cull__load_going(loader); i++) {
        struct cull__entity *entity;

        cull__load_now(loader, "an entity's rules");
        entity = cull__entity_by_id(loader->catalog, load_known_id(loader, &last_id));
        if (cull__load_must(loader, entity != NULL)) {
            load_entity_rules(loader, entity);
        }
    }
}

/* Labels that may be none. */
static void load_some_labels(struct cull__loader *loader, struct cull__label **labels)
{
    if (cull__load_going(loader) && loader->in.at < loader->in.end && *loader->in.at == 0) {
        (void)cull__cursor_u8(&loader->in);
        return;
    }
    cull__load_labels(loader, labels);
}

static void load_registries(struct cull__loader *loader)
{
    size_t count = cull__cursor_count(&loader->in, SAVED_REGISTRY_MIN, SIZE_MAX);
    uint64_t last_id = 0;

    for (size_t i = 0; i < count && cull__load_going(loader); i++) {
        struct cull__project *project;

        cull__load_now(loader, "a registry");
        project = cull__project_by_id(loader->catalog, load_known_id(loader, &last_id));
        if (cull__load_must(
                loader, project != NULL && project->collections == NULL && project->runs == NULL) &&
            cull__load_must_have_memory(loader, cull__registry_make(loader->catalog, project))) {
            load_some_labels(loader, &project->registry->protected_aliases);
            load_roles(loader, &project->registry->roles);
        }
    }
}

/* The source of a link, which must be in the state that the link says. */
static bool source_fits(struct cull__loader *loader, const struct cull__portfolio *portfolio,
                        struct cull__collection *collection, uint32_t ordinal, bool lost)
{
    const struct cull__version *version;

    if (!cull__load_must(loader, collection != NULL && collection->type == portfolio->type) ||
        !cull__load_must_have_memory(
            loader, cull__collection_open(loader->catalog, collection) == CULL_OK)) {
        return false;
    }
    version = cull__version_at(collection, ordinal);
    return cull__load_must(
        loader, version != NULL &&
                    version->state == (lost ? CULL_VERSION_DELETED : CULL_VERSION_COMMITTED) &&
                    (lost || (version->ttl_ms == CULL__TTL_OFF &&
                              cull__link_into(portfolio, collection, ordinal) == NULL)));
}

static void load_link(struct cull__loader *loader, struct cull__portfolio *portfolio,
                      uint32_t ordinal, uint64_t id)
{
    struct cull__catalog *catalog = loader->catalog;
    uint64_t created_ms = cull__cursor_varint_max(&loader->in, catalog->clock_ms);
    const char *creator = cull__load_text(loader);
    struct cull__collection *collection =
        cull__collection_by_id(catalog, cull__cursor_varint(&loader->in));
    uint32_t source = (uint32_t)cull__cursor_varint_max(&loader->in, UINT32_MAX);
    unsigned flags = cull__cursor_u8(&loader->in);
    struct cull__link *link;

    if (!cull__load_must(loader, cull__load_going(loader) &&
                                     (flags == 0 || flags == SAVED_LINK_LOST ||
                                      flags == (SAVED_LINK_LOST | SAVED_LINK_ALIASES))) ||
        !source_fits(loader, portfolio, collection, source, flags != 0)) {
        return;
    }
    link = cull__link_add(catalog, id, portfolio, ordinal, collection, source);
    if (!cull__load_must_have_memory(loader, link != NULL) || link == NULL) {
        return;
    }
    link->created_ms = created_ms;
    link->creator = creator;
    if (flags != 0) {
        link->lost = true;
        portfolio->live--;
    }
    if (flags & SAVED_LINK_ALIASES) {
        cull__load_labels(loader, &link->lost_aliases);
    }
}

static void load_links(struct cull__loader *loader, struct cull__portfolio *portfolio)
{
    size_t count = cull__cursor_count(&loader->in, SAVED_LINK_MIN, portfolio->next_ordinal);
    uint64_t last_id = 0;
    uint64_t next = 0;

    for (size_t i = 0; i < count && cull__load_going(loader); i++) {
        uint64_t ordinal;

        cull__load_now(loader, "a link");
        ordinal = cull__load_sum(loader, next, (uint64_t)portfolio->next_ordinal - 1);
        next = ordinal + 1;
        load_link(loader, portfolio, (uint32_t)ordinal, cull__load_id(loader, &last_id));
    }
}

static void load_link_aliases(struct cull__loader *loader, const struct cull__portfolio *portfolio)
{
    size_t count = cull__cursor_count(&loader->in, 3, UINT32_MAX);
    const char *last = "";
    size_t last_len = 0;

    cull__load_now(loader, "a link's alias");
    for (size_t i = 0; i < count && cull__load_going(loader); i++) {
        size_t len;
        const char *name = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);
        uint32_t ordinal = (uint32_t)cull__cursor_varint_max(&loader->in, UINT32_MAX);
        struct cull__link *link =
            cull__load_going(loader) ? cull__link_at(portfolio, ordinal) : NULL;

        if (!cull__load_must(loader, link != NULL && !link->lost && cull__label_ok(name, len) &&
                                         cull__load_text_before(last, last_len, name, len)) ||
            !cull__load_must_have_memory(loader,
                                         cull__link_alias_add(loader->catalog, link, name, len))) {
            return;
        }
        last = name;
        last_len = len;
    }
}

static void load_portfolio(struct cull__loader *loader, uint64_t *last_id)
{
    struct cull__catalog *catalog = loader->catalog;
    uint64_t id = cull__load_id(loader, last_id);
    struct cull__project *registry = cull__project_by_id(catalog, cull__cursor_varint(&loader->in));
    size_t len;
    const char *name = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);
    const char *type = cull__load_text(loader);
    struct cull__portfolio *portfolio = NULL;

    if (!cull__load_must(loader, registry != NULL && registry->registry != NULL &&
                                     cull__name_ok(name, len) &&
                                     cull__text_ok(type, strlen(type)))) {
        return;
    }
    HASH_FIND(hh, registry->registry->portfolios, name, len, portfolio);
    if (!cull__load_must(loader, portfolio == NULL)) {
        return;
    }
    portfolio = cull__portfolio_add(catalog, id, registry, name, len, type);
    if (!cull__load_must_have_memory(loader, portfolio != NULL)) {
        return;
    }
    portfolio->next_ordinal =
        (uint32_t)cull__cursor_varint_max(&loader->in, CULL__NEXT_ORDINAL_MAX);
    load_links(loader, portfolio);
    load_link_aliases(loader, portfolio);
}

static void load_portfolios(struct cull__loader *loader)
{
    size_t count;
    uint64_t last_id = 0;

    cull__load_now(loader, "a portfolio");
    count = cull__cursor_count(&loader->in, SAVED_PORTFOLIO_MIN, SIZE_MAX);
    for (size_t i = 0; i < count && cull__load_going(loader); i++) {
        cull__load_now(loader, "a portfolio");
        load_portfolio(loader, &last_id);
    }
}

void cull__rules_load(struct cull__loader *loader)
{
    struct cull__catalog *catalog = loader->catalog;
    bool builds = loader->builds;

    loader->builds = true; /* of collections some may stay sealed, of this nothing */
    cull__load_now(loader, "the owner");
    if (cull__load_bool(loader)) {
        const char *owner = cull__load_text(loader);

        catalog->owner = cull__load_going(loader) ? owner : NULL;
    }
    catalog->strict_links = cull__load_bool(loader);
    load_entities(loader);
    load_registries(loader);
    load_portfolios(loader);
    loader->builds = builds;
    cull__load_now(loader, "what follows the uploads");
    (void)cull__load_must(
        loader, cull__rules_any(catalog) && (catalog->owner != NULL || catalog->role_count == 0));
}
