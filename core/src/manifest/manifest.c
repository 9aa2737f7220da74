/*
 * manifest.c - all entries of one version: add, sort, find.
 *
 * SHAPE     Rows of 24 bytes, and one arena that holds each entry's strings and digest behind
 *           one another; a row knows where its own begin. Sorting moves rows only. With a scratch
 *           file to go to, what grows over its bound is written there in sorted runs, and read from
 *           there row by row (manifest_spill.c); whoever looks at a row cannot tell.
 * INVARIANT Sealed: paths strictly ascend by their bytes, which for UTF-8 is the order of the
 *           code points. size_bytes is the sum of the known sizes and has not overflowed.
 *           Sealed, the rows are all in memory or all in the file.
 * COST      Per entry 24 bytes, the path, the digest's bytes and a NUL. add: amortised O(1).
 *           seal: O(n) if already sorted, as clients write them; else a merge sort with one
 *           more copy of the rows. find: bisection.
 * FAILURE   add and seal change nothing that can be seen when they fail; after a scratch file has
 *           failed the manifest is good for freeing only.
 * THREADS   A sealed manifest in memory may be read from any number of threads; one in a scratch
 *           file from one at a time.
 * WHY NOT   qsort(3): it takes memory behind the allocator's back. A hash table: paths are
 *           read in order nearly always, and the order is the identity.
 */
#include "manifest/manifest_row.h"
#include "manifest/manifest_spill.h"

void cull__manifest_init(struct cull_manifest *manifest, cull_digest_kind kind,
                         const cull_scratch *scratch, const cull_allocator *allocator)
{
    const cull_allocator *used = allocator != NULL ? allocator : cull_allocator_default();

    CULL_ASSERT(cull_digest_len(kind) > 0);
    *manifest = (struct cull_manifest){
        .allocator = used, .strings = CULL__BUF_INIT(used), .kind = kind, .scratch = scratch
    };
}

/* Give up what rows in memory take. */
static void rows_release(struct cull_manifest *manifest)
{
    cull__buf_release(&manifest->strings);
    cull__free(manifest->allocator, manifest->rows);
    cull__free(manifest->allocator, manifest->places);
    manifest->rows = NULL;
    manifest->places = NULL;
    manifest->held = manifest->capacity = manifest->places_capacity = 0;
}

void cull__manifest_release(struct cull_manifest *manifest)
{
    rows_release(manifest);
    cull__spill_free(manifest->spill);
    cull__members_free(manifest->members);
    cull__free(manifest->allocator, manifest->head);
    manifest->spill = NULL;
    manifest->members = NULL;
    manifest->head = NULL;
    manifest->count = 0;
}

cull_status cull_manifest_new(cull_manifest **out, cull_digest_kind kind,
                              const cull_allocator *allocator)
{
    return cull_manifest_new_in(out, kind, NULL, allocator);
}

cull_status cull_manifest_new_in(cull_manifest **out, cull_digest_kind kind,
                                 const cull_scratch *scratch, const cull_allocator *allocator)
{
    const cull_allocator *used = allocator != NULL ? allocator : cull_allocator_default();

    *out = cull__alloc(used, 1, sizeof **out);
    if (*out == NULL) {
        return CULL_E_NOMEM;
    }
    cull__manifest_init(*out, kind, scratch, used);
    return CULL_OK;
}

void cull_manifest_free(cull_manifest *manifest)
{
    if (manifest != NULL) {
        const cull_allocator *allocator = manifest->allocator;

        cull__manifest_release(manifest);
        cull__free(allocator, manifest);
    }
}

const char *cull__manifest_path(const struct cull_manifest *manifest, size_t i)
{
    struct cull__row_ref ref = row_ref(manifest, i);

    return ref_path(&ref);
}

const struct cull__manifest_row *cull__manifest_row(const struct cull_manifest *manifest, size_t i)
{
    return row_ref(manifest, i).row;
}

static const uint8_t *row_tail(const struct cull_manifest *manifest, size_t i, size_t *len)
{
    struct cull__row_ref ref = row_ref(manifest, i);

    return ref_tail(manifest, &ref, len);
}

/* Room in memory for one more row, its place, and strings of so many bytes. */
static cull_status row_reserve(struct cull_manifest *manifest, size_t bytes, uint8_t **room,
                               cull_error *err)
{
    void *rows = manifest->rows;
    void *places = manifest->places;
    cull_status status = cull__reserve(manifest->allocator, &rows, &manifest->capacity,
                                       manifest->held + 1, sizeof *manifest->rows);

    manifest->rows = rows;
    if (status == CULL_OK && manifest->keeps_places) {
        status = cull__reserve(manifest->allocator, &places, &manifest->places_capacity,
                               manifest->held + 1, sizeof *manifest->places);
        manifest->places = places;
    }
    if (status != CULL_OK) {
        return cull__error_nomem(err);
    }
    *room = cull__buf_room(&manifest->strings, bytes);
    if (*room == NULL) {
        manifest->strings.failed = false; /* what was added before still stands */
        return cull__error_nomem(err);
    }
    return CULL_OK;
}

/* Bytes of rows and strings that stay in memory. */
static uint64_t memory_bound(const struct cull_manifest *manifest)
{
    const cull_scratch *scratch = manifest->scratch;

    return scratch == NULL                  ? UINT64_MAX
           : scratch->memory_bytes_max == 0 ? CULL__SPILL_MEMORY_BYTES
                                            : scratch->memory_bytes_max;
}

static bool is_over_bound(const struct cull_manifest *manifest)
{
    return manifest->strings.len + manifest->held * sizeof *manifest->rows >=
           memory_bound(manifest);
}

static cull_status spill_held(struct cull_manifest *manifest, cull_error *err);

/* What stands behind a row's path, in parts. */
struct tail {
    const void *first;
    size_t first_len;
    const void *second;
    size_t second_len;
    const char *members; /* NULL: none */
    size_t members_len;
};

/* Append a row with its strings; nothing that can be seen is changed unless it succeeds. */
static cull_status row_append(struct cull_manifest *manifest, const struct cull__manifest_row *row,
                              const char *path, const struct tail *tail, cull_error *err)
{
    uint64_t sum = manifest->size_bytes;
    size_t bytes = (size_t)row->path_len + 1 + tail->first_len + tail->second_len;
    uint8_t members = CULL__MEMBERS_NONE;
    uint8_t *room = NULL;
    cull_status status = CULL_OK;

    CULL_ASSERT(!manifest->sealed);
    if (manifest->count >= CULL_MANIFEST_ENTRIES_MAX) {
        return cull__error_set(err, CULL_E_LIMIT, "over %u entries", CULL_MANIFEST_ENTRIES_MAX);
    }
    if (row->size_bytes != CULL_SIZE_UNKNOWN && !cull__add_u64(&sum, sum, row->size_bytes)) {
        char text[CULL_PRINTABLE_MAX];

        return cull__error_set(err, CULL_E_INVALID, "%s: sum of sizes overflows",
                               cull__manifest_shown(text, path, row->path_len));
    }
    if (!manifest->reserved && manifest->held > 0 && is_over_bound(manifest)) {
        status = spill_held(manifest, err);
    }
    if (status == CULL_OK && tail->members != NULL) {
        status = cull__members_share(&manifest->members, tail->members, tail->members_len,
                                     manifest->allocator, &members);
        bytes += members == CULL__MEMBERS_OWN ? tail->members_len + 1 : 0;
        status = status == CULL_OK ? CULL_OK : cull__error_nomem(err);
    }
    if (status == CULL_OK) {
        status = row_reserve(manifest, bytes, &room, err);
    }
    if (status != CULL_OK) {
        return status;
    }
    manifest->rows[manifest->held] = *row;
    manifest->rows[manifest->held].members = members;
    manifest->rows[manifest->held].at = manifest->strings.len;
    manifest->rows[manifest->held].order = (uint32_t)manifest->held;
    if (manifest->keeps_places) {
        manifest->places[manifest->held] = manifest->next_place;
    }
    manifest->held++;
    memcpy(room, path, row->path_len);
    room += row->path_len;
    *room++ = '\0';
    if (tail->first_len > 0) {
        memcpy(room, tail->first, tail->first_len);
        room += tail->first_len;
    }
    if (tail->second_len > 0) {
        memcpy(room, tail->second, tail->second_len);
        room += tail->second_len;
    }
    if (members == CULL__MEMBERS_OWN) {
        memcpy(room, tail->members, tail->members_len);
        room[tail->members_len] = '\0';
    }
    manifest->strings.len += bytes;
    manifest->count++;
    manifest->size_bytes = sum;
    manifest->unknown_count += row->size_bytes == CULL_SIZE_UNKNOWN;
    return CULL_OK;
}

/* What is wrong with a reference's texts, or NULL. */
static const char *reference_fault(const cull_entry *entry, cull_status *status)
{
    const char *fault = NULL;
    size_t ref_len;
    size_t text_len;

    *status = CULL_E_INVALID;
    if (entry->ref == NULL || entry->digest_text == NULL) {
        return "reference without its texts";
    }
    ref_len = strlen(entry->ref);
    text_len = strlen(entry->digest_text);
    if (ref_len > CULL_REF_BYTES_MAX || text_len > CULL_REF_BYTES_MAX) {
        *status = CULL_E_LIMIT;
        return ref_len > CULL_REF_BYTES_MAX ? "reference is too long" : "digest is too long";
    }
    if (cull__utf8_valid_len(entry->ref, ref_len) != ref_len) {
        return "reference is not UTF-8";
    }
    if (cull__utf8_valid_len(entry->digest_text, text_len) != text_len) {
        return "digest is not UTF-8";
    }
    if (cull__manifest_ref_kind(entry->ref, &fault) != entry->kind && fault == NULL) {
        return "reference is of another kind";
    }
    return fault;
}

cull_status cull__manifest_add_checked(struct cull_manifest *manifest, const cull_entry *entry,
                                       cull_error *err)
{
    struct cull__manifest_row row = { .size_bytes = entry->size_bytes,
                                      .path_len = (uint16_t)entry->path_len,
                                      .kind = (uint8_t)entry->kind };
    struct tail tail = { .first = NULL };
    char text[CULL_PRINTABLE_MAX];
    const char *fault = "unknown kind of entry";
    cull_status status = CULL_E_INVALID;

    if (entry->members != NULL) {
        tail.members = entry->members;
        tail.members_len = strlen(entry->members);
    }
    switch (entry->kind) {
    case CULL_ENTRY_BLOB:
        tail.first = entry->digest.bytes;
        tail.first_len = cull_digest_len(manifest->kind);
        return row_append(manifest, &row, entry->path, &tail, err);
    case CULL_ENTRY_REF:
    case CULL_ENTRY_ARTIFACT:
        fault = reference_fault(entry, &status);
        if (fault == NULL) {
            tail.first = entry->digest_text;
            tail.first_len = strlen(entry->digest_text) + 1;
            tail.second = entry->ref;
            tail.second_len = strlen(entry->ref) + 1;
            return row_append(manifest, &row, entry->path, &tail, err);
        }
        break;
    case CULL_ENTRY_NONE:
        if (manifest->edits) {
            row.size_bytes = 0; /* takes no part in the sum */
            tail = (struct tail){ .first = NULL };
            return row_append(manifest, &row, entry->path, &tail, err);
        }
        break;
    }
    return cull__error_set(err, status, "%s: %s",
                           cull__manifest_shown(text, entry->path, entry->path_len), fault);
}

cull_status cull_manifest_add(cull_manifest *manifest, const cull_entry *entry, cull_error *err)
{
    cull_status status = cull__manifest_check_path(entry->path, entry->path_len, err);

    if (status == CULL_OK && entry->members != NULL) {
        const char *fault = cull__members_fault(entry->members, strlen(entry->members));
        char text[CULL_PRINTABLE_MAX];

        status =
            fault == NULL
                ? CULL_OK
                : cull__error_set(err, CULL_E_INVALID, "%s: %s",
                                  cull__manifest_shown(text, entry->path, entry->path_len), fault);
    }
    return status == CULL_OK ? cull__manifest_add_checked(manifest, entry, err) : status;
}

cull_status cull__manifest_append(struct cull_manifest *manifest, const struct cull_manifest *from,
                                  size_t i, cull_error *err)
{
    struct cull__row_ref ref = row_ref(from, i);
    struct tail tail = { .second = NULL };

    CULL_ASSERT(manifest->kind == from->kind);
    tail.first = ref_fixed(from, &ref, &tail.first_len);
    tail.members = ref_members(from, &ref, &tail.members_len);
    return row_append(manifest, ref.row, ref_path(&ref), &tail, err);
}

cull_status cull__manifest_reserve(struct cull_manifest *manifest, const struct cull_manifest *base,
                                   const struct cull_manifest *edits, cull_error *err)
{
    void *rows = manifest->rows;
    cull_status status;

    if (base->spill != NULL || edits->spill != NULL ||
        base->strings.len + edits->strings.len +
                (base->count + edits->count) * sizeof *manifest->rows >
            memory_bound(manifest)) {
        return CULL_OK;
    }
    manifest->reserved = true;
    status = cull__reserve(manifest->allocator, &rows, &manifest->capacity,
                           base->count + edits->count, sizeof *manifest->rows);
    manifest->rows = rows;
    if (status == CULL_OK &&
        cull__buf_room(&manifest->strings, base->strings.len + edits->strings.len) == NULL) {
        status = CULL_E_NOMEM;
    }
    if (status == CULL_OK) {
        status = cull__members_copy(&manifest->members, base->members, manifest->allocator);
    }
    return status == CULL_OK ? CULL_OK : cull__error_nomem(err);
}

/* Rows [begin, stop) of from, whose strings are the bytes [first, last) of its own. */
static cull_status run_append(struct cull_manifest *manifest, const struct cull_manifest *from,
                              size_t begin, size_t stop, uint64_t first, uint64_t last,
                              cull_error *err)
{
    size_t count = stop - begin;
    uint64_t at = manifest->strings.len;

    if (count > CULL_MANIFEST_ENTRIES_MAX - manifest->count) {
        return cull__error_set(err, CULL_E_LIMIT, "over %u entries", CULL_MANIFEST_ENTRIES_MAX);
    }
    CULL_ASSERT(manifest->kind == from->kind && !manifest->sealed);
    CULL_ASSERT(manifest->capacity - manifest->held >= count);
    for (size_t i = begin; i < stop; i++) {
        struct cull__manifest_row *row = &manifest->rows[manifest->held];

        *row = from->rows[i];
        row->at = row->at - first + at;
        row->order = (uint32_t)manifest->held++;
        manifest->count++;
        if (row->size_bytes == CULL_SIZE_UNKNOWN) {
            manifest->unknown_count++;
        } else if (!cull__add_u64(&manifest->size_bytes, manifest->size_bytes, row->size_bytes)) {
            char text[CULL_PRINTABLE_MAX];

            return cull__error_set(
                err, CULL_E_INVALID, "%s: sum of sizes overflows",
                cull__manifest_shown(text, cull__manifest_path(from, i), row->path_len));
        }
    }
    cull__buf_put(&manifest->strings, from->strings.data + first, (size_t)(last - first));
    return manifest->strings.failed ? cull__error_nomem(err) : CULL_OK;
}

/* Row i's strings end where row i + 1's begin, if they were added in this order. */
static uint64_t row_end(const struct cull_manifest *manifest, size_t i)
{
    size_t tail_len;
    const uint8_t *tail = row_tail(manifest, i, &tail_len);

    return (uint64_t)(tail - manifest->strings.data) + tail_len;
}

cull_status cull__manifest_append_run(struct cull_manifest *manifest,
                                      const struct cull_manifest *from, size_t begin, size_t end,
                                      cull_error *err)
{
    cull_status status = CULL_OK;

    while (!manifest->reserved && begin < end && status == CULL_OK) {
        status = cull__manifest_append(manifest, from, begin++, err);
    }
    while (begin < end && status == CULL_OK) {
        uint64_t first = from->rows[begin].at;
        uint64_t last = row_end(from, begin);
        size_t stop = begin + 1;

        while (stop < end && from->rows[stop].at == last) {
            last = row_end(from, stop++);
        }
        status = run_append(manifest, from, begin, stop, first, last, err);
        begin = stop;
    }
    return status;
}

static int ref_compare(const struct cull__row_ref *a, const struct cull__row_ref *b)
{
    return cull__path_compare(ref_path(a), a->row->path_len, ref_path(b), b->row->path_len);
}

int cull__manifest_compare(const struct cull_manifest *a, size_t i, const struct cull_manifest *b,
                           size_t j)
{
    struct cull__row_ref left = row_ref(a, i);
    struct cull__row_ref right = row_ref(b, j);

    return ref_compare(&left, &right);
}

/* One text may be in a table here, and behind its row there. */
static bool same_members(const struct cull_manifest *a, const struct cull__row_ref *left,
                         const struct cull_manifest *b, const struct cull__row_ref *right)
{
    size_t a_len;
    size_t b_len;
    const char *a_text;
    const char *b_text;

    if ((left->row->members | right->row->members) == CULL__MEMBERS_NONE) {
        return true;
    }
    a_text = ref_members(a, left, &a_len);
    b_text = ref_members(b, right, &b_len);
    return a_text != NULL && b_text != NULL && a_len == b_len && memcmp(a_text, b_text, a_len) == 0;
}

uint64_t cull__manifest_memory(const struct cull_manifest *manifest)
{
    return sizeof *manifest + manifest->capacity * sizeof *manifest->rows +
           manifest->strings.capacity + manifest->places_capacity * sizeof *manifest->places;
}

bool cull__manifest_same(const struct cull_manifest *a, size_t i, const struct cull_manifest *b,
                         size_t j)
{
    struct cull__row_ref left = row_ref(a, i);
    struct cull__row_ref right = row_ref(b, j);
    size_t a_len;
    size_t b_len;
    const uint8_t *a_tail = ref_fixed(a, &left, &a_len);
    const uint8_t *b_tail = ref_fixed(b, &right, &b_len);

    return left.row->kind == right.row->kind && left.row->size_bytes == right.row->size_bytes &&
           a_len == b_len && memcmp(a_tail, b_tail, a_len) == 0 &&
           ref_compare(&left, &right) == 0 && same_members(a, &left, b, &right);
}

bool cull__manifest_count_paths(const struct cull_manifest *manifest, const cull_digest *digests,
                                size_t count, uint32_t *paths)
{
    size_t len = cull_digest_len(manifest->kind);
    bool begins[256] = { false }; /* a digest begins with that byte: most rows are done with it */

    for (size_t d = 0; d < count; d++) {
        begins[digests[d].bytes[0]] = true;
    }
    for (size_t i = 0; i < manifest->count; i++) {
        struct cull__row_ref ref = row_ref(manifest, i);
        const uint8_t *tail = ref.strings + ref.row->at + ref.row->path_len + 1;

        if (ref.row->kind == CULL_ENTRY_ARTIFACT) {
            return false;
        }
        for (size_t d = 0; ref.row->kind == CULL_ENTRY_BLOB && begins[*tail] && d < count; d++) {
            paths[d] += memcmp(tail, digests[d].bytes, len) == 0;
        }
    }
    return true;
}

static int row_compare(const struct cull_manifest *manifest, const struct cull__manifest_row *a,
                       const struct cull__manifest_row *b)
{
    const char *strings = (const char *)manifest->strings.data;

    return cull__path_compare(strings + a->at, a->path_len, strings + b->at, b->path_len);
}

/* Merge [0, left) and [left, count) of from into to; of equal paths the earlier one first. */
static void rows_merge(const struct cull_manifest *manifest, struct cull__manifest_row *to,
                       const struct cull__manifest_row *from, size_t left, size_t count)
{
    size_t i = 0;
    size_t j = left;

    if (left == count || row_compare(manifest, &from[left - 1], &from[left]) <= 0) {
        memcpy(to, from, count * sizeof *to);
        return;
    }
    for (size_t k = 0; k < count; k++) {
        bool take_left = j == count || (i < left && row_compare(manifest, &from[i], &from[j]) <= 0);

        to[k] = take_left ? from[i++] : from[j++];
    }
}

static cull_status rows_sort(struct cull_manifest *manifest)
{
    size_t count = manifest->held;
    struct cull__manifest_row *scratch = cull__alloc(manifest->allocator, count, sizeof *scratch);
    struct cull__manifest_row *from = manifest->rows;
    struct cull__manifest_row *to = scratch;

    if (scratch == NULL) {
        return CULL_E_NOMEM;
    }
    for (size_t width = 1; width < count; width *= 2) {
        struct cull__manifest_row *merged = to;

        for (size_t at = 0; at < count; at += 2 * width) {
            size_t left = count - at < width ? count - at : width;
            size_t both = count - at < 2 * width ? count - at : 2 * width;

            rows_merge(manifest, to + at, from + at, left, both);
        }
        to = from;
        from = merged;
    }
    if (from == scratch) {
        memcpy(manifest->rows, scratch, count * sizeof *scratch);
    }
    cull__free(manifest->allocator, scratch);
    return CULL_OK;
}

/* The first row in memory that is not above the one before it, or held. */
static size_t rows_first_unordered(const struct cull_manifest *manifest)
{
    for (size_t i = 1; i < manifest->held; i++) {
        if (row_compare(manifest, &manifest->rows[i - 1], &manifest->rows[i]) >= 0) {
            return i;
        }
    }
    return manifest->held;
}

static uint64_t row_place(const struct cull_manifest *manifest,
                          const struct cull__manifest_row *row)
{
    return manifest->keeps_places ? manifest->places[row->order]
                                  : manifest->count - manifest->held + row->order;
}

/* The rows in memory become a run of the spill. */
static cull_status spill_held(struct cull_manifest *manifest, cull_error *err)
{
    cull_status status = CULL_OK;

    if (manifest->spill == NULL) {
        status = cull__spill_new(&manifest->spill, manifest->scratch, manifest->allocator, err);
    }
    if (status == CULL_OK && rows_first_unordered(manifest) < manifest->held &&
        rows_sort(manifest) != CULL_OK) {
        status = cull__error_nomem(err);
    }
    for (size_t i = 0; i < manifest->held && status == CULL_OK; i++) {
        const struct cull__manifest_row *row = &manifest->rows[i];
        struct cull__row_ref ref = { row, manifest->strings.data };
        size_t tail_len;

        (void)ref_tail(manifest, &ref, &tail_len);
        status = cull__spill_add(manifest->spill, row, manifest->strings.data, tail_len,
                                 row_place(manifest, row), err);
    }
    if (status == CULL_OK) {
        status = cull__spill_end_run(manifest->spill, err);
    }
    if (status == CULL_OK) {
        manifest->held = 0;
        cull__buf_clear(&manifest->strings);
    }
    return status;
}

/* Give back memory that growth left unused. */
static void rows_trim(struct cull_manifest *manifest)
{
    struct cull__buf *strings = &manifest->strings;

    if (manifest->held > 0 && manifest->capacity > manifest->held) {
        void *rows = cull__realloc(manifest->allocator, manifest->rows, manifest->held,
                                   sizeof *manifest->rows);

        if (rows != NULL) { /* else the room is lost, and nothing more */
            manifest->rows = rows;
            manifest->capacity = manifest->held;
        }
    }
    if (strings->len > 0 && strings->capacity > strings->len) {
        void *data = cull__realloc(manifest->allocator, strings->data, strings->len, 1);

        if (data != NULL) {
            strings->data = data;
            strings->capacity = strings->len;
        }
    }
}

static cull_status close_spilled(struct cull_manifest *manifest,
                                 struct cull__manifest_duplicate *duplicate, cull_error *err)
{
    cull_status status = manifest->held > 0 ? spill_held(manifest, err) : CULL_OK;

    if (status == CULL_OK) {
        rows_release(manifest);
        status = cull__spill_finish(manifest->spill, duplicate, err);
    }
    return status;
}

static cull_status close_held(struct cull_manifest *manifest,
                              struct cull__manifest_duplicate *duplicate, cull_error *err)
{
    size_t row;

    rows_trim(manifest); /* before the sort needs memory, not after */
    row = rows_first_unordered(manifest);
    if (row < manifest->held) {
        if (rows_sort(manifest) != CULL_OK) {
            return cull__error_nomem(err);
        }
        row = rows_first_unordered(manifest); /* what is left is equal, not greater */
    }
    if (row < manifest->held) {
        const struct cull__manifest_row *second = &manifest->rows[row];

        duplicate->found = true;
        duplicate->place = row_place(manifest, second);
        (void)cull__manifest_shown(duplicate->shown, cull__manifest_path(manifest, row),
                                   second->path_len);
    } else {
        cull__free(manifest->allocator, manifest->places);
        manifest->places = NULL;
        manifest->keeps_places = false;
    }
    return CULL_OK;
}

cull_status cull__manifest_close(struct cull_manifest *manifest,
                                 struct cull__manifest_duplicate *duplicate, cull_error *err)
{
    cull_status status;

    duplicate->found = false;
    status = manifest->spill != NULL ? close_spilled(manifest, duplicate, err)
                                     : close_held(manifest, duplicate, err);
    manifest->sealed = status == CULL_OK && !duplicate->found;
    return status;
}

cull_status cull_manifest_seal(cull_manifest *manifest, cull_error *err)
{
    struct cull__manifest_duplicate duplicate;
    cull_status status;

    if (manifest->sealed) {
        return CULL_OK;
    }
    status = cull__manifest_close(manifest, &duplicate, err);
    if (status == CULL_OK && duplicate.found) {
        status = cull__error_set(err, CULL_E_INVALID, "%s: duplicate path", duplicate.shown);
    }
    return status;
}

cull_status cull_manifest_check(const cull_manifest *manifest, cull_error *err)
{
    return manifest->spill == NULL ? CULL_OK : cull__spill_status(manifest->spill, err);
}

size_t cull_manifest_dropped(const cull_manifest *manifest)
{
    return manifest->dropped;
}

const char *cull_manifest_head(const cull_manifest *manifest)
{
    return manifest->head;
}

cull_status cull__manifest_head_copy(struct cull_manifest *manifest,
                                     const struct cull_manifest *from)
{
    size_t len = from->head == NULL ? 0 : strlen(from->head) + 1;
    char *copy = from->head == NULL ? NULL : cull__alloc(manifest->allocator, len, 1);

    if (from->head != NULL && copy == NULL) {
        return CULL_E_NOMEM;
    }
    if (copy != NULL) {
        memcpy(copy, from->head, len);
    }
    cull__free(manifest->allocator, manifest->head);
    manifest->head = copy;
    return CULL_OK;
}

size_t cull_manifest_count(const cull_manifest *manifest)
{
    return manifest->count;
}

cull_digest_kind cull_manifest_kind(const cull_manifest *manifest)
{
    return manifest->kind;
}

void cull_manifest_at(const cull_manifest *manifest, size_t i, cull_entry *out)
{
    struct cull__row_ref ref;
    const uint8_t *tail;
    size_t tail_len;
    size_t members_len;

    CULL_ASSERT(manifest->sealed);
    CULL_ASSERT(i < manifest->count);
    ref = row_ref(manifest, i);
    tail = ref_fixed(manifest, &ref, &tail_len);
    *out = (cull_entry){ .path = ref_path(&ref),
                         .path_len = ref.row->path_len,
                         .kind = (cull_entry_kind)ref.row->kind,
                         .size_bytes = ref.row->size_bytes };
    if (ref.row->members != CULL__MEMBERS_NONE) {
        out->members = ref_members(manifest, &ref, &members_len);
    }
    if (ref.row->kind == CULL_ENTRY_BLOB) {
        memcpy(out->digest.bytes, tail, tail_len);
    } else if (ref.row->kind != CULL_ENTRY_NONE) {
        out->digest_text = (const char *)tail;
        out->ref = out->digest_text + strlen(out->digest_text) + 1;
    }
}

/* The row of that path, or count. */
static size_t row_find(const cull_manifest *manifest, const char *path, size_t path_len)
{
    size_t low = 0;
    size_t high = manifest->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct cull__row_ref ref = row_ref(manifest, middle);
        int order = cull__path_compare(ref_path(&ref), ref.row->path_len, path, path_len);

        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return manifest->count;
}

bool cull_manifest_find(const cull_manifest *manifest, const char *path, cull_entry *out)
{
    size_t row;

    CULL_ASSERT(manifest->sealed);
    row = row_find(manifest, path, strlen(path));
    if (row == manifest->count) {
        return false;
    }
    cull_manifest_at(manifest, row, out);
    return true;
}

/* The paths so far that the path at hand begins with, shortest first: they are all its beginnings,
 * so their lengths say what they are. */
struct beginnings {
    struct {
        uint32_t row;
        uint32_t len;
    } at[CULL_PATH_BYTES_MAX];
    size_t count;
    char path[CULL_PATH_BYTES_MAX + 1];
};

bool cull_manifest_path_conflict(const cull_manifest *manifest, cull_entry *file, cull_entry *below)
{
    struct beginnings begins;

    CULL_ASSERT(manifest->sealed);
    begins.count = 0;
    for (size_t i = 0; i < manifest->count; i++) {
        struct cull__row_ref ref = row_ref(manifest, i);
        const char *path = ref_path(&ref);
        size_t len = ref.row->path_len;

        /* whatever stands between "a" and "a/b" begins with "a" too: nothing is dropped too soon */
        while (begins.count > 0 &&
               (begins.at[begins.count - 1].len >= len ||
                memcmp(begins.path, path, begins.at[begins.count - 1].len) != 0)) {
            begins.count--;
        }
        for (size_t k = 0; k < begins.count; k++) {
            if (path[begins.at[k].len] == '/') {
                cull_manifest_at(manifest, begins.at[k].row, file);
                cull_manifest_at(manifest, i, below);
                return true;
            }
        }
        CULL_ASSERT(begins.count < ARRAY_LEN(begins.at)); /* each is longer than the one before */
        begins.at[begins.count].row = (uint32_t)i;
        begins.at[begins.count++].len = (uint32_t)len;
        memcpy(begins.path, path, len);
    }
    return false;
}

uint64_t cull_manifest_size_bytes(const cull_manifest *manifest, bool *exact)
{
    if (exact != NULL) {
        *exact = manifest->unknown_count == 0;
    }
    return manifest->size_bytes;
}

bool cull__manifest_valid(const cull_manifest *manifest, const char **why)
{
    uint64_t sum = 0;
    size_t unknown = 0;
    size_t members_len;

    *why = NULL;
    if (!manifest->sealed || manifest->edits) {
        *why = "not sealed, or a patch";
        return false;
    }
    for (size_t i = 0; i < manifest->count; i++) {
        struct cull__row_ref ref = row_ref(manifest, i);
        const struct cull__manifest_row *row = ref.row;
        const char *path = ref_path(&ref);

        if (row->kind < CULL_ENTRY_BLOB || row->kind > CULL_ENTRY_ARTIFACT) {
            *why = "unknown kind of entry";
        } else if (strlen(path) != row->path_len ||
                   cull__manifest_check_path(path, row->path_len, NULL) != CULL_OK) {
            *why = "a path that may not be";
        } else if (i > 0 && cull__manifest_compare(manifest, i - 1, manifest, i) >= 0) {
            *why = "paths do not ascend";
        } else if (row->size_bytes != CULL_SIZE_UNKNOWN &&
                   !cull__add_u64(&sum, sum, row->size_bytes)) {
            *why = "sum of sizes overflows";
        } else if (row->members != CULL__MEMBERS_NONE) {
            const char *text = ref_members(manifest, &ref, &members_len);

            *why = cull__members_fault(text, members_len);
        }
        if (*why != NULL) {
            return false;
        }
        unknown += row->size_bytes == CULL_SIZE_UNKNOWN;
    }
    if (sum != manifest->size_bytes || unknown != manifest->unknown_count) {
        *why = "sums disagree with the entries";
    } else if (manifest->sum_known && manifest->sum != cull__manifest_add_up(manifest)) {
        *why = "the sum of its hashes is not that of its entries";
    }
    return *why == NULL;
}
