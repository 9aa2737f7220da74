/*
 * manifest_internal.h - the shape of a manifest in memory, and its form in the store.
 */
#ifndef CULL_MANIFEST_INTERNAL_H
#define CULL_MANIFEST_INTERNAL_H

#include <assert.h>

#include "base/buf.h"
#include "cull/manifest.h"

/* One entry. Its strings lie at strings + at: the path, NUL, and then for a blob the digest's
 * bytes, for a reference digest_text, NUL, ref, NUL, for a removal nothing; then its members and NUL,
 * if they are its own. */
struct cull__manifest_row {
    uint64_t size_bytes; /* or CULL_SIZE_UNKNOWN */
    uint64_t at;
    uint32_t order; /* of addition, among the rows in memory: which of two equal paths came later */
    uint16_t path_len;
    uint8_t kind;    /* cull_entry_kind; CULL_ENTRY_NONE is a removal, in patches only */
    uint8_t members; /* CULL__MEMBERS_NONE, a number in the manifest's table, CULL__MEMBERS_OWN */
};

#define CULL__MEMBERS_NONE 0
#define CULL__MEMBERS_OWN 255 /* behind the row's strings */

static_assert(sizeof(struct cull__manifest_row) == 24, "rows are packed without holes");
static_assert(CULL_PATH_BYTES_MAX <= UINT16_MAX, "path_len holds every path");

struct cull__spill;
struct cull__members;

struct cull_manifest {
    const cull_allocator *allocator;
    struct cull__manifest_row *rows; /* those in memory: all, unless there is a spill */
    size_t held;
    size_t capacity;
    struct cull__buf strings;
    size_t count;
    uint64_t size_bytes;  /* sum of the known sizes */
    size_t unknown_count; /* entries without a size */
    cull_digest_kind kind;
    struct cull__members *members; /* texts that rows share; NULL: none does */
    char *head;                    /* see cull_manifest_head(); NULL: as cull itself writes it */
    size_t dropped;                /* members that were read and are too long to be kept */
    bool sealed;                   /* sorted, no path twice; nothing is added any more */
    bool sum_known;
    uint64_t sum;  /* of its entries' hashes (manifest_sum.c) */
    bool edits;    /* the rows of a patch: removals are welcome */
    bool reserved; /* room for all rows and strings is there: they stay in memory */

    const cull_scratch *scratch; /* where to go when memory_bytes_max are held; NULL: nowhere */
    struct cull__spill *spill;   /* sealed: all rows are there; NULL: in memory */

    /* Where the rows in memory stand in what is read, by order, while it is (else NULL: as added):
     * next_place is the next one's. */
    bool keeps_places;
    uint64_t *places;
    size_t places_capacity;
    uint64_t next_place;
};

/* A row, and the strings that its at points into. */
struct cull__row_ref {
    const struct cull__manifest_row *row;
    const uint8_t *strings;
};

/* A path that stands twice. */
struct cull__manifest_duplicate {
    bool found;
    uint64_t place; /* of the second: as kept, or its number by addition from 0 */
    char shown[CULL_PRINTABLE_MAX];
};

struct cull_manifest_patch {
    struct cull_manifest edits;
    /* What it makes of one manifest, if a line has noted it (manifest_line.c). */
    bool noted;
    cull_digest base_digest;
    size_t base_count;
    cull_digest made_digest;
};

#define CULL__MANIFEST_DIGEST_HEAD "wandb-artifact-manifest-v1\n" /* what a digest begins with */

/* By bytes, which for UTF-8 is by code points: negative, 0, positive. */
static inline int cull__path_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* manifest_check.c: what a path and a reference may be. */

/* CULL_E_INVALID, CULL_E_LIMIT: the message begins with the path. */
cull_status cull__manifest_check_path(const char *path, size_t len, cull_error *err);
/* CULL_ENTRY_REF or CULL_ENTRY_ARTIFACT; CULL_ENTRY_NONE and *why: not to be understood. */
cull_entry_kind cull__manifest_ref_kind(const char *ref, const char **why);
/* The parts of `wandb-artifact://ID/PATH`, borrowed from ref; false if it is not one. */
bool cull__manifest_ref_split(const char *ref, const char **id, size_t *id_len, const char **path);
/* A path's first characters for a message: room is left for the reason behind it. */
#define CULL__MANIFEST_SHOWN_BYTES 120
const char *cull__manifest_shown(char text[CULL_PRINTABLE_MAX], const char *path, size_t len);

/* manifest_members.c: what an entry has beside digest, reference and size, as a text of JSON. */

#define CULL__JSON_DEPTH_MAX 64 /* of a whole manifest */

/* Why a text may not be an entry's members, or NULL. */
const char *cull__members_fault(const char *text, size_t len);
/* The number of a text in *table, which is made or grown; CULL__MEMBERS_OWN: it has no place there.
 * CULL_E_NOMEM. */
cull_status cull__members_share(struct cull__members **table, const char *text, size_t len,
                                const cull_allocator *allocator, uint8_t *out);
/* Add the texts of another table, under the same numbers, to *out, which is NULL. CULL_E_NOMEM. */
cull_status cull__members_copy(struct cull__members **out, const struct cull__members *from,
                               const cull_allocator *allocator);
const char *cull__members_text(const struct cull__members *members, uint8_t number, size_t *len);
void cull__members_free(struct cull__members *members);

/* manifest_note.c: members written down as a parser meets them. */

/* What a manifest says of itself, as cull writes it. */
#define CULL__MANIFEST_OWN_HEAD                      \
    "\"storagePolicy\":\"wandb-storage-policy-v1\"," \
    "\"storagePolicyConfig\":{\"storageLayout\":\"V2\"}"

/* Zero it with text's allocator. Whoever uses it looks at text.failed and invalid. */
struct cull__note {
    struct cull__buf text; /* without a NUL */
    size_t start;          /* where the last member begins */
    unsigned depth;        /* of what it is a member of */
    bool open;             /* its value is being written */
    bool drops;            /* it is too long: the rest of it is passed over */
    bool invalid;          /* a string was not UTF-8 */
    size_t dropped;        /* members that were too long */
};

/* A member comes: of what has that depth. Then its key, and its value in any number of calls, each
 * with the depth that holds behind it: note->open says whether there is more to come. */
void cull__note_begin(struct cull__note *note, unsigned depth);
void cull__note_key(struct cull__note *note, const char *text, size_t len);
void cull__note_string(struct cull__note *note, unsigned depth, const char *text, size_t len);
/* A number, a word, or what begins a list. */
void cull__note_word(struct cull__note *note, unsigned depth, const char *text, size_t len);
void cull__note_close(struct cull__note *note, unsigned depth, char close);
/* A string of JSON: as it stands, but for what must be escaped. */
void cull__json_put_string(struct cull__buf *buf, const char *text, size_t len);
/* How c stands in a JSON string if not as itself, in text or elsewhere; else NULL. */
const char *cull__json_escape(char c, char text[7]);

/* manifest_plain.c: entries past the JSON parser. */

#define CULL__PLAIN_MEMBERS_MAX 4

/* Points into the text; nothing is terminated, the path is not checked. */
struct cull__plain_entry {
    const char *path;
    size_t path_len;
    size_t path_end; /* behind the key's closing quote, from the entry's comma */
    const char *digest;
    size_t digest_len;
    uint64_t size_bytes; /* or CULL_SIZE_UNKNOWN */
    struct {
        const char *key; /* with its quotes */
        size_t key_len;
        const char *value; /* with its quotes, if it has some */
        size_t value_len;
    } members[CULL__PLAIN_MEMBERS_MAX]; /* the others */
    size_t member_count;
};
/* How many bytes at data are the comma and the entry behind it, of a blob, in plain form; 0: not
 * plain, or not whole: that is for the parser to say. */
size_t cull__manifest_plain_entry(const void *data, size_t len, struct cull__plain_entry *out);

/* manifest_read.c: cull_manifest_read_in(), with the plain entries past the parser or without. */
cull_status cull__manifest_read_json(cull_manifest **out, cull_digest_kind kind, const char *name,
                                     cull_read_fn read, void *ctx, bool plain,
                                     const cull_scratch *scratch, const cull_allocator *allocator,
                                     cull_error *err);

/* manifest.c */

void cull__manifest_init(struct cull_manifest *manifest, cull_digest_kind kind,
                         const cull_scratch *scratch, const cull_allocator *allocator);
void cull__manifest_release(struct cull_manifest *manifest);
/* cull_manifest_add() for a path that cull__manifest_check_path() has passed, and members that
 * cull__members_fault() has. */
cull_status cull__manifest_add_checked(struct cull_manifest *manifest, const cull_entry *entry,
                                       cull_error *err);
/* Take over what another manifest says of itself. CULL_E_NOMEM. */
cull_status cull__manifest_head_copy(struct cull_manifest *manifest,
                                     const struct cull_manifest *from);
/* Copy row i of another manifest of the same digest kind. */
cull_status cull__manifest_append(struct cull_manifest *manifest, const struct cull_manifest *from,
                                  size_t i, cull_error *err);
/* Room for the rows and strings of both, if they are to stay in memory, and base's table of members.
 * CULL_E_NOMEM. */
cull_status cull__manifest_reserve(struct cull_manifest *manifest, const struct cull_manifest *base,
                                   const struct cull_manifest *edits, cull_error *err);
/* Copy rows [begin, end) of another manifest of the same digest kind, after
 * cull__manifest_reserve(). On failure the manifest is good for release only. */
cull_status cull__manifest_append_run(struct cull_manifest *manifest,
                                      const struct cull_manifest *from, size_t begin, size_t end,
                                      cull_error *err);
/* Sort, and seal unless a path stands twice. CULL_E_NOMEM; of a scratch file also CULL_E_IO. */
cull_status cull__manifest_close(struct cull_manifest *manifest,
                                 struct cull__manifest_duplicate *duplicate, cull_error *err);
const char *cull__manifest_path(const struct cull_manifest *manifest, size_t i);
/* Bytes of heap, but for texts that rows share. */
uint64_t cull__manifest_memory(const struct cull_manifest *manifest);
/* Its row, for length and kind; as long as cull_manifest_at() says. */
const struct cull__manifest_row *cull__manifest_row(const struct cull_manifest *manifest, size_t i);
/* Row i of a against row j of b by path: negative, 0, positive. */
int cull__manifest_compare(const struct cull_manifest *a, size_t i, const struct cull_manifest *b,
                           size_t j);
/* Add to paths[i] how many paths hold digests[i]. False: not answered, there is a reference into
 * an artifact. */
bool cull__manifest_count_paths(const struct cull_manifest *manifest, const cull_digest *digests,
                                size_t count, uint32_t *paths);
/* manifest_digest.c: two manifests of one digest. May this one's lines, path:digest, be those of another
 * one that has as many entries? A path with a newline ends a line of its own; a reference's digest is any
 * text, also a blob's. */
bool cull__manifest_lines_deceive(const cull_manifest *manifest);
/* Have both the same paths, digests and references? What is known of sizes does not count. */
bool cull__manifest_says_same(const cull_manifest *a, const cull_manifest *b);
/* Equal in everything a reader can see. */
bool cull__manifest_same(const struct cull_manifest *a, size_t i, const struct cull_manifest *b,
                         size_t j);
/* Names the first broken rule of a sealed manifest in *why. */
bool cull__manifest_valid(const cull_manifest *manifest, const char **why);

/* manifest_sum.c: they notice damage, and a patch on a wrong base. */

/* XXH3-64 over all entries, in order; of documents of before. */
uint64_t cull__manifest_checksum(const struct cull_manifest *manifest);
/* The sum of all entries' hashes; one entry's; and what a manifest says of itself adds. */
uint64_t cull__manifest_add_up(const struct cull_manifest *manifest);
uint64_t cull__manifest_row_sum(const struct cull_manifest *manifest, size_t i);
uint64_t cull__manifest_head_sum(const struct cull_manifest *manifest);
/* Let it know its sum, so that what patches make of it does. */
void cull__manifest_learn_sum(struct cull_manifest *manifest);

/* manifest_patch.c */

/* What a merge of base and edits asks beyond the order of the paths. */
enum cull__manifest_merge {
    CULL__MERGE_LENIENT,  /* a user's patch: a put may repeat what is there */
    CULL__MERGE_STRICT,   /* a stored patch: every edit changes something */
    CULL__MERGE_COMPOSED, /* stored patches composed to one: it may take back what it put */
    CULL__MERGE_EDITS /* two stored patches to one: base is edits too, and so is what comes of it */
};
/* The first row at or behind from whose path is not below the edit's. */
size_t cull__manifest_place(const struct cull_manifest *base, size_t from,
                            const struct cull_manifest *edits, size_t edit);
/* CULL_E_INVALID: an edit that does not fit its base, by its path. */
cull_status cull__manifest_misfit(const struct cull_manifest *edits, size_t edit, const char *fault,
                                  cull_error *err);
#define CULL__MISFIT_REMOVAL "cannot be removed: no such path"
/* base (NULL: empty) with the edits done to it, sealed. CULL_E_INVALID names the path. */
cull_status cull__manifest_merge(cull_manifest **out, const struct cull_manifest *base,
                                 const struct cull_manifest *edits, enum cull__manifest_merge how,
                                 const cull_allocator *allocator, cull_error *err);
/* cull_manifest_patch_apply(), into the memory of spare (NULL: none), which is good for freeing only
 * then, and is still to be freed. */
cull_status cull__manifest_patch_apply(cull_manifest **out, const cull_manifest *base,
                                       const cull_manifest_patch *patch, cull_manifest *spare,
                                       const cull_allocator *allocator, cull_error *err);

/* manifest_line.c */

/* The patch has a note of what it makes of the manifest with that digest (16 bytes) and as many
 * entries: *made is the digest. */
bool cull__manifest_noted(const cull_manifest_patch *patch, const uint8_t *base_digest,
                          uint64_t base_count, cull_digest *made);

/* manifest_codec.c: how a store keeps a manifest, whole or as a patch on the previous one. */

#define CULL__MANIFEST_PAYLOAD_BYTES_MAX (UINT64_C(1) << 30)

/* Append next's document to out: the edits that lead from previous (NULL: from nothing), sorted,
 * front-coded, deflated. The same input gives the same bytes. Both sealed, of one digest kind.
 * CULL_E_NOMEM; CULL_E_LIMIT: over CULL__MANIFEST_PAYLOAD_BYTES_MAX. */
cull_status cull__manifest_encode(struct cull__buf *out, const cull_manifest *previous,
                                  const cull_manifest *next, cull_error *err);
/* A document of any size: in bytes, or if fd is not -1 in that file. Zero it with fd = -1. */
struct cull__manifest_document {
    struct cull__buf bytes;
    int fd;
    uint64_t len;
};
/* The same into *out, which is released on failure: into a scratch file if one of the manifests lies
 * in one (scratch NULL: never). Also the statuses of such a file. patch not NULL: next is previous
 * with it done, so that what it does not name need not be compared. */
cull_status cull__manifest_encode_in(struct cull__manifest_document *out,
                                     const cull_manifest *previous, const cull_manifest *next,
                                     const cull_manifest_patch *patch, const cull_scratch *scratch,
                                     const cull_allocator *allocator, cull_error *err);
/* len of its bytes from at on. */
cull_status cull__manifest_document_read(const struct cull__manifest_document *document,
                                         uint64_t at, void *data, size_t len, cull_error *err);
void cull__manifest_document_release(struct cull__manifest_document *document);

/* Read a document as if it were hostile. previous is NULL for a full one, else the manifest that
 * the patch was made on: any other is noticed. *out is sealed, NULL on failure. CULL_E_CORRUPT,
 * CULL_E_NOMEM. Memory: at most about a thousand times len, however the document lies. */
cull_status cull__manifest_decode(cull_manifest **out, const cull_manifest *previous,
                                  const void *data, size_t len, const cull_allocator *allocator,
                                  cull_error *err);
/* The same in pieces: new, feed each piece, end once. previous and scratch are borrowed, scratch by
 * the manifest too: it goes there if it is too large for memory. After a failure only free. */
struct cull__manifest_decoder;
cull_status cull__manifest_decoder_new(struct cull__manifest_decoder **out,
                                       const cull_manifest *previous, const cull_scratch *scratch,
                                       const cull_allocator *allocator);
cull_status cull__manifest_decoder_feed(struct cull__manifest_decoder *decoder, const void *data,
                                        size_t len, cull_error *err);
cull_status cull__manifest_decoder_end(struct cull__manifest_decoder *decoder, cull_manifest **out,
                                       cull_error *err);
/* Instead of end, of a patch's document: its edits, sealed, for another previous manifest than that at
 * hand; and what must come of them (previous only says of which kind its digests are). */
struct cull__manifest_promise {
    bool is_sum;
    uint32_t entry_count;
    uint64_t entries_checksum;
};
cull_status cull__manifest_decoder_edits(struct cull__manifest_decoder *decoder,
                                         cull_manifest **out,
                                         struct cull__manifest_promise *promise, cull_error *err);
/* One patch that does what two do, the older one first. CULL_E_CORRUPT, CULL_E_NOMEM; of a scratch
 * file its statuses. */
cull_status cull__manifest_compose(cull_manifest **out, const cull_manifest *older,
                                   const cull_manifest *newer, cull_error *err);
/* What composed edits make of a manifest is what the last of them promised. CULL_E_CORRUPT ... */
cull_status cull__manifest_apply_composed(cull_manifest **out, const cull_manifest *previous,
                                          const cull_manifest *edits,
                                          const struct cull__manifest_promise *promise,
                                          cull_error *err);
void cull__manifest_decoder_free(struct cull__manifest_decoder *decoder);
/* Whether the document can be read without a previous one, by its first 48 bytes or more; false for
 * what is no document. */
bool cull__manifest_document_is_full(const void *data, size_t len);

/* The payload alone, as it stands before it is deflated: one pair of manifests has exactly one.
 * For the two above, and for fuzzing without a checksum in the way. */
cull_status cull__manifest_payload_encode(struct cull__buf *out, const cull_manifest *previous,
                                          const cull_manifest *next, uint32_t *edit_count,
                                          cull_error *err);
cull_status cull__manifest_payload_apply(cull_manifest **out, const cull_manifest *previous,
                                         cull_digest_kind kind, const void *payload, size_t len,
                                         uint32_t edit_count, const cull_allocator *allocator,
                                         cull_error *err);

#endif
