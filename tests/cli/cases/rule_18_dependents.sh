# What refers to a version by wandb-artifact:// is said when it is deleted, blocks nothing, and keeps its
# bytes; what nobody refers to goes.
manifest() { # FILE ENTRIES
    printf '{"version":1,"storagePolicy":"wandb-storage-policy-v1","storagePolicyConfig":%s,"contents":{%s}}' \
        '{"storageLayout":"V2"}' "$2" >"$1"
}
cull init --objects none --digest md5 --grace 0 >/dev/null
manifest target.json '"a.txt":{"digest":"sZRqySSS0jR8YjW00mERhA==","size":6},"dir/b.bin":{"digest":"4shl20Fivtljv6qe9qwY8A==","size":256}'
manifest referrer.json '"linked":{"digest":"x","ref":"wandb-artifact://41727469666163743a31/a.txt","size":6}'
cull import wandb e/p/target target.json --artifact-id Artifact:1 >/dev/null
cull import wandb e/p/referrer referrer.json >/dev/null
run cull delete e/p/target:v0 --delete-aliases --dry-run
run cull delete --name 'tar*' --delete-aliases --dry-run
json ok delete e/p/target:v0 --delete-aliases
run cull delete e/p/referrer:v0 --delete-aliases --dry-run
run cull gc --list free
wc -l <free | tr -d ' '
