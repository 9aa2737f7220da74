/*
 * versions.c - versions as lists, records and rows.
 *
 * SHAPE     The library shows a version under its lock, with borrowed strings: what is needed
 *           later (its key, its name) is copied into a list, the rest is printed at once.
 */
#include "versions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "resolve.h"

static cull_status list_room(struct version_list *list)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity + list->capacity / 2 + 16;
        struct version_item *grown = realloc(list->items, capacity * sizeof(*grown));

        if (grown == NULL) {
            return CULL_E_NOMEM;
        }
        list->items = grown;
        list->capacity = capacity;
    }
    return CULL_OK;
}

cull_status version_list_add(void *ctx, const cull_version_info *version)
{
    struct version_list *list = ctx;
    char name[VERSION_NAME_MAX];
    struct version_item item = { .key = version->key,
                                 .size_bytes = version->size_bytes,
                                 .size_exact = version->size_exact,
                                 .kept_until_ms = version->kept_until_ms };
    cull_status status = list_room(list);

    if (status != CULL_OK) {
        return status;
    }
    item.name = strdup(version_name(name, version));
    if (item.name == NULL) {
        return CULL_E_NOMEM;
    }
    list->items[list->count++] = item;
    return CULL_OK;
}

cull_status version_list_add_key(struct cli *cli, struct version_list *list,
                                 const cull_version_key *key)
{
    char name[VERSION_NAME_MAX];
    struct version_item item = { .key = *key };
    cull_status status = cull_version_show(cli->store, key, version_list_add, list, &cli->err);

    if (status != CULL_E_NOTFOUND) {
        return status;
    }
    cli->err = (cull_error){ CULL_OK, "" };
    status = list_room(list);
    (void)snprintf(name, sizeof(name), "collection#%" PRIu64 ":v%" PRIu32, key->collection,
                   key->ordinal);
    item.name = status == CULL_OK ? strdup(name) : NULL;
    if (item.name == NULL) {
        return cli_fail_nomem(cli);
    }
    list->items[list->count++] = item;
    return CULL_OK;
}

cull_status version_list_add_once(struct cli *cli, struct version_list *list,
                                  const cull_version_key *key)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].key.collection == key->collection &&
            list->items[i].key.ordinal == key->ordinal) {
            return CULL_OK; /* v3 and its alias may both be named */
        }
    }
    return version_list_add_key(cli, list, key);
}

cull_version_key *version_list_keys(const struct version_list *list)
{
    cull_version_key *keys = list->count == 0 ? NULL : malloc(list->count * sizeof(*keys));

    for (size_t i = 0; keys != NULL && i < list->count; i++) {
        keys[i] = list->items[i].key;
    }
    return keys;
}

void version_list_release(struct version_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].name);
    }
    free(list->items);
    *list = (struct version_list){ NULL, 0, 0 };
}

void version_record(struct output *out, const cull_version_info *version)
{
    version_record_notes(out, version, NULL, NULL);
}

void version_record_notes(struct output *out, const cull_version_info *version,
                          const char *description, const char *metadata)
{
    char name[VERSION_NAME_MAX];

    if (!out->json) {
        return;
    }
    record_begin(out, "version");
    field_text(out, "name", version_name(name, version));
    field_text(out, "state", version_state_name(version->state));
    field_number(out, "id", version->id);
    field_text(out, "artifact_type", version->type);
    field_list(out, "aliases", version->aliases, version->alias_count);
    field_list(out, "tags", version->tags, version->tag_count);
    if (version->artifact_id_count > 0) {
        field_list(out, "artifact_ids", version->artifact_ids, version->artifact_id_count);
    }
    field_text(out, "run", version->run);
    field_text(out, "creator", version->creator);
    field_digest(out, "manifest_digest", &version->manifest_digest, CULL_DIGEST_MD5);
    field_number(out, "entries", version->entries);
    field_number(out, "blobs", version->blobs);
    field_number(out, "size_bytes", version->size_bytes);
    field_bool(out, "size_exact", version->size_exact);
    field_time(out, "created", version->created_ms);
    field_time(out, "expires", version->expires_ms);
    field_bool(out, "pinned", version->pinned);
    if (version->state != CULL_VERSION_COMMITTED) {
        field_time(out, "deleted", version->deleted_ms);
        field_time(out, "kept_until", version->kept_until_ms);
        field_text(out, "reason", delete_reason_name(version->reason));
    }
    field_bool(out, "collection_deleted", version->collection_deleted);
    if (description != NULL) {
        field_text(out, "description", description);
    }
    if (metadata != NULL) {
        field_text(out, "metadata", metadata);
    }
    record_end(out);
}

void version_item_record(struct output *out, const struct version_item *item, const char *state)
{
    record_begin(out, "version");
    field_text(out, "name", item->name);
    field_text(out, "state", state);
    field_number(out, "size_bytes", item->size_bytes);
    field_bool(out, "size_exact", item->size_exact);
    record_end(out);
}

const char *version_state_name(cull_version_state state)
{
    switch (state) {
    case CULL_VERSION_COMMITTED:
        return "committed";
    case CULL_VERSION_DELETED:
        return "deleted";
    case CULL_VERSION_PURGED:
        return "purged";
    }
    return "unknown";
}

const char *delete_reason_name(cull_delete_reason reason)
{
    switch (reason) {
    case CULL_REASON_NONE:
        return "";
    case CULL_REASON_USER:
        return "user";
    case CULL_REASON_TTL:
        return "ttl";
    case CULL_REASON_CASCADE:
        return "cascade";
    case CULL_REASON_POLICY:
        return "policy";
    }
    return "";
}

void text_list(struct text *text, const char *const *items, size_t count)
{
    text->len = 0;
    text_print(text, "%s", "");
    for (size_t i = 0; i < count; i++) {
        text_print(text, "%s", i > 0 ? ", " : "");
        text_escaped(text, items[i]);
    }
}
