# Importing wandb_manifest.json into an index: one file, a folder in natural order, references.
cull init --objects none --digest md5 >/dev/null
manifest() { # FILE LAYOUT ENTRIES
    mkdir -p "$(dirname "$1")"
    printf '{"version":1,"storagePolicy":"wandb-storage-policy-v1","storagePolicyConfig":%s,"contents":{%s}}' \
        "{\"storageLayout\":\"$2\"}" "$3" >"$1"
}
a='"a.txt":{"digest":"sZRqySSS0jR8YjW00mERhA==","size":6,"birthArtifactID":"QXJ0aWZhY3Q6MQ=="}'
b='"dir/b.bin":{"digest":"4shl20Fivtljv6qe9qwY8A==","size":256,"local_path":"/x","skip_cache":true}'
e='"empty.dat":{"digest":"1B2M2Y8AsgTpgAmY7PhCfg==","size":0}'
r='"ref.bin":{"digest":"http://example.invalid/k","ref":"http://example.invalid/k","extra":{"etag":"x"}}'
u='"linked":{"digest":"sZRqySSS0jR8YjW00mERhA==","ref":"wandb-artifact://41727469666163743a35/a.txt","size":6}'
manifest one.json V2 "$a,$b"
run cull import wandb e/p/one one.json --alias prod
run cull show e/p/one --files
manifest many/v10/wandb_manifest.json V1 "$a,$b,$e,$r"
manifest many/v9/wandb_manifest.json V1 "$a,$b,$e"
manifest many/v1.json V2 "$a"
manifest many/v2/wandb_manifest.json V2 "$a,$b"
mkdir many/notes
run cull import wandb e/p/many many --alias prod --tag old --type model
run cull ls e/p/many
run cull import wandb e/p/many many
run cull du e/p/many
json ok import wandb e/p/json many
# wandb-artifact:// references
manifest ref.json V2 "$a,$u"
run cull import wandb e/p/linked ref.json
run cull import wandb e/p/linked ref.json --allow-unresolved-references
run cull show e/p/linked --files
# back
run cull export e/p/many:v3 back.json
run cull import wandb e/p/back back.json
cull show e/p/many:v3 | grep manifest >manifest.1
cull show e/p/back | grep manifest | cmp - manifest.1
cull show e/p/many:v3 --files | tail -n +12 >files.1
cull show e/p/back --files | tail -n +12 | cmp - files.1
run cull export e/p/many:v3
json ok export e/p/many:v3 back.json
json usage export e/p/many:v3
run cull export e/p/many:v9
run cull export e/p/many:v3 none/back.json
# what a folder holds besides; letters of any size
manifest any/v1.JSON V2 "$a"
manifest any/v2/wandb_manifest.json V2 "$a,$b"
manifest any/.hidden.json V2 "$a,$b,$e"
run cull import wandb e/p/any any
cp one.json any/readme.txt
mkdir -p any/data/files
run cull import wandb e/p/more any
manifest any/more/deep/v3/wandb_manifest.json V2 "$a,$e"
json ok import wandb e/p/deep any
run cull import wandb e/p/deeper any/more
# all that a manifest says comes back, from each version of a history and through a second import
h() { # FILE LAYOUT BIRTH
    manifest "$1" "$2" "\"a.txt\":{\"digest\":\"sZRqySSS0jR8YjW00mERhA==\",\"size\":6,$3},$b"
}
h kept/v0.json V1 '"birthArtifactID":"QQ==","extra":{"n":[1,2.50],"s":"\u00e9\n"}'
h kept/v1.json V1 '"birthArtifactID":"QQ=="'
manifest kept/v2.json V2 "$a,$b,$r"
printf '{"contents":{},"version":1}' >kept/v3.json
run cull import wandb e/p/kept kept
for v in 0 1 2; do
    cull export e/p/kept:v$v back$v.json >/dev/null
    cat back$v.json
    cull import wandb e/p/twice$v back$v.json >/dev/null
    cull export e/p/twice$v:v0 | cmp - back$v.json
done
{
    printf '{"version":1,"contents":{"a":{"digest":"sZRqySSS0jR8YjW00mERhA==","extra":"'
    head -c 70000 /dev/zero | tr '\0' x
    printf '","skip_cache":true}}}'
} >long.json
run cull import wandb e/p/long long.json
run cull export e/p/long:latest
