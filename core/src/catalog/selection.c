/*
 * selection.c - does a selection take a version? The one answer for deleting, restoring, listing and
 * adding up (rule 19).
 *
 * SHAPE     Three questions, in the order of what they cost: what a collection says of all its versions,
 *           what a version says without its texts, and its aliases and tags. A walk asks the second of
 *           versions of collections that the first takes, and fills in texts for the third only.
 * COST      The lengths of what is compared.
 */
#include "catalog/catalog_internal.h"

static bool one_of(const char *const *texts, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(texts[i], text) == 0) {
            return true;
        }
    }
    return false;
}

bool cull__selection_takes_collection(const cull_selection *selection,
                                      const struct cull__collection *collection)
{
    const struct cull__project *project = collection->project;

    return (selection->entity == NULL || strcmp(selection->entity, project->entity->name) == 0) &&
           (selection->project == NULL || strcmp(selection->project, project->name) == 0) &&
           (selection->collection == NULL ||
            strcmp(selection->collection, collection->name) == 0) &&
           (selection->name_glob == NULL ||
            cull__glob_match(selection->name_glob, collection->name)) &&
           (selection->type == NULL || strcmp(selection->type, collection->type) == 0) &&
           (!selection->empty || collection->committed == 0);
}

unsigned cull__selection_states(const cull_selection *selection)
{
    return selection->states == 0 ? 1u << CULL_VERSION_COMMITTED : selection->states;
}

bool cull__selection_takes_plain(const cull_selection *selection, const cull_version_info *info,
                                 uint32_t position_from_end)
{
    return (cull__selection_states(selection) >> info->state & 1) != 0 &&
           (selection->created_before_ms == 0 || info->created_ms < selection->created_before_ms) &&
           position_from_end >= selection->keep_last &&
           (selection->keep_every == 0 || info->key.ordinal % selection->keep_every != 0) &&
           (selection->run == NULL ||
            (info->run[0] != '\0' && strcmp(selection->run, info->run) == 0)) &&
           (!selection->no_run || info->run[0] == '\0');
}

bool cull__selection_takes_run(const cull_selection *selection, const struct cull__version *version)
{
    return selection->run == NULL || (version->run != NULL && !version->run->deleted);
}

bool cull__selection_asks_labels(const cull_selection *selection)
{
    return selection->alias != NULL || selection->no_alias || selection->tag != NULL ||
           selection->keep_alias_glob_count > 0;
}

bool cull__selection_takes_labels(const cull_selection *selection, const cull_version_info *info)
{
    if ((selection->alias != NULL && !one_of(info->aliases, info->alias_count, selection->alias)) ||
        (selection->no_alias && info->alias_count > 0) ||
        (selection->tag != NULL && !one_of(info->tags, info->tag_count, selection->tag))) {
        return false;
    }
    for (size_t glob = 0; glob < selection->keep_alias_glob_count; glob++) {
        for (size_t i = 0; i < info->alias_count; i++) {
            if (cull__glob_match(selection->keep_alias_globs[glob], info->aliases[i])) {
                return false;
            }
        }
    }
    return true;
}
