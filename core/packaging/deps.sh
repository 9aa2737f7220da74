#!/bin/sh
# Install the Debian packages that cull needs and this machine does not have.
#
# usage: deps.sh build|dev...
#
# What is there already is found by its command, its pkg-config name or its header, never by its
# package's name, so a library from elsewhere will do. Runs apt-get as root or through sudo where
# that asks for no password; otherwise prints the line to run and exits 1.
set -u
cd "$(dirname "$0")/../.." || exit 1

missing=

need_command() { # PACKAGE COMMAND
    command -v "$2" >/dev/null 2>&1 || missing="$missing $1"
}

need_module() { # PACKAGE PKG-CONFIG-NAME
    pkg-config --exists "$2" 2>/dev/null || missing="$missing $1"
}

need_header() { # PACKAGE HEADER [LANGUAGE]
    printf '#include <%s>\n' "$2" | ${CC:-cc} -E -x "${3:-c}" - >/dev/null 2>&1 ||
        missing="$missing $1"
}

need_build() {
    need_command gcc cc
    need_command g++ c++
    need_header libc6-dev stdio.h
    need_command pkg-config pkg-config
    need_module libxxhash-dev libxxhash
    need_header uthash-dev uthash.h
    need_module libssl-dev libcrypto
    need_module libsqlite3-dev sqlite3
    need_module libyajl-dev yajl
    if grep -qs '<jansson.h>' core/cli/*.c sim/*.c tests/unit/*.c; then
        need_module libjansson-dev jansson
    fi
    need_module zlib1g-dev zlib
    need_module check check
    need_command spin spin
    need_command hyperfine hyperfine
    need_module libbenchmark-dev benchmark
    need_header robin-map-dev tsl/robin_map.h c++ # a peer in bench/micro
}

need_dev() {
    need_command git git
    need_command clang clang
    need_command clang-format clang-format
    need_command clang-tidy clang-tidy
    # clang's sanitizers; gcc brings its own
    printf 'int main(void) { return 0; }\n' |
        clang -fsanitize=address -x c - -o /dev/null >/dev/null 2>&1 ||
        missing="$missing libclang-rt-14-dev"
    need_command gcovr gcovr
    need_command patch patch
    need_command mandoc mandoc
}

for set_name in "$@"; do
    case $set_name in
    build) need_build ;;
    dev) need_dev ;;
    *)
        echo "deps.sh: $set_name: neither build nor dev" >&2
        exit 2
        ;;
    esac
done

if [ -z "$missing" ]; then
    exit 0
fi
missing=${missing# }

if [ "$(id -u)" = 0 ]; then
    as_root='env'
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root='sudo -n env'
else
    as_root=
fi
if [ -z "$as_root" ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "cull: packages are missing; as root, run:" >&2
    echo "apt-get update && apt-get install --no-install-recommends $missing" >&2
    exit 1
fi

apt() {
    # shellcheck disable=SC2086 # as_root is a command and its arguments
    $as_root DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

install_missing() {
    # shellcheck disable=SC2086 # missing is a list
    apt install --no-install-recommends $missing
}

echo "cull: installing $missing"
all_known() {
    for package in $missing; do
        apt-cache show "$package" >/dev/null 2>&1 || return 1
    done
}

# Lists that are not there, or too old to be served any more, are fetched; good ones are not again.
if all_known; then
    install_missing || { apt update && install_missing; }
else
    apt update && install_missing
fi
