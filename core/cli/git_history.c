/*
 * git_history.c - commits, tags and differences, read from git's plumbing.
 *
 * SHAPE     One rev-list gives commits and their trees, one diff-tree the difference of each pair
 *           of neighbours: tree against tree, so that merges, grafts, shallow clones and tags are
 *           all the same. Nothing is checked out.
 * INVARIANT A step's edits are whole when the next step's header has come, or git has ended well.
 * COST      git's own, and one pass over what it prints.
 * FAILURE   What git prints is read as strictly as a file of somebody else's.
 * WHY NOT   git log --raw: its form depends on the user's configuration. Renames are not looked
 *           for: a blob that moved is the same blob.
 */
#include "git_history.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define EMPTY_TREE "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
#define EMPTY_TREE_SHA256 "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
#define MODE_KIND 0170000u
#define MODE_SUBMODULE 0160000u
#define MODE_FILE 0100000u
#define MODE_LINK 0120000u

/* --- ids ------------------------------------------------------------------------------------ */

size_t git_hex_len(const struct cli *cli)
{
    return 2 * cull_digest_len(cli->git_ids == CULL_DIGEST_NONE ? CULL_DIGEST_SHA1 : cli->git_ids);
}

void git_id_hex(char text[GIT_HEX_BYTES + 1], const struct git_id *id)
{
    cull_digest digest = { { 0 } };

    memcpy(digest.bytes, id->bytes, id->len);
    cull_digest_to_hex(text, &digest, id->len == 32 ? CULL_DIGEST_SHA256 : CULL_DIGEST_SHA1);
}

bool git_id_parse(struct git_id *out, const char *text, size_t len)
{
    cull_digest digest;

    *out = (struct git_id){ .len = (uint8_t)(len / 2) };
    if (cull_digest_from_hex(&digest, len == 64 ? CULL_DIGEST_SHA256 : CULL_DIGEST_SHA1, text,
                             len) != CULL_OK) {
        return false;
    }
    memcpy(out->bytes, digest.bytes, out->len);
    return true;
}

static cull_status unexpected(struct git_run *run, const char *text)
{
    char shown[PRINTABLE_MAX];

    return cli_fail(run->cli, CULL_E_INVALID, "git %s: not understood: %.200s", run->what,
                    printable(shown, text));
}

/* --- the repository ------------------------------------------------------------------------- */

static cull_status check_format(struct git_run *run, const char *repo, bool *shallow)
{
    struct cli *cli = run->cli;
    char shown[PRINTABLE_MAX];
    char *line;
    size_t len;
    cull_status status = git_take(run, '\n', &line, &len);

    if (status == CULL_OK && line != NULL) {
        cli->git_ids = cull_digest_kind_parse(line);
        if (cli->git_ids != CULL_DIGEST_SHA1 && cli->git_ids != CULL_DIGEST_SHA256) {
            return cli_fail(cli, CULL_E_INVALID,
                            "%s: names its objects by %.20s: only repositories of sha1 and sha256 "
                            "are read",
                            printable(shown, repo), line);
        }
    }
    if (status == CULL_OK && line != NULL) { /* where in the repository we are; its top: "" */
        status = git_take(run, '\n', &line, &len);
        if (status == CULL_OK && line != NULL && len > 0) {
            return cli_fail(cli, CULL_E_NOTFOUND,
                            "%s: a folder inside of a repository: name the repository's top",
                            printable(shown, repo));
        }
    }
    if (status == CULL_OK && line != NULL) {
        status = git_take(run, '\n', &line, &len);
        *shallow = status == CULL_OK && line != NULL && strcmp(line, "true") == 0;
    }
    return status;
}

cull_status git_check_repository(struct cli *cli, const char *repo, bool *shallow)
{
    const char *const args[] = { "rev-parse", "--show-object-format", "--show-prefix",
                                 "--is-shallow-repository", NULL };
    char shown[PRINTABLE_MAX];
    struct git_run run;
    struct stat info;
    cull_status status;

    *shallow = false;
    if (stat(repo, &info) != 0) {
        return errno == ENOENT
                   ? cli_fail(cli, CULL_E_NOTFOUND, "%s: no such directory", printable(shown, repo))
                   : cli_fail_errno(cli, errno, "%s", printable(shown, repo));
    }
    if (!S_ISDIR(info.st_mode)) {
        return cli_fail(cli, CULL_E_NOTFOUND, "%s: not a directory: import git reads a repository",
                        printable(shown, repo));
    }
    status = git_start(&run, cli, repo, args, -1);
    if (status == CULL_OK) {
        status = check_format(&run, repo, shallow);
    }
    if (status == CULL_OK) {
        status = git_end(&run, NULL);
    }
    git_stop(&run);
    return status;
}

/* --- commits -------------------------------------------------------------------------------- */

static struct git_step *add_step(struct git_history *history)
{
    if (history->count == history->capacity) {
        size_t capacity = history->capacity * 2 + 256;
        struct git_step *steps = realloc(history->steps, capacity * sizeof(*steps));

        if (steps == NULL) {
            return NULL;
        }
        history->steps = steps;
        history->capacity = capacity;
    }
    history->steps[history->count] = (struct git_step){ .tag = NULL };
    return &history->steps[history->count++];
}

void git_history_release(struct git_history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        free(history->steps[i].tag);
    }
    free(history->steps);
    *history = (struct git_history){ .steps = NULL };
}

/* The commit that rev means; a name that git would take for an option means none. */
static cull_status find_commit(struct cli *cli, const char *repo, const char *rev,
                               char hex[GIT_HEX_BYTES + 1])
{
    struct text name = { .data = NULL };
    char shown[PRINTABLE_MAX];
    char shown_rev[PRINTABLE_MAX];
    struct git_run run = { .out = -1, .err = -1 };
    char *line = NULL;
    size_t len = 0;
    int code = 1;
    cull_status status = CULL_OK;

    text_print(&name, "%s^{commit}", rev);
    text_put(&name, "", 1);
    if (name.failed) {
        status = cli_fail_nomem(cli);
    } else if (rev[0] != '-') {
        const char *const args[] = { "rev-parse", "--verify", "--quiet", name.data, NULL };

        status = git_start(&run, cli, repo, args, -1);
        if (status == CULL_OK) {
            status = git_take(&run, '\n', &line, &len);
        }
        if (status == CULL_OK && len == git_hex_len(cli)) {
            memcpy(hex, line, len + 1);
        }
        if (status == CULL_OK) {
            status = git_end(&run, &code);
        }
        git_stop(&run);
    }
    text_release(&name);
    if (status == CULL_OK && (code != 0 || len != git_hex_len(cli))) {
        (void)printable(shown, repo);
        (void)printable(shown_rev, rev);
        return strcmp(rev, "HEAD") == 0
                   ? cli_fail(cli, CULL_E_NOTFOUND, "%.200s: no commit: its HEAD is of none", shown)
                   : cli_fail(cli, CULL_E_NOTFOUND, "%.200s: %.200s: no such commit", shown,
                              shown_rev);
    }
    return status;
}

cull_status git_read_commits(struct cli *cli, const char *repo, const char *rev,
                             struct git_history *out)
{
    char hex[GIT_HEX_BYTES + 1] = "";
    const char *const args[] = {
        "rev-list", "--first-parent", "--reverse", "--format=%T", hex, NULL
    };
    struct git_run run = { .out = -1, .err = -1 };
    cull_status status = find_commit(cli, repo, rev == NULL ? "HEAD" : rev, hex);

    if (status == CULL_OK) {
        status = git_start(&run, cli, repo, args, -1);
    }
    while (status == CULL_OK) { /* "commit ID", and the tree on a line of its own */
        struct git_id commit;
        struct git_step *step;
        char *line;
        size_t len;

        status = git_take(&run, '\n', &line, &len);
        if (status != CULL_OK || line == NULL) {
            break;
        }
        if (strncmp(line, "commit ", 7) != 0 || len != 7 + git_hex_len(cli) ||
            !git_id_parse(&commit, line + 7, len - 7)) {
            status = unexpected(&run, line);
            break;
        }
        status = git_take(&run, '\n', &line, &len);
        if (status != CULL_OK) {
            break;
        }
        step = line == NULL ? NULL : add_step(out);
        if (line == NULL) {
            status = git_cut_short(&run);
        } else if (step == NULL) {
            status = cli_fail_nomem(cli);
        } else {
            step->commit = commit;
            status = len == git_hex_len(cli) && git_id_parse(&step->tree, line, len)
                         ? CULL_OK
                         : unexpected(&run, line);
        }
    }
    if (status == CULL_OK) {
        status = git_end(&run, NULL);
    }
    git_stop(&run);
    return status;
}

/* --- tags ----------------------------------------------------------------------------------- */

/* Names of the tags that match. */
static cull_status list_tags(struct cli *cli, const char *repo, const char *glob,
                             struct git_history *out)
{
    /* the last key counts first */
    const char *const args[] = { "for-each-ref",       "--sort=version:refname",
                                 "--sort=creatordate", "--format=%(refname:strip=2)",
                                 "refs/tags",          NULL };
    struct git_run run;
    cull_status status = git_start(&run, cli, repo, args, -1);

    while (status == CULL_OK) {
        struct git_step *step;
        char *line;
        size_t len;

        status = git_take(&run, '\n', &line, &len);
        if (status != CULL_OK || line == NULL) {
            break;
        }
        if (fnmatch(glob, line, 0) != 0) {
            continue;
        }
        step = add_step(out);
        if (step == NULL || (step->tag = strdup(line)) == NULL) {
            status = cli_fail_nomem(cli);
        }
    }
    if (status == CULL_OK) {
        status = git_end(&run, NULL);
    }
    git_stop(&run);
    return status;
}

/* "ID commit", or what git says of a name that is none. */
static cull_status take_object(struct git_run *run, const char *type, struct git_id *id,
                               bool *there)
{
    const size_t hex_len = git_hex_len(run->cli);
    char *line;
    size_t len;
    cull_status status = git_take(run, '\n', &line, &len);

    *there = false;
    if (status != CULL_OK) {
        return status;
    }
    if (line == NULL) {
        return git_cut_short(run);
    }
    *there = len > hex_len + 1 && line[hex_len] == ' ' && strcmp(line + hex_len + 1, type) == 0 &&
             git_id_parse(id, line, hex_len);
    return CULL_OK;
}

/* Commits and trees of the steps by their tags' names; those of other objects are left out. */
static cull_status peel_tags(struct cli *cli, const char *repo, struct git_history *history)
{
    const char *const args[] = { "cat-file", "--batch-check=%(objectname) %(objecttype)",
                                 "--buffer", NULL };
    struct git_run run = { .out = -1, .err = -1 };
    struct text names = { .data = NULL };
    size_t kept = 0;
    int input = -1;
    cull_status status;

    for (size_t i = 0; i < history->count; i++) {
        text_print(&names, "refs/tags/%s^{commit}\nrefs/tags/%s^{tree}\n", history->steps[i].tag,
                   history->steps[i].tag);
    }
    status = git_input(cli, &names, &input);
    if (status == CULL_OK) {
        status = git_start(&run, cli, repo, args, input);
    }
    for (size_t i = 0; status == CULL_OK && i < history->count; i++) {
        struct git_step step = history->steps[i];
        bool has_commit;
        bool has_tree;

        status = take_object(&run, "commit", &step.commit, &has_commit);
        if (status == CULL_OK) {
            status = take_object(&run, "tree", &step.tree, &has_tree);
        }
        if (status == CULL_OK) {
            history->steps[i].tag = NULL;
            if (has_commit && has_tree) {
                history->steps[kept++] = step;
            } else {
                char shown[PRINTABLE_MAX];

                cli_warn(cli, "tag %s: left out: it is of no commit", printable(shown, step.tag));
                free(step.tag);
                history->tags_left_out++;
            }
        }
    }
    if (status == CULL_OK) {
        history->count = kept;
        status = git_end(&run, NULL);
    }
    git_stop(&run);
    text_release(&names);
    return status;
}

cull_status git_read_tags(struct cli *cli, const char *repo, const char *glob,
                          struct git_history *out)
{
    cull_status status = list_tags(cli, repo, glob, out);

    return status == CULL_OK && out->count > 0 ? peel_tags(cli, repo, out) : status;
}

struct git_id git_empty_tree(const struct cli *cli)
{
    struct git_id id;

    (void)git_id_parse(&id, cli->git_ids == CULL_DIGEST_SHA256 ? EMPTY_TREE_SHA256 : EMPTY_TREE,
                       git_hex_len(cli));
    return id;
}

/* --- differences ---------------------------------------------------------------------------- */

cull_status git_start_diff(struct git_run *run, struct cli *cli, const char *repo,
                           const struct git_id *base, const struct git_step *steps, size_t count)
{
    const char *const args[] = { "diff-tree",   "--stdin",
                                 "-r",          "-z",
                                 "--raw",       "--no-renames",
                                 "--no-abbrev", "--ignore-submodules=none",
                                 NULL };
    struct text pairs = { .data = NULL };
    char from[GIT_HEX_BYTES + 1];
    char to[GIT_HEX_BYTES + 1];
    int input = -1;
    cull_status status;

    *run = (struct git_run){ .out = -1, .err = -1 };
    git_id_hex(from, base);
    for (size_t i = 0; i < count; i++) {
        git_id_hex(to, &steps[i].tree);
        text_print(&pairs, "%s %s\n", from, to);
        memcpy(from, to, sizeof(from));
    }
    status = git_input(cli, &pairs, &input);
    if (status == CULL_OK) {
        status = git_start(run, cli, repo, args, input);
    }
    text_release(&pairs);
    return status;
}

static cull_status add_edit(struct git_run *run, struct git_edits *out, const char *path,
                            size_t len, const struct git_id *blob)
{
    if (out->count == out->capacity) {
        size_t capacity = out->capacity * 2 + 1024;
        struct git_edit *items = realloc(out->items, capacity * sizeof(*items));

        if (items == NULL) {
            return cli_fail_nomem(run->cli);
        }
        out->items = items;
        out->capacity = capacity;
    }
    out->items[out->count] = (struct git_edit){ .path = out->paths.len,
                                                .path_len = (uint32_t)len,
                                                .there = blob != NULL };
    if (blob != NULL) {
        out->items[out->count].blob = *blob;
    }
    text_put(&out->paths, path, len + 1);
    out->count++;
    return out->paths.failed ? cli_fail_nomem(run->cli) : CULL_OK;
}

struct raw {
    unsigned old_mode;
    unsigned new_mode;
    struct git_id old_blob;
    struct git_id new_blob;
};

/* Six octal digits, as a mode of 16 bits has them, and a blank. */
static bool parse_mode(unsigned *out, const char *text)
{
    *out = 0;
    for (size_t i = 0; i < 6; i++) {
        if (text[i] < '0' || text[i] > '7') {
            return false;
        }
        *out = *out * 8 + (unsigned)(text[i] - '0');
    }
    return text[0] <= '1' && text[6] == ' ';
}

/* ":100644 100755 OLD NEW M" */
static bool parse_raw(struct raw *out, const char *text, size_t len, size_t hex_len)
{
    const size_t old_at = 1 + 7 + 7;
    const size_t new_at = old_at + hex_len + 1;
    const size_t kind_at = new_at + hex_len + 1;

    return len == kind_at + 1 && text[0] == ':' && parse_mode(&out->old_mode, text + 1) &&
           parse_mode(&out->new_mode, text + 8) && text[new_at - 1] == ' ' &&
           text[kind_at - 1] == ' ' && text[kind_at] >= 'A' && text[kind_at] <= 'Z' &&
           git_id_parse(&out->old_blob, text + old_at, hex_len) &&
           git_id_parse(&out->new_blob, text + new_at, hex_len);
}

/* "FROM TO", two trees. */
static bool parse_header(struct git_pair *out, const char *text, size_t len, size_t hex_len)
{
    return len == 2 * hex_len + 1 && text[hex_len] == ' ' &&
           git_id_parse(&out->from, text, hex_len) &&
           git_id_parse(&out->to, text + hex_len + 1, hex_len);
}

static bool mode_is_blob(unsigned mode)
{
    return (mode & MODE_KIND) == MODE_FILE || (mode & MODE_KIND) == MODE_LINK;
}

static cull_status take_record(struct git_run *run, struct git_edits *out,
                               git_submodule_fn submodule, void *ctx)
{
    struct raw raw = { .old_mode = 0 };
    char *text;
    size_t len;
    bool was;
    bool is;
    cull_status status = git_take(run, '\0', &text, &len);

    if (status == CULL_OK && (text == NULL || !parse_raw(&raw, text, len, git_hex_len(run->cli)))) {
        status = text == NULL ? git_cut_short(run) : unexpected(run, text);
    }
    if (status == CULL_OK) {
        status = git_take(run, '\0', &text, &len);
    }
    if (status != CULL_OK) {
        return status;
    }
    if (text == NULL) {
        return git_cut_short(run);
    }
    was = mode_is_blob(raw.old_mode);
    is = mode_is_blob(raw.new_mode);
    if ((raw.new_mode & MODE_KIND) == MODE_SUBMODULE) {
        status = submodule(ctx, text);
    }
    if (status != CULL_OK || (!was && !is) ||
        (was && is && memcmp(&raw.old_blob, &raw.new_blob, sizeof(raw.old_blob)) == 0)) {
        return status; /* a mode is no content */
    }
    return add_edit(run, out, text, len, is ? &raw.new_blob : NULL);
}

cull_status git_take_diff(struct git_run *run, bool last, struct git_pair *pair,
                          struct git_edits *out, git_submodule_fn submodule, void *ctx)
{
    char *header;
    size_t len;
    int next = ':';
    cull_status status = git_take(run, '\n', &header, &len);

    if (status == CULL_OK && header == NULL) {
        return git_cut_short(run);
    }
    if (status == CULL_OK && !parse_header(pair, header, len, git_hex_len(run->cli))) {
        return unexpected(run, header);
    }
    while (status == CULL_OK && (next = git_peek(run)) == ':') {
        status = take_record(run, out, submodule, ctx);
    }
    if (status == CULL_OK && next < 0 && !run->at_end) {
        status = run->cli->err.status; /* it cannot be read: not its end */
    } else if (status == CULL_OK && next < 0) {
        /* if it ended well, this is whole, and what comes after cannot be read */
        status = last ? git_end(run, NULL) : git_wait(run);
    } else if (status == CULL_OK && last) {
        status = unexpected(run, "more after the last difference");
    }
    return status;
}

void git_edits_clear(struct git_edits *edits)
{
    edits->count = 0;
    edits->paths.len = 0;
}

void git_edits_release(struct git_edits *edits)
{
    free(edits->items);
    text_release(&edits->paths);
    *edits = (struct git_edits){ .items = NULL };
}
