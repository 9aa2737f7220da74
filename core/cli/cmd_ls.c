/*
 * cmd_ls.c - cull ls: collections, a collection's versions, open uploads.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "link_rows.h"
#include "units.h"
#include "versions.h"

struct ls_options {
    bool all;
    bool uploads;
};

static const struct arg_option ls_table[] = {
    { "all", 'a', ARG_FLAG, offsetof(struct ls_options, all), NULL,
      "deleted and purged versions, and deleted collections too" },
    { "uploads", '\0', ARG_FLAG, offsetof(struct ls_options, uploads), NULL,
      "list open uploads instead (cull delete upload:ID ends one)" },
};

struct listing {
    struct cli *cli;
    struct text scratch;
    uint64_t count;
};

/* Rows and records are made in the same visit; one of the two does nothing. */
static cull_status visit_collection(void *ctx, const cull_collection_info *collection)
{
    struct listing *listing = ctx;
    struct output *out = &listing->cli->out;
    char name[VERSION_NAME_MAX];
    char text[UNITS_TEXT_MAX];

    listing->count++;
    (void)snprintf(name, sizeof(name), "%s/%s/%s", collection->entity, collection->project,
                   collection->name);
    record_begin(out, "collection");
    field_text(out, "name", name);
    field_number(out, "id", collection->id);
    field_text(out, "artifact_type", collection->type);
    field_bool(out, "deleted", collection->deleted);
    field_number(out, "versions", collection->committed);
    field_number(out, "versions_in_trash", collection->in_trash);
    field_number(out, "ordinals", collection->ordinals);
    field_number(out, "size_bytes", collection->size_bytes);
    field_bool(out, "size_exact", collection->size_exact);
    field_time(out, "newest", collection->newest_ms);
    record_end(out);

    table_cell(out, "%s%s", name, collection->deleted ? " (deleted)" : "");
    table_cell(out, "%s", collection->type);
    table_cell(out, "%" PRIu32, collection->committed);
    table_cell(out, "%" PRIu32, collection->in_trash);
    table_cell(out, "%s", bytes_at_least(text, collection->size_bytes, collection->size_exact));
    table_cell(out, "%s",
               collection->newest_ms == 0 ? "-" : time_text(text, collection->newest_ms));
    table_row_end(out);
    return CULL_OK;
}

static cull_status visit_version(void *ctx, const cull_version_info *version)
{
    struct listing *listing = ctx;
    struct output *out = &listing->cli->out;
    char name[VERSION_NAME_MAX];
    char text[UNITS_TEXT_MAX];

    listing->count++;
    version_record(out, version);
    table_cell(out, "%s", version_name(name, version));
    table_cell(out, "%s", version_state_name(version->state));
    text_list(&listing->scratch, version->aliases, version->alias_count);
    table_cell(out, "%s", listing->scratch.data == NULL ? "" : listing->scratch.data);
    text_list(&listing->scratch, version->tags, version->tag_count);
    table_cell(out, "%s", listing->scratch.data == NULL ? "" : listing->scratch.data);
    table_cell(out, "%s", count_human(text, version->entries));
    table_cell(out, "%s", bytes_at_least(text, version->size_bytes, version->size_exact));
    table_cell(out, "%s", time_text(text, version->created_ms));
    table_row_end(out);
    return CULL_OK;
}

static cull_status visit_upload(void *ctx, const cull_upload_info *upload)
{
    struct listing *listing = ctx;
    struct output *out = &listing->cli->out;
    char name[VERSION_NAME_MAX];
    char actor[PRINTABLE_MAX];
    char text[UNITS_TEXT_MAX];

    listing->count++;
    (void)snprintf(name, sizeof(name), "%s/%s/%s", upload->entity, upload->project,
                   upload->collection);
    record_begin(out, "upload");
    field_number(out, "id", upload->id);
    field_text(out, "collection", name);
    field_text(out, "actor", upload->actor);
    field_time(out, "opened", upload->opened_ms);
    field_time(out, "lease_until", upload->lease_until_ms);
    field_number(out, "pins", upload->pins);
    record_end(out);

    table_cell(out, "upload:%" PRIu64, upload->id);
    table_cell(out, "%s", name);
    table_cell(out, "%s", printable(actor, upload->actor));
    table_cell(out, "%s", count_human(text, upload->pins));
    table_cell(out, "%s", time_text(text, upload->opened_ms));
    table_cell(out, "%s", time_text(text, upload->lease_until_ms));
    table_row_end(out);
    return CULL_OK;
}

static cull_status list_uploads(struct listing *listing)
{
    static const char *const heads[] = { "UPLOAD", "COLLECTION", "BY",
                                         "PINS",   "OPENED",     "LEASE UNTIL" };
    struct cli *cli = listing->cli;
    cull_status status;

    table_begin(&cli->out, heads, ARG_LEN(heads));
    status = cull_uploads(cli->store, visit_upload, listing, &cli->err);
    table_end(&cli->out, "<<<><<");
    return status;
}

/* Portfolios behind the collections. */
static cull_status visit_portfolio(void *ctx, const cull_portfolio_info *portfolio)
{
    struct listing *listing = ctx;
    struct output *out = &listing->cli->out;
    char name[VERSION_NAME_MAX];

    listing->count++;
    (void)snprintf(name, sizeof(name), "%s/%s/%s", portfolio->entity, portfolio->registry,
                   portfolio->name);
    record_begin(out, "portfolio");
    field_text(out, "name", name);
    field_number(out, "id", portfolio->id);
    field_text(out, "artifact_type", portfolio->type);
    field_number(out, "links", portfolio->links);
    record_end(out);

    table_cell(out, "%s (links)", name);
    table_cell(out, "%s", portfolio->type);
    table_cell(out, "%" PRIu32, portfolio->links);
    table_cell(out, "-");
    table_cell(out, "-");
    table_cell(out, "-");
    table_row_end(out);
    return CULL_OK;
}

static cull_status list_collections(struct listing *listing, const cull_scope *scope, bool all)
{
    static const char *const heads[] = {
        "COLLECTION", "TYPE", "VERSIONS", "TRASH", "SIZE", "NEWEST"
    };
    struct cli *cli = listing->cli;
    cull_status status;

    table_begin(&cli->out, heads, ARG_LEN(heads));
    status = cull_collections(cli->store, scope->entity, scope->project, all, visit_collection,
                              listing, &cli->err);
    if (status == CULL_OK) {
        status = cull_portfolios(cli->store, scope->entity, scope->project, visit_portfolio,
                                 listing, &cli->err);
    }
    if (status == CULL_OK) {
        table_end(&cli->out, "<<>>><");
    }
    return status;
}

/* What the name means in a registry. *done: it is there. */
static cull_status list_links(struct listing *listing, const cull_scope *scope,
                              const cull_name *name, bool *done)
{
    struct cli *cli = listing->cli;
    cull_collection_info portfolio;
    struct link_rows rows;
    cull_status status = scope->kind == CULL_SCOPE_VERSION
                             ? cull_key_is_link(cli->store, &scope->version, done, &cli->err)
                             : find_portfolio(cli, name, &portfolio, done);

    if (status != CULL_OK || !*done) {
        return status;
    }
    link_rows_begin(&rows, &cli->out);
    status = scope->kind == CULL_SCOPE_VERSION
                 ? cull_links_of(cli->store, &scope->version, link_row, &rows, &cli->err)
                 : cull_links(cli->store, name->entity, name->project, name->collection, link_row,
                              &rows, &cli->err);
    listing->count = rows.count;
    if (status == CULL_OK) {
        link_rows_end(&rows);
    }
    return status;
}

static cull_status list_versions(struct listing *listing, const cull_scope *scope, bool all)
{
    static const char *const heads[] = { "VERSION", "STATE", "ALIASES", "TAGS",
                                         "FILES",   "SIZE",  "CREATED" };
    struct cli *cli = listing->cli;
    cull_selection selection = { .entity = scope->entity,
                                 .project = scope->project,
                                 .collection = scope->collection };
    cull_status status;

    if (all) {
        selection.states =
            1u << CULL_VERSION_COMMITTED | 1u << CULL_VERSION_DELETED | 1u << CULL_VERSION_PURGED;
    }
    table_begin(&cli->out, heads, ARG_LEN(heads));
    status = scope->kind == CULL_SCOPE_VERSION
                 ? cull_version_show(cli->store, &scope->version, visit_version, listing, &cli->err)
                 : cull_select(cli->store, &selection, visit_version, listing, &cli->err);
    if (status == CULL_OK) {
        table_end(&cli->out, "<<<<>><");
    }
    return status;
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    const struct ls_options *options = values;
    struct listing listing = { .cli = cli };
    cull_name name;
    cull_scope scope;
    cull_status status = cli_open(cli, false);

    if (status == CULL_OK && options->uploads && count > 0) {
        status = cli_fail(cli, CULL_E_USAGE, "--uploads takes no name");
    }
    if (status == CULL_OK) {
        status = resolve_scope(cli, count > 0 ? names[0] : NULL, &name, &scope);
    }
    if (status != CULL_OK) {
        return status;
    }
    if (options->uploads) {
        status = list_uploads(&listing);
    } else if (scope.kind == CULL_SCOPE_COLLECTION || scope.kind == CULL_SCOPE_VERSION) {
        bool done = false;

        status = list_links(&listing, &scope, &name, &done);
        if (status == CULL_OK && !done) {
            status = list_versions(&listing, &scope, options->all);
        }
    } else {
        status = list_collections(&listing, &scope, options->all);
    }
    text_release(&listing.scratch);
    summary_begin(&cli->out);
    field_number(&cli->out, "count", listing.count);
    summary_end(&cli->out);
    return status;
}

const struct cli_command command_ls = {
    .name = "ls",
    .usage = "ls [NAME] [--all | --uploads]",
    .text = "List collections, or the versions of one.\n\n"
            "NAME is an entity, entity/project, entity/project/collection, or a version; in\n"
            "a registry, the links are listed.",
    .options = ls_table,
    .option_count = ARG_LEN(ls_table),
    .args_bytes = sizeof(struct ls_options),
    .positionals_max = 1,
    .exits = "exit: 0 done  1 failed  2 usage  4 no such store or name\n",
    .run = run,
};
