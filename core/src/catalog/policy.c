/*
 * policy.c - retention policies: their form, where they are kept, and what they let go.
 *
 * SHAPE     A list by name: a store has a few. A policy is one block with its texts; the globs of its
 *           name are cut apart once.
 * INVARIANT The last word is keeping: a version goes if every policy that is for its collection lets
 *           it go, no rule forbids deleting it, and something is left of its collection afterwards,
 *           or all of them say that nothing need be. What expires in the same cycle is not left.
 * COST      Judging: O(versions x policies that are for the collection), without memory.
 * FAILURE   What a caller says is CULL_E_USAGE; what a log or a checkpoint says, CULL_E_CORRUPT.
 * WHY NOT   the most specific one alone: which that is of two globs is a matter of opinion, and the
 *           wrong opinion deletes.
 */
#include "catalog/catalog_internal.h"

#define POLICY_SAVED_MIN 7

/* --- form --------------------------------------------------------------------------------------- */

/* One part of a name: what a name may have, and what a glob has beside. */
static bool part_ok(const char *part, size_t len)
{
    if (len == 0 || len > CULL_NAME_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (strchr("*?[]!^\\_.-", part[i]) == NULL && !(part[i] >= 'a' && part[i] <= 'z') &&
            !(part[i] >= 'A' && part[i] <= 'Z') && !(part[i] >= '0' && part[i] <= '9')) {
            return false;
        }
    }
    return true;
}

/* Cut a terminated text at each '/', in place; the parts. SIZE_MAX: more than max. */
static size_t cut_parts(char *text, const char **parts, size_t max)
{
    size_t count = 0;

    for (char *at = text; at != NULL;) {
        char *end = strchr(at, '/');

        if (count == max) {
            return SIZE_MAX;
        }
        parts[count++] = at;
        if (end != NULL) {
            *end++ = '\0';
        }
        at = end;
    }
    return count;
}

static bool read_name(struct cull__policy *out, const struct cull__policy_row *row)
{
    char *parts = out->texts + row->name_len + 1;

    memcpy(out->texts, row->name, row->name_len);
    memcpy(parts, row->name, row->name_len);
    out->says.collections = out->texts;
    if (cut_parts(parts, out->parts, ARRAY_LEN(out->parts)) != ARRAY_LEN(out->parts)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(out->parts); i++) {
        if (!part_ok(out->parts[i], strlen(out->parts[i]))) {
            return false;
        }
    }
    return true;
}

static bool read_globs(struct cull__policy *out, const struct cull__policy_row *row)
{
    char *globs = out->texts + 2 * (row->name_len + 1);
    size_t count = 0;

    if (row->globs_len > 0) {
        memcpy(globs, row->globs, row->globs_len);
        count = cut_parts(globs, out->globs, ARRAY_LEN(out->globs));
    }
    if (count == SIZE_MAX) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!cull__text_ok(out->globs[i], strlen(out->globs[i]))) {
            return false;
        }
    }
    out->says.keep_alias_globs = out->globs;
    out->says.keep_alias_glob_count = count;
    return true;
}

bool cull__policy_read(struct cull__policy *out, const struct cull__policy_row *row)
{
    *out = (struct cull__policy){ .next = NULL };
    if (row->name_len > CULL_POLICY_NAME_MAX || row->globs_len > CULL_POLICY_GLOBS_BYTES ||
        memchr(row->name, '\0', row->name_len) != NULL ||
        memchr(row->globs, '\0', row->globs_len) != NULL || !read_name(out, row) ||
        !read_globs(out, row)) {
        return false;
    }
    out->says.keep_last = row->keep_last;
    out->says.keep_every = row->keep_every;
    out->says.keep_younger_ms = row->keep_younger_ms;
    out->says.ttl_ms = row->ttl_ms;
    out->says.allow_empty = row->allow_empty;
    return row->keep_last > 0 || row->keep_every > 0 || row->globs_len > 0 ||
           row->keep_younger_ms > 0 || row->ttl_ms > 0;
}

static cull_status refuse_form(const cull_policy *policy, const char *what, cull_error *err)
{
    char shown[CULL_PRINTABLE_MAX];

    return cull__error_set(err, CULL_E_USAGE, "policy %s: %s",
                           cull__printable(shown, policy->collections, strlen(policy->collections)),
                           what);
}

/* Globs of aliases, joined. NULL, or what is wrong. */
static const char *join_globs(const cull_policy *policy, char joined[CULL_POLICY_GLOBS_BYTES + 1],
                              size_t *used)
{
    *used = 0;
    if (policy->keep_alias_glob_count > CULL_POLICY_GLOBS_MAX) {
        return "at most 32 globs of aliases";
    }
    for (size_t i = 0; i < policy->keep_alias_glob_count; i++) {
        const char *glob = policy->keep_alias_globs[i];
        size_t len = strlen(glob);

        if (!cull__text_ok(glob, len) || memchr(glob, '/', len) != NULL) {
            return "a glob of aliases has no '/' and no control characters";
        }
        if (len + (i > 0) > CULL_POLICY_GLOBS_BYTES - *used) {
            return "the globs of aliases are over 255 bytes";
        }
        if (i > 0) {
            joined[(*used)++] = '/';
        }
        memcpy(joined + *used, glob, len);
        *used += len;
    }
    joined[*used] = '\0';
    return NULL;
}

cull_status cull__check_policy(const cull_policy *policy, struct cull__policy_row *out,
                               char joined[CULL_POLICY_GLOBS_BYTES + 1], cull_error *err)
{
    struct cull__policy read;
    size_t used = 0;
    const char *wrong = join_globs(policy, joined, &used);

    if (wrong != NULL) {
        return refuse_form(policy, wrong, err);
    }
    *out = (struct cull__policy_row){
        .name = policy->collections,
        .name_len = strlen(policy->collections),
        .globs = joined,
        .globs_len = used,
        .keep_last = policy->keep_last,
        .keep_every = policy->keep_every,
        .keep_younger_ms = policy->keep_younger_ms,
        .ttl_ms = policy->ttl_ms,
        .allow_empty = policy->allow_empty,
    };
    if (policy->keep_last == 0 && policy->keep_every == 0 && policy->keep_alias_glob_count == 0 &&
        policy->keep_younger_ms == 0 && policy->ttl_ms == 0) {
        return refuse_form(policy, "says neither what to keep nor a TTL", err);
    }
    if (!cull__policy_read(&read, out)) {
        return refuse_form(policy,
                           "is for entity/project/collection, each a name with *, ? or [...]", err);
    }
    return CULL_OK;
}

/* --- the list ----------------------------------------------------------------------------------- */

static int compare_name(const struct cull__policy *policy, const char *name, size_t len)
{
    int order = strncmp(policy->says.collections, name, len);

    return order != 0 ? order : policy->says.collections[len] != '\0';
}

/* Where the policy of a name stands, or would stand. */
static struct cull__policy **place_of(struct cull__policy **at, const char *name, size_t len)
{
    while (*at != NULL && compare_name(*at, name, len) < 0) {
        at = &(*at)->next;
    }
    return at;
}

struct cull__policy *cull__policy_find(const struct cull__catalog *catalog, const char *name,
                                       size_t len)
{
    struct cull__policy *list = catalog->policies;
    struct cull__policy *found = *place_of(&list, name, len);

    return found != NULL && compare_name(found, name, len) == 0 ? found : NULL;
}

cull_status cull__apply_policy(struct cull__catalog *catalog, const struct cull__policy_row *row)
{
    struct cull__policy **at = place_of(&catalog->policies, row->name, row->name_len);
    struct cull__policy *old =
        *at != NULL && compare_name(*at, row->name, row->name_len) == 0 ? *at : NULL;
    struct cull__policy *policy = cull__alloc(catalog->allocator, 1, sizeof *policy);

    if (policy == NULL) {
        return CULL_E_NOMEM;
    }
    if (!cull__policy_read(policy, row) ||
        (old == NULL && catalog->policy_count == CULL_POLICIES_MAX)) {
        cull__free(catalog->allocator, policy);
        return CULL_E_CORRUPT;
    }
    policy->next = old != NULL ? old->next : *at;
    *at = policy;
    catalog->policy_count += old == NULL;
    cull__free(catalog->allocator, old);
    return CULL_OK;
}

cull_status cull__apply_policy_remove(struct cull__catalog *catalog, const char *name, size_t len)
{
    struct cull__policy **at = place_of(&catalog->policies, name, len);
    struct cull__policy *policy = *at;

    if (policy == NULL || compare_name(policy, name, len) != 0) {
        return CULL_E_CORRUPT;
    }
    *at = policy->next;
    catalog->policy_count--;
    cull__free(catalog->allocator, policy);
    return CULL_OK;
}

void cull__policies_free(struct cull__catalog *catalog)
{
    while (catalog->policies != NULL) {
        struct cull__policy *next = catalog->policies->next;

        cull__free(catalog->allocator, catalog->policies);
        catalog->policies = next;
    }
    catalog->policy_count = 0;
}

uint64_t cull__policies_memory(const struct cull__catalog *catalog)
{
    return sizeof(struct cull__policy) * (uint64_t)catalog->policy_count;
}

/* A policy as its row; joined holds its globs. */
static struct cull__policy_row row_of(const struct cull__policy *policy,
                                      char joined[CULL_POLICY_GLOBS_BYTES + 1])
{
    struct cull__policy_row row;
    cull_status status = cull__check_policy(&policy->says, &row, joined, NULL);

    CULL_ASSERT(status == CULL_OK);
    return row;
}

const char *cull__policies_broken(const struct cull__catalog *catalog)
{
    size_t count = 0;

    for (const struct cull__policy *at = catalog->policies; at != NULL; at = at->next) {
        struct cull__policy_row row;
        char joined[CULL_POLICY_GLOBS_BYTES + 1];

        count++;
        if (cull__check_policy(&at->says, &row, joined, NULL) != CULL_OK) {
            return "a policy has not the form of one";
        }
        if (at->next != NULL && strcmp(at->says.collections, at->next->says.collections) >= 0) {
            return "policies are out of order";
        }
    }
    return count == catalog->policy_count && count <= CULL_POLICIES_MAX
               ? NULL
               : "policies are not counted right";
}

/* --- checkpoint --------------------------------------------------------------------------------- */

void cull__policies_save(const struct cull__catalog *catalog, struct cull__buf *out)
{
    cull__buf_varint(out, catalog->policy_count);
    for (const struct cull__policy *at = catalog->policies; at != NULL; at = at->next) {
        char joined[CULL_POLICY_GLOBS_BYTES + 1];
        const struct cull__policy_row row = row_of(at, joined);

        cull__buf_text(out, row.name, row.name_len);
        cull__buf_text(out, row.globs, row.globs_len);
        cull__buf_varint(out, row.keep_last);
        cull__buf_varint(out, row.keep_every);
        cull__buf_varint(out, row.keep_younger_ms);
        cull__buf_varint(out, row.ttl_ms);
        cull__buf_u8(out, row.allow_empty);
    }
}

cull_status cull__policies_load(struct cull__catalog *catalog, struct cull__cursor *in)
{
    size_t count = cull__cursor_count(in, POLICY_SAVED_MIN, CULL_POLICIES_MAX);
    struct cull__policy *last = NULL;
    cull_status status = count == 0 ? CULL_E_CORRUPT : CULL_OK; /* none is not written */

    for (size_t i = 0; i < count && status == CULL_OK; i++) {
        struct cull__policy_row row = { .name = NULL };
        uint8_t allow_empty;

        row.name = cull__cursor_text(in, &row.name_len, CULL_POLICY_NAME_MAX);
        row.globs = cull__cursor_text(in, &row.globs_len, CULL_POLICY_GLOBS_BYTES);
        row.keep_last = (uint32_t)cull__cursor_varint_max(in, UINT32_MAX);
        row.keep_every = (uint32_t)cull__cursor_varint_max(in, UINT32_MAX);
        row.keep_younger_ms = cull__cursor_varint(in);
        row.ttl_ms = cull__cursor_varint(in);
        allow_empty = cull__cursor_u8(in);
        row.allow_empty = allow_empty == 1;
        if (in->failed || allow_empty > 1 ||
            (last != NULL && compare_name(last, row.name, row.name_len) >= 0)) {
            return CULL_E_CORRUPT;
        }
        status = cull__apply_policy(catalog, &row);
        last = status == CULL_OK ? cull__policy_find(catalog, row.name, row.name_len) : NULL;
    }
    return status;
}

/* --- judging ------------------------------------------------------------------------------------ */

static bool is_for(const struct cull__policy *policy, const struct cull__collection *collection)
{
    return cull__glob_match(policy->parts[2], collection->name) &&
           cull__glob_match(policy->parts[1], collection->project->name) &&
           cull__glob_match(policy->parts[0], collection->project->entity->name);
}

void cull__policies_for(const struct cull__policy *list, const struct cull__policy *also,
                        const struct cull__collection *collection, struct cull__policy_set *out)
{
    out->count = 0;
    if (also != NULL && is_for(also, collection)) {
        out->at[out->count++] = also;
    }
    for (; list != NULL && out->count < CULL_POLICIES_MAX; list = list->next) {
        if ((also == NULL || strcmp(list->says.collections, also->says.collections) != 0) &&
            is_for(list, collection)) {
            out->at[out->count++] = list;
        }
    }
}

static bool has_kept_alias(const cull_policy *says, const struct cull__version *version)
{
    for (const struct cull__alias *alias = version->aliases; alias != NULL; alias = alias->next) {
        for (size_t i = 0; i < says->keep_alias_glob_count; i++) {
            if (cull__glob_match(says->keep_alias_globs[i], alias->name)) {
                return true;
            }
        }
    }
    return false;
}

static uint64_t age_ms(const struct cull__version *version, uint64_t now_ms)
{
    return now_ms > version->created_ms ? now_ms - version->created_ms : 0;
}

/* 0: the policy keeps it. position: COMMITTED versions after it. */
static unsigned judge_one(const struct cull__policy *policy,
                          const struct cull__collection *collection,
                          const struct cull__version *version, uint32_t position, uint64_t now_ms)
{
    const cull_policy *says = &policy->says;
    uint64_t age = age_ms(version, now_ms);

    if (says->ttl_ms > 0 && age >= says->ttl_ms && version->ttl_ms == 0 &&
        cull__type_takes_ttl(collection->type)) {
        return CULL_POLICY_TTL;
    }
    if (says->keep_last == 0 && says->keep_every == 0 && says->keep_alias_glob_count == 0 &&
        says->keep_younger_ms == 0) {
        return 0; /* a TTL alone */
    }
    return position < says->keep_last ||
                   (says->keep_every > 0 && version->ordinal % says->keep_every == 0) ||
                   (says->keep_younger_ms > 0 && age < says->keep_younger_ms) ||
                   has_kept_alias(says, version)
               ? 0
               : CULL_POLICY_LETS_GO;
}

static unsigned judge(const struct cull__catalog *catalog, const struct cull__policy_set *set,
                      const struct cull__collection *collection,
                      const struct cull__version *version, uint32_t position, uint64_t now_ms)
{
    unsigned verdict = 0;

    for (size_t i = 0; i < set->count; i++) {
        unsigned one = judge_one(set->at[i], collection, version, position, now_ms);

        if (one == 0) {
            return 0;
        }
        verdict = i == 0 ? one : verdict;
    }
    return cull__version_blocker(catalog, collection, version->ordinal) == NULL ? verdict : 0;
}

static bool may_be_emptied(const struct cull__policy_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (!set->at[i]->says.allow_empty) {
            return false;
        }
    }
    return true;
}

/* Is a version left that neither goes nor expires at that instant? */
static bool leaves_some(const struct cull__catalog *catalog, const struct cull__policy_set *set,
                        const struct cull__collection *collection, uint64_t now_ms)
{
    uint32_t position = 0;

    for (size_t i = collection->version_count; i > 0; i--) {
        const struct cull__version *version = &collection->versions[i - 1];
        uint64_t expires_ms = cull__expires_ms(collection, version);

        if (version->state != CULL_VERSION_COMMITTED) {
            continue;
        }
        if ((expires_ms == 0 || expires_ms > now_ms) &&
            judge(catalog, set, collection, version, position, now_ms) == 0) {
            return true;
        }
        position++;
    }
    return false;
}

cull_status cull__policies_judge(const struct cull__catalog *catalog,
                                 const struct cull__policy_set *set,
                                 const struct cull__collection *collection, uint64_t now_ms,
                                 cull__policy_judge_fn visit, void *ctx)
{
    bool refused;
    uint32_t position = collection->committed;
    cull_status status = CULL_OK;

    if (set->count == 0 || collection->committed == 0 || collection->deleted) {
        return CULL_OK;
    }
    refused = !may_be_emptied(set) && !leaves_some(catalog, set, collection, now_ms);
    for (size_t i = 0; i < collection->version_count && status == CULL_OK; i++) {
        const struct cull__version *version = &collection->versions[i];
        unsigned verdict;

        if (version->state != CULL_VERSION_COMMITTED) {
            continue;
        }
        verdict = judge(catalog, set, collection, version, --position, now_ms);
        if (verdict != 0) {
            status = visit(ctx, collection, version, set->at[0],
                           refused ? CULL_POLICY_REFUSED : (cull_policy_verdict)verdict);
        }
    }
    return status;
}
