/*
 * delete_versions.c - delete these versions, v3 and v4 for instance: all of them or none.
 *
 * As a command: cull delete ENTITY/PROJECT/COLLECTION:v3 ENTITY/PROJECT/COLLECTION:v4
 */
#include "example.h"

#define VERSIONS_MAX 64

int main(int count, char **args)
{
    const cull_delete_options options = { .delete_aliases = false };
    cull_version_key keys[VERSIONS_MAX];
    struct example example;
    size_t key_count = 0;

    example_open(&example, count, args, 3, "STORE VERSION...");
    for (int i = 2; i < count && key_count < VERSIONS_MAX; i++) {
        keys[key_count++] = example_version(&example, args[i]);
    }
    example_must(&example, cull_delete(example.store, keys, key_count, &options, &example.caller,
                                       &example.err));
    for (size_t i = 0; i < key_count; i++) {
        example_must(&example,
                     cull_version_show(example.store, &keys[i], example_tell, NULL, &example.err));
    }
    return example_close(&example);
}
