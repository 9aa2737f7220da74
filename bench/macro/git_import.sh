#!/bin/sh
# git_import.sh - what does importing a git history cost, beside git itself printing it?
#
# usage: git_import.sh CULL [COMMITS FILES [ROUNDS [START]]]        (24000 4000 3)
#
# The history is git_history.sh's, of START files in its first commit and FILES in its last, or with
# REPO=DIR the first-parent line of that repository's HEAD.
# git alone (rev-list, and diff-tree over the pairs of neighbours) and the import into an index-only
# store run in turns, ROUNDS times each, and the best of each counts. Then every second version is
# deleted, and a cycle runs. Seconds are real and of the processors, git's inside of the import
# included; ratios are to git alone. On a machine that does other work too, look at the processors'.
#
# Found (two cores with other work, GCC 12 -O2), in seconds of the processors, git inside:
#     24000 4000 1            3.7   (3.5 of git; 7.1 of it with a slower MD5 and a full
#                                   manifest every 16 versions, 13.3 with each manifest on its own)
#     24000 10000 1 10000    13.4   (5.9 of git)
#     4000 40000 1 40000      8.8   (14.6 of git)
#     24000 40000 1 40000    51.1   (14.5 of git): a file costs each commit 50 ns, and that is the
#                                   limit: 20 seconds are enough for 24,000 commits of 15,000 files
# What is left at 40,000 files: the digests, 23 %; copying the manifest, 15 %; looking at the head's
# open lifespans and counting paths (patch_effect.c), 12 %; deflating, 10 %.
set -eu
usage='usage: git_import.sh CULL [COMMITS FILES [ROUNDS [START]]]'
cull=$(cd "$(dirname "${1:?$usage}")" && pwd)/$(basename "$1")
commits=${2:-24000}
files=${3:-4000}
rounds=${4:-3}
start=${5:-}
here=$(cd "$(dirname "$0")" && pwd)

top=$(mktemp -d "${TMPDIR:-/tmp}/cull-bench.XXXXXX")
trap 'rm -rf "$top"' EXIT
trap 'exit 130' INT TERM
repo=${REPO:-$top/repo.git}
GIT_CONFIG_GLOBAL=/dev/null
GIT_CONFIG_SYSTEM=/dev/null
export GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM

# timed FILE COMMAND...: append to the file what it took, real and of the processors
timed() {
    figures=$1
    shift
    times >"$top/before"
    begin=$(date +%s%N)
    "$@"
    end=$(date +%s%N)
    times >"$top/after"
    awk -v nanoseconds=$((end - begin)) '
        function seconds(text) { # 1m2.345s
            split(text, part, /[ms]/)
            return part[1] * 60 + part[2]
        }
        { used = seconds($1) + seconds($2) } # of the children, in the second line of each
        FNR == 2 { sum = used - sum }
        END { printf "%.3f %.2f\n", nanoseconds / 1e9, sum }' "$top/before" "$top/after" >>"$figures"
}
git_alone() {
    git -C "$repo" rev-list --first-parent --reverse --format=%T HEAD |
        awk '/^commit/ { next } before { print before, $0 } { before = $0 }' |
        git -C "$repo" diff-tree --stdin -r -z --raw --no-renames --no-abbrev >/dev/null
}
import() {
    "$cull" --store "$top/store" import git e/p/h "$repo" >"$top/told"
}
delete() {
    "$cull" --store "$top/store" delete --collection e/p/h --keep-every 2 --delete-aliases \
        >"$top/told"
}
collect() {
    "$cull" --store "$top/store" gc --list "$top/free" --allow-large-plan >"$top/told"
}
best() { # FIGURES COLUMN
    sort -n -k "$2,$2" "$top/$1" | head -n 1 | cut -d ' ' -f "$2"
}
report() { # WHAT
    echo "$1 $(best "$1" 1) $(best "$1" 2) $(best git 1) $(best git 2)" | awk '{
        printf "%-8s real %7.3f s, %6.2f of git   processors %6.2f s, %6.2f of git\n",
            $1, $2, $2 / $4, $3, $3 / $5 }'
}

if [ -z "${REPO-}" ]; then
    sh "$here/git_history.sh" "$repo" "$commits" "$files" 1 "$start"
fi
while [ "$rounds" -gt 0 ]; do
    timed "$top/git" git_alone
    rm -rf "$top/store"
    "$cull" init "$top/store" --objects none --digest sha1 --grace 0 >/dev/null
    timed "$top/import" import
    rounds=$((rounds - 1))
done
echo "$(git -C "$repo" rev-list --first-parent --count HEAD) commits," \
    "$(git -C "$repo" ls-tree -r HEAD | wc -l) files at the end: $(tail -n 1 "$top/told")"
report git
report import
timed "$top/delete" delete
report delete
timed "$top/collect" collect
report collect
tail -n 1 "$top/told"
