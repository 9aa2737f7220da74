/*
 * read.c - reading blobs back, and who holds them.
 *
 * FAILURE   What was read is only right once the call has returned CULL_OK: size and digest are
 *           known at the end.
 * COST      why: the collections' lifespans, and the manifests of the versions that hold the blob.
 */
#include "store/store_internal.h"

#include "object/objects_internal.h"

#define SIZES_BATCH 256

/* --- bytes ------------------------------------------------------------------------------------ */

struct reader {
    cull_hasher *hasher;
    cull_write_fn write;
    void *ctx;
    uint64_t size_bytes;
};

static cull_status take_bytes(void *ctx, const void *data, size_t len, cull_error *err)
{
    struct reader *reader = ctx;
    cull_status status = cull_hasher_add(reader->hasher, data, len);

    reader->size_bytes += len;
    return status != CULL_OK ? cull__error_set(err, status, "digest: %s", cull_strerror(status))
                             : reader->write(reader->ctx, data, len, err);
}

/* The object of a blob; NOTFOUND if the store does not know the digest. */
static cull_status find_object(cull_store *store, const cull_digest *digest, cull_object_id *id,
                               uint64_t *size_bytes, cull_error *err)
{
    uint32_t number = CULL__BLOB_NONE;
    char hex[CULL_DIGEST_HEX_MAX];
    cull_status status = cull__store_enter(store, CULL__NEED_INDEX, err);

    if (status != CULL_OK) {
        return status;
    }
    cull_digest_to_hex(hex, digest, store->settings.digest);
    status = cull__blob_table_find(store->index->blobs, digest, 1, &number);
    if (status != CULL_OK) {
        status = cull__error_set(err, status, "blob table: %s", cull_strerror(status));
    } else if (number == CULL__BLOB_NONE) {
        status = cull__error_set(err, CULL_E_NOTFOUND, "blob %s: not in the store", hex);
    } else if (cull__blob_table_state(store->index->blobs, number) == CULL__BLOB_EXPECTED) {
        status = cull__error_set(err, CULL_E_NOTFOUND,
                                 "blob %s: expected, but no object is confirmed", hex);
    } else {
        *id = cull__object_id(store->index, number);
        *size_bytes = cull__blob_table_size(store->index->blobs, number);
    }
    cull__store_leave(store);
    return status;
}

cull_status cull_blob_read(cull_store *store, const cull_digest *digest, cull_write_fn write,
                           void *ctx, cull_error *err)
{
    struct reader reader = { NULL, write, ctx, 0 };
    char hex[CULL_DIGEST_HEX_MAX];
    cull_object_id id;
    cull_digest found;
    uint64_t size_bytes = 0;
    cull_status status;

    if (store->objects == NULL) {
        return cull__error_set(err, CULL_E_REFUSED, "the store keeps no objects");
    }
    status = find_object(store, digest, &id, &size_bytes, err);
    if (status != CULL_OK) {
        return status;
    }
    cull_digest_to_hex(hex, digest, store->settings.digest);
    status = cull_hasher_new(&reader.hasher, store->settings.digest, store->allocator);
    if (status != CULL_OK) {
        return cull__error_set(err, status, "digest: %s", cull_strerror(status));
    }
    status = cull__objects_read(store->objects, &id, take_bytes, &reader, err);
    if (status == CULL_E_NOTFOUND) {
        (void)cull__error_set(err, status, "blob %s: its object is missing", hex);
    }
    if (status == CULL_OK) {
        status = cull_hasher_end(reader.hasher, &found);
    }
    if (status == CULL_OK && size_bytes == CULL_SIZE_UNKNOWN) {
        size_bytes = reader.size_bytes; /* the digest alone decides */
    }
    if (status == CULL_OK &&
        (reader.size_bytes != size_bytes || memcmp(&found, digest, sizeof found) != 0)) {
        status = cull__error_set(err, CULL_E_DAMAGED,
                                 "blob %s: its object holds other bytes (%llu of them, %llu are "
                                 "right)",
                                 hex, (unsigned long long)reader.size_bytes,
                                 (unsigned long long)size_bytes);
    }
    cull_hasher_free(reader.hasher);
    return status;
}

cull_status cull_blob_sizes(cull_store *store, const cull_digest *digests, size_t count,
                            uint64_t *sizes, cull_error *err)
{
    cull_status status = cull__store_enter(store, CULL__NEED_INDEX, err);
    struct cull__blob_table *blobs;

    if (status != CULL_OK) {
        return status;
    }
    blobs = store->index->blobs;
    for (size_t from = 0; from < count && status == CULL_OK; from += SIZES_BATCH) {
        size_t some = count - from < SIZES_BATCH ? count - from : SIZES_BATCH;
        uint32_t numbers[SIZES_BATCH];

        status = cull__blob_table_find(blobs, digests + from, some, numbers);
        for (size_t i = 0; status == CULL_OK && i < some; i++) {
            sizes[from + i] = numbers[i] == CULL__BLOB_NONE
                                  ? CULL_SIZE_UNKNOWN
                                  : cull__blob_table_size(blobs, numbers[i]);
        }
    }
    if (status != CULL_OK) {
        (void)cull__error_set(err, status, "blob table: %s", cull_strerror(status));
    }
    cull__store_leave(store);
    return status;
}

/* --- why -------------------------------------------------------------------------------------- */

struct why {
    cull_store *store;
    const cull_digest *digest;
    uint32_t number;
    cull_blob_info *out;
    cull_why_visit_fn visit;
    void *ctx;
    cull_error *err;
    struct cull__info_scratch scratch;
    const struct cull__collection *collection; /* of the lifespans being visited */
};

/* Tell of each path of one version that holds the blob. */
static cull_status visit_paths(struct why *why, const struct cull__version *version)
{
    cull_version_info info;
    cull_manifest *manifest = NULL;
    bool told = false;
    cull_status status =
        cull__version_info(&info, why->store->catalog, why->collection, version, &why->scratch);

    if (status != CULL_OK) {
        return cull__error_nomem(why->err);
    }
    status =
        cull__version_manifest_locked(why->store, why->collection, version, &manifest, why->err);
    for (size_t i = 0; status == CULL_OK && i < cull_manifest_count(manifest); i++) {
        cull_entry entry;

        cull_manifest_at(manifest, i, &entry);
        if (entry.kind == CULL_ENTRY_BLOB &&
            memcmp(&entry.digest, why->digest, sizeof entry.digest) == 0) {
            status = why->visit(why->ctx, &info, entry.path);
            told = true;
        }
    }
    if (status == CULL_OK) {
        status = cull_manifest_check(manifest, why->err);
    }
    if (status == CULL_OK && !told) { /* through a reference into another artifact */
        status = why->visit(why->ctx, &info, "");
    }
    cull_manifest_free(manifest);
    return status;
}

static cull_status visit_lifespan(void *ctx, uint32_t born, uint32_t died)
{
    struct why *why = ctx;
    cull_status status = CULL_OK;

    for (size_t i = 0; i < why->collection->version_count && status == CULL_OK; i++) {
        const struct cull__version *version = &why->collection->versions[i];

        if (version->ordinal >= born && version->ordinal < died) {
            why->out->versions++;
            status = why->visit == NULL ? CULL_OK : visit_paths(why, version);
        }
    }
    return status;
}

static cull_status fill_blob_info(struct why *why)
{
    static const char *const states[] = { "free", "expected", "live", "deleting" };
    const struct cull__index *index = why->store->index;
    cull_status status = CULL_OK;

    why->out->state = states[cull__blob_table_state(index->blobs, why->number)];
    why->out->size_bytes = cull__blob_table_size(index->blobs, why->number);
    why->out->count = cull__counts_get(index->counts, why->number);
    for (size_t i = 0; i < index->pin_count; i++) {
        const struct cull__bits *set = &index->pins[i].set;

        why->out->pins += why->number < set->count && cull__bit_get(set->words, why->number);
    }
    for (why->collection = why->store->catalog->collections;
         why->collection != NULL && status == CULL_OK;
         why->collection = why->collection->hh_id.next) {
        const struct cull__lifespans *spans = cull__index_spans(index, why->collection->id);

        if (spans != NULL) {
            status = cull__lifespans_of_blob(spans, why->number, visit_lifespan, why);
        }
    }
    return status;
}

cull_status cull_why(cull_store *store, const cull_digest *digest, cull_blob_info *out,
                     cull_why_visit_fn visit, void *ctx, cull_error *err)
{
    struct why why = {
        .store = store, .digest = digest, .out = out, .visit = visit, .ctx = ctx, .err = err
    };
    cull_status status = cull__store_enter(store, CULL__NEED_INDEX, err);

    memset(out, 0, sizeof *out);
    if (status != CULL_OK) {
        return status;
    }
    why.scratch.allocator = store->allocator;
    status = cull__blob_table_find(store->index->blobs, digest, 1, &why.number);
    if (status != CULL_OK) {
        status = cull__error_nomem(err);
    } else if (why.number == CULL__BLOB_NONE) {
        char hex[CULL_DIGEST_HEX_MAX];

        cull_digest_to_hex(hex, digest, store->settings.digest);
        status = cull__error_set(err, CULL_E_NOTFOUND, "blob %s: not in the store", hex);
    } else {
        status = fill_blob_info(&why);
    }
    cull__info_scratch_release(&why.scratch);
    cull__store_leave(store);
    return status;
}
