#!/bin/sh
# git_import.sh - what does importing a git history cost, beside git itself printing it?
#
# usage: git_import.sh CULL [COMMITS FILES [ROUNDS]]        (24000 4000 3)
#
# The history is git_history.sh's, or with REPO=DIR the first-parent line of that repository's HEAD.
# git alone (rev-list, and diff-tree over the pairs of neighbours) and the import into an index-only
# store run in turns, ROUNDS times each; of each the best is taken. Then every second version is
# deleted, and a cycle runs. Times are real, in seconds; ratios are to git's.
#

set -eu
cull=$(cd "$(dirname "${1:?usage: git_import.sh CULL [COMMITS FILES [ROUNDS]]}")" && pwd)/cull
commits=${2:-24000}
files=${3:-4000}
rounds=${4:-3}
here=$(cd "$(dirname "$0")" && pwd)

top=$(mktemp -d "${TMPDIR:-/tmp}/cull-bench.XXXXXX")
trap 'rm -rf "$top"' EXIT
trap 'exit 130' INT TERM
repo=${REPO:-$top/repo.git}
GIT_CONFIG_GLOBAL=/dev/null
GIT_CONFIG_SYSTEM=/dev/null
export GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM

# timed FILE COMMAND...: appends the seconds that it took to the file
timed() {
    times=$1
    shift
    begin=$(date +%s%N)
    "$@"
    echo "$begin $(date +%s%N)" | awk '{ printf "%.3f\n", ($2 - $1) / 1e9 }' >>"$times"
}
git_alone() {
    git -C "$repo" rev-list --first-parent --reverse --format=%T HEAD |
        awk '/^commit/ { next } before { print before, $0 } { before = $0 }' |
        git -C "$repo" diff-tree --stdin -r -z --raw --no-renames --no-abbrev >/dev/null
}
import() {
    rm -rf "$top/store"
    "$cull" init "$top/store" --objects none --digest sha1 --grace 0 >/dev/null
    timed "$top/import" "$cull" --store "$top/store" import git e/p/h "$repo" >"$top/told"
}
delete() {
    "$cull" --store "$top/store" delete --collection e/p/h --keep-every 2 --delete-aliases
}
collect() {
    "$cull" --store "$top/store" gc --list "$top/free" --allow-large-plan
}
best() { sort -n "$1" | head -n 1; }
report() { # WHAT SECONDS
    echo "$1 $2 $(best "$top/git")" | awk '{ printf "%-8s %8.3f s  %6.2f of git\n", $1, $2, $2 / $3 }'
}

if [ -z "${REPO-}" ]; then
    timed "$top/made" sh "$here/git_history.sh" "$repo" "$commits" "$files"
fi
for round in $(seq "$rounds"); do
    timed "$top/git" git_alone
    import
done
echo "$(git -C "$repo" rev-list --first-parent --count HEAD) commits," \
    "$(git -C "$repo" ls-tree -r HEAD | wc -l) files at the end," \
    "best of $rounds: $(tail -n 1 "$top/told")"
report git "$(best "$top/git")"
report import "$(best "$top/import")"
timed "$top/delete" delete >"$top/told"
report delete "$(cat "$top/delete")"
timed "$top/collect" collect >"$top/told"
report collect "$(cat "$top/collect")"
tail -n 1 "$top/told"
