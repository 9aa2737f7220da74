# Getting back: into an empty or missing directory only, never outside it, every digest checked.
a_store
run cull get team/vision/pets:v0 out
run ls out
run cull get team/vision/pets out
echo mine >out/rat
run cull get team/vision/pets out --force
run diff -r src out
mkdir empty
run cull get team/vision/pets:latest empty
json ok get team/vision/pets:v1 json
run cull get team/vision/pets:v7 none
run cull get team/vision/cats none
run cull get team/vision/pets file/none
run ls none
bytes 5 blocked/cat/file
run cull get team/vision/pets blocked --force
cull delete team/vision/pets:v0 >/dev/null
run cull get team/vision/pets:v0 trash
cull gc >/dev/null
run cull get team/vision/pets:v0 purged
# links in the target are not followed
bytes 100 src/sub/dog
cull put team/vision/pets src >/dev/null
mkdir -p outside target linked
ln -s ../outside target/sub
run cull get team/vision/pets target --force
run ls outside
ln -s ../outside/dog linked/dog
run cull get team/vision/pets linked --force
run ls outside
run cmp linked/dog src/dog
ln -s linked through
rm -rf linked && mkdir linked
run cull get team/vision/pets through
run ls linked
