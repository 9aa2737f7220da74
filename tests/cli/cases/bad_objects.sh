# The object store altered behind our back: folders gone, links, foreign files.
a_store
cp -r store good
again() {
    rm -rf store
    cp -r good store
}
echo "--- no objects folder"
mv store/objects gone
run cull ls team/vision/pets
run cull get team/vision/pets out
run cull fsck
again
echo "--- objects is a symbolic link"
rm -rf gone
mv store/objects gone && ln -s ../gone store/objects
run cull get team/vision/pets out
run cull gc
again
echo "--- an object is a symbolic link"
cp src/cat copy
rm -f "$(object src/cat)"
ln -s "$PWD/copy" "$(object src/cat)"
run cull get team/vision/pets out1
run cull fsck
again
echo "--- a fan-out folder is a symbolic link"
fan=$(dirname "$(object src/cat)")
rm -rf moved
mv "$fan" moved && ln -s "$PWD/moved" "$fan"
run cull get team/vision/pets out2
run cull fsck
again
echo "--- foreign and orphan files"
echo x >store/objects/README
echo x >"$(dirname "$(object src/cat)")/note"
mkdir -p store/objects/00
echo orphan >"store/objects/00/$(printf '%064d' 0)"
run cull fsck
run cull gc
run cull fsck --repair
run ls store/objects/README store/objects/00
touch -d '10 days ago' "store/objects/00/$(printf '%064d' 0)"
run cull fsck
run cull fsck --repair
run ls store/objects/00
run cull gc
run ls store/objects/00
run cull fsck
