/*
 * gc_lists.c - lists of digests, out and in.
 *
 * FAILURE   A list that could not be written leaves its blobs DELETING; they stand in the next one.
 *           A list is read whole and checked before any of it is acted on.
 */
#include "gc_lists.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lines.h"
#include "new_file.h"
#include "units.h"

/* --- out ------------------------------------------------------------------------------------- */

struct list_writer {
    struct cli *cli;
    FILE *file;
    int error; /* errno of the first write that failed */
};

static cull_status write_digest(void *ctx, const cull_blob_ref *blob)
{
    struct list_writer *writer = ctx;
    struct output *out = &writer->cli->out;
    char hex[CULL_DIGEST_HEX_MAX];

    cull_digest_to_hex(hex, &blob->digest, writer->cli->settings.digest);
    if (writer->file != NULL) {
        if (fprintf(writer->file, "%s\n", hex) < 0) {
            writer->error = errno;
            return CULL_E_IO;
        }
    } else if (out->json) {
        record_begin(out, "blob");
        field_text(out, "digest", hex);
        if (blob->size_bytes != CULL_SIZE_UNKNOWN) {
            field_number(out, "size_bytes", blob->size_bytes);
        }
        record_end(out);
    } else {
        (void)printf("%s\n", hex);
    }
    return CULL_OK;
}

cull_status gc_list_write(struct cli *cli, cull_plan *plan, const cull_gc_options *how,
                          const char *path, cull_gc_result *result)
{
    const cull_caller caller = cli_caller(cli);
    struct list_writer writer = { cli, NULL, 0 };
    struct new_file file = { .file = NULL };
    char shown[PRINTABLE_MAX];
    cull_status status = CULL_OK;

    if (strcmp(path, "-") != 0) {
        status = new_file_begin(&file, cli, path);
        if (status != CULL_OK) {
            return status;
        }
        writer.file = file.file;
    }
    cli->changed = true;
    status = cull_gc_list(cli->store, plan, how, &caller, write_digest, &writer, result, &cli->err);
    if (writer.error != 0) {
        status = cli_fail_errno(cli, writer.error, "%s", printable(shown, path));
    }
    return new_file_end(&file, cli, status);
}

/* --- in -------------------------------------------------------------------------------------- */

struct digest_list {
    struct cli *cli;
    const char *path;
    cull_digest *items;
    size_t count;
    size_t capacity;
};

static cull_status take_line(void *ctx, size_t number, char *line, size_t len)
{
    struct digest_list *list = ctx;
    struct cli *cli = list->cli;
    char shown[PRINTABLE_MAX];

    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 64;
        cull_digest *items = realloc(list->items, capacity * sizeof *items);

        if (items == NULL) {
            return cli_fail_nomem(cli);
        }
        list->items = items;
        list->capacity = capacity;
    }
    if (cull_digest_from_hex(&list->items[list->count], cli->settings.digest, line, len) !=
        CULL_OK) {
        return cli_fail(cli, CULL_E_INVALID, "%s: line %zu: not a %s digest in hex",
                        printable(shown, list->path), number,
                        cull_digest_kind_name(cli->settings.digest));
    }
    list->count++;
    return CULL_OK;
}

cull_status gc_list_answer(struct cli *cli, const char *path, bool confirm)
{
    const cull_caller caller = cli_caller(cli);
    struct digest_list list = { .cli = cli, .path = path };
    uint64_t done = 0;
    char blobs[UNITS_TEXT_MAX];
    cull_status status = lines_read(cli, path, take_line, &list);

    if (status == CULL_OK) {
        cli->changed = true;
        status =
            confirm
                ? cull_gc_confirm(cli->store, list.items, list.count, &caller, &done, &cli->err)
                : cull_gc_release(cli->store, list.items, list.count, &caller, &done, &cli->err);
    }
    if (status == CULL_OK && !cli->out.json) {
        (void)printf("%s blob%s %s", count_human(blobs, done), done == 1 ? "" : "s",
                     confirm ? "confirmed gone" : "released");
        if (done < list.count) {
            (void)printf(", %s passed over: not being deleted",
                         count_human(blobs, list.count - done));
        }
        (void)printf("\n");
    }
    summary_begin(&cli->out);
    field_number(&cli->out, confirm ? "blobs_confirmed" : "blobs_released", done);
    field_number(&cli->out, "passed_over", list.count - done);
    summary_end(&cli->out);
    free(list.items);
    return status;
}
