#!/bin/sh
# soak.sh - what takes hours: `make soak`, `make soak T=600`.
#
# usage: soak.sh BUILD [SECONDS]
#
# With SECONDS the parts share that time; without, each does all that it has to do. A part is one line
# of parts(), below: its name, then its command, which tells of its progress on stderr and ends in
# "N passed, N failed" on stdout; $seconds is the time that it has, and empty if there is no end.
set -u
cd "$(dirname "$0")/.." || exit 1

build=${1:?usage: soak.sh BUILD [SECONDS]}
total=${2-}
logs=$build/logs/soak
mkdir -p "$logs"

parts() {
    part world "$build/cull-sim" world --seed 1000000 --seeds 1000000 --progress \
        ${seconds:+--seconds "$seconds"}
    part chaos sh tests/fault/chaos.sh "$build/cull" --seconds "${seconds:-3600}"
    part crash_log "$build/crash-log" --seed 2 --rounds 20 ${seconds:+--seconds "$seconds"}
}

count_part() {
    count=$((count + 1))
}

run_part() {
    name=$1
    shift
    echo "--- $name: $*" >&2
    "$@" >"$logs/$name.log" </dev/null
    status=$?
    told=$(sed -n 's/^\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\1 \2/p' "$logs/$name.log" |
        tail -n 1)
    [ -n "$told" ] || told='0 1'
    [ "$status" -eq 0 ] || [ "${told#* }" -ne 0 ] || told="${told% *} 1"
    tail -n 3 "$logs/$name.log"
    passed=$((passed + ${told% *}))
    failed=$((failed + ${told#* }))
}

count=0
passed=0
failed=0
seconds=
part() { count_part; }
parts
[ -z "$total" ] || seconds=$(((total + count - 1) / count))
part() { run_part "$@"; }
parts
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
