# Rule 32: a restore brings back links, and those of their aliases that are free and not protected.
a_store
cull link team/vision/pets:v0 team/models/pets --alias good --alias kept >/dev/null
run cull delete team/vision/pets:v0
run cull ls team/models/pets
cull link team/vision/pets:v1 team/models/pets >/dev/null
cull protect add team/models kept
run cull restore team/vision/pets:v0
run cull ls team/models/pets
