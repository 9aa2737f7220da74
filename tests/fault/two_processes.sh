#!/bin/sh
# two_processes.sh - two processes put, delete and collect on one store at once, for ten seconds,
# and lose nothing: every version that is left is got back byte for byte, and fsck agrees.
#
# usage: two_processes.sh CULL [SECONDS]
#
# Both draw their files from a small alphabet of contents, so that one deletes all the time what
# the other is about to name. Being told *busy* (exit 5) is an answer; anything else that fails is
# a failure. What the interleaving is differs from run to run; what must hold does not.
set -u
cull=${1:?usage: two_processes.sh CULL [SECONDS]}
cull=$(cd "$(dirname "$cull")" && pwd)/$(basename "$cull")
seconds=${2:-10}

top=$(mktemp -d "${TMPDIR:-/tmp}/cull-two.XXXXXX") || exit 1
trap 'rm -rf "$top"' EXIT
trap 'exit 130' INT TERM
cd "$top" || exit 1
CULL_STORE=$top/store
export CULL_STORE
"$cull" init --grace 0 >/dev/null || exit 1
mkdir saved

# try COMMAND...: 0 done, 1 busy; a failure is written down.
try() {
    "$cull" "$@" >out 2>err
    code=$?
    case $code in
    0) return 0 ;;
    5)
        echo busy >>busy
        return 1
        ;;
    esac
    echo "cull $*: exit $code: $(cat err)" >>failures
    return 1
}

# Twelve files with contents of eight kinds each; the seed says which.
make_tree() { # SEED
    rm -rf tree
    mkdir -p tree/sub
    awk -v seed="$1" 'BEGIN {
        srand(seed)
        for (i = 0; i < 12; i++) {
            kind = int(rand() * 8)
            file = "tree/" (i % 3 ? "" : "sub/") i
            for (line = 0; line < 40 * (kind + 1); line++)
                print "kind", kind, "of", i % 4, "line", line > file
            close(file)
        }
    }'
}

# put COLLECTION: and keep a copy under the name of the version that was made.
put() {
    try put "team/race/$1" tree --json || return 0
    name=$(sed -n 's/.*"name":"team\/race\/\([^"]*\)".*/\1/p' out)
    if [ ! -e "../saved/$name" ]; then
        cp -r tree "../saved/$name.$$" && mv -T "../saved/$name.$$" "../saved/$name"
    fi
}

worker() { # NUMBER
    mkdir "worker$1" && cd "worker$1" || exit 1
    turn=0
    while [ "$(date +%s)" -lt "$end" ]; do
        turn=$((turn + 1))
        make_tree $((turn * 2 + $1))
        put "own$1"
        put shared
        # both of us select from the shared collection: what the other deleted is not selected
        try delete --collection "team/race/own$1" --keep-last 2
        "$cull" delete --collection team/race/shared --no-alias --keep-last 3 >/dev/null 2>err
        code=$?
        case $code in
        0 | 5 | 6) ;;
        *) echo "cull delete shared: exit $code: $(cat err)" >>failures ;;
        esac
        try gc
    done
    echo $turn >turns
}

end=$(($(date +%s) + seconds))
worker 1 &
worker 2 &
wait

failed=0
note() {
    failed=1
    echo "$*"
}
cat worker1/failures worker2/failures 2>/dev/null && note "commands failed, see above"

check_versions() {
    "$cull" ls team/race/own1 >list && "$cull" ls team/race/own2 >>list &&
        "$cull" ls team/race/shared >>list || note "ls failed"
    checked=0
    for version in $(sed -n 's/^team\/race\/\([^ ]*:v[0-9]*\) .*/\1/p' list); do
        rm -rf got
        "$cull" get "team/race/$version" got >/dev/null || note "$version: get failed"
        diff -r "saved/$version" got || note "$version: other files than were put"
        checked=$((checked + 1))
    done
    [ $checked -ge 3 ] || note "only $checked versions are left"
}

check_versions
"$cull" fsck --read-data || note "fsck finds problems"
"$cull" gc --verify full || note "the last cycle failed"
check_versions
"$cull" fsck --read-data || note "fsck finds problems after the last cycle"
[ "$("$cull" stat --json | sed -n 's/.*"blobs_dead":\([0-9]*\).*/\1/p')" = 0 ] || note "dead blobs are left"

[ "$(cat worker1/turns)" -gt 1 ] && [ "$(cat worker2/turns)" -gt 1 ] || note "a worker did not work"
echo "turns: $(cat worker1/turns) and $(cat worker2/turns), versions: $(ls saved | wc -l)," \
    "busy: $(cat worker1/busy worker2/busy 2>/dev/null | wc -l), checked: $checked"
exit $failed
