#!/bin/sh
# Each public header compiles alone, without a warning, as C11 and as C++17.
set -u
cd "$(dirname "$0")/../.." || exit 1

warnings='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror'
passed=0
failed=0

compiles() { # HEADER COMPILER...
    header=$1
    shift
    if printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
        "$@" -fsyntax-only -Icore/include -; then
        passed=$((passed + 1))
    else
        echo "$header: does not compile alone with $*"
        failed=$((failed + 1))
    fi
}

for path in core/include/cull/*.h; do
    # shellcheck disable=SC2086 # CC, CXX and warnings are lists of words
    compiles "cull/$(basename "$path")" ${CC:-cc} -x c -std=c11 $warnings -Wstrict-prototypes
    # shellcheck disable=SC2086
    compiles "cull/$(basename "$path")" ${CXX:-c++} -x c++ -std=c++17 $warnings
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
