/*
 * links.c - registries, portfolios and links: nodes, and the facts that change them.
 *
 * SHAPE     A registry is a project that holds portfolios instead of collections. A portfolio is an
 *           ordered sequence of links with aliases of its own. A link names one version; the versions of
 *           a collection that have any stand in a table of the collection, so that all others pay
 *           nothing for links.
 * INVARIANT A link that is not lost has a COMMITTED source. Soft-deleting the source makes its links
 *           lost: they keep their ordinals and the names of their aliases, and come back with it. A
 *           version has at most one link in a portfolio that is not lost. Ordinals are never reused.
 * COST      O(1) a link; what is asked of a link's aliases looks at those of its portfolio. A delete
 *           looks at the linked versions of its collection only.
 * FAILURE   CULL_E_CORRUPT, CULL_E_NOMEM: nothing changed.
 * WHY NOT   links as versions of a collection: all that counts and marks versions would have to leave
 *           them out.
 */
#include "catalog/catalog_internal.h"

#include <stdlib.h>

/* --- looking up ------------------------------------------------------------------------------- */

struct cull__portfolio *cull__portfolio_find(const struct cull__project *registry, const char *name)
{
    struct cull__portfolio *found;

    HASH_FIND(hh, registry->registry->portfolios, name, strlen(name), found);
    return found;
}

struct cull__portfolio *cull__portfolio_by_id(const struct cull__catalog *catalog, uint64_t id)
{
    struct cull__portfolio *found;

    HASH_FIND(hh_id, catalog->portfolios, &id, sizeof id, found);
    return found;
}

struct cull__link *cull__link_at(const struct cull__portfolio *portfolio, uint32_t ordinal)
{
    struct cull__link *found;

    HASH_FIND(hh, portfolio->links, &ordinal, sizeof ordinal, found);
    return found;
}

struct cull__link_alias *cull__link_alias_find(const struct cull__portfolio *portfolio,
                                               const char *name, size_t len)
{
    struct cull__link_alias *found;

    HASH_FIND(hh, portfolio->aliases, name, len, found);
    return found;
}

struct cull__linked *cull__linked_at(const struct cull__collection *collection, uint32_t ordinal)
{
    struct cull__linked *found = NULL;

    if (collection->linked != NULL) {
        HASH_FIND(hh, collection->linked, &ordinal, sizeof ordinal, found);
    }
    return found;
}

struct cull__link *cull__link_into(const struct cull__portfolio *portfolio,
                                   const struct cull__collection *collection, uint32_t ordinal)
{
    const struct cull__linked *linked = cull__linked_at(collection, ordinal);
    struct cull__link *link = linked == NULL ? NULL : linked->links;

    while (link != NULL && (link->portfolio != portfolio || link->lost)) {
        link = link->next;
    }
    return link;
}

bool cull__version_is_linked(const struct cull__collection *collection, uint32_t ordinal)
{
    const struct cull__linked *linked = cull__linked_at(collection, ordinal);

    return linked != NULL && !linked->links->lost; /* all are, or none */
}

bool cull__alias_protected(const struct cull__project *registry, const char *name)
{
    bool there;

    (void)cull__label_seek(&registry->registry->protected_aliases, name, strlen(name), &there);
    return there;
}

const char *cull__link_protection(const struct cull__link *link)
{
    const struct cull__registry *registry = link->portfolio->registry->registry;

    for (const struct cull__label *at = registry->protected_aliases; at != NULL; at = at->next) {
        const struct cull__link_alias *alias =
            cull__link_alias_find(link->portfolio, at->text, strlen(at->text));

        if (alias != NULL && alias->link == link) {
            return at->text;
        }
    }
    return NULL;
}

const struct cull__link *cull__version_blocker(const struct cull__catalog *catalog,
                                               const struct cull__collection *collection,
                                               uint32_t ordinal)
{
    const struct cull__linked *linked = cull__linked_at(collection, ordinal);
    const struct cull__link *any = NULL;

    if (linked == NULL) {
        return NULL;
    }
    for (const struct cull__link *at = linked->links; at != NULL; at = at->next) {
        if (!at->lost && cull__link_protection(at) != NULL) {
            return at;
        }
        any = any == NULL && !at->lost ? at : any;
    }
    return catalog->strict_links ? any : NULL;
}

const struct cull__link *cull__portfolio_protection(const struct cull__portfolio *portfolio)
{
    const struct cull__registry *registry = portfolio->registry->registry;

    for (const struct cull__label *at = registry->protected_aliases; at != NULL; at = at->next) {
        const struct cull__link_alias *alias =
            cull__link_alias_find(portfolio, at->text, strlen(at->text));

        if (alias != NULL) {
            return alias->link;
        }
    }
    return NULL;
}

const struct cull__link *cull__registry_protection(const struct cull__project *registry)
{
    const struct cull__link *found = NULL;

    for (const struct cull__portfolio *at = registry->registry->portfolios;
         at != NULL && found == NULL; at = at->hh.next) {
        found = cull__portfolio_protection(at);
    }
    return found;
}

/* --- nodes ------------------------------------------------------------------------------------ */

bool cull__registry_make(const struct cull__catalog *catalog, struct cull__project *project)
{
    project->registry = cull__alloc_zero(catalog->allocator, 1, sizeof *project->registry);
    return project->registry != NULL;
}

struct cull__portfolio *cull__portfolio_add(struct cull__catalog *catalog, uint64_t id,
                                            struct cull__project *registry, const char *name,
                                            size_t len, const char *type)
{
    struct cull__portfolio *portfolio =
        cull__alloc_zero(catalog->allocator, 1, sizeof *portfolio + len + 1);

    if (portfolio == NULL) {
        return NULL;
    }
    memcpy(portfolio->name, name, len);
    portfolio->id = id;
    portfolio->registry = registry;
    portfolio->type = type;
    HASH_ADD_KEYPTR(hh, registry->registry->portfolios, portfolio->name, len, portfolio);
    if (!cull__hash_has(portfolio, hh)) {
        goto failed;
    }
    HASH_ADD(hh_id, catalog->portfolios, id, sizeof portfolio->id, portfolio);
    if (!cull__hash_has(portfolio, hh_id)) {
        HASH_DELETE(hh, registry->registry->portfolios, portfolio);
        goto failed;
    }
    return portfolio;
failed:
    cull__free(catalog->allocator, portfolio);
    return NULL;
}

static struct cull__linked *linked_make(const struct cull__catalog *catalog,
                                        struct cull__collection *collection, uint32_t ordinal)
{
    struct cull__linked *linked = cull__linked_at(collection, ordinal);

    if (linked != NULL) {
        return linked;
    }
    linked = cull__alloc_zero(catalog->allocator, 1, sizeof *linked);
    if (linked == NULL) {
        return NULL;
    }
    linked->collection = collection;
    linked->ordinal = ordinal;
    HASH_ADD(hh, collection->linked, ordinal, sizeof linked->ordinal, linked);
    if (!cull__hash_has(linked, hh)) {
        cull__free(catalog->allocator, linked);
        return NULL;
    }
    return linked;
}

static void linked_drop_if_done(const struct cull__catalog *catalog, struct cull__linked *linked)
{
    if (linked->links == NULL) {
        HASH_DELETE(hh, linked->collection->linked, linked);
        cull__free(catalog->allocator, linked);
    }
}

struct cull__link *cull__link_add(struct cull__catalog *catalog, uint64_t id,
                                  struct cull__portfolio *portfolio, uint32_t ordinal,
                                  struct cull__collection *collection, uint32_t source_ordinal)
{
    struct cull__linked *linked = linked_make(catalog, collection, source_ordinal);
    struct cull__link *link =
        linked == NULL ? NULL : cull__alloc_zero(catalog->allocator, 1, sizeof *link);
    struct cull__link **last;

    if (link == NULL) {
        goto failed;
    }
    link->id = id;
    link->created_ms = catalog->clock_ms;
    link->creator = catalog->actor;
    link->portfolio = portfolio;
    link->source = linked;
    link->ordinal = ordinal;
    HASH_ADD(hh, portfolio->links, ordinal, sizeof link->ordinal, link);
    if (!cull__hash_has(link, hh)) {
        cull__free(catalog->allocator, link);
        goto failed;
    }
    last = &linked->links;
    while (*last != NULL && (*last)->id < id) { /* a checkpoint has them by portfolio */
        last = &(*last)->next;
    }
    link->next = *last;
    *last = link;
    portfolio->live++;
    return link;
failed:
    if (linked != NULL) {
        linked_drop_if_done(catalog, linked);
    }
    return NULL;
}

bool cull__link_alias_add(const struct cull__catalog *catalog, struct cull__link *link,
                          const char *name, size_t len)
{
    struct cull__link_alias *alias =
        cull__alloc_zero(catalog->allocator, 1, sizeof *alias + len + 1);

    if (alias == NULL) {
        return false;
    }
    memcpy(alias->name, name, len);
    alias->link = link;
    HASH_ADD_KEYPTR(hh, link->portfolio->aliases, alias->name, len, alias);
    if (!cull__hash_has(alias, hh)) {
        cull__free(catalog->allocator, alias);
        return false;
    }
    return true;
}

static void alias_drop(const struct cull__catalog *catalog, struct cull__portfolio *portfolio,
                       struct cull__link_alias *alias)
{
    HASH_DELETE(hh, portfolio->aliases, alias);
    cull__free(catalog->allocator, alias);
}

/* All aliases of a link. */
static void aliases_drop(const struct cull__catalog *catalog, const struct cull__link *link)
{
    struct cull__link_alias *at = link->portfolio->aliases;

    while (at != NULL) {
        struct cull__link_alias *next = at->hh.next;

        if (at->link == link) {
            alias_drop(catalog, link->portfolio, at);
        }
        at = next;
    }
}

static void link_drop(const struct cull__catalog *catalog, struct cull__link *link)
{
    struct cull__link **at = &link->source->links;

    aliases_drop(catalog, link);
    cull__labels_free(catalog, &link->lost_aliases);
    while (*at != link) {
        at = &(*at)->next;
    }
    *at = link->next;
    linked_drop_if_done(catalog, link->source);
    link->portfolio->live -= !link->lost;
    HASH_DELETE(hh, link->portfolio->links, link);
    cull__free(catalog->allocator, link);
}

static void portfolio_drop(struct cull__catalog *catalog, struct cull__portfolio *portfolio)
{
    while (portfolio->links != NULL) {
        link_drop(catalog, portfolio->links);
    }
    HASH_DELETE(hh, portfolio->registry->registry->portfolios, portfolio);
    HASH_DELETE(hh_id, catalog->portfolios, portfolio);
    cull__free(catalog->allocator, portfolio);
}

static void registry_unmake(struct cull__catalog *catalog, struct cull__project *project)
{
    while (project->registry->portfolios != NULL) {
        portfolio_drop(catalog, project->registry->portfolios);
    }
    cull__roles_free(catalog, &project->registry->roles);
    cull__labels_free(catalog, &project->registry->protected_aliases);
    cull__free(catalog->allocator, project->registry);
    project->registry = NULL;
}

void cull__links_free_all(struct cull__catalog *catalog)
{
    for (struct cull__project *at = catalog->projects; at != NULL; at = at->hh_id.next) {
        if (at->registry != NULL) {
            registry_unmake(catalog, at);
        }
    }
}

/* --- facts ------------------------------------------------------------------------------------ */

static struct cull__project *registry_by_id(const struct cull__catalog *catalog, uint64_t id)
{
    struct cull__project *project = cull__project_by_id(catalog, id);

    return project == NULL || project->registry == NULL ? NULL : project;
}

/* A link that is not lost; NULL: there is none. */
static struct cull__link *live_link(const struct cull__portfolio *portfolio, uint32_t ordinal)
{
    struct cull__link *link = portfolio == NULL ? NULL : cull__link_at(portfolio, ordinal);

    return link == NULL || link->lost ? NULL : link;
}

static void project_drop(struct cull__catalog *catalog, struct cull__project *project)
{
    HASH_DELETE(hh, project->entity->projects, project);
    HASH_DELETE(hh_id, catalog->projects, project);
    cull__free(catalog->allocator, project);
}

cull_status cull__apply_registry(struct cull__catalog *catalog, uint64_t id, uint64_t entity,
                                 const char *name, size_t len)
{
    cull_status status = cull__apply_project(catalog, id, entity, name, len);
    struct cull__project *project = status == CULL_OK ? cull__project_by_id(catalog, id) : NULL;

    if (project != NULL && !cull__registry_make(catalog, project)) {
        project_drop(catalog, project);
        catalog->next_id--;
        status = CULL_E_NOMEM;
    }
    return status;
}

cull_status cull__apply_registry_delete(struct cull__catalog *catalog, uint64_t id)
{
    struct cull__project *registry = registry_by_id(catalog, id);

    if (registry == NULL) {
        return CULL_E_CORRUPT;
    }
    registry_unmake(catalog, registry);
    project_drop(catalog, registry);
    return CULL_OK;
}

cull_status cull__apply_portfolio(struct cull__catalog *catalog, uint64_t id, uint64_t registry,
                                  const char *name, size_t len, const char *type, size_t type_len)
{
    struct cull__project *parent = registry_by_id(catalog, registry);
    struct cull__portfolio *taken = NULL;
    const char *interned;

    if (parent != NULL) {
        HASH_FIND(hh, parent->registry->portfolios, name, len, taken);
    }
    if (parent == NULL || taken != NULL || !cull__id_fits(catalog, id) ||
        !cull__name_ok(name, len) || !cull__text_ok(type, type_len)) {
        return CULL_E_CORRUPT;
    }
    interned = cull__catalog_intern(catalog, type, type_len);
    if (interned == NULL || cull__portfolio_add(catalog, id, parent, name, len, interned) == NULL) {
        return CULL_E_NOMEM;
    }
    catalog->next_id++;
    return CULL_OK;
}

cull_status cull__apply_portfolio_delete(struct cull__catalog *catalog, uint64_t id)
{
    struct cull__portfolio *portfolio = cull__portfolio_by_id(catalog, id);

    if (portfolio == NULL) {
        return CULL_E_CORRUPT;
    }
    portfolio_drop(catalog, portfolio);
    return CULL_OK;
}

cull_status cull__apply_link(struct cull__catalog *catalog, uint64_t id, uint64_t portfolio,
                             uint32_t ordinal, uint64_t collection, uint32_t source_ordinal)
{
    struct cull__portfolio *into = cull__portfolio_by_id(catalog, portfolio);
    struct cull__collection *of = cull__collection_by_id(catalog, collection);
    struct cull__version *version = of == NULL ? NULL : cull__version_at(of, source_ordinal);

    if (into == NULL || version == NULL || version->state != CULL_VERSION_COMMITTED ||
        of->type != into->type || !cull__id_fits(catalog, id) || ordinal != into->next_ordinal ||
        ordinal >= CULL__NEXT_ORDINAL_MAX || cull__link_into(into, of, source_ordinal) != NULL) {
        return CULL_E_CORRUPT;
    }
    if (cull__link_add(catalog, id, into, ordinal, of, source_ordinal) == NULL) {
        return CULL_E_NOMEM;
    }
    into->next_ordinal++;
    catalog->next_id++;
    version->ttl_ms = CULL__TTL_OFF;
    cull__pending_set(catalog, of, source_ordinal, false);
    return CULL_OK;
}

cull_status cull__apply_unlink(struct cull__catalog *catalog, uint64_t portfolio,
                               const uint32_t *ordinals, size_t count)
{
    const struct cull__portfolio *of = cull__portfolio_by_id(catalog, portfolio);

    for (size_t i = 0; i < count; i++) {
        if (live_link(of, ordinals[i]) == NULL) {
            return CULL_E_CORRUPT;
        }
    }
    for (size_t i = 0; i < count; i++) {
        link_drop(catalog, live_link(of, ordinals[i]));
    }
    return of == NULL ? CULL_E_CORRUPT : CULL_OK;
}

cull_status cull__apply_link_alias(struct cull__catalog *catalog, uint64_t portfolio,
                                   uint32_t ordinal, const char *name, size_t len)
{
    struct cull__portfolio *in = cull__portfolio_by_id(catalog, portfolio);
    struct cull__link *link = live_link(in, ordinal);
    struct cull__link_alias *alias;

    if (link == NULL || !cull__label_ok(name, len)) {
        return CULL_E_CORRUPT;
    }
    alias = cull__link_alias_find(in, name, len);
    if (alias == NULL) {
        return cull__link_alias_add(catalog, link, name, len) ? CULL_OK : CULL_E_NOMEM;
    }
    alias->link = link;
    return CULL_OK;
}

cull_status cull__apply_link_alias_remove(struct cull__catalog *catalog, uint64_t portfolio,
                                          const char *name, size_t len)
{
    struct cull__portfolio *in = cull__portfolio_by_id(catalog, portfolio);
    struct cull__link_alias *alias = in == NULL ? NULL : cull__link_alias_find(in, name, len);

    if (alias == NULL) {
        return CULL_E_CORRUPT;
    }
    alias_drop(catalog, in, alias);
    return CULL_OK;
}

cull_status cull__apply_protect(struct cull__catalog *catalog, uint64_t registry, const char *name,
                                size_t len, bool is_protected)
{
    const struct cull__project *in = registry_by_id(catalog, registry);
    struct cull__label **at;
    struct cull__label *gone;
    bool there;

    if (in == NULL || !cull__label_ok(name, len)) {
        return CULL_E_CORRUPT;
    }
    at = cull__label_seek(&in->registry->protected_aliases, name, len, &there);
    if (is_protected) {
        return there                                                ? CULL_E_CORRUPT
               : cull__label_insert(catalog, at, name, len) != NULL ? CULL_OK
                                                                    : CULL_E_NOMEM;
    }
    if (!there) {
        return CULL_E_CORRUPT;
    }
    gone = *at;
    *at = gone->next;
    cull__free(catalog->allocator, gone);
    return CULL_OK;
}

cull_status cull__apply_strict_links(struct cull__catalog *catalog, bool strict)
{
    catalog->strict_links = strict;
    return CULL_OK;
}

/* --- with their sources ------------------------------------------------------------------------- */

static int compare_ordinals(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

static bool is_among(const struct cull__linked *linked, const uint32_t *ordinals, size_t count)
{
    return bsearch(&linked->ordinal, ordinals, count, sizeof *ordinals, compare_ordinals) != NULL;
}

static cull_status note_aliases(const struct cull__catalog *catalog, struct cull__link *link)
{
    for (const struct cull__link_alias *at = link->portfolio->aliases; at != NULL;
         at = at->hh.next) {
        size_t len = at->hh.keylen;
        bool there;

        if (at->link == link &&
            cull__label_insert(catalog,
                               cull__label_seek(&link->lost_aliases, at->name, len, &there),
                               at->name, len) == NULL) {
            return CULL_E_NOMEM;
        }
    }
    return CULL_OK;
}

cull_status cull__links_note(const struct cull__catalog *catalog,
                             const struct cull__collection *collection, const uint32_t *ordinals,
                             size_t count)
{
    cull_status status = CULL_OK;

    for (const struct cull__linked *at = collection->linked; at != NULL && status == CULL_OK;
         at = at->hh.next) {
        for (struct cull__link *link = at->links;
             link != NULL && status == CULL_OK && is_among(at, ordinals, count);
             link = link->next) {
            status = note_aliases(catalog, link);
        }
    }
    return status;
}

void cull__links_lose(const struct cull__catalog *catalog,
                      const struct cull__collection *collection, const uint32_t *ordinals,
                      size_t count, bool lose)
{
    for (const struct cull__linked *at = collection->linked; at != NULL; at = at->hh.next) {
        for (struct cull__link *link = at->links; link != NULL && is_among(at, ordinals, count);
             link = link->next) {
            if (lose) {
                aliases_drop(catalog, link);
                link->lost = true;
                link->portfolio->live--;
            } else {
                cull__labels_free(catalog, &link->lost_aliases);
            }
        }
    }
}

cull_status cull__links_regain(const struct cull__catalog *catalog,
                               const struct cull__collection *collection, uint32_t ordinal)
{
    const struct cull__linked *linked = cull__linked_at(collection, ordinal);

    for (struct cull__link *link = linked == NULL ? NULL : linked->links; link != NULL;
         link = link->next) {
        for (const struct cull__label *at = link->lost_aliases; at != NULL; at = at->next) {
            size_t len = strlen(at->text);

            if (cull__link_alias_find(link->portfolio, at->text, len) == NULL &&
                !cull__alias_protected(link->portfolio->registry, at->text) &&
                !cull__link_alias_add(catalog, link, at->text, len)) {
                return CULL_E_NOMEM;
            }
        }
    }
    return CULL_OK;
}

void cull__links_have(const struct cull__catalog *catalog,
                      const struct cull__collection *collection, uint32_t ordinal, bool have)
{
    const struct cull__linked *linked = cull__linked_at(collection, ordinal);

    for (struct cull__link *link = linked == NULL ? NULL : linked->links; link != NULL;
         link = link->next) {
        if (have) {
            cull__labels_free(catalog, &link->lost_aliases);
            link->lost = false;
            link->portfolio->live++;
        } else {
            aliases_drop(catalog, link);
        }
    }
}

void cull__links_purge(struct cull__catalog *catalog, struct cull__collection *collection,
                       uint32_t ordinal)
{
    struct cull__linked *linked;

    while ((linked = cull__linked_at(collection, ordinal)) != NULL) {
        link_drop(catalog, linked->links);
    }
}

/* --- memory and checking ------------------------------------------------------------------------ */

static uint64_t portfolio_memory(const struct cull__portfolio *portfolio)
{
    uint64_t bytes = sizeof *portfolio + portfolio->hh.keylen + 1;

    for (const struct cull__link *at = portfolio->links; at != NULL; at = at->hh.next) {
        bytes += sizeof *at;
        for (const struct cull__label *label = at->lost_aliases; label != NULL;
             label = label->next) {
            bytes += sizeof *label + strlen(label->text) + 1;
        }
    }
    for (const struct cull__link_alias *at = portfolio->aliases; at != NULL; at = at->hh.next) {
        bytes += sizeof *at + at->hh.keylen + 1;
    }
    return bytes;
}

uint64_t cull__links_memory(const struct cull__catalog *catalog)
{
    uint64_t bytes = 0;

    for (const struct cull__portfolio *at = catalog->portfolios; at != NULL; at = at->hh_id.next) {
        bytes += portfolio_memory(at);
    }
    for (const struct cull__project *at = catalog->projects; at != NULL; at = at->hh_id.next) {
        bytes += at->registry == NULL
                     ? 0
                     : sizeof *at->registry + cull__roles_memory(at->registry->roles);
    }
    for (const struct cull__collection *at = catalog->collections; at != NULL;
         at = at->hh_id.next) {
        bytes += HASH_COUNT(at->linked) * sizeof *at->linked;
    }
    return bytes;
}

static const char *link_broken(const struct cull__catalog *catalog, const struct cull__link *link)
{
    const struct cull__collection *collection = link->source->collection;
    const struct cull__version *version = cull__version_at(collection, link->source->ordinal);
    const struct cull__link *at = link->source->links;

    if (cull__link_at(link->portfolio, link->ordinal) != link ||
        link->ordinal >= link->portfolio->next_ordinal || link->created_ms > catalog->clock_ms) {
        return "a link is not found, or comes from the future";
    }
    if (cull__collection_by_id(catalog, collection->id) != collection ||
        cull__linked_at(collection, link->source->ordinal) != link->source || version == NULL ||
        version->state != (link->lost ? CULL_VERSION_DELETED : CULL_VERSION_COMMITTED)) {
        return "a link's source is not in the state that it must be in";
    }
    if (collection->type != link->portfolio->type) {
        return "a link's source is of another type";
    }
    if (!link->lost && link->lost_aliases != NULL) {
        return "a link that is not lost has lost aliases";
    }
    if (!link->lost && version->ttl_ms != CULL__TTL_OFF) {
        return "a linked version has a TTL";
    }
    while (at != NULL && at != link) {
        if (at->id >= link->id || (!link->lost && at->portfolio == link->portfolio)) {
            return "links of a version do not ascend, or two are in one portfolio";
        }
        at = at->next;
    }
    return at == NULL ? "a link is not in its source's list"
                      : cull__labels_broken(link->lost_aliases);
}

static const char *portfolio_broken(const struct cull__catalog *catalog,
                                    const struct cull__portfolio *portfolio)
{
    const char *why = NULL;
    uint32_t live = 0;

    if (!cull__name_ok(portfolio->name, strlen(portfolio->name)) ||
        !cull__text_ok(portfolio->type, strlen(portfolio->type)) ||
        cull__portfolio_by_id(catalog, portfolio->id) != portfolio ||
        cull__portfolio_find(portfolio->registry, portfolio->name) != portfolio) {
        return "a portfolio is not found, or its name or type is not in form";
    }
    for (const struct cull__link *at = portfolio->links; at != NULL && why == NULL;
         at = at->hh.next) {
        why = link_broken(catalog, at);
        live += !at->lost;
    }
    for (const struct cull__link_alias *at = portfolio->aliases; at != NULL && why == NULL;
         at = at->hh.next) {
        if (!cull__label_ok(at->name, strlen(at->name)) || at->link->portfolio != portfolio ||
            at->link->lost || cull__link_at(portfolio, at->link->ordinal) != at->link) {
            why = "a link's alias is not in form, or names no link";
        }
    }
    return why != NULL || live == portfolio->live ? why : "a portfolio miscounts its links";
}

/* What stands in the tables of collections and portfolios is the same links. */
static const char *links_lost(const struct cull__catalog *catalog)
{
    uint64_t of_portfolios = 0;
    uint64_t of_versions = 0;

    for (const struct cull__portfolio *at = catalog->portfolios; at != NULL; at = at->hh_id.next) {
        of_portfolios += HASH_COUNT(at->links);
    }
    for (const struct cull__collection *at = catalog->collections; at != NULL;
         at = at->hh_id.next) {
        for (const struct cull__linked *linked = at->linked; linked != NULL;
             linked = linked->hh.next) {
            const struct cull__link *link = linked->links;

            if (link == NULL) {
                return "a version without links stands among those that have some";
            }
            for (; link != NULL; link = link->next) {
                of_versions++;
            }
        }
    }
    return of_portfolios == of_versions ? NULL : "a link is in no portfolio";
}

const char *cull__links_broken(const struct cull__catalog *catalog)
{
    const char *why = NULL;
    uint64_t portfolios = 0;

    for (const struct cull__project *at = catalog->projects; at != NULL && why == NULL;
         at = at->hh_id.next) {
        if (at->registry != NULL) {
            portfolios += HASH_COUNT(at->registry->portfolios);
            why = at->collections != NULL || at->runs != NULL
                      ? "a registry holds collections or runs"
                      : cull__labels_broken(at->registry->protected_aliases);
        }
    }
    for (const struct cull__portfolio *at = catalog->portfolios; at != NULL && why == NULL;
         at = at->hh_id.next) {
        why = portfolio_broken(catalog, at);
    }
    if (why == NULL && portfolios != HASH_CNT(hh_id, catalog->portfolios)) {
        why = "a portfolio is in no registry";
    }
    return why == NULL ? links_lost(catalog) : why;
}
