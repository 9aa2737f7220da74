/*
 * sized.h - a version's manifest, with the sizes that the store knows.
 */
#ifndef SIZED_H
#define SIZED_H

#include "cli.h"

/*
 * The manifest of a version, freed by the caller. A file whose size the manifest does not say has
 * that which the store knows of its blob, from its content or from another manifest; all else is as
 * it was committed, and so is the digest, of which sizes are no part.
 */
CULL_MUST_USE cull_status sized_manifest(struct cli *cli, const cull_version_key *key,
                                         cull_manifest **out);

#endif
