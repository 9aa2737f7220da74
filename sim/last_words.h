/*
 * last_words.h - what a run says when it does not come to its end: by a signal, or by going on for
 * ever in one place.
 */
#ifndef SIM_LAST_WORDS_H
#define SIM_LAST_WORDS_H

#include <stdint.h>

/* From now on a SIGSEGV, SIGABRT, SIGBUS, SIGFPE or SIGILL says the prepared words on stderr before
 * it ends the program as it would have; so does the watchdog, which ends it with SIGABRT. */
void last_words_install(void);
/* Prepare them: a replay command. more: appended to it unless NULL; borrowed until the next call. */
void last_words_prepare(const char *command, const char *more);
/* Be told within so many seconds of real time again, or end; 0: no more. */
void last_words_watch(unsigned seconds);

#endif
