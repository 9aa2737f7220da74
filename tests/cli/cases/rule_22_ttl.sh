# Rules 20 to 26: how long versions live, their own way or their entity's; who says so.
a_store
run cull ttl set team/vision/pets:v0 team/vision/pets:v1 30d
run cull show team/vision/pets:v0
run cull ttl inherit team/vision/pets:v0
run cull ttl default team
run cull ttl default team 14d
run cull ttl default team
json ok ttl default team
run cull show team/vision/pets:v0
run cull ttl off team/vision/pets:v0
run cull show team/vision/pets:v0
run cull ttl set team/vision/pets:v0 0
run cull ttl set team/vision/pets:v0 often
run cull ttl set team/vision/pets:v0
run cull ttl set team/vision/pets 3d
run cull ttl set team/vision/pets:v7 3d
run cull ttl never team/vision/pets:v0
cull put team/vision/code src --type job >/dev/null
run cull ttl set team/vision/code:v0 3d
cull link team/vision/pets:v1 team/models/pets >/dev/null
run cull show team/vision/pets:v1
run cull ttl set team/vision/pets:v1 3d
run cull ttl inherit team/vision/pets:v1
run cull ttl set team/models/pets:v0 3d
run cull unlink team/models/pets:v0
run cull show team/vision/pets:v1
cull role grant ann member team
run cull --as ann ttl default team 1s
run cull --as ann ttl set team/vision/pets:v0 3d
run cull ttl by team administrators
run cull ttl by team boss
run cull ttl default team
run cull --as ann ttl set team/vision/pets:v0 3d
run cull --as ann put team/vision/pets src --ttl 3d --alias a
run cull ttl by team members
run cull ttl default team off
run cull ttl set team/vision/pets:v1 1s
run cull ttl default nobody
sleep 1.1 # and no shorter: it expires at that instant
run cull gc
run cull ls team/vision/pets --all
run cull fsck
