/*
 * index_state.c - the index as state: blobs, lifespans, counts and pins, changed by facts only.
 *
 * SHAPE     Lifespans by collection and pins by upload in arrays sorted by id: ids only grow, so
 *           both grow at their ends.
 * INVARIANT count(blob) = lifespans that retained versions cross + pins. Every apply keeps it; the
 *           mark checks it before anything is deleted.
 * COST      As the fact: nothing here walks what the fact does not name, but a commit walks the
 *           collection's open lifespans.
 * FAILURE   A fact that does not fit is CULL_E_CORRUPT. After any failure the index is dropped
 *           and loaded again, so a half-applied fact is never seen.
 */
#include "store/store_internal.h"

cull_status cull__index_new(struct cull__index **out, const cull_store_settings *settings,
                            const cull_allocator *allocator)
{
    struct cull__index *index = cull__alloc_zero(allocator, 1, sizeof *index);
    cull_status status;

    *out = NULL;
    if (index == NULL) {
        return CULL_E_NOMEM;
    }
    index->allocator = allocator;
    index->incarnations = settings->late_deletes == CULL_LATE_INCARNATION;
    index->scratch = (struct cull__bits)CULL__BITS_INIT(allocator);
    index->last = (struct cull__u32s)CULL__U32S_INIT(allocator);
    status = cull__blob_table_new(&index->blobs, settings->digest, settings->seed,
                                  index->incarnations, allocator);
    if (status == CULL_OK) {
        status = cull__counts_new(&index->counts, allocator);
    }
    if (status != CULL_OK) {
        cull__index_free(index);
        return status;
    }
    *out = index;
    return CULL_OK;
}

static void pins_release(struct cull__pins *pins)
{
    cull__bits_release(&pins->set);
    cull__u32s_release(&pins->list);
}

void cull__index_free(struct cull__index *index)
{
    if (index == NULL) {
        return;
    }
    for (size_t i = 0; i < index->span_count; i++) {
        cull__lifespans_free(index->spans[i].spans);
    }
    for (size_t i = 0; i < index->pin_count; i++) {
        pins_release(&index->pins[i]);
    }
    cull__free(index->allocator, index->spans);
    cull__free(index->allocator, index->pins);
    cull__free(index->allocator, index->claimed);
    cull__bits_release(&index->scratch);
    cull__u32s_release(&index->last);
    cull__counts_free(index->counts);
    cull__blob_table_free(index->blobs);
    cull__free(index->allocator, index);
}

/* Where id stands, or would stand, in an array of structs that start with a 64-bit id. */
static size_t position(const void *base, size_t count, size_t size, uint64_t id)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t there;

        memcpy(&there, (const char *)base + middle * size, sizeof there);
        if (there < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct cull__spans_entry *spans_entry(const struct cull__index *index, uint64_t collection)
{
    size_t at = position(index->spans, index->span_count, sizeof *index->spans, collection);

    return at < index->span_count && index->spans[at].collection == collection ? &index->spans[at]
                                                                               : NULL;
}

struct cull__lifespans *cull__index_spans(const struct cull__index *index, uint64_t collection)
{
    struct cull__spans_entry *entry = spans_entry(index, collection);

    return entry == NULL ? NULL : entry->spans;
}

const struct cull__spans_entry *cull__index_spans_after(const struct cull__index *index,
                                                        uint64_t collection)
{
    size_t at = position(index->spans, index->span_count, sizeof *index->spans, collection + 1);

    return at < index->span_count ? &index->spans[at] : NULL;
}

struct cull__pins *cull__index_pins(const struct cull__index *index, uint64_t upload)
{
    size_t at = position(index->pins, index->pin_count, sizeof *index->pins, upload);

    return at < index->pin_count && index->pins[at].upload == upload ? &index->pins[at] : NULL;
}

static size_t claimed_position(const struct cull__index *index, uint32_t number)
{
    size_t low = 0;
    size_t high = index->claimed_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (index->claimed[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct cull__fact_version *cull__index_claimed(const struct cull__index *index,
                                                     uint32_t number, size_t *count)
{
    size_t at = claimed_position(index, number);

    *count = 0;
    while (at + *count < index->claimed_count && index->claimed[at + *count].number == number) {
        ++*count;
    }
    return *count == 0 ? NULL : index->claimed + at;
}

bool cull__index_takes_size(const struct cull__index *index, uint32_t number)
{
    enum cull__blob_state state = cull__blob_table_state(index->blobs, number);

    return (state == CULL__BLOB_EXPECTED || state == CULL__BLOB_LIVE) &&
           (cull__blob_table_size(index->blobs, number) == CULL_SIZE_UNKNOWN ||
            (state == CULL__BLOB_EXPECTED && cull__counts_get(index->counts, number) == 0));
}

cull_status cull__index_scratch(struct cull__index *index)
{
    size_t limit = cull__blob_table_limit(index->blobs);

    return limit <= index->scratch.count ? CULL_OK
                                         : cull__bits_resize(&index->scratch, limit + limit / 4);
}

/* --- facts -------------------------------------------------------------------------------- */

static cull_status apply_collection(struct cull__index *index, uint64_t id)
{
    struct cull__lifespans *spans = NULL;
    void *entries = index->spans;
    cull_status status;

    if (index->span_count > 0 && index->spans[index->span_count - 1].collection >= id) {
        return CULL_E_CORRUPT;
    }
    status = cull__reserve(index->allocator, &entries, &index->span_capacity, index->span_count + 1,
                           sizeof *index->spans);
    index->spans = entries;
    if (status == CULL_OK) {
        status = cull__lifespans_new(&spans, index->allocator);
    }
    if (status == CULL_OK) {
        index->spans[index->span_count++] = (struct cull__spans_entry){ id, false, spans };
    }
    return status;
}

/* Drop the lifespans of a deleted collection that holds nothing any more. */
static void drop_if_empty(struct cull__index *index, struct cull__spans_entry *entry)
{
    size_t at = (size_t)(entry - index->spans);
    uint32_t versions = cull__lifespans_versions(entry->spans);

    if (!entry->deleted) {
        return;
    }
    for (uint32_t ordinal = 0; ordinal < versions; ordinal++) {
        if (cull__lifespans_retained(entry->spans, ordinal)) {
            return;
        }
    }
    cull__lifespans_free(entry->spans);
    index->span_count--;
    memmove(index->spans + at, index->spans + at + 1,
            (index->span_count - at) * sizeof *index->spans);
}

static cull_status apply_collection_deleted(struct cull__index *index, uint64_t id, bool deleted)
{
    struct cull__spans_entry *entry = spans_entry(index, id);

    if (entry == NULL || entry->deleted == deleted) {
        return CULL_E_CORRUPT;
    }
    entry->deleted = deleted;
    drop_if_empty(index, entry);
    return CULL_OK;
}

/* The upload's pins, made at its first pin. */
static cull_status pins_of(struct cull__index *index, uint64_t upload, struct cull__pins **out)
{
    size_t at = position(index->pins, index->pin_count, sizeof *index->pins, upload);
    void *entries = index->pins;
    cull_status status;

    if (at < index->pin_count && index->pins[at].upload == upload) {
        *out = &index->pins[at];
        return CULL_OK;
    }
    status = cull__reserve(index->allocator, &entries, &index->pin_capacity, index->pin_count + 1,
                           sizeof *index->pins);
    index->pins = entries;
    if (status != CULL_OK) {
        return status;
    }
    memmove(index->pins + at + 1, index->pins + at, (index->pin_count - at) * sizeof *index->pins);
    index->pins[at] = (struct cull__pins){ upload, CULL__BITS_INIT(index->allocator),
                                           CULL__U32S_INIT(index->allocator) };
    index->pin_count++;
    *out = &index->pins[at];
    return CULL_OK;
}

static cull_status pin(struct cull__index *index, struct cull__pins *pins, uint32_t number)
{
    cull_status status;

    if (number < pins->set.count && cull__bit_get(pins->set.words, number)) {
        return CULL_E_CORRUPT; /* a pin is appended once */
    }
    if (number >= pins->set.count) {
        status = cull__bits_resize(&pins->set, (size_t)number + 1);
        if (status != CULL_OK) {
            return status;
        }
    }
    status = cull__u32s_push(&pins->list, number);
    if (status != CULL_OK) {
        return status;
    }
    cull__bit_set(pins->set.words, number);
    index->pins_sum += cull__held_hash(number);
    return cull__counts_add(index->counts, number);
}

/* New blobs, EXPECTED, under the numbers that the fact says they get. */
static cull_status insert_blobs(struct cull__index *index, const struct cull__fact *fact)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; i < fact->blob_count && status == CULL_OK; i++) {
        const struct cull__fact_blob *blob = &fact->blobs[i];

        if (i + CULL__BLOB_EXPECTED_AHEAD < fact->blob_count) {
            cull__blob_table_expect(index->blobs,
                                    &fact->blobs[i + CULL__BLOB_EXPECTED_AHEAD].digest);
        }
        status = cull__blob_table_insert(index->blobs, blob->number, &blob->digest,
                                         blob->size_bytes, blob->incarnation);
        cull__counts_admit(index->counts, blob->number);
    }
    return status == CULL_OK
               ? cull__counts_grow(index->counts, cull__blob_table_limit(index->blobs))
               : status;
}

static cull_status apply_pin(struct cull__index *index, const struct cull__fact *fact)
{
    struct cull__pins *pins = NULL;
    cull_status status = insert_blobs(index, fact);

    if (status == CULL_OK) {
        status = pins_of(index, fact->id, &pins);
    }
    for (size_t i = 0; i < fact->number_count && status == CULL_OK; i++) {
        enum cull__blob_state state = cull__blob_table_state(index->blobs, fact->numbers[i]);

        status = state == CULL__BLOB_LIVE || state == CULL__BLOB_EXPECTED
                     ? pin(index, pins, fact->numbers[i])
                     : CULL_E_CORRUPT;
    }
    for (size_t i = 0; i < fact->blob_count && status == CULL_OK; i++) {
        status = pin(index, pins, fact->blobs[i].number);
    }
    return status;
}

/* The upload has ended, in whatever way: its pins go. */
static cull_status unpin_all(struct cull__index *index, uint64_t upload)
{
    struct cull__pins *pins = cull__index_pins(index, upload);
    cull_status status = CULL_OK;
    size_t at;

    if (pins == NULL) {
        return CULL_OK; /* it pinned nothing */
    }
    for (size_t i = 0; i < pins->list.count && status == CULL_OK; i++) {
        status = cull__counts_sub(index->counts, pins->list.at[i]);
    }
    index->pins_sum -= cull__held_sum(pins->list.at, pins->list.count);
    at = (size_t)(pins - index->pins);
    pins_release(pins);
    index->pin_count--;
    memmove(index->pins + at, index->pins + at + 1, (index->pin_count - at) * sizeof *index->pins);
    return status;
}

/* Take a collection's figures out of the sums over all, before it changes, or back in. */
static void count_spans(struct cull__index *index, const struct cull__lifespans *spans, bool in)
{
    uint64_t rows = cull__lifespans_open_count(spans) + cull__lifespans_closed_count(spans);
    uint64_t sum = cull__lifespans_sum(spans);

    index->lifespans += in ? rows : -rows;
    index->spans_sum += in ? sum : -sum;
}

static cull_status apply_commit(struct cull__index *index, const struct cull__fact *fact)
{
    struct cull__lifespans *spans = cull__index_spans(index, fact->commit.collection);
    cull_status status;

    if (spans == NULL || fact->commit.ordinal != cull__lifespans_versions(spans)) {
        return CULL_E_CORRUPT;
    }
    for (size_t i = 0; i < fact->opened_count; i++) { /* a commit names LIVE blobs only */
        if (cull__blob_table_state(index->blobs, fact->opened[i]) != CULL__BLOB_LIVE) {
            return CULL_E_CORRUPT;
        }
    }
    status = cull__index_scratch(index);
    if (status == CULL_OK) {
        count_spans(index, spans, false);
        status =
            cull__lifespans_commit(spans, fact->numbers, fact->number_count, fact->opened,
                                   fact->opened_count, index->scratch.words, index->scratch.count);
        count_spans(index, spans, true);
    }
    for (size_t i = 0; i < fact->opened_count && status == CULL_OK; i++) {
        status = cull__counts_add(index->counts, fact->opened[i]);
    }
    return status == CULL_OK ? unpin_all(index, fact->parent) : status;
}

static cull_status apply_purge(struct cull__index *index, const struct cull__fact *fact)
{
    struct cull__spans_entry *entry = spans_entry(index, fact->parent);
    struct cull__u32s killed = CULL__U32S_INIT(index->allocator);
    cull_status status;

    if (entry == NULL) {
        return CULL_E_CORRUPT;
    }
    count_spans(index, entry->spans, false);
    status = cull__lifespans_purge(entry->spans, fact->numbers, fact->number_count, &killed);
    count_spans(index, entry->spans, true);
    for (size_t i = 0; i < killed.count && status == CULL_OK; i++) {
        status = cull__counts_sub(index->counts, killed.at[i]);
    }
    cull__u32s_release(&killed);
    if (status == CULL_OK) {
        drop_if_empty(index, entry);
    }
    return status;
}

/* Move blobs from one of two states to another. */
static cull_status set_states(struct cull__index *index, const struct cull__fact *fact,
                              unsigned from, enum cull__blob_state to)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; i < fact->number_count && status == CULL_OK; i++) {
        enum cull__blob_state state = cull__blob_table_state(index->blobs, fact->numbers[i]);

        status = (from >> state) & 1
                     ? cull__blob_table_set_state(index->blobs, fact->numbers[i], to)
                     : CULL_E_CORRUPT;
    }
    return status;
}

/* A size stays once it is known, unless nobody holds the blob and no object of it is known of. */
static cull_status apply_sizes(struct cull__index *index, const struct cull__fact *fact)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; i < fact->number_count && status == CULL_OK; i++) {
        uint32_t number = fact->numbers[i];

        status = cull__index_takes_size(index, number)
                     ? cull__blob_table_set_size(index->blobs, number, fact->sizes[i])
                     : CULL_E_CORRUPT;
    }
    return status;
}

static cull_status remember_versions(struct cull__index *index, const struct cull__fact *fact)
{
    void *claimed = index->claimed;
    cull_status status =
        cull__reserve(index->allocator, &claimed, &index->claimed_capacity,
                      index->claimed_count + fact->version_count, sizeof *index->claimed);

    index->claimed = claimed;
    for (size_t i = 0; i < fact->version_count && status == CULL_OK; i++) {
        size_t at = claimed_position(index, fact->versions[i].number + 1);

        if (cull__blob_table_state(index->blobs, fact->versions[i].number) != CULL__BLOB_DELETING) {
            return CULL_E_CORRUPT;
        }
        memmove(index->claimed + at + 1, index->claimed + at,
                (index->claimed_count - at) * sizeof *index->claimed);
        index->claimed[at] = fact->versions[i];
        index->claimed_count++;
    }
    return status;
}

static cull_status apply_claim(struct cull__index *index, const struct cull__fact *fact)
{
    cull_status status = set_states(index, fact, 1u << CULL__BLOB_LIVE | 1u << CULL__BLOB_EXPECTED,
                                    CULL__BLOB_DELETING);

    for (size_t i = 0; i < fact->number_count && status == CULL_OK; i++) {
        if (cull__counts_get(index->counts, fact->numbers[i]) != 0) {
            return CULL_E_CORRUPT;
        }
        if (index->incarnations) { /* a put may name a new incarnation meanwhile */
            status = cull__blob_table_unindex(index->blobs, fact->numbers[i]);
        }
    }
    return status == CULL_OK ? remember_versions(index, fact) : status;
}

static cull_status apply_gone(struct cull__index *index, const struct cull__fact *fact)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; i < fact->number_count && status == CULL_OK; i++) {
        uint32_t number = fact->numbers[i];
        size_t versions;
        size_t at = (size_t)(cull__index_claimed(index, number, &versions) - index->claimed);

        if (cull__blob_table_state(index->blobs, number) != CULL__BLOB_DELETING) {
            return CULL_E_CORRUPT;
        }
        if (versions > 0) {
            index->claimed_count -= versions;
            memmove(index->claimed + at, index->claimed + at + versions,
                    (index->claimed_count - at) * sizeof *index->claimed);
        }
        status = cull__blob_table_erase(index->blobs, number);
        if (status == CULL_OK) {
            status = cull__counts_dismiss(index->counts, number);
        }
    }
    return status;
}

/* An orphan becomes a DELETING blob. Where a put may name a new incarnation it stays out of the
 * slots; elsewhere it is found, and answers *wait*. */
static cull_status adopt(struct cull__index *index, const struct cull__fact_blob *blob)
{
    cull_status status;

    if (index->incarnations) {
        return cull__blob_table_adopt(index->blobs, blob->number, &blob->digest, blob->size_bytes,
                                      blob->incarnation);
    }
    status = cull__blob_table_insert(index->blobs, blob->number, &blob->digest, blob->size_bytes,
                                     blob->incarnation);
    return status == CULL_OK
               ? cull__blob_table_set_state(index->blobs, blob->number, CULL__BLOB_DELETING)
               : status;
}

static cull_status apply_adopt(struct cull__index *index, const struct cull__fact *fact)
{
    cull_status status = CULL_OK;

    for (size_t i = 0; i < fact->blob_count && status == CULL_OK; i++) {
        status = adopt(index, &fact->blobs[i]);
        cull__counts_admit(index->counts, fact->blobs[i].number);
    }
    if (status == CULL_OK) {
        status = cull__counts_grow(index->counts, cull__blob_table_limit(index->blobs));
    }
    return status == CULL_OK ? remember_versions(index, fact) : status;
}

cull_status cull__index_apply(struct cull__index *index, const struct cull__fact *fact)
{
    switch (fact->type) {
    case CULL__FACT_COLLECTION:
        return apply_collection(index, fact->id);
    case CULL__FACT_COLLECTION_DELETE:
        return apply_collection_deleted(index, fact->id, true);
    case CULL__FACT_COLLECTION_REVIVE:
        return apply_collection_deleted(index, fact->id, false);
    case CULL__FACT_PIN:
        return apply_pin(index, fact);
    case CULL__FACT_STORED:
        return set_states(index, fact, 1u << CULL__BLOB_LIVE | 1u << CULL__BLOB_EXPECTED,
                          CULL__BLOB_LIVE);
    case CULL__FACT_SIZES:
        return apply_sizes(index, fact);
    case CULL__FACT_LOST:
        return set_states(index, fact, 1u << CULL__BLOB_LIVE, CULL__BLOB_EXPECTED);
    case CULL__FACT_RELEASE:
        return set_states(index, fact, 1u << CULL__BLOB_DELETING, CULL__BLOB_LIVE);
    case CULL__FACT_COMMIT:
        return apply_commit(index, fact);
    case CULL__FACT_UPLOAD_END:
        return unpin_all(index, fact->id);
    case CULL__FACT_PURGE:
        return apply_purge(index, fact);
    case CULL__FACT_CLAIM:
        return apply_claim(index, fact);
    case CULL__FACT_GONE:
        return apply_gone(index, fact);
    case CULL__FACT_ADOPT:
        return apply_adopt(index, fact);
    default:
        return CULL_OK; /* of the catalog only */
    }
}

uint64_t cull__index_memory(const struct cull__index *index, uint64_t *blobs, uint64_t *spans,
                            uint64_t *counts)
{
    *blobs = cull__blob_table_memory(index->blobs);
    *counts = cull__counts_memory(index->counts) + index->claimed_capacity * sizeof *index->claimed;
    *spans =
        index->span_capacity * sizeof *index->spans + index->last.capacity * sizeof *index->last.at;
    for (size_t i = 0; i < index->span_count; i++) {
        *spans += cull__lifespans_memory(index->spans[i].spans);
    }
    for (size_t i = 0; i < index->pin_count; i++) {
        *counts += index->pins[i].list.capacity * sizeof(uint32_t) +
                   index->pins[i].set.words_capacity * sizeof(uint64_t);
    }
    return *blobs + *spans + *counts;
}
