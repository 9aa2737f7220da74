/*
 * base_internal.h - what all rooms of the library share: errors, assertions, memory.
 *
 * Errors are written where they are detected (cull__error_set), passed on untouched elsewhere.
 * All heap use goes through a cull_allocator; the wrappers check products before they multiply.
 */
#ifndef CULL_BASE_INTERNAL_H
#define CULL_BASE_INTERNAL_H

#include <string.h>

#include "cull/base.h"

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* States one fact, stays on in release builds, has no side effects. */
#define CULL_ASSERT(fact) ((fact) ? (void)0 : cull__assert_failed(#fact, __FILE__, __LINE__))

#if defined(__GNUC__)
/* To gcc a function that only prefetches has no effect, and its calls are left out: the line of
 * assembly, which is empty, is one. */
static inline void cull__prefetch(const void *address)
{
    __builtin_prefetch(address);
    __asm__ volatile("");
}
#define CULL_PREFETCH(address) cull__prefetch(address)
#define CULL_LIKELY(fact) __builtin_expect(!!(fact), 1)
#define CULL_UNLIKELY(fact) __builtin_expect(!!(fact), 0)
#define CULL_NORETURN __attribute__((noreturn))
#else
#define CULL_PREFETCH(address) ((void)(address))
#define CULL_LIKELY(fact) (fact)
#define CULL_UNLIKELY(fact) (fact)
#define CULL_NORETURN
#endif

/* How many of a word's bytes, as they lie in memory, are zero before one that is not; or fewer,
 * where that is not known. The word is not 0. */
#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define CULL_ZERO_BYTES(word) ((size_t)__builtin_ctzll(word) / 8)
#else
#define CULL_ZERO_BYTES(word) ((size_t)0)
#endif

CULL_NORETURN void cull__assert_failed(const char *expression, const char *file, int line);

/* Fill err (may be NULL) and return status, so that a failing place reads
 * `return cull__error_set(err, CULL_E_INVALID, "%s: no such version", name);`. Names that come
 * from outside are passed through cull__printable first. */
cull_status cull__error_set(cull_error *err, cull_status status, const char *format, ...)
    CULL_PRINTF(3, 4);

#ifdef __clang_analyzer__ /* which cannot see into it, that what is returned is what was given */
#define cull__error_set(err, status, ...) \
    ((void)(cull__error_set)(err, status, __VA_ARGS__), (status))
#endif

/* The same with errno's text behind it: "PATH: No space left on device". ENOSPC and EDQUOT
 * give CULL_E_NOSPACE, ENOMEM CULL_E_NOMEM, all else CULL_E_IO. */
cull_status cull__error_errno(cull_error *err, int code, const char *format, ...) CULL_PRINTF(3, 4);

/* CULL_E_NOMEM with its message. Inline, so that an analyser sees that it is never CULL_OK. */
static inline cull_status cull__error_nomem(cull_error *err)
{
    (void)cull__error_set(err, CULL_E_NOMEM, "out of memory");
    return CULL_E_NOMEM;
}

/* Copy len bytes into text, control characters and invalid UTF-8 as \xNN, cut with "..." if it
 * does not fit. Returns text. */
#define CULL_PRINTABLE_MAX 300
const char *cull__printable(char text[CULL_PRINTABLE_MAX], const char *bytes, size_t len);

/* Length of the valid UTF-8 prefix of bytes; len if all is valid. Surrogates and overlong forms
 * are invalid. */
size_t cull__utf8_valid_len(const char *bytes, size_t len);

/* NULL: no memory, or the product overflows. calloc-like zeroing in cull__alloc_zero. */
void *cull__alloc(const cull_allocator *allocator, size_t count, size_t size);
void *cull__alloc_zero(const cull_allocator *allocator, size_t count, size_t size);
void *cull__realloc(const cull_allocator *allocator, void *block, size_t count, size_t size);
void cull__free(const cull_allocator *allocator, void *block);
/* Copy of len bytes and a NUL; NULL: no memory. */
char *cull__strndup(const cull_allocator *allocator, const char *text, size_t len);

/* Make room for want elements in *block: grows by half, at least 16. Cost: amortised O(1).
 * CULL_E_NOMEM leaves block and *capacity as they are; CULL_E_LIMIT past UINT32_MAX elements. */
cull_status cull__reserve(const cull_allocator *allocator, void **block, size_t *capacity,
                          size_t want, size_t size);

/* `a + b` and `a * b` in 64 bits; false if it overflows, *out then untouched. */
static inline bool cull__add_u64(uint64_t *out, uint64_t a, uint64_t b)
{
    if (b > UINT64_MAX - a) {
        return false;
    }
    *out = a + b;
    return true;
}

/* `a + b`, or the largest number: for figures made of sizes that are a caller's word. */
static inline uint64_t cull__sum_saturated(uint64_t a, uint64_t b)
{
    return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

#endif
