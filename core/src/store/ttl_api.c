/*
 * ttl_api.c - times to live: of versions, and what an entity says of them.
 */
#include "store/store_internal.h"

struct ttl_ctx {
    const cull_version_key *keys; /* sorted, distinct */
    size_t count;
    uint64_t own_ms;
};

static cull_status check_version(const struct cull__txn *txn, const cull_version_key *key,
                                 uint64_t own_ms, cull_error *err)
{
    const struct cull__collection *collection;
    cull_status status = cull__key_open(txn->store, key, &collection, err);

    if (status != CULL_OK) {
        return status;
    }
    if (collection == NULL) {
        return cull__key_link(txn->store, key) != NULL
                   ? cull__error_set(err, CULL_E_USAGE, "a link takes no TTL")
                   : cull__version_missing(txn->store, key, err);
    }
    status = cull__check_ttl_role(txn->store->catalog, cull__txn_actor(txn), collection, err);
    return status == CULL_OK ? cull__check_ttl(collection, key->ordinal, own_ms, err) : status;
}

static cull_status check_ttl_set(struct cull__txn *txn, void *context, cull_error *err)
{
    const struct ttl_ctx *ctx = context;
    struct cull__u32s ordinals = CULL__U32S_INIT(txn->store->allocator);
    cull_status status = CULL_OK;

    for (size_t i = 0; i < ctx->count && status == CULL_OK; i++) {
        status = check_version(txn, &ctx->keys[i], ctx->own_ms, err);
    }
    if (status == CULL_OK) {
        cull__add_by_collection(txn, CULL__FACT_TTL, ctx->keys, ctx->count, ctx->own_ms, 0,
                                &ordinals, &status);
        status = status == CULL_OK ? CULL_OK : cull__error_nomem(err);
    }
    cull__u32s_release(&ordinals);
    return status;
}

cull_status cull_ttl_set(cull_store *store, const cull_version_key *versions, size_t count,
                         int64_t seconds, const cull_caller *caller, cull_error *err)
{
    cull_version_key *sorted = NULL;
    struct ttl_ctx ctx = { NULL, count, 0 };
    cull_status status = cull__ttl_parse(&ctx.own_ms, seconds, err);

    if (status == CULL_OK) {
        status = cull__version_keys_copy(store, versions, &ctx.count, &sorted, err);
    }
    ctx.keys = sorted;
    if (status == CULL_OK) {
        status = cull__transact(store, CULL__NEED_NAMES, caller, check_ttl_set, &ctx, err);
    }
    cull__free(store->allocator, sorted);
    return status;
}

/* --- what an entity says ------------------------------------------------------------------------ */

struct policy_ctx {
    const char *entity;
    uint64_t ttl_ms;
    bool by_administrators;
};

static cull_status check_policy(struct cull__txn *txn, void *context, cull_error *err)
{
    const struct policy_ctx *ctx = context;
    const struct cull__place place = { cull__entity_find(txn->store->catalog, ctx->entity),
                                       ctx->entity, NULL };
    struct cull__fact entity = { .type = CULL__FACT_ENTITY, .id = txn->next_id };
    struct cull__fact fact = { .type = CULL__FACT_TTL_DEFAULT,
                               .until_ms = ctx->ttl_ms,
                               .how = ctx->by_administrators };
    cull_status status = cull__check_role(txn->store->catalog, cull__txn_actor(txn), &place,
                                          CULL_ROLE_ADMINISTRATOR, err);

    if (status != CULL_OK) {
        return status;
    }
    if (place.entity == NULL) {
        entity.name = ctx->entity;
        entity.name_len = strlen(ctx->entity);
        cull__txn_add(txn, &entity);
    }
    fact.parent = place.entity == NULL ? entity.id : place.entity->id;
    cull__txn_add(txn, &fact);
    return CULL_OK;
}

cull_status cull_ttl_set_policy(cull_store *store, const char *entity,
                                const cull_ttl_policy *policy, const cull_caller *caller,
                                cull_error *err)
{
    struct policy_ctx ctx = { entity, 0, !policy->members_may };
    cull_status status = cull__check_name("entity", entity, err);

    if (status == CULL_OK && policy->seconds != CULL_TTL_OFF) {
        status = policy->seconds == CULL_TTL_INHERIT
                     ? cull__error_set(err, CULL_E_USAGE, "an entity has nobody to inherit from")
                     : cull__ttl_parse(&ctx.ttl_ms, policy->seconds, err);
    }
    return status != CULL_OK
               ? status
               : cull__transact(store, CULL__NEED_NAMES, caller, check_policy, &ctx, err);
}

cull_status cull_ttl_get_policy(cull_store *store, const char *entity, cull_ttl_policy *out,
                                cull_error *err)
{
    const struct cull__entity *found;
    char shown[CULL_PRINTABLE_MAX];
    cull_status status = cull__store_enter(store, CULL__NEED_NAMES, err);

    *out = (cull_ttl_policy){ CULL_TTL_OFF, true };
    if (status != CULL_OK) {
        return status;
    }
    found = cull__entity_find(store->catalog, entity);
    if (found == NULL) {
        status = cull__error_set(err, CULL_E_NOTFOUND, "%s: no such entity",
                                 cull__printable(shown, entity, strlen(entity)));
    } else {
        out->seconds = found->ttl_ms == 0 ? CULL_TTL_OFF : (int64_t)(found->ttl_ms / 1000);
        out->members_may = !found->ttl_by_administrators;
    }
    cull__store_leave(store);
    return status;
}
