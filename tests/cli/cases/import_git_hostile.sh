# Trees that no sane program writes: a path that leads out of the folder is named and left out, and
# nothing is written anywhere.
. "$(dirname "$CLI_LIB")/git_lib.sh"
cull init >/dev/null
git init -q --bare -b main r.git
blob=$(echo content | git -C r.git hash-object -w --stdin)
# tree NAME...: a tree of files of these names, unchecked
tree() {
    for name in "$@"; do
        printf '100644 %s\0' "$name"
        echo "$blob" | sed 's/../\\x&/g' | xargs -0 printf '%b' | head -c 20
    done >raw
    git -C r.git hash-object -w -t tree --literally --stdin <raw
}
try() {
    echo "--- $1"
    sha=$(tree "$1")
    commit=$(git -C r.git -c user.name=a -c user.email=a@example.org commit-tree -m x "$sha")
    git -C r.git update-ref refs/heads/main "$commit"
    tried=$((tried + 1))
    cull import git "e/p/c$tried" r.git 2>&1
    echo "exit $?"
}
tried=0
try ..
try .
try ../out
try /out
try a//b
try a/../../b
try .git
run cull ls e/p
ls
