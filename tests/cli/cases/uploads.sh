# Uploads of clients that went away: listed, ended by name, or by their lease.
a_store
open_upload store team/vision/pets
run cull ls --uploads
json ok ls --uploads
id=$(cull ls --uploads | sed -n 's/^\(upload:[0-9]*\).*/\1/p')
run cull du
run cull delete --empty
run cull delete "$id" --dry-run
run cull delete "$id"
run cull delete "$id"
run cull delete upload:99999
run cull delete upload:x
run cull ls --uploads
open_upload store team/vision/fresh
run cull delete --empty
run cull ls
run cull delete --collection team/vision/fresh
run cull ls --uploads
run cull gc
run cull fsck
open_upload store team/vision/pets 1
sleep 2
run cull put team/vision/pets src --tag again
run cull ls --uploads
