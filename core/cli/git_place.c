/*
 * git_place.c - where an import of a history goes on.
 *
 * SHAPE     A version notes in its metadata its commit, and the step's number in what was imported:
 *           {"commit":"ID","step":N}, with "tag":"NAME" if steps are tags. From the newest version
 *           down, the first that is of the history says where to go on, and the first of those that
 *           is also COMMITTED is the base.
 * INVARIANT What is passed over was imported. A commit's id says what all its first parents are: so
 *           if a version's commit stands in the history no later than its number says, all before
 *           it is in the collection. It stands later where the earlier import saw a shallow clone;
 *           earlier where this one does. Tags follow from nothing: each stands where it stood, also
 *           one that moved to another commit (git_moved.c).
 * COST      The notes of the versions from the newest to the base; of tags, all.
 * FAILURE   A collection that goes on otherwise than the history (it was rewritten, or is another
 *           one) is refused if there is something to add. Versions that are deleted refuse nothing.
 * WHY NOT   counting versions: a commit whose files an earlier one has makes none, and purged
 *           versions have no metadata any more.
 */
#include "git_place.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "resolve.h"

/* --- the collection's versions -------------------------------------------------------------- */

struct version {
    cull_version_key key;
    bool committed;
};

struct versions {
    struct version *items;
    size_t count;
    size_t capacity;
};

static cull_status visit_version(void *ctx, const cull_version_info *info)
{
    struct versions *versions = ctx;

    if (info->collection_deleted) {
        return CULL_OK;
    }
    if (versions->count == versions->capacity) {
        size_t capacity = versions->capacity * 2 + 256;
        struct version *items = realloc(versions->items, capacity * sizeof(*items));

        if (items == NULL) {
            return CULL_E_NOMEM;
        }
        versions->items = items;
        versions->capacity = capacity;
    }
    versions->items[versions->count++] =
        (struct version){ info->key, info->state == CULL_VERSION_COMMITTED };
    return CULL_OK;
}

/* --- the history's commits ------------------------------------------------------------------ */

struct spot {
    struct git_id commit;
    size_t step;
};

struct search {
    struct git_place *place;
    struct cli *cli;
    const cull_name *collection;
    const struct git_history *history;
    bool tags;
    struct versions versions;
    struct spot *spots; /* of the history, by commit */
    bool found;         /* place->at says where to go on */
    uint32_t found_ordinal;
    bool departed; /* a version that is COMMITTED, and newer than that, is not of the history */
    uint32_t departed_ordinal;
    struct git_id departed_commit;
};

static int compare_spots(const void *a, const void *b)
{
    const struct spot *left = a;
    const struct spot *right = b;
    int order = memcmp(&left->commit, &right->commit, sizeof(left->commit));

    return order != 0 ? order : (left->step > right->step) - (left->step < right->step);
}

bool git_find_tag(const struct git_history *history, const char *tag, uint64_t near, size_t *step)
{
    const struct git_step *steps = history->steps;

    *step = near < history->count ? (size_t)near : 0;
    if (tag[0] == '\0') {
        return false;
    }
    for (size_t tried = 0; tried < history->count; tried++) { /* nearly always the first */
        if (strcmp(steps[*step].tag, tag) == 0) {
            return true;
        }
        *step = *step + 1 < history->count ? *step + 1 : 0;
    }
    return false;
}

/* The step of a version's commit; false: it is not in the history. Of tags with one commit it is
 * the one that the note says. */
static bool find_step(const struct search *search, const struct git_note *note, size_t *step)
{
    const struct spot *spots = search->spots;
    const struct git_history *history = search->history;
    size_t low = 0;
    size_t high = history->count;

    if (note->number < history->count &&
        memcmp(&history->steps[note->number].commit, &note->commit, sizeof(note->commit)) == 0) {
        *step = (size_t)note->number;
        return true;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(&spots[middle].commit, &note->commit, sizeof(note->commit)) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *step = low < history->count ? spots[low].step : 0;
    return low < history->count &&
           memcmp(&spots[low].commit, &note->commit, sizeof(note->commit)) == 0;
}

/* --- what does not fit ---------------------------------------------------------------------- */

static cull_status refuse_kind(const struct search *search, uint32_t ordinal)
{
    char name[VERSION_NAME_MAX];

    return cli_fail(search->cli, CULL_E_REFUSED,
                    "%s:v%" PRIu32 " is of a %s: what the collection holds was imported %s --tags: "
                    "import into another collection",
                    collection_name(name, search->collection), ordinal,
                    search->tags ? "commit" : "tag", search->tags ? "without" : "with");
}

static cull_status refuse_place(const struct search *search, uint32_t ordinal,
                                const struct git_note *note, size_t step)
{
    char name[VERSION_NAME_MAX];
    char hex[GIT_HEX_BYTES + 1];
    const char *what = search->tags ? "tag" : "commit";

    git_id_hex(hex, &note->commit);
    (void)collection_name(name, search->collection);
    return search->tags
               ? cli_fail(search->cli, CULL_E_REFUSED,
                          "%s:v%" PRIu32 " (commit %s) is tag %" PRIu64
                          " of those that were imported, and tag %zu of these: tags before it came "
                          "or went: import into another collection",
                          name, ordinal, hex, note->number + 1, step + 1)
               : cli_fail(search->cli, CULL_E_REFUSED,
                          "%s:v%" PRIu32 " (commit %s) is %s %" PRIu64
                          " of what was imported, and %s %zu of this history: %zu before it were "
                          "never imported (from a shallow clone?): import into another collection",
                          name, ordinal, hex, what, note->number + 1, what, step + 1,
                          step - (size_t)note->number);
}

static cull_status refuse_departed(const struct search *search)
{
    char name[VERSION_NAME_MAX];
    char hex[GIT_HEX_BYTES + 1];
    char both[64] = "nothing in it is";

    git_id_hex(hex, &search->departed_commit);
    if (search->found) {
        (void)snprintf(both, sizeof(both), "v%" PRIu32 " is the last that is",
                       search->found_ordinal);
    }
    return cli_fail(search->cli, CULL_E_REFUSED,
                    "%s:v%" PRIu32 " (commit %s) is not of this history, %s: it was rewritten, or "
                    "is another one: import into another collection",
                    collection_name(name, search->collection), search->departed_ordinal, hex, both);
}

/* --- searching ------------------------------------------------------------------------------ */

/* A version's step was imported. The newest version's says where to go on; of tags, which may have
 * moved and come anew, the last one's. */
static void pass(struct search *search, const struct version *version, const struct git_note *note,
                 size_t step)
{
    struct git_place *place = search->place;

    if (!search->found || (search->tags && step >= place->at)) {
        search->found = true;
        search->found_ordinal = version->key.ordinal;
        place->at = step + 1;
        place->before = search->tags ? 0 : note->number - step;
    }
}

/* A version that is of the history, and may be the base. */
static void take_step(struct search *search, const struct version *version,
                      const struct git_note *note, size_t step)
{
    struct git_place *place = search->place;

    pass(search, version, note, step);
    if (version->committed && !place->has_base && step < place->at) {
        place->has_base = true;
        place->base = version->key;
        place->base_step = step;
    }
}

static cull_status look_at(struct search *search, const struct version *version)
{
    struct cli *cli = search->cli;
    struct git_note note;
    size_t step = 0;
    bool named;
    cull_status status = git_note_read(&note, cli, &version->key);

    if (status != CULL_OK || !note.found) {
        return status;
    }
    if (note.is_tag != search->tags) {
        return version->committed ? refuse_kind(search, version->key.ordinal) : CULL_OK;
    }
    named = search->tags && git_find_tag(search->history, note.tag, note.number, &step);
    if (named &&
        memcmp(&search->history->steps[step].commit, &note.commit, sizeof(note.commit)) != 0) {
        pass(search, version, &note, step); /* it moved since */
        return CULL_OK;
    }
    if (!named && !find_step(search, &note, &step)) {
        if (version->committed && !search->found && !search->departed) {
            search->departed = true;
            search->departed_ordinal = version->key.ordinal;
            search->departed_commit = note.commit;
        }
        return CULL_OK;
    }
    if (step > note.number || (search->tags && step < note.number)) {
        return version->committed ? refuse_place(search, version->key.ordinal, &note, step)
                                  : CULL_OK;
    }
    take_step(search, version, &note, step);
    return CULL_OK;
}

struct has_alias {
    const char *alias;
    bool found;
};

static cull_status visit_aliases(void *ctx, const cull_version_info *info)
{
    struct has_alias *wanted = ctx;

    for (size_t i = 0; i < info->alias_count && !wanted->found; i++) {
        wanted->found = strcmp(info->aliases[i], wanted->alias) == 0;
    }
    return CULL_OK;
}

/* Whether a step behind the last version's has nothing to add: a commit without a change; a tag
 * with the same commit, whose alias that version has. */
static cull_status is_done(const struct search *search, size_t at, bool *done)
{
    const struct git_step *step = &search->history->steps[at];
    const struct git_step *before = step - 1;
    struct has_alias wanted = { step->tag, false };
    cull_status status = CULL_OK;

    *done = memcmp(&step->tree, &before->tree, sizeof(step->tree)) == 0;
    if (*done && step->tag != NULL) {
        *done = memcmp(&step->commit, &before->commit, sizeof(step->commit)) == 0;
        if (*done && git_tag_fits_alias(step->tag) && search->place->has_base &&
            search->place->base.ordinal == search->found_ordinal) {
            status = cull_version_show(search->cli->store, &search->place->base, visit_aliases,
                                       &wanted, &search->cli->err);
            *done = wanted.found;
        }
    }
    return status;
}

static cull_status search_versions(struct search *search)
{
    struct git_place *place = search->place;
    cull_status status = CULL_OK;
    bool done = true;

    for (size_t i = search->versions.count;
         i-- > 0 && status == CULL_OK && (search->tags || !place->has_base);) {
        status = look_at(search, &search->versions.items[i]);
    }
    while (status == CULL_OK && done && place->at > 0 && place->at < search->history->count) {
        status = is_done(search, place->at, &done);
        place->at += done;
    }
    return status == CULL_OK && search->departed && place->at < search->history->count
               ? refuse_departed(search)
               : status;
}

cull_status git_find_place(struct git_place *out, struct cli *cli, const cull_name *collection,
                           const struct git_history *history)
{
    cull_selection selection = {
        .entity = collection->entity,
        .project = collection->project,
        .collection = collection->collection,
        .states = 1u << CULL_VERSION_COMMITTED | 1u << CULL_VERSION_DELETED,
    };
    struct search search = { .place = out,
                             .cli = cli,
                             .collection = collection,
                             .history = history,
                             .tags = history->count > 0 && history->steps[0].tag != NULL };
    cull_status status;

    *out = (struct git_place){ .at = 0 };
    search.spots = calloc(history->count + 1, sizeof(*search.spots));
    if (search.spots == NULL) {
        return cli_fail_nomem(cli);
    }
    status = cull_select(cli->store, &selection, visit_version, &search.versions, &cli->err);
    if (status == CULL_E_NOTFOUND) { /* a new collection */
        cli->err = (cull_error){ CULL_OK, "" };
        status = CULL_OK;
    }
    if (status == CULL_OK) {
        for (size_t i = 0; i < history->count; i++) {
            search.spots[i] = (struct spot){ history->steps[i].commit, i };
        }
        qsort(search.spots, history->count, sizeof(*search.spots), compare_spots);
        status = search_versions(&search);
    }
    free(search.spots);
    free(search.versions.items);
    return status;
}
