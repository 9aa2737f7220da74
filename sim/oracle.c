/*
 * oracle.c - the sets, and looking things up in them.
 *
 * SHAPE     Arrays in order of birth, searched from one end to the other. Nothing is indexed, cached
 *           or counted in advance: what could be wrong twice is computed anew.
 * COST      O(everything), which in a history is a few dozen of each.
 * FAILURE   Without memory there is no simulation: the program ends.
 */
#include "oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void oracle_break(struct oracle *oracle, const char *format, ...)
{
    va_list args;

    if (oracle->broken[0] != '\0') {
        return; /* what follows from the first is not interesting */
    }
    va_start(args, format);
    (void)vsnprintf(oracle->broken, sizeof oracle->broken, format, args);
    va_end(args);
}

const char *oracle_reached_name(unsigned what)
{
    static const char *const names[REACHED_COUNT] = {
#define X(id, text) [REACHED_##id] = (text),
        ORACLE_REACHED(X)
#undef X
    };

    return what < REACHED_COUNT ? names[what] : NULL;
}

void oracle_init(struct oracle *oracle, const struct world *world,
                 const cull_store_settings *settings)
{
    memset(oracle, 0, sizeof *oracle);
    oracle->world = world;
    oracle->settings = *settings;
}

void oracle_release(struct oracle *oracle)
{
    for (size_t i = 0; i < oracle->collection_count; i++) {
        free(oracle->collections[i].versions);
    }
    free(oracle->collections);
    free(oracle->runs);
    free(oracle->uploads);
    free(oracle->blobs);
    free(oracle->objects);
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static bool same_digest(const cull_digest *a, const cull_digest *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* --- collections and versions ----------------------------------------------------------------- */

struct oracle_collection *oracle_find(const struct oracle *oracle, const char *entity,
                                      const char *project, const char *name)
{
    for (size_t i = 0; i < oracle->collection_count; i++) {
        struct oracle_collection *collection = &oracle->collections[i];

        if (!collection->deleted && same_text(collection->entity, entity) &&
            same_text(collection->project, project) && same_text(collection->name, name)) {
            return collection;
        }
    }
    return NULL;
}

bool oracle_retained(const struct oracle_version *version)
{
    return version->state == CULL_VERSION_COMMITTED || version->state == CULL_VERSION_DELETED;
}

/* A deleted collection that holds nothing any more is forgotten, its name with it. */
static bool is_remembered(const struct oracle_collection *collection)
{
    for (size_t i = 0; i < collection->version_count; i++) {
        if (oracle_retained(&collection->versions[i])) {
            return true;
        }
    }
    return !collection->deleted;
}

struct oracle_collection *oracle_resolve(const struct oracle *oracle,
                                         const struct cull__request_version *ref,
                                         struct oracle_version **version)
{
    struct oracle_collection *found = NULL;
    uint32_t seen = 0;

    if (version != NULL) {
        *version = NULL;
    }
    for (size_t i = 0; i < oracle->collection_count; i++) {
        struct oracle_collection *collection = &oracle->collections[i];

        if (!same_text(collection->entity, ref->entity) ||
            !same_text(collection->project, ref->project) ||
            !same_text(collection->name, ref->collection) || !is_remembered(collection)) {
            continue;
        }
        seen++;
        if (ref->which > 0 ? seen == ref->which
                           : found == NULL || found->deleted) { /* a live one, else the newest */
            found = collection;
        }
    }
    if (found != NULL && version != NULL && ref->ordinal < found->version_count) {
        *version = &found->versions[ref->ordinal];
    }
    return found;
}

bool oracle_holds(const struct oracle_manifest *manifest, const cull_digest *digest)
{
    for (size_t i = 0; i < manifest->count; i++) {
        if (same_digest(&manifest->entries[i].digest, digest)) {
            return true;
        }
    }
    return false;
}

size_t oracle_alias(const struct oracle_collection *collection, const char *name)
{
    for (size_t i = 0; i < collection->aliases.count; i++) {
        if (same_text(collection->aliases.text[i], name)) {
            return i;
        }
    }
    return ORACLE_NONE;
}

bool oracle_label_has(const struct oracle_labels *labels, const char *text)
{
    for (size_t i = 0; i < labels->count; i++) {
        if (same_text(labels->text[i], text)) {
            return true;
        }
    }
    return false;
}

bool oracle_due(const struct oracle *oracle, const struct oracle_version *version,
                uint64_t shorter_ms)
{
    uint64_t now_ms = oracle->world->now_ms;

    return version->state == CULL_VERSION_DELETED &&
           (now_ms >= version->kept_until_ms ||
            (shorter_ms != UINT64_MAX && now_ms - version->deleted_ms >= shorter_ms));
}

/* --- uploads -------------------------------------------------------------------------------- */

struct oracle_upload *oracle_upload(const struct oracle *oracle, uint32_t slot)
{
    for (size_t i = 0; i < oracle->upload_count; i++) {
        if (oracle->uploads[i].id == oracle->world->uploads[slot]) {
            return &oracle->uploads[i];
        }
    }
    return NULL;
}

bool oracle_pins(const struct oracle_upload *upload, const cull_digest *digest)
{
    for (size_t i = 0; i < upload->pin_count; i++) {
        if (same_digest(&upload->pins[i], digest)) {
            return true;
        }
    }
    return false;
}

bool oracle_base_holds(const struct oracle *oracle, const struct oracle_upload *upload,
                       const cull_digest *digest)
{
    const struct oracle_collection *collection = &oracle->collections[upload->collection];

    return upload->base > 0 &&
           oracle_holds(&collection->versions[upload->base - 1].manifest, digest);
}

uint64_t oracle_base_pins(const struct oracle *oracle, const struct oracle_collection *collection,
                          size_t ordinal)
{
    uint64_t pins = 0;

    for (size_t i = 0; i < oracle->upload_count; i++) {
        const struct oracle_upload *upload = &oracle->uploads[i];

        pins += upload->open && upload->base == ordinal + 1 &&
                &oracle->collections[upload->collection] == collection;
    }
    return pins;
}

/* --- blobs and objects ------------------------------------------------------------------------ */

struct oracle_blob *oracle_blob(const struct oracle *oracle, const cull_digest *digest)
{
    struct oracle_blob *found = NULL;

    for (size_t i = 0; i < oracle->blob_count; i++) {
        struct oracle_blob *blob = &oracle->blobs[i];

        /* where keys end in incarnations, one that is being deleted is not meant by its digest */
        if (same_digest(&blob->digest, digest) &&
            (blob->state != ORACLE_DELETING ||
             oracle->settings.late_deletes != CULL_LATE_INCARNATION)) {
            found = blob;
        }
    }
    return found;
}

struct oracle_object *oracle_object(const struct oracle *oracle, const cull_digest *digest,
                                    uint32_t incarnation)
{
    for (size_t i = 0; i < oracle->object_count; i++) {
        struct oracle_object *object = &oracle->objects[i];

        if (object->versions > 0 && object->incarnation == incarnation &&
            same_digest(&object->digest, digest)) {
            return object;
        }
    }
    return NULL;
}

uint64_t oracle_pin_count(const struct oracle *oracle, const cull_digest *digest)
{
    uint64_t pins = 0;

    for (size_t i = 0; i < oracle->upload_count; i++) {
        pins += oracle->uploads[i].open && oracle_pins(&oracle->uploads[i], digest);
    }
    return pins;
}

/* Runs of neighbouring ordinals that all hold the digest, and of which some is retained. */
static uint64_t count_in(const struct oracle_collection *collection, const cull_digest *digest)
{
    uint64_t count = 0;
    bool in_run = false;
    bool counted = false;

    for (size_t i = 0; i < collection->version_count; i++) {
        const struct oracle_version *version = &collection->versions[i];

        if (!oracle_holds(&version->manifest, digest)) {
            in_run = false;
            continue;
        }
        counted = in_run && counted;
        in_run = true;
        if (oracle_retained(version) && !counted) {
            counted = true;
            count++;
        }
    }
    return count;
}

uint64_t oracle_count(const struct oracle *oracle, const cull_digest *digest)
{
    uint64_t count = oracle_pin_count(oracle, digest);

    for (size_t i = 0; i < oracle->collection_count; i++) {
        count += count_in(&oracle->collections[i], digest);
    }
    return count;
}
