/*
 * resolve.c - names as the user gives them.
 *
 * SHAPE     The library takes `entity/project/collection:version` apart and finds it; here stand
 *           only the defaults, and the cases in which a bare name is not enough.
 */
#include "resolve.h"

#include <inttypes.h>
#include <string.h>

static const char *scope_entity(const struct cli *cli)
{
    return cli->globals.entity;
}

/* --project may be given as `entity/project`. */
static cull_status default_project(struct cli *cli, cull_name *out)
{
    const char *text = cli->globals.project;
    const char *slash = strchr(text, '/');
    cull_name parsed;
    char name[2 * CULL_NAME_BYTES_MAX + 8];
    cull_status status;

    *out = (cull_name){ .entity = "" };
    if (slash == NULL && scope_entity(cli) == NULL) {
        /* without an entity the project alone is checked for its form */
        status = cull_name_parse(&parsed, "c", "e", text, &cli->err);
    } else if (strlen(text) >= sizeof(name) - 4) {
        return cli_fail(cli, CULL_E_USAGE, "--project: the name is too long");
    } else {
        (void)snprintf(name, sizeof(name), "%s/c", text);
        status = cull_name_parse(&parsed, name, scope_entity(cli), NULL, &cli->err);
    }
    if (status == CULL_OK) {
        memcpy(out->project, parsed.project, sizeof(out->project));
        if (slash != NULL || scope_entity(cli) != NULL) {
            memcpy(out->entity, parsed.entity, sizeof(out->entity));
        }
    }
    return status;
}

cull_status resolve_name(struct cli *cli, const char *text, cull_name *out)
{
    cull_name defaults = { .entity = "" };
    const char *entity = scope_entity(cli);
    const char *project = NULL;

    if (cli->globals.project != NULL) {
        cull_status status = default_project(cli, &defaults);

        if (status != CULL_OK) {
            return status;
        }
        project = defaults.project;
        entity = defaults.entity[0] != '\0' ? defaults.entity : entity;
    }
    return cull_name_parse(out, text, entity, project, &cli->err);
}

cull_status resolve_collection(struct cli *cli, const char *text, cull_name *out)
{
    char shown[PRINTABLE_MAX];
    cull_status status = resolve_name(cli, text, out);

    if (status == CULL_OK && strchr(text, ':') != NULL) {
        return cli_fail(cli, CULL_E_USAGE, "%s: a version; a collection's name is wanted here",
                        printable(shown, text));
    }
    return status;
}

cull_status resolve_run(struct cli *cli, const char *text, cull_name *out)
{
    char shown[PRINTABLE_MAX];
    cull_status status = resolve_name(cli, text, out);

    if (status == CULL_OK && strchr(text, ':') != NULL) {
        return cli_fail(cli, CULL_E_USAGE, "%s: a version; a run's name is wanted here",
                        printable(shown, text));
    }
    return status;
}

cull_status resolve_project(struct cli *cli, const char *text, cull_name *out)
{
    char shown[PRINTABLE_MAX];
    char name[2 * CULL_NAME_BYTES_MAX + 8];

    if (strchr(text, '/') == NULL && scope_entity(cli) == NULL) {
        return cli_fail(cli, CULL_E_USAGE, "%s: which entity's project? say ENTITY/%s",
                        printable(shown, text), printable(shown, text));
    }
    if (strlen(text) >= sizeof(name) - 4 || strchr(text, ':') != NULL) {
        return cli_fail(cli, CULL_E_USAGE, "%s: not a project's name", printable(shown, text));
    }
    (void)snprintf(name, sizeof(name), "%s/c", text);
    return cull_name_parse(out, name, scope_entity(cli), NULL, &cli->err);
}

cull_status resolve_entity(struct cli *cli, const char *text, cull_name *out)
{
    char shown[PRINTABLE_MAX];

    if (strpbrk(text, ":/") != NULL) {
        return cli_fail(cli, CULL_E_USAGE, "%s: not an entity's name", printable(shown, text));
    }
    return cull_name_parse(out, "c", text, "p", &cli->err);
}

cull_status resolve_version(struct cli *cli, const char *text, cull_version_key *out)
{
    cull_name name;
    cull_status status = resolve_name(cli, text, &name);

    return status == CULL_OK ? cull_version_find(cli->store, &name, out, &cli->err) : status;
}

/* --- collections --------------------------------------------------------------------------- */

struct wanted {
    const char *name;
    cull_collection_info *out;
    bool found;
};

static cull_status visit_wanted(void *ctx, const cull_collection_info *collection)
{
    struct wanted *wanted = ctx;

    if (strcmp(collection->name, wanted->name) == 0) {
        *wanted->out = *collection;
        wanted->out->entity = wanted->out->project = wanted->out->name = wanted->out->type = "";
        wanted->found = true;
    }
    return CULL_OK;
}

static cull_status visit_wanted_portfolio(void *ctx, const cull_portfolio_info *portfolio)
{
    struct wanted *wanted = ctx;

    if (strcmp(portfolio->name, wanted->name) == 0) {
        *wanted->out = (cull_collection_info){ .id = portfolio->id,
                                               .entity = "",
                                               .project = "",
                                               .name = "",
                                               .type = "",
                                               .ordinals = portfolio->ordinals,
                                               .committed = portfolio->links };
        wanted->found = true;
    }
    return CULL_OK;
}

cull_status find_portfolio(struct cli *cli, const cull_name *name, cull_collection_info *out,
                           bool *found)
{
    struct wanted wanted = { name->collection, out, false };
    cull_status status = cull_portfolios(cli->store, name->entity, name->project,
                                         visit_wanted_portfolio, &wanted, &cli->err);

    *found = wanted.found;
    return status;
}

cull_status find_collection(struct cli *cli, const cull_name *name, cull_collection_info *out)
{
    struct wanted wanted = { name->collection, out, false };
    char shown[VERSION_NAME_MAX];
    cull_status status = find_portfolio(cli, name, out, &wanted.found);

    if (status == CULL_OK && !wanted.found) {
        status = cull_collections(cli->store, name->entity, name->project, false, visit_wanted,
                                  &wanted, &cli->err);
    }
    if (status == CULL_OK && !wanted.found) {
        return cli_fail(cli, CULL_E_NOTFOUND, "%s: no such collection",
                        collection_name(shown, name));
    }
    return status;
}

cull_status resolve_version_exactly(struct cli *cli, const char *text, cull_version_key *out)
{
    cull_collection_info collection;
    cull_name name;
    cull_status status = resolve_name(cli, text, &name);

    if (status != CULL_OK) {
        return status;
    }
    if (strchr(text, ':') != NULL) {
        return cull_version_find(cli->store, &name, out, &cli->err);
    }
    status = find_collection(cli, &name, &collection);
    if (status != CULL_OK) {
        return status;
    }
    if (strcmp(cli->command->name, "delete") == 0) {
        return cli_fail(cli, CULL_E_USAGE,
                        "%s is a collection of %" PRIu32 " version%s: say %s:latest, or "
                        "--collection %s",
                        text, collection.committed, collection.committed == 1 ? "" : "s", text,
                        text);
    }
    return cli_fail(cli, CULL_E_USAGE,
                    "%s is a collection of %" PRIu32 " version%s: say which, as in %s:v0", text,
                    collection.committed, collection.committed == 1 ? "" : "s", text);
}

/* --- scopes -------------------------------------------------------------------------------- */

/* Part number i of count, checked as a name's part. */
static cull_status take_part(struct cli *cli, char out[CULL_NAME_BYTES_MAX + 1], const char *part,
                             size_t len)
{
    char text[CULL_NAME_BYTES_MAX + 2];
    char shown[PRINTABLE_MAX];
    cull_name parsed;

    (void)snprintf(text, sizeof(text), "%.*s", (int)(len < sizeof(text) ? len : sizeof(text)),
                   part);
    if (memchr(part, ':', len) != NULL ||
        cull_name_parse(&parsed, text, "e", "p", &cli->err) != CULL_OK) {
        return cli_fail(cli, CULL_E_USAGE, "%s: not a name", printable(shown, part));
    }
    memcpy(out, text, strlen(text) + 1);
    return CULL_OK;
}

static size_t count_parts(const char *text)
{
    size_t parts = *text == '\0' ? 0 : 1;

    for (; *text != '\0'; text++) {
        parts += *text == '/' ? 1 : 0;
    }
    return parts;
}

/* One or two parts that are no collection: `entity` or `entity/project`. */
static cull_status resolve_short(struct cli *cli, const char *text, cull_name *name,
                                 cull_scope *out)
{
    cull_status status = CULL_OK;
    const char *entity = scope_entity(cli);
    const char *slash = strchr(text, '/');

    if (*text == '\0' && cli->globals.project != NULL) {
        text = cli->globals.project;
        slash = strchr(text, '/');
        if (slash == NULL && entity == NULL) {
            return cli_fail(cli, CULL_E_USAGE, "--project %s: which entity's? say --entity too",
                            text);
        }
    }
    if (entity != NULL && slash == NULL) {
        status = take_part(cli, name->entity, entity, strlen(entity));
    } else if (*text != '\0') {
        size_t len = strcspn(text, "/");

        status = take_part(cli, name->entity, text, len);
        text += len + (slash != NULL ? 1 : 0);
    }
    if (status == CULL_OK && *text != '\0') {
        status = take_part(cli, name->project, text, strlen(text));
    }
    out->entity = name->entity[0] != '\0' ? name->entity : NULL;
    out->project = name->project[0] != '\0' ? name->project : NULL;
    out->kind = out->project != NULL  ? CULL_SCOPE_PROJECT
                : out->entity != NULL ? CULL_SCOPE_ENTITY
                                      : CULL_SCOPE_STORE;
    return status;
}

cull_status resolve_scope(struct cli *cli, const char *text, cull_name *name, cull_scope *out)
{
    const char *shown_text = text == NULL ? "" : text;
    size_t parts = count_parts(shown_text);
    size_t given = parts;
    cull_status status;

    *out = (cull_scope){ .kind = CULL_SCOPE_STORE };
    *name = (cull_name){ .entity = "" };
    given += cli->globals.project == NULL ? 0 : strchr(cli->globals.project, '/') == NULL ? 1 : 2;
    given += scope_entity(cli) != NULL ? 1 : 0;
    if (parts == 0 || (given < 3 && strchr(shown_text, ':') == NULL)) {
        return resolve_short(cli, shown_text, name, out);
    }
    status = resolve_name(cli, text, name);
    if (status != CULL_OK) {
        return status;
    }
    out->entity = name->entity;
    out->project = name->project;
    out->collection = name->collection;
    out->kind = CULL_SCOPE_COLLECTION;
    if (strchr(text, ':') != NULL) {
        out->kind = CULL_SCOPE_VERSION;
        status = cull_version_find(cli->store, name, &out->version, &cli->err);
    }
    return status;
}

/* --- writing names ------------------------------------------------------------------------- */

const char *collection_name(char text[VERSION_NAME_MAX], const cull_name *name)
{
    (void)snprintf(text, VERSION_NAME_MAX, "%s/%s/%s", name->entity, name->project,
                   name->collection);
    return text;
}

const char *version_name(char text[VERSION_NAME_MAX], const cull_version_info *version)
{
    (void)snprintf(text, VERSION_NAME_MAX, "%s/%s/%s:v%" PRIu32, version->entity, version->project,
                   version->collection, version->key.ordinal);
    return text;
}
