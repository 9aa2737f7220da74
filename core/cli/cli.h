/*
 * cli.h - what the parts of cull(1) share: the state of one run, and the table of commands.
 *
 * A command parses nothing itself and knows no rule: args.c fills its options from a table,
 * it calls the library, and prints what came back through output.h. Its result is a cull_status;
 * main.c alone turns that into a message, a summary record and an exit code.
 */
#ifndef CLI_H
#define CLI_H

#include "args.h"
#include "output.h"

#include "cull/cull.h"

/* One run of the program. */
struct cli {
    const struct cli_command *command; /* NULL until it is known */
    struct global_options globals;
    struct output out;
    cull_error err; /* of the run, empty while nothing failed */

    const char *store_dir; /* --store or $CULL_STORE */
    char actor[CULL_NAME_BYTES_MAX + 1];
    cull_log *log;
    cull_objects *objects;
    cull_store *store;
    cull_store_settings settings; /* of the open store */
    cull_scratch scratch;         /* files for manifests that are too large for memory */

    cull_digest_kind git_ids; /* of import git: what names the repository's objects; NONE: SHA-1 */

    bool changed; /* something was written: see to the checkpoints when the answer is out */
    bool limit;   /* stopped at a limit of its own: "status":"limit" */
};

/* One subcommand, as main.c dispatches it and as its --help shows it. */
struct cli_command {
    const char *name;
    const char *usage; /* what follows "usage: cull " */
    const char *text;  /* what it does, one line or several of at most 78 columns */
    const struct arg_option *options;
    size_t option_count;
    size_t args_bytes; /* of the struct that the options fill; 0: none */
    size_t positionals_min;
    size_t positionals_max;
    const char *exits; /* its line of exit codes */
    cull_status (*run)(struct cli *cli, void *options, char **names, size_t count);
};

#define CLI_EXITS_ALL                                                            \
    "exit: 0 done  1 failed  2 usage  3 done in part  4 no such store or name\n" \
    "      5 busy  6 refused  7 damaged  130, 143 interrupted\n"

extern const struct cli_command command_init, command_put, command_import, command_export,
    command_get, command_ls, command_show, command_alias, command_tag, command_run, command_delete,
    command_restore, command_trash, command_gc, command_why, command_du, command_fsck, command_stat,
    command_role, command_link, command_unlink, command_protect, command_ttl, command_policy,
    command_audit;

/* Fill cli->err and return status; bytes of names are passed through printable() by the caller. */
cull_status cli_fail(struct cli *cli, cull_status status, const char *format, ...)
    CULL_PRINTF(3, 4);
/* The same with errno's text behind it. */
cull_status cli_fail_errno(struct cli *cli, int code, const char *format, ...) CULL_PRINTF(3, 4);
/* What failed, which cli->err says already, failed there: put the place before it. */
cull_status cli_fail_at(struct cli *cli, cull_status status, const char *format, ...)
    CULL_PRINTF(3, 4);
/* CULL_E_NOMEM with its message. */
cull_status cli_fail_nomem(struct cli *cli);
/* A line on stderr, "cull: ...": something that does not end the run. */
void cli_warn(struct cli *cli, const char *format, ...) CULL_PRINTF(2, 3);

/* Unix time, ms; and a clock that only goes forward, ns (fits cull_gc_options). */
uint64_t cli_now_ms(void);
uint64_t cli_clock_ns(void *ctx);
/* Who asks, at this moment. */
cull_caller cli_caller(const struct cli *cli);

/* The form of all aliases and tags of a command, before it changes anything. */
cull_status cli_check_labels(struct cli *cli, const struct arg_list *aliases,
                             const struct arg_list *tags);

/* Open the store named by --store or $CULL_STORE; with_objects: and its object store. */
cull_status cli_open(struct cli *cli, bool with_objects);
/* Close what is open; also after a failure. */
void cli_close(struct cli *cli);

#endif
