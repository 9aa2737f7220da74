#!/bin/sh
# run.sh - every command of the README does what the README says.
#
# usage: run.sh BUILD [FILE]
#
# The commands (commands.awk says which) are run in their order, in one shell, in a home of their
# own, with the `cull` that the README's own `make install` has put there.
#
#   - A command shown with a prompt must print what is shown below it, no more and no less, on
#     stdout and stderr together, once instants, digests of random content and the home are
#     replaced by words. If that has a line from `cull: ` it must fail, else succeed.
#   - A command in the running text must succeed at its place; what it changes is undone.
#   - `make` and `make install` are run in the source tree, into BUILD. Their output is not compared:
#     it depends on what is built already.
#   - `make demo` and `make check` are not run from here, as this is a part of the latter: the test
#     is that make would run the demo, or these tests with this one among them, and that .ci/run
#     runs both. `make bench` takes minutes: the test is that make would run the benches, and that
#     tests/check.sh runs the same script at small sizes.
#   - `man` need not be installed: the page must be where it would look, and is shown if it is.
#   - A first word that is not in the list below is a failure, so that no command that is new in the
#     README is passed over, or run without somebody having thought of it.
#
# What the README takes for granted is made here: a repository ~/src/project with 500 commits and
# tags. Without git the commands of that section are left out, and the last lines say so.
set -u
build=${1:?usage: run.sh BUILD [FILE]} # as make knows it, from the top of the tree
readme=${2-README.md}
cd "$(dirname "$0")/../.." || exit 1
root=$(pwd -P)
git_section="A Git history"

top=$(mktemp -d "${TMPDIR:-/tmp}/cull-readme.XXXXXX") || exit 1
top=$(cd "$top" && pwd -P)
trap 'rm -rf "$top"' EXIT
trap 'exit 130' INT TERM
items=$top/items
mkdir -p "$items" "$top/home/ann/src"
: >"$items/errors"
awk -v dir="$items" -f tests/readme/commands.awk "$readme" || exit 1

HOME=$top/home/ann
LC_ALL=C
TZ=UTC
NO_COLOR=1
export HOME LC_ALL TZ NO_COLOR
unset CULL_STORE MANPATH PKG_CONFIG_PATH
umask 022

# --- what is there before ----------------------------------------------------------------------

make_project() {
    # shellcheck disable=SC2034 # git_lib.sh looks at it
    CLI_LIB=$root/tests/cli/lib.sh
    cd "$top" || exit 1
    # shellcheck disable=SC1091
    . "$root/tests/cli/git_lib.sh"
    a_history project.git 500
    for commit in 100 250 400; do
        git -C project.git tag "v$((commit / 100)).$((commit % 100))" \
            "$(git -C project.git rev-list --first-parent --reverse main | sed -n "${commit}p")"
    done
    git -C project.git tag nightly main
    git clone -q project.git "$HOME/src/project"
}

with_git=1
if command -v git >/dev/null; then
    (make_project) || exit 1
    GIT_CONFIG_GLOBAL=/dev/null # nobody's configuration
    GIT_CONFIG_SYSTEM=/dev/null
    export GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM
else
    with_git=0
fi

# --- running -----------------------------------------------------------------------------------

# Names in here begin with readme_: the commands share the shell, and must not meet them.

readme_make() { # TARGET [ARGUMENT]...
    "${MAKE:-make}" --no-print-directory -C "$root" BUILD="$build" "$@"
}

# What `make TARGET` runs, as the Makefile has it, and what runs it where changes are checked. Asking
# make would not do: it runs a line that names $(MAKE) also with -n, and check is such a line.
readme_runs() { # TARGET SCRIPT
    awk -v target="$1:" '$1 == target { found = 1; print; next } found && !/^\t/ { exit } found' \
        "$root/Makefile" >"$top/rule"
    grep -q "^$1: deps " "$top/rule" || echo "make $1 installs nothing"
    grep -q "sh $2 " "$top/rule" || echo "make $1 does not run $2"
}

readme_is_stage() { # TARGET SCRIPT
    readme_runs "$@"
    grep -q "^ *stage [a-z-]* make_quietly $1\>" "$root/.ci/run" || echo ".ci/run has no make $1"
}

readme_make_command() { # the words of the command
    case "$*" in
    "make") readme_make all && (cd "$root" && [ -x "$build/cull" ]) ;;
    "make install"*)
        shift
        readme_make "$@"
        ;;
    "make demo") readme_is_stage demo tests/demo.sh >"$top/missing" ;;
    "make check")
        readme_is_stage check tests/check.sh >"$top/missing"
        grep -q 'stage readme sh tests/readme/run.sh' "$root/tests/check.sh" ||
            echo "tests/check.sh does not run this test" >>"$top/missing"
        ;;
    "make bench")
        readme_runs bench bench/report.sh >"$top/missing"
        grep -q 'stage bench sh bench/report.sh' "$root/tests/check.sh" ||
            echo "tests/check.sh does not run the benches" >>"$top/missing"
        ;;
    *) echo "a target of make that the test does not know" >"$top/missing" ;;
    esac || return 1
    [ ! -s "$top/missing" ] || {
        cat "$top/missing"
        rm "$top/missing"
        return 1
    }
}

readme_man_command() { # man PAGE
    [ -s "$HOME/.local/share/man/man1/$2.1" ] || {
        echo "$2.1 is not installed"
        return 1
    }
    if command -v man >/dev/null; then
        MANPATH=$HOME/.local/share/man man "$2" >"$top/man.out" && grep -q NAME "$top/man.out"
    fi
}

# The first word of a command: behind a parenthesis, behind assignments.
readme_first_word() {
    echo "$1" | sed -e 's/^(//' -e 's/^\([A-Z_]*=[^ ]* \)*//' -e 's/ .*//'
}

readme_run() { # COMMAND
    case $(readme_first_word "$1") in
    make) eval "readme_make_command $1" ;;
    man) eval "readme_man_command $1" ;;
    "blobs()" | cd | cull | export | head | mkdir | pkg-config | sed | sort | wc) eval "$1" ;;
    *)
        echo "a command that the test does not know how to run"
        return 127
        ;;
    esac
}

# In the text: run at its place, and undone. The paths stay as they are, so what is there is saved.
readme_run_inline() { # COMMAND
    readme_there=$(pwd)
    cp -a "$HOME" "$top/saved"
    (readme_run "$1")
    readme_code=$?
    cd "$top" && rm -rf "$HOME" && mv "$top/saved" "$HOME" && cd "$readme_there" || exit 1
    return $readme_code
}

readme_session() {
    cd "$HOME" || exit 1
    for readme_item in "$items"/*.command; do
        readme_item=${readme_item%.command}
        read -r _ readme_kind readme_section <"$readme_item.where"
        if [ "$with_git" = 0 ] && [ "$readme_section" = "$git_section" ]; then
            continue
        fi
        case $readme_kind in
        inline) readme_run_inline "$(cat "$readme_item.command")" ;;
        *) readme_run "$(cat "$readme_item.command")" ;;
        esac >"$readme_item.got" 2>&1 </dev/null
        echo $? >"$readme_item.code"
    done
    : >"$items/finished"
}

# --- comparing ---------------------------------------------------------------------------------

normalise() {
    sed -e "s|$HOME|/home/ann|g" \
        -e 's/[0-9]\{4\}-[0-9][0-9]-[0-9][0-9]T[0-9:]\{8\}Z/<time>/g' \
        -e 's/\<[0-9a-f]\{64\}\>/<digest>/g' \
        -e 's/ *$//' "$1"
}

# Says why the item is not as it should be, or nothing.
judge() { # ITEM KIND COMMAND
    [ -e "$1.code" ] || {
        echo "was not run"
        return
    }
    code=$(cat "$1.code")
    if grep -q '^cull: ' "$1.want"; then
        [ "$code" != 0 ] || echo "succeeds, and the file shows that it is refused"
    elif [ "$code" != 0 ]; then
        echo "fails with $code:"
        cat "$1.got"
        return
    fi
    case $2/$3 in shown/make*) return ;; esac
    [ "$2" = shown ] || return
    normalise "$1.want" >"$1.want.plain"
    normalise "$1.got" >"$1.got.plain"
    diff -u "$1.want.plain" "$1.got.plain" >"$1.diff" || {
        echo "prints something else than is shown:"
        tail -n +3 "$1.diff"
    }
}

(readme_session)
passed=0
failed=0
left_out=0
for item in "$items"/*.command; do
    item=${item%.command}
    read -r line kind section <"$item.where"
    if [ $with_git = 0 ] && [ "$section" = "$git_section" ]; then
        left_out=$((left_out + 1))
        continue
    fi
    command=$(cat "$item.command")
    why=$(judge "$item" "$kind" "$command")
    if [ -z "$why" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$readme:$line: $command"
        echo "$why" | sed 's/^/    /'
    fi
done
while read -r error; do
    echo "$error"
    failed=$((failed + 1))
done <"$items/errors"
[ -e "$items/finished" ] || {
    echo "the commands end their shell"
    failed=$((failed + 1))
}
[ $left_out = 0 ] || echo "git is not installed: $left_out commands of \"$git_section\" are left out"
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
