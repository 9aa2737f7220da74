/*
 * cmd_init.c - cull init: make a store.
 *
 * SHAPE     The log is made under a temporary name, with its first facts, and takes its own by one
 *           link(2): a store is there as a whole, or it is not there. What an interrupted init
 *           leaves (folders, a temporary file) does not stand in the way of the next one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "opening.h"
#include "units.h"

struct init_options {
    const char *digest;
    struct arg_number grace;
    struct arg_number lease;
    const char *objects;
    const char *hosting;
    bool strict_links;
};

static const struct arg_option init_table[] = {
    { "digest", '\0', ARG_TEXT, offsetof(struct init_options, digest), "A",
      "sha256 (default), md5, sha1 or xxh128; pairs of equal md5 and sha1 can be forged, "
      "xxh128 is for trusted writers only" },
    { "grace", '\0', ARG_DURATION, offsetof(struct init_options, grace), "D",
      "how long a deleted version can be restored (default: 7d)" },
    { "lease", '\0', ARG_DURATION, offsetof(struct init_options, lease), "D",
      "how long an upload that is not heard of is kept (default: 1h)" },
    { "objects", '\0', ARG_TEXT, offsetof(struct init_options, objects), "KIND",
      "directory (default), or none: an index only, nothing is moved or deleted" },
    { "hosting", '\0', ARG_TEXT, offsetof(struct init_options, hosting), "H",
      "how it is hosted, and so what its cycles ask for: local (default), shared, "
      "shared-connector, dedicated, dedicated-connector, self-managed or on-premises" },
    { "strict-links", '\0', ARG_FLAG, offsetof(struct init_options, strict_links), NULL,
      "a version that has any link in a registry cannot be deleted" },
};

static bool is_hosting(const char *name)
{
    const cull_hosting *hostings;
    size_t count = cull_hostings(&hostings);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(hostings[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static cull_status read_settings(struct cli *cli, const struct init_options *options,
                                 cull_store_settings *settings)
{
    char shown[PRINTABLE_MAX];

    *settings = (cull_store_settings){ .digest = CULL_DIGEST_SHA256 };
    if (options->digest != NULL) {
        settings->digest = cull_digest_kind_parse(options->digest);
        if (settings->digest == CULL_DIGEST_NONE) {
            return cli_fail(cli, CULL_E_USAGE, "--digest: %s: not sha256, md5, sha1 or xxh128",
                            printable(shown, options->digest));
        }
    }
    if (options->objects != NULL && strcmp(options->objects, "none") != 0 &&
        strcmp(options->objects, "directory") != 0) {
        return cli_fail(cli, CULL_E_USAGE, "--objects: %s: not directory or none",
                        printable(shown, options->objects));
    }
    settings->index_only = options->objects != NULL && strcmp(options->objects, "none") == 0;
    settings->late_deletes = CULL_LATE_IMPOSSIBLE;
    settings->grace_ms = options->grace.value;
    settings->grace_is_zero = options->grace.given && options->grace.value == 0;
    settings->lease_ms = options->lease.value;
    if (options->lease.given && options->lease.value == 0) {
        return cli_fail(cli, CULL_E_USAGE, "--lease: 0: an upload needs time");
    }
    settings->strict_links = options->strict_links;
    if (options->hosting != NULL && !is_hosting(options->hosting)) {
        return cli_fail(cli, CULL_E_USAGE,
                        "--hosting: %s: not local, shared, shared-connector, dedicated, "
                        "dedicated-connector, self-managed or on-premises",
                        printable(shown, options->hosting));
    }
    (void)snprintf(settings->hosting, sizeof(settings->hosting), "%s",
                   options->hosting != NULL ? options->hosting : "local");
    if (getrandom(&settings->seed, sizeof(settings->seed), 0) != sizeof(settings->seed)) {
        return cli_fail_errno(cli, errno, "no random seed");
    }
    return CULL_OK;
}

/* Is there something of that name in dir? */
static bool is_there(const char *dir, const char *name)
{
    char *path = path_join(dir, name);
    bool there = path != NULL && access(path, F_OK) == 0;

    free(path);
    return there;
}

/* The directory, empty or not, but without a store. *made: it was not there. */
static cull_status make_directory(struct cli *cli, bool *made)
{
    char shown[PRINTABLE_MAX];

    struct stat info;

    *made = mkdir(cli->store_dir, 0755) == 0;
    if (!*made && errno != EEXIST) {
        return cli_fail_errno(cli, errno, "%s", printable(shown, cli->store_dir));
    }
    if (!*made && stat(cli->store_dir, &info) == 0 && !S_ISDIR(info.st_mode)) {
        return cli_fail(cli, CULL_E_INVALID, "%s: not a directory",
                        printable(shown, cli->store_dir));
    }
    if (is_there(cli->store_dir, "cull.db")) {
        return cli_fail(cli, CULL_E_EXISTS, "%s: there is a store here already",
                        printable(shown, cli->store_dir));
    }
    return CULL_OK;
}

static cull_status make_folders(struct cli *cli, const cull_store_settings *settings)
{
    cull_objects_directory_options options = { .path = cli->store_dir,
                                               .digest = settings->digest,
                                               .stage_prefix = (uint32_t)getpid(),
                                               .create = true };

    return settings->index_only ? CULL_OK
                                : cull_objects_directory_open(&cli->objects, &options, &cli->err);
}

/* Give the finished log its name, unless somebody else was faster; and make that durable. */
static cull_status publish(struct cli *cli, const char *temporary)
{
    char shown[PRINTABLE_MAX];
    cull_status status = CULL_OK;
    int dir = open(cli->store_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0) {
        return cli_fail_errno(cli, errno, "%s", printable(shown, cli->store_dir));
    }
    if (linkat(dir, temporary, dir, "cull.db", 0) != 0) {
        status = errno == EEXIST
                     ? cli_fail(cli, CULL_E_EXISTS, "%s: there is a store here already",
                                printable(shown, cli->store_dir))
                     : cli_fail_errno(cli, errno, "%s/cull.db", printable(shown, cli->store_dir));
    } else if (fsync(dir) != 0) {
        status = cli_fail_errno(cli, errno, "%s", printable(shown, cli->store_dir));
    }
    (void)unlinkat(dir, temporary, 0);
    (void)close(dir);
    return status;
}

static void remove_file(struct cli *cli, const char *name)
{
    char *path = path_join(cli->store_dir, name);

    if (path != NULL) {
        (void)unlink(path);
    }
    free(path);
}

static void remove_temporary(struct cli *cli, const char *temporary)
{
    static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };

    for (size_t i = 0; i < ARG_LEN(suffixes); i++) {
        char name[96];

        (void)snprintf(name, sizeof(name), "%s%s", temporary, suffixes[i]);
        remove_file(cli, name);
    }
}

static cull_status make_store(struct cli *cli, const cull_store_settings *settings)
{
    cull_caller caller = cli_caller(cli);
    char temporary[64];
    cull_status status;

    (void)snprintf(temporary, sizeof(temporary), "cull.db.init-%ld", (long)getpid());
    remove_temporary(cli, temporary); /* of a process that had our number and died */
    status = open_log(cli, cli->store_dir, temporary, true, &cli->log);
    if (status == CULL_OK) {
        status = cull_store_create(cli->log, settings, &caller, &cli->err);
    }
    if (status == CULL_OK) {
        status = make_folders(cli, settings);
    }
    cli_close(cli); /* folds the write-ahead log into the one file */
    if (status == CULL_OK) {
        status = publish(cli, temporary);
    }
    remove_temporary(cli, temporary);
    return status;
}

static void print_answer(struct cli *cli)
{
    char shown[PRINTABLE_MAX];
    char grace[UNITS_TEXT_MAX];

    if (!cli->out.json) {
        (void)printf("made a store in %s: %s, %s, deleted versions are kept for %s\n",
                     printable(shown, cli->store_dir), cull_digest_kind_name(cli->settings.digest),
                     cli->settings.index_only ? "index only" : "objects in a directory",
                     duration_human(grace, cli->settings.grace_ms));
    }
    record_begin(&cli->out, "store");
    field_text(&cli->out, "path", cli->store_dir);
    field_text(&cli->out, "digest", cull_digest_kind_name(cli->settings.digest));
    field_text(&cli->out, "objects", cli->settings.index_only ? "none" : "directory");
    field_text(&cli->out, "hosting", cli->settings.hosting);
    field_number(&cli->out, "grace_ms", cli->settings.grace_ms);
    field_number(&cli->out, "lease_ms", cli->settings.lease_ms);
    record_end(&cli->out);
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    cull_store_settings settings;
    bool made = false;
    cull_status status = read_settings(cli, values, &settings);

    cli->store_dir = count > 0 ? names[0] : cli->store_dir == NULL ? "." : cli->store_dir;
    if (status == CULL_OK) {
        status = make_directory(cli, &made);
    }
    if (status == CULL_OK) {
        status = make_store(cli, &settings);
    }
    if (status != CULL_OK) {
        if (made) { /* leave nothing of ours, if nothing else came in */
            remove_file(cli, "collector.lock");
            (void)rmdir(cli->store_dir);
        }
        return status;
    }
    status = cli_open(cli, false);
    if (status == CULL_OK) {
        print_answer(cli);
    }
    return status;
}

const struct cli_command command_init = {
    .name = "init",
    .usage = "init [DIR] [OPTION]...",
    .text = "Make a store in a directory.\n\n"
            "DIR is made if it is not there (default: --store, $CULL_STORE, or `.`).",
    .options = init_table,
    .option_count = ARG_LEN(init_table),
    .args_bytes = sizeof(struct init_options),
    .positionals_max = 1,
    .exits = "exit: 0 done  1 failed, or there is a store already  2 usage\n",
    .run = run,
};
