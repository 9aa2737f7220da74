/*
 * manifest_patch.c - edits of a manifest, path by path, and doing them.
 *
 * SHAPE     A patch is rows like a manifest's, where a row without a kind removes its path. Two
 *           sorted lists, base and edits, are merged into a new manifest; nothing is changed in
 *           place. What lies between two edits is copied as a run.
 * INVARIANT One edit a path, and each removal finds what it removes: a patch that does not fit its
 *           base is refused rather than half done.
 * COST      O(edits x log base) comparisons, and one copy of what stays.
 * FAILURE   *out is NULL; base and patch stay as they are.
 * WHY NOT   the last edit of a path wins: a caller that says two things about one path does not
 *           know what it wants, and the order of edits would become part of the request's meaning.
 */
#include "manifest/manifest_internal.h"

cull_status cull_manifest_patch_new(cull_manifest_patch **out, cull_digest_kind kind,
                                    const cull_allocator *allocator)
{
    const cull_allocator *used = allocator != NULL ? allocator : cull_allocator_default();

    *out = cull__alloc_zero(used, 1, sizeof **out);
    if (*out == NULL) {
        return CULL_E_NOMEM;
    }
    cull__manifest_init(&(*out)->edits, kind, NULL, used);
    (*out)->edits.edits = true;
    return CULL_OK;
}

void cull_manifest_patch_free(cull_manifest_patch *patch)
{
    if (patch != NULL) {
        const cull_allocator *allocator = patch->edits.allocator;

        cull__manifest_release(&patch->edits);
        cull__free(allocator, patch);
    }
}

cull_status cull_manifest_patch_put(cull_manifest_patch *patch, const cull_entry *entry,
                                    cull_error *err)
{
    return cull_manifest_add(&patch->edits, entry, err);
}

cull_status cull_manifest_patch_remove(cull_manifest_patch *patch, const char *path,
                                       cull_error *err)
{
    size_t len = strlen(path);
    cull_entry entry = { .path = path, .path_len = (uint32_t)len, .kind = CULL_ENTRY_NONE };

    if (len > CULL_PATH_BYTES_MAX) {
        return cull__manifest_check_path(path, len, err);
    }
    return cull_manifest_add(&patch->edits, &entry, err);
}

cull_status cull_manifest_patch_seal(cull_manifest_patch *patch, cull_error *err)
{
    return cull_manifest_seal(&patch->edits, err);
}

size_t cull_manifest_patch_count(const cull_manifest_patch *patch)
{
    return patch->edits.count;
}

cull_digest_kind cull_manifest_patch_kind(const cull_manifest_patch *patch)
{
    return patch->edits.kind;
}

void cull_manifest_patch_at(const cull_manifest_patch *patch, size_t i, cull_entry *out)
{
    cull_manifest_at(&patch->edits, i, out);
}

cull_status cull__manifest_misfit(const struct cull_manifest *edits, size_t edit, const char *fault,
                                  cull_error *err)
{
    char text[CULL_PRINTABLE_MAX];

    return cull__error_set(err, CULL_E_INVALID, "%s: %s",
                           cull__manifest_shown(text, cull__manifest_path(edits, edit),
                                                cull__manifest_row(edits, edit)->path_len),
                           fault);
}

/* What may not be done with an edit, given the base's row of the same path, or NULL. */
static const char *edit_fault(const struct cull_manifest *base, size_t row, bool there,
                              const struct cull_manifest *edits, size_t edit,
                              enum cull__manifest_merge how)
{
    if (how == CULL__MERGE_COMPOSED || how == CULL__MERGE_EDITS) {
        return NULL;
    }
    if (cull__manifest_row(edits, edit)->kind == CULL_ENTRY_NONE) {
        return there ? NULL : CULL__MISFIT_REMOVAL;
    }
    if (how == CULL__MERGE_STRICT && there && cull__manifest_same(base, row, edits, edit)) {
        return "edit changes nothing";
    }
    return NULL;
}

/* Edits are few: steps double until they are too far, and bisection does the rest. */
size_t cull__manifest_place(const struct cull_manifest *base, size_t from,
                            const struct cull_manifest *edits, size_t edit)
{
    size_t low = from;
    size_t step = 1;
    size_t high;

    while (low + step <= base->count &&
           cull__manifest_compare(base, low + step - 1, edits, edit) < 0) {
        low += step;
        step *= 2;
    }
    high = low + step <= base->count ? low + step - 1 : base->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cull__manifest_compare(base, middle, edits, edit) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static cull_status rows_merge(struct cull_manifest *out, const struct cull_manifest *base,
                              const struct cull_manifest *edits, enum cull__manifest_merge how,
                              cull_error *err)
{
    cull_status status = CULL_OK;
    size_t row = 0;

    for (size_t edit = 0; status == CULL_OK && edit < edits->count; edit++) {
        size_t place = cull__manifest_place(base, row, edits, edit);
        bool there = place < base->count && cull__manifest_compare(base, place, edits, edit) == 0;
        const char *fault = edit_fault(base, place, there, edits, edit, how);

        if (fault != NULL) {
            return cull__manifest_misfit(edits, edit, fault, err);
        }
        out->sum -= there ? cull__manifest_row_sum(base, place) : 0;
        status = cull__manifest_append_run(out, base, row, place, err);
        if (status == CULL_OK && (cull__manifest_row(edits, edit)->kind != CULL_ENTRY_NONE ||
                                  how == CULL__MERGE_EDITS)) {
            out->sum += cull__manifest_row_sum(edits, edit);
            status = cull__manifest_append(out, edits, edit, err);
        }
        row = place + there;
    }
    return status == CULL_OK ? cull__manifest_append_run(out, base, row, base->count, err) : status;
}

/* Merged in order, each path once: nothing to sort, little to trim. */
static cull_status close_merged(struct cull_manifest *out, cull_error *err)
{
    struct cull__manifest_duplicate duplicate;
    cull_status status = CULL_OK;

    if (out->spill != NULL) {
        status = cull__manifest_close(out, &duplicate, err);
        CULL_ASSERT(status != CULL_OK || !duplicate.found);
    }
    out->sealed = true;
    return status;
}

/* Take over the memory of a manifest that is done with; all else of it stays. */
static void take_room(struct cull_manifest *out, struct cull_manifest *spare)
{
    if (spare != NULL && spare->spill == NULL && spare->allocator == out->allocator) {
        out->rows = spare->rows;
        out->capacity = spare->capacity;
        out->strings = spare->strings;
        cull__buf_clear(&out->strings);
        spare->rows = NULL;
        spare->strings = (struct cull__buf)CULL__BUF_INIT(spare->allocator);
        spare->held = spare->capacity = 0;
    }
}

/* cull__manifest_merge(), with the memory of spare, which may be NULL. */
static cull_status merge_into(cull_manifest **out, const struct cull_manifest *base,
                              const struct cull_manifest *edits, enum cull__manifest_merge how,
                              struct cull_manifest *spare, const cull_allocator *allocator,
                              cull_error *err)
{
    struct cull_manifest nothing;
    cull_status status;

    *out = NULL;
    CULL_ASSERT(edits->sealed);
    CULL_ASSERT(base == NULL || base->sealed);
    if (base == NULL) {
        cull__manifest_init(&nothing, edits->kind, edits->scratch, allocator);
        base = &nothing;
    }
    if (base->kind != edits->kind) {
        return cull__error_set(err, CULL_E_INVALID, "a patch of %s digests on a manifest of %s",
                               cull_digest_kind_name(edits->kind),
                               cull_digest_kind_name(base->kind));
    }
    if (cull_manifest_new_in(out, base->kind,
                             base->scratch != NULL ? base->scratch : edits->scratch,
                             allocator) != CULL_OK) {
        return cull__error_nomem(err);
    }
    take_room(*out, spare);
    (*out)->edits = how == CULL__MERGE_EDITS;
    (*out)->sum_known = base->sum_known; /* if it was not, what is added up means nothing */
    (*out)->sum = base->sum;
    status = cull__manifest_head_copy(*out, how != CULL__MERGE_LENIENT ? edits : base);
    status =
        status == CULL_OK ? cull__manifest_reserve(*out, base, edits, err) : cull__error_nomem(err);
    if (status == CULL_OK) {
        status = rows_merge(*out, base, edits, how, err);
    }
    if (status == CULL_OK) {
        status = close_merged(*out, err);
    }
    if (status == CULL_OK && (status = cull_manifest_check(base, err)) == CULL_OK) {
        status = cull_manifest_check(edits, err);
    }
    if (status != CULL_OK) {
        cull_manifest_free(*out);
        *out = NULL;
    }
    return status;
}

cull_status cull__manifest_merge(cull_manifest **out, const struct cull_manifest *base,
                                 const struct cull_manifest *edits, enum cull__manifest_merge how,
                                 const cull_allocator *allocator, cull_error *err)
{
    return merge_into(out, base, edits, how, NULL, allocator, err);
}

cull_status cull__manifest_patch_apply(cull_manifest **out, const cull_manifest *base,
                                       const cull_manifest_patch *patch, cull_manifest *spare,
                                       const cull_allocator *allocator, cull_error *err)
{
    return merge_into(out, base, &patch->edits, CULL__MERGE_LENIENT, spare, allocator, err);
}

cull_status cull_manifest_patch_apply(cull_manifest **out, const cull_manifest *base,
                                      const cull_manifest_patch *patch,
                                      const cull_allocator *allocator, cull_error *err)
{
    return cull__manifest_merge(out, base, &patch->edits, CULL__MERGE_LENIENT, allocator, err);
}
