#!/bin/sh
# run.sh BUILD - what `make install` puts there is enough: a C and a C++ program build against a
# staged install through pkg-config alone, with the shared and with the static library, and run;
# nothing internal is exported; `make uninstall` leaves nothing behind.
set -u
cd "$(dirname "$0")/../.." || exit 1

build=${1:?usage: run.sh BUILD}
stage=$(mktemp -d "${TMPDIR:-/tmp}/cull-install-XXXXXX") || exit 1
trap 'rm -rf "$stage"' EXIT
root=$stage/root
lib=$root/usr/lib
passed=0
failed=0

expect() { # WHAT COMMAND...
    what=$1
    shift
    if "$@" >"$stage/out" 2>&1; then
        passed=$((passed + 1))
    else
        echo "$what: failed: $*"
        cat "$stage/out"
        failed=$((failed + 1))
    fi
}

make_here() {
    ${MAKE:-make} --no-print-directory BUILD="$build" DESTDIR="$root" prefix=/usr "$@"
}

config() {
    PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root pkg-config "$@" cull
}

# The program's flags come from pkg-config and from nowhere else.
compile() { # OUTPUT LANGUAGE-STANDARD SOURCE COMPILER PKG-CONFIG-OPTION...
    output=$stage/$1 standard=$2 source=$3 compiler=$4
    shift 4
    # shellcheck disable=SC2046,SC2086 # lists of words
    $compiler -std=$standard -Wall -Wextra -Wpedantic -Werror -o "$output" "$source" \
        $(config --cflags --libs "$@")
}

only_public_symbols() {
    nm -D --defined-only "$lib/libcull.so" | awk '
        $3 ~ /^cull_[^_]/ { public++; next }
        $3 != "CULL_0" && $3 != "CULL_0@@CULL_0" { print "exported: " $3; bad = 1 }
        END { exit bad || public == 0 }'
}

soname_is_linked() { # PROGRAM
    readelf -d "$1" | grep -q 'NEEDED.*\[libcull\.so\.[0-9]*\]'
}

no_library_linked() { # PROGRAM
    ! readelf -d "$1" | grep -q 'NEEDED.*libcull'
}

says_version() { # PROGRAM
    [ "$(LD_LIBRARY_PATH=$lib "$1")" = "libcull $(config --modversion)" ]
}

nothing_left() {
    [ -z "$(find "$root" ! -type d)" ] || {
        find "$root" ! -type d
        return 1
    }
}

expect 'install' make_here install
for header in core/include/cull/*.h; do
    printf '#include <cull/%s>\n' "$(basename "$header")"
done >"$stage/all_headers.h"
cp tests/install/client.c tests/install/client.cc "$stage"

expect 'only public symbols are exported' only_public_symbols
expect 'C, shared' compile c-shared c11 "$stage/client.c" "${CC:-cc}"
expect 'C, shared: linked by soname' soname_is_linked "$stage/c-shared"
expect 'C, shared: runs' says_version "$stage/c-shared"
expect 'C++, shared' compile cc-shared c++17 "$stage/client.cc" "${CXX:-c++}"
expect 'C++, shared: runs' says_version "$stage/cc-shared"
for program in "$root"/usr/bin/*; do
    [ -e "$program" ] && expect "$(basename "$program") --help" "$program" --help
done

mkdir "$stage/kept"
mv "$lib"/libcull.so* "$stage/kept" # a linker that finds both takes the shared one
expect 'C, static' compile c-static c11 "$stage/client.c" "${CC:-cc}" --static
expect 'C, static: stands alone' no_library_linked "$stage/c-static"
expect 'C, static: runs' says_version "$stage/c-static"
mv "$stage/kept"/* "$lib"

expect 'uninstall' make_here uninstall
expect 'uninstall leaves nothing' nothing_left

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
