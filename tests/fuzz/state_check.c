/*
 * state_check.c - see state_check.h.
 */
#include "state_check.h"

#include <string.h>

#include "fuzz.h"

void fuzz_check_catalog(const struct cull__catalog *catalog)
{
    struct cull__buf saved = CULL__BUF_INIT(cull_allocator_default());
    struct cull__buf again = CULL__BUF_INIT(cull_allocator_default());
    struct cull__catalog *loaded = NULL;
    const char *why = NULL;
    cull_error err = { CULL_OK, "" };

    FUZZ_CHECK(cull__catalog_valid(catalog, &why), why);
    FUZZ_CHECK(cull__catalog_save(catalog, &saved) == CULL_OK, "no memory");
    FUZZ_CHECK(cull__catalog_load(&loaded, saved.data, saved.len, cull_allocator_default(), &err) ==
                   CULL_OK,
               err.message);
    FUZZ_CHECK(cull__catalog_valid(loaded, &why), why);
    FUZZ_CHECK(cull__catalog_save(loaded, &again) == CULL_OK, "no memory");
    FUZZ_CHECK(again.len == saved.len && memcmp(again.data, saved.data, saved.len) == 0,
               "another catalog");
    cull__catalog_free(loaded);
    cull__buf_release(&saved);
    cull__buf_release(&again);
}

void fuzz_room_bytes(const struct cull__index *index, unsigned room, struct cull__buf *out)
{
    struct cull__room_save save;

    FUZZ_CHECK(cull__index_save(index, room, &save) == CULL_OK, "no memory");
    for (size_t i = 0; i < save.count; i++) {
        cull__buf_varint(out, save.columns[i].id);
        cull__buf_varint(out, save.columns[i].len);
        cull__buf_put(out, save.columns[i].data, save.columns[i].len);
    }
    FUZZ_CHECK(!out->failed, "no memory");
    cull__room_save_release(&save);
}

static void check_structures(const struct cull__index *index)
{
    const char *why = NULL;

    FUZZ_CHECK(cull__blob_table_valid(index->blobs, &why), why);
    FUZZ_CHECK(cull__counts_valid(index->counts, index->blobs, &why), why);
    for (size_t i = 0; i < index->span_count; i++) {
        FUZZ_CHECK(cull__lifespans_valid(index->spans[i].spans, &why), why);
    }
}

/* Load the rooms' columns as a checkpoint and compare. */
static void check_reload(const struct cull__index *index, const cull_store_settings *settings)
{
    struct cull__checkpoint rooms[3];
    struct cull__room_save saves[3];
    struct cull__index *loaded = NULL;
    cull_error err = { CULL_OK, "" };

    for (unsigned room = 0; room < 3; room++) {
        FUZZ_CHECK(cull__index_save(index, room, &saves[room]) == CULL_OK, "no memory");
        rooms[room] = (struct cull__checkpoint){ 1, saves[room].columns, saves[room].count };
    }
    FUZZ_CHECK(
        cull__index_load(&loaded, settings, rooms, NULL, cull_allocator_default(), &err) == CULL_OK,
        err.message);
    check_structures(loaded);
    for (unsigned room = 0; room < 3; room++) {
        struct cull__buf before = CULL__BUF_INIT(cull_allocator_default());
        struct cull__buf after = CULL__BUF_INIT(cull_allocator_default());

        fuzz_room_bytes(index, room, &before);
        fuzz_room_bytes(loaded, room, &after);
        FUZZ_CHECK(before.len == after.len &&
                       (before.len == 0 || memcmp(before.data, after.data, before.len) == 0),
                   cull__index_rooms[room]);
        cull__buf_release(&before);
        cull__buf_release(&after);
        cull__room_save_release(&saves[room]);
    }
    cull__index_free(loaded);
}

void fuzz_check_index(const struct cull__index *index, const cull_store_settings *settings)
{
    check_structures(index);
    check_reload(index, settings);
}

void fuzz_check_log(cull_log *log, bool must)
{
    const cull_store_options options = { .log = log };
    cull_store *store = NULL;
    cull_error err = { CULL_OK, "" };
    cull_status status = cull_store_open(&store, &options, &err);

    if (status == CULL_OK) {
        status = cull__store_enter(store, CULL__NEED_INDEX, &err);
    }
    if (status == CULL_OK) {
        fuzz_check_catalog(store->catalog);
        fuzz_check_index(store->index, &store->settings);
        FUZZ_CHECK(cull__verify(store, must, NULL, NULL, &err) == CULL_OK, err.message);
        cull__store_leave(store);
    } else {
        FUZZ_CHECK(status == CULL_E_NOTFOUND || (status == CULL_E_CORRUPT && !must), err.message);
        FUZZ_CHECK(err.message[0] != '\0', "refused without a reason");
    }
    cull_store_close(store);
}
