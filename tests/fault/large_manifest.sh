#!/bin/sh
# large_manifest.sh - manifests of a million entries (114 MB of JSON) in memory that is bounded by
# what the store keeps of each blob, and not by the manifest: import, patch, export, import again.
#
# usage: large_manifest.sh CULL [FILES]
set -u
cull=${1:?usage: large_manifest.sh CULL [FILES]}
build=$(cd "$(dirname "$cull")" && pwd)
cull=$build/cull
files=${2:-1000000}
# Blob table, counts, lifespans, pins: under 70 bytes a blob; a manifest in memory took 300 an entry.
limit_kb=$((64 * 1024 + files * 100 / 1024))
top=$(mktemp -d "${TMPDIR:-/tmp}/cull-large.XXXXXX") || exit 1
trap 'rm -rf "$top"' EXIT
trap 'exit 130' INT TERM
cd "$top" || exit 1
CULL_STORE=$top/store
export CULL_STORE

failed=0
expect() { # LINE COMMAND...
    wanted=$1
    shift
    got=$( (ulimit -v $limit_kb && "$@") 2>&1) || failed=1
    [ "$(printf '%s\n' "$got" | head -n 1)" = "$wanted" ] || {
        failed=1
        echo "$*"
        echo "  expected: $wanted"
        echo "  got:      $got"
    }
}

"$build/cull-sim" manifest --files "$files" --versions 2 made || exit 1
"$cull" init --objects none --digest md5 >/dev/null || exit 1
expect 'added e/p/c:v0 from made/v0.json' "$cull" import wandb e/p/c made/v0.json
expect 'added e/p/c:v1 from made/v1.json' "$cull" import wandb e/p/c made/v1.json
count=$(echo "$files" | sed -e ':a' -e 's/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/;ta')
expect "exported again.json: $count entries" "$cull" export e/p/c:v1 again.json
expect 'unchanged: e/p/c:v1 from again.json' "$cull" import wandb e/p/c again.json
# backwards: sorted in the scratch file, and equal all the same
{
    head -n 5 again.json
    sed -e '1,5d' -e 's/,$//' again.json | head -n -2 | tac | sed '$!s/$/,/'
    printf '  }\n}\n'
} >backwards.json
expect 'unchanged: e/p/c:v1 from backwards.json' "$cull" import wandb e/p/c backwards.json
expect '0 versions would be purged, 0 blobs would be deleted, 0 bytes (0 B) would be freed' \
    "$cull" gc --dry-run
[ $failed = 0 ] && echo "$files entries: imported, patched, exported and imported again in $limit_kb kB"
exit $failed
