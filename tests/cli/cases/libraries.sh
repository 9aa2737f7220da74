# Where libcrypto cannot be loaded, what hashes nothing works, and what hashes says why it does not.
a_store
cat >ids.json <<END
{"version":1,"storagePolicy":"wandb-storage-policy-v1","storagePolicyConfig":{},"contents":{}}
END
run cull import wandb team/vision/ids ids.json --artifact-id Artifact:123
mkdir lib
: >lib/libcrypto.so.3
LD_LIBRARY_PATH=$PWD/lib
export LD_LIBRARY_PATH
run cull ls team/vision/pets
run cull show team/vision/ids:v0
run cull delete team/vision/pets:v0
run cull restore team/vision/pets:v0
run cull gc --dry-run
bytes 4000 src/cow
run cull put team/vision/pets src 2>err
sed "s|$PWD/||" err
unset LD_LIBRARY_PATH
run cull put team/vision/pets src
