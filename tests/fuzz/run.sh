#!/bin/sh
# run.sh - fuzz targets one after another, each for some seconds; ends with "N passed, N failed".
#
# usage: run.sh libfuzzer|afl BUILD SECONDS TARGET...
#
# BUILD/found keeps the inputs that broke something; BUILD/corpus/TARGET what reached new code, which
# the next run starts from.
set -u
kind=$1
build=$2
seconds=$3
shift 3

passed=0
failed=0

run_libfuzzer() {
    mkdir -p "$build/corpus/$1" "$build/found"
    "$build/fuzz-$1" "-max_total_time=$seconds" -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 \
        "-artifact_prefix=$build/found/$1-" "$build/corpus/$1" "fixtures/corpus/$1" \
        >"$build/$1.log" 2>&1
    code=$?
    awk '/number_of_executed_units/ { n = $2 } /average_exec_per_sec/ { r = $2 }
        END { printf "%d runs, %d a second", n, r }' "$build/$1.log"
    return $code
}

# afl-fuzz ends well whatever it finds: what it kept decides.
run_afl() {
    mkdir -p "$build/seeds/$1" "$build/out" "$build/found"
    find "fixtures/corpus/$1" -type f -size -64k ! -name README.md \
        -exec cp {} "$build/seeds/$1" \;
    find "$build/seeds/$1" -size 0 -delete
    AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 AFL_NO_AFFINITY=1 \
        afl-fuzz -V "$seconds" -t 10000 -i "$build/seeds/$1" -o "$build/out/$1" \
        -- "$build/fuzz-$1" >"$build/$1.log" 2>&1
    code=$?
    for found in "$build/out/$1"/default/crashes/id* "$build/out/$1"/default/hangs/id*; do
        [ -e "$found" ] || continue
        cp "$found" "$build/found/$1-$(basename "$found" | tr ':,' '--')"
        code=1
    done
    awk '/^execs_done/ { n = $3 } /^execs_per_sec/ { r = $3 }
        END { printf "%d runs, %d a second", n, r }' "$build/out/$1/default/fuzzer_stats"
    return $code
}

for target in "$@"; do
    if figures=$("run_$kind" "$target"); then
        passed=$((passed + 1))
        echo "ok      $target: $figures"
    else
        failed=$((failed + 1))
        echo "FAILED  $target: $figures; see $build/$target.log and $build/found"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
