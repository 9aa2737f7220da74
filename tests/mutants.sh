#!/bin/sh
# mutants.sh - takes the guards out of the library, one at a time: a run must find each.
#
# usage: mutants.sh BUILD [PATTERN]...      all mutants, or those whose names have one of the patterns
#        mutants.sh --list [PATTERN]...     say what there is
#        mutants.sh --one BUILD PATCH       one of them (for the above)
#        mutants.sh --as-it-is BUILD RUN    what it is compared with (for the above)
#
# A mutant is a patch in tests/mutants/ (its README says how to add one). Before its first diff it
# names the guard that it takes out and the run that must find it:
#
#   Guard: one sentence that is true of the library, and of the mutant no longer
#   Found-by: world | histories | crash-log | unit SUITE [CASE]
#
# Each is done to a copy of the sources beside a copy of the objects, so that only what it touches is
# compiled again; the sources themselves have nothing in them for tests. A run is the same for the
# library as it is, which must pass it, and for the mutant, which must not: it fails, or it is stopped
# by a signal. A mutant that passes, that does not fit or build, or that goes on after LIMIT seconds
# is a failure; that every patch fits is looked at whatever is asked for. JOBS at a time.
#
# BUILD has to hold cull-sim, unit-tests and crash-log, up to date; CC, CFLAGS and what else the
# Makefile takes from the environment as they were built (`make mutants` sees to both).
set -u
cd "$(dirname "$0")/.." || exit 1

limit=${LIMIT:-180}
jobs=${JOBS:-2}
seeds=${SEEDS:-6000} # of `world`; the hardest needs 3,142
unset MAKEFLAGS MAKELEVEL MFLAGS

field() { # field NAME PATCH: of its head
    sed -n "/^--- /q; s/^$1: //p" "$2" | head -n 1
}

# The patches that are wanted, one a line.
wanted() {
    for patch in tests/mutants/*.patch; do
        [ $# -gt 0 ] || printf '%s\n' "$patch"
        for pattern in "$@"; do
            # shellcheck disable=SC2254 # a pattern it is
            case ${patch##*/} in
            *$pattern*)
                printf '%s\n' "$patch"
                break
                ;;
            esac
        done
    done
}

# Those that do not fit the sources any more, one a line; also those that are not wanted.
unfit() {
    wanted | while read -r patch; do
        patch --dry-run --force --silent -p1 <"$patch" >/dev/null 2>&1 || printf '%s\n' "$patch"
    done
}

program_of() { # program_of RUN
    case ${1%% *} in
    world | histories) echo cull-sim ;;
    unit) echo unit-tests ;;
    crash-log) echo crash-log ;;
    *) return 1 ;;
    esac
}

# perform DIRECTORY RUN: do a run with the programs of a directory; the word for how it ended is in
# $ended, what it said in the file $log. Not in a subshell of the caller.
perform() {
    case $2 in
    # going on for ever is no finding: no watchdog
    world) set -- "$1/cull-sim" world --seeds "$seeds" --first --watchdog 0 ;;
    histories) set -- "$1/cull-sim" histories --count 300 ;;
    crash-log) set -- "$1/crash-log" ;;
    *)
        # shellcheck disable=SC2086 # words
        set -- "$1" $2
        set -- env ${4:+CK_RUN_CASE="$4"} "$1/unit-tests" "$3"
        ;;
    esac
    timeout "$limit" "$@" >>"$log" 2>&1 </dev/null
    code=$?
    told=$(sed -n 's/^[0-9][0-9]* passed, \([0-9][0-9]*\) failed$/\1/p' "$log" | tail -n 1)
    if grep -q '^cull-sim: never reached' "$log"; then
        ended='only not reached' # a state; nothing that must hold was broken
    elif [ "$code" -eq 0 ] && [ "${told:-1}" -eq 0 ]; then
        ended=passed
    elif [ "$code" -eq 124 ]; then
        ended='ran too long'
    elif [ "$code" -ge 128 ] || { [ "$code" -eq 1 ] && [ "${told:-0}" -gt 0 ]; }; then
        ended=failed
    else
        ended='did not run'
    fi
}

# What the run says that is wrong: the smallest history's finding, the test's name, what a cut left.
finding() {
    sed -n -e 's/^shrunk to [0-9]* [a-z]*: //p' -e 's/^[^ ]*:[0-9]*:[FE]:[^:]*:\([^:]*\):.*/\1/p' \
        -e 's/^  \(lost: .*\)/\1/p' "$log" | head -n 1 | tr _ ' ' | cut -c 1-90
}

one() {
    build=$1
    patch=$2
    name=$(basename "$patch" .patch)
    guard=$(field Guard "$patch")
    run=$(field Found-by "$patch")
    work=$build/mutants/work-$name
    log=$build/mutants/logs/$name.log
    began=$(date +%s)
    cp -a "$build/mutants/base" "$work"
    if [ -z "$guard" ] || ! program=$(program_of "$run") ||
        ! patch --force --silent -d "$work" -p1 <"$patch" >"$log" 2>&1; then
        word='does not fit'
    # What warns, warns: -o keeps the flags that the objects were made with.
    elif ! make --no-print-directory -C "$work" -o build/flags BUILD=build WERROR=0 \
        "build/$program" >>"$log" 2>&1; then
        word='does not build'
    else
        cd "$work" || exit 1
        perform build "$run"
        cd - >/dev/null || exit 1
        case $ended in
        failed) word=found ;;
        passed) word=SURVIVED ;;
        *) word=$ended ;;
        esac
    fi
    rm -rf "$work"
    echo "$word" >"$build/mutants/logs/$name.result"
    printf '%-8s  %-36s %-20s %3s s  %s\n' "$word" "$name" "$run" \
        "$(($(date +%s) - began))" "$([ "$word" = found ] && finding || echo "not so: $guard")"
}

# A tree to copy mutants from: the sources, and what was made of them.
make_base() {
    base=$build/mutants/base
    rm -rf "$build/mutants"
    mkdir -p "$base/build" "$build/mutants/logs"
    cp -a Makefile core sim tests "$base"
    ln -s "$PWD/fixtures" "$base/fixtures"
    cp -a "$build/obj" "$build/libcull.a" "$build/flags" "$build"/*.list "$base/build"
    for program in cull-sim unit-tests crash-log; do
        cp -a "$build/$program" "$base/build"
    done
    # Nothing to do, as a rule; what there is, each mutant would do.
    make --no-print-directory -j"$jobs" -C "$base" -o build/flags BUILD=build WERROR=0 \
        build/cull-sim build/unit-tests build/crash-log >"$build/mutants/base.log" 2>&1 && return
    tail -n 20 "$build/mutants/base.log" >&2
    return 1
}

# What found means: the library as it is passes the same run.
as_it_is() {
    began=$(date +%s)
    log=$1/mutants/logs/$(echo "$2" | tr ' ' '-').log
    perform "$1" "$2"
    printf '%-8s  %-36s %-20s %3s s\n' "$ended" 'the library as it is' "$2" "$(($(date +%s) - began))"
    [ "$ended" = passed ]
}

case ${1-} in
--list)
    shift
    wanted "$@" | while read -r patch; do
        printf '%-36s %-20s %s\n' "$(basename "$patch" .patch)" "$(field Found-by "$patch")" \
            "$(field Guard "$patch")"
    done
    exit
    ;;
--one)
    one "$2" "$3"
    exit
    ;;
--as-it-is)
    as_it_is "$2" "$3"
    exit
    ;;
esac

build=${1:?usage: mutants.sh BUILD [PATTERN]...}
case $build in
/*) ;;
*) build=$PWD/$build ;;
esac
shift
began=$(date +%s)
make_base || exit 1
{
    wanted "$@"
    unfit
} | sort -u >"$build/mutants/wanted"
while read -r patch; do
    run=$(field Found-by "$patch")
    program_of "$run" >/dev/null && echo "$run"
done <"$build/mutants/wanted" | sort -u >"$build/mutants/runs"
if ! xargs -d '\n' -n 1 -P "$jobs" sh tests/mutants.sh --as-it-is "$build" <"$build/mutants/runs"; then
    echo 'the library as it is fails: its mutants would show nothing' >&2
    echo '0 passed, 1 failed'
    exit 1
fi
xargs -n 1 -P "$jobs" sh tests/mutants.sh --one "$build" <"$build/mutants/wanted"
passed=$(cat "$build"/mutants/logs/*.result 2>/dev/null | grep -c '^found$')
failed=$(($(grep -c . "$build/mutants/wanted") - passed))
rm -rf "$build/mutants/base"
echo "mutants: $passed of $((passed + failed)) found, $(($(date +%s) - began)) s;" \
    "logs in $build/mutants/logs"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
