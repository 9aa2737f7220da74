/**
 * @file cull/cull.h
 * Everything: garbage collection for content-addressed artifact stores.
 */
#ifndef CULL_CULL_H
#define CULL_CULL_H

#include "cull/audit.h"
#include "cull/base.h"
#include "cull/digest.h"
#include "cull/gc.h"
#include "cull/log.h"
#include "cull/manifest.h"
#include "cull/objects.h"
#include "cull/policy.h"
#include "cull/rules.h"
#include "cull/store.h"

#endif
