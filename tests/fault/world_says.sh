#!/bin/sh
# world_says.sh - what `cull-sim world` says of itself: after a crash, or a run without end, which seed
# it was in; the truth of what it reached; and what is wrong with words that it does not know.
#
# usage: world_says.sh CULL
#
# A world that is at work is sent the signal that a crash would send; one that is stopped for longer
# than its watchdog waits finds the watchdog's signal when it goes on.
set -u
cull=${1:?usage: world_says.sh CULL}
sim=$(cd "$(dirname "$cull")" && pwd)/cull-sim

top=$(mktemp -d "${TMPDIR:-/tmp}/cull-says.XXXXXX") || exit 1
trap 'rm -rf "$top"' EXIT
trap 'exit 130' INT TERM
cd "$top" || exit 1
passed=0
failed=0

# verdict STATUS NAME: count it.
verdict() {
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
        return
    fi
    failed=$((failed + 1))
    echo "failed: $2"
    tail -n 5 out err
}

# dies EXIT WORDS SIGNALS OPTIONS NAME: a world that traces into a pipe, so that it does not come to
# its end, gets these signals, or two seconds of rest ("rest"). It must end by this signal, and its
# last lines are these words and the command that replays it.
dies() {
    rm -f pipe
    : >out
    mkfifo pipe
    # shellcheck disable=SC2086 # words
    "$sim" world --seed 7 --seeds 1000000 --trace $4 >out 2>pipe &
    pid=$!
    exec 3<pipe
    read -r line <&3 # it is at work
    for signal in $3; do
        case $signal in
        rest) sleep 2 ;;
        *) kill -s "$signal" "$pid" ;;
        esac
    done
    tail -n 2 <&3 >err
    exec 3<&-
    wait "$pid"
    code=$?
    replay="replay: cull-sim world --seed [0-9][0-9]* --seeds 1 --steps 500${6-}"
    [ "$code" -eq "$1" ] && sed -n 1p err | grep -q -x "$2" && sed -n 2p err | grep -q -x "$replay"
    verdict $? "$5 (exit $code)"
}

crash='cull-sim: ended by a signal'
dies 139 "$crash" SEGV '' 'SIGSEGV says the seed'
dies 134 "$crash" ABRT '' 'SIGABRT says the seed'
dies 135 "$crash" BUS '' 'SIGBUS says the seed'
dies 136 "$crash" FPE '' 'SIGFPE says the seed'
dies 132 "$crash" ILL '' 'SIGILL says the seed'
dies 139 "$crash" SEGV '--only 1-500' 'SIGSEGV says the ops too' ' --only 1-500'
dies 134 'cull-sim: no end after 1 seconds' 'STOP rest CONT' '--watchdog 1' 'a run without end says the seed'

# refuses WORDS ARGUMENT...: usage is exit 2, one line of it, and nothing on stdout.
refuses() {
    words=$1
    shift
    "$sim" "$@" >out 2>err
    code=$?
    [ $code -eq 2 ] && [ "$(cat err)" = "cull-sim: $words" ] && [ ! -s out ]
    verdict $? "cull-sim $* (exit $code)"
}

refuses '--seeds: from 1 on (cull-sim world --help)' world --seeds 0
refuses '--count: from 1 on (cull-sim --help)' histories --count 0
refuses '--bogus: no such option (cull-sim world --help)' world --bogus
refuses '-x: no such option (cull-sim world --help)' world -x
refuses '--json=yes: no such option (cull-sim world --help)' world --json=yes
refuses '--seeds: its value is missing (cull-sim world --help)' world --seeds
refuses '--bogus: no such option (cull-sim --help)' histories --bogus
refuses '--bogus: no such option (cull-sim manifest --help)' manifest --bogus
refuses '--watchdog: from 0 to 86400 (cull-sim world --help)' world --watchdog 86401

# Three seeds of ten ops reach something, and not all: the summary says as many as there are lines.
"$sim" world --seeds 3 --steps 10 --json >out 2>err
reached=$(grep '"type":"reached"' out | grep -c -v '"count":0}')
states=$(grep -c '"type":"reached"' out)
[ "$reached" -gt 0 ] && [ "$reached" -lt "$states" ] &&
    grep -q "\"states_reached\":$reached,\"states\":$states," out
verdict $? "the summary counts $reached states of $states"

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
