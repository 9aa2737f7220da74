/*
 * import_list.c - cull import list: one version from a list of digests.
 */
#include "import_source.h"

#include <string.h>
#include <unistd.h>

cull_status import_list(struct import *import, const char *path)
{
    struct import_source source = { .import = import, .content.root = -1 };
    const char *shown = strcmp(path, "-") == 0 ? "standard input" : path;
    struct cli *cli = import->cli;
    cull_manifest *manifest = NULL;
    int fd = -1;
    cull_status status = import_source_begin(&source, import);

    if (status == CULL_OK) {
        status = import_source_open(&source, path, &fd);
    }
    if (status == CULL_OK) {
        status =
            cull_manifest_read_list_in(&manifest, source.digest, shown, import_source_read, &fd,
                                       &cli->scratch, cull_allocator_default(), &cli->err);
        (void)close(fd);
    }
    if (status == CULL_OK) {
        status = import_source_add(&source, manifest, shown, NULL, true);
    }
    import_source_end(&source);
    return status;
}
