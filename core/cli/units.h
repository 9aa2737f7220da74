/*
 * units.h - numbers with units, read and written: durations, bytes, instants.
 */
#ifndef UNITS_H
#define UNITS_H

#include "cull/base.h"

/* `45s`, `90m`, `336h`, `14d`, `2w`, `1h30m`, or `0`; in ms. False: anything else, or over 2^53. */
bool duration_parse(uint64_t *out_ms, const char *text);
/* `4096`, `10kB`, `2MB`, `1.5GB` (powers of 1000), `4KiB`, `1GiB` (of 1024); the B may be left
 * out. False: anything else, or over 2^63. */
bool bytes_parse(uint64_t *out, const char *text);
/* Digits only. */
bool count_parse(uint64_t *out, const char *text);

#define UNITS_TEXT_MAX 40
/* "2.0 MB", "812 B": powers of 1000. Returns text. */
const char *bytes_human(char text[UNITS_TEXT_MAX], uint64_t bytes);
/* The same of a sum in which sizes may be missing: ">=2.0 MB" unless it is exact. */
const char *bytes_at_least(char text[UNITS_TEXT_MAX], uint64_t bytes, bool exact);
/* "1,234,567". */
const char *count_human(char text[UNITS_TEXT_MAX], uint64_t count);
/* "7d", "1h30m", "0": the shortest that duration_parse() reads back to the whole second. */
const char *duration_human(char text[UNITS_TEXT_MAX], uint64_t ms);
/* RFC 3339, UTC: "2026-01-02T03:04:05Z"; with milliseconds "...05.678Z". */
const char *time_text(char text[UNITS_TEXT_MAX], uint64_t unix_ms);
const char *time_text_ms(char text[UNITS_TEXT_MAX], uint64_t unix_ms);

#endif
