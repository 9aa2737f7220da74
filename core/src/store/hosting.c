/*
 * hosting.c - whether garbage collection is enabled where a store is hosted (rule 29).
 *
 * SHAPE     A table: what each hosting asks for. Versioning is asked of the object store each time,
 *           because a bucket's owner may suspend it; the environment's word comes in by the options.
 * FAILURE   CULL_E_REFUSED names everything that is missing at once, each with how to mend it. A
 *           hosting that is not known (of a newer or a careless program) asks for everything.
 */
#include "store/store_internal.h"

#include "object/objects_internal.h"

#include <stdio.h>

static const cull_hosting hostings[] = {
    { "local", false, false, "a directory of this machine" },
    { "shared", false, false, "shared cloud" },
    { "shared-connector", true, false, "shared cloud, with a secure storage connector" },
    { "dedicated", false, false, "dedicated cloud" },
    { "dedicated-connector", true, false, "dedicated cloud, with a secure storage connector" },
    { "self-managed", true, true, "self-managed, in the cloud" },
    { "on-premises", true, true, "self-managed, on premises" },
};

size_t cull_hostings(const cull_hosting **out)
{
    *out = hostings;
    return ARRAY_LEN(hostings);
}

const cull_hosting *cull__hosting_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(hostings); i++) {
        if (strcmp(hostings[i].name, name) == 0) {
            return &hostings[i];
        }
    }
    return NULL;
}

static const char *state_name(cull_versioning state)
{
    return state == CULL_VERSIONING_SUSPENDED ? "is suspended" : "is off";
}

cull_status cull_gc_gate(cull_store *store, const cull_gc_options *options, cull_error *err)
{
    static const cull_hosting unknown = { "", true, true, "" };
    const cull_hosting *hosting = cull__hosting_find(store->settings.hosting);
    const cull_hosting *asks = hosting != NULL ? hosting : &unknown;
    cull_versioning state = CULL_VERSIONING_ENABLED;
    bool enabled = !asks->needs_enabled || (options->gorilla_gc_enabled != NULL &&
                                            strcmp(options->gorilla_gc_enabled, "true") == 0);
    char shown[CULL_PRINTABLE_MAX];

    if (asks->needs_versioning && cull__objects_can_version(store->objects)) {
        cull_status status = cull__objects_versioning(store->objects, &state, err);

        if (status != CULL_OK) {
            return status;
        }
    }
    if (enabled && state == CULL_VERSIONING_ENABLED) {
        return CULL_OK;
    }
    return cull__error_set(
        err, CULL_E_REFUSED, "garbage collection is not enabled for hosting %s: %s%s%s%s%s",
        cull__printable(shown, store->settings.hosting, strlen(store->settings.hosting)),
        enabled ? "" : "set GORILLA_ARTIFACT_GC_ENABLED=true in the environment",
        enabled || state == CULL_VERSIONING_ENABLED ? "" : "; and ",
        state == CULL_VERSIONING_ENABLED ? ""
                                         : "enable versioning of the bucket (on Azure: soft "
                                           "delete), which ",
        state == CULL_VERSIONING_ENABLED ? "" : state_name(state),
        hosting != NULL ? "" : " (the hosting is not known, so all is asked)");
}
