# The README's commands for importing manifests.
cull init >/dev/null
bytes 1000 src/cat
bytes 2000 src/dog
(cd src && md5sum *) >sums
run cull --store manifests init --objects none --digest md5
run cull --store manifests import list team/vision/sums sums
run cull --store manifests export team/vision/sums wandb_manifest.json
run cull --store manifests import wandb team/vision/again wandb_manifest.json
run cull import wandb team/vision/stored wandb_manifest.json --content src
