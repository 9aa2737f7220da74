/*
 * crash_pages.c - what one page that cannot be read does to a store.
 *
 * SHAPE     The script runs once and is closed. Then, for each page of cull.db: a copy of the disk, in
 *           which reading it gives EIO; the store is opened, looked at, checked, collected, and its
 *           checkpoints are written. Each answers that it has done it, or why not: the system's
 *           reason, never that the log does not decode. When the page can be read again, or has been
 *           written anew, the store is whole.
 * WHY NOT   failing the n-th read (crash_faults.c does that): a page that stays bad is met again by
 *           whoever tries to mend it.
 */
#include "crash_pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "log/sqlite_handle.h"

/* Done, or refused by the system, which is named. */
static bool is_fair(cull_status status, const char *what, const char *message, char *why)
{
    if (status == CULL_OK || (status == CULL_E_IO && strstr(message, strerror(EIO)) != NULL)) {
        return true;
    }
    (void)snprintf(why, CRASH_WHY_MAX, "%s: %s: %s", what, cull_strerror(status), message);
    return false;
}

static bool try_request(struct crash_place *place, enum cull__request_op op, unsigned flags,
                        char *why)
{
    struct crash_step step = { .kind = CRASH_STEP_REQUEST, .request = CULL__REQUEST_INIT };
    cull_status status;

    step.request.op = op;
    step.request.flags = flags;
    status = crash_place_step(place, &step);
    if (op == CULL__REQUEST_FSCK && status == CULL_E_DAMAGED) {
        return true; /* a manifest that cannot be read is a finding */
    }
    return is_fair(status, cull__request_op_name(op), place->answer.error.message, why);
}

/* What can be seen is what is there. */
static bool try_look(struct crash_place *place, const struct crash_texts *texts, char *why)
{
    struct cull__buf out = CULL__BUF_INIT(cull_allocator_default());
    cull_error err = { CULL_OK, "" };
    cull_status status = crash_look(&place->sessions[0], &out, &err);
    bool good = is_fair(status, "look", err.message, why);

    cull__buf_u8(&out, 0);
    if (status == CULL_OK && strcmp((char *)out.data, texts->at[0].text) != 0) {
        (void)snprintf(why, CRASH_WHY_MAX, "something else is seen: %s", (char *)out.data);
        good = false;
    }
    cull__buf_release(&out);
    return good;
}

/* A place with a page that cannot be read; and, after it can be read again, the same. */
static bool check_page(struct crash_place *place, uint64_t page, const struct crash_texts *texts,
                       char *why)
{
    const unsigned cycle =
        CULL__REQUEST_EMPTY_STORE | CULL__REQUEST_LARGE_PLAN | CULL__REQUEST_VERIFY_FULL;
    bool good;

    crash_disk_spoil(place->disk, "cull.db", (page - 1) * CULL__SQLITE_PAGE_BYTES,
                     CULL__SQLITE_PAGE_BYTES);
    good = is_fair(crash_place_open(place, 0, false), "open", place->answer.error.message, why);
    if (good && place->sessions[0].store != NULL) {
        good = try_look(place, texts, why) &&
               try_request(place, CULL__REQUEST_FSCK, CULL__REQUEST_READ_DATA, why) &&
               try_request(place, CULL__REQUEST_MAINTAIN, CULL__REQUEST_FORCE, why) &&
               try_request(place, CULL__REQUEST_COLLECT, cycle, why) &&
               try_request(place, CULL__REQUEST_MAINTAIN, CULL__REQUEST_FORCE, why);
    }
    crash_disk_spoil(place->disk, "cull.db", 0, 0);
    if (good && place->sessions[0].store != NULL) { /* the handle has not given up */
        good = try_request(place, CULL__REQUEST_REFRESH, 0, why);
    }
    crash_place_close(place, 0);
    if (good && crash_place_open(place, 0, false) != CULL_OK) {
        (void)snprintf(why, CRASH_WHY_MAX, "cannot be opened afterwards: %s",
                       place->answer.error.message);
        good = false;
    }
    return good && crash_check_use(place, why, CRASH_WHY_MAX);
}

/* The script done and closed, and what the store shows. */
static bool prepare(struct crash_place *place, const struct crash_script *script,
                    struct crash_texts *texts, char *why)
{
    bool good = true;

    for (size_t i = 0; i < script->count && good; i++) {
        good = crash_place_step(place, &script->steps[i]) == CULL_OK;
    }
    crash_place_kill(place);
    good = good && crash_place_open(place, 0, false) == CULL_OK;
    if (!good) {
        (void)snprintf(why, CRASH_WHY_MAX, "undisturbed: %s", place->answer.error.message);
    }
    good = good && crash_texts_add(texts, &place->sessions[0], why, CRASH_WHY_MAX);
    crash_place_close(place, 0);
    return good;
}

static uint64_t page_count(struct crash_place *place)
{
    uint64_t bytes = 0;

    (void)crash_disk_stat(place->disk, "cull.db", &bytes);
    return bytes / CULL__SQLITE_PAGE_BYTES;
}

void crash_pages(const struct crash_script *script, const struct crash_disk_options *disk,
                 uint64_t only_page, struct crash_figures *figures)
{
    struct crash_texts texts = { NULL, 0, 0 };
    char why[CRASH_WHY_MAX] = "";
    struct crash_place place;
    bool good;

    crash_reseed(1);
    crash_place_init(&place, 0, crash_disk_new(disk), NULL, CRASH_START_MS);
    good = prepare(&place, script, &texts, why);
    for (uint64_t page = 1; good && page <= page_count(&place); page++) {
        struct crash_place found;

        if (only_page != 0 && page != only_page) {
            continue;
        }
        crash_place_find(&found, 1, &place, CRASH_ALL, 0);
        good = check_page(&found, page, &texts, why);
        if (crash_place_release(&found) != 0 && good) {
            (void)snprintf(why, sizeof why, "memory or files were left open");
            good = false;
        }
        figures->pages++;
        if (!good) {
            figures->broken++;
            printf("%s, page %" PRIu64 " cannot be read: %s\n  replay: crash-log pages %s --page "
                   "%" PRIu64 "\n",
                   script->name, page, why, script->name, page);
            good = true;
        }
    }
    (void)crash_place_release(&place);
    crash_texts_release(&texts);
    if (!good) {
        figures->broken++;
        printf("%s: %s\n", script->name, why);
    }
}
