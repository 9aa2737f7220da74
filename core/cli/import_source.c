/*
 * import_source.c - from a manifest that was read to a version, with content where there is some.
 *
 * SHAPE     What lies below --content is listed once. For each file of a version the content is
 *           looked for in this order, and the first that is there counts:
 *
 *             1. CONTENT/VERSION/PATH, VERSION being the manifest's folder or its name
 *             2. CONTENT/PATH
 *             3. an object that is named by the digest, in hex, at any depth; or in a folder that
 *                is, the one with the file's name, or the only one
 *
 *           Weights & Biases name objects by MD5. As its public clients fetch them, layout V1 is
 *           artifacts/ENTITY/MD5 and layout V2 artifactsV2/REGION/ENTITY/BIRTH-ARTIFACT-ID/MD5,
 *           with /BASENAME behind it where later ones fetch it; in a bucket both stand below
 *           wandb_artifacts/, with numbers for the names; the clients' own cache has
 *           obj/md5/AB/CDEF..., the digest cut in two. All of these are objects named by their
 *           digest, and what lies above them adds nothing to what they are, so they are found by
 *           that name alone.
 * INVARIANT Nothing is taken on trust: every file that is used has the digest and the size that the
 *           manifest says, and what is stored has the digest that was taken then (content.c).
 *           Digests of another kind than the store's are verified first, then the content is hashed
 *           again: the manifest that is kept has the store's digests.
 * COST      A file is hashed once, or once for each of the two kinds, however many versions have it.
 * WHY NOT   fall back to the next place when one does not match: two contents that claim one path
 *           are a mistake that somebody should hear of.
 */
#include "import_source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pool.h"
#include "signals.h"

#define NO_FILE SIZE_MAX

/* A file whose name, or whose folder's, is a digest. */
struct import_object {
    cull_digest digest;
    size_t len; /* of the digest */
    bool below; /* it is the folder's name: those with their own come first */
    size_t file;
};

/* --- what --content holds ------------------------------------------------------------------ */

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* The kind of digest that a name of so many characters of hex may be. */
static cull_digest_kind kind_of_hex(size_t len)
{
    return len == 32   ? CULL_DIGEST_MD5
           : len == 40 ? CULL_DIGEST_SHA1
           : len == 64 ? CULL_DIGEST_SHA256
                       : CULL_DIGEST_NONE;
}

/* Whether the first len bytes of the path end in a digest: as its last part, or as its last two, the
 * first of them two characters long. */
static bool ends_in_digest(const char *path, size_t len, struct import_object *out)
{
    size_t from = len;
    char hex[CULL_DIGEST_HEX_MAX];
    cull_digest_kind kind;
    size_t name_len;

    while (from > 0 && is_hex(path[from - 1])) {
        from--;
    }
    name_len = len - from;
    if (name_len == 0 || name_len >= sizeof(hex) || (from > 0 && path[from - 1] != '/')) {
        return false;
    }
    kind = kind_of_hex(name_len);
    memcpy(hex, path + from, name_len);
    if (kind == CULL_DIGEST_NONE && from >= 3 && is_hex(path[from - 2]) && is_hex(path[from - 3]) &&
        (from == 3 || path[from - 4] == '/') && kind_of_hex(name_len + 2) != CULL_DIGEST_NONE) {
        kind = kind_of_hex(name_len + 2);
        memcpy(hex, path + from - 3, 2);
        memcpy(hex + 2, path + from, name_len);
    }
    out->len = cull_digest_len(kind);
    return kind != CULL_DIGEST_NONE &&
           cull_digest_from_hex(&out->digest, kind, hex, 2 * out->len) == CULL_OK;
}

/* The same of a path, or of its folder's. */
static bool object_of(const char *path, struct import_object *out)
{
    const char *slash = strrchr(path, '/');

    out->below = !ends_in_digest(path, strlen(path), out);
    return !out->below || (slash != NULL && ends_in_digest(path, (size_t)(slash - path), out));
}

static int compare_objects(const void *a, const void *b)
{
    const struct import_object *left = a;
    const struct import_object *right = b;
    int order = (left->len > right->len) - (left->len < right->len);

    order = order != 0 ? order : memcmp(&left->digest, &right->digest, sizeof(cull_digest));
    order = order != 0 ? order : left->below - right->below;
    return order != 0 ? order : (left->file > right->file) - (left->file < right->file);
}

static cull_status list_objects(struct import_source *source)
{
    const struct walk_list *files = &source->content.files;

    source->objects = calloc(files->count + 1, sizeof(*source->objects));
    if (source->objects == NULL) {
        return cli_fail_nomem(source->import->cli);
    }
    for (size_t i = 0; i < files->count; i++) {
        struct import_object *object = &source->objects[source->object_count];

        if (object_of(files->files[i].path, object)) {
            object->file = i;
            source->object_count++;
        }
    }
    qsort(source->objects, source->object_count, sizeof(*source->objects), compare_objects);
    return CULL_OK;
}

static cull_status list_content(struct import_source *source, const char *dir)
{
    struct content *content = &source->content;
    struct cli *cli = source->import->cli;
    char shown[PRINTABLE_MAX];
    struct stat store;
    cull_status status;

    content->name = dir;
    content->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (content->root < 0) {
        return errno == ENOENT ? cli_fail(cli, CULL_E_NOTFOUND, "--content: %s: no such directory",
                                          printable(shown, dir))
                               : cli_fail_errno(cli, errno, "--content: %s", printable(shown, dir));
    }
    if (stat(cli->store_dir, &store) != 0) {
        return cli_fail_errno(cli, errno, "%s", printable(shown, cli->store_dir));
    }
    status = walk(&content->files, content->root, dir, true, &store, &cli->err);
    if (status != CULL_OK) {
        return status;
    }
    content->digests = calloc(content->files.count + 1, sizeof(*content->digests));
    source->digests = calloc(content->files.count + 1, sizeof(*source->digests));
    source->is_known = calloc(content->files.count + 1, 1);
    if (content->digests == NULL || source->digests == NULL || source->is_known == NULL) {
        return cli_fail_nomem(cli);
    }
    return list_objects(source);
}

cull_status import_source_begin(struct import_source *source, struct import *import)
{
    const struct import_options *options = import->options;
    struct cli *cli = import->cli;
    char shown[PRINTABLE_MAX];

    source->import = import;
    source->content = (struct content){ .root = -1,
                                        .follow = true,
                                        .kind = cli->settings.digest,
                                        .progress = &import->progress,
                                        .tick = import_tick,
                                        .tick_ctx = import };
    source->content.threads =
        options->threads.given ? (unsigned)options->threads.value : pool_processors();
    if (options->threads.given && options->threads.value > POOL_THREADS_MAX) {
        return cli_fail(cli, CULL_E_USAGE, "--threads: at most %d", POOL_THREADS_MAX);
    }
    if (options->digest != NULL) {
        source->digest = cull_digest_kind_parse(options->digest);
        if (source->digest == CULL_DIGEST_NONE) {
            return cli_fail(cli, CULL_E_USAGE, "--digest: %s: not sha256, sha1, md5 or xxh128",
                            printable(shown, options->digest));
        }
    }
    source->has_content = options->content != NULL;
    return source->has_content ? list_content(source, options->content) : CULL_OK;
}

/* --- reading ------------------------------------------------------------------------------- */

cull_status import_source_open(struct import_source *source, const char *path, int *fd)
{
    struct cli *cli = source->import->cli;
    char shown[PRINTABLE_MAX];
    struct stat info;

    *fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (*fd < 0) {
        return errno == ENOENT
                   ? cli_fail(cli, CULL_E_NOTFOUND, "%s: no such file", printable(shown, path))
                   : cli_fail_errno(cli, errno, "%s", printable(shown, path));
    }
    if (fstat(*fd, &info) == 0 && S_ISDIR(info.st_mode)) {
        (void)close(*fd);
        *fd = -1;
        return cli_fail(cli, CULL_E_INVALID, "%s: a directory, not a file", printable(shown, path));
    }
    return CULL_OK;
}

cull_status import_source_read(void *ctx, void *data, size_t len, size_t *got, cull_error *err)
{
    const int *fd = ctx;
    ssize_t count;

    do {
        if (signals_caught() != 0) {
            return CULL_E_CANCELLED;
        }
        count = read(*fd, data, len);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        err->status = CULL_E_IO;
        (void)snprintf(err->message, sizeof(err->message), "reading: %s", strerror(errno));
        return CULL_E_IO;
    }
    *got = (size_t)count;
    return CULL_OK;
}

/* --- finding content ----------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

/* Whether two files lie in one folder. */
static bool beside(const char *a, const char *b)
{
    size_t len = (size_t)(base_name(a) - a);

    return (size_t)(base_name(b) - b) == len && memcmp(a, b, len) == 0;
}

/* Which of the objects of one digest, at least one, an entry's content is: one with its own name,
 * else below a folder of that name one with the entry's, else one that is alone there. */
static size_t choose_object(const struct import_source *source, const struct import_object *objects,
                            size_t count, const cull_entry *entry)
{
    const struct walk_file *files = source->content.files.files;
    size_t alone = NO_FILE;

    for (size_t i = 0; i < count; i++) {
        const char *path = files[objects[i].file].path;
        bool has_company = (i > 0 && beside(path, files[objects[i - 1].file].path)) ||
                           (i + 1 < count && beside(path, files[objects[i + 1].file].path));

        if (!objects[i].below || strcmp(base_name(path), base_name(entry->path)) == 0) {
            return objects[i].file;
        }
        alone = alone == NO_FILE && !has_company ? objects[i].file : alone;
    }
    return alone;
}

static size_t file_of_object(const struct import_source *source, const cull_entry *entry)
{
    struct import_object wanted = { .digest = entry->digest,
                                    .len = cull_digest_len(cull_manifest_kind(source->manifest)) };
    const struct import_object *objects = source->objects;
    size_t low = 0;
    size_t high = source->object_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_objects(&objects[middle], &wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (high = low; high < source->object_count && objects[high].len == wanted.len &&
                     memcmp(&objects[high].digest, &wanted.digest, sizeof(wanted.digest)) == 0;) {
        high++;
    }
    return high == low ? NO_FILE : choose_object(source, objects + low, high - low, entry);
}

static size_t file_of_path(const struct import_source *source, const char *path)
{
    const struct walk_list *files = &source->content.files;
    size_t low = 0;
    size_t high = files->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(files->files[middle].path, path);

        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NO_FILE;
}

/* The file with an entry's content, or NO_FILE. */
static size_t find_file(const struct import_source *source, const cull_entry *entry)
{
    const char *name = source->name;
    char path[2 * CULL_PATH_BYTES_MAX + 2];
    size_t file = NO_FILE;

    if (entry->kind != CULL_ENTRY_BLOB || !source->has_content) {
        return NO_FILE;
    }
    if (name != NULL && strlen(name) <= CULL_PATH_BYTES_MAX) {
        (void)snprintf(path, sizeof(path), "%s/%s", name, entry->path);
        file = file_of_path(source, path);
    }
    if (file == NO_FILE) {
        file = file_of_path(source, entry->path);
    }
    return file == NO_FILE ? file_of_object(source, entry) : file;
}

static cull_status no_content(const struct import_source *source, const cull_entry *entry)
{
    struct cli *cli = source->import->cli;
    char path[PRINTABLE_MAX];
    char dir[PRINTABLE_MAX];

    (void)printable(path, entry->path);
    if (!source->has_content) {
        return cli_fail(cli, CULL_E_NOTFOUND,
                        "%.250s: the store lacks its content: give --content DIR, or import into a "
                        "store made with --objects none",
                        path);
    }
    return cli_fail(cli, CULL_E_NOTFOUND,
                    "%.200s: the store lacks its content, and it is not below %.200s", path,
                    printable(dir, source->content.name));
}

/* Digests of files that were not asked for before, of one kind, into digests[file]. */
static cull_status hash_files(struct import_source *source, const size_t *files, size_t count,
                              cull_digest_kind kind, cull_digest *digests)
{
    struct content some = source->content;
    struct cli *cli = source->import->cli;
    cull_status status = CULL_E_NOMEM;

    some.kind = kind;
    some.files = (struct walk_list){ .count = count };
    some.files.files = calloc(count + 1, sizeof(*some.files.files));
    some.digests = calloc(count + 1, sizeof(*some.digests));
    if (some.files.files == NULL || some.digests == NULL) {
        (void)cli_fail_nomem(cli);
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        some.files.files[i] = source->content.files.files[files[i]];
        some.files.bytes += some.files.files[i].size_bytes;
    }
    status = content_hash(&some, &cli->err);
    for (size_t i = 0; status == CULL_OK && i < count; i++) {
        digests[files[i]] = some.digests[i];
    }
done:
    free(some.files.files);
    free(some.digests);
    return status;
}

/* Find each entry's file, and know the digests of all of them, of both kinds. */
static cull_status find_content(struct import_source *source)
{
    cull_digest_kind kind = cull_manifest_kind(source->manifest);
    size_t count = cull_manifest_count(source->manifest);
    size_t *fresh = calloc(source->content.files.count + 1, sizeof(*fresh));
    size_t fresh_count = 0;
    cull_status status = CULL_OK;

    if (fresh == NULL) {
        return cli_fail_nomem(source->import->cli);
    }
    if (source->digests_kind != kind) { /* versions of several kinds in one folder */
        memset(source->is_known, 0, source->content.files.count);
        source->digests_kind = kind;
    }
    for (size_t i = 0; i < count; i++) {
        cull_entry entry;
        size_t file;

        cull_manifest_at(source->manifest, i, &entry);
        file = find_file(source, &entry);
        if (file != NO_FILE && !source->is_known[file]) {
            source->is_known[file] = 1;
            fresh[fresh_count++] = file;
        }
    }
    status = cull_manifest_check(source->manifest, &source->import->cli->err);
    if (status == CULL_OK) {
        status = hash_files(source, fresh, fresh_count, kind, source->digests);
    }
    if (status == CULL_OK && kind != source->content.kind) {
        status =
            hash_files(source, fresh, fresh_count, source->content.kind, source->content.digests);
    } else {
        for (size_t i = 0; status == CULL_OK && i < fresh_count; i++) {
            source->content.digests[fresh[i]] = source->digests[fresh[i]];
        }
    }
    free(fresh);
    return status;
}

/* Every file that was found is what the manifest says. */
static cull_status check_content(const struct import_source *source)
{
    cull_digest_kind kind = cull_manifest_kind(source->manifest);
    struct cli *cli = source->import->cli;
    char path[PRINTABLE_MAX];
    char found[CULL_DIGEST_HEX_MAX];
    char wanted[CULL_DIGEST_HEX_MAX];

    for (size_t i = 0; i < cull_manifest_count(source->manifest); i++) {
        const struct walk_file *walked;
        cull_entry entry;
        size_t file;

        cull_manifest_at(source->manifest, i, &entry);
        file = find_file(source, &entry);
        if (file == NO_FILE) {
            continue;
        }
        walked = &source->content.files.files[file];
        if (memcmp(&entry.digest, &source->digests[file], sizeof(cull_digest)) != 0) {
            cull_digest_to_hex(found, &source->digests[file], kind);
            cull_digest_to_hex(wanted, &entry.digest, kind);
            return cli_fail(cli, CULL_E_INVALID,
                            "%.200s: its content has the %s digest %s, the manifest says %s",
                            printable_path(path, source->content.name, walked->path),
                            cull_digest_kind_name(kind), found, wanted);
        }
        if (entry.size_bytes != CULL_SIZE_UNKNOWN && entry.size_bytes != walked->size_bytes) {
            return cli_fail(cli, CULL_E_INVALID,
                            "%.200s: its content has %" PRIu64 " bytes, the manifest says %" PRIu64,
                            printable_path(path, source->content.name, walked->path),
                            walked->size_bytes, entry.size_bytes);
        }
    }
    return CULL_OK;
}

/* --- the version --------------------------------------------------------------------------- */

static bool has_blobs(const cull_manifest *manifest)
{
    for (size_t i = 0; i < cull_manifest_count(manifest); i++) {
        cull_entry entry;

        cull_manifest_at(manifest, i, &entry);
        if (entry.kind == CULL_ENTRY_BLOB) {
            return true;
        }
    }
    return false;
}

/* The manifest with the store's digests, and with the sizes that the content has. */
static cull_status translate(const struct import_source *source, cull_manifest **out)
{
    const struct content *content = &source->content;
    struct cli *cli = source->import->cli;
    bool other = cull_manifest_kind(source->manifest) != content->kind;
    cull_status status =
        cull_manifest_new_in(out, content->kind, &cli->scratch, cull_allocator_default());

    if (status != CULL_OK) {
        return cli_fail_nomem(cli);
    }
    status = cull_manifest_head_set(*out, cull_manifest_head(source->manifest), &cli->err);
    for (size_t i = 0; status == CULL_OK && i < cull_manifest_count(source->manifest); i++) {
        cull_entry entry;
        size_t file;

        cull_manifest_at(source->manifest, i, &entry);
        file = find_file(source, &entry);
        if (file != NO_FILE) {
            entry.digest = content->digests[file];
            entry.size_bytes = content->files.files[file].size_bytes;
        } else if (entry.kind == CULL_ENTRY_BLOB && other) {
            return no_content(source, &entry);
        }
        status = cull_manifest_add(*out, &entry, &cli->err);
    }
    if (status == CULL_OK) {
        status = cull_manifest_check(source->manifest, &cli->err);
    }
    return status == CULL_OK ? cull_manifest_seal(*out, &cli->err) : status;
}

/* The entries' numbers are those of the manifest that came too: both go by path. */
static cull_status stage(void *ctx, const size_t *entries, size_t count, cull_staged *out,
                         bool *staged, cull_error *err)
{
    struct import_source *source = ctx;
    size_t *files = calloc(count + 1, sizeof(*files));
    cull_status status = CULL_OK;

    if (files == NULL) {
        return cli_fail_nomem(source->import->cli);
    }
    for (size_t i = 0; status == CULL_OK && i < count; i++) {
        cull_entry entry;

        cull_manifest_at(source->manifest, entries[i], &entry);
        files[i] = find_file(source, &entry);
        if (files[i] == NO_FILE) {
            status = no_content(source, &entry);
        }
    }
    if (status == CULL_OK) {
        status = cull_manifest_check(source->manifest, err);
    }
    if (status == CULL_OK) {
        status = content_stage(&source->content, source->import->cli->store, files, count, out,
                               staged, err);
    }
    free(files);
    return status;
}

static cull_status add(struct import_source *source, const cull_manifest *manifest,
                       const char *shown, bool is_last)
{
    const struct import_options *options = source->import->options;
    struct import_version version = { .source = shown,
                                      .manifest = manifest,
                                      .stage = stage,
                                      .stage_ctx = source,
                                      .aliases = options->aliases.items,
                                      .alias_count = is_last ? options->aliases.count : 0,
                                      .tags = options->tags.items,
                                      .tag_count = options->tags.count,
                                      .artifact_id = source->artifact_id };

    return import_add(source->import, &version, NULL);
}

cull_status import_source_add(struct import_source *source, cull_manifest *manifest,
                              const char *shown, const char *name, bool is_last)
{
    struct cli *cli = source->import->cli;
    cull_digest_kind kind = cull_manifest_kind(manifest);
    bool other = kind != source->content.kind;
    cull_manifest *translated = NULL;
    char printed[PRINTABLE_MAX];
    cull_status status = CULL_OK;

    source->manifest = manifest;
    source->name = name;
    if (other && !source->has_content && has_blobs(manifest)) {
        status = cli_fail(cli, CULL_E_INVALID,
                          "%.200s: its digests are %s, the store's are %s: give --content DIR, so "
                          "that the content is hashed again, or import into a store made with "
                          "--digest %s",
                          printable(printed, shown), cull_digest_kind_name(kind),
                          cull_digest_kind_name(source->content.kind), cull_digest_kind_name(kind));
    }
    if (status == CULL_OK && source->has_content) {
        status = find_content(source);
        status = status == CULL_OK ? check_content(source) : status;
    }
    if (status == CULL_OK && (other || source->has_content)) {
        status = translate(source, &translated);
    }
    if (status == CULL_OK) {
        status = add(source, translated != NULL ? translated : manifest, shown, is_last);
    }
    cull_manifest_free(manifest);
    cull_manifest_free(translated);
    source->manifest = NULL;
    return status;
}

void import_source_end(struct import_source *source)
{
    if (source->has_content && source->content.root >= 0) {
        (void)close(source->content.root);
    }
    walk_release(&source->content.files);
    free(source->content.digests);
    free(source->digests);
    free(source->is_known);
    free(source->objects);
}
