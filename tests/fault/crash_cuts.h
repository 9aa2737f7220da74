/*
 * crash_cuts.h - scenarios with the power cut at each of their calls.
 */
#ifndef CRASH_CUTS_H
#define CRASH_CUTS_H

#include "crash_look.h"
#include "crash_script.h"

#define CRASH_WHY_MAX 1200

/* What an undisturbed run of a script showed. */
struct crash_rehearsal {
    struct crash_texts texts; /* at each seq */
    struct crash_after {      /* by step */
        cull_status status;
        char *text; /* the part above CRASH_LOOK_REST, as the step's process sees it; NULL: its log
                       is not open */
    } * after;
    size_t count;
};
/* False: it went wrong by itself; it was told on stdout. */
bool crash_rehearse(struct crash_rehearsal *out, const struct crash_script *script,
                    const struct crash_disk_options *options);
void crash_rehearsal_release(struct crash_rehearsal *rehearsal);

struct crash_cuts_options {
    struct crash_disk_options disk;
    uint64_t seed;
    unsigned draws;    /* of what survives, for each cut */
    unsigned every;    /* cut at every so-manieth call; 1: at all */
    uint64_t only_cut; /* 0: all */
    int only_draw;     /* -1: all */
    unsigned deaf;     /* enum crash_deaf: what no sync reaches */
    bool deaf_later;   /* but while the log is made it does */
    char *first;       /* CRASH_WHY_MAX bytes: put the first finding here, say nothing, and stop */
};

struct crash_figures {
    uint64_t cuts;   /* moments at which the power was cut */
    uint64_t draws;  /* disks that were found afterwards */
    uint64_t nested; /* of them, after a second cut while the first was mended */
    uint64_t lost;   /* that were not as they must be */
    uint64_t faults; /* calls that failed */
    uint64_t pages;  /* that could not be read */
    uint64_t broken; /* of faults and pages, after which something was not as it must be */
};

/* Add to figures; what is wrong is told on stdout with how to replay it. */
void crash_cuts(const struct crash_script *script, const struct crash_rehearsal *rehearsal,
                const struct crash_cuts_options *options, struct crash_figures *figures);

#endif
