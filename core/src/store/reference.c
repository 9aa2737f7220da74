/*
 * reference.c - from `wandb-artifact://ID/path` to the blob it means (rule 7).
 *
 * SHAPE     ID is the hex of what the server calls an artifact; the version that was given that id
 *           is looked up (catalog/artifact_id.c), and the path in its manifest. A reference found
 *           there is followed in turn, a few times: what is meant is a file in the end.
 * COST      O(1) for the version, O(log entries) for the path; a manifest is loaded once for all the
 *           references into it that follow one another.
 * FAILURE   Everything that is missing is CULL_E_NOTFOUND, and is said: the commit may be told to
 *           keep such a reference, which then keeps nothing alive.
 */
#include "store/reference.h"

#include "manifest/manifest_internal.h"

#define HOPS_MAX 8
#define ALLOWANCE "(--allow-unresolved-references keeps it as it stands)"

/* The COMMITTED version that a reference's id means. */
static const struct cull__version *find_version(const cull_store *store, const cull_entry *entry,
                                                const char *hex, size_t len,
                                                const struct cull__collection **collection,
                                                cull_error *err)
{
    char text[CULL_ARTIFACT_ID_MAX];
    char name[CULL__VERSION_NAME_MAX];
    char shown[CULL_PRINTABLE_MAX];
    const struct cull__artifact_id *id = NULL;
    const struct cull__version *version;

    (void)cull__printable(shown, entry->path, entry->path_len);
    if (cull__artifact_id_from_hex(text, hex, len)) {
        id = cull__artifact_id_find(store->catalog, text, strlen(text));
    }
    if (id == NULL) {
        (void)cull__error_set(err, CULL_E_NOTFOUND,
                              "%.150s: refers to artifact %s, which no version here is: import it "
                              "first, with --artifact-id " ALLOWANCE,
                              shown, text[0] == '\0' ? "of an impossible id" : text);
        return NULL;
    }
    *collection = id->collection;
    version = cull__artifact_id_version(id);
    if (version->state != CULL_VERSION_COMMITTED) {
        (void)cull__error_set(err, CULL_E_NOTFOUND,
                              "%.100s: refers to artifact %s, %.150s, which is deleted " ALLOWANCE,
                              shown, text, cull__version_name(name, *collection, version->ordinal));
        return NULL;
    }
    return version;
}

static cull_status load_target(struct cull__follower *follower,
                               const struct cull__collection *collection,
                               const struct cull__version *version, cull_error *err)
{
    if (follower->target != NULL && follower->target_id == version->id) {
        return CULL_OK;
    }
    cull__follower_release(follower);
    follower->target_id = version->id;
    return cull__version_manifest_locked(follower->store, collection, version, &follower->target,
                                         err);
}

/* One hop: the entry that a reference leads to, borrowed until the next. */
static cull_status follow_once(struct cull__follower *follower, const cull_entry *entry,
                               const char *ref, cull_entry *found, cull_error *err)
{
    const struct cull__collection *collection = NULL;
    const struct cull__version *version;
    char name[CULL__VERSION_NAME_MAX];
    char shown[CULL_PRINTABLE_MAX];
    char wanted[CULL_PRINTABLE_MAX];
    const char *hex;
    const char *path;
    size_t len;
    cull_status status;

    CULL_ASSERT(entry->kind == CULL_ENTRY_ARTIFACT);
    if (!cull__manifest_ref_split(ref, &hex, &len, &path)) {
        return cull__error_set(err, CULL_E_CORRUPT, "a reference that is none");
    }
    version = find_version(follower->store, entry, hex, len, &collection, err);
    if (version == NULL) {
        return CULL_E_NOTFOUND;
    }
    status = load_target(follower, collection, version, err);
    if (status != CULL_OK ||
        (cull_manifest_find(follower->target, path, found) && found->kind != CULL_ENTRY_REF)) {
        return status;
    }
    (void)cull__printable(shown, entry->path, entry->path_len);
    return cull__error_set(err, CULL_E_NOTFOUND,
                           "%.100s: refers to %.120s, which is no file of %.120s " ALLOWANCE, shown,
                           cull__printable(wanted, path, strlen(path)),
                           cull__version_name(name, collection, version->ordinal));
}

cull_status cull__reference_follow(struct cull__follower *follower, const cull_entry *entry,
                                   cull_blob_ref *out, cull_error *err)
{
    const cull_allocator *allocator = follower->store->allocator;
    char shown[CULL_PRINTABLE_MAX];
    char *ref = cull__strndup(allocator, entry->ref, strlen(entry->ref));
    cull_status status = ref == NULL ? cull__error_nomem(err) : CULL_OK;

    for (int hop = 0; status == CULL_OK; hop++) {
        cull_entry found;

        status =
            hop < HOPS_MAX
                ? follow_once(follower, entry, ref, &found, err)
                : cull__error_set(err, CULL_E_NOTFOUND,
                                  "%.150s: refers to a reference, and so on, over %d " ALLOWANCE,
                                  cull__printable(shown, entry->path, entry->path_len), HOPS_MAX);
        if (status == CULL_OK && found.kind == CULL_ENTRY_BLOB) {
            *out = (cull_blob_ref){ found.digest, found.size_bytes };
            break;
        }
        cull__free(allocator, ref);
        ref = status == CULL_OK ? cull__strndup(allocator, found.ref, strlen(found.ref)) : NULL;
        if (status == CULL_OK && ref == NULL) {
            status = cull__error_nomem(err);
        }
    }
    cull__free(allocator, ref);
    return status;
}

void cull__follower_release(struct cull__follower *follower)
{
    cull_manifest_free(follower->target);
    follower->target = NULL;
}
