/*
 * cmd_link.c - cull link, cull unlink: versions in the portfolios of a registry.
 */
#include <stdlib.h>
#include <string.h>

#include "link_rows.h"

struct link_options {
    struct arg_list aliases;
};

static const struct arg_option link_table[] = {
    { "alias", 'a', ARG_LIST, offsetof(struct link_options, aliases), "A",
      "alias of the link, besides latest; may be repeated" },
};

static cull_status print_linked(void *ctx, const cull_link_info *link)
{
    struct output *out = ctx;
    char name[VERSION_NAME_MAX];
    char source[VERSION_NAME_MAX];

    link_record(out, link, "linked");
    if (!out->json) {
        (void)printf("linked %s as %s\n", link_source_name(source, link), link_name(name, link));
    }
    return CULL_OK;
}

static cull_status run_link(struct cli *cli, void *values, char **names, size_t count)
{
    const struct link_options *options = values;
    cull_caller caller = cli_caller(cli);
    cull_version_key source;
    cull_version_key key;
    cull_name portfolio;
    const struct arg_list no_tags = { NULL, 0 };
    cull_status status = cli_check_labels(cli, &options->aliases, &no_tags);

    (void)count;
    if (status != CULL_OK || (status = cli_open(cli, false)) != CULL_OK ||
        (status = resolve_version(cli, names[0], &source)) != CULL_OK ||
        (status = resolve_collection(cli, names[1], &portfolio)) != CULL_OK) {
        return status;
    }
    status = cull_link(cli->store, &source, &portfolio, options->aliases.items,
                       options->aliases.count, &key, &caller, &cli->err);
    if (status == CULL_OK) {
        cli->changed = true;
        status = cull_links_of(cli->store, &key, print_linked, &cli->out, &cli->err);
    }
    return status;
}

struct unlinked {
    char name[VERSION_NAME_MAX];
    char source[VERSION_NAME_MAX];
};

static cull_status visit_unlinked(void *ctx, const cull_link_info *link)
{
    struct unlinked *unlinked = ctx;

    (void)link_name(unlinked->name, link);
    (void)link_source_name(unlinked->source, link);
    return CULL_OK;
}

static void print_unlinked(struct output *out, const struct unlinked *unlinked)
{
    record_begin(out, "link");
    field_text(out, "name", unlinked->name);
    field_text(out, "state", "unlinked");
    field_text(out, "source", unlinked->source);
    record_end(out);
    if (!out->json) {
        (void)printf("unlinked %s; %s stays\n", unlinked->name, unlinked->source);
    }
}

/* What they are called is asked before they go. Of a version, nothing is kept: unlinking refuses it. */
static cull_status name_links(struct cli *cli, char **names, size_t count, cull_version_key *keys,
                              struct unlinked *unlinked)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; status == CULL_OK && i < count; i++) {
        status = resolve_version_exactly(cli, names[i], &keys[i]);
        if (status == CULL_OK) {
            status = cull_links_of(cli->store, &keys[i], visit_unlinked, &unlinked[i], &cli->err);
        }
    }
    return status;
}

static cull_status run_unlink(struct cli *cli, void *values, char **names, size_t count)
{
    cull_version_key *keys = calloc(count, sizeof(*keys));
    struct unlinked *unlinked = calloc(count, sizeof(*unlinked));
    cull_caller caller = cli_caller(cli);
    cull_status status =
        keys == NULL || unlinked == NULL ? cli_fail_nomem(cli) : cli_open(cli, false);

    (void)values;
    if (status == CULL_OK) {
        status = name_links(cli, names, count, keys, unlinked);
    }
    if (status == CULL_OK) {
        status = cull_unlink(cli->store, keys, count, &caller, &cli->err);
    }
    for (size_t i = 0; status == CULL_OK && i < count; i++) {
        cli->changed = true;
        print_unlinked(&cli->out, &unlinked[i]);
    }
    free(keys);
    free(unlinked);
    return status;
}

const struct cli_command command_link = {
    .name = "link",
    .usage = "link VERSION PORTFOLIO [--alias A]...",
    .text = "Link a version into a registry.\n\n"
            "PORTFOLIO is entity/registry/portfolio; what is not there of it is made. The\n"
            "link takes the alias latest there, and those named. From then on the version\n"
            "has no time to live, and cull delete deletes its links with it, unless one has\n"
            "a protected alias (cull protect). Links are listed by cull ls and cull show.",
    .options = link_table,
    .option_count = ARG_LEN(link_table),
    .args_bytes = sizeof(struct link_options),
    .positionals_min = 2,
    .positionals_max = 2,
    .exits = "exit: 0 done  1 failed, or another type  2 usage  4 no such store or version\n"
             "      5 busy  6 the version is deleted, or your role is too low\n",
    .run = run_link,
};

const struct cli_command command_unlink = {
    .name = "unlink",
    .usage = "unlink LINK...",
    .text = "Take links away; the versions stay.\n\n"
            "A link is named entity/registry/portfolio:vN, or :alias. One with a protected\n"
            "alias takes an administrator of the registry.",
    .positionals_min = 1,
    .positionals_max = 1000000,
    .exits = "exit: 0 done  1 failed  2 usage, or a version and no link\n"
             "      4 no such store or link  5 busy  6 your role is too low\n",
    .run = run_unlink,
};
