# Tags stand on versions, as many as one likes, and do not block a delete.
a_store
run cull tag add team/vision/pets:v0 red green
run cull tag add team/vision/pets red
run cull tag add team/vision/pets red
run cull tag ls team/vision/pets
run cull tag ls team/vision/pets:v0
json ok tag ls team/vision/pets
run cull tag rm team/vision/pets:v0 green
run cull tag rm team/vision/pets:v0 green
run cull tag add team/vision/pets:v0 a/b
run cull tag ls team/vision/pets:v9
run cull delete --tag red --delete-aliases --dry-run
