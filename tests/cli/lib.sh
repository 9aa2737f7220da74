# shellcheck shell=sh
# lib.sh - what the cases use. Sourced by run.sh.

# run COMMAND...: show the command, run it, show an exit code other than 0.
run() {
    echo "\$ $*"
    "$@"
    run_code=$?
    [ $run_code = 0 ] || echo "exit $run_code"
}

# json STATUS ARGUMENT...: run cull --json, see that every line is JSON and that the last one is a
# summary with this status, and show them.
json() {
    json_status=$1
    shift
    echo "\$ cull --json $*"
    cull --json "$@" >json.out
    json_code=$?
    json_check "$json_status" <json.out || echo "json_check failed"
    [ $json_code = 0 ] || echo "exit $json_code"
}

# bytes N FILE: N bytes that are the same every time.
bytes() {
    mkdir -p "$(dirname "$2")"
    yes "$2" | head -c "$1" >"$2"
}

# a_store: a store without grace, with a collection of two versions: small files.
a_store() {
    cull init --grace 0 >/dev/null
    bytes 2000 src/cat
    bytes 1000 src/dog
    cull put team/vision/pets src >/dev/null
    bytes 3000 src/rat
    cull put team/vision/pets src >/dev/null
}

# object PATH: the file that holds the blob of a file of the source tree.
object() {
    object_digest=$(sha256sum "$1" | cut -c 1-64)
    echo "$CULL_STORE/objects/$(echo "$object_digest" | cut -c 1-2)/$object_digest"
}

skip() {
    echo "$*"
    exit 77
}

# The name of who runs the tests must not show in what they give.
cull() {
    command cull --as tester "$@"
}
