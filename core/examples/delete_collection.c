/*
 * delete_collection.c - delete a collection with all of its versions; its name is free again.
 *
 * As a command: cull delete --collection ENTITY/PROJECT/COLLECTION
 */
#include "example.h"

int main(int count, char **args)
{
    struct example example;
    cull_scope scope = { .kind = CULL_SCOPE_COLLECTION };
    cull_name of;

    example_open(&example, count, args, 3, "STORE ENTITY/PROJECT/COLLECTION");
    of = example_name(&example, args[2]);
    scope.entity = of.entity;
    scope.project = of.project;
    scope.collection = of.collection;
    example_must(&example, cull_delete_scope(example.store, &scope, false, false, example_tell,
                                             NULL, &example.caller, &example.err));
    return example_close(&example);
}
