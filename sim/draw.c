/*
 * draw.c - random requests that get somewhere.
 *
 * SHAPE     An action is drawn by weight, then made into a request that mostly makes sense where the
 *           history stands: uploads go on from open to commit, deletes name versions that are there.
 *           Some make no sense, so that refusals are met as well.
 * INVARIANT A request names things as people do, so it means something in a shorter history too.
 * WHY NOT   requests drawn blindly: three in four would be refused, and uploads hardly ever commit.
 */
#include "draw.h"

#include <stdio.h>

static const char *const paths[DRAW_PATHS] = { "a", "b/c", "d" };
static const char *const names[DRAW_NAMES + 1] = { "c0", "c1", "c2", "c3" };
static const char *const labels[] = { "best", "latest", "prod" };
static const char *const tags[] = { "t", "u" };

/* As many bytes as the number needs; few, so that a fuzzer sees what each is for. */
static uint64_t take_number(struct draw *draw, uint64_t below)
{
    uint64_t value = 0;

    for (uint64_t left = below - 1; left > 0 && draw->bytes_left > 0; left >>= 8) {
        value = value << 8 | *draw->bytes++;
        draw->bytes_left--;
    }
    return value % below;
}

/* splitmix64 */
uint64_t draw_number(struct draw *draw, uint64_t below)
{
    uint64_t z = draw->state += UINT64_C(0x9e3779b97f4a7c15);

    if (draw->bytes != NULL) {
        return take_number(draw, below);
    }
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

static bool chance(struct draw *draw, unsigned percent)
{
    return draw_number(draw, 100) < percent;
}

/* --- a history's character --------------------------------------------------------------------- */

static const struct {
    unsigned weight;
    bool always;
} actions[DRAW_ACTIONS] = {
    [DRAW_UPLOAD] = { 140, true }, [DRAW_MISUSE] = { 8, false },  [DRAW_ABORT] = { 2, false },
    [DRAW_RENEW] = { 3, false },   [DRAW_DROP] = { 2, false },    [DRAW_ALIAS] = { 5, false },
    [DRAW_TAG] = { 3, false },     [DRAW_DELETE] = { 16, true },  [DRAW_SCOPE] = { 2, false },
    [DRAW_RESTORE] = { 8, false }, [DRAW_COLLECT] = { 10, true }, [DRAW_PLAN] = { 5, false },
    [DRAW_EXECUTE] = { 6, false }, [DRAW_FINISH] = { 1, false },  [DRAW_FSCK] = { 1, false },
    [DRAW_CLOCK] = { 14, true },   [DRAW_REFRESH] = { 2, false }, [DRAW_MAINTAIN] = { 4, false },
    [DRAW_REOPEN] = { 4, false },  [DRAW_STRAY] = { 2, false },
};

static void draw_character(struct draw *draw, cull_store_settings *settings)
{
    static const cull_digest_kind kinds[] = { CULL_DIGEST_XXH128, CULL_DIGEST_SHA256,
                                              CULL_DIGEST_MD5, CULL_DIGEST_SHA1 };
    static const cull_late_deletes late[] = { CULL_LATE_IMPOSSIBLE, CULL_LATE_IMPOSSIBLE,
                                              CULL_LATE_IMPOSSIBLE, CULL_LATE_VERSION_IDS,
                                              CULL_LATE_INCARNATION };
    static const uint64_t graces_ms[] = { 0, 1000, 1000, 4000 };
    static const unsigned factors[] = { 0, 1, 2, 2, 4 };

    for (unsigned i = 0; i < DRAW_ACTIONS; i++) {
        draw->weights[i] = actions[i].weight *
                           (actions[i].always ? 2 : factors[draw_number(draw, ARRAY_LEN(factors))]);
    }
    draw->letters = (unsigned)(2 + draw_number(draw, WORLD_LETTERS_MAX - 1));
    draw->names = (unsigned)(1 + draw_number(draw, DRAW_NAMES));
    draw->two_processes = chance(draw, 60);
    draw->faults = chance(draw, 50);
    draw->races = chance(draw, 50);
    draw->runs = chance(draw, 40);
    draw->ttls = chance(draw, 30);
    draw->days = chance(draw, 20);
    *settings = (cull_store_settings){
        .digest = kinds[draw_number(draw, ARRAY_LEN(kinds))],
        .late_deletes = late[draw_number(draw, ARRAY_LEN(late))],
        .grace_ms = graces_ms[draw_number(draw, ARRAY_LEN(graces_ms))],
        .lease_ms = 1000 * (2 + draw_number(draw, 6)),
        .seed = draw_number(draw, UINT64_MAX),
    };
    settings->grace_is_zero = settings->grace_ms == 0;
}

void draw_init(struct draw *draw, uint64_t seed, cull_store_settings *settings)
{
    *draw = (struct draw){ .state = seed * UINT64_C(0x2545f4914f6cdd1d) + 1 };
    draw_character(draw, settings);
}

void draw_init_bytes(struct draw *draw, const uint8_t *bytes, size_t len,
                     cull_store_settings *settings)
{
    *draw = (struct draw){ .bytes = bytes, .bytes_left = len };
    draw_character(draw, settings);
}

/* --- parts of requests -------------------------------------------------------------------------- */

static const char *project_of(const char *name)
{
    return strcmp(name, "c2") == 0 ? "q" : "p";
}

static void draft_begin(struct draft *out, struct draw *draw, enum cull__request_op op)
{
    memset(out, 0, sizeof *out);
    out->request = (struct cull__request)CULL__REQUEST_INIT;
    out->request.op = op;
    out->request.process = draw->process;
    out->request.blobs = out->blobs;
    out->request.contents = out->contents;
    out->request.entries = out->entries;
    out->request.aliases = out->aliases;
    out->request.tags = out->tags;
    out->request.versions = out->versions;
}

static void put_name(struct draw *draw, struct draft *out)
{
    const char *name = names[draw_number(draw, draw->names)];

    out->request.entity = "e";
    out->request.project = project_of(name);
    out->request.collection = name;
}

static void put_letter(const struct oracle *oracle, struct draft *out, int letter)
{
    const struct world_letter *known = &oracle->world->letters[letter];

    out->blobs[out->request.blob_count++] = (cull_blob_ref){ known->digest, known->len };
}

static void put_content(const struct oracle *oracle, struct draft *out, int letter)
{
    const struct world_letter *known = &oracle->world->letters[letter];

    out->contents[out->request.content_count++] =
        (struct cull__request_content){ known->bytes, known->len };
}

/* Which of the collections of its name this one is, counted as a request counts. */
static uint32_t which_of(const struct oracle *oracle, const struct oracle_collection *wanted)
{
    struct cull__request_version ref = { wanted->entity, wanted->project, wanted->name, 1, 0 };

    while (oracle_resolve(oracle, &ref, NULL) != NULL &&
           oracle_resolve(oracle, &ref, NULL) != wanted) {
        ref.which++;
    }
    return ref.which;
}

/* A version, preferably in this state; by name if that finds it. False: there is none at all. */
static bool put_version(struct draw *draw, const struct oracle *oracle, struct draft *out,
                        cull_version_state state)
{
    struct cull__request_version *ref = &out->versions[out->request.version_count];

    for (int attempt = 0; attempt < 12 && oracle->collection_count > 0; attempt++) {
        const struct oracle_collection *collection =
            &oracle->collections[draw_number(draw, oracle->collection_count)];

        if (collection->version_count == 0) {
            continue;
        }
        *ref = (struct cull__request_version){
            collection->entity, collection->project, collection->name, 0,
            (uint32_t)draw_number(draw, collection->version_count)
        };
        if (collection->versions[ref->ordinal].state == state || attempt > 8) {
            if (oracle_resolve(oracle, ref, NULL) != collection || chance(draw, 10)) {
                ref->which = which_of(oracle, collection);
            }
            ref->ordinal += chance(draw, 1);
            out->request.version_count++;
            return true;
        }
    }
    return false;
}

static unsigned letter(struct draw *draw)
{
    return (unsigned)draw_number(draw, draw->letters);
}

/* --- uploads -------------------------------------------------------------------------------- */

static bool is_usable(const struct oracle *oracle, uint32_t slot)
{
    const struct oracle_upload *upload = oracle_upload(oracle, slot);

    return oracle->world->uploads[slot] != 0 && upload != NULL && upload->open &&
           upload->until_ms > oracle->world->now_ms;
}

static void draw_target(struct draw *draw, struct draw_target *target, bool patch)
{
    target->patch = patch;
    for (size_t i = 0; i < DRAW_PATHS; i++) {
        target->letters[i] = chance(draw, 60)            ? (int)letter(draw)
                             : patch && chance(draw, 30) ? DRAW_REMOVE
                                                         : DRAW_KEEP;
    }
}

static void draw_open(struct draw *draw, const struct oracle *oracle, struct draft *out,
                      uint32_t slot)
{
    static const uint64_t leases_ms[] = { 0, 1000, 3000, 10000 };
    const struct oracle_collection *collection;
    bool based = chance(draw, 60);

    draft_begin(out, draw, CULL__REQUEST_OPEN);
    put_name(draw, out);
    out->request.slot = slot;
    out->request.ms = leases_ms[draw_number(draw, ARRAY_LEN(leases_ms))];
    out->request.type = chance(draw, 3) ? "model" : "";
    out->request.run = draw->runs && chance(draw, 50) ? (chance(draw, 50) ? "r" : "s") : "";
    collection =
        oracle_find(oracle, out->request.entity, out->request.project, out->request.collection);
    if (based && collection != NULL && collection->version_count > 0) {
        uint32_t newest = (uint32_t)collection->version_count;

        out->request.base = chance(draw, 40) ? newest : 1 + (uint32_t)draw_number(draw, newest);
    } else if (chance(draw, 2)) {
        out->request.base = 1;
    }
    draw_target(draw, &draw->targets[slot], out->request.base > 0 && chance(draw, 60));
}

/* What the upload still lacks, letter by letter of its target. */
struct lacks {
    int unnamed[DRAW_PATHS];
    size_t unnamed_count;
    int unsent[DRAW_PATHS];
    size_t unsent_count;
    bool waits;
};

static void find_lacks(const struct draw *draw, const struct oracle *oracle, uint32_t slot,
                       struct lacks *out)
{
    const struct oracle_upload *upload = oracle_upload(oracle, slot);

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < DRAW_PATHS; i++) {
        int wanted = draw->targets[slot].letters[i];
        const cull_digest *digest;
        const struct oracle_blob *blob;

        if (wanted < 0) {
            continue;
        }
        digest = &oracle->world->letters[wanted].digest;
        blob = oracle_blob(oracle, digest);
        if (!oracle_pins(upload, digest) && !oracle_base_holds(oracle, upload, digest)) {
            out->waits = out->waits || (blob != NULL && blob->state == ORACLE_DELETING);
            out->unnamed[out->unnamed_count++] = wanted;
        } else if (blob != NULL && blob->state == ORACLE_EXPECTED) {
            out->unsent[out->unsent_count++] = wanted;
        }
    }
}

static void draw_put(struct draw *draw, const struct oracle *oracle, struct draft *out,
                     uint32_t slot, const struct lacks *lacks)
{
    draft_begin(out, draw, CULL__REQUEST_PUT);
    out->request.slot = slot;
    out->request.kind = oracle->settings.digest;
    for (size_t i = 0; i < lacks->unnamed_count; i++) {
        if (chance(draw, 80)) {
            put_letter(oracle, out, lacks->unnamed[i]);
        }
    }
    if (out->request.blob_count == 0 || chance(draw, 5)) {
        put_letter(oracle, out, (int)letter(draw));
    }
    if (chance(draw, 1)) {
        out->blobs[0].size_bytes++;
    }
}

static void draw_send(struct draw *draw, const struct oracle *oracle, struct draft *out,
                      uint32_t slot, const struct lacks *lacks)
{
    bool itself = chance(draw, 25); /* publishes by itself, and confirms */

    draft_begin(out, draw, itself ? CULL__REQUEST_PUBLISH : CULL__REQUEST_SEND);
    out->request.slot = slot;
    for (size_t i = 0; i < lacks->unsent_count; i++) {
        if (i == 0 || chance(draw, 70)) {
            put_content(oracle, out, lacks->unsent[i]);
        }
    }
    if (itself && oracle_object(oracle, &oracle->world->letters[lacks->unsent[0]].digest, 0)) {
        draft_begin(out, draw, CULL__REQUEST_CONFIRM);
        out->request.slot = slot;
        out->request.kind = oracle->settings.digest;
        put_letter(oracle, out, lacks->unsent[0]);
    } else if (draw->faults && chance(draw, 8)) {
        out->request.fault = chance(draw, 50) ? CULL__FAULT_PUBLISH : CULL__FAULT_PUBLISH_AFTER;
    }
}

static void draw_entries(const struct draw *draw, const struct oracle *oracle, struct draft *out,
                         uint32_t slot)
{
    const struct draw_target *target = &draw->targets[slot];

    for (size_t i = 0; i < DRAW_PATHS; i++) {
        cull_entry *entry = &out->entries[out->request.entry_count];
        int wanted = target->letters[i];

        if (wanted == DRAW_KEEP || (wanted == DRAW_REMOVE && !target->patch)) {
            continue;
        }
        out->request.entry_count++;
        entry->path = paths[i];
        entry->path_len = (uint32_t)strlen(paths[i]);
        if (wanted >= 0) {
            entry->kind = CULL_ENTRY_BLOB;
            entry->digest = oracle->world->letters[wanted].digest;
            entry->size_bytes = oracle->world->letters[wanted].len;
        }
    }
}

static void draw_commit(struct draw *draw, const struct oracle *oracle, struct draft *out,
                        uint32_t slot)
{
    draft_begin(out, draw, CULL__REQUEST_COMMIT);
    out->request.slot = slot;
    out->request.kind = oracle->settings.digest;
    out->request.flags = draw->targets[slot].patch ? CULL__REQUEST_PATCH : 0;
    draw_entries(draw, oracle, out, slot);
    while (out->request.alias_count < 3 && chance(draw, 15)) {
        out->aliases[out->request.alias_count++] = labels[draw_number(draw, ARRAY_LEN(labels))];
    }
    while (out->request.tag_count < 2 && chance(draw, 10)) {
        out->tags[out->request.tag_count++] = tags[draw_number(draw, ARRAY_LEN(tags))];
    }
    out->request.ms = draw->ttls && chance(draw, 40) ? 1000 * (1 + draw_number(draw, 4)) : 0;
    out->request.description = chance(draw, 5) ? "as it was" : "";
    if (out->request.entry_count > 0 && out->entries[0].kind == CULL_ENTRY_BLOB &&
        chance(draw, 1)) {
        out->entries[0].size_bytes++;
    }
}

static void draw_upload(struct draw *draw, const struct oracle *oracle, struct draft *out)
{
    uint32_t slot = (uint32_t)draw_number(draw, DRAW_SLOTS);
    struct lacks lacks;

    if (!is_usable(oracle, slot)) {
        draw_open(draw, oracle, out, slot);
        return;
    }
    find_lacks(draw, oracle, slot, &lacks);
    if (lacks.waits && chance(draw, 50)) {
        draft_begin(out, draw, CULL__REQUEST_FINISH);
    } else if (lacks.unnamed_count > 0) {
        draw_put(draw, oracle, out, slot, &lacks);
    } else if (lacks.unsent_count > 0) {
        draw_send(draw, oracle, out, slot, &lacks);
    } else {
        draw_commit(draw, oracle, out, slot);
    }
}

static void draw_misuse(struct draw *draw, const struct oracle *oracle, struct draft *out)
{
    uint32_t slot = (uint32_t)draw_number(draw, DRAW_SLOTS);
    const int any = (int)letter(draw);
    const struct lacks lacks = { { any }, 1, { any }, 1, false };

    switch (draw_number(draw, 4)) {
    case 0:
        draw_put(draw, oracle, out, slot, &lacks);
        break;
    case 1:
        draft_begin(out, draw, CULL__REQUEST_SEND);
        out->request.slot = slot;
        put_content(oracle, out, any);
        break;
    case 2:
        draft_begin(out, draw, CULL__REQUEST_CONFIRM);
        out->request.slot = slot;
        out->request.kind = oracle->settings.digest;
        put_letter(oracle, out, any);
        break;
    default:
        draw_commit(draw, oracle, out, slot);
        break;
    }
}

/* --- the rest --------------------------------------------------------------------------------- */

static void draw_slot_op(struct draw *draw, struct draft *out, enum cull__request_op op)
{
    draft_begin(out, draw, op);
    out->request.slot = (uint32_t)draw_number(draw, DRAW_SLOTS);
}

static void draw_label_op(struct draw *draw, const struct oracle *oracle, struct draft *out,
                          bool tag)
{
    bool away = chance(draw, 30);

    draft_begin(out, draw,
                tag    ? CULL__REQUEST_TAG
                : away ? CULL__REQUEST_ALIAS_REMOVE
                       : CULL__REQUEST_ALIAS_SET);
    out->request.label = tag ? tags[draw_number(draw, ARRAY_LEN(tags))]
                             : labels[draw_number(draw, ARRAY_LEN(labels))];
    out->request.flags = tag && !away ? CULL__REQUEST_PRESENT : 0;
    if (!put_version(draw, oracle, out, CULL_VERSION_COMMITTED)) {
        draft_begin(out, draw, CULL__REQUEST_REFRESH);
    }
}

static void draw_delete(struct draw *draw, const struct oracle *oracle, struct draft *out)
{
    draft_begin(out, draw, CULL__REQUEST_DELETE);
    while (put_version(draw, oracle, out, CULL_VERSION_COMMITTED) &&
           out->request.version_count < DRAFT_VERSIONS_MAX && chance(draw, 40)) {
    }
    if (out->request.version_count == 0) {
        draft_begin(out, draw, CULL__REQUEST_REFRESH);
        return;
    }
    out->request.flags = (chance(draw, 75) ? CULL__REQUEST_DELETE_ALIASES : 0) |
                         (chance(draw, 5) ? CULL__REQUEST_DRY_RUN : 0);
}

static void draw_scope(struct draw *draw, struct draft *out)
{
    draft_begin(out, draw, CULL__REQUEST_DELETE_SCOPE);
    put_name(draw, out);
    out->request.scope = draw->runs && chance(draw, 50) ? CULL_SCOPE_RUN
                         : chance(draw, 80)             ? CULL_SCOPE_COLLECTION
                         : chance(draw, 70)             ? CULL_SCOPE_PROJECT
                                                        : CULL_SCOPE_ENTITY;
    out->request.run = out->request.scope == CULL_SCOPE_RUN ? (chance(draw, 50) ? "r" : "s") : "";
    out->request.flags =
        (out->request.scope == CULL_SCOPE_RUN && chance(draw, 60) ? CULL__REQUEST_ARTIFACTS : 0) |
        (chance(draw, 10) ? CULL__REQUEST_DRY_RUN : 0);
}

/* A version of another deleted collection that had the same name as the first one's. */
static void put_namesake(const struct oracle *oracle, struct draft *out)
{
    const struct cull__request_version *first = &out->versions[0];
    const struct oracle_collection *collection = oracle_resolve(oracle, first, NULL);

    for (size_t i = 0; i < oracle->collection_count; i++) {
        const struct oracle_collection *other = &oracle->collections[i];
        struct cull__request_version ref = *first;

        if (other == collection || !other->deleted || strcmp(other->name, first->collection) != 0) {
            continue;
        }
        ref.which = which_of(oracle, other);
        for (size_t ordinal = 0; ordinal < other->version_count; ordinal++) {
            if (other->versions[ordinal].state == CULL_VERSION_DELETED) {
                ref.ordinal = (uint32_t)ordinal;
                out->versions[out->request.version_count++] = ref;
                return;
            }
        }
    }
}

static void draw_restore(struct draw *draw, const struct oracle *oracle, struct draft *out)
{
    draft_begin(out, draw, CULL__REQUEST_RESTORE);
    while (put_version(draw, oracle, out, CULL_VERSION_DELETED) &&
           out->request.version_count < DRAFT_VERSIONS_MAX && chance(draw, 40)) {
    }
    if (out->request.version_count == 0) {
        draft_begin(out, draw, CULL__REQUEST_REFRESH);
        return;
    }
    if (out->request.version_count < DRAFT_VERSIONS_MAX && chance(draw, 30)) {
        put_namesake(oracle, out);
    }
    out->request.label = chance(draw, 15) ? names[draw_number(draw, ARRAY_LEN(names))] : "";
}

static void draw_cycle(struct draw *draw, struct draft *out, enum cull__request_op op)
{
    draft_begin(out, draw, op);
    out->request.slot = op == CULL__REQUEST_COLLECT ? 0 : (uint32_t)draw_number(draw, DRAW_PLANS);
    out->request.flags = (chance(draw, 85) ? CULL__REQUEST_EMPTY_STORE : 0) |
                         (chance(draw, 10) ? CULL__REQUEST_VERIFY_FULL : 0);
    if (chance(draw, 10)) {
        out->request.flags |= CULL__REQUEST_SHORTER_GRACE;
        out->request.grace_ms = chance(draw, 50) ? 0 : 1000;
    }
    out->request.max_deletes = chance(draw, 8) ? 1 + draw_number(draw, 3) : 0;
    out->request.max_bytes = chance(draw, 5) ? 1 + draw_number(draw, 20) : 0;
    if (draw->faults && op != CULL__REQUEST_PLAN && chance(draw, 20)) {
        out->request.fault = chance(draw, 60) ? CULL__FAULT_DELETE : CULL__FAULT_DELETE_AFTER;
    }
}

static void draw_clock(struct draw *draw, struct draft *out)
{
    draft_begin(out, draw, CULL__REQUEST_CLOCK);
    out->request.ms = draw->days && chance(draw, 15) ? UINT64_C(25) * 3600 * 1000
                                                     : 500 * (1 + draw_number(draw, 4));
}

static void draw_stray(struct draw *draw, const struct oracle *oracle, struct draft *out)
{
    draft_begin(out, draw, CULL__REQUEST_PUBLISH);
    put_content(oracle, out, (int)letter(draw));
}

static enum draw_action draw_action(struct draw *draw)
{
    uint64_t sum = 0;
    uint64_t at;
    unsigned action = 0;

    for (unsigned i = 0; i < DRAW_ACTIONS; i++) {
        sum += draw->weights[i];
    }
    for (at = draw_number(draw, sum); at >= draw->weights[action]; action++) {
        at -= draw->weights[action];
    }
    return (enum draw_action)action;
}

static void draw_one(struct draw *draw, const struct oracle *oracle, struct draft *out)
{
    switch (draw_action(draw)) {
    case DRAW_MISUSE:
        draw_misuse(draw, oracle, out);
        break;
    case DRAW_ABORT:
        draw_slot_op(draw, out, CULL__REQUEST_ABORT);
        break;
    case DRAW_RENEW:
        draw_slot_op(draw, out, CULL__REQUEST_RENEW);
        break;
    case DRAW_DROP:
        draw_slot_op(draw, out, CULL__REQUEST_DROP);
        break;
    case DRAW_ALIAS:
        draw_label_op(draw, oracle, out, false);
        break;
    case DRAW_TAG:
        draw_label_op(draw, oracle, out, true);
        break;
    case DRAW_DELETE:
        draw_delete(draw, oracle, out);
        break;
    case DRAW_SCOPE:
        draw_scope(draw, out);
        break;
    case DRAW_RESTORE:
        draw_restore(draw, oracle, out);
        break;
    case DRAW_COLLECT:
        draw_cycle(draw, out, CULL__REQUEST_COLLECT);
        break;
    case DRAW_PLAN:
        draw_cycle(draw, out, CULL__REQUEST_PLAN);
        break;
    case DRAW_EXECUTE:
        draw_cycle(draw, out, CULL__REQUEST_EXECUTE);
        break;
    case DRAW_FINISH:
        draft_begin(out, draw, CULL__REQUEST_FINISH);
        break;
    case DRAW_FSCK:
        draft_begin(out, draw, CULL__REQUEST_FSCK);
        out->request.flags = chance(draw, 70) ? CULL__REQUEST_REPAIR : CULL__REQUEST_READ_DATA;
        break;
    case DRAW_CLOCK:
        draw_clock(draw, out);
        break;
    case DRAW_REFRESH:
        draft_begin(out, draw, CULL__REQUEST_REFRESH);
        break;
    case DRAW_MAINTAIN:
        draft_begin(out, draw, CULL__REQUEST_MAINTAIN);
        out->request.flags = chance(draw, 85) ? CULL__REQUEST_FORCE : 0;
        break;
    case DRAW_REOPEN:
        draft_begin(out, draw, CULL__REQUEST_REOPEN);
        break;
    case DRAW_STRAY:
        draw_stray(draw, oracle, out);
        break;
    case DRAW_UPLOAD:
    case DRAW_ACTIONS:
        draw_upload(draw, oracle, out);
        break;
    }
}

void draw_next(struct draw *draw, const struct oracle *oracle, struct draft *out)
{
    if (draw->two_processes && chance(draw, 12)) {
        draw->process = 1 - draw->process;
    }
    draw_one(draw, oracle, out);
    if (draw->races && draw->two_processes && out->request.fault == CULL__FAULT_NONE &&
        chance(draw, out->request.op == CULL__REQUEST_EXECUTE ? 50 : 10)) {
        out->request.fault = CULL__FAULT_RACE;
    }
}

/* --- races ---------------------------------------------------------------------------------- */

/* Names are looked up before the append: a racer must not change what they mean. */
static bool resolves_names(const struct cull__request *request)
{
    return request->version_count > 0;
}

static bool changes_names(const struct cull__request *request)
{
    return request->op == CULL__REQUEST_OPEN || request->op == CULL__REQUEST_DELETE_SCOPE ||
           request->op == CULL__REQUEST_RESTORE || request->op == CULL__REQUEST_EXECUTE ||
           request->op == CULL__REQUEST_COLLECT;
}

static bool is_cycle(const struct cull__request *request)
{
    return request->op == CULL__REQUEST_EXECUTE || request->op == CULL__REQUEST_COLLECT ||
           request->op == CULL__REQUEST_FINISH || request->op == CULL__REQUEST_FSCK;
}

bool draw_may_race(const struct cull__request *main, const struct cull__request *racer)
{
    if (main->fault != CULL__FAULT_RACE || racer->process == main->process ||
        racer->fault == CULL__FAULT_RACE) {
        return false;
    }
    switch (racer->op) {
    case CULL__REQUEST_CREATE:
    case CULL__REQUEST_REOPEN:
    case CULL__REQUEST_CLOCK:
    case CULL__REQUEST_DROP:
        return false;
    case CULL__REQUEST_OPEN:
        if (racer->slot == main->slot) {
            return false; /* the slot would mean another upload */
        }
        break;
    default:
        break;
    }
    switch (main->op) {
    case CULL__REQUEST_OPEN:
    case CULL__REQUEST_PUT:
    case CULL__REQUEST_COMMIT:
    case CULL__REQUEST_ABORT:
    case CULL__REQUEST_RENEW:
    case CULL__REQUEST_ALIAS_SET:
    case CULL__REQUEST_ALIAS_REMOVE:
    case CULL__REQUEST_TAG:
    case CULL__REQUEST_DELETE:
    case CULL__REQUEST_DELETE_SCOPE:
    case CULL__REQUEST_RESTORE:
        return !resolves_names(main) || !changes_names(racer);
    case CULL__REQUEST_EXECUTE:
        return !is_cycle(racer);
    default:
        return false;
    }
}

void draw_racer(struct draw *draw, const struct oracle *oracle, const struct cull__request *main,
                struct draft *out)
{
    uint32_t process = draw->process;

    draw->process = 1 - main->process;
    for (int attempt = 0; attempt < 16; attempt++) {
        draw_one(draw, oracle, out);
        if (draw_may_race(main, &out->request)) {
            break;
        }
    }
    draw->process = process;
}
