# Listings at every level, with and without defaults.
a_store
cull put team/vision/trucks src --type model >/dev/null
cull put team/audio/birds src --tag loud >/dev/null
cull put other/vision/pets src >/dev/null
run cull ls
run cull ls team
run cull ls team/vision
run cull ls team/vision/pets
run cull ls team/vision/pets:v0
run cull --entity team ls
run cull --entity team ls vision
run cull --entity team ls vision/pets
run cull --entity team --project vision ls
run cull --entity team --project vision ls pets
run cull --project team/vision ls pets
run cull --project vision ls
json ok ls team
json ok ls team/vision/pets
run cull ls nobody
run cull ls team/nothing
run cull ls team/vision/nothing
run cull ls team/vision/pets:v9
run cull ls team/vision/pets:nothing
run cull ls a/b/c/d
run cull ls 'te am'
run cull ls team/
json notfound ls nobody
cull delete team/vision/pets:v0 >/dev/null
run cull ls team/vision/pets
run cull ls team/vision/pets --all
cull gc >/dev/null
run cull ls team/vision/pets --all
cull delete --collection team/vision/trucks >/dev/null
run cull ls team/vision
run cull ls team/vision --all
