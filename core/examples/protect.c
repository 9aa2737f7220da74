/*
 * protect.c - protect a version by an alias of a registry, fail to delete it, unprotect it, delete it.
 *
 * As commands: cull link VERSION ENTITY/REGISTRY/PORTFOLIO --alias ALIAS, cull protect add
 * ENTITY/REGISTRY ALIAS, cull delete VERSION (ends with 6), cull protect rm ENTITY/REGISTRY ALIAS, cull
 * delete VERSION --delete-aliases
 */
#include "example.h"

int main(int count, char **args)
{
    const cull_delete_options options = { .delete_aliases = true };
    struct example example;
    cull_version_key key;
    cull_version_key link;
    cull_name portfolio;
    cull_place registry;
    const char *alias;

    example_open(&example, count, args, 5, "STORE VERSION ENTITY/REGISTRY/PORTFOLIO ALIAS");
    key = example_version(&example, args[2]);
    portfolio = example_name(&example, args[3]);
    registry = (cull_place){ portfolio.entity, portfolio.project };
    alias = args[4];
    example_must(&example, cull_link(example.store, &key, &portfolio, &alias, 1, &link,
                                     &example.caller, &example.err));
    example_must(&example, cull_protect(example.store, &registry, alias, true, &example.caller,
                                        &example.err));
    if (cull_delete(example.store, &key, 1, &options, &example.caller, &example.err) !=
        CULL_E_REFUSED) {
        (void)fprintf(stderr, "a protected version was deleted\n");
        return 1;
    }
    (void)printf("refused: %s\n", example.err.message);
    example_must(&example, cull_protect(example.store, &registry, alias, false, &example.caller,
                                        &example.err));
    example_must(&example,
                 cull_delete(example.store, &key, 1, &options, &example.caller, &example.err));
    example_must(&example,
                 cull_version_show(example.store, &key, example_tell, NULL, &example.err));
    return example_close(&example);
}
