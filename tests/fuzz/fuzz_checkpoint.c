/*
 * fuzz_checkpoint.c - rooms as they lie in checkpoints, and a checkpoint's listing; the first byte
 * says which, the checksums around them, which no fuzzer guesses, are left out.
 *
 *   C  the catalog           B  the blob table        L  one collection's lifespans, of 64 blobs
 *   N  the counts            S  the listing, its checksum made here
 *   I  the index: columns of the three rooms, each room (1 byte, modulo 3), id (1), length (2)
 *
 * B and I begin with a byte for the settings: the kind of digest (modulo 4) and, times 4, whether
 * keys end in an incarnation.
 *
 * PROPERTIES  What loads is valid and is written as the same bytes; the index, whose columns may be
 *             cut otherwise, as the same from then on.
 */
#include "fuzz.h"

#include <string.h>

#include "base/hash.h"
#include "log/segments.h"
#include "state_check.h"

#define BLOBS 64
#define COLUMNS_MAX 8

static void check_same(const struct cull__buf *again, const void *data, size_t len)
{
    FUZZ_CHECK(
        !again->failed && again->len == len && (len == 0 || memcmp(again->data, data, len) == 0),
        "written otherwise");
}

static cull_store_settings settings_of(uint8_t byte)
{
    static const cull_digest_kind kinds[] = { CULL_DIGEST_SHA256, CULL_DIGEST_MD5, CULL_DIGEST_SHA1,
                                              CULL_DIGEST_XXH128 };

    return (cull_store_settings){ .digest = kinds[byte % 4],
                                  .seed = 7,
                                  .late_deletes = byte / 4 % 2 == 1 ? CULL_LATE_INCARNATION
                                                                    : CULL_LATE_IMPOSSIBLE };
}

/* Sealed, and then opened. */
static void try_sealed(const void *data, size_t len, cull_status wanted)
{
    struct cull__buf copy = CULL__BUF_INIT(cull_allocator_default());
    struct cull__buf again = CULL__BUF_INIT(cull_allocator_default());
    struct cull__catalog *catalog = NULL;
    cull_error err = { CULL_OK, "" };
    cull_status status;

    cull__buf_put(&copy, data, len);
    FUZZ_CHECK(!copy.failed, "no memory");
    status = cull__catalog_load_sealed(&catalog, &copy.data, copy.len, cull_allocator_default(),
                                       cull_allocator_default(), &err);
    FUZZ_CHECK(status == wanted, "sealed, another answer");
    if (status == CULL_OK) {
        FUZZ_CHECK(cull__catalog_open(catalog) == CULL_OK, "what was looked at does not open");
        fuzz_check_catalog(catalog);
        FUZZ_CHECK(cull__catalog_save(catalog, &again) == CULL_OK, "no memory");
        check_same(&again, data, len);
    }
    cull__catalog_free(catalog);
    cull__buf_release(&copy);
    cull__buf_release(&again);
}

static void try_catalog(const void *data, size_t len)
{
    struct cull__buf again = CULL__BUF_INIT(cull_allocator_default());
    struct cull__catalog *catalog = NULL;
    cull_error err = { CULL_OK, "" };

    if (cull__catalog_load(&catalog, data, len, cull_allocator_default(), &err) == CULL_OK) {
        fuzz_check_catalog(catalog);
        FUZZ_CHECK(cull__catalog_save(catalog, &again) == CULL_OK, "no memory");
        check_same(&again, data, len);
    } else {
        FUZZ_CHECK(err.status == CULL_E_CORRUPT || err.status == CULL_E_TOO_NEW, err.message);
        FUZZ_CHECK(err.message[0] != '\0', "refused without a reason");
    }
    cull__catalog_free(catalog);
    cull__buf_release(&again);
    try_sealed(data, len, err.status);
}

static void try_blobs(const uint8_t *data, size_t len)
{
    cull_store_settings settings = settings_of(data[0]);
    struct cull__buf again = CULL__BUF_INIT(cull_allocator_default());
    struct cull__buf copy = CULL__BUF_INIT(cull_allocator_default());
    struct cull__blob_table *table = NULL;
    const char *why = NULL;
    cull_error err = { CULL_OK, "" };

    cull__buf_put(&copy, data + 1, len - 1);
    FUZZ_CHECK(!copy.failed, "no memory");
    if (cull__blob_table_take(&table, settings.digest, settings.seed,
                              settings.late_deletes == CULL_LATE_INCARNATION, &copy.data, copy.len,
                              cull_allocator_default(), cull_allocator_default(),
                              &err) == CULL_OK) {
        cull_digest none = { { 1 } };
        uint32_t number;
        cull_status status = cull__blob_table_find(table, &none, 1, &number);

        FUZZ_CHECK(cull__blob_table_valid(table, &why), why);
        FUZZ_CHECK(status == CULL_OK || status == CULL_E_CORRUPT, "another status"); /* twice */
        FUZZ_CHECK(cull__blob_table_save(table, &again) == CULL_OK, "no memory");
        check_same(&again, data + 1, len - 1);
    }
    cull__blob_table_free(table);
    cull__buf_release(&again);
    cull__buf_release(&copy);
}

static void try_lifespans(const uint8_t *data, size_t len)
{
    struct cull__buf again = CULL__BUF_INIT(cull_allocator_default());
    struct cull__cursor in = cull__cursor(data, len);
    struct cull__lifespans *spans = NULL;
    const char *why = NULL;

    if (cull__lifespans_load(&spans, &in, BLOBS, cull_allocator_default()) == CULL_OK) {
        uint64_t marked[1] = { 0 };
        uint32_t counts[BLOBS] = { 0 };

        FUZZ_CHECK(cull__lifespans_valid(spans, &why), why);
        cull__mark(spans, NULL, marked, BLOBS);
        cull__mark_count(spans, counts, BLOBS);
        for (unsigned i = 0; i < BLOBS; i++) {
            FUZZ_CHECK((counts[i] > 0) == (marked[0] >> i & 1), "count and mark disagree");
        }
        FUZZ_CHECK(cull__lifespans_save(spans, &again) == CULL_OK, "no memory");
        check_same(&again, data, (size_t)(in.at - data));
    }
    cull__lifespans_free(spans);
    cull__buf_release(&again);
}

static void try_counts(const uint8_t *data, size_t len)
{
    struct cull__buf again = CULL__BUF_INIT(cull_allocator_default());
    struct cull__cursor in = cull__cursor(data, len);
    struct cull__counts *counts = NULL;
    const char *why = NULL;

    if (cull__counts_load(&counts, &in, cull_allocator_default()) == CULL_OK) {
        FUZZ_CHECK(cull__counts_valid(counts, NULL, &why), why);
        FUZZ_CHECK(cull__counts_save(counts, &again) == CULL_OK, "no memory");
        check_same(&again, data, (size_t)(in.at - data));
    }
    cull__counts_free(counts);
    cull__buf_release(&again);
}

static void try_listing(const void *data, size_t len)
{
    struct cull__buf text = CULL__BUF_INIT(cull_allocator_default());
    struct cull__listing listing;
    cull_status status;

    cull__buf_put(&text, data, len);
    cull__buf_u64(&text, XXH3_64bits(data, len));
    FUZZ_CHECK(!text.failed, "no memory");
    status = cull__listing_decode(&listing, "blobs", text.data, text.len, cull_allocator_default());
    if (status == CULL_OK) {
        uint64_t bytes = 0;

        for (size_t i = 0; i < listing.column_count; i++) {
            const struct cull__listed_column *column = &listing.columns[i];
            size_t cut = 0;

            for (size_t k = 0; k < column->segment_count; k++) {
                size_t one = cull__segment_len(column->len, listing.segment_bytes, k);

                FUZZ_CHECK(one > 0 && one <= listing.segment_bytes, "a segment's length");
                cut += one;
            }
            FUZZ_CHECK(cut == column->len, "segments do not make the column");
            FUZZ_CHECK(
                column->segment_count == 0 || (column->names >= text.data &&
                                               column->segment_count * CULL__SEGMENT_NAME_LEN <=
                                                   (size_t)(text.data + text.len - column->names)),
                "names outside of the listing");
            bytes += column->len;
        }
        FUZZ_CHECK(bytes == listing.bytes, "another sum");
        cull__listing_release(&listing, cull_allocator_default());
    }
    cull__buf_release(&text);
}

static void try_index(const uint8_t *data, size_t len)
{
    cull_store_settings settings = settings_of(data[0]);
    struct cull__column columns[3][COLUMNS_MAX];
    struct cull__checkpoint rooms[3] = { { 9, columns[0], 0 },
                                         { 9, columns[1], 0 },
                                         { 9, columns[2], 0 } };
    struct cull__cursor in = cull__cursor(data + 1, len - 1);
    struct cull__index *index = NULL;
    cull_error err = { CULL_OK, "" };

    while (cull__cursor_left(&in) >= 4) {
        struct cull__checkpoint *room = &rooms[cull__cursor_u8(&in) % 3];
        struct cull__column column = { .id = cull__cursor_u8(&in) };

        column.len = cull__cursor_u16(&in);
        column.len = column.len < cull__cursor_left(&in) ? column.len : cull__cursor_left(&in);
        column.data = (uint8_t *)(uintptr_t)cull__cursor_take(&in, column.len);
        if (room->count < COLUMNS_MAX) {
            room->columns[room->count++] = column;
        }
    }
    if (cull__index_load(&index, &settings, rooms, NULL, cull_allocator_default(), &err) ==
        CULL_OK) {
        fuzz_check_index(index, &settings);
    } else {
        FUZZ_CHECK(err.status == CULL_E_CORRUPT && err.message[0] != '\0', err.message);
    }
    cull__index_free(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 2) {
        return 0;
    }
    switch (data[0]) {
    case 'C':
        try_catalog(data + 1, len - 1);
        break;
    case 'B':
        try_blobs(data + 1, len - 1);
        break;
    case 'L':
        try_lifespans(data + 1, len - 1);
        break;
    case 'N':
        try_counts(data + 1, len - 1);
        break;
    case 'S':
        try_listing(data + 1, len - 1);
        break;
    case 'I':
        try_index(data + 1, len - 1);
        break;
    default:
        break;
    }
    return 0;
}
