/*
 * versions.h - versions as lists, records and rows.
 */
#ifndef VERSIONS_H
#define VERSIONS_H

#include "cli.h"

/* What is kept of a version beyond the visit that showed it. */
struct version_item {
    cull_version_key key;
    char *name; /* "entity/project/collection:v3" */
    uint64_t size_bytes;
    bool size_exact;
    uint64_t kept_until_ms;
};

struct version_list {
    struct version_item *items;
    size_t count;
    size_t capacity;
};

/* A cull_version_visit_fn that appends; ctx is a struct version_list. */
cull_status version_list_add(void *ctx, const cull_version_info *version);
/* Append the version with this key, named by its id if the store cannot show it. */
CULL_MUST_USE cull_status version_list_add_key(struct cli *cli, struct version_list *list,
                                               const cull_version_key *key);
/* The same, unless it is in the list already. */
CULL_MUST_USE cull_status version_list_add_once(struct cli *cli, struct version_list *list,
                                                const cull_version_key *key);
/* The keys, on the heap; NULL: no memory, or none. */
cull_version_key *version_list_keys(const struct version_list *list);
void version_list_release(struct version_list *list);

/* The whole "version" record. */
void version_record(struct output *out, const cull_version_info *version);
/* The same with what it was committed with. */
void version_record_notes(struct output *out, const cull_version_info *version,
                          const char *description, const char *metadata);
/* The short one of commands that change: name, state, size. */
void version_item_record(struct output *out, const struct version_item *item, const char *state);

/* "committed", "deleted", "purged". */
const char *version_state_name(cull_version_state state);
/* "user", "ttl", "cascade", "policy"; "" for none. */
const char *delete_reason_name(cull_delete_reason reason);
/* "a, b, c" in a text that the caller releases. */
void text_list(struct text *text, const char *const *items, size_t count);

#endif
