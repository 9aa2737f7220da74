/**
 * @file cull/store.h
 * The store's handle: uploads, names, deleting and restoring, reading back, usage, checking.
 * Garbage collection is in cull/gc.h.
 *
 * A store is a log (cull/log.h) and an object store (cull/objects.h). Several handles, in several
 * threads and processes, may work on one store at once: the log is the one total order. A change
 * is checked against the state at the log's end, appended there, and only then acknowledged; if
 * the log moved in between, the call checks again, and after eight turns answers CULL_E_BUSY.
 *
 * Threads: every function may be called from any thread; calls on one handle take turns, but for
 * the transfer of objects' bytes, which runs beside them.
 * Errors: besides what each function names, every call may return CULL_E_NOMEM (nothing changed),
 * CULL_E_IO, CULL_E_NOSPACE, CULL_E_BUSY, CULL_E_TOO_NEW, and CULL_E_CORRUPT, after which the
 * handle only answers CULL_E_CORRUPT.
 */
#ifndef CULL_STORE_H
#define CULL_STORE_H

#include "cull/digest.h"
#include "cull/log.h"
#include "cull/manifest.h"
#include "cull/objects.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cull_store cull_store;

/* --- the store ---------------------------------------------------------------------------- */

/** Fixed when a store is made. Zero means the default. */
typedef struct cull_store_settings {
    cull_digest_kind digest;        /**< SHA-256 */
    bool index_only;                /**< keeps no objects: nothing is moved or deleted */
    bool grace_is_zero;             /**< a grace of 0 ms, which grace_ms = 0 cannot say */
    uint64_t grace_ms;              /**< how long a soft-delete can be restored; 7 days */
    uint64_t lease_ms;              /**< of an upload, renewed at a third; 1 hour */
    uint64_t seed;                  /**< random, from the caller: places digests in tables */
    cull_late_deletes late_deletes; /**< the object store's answer when the store was made */
    bool strict_links;              /**< any link keeps its source from being deleted */
    char hosting[32];               /**< "local"; one of cull_hostings() (cull/gc.h) */
    uint64_t created_ms;            /**< out only */
} cull_store_settings;

/**
 * Make a store: the first facts of an empty log.
 * @retval CULL_E_EXISTS  the log holds a store
 * @retval CULL_E_INVALID unknown digest or hosting, grace over 100 years, lease under 1 s or over 1 year
 */
CULL_API CULL_MUST_USE cull_status cull_store_create(cull_log *log,
                                                     const cull_store_settings *settings,
                                                     const cull_caller *caller, cull_error *err);

typedef struct cull_store_options {
    cull_log *log;         /**< borrowed; must outlive the handle */
    cull_objects *objects; /**< borrowed; NULL for an index-only store, or to read names only */
    const cull_allocator *allocator; /**< NULL: default */
    const cull_scratch *scratch; /**< borrowed; where manifests go that are too large for memory:
                                      see cull_manifest_new_in(). NULL: they stay in memory */
} cull_store_options;

/**
 * Open a store. Reads the settings only; rooms of state are loaded by the first call that needs
 * them: a soft-delete loads no lifespans, a cycle builds no digest table.
 * @retval CULL_E_NOTFOUND the log is empty
 */
CULL_API CULL_MUST_USE cull_status cull_store_open(cull_store **out,
                                                   const cull_store_options *options,
                                                   cull_error *err);

/** Free the handle; NULL is accepted. Changes nothing: what was acknowledged is durable. */
CULL_API void cull_store_close(cull_store *store);

CULL_API void cull_store_get_settings(const cull_store *store, cull_store_settings *out);

/** The log's seq as this handle knows it; reads the tail first. */
CULL_API CULL_MUST_USE cull_status cull_store_refresh(cull_store *store, uint64_t *seq,
                                                      cull_error *err);

/**
 * Write the checkpoints that are due (a room's tail is over 16 MiB or over a quarter of its
 * checkpoint) and cut the log below the oldest kept, if no other process is doing so. Call it
 * after the answer is given. force: write all loaded rooms.
 */
CULL_API CULL_MUST_USE cull_status cull_store_maintain(cull_store *store, bool force,
                                                       const cull_caller *caller, cull_error *err);

/* --- names -------------------------------------------------------------------------------- */

#define CULL_NAME_BYTES_MAX 128

/** A name taken apart: `entity/project/collection` and, where given, `:vN` or `:alias`. */
typedef struct cull_name {
    char entity[CULL_NAME_BYTES_MAX + 1];
    char project[CULL_NAME_BYTES_MAX + 1];
    char collection[CULL_NAME_BYTES_MAX + 1];
    char version[CULL_NAME_BYTES_MAX + 1]; /**< "" if none was given */
} cull_name;

/**
 * Take a name apart; missing leading parts come from the defaults (NULL: none).
 * @retval CULL_E_USAGE a part is missing, too long, or has characters other than
 *                      [A-Za-z0-9_.-] (a version: `/`, `:` or control characters)
 */
CULL_API CULL_MUST_USE cull_status cull_name_parse(cull_name *out, const char *text,
                                                   const char *entity, const char *project,
                                                   cull_error *err);

/**
 * May this text be an alias or a tag? what: "alias" or "tag", for the message. To ask before an
 * upload begins; committing asks too.
 * @retval CULL_E_USAGE it is empty, over 128 bytes, not UTF-8, has `/`, `:` or control characters,
 *                      or is the form of a version's number
 */
CULL_API CULL_MUST_USE cull_status cull_label_check(const char *what, const char *label,
                                                    cull_error *err);

/** Of an artifact's id on the server that it comes from: its bytes, and their base64 with the NUL. */
#define CULL_ARTIFACT_ID_BYTES_MAX 128
#define CULL_ARTIFACT_ID_MAX 173

/**
 * An artifact's id in the one form that is kept and shown, base64, as Weights & Biases' API says it
 * (QXJ0aWZhY3Q6MTIz), from any of the forms in which it is met: that; what it stands for
 * (Artifact:123); or that in hex (41727469666163743a313233), as references have it.
 * @retval CULL_E_USAGE it is none of these, or over CULL_ARTIFACT_ID_BYTES_MAX bytes
 */
CULL_API CULL_MUST_USE cull_status cull_artifact_id_parse(char out[CULL_ARTIFACT_ID_MAX],
                                                          const char *text, cull_error *err);

/** A version without its names: stable, never reused. */
typedef struct cull_version_key {
    uint64_t collection; /**< id */
    uint32_t ordinal;
} cull_version_key;

typedef enum cull_version_state {
    CULL_VERSION_COMMITTED = 1,
    CULL_VERSION_DELETED = 2, /**< soft: can be restored, at least until kept_until_ms */
    CULL_VERSION_PURGED = 3   /**< given up for good; its ordinal stays taken */
} cull_version_state;

typedef enum cull_delete_reason {
    CULL_REASON_NONE = 0,
    CULL_REASON_USER = 1,
    CULL_REASON_TTL = 2,
    CULL_REASON_CASCADE = 3, /**< with its collection, project, entity or run */
    CULL_REASON_POLICY = 4   /**< let go by the store's policies: cull/policy.h */
} cull_delete_reason;

/** One version as listings show it. Strings and arrays are borrowed for the visit only. */
typedef struct cull_version_info {
    cull_version_key key;
    uint64_t id;
    cull_version_state state;
    const char *entity;
    const char *project;
    const char *collection;
    const char *type;
    bool collection_deleted; /**< the name is free for a new collection */
    const char *run;         /**< that logged it; "" if none */
    const char *creator;
    const char *const *aliases; /**< sorted; vN is not among them */
    size_t alias_count;
    const char *const *tags; /**< sorted */
    size_t tag_count;
    cull_digest manifest_digest; /**< 16 bytes */
    uint64_t entries;
    uint64_t blobs;      /**< distinct */
    uint64_t size_bytes; /**< of all entries, references with them */
    bool size_exact;
    uint64_t created_ms;
    uint64_t deleted_ms;    /**< DELETED */
    uint64_t kept_until_ms; /**< DELETED: restorable at least until then */
    cull_delete_reason reason;
    uint64_t expires_ms;             /**< by TTL; 0: never */
    uint64_t ttl_ms;                 /**< of its own; 0: inherits; UINT64_MAX: it never expires */
    bool pinned;                     /**< the base of an open upload: not purged before it ends */
    const char *const *artifact_ids; /**< on the server it comes from, base64; sorted */
    size_t artifact_id_count;
} cull_version_info;

typedef cull_status (*cull_version_visit_fn)(void *ctx, const cull_version_info *version);

/**
 * Find one version: by `vN` or alias; "" means `latest`. Deleted and purged versions are found by
 * `vN`; a deleted collection is found if no live one has its name (the newest such).
 * @retval CULL_E_NOTFOUND names the first part that is not there
 */
CULL_API CULL_MUST_USE cull_status cull_version_find(cull_store *store, const cull_name *name,
                                                     cull_version_key *out, cull_error *err);

/** Visit one version. CULL_E_NOTFOUND: no such key, or purged. */
CULL_API CULL_MUST_USE cull_status cull_version_show(cull_store *store, const cull_version_key *key,
                                                     cull_version_visit_fn visit, void *ctx,
                                                     cull_error *err);

/** Which versions: every field that is set must hold. All zero selects every live version. */
typedef struct cull_selection {
    const char *entity; /**< NULL: any */
    const char *project;
    const char *collection; /**< exact name */
    const char *run;        /**< logged by */
    const char *name_glob;  /**< of the collection: *, ?, [...] */
    const char *alias;      /**< has it */
    bool no_alias;          /**< has none (`latest` counts as one) */
    const char *type;
    const char *tag;
    bool no_run;
    bool empty;                 /**< its collection has no COMMITTED version */
    uint64_t created_before_ms; /**< 0: any */
    uint32_t keep_last;         /**< all but the last N of each collection, of those in `states` */
    uint32_t keep_every;        /**< all but each K-th ordinal */
    const char *const *keep_alias_globs; /**< but those with such an alias */
    size_t keep_alias_glob_count;
    unsigned states; /**< bits 1 << CULL_VERSION_...; 0: COMMITTED only */
} cull_selection;

/**
 * Visit the selected versions, by entity, project, collection (names ascending, a deleted
 * collection after a live one of its name), then ordinal. The handle is locked during the visit:
 * do not call the store from it. CULL_E_NOTFOUND: a named entity, project, collection or run is
 * not there.
 */
CULL_API CULL_MUST_USE cull_status cull_select(cull_store *store, const cull_selection *selection,
                                               cull_version_visit_fn visit, void *ctx,
                                               cull_error *err);

/** Where a listing in pages goes on. All zero: at its beginning. */
typedef struct cull_page {
    cull_name after; /**< of the last version that was told, by the names it then had */
    bool deleted;    /**< its collection was deleted */
    uint64_t collection;
    uint32_t ordinal;
    bool more; /**< out: there are others behind it */
} cull_page;

/**
 * Visit at most limit of the selected versions (at least 1), those that come after *page in the order of
 * cull_select(), and move *page behind them. Whatever is deleted, restored or committed between two pages,
 * what stays selected is told: what the page is after need not be there any more. A collection that is
 * deleted between two pages of a listing with deleted ones comes again.
 */
CULL_API CULL_MUST_USE cull_status cull_select_page(cull_store *store,
                                                    const cull_selection *selection,
                                                    cull_page *page, size_t limit,
                                                    cull_version_visit_fn visit, void *ctx,
                                                    cull_error *err);

typedef struct cull_collection_info {
    uint64_t id;
    const char *entity;
    const char *project;
    const char *name;
    const char *type;
    bool deleted;
    uint32_t ordinals; /**< given so far */
    uint32_t committed;
    uint32_t in_trash;
    uint64_t size_bytes; /**< of committed versions; known sizes only */
    bool size_exact;     /**< all are known */
    uint64_t newest_ms;  /**< creation of its newest committed version; 0 */
} cull_collection_info;

typedef cull_status (*cull_collection_visit_fn)(void *ctx, const cull_collection_info *collection);

/** Visit collections in order of names; entity, project NULL: all. Live ones; deleted ones too
 *  with deleted = true. CULL_E_NOTFOUND as in cull_select(). */
CULL_API CULL_MUST_USE cull_status cull_collections(cull_store *store, const char *entity,
                                                    const char *project, bool deleted,
                                                    cull_collection_visit_fn visit, void *ctx,
                                                    cull_error *err);

typedef struct cull_run_info {
    uint64_t id;
    const char *entity;
    const char *project;
    const char *name;
    bool deleted;
    uint64_t created_ms;
    uint32_t logged; /**< versions it logged, purged ones not counted */
} cull_run_info;

/** Visit the runs of a project (NULL: all), by name. */
CULL_API CULL_MUST_USE cull_status
cull_runs(cull_store *store, const char *entity, const char *project,
          cull_status (*visit)(void *ctx, const cull_run_info *run), void *ctx, cull_error *err);

/** Point an alias at a COMMITTED version; it moves if it exists in the collection.
 *  CULL_E_USAGE: not an alias' form (`v3` is none). CULL_E_REFUSED: the version is deleted. */
CULL_API CULL_MUST_USE cull_status cull_alias_set(cull_store *store,
                                                  const cull_version_key *version,
                                                  const char *alias, const cull_caller *caller,
                                                  cull_error *err);
/** Take an alias away. CULL_E_NOTFOUND. */
CULL_API CULL_MUST_USE cull_status cull_alias_remove(cull_store *store, uint64_t collection,
                                                     const char *alias, const cull_caller *caller,
                                                     cull_error *err);
/** Add a tag (there already: CULL_OK), or remove one (CULL_E_NOTFOUND). Tags have the form of
 *  aliases; at most 64 a version. */
CULL_API CULL_MUST_USE cull_status cull_tag_set(cull_store *store, const cull_version_key *version,
                                                const char *tag, bool present,
                                                const cull_caller *caller, cull_error *err);

/* --- uploads ------------------------------------------------------------------------------ */

typedef struct cull_upload cull_upload; /**< a handle on an open upload; belongs to its store */

typedef struct cull_upload_options {
    const cull_name *collection; /**< made if it is not there; its version part is ignored */
    const char *type;            /**< NULL: the collection's, or "dataset" for a new one */
    const char *run;             /**< that logs the version, of the same project; NULL: none */
    bool has_base;
    uint32_t base;     /**< ordinal of a COMMITTED version of the collection, pinned as a whole */
    uint64_t lease_ms; /**< 0: the store's */
} cull_upload_options;

/**
 * Begin an upload. The lease ends by a fact that whoever comes next writes, never by itself.
 * @retval CULL_E_INVALID  the collection has another type; a name's form
 * @retval CULL_E_NOTFOUND no such base;  CULL_E_REFUSED  the base is not COMMITTED
 */
CULL_API CULL_MUST_USE cull_status cull_upload_open(cull_upload **out, cull_store *store,
                                                    const cull_upload_options *options,
                                                    const cull_caller *caller, cull_error *err);
/** A handle on an upload that is open in the log already (opened by another handle or process).
 *  CULL_E_NOTFOUND: no open upload has this id. */
CULL_API CULL_MUST_USE cull_status cull_upload_attach(cull_upload **out, cull_store *store,
                                                      uint64_t id, cull_error *err);
CULL_API uint64_t cull_upload_id(const cull_upload *upload);

typedef enum cull_put_answer {
    CULL_PUT_NONE = 0,   /**< the call failed */
    CULL_PUT_STORED = 1, /**< do not send; it stays until this upload ends */
    CULL_PUT_SEND = 2,   /**< send the bytes, then confirm */
    CULL_PUT_WAIT = 3,   /**< being deleted now: finish the deletion or ask again */
    CULL_PUT_REFUSED = 4 /**< only with CULL_E_INVALID: the blob that is refused */
} cull_put_answer;

typedef struct cull_blob_ref {
    cull_digest digest;
    uint64_t size_bytes; /**< or CULL_SIZE_UNKNOWN */
} cull_blob_ref;

/**
 * Name blobs that the version will hold. Pins each that the base does not hold, in one append for
 * the whole batch; answers[i] says what to do. Duplicates, also of earlier calls, are harmless.
 * A *wait* is met by cull_gc_finish() (cull/gc.h) and asking again.
 *
 * Index-only stores answer STORED for all but what is being deleted: what is named is there. It is
 * confirmed by the commit of a version that holds it, or by cull_upload_confirm(). What is neither
 * when the upload ends was not made by it, and is forgotten: cull_gc_list() (cull/gc.h) never
 * tells of it. A caller that brings new content to where an index-only store's content lies
 * confirms it when it is there, so that it is told of if the upload comes to nothing.
 *
 * A size may be unknown (CULL_SIZE_UNKNOWN): a list of digests has none. It contradicts no other,
 * counts as 0 bytes in every figure, and marks the figure as not exact. It is learned from the first
 * content that is confirmed, or the first manifest that is committed, that says it. A size that is
 * known stays until the blob is gone; but what only uploads said that have ended may be said anew.
 *
 * @retval CULL_E_ENDED   the upload has ended (a lease past its end is ended first)
 * @retval CULL_E_INVALID a blob is known with another size, or all sizes' sum overflows: it is the one
 *                        that is answered REFUSED; what came before its batch is pinned
 */
CULL_API CULL_MUST_USE cull_status cull_upload_put(cull_upload *upload, const cull_blob_ref *blobs,
                                                   size_t count, cull_put_answer *answers,
                                                   const cull_caller *caller, cull_error *err);

/** Confirm that these blobs' objects are durable (the caller's word; cull_upload_send() gives it
 *  itself). In an index-only store: that their content is there because of this upload.
 *  Idempotent. CULL_E_ENDED; CULL_E_NOTFOUND: not pinned by this upload. */
CULL_API CULL_MUST_USE cull_status cull_upload_confirm(cull_upload *upload,
                                                       const cull_digest *digests, size_t count,
                                                       const cull_caller *caller, cull_error *err);

/**
 * Publish staged bytes (cull_stage()) as the objects of blobs answered *send*, durably, and
 * confirm them; one sync for the batch. Consumes the staged bytes whatever the result.
 * @retval CULL_E_INVALID a staged digest is not pinned by this upload: content changed since it
 *                        was named
 * @retval CULL_E_NOT_STORED a repair has set an object aside meanwhile: put, and send it again
 * @retval CULL_E_USAGE   inside of a group (cull/log.h): the pins are not durable yet
 */
CULL_API CULL_MUST_USE cull_status cull_upload_send(cull_upload *upload, const cull_staged *staged,
                                                    size_t count, const cull_caller *caller,
                                                    cull_error *err);

/** Copy a source into the object store under a temporary name and take its digest. Runs beside
 *  other calls. Ended by cull_upload_send() or cull_unstage(). */
CULL_API CULL_MUST_USE cull_status cull_stage(cull_store *store, const cull_source *source,
                                              cull_staged *out, cull_error *err);
CULL_API void cull_unstage(cull_store *store, const cull_staged *staged);

typedef struct cull_commit_options {
    const cull_manifest *manifest;    /**< full; or NULL and a patch on the base */
    const cull_manifest_patch *patch; /**< edits of the base's manifest, path by path */
    const char *const *aliases;       /**< besides `latest` */
    size_t alias_count;
    const char *const *tags;
    size_t tag_count;
    uint64_t ttl_ms;         /**< 0: what the entity says (cull/rules.h), or none */
    const char *description; /**< NULL: ""; at most 64 KiB */
    const char *metadata;    /**< opaque JSON; NULL: ""; at most 1 MiB */
    bool allow_unresolved;   /**< a wandb-artifact:// reference whose target is not there is kept as
                                  it stands, and keeps nothing alive; else CULL_E_NOTFOUND */
    const char *artifact_id; /**< NULL, or what the server that the version comes from calls it, in
                                  a form of cull_artifact_id_parse(): what wandb-artifact://ID/path
                                  of later versions means. Moves here from a version of the same
                                  content, or from one that is deleted. */
} cull_commit_options;

/** Which blobs a refused commit must send again. */
typedef cull_status (*cull_missing_visit_fn)(void *ctx, const cull_digest *digest);

typedef struct cull_commit_result {
    cull_version_key version;
    bool is_new;    /**< false: an equal manifest was live already; `latest` and the named aliases
                      moved to it (rule 5) */
    bool is_healed; /**< the equal one's stored manifest was damaged or missing, and is what was
                         committed again */
} cull_commit_result;

/**
 * Make the next version, durably, and end the upload. Takes `latest` and the named aliases.
 * @param missing  called for each blob that keeps the commit from being; may be NULL
 * @retval CULL_E_NOT_STORED some blobs have no object, or are being deleted: send them again
 * @retval CULL_E_ENDED      aborted, expired or committed before; missing lists what to send again
 * @retval CULL_E_INVALID    the patch does not fit the base; a blob is known with another size
 * @retval CULL_E_NOTFOUND   a wandb-artifact:// reference's target is not there (allow_unresolved)
 * @retval CULL_E_EXISTS     the artifact id is that of a live version with other content
 * @retval CULL_E_USAGE      the artifact id is none
 * Cost: O(entries + open lifespans of the collection); a patch: O(edits) beyond the copying of
 * the base's entries.
 */
CULL_API CULL_MUST_USE cull_status cull_upload_commit(cull_upload *upload,
                                                      const cull_commit_options *options,
                                                      cull_missing_visit_fn missing, void *ctx,
                                                      cull_commit_result *out,
                                                      const cull_caller *caller, cull_error *err);

/** Move the lease's end to now + its length. CULL_E_ENDED. */
CULL_API CULL_MUST_USE cull_status cull_upload_renew(cull_upload *upload, const cull_caller *caller,
                                                     cull_error *err);
/** Give the upload up. CULL_E_ENDED if it has ended already. */
CULL_API CULL_MUST_USE cull_status cull_upload_abort(cull_upload *upload, const cull_caller *caller,
                                                     cull_error *err);
/** Free the handle; the upload stays as it is. NULL is accepted. */
CULL_API void cull_upload_free(cull_upload *upload);

typedef struct cull_upload_info {
    uint64_t id;
    const char *entity;
    const char *project;
    const char *collection;
    const char *actor;
    uint64_t opened_ms;
    uint64_t lease_until_ms;
    bool has_base;
    uint32_t base;
    uint64_t pins;
} cull_upload_info;

/** Visit open uploads by id. */
CULL_API CULL_MUST_USE cull_status cull_uploads(cull_store *store,
                                                cull_status (*visit)(void *ctx,
                                                                     const cull_upload_info *u),
                                                void *ctx, cull_error *err);

/* --- deleting and restoring ----------------------------------------------------------------- */

/** What a deletion does besides; filled on CULL_OK and CULL_E_PARTIAL. */
typedef struct cull_delete_report {
    uint64_t versions; /**< soft-deleted */
    uint64_t links;    /**< that went: with their sources, or on their own */
    uint64_t skipped;  /**< versions and registries that a protected alias keeps */
} cull_delete_report;

struct cull_link_info; /* cull/rules.h */

typedef struct cull_delete_options {
    bool delete_aliases; /**< versions with aliases go too, and their aliases with them */
    bool dry_run;        /**< check everything, change nothing */
    bool skip_protected; /**< what a protected alias keeps stays, the rest goes: CULL_E_PARTIAL */
    /** NULL, or told (with link_ctx) of each link that goes with its source, kept false, and of each
     *  that keeps its source, kept true; when nothing is deleted for that, too. */
    cull_status (*link)(void *link_ctx, const struct cull_link_info *link, bool kept);
    void *link_ctx;
    cull_delete_report *report; /**< NULL, or filled */
} cull_delete_options;

/**
 * Soft-delete versions, all or none, in one transaction. Touches no object. Links to them go with
 * them. A key that names a link (cull/rules.h) deletes the link alone: its source stays.
 * @retval CULL_E_REFUSED  a version has aliases (the message lists them and --delete-aliases), or a
 *                         link of it has a protected alias (or any has, where links are strict); the
 *                         caller's role is too low
 * @retval CULL_E_PARTIAL  skip_protected: some were skipped, the others are deleted
 * @retval CULL_E_NOTFOUND one is deleted or purged already, or not there
 * Cost: O(count). Duplicates count once.
 */
CULL_API CULL_MUST_USE cull_status cull_delete(cull_store *store, const cull_version_key *versions,
                                               size_t count, const cull_delete_options *options,
                                               const cull_caller *caller, cull_error *err);

/**
 * Soft-delete the COMMITTED versions that a selection takes (its states do not count), all or none, in
 * one transaction: what is selected is decided where the log then is. What somebody else deleted a
 * moment ago is not among them, and what he committed may be. None is CULL_OK.
 * @param visit  may be NULL; told of each afterwards, as cull_select() would tell of them before. One
 *               that a cycle purged meanwhile is left out.
 * @retval CULL_E_REFUSED  a version has aliases (the message lists them and --delete-aliases)
 * @retval CULL_E_NOTFOUND a named entity, project, collection or run is not there
 * Cost: of cull_select() and cull_delete().
 */
CULL_API CULL_MUST_USE cull_status cull_delete_selected(cull_store *store,
                                                        const cull_selection *selection,
                                                        const cull_delete_options *options,
                                                        cull_version_visit_fn visit, void *ctx,
                                                        const cull_caller *caller, cull_error *err);

typedef enum cull_scope_kind {
    CULL_SCOPE_STORE = 0,
    CULL_SCOPE_ENTITY = 1,
    CULL_SCOPE_PROJECT = 2,
    CULL_SCOPE_COLLECTION = 3,
    CULL_SCOPE_RUN = 4,
    CULL_SCOPE_VERSION = 5
} cull_scope_kind;

/** A part of the store. Unused names are NULL. */
typedef struct cull_scope {
    cull_scope_kind kind;
    const char *entity;
    const char *project;
    const char *collection;
    const char *run;
    cull_version_key version;
} cull_scope;

/**
 * Delete a collection, project or entity: soft-deletes all versions in it, aborts its uploads,
 * frees its name, in one transaction; aliases do not block. visit (may be NULL) is told of each
 * version. A run: forgets it; with_artifacts soft-deletes what it logged, never what it used.
 * @retval CULL_E_NOTFOUND
 */
CULL_API CULL_MUST_USE cull_status cull_delete_scope(cull_store *store, const cull_scope *scope,
                                                     bool with_artifacts, bool dry_run,
                                                     cull_version_visit_fn visit, void *ctx,
                                                     const cull_caller *caller, cull_error *err);

/** The same with options (delete_aliases does not count: aliases never block a cascade). A portfolio
 *  is deleted as a collection, a registry as a project: links only go.
 * @retval CULL_E_REFUSED  a version is kept by a protected alias; the caller's role is too low
 * @retval CULL_E_PARTIAL  skip_protected: some were skipped; collections that hold them stay */
CULL_API CULL_MUST_USE cull_status cull_delete_cascade(cull_store *store, const cull_scope *scope,
                                                       bool with_artifacts,
                                                       const cull_delete_options *options,
                                                       cull_version_visit_fn visit, void *ctx,
                                                       const cull_caller *caller, cull_error *err);

/**
 * Take soft-deletes back, all or none: manifest, links and those aliases that are still free come back.
 * A version of a deleted collection brings the collection back under its name.
 * @param as  new name for the collection that comes back; NULL: its own
 * @retval CULL_E_EXISTS   the collection's name is taken: use as
 * @retval CULL_E_NOTFOUND purged ("already collected"), or not deleted
 */
CULL_API CULL_MUST_USE cull_status cull_restore(cull_store *store, const cull_version_key *versions,
                                                size_t count, const char *as,
                                                const cull_caller *caller, cull_error *err);

/**
 * Take back the soft-deleted versions that a selection takes (its states do not count, and a deleted
 * version has no aliases), all or none. None is CULL_OK.
 * @param dry_run  tell of them, restore none
 * @param visit    may be NULL; told of each before it is restored
 * @retval CULL_E_EXISTS a deleted collection's name is taken again
 * @retval CULL_E_BUSY   they were purged or restored again and again while this was trying
 */
CULL_API CULL_MUST_USE cull_status cull_restore_selected(cull_store *store,
                                                         const cull_selection *selection,
                                                         bool dry_run, cull_version_visit_fn visit,
                                                         void *ctx, const cull_caller *caller,
                                                         cull_error *err);

/* --- reading ------------------------------------------------------------------------------ */

/** The manifest of a version that is not purged; freed by the caller. CULL_E_NOTFOUND,
 *  CULL_E_DAMAGED: its digest is not the one that was committed. */
CULL_API CULL_MUST_USE cull_status cull_version_manifest(cull_store *store,
                                                         const cull_version_key *version,
                                                         cull_manifest **out, cull_error *err);

/** The description and the metadata that a version was committed with, each given to its function
 *  in one piece; not called where there is none. CULL_E_NOTFOUND, CULL_E_DAMAGED. */
CULL_API CULL_MUST_USE cull_status cull_version_notes(cull_store *store,
                                                      const cull_version_key *version,
                                                      cull_write_fn description,
                                                      cull_write_fn metadata, void *ctx,
                                                      cull_error *err);

/** Stream a blob's bytes to write, checking size and digest as they pass: CULL_E_DAMAGED at the
 *  end if they are others (what was written must then be thrown away); CULL_E_NOTFOUND: no
 *  object. */
CULL_API CULL_MUST_USE cull_status cull_blob_read(cull_store *store, const cull_digest *digest,
                                                  cull_write_fn write, void *ctx, cull_error *err);

/** The sizes that the store knows of blobs, one for each digest: CULL_SIZE_UNKNOWN where nobody has
 *  said one, or nobody has named the blob. Loads the table of digests. */
CULL_API CULL_MUST_USE cull_status cull_blob_sizes(cull_store *store, const cull_digest *digests,
                                                   size_t count, uint64_t *sizes, cull_error *err);

/** What is known of a blob. */
typedef struct cull_blob_info {
    const char *state;   /**< "expected", "live", "deleting"; static */
    uint64_t size_bytes; /**< or CULL_SIZE_UNKNOWN */
    uint32_t count;      /**< lifespans that retained versions cross, and pins */
    uint32_t pins;       /**< of open uploads */
    uint64_t versions;   /**< retained versions that hold it */
} cull_blob_info;

/** Called for each path of each retained version that holds the blob; with "" for a version that
 *  holds it by a reference into another artifact only. */
typedef cull_status (*cull_why_visit_fn)(void *ctx, const cull_version_info *version,
                                         const char *path);

/** Which versions and paths hold a blob. CULL_E_NOTFOUND: the store does not know it (any more).
 *  Cost: O(lifespans) and reading the holders' manifests. */
CULL_API CULL_MUST_USE cull_status cull_why(cull_store *store, const cull_digest *digest,
                                            cull_blob_info *out, cull_why_visit_fn visit, void *ctx,
                                            cull_error *err);

/** Called for each path of a retained version that refers into one of the asked ones. */
typedef cull_status (*cull_dependent_visit_fn)(void *ctx, const cull_version_info *dependent,
                                               const char *path, const cull_version_key *target);

/** Which other retained versions refer by wandb-artifact:// into these. They never keep a version from
 *  being deleted, and keep the bytes that they refer to. Cost: reads the manifests of all retained
 *  versions, if one of these has an id on a server; else nothing. CULL_E_DAMAGED. */
CULL_API CULL_MUST_USE cull_status cull_dependents(cull_store *store,
                                                   const cull_version_key *versions, size_t count,
                                                   cull_dependent_visit_fn visit, void *ctx,
                                                   cull_error *err);

typedef struct cull_usage {
    uint64_t versions;          /**< committed */
    uint64_t versions_in_trash; /**< soft-deleted */
    uint64_t references;        /**< blobs of retained versions, added up */
    uint64_t tracked_bytes;     /**< sizes of committed versions, added up */
    uint64_t stored_bytes;      /**< objects that retained versions of the scope hold, each once;
                                     of the whole store: all objects, garbage too */
    uint64_t trash_bytes;       /**< of these, held by soft-deleted versions only */
    uint64_t reclaimable_bytes; /**< what a cycle at now_ms would free */
    uint64_t exclusive_bytes;   /**< what would go if the whole scope were purged */
    uint64_t blobs;             /**< distinct blobs behind stored_bytes */
    bool size_exact;            /**< every size behind these figures is known */
} cull_usage;

/** Figures of a part of the store. CULL_E_NOTFOUND. Cost: O(lifespans of the store). */
CULL_API CULL_MUST_USE cull_status cull_usage_of(cull_store *store, const cull_scope *scope,
                                                 uint64_t now_ms, cull_usage *out, cull_error *err);

/** The same of the versions that a selection takes, its states included: of COMMITTED and soft-deleted
 *  ones, say both. */
CULL_API CULL_MUST_USE cull_status cull_usage_selected(cull_store *store,
                                                       const cull_selection *selection,
                                                       uint64_t now_ms, cull_usage *out,
                                                       cull_error *err);

/** What purging these versions would free now, other versions staying: blobs and bytes (of those
 *  whose size is known; *exact: all of them are). */
CULL_API CULL_MUST_USE cull_status cull_would_free(cull_store *store,
                                                   const cull_version_key *versions, size_t count,
                                                   uint64_t *blobs, uint64_t *bytes, bool *exact,
                                                   cull_error *err);

typedef struct cull_stat {
    uint64_t seq;
    uint64_t cycles; /**< begun so far */
    uint64_t entities, projects, collections, versions, versions_in_trash, versions_purged;
    uint64_t runs, uploads;
    uint64_t blobs, blobs_expected, blobs_live, blobs_deleting, blobs_dead;
    uint64_t stored_bytes; /**< of LIVE and DELETING blobs */
    bool size_exact;       /**< all their sizes are known */
    uint64_t lifespans_open, lifespans_closed, references;
    uint64_t log_bytes, audit_bytes, checkpoint_bytes, manifest_bytes;      /**< on disk */
    uint64_t memory_catalog, memory_blobs, memory_lifespans, memory_counts; /**< heap */
    uint64_t memory_manifests; /**< heap: of versions that patches made, kept for the next one */
} cull_stat;

/** Figures of the store; loads all rooms. */
CULL_API CULL_MUST_USE cull_status cull_stat_of(cull_store *store, cull_stat *out, cull_error *err);

/* --- checking ----------------------------------------------------------------------------- */

typedef enum cull_finding_kind {
    CULL_FOUND_MISSING = 1, /**< a held blob has no object */
    CULL_FOUND_WRONG_SIZE = 2,
    CULL_FOUND_WRONG_DIGEST = 3, /**< read_data only */
    CULL_FOUND_ORPHAN = 4,       /**< an object that no fact names; a note while it is young */
    CULL_FOUND_FOREIGN = 5,      /**< a name in the object store that does not parse: kept */
    CULL_FOUND_COUNT = 6,        /**< a count differs from the mark's */
    CULL_FOUND_FINGERPRINT = 7,  /**< a version's lifespans differ from its manifest */
    CULL_FOUND_MANIFEST = 8,     /**< a stored manifest is missing or damaged */
    CULL_FOUND_STRUCTURE = 9,    /**< a structure breaks its own rules */
    CULL_FOUND_UNREADABLE = 10   /**< an object or a manifest could not be read or asked for */
} cull_finding_kind;

typedef struct cull_finding {
    cull_finding_kind kind;
    bool is_problem; /**< false: a note, such as a young orphan */
    bool repaired;
    const char *message; /**< one line that names the object; borrowed */
} cull_finding;

typedef struct cull_fsck_options {
    bool read_data; /**< read every object and compare its digest */
    bool repair;    /**< by facts: see below */
    cull_progress_fn progress;
    void *progress_ctx;
} cull_fsck_options;

typedef struct cull_fsck_result {
    uint64_t objects, versions, problems, notes, repaired;
    uint64_t bytes_read;
} cull_fsck_result;

/**
 * Check the invariants: objects against blobs, counts against mark, fingerprints against
 * manifests, structures against their rules. repair never unlinks: an orphan older than
 * max(1 day, 2 leases) becomes DELETING by a fact, and the next cycle takes it; a damaged object
 * goes to quarantine and its blob becomes EXPECTED, as does a missing one, so that the next upload
 * heals it; until then it stays a problem, in this run and the next, if a version holds it. repair
 * takes the collector's lock (CULL_E_BUSY).
 * @retval CULL_E_DAMAGED there are problems (all were told); with repair: some are left
 */
CULL_API CULL_MUST_USE cull_status cull_fsck(cull_store *store, const cull_fsck_options *options,
                                             const cull_caller *caller,
                                             void (*visit)(void *ctx, const cull_finding *finding),
                                             void *ctx, cull_fsck_result *out, cull_error *err);

#ifdef __cplusplus
}
#endif

#endif
