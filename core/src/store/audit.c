/*
 * audit.c - facts as records of who changed what, and when.
 *
 * SHAPE     Batches come from the audit, oldest first, then from the log. Naming facts fill a table of
 *           ids; a record's name is looked up there, and in the catalog for what was named before the
 *           audit begins. A fact about several versions is one record for each.
 * INVARIANT Each fact is told once, in order, also when facts move from the log to the audit while we
 *           read: then we begin again and pass over what was told.
 * COST      O(facts); memory: names, 16 bytes for each version that was committed.
 * FAILURE   What does not decode is CULL_E_CORRUPT, as for everybody who reads the log.
 * WHY NOT   a table of records beside the log: it would be written twice, and could disagree.
 */
#include "cull/audit.h"

#include "store/store_internal.h"

#include "log/fact.h"

#include <stdio.h>

#define AUDIT_NAME_MAX (CULL__VERSION_NAME_MAX + 32)
#define AUDIT_DETAIL_MAX 512

/* Something that has an id, and what it was called; a collection's manifest digests by ordinal. */
struct named {
    uint64_t id;
    uint8_t *digests; /* 16 bytes each */
    size_t digest_capacity;
    uint32_t digest_count;
    UT_hash_handle hh;
    char text[];
};

struct audit {
    cull_store *store;
    const cull_audit_filter *filter;
    cull_audit_visit_fn visit;
    void *visit_ctx;
    struct named *names;
    uint64_t done; /* facts up to here were told */
    uint64_t time_ms;
    char actor[CULL_NAME_BYTES_MAX + 1];
    char detail[AUDIT_DETAIL_MAX];
};

/* --- names -------------------------------------------------------------------------------------- */

static struct named *find_named(const struct audit *audit, uint64_t id)
{
    struct named *named;

    HASH_FIND(hh, audit->names, &id, sizeof id, named);
    return named;
}

static void forget(struct audit *audit, uint64_t id)
{
    const struct cull__catalog *catalog = audit->store->catalog;
    struct named *named = find_named(audit, id);

    if (named != NULL) {
        HASH_DELETE(hh, audit->names, named);
        cull__free(catalog->allocator, named->digests);
        cull__free(catalog->allocator, named);
    }
}

/* Call an id so from now on; what is kept of it stays. */
static cull_status name_id(struct audit *audit, uint64_t id, const char *text)
{
    const struct cull__catalog *catalog = audit->store->catalog;
    struct named *old = find_named(audit, id);
    struct named *named = cull__alloc_zero(catalog->allocator, 1, sizeof *named + strlen(text) + 1);

    if (named == NULL) {
        return CULL_E_NOMEM;
    }
    named->id = id;
    memcpy(named->text, text, strlen(text) + 1);
    if (old != NULL) {
        named->digests = old->digests;
        named->digest_capacity = old->digest_capacity;
        named->digest_count = old->digest_count;
        old->digests = NULL;
        forget(audit, id);
    }
    HASH_ADD(hh, audit->names, id, sizeof named->id, named);
    if (!cull__hash_has(named, hh)) {
        cull__free(catalog->allocator, named->digests);
        cull__free(catalog->allocator, named);
        return CULL_E_NOMEM;
    }
    return CULL_OK;
}

/* What an id is called: as far as we have read, else today. */
static const char *name_of(const struct audit *audit, uint64_t id, char text[AUDIT_NAME_MAX])
{
    const struct cull__catalog *catalog = audit->store->catalog;
    const struct named *named = find_named(audit, id);
    const struct cull__collection *collection = cull__collection_by_id(catalog, id);
    const struct cull__project *project = cull__project_by_id(catalog, id);
    const struct cull__entity *entity = cull__entity_by_id(catalog, id);
    const struct cull__run *run = cull__run_by_id(catalog, id);
    const struct cull__portfolio *portfolio = cull__portfolio_by_id(catalog, id);

    if (named != NULL) {
        (void)snprintf(text, AUDIT_NAME_MAX, "%s", named->text);
    } else if (collection != NULL) {
        (void)snprintf(text, AUDIT_NAME_MAX, "%s/%s/%s", collection->project->entity->name,
                       collection->project->name, collection->name);
    } else if (project != NULL) {
        (void)snprintf(text, AUDIT_NAME_MAX, "%s/%s", project->entity->name, project->name);
    } else if (entity != NULL) {
        (void)snprintf(text, AUDIT_NAME_MAX, "%s", entity->name);
    } else if (run != NULL) {
        (void)snprintf(text, AUDIT_NAME_MAX, "%s/%s/%s", run->project->entity->name,
                       run->project->name, run->name);
    } else if (portfolio != NULL) {
        (void)snprintf(text, AUDIT_NAME_MAX, "%s/%s/%s", portfolio->registry->entity->name,
                       portfolio->registry->name, portfolio->name);
    } else {
        (void)snprintf(text, AUDIT_NAME_MAX, "id %llu", (unsigned long long)id);
    }
    return text;
}

/* A new thing of a name, in another. */
static cull_status name_new(struct audit *audit, const struct cull__fact *fact,
                            char name[AUDIT_NAME_MAX])
{
    size_t len = 0;

    if (fact->parent != 0) {
        len = strlen(name_of(audit, fact->parent, name));
        name[len++] = '/';
    }
    (void)snprintf(name + len, AUDIT_NAME_MAX - len, "%.*s", (int)fact->name_len, fact->name);
    return name_id(audit, fact->id, name);
}

/* --- digests ------------------------------------------------------------------------------------ */

static cull_status keep_digest(struct audit *audit, const struct cull__fact_commit *commit)
{
    struct named *named = find_named(audit, commit->collection);
    char name[AUDIT_NAME_MAX];
    void *digests;
    cull_status status = CULL_OK;

    if (named == NULL) { /* named before the audit begins */
        status = name_id(audit, commit->collection, name_of(audit, commit->collection, name));
        named = find_named(audit, commit->collection);
    }
    if (status != CULL_OK || named == NULL) {
        return CULL_E_NOMEM;
    }
    digests = named->digests;
    status = cull__reserve(audit->store->allocator, &digests, &named->digest_capacity,
                           (size_t)commit->ordinal + 1, 16);
    named->digests = digests;
    if (status == CULL_OK) {
        if (commit->ordinal > named->digest_count) {
            memset(named->digests + 16 * (size_t)named->digest_count, 0,
                   16 * (size_t)(commit->ordinal - named->digest_count));
        }
        memcpy(named->digests + 16 * (size_t)commit->ordinal, commit->manifest_digest, 16);
        named->digest_count = commit->ordinal + 1;
    }
    return status;
}

/* A version's; false: nobody knows any more. */
static bool digest_of(const struct audit *audit, uint64_t id, uint32_t ordinal, cull_digest *out)
{
    static const uint8_t none[16] = { 0 };
    const struct named *named = find_named(audit, id);
    const struct cull__collection *collection = cull__collection_by_id(audit->store->catalog, id);
    const struct cull__version *version =
        collection == NULL ? NULL : cull__version_at(collection, ordinal);

    memset(out, 0, sizeof *out);
    if (named != NULL && ordinal < named->digest_count &&
        memcmp(named->digests + 16 * (size_t)ordinal, none, sizeof none) != 0) {
        memcpy(out->bytes, named->digests + 16 * (size_t)ordinal, 16);
        return true;
    }
    if (version != NULL) {
        memcpy(out->bytes, version->manifest_digest, sizeof version->manifest_digest);
    }
    return version != NULL;
}

/* --- telling ------------------------------------------------------------------------------------ */

static bool name_is_in(const char *name, const char *of)
{
    size_t len = strlen(of);

    return strncmp(name, of, len) == 0 &&
           (name[len] == '\0' || name[len] == '/' || name[len] == ':');
}

static cull_status tell(const struct audit *audit, uint64_t seq, const char *action,
                        const char *name, const cull_digest *digest)
{
    const cull_audit_filter *filter = audit->filter;
    const cull_audit_record record = { seq,  audit->time_ms, audit->actor, action,
                                       name, audit->detail,  digest };

    if (seq <= audit->done || audit->time_ms < filter->since_ms ||
        (filter->actor != NULL && strcmp(filter->actor, audit->actor) != 0) ||
        (filter->name != NULL && !name_is_in(name, filter->name))) {
        return CULL_OK;
    }
    return audit->visit(audit->visit_ctx, &record);
}

static cull_status tell_version(const struct audit *audit, uint64_t seq, const char *action,
                                uint64_t collection, uint32_t ordinal)
{
    char name[AUDIT_NAME_MAX];
    size_t len = strlen(name_of(audit, collection, name));
    cull_digest digest;

    (void)snprintf(name + len, AUDIT_NAME_MAX - len, ":v%u", ordinal);
    return tell(audit, seq, action, name,
                digest_of(audit, collection, ordinal, &digest) ? &digest : NULL);
}

static void describe_ttl(struct audit *audit, uint64_t ttl_ms)
{
    if (ttl_ms == 0 || ttl_ms == CULL__TTL_OFF) {
        (void)snprintf(audit->detail, sizeof audit->detail, "%s", ttl_ms == 0 ? "inherit" : "off");
    } else {
        (void)snprintf(audit->detail, sizeof audit->detail, "%llu s",
                       (unsigned long long)(ttl_ms / 1000));
    }
}

static cull_status tell_versions(struct audit *audit, uint64_t seq, const struct cull__fact *fact)
{
    static const char *const reasons[] = { "", "user", "ttl", "cascade", "policy" };
    cull_status status = CULL_OK;

    if (fact->type == CULL__FACT_DELETE && fact->how < ARRAY_LEN(reasons)) {
        (void)snprintf(audit->detail, sizeof audit->detail, "%s", reasons[fact->how]);
    }
    if (fact->type == CULL__FACT_TTL) {
        describe_ttl(audit, fact->until_ms);
    }
    for (size_t i = 0; i < fact->number_count && status == CULL_OK; i++) {
        status = tell_version(audit, seq, cull__fact_type_name(fact->type), fact->parent,
                              fact->numbers[i]);
    }
    return status;
}

/* What has a name, and is made; or a collection that has another one from now on. */
static cull_status tell_named(struct audit *audit, uint64_t seq, const struct cull__fact *fact)
{
    char name[AUDIT_NAME_MAX];
    const char *action = fact->type == CULL__FACT_ENTITY       ? "create-entity"
                         : fact->type == CULL__FACT_PROJECT    ? "create-project"
                         : fact->type == CULL__FACT_COLLECTION ? "create-collection"
                         : fact->type == CULL__FACT_REGISTRY   ? "create-registry"
                         : fact->type == CULL__FACT_PORTFOLIO  ? "create-portfolio"
                                                               : "create-run";
    cull_status status;

    (void)snprintf(audit->detail, sizeof audit->detail, "%.*s", (int)fact->kind_len, fact->kind);
    status = name_new(audit, fact, name);
    return status == CULL_OK ? tell(audit, seq, action, name, NULL) : status;
}

static cull_status tell_revived(struct audit *audit, uint64_t seq, const struct cull__fact *fact)
{
    char name[AUDIT_NAME_MAX];
    char *slash = strrchr(name_of(audit, fact->id, name), '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - name) + 1;
    cull_status status;

    (void)snprintf(audit->detail, sizeof audit->detail, "%s", name);
    (void)snprintf(name + len, AUDIT_NAME_MAX - len, "%.*s", (int)fact->name_len, fact->name);
    status = name_id(audit, fact->id, name);
    return status == CULL_OK ? tell(audit, seq, "restore-collection", name, NULL) : status;
}

static cull_status tell_upload_end(struct audit *audit, uint64_t seq, const struct cull__fact *fact)
{
    const char *action = fact->how == CULL__END_ABORTED   ? "abort"
                         : fact->how == CULL__END_EXPIRED ? "expire"
                                                          : "commit-equal";
    char name[AUDIT_NAME_MAX];
    cull_status status = tell(audit, seq, action, name_of(audit, fact->id, name), NULL);

    forget(audit, fact->id);
    return status;
}

static cull_status tell_commit(struct audit *audit, uint64_t seq, const struct cull__fact *fact)
{
    cull_status status = keep_digest(audit, &fact->commit);

    forget(audit, fact->parent); /* the upload */
    return status == CULL_OK
               ? tell_version(audit, seq, "commit", fact->commit.collection, fact->commit.ordinal)
               : status;
}

/* An upload is called after its collection. */
static cull_status tell_open(struct audit *audit, uint64_t seq, const struct cull__fact *fact)
{
    char name[AUDIT_NAME_MAX];
    cull_status status = name_id(audit, fact->id, name_of(audit, fact->parent, name));

    return status == CULL_OK ? tell(audit, seq, "open", name, NULL) : status;
}

/* All others: by what they say, "role", "link", "policy", ... */
static cull_status tell_other(struct audit *audit, uint64_t seq, const struct cull__fact *fact)
{
    const char *action = cull__fact_type_name(fact->type);
    char name[AUDIT_NAME_MAX];

    (void)snprintf(audit->detail, sizeof audit->detail, "%.*s", (int)fact->name_len, fact->name);
    switch (fact->type) {
    case CULL__FACT_STORE:
        return tell(audit, seq, "init", "store", NULL);
    case CULL__FACT_LINK:
        (void)snprintf(audit->detail, sizeof audit->detail, "%s:v%u",
                       name_of(audit, fact->source, name), fact->source_ordinal);
        return tell_version(audit, seq, action, fact->parent, fact->ordinal);
    case CULL__FACT_ROLE:
        (void)snprintf(audit->detail, sizeof audit->detail, "%.*s: %s", (int)fact->name_len,
                       fact->name, cull_role_name((cull_role)fact->how));
        return tell(audit, seq, action, name_of(audit, fact->parent, name), NULL);
    case CULL__FACT_PROTECT:
        return tell(audit, seq, fact->how == 1 ? "protect" : "unprotect",
                    name_of(audit, fact->parent, name), NULL);
    case CULL__FACT_TTL_DEFAULT:
        describe_ttl(audit, fact->until_ms);
        return tell(audit, seq, action, name_of(audit, fact->parent, name), NULL);
    case CULL__FACT_ALIAS:
    case CULL__FACT_ARTIFACT_ID:
    case CULL__FACT_LINK_ALIAS:
        return tell_version(audit, seq, action, fact->parent, fact->ordinal);
    case CULL__FACT_TAG:
        return tell_version(audit, seq, fact->how == 1 ? "tag" : "tag-remove", fact->parent,
                            fact->ordinal);
    case CULL__FACT_CYCLE:
    case CULL__FACT_VERIFIED:
        (void)snprintf(name, sizeof name, "cycle %llu", (unsigned long long)fact->id);
        return tell(audit, seq, action, name, NULL);
    case CULL__FACT_CLAIM:
    case CULL__FACT_GONE:
    case CULL__FACT_RELEASE:
    case CULL__FACT_LOST:
    case CULL__FACT_ADOPT:
        (void)snprintf(audit->detail, sizeof audit->detail, "%zu blobs",
                       fact->type == CULL__FACT_ADOPT ? fact->blob_count : fact->number_count);
        (void)snprintf(name, sizeof name, fact->id == 0 ? "store" : "cycle %llu",
                       (unsigned long long)fact->id);
        return tell(audit, seq, action, name, NULL);
    case CULL__FACT_POLICY:
    case CULL__FACT_POLICY_REMOVE:
        return tell(audit, seq, action, "store", NULL);
    default:
        return tell(audit, seq, action,
                    fact->parent == 0 && fact->id == 0
                        ? "store"
                        : name_of(audit, fact->parent != 0 ? fact->parent : fact->id, name),
                    NULL);
    }
}

static cull_status tell_fact(struct audit *audit, uint64_t seq, const struct cull__fact *fact)
{
    audit->detail[0] = '\0';
    switch (fact->type) {
    case CULL__FACT_STAMP:
        audit->time_ms = fact->until_ms;
        (void)snprintf(audit->actor, sizeof audit->actor, "%.*s", (int)fact->name_len, fact->name);
        return CULL_OK;
    case CULL__FACT_ENTITY:
    case CULL__FACT_PROJECT:
    case CULL__FACT_COLLECTION:
    case CULL__FACT_RUN:
    case CULL__FACT_REGISTRY:
    case CULL__FACT_PORTFOLIO:
        return tell_named(audit, seq, fact);
    case CULL__FACT_COLLECTION_REVIVE:
        return tell_revived(audit, seq, fact);
    case CULL__FACT_UPLOAD_OPEN:
        return tell_open(audit, seq, fact);
    case CULL__FACT_UPLOAD_END:
        return tell_upload_end(audit, seq, fact);
    case CULL__FACT_COMMIT:
        return tell_commit(audit, seq, fact);
    case CULL__FACT_DELETE:
    case CULL__FACT_RESTORE:
    case CULL__FACT_PURGE:
    case CULL__FACT_UNLINK:
    case CULL__FACT_TTL:
        return tell_versions(audit, seq, fact);
    case CULL__FACT_PIN:
    case CULL__FACT_STORED:
    case CULL__FACT_UPLOAD_RENEW:
    case CULL__FACT_SIZES:
    case CULL__FACT_RESIZE:
        return CULL_OK; /* content moves, nobody's names change */
    default:
        return tell_other(audit, seq, fact);
    }
}

/* --- reading ------------------------------------------------------------------------------------ */

static cull_status visit_batch(void *ctx, uint64_t first_seq, uint32_t fact_count, uint64_t now_ms,
                               const void *data, size_t len, cull_error *err)
{
    struct audit *audit = ctx;
    struct cull__cursor cursor = cull__cursor(data, len);
    cull_status status = CULL_OK;

    (void)now_ms;
    for (uint32_t i = 0; i < fact_count && status == CULL_OK; i++) {
        struct cull__frame frame;
        struct cull__fact fact;

        status = cull__frame_next(&cursor, &frame, err);
        if (status == CULL_OK) {
            status = cull__fact_decode(&fact, &frame, audit->store->digest_len,
                                       &audit->store->scratch, err);
        }
        if (status == CULL_OK) {
            status = tell_fact(audit, first_seq + i, &fact);
            status = status == CULL_E_NOMEM ? cull__error_nomem(err) : status;
        }
    }
    if (status == CULL_OK && first_seq + fact_count - 1 > audit->done) {
        audit->done = first_seq + fact_count - 1;
    }
    return status;
}

/* The audit, then what is in the log; CULL_E_MOVED: it was cut in between. */
static cull_status read_all(struct audit *audit, cull_error *err)
{
    cull_log *log = audit->store->log;
    struct cull__log_stat stat;
    cull_status status = log->ops->audit_read(log, visit_batch, audit, err);

    if (status == CULL_OK) {
        status = log->ops->stat(log, &stat, err);
    }
    if (status == CULL_OK && stat.cut_seq > audit->done) {
        audit->done = stat.cut_seq; /* what was before is older than the audit */
    }
    return status == CULL_OK ? log->ops->read(log, stat.cut_seq, visit_batch, audit, err) : status;
}

cull_status cull_audit(cull_store *store, const cull_audit_filter *filter,
                       cull_audit_visit_fn visit, void *ctx, cull_error *err)
{
    struct audit audit = { .store = store, .filter = filter, .visit = visit, .visit_ctx = ctx };
    cull_status status = cull__store_enter(store, CULL__NEED_CATALOG, err);

    if (status != CULL_OK) {
        return status;
    }
    for (int turn = 0; turn < CULL__TURNS; turn++) {
        status = read_all(&audit, err);
        while (audit.names != NULL) {
            forget(&audit, audit.names->id);
        }
        if (status != CULL_E_MOVED) {
            break;
        }
    }
    if (status == CULL_E_MOVED) {
        status = cull__error_set(err, CULL_E_BUSY, "log: cut again and again; try again");
    }
    cull__store_leave(store);
    return status;
}
