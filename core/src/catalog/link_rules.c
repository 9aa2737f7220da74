/*
 * link_rules.c - rules 10, 11, 12, 24 and 28: what links keep, and who may touch them.
 *
 * FAILURE   Each refusal names the object, the reason and the way out; nothing is changed here.
 */
#include "catalog/catalog_internal.h"

#include <stdio.h>

const char *cull__link_name(char text[CULL__LINK_NAME_MAX], const struct cull__link *link)
{
    const struct cull__project *registry = link->portfolio->registry;

    (void)snprintf(text, CULL__LINK_NAME_MAX, "%s/%s/%s:v%lu", registry->entity->name,
                   registry->name, link->portfolio->name, (unsigned long)link->ordinal);
    return text;
}

cull_status cull__link_resolve(const struct cull__project *registry, const char *portfolio,
                               const char *version, struct cull__link **out, cull_error *err)
{
    const struct cull__portfolio *in = cull__portfolio_find(registry, portfolio);
    const struct cull__link_alias *alias;
    uint32_t ordinal;
    char text[2][CULL_PRINTABLE_MAX];
    bool numbered = cull__ordinal_parse(version, &ordinal);

    *out = NULL;
    (void)cull__printable(text[0], portfolio, strlen(portfolio));
    if (in == NULL) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s/%s/%s: no such portfolio",
                               registry->entity->name, registry->name, text[0]);
    }
    if (numbered) {
        *out = cull__link_at(in, ordinal);
        *out = *out == NULL || (*out)->lost ? NULL : *out;
    } else {
        alias = cull__link_alias_find(in, version, strlen(version));
        *out = alias == NULL ? NULL : alias->link;
    }
    return *out != NULL ? CULL_OK
                        : cull__error_set(err, CULL_E_NOTFOUND, "%s/%s/%s:%s: no such %s",
                                          registry->entity->name, registry->name, text[0],
                                          cull__printable(text[1], version, strlen(version)),
                                          numbered ? "link" : "alias");
}

/* --- what keeps a version ----------------------------------------------------------------------- */

cull_status cull__refuse_blocked(const struct cull__link *link, uint64_t others, cull_error *err)
{
    const struct cull__project *registry = link->portfolio->registry;
    const char *alias = cull__link_protection(link);
    char source[CULL__VERSION_NAME_MAX];
    char name[CULL__LINK_NAME_MAX];
    char more[48] = "";

    (void)cull__version_name(source, link->source->collection, link->source->ordinal);
    (void)cull__link_name(name, link);
    if (others > 0) {
        (void)snprintf(more, sizeof more, ", and %llu more", (unsigned long long)others);
    }
    if (alias == NULL) {
        return cull__error_set(err, CULL_E_REFUSED,
                               "%s: is linked as %s%s: cull unlink that first (this store's links "
                               "are strict)",
                               source, name, more);
    }
    return cull__error_set(err, CULL_E_REFUSED,
                           "%s: is protected by %s, alias %s%s: only an administrator of %s/%s can "
                           "take that away (cull alias rm)",
                           source, name, alias, more, registry->entity->name, registry->name);
}

/* --- who may touch links ------------------------------------------------------------------------ */

/* Member, or administrator where an alias (NULL: none) is protected, which is then said. */
static cull_status check_holder(const struct cull__catalog *catalog, const char *actor,
                                const struct cull__place *place, const char *alias, cull_error *err)
{
    cull_error why = { CULL_OK, "" };

    if (alias == NULL) {
        return cull__check_role(catalog, actor, place, CULL_ROLE_MEMBER, err);
    }
    return cull__check_role(catalog, actor, place, CULL_ROLE_ADMINISTRATOR, &why) == CULL_OK
               ? CULL_OK
               : cull__error_set(err, CULL_E_REFUSED, "alias %s is protected: %s", alias,
                                 why.message);
}

/* The same of what a link that may be there (NULL: none) protects in a registry. */
static cull_status check_protection(const struct cull__catalog *catalog, const char *actor,
                                    const struct cull__project *registry,
                                    const struct cull__link *protection, cull_error *err)
{
    const struct cull__place place = { registry->entity, registry->entity->name, registry };

    return check_holder(catalog, actor, &place,
                        protection == NULL ? NULL : cull__link_protection(protection), err);
}

cull_status cull__check_link_alias(const struct cull__catalog *catalog, const char *actor,
                                   const struct cull__place *place, const char *alias,
                                   cull_error *err)
{
    bool is_protected = place->registry != NULL && cull__alias_protected(place->registry, alias);

    return check_holder(catalog, actor, place, is_protected ? alias : NULL, err);
}

cull_status cull__check_unlink(const struct cull__catalog *catalog, const char *actor,
                               const struct cull__portfolio *portfolio, uint32_t ordinal,
                               cull_error *err)
{
    const struct cull__link *link = cull__link_at(portfolio, ordinal);

    if (link == NULL || link->lost) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s/%s/%s:v%lu: no such link",
                               portfolio->registry->entity->name, portfolio->registry->name,
                               portfolio->name, (unsigned long)ordinal);
    }
    return check_protection(catalog, actor, portfolio->registry, link, err);
}

cull_status cull__check_portfolio_delete(const struct cull__catalog *catalog, const char *actor,
                                         const struct cull__portfolio *portfolio, cull_error *err)
{
    return check_protection(catalog, actor, portfolio->registry,
                            cull__portfolio_protection(portfolio), err);
}

cull_status cull__check_registry_delete(const struct cull__catalog *catalog, const char *actor,
                                        const struct cull__project *registry, cull_error *err)
{
    return check_protection(catalog, actor, registry, cull__registry_protection(registry), err);
}

/* --- what fits where ---------------------------------------------------------------------------- */

cull_status cull__check_link(const struct cull__collection *collection, uint32_t ordinal,
                             const struct cull__portfolio *portfolio, cull_error *err)
{
    cull_status status = cull__check_committed(collection, ordinal, err);
    char name[CULL__VERSION_NAME_MAX];

    if (status != CULL_OK || portfolio == NULL || portfolio->type == collection->type) {
        return status;
    }
    return cull__error_set(err, CULL_E_INVALID, "%s/%s/%s holds type %s, and %s is of type %s",
                           portfolio->registry->entity->name, portfolio->registry->name,
                           portfolio->name, portfolio->type,
                           cull__version_name(name, collection, ordinal), collection->type);
}

cull_status cull__check_project(const struct cull__project *project, cull_error *err)
{
    return project == NULL || project->registry == NULL
               ? CULL_OK
               : cull__error_set(err, CULL_E_EXISTS,
                                 "%s/%s: is a registry, which holds links: cull link adds one",
                                 project->entity->name, project->name);
}

cull_status cull__check_registry(const struct cull__project *project, cull_error *err)
{
    return project == NULL || project->registry != NULL
               ? CULL_OK
               : cull__error_set(err, CULL_E_EXISTS,
                                 "%s/%s: is a project and no registry: say another name",
                                 project->entity->name, project->name);
}
