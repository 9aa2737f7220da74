/**
 * @file cull/manifest.h
 * Manifests: all entries of one version, read from and written as `wandb_manifest.json`
 * version 1, and the digest that identifies them.
 */
#ifndef CULL_MANIFEST_H
#define CULL_MANIFEST_H

#include "cull/digest.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CULL_PATH_BYTES_MAX 4096 /**< of one entry's path, its NUL not counted */
#define CULL_REF_BYTES_MAX 65536 /**< of a reference or a digest text */
#define CULL_MANIFEST_ENTRIES_MAX 100000000u
#define CULL_SIZE_UNKNOWN UINT64_MAX

typedef enum cull_entry_kind {
    CULL_ENTRY_NONE = 0,    /**< in a patch only: the path is removed */
    CULL_ENTRY_BLOB = 1,    /**< owns a blob of the store */
    CULL_ENTRY_REF = 2,     /**< a place outside the store; owns no blob, never touched */
    CULL_ENTRY_ARTIFACT = 3 /**< `wandb-artifact://ID/path`: keeps the target's blob alive */
} cull_entry_kind;

/** One line of a manifest. Strings are NUL-terminated, valid UTF-8 for JSON, and borrowed. */
typedef struct cull_entry {
    const char *path;  /**< relative, no `.`, no `..`, no empty part */
    uint32_t path_len; /**< bytes of path; adding takes as many, and refuses a NUL in them */
    cull_entry_kind kind;
    cull_digest digest;      /**< BLOB: the content's, of the manifest's digest kind */
    uint64_t size_bytes;     /**< CULL_SIZE_UNKNOWN if the manifest does not say */
    const char *digest_text; /**< REF, ARTIFACT: what stands as "digest"; NULL for BLOB */
    const char *ref;         /**< REF, ARTIFACT: the reference; NULL for BLOB */
    const char *members;     /**< what else stands in its object, as JSON without white space:
                                  `"birthArtifactID":"QXJ0","extra":{}`; NULL: nothing */
} cull_entry;

/** A manifest in memory: entries sorted by path in code-point order, without duplicates. */
typedef struct cull_manifest cull_manifest;

/** New and empty, for blobs of that kind. Freed by cull_manifest_free(). allocator is borrowed
 *  as long as the manifest lives; NULL: default. CULL_E_NOMEM. */
CULL_API CULL_MUST_USE cull_status cull_manifest_new(cull_manifest **out, cull_digest_kind kind,
                                                     const cull_allocator *allocator);
CULL_API void cull_manifest_free(cull_manifest *manifest);

/**
 * Where what is too large for memory lies meanwhile: a file without a name, of the caller's choice
 * of disk. The library writes and reads it by offset, and closes it.
 */
typedef struct cull_scratch {
    /** Required. Opens a new, empty file for reading and writing that nobody else has. May be
     *  called several times, and from any thread that uses the manifest or store. */
    cull_status (*open)(void *ctx, int *fd, cull_error *err);
    void *ctx;
    uint64_t memory_bytes_max; /**< of one manifest's entries in memory; 0: 16 MiB */
} cull_scratch;

/**
 * The same, for a manifest of any size: entries beyond scratch->memory_bytes_max go to a scratch
 * file. scratch is borrowed as long as the manifest lives; NULL: all stays in memory.
 *
 * Once it is in a file: it is read by one thread at a time; what cull_manifest_at() and
 * cull_manifest_find() lend lasts until entries of two other places were looked at; and a failure
 * to read it back makes entries empty until cull_manifest_check() tells.
 */
CULL_API CULL_MUST_USE cull_status cull_manifest_new_in(cull_manifest **out, cull_digest_kind kind,
                                                        const cull_scratch *scratch,
                                                        const cull_allocator *allocator);

/** Whether all that was looked at so far was there: to be asked after looking, before acting on
 *  it. Always CULL_OK for a manifest in memory; CULL_E_IO, CULL_E_NOMEM: of its scratch file. */
CULL_API CULL_MUST_USE cull_status cull_manifest_check(const cull_manifest *manifest,
                                                       cull_error *err);

/**
 * Add one entry; everything in it is copied. Any order; cull_manifest_seal() sorts.
 * @retval CULL_E_INVALID the path is empty, absolute, holds NUL, `.`, `..` or an empty part, is
 *                        not UTF-8; the reference has no scheme, is one into the store that is
 *                        not understood, or is not of entry->kind; or the sizes' sum overflows
 * @retval CULL_E_LIMIT   too many entries, or too long a path
 * @retval CULL_E_NOMEM
 * @retval CULL_E_IO, CULL_E_NOSPACE  a scratch file; the manifest is then good for freeing only
 */
CULL_API CULL_MUST_USE cull_status cull_manifest_add(cull_manifest *manifest,
                                                     const cull_entry *entry, cull_error *err);

/** Sort, refuse duplicate paths (CULL_E_INVALID names the first). Before anything is read.
 *  Statuses of a scratch file as in cull_manifest_add(). */
CULL_API CULL_MUST_USE cull_status cull_manifest_seal(cull_manifest *manifest, cull_error *err);

/**
 * What stands in a manifest beside version and contents: policy, storage layout, region, as JSON
 * without white space; it is no part of the digest. NULL: what cull itself writes,
 * `"storagePolicy":"wandb-storage-policy-v1","storagePolicyConfig":{"storageLayout":"V2"}`.
 * Borrowed until it is set.
 */
CULL_API const char *cull_manifest_head(const cull_manifest *manifest);
/** Set it; head is copied. CULL_E_INVALID: not such a text, or not of a manifest that would be read;
 *  CULL_E_LIMIT; CULL_E_NOMEM. */
CULL_API CULL_MUST_USE cull_status cull_manifest_head_set(cull_manifest *manifest, const char *head,
                                                          cull_error *err);

/** How many members of entries, or of the head, were read and not kept: more than
 *  CULL_REF_BYTES_MAX bytes. */
CULL_API size_t cull_manifest_dropped(const cull_manifest *manifest);

CULL_API size_t cull_manifest_count(const cull_manifest *manifest);
CULL_API cull_digest_kind cull_manifest_kind(const cull_manifest *manifest);
/** Entry at i < count, by path. Borrowed strings live as long as the manifest; of one in a scratch
 *  file see cull_manifest_new_in(). */
CULL_API void cull_manifest_at(const cull_manifest *manifest, size_t i, cull_entry *out);
/** Bisection by path; false if it is not there. */
CULL_API bool cull_manifest_find(const cull_manifest *manifest, const char *path, cull_entry *out);
/** Sum of known sizes, references included. *exact false if any size is unknown. */
CULL_API uint64_t cull_manifest_size_bytes(const cull_manifest *manifest, bool *exact);

/**
 * Whether one entry's path is a folder of another's ("a" and "a/b"), as object stores allow and
 * directories do not. Reading accepts it, because references may be so; who writes files asks
 * first. True: *file and *below are the first such pair.
 */
CULL_API bool cull_manifest_path_conflict(const cull_manifest *manifest, cull_entry *file,
                                          cull_entry *below);

/**
 * The manifest's identity: MD5 of `wandb-artifact-manifest-v1\n` and, in code-point order of
 * the paths, `path:digest\n`, the digest as it stands in the JSON (base64 for blobs).
 * 16 bytes; shown as hex.
 */
CULL_API CULL_MUST_USE cull_status cull_manifest_digest(const cull_manifest *manifest,
                                                        cull_digest *out);

/**
 * Read a `wandb_manifest.json`, version 1, as the Python and the Go client write it: `size` may be
 * missing, storage layouts V1 and V2; what else an entry or the manifest says is kept as it stands
 * (cull_entry.members, cull_manifest_head(); but see cull_manifest_dropped()). The result is
 * sealed.
 *
 * Whether a path is both a file and a folder is not asked here: cull_manifest_path_conflict().
 *
 * @param kind   of the digests; CULL_DIGEST_NONE: as long as the first blob's is (16 bytes, or no
 *               blob at all: MD5; 20: SHA-1; 32: SHA-256)
 * @param name   what messages call the input, a file's name; borrowed
 * @param read   gives the bytes, called until it says *got = 0
 * @retval CULL_E_INVALID "NAME: byte N: reason": not JSON, cut short, another version, absolute
 *                        paths, `..`, empty paths, NUL, duplicates, digests of wrong length,
 *                        sizes that overflow, a reference kind that is not understood
 *                        N: the byte behind the key, value or character at fault, from 0
 * @retval CULL_E_LIMIT   nested deeper than 64, too long a path, reference or other value
 * Cost: one pass, streaming; memory for the entries only.
 */
CULL_API CULL_MUST_USE cull_status cull_manifest_read(cull_manifest **out, cull_digest_kind kind,
                                                      const char *name, cull_read_fn read,
                                                      void *ctx, const cull_allocator *allocator,
                                                      cull_error *err);

/**
 * Whether a file is plainly something else than a manifest: *foreign true: one whole JSON text that
 * has nothing of one, neither contents nor a storage policy nor a number as its version. What may
 * be a manifest, but a broken one or one cut short, is not foreign: reading it says what is wrong.
 * Fails with what read gives only.
 */
CULL_API CULL_MUST_USE cull_status cull_manifest_probe(bool *foreign, cull_read_fn read, void *ctx,
                                                       cull_error *err);

/** The same for manifests of any size, see cull_manifest_new_in(): memory does not depend on it. */
CULL_API CULL_MUST_USE cull_status cull_manifest_read_in(cull_manifest **out, cull_digest_kind kind,
                                                         const char *name, cull_read_fn read,
                                                         void *ctx, const cull_scratch *scratch,
                                                         const cull_allocator *allocator,
                                                         cull_error *err);

/** The same from one buffer. */
CULL_API CULL_MUST_USE cull_status cull_manifest_parse(cull_manifest **out, cull_digest_kind kind,
                                                       const char *name, const void *data,
                                                       size_t len, const cull_allocator *allocator,
                                                       cull_error *err);

/**
 * Read a list of files and their digests in hex, in the form that its first line has:
 *
 *     PATH<tab>DIGEST<tab>SIZE    SIZE may be left out
 *     DIGEST  PATH                as md5sum(1), sha1sum(1), sha256sum(1) print it; " *" too
 *     MD5 (PATH) = DIGEST         the same with --tag: MD5, SHA1, SHA256, XXH128
 *
 * In the last two a line that begins with a backslash has \\, \n and \r for these characters in
 * its path. One "./" before a path is left out. Without sizes they are CULL_SIZE_UNKNOWN. Lines end
 * in LF, or all of them in CR LF, as the first one does; or in NUL, if there is one in the first
 * 16 KiB: then nothing is escaped. A byte order mark of UTF-8 before the list is passed over. The
 * result is sealed; an empty list is an empty manifest.
 *
 * @param kind  of the digests; CULL_DIGEST_NONE: what the first line says, or by its length (16
 *              bytes: MD5)
 * @retval CULL_E_INVALID "NAME: line N: reason": a line of another form, a digest of another kind,
 *                        a path that may not be, a duplicate path, a size that does not fit
 * @retval CULL_E_LIMIT   a line of over 16 KiB, too long a path
 */
CULL_API CULL_MUST_USE cull_status cull_manifest_read_list(cull_manifest **out,
                                                           cull_digest_kind kind, const char *name,
                                                           cull_read_fn read, void *ctx,
                                                           const cull_allocator *allocator,
                                                           cull_error *err);

/** The same for lists of any size, see cull_manifest_new_in(). */
CULL_API CULL_MUST_USE cull_status cull_manifest_read_list_in(
    cull_manifest **out, cull_digest_kind kind, const char *name, cull_read_fn read, void *ctx,
    const cull_scratch *scratch, const cull_allocator *allocator, cull_error *err);

/** Write as tidy `wandb_manifest.json`, version 1, sorted by path. Reading it gives the same
 *  entries with all their members, the same head, and the same digest. */
CULL_API CULL_MUST_USE cull_status cull_manifest_write(const cull_manifest *manifest,
                                                       cull_write_fn write, void *ctx,
                                                       cull_error *err);

/** Edits of a manifest, path by path, against one base. */
typedef struct cull_manifest_patch cull_manifest_patch;

/** New and empty. Freed by cull_manifest_patch_free(). allocator as for cull_manifest_new(). */
CULL_API CULL_MUST_USE cull_status cull_manifest_patch_new(cull_manifest_patch **out,
                                                           cull_digest_kind kind,
                                                           const cull_allocator *allocator);
CULL_API void cull_manifest_patch_free(cull_manifest_patch *patch);

/** Add or replace entry->path. Statuses of cull_manifest_add(); of kind CULL_ENTRY_NONE, it is
 *  cull_manifest_patch_remove(). Edits come in any order. */
CULL_API CULL_MUST_USE cull_status cull_manifest_patch_put(cull_manifest_patch *patch,
                                                           const cull_entry *entry,
                                                           cull_error *err);
/** Remove a path that the base has. */
CULL_API CULL_MUST_USE cull_status cull_manifest_patch_remove(cull_manifest_patch *patch,
                                                              const char *path, cull_error *err);
/** Sort, refuse two edits of one path (CULL_E_INVALID names it). Before anything is read. */
CULL_API CULL_MUST_USE cull_status cull_manifest_patch_seal(cull_manifest_patch *patch,
                                                            cull_error *err);
CULL_API size_t cull_manifest_patch_count(const cull_manifest_patch *patch);
CULL_API cull_digest_kind cull_manifest_patch_kind(const cull_manifest_patch *patch);
/** Edit at i < count, by path; kind CULL_ENTRY_NONE: the path is removed. Borrowed strings live
 *  as long as the patch. */
CULL_API void cull_manifest_patch_at(const cull_manifest_patch *patch, size_t i, cull_entry *out);

/**
 * A new, sealed manifest: base with the edits done. Base and patch, both sealed, stay as they are.
 * @retval CULL_E_INVALID  a removed path is not there (the message names it), the sizes' sum
 *                         overflows, or the digest kinds differ
 * @retval CULL_E_NOMEM
 * Cost: O(base + edits), one copy of what stays.
 */
CULL_API CULL_MUST_USE cull_status cull_manifest_patch_apply(cull_manifest **out,
                                                             const cull_manifest *base,
                                                             const cull_manifest_patch *patch,
                                                             const cull_allocator *allocator,
                                                             cull_error *err);

/**
 * Manifests that follow one another by patches, as the versions of a history do: their digests,
 * several at a time. For who has many patches before the first of them is committed.
 */
typedef struct cull_manifest_line cull_manifest_line;

/** A line that begins at a sealed manifest, which is copied. allocator as for
 *  cull_manifest_new(). Freed by cull_manifest_line_free(). CULL_E_NOMEM. */
CULL_API CULL_MUST_USE cull_status cull_manifest_line_new(cull_manifest_line **out,
                                                          const cull_manifest *first,
                                                          const cull_allocator *allocator);
CULL_API void cull_manifest_line_free(cull_manifest_line *line);

/**
 * Go on by patches, all sealed, each on what the one before it made, and note with each the digest
 * of what it makes. A commit of such a patch on that very base then has no digest to compute; on
 * any other base the note means nothing.
 * @retval CULL_E_INVALID  a removed path is not there (the message names it), or a patch is of
 *                         another digest kind. No patch from that one on has a note.
 * @retval CULL_E_NOMEM    the same
 * After a failure the line can only be freed.
 * Cost: one pass over the text of each manifest, with up to 16 of them side by side; beside it
 * O(edits). Memory: the text of one manifest, and of what the patches change.
 */
CULL_API CULL_MUST_USE cull_status cull_manifest_line_follow(cull_manifest_line *line,
                                                             cull_manifest_patch *const *patches,
                                                             size_t count, cull_error *err);

#ifdef __cplusplus
}
#endif

#endif
