/*
 * git_run.c - the git program as a stream.
 *
 * SHAPE     Input is a file without a name, written before git starts; output is a pipe that we
 *           read; complaints go to another such file, read when git has ended. So nothing can wait
 *           for anything else, whatever the sizes.
 * INVARIANT No shell. The environment is ours without the variables that choose a repository or
 *           change what it holds (GIT_DIR, replacements, ...), in the C locale; the user's
 *           configuration stays, because it says which repositories are trusted.
 * FAILURE   git that cannot be started, says no, or dies is one line with its own words.
 * WHY NOT   libgit2: not in every distribution's base, and the program knows every repository
 *           format that its user has.
 */
#include "git_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 24
#define READ_BYTES 65536
#define PIPE_BYTES (1 << 20) /* git may run ahead by so much */
#define TAKE_BYTES_MAX (1 << 20)

/* --- the environment ------------------------------------------------------------------------ */

static const char *const kept[] = { "GIT_CONFIG_", "GIT_EXEC_PATH=", "GIT_TRACE" };
static const char *const added[] = { "LC_ALL=C", "GIT_NO_REPLACE_OBJECTS=1", "GIT_NO_LAZY_FETCH=1",
                                     "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0" };

static bool variable_stays(const char *variable)
{
    if (strncmp(variable, "LC_ALL=", 7) == 0 || strncmp(variable, "LANGUAGE=", 9) == 0) {
        return false;
    }
    if (strncmp(variable, "GIT_", 4) != 0) {
        return true;
    }
    for (size_t i = 0; i < ARG_LEN(kept); i++) {
        if (strncmp(variable, kept[i], strlen(kept[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* On the heap, as an array of borrowed strings; NULL: no memory. */
static char **environment(void)
{
    size_t count = 0;
    char **out;

    while (environ[count] != NULL) {
        count++;
    }
    out = calloc(count + ARG_LEN(added) + 1, sizeof(*out));
    if (out == NULL) {
        return NULL;
    }
    count = 0;
    for (char **variable = environ; *variable != NULL; variable++) {
        if (variable_stays(*variable)) {
            out[count++] = *variable;
        }
    }
    for (size_t i = 0; i < ARG_LEN(added); i++) {
        out[count++] = (char *)(uintptr_t)added[i];
    }
    return out;
}

/* --- starting ------------------------------------------------------------------------------- */

cull_status git_input(struct cli *cli, const struct text *content, int *fd)
{
    size_t at = 0;

    *fd = -1;
    if (content->failed) {
        return cli_fail_nomem(cli);
    }
    *fd = memfd_create("cull-git", MFD_CLOEXEC);
    while (*fd >= 0 && at < content->len) {
        ssize_t n = write(*fd, content->data + at, content->len - at);

        if (n < 0 && errno != EINTR) {
            break;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    if (*fd < 0 || at < content->len || lseek(*fd, 0, SEEK_SET) != 0) {
        int code = errno;

        if (*fd >= 0) {
            (void)close(*fd);
            *fd = -1;
        }
        return cli_fail_errno(cli, code, "input for git");
    }
    return CULL_OK;
}

/* A child with these three descriptors, and SIGPIPE as programs expect it. */
static int spawn(int *pid, char *const *argv, char *const *env, int input, int output, int errors)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    int code = posix_spawn_file_actions_init(&actions);

    if (code != 0) {
        return code;
    }
    code = posix_spawnattr_init(&attributes);
    if (code != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return code;
    }
    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGPIPE);
    (void)posix_spawnattr_setsigdefault(&attributes, &defaults);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    code = input >= 0
               ? posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
               : posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (code == 0) {
        code = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    }
    if (code == 0) {
        code = posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
    }
    if (code == 0) {
        code = posix_spawnp(pid, "git", &actions, &attributes, argv, env);
    }
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return code;
}

static int start(struct git_run *run, char *const *argv, int input)
{
    int ends[2] = { -1, -1 };
    char **env = environment();
    int code = 0;

    run->err = memfd_create("cull-git", MFD_CLOEXEC);
    if (env == NULL || run->err < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        code = env == NULL ? ENOMEM : errno;
    } else {
        (void)fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES); /* a smaller one is as right */
        code = spawn(&run->pid, argv, env, input, ends[1], run->err);
        (void)close(ends[1]);
        run->out = ends[0];
    }
    free(env);
    return code;
}

cull_status git_start(struct git_run *run, struct cli *cli, const char *repo,
                      const char *const *args, int input)
{
    char *argv[ARGS_MAX + 5] = { (char *)(uintptr_t) "git", (char *)(uintptr_t) "-C",
                                 (char *)(uintptr_t)repo, (char *)(uintptr_t) "--no-pager" };
    int code;

    *run = (struct git_run){ .cli = cli, .repo = repo, .what = args[0], .out = -1, .err = -1 };
    for (size_t i = 0; i < ARGS_MAX && args[i] != NULL; i++) {
        argv[i + 4] = (char *)(uintptr_t)args[i];
    }
    code = start(run, argv, input);
    if (input >= 0) {
        (void)close(input);
    }
    if (code != 0) {
        run->pid = 0;
        git_stop(run);
        return code == ENOENT ? cli_fail(cli, CULL_E_IO,
                                         "git: no such program: importing a repository needs it")
                              : cli_fail_errno(cli, code, "git %s", args[0]);
    }
    return CULL_OK;
}

/* --- reading -------------------------------------------------------------------------------- */

/* Read more behind what is there, which moves to the front first. */
static cull_status fill(struct git_run *run)
{
    ssize_t n;

    if (run->at > 0) {
        memmove(run->data, run->data + run->at, run->len - run->at);
        run->len -= run->at;
        run->at = 0;
    }
    if (run->capacity - run->len < READ_BYTES) {
        char *data = realloc(run->data, run->capacity + 2 * (size_t)READ_BYTES);

        if (data == NULL) {
            return cli_fail_nomem(run->cli);
        }
        run->data = data;
        run->capacity += 2 * (size_t)READ_BYTES;
    }
    do {
        n = read(run->out, run->data + run->len, run->capacity - run->len);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return cli_fail_errno(run->cli, errno, "git %s: output", run->what);
    }
    run->len += (size_t)n;
    run->at_end = n == 0;
    return CULL_OK;
}

cull_status git_take(struct git_run *run, char delimiter, char **text, size_t *len)
{
    size_t seen = 0;

    *text = NULL;
    *len = 0;
    for (;;) {
        char *found = run->len - run->at > seen
                          ? memchr(run->data + run->at + seen, delimiter, run->len - run->at - seen)
                          : NULL;
        cull_status status;

        if (found != NULL) {
            *text = run->data + run->at;
            *len = (size_t)(found - *text);
            *found = '\0';
            run->at += *len + 1;
            return strlen(*text) == *len ? CULL_OK
                                         : cli_fail(run->cli, CULL_E_INVALID,
                                                    "git %s: a NUL where none may be", run->what);
        }
        seen = run->len - run->at;
        if (run->at_end) {
            return seen == 0 ? CULL_OK : git_cut_short(run);
        }
        if (seen > TAKE_BYTES_MAX) {
            return cli_fail(run->cli, CULL_E_LIMIT, "git %s: a line of over %d bytes", run->what,
                            TAKE_BYTES_MAX);
        }
        status = fill(run);
        if (status != CULL_OK) {
            return status;
        }
    }
}

cull_status git_take_bytes(struct git_run *run, void *data, size_t max, size_t *got)
{
    cull_status status = CULL_OK;

    *got = 0;
    if (run->at == run->len && !run->at_end) {
        status = fill(run);
    }
    if (status == CULL_OK) {
        *got = run->len - run->at < max ? run->len - run->at : max;
        if (*got > 0) {
            memcpy(data, run->data + run->at, *got);
        }
        run->at += *got;
    }
    return status;
}

int git_peek(struct git_run *run)
{
    while (run->at == run->len && !run->at_end) {
        if (fill(run) != CULL_OK) {
            return -1;
        }
    }
    return run->at < run->len ? (unsigned char)run->data[run->at] : -1;
}

/* --- its end -------------------------------------------------------------------------------- */

/* What git said, its lines joined, without the word that says how bad it is. */
static void complaint(struct git_run *run, char text[PRINTABLE_MAX])
{
    char raw[PRINTABLE_MAX];
    char joined[PRINTABLE_MAX] = "";
    ssize_t n = pread(run->err, raw, sizeof(raw) - 1, 0);
    char *rest = raw;
    char *line;

    raw[n > 0 ? n : 0] = '\0';
    while ((line = strsep(&rest, "\n")) != NULL) {
        size_t used = strlen(joined);

        line += strspn(line, " \t");
        if (strncmp(line, "fatal: ", 7) == 0 || strncmp(line, "error: ", 7) == 0) {
            line += 7;
        }
        if (*line != '\0') {
            (void)snprintf(joined + used, sizeof(joined) - used, "%s%s",
                           used == 0                 ? ""
                           : joined[used - 1] == ':' ? " "
                                                     : "; ",
                           line);
        }
    }
    (void)printable(text, joined);
}

static cull_status say_failure(struct git_run *run, int wait_status)
{
    char said[PRINTABLE_MAX];
    char shown[PRINTABLE_MAX];

    complaint(run, said);
    if (strncmp(said, "not a git repository", 20) == 0) {
        return cli_fail(run->cli, CULL_E_NOTFOUND, "%s: not a git repository",
                        printable(shown, run->repo));
    }
    if (said[0] != '\0') {
        return cli_fail(run->cli, CULL_E_IO, "git %s: %s", run->what, said);
    }
    if (WIFSIGNALED(wait_status)) {
        return cli_fail(run->cli, CULL_E_IO, "git %s: ended by signal %d", run->what,
                        WTERMSIG(wait_status));
    }
    return cli_fail(run->cli, CULL_E_IO, "git %s: ended with code %d", run->what,
                    WEXITSTATUS(wait_status));
}

/* Wait for the child; -1: it cannot be waited for. Without a child (a test feeds the reader), all
 * went well. */
static int reap(struct git_run *run)
{
    int wait_status = run->pid > 0 ? -1 : 0;

    while (run->pid > 0 && waitpid(run->pid, &wait_status, 0) < 0 && errno == EINTR) {
    }
    run->pid = 0;
    return wait_status;
}

cull_status git_end(struct git_run *run, int *code)
{
    cull_status status = CULL_OK;
    int wait_status;

    if (run->out >= 0) { /* whatever it still prints, nobody reads */
        (void)close(run->out);
        run->out = -1;
    }
    wait_status = reap(run);
    if (code != NULL && WIFEXITED(wait_status)) {
        *code = WEXITSTATUS(wait_status);
    } else if (wait_status != 0) {
        status = say_failure(run, wait_status);
    }
    git_stop(run);
    return status;
}

cull_status git_wait(struct git_run *run)
{
    int wait_status = reap(run);

    return wait_status == 0 ? CULL_OK : say_failure(run, wait_status);
}

cull_status git_cut_short(struct git_run *run)
{
    char said[PRINTABLE_MAX] = "";
    cull_status status;

    if (run->out >= 0) { /* what it still prints, nobody reads */
        (void)close(run->out);
        run->out = -1;
    }
    status = git_wait(run);
    if (status == CULL_OK) { /* it may pass over what it cannot read, and name it */
        complaint(run, said);
        status = cli_fail(run->cli, CULL_E_IO, "git %s: %s", run->what,
                          said[0] == '\0' ? "its output ends early" : said);
    }
    git_stop(run);
    return status;
}

void git_stop(struct git_run *run)
{
    if (run->pid > 0) {
        (void)kill(run->pid, SIGTERM);
        (void)reap(run);
    }
    if (run->cli != NULL && run->out >= 0) {
        (void)close(run->out);
    }
    if (run->cli != NULL && run->err >= 0) {
        (void)close(run->err);
    }
    free(run->data);
    *run = (struct git_run){ .out = -1, .err = -1 };
}
