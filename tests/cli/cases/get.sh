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
# paths that an object store has and no file system: the others are written
long=$(printf '%256s' '' | tr ' ' x)
digest='{"digest":"sZRqySSS0jR8YjW00mERhA==","size":6}'
printf '{"version":1,"contents":{"a":%s,"a/b":%s,"a/b/c":%s,"d/%s/e":%s,"%s":%s,"%s":%s,"z/f":%s}}' \
    "$digest" "$digest" "$digest" "$long" "$digest" "$long" "$digest" "${long#x}" "$digest" "$digest" \
    >odd.json
mkdir content
echo hello >content/b1946ac92492d2347c6235b4d2611184
cull --store odd init --digest md5 >/dev/null
run cull --store odd import wandb e/p/c odd.json --content content
run cull --store odd get e/p/c odd.out
find odd.out -type f | sort | sed "s/x\{255\}/<255 x>/"
json partial --store odd get e/p/c odd.json.out
rm odd/objects/b1/b1946ac92492d2347c6235b4d2611184
run cull --store odd get e/p/c odd.lost
