/*
 * machine.h - what a report was made on and of.
 */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

struct machine {
    char cpu[128];
    unsigned cores;
    unsigned long long memory_bytes;
    char kernel[160];
    double load;        /* average of the last five minutes: what else ran, beside the benches */
    char compiler[160]; /* that compiled the report, and with it what was measured */
    char date[32];      /* UTC */
};

void machine_look(struct machine *out);

#endif
