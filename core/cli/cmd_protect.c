/*
 * cmd_protect.c - cull protect: aliases of a registry that keep what they name.
 */
#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "resolve.h"

static cull_status set(struct cli *cli, bool is_protected, char **names, size_t count)
{
    cull_name name;
    cull_place place = { name.entity, name.project };
    cull_status status = resolve_project(cli, names[0], &name);

    for (size_t i = 1; status == CULL_OK && i < count; i++) {
        cull_caller caller = cli_caller(cli);

        status = cull_protect(cli->store, &place, names[i], is_protected, &caller, &cli->err);
        cli->changed = cli->changed || status == CULL_OK;
    }
    return status;
}

static cull_status visit(void *ctx, const cull_protected_info *alias)
{
    struct output *out = ctx;
    char registry[2 * CULL_NAME_BYTES_MAX + 2];

    (void)snprintf(registry, sizeof(registry), "%s/%s", alias->entity, alias->registry);
    record_begin(out, "protected_alias");
    field_text(out, "registry", registry);
    field_text(out, "alias", alias->alias);
    field_number(out, "links", alias->links);
    record_end(out);
    table_cell(out, "%s", registry);
    table_cell(out, "%s", alias->alias);
    table_cell(out, "%" PRIu64, alias->links);
    table_row_end(out);
    return CULL_OK;
}

static cull_status list(struct cli *cli, const char *text)
{
    static const char *const heads[] = { "REGISTRY", "ALIAS", "LINKS" };
    cull_name name;
    cull_status status = CULL_OK;

    if (text != NULL) {
        status = resolve_project(cli, text, &name);
    }
    if (status != CULL_OK) {
        return status;
    }
    table_begin(&cli->out, heads, ARG_LEN(heads));
    status = cull_protected(cli->store, text == NULL ? NULL : name.entity,
                            text == NULL ? NULL : name.project, visit, &cli->out, &cli->err);
    if (status == CULL_OK) {
        table_end(&cli->out, "<<>");
    }
    return status;
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    bool add = strcmp(names[0], "add") == 0;
    bool remove = strcmp(names[0], "rm") == 0;
    char shown[PRINTABLE_MAX];
    cull_status status;

    (void)values;
    if (!add && !remove && strcmp(names[0], "ls") != 0) {
        return cli_fail(cli, CULL_E_USAGE, "protect: %s: not add, rm or ls",
                        printable(shown, names[0]));
    }
    if (add || remove ? count < 3 : count > 2) {
        return cli_fail(cli, CULL_E_USAGE, "protect %s: wrong number of arguments: cull %s",
                        names[0], cli->command->usage);
    }
    status = cli_open(cli, false);
    if (status != CULL_OK) {
        return status;
    }
    return add || remove ? set(cli, add, names + 1, count - 1)
                         : list(cli, count > 1 ? names[1] : NULL);
}

const struct cli_command command_protect = {
    .name = "protect",
    .usage = "protect add REGISTRY ALIAS... | rm REGISTRY ALIAS... | ls [REGISTRY]",
    .text = "Declare aliases of a registry's links protected.\n\n"
            "A version that is linked into the registry under such an alias cannot be\n"
            "deleted by anybody, by no path, until an administrator of the registry takes\n"
            "the alias away from the link (cull alias rm) or is done protecting it.",
    .positionals_min = 1,
    .positionals_max = 1000,
    .exits = "exit: 0 done  1 failed  2 usage  4 no such store, registry or protected alias\n"
             "      5 busy  6 you are no administrator there\n",
    .run = run,
};
