/*
 * main.c - cull(1): find the command, run it, and say how it ended.
 *
 * SHAPE     One table of commands. A command returns a cull_status; here alone it becomes a line on
 *           stderr, the summary record and the exit code, so all commands end alike.
 * INVARIANT With --json the last line of stdout is a summary, whatever happened.
 */
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "signals.h"

static const struct cli_command *const commands[] = {
    &command_init,   &command_put,     &command_import,  &command_export, &command_get,
    &command_ls,     &command_show,    &command_alias,   &command_tag,    &command_run,
    &command_link,   &command_unlink,  &command_protect, &command_ttl,    &command_role,
    &command_delete, &command_restore, &command_trash,   &command_gc,     &command_why,
    &command_du,     &command_fsck,    &command_stat,    &command_policy, &command_audit,
};

/* --- how a run ends ------------------------------------------------------------------------ */

static const struct {
    cull_status status;
    int exit_code;
    const char *name; /* in the summary */
} endings[] = {
    { CULL_OK, 0, "ok" },
    { CULL_E_USAGE, 2, "usage" },
    { CULL_E_PARTIAL, 3, "partial" },
    { CULL_E_NOTFOUND, 4, "notfound" },
    { CULL_E_BUSY, 5, "busy" },
    { CULL_E_REFUSED, 6, "refused" },
    { CULL_E_DAMAGED, 7, "damaged" },
    { CULL_E_CORRUPT, 7, "damaged" },
};

static int exit_code_of(cull_status status, int signal_number)
{
    if (status == CULL_E_CANCELLED) {
        return signal_number != 0 ? 128 + signal_number : 0;
    }
    for (size_t i = 0; i < ARG_LEN(endings); i++) {
        if (endings[i].status == status) {
            return endings[i].exit_code;
        }
    }
    return 1;
}

static const char *status_name(const struct cli *cli, cull_status status, int signal_number)
{
    if (status == CULL_E_CANCELLED) {
        return signal_number != 0 ? "interrupted" : "limit";
    }
    if (status == CULL_OK && cli->limit) {
        return "limit";
    }
    for (size_t i = 0; i < ARG_LEN(endings); i++) {
        if (endings[i].status == status) {
            return endings[i].name;
        }
    }
    return "failed";
}

static void print_error(struct cli *cli, const char *message)
{
    output_flush(&cli->out);
    (void)fprintf(stderr, "%s%s\n",
                  cli->out.color_err ? "\033[31mcull:\033[0m " : "cull: ", message);
}

/* Checkpoints that are due are written when the answer is out. */
static void maintain(struct cli *cli)
{
    cull_error err = { CULL_OK, "" };
    cull_caller caller = cli_caller(cli);
    cull_status status = cull_store_maintain(cli->store, false, &caller, &err);

    if (status != CULL_OK && status != CULL_E_BUSY) {
        cli_warn(cli, "checkpoint not written, the log keeps all: %s",
                 err.message[0] != '\0' ? err.message : cull_strerror(status));
    }
}

static int finish(struct cli *cli, cull_status status)
{
    int signal_number = status == CULL_E_CANCELLED ? signals_caught() : 0;
    int code = exit_code_of(status, signal_number);
    const char *message = NULL;

    if (code != 0) {
        message = signal_number != 0            ? "interrupted"
                  : cli->err.message[0] != '\0' ? cli->err.message
                                                : cull_strerror(status);
        print_error(cli, message);
    }
    summary_print(&cli->out, cli->command == NULL ? NULL : cli->command->name,
                  status_name(cli, status, signal_number), message);
    output_flush(&cli->out);
    if (cli->changed && cli->store != NULL && status != CULL_E_CORRUPT && signal_number == 0) {
        maintain(cli);
    }
    cli_close(cli);
    if (!output_close(&cli->out)) {
        cli_warn(cli, "standard output: %s", strerror(cli->out.write_errno));
        code = code == 0 ? 1 : code;
    }
    return code;
}

/* --- help ---------------------------------------------------------------------------------- */

static void print_command_help(const struct cli_command *command)
{
    (void)printf("usage: cull %s\n\n%s\n", command->usage, command->text);
    if (command->option_count > 0) {
        (void)printf("\n");
        args_print_help(command->options, command->option_count);
    }
    (void)printf("\nEvery command:\n");
    args_print_help(global_option_table, global_option_count);
    (void)printf("\n%s", command->exits);
}

static void print_help(void)
{
    (void)printf("usage: cull COMMAND [ARGUMENT]...\n\n"
                 "Store directories as versions, delete versions, and free exactly the bytes\n"
                 "that no other version uses.\n\n");
    for (size_t i = 0; i < ARG_LEN(commands); i++) {
        (void)printf("  %-9s %.*s\n", commands[i]->name, (int)strcspn(commands[i]->text, "\n"),
                     commands[i]->text);
    }
    (void)printf("  %-9s %s\n", "help", "Show this, or what a command does.");
    (void)printf("\nEvery command, before or after its name:\n");
    args_print_help(global_option_table, global_option_count);
    (void)printf("\nA version is named entity/project/collection:vN, or :alias.\n\n%s",
                 CLI_EXITS_ALL);
}

/* --- finding the command ------------------------------------------------------------------- */

static const char *command_name(const void *ctx, size_t i)
{
    (void)ctx;
    return commands[i]->name;
}

static const struct cli_command *find_command(const char *name)
{
    for (size_t i = 0; i < ARG_LEN(commands); i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

static cull_status no_command(struct cli *cli, const char *name)
{
    char shown[PRINTABLE_MAX];
    const char *near = args_nearest(name, command_name, NULL, ARG_LEN(commands));

    if (near != NULL) {
        return cli_fail(cli, CULL_E_USAGE, "%s: no such command: did you mean %s?",
                        printable(shown, name), near);
    }
    return cli_fail(cli, CULL_E_USAGE, "%s: no such command: cull help lists them",
                    printable(shown, name));
}

/* cull help [COMMAND]; help is text, whatever else was asked for. */
static cull_status run_help(struct cli *cli, char **names, size_t count)
{
    struct arg_set globals = { global_option_table, global_option_count, &cli->globals };
    const struct cli_command *command = NULL;
    cull_status status = args_parse(&globals, 1, names, &count, false, &cli->err);

    if (status != CULL_OK) {
        return status;
    }
    if (count > 0 && strcmp(names[0], "help") != 0) {
        command = find_command(names[0]);
        if (command == NULL) {
            return no_command(cli, names[0]);
        }
    }
    cli->out.json = false;
    if (command != NULL) {
        print_command_help(command);
    } else {
        print_help();
    }
    return CULL_OK;
}

/* --- running it ---------------------------------------------------------------------------- */

static void name_actor(struct cli *cli)
{
    const struct passwd *user = cli->globals.as != NULL ? NULL : getpwuid(geteuid());

    if (cli->globals.as != NULL || user != NULL) {
        (void)snprintf(cli->actor, sizeof(cli->actor), "%s",
                       user != NULL ? user->pw_name : cli->globals.as);
    } else {
        (void)snprintf(cli->actor, sizeof(cli->actor), "uid:%lu", (unsigned long)geteuid());
    }
}

static cull_status prepare(struct cli *cli)
{
    const char *store = cli->globals.store != NULL ? cli->globals.store : getenv("CULL_STORE");

    if (cli->globals.as != NULL && (strlen(cli->globals.as) > CULL_NAME_BYTES_MAX ||
                                    !utf8_valid(cli->globals.as, strlen(cli->globals.as)))) {
        return cli_fail(cli, CULL_E_USAGE, "--as: not a name of at most %d bytes of UTF-8",
                        CULL_NAME_BYTES_MAX);
    }
    cli->store_dir = store != NULL && *store != '\0' ? store : NULL;
    name_actor(cli);
    return CULL_OK;
}

static cull_status check_positionals(struct cli *cli, char **names, size_t count)
{
    const struct cli_command *command = cli->command;
    char shown[PRINTABLE_MAX];

    if (count < command->positionals_min) {
        return cli_fail(cli, CULL_E_USAGE, "%s: an argument is missing: cull %s", command->name,
                        command->usage);
    }
    if (count > command->positionals_max) {
        return cli_fail(cli, CULL_E_USAGE, "%s: %s: one argument too many: cull %s", command->name,
                        printable(shown, names[command->positionals_max]), command->usage);
    }
    for (size_t i = 0; i < count; i++) {
        if (names[i][0] == '\0') {
            return cli_fail(cli, CULL_E_USAGE, "%s: an argument is empty", command->name);
        }
    }
    return CULL_OK;
}

static cull_status run_command(struct cli *cli, char **args, size_t count)
{
    const struct cli_command *command = cli->command;
    void *values = calloc(1, command->args_bytes + 1);
    struct arg_set sets[2] = {
        { command->options, command->option_count, values },
        { global_option_table, global_option_count, &cli->globals },
    };
    cull_status status;

    if (values == NULL) {
        return cli_fail_nomem(cli);
    }
    status = args_parse(sets, ARG_LEN(sets), args, &count, false, &cli->err);
    output_init(&cli->out, cli->out.json || cli->globals.json, !cli->globals.no_color);
    if (status == CULL_OK && cli->globals.help) {
        cli->out.json = false;
        print_command_help(command);
        goto done;
    }
    if (status == CULL_OK) {
        status = prepare(cli);
    }
    if (status == CULL_OK) {
        status = check_positionals(cli, args, count);
    }
    if (status == CULL_OK) {
        status = command->run(cli, values, args, count);
    }
done:
    args_release(&sets[0]);
    free(values);
    return status;
}

static cull_status dispatch(struct cli *cli, char **args, size_t count)
{
    struct arg_set globals = { global_option_table, global_option_count, &cli->globals };
    cull_status status = args_parse(&globals, 1, args, &count, true, &cli->err);

    output_init(&cli->out, cli->out.json || cli->globals.json, !cli->globals.no_color);
    if (status != CULL_OK) {
        return status;
    }
    if (cli->globals.version) {
        cli->out.json = false;
        (void)printf("cull %s\n", cull_version());
        return CULL_OK;
    }
    if (count > 0 && strcmp(args[0], "help") == 0) {
        return run_help(cli, args + 1, count - 1);
    }
    if (count > 0) {
        cli->command = find_command(args[0]);
        return cli->command == NULL ? no_command(cli, args[0])
                                    : run_command(cli, args + 1, count - 1);
    }
    if (cli->globals.help) {
        cli->out.json = false;
        print_help();
        return CULL_OK;
    }
    return cli_fail(cli, CULL_E_USAGE, "what to do? cull help lists the commands");
}

/* A usage error may come before --json is reached, and a script still reads records. */
static bool wants_json(char **args, size_t count)
{
    for (size_t i = 0; i < count && strcmp(args[i], "--") != 0; i++) {
        if (strcmp(args[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

/* A descriptor that is closed would be given to the next file that is opened, a part of the store,
 * and what we print would land in it. What is printed to one of these fails instead. */
static void hold_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDONLY);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) {
        (void)close(fd);
    }
}

int main(int argc, char **argv)
{
    struct cli cli = { .command = NULL };
    char **args = argc > 0 ? argv + 1 : argv;
    size_t count = argc > 0 ? (size_t)argc - 1 : 0;
    cull_status status;

    hold_standard_descriptors();
    signals_install();
    output_init(&cli.out, wants_json(args, count), true);
    status = dispatch(&cli, args, count);
    return finish(&cli, status);
}
