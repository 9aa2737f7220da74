#!/bin/sh
# check.sh - runs the tests of a build: `make check`, `make sanitize`, `make coverage`.
#
# usage: check.sh [--sanitize | --coverage] BUILD
#
# A stage whose files are not there is not in the list. Random histories and the faults run beside
# all the rest, which keeps two processors busy.
set -u
cd "$(dirname "$0")/.." || exit 1

mode=all
case ${1-} in
--sanitize | --coverage)
    mode=${1#--}
    shift
    ;;
esac
build=${1:?usage: check.sh [--sanitize | --coverage] BUILD}
logs=$build/logs
. tests/stage.sh

histories=5000
seeds=200 # from there on a state that is never reached fails
without=
case $mode in
sanitize)
    histories=300
    seeds=60
    export CK_FORK=no # a child that ends in _exit reports no leak
    export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:allocator_may_return_null=1
    export UBSAN_OPTIONS=print_stacktrace=1
    ;;
coverage)
    histories=1000
    # in this case another user runs cull, who cannot write the counts and is told so
    without=bad_permission
    ;;
esac

cli_cases() {
    for cli_case in tests/cli/cases/*.sh; do
        cli_case=$(basename "$cli_case" .sh)
        [ "$cli_case" = "$without" ] || echo "$cli_case"
    done
}

# Guards that fast runs miss at once: the whole is `make mutants`.
few_mutants() {
    env SEEDS=300 sh tests/mutants.sh "$build" 21-no-fence 47-fingerprints 71-lost-stays \
        72-set-aside 74-lost-by-number
}

# Where the compiler has it.
thread_sanitizer() {
    echo 'int main(void) { return 0; }' >"$build/probe.c"
    if ${CC:-cc} -fsanitize=thread -o "$build/probe" "$build/probe.c"; then
        "${MAKE:-make}" --no-print-directory CC="${CC:-cc}" BUILD="$build" tsan
    else
        echo 'this compiler has no ThreadSanitizer'
    fi
}

run_long() {
    if [ -x "$build/cull-sim" ]; then
        stage histories "$build/cull-sim" histories --count $histories --seed 1
        stage world "$build/cull-sim" world --seeds $seeds --seed 1
    fi
    if [ "$mode" = sanitize ] && [ -x "$build/crash-log" ]; then
        stage crash_log "$build/crash-log" --every 8
    fi
    if [ "$mode" = all ]; then
        for fault in tests/fault/*.sh; do
            [ -e "$fault" ] && stage "$(basename "$fault" .sh)" sh "$fault" "$build/cull"
        done
    fi
}

run_short() {
    if [ "$mode" = all ]; then
        stage headers sh tests/headers/run.sh
        stage fixtures sh tests/fixtures/run.sh
    fi
    stage unit "$build/unit-tests"
    for replay in "$build"/replay-*; do
        [ -x "$replay" ] || continue # the pattern itself, or a .d file
        target=${replay##*/replay-}
        stage "corpus-$target" "$replay" "fixtures/corpus/$target"
    done
    if [ -e tests/cli/run.sh ] && [ -x "$build/cull" ]; then
        # shellcheck disable=SC2046 # a list of cases; none means all
        stage cli sh tests/cli/run.sh "$build/cull" $([ -z "$without" ] || cli_cases)
    fi
    if [ "$mode" = all ]; then
        stage rules sh tests/rules.sh "$build"
        stage model sh tests/model/verify.sh --small "$build"
        stage install sh tests/install/run.sh "$build"
        stage readme sh tests/readme/run.sh "$build"
        stage mutants few_mutants
        stage tsan thread_sanitizer
        stage bench sh bench/report.sh "$build" small "$build/bench-small" check
    fi
}

run_long &
run_short
wait
stage_summary
