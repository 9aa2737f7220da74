/*
 * cmd_restore.c - cull restore: take soft-deletes back.
 */
#include <stdlib.h>
#include <string.h>

#include "deletion.h"
#include "resolve.h"
#include "selecting.h"
#include "units.h"

struct restore_options {
    const char *as;
    struct selection_args select;
    bool dry_run;
};

static const struct arg_option restore_table[] = {
    { "as", '\0', ARG_TEXT, offsetof(struct restore_options, as), "NAME",
      "new name for a deleted collection whose own is taken (who asks is then said before the "
      "command: cull --as USER restore)" },
    SELECTION_COLLECTION(struct restore_options, select, "deleted versions of this collection"),
    SELECTION_FLAGS(struct restore_options, select),
    { "dry-run", 'n', ARG_FLAG, offsetof(struct restore_options, dry_run), NULL,
      "restore nothing; say what would be" },
};

/* --- which version is meant ---------------------------------------------------------------- */

struct candidate {
    uint32_t ordinal;
    bool only_deleted; /* of deleted collections only */
    bool found;
    bool in_live; /* the found one's collection is live */
    cull_version_key key;
};

/* Several collections may have had the name. A live one's version is meant first, then that of the
 * newest; ids only grow. */
static cull_status visit_candidate(void *ctx, const cull_version_info *version)
{
    struct candidate *candidate = ctx;
    bool live = !version->collection_deleted;

    if (version->key.ordinal != candidate->ordinal || (live && candidate->only_deleted)) {
        return CULL_OK;
    }
    if (!candidate->found || live ||
        (!candidate->in_live && version->key.collection > candidate->key.collection)) {
        candidate->found = true;
        candidate->in_live = live;
        candidate->key = version->key;
    }
    return CULL_OK;
}

/* `vN` of a name that may belong to a new collection by now, while the deleted one waits in the
 * trash under the same name; --as says that the deleted one is meant. */
static cull_status find_deleted(struct cli *cli, const char *text, bool only_deleted,
                                cull_version_key *out)
{
    struct candidate candidate = { .only_deleted = only_deleted };
    cull_name name;
    cull_selection selection = { .entity = name.entity,
                                 .project = name.project,
                                 .collection = name.collection,
                                 .states = 1u << CULL_VERSION_DELETED };
    uint64_t ordinal = 0;
    cull_status status = resolve_name(cli, text, &name);

    if (status != CULL_OK) {
        return status;
    }
    if (name.version[0] == 'v' && count_parse(&ordinal, name.version + 1) &&
        ordinal <= UINT32_MAX) {
        candidate.ordinal = (uint32_t)ordinal;
        status = cull_select(cli->store, &selection, visit_candidate, &candidate, &cli->err);
        if (status == CULL_OK && candidate.found) {
            *out = candidate.key;
            return CULL_OK;
        }
    }
    return resolve_version_exactly(cli, text, out); /* and says what is wrong */
}

static cull_status print_restored(struct cli *cli, const cull_version_key *keys, size_t count,
                                  bool dry_run)
{
    struct version_list list = { NULL, 0, 0 };
    cull_status status = CULL_OK;

    for (size_t i = 0; status == CULL_OK && i < count; i++) {
        status = version_list_add_key(cli, &list, &keys[i]); /* under the name it has now */
    }
    for (size_t i = 0; status == CULL_OK && i < list.count; i++) {
        char text[UNITS_TEXT_MAX];

        version_item_record(&cli->out, &list.items[i], dry_run ? "deleted" : "committed");
        if (!cli->out.json) {
            (void)printf("%s %s (%s)\n", dry_run ? "would restore" : "restored", list.items[i].name,
                         bytes_at_least(text, list.items[i].size_bytes, list.items[i].size_exact));
        }
    }
    summary_begin(&cli->out);
    field_number(&cli->out, dry_run ? "versions_would_restore" : "versions_restored", list.count);
    summary_end(&cli->out);
    version_list_release(&list);
    return status;
}

/* Deleted versions that flags select. */
static cull_status restore_selected(struct cli *cli, const struct restore_options *options)
{
    struct version_list list = { NULL, 0, 0 };
    cull_version_key *keys = NULL;
    cull_caller caller = cli_caller(cli);
    cull_selection selection;
    cull_name name;
    cull_name run;
    cull_scope scope;
    cull_status status = selection_scope(cli, &options->select, &name, &scope);

    if (status == CULL_OK) {
        status = selection_read(cli, &options->select, &scope, &run, &selection);
    }
    if (status == CULL_OK) {
        status = cull_restore_selected(cli->store, &selection, options->dry_run, version_list_add,
                                       &list, &caller, &cli->err);
        cli->changed = cli->changed || (status == CULL_OK && !options->dry_run);
    }
    if (status == CULL_OK && list.count > 0) {
        keys = version_list_keys(&list);
        status = keys == NULL ? cli_fail_nomem(cli) : CULL_OK;
    }
    if (status == CULL_OK) {
        status = print_restored(cli, keys, list.count, options->dry_run);
    }
    if (status == CULL_OK && list.count == 0 && !cli->out.json) {
        (void)printf("nothing that is deleted is selected\n");
    }
    free(keys);
    version_list_release(&list);
    return status;
}

static cull_status restore_named(struct cli *cli, const struct restore_options *options,
                                 char **names, size_t count)
{
    struct version_list list = { NULL, 0, 0 };
    cull_version_key *keys = NULL;
    cull_caller caller;
    cull_status status = CULL_OK;

    for (size_t i = 0; status == CULL_OK && i < count; i++) {
        cull_version_key key;

        status = find_deleted(cli, names[i], options->as != NULL, &key);
        if (status == CULL_OK) {
            status = version_list_add_once(cli, &list, &key);
        }
    }
    if (status == CULL_OK) {
        keys = version_list_keys(&list);
        caller = cli_caller(cli);
        status = keys == NULL
                     ? cli_fail_nomem(cli)
                     : cull_restore(cli->store, keys, list.count, options->as, &caller, &cli->err);
    }
    if (status == CULL_OK) {
        cli->changed = true;
        status = print_restored(cli, keys, list.count, false);
    }
    free(keys);
    version_list_release(&list);
    return status;
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    const struct restore_options *options = values;
    bool selects = selection_is_said(&options->select);
    char shown[PRINTABLE_MAX];
    cull_name as;
    cull_status status;

    if (options->as != NULL &&
        (strpbrk(options->as, "/:") != NULL ||
         cull_name_parse(&as, options->as, "e", "p", &cli->err) != CULL_OK)) {
        return cli_fail(cli, CULL_E_USAGE, "--as: %s: not a collection's name",
                        printable(shown, options->as));
    }
    if (count > 0 ? selects : !selects) {
        return cli_fail(cli, CULL_E_USAGE, "restore: %s",
                        count > 0 ? "name versions or select them, not both"
                                  : "what? name versions, or select them by flags");
    }
    if (!selects && options->dry_run) {
        return cli_fail(cli, CULL_E_USAGE, "--dry-run: with a selection; cull show tells of one");
    }
    if (selects && options->as != NULL) {
        return cli_fail(cli, CULL_E_USAGE, "--as: for versions that are named, not selected");
    }
    status = cli_open(cli, false);
    if (status != CULL_OK) {
        return status;
    }
    return selects ? restore_selected(cli, options) : restore_named(cli, options, names, count);
}

const struct cli_command command_restore = {
    .name = "restore",
    .usage = "restore VERSION... [--as NAME] | SELECTION [--dry-run]",
    .text = "Take deletes back: files, and the aliases that are still free.\n\n"
            "Works until a cycle has purged the version, at least until the instant that\n"
            "cull trash shows. A version of a deleted collection brings the collection back.",
    .options = restore_table,
    .option_count = ARG_LEN(restore_table),
    .args_bytes = sizeof(struct restore_options),
    .positionals_max = 1000000,
    .exits = "exit: 0 done  1 failed, or the name is taken  2 usage\n"
             "      4 no such store or version, not deleted, or already collected  5 busy\n",
    .run = run,
};
