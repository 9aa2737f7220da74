/*
 * cmd_role.c - cull role: who may do what in an entity or a registry.
 */
#include <string.h>

#include "cli.h"
#include "resolve.h"

/* ENTITY, or ENTITY/REGISTRY; --entity stands for one that is not said before a registry's name. */
static cull_status read_place(struct cli *cli, const char *text, cull_name *name, cull_place *out)
{
    cull_status status;

    if (strchr(text, '/') == NULL) {
        status = resolve_entity(cli, text, name);
        *out = (cull_place){ name->entity, NULL };
        return status;
    }
    status = resolve_project(cli, text, name);
    *out = (cull_place){ name->entity, name->project };
    return status;
}

static cull_status grant(struct cli *cli, char **names)
{
    cull_role role = cull_role_parse(names[1]);
    cull_caller caller = cli_caller(cli);
    char shown[PRINTABLE_MAX];
    cull_name name;
    cull_place place;
    cull_status status = read_place(cli, names[2], &name, &place);

    if (status == CULL_OK && role == CULL_ROLE_NONE) {
        return cli_fail(cli, CULL_E_USAGE,
                        "role: %s: not restricted-viewer, viewer, member or administrator",
                        printable(shown, names[1]));
    }
    if (status == CULL_OK) {
        status = cull_role_grant(cli->store, &place, names[0], role, &caller, &cli->err);
        cli->changed = cli->changed || status == CULL_OK;
    }
    return status;
}

static cull_status revoke(struct cli *cli, char **names)
{
    cull_caller caller = cli_caller(cli);
    cull_name name;
    cull_place place;
    cull_status status = read_place(cli, names[1], &name, &place);

    if (status == CULL_OK) {
        status = cull_role_revoke(cli->store, &place, names[0], &caller, &cli->err);
        cli->changed = cli->changed || status == CULL_OK;
    }
    return status;
}

static cull_status visit(void *ctx, const cull_role_info *role)
{
    struct output *out = ctx;
    char place[2 * CULL_NAME_BYTES_MAX + 2];
    char shown[PRINTABLE_MAX];

    (void)snprintf(place, sizeof(place), "%s%s%s", role->entity,
                   role->registry[0] == '\0' ? "" : "/", role->registry);
    record_begin(out, "role");
    field_text(out, "user", role->user);
    field_text(out, "role", cull_role_name(role->role));
    field_text(out, "place", place);
    record_end(out);
    table_cell(out, "%s", printable(shown, role->user));
    table_cell(out, "%s", cull_role_name(role->role));
    table_cell(out, "%s", place);
    table_row_end(out);
    return CULL_OK;
}

static cull_status list(struct cli *cli, const char *text)
{
    static const char *const heads[] = { "USER", "ROLE", "WHERE" };
    cull_name name;
    cull_place place;
    cull_status status = text == NULL ? CULL_OK : read_place(cli, text, &name, &place);

    if (status != CULL_OK) {
        return status;
    }
    table_begin(&cli->out, heads, ARG_LEN(heads));
    status = cull_roles(cli->store, text == NULL ? NULL : &place, visit, &cli->out, &cli->err);
    if (status == CULL_OK) {
        table_end(&cli->out, "<<<");
    }
    return status;
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    bool grants = strcmp(names[0], "grant") == 0;
    bool revokes = strcmp(names[0], "revoke") == 0;
    bool lists = strcmp(names[0], "ls") == 0;
    char shown[PRINTABLE_MAX];
    cull_status status;

    (void)values;
    if (!grants && !revokes && !lists) {
        return cli_fail(cli, CULL_E_USAGE, "role: %s: not grant, revoke or ls",
                        printable(shown, names[0]));
    }
    if (grants ? count != 4 : revokes ? count != 3 : count > 2) {
        return cli_fail(cli, CULL_E_USAGE, "role %s: wrong number of arguments: cull %s", names[0],
                        cli->command->usage);
    }
    status = cli_open(cli, false);
    if (status != CULL_OK) {
        return status;
    }
    return grants    ? grant(cli, names + 1)
           : revokes ? revoke(cli, names + 1)
                     : list(cli, count > 1 ? names[1] : NULL);
}

const struct cli_command command_role = {
    .name = "role",
    .usage = "role grant USER ROLE WHERE | revoke USER WHERE | ls [WHERE]",
    .text = "Say who may do what.\n\n"
            "ROLE is restricted-viewer (sees versions), viewer (downloads them), member\n"
            "(changes what is not protected) or administrator. WHERE is an entity, or\n"
            "ENTITY/REGISTRY; the higher of the two is in force. Who made the store is\n"
            "administrator of all of it. Until the first role is given, everybody else\n"
            "counts as a member.",
    .positionals_min = 1,
    .positionals_max = 4,
    .exits = "exit: 0 done  1 failed  2 usage  4 no such store, place or role\n"
             "      5 busy  6 you are no administrator there\n",
    .run = run,
};
