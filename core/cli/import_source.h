/*
 * import_source.h - a manifest that was read, and where the content of its files may lie.
 */
#ifndef IMPORT_SOURCE_H
#define IMPORT_SOURCE_H

#include "content.h"
#include "import.h"

struct import_object;

/* Zero it, then import_source_begin(). */
struct import_source {
    struct import *import;
    cull_digest_kind digest; /* --digest, or CULL_DIGEST_NONE */

    bool has_content;       /* --content was given */
    struct content content; /* its files; digests of the store's kind, where they are known */
    cull_digest *digests;   /* of the source's kind, where they are known */
    uint8_t *is_known;      /* both are */
    cull_digest_kind digests_kind; /* of digests */
    struct import_object *objects; /* files that are named by a digest */
    size_t object_count;

    /* the version that is being added */
    const cull_manifest *manifest; /* with the digests that it came with */
    const char *name;              /* its folder in the content; NULL: none */
    const char *artifact_id;       /* that a server knows it by; NULL: none */
};

/* List what --content holds, if it was given. */
CULL_MUST_USE cull_status import_source_begin(struct import_source *source, struct import *import);
/* Open what is to be read: a file, or "-". */
CULL_MUST_USE cull_status import_source_open(struct import_source *source, const char *path,
                                             int *fd);
/* Reads a descriptor (ctx: int *) for the library, and stops after a signal. */
cull_status import_source_read(void *ctx, void *data, size_t len, size_t *got, cull_error *err);

/*
 * Add the version that *manifest says, verified against its content where that is needed. shown
 * names it in messages; name is the version's folder in --content, NULL: none. is_last: it takes
 * the aliases that were asked for. Takes the manifest over.
 */
CULL_MUST_USE cull_status import_source_add(struct import_source *source, cull_manifest *manifest,
                                            const char *shown, const char *name, bool is_last);
void import_source_end(struct import_source *source);

#endif
