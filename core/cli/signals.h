/*
 * signals.h - SIGINT and SIGTERM ask for a clean end.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <stdbool.h>

/* From now on the first SIGINT or SIGTERM only sets a flag; one that comes over a second
 * later ends the process at once, as a crash would, which the store survives. SIGPIPE is ignored: the write says EPIPE. */
void signals_install(void);
/* The signal that came, or 0. Threads: any. */
int signals_caught(void);

#endif
