/*
 * manifest_row.h - the parts of a manifest's row, wherever it lies: inline, for what looks at all.
 */
#ifndef CULL_MANIFEST_ROW_H
#define CULL_MANIFEST_ROW_H

#include "manifest/manifest_internal.h"
#include "manifest/manifest_spill.h"

static inline struct cull__row_ref row_ref(const struct cull_manifest *manifest, size_t i)
{
    if (CULL_LIKELY(manifest->spill == NULL)) {
        return (struct cull__row_ref){ &manifest->rows[i], manifest->strings.data };
    }
    return cull__spill_row(manifest->spill, i);
}

static inline const char *ref_path(const struct cull__row_ref *ref)
{
    return (const char *)ref->strings + ref->row->at;
}

/* What stands behind a row's path and its NUL, and how long it is without members of its own. */
static inline const uint8_t *ref_fixed(const struct cull_manifest *manifest,
                                       const struct cull__row_ref *ref, size_t *len)
{
    const uint8_t *tail = ref->strings + ref->row->at + ref->row->path_len + 1;

    if (ref->row->kind == CULL_ENTRY_NONE) {
        *len = 0;
    } else if (ref->row->kind == CULL_ENTRY_BLOB) {
        *len = cull_digest_len(manifest->kind);
    } else {
        size_t text_len = strlen((const char *)tail) + 1;

        *len = text_len + strlen((const char *)tail + text_len) + 1;
    }
    return tail;
}

/* A row's members, or NULL: none. */
static inline const char *ref_members(const struct cull_manifest *manifest,
                                      const struct cull__row_ref *ref, size_t *len)
{
    const char *text = NULL;
    size_t fixed_len;

    *len = 0;
    if (ref->row->members == CULL__MEMBERS_OWN) {
        text = (const char *)ref_fixed(manifest, ref, &fixed_len);
        text += fixed_len;
        *len = strlen(text);
    } else if (ref->row->members != CULL__MEMBERS_NONE) {
        text = cull__members_text(manifest->members, ref->row->members, len);
    }
    return text;
}

/* All that stands behind a row's path and its NUL. */
static inline const uint8_t *ref_tail(const struct cull_manifest *manifest,
                                      const struct cull__row_ref *ref, size_t *len)
{
    const uint8_t *tail = ref_fixed(manifest, ref, len);

    if (CULL_UNLIKELY(ref->row->members == CULL__MEMBERS_OWN)) {
        *len += strlen((const char *)tail + *len) + 1;
    }
    return tail;
}

#endif
