# Collections, projects and entities as a whole: aliases do not block, names become free.
a_store
cull put team/vision/trucks src >/dev/null
cull put team/audio/birds src >/dev/null
cull put other/audio/birds src >/dev/null
run cull delete --collection team/vision/pets --dry-run
run cull delete --collection team/vision/pets --bytes
run cull ls
run cull trash
run cull delete --collection team/vision/pets
run cull delete --collection team/vision/pets:v0
# the name is free: a new collection starts at v0
bytes 77 src/dog
run cull put team/vision/pets src
run cull get team/vision/pets:v0 out
run cull delete --project team/vision
run cull ls
json ok delete --entity team
run cull delete --entity team
run cull delete --project audio --entity other
run cull ls
run cull ls --all
run cull delete --project nobody/nothing
run cull delete --project vision
# collections without versions
mkdir none
cull put team/vision/full src >/dev/null
cull put team/vision/empty none >/dev/null
cull delete team/vision/empty:v0 --delete-aliases >/dev/null
run cull delete --empty --dry-run
run cull delete --empty --tag x
run cull delete --empty --collection team/vision/full
run cull delete --empty --project team/vision
run cull delete --empty
run cull ls
