/*
 * ttl.c - how long versions live: rules 20 to 25.
 *
 * SHAPE     A version has a TTL of its own, none (0: it inherits its entity's default) or none ever
 *           (CULL__TTL_OFF). What is in force is asked where it is needed, so changing the default
 *           reaches every version that inherits; only the bits of pending.c are set anew.
 * INVARIANT A linked version is CULL__TTL_OFF: linking sets it, and nothing else may be set until the
 *           links are gone.
 * COST      A default: the versions of the entity's open collections.
 * FAILURE   Room for the bits is made before anything changes.
 */
#include "catalog/catalog_internal.h"

#include <inttypes.h>

bool cull__type_takes_ttl(const char *type)
{
    return strcmp(type, "run_table") != 0 && strcmp(type, "code") != 0 &&
           strcmp(type, "job") != 0 && strncmp(type, "wandb-", 6) != 0;
}

uint64_t cull__ttl_in_force(const struct cull__collection *collection, uint64_t own_ms)
{
    uint64_t ttl_ms = own_ms == 0 ? collection->project->entity->ttl_ms : own_ms;

    return ttl_ms == 0 || own_ms == CULL__TTL_OFF || !cull__type_takes_ttl(collection->type)
               ? 0
               : ttl_ms;
}

cull_status cull__ttl_parse(uint64_t *own_ms, int64_t seconds, cull_error *err)
{
    if (seconds == CULL_TTL_INHERIT) {
        *own_ms = 0;
        return CULL_OK;
    }
    if (seconds == CULL_TTL_OFF) {
        *own_ms = CULL__TTL_OFF;
        return CULL_OK;
    }
    if (seconds > 0 && (uint64_t)seconds < UINT64_MAX / 1000) {
        *own_ms = (uint64_t)seconds * 1000;
        return CULL_OK;
    }
    return cull__error_set(err, CULL_E_USAGE,
                           "a TTL of %" PRId64 " seconds: say more than 0, -1 to inherit or -2 for "
                           "none",
                           seconds);
}

cull_status cull__check_ttl_role(const struct cull__catalog *catalog, const char *actor,
                                 const struct cull__collection *collection, cull_error *err)
{
    const struct cull__entity *entity = collection->project->entity;

    return cull__check_collection_role(
        catalog, actor, collection,
        entity->ttl_by_administrators ? CULL_ROLE_ADMINISTRATOR : CULL_ROLE_MEMBER, err);
}

cull_status cull__check_ttl(const struct cull__collection *collection, uint32_t ordinal,
                            uint64_t own_ms, cull_error *err)
{
    cull_status status = cull__check_committed(collection, ordinal, err);
    char name[CULL__VERSION_NAME_MAX];

    if (status != CULL_OK) {
        return status;
    }
    if (!cull__type_takes_ttl(collection->type)) {
        return cull__error_set(err, CULL_E_REFUSED, "%s: is of type %s, which takes no TTL",
                               cull__version_name(name, collection, ordinal), collection->type);
    }
    if (own_ms != CULL__TTL_OFF && cull__version_is_linked(collection, ordinal)) {
        return cull__error_set(err, CULL_E_REFUSED,
                               "%s: is linked into a registry and takes no TTL: cull unlink first",
                               cull__version_name(name, collection, ordinal));
    }
    return CULL_OK;
}

/* --- applying --------------------------------------------------------------------------------- */

cull_status cull__apply_ttl(struct cull__catalog *catalog, uint64_t collection,
                            const uint32_t *ordinals, size_t count, uint64_t own_ms)
{
    struct cull__collection *in = cull__collection_by_id(catalog, collection);

    if (in == NULL || !cull__type_takes_ttl(in->type)) {
        return CULL_E_CORRUPT;
    }
    for (size_t i = 0; i < count; i++) {
        const struct cull__version *version = cull__version_at(in, ordinals[i]);

        if (version == NULL || version->state != CULL_VERSION_COMMITTED ||
            (own_ms != CULL__TTL_OFF && cull__version_is_linked(in, ordinals[i]))) {
            return CULL_E_CORRUPT;
        }
    }
    if (cull__pending_reserve(catalog, in) != CULL_OK) {
        return CULL_E_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        struct cull__version *version = cull__version_at(in, ordinals[i]);

        version->ttl_ms = own_ms;
        cull__pending_set(catalog, in, ordinals[i], cull__version_pending(in, version));
    }
    return CULL_OK;
}

cull_status cull__pending_refresh_entity(struct cull__catalog *catalog, struct cull__entity *entity)
{
    for (struct cull__collection *at = catalog->collections; at != NULL; at = at->hh_id.next) {
        if (at->project->entity == entity && at->sealed == NULL &&
            cull__pending_reserve(catalog, at) != CULL_OK) {
            return CULL_E_NOMEM;
        }
    }
    for (struct cull__collection *at = catalog->collections; at != NULL; at = at->hh_id.next) {
        if (at->project->entity == entity && at->sealed == NULL) {
            cull__pending_refresh(catalog, at);
        }
    }
    return CULL_OK;
}

cull_status cull__apply_ttl_default(struct cull__catalog *catalog, uint64_t entity, uint64_t ttl_ms,
                                    bool by_administrators)
{
    struct cull__entity *of = cull__entity_by_id(catalog, entity);
    uint64_t before_ms = of == NULL ? 0 : of->ttl_ms;

    if (of == NULL || ttl_ms == CULL__TTL_OFF) {
        return CULL_E_CORRUPT;
    }
    of->ttl_ms = ttl_ms;
    if ((before_ms == 0) != (ttl_ms == 0) && cull__pending_refresh_entity(catalog, of) != CULL_OK) {
        of->ttl_ms = before_ms;
        return CULL_E_NOMEM;
    }
    of->ttl_by_administrators = by_administrators;
    return CULL_OK;
}
