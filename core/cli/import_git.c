/*
 * import_git.c - one version for each commit of a line, or for each tag.
 *
 * SHAPE     Differences come in chunks of commits. A chunk's upload names all its blobs, sends what
 *           the store lacks, and stays open, so that they stay; then each commit is a patch on the
 *           version before it, committed by an upload of its own. Many such commits become durable
 *           together, as one group of the log.
 * INVARIANT A version is one whole commit. The version before, which may be an earlier one with an
 *           equal manifest (a revert), has exactly the tree that the next difference begins at.
 * COST      git's, and the library's for a patch; one sync for a group, not three for a commit.
 * FAILURE   Versions whose group has ended stay; the next import goes on behind them (git_place.c).
 *           What was not ended has not happened.
 * WHY NOT   remembering the place in a file or an alias: versions are deleted and restored, and
 *           what says where an import is must live and die with them.
 */
#include "import_git.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "git_moved.h"
#include "git_patches.h"
#include "git_place.h"
#include "units.h"

#define CHUNK_EDITS 65536
#define GROUP_NS UINT64_C(300000000) /* other writers wait so long, and a sync */
#define NAMED_MAX 100                /* paths left out that are named, each once */

/* One step of the chunk, done. */
struct done {
    uint32_t ordinal;
    bool is_new;
};

struct git_import {
    struct import *import;
    struct cli *cli;
    const char *repo;
    const struct import_git_options *options;
    bool shallow; /* the repository lacks older commits */
    struct git_history history;
    size_t at;              /* the first step that is not read yet */
    uint64_t before;        /* steps that were imported before the history's first one */
    struct git_moves moves; /* tags that are of another commit than before */
    size_t again;           /* steps that stand in the history a second time: tags that moved, */
    bool tops;              /* and behind them the last one, whose version stays the latest */
    struct git_id tree;     /* of the step before it */
    struct git_run diff;
    struct git_blobs blobs;

    struct git_chunk chunk;
    size_t first; /* the chunk's first step */
    struct git_patches patches;
    cull_version_key base; /* of the version that was added last */
    uint32_t *numbers;     /* the chunk's blobs */
    size_t number_count;
    struct done done[GIT_CHUNK_STEPS];
    size_t done_count;
    size_t told_count; /* of done: durable, and printed */
    bool grouped;
    uint64_t group_ns;

    uint64_t steps_done;
    uint64_t submodules;
    uint64_t bad_paths;
    uint64_t bad_aliases;
    char *named[NAMED_MAX];
    size_t named_count;
};

/* --- what is left out ------------------------------------------------------------------------- */

/* Say once that a path is left out, and count it once. */
static cull_status leave_out(struct git_import *git, const char *path, const char *why,
                             uint64_t *count)
{
    struct cli *cli = git->cli;
    char shown[PRINTABLE_MAX];

    for (size_t i = 0; i < git->named_count; i++) {
        if (strcmp(git->named[i], path) == 0) {
            return CULL_OK;
        }
    }
    if (git->named_count == NAMED_MAX) {
        (*count)++;
        return CULL_OK;
    }
    git->named[git->named_count] = strdup(path);
    if (git->named[git->named_count] == NULL) {
        return cli_fail_nomem(cli);
    }
    git->named_count++;
    (*count)++;
    progress_end(&git->import->progress);
    cli_warn(cli, "%.300s: left out: %s", printable(shown, path), why);
    record_begin(&cli->out, "left_out");
    field_text(&cli->out, "path", path);
    field_text(&cli->out, "why", why);
    record_end(&cli->out);
    return CULL_OK;
}

static cull_status visit_submodule(void *ctx, const char *path)
{
    struct git_import *git = ctx;

    return leave_out(git, path, "a submodule", &git->submodules);
}

/* --- a chunk of differences ------------------------------------------------------------------- */

/* A part of it is "", "." or "..", which git itself never adds. */
static bool has_dots(const char *path)
{
    for (;;) {
        size_t len = strcspn(path, "/");

        if (len <= 2 && strncmp(path, "..", len) == 0) {
            return true;
        }
        if (path[len] == '\0') {
            return false;
        }
        path += len + 1;
    }
}

static const char *path_fault(const char *path, size_t len)
{
    return len > CULL_PATH_BYTES_MAX ? "its path is too long"
           : !utf8_valid(path, len)  ? "its path is not UTF-8"
           : has_dots(path)          ? "its path has a part \"\", \".\" or \"..\""
                                     : NULL;
}

/* Drop the edits, from a place on, of paths that no manifest can hold. */
static cull_status drop_bad_paths(struct git_import *git, size_t from)
{
    struct git_edits *edits = &git->chunk.edits;
    size_t kept = from;
    cull_status status = CULL_OK;

    for (size_t i = from; i < edits->count && status == CULL_OK; i++) {
        const char *path = edits->paths.data + edits->items[i].path;
        const char *why = path_fault(path, edits->items[i].path_len);

        if (why == NULL) {
            edits->items[kept++] = edits->items[i];
        } else {
            status = leave_out(git, path, why, &git->bad_paths);
        }
    }
    edits->count = kept;
    return status;
}

/* The difference that came is the one that was asked for, or a tree cannot be read: of such a pair
 * git says nothing. */
static cull_status check_pair(struct git_import *git, const struct git_pair *pair)
{
    const struct git_step *step = &git->history.steps[git->at];
    char commit[GIT_HEX_BYTES + 1];
    char tree[GIT_HEX_BYTES + 1];

    if (memcmp(&pair->from, &git->tree, sizeof(git->tree)) == 0 &&
        memcmp(&pair->to, &step->tree, sizeof(step->tree)) == 0) {
        return CULL_OK;
    }
    git_id_hex(commit, &step->commit);
    git_id_hex(tree, &step->tree);
    return cli_fail(git->cli, CULL_E_IO,
                    "commit %s: git cannot read its tree %s, or the one before it: the repository "
                    "is damaged or not whole (git fsck)",
                    commit, tree);
}

static cull_status read_chunk(struct git_import *git)
{
    cull_status status = CULL_OK;

    git_edits_clear(&git->chunk.edits);
    git->first = git->at;
    git->chunk.step_count = 0;
    while (status == CULL_OK && git->at < git->history.count &&
           git->chunk.step_count < GIT_CHUNK_STEPS && git->chunk.edits.count < CHUNK_EDITS) {
        size_t from = git->chunk.edits.count;
        struct git_pair pair;

        status = git_take_diff(&git->diff, git->at + 1 == git->history.count, &pair,
                               &git->chunk.edits, visit_submodule, git);
        if (status == CULL_OK) {
            status = check_pair(git, &pair);
        }
        if (status == CULL_OK) {
            status = drop_bad_paths(git, from);
        }
        if (status == CULL_OK) {
            git->tree = git->history.steps[git->at].tree;
            git->chunk.ends[git->chunk.step_count++] = git->chunk.edits.count;
            git->at++;
            status = import_tick(git->import, &git->cli->err);
        }
    }
    return status;
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

/* Numbers of the chunk's blobs, each once. */
static cull_status number_blobs(struct git_import *git)
{
    const struct git_edits *edits = &git->chunk.edits;
    uint32_t *numbers = realloc(git->numbers, (edits->count + 1) * sizeof(*numbers));
    size_t count = 0;
    size_t kept = 0;
    cull_status status = CULL_OK;

    if (numbers == NULL) {
        return cli_fail_nomem(git->cli);
    }
    git->numbers = numbers;
    for (size_t i = 0; i < edits->count && status == CULL_OK; i++) {
        if (edits->items[i].there) {
            status = git_blobs_add(&git->blobs, &edits->items[i].blob, &numbers[count++]);
        }
    }
    qsort(numbers, count, sizeof(*numbers), compare_numbers);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || numbers[i] != numbers[kept - 1]) {
            numbers[kept++] = numbers[i];
        }
    }
    git->number_count = kept;
    return status;
}

/* --- groups ----------------------------------------------------------------------------------- */

static void tell_done(struct git_import *git)
{
    struct import *import = git->import;
    struct output *out = &git->cli->out;
    char collection[VERSION_NAME_MAX];
    char name[VERSION_NAME_MAX + 16];
    char hex[GIT_HEX_BYTES + 1];

    for (; git->told_count < git->done_count; git->told_count++) {
        const struct done *done = &git->done[git->told_count];
        const struct git_step *step = &git->history.steps[git->first + git->told_count];

        import->versions_new += done->is_new;
        import->versions_equal += !done->is_new;
        git->steps_done++;
        if (!out->json) {
            continue;
        }
        (void)snprintf(name, sizeof(name), "%s:v%" PRIu32,
                       collection_name(collection, &import->collection), done->ordinal);
        git_id_hex(hex, &step->commit);
        record_begin(out, "version");
        field_text(out, "name", name);
        field_text(out, "state", "committed");
        field_bool(out, "is_new", done->is_new);
        field_text(out, "source", step->tag == NULL ? hex : step->tag);
        field_text(out, "commit", hex);
        record_end(out);
    }
}

static cull_status begin_group(struct git_import *git)
{
    cull_status status = cull_log_group_begin(git->cli->log, &git->cli->err);

    git->grouped = status == CULL_OK;
    git->group_ns = cli_clock_ns(NULL);
    return status;
}

/* End the group, also after a failure: what it holds are whole versions. If it cannot be ended, the
 * store has seen what is not there, and nothing more is asked of it. */
static cull_status end_group(struct git_import *git, cull_status status)
{
    cull_error err = { CULL_OK, "" };
    cull_status ended;

    if (!git->grouped) {
        return status;
    }
    git->grouped = false;
    ended = cull_log_group_end(git->cli->log, true, &err);
    if (ended == CULL_OK) {
        tell_done(git);
        return status;
    }
    git->cli->changed = false;
    if (status == CULL_OK) {
        git->cli->err = err;
        status = ended;
    }
    return status;
}

/* --- one commit ------------------------------------------------------------------------------- */

/* A patch on the version before, by an upload of its own. */
static cull_status commit_patch(struct git_import *git, const struct git_step *step,
                                const char *const *aliases, size_t alias_count,
                                const cull_manifest *manifest, const cull_manifest_patch *patch,
                                cull_commit_result *result)
{
    struct import *import = git->import;
    struct cli *cli = git->cli;
    char metadata[GIT_NOTE_MAX];
    char commit[GIT_HEX_BYTES + 1];
    cull_upload_options open = { .collection = &import->collection,
                                 .type = import->options->type,
                                 .run = import->options->run,
                                 .has_base = import->has_last,
                                 .base = import->last };
    cull_commit_options options = { .manifest = manifest,
                                    .patch = patch,
                                    .aliases = aliases,
                                    .alias_count = alias_count,
                                    .tags = import->options->tags.items,
                                    .tag_count = import->options->tags.count,
                                    .ttl_ms = import->options->ttl.value,
                                    .metadata = metadata };
    cull_caller caller = cli_caller(cli);
    cull_upload *upload = NULL;
    cull_status status = cull_upload_open(&upload, cli->store, &open, &caller, &cli->err);

    if (status != CULL_OK) {
        return status;
    }
    git_note_write(metadata, step, git->before + step->number);
    status = cull_upload_commit(upload, &options, NULL, NULL, result, &caller, &cli->err);
    if (status == CULL_E_INVALID) {
        git_id_hex(commit, &step->commit);
        (void)cli_fail_at(cli, status, "commit %s", commit);
    }
    if (status != CULL_OK) {
        cull_error ignored = { CULL_OK, "" };

        (void)!cull_upload_abort(upload, &caller, &ignored);
    }
    cull_upload_free(upload);
    return status;
}

/* The blobs of a commit that an index-only store is giving up: it cannot be a version before that
 * is over. */
static cull_status refuse_waiting(struct git_import *git, const struct git_step *step,
                                  const struct git_edit *edits, size_t count)
{
    struct cli *cli = git->cli;
    char hex[CULL_DIGEST_HEX_MAX];
    char commit[GIT_HEX_BYTES + 1];
    size_t waiting = 0;

    for (size_t i = 0; i < count; i++) {
        uint32_t number;

        if (!edits[i].there || git_blobs_add(&git->blobs, &edits[i].blob, &number) != CULL_OK ||
            !git->blobs.items[number].waits) {
            continue;
        }
        cull_digest_to_hex(hex, &git->blobs.items[number].digest, cli->settings.digest);
        progress_end(&git->import->progress);
        if (waiting++ < NAMED_MAX) {
            cli_warn(cli, "blob %s is listed for deletion", hex);
        }
        record_begin(&cli->out, "blob");
        field_text(&cli->out, "digest", hex);
        field_text(&cli->out, "state", "deleting");
        record_end(&cli->out);
    }
    git_id_hex(commit, &step->commit);
    return waiting == 0
               ? CULL_OK
               : cli_fail(cli, CULL_E_PARTIAL,
                          "commit %s: not added, nor what follows: blobs of it are listed for "
                          "deletion: confirm or release them, then import again",
                          commit);
}

static cull_status add_step(struct git_import *git, size_t i)
{
    struct import *import = git->import;
    const struct git_step *step = &git->history.steps[git->first + i];
    bool is_last = git->first + i + 1 == git->history.count;
    const struct git_edit *edits;
    size_t count = git_chunk_edits(&git->chunk, i, &edits);
    const char *tag = step->tag != NULL && git_tag_fits_alias(step->tag) ? step->tag : NULL;
    const struct arg_list *wanted = &import->options->aliases;
    size_t alias_count = is_last ? wanted->count : 0;
    const char **aliases = calloc(alias_count + 1, sizeof(*aliases));
    cull_commit_result result = { .version = git->base };
    cull_manifest *manifest = NULL;
    const cull_manifest_patch *patch = NULL;
    cull_status status =
        aliases == NULL ? cli_fail_nomem(git->cli) : refuse_waiting(git, step, edits, count);

    for (size_t k = 0; aliases != NULL && k < alias_count; k++) {
        aliases[k] = wanted->items[k];
    }
    if (aliases != NULL && tag != NULL) {
        aliases[alias_count++] = tag;
    }
    git->bad_aliases += step->tag != NULL && tag == NULL;
    /* the same tree as the version before, and nothing else to say of it: done */
    if (status == CULL_OK && (count > 0 || !import->has_last || alias_count > 0)) {
        status = import->has_last ? git_patches_take(&git->patches, i, &git->base, &patch)
                                  : git_patches_whole(&git->patches, i, &manifest);
        if (status == CULL_OK) {
            status = commit_patch(git, step, aliases, alias_count, manifest, patch, &result);
        }
    }
    if (status == CULL_OK) {
        import->has_last = true;
        import->last = result.version.ordinal;
        git->base = result.version;
        git->done[git->done_count++] = (struct done){ import->last, result.is_new };
    }
    cull_manifest_free(manifest);
    free(aliases);
    return status;
}

static cull_status commit_chunk(struct git_import *git)
{
    struct import *import = git->import;
    cull_status status = CULL_OK;

    git->done_count = git->told_count = 0;
    git_patches_next_chunk(&git->patches);
    for (size_t i = 0; status == CULL_OK && i < git->chunk.step_count; i++) {
        status = git->grouped ? CULL_OK : begin_group(git);
        if (status == CULL_OK) {
            status = add_step(git, i);
        }
        if (status == CULL_OK && cli_clock_ns(NULL) - git->group_ns > GROUP_NS) {
            status = end_group(git, status);
        }
        if (status == CULL_OK) {
            progress_update(&import->progress, "commits", git->first + i + 1, git->history.count);
            status = import_tick(import, &git->cli->err);
        }
    }
    return status;
}

/* The chunk's blobs are pinned until its last commit is there. */
static cull_status add_chunk(struct git_import *git)
{
    struct import *import = git->import;
    struct cli *cli = git->cli;
    cull_upload_options options = { .collection = &import->collection,
                                    .type = import->options->type,
                                    .run = import->options->run };
    cull_caller caller = cli_caller(cli);
    cull_status status = number_blobs(git);

    if (status == CULL_OK && git->number_count > 0) {
        status = cull_upload_open(&import->upload, cli->store, &options, &caller, &cli->err);
        cli->changed = cli->changed || status == CULL_OK;
        import->renewed_ns = cli_clock_ns(NULL);
        if (status == CULL_OK) {
            status = git_blobs_pin(&git->blobs, git->numbers, git->number_count);
        }
    }
    if (status == CULL_OK) {
        cli->changed = true;
        status = commit_chunk(git);
    }
    if (import->upload != NULL) { /* it has done its work, or failed at it */
        cull_error ignored = { CULL_OK, "" };

        caller = cli_caller(cli);
        (void)!cull_upload_abort(import->upload, &caller, &ignored);
        cull_upload_free(import->upload);
        import->upload = NULL;
    }
    return end_group(git, status);
}

/* --- all of it -------------------------------------------------------------------------------- */

static cull_status read_history(struct git_import *git)
{
    const struct import_git_options *options = git->options;
    char shown[PRINTABLE_MAX];
    char shown_repo[PRINTABLE_MAX];
    cull_status status;

    if (options->tags != NULL && options->rev != NULL) {
        return cli_fail(git->cli, CULL_E_USAGE, "--tags and --rev: one or the other");
    }
    status = git_check_repository(git->cli, git->repo, &git->shallow);
    if (status != CULL_OK) {
        return status;
    }
    git_blobs_match(&git->blobs);
    if (git->shallow) {
        cli_warn(git->cli,
                 "%.300s: a shallow clone: what came before its first commits is not there to "
                 "import (git fetch --unshallow)",
                 printable(shown_repo, git->repo));
    }
    if (options->tags == NULL) {
        return git_read_commits(git->cli, git->repo, options->rev, &git->history);
    }
    status = git_read_tags(git->cli, git->repo, options->tags, &git->history);
    if (status == CULL_OK && git->history.count == 0) {
        status = cli_fail(git->cli, CULL_E_NOTFOUND, "%.200s: no tag matches %.200s",
                          printable(shown_repo, git->repo), printable(shown, options->tags));
    }
    return status;
}

static void tell_moves(struct git_import *git)
{
    struct output *out = &git->cli->out;

    for (size_t i = 0; i < git->moves.count; i++) {
        const struct git_moved *moved = &git->moves.items[i];
        const struct git_step *step = &git->history.steps[moved->step];
        char shown[PRINTABLE_MAX];
        char from[GIT_HEX_BYTES + 1];
        char to[GIT_HEX_BYTES + 1];

        if (moved->came) {
            if (moved->step < git->at) { /* else it is new anyway */
                cli_warn(git->cli,
                         "tag %.200s came among those that were imported: it is imported now",
                         printable(shown, step->tag));
            }
            continue;
        }
        git_id_hex(from, &moved->from);
        git_id_hex(to, &step->commit);
        cli_warn(git->cli, "tag %.200s moved from commit %s to %s: it is imported again",
                 printable(shown, step->tag), from, to);
        record_begin(out, "moved");
        field_text(out, "tag", step->tag);
        field_text(out, "from", from);
        field_text(out, "to", to);
        record_end(out);
    }
}

/* Tags that moved, among those that were imported, come again before what is new. If nothing is, the
 * last one comes behind them, if its version is there: it is nothing new, and takes `latest` back. */
static cull_status repeat_moved(struct git_import *git, const struct git_place *place)
{
    struct git_history *history = &git->history;
    struct git_step *steps =
        realloc(history->steps, (history->count + git->moves.count + 1) * sizeof(*history->steps));
    struct git_step again[1];
    size_t added = 0;

    if (steps == NULL) {
        return cli_fail_nomem(git->cli);
    }
    history->steps = steps;
    history->capacity = history->count + git->moves.count + 1;
    for (size_t i = 0; i < git->moves.count + 1; i++) {
        bool is_moved = i < git->moves.count;
        size_t from = is_moved ? git->moves.items[i].step : git->at - 1;

        git->tops =
            !is_moved && added > 0 && git->at + added == history->count && place->has_base &&
            memcmp(&steps[place->base_step].tree, &steps[from].tree, sizeof(steps[from].tree)) == 0;
        if (is_moved ? from >= git->at : !git->tops) {
            continue; /* it is new anyway */
        }
        again[0] = steps[from];
        again[0].tag = strdup(steps[from].tag);
        if (again[0].tag == NULL) {
            return cli_fail_nomem(git->cli);
        }
        memmove(steps + git->at + added + 1, steps + git->at + added,
                (history->count - git->at - added) * sizeof(*steps));
        steps[git->at + added++] = again[0];
        history->count++;
    }
    git->again = added;
    return CULL_OK;
}

static cull_status find_beginning(struct git_import *git)
{
    struct import *import = git->import;
    struct git_place place;
    cull_status status = CULL_OK;

    if (git->options->tags != NULL) {
        status =
            git_find_moves(&git->moves, git->cli, git->repo, &import->collection, &git->history);
    }
    for (size_t i = 0; i < git->history.count; i++) {
        git->history.steps[i].number = i;
    }
    if (status == CULL_OK) {
        status = git_find_place(&place, git->cli, &import->collection, &git->history);
    }
    if (status != CULL_OK) {
        return status;
    }
    git->at = place.at;
    git->before = place.before;
    git->base = place.base;
    git->first = place.base_step;
    import->has_last = place.has_base;
    import->last = place.base.ordinal;
    tell_moves(git);
    return git->moves.count > 0 ? repeat_moved(git, &place) : CULL_OK;
}

static cull_status add_all(struct git_import *git)
{
    const struct git_step *steps = git->history.steps;
    cull_status status;

    if (git->at == git->history.count) {
        return CULL_OK;
    }
    git->tree = git->import->has_last ? steps[git->first].tree : git_empty_tree(git->cli);
    status = git_start_diff(&git->diff, git->cli, git->repo, &git->tree, steps + git->at,
                            git->history.count - git->at);
    while (status == CULL_OK && git->at < git->history.count) {
        status = read_chunk(git);
        if (git->chunk.step_count > 0 && (status == CULL_OK || status == CULL_E_IO)) {
            /* what was read before git died are whole commits */
            cull_error err = git->cli->err;
            cull_status added;

            git->chunk.edits.count = git->chunk.ends[git->chunk.step_count - 1];
            added = add_chunk(git);

            if (added != CULL_OK) {
                status = added;
            } else {
                git->cli->err = err;
            }
        }
    }
    return status;
}

static void print_counts(struct git_import *git)
{
    struct output *out = &git->cli->out;
    const char *what = git->options->tags == NULL ? "commit" : "tag";
    char done[UNITS_TEXT_MAX];
    char before[UNITS_TEXT_MAX];

    progress_end(&git->import->progress);
    if (!out->json) {
        uint64_t count = git->steps_done - git->tops;
        uint64_t there = git->history.count - git->again - count;

        (void)printf("%s %s%s", count_human(done, count), what, count == 1 ? "" : "s");
        if (there > 0) {
            (void)printf(", %s imported before", count_human(before, there));
        }
        (void)printf("\n");
    }
    if (git->bad_aliases > 0) {
        cli_warn(git->cli,
                 "%" PRIu64 " tag%s no alias (one has no '/' or ':' and is not of the form v3): "
                 "the versions' metadata names %s",
                 git->bad_aliases, git->bad_aliases == 1 ? " is" : "s are",
                 git->bad_aliases == 1 ? "it" : "them");
    }
    summary_begin(out);
    field_number(out, git->options->tags == NULL ? "commits" : "tags", git->steps_done - git->tops);
    field_bool(out, "shallow", git->shallow);
    field_number(out, "submodules_left_out", git->submodules);
    field_number(out, "paths_left_out", git->bad_paths);
    summary_end(out);
}

static void git_import_free(struct git_import *git)
{
    git_stop(&git->diff);
    git_blobs_release(&git->blobs);
    git_patches_release(&git->patches);
    git_edits_release(&git->chunk.edits);
    git_history_release(&git->history);
    for (size_t i = 0; i < git->named_count; i++) {
        free(git->named[i]);
    }
    free(git->numbers);
    free(git->moves.items);
    free(git);
}

cull_status import_git(struct import *import, const char *repo,
                       const struct import_git_options *options)
{
    struct git_import *git = calloc(1, sizeof(*git));
    cull_status status;

    if (git == NULL) {
        return cli_fail_nomem(import->cli);
    }
    git->import = import;
    git->cli = import->cli;
    git->repo = repo;
    git->options = options;
    git->diff.out = git->diff.err = -1;
    git_patches_init(&git->patches, &git->blobs, &git->chunk);
    status = git_blobs_init(&git->blobs, import, repo);
    if (status == CULL_OK) {
        status = read_history(git);
    }
    if (status == CULL_OK) {
        status = find_beginning(git);
    }
    if (status == CULL_OK) {
        status = add_all(git);
    }
    if (status == CULL_OK) {
        print_counts(git);
    }
    if (status == CULL_OK && git->bad_paths > 0) {
        status =
            cli_fail(git->cli, CULL_E_PARTIAL,
                     "%" PRIu64 " path%s left out: a manifest holds relative paths, UTF-8 of at "
                     "most %d bytes",
                     git->bad_paths, git->bad_paths == 1 ? "" : "s", CULL_PATH_BYTES_MAX);
    }
    git_import_free(git);
    return status;
}
