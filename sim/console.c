/*
 * console.c - what the commands of cull-sim share.
 */
#include "console.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

bool console_number(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0';
}

void console_quoted(const char *text)
{
    (void)putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            (void)putchar('\\');
        }
        (void)putchar((unsigned char)*text < 0x20 ? ' ' : *text);
    }
    (void)putchar('"');
}
