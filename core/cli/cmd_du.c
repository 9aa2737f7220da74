/*
 * cmd_du.c - cull du: tracked, stored and reclaimable bytes.
 */
#include <inttypes.h>

#include "cli.h"
#include "resolve.h"
#include "selecting.h"
#include "units.h"
#include "versions.h"

static void line(const char *key, uint64_t bytes, const char *text)
{
    char size[UNITS_TEXT_MAX];

    (void)printf("%-12s %15" PRIu64 " bytes  %9s  %s\n", key, bytes, bytes_human(size, bytes),
                 text);
}

static void print_usage(const char *scope, const cull_usage *usage)
{
    char committed[UNITS_TEXT_MAX];
    char trash[UNITS_TEXT_MAX];
    char blobs[UNITS_TEXT_MAX];

    (void)printf("%s: %s version%s, %s in the trash, %s blob%s\n", scope,
                 count_human(committed, usage->versions), usage->versions == 1 ? "" : "s",
                 count_human(trash, usage->versions_in_trash), count_human(blobs, usage->blobs),
                 usage->blobs == 1 ? "" : "s");
    line("tracked", usage->tracked_bytes, "sizes of committed versions, added up");
    line("stored", usage->stored_bytes, "each blob once");
    line("trash", usage->trash_bytes, "of these, held by deleted versions only");
    line("reclaimable", usage->reclaimable_bytes, "a cycle now would free");
    line("exclusive", usage->exclusive_bytes, "would go if all of this were purged");
    if (!usage->size_exact) {
        (void)printf("some sizes are not known: the figures are at least these\n");
    }
}

struct du_options {
    struct selection_args select;
};

static const struct arg_option du_table[] = {
    SELECTION_COLLECTION(struct du_options, select, "versions of this collection"),
    SELECTION_FLAGS(struct du_options, select),
};

/* Of the versions that flags select, soft-deleted ones with them. */
static cull_status usage_selected(struct cli *cli, const struct selection_args *args,
                                  const cull_scope *scope, cull_usage *usage)
{
    cull_selection selection;
    cull_name run;
    cull_status status = selection_read(cli, args, scope, &run, &selection);

    selection.states = 1u << CULL_VERSION_COMMITTED | 1u << CULL_VERSION_DELETED;
    return status == CULL_OK
               ? cull_usage_selected(cli->store, &selection, cli_now_ms(), usage, &cli->err)
               : status;
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    struct output *out = &cli->out;
    const char *shown = count > 0 ? names[0] : "store";
    cull_usage usage;
    cull_name name;
    cull_scope scope;
    const struct du_options *options = values;
    bool selects = selection_is_narrowed(&options->select) || options->select.empty;
    cull_status status = cli_open(cli, false);

    if (status == CULL_OK && count > 0 && options->select.collection != NULL) {
        status = cli_fail(cli, CULL_E_USAGE, "du: NAME or --collection, not both");
    }
    if (status == CULL_OK) {
        status = options->select.collection != NULL
                     ? selection_scope(cli, &options->select, &name, &scope)
                     : resolve_scope(cli, count > 0 ? names[0] : NULL, &name, &scope);
    }
    if (status == CULL_OK && selects && scope.kind == CULL_SCOPE_VERSION) {
        status = cli_fail(cli, CULL_E_USAGE, "du: name a version or select them, not both");
    }
    if (status == CULL_OK) {
        status = selects ? usage_selected(cli, &options->select, &scope, &usage)
                         : cull_usage_of(cli->store, &scope, cli_now_ms(), &usage, &cli->err);
    }
    if (status != CULL_OK) {
        return status;
    }
    if (options->select.collection != NULL) {
        shown = options->select.collection;
    } else if (selects && count == 0 && scope.kind == CULL_SCOPE_STORE) {
        shown = "selected";
    } else if (count == 0 && scope.kind != CULL_SCOPE_STORE) {
        shown = scope.kind == CULL_SCOPE_PROJECT ? scope.project : scope.entity;
    }
    record_begin(out, "usage");
    field_text(out, "name", shown);
    field_number(out, "versions", usage.versions);
    field_number(out, "versions_in_trash", usage.versions_in_trash);
    field_number(out, "references", usage.references);
    field_number(out, "blobs", usage.blobs);
    field_number(out, "tracked_bytes", usage.tracked_bytes);
    field_number(out, "stored_bytes", usage.stored_bytes);
    field_number(out, "trash_bytes", usage.trash_bytes);
    field_number(out, "reclaimable_bytes", usage.reclaimable_bytes);
    field_number(out, "exclusive_bytes", usage.exclusive_bytes);
    field_bool(out, "size_exact", usage.size_exact);
    record_end(out);
    if (!out->json) {
        print_usage(shown, &usage);
    }
    return CULL_OK;
}

const struct cli_command command_du = {
    .name = "du",
    .usage = "du [NAME] [SELECTION]",
    .text = "Say how many bytes are tracked, stored and reclaimable.\n\n"
            "NAME is an entity, entity/project, entity/project/collection, or a version;\n"
            "without it, the whole store. Flags narrow it to the versions that they select,\n"
            "deleted ones with them.",
    .options = du_table,
    .option_count = ARG_LEN(du_table),
    .args_bytes = sizeof(struct du_options),
    .positionals_max = 1,
    .exits = "exit: 0 done  1 failed  2 usage  4 no such store or name\n",
    .run = run,
};
