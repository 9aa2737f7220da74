/*
 * bench_peers.h - a table of another make, as bench_peers.c asks it.
 */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct peer {
    void *(*make)(uint32_t blobs);
    void (*insert)(void *table, const uint64_t digest[2], uint32_t number);
    void (*end)(void *table); /* all are there; NULL: nothing to do */
    uint32_t (*find)(const void *table, const uint64_t digest[2]); /* UINT32_MAX: none */
    double (*bytes)(const void *table);
    void (*release)(void *table);
};

extern const struct peer peer_robin; /* bench_peers_robin.cc */

#ifdef __cplusplus
}
#endif

#endif
