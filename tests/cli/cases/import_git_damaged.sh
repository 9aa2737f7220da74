# A tree object is missing: git passes over its differences without a word. What comes before it is
# imported, the commit is named, and a whole repository goes on from there with the right files.
. "$(dirname "$CLI_LIB")/git_lib.sh"
cull init --objects none --digest sha1 >/dev/null
git init -q -b main whole
for i in 0 1 2 3 4 5; do
    echo "$i" >"whole/f$i"
    git -C whole add .
    GIT_COMMITTER_DATE="2024-01-01T00:0$i:00Z" git -C whole -c user.name=a \
        -c user.email=a@example.org commit -q --date="2024-01-01T00:0$i:00Z" -m "$i"
done
cp -r whole damaged
tree=$(git -C damaged rev-parse 'HEAD~3^{tree}')
rm -f "damaged/.git/objects/$(echo "$tree" | cut -c 1-2)/$(echo "$tree" | cut -c 3-)"
cull import git e/p/c damaged 2>message
echo "exit $?"
sed 's/[0-9a-f]\{40\}/ID/g' message
run cull ls e/p
cull import git e/p/c whole
for v in 0 1 2 3 4 5; do
    echo "v$v:" $(cull show "e/p/c:v$v" --files | grep -o 'f[0-9]$\|f[0-9] ')
done
# The last one's tree is missing, or one inside of it: git passes over the whole difference, or dies
# in it. All before it is imported, and the object is named.
for at in 'HEAD^{tree}' 'HEAD~1^{tree}' 'HEAD:deep'; do
    rm -rf damaged last
    mkdir -p whole/deep
    echo last >whole/deep/f6
    git -C whole add .
    GIT_COMMITTER_DATE="2024-01-01T00:06:00Z" git -C whole -c user.name=a \
        -c user.email=a@example.org commit -q --date="2024-01-01T00:06:00Z" -m 6 >/dev/null
    cp -r whole damaged
    tree=$(git -C damaged rev-parse "$at")
    rm -f "damaged/.git/objects/$(echo "$tree" | cut -c 1-2)/$(echo "$tree" | cut -c 3-)"
    cull --store last init --objects none --digest sha1 >/dev/null
    cull --store last import git e/p/c damaged 2>message
    echo "exit $?, names it $(grep -c "$tree" message) time: $(sed 's/[0-9a-f]\{40\}/ID/g' message)"
    echo "versions: $(cull --store last ls e/p/c | sed 1d | wc -l)"
    cull --store last import git e/p/c whole
done
# An object that the store knows with another size.
cull --store sized init --objects none --digest sha1 >/dev/null
blob=$(git -C whole rev-parse HEAD:f0)
printf 'x\t%s\t77\n' "$blob" >list
cull --store sized import list e/p/l list >/dev/null
cull --store sized import git e/p/c whole 2>message
echo "exit $?: $(sed "s/$blob/BLOB/g" message)"
