# An object that is altered or gone: named, left out, exit 7; the others are written.
a_store
bytes 4000 src/sub/fox
cull put team/vision/pets src >/dev/null
chmod u+w "$(object src/cat)"
printf X | dd of="$(object src/cat)" bs=1 seek=100 conv=notrunc 2>/dev/null
rm -f "$(object src/dog)"
chmod u+w "$(object src/rat)"
printf more >>"$(object src/rat)"
run cull get team/vision/pets out
run ls -A out
run cmp src/sub/fox out/sub/fox
json damaged get team/vision/pets again
run cull fsck
run cull fsck --read-data
json damaged fsck --read-data
run cull gc
run cull fsck --repair --read-data
run ls store/quarantine
run cull get team/vision/pets third
# the next put of the same content heals them
run cull put team/vision/pets src
run cull put team/vision/healed src
run cull fsck --read-data
run cull get team/vision/pets fourth
run diff -r src fourth
