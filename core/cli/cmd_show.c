/*
 * cmd_show.c - cull show: all that is known of one version.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "cli.h"
#include "link_rows.h"
#include "sized.h"
#include "units.h"
#include "versions.h"

struct show_options {
    bool files;
};

static const struct arg_option show_table[] = {
    { "files", '\0', ARG_FLAG, offsetof(struct show_options, files), NULL,
      "list its files too: digest, size, path" },
};

struct show {
    struct cli *cli;
    bool is_noted;           /* description and metadata could be read */
    struct text description; /* no data: none */
    struct text metadata;
};

CULL_PRINTF(2, 3)
static void line(const char *key, const char *format, ...)
{
    va_list args;

    (void)printf("%-14s", key);
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)printf("\n");
}

static void print_list(const char *key, const char *const *items, size_t count)
{
    struct text text = { NULL, 0, 0, false };

    text_list(&text, items, count);
    line(key, "%s", count == 0 || text.data == NULL ? "-" : text.data);
    text_release(&text);
}

/* A text of several lines, each behind the key's column. */
static void print_lines(const char *key, char *text)
{
    char *rest = text;
    char *next;

    for (; *key != '\0' || rest != NULL; key = "", rest = next) {
        next = strchr(rest, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        (void)printf("%-14s", key);
        print_escaped(rest);
        (void)printf("\n");
        if (next != NULL && *next == '\0') {
            next = NULL;
        }
    }
}

static void print_state(const cull_version_info *version)
{
    char at[UNITS_TEXT_MAX];
    char until[UNITS_TEXT_MAX];

    if (version->state == CULL_VERSION_DELETED) {
        line("state", "deleted (%s) at %s, can be restored until at least %s",
             delete_reason_name(version->reason), time_text(at, version->deleted_ms),
             time_text(until, version->kept_until_ms));
    } else {
        line("state", "%s%s", version_state_name(version->state),
             version->pinned ? ", the base of an open upload" : "");
    }
}

static cull_status take_text(struct text *text, const void *data, size_t len, cull_error *err)
{
    text_put(text, data, len);
    if (text->failed) {
        *err = (cull_error){ CULL_E_NOMEM, "out of memory" };
        return CULL_E_NOMEM;
    }
    return CULL_OK;
}

static cull_status take_description(void *ctx, const void *data, size_t len, cull_error *err)
{
    return take_text(&((struct show *)ctx)->description, data, len, err);
}

static cull_status take_metadata(void *ctx, const void *data, size_t len, cull_error *err)
{
    return take_text(&((struct show *)ctx)->metadata, data, len, err);
}

static const char *noted(const struct show *show, const struct text *text)
{
    return !show->is_noted ? NULL : text->data == NULL ? "" : text->data;
}

static cull_status visit(void *ctx, const cull_version_info *version)
{
    const struct show *show = ctx;
    struct cli *cli = show->cli;
    char name[VERSION_NAME_MAX];
    char text[UNITS_TEXT_MAX];
    char shown[PRINTABLE_MAX];
    char hex[CULL_DIGEST_HEX_MAX];

    version_record_notes(&cli->out, version, noted(show, &show->description),
                         noted(show, &show->metadata));
    if (cli->out.json) {
        return CULL_OK;
    }
    cull_digest_to_hex(hex, &version->manifest_digest, CULL_DIGEST_MD5);
    line("name", "%s%s", version_name(name, version),
         version->collection_deleted ? " (its collection is deleted)" : "");
    print_state(version);
    line("type", "%s", version->type);
    print_list("aliases", version->aliases, version->alias_count);
    print_list("tags", version->tags, version->tag_count);
    if (version->artifact_id_count > 0) {
        print_list("artifact ids", version->artifact_ids, version->artifact_id_count);
    }
    line("run", "%s", version->run[0] == '\0' ? "-" : version->run);
    line("created", "%s by %s", time_text(text, version->created_ms),
         printable(shown, version->creator));
    if (version->expires_ms != 0) {
        line("expires", "%s%s", time_text(text, version->expires_ms),
             version->ttl_ms == 0 ? ", as its entity says" : "");
    } else if (version->ttl_ms == UINT64_MAX) {
        line("expires", "never");
    }
    line("entries", "%s", count_human(text, version->entries));
    line("blobs", "%s", count_human(text, version->blobs));
    line("size", "%s%" PRIu64 " bytes (%s)", version->size_exact ? "" : "at least ",
         version->size_bytes, bytes_human(text, version->size_bytes));
    line("manifest", "%s", hex);
    if (show->description.data != NULL) {
        print_lines("description", show->description.data);
    }
    if (show->metadata.data != NULL) {
        print_lines("metadata", show->metadata.data);
    }
    return CULL_OK;
}

static void list_entry(struct cli *cli, const cull_entry *entry)
{
    char hex[CULL_DIGEST_HEX_MAX];
    bool is_blob = entry->kind == CULL_ENTRY_BLOB;

    if (is_blob) {
        cull_digest_to_hex(hex, &entry->digest, cli->settings.digest);
    }
    record_begin(&cli->out, is_blob ? "file" : "reference");
    field_text(&cli->out, "path", entry->path);
    field_text(&cli->out, "digest", is_blob ? hex : entry->digest_text);
    if (entry->size_bytes != CULL_SIZE_UNKNOWN) {
        field_number(&cli->out, "size_bytes", entry->size_bytes);
    }
    if (!is_blob) {
        field_text(&cli->out, "ref", entry->ref);
    }
    record_end(&cli->out);
    if (!cli->out.json) {
        print_escaped(is_blob ? hex : entry->digest_text);
        if (entry->size_bytes == CULL_SIZE_UNKNOWN) {
            (void)printf("  %12s  ", "?");
        } else {
            (void)printf("  %12" PRIu64 "  ", entry->size_bytes);
        }
        print_escaped(entry->path);
        if (!is_blob) {
            (void)printf(" -> ");
            print_escaped(entry->ref);
        }
        (void)printf("\n");
    }
}

/* What is known of the version, also if its notes are damaged, which is said then. */
static cull_status show_version(struct cli *cli, const cull_version_key *key)
{
    struct show show = { .cli = cli };
    cull_error damage = { CULL_OK, "" };
    cull_status reading =
        cull_version_notes(cli->store, key, take_description, take_metadata, &show, &damage);
    cull_status status;

    show.is_noted = reading == CULL_OK;
    status = cull_version_show(cli->store, key, visit, &show, &cli->err);
    if (status == CULL_OK && reading != CULL_OK) {
        cli->err = damage;
        status = reading;
    }
    text_release(&show.description);
    text_release(&show.metadata);
    return status;
}

static cull_status visit_link(void *ctx, const cull_link_info *link)
{
    struct output *out = ctx;
    struct text aliases = { NULL, 0, 0, false };
    char name[VERSION_NAME_MAX];

    link_record(out, link, "linked");
    text_list(&aliases, link->aliases, link->alias_count);
    if (!out->json) {
        line("link", "%s%s%s%s%s%s", link_name(name, link), aliases.data == NULL ? "" : " (",
             aliases.data == NULL ? "" : aliases.data, aliases.data == NULL ? "" : ")",
             link->protection[0] == '\0' ? "" : ", cannot be deleted: protected by ",
             link->protection);
    }
    text_release(&aliases);
    return CULL_OK;
}

/* Those of a version that is not purged. */
static cull_status show_links(struct cli *cli, const cull_version_key *key)
{
    return cull_links_of(cli->store, key, visit_link, &cli->out, &cli->err);
}

static cull_status visit_state(void *ctx, const cull_version_info *version)
{
    *(cull_version_state *)ctx = version->state;
    return CULL_OK;
}

/* Why who asks cannot delete a committed version: what deleting it would say. That aliases go with it has
 * to be said then, and they are shown anyhow. */
static cull_status show_refusal(struct cli *cli, const cull_version_key *key)
{
    const cull_delete_options trial = { .dry_run = true, .delete_aliases = true };
    const cull_caller caller = cli_caller(cli);
    cull_version_state state = CULL_VERSION_PURGED;
    cull_error refusal = { CULL_OK, "" };
    char shown[PRINTABLE_MAX];

    if (cull_version_show(cli->store, key, visit_state, &state, &refusal) != CULL_OK ||
        state != CULL_VERSION_COMMITTED) {
        return CULL_OK; /* a link, or one that is deleted, which the state says */
    }
    if (cull_delete(cli->store, key, 1, &trial, &caller, &refusal) == CULL_E_REFUSED) {
        record_begin(&cli->out, "delete_refused");
        field_text(&cli->out, "reason", refusal.message);
        record_end(&cli->out);
        if (!cli->out.json) {
            line("delete", "refused: %s", printable(shown, refusal.message));
        }
    }
    return CULL_OK;
}

static cull_status show_files(struct cli *cli, const cull_version_key *key)
{
    cull_manifest *manifest = NULL;
    cull_entry entry;
    cull_status status;

    status = sized_manifest(cli, key, &manifest);
    if (status == CULL_OK && !cli->out.json) {
        (void)printf("\n");
    }
    for (size_t i = 0; status == CULL_OK && i < cull_manifest_count(manifest); i++) {
        cull_manifest_at(manifest, i, &entry);
        list_entry(cli, &entry);
    }
    if (status == CULL_OK) {
        status = cull_manifest_check(manifest, &cli->err);
    }
    cull_manifest_free(manifest);
    return status;
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    const struct show_options *options = values;
    cull_version_key key;
    cull_status status;

    (void)count;
    if ((status = cli_open(cli, false)) != CULL_OK ||
        (status = resolve_version(cli, names[0], &key)) != CULL_OK ||
        (status = show_version(cli, &key)) != CULL_OK ||
        (status = show_links(cli, &key)) != CULL_OK ||
        (status = show_refusal(cli, &key)) != CULL_OK) {
        return status;
    }
    return options->files ? show_files(cli, &key) : CULL_OK;
}

const struct cli_command command_show = {
    .name = "show",
    .usage = "show VERSION [--files]",
    .text = "Explain one version.\n\n"
            "With the description and the metadata that it was added with, and its ids on\n"
            "the server that it was imported from. A name without a version means latest.\n"
            "Deleted versions are found by vN. What links to it is said, and what of that\n"
            "keeps it from being deleted.",
    .options = show_table,
    .option_count = ARG_LEN(show_table),
    .args_bytes = sizeof(struct show_options),
    .positionals_min = 1,
    .positionals_max = 1,
    .exits = "exit: 0 done  1 failed  2 usage  4 no such store or version  7 damaged\n",
    .run = run,
};
