/*
 * console.h - what the commands of cull-sim share: numbers among their words, and JSON strings.
 */
#ifndef SIM_CONSOLE_H
#define SIM_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

/* A decimal number and nothing else. */
bool console_number(const char *text, uint64_t *out);
/* A message as a JSON string on stdout: it holds no control characters but may hold quotes. */
void console_quoted(const char *text);

#endif
