/*
 * manifest_main.c - `cull-sim manifest`: made-up manifests on standard output or in a directory.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "console.h"
#include "manifest_gen.h"

#define VERSIONS_MAX 1000000

enum { EXIT_NOT_WRITTEN = 1 };

static const char help[] =
    "usage: cull-sim manifest [--files N] [--versions N] [--change P] [--seed N] [DIR]\n"
    "\n"
    "Write made-up versions of one artifact as wandb_manifest.json, about 114 bytes\n"
    "a file: all of them into DIR (v0.json, v1.json, ...), or without DIR the last one\n"
    "on stdout. The same numbers always give the same bytes.\n"
    "\n"
    "      --files N       how many files each version has (default: 1000000)\n"
    "      --versions N    how many versions (default: 1)\n"
    "      --change P      percent of the files that get new content from each version\n"
    "                      to the next, to four decimals (default: 1)\n"
    "      --seed N        another number, other digests and sizes (default: 1)\n"
    "  -h, --help          this text\n"
    "\n"
    "exit: 0 written  1 not written  2 usage\n";

struct wish {
    struct manifest_gen gen;
    uint64_t versions;
};

static bool parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    return console_number(text, out) && *out >= min && *out <= max;
}

static bool parse_percent(const char *text, uint32_t *per_million)
{
    char *end;
    double percent = strtod(text, &end);

    if (text[strspn(text, "0123456789.")] != '\0' || end == text || *end != '\0' ||
        percent > 100.0) {
        return false;
    }
    *per_million = (uint32_t)(percent * 10000.0 + 0.5);
    return true;
}

static int usage_error(const char *what, const char *which)
{
    return console_usage_error("cull-sim manifest", what, which);
}

static int parse_options(struct wish *wish, int argc, char **argv)
{
    static const struct option known[] = {
        { "files", required_argument, NULL, 'f' },  { "versions", required_argument, NULL, 'v' },
        { "change", required_argument, NULL, 'c' }, { "seed", required_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
    };
    uint64_t files = 1000000;
    int option;

    *wish = (struct wish){ .gen = { .seed = 1, .change_per_million = 10000 }, .versions = 1 };
    opterr = 0; /* it would speak in the name of argv[0] */
    while ((option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(help, stdout);
            exit(0);
        }
        if (option == '?' || option == ':') {
            return console_refuse_option("cull-sim manifest", option, argv);
        }
        if (option == 'f' && !parse_number(optarg, 0, MANIFEST_GEN_FILES_MAX, &files)) {
            return usage_error("not a number of files, up to 100000000", optarg);
        }
        if (option == 'v' && !parse_number(optarg, 1, VERSIONS_MAX, &wish->versions)) {
            return usage_error("not a number of versions, from 1 to 1000000", optarg);
        }
        if (option == 'c' && !parse_percent(optarg, &wish->gen.change_per_million)) {
            return usage_error("not a percentage", optarg);
        }
        if (option == 's' && !parse_number(optarg, 0, UINT64_MAX, &wish->gen.seed)) {
            return usage_error("not a number", optarg);
        }
    }
    wish->gen.files = (uint32_t)files;
    return argc - optind > 1 ? usage_error("one directory at most", argv[optind + 1]) : 0;
}

static cull_status write_file(void *ctx, const void *data, size_t len, cull_error *err)
{
    FILE *file = ctx;

    (void)err;
    return fwrite(data, 1, len, file) == len ? CULL_OK : CULL_E_IO;
}

/* Write one version and close the file; what it is called is for the message. */
static int write_version(const struct wish *wish, uint32_t version, FILE *file, const char *name)
{
    cull_status status =
        file == NULL ? CULL_E_IO : manifest_gen_write(&wish->gen, version, write_file, file, NULL);
    int reason = errno;

    if (file != NULL && fclose(file) != 0 && status == CULL_OK) {
        status = CULL_E_IO;
        reason = errno;
    }
    if (status != CULL_OK) {
        fprintf(stderr, "cull-sim: %s: %s\n", name, strerror(reason));
        return EXIT_NOT_WRITTEN;
    }
    return 0;
}

static int write_all(const struct wish *wish, const char *dir)
{
    char path[4096];
    int code = 0;

    if (mkdir(dir, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "cull-sim: %s: %s\n", dir, strerror(errno));
        return EXIT_NOT_WRITTEN;
    }
    for (uint32_t version = 0; version < wish->versions && code == 0; version++) {
        int len = snprintf(path, sizeof path, "%s/v%" PRIu32 ".json", dir, version);

        if (len < 0 || (size_t)len >= sizeof path) {
            return usage_error("too long a path", dir);
        }
        code = write_version(wish, version, fopen(path, "wb"), path);
    }
    return code;
}

int manifest_gen_main(int argc, char **argv)
{
    struct wish wish;
    int code = parse_options(&wish, argc, argv);

    if (code != 0) {
        return code;
    }
    return optind < argc ? write_all(&wish, argv[optind])
                         : write_version(&wish, (uint32_t)wish.versions - 1, stdout, "stdout");
}
