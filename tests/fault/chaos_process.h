/*
 * chaos_process.h - processes of cull, whose output goes into a folder.
 */
#ifndef CHAOS_PROCESS_H
#define CHAOS_PROCESS_H

#include <sys/types.h>

#define CHAOS_PATH_BYTES 4096
#define CHAOS_TEXT_BYTES 65536

/* Begin the command args (ends in NULL) with its output in DIR/out and DIR/err. It dies with this
 * process, also where it is stopped then. -1: it cannot be. */
pid_t chaos_spawn(const char *dir, const char *const *args);
/* What DIR/NAME says, as far as text has room; empty if it is not there. */
void chaos_read_text(const char *dir, const char *name, char text[CHAOS_TEXT_BYTES]);

#endif
