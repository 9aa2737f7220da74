# shellcheck shell=sh disable=SC2154,SC2034 # variables are those of demo.sh
# demo_files.sh - a directory of real files: put, change, delete, restore, collect. Sourced by
# demo.sh, which says what run, step and figure do.

CULL_STORE=$top/store

disk() { # what the objects take on the disk, in bytes
    du -s --block-size=1 "$CULL_STORE/objects" | cut -f 1
}

# A few thousand real files: documents where they are installed, else the C headers, without which
# this would not have been built.
source=
for candidate in /usr/share/doc /usr/include /usr/share; do
    if [ -d $candidate ] && [ "$(find $candidate -type f | head -n 2000 | wc -l)" -ge 2000 ]; then
        source=$candidate
        break
    fi
done
[ -n "$source" ] || { echo "demo: no directory with 2,000 files here" >&2; exit 1; }

step "A real directory: the files of $source"
mkdir tree
# as many as a demo needs; symbolic links are left where they are
(cd "$source" && find . -type f -size -2000k | LC_ALL=C sort | head -n 2000) >list
tar -C "$source" -cf - -T list | tar -xf - -C tree
chmod -R u+rwX tree
echo "$(find tree -type f | wc -l) files, $(megabytes "$(find tree -type f -exec cat {} + | wc -c)")"

# Change one file in ten, remove some, add some; the same way in every run.
change() { # ROUND
    LC_ALL=C find tree -type f | LC_ALL=C sort >files
    # a new file in the place of the old one, as a copy of the tree may be links to it
    awk -v n="$1" 'NR % 10 == n' files | xargs -d '\n' sed -i "\$a round $1"
    mkdir -p "tree/new/$1"
    awk -v n="$1" 'NR % 200 == n + 100' files | while read -r file; do
        cat "$file" "$file" >"tree/new/$1/$(basename "$file")"
    done
    awk -v n="$1" 'NR % 400 == n + 50' files | while read -r file; do rm "$file"; done
    find tree -type d -empty -delete # a version has files only
}

step "Make a store, and put the directory as the first version of a collection"
run init
run put demo/files/tree tree

step "Three times, change a part and put it again: only what is new is copied"
for round in 1 2 3; do
    change $round
    run put demo/files/tree tree
    cp -al tree v$round # links: to compare with, later
done
step "Put once more, unchanged: no new version"
run put demo/files/tree tree
run ls demo/files/tree

step "Four versions are tracked, each content is stored once"
run du

step "Why is a file's content kept? Because these versions hold it"
file=$(cd v3 && LC_ALL=C find . -type f | sed 's|^\./||' | LC_ALL=C sort | awk 'NR == 7')
run why "demo/files/tree:v3/$file"

step "What would deleting the three older versions free? Nothing is deleted yet"
run delete --collection demo/files/tree --no-alias --dry-run

step "latest is an alias, and an alias protects from a slip (this must be refused)"
if run delete demo/files/tree:v3 2>&1; then
    fail "a version with an alias was deleted"
fi

step "Delete v0 and v1: they go to the trash, nothing leaves the disk"
before=$(disk)
run delete demo/files/tree:v0 demo/files/tree:v1 --bytes
run trash
[ "$(disk)" = "$before" ]

step "A delete can be taken back: v1 is restored, whole"
run restore demo/files/tree:v1
run get demo/files/tree:v1 back
diff -r v1 back
echo "the same, byte for byte"

step "A cycle now frees nothing: the store keeps what is deleted for seven days"
run gc
[ "$(disk)" = "$before" ]

step "Delete v1 again, and look at what a cycle would do after those days"
run delete demo/files/tree:v1
run gc --dry-run --allow-shorter-grace 0
planned=$(figure bytes_freed gc --dry-run --allow-shorter-grace 0)

step "Collect: exactly the bytes that no other version uses"
run gc --allow-shorter-grace 0 | tee collected
freed=$(sed -n 's/.* deleted, \([0-9]*\) bytes .*/\1/p' collected)
[ "$freed" = "$planned" ]
after=$(disk)
echo "freed $freed bytes, as planned; the disk has $(megabytes $((before - after))) back: $(megabytes "$before") before, $(megabytes "$after") after"
[ "$after" -lt "$before" ]

step "What is left is whole: every digest, every count, every file"
run fsck --read-data
for version in v2 v3; do
    run get demo/files/tree:$version out-$version
    diff -r $version out-$version
done
run ls demo/files/tree --all
run du
