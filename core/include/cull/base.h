/**
 * @file cull/base.h
 * What every other header needs: status and error, memory, assertions, version.
 *
 * Every function that can fail returns a cull_status; results leave through pointers named
 * first, the error is named last. No function of the library reads a clock, the environment
 * or randomness: instants, actors and seeds are arguments.
 */
#ifndef CULL_BASE_H
#define CULL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CULL_API __attribute__((visibility("default")))
#define CULL_MUST_USE __attribute__((warn_unused_result))
#define CULL_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define CULL_API
#define CULL_MUST_USE
#define CULL_PRINTF(format_index, first)
#endif

#define CULL_VERSION_MAJOR 0
#define CULL_VERSION_MINOR 1
#define CULL_VERSION_PATCH 0

/** Version of the library that runs, "0.1.0". Static, never freed. Threads: any. */
CULL_API const char *cull_version(void);

/** What became of a call. The numbers are stable; cull(1) maps them to its exit codes. */
typedef enum cull_status {
    CULL_OK = 0,
    CULL_E_NOMEM = 1,       /**< the allocator returned NULL; nothing changed */
    CULL_E_IO = 2,          /**< the system refused: the message ends in its reason */
    CULL_E_NOSPACE = 3,     /**< ENOSPC or EDQUOT; nothing was acknowledged */
    CULL_E_INVALID = 4,     /**< the input breaks a rule of its format; names the place */
    CULL_E_USAGE = 5,       /**< the call itself is wrong: an option, a name's form */
    CULL_E_NOTFOUND = 6,    /**< a named thing, or the store itself, is not there */
    CULL_E_EXISTS = 7,      /**< a name is taken */
    CULL_E_BUSY = 8,        /**< somebody else holds it, or eight turns were lost; try again */
    CULL_E_REFUSED = 9,     /**< for safety or permission; the message says the way out */
    CULL_E_PARTIAL = 10,    /**< done in part; the result says what was not */
    CULL_E_DAMAGED = 11,    /**< counts, mark and fingerprints disagree, or an object is lost */
    CULL_E_CORRUPT = 12,    /**< log or checkpoint does not decode; the store is closed */
    CULL_E_TOO_NEW = 13,    /**< the log asks for a newer reader */
    CULL_E_ENDED = 14,      /**< the upload was committed, aborted, or its lease expired */
    CULL_E_NOT_STORED = 15, /**< a commit names blobs that have no object: send them again */
    CULL_E_MOVED = 16,      /**< the log moved on; read the tail and check again */
    CULL_E_CANCELLED = 17,  /**< the caller's callback asked to stop; the state is whole */
    CULL_E_LIMIT = 18       /**< a bound of the library: a length, a depth, a count */
} cull_status;

/** One English phrase for a status, lower case, static. Threads: any. */
CULL_API const char *cull_strerror(cull_status status);

/** Longest message, its NUL included. Longer ones are cut at a character. */
#define CULL_ERROR_MESSAGE_MAX 512

/**
 * What failed, in one lower-case line that names the object. Owned by the caller, fixed size,
 * so that failing allocates nothing. Filled on failure only. Bytes of names that are not
 * printable ASCII or valid UTF-8 stand as \xNN.
 */
typedef struct cull_error {
    cull_status status;
    char message[CULL_ERROR_MESSAGE_MAX];
} cull_error;

/**
 * Where memory comes from. All three are required. alloc and realloc return NULL when there is
 * none; free takes NULL. Called from any thread that calls the library.
 */
typedef struct cull_allocator {
    void *(*alloc)(void *ctx, size_t bytes);
    void *(*realloc)(void *ctx, void *block, size_t bytes);
    void (*free)(void *ctx, void *block);
    void *ctx;
} cull_allocator;

/** The C library's allocator. Static. */
CULL_API const cull_allocator *cull_allocator_default(void);

/** Called when a bug of the library is found; must not return. */
typedef void (*cull_assert_fn)(const char *expression, const char *file, int line);

/**
 * Replace what happens at a failed assertion (default: a line on stderr and abort()).
 * NULL restores the default. The one process-wide setting of the library: call it before
 * threads start.
 */
CULL_API void cull_set_assert_handler(cull_assert_fn handler);

/** Gives the next bytes of a source: up to len into data, *got = 0 at its end. */
typedef cull_status (*cull_read_fn)(void *ctx, void *data, size_t len, size_t *got,
                                    cull_error *err);

/** Takes the next bytes of what is read or written out. */
typedef cull_status (*cull_write_fn)(void *ctx, const void *data, size_t len, cull_error *err);

/** Who asks, and when: every request that changes a store carries one. */
typedef struct cull_caller {
    uint64_t now_ms;   /**< Unix time, milliseconds, chosen by the caller */
    const char *actor; /**< borrowed; at most 128 bytes; NULL is "" */
} cull_caller;

/**
 * Told of progress on long work; returning true asks to stop, and the call ends with
 * CULL_E_CANCELLED at the next point where the state is whole. total is 0 while unknown.
 */
typedef bool (*cull_progress_fn)(void *ctx, const char *stage, uint64_t done, uint64_t total);

#ifdef __cplusplus
}
#endif

#endif
