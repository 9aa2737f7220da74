/*
 * example.h - what the examples share: a store that is open, who asks and when, and how it ends. Nothing
 * here but the public interface.
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cull/cull.h"

struct example {
    cull_log *log;
    cull_objects *objects;
    cull_store *store;
    cull_caller caller;
    cull_error err;
};

/* Ends the program with what went wrong. */
static inline void example_must(struct example *example, cull_status status)
{
    if (status != CULL_OK) {
        (void)fprintf(
            stderr, "%s\n",
            example->err.message[0] != '\0' ? example->err.message : cull_strerror(status));
        exit(1);
    }
}

static inline uint64_t example_now_ms(void)
{
    struct timespec now = { 0, 0 };

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A store in a directory, as cull init makes it; args[1] of the program names it. */
static inline void example_open(struct example *example, int count, char **args, int want,
                                const char *usage)
{
    static char path[4096];
    static char lock_path[4096];
    cull_log_sqlite_options log = { .path = path, .lock_path = lock_path };
    cull_objects_directory_options objects = { .stage_prefix = (uint32_t)getpid() };
    cull_store_options options = { NULL };
    cull_store_settings settings;

    *example = (struct example){ .caller = { example_now_ms(), getenv("USER") } };
    if (count < want) {
        (void)fprintf(stderr, "usage: %s %s\n", args[0], usage);
        exit(2);
    }
    (void)snprintf(path, sizeof path, "%s/cull.db", args[1]);
    (void)snprintf(lock_path, sizeof lock_path, "%s/collector.lock", args[1]);
    example_must(example, cull_log_sqlite_open(&example->log, &log, &example->err));
    options.log = example->log;
    example_must(example, cull_store_open(&example->store, &options, &example->err));
    cull_store_get_settings(example->store, &settings);
    cull_store_close(example->store); /* once more, with the objects of its kind of digest */
    objects.path = args[1];
    objects.digest = settings.digest;
    example_must(example, cull_objects_directory_open(&example->objects, &objects, &example->err));
    options.objects = example->objects;
    example_must(example, cull_store_open(&example->store, &options, &example->err));
}

static inline int example_close(struct example *example)
{
    cull_store_close(example->store);
    cull_objects_close(example->objects);
    cull_log_close(example->log);
    return 0;
}

/* "entity/project/name" or "entity/project/collection:version". */
static inline cull_name example_name(struct example *example, const char *text)
{
    cull_name name;

    example_must(example, cull_name_parse(&name, text, NULL, NULL, &example->err));
    return name;
}

static inline cull_version_key example_version(struct example *example, const char *text)
{
    const cull_name name = example_name(example, text);
    cull_version_key key;

    example_must(example, cull_version_find(example->store, &name, &key, &example->err));
    return key;
}

/* A cull_version_visit_fn: says what goes. */
static inline cull_status example_tell(void *ctx, const cull_version_info *version)
{
    (void)ctx;
    (void)printf("deleted %s/%s/%s:v%u\n", version->entity, version->project, version->collection,
                 version->key.ordinal);
    return CULL_OK;
}

#endif
