/*
 * manifest_spill.h - entries of a manifest that is too large for memory, in a file meanwhile.
 */
#ifndef CULL_MANIFEST_SPILL_H
#define CULL_MANIFEST_SPILL_H

#include "manifest/manifest_internal.h"

#define CULL__SPILL_MEMORY_BYTES (UINT64_C(16) << 20) /* of a manifest before it spills */

/* New and empty, in a file that scratch opens. CULL_E_NOMEM; whatever scratch says. */
cull_status cull__spill_new(struct cull__spill **out, const cull_scratch *scratch,
                            const cull_allocator *allocator, cull_error *err);
void cull__spill_free(struct cull__spill *spill);

/* Append a row of the run that is open; strings are those the row's at points into, tail_len bytes
 * behind the path's NUL. place tells two equal paths apart: the greater came later.
 * After a failure the spill is good for freeing only. */
cull_status cull__spill_add(struct cull__spill *spill, const struct cull__manifest_row *row,
                            const uint8_t *strings, size_t tail_len, uint64_t place,
                            cull_error *err);
/* End the run: the rows of each run ascend; those of the next may begin anywhere. */
cull_status cull__spill_end_run(struct cull__spill *spill, cull_error *err);
/* No more rows: merge the runs, unless they ascend as they are. Equal paths are found here. */
cull_status cull__spill_finish(struct cull__spill *spill, struct cull__manifest_duplicate *out,
                               cull_error *err);

/* Row i of a finished spill. What it points to lasts until rows of two other places of the file
 * were asked for. Cannot fail: what cannot be read is an empty row, and cull__spill_status() says
 * so from then on. */
struct cull__row_ref cull__spill_row(struct cull__spill *spill, size_t i);
cull_status cull__spill_status(const struct cull__spill *spill, cull_error *err);

/* All of a piece, at an offset of a scratch file. */
cull_status cull__scratch_write(int fd, const void *data, size_t len, uint64_t at, cull_error *err);
cull_status cull__scratch_read(int fd, void *data, size_t len, uint64_t at, cull_error *err);

#endif
