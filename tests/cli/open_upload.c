/*
 * open_upload.c - begin an upload and go away, as a client does that crashes.
 *
 * usage: open_upload STORE ENTITY/PROJECT/COLLECTION [LEASE_SECONDS [DESCRIPTION METADATA]]
 *
 * The upload pins one blob that is never sent. With a description and metadata it ends as a version
 * that has these and no files, as programs other than cull(1) make them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cull/cull.h"

static int failed(const cull_error *err)
{
    (void)fprintf(stderr, "open_upload: %s\n", err->message);
    return 1;
}

static cull_status commit_notes(cull_upload *upload, cull_digest_kind kind, char **texts,
                                const cull_caller *caller, cull_error *err)
{
    cull_manifest *manifest = NULL;
    cull_commit_options options = { .description = texts[0], .metadata = texts[1] };
    cull_commit_result result;
    cull_status status = cull_manifest_new(&manifest, kind, NULL);

    if (status == CULL_OK) {
        status = cull_manifest_seal(manifest, err);
    }
    options.manifest = manifest;
    if (status == CULL_OK) {
        status = cull_upload_commit(upload, &options, NULL, NULL, &result, caller, err);
    }
    cull_manifest_free(manifest);
    return status;
}

int main(int argc, char **argv)
{
    char path[4096];
    char lock[4096];
    cull_log *log = NULL;
    cull_store *store = NULL;
    cull_upload *upload = NULL;
    cull_name name;
    cull_error err = { CULL_OK, "" };
    cull_log_sqlite_options log_options = { .path = path, .lock_path = lock };
    cull_store_options store_options = { 0 };
    cull_upload_options options = { .collection = &name };
    cull_caller caller = { .now_ms = (uint64_t)time(NULL) * 1000, .actor = "crashed" };
    cull_blob_ref blob = { .size_bytes = 5 };
    cull_put_answer answer;

    if (argc < 3) {
        return 2;
    }
    (void)snprintf(path, sizeof(path), "%s/cull.db", argv[1]);
    (void)snprintf(lock, sizeof(lock), "%s/collector.lock", argv[1]);
    if (cull_digest_of(&blob.digest, CULL_DIGEST_SHA256, "crash", 5) != CULL_OK ||
        cull_log_sqlite_open(&log, &log_options, &err) != CULL_OK) {
        return failed(&err);
    }
    store_options.log = log;
    options.lease_ms = argc > 3 ? strtoull(argv[3], NULL, 10) * 1000 : 0;
    if (cull_store_open(&store, &store_options, &err) != CULL_OK ||
        cull_name_parse(&name, argv[2], NULL, NULL, &err) != CULL_OK ||
        cull_upload_open(&upload, store, &options, &caller, &err) != CULL_OK ||
        cull_upload_put(upload, &blob, 1, &answer, &caller, &err) != CULL_OK ||
        (argc > 5 &&
         commit_notes(upload, CULL_DIGEST_SHA256, argv + 4, &caller, &err) != CULL_OK)) {
        return failed(&err);
    }
    cull_upload_free(upload);
    cull_store_close(store);
    cull_log_close(log);
    return 0;
}
