/*
 * delete_run.c - delete a run with the versions that it logged; what it used stays.
 *
 * As a command: cull run delete ENTITY/PROJECT/RUN --delete-artifacts
 */
#include "example.h"

int main(int count, char **args)
{
    struct example example;
    cull_scope scope = { .kind = CULL_SCOPE_RUN };
    cull_name run;

    example_open(&example, count, args, 3, "STORE ENTITY/PROJECT/RUN");
    run = example_name(&example, args[2]);
    scope.entity = run.entity;
    scope.project = run.project;
    scope.run = run.collection;
    example_must(&example, cull_delete_scope(example.store, &scope, true, false, example_tell, NULL,
                                             &example.caller, &example.err));
    return example_close(&example);
}
