/*
 * link_rows.c - links as names, records and rows.
 */
#include "link_rows.h"

#include <inttypes.h>

#include "units.h"
#include "versions.h"

const char *link_name(char text[VERSION_NAME_MAX], const cull_link_info *link)
{
    (void)snprintf(text, VERSION_NAME_MAX, "%s/%s/%s:v%" PRIu32, link->entity, link->registry,
                   link->portfolio, link->key.ordinal);
    return text;
}

const char *link_source_name(char text[VERSION_NAME_MAX], const cull_link_info *link)
{
    (void)snprintf(text, VERSION_NAME_MAX, "%s/%s/%s:v%" PRIu32, link->source_entity,
                   link->source_project, link->source_collection, link->source.ordinal);
    return text;
}

void link_record(struct output *out, const cull_link_info *link, const char *state)
{
    char text[VERSION_NAME_MAX];

    record_begin(out, "link");
    field_text(out, "name", link_name(text, link));
    field_text(out, "state", state);
    field_text(out, "source", link_source_name(text, link));
    field_text(out, "artifact_type", link->type);
    field_list(out, "aliases", link->aliases, link->alias_count);
    field_bool(out, "protected", link->protection[0] != '\0');
    field_time(out, "created", link->created_ms);
    field_text(out, "creator", link->creator);
    record_end(out);
}

void link_rows_begin(struct link_rows *rows, struct output *out)
{
    static const char *const heads[] = { "LINK", "SOURCE", "ALIASES", "PROTECTED", "CREATED" };

    *rows = (struct link_rows){ out, 0 };
    table_begin(out, heads, ARG_LEN(heads));
}

void link_rows_end(struct link_rows *rows)
{
    table_end(rows->out, "<<<<<");
}

cull_status link_row(void *ctx, const cull_link_info *link)
{
    struct link_rows *rows = ctx;
    struct output *out = rows->out;
    struct text aliases = { NULL, 0, 0, false };
    char text[VERSION_NAME_MAX];
    char time[UNITS_TEXT_MAX];

    rows->count++;
    link_record(out, link, "linked");
    text_list(&aliases, link->aliases, link->alias_count);
    table_cell(out, "%s", link_name(text, link));
    table_cell(out, "%s", link_source_name(text, link));
    table_cell(out, "%s", aliases.data == NULL ? "" : aliases.data);
    table_cell(out, "%s", link->protection[0] == '\0' ? "-" : link->protection);
    table_cell(out, "%s", time_text(time, link->created_ms));
    table_row_end(out);
    text_release(&aliases);
    return CULL_OK;
}
