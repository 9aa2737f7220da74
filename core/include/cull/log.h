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
    const char *path;         /**< of the database file, `cull.db` */
    const char *lock_path;    /**< of the collector's lock file, made beside it */
    bool create;              /**< make a new log; CULL_E_EXISTS if there is a file */
    uint32_t busy_ms;         /**< how long to wait for another process's transaction; 0: 10 s */
    const char *ballast_path; /**< of a file that keeps room for deletes and cycles on a disk that
                                   is full, made when there is plenty; NULL: none */
    const cull_allocator *allocator; /**< NULL: default */
} cull_log_sqlite_options;

/**
 * A log in one SQLite file: WAL, synchronous=FULL; several processes at once. On a full disk it
 * can be read, by one process at a time; deletes and cycles go on with what the ballast gives.
 * @retval CULL_E_NOTFOUND there is no file; CULL_E_EXISTS there is one (create)
 * @retval CULL_E_INVALID  a database, but not one of ours
 * @retval CULL_E_CORRUPT  not a database, cut short, or damaged
 * @retval CULL_E_TOO_NEW  it asks for a newer reader
 * @retval CULL_E_IO, CULL_E_NOSPACE, CULL_E_BUSY, CULL_E_NOMEM; with create, a log may have been
 *                         made all the same, whole and empty: open it without
 */
CULL_API CULL_MUST_USE cull_status cull_log_sqlite_open(cull_log **out,
                                                        const cull_log_sqlite_options *options,
                                                        cull_error *err);

/**
 * Let everything that is appended through this handle from now on become durable together, at
 * cull_log_group_end(): many small changes then cost one sync. Until then no other handle sees any
 * of it, and other writers wait (at most their busy_ms): end it within a second or so. Stores on
 * this handle work as always, but what they answer only counts once the group has ended. What must
 * be durable before an object is touched cannot wait for that: cull_upload_send() and all that
 * takes the collector's lock (cycles, fsck's repair) answer CULL_E_USAGE inside of a group.
 * @retval CULL_E_USAGE  a group has begun already, or the log is in memory, which has no syncs
 * @retval CULL_E_BUSY   another process is writing, and does not end; a collector is at work on
 *                       this handle
 */
CULL_API CULL_MUST_USE cull_status cull_log_group_begin(cull_log *log, cull_error *err);

/**
 * End a group: durable on CULL_OK. After any other answer, and with keep = false, nothing of the
 * group has happened: close the stores on this handle, which have seen what is not there.
 * An append that failed inside of the group fails all of it, here, with that first failure.
 */
CULL_API CULL_MUST_USE cull_status cull_log_group_end(cull_log *log, bool keep, cull_error *err);

/** Close a handle; NULL is accepted. A group that was not ended has not happened. Releases the
 *  collector's lock if it is held. */
CULL_API void cull_log_close(cull_log *log);

#ifdef __cplusplus
}
#endif

#endif
