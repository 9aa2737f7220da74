/*
 * cmd_ttl.c - cull ttl: how long versions live.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "resolve.h"
#include "units.h"

/* A duration in whole seconds, at least one. */
static cull_status read_seconds(struct cli *cli, const char *text, int64_t *out)
{
    char shown[PRINTABLE_MAX];
    uint64_t ms;

    if (!duration_parse(&ms, text) || ms == 0 || ms % 1000 != 0) {
        return cli_fail(cli, CULL_E_USAGE, "ttl: %s: not a duration, such as 30d",
                        printable(shown, text));
    }
    *out = (int64_t)(ms / 1000);
    return CULL_OK;
}

/* --- versions ------------------------------------------------------------------------------ */

static cull_status set_versions(struct cli *cli, char **names, size_t count, int64_t seconds)
{
    cull_version_key *keys = calloc(count, sizeof(*keys));
    cull_caller caller = cli_caller(cli);
    cull_status status = keys == NULL ? cli_fail_nomem(cli) : CULL_OK;

    for (size_t i = 0; status == CULL_OK && i < count; i++) {
        status = resolve_version_exactly(cli, names[i], &keys[i]);
    }
    if (status == CULL_OK) {
        status = cull_ttl_set(cli->store, keys, count, seconds, &caller, &cli->err);
        cli->changed = cli->changed || status == CULL_OK;
    }
    free(keys);
    return status;
}

/* --- entities ------------------------------------------------------------------------------ */

static cull_status show_policy(struct cli *cli, const char *entity)
{
    cull_ttl_policy policy;
    char text[UNITS_TEXT_MAX];
    cull_status status = cull_ttl_get_policy(cli->store, entity, &policy, &cli->err);

    if (status != CULL_OK) {
        return status;
    }
    record_begin(&cli->out, "ttl_policy");
    field_text(&cli->out, "entity", entity);
    if (policy.seconds > 0) {
        field_number(&cli->out, "default_seconds", (uint64_t)policy.seconds);
    }
    field_bool(&cli->out, "members_may", policy.members_may);
    record_end(&cli->out);
    if (!cli->out.json) {
        (void)printf(
            "%s: default %s, set by %s\n", entity,
            policy.seconds > 0 ? duration_human(text, (uint64_t)policy.seconds * 1000) : "none",
            policy.members_may ? "members" : "administrators");
    }
    return CULL_OK;
}

static cull_status change_policy(struct cli *cli, const char *entity, bool is_default,
                                 const char *value)
{
    cull_caller caller = cli_caller(cli);
    cull_ttl_policy policy;
    char shown[PRINTABLE_MAX];
    cull_status status = cull_ttl_get_policy(cli->store, entity, &policy, &cli->err);

    if (status == CULL_E_NOTFOUND) { /* it is made, if that may be */
        policy = (cull_ttl_policy){ CULL_TTL_OFF, true };
        cli->err = (cull_error){ CULL_OK, "" };
        status = CULL_OK;
    }
    if (status == CULL_OK && is_default) {
        policy.seconds = CULL_TTL_OFF;
        status = strcmp(value, "off") == 0 ? CULL_OK : read_seconds(cli, value, &policy.seconds);
    } else if (status == CULL_OK) {
        policy.members_may = strcmp(value, "members") == 0;
        if (!policy.members_may && strcmp(value, "administrators") != 0) {
            status = cli_fail(cli, CULL_E_USAGE, "ttl by: %s: not members or administrators",
                              printable(shown, value));
        }
    }
    if (status == CULL_OK) {
        status = cull_ttl_set_policy(cli->store, entity, &policy, &caller, &cli->err);
        cli->changed = cli->changed || status == CULL_OK;
    }
    return status;
}

static cull_status of_entity(struct cli *cli, bool is_default, char **names, size_t count)
{
    cull_name name;
    cull_status status = resolve_entity(cli, names[0], &name);

    if (status != CULL_OK) {
        return status;
    }
    return count == 1 ? show_policy(cli, name.entity)
                      : change_policy(cli, name.entity, is_default, names[1]);
}

/* --- all of it ----------------------------------------------------------------------------- */

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    static const struct {
        const char *name;
        size_t min;
        size_t max;
    } words[] = { { "set", 3, SIZE_MAX },
                  { "inherit", 2, SIZE_MAX },
                  { "off", 2, SIZE_MAX },
                  { "default", 2, 3 },
                  { "by", 3, 3 } };
    size_t word = 0;
    int64_t seconds = 0;
    char shown[PRINTABLE_MAX];
    cull_status status;

    (void)values;
    while (word < ARG_LEN(words) && strcmp(names[0], words[word].name) != 0) {
        word++;
    }
    if (word == ARG_LEN(words)) {
        return cli_fail(cli, CULL_E_USAGE, "ttl: %s: not set, inherit, off, default or by",
                        printable(shown, names[0]));
    }
    if (count < words[word].min || count > words[word].max) {
        return cli_fail(cli, CULL_E_USAGE, "ttl %s: wrong number of arguments: cull %s", names[0],
                        cli->command->usage);
    }
    status = word == 0 ? read_seconds(cli, names[count - 1], &seconds) : CULL_OK;
    if (status == CULL_OK) {
        status = cli_open(cli, false);
    }
    if (status != CULL_OK) {
        return status;
    }
    switch (word) {
    case 0:
        return set_versions(cli, names + 1, count - 2, seconds);
    case 1:
        return set_versions(cli, names + 1, count - 1, CULL_TTL_INHERIT);
    case 2:
        return set_versions(cli, names + 1, count - 1, CULL_TTL_OFF);
    default:
        return of_entity(cli, word == 3, names + 1, count - 1);
    }
}

const struct cli_command command_ttl = {
    .name = "ttl",
    .usage = "ttl set VERSION... D | inherit|off VERSION... | default|by E [VALUE]",
    .text = "Say how long versions live.\n\n"
            "Counted from a version's creation. What has lived long enough is deleted by\n"
            "the next cycle, whatever its aliases, and can be restored as usual. A version's\n"
            "own time beats its entity's default, which reaches versions that are there\n"
            "already. Linked versions and types run_table, code, job and wandb-* take none.\n"
            "Administrators of the entity set the default (a duration or off), and say by\n"
            "whom those of versions are set (members or administrators).",
    .positionals_min = 1,
    .positionals_max = 1000000,
    .exits = "exit: 0 done  1 failed  2 usage  4 no such store, version or entity  5 busy\n"
             "      6 the version takes none, or your role is too low\n",
    .run = run,
};
