/*
 * last_words.c - the command that replays a run, said by a signal handler.
 *
 * SHAPE     The words are prepared while all is well; the handler only writes them, with calls that
 *           a signal handler may make. It runs on a stack of its own, because a stack that has run
 *           over is one of the ways to die, and ends by the same signal as before it.
 * THREADS   One, as the simulator has.
 * WHY NOT   a child that is watched: a debugger and a core file would show the parent.
 */
#include "last_words.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STACK_BYTES (64u << 10)

static char words[256];
static const char *more_words;
static char watch_words[64];
static char stack[STACK_BYTES];

static void say(const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t done = write(STDERR_FILENO, text, left);

        if (done <= 0) {
            return;
        }
        text += done;
        left -= (size_t)done;
    }
}

static void die(int number)
{
    int with = number == SIGALRM ? SIGABRT : number;

    if (number == SIGALRM) {
        say(watch_words);
    } else {
        say("\ncull-sim: ended by a signal\n");
    }
    if (words[0] != '\0') {
        say(words);
        if (more_words != NULL) {
            say(more_words);
        }
        say("\n");
    }
    (void)signal(with, SIG_DFL);
    (void)raise(with); /* blocked until this returns; then it ends the program */
    if (with != number) {
        sigset_t set;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, with);
        (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    }
}

void last_words_install(void)
{
    static const int numbers[] = { SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGALRM };
    const stack_t own = { .ss_sp = stack, .ss_size = sizeof stack };
    struct sigaction action = { .sa_handler = die, .sa_flags = SA_ONSTACK };

    (void)sigaltstack(&own, NULL);
    (void)sigfillset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        (void)sigaction(numbers[i], &action, NULL);
    }
}

void last_words_prepare(const char *command, const char *more)
{
    more_words = NULL;
    (void)snprintf(words, sizeof words, "replay: %s", command);
    more_words = more;
}

void last_words_watch(unsigned seconds)
{
    (void)snprintf(watch_words, sizeof watch_words, "\ncull-sim: no end after %u seconds\n",
                   seconds);
    (void)alarm(seconds);
}
