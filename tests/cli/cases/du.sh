# Tracked, stored, trash, reclaimable and exclusive bytes, by scope.
a_store
cull put team/audio/copies src >/dev/null
run cull du
run cull du team
run cull du team/vision
run cull du team/vision/pets
run cull du team/vision/pets:v0
json ok du team/vision/pets
json ok du
cull delete team/vision/pets:v1 --delete-aliases >/dev/null
cull delete --collection team/audio/copies >/dev/null
run cull du
run cull du team/vision/pets
cull gc >/dev/null
run cull du
run cull du team/nothing
run cull du nobody
