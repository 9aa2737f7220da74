/*
 * cmd_delete.c - cull delete: soft-delete versions by name or by selection, or larger things.
 *
 * SHAPE     Named versions and selections become one list of keys and one transaction. A collection,
 *           project or entity alone is deleted as a whole, name and all; with a narrower flag it
 *           only bounds the selection.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "deletion.h"
#include "selecting.h"
#include "link_rows.h"
#include "units.h"

struct delete_options {
    const char *project;
    const char *entity;
    struct selection_args select;
    bool delete_aliases;
    bool skip_protected;
    bool dry_run;
    bool bytes;
};

static const struct arg_option delete_table[] = {
    SELECTION_COLLECTION(struct delete_options, select,
                         "versions of this collection; alone: the collection as a whole"),
    { "project", '\0', ARG_TEXT, offsetof(struct delete_options, project), "P",
      "versions of this project; alone: the project as a whole" },
    { "entity", '\0', ARG_TEXT, offsetof(struct delete_options, entity), "E",
      "versions of this entity; alone: the entity as a whole" },
    SELECTION_FLAGS(struct delete_options, select),
    { "delete-aliases", '\0', ARG_FLAG, offsetof(struct delete_options, delete_aliases), NULL,
      "versions with aliases too; otherwise they are refused" },
    { "skip-protected", '\0', ARG_FLAG, offsetof(struct delete_options, skip_protected), NULL,
      "leave what protected aliases keep, delete the rest, and end with 3" },
    { "dry-run", 'n', ARG_FLAG, offsetof(struct delete_options, dry_run), NULL,
      "delete nothing; say what would be, and what a cycle would then free" },
    { "bytes", '\0', ARG_FLAG, offsetof(struct delete_options, bytes), NULL,
      "say what a cycle would then free" },
};

/* Links that were named, and go alone. */
struct unlinks {
    cull_version_key *keys;
    char (*names)[VERSION_NAME_MAX];
    size_t count;
};

struct deleting {
    struct cli *cli;
    const struct delete_options *options;
    struct version_list list;
    struct deletion_links links;
    struct unlinks unlinks;
    cull_name name;   /* of the scope */
    cull_name run;    /* --run */
    cull_scope scope; /* --collection, --project, --entity */
    cull_selection selection;
};

/* --- versions ------------------------------------------------------------------------------ */

static cull_status print_deleted(struct deleting *deleting)
{
    struct cli *cli = deleting->cli;
    const struct delete_options *options = deleting->options;

    cull_status status;

    cli->changed = cli->changed || !options->dry_run;
    status =
        deletion_print(cli, &deleting->list, options->dry_run, options->dry_run || options->bytes);
    /* reads manifests, where the versions have ids on a server: not for what a selection deleted */
    return status == CULL_OK && (options->dry_run || !selection_is_said(&options->select))
               ? deletion_print_dependents(cli, &deleting->list)
               : status;
}

/* The library's options; list: where versions that stay are taken from. */
static cull_delete_options options_of(struct deleting *deleting, struct version_list *list)
{
    const struct delete_options *options = deleting->options;

    deleting->links = (struct deletion_links){ deleting->cli, list, options->dry_run };
    return (cull_delete_options){ .delete_aliases = options->delete_aliases,
                                  .dry_run = options->dry_run,
                                  .skip_protected = options->skip_protected,
                                  .link = deletion_link,
                                  .link_ctx = &deleting->links };
}

static void print_unlinks(struct deleting *deleting)
{
    struct output *out = &deleting->cli->out;
    bool dry_run = deleting->options->dry_run;

    for (size_t i = 0; i < deleting->unlinks.count; i++) {
        record_begin(out, "link");
        field_text(out, "name", deleting->unlinks.names[i]);
        field_text(out, "state", dry_run ? "linked" : "unlinked");
        record_end(out);
        if (!out->json) {
            (void)printf("%s %s; its source stays\n", dry_run ? "would unlink" : "unlinked",
                         deleting->unlinks.names[i]);
        }
    }
}

/* What was done in part is printed as well; what printing fails with matters more. */
static cull_status after(cull_status status, cull_status printed)
{
    return printed == CULL_OK ? status : printed;
}

static cull_status delete_list(struct deleting *deleting)
{
    struct cli *cli = deleting->cli;
    const cull_delete_options how = options_of(deleting, &deleting->list);
    const struct unlinks *unlinks = &deleting->unlinks;
    size_t count = deleting->list.count + unlinks->count;
    cull_version_key *keys = malloc((count + 1) * sizeof(*keys));
    cull_caller caller = cli_caller(cli);
    cull_status status = CULL_OK;

    for (size_t i = 0; keys != NULL && i < count; i++) {
        keys[i] = i < deleting->list.count ? deleting->list.items[i].key
                                           : unlinks->keys[i - deleting->list.count];
    }
    if (count > 0) {
        status = keys == NULL ? cli_fail_nomem(cli)
                              : cull_delete(cli->store, keys, count, &how, &caller, &cli->err);
    }
    free(keys);
    if (!deletion_done(status)) {
        return status;
    }
    print_unlinks(deleting);
    cli->changed = cli->changed || !deleting->options->dry_run;
    return after(status, unlinks->count > 0 && deleting->list.count == 0 ? CULL_OK
                                                                         : print_deleted(deleting));
}

/* Selected where it is deleted: another delete may be at work on the same versions. */
static cull_status delete_selection(struct deleting *deleting)
{
    struct cli *cli = deleting->cli;
    const cull_delete_options how = options_of(deleting, NULL);
    cull_status status = selection_read(cli, &deleting->options->select, &deleting->scope,
                                        &deleting->run, &deleting->selection);

    if (status == CULL_OK) {
        cull_caller caller = cli_caller(cli);

        status = cull_delete_selected(cli->store, &deleting->selection, &how, version_list_add,
                                      &deleting->list, &caller, &cli->err);
    }
    return deletion_done(status) ? after(status, print_deleted(deleting)) : status;
}

static void print_whole(struct deleting *deleting)
{
    const cull_scope *scope = &deleting->scope;
    struct cli *cli = deleting->cli;
    bool dry_run = deleting->options->dry_run;
    const char *kind = scope->kind == CULL_SCOPE_COLLECTION ? "collection"
                       : scope->kind == CULL_SCOPE_PROJECT  ? "project"
                                                            : "entity";
    char name[VERSION_NAME_MAX];

    (void)snprintf(name, sizeof(name), "%s%s%s%s%s", scope->entity,
                   scope->project != NULL ? "/" : "", scope->project != NULL ? scope->project : "",
                   scope->collection != NULL ? "/" : "",
                   scope->collection != NULL ? scope->collection : "");
    record_begin(&cli->out, kind);
    field_text(&cli->out, "name", name);
    field_bool(&cli->out, "deleted", !dry_run);
    record_end(&cli->out);
    if (!cli->out.json) {
        (void)printf("%s %s %s\n", dry_run ? "would delete" : "deleted", kind, name);
    }
}

/* A collection, project or entity as a whole. */
static cull_status delete_whole(struct deleting *deleting)
{
    struct cli *cli = deleting->cli;
    bool dry_run = deleting->options->dry_run;
    cull_caller caller = cli_caller(cli);
    cull_delete_report report = { 0 };
    cull_delete_options how = options_of(deleting, NULL);
    cull_status status;

    how.report = &report;
    status = cull_delete_cascade(cli->store, &deleting->scope, false, &how, version_list_add,
                                 &deleting->list, &caller, &cli->err);
    if (!deletion_done(status)) {
        return status;
    }
    cli->changed = cli->changed || !dry_run;
    if (status == CULL_OK) {
        print_whole(deleting);
    }
    if (report.links > 0) {
        summary_begin(&cli->out);
        field_number(&cli->out, dry_run ? "links_would_go" : "links_gone", report.links);
        summary_end(&cli->out);
    }
    if (!cli->out.json && report.links > 0) {
        (void)printf("%" PRIu64 " link%s %s with that\n", report.links,
                     report.links == 1 ? "" : "s",
                     dry_run             ? "would go"
                     : report.links == 1 ? "goes"
                                         : "go");
    }
    return after(
        status, deletion_print(cli, &deleting->list, dry_run, dry_run || deleting->options->bytes));
}

/* --- empty collections --------------------------------------------------------------------- */

struct empties {
    struct deleting *deleting;
    cull_name *names;
    size_t count;
    size_t capacity;
};

static cull_status empties_add(struct empties *empties, const char *entity, const char *project,
                               const char *collection)
{
    cull_name *name;

    if (empties->count == empties->capacity) {
        size_t capacity = empties->capacity * 2 + 16;
        cull_name *grown = realloc(empties->names, capacity * sizeof(*grown));

        if (grown == NULL) {
            return CULL_E_NOMEM;
        }
        empties->names = grown;
        empties->capacity = capacity;
    }
    name = &empties->names[empties->count++];
    *name = (cull_name){ .entity = "" };
    (void)snprintf(name->entity, sizeof(name->entity), "%s", entity);
    (void)snprintf(name->project, sizeof(name->project), "%s", project);
    (void)snprintf(name->collection, sizeof(name->collection), "%s", collection);
    return CULL_OK;
}

static cull_status visit_empty(void *ctx, const cull_collection_info *collection)
{
    struct empties *empties = ctx;
    const cull_scope *scope = &empties->deleting->scope;

    if (collection->committed > 0 ||
        (scope->collection != NULL && strcmp(scope->collection, collection->name) != 0)) {
        return CULL_OK;
    }
    return empties_add(empties, collection->entity, collection->project, collection->name);
}

/* Who is uploading to it now will not find it gone. */
static cull_status visit_uploading(void *ctx, const cull_upload_info *upload)
{
    struct empties *empties = ctx;

    for (size_t i = 0; i < empties->count; i++) {
        const cull_name *name = &empties->names[i];

        if (strcmp(name->collection, upload->collection) == 0 &&
            strcmp(name->project, upload->project) == 0 &&
            strcmp(name->entity, upload->entity) == 0) {
            empties->names[i] = empties->names[--empties->count];
            break;
        }
    }
    return CULL_OK;
}

static cull_status delete_empty_one(struct deleting *deleting, const cull_name *name)
{
    struct cli *cli = deleting->cli;
    bool dry_run = deleting->options->dry_run;
    cull_scope scope = { .kind = CULL_SCOPE_COLLECTION,
                         .entity = name->entity,
                         .project = name->project,
                         .collection = name->collection };
    cull_caller caller = cli_caller(cli);
    char text[VERSION_NAME_MAX];
    cull_status status =
        cull_delete_scope(cli->store, &scope, false, dry_run, NULL, NULL, &caller, &cli->err);

    if (status != CULL_OK) {
        return status;
    }
    cli->changed = cli->changed || !dry_run;
    record_begin(&cli->out, "collection");
    field_text(&cli->out, "name", collection_name(text, name));
    field_bool(&cli->out, "deleted", !dry_run);
    record_end(&cli->out);
    if (!cli->out.json) {
        (void)printf("%s %s (empty)\n", dry_run ? "would delete" : "deleted",
                     collection_name(text, name));
    }
    return CULL_OK;
}

static int by_name(const void *a, const void *b)
{
    const cull_name *left = a;
    const cull_name *right = b;
    int order = strcmp(left->entity, right->entity);

    order = order != 0 ? order : strcmp(left->project, right->project);
    return order != 0 ? order : strcmp(left->collection, right->collection);
}

static cull_status delete_empty(struct deleting *deleting)
{
    struct cli *cli = deleting->cli;
    struct empties empties = { .deleting = deleting };
    const cull_scope *scope = &deleting->scope;
    size_t deleted = 0;
    cull_status status = cull_collections(cli->store, scope->entity, scope->project, false,
                                          visit_empty, &empties, &cli->err);

    if (status == CULL_OK) {
        status = cull_uploads(cli->store, visit_uploading, &empties, &cli->err);
    }
    if (status == CULL_OK && empties.count > 1) {
        qsort(empties.names, empties.count, sizeof(*empties.names), by_name);
    }
    for (size_t i = 0; status == CULL_OK && i < empties.count; i++) {
        status = delete_empty_one(deleting, &empties.names[i]);
        deleted += status == CULL_OK ? 1 : 0;
    }
    if (status == CULL_OK && !cli->out.json && deleted == 0) {
        (void)printf("no collection is empty\n");
    }
    summary_begin(&cli->out);
    field_number(&cli->out, "collections_deleted", deleting->options->dry_run ? 0 : deleted);
    field_bool(&cli->out, "dry_run", deleting->options->dry_run);
    summary_end(&cli->out);
    free(empties.names);
    return status;
}

/* --- uploads ------------------------------------------------------------------------------- */

#define UPLOAD_PREFIX "upload:"

static bool is_upload(const char *name)
{
    return strncmp(name, UPLOAD_PREFIX, strlen(UPLOAD_PREFIX)) == 0;
}

static cull_status abort_upload(struct cli *cli, const char *text, bool dry_run)
{
    cull_upload *upload = NULL;
    cull_caller caller = cli_caller(cli);
    char shown[PRINTABLE_MAX];
    uint64_t id = 0;
    cull_status status;

    if (!count_parse(&id, text + strlen(UPLOAD_PREFIX))) {
        return cli_fail(cli, CULL_E_USAGE, "%s: not upload:NUMBER", printable(shown, text));
    }
    status = cull_upload_attach(&upload, cli->store, id, &cli->err);
    if (status == CULL_OK && !dry_run) {
        status = cull_upload_abort(upload, &caller, &cli->err);
        status = status == CULL_E_ENDED ? CULL_E_NOTFOUND : status;
    }
    cull_upload_free(upload);
    if (status != CULL_OK) {
        return status;
    }
    cli->changed = cli->changed || !dry_run;
    record_begin(&cli->out, "upload");
    field_number(&cli->out, "id", id);
    field_text(&cli->out, "state", dry_run ? "open" : "aborted");
    record_end(&cli->out);
    if (!cli->out.json) {
        (void)printf("%s upload:%" PRIu64 "\n", dry_run ? "would abort" : "aborted", id);
    }
    return CULL_OK;
}

/* --- all of it ----------------------------------------------------------------------------- */

static cull_status name_unlink(void *ctx, const cull_link_info *link)
{
    (void)link_name(ctx, link);
    return CULL_OK;
}

/* Once, also if it is named twice. */
static cull_status unlinks_add(struct deleting *deleting, const cull_version_key *key)
{
    struct unlinks *unlinks = &deleting->unlinks;
    cull_version_key *keys;
    char(*names)[VERSION_NAME_MAX];

    for (size_t i = 0; i < unlinks->count; i++) {
        if (unlinks->keys[i].collection == key->collection &&
            unlinks->keys[i].ordinal == key->ordinal) {
            return CULL_OK;
        }
    }
    keys = realloc(unlinks->keys, (unlinks->count + 1) * sizeof(*keys));
    unlinks->keys = keys != NULL ? keys : unlinks->keys;
    names = realloc(unlinks->names, (unlinks->count + 1) * sizeof(*names));
    unlinks->names = names != NULL ? names : unlinks->names;
    if (keys == NULL || names == NULL) {
        return cli_fail_nomem(deleting->cli);
    }
    keys[unlinks->count] = *key;
    return cull_links_of(deleting->cli->store, key, name_unlink, names[unlinks->count++],
                         &deleting->cli->err);
}

static cull_status delete_named(struct deleting *deleting, char **names, size_t count)
{
    struct cli *cli = deleting->cli;
    size_t versions = 0;
    cull_status status = CULL_OK;

    for (size_t i = 0; status == CULL_OK && i < count; i++) {
        cull_version_key key;
        bool is_link = false;

        if (is_upload(names[i])) {
            continue;
        }
        versions++;
        status = resolve_version_exactly(cli, names[i], &key);
        if (status == CULL_OK) {
            status = cull_key_is_link(cli->store, &key, &is_link, &cli->err);
        }
        if (status == CULL_OK) {
            status = is_link ? unlinks_add(deleting, &key)
                             : version_list_add_once(cli, &deleting->list, &key);
        }
    }
    if (status == CULL_OK && versions > 0) {
        status = delete_list(deleting);
    }
    for (size_t i = 0; status == CULL_OK && i < count; i++) {
        if (is_upload(names[i])) {
            status = abort_upload(cli, names[i], deleting->options->dry_run);
        }
    }
    return status;
}

static cull_status delete_selected(struct deleting *deleting)
{
    struct cli *cli = deleting->cli;
    const struct delete_options *options = deleting->options;
    bool narrowed = selection_is_narrowed(&options->select);
    cull_status status;

    if (options->select.empty && narrowed) {
        return cli_fail(cli, CULL_E_USAGE,
                        "--empty selects collections: only --collection, --project and --entity "
                        "go with it");
    }
    if (!options->select.empty && !narrowed && options->select.collection == NULL &&
        options->project == NULL && options->entity == NULL) {
        return cli_fail(cli, CULL_E_USAGE, "delete: what? name versions, or select them by flags");
    }
    status = selection_scope(deleting->cli, &deleting->options->select, &deleting->name,
                             &deleting->scope);
    if (status != CULL_OK) {
        return status;
    }
    return options->select.empty ? delete_empty(deleting)
           : narrowed            ? delete_selection(deleting)
                                 : delete_whole(deleting);
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    const struct delete_options *options = values;
    struct deleting deleting = { .cli = cli, .options = options };
    cull_status status;

    /* Here --entity and --project select; beside named versions they are defaults, as anywhere. */
    cli->globals.entity = options->entity != NULL ? options->entity : cli->globals.entity;
    cli->globals.project = options->project != NULL ? options->project : cli->globals.project;
    if (count > 0 && (selection_is_narrowed(&options->select) || options->select.empty ||
                      options->select.collection != NULL)) {
        return cli_fail(cli, CULL_E_USAGE, "delete: name versions or select them, not both");
    }
    status = cli_open(cli, false);
    if (status == CULL_OK) {
        status = count > 0 ? delete_named(&deleting, names, count) : delete_selected(&deleting);
    }
    version_list_release(&deleting.list);
    free(deleting.unlinks.keys);
    free(deleting.unlinks.names);
    return status;
}

const struct cli_command command_delete = {
    .name = "delete",
    .usage = "delete VERSION... | SELECTION [OPTION]...",
    .text = "Delete versions; they can be restored for the store's grace.\n\n"
            "Nothing leaves the disk before cull gc. Flags that select narrow each other.\n"
            "A collection, project or entity alone is deleted as a whole, its name becomes\n"
            "free, and aliases do not block that. upload:ID ends an open upload. A bare\n"
            "collection name could mean two things and is refused. Links in registries go\n"
            "with their versions, and are said; one that is named goes alone. A link with a\n"
            "protected alias keeps its version from every deletion.",
    .options = delete_table,
    .option_count = ARG_LEN(delete_table),
    .args_bytes = sizeof(struct delete_options),
    .positionals_max = 1000000,
    .exits = "exit: 0 done, also when nothing was selected  1 failed  2 usage\n"
             "      3 protected ones were skipped  4 no such store or named thing  5 busy\n"
             "      6 a version has aliases or is protected, or your role is too low\n",
    .run = run,
};
