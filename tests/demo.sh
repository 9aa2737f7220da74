#!/bin/sh
# demo.sh - the main job on real files and real histories, in temporary stores.
#
# usage: sh tests/demo.sh CULL
#
# Every step is a line of what it shows, the command, and its output. A step that fails, or shows
# something else than it says, fails the demo: each figure is compared with one that comes from
# somewhere else, sort(1) over the lists or git itself. The parts are files in tests/demo.
set -eu
cull=${1:?usage: sh tests/demo.sh CULL}
cull=$(cd "$(dirname "$cull")" && pwd)/$(basename "$cull")
root=$(cd "$(dirname "$0")/.." && pwd -P)
started=$(date +%s)
LC_ALL=C
export LC_ALL

top=$(mktemp -d "${TMPDIR:-/tmp}/cull-demo.XXXXXX")
finished=0
finish() {
    code=$?
    cd /
    rm -rf "$top"
    [ $finished = 1 ] || echo "demo: a step failed" >&2
    exit $code
}
trap finish EXIT
trap 'exit 130' INT TERM
cd "$top"
ln -s "$root/fixtures" fixtures # commands show short paths
CULL_STORE=$top/store
export CULL_STORE

step() { # what the next commands show
    printf '\n== %s\n' "$*"
}
say() { # what was found to be so
    printf -- '-- %s\n' "$*"
}
fail() {
    echo "demo: $*" >&2
    exit 1
}
same() { # WHAT ONE OTHER: two figures that must be equal
    [ "$2" = "$3" ] || fail "$1: $2 is not $3"
}
show() { # a command, as one would type it; of a long list of names the first few
    shown=0
    printf '$ cull'
    for argument in "$@"; do
        shown=$((shown + 1))
        if [ $# -gt 12 ] && [ $shown -gt 4 ] && [ $shown -lt $# ]; then
            [ $shown -gt 5 ] || printf ' ...'
            continue
        fi
        case $argument in
        *[!A-Za-z0-9_./:=-]*) printf " '%s'" "$argument" ;;
        *) printf ' %s' "$argument" ;;
        esac
    done
    printf '\n'
}
run() { # shown and run
    show "$@"
    "$cull" "$@"
}
run_brief() { # the same, and of a long output both ends
    show "$@"
    "$cull" "$@" >output
    awk '{ line[NR] = $0 }
        END {
            for (i = 1; i <= NR; i++) {
                if (NR <= 8 || i <= 2 || i > NR - 2) print line[i]
                else if (i == 3) printf "... (%d lines)\n", NR - 4
            }
        }' output
}
megabytes() {
    echo "$1" | awk '{ printf "%.1f MB", $1 / 1e6 }'
}
# A number from the summary of a command.
figure() { # KEY COMMAND...
    key=$1
    shift
    "$cull" "$@" --json | sed -n "s/.*\"$key\":\([0-9]*\).*/\1/p" | tail -n 1
}
lines() { # FILE
    awk 'END { print NR }' "$1"
}

# What is deleted in an index goes for good; ALL and KEPT are files of digests, sorted: of every
# blob there is, and of those that the versions left hold, neither of them from cull.
collect_index() { # ALL KEPT
    comm -23 "$1" "$2" >gone
    step "What would a cycle free, if it did not wait for seven days? Nothing is freed yet"
    run_brief gc --dry-run --allow-shorter-grace 0
    planned=$(figure blobs_deleted gc --dry-run --allow-shorter-grace 0)
    planned_bytes=$(figure bytes_freed gc --dry-run --allow-shorter-grace 0)
    same "blobs that would be freed" "$planned" "$(lines gone)"
    say "$planned blobs: as many as sort(1) and comm(1) find"

    step "The index has no files to delete: it lists what is free to go"
    run_brief gc --list free --allow-shorter-grace 0
    listed=$(sed -n 's/.* purged, \([0-9,]*\) blobs* listed, .*/\1/p' output | tr -d ,)
    listed_bytes=$(sed -n 's/.* listed, \(at least \)*\([0-9]*\) bytes* .*/\2/p' output)
    same "blobs listed" "$listed" "$planned"
    same "bytes listed" "$listed_bytes" "$planned_bytes"
    sort free >free-sorted
    cmp free-sorted gone
    say "what would be freed is what is listed: $listed blobs, $listed_bytes bytes, each digest the same"

    step "Whoever keeps the content deletes it, and says so"
    run gc --confirm free
    comm -23 "$1" free-sorted | cmp - "$2"
    same "blobs left" "$(figure blobs stat)" "$(lines "$2")"
}

# shellcheck disable=SC1091 # each part is checked by itself
. "$root/tests/demo/demo_files.sh"
. "$root/tests/demo/demo_manifests.sh"
. "$root/tests/demo/demo_packages.sh"
. "$root/tests/demo/demo_history.sh"

finished=1
printf '\ndone in %s seconds\n' $(($(date +%s) - started))
