/*
 * samples.c - appending samples. One file for the process, opened once, flushed line by line, so
 * that several programs can write one after another, and one that dies keeps what it measured.
 */
#include "shared/samples.h"

#include <stdio.h>
#include <stdlib.h>

static FILE *samples;

void samples_open(const char *path)
{
    samples = fopen(path, "a");
    if (samples == NULL) {
        perror(path);
        exit(1);
    }
    (void)setvbuf(samples, NULL, _IOLBF, 0);
}

void sample(const char *row, double value, double limit)
{
    if (samples == NULL) {
        return;
    }
    if (limit > 0) {
        fprintf(samples, "%s\t%.9g\t%.9g\n", row, value, limit);
    } else {
        fprintf(samples, "%s\t%.9g\t-\n", row, value);
    }
}

static void say(const char *kind, const char *row, const char *text)
{
    if (samples != NULL) {
        fprintf(samples, "%s\t%s\t%s\n", kind, row, text);
    }
}

void sample_note(const char *row, const char *text)
{
    say("note", row, text);
}

void sample_missing(const char *row, const char *why)
{
    say("missing", row, why);
}
