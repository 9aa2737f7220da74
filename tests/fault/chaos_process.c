/*
 * chaos_process.c - see chaos_process.h.
 */
#include "chaos_process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

pid_t chaos_spawn(const char *dir, const char *const *args)
{
    char out[CHAOS_PATH_BYTES + 8];
    char err[CHAOS_PATH_BYTES + 8];
    pid_t pid;

    (void)snprintf(out, sizeof out, "%s/out", dir);
    (void)snprintf(err, sizeof err, "%s/err", dir);
    pid = fork();
    if (pid == 0) {
        int out_fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        int err_fd = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0644);

        if (out_fd >= 0 && err_fd >= 0 && dup2(out_fd, 1) == 1 && dup2(err_fd, 2) == 2 &&
            prctl(PR_SET_PDEATHSIG, SIGKILL) == 0) {
            (void)execv(args[0], (char *const *)(uintptr_t)args);
        }
        _exit(126);
    }
    return pid;
}

void chaos_read_text(const char *dir, const char *name, char text[CHAOS_TEXT_BYTES])
{
    char path[CHAOS_PATH_BYTES + 8];
    FILE *file;
    size_t len = 0;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    file = fopen(path, "r");
    if (file != NULL) {
        len = fread(text, 1, CHAOS_TEXT_BYTES - 1, file);
        (void)fclose(file);
    }
    text[len] = '\0';
}
