# shellcheck shell=sh
# stage.sh - runs the stages of a test run, one after another or side by side, and adds them up.
# Sourced by check.sh and .ci/run, which set `logs` to a directory for their output.
#
# A stage is a command. What it tells of its tests is read from its output, the last line that says
# "N passed, N failed"; one that says nothing counts as one test, by its exit status. A stage that
# says that all is well and exits with a failure has failed.

# shellcheck disable=SC2154 # logs is the sourcing script's
mkdir -p "$logs"
rm -f "$logs"/*.log "$logs"/*.result

# stage NAME COMMAND...: run it, keep its output, print one line.
stage() {
    stage_name=$1
    shift
    stage_log=$logs/$stage_name.log
    stage_began=$(date +%s)
    "$@" >"$stage_log" 2>&1 </dev/null
    stage_status=$?
    stage_told=$(sed -n 's/^\([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed$/\1 \2/p' \
        "$stage_log" | tail -n 1)
    stage_passed=${stage_told% *}
    stage_failed=${stage_told#* }
    if [ -z "$stage_told" ]; then
        stage_passed=1
        stage_failed=0
        if [ "$stage_status" -ne 0 ]; then
            stage_passed=0
            stage_failed=1
        fi
    elif [ "$stage_status" -ne 0 ] && [ "$stage_failed" -eq 0 ]; then
        stage_failed=1
    fi
    stage_word=ok
    if [ "$stage_status" -ne 0 ] || [ "$stage_failed" -ne 0 ]; then
        stage_word=FAILED
    fi
    printf '%s %s\n' "$stage_passed" "$stage_failed" >"$logs/$stage_name.result"
    printf '%-6s  %-20s %6s passed, %s failed, %s s\n' "$stage_word" "$stage_name" \
        "$stage_passed" "$stage_failed" "$(($(date +%s) - stage_began))"
    [ "$stage_word" = ok ]
}

# stage_summary: print the output of what failed, then the sum. False if anything failed, or if
# there was nothing to run.
stage_summary() {
    sum_passed=0
    sum_failed=0
    for stage_result in "$logs"/*.result; do
        [ -e "$stage_result" ] || continue
        read -r stage_passed stage_failed <"$stage_result"
        sum_passed=$((sum_passed + stage_passed))
        sum_failed=$((sum_failed + stage_failed))
        if [ "$stage_failed" -ne 0 ]; then
            printf '\n--- %s ---\n' "$(basename "$stage_result" .result)"
            tail -n 200 "${stage_result%.result}.log"
        fi
    done
    printf '%s passed, %s failed\n' "$sum_passed" "$sum_failed"
    [ "$sum_failed" -eq 0 ] && [ "$sum_passed" -gt 0 ]
}
