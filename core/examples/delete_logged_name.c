/*
 * delete_logged_name.c - delete all versions of one name that a run logged.
 *
 * As a command: cull delete --run ENTITY/PROJECT/RUN --name NAME --delete-aliases
 */
#include "example.h"

int main(int count, char **args)
{
    const cull_delete_options options = { .delete_aliases = true };
    struct example example;
    cull_selection selection;
    cull_name run;

    example_open(&example, count, args, 4, "STORE ENTITY/PROJECT/RUN NAME");
    run = example_name(&example, args[2]); /* a run's name has the form of a collection's */
    selection = (cull_selection){
        .entity = run.entity, .project = run.project, .run = run.collection, .name_glob = args[3]
    };
    example_must(&example, cull_delete_selected(example.store, &selection, &options, example_tell,
                                                NULL, &example.caller, &example.err));
    return example_close(&example);
}
