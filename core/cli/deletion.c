/*
 * deletion.c - how the commands that delete versions say what they did.
 */
#include "deletion.h"

#include <inttypes.h>
#include <stdlib.h>

#include "link_rows.h"
#include "units.h"

/* --- links --------------------------------------------------------------------------------- */

static void drop_from_list(struct version_list *list, const cull_version_key *key)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].key.collection == key->collection &&
            list->items[i].key.ordinal == key->ordinal) {
            free(list->items[i].name);
        } else {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

cull_status deletion_link(void *ctx, const cull_link_info *link, bool kept)
{
    struct deletion_links *links = ctx;
    char name[VERSION_NAME_MAX];
    char source[VERSION_NAME_MAX];

    (void)link_name(name, link);
    (void)link_source_name(source, link);
    link_record(&links->cli->out, link, kept ? "kept" : links->dry_run ? "linked" : "unlinked");
    if (kept && link->protection[0] != '\0') {
        cli_warn(links->cli, "%s stays: %s has the protected alias %s", source, name,
                 link->protection);
    } else if (kept) {
        cli_warn(links->cli, "%s stays: it is linked as %s", source, name);
    } else {
        cli_warn(links->cli, "%s %s with %s", name, links->dry_run ? "would go" : "goes", source);
    }
    if (kept && links->list != NULL) {
        drop_from_list(links->list, &link->source);
    }
    return CULL_OK;
}

bool deletion_done(cull_status status)
{
    return status == CULL_OK || status == CULL_E_PARTIAL;
}

/* --- versions ------------------------------------------------------------------------------ */

struct kept {
    uint64_t until_ms;
};

static cull_status visit_kept(void *ctx, const cull_version_info *version)
{
    struct kept *kept = ctx;

    kept->until_ms = version->kept_until_ms;
    return CULL_OK;
}

static cull_status visit_dependent(void *ctx, const cull_version_info *dependent, const char *path,
                                   const cull_version_key *target)
{
    struct cli *cli = ctx;
    char name[VERSION_NAME_MAX];
    char shown[PRINTABLE_MAX];

    (void)target;
    record_begin(&cli->out, "dependent");
    field_text(&cli->out, "name", version_name(name, dependent));
    field_text(&cli->out, "path", path);
    record_end(&cli->out);
    if (!cli->out.json) {
        (void)printf("%s refers to it by %s, and keeps those bytes\n", name,
                     printable(shown, path));
    }
    return CULL_OK;
}

cull_status deletion_print_dependents(struct cli *cli, const struct version_list *list)
{
    cull_version_key *keys = version_list_keys(list);
    cull_status status = CULL_OK;

    if (list->count > 0) {
        status = keys == NULL ? cli_fail_nomem(cli)
                              : cull_dependents(cli->store, keys, list->count, visit_dependent, cli,
                                                &cli->err);
    }
    free(keys);
    return status;
}

cull_status deletion_print_free(struct cli *cli, const struct version_list *list)
{
    cull_version_key *keys = version_list_keys(list);
    char count[UNITS_TEXT_MAX];
    char size[UNITS_TEXT_MAX];
    uint64_t blobs = 0;
    uint64_t bytes = 0;
    bool exact = true;
    cull_status status = CULL_OK;

    if (list->count > 0) {
        status = keys == NULL ? cli_fail_nomem(cli)
                              : cull_would_free(cli->store, keys, list->count, &blobs, &bytes,
                                                &exact, &cli->err);
    }
    free(keys);
    if (status != CULL_OK) {
        return status;
    }
    summary_begin(&cli->out);
    field_number(&cli->out, "blobs_would_free", blobs);
    field_number(&cli->out, "bytes_would_free", bytes);
    field_bool(&cli->out, "size_exact", exact);
    summary_end(&cli->out);
    if (!cli->out.json) {
        (void)printf("a cycle would then free %s blob%s, %s%" PRIu64 " bytes (%s)\n",
                     count_human(count, blobs), blobs == 1 ? "" : "s", exact ? "" : "at least ",
                     bytes, bytes_human(size, bytes));
    }
    return CULL_OK;
}

cull_status deletion_print(struct cli *cli, const struct version_list *list, bool dry_run,
                           bool would_free)
{
    struct output *out = &cli->out;
    struct kept kept = { 0 };
    char text[UNITS_TEXT_MAX];
    char until[UNITS_TEXT_MAX];

    for (size_t i = 0; i < list->count; i++) {
        version_item_record(out, &list->items[i], dry_run ? "committed" : "deleted");
        if (!out->json) {
            (void)printf(
                "%s %s (%s)\n", dry_run ? "would delete" : "deleted", list->items[i].name,
                bytes_at_least(text, list->items[i].size_bytes, list->items[i].size_exact));
        }
    }
    if (!dry_run && list->count > 0) {
        cull_error ignored = { CULL_OK, "" };

        (void)!cull_version_show(cli->store, &list->items[0].key, visit_kept, &kept, &ignored);
    }
    if (!out->json) {
        (void)printf("%s version%s %s%s%s\n", count_human(text, list->count),
                     list->count == 1 ? "" : "s", dry_run ? "would be deleted" : "deleted",
                     kept.until_ms != 0 ? ", can be restored until at least " : "",
                     kept.until_ms != 0 ? time_text(until, kept.until_ms) : "");
    }
    summary_begin(out);
    field_number(out, dry_run ? "versions_would_delete" : "versions_deleted", list->count);
    field_bool(out, "dry_run", dry_run);
    if (kept.until_ms != 0) {
        field_time(out, "kept_until", kept.until_ms);
    }
    summary_end(out);
    return would_free ? deletion_print_free(cli, list) : CULL_OK;
}
