/*
 * hash.h - xxHash, for placing records in tables and noticing damage to our own files. Never an
 * identity. The one place that includes it, inlined.
 */
#ifndef CULL_HASH_H
#define CULL_HASH_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#endif
