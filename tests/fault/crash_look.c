/*
 * crash_look.c - see crash_look.h.
 *
 * SHAPE     The state is a function of the log's seq, and a scenario appends the same facts each time:
 *           what an undisturbed run shows at a seq is what must be seen wherever the log ends there.
 *           A seq that no undisturbed run ended at is half a change.
 * INVARIANT Nothing here knows how a store keeps things: it asks through the public interface.
 */
#include "crash_look.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define YEAR_MS (UINT64_C(366) * 86400 * 1000)

static bool say(char *why, size_t why_max, const char *format, ...) CULL_PRINTF(3, 4);
static void put(struct cull__buf *out, const char *format, ...) CULL_PRINTF(2, 3);

static bool say(char *why, size_t why_max, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why, why_max, format, args);
    va_end(args);
    return false;
}

static void put(struct cull__buf *out, const char *format, ...)
{
    char line[1024];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    cull__buf_put(out, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

/* --- looking ------------------------------------------------------------------------------------ */

struct look {
    struct cull__buf *out;
    struct cull__buf keys; /* of versions whose content can be read */
};

static cull_status look_version(void *ctx, const cull_version_info *version)
{
    struct look *look = ctx;
    struct cull__buf *out = look->out;

    put(out, "version %s/%s/%s:v%" PRIu32 " state %d reason %d by %s created %" PRIu64,
        version->entity, version->project, version->collection, version->key.ordinal,
        (int)version->state, (int)version->reason, version->creator, version->created_ms);
    put(out,
        " deleted %" PRIu64 " until %" PRIu64 " expires %" PRIu64 " entries %" PRIu64
        " size %" PRIu64 "%s",
        version->deleted_ms, version->kept_until_ms, version->expires_ms, version->entries,
        version->size_bytes, version->collection_deleted ? " of a deleted collection" : "");
    for (size_t i = 0; i < version->alias_count; i++) {
        put(out, " alias %s", version->aliases[i]);
    }
    for (size_t i = 0; i < version->tag_count; i++) {
        put(out, " tag %s", version->tags[i]);
    }
    put(out, "\n");
    cull__buf_put(&look->keys, &version->key, sizeof version->key);
    return CULL_OK;
}

static cull_status look_bytes(void *ctx, const void *data, size_t len, cull_error *err)
{
    (void)err;
    cull__buf_put(ctx, data, len);
    return CULL_OK;
}

/* The version's notes, paths and contents. */
static cull_status look_content(cull_store *store, const cull_version_key *key,
                                struct cull__buf *out, cull_error *err)
{
    cull_manifest *manifest = NULL;
    cull_status status = cull_version_notes(store, key, look_bytes, look_bytes, out, err);

    put(out, "\n");
    if (status == CULL_OK) {
        status = cull_version_manifest(store, key, &manifest, err);
    }
    for (size_t i = 0; status == CULL_OK && i < cull_manifest_count(manifest); i++) {
        cull_entry entry;

        cull_manifest_at(manifest, i, &entry);
        put(out, "  %.*s=", (int)entry.path_len, entry.path);
        status = cull_blob_read(store, &entry.digest, look_bytes, out, err);
        put(out, "\n");
    }
    cull_manifest_free(manifest);
    return status;
}

static cull_status look_collection(void *ctx, const cull_collection_info *collection)
{
    put(((struct look *)ctx)->out,
        "collection %s/%s/%s%s ordinals %" PRIu32 " committed %" PRIu32 " in trash %" PRIu32 "\n",
        collection->entity, collection->project, collection->name,
        collection->deleted ? " deleted" : "", collection->ordinals, collection->committed,
        collection->in_trash);
    return CULL_OK;
}

static cull_status look_upload(void *ctx, const cull_upload_info *upload)
{
    put(((struct look *)ctx)->out,
        "upload %" PRIu64 " of %s until %" PRIu64 " base %d pins %" PRIu64 "\n", upload->id,
        upload->collection, upload->lease_until_ms, upload->has_base ? (int)upload->base : -1,
        upload->pins);
    return CULL_OK;
}

static cull_status look_rest(cull_store *store, struct look *look, cull_error *err)
{
    cull_stat stat;
    cull_status status = cull_uploads(store, look_upload, look, err);

    if (status == CULL_OK) {
        status = cull_stat_of(store, &stat, err);
    }
    if (status == CULL_OK) {
        put(look->out,
            "cycles %" PRIu64 " purged %" PRIu64 " expected %" PRIu64 " live %" PRIu64
            " deleting %" PRIu64 " dead %" PRIu64 "\n",
            stat.cycles, stat.versions_purged, stat.blobs_expected, stat.blobs_live,
            stat.blobs_deleting, stat.blobs_dead);
    }
    return status;
}

cull_status crash_look(struct cull__session *session, struct cull__buf *out, cull_error *err)
{
    const cull_selection all = { .states =
                                     1u << CULL_VERSION_COMMITTED | 1u << CULL_VERSION_DELETED };
    struct look look = { out, CULL__BUF_INIT(session->allocator) };
    cull_store *store = session->store;
    cull_status status;

    if (store == NULL) {
        put(out, "no store\n" CRASH_LOOK_REST);
        return CULL_OK;
    }
    status = cull_select(store, &all, look_version, &look, err);
    for (size_t i = 0; status == CULL_OK && i < look.keys.len / sizeof(cull_version_key); i++) {
        cull_version_key key;

        memcpy(&key, look.keys.data + i * sizeof key, sizeof key);
        status = look_content(store, &key, out, err);
    }
    if (status == CULL_OK) {
        status = cull_collections(store, NULL, NULL, true, look_collection, &look, err);
    }
    put(out, CRASH_LOOK_REST);
    if (status == CULL_OK) {
        status = look_rest(store, &look, err);
    }
    cull__buf_release(&look.keys);
    return status;
}

/* --- texts by seq ------------------------------------------------------------------------------- */

void crash_texts_release(struct crash_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        free(texts->at[i].text);
    }
    free(texts->at);
    *texts = (struct crash_texts){ NULL, 0, 0 };
}

const char *crash_texts_find(const struct crash_texts *texts, uint64_t seq)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (texts->at[i].seq == seq) {
            return texts->at[i].text;
        }
    }
    return NULL;
}

/* The log's seq, and what the store shows there: freed with free(). NULL: it could not be seen. */
static char *look_now(struct cull__session *session, uint64_t *seq, cull_error *err)
{
    struct cull__buf out = CULL__BUF_INIT(cull_allocator_default());
    cull_status status = session->log->ops->head(session->log, seq, err);

    if (status == CULL_OK) {
        status = crash_look(session, &out, err);
    }
    cull__buf_u8(&out, 0);
    if (status != CULL_OK || out.failed) {
        cull__buf_release(&out);
        return NULL;
    }
    return (char *)out.data;
}

/* The first line that differs. */
static bool say_difference(const char *want, const char *have, uint64_t seq, char *why,
                           size_t why_max)
{
    size_t at = 0;
    size_t line = 0;

    for (; want[at] == have[at]; at++) {
        line = want[at] == '\n' ? at + 1 : line;
    }
    return say(why, why_max, "at fact %" PRIu64 " the store shows\n    %.*s\n  and not\n    %.*s",
               seq, (int)strcspn(have + line, "\n"), have + line, (int)strcspn(want + line, "\n"),
               want + line);
}

bool crash_texts_add(struct crash_texts *texts, struct cull__session *session, char *why,
                     size_t why_max)
{
    cull_error err = { CULL_OK, "" };
    uint64_t seq = 0;
    char *text = look_now(session, &seq, &err);
    const char *known = crash_texts_find(texts, seq);
    void *at = texts->at;

    if (text == NULL) {
        return say(why, why_max, "an undisturbed store cannot be looked at: %s", err.message);
    }
    if (known != NULL) {
        bool same = strcmp(known, text) == 0 || say_difference(known, text, seq, why, why_max);

        free(text);
        return same;
    }
    if (cull__reserve(cull_allocator_default(), &at, &texts->capacity, texts->count + 1,
                      sizeof *texts->at) != CULL_OK) {
        abort();
    }
    texts->at = at;
    texts->at[texts->count++] = (struct crash_text){ seq, text };
    return true;
}

/* --- checking ----------------------------------------------------------------------------------- */

static cull_caller caller_of(const struct crash_place *place)
{
    return (cull_caller){ .now_ms = place->now_ms, .actor = "checker" };
}

/* The log as it is found; made again if it is not there and need not be. */
static bool check_open(struct crash_place *place, const struct crash_expect *expect, char *why,
                       size_t why_max)
{
    cull_status status = crash_place_open(place, 0, false);

    if (status == CULL_E_NOTFOUND && !expect->created) {
        status = crash_place_open(place, 0, true);
    }
    return status == CULL_OK || say(why, why_max, "cannot be opened: %s: %s", cull_strerror(status),
                                    place->answer.error.message);
}

/* The log ends where it may, and shows what was there. */
static bool check_seen(struct crash_place *place, const struct crash_expect *expect, char *why,
                       size_t why_max)
{
    cull_error err = { CULL_OK, "" };
    uint64_t seq = 0;
    char *text = look_now(&place->sessions[0], &seq, &err);
    const char *want = crash_texts_find(expect->texts, seq);
    bool good = false;

    if (text == NULL) {
        return say(why, why_max, "cannot be looked at: %s", err.message);
    }
    if (seq < expect->acked_seq) {
        (void)say(why, why_max,
                  "lost: the log ends at fact %" PRIu64 ", %" PRIu64 " were acknowledged", seq,
                  expect->acked_seq);
    } else if (want == NULL) {
        (void)say(why, why_max, "half a change: the log ends at fact %" PRIu64, seq);
    } else {
        good = strcmp(want, text) == 0 || say_difference(want, text, seq, why, why_max);
    }
    free(text);
    return good;
}

struct finding {
    char *why;
    size_t why_max;
    bool strays;
};

static void note_finding(void *ctx, const cull_finding *finding)
{
    struct finding *first = ctx;

    if (finding->is_problem && first->why[0] == '\0' &&
        !(first->strays && finding->kind == CULL_FOUND_ORPHAN)) {
        (void)say(first->why, first->why_max, "fsck: %s", finding->message);
    }
}

static bool check_fsck(struct crash_place *place, char *why, size_t why_max)
{
    const cull_fsck_options options = { .read_data = true };
    const cull_caller caller = caller_of(place);
    struct finding finding = { why, why_max, place->strays };
    cull_fsck_result result;
    cull_error err = { CULL_OK, "" };
    cull_status status;

    why[0] = '\0';
    status = cull_fsck(place->sessions[0].store, &options, &caller, note_finding, &finding, &result,
                       &err);
    if (status == CULL_OK || (status == CULL_E_DAMAGED && place->strays && why[0] == '\0')) {
        return true;
    }
    return why[0] == '\0' ? say(why, why_max, "fsck: %s", err.message) : false;
}

static cull_status count_facts(void *ctx, uint64_t first_seq, uint32_t fact_count, uint64_t now_ms,
                               const void *data, size_t len, cull_error *err)
{
    uint64_t *last = ctx;

    (void)now_ms;
    (void)data;
    (void)len;
    (void)err;
    if (*last != 0 && first_seq != *last + 1) {
        return CULL_E_CORRUPT;
    }
    *last = first_seq + fact_count - 1;
    return CULL_OK;
}

/* The audit and the log after it have every fact of the last 400 days, once. */
static bool check_history(struct crash_place *place, char *why, size_t why_max)
{
    cull_log *log = place->logs[0];
    struct cull__log_stat stat;
    cull_error err = { CULL_OK, "" };
    uint64_t last = 0;
    cull_status status = log->ops->stat(log, &stat, &err);

    if (status == CULL_OK) {
        status = log->ops->audit_read(log, count_facts, &last, &err);
    }
    if (status == CULL_OK && last == 0) {
        last = stat.cut_seq;
    }
    if (status == CULL_OK) {
        status = log->ops->read(log, stat.cut_seq, count_facts, &last, &err);
    }
    if (status != CULL_OK) {
        return say(why, why_max, "its history cannot be read: %s", err.message);
    }
    return last == stat.seq || say(why, why_max, "its history ends at fact %" PRIu64, last);
}

/* A step that must go well. */
static bool check_step(struct crash_place *place, const struct cull__request *request, char *why,
                       size_t why_max)
{
    struct crash_step step = { CRASH_STEP_REQUEST, *request };
    cull_status status = crash_place_step(place, &step);

    return status == CULL_OK || say(why, why_max, "%s: %s", cull__request_op_name(request->op),
                                    place->answer.error.message);
}

/* Long after, two cycles (what expires in the first is purged in the second) have cleared all that
 * nothing holds, and nothing else. */
static bool check_cycles(struct crash_place *place, char *why, size_t why_max)
{
    struct cull__request request = CULL__REQUEST_INIT;
    cull_error err = { CULL_OK, "" };
    cull_stat stat;
    uint64_t bytes;

    for (int i = 0; i < 2; i++) {
        place->now_ms += YEAR_MS;
        request.op = CULL__REQUEST_COLLECT;
        request.flags =
            CULL__REQUEST_EMPTY_STORE | CULL__REQUEST_LARGE_PLAN | CULL__REQUEST_VERIFY_FULL;
        if (!check_step(place, &request, why, why_max)) {
            return false;
        }
        request.op = CULL__REQUEST_FSCK;
        request.flags = CULL__REQUEST_REPAIR;
        if (i == 0 && place->strays && !check_step(place, &request, why, why_max)) {
            return false;
        }
    }
    if (cull_stat_of(place->sessions[0].store, &stat, &err) != CULL_OK) {
        return say(why, why_max, "stat: %s", err.message);
    }
    if (stat.blobs != stat.blobs_live || stat.blobs_dead != 0 || stat.uploads != 0 ||
        stat.versions_in_trash != 0) {
        return say(why, why_max,
                   "after its cycles: %" PRIu64 " blobs, %" PRIu64 " live, %" PRIu64
                   " dead, %" PRIu64 " uploads, %" PRIu64 " versions in the trash",
                   stat.blobs, stat.blobs_live, stat.blobs_dead, stat.uploads,
                   stat.versions_in_trash);
    }
    return cull_objects_memory_count(place->memory, &bytes) == stat.blobs_live ||
           say(why, why_max, "garbage is left: %zu objects for %" PRIu64 " blobs",
               cull_objects_memory_count(place->memory, &bytes), stat.blobs_live);
}

/* A new version of a new collection, and checkpoints twice, so that the log is cut. */
static bool check_writes(struct crash_place *place, char *why, size_t why_max)
{
    static const uint8_t content[] = "found again";
    const struct cull__request_content contents[] = { { content, sizeof content } };
    struct cull__request request = CULL__REQUEST_INIT;
    cull_blob_ref blob = { .size_bytes = sizeof content };
    cull_entry entry = { .path = "f", .path_len = 1, .kind = CULL_ENTRY_BLOB };
    bool good =
        cull_digest_of(&blob.digest, CULL_DIGEST_XXH128, content, sizeof content) == CULL_OK;

    request.kind = CULL_DIGEST_XXH128;
    request.op = CULL__REQUEST_OPEN;
    request.entity = "e";
    request.project = "p";
    request.collection = "found";
    good = good && check_step(place, &request, why, why_max);
    request.op = CULL__REQUEST_PUT;
    request.blobs = &blob;
    request.blob_count = 1;
    good = good && check_step(place, &request, why, why_max);
    request.op = CULL__REQUEST_SEND;
    request.contents = contents;
    request.content_count = 1;
    good = good && check_step(place, &request, why, why_max);
    request.op = CULL__REQUEST_COMMIT;
    entry.digest = blob.digest;
    entry.size_bytes = blob.size_bytes;
    request.entries = &entry;
    request.entry_count = 1;
    good = good && check_step(place, &request, why, why_max);
    for (int i = 0; i < 2 && good; i++) {
        request.op = CULL__REQUEST_MAINTAIN;
        request.flags = CULL__REQUEST_FORCE;
        good = check_step(place, &request, why, why_max);
        request.op = CULL__REQUEST_TAG;
        request.flags = CULL__REQUEST_PRESENT;
        request.label = i == 0 ? "one" : "two";
        request.versions = &(struct cull__request_version){ "e", "p", "found", 0, 0 };
        request.version_count = 1;
        good = good && check_step(place, &request, why, why_max);
    }
    return good;
}

bool crash_check_use(struct crash_place *place, char *why, size_t why_max)
{
    if (!check_cycles(place, why, why_max) || !check_fsck(place, why, why_max) ||
        !check_writes(place, why, why_max)) {
        return false;
    }
    crash_place_kill(place);
    if (crash_place_open(place, 0, false) != CULL_OK) {
        return say(why, why_max, "after its use: cannot be opened: %s",
                   place->answer.error.message);
    }
    return check_fsck(place, why, why_max) && check_history(place, why, why_max);
}

bool crash_check(struct crash_place *place, const struct crash_expect *expect, char *why,
                 size_t why_max)
{
    const cull_store_settings settings = { .digest = CULL_DIGEST_XXH128,
                                           .seed = 1,
                                           .late_deletes = CULL_LATE_IMPOSSIBLE };
    struct cull__request create = CULL__REQUEST_INIT;

    if (!check_open(place, expect, why, why_max) || !check_seen(place, expect, why, why_max)) {
        return false;
    }
    if (place->sessions[0].store == NULL) {
        create.op = CULL__REQUEST_CREATE;
        create.settings = settings;
        if (!check_step(place, &create, why, why_max)) {
            return false;
        }
    } else {
        if (!check_fsck(place, why, why_max)) {
            return false;
        }
        if (expect->reopening != NULL) {
            expect->reopening(expect->ctx, true);
        }
        crash_place_close(place, 0);
        if (!check_open(place, expect, why, why_max)) {
            return false;
        }
        if (expect->reopening != NULL) {
            expect->reopening(expect->ctx, false);
        }
        if (!check_seen(place, expect, why, why_max) || !check_history(place, why, why_max)) {
            return false;
        }
    }
    return crash_check_use(place, why, why_max);
}
