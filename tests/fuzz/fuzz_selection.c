/*
 * fuzz_selection.c - what selects versions for `cull delete`: words, one a line, up to a NUL.
 *
 * PROPERTIES  The option parser, with the command's own table, reads what a reader reads that knows the
 *             options' names and nothing of the table, and refuses what that one refuses. The selection
 *             that the values make takes, of a store of two dozen versions, those that a walk over a
 *             list of them takes, in its order; so does a delete that is only tried.
 * WHY NOT     the command itself: each input would open a store in files.
 */
#include "fuzz.h"

#include <string.h>

#include "cli/args.h"
#include "cli/cli.h"
#include "cli/units.h"
#include "cull/cull.h"
#include "glob_check.h"

#define WORDS_MAX 24
#define VERSIONS 24
#define STEP_MS 3600000
#define BORN_MS UINT64_C(1600000000000)

static void must(cull_status status, const cull_error *err)
{
    FUZZ_CHECK(status == CULL_OK, err->message);
}

/* --- the store, and the list of what is in it ------------------------------------------------- */

static const struct place {
    const char *entity, *project, *collection, *type;
} places[] = { /* in a listing's order */
               { "art", "one", "lists", "dataset" },
               { "art", "one", "mnist", "dataset" },
               { "lab", "one", "mnist", "model" },
               { "lab", "two", "cifar-10", "dataset" },
               { "lab", "two", "cifar-100", "model" }
};
#define PLACES (sizeof places / sizeof places[0])

static const char *const runs[] = { NULL, "r1", "r2" };
static const char *const tags[] = { NULL, "old", "checked" };
static const char *const aliases[] = { NULL, "best", "prod-1", "prod-2", NULL };

static struct version {
    size_t place;
    uint32_t ordinal;
    const char *run, *tag, *alias;
    bool is_latest, deleted;
    uint64_t created_ms;
    cull_version_key key;
} versions[VERSIONS];
static size_t version_count;

static cull_store *store;

static uint64_t made_ms(size_t number)
{
    return BORN_MS + number * STEP_MS;
}

static cull_version_key commit(const struct version *version, uint64_t now_ms)
{
    const struct place *place = &places[version->place];
    const cull_caller caller = { .now_ms = now_ms, .actor = "fuzz" };
    char content[64];
    cull_name name = { .version = "" };
    cull_upload_options open = { .collection = &name, .type = place->type, .run = version->run };
    cull_commit_options how = { .aliases = &version->alias,
                                .alias_count = version->alias != NULL,
                                .tags = &version->tag,
                                .tag_count = version->tag != NULL };
    cull_entry entry = { .path = "file", .path_len = 4, .kind = CULL_ENTRY_BLOB, .size_bytes = 1 };
    cull_put_answer answer;
    cull_commit_result result;
    cull_manifest *manifest = NULL;
    cull_upload *upload = NULL;
    cull_blob_ref ref;
    cull_error err = { CULL_OK, "" };

    (void)snprintf(name.entity, sizeof name.entity, "%s", place->entity);
    (void)snprintf(name.project, sizeof name.project, "%s", place->project);
    (void)snprintf(name.collection, sizeof name.collection, "%s", place->collection);
    (void)snprintf(content, sizeof content, "%zu %u", version->place, version->ordinal);
    must(cull_digest_of(&entry.digest, CULL_DIGEST_MD5, content, strlen(content)), &err);
    must(cull_manifest_new(&manifest, CULL_DIGEST_MD5, NULL), &err);
    must(cull_manifest_add(manifest, &entry, &err), &err);
    must(cull_manifest_seal(manifest, &err), &err);
    how.manifest = manifest;
    ref = (cull_blob_ref){ entry.digest, 1 };
    must(cull_upload_open(&upload, store, &open, &caller, &err), &err);
    must(cull_upload_put(upload, &ref, 1, &answer, &caller, &err), &err);
    must(cull_upload_commit(upload, &how, NULL, NULL, &result, &caller, &err), &err);
    cull_upload_free(upload);
    cull_manifest_free(manifest);
    return result.version;
}

/* Versions of each place, born in an order that goes to and fro between them; an alias goes to the last
 * that asks for it, and some versions are deleted again. */
static void fill(void)
{
    const cull_delete_options how = { .delete_aliases = true };

    for (size_t place = 0; place < PLACES; place++) {
        size_t count = place == 1 ? 8 : 4;

        for (size_t i = 0; i < count; i++) {
            struct version *version = &versions[version_count];
            size_t n = version_count++;

            *version = (struct version){ .place = place,
                                         .ordinal = (uint32_t)i,
                                         .run = runs[(n + place) % 3],
                                         .tag = tags[n % 3],
                                         .alias = aliases[(n * 3 + place) % 5],
                                         .is_latest = i + 1 == count,
                                         .created_ms = made_ms(n) };
            version->key = commit(version, version->created_ms);
            for (size_t before = n - i; before < n; before++) {
                if (version->alias != NULL && versions[before].alias == version->alias) {
                    versions[before].alias = NULL;
                }
            }
        }
    }
    for (size_t n = 2; n < version_count; n += 7) {
        const cull_caller caller = { .now_ms = made_ms(VERSIONS), .actor = "fuzz" };
        cull_error err = { CULL_OK, "" };

        must(cull_delete(store, &versions[n].key, 1, &how, &caller, &err), &err);
        versions[n].deleted = true;
    }
}

static void make_store(void)
{
    const cull_store_settings settings = { .digest = CULL_DIGEST_MD5,
                                           .seed = 1,
                                           .index_only = true };
    const cull_caller caller = { .now_ms = BORN_MS, .actor = "fuzz" };
    cull_store_options options = { 0 };
    cull_error err = { CULL_OK, "" };
    cull_log *log = NULL;

    must(cull_log_memory_new(&log, NULL), &err);
    must(cull_store_create(log, &settings, &caller, &err), &err);
    options.log = log;
    must(cull_store_open(&store, &options, &err), &err);
    fill();
}

/* --- another reader of the words ---------------------------------------------------------------- */

enum naive_kind { NAIVE_FLAG, NAIVE_TEXT, NAIVE_COUNT, NAIVE_DURATION, NAIVE_LIST };
enum naive_id {
    ENTITY,
    PROJECT,
    COLLECTION,
    RUN,
    NAME,
    ALIAS,
    NO_ALIAS,
    TYPE,
    TAG,
    NO_RUN,
    OLDER_THAN,
    KEEP_LAST,
    KEEP_EVERY,
    KEEP_ALIAS,
    OTHER_FLAG
};

static const struct naive_option {
    const char *name;
    enum naive_id id;
    enum naive_kind kind;
} naive_options[] = {
    { "entity", ENTITY, NAIVE_TEXT },
    { "project", PROJECT, NAIVE_TEXT },
    { "collection", COLLECTION, NAIVE_TEXT },
    { "run", RUN, NAIVE_TEXT },
    { "name", NAME, NAIVE_TEXT },
    { "alias", ALIAS, NAIVE_TEXT },
    { "no-alias", NO_ALIAS, NAIVE_FLAG },
    { "type", TYPE, NAIVE_TEXT },
    { "tag", TAG, NAIVE_TEXT },
    { "no-run", NO_RUN, NAIVE_FLAG },
    { "older-than", OLDER_THAN, NAIVE_DURATION },
    { "keep-last", KEEP_LAST, NAIVE_COUNT },
    { "keep-every", KEEP_EVERY, NAIVE_COUNT },
    { "keep-alias", KEEP_ALIAS, NAIVE_LIST },
    { "empty", OTHER_FLAG, NAIVE_FLAG },
    { "delete-aliases", OTHER_FLAG, NAIVE_FLAG },
    { "dry-run", OTHER_FLAG, NAIVE_FLAG },
    { "bytes", OTHER_FLAG, NAIVE_FLAG },
};
#define NAIVE_OPTIONS (sizeof naive_options / sizeof naive_options[0])

struct naive {
    const char *texts[OTHER_FLAG + 1]; /* NULL: not given */
    uint64_t numbers[OTHER_FLAG + 1];
    bool given[OTHER_FLAG + 1];
    const char *keep[WORDS_MAX];
    size_t keep_count;
    size_t names; /* words that are no option */
};

/* The option that a word names; *value: behind its '=', or NULL. */
static const struct naive_option *naive_find(const char *word, const char **value)
{
    for (size_t i = 0; i < NAIVE_OPTIONS; i++) {
        size_t len = strlen(naive_options[i].name);

        if (strncmp(word + 2, naive_options[i].name, len) == 0 &&
            (word[2 + len] == '\0' || word[2 + len] == '=')) {
            *value = word[2 + len] == '=' ? word + 3 + len : NULL;
            return &naive_options[i];
        }
    }
    return NULL;
}

static bool naive_take(struct naive *out, const struct naive_option *option, const char *value)
{
    uint64_t *number = &out->numbers[option->id];

    out->given[option->id] = true;
    switch (option->kind) {
    case NAIVE_COUNT:
        return count_parse(number, value) && *number > 0;
    case NAIVE_DURATION:
        return duration_parse(number, value);
    case NAIVE_LIST:
        out->keep[out->keep_count++] = value;
        return true;
    case NAIVE_TEXT:
        out->texts[option->id] = value;
        return true;
    default:
        return value == NULL;
    }
}

/* False: refused. */
static bool naive_read(struct naive *out, char **words, size_t count)
{
    *out = (struct naive){ .names = 0 };
    for (size_t i = 0; i < count; i++) {
        const struct naive_option *option;
        const char *value = NULL;

        if (strcmp(words[i], "--") == 0) {
            out->names += count - i - 1;
            return true;
        }
        if (words[i][0] != '-' || words[i][1] == '\0') {
            out->names++;
            continue;
        }
        if (words[i][1] != '-') {
            if (strcmp(words[i], "-n") != 0) {
                return false;
            }
            continue;
        }
        option = naive_find(words[i], &value);
        if (option == NULL || (option->kind != NAIVE_FLAG && value == NULL && ++i == count)) {
            return false;
        }
        value = value == NULL && option->kind != NAIVE_FLAG ? words[i] : value;
        if (!naive_take(out, option, value)) {
            return false;
        }
    }
    return true;
}

/* --- the parser's values -------------------------------------------------------------------------- */

static const void *value_of(const void *values, const char *name)
{
    for (size_t i = 0; i < command_delete.option_count; i++) {
        if (strcmp(command_delete.options[i].name, name) == 0) {
            return (const char *)values + command_delete.options[i].offset;
        }
    }
    FUZZ_CHECK(false, name);
    return NULL;
}

static void compare_values(const void *values, const struct naive *naive)
{
    const struct arg_list *keep = value_of(values, "keep-alias");

    for (size_t i = 0; i < NAIVE_OPTIONS; i++) {
        const struct naive_option *option = &naive_options[i];
        const void *value = value_of(values, option->name);
        const struct arg_number *number = value;

        if (option->kind == NAIVE_TEXT) {
            FUZZ_CHECK(*(const char *const *)value == naive->texts[option->id], option->name);
        } else if (option->kind == NAIVE_COUNT || option->kind == NAIVE_DURATION) {
            FUZZ_CHECK(number->given == naive->given[option->id], option->name);
            FUZZ_CHECK(!number->given || number->value == naive->numbers[option->id], option->name);
        } else if (option->kind == NAIVE_FLAG && option->id != OTHER_FLAG) {
            FUZZ_CHECK(*(const bool *)value == naive->given[option->id], option->name);
        }
    }
    FUZZ_CHECK(keep->count == naive->keep_count, "keep-alias");
    for (size_t i = 0; i < keep->count; i++) {
        FUZZ_CHECK(keep->items[i] == naive->keep[i], "keep-alias");
    }
}

static cull_selection selection_of(const void *values, uint64_t now_ms)
{
    const struct arg_list *keep = value_of(values, "keep-alias");
    const struct arg_number *older = value_of(values, "older-than");
    const struct arg_number *last = value_of(values, "keep-last");
    const struct arg_number *every = value_of(values, "keep-every");
    cull_selection selection = {
        .entity = *(const char *const *)value_of(values, "entity"),
        .project = *(const char *const *)value_of(values, "project"),
        .collection = *(const char *const *)value_of(values, "collection"),
        .run = *(const char *const *)value_of(values, "run"),
        .name_glob = *(const char *const *)value_of(values, "name"),
        .alias = *(const char *const *)value_of(values, "alias"),
        .no_alias = *(const bool *)value_of(values, "no-alias"),
        .type = *(const char *const *)value_of(values, "type"),
        .tag = *(const char *const *)value_of(values, "tag"),
        .no_run = *(const bool *)value_of(values, "no-run"),
        .keep_last = (uint32_t)last->value,
        .keep_every = (uint32_t)every->value,
        .keep_alias_globs = keep->items,
        .keep_alias_glob_count = keep->count,
    };

    if (older->given) {
        selection.created_before_ms = older->value < now_ms ? now_ms - older->value : 1;
    }
    return selection;
}

/* --- the walk over the list ---------------------------------------------------------------------- */

static bool says(const char *wanted, const char *text)
{
    return wanted == NULL || (text != NULL && strcmp(wanted, text) == 0);
}

static bool is_at(const struct naive *naive, const struct place *place)
{
    return says(naive->texts[ENTITY], place->entity) && says(naive->texts[PROJECT], place->project);
}

/* Is all there that is named? */
static bool all_named(const struct naive *naive)
{
    bool place_found = naive->texts[ENTITY] == NULL && naive->texts[PROJECT] == NULL &&
                       naive->texts[COLLECTION] == NULL;
    bool run_found = naive->texts[RUN] == NULL;

    for (size_t i = 0; i < version_count; i++) {
        const struct place *place = &places[versions[i].place];

        if (is_at(naive, place)) {
            place_found = place_found || says(naive->texts[COLLECTION], place->collection);
            run_found = run_found || says(naive->texts[RUN], versions[i].run);
        }
    }
    return place_found && run_found;
}

static bool kept_by_alias(const struct naive *naive, const struct version *version)
{
    for (size_t i = 0; i < naive->keep_count; i++) {
        if ((version->is_latest && glob_check(naive->keep[i], "latest")) ||
            (version->alias != NULL && glob_check(naive->keep[i], version->alias))) {
            return true;
        }
    }
    return false;
}

/* How many of its collection come after it and are not deleted. */
static uint64_t newer(const struct version *version)
{
    uint64_t count = 0;

    for (size_t i = 0; i < version_count; i++) {
        count += versions[i].place == version->place && versions[i].ordinal > version->ordinal &&
                 !versions[i].deleted;
    }
    return count;
}

static bool naive_takes(const struct naive *naive, const struct version *version, uint64_t now_ms)
{
    const struct place *place = &places[version->place];
    bool has_alias = version->alias != NULL || version->is_latest;
    uint64_t age_ms = now_ms - version->created_ms;

    if (version->deleted || !is_at(naive, place) ||
        !says(naive->texts[COLLECTION], place->collection) ||
        !says(naive->texts[TYPE], place->type) || !says(naive->texts[RUN], version->run) ||
        !says(naive->texts[TAG], version->tag) ||
        (naive->texts[NAME] != NULL && !glob_check(naive->texts[NAME], place->collection))) {
        return false;
    }
    if (naive->texts[ALIAS] != NULL && !says(naive->texts[ALIAS], version->alias) &&
        !(version->is_latest && strcmp(naive->texts[ALIAS], "latest") == 0)) {
        return false;
    }
    return !(naive->given[NO_ALIAS] && has_alias) &&
           !(naive->given[NO_RUN] && version->run != NULL) &&
           !(naive->given[OLDER_THAN] && age_ms <= naive->numbers[OLDER_THAN]) &&
           !(naive->given[KEEP_LAST] && newer(version) < naive->numbers[KEEP_LAST]) &&
           !(naive->given[KEEP_EVERY] && version->ordinal % naive->numbers[KEEP_EVERY] == 0) &&
           !kept_by_alias(naive, version);
}

struct seen {
    cull_version_key keys[VERSIONS];
    size_t count;
};

static cull_status see(void *ctx, const cull_version_info *version)
{
    struct seen *seen = ctx;

    FUZZ_CHECK(seen->count < VERSIONS, "more than there are");
    seen->keys[seen->count++] = version->key;
    return CULL_OK;
}

static void compare_seen(const struct seen *seen, const struct naive *naive, uint64_t now_ms)
{
    size_t at = 0;

    for (size_t i = 0; i < version_count; i++) {
        if (naive_takes(naive, &versions[i], now_ms)) {
            FUZZ_CHECK(at < seen->count &&
                           seen->keys[at].collection == versions[i].key.collection &&
                           seen->keys[at].ordinal == versions[i].ordinal,
                       places[versions[i].place].collection);
            at++;
        }
    }
    FUZZ_CHECK(at == seen->count, "more are selected than are meant");
}

static void select_by(const void *values, const struct naive *naive)
{
    uint64_t now_ms = made_ms(VERSIONS);
    const cull_caller caller = { .now_ms = now_ms, .actor = "fuzz" };
    const cull_delete_options tried = { .delete_aliases = true, .dry_run = true };
    const cull_selection selection = selection_of(values, now_ms);
    cull_status wanted = all_named(naive) ? CULL_OK : CULL_E_NOTFOUND;
    struct seen seen = { .count = 0 };
    cull_error err = { CULL_OK, "" };

    FUZZ_CHECK(cull_select(store, &selection, see, &seen, &err) == wanted, err.message);
    if (wanted == CULL_OK) {
        compare_seen(&seen, naive, now_ms);
    }
    seen.count = 0;
    FUZZ_CHECK(cull_delete_selected(store, &selection, &tried, see, &seen, &caller, &err) == wanted,
               err.message);
    if (wanted == CULL_OK) {
        compare_seen(&seen, naive, now_ms);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = malloc(len + 1);
    char *words[WORDS_MAX];
    char *line = text;
    void *values = calloc(1, command_delete.args_bytes);
    struct arg_set set = { command_delete.options, command_delete.option_count, values };
    struct naive naive;
    bool small = true;
    size_t count = 0;
    size_t names;
    cull_error err = { CULL_OK, "" };
    bool right;

    if (text == NULL || values == NULL) {
        abort();
    }
    if (store == NULL) {
        make_store();
    }
    memcpy(text, data, len);
    text[len] = '\0';
    while (count < WORDS_MAX && line != NULL && *line != '\0') {
        char *word = strsep(&line, "\n");

        small = small && strlen(word) <= GLOB_CHECK_MAX;
        words[count++] = word;
    }
    right = naive_read(&naive, words, count);
    names = count;
    if (args_parse(&set, 1, words, &names, false, &err) == CULL_OK) {
        FUZZ_CHECK(right, "taken, and not by the other reader");
        FUZZ_CHECK(names == naive.names, "words that are no option");
        compare_values(values, &naive);
        if (small && naive.numbers[KEEP_LAST] <= UINT32_MAX &&
            naive.numbers[KEEP_EVERY] <= UINT32_MAX) {
            select_by(values, &naive);
        }
    } else {
        FUZZ_CHECK(!right && err.message[0] != '\0', "refused, and not by the other reader");
    }
    args_release(&set);
    free(values);
    free(text);
    return 0;
}
