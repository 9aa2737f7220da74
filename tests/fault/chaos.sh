#!/bin/sh
# chaos.sh - processes of `cull` put, delete, restore and collect on one store, and are killed and
# stopped at random; then nothing may be lost, and no garbage may be left.
#
# usage: chaos.sh CULL [--seconds N] [--seed N]
#
# The storm is chaos_main.c's. Afterwards, when leases and grace are over, sha256sum(1) alone is
# asked about contents: every version that was acknowledged and not deleted is there, each version,
# those in the trash too, comes back as it was put, the object store holds what the versions name
# under its right digest, and, once cycles and `fsck --repair` have nothing to do any more, nothing
# else. A long time is several rounds, each on a store of its own and with a seed of its own.
set -u
cull=${1:?usage: chaos.sh CULL [--seconds N] [--seed N]}
storm=$(cd "$(dirname "$cull")" && pwd)/chaos
cull=$(cd "$(dirname "$cull")" && pwd)/$(basename "$cull")
shift
seconds=20
seed=$(date +%s)
round_seconds_max=300
while [ $# -gt 1 ]; do
    case $1 in
    --seconds) seconds=$2 ;;
    --seed) seed=$2 ;;
    *) break ;;
    esac
    shift 2
done
if [ $# -gt 0 ]; then
    echo "chaos.sh: $1: --seconds N or --seed N" >&2
    exit 2
fi

top=$(mktemp -d "${TMPDIR:-/tmp}/cull-chaos.XXXXXX") || exit 1
trap 'rm -rf "$top"' EXIT
trap 'exit 130' INT TERM
: >"$top/totals"

passed=0
failed=0
check() { # WORDS COMMAND...: the command succeeds
    words=$1
    shift
    if "$@" >said 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $words (seed $round_seed)"
        head -n 50 said
    fi
}
count_lines() { # FILE
    wc -l <"$1" | tr -d ' '
}

# --- what must be there after the storm ----------------------------------------------------------

# "version file digest" of what puts were told, from the trees' kinds.
list_put() {
    (cd contents && sha256sum -- *) | awk '{ print $2, $1 }' >kinds
    sort -u acks | awk '
        NR == FNR { digest[$1] = $2; next }
        {
            count = split($2, kind, ",")
            for (i = 1; i <= count; i++)
                printf "%s %02d %s\n", $1, i - 1, digest[kind[i]]
        }' kinds - | sort >put
}
one_tree_a_version() {
    [ -s acks ] && [ -z "$(sort -u acks | cut -d ' ' -f 1 | uniq -d)" ]
}

names_of() { # COMMAND...: the versions that it lists
    "$cull" "$@" --json | sed -n 's/^{"type":"version","name":"\([^"]*\)".*/\1/p'
}
list_versions() {
    cut -d : -f 1 acks | sort -u | while read -r collection; do
        names_of ls "$collection"
    done | sort >versions
}
nothing_due_is_missing() {
    sort due | comm -23 - versions >missing
    sed 's/^/acknowledged, never deleted, and not there: /' missing
    [ ! -s missing ]
}
# A version whose grace is over can be restored until it is purged.
restore_all() {
    names_of trash >restored
    while read -r version; do
        "$cull" restore "$version" || return 1
    done <restored
}

# Every version, read back: its files have the digests that were put. A version that no put was told
# of, because its process was killed when it had committed, holds contents that were there to be put.
versions_are_as_put() {
    rm -rf got
    mkdir -p got/team/storm
    unread=0
    while read -r version; do
        "$cull" get "$version" "got/$version" || unread=$((unread + 1))
    done <versions
    find got -type f -exec sha256sum {} + |
        sed -n 's:^\([0-9a-f]*\)  got/\(.*\)/\([^/]*\)$:\2 \3 \1:p' | sort >got.sums
    cut -d ' ' -f 1 acks | sort -u | comm -12 - versions >acked
    awk 'NR == FNR { acked[$1]; next } $1 in acked' acked got.sums >got.acked
    awk 'NR == FNR { there[$1]; next } $1 in there' versions put >put.acked
    cut -d ' ' -f 3 got.sums put.acked | sort -u >named
    cut -d ' ' -f 2 kinds | sort -u | comm -13 - named >foreign
    sed 's/^/no content that was put: /' foreign
    diff put.acked got.acked && [ ! -s foreign ] && [ "$unread" -eq 0 ]
}

# The objects that are there, by name, and whether their bytes have that digest.
nothing_named_is_lost() {
    find store/objects -type f -exec sha256sum {} + |
        awk '{ name = $2; sub(".*/", "", name); print name, name == $1 ? "right" : "wrong" }' |
        sort >objects
    sed -n 's/ right$//p' objects | comm -13 - named >lost
    sed 's/^/lost: /' lost
    grep ' wrong$' objects >wrong
    cat wrong
    [ ! -s lost ] && [ ! -s wrong ]
}

# --- what must be gone in the end ----------------------------------------------------------------

delete_again() {
    # shellcheck disable=SC2046 # names have no blanks
    [ ! -s restored ] || "$cull" delete --delete-aliases $(cat restored) && list_versions
}
collect() {
    deleted=1
    while [ "$deleted" -gt 0 ]; do
        deleted=$("$cull" gc --verify full --allow-empty-store --json |
            sed -n 's/.*"blobs_deleted":\([0-9]*\).*/\1/p')
        [ -n "$deleted" ] || return 1
        collected=$((collected + deleted))
    done
}
# An orphan, from a put that was stopped until its upload was over, is kept for a day.
repair_when_old() {
    find store/objects store/tmp -type f -exec touch -d '2 days ago' {} +
    "$cull" fsck --repair
}
no_work_is_left() {
    "$cull" stat --json >stat.json
    grep '"uploads":0,' stat.json && grep '"versions_in_trash":0,' stat.json &&
        grep '"blobs_expected":0,"blobs_deleting":0,"blobs_dead":0,' stat.json
}
no_garbage_is_left() {
    cut -d ' ' -f 1 objects | comm -13 named - >garbage
    find store/tmp store/quarantine -type f >>garbage
    sed 's/^/garbage: /' garbage
    [ ! -s garbage ]
}

# --- that these checks find what they are for ------------------------------------------------------

not() {
    ! "$@"
}
object_named() { # N-TH
    find store/objects -name "$(sed -n "${1}p" named)"
}
damage() {
    echo team/storm/none:v0 >>due
    check "a version that is missing is found out" not nothing_due_is_missing
    echo x >>"$(object_named 1)"
    check "an object with other bytes is found out" not nothing_named_is_lost
    check "a version with other bytes is found out" not versions_are_as_put
    rm "$(object_named 1)" "$(object_named 2)"
    check "an object that is lost is found out" not nothing_named_is_lost
    echo x >store/objects/"$(printf x | sha256sum | cut -d ' ' -f 1)"
    nothing_named_is_lost >/dev/null
    check "an object too many is found out" not no_garbage_is_left
}

# --- rounds ------------------------------------------------------------------------------------------

run_storm() {
    "$storm" "$cull" "$PWD" "$round_seconds" "$round_seed" >figures
}

run_round() {
    "$cull" init store --lease 1s --grace 1s >/dev/null || return 1
    CULL_STORE=$PWD/store
    export CULL_STORE
    collected=0
    : >named
    check "all happens, and every command is done, busy, or names what is gone" run_storm
    check "no version was told to hold two trees" one_tree_a_version
    list_put
    list_versions
    check "every acknowledged version that nobody deleted is there" nothing_due_is_missing
    check "what is in the trash can be restored" restore_all
    list_versions
    check "every version is as it was put" versions_are_as_put
    check "every blob of every version is in the object store" nothing_named_is_lost
    cat lost wrong >all_lost
    check "fsck reads everything and finds nothing" "$cull" fsck --read-data
    checked=$(count_lines versions)

    check "what was restored can be deleted" delete_again
    sleep 3 # leases, and grace
    check "cycles come to an end" collect
    check "fsck takes orphans up" repair_when_old
    check "cycles delete them" collect
    check "no upload, no trash, no dead blob is left" no_work_is_left
    check "every version is still as it was put" versions_are_as_put
    check "every blob of every version is still in the object store" nothing_named_is_lost
    check "nothing else is in the object store" no_garbage_is_left
    check "fsck still finds nothing" "$cull" fsck --read-data
    cat figures - >>../totals <<END
versions_checked=$checked
collected=$collected
lost=$(cat all_lost lost wrong missing | sort -u | wc -l)
garbage=$(count_lines garbage)
END
    damage
}

figure() { # NAME: its sum over the rounds
    awk -F = -v name="$1" '$1 == name { sum += $2 } END { print sum + 0 }' "$top/totals"
}

print_figures() {
    echo "$seconds s: $(figure commits) commits acknowledged, $(figure deletes) deletes," \
        "$(figure restores) restores, $(figure cycles) cycles, $(figure checks) fscks," \
        "$(figure busy) times busy, $(figure gone) times too late"
    echo "$(figure kills) kills, $(figure stops) stops; $(figure overslept) uploads ended while their" \
        "process was stopped; $(figure late) puts were told so, and gave up;" \
        "$(figure slept_deleting) cycles were stopped while they deleted," \
        "$(figure unlocked) of them without the log's lock file"
    echo "blobs deleted: $(figure blobs_deleted) and more in the storm, $(figure collected) after it;" \
        "versions checked: $(figure versions_checked)"
    echo "blobs lost: $(figure lost), garbage left: $(figure garbage)"
}

left=$seconds
round_seed=$seed
while [ "$left" -gt 0 ]; do
    round_seconds=$((left < round_seconds_max ? left : round_seconds_max))
    left=$((left - round_seconds))
    mkdir "$top/round" && cd "$top/round" || exit 1
    run_round || failed=$((failed + 1))
    cd "$top" && rm -rf round
    if [ "$left" -gt 0 ]; then
        echo "chaos: $left s left; $(figure commits) commits, $(figure kills) kills," \
            "lost: $(figure lost), garbage: $(figure garbage); $failed failed" >&2
    fi
    round_seed=$((round_seed + 1))
done
print_figures
echo "seed $seed: sh tests/fault/chaos.sh build/cull --seconds $seconds --seed $seed"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
