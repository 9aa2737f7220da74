/*
 * pages.h - what the system is told of memory that an allocator gave. Advice only: nothing fails.
 */
#ifndef CULL_PAGES_H
#define CULL_PAGES_H

#include <stddef.h>
#include <stdint.h>

/* Whole pages of data are best huge ones. */
void cull__pages_huge(uint8_t *data, size_t len);
/* Make the memory there in one go, which takes less than meeting its pages one after another. */
void cull__pages_make(uint8_t *data, size_t len);

#endif
