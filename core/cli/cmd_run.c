/*
 * cmd_run.c - cull run: list runs, and forget one.
 */
#include <inttypes.h>
#include <string.h>

#include "deletion.h"
#include "resolve.h"
#include "units.h"

struct run_options {
    bool delete_artifacts;
    bool skip_protected;
    bool dry_run;
};

static const struct arg_option run_table[] = {
    { "delete-artifacts", '\0', ARG_FLAG, offsetof(struct run_options, delete_artifacts), NULL,
      "delete: the versions that it logged too; never those it used" },
    { "skip-protected", '\0', ARG_FLAG, offsetof(struct run_options, skip_protected), NULL,
      "leave what protected aliases keep, delete the rest, and end with 3" },
    { "dry-run", 'n', ARG_FLAG, offsetof(struct run_options, dry_run), NULL,
      "delete nothing; say what would be, and what a cycle would then free" },
};

struct listing {
    struct output *out;
    uint64_t count;
};

static cull_status visit(void *ctx, const cull_run_info *info)
{
    struct listing *listing = ctx;
    struct output *out = listing->out;
    char name[VERSION_NAME_MAX];
    char text[UNITS_TEXT_MAX];

    if (info->deleted) {
        return CULL_OK;
    }
    listing->count++;
    (void)snprintf(name, sizeof(name), "%s/%s/%s", info->entity, info->project, info->name);
    record_begin(out, "run");
    field_text(out, "name", name);
    field_number(out, "id", info->id);
    field_time(out, "created", info->created_ms);
    field_number(out, "versions_logged", info->logged);
    record_end(out);
    table_cell(out, "%s", name);
    table_cell(out, "%" PRIu32, info->logged);
    table_cell(out, "%s", time_text(text, info->created_ms));
    table_row_end(out);
    return CULL_OK;
}

static cull_status run_list(struct cli *cli, const char *text)
{
    static const char *const heads[] = { "RUN", "LOGGED", "CREATED" };
    struct listing listing = { &cli->out, 0 };
    cull_name name;
    cull_scope scope;
    cull_status status = resolve_scope(cli, text, &name, &scope);

    if (status == CULL_OK &&
        (scope.kind == CULL_SCOPE_COLLECTION || scope.kind == CULL_SCOPE_VERSION)) {
        status = cli_fail(cli, CULL_E_USAGE, "%s: not an entity or entity/project", text);
    }
    if (status != CULL_OK) {
        return status;
    }
    table_begin(&cli->out, heads, ARG_LEN(heads));
    status = cull_runs(cli->store, scope.entity, scope.project, visit, &listing, &cli->err);
    if (status == CULL_OK) {
        table_end(&cli->out, "<><");
    }
    summary_begin(&cli->out);
    field_number(&cli->out, "count", listing.count);
    summary_end(&cli->out);
    return status;
}

static cull_status run_delete(struct cli *cli, const char *text, const struct run_options *options)
{
    struct version_list list = { NULL, 0, 0 };
    cull_name name;
    cull_scope scope = { .kind = CULL_SCOPE_RUN,
                         .entity = name.entity,
                         .project = name.project,
                         .run = name.collection };
    cull_caller caller = cli_caller(cli);
    char shown[VERSION_NAME_MAX];
    struct deletion_links links = { cli, NULL, options->dry_run };
    const cull_delete_options how = { .dry_run = options->dry_run,
                                      .skip_protected = options->skip_protected,
                                      .link = deletion_link,
                                      .link_ctx = &links };
    cull_status printed = CULL_OK;
    cull_status status = resolve_run(cli, text, &name);

    if (status == CULL_OK) {
        status = cull_delete_cascade(cli->store, &scope, options->delete_artifacts, &how,
                                     version_list_add, &list, &caller, &cli->err);
    }
    if (!deletion_done(status)) {
        goto done;
    }
    cli->changed = !options->dry_run;
    record_begin(&cli->out, "run");
    field_text(&cli->out, "name", collection_name(shown, &name));
    field_bool(&cli->out, "deleted", !options->dry_run);
    record_end(&cli->out);
    if (!cli->out.json) {
        (void)printf("%s run %s\n", options->dry_run ? "would delete" : "deleted",
                     collection_name(shown, &name));
    }
    if (options->delete_artifacts) {
        printed = deletion_print(cli, &list, options->dry_run, options->dry_run);
        status = printed == CULL_OK ? status : printed;
    }
done:
    version_list_release(&list);
    return status;
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    const struct run_options *options = values;
    bool list = strcmp(names[0], "ls") == 0;
    char shown[PRINTABLE_MAX];
    cull_status status;

    if (!list && strcmp(names[0], "delete") != 0) {
        return cli_fail(cli, CULL_E_USAGE, "run: %s: not ls or delete", printable(shown, names[0]));
    }
    if (!list && count != 2) {
        return cli_fail(cli, CULL_E_USAGE, "run delete: wrong number of arguments: cull %s",
                        cli->command->usage);
    }
    status = cli_open(cli, false);
    if (status != CULL_OK) {
        return status;
    }
    return list ? run_list(cli, count > 1 ? names[1] : NULL) : run_delete(cli, names[1], options);
}

const struct cli_command command_run = {
    .name = "run",
    .usage = "run ls [NAME] | delete RUN [--delete-artifacts] [OPTION]...",
    .text = "List runs, or delete one.\n\n"
            "A run is named entity/project/run. Deleting it keeps its versions, unless\n"
            "--delete-artifacts says otherwise; their aliases do not block that.",
    .options = run_table,
    .option_count = ARG_LEN(run_table),
    .args_bytes = sizeof(struct run_options),
    .positionals_min = 1,
    .positionals_max = 2,
    .exits = "exit: 0 done  1 failed  2 usage  3 protected ones were skipped\n"
             "      4 no such store or run  5 busy\n"
             "      6 a version is protected, or your role is too low\n",
    .run = run,
};
