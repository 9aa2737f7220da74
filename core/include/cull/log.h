/**
 * @file cull/log.h
 * Logs: the one total order of facts. In memory for simulation and tests, in SQLite for stores on
 * disk. A log also keeps what must become durable together with facts (manifests), the rooms'
 * checkpoints, and the audit of facts that were cut.
 */
#ifndef CULL_LOG_H
#define CULL_LOG_H

#include "cull/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cull_log cull_log;

/**
 * New, empty log in memory. Several stores of one process may use it, each through a view of its
 * own (cull_log_memory_view), as several processes use one file.
 * @retval CULL_E_NOMEM
 */
CULL_API CULL_MUST_USE cull_status cull_log_memory_new(cull_log **out,
                                                       const cull_allocator *allocator);

/** Another handle on the same log; the log goes with its last handle. */
CULL_API CULL_MUST_USE cull_status cull_log_memory_view(cull_log **out, cull_log *log);

typedef struct cull_log_sqlite_options {
    const char *path;      /**< of the database file, `cull.db` */
    const char *lock_path; /**< of the collector's lock file, made beside it */
    bool create;           /**< make a new log; CULL_E_EXISTS if there is a file */
    uint32_t busy_ms;      /**< how long to wait for another process's transaction; 0: 10 s */
    const cull_allocator *allocator; /**< NULL: default */
} cull_log_sqlite_options;

/**
 * A log in one SQLite file: WAL, synchronous=FULL; several processes at once.
 * @retval CULL_E_NOTFOUND there is no file; CULL_E_EXISTS there is one (create)
 * @retval CULL_E_INVALID  a database, but not one of ours
 * @retval CULL_E_CORRUPT  not a database, cut short, or damaged
 * @retval CULL_E_TOO_NEW  it asks for a newer reader
 * @retval CULL_E_IO, CULL_E_NOSPACE, CULL_E_BUSY, CULL_E_NOMEM
 */
CULL_API CULL_MUST_USE cull_status cull_log_sqlite_open(cull_log **out,
                                                        const cull_log_sqlite_options *options,
                                                        cull_error *err);

/** Close a handle; NULL is accepted. Releases the collector's lock if it is held. */
CULL_API void cull_log_close(cull_log *log);

#ifdef __cplusplus
}
#endif

#endif
