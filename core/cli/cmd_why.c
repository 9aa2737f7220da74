/*
 * cmd_why.c - cull why: which versions and paths hold a blob.
 */
#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "resolve.h"
#include "units.h"
#include "versions.h"

/* VERSION/PATH: the path begins behind the first slash that follows the colon. */
static cull_status digest_of_path(struct cli *cli, const char *text, cull_digest *out)
{
    char shown[PRINTABLE_MAX];
    char name[VERSION_NAME_MAX];
    const char *colon = strchr(text, ':');
    const char *slash = colon == NULL ? NULL : strchr(colon, '/');
    cull_manifest *manifest = NULL;
    cull_version_key key;
    cull_entry entry;
    cull_status status;

    if (slash == NULL || (size_t)(slash - text) >= sizeof(name)) {
        return cli_fail(cli, CULL_E_USAGE,
                        "%s: neither a %s digest in hex nor VERSION/PATH, as in e/p/c:v0/file",
                        printable(shown, text), cull_digest_kind_name(cli->settings.digest));
    }
    (void)snprintf(name, sizeof(name), "%.*s", (int)(slash - text), text);
    if ((status = resolve_version(cli, name, &key)) != CULL_OK ||
        (status = cull_version_manifest(cli->store, &key, &manifest, &cli->err)) != CULL_OK) {
        return status;
    }
    if (!cull_manifest_find(manifest, slash + 1, &entry)) {
        status = cull_manifest_check(manifest, &cli->err) != CULL_OK
                     ? cli->err.status
                     : cli_fail(cli, CULL_E_NOTFOUND, "%s: no such file: %s", name,
                                printable(shown, slash + 1));
    } else if (entry.kind != CULL_ENTRY_BLOB) {
        status = cli_fail(cli, CULL_E_NOTFOUND, "%s: %s: a reference, it owns no blob", name,
                          printable(shown, slash + 1));
    } else {
        *out = entry.digest;
    }
    cull_manifest_free(manifest);
    return status;
}

static cull_status visit(void *ctx, const cull_version_info *version, const char *path)
{
    struct output *out = ctx;
    char name[VERSION_NAME_MAX];

    (void)version_name(name, version);
    record_begin(out, "holder");
    field_text(out, "name", name);
    field_text(out, "state", version_state_name(version->state));
    field_text(out, "path", path);
    record_end(out);
    if (!out->json && path[0] == '\0') {
        (void)printf("%s, by a reference%s\n", name,
                     version->state == CULL_VERSION_DELETED ? "  (deleted)" : "");
    } else if (!out->json) {
        (void)printf("%s/", name);
        print_escaped(path);
        (void)printf("%s\n", version->state == CULL_VERSION_DELETED ? "  (deleted)" : "");
    }
    return CULL_OK;
}

static void print_blob(struct cli *cli, const cull_digest *digest, const cull_blob_info *blob)
{
    char hex[CULL_DIGEST_HEX_MAX];
    char size[UNITS_TEXT_MAX];

    cull_digest_to_hex(hex, digest, cli->settings.digest);
    record_begin(&cli->out, "blob");
    field_text(&cli->out, "digest", hex);
    field_text(&cli->out, "state", blob->state);
    if (blob->size_bytes != CULL_SIZE_UNKNOWN) {
        field_number(&cli->out, "size_bytes", blob->size_bytes);
    }
    field_number(&cli->out, "count", blob->count);
    field_number(&cli->out, "pins", blob->pins);
    field_number(&cli->out, "versions", blob->versions);
    record_end(&cli->out);
    if (cli->out.json) {
        return;
    }
    if (blob->size_bytes == CULL_SIZE_UNKNOWN) {
        (void)printf("%s: size not known, %s, ", hex, blob->state);
    } else {
        (void)printf("%s: %" PRIu64 " bytes (%s), %s, ", hex, blob->size_bytes,
                     bytes_human(size, blob->size_bytes), blob->state);
    }
    if (blob->versions > 0) {
        (void)printf("held by %" PRIu64 " version%s", blob->versions,
                     blob->versions == 1 ? "" : "s");
    }
    if (blob->pins > 0) {
        (void)printf("%spinned by %" PRIu32 " open upload%s", blob->versions > 0 ? ", " : "",
                     blob->pins, blob->pins == 1 ? "" : "s");
    }
    (void)printf("%s\n",
                 blob->versions == 0 && blob->pins == 0 ? "held by nothing: a cycle frees it" : "");
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    cull_blob_info blob;
    cull_digest digest;
    cull_status status = cli_open(cli, false);

    (void)values;
    (void)count;
    if (status == CULL_OK && cull_digest_from_hex(&digest, cli->settings.digest, names[0],
                                                  strlen(names[0])) != CULL_OK) {
        status = digest_of_path(cli, names[0], &digest);
    }
    if (status == CULL_OK) {
        status = cull_why(cli->store, &digest, &blob, visit, &cli->out, &cli->err);
    }
    if (status == CULL_OK) {
        print_blob(cli, &digest, &blob);
    }
    return status;
}

const struct cli_command command_why = {
    .name = "why",
    .usage = "why DIGEST | VERSION/PATH",
    .text = "Say which versions and paths hold a blob.\n\n"
            "The blob is given by its digest in hex, or as a file of a version, as in\n"
            "team/vision/mnist:v3/train/0001.png.",
    .positionals_min = 1,
    .positionals_max = 1,
    .exits = "exit: 0 done  1 failed  2 usage  4 no such store, version, file or blob\n",
    .run = run,
};
