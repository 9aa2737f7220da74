# A soft-delete can be taken back until it is purged: files, and aliases that are still free.
a_store
cull alias set team/vision/pets:v1 best
run cull delete team/vision/pets:v1 --delete-aliases
run cull trash
json ok trash team/vision
run cull trash team/vision/pets:v1
cull alias set team/vision/pets:v0 latest
run cull restore team/vision/pets:v1
run cull ls team/vision/pets
run cull get team/vision/pets:v1 out
run diff -r src out
run cull restore team/vision/pets:v1
run cull restore team/vision/pets:v5
run cull restore team/vision/pets
# with its collection
cull delete --collection team/vision/pets >/dev/null
run cull restore team/vision/pets:v0
run cull ls --all
run cull delete --collection team/vision/pets
cull put team/vision/pets out >/dev/null
run cull trash
cull delete team/vision/pets:v0 --delete-aliases >/dev/null
run cull trash
json ok restore team/vision/pets:v0
run cull ls team/vision/pets
# all or none
cull delete --collection team/vision/pets >/dev/null
run cull restore team/vision/pets:v0 team/vision/pets:v9
run cull gc --allow-empty-store
run cull restore team/vision/pets:v0
run cull trash
