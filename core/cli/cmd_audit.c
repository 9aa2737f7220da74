/*
 * cmd_audit.c - cull audit: who changed what, and when.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "resolve.h"
#include "units.h"

struct audit_options {
    struct arg_number since;
    const char *actor;
};

static const struct arg_option audit_table[] = {
    { "since", '\0', ARG_DURATION, offsetof(struct audit_options, since), "D",
      "only what happened less long ago than this" },
    { "actor", '\0', ARG_TEXT, offsetof(struct audit_options, actor), "A",
      "only what this user did" },
};

struct auditing {
    struct output *out;
    uint64_t count;
};

static cull_status visit(void *ctx, const cull_audit_record *record)
{
    struct auditing *auditing = ctx;
    struct output *out = auditing->out;
    char hex[CULL_DIGEST_HEX_MAX] = "-";
    char actor[PRINTABLE_MAX];
    char detail[PRINTABLE_MAX];
    char text[UNITS_TEXT_MAX];

    auditing->count++;
    record_begin(out, "audit");
    field_number(out, "seq", record->seq);
    field_time(out, "time", record->time_ms);
    field_text(out, "actor", record->actor);
    field_text(out, "action", record->action);
    field_text(out, "name", record->name);
    if (record->detail[0] != '\0') {
        field_text(out, "detail", record->detail);
    }
    if (record->manifest_digest != NULL) {
        field_digest(out, "manifest_digest", record->manifest_digest, CULL_DIGEST_MD5);
        cull_digest_to_hex(hex, record->manifest_digest, CULL_DIGEST_MD5);
    }
    record_end(out);

    table_cell(out, "%s", time_text_ms(text, record->time_ms));
    table_cell(out, "%s", printable(actor, record->actor));
    table_cell(out, "%s", record->action);
    table_cell(out, "%s", record->name);
    table_cell(out, "%s", record->detail[0] == '\0' ? "-" : printable(detail, record->detail));
    table_cell(out, "%s", hex);
    table_row_end(out);
    return CULL_OK;
}

/* "e/p/c:v3" of what was typed behind --entity and --project: it need not be there any more. */
static cull_status read_name(struct cli *cli, const char *typed, char name[VERSION_NAME_MAX])
{
    const char *entity = cli->globals.entity;
    const char *project = cli->globals.project;
    const char *version = strchr(typed, ':');
    char shown[PRINTABLE_MAX];
    uint64_t ordinal;
    int len = snprintf(name, VERSION_NAME_MAX, "%s%s%s%s%s", entity != NULL ? entity : "",
                       entity != NULL ? "/" : "", project != NULL ? project : "",
                       project != NULL ? "/" : "", typed);

    if (len >= VERSION_NAME_MAX) {
        return cli_fail(cli, CULL_E_USAGE, "%s: too long a name", printable(shown, typed));
    }
    if (version != NULL && (version[1] != 'v' || !count_parse(&ordinal, version + 2))) {
        return cli_fail(cli, CULL_E_USAGE,
                        "%s: an alias moves: say which version, :v3 (cull show tells)",
                        printable(shown, typed));
    }
    return CULL_OK;
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    static const char *const heads[] = { "TIME", "ACTOR", "ACTION", "NAME", "DETAIL", "MANIFEST" };
    const struct audit_options *options = values;
    struct auditing auditing = { .out = &cli->out };
    cull_audit_filter filter = { .actor = options->actor };
    uint64_t now_ms = cli_now_ms();
    char name[VERSION_NAME_MAX];
    cull_status status = count > 0 ? read_name(cli, names[0], name) : CULL_OK;

    if (status == CULL_OK) {
        status = cli_open(cli, false);
    }
    if (status != CULL_OK) {
        return status;
    }
    filter.name = count > 0 ? name : NULL;
    if (options->since.given && options->since.value < now_ms) {
        filter.since_ms = now_ms - options->since.value;
    }
    table_begin(&cli->out, heads, ARG_LEN(heads));
    status = cull_audit(cli->store, &filter, visit, &auditing, &cli->err);
    if (status == CULL_OK) {
        table_end(&cli->out, "<<<<<<");
    }
    summary_begin(&cli->out);
    field_number(&cli->out, "count", auditing.count);
    summary_end(&cli->out);
    return status;
}

const struct cli_command command_audit = {
    .name = "audit",
    .usage = "audit [NAME] [--since D] [--actor A]",
    .text = "Tell who changed what, and when, oldest first.\n\n"
            "NAME is an entity, entity/project, entity/project/collection, or a version\n"
            "(:vN), of now or of once: that, and what lies in it. What is older than the\n"
            "last checkpoints is kept for 400 days.",
    .options = audit_table,
    .option_count = ARG_LEN(audit_table),
    .args_bytes = sizeof(struct audit_options),
    .positionals_max = 1,
    .exits = "exit: 0 done, also when nothing is found  1 failed  2 usage  4 no such store\n",
    .run = run,
};
