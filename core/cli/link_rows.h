/*
 * link_rows.h - links as names, records and rows.
 */
#ifndef LINK_ROWS_H
#define LINK_ROWS_H

#include "cli.h"
#include "resolve.h"

/* "entity/registry/portfolio:v3", and that of its source. Return text. */
const char *link_name(char text[VERSION_NAME_MAX], const cull_link_info *link);
const char *link_source_name(char text[VERSION_NAME_MAX], const cull_link_info *link);
/* The "link" record; state: "linked", "unlinked", "kept". */
void link_record(struct output *out, const cull_link_info *link, const char *state);

/* A cull_link_visit_fn that makes a record and a row; ctx is a struct link_rows. */
struct link_rows {
    struct output *out;
    uint64_t count;
};
cull_status link_row(void *ctx, const cull_link_info *link);
void link_rows_begin(struct link_rows *rows, struct output *out);
void link_rows_end(struct link_rows *rows);

#endif
