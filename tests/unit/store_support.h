/*
 * store_support.h - a store on memory for tests that go through the public interface: one log, one
 * object store, a clock of its own, and versions written as texts, "a=x b=y": path=content.
 */
#ifndef STORE_SUPPORT_H
#define STORE_SUPPORT_H

#include <check.h>

#include "cull/cull.h"

struct bench_store {
    cull_log *log;
    cull_objects *objects;
    cull_store *store;
    uint64_t now_ms;
    const cull_allocator *allocator;
    cull_digest_kind digest;
};

struct bench_options {
    cull_digest_kind digest; /* 0: XXH128 */
    uint64_t grace_ms;       /* 0: none */
    uint64_t lease_ms;       /* 0: one hour */
    cull_late_deletes late;  /* 0: impossible */
    bool index_only;         /* no objects: nothing is sent or read back */
    bool strict_links;
    const cull_allocator *allocator; /* NULL: default */
};

void bench_open(struct bench_store *bench, const struct bench_options *options);
/* Close the store's handle and open another on the same log and objects. */
void bench_reopen(struct bench_store *bench);
void bench_close(struct bench_store *bench);
cull_caller bench_caller(const struct bench_store *bench);

/* The manifest of a text; freed by the caller. */
cull_manifest *bench_manifest(const struct bench_store *bench, const char *text);
cull_digest bench_digest(const struct bench_store *bench, const char *content);
/* Stage one content. */
cull_status bench_stage(struct bench_store *bench, const char *content, cull_staged *out,
                        cull_error *err);
/* Send every blob of a text that an upload is told to send. */
cull_status bench_put(struct bench_store *bench, cull_upload *upload, const char *text,
                      cull_error *err);
/* Open an upload of collection "c" (or another), base -1: none. */
cull_upload *bench_upload(struct bench_store *bench, const char *collection, int base);
/* A whole version; returns its ordinal. */
uint32_t bench_commit(struct bench_store *bench, const char *collection, const char *text);
cull_version_key bench_key(struct bench_store *bench, const char *collection, uint32_t ordinal);
/* What the store shows of a version; its texts are not kept. */
cull_version_info bench_info(struct bench_store *bench, const char *collection, uint32_t ordinal);
/* The log's seq. */
uint64_t bench_seq(struct bench_store *bench);
/* Soft-delete with aliases; purge everything due, sweep. */
void bench_delete(struct bench_store *bench, const char *collection, uint32_t ordinal);
cull_gc_result bench_collect(struct bench_store *bench);
/* The version's manifest as a text again, every blob read back through the store. Static. */
const char *bench_text(struct bench_store *bench, const char *collection, uint32_t ordinal);
/* fsck with all data read finds no problem. */
void bench_check(struct bench_store *bench);
bool bench_has_object(struct bench_store *bench, const char *content);

#endif
