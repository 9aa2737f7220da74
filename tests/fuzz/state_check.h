/*
 * state_check.h - what must hold of the state that a store has read from anything.
 */
#ifndef STATE_CHECK_H
#define STATE_CHECK_H

#include "store/store_internal.h"

/* Every structure is valid, and loads from its checkpoint to one that is written the same. */
void fuzz_check_catalog(const struct cull__catalog *catalog);
void fuzz_check_index(const struct cull__index *index, const cull_store_settings *settings);
/* Open a store on a log. must: it has to open; else a damaged one may say so. An open one is valid,
 * its counts agree with the mark, and its rooms load from their checkpoints to the same rooms.
 * must: its fingerprints agree as well. */
void fuzz_check_log(cull_log *log, bool must);
/* All columns of a room after one another, with their ids and lengths. */
void fuzz_room_bytes(const struct cull__index *index, unsigned room, struct cull__buf *out);

#endif
