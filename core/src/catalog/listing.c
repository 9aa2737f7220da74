/*
 * listing.c - versions and collections as listings show them.
 *
 * SHAPE     Listings borrow: names are those of the nodes, arrays come from a scratch that is filled
 *           again for each version.
 * COST      A version: O(aliases log aliases + tags). Collections: those of the named project or
 *           entity, sorted; with deleted ones all of the catalog are looked at.
 * FAILURE   CULL_E_NOTFOUND for a *named* thing that is not there (rule 16); a project or entity in
 *           which nothing is left counts as not there.
 */
#include "catalog/catalog_internal.h"

#include <stdlib.h>

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static cull_status texts_reserve(const cull_allocator *allocator, const char ***texts,
                                 size_t *capacity, size_t want)
{
    void *block = (void *)*texts;
    cull_status status = cull__reserve(allocator, &block, capacity, want, sizeof **texts);

    *texts = block;
    return status;
}

/* Names of aliases, ascending, and tags and ids, which ascend, into the scratch. */
cull_status cull__version_info_texts(cull_version_info *out, const struct cull__version *version,
                                     struct cull__info_scratch *scratch)
{
    cull_status status = texts_reserve(scratch->allocator, &scratch->aliases,
                                       &scratch->alias_capacity, version->alias_count);

    for (const struct cull__alias *at = version->aliases; at != NULL && status == CULL_OK;
         at = at->next) {
        scratch->aliases[out->alias_count++] = at->name;
    }
    if (out->alias_count > 1) {
        qsort(scratch->aliases, out->alias_count, sizeof *scratch->aliases, compare_texts);
    }
    for (const struct cull__label *at = version->tags; at != NULL && status == CULL_OK;
         at = at->next) {
        status = texts_reserve(scratch->allocator, &scratch->tags, &scratch->tag_capacity,
                               out->tag_count + 1);
        if (status == CULL_OK) {
            scratch->tags[out->tag_count++] = at->text;
        }
    }
    for (const struct cull__artifact_id *at = version->artifact_ids;
         at != NULL && status == CULL_OK; at = at->next) {
        status = texts_reserve(scratch->allocator, &scratch->artifact_ids,
                               &scratch->artifact_capacity, out->artifact_id_count + 1);
        if (status == CULL_OK) {
            scratch->artifact_ids[out->artifact_id_count++] = at->text;
        }
    }
    out->aliases = scratch->aliases;
    out->tags = scratch->tags;
    out->artifact_ids = scratch->artifact_ids;
    return status;
}

void cull__version_info_plain(cull_version_info *out, const struct cull__collection *collection,
                              const struct cull__version *version)
{
    *out = (cull_version_info){
        .key = { collection->id, version->ordinal },
        .id = version->id,
        .state = (cull_version_state)version->state,
        .entity = collection->project->entity->name,
        .project = collection->project->name,
        .collection = collection->name,
        .type = collection->type,
        .collection_deleted = collection->deleted,
        .run = version->run == NULL ? "" : version->run->name,
        .creator = version->creator,
        .entries = version->entries,
        .blobs = version->blobs,
        .size_bytes = version->size_bytes,
        .size_exact = version->size_exact,
        .created_ms = version->created_ms,
        .deleted_ms = version->deleted_ms,
        .kept_until_ms = version->kept_until_ms,
        .reason = (cull_delete_reason)version->reason,
        .expires_ms = cull__expires_ms(collection, version),
        .ttl_ms = version->ttl_ms,
        .pinned = version->base_pins > 0,
    };
    memcpy(out->manifest_digest.bytes, version->manifest_digest, sizeof version->manifest_digest);
}

cull_status cull__version_info(cull_version_info *out, const struct cull__catalog *catalog,
                               const struct cull__collection *collection,
                               const struct cull__version *version,
                               struct cull__info_scratch *scratch)
{
    (void)catalog;
    cull__version_info_plain(out, collection, version);
    return cull__version_info_texts(out, version, scratch);
}

void cull__info_scratch_release(struct cull__info_scratch *scratch)
{
    cull__free(scratch->allocator, (void *)scratch->aliases);
    cull__free(scratch->allocator, (void *)scratch->tags);
    cull__free(scratch->allocator, (void *)scratch->artifact_ids);
    scratch->aliases = scratch->tags = scratch->artifact_ids = NULL;
    scratch->alias_capacity = scratch->tag_capacity = scratch->artifact_capacity = 0;
}

/* --- collections ------------------------------------------------------------------------------ */

struct gather {
    const struct cull__catalog *catalog;
    const struct cull__entity *entity;   /* NULL: any */
    const struct cull__project *project; /* NULL: any */
    const char *project_name;            /* NULL: any */
    const char *name;                    /* NULL: any */
    struct cull__collection **found;
    size_t count;
    size_t capacity;
    cull_status status;
};

static void gather_one(struct gather *gather, struct cull__collection *collection)
{
    const struct cull__project *project = collection->project;
    void *block = (void *)gather->found;

    if ((gather->entity != NULL && project->entity != gather->entity) ||
        (gather->project != NULL && project != gather->project) ||
        (gather->project_name != NULL && strcmp(project->name, gather->project_name) != 0) ||
        (gather->name != NULL && strcmp(collection->name, gather->name) != 0) ||
        gather->status != CULL_OK) {
        return;
    }
    gather->status = cull__reserve(gather->catalog->allocator, &block, &gather->capacity,
                                   gather->count + 1, sizeof(struct cull__collection *));
    gather->found = block;
    if (gather->status == CULL_OK) {
        gather->found[gather->count++] = collection;
    }
}

static void gather_project(struct gather *gather, const struct cull__project *project)
{
    for (struct cull__collection *at = project->collections; at != NULL; at = at->hh.next) {
        gather_one(gather, at);
    }
}

static void gather_all(struct gather *gather, bool deleted_too)
{
    if (deleted_too || gather->entity == NULL) {
        for (struct cull__collection *at = gather->catalog->collections; at != NULL;
             at = at->hh_id.next) {
            if (deleted_too || !at->deleted) {
                gather_one(gather, at);
            }
        }
    } else if (gather->project != NULL) {
        gather_project(gather, gather->project);
    } else {
        for (const struct cull__project *at = gather->entity->projects; at != NULL;
             at = at->hh.next) {
            gather_project(gather, at);
        }
    }
}

static int compare_collections(const void *a, const void *b)
{
    const struct cull__collection *left = *(const struct cull__collection *const *)a;
    const struct cull__collection *right = *(const struct cull__collection *const *)b;
    int order = strcmp(left->project->entity->name, right->project->entity->name);

    if (order == 0) {
        order = strcmp(left->project->name, right->project->name);
    }
    if (order == 0) {
        order = strcmp(left->name, right->name);
    }
    if (order == 0) {
        order = (int)left->deleted - (int)right->deleted;
    }
    return order != 0 ? order : left->id > right->id ? -1 : left->id < right->id;
}

/* Has the named part of the store runs or registries, though no collections? */
static bool has_others(const struct gather *gather)
{
    for (const struct cull__project *at = gather->catalog->projects; at != NULL;
         at = at->hh_id.next) {
        if (at->registry != NULL && (gather->entity == NULL || at->entity == gather->entity) &&
            (gather->project_name == NULL || strcmp(at->name, gather->project_name) == 0)) {
            return true;
        }
    }
    for (const struct cull__run *at = gather->catalog->runs; at != NULL; at = at->hh_id.next) {
        if (!at->deleted && (gather->entity == NULL || at->project->entity == gather->entity) &&
            (gather->project_name == NULL ||
             strcmp(at->project->name, gather->project_name) == 0)) {
            return true;
        }
    }
    return false;
}

/* What was named and is not there; the names are those of the call. */
static cull_status refuse_named(const char *entity, const char *project, const char *collection,
                                const char *what, cull_error *err)
{
    const char *const names[3] = { entity, project, collection };
    char line[3 * CULL_PRINTABLE_MAX];
    char text[CULL_PRINTABLE_MAX];
    size_t used = 0;

    line[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i] != NULL) {
            size_t len;

            (void)cull__printable(text, names[i], strlen(names[i]));
            len = strlen(text);
            line[used] = '/';
            used += used > 0;
            memcpy(line + used, text, len + 1);
            used += len;
        }
    }
    return cull__error_set(err, CULL_E_NOTFOUND, "%s: no such %s", line, what);
}

static cull_status find_named(struct gather *gather, const char *entity, const char *project,
                              cull_error *err)
{
    if (entity == NULL) {
        return CULL_OK;
    }
    gather->entity = cull__entity_find(gather->catalog, entity);
    if (gather->entity == NULL) {
        return refuse_named(entity, NULL, NULL, "entity", err);
    }
    if (project != NULL) {
        gather->project = cull__project_find(gather->entity, project);
        if (gather->project == NULL) {
            return refuse_named(entity, project, NULL, "project", err);
        }
    }
    return CULL_OK;
}

cull_status cull__collections_sorted(const struct cull__catalog *catalog, const char *entity,
                                     const char *project, const char *collection, bool deleted_too,
                                     struct cull__collection ***out, size_t *count, cull_error *err)
{
    struct gather gather = { .catalog = catalog, .project_name = project, .name = collection };
    cull_status status = find_named(&gather, entity, project, err);

    *out = NULL;
    *count = 0;
    if (status != CULL_OK) {
        return status;
    }
    gather_all(&gather, deleted_too);
    if (gather.status != CULL_OK) {
        status = cull__error_nomem(err);
    } else if (gather.count == 0 && collection != NULL) {
        status = refuse_named(entity, project, collection, "collection", err);
    } else if (gather.count == 0 && (entity != NULL || project != NULL) && !has_others(&gather)) {
        status = refuse_named(entity, project, NULL, project != NULL ? "project" : "entity", err);
    }
    if (status != CULL_OK) {
        cull__free(catalog->allocator, (void *)gather.found);
        return status;
    }
    if (gather.count > 1) {
        qsort(gather.found, gather.count, sizeof *gather.found, compare_collections);
    }
    *out = gather.found;
    *count = gather.count;
    return CULL_OK;
}
