# Aliases are unique in their collection, move, and are not vN.
a_store
run cull alias set team/vision/pets:v0 best good
run cull alias ls team/vision/pets
run cull alias set team/vision/pets best
run cull alias ls team/vision/pets
json ok alias ls team/vision/pets
run cull show team/vision/pets:best
run cull alias rm team/vision/pets good latest
run cull alias rm team/vision/pets good
run cull show team/vision/pets
run cull alias set team/vision/pets:v0 v3
run cull alias set team/vision/pets:v0 a:b
run cull alias set team/vision/pets:v0 ''
run cull alias set team/vision/pets:v5 x
run cull alias ls team/vision/cats
run cull alias rm team/vision/pets:v0 best
cull delete team/vision/pets:v0 >/dev/null
run cull alias set team/vision/pets:v0 x
