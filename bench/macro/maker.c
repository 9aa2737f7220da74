/*
 * maker.c - large stores, quickly.
 *
 * SHAPE     For each version: an upload is opened, its new blobs are pinned and stored, and it is
 *           committed; facts go into batches of some 8 MiB. What a collection's files hold is an
 *           array of blob numbers.
 * COST      11 million blobs in 1,000 versions: some 3 s, and 290 MB of log, before applying.
 * WHY NOT   the public API: a thousand manifests of a million entries take minutes to encode, and
 *           no row that uses these stores reads one.
 */
#include "macro/maker.h"

#include <sys/stat.h>

#include "index/index.h"
#include "log/fact.h"
#include "log/log_internal.h"
#include "shared/bench_base.h"

#define SEED 7
#define NOW_MS UINT64_C(1700000000000)
#define LEASE_MS UINT64_C(3600000)
#define BATCH_BYTES (8u << 20)
#define PIN_BATCH 65536u
#define DIGEST_LEN 16
#define SIZE_BYTES 1000 /* of every blob */

struct maker {
    cull_log *log;
    struct cull__buf facts;
    uint32_t fact_count;
    uint64_t seq;
    uint64_t next_id;
    uint64_t project;
    uint32_t next_blob;
    uint32_t collections;
    uint64_t random;
    struct cull__fact_blob *blobs; /* PIN_BATCH of them */
    uint32_t *numbers;             /* PIN_BATCH */
};

/* The collection being made. */
struct growing {
    struct maker *maker;
    const struct shape *shape;
    uint64_t id;
    uint32_t *at;   /* blob of each file */
    uint32_t spare; /* the other content of file 0, if versions alternate */
    uint64_t sum;   /* of the fingerprint */
};

cull_caller maker_caller(void)
{
    return (cull_caller){ .now_ms = NOW_MS + 86400000, .actor = "bench" };
}

static void flush(struct maker *maker)
{
    struct cull__batch batch = { .data = maker->facts.data,
                                 .len = maker->facts.len,
                                 .fact_count = maker->fact_count,
                                 .reader_min = CULL__READER_VERSION,
                                 .now_ms = NOW_MS };
    cull_error err = { CULL_OK, "" };

    if (maker->facts.failed) {
        must(NULL);
    }
    if (maker->fact_count > 0) {
        must_ok_err(maker->log->ops->append(maker->log, maker->seq, &batch, &maker->seq, &err),
                    &err);
    }
    cull__buf_clear(&maker->facts);
    maker->fact_count = 0;
}

static void add(struct maker *maker, const struct cull__fact *fact)
{
    const struct cull__fact stamp = {
        .type = CULL__FACT_STAMP, .until_ms = NOW_MS, .name = "bench", .name_len = 5
    };

    if (maker->facts.len > BATCH_BYTES) {
        flush(maker);
    }
    if (maker->fact_count == 0) {
        cull__fact_encode(&maker->facts, &stamp, DIGEST_LEN);
        maker->fact_count++;
    }
    cull__fact_encode(&maker->facts, fact, DIGEST_LEN);
    maker->fact_count++;
}

static uint64_t add_named(struct maker *maker, enum cull__fact_type type, uint64_t parent,
                          const char *name)
{
    const struct cull__fact fact = { .type = type,
                                     .id = maker->next_id++,
                                     .parent = parent,
                                     .name = name,
                                     .name_len = strlen(name),
                                     .kind = "dataset",
                                     .kind_len = 7 };

    add(maker, &fact);
    return fact.id;
}

struct maker *maker_new(cull_log *log, bool index_only)
{
    const cull_store_settings settings = { .digest = CULL_DIGEST_MD5,
                                           .index_only = index_only,
                                           .grace_is_zero = true,
                                           .seed = SEED,
                                           .late_deletes = CULL_LATE_IMPOSSIBLE,
                                           .hosting = "local" };
    const cull_caller caller = { .now_ms = NOW_MS, .actor = "bench" };
    struct maker *maker = must(calloc(1, sizeof(*maker)));
    cull_error err = { CULL_OK, "" };

    must_ok_err(cull_store_create(log, &settings, &caller, &err), &err);
    maker->log = log;
    maker->facts = (struct cull__buf)CULL__BUF_INIT(cull_allocator_default());
    maker->random = SEED;
    maker->next_id = 1;
    maker->blobs = must(malloc(PIN_BATCH * sizeof(*maker->blobs)));
    maker->numbers = must(malloc(PIN_BATCH * sizeof(*maker->numbers)));
    must_ok_err(log->ops->head(log, &maker->seq, &err), &err);
    maker->project = add_named(maker, CULL__FACT_PROJECT,
                               add_named(maker, CULL__FACT_ENTITY, 0, "bench"), "made");
    return maker;
}

void maker_free(struct maker *maker)
{
    flush(maker);
    cull__buf_release(&maker->facts);
    free(maker->blobs);
    free(maker->numbers);
    free(maker);
}

static uint64_t hash_of(uint32_t blob)
{
    cull_digest digest = bench_digest(blob);

    return cull__digest_hash(&digest, CULL_DIGEST_MD5, SEED);
}

/* So many new blobs, pinned by the upload and stored. Returns the first's number. */
static uint32_t pin_new(struct maker *maker, uint64_t upload, uint32_t count)
{
    uint32_t first = maker->next_blob;

    for (uint32_t done = 0; done < count;) {
        uint32_t some = count - done < PIN_BATCH ? count - done : PIN_BATCH;
        struct cull__fact pin = {
            .type = CULL__FACT_PIN, .id = upload, .blobs = maker->blobs, .blob_count = some
        };
        struct cull__fact stored = { .type = CULL__FACT_STORED,
                                     .numbers = maker->numbers,
                                     .number_count = some };

        for (uint32_t i = 0; i < some; i++, done++) {
            maker->numbers[i] = maker->next_blob++;
            maker->blobs[i] = (struct cull__fact_blob){
                .number = maker->numbers[i],
                .size_bytes = SIZE_BYTES,
                .digest = bench_digest(maker->numbers[i]),
            };
        }
        add(maker, &pin);
        add(maker, &stored);
    }
    return first;
}

static uint64_t open_upload(const struct growing *growing)
{
    const struct cull__fact fact = { .type = CULL__FACT_UPLOAD_OPEN,
                                     .id = growing->maker->next_id++,
                                     .parent = growing->id,
                                     .until_ms = NOW_MS + LEASE_MS };

    add(growing->maker, &fact);
    return fact.id;
}

static void commit(struct growing *growing, uint64_t upload, uint32_t ordinal,
                   const uint32_t *closed, const uint32_t *opened, size_t count,
                   size_t opened_count)
{
    struct maker *maker = growing->maker;
    struct cull__fact fact = { .type = CULL__FACT_COMMIT,
                               .id = maker->next_id++,
                               .parent = upload,
                               .numbers = closed,
                               .number_count = count,
                               .opened = opened,
                               .opened_count = opened_count };
    cull_digest digest = bench_digest(UINT64_C(1) << 40 | fact.id);

    for (size_t i = 0; i < opened_count; i++) {
        growing->sum += hash_of(opened[i]);
    }
    for (size_t i = 0; i < count; i++) {
        growing->sum -= hash_of(closed[i]);
    }
    fact.commit = (struct cull__fact_commit){
        .collection = growing->id,
        .ordinal = ordinal,
        .entries = growing->shape->files,
        .blobs = growing->shape->files,
        .sum = growing->sum,
        .size_bytes = (uint64_t)growing->shape->files * SIZE_BYTES,
        .size_exact = true,
    };
    memcpy(fact.commit.manifest_digest, digest.bytes, sizeof(fact.commit.manifest_digest));
    add(maker, &fact);
}

static void first_version(struct growing *growing)
{
    uint32_t files = growing->shape->files;
    uint64_t upload = open_upload(growing);
    bool alternates = growing->shape->changed == 0;
    uint32_t first = pin_new(growing->maker, upload, files + alternates);

    for (uint32_t i = 0; i < files; i++) {
        growing->at[i] = first + i;
    }
    growing->spare = first + files;
    commit(growing, upload, 0, NULL, growing->at, 0, files);
}

static void alternate(struct growing *growing, uint32_t ordinal)
{
    uint32_t closed = growing->at[0];

    commit(growing, open_upload(growing), ordinal, &closed, &growing->spare, 1, 1);
    growing->at[0] = growing->spare;
    growing->spare = closed;
}

static void next_version(struct growing *growing, uint32_t ordinal, struct cull__u32s *closed,
                         struct cull__u32s *opened)
{
    struct maker *maker = growing->maker;
    uint32_t changed = growing->shape->changed;
    uint64_t upload = open_upload(growing);
    uint32_t first = pin_new(maker, upload, changed);

    closed->count = opened->count = 0;
    while (opened->count < changed) {
        uint32_t file = (uint32_t)(bench_random(&maker->random) % growing->shape->files);

        if (growing->at[file] < first) { /* not replaced in this version yet */
            uint32_t fresh = first + (uint32_t)opened->count;

            must_ok(cull__u32s_push(closed, growing->at[file]));
            must_ok(cull__u32s_push(opened, fresh));
            growing->at[file] = fresh;
        }
    }
    cull__u32s_sort(closed);
    commit(growing, upload, ordinal, closed->at, opened->at, closed->count, opened->count);
}

void maker_collection(struct maker *maker, const struct shape *shape)
{
    struct growing growing = { .maker = maker, .shape = shape };
    struct cull__u32s closed = CULL__U32S_INIT(cull_allocator_default());
    struct cull__u32s opened = CULL__U32S_INIT(cull_allocator_default());
    struct cull__fact latest = { .type = CULL__FACT_ALIAS, .name = "latest", .name_len = 6 };
    char name[32];

    (void)snprintf(name, sizeof(name), "c%u", maker->collections++);
    growing.at = must(malloc(((size_t)shape->files + 1) * sizeof(*growing.at)));
    growing.id = add_named(maker, CULL__FACT_COLLECTION, maker->project, name);
    first_version(&growing);
    for (uint32_t ordinal = 1; ordinal < shape->versions; ordinal++) {
        if (shape->changed == 0) {
            alternate(&growing, ordinal);
        } else {
            next_version(&growing, ordinal, &closed, &opened);
        }
    }
    latest.parent = growing.id;
    latest.ordinal = shape->versions - 1;
    add(maker, &latest);
    free(growing.at);
    cull__u32s_release(&closed);
    cull__u32s_release(&opened);
}

/* --- in a directory ---------------------------------------------------------------------------- */

cull_log *maker_open_log(const char *dir, bool create)
{
    cull_error err = { CULL_OK, "" };
    cull_log *log = NULL;
    char path[4096];
    char lock[4096];
    const cull_log_sqlite_options options = { .path = path, .lock_path = lock, .create = create };

    (void)snprintf(path, sizeof(path), "%s/cull.db", dir);
    (void)snprintf(lock, sizeof(lock), "%s/collector.lock", dir);
    must_ok_err(cull_log_sqlite_open(&log, &options, &err), &err);
    return log;
}

void maker_directory(const char *dir, uint32_t collections, const struct shape *shape)
{
    const cull_objects_directory_options options = { .path = dir,
                                                     .digest = CULL_DIGEST_MD5,
                                                     .create = true };
    const cull_caller caller = maker_caller();
    cull_objects *objects = NULL;
    cull_store *store = NULL;
    cull_store_options store_options = { 0 };
    cull_error err = { CULL_OK, "" };
    struct maker *maker;

    (void)mkdir(dir, 0777);
    store_options.log = maker_open_log(dir, true);
    maker = maker_new(store_options.log, false);
    for (uint32_t i = 0; i < collections; i++) {
        maker_collection(maker, shape);
    }
    maker_free(maker);
    must_ok_err(cull_objects_directory_open(&objects, &options, &err), &err);
    store_options.objects = objects;
    must_ok_err(cull_store_open(&store, &store_options, &err), &err);
    must_ok_err(cull_store_maintain(store, true, &caller, &err), &err);
    cull_store_close(store);
    cull_objects_close(objects);
    cull_log_close(store_options.log);
}
