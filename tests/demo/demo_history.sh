# shellcheck shell=sh disable=SC2154,SC2034 # variables are those of demo.sh
# demo_history.sh - the git history of this repository: import, delete the oldest third, collect;
# then the same with content. Sourced by demo.sh.
#
# Where there is no history to read (an archive without git's folder, no git, a clone of less than
# three commits), the first commits as fixtures/histories/git has them take its place, by their
# digests alone, and the output says so.

unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE # as in a hook of git; this checkout is meant

# Why this checkout's own history cannot be shown; nothing if it can.
without_history() {
    if ! command -v git >/dev/null; then
        echo "git is not installed"
    elif ! toplevel=$(git -C "$root" rev-parse --show-toplevel 2>&1); then
        echo "this is not a git checkout ($(echo "$toplevel" | head -n 1))"
    elif [ "$toplevel" != "$root" ]; then
        echo "this is not a git checkout of its own"
    elif commits=$(git -C "$root" rev-list --first-parent --count HEAD) && [ "$commits" -lt 3 ]; then
        echo "this clone has $commits of the history's commits only"
    fi
}

# ls_tree: the blobs of the commits on standard input, each once, as git lists them.
ls_tree() {
    while read -r commit; do
        git -C "$root" ls-tree -r "$commit"
    done | awk '$2 == "blob" && !seen[$3]++ { print $3 }' | sort
}

import_own_history() {
    run init --objects none --digest sha1
    show import git demo/git/cull "$root" --json
    "$cull" import git demo/git/cull "$root" --json >records
    tail -n 1 records
    # ordinal and commit; a commit that changes no file belongs to an earlier version
    sed -n 's/.*"name":"[^"]*:v\([0-9]*\)".*"commit":"\([0-9a-f]*\)".*/\1 \2/p' records >commits
    cut -d ' ' -f 2 commits | ls_tree >all
    same "commits" "$(lines commits)" "$(git -C "$root" rev-list --first-parent --count HEAD)"
}

import_first_commits() {
    run init --objects none --digest sha1
    echo "$reason: so this takes what fixtures/histories/git has of it"
    ordinal=0
    while [ -e "fixtures/histories/git/v$ordinal.tsv" ]; do
        "$cull" import list demo/git/cull "fixtures/histories/git/v$ordinal.tsv" --json
        ordinal=$((ordinal + 1))
    done >records
    show import list demo/git/cull fixtures/histories/git/v0.tsv
    echo "... and so on, $ordinal commits"
    # ordinal and list
    sed -n 's|.*"name":"[^"]*:v\([0-9]*\)".*"source":"\([^"]*\)".*|\1 \2|p' records >commits
    cut -f 2 fixtures/histories/git/v*.tsv | sort -u >all
    same "commits" "$(lines commits)" $ordinal
}

reason=$(without_history)
CULL_STORE=$top/index
if [ -z "$reason" ]; then
    step "This repository's own git history: a version for each commit, by git's own digests"
    import_own_history
else
    step "The first commits of this repository, by git's own digests"
    import_first_commits
fi
versions=$(figure versions stat)
deleted=$((versions / 3))
kept_count=$((versions - deleted))
awk -v deleted=$deleted '$1 >= deleted { print $2 }' commits >kept-commits
if [ -z "$reason" ]; then
    ls_tree <kept-commits >kept
    listed_by="git ls-tree -r lists"
else
    xargs cut -f 2 <kept-commits | sort -u >kept
    listed_by="the lists name"
fi
same "blobs in the index" "$(figure blobs stat)" "$(lines all)"
say "$versions versions of $(lines commits) commits, $(figure references stat) files, $(lines all) different contents"

step "Delete a third of them, the oldest: all but the last $kept_count"
run_brief delete --collection demo/git/cull --keep-last $kept_count --bytes
same "versions deleted" "$(figure versions_in_trash stat)" $deleted

collect_index all kept
say "left are exactly the $(lines kept) blobs that $listed_by for the $(lines kept-commits) commits kept"
run fsck

if [ -z "$reason" ]; then
    step "The same with content: blobs are read out of git and stored by their SHA-256"
    CULL_STORE=$top/content
    run init
    run import git demo/git/cull "$root"
    run_brief delete --collection demo/git/cull --keep-last $kept_count --bytes
    run_brief gc --dry-run --allow-shorter-grace 0
    planned=$(figure bytes_freed gc --dry-run --allow-shorter-grace 0)
    run_brief gc --allow-shorter-grace 0
    same "bytes freed" "$(sed -n 's/.* deleted, \([0-9]*\) bytes* .*/\1/p' output)" "$planned"
    git -C "$root" cat-file --batch-check='%(objectsize)' <kept |
        awk '{ bytes += $1 } END { print NR, bytes + 0 }' >want
    find "$CULL_STORE/objects" -type f -printf '%s\n' |
        awk '{ bytes += $1 } END { print NR, bytes + 0 }' | cmp - want
    say "on the disk are as many objects and bytes as git has for the commits kept: $(cat want)"
    run fsck --read-data
    run get demo/git/cull head
    mkdir head-of-git
    git -C "$root" archive HEAD | tar -xf - -C head-of-git
    diff -r head head-of-git
    say "the newest version is what git has for HEAD, byte for byte"
fi
