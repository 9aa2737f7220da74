/*
 * expire.c - set a version's time to live, and let it pass: a cycle then deletes it, aliases or not. The
 * library has no clock of its own, so the time that passes here is only said.
 *
 * As commands: cull ttl set VERSION 60s, a minute later cull gc
 */
#include "example.h"

int main(int count, char **args)
{
    cull_gc_options options = { .threads = 1 };
    struct example example;
    cull_version_key key;
    cull_plan *plan = NULL;
    cull_gc_result result;
    int64_t seconds;

    example_open(&example, count, args, 4, "STORE VERSION SECONDS");
    seconds = strtoll(args[3], NULL, 10);
    key = example_version(&example, args[2]);
    example_must(&example,
                 cull_ttl_set(example.store, &key, 1, seconds, &example.caller, &example.err));
    for (int turn = 0; turn < 2; turn++) { /* now, and when it is over */
        options.now_ms = example.caller.now_ms += turn == 0 ? 0 : (uint64_t)seconds * 1000;
        example_must(&example, cull_gc_plan(&plan, example.store, &options, &example.err));
        example_must(&example, cull_gc_execute(example.store, plan, &options, &example.caller,
                                               &result, &example.err));
        cull_plan_free(plan);
        (void)printf("%s: %llu expired\n", turn == 0 ? "at once" : "later",
                     (unsigned long long)result.versions_expired);
    }
    return example_close(&example);
}
