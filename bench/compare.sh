#!/bin/sh
# compare.sh - two revisions on one machine, in turns: what a change is worth.
#
# usage: compare.sh BUILD BASE ROUNDS [GROUP...]        (groups of run.sh; none: all)
#
# BASE is built in a worktree under BUILD with the benches of this tree, so that both are asked the
# same; a BASE whose inside they do not fit does not compile, and that is said. For each group, BASE
# and this tree run one after the other, ROUNDS times, each on stores of its own. Printed are the
# medians of both and the median and spread of the ratios, turn by turn.
set -eu
usage='usage: compare.sh BUILD BASE ROUNDS [GROUP...]'
build=$(cd "${1:?$usage}" && pwd)
base=${2:?$usage: say BASE=REV}
rounds=${3:?$usage}
shift 3
cd "$(dirname "$0")/.."
groups=${*:-micro scale beside cycle open delete dry ten put rate sweep import world}
dir=$build/bench-compare
tree=$dir/base

remove_tree() {
    rm -rf "$dir/base-work" "$dir/head-work"
    git worktree remove --force "$tree" 2>/dev/null || :
}
rm -rf "$dir"
git worktree prune
mkdir -p "$dir"
trap remove_tree EXIT
trap 'exit 130' INT TERM
git worktree add -q --detach "$tree" "$base"
rm -rf "$tree/bench"
cp -r bench Makefile "$tree"
${MAKE:-make} --no-print-directory -C "$tree" BUILD=build all build/bench-micro build/bench-macro \
    build/bench-report >"$dir/base.log" 2>&1 || {
    tail -n 20 "$dir/base.log" >&2
    echo "compare.sh: $base does not build with these benches" >&2
    exit 1
}

run_side() { # base|head GROUP
    side=$build
    [ "$1" = head ] || side=$tree/build
    sh bench/run.sh "$side" full "$dir/$1-work" "$dir/$1.tsv" "$2" >"$dir/log"
}

turn=0
while [ "$turn" -lt "$rounds" ]; do
    turn=$((turn + 1))
    for group in $groups; do
        echo "round $turn of $rounds, $group"
        if [ $((turn % 2)) = 1 ]; then # whoever comes first finds another machine
            run_side base "$group"
            run_side head "$group"
        else
            run_side head "$group"
            run_side base "$group"
        fi
    done
done
"$build/bench-report" --compare "$dir/base.tsv" "$dir/head.tsv"
