/*
 * store_internal.h - the handle that ties the rooms: state, transactions, what the files here share.
 *
 * FLOW      request -> cull__transact: read the log's tail, expire leases, check against the state,
 *           collect facts -> one append -> apply -> acknowledged. Nothing else changes state.
 * ROOMS     The catalog is always loaded, at least its names; what lies in its collections, and blobs,
 *           lifespans and counts (the index), by the first call that needs them, the latter
 *           together, at one seq.
 * LOCK      store->lock guards everything in the handle; objects' bytes move outside of it.
 */
#ifndef CULL_STORE_INTERNAL_H
#define CULL_STORE_INTERNAL_H

#include <pthread.h>

#include "catalog/catalog.h"
#include "cull/gc.h"
#include "index/index.h"
#include "log/fact.h"
#include "log/log_internal.h"

#define CULL__TURNS 8                /* appends that found the log moved before we answer busy */
#define CULL__MANIFEST_FULL_EVERY 16 /* ordinals; where a chain of documents may begin */
#define CULL__MANIFEST_CHAIN_MAX 256 /* ordinals; where it must: more documents no chain has */
#define CULL__CLAIM_BATCH 1000       /* blobs claimed, deleted and gone at a time */
#define CULL__PUT_BATCH 65536        /* blobs pinned in one transaction */
#define CULL__FULL_VERIFY_EVERY 16   /* cycles */

struct cull__spans_entry {
    uint64_t collection;
    bool deleted; /* freed once nothing in it is retained */
    struct cull__lifespans *spans;
};

/* Pins of one open upload: each adds one to its blob's count. */
struct cull__pins {
    uint64_t upload;
    struct cull__bits set;
    struct cull__u32s list;
};

struct cull__index {
    const cull_allocator *allocator;
    struct cull__blob_table *blobs;
    struct cull__counts *counts;
    struct cull__spans_entry *spans; /* by collection */
    size_t span_count;
    size_t span_capacity;
    struct cull__pins *pins; /* by upload */
    size_t pin_count;
    size_t pin_capacity;
    struct cull__fact_version *claimed; /* object versions of DELETING blobs, by number */
    size_t claimed_count;
    size_t claimed_capacity;
    struct cull__bits scratch; /* over blob numbers; all zero between uses */
    struct cull__u32s last;    /* blobs of the entries of the last whole manifest, in its order */
    uint64_t last_collection;  /* whose it was */
    uint64_t lifespans;        /* of all collections */
    uint64_t spans_sum;        /* held hashes of those */
    uint64_t pins_sum;         /* and of all pins: both together are the sum of the counts */
    bool incarnations;         /* keys end in one: a claimed blob's digest is free again */
};

/* What the chain of manifest documents weighs that this handle wrote to last. */
struct cull__chain {
    uint64_t collection;
    uint32_t next; /* ordinal behind its last document; 0: nothing is known */
    uint64_t full_bytes;
    uint64_t patch_bytes;
};

struct cull_store {
    const cull_allocator *allocator;
    cull_log *log;
    cull_objects *objects;
    const cull_scratch *scratch_files; /* for what is too large for memory; NULL: nowhere */
    pthread_mutex_t lock;
    pthread_mutex_t gate; /* held while waiting for the lock: who asks first has it first */
    cull_store_settings settings;
    size_t digest_len;
    struct cull__catalog *catalog;
    uint64_t catalog_seq;
    struct cull__index *index; /* NULL until needed */
    uint64_t index_seq;
    uint64_t index_loads; /* times that the index was made: pointers into it are of one of them */
    uint64_t lost_seq;    /* no blob was called lost after it, as far as the index is read */
    struct cull__fact_scratch scratch;
    struct cull__buf facts; /* of the transaction at work */
    /* The manifest that the last patch made, so that a patch on it need not read its chain. */
    cull_manifest *recent;
    uint64_t recent_collection;
    uint32_t recent_ordinal;
    cull_manifest *spare; /* the one before it: the next one is made in its memory */
    struct cull__chain chain;
    bool corrupt;
    cull_error corrupt_error;
};

/* --- index state (index_state.c) ------------------------------------------------------------ */

cull_status cull__index_new(struct cull__index **out, const cull_store_settings *settings,
                            const cull_allocator *allocator);
void cull__index_free(struct cull__index *index);
/* Apply one fact to blobs, lifespans and counts. CULL_E_CORRUPT, CULL_E_NOMEM: the index is then
 * unusable and must be dropped. */
cull_status cull__index_apply(struct cull__index *index, const struct cull__fact *fact);
struct cull__lifespans *cull__index_spans(const struct cull__index *index, uint64_t collection);
/* The first collection with an id over this one that has lifespans; NULL: there is none. */
const struct cull__spans_entry *cull__index_spans_after(const struct cull__index *index,
                                                        uint64_t collection);
struct cull__pins *cull__index_pins(const struct cull__index *index, uint64_t upload);
/* Object versions written in the claim of a DELETING blob; *count of them, borrowed. */
const struct cull__fact_version *cull__index_claimed(const struct cull__index *index,
                                                     uint32_t number, size_t *count);
/* May a SIZES fact give this blob a size: it has none, or one that was only the word of uploads that
 * have ended? */
bool cull__index_takes_size(const struct cull__index *index, uint32_t number);
/* Bits for every blob number, all zero, in index->scratch. */
cull_status cull__index_scratch(struct cull__index *index);
/* Columns of the rooms and back (index_save.c). rooms: blobs, lifespans, counts. */
struct cull__room_save {
    struct cull__buf *buffers; /* one a column */
    struct cull__column *columns;
    size_t count;
    const cull_allocator *allocator;
};
extern const char *const cull__index_rooms[3];
cull_status cull__index_save(const struct cull__index *index, unsigned room,
                             struct cull__room_save *out);
void cull__room_save_release(struct cull__room_save *save);
/* owner: whence the columns' data come; what is large is kept then instead of copied, and is NULL in
 * the checkpoint afterwards. NULL: all is copied. */
cull_status cull__index_load(struct cull__index **out, const cull_store_settings *settings,
                             struct cull__checkpoint checkpoints[3], const cull_allocator *owner,
                             const cull_allocator *allocator, cull_error *err);
uint64_t cull__index_memory(const struct cull__index *index, uint64_t *blobs, uint64_t *spans,
                            uint64_t *counts);

/* --- the handle (store.c) ------------------------------------------------------------------- */

/* Each has what stands before it. With the names alone, a collection's versions and aliases are there
 * once it is opened (cull__collection_open(), cull__key_open()). */
enum cull__need { CULL__NEED_NAMES, CULL__NEED_CATALOG, CULL__NEED_INDEX };

/* Lock the handle, in the order of asking: a mutex alone may be taken again by whoever has just let it
 * go. cull__store_leave() unlocks it. */
void cull__store_lock(cull_store *store);
/* Lock the handle and bring its rooms to the log's end. On failure it is unlocked already. */
cull_status cull__store_enter(cull_store *store, enum cull__need need, cull_error *err);
void cull__store_leave(cull_store *store);
/* Does somebody wait for the handle? And let them have it: true if the index is afterwards the one
 * that it was, changed by facts alone. The caller holds the lock, before and after. */
bool cull__store_awaited(void *store);
bool cull__store_yield(cull_store *store);
/* Bring the rooms to the log's end; the caller holds the lock. */
cull_status cull__store_sync(cull_store *store, enum cull__need need, cull_error *err);

/* Facts being collected for one append. */
struct cull__txn {
    cull_store *store;
    const cull_caller *caller;
    uint64_t now_ms;  /* the instant: max(the last fact's time, now) */
    uint64_t next_id; /* the id that the next naming fact gets */
    uint32_t fact_count;
    uint32_t reader_min;                    /* that the facts need */
    bool takes_room;                        /* not only what leads to a deletion */
    const struct cull__document *documents; /* borrowed until the append */
    size_t document_count;
};

/* Looks at the state (all rooms asked for are at the log's end) and adds facts. Called again if
 * the log moved; must not keep what it computed. No facts: nothing is appended. */
typedef cull_status (*cull__check_fn)(struct cull__txn *txn, void *ctx, cull_error *err);

/* Keep every other collector away, by the log's lock and by that of the objects: the first says so
 * to others before anything is done, the second holds where the file of the first was moved away
 * under a collector that stands still. CULL_E_BUSY: another is at work. A call that fails holds
 * nothing. */
cull_status cull__collector_begin(cull_store *store, cull_error *err);
void cull__collector_end(cull_store *store);
/* What is older than this (a day, or two leases) belongs to no upload that is open. */
uint64_t cull__over_ms(const cull_store *store);
/* Remove what uploads that are over have staged. */
cull_status cull__clean_staged(cull_store *store, const cull_caller *caller, cull_error *err);

/* Check and append, eight turns; the handle must not be locked. CULL_E_BUSY; the check's refusal. */
cull_status cull__transact(cull_store *store, enum cull__need need, const cull_caller *caller,
                           cull__check_fn check, void *ctx, cull_error *err);
void cull__txn_add(struct cull__txn *txn, const struct cull__fact *fact);
/* The fact of something with a name (kind NULL: none), which gets the next id. */
void cull__txn_add_named(struct cull__txn *txn, enum cull__fact_type type, uint64_t parent,
                         const char *name, const char *kind, uint64_t *id);
/* Who asks. */
static inline const char *cull__txn_actor(const struct cull__txn *txn)
{
    return txn->caller->actor == NULL ? "" : txn->caller->actor;
}
/* Rule 28: may who asks change what is in this collection? */
static inline cull_status cull__txn_check_member(const struct cull__txn *txn,
                                                 const struct cull__collection *collection,
                                                 cull_error *err)
{
    return cull__check_collection_role(txn->store->catalog, cull__txn_actor(txn), collection,
                                       CULL_ROLE_MEMBER, err);
}
/* May the caller collect: is he a member somewhere, or (below_grace, and where there are
 * roles) administrator everywhere? */
cull_status cull__check_collector(cull_store *store, const cull_caller *caller, bool below_grace,
                                  cull_error *err);
/* Find the entity, which may not be there, and the registry: CULL_E_NOTFOUND (roles_api.c). */
cull_status cull__place_find(const cull_store *store, const cull_place *place,
                             struct cull__place *out, cull_error *err);

/* NULL: no hosting has this name (hosting.c). */
const cull_hosting *cull__hosting_find(const char *name);

/* --- shared pieces ---------------------------------------------------------------------------- */

/* Document id of a version's manifest; and of its description and metadata. */
uint64_t cull__manifest_document(uint64_t collection, uint32_t ordinal);
uint64_t cull__notes_document(uint64_t collection, uint32_t ordinal);

/* Where a chain may begin, does one begin with that ordinal (chain.c)? The handle is locked, as for
 * the two below. */
cull_status cull__chain_due(cull_store *store, uint64_t collection, uint32_t ordinal, bool *due,
                            cull_error *err);
/* Are a version's document and those that it is built on there, with the bytes that were written? */
cull_status cull__chain_is_whole(cull_store *store, uint64_t collection, uint32_t ordinal,
                                 bool *is_whole, cull_error *err);
/* A version's document was written. */
void cull__chain_note(cull_store *store, uint64_t collection, uint32_t ordinal, uint64_t bytes,
                      bool is_full);
/* Ordinals [*first, *end) around one, at the borders of which no document needs one beyond. */
cull_status cull__chain_extent(cull_store *store, uint64_t collection, uint32_t ordinal,
                               uint32_t next_ordinal, uint32_t *first, uint32_t *end,
                               cull_error *err);

/* A version's manifest, from its chain of documents; the handle is locked. NULL out with CULL_OK
 * if may_miss and the document is not there. Not compared with the version's digest. */
cull_status cull__manifest_load(cull_store *store, uint64_t collection, uint32_t ordinal,
                                bool may_miss, cull_manifest **out, cull_error *err);
/* Take the kept manifest of a version out of the handle, which is locked; NULL if it is another's.
 * The one whose memory may be
 * used is taken likewise. And keep one, and the one before it for its memory (NULL: none); the
 * handle owns them then (large ones are freed at once). */
cull_manifest *cull__manifest_recent_take(cull_store *store, uint64_t collection, uint32_t ordinal);
cull_manifest *cull__manifest_spare_take(cull_store *store);
void cull__manifest_recent_keep(cull_store *store, uint64_t collection, uint32_t ordinal,
                                cull_manifest *manifest, cull_manifest *before);
/* Bytes of what is kept for a next patch. */
uint64_t cull__manifest_kept_memory(const cull_store *store);
/* The same, compared with the digest that was committed: CULL_E_DAMAGED. */
cull_status cull__version_manifest_locked(cull_store *store,
                                          const struct cull__collection *collection,
                                          const struct cull__version *version, cull_manifest **out,
                                          cull_error *err);

/* CULL_E_DAMAGED for a version whose manifest cannot be had (is missing, or damaged): which one, and
 * what helps. */
cull_status cull__manifest_lost(const struct cull__collection *collection, uint32_t ordinal,
                                bool is_missing, cull_error *err);

/* Its description and metadata, two texts, appended to out; they decode. CULL_E_DAMAGED. */
cull_status cull__version_notes_locked(cull_store *store, const struct cull__collection *collection,
                                       const struct cull__version *version, struct cull__buf *out,
                                       cull_error *err);

/* Add one fact of a type for each collection's versions (keys sorted, distinct). *status is the
 * first failure and stays one. */
void cull__add_by_collection(struct cull__txn *txn, enum cull__fact_type type,
                             const cull_version_key *keys, size_t count, uint64_t until_ms,
                             uint32_t how, struct cull__u32s *scratch, cull_status *status);
/* Sort by collection, ordinal; drop duplicates; returns how many are left. */
size_t cull__version_keys_sort(cull_version_key *keys, size_t count);

/* A sorted copy, without duplicates, of *count keys; freed by the caller. */
cull_status cull__version_keys_copy(const cull_store *store, const cull_version_key *keys,
                                    size_t *count, cull_version_key **out, cull_error *err);

/* Sort, drop duplicates; returns the count. */
size_t cull__numbers_unique(struct cull__u32s *numbers);
/* Is a version among sorted keys? */
bool cull__version_keys_have(const cull_version_key *keys, size_t count, uint64_t collection,
                             uint32_t ordinal);

/* The collection of a key, NULL if it is not there. */
static inline struct cull__collection *cull__key_collection(const cull_store *store,
                                                            const cull_version_key *key)
{
    return cull__collection_by_id(store->catalog, key->collection);
}

/* The same, opened. CULL_E_NOMEM. */
cull_status cull__key_open(const cull_store *store, const cull_version_key *key,
                           const struct cull__collection **out, cull_error *err);

/* The link of a key, if it names one that is not lost; NULL. And the key of its source, or the same
 * key if it names none (links_api.c). */
const struct cull__link *cull__key_link(const cull_store *store, const cull_version_key *key);
cull_version_key cull__key_source(const cull_store *store, const cull_version_key *key);
/* Tell of a link. */
cull_status cull__link_visit(const cull_store *store, const struct cull__link *link,
                             cull_link_visit_fn visit, void *ctx, cull_error *err);
/* What cull_alias_set() and cull_alias_remove() do where the key's collection is a portfolio. */
cull_status cull__link_alias_set(struct cull__txn *txn, const cull_version_key *key,
                                 const char *alias, cull_error *err);
cull_status cull__link_alias_remove(struct cull__txn *txn, uint64_t id, const char *alias,
                                    cull_error *err);

/* cull_select() for who holds the lock. */
cull_status cull__select_locked(cull_store *store, const cull_selection *selection,
                                cull_version_visit_fn visit, void *ctx, cull_error *err);
/* The keys of what is selected, in that order, freed by the caller; likewise. */
cull_status cull__select_keys(cull_store *store, const cull_selection *selection,
                              cull_version_key **keys, size_t *count, cull_error *err);
/* The same without aliases, tags and ids, which the visitor finds empty. */
cull_status cull__select_plain(cull_store *store, const cull_selection *selection,
                               cull_version_visit_fn visit, void *ctx, cull_error *err);

/* CULL_E_NOTFOUND for a key that names no version: already collected, or never there. */
cull_status cull__version_missing(const cull_store *store, const cull_version_key *key,
                                  cull_error *err);

static inline cull_object_id cull__object_id(const struct cull__index *index, uint32_t number)
{
    cull_object_id id;

    cull__blob_table_digest(index->blobs, number, &id.digest);
    id.incarnation = cull__blob_table_incarnation(index->blobs, number);
    return id;
}

/* A bit set over ordinals of those versions for which keep answers true (NULL: all that are not
 * purged), released by the caller. */
typedef bool (*cull__keep_fn)(void *ctx, const struct cull__collection *collection,
                              const struct cull__version *version);
cull_status cull__keep_bits(const struct cull__collection *collection, cull__keep_fn keep,
                            void *ctx, struct cull__bits *out);

/* Verify counts against mark as of the state (and fingerprints with full), the caller holds the
 * lock. visit NULL: stop at the first; else told of each finding. (verify.c) */
typedef void (*cull__disagree_fn)(void *ctx, cull_finding_kind kind, const char *message);
cull_status cull__verify(cull_store *store, bool fingerprints, cull__disagree_fn visit, void *ctx,
                         cull_error *err);

/* --- verification beside others (verify_beside.c) ------------------------------------------------ */

/* The sums that the index keeps: do counts, lifespans and pins agree as a whole? O(1). */
bool cull__sums_agree(const struct cull__index *index);
/* Look again at what changed since the last time, or with full at everything and at fingerprints,
 * with `threads` threads; others have the handle in between. The caller has entered the store; this
 * leaves it. CULL_E_DAMAGED, named by the exact verification. CULL_E_BUSY: others collect. */
cull_status cull__verify_beside(cull_store *store, bool full, unsigned threads, cull_error *err);
/* Something disagrees: say what. The caller holds the lock. Always CULL_E_DAMAGED, or what kept it
 * from looking. */
cull_status cull__verify_name(cull_store *store, cull_error *err);

#endif
