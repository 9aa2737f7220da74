/*
 * checkpoint.h - loading rooms from their checkpoints, for store.c.
 */
#ifndef CULL_CHECKPOINT_H
#define CULL_CHECKPOINT_H

#include "store/store_internal.h"

/* Set store->catalog and catalog_seq from the newest checkpoint that is whole; empty at 0 if
 * nothing was ever cut. sealed: collections may stay so. CULL_E_CORRUPT: none is whole, and the log
 * is cut. */
cull_status cull__checkpoint_load_catalog(cull_store *store, bool sealed, cull_error *err);
/* Set store->index and index_seq likewise: three rooms at one seq. */
cull_status cull__checkpoint_load_index(cull_store *store, cull_error *err);

#endif
