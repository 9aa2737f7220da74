#!/bin/sh
# rules.sh - which rules of an artifact's life a test shows: `make rules`.
#
# usage: rules.sh BUILD
#
# A test shows a rule whose number stands in its name: rule_12_..., rules_2_and_3_...; unit tests by
# their function, cases of the command by their file. All of them are run, and their real results
# decide: one line a rule, "rule 12 ok TESTS...", "rule 12 red TESTS..." or "rule 12 missing". A test
# that is written and never runs shows nothing.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${1:?usage: rules.sh BUILD}
last=38
numbered='rules\{0,1\}_[0-9]'

results=$(mktemp "${TMPDIR:-/tmp}/cull-rules.XXXXXX") || exit 1
trap 'rm -f "$results"' EXIT
trap 'exit 130' INT TERM

suites=$(grep -l "^START_TEST([a-z0-9_]*$numbered" tests/unit/test_*.c |
    sed 's|.*/test_\(.*\)\.c|\1|')
cases=$(cd tests/cli/cases && for case in *.sh; do echo "${case%.sh}"; done | grep "$numbered")

# Lines of "P NAME" or another letter.
if [ -n "$suites" ]; then
    # shellcheck disable=SC2086 # words
    CK_VERBOSITY=verbose "$build/unit-tests" $suites |
        sed -n 's/^[^:]*:[0-9]*:\([PFE]\):[^:]*:\([a-z0-9_]*\):.*/\1 unit:\2/p' |
        grep "$numbered" >>"$results"
fi
if [ -n "$cases" ]; then
    # shellcheck disable=SC2086 # words
    sh tests/cli/run.sh --each "$build/cull" $cases |
        sed -n -e 's/^ok \([a-z0-9_]*\)$/P cli:\1/p' -e 's/^failed \([a-z0-9_]*\)$/F cli:\1/p' \
            -e 's/^skipped \([a-z0-9_]*\): .*/S cli:\1/p' >>"$results"
fi

awk -v last=$last '
# The numbers behind each "rule_" or "rules_": 2, "and 3", 4.
function note(name, text, number) {
    text = name
    while (match(text, /rules?_[0-9]+((_and)?_[0-9]+)*/)) {
        number = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        gsub(/[a-z_]+/, " ", number)
        count = split(number, parts, " ")
        for (i = 1; i <= count; i++) {
            number = parts[i] + 0 # 01 is 1
            if (!((number, name) in seen)) {
                seen[number, name] = 1
                tests[number] = tests[number] " " name
            }
        }
    }
}
$1 != "S" { # one that could not run here shows nothing
    if (!($2 in state)) {
        names[++known] = $2
    }
    state[$2] = state[$2] == "F" || $1 != "P" ? "F" : "P"
}
END {
    for (n = 1; n <= known; n++) {
        note(names[n])
    }
    for (rule = 1; rule <= last; rule++) {
        count = split(tests[rule], list, " ")
        red = ""
        for (i = 1; i <= count; i++) {
            red = red (state[list[i]] == "F" ? " " list[i] : "")
        }
        word = count == 0 ? "missing" : red != "" ? "red" : "ok"
        good += word == "ok"
        print "rule " rule " " word (word == "red" ? red : tests[rule])
    }
    print good + 0 " passed, " last - good " failed"
    exit good < last
}' "$results"
