# Deleting named versions: all or none, aliases block, once only.
a_store
cull alias set team/vision/pets:v0 best >/dev/null
bytes 10 src/cat
cull put team/vision/pets src >/dev/null
run cull delete team/vision/pets:v0
run cull delete team/vision/pets:v1 team/vision/pets:best
run cull delete team/vision/pets:v2
run cull ls team/vision/pets
run cull delete team/vision/pets:v1 team/vision/pets:v9
run cull delete team/vision/pets:v1 --dry-run
run cull delete team/vision/pets:v0 team/vision/pets:best team/vision/pets:v0 -n --delete-aliases
json ok delete team/vision/pets:v1 --dry-run
run cull ls team/vision/pets
run cull delete --entity team --project vision pets:v1 --bytes
run cull delete team/vision/pets:v1
json refused delete team/vision/pets:v0
json ok delete team/vision/pets:v0 --delete-aliases
json notfound delete team/vision/pets:v0
run cull delete team/vision/none:v0
run cull delete team/vision/pets:v0 --tag x
run cull delete
run cull --entity team delete
run cull ls team/vision/pets
