/*
 * delete_without_alias.c - delete all versions of a collection that have no alias; `latest` is one.
 *
 * As a command: cull delete --collection ENTITY/PROJECT/COLLECTION --no-alias
 */
#include "example.h"

int main(int count, char **args)
{
    const cull_delete_options options = { .delete_aliases = false };
    struct example example;
    cull_selection selection;
    cull_name of;

    example_open(&example, count, args, 3, "STORE ENTITY/PROJECT/COLLECTION");
    of = example_name(&example, args[2]);
    selection = (cull_selection){
        .entity = of.entity, .project = of.project, .collection = of.collection, .no_alias = true
    };
    example_must(&example, cull_delete_selected(example.store, &selection, &options, example_tell,
                                                NULL, &example.caller, &example.err));
    return example_close(&example);
}
