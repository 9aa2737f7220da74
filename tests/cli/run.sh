#!/bin/sh
# run.sh - the command line's tests: each case's output against what is expected of it.
#
# usage: run.sh [--update | --each] CULL [CASE]...
#
# A case is a script, cases/NAME.sh; cases/NAME.stdout, .stderr and .exit hold what it must give
# (missing: empty, empty, 0). It runs in an empty directory with `cull` and the helpers of lib.sh.
# Times, digests, ids and seconds are replaced by words before comparing. A case that cannot run
# here (it needs root, a mount) says why and exits 77. --update writes what came out as expected;
# --each says "ok NAME" or "failed NAME" of every case.
set -u
update=0
each=0
case ${1-} in
--update)
    update=1
    shift
    ;;
--each)
    each=1
    shift
    ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
cull=${1:?usage: run.sh [--update | --each] CULL [CASE]...}
shift
cull=$(cd "$(dirname "$cull")" && pwd)/$(basename "$cull")

top=$(mktemp -d "${TMPDIR:-/tmp}/cull-cli.XXXXXX") || exit 1
trap 'chmod -R u+rwX "$top"; rm -rf "$top"' EXIT
trap 'exit 130' INT TERM
chmod 755 "$top"

# The tools are built here, so that a machine without python or sqlite3(1) can run the tests; and
# like the library that they link, which may be instrumented.
mkdir "$top/bin"
library=$(dirname "$cull")/libcull.a
symbols=$(nm "$library" 2>/dev/null)
like=
case $symbols in *__asan_*) like="$like -fsanitize=address,undefined" ;; esac
case $symbols in *__gcov_*) like="$like --coverage" ;; esac
build_tool() { # NAME [ARCHIVE] PACKAGE...
    tool=$1
    shift
    archive=
    case $1 in *.a)
        archive=$1
        shift
        ;;
    esac
    # shellcheck disable=SC2046,SC2086 # flags are words
    ${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -I"$here/../../core/include" $like \
        $(pkg-config --cflags "$@") -o "$top/bin/$tool" "$here/$tool.c" $archive \
        $(pkg-config --libs "$@") -pthread || exit 1
}
build_tool json_check yajl
build_tool sql sqlite3
build_tool open_upload "$library" libcrypto sqlite3 yajl zlib
cp "$cull" "$top/bin/cull" # where another user can run it too

# Replace what differs from run to run.
normalise() {
    sed -e "s|$work|WORK|g" \
        -e 's/[0-9]\{4\}-[0-9][0-9]-[0-9][0-9]T[0-9:]\{8\}\(\.[0-9]*\)\{0,1\}Z/<time>/g' \
        -e 's/\("[a-z_]*_seconds":\)[0-9.]*/\1<seconds>/g' \
        -e 's/\("manifest_digest":"\)[0-9a-f]\{32\}/\1<manifest>/g' \
        -e 's/\("\(id\|seq\)":\)[0-9]*/\1<number>/g' \
        -e 's/upload:[0-9][0-9]*/upload:<number>/g' \
        -e 's/  *$//'
}

passed=0
failed=0
skipped=0

# expect NAME SUFFIX: compare the output with what is expected, or update that.
expect() {
    want=$here/cases/$1.$2
    if [ $update = 1 ]; then
        if [ -s "$work.$2" ]; then cp "$work.$2" "$want"; else rm -f "$want"; fi
    fi
    [ -e "$want" ] || want=/dev/null
    diff -u "$want" "$work.$2" >"$work.diff" && return 0
    echo "--- $1: $2 is not as expected:"
    sed 's/^/    /' "$work.diff"
    return 1
}

run_case() {
    name=$1
    work=$top/$name
    mkdir "$work"
    (
        cd "$work" || exit 1
        PATH=$top/bin:$PATH
        CULL_STORE=$work/store
        NO_COLOR=1
        LC_ALL=C
        TZ=UTC
        CLI_LIB=$here/lib.sh
        EXAMPLES=$(dirname "$cull")/examples
        export EXAMPLES PATH CULL_STORE NO_COLOR LC_ALL TZ CLI_LIB
        umask 022
        set -u
        . "$here/lib.sh"
        . "$here/cases/$name.sh"
    ) >"$work.raw.stdout" 2>"$work.raw.stderr" </dev/null
    code=$?
    if [ $code = 77 ]; then
        skipped=$((skipped + 1))
        echo "skipped $name: $(tail -n 1 "$work.raw.stdout")"
        return
    fi
    normalise <"$work.raw.stdout" >"$work.stdout"
    normalise <"$work.raw.stderr" >"$work.stderr"
    : >"$work.exit"
    [ $code = 0 ] || echo $code >"$work.exit"
    good=1
    for part in stdout stderr exit; do
        expect "$name" $part || good=0
    done
    if [ $good = 1 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    if [ $each = 1 ]; then
        if [ $good = 1 ]; then echo "ok $name"; else echo "failed $name"; fi
    fi
    chmod -R u+rwX "$work" && rm -rf "$work"
}

if [ $# = 0 ]; then
    for script in "$here"/cases/*.sh; do
        run_case "$(basename "$script" .sh)"
    done
else
    for name in "$@"; do
        run_case "$name"
    done
fi
[ $skipped = 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
