# Rules 12, 15 and 28: what a protected alias keeps goes by no path, until it is taken away.
a_store
rm src/dog
cull put team/vision/pets src --run train >/dev/null
cull link team/vision/pets:v2 team/models/pets --alias production >/dev/null
cull link team/vision/pets:v1 team/models/pets >/dev/null
cull role grant ann member team
cull role grant bob member team/models
cull role grant cyd administrator team/models
run cull --as ann protect add team/models production
run cull --as cyd protect add team/models production
run cull protect ls
json ok protect ls team/models
run cull show team/vision/pets:v2
run cull delete team/vision/pets:v2 --delete-aliases
run cull delete team/vision/pets:v1 team/vision/pets:v2 --delete-aliases
run cull delete --name 'p*' --delete-aliases
run cull delete --collection team/vision/pets
run cull delete --project team/vision
run cull delete --entity team
run cull run delete team/vision/train --delete-artifacts
run cull --as bob alias set team/models/pets:v1 production
run cull --as bob alias rm team/models/pets production
run cull --as bob unlink team/models/pets:production
run cull --as bob delete --collection team/models/pets
run cull --as bob delete --project team/models
run cull --as bob alias set team/models/pets:v1 tried
run cull --as ann link team/vision/pets:v0 team/models/pets --alias production
run cull run delete team/vision/train --delete-artifacts --dry-run --skip-protected
run cull delete --collection team/vision/pets --skip-protected
json partial delete --project team/vision --skip-protected
run cull ls team/vision/pets
run cull ls team/models/pets
run cull --as cyd alias rm team/models/pets production
run cull delete team/vision/pets:v2
run cull restore team/vision/pets:v2
run cull ls team/models/pets
run cull delete --collection team/vision/pets
run cull trash
run cull fsck
