/*
 * signals.c - a flag, set by the first SIGINT or SIGTERM.
 *
 * SHAPE     The one piece of global state of the program, because a handler can reach nothing
 *           else. Long work asks for it between batches and ends where the state is whole.
 * WHY NOT   SA_RESETHAND: timeout(1) and some shells send the same signal twice within a
 *           millisecond, which would turn every clean end into a hard one.
 */
#include "signals.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

static volatile sig_atomic_t caught;
static struct timespec caught_at; /* written before caught is, by the handler only */

static void on_signal(int number)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    if (caught == 0) {
        caught_at = now;
        caught = number;
    } else if (now.tv_sec - caught_at.tv_sec > 1) {
        (void)signal(number, SIG_DFL); /* the user means it */
        (void)raise(number);
    }
}

void signals_install(void)
{
    struct sigaction action = { .sa_handler = on_signal };

    (void)sigemptyset(&action.sa_mask);
    (void)sigaddset(&action.sa_mask, SIGINT);
    (void)sigaddset(&action.sa_mask, SIGTERM);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
}

int signals_caught(void)
{
    return caught;
}
