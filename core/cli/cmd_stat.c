/*
 * cmd_stat.c - cull stat: figures of the store.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "cli.h"
#include "units.h"

struct stat_options {
    bool memory;
};

static const struct arg_option stat_table[] = {
    { "memory", '\0', ARG_FLAG, offsetof(struct stat_options, memory), NULL,
      "how much memory each room of state takes too" },
};

struct figure {
    const char *key; /* in JSON; in text with blanks */
    uint64_t value;
    bool bytes;
    bool memory; /* only with --memory */
};

static void print_figure(struct output *out, const struct figure *figure)
{
    char key[32];
    char text[UNITS_TEXT_MAX];
    size_t i = 0;

    field_number(out, figure->key, figure->value);
    if (out->json) {
        return;
    }
    for (; figure->key[i] != '\0' && i + 1 < sizeof(key); i++) {
        key[i] = figure->key[i];
        if (key[i] == '_') {
            key[i] = ' ';
        }
    }
    key[i] = '\0';
    (void)printf(
        "%-20s %15s\n", key,
        figure->bytes ? bytes_human(text, figure->value) : count_human(text, figure->value));
}

static void print_settings(struct cli *cli)
{
    const cull_store_settings *settings = &cli->settings;
    char grace[UNITS_TEXT_MAX];
    char lease[UNITS_TEXT_MAX];
    char created[UNITS_TEXT_MAX];
    char shown[PRINTABLE_MAX];

    field_text(&cli->out, "path", cli->store_dir);
    field_text(&cli->out, "digest", cull_digest_kind_name(settings->digest));
    field_text(&cli->out, "objects", settings->index_only ? "none" : "directory");
    field_text(&cli->out, "hosting", settings->hosting);
    field_number(&cli->out, "grace_ms", settings->grace_ms);
    field_number(&cli->out, "lease_ms", settings->lease_ms);
    field_time(&cli->out, "created", settings->created_ms);
    if (!cli->out.json) {
        (void)printf("%s: %s, %s, %s, grace %s, lease %s, made %s\n",
                     printable(shown, cli->store_dir), cull_digest_kind_name(settings->digest),
                     settings->index_only ? "index only" : "objects in a directory",
                     settings->hosting, duration_human(grace, settings->grace_ms),
                     duration_human(lease, settings->lease_ms),
                     time_text(created, settings->created_ms));
    }
}

/* May a cycle run here (rule 29)? */
static void print_gate(struct cli *cli)
{
    const cull_gc_options options = { .gorilla_gc_enabled = getenv("GORILLA_ARTIFACT_GC_ENABLED") };
    cull_error err = { CULL_OK, "" };
    cull_status status = cull_gc_gate(cli->store, &options, &err);

    field_bool(&cli->out, "gc_enabled", status == CULL_OK);
    if (status != CULL_OK) {
        field_text(&cli->out, "gc_missing", err.message);
        if (!cli->out.json) {
            (void)printf("%s\n", err.message);
        }
    }
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    const struct stat_options *options = values;
    cull_stat stat;
    cull_status status = cli_open(cli, false);

    (void)names;
    (void)count;
    if (status == CULL_OK) {
        status = cull_stat_of(cli->store, &stat, &cli->err);
    }
    if (status != CULL_OK) {
        return status;
    }
    const struct figure figures[] = {
        { "entities", stat.entities, false, false },
        { "projects", stat.projects, false, false },
        { "collections", stat.collections, false, false },
        { "versions", stat.versions, false, false },
        { "versions_in_trash", stat.versions_in_trash, false, false },
        { "versions_purged", stat.versions_purged, false, false },
        { "runs", stat.runs, false, false },
        { "uploads", stat.uploads, false, false },
        { "blobs", stat.blobs, false, false },
        { "blobs_live", stat.blobs_live, false, false },
        { "blobs_expected", stat.blobs_expected, false, false },
        { "blobs_deleting", stat.blobs_deleting, false, false },
        { "blobs_dead", stat.blobs_dead, false, false },
        { "stored_bytes", stat.stored_bytes, true, false },
        { "references", stat.references, false, false },
        { "lifespans_open", stat.lifespans_open, false, false },
        { "lifespans_closed", stat.lifespans_closed, false, false },
        { "cycles", stat.cycles, false, false },
        { "seq", stat.seq, false, false },
        { "log_bytes", stat.log_bytes, true, false },
        { "audit_bytes", stat.audit_bytes, true, false },
        { "checkpoint_bytes", stat.checkpoint_bytes, true, false },
        { "manifest_bytes", stat.manifest_bytes, true, false },
        { "memory_catalog", stat.memory_catalog, true, true },
        { "memory_blobs", stat.memory_blobs, true, true },
        { "memory_lifespans", stat.memory_lifespans, true, true },
        { "memory_counts", stat.memory_counts, true, true },
        { "memory_manifests", stat.memory_manifests, true, true },
    };

    record_begin(&cli->out, "store");
    print_settings(cli);
    print_gate(cli);
    for (size_t i = 0; i < ARG_LEN(figures); i++) {
        if (options->memory || !figures[i].memory) {
            print_figure(&cli->out, &figures[i]);
        }
    }
    field_bool(&cli->out, "size_exact", stat.size_exact);
    record_end(&cli->out);
    return CULL_OK;
}

const struct cli_command command_stat = {
    .name = "stat",
    .usage = "stat [--memory]",
    .text = "Show figures of the store: names, blobs, lifespans, sizes.",
    .options = stat_table,
    .option_count = ARG_LEN(stat_table),
    .args_bytes = sizeof(struct stat_options),
    .exits = "exit: 0 done  1 failed  2 usage  4 no such store\n",
    .run = run,
};
