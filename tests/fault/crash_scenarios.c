/*
 * crash_scenarios.c - what is done to the stores that are cut, each once through what its name says.
 */
#include "crash_script.h"

#define DAY_MS (UINT64_C(86400) * 1000)

static void write_create(struct crash_script *script)
{
    crash_create(script, 0);
    crash_version(script, 0, "c", "ab", NULL);
    crash_add(script, 0, CRASH_STEP_CLOSE);
    crash_add(script, 0, CRASH_STEP_OPEN);
}

static void add_label(struct crash_script *script, uint32_t process, enum cull__request_op op,
                      const char *name, uint32_t ordinal, const char *label)
{
    const struct cull__request_version version = { "e", "p", name, 0, ordinal };
    struct cull__request request = CULL__REQUEST_INIT;

    request.op = op;
    request.process = process;
    request.flags = op == CULL__REQUEST_TAG ? CULL__REQUEST_PRESENT : 0;
    request.label = label;
    request.versions = &version;
    request.version_count = 1;
    crash_request(script, &request);
}

static void write_commits(struct crash_script *script)
{
    crash_create(script, 0);
    crash_version(script, 0, "c", "abc", "best");
    crash_version(script, 0, "c", "abd", NULL);
    crash_version(script, 0, "other", "ae", "best");
    crash_upload(script, 0, 1, "c", 1);
    crash_put(script, 0, 1, "f");
    crash_send(script, 0, 1, "f");
    crash_patch(script, 0, 1, "f");
    crash_upload(script, 0, 2, "c", 2); /* is left open */
    crash_put(script, 0, 2, "gh");
    crash_send(script, 0, 2, "g");
    add_label(script, 0, CULL__REQUEST_ALIAS_SET, "c", 1, "best");
    add_label(script, 0, CULL__REQUEST_TAG, "c", 2, "checked");
    crash_upload(script, 0, 3, "c", -1);
    crash_put(script, 0, 3, "hij");
    crash_send(script, 0, 3, "hi");
    crash_do(script, 0, CULL__REQUEST_REOPEN);
    crash_send(script, 0, 2, "h");
    crash_patch(script, 0, 2, "gh");
    crash_upload(script, 0, 3, "c", -1); /* the one before is left to its lease */
    crash_put(script, 0, 3, "abchi");
    crash_commit(script, 0, 3, "abchi", "best");
}

static void add_scope(struct crash_script *script, uint32_t process, const char *name)
{
    struct cull__request request = CULL__REQUEST_INIT;

    request.op = CULL__REQUEST_DELETE_SCOPE;
    request.process = process;
    request.scope = CULL_SCOPE_COLLECTION;
    request.entity = "e";
    request.project = "p";
    request.collection = name;
    crash_request(script, &request);
}

static void write_delete_restore(struct crash_script *script)
{
    crash_create(script, 0);
    crash_version(script, 0, "c", "ab", "best");
    crash_version(script, 0, "c", "ac", NULL);
    crash_version(script, 0, "c", "ad", NULL);
    crash_version(script, 0, "other", "ef", "only");
    crash_delete(script, 0, "c", 0, 1);
    crash_clock(script, 1000);
    crash_restore(script, 0, "c", 0, 0);
    crash_delete(script, 0, "c", 2, 2);
    crash_restore(script, 0, "c", 1, 2);
    add_scope(script, 0, "other");
    crash_clock(script, 1000);
    crash_version(script, 0, "other", "eg", NULL); /* a new one of that name */
    crash_delete(script, 0, "c", 0, 2);
    crash_clock(script, CRASH_GRACE_MS + 1);
    crash_collect(script, 0, 0);
    crash_version(script, 0, "c", "ab", NULL);
}

static void write_cycle(struct crash_script *script)
{
    crash_create(script, 0);
    crash_version(script, 0, "c", "abcd", NULL);
    crash_version(script, 0, "c", "abef", NULL);
    crash_version(script, 0, "c", "ag", NULL);
    crash_upload(script, 0, 1, "c", -1); /* its lease will end */
    crash_put(script, 0, 1, "xyz");
    crash_send(script, 0, 1, "xy");
    crash_delete(script, 0, "c", 0, 1);
    crash_clock(script, CRASH_GRACE_MS + 1);
    crash_collect(script, 0, 1);
    crash_version(script, 0, "c", "agde", NULL); /* e was not collected yet */
    crash_collect(script, 0, 2);
    crash_clock(script, CRASH_LEASE_MS + 1);
    crash_collect(script, 0, 0);
    crash_delete(script, 0, "c", 2, 3);
    crash_clock(script, CRASH_GRACE_MS + 1);
    crash_collect(script, 0, 0);
    crash_version(script, 0, "c", "xa", NULL);
}

static void write_checkpoints(struct crash_script *script)
{
    crash_create(script, 0);
    crash_version(script, 0, "c", "abc", NULL);
    crash_do(script, 0, CULL__REQUEST_MAINTAIN);
    crash_version(script, 0, "c", "abd", NULL);
    crash_do(script, 0, CULL__REQUEST_MAINTAIN); /* cuts the log */
    crash_delete(script, 0, "c", 0, 0);
    crash_clock(script, CRASH_GRACE_MS + 1);
    crash_collect(script, 0, 0);
    crash_do(script, 0, CULL__REQUEST_MAINTAIN);
    crash_add(script, 0, CRASH_STEP_CLOSE);
    crash_add(script, 0, CRASH_STEP_OPEN);
    crash_version(script, 0, "other", "ef", NULL);
    crash_do(script, 0, CULL__REQUEST_MAINTAIN);
}

/* The log is cut into the audit, and the audit's oldest part goes after 400 days. */
static void write_audit(struct crash_script *script)
{
    crash_create(script, 0);
    for (int i = 0; i < 3; i++) {
        crash_version(script, 0, "c", "a", NULL);
        crash_version(script, 0, "c", i == 1 ? "b" : "ab", NULL);
        crash_do(script, 0, CULL__REQUEST_MAINTAIN);
        crash_clock(script, 250 * DAY_MS);
    }
    crash_version(script, 0, "c", "abc", NULL);
    crash_do(script, 0, CULL__REQUEST_MAINTAIN);
    crash_version(script, 0, "c", "abd", NULL);
    crash_do(script, 0, CULL__REQUEST_MAINTAIN);
}

/* What is new is sent before a group begins: inside of one nothing is sent or collected. */
static void write_groups(struct crash_script *script)
{
    crash_create(script, 0);
    crash_version(script, 0, "c", "ab", NULL);
    crash_upload(script, 0, 1, "c", -1);
    crash_put(script, 0, 1, "cdef");
    crash_send(script, 0, 1, "cdef");
    crash_add(script, 0, CRASH_STEP_GROUP);
    crash_version(script, 0, "c", "ac", "best");
    crash_version(script, 0, "c", "ad", NULL);
    crash_version(script, 0, "other", "ae", NULL);
    crash_add(script, 0, CRASH_STEP_GROUP_END);
    crash_add(script, 0, CRASH_STEP_GROUP);
    crash_delete(script, 0, "c", 0, 1);
    crash_version(script, 0, "c", "af", NULL);
    crash_restore(script, 0, "c", 0, 0);
    crash_add(script, 0, CRASH_STEP_GROUP_END);
    crash_version(script, 0, "other", "ag", NULL);
}

/* Two processes; the second comes and goes. */
static void write_two_processes(struct crash_script *script)
{
    crash_create(script, 0);
    crash_add(script, 1, CRASH_STEP_OPEN);
    crash_version(script, 0, "c", "ab", NULL);
    crash_upload(script, 1, 1, "c", 0);
    crash_put(script, 1, 1, "c");
    crash_version(script, 0, "c", "ac", NULL); /* who comes first sends it */
    crash_patch(script, 1, 1, "c");
    crash_delete(script, 1, "c", 0, 1);
    crash_do(script, 0, CULL__REQUEST_MAINTAIN);
    crash_clock(script, CRASH_GRACE_MS + 1);
    crash_collect(script, 0, 1);
    crash_version(script, 1, "c", "cd", NULL);
    crash_do(script, 1, CULL__REQUEST_MAINTAIN);
    crash_collect(script, 1, 0);
    crash_add(script, 0, CRASH_STEP_CLOSE);
    crash_version(script, 1, "c", "ce", NULL);
    crash_add(script, 0, CRASH_STEP_OPEN);
    crash_add(script, 1, CRASH_STEP_CLOSE);
    crash_delete(script, 0, "c", 2, 3);
    crash_clock(script, CRASH_GRACE_MS + 1);
    crash_collect(script, 0, 0);
}

/* SQLite folds its log into the file and begins it anew, again and again. */
static void write_folds(struct crash_script *script)
{
    static const char *const blobs[] = { "a", "ab", "abc", "bcd", "cde", "def" };

    script->wal_pages = 24;
    script->notes_bytes = 30000;
    crash_create(script, 0);
    crash_add(script, 1, CRASH_STEP_OPEN);
    for (uint32_t i = 0; i < ARRAY_LEN(blobs); i++) {
        crash_version(script, i % 2, "c", blobs[i], NULL);
    }
    crash_add(script, 1, CRASH_STEP_CLOSE);
    crash_delete(script, 0, "c", 0, 4);
    crash_clock(script, CRASH_GRACE_MS + 1);
    crash_collect(script, 0, 0);
    crash_do(script, 0, CULL__REQUEST_MAINTAIN);
    crash_version(script, 0, "c", "ag", NULL);
    crash_do(script, 0, CULL__REQUEST_MAINTAIN);
}

const struct crash_scenario crash_scenarios[] = {
    { "create", write_create },
    { "commits", write_commits },
    { "delete-restore", write_delete_restore },
    { "cycle", write_cycle },
    { "checkpoints", write_checkpoints },
    { "audit", write_audit },
    { "groups", write_groups },
    { "two-processes", write_two_processes },
    { "folds", write_folds },
};
const size_t crash_scenario_count = ARRAY_LEN(crash_scenarios);
