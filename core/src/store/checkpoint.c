/*
 * checkpoint.c - rooms from their checkpoints, and when new ones are written.
 *
 * SHAPE     Two rooms' worth of state: the catalog, and the index (blobs, lifespans, counts). A
 *           checkpoint that is not whole, or cannot be read, falls back to the older; without any,
 *           state begins at fact 0, unless the log was cut: then nothing stands in for what is gone,
 *           and the store is CULL_E_CORRUPT, or CULL_E_IO as long as one cannot be read.
 * INVARIANT The log is cut only below the oldest kept checkpoint of every room. Checkpoints go with a
 *           cut alone, so a set of rooms that is whole stays until there are two newer ones, however
 *           often somebody dies while writing the next.
 * COST      Writing: one pass over the rooms; segments that did not change are not written again.
 * WHY NOT   a checkpoint per command: a tail of 256 KiB is read in less than it takes to sync one.
 */
#include "store/checkpoint.h"

#define TAIL_BYTES_MAX (16u << 20)
#define TAIL_BYTES_MIN (256u << 10) /* below this a checkpoint is not worth its sync */
#define AUDIT_MS (UINT64_C(400) * 86400 * 1000)
#define CATALOG_ROOM "catalog"

#define DAMAGED_MAX 64 /* checkpoints of a room; there are two, and those that nobody finished */

/* Looking for a checkpoint that can be read, the newest first. */
struct search {
    const char *room;
    uint64_t newest; /* when it began */
    unsigned refused;
    unsigned damaged;
    cull_error worst; /* of the reasons; CULL_OK: none was damaged, and none could not be read */
};

static cull_status newest_of(cull_store *store, const char *room, uint64_t *seq, cull_error *err)
{
    uint64_t bytes;

    return store->log->ops->checkpoint_size(store->log, room, seq, &bytes, err);
}

static cull_status search_begin(struct search *search, cull_store *store, const char *room,
                                cull_error *err)
{
    *search = (struct search){ .room = room };
    return newest_of(store, room, &search->newest, err);
}

/* May an older one stand in for a checkpoint that was not read? The worst of the reasons is kept:
 * what cannot be read now is not lost. */
static bool search_goes_on(struct search *search, cull_status status, const cull_error *local)
{
    if (status != CULL_E_CORRUPT && status != CULL_E_IO) {
        return false;
    }
    if (search->worst.status != CULL_E_IO) {
        search->worst = *local;
        search->worst.status = status;
    }
    search->refused += status == CULL_E_IO;
    search->damaged += status == CULL_E_CORRUPT;
    /* past these nothing at all can be read: a table of checkpoints that is damaged itself has no
     * oldest one */
    return search->refused <= CULL__CHECKPOINTS_KEPT && search->damaged <= DAMAGED_MAX;
}

/* None was found: begin at fact 0 if the log still does. CULL_E_MOVED: another has been written
 * since we began to look, and what we were to read next was dropped. */
static cull_status search_ends(const struct search *search, cull_store *store, cull_error *err)
{
    struct cull__log_stat stat;
    uint64_t newest = 0;
    cull_status status = store->log->ops->stat(store->log, &stat, err);

    if (status == CULL_OK && stat.cut_seq > 0) {
        status = newest_of(store, search->room, &newest, err);
        if (status == CULL_OK && newest != search->newest) {
            status = cull__error_set(err, CULL_E_MOVED, "checkpoint of %s: another one is there",
                                     search->room);
        } else if (status == CULL_OK && search->worst.status != CULL_OK) {
            status = cull__error_set(err, search->worst.status, "%s", search->worst.message);
        } else if (status == CULL_OK) {
            status =
                cull__error_set(err, CULL_E_CORRUPT, "no checkpoint of %s is left", search->room);
        }
    }
    return status;
}

static cull_status load_catalog_of(cull_store *store, unsigned age, bool sealed, cull_error *err)
{
    struct cull__checkpoint checkpoint = { 0, NULL, 0 };
    cull_status status =
        store->log->ops->checkpoint_get(store->log, CATALOG_ROOM, age, &checkpoint, err);

    if (status == CULL_OK && checkpoint.count != 1) {
        status =
            cull__error_set(err, CULL_E_CORRUPT, "checkpoint of %s: wrong columns", CATALOG_ROOM);
    }
    if (status == CULL_OK && sealed) {
        status = cull__catalog_load_sealed(&store->catalog, &checkpoint.columns[0].data,
                                           checkpoint.columns[0].len, store->log->allocator,
                                           store->allocator, err);
        store->catalog_seq = checkpoint.seq;
    } else if (status == CULL_OK) {
        status = cull__catalog_load(&store->catalog, checkpoint.columns[0].data,
                                    checkpoint.columns[0].len, store->allocator, err);
        store->catalog_seq = checkpoint.seq;
    }
    cull__checkpoint_release(&checkpoint, store->log->allocator);
    return status;
}

cull_status cull__checkpoint_load_catalog(cull_store *store, bool sealed, cull_error *err)
{
    struct search search;
    cull_error local = { CULL_OK, "" };
    unsigned age = 0;
    cull_status status = search_begin(&search, store, CATALOG_ROOM, err);

    if (status != CULL_OK) {
        return status;
    }
    do {
        status = load_catalog_of(store, age++, sealed, &local);
    } while (search_goes_on(&search, status, &local));
    if (status == CULL_OK) {
        store->digest_len = cull_digest_len(store->catalog->settings.digest);
        return CULL_OK;
    }
    if (status != CULL_E_NOTFOUND && status != CULL_E_IO) {
        return cull__error_set(err, status, "%s", local.message);
    }
    status = search_ends(&search, store, err);
    if (status == CULL_OK) {
        status = cull__catalog_new(&store->catalog, store->allocator);
        store->catalog_seq = 0;
    }
    return status == CULL_E_NOMEM ? cull__error_nomem(err) : status;
}

/* A room's checkpoint of this seq, whatever age it has. */
static cull_status get_at(cull_store *store, const char *room, uint64_t seq,
                          struct cull__checkpoint *out, struct search *search, cull_error *err)
{
    unsigned refused = search->refused;
    unsigned age = 0;
    bool newer;
    cull_status status;

    search->refused = 0; /* it is counted for each room */
    do {
        status = store->log->ops->checkpoint_get(store->log, room, age++, out, err);
        newer = status == CULL_OK && out->seq > seq;
        if (status == CULL_OK && out->seq != seq) {
            cull__checkpoint_release(out, store->log->allocator);
            status = CULL_E_NOTFOUND;
        }
    } while (newer || search_goes_on(search, status, err));
    search->refused = refused;
    return status;
}

/* Load the three rooms as they were at the seq of the one that is there, whose columns go. */
static cull_status load_index_at(cull_store *store, const struct cull__checkpoint *counts,
                                 struct search *search, cull_error *err)
{
    struct cull__checkpoint found[3] = { { 0, NULL, 0 }, { 0, NULL, 0 }, *counts };
    cull_status status = CULL_OK;

    for (unsigned room = 0; room < 2 && status == CULL_OK; room++) {
        status = get_at(store, cull__index_rooms[room], counts->seq, &found[room], search, err);
    }
    if (status == CULL_OK) {
        status = cull__index_load(&store->index, &store->catalog->settings, found,
                                  store->log->allocator, store->allocator, err);
        store->index_seq = counts->seq;
    }
    for (unsigned room = 0; room < 3; room++) {
        cull__checkpoint_release(&found[room], store->log->allocator);
    }
    return status == CULL_E_NOTFOUND
               ? cull__error_set(err, CULL_E_CORRUPT, "checkpoint of the index: a part is missing")
               : status;
}

/* "counts" is written last: where it has a checkpoint, the others have had one too. */
static cull_status load_index_of(cull_store *store, unsigned age, struct search *search,
                                 cull_error *err)
{
    struct cull__checkpoint counts = { 0, NULL, 0 };
    cull_status status =
        store->log->ops->checkpoint_get(store->log, search->room, age, &counts, err);

    return status == CULL_OK ? load_index_at(store, &counts, search, err) : status;
}

cull_status cull__checkpoint_load_index(cull_store *store, cull_error *err)
{
    struct search search;
    cull_error local = { CULL_OK, "" };
    unsigned age = 0;
    cull_status status = search_begin(&search, store, cull__index_rooms[2], err);

    if (status != CULL_OK) {
        return status;
    }
    do {
        status = load_index_of(store, age++, &search, &local);
    } while (search_goes_on(&search, status, &local));
    if (status == CULL_OK) {
        return CULL_OK;
    }
    if (status != CULL_E_NOTFOUND && status != CULL_E_IO) {
        return cull__error_set(err, status, "%s", local.message);
    }
    status = search_ends(&search, store, err);
    if (status == CULL_OK) {
        status = cull__index_new(&store->index, &store->catalog->settings, store->allocator);
        store->index_seq = 0;
    }
    return status == CULL_E_NOMEM ? cull__error_nomem(err) : status;
}

/* --- writing -------------------------------------------------------------------------------- */

/* Is a room's tail long enough? Sets *newest to the seq of its newest checkpoint, 0 if none. */
static cull_status room_due(cull_store *store, const char *room, bool *due, uint64_t *newest,
                            cull_error *err)
{
    uint64_t bytes = 0;
    uint64_t tail = 0;
    cull_status status = store->log->ops->checkpoint_size(store->log, room, newest, &bytes, err);

    if (status == CULL_OK) {
        status = store->log->ops->tail_bytes(store->log, *newest, &tail, err);
    }
    *due =
        status == CULL_OK && (tail > TAIL_BYTES_MAX || (tail > TAIL_BYTES_MIN && tail > bytes / 4));
    return status;
}

static cull_status put_catalog(cull_store *store, cull_error *err)
{
    struct cull__buf buf = CULL__BUF_INIT(store->allocator);
    cull_status status = cull__catalog_save(store->catalog, &buf);

    if (status == CULL_OK && buf.failed) {
        status = CULL_E_NOMEM;
    }
    if (status == CULL_OK) {
        struct cull__column column = { 0, buf.data, buf.len };

        status = store->log->ops->checkpoint_put(store->log, CATALOG_ROOM, store->catalog_seq,
                                                 &column, 1, err);
    } else {
        status = cull__error_nomem(err);
    }
    cull__buf_release(&buf);
    return status;
}

static cull_status put_index(cull_store *store, cull_error *err)
{
    cull_status status = CULL_OK;

    for (unsigned room = 0; room < 3 && status == CULL_OK; room++) {
        struct cull__room_save save;

        status = cull__index_save(store->index, room, &save);
        if (status != CULL_OK) {
            return cull__error_nomem(err);
        }
        status = store->log->ops->checkpoint_put(store->log, cull__index_rooms[room],
                                                 store->index_seq, save.columns, save.count, err);
        cull__room_save_release(&save);
    }
    return status;
}

/* All rooms are written together, so that what was newest before is the oldest kept after; unless it
 * is as new as what would be written, which then is not: the oldest kept stays what it was. */
static cull_status write_rooms(cull_store *store, uint64_t oldest, uint64_t now_ms, cull_error *err)
{
    cull_status status = cull__store_sync(store, CULL__NEED_INDEX, err);

    if (status == CULL_OK) {
        status = put_catalog(store, err);
    }
    if (status == CULL_OK) {
        status = put_index(store, err);
    }
    if (status == CULL_OK && oldest > 0 && oldest < store->index_seq) {
        status = store->log->ops->cut(store->log, oldest, now_ms > AUDIT_MS ? now_ms - AUDIT_MS : 0,
                                      err);
    }
    return status;
}

cull_status cull_store_maintain(cull_store *store, bool force, const cull_caller *caller,
                                cull_error *err)
{
    uint64_t oldest = UINT64_MAX;
    bool any_due = force;
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    if (status != CULL_OK) {
        return status;
    }
    for (unsigned room = 0; room < 4 && status == CULL_OK; room++) {
        const char *name = room < 3 ? cull__index_rooms[room] : CATALOG_ROOM;
        uint64_t newest = 0;
        bool due = false;

        status = room_due(store, name, &due, &newest, err);
        any_due = any_due || due;
        oldest = newest < oldest ? newest : oldest;
    }
    if (status == CULL_OK && any_due) {
        status = store->log->ops->maintain_lock(store->log, true, err);
        if (status == CULL_OK) {
            status = write_rooms(store, oldest, caller->now_ms, err);
            (void)store->log->ops->maintain_lock(store->log, false, NULL);
        } else if (status == CULL_E_BUSY && !force) {
            status = CULL_OK; /* another process is at it */
        }
    }
    cull__store_leave(store);
    return status;
}
