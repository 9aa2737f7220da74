/*
 * witness.c - what the log says, judged fact by fact.
 *
 * SHAPE     A batch is read, each fact judged against what was there and then done to plain arrays.
 *           Holders are counted from the letters of versions as they were meant, so a fact that
 *           closes or opens the wrong lifespans changes nothing here and shows elsewhere.
 * INVARIANT refs and pins of a blob are what a walk over versions and uploads would count.
 * FAILURE   The first violation stays in broken; what comes after it is not judged.
 * WHY NOT   judging answers: who asked may be dead, or was told that it failed when it did not.
 */
#include "witness.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/fact.h"

#define DAY_MS (UINT64_C(24) * 3600 * 1000)
#define REACHED(witness, what) ((witness)->settings.reached[CAME_##what]++)

void witness_break(struct witness *witness, const char *format, ...)
{
    va_list args;

    if (witness->broken[0] == '\0') {
        va_start(args, format);
        (void)vsnprintf(witness->broken, sizeof witness->broken, format, args);
        va_end(args);
    }
}

static void *grow(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return array;
    }
    *capacity = *capacity < 16 ? 16 : 2 * *capacity;
    array = realloc(array, *capacity * size);
    if (array == NULL) {
        abort();
    }
    return array;
}

void witness_init(struct witness *witness, const struct witness_settings *settings)
{
    memset(witness, 0, sizeof *witness);
    witness->settings = *settings;
    for (size_t i = 0; i < WITNESS_LETTERS; i++) {
        witness->current[i] = WITNESS_NONE;
    }
}

void witness_release(struct witness *witness)
{
    for (size_t i = 0; i < witness->collection_count; i++) {
        free(witness->collections[i].versions);
    }
    free(witness->collections);
    free(witness->uploads);
    free(witness->claims);
}

/* --- looking -------------------------------------------------------------------------------- */

static char name_of(unsigned letter)
{
    return "abcdefgh?"[letter < WITNESS_LETTERS ? letter : WITNESS_LETTERS];
}

unsigned witness_letter(const struct witness *witness, const cull_digest *digest)
{
    unsigned letter = 0;

    while (letter < WITNESS_LETTERS &&
           memcmp(&witness->settings.digests[letter], digest, sizeof *digest) != 0) {
        letter++;
    }
    return letter;
}

struct witness_upload *witness_upload(const struct witness *witness, uint64_t id)
{
    for (size_t i = 0; i < witness->upload_count; i++) {
        if (witness->uploads[i].id == id) {
            return &witness->uploads[i];
        }
    }
    return NULL;
}

struct witness_collection *witness_by_id(const struct witness *witness, uint64_t id)
{
    for (size_t i = 0; i < witness->collection_count; i++) {
        if (witness->collections[i].id == id) {
            return &witness->collections[i];
        }
    }
    return NULL;
}

struct witness_collection *witness_named(const struct witness *witness, unsigned name)
{
    for (size_t i = witness->collection_count; i-- > 0;) {
        if (witness->collections[i].name == name && !witness->collections[i].deleted) {
            return &witness->collections[i];
        }
    }
    return NULL;
}

struct witness_version *witness_at(const struct witness *witness, const cull_version_key *key)
{
    struct witness_collection *in = witness_by_id(witness, key->collection);

    return in == NULL || key->ordinal >= in->count ? NULL : &in->versions[key->ordinal];
}

enum witness_state witness_letter_state(const struct witness *witness, unsigned letter)
{
    uint32_t number = witness->current[letter];

    return number == WITNESS_NONE ? WITNESS_FREE : witness->blobs[number].state;
}

unsigned witness_letters(const int8_t letters[WITNESS_PATHS])
{
    unsigned bits = 0;

    for (size_t i = 0; i < WITNESS_PATHS; i++) {
        bits |= letters[i] < 0 ? 0 : 1u << letters[i];
    }
    return bits;
}

bool witness_there(const struct witness *witness, unsigned letter, uint32_t incarnation)
{
    const cull_object_id id = { witness->settings.digests[letter], incarnation };
    cull_objects *objects = witness->settings.objects;
    cull_object_info info = { .status = CULL_E_NOTFOUND };

    return objects->ops->stat_batch(objects, &id, 1, &info, NULL) == CULL_OK &&
           info.status == CULL_OK && info.size_bytes == witness->settings.sizes[letter];
}

uint32_t witness_base_pins(const struct witness *witness, const struct witness_collection *in,
                           size_t ordinal, uint64_t now_ms)
{
    size_t collection = (size_t)(in - witness->collections);
    uint32_t pins = 0;

    for (size_t i = 0; i < witness->upload_count; i++) {
        const struct witness_upload *upload = &witness->uploads[i];

        pins += upload->collection == collection && upload->base == ordinal &&
                upload->until_ms > now_ms;
    }
    return pins;
}

static bool retained(const struct witness_version *version)
{
    return version->state == CULL_VERSION_COMMITTED || version->state == CULL_VERSION_DELETED;
}

static bool has_blob(const struct witness *witness, uint32_t number)
{
    return number < WITNESS_BLOBS_MAX && witness->blobs[number].state != WITNESS_FREE;
}

/* --- invariants ------------------------------------------------------------------------------ */

void witness_check(struct witness *witness)
{
    unsigned told = 0;

    witness_damage_look(witness);
    for (size_t i = 0; i < witness->upload_count; i++) {
        told |= witness->uploads[i].told;
    }
    for (unsigned letter = 0; letter < WITNESS_LETTERS; letter++) {
        uint32_t number = witness->current[letter];
        const struct witness_blob *blob = &witness->blobs[number % WITNESS_BLOBS_MAX];
        bool is_told = (told >> letter & 1) != 0;

        if (number != WITNESS_NONE && witness_damage_excuses(blob)) {
            continue;
        }
        if (number == WITNESS_NONE) {
            if (is_told) {
                witness_break(witness, "an upload was told that %c is stored; nobody names it now",
                              name_of(letter));
            }
        } else if ((blob->refs > 0 || is_told) &&
                   !witness_there(witness, letter, blob->incarnation)) {
            witness_break(witness, "%c is not in the object store: %s", name_of(letter),
                          blob->refs > 0 ? "a retained version holds it"
                                         : "an upload was told that it is stored");
        }
    }
}

void witness_sends_delete(struct witness *witness, unsigned letter, uint32_t incarnation,
                          uint64_t version)
{
    bool now = witness->settings.late == CULL_LATE_IMPOSSIBLE; /* it dies with its collector */

    for (size_t i = witness->claim_count; i-- > 0;) {
        const struct witness_claim *claim = &witness->claims[i];

        if (claim->letter == letter && claim->incarnation == incarnation &&
            claim->version == version &&
            (!now || witness_letter_state(witness, letter) == WITNESS_DELETING)) {
            return;
        }
    }
    witness_break(witness, "a delete of %c (version %" PRIu64 ") is sent before it was claimed",
                  name_of(letter), version);
}

void witness_answered(struct witness *witness, unsigned letter, uint32_t incarnation,
                      uint64_t version)
{
    for (uint32_t number = 0; number < witness->blob_limit; number++) {
        struct witness_blob *blob = &witness->blobs[number];

        for (unsigned i = 0; blob->state == WITNESS_DELETING && blob->letter == letter &&
                             blob->incarnation == incarnation && i < blob->version_count;
             i++) {
            if (blob->versions[i] == version) {
                blob->answered |= (uint16_t)(1u << i);
            }
        }
    }
}

/* --- facts: names and uploads ---------------------------------------------------------------- */

static unsigned name_index(const struct witness *witness, const struct witness_fact *fact)
{
    unsigned name = 0;

    while (name < witness->settings.name_count &&
           (strlen(witness->settings.names[name]) != fact->name_len ||
            memcmp(witness->settings.names[name], fact->name, fact->name_len) != 0)) {
        name++;
    }
    return name;
}

static void judge_collection(struct witness *witness, const struct witness_fact *fact)
{
    struct witness_collection *in;
    unsigned name = name_index(witness, fact);

    if (name == witness->settings.name_count || witness_by_id(witness, fact->id) != NULL ||
        witness_named(witness, name) != NULL) {
        witness_break(witness, "collection %" PRIu64 " is made: its name or id is taken", fact->id);
        return;
    }
    witness->collections = grow(witness->collections, witness->collection_count,
                                &witness->collection_capacity, sizeof *witness->collections);
    in = &witness->collections[witness->collection_count++];
    *in = (struct witness_collection){ .id = fact->id, .name = name };
}

static void judge_open(struct witness *witness, const struct witness_fact *fact)
{
    struct witness_collection *in = witness_by_id(witness, fact->parent);
    uint32_t base = fact->ordinal == 0 ? WITNESS_NONE : fact->ordinal - 1;
    struct witness_upload *upload;

    if (in == NULL || in->deleted || witness_upload(witness, fact->id) != NULL ||
        (base != WITNESS_NONE &&
         (base >= in->count || in->versions[base].state != CULL_VERSION_COMMITTED))) {
        witness_break(witness, "upload %" PRIu64 " opens on what is not there, or not committed",
                      fact->id);
        return;
    }
    witness->uploads = grow(witness->uploads, witness->upload_count, &witness->upload_capacity,
                            sizeof *witness->uploads);
    upload = &witness->uploads[witness->upload_count++];
    *upload = (struct witness_upload){ .id = fact->id,
                                       .collection = (size_t)(in - witness->collections),
                                       .base = base,
                                       .lease_ms = fact->until_ms - witness->clock_ms,
                                       .until_ms = fact->until_ms };
    for (size_t i = 0; i < WITNESS_LETTERS; i++) {
        upload->pins[i] = WITNESS_NONE;
    }
}

static void pin(struct witness *witness, struct witness_upload *upload, uint32_t number)
{
    struct witness_blob *blob = &witness->blobs[number];

    if (upload->pins[blob->letter] != WITNESS_NONE) {
        witness_break(witness, "upload %" PRIu64 " pins %c twice", upload->id,
                      name_of(blob->letter));
    }
    upload->pins[blob->letter] = number;
    blob->pins++;
}

/* A blob that a fact introduces. NULL: it is none that may be. */
static struct witness_blob *add_blob(struct witness *witness, const struct witness_fact_blob *row,
                                     enum witness_state state)
{
    unsigned letter = witness_letter(witness, &row->digest);
    struct witness_blob *blob;

    if (letter == WITNESS_LETTERS || row->number >= WITNESS_BLOBS_MAX ||
        has_blob(witness, row->number) || row->size_bytes != witness->settings.sizes[letter]) {
        witness_break(witness,
                      "blob %c gets number %" PRIu32 ": no letter, taken, or of another size",
                      name_of(letter), row->number);
        return NULL;
    }
    for (uint32_t number = 0; number < witness->blob_limit; number++) {
        blob = &witness->blobs[number];
        if (blob->state != WITNESS_FREE && blob->letter == letter &&
            blob->incarnation == row->incarnation) {
            witness_break(witness, "blob %c of incarnation %" PRIu32 " is there twice",
                          name_of(letter), row->incarnation);
        }
    }
    blob = &witness->blobs[row->number];
    *blob = (struct witness_blob){ .state = state,
                                   .letter = (uint8_t)letter,
                                   .incarnation = row->incarnation };
    if (row->number >= witness->blob_limit) {
        witness->blob_limit = row->number + 1;
    }
    return blob;
}

/* A blob that is named for the first time. */
static void name_blob(struct witness *witness, struct witness_upload *upload,
                      const struct witness_fact_blob *row)
{
    bool incarnations = witness->settings.late == CULL_LATE_INCARNATION;
    const struct witness_blob *blob = add_blob(witness, row, WITNESS_EXPECTED);

    if (blob == NULL) {
        return;
    }
    if (row->incarnation != (incarnations ? witness->cycles : 0)) {
        witness_break(witness, "blob %c gets incarnation %" PRIu32 " in cycle %" PRIu64,
                      name_of(blob->letter), row->incarnation, witness->cycles);
    }
    if (witness->current[blob->letter] != WITNESS_NONE) {
        witness_break(witness, "blob %c is named as new: it has number %" PRIu32,
                      name_of(blob->letter), witness->current[blob->letter]);
    }
    for (uint32_t number = 0; number < witness->blob_limit; number++) {
        if (number != row->number && has_blob(witness, number) &&
            witness->blobs[number].letter == blob->letter) {
            REACHED(witness, INCARNATIONS);
            break;
        }
    }
    witness->current[blob->letter] = row->number;
    pin(witness, upload, row->number);
}

static void judge_pin(struct witness *witness, const struct witness_fact *fact)
{
    struct witness_upload *upload = witness_upload(witness, fact->id);

    if (upload == NULL) {
        witness_break(witness, "upload %" PRIu64 " pins and has ended", fact->id);
        return;
    }
    for (size_t i = 0; i < fact->number_count; i++) {
        struct witness_blob *blob = &witness->blobs[fact->numbers[i] % WITNESS_BLOBS_MAX];

        if (!has_blob(witness, fact->numbers[i]) || blob->state == WITNESS_DELETING) {
            witness_break(witness, "a pin on blob %" PRIu32 ", which is gone or being deleted",
                          fact->numbers[i]);
            return;
        }
        if (blob->refs + blob->pins == 0) {
            REACHED(witness, RESCUES);
        }
        if (blob->state == WITNESS_EXPECTED && blob->pins > 0) {
            REACHED(witness, EXPECTED_TWICE);
        }
        pin(witness, upload, fact->numbers[i]);
    }
    for (size_t i = 0; i < fact->blob_count; i++) {
        name_blob(witness, upload, &fact->blobs[i]);
    }
}

static void judge_stored(struct witness *witness, const struct witness_fact *fact)
{
    for (size_t i = 0; i < fact->number_count; i++) {
        struct witness_blob *blob = &witness->blobs[fact->numbers[i] % WITNESS_BLOBS_MAX];

        if (!has_blob(witness, fact->numbers[i]) || blob->state == WITNESS_DELETING) {
            witness_break(witness, "blob %" PRIu32 " is called stored and is being deleted",
                          fact->numbers[i]);
            return;
        }
        if (!witness_damage_excuses(blob) &&
            !witness_there(witness, blob->letter, blob->incarnation)) {
            witness_break(witness, "blob %c is called stored and has no object",
                          name_of(blob->letter));
        }
        if (blob->refs > 0 && blob->state == WITNESS_EXPECTED) {
            REACHED(witness, HEALED);
        }
        witness_damage_stored(witness, blob);
        blob->state = WITNESS_LIVE;
    }
}

static void end_upload(struct witness *witness, struct witness_upload *upload)
{
    for (size_t i = 0; i < WITNESS_LETTERS; i++) {
        if (upload->pins[i] != WITNESS_NONE) {
            witness->blobs[upload->pins[i]].pins--;
        }
    }
    *upload = witness->uploads[--witness->upload_count];
}

static bool same_letters(const int8_t a[WITNESS_PATHS], const int8_t b[WITNESS_PATHS])
{
    return memcmp(a, b, WITNESS_PATHS) == 0;
}

static void judge_end(struct witness *witness, const struct witness_fact *fact,
                      const struct witness_call *call)
{
    struct witness_upload *upload = witness_upload(witness, fact->id);
    bool found = false;

    if (upload == NULL) {
        witness_break(witness, "upload %" PRIu64 " ends twice", fact->id);
        return;
    }
    if (fact->how == CULL__END_EXPIRED) {
        REACHED(witness, EXPIRIES);
        found = upload->until_ms <= witness->clock_ms;
    } else if (fact->how == CULL__END_EQUAL) {
        const struct witness_collection *in = &witness->collections[upload->collection];

        for (size_t i = 0; i < in->count && upload->intends; i++) {
            found = found || (in->versions[i].state == CULL_VERSION_COMMITTED &&
                              same_letters(in->versions[i].letters, upload->letters));
        }
        REACHED(witness, EQUAL);
    } else {
        found = call->abort == fact->id || call->abort == UINT64_MAX;
        witness->settings.reached[call->abort == UINT64_MAX ? CAME_CASCADE_ABORTS : CAME_ABORTS]++;
    }
    if (!found) {
        witness_break(witness, "upload %" PRIu64 " ends (%" PRIu32 "): nothing says that it may",
                      fact->id, fact->how);
    }
    end_upload(witness, upload);
}

static void judge_renew(struct witness *witness, const struct witness_fact *fact)
{
    struct witness_upload *upload = witness_upload(witness, fact->id);

    if (upload == NULL || fact->until_ms != witness->clock_ms + upload->lease_ms) {
        witness_break(witness, "upload %" PRIu64 " is renewed: ended, or by another length",
                      fact->id);
        return;
    }
    upload->until_ms = fact->until_ms;
    REACHED(witness, RENEWALS);
}

/* --- facts: versions -------------------------------------------------------------------------- */

/* The blobs that a version will hold, by its letters; each must be there. */
static void take_numbers(struct witness *witness, struct witness_version *version)
{
    for (size_t i = 0; i < WITNESS_PATHS; i++) {
        int8_t letter = version->letters[i];
        uint32_t number = letter < 0 ? WITNESS_NONE : witness->current[letter];
        bool again = false;

        version->numbers[i] = number;
        if (letter < 0) {
            continue;
        }
        if (number == WITNESS_NONE || witness->blobs[number].state != WITNESS_LIVE) {
            witness_break(witness, "a commit names %c, which is not stored",
                          name_of((unsigned)letter));
            version->numbers[i] = WITNESS_NONE;
            continue;
        }
        for (size_t before = 0; before < i; before++) {
            again = again || version->numbers[before] == number;
        }
        witness->blobs[number].refs += !again;
    }
}

static unsigned distinct(const struct witness_version *version)
{
    unsigned bits = witness_letters(version->letters);
    unsigned count = 0;

    for (; bits != 0; bits &= bits - 1) {
        count++;
    }
    return count;
}

static void judge_commit(struct witness *witness, const struct witness_fact *fact)
{
    struct witness_upload *upload = witness_upload(witness, fact->parent);
    struct witness_collection *in =
        upload == NULL ? NULL : &witness->collections[upload->collection];
    struct witness_version *version;

    if (in == NULL || !upload->intends || in->deleted || in->id != fact->commit.collection ||
        in->count != fact->commit.ordinal) {
        witness_break(witness,
                      "upload %" PRIu64 " commits v%" PRIu32
                      ": ended, nobody asked it to, or not the next version",
                      fact->parent, fact->commit.ordinal);
        return;
    }
    in->versions = grow(in->versions, in->count, &in->capacity, sizeof *in->versions);
    version = &in->versions[in->count++];
    *version = (struct witness_version){ .state = CULL_VERSION_COMMITTED,
                                         .upload = upload->id,
                                         .created_ms = witness->clock_ms,
                                         .ttl_ms = upload->ttl_ms };
    memcpy(version->letters, upload->letters, sizeof version->letters);
    take_numbers(witness, version);
    if (fact->commit.blobs != distinct(version) || fact->commit.ttl_ms != upload->ttl_ms) {
        witness_break(witness, "a commit says %" PRIu64 " blobs, it was meant to hold %u",
                      fact->commit.blobs, distinct(version));
    }
    for (size_t i = 0; i < fact->number_count; i++) {
        for (size_t path = 0; path < WITNESS_PATHS; path++) {
            if (version->numbers[path] == fact->numbers[i]) {
                witness_break(witness, "a commit closes %c, which it holds",
                              name_of((unsigned)version->letters[path]));
            }
        }
    }
    REACHED(witness, COMMITS);
    if (upload->base != WITNESS_NONE && upload->base + 2 < in->count + 1) {
        REACHED(witness, OLDER_BASE);
    }
    end_upload(witness, upload);
}

bool witness_expires(const struct witness *witness, const struct witness_version *version,
                     uint64_t now_ms)
{
    uint64_t ttl_ms = witness_ttl(witness, version);

    return version->state == CULL_VERSION_COMMITTED && ttl_ms > 0 &&
           version->created_ms + ttl_ms <= now_ms;
}

static bool is_due(const struct witness_version *version, uint64_t now_ms, bool shorter,
                   uint64_t shorter_ms)
{
    return version->state == CULL_VERSION_DELETED &&
           (now_ms >= version->kept_until_ms ||
            (shorter && now_ms >= version->deleted_ms + shorter_ms));
}

bool witness_purges(const struct witness *witness, const struct witness_collection *in,
                    size_t ordinal, uint64_t now_ms, bool shorter, uint64_t shorter_ms)
{
    const struct witness_version *version = &in->versions[ordinal];
    bool at_once = witness->settings.grace_ms == 0 || (shorter && shorter_ms == 0);

    return (is_due(version, now_ms, shorter, shorter_ms) ||
            (at_once && witness_expires(witness, version, now_ms))) &&
           witness_base_pins(witness, in, ordinal, now_ms) == 0;
}

/* The versions that a fact names, each in this state; NULL: broken. */
static struct witness_collection *versions_of(struct witness *witness,
                                              const struct witness_fact *fact,
                                              cull_version_state state, const char *what)
{
    struct witness_collection *in = witness_by_id(witness, fact->parent);

    for (size_t i = 0; in != NULL && i < fact->number_count; i++) {
        if (fact->numbers[i] >= in->count || in->versions[fact->numbers[i]].state != state) {
            witness_break(witness, "%s of v%" PRIu32 ", which is not in that state", what,
                          fact->numbers[i]);
            return NULL;
        }
    }
    if (in == NULL) {
        witness_break(witness, "%s in collection %" PRIu64 ", which is not there", what,
                      fact->parent);
    }
    return in;
}

static void judge_delete(struct witness *witness, const struct witness_fact *fact)
{
    struct witness_collection *in =
        versions_of(witness, fact, CULL_VERSION_COMMITTED, "a soft-delete");

    for (size_t i = 0; in != NULL && i < fact->number_count; i++) {
        struct witness_version *version = &in->versions[fact->numbers[i]];

        if (fact->until_ms != witness->clock_ms + witness->settings.grace_ms ||
            (fact->how == CULL_REASON_TTL &&
             !witness_expires(witness, version, witness->clock_ms))) {
            witness_break(witness, "v%" PRIu32 " is deleted: with another grace, or too early",
                          fact->numbers[i]);
        }
        version->state = CULL_VERSION_DELETED;
        version->deleted_ms = witness->clock_ms;
        version->kept_until_ms = fact->until_ms;
        REACHED(witness, DELETES);
        if (fact->how == CULL_REASON_TTL) {
            REACHED(witness, TTL_EXPIRIES);
            witness->settings.reached[CAME_DEFAULT_EXPIRIES] += version->ttl_ms == 0;
        }
        witness_rules_lose(witness, &(cull_version_key){ in->id, fact->numbers[i] });
    }
}

static void judge_restore(struct witness *witness, const struct witness_fact *fact)
{
    struct witness_collection *in = versions_of(witness, fact, CULL_VERSION_DELETED, "a restore");

    for (size_t i = 0; in != NULL && i < fact->number_count; i++) {
        struct witness_version *version = &in->versions[fact->numbers[i]];

        version->state = CULL_VERSION_COMMITTED;
        witness_rules_regain(witness, &(cull_version_key){ in->id, fact->numbers[i] });
        REACHED(witness, RESTORES);
        if (version->planned > 0 && version->planned > witness->cycle_seq) {
            REACHED(witness, RESTORED_AFTER_PLAN);
        }
    }
}

/* A cycle's facts come from a collector, and from the newest one. */
static void judge_cycle_fact(struct witness *witness, const struct witness_fact *fact,
                             const struct witness_call *call, const char *what)
{
    if (!call->collects || fact->id != witness->cycles) {
        witness_break(witness, "%s of cycle %" PRIu64 " in cycle %" PRIu64, what, fact->id,
                      witness->cycles);
    }
}

static void drop_refs(struct witness *witness, const struct witness_version *version)
{
    for (size_t i = 0; i < WITNESS_PATHS; i++) {
        bool again = version->numbers[i] == WITNESS_NONE;

        for (size_t before = 0; before < i; before++) {
            again = again || version->numbers[before] == version->numbers[i];
        }
        if (!again) {
            witness->blobs[version->numbers[i]].refs--;
        }
    }
}

static void judge_purge(struct witness *witness, const struct witness_fact *fact,
                        const struct witness_call *call)
{
    struct witness_collection *in = versions_of(witness, fact, CULL_VERSION_DELETED, "a purge");

    if (!call->collects) {
        witness_break(witness, "a purge by who does not collect");
    }
    for (size_t i = 0; in != NULL && i < fact->number_count; i++) {
        struct witness_version *version = &in->versions[fact->numbers[i]];

        if (!is_due(version, witness->clock_ms, call->shorter, call->shorter_ms)) {
            witness_break(witness, "v%" PRIu32 " is purged before it is due", fact->numbers[i]);
        }
        if (witness_base_pins(witness, in, fact->numbers[i], 0) > 0) {
            witness_break(witness, "v%" PRIu32 " is purged: an open upload builds on it",
                          fact->numbers[i]);
        }
        version->state = CULL_VERSION_PURGED;
        witness_rules_purge(witness, &(cull_version_key){ in->id, fact->numbers[i] });
        drop_refs(witness, version);
        REACHED(witness, PURGES);
        if (fact->numbers[i] + 1 == in->count) {
            REACHED(witness, PURGED_HEADS);
        }
        if (i > 0 && fact->numbers[i - 1] + 1 == fact->numbers[i]) {
            REACHED(witness, PURGED_TOGETHER);
        }
    }
}

static void judge_collection_delete(struct witness *witness, const struct witness_fact *fact)
{
    struct witness_collection *in = witness_by_id(witness, fact->id);

    if (in == NULL || in->deleted) {
        witness_break(witness, "collection %" PRIu64 " is deleted twice", fact->id);
        return;
    }
    in->deleted = true;
    REACHED(witness, CASCADES);
    for (size_t i = 0; i < in->count; i++) {
        if (in->versions[i].state == CULL_VERSION_COMMITTED) {
            witness_break(witness, "a deleted collection keeps v%zu", i);
        }
    }
    for (size_t i = 0; i < witness->upload_count; i++) {
        if (&witness->collections[witness->uploads[i].collection] == in) {
            witness_break(witness, "a deleted collection keeps upload %" PRIu64,
                          witness->uploads[i].id);
        }
    }
}

static void judge_revive(struct witness *witness, const struct witness_fact *fact)
{
    struct witness_collection *in = witness_by_id(witness, fact->id);
    unsigned name = name_index(witness, fact);

    if (in == NULL || !in->deleted || name == witness->settings.name_count ||
        witness_named(witness, name) != NULL) {
        witness_break(witness, "collection %" PRIu64 " comes back: its name is taken", fact->id);
        return;
    }
    in->deleted = false;
    in->name = name;
    REACHED(witness, REVIVALS);
}

/* --- facts: cycles ---------------------------------------------------------------------------- */

static void judge_cycle(struct witness *witness, const struct witness_fact *fact,
                        const struct witness_call *call)
{
    if (!call->collects || fact->id != witness->cycles + 1) {
        witness_break(witness, "cycle %" PRIu64 " begins after cycle %" PRIu64, fact->id,
                      witness->cycles);
    }
    witness->cycles = fact->id;
    witness->cycle_seq = witness->seq;
}

struct looking {
    struct witness *witness;
    const struct witness_blob *blob;
};

static cull_status visit_version(void *ctx, uint64_t version)
{
    const struct looking *looking = ctx;
    bool named = false;

    for (unsigned i = 0; i < looking->blob->version_count; i++) {
        named = named || looking->blob->versions[i] == version;
    }
    if (!named) {
        witness_break(looking->witness, "a claim of %c leaves its version %" PRIu64 " out",
                      name_of(looking->blob->letter), version);
    }
    return CULL_OK;
}

/* Nobody came between, so every version that there is was seen. */
static void check_all_named(struct witness *witness, const struct witness_blob *blob)
{
    const cull_object_id id = { witness->settings.digests[blob->letter], blob->incarnation };
    struct looking looking = { witness, blob };
    cull_objects *objects = witness->settings.objects;
    cull_status status = CULL_OK;

    if (witness->settings.late == CULL_LATE_VERSION_IDS) {
        status = objects->ops->versions(objects, &id, visit_version, &looking, NULL);
    }
    if (status != CULL_OK && status != CULL_E_NOTFOUND) {
        abort();
    }
}

/* The object versions that a claim names belong to the blob. */
static void note_versions(struct witness *witness, const struct witness_fact *fact, uint32_t number)
{
    struct witness_blob *blob = &witness->blobs[number];

    if (witness->settings.late != CULL_LATE_VERSION_IDS) {
        blob->versions[blob->version_count++] = 0;
    }
    for (size_t i = 0; i < fact->version_count; i++) {
        if (fact->versions[i].number == number && blob->version_count < WITNESS_VERSIONS_MAX) {
            blob->versions[blob->version_count++] = fact->versions[i].version;
        }
    }
    if (blob->version_count > 1) {
        REACHED(witness, SEVERAL_VERSIONS);
    }
    for (unsigned i = 0; i < blob->version_count; i++) {
        witness->claims = grow(witness->claims, witness->claim_count, &witness->claim_capacity,
                               sizeof *witness->claims);
        witness->claims[witness->claim_count++] =
            (struct witness_claim){ blob->letter, blob->incarnation, blob->versions[i] };
    }
}

static void judge_claim(struct witness *witness, const struct witness_fact *fact,
                        const struct witness_call *call)
{
    judge_cycle_fact(witness, fact, call, "a claim");
    for (size_t i = 0; i < fact->number_count; i++) {
        struct witness_blob *blob = &witness->blobs[fact->numbers[i] % WITNESS_BLOBS_MAX];

        if (!has_blob(witness, fact->numbers[i]) || blob->state == WITNESS_DELETING) {
            witness_break(witness, "a claim of blob %" PRIu32 ", which is gone or claimed",
                          fact->numbers[i]);
            return;
        }
        if (blob->refs + blob->pins > 0) {
            witness_break(witness, "a claim of %c, which %s", name_of(blob->letter),
                          blob->refs > 0 ? "a retained version holds" : "an upload pins");
        }
        REACHED(witness, CLAIMS);
        if (blob->state == WITNESS_EXPECTED) {
            REACHED(witness, CLAIMED_UNSENT);
        }
        blob->state = WITNESS_DELETING;
        if (witness->settings.late == CULL_LATE_INCARNATION) {
            witness->current[blob->letter] = WITNESS_NONE;
        }
        note_versions(witness, fact, fact->numbers[i]);
        if (!call->paused) {
            check_all_named(witness, blob);
        }
    }
}

static void judge_gone(struct witness *witness, const struct witness_fact *fact,
                       const struct witness_call *call)
{
    judge_cycle_fact(witness, fact, call, "gone");
    for (size_t i = 0; i < fact->number_count; i++) {
        struct witness_blob *blob = &witness->blobs[fact->numbers[i] % WITNESS_BLOBS_MAX];

        if (!has_blob(witness, fact->numbers[i]) || blob->state != WITNESS_DELETING) {
            witness_break(witness, "blob %" PRIu32 " is gone and was not claimed",
                          fact->numbers[i]);
            return;
        }
        if (blob->answered != (1u << blob->version_count) - 1) {
            witness_break(witness, "%c is gone: the object store has not said so",
                          name_of(blob->letter));
        }
        blob->state = WITNESS_FREE;
        if (witness->current[blob->letter] == fact->numbers[i]) {
            witness->current[blob->letter] = WITNESS_NONE;
        }
        REACHED(witness, GONE);
    }
}

/* Is an object older than two leases and a day, by who looks at it? */
static bool is_old(const struct witness *witness, const cull_object_id *id, uint64_t now_ms)
{
    cull_objects *objects = witness->settings.objects;
    uint64_t leases_ms = 2 * witness->settings.lease_ms;
    cull_object_info info = { .status = CULL_E_NOTFOUND };

    return objects->ops->stat_batch(objects, id, 1, &info, NULL) == CULL_OK &&
           info.status == CULL_OK && now_ms > info.modified_ms &&
           now_ms - info.modified_ms > (leases_ms > DAY_MS ? leases_ms : DAY_MS);
}

static void judge_adopt(struct witness *witness, const struct witness_fact *fact,
                        const struct witness_call *call)
{
    bool incarnations = witness->settings.late == CULL_LATE_INCARNATION;

    if (!call->repairs) {
        witness_break(witness, "an orphan is adopted by who does not repair");
    }
    for (size_t i = 0; i < fact->blob_count; i++) {
        const struct witness_fact_blob *row = &fact->blobs[i];
        const struct witness_blob *blob = add_blob(witness, row, WITNESS_DELETING);
        const cull_object_id id = { row->digest, row->incarnation };

        if (blob == NULL) {
            return;
        }
        if (!call->paused && !is_old(witness, &id, call->now_ms)) {
            witness_break(witness, "orphan %c is adopted while it is young", name_of(blob->letter));
        }
        if (incarnations ? row->incarnation >= witness->cycles
                         : witness->current[blob->letter] != WITNESS_NONE) {
            witness_break(witness, "orphan %c is adopted, and an upload may still name it",
                          name_of(blob->letter));
        }
        if (!incarnations) {
            witness->current[blob->letter] = row->number;
        }
        note_versions(witness, fact, row->number);
        REACHED(witness, ADOPTED);
    }
}

static void judge_lost(struct witness *witness, const struct witness_fact *fact,
                       const struct witness_call *call)
{
    for (size_t i = 0; i < fact->number_count && witness->broken[0] == '\0'; i++) {
        witness_damage_lost(witness, fact->numbers[i], call);
        REACHED(witness, SET_ASIDE);
    }
}

/* --- batches ---------------------------------------------------------------------------------- */

static void judge_stamp(struct witness *witness, const struct witness_fact *fact,
                        const struct witness_call *call)
{
    uint64_t wanted_ms = call->now_ms > witness->clock_ms ? call->now_ms : witness->clock_ms;

    if (fact->until_ms != wanted_ms) {
        witness_break(witness, "a batch is of %" PRIu64 " ms, expected %" PRIu64, fact->until_ms,
                      wanted_ms);
    }
    witness->clock_ms = fact->until_ms;
}

/* Names, aliases and tags are the histories' business. */
static void judge_others(struct witness *witness, const struct witness_fact *fact,
                         const struct witness_call *call)
{
    if (fact->type == CULL__FACT_RELEASE) {
        witness_break(witness, "a release in a store that keeps objects");
    }
    if (fact->type == CULL__FACT_SIZES || fact->type == CULL__FACT_RESIZE) {
        witness_break(witness, "a size is learned, and all were said at once");
    }
    witness_rules_fact(witness, fact, call);
}

static void judge(struct witness *witness, const struct witness_fact *fact,
                  const struct witness_call *call)
{
    switch (fact->type) {
    case CULL__FACT_STAMP:
        judge_stamp(witness, fact, call);
        break;
    case CULL__FACT_COLLECTION:
        judge_collection(witness, fact);
        break;
    case CULL__FACT_UPLOAD_OPEN:
        judge_open(witness, fact);
        break;
    case CULL__FACT_PIN:
        judge_pin(witness, fact);
        break;
    case CULL__FACT_STORED:
        judge_stored(witness, fact);
        break;
    case CULL__FACT_COMMIT:
        judge_commit(witness, fact);
        break;
    case CULL__FACT_UPLOAD_END:
        judge_end(witness, fact, call);
        break;
    case CULL__FACT_UPLOAD_RENEW:
        judge_renew(witness, fact);
        break;
    case CULL__FACT_DELETE:
        judge_delete(witness, fact);
        break;
    case CULL__FACT_RESTORE:
        judge_restore(witness, fact);
        break;
    case CULL__FACT_PURGE:
        judge_purge(witness, fact, call);
        break;
    case CULL__FACT_COLLECTION_DELETE:
        judge_collection_delete(witness, fact);
        break;
    case CULL__FACT_COLLECTION_REVIVE:
        judge_revive(witness, fact);
        break;
    case CULL__FACT_CYCLE:
        judge_cycle(witness, fact, call);
        break;
    case CULL__FACT_CLAIM:
        judge_claim(witness, fact, call);
        break;
    case CULL__FACT_GONE:
        judge_gone(witness, fact, call);
        break;
    case CULL__FACT_ADOPT:
        judge_adopt(witness, fact, call);
        break;
    case CULL__FACT_LOST:
        judge_lost(witness, fact, call);
        break;
    case CULL__FACT_VERIFIED:
        judge_cycle_fact(witness, fact, call, "a verification");
        break;
    default:
        judge_others(witness, fact, call);
        break;
    }
}

/* Whoever sees a lease that is over ends it: after any batch, none is. */
static void check_leases(struct witness *witness)
{
    for (size_t i = 0; i < witness->upload_count; i++) {
        if (witness->uploads[i].until_ms <= witness->clock_ms) {
            witness_break(witness, "upload %" PRIu64 " is open after its lease",
                          witness->uploads[i].id);
        }
    }
}

void witness_append(struct witness *witness, const void *data, size_t len, uint32_t fact_count,
                    const struct witness_call *call)
{
    const uint8_t *at = data;
    const uint8_t *end = at + len;
    size_t digest_len = cull_digest_len(witness->settings.digest);

    for (uint32_t i = 0; i < fact_count && witness->broken[0] == '\0'; i++) {
        if (!witness_read(&at, end, digest_len, &witness->fact)) {
            witness_break(witness, "fact %" PRIu64 " cannot be read", witness->seq + 1);
            return;
        }
        witness->seq++;
        judge(witness, &witness->fact, call);
    }
    if (at != end) {
        witness_break(witness, "bytes behind fact %" PRIu64, witness->seq);
    }
    check_leases(witness);
}

/* --- plans ------------------------------------------------------------------------------------ */

/* What stays when a plan is done: holders of a blob among versions that stay and uploads that do. */
static bool stays_held(const struct witness *witness, uint32_t number,
                       const struct witness_plan *plan, bool shorter, uint64_t shorter_ms)
{
    for (size_t i = 0; i < witness->upload_count; i++) {
        if (witness->uploads[i].until_ms > plan->now_ms &&
            witness->uploads[i].pins[witness->blobs[number].letter] == number) {
            return true;
        }
    }
    for (size_t c = 0; c < witness->collection_count; c++) {
        const struct witness_collection *in = &witness->collections[c];

        for (size_t v = 0; v < in->count; v++) {
            const struct witness_version *version = &in->versions[v];
            bool holds = false;

            for (size_t i = 0; i < WITNESS_PATHS; i++) {
                holds = holds || version->numbers[i] == number;
            }
            if (holds && retained(version) &&
                !witness_purges(witness, in, v, plan->now_ms, shorter, shorter_ms)) {
                return true;
            }
        }
    }
    return false;
}

void witness_plan(struct witness *witness, uint64_t now_ms, bool shorter, uint64_t shorter_ms,
                  struct witness_plan *out)
{
    *out =
        (struct witness_plan){ .now_ms = now_ms > witness->clock_ms ? now_ms : witness->clock_ms };
    for (size_t c = 0; c < witness->collection_count; c++) {
        const struct witness_collection *in = &witness->collections[c];

        for (size_t v = 0; v < in->count; v++) {
            struct witness_version *version = &in->versions[v];
            bool purged = witness_purges(witness, in, v, out->now_ms, shorter, shorter_ms);

            out->versions += purged;
            out->expired += witness_expires(witness, version, out->now_ms);
            out->kept += retained(version) && !purged;
            if (purged) {
                version->planned = witness->seq;
            } else if (is_due(version, out->now_ms, shorter, shorter_ms)) {
                REACHED(witness, KEPT_BASES);
            }
        }
    }
    for (uint32_t number = 0; number < witness->blob_limit; number++) {
        const struct witness_blob *blob = &witness->blobs[number];

        if (blob->state == WITNESS_DELETING) {
            out->unfinished++;
        } else if (blob->state != WITNESS_FREE &&
                   !stays_held(witness, number, out, shorter, shorter_ms)) {
            out->blobs[out->blob_count++] = number;
            out->bytes += blob->state == WITNESS_LIVE ? witness->settings.sizes[blob->letter] : 0;
        }
    }
}
