/*
 * crash_faults.h - scenarios in which the n-th call of a kind fails, once or from then on.
 */
#ifndef CRASH_FAULTS_H
#define CRASH_FAULTS_H

#include "crash_cuts.h"

struct crash_faults_options {
    struct crash_disk_options disk;
    uint64_t seed;
    unsigned runs;        /* of a script for each kind of failure; 0: one for each call */
    enum crash_call call; /* the kind of calls */
    int error;            /* that they fail with: EIO, ENOSPC, or EAGAIN of a lock */
    bool lasting;         /* all later ones fail too, until the step was answered */
    uint64_t only_call;   /* 0: all */
};

/* The kinds of failure that there are. */
struct crash_fault_kind {
    enum crash_call call;
    int error;
    const char *name;
};
extern const struct crash_fault_kind crash_fault_kinds[];
extern const size_t crash_fault_kind_count;

void crash_faults(const struct crash_script *script, const struct crash_rehearsal *rehearsal,
                  const struct crash_faults_options *options, struct crash_figures *figures);

#endif
