/*
 * catalog_valid.c - the rules that a catalog's structure keeps, checked one by one.
 *
 * SHAPE     One function a kind of node, which answers NULL or the first broken rule. Every figure
 *           that is kept beside what it counts is counted again.
 * COST      O(everything); ids are compared through a bit set where they lie close, else sorted.
 * FAILURE   Without memory for that, "no memory to compare ids": nothing was found, but not all
 *           was looked at.
 */
#include "catalog/catalog_internal.h"

#include "base/bits.h"

#include <stdlib.h>

/* --- ids -------------------------------------------------------------------------------------- */

static size_t id_count(const struct cull__catalog *catalog)
{
    size_t count = (size_t)HASH_CNT(hh_id, catalog->entities_by_id) +
                   HASH_CNT(hh_id, catalog->projects) + HASH_CNT(hh_id, catalog->runs) +
                   HASH_CNT(hh_id, catalog->collections) + HASH_COUNT(catalog->uploads) +
                   HASH_CNT(hh_id, catalog->portfolios);

    for (const struct cull__portfolio *at = catalog->portfolios; at != NULL; at = at->hh_id.next) {
        count += HASH_COUNT(at->links);
    }

    for (const struct cull__collection *at = catalog->collections; at != NULL;
         at = at->hh_id.next) {
        count += at->version_count;
    }
    return count;
}

static void collect_ids(const struct cull__catalog *catalog, uint64_t *ids)
{
    for (const struct cull__entity *at = catalog->entities_by_id; at != NULL; at = at->hh_id.next) {
        *ids++ = at->id;
    }
    for (const struct cull__project *at = catalog->projects; at != NULL; at = at->hh_id.next) {
        *ids++ = at->id;
    }
    for (const struct cull__run *at = catalog->runs; at != NULL; at = at->hh_id.next) {
        *ids++ = at->id;
    }
    for (const struct cull__collection *at = catalog->collections; at != NULL;
         at = at->hh_id.next) {
        *ids++ = at->id;
        for (size_t i = 0; i < at->version_count; i++) {
            *ids++ = at->versions[i].id;
        }
    }
    for (const struct cull__upload *at = catalog->uploads; at != NULL; at = at->hh.next) {
        *ids++ = at->id;
    }
    for (const struct cull__portfolio *at = catalog->portfolios; at != NULL; at = at->hh_id.next) {
        *ids++ = at->id;
        for (const struct cull__link *link = at->links; link != NULL; link = link->hh.next) {
            *ids++ = link->id;
        }
    }
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

bool cull__ids_distinct(uint64_t *ids, size_t count)
{
    if (count > 1) {
        qsort(ids, count, sizeof *ids, compare_ids);
    }
    for (size_t i = 1; i < count; i++) {
        if (ids[i - 1] == ids[i]) {
            return false;
        }
    }
    return true;
}

cull_status cull__catalog_check_ids(const struct cull__catalog *catalog, bool *ok)
{
    size_t count = id_count(catalog);
    uint64_t *ids = cull__alloc(catalog->allocator, count, sizeof *ids);
    uint64_t *seen = NULL;
    /* a bit for each id ever given costs less than sorting, unless most are gone */
    bool close = catalog->next_id / 64 <= count;

    *ok = true;
    if (close) {
        seen =
            cull__alloc_zero(catalog->allocator, (size_t)(catalog->next_id / 64 + 1), sizeof *seen);
    }
    if (ids == NULL || (close && seen == NULL)) {
        cull__free(catalog->allocator, ids);
        cull__free(catalog->allocator, seen);
        return CULL_E_NOMEM;
    }
    collect_ids(catalog, ids);
    for (size_t i = 0; i < count && *ok; i++) {
        *ok = ids[i] > 0 && ids[i] < catalog->next_id;
        if (*ok && close) {
            *ok = !cull__bit_get(seen, (size_t)ids[i]);
            cull__bit_set(seen, (size_t)ids[i]);
        }
    }
    if (*ok && !close) {
        *ok = cull__ids_distinct(ids, count);
    }
    cull__free(catalog->allocator, ids);
    cull__free(catalog->allocator, seen);
    return CULL_OK;
}

/* --- nodes ------------------------------------------------------------------------------------ */

const char *cull__labels_broken(const struct cull__label *labels)
{
    for (const struct cull__label *at = labels; at != NULL; at = at->next) {
        if (!cull__label_ok(at->text, strlen(at->text))) {
            return "a label is not in form";
        }
        if (at->next != NULL && strcmp(at->text, at->next->text) >= 0) {
            return "labels do not ascend";
        }
    }
    return NULL;
}

static const char *version_aliases_broken(const struct cull__collection *collection,
                                          const struct cull__version *version)
{
    const struct cull__alias *before = NULL;
    uint32_t count = 0;

    for (const struct cull__alias *at = version->aliases; at != NULL; at = at->next) {
        if (at->prev != before || at->ordinal != version->ordinal ||
            cull__alias_find(collection, at->name) != at) {
            return "a version's list of aliases is broken";
        }
        before = at;
        count++;
    }
    return count == version->alias_count ? NULL : "a version miscounts its aliases";
}

static const char *version_broken(const struct cull__catalog *catalog,
                                  const struct cull__collection *collection,
                                  const struct cull__version *version)
{
    const char *why = cull__labels_broken(version->tags);

    if (why == NULL) {
        why = cull__labels_broken(version->lost_aliases);
    }
    if (why == NULL) {
        why = version_aliases_broken(collection, version);
    }
    if (why == NULL) {
        why = cull__artifact_ids_broken(catalog, collection, version);
    }
    if (why != NULL) {
        return why;
    }
    if (version->ordinal >= collection->next_ordinal) {
        return "an ordinal was not given yet";
    }
    if (version->created_ms > catalog->clock_ms || version->deleted_ms > catalog->clock_ms) {
        return "a version comes from the future";
    }
    if (version->run != NULL && (version->run->project != collection->project ||
                                 cull__run_by_id(catalog, version->run->id) != version->run)) {
        return "a version's run is of another project, or gone";
    }
    if (version->state == CULL_VERSION_COMMITTED) {
        return version->deleted_ms == 0 && version->kept_until_ms == 0 && version->reason == 0 &&
                       version->lost_aliases == NULL
                   ? NULL
                   : "a committed version has marks of a deletion";
    }
    if (version->state != CULL_VERSION_DELETED) {
        return "a version is neither committed nor deleted";
    }
    if (version->alias_count > 0) {
        return "a deleted version has aliases";
    }
    return version->deleted_ms >= version->created_ms &&
                   version->kept_until_ms >= version->deleted_ms &&
                   version->reason >= CULL_REASON_USER && version->reason <= CULL_REASON_POLICY
               ? NULL
               : "a deleted version's times or reason do not fit";
}

static const char *aliases_broken(const struct cull__collection *collection)
{
    uint64_t held = 0;

    for (const struct cull__alias *at = collection->aliases; at != NULL; at = at->hh.next) {
        if (!cull__label_ok(at->name, strlen(at->name))) {
            return "an alias is not in form";
        }
        if (cull__version_at(collection, at->ordinal) == NULL) {
            return "an alias names no version";
        }
    }
    for (size_t i = 0; i < collection->version_count; i++) {
        held += collection->versions[i].alias_count;
    }
    return held == HASH_COUNT(collection->aliases) ? NULL : "an alias is not in its version's list";
}

static const char *versions_broken(const struct cull__catalog *catalog,
                                   const struct cull__collection *collection)
{
    uint32_t committed = 0;

    for (size_t i = 0; i < collection->version_count; i++) {
        const struct cull__version *version = &collection->versions[i];
        const char *why = version_broken(catalog, collection, version);

        if (why != NULL) {
            return why;
        }
        if (i > 0 && (version[-1].ordinal >= version->ordinal || version[-1].id >= version->id ||
                      version[-1].created_ms > version->created_ms)) {
            return "ordinals, ids or times of versions do not ascend";
        }
        if (cull__version_at(collection, version->ordinal) != version) {
            return "a version is not found by its ordinal";
        }
        committed += version->state == CULL_VERSION_COMMITTED;
    }
    if (collection->committed != committed ||
        collection->version_count - committed != collection->in_trash) {
        return "a collection miscounts its versions";
    }
    return NULL;
}

static const char *collection_broken(const struct cull__catalog *catalog,
                                     const struct cull__collection *collection)
{
    const char *why = NULL;

    if (!cull__name_ok(collection->name, strlen(collection->name)) ||
        !cull__text_ok(collection->type, strlen(collection->type)) ||
        collection->id > CULL__COLLECTION_ID_MAX ||
        collection->next_ordinal > CULL__NEXT_ORDINAL_MAX ||
        collection->version_count > collection->version_capacity) {
        return "a collection's name, type, id or size does not fit";
    }
    if (cull__collection_by_id(catalog, collection->id) != collection ||
        (cull__collection_find(collection->project, collection->name) == collection) ==
            collection->deleted) {
        return "a collection is found although it is deleted, or not although it lives";
    }
    if (collection->deleted && (collection->committed > 0 ||
                                (collection->version_count == 0 && collection->uploads == 0))) {
        return "a deleted collection has committed versions, or nothing at all";
    }
    why = versions_broken(catalog, collection);
    if (why == NULL) {
        why = aliases_broken(collection);
    }
    if (why == NULL) {
        why = cull__pending_broken(catalog, collection);
    }
    return why != NULL ? why : cull__equal_broken(catalog, collection);
}

static const char *all_roles_broken(const struct cull__catalog *catalog)
{
    const char *why = NULL;
    uint64_t count = 0;

    for (const struct cull__entity *at = catalog->entities; at != NULL && why == NULL;
         at = at->hh.next) {
        why = cull__roles_broken(at->roles, &count);
    }
    for (const struct cull__project *at = catalog->projects; at != NULL && why == NULL;
         at = at->hh_id.next) {
        why = at->registry == NULL ? NULL : cull__roles_broken(at->registry->roles, &count);
    }
    if (why != NULL) {
        return why;
    }
    if (count > 0 && catalog->owner == NULL) {
        return "roles were given in a store that has no owner";
    }
    return count == catalog->role_count ? NULL : "the roles are miscounted";
}

static const char *names_broken(const struct cull__catalog *catalog)
{
    for (const struct cull__entity *at = catalog->entities; at != NULL; at = at->hh.next) {
        if (!cull__name_ok(at->name, strlen(at->name)) ||
            cull__entity_find(catalog, at->name) != at ||
            cull__entity_by_id(catalog, at->id) != at) {
            return "an entity is not found, or its name is not in form";
        }
    }
    for (const struct cull__project *at = catalog->projects; at != NULL; at = at->hh_id.next) {
        if (!cull__name_ok(at->name, strlen(at->name)) ||
            cull__project_find(at->entity, at->name) != at ||
            cull__project_by_id(catalog, at->id) != at) {
            return "a project is not found, or its name is not in form";
        }
    }
    for (const struct cull__run *at = catalog->runs; at != NULL; at = at->hh_id.next) {
        if (!cull__text_ok(at->name, strlen(at->name)) ||
            (cull__run_find(at->project, at->name) == at) == at->deleted ||
            cull__run_by_id(catalog, at->id) != at) {
            return "a run is found although it is deleted, or not although it is there";
        }
        if (at->created_ms > catalog->clock_ms) {
            return "a run comes from the future";
        }
        if (at->deleted && at->logged == 0 && at->uploads == 0) {
            return "a deleted run has nothing left";
        }
    }
    return NULL;
}

static const char *uploads_broken(const struct cull__catalog *catalog)
{
    for (const struct cull__upload *at = catalog->uploads; at != NULL; at = at->hh.next) {
        if (cull__upload_by_id(catalog, at->id) != at ||
            cull__collection_by_id(catalog, at->collection->id) != at->collection) {
            return "an upload is not found, or its collection is gone";
        }
        if (at->run != NULL && (cull__run_by_id(catalog, at->run->id) != at->run ||
                                at->run->project != at->collection->project)) {
            return "an upload's run is of another project, or gone";
        }
        if (at->base != CULL__NO_ORDINAL && cull__version_at(at->collection, at->base) == NULL) {
            return "an upload's base is gone";
        }
        if (at->opened_ms > catalog->clock_ms || at->lease_until_ms < at->opened_ms) {
            return "an upload's times do not fit";
        }
    }
    return NULL;
}

/* --- figures that are kept beside what they count ---------------------------------------------- */

static uint32_t uploads_to_run(const struct cull__catalog *catalog, const struct cull__run *run)
{
    uint32_t count = 0;

    for (const struct cull__upload *at = catalog->uploads; at != NULL; at = at->hh.next) {
        count += at->run == run;
    }
    return count;
}

static uint32_t uploads_into(const struct cull__catalog *catalog,
                             const struct cull__collection *collection)
{
    uint32_t count = 0;

    for (const struct cull__upload *at = catalog->uploads; at != NULL; at = at->hh.next) {
        count += at->collection == collection;
    }
    return count;
}

static uint32_t uploads_on(const struct cull__catalog *catalog,
                           const struct cull__collection *collection, uint32_t base)
{
    uint32_t count = 0;

    for (const struct cull__upload *at = catalog->uploads; at != NULL; at = at->hh.next) {
        count += at->collection == collection && at->base == base;
    }
    return count;
}

/* Figures that are not zero are right, and none that is zero is missed, because the sums agree:
 * open uploads are looked at once for each of them, not once for each node. */
static const char *upload_counts_broken(const struct cull__catalog *catalog)
{
    uint64_t to_runs = 0;
    uint64_t into = 0;
    uint64_t on = 0;

    for (const struct cull__run *at = catalog->runs; at != NULL; at = at->hh_id.next) {
        if (at->uploads > 0 && at->uploads != uploads_to_run(catalog, at)) {
            return "a run miscounts the uploads that log to it";
        }
        to_runs += at->uploads;
    }
    for (const struct cull__collection *at = catalog->collections; at != NULL;
         at = at->hh_id.next) {
        if (at->uploads > 0 && at->uploads != uploads_into(catalog, at)) {
            return "a collection miscounts its uploads";
        }
        into += at->uploads;
        for (size_t i = 0; i < at->version_count; i++) {
            const struct cull__version *version = &at->versions[i];

            if (version->base_pins > 0 &&
                version->base_pins != uploads_on(catalog, at, version->ordinal)) {
                return "a version miscounts the uploads that build on it";
            }
            on += version->base_pins;
        }
    }
    for (const struct cull__upload *at = catalog->uploads; at != NULL; at = at->hh.next) {
        to_runs -= at->run != NULL;
        into--;
        on -= at->base != CULL__NO_ORDINAL;
    }
    return to_runs == 0 && into == 0 && on == 0 ? NULL : "an open upload is not counted";
}

/* Runs of all versions, sorted, beside the runs, which ascend. */
static const char *logged_broken(const struct cull__catalog *catalog)
{
    size_t count = 0;
    size_t at = 0;
    uint64_t *ids = cull__alloc(catalog->allocator, id_count(catalog), sizeof *ids);
    const char *why = NULL;

    if (ids == NULL) {
        return CULL__VALID_NO_MEMORY;
    }
    for (const struct cull__collection *in = catalog->collections; in != NULL;
         in = in->hh_id.next) {
        for (size_t i = 0; i < in->version_count; i++) {
            if (in->versions[i].run != NULL) {
                ids[count++] = in->versions[i].run->id;
            }
        }
    }
    qsort(ids, count, sizeof *ids, compare_ids);
    for (const struct cull__run *run = catalog->runs; run != NULL; run = run->hh_id.next) {
        size_t first = at;

        while (at < count && ids[at] == run->id) {
            at++;
        }
        if (at - first != run->logged) {
            why = "a run miscounts the versions that it logged";
        }
    }
    cull__free(catalog->allocator, ids);
    return why;
}

/* What is in the table is in its version's list too: the numbers agree. */
static const char *artifact_ids_lost(const struct cull__catalog *catalog)
{
    size_t count = 0;

    for (const struct cull__collection *at = catalog->collections; at != NULL;
         at = at->hh_id.next) {
        for (size_t i = 0; i < at->version_count; i++) {
            const struct cull__artifact_id *id = at->versions[i].artifact_ids;

            for (; id != NULL; id = id->next) {
                count++;
            }
        }
    }
    return count == HASH_COUNT(catalog->artifact_ids) ? NULL
                                                      : "an artifact's id is in no version's list";
}

bool cull__catalog_valid(const struct cull__catalog *catalog, const char **why)
{
    bool unique = true;

    CULL_ASSERT(catalog->sealed == NULL);
    *why = names_broken(catalog);
    if (*why == NULL) {
        *why = all_roles_broken(catalog);
    }
    for (const struct cull__collection *at = catalog->collections; at != NULL && *why == NULL;
         at = at->hh_id.next) {
        *why = collection_broken(catalog, at);
    }
    if (*why == NULL) {
        *why = uploads_broken(catalog);
    }
    if (*why == NULL) {
        *why = upload_counts_broken(catalog);
    }
    if (*why == NULL) {
        *why = logged_broken(catalog);
    }
    if (*why == NULL) {
        *why = artifact_ids_lost(catalog);
    }
    if (*why == NULL) {
        *why = cull__links_broken(catalog);
    }
    if (*why == NULL) {
        *why = cull__policies_broken(catalog);
    }
    if (*why == NULL && catalog->verified > catalog->cycles) {
        *why = "a cycle was verified before it began";
    }
    if (*why == NULL && cull__catalog_check_ids(catalog, &unique) != CULL_OK) {
        *why = CULL__VALID_NO_MEMORY;
    }
    if (*why == NULL && !unique) {
        *why = "an id is there twice, or was not given yet";
    }
    return *why == NULL;
}
