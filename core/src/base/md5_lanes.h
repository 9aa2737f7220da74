/*
 * md5_lanes.h - MD5 of several messages at once.
 */
#ifndef CULL_MD5_LANES_H
#define CULL_MD5_LANES_H

#include "cull/digest.h"

#define CULL__MD5_LANES 16 /* messages that are at work at a time */

/* A part of a message; len may be 0. */
struct cull__bytes {
    const void *data;
    size_t len;
};

/* One message: its parts, one behind the other. */
struct cull__md5_message {
    const struct cull__bytes *parts;
    size_t part_count;
};

/* The MD5 of each of at most CULL__MD5_LANES messages. */
void cull__md5_lanes(cull_digest *out, const struct cull__md5_message *messages, size_t count);
/* The same without what only some processors have; for tests. */
void cull__md5_lanes_anywhere(cull_digest *out, const struct cull__md5_message *messages,
                              size_t count);

#endif
