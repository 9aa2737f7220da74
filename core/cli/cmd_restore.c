/*
 * cmd_restore.c - cull restore: take soft-deletes back.
 */
#include <stdlib.h>

#include "deletion.h"
#include "resolve.h"
#include "units.h"

struct restore_options {
    const char *as;
};

static const struct arg_option restore_table[] = {
    { "as", '\0', ARG_TEXT, offsetof(struct restore_options, as), "NAME",
      "new name for a deleted collection whose own is taken (who asks is then said before the "
      "command: cull --as USER restore)" },
};

static cull_status print_restored(struct cli *cli, const cull_version_key *keys, size_t count)
{
    struct version_list list = { NULL, 0, 0 };
    cull_status status = CULL_OK;

    for (size_t i = 0; status == CULL_OK && i < count; i++) {
        status = version_list_add_key(cli, &list, &keys[i]); /* under the name it has now */
    }
    for (size_t i = 0; status == CULL_OK && i < list.count; i++) {
        char text[UNITS_TEXT_MAX];

        version_item_record(&cli->out, &list.items[i], "committed");
        if (!cli->out.json) {
            (void)printf("restored %s (%s)\n", list.items[i].name,
                         bytes_human(text, list.items[i].size_bytes));
        }
    }
    summary_begin(&cli->out);
    field_number(&cli->out, "versions_restored", list.count);
    summary_end(&cli->out);
    version_list_release(&list);
    return status;
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    const struct restore_options *options = values;
    struct version_list list = { NULL, 0, 0 };
    cull_version_key *keys = NULL;
    cull_caller caller;
    cull_status status = cli_open(cli, false);

    for (size_t i = 0; status == CULL_OK && i < count; i++) {
        cull_version_key key;

        status = resolve_version_exactly(cli, names[i], &key);
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
        status = print_restored(cli, keys, list.count);
    }
    free(keys);
    version_list_release(&list);
    return status;
}

const struct cli_command command_restore = {
    .name = "restore",
    .usage = "restore VERSION... [--as NAME]",
    .text = "Take deletes back: files, and the aliases that are still free.\n\n"
            "Works until a cycle has purged the version, at least until the instant that\n"
            "cull trash shows. A version of a deleted collection brings the collection back.",
    .options = restore_table,
    .option_count = ARG_LEN(restore_table),
    .args_bytes = sizeof(struct restore_options),
    .positionals_min = 1,
    .positionals_max = 1000000,
    .exits = "exit: 0 done  1 failed, or the name is taken  2 usage\n"
             "      4 no such store or version, not deleted, or already collected  5 busy\n",
    .run = run,
};
