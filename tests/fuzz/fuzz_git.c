/*
 * fuzz_git.c - what the git program prints, without the program: git_start() is ours, and gives the
 * reader the input in short pieces. The first byte says which run of git it is.
 *
 *   C  rev-parse's answer, then rev-list's       T  for-each-ref's, then cat-file --batch-check's
 *   D  a digit, the number of steps, then diff-tree's
 *   B  i, h or o, the ids to ask for, one a line, then cat-file's: for an index by git's ids, for
 *      an index by content, for a store that keeps the content
 *
 * Two answers are kept apart by the byte 0x1e.
 *
 * PROPERTIES  A second, slower reader in this file agrees on what is understood, and on all that is
 *             read: commits, trees, tags, edits, sizes. A blob's digest is that of its content,
 *             which reads back.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/git_blobs.h"

#define SEPARATOR 0x1e
#define PIECE_BYTES 61
#define BLOBS_MAX 64

/* --- git's place ---------------------------------------------------------------------------- */

struct part {
    const char *at;
    size_t len;
};

static struct part answers[2]; /* not given yet */
static struct part now;        /* what the running git has still to print */
static int now_fd = -1;
static size_t warnings;

/* The linker puts these in the place of the functions that they are named for. */
cull_status __wrap_git_start(struct git_run *run, struct cli *cli, const char *repo,
                             const char *const *args, int input);
ssize_t __real_read(int fd, void *data, size_t len);
ssize_t __wrap_read(int fd, void *data, size_t len);
void __wrap_cli_warn(struct cli *cli, const char *format, ...);

cull_status __wrap_git_start(struct git_run *run, struct cli *cli, const char *repo,
                             const char *const *args, int input)
{
    *run = (struct git_run){ .cli = cli, .repo = repo, .what = args[0], .err = -1 };
    if (input >= 0) {
        (void)close(input);
    }
    now = answers[0];
    answers[0] = answers[1];
    answers[1] = (struct part){ NULL, 0 };
    run->out = now_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    FUZZ_CHECK(now_fd >= 0, "no descriptor");
    return CULL_OK;
}

ssize_t __wrap_read(int fd, void *data, size_t len)
{
    if (fd != now_fd) {
        return __real_read(fd, data, len);
    }
    len = len < PIECE_BYTES ? len : PIECE_BYTES;
    len = len < now.len ? len : now.len;
    if (len > 0) {
        memcpy(data, now.at, len);
        now.at += len;
        now.len -= len;
    }
    return (ssize_t)len;
}

void __wrap_cli_warn(struct cli *cli, const char *format, ...)
{
    (void)cli;
    (void)format;
    warnings++;
}

static void split(const uint8_t *data, size_t len)
{
    const char *end = len == 0 ? NULL : memchr(data, SEPARATOR, len);

    answers[0] = (struct part){ (const char *)data, len };
    answers[1] = (struct part){ NULL, 0 };
    if (end != NULL) {
        answers[0].len = (size_t)(end - answers[0].at);
        answers[1] = (struct part){ end + 1, len - answers[0].len - 1 };
    }
}

/* --- the slower reader ---------------------------------------------------------------------- */

/* The next part of text up to a delimiter; false: there is none. */
static bool next(struct part *text, char delimiter, struct part *out)
{
    const char *end = text->len == 0 ? NULL : memchr(text->at, delimiter, text->len);

    if (end == NULL) {
        return false;
    }
    *out = (struct part){ text->at, (size_t)(end - text->at) };
    text->len -= out->len + 1;
    text->at = end + 1;
    return true;
}

/* A form's '#' is a hexadecimal digit, '0' an octal one, '1' a binary one, 'A' a
 * capital; others are themselves. */
static bool looks_like(const struct part *text, const char *form)
{
    static const struct {
        char kind;
        const char *members;
    } classes[] = { { '#', "0123456789abcdefABCDEF" },
                    { '0', "01234567" },
                    { '1', "01" },
                    { 'A', "ABCDEFGHIJKLMNOPQRSTUVWXYZ" } };

    if (text->len != strlen(form)) {
        return false;
    }
    for (size_t i = 0; i < text->len; i++) {
        const char own[2] = { form[i], '\0' };
        const char *members = own;

        for (size_t k = 0; k < sizeof classes / sizeof *classes; k++) {
            members = classes[k].kind == form[i] ? classes[k].members : members;
        }
        if (text->at[i] == '\0' || strchr(members, text->at[i]) == NULL) {
            return false;
        }
    }
    return true;
}

#define HEX_BYTES ((size_t)40) /* of SHA-1, which the repository says */
#define HEX10 "##########"
#define HEX HEX10 HEX10 HEX10 HEX10

static bool id_is(const struct git_id *id, const char *hex)
{
    char text[GIT_HEX_BYTES + 1];

    git_id_hex(text, id);
    return strncasecmp(text, hex, HEX_BYTES) == 0;
}

/* --- commits -------------------------------------------------------------------------------- */

/* Whether the lines are "commit ID" and a tree, in turn, and the steps are those. */
static bool same_commits(struct part text, const struct git_history *history, size_t *count)
{
    struct part line;

    for (*count = 0; text.len > 0; (*count)++) {
        const struct git_step *step = *count < history->count ? &history->steps[*count] : NULL;
        struct part tree;

        if (!next(&text, '\n', &line) || !next(&text, '\n', &tree) ||
            !looks_like(&line, "commit " HEX) || !looks_like(&tree, HEX)) {
            return false;
        }
        FUZZ_CHECK(
            step == NULL || (id_is(&step->commit, line.at + 7) && id_is(&step->tree, tree.at)),
            "another commit");
    }
    return true;
}

static void try_commits(struct cli *cli)
{
    struct git_history history = { .steps = NULL };
    struct part head = answers[0];
    struct part list = answers[1];
    struct part line = { NULL, 0 };
    size_t count = 0;
    cull_status status = git_read_commits(cli, ".", NULL, &history);
    bool right = same_commits(list, &history, &count);

    if (!next(&head, '\n', &line) || line.len != HEX_BYTES || memchr(line.at, 0, line.len)) {
        FUZZ_CHECK(status != CULL_OK, "a commit without a name");
    } else {
        FUZZ_CHECK((status == CULL_OK) == right, cli->err.message);
        FUZZ_CHECK(!right || count == history.count, "another number of commits");
    }
    git_history_release(&history);
}

/* --- tags ----------------------------------------------------------------------------------- */

static void try_tags(struct cli *cli)
{
    struct git_history history = { .steps = NULL };
    struct part names = answers[0];
    struct part objects = answers[1];
    struct part name;
    size_t kept = 0;
    size_t left = 0;
    cull_status status = git_read_tags(cli, ".", "*", &history);

    while (status == CULL_OK && next(&names, '\n', &name)) {
        struct part commit = { NULL, 0 };
        struct part tree = { NULL, 0 };

        FUZZ_CHECK(next(&objects, '\n', &commit) && next(&objects, '\n', &tree),
                   "a tag without an answer");
        if (!looks_like(&commit, HEX " commit") || !looks_like(&tree, HEX " tree")) {
            left++;
            continue;
        }
        FUZZ_CHECK(kept < history.count, "a tag is missing");
        FUZZ_CHECK(strlen(history.steps[kept].tag) == name.len &&
                       memcmp(history.steps[kept].tag, name.at, name.len) == 0,
                   history.steps[kept].tag);
        FUZZ_CHECK(id_is(&history.steps[kept].commit, commit.at) &&
                       id_is(&history.steps[kept].tree, tree.at),
                   history.steps[kept].tag);
        kept++;
    }
    FUZZ_CHECK(status != CULL_OK || names.len == 0, "the last name is cut");
    FUZZ_CHECK(status != CULL_OK || (kept == history.count && left == history.tags_left_out),
               "another number of tags");
    FUZZ_CHECK(status != CULL_OK || left == warnings, "a tag was left out unsaid");
    git_history_release(&history);
}

/* --- differences ---------------------------------------------------------------------------- */

#define STEPS_MAX 9

static cull_status note_submodule(void *ctx, const char *path)
{
    (void)path;
    (*(size_t *)ctx)++;
    return CULL_OK;
}

static bool is_blob(const char *mode)
{
    return memcmp(mode, "10", 2) == 0 || memcmp(mode, "12", 2) == 0;
}

/* The next edit is this one. */
static void check_edit(const struct git_edits *edits, size_t i, const struct part *path,
                       const char *id)
{
    const struct git_edit *edit;

    FUZZ_CHECK(i < edits->count, "an edit is missing");
    edit = &edits->items[i];
    FUZZ_CHECK(edit->path_len == path->len &&
                   memcmp(edits->paths.data + edit->path, path->at, path->len) == 0 &&
                   edits->paths.data[edit->path + edit->path_len] == '\0',
               "another path");
    FUZZ_CHECK(edit->there == (id != NULL) && (id == NULL || id_is(&edit->blob, id)),
               "another blob");
}

/* ":OLDMODE NEWMODE OLD NEW X", a path; *edit counts those that matter. */
static bool same_record(struct part *text, const struct git_edits *edits, bool check, size_t *edit,
                        size_t *submodules)
{
    struct part raw;
    struct part path;
    const char *was;
    const char *is;

    if (!next(text, '\0', &raw) || !next(text, '\0', &path) ||
        !looks_like(&raw, ":100000 100000 " HEX " " HEX " A")) {
        return false;
    }
    was = is_blob(raw.at + 1) ? raw.at + 15 : NULL;
    is = is_blob(raw.at + 8) ? raw.at + 16 + HEX_BYTES : NULL;
    *submodules += memcmp(raw.at + 8, "16", 2) == 0;
    if ((was == NULL && is == NULL) ||
        (was != NULL && is != NULL && strncasecmp(was, is, HEX_BYTES) == 0)) {
        return true;
    }
    if (check) {
        check_edit(edits, *edit, &path, is);
    }
    (*edit)++;
    return true;
}

/* How many of the steps are whole; of each, all edits are checked if that many were read. */
static size_t same_steps(struct part text, size_t steps, const struct git_edits *edits,
                         const size_t *ends, size_t done, size_t submodules)
{
    size_t edit = 0;
    size_t own = 0;

    for (size_t i = 0; i < steps; i++) {
        struct part header;

        if (!next(&text, '\n', &header) || !looks_like(&header, HEX " " HEX)) {
            return i;
        }
        while (text.len > 0 && text.at[0] == ':') {
            if (!same_record(&text, edits, i < done, &edit, &own)) {
                return i;
            }
        }
        if (text.len > 0 && i + 1 == steps) {
            return i;
        }
        FUZZ_CHECK(i >= done || edit == ends[i], "another number of edits");
        if (text.len == 0 && i + 1 < steps) {
            return i + 1; /* git passes over a tree that it cannot read */
        }
    }
    FUZZ_CHECK(done < steps || own == submodules, "another number of submodules");
    return steps;
}

static void try_diff(struct cli *cli, const uint8_t *data, size_t len)
{
    const struct git_step steps[STEPS_MAX] = { { .tag = NULL } };
    struct git_edits edits = { .items = NULL };
    struct git_run run;
    const struct git_id empty = git_empty_tree(cli);
    struct git_pair pair;
    size_t ends[STEPS_MAX];
    size_t submodules = 0;
    size_t done = 0;
    size_t count = len > 0 && data[0] >= '1' && data[0] <= '9' ? (size_t)(data[0] - '0') : 0;

    if (count == 0) {
        return;
    }
    answers[0] = (struct part){ (const char *)data + 1, len - 1 };
    FUZZ_CHECK(git_start_diff(&run, cli, ".", &empty, steps, count) == CULL_OK, cli->err.message);
    while (done < count && git_take_diff(&run, done + 1 == count, &pair, &edits, note_submodule,
                                         &submodules) == CULL_OK) {
        ends[done++] = edits.count;
    }
    git_stop(&run);
    FUZZ_CHECK(same_steps((struct part){ (const char *)data + 1, len - 1 }, count, &edits, ends,
                          done, submodules) == done,
               cli->err.message);
    git_edits_release(&edits);
}

/* --- blobs ---------------------------------------------------------------------------------- */

struct bench {
    struct cli cli;
    struct import import;
    struct git_blobs blobs;
    uint32_t numbers[BLOBS_MAX];
    size_t count;
};

static void must(cull_status status, const cull_error *err)
{
    FUZZ_CHECK(status == CULL_OK, err->message);
}

static void open_store(struct bench *bench, char kind)
{
    static const cull_name name = { "e", "p", "c", "" };
    const cull_upload_options open = { .collection = &name };
    cull_store_settings settings = { .digest = kind == 'i' ? CULL_DIGEST_SHA1 : CULL_DIGEST_SHA256,
                                     .index_only = kind != 'o',
                                     .seed = 1 };
    const cull_objects_memory_options memory = { .digest = settings.digest,
                                                 .late = CULL_LATE_IMPOSSIBLE };
    cull_store_options options = { .log = NULL };
    struct cli *cli = &bench->cli;
    cull_caller caller = cli_caller(cli);

    settings.late_deletes = kind == 'o' ? CULL_LATE_IMPOSSIBLE : 0;
    must(cull_log_memory_new(&cli->log, NULL), &cli->err);
    if (kind == 'o') {
        must(cull_objects_memory_new(&cli->objects, &memory, &cli->err), &cli->err);
    }
    must(cull_store_create(cli->log, &settings, &caller, &cli->err), &cli->err);
    options.log = cli->log;
    options.objects = cli->objects;
    must(cull_store_open(&cli->store, &options, &cli->err), &cli->err);
    cull_store_get_settings(cli->store, &cli->settings);
    bench->import.cli = cli;
    bench->import.lease_ns = cli->settings.lease_ms * 1000000;
    bench->import.renewed_ns = cli_clock_ns(NULL);
    must(cull_upload_open(&bench->import.upload, cli->store, &open, &caller, &cli->err), &cli->err);
    must(git_blobs_init(&bench->blobs, &bench->import, "."), &cli->err);
}

static void close_store(struct bench *bench)
{
    git_blobs_release(&bench->blobs);
    cull_upload_free(bench->import.upload);
    cull_store_close(bench->cli.store);
    cull_log_close(bench->cli.log);
    cull_objects_close(bench->cli.objects);
}

static void add_ids(struct bench *bench, struct part text)
{
    struct part line;

    while (bench->count < BLOBS_MAX && next(&text, '\n', &line)) {
        uint32_t number;
        struct git_id id;

        if (line.len == HEX_BYTES && git_id_parse(&id, line.at, line.len)) {
            must(git_blobs_add(&bench->blobs, &id, &number), &bench->cli.err);
            if (number == bench->count) { /* not there before */
                bench->numbers[bench->count++] = number;
            }
        }
    }
}

static cull_status compare_read(void *ctx, const void *data, size_t len, cull_error *err)
{
    struct part *left = ctx;

    (void)err;
    FUZZ_CHECK(len <= left->len && memcmp(left->at, data, len) == 0, "another content");
    left->at += len;
    left->len -= len;
    return CULL_OK;
}

/* That a blob is what git said. */
static void check_blob(struct bench *bench, const struct git_blob *blob, uint64_t size,
                       struct part content)
{
    cull_digest digest;

    FUZZ_CHECK(blob->known && blob->size_bytes == size, "another size");
    if (bench->blobs.by_id) {
        FUZZ_CHECK(memcmp(blob->digest.bytes, blob->id.bytes, blob->id.len) == 0, "another digest");
        return;
    }
    must(cull_digest_of(&digest, bench->cli.settings.digest, content.at, content.len),
         &bench->cli.err);
    FUZZ_CHECK(memcmp(&blob->digest, &digest, sizeof digest) == 0, "another digest");
    if (!bench->cli.settings.index_only) {
        must(cull_blob_read(bench->cli.store, &digest, compare_read, &content, &bench->cli.err),
             &bench->cli.err);
        FUZZ_CHECK(content.len == 0, "the content is cut");
    }
}

/* Digits and nothing else, at most 2^62. */
static bool size_of(const struct part *text, uint64_t *size)
{
    *size = 0;
    for (size_t i = 0; i < text->len; i++) {
        if (text->at[i] < '0' || text->at[i] > '9' || *size > UINT64_C(1) << 59) {
            return false;
        }
        *size = *size * 10 + (uint64_t)(text->at[i] - '0');
    }
    return text->len > 0 && *size <= UINT64_C(1) << 62;
}

/* "ID blob SIZE", and for a reader of content that many bytes and a line's end. */
static bool same_blob(struct bench *bench, struct part *text, const struct git_blob *blob,
                      bool check)
{
    struct part line;
    struct part number;
    struct part content = { NULL, 0 };
    char hex[GIT_HEX_BYTES + 1];
    uint64_t size;

    git_id_hex(hex, &blob->id);
    if (!next(text, '\n', &line) || line.len < HEX_BYTES + 6) {
        return false;
    }
    number = (struct part){ line.at + HEX_BYTES + 6, line.len - HEX_BYTES - 6 };
    line.len -= number.len;
    if (!looks_like(&line, HEX " blob ") || memcmp(line.at, hex, HEX_BYTES) != 0 ||
        !size_of(&number, &size)) {
        return false;
    }
    if (!bench->blobs.by_id) {
        if (size >= text->len || text->at[size] != '\n') {
            return false;
        }
        content = (struct part){ text->at, (size_t)size };
        text->at += size + 1;
        text->len -= (size_t)size + 1;
    }
    if (check) {
        check_blob(bench, blob, size, content);
    }
    return true;
}

static void try_blobs(const uint8_t *data, size_t len)
{
    struct bench bench = { .count = 0 };
    struct part text;
    bool right = true;
    cull_status status;

    if (len == 0 || (data[0] != 'i' && data[0] != 'h' && data[0] != 'o')) {
        return;
    }
    open_store(&bench, (char)data[0]);
    split(data + 1, len - 1);
    add_ids(&bench, answers[0]);
    answers[0] = text = answers[1];
    answers[1] = (struct part){ NULL, 0 };
    status = git_blobs_pin(&bench.blobs, bench.numbers, bench.count);
    for (size_t i = 0; i < bench.count && right; i++) {
        right = same_blob(&bench, &text, &bench.blobs.items[i], status == CULL_OK);
    }
    FUZZ_CHECK((status == CULL_OK) == right, bench.cli.err.message);
    close_store(&bench);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cli cli = { .store_dir = NULL };

    warnings = 0;
    if (len == 0) {
        return 0;
    }
    split(data + 1, len - 1);
    switch (data[0]) {
    case 'C':
        try_commits(&cli);
        break;
    case 'T':
        try_tags(&cli);
        break;
    case 'D':
        try_diff(&cli, data + 1, len - 1);
        break;
    case 'B':
        try_blobs(data + 1, len - 1);
        break;
    default:
        break;
    }
    return 0;
}
