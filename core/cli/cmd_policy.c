/*
 * cmd_policy.c - cull policy: what the store keeps of its collections by itself.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "resolve.h"
#include "units.h"
#include "versions.h"

struct policy_options {
    struct arg_number keep_last;
    struct arg_number keep_every;
    struct arg_list keep_alias;
    struct arg_number keep_younger;
    struct arg_number ttl;
    bool allow_empty;
};

static const struct arg_option policy_table[] = {
    { "keep-last", '\0', ARG_COUNT, offsetof(struct policy_options, keep_last), "N",
      "keep the last N versions of each collection" },
    { "keep-every", '\0', ARG_COUNT, offsetof(struct policy_options, keep_every), "K",
      "keep v0, vK, v2K, ..." },
    { "keep-alias", '\0', ARG_LIST, offsetof(struct policy_options, keep_alias), "GLOB",
      "keep those with such an alias; may be repeated" },
    { "keep-younger", '\0', ARG_DURATION, offsetof(struct policy_options, keep_younger), "D",
      "keep those created less long ago than this" },
    { "ttl", '\0', ARG_DURATION, offsetof(struct policy_options, ttl), "D",
      "those that are as old go, whatever else is kept, unless they have a TTL of their own" },
    { "allow-empty", '\0', ARG_FLAG, offsetof(struct policy_options, allow_empty), NULL,
      "may leave a collection without any version" },
};

/* --- what is said ------------------------------------------------------------------------------- */

static bool says_something(const struct policy_options *options)
{
    return options->keep_last.given || options->keep_every.given || options->keep_alias.count > 0 ||
           options->keep_younger.given || options->ttl.given || options->allow_empty;
}

/* "e/p/c" of what was typed: parts that are not there come from --entity and --project, else "*". */
static cull_status read_name(struct cli *cli, const char *typed,
                             char text[CULL_POLICY_NAME_MAX + 1])
{
    const char *slash = strchr(typed, '/');
    bool two = slash != NULL && strchr(slash + 1, '/') == NULL;
    const char *entity = cli->globals.entity != NULL ? cli->globals.entity : "*";
    const char *project = cli->globals.project != NULL ? cli->globals.project : "*";
    size_t len = strlen(typed) + (slash == NULL ? strlen(entity) + strlen(project) + 2
                                  : two         ? strlen(entity) + 1
                                                : 0);
    char shown[PRINTABLE_MAX];

    if (len > CULL_POLICY_NAME_MAX) {
        return cli_fail(cli, CULL_E_USAGE, "policy %s: over %d bytes", printable(shown, typed),
                        CULL_POLICY_NAME_MAX);
    }
    if (slash == NULL) {
        (void)snprintf(text, CULL_POLICY_NAME_MAX + 1, "%s/%s/%s", entity, project, typed);
    } else {
        (void)snprintf(text, CULL_POLICY_NAME_MAX + 1, "%s%s%s", two ? entity : "", two ? "/" : "",
                       typed);
    }
    return CULL_OK;
}

static cull_status read_policy(struct cli *cli, const struct policy_options *options,
                               const char *name, cull_policy *out)
{
    if (options->keep_last.value > UINT32_MAX || options->keep_every.value > UINT32_MAX) {
        return cli_fail(cli, CULL_E_USAGE, "--keep-last, --keep-every: the number is too large");
    }
    if ((options->ttl.given && options->ttl.value == 0) ||
        (options->keep_younger.given && options->keep_younger.value == 0)) {
        return cli_fail(cli, CULL_E_USAGE, "--ttl, --keep-younger: 0 is no time");
    }
    *out = (cull_policy){
        .collections = name,
        .keep_last = (uint32_t)options->keep_last.value,
        .keep_every = (uint32_t)options->keep_every.value,
        .keep_alias_globs = options->keep_alias.items,
        .keep_alias_glob_count = options->keep_alias.count,
        .keep_younger_ms = options->keep_younger.value,
        .ttl_ms = options->ttl.value,
        .allow_empty = options->allow_empty,
    };
    return CULL_OK;
}

/* --- what is printed ---------------------------------------------------------------------------- */

/* ", " between two, and what a part says, if it says anything. */
static void add_part(struct text *line, const char *before, const char *what, const char *after)
{
    text_print(line, "%s%s%s%s", line->len > 0 ? ", " : "", before, what, after);
}

/* "the last 3, v0, v10, ..., aliases prod*, those younger than 30d" */
static void describe_kept(struct text *line, const cull_policy *policy)
{
    char text[UNITS_TEXT_MAX];

    if (policy->keep_last > 0) {
        add_part(line, "the last ", count_human(text, policy->keep_last), "");
    }
    if (policy->keep_every > 0) {
        add_part(line, "v0, v", count_human(text, policy->keep_every), ", ...");
    }
    for (size_t i = 0; i < policy->keep_alias_glob_count; i++) {
        add_part(line, "alias ", "", "");
        text_escaped(line, policy->keep_alias_globs[i]);
    }
    if (policy->keep_younger_ms > 0) {
        add_part(line, "younger than ", duration_human(text, policy->keep_younger_ms), "");
    }
}

static void policy_record(struct output *out, const cull_policy *policy)
{
    record_begin(out, "policy");
    field_text(out, "collections", policy->collections);
    if (policy->keep_last > 0) {
        field_number(out, "keep_last", policy->keep_last);
    }
    if (policy->keep_every > 0) {
        field_number(out, "keep_every", policy->keep_every);
    }
    field_list(out, "keep_alias", policy->keep_alias_globs, policy->keep_alias_glob_count);
    if (policy->keep_younger_ms > 0) {
        field_number(out, "keep_younger_ms", policy->keep_younger_ms);
    }
    if (policy->ttl_ms > 0) {
        field_number(out, "ttl_ms", policy->ttl_ms);
    }
    field_bool(out, "allow_empty", policy->allow_empty);
    record_end(out);
}

static cull_status visit_policy(void *ctx, const cull_policy *policy)
{
    struct output *out = ctx;
    struct text kept = { .data = NULL };
    char text[UNITS_TEXT_MAX];

    policy_record(out, policy);
    describe_kept(&kept, policy);
    table_cell(out, "%s", policy->collections);
    table_cell(out, "%s", kept.len > 0 ? kept.data : "-");
    table_cell(out, "%s", policy->ttl_ms > 0 ? duration_human(text, policy->ttl_ms) : "-");
    table_cell(out, "%s", policy->allow_empty ? "yes" : "no");
    table_row_end(out);
    text_release(&kept);
    return CULL_OK;
}

struct testing {
    struct output *out;
    struct text line;
    uint64_t count;
    uint64_t refused;
};

static const char *verdict_name(cull_policy_verdict verdict)
{
    return verdict == CULL_POLICY_TTL       ? "ttl"
           : verdict == CULL_POLICY_REFUSED ? "refused"
                                            : "not_kept";
}

/* Why a version goes, in words. */
static const char *explain(struct testing *testing, const cull_policy *policy,
                           cull_policy_verdict verdict)
{
    char text[UNITS_TEXT_MAX];

    testing->line.len = 0;
    if (verdict == CULL_POLICY_TTL) {
        text_print(&testing->line, "older than %s", duration_human(text, policy->ttl_ms));
    } else if (verdict == CULL_POLICY_REFUSED) {
        text_print(&testing->line, "stays: no version would be left");
    } else {
        struct text kept = { .data = NULL };

        describe_kept(&kept, policy);
        text_print(&testing->line, "none of what is kept: %s", kept.len > 0 ? kept.data : "");
        text_release(&kept);
    }
    return testing->line.data == NULL ? "" : testing->line.data;
}

static cull_status visit_tested(void *ctx, const cull_version_info *version,
                                const cull_policy *policy, cull_policy_verdict verdict)
{
    struct testing *testing = ctx;
    struct output *out = testing->out;
    char name[VERSION_NAME_MAX];
    char size[UNITS_TEXT_MAX];

    testing->count += verdict != CULL_POLICY_REFUSED;
    testing->refused += verdict == CULL_POLICY_REFUSED;
    record_begin(out, "policy_test");
    field_text(out, "name", version_name(name, version));
    field_text(out, "policy", policy->collections);
    field_text(out, "reason", verdict_name(verdict));
    field_bool(out, "would_delete", verdict != CULL_POLICY_REFUSED);
    field_number(out, "size_bytes", version->size_bytes);
    field_bool(out, "size_exact", version->size_exact);
    record_end(out);
    table_cell(out, "%s", name);
    table_cell(out, "%s", bytes_at_least(size, version->size_bytes, version->size_exact));
    table_cell(out, "%s", policy->collections);
    table_cell(out, "%s", explain(testing, policy, verdict));
    table_row_end(out);
    return CULL_OK;
}

/* --- the four ----------------------------------------------------------------------------------- */

static cull_status policy_set(struct cli *cli, const struct policy_options *options,
                              const char *typed)
{
    char name[CULL_POLICY_NAME_MAX + 1];
    cull_policy policy = { .collections = NULL };
    cull_caller caller;
    cull_status status = read_name(cli, typed, name);

    if (status == CULL_OK) {
        status = read_policy(cli, options, name, &policy);
    }
    if (status == CULL_OK) {
        caller = cli_caller(cli);
        status = cull_policy_set(cli->store, &policy, &caller, &cli->err);
    }
    if (status == CULL_OK) {
        cli->changed = true;
        policy_record(&cli->out, &policy);
        if (!cli->out.json) {
            (void)printf("policy %s: the next cycle applies it\n", name);
        }
    }
    return status;
}

static cull_status policy_remove(struct cli *cli, const char *typed)
{
    char name[CULL_POLICY_NAME_MAX + 1];
    cull_status status = read_name(cli, typed, name);

    if (status == CULL_OK) {
        cull_caller caller = cli_caller(cli);

        status = cull_policy_remove(cli->store, name, &caller, &cli->err);
    }
    cli->changed = cli->changed || status == CULL_OK;
    return status;
}

static cull_status policy_list(struct cli *cli)
{
    static const char *const heads[] = { "COLLECTIONS", "KEEPS", "TTL", "MAY LEAVE NONE" };
    cull_status status;

    table_begin(&cli->out, heads, ARG_LEN(heads));
    status = cull_policies(cli->store, visit_policy, &cli->out, &cli->err);
    if (status == CULL_OK) {
        table_end(&cli->out, "<<<<");
    }
    return status;
}

/* Of the policies that are kept, or of one that is only said here. */
static cull_status policy_test(struct cli *cli, const struct policy_options *options,
                               const char *typed)
{
    static const char *const heads[] = { "VERSION", "SIZE", "POLICY", "WHY" };
    struct testing testing = { .out = &cli->out };
    char name[CULL_POLICY_NAME_MAX + 1];
    char count[UNITS_TEXT_MAX];
    cull_policy policy = { .collections = NULL };
    cull_status status = CULL_OK;

    if (typed != NULL) {
        status = read_name(cli, typed, name);
        status = status == CULL_OK ? read_policy(cli, options, name, &policy) : status;
    }
    if (status != CULL_OK) {
        return status;
    }
    table_begin(&cli->out, heads, ARG_LEN(heads));
    status = cull_policy_test(cli->store, typed != NULL ? &policy : NULL, cli_now_ms(),
                              visit_tested, &testing, &cli->err);
    if (status == CULL_OK) {
        table_end(&cli->out, "<><<");
        if (!cli->out.json) {
            (void)printf("%s version%s would be deleted\n", count_human(count, testing.count),
                         testing.count == 1 ? "" : "s");
        }
    }
    summary_begin(&cli->out);
    field_number(&cli->out, "versions_would_delete", testing.count);
    field_number(&cli->out, "versions_refused", testing.refused);
    summary_end(&cli->out);
    text_release(&testing.line);
    return status;
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    const struct policy_options *options = values;
    bool set = strcmp(names[0], "set") == 0;
    bool remove = strcmp(names[0], "rm") == 0;
    bool list = strcmp(names[0], "ls") == 0;
    char shown[PRINTABLE_MAX];
    cull_status status;

    if (!set && !remove && !list && strcmp(names[0], "test") != 0) {
        return cli_fail(cli, CULL_E_USAGE, "policy: %s: not set, rm, ls or test",
                        printable(shown, names[0]));
    }
    if (((set || remove) && count != 2) || (list && count != 1) ||
        (says_something(options) && (remove || list || count != 2))) {
        return cli_fail(cli, CULL_E_USAGE, "policy %s: wrong arguments: cull %s", names[0],
                        cli->command->usage);
    }
    status = cli_open(cli, false);
    if (status != CULL_OK) {
        return status;
    }
    return set      ? policy_set(cli, options, names[1])
           : remove ? policy_remove(cli, names[1])
           : list   ? policy_list(cli)
                    : policy_test(cli, options, count == 2 ? names[1] : NULL);
}

const struct cli_command command_policy = {
    .name = "policy",
    .usage = "policy set GLOB KEEPS... | rm GLOB | ls | test [GLOB KEEPS...]",
    .text = "Say what the store keeps by itself; each cycle deletes the rest first.\n\n"
            "GLOB is [[entity/]project/]collection, each part with *, ? or [...]; a part\n"
            "that is left out is any. Where several policies are for a collection, a version\n"
            "goes only if all of them let it go. One that would leave a collection without\n"
            "any version is refused, now or by the cycle, unless it says --allow-empty.\n"
            "test tells what a cycle would delete now, and why: by the policies that are\n"
            "kept, or by the one that is said. What a policy deletes can be restored.",
    .options = policy_table,
    .option_count = ARG_LEN(policy_table),
    .args_bytes = sizeof(struct policy_options),
    .positionals_min = 1,
    .positionals_max = 2,
    .exits = "exit: 0 done  1 failed  2 usage  4 no such store or policy  5 busy\n"
             "      6 it would leave a collection without any version\n",
    .run = run,
};
