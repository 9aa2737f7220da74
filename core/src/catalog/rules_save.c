/*
 * rules_save.c - owner and roles as the end of the catalog's room, and back.
 *
 * FORMAT    u8 and text: the owner; then the entities that have any roles, by ascending id. Roles of
 *           one entity ascend by user. Numbers, texts and ids as in catalog_save.c.
 * INVARIANT Canonical. Nothing is written of what has nothing, and a room without anything of it is of
 *           format 1, so a state has one form.
 * COST      What is there.
 * FAILURE   CULL_E_NOMEM; loading: CULL_E_CORRUPT too.
 */
#include "catalog/catalog_load.h"

#define SAVED_ROLE_MIN 3
#define SAVED_ENTITY_MIN 3

bool cull__rules_any(const struct cull__catalog *catalog)
{
    return catalog->owner != NULL || catalog->role_count > 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

static cull_status save_roles(struct cull__saver *saver, const struct cull__role *roles)
{
    const struct cull__role **sorted;
    size_t count;
    cull_status status = cull__roles_sorted(saver->catalog, roles, &sorted, &count);

    cull__buf_varint(saver->out, count);
    for (size_t i = 0; i < count; i++) {
        cull__buf_text(saver->out, sorted[i]->user, strlen(sorted[i]->user));
        cull__buf_u8(saver->out, sorted[i]->role);
    }
    cull__free(saver->catalog->allocator, (void *)sorted);
    return status;
}

static bool entity_has_rules(const struct cull__entity *entity)
{
    return entity->roles != NULL;
}

static cull_status save_entities(struct cull__saver *saver)
{
    uint64_t last_id = 0;
    uint64_t count = 0;
    cull_status status = CULL_OK;

    for (const struct cull__entity *at = saver->catalog->entities_by_id; at != NULL;
         at = at->hh_id.next) {
        count += entity_has_rules(at);
    }
    cull__buf_varint(saver->out, count);
    for (const struct cull__entity *at = saver->catalog->entities_by_id;
         at != NULL && status == CULL_OK; at = at->hh_id.next) {
        if (entity_has_rules(at)) {
            cull__save_id(saver, &last_id, at->id);
            status = save_roles(saver, at->roles);
        }
    }
    return status;
}

cull_status cull__rules_save(struct cull__saver *saver)
{
    const struct cull__catalog *catalog = saver->catalog;

    cull__buf_u8(saver->out, catalog->owner != NULL);
    if (catalog->owner != NULL) {
        cull__save_text(saver, catalog->owner);
    }
    return save_entities(saver);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* An id that a kind of record has and that something else gave, greater than the last. */
static uint64_t load_known_id(struct cull__loader *loader, uint64_t *last)
{
    *last = cull__load_sum(loader, *last + 1, loader->catalog->next_id - 1);
    return *last;
}

static void load_roles(struct cull__loader *loader, struct cull__role **roles)
{
    size_t count = cull__cursor_count(&loader->in, SAVED_ROLE_MIN, UINT32_MAX);
    const char *last = "";
    size_t last_len = 0;

    cull__load_now(loader, "a role");
    for (size_t i = 0; i < count && cull__load_going(loader); i++) {
        size_t len;
        const char *user = cull__cursor_text(&loader->in, &len, CULL_NAME_BYTES_MAX);
        uint8_t role = cull__cursor_u8(&loader->in);

        if (!cull__load_must(loader, cull__load_going(loader) && cull__text_ok(user, len) &&
                                         cull__load_text_before(last, last_len, user, len) &&
                                         role >= CULL_ROLE_RESTRICTED_VIEWER &&
                                         role <= CULL_ROLE_ADMINISTRATOR) ||
            !cull__load_must_have_memory(loader,
                                         cull__role_set(loader->catalog, roles, user, len, role))) {
            return;
        }
        last = user;
        last_len = len;
    }
}

static void load_entities(struct cull__loader *loader)
{
    size_t count = cull__cursor_count(&loader->in, SAVED_ENTITY_MIN, SIZE_MAX);
    uint64_t last_id = 0;

    for (size_t i = 0; i < count && cull__load_going(loader); i++) {
        struct cull__entity *entity;

        cull__load_now(loader, "an entity's rules");
        entity = cull__entity_by_id(loader->catalog, load_known_id(loader, &last_id));
        if (cull__load_must(loader, entity != NULL)) {
            load_roles(loader, &entity->roles);
            (void)cull__load_must(loader, entity_has_rules(entity));
        }
    }
}

void cull__rules_load(struct cull__loader *loader)
{
    struct cull__catalog *catalog = loader->catalog;

    cull__load_now(loader, "the owner");
    if (cull__load_bool(loader)) {
        const char *owner = cull__load_text(loader);

        catalog->owner = cull__load_going(loader) ? owner : NULL;
    }
    load_entities(loader);
    cull__load_now(loader, "what follows the uploads");
    (void)cull__load_must(
        loader, cull__rules_any(catalog) && (catalog->owner != NULL || catalog->role_count == 0));
}
