# The loops of core/examples, each as a C program and as commands: both leave the same.
USER=tester
export USER

# A store with versions of two runs, one of them with an alias.
fill() {
    CULL_STORE=$PWD/$1
    cull init --grace 1h >/dev/null
    for i in 0 1 2 3 4; do
        bytes "$((i + 1))000" src/file
        cull put team/vision/pets src --run "r$((i % 2))" >/dev/null
    done
    cull put team/vision/other src --run r1 >/dev/null
    cull alias set team/vision/pets:v1 best
}

# same NAME PROGRAM-ARGUMENTS -- COMMAND...: in two stores.
same() {
    name=$1
    shift
    rm -rf "$name.program" "$name.commands"
    fill "$name.program"
    program=
    while [ "$1" != -- ]; do
        program="$program $1"
        shift
    done
    shift
    # shellcheck disable=SC2086 # words
    run_in "$EXAMPLES/$name" "$CULL_STORE" $program
    cull ls --all --name '*' | awk '{ print $1, $2 }' >"$name.one"
    fill "$name.commands"
    "$@" >commands.out 2>&1
    cull ls --all --name '*' | awk '{ print $1, $2 }' >"$name.two"
    diff "$name.one" "$name.two" && echo "the same: $*"
}
run_in() {
    echo "\$ $(basename "$1") STORE $(shift 2 && echo "$*")"
    "$@" || echo "exit $?"
}

same delete_logged_name team/vision/r1 pets -- \
    cull delete --run team/vision/r1 --name pets --delete-aliases
same delete_with_alias team/vision/pets best -- \
    cull delete --collection team/vision/pets --alias best --delete-aliases
same delete_versions team/vision/pets:v2 team/vision/pets:v3 -- \
    cull delete team/vision/pets:v2 team/vision/pets:v3
same delete_versions team/vision/pets:v3 team/vision/pets:v4 -- \
    cull delete team/vision/pets:v3 team/vision/pets:v4
same delete_without_alias team/vision/pets -- \
    cull delete --collection team/vision/pets --no-alias
same delete_collection team/vision/pets -- cull delete --collection team/vision/pets
same delete_run team/vision/r1 -- cull run delete team/vision/r1 --delete-artifacts

let_pass() {
    cull ttl set team/vision/pets:v1 1s && sleep 1.1 && cull gc
}
same expire team/vision/pets:v1 60 -- let_pass
protect_and_not() {
    cull link team/vision/pets:v2 team/models/prod --alias production &&
        cull protect add team/models production || return
    cull delete team/vision/pets:v2 --delete-aliases
    [ $? = 6 ] || return
    cull protect rm team/models production && cull delete team/vision/pets:v2 --delete-aliases
}
same protect team/vision/pets:v2 team/models/prod production -- protect_and_not
