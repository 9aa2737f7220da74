# Rules 13, 14 and 32: larger things go as a whole, with their uploads; names are free; all comes back.
a_store
cull put team/vision/pets src --run train --alias best --type dataset >/dev/null
bytes 10 src/owl
cull put team/vision/pets src --run train --alias best >/dev/null
run cull run delete team/vision/train --delete-artifacts --dry-run
run cull run delete team/vision/train --delete-artifacts
run cull restore team/vision/pets:v2
cull link team/vision/pets:v2 team/models/pets >/dev/null
run cull delete --entity team --dry-run
run cull delete --entity team
run cull ls
run cull delete --entity team
run cull put team/vision/pets src
run cull restore team/vision/pets:v2 --as pets-again
run cull ls
run cull delete --project team/vision
run cull delete --project team/vision
run cull fsck
