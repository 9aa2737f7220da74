/*
 * names.h - uthash, told not to exit when memory is out and to take it from our allocator.
 *
 * A function that adds to or deletes from a table has a `catalog` in scope. After HASH_ADD the
 * caller asks cull__hash_has whether the record really is in the table: with HASH_NONFATAL_OOM an
 * addition that found no memory leaves its handle's tbl NULL.
 */
#ifndef CULL_NAMES_H
#define CULL_NAMES_H

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((void)(element))
#define uthash_malloc(bytes) cull__alloc(catalog->allocator, (bytes), 1)
#define uthash_free(block, bytes) cull__free(catalog->allocator, (block))

#define HASH_FUNCTION(key, key_len, hash) ((hash) = cull__name_hash((key), (key_len)))

#include "base/base_internal.h"

/* In memory only: no file depends on it. (uthash's own falls through a switch, which compilers
 * that are told to warn of that do.) */
unsigned cull__name_hash(const void *key, size_t len);

#include <uthash.h>

/* Did HASH_ADD(handle, ..., element) find memory? */
#define cull__hash_has(element, handle) ((element)->handle.tbl != NULL)

#endif
