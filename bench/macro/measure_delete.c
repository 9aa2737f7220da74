/*
 * measure_delete.c - what does soft-deleting every version of a store cost, in one transaction?
 *
 * The versions are found first, and in the other row selected by
 * their date in the same call; deleting them checks every rule, writes the facts (which are the
 * audit) and applies them. Then they are restored, for the next turn. Beside it: writing and syncing
 * as many bytes as the log grew by. Every version's memory is the catalog's over their number.
 */
#include "macro/measures.h"

#include "shared/bench_base.h"
#include "shared/samples.h"

struct keys {
    cull_version_key *at;
    size_t count;
    size_t capacity;
};

static cull_status note(void *ctx, const cull_version_info *version)
{
    struct keys *keys = ctx;

    if (keys->count == keys->capacity) {
        keys->capacity = keys->capacity == 0 ? 4096 : keys->capacity * 2;
        keys->at = must(realloc(keys->at, keys->capacity * sizeof(*keys->at)));
    }
    keys->at[keys->count++] = version->key;
    return CULL_OK;
}

static cull_stat stat_of(cull_store *store)
{
    cull_error err = { CULL_OK, "" };
    cull_stat stat;

    must_ok_err(cull_stat_of(store, &stat, &err), &err);
    return stat;
}

void measure_delete(const char *dir, unsigned rounds)
{
    cull_store_options options = { .log = maker_open_log(dir, false) };
    const cull_delete_options with_aliases = { .delete_aliases = true };
    const cull_selection all = { 0 };
    const cull_selection old = { .created_before_ms = maker_caller().now_ms };
    const cull_caller caller = maker_caller();
    struct keys keys = { NULL, 0, 0 };
    cull_error err = { CULL_OK, "" };
    cull_store *store = NULL;
    char scratch[4096];
    cull_stat before;

    (void)snprintf(scratch, sizeof(scratch), "%s/limit", dir);
    must_ok_err(cull_store_open(&store, &options, &err), &err);
    before = stat_of(store);
    must_ok_err(cull_select(store, &all, note, &keys, &err), &err);
    sample("version.bytes", (double)before.memory_catalog / (double)before.versions, 0);
    for (unsigned round = 0; round < rounds; round++) {
        double begun;
        double seconds;
        double limit;
        cull_stat after;

        before = stat_of(store);
        begun = bench_now();
        must_ok_err(cull_delete(store, keys.at, keys.count, &with_aliases, &caller, &err), &err);
        seconds = bench_now() - begun;
        after = stat_of(store);
        limit = limit_write_sync(scratch, after.log_bytes - before.log_bytes);
        sample("delete.many", seconds, limit);
        must_ok_err(cull_restore(store, keys.at, keys.count, NULL, &caller, &err), &err);
        before = stat_of(store);
        begun = bench_now();
        must_ok_err(cull_delete_selected(store, &old, &with_aliases, NULL, NULL, &caller, &err),
                    &err);
        seconds = bench_now() - begun;
        after = stat_of(store);
        if (after.versions != 0) {
            must(NULL); /* all of them are old */
        }
        limit = limit_write_sync(scratch, after.log_bytes - before.log_bytes);
        sample("delete.selected", seconds, limit);
        must_ok_err(cull_restore(store, keys.at, keys.count, NULL, &caller, &err), &err);
    }
    /* commands that come after need not apply all this again */
    must_ok_err(cull_store_maintain(store, true, &caller, &err), &err);
    cull_store_close(store);
    cull_log_close(options.log);
    free(keys.at);
}
