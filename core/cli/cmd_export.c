/*
 * cmd_export.c - cull export: write a version's manifest as wandb_manifest.json.
 *
 * FAILURE   A file is written under a temporary name beside it and renamed: it is there whole, or
 *           it is what it was.
 */
#include <errno.h>
#include <string.h>

#include "new_file.h"
#include "resolve.h"
#include "signals.h"
#include "sized.h"
#include "units.h"

struct export
{
    struct cli *cli;
    FILE *file;
    const char *name; /* what messages call it */
    uint64_t bytes;
};

static cull_status write_out(void *ctx, const void *data, size_t len, cull_error *err)
{
    struct export *export = ctx;

    (void)err;
    if (signals_caught() != 0) {
        return CULL_E_CANCELLED;
    }
    if (fwrite(data, 1, len, export->file) != len) {
        char shown[PRINTABLE_MAX];

        return cli_fail_errno(export->cli, errno, "%s", printable(shown, export->name));
    }
    export->bytes += len;
    return CULL_OK;
}

static cull_status write_file(struct export *export, const cull_manifest *manifest)
{
    struct cli *cli = export->cli;
    struct new_file file;
    cull_status status = new_file_begin(&file, cli, export->name);

    if (status == CULL_OK) {
        export->file = file.file;
        status = cull_manifest_write(manifest, write_out, export, &cli->err);
        status = new_file_end(&file, cli, status);
    }
    return status;
}

static void print_result(struct cli *cli, const struct export *export,
                         const cull_manifest *manifest)
{
    cull_digest digest;
    char shown[PRINTABLE_MAX];
    char entries[UNITS_TEXT_MAX];
    size_t count = cull_manifest_count(manifest);

    if (!cli->out.json) {
        (void)printf("exported %s: %s entr%s\n", printable(shown, export->name),
                     count_human(entries, count), count == 1 ? "y" : "ies");
    }
    record_begin(&cli->out, "manifest");
    field_text(&cli->out, "file", export->name);
    field_number(&cli->out, "entries", count);
    field_number(&cli->out, "bytes_written", export->bytes);
    if (cull_manifest_digest(manifest, &digest) == CULL_OK) {
        field_digest(&cli->out, "manifest_digest", &digest, CULL_DIGEST_MD5);
    }
    record_end(&cli->out);
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    struct export export = { .cli = cli, .file = stdout, .name = "standard output" };
    bool to_file = count > 1 && strcmp(names[1], "-") != 0;
    const cull_caller caller = cli_caller(cli);
    cull_manifest *manifest = NULL;
    cull_version_key key;
    cull_status status;

    (void)values;
    if (cli->out.json && !to_file) {
        return cli_fail(cli, CULL_E_USAGE, "export: --json needs a FILE for the manifest");
    }
    if ((status = cli_open(cli, false)) != CULL_OK ||
        (status = resolve_version(cli, names[0], &key)) != CULL_OK ||
        (status = cull_download_check(cli->store, &key, &caller, &cli->err)) != CULL_OK ||
        (status = sized_manifest(cli, &key, &manifest)) != CULL_OK) {
        return status;
    }
    if (to_file) {
        export.name = names[1];
        status = write_file(&export, manifest);
    } else {
        status = cull_manifest_write(manifest, write_out, &export, &cli->err);
    }
    if (status == CULL_OK && to_file) {
        print_result(cli, &export, manifest);
    }
    cull_manifest_free(manifest);
    return status;
}

const struct cli_command command_export = {
    .name = "export",
    .usage = "export VERSION [FILE]",
    .text = "Write a version's manifest as wandb_manifest.json.\n\n"
            "Without FILE, or with -, to standard output. Importing it again gives the\n"
            "same entries and the same digest. What else was imported stands in it too:\n"
            "storage layout, birthArtifactID, extra and the like. A size that was not said\n"
            "is there if the store knows it by now. Digests are the store's:\n"
            "only those of a store made with --digest md5 are what Weights & Biases'\n"
            "clients expect.",
    .positionals_min = 1,
    .positionals_max = 2,
    .exits = "exit: 0 done  1 failed  2 usage  4 no such store or version\n"
             "      6 you are no viewer  7 damaged\n",
    .run = run,
};
