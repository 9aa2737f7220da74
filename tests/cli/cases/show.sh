# One version, whole.
a_store
run cull show team/vision/pets
run cull show team/vision/pets:v0 --files
json ok show team/vision/pets:latest --files
cull delete team/vision/pets:v0 >/dev/null
run cull show team/vision/pets:v0
json ok show team/vision/pets:v0
run cull show team/vision/pets:v2
run cull show team/vision/pet
json notfound show team/vision/pets:v2
cull gc >/dev/null
run cull show team/vision/pets:v0
