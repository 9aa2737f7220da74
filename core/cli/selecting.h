/*
 * selecting.h - the flags that select versions, alike for the commands that take them.
 */
#ifndef SELECTING_H
#define SELECTING_H

#include "cli.h"

struct selection_args {
    const char *collection;
    const char *run;
    const char *name;
    const char *alias;
    bool no_alias;
    const char *type;
    const char *tag;
    bool no_run;
    struct arg_number older_than;
    struct arg_number keep_last;
    struct arg_number keep_every;
    struct arg_list keep_alias;
    bool empty;
};

#define SELECTION_ROW(kind, type, in, field, name, value, help) \
    {                                                           \
        name, '\0', kind, offsetof(type, in.field), value, help \
    }

/* Rows of a command's table, for the field `in` of its struct. --entity and --project are options of
 * every command. */
#define SELECTION_COLLECTION(type, in, help) \
    SELECTION_ROW(ARG_TEXT, type, in, collection, "collection", "C", help)
#define SELECTION_FLAGS(struct_type, in)                                                           \
    SELECTION_ROW(ARG_TEXT, struct_type, in, run, "run", "R", "versions that this run logged"),    \
        SELECTION_ROW(ARG_TEXT, struct_type, in, name, "name", "GLOB",                             \
                      "versions of collections with such a name"),                                 \
        SELECTION_ROW(ARG_TEXT, struct_type, in, alias, "alias", "A", "versions with this alias"), \
        SELECTION_ROW(ARG_FLAG, struct_type, in, no_alias, "no-alias", NULL,                       \
                      "versions without any alias (latest counts as one)"),                        \
        SELECTION_ROW(ARG_TEXT, struct_type, in, type, "type", "T",                                \
                      "versions of collections of this type"),                                     \
        SELECTION_ROW(ARG_TEXT, struct_type, in, tag, "tag", "T", "versions with this tag"),       \
        SELECTION_ROW(ARG_FLAG, struct_type, in, no_run, "no-run", NULL,                           \
                      "versions that no run logged"),                                              \
        SELECTION_ROW(ARG_DURATION, struct_type, in, older_than, "older-than", "D",                \
                      "versions created longer ago than this"),                                    \
        SELECTION_ROW(ARG_COUNT, struct_type, in, keep_last, "keep-last", "N",                     \
                      "all but the last N of each collection"),                                    \
        SELECTION_ROW(ARG_COUNT, struct_type, in, keep_every, "keep-every", "K",                   \
                      "all but v0, vK, v2K, ..."),                                                 \
        SELECTION_ROW(ARG_LIST, struct_type, in, keep_alias, "keep-alias", "GLOB",                 \
                      "all but those with such an alias; may be repeated"),                        \
        SELECTION_ROW(ARG_FLAG, struct_type, in, empty, "empty", NULL,                             \
                      "collections that hold no version any more")

/* Is anything said beyond --collection and --empty? */
bool selection_is_narrowed(const struct selection_args *args);
/* Is anything said at all? */
bool selection_is_said(const struct selection_args *args);
/* The selection of the flags within entity, project and collection (NULL: any). Names of a run lie in
 * *run afterwards, all else is borrowed from the arguments. */
CULL_MUST_USE cull_status selection_read(struct cli *cli, const struct selection_args *args,
                                         const cull_scope *within, cull_name *run,
                                         cull_selection *out);
/* The scope of --collection, --project, --entity, the narrowest that is said; *name holds its names.
 * Nothing said: the store. */
CULL_MUST_USE cull_status selection_scope(struct cli *cli, const struct selection_args *args,
                                          cull_name *name, cull_scope *out);

#endif
