/*
 * test_rules_histories.c - random histories of requests beside the model of the rules: the same
 * answers, the same refusals, the same state.
 *
 * SHAPE     Each request is judged by the model (rules_judge.c), asked of the library through its
 *           public interface, and done in the model if the library did it. A refusal must be one that
 *           the rules give, name its object, and leave the log as it was. After every few requests all
 *           that can be listed is compared, line by line.
 * FAILURE   The history is made smaller as long as something breaks, then printed.
 */
#include "suites.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules_state.h"
#include "store_support.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#define PARTS 8 /* processes */
#ifdef SANITIZED
#define SEEDS_EACH 25
#else
#define SEEDS_EACH 750
#endif

#define COMPARE_EVERY 6
#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0])) /* nothing of core/src here */

/* What the histories reached. A history that reaches nothing finds nothing. */
#define REACHED(X)                                       \
    X(LINKS, "links made")                               \
    X(PROTECTED, "deletes refused: protected")           \
    X(STRICT, "deletes refused: strict links")           \
    X(SKIPPED, "deletes that skipped what is protected") \
    X(KEPT_REGISTRIES, "registries kept")                \
    X(ALIASES, "deletes refused: aliases")               \
    X(ROLES, "refusals for want of a role")              \
    X(LOST, "links lost with their sources")             \
    X(UNLINKED, "links taken away")                      \
    X(DELETED, "versions deleted")                       \
    X(CASCADES, "collections deleted")                   \
    X(PORTFOLIOS, "portfolios deleted")                  \
    X(REGISTRIES, "registries deleted")                  \
    X(RUNS, "runs deleted")                              \
    X(ENDED, "uploads ended by a cascade")               \
    X(RESTORED, "restores")                              \
    X(RENAMED, "restores under a new name")              \
    X(TAKEN, "restores refused: name taken")             \
    X(EXPIRED, "versions expired")                       \
    X(PURGED, "versions purged")                         \
    X(EQUAL, "equal manifests")                          \
    X(REOPENED, "stores opened again")

enum reached {
#define X(id, text) REACHED_##id,
    REACHED(X)
#undef X
        REACHED_COUNT
};

static const char *const reached_names[REACHED_COUNT] = {
#define X(id, text) text,
    REACHED(X)
#undef X
};

struct history {
    struct rules_request requests[RULES_REQUESTS_MAX];
    size_t count;
    uint64_t grace_ms;
    bool strict_links;
};

struct player {
    struct rules_model model;
    struct bench_store bench;
    cull_upload *uploads[RULES_SLOTS];
    const cull_delete_options *options; /* of the deletion that is under way */
    struct rules_verdict verdict;
    cull_delete_report report;
    struct rules_learned learned;
    uint64_t told, told_lost, told_kept;
    uint64_t expired, purged;
    cull_version_key found;
    uint64_t reached[REACHED_COUNT];
    char broken[1024]; /* "" while the two agree */
};

static void break_off(struct player *player, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void break_off(struct player *player, const char *format, ...)
{
    va_list args;

    if (player->broken[0] == '\0') {
        va_start(args, format);
        (void)vsnprintf(player->broken, sizeof player->broken, format, args);
        va_end(args);
    }
}

/* --- the store ------------------------------------------------------------------------------------ */

static cull_caller caller_of(const struct player *player, const char *actor)
{
    return (cull_caller){ .now_ms = player->model.now_ms, .actor = actor };
}

static void open_handle(struct player *player)
{
    const cull_store_options options = { player->bench.log, player->bench.objects, NULL, NULL };
    cull_error err = { CULL_OK, "" };

    ck_assert_msg(cull_store_open(&player->bench.store, &options, &err) == CULL_OK, "%s",
                  err.message);
}

static void player_begin(struct player *player, uint64_t grace_ms, bool strict_links)
{
    const cull_objects_memory_options memory = { .digest = CULL_DIGEST_XXH128,
                                                 .late = CULL_LATE_IMPOSSIBLE };
    const cull_store_settings settings = { .digest = CULL_DIGEST_XXH128,
                                           .grace_ms = grace_ms,
                                           .grace_is_zero = grace_ms == 0,
                                           .lease_ms = UINT64_C(300) * 24 * 3600 * 1000,
                                           .seed = 42,
                                           .late_deletes = CULL_LATE_IMPOSSIBLE,
                                           .strict_links = strict_links };
    cull_error err = { CULL_OK, "" };
    cull_caller caller;

    memset(player, 0, sizeof *player);
    rules_model_init(&player->model, 1000000, grace_ms, strict_links);
    caller = caller_of(player, RULES_OWNER);
    player->bench.digest = CULL_DIGEST_XXH128;
    player->bench.allocator = cull_allocator_default();
    ck_assert_int_eq(cull_log_memory_new(&player->bench.log, player->bench.allocator), CULL_OK);
    ck_assert_int_eq(cull_objects_memory_new(&player->bench.objects, &memory, &err), CULL_OK);
    ck_assert_int_eq(cull_store_create(player->bench.log, &settings, &caller, &err), CULL_OK);
    open_handle(player);
}

static void player_end(struct player *player)
{
    for (size_t i = 0; i < RULES_SLOTS; i++) {
        cull_upload_free(player->uploads[i]);
    }
    bench_close(&player->bench);
}

/* --- asking the library --------------------------------------------------------------------------- */

typedef cull_status (*ask_fn)(struct player *player, const struct rules_request *request,
                              const cull_caller *caller, cull_error *err);

static cull_name name_of(const struct rules_request *request)
{
    cull_name name;

    memset(&name, 0, sizeof name);
    (void)snprintf(name.entity, sizeof name.entity, "%s", request->entity);
    (void)snprintf(name.project, sizeof name.project, "%s", request->project);
    (void)snprintf(name.collection, sizeof name.collection, "%s", request->name);
    return name;
}

static void keys_of(const struct player *player, const struct rules_request *request,
                    cull_version_key *keys)
{
    for (size_t i = 0; i < request->key_count; i++) {
        keys[i] = rules_key(&player->model, &request->keys[i]);
    }
}

static cull_status ask_open(struct player *player, const struct rules_request *request,
                            const cull_caller *caller, cull_error *err)
{
    const cull_name name = name_of(request);
    const cull_upload_options options = { .collection = &name,
                                          .type = request->type,
                                          .run = request->run };
    cull_upload *upload = NULL;
    cull_status status = cull_upload_open(&upload, player->bench.store, &options, caller, err);

    if (status == CULL_OK) {
        cull_upload_free(player->uploads[request->slot]);
        player->uploads[request->slot] = upload;
        player->learned.upload = cull_upload_id(upload);
    }
    return status;
}

static cull_status send_content(struct player *player, cull_upload *upload, const char *content,
                                const cull_caller *caller, cull_error *err)
{
    const cull_blob_ref blob = { bench_digest(&player->bench, content), strlen(content) };
    cull_put_answer answer = CULL_PUT_NONE;
    cull_staged staged;
    cull_status status = cull_upload_put(upload, &blob, 1, &answer, caller, err);

    if (status == CULL_OK && answer == CULL_PUT_SEND) {
        status = bench_stage(&player->bench, content, &staged, err);
        status = status == CULL_OK ? cull_upload_send(upload, &staged, 1, caller, err) : status;
    }
    return status;
}

static cull_status ask_commit(struct player *player, const struct rules_request *request,
                              const cull_caller *caller, cull_error *err)
{
    cull_upload *upload = player->uploads[request->slot];
    const char content[] = { (char)('A' + request->content), '\0' };
    char text[] = "a=?";
    cull_commit_options options = { .aliases = request->aliases,
                                    .alias_count = request->alias_count,
                                    .tags = &request->label,
                                    .tag_count = request->label != NULL,
                                    .ttl_ms = request->seconds == CULL_TTL_OFF
                                                  ? UINT64_MAX
                                                  : 1000 * (uint64_t)request->seconds };
    cull_commit_result result = { { 0, 0 }, false, false };
    cull_manifest *manifest;
    cull_status status;

    text[2] = content[0];
    manifest = bench_manifest(&player->bench, text);
    options.manifest = manifest;
    status = send_content(player, upload, content, caller, err);
    if (status == CULL_OK) {
        status = cull_upload_commit(upload, &options, NULL, NULL, &result, caller, err);
    }
    cull_manifest_free(manifest);
    player->learned.collection = result.version.collection;
    player->learned.ordinal = result.version.ordinal;
    player->learned.is_new = result.is_new;
    player->reached[REACHED_EQUAL] += status == CULL_OK && !result.is_new;
    player->reached[REACHED_ENDED] += status == CULL_E_ENDED;
    return status;
}

static cull_status ask_abort(struct player *player, const struct rules_request *request,
                             const cull_caller *caller, cull_error *err)
{
    return cull_upload_abort(player->uploads[request->slot], caller, err);
}

static cull_status ask_label(struct player *player, const struct rules_request *request,
                             const cull_caller *caller, cull_error *err)
{
    cull_store *store = player->bench.store;
    cull_version_key key;

    keys_of(player, request, &key);
    return request->op == RULES_ALIAS_SET ? cull_alias_set(store, &key, request->label, caller, err)
           : request->op == RULES_ALIAS_REMOVE
               ? cull_alias_remove(store, key.collection, request->label, caller, err)
               : cull_tag_set(store, &key, request->label, request->present, caller, err);
}

static cull_status ask_link(struct player *player, const struct rules_request *request,
                            const cull_caller *caller, cull_error *err)
{
    const cull_name name = name_of(request);
    cull_version_key source;
    cull_version_key link;
    cull_status status;

    keys_of(player, request, &source);
    status = cull_link(player->bench.store, &source, &name, request->aliases, request->alias_count,
                       &link, caller, err);
    player->learned.collection = link.collection;
    player->learned.ordinal = link.ordinal;
    player->reached[REACHED_LINKS] += status == CULL_OK;
    return status;
}

static cull_status ask_unlink(struct player *player, const struct rules_request *request,
                              const cull_caller *caller, cull_error *err)
{
    cull_version_key keys[RULES_KEYS];

    keys_of(player, request, keys);
    return cull_unlink(player->bench.store, keys, request->key_count, caller, err);
}

static cull_status ask_place(struct player *player, const struct rules_request *request,
                             const cull_caller *caller, cull_error *err)
{
    const cull_place place = { request->entity, request->project };
    cull_store *store = player->bench.store;

    return request->op == RULES_PROTECT
               ? cull_protect(store, &place, request->label, request->present, caller, err)
           : request->op == RULES_GRANT
               ? cull_role_grant(store, &place, request->user, request->role, caller, err)
               : cull_role_revoke(store, &place, request->user, caller, err);
}

static cull_status ask_ttl(struct player *player, const struct rules_request *request,
                           const cull_caller *caller, cull_error *err)
{
    const cull_ttl_policy policy = { request->seconds, request->members_may };
    cull_version_key keys[RULES_KEYS];

    keys_of(player, request, keys);
    return request->op == RULES_POLICY
               ? cull_ttl_set_policy(player->bench.store, request->entity, &policy, caller, err)
               : cull_ttl_set(player->bench.store, keys, request->key_count, request->seconds,
                              caller, err);
}

/* --- deletions ------------------------------------------------------------------------------------ */

static cull_status count_version(void *ctx, const cull_version_info *version)
{
    struct player *player = ctx;
    const struct rules_model *model = &player->model;

    for (size_t i = 0; i < model->version_count; i++) {
        if (model->collections[model->versions[i].collection].id == version->key.collection &&
            model->versions[i].ordinal == version->key.ordinal && player->verdict.version_goes[i]) {
            player->told++;
            return CULL_OK;
        }
    }
    break_off(player, "told of %s/%s/%s:v%u, which does not go", version->entity, version->project,
              version->collection, version->key.ordinal);
    return CULL_OK;
}

/* Rules 11 and 15: what goes with its source, and what keeps one. */
static cull_status count_link(void *ctx, const cull_link_info *link, bool kept)
{
    struct player *player = ctx;
    const struct rules_model *model = &player->model;

    for (size_t i = 0; i < model->link_count; i++) {
        const struct rules_link *at = &model->links[i];

        if (at->there && model->portfolios[at->portfolio].id == link->key.collection &&
            at->ordinal == link->key.ordinal) {
            if (kept ? !player->verdict.version_kept[at->version] &&
                           rules_link_protection(model, i) == NULL
                     : !player->verdict.link_lost[i]) {
                break;
            }
            player->told_kept += kept;
            player->told_lost += !kept;
            return CULL_OK;
        }
    }
    break_off(player, "told of %s/%s/%s:v%u (%s), which is no such link", link->entity,
              link->registry, link->portfolio, link->key.ordinal, kept ? "kept" : "goes");
    return CULL_OK;
}

static cull_status ask_delete(struct player *player, const struct rules_request *request,
                              const cull_caller *caller, cull_error *err)
{
    const cull_delete_options options = { .delete_aliases = request->delete_aliases,
                                          .dry_run = request->dry_run,
                                          .skip_protected = request->skip_protected,
                                          .link = count_link,
                                          .link_ctx = player,
                                          .report = &player->report };
    const cull_scope scope = { .kind = request->scope,
                               .entity = request->entity,
                               .project = request->project,
                               .collection = request->name,
                               .run = request->run };
    const cull_selection selection = { .entity = request->entity,
                                       .project = request->project,
                                       .collection = request->name,
                                       .run = request->run,
                                       .alias = request->label,
                                       .no_alias = request->no_alias };
    cull_version_key keys[RULES_KEYS];

    keys_of(player, request, keys);
    return request->op == RULES_DELETE
               ? cull_delete(player->bench.store, keys, request->key_count, &options, caller, err)
           : request->op == RULES_SELECTED
               ? cull_delete_selected(player->bench.store, &selection, &options, count_version,
                                      player, caller, err)
               : cull_delete_cascade(player->bench.store, &scope, request->with_artifacts, &options,
                                     count_version, player, caller, err);
}

static size_t count_rows(const bool rows[RULES_ROWS])
{
    size_t count = 0;

    for (size_t i = 0; i < RULES_ROWS; i++) {
        count += rows[i];
    }
    return count;
}

/* Of what is kept, how much need not be told: a link that keeps its source goes itself. */
static uint64_t kept_by_what_goes(const struct player *player)
{
    uint64_t count = 0;

    for (size_t i = 0; i < player->model.link_count; i++) {
        count += player->verdict.link_goes[i] &&
                 player->verdict.version_kept[player->model.links[i].version];
    }
    return count;
}

/* What was told and counted is what the rules take. */
static void check_report(struct player *player, const struct rules_request *request)
{
    const struct rules_verdict *verdict = &player->verdict;
    const cull_delete_report *report = &player->report;
    uint64_t versions = count_rows(verdict->version_goes);
    uint64_t links = count_rows(verdict->link_goes);
    uint64_t kept = count_rows(verdict->version_kept) + count_rows(verdict->registry_kept);

    if (report->versions != versions || report->links != links || report->skipped != kept) {
        break_off(player,
                  "reported %" PRIu64 " versions, %" PRIu64 " links, %" PRIu64
                  " skipped; by the rules %" PRIu64 ", %" PRIu64 ", %" PRIu64,
                  report->versions, report->links, report->skipped, versions, links, kept);
    }
    if ((request->op != RULES_DELETE && player->told != versions) || player->told_kept > kept ||
        player->told_kept + kept_by_what_goes(player) < kept ||
        player->told_lost != count_rows(verdict->link_lost)) {
        break_off(player,
                  "told of %" PRIu64 " versions, %" PRIu64 " links that go with their sources, "
                  "%" PRIu64 " that keep them; by the rules %" PRIu64 ", %zu, %" PRIu64,
                  player->told, player->told_lost, player->told_kept, versions,
                  count_rows(verdict->link_lost), kept);
    }
}

/* --- restoring, collecting, looking --------------------------------------------------------------- */

static cull_status ask_restore(struct player *player, const struct rules_request *request,
                               const cull_caller *caller, cull_error *err)
{
    cull_version_key keys[RULES_KEYS];
    cull_status status;

    keys_of(player, request, keys);
    status =
        cull_restore(player->bench.store, keys, request->key_count, request->label, caller, err);
    player->reached[REACHED_RESTORED] += status == CULL_OK;
    player->reached[REACHED_TAKEN] += status == CULL_E_EXISTS;
    if (status == CULL_OK && request->label != NULL) {
        size_t collection = rules_key_collection(&player->model, &request->keys[0]);

        player->reached[REACHED_RENAMED] += player->model.collections[collection].deleted;
    }
    return status;
}

static cull_status ask_cycle(struct player *player, const struct rules_request *request,
                             const cull_caller *caller, cull_error *err)
{
    const cull_gc_options options = { .now_ms = caller->now_ms,
                                      .verify_full = request->checkpoint,
                                      .allow_empty_store = true };
    cull_gc_result result = { 0 };
    cull_plan *plan = NULL;
    cull_status status = cull_gc_plan(&plan, player->bench.store, &options, err);

    if (status == CULL_OK) {
        status = cull_gc_execute(player->bench.store, plan, &options, caller, &result, err);
    }
    cull_plan_free(plan);
    if (status == CULL_OK && (result.versions_expired != player->verdict.expired ||
                              result.versions_purged != player->verdict.purged)) {
        break_off(player,
                  "the cycle expired %" PRIu64 " and purged %" PRIu64 ", by the rules %" PRIu64
                  " and %" PRIu64,
                  result.versions_expired, result.versions_purged, player->verdict.expired,
                  player->verdict.purged);
    }
    return status;
}

/* From the log, or from a checkpoint: uploads are taken up again. */
static cull_status ask_reopen(struct player *player, const struct rules_request *request,
                              const cull_caller *caller, cull_error *err)
{
    cull_status status = CULL_OK;

    if (request->checkpoint) {
        status = cull_store_maintain(player->bench.store, true, caller, err);
    }
    for (size_t i = 0; i < RULES_SLOTS; i++) {
        cull_upload_free(player->uploads[i]);
        player->uploads[i] = NULL;
    }
    cull_store_close(player->bench.store);
    open_handle(player);
    for (size_t i = 0; i < RULES_SLOTS && status == CULL_OK; i++) {
        struct rules_upload *upload = &player->model.uploads[i];

        upload->used = upload->open;
        if (upload->open) {
            status = cull_upload_attach(&player->uploads[i], player->bench.store, upload->id, err);
        }
    }
    player->reached[REACHED_REOPENED]++;
    return status;
}

static cull_status ask_find(struct player *player, const struct rules_request *request,
                            const cull_caller *caller, cull_error *err)
{
    const struct rules_key *key = &request->keys[0];
    const struct rules_request named = { .entity = key->entity,
                                         .project = key->project,
                                         .name = key->name };
    cull_name name = name_of(&named);
    cull_status status;

    (void)caller;
    if (request->key_count > 1) {
        (void)snprintf(name.version, sizeof name.version, "v%u", key->ordinal);
    } else if (request->label != NULL) {
        (void)snprintf(name.version, sizeof name.version, "%s", request->label);
    }
    status = cull_version_find(player->bench.store, &name, &player->found, err);
    if (status == CULL_OK && (player->found.collection != player->verdict.found.collection ||
                              player->found.ordinal != player->verdict.found.ordinal)) {
        break_off(player, "found %" PRIu64 " v%u, by the rules %" PRIu64 " v%u",
                  player->found.collection, player->found.ordinal, player->verdict.found.collection,
                  player->verdict.found.ordinal);
    }
    return status;
}

static cull_status ask_download(struct player *player, const struct rules_request *request,
                                const cull_caller *caller, cull_error *err)
{
    cull_version_key keys[RULES_KEYS];

    keys_of(player, request, keys);
    return cull_download_check(player->bench.store, &keys[0], caller, err);
}

static const ask_fn asks[RULES_OPS] = {
    [RULES_OPEN] = ask_open,          [RULES_COMMIT] = ask_commit,
    [RULES_ABORT] = ask_abort,        [RULES_ALIAS_SET] = ask_label,
    [RULES_ALIAS_REMOVE] = ask_label, [RULES_TAG] = ask_label,
    [RULES_LINK] = ask_link,          [RULES_UNLINK] = ask_unlink,
    [RULES_PROTECT] = ask_place,      [RULES_GRANT] = ask_place,
    [RULES_REVOKE] = ask_place,       [RULES_TTL] = ask_ttl,
    [RULES_POLICY] = ask_ttl,         [RULES_DELETE] = ask_delete,
    [RULES_SELECTED] = ask_delete,    [RULES_CASCADE] = ask_delete,
    [RULES_RESTORE] = ask_restore,    [RULES_CYCLE] = ask_cycle,
    [RULES_REOPEN] = ask_reopen,      [RULES_FIND] = ask_find,
    [RULES_DOWNLOAD] = ask_download,
};

/* --- the state ------------------------------------------------------------------------------------ */

static cull_status line_version(void *ctx, const cull_version_info *version)
{
    rules_line_version(ctx, version);
    return CULL_OK;
}

static cull_status line_link(void *ctx, const cull_link_info *link)
{
    rules_line_link(ctx, link);
    return CULL_OK;
}

static cull_status line_collection(void *ctx, const cull_collection_info *at)
{
    rules_put(ctx, "collection %s/%s/%s %d %010" PRIu64 " type=%s ordinals=%u %u+%u\n", at->entity,
              at->project, at->name, at->deleted, UINT64_C(9999999999) - at->id, at->type,
              at->ordinals, at->committed, at->in_trash);
    return CULL_OK;
}

static cull_status line_run(void *ctx, const cull_run_info *at)
{
    rules_put(ctx, "run %s/%s/%s logged=%u\n", at->entity, at->project, at->name, at->logged);
    return CULL_OK;
}

static cull_status line_portfolio(void *ctx, const cull_portfolio_info *at)
{
    rules_put(ctx, "portfolio %s/%s/%s %" PRIu64 " type=%s ordinals=%u links=%u\n", at->entity,
              at->registry, at->name, at->id, at->type, at->ordinals, at->links);
    return CULL_OK;
}

static cull_status line_protected(void *ctx, const cull_protected_info *at)
{
    rules_put(ctx, "protected %s/%s %s links=%" PRIu64 "\n", at->entity, at->registry, at->alias,
              at->links);
    return CULL_OK;
}

static cull_status line_role(void *ctx, const cull_role_info *at)
{
    rules_put(ctx, "role %s/%s %s %d\n", at->entity, at->registry, at->user, (int)at->role);
    return CULL_OK;
}

static void list_places(struct player *player, struct rules_text *out)
{
    cull_store *store = player->bench.store;

    for (size_t i = 0; i < 2; i++) {
        cull_ttl_policy policy;

        if (cull_ttl_get_policy(store, rules_entities[i], &policy, NULL) == CULL_OK) {
            rules_put(out, "entity %s ttl=%" PRId64 " members=%d\n", rules_entities[i],
                      policy.seconds, policy.members_may);
        }
    }
    for (size_t actor = 0; actor < 4; actor++) {
        for (size_t i = 0; i < 2; i++) {
            const cull_place place = { rules_entities[i], NULL };
            const cull_caller caller = caller_of(player, rules_actors[actor]);
            cull_role role = CULL_ROLE_NONE;

            ck_assert_int_eq(cull_role_of(store, &place, &caller, &role, NULL), CULL_OK);
            rules_put(out, "%s in %s: %d\n", rules_actors[actor], rules_entities[i], (int)role);
        }
    }
}

static cull_status list_all(struct player *player, struct rules_text *out, cull_error *err)
{
    const cull_selection all = { .states =
                                     1u << CULL_VERSION_COMMITTED | 1u << CULL_VERSION_DELETED };
    cull_store *store = player->bench.store;
    cull_status status;

    out->len = 0;
    list_places(player, out);
    status = cull_collections(store, NULL, NULL, true, line_collection, out, err);
    if (status == CULL_OK) {
        status = cull_select(store, &all, line_version, out, err);
    }
    if (status == CULL_OK) {
        status = cull_runs(store, NULL, NULL, line_run, out, err);
    }
    if (status == CULL_OK) {
        status = cull_portfolios(store, NULL, NULL, line_portfolio, out, err);
    }
    if (status == CULL_OK) {
        status = cull_links(store, NULL, NULL, NULL, line_link, out, err);
    }
    if (status == CULL_OK) {
        status = cull_protected(store, NULL, NULL, line_protected, out, err);
    }
    return status == CULL_OK ? cull_roles(store, NULL, line_role, out, err) : status;
}

/* Is a slot's upload open? */
struct seek {
    uint64_t id;
    bool found;
};

static cull_status seek_upload(void *ctx, const cull_upload_info *upload)
{
    struct seek *seek = ctx;

    seek->found = seek->found || upload->id == seek->id;
    return CULL_OK;
}

static void list_slots(struct player *player, struct rules_text *out)
{
    for (size_t i = 0; i < RULES_SLOTS; i++) {
        struct seek seek = { player->model.uploads[i].id, false };

        ck_assert_int_eq(cull_uploads(player->bench.store, seek_upload, &seek, NULL), CULL_OK);
        rules_put(out, "slot %zu: %d\n", i, seek.found);
    }
}

static void take_finding(void *ctx, const cull_finding *finding)
{
    if (finding->is_problem) {
        break_off(ctx, "fsck: %s", finding->message);
    }
}

/* At the end of a history: every structure keeps its own rules, and every held blob is there. */
static void check_store(struct player *player)
{
    const cull_fsck_options options = { .read_data = false };
    const cull_caller caller = caller_of(player, RULES_OWNER);
    cull_fsck_result result;
    cull_error err = { CULL_OK, "" };

    if (cull_fsck(player->bench.store, &options, &caller, take_finding, player, &result, &err) !=
        CULL_OK) {
        break_off(player, "fsck: %s", err.message);
    }
}

static void compare_state(struct player *player)
{
    static struct rules_text ours;
    static struct rules_text theirs;
    cull_error err = { CULL_OK, "" };
    const char *a = ours.at;
    const char *b = theirs.at;

    rules_print(&player->model, &ours);
    if (list_all(player, &theirs, &err) != CULL_OK) {
        break_off(player, "a listing fails: %s", err.message);
        return;
    }
    list_slots(player, &theirs);
    if (strcmp(a, b) == 0) {
        return;
    }
    while (true) { /* the first line that differs */
        size_t a_len = strcspn(a, "\n");
        size_t b_len = strcspn(b, "\n");

        if (a_len != b_len || strncmp(a, b, a_len) != 0) {
            break_off(player, "by the rules: %.*s\n  the library: %.*s", (int)a_len, a, (int)b_len,
                      b);
            return;
        }
        a += a_len + 1;
        b += b_len + 1;
    }
}

/* --- one request ---------------------------------------------------------------------------------- */

static bool reason_fits(const struct rules_reason *reason, const cull_error *err)
{
    if (reason->status != err->status) {
        return false;
    }
    for (unsigned i = 0; i < RULES_SAYS; i++) {
        if (strstr(err->message, reason->says[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static void note_refusal(struct player *player, const struct rules_request *request,
                         const struct rules_reason *reason)
{
    bool is_deletion = request->op == RULES_DELETE || request->op == RULES_SELECTED ||
                       request->op == RULES_CASCADE;

    player->reached[REACHED_ROLES] += strncmp(reason->says[0], "takes ", 6) == 0;
    player->reached[REACHED_ALIASES] +=
        is_deletion && strcmp(reason->says[2], "--delete-aliases") == 0;
    player->reached[REACHED_STRICT] += is_deletion && strcmp(reason->says[2], "strict") == 0;
    player->reached[REACHED_PROTECTED] +=
        is_deletion && player->verdict.only_kept && strcmp(reason->says[2], "strict") != 0;
}

static void note_done(struct player *player, const struct rules_request *request)
{
    const struct rules_verdict *verdict = &player->verdict;

    if (request->dry_run) {
        return;
    }
    player->reached[REACHED_SKIPPED] += count_rows(verdict->version_kept) > 0;
    player->reached[REACHED_KEPT_REGISTRIES] += count_rows(verdict->registry_kept);
    player->reached[REACHED_LOST] += count_rows(verdict->link_lost);
    player->reached[REACHED_UNLINKED] += request->op == RULES_UNLINK;
    player->reached[REACHED_DELETED] +=
        request->op != RULES_CYCLE && count_rows(verdict->version_goes) > 0;
    player->reached[REACHED_CASCADES] += count_rows(verdict->collection_goes);
    player->reached[REACHED_PORTFOLIOS] += count_rows(verdict->portfolio_goes);
    player->reached[REACHED_REGISTRIES] += count_rows(verdict->registry_goes);
    player->reached[REACHED_RUNS] += verdict->run_goes != RULES_NONE;
    player->reached[REACHED_EXPIRED] += verdict->expired;
    player->reached[REACHED_PURGED] += verdict->purged;
}

static cull_status learn_id(void *ctx, const cull_collection_info *collection)
{
    struct rules_collection *at = ctx;

    if (strcmp(collection->name, at->name) == 0) {
        at->id = collection->id;
    }
    return CULL_OK;
}

static void finish(struct player *player, const struct rules_request *request)
{
    if (!rules_apply(&player->model, request, &player->verdict, &player->learned)) {
        break_off(player, "answered version %" PRIu64 " v%u, %s, which the rules do not give",
                  player->learned.collection, player->learned.ordinal,
                  player->learned.is_new ? "new" : "not new");
    }
    if (request->op == RULES_OPEN) {
        struct rules_collection *in =
            &player->model.collections[player->model.uploads[request->slot].collection];

        if (cull_collections(player->bench.store, in->entity, in->project, false, learn_id, in,
                             NULL) != CULL_OK) {
            break_off(player, "a collection that was made cannot be listed");
        }
    }
}

static uint64_t seq_of(const struct player *player)
{
    uint64_t seq = 0;

    ck_assert_int_eq(cull_store_refresh(player->bench.store, &seq, NULL), CULL_OK);
    return seq;
}

static void judge_answer(struct player *player, const struct rules_request *request,
                         cull_status status, cull_error *err, uint64_t seq)
{
    const struct rules_verdict *verdict = &player->verdict;
    bool is_done = status == CULL_OK || status == CULL_E_PARTIAL;

    if (is_done && verdict->reason_count == 0 && status == verdict->done) {
        note_done(player, request);
        if (request->op >= RULES_DELETE && request->op <= RULES_CASCADE) {
            check_report(player, request);
        }
        finish(player, request);
        return;
    }
    for (size_t i = 0; i < verdict->reason_count && !is_done; i++) {
        if (err->status == status && reason_fits(&verdict->reasons[i], err)) {
            note_refusal(player, request, &verdict->reasons[i]);
            if (seq_of(player) != seq && request->op != RULES_COMMIT) {
                break_off(player, "refused (%s), and the log is longer", err->message);
            }
            return;
        }
    }
    break_off(
        player, "answered \"%s\" (%s), by the rules: %s %s|%s|%s%s", cull_strerror(status),
        is_done ? "" : err->message,
        cull_strerror(verdict->reason_count == 0 ? verdict->done : verdict->reasons[0].status),
        verdict->reasons[0].says[0], verdict->reasons[0].says[1], verdict->reasons[0].says[2],
        verdict->reason_count > 1 ? ", or others" : "");
}

static void play_one(struct player *player, const struct rules_request *request)
{
    const cull_caller caller = caller_of(player, request->actor);
    cull_error err = { CULL_OK, "" };
    cull_status status = CULL_OK;
    uint64_t seq = seq_of(player);

    if ((request->op == RULES_COMMIT || request->op == RULES_ABORT) &&
        !player->model.uploads[request->slot].used) {
        return;
    }
    memset(&player->report, 0, sizeof player->report);
    memset(&player->learned, 0, sizeof player->learned);
    player->told = player->told_kept = player->told_lost = 0;
    rules_judge(&player->model, request, &player->verdict);
    if (asks[request->op] != NULL) {
        status = asks[request->op](player, request, &caller, &err);
    }
    judge_answer(player, request, status, &err, seq);
}

/* --- histories ------------------------------------------------------------------------------------ */

/* Play a history, or, with a draw, make one up to so many requests; ends at what breaks. */
static void play(struct player *player, struct history *history, struct rules_draw *draw,
                 size_t steps)
{
    player_begin(player, history->grace_ms, history->strict_links);
    for (size_t i = 0; player->broken[0] == '\0' && i < (draw != NULL ? steps : history->count);
         i++) {
        if (draw != NULL) {
            rules_draw_next(draw, &player->model, &history->requests[i]);
            history->count = i + 1;
        }
        play_one(player, &history->requests[i]);
        if (player->broken[0] == '\0' &&
            (draw == NULL || i % COMPARE_EVERY == 0 || i + 1 == steps)) {
            compare_state(player);
        }
    }
    if (player->broken[0] == '\0') {
        check_store(player);
    }
    player_end(player);
}

/* Leave out runs of requests, long ones first, as long as something still breaks. */
static void shrink(struct history *history, struct player *player)
{
    struct history less;

    for (size_t size = history->count / 2; size > 0; size /= 2) {
        for (size_t at = 0; at + size <= history->count;) {
            less = *history;
            memmove(&less.requests[at], &less.requests[at + size],
                    (less.count - at - size) * sizeof less.requests[0]);
            less.count -= size;
            play(player, &less, NULL, 0);
            if (player->broken[0] != '\0') {
                *history = less;
            } else {
                at += size;
            }
        }
    }
    play(player, history, NULL, 0);
}

static void fail_with(struct history *history, struct player *player, uint64_t seed)
{
    static struct rules_text text;
    char first[sizeof player->broken];
    size_t steps = history->count;

    memcpy(first, player->broken, sizeof first);
    shrink(history, player);
    text.len = 0;
    for (size_t i = 0; i < history->count; i++) {
        rules_print_request(&history->requests[i], &text);
    }
    ck_abort_msg("seed %" PRIu64 ", step %zu: %s\nshrunk to %zu requests (grace %" PRIu64
                 " ms%s): %s\n%s",
                 seed, steps, first, history->count, history->grace_ms,
                 history->strict_links ? ", strict links" : "", player->broken, text.at);
}

/* heavy: kinds of requests (bits) that come more often; 0: as the seed has it. */
static void play_seeds(uint64_t first, size_t count, unsigned heavy, bool roles,
                       uint64_t reached[REACHED_COUNT])
{
    static struct history history;
    static struct player player;

    for (uint64_t seed = first; seed < first + count; seed++) {
        struct rules_draw draw;
        size_t steps;

        rules_draw_init(&draw, seed, &history.grace_ms, &history.strict_links);
        for (unsigned op = 0; op < RULES_OPS && heavy != 0; op++) {
            draw.weights[op] = (heavy >> op & 1) != 0 ? 40 : draw.weights[op];
        }
        draw.roles = draw.roles || roles;
        steps = 20 + (size_t)rules_number(&draw, RULES_REQUESTS_MAX - 20);
        play(&player, &history, &draw, steps);
        if (player.broken[0] != '\0') {
            fail_with(&history, &player, seed);
        }
        for (size_t what = 0; what < REACHED_COUNT; what++) {
            reached[what] += player.reached[what];
        }
    }
}

START_TEST(the_library_agrees_with_the_rules_after_every_request)
    {
        uint64_t reached[REACHED_COUNT] = { 0 };

        play_seeds(1 + (uint64_t)_i * SEEDS_EACH, SEEDS_EACH, 0, false, reached);
        for (size_t what = 0; what < REACHED_COUNT; what++) {
            ck_assert_msg(reached[what] > 0 || SEEDS_EACH < 500, "never reached: %s",
                          reached_names[what]);
        }
    }
END_TEST

/* --- some rules at a time ------------------------------------------------------------------------- */

#define FOCUS_SEEDS 60
#define OP(name) (1u << RULES_##name)

/* Histories in which some kinds of requests are frequent, and what each of a rule's cases is reached
 * by. */
static void focus(uint64_t first, unsigned heavy, bool roles, const enum reached *wanted,
                  size_t count)
{
    uint64_t reached[REACHED_COUNT] = { 0 };

    play_seeds(first, FOCUS_SEEDS, heavy, roles, reached);
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(reached[wanted[i]] > 0, "never reached: %s", reached_names[wanted[i]]);
    }
}

START_TEST(rule_9_no_history_deletes_an_alias_that_nobody_said_to_delete)
    {
        static const enum reached wanted[] = { REACHED_ALIASES, REACHED_DELETED };

        focus(100000, OP(DELETE) | OP(SELECTED) | OP(ALIAS_SET), false, wanted, ARRAY_LEN(wanted));
    }
END_TEST

START_TEST(rule_11_links_go_with_their_sources_in_every_history_and_strict_ones_keep_them)
    {
        static const enum reached wanted[] = { REACHED_LOST, REACHED_STRICT };

        focus(110000, OP(LINK) | OP(DELETE) | OP(CASCADE), false, wanted, ARRAY_LEN(wanted));
    }
END_TEST

START_TEST(rule_12_no_history_deletes_a_protected_version)
    {
        static const enum reached wanted[] = { REACHED_PROTECTED, REACHED_DELETED };

        focus(120000, OP(LINK) | OP(PROTECT) | OP(DELETE) | OP(SELECTED) | OP(CASCADE) | OP(CYCLE),
              false, wanted, ARRAY_LEN(wanted));
    }
END_TEST

START_TEST(rule_13_names_are_free_after_a_cascade_and_uploads_end)
    {
        static const enum reached wanted[] = { REACHED_CASCADES, REACHED_PORTFOLIOS,
                                               REACHED_REGISTRIES, REACHED_ENDED };

        focus(130000, OP(OPEN) | OP(COMMIT) | OP(LINK) | OP(CASCADE), false, wanted,
              ARRAY_LEN(wanted));
    }
END_TEST

START_TEST(rule_14_a_run_takes_what_it_logged)
    {
        static const enum reached wanted[] = { REACHED_RUNS, REACHED_DELETED };

        focus(140000, OP(OPEN) | OP(CASCADE) | OP(SELECTED), false, wanted, ARRAY_LEN(wanted));
    }
END_TEST

START_TEST(rule_15_a_cascade_changes_nothing_or_skips_what_is_protected)
    {
        static const enum reached wanted[] = { REACHED_SKIPPED, REACHED_PROTECTED };

        focus(150000, OP(LINK) | OP(PROTECT) | OP(CASCADE), false, wanted, ARRAY_LEN(wanted));
    }
END_TEST

START_TEST(rule_20_versions_expire_at_their_instant_in_every_history)
    {
        static const enum reached wanted[] = { REACHED_EXPIRED, REACHED_PURGED };

        focus(200000, OP(TTL) | OP(POLICY) | OP(CLOCK) | OP(CYCLE), false, wanted,
              ARRAY_LEN(wanted));
    }
END_TEST

START_TEST(rule_28_every_role_does_what_it_may_and_nothing_else)
    {
        static const enum reached wanted[] = { REACHED_ROLES, REACHED_LINKS, REACHED_UNLINKED };

        focus(280000, OP(GRANT) | OP(REVOKE) | OP(LINK) | OP(UNLINK) | OP(PROTECT), true, wanted,
              ARRAY_LEN(wanted));
    }
END_TEST

START_TEST(rule_32_what_comes_back_finds_its_links_and_the_free_names)
    {
        static const enum reached wanted[] = { REACHED_RESTORED, REACHED_RENAMED, REACHED_TAKEN,
                                               REACHED_LOST };

        focus(320000, OP(LINK) | OP(DELETE) | OP(CASCADE) | OP(RESTORE) | OP(CLOCK), false, wanted,
              ARRAY_LEN(wanted));
    }
END_TEST

Suite *rules_histories_suite(void)
{
    Suite *suite = suite_create("rules_histories");
    TCase *agree = tcase_create("agree");
    TCase *rules = tcase_create("rules");

    tcase_set_timeout(agree, 300);
    tcase_add_loop_test(agree, the_library_agrees_with_the_rules_after_every_request, 0, PARTS);
    suite_add_tcase(suite, agree);
    tcase_set_timeout(rules, 300);
    tcase_add_test(rules, rule_9_no_history_deletes_an_alias_that_nobody_said_to_delete);
    tcase_add_test(rules,
                   rule_11_links_go_with_their_sources_in_every_history_and_strict_ones_keep_them);
    tcase_add_test(rules, rule_12_no_history_deletes_a_protected_version);
    tcase_add_test(rules, rule_13_names_are_free_after_a_cascade_and_uploads_end);
    tcase_add_test(rules, rule_14_a_run_takes_what_it_logged);
    tcase_add_test(rules, rule_15_a_cascade_changes_nothing_or_skips_what_is_protected);
    tcase_add_test(rules, rule_20_versions_expire_at_their_instant_in_every_history);
    tcase_add_test(rules, rule_28_every_role_does_what_it_may_and_nothing_else);
    tcase_add_test(rules, rule_32_what_comes_back_finds_its_links_and_the_free_names);
    suite_add_tcase(suite, rules);
    return suite;
}
