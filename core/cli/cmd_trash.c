/*
 * cmd_trash.c - cull trash: what can be restored, and until when at least.
 */
#include "cli.h"
#include "resolve.h"
#include "units.h"
#include "versions.h"

struct trash {
    struct output *out;
    uint64_t count;
    uint64_t bytes;
    bool exact;
};

static cull_status visit(void *ctx, const cull_version_info *version)
{
    struct trash *trash = ctx;
    struct output *out = trash->out;
    char name[VERSION_NAME_MAX];
    char text[UNITS_TEXT_MAX];

    trash->count++;
    trash->bytes += version->size_bytes;
    trash->exact = trash->exact && version->size_exact;
    version_record(out, version);
    table_cell(out, "%s", version_name(name, version));
    table_cell(out, "%s", bytes_at_least(text, version->size_bytes, version->size_exact));
    table_cell(out, "%s", time_text(text, version->deleted_ms));
    table_cell(out, "%s", delete_reason_name(version->reason));
    table_cell(out, "at least until %s", time_text(text, version->kept_until_ms));
    table_row_end(out);
    return CULL_OK;
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    static const char *const heads[] = { "VERSION", "SIZE", "DELETED", "BY", "CAN BE RESTORED" };
    struct trash trash = { .out = &cli->out, .exact = true };
    cull_selection selection = { .states = 1u << CULL_VERSION_DELETED };
    cull_name name;
    cull_scope scope;
    cull_status status = cli_open(cli, false);

    (void)values;
    if (status == CULL_OK) {
        status = resolve_scope(cli, count > 0 ? names[0] : NULL, &name, &scope);
    }
    if (status == CULL_OK && scope.kind == CULL_SCOPE_VERSION) {
        status = cli_fail(cli, CULL_E_USAGE, "%s: a version: cull show explains it", names[0]);
    }
    if (status != CULL_OK) {
        return status;
    }
    selection.entity = scope.entity;
    selection.project = scope.project;
    selection.collection = scope.collection;
    table_begin(&cli->out, heads, ARG_LEN(heads));
    status = cull_select(cli->store, &selection, visit, &trash, &cli->err);
    if (status == CULL_OK) {
        table_end(&cli->out, "<><<<");
    }
    summary_begin(&cli->out);
    field_number(&cli->out, "count", trash.count);
    field_number(&cli->out, "size_bytes", trash.bytes);
    field_bool(&cli->out, "size_exact", trash.exact);
    summary_end(&cli->out);
    return status;
}

const struct cli_command command_trash = {
    .name = "trash",
    .usage = "trash [NAME]",
    .text = "List deleted versions that can be restored, and until when at least.\n\n"
            "NAME is an entity, entity/project or entity/project/collection.",
    .positionals_max = 1,
    .exits = "exit: 0 done  1 failed  2 usage  4 no such store or name\n",
    .run = run,
};
