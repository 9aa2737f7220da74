/*
 * signals.c - a flag, set by the first SIGINT or SIGTERM.
 *
 * SHAPE     The one piece of global state of the program, because a handler can reach nothing
 *           else. Long work asks for it between batches and ends where the state is whole.
 */
#include "signals.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

void signals_install(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    action.sa_flags = 0;
    (void)sigaction(SIGPIPE, &action, NULL);
}

int signals_caught(void)
{
    return caught;
}
