/*
 * crowd_heap.h - the memory of one history: handed out in steps, taken back all at once.
 */
#ifndef SIM_CROWD_HEAP_H
#define SIM_CROWD_HEAP_H

#include "cull/base.h"

/* An allocator that is the caller's until crowd_heap_clear(); one a program. */
const cull_allocator *crowd_heap(void);
/* All that was allocated is gone. Its memory is kept for the next history. */
void crowd_heap_clear(void);

#endif
