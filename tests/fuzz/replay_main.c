/*
 * replay_main.c - runs a fuzz target over files, and over all files of folders, with any compiler.
 *
 * FAILURE   The target aborts at a broken property; the file's name is the last line on stderr.
 *           A folder without a file is a failure: it would test nothing.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    size_t len = 0;
    size_t got = 1;

    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    while (got > 0) {
        uint8_t *grown = realloc(data, len + 65536);

        if (grown == NULL) {
            abort();
        }
        data = grown;
        got = fread(data + len, 1, 65536, file);
        len += got;
    }
    fclose(file);
    data = realloc(data, len > 0 ? len : 1); /* so that a sanitizer sees its end */
    fprintf(stderr, "%s\n", path);
    (void)LLVMFuzzerTestOneInput(data, len);
    free(data);
    return 0;
}

static int replay_folder(const char *path, size_t *count)
{
    struct dirent **names = NULL;
    int name_count = scandir(path, &names, NULL, alphasort);
    int failed = name_count < 0;

    for (int i = 0; i < name_count; i++) {
        char file[4096];

        (void)snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && strcmp(names[i]->d_name, "README.md") != 0) {
            failed |= replay_file(file);
            (*count)++;
        }
        free(names[i]);
    }
    free(names);
    return failed;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    int failed = 0;

    for (int i = 1; i < argc; i++) {
        struct stat status;

        if (stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode)) {
            failed |= replay_folder(argv[i], &count);
        } else {
            failed |= replay_file(argv[i]);
            count++;
        }
    }
    printf("%zu inputs replayed\n", count);
    return failed != 0 || count == 0;
}
