/*
 * crash_look.h - what a store shows, as text, and whether a store that was found is as it must be.
 */
#ifndef CRASH_LOOK_H
#define CRASH_LOOK_H

#include "crash_place.h"

/* The part of a text that tells of versions, names and contents, without numbers that depend on how
 * often something was tried; the rest follows after this line. */
#define CRASH_LOOK_REST "--- uploads, blobs ---\n"

/* Append all that the store shows: versions with their content read back, collections; then open
 * uploads with their pins, and figures of blobs. */
cull_status crash_look(struct cull__session *session, struct cull__buf *out, cull_error *err);

/* Texts by the seq of the log at which they were seen. */
struct crash_texts {
    struct crash_text {
        uint64_t seq;
        char *text;
    } * at;
    size_t count, capacity;
};
void crash_texts_release(struct crash_texts *texts);
/* NULL: none was seen there. */
const char *crash_texts_find(const struct crash_texts *texts, uint64_t seq);
/* Look at the session's store and remember; false: it was another text before, or nothing can be
 * seen: why says so. */
bool crash_texts_add(struct crash_texts *texts, struct cull__session *session, char *why,
                     size_t why_max);

/* What a store that is found after a failure must be. */
struct crash_expect {
    bool created;       /* making the log was acknowledged */
    uint64_t acked_seq; /* everything up to here was acknowledged */
    const struct crash_texts *texts;
    void (*reopening)(void *ctx, bool begins); /* NULL; around closing and opening what was found */
    void *ctx;
};

/* Open what is found at a place, look at it, check it, let a cycle clear it, use it. False: it is
 * not as it must be, and why says how. */
bool crash_check(struct crash_place *place, const struct crash_expect *expect, char *why,
                 size_t why_max);
/* The last part of it, for a store that is open: cycles leave no garbage, and it can be used. */
bool crash_check_use(struct crash_place *place, char *why, size_t why_max);

#endif
