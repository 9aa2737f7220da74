# Rules 10 and 11: links beside their sources; a deleted source takes its links with it.
a_store
run cull link team/vision/pets:v0 team/models/pets --alias best
run cull link team/vision/pets team/models/pets
run cull link team/vision/pets team/models/pets --alias best
run cull ls
run cull ls team/models/pets
run cull ls team/models/pets:best
json ok ls team/models
run cull show team/vision/pets:v1
run cull show team/models/pets:best
run cull get team/models/pets:v0 out
run ls out
run cull alias ls team/models/pets
run cull alias set team/models/pets:v0 old
run cull alias rm team/models/pets best
run cull alias ls team/models/pets
run cull unlink team/vision/pets:v0
run cull unlink team/models/pets
run cull unlink team/models/pets:v7
run cull delete team/models/pets
run cull delete team/models/pets:v0
run cull ls team/models/pets
run cull link team/vision/pets:v0 team/models/pets
run cull unlink team/models/pets:latest
run cull link team/vision/pets:v0 team/models/pets
run cull link team/models/pets:v1 team/models/others
run cull link team/vision/pets:v9 team/models/pets
run cull link team/vision/pets:v0 team/vision/pets
run cull put team/models/pets src
run cull delete team/vision/pets:v0 --dry-run
run cull delete team/vision/pets:v0 team/models/pets:v1
json ok show team/vision/pets:v0
run cull link team/vision/pets:v0 team/models/pets
run cull restore team/vision/pets:v0
run cull ls team/models/pets
run cull delete --collection team/models/pets
run cull link team/vision/pets:v0 team/models/pets
run cull delete --project team/models
run cull ls
run cull put team/models/pets src
run cull fsck
