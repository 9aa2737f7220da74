/*
 * cmd_gc.c - cull gc: one cycle.
 *
 * SHAPE     Plan, execute, print what became of it. --dry-run ends after the plan, which the same
 *           code made. Names are looked up before the cycle: a purged version has none.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "cli.h"
#include "gc_lists.h"
#include "progress.h"
#include "signals.h"
#include "units.h"
#include "versions.h"

#define THREADS_MAX 64

struct gc_options {
    bool dry_run;
    const char *verify;
    const char *list;
    const char *confirm;
    const char *release;
    struct arg_number threads;
    struct arg_number max_deletes;
    struct arg_number max_bytes;
    struct arg_number max_time;
    struct arg_number max_memory;
    bool allow_empty_store;
    bool allow_large_plan;
    struct arg_number allow_shorter_grace;
    bool allow_late_deletes;
};

static const struct arg_option gc_table[] = {
    { "dry-run", 'n', ARG_FLAG, offsetof(struct gc_options, dry_run), NULL,
      "print the plan, delete nothing" },
    { "verify", '\0', ARG_TEXT, offsetof(struct gc_options, verify), "full",
      "mark all collections and check all fingerprints first" },
    { "threads", '\0', ARG_COUNT, offsetof(struct gc_options, threads), "N",
      "delete with N threads (default: one a processor)" },
    { "list", '\0', ARG_TEXT, offsetof(struct gc_options, list), "FILE",
      "index-only: write the digests that are free to go" },
    { "confirm", '\0', ARG_TEXT, offsetof(struct gc_options, confirm), "FILE",
      "index-only: these have been deleted" },
    { "release", '\0', ARG_TEXT, offsetof(struct gc_options, release), "FILE",
      "index-only: take these back" },
    { "max-deletes", '\0', ARG_COUNT, offsetof(struct gc_options, max_deletes), "N",
      "stop after N blobs" },
    { "max-bytes", '\0', ARG_BYTES, offsetof(struct gc_options, max_bytes), "N",
      "stop before more bytes than this are freed" },
    { "max-time", '\0', ARG_DURATION, offsetof(struct gc_options, max_time), "D",
      "stop after this time" },
    { "max-memory", '\0', ARG_BYTES, offsetof(struct gc_options, max_memory), "N",
      "lists of blobs take no more: work in passes" },
    { "allow-empty-store", '\0', ARG_FLAG, offsetof(struct gc_options, allow_empty_store), NULL,
      "also if no version would be left" },
    { "allow-large-plan", '\0', ARG_FLAG, offsetof(struct gc_options, allow_large_plan), NULL,
      "also if over half of the blobs, and over 1,000, would go" },
    { "allow-shorter-grace", '\0', ARG_DURATION, offsetof(struct gc_options, allow_shorter_grace),
      "D", "purge what was deleted this long ago, whatever was promised" },
    { "allow-late-deletes", '\0', ARG_FLAG, offsetof(struct gc_options, allow_late_deletes), NULL,
      "also where an object store cannot say why late deletes are harmless" },
};

struct cycle {
    struct cli *cli;
    const struct gc_options *options;
    cull_gc_options how;
    cull_plan *plan;
    cull_plan_info info;
    struct version_list purged;
    struct version_list expired;
    struct version_list let_go;
    struct progress progress;
};

static unsigned processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count < 1 ? 1 : count > THREADS_MAX ? THREADS_MAX : (unsigned)count;
}

static cull_status read_options(struct cycle *cycle)
{
    struct cli *cli = cycle->cli;
    const struct gc_options *options = cycle->options;
    char shown[PRINTABLE_MAX];

    if (options->verify != NULL && strcmp(options->verify, "full") != 0) {
        return cli_fail(cli, CULL_E_USAGE, "--verify: %s: only `full` can be said",
                        printable(shown, options->verify));
    }
    if ((options->list != NULL) + (options->confirm != NULL) + (options->release != NULL) +
            options->dry_run >
        1) {
        return cli_fail(cli, CULL_E_USAGE, "only one of --dry-run, --list, --confirm, --release");
    }
    if (options->threads.value > THREADS_MAX) {
        return cli_fail(cli, CULL_E_USAGE, "--threads: at most %d", THREADS_MAX);
    }
    progress_begin(&cycle->progress, cli->globals.progress);
    if (options->max_time.given) {
        cycle->progress.until_ns = cli_clock_ns(NULL) + options->max_time.value * 1000000;
    }
    cycle->how = (cull_gc_options){
        .now_ms = cli_now_ms(),
        .verify_full = options->verify != NULL,
        .allow_empty_store = options->allow_empty_store,
        .allow_large_plan = options->allow_large_plan,
        .allow_late_deletes = options->allow_late_deletes,
        .allow_shorter_grace = options->allow_shorter_grace.given,
        .grace_ms = options->allow_shorter_grace.value,
        .threads = options->threads.given ? (unsigned)options->threads.value : processors(),
        .max_deletes = options->max_deletes.value,
        .max_bytes = options->max_bytes.value,
        .max_memory = options->max_memory.value,
        .progress = progress_library,
        .progress_ctx = &cycle->progress,
        .gorilla_gc_enabled = getenv("GORILLA_ARTIFACT_GC_ENABLED"),
        .clock_ns = cli_clock_ns,
    };
    return CULL_OK;
}

/* --- the plan ------------------------------------------------------------------------------ */

/* Names while there are any: a purged version has only its ordinal left. */
static cull_status name_versions(struct cycle *cycle)
{
    size_t purged = 0;
    size_t expired = 0;
    size_t let_go = 0;
    const cull_version_key *purge = cull_plan_versions(cycle->plan, &purged);
    const cull_version_key *expire = cull_plan_expired(cycle->plan, &expired);
    const cull_version_key *leave = cull_plan_let_go(cycle->plan, &let_go);
    cull_status status = CULL_OK;

    for (size_t i = 0; status == CULL_OK && i < let_go; i++) {
        status = version_list_add_key(cycle->cli, &cycle->let_go, &leave[i]);
    }
    for (size_t i = 0; status == CULL_OK && i < expired; i++) {
        status = version_list_add_key(cycle->cli, &cycle->expired, &expire[i]);
    }
    for (size_t i = 0; status == CULL_OK && i < purged; i++) {
        status = version_list_add_key(cycle->cli, &cycle->purged, &purge[i]);
    }
    return status;
}

static void print_version(struct output *out, const struct version_item *item, const char *verb,
                          const char *state)
{
    char size[UNITS_TEXT_MAX];

    version_item_record(out, item, state);
    if (!out->json) {
        (void)printf("%s %s (%s)\n", verb, item->name,
                     bytes_at_least(size, item->size_bytes, item->size_exact));
    }
}

static void print_planned(struct cycle *cycle)
{
    struct output *out = &cycle->cli->out;

    for (size_t i = 0; i < cycle->let_go.count; i++) {
        print_version(out, &cycle->let_go.items[i], "would delete by policy", "committed");
    }
    for (size_t i = 0; i < cycle->expired.count; i++) {
        print_version(out, &cycle->expired.items[i], "would expire", "committed");
    }
    for (size_t i = 0; i < cycle->purged.count; i++) {
        print_version(out, &cycle->purged.items[i], "would purge", "deleted");
    }
}

static cull_status visit_state(void *ctx, const cull_version_info *version)
{
    *(cull_version_state *)ctx = version->state;
    return CULL_OK;
}

/* Those of a list that are soft-deleted now. */
static void print_deleted(struct cli *cli, const struct version_list *list, const char *verb)
{
    cull_error ignored = { CULL_OK, "" };
    cull_version_state state = CULL_VERSION_COMMITTED;

    for (size_t i = 0; i < list->count; i++) {
        const struct version_item *item = &list->items[i];

        if (cull_version_show(cli->store, &item->key, visit_state, &state, &ignored) == CULL_OK &&
            state == CULL_VERSION_DELETED) {
            print_version(&cli->out, item, verb, "deleted");
        }
    }
}

/* What became of the plan's versions: one that was restored or pinned in between is not told. */
static void print_done(struct cycle *cycle)
{
    struct cli *cli = cycle->cli;
    cull_error ignored = { CULL_OK, "" };
    cull_version_state state = CULL_VERSION_COMMITTED;

    print_deleted(cli, &cycle->let_go, "deleted by policy");
    print_deleted(cli, &cycle->expired, "expired");
    for (size_t i = 0; i < cycle->purged.count; i++) {
        const struct version_item *item = &cycle->purged.items[i];

        if (cull_version_show(cli->store, &item->key, visit_state, &state, &ignored) ==
            CULL_E_NOTFOUND) {
            print_version(&cli->out, item, "purged", "purged");
        }
    }
}

static void print_plan_blobs(struct cycle *cycle)
{
    struct output *out = &cycle->cli->out;

    for (uint64_t i = 0; out->json && i < cycle->info.listed; i++) {
        cull_blob_ref blob;

        cull_plan_blob(cycle->plan, (size_t)i, &blob);
        record_begin(out, "blob");
        field_digest(out, "digest", &blob.digest, cycle->cli->settings.digest);
        if (blob.size_bytes != CULL_SIZE_UNKNOWN) {
            field_number(out, "size_bytes", blob.size_bytes);
        }
        record_end(out);
    }
}

/* --- the answer ---------------------------------------------------------------------------- */

static void print_summary(struct cycle *cycle, const cull_gc_result *result)
{
    struct output *out = &cycle->cli->out;
    const cull_plan_info *info = &cycle->info;

    summary_begin(out);
    if (cycle->options->dry_run) {
        field_bool(out, "dry_run", true);
    }
    field_number(out, "versions_by_policy", result->versions_let_go);
    field_number(out, "versions_expired", result->versions_expired);
    field_number(out, "versions_purged", result->versions_purged);
    field_number(out, cycle->options->list != NULL ? "blobs_listed" : "blobs_deleted",
                 result->blobs_deleted);
    field_number(out, cycle->options->list != NULL ? "bytes_listed" : "bytes_freed",
                 result->bytes_freed);
    field_bool(out, "size_exact", result->bytes_exact);
    field_number(out, "blobs_rescued", result->blobs_rescued);
    field_number(out, "blobs_failed", result->blobs_failed);
    field_number(out, "blobs_finished", result->blobs_finished);
    if (info->policy_refused > 0) {
        field_number(out, "versions_policy_refused", info->policy_refused);
    }
    field_number(out, "references", info->references);
    field_number(out, "lifespans", info->lifespans);
    field_bool(out, "verified_full", info->verified_full);
    field_seconds(out, "plan_seconds", info->plan_ns);
    field_seconds(out, "mark_seconds", info->mark_ns);
    field_seconds(out, "sweep_seconds", result->sweep_ns);
    field_number(out, "cycle", result->cycle);
    field_number(out, "seq", result->seq);
    if (info->refusal != NULL) {
        field_text(out, "refusal", info->refusal);
    }
    summary_end(out);
}

static void print_totals(const struct cycle *cycle, const cull_gc_result *result)
{
    bool dry_run = cycle->options->dry_run;
    char versions[UNITS_TEXT_MAX];
    char blobs[UNITS_TEXT_MAX];
    char size[UNITS_TEXT_MAX];

    (void)printf("%s version%s %spurged, %s blob%s %sdeleted, %s%" PRIu64 " bytes (%s) %sfreed\n",
                 count_human(versions, result->versions_purged),
                 result->versions_purged == 1 ? "" : "s", dry_run ? "would be " : "",
                 count_human(blobs, result->blobs_deleted), result->blobs_deleted == 1 ? "" : "s",
                 dry_run ? "would be " : "", result->bytes_exact ? "" : "at least ",
                 result->bytes_freed, bytes_human(size, result->bytes_freed),
                 dry_run ? "would be " : "");
    if (result->blobs_finished > 0) {
        (void)printf("%s of the blobs %s left over by an earlier cycle\n",
                     count_human(blobs, result->blobs_finished),
                     result->blobs_finished == 1 ? "was" : "were");
    }
    if (result->blobs_rescued > 0) {
        (void)printf("%s blob%s rescued: named again since the plan was made\n",
                     count_human(blobs, result->blobs_rescued),
                     result->blobs_rescued == 1 ? "" : "s");
    }
    if (result->blobs_failed > 0) {
        (void)printf("%s blob%s could not be deleted: the next cycle tries again\n",
                     count_human(blobs, result->blobs_failed),
                     result->blobs_failed == 1 ? "" : "s");
    }
    if (result->limit) {
        (void)printf("stopped at a limit: the next cycle goes on\n");
    }
    if (dry_run && cycle->info.policy_refused > 0) {
        (void)printf("%s version%s kept: by policy no version of the collection would be left "
                     "(cull policy test)\n",
                     count_human(versions, cycle->info.policy_refused),
                     cycle->info.policy_refused == 1 ? "" : "s");
    }
    if (dry_run && cycle->info.refusal != NULL) {
        (void)printf("cull gc would refuse: %s\n", cycle->info.refusal);
    }
}

/* What --list did: nothing is freed before the caller has deleted it. On stderr where the list
 * itself is on stdout. */
static void print_listed(const struct cycle *cycle, const cull_gc_result *result)
{
    bool to_stdout = strcmp(cycle->options->list, "-") == 0;
    char versions[UNITS_TEXT_MAX];
    char blobs[UNITS_TEXT_MAX];
    char size[UNITS_TEXT_MAX];

    (void)fprintf(to_stdout ? stderr : stdout,
                  "%s version%s purged, %s blob%s listed, %s%" PRIu64
                  " bytes (%s) free to go: delete them, then say --confirm\n",
                  count_human(versions, result->versions_purged),
                  result->versions_purged == 1 ? "" : "s",
                  count_human(blobs, result->blobs_deleted), result->blobs_deleted == 1 ? "" : "s",
                  result->bytes_exact ? "" : "at least ", result->bytes_freed,
                  bytes_human(size, result->bytes_freed));
}

static void print_answer(struct cycle *cycle, const cull_gc_result *result)
{
    progress_end(&cycle->progress);
    if (!cycle->cli->out.json && cycle->options->list != NULL) {
        print_listed(cycle, result);
    } else if (!cycle->cli->out.json) {
        print_totals(cycle, result);
    }
    print_summary(cycle, result);
}

/* --- the cycle ----------------------------------------------------------------------------- */

static cull_status dry_run(struct cycle *cycle)
{
    const cull_plan_info *info = &cycle->info;
    cull_gc_result planned = { .seq = info->seq,
                               .versions_let_go = info->let_go,
                               .versions_expired = info->expired,
                               .versions_purged = info->versions,
                               .blobs_deleted = info->blobs,
                               .bytes_freed = info->bytes,
                               .bytes_exact = info->bytes_exact,
                               .blobs_finished = info->unfinished };

    print_planned(cycle);
    print_plan_blobs(cycle);
    print_answer(cycle, &planned);
    return CULL_OK;
}

static cull_status execute(struct cycle *cycle)
{
    struct cli *cli = cycle->cli;
    cull_caller caller = cli_caller(cli);
    cull_gc_result result = { .bytes_exact = true, .seq = cycle->info.seq };
    const char *list = cycle->options->list;
    cull_status status = list != NULL ? gc_list_write(cli, cycle->plan, &cycle->how, list, &result)
                                      : cull_gc_execute(cli->store, cycle->plan, &cycle->how,
                                                        &caller, &result, &cli->err);

    cli->changed = true;
    if (status == CULL_E_CANCELLED && signals_caught() == 0) {
        status = CULL_OK; /* our own --max-time */
        result.limit = true;
        cli->err = (cull_error){ CULL_OK, "" };
    }
    cli->limit = result.limit;
    if (status == CULL_OK || status == CULL_E_PARTIAL || status == CULL_E_CANCELLED) {
        progress_end(&cycle->progress);
        if (list == NULL || strcmp(list, "-") != 0) {
            print_done(cycle);
        }
        print_answer(cycle, &result);
    } else {
        print_summary(cycle, &result);
    }
    if (status == CULL_OK && cycle->info.policy_refused > 0) {
        status =
            cli_fail(cli, CULL_E_PARTIAL,
                     "%" PRIu64 " version%s kept: by policy no version of the collection would "
                     "be left: cull policy test names them",
                     cycle->info.policy_refused, cycle->info.policy_refused == 1 ? "" : "s");
    }
    return status;
}

static cull_status plan(struct cycle *cycle)
{
    struct cli *cli = cycle->cli;
    cull_status status = cull_gc_plan(&cycle->plan, cli->store, &cycle->how, &cli->err);

    if (status == CULL_E_CANCELLED && signals_caught() == 0) {
        cull_gc_result nothing = { .bytes_exact = true, .limit = true };

        cli->err = (cull_error){ CULL_OK, "" };
        cli->limit = true;
        print_answer(cycle, &nothing);
        return CULL_E_CANCELLED;
    }
    if (status != CULL_OK) {
        return status;
    }
    cull_plan_get_info(cycle->plan, &cycle->info);
    return name_versions(cycle);
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    struct cycle cycle = { .cli = cli, .options = values };
    cull_status status = read_options(&cycle);

    (void)names;
    (void)count;
    if (status == CULL_OK) {
        status = cli_open(cli, true);
    }
    if (status == CULL_OK && (cycle.options->confirm != NULL || cycle.options->release != NULL)) {
        bool confirm = cycle.options->confirm != NULL;

        return gc_list_answer(cli, confirm ? cycle.options->confirm : cycle.options->release,
                              confirm);
    }
    if (status == CULL_OK) {
        status = plan(&cycle);
    }
    if (status == CULL_OK) {
        progress_end(&cycle.progress);
        status = cycle.options->dry_run ? dry_run(&cycle) : execute(&cycle);
    }
    progress_end(&cycle.progress);
    cull_plan_free(cycle.plan);
    version_list_release(&cycle.purged);
    version_list_release(&cycle.expired);
    version_list_release(&cycle.let_go);
    return status;
}

const struct cli_command command_gc = {
    .name = "gc",
    .usage = "gc [OPTION]...",
    .text = "Purge what is due, and delete the blobs that no version holds.\n\n"
            "Makes a plan, checks it twice over (counts against mark, and when due against\n"
            "fingerprints), and sweeps. It can be interrupted at any point; the next cycle\n"
            "finishes the work.\n\n"
            "A store made with --objects none keeps no content: --list FILE writes the\n"
            "digests that are free to go, one in hex a line (- is stdout), and keeps others\n"
            "from naming them; delete their content wherever it lies, then --confirm FILE,\n"
            "or take them back with --release FILE.",
    .options = gc_table,
    .option_count = ARG_LEN(gc_table),
    .args_bytes = sizeof(struct gc_options),
    .exits = "exit: 0 done, or stopped at a limit  1 failed  2 usage\n"
             "      3 some blobs could not be deleted, or a policy would leave nothing\n"
             "      4 no such store\n"
             "      5 another collector is at work  6 refused (an --allow-... says otherwise)\n"
             "      7 damaged: nothing was deleted  130, 143 interrupted\n",
    .run = run,
};
