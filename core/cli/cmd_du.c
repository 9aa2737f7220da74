/*
 * cmd_du.c - cull du: tracked, stored and reclaimable bytes.
 */
#include <inttypes.h>

#include "cli.h"
#include "resolve.h"
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

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    struct output *out = &cli->out;
    const char *shown = count > 0 ? names[0] : "store";
    cull_usage usage;
    cull_name name;
    cull_scope scope;
    cull_status status = cli_open(cli, false);

    (void)values;
    if (status == CULL_OK) {
        status = resolve_scope(cli, count > 0 ? names[0] : NULL, &name, &scope);
    }
    if (status == CULL_OK) {
        status = cull_usage_of(cli->store, &scope, cli_now_ms(), &usage, &cli->err);
    }
    if (status != CULL_OK) {
        return status;
    }
    if (count == 0 && scope.kind != CULL_SCOPE_STORE) {
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
    .usage = "du [NAME]",
    .text = "Say how many bytes are tracked, stored and reclaimable.\n\n"
            "NAME is an entity, entity/project, entity/project/collection, or a version;\n"
            "without it, the whole store.",
    .positionals_max = 1,
    .exits = "exit: 0 done  1 failed  2 usage  4 no such store or name\n",
    .run = run,
};
