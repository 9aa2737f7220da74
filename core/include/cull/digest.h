/**
 * @file cull/digest.h
 * Digests of content: computing, comparing, writing and reading them.
 */
#ifndef CULL_DIGEST_H
#define CULL_DIGEST_H

#include "cull/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Algorithms a store may use. The numbers stand in logs and never change. */
typedef enum cull_digest_kind {
    CULL_DIGEST_NONE = 0,
    CULL_DIGEST_SHA256 = 1, /**< 32 bytes, the default */
    CULL_DIGEST_MD5 = 2,    /**< 16 bytes; pairs can be forged */
    CULL_DIGEST_SHA1 = 3,   /**< 20 bytes; pairs can be forged */
    CULL_DIGEST_XXH128 = 4  /**< 16 bytes; not cryptographic: trusted writers only */
} cull_digest_kind;

#define CULL_DIGEST_BYTES_MAX 32
#define CULL_DIGEST_HEX_MAX (2 * CULL_DIGEST_BYTES_MAX + 1)
#define CULL_DIGEST_BASE64_MAX 45

/** Bytes beyond the kind's length are zero, so that memcmp over all compares. */
typedef struct cull_digest {
    uint8_t bytes[CULL_DIGEST_BYTES_MAX];
} cull_digest;

/** Length of a kind's digests in bytes: 32, 16, 20, 16; 0 for anything else. */
CULL_API size_t cull_digest_len(cull_digest_kind kind);

/** "sha256", "md5", "sha1", "xxh128"; NULL for anything else. Static. */
CULL_API const char *cull_digest_kind_name(cull_digest_kind kind);

/** The kind of that name, or CULL_DIGEST_NONE. */
CULL_API cull_digest_kind cull_digest_kind_parse(const char *name);

/** Write lower-case hex and a NUL into text (2 x length + 1 bytes). */
CULL_API void cull_digest_to_hex(char *text, const cull_digest *digest, cull_digest_kind kind);

/** Read len characters of hex, either case. CULL_E_INVALID: other characters or length. */
CULL_API CULL_MUST_USE cull_status cull_digest_from_hex(cull_digest *out, cull_digest_kind kind,
                                                        const char *text, size_t len);

/** Write standard base64 with padding and a NUL into text (CULL_DIGEST_BASE64_MAX bytes). */
CULL_API void cull_digest_to_base64(char *text, const cull_digest *digest, cull_digest_kind kind);

/** Read base64, canonical only. CULL_E_INVALID: other characters, length, or trailing bits. */
CULL_API CULL_MUST_USE cull_status cull_digest_from_base64(cull_digest *out, cull_digest_kind kind,
                                                           const char *text, size_t len);

/** A digest in the making. Heap, because the algorithms' states differ in size. */
typedef struct cull_hasher cull_hasher;

/** New hasher, freed by cull_hasher_free(). CULL_E_NOMEM; CULL_E_INVALID: unknown kind. */
CULL_API CULL_MUST_USE cull_status cull_hasher_new(cull_hasher **out, cull_digest_kind kind,
                                                   const cull_allocator *allocator);
/** Start again. CULL_E_IO only if the cryptographic library fails. */
CULL_API CULL_MUST_USE cull_status cull_hasher_reset(cull_hasher *hasher);
/** Add len bytes. */
CULL_API CULL_MUST_USE cull_status cull_hasher_add(cull_hasher *hasher, const void *data,
                                                   size_t len);
/** The digest of what was added; the hasher must be reset before it is used again. */
CULL_API CULL_MUST_USE cull_status cull_hasher_end(cull_hasher *hasher, cull_digest *out);
CULL_API void cull_hasher_free(cull_hasher *hasher);

/** Digest of one buffer. Cost: one pass. Threads: any. */
CULL_API CULL_MUST_USE cull_status cull_digest_of(cull_digest *out, cull_digest_kind kind,
                                                  const void *data, size_t len);

#ifdef __cplusplus
}
#endif

#endif
