/*
 * lookup.c - finding nodes by name and id, and what a name says.
 *
 * COST      O(1) by name and id, O(log versions) by ordinal; a deleted collection by its name is
 *           looked for among all.
 * FAILURE   NULL, or CULL_E_NOTFOUND that names the first part which is missing.
 */
#include "catalog/catalog_internal.h"

#include <stdio.h>
#include <stdlib.h>

struct cull__entity *cull__entity_find_len(const struct cull__catalog *catalog, const char *name,
                                           size_t len)
{
    struct cull__entity *found;

    HASH_FIND(hh, catalog->entities, name, len, found);
    return found;
}

struct cull__project *cull__project_find_len(const struct cull__entity *entity, const char *name,
                                             size_t len)
{
    struct cull__project *found;

    HASH_FIND(hh, entity->projects, name, len, found);
    return found;
}

struct cull__collection *cull__collection_find_len(const struct cull__project *project,
                                                   const char *name, size_t len)
{
    struct cull__collection *found;

    HASH_FIND(hh, project->collections, name, len, found);
    return found;
}

struct cull__run *cull__run_find_len(const struct cull__project *project, const char *name,
                                     size_t len)
{
    struct cull__run *found;

    HASH_FIND(hh, project->runs, name, len, found);
    return found;
}

struct cull__alias *cull__alias_find_len(const struct cull__collection *collection,
                                         const char *name, size_t len)
{
    struct cull__alias *found;

    CULL_ASSERT(collection->sealed == NULL);
    HASH_FIND(hh, collection->aliases, name, len, found);
    return found;
}

struct cull__entity *cull__entity_find(const struct cull__catalog *catalog, const char *name)
{
    return cull__entity_find_len(catalog, name, strlen(name));
}

struct cull__project *cull__project_find(const struct cull__entity *entity, const char *name)
{
    return cull__project_find_len(entity, name, strlen(name));
}

struct cull__collection *cull__collection_find(const struct cull__project *project,
                                               const char *name)
{
    return cull__collection_find_len(project, name, strlen(name));
}

struct cull__run *cull__run_find(const struct cull__project *project, const char *name)
{
    return cull__run_find_len(project, name, strlen(name));
}

struct cull__alias *cull__alias_find(const struct cull__collection *collection, const char *name)
{
    return cull__alias_find_len(collection, name, strlen(name));
}

struct cull__entity *cull__entity_by_id(const struct cull__catalog *catalog, uint64_t id)
{
    struct cull__entity *found;

    HASH_FIND(hh_id, catalog->entities_by_id, &id, sizeof id, found);
    return found;
}

struct cull__project *cull__project_by_id(const struct cull__catalog *catalog, uint64_t id)
{
    struct cull__project *found;

    HASH_FIND(hh_id, catalog->projects, &id, sizeof id, found);
    return found;
}

struct cull__collection *cull__collection_by_id(const struct cull__catalog *catalog, uint64_t id)
{
    struct cull__collection *found;

    HASH_FIND(hh_id, catalog->collections, &id, sizeof id, found);
    return found;
}

struct cull__run *cull__run_by_id(const struct cull__catalog *catalog, uint64_t id)
{
    struct cull__run *found;

    HASH_FIND(hh_id, catalog->runs, &id, sizeof id, found);
    return found;
}

struct cull__upload *cull__upload_by_id(const struct cull__catalog *catalog, uint64_t id)
{
    struct cull__upload *found;

    HASH_FIND(hh, catalog->uploads, &id, sizeof id, found);
    return found;
}

struct cull__version *cull__version_at(const struct cull__collection *collection, uint32_t ordinal)
{
    size_t position = cull__version_seek(collection, 0, ordinal);

    return position == CULL__NOT_FOUND ? NULL : &collection->versions[position];
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

cull_status cull__version_aliases(const struct cull__catalog *catalog,
                                  const struct cull__collection *collection, uint32_t ordinal,
                                  const char ***names, size_t *count)
{
    const struct cull__version *version = cull__version_at(collection, ordinal);
    size_t filled = 0;

    *names = NULL;
    *count = 0;
    if (version == NULL || version->alias_count == 0) {
        return CULL_OK;
    }
    *names = cull__alloc(catalog->allocator, version->alias_count, sizeof **names);
    if (*names == NULL) {
        return CULL_E_NOMEM;
    }
    for (const struct cull__alias *at = version->aliases; at != NULL; at = at->next) {
        (*names)[filled++] = at->name;
    }
    CULL_ASSERT(filled == version->alias_count);
    qsort(*names, filled, sizeof **names, compare_texts);
    *count = filled;
    return CULL_OK;
}

bool cull__ordinal_parse(const char *text, uint32_t *out)
{
    uint64_t value = 0;

    if (text[0] != 'v' || text[1] == '\0' || (text[1] == '0' && text[2] != '\0')) {
        return false;
    }
    for (const char *at = text + 1; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(*at - '0');
        if (value >= CULL__NO_ORDINAL) {
            return false;
        }
    }
    *out = (uint32_t)value;
    return true;
}

const char *cull__version_name(char text[CULL__VERSION_NAME_MAX],
                               const struct cull__collection *collection, uint32_t ordinal)
{
    (void)snprintf(text, CULL__VERSION_NAME_MAX, "%s/%s/%s:v%lu", collection->project->entity->name,
                   collection->project->name, collection->name, (unsigned long)ordinal);
    return text;
}

/* The newest deleted collection of a name. */
static struct cull__collection *find_deleted(const struct cull__catalog *catalog,
                                             const struct cull__project *project, const char *name)
{
    struct cull__collection *newest = NULL;

    for (struct cull__collection *at = catalog->collections; at != NULL; at = at->hh_id.next) {
        if (at->deleted && at->project == project && strcmp(at->name, name) == 0) {
            newest = at;
        }
    }
    return newest;
}

cull_status cull__collection_resolve(const struct cull__catalog *catalog, const char *entity,
                                     const char *project, const char *name, bool deleted_too,
                                     struct cull__collection **out, cull_error *err)
{
    const struct cull__entity *in_entity = cull__entity_find(catalog, entity);
    const struct cull__project *in_project;
    char text[3][CULL_PRINTABLE_MAX];

    *out = NULL;
    (void)cull__printable(text[0], entity, strlen(entity));
    (void)cull__printable(text[1], project, strlen(project));
    (void)cull__printable(text[2], name, strlen(name));
    if (in_entity == NULL) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s: no such entity", text[0]);
    }
    in_project = cull__project_find(in_entity, project);
    if (in_project == NULL) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s/%s: no such project", text[0], text[1]);
    }
    *out = cull__collection_find(in_project, name);
    if (*out == NULL && deleted_too) {
        *out = find_deleted(catalog, in_project, name);
    }
    if (*out == NULL) {
        return cull__error_set(err, CULL_E_NOTFOUND, "%s/%s/%s: no such collection", text[0],
                               text[1], text[2]);
    }
    return CULL_OK;
}

cull_status cull__version_resolve(struct cull__catalog *catalog, const cull_name *name,
                                  struct cull__collection **collection, uint32_t *ordinal,
                                  cull_error *err)
{
    const char *version = name->version[0] == '\0' ? "latest" : name->version;
    const struct cull__alias *alias = NULL;
    struct cull__collection *found = NULL;
    char text[CULL_PRINTABLE_MAX];
    bool numbered = cull__ordinal_parse(version, ordinal);
    cull_status status = cull__collection_resolve(catalog, name->entity, name->project,
                                                  name->collection, true, &found, err);

    *collection = NULL;
    if (status != CULL_OK) {
        return status;
    }
    CULL_ASSERT(found != NULL);
    if (!numbered) {
        if (cull__collection_open(catalog, found) != CULL_OK) {
            return cull__error_nomem(err);
        }
        alias = cull__alias_find(found, version);
        *ordinal = alias == NULL ? CULL__NO_ORDINAL : alias->ordinal;
    }
    if (alias != NULL || (numbered && *ordinal < found->next_ordinal)) {
        *collection = found;
        return CULL_OK;
    }
    return cull__error_set(err, CULL_E_NOTFOUND, "%s/%s/%s:%s: no such %s", name->entity,
                           name->project, name->collection,
                           cull__printable(text, version, strlen(version)),
                           numbered ? "version" : "alias");
}
