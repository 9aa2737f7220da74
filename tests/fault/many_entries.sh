#!/bin/sh
# many_entries.sh - two million entries in one directory: put in bounded memory; one among them that
# cannot be stored is found and named, and nothing is changed.
#
# usage: many_entries.sh CULL [COUNT]
set -u
cull=${1:?usage: many_entries.sh CULL [COUNT]}
cull=$(cd "$(dirname "$cull")" && pwd)/$(basename "$cull")
count=${2:-2000000}
here=$(cd "$(dirname "$0")" && pwd)

# In memory where there is room for it: half a gigabyte of inodes.
base=${TMPDIR:-/tmp}
free=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
inodes=$(df -Pi /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
if [ "${free:-0}" -gt 4000000 ] && [ "${inodes:-0}" -gt $((count + 10000)) ] && [ -w /dev/shm ]; then
    base=/dev/shm
fi
top=$(mktemp -d "$base/cull-many.XXXXXX") || exit 1
trap 'rm -rf "$top"' EXIT
trap 'exit 130' INT TERM
cd "$top" || exit 1
CULL_STORE=$top/store
export CULL_STORE

${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -o many_entries "$here/many_entries.c" || exit 1
mkdir src
./many_entries make src "$count" || exit 1
"$cull" init >/dev/null || exit 1

failed=0
want() { # WHAT FILE
    grep -qxF -- "$1" "$2" || {
        failed=1
        echo "expected: $1"
        echo "got:      $(cat "$2")"
    }
}

mkfifo src/entry-0999999-pipe
"$cull" put e/p/many src >out 2>&1
[ $? = 1 ] || { failed=1 && echo "a pipe was not refused with exit 1"; }
want "cull: src/entry-0999999-pipe: a pipe cannot be stored" out
"$cull" ls >out
[ "$(wc -l <out)" = 1 ] || { failed=1 && echo "the refused put changed the store"; }
rm src/entry-0999999-pipe

# Two gigabytes of addresses are enough, threads and all.
(ulimit -v 2000000 && "$cull" put e/p/many src --json) >out 2>err || { failed=1 && cat err; }
grep -q "\"entries\":$count," out || { failed=1 && echo "not $count entries: $(cat out)"; }
"$cull" fsck >out || { failed=1 && cat out; }

./many_entries remove src "$count"
[ $failed = 0 ] && echo "$count entries in one directory: put, checked"
exit $failed
