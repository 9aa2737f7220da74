/*
 * json_read.c - a whole JSON file as a tree: reports and what hyperfine says, of some KiB.
 */
#include "report/report.h"
#include "shared/bench_base.h"

#define FILE_BYTES_MAX (1u << 22)

yajl_val json_must_read(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = must(malloc(FILE_BYTES_MAX));
    char message[256];
    yajl_val tree;
    size_t len;

    if (file == NULL) {
        perror(path);
        exit(1);
    }
    len = fread(text, 1, FILE_BYTES_MAX - 1, file);
    text[len] = '\0';
    (void)fclose(file);
    tree = yajl_tree_parse(text, message, sizeof(message));
    if (tree == NULL) {
        fprintf(stderr, "%s: %s\n", path, message);
        exit(1);
    }
    free(text);
    return tree;
}

yajl_val json_member(yajl_val object, const char *key, yajl_type type)
{
    const char *path[] = { key, NULL };

    return yajl_tree_get(object, path, type);
}
