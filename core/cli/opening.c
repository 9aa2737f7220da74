/*
 * opening.c - the store that a command works on, and what all commands say in one way: failures,
 * the time, who asks.
 *
 * SHAPE     The settings stand in the log and say how objects are named, so the store is opened
 *           once for them, and once more with its objects by the commands that move bytes.
 */
#include "cli.h"
#include "opening.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

cull_status cli_fail(struct cli *cli, cull_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    cli->err.status = status;
    (void)vsnprintf(cli->err.message, sizeof(cli->err.message), format, args);
    va_end(args);
    return status;
}

cull_status cli_fail_at(struct cli *cli, cull_status status, const char *format, ...)
{
    cull_error what = cli->err;
    va_list args;
    size_t len;

    va_start(args, format);
    (void)vsnprintf(cli->err.message, sizeof(cli->err.message), format, args);
    va_end(args);
    len = strlen(cli->err.message);
    (void)snprintf(cli->err.message + len, sizeof(cli->err.message) - len, ": %s", what.message);
    cli->err.status = status;
    return status;
}

cull_status cli_fail_errno(struct cli *cli, int code, const char *format, ...)
{
    va_list args;
    size_t len;

    va_start(args, format);
    (void)vsnprintf(cli->err.message, sizeof(cli->err.message), format, args);
    va_end(args);
    len = strlen(cli->err.message);
    (void)snprintf(cli->err.message + len, sizeof(cli->err.message) - len, ": %s", strerror(code));
    cli->err.status = code == ENOSPC || code == EDQUOT ? CULL_E_NOSPACE
                      : code == ENOMEM                 ? CULL_E_NOMEM
                                                       : CULL_E_IO;
    return cli->err.status;
}

cull_status cli_fail_nomem(struct cli *cli)
{
    return cli_fail(cli, CULL_E_NOMEM, "out of memory");
}

void cli_warn(struct cli *cli, const char *format, ...)
{
    va_list args;

    (void)fflush(stdout);
    (void)fputs(cli->out.color_err ? "\033[33mcull:\033[0m " : "cull: ", stderr);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
}

uint64_t cli_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t cli_clock_ns(void *ctx)
{
    struct timespec now;

    (void)ctx;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

cull_caller cli_caller(const struct cli *cli)
{
    return (cull_caller){ .now_ms = cli_now_ms(), .actor = cli->actor };
}

char *path_join(const char *dir, const char *name)
{
    size_t len = strlen(dir) + strlen(name) + 2;
    char *path = malloc(len);

    if (path != NULL) {
        (void)snprintf(path, len, "%s/%s", dir, name);
    }
    return path;
}

cull_status open_log(struct cli *cli, const char *dir, const char *name, bool create,
                     cull_log **out)
{
    char *path = path_join(dir, name);
    char *lock_path = path_join(dir, "collector.lock");
    char *ballast_path = path_join(dir, "cull.ballast");
    cull_log_sqlite_options options = { .path = path,
                                        .lock_path = lock_path,
                                        .create = create,
                                        .ballast_path = create ? NULL : ballast_path };
    cull_status status;

    *out = NULL;
    status = path == NULL || lock_path == NULL || ballast_path == NULL
                 ? cli_fail_nomem(cli)
                 : cull_log_sqlite_open(out, &options, &cli->err);
    free(path);
    free(lock_path);
    free(ballast_path);
    return status;
}

/* A file without a name beside the store, where there is room for manifests by the store's nature,
 * and where memory does not pay for it, as it would in a /tmp of memory. */
static cull_status open_scratch(void *ctx, int *fd, cull_error *err)
{
    const struct cli *cli = ctx;
    char shown[PRINTABLE_MAX];
    char *path = NULL;

    *fd = open(cli->store_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        path = path_join(cli->store_dir, ".cull-scratch-XXXXXX");
        *fd = path == NULL ? -1 : mkostemp(path, O_CLOEXEC);
        if (*fd >= 0) {
            (void)unlink(path);
        }
        free(path);
    }
    if (*fd < 0) {
        int code = errno;

        err->status = code == ENOSPC || code == EDQUOT ? CULL_E_NOSPACE : CULL_E_IO;
        (void)snprintf(err->message, sizeof(err->message), "%s: a scratch file: %s",
                       printable(shown, cli->store_dir), strerror(code));
        return err->status;
    }
    return CULL_OK;
}

static cull_status no_store(struct cli *cli)
{
    char shown[PRINTABLE_MAX];

    return cli_fail(cli, CULL_E_NOTFOUND, "%s: no store here (cull init makes one)",
                    printable(shown, cli->store_dir));
}

static cull_status open_objects(struct cli *cli)
{
    cull_objects_directory_options options = {
        .path = cli->store_dir,
        .digest = cli->settings.digest,
        .stage_prefix = (uint32_t)getpid(),
    };
    cull_store_options store_options = { .log = cli->log, .scratch = &cli->scratch };
    cull_status status = cull_objects_directory_open(&cli->objects, &options, &cli->err);

    if (status == CULL_E_NOTFOUND || status == CULL_E_INVALID) {
        cull_error err = cli->err; /* there is a store, and a part of it is not as it was made */
        char shown[PRINTABLE_MAX];

        return cli_fail(cli, CULL_E_DAMAGED, "%s",
                        printable_path(shown, cli->store_dir, err.message));
    }
    if (status != CULL_OK) {
        return status;
    }
    cull_store_close(cli->store);
    cli->store = NULL;
    store_options.objects = cli->objects;
    return cull_store_open(&cli->store, &store_options, &cli->err);
}

cull_status cli_open(struct cli *cli, bool with_objects)
{
    cull_store_options options = { 0 };
    cull_status status;

    if (cli->store_dir == NULL) {
        return cli_fail(cli, CULL_E_USAGE, "no store given: say --store DIR, or set $CULL_STORE");
    }
    status = open_log(cli, cli->store_dir, "cull.db", false, &cli->log);
    if (status == CULL_E_NOTFOUND) {
        return no_store(cli);
    }
    if (status != CULL_OK) {
        return status;
    }
    cli->scratch = (cull_scratch){ .open = open_scratch, .ctx = cli };
    options.log = cli->log;
    options.scratch = &cli->scratch;
    status = cull_store_open(&cli->store, &options, &cli->err);
    if (status == CULL_E_NOTFOUND) {
        return no_store(cli);
    }
    if (status != CULL_OK) {
        return status;
    }
    cull_store_get_settings(cli->store, &cli->settings);
    return with_objects && !cli->settings.index_only ? open_objects(cli) : CULL_OK;
}

void cli_close(struct cli *cli)
{
    cull_store_close(cli->store);
    cull_objects_close(cli->objects);
    cull_log_close(cli->log);
    cli->store = NULL;
    cli->objects = NULL;
    cli->log = NULL;
}

cull_status cli_check_labels(struct cli *cli, const struct arg_list *aliases,
                             const struct arg_list *tags)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; i < aliases->count && status == CULL_OK; i++) {
        status = cull_label_check("alias", aliases->items[i], &cli->err);
    }
    for (size_t i = 0; i < tags->count && status == CULL_OK; i++) {
        status = cull_label_check("tag", tags->items[i], &cli->err);
    }
    return status;
}
