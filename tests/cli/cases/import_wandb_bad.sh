# Manifests that are refused, with file, place and reason. What came before stays.
cull init --objects none --digest md5 >/dev/null
run cull import wandb e/p/c missing.json
mkdir empty
run cull import wandb e/p/c empty
mkdir two
printf '{"version":1,"contents":{}}' >two/v1.json
printf '{"version":2,"contents":{}}' >two/v2.json
run cull import wandb e/p/two two
run cull ls e/p/two
# other JSON in the folder is named and passed over; what may be a broken manifest stops the import
mkdir other
printf '{"version":1,"contents":{}}' >other/v1.json
printf '{"name":"x","version":"1.0.0"}' >other/package.json
printf '[]' >other/v9.json
run cull import wandb e/p/other other --alias prod
cull show e/p/other:v0 | grep aliases
json partial import wandb e/p/json other
for text in '{"name":"x","version":2}' '{"name":"x","contents":[]}' '{"name":' ''; do
    printf %s "$text" >other/package.json
    run cull import wandb e/p/stop other
done
rm other/v1.json
printf '{"name":"x","version":"1.0.0"}' >other/package.json
run cull import wandb e/p/none other
mkdir other/v2
printf '{}' >other/v2/wandb_manifest.json
run cull import wandb e/p/named other
printf '{"version":1,"contents":{"../a":{"digest":"sZRqySSS0jR8YjW00mERhA==","size":6}}}' >bad.json
run cull import wandb e/p/c bad.json
printf '{"version":1,"contents":{"a":{"digest":"sZRqySSS0jR8YjW00mER","size":6}}}' >bad.json
run cull import wandb e/p/c bad.json
printf '{"version":1,"contents":{"a":{"digest":"sZRqySSS0jR8YjW00mERhA==","size":6}' >bad.json
run cull import wandb e/p/c bad.json
printf '{"version":1,"contents":{"a":{"digest":"sZRqySSS0jR8YjW00mERhA==","size":6},%s' \
    '"b":{"digest":"sZRqySSS0jR8YjW00mERhA==","size":7}}}' >bad.json
run cull import wandb e/p/c bad.json
printf '{"version":1,"contents":{"a":{"digest":"sZRqySSS0jR8YjW00mERhA==","size":6}}}' >good.json
run cull --store sha init --objects none
run cull --store sha import wandb e/p/c good.json
json failed --store sha import wandb e/p/c good.json
run cull ls
run cull ls --uploads
run cull --store sha ls --uploads
