# Repositories that are not as most are: odd bytes in paths, trees that git itself would not make,
# shallow ones, grafts, replacements, a history that was rewritten.
. "$(dirname "$CLI_LIB")/git_lib.sh"
as_ann() { git -c user.name=Ann -c user.email=ann@example.org "$@"; }
# paths VERSION: of its files, each a JSON text, sorted.
paths() { cull export "$1" | sed -n 's/^ *\(".*"\): {"digest".*/\1/p' | LC_ALL=C sort; }

cull init --objects none --digest sha1 >/dev/null

# tab, line's end, quotes, backslash, bytes that no character is, the longest path, and over it
git init -q --bare -b main odd.git
long=$(printf '%0200d/' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20)
{
    printf 'commit refs/heads/main\ncommitter A <a@example.org> 1500000000 +0000\ndata 0\n'
    for path in 'tab\\there' 'line\\nend' 'quo\\"te' 'back\\\\slash' ' space ' 'caf\\351' '\\303\\251' '-x' \
        '\\001' 'a:b' "$(printf '%0255d' 0)" "$long$(printf '%076d' 0)" "$long$(printf '%077d' 0)"; do
        printf 'M 100644 inline "%b"\ndata 2\nx\n' "$(echo "$path" | sed 's/\\/\\\\/g')"
    done
} | git -C odd.git fast-import --quiet
run cull import git e/p/odd odd.git
git -C odd.git ls-tree -r -z main | tr '\0\n' '\nN' | wc -l
cull show e/p/odd:v0 --json | grep -o '"entries":[0-9]*'
paths e/p/odd:v0 | cut -c 1-30

# entries ".." and "a//b", written by hand; the next commit takes them away
git init -q --bare -b main bad.git
blob=$(echo x | git -C bad.git hash-object -w --stdin)
good=$(printf '100644 blob %s\tf\n' "$blob" | git -C bad.git mktree)
above=$(printf '040000 tree %s\t..\n100644 blob %s\tg\n' "$good" "$blob" | git -C bad.git mktree)
slash=$(git -C bad.git cat-file tree "$good" | LC_ALL=C sed 's|^100644 f|100644 a//b|' |
    git -C bad.git hash-object -t tree -w --stdin --literally)
parent=
for tree in "$good" "$above" "$slash" "$good"; do
    parent=$(as_ann -C bad.git commit-tree -m m ${parent:+-p "$parent"} "$tree")
done
git -C bad.git update-ref refs/heads/main "$parent"
run cull import git e/p/bad bad.git
run cull ls e/p/bad

# shallow: as far as it goes; what is fetched later lies before it, and is not passed over
a_history h.git 60
git clone -q --depth 10 "file://$(pwd)/h.git" shallow 2>&1
run cull import git e/p/shallow shallow
git -C shallow fetch -q --unshallow
run cull import git e/p/shallow shallow
# a graft is another parent; a replaced commit is what it was
cp -r h.git graft.git
mkdir -p graft.git/info
echo "$(git -C h.git rev-parse main~5) $(git -C h.git rev-parse main~40)" >graft.git/info/grafts
run cull import git e/p/graft graft.git
cp -r h.git replaced.git
git -C replaced.git replace main~5 main~40
run cull import git e/p/replaced replaced.git
run cull import git e/p/replaced h.git

# rewritten: not behind what is not of it any more
git clone -q h.git again
cd again || exit 1
git reset -q --hard HEAD~7
echo other >other
git add other
as_ann commit -q -m other
echo more >>other
as_ann commit -q -a -m more
cd ..
run cull import git e/p/replaced again
run cull import git e/p/again again
# the newest version is what its commit is
cull ls e/p/again --json | sed -n 's/.*"name":"\([^"]*\)".*/\1/p' | wc -l
cull export e/p/again:latest | grep -c '"digest"'
git -C again ls-tree -r HEAD | wc -l
run cull fsck
