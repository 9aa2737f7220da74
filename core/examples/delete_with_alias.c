/*
 * delete_with_alias.c - delete the versions of a collection that have one alias: there is at most one.
 *
 * As a command: cull delete --collection ENTITY/PROJECT/COLLECTION --alias ALIAS --delete-aliases
 */
#include "example.h"

int main(int count, char **args)
{
    const cull_delete_options options = { .delete_aliases = true };
    struct example example;
    cull_selection selection;
    cull_name of;

    example_open(&example, count, args, 4, "STORE ENTITY/PROJECT/COLLECTION ALIAS");
    of = example_name(&example, args[2]);
    selection = (cull_selection){
        .entity = of.entity, .project = of.project, .collection = of.collection, .alias = args[3]
    };
    example_must(&example, cull_delete_selected(example.store, &selection, &options, example_tell,
                                                NULL, &example.caller, &example.err));
    return example_close(&example);
}
