/*
 * sqlite_handle.h - one connection to cull.db: its statements, its transactions, its errors.
 *
 * The schema stands in sqlite_open.c; sqlite_log.c appends and reads, sqlite_document.c,
 * sqlite_checkpoint.c and sqlite_audit.c keep what their names say, sqlite_lock.c holds the
 * collector's lock, sqlite_ballast.c keeps room for it.
 */
#ifndef CULL_SQLITE_HANDLE_H
#define CULL_SQLITE_HANDLE_H

#include "log/log_internal.h"

#include <pthread.h>
#include <sqlite3.h>

#define CULL__SQLITE_PAGE_BYTES 8192
#define CULL__SQLITE_APPLICATION 0x43554c4c /* "CULL" */
#define CULL__SQLITE_SCHEMA 1

enum cull__sql {
    CULL__SQL_BEGIN,
    CULL__SQL_BEGIN_WRITE,
    CULL__SQL_COMMIT,
    CULL__SQL_META_GET,
    CULL__SQL_META_APPEND,
    CULL__SQL_META_CUT,
    CULL__SQL_LOG_ADD,
    CULL__SQL_LOG_READ,
    CULL__SQL_LOG_START,
    CULL__SQL_LOG_CUT,
    CULL__SQL_DOCUMENT_PUT,
    CULL__SQL_DOCUMENT_REMOVE,
    CULL__SQL_DOCUMENT_GET,
    CULL__SQL_CHECKPOINT_PUT,
    CULL__SQL_CHECKPOINT_GET,
    CULL__SQL_CHECKPOINT_SIZE,
    CULL__SQL_CHECKPOINT_TRIM,
    CULL__SQL_CHECKPOINT_ALL,
    CULL__SQL_CHECKPOINT_REMOVE,
    CULL__SQL_SEGMENT_PUT,
    CULL__SQL_SEGMENT_FIND,
    CULL__SQL_SEGMENT_ROOT,
    CULL__SQL_SEGMENT_ALL,
    CULL__SQL_SEGMENT_DROP,
    CULL__SQL_AUDIT_ADD,
    CULL__SQL_AUDIT_READ,
    CULL__SQL_AUDIT_DROP,
    CULL__SQL_STAT,
    CULL__SQL_COUNT
};

struct cull__sqlite {
    cull_log base;
    pthread_mutex_t mutex; /* a connection is one thread's at a time */
    sqlite3 *db;
    sqlite3_stmt *statements[CULL__SQL_COUNT]; /* prepared when first used */
    char *path;                                /* resolved; NULL until it is opened */
    uint32_t busy_ms;
    bool is_alone; /* nobody else may have the file open: only for the length of a call */
    char *lock_path;
    char *ballast_path; /* NULL: none */
    uint64_t ballast_bytes;
    bool is_ballast_given;
    int lock_fd;
    bool is_leader;
    bool is_maintainer;
    bool is_grouped;           /* one transaction spans calls, until the group's end */
    cull_status group_failure; /* CULL_OK, or why the group cannot be kept */
    bool has_damage; /* of a checkpoint: those written from now on check what they share */
    char name[CULL_PRINTABLE_MAX]; /* the path, for messages */
};

/* The one row of the table meta. */
struct cull__meta {
    uint64_t seq;
    uint64_t cut_seq;
    uint64_t bytes;     /* of all batches ever */
    uint64_t cut_bytes; /* of those cut */
    uint64_t reader_min;
};

struct cull__sqlite *cull__sqlite_lock(cull_log *log);
void cull__sqlite_unlock(struct cull__sqlite *log);

/* A result code of SQLite as a status, with the file's name and the system's reason. */
cull_status cull__sqlite_error(struct cull__sqlite *log, int code, cull_error *err);
/* CULL_E_CORRUPT: "PATH: what". */
cull_status cull__sqlite_corrupt(struct cull__sqlite *log, cull_error *err, const char *format, ...)
    CULL_PRINTF(3, 4);

/* The statement, reset, its values unbound; NULL: err is filled and *status set. */
sqlite3_stmt *cull__sqlite_statement(struct cull__sqlite *log, enum cull__sql which,
                                     cull_status *status, cull_error *err);
/* Step to the next row: *row says whether there is one; without one the statement is reset. */
cull_status cull__sqlite_step(struct cull__sqlite *log, sqlite3_stmt *statement, bool *row,
                              cull_error *err);
/* Step to the end, no rows wanted; numbers are bound to ?1, ?2, ... */
cull_status cull__sqlite_run(struct cull__sqlite *log, enum cull__sql which,
                             const uint64_t *numbers, size_t count, cull_error *err);
void cull__sqlite_bind_number(sqlite3_stmt *statement, int at, uint64_t number);
/* Borrowed until the statement is reset. */
int cull__sqlite_bind_bytes(sqlite3_stmt *statement, int at, const void *data, size_t len);
uint64_t cull__sqlite_number(sqlite3_stmt *statement, int column);
/* The column's bytes, never NULL; *status is CULL_E_NOMEM if there was no memory for them. */
const void *cull__sqlite_bytes(struct cull__sqlite *log, sqlite3_stmt *statement, int column,
                               size_t *len, cull_status *status, cull_error *err);

/* Begin a transaction and read meta in it; reader_min is checked. Nothing is open on failure. */
cull_status cull__sqlite_begin(struct cull__sqlite *log, bool write, struct cull__meta *meta,
                               cull_error *err);
cull_status cull__sqlite_meta(struct cull__sqlite *log, struct cull__meta *meta, cull_error *err);
/* Is a transaction open? SQLite ends some by itself. */
bool cull__sqlite_in_transaction(const struct cull__sqlite *log);
/* Commit if status is CULL_OK, else roll back; returns what became of it. Inside of a group both
 * wait for its end. */
cull_status cull__sqlite_end(struct cull__sqlite *log, cull_status status, cull_error *err);
cull_status cull__sqlite_group_begin(cull_log *log, cull_error *err);
cull_status cull__sqlite_group_end(cull_log *log, bool keep, cull_error *err);
bool cull__sqlite_is_grouped(cull_log *log);

/* sqlite_log.c: visit the batches after since that end at or before until; *end is the end of the
 * last one visited, also when the visitor stopped there. Inside a transaction. */
cull_status cull__sqlite_batches(struct cull__sqlite *log, uint64_t since, uint64_t until,
                                 uint64_t *end, cull__batch_visit_fn visit, void *ctx,
                                 cull_error *err);
extern const struct cull__log_ops cull__sqlite_ops;

/* sqlite_document.c */
cull_status cull__sqlite_document_write(struct cull__sqlite *log,
                                        const struct cull__document *document, cull_error *err);
cull_status cull__sqlite_document_pieces(cull_log *log, uint64_t id, cull__piece_fn take, void *ctx,
                                         cull_error *err);

/* sqlite_checkpoint.c */
cull_status cull__sqlite_checkpoint_put(cull_log *log, const char *room, uint64_t seq,
                                        const struct cull__column *columns, size_t count,
                                        cull_error *err);
/* Drop what the log, cut at a fact, no longer reaches, but for the newest ones of each room. Inside
 * a transaction that writes. */
cull_status cull__sqlite_checkpoint_trim(struct cull__sqlite *log, uint64_t cut_seq,
                                         cull_error *err);
cull_status cull__sqlite_checkpoint_get(cull_log *log, const char *room, unsigned age,
                                        struct cull__checkpoint *out, cull_error *err);
cull_status cull__sqlite_checkpoint_size(cull_log *log, const char *room, uint64_t *seq,
                                         uint64_t *bytes, cull_error *err);

/* sqlite_places.c */
/* A segment that is wanted. */
struct cull__place {
    const uint8_t *name;
    uint8_t *data; /* where it goes */
    size_t len;
    uint64_t id; /* of its row */
    uint64_t column;
    size_t segment; /* of the column */
    bool right;     /* it is there, and its hash is its name */
    uint32_t page;  /* 0, or where its row goes on in a chain of pages, */
    size_t local;   /* after so many bytes, which are there already */
};
/* Read into their places what threads of their own can get of the table "segment", whose tree begins on
 * page root; what of it is right, they say. The others' bytes may be anything. */
void cull__sqlite_places_read(const char *path, uint32_t root, struct cull__place *places,
                              size_t count);

/* sqlite_audit.c */
cull_status cull__sqlite_cut(cull_log *log, uint64_t seq, uint64_t audit_before_ms,
                             cull_error *err);
cull_status cull__sqlite_audit_read(cull_log *log, cull__batch_visit_fn visit, void *ctx,
                                    cull_error *err);

/* sqlite_lock.c */
#define CULL__LOCK_LEADER 0 /* the byte of the lock file that each lock is */
#define CULL__LOCK_MAINTAIN 1
#define CULL__LOCK_CREATE 2
cull_status cull__lock_open(int *fd, const char *path, cull_error *err);
cull_status cull__lock_take(int fd, const char *path, int byte, cull_error *err);
void cull__lock_drop(int fd, int byte);
cull_status cull__sqlite_leader(cull_log *log, enum cull__leader what, cull_error *err);
cull_status cull__sqlite_maintain_lock(cull_log *log, bool acquire, cull_error *err);

/* sqlite_ballast.c */
/* How long the ballast beside a database of that length is. */
uint64_t cull__ballast_bytes(uint64_t database_bytes);
/* Make the ballast whole if there is plenty of room, or this handle gave it up. */
void cull__ballast_fill(const struct cull__sqlite *log);
void cull__ballast_give(struct cull__sqlite *log);

/* sqlite_open.c */
/* Open the connection of a handle, or open it again; and close it. */
cull_status cull__sqlite_connect(struct cull__sqlite *log, cull_error *err);
void cull__sqlite_disconnect(struct cull__sqlite *log);
void cull__sqlite_close(cull_log *base);

#endif
