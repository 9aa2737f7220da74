# References into other artifacts, by the ids that the server gave them: as real clients write them.
manifest() { # FILE ENTRIES
    mkdir -p "$(dirname "$1")"
    printf '{"version":1,"storagePolicy":"wandb-storage-policy-v1","storagePolicyConfig":%s,"contents":{%s}}' \
        '{"storageLayout":"V2"}' "$2" >"$1"
}
reader() { sql "$CULL_STORE/cull.db" 'SELECT reader_min FROM meta'; }
a='"a.txt":{"digest":"sZRqySSS0jR8YjW00mERhA==","size":6}'
b='"dir/b.bin":{"digest":"4shl20Fivtljv6qe9qwY8A==","size":256}'
e='"empty.dat":{"digest":"1B2M2Y8AsgTpgAmY7PhCfg==","size":0}'
u() { # HEX PATH
    printf '"linked":{"digest":"x","ref":"wandb-artifact://%s/%s","size":6}' "$1" "$2"
}
cp "$(dirname "$CLI_LIB")"/../../fixtures/manifests/*-client.json .
cull init --objects none --digest md5 --grace 0 >/dev/null
# the fixture as the Python client writes it: first what it refers to
run cull import wandb e/p/py python-client.json
run cull import wandb e/p/go go-client.json
reader # older programs read this store still
run cull import wandb e/p/go go-client.json --artifact-id QXJ0aWZhY3Q6MTIz
reader
run cull import wandb e/p/py python-client.json
cull show e/p/go | grep artifact
json ok show e/p/go
# the other two forms are the same id; an id is of one content
run cull import wandb e/p/go go-client.json --artifact-id Artifact:123
run cull import wandb e/p/go go-client.json --artifact-id 41727469666163743a313233
run cull import wandb e/p/py python-client.json --artifact-id Artifact:123
manifest one.json "$b,$e"
run cull import wandb e/p/py one.json --artifact-id Artifact:123
json failed import wandb e/p/py one.json --artifact-id Artifact:123
json ok import wandb e/p/more one.json --artifact-id Artifact:124
# a deleted version has no id for others
manifest late.json "$(u 41727469666163743a31 a.txt)"
manifest target.json "$a,$e"
run cull import wandb e/p/target target.json --artifact-id Artifact:1
cull delete e/p/target:v0 --delete-aliases >/dev/null
run cull import wandb e/p/late late.json
cull restore e/p/target:v0 >/dev/null
run cull import wandb e/p/late late.json
# what is referred to stays when its version goes, and no more of it
cull --store keep init --objects none --digest md5 --grace 0 >/dev/null
cull --store keep import wandb e/p/target target.json --artifact-id Artifact:1 >/dev/null
cull --store keep import wandb e/p/late late.json >/dev/null
cull --store keep delete e/p/target:v0 --delete-aliases >/dev/null
run cull --store keep gc --list -
run cull --store keep why b1946ac92492d2347c6235b4d2611184
run cull --store keep fsck
manifest wrong.json "$(u 41727469666163743a31 b.txt)"
run cull import wandb e/p/wrong wrong.json
# a folder whose names are ids: in the order of the server's numbers; v1 has its id from the list
b64() { printf 'Artifact:%s' "$1" | base64; }
cull --store ids init --objects none --digest md5 >/dev/null
manifest "folder/$(b64 9)/wandb_manifest.json" "$a"
manifest "folder/$(b64 10)/wandb_manifest.json" "$b,$(u 41727469666163743a39 a.txt)"
manifest "folder/$(b64 100).json" "$e,$(u 41727469666163743a3130 linked)"
manifest folder/v1.json "$a,$b,$e"
manifest folder/Artifact:101.json "$(u 41727469666163743a37 empty.dat)"
printf 'v1\tArtifact:7\nnone\tArtifact:8\n' >list
run cull --store ids import wandb e/p/c folder --artifact-ids list
cull --store ids show e/p/c:v0 | grep artifact
run cull --store ids why b1946ac92492d2347c6235b4d2611184
# an override first, the artifact later: imported again it is a version that keeps the file
cull --store again init --objects none --digest md5 >/dev/null
run cull --store again import wandb e/p/late late.json --allow-unresolved-references
run cull --store again import wandb e/p/late late.json --allow-unresolved-references
run cull --store again import wandb e/p/target target.json --artifact-id Artifact:1
run cull --store again import wandb e/p/late late.json
# what is not to be understood
run cull import wandb e/p/c one.json --artifact-id nothing
run cull import wandb e/p/c one.json --artifact-ids list
run cull import wandb e/p/c folder --artifact-id Artifact:1
run cull import wandb e/p/c folder --artifact-ids missing
printf 'v1 Artifact:7\n' >bad1
printf '\nv1\tnothing\n' >bad2
printf 'v1\tArtifact:7\nv2\tArtifact:8\nv1\tArtifact:9\n' >bad3
for bad in bad1 bad2 bad3; do
    run cull import wandb e/p/c folder --artifact-ids $bad
done
run cull import list e/p/c sums --artifact-id Artifact:1
run cull import git e/p/c repo --artifact-ids list
