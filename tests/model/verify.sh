#!/bin/sh
# verify.sh - protocol.pml through spin: every state of each kind of store is safe, and every guard
# that is taken out gives a counterexample.
#
# usage: verify.sh [--small | --full] BUILD
#        verify.sh --trail BUILD KIND [-DFLAG]...    the steps of a counterexample
#
# --small is what `make check` runs: two uploaders and two collectors on a directory, less on the
# buckets. Without it, as `make model` does: two of each on a bucket with versions too, and on one
# without, two uploaders or two collectors. --full (`make model FULL=1`) has two of each there as
# well: 60 million states, 7 GB, and 20 minutes on a slow processor.
#
# A search counts only if it was exhaustive: an error, a depth or memory limit that was met, or a
# state that is kept as a hash alone, is a failure.
set -u
here=$(dirname "$0")
sources=$here/../../core/src
size=whole
case ${1-} in
--small | --full | --trail)
    size=${1#--}
    shift
    ;;
esac
work=${1:?usage: verify.sh [--small | --full] BUILD}/model
shift
mkdir -p "$work" && model=$(cd "$here" && pwd)/protocol.pml && cd "$work" || exit 1
sources=$(dirname "$model")/../../core/src
passed=0
failed=0

ok() {
    passed=$((passed + 1))
}

bad() { # WORDS...
    failed=$((failed + 1))
    echo "FAILED: $*"
}

# --- the model's steps are those of the code ---------------------------------------------------

# "room/file.c: function, function" in the model's comments, one "room/file.c function" a line.
named_functions() { # MODEL
    grep -o '[a-z]*/[a-z_]*\.c: [a-z_]*\(, [a-z_]*\)*' "$1" | awk -F ': ' '{
        count = split($2, names, ", ")
        for (i = 1; i <= count; i++)
            print $1, names[i]
    }' | sort -u
}

# Those that are not defined where the model says.
missing_functions() { # MODEL
    named_functions "$1" | while read -r file name; do
        grep -qs "^[a-z].*[ *]$name(" "$sources/$file" || echo "$file: $name"
    done
}

check_names() {
    lost=$(missing_functions "$model")
    if [ -n "$lost" ]; then
        bad "the model names what is not in core/src:" "$lost"
    elif [ "$(named_functions "$model" | wc -l)" -lt 30 ]; then
        bad "the model names few functions: is their form another?"
    else
        ok
    fi
    # and it would be seen
    sed 's/: check_claim/: check_clam/' "$model" >renamed.pml
    if [ "$(missing_functions renamed.pml)" = "store/sweep.c: check_clam" ]; then
        ok
    else
        bad "a function that is not there is not missed"
    fi
}

# --- searches ------------------------------------------------------------------------------------

compile() { # FLAGS-OF-PAN FLAG...
    pan_flags=$1
    shift
    rm -f pan pan.[bchmpt] ./*.trail
    # Every step reads and changes what is shared, so reduction by order has nothing to find.
    # shellcheck disable=SC2086 # pan_flags is a list
    spin -a "$@" "$model" >spin.log 2>&1 &&
        ${CC:-cc} -w $pan_flags -DSAFETY -DNOREDUCE -o pan pan.c 2>>spin.log
}

figure() { # SED-EXPRESSION
    sed -n "$1" pan.log | head -n 1
}

print_run() { # WORDS...
    printf '%-62s %9s states, depth %8s, %6s s\n' "$*" \
        "$(figure 's/^ *\([0-9]*\) states, stored.*/\1/p')" \
        "$(figure 's/.*depth reached \([0-9]*\),.*/\1/p')" "$seconds"
}

run() { # OPTIONS-OF-PAN...
    began=$(date +%s%N)
    ./pan "$@" >pan.log 2>&1
    seconds=$(awk -v ns=$(($(date +%s%N) - began)) 'BEGIN { printf "%.1f", ns / 1e9 }')
}

# holds DEPTH FLAG...: no state breaks anything, and all were looked at.
holds() {
    depth=$1
    shift
    if ! compile "-O2 -DMEMLIM=12000" "$@"; then
        bad "$*: $(cat spin.log)"
        return
    fi
    run -m"$depth"
    print_run "$@"
    if grep -q 'errors: 0$' pan.log && grep -q '^Full statespace search' pan.log &&
        ! grep -qi 'max search depth too small\|search not completed\|hash-\?compact\|bitstate' pan.log; then
        ok
    else
        bad "$*" "$(cat pan.log)"
    fi
}

# reaches FLAG...: of the search just made, that there is no step that no history takes; who cannot
# be overtaken does not end for it.
reaches() {
    unreached=$(awk -v model="$model" '
        BEGIN {
            while ((getline line <model) > 0) {
                n++
                if (line ~ /^inline die\(\)/)
                    first = n
                if (first && !last && line ~ /^}/)
                    last = n
            }
        }
        /, state [0-9]*, "/ && !/"-end-"/ {
            split($1, place, /[:,]/)
            if (place[2] < first || place[2] > last)
                print place[2]
        }' pan.log | sort -nu | tr '\n' ' ')
    if [ -z "$unreached" ]; then
        ok
    else
        bad "$*: no history reaches the lines $unreached"
    fi
}

# breaks DEPTH FLAG...: without that guard some state breaks an assertion. Found within a few hundred
# steps, or with damage within thousands: a search that goes deeper is not better, and later.
breaks() {
    depth=$1
    shift
    if ! compile -O0 "$@"; then
        bad "$*: $(cat spin.log)"
        return
    fi
    run -m"$depth" -w16
    print_run "$@"
    if grep -q 'assertion violated' pan.log && ! grep -q 'invalid array index' pan.log; then
        ok
    else
        bad "$*: no counterexample"
    fi
}

if [ "$size" = trail ]; then
    compile '-O2 -DBFS' "$@" && ./pan -w24 >pan.log 2>&1 # the shortest there is
    exec spin -k protocol.pml.trail -p "$@" "$model"
fi

# --- guards, where each is missed ----------------------------------------------------------------

guards='
NO_PIN DIRECTORY
NO_BASE_PIN DIRECTORY
NO_EXPECTED DIRECTORY
NO_MISSING DIRECTORY
NO_WAIT DIRECTORY
NO_PURGE_RECHECK DIRECTORY
NO_CLAIM_RECHECK DIRECTORY
PINS_BY_CLOCK DIRECTORY
LEASE_BY_CLOCK DIRECTORY
CONFIRM_BEFORE_DURABLE UNVERSIONED
DELETE_BEFORE_LOG DIRECTORY
GONE_BEFORE_ANSWER DIRECTORY
LOCK_OUTLIVED DIRECTORY
NO_FENCING VERSIONED
NO_FENCING UNVERSIONED
NO_DELETE_FENCE UNVERSIONED
NO_INCARNATION UNVERSIONED
VERSION_IDS_AFTER_CLAIM VERSIONED
ORPHAN_BY_UNLINK DIRECTORY
EXPECTED_STAYS DIRECTORY
NO_FINISH DIRECTORY
NOT_SET_ASIDE DAMAGE
NO_SECOND_LOOK DAMAGE
NO_CONFIRM_LOOK DAMAGE
LOST_STAYS_LIVE DAMAGE
'
sizes='DIRECTORY DAMAGE VERSIONED UNVERSIONED BUCKET LOCK INCARNATIONS UPLOADERS COLLECTORS VERSIONS KEYS SYMMETRY'

# A guard that the model knows and the list does not would never be taken out.
check_guards() {
    unlisted=$(grep '^#\(if\|elif\)' "$model" | grep -o '\<[A-Z_][A-Z_]*\>' | sort -u |
        while read -r name; do
            case " $sizes NUMBERS $(echo "$guards" | tr '\n' ' ') " in
            *" $name "*) ;;
            *) echo "$name" ;;
            esac
        done)
    if [ -z "$unlisted" ]; then
        ok
    else
        bad "not in the list of guards: $unlisted"
    fi
}

check_names
check_guards
case $size in
small)
    holds 1000000 -DDIRECTORY
    reaches -DDIRECTORY
    holds 1000000 -DDIRECTORY -DDAMAGE -DCOLLECTORS=1
    reaches -DDIRECTORY -DDAMAGE
    holds 1000000 -DVERSIONED -DCOLLECTORS=1
    reaches -DVERSIONED
    holds 1000000 -DUNVERSIONED -DUPLOADERS=1 -DCOLLECTORS=1
    ;;
*)
    holds 1000000 -DDIRECTORY
    reaches -DDIRECTORY
    holds 1000000 -DDIRECTORY -DVERSIONS=2 -DSYMMETRY
    holds 4000000 -DDIRECTORY -DDAMAGE
    reaches -DDIRECTORY -DDAMAGE
    holds 12000000 -DVERSIONED -DSYMMETRY
    holds 2000000 -DVERSIONED -DCOLLECTORS=1 -DKEYS=3
    reaches -DVERSIONED
    holds 2000000 -DUNVERSIONED -DCOLLECTORS=1
    reaches -DUNVERSIONED
    holds 2000000 -DUNVERSIONED -DUPLOADERS=1
    holds 2000000 -DUNVERSIONED -DUPLOADERS=1 -DCOLLECTORS=1 -DKEYS=3
    ;;
esac
if [ "$size" = full ]; then
    holds 20000000 -DUNVERSIONED -DSYMMETRY
fi
echo 'without a guard:'
while read -r guard kind; do
    if [ -n "$guard" ]; then
        case $kind in
        DIRECTORY) breaks 400 -D"$kind" -D"$guard" ;;
        DAMAGE) breaks 20000 -DDIRECTORY -D"$kind" -DCOLLECTORS=1 -D"$guard" ;;
        *) breaks 400 -D"$kind" -DUPLOADERS=1 -D"$guard" ;;
        esac
    fi
done <<END
$guards
END
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
