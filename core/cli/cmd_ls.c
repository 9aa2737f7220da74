/*
 * cmd_ls.c - cull ls: collections, a collection's versions, open uploads.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "deletion.h"
#include "link_rows.h"
#include "resolve.h"
#include "selecting.h"
#include "units.h"
#include "versions.h"

struct ls_options {
    bool all;
    bool uploads;
    struct selection_args select;
    bool bytes;
    struct arg_number limit;
    const char *after;
};

static const struct arg_option ls_table[] = {
    { "all", 'a', ARG_FLAG, offsetof(struct ls_options, all), NULL,
      "deleted and purged versions, and deleted collections too" },
    { "uploads", '\0', ARG_FLAG, offsetof(struct ls_options, uploads), NULL,
      "list open uploads instead (cull delete upload:ID ends one)" },
    SELECTION_COLLECTION(struct ls_options, select, "versions of this collection"),
    SELECTION_FLAGS(struct ls_options, select),
    { "bytes", '\0', ARG_FLAG, offsetof(struct ls_options, bytes), NULL,
      "say what a cycle would free if the listed versions were purged" },
    { "limit", '\0', ARG_COUNT, offsetof(struct ls_options, limit), "N",
      "at most N versions; the summary's next is what --after takes" },
    { "after", '\0', ARG_TEXT, offsetof(struct ls_options, after), "VERSION",
      "only those behind this one (:vN), which need not be there any more" },
};

struct listing {
    struct cli *cli;
    struct text scratch;
    uint64_t count;
    bool only_empty;          /* collections */
    struct version_list list; /* with --bytes */
    bool keeps;
    char next[VERSION_NAME_MAX]; /* what --after takes; "": there is no more */
};

/* Rows and records are made in the same visit; one of the two does nothing. */
static cull_status visit_collection(void *ctx, const cull_collection_info *collection)
{
    struct listing *listing = ctx;
    struct output *out = &listing->cli->out;
    char name[VERSION_NAME_MAX];
    char text[UNITS_TEXT_MAX];

    if (listing->only_empty && collection->committed > 0) {
        return CULL_OK;
    }
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
    return listing->keeps ? version_list_add(&listing->list, version) : CULL_OK;
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

/* Where a page begins. */
static cull_status read_page(struct cli *cli, const char *after, cull_page *page)
{
    char shown[PRINTABLE_MAX];
    cull_version_key key;
    cull_error ignored = { CULL_OK, "" };
    uint64_t ordinal = 0;
    cull_status status;

    *page = (cull_page){ .more = false };
    if (after == NULL) {
        return CULL_OK;
    }
    status = resolve_name(cli, after, &page->after);
    if (status == CULL_OK &&
        (page->after.version[0] != 'v' || !count_parse(&ordinal, page->after.version + 1) ||
         ordinal >= UINT32_MAX)) {
        status = cli_fail(cli, CULL_E_USAGE, "--after: %s: not a version's number, :vN",
                          printable(shown, after));
    }
    page->ordinal = (uint32_t)ordinal;
    /* its collection, if there is one of this name now */
    if (status == CULL_OK &&
        cull_version_find(cli->store, &page->after, &key, &ignored) == CULL_OK) {
        page->collection = key.collection;
    }
    return status;
}

static cull_status list_page(struct listing *listing, const cull_selection *selection,
                             const struct ls_options *options)
{
    struct cli *cli = listing->cli;
    cull_page page;
    cull_status status = read_page(cli, options->after, &page);

    if (status == CULL_OK) {
        status = cull_select_page(cli->store, selection, &page,
                                  options->limit.given ? (size_t)options->limit.value : SIZE_MAX,
                                  visit_version, listing, &cli->err);
    }
    if (status == CULL_OK && page.more) {
        (void)snprintf(listing->next, sizeof listing->next, "%s/%s/%s:v%" PRIu32, page.after.entity,
                       page.after.project, page.after.collection, page.ordinal);
        summary_begin(&cli->out);
        field_text(&cli->out, "next", listing->next);
        summary_end(&cli->out);
    }
    return status;
}

static cull_status list_versions(struct listing *listing, const cull_scope *scope,
                                 const struct ls_options *options)
{
    static const char *const heads[] = { "VERSION", "STATE", "ALIASES", "TAGS",
                                         "FILES",   "SIZE",  "CREATED" };
    struct cli *cli = listing->cli;
    cull_selection selection;
    cull_name run;
    cull_status status = selection_read(cli, &options->select, scope, &run, &selection);

    if (status != CULL_OK) {
        return status;
    }
    if (options->all) {
        selection.states =
            1u << CULL_VERSION_COMMITTED | 1u << CULL_VERSION_DELETED | 1u << CULL_VERSION_PURGED;
    }
    listing->keeps = options->bytes;
    table_begin(&cli->out, heads, ARG_LEN(heads));
    status = scope->kind == CULL_SCOPE_VERSION
                 ? cull_version_show(cli->store, &scope->version, visit_version, listing, &cli->err)
                 : list_page(listing, &selection, options);
    if (status == CULL_OK) {
        table_end(&cli->out, "<<<<>><");
        if (listing->next[0] != '\0' && !cli->out.json) {
            (void)printf("there are more: --after %s\n", listing->next);
        }
    }
    return status == CULL_OK && options->bytes ? deletion_print_free(cli, &listing->list) : status;
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    const struct ls_options *options = values;
    struct listing listing = { .cli = cli };
    cull_name name;
    cull_scope scope;
    bool selects = selection_is_narrowed(&options->select) || options->limit.given ||
                   options->after != NULL || options->bytes;
    cull_status status = cli_open(cli, false);

    if (status == CULL_OK && options->uploads &&
        (count > 0 || selects || selection_is_said(&options->select))) {
        status = cli_fail(cli, CULL_E_USAGE, "--uploads takes no name");
    }
    if (status == CULL_OK && count > 0 && options->select.collection != NULL) {
        status = cli_fail(cli, CULL_E_USAGE, "ls: NAME or --collection, not both");
    }
    if (status == CULL_OK) {
        status = options->select.collection != NULL
                     ? selection_scope(cli, &options->select, &name, &scope)
                     : resolve_scope(cli, count > 0 ? names[0] : NULL, &name, &scope);
    }
    if (status != CULL_OK) {
        return status;
    }
    if (options->uploads) {
        status = list_uploads(&listing);
    } else if (scope.kind == CULL_SCOPE_COLLECTION || scope.kind == CULL_SCOPE_VERSION || selects) {
        bool done = false;

        if (scope.kind == CULL_SCOPE_COLLECTION || scope.kind == CULL_SCOPE_VERSION) {
            status = list_links(&listing, &scope, &name, &done);
        }
        if (status == CULL_OK && !done) {
            status = list_versions(&listing, &scope, options);
        }
    } else {
        listing.only_empty = options->select.empty;
        status = list_collections(&listing, &scope, options->all);
    }
    text_release(&listing.scratch);
    version_list_release(&listing.list);
    summary_begin(&cli->out);
    field_number(&cli->out, "count", listing.count);
    summary_end(&cli->out);
    return status;
}

const struct cli_command command_ls = {
    .name = "ls",
    .usage = "ls [NAME] [SELECTION] [--all] [--bytes] | --uploads",
    .text = "List collections, or the versions of one, or those that flags select.\n\n"
            "NAME is an entity, entity/project, entity/project/collection, or a version; in\n"
            "a registry, the links are listed.",
    .options = ls_table,
    .option_count = ARG_LEN(ls_table),
    .args_bytes = sizeof(struct ls_options),
    .positionals_max = 1,
    .exits = "exit: 0 done  1 failed  2 usage  4 no such store or name\n",
    .run = run,
};
