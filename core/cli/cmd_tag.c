/*
 * cmd_tag.c - cull tag: words that versions carry, for selecting them.
 */
#include <string.h>

#include "cli.h"
#include "resolve.h"
#include "versions.h"

static cull_status tag_change(struct cli *cli, char **names, size_t count, bool present)
{
    cull_version_key key;
    cull_status status = resolve_version(cli, names[0], &key);

    for (size_t i = 1; status == CULL_OK && i < count; i++) {
        cull_caller caller = cli_caller(cli);

        status = cull_tag_set(cli->store, &key, names[i], present, &caller, &cli->err);
        cli->changed = cli->changed || status == CULL_OK;
    }
    return status;
}

static cull_status visit(void *ctx, const cull_version_info *version)
{
    struct output *out = ctx;
    char name[VERSION_NAME_MAX];

    (void)version_name(name, version);
    for (size_t i = 0; i < version->tag_count; i++) {
        record_begin(out, "tag");
        field_text(out, "tag", version->tags[i]);
        field_text(out, "version", name);
        record_end(out);
        table_cell(out, "%s", version->tags[i]);
        table_cell(out, "%s", name);
        table_row_end(out);
    }
    return CULL_OK;
}

/* Of one version, or of all versions of a collection. */
static cull_status tag_list(struct cli *cli, const char *text)
{
    static const char *const heads[] = { "TAG", "VERSION" };
    cull_name name;
    cull_version_key key;
    cull_selection selection = { .entity = name.entity,
                                 .project = name.project,
                                 .collection = name.collection };
    cull_status status = resolve_name(cli, text, &name);

    if (status != CULL_OK) {
        return status;
    }
    table_begin(&cli->out, heads, ARG_LEN(heads));
    if (name.version[0] == '\0') {
        status = cull_select(cli->store, &selection, visit, &cli->out, &cli->err);
    } else {
        status = cull_version_find(cli->store, &name, &key, &cli->err);
        if (status == CULL_OK) {
            status = cull_version_show(cli->store, &key, visit, &cli->out, &cli->err);
        }
    }
    if (status == CULL_OK) {
        table_end(&cli->out, "<<");
    }
    return status;
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    bool add = strcmp(names[0], "add") == 0;
    bool remove = strcmp(names[0], "rm") == 0;
    bool list = strcmp(names[0], "ls") == 0;
    char shown[PRINTABLE_MAX];
    cull_status status;

    (void)values;
    if (!add && !remove && !list) {
        return cli_fail(cli, CULL_E_USAGE, "tag: %s: not add, rm or ls",
                        printable(shown, names[0]));
    }
    if (list ? count != 2 : count < 3) {
        return cli_fail(cli, CULL_E_USAGE, "tag %s: wrong number of arguments: cull %s", names[0],
                        cli->command->usage);
    }
    status = cli_open(cli, false);
    if (status != CULL_OK) {
        return status;
    }
    return list ? tag_list(cli, names[1]) : tag_change(cli, names + 1, count - 1, add);
}

const struct cli_command command_tag = {
    .name = "tag",
    .usage = "tag add VERSION TAG... | rm VERSION TAG... | ls VERSION|COLLECTION",
    .text = "Add, remove or list tags.\n\n"
            "A tag is a word on a version, for selections (cull delete --tag T). Unlike an\n"
            "alias it may stand on many versions, and does not block a delete.",
    .positionals_min = 1,
    .positionals_max = 1000,
    .exits = "exit: 0 done  1 failed  2 usage  4 no such store, version or tag  5 busy\n",
    .run = run,
};
