/*
 * cmd_alias.c - cull alias: set, take away and list the movable names of versions.
 */
#include <string.h>

#include "cli.h"
#include "link_rows.h"
#include "versions.h"

static cull_status alias_set(struct cli *cli, char **names, size_t count)
{
    cull_version_key key;
    cull_status status = resolve_version(cli, names[0], &key);

    for (size_t i = 1; status == CULL_OK && i < count; i++) {
        cull_caller caller = cli_caller(cli);

        status = cull_alias_set(cli->store, &key, names[i], &caller, &cli->err);
        cli->changed = cli->changed || status == CULL_OK;
    }
    return status;
}

static cull_status alias_remove(struct cli *cli, char **names, size_t count)
{
    cull_collection_info collection;
    cull_name name;
    cull_status status = resolve_collection(cli, names[0], &name);

    if (status == CULL_OK) {
        status = find_collection(cli, &name, &collection);
    }
    for (size_t i = 1; status == CULL_OK && i < count; i++) {
        cull_caller caller = cli_caller(cli);

        status = cull_alias_remove(cli->store, collection.id, names[i], &caller, &cli->err);
        cli->changed = cli->changed || status == CULL_OK;
    }
    return status;
}

static void list_aliases(struct output *out, const char *name, const char *const *aliases,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        record_begin(out, "alias");
        field_text(out, "alias", aliases[i]);
        field_text(out, "version", name);
        record_end(out);
        table_cell(out, "%s", aliases[i]);
        table_cell(out, "%s", name);
        table_row_end(out);
    }
}

static cull_status visit(void *ctx, const cull_version_info *version)
{
    char name[VERSION_NAME_MAX];

    list_aliases(ctx, version_name(name, version), version->aliases, version->alias_count);
    return CULL_OK;
}

static cull_status visit_link(void *ctx, const cull_link_info *link)
{
    char name[VERSION_NAME_MAX];

    list_aliases(ctx, link_name(name, link), link->aliases, link->alias_count);
    return CULL_OK;
}

static cull_status alias_list(struct cli *cli, const char *text)
{
    static const char *const heads[] = { "ALIAS", "VERSION" };
    cull_name name;
    cull_selection selection = { .entity = name.entity,
                                 .project = name.project,
                                 .collection = name.collection };
    cull_collection_info portfolio;
    bool is_portfolio = false;
    cull_status status = resolve_collection(cli, text, &name);

    if (status == CULL_OK) {
        status = find_portfolio(cli, &name, &portfolio, &is_portfolio);
    }
    if (status != CULL_OK) {
        return status;
    }
    table_begin(&cli->out, heads, ARG_LEN(heads));
    status = is_portfolio ? cull_links(cli->store, name.entity, name.project, name.collection,
                                       visit_link, &cli->out, &cli->err)
                          : cull_select(cli->store, &selection, visit, &cli->out, &cli->err);
    if (status == CULL_OK) {
        table_end(&cli->out, "<<");
    }
    return status;
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    bool set = strcmp(names[0], "set") == 0;
    bool remove = strcmp(names[0], "rm") == 0;
    bool list = strcmp(names[0], "ls") == 0;
    char shown[PRINTABLE_MAX];
    cull_status status;

    (void)values;
    if (!set && !remove && !list) {
        return cli_fail(cli, CULL_E_USAGE, "alias: %s: not set, rm or ls",
                        printable(shown, names[0]));
    }
    if (list ? count != 2 : count < 3) {
        return cli_fail(cli, CULL_E_USAGE, "alias %s: wrong number of arguments: cull %s", names[0],
                        cli->command->usage);
    }
    status = cli_open(cli, false);
    if (status != CULL_OK) {
        return status;
    }
    return set      ? alias_set(cli, names + 1, count - 1)
           : remove ? alias_remove(cli, names + 1, count - 1)
                    : alias_list(cli, names[1]);
}

const struct cli_command command_alias = {
    .name = "alias",
    .usage = "alias set VERSION ALIAS... | rm COLLECTION ALIAS... | ls COLLECTION",
    .text = "Set, remove or list aliases.\n\n"
            "An alias names one version of a collection; set elsewhere, it moves. Neither\n"
            "vN nor anything with a slash or a colon can be one. Links in a registry have\n"
            "aliases like versions; protected ones take an administrator of the registry.",
    .positionals_min = 1,
    .positionals_max = 1000,
    .exits = "exit: 0 done  1 failed  2 usage  4 no such store, version or alias\n"
             "      5 busy  6 the version is deleted, or your role is too low\n",
    .run = run,
};
