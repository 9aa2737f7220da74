/*
 * memory_objects.c - objects in memory, playing a directory or a bucket, for simulation and
 * tests.
 *
 * SHAPE     A chained table by key; an object is a chain of versions, newest first, of which
 *           some are delete markers; contents are counted, so that versions, readers and
 *           requests under way share them. Staged contents lie in slots. With deliver_late,
 *           requests queue: each has an answer once it was delivered, told once.
 * INVARIANT An object in the table has at least one version that is no marker. Version 1 is
 *           what a bucket calls null: written without versioning, or while it was suspended;
 *           others count up from 2. The figures of current objects are kept with each change.
 * COST      O(1) an operation, at most three small allocations, no system call.
 * FAILURE   CULL_E_NOMEM, and nothing changed.
 * THREADS   Any; one lock. Callbacks run outside it, on snapshots and counted contents, and may
 *           call the store.
 * WHY NOT   uthash: 56 bytes a handle for a key that is a digest already.
 */
#include "object/objects_internal.h"

#include "base/hash.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NULL_VERSION 1 /* a bucket's null version; 0 in a call means "no version named" */
#define NO_SLOT UINT32_MAX
#define STAGE_BYTES_MIN 256

struct content {
    uint32_t refs;
    uint64_t size_bytes;
    uint8_t bytes[];
};

struct version {
    struct version *older;
    uint64_t number;
    uint64_t modified_ms;
    struct content *content; /* NULL: a delete marker */
};

struct object {
    struct object *next;
    uint64_t hash;
    cull_object_id id;
    struct version *current;
};

struct slot {
    uint64_t token; /* serial << 32 | the slot's number */
    uint64_t staged_ms;
    struct content *content; /* NULL: free */
    uint32_t next_free;
};

/* A publish or delete on its way (deliver_late). */
struct request {
    bool publish;
    bool waiting;  /* will arrive, once more if it was delivered already */
    bool answered; /* result stands */
    bool told;     /* nobody will ask again */
    cull_object_id id;
    uint64_t number;         /* publish: token; delete: version */
    struct content *content; /* publish */
    cull_status result;
};

struct memory {
    cull_objects base; /* first */
    const cull_allocator *allocator;
    cull_digest_kind digest;
    cull_versioning versioning;
    cull_late_deletes late;
    bool deliver_late;
    pthread_mutex_t lock; /* of everything below */
    uint64_t now_ms;
    struct object **buckets;
    size_t bucket_count; /* a power of two */
    size_t object_count;
    struct object *quarantine;
    size_t current_count;
    uint64_t current_bytes;
    uint64_t last_version;
    struct slot *slots;
    size_t slot_count;
    size_t slot_capacity;
    uint32_t free_slot;
    uint32_t stage_serial;
    struct request **requests; /* in the order in which they were made */
    size_t request_count;
    size_t request_capacity;
};

static void memory_lock(struct memory *memory)
{
    (void)pthread_mutex_lock(&memory->lock);
}

static void memory_unlock(struct memory *memory)
{
    (void)pthread_mutex_unlock(&memory->lock);
}

/* --- contents, versions, objects -------------------------------------------------------- */

static void content_release(struct memory *memory, struct content *content)
{
    if (content != NULL) {
        CULL_ASSERT(content->refs > 0);
        if (--content->refs == 0) {
            cull__free(memory->allocator, content);
        }
    }
}

static struct content *content_share(struct content *content)
{
    content->refs++;
    return content;
}

static struct version *version_new(struct memory *memory, uint64_t number, struct content *content)
{
    struct version *version = cull__alloc(memory->allocator, 1, sizeof *version);

    if (version != NULL) {
        version->older = NULL;
        version->number = number;
        version->modified_ms = memory->now_ms;
        version->content = content != NULL ? content_share(content) : NULL;
    }
    return version;
}

static void version_free(struct memory *memory, struct version *version)
{
    if (version != NULL) {
        content_release(memory, version->content);
        cull__free(memory->allocator, version);
    }
}

static void version_push(struct object *object, struct version *version)
{
    version->older = object->current;
    object->current = version;
}

/* Take a version away; without that number there is nothing to do. */
static void version_drop(struct memory *memory, struct object *object, uint64_t number)
{
    for (struct version **at = &object->current; *at != NULL; at = &(*at)->older) {
        if ((*at)->number == number) {
            struct version *version = *at;

            *at = version->older;
            version_free(memory, version);
            return;
        }
    }
}

static bool object_has_content(const struct object *object)
{
    for (const struct version *at = object->current; at != NULL; at = at->older) {
        if (at->content != NULL) {
            return true;
        }
    }
    return false;
}

static void object_free(struct memory *memory, struct object *object)
{
    while (object->current != NULL) {
        struct version *version = object->current;

        object->current = version->older;
        version_free(memory, version);
    }
    cull__free(memory->allocator, object);
}

/* The version that a reader sees; NULL: none, or a marker hides it. */
static const struct version *object_visible(const struct object *object)
{
    return object != NULL && object->current != NULL && object->current->content != NULL
               ? object->current
               : NULL;
}

/* Take an object out of the figures before it changes, and into them afterwards. */
static void object_uncount(struct memory *memory, const struct object *object)
{
    const struct version *visible = object_visible(object);

    if (visible != NULL) {
        memory->current_count--;
        memory->current_bytes -= visible->content->size_bytes;
    }
}

static void object_count(struct memory *memory, const struct object *object)
{
    const struct version *visible = object_visible(object);

    if (visible != NULL) {
        memory->current_count++;
        memory->current_bytes += visible->content->size_bytes;
    }
}

/* --- the table -------------------------------------------------------------------------- */

/* The key of an id: the incarnation is a part of it only where it answers late deletes. */
static cull_object_id memory_key(const struct memory *memory, const cull_object_id *id)
{
    cull_object_id key = *id;

    if (memory->late != CULL_LATE_INCARNATION) {
        key.incarnation = 0;
    }
    return key;
}

static bool key_equal(const cull_object_id *a, const cull_object_id *b)
{
    return a->incarnation == b->incarnation &&
           memcmp(a->digest.bytes, b->digest.bytes, sizeof a->digest.bytes) == 0;
}

static uint64_t key_hash(const cull_object_id *key)
{
    return XXH3_64bits_withSeed(key->digest.bytes, sizeof key->digest.bytes, key->incarnation);
}

/* The place of an object in the table, or where it would be. */
static struct object **table_find(const struct memory *memory, const cull_object_id *key,
                                  uint64_t hash)
{
    struct object **at = &memory->buckets[hash & (memory->bucket_count - 1)];

    while (*at != NULL && ((*at)->hash != hash || !key_equal(&(*at)->id, key))) {
        at = &(*at)->next;
    }
    return at;
}

static struct object *memory_find(const struct memory *memory, const cull_object_id *id)
{
    cull_object_id key = memory_key(memory, id);

    return *table_find(memory, &key, key_hash(&key));
}

static bool table_grow(struct memory *memory)
{
    size_t count = memory->bucket_count * 2;
    struct object **buckets = cull__alloc_zero(memory->allocator, count, sizeof(struct object *));

    if (buckets == NULL) {
        return false;
    }
    for (size_t i = 0; i < memory->bucket_count; i++) {
        while (memory->buckets[i] != NULL) {
            struct object *object = memory->buckets[i];

            memory->buckets[i] = object->next;
            object->next = buckets[object->hash & (count - 1)];
            buckets[object->hash & (count - 1)] = object;
        }
    }
    cull__free(memory->allocator, memory->buckets);
    memory->buckets = buckets;
    memory->bucket_count = count;
    return true;
}

/* A new object without versions, in the table; NULL: no memory. */
static struct object *table_add(struct memory *memory, const cull_object_id *key)
{
    struct object *object;
    struct object **at;

    if (memory->object_count >= memory->bucket_count && !table_grow(memory)) {
        return NULL;
    }
    object = cull__alloc(memory->allocator, 1, sizeof *object);
    if (object == NULL) {
        return NULL;
    }
    *object = (struct object){ .hash = key_hash(key), .id = *key };
    at = table_find(memory, key, object->hash);
    CULL_ASSERT(*at == NULL);
    *at = object;
    memory->object_count++;
    return object;
}

static void table_remove(struct memory *memory, struct object *object)
{
    struct object **at = table_find(memory, &object->id, object->hash);

    CULL_ASSERT(*at == object);
    *at = object->next;
    object->next = NULL;
    memory->object_count--;
}

/* --- what a request does when it arrives ------------------------------------------------ */

static cull_status memory_apply_publish(struct memory *memory, const cull_object_id *id,
                                        struct content *content)
{
    bool versioned = memory->versioning == CULL_VERSIONING_ENABLED;
    cull_object_id key = memory_key(memory, id);
    struct object *object = memory_find(memory, id);
    struct version *version =
        version_new(memory, versioned ? memory->last_version + 1 : NULL_VERSION, content);
    if (version == NULL) {
        return CULL_E_NOMEM;
    }
    if (object == NULL) {
        object = table_add(memory, &key);
    }
    if (object == NULL) {
        version_free(memory, version);
        return CULL_E_NOMEM;
    }
    object_uncount(memory, object);
    if (versioned) {
        memory->last_version++;
    } else {
        version_drop(memory, object, NULL_VERSION);
    }
    version_push(object, version);
    object_count(memory, object);
    return CULL_OK;
}

/* Delete without naming a version: a bucket that keeps versions adds a marker. */
static cull_status memory_apply_hide(struct memory *memory, struct object *object)
{
    bool versioned = memory->versioning == CULL_VERSIONING_ENABLED;
    struct version *marker = NULL;

    if (memory->versioning == CULL_VERSIONING_NONE) {
        while (object->current != NULL) {
            version_drop(memory, object, object->current->number);
        }
        return CULL_OK;
    }
    marker = version_new(memory, versioned ? memory->last_version + 1 : NULL_VERSION, NULL);
    if (marker == NULL) {
        return CULL_E_NOMEM;
    }
    if (versioned) {
        memory->last_version++;
    } else {
        version_drop(memory, object, NULL_VERSION);
    }
    version_push(object, marker);
    return CULL_OK;
}

static cull_status memory_apply_delete(struct memory *memory, const cull_object_id *id,
                                       uint64_t number)
{
    struct object *object = memory_find(memory, id);
    cull_status status = CULL_OK;

    if (object == NULL) {
        return CULL_OK;
    }
    object_uncount(memory, object);
    if (number == 0) {
        status = memory_apply_hide(memory, object);
    } else {
        version_drop(memory, object, number);
    }
    object_count(memory, object);
    if (!object_has_content(object)) { /* markers alone hide nothing */
        table_remove(memory, object);
        object_free(memory, object);
    }
    return status;
}

/* --- staging ---------------------------------------------------------------------------- */

/* The next bytes of a source. */
static cull_status stage_next(const cull_source *source, uint64_t done, uint8_t *data, size_t len,
                              size_t *got, cull_error *err)
{
    ssize_t count;

    if (source->fd < 0) {
        return source->read(source->ctx, data, len, got, err);
    }
    do {
        count = pread(source->fd, data, len, (off_t)done);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return cull__error_errno(err, errno, "source: cannot be read");
    }
    *got = (size_t)count;
    return CULL_OK;
}

/* Bytes that are worth asking memory for at first. */
static size_t stage_guess(const cull_source *source)
{
    struct stat st;

    if (source->fd >= 0 && fstat(source->fd, &st) == 0 && st.st_size > STAGE_BYTES_MIN &&
        (uint64_t)st.st_size <= source->size_bytes_max) {
        return (size_t)st.st_size + 1;
    }
    return STAGE_BYTES_MIN;
}

static cull_status stage_content(struct memory *memory, const cull_source *source,
                                 struct content **out, cull_error *err)
{
    const cull_allocator *allocator = memory->allocator;
    size_t capacity = stage_guess(source);
    struct content *content = cull__alloc(allocator, 1, sizeof *content + capacity);
    struct content *moved = content;
    cull_status status = CULL_OK;
    size_t len = 0;
    size_t got = 1;

    *out = NULL;
    while (moved != NULL && status == CULL_OK && got > 0) {
        if (len == capacity) {
            capacity *= 2;
            moved = cull__realloc(allocator, content, 1, sizeof *content + capacity);
            content = moved != NULL ? moved : content;
            continue;
        }
        got = 0;
        status = stage_next(source, len, content->bytes + len, capacity - len, &got, err);
        len += got;
        if (status == CULL_OK && len > source->size_bytes_max) {
            status = cull__error_set(err, CULL_E_LIMIT, "source: longer than %" PRIu64 " bytes",
                                     source->size_bytes_max);
        }
    }
    if (moved == NULL) {
        status = cull__error_nomem(err);
    }
    if (status != CULL_OK) {
        cull__free(allocator, content);
        return status;
    }
    content->refs = 1;
    content->size_bytes = len;
    *out = content;
    return CULL_OK;
}

/* Give content a slot; the slot owns it. */
static cull_status slot_put(struct memory *memory, struct content *content, uint64_t *token)
{
    uint32_t number = memory->free_slot;

    if (number == NO_SLOT) {
        void *slots = memory->slots;
        cull_status status = cull__reserve(memory->allocator, &slots, &memory->slot_capacity,
                                           memory->slot_count + 1, sizeof(struct slot));

        if (status != CULL_OK) {
            return status;
        }
        memory->slots = slots;
        number = (uint32_t)memory->slot_count++;
    } else {
        memory->free_slot = memory->slots[number].next_free;
    }
    memory->stage_serial++;
    *token = (uint64_t)memory->stage_serial << 32 | number;
    memory->slots[number] = (struct slot){
        .token = *token, .staged_ms = memory->now_ms, .content = content, .next_free = NO_SLOT
    };
    return CULL_OK;
}

/* Take the content of a slot out; NULL: no such token any more. */
static struct content *slot_take(struct memory *memory, uint64_t token)
{
    uint32_t number = (uint32_t)token;
    struct content *content;

    if (number >= memory->slot_count || memory->slots[number].token != token ||
        memory->slots[number].content == NULL) {
        return NULL;
    }
    content = memory->slots[number].content;
    memory->slots[number].content = NULL;
    memory->slots[number].next_free = memory->free_slot;
    memory->free_slot = number;
    return content;
}

static cull_status memory_stage(cull_objects *objects, const cull_source *source, cull_staged *out,
                                cull_error *err)
{
    struct memory *memory = (struct memory *)objects;
    cull_staged staged = { 0 };
    struct content *content;
    cull_status status = stage_content(memory, source, &content, err);

    *out = (cull_staged){ 0 };
    if (status != CULL_OK) {
        return status;
    }
    staged.size_bytes = content->size_bytes;
    status =
        cull_digest_of(&staged.digest, memory->digest, content->bytes, (size_t)content->size_bytes);
    if (status == CULL_OK) {
        memory_lock(memory);
        status = slot_put(memory, content, &staged.token);
        memory_unlock(memory);
    }
    if (status != CULL_OK) {
        cull__free(memory->allocator, content);
        return cull__error_set(err, status, "source: cannot be staged: %s", cull_strerror(status));
    }
    *out = staged;
    return CULL_OK;
}

static void memory_discard(cull_objects *objects, const cull_staged *staged)
{
    struct memory *memory = (struct memory *)objects;

    memory_lock(memory);
    content_release(memory, slot_take(memory, staged->token));
    memory_unlock(memory);
}

static cull_status memory_clean_staged(cull_objects *objects, uint64_t before_ms, uint64_t *count,
                                       cull_error *err)
{
    struct memory *memory = (struct memory *)objects;

    (void)err;
    *count = 0;
    memory_lock(memory);
    for (size_t i = 0; i < memory->slot_count; i++) {
        const struct slot *slot = &memory->slots[i];

        if (slot->content != NULL && slot->staged_ms != 0 && slot->staged_ms < before_ms) {
            content_release(memory, slot_take(memory, slot->token));
            ++*count;
        }
    }
    memory_unlock(memory);
    return CULL_OK;
}

/* --- requests that arrive late ---------------------------------------------------------- */

static void request_free(struct memory *memory, size_t at)
{
    struct request *request = memory->requests[at];

    memmove(memory->requests + at, memory->requests + at + 1,
            (memory->request_count - at - 1) * sizeof(struct request *));
    memory->request_count--;
    content_release(memory, request->content);
    cull__free(memory->allocator, request);
}

/* Number of the request that the same call made before and whose answer it was not told. */
static size_t request_find(const struct memory *memory, bool publish, const cull_object_id *key,
                           uint64_t number)
{
    size_t at = 0;

    while (at < memory->request_count &&
           (memory->requests[at]->told || memory->requests[at]->publish != publish ||
            memory->requests[at]->number != number || !key_equal(&memory->requests[at]->id, key))) {
        at++;
    }
    return at;
}

/* Send a request on its way; content is taken over, whatever the result. */
static cull_status request_send(struct memory *memory, bool publish, const cull_object_id *key,
                                uint64_t number, struct content *content)
{
    void *requests = memory->requests;
    struct request *request = NULL;
    cull_status status = cull__reserve(memory->allocator, &requests, &memory->request_capacity,
                                       memory->request_count + 1, sizeof(struct request *));

    memory->requests = requests;
    if (status == CULL_OK) {
        request = cull__alloc(memory->allocator, 1, sizeof *request);
        status = request != NULL ? CULL_E_BUSY : CULL_E_NOMEM;
    }
    if (request == NULL) {
        content_release(memory, content);
        return status;
    }
    *request = (struct request){
        .publish = publish, .waiting = true, .id = *key, .number = number, .content = content
    };
    memory->requests[memory->request_count++] = request;
    return status;
}

/* The answer to a request, made now if it was not made before. */
static cull_status request_ask(struct memory *memory, bool publish, const cull_object_id *id,
                               uint64_t number)
{
    cull_object_id key = memory_key(memory, id);
    size_t at = request_find(memory, publish, &key, number);
    struct content *content = NULL;
    struct request *request;
    cull_status status;

    if (at == memory->request_count) {
        if (publish) {
            content = slot_take(memory, number);
            if (content == NULL) {
                return CULL_E_NOTFOUND;
            }
        }
        return request_send(memory, publish, &key, number, content);
    }
    request = memory->requests[at];
    if (!request->answered) {
        return CULL_E_BUSY;
    }
    status = request->result;
    request->told = true;
    if (!request->waiting) {
        request_free(memory, at);
    }
    return status;
}

static size_t requests_waiting(const struct memory *memory)
{
    size_t waiting = 0;

    for (size_t at = 0; at < memory->request_count; at++) {
        waiting += memory->requests[at]->waiting ? 1 : 0;
    }
    return waiting;
}

static void memory_arrive(struct memory *memory, size_t which, bool again)
{
    size_t at = 0;
    struct request *request;
    size_t waiting;

    memory_lock(memory);
    waiting = requests_waiting(memory);
    if (waiting == 0) {
        memory_unlock(memory);
        return;
    }
    for (which %= waiting; !memory->requests[at]->waiting || which > 0; at++) {
        which -= memory->requests[at]->waiting ? 1 : 0;
    }
    request = memory->requests[at];
    request->result = request->publish
                          ? memory_apply_publish(memory, &request->id, request->content)
                          : memory_apply_delete(memory, &request->id, request->number);
    request->answered = true;
    request->waiting = again;
    if (!request->waiting && request->told) {
        request_free(memory, at);
    }
    memory_unlock(memory);
}

void cull_objects_memory_deliver(cull_objects *objects, size_t which)
{
    memory_arrive((struct memory *)objects, which, false);
}

void cull_objects_memory_redeliver(cull_objects *objects, size_t which)
{
    memory_arrive((struct memory *)objects, which, true);
}

void cull_objects_memory_hang_up(cull_objects *objects)
{
    struct memory *memory = (struct memory *)objects;

    memory_lock(memory);
    for (size_t at = memory->request_count; at-- > 0;) {
        memory->requests[at]->told = true;
        if (!memory->requests[at]->waiting) {
            request_free(memory, at);
        }
    }
    memory_unlock(memory);
}

size_t cull_objects_memory_pending(cull_objects *objects)
{
    struct memory *memory = (struct memory *)objects;
    size_t waiting;

    memory_lock(memory);
    waiting = requests_waiting(memory);
    memory_unlock(memory);
    return waiting;
}

/* --- the operations --------------------------------------------------------------------- */

#define NAME_MAX_BYTES (CULL_DIGEST_HEX_MAX + 12)

static const char *object_name(char name[NAME_MAX_BYTES], const struct memory *memory,
                               const cull_object_id *key)
{
    cull_digest_to_hex(name, &key->digest, memory->digest);
    if (memory->late == CULL_LATE_INCARNATION) {
        size_t len = strlen(name);

        (void)snprintf(name + len, NAME_MAX_BYTES - len, "-%" PRIu32, key->incarnation);
    }
    return name;
}

static cull_object_info version_info(const struct version *visible)
{
    cull_object_info info = { .status = CULL_E_NOTFOUND };

    if (visible != NULL) {
        info.status = CULL_OK;
        info.size_bytes = visible->content->size_bytes;
        info.modified_ms = visible->modified_ms;
    }
    return info;
}

struct listed {
    cull_object_id id;
    cull_object_info info;
};

static cull_status memory_list(cull_objects *objects, cull_object_visit_fn visit, void *ctx,
                               cull_error *err)
{
    struct memory *memory = (struct memory *)objects;
    struct listed *listed;
    cull_status status = CULL_OK;
    size_t count = 0;

    memory_lock(memory);
    listed = cull__alloc(memory->allocator, memory->current_count, sizeof *listed);
    for (size_t i = 0; listed != NULL && i < memory->bucket_count; i++) {
        for (const struct object *at = memory->buckets[i]; at != NULL; at = at->next) {
            if (object_visible(at) != NULL) {
                CULL_ASSERT(count < memory->current_count);
                listed[count++] = (struct listed){ at->id, version_info(at->current) };
            }
        }
    }
    memory_unlock(memory);
    if (listed == NULL) {
        return cull__error_nomem(err);
    }
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        char name[NAME_MAX_BYTES];

        status =
            visit(ctx, object_name(name, memory, &listed[i].id), &listed[i].id, &listed[i].info);
    }
    cull__free(memory->allocator, listed);
    return status;
}

static cull_status memory_stat_batch(cull_objects *objects, const cull_object_id *ids, size_t count,
                                     cull_object_info *info, cull_error *err)
{
    struct memory *memory = (struct memory *)objects;

    (void)err;
    memory_lock(memory);
    for (size_t i = 0; i < count; i++) {
        info[i] = version_info(object_visible(memory_find(memory, &ids[i])));
    }
    memory_unlock(memory);
    return CULL_OK;
}

static cull_status memory_not_found(const struct memory *memory, const cull_object_id *id,
                                    cull_error *err)
{
    cull_object_id key = memory_key(memory, id);
    char name[NAME_MAX_BYTES];

    return cull__error_set(err, CULL_E_NOTFOUND, "%s: no such object",
                           object_name(name, memory, &key));
}

static cull_status memory_read(cull_objects *objects, const cull_object_id *id, cull_write_fn write,
                               void *ctx, cull_error *err)
{
    struct memory *memory = (struct memory *)objects;
    struct content *content = NULL;
    const struct version *visible;
    cull_status status = CULL_OK;

    memory_lock(memory);
    visible = object_visible(memory_find(memory, id));
    if (visible != NULL) {
        content = content_share(visible->content);
    }
    memory_unlock(memory);
    if (content == NULL) {
        return memory_not_found(memory, id, err);
    }
    if (content->size_bytes > 0) {
        status = write(ctx, content->bytes, (size_t)content->size_bytes, err);
    }
    memory_lock(memory);
    content_release(memory, content);
    memory_unlock(memory);
    return status;
}

/* One failure of a batch, in words. */
static void memory_explain(const struct memory *memory, const cull_object_id *id,
                           cull_status status, cull_error *err)
{
    cull_object_id key = memory_key(memory, id);
    char name[NAME_MAX_BYTES];

    if (status != CULL_OK) {
        (void)cull__error_set(
            err, status, "%s: %s", object_name(name, memory, &key),
            status == CULL_E_NOTFOUND ? "no such staged bytes" : cull_strerror(status));
    }
}

static cull_status memory_publish(cull_objects *objects, const cull_staged *staged,
                                  const cull_object_id *ids, size_t count, cull_status *result,
                                  cull_error *err)
{
    struct memory *memory = (struct memory *)objects;
    bool failed = false;

    memory_lock(memory);
    for (size_t i = 0; i < count; i++) {
        if (memory->deliver_late) {
            result[i] = request_ask(memory, true, &ids[i], staged[i].token);
        } else {
            struct content *content = slot_take(memory, staged[i].token);

            result[i] =
                content != NULL ? memory_apply_publish(memory, &ids[i], content) : CULL_E_NOTFOUND;
            content_release(memory, content);
        }
        memory_explain(memory, &ids[i], result[i], failed ? NULL : err);
        failed |= result[i] != CULL_OK;
    }
    memory_unlock(memory);
    return cull__objects_batch_status(result, count, err);
}

static cull_status memory_delete_batch(cull_objects *objects, const cull_object_version *versions,
                                       size_t count, cull_status *result, cull_error *err)
{
    struct memory *memory = (struct memory *)objects;
    bool failed = false;

    memory_lock(memory);
    for (size_t i = 0; i < count; i++) {
        result[i] = memory->deliver_late
                        ? request_ask(memory, false, &versions[i].id, versions[i].version)
                        : memory_apply_delete(memory, &versions[i].id, versions[i].version);
        memory_explain(memory, &versions[i].id, result[i], failed ? NULL : err);
        failed |= result[i] != CULL_OK;
    }
    memory_unlock(memory);
    return cull__objects_batch_status(result, count, err);
}

static cull_late_deletes memory_late_deletes(cull_objects *objects)
{
    return ((struct memory *)objects)->late;
}

static cull_status memory_versions(cull_objects *objects, const cull_object_id *id,
                                   cull_status (*visit)(void *ctx, uint64_t version), void *ctx,
                                   cull_error *err)
{
    struct memory *memory = (struct memory *)objects;
    const struct object *object;
    cull_status status = CULL_OK;
    uint64_t *numbers = NULL;
    size_t count = 0;

    memory_lock(memory);
    object = memory_find(memory, id);
    for (const struct version *at = object ? object->current : NULL; at != NULL; at = at->older) {
        count++;
    }
    numbers = cull__alloc(memory->allocator, count, sizeof *numbers);
    count = 0;
    for (const struct version *at = object ? object->current : NULL; at != NULL && numbers != NULL;
         at = at->older) {
        if (at->content != NULL) {
            numbers[count++] = memory->versioning == CULL_VERSIONING_NONE ? 0 : at->number;
        }
    }
    memory_unlock(memory);
    if (numbers == NULL) {
        return cull__error_nomem(err);
    }
    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        status = visit(ctx, numbers[i]);
    }
    cull__free(memory->allocator, numbers);
    return status;
}

static cull_status memory_versioning(cull_objects *objects, cull_versioning *state, cull_error *err)
{
    struct memory *memory = (struct memory *)objects;

    (void)err;
    memory_lock(memory);
    *state = memory->versioning;
    memory_unlock(memory);
    return CULL_OK;
}

static cull_status memory_quarantine(cull_objects *objects, const cull_object_id *id,
                                     const cull_object_info *seen, cull_error *err)
{
    struct memory *memory = (struct memory *)objects;
    const struct version *visible;
    struct object *object;
    bool same = false;

    memory_lock(memory);
    object = memory_find(memory, id);
    visible = object_visible(object);
    same = visible == NULL || (visible->content->size_bytes == seen->size_bytes &&
                               visible->modified_ms == seen->modified_ms);
    if (object != NULL && same) {
        object_uncount(memory, object);
        table_remove(memory, object);
        object->next = memory->quarantine;
        memory->quarantine = object;
    }
    memory_unlock(memory);
    if (!same) {
        return cull__error_set(err, CULL_E_NOTFOUND, "another object is there now");
    }
    return object != NULL ? CULL_OK : memory_not_found(memory, id, err);
}

static void memory_close(cull_objects *objects)
{
    struct memory *memory = (struct memory *)objects;

    while (memory->request_count > 0) {
        request_free(memory, memory->request_count - 1);
    }
    for (size_t i = 0; i < memory->slot_count; i++) {
        content_release(memory, memory->slots[i].content);
    }
    for (size_t i = 0; i <= memory->bucket_count; i++) {
        struct object **chain =
            i < memory->bucket_count ? &memory->buckets[i] : &memory->quarantine;

        while (*chain != NULL) {
            struct object *object = *chain;

            *chain = object->next;
            object_free(memory, object);
        }
    }
    cull__free(memory->allocator, memory->requests);
    cull__free(memory->allocator, memory->slots);
    cull__free(memory->allocator, memory->buckets);
    (void)pthread_mutex_destroy(&memory->lock);
    cull__free(memory->allocator, memory);
}

static const cull_objects_ops memory_ops = {
    .struct_bytes = sizeof(cull_objects_ops),
    .name = "memory",
    .list = memory_list,
    .stat_batch = memory_stat_batch,
    .read = memory_read,
    .stage = memory_stage,
    .publish = memory_publish,
    .discard = memory_discard,
    .delete_batch = memory_delete_batch,
    .late_deletes = memory_late_deletes,
    .versions = memory_versions,
    .versioning = memory_versioning,
    .quarantine = memory_quarantine,
    .clean_staged = memory_clean_staged,
    .close = memory_close,
};

cull_status cull_objects_memory_new(cull_objects **out, const cull_objects_memory_options *options,
                                    cull_error *err)
{
    const cull_allocator *allocator =
        options->allocator != NULL ? options->allocator : cull_allocator_default();
    struct memory *memory;

    *out = NULL;
    if (cull_digest_len(options->digest) == 0) {
        return cull__error_set(err, CULL_E_USAGE, "object store memory: needs a digest's kind");
    }
    memory = cull__alloc_zero(allocator, 1, sizeof *memory);
    if (memory == NULL) {
        return cull__error_nomem(err);
    }
    memory->base.ops = &memory_ops;
    memory->allocator = allocator;
    memory->digest = options->digest;
    memory->versioning = options->versioning;
    memory->late = options->late;
    memory->deliver_late = options->deliver_late;
    memory->last_version = NULL_VERSION;
    memory->free_slot = NO_SLOT;
    memory->bucket_count = 64;
    memory->buckets = cull__alloc_zero(allocator, memory->bucket_count, sizeof(struct object *));
    if (memory->buckets == NULL) {
        cull__free(allocator, memory);
        return cull__error_nomem(err);
    }
    (void)pthread_mutex_init(&memory->lock, NULL);
    *out = &memory->base;
    return CULL_OK;
}

/* --- the hands of a test ---------------------------------------------------------------- */

void cull_objects_memory_set_time(cull_objects *objects, uint64_t now_ms)
{
    struct memory *memory = (struct memory *)objects;

    memory_lock(memory);
    memory->now_ms = now_ms;
    memory_unlock(memory);
}

void cull_objects_memory_set_versioning(cull_objects *objects, cull_versioning versioning)
{
    struct memory *memory = (struct memory *)objects;

    memory_lock(memory);
    memory->versioning = versioning;
    memory_unlock(memory);
}

size_t cull_objects_memory_count(cull_objects *objects, uint64_t *bytes)
{
    struct memory *memory = (struct memory *)objects;
    size_t count;

    memory_lock(memory);
    count = memory->current_count;
    if (bytes != NULL) {
        *bytes = memory->current_bytes;
    }
    memory_unlock(memory);
    return count;
}

/* A content of its own for a version that is about to be damaged. */
static cull_status memory_unshare(struct memory *memory, struct version *version)
{
    struct content *shared = version->content;
    size_t len = sizeof *shared + (size_t)shared->size_bytes;
    struct content *own;

    if (shared->refs == 1) {
        return CULL_OK;
    }
    own = cull__alloc(memory->allocator, 1, len);
    if (own == NULL) {
        return CULL_E_NOMEM;
    }
    memcpy(own, shared, len);
    own->refs = 1;
    version->content = own;
    content_release(memory, shared);
    return CULL_OK;
}

cull_status cull_objects_memory_corrupt(cull_objects *objects, const cull_object_id *id)
{
    struct memory *memory = (struct memory *)objects;
    cull_status status = CULL_E_NOTFOUND;
    struct object *object;

    memory_lock(memory);
    object = memory_find(memory, id);
    if (object_visible(object) != NULL) {
        status = object->current->content->size_bytes > 0 ? memory_unshare(memory, object->current)
                                                          : CULL_E_INVALID;
    }
    if (status == CULL_OK) {
        object->current->content->bytes[0] ^= 1;
    }
    memory_unlock(memory);
    return status;
}

cull_status cull_objects_memory_lose(cull_objects *objects, const cull_object_id *id)
{
    struct memory *memory = (struct memory *)objects;
    struct object *object;

    memory_lock(memory);
    object = memory_find(memory, id);
    if (object != NULL) {
        object_uncount(memory, object);
        table_remove(memory, object);
        object_free(memory, object);
    }
    memory_unlock(memory);
    return object != NULL ? CULL_OK : CULL_E_NOTFOUND;
}
