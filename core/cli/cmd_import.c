/*
 * cmd_import.c - cull import: add versions from what exists already.
 */
#include <string.h>

#include "import_git.h"

struct options {
    struct import_options common;
    struct import_git_options git;
    struct import_wandb_options wandb;
};

static const struct arg_option import_table[] = {
    { "content", '\0', ARG_TEXT, offsetof(struct options, common.content), "DIR",
      "where the files' content lies: by path, or as objects named by MD5" },
    { "digest", '\0', ARG_TEXT, offsetof(struct options, common.digest), "A",
      "what the source's digests are (default: by their length; 16 bytes: md5)" },
    { "type", '\0', ARG_TEXT, offsetof(struct options, common.type), "T",
      "type of a new collection (default: dataset)" },
    { "alias", '\0', ARG_LIST, offsetof(struct options, common.aliases), "A",
      "alias for the last version, besides latest; may be repeated" },
    { "tag", '\0', ARG_LIST, offsetof(struct options, common.tags), "T",
      "tag for every version; may be repeated" },
    { "run", '\0', ARG_TEXT, offsetof(struct options, common.run), "R",
      "run of the same project that logs the versions" },
    { "ttl", '\0', ARG_DURATION, offsetof(struct options, common.ttl), "D",
      "let the versions expire so long after the import" },
    { "threads", '\0', ARG_COUNT, offsetof(struct options, common.threads), "N",
      "hash and copy with N threads (default: all processors)" },
    { "tags", '\0', ARG_TEXT, offsetof(struct options, git.tags), "GLOB",
      "git: a version for each tag that fits, instead of each commit" },
    { "rev", '\0', ARG_TEXT, offsetof(struct options, git.rev), "REV",
      "git: the commit whose history is imported (default: HEAD)" },
    { "artifact-id", '\0', ARG_TEXT, offsetof(struct options, wandb.artifact_id), "ID",
      "wandb: what the server calls the version: wandb-artifact://ID/ means it then" },
    { "artifact-ids", '\0', ARG_TEXT, offsetof(struct options, wandb.artifact_ids), "FILE",
      "wandb: the same for a directory: lines of NAME<TAB>ID" },
    { "allow-unresolved-references", '\0', ARG_FLAG,
      offsetof(struct options, common.allow_unresolved), NULL,
      "keep wandb-artifact:// references whose target is not in the store" },
};

static cull_status run_wandb(struct import *import, const char *source,
                             const struct options *options)
{
    return import_wandb(import, source, &options->wandb);
}

static cull_status run_list(struct import *import, const char *source,
                            const struct options *options)
{
    (void)options;
    return import_list(import, source);
}

static cull_status run_git(struct import *import, const char *source, const struct options *options)
{
    return import_git(import, source, &options->git);
}

static const struct {
    const char *name;
    bool takes_content; /* --content, --digest: the source has digests only */
    cull_status (*run)(struct import *import, const char *source, const struct options *options);
} kinds[] = {
    { "wandb", true, run_wandb },
    { "list", true, run_list },
    { "git", false, run_git },
};

/* Options that mean nothing for the kind are refused: somebody meant something by them. */
static cull_status check_options(struct cli *cli, size_t kind, const struct options *options)
{
    const char *superfluous = NULL;

    if (kinds[kind].takes_content) {
        superfluous = options->git.tags != NULL ? "tags" : options->git.rev != NULL ? "rev" : NULL;
    } else if (options->common.content != NULL) {
        superfluous = "content";
    } else if (options->common.digest != NULL) {
        superfluous = "digest";
    }
    if (superfluous == NULL && kinds[kind].run != run_wandb) {
        superfluous = options->wandb.artifact_id != NULL    ? "artifact-id"
                      : options->wandb.artifact_ids != NULL ? "artifact-ids"
                                                            : NULL;
    }
    return superfluous == NULL ? CULL_OK
                               : cli_fail(cli, CULL_E_USAGE, "import %s: takes no --%s",
                                          kinds[kind].name, superfluous);
}

static cull_status run(struct cli *cli, void *values, char **names, size_t count)
{
    const struct options *options = values;
    struct import import = { .cli = cli };
    char shown[PRINTABLE_MAX];
    cull_status status = CULL_E_USAGE;
    size_t kind = 0;

    (void)count;
    while (kind < ARG_LEN(kinds) && strcmp(kinds[kind].name, names[0]) != 0) {
        kind++;
    }
    if (kind == ARG_LEN(kinds)) {
        return cli_fail(cli, CULL_E_USAGE, "import: %s: not wandb, list or git",
                        printable(shown, names[0]));
    }
    status = check_options(cli, kind, options);
    if (status != CULL_OK) {
        return status;
    }
    status = import_begin(&import, cli, names[1], &options->common);
    if (status == CULL_OK) {
        status = kinds[kind].run(&import, names[2], options);
    }
    import_end(&import, status);
    return status;
}

const struct cli_command command_import = {
    .name = "import",
    .usage = "import wandb|list|git COLLECTION SOURCE [OPTION]...",
    .text = "Add versions from manifests, lists of digests, or a git history.\n\n"
            "wandb: SOURCE is a wandb_manifest.json, or a directory of them: *.json files,\n"
            "and subdirectories that hold a wandb_manifest.json, in natural order (v2\n"
            "before v10), each one version. What else it holds is counted.\n"
            "list: SOURCE is a file (- for standard input) of PATH<TAB>DIGEST<TAB>SIZE\n"
            "lines, or what md5sum, sha1sum or sha256sum print. It makes one version.\n"
            "git: SOURCE is a repository. Each commit of the first-parent history, or\n"
            "each tag that fits --tags, is one version; importing again goes on where it\n"
            "ended, if what the collection holds is the beginning of that history: one\n"
            "that was rewritten, or begins earlier, is refused. A tag that moved is named,\n"
            "and imported again. Submodules, and paths that are not UTF-8, are named and\n"
            "left out. A store made with --objects none --digest sha1 (or sha256, if that\n"
            "is the repository's) takes git's own ids, which are the digests of a header\n"
            "and the content; any other reads the content.\n\n"
            "For wandb and list, a store made with --objects none takes the digests as\n"
            "they are. Any other needs the content of what it does not hold yet:\n"
            "--content DIR. There a file is looked for as an object named by its digest\n"
            "or in a folder that is (at any depth, as Weights & Biases' layouts V1 and V2\n"
            "have it), then as\n"
            "DIR/VERSION/PATH, then as DIR/PATH. What does not have its digest and size\n"
            "is refused. If the store's digests are of another kind, the content is\n"
            "hashed again, and the version's manifest has the store's digests.",
    .options = import_table,
    .option_count = ARG_LEN(import_table),
    .args_bytes = sizeof(struct options),
    .positionals_min = 3,
    .positionals_max = 3,
    .exits = "exit: 0 done  1 failed (bad input, content that does not match)  2 usage\n"
             "      3 done in part (blobs are being deleted, paths were left out)\n"
             "      4 no such store, file, content, reference, repository or commit\n"
             "      5 busy  6 refused (another history)  130, 143 interrupted\n",
    .run = run,
};
