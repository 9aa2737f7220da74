/*
 * fuzz.h - what the fuzz targets share. A target exports LLVMFuzzerTestOneInput and asserts
 * properties of whatever the decoder accepts; it is linked with libFuzzer, or with replay_main.c.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FUZZ_CHECK(fact, why) \
    ((fact) ? (void)0         \
            : (fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #fact, (why)), abort()))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#endif
