/*
 * cmd_fsck.c - cull fsck: check the store's invariants.
 */
#include <inttypes.h>

#include "cli.h"
#include "progress.h"
#include "units.h"

struct fsck_options {
    bool read_data;
    bool repair;
};

static const struct arg_option fsck_table[] = {
    { "read-data", '\0', ARG_FLAG, offsetof(struct fsck_options, read_data), NULL,
      "read every object and compare its digest" },
    { "repair", '\0', ARG_FLAG, offsetof(struct fsck_options, repair), NULL,
      "set damaged objects aside, so that the next put heals them, take up what is there again, "
      "and give old orphans to the next cycle; deletes no object" },
};

struct checking {
    struct output *out;
    struct progress progress;
};

static const char *kind_name(cull_finding_kind kind)
{
    switch (kind) {
    case CULL_FOUND_MISSING:
        return "missing";
    case CULL_FOUND_WRONG_SIZE:
        return "wrong-size";
    case CULL_FOUND_WRONG_DIGEST:
        return "wrong-digest";
    case CULL_FOUND_ORPHAN:
        return "orphan";
    case CULL_FOUND_FOREIGN:
        return "foreign";
    case CULL_FOUND_COUNT:
        return "count";
    case CULL_FOUND_FINGERPRINT:
        return "fingerprint";
    case CULL_FOUND_MANIFEST:
        return "manifest";
    case CULL_FOUND_STRUCTURE:
        return "structure";
    case CULL_FOUND_UNREADABLE:
        return "unreadable";
    }
    return "unknown";
}

static void visit(void *ctx, const cull_finding *finding)
{
    struct checking *checking = ctx;
    struct output *out = checking->out;

    progress_end(&checking->progress);
    record_begin(out, "finding");
    field_text(out, "kind", kind_name(finding->kind));
    field_bool(out, "problem", finding->is_problem);
    field_bool(out, "repaired", finding->repaired);
    field_text(out, "message", finding->message);
    record_end(out);
    if (!out->json) {
        (void)printf("%s: %s: %s%s\n", finding->is_problem ? "problem" : "note",
                     kind_name(finding->kind), finding->message,
                     finding->repaired ? " (repaired)" : "");
    }
}

static void answer(struct cli *cli, const cull_fsck_result *result)
{
    char objects[UNITS_TEXT_MAX];
    char versions[UNITS_TEXT_MAX];
    char size[UNITS_TEXT_MAX];

    if (!cli->out.json) {
        (void)printf("checked %s version%s and %s object%s",
                     count_human(versions, result->versions), result->versions == 1 ? "" : "s",
                     count_human(objects, result->objects), result->objects == 1 ? "" : "s");
        if (result->bytes_read > 0) {
            (void)printf(", %s read", bytes_human(size, result->bytes_read));
        }
        (void)printf(": %" PRIu64 " problem%s, %" PRIu64 " note%s", result->problems,
                     result->problems == 1 ? "" : "s", result->notes,
                     result->notes == 1 ? "" : "s");
        if (result->repaired > 0) {
            (void)printf(", %" PRIu64 " repaired", result->repaired);
        }
        (void)printf("\n");
    }
    summary_begin(&cli->out);
    field_number(&cli->out, "versions", result->versions);
    field_number(&cli->out, "objects", result->objects);
    field_number(&cli->out, "problems", result->problems);
    field_number(&cli->out, "notes", result->notes);
    field_number(&cli->out, "repaired", result->repaired);
    field_number(&cli->out, "bytes_read", result->bytes_read);
    summary_end(&cli->out);
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    const struct fsck_options *options = values;
    struct checking checking = { .out = &cli->out };
    cull_fsck_options how = { .read_data = options->read_data,
                              .repair = options->repair,
                              .progress = progress_library,
                              .progress_ctx = &checking.progress };
    cull_fsck_result result = { 0 };
    cull_status status = cli_open(cli, true);
    cull_caller caller = cli_caller(cli);

    (void)names;
    (void)count;
    if (status != CULL_OK) {
        return status;
    }
    progress_begin(&checking.progress, cli->globals.progress);
    status = cull_fsck(cli->store, &how, &caller, visit, &checking, &result, &cli->err);
    progress_end(&checking.progress);
    cli->changed = options->repair;
    if (status == CULL_OK || status == CULL_E_DAMAGED) {
        answer(cli, &result);
    }
    return status == CULL_E_DAMAGED
               ? cli_fail(cli, status, "%s: %" PRIu64 " problem%s, %" PRIu64 " repaired",
                          cli->store_dir, result.problems, result.problems == 1 ? "" : "s",
                          result.repaired)
               : status;
}

const struct cli_command command_fsck = {
    .name = "fsck",
    .usage = "fsck [--read-data] [--repair]",
    .text = "Check the store: objects, counts, fingerprints, structures.\n\n"
            "Finds objects that are missing or altered, and objects that nobody names.\n"
            "Young orphans are notes: an upload may be about to name them.",
    .options = fsck_table,
    .option_count = ARG_LEN(fsck_table),
    .args_bytes = sizeof(struct fsck_options),
    .exits = "exit: 0 nothing is wrong  1 failed  2 usage  4 no such store\n"
             "      5 a collector is at work  7 problems were found  130, 143 interrupted\n",
    .run = run,
};
