/*
 * git_moved.c - which tags have moved since they were imported.
 *
 * SHAPE     Two things tell of a tag's commit: the version that has the tag as its alias, and the
 *           newest one that names it in its note. The first counts, if there is one: a tag whose
 *           files equal another's has no version of its own. Only trees are compared then, because
 *           such a version names the other's commit.
 * COST      The notes of all versions, and of each tag whose version names another commit that is
 *           not in the history one run of git.
 * FAILURE   A tag that nothing tells of (its version was purged) is not taken for moved; but for one
 *           that came, if it stands where another stood that is gone: counting would miss both.
 */
#include "git_moved.h"

#include <stdlib.h>
#include <string.h>

#include "git_place.h"

/* What is known of a tag's import. */
struct trace {
    bool noted;
    bool moved_before;
    uint64_t number; /* where it stood */
    struct git_id noted_commit;
    bool aliased;
    cull_version_key holder; /* of its alias */
};

struct moves_search {
    struct cli *cli;
    const char *repo;
    const cull_name *collection;
    struct git_history *history;
    struct trace *traces;   /* by step */
    bool *gone;             /* by number: a version names a tag there that is not in the history */
    cull_version_key *keys; /* of all versions, in order */
    size_t key_count;
    size_t key_capacity;
};

/* --- versions --------------------------------------------------------------------------------- */

static cull_status visit_version(void *ctx, const cull_version_info *info)
{
    struct moves_search *search = ctx;

    if (info->collection_deleted) {
        return CULL_OK;
    }
    if (search->key_count == search->key_capacity) {
        size_t capacity = search->key_capacity * 2 + 256;
        cull_version_key *keys = realloc(search->keys, capacity * sizeof(*keys));

        if (keys == NULL) {
            return CULL_E_NOMEM;
        }
        search->keys = keys;
        search->key_capacity = capacity;
    }
    search->keys[search->key_count++] = info->key;
    for (size_t i = 0; info->state == CULL_VERSION_COMMITTED && i < info->alias_count; i++) {
        size_t step;

        if (git_find_tag(search->history, info->aliases[i], 0, &step) &&
            git_tag_fits_alias(info->aliases[i])) {
            search->traces[step].aliased = true;
            search->traces[step].holder = info->key;
        }
    }
    return CULL_OK;
}

/* The newest version that names each tag. */
static cull_status read_notes(struct moves_search *search)
{
    cull_status status = CULL_OK;

    for (size_t i = search->key_count; i-- > 0 && status == CULL_OK;) {
        struct git_note note;
        size_t step;

        status = git_note_read(&note, search->cli, &search->keys[i]);
        if (status != CULL_OK || !note.found || !note.is_tag) {
            continue;
        }
        if (!git_find_tag(search->history, note.tag, note.number, &step)) {
            if (note.tag[0] != '\0' && note.number < search->history->count) {
                search->gone[note.number] = true;
            }
        } else if (!search->traces[step].noted) {
            search->traces[step].noted = true;
            search->traces[step].moved_before = note.moved;
            search->traces[step].number = note.number;
            search->traces[step].noted_commit = note.commit;
        }
    }
    return status;
}

/* --- trees -------------------------------------------------------------------------------------- */

static bool same_id(const struct git_id *a, const struct git_id *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* The tree of a commit that a version names; *known: git still has it. */
static cull_status find_tree(const struct moves_search *search, const struct git_id *commit,
                             struct git_id *tree, bool *known)
{
    const struct git_history *history = search->history;
    static const char tree_of[] = "^{tree}";
    char name[GIT_HEX_BYTES + sizeof(tree_of)];
    const char *const args[] = { "rev-parse", "--verify", "--quiet", name, NULL };
    struct git_run run = { .out = -1, .err = -1 };
    char *line = NULL;
    size_t len = 0;
    int code = 1;
    cull_status status;

    for (size_t i = 0; i < history->count; i++) {
        if (same_id(&history->steps[i].commit, commit)) {
            *tree = history->steps[i].tree;
            *known = true;
            return CULL_OK;
        }
    }
    git_id_hex(name, commit);
    memcpy(name + strlen(name), tree_of, sizeof(tree_of));
    *known = false;
    status = git_start(&run, search->cli, search->repo, args, -1);
    if (status == CULL_OK) {
        status = git_take(&run, '\n', &line, &len);
    }
    if (status == CULL_OK && line != NULL) {
        *known = git_id_parse(tree, line, len);
    }
    if (status == CULL_OK) {
        status = git_end(&run, &code);
    }
    git_stop(&run);
    return status;
}

/* Whether a step's tag is elsewhere than its trace says, or was some time; *from: of what commit it
 * was. */
static cull_status has_moved(const struct moves_search *search, size_t at, bool *moved,
                             struct git_id *from)
{
    const struct git_step *step = &search->history->steps[at];
    struct trace *trace = &search->traces[at];
    struct git_note note = { .found = false };
    struct git_id tree;
    bool known = false;
    cull_status status = CULL_OK;

    if (trace->aliased) {
        status = git_note_read(&note, search->cli, &trace->holder);
    }
    if (!note.found || status != CULL_OK) {
        *moved = status == CULL_OK && trace->noted && !same_id(&trace->noted_commit, &step->commit);
        *from = trace->noted_commit;
        return status;
    }
    *from = note.commit;
    *moved = !same_id(&note.commit, &step->commit);
    trace->moved_before =
        trace->moved_before || (trace->noted && !same_id(&trace->noted_commit, &note.commit));
    if (*moved) {
        status = find_tree(search, &note.commit, &tree, &known);
        *moved = !known || !same_id(&tree, &step->tree);
    }
    return status;
}

/* --- places ------------------------------------------------------------------------------------- */

/* Put step at, whose tag moved, where it stood: those between make room. */
static void put_back(struct git_history *history, size_t at, size_t number)
{
    struct git_step *steps = history->steps;
    struct git_step step = steps[at];

    if (number < at) {
        memmove(steps + number + 1, steps + number, (at - number) * sizeof(*steps));
    } else {
        memmove(steps + at, steps + at + 1, (number - at) * sizeof(*steps));
    }
    steps[number] = step;
}

struct place {
    size_t number;
    const char *tag;
    struct git_id from;
    bool noted;
    bool moved; /* now, not before */
    bool came;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *left = a;
    const struct place *right = b;

    return (left->number > right->number) - (left->number < right->number);
}

/* All that moved, now or before, by where they stood; then each goes there, the first first. */
static cull_status take_moves(const struct moves_search *search, struct git_moves *out)
{
    struct git_history *history = search->history;
    struct place *places = calloc(history->count + 1, sizeof(*places));
    cull_status status = CULL_OK;
    size_t count = 0;

    out->items = calloc(history->count + 1, sizeof(*out->items));
    if (places == NULL || out->items == NULL) {
        free(places);
        return cli_fail_nomem(search->cli);
    }
    for (size_t i = 0; status == CULL_OK && i < history->count; i++) {
        const struct trace *trace = &search->traces[i];
        struct place *place = &places[count];

        status = has_moved(search, i, &place->moved, &place->from);
        place->tag = history->steps[i].tag;
        place->noted = trace->noted && trace->number < history->count;
        place->number = place->noted ? (size_t)trace->number : i;
        place->came = !trace->noted && !trace->aliased && search->gone[i];
        count += status == CULL_OK && (place->moved || trace->moved_before || place->came);
    }
    if (status == CULL_OK) {
        qsort(places, count, sizeof(*places), compare_places);
    }
    for (size_t i = 0, step; status == CULL_OK && i < count; i++) {
        if (places[i].noted && git_find_tag(history, places[i].tag, places[i].number, &step)) {
            put_back(history, step, places[i].number);
        }
    }
    for (size_t i = 0; status == CULL_OK && i < count; i++) {
        struct git_moved *moved = &out->items[out->count];

        if ((places[i].moved || places[i].came) &&
            git_find_tag(history, places[i].tag, places[i].number, &moved->step)) {
            history->steps[moved->step].moved = places[i].moved;
            moved->came = places[i].came;
            moved->from = places[i].from;
            out->count++;
        }
    }
    free(places);
    return status;
}

cull_status git_find_moves(struct git_moves *out, struct cli *cli, const char *repo,
                           const cull_name *collection, struct git_history *history)
{
    cull_selection selection = {
        .entity = collection->entity,
        .project = collection->project,
        .collection = collection->collection,
        .states = 1u << CULL_VERSION_COMMITTED | 1u << CULL_VERSION_DELETED,
    };
    struct moves_search search = {
        .cli = cli, .repo = repo, .collection = collection, .history = history
    };
    cull_status status;

    *out = (struct git_moves){ .items = NULL };
    search.traces = calloc(history->count + 1, sizeof(*search.traces));
    search.gone = calloc(history->count + 1, sizeof(*search.gone));
    if (search.traces == NULL || search.gone == NULL) {
        free(search.traces);
        free(search.gone);
        return cli_fail_nomem(cli);
    }
    status = cull_select(cli->store, &selection, visit_version, &search, &cli->err);
    if (status == CULL_E_NOTFOUND) { /* a new collection */
        cli->err = (cull_error){ CULL_OK, "" };
        status = CULL_OK;
    }
    if (status == CULL_OK) {
        status = read_notes(&search);
    }
    if (status == CULL_OK) {
        status = take_moves(&search, out);
    }
    free(search.traces);
    free(search.gone);
    free(search.keys);
    return status;
}
