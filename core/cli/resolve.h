/*
 * resolve.h - names as the user gives them.
 */
#ifndef RESOLVE_H
#define RESOLVE_H

#include "cli.h"

#define VERSION_NAME_MAX (3 * CULL_NAME_BYTES_MAX + 16)

/* Take `[[entity/]project/]collection[:version]` apart, with --entity and --project. */
CULL_MUST_USE cull_status resolve_name(struct cli *cli, const char *text, cull_name *out);
/* The same for a collection: a version part is a usage error. */
CULL_MUST_USE cull_status resolve_collection(struct cli *cli, const char *text, cull_name *out);
/* `[[entity/]project/]run`: the run's name stands in out->collection. */
CULL_MUST_USE cull_status resolve_run(struct cli *cli, const char *text, cull_name *out);
/* `[entity/]project`. */
CULL_MUST_USE cull_status resolve_project(struct cli *cli, const char *text, cull_name *out);
/* An entity's name. */
CULL_MUST_USE cull_status resolve_entity(struct cli *cli, const char *text, cull_name *out);
/* Find a version; a name without one means `latest`. */
CULL_MUST_USE cull_status resolve_version(struct cli *cli, const char *text, cull_version_key *out);
/* The same where a bare collection name could be meant two ways: that is CULL_E_USAGE, and the
 * message says how to be exact. */
CULL_MUST_USE cull_status resolve_version_exactly(struct cli *cli, const char *text,
                                                  cull_version_key *out);
/* What a NAME of ls and du means: the store, an entity, a project, a collection or a version.
 * Parts are filled from the right by --entity and --project. Strings point into *name. */
CULL_MUST_USE cull_status resolve_scope(struct cli *cli, const char *text, cull_name *name,
                                        cull_scope *out);
/* Is there such a portfolio? Its id, and links as committed versions, in *out. */
CULL_MUST_USE cull_status find_portfolio(struct cli *cli, const cull_name *name,
                                         cull_collection_info *out, bool *found);
/* Information on a live collection, or a portfolio; CULL_E_NOTFOUND. The strings in it are not kept. */
CULL_MUST_USE cull_status find_collection(struct cli *cli, const cull_name *name,
                                          cull_collection_info *out);

/* "entity/project/collection". Returns text. */
const char *collection_name(char text[VERSION_NAME_MAX], const cull_name *name);
/* "entity/project/collection:v3". Returns text. */
const char *version_name(char text[VERSION_NAME_MAX], const cull_version_info *version);

#endif
