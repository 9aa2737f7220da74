#!/bin/sh
# run.sh - runs the benches and keeps what they measured.
#
# usage: run.sh BUILD full|small WORK SAMPLES [GROUP...]
#
# BUILD holds cull, cull-sim and the bench programs. Stores are made in WORK when a group first needs
# them, and stay there for the groups that come after. Each measurement goes to SAMPLES beside its
# limit, measured in the same turn (shared/samples.h); bench-report makes the report of them. "small"
# is for `make check`: every row, but no figure of it means anything.
set -eu
build=$(cd "${1:?usage: run.sh BUILD full|small WORK SAMPLES [GROUP...]}" && pwd)
size=$2
mkdir -p "$3"
work=$(cd "$3" && pwd)
samples=$(cd "$(dirname "$4")" && pwd)/$(basename "$4")
shift 4
groups=${*:-micro scale beside cycle open delete dry ten put rate sweep import world}
cull=$build/cull
LC_ALL=C
export LC_ALL

# shellcheck disable=SC2034 # the sizes of the groups, by name
case $size in
full)
    micro='files:1000000/|files:100000/|blobs:10000000/'
    wide='1000 1000000 10000' many='200 10000' ten=10000 dry='400 10000 100'
    scale='100 1000 1000000 4000' factor=100 cycles=13 runs=10 rounds=5
    put_files=1200 put_bytes=100000 sweep_files=4000 sweep_rounds=5 entries=100000
    worlds=150 world_runs=3
    ;;
small)
    micro='files:10000/|files:20000/|blobs:10000/'
    wide='10 1000 100' many='2 100' ten=100 dry='20 100 10'
    scale='5 10 1000 40' factor=2 cycles=2 runs=2 rounds=2
    put_files=10 put_bytes=1000 sweep_files=300 sweep_rounds=1 entries=100
    worlds=2 world_runs=1
    ;;
*)
    echo "run.sh: $size: neither full nor small" >&2
    exit 2
    ;;
esac
rows='^(mark_ratios|commit_known|lifespan_worst|blob_insert|blob_growing)/'

macro() {
    "$build/bench-macro" --samples "$samples" "$@"
}

# A store of a shape, made once.
store() { # NAME COLLECTIONS VERSIONS FILES CHANGED
    if [ ! -e "$work/$1" ]; then
        made=$work/$1
        shift
        macro make "$made" "$@"
    fi
}

# The command's times beside those of its limit; what prepares each is run before each run.
beside() { # ROW RUNS PREPARE COMMAND PREPARE LIMIT [BYTES]
    hyperfine -N --style none --warmup 1 --runs "$2" --prepare "$3" --prepare "$5" "$4" "$6" \
        --export-json "$work/hyperfine.json" >"$work/hyperfine.log" 2>&1 || {
        cat "$work/hyperfine.log" >&2
        exit 1
    }
    "$build/bench-report" --hyperfine "$1" "$work/hyperfine.json" ${7:+"$7"} >>"$samples"
}

script() { # NAME: a script of standard input, for hyperfine, which starts no shell
    cat >"$work/$1"
}

quietly() {
    "$@" >"$work/told" 2>&1 || {
        cat "$work/told" >&2
        exit 1
    }
}

# --- groups ---------------------------------------------------------------------------------------

run_micro() { # the rows; and all others once at their small sizes, so that none of them rots
    quietly "$build/bench-micro" --samples="$samples" --benchmark_out="$work/rows.json" \
        --benchmark_filter="$rows.*($micro)"
    quietly "$build/bench-micro" --benchmark_min_time=0.001 --benchmark_out="$work/micro.json" \
        --benchmark_filter='/(versions:100|blobs:10000|entries:10000)(/|$)'
}

run_scale() {
    # shellcheck disable=SC2086 # arguments
    macro scale $scale "$rounds"
}

run_beside() {
    # shellcheck disable=SC2086 # arguments
    macro beside $wide "$rounds"
}

run_cycle() {
    macro cycle "$factor" "$cycles"
}

run_open() {
    # shellcheck disable=SC2086 # arguments
    store wide 1 $wide
    macro open "$work/wide" "$rounds" >"$(dirname "$samples")/open.txt"
    cat "$(dirname "$samples")/open.txt"
    beside open.command "$rounds" true "$cull --store $work/wide stat" \
        true "cat $work/wide/cull.db"
}

# The same version is deleted and restored again and again.
delete_command() { # ROW STORE
    quietly "$cull" --store "$work/$2" delete bench/made/c0:v5
    beside "$1" "$runs" "$cull --store $work/$2 restore bench/made/c0:v5" \
        "$cull --store $work/$2 delete bench/made/c0:v5" \
        true "$build/bench-macro sync $work/limit"
    quietly "$cull" --store "$work/$2" restore bench/made/c0:v5
}

run_delete() {
    # shellcheck disable=SC2086 # arguments
    store many $many 1 0
    macro delete "$work/many" "$rounds"
    delete_command delete.2m many
}

run_ten() {
    store ten 1 "$ten" 1000 10
    delete_command delete.10k ten
}

# One cycle has verified in full; the next one would purge ten versions. Where its time goes is written
# beside the samples.
run_dry() {
    if [ ! -e "$work/dry" ]; then
        # shellcheck disable=SC2086 # arguments
        store dry 1 $dry
        quietly "$cull" --store "$work/dry" gc
        for ordinal in 2 4 5 6 7 8 9 12 13 14; do
            quietly "$cull" --store "$work/dry" delete bench/made/c0:v$ordinal
        done
    fi
    beside gc.dry_run $((runs * 2)) true "$cull --store $work/dry gc --dry-run" \
        true "cat $work/dry/cull.db"
    macro dry "$work/dry" "$cull" $((runs * 10)) >"$(dirname "$samples")/dry_run.txt"
    cat "$(dirname "$samples")/dry_run.txt"
}

run_put() {
    # shellcheck disable=SC2086 # arguments
    store wide 1 $wide
    script fresh.sh <<END
rm -rf $work/few && "$build/bench-macro" files $work/few 100 4096 \$(date +1%N)
END
    script copy.sh <<END
cp -r "\$1" "\$2" && sync -f "\$2"
END
    script clear.sh <<END
rm -rf $work/copy && sync -f $work
END
    quietly sh "$work/fresh.sh"
    beside put.few "$runs" "sh $work/fresh.sh" \
        "$cull --store $work/wide put bench/made/new $work/few" \
        "sh $work/clear.sh" "sh $work/copy.sh $work/few $work/copy"
}

run_rate() {
    [ -e "$work/source" ] || macro files "$work/source" "$put_files" "$put_bytes" 1
    script copy.sh <<END
cp -r "\$1" "\$2" && sync -f "\$2"
END
    script clear.sh <<END
rm -rf $work/copy && sync -f $work
END
    script init.sh <<END
rm -rf $work/rate && "$cull" init $work/rate && sync -f $work
END
    beside put.rate "$rounds" "sh $work/init.sh" \
        "$cull --store $work/rate put bench/made/source $work/source" \
        "sh $work/clear.sh" "sh $work/copy.sh $work/source $work/copy" $((put_files * put_bytes))
    rm -rf "$work/rate" "$work/copy" "$work/source"
}

sweep_once() { # THREADS SEED
    rm -rf "$work/small" "$work/sweep" "$work/twin"
    macro files "$work/small" "$sweep_files" 1000 "$2"
    quietly "$cull" init "$work/sweep"
    quietly "$cull" --store "$work/sweep" put bench/made/small "$work/small"
    quietly "$cull" --store "$work/sweep" delete bench/made/small:v0 --delete-aliases
    cp -r "$work/sweep/objects" "$work/twin"
    sync -f "$work"
    macro sweep "$work/sweep" "$work/twin" "$1" "$2"
    rm -rf "$work/small" "$work/sweep" "$work/twin"
}

run_sweep() {
    turn=0
    while [ "$turn" -lt "$sweep_rounds" ]; do
        turn=$((turn + 1))
        sweep_once 1 "$turn"
        sweep_once 2 "$turn"
    done
}

run_import() {
    awk -v entries="$entries" 'BEGIN {
        for (i = 0; i < entries; i++) {
            printf "train/%04d/img_%08d.png\t%032x\t%d\n", i / 1000, i, i * 7919 + 1, 1000 + i
        }
    }' >"$work/list"
    script index.sh <<END
rm -rf $work/index && "$cull" init $work/index --objects none --digest md5
END
    beside import.list "$rounds" "sh $work/index.sh" \
        "$cull --store $work/index import list bench/made/list $work/list" true "cat $work/list"
}

run_world() {
    turn=0
    while [ "$turn" -lt "$world_runs" ]; do
        turn=$((turn + 1))
        "$build/cull-sim" world --seeds "$worlds" --seed $((turn * 1000)) --json >"$work/world" || :
        sed -n 's/.*"steps_per_second":\([0-9]*\).*/world	\1	-/p' "$work/world" >>"$samples"
    done
}

for group in $groups; do
    began=$(date +%s)
    "run_$group"
    echo "$group: $(($(date +%s) - began)) s"
done
