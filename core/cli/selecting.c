/*
 * selecting.c - the flags that select versions, read.
 */
#include "selecting.h"

#include "resolve.h"

bool selection_is_narrowed(const struct selection_args *args)
{
    return args->run != NULL || args->name != NULL || args->alias != NULL || args->no_alias ||
           args->type != NULL || args->tag != NULL || args->no_run || args->older_than.given ||
           args->keep_last.given || args->keep_every.given || args->keep_alias.count > 0;
}

bool selection_is_said(const struct selection_args *args)
{
    return selection_is_narrowed(args) || args->collection != NULL || args->empty;
}

cull_status selection_read(struct cli *cli, const struct selection_args *args,
                           const cull_scope *within, cull_name *run, cull_selection *out)
{
    uint64_t now_ms = cli_now_ms();
    cull_status status = CULL_OK;

    *out = (cull_selection){
        .entity = within->entity,
        .project = within->project,
        .collection = within->collection,
        .name_glob = args->name,
        .alias = args->alias,
        .no_alias = args->no_alias,
        .type = args->type,
        .tag = args->tag,
        .no_run = args->no_run,
        .empty = args->empty,
        .keep_alias_globs = args->keep_alias.items,
        .keep_alias_glob_count = args->keep_alias.count,
        .keep_last = (uint32_t)args->keep_last.value,
        .keep_every = (uint32_t)args->keep_every.value,
    };
    if (args->keep_last.value > UINT32_MAX || args->keep_every.value > UINT32_MAX) {
        return cli_fail(cli, CULL_E_USAGE, "--keep-last, --keep-every: the number is too large");
    }
    if (args->older_than.given) {
        out->created_before_ms =
            args->older_than.value < now_ms ? now_ms - args->older_than.value : 1;
    }
    if (args->run != NULL) {
        status = resolve_run(cli, args->run, run);
        out->run = run->collection;
        out->entity = run->entity;
        out->project = run->project;
    }
    return status;
}

cull_status selection_scope(struct cli *cli, const struct selection_args *args, cull_name *name,
                            cull_scope *out)
{
    cull_status status = CULL_OK;

    *out = (cull_scope){ .kind = CULL_SCOPE_STORE };
    if (args->collection != NULL) {
        out->kind = CULL_SCOPE_COLLECTION;
        status = resolve_collection(cli, args->collection, name);
    } else if (cli->globals.project != NULL) {
        out->kind = CULL_SCOPE_PROJECT;
        status = resolve_project(cli, cli->globals.project, name);
    } else if (cli->globals.entity != NULL) {
        out->kind = CULL_SCOPE_ENTITY;
        status = resolve_entity(cli, cli->globals.entity, name);
    }
    out->entity = out->kind >= CULL_SCOPE_ENTITY ? name->entity : NULL;
    out->project = out->kind >= CULL_SCOPE_PROJECT ? name->project : NULL;
    out->collection = out->kind >= CULL_SCOPE_COLLECTION ? name->collection : NULL;
    return status;
}
